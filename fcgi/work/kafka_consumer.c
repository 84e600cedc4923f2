/* kafka_consumer.c: see kafka.h. An offset is stored when its message's transaction is committed, or when the message is parked. */
#include "work/kafka_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "data/attention.h"
#include "data/audit.h"

/* Its turn comes when none of the same object is parked before it. */
static const char behind_sql[] =
    "SELECT 1 FROM event_parked WHERE source = $1 AND aggregate_id = $2 AND seq < $3 LIMIT 1";
static const char park_sql[] =
    "INSERT INTO event_parked (source, message_id, topic, aggregate_id, seq, body, attempt, run_at, last_error)"
    " VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::integer, clock_timestamp() + make_interval(secs => $7::integer), $8) ON CONFLICT DO NOTHING";
static const char due_sql[] =
    "SELECT source, message_id, topic, attempt, body FROM event_parked p WHERE state = 'parked' AND run_at <= clock_timestamp()"
    " AND NOT EXISTS (SELECT FROM event_parked e WHERE e.source = p.source AND e.aggregate_id = p.aggregate_id AND e.seq < p.seq)"
    " ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED";
static const char unpark_sql[] = "DELETE FROM event_parked WHERE source = $1 AND message_id = $2";
static const char again_sql[] =
    "UPDATE event_parked SET attempt = attempt + 1, last_error = $3, state = CASE WHEN $4::boolean THEN 'dead' ELSE 'parked' END,"
    " run_at = clock_timestamp() + make_interval(secs => least(2 ^ least(attempt + 1, 30), 3600) * (0.5 + random() / 2))"
    " WHERE source = $1 AND message_id = $2";

struct kafka_consumer {
	rd_kafka_t *rk;
	rd_kafka_message_t *held; /* could not be taken: it is tried again before any other */
};

/* ---- the group */

static int
subscribe(struct kafka_consumer *c, const struct service *s, struct problem *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->nevents);
	rd_kafka_resp_err_t rc;

	for (size_t i = 0; i < s->nevents; i++)
		(void)rd_kafka_topic_partition_list_add(
		    list, strcmp(s->events[i].topic, "*") == 0 ? "^[a-z0-9_]+[.].*" : s->events[i].topic, RD_KAFKA_PARTITION_UA);
	rc = rd_kafka_subscribe(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : problem(err, 503, "kafka_unavailable", "%s", rd_kafka_err2str(rc));
}

struct kafka_consumer *
kafka_consumer_new(struct hand *h, struct problem *err)
{
	struct kafka_consumer *c = calloc(1, sizeof(*c));
	rd_kafka_conf_t *conf = kafka_settings(h, err);
	char why[160];

	if (c == NULL)
		die("out of memory for Kafka's consumer");
	if (conf == NULL || kafka_set(conf, "group.id", arena_printf(h->arena, "telerx-%s", h->work->service->name), err) < 0 ||
	    kafka_set(conf, "auto.offset.reset", "earliest", err) < 0 ||
	    kafka_set(conf, "enable.auto.offset.store", "false", err) < 0 ||
	    kafka_set(conf, "auto.commit.interval.ms", "1000", err) < 0 ||
	    kafka_set(conf, "topic.metadata.refresh.interval.ms", "10000", err) < 0)
		goto fail;
	c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (c->rk == NULL) {
		(void)problem(err, 500, "bad_config", "Kafka: %s", why);
		goto fail;
	}
	(void)rd_kafka_poll_set_consumer(c->rk);
	if (subscribe(c, h->work->service, err) == 0)
		return c;
	kafka_consumer_free(c);
	return NULL;
fail:
	if (conf != NULL)
		rd_kafka_conf_destroy(conf);
	free(c);
	return NULL;
}

void
kafka_consumer_free(struct kafka_consumer *c)
{
	if (c == NULL)
		return;
	if (c->held != NULL)
		rd_kafka_message_destroy(c->held);
	(void)rd_kafka_consumer_close(c->rk);
	rd_kafka_destroy(c->rk);
	free(c);
}

