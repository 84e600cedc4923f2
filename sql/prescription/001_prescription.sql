-- Prescriptions that outside prescribers send: what came, what it says, whether it is right, and where it stands.

-- ---- what the public registries say: the same for every tenant, written by the importers as the database's owner
CREATE TABLE npi (
	npi		text PRIMARY KEY CHECK (npi ~ '^[0-9]{10}$'),
	kind		text NOT NULL CHECK (kind IN ('person', 'organisation')),
	last_name	text,
	first_name	text,
	organisation	text,
	credential	text,
	state		text,
	taxonomy	text,
	active		boolean NOT NULL DEFAULT true
);
SELECT grant_table('npi', 'SELECT');

CREATE TABLE ndc (
	ndc		text PRIMARY KEY CHECK (ndc ~ '^[0-9]{11}$'),
	label		text NOT NULL,				-- as the directory writes it: 0002-7510-02
	drug_name	text NOT NULL,
	generic_name	text,
	labeler		text,
	dosage_form	text,
	route		text,
	schedule	text NOT NULL DEFAULT 'none' CHECK (schedule IN ('none', 'I', 'II', 'III', 'IV', 'V')),
	cold_chain	boolean NOT NULL DEFAULT false,
	starts_on	date,
	ends_on		date
);
SELECT grant_table('ndc', 'SELECT');

-- ---- people
CREATE TABLE patients (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	person_enc	bytea NOT NULL,				-- the message's patient
	match_index	bytea,					-- name, birth date, telephone; NULL while one of them is missing
	kin_index	bytea,					-- name, telephone
	identifier_index bytea,					-- the sender's identifier
	confirmed_at	timestamptz,				-- the first of their prescriptions that was found right
	created_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT patients_match UNIQUE (tenant_id, match_index)
);
CREATE INDEX ON patients (kin_index) WHERE confirmed_at IS NOT NULL;
CREATE INDEX ON patients (identifier_index) WHERE confirmed_at IS NOT NULL;
SELECT protect_table('patients');

CREATE TABLE prescribers (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	npi		text NOT NULL,
	last_name	text NOT NULL,
	first_name	text,
	phone		text,
	prescriptions	integer NOT NULL DEFAULT 1,
	first_seen	timestamptz NOT NULL DEFAULT now(),
	last_seen	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, npi)
);
SELECT protect_table('prescribers');

-- ---- prescriptions
CREATE TABLE prescriptions (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	source		text NOT NULL CHECK (source IN ('ncpdp', 'case')),
	patient_id	uuid NOT NULL,
	sender		text,					-- ncpdp: From, MessageID, PrescriberOrderNumber
	message_id	text,
	order_number	text,
	case_id		uuid,					-- case: whose
	provider_id	uuid,
	npi		text,
	drug_ndc	text,					-- eleven digits once known; else as it came
	schedule	text,					-- none, II .. V, once the directory was asked
	cold_chain	boolean NOT NULL DEFAULT false,
	quantity	text,
	days_supply	text,
	refills		text,
	written_date	text,
	is_signed	boolean NOT NULL DEFAULT false,
	is_test		boolean NOT NULL DEFAULT false,
	raw_enc		bytea,					-- the message, byte for byte
	content_enc	bytea,					-- what was read of it, with the corrections of the staff
	status		text NOT NULL DEFAULT 'received',
	reached		text NOT NULL DEFAULT 'received',	-- how far it came, a cancellation left out
	status_at	timestamptz NOT NULL DEFAULT now(),	-- when what made it happened
	version		integer NOT NULL DEFAULT 1,
	cancel_reason	text,
	checks		jsonb NOT NULL DEFAULT '[]',
	validation_errors jsonb NOT NULL DEFAULT '[]',
	-- what the other services told
	enrollment_id	uuid,
	pharmacy_id	text,
	pharmacy_name	text,
	adjudication_id	uuid,
	drug_cost_cents	bigint,
	insurance_paid_cents bigint,
	copay_cents	bigint,
	final_copay_cents bigint,
	patient_savings_cents bigint,
	payment_id	uuid,
	shipment_id	uuid,
	carrier		text,
	tracking_number	text,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CHECK ((source = 'ncpdp') = (message_id IS NOT NULL)),
	CHECK ((source = 'case') = (case_id IS NOT NULL))
) WITH (fillfactor = 80);
-- A message is sent once, whatever the network does with it.
CREATE UNIQUE INDEX prescriptions_message ON prescriptions (tenant_id, sender, message_id) WHERE source = 'ncpdp';
-- A case has one prescription of a drug, however often it is asked for (A-PIT-01).
CREATE UNIQUE INDEX prescriptions_case ON prescriptions (tenant_id, case_id, drug_ndc) WHERE source = 'case' AND status <> 'cancelled';
CREATE INDEX ON prescriptions (tenant_id, status, created_at DESC);
CREATE INDEX ON prescriptions (patient_id);
CREATE INDEX ON prescriptions (tenant_id, sender, order_number) WHERE order_number IS NOT NULL;
SELECT protect_table('prescriptions');

