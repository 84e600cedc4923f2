-- Messages of a broker that an event function refused, with what follows them of the same object: kept here while the partition flows on.

CREATE TABLE event_parked (
	source text NOT NULL,
	message_id text NOT NULL,
	topic text NOT NULL,
	aggregate_id uuid NOT NULL,
	seq bigint NOT NULL,
	body jsonb NOT NULL,			-- the whole message: ids, codes, amounts
	state text NOT NULL DEFAULT 'parked' CHECK (state IN ('parked', 'dead')),
	attempt integer NOT NULL DEFAULT 0,
	run_at timestamptz NOT NULL DEFAULT now(),
	last_error text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source, message_id)
);
CREATE INDEX event_parked_due ON event_parked (run_at) WHERE state = 'parked';
CREATE INDEX event_parked_order ON event_parked (source, aggregate_id, seq);
SELECT legal_edges('event_parked', 'state', 'parked>dead dead>parked');
SELECT grant_table('event_parked', 'SELECT, INSERT, UPDATE, DELETE');
