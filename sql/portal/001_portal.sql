-- One line per event that concerns a case: ids and codes, never PHI.
CREATE TABLE timeline_entries (
	event_id	uuid PRIMARY KEY,
	tenant_id	uuid NOT NULL DEFAULT app_tenant(),
	submission_id	uuid NOT NULL,
	at		timestamptz NOT NULL,
	service		text NOT NULL,
	topic		text NOT NULL,
	what		text NOT NULL
);
CREATE INDEX ON timeline_entries (tenant_id, submission_id, at);
CREATE INDEX ON timeline_entries (tenant_id, at DESC);
SELECT protect_table('timeline_entries');
