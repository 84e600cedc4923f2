-- Topics as rows: what is published, in which shape, how long it is kept; and the one way in which a kept message may go.

-- A row per version of a topic. `migrate` writes them from the services' tables and the platform's list (fcgi/data/topic.c).
CREATE TABLE topic (
	name text NOT NULL,
	version integer NOT NULL CHECK (version > 0),
	partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 1024),
	retention interval NOT NULL CHECK (retention > '0'),
	retention_floor interval NOT NULL DEFAULT '0',
	published boolean NOT NULL,		-- by this service; others are rows because their values are agreed
	schema jsonb,				-- JSON Schema of the payload; comes with the producer
	digest bytea,				-- of the schema without its words: the same version is the same shape
	says text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (name, version),
	CHECK (retention >= retention_floor),
	CHECK (NOT published OR schema IS NOT NULL)
);
SELECT grant_table('topic', 'SELECT');

ALTER TABLE outbox ADD COLUMN version integer NOT NULL DEFAULT 1;	-- of the topic's payload

-- NULL for a topic without a row: such messages stay.
CREATE FUNCTION topic_retention(name text) RETURNS interval LANGUAGE sql STABLE AS
$$ SELECT max(t.retention) FROM topic t WHERE t.name = topic_retention.name $$;

-- A message may go when every subscriber has it and its topic's retention is over; nobody can take away more, and nobody can change one.
CREATE FUNCTION outbox_may_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF (OLD.occurred_at < now() - topic_retention(OLD.topic)) IS NOT TRUE
	    OR EXISTS (SELECT FROM outbox_delivery d WHERE d.outbox_id = OLD.id AND d.state <> 'sent') THEN
		RAISE EXCEPTION 'DELETE on outbox is refused: the message is still kept' USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN OLD;
END $$;
DROP TRIGGER append_only ON outbox;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON outbox FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER may_go BEFORE DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION outbox_may_go();
SELECT grant_table('outbox', 'SELECT, INSERT, DELETE');
ALTER TABLE outbox_delivery DROP CONSTRAINT outbox_delivery_outbox_id_fkey,
	ADD FOREIGN KEY (outbox_id) REFERENCES outbox (id) ON DELETE CASCADE;

-- When it happened: a projection that is rebuilt forgets what it took from a moment on.
ALTER TABLE inbox ADD COLUMN occurred_at timestamptz;
CREATE INDEX inbox_occurred ON inbox (source, occurred_at);
