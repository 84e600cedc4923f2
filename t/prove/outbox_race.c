/*
 * outbox_race.c: rules O2 and O3 under fire, for prove/events.mjs. 16 writers publish with commits that take 0 to 5 ms and roll back now
 * and then, 3 dispatchers deliver, and each half second one of the 19 processes is killed with -9. Subscribers refuse some deliveries
 * and lose some answers. In the end each subscriber has taken exactly what was committed, of each object in order and without a gap.
 *
 * RACE_SECONDS (10): how long. What a subscriber takes is a line in a file, as its inbox would have it; a repeated id is a repeat.
 */
#include "core.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "crypto/random.h"
#include "fcgi/work/crew.h"

#define WRITERS     16
#define DISPATCHERS 3
#define OBJECTS     40
#define LINE        128

static const char *const both[] = { "notify", "portal", NULL };
static const struct field nothing[] = { { 0 } };
static const struct topic topics[] = { { "thing.happened", both, "something", .payload = nothing }, { 0 } };
static const struct service service = { .name = "registry", .prefix = "/route", .database = "none", .says = "events under fire", .topics = topics };
const struct service *const crew_service = &service;

static struct world *world;
static struct uuid objects[OBJECTS];
static int64_t until;
static int log_fd = -1;
static pid_t writers[WRITERS], dispatchers[DISPATCHERS];

static unsigned
dice(unsigned n)
{
	uint32_t r = 0;

	if (random_bytes(&r, sizeof(r)) < 0)
		_exit(1);
	return r % n;
}

/* ---- the subscribers */

static void
take(const char *door, const json_t *body)
{
	char line[LINE];
	int n = snprintf(line, sizeof(line), "%s %s %" PRId64 " %s\n", door, json_text_at(body, "aggregateId"), json_int_at(body, "seq", -1),
	    json_text_at(body, "id"));

	if (n < 0 || write(log_fd, line, (size_t)n) != n)
		_exit(1);
}

static void
subscriber(
    void *context UNUSED, struct arena *a, const struct http_call *call, struct http_answer *ret, const char *const **headers)
{
	struct problem err = { 0 };
	json_t *body = json_read(a, (const char *)call->body.p, call->body.n, &err);
	unsigned fate = dice(100);

	*headers = NULL;
	usleep(dice(2000));
	if (fate < 2) { /* refused */
		*ret = (struct http_answer){ .outcome = HTTP_ANSWERED, .status = 503, .body = BYTES("", 0) };
		return;
	}
	take(strstr(call->url, "/notify/") != NULL ? "notify" : "portal", body);
	*ret = (struct http_answer){ .outcome = HTTP_ANSWERED, .status = 200, .body = BYTES("", 0) };
	if (fate < 4) /* taken, and nobody hears of it */
		*ret = (struct http_answer){ .outcome = HTTP_UNKNOWN };
}

/* ---- the writers */

static void
write_one(struct db *db, struct arena *a)
{
	struct scope scope = work_scope(world_conf(world));
	struct problem err = { 0 };
	unsigned n = 1 + dice(2);

	if (db_begin(db, WRITE, &scope, &err) < 0)
		return;
	for (unsigned i = 0; i < n; i++)
		if (event_publish(db, "thing.happened", objects[dice(OBJECTS)], "{}", &err) < 0)
			break;
	usleep(dice(5000));
	if (err.status != 0 || dice(10) == 0 || db_commit(db, &err) < 0)
		db_rollback(db);
	arena_reset(a);
}

static pid_t
writer_start(void)
{
	pid_t pid = fork();
	struct problem err = { 0 };
	struct arena *a;
	struct db *db;

	if (pid != 0)
		return pid;
	a = arena_new(0);
	db = db_open(conf_str(world_conf(world), "DATABASE_URL"), DB_WORKER, "writer", &err);
	if (db == NULL)
		_exit(1);
	db_arena(db, a);
	while (clock_mono_us() < until) {
		write_one(db, a);
		usleep(40000 + dice(200000)); /* no faster than what is delivered: the end must not be a long wait */
	}
	_exit(0);
}

/* ---- the killer */

