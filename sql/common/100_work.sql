-- What the worker's engines remember about outcomes that are not known yet.

-- repeats: how often the vendor gave the very same failure in a row; looks: how often it was asked whether the act happened (rule M3).
ALTER TABLE effect ADD COLUMN repeats integer NOT NULL DEFAULT 0, ADD COLUMN looks integer NOT NULL DEFAULT 0;

-- An awaited outcome, kept from the moment it arrives: it may be there before the call that it answers has returned.
-- {"ok": boolean, "reason": code, "detail": {ids, codes, amounts}}
ALTER TABLE saga_step ADD COLUMN outcome jsonb;
