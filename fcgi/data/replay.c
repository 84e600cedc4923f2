/* replay.c: deliveries that are made again: replay to one consumer, dead letters, a consumer's rebuild (row P-EVT-10, P-EVT-11). */
#include "core.h"

#include "data/attention.h"
#include "data/db_private.h"
#include "data/event.h"

#define BATCH      20000
#define INBOX_DAYS "85 days" /* a little less than the 90 that an inbox remembers (fcgi/work/housekeeping.c) */

static const char reach_sql[] =
    "SELECT $1::timestamptz < now() - interval '" INBOX_DAYS "' AS beyond,"
    " (SELECT name FROM topic WHERE name = ANY ($2::text[]) GROUP BY name HAVING $1::timestamptz < now() - max(retention) LIMIT 1) AS gone";
static const char count_sql[] = "SELECT count(*) AS n, NULL::timestamptz AS last FROM outbox WHERE topic = ANY ($1::text[]) AND occurred_at >= $2";
static const char replay_sql[] =
    "WITH chosen AS (SELECT id, aggregate_id, seq, occurred_at FROM outbox WHERE topic = ANY ($1::text[]) AND occurred_at >= $2"
    "   ORDER BY occurred_at LIMIT $4),"
    " made AS (INSERT INTO outbox_delivery AS d (outbox_id, subscriber, aggregate_id, seq)"
    "   SELECT id, $3, aggregate_id, seq FROM chosen"
    "   ON CONFLICT (outbox_id, subscriber) DO UPDATE SET state = 'pending', attempt = 0, token = d.token + 1, run_at = clock_timestamp(),"
    "     lease_by = NULL, last_error = NULL, sent_at = NULL WHERE d.state <> 'pending' RETURNING 1)"
    " SELECT (SELECT count(*) FROM made) AS n, CASE WHEN count(*) = $4 THEN max(occurred_at) END AS last FROM chosen";
static const char retry_sql[] =
    "UPDATE outbox_delivery SET state = 'pending', attempt = 0, token = token + 1, run_at = clock_timestamp(), lease_by = NULL"
    " WHERE outbox_id = $1 AND state = 'dead' AND ($2::text IS NULL OR subscriber = $2) RETURNING subscriber";
static const char unbury_sql[] =
    "UPDATE event_parked SET state = 'parked', attempt = 0, run_at = clock_timestamp() WHERE message_id = $1 AND state = 'dead'";
/* A row from before the column was there counts by its arrival. */
static const char forget_sql[] =
    "DELETE FROM inbox WHERE source = $1 AND coalesce(occurred_at, received_at) >= $2 AND ($3::text IS NULL OR topic = $3)";

static void
add_topics(struct buf *out, const struct topic *table, const struct replay *what)
{
	for (const struct topic *t = table; t != NULL && t->name != NULL; t++) {
		if (what->topic != NULL && strcmp(what->topic, t->name) != 0)
			continue;
		for (const char *const *s = t->subscribers; s != NULL && *s != NULL; s++)
			if (strcmp(*s, what->consumer) == 0)
				buf_addf(out, "%s%s", out->len > 1 ? "," : "", t->name);
	}
}

/* What the consumer listens to, as a text[]. */
static const char *
topics_of(struct arena *a, const struct replay *what)
{
	struct buf b = buf_in(a, 16 * 1024);

	buf_addc(&b, '{');
	add_topics(&b, event_own_topics(), what);
	add_topics(&b, core_topics, what);
	if (b.len == 1)
		return NULL;
	buf_addc(&b, '}');
	return buf_str(&b);
}

static int
within_reach(struct db *db, const struct replay *what, const char *names, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, reach_sql, err, P_TIME(what->from), P_TEXT(names)) < 0)
		return -1;
	if (what->rebuild && !row_is_null(w, "gone"))
		return problem(err, 422, "not_kept", "messages of %s are not kept from then on", row_str(w, "gone"));
	if (!what->rebuild && row_bool(w, "beyond"))
		return problem(err, 422, "beyond_inbox", "consumers remember " INBOX_DAYS "; what is older would be done twice");
	return 0;
}

int
event_replay(struct db *db, const struct replay *what, struct replayed *ret, struct problem *err)
{
	const char *names = topics_of(db_current_arena(db), what);
	const struct row *w;

	if (names == NULL)
		return problem(err, 422, "not_a_subscriber", "%s does not listen to that here", what->consumer);
	if (within_reach(db, what, names, err) < 0)
		return -1;
	if ((what->dry ? db_one(db, &w, count_sql, err, P_TEXT(names), P_TIME(what->from))
		       : db_one(db, &w, replay_sql, err, P_TEXT(names), P_TIME(what->from), P_TEXT(what->consumer), P_INT(BATCH))) < 0)
		return -1;
	if (!what->dry)
		db_hint(db, "");
	*ret = (struct replayed){ row_int(w, "n"), row_time(w, "last") };
	return 0;
}

int64_t
event_retry(struct db *db, struct uuid message, const char *subscriber, struct problem *err)
{
	char id[UUID_TEXT];
	struct rows *rows;
	int64_t parked;

	if (db_all(db, &rows, retry_sql, err, P_UUID(message), P_TEXT(subscriber)) < 0)
		return -1;
	parked = subscriber != NULL ? 0 : db_exec(db, unbury_sql, err, P_TEXT(uuid_text(message, id)));
	if (parked < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *subject = arena_printf(
		    db_current_arena(db), "%s/%s", uuid_text(message, id), row_str(rows_at(rows, i), "subscriber"));

		if (attention_clear(db, "event.dead", subject, "retried", err) < 0)
			return -1;
	}
	db_hint(db, "");
	return (int64_t)rows_count(rows) + parked;
}

int64_t
event_forget(struct db *db, const char *source, const char *topic, int64_t from, struct problem *err)
{
	return db_exec(db, forget_sql, err, P_TEXT(source), P_TIME(from), P_TEXT(topic));
}
