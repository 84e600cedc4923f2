-- The inbox of the staff is kept by case. What stands here is handed over by a job, item by item with its history, and stays as it was when it left.
ALTER TABLE work_item ADD COLUMN carried_at timestamptz;
ALTER TABLE work_item NO FORCE ROW LEVEL SECURITY;
INSERT INTO job (tenant_id, kind, unique_key, max_attempts)
SELECT DISTINCT tenant_id, 'work_items.carry', 'carry', 100 FROM work_item;
ALTER TABLE work_item FORCE ROW LEVEL SECURITY;
