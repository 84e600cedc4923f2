-- Stripe's webhooks move into the table that every vendor's are kept in; what was received before stays known. Money that went back.

INSERT INTO webhook (id, tenant_id, vendor, event_id, type, object_id, state, outcome, digest, happened_at, received_at, handled_at)
	SELECT id, tenant_id, 'stripe', event_id, type, object_id, CASE WHEN outcome IN ('received', 'ignored', 'wrong_mode') THEN 'ignored' ELSE 'handled' END,
	    outcome, body_digest, happened_at, received_at, handled_at FROM stripe_events;
DROP TABLE stripe_events;
CREATE VIEW stripe_events WITH (security_invoker = true) AS
	SELECT id, tenant_id, event_id, type, object_id, digest AS body_digest, coalesce(outcome, 'received') AS outcome, happened_at, received_at, handled_at
	  FROM webhook WHERE vendor = 'stripe';
SELECT grant_table('stripe_events', 'SELECT');

-- A refund or a dispute is booked per object of Stripe's; a payment may have several.
ALTER TABLE ledger ADD COLUMN reference text NOT NULL DEFAULT '';
ALTER TABLE ledger DROP CONSTRAINT ledger_once, ADD CONSTRAINT ledger_once UNIQUE (tenant_id, payment_id, kind, account, reference);
ALTER TABLE ledger DROP CONSTRAINT ledger_kind_check, ADD CONSTRAINT ledger_kind_check
	CHECK (kind IN ('authorised', 'captured', 'released', 'refunded', 'disputed', 'dispute_won'));
ALTER TABLE ledger DROP CONSTRAINT ledger_account_check, ADD CONSTRAINT ledger_account_check
	CHECK (account IN ('card_authorised', 'authorisations', 'stripe_balance', 'revenue', 'refunds', 'disputes'));
