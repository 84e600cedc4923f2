-- Saved cards, payments, the ledger and what Stripe told us. Only billing talks to Stripe and only billing keeps money (decision C8).

CREATE TABLE setup_intents (
	id			uuid PRIMARY KEY,		-- derived from the caller's key, so that a repeat is the same row
	tenant_id		uuid NOT NULL DEFAULT app_tenant(),
	intake_id		uuid NOT NULL,
	patient_id		uuid NOT NULL,
	plan_id			text NOT NULL,
	amount_cents		bigint NOT NULL CHECK (amount_cents >= 50 AND amount_cents <= 99999999),
	currency		text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	stripe_customer		text NOT NULL,
	stripe_setup_intent	text NOT NULL,
	status			text NOT NULL,			-- Stripe's words
	payment_method		text,
	created_at		timestamptz NOT NULL DEFAULT now(),
	updated_at		timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT setup_intents_stripe UNIQUE (tenant_id, stripe_setup_intent)
);
CREATE INDEX ON setup_intents (intake_id);
CREATE INDEX ON setup_intents (patient_id);
SELECT protect_table('setup_intents');

CREATE TABLE payments (
	id			uuid PRIMARY KEY,
	tenant_id		uuid NOT NULL DEFAULT app_tenant(),
	setup_id		uuid NOT NULL REFERENCES setup_intents (id),
	submission_id		uuid NOT NULL,
	patient_id		uuid NOT NULL,
	run_id			uuid NOT NULL,			-- the caller's: the orchestrator's run
	purpose			text NOT NULL,
	generation		integer NOT NULL DEFAULT 1 CHECK (generation >= 1),
	amount_cents		bigint NOT NULL CHECK (amount_cents >= 50 AND amount_cents <= 99999999),
	currency		text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	authorized_cents	bigint NOT NULL DEFAULT 0,
	captured_cents		bigint NOT NULL DEFAULT 0,
	status			text NOT NULL DEFAULT 'pending' CHECK (status IN
				('pending', 'authorized', 'capturing', 'captured', 'cancelling', 'cancelled', 'failed', 'manual')),
	reason			text,				-- a code: card_declined, amount_mismatch
	stripe_payment_intent	text,
	version			integer NOT NULL DEFAULT 1,
	created_at		timestamptz NOT NULL DEFAULT now(),
	updated_at		timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT payments_once UNIQUE (tenant_id, run_id, purpose, generation),
	CONSTRAINT payments_stripe UNIQUE (tenant_id, stripe_payment_intent),
	CHECK (captured_cents <= authorized_cents AND authorized_cents <= amount_cents)
);
CREATE INDEX ON payments (submission_id);
CREATE INDEX ON payments (status, updated_at) WHERE status IN ('pending', 'capturing', 'cancelling', 'manual');
-- A new generation only after the one before it ended without money held (rule M2).
CREATE UNIQUE INDEX payments_one_active ON payments (tenant_id, run_id, purpose) WHERE status NOT IN ('failed', 'cancelled');
SELECT legal_edges('payments', 'status', 'pending>authorized pending>failed pending>manual authorized>capturing authorized>cancelling
	authorized>manual capturing>captured capturing>manual cancelling>cancelled cancelling>manual
	manual>authorized manual>failed manual>captured manual>cancelled');
SELECT protect_table('payments');

CREATE TABLE payment_history (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	payment_id	uuid NOT NULL REFERENCES payments (id),
	from_status	text,
	to_status	text NOT NULL,
	reason		text,
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON payment_history (payment_id, id);
SELECT append_only('payment_history');
SELECT protect_table('payment_history');

-- Double entry: the entries of one transaction sum to zero. Positive is a debit.
CREATE TABLE ledger (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	transaction_id	uuid NOT NULL,
	payment_id	uuid NOT NULL REFERENCES payments (id),
	kind		text NOT NULL CHECK (kind IN ('authorised', 'captured', 'released')),
	account		text NOT NULL CHECK (account IN ('card_authorised', 'authorisations', 'stripe_balance', 'revenue')),
	amount_cents	bigint NOT NULL CHECK (amount_cents <> 0),
	currency	text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	at		timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT ledger_once UNIQUE (tenant_id, payment_id, kind, account)
);
CREATE INDEX ON ledger (transaction_id);
CREATE FUNCTION ledger_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM ledger WHERE transaction_id = NEW.transaction_id GROUP BY currency HAVING sum(amount_cents) <> 0) THEN
		RAISE EXCEPTION 'ledger transaction % does not sum to zero', NEW.transaction_id USING ERRCODE = 'check_violation';
	END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON ledger DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION ledger_balances();
SELECT append_only('ledger');
SELECT protect_table('ledger');

-- Stripe's webhooks: a hint that an object changed. What it is now is fetched, so the event's own body is not kept (rule W4).
CREATE TABLE stripe_events (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	event_id	text NOT NULL,
	type		text NOT NULL,
	object_id	text,
	livemode	boolean NOT NULL,
	body_digest	bytea NOT NULL,
	outcome		text NOT NULL DEFAULT 'received' CHECK (outcome IN
			('received', 'applied', 'late', 'ignored', 'wrong_mode', 'unknown_object', 'mismatch', 'conflict')),
	happened_at	timestamptz,			-- by Stripe's clock
	received_at	timestamptz NOT NULL DEFAULT now(),
	handled_at	timestamptz,
	CONSTRAINT stripe_events_once UNIQUE (tenant_id, event_id)
);
CREATE INDEX ON stripe_events (object_id);
SELECT protect_table('stripe_events');
