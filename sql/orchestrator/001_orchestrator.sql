-- From a physician's decision to a prescription that is filled and paid: holds, runs, and what they leave behind.

-- A medication, one row per dosage: what it costs, what the pharmacy calls it, how long it lasts.
CREATE TABLE medication_configs (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	intake_type	text NOT NULL,				-- glp1, nad, microdose
	medication	text NOT NULL,
	dosage		text NOT NULL,
	position	integer NOT NULL DEFAULT 0,
	price_cents	bigint NOT NULL CHECK (price_cents >= 50),
	currency	text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
	sku		text NOT NULL,				-- the pharmacy's product code
	ndc		text NOT NULL CHECK (ndc ~ '^[0-9]{11}$'),
	quantity	integer NOT NULL CHECK (quantity > 0),
	supply_days	integer NOT NULL CHECK (supply_days > 0),
	refills		integer NOT NULL DEFAULT 0 CHECK (refills BETWEEN 0 AND 11),
	directions	text NOT NULL,
	active		boolean NOT NULL DEFAULT true,
	PRIMARY KEY (tenant_id, intake_type, medication, dosage)
);
SELECT protect_table('medication_configs');

-- The price and the card that the patient agreed to. The card itself is billing's; here is only its name (decision C8).
CREATE TABLE payment_holds (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	submission_id	uuid NOT NULL,
	patient_id	uuid NOT NULL,
	intake_id	uuid NOT NULL,
	setup_intent_id	uuid NOT NULL,				-- the saved payment method, by billing's id
	platform	text NOT NULL,
	intake_type	text NOT NULL,
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	plan_id		text NOT NULL,
	amount_cents	bigint NOT NULL,
	currency	text NOT NULL,
	status		text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'released', 'charged')),
	version		integer NOT NULL DEFAULT 1,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX payment_holds_active ON payment_holds (tenant_id, intake_id) WHERE status = 'active';
CREATE UNIQUE INDEX payment_holds_submission ON payment_holds (tenant_id, submission_id);
CREATE INDEX ON payment_holds (patient_id);
SELECT legal_edges('payment_holds', 'status', 'active>released active>charged');
SELECT protect_table('payment_holds');

-- Every run is kept, whatever became of it.
CREATE TABLE orchestration_runs (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	task_id		text NOT NULL,				-- the EHR's task: one decision each
	submission_id	uuid NOT NULL,
	patient_id	uuid NOT NULL,
	assignment_id	uuid NOT NULL,
	practitioner_id	uuid NOT NULL,				-- who claimed and decided: the prescriber of record (decision C21)
	decision	text NOT NULL CHECK (decision IN ('approved', 'denied')),
	medication	text,
	dosage		text,
	amount_cents	bigint,
	currency	text,
	status		text NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'manual', 'denied')),
	reason		text,					-- a code
	denial_enc	bytea,					-- the physician's words, sealed
	patient_enc	bytea,					-- what pharmacy and carrier need to know of the patient, sealed
	prescriber	jsonb,					-- npi, name, licence
	pharmacy	text,
	pharmacy_reason	text,					-- why this one: decided once
	own_shipping	boolean,
	payment_id	uuid,
	payment_status	text,
	router_id	uuid,
	rx_status	text,
	note_id		text,
	shipment_id	uuid,
	shipment_status	text,
	tracking_number	text,
	version		integer NOT NULL DEFAULT 1,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	finished_at	timestamptz,
	CONSTRAINT orchestration_runs_task UNIQUE (tenant_id, task_id),
	CHECK ((decision = 'denied') = (status = 'denied')),
	CHECK (decision = 'denied' OR (medication IS NOT NULL AND dosage IS NOT NULL))
);
-- One live decision per case: a second needs the first to have failed.
CREATE UNIQUE INDEX orchestration_runs_case ON orchestration_runs (tenant_id, submission_id) WHERE status <> 'failed';
CREATE INDEX ON orchestration_runs (submission_id, created_at);
CREATE INDEX ON orchestration_runs (status, updated_at) WHERE status IN ('running', 'manual');
SELECT legal_edges('orchestration_runs', 'status', 'running>completed running>failed running>manual manual>running manual>completed manual>failed');
SELECT protect_table('orchestration_runs');

CREATE TABLE run_history (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	run_id		uuid NOT NULL REFERENCES orchestration_runs (id),
	from_status	text,
	to_status	text NOT NULL,
	reason		text,
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON run_history (run_id, id);
SELECT append_only('run_history');
SELECT protect_table('run_history');

-- The steps as people read them; the engine keeps its own (saga_step).
CREATE TABLE run_steps (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	run_id		uuid NOT NULL REFERENCES orchestration_runs (id),
	position	integer NOT NULL,
	name		text NOT NULL,
	state		text NOT NULL,				-- running, confirmed, skipped, failed, manual, compensated
	reason		text,
	warning		text,
	result		jsonb,					-- ids, codes, amounts
	started_at	timestamptz NOT NULL DEFAULT now(),
	finished_at	timestamptz,
	PRIMARY KEY (run_id, name)
);
SELECT protect_table('run_steps');

CREATE TABLE refill_schedules (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	run_id		uuid NOT NULL REFERENCES orchestration_runs (id),
	medication	text NOT NULL,
	dosage		text NOT NULL,
	sequence	integer NOT NULL,
	next_date	date NOT NULL,
	remaining	integer NOT NULL,			-- refills left when this one falls due, itself included
	status		text NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'due', 'done', 'paused', 'cancelled')),
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT refill_schedules_once UNIQUE (tenant_id, patient_id, medication, sequence)
);
CREATE UNIQUE INDEX ON refill_schedules (run_id);
CREATE INDEX ON refill_schedules (next_date) WHERE status = 'scheduled';
SELECT protect_table('refill_schedules');

-- Who the patient is elsewhere; unique on each side.
CREATE TABLE patient_mappings (
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	system		text NOT NULL,				-- canvas, pioneerrx, stripe
	external_id	text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, patient_id, system),
	CONSTRAINT patient_mappings_external UNIQUE (tenant_id, system, external_id)
);
SELECT protect_table('patient_mappings');

-- The trail between the chart and the pharmacy: a row per attempt and per answer.
CREATE TABLE sync_logs (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	submission_id	uuid NOT NULL,
	patient_id	uuid NOT NULL,
	run_id		uuid NOT NULL,
	system		text NOT NULL,				-- the pharmacy's code, or canvas
	direction	text NOT NULL CHECK (direction IN ('out', 'in')),
	action		text NOT NULL,				-- submit, status, note
	outcome		text NOT NULL,
	external_id	text,
	detail		text,					-- a code
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON sync_logs (submission_id, id);
CREATE INDEX ON sync_logs (patient_id, id);
CREATE INDEX ON sync_logs (external_id) WHERE external_id IS NOT NULL;
SELECT append_only('sync_logs');
SELECT protect_table('sync_logs');

CREATE VIEW orchestrator_api_keys AS SELECT key_id, caller, scopes, created_at, revoked_at FROM api_key;
