/*
 * worker.h: the background half of a service: takers with leases, event delivery, timers, rescue (rules Q, O).
 *
 * A job function runs with no transaction open. It may call the network; then it opens, by job_begin, the one transaction in
 * which its effect and its own end commit together, fenced by its token (rule Q3), and closes it by job_end. Reading first is
 * allowed in a transaction of its own (job_read … job_read_end). Returning 0 without job_begin ends the job with no effect.
 * Returning -1 retries, buries or parks it by err->fault.
 */
#ifndef WORK_WORKER_H
#define WORK_WORKER_H

#include <jansson.h>

#include "base/config.h"
#include "data/audit.h"
#include "data/event.h"
#include "data/job.h"
#include "data/vault.h"
#include "net/peer.h"

struct service;
struct hand;

struct job {
	struct arena *arena;
	struct db *db;
	struct http *http;
	const struct conf *conf;
	const struct service *service;
	int64_t id;
	const char *kind;
	const json_t *args;
	int attempt, max_attempts;
	int64_t token;
	struct scope scope; /* tenant and request id of the request that enqueued it; actor system:worker */
	bool ended;
	/* the engine's own */
	struct hand *hand; /* who runs it */
	bool progressed;   /* the next fence starts the count of attempts anew: a job of several steps got further */
	int64_t again_s;   /* -1 = done at job_end */
};

typedef int job_fn(struct job *j, struct problem *err);

struct job_row {
	const char *kind;
	job_fn *run;
	const char *queue; /* a queue has its own takers: one per vendor, "default" otherwise */
	int attempts;      /* 0 = 12 */
	int backoff_s;     /* base, 0 = 2; doubles to at most an hour */
	int (*buried)(struct job *j,
	    struct problem *err); /* attempts used up or permanent: runs in the transaction that buries it; may be NULL */
	bool keep; /* about money or a prescription: its finished jobs are never purged (effects' and sagas' never are) */
	const char *says;
};

struct queue_row {
	const char *name;
	unsigned takers; /* threads; 0 = 1 */
};

/* A timer is due at every multiple of its period by the database's clock; one worker wins each tick by a unique row (rule Q15).
 * It enqueues the job kind of its name, once at a time, with the args {"dueAt"}. backfill says what becomes of ticks that passed
 * while no worker ran: the latest fires, none does, or each does, in a job of its own. */
enum backfill { BACKFILL_LAST, BACKFILL_NONE, BACKFILL_ALL };

struct timer_row {
	const char *name;
	const char *every; /* config key (CONF_SECS) that holds the period */
	const char *kind;
	const char *says;
	enum backfill backfill;
	const char *polls; /* the rows that it looks through, by the name that other systems know them by: a worker of theirs; NULL: none */
};

/* The kinds that every service has, ended by a row without kind: keys.rewrap, keys.erase {patientId, reason}. */
extern const struct job_row core_jobs[];

extern const struct conf_key work_conf[]; /* JOB_LEASE, JOB_DONE, JOB_PAST */

struct uuid job_uuid(const struct job *j, const char *name); /* nil when missing */
const char *job_str(const struct job *j, const char *name);  /* "" when missing */
int64_t job_int(const struct job *j, const char *name);      /* 0 when missing */

int job_read(struct job *j, struct problem *err) MUST_CHECK; /* a READ_AUDITED transaction: PHI may be opened, with an audit row */
int job_read_end(struct job *j, struct problem *err) MUST_CHECK;
int job_begin(struct job *j, struct problem *err) MUST_CHECK; /* WRITE */
/* Commits the effects made so far, fenced, and renews the lease; the job goes on outside of a transaction and may job_begin
 * again. */
int job_commit(struct job *j, struct problem *err) MUST_CHECK;
int job_end(struct job *j, struct problem *err) MUST_CHECK; /* marks done and commits; lease lost: rolls back, 409 lease_lost */
/* Inside job_begin: this job runs again after delay_s instead of being done (poll, wait); does not use up an attempt; then
 * job_end. */
void job_again(struct job *j, int64_t delay_s);
/* peer_call + peer_expect with the job's connection. reply may be NULL. */
int job_ask(struct job *j, const struct peer_call *call, struct peer_reply *reply, struct problem *err) MUST_CHECK;

/* The worker process: threads until SIGTERM or SIGHUP, then finishes or hands back what it holds (rule Q13). Returns the exit
 * status. */
int kafka_check(const struct conf *conf, struct problem *err) MUST_CHECK; /* start-up: EVENTS, and what it needs */
int worker_main(const struct service *s, const struct conf *conf);
/* How many database connections it may have at once: one per thread, and one to hand back what is left at the end. */
size_t worker_connections(const struct service *s, const struct conf *conf);
/* Tests: runs ready jobs, deliveries and due timers on this thread until nothing is ready; returns how many ran. skip_delays
 * treats waiting ones as due, each at most 30 times, so that a job that polls comes to rest. */
int worker_drain(
    const struct service *s, const struct conf *conf, struct db *db, struct http *http, bool skip_delays, struct problem *err);

#endif
