-- Makes one service's roles and database, again and again with the same result. Run by psql as a superuser on the cluster:
--
--	psql -v service=registry -v database=physician_registry -v app_password=... -v owner_password=... [-v inspect_password=...] \
--	    [-v sealer_password=... -v verifier_password=...] -f provision.sql
--
-- Roles per service: telerx_<service>_owner migrates and never serves; telerx_<service> is what the processes are;
-- telerx_<service>_reader is what a process becomes for a read of PHI; telerx_<service>_sealer and telerx_<service>_verifier are what seals
-- the audit trail and what checks it. None is a superuser or passes row level security. Those who log in to seal and to verify are
-- telerx_sealer and telerx_verifier, members of every service's; they exist when their passwords were given once.
-- telerx_inspect reads everything everywhere, for proofs; it exists when inspect_password was given once.
\set ON_ERROR_STOP on
\if :{?inspect_password}
\else
	\set inspect_password ''
\endif
\if :{?sealer_password}
\else
	\set sealer_password ''
\endif
\if :{?verifier_password}
\else
	\set verifier_password ''
\endif
SET client_min_messages = warning;
SET password_encryption = 'scram-sha-256';

-- psql variables do not reach into DO blocks: they travel as settings of this session.
SELECT set_config('provision.stem', 'telerx_' || :'service', false), set_config('provision.app', :'app_password', false),
	set_config('provision.owner', :'owner_password', false), set_config('provision.inspect', :'inspect_password', false),
	set_config('provision.sealer', :'sealer_password', false), set_config('provision.verifier', :'verifier_password', false) \g /dev/null

-- Two services may be provisioned at once, and roles are rows of the whole cluster.
SELECT pg_advisory_lock(hashtext('telerx provision')) \g /dev/null
DO $$
DECLARE
	stem text := current_setting('provision.stem');
	role text;
	part text;
BEGIN
	FOREACH role IN ARRAY ARRAY[stem || '_owner', stem, stem || '_reader', stem || '_sealer', stem || '_verifier'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
			EXECUTE format('CREATE ROLE %I', role);
		END IF;
		EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT', role);
	END LOOP;
	EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', stem || '_owner', current_setting('provision.owner'));
	EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', stem, current_setting('provision.app'));
	EXECUTE format('ALTER ROLE %I NOLOGIN', stem || '_reader');
	EXECUTE format('GRANT %I TO %I', stem || '_reader', stem);
	FOREACH part IN ARRAY ARRAY['sealer', 'verifier'] LOOP
		role := 'telerx_' || part;
		CONTINUE WHEN current_setting('provision.' || part) = '';
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
			EXECUTE format('CREATE ROLE %I', role);
		END IF;
		EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT LOGIN PASSWORD %L', role,
		    current_setting('provision.' || part));
		EXECUTE format('GRANT %I TO %I', stem || '_' || part, role);
	END LOOP;
	IF current_setting('provision.inspect') <> '' THEN
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'telerx_inspect') THEN
			CREATE ROLE telerx_inspect;
		END IF;
		EXECUTE format('ALTER ROLE telerx_inspect NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS INHERIT LOGIN PASSWORD %L',
		    current_setting('provision.inspect'));
		GRANT pg_read_all_data TO telerx_inspect;
	END IF;
END $$;

SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8''', :'database', 'telerx_' || :'service' || '_owner')
	WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SELECT format('ALTER DATABASE %I SET timezone TO ''UTC''', :'database') \gexec
SELECT format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', :'database') \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I, %I, %I', :'database', 'telerx_' || :'service', 'telerx_' || :'service' || '_sealer',
	'telerx_' || :'service' || '_verifier') \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO telerx_inspect', :'database')
	WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'telerx_inspect') \gexec
SELECT pg_advisory_unlock(hashtext('telerx provision')) \g /dev/null

\connect :database
SET client_min_messages = warning;
-- Nothing is anybody's by default: each migration grants what it means to.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT format('ALTER SCHEMA public OWNER TO %I', 'telerx_' || :'service' || '_owner') \gexec
SELECT format('GRANT USAGE ON SCHEMA public TO %I, %I, %I, %I', 'telerx_' || :'service', 'telerx_' || :'service' || '_reader',
	'telerx_' || :'service' || '_sealer', 'telerx_' || :'service' || '_verifier') \gexec
SELECT format('GRANT USAGE ON SCHEMA public TO telerx_inspect')
	WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'telerx_inspect') \gexec
