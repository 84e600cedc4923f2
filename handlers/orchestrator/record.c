/*
 * record.c: the steps as people read them: the nine of the documents and their side steps, under their names (decision C5). The
 * engine may need several calls for what is one step to a reader; the table says which.
 */
#include "orchestrator/orchestrator.h"

static const char begin_sql[] =
	"INSERT INTO run_steps (run_id, position, name, state) VALUES ($1, $2, $3, 'running')"
	" ON CONFLICT (run_id, name) DO NOTHING";
static const char result_sql[] =
	"UPDATE run_steps SET result = coalesce(result, '{}') || $3::jsonb WHERE run_id = $1 AND name = $2";
/* A warning of one part stays when the next part goes well. */
static const char moved_sql[] =
	"INSERT INTO run_steps (run_id, position, name, state, reason, warning, finished_at) VALUES ($1, $2, $3, $4, $5, $6, now())"
	" ON CONFLICT (run_id, name) DO UPDATE SET finished_at = now(),"
	" state = CASE WHEN run_steps.warning IS NULL THEN excluded.state ELSE run_steps.state END,"
	" reason = coalesce(excluded.reason, run_steps.reason), warning = coalesce(run_steps.warning, excluded.warning)";

static const struct record {
	const char *step;	/* the engine's */
	const char *name;	/* the reader's */
	bool last;		/* the reader's step is done when this one is */
	bool either;		/* one of two ways to the reader's step: not taken is no news */
} records[] = {
	{ "medication_config", "medication_config", true },
	{ "patient_lookup", "patient_lookup", true },
	{ "verify_claim", "resolve_prescriber", false },
	{ "verify_licence", "resolve_prescriber", false },
	{ "resolve_prescriber", "resolve_prescriber", true },
	{ "route_pharmacy", "route_pharmacy", true },
	{ "authorise", "authorise", true, .either = true },
	{ "submit_rx", "submit_rx", true },
	{ "hp_note", "hp_note", true },
	{ "authorise_held", "authorise", true, .either = true },
	{ "charge", "charge", true },
	{ "release_rx", "release_rx", true, .either = true },
	{ "notify", "notify", false },
	{ "notify_payment", "notify", true },
	{ "create_shipment", "create_shipment", true },
	{ "schedule_refills", "schedule_refills", true },
};

static size_t
find(const char *step)
{
	for (size_t i = 0; i < COUNT(records); i++)
		if (strcmp(records[i].step, step) == 0)
			return i;
	return COUNT(records);
}

int
record_begin(struct saga *s, const char *step, struct problem *err)
{
	size_t i = find(step);

	if (i == COUNT(records))
		return problem(err, 500, "unknown_step", "no record for step %s", step);
	return db_exec(s->db, begin_sql, err, P_UUID(s->subject), P_INT((int64_t)i), P_TEXT(records[i].name)) < 0 ? -1 : 0;
}

int
record_result(struct saga *s, const char *step, const char *json, struct problem *err)
{
	size_t i = find(step);

	if (i == COUNT(records))
		return problem(err, 500, "unknown_step", "no record for step %s", step);
	return db_exec(s->db, result_sql, err, P_UUID(s->subject), P_TEXT(records[i].name), P_TEXT(json)) < 0 ? -1 : 0;
}

static int
publish_step(struct saga *s, const struct run *run, const char *name, const char *state, const char *reason, struct problem *err)
{
	struct buf b = buf_in(s->arena, 2048);
	struct json_writer w;

	run_event(&w, &b, run);
	jw_str(&w, "step", name);
	jw_str(&w, "state", state);
	jw_opt_str(&w, "reason", reason);
	jw_end(&w);
	return event_publish(s->db, "orchestration.step", run->id, b.data, err);
}

/* What a step's new state means beyond the step. */
static int
follow_up(struct saga *s, const struct run *run, const char *step, const char *state, struct problem *err)
{
	/* The decision is the claimant's and the claimant is licensed: now it counts, and the physician is credited. */
	if (strcmp(step, "resolve_prescriber") == 0 && strcmp(state, "confirmed") == 0)
		return publish_decided(s->db, run, err);
	if (strncmp(step, "authorise", 9) == 0 && strcmp(state, "failed") == 0)
		return notice_enqueue(s->db, run->id, "payment_failed", err);
	return 0;
}

int
record_moved(struct saga *s, const struct saga_step *step, const char *state, const char *reason, struct problem *err)
{
	bool well = strcmp(state, "confirmed") == 0 || strcmp(state, "skipped") == 0;
	size_t i = find(step->name);
	char id[UUID_TEXT];
	struct run run;

	/* Part of a reader's step that went well is not yet news. */
	if (i == COUNT(records) || (well && reason == NULL && !records[i].last) ||
	    (records[i].either && strcmp(state, "skipped") == 0))
		return 0;
	if (run_load(s->db, s->subject, &run, err) < 0 ||
	    db_exec(s->db, moved_sql, err, P_UUID(run.id), P_INT((int64_t)i), P_TEXT(records[i].name), P_TEXT(state),
	    P_TEXT(reason), P_TEXT(step->warn_only ? reason : NULL)) < 0 ||
	    audit_add(s->db, &(struct audit_entry){ .action = "run.step", .object = "orchestration_runs",
	    .object_id = uuid_text(run.id, id), .reason = reason,
	    .detail = arena_printf(s->arena, "{\"step\":\"%s\",\"state\":\"%s\"}", step->name, state) }, err) < 0 ||
	    publish_step(s, &run, records[i].name, state, reason, err) < 0)
		return -1;
	return follow_up(s, &run, step->name, state, err);
}
