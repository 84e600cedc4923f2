-- What was submitted, kept as it was, and where it stands in the EHR.
CREATE TABLE patient_records (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	submission_id	uuid NOT NULL UNIQUE,
	patient_id	uuid NOT NULL,
	state		text NOT NULL,
	intake_type	text NOT NULL,
	email_index	bytea NOT NULL,
	payload_enc	bytea NOT NULL,			-- the whole form, sealed
	submitted_at	timestamptz NOT NULL
);
CREATE INDEX ON patient_records (tenant_id, patient_id);
CREATE INDEX ON patient_records (tenant_id, email_index);
CREATE INDEX ON patient_records (tenant_id, submitted_at);
SELECT append_only('patient_records');
SELECT protect_table('patient_records');

CREATE TABLE ehr_cases (
	submission_id	uuid PRIMARY KEY REFERENCES patient_records (submission_id),
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	canvas_patient_id text,
	task_id		text UNIQUE,
	status		text NOT NULL DEFAULT 'received'
			CHECK (status IN ('received', 'charted', 'review', 'approved', 'denied', 'finished', 'manual')),
	run_id		uuid,
	run_state	text,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON ehr_cases (tenant_id, canvas_patient_id);
SELECT protect_table('ehr_cases');

-- One row per resource that we create in the chart after the Patient.
CREATE TABLE ehr_entries (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	submission_id	uuid NOT NULL REFERENCES ehr_cases (submission_id),
	resource	text NOT NULL,			-- QuestionnaireResponse, Condition, Observation, Task, DocumentReference
	mark		text NOT NULL,			-- what we search for when an answer never came
	run_id		uuid,
	canvas_id	text,
	status		text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'created', 'refused', 'manual')),
	created_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT ehr_entries_once UNIQUE (submission_id, resource, mark)
);
SELECT protect_table('ehr_entries');

CREATE TABLE pharmacy_updates (
	event_id	text PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	external_id	uuid NOT NULL,
	router_submission_id uuid NOT NULL,
	status		text NOT NULL,
	tracking_number	text,
	tracking_url	text,
	received_at	timestamptz NOT NULL DEFAULT now()
);
SELECT protect_table('pharmacy_updates');

CREATE TABLE patient_shipments (
	shipment_id	uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	submission_id	uuid NOT NULL,
	status		text NOT NULL,
	carrier		text NOT NULL,
	tracking_number	text,
	updated_at	timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON patient_shipments (tenant_id, patient_id);
SELECT protect_table('patient_shipments');
