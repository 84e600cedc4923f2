-- Pharmacy orders (A-API-15 to 18): what staff or a provider asks for. The submission to the pharmacy is a row of router_submissions with the prescription's
-- id as its external id; before there is one, the order stands by itself.
CREATE TABLE orders (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	prescription_id	uuid NOT NULL,
	patient_id	uuid,						-- known once the prescription was asked for
	case_id		uuid,
	pharmacy	text,						-- asked for; NULL: by the rule of the patient's state
	status		text NOT NULL DEFAULT 'submitted' CHECK (status IN ('submitted', 'accepted', 'rejected', 'failed', 'manual', 'shipped',
			'delivered', 'cancel_pending', 'cancelled')),
	reason		text,
	tracking_number	text,
	router_submission_id uuid REFERENCES router_submissions (id),
	requested_by	text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT orders_once UNIQUE (tenant_id, prescription_id)
);
SELECT legal_edges('orders', 'status', 'submitted>accepted submitted>rejected submitted>failed submitted>manual submitted>shipped submitted>delivered
	submitted>cancelled submitted>cancel_pending accepted>shipped accepted>delivered accepted>cancelled accepted>cancel_pending shipped>delivered
	manual>accepted manual>rejected manual>shipped manual>delivered manual>cancelled manual>cancel_pending
	cancel_pending>cancelled cancel_pending>rejected cancel_pending>shipped cancel_pending>delivered
	rejected>submitted failed>submitted failed>cancelled rejected>cancelled');
SELECT protect_table('orders');

CREATE TABLE order_events (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	order_id	uuid NOT NULL REFERENCES orders (id),
	status		text NOT NULL,
	reason		text,
	at		timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON order_events (order_id, id);
SELECT append_only('order_events');
SELECT protect_table('order_events');

-- An order that its pharmacy refused may be sent again, under the same id and as a new act: the generation of the effects that send it.
ALTER TABLE router_submissions ADD COLUMN generation integer NOT NULL DEFAULT 1;
SELECT legal_edges('router_submissions', 'status', 'queued>accepted queued>rejected queued>manual queued>shipped queued>delivered
	queued>cancelled queued>cancel_pending manual>accepted manual>rejected manual>shipped manual>delivered manual>cancelled
	manual>cancel_pending accepted>shipped accepted>cancelled accepted>delivered accepted>cancel_pending
	cancel_pending>cancelled cancel_pending>rejected cancel_pending>shipped cancel_pending>delivered shipped>delivered rejected>queued');
