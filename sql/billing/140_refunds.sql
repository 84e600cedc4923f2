-- Money that was taken is given back by a step of its own (rule M7, X-SAGA-02); an authorisation that expired while it was being
-- captured is cancelled, not a riddle.

ALTER TABLE payments
	ADD COLUMN refunded_cents bigint NOT NULL DEFAULT 0,
	ADD COLUMN stripe_refund text,
	ADD CONSTRAINT payments_refunded CHECK (refunded_cents <= captured_cents),
	DROP CONSTRAINT payments_status_check,
	ADD CONSTRAINT payments_status_check CHECK (status IN ('pending', 'authorized', 'capturing', 'captured', 'cancelling', 'cancelled',
	    'refunding', 'refunded', 'failed', 'manual'));
CREATE INDEX payments_refunding ON payments (updated_at) WHERE status = 'refunding';
SELECT legal_edges('payments', 'status', 'pending>authorized pending>failed pending>manual authorized>capturing authorized>cancelling
	authorized>manual capturing>captured capturing>cancelled capturing>manual cancelling>cancelled cancelling>manual
	captured>refunding refunding>refunded refunding>manual
	manual>authorized manual>failed manual>captured manual>cancelled manual>refunded');
DROP INDEX payments_one_active;
CREATE UNIQUE INDEX payments_one_active ON payments (tenant_id, run_id, purpose) WHERE status NOT IN ('failed', 'cancelled', 'refunded');
