-- Events out and in: outbox with one delivery per subscriber, order per aggregate (rules O1 to O4); inbox.

-- The last number given to an aggregate. Its row lock makes the numbers gapless and in commit order.
CREATE TABLE outbox_head (
	aggregate_id uuid PRIMARY KEY,
	seq bigint NOT NULL
) WITH (fillfactor = 70);
SELECT grant_table('outbox_head', 'SELECT, INSERT, UPDATE');

CREATE TABLE outbox (
	id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	topic text NOT NULL,
	aggregate_id uuid NOT NULL,
	seq bigint NOT NULL,
	payload jsonb NOT NULL,
	request_id text,
	occurred_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (aggregate_id, seq)
);
CREATE INDEX outbox_topic ON outbox (topic, occurred_at);
SELECT append_only('outbox');

CREATE TABLE outbox_delivery (
	outbox_id uuid NOT NULL REFERENCES outbox (id),
	subscriber text NOT NULL,
	aggregate_id uuid NOT NULL,
	seq bigint NOT NULL,
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead')),
	attempt integer NOT NULL DEFAULT 0,
	run_at timestamptz NOT NULL DEFAULT now(),	-- a claimed row is pushed ahead by its lease
	lease_by text,
	token bigint NOT NULL DEFAULT 0,
	last_error text,
	created_at timestamptz NOT NULL DEFAULT now(),
	sent_at timestamptz,
	PRIMARY KEY (outbox_id, subscriber)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- Due rows, and "is there an older one of this aggregate for this subscriber?"
CREATE INDEX outbox_delivery_due ON outbox_delivery (run_at) WHERE state = 'pending';
CREATE UNIQUE INDEX outbox_delivery_order ON outbox_delivery (subscriber, aggregate_id, seq) WHERE state = 'pending';
CREATE INDEX outbox_delivery_dead ON outbox_delivery (subscriber, aggregate_id, seq) WHERE state = 'dead';
SELECT legal_edges('outbox_delivery', 'state', 'pending>sent pending>dead dead>pending sent>pending');
SELECT grant_table('outbox_delivery', 'SELECT, INSERT, UPDATE, DELETE');

-- What came in once: an event of a service, a webhook of a vendor. Written in the transaction of its effect.
CREATE TABLE inbox (
	source text NOT NULL,
	message_id text NOT NULL,
	topic text,
	received_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source, message_id)
);
CREATE INDEX inbox_age ON inbox (received_at);
SELECT grant_table('inbox', 'SELECT, INSERT, DELETE');
