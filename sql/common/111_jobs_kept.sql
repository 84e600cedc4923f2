-- Finished jobs leave the table that is worked on (rules Q12, Q16); workers' counters and gauges, for /metrics.

-- What ended well, some time ago. Jobs that act on money or prescriptions stay here for good; the others have a retention.
CREATE TABLE job_past (
	id bigint PRIMARY KEY,
	tenant_id uuid NOT NULL,
	queue text NOT NULL,
	kind text NOT NULL,
	args jsonb NOT NULL,
	unique_key text,
	serial_key text,
	attempt integer NOT NULL,
	max_attempts integer NOT NULL,
	token bigint NOT NULL,
	errors jsonb NOT NULL,
	request_id text,
	created_at timestamptz NOT NULL,
	finished_at timestamptz NOT NULL
);
CREATE INDEX job_past_age ON job_past (finished_at);
SELECT grant_table('job_past', 'SELECT, INSERT, DELETE');

-- Counters and histograms of all workers of the service since ever: each adds what it counted at its heartbeats, so they never fall.
CREATE TABLE worker_metric (
	name text NOT NULL,
	labels text NOT NULL,
	kind smallint NOT NULL,			-- as in base/metrics.h
	value double precision NOT NULL,
	buckets double precision[] NOT NULL,
	PRIMARY KEY (name, labels)
) WITH (fillfactor = 50);
SELECT grant_table('worker_metric', 'SELECT, INSERT, UPDATE');

-- Gauges of one worker, as long as it lives.
CREATE TABLE worker_gauge (
	worker text NOT NULL REFERENCES worker (name) ON DELETE CASCADE,
	name text NOT NULL,
	labels text NOT NULL,
	value double precision NOT NULL,
	PRIMARY KEY (worker, name, labels)
) WITH (fillfactor = 50);
SELECT grant_table('worker_gauge', 'SELECT, INSERT, UPDATE, DELETE');
