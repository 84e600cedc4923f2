/*
 * jobs_test.c: the queue's promises (rules Q1 to Q15) against a real database: what runs, how often, and what is left when it
 * fails.
 */
#include "core.h"

#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "crew.h"

#define RACE_JOBS 2000

static const char mark_sql[] = "INSERT INTO mark (what) VALUES ($1)";
static const char once_sql[] = "INSERT INTO once (n) VALUES ($1)";

static struct world *world;
static atomic_int reached;

/* ---- jobs of the service under test */

static int
mark(struct job *j, const char *what, struct problem *err)
{
	return db_exec(j->db, mark_sql, err, P_TEXT(what)) < 0 ? -1 : 0;
}

static int
once_job(struct job *j, struct problem *err)
{
	if (job_begin(j, err) < 0 || db_exec(j->db, once_sql, err, P_INT(job_int(j, "n"))) < 0)
		return -1;
	return job_end(j, err);
}

static int
nothing_job(struct job *j UNUSED, struct problem *err UNUSED)
{
	atomic_fetch_add(&reached, 1);
	return 0;
}

/* Loses its lease in the middle, as a worker does that was stopped for too long. */
static int
slow_job(struct job *j, struct problem *err)
{
	if (atomic_fetch_add(&reached, 1) == 0)
		sql_run(world, "UPDATE job SET lease_until = now() - interval '1 s' WHERE id = %" PRId64, j->id);
	if (job_begin(j, err) < 0 || mark(j, "slow", err) < 0)
		return -1;
	if (atomic_load(&reached) == 1) {
		struct problem trouble = { 0 };
		struct crew other;

		crew_open(&other, world, 1);
		must(rescue_expired(&other.hands[0], &trouble), &trouble, __FILE__, __LINE__);
		crew_close(&other);
	}
	return job_end(j, err);
}

static int
hang_job(struct job *j, struct problem *err)
{
	if (j->attempt == 1 && job_int(j, "hangs"))
		for (;;)
			(void)poll(NULL, 0, 1000);
	(void)poll(NULL, 0, (int)job_int(j, "ms"));
	if (job_begin(j, err) < 0 || mark(j, "hang", err) < 0)
		return -1;
	return job_end(j, err);
}

static int
poll_job(struct job *j, struct problem *err)
{
	if (job_begin(j, err) < 0 || mark(j, "poll", err) < 0)
		return -1;
	if (atomic_fetch_add(&reached, 1) < 3)
		job_again(j, 60);
	return job_end(j, err);
}

static int
fails_job(struct job *j, struct problem *err)
{
	atomic_fetch_add(&reached, 1);
	if (job_begin(j, err) < 0 || mark(j, "lost", err) < 0) /* rolled back with the failure */
		return -1;
	problem(err, (int)job_int(j, "status"), "planned", "as the test wants it");
	err->retry_after = (int)job_int(j, "after");
	return -1;
}

static int
buried(struct job *j, struct problem *err)
{
	return mark(j, "buried", err);
}

static int
forgot_job(struct job *j, struct problem *err)
{
	return job_begin(j, err) < 0 || mark(j, "forgot", err) < 0 ? -1 : 0;
}

static int
steps_job(struct job *j, struct problem *err)
{
	if (job_begin(j, err) < 0 || mark(j, "first", err) < 0 || job_commit(j, err) < 0)
		return -1;
	if (atomic_fetch_add(&reached, 1) == 0)
		return problem(err, 503, "planned", "between two commits");
	return job_begin(j, err) < 0 || mark(j, "second", err) < 0 ? -1 : job_end(j, err);
}

static const struct job_row jobs[] = {
	{ "once", once_job, .says = "leaves a row that may be there once" },
	{ "nothing", nothing_job, .says = "has no effect" },
	{ "slow", slow_job, .says = "outlives its lease" },
	{ "hang", hang_job, .queue = "hangs", .says = "takes its time" },
	{ "poll", poll_job, .says = "asks four times" },
	{ "fails", fails_job, .attempts = 3, .buried = buried, .says = "never works" },
	{ "forgot", forgot_job, .attempts = 1, .says = "forgets job_end" },
	{ "steps", steps_job, .says = "commits twice" },
	{ "tick", nothing_job, .says = "by the clock" },
};
static const struct timer_row timers[] = { { "tick", "TICK_EVERY", "tick", "test" } };
static const struct conf_key config[] = { { "TICK_EVERY", CONF_SECS, .dflt = "0", .says = "test" }, { 0 } };
static const struct topic topics[] = { { 0 } };
static const struct service service = {
	.name = "registry",
	.prefix = "/route",
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
	sql_run(world, "TRUNCATE job, mark, once, timer_tick, worker CASCADE");
	atomic_store(&reached, 0);
	return 0;
}

/* ---- Q2: claims */

