/*
 * direct.c: the system gives a case to a provider (C18, A-API-10, A-PIT-02): one who is active, on the platform and licensed today in the patient's state;
 * of these the one with the fewest open cases, then the routing's first. A case that nobody may have waits as an open assignment and is tried again when
 * a licence or a physician changes, and by the timer. Who has it is written back to case by a job.
 */
#include "registry/registry.h"

#include "data/attention.h"

#define BATCH  100
#define NOBODY "case.no_provider"
/* How long a case that was made by the minute may be unknown here; its news is on the way. */
#define NEWS_MS 10000

static const char created_sql[] =
	"INSERT INTO direct_cases AS c (case_id, patient_id, state, platform, intake_type) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (case_id) DO UPDATE SET patient_id = excluded.patient_id, state = excluded.state, platform = excluded.platform,"
	"  intake_type = excluded.intake_type RETURNING ready_at IS NOT NULL AND ended_at IS NULL AS ready";
static const char issued_sql[] =
	"INSERT INTO direct_cases AS c (case_id, ready_at) VALUES ($1, now()) ON CONFLICT (case_id) DO UPDATE SET ready_at = coalesce(c.ready_at, now())"
	" RETURNING state IS NOT NULL AND ended_at IS NULL AS ready";
static const char ended_sql[] =
	"INSERT INTO direct_cases AS c (case_id, ended_at) VALUES ($1, now()) ON CONFLICT (case_id) DO UPDATE SET ended_at = coalesce(c.ended_at, now())";
static const char cancel_sql[] =
	"UPDATE prescription_assignments SET status = 'cancelled' WHERE submission_id = $1 AND mode = 'direct' AND status IN ('open', 'claimed')";
static const char known_sql[] = "SELECT state, ready_at IS NOT NULL AS ready, ended_at IS NOT NULL AS ended FROM direct_cases WHERE case_id = $1";
static const char open_sql[] =
	"INSERT INTO prescription_assignments (id, submission_id, patient_id, state, platform, intake_type, mode)"
	" SELECT $1, c.case_id, c.patient_id, c.state, c.platform, c.intake_type, 'direct' FROM direct_cases c"
	" WHERE c.case_id = $2 AND c.ready_at IS NOT NULL AND c.ended_at IS NULL AND c.state IS NOT NULL"
	" ON CONFLICT ON CONSTRAINT prescription_assignments_once DO NOTHING";
#define COLUMNS "id, submission_id, patient_id, state, platform, status, claimed_by, claimed_at"
static const char lock_sql[] = "SELECT " COLUMNS " FROM prescription_assignments WHERE submission_id = $1 AND mode = 'direct' FOR UPDATE";
static const char choose_sql[] =
	"SELECT p.id FROM physicians p JOIN physician_licenses l ON l.physician_id = p.id AND l.state = $1 AND l.expires_on >= current_date"
	" LEFT JOIN physician_routing g ON g.physician_id = p.id AND g.platform = $2 AND g.state = $1"
	" WHERE p.active AND p.platform IN ($2, 'both') AND ($3::uuid IS NULL OR p.id = $3)"
	" ORDER BY (SELECT count(*) FROM prescription_assignments a WHERE a.claimed_by = p.id AND a.status = 'claimed'), g.priority NULLS LAST, p.id LIMIT 1";
static const char assign_sql[] =
	"UPDATE prescription_assignments SET status = 'claimed', claimed_by = $2, claimed_at = now() WHERE id = $1 AND status = 'open' RETURNING " COLUMNS;
static const char junction_sql[] =
	"INSERT INTO assignment_physicians (assignment_id, physician_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
static const char waiting_sql[] =
	"SELECT submission_id FROM prescription_assignments a WHERE mode = 'direct' AND status = 'open' AND EXISTS (SELECT FROM physicians p"
	" JOIN physician_licenses l ON l.physician_id = p.id AND l.state = a.state AND l.expires_on >= current_date"
	" WHERE p.active AND p.platform IN (a.platform, 'both')) ORDER BY opened_at LIMIT $1 FOR UPDATE OF a SKIP LOCKED";
static const char told_sql[] = "UPDATE prescription_assignments SET told_at = now() WHERE id = $1";
static const char tell_sql[] = "SELECT submission_id, status, claimed_by, claimed_at, told_at FROM prescription_assignments WHERE id = $1";

/* ---- giving */

