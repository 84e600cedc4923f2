-- What we post to others (X-WH-02): who wants to hear of what, each message once with an id that never changes, and how each delivery went.
CREATE TABLE webhook_subscription (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	url		text NOT NULL,
	topics		text[] NOT NULL,
	description	text,
	secret_enc	bytea NOT NULL,			-- whsec_…; shown once, when it is made
	state		text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
	reason		text,				-- why it is disabled
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now()
);
SELECT legal_edges('webhook_subscription', 'state', 'active>disabled disabled>active');
SELECT protect_table('webhook_subscription');

CREATE TABLE webhook_message (
	id		uuid PRIMARY KEY,		-- the event's own, so that it is the same at each delivery
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	topic		text NOT NULL,
	body		text NOT NULL,			-- the bytes that are signed and sent: ids, codes, amounts
	created_at	timestamptz NOT NULL DEFAULT now()
);
SELECT protect_table('webhook_message');

CREATE TABLE webhook_delivery (
	id		uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	message_id	uuid NOT NULL REFERENCES webhook_message (id),
	subscription_id	uuid NOT NULL REFERENCES webhook_subscription (id),
	state		text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead')),
	attempts	integer NOT NULL DEFAULT 0,
	http_status	integer,
	error		text,
	began_at	timestamptz NOT NULL DEFAULT now(),	-- the three days count from here
	tried_at	timestamptz,
	sent_at		timestamptz,
	CONSTRAINT webhook_delivery_once UNIQUE (message_id, subscription_id)
);
CREATE INDEX ON webhook_delivery (subscription_id, began_at);
SELECT legal_edges('webhook_delivery', 'state', 'pending>sent pending>dead dead>pending sent>pending');
SELECT protect_table('webhook_delivery');
