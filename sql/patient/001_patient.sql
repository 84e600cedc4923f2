-- Who a patient is: one row each, sealed, found by who they are and never by what is stored.

-- identity_phone_index, identity_email_index: blind indexes of name, birth date and phone or e-mail. The same person by either is on file once.
CREATE TABLE patients (
	id			uuid PRIMARY KEY,
	tenant_id		uuid NOT NULL DEFAULT app_tenant(),
	record_enc		bytea NOT NULL,
	identity_phone_index	bytea,
	identity_email_index	bytea,
	created_by		text NOT NULL,
	created_at		timestamptz NOT NULL DEFAULT now(),
	updated_at		timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT patients_phone UNIQUE (tenant_id, identity_phone_index),
	CONSTRAINT patients_email UNIQUE (tenant_id, identity_email_index),
	CHECK (identity_phone_index IS NOT NULL OR identity_email_index IS NOT NULL)
);
SELECT protect_table('patients');

-- Who treats whom: they may read the patient's record.
CREATE TABLE treatments (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL REFERENCES patients (id),
	provider_id	uuid NOT NULL,
	since		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (patient_id, provider_id)
);
SELECT protect_table('treatments');
