/*
 * decision.c: the physician decided (Y-CLAIM-06): the assignment is completed and the visit credited, once, whatever is delivered
 * how often. In direct mode the prescription of the case is the decision.
 */
#include "registry/registry.h"

static const char complete_sql[] =
	"UPDATE prescription_assignments SET status = 'completed', outcome = $3, run_id = $4, completed_at = now()"
	" WHERE id = $1 AND status = 'claimed' AND claimed_by = $2 RETURNING submission_id, patient_id";
static const char prescribed_sql[] =
	"UPDATE prescription_assignments SET status = 'completed', outcome = 'approved', completed_at = now()"
	" WHERE submission_id = $1 AND mode = 'direct' AND status = 'claimed' RETURNING id, claimed_by, submission_id, patient_id";
static const char credit_sql[] =
	"INSERT INTO visit_credits (id, assignment_id, physician_id, outcome, amount_cents, currency)"
	" VALUES ($1, $2, $3, $4, $5::bigint, $6)"
	" ON CONFLICT ON CONSTRAINT visit_credits_once DO NOTHING";
static const char done_sql[] = "SELECT id FROM prescription_assignments WHERE id = $1 AND status = 'completed' AND claimed_by = $2";
static const char list_sql[] =
	"SELECT id, assignment_id, outcome, amount_cents, currency, credited_at FROM visit_credits WHERE physician_id = $1"
	" AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT 100";

static int
publish_completed(struct event *e, struct assignment_id id, struct physician_id who, const char *outcome, const struct row *a, struct problem *err)
{
	struct buf b = buf_in(e->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "assignmentId", id.v);
	jw_uuid(&w, "submissionId", row_uuid(a, "submission_id"));
	jw_uuid(&w, "patientId", row_uuid(a, "patient_id"));
	jw_uuid(&w, "physicianId", who.v);
	jw_str(&w, "outcome", outcome);
	jw_end(&w);
	return event_publish(e->db, "assignment.completed", id.v, b.data, err);
}

/* What follows from it, in its transaction. */
static int
completed(struct event *e, struct assignment_id id, struct physician_id who, const char *outcome, const struct row *a, struct problem *err)
{
	char text[UUID_TEXT];

	if (db_exec(e->db, credit_sql, err, P_UUID(uuid_new()), P_UUID(id.v), P_UUID(who.v), P_TEXT(outcome),
	    P_INT(conf_int(e->conf, "VISIT_CREDIT_CENTS")), P_TEXT(conf_str(e->conf, "VISIT_CREDIT_CURRENCY"))) < 0 ||
	    audit_add(e->db, &(struct audit_entry){ .action = "assignment.complete", .object = "prescription_assignments",
	    .object_id = uuid_text(id.v, text) }, err) < 0)
		return -1;
	return publish_completed(e, id, who, outcome, a, err);
}

/* A second telling is nothing; a decision by somebody who does not hold the case is on record and changes nothing. */
static int
not_completed(struct event *e, struct assignment_id id, struct physician_id who, struct problem *err)
{
	const struct row *done;
	char text[UUID_TEXT];

	if (db_one(e->db, &done, done_sql, err, P_UUID(id.v), P_UUID(who.v)) < 0)
		return -1;
	if (done != NULL)
		return 0;
	return audit_add(e->db, &(struct audit_entry){ .action = "assignment.complete", .object = "prescription_assignments",
	    .object_id = uuid_text(id.v, text), .outcome = "failure", .reason = "not_the_claimant" }, err);
}

int
on_prescription_decided(struct event *e, struct problem *err)
{
	struct assignment_id id = { event_uuid(e, "assignmentId") };
	struct physician_id who = { event_uuid(e, "physicianId") };
	const char *outcome = event_str(e, "outcome");
	const struct row *a;

	if (db_one(e->db, &a, complete_sql, err, P_UUID(id.v), P_UUID(who.v), P_TEXT(outcome),
	    P_OPT_UUID(event_uuid(e, "runId"))) < 0)
		return -1;
	if (a == NULL)
		return not_completed(e, id, who, err);
	return completed(e, id, who, outcome, a, err);
}

/* The first prescription of the case; a second one credits nothing. */
int
on_case_prescribed(struct event *e, struct problem *err)
{
	const struct row *a;

	if (db_one(e->db, &a, prescribed_sql, err, P_UUID(event_uuid(e, "case_id"))) < 0)
		return -1;
	if (a == NULL)
		return 0;
	return completed(e, (struct assignment_id){ row_uuid(a, "id") }, (struct physician_id){ row_uuid(a, "claimed_by") }, "approved", a, err);
}

int
credit_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_UUID(req_uuid(r, "physicianId")), P_OPT_UUID(req_uuid(r, "after"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "credits");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *c = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "creditId", row_uuid(c, "id"));
		jw_uuid(w, "assignmentId", row_uuid(c, "assignment_id"));
		jw_str(w, "outcome", row_str(c, "outcome"));
		jw_int(w, "amountCents", row_int(c, "amount_cents"));
		jw_str(w, "currency", row_str(c, "currency"));
		jw_time(w, "creditedAt", row_time(c, "credited_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
