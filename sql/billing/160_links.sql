-- A payment that the patient makes at Stripe's own page (Checkout), behind a link that we send: the copay of a prescription. It is a payment like the others,
-- without a saved card: run_id is the prescription's id, each new link is a new generation.

-- What the payer decided, by the newest word: the amount of a link is compared with it and never taken from a caller.
CREATE TABLE copays (
	prescription_id		uuid NOT NULL,
	tenant_id		uuid NOT NULL DEFAULT app_tenant(),
	patient_id		uuid NOT NULL,
	adjudication_id		uuid NOT NULL,
	drug_cost_cents		bigint NOT NULL CHECK (drug_cost_cents >= 0),
	insurance_paid_cents	bigint NOT NULL CHECK (insurance_paid_cents >= 0),
	copay_cents		bigint NOT NULL CHECK (copay_cents >= 0),
	final_copay_cents	bigint NOT NULL CHECK (final_copay_cents >= 0),
	savings_cents		bigint NOT NULL CHECK (savings_cents >= 0),
	currency		text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
	withdrawn		text,				-- the prescription ended without us: its status
	decided_at		timestamptz NOT NULL,
	updated_at		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, prescription_id)
);
SELECT protect_table('copays');

ALTER TABLE payments
	ADD COLUMN kind text NOT NULL DEFAULT 'card' CHECK (kind IN ('card', 'link')),
	ADD COLUMN prescription_id uuid,
	ADD COLUMN adjudication_id uuid,
	ADD COLUMN stripe_session_id text,
	ADD COLUMN stripe_payment_link text,
	ADD COLUMN link_expires_at timestamptz,
	ADD COLUMN reminded_at timestamptz,
	ADD COLUMN looked_at timestamptz,		-- when Stripe was last asked about an open link
	ADD COLUMN paid_at timestamptz,
	ADD COLUMN settled text CHECK (settled IN ('completed', 'given_back')),	-- what became of money that came by a link
	ALTER COLUMN setup_id DROP NOT NULL,
	ALTER COLUMN submission_id DROP NOT NULL,
	ADD CONSTRAINT payments_session UNIQUE (tenant_id, stripe_session_id),
	ADD CONSTRAINT payments_kind CHECK (CASE kind
	    WHEN 'card' THEN setup_id IS NOT NULL AND submission_id IS NOT NULL AND prescription_id IS NULL
	    ELSE setup_id IS NULL AND prescription_id = run_id AND link_expires_at IS NOT NULL END),
	DROP CONSTRAINT payments_status_check,
	ADD CONSTRAINT payments_status_check CHECK (status IN ('pending', 'authorized', 'capturing', 'captured', 'cancelling', 'cancelled',
	    'refunding', 'refunded', 'failed', 'manual', 'paid', 'expired'));
CREATE INDEX payments_links_open ON payments (link_expires_at) WHERE kind = 'link' AND status = 'pending';
-- Money may come twice by two links of one prescription; the second goes back, and while it does the first stands.
DROP INDEX payments_one_active;
CREATE UNIQUE INDEX payments_one_active ON payments (tenant_id, run_id, purpose)
	WHERE status NOT IN ('failed', 'cancelled', 'refunded', 'expired') AND NOT (kind = 'link' AND status IN ('refunding', 'manual'));
SELECT legal_edges('payments', 'status', 'pending>authorized pending>failed pending>manual authorized>capturing authorized>cancelling
	authorized>manual capturing>captured capturing>cancelled capturing>manual cancelling>cancelled cancelling>manual
	captured>refunding refunding>refunded refunding>manual
	manual>authorized manual>failed manual>captured manual>cancelled manual>refunded
	pending>paid pending>expired pending>refunding expired>paid expired>refunding expired>manual paid>refunding paid>manual manual>paid');
