/*
 * kafka_test.c: events through Kafka against librdkafka's own mock cluster, which speaks the protocol on a loopback port: the same
 * outbox, the same inbox, the same event functions. Built wherever the library is, also beside a build without --with-kafka: the two
 * files under test are compiled into this program.
 */
#include "core.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/clock.h"
#include "crew.h"
#include "work/kafka.h"

#define OBJECTS 5
#define TAKEN   4000

static const struct field thing[] = { { "n", INTEGER, .required = true, .says = "which" }, { 0 } };
static const char *const nobody[] = { NULL };
static const struct topic topics[] = { { "thing.happened", nobody, "something", .payload = thing, .partitions = 3 },
	{ "thing.else", nobody, "something else", .payload = thing, .partitions = 3 }, { 0 } };
static int on_thing(struct event *e, struct problem *err);
static const struct event_row events[] = { { "thing.happened", on_thing } };
static const struct service service = { .name = "registry",
	.prefix = "/route",
	.database = "none",
	.says = "events through Kafka",
	.topics = topics,
	TABLE(events, nevents, events) };
const struct service *const crew_service = &service;

static struct world *world;
static struct crew crew;
static rd_kafka_t *cluster_owner;
static rd_kafka_mock_cluster_t *cluster;

/* ---- the consumer's function */

static struct {
	struct uuid about;
	int64_t seq;
} taken[TAKEN];
static size_t ntaken;
static int64_t poison = -1; /* a payload's n that is refused */

static int
on_thing(struct event *e, struct problem *err)
{
	if (event_int(e, "n") == poison)
		return problem(err, 422, "indigestible", "this one never");
	assert_true(ntaken < TAKEN);
	taken[ntaken].about = e->aggregate;
	taken[ntaken++].seq = e->seq;
	return 0;
}

static unsigned
taken_of(struct uuid about)
{
	unsigned n = 0;

	for (size_t i = 0; i < ntaken; i++)
		n += uuid_equal(taken[i].about, about);
	return n;
}

/* ---- what the tests do */

static void
publish(const char *topic, struct uuid about, int n)
{
	tx_begin(world);
	MUST(event_publish(world_db(world), topic, about, text(world, "{\"n\":%d}", n), &err));
	tx_end(world);
}

static int
produce(struct kafka_producer *p)
{
	int n = 0, all = 0;

	do {
		MUST(n = kafka_produce(p, &crew.hands[0], &err));
		all += n;
		arena_reset(crew.hands[0].arena);
	} while (n > 0);
	return all;
}

static struct kafka_producer *
producer(void)
{
	struct kafka_producer *p = NULL;

	MUST((p = kafka_producer_new(&crew.hands[0], &err)) == NULL ? -1 : 0);
	return p;
}

static struct kafka_consumer *
consumer(void)
{
	struct kafka_consumer *c = NULL;

	MUST((c = kafka_consumer_new(&crew.hands[1], &err)) == NULL ? -1 : 0);
	return c;
}

/* Until so many were taken or parked; false after 30 s. */
static bool
consume(struct kafka_consumer *c, int want)
{
	int64_t until = clock_mono_us() + 30 * US_PER_S;

	while (want > 0 && clock_mono_us() < until) {
		int n = 0;

		MUST(n = kafka_consume(c, &crew.hands[1], 200, &err));
		want -= n;
		arena_reset(crew.hands[1].arena);
	}
	return want <= 0;
}

static int64_t
waiting(void)
{
	return sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE state <> 'sent'");
}

/* ---- the rules */

static void
what_is_published_is_taken_once_in_order(void **state UNUSED)
{
	struct kafka_producer *p = producer();
	struct kafka_consumer *c;
	struct uuid about[OBJECTS];
	int64_t last[OBJECTS] = { 0 };

	for (size_t k = 0; k < OBJECTS; k++)
		about[k] = uuid_new();
	for (int i = 0; i < 20; i++)
		for (size_t k = 0; k < OBJECTS; k++)
			publish("thing.happened", about[k], i);
	assert_int_equal(waiting(), 100);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE subscriber = '" EVENT_BUS "'"), 100);
	assert_int_equal(produce(p), 100);
	assert_int_equal(waiting(), 0);
	c = consumer();
	assert_true(consume(c, 100));
	assert_int_equal(ntaken, 100);
	for (size_t i = 0; i < ntaken; i++)
		for (size_t k = 0; k < OBJECTS; k++)
			if (uuid_equal(taken[i].about, about[k])) {
				assert_int_equal(taken[i].seq, last[k] + 1);
				last[k] = taken[i].seq;
			}
	assert_int_equal(audit_count(world, "event.receive", "success"), 100);

	/* Sent again, as after a lost acknowledgement: the inbox knows them. */
	sql_run(world, "UPDATE outbox_delivery SET state = 'pending', run_at = now()");
	assert_int_equal(produce(p), 100);
	assert_true(consume(c, 100));
	assert_int_equal(ntaken, 100);
	kafka_consumer_free(c);

	/* Another of the group goes on where this one was. */
	publish("thing.happened", about[0], 20);
	assert_int_equal(produce(p), 1);
	assert_int_equal(waiting(), 0);
	c = consumer();
	assert_true(consume(c, 1));
	assert_int_equal(ntaken, 101);
	kafka_consumer_free(c);
	kafka_producer_free(p);
}

