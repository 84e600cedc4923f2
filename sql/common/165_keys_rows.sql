-- Rows that change because a key does (rules E6, E7): sealed columns, whose names end in _enc and whose row id is the column id, and blind
-- indexes, whose names end in _index. Nothing registers them: the catalog knows, so no table can be forgotten.
CREATE VIEW key_column AS
	SELECT c.relname::text AS tbl, a.attname::text AS col, CASE WHEN a.attname LIKE '%\_enc' THEN 'enc' ELSE 'index' END AS kind
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
	    AND a.atttypid = 'bytea'::regtype AND (a.attname LIKE '%\_enc' OR a.attname LIKE '%\_index');
SELECT grant_table('key_column', 'SELECT');

-- A row that is written once may still be sealed anew: key_rewrite, which is the owner's, puts the same text under another key.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND current_setting('telerx.rewrites', true) = TG_TABLE_NAME AND TG_TABLE_NAME NOT LIKE 'audit%' THEN
		RETURN NULL;
	END IF;
	RAISE EXCEPTION '% on % is refused: the table is append only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

-- False: the row has changed meanwhile or is gone, and whoever did it used the newest key.
CREATE FUNCTION key_rewrite(a_tbl text, a_col text, a_row uuid, was bytea, fresh bytea) RETURNS boolean
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	n bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM key_column WHERE tbl = a_tbl AND col = a_col) THEN
		RAISE EXCEPTION '%.% depends on no key', a_tbl, a_col USING ERRCODE = 'insufficient_privilege';
	END IF;
	PERFORM set_config('telerx.rewrites', a_tbl, true);
	EXECUTE format('UPDATE %I SET %I = $3 WHERE id = $1 AND %I = $2', a_tbl, a_col, a_col) USING a_row, was, fresh;
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM set_config('telerx.rewrites', '', true);
	RETURN n > 0;
END $$;

-- Of the processes of this service: nobody is in a transaction that began before. Its keys may be older than that.
CREATE FUNCTION nobody_since(a_time timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < a_time)
$$;

-- ---- blind indexes: version(4) HMAC(32); 32 bytes alone are of version 1

CREATE FUNCTION index_version(b bytea) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN octet_length(b) = 32 THEN 1 ELSE ('x' || encode(substr(b, 1, 4), 'hex'))::bit(32)::integer END
$$;

CREATE FUNCTION index_counts() RETURNS TABLE (version integer, n bigint)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	k record;
BEGIN
	FOR k IN SELECT tbl, col FROM key_column WHERE kind = 'index' LOOP
		RETURN QUERY EXECUTE format('SELECT index_version(%I), count(*) FROM %I WHERE %I IS NOT NULL GROUP BY 1', k.col, k.tbl, k.col);
	END LOOP;
END $$;

-- Rows whose index is under another key than the newest.
CREATE FUNCTION index_rows(a_tbl text, a_col text, a_sealed text, newest integer, most bigint)
	RETURNS TABLE (id uuid, was bytea, sealed bytea) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT id, %1$I, %2$I FROM %3$I WHERE index_version(%1$I) <> $1 ORDER BY id LIMIT $2',
	    a_col, a_sealed, a_tbl) USING newest, most;
END $$;

-- ---- data keys that are given up: their rows are sealed anew, then the key is destroyed

CREATE TABLE dek_reseal (
	dek_id bigint PRIMARY KEY,
	tenant_id uuid NOT NULL,
	subject uuid NOT NULL,
	began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	moved bigint NOT NULL DEFAULT 0,
	clear_at timestamptz,			-- nothing was under it, and nobody could seal with it any more
	finished_at timestamptz			-- it is destroyed
);
CREATE INDEX dek_reseal_open ON dek_reseal (tenant_id, subject) WHERE finished_at IS NULL;
SELECT grant_table('dek_reseal', 'SELECT, INSERT, UPDATE');

-- Gives up the subject's keys, unless that is under way. How many are being given up; 0: it has none, or was erased.
CREATE FUNCTION dek_retire(a_tenant uuid, a_subject uuid) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(a_tenant || '/' || a_subject, 160));
	IF NOT EXISTS (SELECT FROM dek_reseal WHERE tenant_id = a_tenant AND subject = a_subject AND finished_at IS NULL) THEN
		UPDATE dek SET state = 'retired' WHERE tenant_id = a_tenant AND subject = a_subject AND state = 'live';
		INSERT INTO dek_reseal (dek_id, tenant_id, subject)
			SELECT id, tenant_id, subject FROM dek WHERE tenant_id = a_tenant AND subject = a_subject AND state = 'retired';
	END IF;
	RETURN (SELECT count(*) FROM dek_reseal r JOIN dek d ON d.id = r.dek_id
		WHERE r.tenant_id = a_tenant AND r.subject = a_subject AND r.finished_at IS NULL AND d.state = 'retired');
END $$;

CREATE FUNCTION dek_rows(a_tbl text, a_col text, a_dek bigint, most bigint)
	RETURNS TABLE (id uuid, blob bytea) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT id, %1$I FROM %2$I WHERE substr(%1$I, 3, 8) = int8send($1) ORDER BY id LIMIT $2', a_col, a_tbl)
	    USING a_dek, most;
END $$;

-- Destroys a key that no row names; false: one does, or it was never given up.
CREATE FUNCTION dek_destroy(a_dek bigint) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	k record;
BEGIN
	FOR k IN SELECT tbl, col FROM key_column WHERE kind = 'enc' LOOP
		IF EXISTS (SELECT FROM dek_rows(k.tbl, k.col, a_dek, 1)) THEN
			RETURN false;
		END IF;
	END LOOP;
	DELETE FROM dek WHERE id = a_dek AND state = 'retired'
		AND EXISTS (SELECT FROM dek_reseal WHERE dek_id = a_dek AND clear_at IS NOT NULL);
	RETURN FOUND;
END $$;

DO $$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY ARRAY['key_rewrite(text, text, uuid, bytea, bytea)', 'index_counts()',
	    'index_rows(text, text, text, integer, bigint)', 'dek_rows(text, text, bigint, bigint)', 'dek_destroy(bigint)'] LOOP
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', f, app_role());
	END LOOP;
END $$;
