/*
 * event.c: the outbox row, its number within the aggregate and one delivery per subscriber, in one statement.
 */
#include "core.h"

#include "base/json.h"
#include "base/log.h"
#include "data/attention.h"
#include "data/db_private.h"
#include "data/event.h"

/* The head's row lock hands the numbers out in commit order, without gaps (rule O3): a transaction that rolls back gives its
 * number back. */
static const char publish_sql[] =
    "WITH head AS ("
    "  INSERT INTO outbox_head AS h (aggregate_id, seq) VALUES ($3::uuid, 1)"
    "  ON CONFLICT (aggregate_id) DO UPDATE SET seq = h.seq + 1 RETURNING seq),"
    " message AS ("
    "  INSERT INTO outbox (id, tenant_id, topic, aggregate_id, seq, payload, request_id)"
    "  SELECT message_id($2, $3::uuid, seq), $1::uuid, $2, $3::uuid, seq, $4::jsonb, $5 FROM head RETURNING id, seq)"
    " INSERT INTO outbox_delivery (outbox_id, subscriber, aggregate_id, seq)"
    " SELECT message.id, subscriber, $3::uuid, message.seq FROM message, unnest($6::text[]) AS subscriber";

static const char *const attention_to[] = { "integration", NULL };
const struct topic core_topics[] = {
	{ ATTENTION_RAISED, attention_to, "a person must look at this" },
	{ ATTENTION_CLEARED, attention_to, "the cause of it has ended" },
	{ 0 }
};

static const struct topic *topics;

void
event_topics(const struct topic *table)
{
	topics = table;
}

static const struct topic *
find_topic(const char *name)
{
	for (const struct topic *t = topics; t != NULL && t->name != NULL; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	for (const struct topic *t = core_topics; t->name != NULL; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	die("no such topic: %s", name);
}

/* Service names are plain words: an array literal needs no quoting. */
static const char *
subscriber_array(struct arena *a, const struct topic *t)
{
	struct buf b = buf_in(a, 1024);

	buf_addc(&b, '{');
	for (const char *const *s = t->subscribers; s != NULL && *s != NULL; s++)
		buf_addf(&b, "%s%s", b.len > 1 ? "," : "", *s);
	buf_addc(&b, '}');
	return buf_str(&b);
}

int
event_publish(struct db *db, const char *topic, struct uuid aggregate, const char *payload, struct problem *err)
{
	const struct topic *t = find_topic(topic);
	const struct scope *s = db_scope(db);

	const struct param p[] = { P_UUID(s->tenant), P_TEXT(topic), P_UUID(aggregate), P_TEXT(payload), P_TEXT(s->request_id),
		P_TEXT(subscriber_array(db_current_arena(db), t)) };

	if (db_run_later(db, publish_sql, p, COUNT(p), err) < 0)
		return -1;
	db->hint = true;
	return 0;
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
