/*
 * jobs_batch_test.c: jobs taken and ended together (rules Q2, Q3, Q11, Q13, Q16): each has its own fence all the same, and nobody
 * waits long behind another.
 */
#include "core.h"

#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "crew.h"

static const char once_sql[] = "INSERT INTO once (n) VALUES ($1)";

static struct world *world;
static atomic_int reached;

/* ---- jobs of the service under test */

static int
quick_job(struct job *j UNUSED, struct problem *err UNUSED)
{
	atomic_fetch_add(&reached, 1);
	return 0;
}

static int
once_job(struct job *j, struct problem *err)
{
	atomic_fetch_add(&reached, 1);
	if (job_begin(j, err) < 0 || db_exec(j->db, once_sql, err, P_INT(job_int(j, "n"))) < 0)
		return -1;
	return job_end(j, err);
}

/* The lease of everything that is held passes to somebody else while this one runs. */
static int
thief_job(struct job *j, struct problem *err UNUSED)
{
	sql_run(world, "UPDATE job SET token = token + 1, lease_by = 'another' WHERE state = 'running' AND id <> %" PRId64, j->id);
	return 0;
}

static int
lasts_job(struct job *j, struct problem *err UNUSED)
{
	(void)poll(NULL, 0, (int)job_int(j, "ms"));
	return 0;
}

static const struct job_row jobs[] = {
	{ "quick", quick_job, .says = "has no effect" },
	{ "once", once_job, .says = "leaves a row that may be there once" },
	{ "thief", thief_job, .says = "costs its neighbours their leases" },
	{ "lasts", lasts_job, .says = "takes its time" },
};
static const struct topic topics[] = { { 0 } };
static const struct service service = {
	.name = "registry",
	.prefix = "/route",
	.says = "batches under test",
	TABLE(jobs, njobs, jobs),
	.topics = topics,
};
const struct service *const crew_service = &service;

static int
clean(void **state UNUSED)
{
	sql_run(world, "TRUNCATE job, once, worker CASCADE");
	atomic_store(&reached, 0);
	return 0;
}

static void
many(const char *kind, int n)
{
	sql_run(world,
	    "INSERT INTO job (tenant_id, kind, args) SELECT app_tenant(), '%s', jsonb_build_object('n', n) FROM generate_series(1, %d) n",
	    kind, n);
}

static int
take_batch(struct crew *c, size_t want)
{
	int n = 0;

	c->hands[0].queue = DEFAULT_QUEUE;
	c->hands[0].want = want;
	MUST(n = take_some(&c->hands[0], &err));
	return n;
}

static int64_t
in_state(const char *state)
{
	return sql_int(world, "SELECT count(*) FROM job WHERE state = '%s'", state);
}

/* ---- one claim, one end */

static void
ends_without_effect_are_written_with_the_next_claim(void **state UNUSED)
{
	struct crew c;

	many("quick", 150);
	crew_open(&c, world, 1);
	assert_int_equal(take_batch(&c, BATCH_MOST), 1);
	assert_int_equal(atomic_load(&reached), 100);
	assert_int_equal(in_state("running"), 100); /* held, renewed, and nothing to do twice */
	assert_int_equal(c.hands[0].nheld, 100);
	assert_int_equal(take_batch(&c, BATCH_MOST), 1);
	assert_int_equal(in_state("done"), 100);
	MUST(take_ends(&c.hands[0], &err));
	assert_int_equal(in_state("done"), 150);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE attempt <> 1 OR token <> 1"), 0);
	assert_int_equal(c.hands[0].nheld, 0);
	crew_close(&c);
}

