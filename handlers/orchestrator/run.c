/*
 * run.c: the row of a run and its one mover (rules M9, I4).
 */
#include "orchestrator/orchestrator.h"

#define COLUMNS \
	"id, task_id, submission_id, patient_id, assignment_id, practitioner_id, decision, medication, dosage, amount_cents," \
	" currency, generation, status, reason, denial_enc, patient_enc, prescriber::text AS prescriber, pharmacy, pharmacy_reason," \
	" own_shipping, money_order," \
	" payment_id, payment_status, router_id, rx_status, shipment_id, shipment_status, tracking_number, version, created_at, finished_at"
static const char load_sql[] = "SELECT " COLUMNS " FROM orchestration_runs WHERE id = $1";
static const char task_sql[] = "SELECT " COLUMNS " FROM orchestration_runs WHERE task_id = $1 ORDER BY generation DESC LIMIT 1";
static const char case_sql[] =
	"SELECT " COLUMNS " FROM orchestration_runs WHERE submission_id = $1 ORDER BY created_at DESC LIMIT 1";
static const char move_sql[] =
	"UPDATE orchestration_runs SET status = $3, reason = $4, version = version + 1, updated_at = now(),"
	" finished_at = CASE WHEN $3 IN ('completed', 'failed', 'compensated') THEN now() END WHERE id = $1 AND version = $2";
static const char history_sql[] = "INSERT INTO run_history (run_id, from_status, to_status, reason) VALUES ($1, $2, $3, $4)";

/* Also a trigger of the table. A run waits in manual for a person, or for news that arrives after all; a completed one turns back when
 * what it achieved is taken away. */
static const struct {
	const char *from;
	const char *to;
} moves[] = {
	{ "running", "completed" }, { "running", "failed" }, { "running", "manual" }, { "running", "compensated" },
	{ "completed", "running" },
	{ "manual", "running" }, { "manual", "completed" }, { "manual", "failed" }, { "manual", "compensated" },
};

static void
run_from_row(struct run *x, const struct row *w)
{
	x->id = row_uuid(w, "id");
	x->task_id = row_str(w, "task_id");
	x->submission_id = row_uuid(w, "submission_id");
	x->patient_id = row_uuid(w, "patient_id");
	x->assignment_id = row_uuid(w, "assignment_id");
	x->practitioner_id = row_uuid(w, "practitioner_id");
	x->decision = row_str(w, "decision");
	x->medication = row_opt_str(w, "medication");
	x->dosage = row_opt_str(w, "dosage");
	x->amount_cents = row_int(w, "amount_cents");
	x->currency = row_opt_str(w, "currency");
	x->generation = row_int(w, "generation");
	x->status = row_str(w, "status");
	x->reason = row_opt_str(w, "reason");
	x->denial_enc = row_bytes(w, "denial_enc");
	x->patient_enc = row_bytes(w, "patient_enc");
	x->prescriber = row_opt_str(w, "prescriber");
	x->pharmacy = row_opt_str(w, "pharmacy");
	x->pharmacy_reason = row_opt_str(w, "pharmacy_reason");
	x->own_shipping = row_bool(w, "own_shipping");
	x->money_order = row_str(w, "money_order");
	x->payment_id = row_uuid(w, "payment_id");
	x->payment_status = row_opt_str(w, "payment_status");
	x->router_id = row_uuid(w, "router_id");
	x->rx_status = row_opt_str(w, "rx_status");
	x->shipment_id = row_uuid(w, "shipment_id");
	x->shipment_status = row_opt_str(w, "shipment_status");
	x->tracking_number = row_opt_str(w, "tracking_number");
	x->version = row_int(w, "version");
	x->created_at = row_time(w, "created_at");
	x->finished_at = row_time(w, "finished_at");
}

int
run_load(struct db *db, struct uuid id, struct run *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, load_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such run");
	run_from_row(ret, w);
	return 0;
}

int
run_of_task(struct db *db, const char *task, struct run *ret, bool *found, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, task_sql, err, P_TEXT(task)) < 0)
		return -1;
	*found = w != NULL;
	if (*found)
		run_from_row(ret, w);
	return 0;
}

int
run_of_case(struct db *db, struct uuid submission, struct run *ret, bool *found, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, case_sql, err, P_UUID(submission)) < 0)
		return -1;
	*found = w != NULL;
	if (*found)
		run_from_row(ret, w);
	return 0;
}

bool
run_is_over(const struct run *run)
{
	return strcmp(run->status, "failed") == 0 || strcmp(run->status, "compensated") == 0;
}

static bool
legal(const char *from, const char *to)
{
	for (size_t i = 0; i < COUNT(moves); i++)
		if (strcmp(moves[i].from, from) == 0 && strcmp(moves[i].to, to) == 0)
			return true;
	return false;
}

void
run_event(struct json_writer *w, struct buf *b, const struct run *run)
{
	jw_start(w, b);
	jw_object(w, NULL);
	jw_uuid(w, "submissionId", run->submission_id);
	jw_uuid(w, "patientId", run->patient_id);
	jw_uuid(w, "runId", run->id);
}

static int
publish_finished(struct db *db, const struct run *run, const char *state, const char *reason, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 2048);
	struct json_writer w;

	run_event(&w, &b, run);
	jw_str(&w, "state", state);
	jw_opt_str(&w, "reason", reason);
	jw_end(&w);
	return event_publish(db, "orchestration.finished", run->id, b.data, err);
}

int
run_move(struct db *db, const struct run *run, const char *status, const char *reason, bool *moved, struct problem *err)
{
	char id[UUID_TEXT];
	int64_t rows;

	*moved = false;
	if (!legal(run->status, status))
		return 0;
	rows = db_exec(db, move_sql, err, P_UUID(run->id), P_INT(run->version), P_TEXT(status), P_TEXT(reason));
	if (rows < 0)
		return -1;
	if (rows == 0) {
		problem(err, 409, "serialization", "the run moved meanwhile");
		err->fault = FAULT_RETRY;
		return -1;
	}
	*moved = true;
	if (db_exec(db, history_sql, err, P_UUID(run->id), P_TEXT(run->status), P_TEXT(status), P_TEXT(reason)) < 0 ||
	    audit_add(db, &(struct audit_entry){ .action = "run.status", .object = "orchestration_runs",
	    .object_id = uuid_text(run->id, id), .reason = reason,
	    .detail = arena_printf(db_current_arena(db), "{\"from\":\"%s\",\"to\":\"%s\"}", run->status, status) }, err) < 0)
		return -1;
	if (strcmp(status, "running") == 0)
		return 0;
	if (publish_finished(db, run, status, reason, err) < 0)
		return -1;
	/* A run that a person must look at says so. */
	return strcmp(status, "manual") == 0 ? notice_enqueue(db, run->id, "admin_alert", err) : 0;
}
