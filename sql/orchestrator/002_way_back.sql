-- The way back of a run (X-SAGA-01, 02): compensated is an end of its own; what failed for certain may be decided anew; the money's
-- order is the pharmacy's, decided with the route.

ALTER TABLE orchestration_runs
	ADD COLUMN generation integer NOT NULL DEFAULT 1 CHECK (generation >= 1),	-- grows by a new decision after a certain failure (rule M2)
	ADD COLUMN money_order text NOT NULL DEFAULT 'authorise_first' CHECK (money_order IN ('authorise_first', 'hold_first')),
	DROP CONSTRAINT orchestration_runs_status_check,
	ADD CONSTRAINT orchestration_runs_status_check
	    CHECK (status IN ('running', 'completed', 'failed', 'manual', 'denied', 'compensated')),
	DROP CONSTRAINT orchestration_runs_task,
	ADD CONSTRAINT orchestration_runs_task UNIQUE (tenant_id, task_id, generation);
DROP INDEX orchestration_runs_case;
CREATE UNIQUE INDEX orchestration_runs_case ON orchestration_runs (tenant_id, submission_id) WHERE status NOT IN ('failed', 'compensated');
-- completed>running: what was achieved is gone, the run is on its way back.
SELECT legal_edges('orchestration_runs', 'status', 'running>completed running>failed running>manual running>compensated completed>running
	manual>running manual>completed manual>failed manual>compensated');

-- A refunded card may be charged by a new decision.
SELECT legal_edges('payment_holds', 'status', 'active>released active>charged charged>active');
