-- A dispute as Stripe tells it, newest word first; once it is closed nothing opens it again (rule W4).
CREATE TABLE disputes (
	id		text NOT NULL,			-- Stripe's
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	payment_id	uuid NOT NULL REFERENCES payments (id),
	amount_cents	bigint NOT NULL CHECK (amount_cents > 0),
	currency	text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	reason		text NOT NULL,
	status		text NOT NULL,
	happened_at	timestamptz NOT NULL,		-- of the word that stands, by Stripe's clock
	updated_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ON disputes (payment_id);
SELECT protect_table('disputes');
