/*
 * event.c: the outbox row, its number within the aggregate and one delivery per subscriber, in one statement.
 */
#include "core.h"

#include "base/failpoint.h"
#include "base/json.h"
#include "base/log.h"
#include "data/db_private.h"
#include "data/event.h"

/* The head's row lock hands the numbers out in commit order, without gaps (rule O3): a transaction that rolls back gives its
 * number back. */
static const char publish_sql[] =
    "WITH head AS ("
    "  INSERT INTO outbox_head AS h (aggregate_id, seq) VALUES ($3::uuid, 1)"
    "  ON CONFLICT (aggregate_id) DO UPDATE SET seq = h.seq + 1 RETURNING seq),"
    " message AS ("
    "  INSERT INTO outbox (id, tenant_id, topic, aggregate_id, seq, payload, request_id, version)"
    "  SELECT message_id($2, $3::uuid, seq), $1::uuid, $2, $3::uuid, seq, $4::jsonb, $5, $7::integer FROM head RETURNING id, seq)"
    " INSERT INTO outbox_delivery (outbox_id, subscriber, aggregate_id, seq)"
    " SELECT message.id, subscriber, $3::uuid, message.seq FROM message, unnest($6::text[]) AS subscriber";

static const struct topic *topics;
static bool through_bus;

void
event_bus(bool through)
{
	through_bus = through;
}

void
event_topics(const struct topic *table)
{
	topics = table;
}

const struct topic *
event_own_topics(void)
{
	return topics;
}

/* An event is our own words: what is wrong with it is a bug of the service, named without its values. */
static int
check_payload(struct arena *a, const struct topic *t, const char *payload, struct problem *err)
{
	struct problem why = { 0 };
	json_t *value;

	if (t->payload == NULL)
		return 0;
	value = json_read(a, payload, strlen(payload), &why);
	if (value != NULL && field_check(t->payload, value, &why) == 0)
		return 0;
	return problem(err, 500, "invalid_event", "%s: %s %s", t->name, why.nerrors > 0 && *why.errors[0].field != '\0' ? why.errors[0].field : "payload",
	    why.nerrors > 0 ? why.errors[0].code : why.code);
}

/* Service names are plain words: an array literal needs no quoting. */
static const char *
subscriber_array(struct arena *a, const struct topic *t)
{
	struct buf b = buf_in(a, 1024);

	if (through_bus)
		return "{" EVENT_BUS "}";
	buf_addc(&b, '{');
	for (const char *const *s = t->subscribers; s != NULL && *s != NULL; s++)
		buf_addf(&b, "%s%s", b.len > 1 ? "," : "", *s);
	buf_addc(&b, '}');
	return buf_str(&b);
}

int
event_publish(struct db *db, const char *topic, struct uuid aggregate, const char *payload, struct problem *err)
{
	const struct topic *t = topic_find(topics, topic);
	const struct scope *s = db_scope(db);

	if (t == NULL && (t = topic_find(core_topics, topic)) == NULL)
		die("no such topic: %s", topic);
	if (check_payload(db_current_arena(db), t, payload, err) < 0)
		return -1;

	const struct param p[] = { P_UUID(s->tenant), P_TEXT(topic), P_UUID(aggregate), P_TEXT(payload), P_TEXT(s->request_id),
		P_TEXT(subscriber_array(db_current_arena(db), t)), P_INT(topic_version(t)) };

	if (db_run_later(db, publish_sql, p, COUNT(p), err) < 0)
		return -1;
	db_hint(db, "");
	FAIL_POINT("outbox.publish");
	return 0;
}

static const char inbox_sql[] =
    "INSERT INTO inbox (source, message_id, topic, occurred_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

static const struct event_row *
row_for(const struct event_row *rows, size_t n, const char *topic)
{
	const struct event_row *any = NULL;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].topic, topic) == 0)
			return &rows[i];
		if (strcmp(rows[i].topic, "*") == 0)
			any = &rows[i];
	}
	return any;
}

int
event_take(struct event *e, const struct event_row *rows, size_t n, struct problem *err)
{
	const struct event_row *row = row_for(rows, n, e->topic);
	char id[UUID_TEXT];
	int64_t fresh;

	if (row == NULL)
		return 2;
	fresh = db_exec(e->db, inbox_sql, err, P_TEXT(e->source), P_TEXT(uuid_text(e->id, id)), P_TEXT(e->topic), P_TIME(e->occurred_at));
	if (fresh <= 0)
		return (int)fresh;
	FAIL_POINT("inbox.take");
	if (row->run(e, err) < 0)
		return -1;
	FAIL_POINT("inbox.taken");
	return 1;
}

struct uuid
event_uuid(const struct event *e, const char *member)
{
	struct uuid u = UUID_NIL;

	if (uuid_parse(event_str(e, member), &u) < 0)
		return UUID_NIL;
	return u;
}

const char *
event_str(const struct event *e, const char *member)
{
	const char *s = json_text_at(e->payload, member);

	return s != NULL ? s : "";
}

int64_t
event_int(const struct event *e, const char *member)
{
	return json_int_at(e->payload, member, 0);
}
