-- What vendors post to us (rules W1 to W6), each event once: written before the answer, with the job that handles it. The bytes stay, sealed, so that
-- any of it can be handled again.

CREATE TABLE webhook (
	id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL DEFAULT app_tenant(),
	vendor text NOT NULL,
	event_id text NOT NULL,			-- the vendor's, or a digest of what makes the event
	type text NOT NULL,
	object_id text,				-- what it is about; one event of an object at a time
	via text NOT NULL DEFAULT 'post' CHECK (via IN ('post', 'sweep')),
	state text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'handled', 'ignored')),
	outcome text,				-- applied, late, unknown_object, …
	body_enc bytea,
	digest bytea NOT NULL,
	replays integer NOT NULL DEFAULT 0,
	happened_at timestamptz,		-- by the vendor's clock
	received_at timestamptz NOT NULL DEFAULT now(),
	handled_at timestamptz,
	CONSTRAINT webhook_once UNIQUE (tenant_id, vendor, event_id)
) WITH (fillfactor = 80);
CREATE INDEX webhook_open ON webhook (received_at) WHERE state = 'received';
CREATE INDEX webhook_age ON webhook (received_at);
CREATE INDEX webhook_object ON webhook (vendor, object_id);
SELECT legal_edges('webhook', 'state', 'received>handled received>ignored handled>received ignored>received');
SELECT protect_table('webhook');

-- How far the sweep for what was never posted has got (rule W6).
CREATE TABLE webhook_cursor (
	tenant_id uuid NOT NULL DEFAULT app_tenant(),
	vendor text NOT NULL,
	position text NOT NULL,
	swept_at timestamptz NOT NULL DEFAULT now(),
	found bigint NOT NULL DEFAULT 0,	-- events that only the sweep brought
	PRIMARY KEY (tenant_id, vendor)
);
SELECT protect_table('webhook_cursor');