/* Sent means that the brokers said so. */
static void
brokers_that_take_nothing_lose_nothing(void **state UNUSED)
{
	struct kafka_producer *p = producer();
	struct kafka_consumer *c;
	struct uuid about = uuid_new();

	for (int i = 0; i < 50; i++)
		rd_kafka_mock_push_request_errors(cluster, 0 /* Produce */, 4, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
		    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	for (int i = 0; i < 3; i++)
		publish("thing.happened", about, i);
	assert_int_equal(produce(p), 1); /* the first of its object; the others wait for it */
	assert_int_equal(waiting(), 3);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE last_error IS NOT NULL AND state = 'pending'"), 1);
	rd_kafka_mock_clear_request_errors(cluster, 0);
	sql_run(world, "UPDATE outbox_delivery SET run_at = now() WHERE state = 'pending'");
	assert_int_equal(produce(p), 3);
	assert_int_equal(waiting(), 0);
	c = consumer();
	assert_true(consume(c, 3));
	assert_int_equal(taken_of(about), 3);
	kafka_consumer_free(c);
	kafka_producer_free(p);
}

static void
a_broker_that_refuses_is_asked_again(void **state UNUSED)
{
	struct kafka_producer *p = producer();
	struct uuid about = uuid_new();

	rd_kafka_mock_push_request_errors(cluster, 0 /* Produce */, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
	    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
	publish("thing.else", about, 1);
	assert_int_equal(produce(p), 1);
	assert_int_equal(waiting(), 0);
	kafka_producer_free(p);
}

/* Row P-EVT-11, on this road: what is refused is parked with what follows it of its object; the others flow. */
static void
p_evt_11_poison_is_parked_and_others_flow(void **state UNUSED)
{
	struct kafka_producer *p = producer();
	struct kafka_consumer *c = consumer();
	struct uuid bad = uuid_new(), good = uuid_new();
	int n = 1;

	poison = 666;
	publish("thing.happened", bad, 666);
	publish("thing.happened", bad, 2);
	publish("thing.happened", good, 3);
	assert_int_equal(produce(p), 3);
	assert_true(consume(c, 3));
	assert_int_equal(taken_of(good), 1);
	assert_int_equal(taken_of(bad), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM event_parked"), 2);
	for (int i = 1; i < DELIVERY_ATTEMPTS; i++) {
		sql_run(world, "UPDATE event_parked SET run_at = now()");
		MUST(n = kafka_unpark(&crew.hands[1], &err));
		assert_int_equal(n, 1);
	}
	sql_run(world, "UPDATE event_parked SET run_at = now()");
	MUST(n = kafka_unpark(&crew.hands[1], &err));
	assert_int_equal(n, 0); /* dead, and what follows waits for a person */
	get(world, BY_ADMIN, "/route/outbox?state=dead");
	expect_text(world, "deliveries.0.aggregateId", uuid_text(bad, (char[UUID_TEXT]){ 0 }));
	poison = -1;
	post(world, BY_ADMIN, text(world, "/route/outbox/%s/retry", answer_text(world, "deliveries.0.eventId")), "{}");
	expect_int(world, "retried", 1);
	for (int i = 0; i < 2; i++)
		MUST(kafka_unpark(&crew.hands[1], &err));
	assert_int_equal(taken_of(bad), 2);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM event_parked"), 0);
	kafka_consumer_free(c);
	kafka_producer_free(p);
}

static int
clean(void **state UNUSED)
{
	sql_run(world, "TRUNCATE outbox_delivery");
	ntaken = 0;
	poison = -1;
	return 0;
}

static void
cluster_open(void)
{
	char why[256];

	cluster_owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	assert_non_null(cluster_owner);
	cluster = rd_kafka_mock_cluster_new(cluster_owner, 1);
	assert_non_null(cluster);
}

/* The mock makes no topics by request; here they are made as a broker would, from the same table. */
static void
cluster_topics(void)
{
	for (const struct topic *t = topics; t->name != NULL; t++)
		assert_int_equal(rd_kafka_mock_topic_create(cluster, t->name,
				     (int)sql_int(world, "SELECT partitions FROM topic WHERE name = '%s'", t->name), 1),
		    RD_KAFKA_RESP_ERR_NO_ERROR);
}

static int
setup(void **state UNUSED)
{
	char brokers[256];
	const char *settings[] = { "EVENTS=kafka", brokers, "JOB_LEASE=6s", "KAFKA_OPTIONS=session.timeout.ms=6000", NULL };

	cluster_open();
	(void)snprintf(brokers, sizeof(brokers), "KAFKA_BROKERS=%s", rd_kafka_mock_cluster_bootstraps(cluster));
	world = world_new(&service, settings);
	event_bus(true);
	crew_open(&crew, world, 2);
	crew.work.lease_s = 6;
	cluster_topics();
	return 0;
}

static int
teardown(void **state UNUSED)
{
	crew_close(&crew);
	world_free(world);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(cluster_owner);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_published_is_taken_once_in_order),
		TEST(brokers_that_take_nothing_lose_nothing),
		TEST(a_broker_that_refuses_is_asked_again),
		TEST(p_evt_11_poison_is_parked_and_others_flow),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
