/*
 * delivery_test.c: the outbox's promises (rules O1 to O3): every committed event reaches every subscriber, in order per
 * aggregate, whoever fails.
 */
#include "core.h"

#include "base/clock.h"
#include "crew.h"
#include "crypto/random.h"

#define MOST_POSTS  20000
#define WRITERS     4
#define EVENTS_EACH 60

static const char *const both[] = { "notify", "portal", NULL };
static const char *const nobody[] = { "nobody", NULL };
static const struct topic topics[] = { { "thing.happened", both, "test" },
	{ "thing.lost", nobody, "test: its subscriber does not exist" }, { 0 } };
static const struct service service = { .name = "registry", .prefix = "/route", .database = "none", .says = "events under test", .topics = topics };
const struct service *const crew_service = &service;

static struct world *world;
static struct crew crew;

/* ---- the subscribers */

struct post {
	char path[40];
	char aggregate[UUID_TEXT];
	int64_t seq;
	char body[1024];
	bool taken;
};
static struct post posts[MOST_POSTS];
static size_t nposts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *refuses;           /* a path whose owner refuses */
static struct uuid refused_aggregate; /* nil = every one */
static int refusals;                  /* how often still */
static void (*meanwhile)(void);       /* while a post is on its way */

static bool
refuse(const struct post *p)
{
	char about[UUID_TEXT];

	if (refuses == NULL || strcmp(p->path, refuses) != 0 || refusals == 0)
		return false;
	if (!uuid_is_nil(refused_aggregate) && strcmp(p->aggregate, uuid_text(refused_aggregate, about)) != 0)
		return false;
	refusals--;
	return true;
}

static void
subscriber(
    void *context UNUSED, struct arena *a, const struct http_call *call, struct http_answer *ret, const char *const **headers)
{
	struct problem err = { 0 };
	json_t *body = json_read(a, (const char *)call->body.p, call->body.n, &err);
	void (*then)(void);
	struct post *p;

	assert_non_null(body);
	*headers = NULL;
	pthread_mutex_lock(&lock);
	assert_true(nposts < MOST_POSTS);
	p = &posts[nposts++];
	(void)snprintf(p->path, sizeof(p->path), "%s", strstr(call->url, "internal") + strlen("internal"));
	(void)snprintf(p->aggregate, sizeof(p->aggregate), "%s", json_text_at(body, "aggregateId"));
	(void)snprintf(p->body, sizeof(p->body), "%.*s", (int)call->body.n, (const char *)call->body.p);
	p->seq = json_int_at(body, "seq", -1);
	p->taken = !refuse(p);
	*ret = (struct http_answer){ .outcome = HTTP_ANSWERED, .status = p->taken ? 200 : 500, .body = BYTES("", 0) };
	then = meanwhile;
	meanwhile = NULL;
	pthread_mutex_unlock(&lock);
	if (then != NULL)
		then();
}

static int
clean(void **state UNUSED)
{
	sql_run(world, "TRUNCATE outbox_delivery");
	nposts = 0;
	refuses = NULL;
	refused_aggregate = UUID_NIL;
	refusals = 0;
	return 0;
}

static void
publish(const char *topic, struct uuid aggregate, const char *payload)
{
	tx_begin(world);
	MUST(event_publish(world_db(world), topic, aggregate, payload, &err));
	tx_end(world);
}

/* What one door got of one aggregate, in the order it took them: "1 2 3". */
static const char *
taken(const char *path, struct uuid aggregate)
{
	struct buf b = buf_in(world_arena(world), 64 * 1024);
	char about[UUID_TEXT];

	uuid_text(aggregate, about);
	for (size_t i = 0; i < nposts; i++)
		if (posts[i].taken && strcmp(posts[i].path, path) == 0 && strcmp(posts[i].aggregate, about) == 0)
			buf_addf(&b, "%s%" PRId64, b.len > 0 ? " " : "", posts[i].seq);
	return buf_str(&b);
}

/* ---- the rules */

static void
event_arrives_with_all_its_members(void **state UNUSED)
{
	struct uuid about = uuid_new();
	struct problem err = { 0 };
	json_t *body;

	publish("thing.happened", about, "{\"submissionId\":\"s-1\"}");
	work(world);
	assert_int_equal(nposts, 2);
	body = json_read(world_arena(world), posts[0].body, strlen(posts[0].body), &err);
	assert_string_equal(json_text_at(body, "topic"), "thing.happened");
	assert_string_equal(json_text_at(body, "source"), "registry");
	assert_int_equal(json_int_at(body, "seq", -1), 1);
	assert_string_equal(json_text_at(body, "id"), sql_text(world, "SELECT DISTINCT outbox_id FROM outbox_delivery"));
	assert_string_equal(json_text_at(body, "requestId"), "test");
	assert_string_equal(json_text_at(body, "payload.submissionId"), "s-1");
	assert_non_null(json_text_at(body, "occurredAt"));
	assert_string_equal(taken("/notify/events", about), "1");
	assert_string_equal(taken("/console/events", about), "1");
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE state = 'sent' AND attempt = 1"), 2);
}

