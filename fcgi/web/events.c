/*
 * events.c: POST <prefix>/events, where other services' workers deliver what happened. The inbox row and the effect are one
 * transaction, so a delivery that is repeated finds the row and does nothing (rule O4). A topic that nobody here consumes is
 * 202: the producer's table is wider than ours.
 */
#include "core.h"

#include "web/web_private.h"

static const char inbox_sql[] = "INSERT INTO inbox (source, message_id, topic) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const struct field event_body[] = { { "id", UUID, .required = true, .says = "the message: the same at each delivery" },
	{ "topic", STRING, .required = true, .min = 1, .max = 100, .says = "what happened", .example = "intake.submitted" },
	{ "source", STRING, .required = true, .min = 1, .max = 60, .says = "the producing service" },
	{ "aggregateId", UUID, .required = true, .says = "the object it happened to" },
	{ "seq", INTEGER, .required = true, .says = "position among the messages of this object" },
	{ "occurredAt", TIME, .required = true, .says = "when it was committed" },
	{ "requestId", STRING, .nullable = true, .says = "the request that caused it" },
	{ "payload", OBJECT, .required = true, .says = "ids, codes and amounts; never a patient's values" }, { 0 } };

const struct field event_reply[] = { { "duplicate", BOOLEAN, .says = "it had been taken before" },
	{ "ignored", BOOLEAN, .says = "no function here consumes this topic" }, { 0 } };

static const struct event_row *
row_for(const struct service *s, const char *topic)
{
	const struct event_row *any = NULL;

	for (size_t i = 0; i < s->nevents; i++) {
		if (strcmp(s->events[i].topic, topic) == 0)
			return &s->events[i];
		if (strcmp(s->events[i].topic, "*") == 0)
			any = &s->events[i];
	}
	return any;
}

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
	const char *topic = req_str(r, "topic"), *source = req_str(r, "source");
	const struct event_row *row = row_for(r->service, topic);
	struct event e = {
		.db = r->db,
		.arena = r->arena,
		.conf = r->conf,
		.id = req_uuid(r, "id"),
		.topic = topic,
		.source = source,
		.aggregate = req_uuid(r, "aggregateId"),
		.seq = req_int(r, "seq", 0),
		.payload = req_json(r, "payload"),
	};
	int64_t fresh;

	if (row == NULL) {
		answer(r, 202, "ignored", true);
		return 0;
	}
	if (clock_parse(req_str(r, "occurredAt"), &e.occurred_at) < 0)
		return problem(err, 422, "validation_failed", "occurredAt is not a time");
	fresh = db_exec(r->db, inbox_sql, err, P_TEXT(source), P_TEXT(req_str(r, "id")), P_TEXT(topic));
	if (fresh < 0)
		return -1;
	if (fresh == 1 && row->run(&e, err) < 0)
		return -1;
	answer(r, 200, "duplicate", fresh == 0);
	return 0;
}