/* ---- one message */

/* The envelope of the outbox, as delivery.c writes it. */
static int
read_event(struct hand *h, const char *text, size_t n, struct event *e, struct scope *scope, struct problem *err)
{
	json_t *body = json_read(h->arena, text, n, err);
	const char *at, *id, *aggregate;

	if (body == NULL)
		return -1;
	*e = (struct event){ .db = h->db,
		.arena = h->arena,
		.conf = h->work->conf,
		.topic = json_text_at(body, "topic"),
		.version = (int)json_int_at(body, "version", 1),
		.source = json_text_at(body, "source"),
		.seq = json_int_at(body, "seq", 0),
		.payload = json_object_get(body, "payload") };
	at = json_text_at(body, "occurredAt");
	id = json_text_at(body, "id");
	aggregate = json_text_at(body, "aggregateId");
	if (e->topic == NULL || e->source == NULL || at == NULL || id == NULL || aggregate == NULL || !json_is_object(e->payload) ||
	    uuid_parse(id, &e->id) < 0 || uuid_parse(aggregate, &e->aggregate) < 0 || clock_parse(at, &e->occurred_at) < 0)
		return problem(err, 422, "no_event", "not an event's envelope");
	*scope = h->scope;
	scope->actor = arena_printf(h->arena, "service:%s", e->source);
	scope->request_id = json_text_at(body, "requestId");
	return 0;
}

/* In the open transaction. 1: it waits behind another of its object. */
static int
is_behind(struct hand *h, const struct event *e, struct problem *err)
{
	const struct row *w;

	if (db_one(h->db, &w, behind_sql, err, P_TEXT(e->source), P_UUID(e->aggregate), P_INT(e->seq)) < 0)
		return -1;
	return w != NULL;
}

static int
take(struct hand *h, struct event *e, struct problem *err)
{
	const struct service *s = h->work->service;
	char id[UUID_TEXT];
	int taken = event_take(e, s->events, s->nevents, err);
	const struct audit_entry entry = { .action = "event.receive", .object = "event", .object_id = uuid_text(e->id, id) };

	if (taken != 1)
		return taken < 0 ? -1 : 0;
	return audit_add(h->db, &entry, err);
}

static int
park(struct hand *h, const struct event *e, const struct scope *scope, const char *text, size_t n, const char *why, struct problem *err)
{
	char id[UUID_TEXT];

	db_rollback(h->db);
	if (db_begin(h->db, WRITE, scope, err) < 0 ||
	    db_exec(h->db, park_sql, err, P_TEXT(e->source), P_TEXT(uuid_text(e->id, id)), P_TEXT(e->topic), P_UUID(e->aggregate),
		P_INT(e->seq), P_TEXTN(text, n), P_INT(why != NULL ? 1 : 0), P_TEXT(why)) < 0 ||
	    db_commit(h->db, err) < 0)
		return -1;
	log_line(LOG_WARN, "event.parked", "event_id", id, "topic", e->topic, "detail", why != NULL ? why : "behind another", NULL);
	metric_add("events_parked_total", NULL, 1);
	return 0;
}

static int
handle(struct hand *h, const char *text, size_t n, struct problem *err)
{
	struct problem why = { 0 };
	struct scope scope;
	struct event e;
	int behind;

	if (read_event(h, text, n, &e, &scope, &why) < 0) {
		log_line(LOG_ERROR, "kafka.no_event", "code", why.code, NULL); /* nobody of ours wrote it, and nothing can be made of it */
		return 0;
	}
	if (db_begin(h->db, WRITE, &scope, err) < 0 || (behind = is_behind(h, &e, err)) < 0)
		return -1;
	if (behind == 1)
		return park(h, &e, &scope, text, n, NULL, err);
	if (take(h, &e, &why) == 0 && db_commit(h->db, &why) == 0)
		return 0;
	if (why.status == 503 && why.fault != FAULT_PERMANENT && !db_alive(h->db)) {
		*err = why; /* the database is away: the message waits where it is */
		return -1;
	}
	return park(h, &e, &scope, text, n, job_trouble(h->arena, &why), err);
}

