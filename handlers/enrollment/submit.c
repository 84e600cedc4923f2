/*
 * submit.c: the patient's answer (P-ENR-11, P-ENR-12). One transaction: the link is used up, the insurance, the pictures, the signed consent, the enrolment's
 * end and the event. Of two at once one waits for the link's row and finds it used; what is refused leaves the link as it was.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "enrollment/enrollment.h"

static const char use_sql[] = "UPDATE magic_links SET used_at = now() WHERE id = $1";
static const char complete_sql[] =
	"UPDATE enrollments SET status = 'completed', insurance_verified = $2, completed_at = now(), updated_at = now() WHERE id = $1 AND status = 'pending'";

static int
open_check(struct req *r, const struct link *l, struct problem *err)
{
	struct candidate c;

	if (!uuid_equal(l->prescription_id, req_uuid(r, "prescription_id")))
		return problem_member(err, "prescription_id", "mismatch", "not the prescription of this link");
	if (candidate_load(r->db, l->prescription_id, &c, err) < 0)
		return -1;
	return strcmp(c.status, "validated") == 0 ? 0 : problem(err, 409, "not_validated", "this prescription is no longer open");
}

static int
tell(struct req *r, const struct link *l, bool verified, struct problem *err)
{
	struct buf b = buf_in(r->arena, 2048);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "event_id", uuid_new());
	jw_uuid(&w, "enrollment_id", l->enrollment_id);
	jw_uuid(&w, "prescription_id", l->prescription_id);
	jw_uuid(&w, "patient_id", l->patient_id);
	jw_bool(&w, "insurance_verified", verified);
	jw_time(&w, "timestamp", clock_us());
	jw_end(&w);
	return event_publish(r->db, "patient.enrollment.completed", l->prescription_id, buf_str(&b), err);
}

static int
complete(struct req *r, const struct link *l, bool verified, struct problem *err)
{
	char id[UUID_TEXT];
	int64_t n = db_exec(r->db, complete_sql, err, P_UUID(l->enrollment_id), P_BOOL(verified));

	if (n < 0 || db_exec(r->db, use_sql, err, P_UUID(l->id)) < 0)
		return -1;
	if (n == 0)
		return problem(err, 409, "already_used", "this enrollment is complete or was withdrawn");
	if (attention_clear(r->db, "enrollment.expired", uuid_text(l->enrollment_id, id), "completed", err) < 0)
		return -1;
	return audit_add(r->db, &(struct audit_entry){ .action = "enrollment.status", .object = "enrollments", .object_id = id,
	    .detail = "{\"from\":\"pending\",\"to\":\"completed\"}" }, err);
}

int
enrollment_submit(struct req *r, struct problem *err)
{
	const char *plan_type;
	bool verified;
	struct link l;

	if (link_find(r->db, req_str(r, "token"), true, &l, err) < 0 || open_check(r, &l, err) < 0)
		return -1;
	req_object(r, "enrollments", l.enrollment_id);
	if (consent_store(r, &l, err) < 0 && err->nerrors == 0)
		return -1;
	if (insurance_store(r, &l, &verified, &plan_type, err) < 0 || err->nerrors > 0 || complete(r, &l, verified, err) < 0 || tell(r, &l, verified, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "enrollment_id", l.enrollment_id);
	jw_uuid(w, "prescription_id", l.prescription_id);
	jw_str(w, "status", "enrolled");
	jw_bool(w, "insurance_verified", verified);
	jw_str(w, "plan_type", plan_type);
	jw_end(w);
	return 0;
}
