/*
 * assignment.c: a case open to physicians (Y-CLAIM-01 to 03, Y-DB-15). Opened by the event of a submitted intake: one assignment,
 * and one junction row for every physician who is active, on the platform, and licensed today in the patient's state.
 */
#include "registry/registry.h"

static const char open_sql[] =
	"INSERT INTO prescription_assignments (id, submission_id, patient_id, state, platform, intake_type)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT prescription_assignments_once DO NOTHING";
static const char eligible_sql[] =
	"INSERT INTO assignment_physicians (assignment_id, physician_id)"
	" SELECT $1::uuid, p.id FROM physicians p JOIN physician_licenses l ON l.physician_id = p.id"
	" WHERE p.active AND p.platform IN ($2, 'both') AND l.state = $3 AND l.expires_on >= current_date RETURNING physician_id";
static const char task_sql[] =
	"INSERT INTO review_tasks (submission_id, task_id) VALUES ($1, $2) ON CONFLICT (submission_id) DO NOTHING";
#define COLUMNS \
	"a.id, a.submission_id, a.patient_id, a.state, a.platform, a.intake_type, a.mode, a.status, t.task_id, a.claimed_by," \
	" a.claimed_at, a.opened_at, a.completed_at, a.outcome"
#define PHYSICIANS \
	", (SELECT coalesce(jsonb_agg(jsonb_build_object('physicianId', p.id," \
	" 'name', p.first_name || ' ' || p.last_name || ', ' || p.credentials, 'npi', p.npi) ORDER BY p.id), '[]')" \
	" FROM assignment_physicians j JOIN physicians p ON p.id = j.physician_id" \
	" WHERE j.assignment_id = a.id) AS physicians"
#define FROM_ASSIGNMENT " FROM prescription_assignments a LEFT JOIN review_tasks t ON t.submission_id = a.submission_id"
static const char show_sql[] = "SELECT " COLUMNS PHYSICIANS FROM_ASSIGNMENT " WHERE a.id = $1";
static const char find_sql[] = "SELECT " COLUMNS PHYSICIANS FROM_ASSIGNMENT " WHERE a.submission_id = $1";
static const char queue_sql[] =
	"SELECT " COLUMNS FROM_ASSIGNMENT " JOIN assignment_physicians j ON j.assignment_id = a.id AND j.physician_id = $1"
	" WHERE a.status = 'open' OR (a.status = 'claimed' AND a.claimed_by = $1) ORDER BY a.opened_at, a.id LIMIT 200";

static void
assignment_to_json(struct json_writer *w, const struct row *a, bool physicians)
{
	jw_object(w, NULL);
	jw_uuid(w, "assignmentId", row_uuid(a, "id"));
	jw_uuid(w, "submissionId", row_uuid(a, "submission_id"));
	jw_uuid(w, "patientId", row_uuid(a, "patient_id"));
	jw_str(w, "state", row_str(a, "state"));
	jw_str(w, "platform", row_str(a, "platform"));
	jw_str(w, "intakeType", row_str(a, "intake_type"));
	jw_str(w, "mode", row_str(a, "mode"));
	jw_str(w, "status", row_str(a, "status"));
	jw_opt_str(w, "taskId", row_opt_str(a, "task_id"));
	if (!row_is_null(a, "claimed_by")) {
		jw_uuid(w, "claimedBy", row_uuid(a, "claimed_by"));
		jw_time(w, "claimedAt", row_time(a, "claimed_at"));
	}
	jw_time(w, "openedAt", row_time(a, "opened_at"));
	if (!row_is_null(a, "completed_at")) {
		jw_time(w, "completedAt", row_time(a, "completed_at"));
		jw_str(w, "outcome", row_str(a, "outcome"));
	}
	if (physicians)
		jw_raw(w, "physicians", row_str(a, "physicians"));
	jw_end(w);
}

static int
reply_assignment(struct req *r, const struct row *a, struct problem *err)
{
	if (a == NULL)
		return problem(err, 404, "not_found", "no such assignment");
	assignment_to_json(reply_json(r, 200), a, true);
	return 0;
}

int
assignment_show(struct req *r, struct problem *err)
{
	const struct row *a;

	if (db_one(r->db, &a, show_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	return reply_assignment(r, a, err);
}

int
assignment_find(struct req *r, struct problem *err)
{
	const struct row *a;

	if (db_one(r->db, &a, find_sql, err, P_UUID(req_uuid(r, "submissionId"))) < 0)
		return -1;
	return reply_assignment(r, a, err);
}

int
assignment_queue(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, queue_sql, err, P_UUID(req_uuid(r, "physicianId"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "assignments");
	for (size_t i = 0; i < rows_count(rows); i++)
		assignment_to_json(w, rows_at(rows, i), false);
	jw_end(w);
	jw_end(w);
	return 0;
}

/* Each eligible physician is told; when there is none, staff is. */
static int
alert_all(struct event *e, struct assignment_id id, struct rows *eligible, struct problem *err)
{
	for (size_t i = 0; i < rows_count(eligible); i++)
		if (alert_enqueue(e->db, id, (struct physician_id){ row_uuid(rows_at(eligible, i), "physician_id") }, err) < 0)
			return -1;
	return rows_count(eligible) > 0 ? 0 : job_enqueue_id(e->db, "alert.staff", "assignmentId", id.v, err);
}

static int
publish_opened(struct event *e, struct assignment_id id, size_t physicians, struct problem *err)
{
	struct buf b = buf_in(e->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "assignmentId", id.v);
	jw_uuid(&w, "submissionId", event_uuid(e, "submissionId"));
	jw_uuid(&w, "patientId", event_uuid(e, "patientId"));
	jw_int(&w, "physicians", (int64_t)physicians);
	jw_end(&w);
	return event_publish(e->db, "assignment.opened", id.v, b.data, err);
}

int
on_intake_submitted(struct event *e, struct problem *err)
{
	struct assignment_id id = { uuid_new() };
	const char *state = event_str(e, "state"), *platform = event_str(e, "platform");
	char text[UUID_TEXT];
	struct rows *eligible;
	int64_t opened;

	opened = db_exec(e->db, open_sql, err, P_UUID(id.v), P_UUID(event_uuid(e, "submissionId")),
	    P_UUID(event_uuid(e, "patientId")), P_TEXT(state), P_TEXT(platform), P_TEXT(event_str(e, "intakeType")));
	if (opened <= 0)
		return opened < 0 ? -1 : 0;
	if (db_all(e->db, &eligible, eligible_sql, err, P_UUID(id.v), P_TEXT(platform), P_TEXT(state)) < 0 ||
	    audit_add(e->db, &(struct audit_entry){ .action = "assignment.open", .object = "prescription_assignments",
	    .object_id = uuid_text(id.v, text), .detail = arena_printf(e->arena, "{\"physicians\":%zu}", rows_count(eligible)) },
	    err) < 0 || alert_all(e, id, eligible, err) < 0)
		return -1;
	return publish_opened(e, id, rows_count(eligible), err);
}

int
on_task_created(struct event *e, struct problem *err)
{
	return db_exec(e->db, task_sql, err, P_UUID(event_uuid(e, "submissionId")), P_TEXT(event_str(e, "taskId"))) < 0 ? -1 : 0;
}
