/*
 * downstream.c: what a submission needs in the EHR (Y-INT-02, Y-INT-03, Y-DB-04): the patient, then the review task. Jobs hand each
 * step to integration; the row in intake_retry_queue shows where it stands. Integration's events say that the EHR has it.
 */
#include "intake/intake.h"

static const char begin_sql[] =
	"INSERT INTO intake_retry_queue (id, submission_id, patient_id, step, status)"
	" VALUES ($1, $3, $4, 'ehr_patient', 'queued'), ($2, $3, $4, 'ehr_task', 'waiting')";
static const char load_sql[] =
	"SELECT patient_id, state, intake_type, submitted_at, payload_enc FROM intake_submissions WHERE id = $1";
static const char failed_once_sql[] =
	"UPDATE intake_retry_queue SET attempts = attempts + 1, last_error = $3, updated_at = now() WHERE submission_id = $1"
	" AND step = $2";
static const char sent_sql[] =
	"UPDATE intake_retry_queue SET status = 'sent', attempts = attempts + 1, last_error = NULL, updated_at = now()"
	" WHERE submission_id = $1 AND step = $2 AND status IN ('queued', 'failed')";
static const char gave_up_sql[] =
	"UPDATE intake_retry_queue SET status = 'failed', updated_at = now() WHERE submission_id = $1 AND step = $2"
	" AND status = 'queued'";
static const char done_sql[] =
	"UPDATE intake_retry_queue SET status = 'done', reference = $3, last_error = NULL, updated_at = now()"
	" WHERE submission_id = $1 AND step = $2 AND status <> 'done'";
static const char next_sql[] =
	"UPDATE intake_retry_queue SET status = 'queued', updated_at = now() WHERE submission_id = $1 AND step = 'ehr_task'"
	" AND status = 'waiting'";
static const char list_sql[] =
	"SELECT id, submission_id, patient_id, step, status, attempts, last_error, updated_at FROM intake_retry_queue"
	" WHERE CASE WHEN $1::text IS NULL THEN status <> 'done' ELSE status = $1 END ORDER BY updated_at, id LIMIT 100";

int
downstream_begin(struct db *db, struct submission_id id, struct uuid patient, struct problem *err)
{
	if (db_exec(db, begin_sql, err, P_UUID(uuid_new()), P_UUID(uuid_new()), P_UUID(id.v), P_UUID(patient)) < 0)
		return -1;
	return job_enqueue_id(db, "ehr.patient", "submissionId", id.v, err);
}

/* The failure is shown on the row; the job itself ends with the problem that it had. */
static int
note_failure(struct job *j, const char *step, const struct problem *why)
{
	struct problem ignored = { 0 };

	if (job_begin(j, &ignored) < 0 ||
	    db_exec(j->db, failed_once_sql, &ignored, P_UUID(job_uuid(j, "submissionId")), P_TEXT(step), P_TEXT(why->code)) < 0 ||
	    job_commit(j, &ignored) < 0)
		db_rollback(j->db);
	return -1;
}

static int
hand_over(struct job *j, const char *step, const char *path, const char *body, struct problem *err)
{
	struct peer_call call = { .service = "integration", .method = "POST", .path = path, .body = body };

	call.key = arena_printf(j->arena, "intake:%s:%s", job_str(j, "submissionId"), step);
	if (job_ask(j, &call, NULL, err) < 0)
		return note_failure(j, step, err);
	if (job_begin(j, err) < 0 || db_exec(j->db, sent_sql, err, P_UUID(job_uuid(j, "submissionId")), P_TEXT(step)) < 0)
		return -1;
	return job_end(j, err);
}

static const char *
patient_body(struct job *j, const struct row *s, struct bytes form)
{
	struct buf b = buf_in(j->arena, 256 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "submissionId", job_str(j, "submissionId"));
	jw_uuid(&w, "patientId", row_uuid(s, "patient_id"));
	jw_str(&w, "state", row_str(s, "state"));
	jw_str(&w, "intakeType", row_str(s, "intake_type"));
	jw_time(&w, "submittedAt", row_time(s, "submitted_at"));
	jw_raw(&w, "patient", (const char *)form.p);
	jw_end(&w);
	return b.data;
}

