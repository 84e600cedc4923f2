/*
 * sealer.c: telerx-sealer, the process that seals the audit trails of all databases of an install (rules L2 to L4).
 *
 * It is a process of its own, not a thread of the workers: the signing key and the sealer's database role must be out of the reach of
 * everything that serves requests or talks to vendors, so in an install it has a user of its own. A thread per database looks each
 * SEALER_INTERVAL milliseconds; any number of sealers may run, an advisory lock in each database lets one of them seal at a time. The
 * main thread anchors the heads, writes the counters to a file and waits for the end.
 */
#include "core.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "data/audit_alarm.h"
#include "sealer/sealer.h"

#define EXIT_CONFIG   78
#define LATE_US       (5 * US_PER_S)
#define LATE_AGAIN_US (60 * US_PER_S)
#define METRICS_S     5
#define METRICS_MAX   ((size_t)1024 * 1024)

static const struct conf_key sealer_conf[] = {
	{ "AUDIT_DATABASES", CONF_STR, .required = true, .secret = true,
	    .says = "name=URL of each database, commas between them, as the role telerx_sealer" },
	{ "SEALER_KEY_FILE", CONF_STR, .required = true, .says = "Ed25519 private key (PEM) that signs the seals" },
	{ "SEALER_INTERVAL", CONF_INT, .dflt = "200", .says = "milliseconds between two looks at a trail" },
	{ "ANCHOR_DIR", CONF_STR, .says = "directory of the anchors, one file a service; unset = none are kept" },
	{ "ANCHOR_INTERVAL", CONF_SECS, .dflt = "60s", .says = "how often the heads are anchored" },
	{ "ANCHOR_URL", CONF_STR, .says = "where the anchors' lines are posted, off this host; unset = nowhere" },
	{ "ANCHOR_CA_FILE", CONF_STR, .says = "certificate authority of that host; unset = the system's" },
	{ "SEALER_METRICS", CONF_STR, .says = "file that the sealer's counters are written to; unset = none" },
	{ "LOG_LEVEL", CONF_STR, .dflt = "INFO", .says = "DEBUG, INFO, WARN or ERROR" },
	{ 0 }
};

struct sealer;

struct trail {
	struct sealer *sealer;
	struct audit_log log;
	char labels[80];
	char database[64];
	struct db *db;
	struct audit_seal head; /* of sealer->lock when another thread reads it */
	int64_t warned;         /* monotonic */
	pthread_t thread;
	bool started;
};

struct sealer {
	const struct conf *conf;
	struct sign_key *key;
	int64_t interval_us;
	struct trail trails[LOGS_MAX];
	size_t n;
	atomic_bool stopping;
	pthread_mutex_t lock;
};

/* ---- one trail */

static void
doze(const struct sealer *s, int64_t us)
{
	const int64_t until = clock_mono_us() + us;

	while (!atomic_load(&s->stopping) && clock_mono_us() < until)
		(void)usleep(us < 50000 ? (useconds_t)us : 50000);
}

/* A work item of the service; that it could not be told is no reason to stop sealing. */
static void
replaced(struct trail *t, const struct audit_seal *seal)
{
	struct problem err = { 0 };
	char n[24], says[120];

	(void)snprintf(n, sizeof(n), "%" PRId64, t->head.n);
	log_line(LOG_ERROR, "audit.log_replaced", "log", t->log.name, "seal", n, NULL);
	metric_add("audit_log_replaced_total", t->labels, 1);
	(void)snprintf(says, sizeof(says), "seal %" PRId64 " was the last and is another one now, or gone: the last one is %" PRId64, t->head.n, seal->n);
	if (audit_alarm(t->db, AUDIT_BY_SEALER, "log_replaced", says, &err) < 0)
		log_line(LOG_ERROR, "audit.alarm_untold", "log", t->log.name, "code", err.code, "detail", err.detail, NULL);
}

