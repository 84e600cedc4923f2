/*
 * jobs_keep_test.c: what surrounds the queue: timers (rule Q15), sweeps and old snapshots (Q16), operators (Q12), counters.
 */
#include "core.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "crew.h"
#include "data/worker_metrics.h"

#define TICKS 1000

static struct world *world;

static int
nothing_job(struct job *j UNUSED, struct problem *err UNUSED)
{
	return 0;
}

static int
fails_job(struct job *j UNUSED, struct problem *err)
{
	return problem(err, 422, "planned", "as the test wants it");
}

static const struct job_row jobs[] = {
	{ "tick", nothing_job, .says = "by the clock" },
	{ "fails", fails_job, .says = "never works" },
	{ "money", nothing_job, .keep = true, .says = "is kept" },
};
static const struct timer_row timers[] = {
	{ "latest", "EVERY_LATEST", "tick", "test" },
	{ "prompt", "EVERY_PROMPT", "tick", "test", .backfill = BACKFILL_NONE },
	{ "each", "EVERY_EACH", "tick", "test", .backfill = BACKFILL_ALL },
};
static const struct conf_key config[] = { { "EVERY_LATEST", CONF_SECS, .dflt = "60", .says = "test" },
	{ "EVERY_PROMPT", CONF_SECS, .dflt = "60", .says = "test" }, { "EVERY_EACH", CONF_SECS, .dflt = "60", .says = "test" }, { 0 } };
static const struct topic topics[] = { { 0 } };
static const struct service service = {
	.name = "registry",
	.prefix = "/route",
	.database = "physician_registry",
	.says = "jobs under test",
	TABLE(jobs, njobs, jobs),
	TABLE(timers, ntimers, timers),
	.topics = topics,
	.config = config,
};
const struct service *const crew_service = &service;

static int
clean(void **state UNUSED)
{
	sql_run(world, "TRUNCATE job, job_past, timer_tick, worker, worker_gauge, worker_metric");
	return 0;
}

static int64_t
ticks_of(const char *timer)
{
	return sql_int(world, "SELECT count(*) FROM timer_tick WHERE cron_name = '%s'", timer);
}

/* ---- Q15 */

static void
fire_at(struct crew *c, int64_t now, int64_t last[3])
{
	MUST(timers_fire_at(&c->hands[0], now, last, &err));
}

static void
what_passed_meanwhile_is_the_rows_policy(void **state UNUSED)
{
	int64_t last[3] = { 0 }, start = 1800000000;
	struct crew c;

	crew_open(&c, world, 1);
	fire_at(&c, start, last);
	assert_int_equal(ticks_of("latest") + ticks_of("prompt") + ticks_of("each"), 3);
	memset(last, 0, sizeof(last)); /* another worker, ten minutes and 20 seconds later */
	fire_at(&c, start + 620, last);
	assert_int_equal(ticks_of("latest"), 2);
	assert_int_equal(ticks_of("prompt"), 1);
	assert_int_equal(ticks_of("each"), 11);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE unique_key LIKE 'each@%%'"), 11);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE unique_key IN ('latest', 'prompt')"), 2);
	fire_at(&c, start + 661, last);
	assert_int_equal(ticks_of("prompt"), 2);
	crew_close(&c);
}

struct clock_of {
	struct crew *crew;
	size_t hand;
	int64_t start;
};

/* A worker whose clock steps by an hour now and then, and whose connection is killed now and then. */
static void *
tick_on(void *p)
{
	struct clock_of *k = p;
	struct hand *h = &k->crew->hands[k->hand];
	int64_t last[3] = { 0 };
	unsigned seed = (unsigned)k->hand + 1;

	for (int64_t i = 0; i < TICKS;) {
		int64_t step = rand_r(&seed) % 50 == 0 ? (rand_r(&seed) % 2 == 0 ? 3600 : -3600) : 0, now = k->start + i * 60 + step;
		struct problem err = { 0 };

		if (now < k->start)
			now = k->start;
		if (now >= k->start + TICKS * 60)
			now = k->start + TICKS * 60 - 1;
		if (timers_fire_at(h, now, last, &err) < 0)
			(void)poll(NULL, 0, 20);
		else
			i += 1 + rand_r(&seed) % 3;
		arena_reset(h->arena);
	}
	return NULL;
}

