/*
 * worker.c: the worker process (rules Q7, Q13, Q14): takers per queue, one thread that delivers events and one that delivers
 * them to who is slow, one that keeps house, one that listens.
 *
 * SIGTERM, SIGINT and SIGHUP mean the same: nothing new is claimed, what runs has 20 seconds to finish, the rest goes back to
 * ready without having used an attempt, and the process exits with 0. The supervisor starts the next one.
 */
#include "work/work.h"
#include "work/kafka.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/keyring.h"
#include "crypto/secret.h"

#define CUT_OFF_S 15
#define FINISH_S 20 /* or a lease, when that is shorter: then others take over anyway */

const struct conf_key work_conf[] = {
	{ "JOB_LEASE", CONF_SECS, .dflt = "30s", .says = "how long a job belongs to a worker that gives no sign of life" },
	{ "JOB_DONE", CONF_SECS, .dflt = "1h", .says = "a job that ended well moves to job_past after this time" },
	{ "JOB_PAST", CONF_SECS, .dflt = "30d", .says = "and leaves it after this one, unless it acted on money or a prescription" },
	{ "EVENTS", CONF_STR, .dflt = "http", .says = "how events travel: http, or kafka in a build that has it" },
	{ "KAFKA_BROKERS", CONF_STR, .says = "host:port, ... of the brokers" },
	{ "KAFKA_OPTIONS", CONF_STR, .secret = true, .says = "name=value, ...: settings of librdkafka, for TLS and credentials" },
	{ 0 }
};

/* What is still held when the time is up is cut off in the middle of a call. The other side may go on with it for a while, and
 * must not be asked whether it happened, or be sent it again, before it could have come to an end. */
static const char hand_back_sql[] =
    "UPDATE job SET state = 'ready', attempt = attempt - 1, run_at = clock_timestamp() + make_interval(secs => $2),"
    " lease_until = NULL, lease_by = NULL WHERE lease_by = $1 AND lease_until IS NOT NULL";
static const char gone_sql[] = "DELETE FROM worker WHERE name = $1";

/* ---- what the threads share */

uint64_t
work_hints(struct work *w)
{
	uint64_t n;

	pthread_mutex_lock(&w->lock);
	n = w->hints;
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* Under the lock. */
static void
wake_all(struct work *w)
{
	for (size_t i = 0; i < w->nhands; i++)
		pthread_cond_signal(&w->hands[i].wake);
}

/* One that sleeps, or else any: it will not fall asleep then. */
static struct hand *
taker_to_call(struct work *w, const char *queue)
{
	struct hand *any = NULL;

	for (size_t i = 0; i < w->nhands; i++) {
		struct hand *h = &w->hands[i];

		if (h->queue == NULL || strcmp(h->queue, queue) != 0)
			continue;
		if (h->sleeps && !h->called)
			return h;
		any = h;
	}
	return any;
}

void
work_hint(struct work *w, const char *queue)
{
	struct hand *h;

	pthread_mutex_lock(&w->lock);
	if (queue[0] == '\0') {
		w->hints++;
		wake_all(w);
	} else if ((h = taker_to_call(w, queue)) != NULL) {
		h->called = true;
		pthread_cond_signal(&h->wake);
	}
	pthread_mutex_unlock(&w->lock);
}

bool
work_wait(struct hand *h, uint64_t seen, int ms)
{
	struct work *w = h->work;
	struct timespec until;
	bool called;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&w->lock);
	h->sleeps = true;
	while (!atomic_load(&w->stopping) && (seen == UINT64_MAX || (w->hints == seen && !h->called)) &&
	    pthread_cond_timedwait(&h->wake, &w->lock, &until) != ETIMEDOUT)
		;
	h->sleeps = false;
	called = h->called;
	h->called = false;
	pthread_mutex_unlock(&w->lock);
	return called;
}

static void
stop(struct work *w)
{
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->stopping, true);
	wake_all(w);
	pthread_mutex_unlock(&w->lock);
}

