/*
 * sagas.c: what staff do about runs that do not go on by themselves: the list, one with every step, and a person's decision about the
 * step that is manual (rule M8).
 */
#include "orchestrator/orchestrator.h"

int
sagas_list(struct req *r, struct problem *err)
{
	const char *which = req_opt_str(r, "which");
	struct json_writer *w = reply_json(r, 200);

	jw_object(w, NULL);
	if (saga_list_json(r->db, which == NULL ? "open" : which, w, "sagas", err) < 0)
		return -1;
	jw_end(w);
	return 0;
}

int
sagas_show(struct req *r, struct problem *err)
{
	return saga_whole_json(r->db, req_uuid(r, "id"), reply_json(r, 200), err);
}

int
sagas_decide(struct req *r, struct problem *err)
{
	const char *act = req_str(r, "action");
	struct saga_decision d = { .step = req_opt_str(r, "step"), .reason = req_str(r, "reason"), .by = r->scope.actor };

	d.act = strcmp(act, "confirm") == 0 ? SAGA_CONFIRM : strcmp(act, "failed") == 0 ? SAGA_FAILED : SAGA_RETRY;
	req_object(r, "saga", req_uuid(r, "id"));
	if (saga_decide(r->db, &prescription_saga, req_uuid(r, "id"), &d, err) < 0)
		return -1;
	return saga_whole_json(r->db, req_uuid(r, "id"), reply_json(r, 202), err);
}
