-- Jobs are ended and renewed by their ids. While the planner believes that nothing runs, as it does of a queue that waits, an index whose
-- condition is state = 'running' looks like the shorter way to them, and leads over the entries of all jobs that ran since the last vacuum.
-- These conditions match what is asked by lease and by entity, and nothing else.
DROP INDEX job_running;
CREATE INDEX job_running ON job (lease_until) WHERE lease_until IS NOT NULL;

-- Most jobs have no unique key, and no business in this index.
DROP INDEX job_unique;
CREATE UNIQUE INDEX job_unique ON job (kind, unique_key) WHERE state IN ('ready', 'running') AND unique_key IS NOT NULL;
