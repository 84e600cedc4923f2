-- What came in by POST /intake, once a case and never changed. The form is sealed under the patient's key.
CREATE TABLE intake_cases (
	case_id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	platform	text NOT NULL,
	intake_type	text NOT NULL,
	payload_enc	bytea NOT NULL,
	submitted_at	timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX intake_cases_patient ON intake_cases (patient_id, submitted_at);
SELECT append_only('intake_cases');
SELECT protect_table('intake_cases');