/* The assignment of a case that may have a provider, made where there is none; *ret NULL: it may not. Under lock. */
static int
assignment_of(struct db *db, struct uuid case_id, const struct row **ret, struct problem *err)
{
	if (db_exec(db, open_sql, err, P_UUID(uuid_new()), P_UUID(case_id)) < 0)
		return -1;
	return db_one(db, ret, lock_sql, err, P_UUID(case_id));
}

/* wanted: this one and nobody else; nil: whoever fits best. *ret stays as it was, an open assignment, when nobody fits. */
static int
give(struct db *db, const struct row **ret, struct uuid wanted, struct problem *err)
{
	struct uuid id = row_uuid(*ret, "id"), who;
	const struct row *chosen;
	char text[UUID_TEXT];

	if (db_one(db, &chosen, choose_sql, err, P_TEXT(row_str(*ret, "state")), P_TEXT(row_str(*ret, "platform")), P_OPT_UUID(wanted)) < 0)
		return -1;
	if (chosen == NULL)
		return 0;
	who = row_uuid(chosen, "id");
	if (db_one(db, ret, assign_sql, err, P_UUID(id), P_UUID(who)) < 0 || db_exec(db, junction_sql, err, P_UUID(id), P_UUID(who)) < 0 ||
	    audit_add(db, &(struct audit_entry){ .action = "assignment.give", .object = "prescription_assignments",
		.object_id = uuid_text(id, text) }, err) < 0)
		return -1;
	if (attention_clear(db, NOBODY, uuid_text(row_uuid(*ret, "submission_id"), text), "assigned", err) < 0)
		return -1;
	return job_enqueue_id(db, "case.tell", "assignmentId", id, err);
}

/* As the pipeline does it: where nobody is there it waits, and staff is told. */
static int
give_if_ready(struct db *db, struct uuid case_id, struct problem *err)
{
	const struct row *a;
	char text[UUID_TEXT];

	if (assignment_of(db, case_id, &a, err) < 0)
		return -1;
	if (a == NULL || strcmp(row_str(a, "status"), "open") != 0)
		return 0;
	if (give(db, &a, UUID_NIL, err) < 0)
		return -1;
	if (strcmp(row_str(a, "status"), "open") != 0)
		return 0;
	return attention_raise(db, &(struct attention){ .kind = NOBODY, .subject = uuid_text(case_id, text), .code = "no_provider",
	    .patient = row_uuid(a, "patient_id"), .detail = arena_printf(db_current_arena(db), "{\"state\":\"%s\"}", row_str(a, "state")) }, err);
}

/* ---- POST /cases/assign-provider */

static int
may_have_one(struct req *r, struct uuid case_id, struct problem *err)
{
	const struct row *known;

	if (db_one(r->db, &known, known_sql, err, P_UUID(case_id)) < 0)
		return -1;
	if (known == NULL && !uuid_younger_than(case_id, NEWS_MS))
		return problem(err, 404, "not_found", "no such case");
	if (known != NULL && row_bool(known, "ended"))
		return problem(err, 409, "case_ended", "the case's voucher has ended");
	if (known != NULL && row_bool(known, "ready") && !row_is_null(known, "state"))
		return 0;
	problem(err, 409, "voucher_pending", "the case has no voucher yet, as far as is known here");
	err->retry_after = 1;
	return -1;
}

static int
answer_assigned(struct req *r, const struct row *a)
{
	struct json_writer *w = reply_json(r, 200);

	jw_object(w, NULL);
	jw_uuid(w, "case_id", row_uuid(a, "submission_id"));
	jw_uuid(w, "assignment_id", row_uuid(a, "id"));
	jw_uuid(w, "provider_id", row_uuid(a, "claimed_by"));
	jw_str(w, "status", strcmp(row_str(a, "status"), "claimed") == 0 ? "assigned" : row_str(a, "status"));
	jw_str(w, "mode", "direct");
	jw_time(w, "assigned_at", row_time(a, "claimed_at"));
	jw_end(w);
	return 0;
}

