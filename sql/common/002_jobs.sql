-- Jobs: work for later, leased and fenced (rules Q1 to Q16); workers' heartbeats; timer ticks.

CREATE TABLE job (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id uuid NOT NULL,
	queue text NOT NULL DEFAULT 'default',
	kind text NOT NULL,
	args jsonb NOT NULL DEFAULT '{}',		-- ids only, never PHI
	unique_key text,
	serial_key text,
	state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'done', 'dead')),
	prio smallint NOT NULL DEFAULT 0,		-- lower first
	run_at timestamptz NOT NULL DEFAULT now(),
	attempt integer NOT NULL DEFAULT 0,
	max_attempts integer NOT NULL DEFAULT 12,
	lease_until timestamptz,
	lease_by text,
	token bigint NOT NULL DEFAULT 0,		-- grows with each claim: who holds an older one writes nothing
	last_error text,
	errors jsonb NOT NULL DEFAULT '[]',
	request_id text,
	created_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz,
	CHECK ((state = 'running') = (lease_until IS NOT NULL)),
	CHECK ((state IN ('done', 'dead')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX job_ready ON job (queue, prio, run_at, id) WHERE state = 'ready';
CREATE INDEX job_running ON job (lease_until) WHERE state = 'running';
CREATE INDEX job_dead ON job (finished_at) WHERE state = 'dead';
CREATE INDEX job_done ON job (finished_at) WHERE state = 'done';
CREATE UNIQUE INDEX job_unique ON job (kind, unique_key) WHERE state IN ('ready', 'running');
CREATE UNIQUE INDEX job_serial ON job (serial_key) WHERE state = 'running';

SELECT legal_edges('job', 'state', 'ready>running running>ready running>done running>dead ready>dead dead>ready');
SELECT grant_table('job', 'SELECT, INSERT, UPDATE, DELETE');

-- One row per worker process; lease_by of a job names one. The name holds host, pid, boot and start, so a reused pid is somebody else.
CREATE TABLE worker (
	name text PRIMARY KEY,
	started_at timestamptz NOT NULL DEFAULT now(),
	seen_at timestamptz NOT NULL DEFAULT now(),
	running integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
SELECT grant_table('worker', 'SELECT, INSERT, UPDATE, DELETE');

-- A due time belongs to the worker whose INSERT wins (rule Q15).
CREATE TABLE timer_tick (
	cron_name text NOT NULL,
	due_at timestamptz NOT NULL,
	fired_by text,
	fired_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (cron_name, due_at)
);
SELECT grant_table('timer_tick', 'SELECT, INSERT, DELETE');