static unsigned
fire(void)
{
	unsigned kills = 0;

	while (clock_mono_us() < until) {
		unsigned victim = dice(WRITERS + DISPATCHERS * 4);
		pid_t *pid = victim < WRITERS ? &writers[victim] : &dispatchers[(victim - WRITERS) % DISPATCHERS];

		usleep(300000 + dice(400000));
		assert_int_equal(kill(*pid, SIGKILL), 0);
		assert_int_equal(waitpid(*pid, NULL, 0), *pid);
		*pid = victim < WRITERS ? writer_start() : worker_start(world);
		kills++;
	}
	return kills;
}

static void
end(void)
{
	for (size_t i = 0; i < WRITERS; i++)
		(void)waitpid(writers[i], NULL, 0);
	assert_true(comes_true(world, 120, "SELECT (count(*) = 0)::int FROM outbox_delivery WHERE state <> 'sent'"));
	for (size_t i = 0; i < DISPATCHERS; i++)
		(void)kill(dispatchers[i], SIGTERM);
	for (size_t i = 0; i < DISPATCHERS; i++)
		(void)worker_wait(dispatchers[i], 30);
}

/* ---- the judge */

static size_t
object_of(const char *text)
{
	char id[UUID_TEXT];

	for (size_t i = 0; i < OBJECTS; i++)
		if (strcmp(uuid_text(objects[i], id), text) == 0)
			return i;
	fail_msg("an event of nobody: %s", text);
	return 0;
}

/* The first time that a number of an object arrives it is the next one: no gap, no overtaking. A repeat is an older one. */
static void
judge(FILE *f, int64_t taken[2], int64_t *repeats)
{
	static int64_t last[2][OBJECTS];
	char door[16], object[UUID_TEXT], id[UUID_TEXT];
	int64_t seq;

	/* NOLINTNEXTLINE(cert-err34-c): the width keeps the number in range */
	while (fscanf(f, "%15s %36s %18" SCNd64 " %36s", door, object, &seq, id) == 4) {
		int64_t *l = &last[strcmp(door, "notify") == 0][object_of(object)];

		if (seq > *l + 1)
			fail_msg("%s got %s number %" PRId64 " after %" PRId64, door, object, seq, *l);
		if (seq == *l + 1) {
			*l = seq;
			taken[strcmp(door, "notify") == 0]++;
		} else {
			(*repeats)++;
		}
	}
}

static void
o_2_o_3_what_is_taken_is_what_was_committed_in_order(void **state UNUSED)
{
	int64_t taken[2] = { 0 }, repeats = 0, committed;
	const char *seconds = getenv("RACE_SECONDS"), *path = text(world, "/tmp/telerx-race.%d", (int)getpid());
	unsigned kills;
	FILE *f;

	log_fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	f = fopen(path, "re");
	(void)unlink(path);
	assert_true(log_fd >= 0);
	assert_non_null(f);
	for (size_t i = 0; i < OBJECTS; i++)
		objects[i] = uuid_new();
	until = clock_mono_us() + (seconds != NULL ? strtoll(seconds, NULL, 10) : 10) * US_PER_S;
	for (size_t i = 0; i < DISPATCHERS; i++)
		dispatchers[i] = worker_start(world);
	for (size_t i = 0; i < WRITERS; i++)
		writers[i] = writer_start();
	kills = fire();
	end();
	judge(f, taken, &repeats);
	(void)fclose(f);
	committed = sql_int(world, "SELECT count(*) FROM outbox");
	printf("%" PRId64 " committed; taken %" PRId64 " and %" PRId64 ", %" PRId64 " repeats; %u kills\n", committed, taken[0], taken[1], repeats,
	    kills);
	assert_true(committed > 100);
	assert_true(kills > 5);
	assert_int_equal(taken[0], committed);
	assert_int_equal(taken[1], committed);
}

static int
setup(void **state UNUSED)
{
	static const char *const settings[] = { "JOB_LEASE=4s", NULL };

	world = world_new(&service, settings);
	http_intercept(subscriber, NULL);
	return 0;
}

static int
teardown(void **state UNUSED)
{
	world_free(world);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(o_2_o_3_what_is_taken_is_what_was_committed_in_order) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
