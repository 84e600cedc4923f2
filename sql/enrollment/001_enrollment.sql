-- Invitations of patients whose prescription came from outside, what they answer, and what they sign.

-- A prescription as its owner last told about it, and a sealed copy of what an invitation needs of it (id: the prescription's).
CREATE TABLE candidates (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	status		text NOT NULL,
	details_enc	bytea,
	told_at		timestamptz NOT NULL,			-- when that was so, by the owner's clock
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now()
);
SELECT protect_table('candidates');

CREATE TABLE enrollments (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	prescription_id	uuid NOT NULL REFERENCES candidates (id),
	patient_id	uuid NOT NULL,
	status		text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'expired', 'completed', 'cancelled')),
	insurance_verified boolean,
	initiated_by	text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	completed_at	timestamptz,
	CONSTRAINT enrollments_once UNIQUE (tenant_id, prescription_id),
	CHECK ((status = 'completed') = (completed_at IS NOT NULL))
);
SELECT protect_table('enrollments');
SELECT legal_edges('enrollments', 'status', 'pending>expired expired>pending pending>completed pending>cancelled expired>cancelled');

-- The token is HMAC(salt) under a key that no table holds; here is its hash alone. A newer link of an enrolment revokes the older.
CREATE TABLE magic_links (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	enrollment_id	uuid NOT NULL REFERENCES enrollments (id),
	salt		bytea NOT NULL CHECK (octet_length(salt) = 32),
	token_hash	bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
	wrong_dates	integer NOT NULL DEFAULT 0,		-- birth dates that were not the patient's
	confirmed_at	timestamptz,				-- the right one was given
	created_at	timestamptz NOT NULL DEFAULT now(),
	expires_at	timestamptz NOT NULL,
	reminded_at	timestamptz,
	used_at		timestamptz,
	revoked_at	timestamptz,
	ended_at	timestamptz				-- the monitor saw that it ran out
);
CREATE UNIQUE INDEX magic_links_live ON magic_links (enrollment_id) WHERE used_at IS NULL AND revoked_at IS NULL AND ended_at IS NULL;
CREATE INDEX magic_links_expiry ON magic_links (expires_at) WHERE used_at IS NULL AND revoked_at IS NULL AND ended_at IS NULL;
SELECT protect_table('magic_links');

CREATE TABLE insurance_profiles (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	enrollment_id	uuid NOT NULL UNIQUE REFERENCES enrollments (id),
	patient_id	uuid NOT NULL,
	profile_enc	bytea NOT NULL,				-- carrier, member id, group, BIN, PCN
	plan_type	text NOT NULL CHECK (plan_type IN ('commercial', 'government')),
	plan_basis	text NOT NULL CHECK (plan_basis IN ('payer', 'pcn', 'stated', 'default')),	-- what said so
	card_front	uuid REFERENCES file_assets (id),
	card_back	uuid REFERENCES file_assets (id),
	verified	boolean NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON insurance_profiles (patient_id, created_at DESC);
SELECT protect_table('insurance_profiles');

-- What was signed: which text by its hash, the drawn signature, who and when; record_hash binds them together.
CREATE TABLE hipaa_consents (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	enrollment_id	uuid NOT NULL UNIQUE REFERENCES enrollments (id),
	patient_id	uuid NOT NULL,
	text_version	text NOT NULL,
	text_sha256	bytea NOT NULL CHECK (octet_length(text_sha256) = 32),
	signature_enc	bytea NOT NULL,				-- the PNG as drawn
	signer_enc	bytea NOT NULL,				-- the name, and the time and address that the client claimed
	from_address	text NOT NULL,				-- of the connection
	signed_at	timestamptz NOT NULL,
	record_hash	bytea NOT NULL CHECK (octet_length(record_hash) = 32)
);
SELECT append_only('hipaa_consents');
SELECT protect_table('hipaa_consents');

-- The monitor's queue, in the members of other systems' job tables.
CREATE VIEW enrollment_jobs WITH (security_invoker = true) AS
	SELECT id, id::text AS job_id, kind, (args ->> 'prescriptionId')::uuid AS prescription_id, (args ->> 'enrollmentId')::uuid AS enrollment_id,
	    CASE state WHEN 'ready' THEN 'pending' WHEN 'running' THEN 'processing' WHEN 'done' THEN 'completed' ELSE 'failed' END AS status,
	    greatest(attempt - 1, 0) AS retry_count, max_attempts AS max_retries, last_error AS error_message, lease_by AS locked_by, run_at AS next_check_at,
	    created_at, finished_at AS completed_at
	FROM job WHERE queue = 'enrollment_jobs';
SELECT grant_table('enrollment_jobs', 'SELECT');