static void *
race(void *p)
{
	struct hand *h = p;
	struct problem err = { 0 };

	while (take_one(h, &err) > 0)
		arena_reset(h->arena);
	arena_reset(h->arena);
	return NULL;
}

static void
eight_takers_do_each_job_once(void **state UNUSED)
{
	struct crew c;
	pthread_t t[8];

	sql_run(world,
	    "INSERT INTO job (tenant_id, kind, args) SELECT app_tenant(), 'once', jsonb_build_object('n', n)"
	    " FROM generate_series(1, %d) n",
	    RACE_JOBS);
	crew_open(&c, world, 8);
	for (size_t i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, race, &c.hands[i]);
	for (size_t i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	crew_close(&c);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM once"), RACE_JOBS);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done' AND attempt = 1 AND token = 1"), RACE_JOBS);
}

/* ---- Q3: fencing */

static void
late_worker_writes_nothing(void **state UNUSED)
{
	struct crew c;

	enqueue(world, &(struct job_spec){ .kind = "slow" });
	crew_open(&c, world, 1);
	crew_take(&c, 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM mark"), 0);
	assert_string_equal(sql_text(world, "SELECT state FROM job"), "ready");
	sql_run(world, "UPDATE job SET run_at = now()");
	crew_take(&c, 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM mark"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done' AND token = 2 AND attempt = 2"), 1);
	crew_close(&c);
}

static void
what_was_committed_on_the_way_stays(void **state UNUSED)
{
	enqueue(world, &(struct job_spec){ .kind = "steps" });
	work_all(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM mark WHERE what = 'first'"), 2);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM mark WHERE what = 'second'"), 1);
}

/* ---- Q5, Q6: rescue */

static void
last_attempt_that_crashed_ends_in_dead(void **state UNUSED)
{
	struct crew c;

	sql_run(world,
	    "INSERT INTO job (tenant_id, kind, state, attempt, max_attempts, lease_until, lease_by, token) VALUES"
	    " (app_tenant(), 'fails', 'running', 3, 3, now() - interval '1 s', 'gone', 7),"
	    " (app_tenant(), 'fails', 'running', 2, 3, now() - interval '1 s', 'gone', 7),"
	    " (app_tenant(), 'fails', 'running', 3, 3, now() + interval '9 s', 'alive', 7),"
	    " (app_tenant(), 'nobody.knows', 'running', 12, 12, now() - interval '1 s', 'gone', 7)");
	crew_open(&c, world, 1);
	MUST(rescue_expired(&c.hands[0], &err));
	crew_close(&c);
	assert_int_equal(sql_int(world,
			     "SELECT count(*) FROM job WHERE state = 'dead' AND attempt = 3"
			     " AND errors -> 0 ->> 'error' LIKE '%%lease_expired%%'"),
	    1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready' AND attempt = 2 AND run_at > now()"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'running'"), 1);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready' AND kind = 'nobody.knows' AND attempt = 11"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM mark WHERE what = 'buried'"), 1);
}

static void
unknown_kind_goes_back_unused(void **state UNUSED)
{
	sql_run(world, "INSERT INTO job (tenant_id, kind) VALUES (app_tenant(), 'of.the.next.release')");
	work(world);
	assert_int_equal(
	    sql_int(
		world, "SELECT count(*) FROM job WHERE state = 'ready' AND attempt = 0 AND run_at > now() + interval '4 minutes'"),
	    1);
}

/* ---- Q8: failing */

static void
retry_waits_and_the_last_one_buries(void **state UNUSED)
{
	enqueue(world, &(struct job_spec){ .kind = "fails", .args = "{\"status\":503}" });
	work(world);
	assert_int_equal(atomic_load(&reached), 1);
	assert_int_equal(
	    sql_int(
		world, "SELECT count(*) FROM job WHERE state = 'ready' AND attempt = 1 AND run_at - now() BETWEEN '0 s' AND '2 s'"),
	    1);
	work_all(world);
	assert_int_equal(atomic_load(&reached), 3);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM job WHERE state = 'dead' AND attempt = 3 AND jsonb_array_length(errors) = 3"), 1);
	assert_string_equal(sql_text(world, "SELECT last_error FROM job"), "503 planned: as the test wants it");
	assert_string_equal(sql_text(world, "SELECT string_agg(what, ' ') FROM mark"), "buried");
}

static void
retry_after_wins_when_it_is_longer(void **state UNUSED)
{
	enqueue(world, &(struct job_spec){ .kind = "fails", .args = "{\"status\":429,\"after\":90}" });
	work(world);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready' AND run_at - now() BETWEEN '85 s' AND '90 s'"), 1);
}

