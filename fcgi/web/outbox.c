/*
 * outbox.c: a service's events as an administrator sees them: topics, what waits and what is dead; retry, replay, rebuild. Rows of
 * the core (routes.c): every service with a database answers them.
 */
#include "core.h"

#include "web/web_private.h"

static const char topics_sql[] =
    "SELECT t.name, t.version, t.partitions, extract(epoch FROM t.retention)::bigint / 86400 AS days, t.published, t.says,"
    " (SELECT min(o.occurred_at) FROM outbox o WHERE o.topic = t.name) AS oldest FROM topic t ORDER BY t.name, t.version";
static const char counts_sql[] = "SELECT subscriber, state, count(*) AS n, min(created_at) AS oldest FROM outbox_delivery"
				 " WHERE state IN ('pending', 'dead') GROUP BY subscriber, state ORDER BY subscriber, state";
static const char deliveries_sql[] =
    "SELECT o.id, o.topic, o.aggregate_id, o.seq, o.occurred_at, d.subscriber, d.attempt, d.run_at, d.last_error"
    " FROM outbox_delivery d JOIN outbox o ON o.id = d.outbox_id WHERE d.state = $1"
    " UNION ALL SELECT message_id::uuid, topic, aggregate_id, seq, (body ->> 'occurredAt')::timestamptz, $3, attempt, run_at, last_error"
    "  FROM event_parked WHERE state = CASE $1 WHEN 'dead' THEN 'dead' ELSE 'parked' END"
    " ORDER BY occurred_at, id LIMIT $2";
static const char schema_sql[] = "SELECT name, version, schema FROM topic WHERE name = $1 AND ($2 = 0 OR version = $2)"
				 " ORDER BY version DESC LIMIT 1";

static const char *const open_states[] = { "pending", "dead", NULL };
const struct field outbox_query[] = { { "state", ENUM, .values = open_states, .says = "which deliveries are listed, default dead" },
	{ "limit", INTEGER, .min = 1, .max = 500, .says = "how many of them, default 100" }, { 0 } };

static const struct field topic_fields[] = { { "topic", STRING, .required = true, .says = "its name" },
	{ "version", INTEGER, .required = true, .says = "of the payload's schema" },
	{ "partitions", INTEGER, .required = true, .says = "of the log, where a broker keeps one" },
	{ "retentionDays", INTEGER, .required = true, .says = "how long messages are kept at least" },
	{ "published", BOOLEAN, .required = true, .says = "by this service" },
	{ "oldest", TIME, .required = true, .nullable = true, .says = "the oldest message kept" },
	{ "says", STRING, .required = true, .says = "what happened" }, { 0 } };
static const struct field count_fields[] = { { "subscriber", STRING, .required = true, .says = "whose" },
	{ "state", ENUM, .required = true, .values = open_states, .says = "pending: it will be sent; dead: a person must look" },
	{ "deliveries", INTEGER, .required = true, .says = "how many" },
	{ "oldest", TIME, .required = true, .says = "since when" }, { 0 } };
static const struct field delivery_fields[] = { { "eventId", UUID, .required = true, .says = "the message" },
	{ "topic", STRING, .required = true, .says = "what happened" },
	{ "aggregateId", UUID, .required = true, .says = "to what" },
	{ "seq", INTEGER, .required = true, .says = "position among the messages of this object" },
	{ "occurredAt", TIME, .required = true, .says = "when" },
	{ "subscriber", STRING, .required = true, .says = "who has not got it" },
	{ "attempts", INTEGER, .required = true, .says = "how often it was tried" },
	{ "nextAt", TIME, .required = true, .says = "when it is tried again, if it is pending" },
	{ "lastError", STRING, .required = true, .nullable = true, .says = "why it was not taken" }, { 0 } };
const struct field outbox_reply[] = {
	{ "topics", ARRAY, .required = true, .max = 1000, .of = topic_fields, .says = "the table of topics" },
	{ "open", ARRAY, .required = true, .max = 1000, .of = count_fields, .says = "deliveries that are not made" },
	{ "deliveries", ARRAY, .required = true, .max = 500, .of = delivery_fields, .says = "oldest first" }, { 0 }
};
const struct field schema_params[] = { { "topic", STRING, .min = 1, .max = 100, .says = "its name", .example = "intake.submitted" }, { 0 } };
const struct field schema_query[] = { { "version", INTEGER, .min = 1, .max = 1000, .says = "default the newest" }, { 0 } };
const struct field schema_reply[] = { { "topic", STRING, .required = true, .says = "its name" },
	{ "version", INTEGER, .required = true, .says = "of the schema" },
	{ "schema", ANY, .required = true, .says = "JSON Schema of the payload; null while nobody publishes it" }, { 0 } };
const struct field retry_body[] = { { "subscriber", STRING, .max = 60, .says = "default: each that is dead" }, { 0 } };
const struct field retry_reply[] = { { "retried", INTEGER, .required = true, .says = "deliveries that are due again" }, { 0 } };
const struct field replay_body[] = { { "consumer", STRING, .required = true, .min = 1, .max = 60, .says = "the subscribing service", .example = "portal" },
	{ "from", TIME, .required = true, .says = "messages that occurred then or later" },
	{ "topic", STRING, .max = 100, .says = "default: each that the consumer listens to", .example = "intake.submitted" },
	{ "rebuild", BOOLEAN, .says = "the consumer forgets first: refused unless all of it is still kept" },
	{ "dry", BOOLEAN, .says = "only count" }, { 0 } };
