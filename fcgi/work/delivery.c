/*
 * delivery.c: the outbox to its subscribers (rules O1 to O3). A delivery is claimed by its state, never by "newer than"; of an
 * aggregate only the lowest number that a subscriber has not got is ever sent, so whoever fails holds back its own aggregate at
 * its own door and nobody else's.
 *
 * The claim pushes run_at ahead by the lease and raises the token: a worker that dies leaves a row that becomes due by itself,
 * and one that comes too late cannot write its result. The receiver's inbox makes a repeat harmless. After 20 attempts a
 * delivery is dead; what follows it waits for a person, because an order that is broken once stays broken.
 *
 * A subscriber that takes long over a message is left to a deliverer of its own until it is quick again, so that the others do not
 * wait behind it. That thread has no connection before somebody is slow.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "data/attention.h"
#include "net/peers.h"

#define SLOW_US (250 * 1000)

/* $n: a text[] of those who are slow; $m: this deliverer serves them, and them alone. */
#define OF_PACE(slow, served) " AND (d.subscriber = ANY (" slow "::text[])) = " served "::boolean"

static const char claim_sql[] =
    "WITH next AS (SELECT d.outbox_id, d.subscriber FROM outbox_delivery d"
    "  WHERE d.state = 'pending' AND d.subscriber <> '" EVENT_BUS "' AND (d.run_at <= clock_timestamp() OR ($3::boolean AND d.token < 30))"
    OF_PACE("$4", "$5")
    "  AND NOT EXISTS (SELECT FROM outbox_delivery e WHERE e.subscriber = d.subscriber AND e.aggregate_id = d.aggregate_id"
    "    AND e.seq < d.seq AND e.state = 'pending')"
    "  AND NOT EXISTS (SELECT FROM outbox_delivery e WHERE e.subscriber = d.subscriber AND e.aggregate_id = d.aggregate_id"
    "    AND e.seq < d.seq AND e.state = 'dead')"
    "  ORDER BY d.run_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " UPDATE outbox_delivery d SET attempt = attempt + 1, token = token + 1, lease_by = $1,"
    "  run_at = clock_timestamp() + make_interval(secs => $2)"
    " FROM next, outbox o WHERE d.outbox_id = next.outbox_id AND d.subscriber = next.subscriber AND o.id = d.outbox_id"
    " RETURNING d.outbox_id, d.subscriber, d.attempt, d.token, o.tenant_id, o.topic, o.aggregate_id, o.seq, o.payload,"
    " o.request_id, o.occurred_at, o.version";
static const char due_sql[] = "SELECT 1 FROM outbox_delivery d WHERE state = 'pending' AND subscriber <> '" EVENT_BUS "'"
			      " AND run_at <= clock_timestamp()" OF_PACE("$1", "$2") " LIMIT 1";
static const char sent_sql[] =
    "UPDATE outbox_delivery SET state = 'sent', sent_at = clock_timestamp(), lease_by = NULL, last_error = NULL"
    " WHERE outbox_id = $1 AND subscriber = $2 AND token = $3 AND state = 'pending'";
static const char failed_sql[] =
    "UPDATE outbox_delivery SET lease_by = NULL, last_error = $4, state = CASE WHEN $6::boolean THEN 'dead' ELSE 'pending' END,"
    "  attempt = attempt - CASE WHEN $7::boolean THEN 0 ELSE 1 END,"
    "  run_at = clock_timestamp() + make_interval(secs => greatest($5::float8, least(2 ^ least(attempt, 30),"
    " 3600) * (0.5 + random() / 2)))"
    " WHERE outbox_id = $1 AND subscriber = $2 AND token = $3 AND state = 'pending'";

struct delivery {
	struct uuid outbox_id;
	const char *subscriber;
	int attempt;
	int64_t token;
	struct scope scope;
	const char *topic;
	const char *body;
};