int
kafka_consume(struct kafka_consumer *c, struct hand *h, int wait_ms, struct problem *err)
{
	rd_kafka_message_t *m = c->held != NULL ? c->held : rd_kafka_consumer_poll(c->rk, wait_ms);
	bool event = m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR;

	c->held = NULL;
	if (m == NULL)
		return 0;
	if (event && handle(h, m->payload, m->len, err) < 0) {
		c->held = m;
		return -1;
	}
	if (event)
		(void)rd_kafka_offset_store(m->rkt, m->partition, m->offset);
	rd_kafka_message_destroy(m);
	return event;
}

/* ---- what is parked */

static int
try_again(struct hand *h, const struct row *w, const struct problem *why, struct problem *err)
{
	bool dead = row_int(w, "attempt") + 1 >= DELIVERY_ATTEMPTS;
	const struct attention what = { .kind = "event.dead",
		.subject = arena_printf(h->arena, "%s/%s", row_str(w, "message_id"), h->work->service->name),
		.code = why->code,
		.detail = arena_printf(h->arena, "{\"topic\":\"%s\",\"subscriber\":\"%s\"}", row_str(w, "topic"), h->work->service->name) };

	db_rollback(h->db);
	if (db_begin(h->db, WRITE, &h->scope, err) < 0 ||
	    db_exec(h->db, again_sql, err, P_TEXT(row_str(w, "source")), P_TEXT(row_str(w, "message_id")),
		P_TEXT(job_trouble(h->arena, why)), P_BOOL(dead)) < 0 ||
	    (dead && attention_raise(h->db, &what, err) < 0) || db_commit(h->db, err) < 0)
		return -1;
	log_line(dead ? LOG_ERROR : LOG_WARN, dead ? "event.dead" : "event.retry", "event_id", row_str(w, "message_id"), "topic",
	    row_str(w, "topic"), "code", why->code, "detail", why->detail, NULL);
	return 1;
}

int
kafka_unpark(struct hand *h, struct problem *err)
{
	struct problem why = { 0 };
	const struct row *w;
	struct scope scope;
	struct event e;

	if (db_begin(h->db, WRITE, &h->scope, err) < 0 || db_one(h->db, &w, due_sql, err) < 0)
		return -1;
	if (w == NULL)
		return db_commit(h->db, err);
	if (read_event(h, row_str(w, "body"), strlen(row_str(w, "body")), &e, &scope, &why) == 0 && take(h, &e, &why) == 0 &&
	    db_exec(h->db, unpark_sql, &why, P_TEXT(row_str(w, "source")), P_TEXT(row_str(w, "message_id"))) >= 0 &&
	    db_commit(h->db, &why) == 0)
		return 1;
	return try_again(h, w, &why, err);
}

void *
kafka_consumer_main(void *hand)
{
	struct hand *h = hand;
	struct kafka_consumer *c = NULL;
	struct problem err = { 0 };
	int64_t next = 0;

	if (hand_open(h, &err) < 0)
		return NULL;
	while (!atomic_load(&h->work->stopping)) {
		int n = -1;

		if (c != NULL || (c = kafka_consumer_new(h, &err)) != NULL)
			n = kafka_consume(c, h, 200, &err);
		if (n >= 0 && clock_mono_us() >= next) {
			n = kafka_unpark(h, &err);
			next = n == 0 ? clock_mono_us() + POLL_MS * 1000 : 0;
		}
		if (n < 0)
			hand_trouble(h, "kafka.trouble", &err);
		problem_clear(&err);
		arena_reset(h->arena);
	}
	kafka_consumer_free(c);
	hand_close(h);
	return NULL;
}
