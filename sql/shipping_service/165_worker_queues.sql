-- The queues of prescriptions' parcels, as the other worker queues are shown.
CREATE VIEW shipping_jobs WITH (security_invoker = true) AS
	SELECT id, id::text AS job_id, kind, coalesce(args ->> 'id', args ->> 'effectId') AS subject_id,
	    CASE state WHEN 'ready' THEN 'pending' WHEN 'running' THEN 'processing' WHEN 'done' THEN 'completed' ELSE 'failed' END AS status,
	    greatest(attempt - 1, 0) AS retry_count, max_attempts AS max_retries, last_error AS error_message,
	    CASE WHEN state = 'running' THEN lease_until END AS locked_until, lease_by AS locked_by, run_at AS next_check_at, created_at,
	    finished_at AS completed_at
	FROM job WHERE queue = 'shipping_jobs';
SELECT grant_table('shipping_jobs', 'SELECT');
CREATE VIEW tracking_jobs WITH (security_invoker = true) AS
	SELECT id, id::text AS job_id, kind, coalesce(args ->> 'id', args ->> 'effectId') AS subject_id,
	    CASE state WHEN 'ready' THEN 'pending' WHEN 'running' THEN 'processing' WHEN 'done' THEN 'completed' ELSE 'failed' END AS status,
	    greatest(attempt - 1, 0) AS retry_count, max_attempts AS max_retries, last_error AS error_message,
	    CASE WHEN state = 'running' THEN lease_until END AS locked_until, lease_by AS locked_by, run_at AS next_check_at, created_at,
	    finished_at AS completed_at
	FROM job WHERE queue = 'tracking_jobs';
SELECT grant_table('tracking_jobs', 'SELECT');