int
ehr_patient_job(struct job *j, struct problem *err)
{
	struct submission_id id = { job_uuid(j, "submissionId") };
	const struct row *s;
	struct bytes form;
	char text[UUID_TEXT];

	if (job_read(j, err) < 0 || db_one(j->db, &s, load_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such submission");
	if (vault_open(j->db, "intake_submissions", "payload_enc", id.v, row_bytes(s, "payload_enc"), &form, err) < 0)
		return -1;
	audit_pending(j->db, &(struct audit_entry){ .action = "phi.read", .object = "intake_submissions",
	    .object_id = uuid_text(id.v, text), .detail = "{\"for\":\"integration\"}" });
	if (job_read_end(j, err) < 0)
		return -1;
	return hand_over(j, "ehr_patient", "/api/ehr/patients", patient_body(j, s, form), err);
}

int
ehr_task_job(struct job *j, struct problem *err)
{
	struct buf b = buf_in(j->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "submissionId", job_str(j, "submissionId"));
	jw_str(&w, "patientId", job_str(j, "patientId"));
	jw_str(&w, "canvasPatientId", job_str(j, "canvasPatientId"));
	jw_end(&w);
	return hand_over(j, "ehr_task", "/api/ehr/tasks", b.data, err);
}

static int
gave_up(struct job *j, const char *step, struct problem *err)
{
	return db_exec(j->db, gave_up_sql, err, P_UUID(job_uuid(j, "submissionId")), P_TEXT(step)) < 0 ? -1 : 0;
}

int
ehr_patient_buried(struct job *j, struct problem *err)
{
	return gave_up(j, "ehr_patient", err);
}

int
ehr_task_buried(struct job *j, struct problem *err)
{
	return gave_up(j, "ehr_task", err);
}

/* The EHR has the patient: now the physicians' task. */
int
on_ehr_patient_created(struct event *e, struct problem *err)
{
	struct submission_id id = { event_uuid(e, "submissionId") };
	const char *canvas = event_str(e, "canvasPatientId");
	char text[UUID_TEXT], patient[UUID_TEXT];
	struct buf b = buf_in(e->arena, 1024);
	struct json_writer w;
	int64_t moved;

	if (db_exec(e->db, done_sql, err, P_UUID(id.v), P_TEXT("ehr_patient"), P_TEXT(canvas)) < 0)
		return -1;
	moved = db_exec(e->db, next_sql, err, P_UUID(id.v));
	if (moved <= 0)
		return moved < 0 ? -1 : 0;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "submissionId", uuid_text(id.v, text));
	jw_str(&w, "patientId", uuid_text(event_uuid(e, "patientId"), patient));
	jw_str(&w, "canvasPatientId", canvas);
	jw_end(&w);
	return job_enqueue(e->db, &(struct job_spec){ .kind = "ehr.task", .args = b.data, .unique_key = text }, err);
}

int
on_ehr_task_created(struct event *e, struct problem *err)
{
	return db_exec(e->db, done_sql, err, P_UUID(event_uuid(e, "submissionId")), P_TEXT("ehr_task"),
	    P_TEXT(event_str(e, "taskId"))) < 0 ? -1 : 0;
}

int
retry_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "status"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "steps");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *q = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "submissionId", row_uuid(q, "submission_id"));
		jw_uuid(w, "patientId", row_uuid(q, "patient_id"));
		jw_str(w, "step", row_str(q, "step"));
		jw_str(w, "status", row_str(q, "status"));
		jw_int(w, "attempts", row_int(q, "attempts"));
		jw_opt_str(w, "lastError", row_opt_str(q, "last_error"));
		jw_time(w, "updatedAt", row_time(q, "updated_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
