-- What requests lean on: answers kept for repeats (rules P1 to P5), short-lived state, data keys (rule E1), keys of calling services.

CREATE TABLE idempotency (
	id uuid NOT NULL DEFAULT gen_random_uuid(),	-- the row id that seals the body
	tenant_id uuid NOT NULL,
	actor text NOT NULL,
	key text NOT NULL,
	fingerprint bytea NOT NULL,
	code smallint,				-- NULL while the first request runs
	content_type text,
	headers jsonb NOT NULL DEFAULT '{}',
	body_enc bytea,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
	PRIMARY KEY (actor, key)
) WITH (fillfactor = 80);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
SELECT grant_table('idempotency', 'SELECT, INSERT, UPDATE, DELETE');

CREATE UNLOGGED TABLE ttl (
	key text PRIMARY KEY,
	value text,
	hits bigint NOT NULL DEFAULT 0,
	expires_at timestamptz NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX ttl_expiry ON ttl (expires_at);
SELECT grant_table('ttl', 'SELECT, INSERT, UPDATE, DELETE');

-- One data key per patient, wrapped. The nil subject is the service's own key. Erasing wrapped erases the patient's fields.
CREATE TABLE dek (
	id bigint PRIMARY KEY,			-- random: it is part of what wraps the key, so it is known before the row
	subject uuid NOT NULL,
	tenant_id uuid NOT NULL,
	kek_version integer NOT NULL,
	wrapped bytea,
	state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'retired', 'erased')),
	seals bigint NOT NULL DEFAULT 0 CHECK (seals <= 268435456),
	created_at timestamptz NOT NULL DEFAULT now(),
	CHECK ((state = 'erased') = (wrapped IS NULL))
) WITH (fillfactor = 80);
-- A key that reached its limit of seals is retired: it still opens, and a successor seals.
CREATE UNIQUE INDEX dek_live ON dek (tenant_id, subject) WHERE state = 'live';
CREATE INDEX dek_kek ON dek (kek_version);
SELECT legal_edges('dek', 'state', 'live>retired live>erased retired>erased');
SELECT grant_table('dek', 'SELECT, INSERT, UPDATE');

CREATE TABLE api_key (
	id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),	-- the row id that seals the secret
	key_id text PRIMARY KEY,
	caller text NOT NULL,
	secret_enc bytea NOT NULL,
	scopes text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	revoked_at timestamptz
);
SELECT grant_table('api_key', 'SELECT, INSERT, UPDATE');