-- Each event that was heard, whether it moved the prescription or came too late to.
CREATE TABLE rx_status_history (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	prescription_id	uuid NOT NULL REFERENCES prescriptions (id),
	event		text NOT NULL,
	from_status	text,
	to_status	text NOT NULL,
	late		boolean NOT NULL DEFAULT false,
	actor		text NOT NULL,
	reason		text,
	happened_at	timestamptz NOT NULL,
	at		timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON rx_status_history (prescription_id, id);
SELECT append_only('rx_status_history');
SELECT protect_table('rx_status_history');

CREATE TABLE rx_corrections (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	prescription_id	uuid NOT NULL REFERENCES prescriptions (id),
	actor		text NOT NULL,
	members		text[] NOT NULL,			-- which, not what
	patch_enc	bytea NOT NULL,
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON rx_corrections (prescription_id, at);
SELECT protect_table('rx_corrections');

CREATE TABLE validation_jobs (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	prescription_id	uuid NOT NULL REFERENCES prescriptions (id),
	status		text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'completed', 'failed', 'dropped')),
	errors		integer,
	created_at	timestamptz NOT NULL DEFAULT now(),
	finished_at	timestamptz
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX validation_jobs_pending ON validation_jobs (prescription_id) WHERE status = 'pending';
CREATE INDEX ON validation_jobs (tenant_id, created_at) WHERE status = 'pending';
SELECT legal_edges('validation_jobs', 'status', 'pending>completed pending>failed pending>dropped');
SELECT protect_table('validation_jobs');

-- ---- messages: what came, once per sender and MessageID, with what was answered; and what is for the sender to fetch
CREATE TABLE script_messages (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	direction	text NOT NULL CHECK (direction IN ('in', 'out')),
	party		text NOT NULL,				-- the other side: From of what came, To of what goes
	message_id	text NOT NULL,
	kind		text NOT NULL,				-- NewRx, CancelRx, Status, Verify, ...
	digest		bytea NOT NULL,
	prescription_id	uuid,
	outcome		text NOT NULL,				-- in: what became of it; out: waiting, delivered, refused
	status		integer,				-- in: the HTTP answer, which a repeat gets too
	answer		text,					-- in: the answer as XML; out: the message. Identifiers and codes only
	at		timestamptz NOT NULL DEFAULT clock_timestamp(),
	CONSTRAINT script_messages_once UNIQUE (tenant_id, direction, party, message_id)
);
CREATE INDEX ON script_messages (prescription_id);
CREATE INDEX ON script_messages (tenant_id, party, id) WHERE direction = 'out';
SELECT protect_table('script_messages');

-- ---- case: who may prescribe
CREATE TABLE case_providers (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	case_id		uuid NOT NULL,
	patient_id	uuid NOT NULL,
	provider_id	uuid NOT NULL,
	assigned_at	timestamptz NOT NULL,
	PRIMARY KEY (tenant_id, case_id)
);
SELECT protect_table('case_providers');
