/*
 * ehr.c: what intake and orchestrator ask to be put in the chart. Each request is rows and a job; Canvas is the worker's business.
 */
#include "integration/integration.h"

static const char case_insert_sql[] =
	"INSERT INTO ehr_cases (submission_id, patient_id) VALUES ($1, $2) ON CONFLICT (submission_id) DO NOTHING";
#define COLUMNS "submission_id, patient_id, canvas_patient_id, task_id, status, attempt"
static const char case_sql[] = "SELECT " COLUMNS " FROM ehr_cases WHERE submission_id = $1";
static const char case_of_task_sql[] = "SELECT " COLUMNS " FROM ehr_cases WHERE task_id = $1";
static const char entry_sql[] =
	"INSERT INTO ehr_entries (id, submission_id, resource, mark, run_id) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT ON CONSTRAINT ehr_entries_once DO NOTHING";

static void
case_from_row(struct ehr_case *c, const struct row *w)
{
	*c = (struct ehr_case){ 0 };
	if (w == NULL)
		return;
	c->submission_id = row_uuid(w, "submission_id");
	c->patient_id = row_uuid(w, "patient_id");
	c->canvas_patient_id = row_opt_str(w, "canvas_patient_id");
	c->task_id = row_opt_str(w, "task_id");
	c->status = row_str(w, "status");
	c->attempt = row_int(w, "attempt");
}

int
ehr_case_load(struct db *db, struct uuid submission, struct ehr_case *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, case_sql, err, P_UUID(submission)) < 0)
		return -1;
	case_from_row(ret, w);
	return 0;
}

int
ehr_case_of_task(struct db *db, const char *task_id, struct ehr_case *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, case_of_task_sql, err, P_TEXT(task_id)) < 0)
		return -1;
	case_from_row(ret, w);
	return 0;
}

int
ehr_entry_add(struct db *db, const struct ehr_case *c, const struct ehr_entry *e, struct problem *err)
{
	struct uuid id = uuid_new();
	int64_t new = db_exec(db, entry_sql, err, P_UUID(id), P_UUID(c->submission_id), P_TEXT(e->resource), P_TEXT(e->mark), P_OPT_UUID(e->run_id));

	if (new <= 0)
		return (int)new;
	return effect_intend(db, &(struct effect_request){ .kind = e->kind, .subject = id, .patient = c->patient_id, .generation = 1,
	    .method = "POST", .path = arena_printf(db_current_arena(db), "/%s", e->resource), .content_type = "application/json",
	    .body = e->body }, err);
}

static int
accepted(struct req *r)
{
	struct json_writer *w = reply_json(r, 202);

	jw_object(w, NULL);
	jw_str(w, "status", "queued");
	jw_end(w);
	return 0;
}

int
ehr_patient(struct req *r, struct problem *err)
{
	struct uuid submission = req_uuid(r, "submissionId"), patient = req_uuid(r, "patientId");

	req_object(r, "patient_records", submission);
	if (record_keep(r, err) < 0 || db_exec(r->db, case_insert_sql, err, P_UUID(submission), P_UUID(patient)) < 0 ||
	    effect_intend(r->db, &(struct effect_request){ .kind = "canvas.patient", .subject = submission, .patient = patient, .generation = 1,
	    .method = "POST", .path = "/Patient", .content_type = "application/json",
	    .body = chart_patient(r->arena, patient, req_json(r, "patient")) }, err) < 0)
		return -1;
	return accepted(r);
}

static int
charted_case(struct req *r, struct ehr_case *c, struct problem *err)
{
	req_object(r, "ehr_cases", req_uuid(r, "submissionId"));
	if (ehr_case_load(r->db, req_uuid(r, "submissionId"), c, err) < 0)
		return -1;
	if (uuid_is_nil(c->submission_id))
		return problem(err, 404, "not_found", "no such submission");
	if (c->canvas_patient_id == NULL)
		return problem(err, 409, "not_charted", "the patient is not in the EHR yet");
	return 0;
}

int
ehr_task(struct req *r, struct problem *err)
{
	struct ehr_case c;

	if (charted_case(r, &c, err) < 0)
		return -1;
	if (ehr_entry_add(r->db, &c, &(struct ehr_entry){ .kind = "canvas.task", .resource = "Task", .mark = "Rx Review",
	    .body = chart_task(r->arena, r->conf, &c, "requested") }, err) < 0)
		return -1;
	return accepted(r);
}

int
ehr_note(struct req *r, struct problem *err)
{
	struct ehr_case c;
	char run[UUID_TEXT];
	struct bytes body;

	if (charted_case(r, &c, err) < 0)
		return -1;
	uuid_text(req_uuid(r, "runId"), run);
	body = chart_note(r->arena, r->conf, &c, run, arena_printf(r->arena, "H&P note by %s", req_str(r, "practitionerName")), req_str(r, "text"));
	if (body.p == NULL)
		return problem(err, 500, "note_failed", "the note could not be rendered");
	if (ehr_entry_add(r->db, &c, &(struct ehr_entry){ .kind = "canvas.note", .resource = "DocumentReference", .mark = run,
	    .run_id = req_uuid(r, "runId"), .body = body }, err) < 0)
		return -1;
	return accepted(r);
}

/* A document of the chart is never changed: the amendment is one of its own, beside the note that it speaks of. */
int
ehr_note_amend(struct req *r, struct problem *err)
{
	static const char words[] =
	    "The prescription of this note was withdrawn before it was dispensed: it was cancelled at the pharmacy, and what was charged for\n"
	    "it is given back. The note stands as the record of the examination; its plan was not carried out.\n";
	struct ehr_case c;
	char run[UUID_TEXT];
	const char *mark;
	struct bytes body;

	if (charted_case(r, &c, err) < 0)
		return -1;
	mark = arena_printf(r->arena, "%s" AMENDMENT, uuid_text(req_uuid(r, "runId"), run));
	body = chart_note(r->arena, r->conf, &c, mark, "Amendment to the H&P note", words);
	if (body.p == NULL)
		return problem(err, 500, "note_failed", "the amendment could not be rendered");
	if (ehr_entry_add(r->db, &c, &(struct ehr_entry){ .kind = "canvas.note", .resource = "DocumentReference", .mark = mark,
	    .run_id = req_uuid(r, "runId"), .body = body }, err) < 0)
		return -1;
	return accepted(r);
}
