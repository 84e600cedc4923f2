/*
 * refill.c: the next refill of what was dispensed (Y-ORCH-07, Y-DB-08), and the daily look at what falls due (Y-ORCH-08): each due
 * refill is marked and announced to its patient once, whichever worker looks first.
 */
#include "orchestrator/orchestrator.h"

static const char insert_sql[] =
	"INSERT INTO refill_schedules (id, patient_id, run_id, medication, dosage, sequence, next_date, remaining)"
	" SELECT $1, $2, $3, $4, $5, 1 + coalesce(max(f.sequence), 0), current_date + $6::integer, $7"
	" FROM refill_schedules f WHERE f.patient_id = $2 AND f.medication = $4"
	" ON CONFLICT (run_id) DO NOTHING";
static const char date_sql[] = "SELECT next_date::text AS next_date FROM refill_schedules WHERE run_id = $1";
static const char cancel_sql[] =
	"UPDATE refill_schedules SET status = 'cancelled', updated_at = now() WHERE run_id = $1 AND status IN ('scheduled', 'due', 'paused')";
static const char due_sql[] =
	"UPDATE refill_schedules SET status = 'due', updated_at = now() WHERE id IN (SELECT id FROM refill_schedules"
	" WHERE status = 'scheduled' AND next_date <= current_date ORDER BY next_date LIMIT 500 FOR UPDATE SKIP LOCKED)"
	" RETURNING id";
static const char load_sql[] = "SELECT run_id, next_date::text AS next_date, status FROM refill_schedules WHERE id = $1";

int
refill_schedule(struct db *db, const struct run *run, int64_t supply_days, int64_t refills, const char **next_date,
    struct problem *err)
{
	const struct row *w;

	*next_date = NULL;
	if (refills <= 0)
		return 0;
	if (db_exec(db, insert_sql, err, P_UUID(uuid_new()), P_UUID(run->patient_id), P_UUID(run->id), P_TEXT(run->medication),
	    P_TEXT(run->dosage), P_INT(supply_days), P_INT(refills)) < 0 || db_one(db, &w, date_sql, err, P_UUID(run->id)) < 0)
		return -1;
	*next_date = w == NULL ? NULL : row_str(w, "next_date");
	return 0;
}

int
refill_cancel(struct db *db, struct uuid run, struct problem *err)
{
	return db_exec(db, cancel_sql, err, P_UUID(run)) < 0 ? -1 : 0;
}

int
refill_due_job(struct job *j, struct problem *err)
{
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, due_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (job_enqueue_id(j->db, "refill.remind", "id", row_uuid(rows_at(rows, i), "id"), err) < 0)
			return -1;
	return job_end(j, err);
}

int
refill_remind_job(struct job *j, struct problem *err)
{
	struct uuid id = job_uuid(j, "id");
	struct buf b = buf_in(j->arena, 2048);
	const struct row *f;
	struct json_writer w;
	struct run run;
	char text[UUID_TEXT];

	if (job_read(j, err) < 0 || db_one(j->db, &f, load_sql, err, P_UUID(id)) < 0)
		return -1;
	if (f == NULL)
		return problem(err, 404, "not_found", "no such refill");
	if (strcmp(row_str(f, "status"), "cancelled") == 0)
		return job_read_end(j, err);
	if (run_load(j->db, row_uuid(f, "run_id"), &run, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", "refill_reminder");
	jw_str(&w, "messageKey", arena_printf(j->arena, "refill:%s", uuid_text(id, text)));
	jw_object(&w, "recipient");
	jw_uuid(&w, "patientId", run.patient_id);
	jw_end(&w);
	jw_object(&w, "variables");
	jw_uuid(&w, "submissionId", run.submission_id);
	jw_str(&w, "dueDate", row_str(f, "next_date"));
	jw_end(&w);
	jw_end(&w);
	return job_ask(j, &(struct peer_call){ .service = "notify", .method = "POST", .path = "/notify/send", .body = b.data },
	    NULL, err);
}
