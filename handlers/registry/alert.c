/*
 * alert.c: telling physicians of a new case (Y-CLAIM-02). One job a physician, one message a physician and case: notify knows the
 * key and sends it once.
 */
#include "registry/registry.h"

static const char load_sql[] =
	"SELECT p.first_name, p.last_name, p.credentials, p.email, a.state, a.submission_id, a.status = 'open'"
	" AND p.active AS wanted FROM assignment_physicians j JOIN physicians p ON p.id = j.physician_id"
	" JOIN prescription_assignments a ON a.id = j.assignment_id"
	" WHERE j.assignment_id = $1 AND j.physician_id = $2";
static const char alerted_sql[] =
	"UPDATE assignment_physicians SET alerted_at = now() WHERE assignment_id = $1 AND physician_id = $2 AND alerted_at IS NULL";
static const char case_sql[] = "SELECT submission_id, state FROM prescription_assignments WHERE id = $1";

int
alert_enqueue(struct db *db, struct assignment_id assignment, struct physician_id who, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char case_text[UUID_TEXT], who_text[UUID_TEXT];

	uuid_text(assignment.v, case_text);
	uuid_text(who.v, who_text);
	return job_enqueue(db, &(struct job_spec){ .kind = "alert.physician",
	    .args = arena_printf(a, "{\"assignmentId\":\"%s\",\"physicianId\":\"%s\"}", case_text, who_text),
	    .unique_key = arena_printf(a, "%s:%s", case_text, who_text) }, err);
}

static const char *
physician_message(struct job *j, const struct row *p)
{
	struct buf b = buf_in(j->arena, 4096);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", "physician_new_task");
	jw_str(&w, "messageKey", arena_printf(j->arena, "%s:%s", job_str(j, "assignmentId"), job_str(j, "physicianId")));
	jw_object(&w, "recipient");
	jw_str(&w, "email", row_str(p, "email"));
	jw_end(&w);
	jw_object(&w, "variables");
	jw_uuid(&w, "submissionId", row_uuid(p, "submission_id"));
	jw_str(&w, "physicianName", arena_printf(j->arena, "%s %s, %s", row_str(p, "first_name"), row_str(p, "last_name"),
	    row_str(p, "credentials")));
	jw_str(&w, "state", row_str(p, "state"));
	jw_str(&w, "assignmentId", job_str(j, "assignmentId"));
	jw_end(&w);
	jw_end(&w);
	return b.data;
}

static int
tell(struct job *j, const char *body, struct problem *err)
{
	struct peer_call call = { .service = "notify", .method = "POST", .path = "/notify/send", .body = body };

	return job_ask(j, &call, NULL, err);
}

/* A case that somebody claimed while the message waited is no news any more. */
int
alert_physician_job(struct job *j, struct problem *err)
{
	struct uuid assignment = job_uuid(j, "assignmentId"), who = job_uuid(j, "physicianId");
	const struct row *p;

	if (job_read(j, err) < 0 || db_one(j->db, &p, load_sql, err, P_UUID(assignment), P_UUID(who)) < 0 ||
	    job_read_end(j, err) < 0)
		return -1;
	if (p == NULL || !row_bool(p, "wanted"))
		return 0;
	if (tell(j, physician_message(j, p), err) < 0 || job_begin(j, err) < 0 ||
	    db_exec(j->db, alerted_sql, err, P_UUID(assignment), P_UUID(who)) < 0)
		return -1;
	return job_end(j, err);
}

/* A case that is open to nobody needs a person. */
int
alert_staff_job(struct job *j, struct problem *err)
{
	struct buf b = buf_in(j->arena, 4096);
	struct json_writer w;
	const struct row *a;

	if (job_read(j, err) < 0 || db_one(j->db, &a, case_sql, err, P_UUID(job_uuid(j, "assignmentId"))) < 0 ||
	    job_read_end(j, err) < 0)
		return -1;
	if (a == NULL)
		return 0;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", "admin_alert");
	jw_str(&w, "messageKey", arena_printf(j->arena, "no_physician:%s", job_str(j, "assignmentId")));
	jw_object(&w, "recipient");
	jw_end(&w);
	jw_object(&w, "variables");
	jw_uuid(&w, "submissionId", row_uuid(a, "submission_id"));
	jw_str(&w, "kind", "no_eligible_physician");
	jw_str(&w, "subject", job_str(j, "assignmentId"));
	jw_str(&w, "detail", arena_printf(j->arena, "no physician is licensed in %s", row_str(a, "state")));
	jw_end(&w);
	jw_end(&w);
	return tell(j, b.data, err);
}
