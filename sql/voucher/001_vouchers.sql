-- One voucher for each eligible case: what entitles its patient to a provider and a prescription.

-- What is known here of cases; their news may come in any order.
CREATE TABLE voucher_cases (
	case_id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	patient_id	uuid NOT NULL,
	eligible	boolean,
	decided_at	timestamptz,
	prescription_id	uuid,				-- a prescription was written: the voucher is spent
	created_at	timestamptz NOT NULL DEFAULT now(),
	CHECK ((eligible IS NULL) = (decided_at IS NULL))
);
SELECT protect_table('voucher_cases');

CREATE TABLE vouchers (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	case_id		uuid NOT NULL REFERENCES voucher_cases (case_id),
	patient_id	uuid NOT NULL,
	status		text NOT NULL DEFAULT 'issued' CHECK (status IN ('issued', 'redeemed', 'invalidated', 'expired')),
	reason		text,				-- why it ended: a code
	prescription_id	uuid,
	issued_at	timestamptz NOT NULL DEFAULT now(),
	expires_at	timestamptz NOT NULL,
	ended_at	timestamptz,
	CONSTRAINT vouchers_once UNIQUE (tenant_id, case_id),
	CHECK ((status = 'issued') = (ended_at IS NULL)),
	CHECK ((status = 'redeemed') = (prescription_id IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX vouchers_expiry ON vouchers (expires_at) WHERE status = 'issued';
SELECT legal_edges('vouchers', 'status', 'issued>redeemed issued>invalidated issued>expired');
SELECT protect_table('vouchers');

CREATE TABLE voucher_events (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	voucher_id	uuid NOT NULL REFERENCES vouchers (id),
	at		timestamptz NOT NULL DEFAULT now(),
	actor		text NOT NULL,
	status		text NOT NULL,
	reason		text
);
CREATE INDEX voucher_events_voucher ON voucher_events (voucher_id, id);
SELECT append_only('voucher_events');
SELECT protect_table('voucher_events');
