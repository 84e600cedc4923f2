/*
 * events.c: POST <prefix>/events, where other services' workers deliver what happened. The inbox row and the effect are one
 * transaction, so a delivery that is repeated finds the row and does nothing (rule O4). A topic that nobody here consumes is
 * 202: the producer's table is wider than ours.
 */
#include "core.h"

#include "web/web_private.h"

const struct field event_body[] = { { "id", UUID, .required = true, .says = "the message: the same at each delivery" },
	{ "topic", STRING, .required = true, .min = 1, .max = 100, .says = "what happened", .example = "intake.submitted" },
	{ "version", INTEGER, .min = 1, .max = 1000, .says = "of the payload's schema; 1 when absent" },
	{ "source", STRING, .required = true, .min = 1, .max = 60, .says = "the producing service" },
	{ "aggregateId", UUID, .required = true, .says = "the object it happened to" },
	{ "seq", INTEGER, .required = true, .says = "position among the messages of this object" },
	{ "occurredAt", TIME, .required = true, .says = "when it was committed" },
	{ "requestId", STRING, .nullable = true, .says = "the request that caused it" },
	{ "payload", OBJECT, .required = true, .says = "ids, codes and amounts; never a patient's values" }, { 0 } };

const struct field event_reply[] = { { "duplicate", BOOLEAN, .says = "it had been taken before" },
	{ "ignored", BOOLEAN, .says = "no function here consumes this topic" }, { 0 } };

static void
answer(struct req *r, int status, const char *member, bool value)
{
	struct json_writer *w = reply_json(r, status);

	jw_object(w, NULL);
	jw_bool(w, member, value);
	jw_end(w);
}

/* Before the transaction begins: it carries the event's own request id, so that one id links a patient's request to
 * everything it set in motion. */
int
event_cause(struct req *r, struct problem *err)
{
	const char *id = req_opt_str(r, "requestId");

	if (strcmp(req_str(r, "source"), r->caller) != 0)
		return problem(err, 403, "forbidden", "%s may not speak for another service", r->caller);
	if (request_id_is_fit(id))
		r->scope.request_id = id;
	return 0;
}

int
event_receive(struct req *r, struct problem *err)
{
	struct event e = {
		.db = r->db,
		.arena = r->arena,
		.conf = r->conf,
		.id = req_uuid(r, "id"),
		.topic = req_str(r, "topic"),
		.version = (int)req_int(r, "version", 1),
		.source = req_str(r, "source"),
		.aggregate = req_uuid(r, "aggregateId"),
		.seq = req_int(r, "seq", 0),
		.payload = req_json(r, "payload"),
	};
	int taken;

	if (clock_parse(req_str(r, "occurredAt"), &e.occurred_at) < 0)
		return problem(err, 422, "validation_failed", "occurredAt is not a time");
	taken = event_take(&e, r->service->events, r->service->nevents, err);
	if (taken < 0)
		return -1;
	if (taken == 2)
		answer(r, 202, "ignored", true);
	else
		answer(r, 200, "duplicate", taken == 0);
	return 0;
}
