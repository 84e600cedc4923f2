-- A patient's case from intake to parcel. The status follows from what is known of it and from nothing else, so that news may come in any order.
CREATE TABLE cases (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	state		text NOT NULL CHECK (state ~ '^[A-Z]{2}$'),
	platform	text NOT NULL,
	intake_type	text NOT NULL,
	status		text NOT NULL DEFAULT 'created' CHECK (status IN ('created', 'ineligible', 'eligible', 'awaiting_provider', 'provider_assigned',
			'prescribed', 'partial', 'ordered', 'fulfilled', 'completed', 'cancelled')),
	-- what is known
	eligible	boolean,
	reasons		jsonb NOT NULL DEFAULT '[]',
	rule_version	text,
	decided_at	timestamptz,
	voucher_id	uuid,
	voucher_status	text CHECK (voucher_status IN ('issued', 'redeemed', 'invalidated', 'expired')),
	voucher_at	timestamptz,
	assignment_id	uuid,
	provider_id	uuid,
	assigned_at	timestamptz,
	overdue		boolean NOT NULL DEFAULT false,		-- prescribed for longer than an order may take
	created_at	timestamptz NOT NULL DEFAULT now(),
	moved_at	timestamptz NOT NULL DEFAULT now(),	-- since when it has its status
	CHECK ((provider_id IS NULL) = (assigned_at IS NULL)),
	CHECK ((eligible IS NULL) = (decided_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX cases_status ON cases (tenant_id, status, moved_at);
CREATE INDEX cases_patient ON cases (tenant_id, patient_id);
SELECT legal_edges('cases', 'status', 'created>ineligible created>eligible ineligible>eligible eligible>ineligible eligible>awaiting_provider
	awaiting_provider>provider_assigned provider_assigned>prescribed prescribed>ordered ordered>fulfilled fulfilled>completed
	prescribed>partial ordered>partial partial>prescribed partial>ordered
	prescribed>provider_assigned partial>provider_assigned ordered>provider_assigned
	eligible>cancelled awaiting_provider>cancelled provider_assigned>cancelled cancelled>provider_assigned');
SELECT protect_table('cases');

-- Prescriptions and orders of cases. An order's news may be here before its prescription's: then it has no case yet.
CREATE TABLE case_children (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	kind		text NOT NULL CHECK (kind IN ('prescription', 'order')),
	prescription_id	uuid NOT NULL,			-- its own id, or whose order it is
	case_id		uuid REFERENCES cases (id),
	status		text NOT NULL,
	tracking_number	text,
	said_at		timestamptz NOT NULL,		-- of the newest news, and its number; what is older changes nothing
	said_seq	bigint NOT NULL,
	first_at	timestamptz NOT NULL
);
CREATE INDEX case_children_case ON case_children (case_id);
CREATE INDEX case_children_prescription ON case_children (prescription_id);
SELECT protect_table('case_children');

-- Everything that happened to a case, its moves among it.
CREATE TABLE case_events (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	case_id		uuid NOT NULL REFERENCES cases (id),
	at		timestamptz NOT NULL,
	source		text NOT NULL,			-- which service said so
	what		text NOT NULL,			-- created, eligibility, voucher, provider, prescription, order, status
	code		text,				-- the decision, the status
	from_status	text,				-- of moves
	subject		uuid				-- the check, voucher, provider, prescription, order
);
CREATE INDEX case_events_case ON case_events (case_id, at, id);
SELECT append_only('case_events');
SELECT protect_table('case_events');
