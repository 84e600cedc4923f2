/*
 * work.h: what the files of work/ share; nobody else includes it.
 *
 *	worker.c	the process: threads, signals, waiting, the end
 *	hand.c		what one thread owns
 *	taker.c		claims a job and runs it (rule Q2)
 *	job_context.c	what a job function calls; the fence (rule Q3)
 *	job_outcome.c	retry, burial, going back (rules Q6, Q8, Q12)
 *	housekeeping.c	heartbeats, rescue, the worker's row (rules Q4, Q5)
 *	timer.c		ticks (rule Q15)
 *	delivery.c	outbox to peers (rules O1 to O3)
 *	retention.c	messages whose time is over
 *	drain.c		all of it on one thread, for tests
 */
#ifndef WORK_WORK_H
#define WORK_WORK_H

#include "core.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "service.h"

#define POLL_MS       1000 /* a lost hint costs at most this (rule Q14) */
#define DEFAULT_QUEUE "default"
#define WORKER_NAME   160

struct work {
	const struct service *service;
	const struct conf *conf;
	struct keyring *keyring;
	char name[WORKER_NAME]; /* lease_by: host, pid, boot and start, so that nobody else ever has it (rule Q7) */
	int64_t lease_s;
	atomic_bool stopping;
	atomic_bool failed;   /* a thread could not start: exit status 1 */
	pthread_mutex_t lock; /* of all below, and of each hand's held job */
	pthread_cond_t wake;  /* a hint came, or the end */
	uint64_t hints;
	struct hand *hands;
	size_t nhands;
	size_t busy; /* threads that have not returned */
	sigset_t signals;
};

/* What one thread owns. */
struct hand {
	struct work *work;
	const char *queue; /* NULL = any */
	bool skip_delays;
	const char *not_these; /* drain: ids that had their turns, as a bigint[] text */
	struct arena *arena;
	struct db *db;
	struct http *http;
	struct scope scope;          /* of claims and housekeeping, which belong to no request */
	int64_t held_id, held_token; /* the job in hand, 0 = none; the heartbeat renews it */
	int64_t last_id;             /* the job that ran last */
	int64_t renewed;             /* monotonic time at which the lease was last known to be whole */
	void *(*run)(void *hand);
	pthread_t thread;
	bool started;
};

/* ---- worker.c */
void work_name(char out[WORKER_NAME]);
uint64_t work_hints(struct work *w);
void work_hint(struct work *w);                        /* wakes every thread */
void work_wait(struct work *w, uint64_t seen, int ms); /* until a hint newer than seen, the end, or ms later */
void work_fail(struct work *w);                        /* the process cannot do its work and ends */
struct scope work_scope(const struct conf *conf);

/* ---- hand.c */
int hand_open(
    struct hand *h, struct problem *err) MUST_CHECK; /* connection, arena, http; waits for the database until the worker stops */
void hand_close(struct hand *h);
void hand_hold(struct hand *h, int64_t id, int64_t token);
void hand_drop(struct hand *h);
void hand_renewed(struct hand *h, int64_t since);
int hand_lease_left_ms(struct hand *h); /* for a transfer; 0 or less: the lease cannot be trusted (rule Q4) */
/* The life of a taker and of a deliverer: one does a piece of work if there is any (1, 0, -1), due looks whether there may be
 * some. */
typedef int hand_fn(struct hand *h, struct problem *err);
void *hand_loop(struct hand *h, hand_fn *due, hand_fn *one, const char *trouble);
void hand_trouble(struct hand *h, const char *what, const struct problem *err); /* logs, rolls back, waits a second */

/* ---- taker.c */
int take_one(struct hand *h, struct problem *err) MUST_CHECK; /* 1: something ran; 0: nothing is due */
void *taker_main(void *hand);
void job_from_row(struct hand *h, const struct row *w, struct job *j);

/* ---- job_outcome.c */
const char *job_trouble(struct arena *a, const struct problem *why); /* one line for last_error */
void job_failed(struct job *j, const struct job_row *row, const struct problem *why);
/* Both in a transaction of their own. expired: only if the lease is over (the rescuer's case). */
void job_unknown_kind(struct job *j, bool expired); /* back to ready, for a program that knows it */
int job_bury(
    struct job *j, const struct job_row *row, const struct problem *why, bool expired, bool *did, struct problem *err) MUST_CHECK;

/* ---- effect.c */
const char *work_vendor_key(struct db *db, const char *act); /* base32(HMAC(k, act)) (rule M2) */
int effect_audit(
    struct db *db, struct uuid id, const char *kind, const char *what, const char *reason, struct problem *err) MUST_CHECK;

/* ---- effect_job.c, saga_end.c: what a burial means to the engines; in the burying transaction. */
int effect_buried(struct job *j, const struct problem *why, struct problem *err) MUST_CHECK;
int saga_buried(struct job *j, const struct problem *why, struct problem *err) MUST_CHECK;

/* ---- housekeeping.c, timer.c, delivery.c, retention.c */
void *housekeeper_main(void *hand);
void *listener_main(void *hand);
int rescue_expired(struct hand *h, struct problem *err) MUST_CHECK;
int timers_fire(struct hand *h, int64_t *last,
    struct problem *err) MUST_CHECK; /* last: one per timer, the due time tried before; returns how many fired */
int deliver_one(struct hand *h, struct problem *err) MUST_CHECK; /* 1: one was tried; 0: nothing is due */
void *deliverer_main(void *hand);
int sweep_outbox(struct hand *h, struct problem *err) MUST_CHECK; /* removes what topic.retention no longer keeps */

#endif
