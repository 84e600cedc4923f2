-- What those who seal and who verify found wrong with the trail, until a worker of the service made a work item of it: neither of them may
-- write the service's own rows.
CREATE TABLE audit_alarm (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	found_by text NOT NULL CHECK (found_by IN ('sealer', 'verifier')),
	code text NOT NULL,			-- log_replaced, does_not_verify
	says text NOT NULL			-- the first fault: numbers and ids of rows
);
DO $$
DECLARE
	part text;
BEGIN
	EXECUTE format('GRANT SELECT, DELETE ON audit_alarm TO %I', app_role());
	FOREACH part IN ARRAY ARRAY['_sealer', '_verifier'] LOOP
		EXECUTE format('GRANT INSERT (found_by, code, says) ON audit_alarm TO %I', app_role() || part);
	END LOOP;
END $$;
