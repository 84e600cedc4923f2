-- Direct mode: the system gives a case to a licensed provider, where the pool lets the first one take it. Both are rows of prescription_assignments;
-- a direct one's submission_id is the case's id.
CREATE TABLE direct_cases (
	case_id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid,
	state		text CHECK (state ~ '^[A-Z]{2}$'),	-- NULL while only its voucher's news is here, like the next two
	platform	text,
	intake_type	text,
	ready_at	timestamptz,			-- its voucher is issued: a provider may have it
	ended_at	timestamptz,			-- its voucher was taken back or has expired
	created_at	timestamptz NOT NULL DEFAULT now()
);
SELECT protect_table('direct_cases');

ALTER TABLE prescription_assignments ADD COLUMN told_at timestamptz;	-- when case knew of it
CREATE INDEX prescription_assignments_waiting ON prescription_assignments (state, opened_at) WHERE mode = 'direct' AND status = 'open';
SELECT legal_edges('prescription_assignments', 'status', 'open>claimed claimed>completed open>cancelled claimed>cancelled');