static void
eight_workers_a_thousand_ticks_and_stepping_clocks(void **state UNUSED)
{
	struct clock_of k[8];
	struct crew c;
	pthread_t t[8];
	int64_t last[3] = { 0 }, start = 1800000000;

	crew_open(&c, world, 8);
	fire_at(&c, start, last);
	for (size_t i = 0; i < 8; i++) {
		k[i] = (struct clock_of){ &c, i, start };
		pthread_create(&t[i], NULL, tick_on, &k[i]);
	}
	for (int i = 0; i < 8; i++) {
		(void)poll(NULL, 0, 100);
		sql_run(world, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
			       " AND application_name = 'registry' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1");
	}
	for (size_t i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	for (int tries = 0; tries < 50 && ticks_of("each") < TICKS; tries++) { /* what the last kill left to do */
		struct problem err = { 0 };
		int64_t again[3] = { 0 };

		if (timers_fire_at(&c.hands[0], start + TICKS * 60 - 1, again, &err) < 0)
			(void)poll(NULL, 0, 100);
	}
	crew_close(&c);
	assert_int_equal(ticks_of("each"), TICKS);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE unique_key LIKE 'each@%%'"), TICKS);
	assert_int_equal(sql_int(world, "SELECT count(DISTINCT due_at) FROM timer_tick WHERE cron_name = 'each'"), TICKS);
}

/* ---- Q16 */

static void
finished_jobs_move_and_money_stays(void **state UNUSED)
{
	struct crew c;

	sql_run(world,
	    "INSERT INTO job (tenant_id, kind, state, finished_at) SELECT app_tenant(), k, 'done', now() - a::interval FROM"
	    " unnest('{tick,money,fails}'::text[]) k, unnest('{1 minute,2 hours,40 days}'::text[]) a");
	sql_run(world, "INSERT INTO job (tenant_id, kind, state, finished_at) VALUES (app_tenant(), 'tick', 'dead', now() - interval '9 years')");
	crew_open(&c, world, 1);
	MUST(sweep_rows(&c.hands[0], &err));
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done'"), 3);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'dead'"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job_past"), 4);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job_past WHERE kind = 'money'"), 2);
	crew_close(&c);
}

static void
a_sweep_that_fails_stops_no_other(void **state UNUSED)
{
	struct crew c;

	sql_run(world, "INSERT INTO job (tenant_id, kind, state, finished_at) VALUES (app_tenant(), 'tick', 'done', now() - interval '2 h')");
	sql_run(world, "INSERT INTO ttl (key, expires_at) VALUES ('old', now() - interval '1 h')");
	sql_run(world, "ALTER TABLE job_past RENAME TO job_elsewhere");
	crew_open(&c, world, 1);
	MUST(sweep_rows(&c.hands[0], &err));
	sql_run(world, "ALTER TABLE job_elsewhere RENAME TO job_past");
	assert_int_equal(sql_int(world, "SELECT count(*) FROM ttl"), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done'"), 1);
	MUST(sweep_rows(&c.hands[0], &err));
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done'"), 0);
	crew_close(&c);
}

static bool
printed(const char *line)
{
	struct buf out = BUF_INIT((size_t)4 * 1024 * 1024);
	bool found;

	metrics_print(&out);
	found = strstr(buf_str(&out), line) != NULL;
	buf_release(&out);
	return found;
}

static void
an_old_snapshot_is_told_of(void **state UNUSED)
{
	struct crew c;
	const struct row *w;

	crew_open(&c, world, 2);
	MUST(db_begin(c.hands[1].db, READ_AUDITED, &c.hands[1].scope, &err));
	MUST((int)db_exec(c.hands[1].db, "DECLARE held CURSOR FOR SELECT 1", &err)); /* keeps its snapshot while it is open */
	sql_run(world, "INSERT INTO ttl (key, expires_at) VALUES ('x', now())"); /* something is written behind it */
	tx_begin(world);
	MUST(db_one(world_db(world), &w, "SELECT count(*) FROM job", &err));
	tx_end(world);
	MUST(watch_oldest(&c.hands[0], &err));
	assert_true(printed("database_oldest_snapshot_seconds 0\n"));
	c.work.oldest_since -= 61 * US_PER_S;
	MUST(watch_oldest(&c.hands[0], &err));
	assert_false(printed("database_oldest_snapshot_seconds 0\n"));
	db_rollback(c.hands[1].db);
	crew_close(&c);
}

/* ---- Q12, operators */

static void
dead_letters_are_replayed_by_their_operator(void **state UNUSED)
{
	const char *id;

	enqueue(world, &(struct job_spec){ .kind = "fails", .args = "{\"n\":1}", .unique_key = "one" });
	enqueue(world, &(struct job_spec){ .kind = "fails", .args = "{\"n\":2}" });
	work(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'dead'"), 2);
	get(world, BY_ADMIN, "/route/jobs?state=dead");
	expect_status(world, 200);
	expect_text(world, "jobs.0.lastError", "422 planned: as the test wants it");
	id = sql_text(world, "SELECT min(id) FROM job");
	get(world, BY_ADMIN, text(world, "/route/jobs/%s", id));
	expect_int(world, "args.n", 1);
	expect_text(world, "errors.0.error", "422 planned: as the test wants it");
	post(world, BY_ADMIN, text(world, "/route/jobs/%s/retry", id), NULL);
	expect_status(world, 202);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready' AND attempt = 0 AND jsonb_array_length(errors) = 1"), 1);
	assert_int_equal(audit_count(world, "job.retry", "success"), 1);
	work(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'dead' AND jsonb_array_length(errors) = 2"), 1);
	/* A newer one of the same key is alive: the dead one must not become its double. */
	enqueue(world, &(struct job_spec){ .kind = "fails", .args = "{\"n\":3}", .unique_key = "one" });
	post(world, BY_ADMIN, text(world, "/route/jobs/%s/retry", id), NULL);
	expect_problem(world, 409, "superseded");
	post(world, BY_ADMIN, "/route/jobs/replay", "{\"kind\":\"fails\"}");
	expect_status(world, 202);
	expect_int(world, "replayed", 1);
	sql_run(world, "UPDATE job SET state = 'running', lease_until = now() + interval '1 h' WHERE state = 'ready'");
	post(world, BY_ADMIN, text(world, "/route/jobs/%s/retry", sql_text(world, "SELECT min(id) FROM job WHERE state = 'running'")), NULL);
	expect_problem(world, 409, "not_retryable");
	get(world, BY_ADMIN, "/route/jobs/99999999");
	expect_problem(world, 404, "unknown_job");
	get(world, BY_PUBLIC, "/route/jobs");
	expect_status(world, 401);
}

static void
a_raised_item_is_cleared_by_the_replay(void **state UNUSED)
{
	enqueue(world, &(struct job_spec){ .kind = "fails" });
	work(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM outbox WHERE topic = 'attention.raised' AND payload ->> 'kind' = 'job.dead'") > 0, 1);
	post(world, BY_ADMIN, "/route/jobs/replay", "{\"kind\":\"fails\"}");
	expect_status(world, 202);
	assert_true(sql_int(world, "SELECT count(*) FROM outbox WHERE topic = 'attention.cleared'") > 0);
}

/* ---- counters */

static void
what_workers_count_outlives_them(void **state UNUSED)
{
	struct crew c;

	crew_open(&c, world, 1);
	sql_run(world, "INSERT INTO worker (name) VALUES ('one')");
	metric_add("t_worker_total", "kind=\"x\"", 3);
	metric_observe("t_worker_seconds", NULL, 0.002);
	metric_set("t_worker_gauge", NULL, 7);
	MUST(worker_metrics_tell(c.hands[0].db, &c.hands[0].scope, "one", &err));
	metric_add("t_worker_total", "kind=\"x\"", 2);
	MUST(worker_metrics_tell(c.hands[0].db, &c.hands[0].scope, "one", &err));
	enqueue(world, &(struct job_spec){ .kind = "tick" });
	crew_close(&c);
	assert_int_equal(sql_int(world, "SELECT value FROM worker_metric WHERE name = 't_worker_total'"), 5);
	get(world, BY_PUBLIC, "/metrics");
	expect_status(world, 200);
	struct bytes all = answer_bytes(world);
	const char *said = text(world, "%.*s", (int)all.n, (const char *)all.p);
	assert_non_null(strstr(said, "t_worker_total{process=\"worker\",kind=\"x\"} 5\n"));
	assert_non_null(strstr(said, "t_worker_seconds_bucket{process=\"worker\",le=\"0.0025\"} 1\n"));
	assert_non_null(strstr(said, "t_worker_gauge{process=\"worker\"} 7\n"));
	assert_non_null(strstr(said, "job_queue_depth{queue=\"default\",state=\"ready\"} 1\n"));
	assert_non_null(strstr(said, "workers_alive 1\n"));
}

static int
setup(void **state UNUSED)
{
	world = world_new(&service, NULL);
	return 0;
}

static int
teardown(void **state UNUSED)
{
	world_free(world);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_passed_meanwhile_is_the_rows_policy),
		TEST(eight_workers_a_thousand_ticks_and_stepping_clocks),
		TEST(finished_jobs_move_and_money_stays),
		TEST(a_sweep_that_fails_stops_no_other),
		TEST(an_old_snapshot_is_told_of),
		TEST(dead_letters_are_replayed_by_their_operator),
		TEST(a_raised_item_is_cleared_by_the_replay),
		TEST(what_workers_count_outlives_them),
	};

	log_level_set(LOG_ERROR);
	return cmocka_run_group_tests(tests, setup, teardown);
}
