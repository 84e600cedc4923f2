-- Keys that change (rule E6), and a patient's that are erased.

-- One row per new key-encryption or index key: who began before it may still write under the old one, so a rotation is at its end only when
-- those transactions are over and no row names an older key.
CREATE TABLE key_rotation (
	kind text NOT NULL CHECK (kind IN ('kek', 'dek', 'index')),
	version integer NOT NULL,		-- the new one
	began_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	moved bigint NOT NULL DEFAULT 0,
	finished_at timestamptz,
	PRIMARY KEY (kind, version)
);
SELECT grant_table('key_rotation', 'SELECT, INSERT, UPDATE');

-- A new data key, unless the subject has one or is erased: 'made', 'there', 'erased'. Erasing takes the same lock, so none slips in beside it.
CREATE FUNCTION dek_make(a_tenant uuid, a_subject uuid, an_id bigint, a_kek integer, a_wrapped bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(a_tenant || '/' || a_subject, 160));
	IF EXISTS (SELECT FROM dek WHERE tenant_id = a_tenant AND subject = a_subject AND state = 'erased') THEN
		RETURN 'erased';
	END IF;
	INSERT INTO dek (id, subject, tenant_id, kek_version, wrapped) VALUES (an_id, a_subject, a_tenant, a_kek, a_wrapped)
		ON CONFLICT (tenant_id, subject) WHERE state = 'live' DO NOTHING;
	RETURN CASE WHEN FOUND THEN 'made' ELSE 'there' END;
END $$;

-- No key of this subject opens anything from the commit on, and it never gets another: a row without a key stays. How many keys were erased.
CREATE FUNCTION dek_erase(a_tenant uuid, a_subject uuid, an_id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(a_tenant || '/' || a_subject, 160));
	UPDATE dek SET state = 'erased', wrapped = NULL WHERE tenant_id = a_tenant AND subject = a_subject AND state <> 'erased';
	GET DIAGNOSTICS n = ROW_COUNT;
	IF NOT EXISTS (SELECT FROM dek WHERE tenant_id = a_tenant AND subject = a_subject) THEN
		INSERT INTO dek (id, subject, tenant_id, kek_version, wrapped, state) VALUES (an_id, a_subject, a_tenant, 0, NULL, 'erased');
	END IF;
	RETURN n;
END $$;
DROP INDEX dek_kek;
CREATE INDEX dek_kek ON dek (kek_version, id) WHERE wrapped IS NOT NULL;
CREATE INDEX dek_subject ON dek (tenant_id, subject);
