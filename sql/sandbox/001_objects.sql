-- What the vendors hold, as far as they tell: one row per object of theirs, in their own shape.
-- No tenant: this database stands for other companies and knows nothing of ours.
CREATE TABLE object (
	vendor     text        NOT NULL,
	type       text        NOT NULL,
	id         text        NOT NULL,
	seq        bigint      GENERATED ALWAYS AS IDENTITY,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	subject    text,                                -- whose it is: Stripe's customer, Canvas's Patient/<id>
	refs       text[]      NOT NULL DEFAULT '{}',   -- every value by which a client may ask for it later
	data       jsonb       NOT NULL,
	PRIMARY KEY (vendor, type, id)
);
CREATE INDEX object_seq ON object (vendor, seq);
CREATE INDEX object_subject ON object (vendor, type, subject, seq) WHERE subject IS NOT NULL;
CREATE INDEX object_refs ON object USING gin (refs) WITH (fastupdate = off);

-- Stripe's stored answers by Idempotency-Key. The advisory lock of the key says that the first request still runs.
CREATE TABLE stripe_key (
	key         text        PRIMARY KEY,
	fingerprint bytea       NOT NULL,
	status      int         NOT NULL,
	body        text        NOT NULL,
	request_id  text        NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Bearer tokens that Canvas and FedEx gave out.
CREATE TABLE token (
	token      text        PRIMARY KEY,
	vendor     text        NOT NULL,
	expires_at timestamptz NOT NULL
);
CREATE INDEX token_expiry ON token (vendor, expires_at);

-- What left for somebody's eyes: e-mail, SMS, Slack.
CREATE TABLE message (
	seq       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	channel   text        NOT NULL CHECK (channel IN ('email', 'sms', 'slack')),
	recipient text        NOT NULL,
	subject   text,
	body      text        NOT NULL,
	at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX message_recipient ON message (lower(recipient), seq);

-- One row per call that will go wrong, so that concurrent calls each draw their own.
CREATE TABLE fault (
	id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	vendor text   NOT NULL,
	mode   text   NOT NULL,
	path   text           -- only for calls whose path contains this
);
CREATE INDEX fault_vendor ON fault (vendor, id);

-- Numbers that people read: the middle of a FedEx number, a pharmacy's Rx number.
CREATE SEQUENCE tracking_number START 10000001 MAXVALUE 99999999 CYCLE;
CREATE SEQUENCE rx_number START 6000001;

SELECT grant_table(name, 'SELECT, INSERT, UPDATE, DELETE') FROM unnest(ARRAY['object', 'stripe_key', 'token', 'message', 'fault']) name;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SEQUENCE tracking_number, rx_number TO %I', app_role()); END $$;
