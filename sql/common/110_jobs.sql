-- Jobs are taken and ended in batches; what they leave behind is looked at, counted and moved away (rules Q3, Q12, Q16).

-- The fence of a commit: called when a job's row no longer runs under the writer's token.
CREATE FUNCTION lease_lost() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the job is held by another worker' USING ERRCODE = 'TX409';
END $$;

-- Rows without a serial key have no business in this index, nor work with it.
DROP INDEX job_serial;
CREATE UNIQUE INDEX job_serial ON job (serial_key) WHERE state = 'running' AND serial_key IS NOT NULL;
