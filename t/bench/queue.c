/*
 * queue.c: the queue under measurement: a worker of two kinds of jobs, on the database of TELERX_CONFIG.
 *
 *	telerx-queue run KIND COUNT	works until COUNT jobs have been begun that somebody put there; {"count","seconds","worker"}
 *	telerx-queue pick-up COUNT	adds a job every 30 ms to a quiet queue; {"count","seconds","p50","p99"}: microseconds from before
 *					the transaction that adds it to its beginning
 *
 * bench.quick has no effect, bench.fenced writes a row of bench_effect in its own fenced transaction. Time runs from the first job's
 * beginning to the last one's, so starting and connecting are not in it. Another count than the database's is for the caller to see.
 */
#include "core.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "service.h"

#define MOST    100000
#define PAUSE_S 2 /* until a fresh worker listens */

static const char effect_sql[] = "INSERT INTO bench_effect (n) VALUES ($1)";

static atomic_long begun;
static long wanted;
static _Atomic int64_t first_at, last_at;
static int64_t waits[MOST];

static void
note_begin(void)
{
	int64_t now = clock_mono_us();
	long n = atomic_fetch_add(&begun, 1) + 1;

	if (n == 1)
		atomic_store(&first_at, now);
	if (n != wanted)
		return;
	atomic_store(&last_at, now);
	kill(getpid(), SIGTERM); /* what is in hand is finished */
}

static int
quick_job(struct job *j UNUSED, struct problem *err UNUSED)
{
	note_begin();
	return 0;
}

static int
fenced_job(struct job *j, struct problem *err)
{
	note_begin();
	if (job_begin(j, err) < 0 || db_exec(j->db, effect_sql, err, P_INT(j->id)) < 0)
		return -1;
	return job_end(j, err);
}

static int
timed_job(struct job *j, struct problem *err UNUSED)
{
	long n = atomic_load(&begun);

	if (n < MOST)
		waits[n] = clock_mono_us() - job_int(j, "at");
	note_begin();
	return 0;
}

static const struct job_row jobs[] = {
	{ "bench.quick", quick_job, .queue = "bench", .says = "has no effect" },
	{ "bench.fenced", fenced_job, .queue = "fenced", .says = "leaves a row" },
	{ "bench.timed", timed_job, .queue = "bench", .says = "knows when it was wanted" },
};
static const struct queue_row queues[] = { { "bench", 2 }, { "fenced", 4 } }; /* who waits for a commit of its own needs company */
static const struct topic topics[] = { { 0 } };
static const struct service service = { .name = "registry",
	.prefix = "/bench",
	.database = "physician_registry",
	.says = "the queue under measurement",
	TABLE(jobs, njobs, jobs),
	TABLE(queues, nqueues, queues),
	.topics = topics };

static bool
place(const void *context UNUSED, const char *kind, const char **queue, int *attempts)
{
	const struct job_row *row = service_job(&service, kind);

	*queue = "bench";
	*attempts = 0;
	return row != NULL;
}

/* ---- adding, from a process of its own */

static int
add_one(struct db *db, const struct scope *scope, struct problem *err)
{
	char args[64];
	struct job_spec spec = { .kind = "bench.timed", .args = args };

	(void)snprintf(args, sizeof(args), "{\"at\":%" PRId64 "}", clock_mono_us());
	if (db_begin(db, WRITE, scope, err) < 0 || job_enqueue(db, &spec, err) < 0)
		return -1;
	return db_commit(db, err);
}

static void
add_slowly(const struct conf *conf, long count)
{
	struct problem err = { 0 };
	struct scope scope = { .actor = "system:bench" };
	struct db *db = db_open(conf_str(conf, "DATABASE_URL"), DB_API, "bench", &err);

	(void)uuid_parse(conf_str(conf, "TENANT_ID"), &scope.tenant);
	(void)poll(NULL, 0, PAUSE_S * 1000);
	for (long i = 0; db != NULL && i < count; i++) {
		if (add_one(db, &scope, &err) < 0)
			die("a job was not added: %s %s", err.code, err.detail);
		(void)poll(NULL, 0, 25 + (int)(clock_us() % 10));
	}
	db_close(db);
}

/* ---- what came of it */

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
report(bool timed)
{
	double seconds = (double)(atomic_load(&last_at) - atomic_load(&first_at)) / US_PER_S;
	size_t n = wanted < MOST ? (size_t)wanted : MOST;

	printf("{\"count\":%ld,\"seconds\":%.6f,\"worker\":%.6f", wanted, seconds, cpu_seconds());
	if (timed) {
		qsort(waits, n, sizeof(waits[0]), by_size);
		printf(",\"p50\":%" PRId64 ",\"p99\":%" PRId64, waits[n / 2], waits[n * 99 / 100]);
	}
	printf("}\n");
}

int
main(int argc, char **argv)
{
	static const struct conf_key none[] = { { 0 } };
	const struct conf_key *const tables[] = { core_conf, peer_conf, work_conf, none, NULL };
	bool timed = argc == 3 && strcmp(argv[1], "pick-up") == 0;
	struct problem err = { 0 };
	struct conf *conf;
	pid_t adder = 0;
	int rc;

	log_open("registry", LOG_WARN);
	wanted = argc > 2 ? strtol(argv[argc - 1], NULL, 10) : 0;
	if ((!timed && (argc != 4 || strcmp(argv[1], "run") != 0)) || wanted < 2)
		return 64;
	conf = conf_load(tables, &err);
	if (conf == NULL)
		die("%s: %s", err.code, err.detail);
	job_kinds(place, NULL);
	event_topics(topics);
	if (timed && (adder = fork()) == 0) {
		add_slowly(conf, wanted);
		_exit(0);
	}
	rc = worker_main(&service, conf);
	if (adder > 0)
		(void)waitpid(adder, NULL, 0);
	report(timed);
	conf_free(conf);
	return rc;
}
