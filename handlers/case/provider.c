/*
 * provider.c: registry writes back who has the case (C18; 2.3, registry). The first word stands; the same word again is the same answer.
 */
#include "case/case.h"

#include "base/clock.h"

static const char assign_sql[] =
	"UPDATE cases SET assignment_id = $2, provider_id = $3, assigned_at = $4 WHERE id = $1 AND provider_id IS NULL";
static const char status_sql[] = "SELECT status FROM cases WHERE id = $1";

static int
publish_assigned(struct req *r, const struct patient_case *c, struct problem *err)
{
	struct buf b = buf_in(r->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "case_id", c->id);
	jw_uuid(&w, "patient_id", c->patient_id);
	jw_uuid(&w, "provider_id", req_uuid(r, "provider_id"));
	jw_str(&w, "state", c->state);
	jw_str(&w, "platform", c->platform);
	jw_str(&w, "intake_type", c->intake_type);
	jw_end(&w);
	return event_publish(r->db, "case.provider.assigned", c->id, buf_str(&b), err);
}

static int
assign(struct req *r, const struct patient_case *c, struct problem *err)
{
	const struct case_line said = { .source = "registry", .what = "provider", .code = "assigned", .subject = req_uuid(r, "provider_id") };
	int64_t at;

	if (clock_parse(req_str(r, "assigned_at"), &at) < 0)
		return problem(err, 422, "validation_failed", "assigned_at is no time");
	if (db_exec(r->db, assign_sql, err, P_UUID(c->id), P_UUID(req_uuid(r, "assignment_id")), P_UUID(req_uuid(r, "provider_id")), P_TIME(at)) < 0 ||
	    case_note(r->db, c->id, &said, err) < 0 || publish_assigned(r, c, err) < 0)
		return -1;
	return case_settle(r->db, c->id, err);
}

int
provider_assigned(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "id");
	struct patient_case c;
	const struct row *w;

	req_object(r, "cases", id);
	if (case_lock(r->db, id, &c, err) < 0)
		return -1;
	if (strcmp(c.status, "cancelled") == 0)
		return problem(err, 409, "case_ended", "the case was cancelled");
	if (!uuid_is_nil(c.provider_id) && !uuid_equal(c.provider_id, req_uuid(r, "provider_id")))
		return problem(err, 409, "already_assigned", "the case has another provider");
	if (uuid_is_nil(c.provider_id) && assign(r, &c, err) < 0)
		return -1;
	if (db_one(r->db, &w, status_sql, err, P_UUID(id)) < 0)
		return -1;
	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_uuid(j, "case_id", id);
	jw_uuid(j, "provider_id", req_uuid(r, "provider_id"));
	jw_str(j, "status", row_str(w, "status"));
	jw_end(j);
	return 0;
}