static void
failure_holds_back_its_own_aggregate_only(void **state UNUSED)
{
	struct uuid a = uuid_new(), b = uuid_new();

	for (int i = 0; i < 3; i++) {
		publish("thing.happened", a, "{}");
		publish("thing.happened", b, "{}");
	}
	refuses = "/notify/events";
	refused_aggregate = a;
	refusals = 4;
	work(world);
	assert_string_equal(taken("/notify/events", a), "");
	assert_string_equal(taken("/notify/events", b), "1 2 3");
	assert_string_equal(taken("/console/events", a), "1 2 3");
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE state = 'pending' AND attempt = 0"), 2);
	work_all(world);
	assert_string_equal(taken("/notify/events", a), "1 2 3");
	assert_int_equal(
	    sql_int(world, "SELECT attempt FROM outbox_delivery WHERE aggregate_id = '%s' AND subscriber = 'notify' AND seq = 1",
		uuid_text(a, (char[UUID_TEXT]){ 0 })),
	    5);
}

static void
dead_delivery_waits_for_a_person_with_what_follows_it(void **state UNUSED)
{
	struct uuid a = uuid_new();

	publish("thing.happened", a, "{}");
	publish("thing.happened", a, "{}");
	refuses = "/notify/events";
	refusals = 20;
	work_all(world);
	assert_int_equal(refusals, 0);
	assert_string_equal(taken("/notify/events", a), "");
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE state = 'dead' AND attempt = 20 AND seq = 1"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE state = 'pending' AND seq = 2"), 1);
	sql_run(world, "UPDATE outbox_delivery SET state = 'pending', attempt = 0, token = 0, run_at = now() WHERE state = 'dead'");
	work(world);
	assert_string_equal(taken("/notify/events", a), "1 2");
}

/* ---- again */

static const char *
newest(void)
{
	return sql_text(world, "SELECT id FROM outbox ORDER BY occurred_at DESC, seq DESC LIMIT 1");
}

static void
p_evt_11_poison_lands_with_the_dead_and_others_flow(void **state UNUSED)
{
	struct uuid bad = uuid_new(), good = uuid_new();
	const char *poison;

	publish("thing.happened", bad, "{}");
	poison = newest();
	publish("thing.happened", good, "{}");
	refuses = "/notify/events";
	refused_aggregate = bad;
	refusals = 1000;
	work_all(world);
	assert_string_equal(taken("/notify/events", good), "1");
	get(world, BY_ADMIN, "/route/outbox?state=dead");
	expect_status(world, 200);
	expect_text(world, "deliveries.0.eventId", poison);
	expect_text(world, "deliveries.0.subscriber", "notify");
	expect_int(world, "deliveries.0.attempts", 20);
	expect_int(world, "open.0.deliveries", 1);
	refuses = NULL;
	post(world, BY_ADMIN, text(world, "/route/outbox/%s/retry", poison), "{}");
	expect_status(world, 200);
	expect_int(world, "retried", 1);
	work_all(world);
	assert_string_equal(taken("/notify/events", bad), "1");
	post(world, BY_ADMIN, text(world, "/route/outbox/%s/retry", poison), "{}");
	expect_problem(world, 404, "not_found");
}