static void
an_end_behind_a_lost_lease_is_not_written(void **state UNUSED)
{
	struct crew c;

	many("quick", 3);
	many("thief", 1);
	many("once", 2);
	crew_open(&c, world, 1);
	assert_int_equal(take_batch(&c, 10), 1);
	MUST(take_ends(&c.hands[0], &err));
	assert_int_equal(in_state("done"), 1);
	assert_string_equal(sql_text(world, "SELECT kind FROM job WHERE state = 'done'"), "thief");
	assert_int_equal(sql_int(world, "SELECT count(*) FROM once"), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'running' AND lease_by = 'another' AND token = 2"), 5);
	crew_close(&c);
}

static void
a_batch_has_one_of_each_entity(void **state UNUSED)
{
	struct crew c;

	sql_run(world,
	    "INSERT INTO job (tenant_id, kind, serial_key) SELECT app_tenant(), 'quick', CASE WHEN n %% 2 = 0 THEN 'case-' || n %% 6 END"
	    " FROM generate_series(1, 30) n");
	crew_open(&c, world, 1);
	assert_int_equal(take_batch(&c, BATCH_MOST), 1);
	assert_int_equal(in_state("running"), 15 + 3);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'running' AND serial_key IS NOT NULL"), 3);
	while (take_batch(&c, BATCH_MOST) > 0)
		;
	assert_int_equal(in_state("done"), 30);
	crew_close(&c);
}

static void
batches_grow_with_quick_jobs_only(void **state UNUSED)
{
	struct crew c;

	many("quick", 400);
	crew_open(&c, world, 1);
	assert_int_equal(take_batch(&c, 1), 1);
	for (int i = 0; i < 5; i++)
		MUST(take_some(&c.hands[0], &err));
	assert_int_equal(c.hands[0].want, BATCH_MOST);
	while (take_batch(&c, BATCH_MOST) > 0)
		;
	sql_run(world, "INSERT INTO job (tenant_id, kind, args) VALUES (app_tenant(), 'lasts', '{\"ms\":50}')");
	assert_int_equal(take_batch(&c, BATCH_MOST), 1);
	assert_int_equal(c.hands[0].want, 1);
	crew_close(&c);
}

/* ---- Q16: the place of the last claim */

static void
who_commits_late_is_found(void **state UNUSED)
{
	struct crew c;

	many("quick", 5);
	crew_open(&c, world, 1);
	assert_int_equal(take_batch(&c, 10), 1);
	/* Begun 50 ms before the last one taken, or long before: the next look finds it, or the one from the beginning. */
	sql_run(world, "INSERT INTO job (tenant_id, kind, run_at) SELECT app_tenant(), 'quick', max(run_at) - interval '50 ms' FROM job");
	assert_int_equal(take_batch(&c, 10), 1);
	sql_run(world, "INSERT INTO job (tenant_id, kind, run_at) SELECT app_tenant(), 'quick', max(run_at) - interval '1 h' FROM job");
	sql_run(world, "INSERT INTO job (tenant_id, kind, prio) VALUES (app_tenant(), 'quick', -5)");
	for (int i = 0; i < 30 && atomic_load(&reached) < 8; i++) {
		(void)take_batch(&c, 10);
		(void)poll(NULL, 0, 50);
	}
	assert_int_equal(atomic_load(&reached), 8);
	crew_close(&c);
}

/* ---- the process */

static void
nobody_waits_behind_a_job_that_lasts(void **state UNUSED)
{
	pid_t first, second;

	/* Quick ones teach the taker to take many; then it holds twenty behind one that lasts. */
	many("quick", 600);
	sql_run(world, "INSERT INTO job (tenant_id, kind, args) VALUES (app_tenant(), 'lasts', '{\"ms\":8000}')");
	many("quick", 20);
	first = worker_start(world);
	second = worker_start(world);
	assert_true(comes_true(world, 6, "SELECT count(*) = 620 FROM job WHERE kind = 'quick' AND state = 'done'"));
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE kind = 'quick' AND attempt <> 1"), 0);
	assert_string_equal(sql_text(world, "SELECT state FROM job WHERE kind = 'lasts'"), "running");
	kill(first, SIGTERM);
	kill(second, SIGTERM);
	assert_int_equal(worker_wait(first, 15), 0);
	assert_int_equal(worker_wait(second, 15), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done' AND attempt = 1"), 621);
}

static void
a_stop_gives_back_what_was_not_begun(void **state UNUSED)
{
	pid_t pid;

	many("quick", 600);
	sql_run(world, "INSERT INTO job (tenant_id, kind, args) VALUES (app_tenant(), 'lasts', '{\"ms\":700}')");
	many("lasts", 1);
	sql_run(world, "UPDATE job SET args = '{\"ms\":600}' WHERE kind = 'lasts' AND args ? 'n'");
	many("quick", 20);
	pid = worker_start(world);
	assert_true(comes_true(world, 10, "SELECT count(*) > 0 FROM job WHERE kind = 'lasts' AND state = 'running'"));
	kill(pid, SIGTERM);
	assert_int_equal(worker_wait(pid, 10), 0);
	assert_int_equal(in_state("running"), 0);
	assert_true(in_state("ready") >= 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready' AND (attempt <> 0 OR run_at > now())"), 0);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'done' AND attempt <> 1"), 0);
}

static int
setup(void **state UNUSED)
{
	world = world_new(&service, NULL);
	sql_run(world, "CREATE TABLE once (n bigint PRIMARY KEY); GRANT SELECT, INSERT ON once TO PUBLIC");
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
		TEST(ends_without_effect_are_written_with_the_next_claim),
		TEST(an_end_behind_a_lost_lease_is_not_written),
		TEST(a_batch_has_one_of_each_entity),
		TEST(batches_grow_with_quick_jobs_only),
		TEST(who_commits_late_is_found),
		TEST(nobody_waits_behind_a_job_that_lasts),
		TEST(a_stop_gives_back_what_was_not_begun),
	};

	log_level_set(LOG_WARN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