void
work_fail(struct work *w)
{
	atomic_store(&w->failed, true);
	stop(w);
	kill(getpid(), SIGTERM); /* the main thread waits for signals only */
}

struct scope
work_scope(const struct conf *conf)
{
	struct scope s = { .actor = "system:worker" };

	if (uuid_parse(conf_str(conf, "TENANT_ID"), &s.tenant) < 0)
		s.tenant = UUID_NIL;
	return s;
}

/* A reused host name or pid must not look like "still alive": boot id and start time are part of the name. */
void
work_name(char out[WORKER_NAME])
{
	char host[65] = "", boot[9] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	gethostname(host, sizeof(host) - 1);
	if (f != NULL) {
		if (fgets(boot, sizeof(boot), f) == NULL)
			boot[0] = '\0';
		(void)fclose(f);
	}
	(void)snprintf(out, WORKER_NAME, "%s/%d/%s/%" PRId64, host, (int)getpid(), boot, clock_us());
}

/* ---- the threads */

static void *
thread_main(void *p)
{
	struct hand *h = p;
	struct work *w = h->work;

	h->run(h);
	pthread_mutex_lock(&w->lock);
	w->busy--;
	pthread_cond_signal(&w->home);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Waits by the clock that nobody sets. */
static void
cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

static void
add_hand(struct work *w, void *(*run)(void *hand), const char *queue)
{
	struct hand *h = &w->hands[w->nhands++];

	*h = (struct hand){ .work = w, .run = run, .queue = queue, .want = 1 };
	cond_init(&h->wake);
}

static unsigned
takers_of(const struct service *s, const char *queue)
{
	for (size_t i = 0; i < s->nqueues; i++)
		if (strcmp(s->queues[i].name, queue) == 0 && s->queues[i].takers > 0)
			return s->queues[i].takers;
	return 1;
}

static bool
queue_known(const struct work *w, const char *queue)
{
	for (size_t i = 0; i < w->nhands; i++)
		if (w->hands[i].queue != NULL && strcmp(w->hands[i].queue, queue) == 0)
			return true;
	return false;
}

static void
add_queue(struct work *w, const char *queue)
{
	if (queue_known(w, queue))
		return;
	for (unsigned n = takers_of(w->service, queue); n > 0; n--)
		add_hand(w, taker_main, queue);
}

static size_t
most_hands(const struct service *s)
{
	size_t n = 7 + s->njobs; /* six of our own, the default queue, one for each kind at worst */

	for (size_t i = 0; i < s->nqueues; i++)
		n += s->queues[i].takers;
	return n;
}

static void
plan_threads(struct work *w)
{
	const struct service *s = w->service;

	w->hands = calloc(most_hands(s), sizeof(*w->hands));
	if (w->hands == NULL)
		die("out of memory");
	add_hand(w, housekeeper_main, NULL);
	add_hand(w, listener_main, NULL);
	add_hand(w, deliverer_main, NULL);
	add_hand(w, slow_deliverer_main, NULL);
	if (strcmp(conf_str(w->conf, "EVENTS"), "kafka") == 0) {
		add_hand(w, kafka_producer_main, NULL);
		if (s->nevents > 0)
			add_hand(w, kafka_consumer_main, NULL);
	}
	add_queue(w, DEFAULT_QUEUE); /* also where unknown kinds end up */
	for (size_t i = 0; i < s->njobs; i++)
		if (s->jobs[i].queue != NULL)
			add_queue(w, s->jobs[i].queue);
}

size_t
worker_connections(const struct service *s, const struct conf *conf)
{
	struct work w = { .service = s, .conf = conf };

	plan_threads(&w);
	free(w.hands);
	return w.nhands + 1;
}

static void
start_threads(struct work *w)
{
	for (size_t i = 0; i < w->nhands; i++) {
		struct hand *h = &w->hands[i];

		pthread_mutex_lock(&w->lock);
		w->busy++;
		pthread_mutex_unlock(&w->lock);
		if (pthread_create(&h->thread, NULL, thread_main, h) != 0)
			die("cannot start a thread");
		h->started = true;
	}
}

static int
work_init(struct work *w, const struct service *s, const struct conf *conf, struct problem *err)
{
	*w = (struct work){ .service = s, .conf = conf, .lease_s = conf_int(conf, "JOB_LEASE") };
	if (w->lease_s < 4)
		return problem(err, 500, "bad_config", "JOB_LEASE must be at least 4s");
	w->keyring = keyring_open(conf_str(conf, "KEYHOLDER_SOCKET"), s->name, err);
	if (w->keyring == NULL)
		return -1;
	work_name(w->name);
	pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->home);
	sigemptyset(&w->signals);
	sigaddset(&w->signals, SIGTERM);
	sigaddset(&w->signals, SIGINT);
	sigaddset(&w->signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &w->signals, NULL); /* before any thread: only sigwait takes them */
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* ---- the end */

/* True when every thread came home in time. */
static bool
wait_for_threads(struct work *w)
{
	struct timespec until;
	bool all;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += w->lease_s < FINISH_S ? w->lease_s : FINISH_S;
	pthread_mutex_lock(&w->lock);
	while (w->busy > 0 && pthread_cond_timedwait(&w->home, &w->lock, &until) != ETIMEDOUT)
		;
	all = w->busy == 0;
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; all && i < w->nhands; i++)
		pthread_join(w->hands[i].thread, NULL);
	return all;
}

