/*
 * queue_race.c: a worker to kill, and a taker to time, on the database of TELERX_CONFIG (t/prove/jobs.mjs).
 *
 *	queue_race work			a taker of the queue "race" and a housekeeper, as a worker has them: sixteen whole workers would
 *					want more connections than a tree has; the jobs take 0 to 60 ms and leave one row each
 *	queue_race claims ROUNDS N	ROUNDS times: adds N jobs without effect and takes them; {"p50","p99"}: microseconds a claim took
 */
#include "core.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/keyring.h"
#include "work/work.h"

#define MOST 20000

static const char effect_sql[] = "INSERT INTO race_effect (job, token) VALUES ($1, $2)";
static const char add_sql[] = "INSERT INTO job (tenant_id, kind, queue) SELECT $1::uuid, 'race.quick', 'claims' FROM generate_series(1, $2)";

static int
once_job(struct job *j, struct problem *err)
{
	(void)poll(NULL, 0, (int)(j->id % 61));
	if (job_begin(j, err) < 0 || db_exec(j->db, effect_sql, err, P_INT(j->id), P_INT(j->token)) < 0)
		return -1;
	(void)poll(NULL, 0, (int)(j->id % 3));
	return job_end(j, err);
}

static int
quick_job(struct job *j UNUSED, struct problem *err UNUSED)
{
	return 0;
}

static const struct job_row jobs[] = {
	{ "race.once", once_job, .queue = "race", .attempts = 200, .says = "leaves one row" },
	{ "race.quick", quick_job, .queue = "claims", .says = "has no effect" },
};
static const struct topic topics[] = { { 0 } };
static const struct service service = { .name = "registry",
	.prefix = "/race",
	.database = "physician_registry",
	.says = "workers that are killed",
	TABLE(jobs, njobs, jobs),
	.topics = topics };

static bool
place_of(const void *context UNUSED, const char *kind, const char **queue, int *attempts)
{
	const struct job_row *row = service_job(&service, kind);

	if (row == NULL)
		return false;
	*queue = row->queue;
	*attempts = row->attempts;
	return true;
}

static int
by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int
add(struct hand *h, long n, struct problem *err)
{
	if (db_begin(h->db, WRITE, &h->scope, err) < 0 || db_exec(h->db, add_sql, err, P_UUID(h->scope.tenant), P_INT(n)) < 0)
		return -1;
	return db_commit(h->db, err);
}

static struct work w = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct hand hands[2];

static void
work_open(const struct conf *conf, const char *queue)
{
	struct problem err = { 0 };
	pthread_condattr_t attr;

	w.service = &service;
	w.conf = conf;
	w.lease_s = conf_int(conf, "JOB_LEASE");
	w.keyring = keyring_open(conf_str(conf, "KEYHOLDER_SOCKET"), service.name, &err);
	if (w.keyring == NULL)
		die("%s: %s", err.code, err.detail);
	w.hands = hands;
	w.nhands = COUNT(hands);
	work_name(w.name);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	for (size_t i = 0; i < COUNT(hands); i++) {
		hands[i] = (struct hand){ .work = &w, .want = 1 };
		pthread_cond_init(&hands[i].wake, &attr);
	}
	pthread_condattr_destroy(&attr);
	hands[0].queue = queue;
}

/* Until SIGTERM: then what runs is finished and the rest given back. */
static int
work(const struct conf *conf)
{
	pthread_t taker, keeper;
	sigset_t signals;
	int sig;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	work_open(conf, "race");
	if (pthread_create(&taker, NULL, taker_main, &hands[0]) != 0 ||
	    pthread_create(&keeper, NULL, housekeeper_main, &hands[1]) != 0)
		die("cannot start a thread");
	(void)sigwait(&signals, &sig);
	atomic_store(&w.stopping, true);
	work_hint(&w, "");
	pthread_join(taker, NULL);
	pthread_join(keeper, NULL);
	keyring_free(w.keyring);
	return 0;
}

static int
time_claims(const struct conf *conf, long rounds, long n)
{
	static int64_t took[MOST];
	struct hand *h = &hands[0];
	struct problem err = { 0 };
	size_t k = 0;

	work_open(conf, "claims");
	w.nhands = 1;
	if (hand_open(h, &err) < 0)
		die("%s: %s", err.code, err.detail);
	for (long i = 0; i < rounds && k < MOST; i++) {
		int64_t began;

		if (add(h, n, &err) < 0)
			die("%s: %s", err.code, err.detail);
		began = clock_mono_us();
		h->want = (size_t)n;
		if (take_some(h, &err) != 1)
			die("nothing was taken: %s %s", err.code, err.detail);
		took[k++] = clock_mono_us() - began;
		arena_reset(h->arena);
	}
	if (take_ends(h, &err) < 0)
		die("%s: %s", err.code, err.detail);
	hand_close(h);
	keyring_free(w.keyring);
	qsort(took, k, sizeof(took[0]), by_size);
	printf("{\"p50\":%" PRId64 ",\"p99\":%" PRId64 "}\n", took[k / 2], took[k * 99 / 100]);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct conf_key none[] = { { 0 } };
	const struct conf_key *const tables[] = { core_conf, peer_conf, work_conf, none, NULL };
	struct problem err = { 0 };
	struct conf *conf;
	int rc = 64;

	log_open("registry", LOG_ERROR);
	conf = conf_load(tables, &err);
	if (conf == NULL)
		die("%s: %s", err.code, err.detail);
	job_kinds(place_of, NULL);
	event_topics(topics);
	if (argc == 2 && strcmp(argv[1], "work") == 0)
		rc = work(conf);
	else if (argc == 4 && strcmp(argv[1], "claims") == 0)
		rc = time_claims(conf, strtol(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
	conf_free(conf);
	return rc;
}