static void
permanent_failure_is_buried_at_once(void **state UNUSED)
{
	enqueue(world, &(struct job_spec){ .kind = "fails", .args = "{\"status\":422}" });
	work_all(world);
	assert_int_equal(atomic_load(&reached), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'dead' AND attempt = 1"), 1);
	assert_string_equal(sql_text(world, "SELECT string_agg(what, ' ') FROM mark"), "buried");
}

static void
forgotten_end_is_no_success(void **state UNUSED)
{
	enqueue(world, &(struct job_spec){ .kind = "forgot" });
	work(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM mark"), 0);
	assert_string_equal(sql_text(world, "SELECT state FROM job"), "dead");
}

static void
dead_letter_runs_again_with_its_arguments(void **state UNUSED)
{
	enqueue(world, &(struct job_spec){ .kind = "fails", .args = "{\"status\":422}" });
	work(world);
	sql_run(world,
	    "UPDATE job SET state = 'ready', kind = 'once', args = args || '{\"n\":1}', attempt = 0, finished_at = NULL,"
	    " run_at = now()");
	work(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM once"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done' AND jsonb_array_length(errors) = 1"), 1);
}

/* ---- Q10, Q11, polling */

static void
unique_job_waits_once(void **state UNUSED)
{
	for (int i = 0; i < 3; i++)
		enqueue(world, &(struct job_spec){ .kind = "nothing", .unique_key = "one" });
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job"), 1);
	work(world);
	enqueue(world, &(struct job_spec){ .kind = "nothing", .unique_key = "one" });
	work(world);
	assert_int_equal(atomic_load(&reached), 2);
}

static void
entity_has_one_running_job(void **state UNUSED)
{
	struct crew c;

	enqueue(world, &(struct job_spec){ .kind = "nothing", .serial_key = "case-7" });
	enqueue(world, &(struct job_spec){ .kind = "nothing", .serial_key = "case-7" });
	sql_run(
	    world, "UPDATE job SET state = 'running', lease_until = now() + interval '1 h' WHERE id = (SELECT min(id) FROM job)");
	crew_open(&c, world, 1);
	assert_int_equal(crew_take(&c, 0), 0);
	sql_run(world, "UPDATE job SET state = 'done', lease_until = NULL, finished_at = now() WHERE state = 'running'");
	assert_int_equal(crew_take(&c, 0), 1);
	crew_close(&c);
}

static void
serial_jobs_race_in_peace(void **state UNUSED)
{
	struct crew c;
	pthread_t t[8];

	sql_run(world,
	    "INSERT INTO job (tenant_id, kind, args, serial_key) SELECT app_tenant(), 'once', jsonb_build_object('n', n),"
	    " 'k' || n %% 3"
	    " FROM generate_series(1, 60) n");
	crew_open(&c, world, 8);
	for (int round = 0; round < 100 && sql_int(world, "SELECT count(*) FROM job WHERE state <> 'done'") > 0; round++) {
		for (size_t i = 0; i < 8; i++)
			pthread_create(&t[i], NULL, race, &c.hands[i]);
		for (size_t i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
	}
	crew_close(&c);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM once"), 60);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE attempt > 1"), 0);
}

static void
polling_uses_up_no_attempt(void **state UNUSED)
{
	enqueue(world, &(struct job_spec){ .kind = "poll" });
	work(world);
	assert_int_equal(
	    sql_int(world,
		"SELECT count(*) FROM job WHERE state = 'ready' AND attempt = 0 AND run_at - now() BETWEEN '50 s' AND '60 s'"),
	    1);
	work_all(world);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM mark WHERE what = 'poll'"), 4);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done' AND attempt = 1 AND token = 4"), 1);
}

/* ---- Q15: timers */

static void
tick_belongs_to_one_worker(void **state UNUSED)
{
	static const char *const hour[] = { "TICK_EVERY=1h", NULL };
	struct crew c;
	int fired = 0;

	struct world *hourly = world_new(&service, hour);
	crew_open(&c, hourly, 4);
	for (size_t i = 0; i < 4; i++) {
		int64_t last[1] = { 0 };

		MUST(fired += timers_fire(&c.hands[i], last, &err));
		MUST(fired += timers_fire(&c.hands[i], last, &err));
	}
	crew_close(&c);
	assert_int_equal(fired, 1);
	assert_int_equal(sql_int(hourly, "SELECT count(*) FROM timer_tick WHERE due_at = date_trunc('hour', now())"), 1);
	assert_int_equal(sql_int(hourly, "SELECT count(*) FROM job WHERE kind = 'tick' AND state = 'ready' AND args ? 'dueAt'"), 1);
	world_free(hourly);
}

/* ---- the process */