const char *
delivery_body(struct hand *h, const struct row *w)
{
	struct buf b = buf_in(h->arena, 1024 * 1024);
	struct json_writer j;

	jw_start(&j, &b);
	jw_object(&j, NULL);
	jw_uuid(&j, "id", row_uuid(w, "outbox_id"));
	jw_str(&j, "topic", row_str(w, "topic"));
	jw_int(&j, "version", row_int(w, "version"));
	jw_str(&j, "source", h->work->service->name);
	jw_uuid(&j, "aggregateId", row_uuid(w, "aggregate_id"));
	jw_int(&j, "seq", row_int(w, "seq"));
	jw_time(&j, "occurredAt", row_time(w, "occurred_at"));
	jw_opt_str(&j, "requestId", row_opt_str(w, "request_id"));
	jw_raw(&j, "payload", row_str(w, "payload"));
	jw_end(&j);
	return buf_str(&b);
}

/* ---- who is slow */

static bool
is_slow(const struct work *w, const char *subscriber)
{
	for (size_t i = 0; i < SLOW_MOST; i++)
		if (strcmp(w->slow[i], subscriber) == 0)
			return true;
	return false;
}

/* Puts new in the place of old; true when there was one. */
static bool
swap_slow(struct work *w, const char *old, const char *new)
{
	for (size_t i = 0; i < SLOW_MOST; i++) {
		if (strcmp(w->slow[i], old) != 0)
			continue;
		(void)snprintf(w->slow[i], sizeof(w->slow[i]), "%s", new);
		return true;
	}
	return false;
}

static void
note_pace(struct work *w, const char *subscriber, int64_t took_us)
{
	bool moved = false;

	if (strlen(subscriber) >= sizeof(w->slow[0]))
		return;
	pthread_mutex_lock(&w->lock);
	if (is_slow(w, subscriber) != (took_us >= SLOW_US))
		moved = took_us >= SLOW_US ? swap_slow(w, "", subscriber) : swap_slow(w, subscriber, "");
	pthread_mutex_unlock(&w->lock);
	if (moved)
		work_hint(w, ""); /* the other deliverer has it now */
}

/* As a text[]; "{}" when nobody is, or when that is not asked. */
static const char *
slow_ones(struct hand *h)
{
	struct buf b = buf_in(h->arena, 2048);
	struct work *w = h->work;

	buf_addc(&b, '{');
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; h->pace != ANY_PACE && i < SLOW_MOST; i++)
		if (w->slow[i][0] != '\0')
			buf_addf(&b, "%s%s", b.len > 1 ? "," : "", w->slow[i]);
	pthread_mutex_unlock(&w->lock);
	buf_addc(&b, '}');
	return buf_str(&b);
}

/* ---- one delivery */

/* 1 and *d filled, or 0. */
static int
claim(struct hand *h, struct delivery *d, struct problem *err)
{
	const struct row *w;

	if (db_begin(h->db, WRITE, &h->scope, err) < 0 ||
	    db_one(h->db, &w, claim_sql, err, P_TEXT(h->work->name), P_INT(h->work->lease_s), P_BOOL(h->skip_delays),
		P_TEXT(slow_ones(h)), P_BOOL(h->pace == SLOW_ONES)) < 0 ||
	    db_commit(h->db, err) < 0)
		return -1;
	if (w == NULL)
		return 0;
	*d = (struct delivery){
		.outbox_id = row_uuid(w, "outbox_id"),
		.subscriber = row_str(w, "subscriber"),
		.attempt = (int)row_int(w, "attempt"),
		.token = row_int(w, "token"),
		.topic = row_str(w, "topic"),
		.body = delivery_body(h, w),
		.scope = { .tenant = row_uuid(w, "tenant_id"),
		    .actor = "system:worker",
		    .request_id = row_opt_str(w, "request_id") },
	};
	return 1;
}

static int
post(struct hand *h, const struct delivery *d, struct problem *err)
{
	const char *prefix = peer_prefix(d->subscriber);
	struct peer_reply reply;

	if (prefix == NULL)
		return problem(err, 500, "unknown_subscriber", "no service is called %s", d->subscriber);
	struct peer_call call = {
		.service = d->subscriber, .method = "POST", .path = arena_printf(h->arena, "%s/events", prefix), .body = d->body
	};
	if (peer_call(h->http, h->arena, h->work->conf, &call, &reply, err) < 0)
		return -1;
	return peer_expect(&call, &reply, err);
}