/* A log does not shrink, and a seal does not change, while somebody watches: unless it was put back to an older copy. */
static void
head_seen(struct trail *t, const struct audit_seal *seal)
{

	if (seal->n < t->head.n || (seal->n == t->head.n && memcmp(seal->digest, t->head.digest, sizeof(seal->digest)) != 0))
		replaced(t, seal);
	pthread_mutex_lock(&t->sealer->lock);
	t->head = *seal;
	pthread_mutex_unlock(&t->sealer->lock);
}

static void
late(struct trail *t, int64_t waited)
{
	int64_t now = clock_mono_us();
	char seconds[24];

	metric_set("audit_unsealed_seconds", t->labels, (double)waited / (double)US_PER_S);
	if (waited <= LATE_US || (t->warned != 0 && now - t->warned < LATE_AGAIN_US))
		return;
	t->warned = now;
	(void)snprintf(seconds, sizeof(seconds), "%" PRId64, waited / US_PER_S);
	log_line(LOG_ERROR, "audit.seal_late", "log", t->log.name, "seconds", seconds, NULL);
}

static int
seal_what_waits(struct trail *t, struct problem *err)
{
	struct audit_sealed sealed = { .more = true };

	while (sealed.more && !atomic_load(&t->sealer->stopping)) {
		if (audit_seal_once(t->db, t->sealer->key, &sealed, err) < 0)
			return -1;
		/* Another one is at it, or was: what it reached is known by looking. */
		if (sealed.rows == 0 && sealed.seal.n == 0 && audit_head(t->db, &sealed.seal, err) < 0)
			return -1;
		head_seen(t, &sealed.seal);
		if (sealed.rows == 0)
			break;
		metric_add("audit_sealed_rows_total", t->labels, (double)sealed.rows);
		metric_add("audit_seals_total", t->labels, 1);
		metric_observe("audit_seal_lag_seconds", t->labels, (double)sealed.waited / (double)US_PER_S);
	}
	return 0;
}

static int
look(struct trail *t, struct problem *err)
{
	int64_t waited;
	bool due;

	if (t->db == NULL) {
		t->db = db_open(t->log.url, DB_WORKER, "telerx-sealer", err);
		if (t->db == NULL || audit_head(t->db, &t->head, err) < 0)
			return -1;
		(void)snprintf(t->database, sizeof(t->database), "%s", db_database(t->db));
	}
	if (audit_unsealed(t->db, &t->head, &due, &waited, err) < 0)
		return -1;
	late(t, waited);
	return due ? seal_what_waits(t, err) : 0;
}

static void *
trail_main(void *arg)
{
	struct trail *t = arg;
	struct sealer *s = t->sealer;
	bool well = true;

	while (!atomic_load(&s->stopping)) {
		int64_t began = clock_mono_us();
		struct problem err = { 0 };
		bool ok = look(t, &err) == 0;

		if (!ok && (well || clock_mono_us() - t->warned > LATE_AGAIN_US)) {
			log_line(LOG_ERROR, "sealer.trouble", "log", t->log.name, "code", err.code, "detail", err.detail, NULL);
			t->warned = clock_mono_us();
		}
		metric_set("audit_sealer_up", t->labels, ok ? 1 : 0);
		well = ok;
		doze(s, ok ? s->interval_us - (clock_mono_us() - began) : US_PER_S);
	}
	db_close(t->db);
	return NULL;
}

/* ---- the process */

static void
write_metrics(const struct sealer *s)
{
	const char *path = conf_str(s->conf, "SEALER_METRICS");
	struct buf out = BUF_INIT(METRICS_MAX);
	char temporary[512];
	int fd;

	if (*path == '\0' || snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return;
	metric_set("audit_sealer_seen_timestamp_seconds", NULL, (double)clock_us() / (double)US_PER_S);
	metrics_print(&out);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || out.failed || write(fd, out.data, out.len) != (ssize_t)out.len || rename(temporary, path) < 0)
		log_line(LOG_WARN, "sealer.no_metrics", "why", strerror(errno), NULL);
	if (fd >= 0)
		(void)close(fd);
	buf_release(&out);
}