static void
p_evt_10_replay_goes_to_one_consumer_in_order(void **state UNUSED)
{
	struct uuid a = uuid_new();
	const char *from = sql_text(world, "SELECT to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
	char id[UUID_TEXT];

	for (int i = 0; i < 3; i++)
		publish("thing.happened", a, "{}");
	work(world);
	post(world, BY_ADMIN, "/route/replay", text(world, "{\"consumer\":\"portal\",\"from\":\"%s\",\"dry\":true}", from));
	expect_int(world, "replayed", 3);
	work(world);
	assert_string_equal(taken("/console/events", a), "1 2 3");
	post(world, BY_ADMIN, "/route/replay", text(world, "{\"consumer\":\"portal\",\"from\":\"%s\"}", from));
	expect_status(world, 200);
	expect_int(world, "replayed", 3);
	expect_text(world, "next", "");
	work(world);
	assert_string_equal(taken("/console/events", a), "1 2 3 1 2 3");
	assert_string_equal(taken("/notify/events", a), "1 2 3");
	assert_int_equal(audit_count(world, "event.replay", "success"), 2);
	/* No message was made anew: a consumer's inbox knows the ids. */
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox WHERE aggregate_id = '%s'", uuid_text(a, id)), 3);
}

static void
p_evt_10_replay_says_what_it_cannot(void **state UNUSED)
{
	post(world, BY_ADMIN, "/route/replay", "{\"consumer\":\"billing\",\"from\":\"2026-01-01T00:00:00Z\"}");
	expect_problem(world, 422, "not_a_subscriber");
	post(world, BY_ADMIN, "/route/replay", "{\"consumer\":\"portal\",\"from\":\"2020-01-01T00:00:00Z\"}");
	expect_problem(world, 422, "beyond_inbox");
	post(world, BY_ADMIN, "/route/replay", "{\"consumer\":\"portal\",\"from\":\"2020-01-01T00:00:00Z\",\"rebuild\":true}");
	expect_problem(world, 422, "not_kept");
	post(world, BY_SERVICE("portal"), "/route/replay", "{\"consumer\":\"portal\",\"from\":\"2020-01-01T00:00:00Z\"}");
	expect_problem(world, 403, "forbidden");
}

static void
g_com_03_schema_is_shown(void **state UNUSED)
{
	get(world, BY_ADMIN, "/route/topics/thing.happened");
	expect_status(world, 200);
	expect_text(world, "schema.$id", "urn:telerx:topic:thing.happened:1");
	get(world, BY_ADMIN, "/route/topics/thing.unheard");
	expect_problem(world, 404, "not_found");
}

static void
subscriber_that_does_not_exist_is_an_error(void **state UNUSED)
{
	publish("thing.lost", uuid_new(), "{}");
	work(world);
	assert_int_equal(nposts, 0);
	assert_int_equal(
	    sql_int(
		world, "SELECT count(*) FROM outbox_delivery WHERE state = 'pending' AND last_error LIKE '%%unknown_subscriber%%'"),
	    1);
}

static void
other_dispatcher_takes_over(void)
{
	sql_run(world, "UPDATE outbox_delivery SET run_at = now() - interval '1 s' WHERE state = 'pending' AND token = 1");
	assert_int_equal(crew_deliver(&crew, 1), 1);
}

/* The second one has the delivery when the first comes back; the row must not be written twice. */
static void
late_dispatcher_writes_nothing(void **state UNUSED)
{
	struct uuid a = uuid_new();

	publish("thing.happened", a, "{}");
	sql_run(world, "DELETE FROM outbox_delivery WHERE subscriber = 'portal'");
	meanwhile = other_dispatcher_takes_over;
	refuses = "/notify/events";
	refusals = 1; /* the first fails late: it must not bring the row back */
	crew_deliver(&crew, 0);
	assert_int_equal(nposts, 2);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE state = 'sent' AND token = 2 AND last_error IS NULL"), 1);
}

static void
dead_dispatchers_delivery_becomes_due_by_itself(void **state UNUSED)
{
	publish("thing.happened", uuid_new(), "{}");
	sql_run(world, "UPDATE outbox_delivery SET lease_by = 'gone', token = 1, attempt = 1, run_at = now() + interval '30 s'");
	assert_int_equal(crew_deliver(&crew, 0), 0);
	sql_run(world, "UPDATE outbox_delivery SET run_at = now()");
	assert_int_equal(crew_deliver(&crew, 0), 1);
}

/* ---- a subscriber that takes long */

static void
dawdle(void)
{
	(void)usleep(300 * 1000);
}

static void
who_is_slow_keeps_nobody_else_waiting(void **state UNUSED)
{
	struct hand *quick = &crew.hands[0], *slow = &crew.hands[1];

	quick->pace = QUICK_ONES;
	slow->pace = SLOW_ONES;
	publish("thing.happened", uuid_new(), "{}");
	publish("thing.happened", uuid_new(), "{}");
	assert_int_equal(crew_deliver(&crew, 1), 0);
	meanwhile = dawdle;
	for (int i = 0; i < 3; i++)
		assert_int_equal(crew_deliver(&crew, 0), 1);
	assert_string_not_equal(posts[1].path, posts[0].path);
	assert_string_not_equal(posts[2].path, posts[0].path);
	assert_int_equal(crew_deliver(&crew, 0), 0);
	assert_int_equal(crew_deliver(&crew, 1), 1);
	assert_string_equal(posts[3].path, posts[0].path);
	/* It was quick that time. */
	publish("thing.happened", uuid_new(), "{}");
	assert_int_equal(crew_deliver(&crew, 1), 0);
	assert_int_equal(crew_deliver(&crew, 0), 1);
	assert_int_equal(crew_deliver(&crew, 0), 1);
	quick->pace = slow->pace = ANY_PACE;
}

/* ---- many writers, many dispatchers */

static struct uuid crowd[5];
static atomic_int writing;

static void *
write_events(void *p)
{
	struct hand *h = p;

	for (int i = 0; i < EVENTS_EACH; i++) {
		struct problem err = { 0 };
		uint8_t dice[2] = { 0 };
		struct scope scope = work_scope(world_conf(world));

		must(random_bytes(dice, 2), &err, __FILE__, __LINE__);
		must(db_begin(h->db, WRITE, &scope, &err), &err, __FILE__, __LINE__);
		must(event_publish(h->db, "thing.happened", crowd[dice[0] % COUNT(crowd)], "{}", &err), &err, __FILE__, __LINE__);
		usleep(dice[1] * 20u);
		must(db_commit(h->db, &err), &err, __FILE__, __LINE__);
		arena_reset(h->arena);
	}
	atomic_fetch_sub(&writing, 1);
	return NULL;
}

static void *
dispatch_events(void *p)
{
	struct hand *h = p;
	struct problem err = { 0 };
	int n = 1;

	while (n > 0 || atomic_load(&writing) > 0) {
		n = deliver_one(h, &err);
		must(n, &err, __FILE__, __LINE__);
		arena_reset(h->arena);
	}
	return NULL;
}

static void
expect_in_order(const char *path, struct uuid aggregate)
{
	const char *s = taken(path, aggregate);
	int64_t next = 1;

	while (*s != '\0') {
		char *end;

		assert_int_equal(strtoll(s, &end, 10), next++);
		s = *end == ' ' ? end + 1 : end;
	}
	assert_int_equal(next - 1,
	    sql_int(world, "SELECT coalesce(max(seq), 0) FROM outbox WHERE aggregate_id = '%s'",
		uuid_text(aggregate, (char[UUID_TEXT]){ 0 })));
}

static void
what_is_emitted_is_what_was_committed_in_order(void **state UNUSED)
{
	pthread_t t[8];

	for (size_t i = 0; i < COUNT(crowd); i++)
		crowd[i] = uuid_new();
	atomic_store(&writing, WRITERS);
	for (size_t i = 0; i < WRITERS; i++)
		pthread_create(&t[i], NULL, write_events, &crew.hands[i]);
	for (size_t i = WRITERS; i < WRITERS + 3; i++)
		pthread_create(&t[i], NULL, dispatch_events, &crew.hands[i]);
	for (size_t i = 0; i < WRITERS + 3; i++)
		pthread_join(t[i], NULL);
	work(world);
	assert_int_equal(sql_int(world, "SELECT count(DISTINCT outbox_id) FROM outbox_delivery"), WRITERS * EVENTS_EACH);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox_delivery WHERE state <> 'sent'"), 0);
	assert_int_equal(nposts, 2 * WRITERS * EVENTS_EACH);
	for (size_t i = 0; i < COUNT(crowd); i++) {
		expect_in_order("/notify/events", crowd[i]);
		expect_in_order("/console/events", crowd[i]);
	}
}

static int
setup(void **state UNUSED)
{
	world = world_new(&service, NULL);
	http_intercept(subscriber, NULL);
	crew_open(&crew, world, 8);
	return 0;
}

static int
teardown(void **state UNUSED)
{
	crew_close(&crew);
	world_free(world);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(event_arrives_with_all_its_members),
		TEST(failure_holds_back_its_own_aggregate_only),
		TEST(dead_delivery_waits_for_a_person_with_what_follows_it),
		TEST(p_evt_11_poison_lands_with_the_dead_and_others_flow),
		TEST(p_evt_10_replay_goes_to_one_consumer_in_order),
		TEST(p_evt_10_replay_says_what_it_cannot),
		TEST(g_com_03_schema_is_shown),
		TEST(subscriber_that_does_not_exist_is_an_error),
		TEST(late_dispatcher_writes_nothing),
		TEST(dead_dispatchers_delivery_becomes_due_by_itself),
		TEST(who_is_slow_keeps_nobody_else_waiting),
		TEST(what_is_emitted_is_what_was_committed_in_order),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
