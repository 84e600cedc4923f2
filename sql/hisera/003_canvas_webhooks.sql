-- The Task as Canvas shows it, so that one closed there without a decision of ours is seen.
ALTER TABLE ehr_cases ADD COLUMN canvas_task_status text, ADD COLUMN canvas_task_seen_at timestamptz;
