/* kafka.c: the producer; see kafka.h. */
#include "work/kafka_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#define BATCH     200
#define MOST_TEXT ((size_t)64 * 1024)

static const char claim_sql[] =
    "WITH next AS (SELECT d.outbox_id FROM outbox_delivery d WHERE d.subscriber = '" EVENT_BUS "' AND d.state = 'pending'"
    "  AND d.run_at <= clock_timestamp() AND NOT EXISTS (SELECT FROM outbox_delivery e WHERE e.subscriber = d.subscriber"
    "    AND e.aggregate_id = d.aggregate_id AND e.seq < d.seq AND e.state = 'pending')"
    "  ORDER BY d.run_at LIMIT $3 FOR UPDATE SKIP LOCKED)"
    " UPDATE outbox_delivery d SET attempt = attempt + 1, token = token + 1, lease_by = $1,"
    "  run_at = clock_timestamp() + make_interval(secs => $2)"
    " FROM next, outbox o WHERE d.outbox_id = next.outbox_id AND d.subscriber = '" EVENT_BUS "' AND o.id = d.outbox_id"
    " RETURNING d.outbox_id, d.token, o.topic, o.aggregate_id, o.seq, o.payload, o.request_id, o.occurred_at, o.version";
static const char sent_sql[] =
    "UPDATE outbox_delivery d SET state = 'sent', sent_at = clock_timestamp(), lease_by = NULL, last_error = NULL"
    " FROM unnest($1::uuid[], $2::bigint[]) AS x (id, token)"
    " WHERE d.outbox_id = x.id AND d.subscriber = '" EVENT_BUS "' AND d.token = x.token AND d.state = 'pending'";
/* The broker is ours: it is waited for, however long, and nothing is dead for its sake. */
static const char failed_sql[] =
    "UPDATE outbox_delivery d SET lease_by = NULL, last_error = $3,"
    "  run_at = clock_timestamp() + make_interval(secs => least(2 ^ least(d.attempt, 6), 60) * (0.5 + random() / 2))"
    " FROM unnest($1::uuid[], $2::bigint[]) AS x (id, token)"
    " WHERE d.outbox_id = x.id AND d.subscriber = '" EVENT_BUS "' AND d.token = x.token AND d.state = 'pending'";
static const char topics_sql[] =
    "SELECT name, max(partitions) AS partitions, (extract(epoch FROM max(retention)) * 1000)::bigint AS ms FROM topic"
    " WHERE published GROUP BY name ORDER BY name";

struct kafka_producer {
	rd_kafka_t *rk;
	size_t waiting; /* reports that have not come */
};

struct message {
	struct uuid id;
	int64_t token;
	const char *topic;
	const char *key;
	const char *body;
	rd_kafka_resp_err_t result;
};

/* ---- settings, shared with the consumer */

int
kafka_check(const struct conf *conf, struct problem *err)
{
	const char *events = conf_str(conf, "EVENTS");

	if (strcmp(events, "http") != 0 && strcmp(events, "kafka") != 0)
		return problem(err, 500, "bad_config", "EVENTS is http or kafka");
	if (strcmp(events, "kafka") == 0 && *conf_str(conf, "KAFKA_BROKERS") == '\0')
		return problem(err, 500, "bad_config", "KAFKA_BROKERS is not set");
	return 0;
}

static void
logger(const rd_kafka_t *rk UNUSED, int level UNUSED, const char *facility, const char *message)
{
	log_line(LOG_WARN, "kafka.says", "facility", facility, "detail", message, NULL);
}

int
kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct problem *err)
{
	char why[160];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		return problem(err, 500, "bad_config", "Kafka's %s: %s", name, why);
	return 0;
}

/* KAFKA_OPTIONS: librdkafka's own names, for TLS and credentials. */
static int
set_options(rd_kafka_conf_t *conf, const char *options, struct arena *a, struct problem *err)
{
	char *save = NULL, *copy = arena_dup(a, options);

	for (char *item = strtok_r(copy, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save)) {
		char *value = strchr(item, '=');

		item += strspn(item, " ");
		if (value == NULL)
			return problem(err, 500, "bad_config", "KAFKA_OPTIONS is name=value, ...");
		*value++ = '\0';
		if (kafka_set(conf, item, value, err) < 0)
			return -1;
	}
	return 0;
}

rd_kafka_conf_t *
kafka_settings(struct hand *h, struct problem *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_log_cb(conf, logger);
	if (kafka_set(conf, "bootstrap.servers", conf_str(h->work->conf, "KAFKA_BROKERS"), err) == 0 &&
	    kafka_set(conf, "client.id", h->work->service->name, err) == 0 &&
	    set_options(conf, conf_str(h->work->conf, "KAFKA_OPTIONS"), h->arena, err) == 0)
		return conf;
	rd_kafka_conf_destroy(conf);
	return NULL;
}

