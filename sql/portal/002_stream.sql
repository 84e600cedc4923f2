-- The console's stream: a position is given to a line after it was committed, so that whoever reads on from one misses nothing (rule O2).

-- n is the order of arrival: of one object the next event is delivered when the one before is committed.
ALTER TABLE timeline_entries ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY, ADD COLUMN position bigint;
CREATE INDEX timeline_entries_unsettled ON timeline_entries (n) WHERE position IS NULL;
CREATE UNIQUE INDEX timeline_entries_position ON timeline_entries (position);
CREATE SEQUENCE timeline_position;
DO $$ BEGIN
	EXECUTE format('GRANT USAGE ON SEQUENCE timeline_position TO %I', app_role());
END $$;
