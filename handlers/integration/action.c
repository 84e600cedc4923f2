/*
 * action.c: what the physician decides (I-RXQ-03, decision C21). Only the physician who claimed the case may approve or deny it; an unclaimed case, another
 * physician, or a call that does not name one is 409 and starts no run. The run is the orchestrator's; its key is the task and the
 * attempt, so that approving twice is one run, and approving anew after a run that failed for certain is a new one.
 */
#include "integration/integration.h"

static int
find_case(struct req *r, struct ehr_case *c, struct problem *err)
{
	if (db_begin(r->db, READ, &r->scope, err) < 0)
		return -1;
	if (ehr_case_of_task(r->db, req_str(r, "taskId"), c, err) < 0) {
		db_rollback(r->db);
		return -1;
	}
	if (db_commit(r->db, err) < 0)
		return -1;
	return uuid_is_nil(c->submission_id) ? problem(err, 404, "not_found", "no such task") : 0;
}

/* The claim decides: who is named must be who claimed. */
static int
check_claimant(struct req *r, const json_t *assignment, struct problem *err)
{
	const char *status = json_text_at(assignment, "status"), *claimant = json_text_at(assignment, "claimedBy");
	char named[UUID_TEXT];

	if (!req_has(r, "practitionerId"))
		return problem(err, 409, "claimant_required", "name the physician who claimed the case");
	if (status == NULL || claimant == NULL || strcmp(status, "open") == 0)
		return problem(err, 409, "assignment_not_claimed", "nobody has claimed this case");
	if (strcmp(claimant, uuid_text(req_uuid(r, "practitionerId"), named)) != 0)
		return problem(err, 409, "not_the_claimant", "the case is claimed by another physician");
	return 0;
}

static int
check_body(struct req *r, bool approve, struct problem *err)
{
	if (!approve && !req_has(r, "reason"))
		return problem(err, 422, "reason_required", "a denial needs a reason");
	if (approve && (!req_has(r, "medication") || !req_has(r, "dosage")))
		return problem(err, 422, "dosage_required", "an approval needs medication and dosage");
	return 0;
}

static const char *
forward_body(struct req *r, const struct ehr_case *c, const json_t *assignment, bool approve)
{
	struct buf b = buf_in(r->arena, 8192);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "taskId", c->task_id);
	jw_uuid(&w, "submissionId", c->submission_id);
	jw_uuid(&w, "patientId", c->patient_id);
	jw_str(&w, "assignmentId", json_text_at(assignment, "assignmentId"));
	jw_uuid(&w, "practitionerId", req_uuid(r, "practitionerId"));
	if (approve) {
		jw_str(&w, "medication", req_str(r, "medication"));
		jw_str(&w, "dosage", req_str(r, "dosage"));
	} else {
		jw_str(&w, "reason", req_str(r, "reason"));
	}
	jw_end(&w);
	return b.data;
}

int
action_ask(struct req *r, struct problem *err)
{
	bool approve = strcmp(req_str(r, "action"), "approve") == 0;
	struct peer_call assignment = { .service = "registry", .method = "GET" }, run = { .service = "orchestrator", .method = "POST" };
	struct peer_reply reply;
	struct ehr_case c;
	char id[UUID_TEXT];

	if (find_case(r, &c, err) < 0)
		return -1;
	assignment.path = arena_printf(r->arena, "/route/assignments?submissionId=%s", uuid_text(c.submission_id, id));
	if (peer_call(r->http, r->arena, r->conf, &assignment, &reply, err) < 0 || peer_expect(&assignment, &reply, err) < 0 ||
	    check_claimant(r, reply.body, err) < 0 || check_body(r, approve, err) < 0)
		return -1;
	run.path = approve ? "/orchestrator/approve" : "/orchestrator/deny";
	run.key = arena_printf(r->arena, "task-action:%s:%s:%" PRId64, req_str(r, "action"), c.task_id, c.attempt);
	run.body = forward_body(r, &c, reply.body, approve);
	if (peer_call(r->http, r->arena, r->conf, &run, &reply, err) < 0 || peer_expect(&run, &reply, err) < 0)
		return -1;
	r->asked = reply.body;
	return 0;
}

int
action_reply(struct req *r, struct problem *err UNUSED)
{
	struct json_writer *w = reply_json(r, 202);

	req_object_text(r, "task", req_str(r, "taskId"));
	jw_object(w, NULL);
	jw_str(w, "runId", json_text_at(r->asked, "runId"));
	jw_str(w, "status", json_text_at(r->asked, "status"));
	jw_end(w);
	return 0;
}