static int
record_sent(struct hand *h, const struct delivery *d, struct problem *err)
{
	FAIL_POINT("outbox.posted");
	if (db_begin(h->db, WRITE, &d->scope, err) < 0 ||
	    db_exec(h->db, sent_sql, err, P_UUID(d->outbox_id), P_TEXT(d->subscriber), P_INT(d->token)) < 0)
		return -1;
	metric_add("events_delivered_total", NULL, 1);
	return db_commit(h->db, err);
}

/* What follows it in its aggregate waits, too. The news that a person is needed does not call for one. */
static int
call_for_person(struct hand *h, const struct delivery *d, const struct problem *why, struct problem *err)
{
	char id[UUID_TEXT];
	const struct attention what = { .kind = "event.dead",
		.subject = arena_printf(h->arena, "%s/%s", uuid_text(d->outbox_id, id), d->subscriber),
		.code = why->code,
		.detail = arena_printf(h->arena, "{\"topic\":\"%s\",\"subscriber\":\"%s\"}", d->topic, d->subscriber) };

	if (strcmp(d->topic, ATTENTION_RAISED) == 0 || strcmp(d->topic, ATTENTION_CLEARED) == 0)
		return 0;
	return attention_raise(h->db, &what, err);
}

static int
record_failure(struct hand *h, const struct delivery *d, const struct problem *why, struct problem *err)
{
	char id[UUID_TEXT];
	bool tried = strcmp(why->code, "circuit_open") != 0, dead = tried && d->attempt >= DELIVERY_ATTEMPTS;

	if (db_begin(h->db, WRITE, &d->scope, err) < 0 ||
	    db_exec(h->db, failed_sql, err, P_UUID(d->outbox_id), P_TEXT(d->subscriber), P_INT(d->token),
		P_TEXT(job_trouble(h->arena, why)), P_INT(why->retry_after), P_BOOL(dead), P_BOOL(tried)) < 0 ||
	    (dead && call_for_person(h, d, why, err) < 0) || db_commit(h->db, err) < 0)
		return -1;
	log_line(dead ? LOG_ERROR : LOG_WARN, dead ? "event.dead" : "event.retry", "event_id", uuid_text(d->outbox_id, id), "topic",
	    d->topic, "subscriber", d->subscriber, "attempt", arena_printf(h->arena, "%d", d->attempt), "code", why->code, "detail",
	    why->detail, NULL);
	metric_add(dead ? "events_dead_total" : "events_delivery_failures_total", NULL, 1);
	return 0;
}

int
deliver_one(struct hand *h, struct problem *err)
{
	struct problem why = { 0 };
	struct delivery d;
	int64_t began;
	int n = claim(h, &d, err);

	if (n <= 0) {
		db_rollback(h->db);
		return n;
	}
	FAIL_POINT("outbox.claimed");
	log_request_id(d.scope.request_id);
	began = clock_mono_us();
	n = post(h, &d, &why);
	note_pace(h->work, d.subscriber, clock_mono_us() - began);
	n = n == 0 ? record_sent(h, &d, err) : record_failure(h, &d, &why, err);
	log_request_id(NULL);
	FAIL_POINT("outbox.recorded");
	if (n < 0)
		db_rollback(h->db);
	return n < 0 ? -1 : 1;
}

static int
due(struct hand *h, struct problem *err)
{
	const struct row *w;

	if (db_begin(h->db, READ, &h->scope, err) < 0 ||
	    db_one(h->db, &w, due_sql, err, P_TEXT(slow_ones(h)), P_BOOL(h->pace == SLOW_ONES)) < 0 || db_commit(h->db, err) < 0)
		return -1;
	return w == NULL ? 0 : 1;
}

void *
deliverer_main(void *hand)
{
	struct hand *h = hand;

	h->pace = QUICK_ONES;
	return hand_loop(h, due, deliver_one, "delivery.trouble");
}

void *
slow_deliverer_main(void *hand)
{
	struct hand *h = hand;

	uint64_t seen;

	h->pace = SLOW_ONES;
	h->arena = arena_new(0);
	while (!atomic_load(&h->work->stopping) && (seen = work_hints(h->work), strcmp(slow_ones(h), "{}") == 0)) {
		arena_reset(h->arena);
		(void)work_wait(h, seen, POLL_MS);
	}
	arena_free(h->arena);
	return atomic_load(&h->work->stopping) ? NULL : hand_loop(h, due, deliver_one, "delivery.trouble");
}