/* ---- topics */

static rd_kafka_NewTopic_t *
new_topic(const struct row *w)
{
	char why[160], ms[32];
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(row_str(w, "name"), (int)row_int(w, "partitions"), -1, why, sizeof(why));

	if (t == NULL)
		return NULL;
	(void)snprintf(ms, sizeof(ms), "%" PRId64, row_int(w, "ms"));
	(void)rd_kafka_NewTopic_set_config(t, "retention.ms", ms);
	return t;
}

static void
tell_results(rd_kafka_event_t *event)
{
	const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
	size_t n = 0;
	const rd_kafka_topic_result_t **each = result != NULL ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;

	if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_line(LOG_WARN, "kafka.topics", "detail", rd_kafka_event_error_string(event), NULL);
	for (size_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t error = rd_kafka_topic_result_error(each[i]);

		if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			log_line(LOG_WARN, "kafka.topics", "topic", rd_kafka_topic_result_name(each[i]), "detail", rd_kafka_err2str(error), NULL);
	}
}

/* Who may not create topics finds them made by an operator, or by the broker itself: not being able to is said and no more. */
static int
create_topics(struct kafka_producer *p, struct hand *h, struct problem *err)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(p->rk);
	rd_kafka_NewTopic_t *topics[256];
	rd_kafka_event_t *event;
	struct rows *rows = NULL;
	size_t n = 0;

	if (db_begin(h->db, READ, &h->scope, err) == 0 && db_all(h->db, &rows, topics_sql, err) == 0 && db_commit(h->db, err) == 0)
		for (size_t i = 0; i < rows_count(rows) && n < COUNT(topics); i++)
			if ((topics[n] = new_topic(rows_at(rows, i))) != NULL)
				n++;
	if (n > 0) {
		rd_kafka_CreateTopics(p->rk, topics, n, NULL, queue);
		event = rd_kafka_queue_poll(queue, 10000);
		if (event != NULL) {
			tell_results(event);
			rd_kafka_event_destroy(event);
		}
		rd_kafka_NewTopic_destroy_array(topics, n);
	}
	rd_kafka_queue_destroy(queue);
	return err->status == 0 ? 0 : -1;
}

/* ---- sending */

static void
report(rd_kafka_t *rk UNUSED, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka_producer *p = opaque;

	((struct message *)m->_private)->result = m->err;
	p->waiting--;
}

struct kafka_producer *
kafka_producer_new(struct hand *h, struct problem *err)
{
	struct kafka_producer *p = calloc(1, sizeof(*p));
	rd_kafka_conf_t *conf = kafka_settings(h, err);
	char why[160], ms[32];

	if (p == NULL)
		die("out of memory for Kafka's producer");
	(void)snprintf(ms, sizeof(ms), "%" PRId64, h->work->lease_s * 1000 / 2); /* the lease must outlast every report */
	if (conf == NULL || kafka_set(conf, "enable.idempotence", "true", err) < 0 || kafka_set(conf, "acks", "all", err) < 0 ||
	    kafka_set(conf, "partitioner", "murmur2_random", err) < 0 || kafka_set(conf, "linger.ms", "1", err) < 0 ||
	    kafka_set(conf, "message.timeout.ms", ms, err) < 0)
		goto fail;
	rd_kafka_conf_set_dr_msg_cb(conf, report);
	rd_kafka_conf_set_opaque(conf, p);
	p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (p->rk == NULL) {
		(void)problem(err, 500, "bad_config", "Kafka: %s", why);
		goto fail;
	}
	if (create_topics(p, h, err) == 0)
		return p;
	kafka_producer_free(p);
	return NULL;
fail:
	if (conf != NULL)
		rd_kafka_conf_destroy(conf);
	free(p);
	return NULL;
}

void
kafka_producer_free(struct kafka_producer *p)
{
	if (p == NULL)
		return;
	rd_kafka_destroy(p->rk);
	free(p);
}

static int
claim(struct hand *h, struct message *list, size_t *n, struct problem *err)
{
	struct rows *rows;

	if (db_begin(h->db, WRITE, &h->scope, err) < 0 ||
	    db_all(h->db, &rows, claim_sql, err, P_TEXT(h->work->name), P_INT(h->work->lease_s), P_INT(BATCH)) < 0 ||
	    db_commit(h->db, err) < 0)
		return -1;
	*n = rows_count(rows);
	for (size_t i = 0; i < *n; i++) {
		const struct row *w = rows_at(rows, i);

		list[i] = (struct message){ .id = row_uuid(w, "outbox_id"),
			.token = row_int(w, "token"),
			.topic = row_str(w, "topic"),
			.key = row_str(w, "aggregate_id"),
			.body = delivery_body(h, w),
			.result = RD_KAFKA_RESP_ERR__TIMED_OUT };
	}
	return 0;
}

