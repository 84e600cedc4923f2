-- Which pharmacy serves which state, what was submitted to it, and what it said.
CREATE TABLE router_pharmacy_config (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	code		text NOT NULL,				-- gmp, boothwyn
	name		text NOT NULL,
	adapter		text NOT NULL CHECK (adapter IN ('pioneerrx', 'boothwyn')),
	platform	text NOT NULL DEFAULT 'yourera',
	priority	integer NOT NULL,			-- lower is asked first
	any_state	boolean NOT NULL DEFAULT false,		-- the fallback serves every state that is not excluded
	own_shipping	boolean NOT NULL,			-- true: we label and ship from its shelf; false: it ships itself
	active		boolean NOT NULL DEFAULT true,
	hours		jsonb NOT NULL DEFAULT '{}',
	PRIMARY KEY (tenant_id, code)
);
SELECT protect_table('router_pharmacy_config');

CREATE TABLE router_pharmacy_states (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	pharmacy	text NOT NULL,
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	PRIMARY KEY (tenant_id, pharmacy, state),
	FOREIGN KEY (tenant_id, pharmacy) REFERENCES router_pharmacy_config (tenant_id, code)
);
SELECT protect_table('router_pharmacy_states');

CREATE TABLE router_submissions (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	caller		text NOT NULL,
	external_id	uuid NOT NULL,				-- the caller's id: the orchestrator's run
	submission_id	uuid NOT NULL,
	patient_id	uuid NOT NULL,
	pharmacy	text NOT NULL,
	adapter		text NOT NULL,
	status		text NOT NULL DEFAULT 'queued'
			CHECK (status IN ('queued', 'accepted', 'rejected', 'manual', 'shipped', 'delivered', 'cancelled')),
	reason		text,
	payload_enc	bytea NOT NULL,				-- patient, prescriber and medication as submitted, sealed
	callback_url	text,
	vendor_patient	text,					-- the pharmacy's own ids
	vendor_order	text,
	tracking_number	text,
	tracking_url	text,
	version		integer NOT NULL DEFAULT 1,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT router_submissions_once UNIQUE (tenant_id, caller, external_id)
);
SELECT protect_table('router_submissions');

CREATE TABLE router_submission_history (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	router_submission_id uuid NOT NULL REFERENCES router_submissions (id),
	from_status	text,
	to_status	text NOT NULL,
	reason		text,
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON router_submission_history (router_submission_id, id);
SELECT protect_table('router_submission_history');

-- Webhooks as they came, sealed; event_key makes each once (rule W1).
CREATE TABLE vendor_events (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	vendor		text NOT NULL,
	event_key	text NOT NULL,
	body_enc	bytea NOT NULL,
	outcome		text,					-- applied, late, unknown_status
	received_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT vendor_events_once UNIQUE (tenant_id, vendor, event_key)
);
SELECT protect_table('vendor_events');

CREATE VIEW router_api_keys AS SELECT key_id, caller, scopes, created_at, revoked_at FROM api_key;
