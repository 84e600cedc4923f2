-- What can be bought, who proved an e-mail address, one session per intake, what was submitted, and what downstream still owes us.

CREATE TABLE intake_plans (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	id		text NOT NULL CHECK (id ~ '^[a-z0-9-]{1,60}$'),
	intake_type	text NOT NULL,
	name		text NOT NULL,
	amount_cents	bigint NOT NULL CHECK (amount_cents BETWEEN 50 AND 99999999),
	currency	text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
	position	integer NOT NULL DEFAULT 0,
	active		boolean NOT NULL DEFAULT true,
	PRIMARY KEY (tenant_id, id)
);
SELECT protect_table('intake_plans');

-- Questionnaires are data: a new intake type is a plan and a form, no new program. An answered version is never changed.
CREATE TABLE intake_forms (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	intake_type	text NOT NULL,
	version		text NOT NULL,
	title		text NOT NULL,
	platform	text NOT NULL DEFAULT 'yourera',
	steps		jsonb NOT NULL DEFAULT '[]',		-- [{linkId, text, kind, required}]
	active		boolean NOT NULL DEFAULT true,
	PRIMARY KEY (tenant_id, intake_type, version)
);
SELECT protect_table('intake_forms');

-- Six digits, as an HMAC with a salt of its own. code_enc is for the job that mails it and NULL as soon as it did.
CREATE TABLE intake_verification_codes (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	purpose		text NOT NULL DEFAULT 'intake',
	email_index	bytea NOT NULL,
	email_enc	bytea NOT NULL,
	salt		bytea NOT NULL,
	code_mac	bytea NOT NULL,
	code_enc	bytea,
	attempts	integer NOT NULL DEFAULT 0 CHECK (attempts <= 5),
	expires_at	timestamptz NOT NULL,
	sent_at		timestamptz,
	used_at		timestamptz,
	superseded_at	timestamptz,
	created_at	timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX intake_verification_codes_live ON intake_verification_codes (tenant_id, email_index, purpose)
	WHERE used_at IS NULL AND superseded_at IS NULL;
CREATE INDEX ON intake_verification_codes (expires_at);
SELECT protect_table('intake_verification_codes');

CREATE TABLE intake_sessions (
	id		uuid PRIMARY KEY,				-- the intakeId
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	token_hash	bytea NOT NULL UNIQUE,				-- SHA-256 of a 256-bit token
	state		text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'submitted', 'abandoned', 'disqualified')),
	patient_id	uuid NOT NULL,
	email_index	bytea NOT NULL,
	email_enc	bytea NOT NULL,
	-- the payment step: what was attested, and the price that is locked by it
	region		text,
	birth_date_enc	bytea,
	consents	jsonb,
	plan_id		text,
	intake_type	text,
	amount_cents	bigint,
	currency	text,
	setup_intent_id	uuid,
	price_locked_at	timestamptz,
	submission_id	uuid UNIQUE,
	submitted_at	timestamptz,
	expires_at	timestamptz NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	CHECK ((state = 'submitted') = (submission_id IS NOT NULL)),
	CHECK ((plan_id IS NULL) = (price_locked_at IS NULL))
);
CREATE INDEX ON intake_sessions (expires_at) WHERE state = 'draft';
SELECT legal_edges('intake_sessions', 'state', 'draft>submitted draft>abandoned draft>disqualified');
SELECT protect_table('intake_sessions');

-- Once a session, never changed. The payload is the form as it came out of the envelope, sealed under the patient's key.
CREATE TABLE intake_submissions (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	intake_id	uuid NOT NULL REFERENCES intake_sessions (id),
	patient_id	uuid NOT NULL,
	email_index	bytea NOT NULL,
	platform	text NOT NULL,
	intake_type	text NOT NULL,
	form_version	text NOT NULL,
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	plan_id		text NOT NULL,
	amount_cents	bigint NOT NULL,
	currency	text NOT NULL,
	setup_intent_id	uuid NOT NULL,
	payload_enc	bytea NOT NULL,
	submitted_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT intake_submissions_once UNIQUE (intake_id)
);
CREATE INDEX ON intake_submissions (patient_id, submitted_at);
CREATE INDEX ON intake_submissions (email_index);
SELECT append_only('intake_submissions');
SELECT protect_table('intake_submissions');

-- What a submission still needs in the EHR, step by step; the jobs keep it, people read it.
CREATE TABLE intake_retry_queue (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	submission_id	uuid NOT NULL REFERENCES intake_submissions (id),
	patient_id	uuid NOT NULL,
	step		text NOT NULL CHECK (step IN ('ehr_patient', 'ehr_task')),
	status		text NOT NULL CHECK (status IN ('waiting', 'queued', 'sent', 'done', 'failed')),
	attempts	integer NOT NULL DEFAULT 0,
	last_error	text,						-- a code, never a message
	reference	text,						-- the EHR's id, once done
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT intake_retry_queue_once UNIQUE (submission_id, step)
) WITH (fillfactor = 80);
CREATE INDEX ON intake_retry_queue (status, updated_at) WHERE status <> 'done';
SELECT legal_edges('intake_retry_queue', 'status', 'waiting>queued waiting>done queued>sent queued>done queued>failed sent>done
	failed>queued failed>sent failed>done');
SELECT protect_table('intake_retry_queue');
