-- Who has a case of a patient treats them: told by the case, whose patient may come here later or never.
ALTER TABLE treatments DROP CONSTRAINT treatments_patient_id_fkey;
ALTER TABLE treatments ADD COLUMN case_id uuid;
