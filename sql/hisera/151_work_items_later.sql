-- Not before the workers of this release are there: the ones of the release before know no such job, and would put it off for long.
UPDATE job SET run_at = now() + interval '30 s' WHERE kind = 'work_items.carry' AND state = 'ready';
