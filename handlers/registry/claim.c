/*
 * claim.c: many see the case, one takes it (Y-CLAIM-04 to 07, X-CLM-02).
 *
 * The race is decided by one UPDATE that finds the row open, the claimant in the junction and the licence good; PostgreSQL makes
 * the others wait for the winner's commit and then find nothing. Only a claim that changed nothing asks why. A refused claim is
 * audited and leaves the row as it was.
 */
#include "registry/registry.h"

static const char claim_sql[] =
	"UPDATE prescription_assignments a SET status = 'claimed', claimed_by = $2, claimed_at = now()"
	" WHERE a.id = $1 AND a.status = 'open'"
	" AND EXISTS (SELECT FROM assignment_physicians j WHERE j.assignment_id = a.id AND j.physician_id = $2)"
	" AND EXISTS (SELECT FROM physicians p JOIN physician_licenses l ON l.physician_id = p.id"
	" WHERE p.id = $2 AND p.active AND l.state = a.state AND l.expires_on >= current_date)"
	" RETURNING a.submission_id, a.patient_id, a.claimed_at";
static const char why_sql[] =
	"SELECT a.submission_id, a.patient_id, a.claimed_at, a.status = 'open' AS open, coalesce(a.claimed_by = $2, false) AS mine,"
	" EXISTS (SELECT FROM assignment_physicians j JOIN physicians p ON p.id = j.physician_id"
	" WHERE j.assignment_id = a.id AND j.physician_id = $2 AND p.active) AS eligible"
	" FROM prescription_assignments a WHERE a.id = $1";

/* The winner's answer; from the row alone, so that asking again gives the same bytes. */
static int
reply_claimed(struct req *r, struct assignment_id id, struct physician_id who, const struct row *a)
{
	struct json_writer *w = reply_json(r, 200);

	jw_object(w, NULL);
	jw_uuid(w, "assignmentId", id.v);
	jw_uuid(w, "submissionId", row_uuid(a, "submission_id"));
	jw_str(w, "status", "claimed");
	jw_uuid(w, "claimedBy", who.v);
	jw_time(w, "claimedAt", row_time(a, "claimed_at"));
	jw_end(w);
	return 0;
}

static int
refuse(struct problem *err, int status, const char *code, const char *detail)
{
	problem(err, status, code, "%s", detail);
	err->audit = true;
	return -1;
}

static int
lost(struct req *r, struct assignment_id id, struct physician_id who, struct problem *err)
{
	const struct row *a;

	if (db_one(r->db, &a, why_sql, err, P_UUID(id.v), P_UUID(who.v)) < 0)
		return -1;
	if (a == NULL)
		return problem(err, 404, "not_found", "no such assignment");
	if (row_bool(a, "mine"))
		return reply_claimed(r, id, who, a);
	if (!row_bool(a, "eligible"))
		return refuse(err, 403, "not_eligible", "the physician is not among those the case is open to");
	if (!row_bool(a, "open"))
		return refuse(err, 409, "claim_conflict", "another physician has claimed the case");
	return refuse(err, 409, "licence_expired", "the physician has no valid licence in the patient's state");
}

static int
publish_claimed(struct req *r, struct assignment_id id, struct physician_id who, const struct row *a, struct problem *err)
{
	struct buf b = buf_in(r->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "assignmentId", id.v);
	jw_uuid(&w, "submissionId", row_uuid(a, "submission_id"));
	jw_uuid(&w, "patientId", row_uuid(a, "patient_id"));
	jw_uuid(&w, "physicianId", who.v);
	jw_end(&w);
	return event_publish(r->db, "assignment.claimed", id.v, b.data, err);
}

/* Before the transaction begins: what the portal does here it does for a physician, and the audit row says for whom. */
int
claim_for(struct req *r, struct problem *err UNUSED)
{
	char text[UUID_TEXT];

	r->scope.on_behalf = arena_printf(r->arena, "physician:%s", uuid_text(req_uuid(r, "physicianId"), text));
	return 0;
}

int
claim(struct req *r, struct problem *err)
{
	struct assignment_id id = { req_uuid(r, "assignmentId") };
	struct physician_id who = { req_uuid(r, "physicianId") };
	const struct row *won;

	req_object(r, "prescription_assignments", id.v);
	if (db_one(r->db, &won, claim_sql, err, P_UUID(id.v), P_UUID(who.v)) < 0)
		return -1;
	if (won == NULL)
		return lost(r, id, who, err);
	if (publish_claimed(r, id, who, won, err) < 0)
		return -1;
	return reply_claimed(r, id, who, won);
}
