-- The audit trail (rules L1, L6, L7): one INSERT in the transaction of the act. Ids, codes and digests; never a patient's values.
-- id is a UUIDv7 of the process that wrote the row, so mac, made there over every text below it, covers who, what and when.

CREATE TABLE audit (
	id uuid PRIMARY KEY,
	xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	tenant_id uuid NOT NULL,
	actor text NOT NULL,
	on_behalf text,
	action text NOT NULL,
	object text NOT NULL,
	object_id text,
	outcome text NOT NULL DEFAULT 'success' CHECK (outcome IN ('success', 'denied', 'failure')),
	reason text,
	request_id text,
	source text,
	detail json NOT NULL DEFAULT '{}',	-- json, not jsonb: mac covers the text as written
	key_id text,
	mac bytea
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_object ON audit (object, object_id);
SELECT append_only('audit');

-- A process writes the trail and cannot read it back; verifier and inspector are other roles. A reader of PHI may add its row, nothing else.
DO $$ BEGIN
	EXECUTE format('REVOKE SELECT ON audit FROM %I, %I', app_role(), reader_role());
	EXECUTE format('GRANT INSERT ON audit TO %I', reader_role());
END $$;
