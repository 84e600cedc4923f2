-- Who may log in, as what, by which code, and which of the tokens that were given out still hold.

-- failures: wrong codes in a row, over all logins; at a hundred the account is locked until an administrator has looked at it.
CREATE TABLE users (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	email_index	bytea NOT NULL,
	profile_enc	bytea NOT NULL,				-- {"email", "name"}, sealed
	role		text NOT NULL CHECK (role IN ('admin', 'ops_manager', 'ops_agent', 'provider', 'patient')),
	person_id	uuid,					-- the physician or patient that the user is
	active		boolean NOT NULL DEFAULT true,
	failures	integer NOT NULL DEFAULT 0,
	locked_at	timestamptz,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT users_email UNIQUE (tenant_id, email_index),
	CHECK (person_id IS NULL OR role IN ('provider', 'patient'))
);
SELECT protect_table('users');

-- One attempt to log in: six digits as a salted HMAC, sealed besides until they are mailed. user_id NULL: nobody has this address, which the answers do
-- not tell. account: HMAC of the address, so that limits hold for addresses that nobody has, too.
CREATE TABLE logins (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	account		bytea NOT NULL,
	user_id		uuid REFERENCES users (id),
	salt		bytea NOT NULL,
	code_mac	bytea NOT NULL,
	code_enc	bytea,
	attempts	integer NOT NULL DEFAULT 0 CHECK (attempts <= 5),
	created_at	timestamptz NOT NULL DEFAULT now(),
	sent_at		timestamptz,
	used_at		timestamptz,
	superseded_at	timestamptz,
	expires_at	timestamptz NOT NULL
);
CREATE INDEX ON logins (account) WHERE used_at IS NULL AND superseded_at IS NULL;
CREATE INDEX ON logins (expires_at);
SELECT protect_table('logins');

-- The session of a token (its jti). Revoked, or of a user who is disabled or has another role by now: the token opens nothing.
CREATE TABLE sessions (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	user_id		uuid NOT NULL REFERENCES users (id),
	login_id	uuid NOT NULL UNIQUE REFERENCES logins (id),
	role		text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	expires_at	timestamptz NOT NULL,
	revoked_at	timestamptz,
	revoked_by	text CHECK (revoked_by IN ('logout', 'other_session', 'administrator', 'disabled', 'role_changed', 'person_changed')),
	CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX ON sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX ON sessions (expires_at);
SELECT protect_table('sessions');