/* On a connection of its own, since a thread that hangs keeps its. What cannot be handed back is rescued when its lease ends. */
static void
hand_back(struct work *w)
{
	struct problem err = { 0 };
	struct scope scope = work_scope(w->conf);
	struct db *db = db_open(conf_str(w->conf, "DATABASE_URL"), DB_WORKER, w->service->name, &err);
	int64_t n = -1;

	if (db != NULL && db_begin(db, WRITE, &scope, &err) == 0 && (n = db_exec(db, hand_back_sql, &err, P_TEXT(w->name), P_INT(CUT_OFF_S))) >= 0 &&
	    db_exec(db, gone_sql, &err, P_TEXT(w->name)) >= 0 && db_commit(db, &err) == 0)
		log_line(LOG_INFO, "worker.gone", "handed_back", n > 0 ? "some" : "none", NULL);
	else
		log_line(LOG_WARN, "worker.gone", "code", err.code, NULL);
	if (db != NULL) {
		db_rollback(db);
		db_close(db);
	}
}

static void
work_release(struct work *w)
{
	for (size_t i = 0; i < w->nhands; i++)
		pthread_cond_destroy(&w->hands[i].wake);
	free(w->hands);
	pthread_cond_destroy(&w->home);
	pthread_mutex_destroy(&w->lock);
	keyring_free(w->keyring);
}

int
worker_main(const struct service *s, const struct conf *conf)
{
	struct problem err = { 0 };
	struct work w;
	int sig = 0;

	secret_process();
	if (work_init(&w, s, conf, &err) < 0) {
		log_line(LOG_ERROR, "worker.no_start", "code", err.code, "detail", err.detail, NULL);
		return 1;
	}
	log_gather();
	plan_threads(&w);
	start_threads(&w);
	log_line(LOG_INFO, "worker.started", "name", w.name, NULL);
	while (sigwait(&w.signals, &sig) != 0)
		;
	log_line(LOG_INFO, "worker.stopping", "signal", sig == SIGHUP ? "HUP" : sig == SIGINT ? "INT" : "TERM", NULL);
	stop(&w);
	bool all = wait_for_threads(&w);
	hand_back(&w);
	log_flush();
	bool failed = atomic_load(&w.failed);
	if (!all)
		_exit(failed ? 1 : 0); /* their memory is in use */
	work_release(&w);
	return failed ? 1 : 0;
}