/* Only logs whose head is known; what was anchored stays with it. */
static void
anchor(struct sealer *s, int64_t anchored[LOGS_MAX])
{
	struct anchor_head heads[LOGS_MAX];
	size_t at[LOGS_MAX], n = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		const struct trail *t = &s->trails[i];

		if (t->head.n == 0)
			continue;
		at[n] = i;
		heads[n++] = (struct anchor_head){
			.name = t->log.name, .database = t->database, .seal = t->head, .anchored = anchored[i]
		};
	}
	pthread_mutex_unlock(&s->lock);
	anchors_write(s->conf, heads, n);
	for (size_t i = 0; i < n; i++)
		anchored[at[i]] = heads[i].anchored;
}

static void
run(struct sealer *s, const sigset_t *ends)
{
	int64_t anchored[LOGS_MAX] = { 0 }, every = conf_int(s->conf, "ANCHOR_INTERVAL") * US_PER_S;
	int64_t next = clock_mono_us() + 2 * US_PER_S; /* the first one soon: heads are known by then */
	const struct timespec wait = { .tv_sec = METRICS_S };
	const struct timespec soon = { .tv_sec = 2 };
	bool first = true;

	while (sigtimedwait(ends, NULL, first ? &soon : &wait) < 0) {
		first = false;
		if (clock_mono_us() >= next) {
			anchor(s, anchored);
			next = clock_mono_us() + every;
		}
		write_metrics(s);
	}
	atomic_store(&s->stopping, true);
	for (size_t i = 0; i < s->n; i++)
		if (s->trails[i].started)
			(void)pthread_join(s->trails[i].thread, NULL);
	anchor(s, anchored);
	write_metrics(s);
}

static int
start(struct sealer *s, struct arena *a, struct problem *err)
{
	struct audit_log logs[LOGS_MAX];
	int n = logs_read(a, s->conf, logs, err);

	if (n < 0)
		return -1;
	s->interval_us = conf_int(s->conf, "SEALER_INTERVAL") * 1000;
	if (s->interval_us < 10000 || s->interval_us > 10 * US_PER_S)
		return problem(err, 500, "bad_config", "SEALER_INTERVAL is 10 to 10000");
	s->key = sign_key_load(conf_str(s->conf, "SEALER_KEY_FILE"), err);
	if (s->key == NULL)
		return -1;
	s->n = (size_t)n;
	for (size_t i = 0; i < s->n; i++) {
		struct trail *t = &s->trails[i];

		*t = (struct trail){ .sealer = s, .log = logs[i] };
		(void)snprintf(t->labels, sizeof(t->labels), "log=\"%.60s\"", logs[i].name);
		t->started = pthread_create(&t->thread, NULL, trail_main, t) == 0;
		if (!t->started)
			die("a thread could not be started");
	}
	return 0;
}

int
main(void)
{
	static const struct conf_key *const tables[] = { sealer_conf, NULL };
	struct sealer *s = calloc(1, sizeof(*s));
	struct arena *a = arena_new(0);
	struct problem err = { 0 };
	struct conf *conf;
	enum log_level least;
	sigset_t ends;

	if (s == NULL)
		die("out of memory");
	log_open("sealer", LOG_INFO);
	(void)prctl(PR_SET_DUMPABLE, 0); /* it holds the signing key */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	pthread_mutex_init(&s->lock, NULL);
	s->conf = conf = conf_load(tables, &err);
	if (conf != NULL && log_level_parse(conf_str(conf, "LOG_LEVEL"), &least) == 0)
		log_level_set(least);
	if (conf == NULL || start(s, a, &err) < 0) {
		log_line(LOG_ERROR, "start.refused", "code", err.code, "detail", err.detail, NULL);
		return EXIT_CONFIG;
	}
	log_line(LOG_INFO, "sealer.started", "key", sign_key_id(s->key), NULL);
	run(s, &ends);
	log_line(LOG_INFO, "sealer.stopped", NULL);
	sign_key_free(s->key);
	conf_free(conf);
	arena_free(a);
	free(s);
	return 0;
}