/* A refusal leaves nothing, and needs nothing: the event of the voucher has opened the assignment that waits, or will. */
int
assign_provider(struct req *r, struct problem *err)
{
	struct uuid case_id = req_uuid(r, "case_id"), wanted = req_uuid(r, "provider_id");
	const struct row *a;

	if (may_have_one(r, case_id, err) < 0 || assignment_of(r->db, case_id, &a, err) < 0)
		return -1;
	if (a == NULL)
		return problem(err, 409, "case_ended", "the case was assigned in another way");
	req_object(r, "prescription_assignments", row_uuid(a, "id"));
	if (strcmp(row_str(a, "status"), "open") == 0 && give(r->db, &a, wanted, err) < 0)
		return -1;
	if (strcmp(row_str(a, "status"), "open") == 0)
		return problem(err, 409, uuid_is_nil(wanted) ? "no_provider" : "provider_not_licensed",
		    "nobody who may have the case is licensed in its state; it waits");
	if (strcmp(row_str(a, "status"), "cancelled") == 0)
		return problem(err, 409, "case_ended", "the case was cancelled");
	if (!uuid_is_nil(wanted) && !uuid_equal(wanted, row_uuid(a, "claimed_by")))
		return problem(err, 409, "already_assigned", "another provider has the case");
	return answer_assigned(r, a);
}

/* ---- events */

int
on_case_created(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "case_id");
	const struct row *c;

	if (db_one(e->db, &c, created_sql, err, P_UUID(id), P_UUID(event_uuid(e, "patient_id")), P_TEXT(event_str(e, "state")),
		P_TEXT(event_str(e, "platform")), P_TEXT(event_str(e, "intake_type"))) < 0)
		return -1;
	return row_bool(c, "ready") ? give_if_ready(e->db, id, err) : 0;
}

int
on_voucher_issued(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "case_id");
	const struct row *c;

	if (db_one(e->db, &c, issued_sql, err, P_UUID(id)) < 0)
		return -1;
	return row_bool(c, "ready") ? give_if_ready(e->db, id, err) : 0;
}

/* A spent voucher ends nothing. */
int
on_voucher_ended(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "case_id");
	char text[UUID_TEXT];

	if (strcmp(event_str(e, "status"), "redeemed") == 0)
		return 0;
	if (db_exec(e->db, ended_sql, err, P_UUID(id)) < 0 || db_exec(e->db, cancel_sql, err, P_UUID(id)) < 0)
		return -1;
	return attention_clear(e->db, NOBODY, uuid_text(id, text), "case_ended", err);
}

/* ---- those who wait */

int
waiting_wake(struct db *db, struct problem *err)
{
	return job_enqueue(db, &(struct job_spec){ .kind = "direct.assign", .serial_key = "direct.assign" }, err);
}

int
direct_assign_job(struct job *j, struct problem *err)
{
	struct rows *waiting;

	if (job_begin(j, err) < 0 || db_all(j->db, &waiting, waiting_sql, err, P_INT(BATCH)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(waiting); i++)
		if (give_if_ready(j->db, row_uuid(rows_at(waiting, i), "submission_id"), err) < 0)
			return -1;
	if (rows_count(waiting) == BATCH)
		job_again(j, 0);
	return job_end(j, err);
}

/* ---- the way back to case */

static const char *
tell_body(struct job *j, const struct row *a)
{
	struct buf b = buf_in(j->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "assignment_id", job_str(j, "assignmentId"));
	jw_uuid(&w, "provider_id", row_uuid(a, "claimed_by"));
	jw_time(&w, "assigned_at", row_time(a, "claimed_at"));
	jw_end(&w);
	return buf_str(&b);
}

int
case_tell_job(struct job *j, struct problem *err)
{
	struct peer_call call = { .service = "case", .method = "POST" };
	struct uuid id = job_uuid(j, "assignmentId");
	const struct row *a;
	char text[UUID_TEXT];

	if (job_read(j, err) < 0 || db_one(j->db, &a, tell_sql, err, P_UUID(id)) < 0 || job_read_end(j, err) < 0)
		return -1;
	if (a == NULL || !row_is_null(a, "told_at") || strcmp(row_str(a, "status"), "cancelled") == 0)
		return 0;
	call.path = arena_printf(j->arena, "/cases/%s/provider", uuid_text(row_uuid(a, "submission_id"), text));
	call.body = tell_body(j, a);
	if (job_ask(j, &call, NULL, err) < 0) {
		if (strcmp(err->code, "case_ended") == 0) {	/* cancelled meanwhile: its event ends the assignment here, too */
			problem_clear(err);
			return 0;
		}
		return -1;
	}
	if (job_begin(j, err) < 0 || db_exec(j->db, told_sql, err, P_UUID(id)) < 0)
		return -1;
	return job_end(j, err);
}