static void
killed_workers_job_runs_again(void **state UNUSED)
{
	pid_t first, second;

	enqueue(world, &(struct job_spec){ .kind = "hang", .args = "{\"hangs\":1}" });
	first = worker_start(world);
	assert_true(comes_true(world, 10, "SELECT state = 'running' FROM job"));
	kill(first, SIGKILL);
	assert_int_equal(worker_wait(first, 5), 256 + SIGKILL);
	second = worker_start(world);
	assert_true(comes_true(world, 15, "SELECT state = 'done' FROM job"));
	assert_int_equal(sql_int(world, "SELECT attempt FROM job"), 2);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM mark"), 1);
	kill(second, SIGTERM);
	assert_int_equal(worker_wait(second, 10), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM worker WHERE name LIKE '%%/%d/%%'", second), 0);
}

static void
heartbeat_keeps_the_lease_of_long_work(void **state UNUSED)
{
	pid_t pid;

	enqueue(world, &(struct job_spec){ .kind = "hang", .args = "{\"ms\":7000}" });
	pid = worker_start(world);
	assert_true(comes_true(world, 15, "SELECT state = 'done' FROM job"));
	assert_int_equal(sql_int(world, "SELECT attempt FROM job"), 1); /* the lease is 4 s */
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid, 10), 0);
}

static void
stopped_worker_finishes_what_it_can(void **state UNUSED)
{
	pid_t pid;

	enqueue(world, &(struct job_spec){ .kind = "hang", .args = "{\"ms\":1500}" });
	pid = worker_start(world);
	assert_true(comes_true(world, 10, "SELECT state = 'running' FROM job"));
	kill(pid, SIGHUP);
	assert_int_equal(worker_wait(pid, 10), 0);
	assert_string_equal(sql_text(world, "SELECT state FROM job"), "done");
}

static void
stopped_worker_hands_back_the_rest(void **state UNUSED)
{
	pid_t pid;

	enqueue(world, &(struct job_spec){ .kind = "hang", .args = "{\"hangs\":1}" });
	pid = worker_start(world);
	assert_true(comes_true(world, 10, "SELECT state = 'running' FROM job"));
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid, 25), 0);
	/* What it was cut off from may still be going on at a vendor: nobody asks for it at once. */
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready' AND attempt = 0"
					" AND run_at BETWEEN now() + interval '10 s' AND now() + interval '15 s'"),
	    1);
}

static void
lost_hint_costs_a_second(void **state UNUSED)
{
	pid_t pid = worker_start(world);

	assert_true(comes_true(world, 10, "SELECT count(*) = 1 FROM worker"));
	/* A row that nobody announces. */
	sql_run(world, "INSERT INTO job (tenant_id, kind) SELECT app_tenant(), 'nothing' FROM generate_series(1, 5)");
	assert_true(comes_true(world, 4, "SELECT count(*) = 0 FROM job WHERE state <> 'done'"));
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE finished_at - created_at > '1.7 s'"), 0);
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid, 10), 0);
}

static void
announced_job_starts_at_once(void **state UNUSED)
{
	pid_t pid = worker_start(world);

	assert_true(comes_true(world, 10, "SELECT count(*) = 1 FROM worker"));
	(void)poll(NULL, 0, 300); /* its listener is there */
	for (int i = 0; i < 10; i++) {
		enqueue(world, &(struct job_spec){ .kind = "nothing" });
		assert_true(comes_true(world, 3, "SELECT count(*) = 0 FROM job WHERE state <> 'done'"));
	}
	/* The poll alone would need half a second on the average. */
	assert_true(sql_int(world, "SELECT count(*) FROM job WHERE finished_at - created_at < '0.2 s'") >= 8);
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid, 10), 0);
}

static int
setup(void **state UNUSED)
{
	static const char *const settings[] = { "JOB_LEASE=4s", NULL };

	world = world_new(&service, settings);
	sql_run(world,
	    "CREATE TABLE mark (what text); CREATE TABLE once (n bigint PRIMARY KEY);"
	    " GRANT SELECT, INSERT ON mark, once TO PUBLIC");
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
		TEST(eight_takers_do_each_job_once),
		TEST(late_worker_writes_nothing),
		TEST(what_was_committed_on_the_way_stays),
		TEST(last_attempt_that_crashed_ends_in_dead),
		TEST(unknown_kind_goes_back_unused),
		TEST(retry_waits_and_the_last_one_buries),
		TEST(retry_after_wins_when_it_is_longer),
		TEST(permanent_failure_is_buried_at_once),
		TEST(forgotten_end_is_no_success),
		TEST(dead_letter_runs_again_with_its_arguments),
		TEST(unique_job_waits_once),
		TEST(entity_has_one_running_job),
		TEST(serial_jobs_race_in_peace),
		TEST(polling_uses_up_no_attempt),
		TEST(tick_belongs_to_one_worker),
		TEST(killed_workers_job_runs_again),
		TEST(heartbeat_keeps_the_lease_of_long_work),
		TEST(stopped_worker_finishes_what_it_can),
		TEST(stopped_worker_hands_back_the_rest),
		TEST(lost_hint_costs_a_second),
		TEST(announced_job_starts_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
