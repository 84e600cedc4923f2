/*
 * sync_log.c: the trail between chart and pharmacy (Y-DB-10): a row per attempt and per answer, never changed, found by case or by
 * the pharmacy's id.
 */
#include "orchestrator/orchestrator.h"

static const char insert_sql[] =
	"INSERT INTO sync_logs (submission_id, patient_id, run_id, system, direction, action, outcome, external_id, detail)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char list_sql[] =
	"SELECT submission_id, run_id, system, direction, action, outcome, external_id, detail, at FROM sync_logs"
	" WHERE ($1::uuid IS NULL OR submission_id = $1) AND ($2::uuid IS NULL OR patient_id = $2)"
	" AND ($3::text IS NULL OR external_id = $3)"
	" ORDER BY id LIMIT 100";

int
sync_log(struct db *db, const struct run *run, const struct sync_entry *e, struct problem *err)
{
	return db_exec(db, insert_sql, err, P_UUID(run->submission_id), P_UUID(run->patient_id), P_UUID(run->id), P_TEXT(e->system),
	    P_TEXT(e->direction), P_TEXT(e->action), P_TEXT(e->outcome), P_TEXT(e->external_id), P_TEXT(e->detail)) < 0 ? -1 : 0;
}

int
sync_log_list(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_OPT_UUID(req_uuid(r, "submissionId")), P_OPT_UUID(req_uuid(r, "patientId")),
	    P_TEXT(req_opt_str(r, "externalId"))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "entries");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *e = rows_at(rows, i);

		jw_object(w, NULL);
		jw_time(w, "at", row_time(e, "at"));
		jw_uuid(w, "submissionId", row_uuid(e, "submission_id"));
		jw_uuid(w, "runId", row_uuid(e, "run_id"));
		jw_str(w, "system", row_str(e, "system"));
		jw_str(w, "direction", row_str(e, "direction"));
		jw_str(w, "action", row_str(e, "action"));
		jw_str(w, "outcome", row_str(e, "outcome"));
		jw_opt_str(w, "externalId", row_opt_str(e, "external_id"));
		jw_opt_str(w, "detail", row_opt_str(e, "detail"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
