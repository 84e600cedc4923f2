-- Work items as they are raised and cleared: lines of the stream, of a case's timeline where they concern one.
ALTER TABLE timeline_entries ALTER COLUMN submission_id DROP NOT NULL, ADD COLUMN attention jsonb,	-- kind, subject, code
	ADD CONSTRAINT timeline_entries_of_something CHECK (submission_id IS NOT NULL OR attention IS NOT NULL);