static void
send_all(struct kafka_producer *p, struct message *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct message *m = &list[i];

		p->waiting++;
		m->result = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(m->topic), RD_KAFKA_V_KEY(m->key, strlen(m->key)),
		    RD_KAFKA_V_VALUE((char *)(uintptr_t)m->body, strlen(m->body)), RD_KAFKA_V_OPAQUE(m), RD_KAFKA_V_END);
		if (m->result != RD_KAFKA_RESP_ERR_NO_ERROR)
			p->waiting--;
		else
			m->result = RD_KAFKA_RESP_ERR__TIMED_OUT;
	}
	/* Reports point into the list: each comes, at the latest by message.timeout.ms. */
	while (p->waiting > 0)
		(void)rd_kafka_poll(p->rk, 100);
}

/* Those that went, or those that did not, as two arrays; why: of one that did not. */
static size_t
ended(const struct message *list, size_t n, bool sent, struct buf *ids, struct buf *tokens, const char **why)
{
	char id[UUID_TEXT];
	size_t found = 0;

	buf_addc(ids, '{');
	buf_addc(tokens, '{');
	for (size_t i = 0; i < n; i++) {
		if ((list[i].result == RD_KAFKA_RESP_ERR_NO_ERROR) != sent)
			continue;
		buf_addf(ids, "%s%s", found > 0 ? "," : "", uuid_text(list[i].id, id));
		buf_addf(tokens, "%s%" PRId64, found > 0 ? "," : "", list[i].token);
		*why = rd_kafka_err2str(list[i].result);
		found++;
	}
	buf_addc(ids, '}');
	buf_addc(tokens, '}');
	return found;
}

static int
record(struct hand *h, const struct message *list, size_t n, struct problem *err)
{
	const char *why = NULL;

	if (db_begin(h->db, WRITE, &h->scope, err) < 0)
		return -1;
	for (int sent = 0; sent < 2; sent++) {
		struct buf ids = buf_in(h->arena, MOST_TEXT), tokens = buf_in(h->arena, MOST_TEXT);
		size_t some = ended(list, n, sent, &ids, &tokens, &why);

		if (some == 0)
			continue;
		if ((sent ? db_exec(h->db, sent_sql, err, P_TEXT(ids.data), P_TEXT(tokens.data))
			  : db_exec(h->db, failed_sql, err, P_TEXT(ids.data), P_TEXT(tokens.data), P_TEXT(why))) < 0)
			return -1;
		if (!sent)
			log_line(LOG_WARN, "kafka.retry", "detail", why, NULL);
		metric_add(sent ? "events_delivered_total" : "events_delivery_failures_total", NULL, (double)some);
	}
	return db_commit(h->db, err);
}

int
kafka_produce(struct kafka_producer *p, struct hand *h, struct problem *err)
{
	struct message *list = arena_alloc(h->arena, BATCH * sizeof(*list));
	size_t n;

	if (claim(h, list, &n, err) < 0)
		return -1;
	if (n == 0)
		return 0;
	send_all(p, list, n);
	return record(h, list, n, err) < 0 ? -1 : (int)n;
}

void *
kafka_producer_main(void *hand)
{
	struct hand *h = hand;
	struct kafka_producer *p = NULL;
	struct problem err = { 0 };

	if (hand_open(h, &err) < 0)
		return NULL;
	while (!atomic_load(&h->work->stopping)) {
		uint64_t seen = work_hints(h->work);
		char why[160];
		int n = -1;

		if (p != NULL || (p = kafka_producer_new(h, &err)) != NULL)
			n = kafka_produce(p, h, &err);
		if (n < 0)
			hand_trouble(h, "kafka.trouble", &err);
		else if (n == 0)
			(void)work_wait(h, seen, POLL_MS);
		/* What an idempotent producer cannot mend it says once; a new one goes on from the outbox. */
		if (p != NULL && rd_kafka_fatal_error(p->rk, why, sizeof(why)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
			log_line(LOG_ERROR, "kafka.anew", "detail", why, NULL);
			kafka_producer_free(p);
			p = NULL;
		}
		problem_clear(&err);
		arena_reset(h->arena);
	}
	kafka_producer_free(p);
	hand_close(h);
	return NULL;
}
