-- What every migration stands on: the tenant of the transaction, grants by role name, row level security, append-only tables, legal edges.
--
-- Migrations run as the database's owner, telerx_<service>_owner. The other two roles of the database carry the same stem, so SQL files
-- name no service and the same files serve scratch databases: telerx_<service> (the processes), telerx_<service>_reader (reads of PHI).

CREATE TABLE IF NOT EXISTS schema_migrations (
	name text PRIMARY KEY,			-- common/001_helpers.sql
	digest bytea NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION app_role() RETURNS text LANGUAGE sql STABLE AS
$$ SELECT regexp_replace(current_user, '_owner$', '') $$;

CREATE FUNCTION reader_role() RETURNS text LANGUAGE sql STABLE AS
$$ SELECT app_role() || '_reader' $$;

-- After a transaction the setting is '' and not NULL; both must mean "no tenant", which no row has.
CREATE FUNCTION app_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$;

-- Gives the processes the named verbs on a table and its identity columns, and the reader SELECT. Nothing is granted by default.
CREATE FUNCTION grant_table(name text, verbs text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('REVOKE ALL ON TABLE %I FROM PUBLIC, %I, %I', name, app_role(), reader_role());
	EXECUTE format('GRANT %s ON TABLE %I TO %I', verbs, name, app_role());
	EXECUTE format('GRANT SELECT ON TABLE %I TO %I', name, reader_role());
END $$;

-- Closes the migration of a business table: its rows belong to tenants, and only the transaction's own tenant sees or writes them.
CREATE FUNCTION protect_table(name text) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
	closed boolean := EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(name)) AND tgname = 'append_only');
BEGIN
	EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
	EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
	EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', name);
	EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = app_tenant()) WITH CHECK (tenant_id = app_tenant())', name);
	PERFORM grant_table(name, CASE WHEN closed THEN 'SELECT, INSERT' ELSE 'SELECT, INSERT, UPDATE, DELETE' END);
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% on % is refused: the table is append only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

-- The rows of this table are written once. The trigger holds for the owner too.
CREATE FUNCTION append_only(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT'
	    ' EXECUTE FUNCTION refuse_change()', name);
	PERFORM grant_table(name, 'SELECT, INSERT');
END $$;

CREATE FUNCTION refuse_edge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'illegal edge in %.%: % > %', TG_TABLE_NAME, TG_ARGV[0], to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0]
	    USING ERRCODE = 'check_violation';
END $$;

-- legal_edges('job', 'state', 'ready>running running>done ...'): a row may move along these edges only. The list becomes the trigger's WHEN
-- condition, so a legal move pays a comparison and no function call.
CREATE FUNCTION legal_edges(name text, col text, edges text) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
	allowed text := (SELECT string_agg(quote_literal(e), ', ') FROM regexp_split_to_table(trim(edges), '\s+') e);
BEGIN
	EXECUTE format('DROP TRIGGER IF EXISTS legal_edges_%s ON %I', col, name);
	EXECUTE format('CREATE TRIGGER legal_edges_%s BEFORE UPDATE OF %I ON %I FOR EACH ROW'
	    ' WHEN (OLD.%I IS DISTINCT FROM NEW.%I AND OLD.%I || ''>'' || NEW.%I NOT IN (%s)) EXECUTE FUNCTION refuse_edge(%L)',
	    col, col, name, col, col, col, col, allowed, col);
END $$;

-- The id of the n-th message about an aggregate: the same whoever computes it (rule O1). A UUIDv8 over SHA-256.
CREATE FUNCTION message_id(topic text, aggregate uuid, seq bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
	SELECT encode(set_byte(set_byte(h, 6, (get_byte(h, 6) & 15) | 128), 8, (get_byte(h, 8) & 63) | 128), 'hex')::uuid
	FROM (SELECT substr(sha256(convert_to(topic || '/' || aggregate || '/' || seq, 'UTF8')), 1, 16) AS h) x
$$;

SELECT grant_table('schema_migrations', 'SELECT');
