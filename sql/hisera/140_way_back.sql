-- A case whose run failed or was taken back is open again: its task at Canvas, and the next decision.
-- attempt: which decision of the case; the orchestrator hears it in the key, so that a repeat is a repeat and a new act is a new one.
ALTER TABLE ehr_cases ADD COLUMN attempt integer NOT NULL DEFAULT 1;