const struct field replay_reply[] = { { "replayed", INTEGER, .required = true, .says = "messages that are sent again" },
	{ "next", TIME, .required = true, .nullable = true, .says = "null: all of them; else go on with this as from" }, { 0 } };
const struct field rebuild_body[] = { { "source", STRING, .required = true, .min = 1, .max = 60, .says = "the producing service", .example = "intake" },
	{ "from", TIME, .required = true, .says = "what occurred then or later is forgotten" },
	{ "topic", STRING, .max = 100, .says = "default: each of the source", .example = "intake.submitted" }, { 0 } };
const struct field rebuild_reply[] = { { "forgotten", INTEGER, .required = true, .says = "messages that count as not taken" }, { 0 } };

static void
topics_to_json(struct json_writer *w, struct rows *rows)
{
	jw_array(w, "topics");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *row = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "topic", row_str(row, "name"));
		jw_int(w, "version", row_int(row, "version"));
		jw_int(w, "partitions", row_int(row, "partitions"));
		jw_int(w, "retentionDays", row_int(row, "days"));
		jw_bool(w, "published", row_bool(row, "published"));
		jw_time(w, "oldest", row_time(row, "oldest"));
		jw_str(w, "says", row_str(row, "says"));
		jw_end(w);
	}
	jw_end(w);
}

static void
counts_to_json(struct json_writer *w, struct rows *rows)
{
	jw_array(w, "open");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *row = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "subscriber", row_str(row, "subscriber"));
		jw_str(w, "state", row_str(row, "state"));
		jw_int(w, "deliveries", row_int(row, "n"));
		jw_time(w, "oldest", row_time(row, "oldest"));
		jw_end(w);
	}
	jw_end(w);
}

static void
deliveries_to_json(struct json_writer *w, struct rows *rows)
{
	jw_array(w, "deliveries");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *row = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "eventId", row_uuid(row, "id"));
		jw_str(w, "topic", row_str(row, "topic"));
		jw_uuid(w, "aggregateId", row_uuid(row, "aggregate_id"));
		jw_int(w, "seq", row_int(row, "seq"));
		jw_time(w, "occurredAt", row_time(row, "occurred_at"));
		jw_str(w, "subscriber", row_str(row, "subscriber"));
		jw_int(w, "attempts", row_int(row, "attempt"));
		jw_time(w, "nextAt", row_time(row, "run_at"));
		jw_str(w, "lastError", row_opt_str(row, "last_error"));
		jw_end(w);
	}
	jw_end(w);
}

int
outbox_show(struct req *r, struct problem *err)
{
	const char *state = req_opt_str(r, "state");
	struct rows *topics, *counts, *deliveries;

	if (db_all(r->db, &topics, topics_sql, err) < 0 || db_all(r->db, &counts, counts_sql, err) < 0 ||
	    db_all(r->db, &deliveries, deliveries_sql, err, P_TEXT(state != NULL ? state : "dead"), P_INT(req_int(r, "limit", 100)), P_TEXT(r->service->name)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	topics_to_json(w, topics);
	counts_to_json(w, counts);
	deliveries_to_json(w, deliveries);
	jw_end(w);
	return 0;
}

int
schema_show(struct req *r, struct problem *err)
{
	const struct row *row;

	if (db_one(r->db, &row, schema_sql, err, P_TEXT(req_str(r, "topic")), P_INT(req_int(r, "version", 0))) < 0)
		return -1;
	if (row == NULL)
		return problem(err, 404, "not_found", "no such topic here");
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_str(w, "topic", row_str(row, "name"));
	jw_int(w, "version", row_int(row, "version"));
	jw_raw(w, "schema", row_is_null(row, "schema") ? "null" : row_str(row, "schema"));
	jw_end(w);
	return 0;
}

int
outbox_retry(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "eventId");
	int64_t n = event_retry(r->db, id, req_opt_str(r, "subscriber"), err);

	if (n < 0)
		return -1;
	if (n == 0)
		return problem(err, 404, "not_found", "no dead delivery of this message");
	req_object(r, "outbox", id);
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_int(w, "retried", n);
	jw_end(w);
	return 0;
}

static int
moment(const struct req *r, int64_t *ret, struct problem *err)
{
	if (clock_parse(req_str(r, "from"), ret) < 0)
		return problem(err, 422, "validation_failed", "from is not a time");
	return 0;
}

int
outbox_replay(struct req *r, struct problem *err)
{
	struct replay what = { .consumer = req_str(r, "consumer"),
		.topic = req_opt_str(r, "topic"),
		.rebuild = req_bool(r, "rebuild"),
		.dry = req_bool(r, "dry") };
	struct replayed done;

	if (moment(r, &what.from, err) < 0 || event_replay(r->db, &what, &done, err) < 0)
		return -1;
	req_object_text(r, "consumer", what.consumer);
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_int(w, "replayed", done.n);
	jw_time(w, "next", done.next);
	jw_end(w);
	return 0;
}

int
inbox_rebuild(struct req *r, struct problem *err)
{
	const char *source = req_str(r, "source"), *topic = req_opt_str(r, "topic");
	int64_t from, n;

	if (moment(r, &from, err) < 0 || r->service->forget(r->db, source, topic, from, err) < 0 ||
	    (n = event_forget(r->db, source, topic, from, err)) < 0)
		return -1;
	req_object_text(r, "source", source);
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_int(w, "forgotten", n);
	jw_end(w);
	return 0;
}
