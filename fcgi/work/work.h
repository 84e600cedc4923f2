/*
 * work.h: what the files of work/ share; nobody else includes it.
 *
 *	worker.c	the process: threads, signals, waiting, the end
 *	hand.c		what one thread owns
 *	taker.c		claims jobs and runs them (rule Q2)
 *	holding.c	which jobs a hand holds, and since when it may believe so (rules Q2, Q4)
 *	job_context.c	what a job function calls; the fence (rule Q3)
 *	job_outcome.c	retry, burial, going back (rules Q6, Q8, Q12)
 *	housekeeping.c	heartbeats, rescue, the worker's row (rules Q4, Q5)
 *	sweep.c		what is over makes room (rule Q16)
 *	timer.c		ticks (rule Q15)
 *	delivery.c	outbox to peers (rules O1 to O3)
 *	kafka*.c	outbox to a broker and back, where the build has it (kafka.h)
 *	keys*.c		jobs that move rows to other keys
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
#define BATCH_MOST    100 /* jobs that one taker holds at once */
#define SLOW_MOST     32

struct work {
	const struct service *service;
	const struct conf *conf;
	struct keyring *keyring;
	char name[WORKER_NAME]; /* lease_by: host, pid, boot and start, so that nobody else ever has it (rule Q7) */
	int64_t lease_s;
	atomic_bool stopping;
	atomic_bool failed;   /* a thread could not start: exit status 1 */
	pthread_mutex_t lock; /* of all below, and of each hand's held jobs and sleep */
	pthread_cond_t home;  /* a thread has returned */
	uint64_t hints;       /* that were for everybody */
	struct hand *hands;
	size_t nhands;
	size_t busy; /* threads that have not returned */
	char slow[SLOW_MOST][32]; /* subscribers that took long over the last message, "" = free */
	unsigned late_looks; /* housekeeper's: how often in a row the audit trail's seals were late */
	sigset_t signals;
	/* the housekeeper's own */
	int64_t *ticks; /* per timer: the due time tried before */
	char oldest[24]; /* the oldest snapshot of the cluster, and since when it has been the same one */
	int64_t oldest_since;
};

/* A job in a taker's hands. WAITING: claimed, not begun, may be given back; RUNNING: the one at work; OVER: it ran, had no effect
 * of its own, and its end is written with the next claim. */
enum held_state { HELD_WAITING, HELD_RUNNING, HELD_OVER };

struct held {
	int64_t id, token;
	int64_t renewed; /* monotonic time at which its lease was last known to be whole */
	enum held_state state;
};

/* Where a taker's next look begins, in the order of claims. */
struct place {
	int64_t prio, id;
	char run_at[48];
	int64_t whole; /* monotonic time of the last look from the beginning */
};

/* Which subscribers a deliverer serves. */
enum pace { ANY_PACE, QUICK_ONES, SLOW_ONES };

/* What one thread owns. */
struct hand {
	struct work *work;
	enum pace pace;
	const char *queue; /* NULL = any */
	bool skip_delays;
	const char *not_these; /* drain: ids that had their turns, as a bigint[] text */
	struct arena *arena;
	struct db *db;
	struct http *http;
	struct arena *claims;            /* the claimed rows: they outlive the jobs run before them */
	struct scope scope;              /* of claims and housekeeping, which belong to no request */
	struct held held[BATCH_MOST];    /* the heartbeat renews them all; by the worker's lock */
	size_t nheld;
	int64_t began;                   /* monotonic time at which the running one was begun */
	int64_t last_id;                 /* the job that ran last */
	size_t want;                     /* how many the next claim takes */
	struct place place;
	void *(*run)(void *hand);
	pthread_cond_t wake; /* a hint came, or the end */
	bool sleeps, called; /* called: something is due in its own queue */
	pthread_t thread;
	bool started;
};

/* ---- worker.c */
void work_name(char out[WORKER_NAME]);
uint64_t work_hints(struct work *w);
void work_hint(struct work *w, const char *queue); /* wakes one taker of the queue; "": every thread */
/* Until a hint newer than seen, the end, or ms later. True: it was called by name, and need not look whether anything is due. */
bool work_wait(struct hand *h, uint64_t seen, int ms);
void work_fail(struct work *w);                        /* the process cannot do its work and ends */
struct scope work_scope(const struct conf *conf);

/* ---- hand.c */
int hand_open(
    struct hand *h, struct problem *err) MUST_CHECK; /* connection, arena, http; waits for the database until the worker stops */
void hand_close(struct hand *h);
/* The life of a taker and of a deliverer: one does a piece of work if there is any (1, 0, -1), due looks whether there may be
 * some. */
typedef int hand_fn(struct hand *h, struct problem *err);
void *hand_loop(struct hand *h, hand_fn *due, hand_fn *one, const char *trouble);
void hand_trouble(struct hand *h, const char *what, const struct problem *err); /* logs, rolls back, waits a second */

/* ---- holding.c */
void hold(struct hand *h, int64_t id, int64_t token, int64_t since);
bool hold_begin(struct hand *h, int64_t id); /* false: it was given back meanwhile */
void hold_over(struct hand *h, int64_t id);  /* its end waits to be written */
void hold_ended(struct hand *h);             /* the ends are written */
void hold_done(struct hand *h, int64_t id);  /* the running one has ended, unless it is over only */
void hold_renewed(struct hand *h, int64_t id, int64_t since);
int hand_lease_left_ms(struct hand *h); /* of the running job, for a transfer; 0 or less: it cannot be trusted (rule Q4) */
/* Ids and tokens, as two bigint[] texts, of the jobs of these hands that are in a state of mask (1 << state). drop: they are
 * held no more. longer_us: only of hands whose running job began that long ago. Returns how many. */
size_t holding(struct hand *hands, size_t n, unsigned mask, int64_t longer_us, bool drop, struct buf *ids, struct buf *tokens);

/* ---- taker.c */
int take_one(struct hand *h, struct problem *err) MUST_CHECK; /* 1: something ran; 0: nothing is due */
int take_some(struct hand *h, struct problem *err) MUST_CHECK; /* a batch; ends without effects wait for the next claim */
int take_ends(struct hand *h, struct problem *err) MUST_CHECK; /* writes them */
/* Both for the n jobs of holding(), each behind its own fence, in a transaction of h's. write_ends: they ran and had no effect.
 * give_back: claimed and not begun: back to ready, as if never taken. */
int write_ends(struct hand *h, const struct buf *ids, const struct buf *tokens, size_t n, struct problem *err) MUST_CHECK;
int give_back(struct hand *h, const struct buf *ids, const struct buf *tokens, struct problem *err) MUST_CHECK;
void *taker_main(void *hand);
void job_from_row(struct hand *h, const struct row *w, struct job *j);

/* ---- job_outcome.c */
void job_count(const char *kind, const char *outcome); /* jobs_total */
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

/* ---- keys.c: jobs of the core */
job_fn keys_rewrap_job, keys_erase_job, keys_reindex_job, keys_reseal_job;

/* ---- housekeeping.c, timer.c, delivery.c, retention.c */
/* ---- seal_watch.c */
int watch_seals(struct hand *h, struct problem *err) MUST_CHECK;

void *housekeeper_main(void *hand);
void *listener_main(void *hand);
int sweep_rows(struct hand *h, struct problem *err) MUST_CHECK;
int watch_oldest(struct hand *h, struct problem *err) MUST_CHECK; /* the age of the oldest snapshot, told and counted */
int rescue_expired(struct hand *h, struct problem *err) MUST_CHECK;
/* last: one per timer, the due time tried before. Returns how many fired. now: seconds by the database's clock. */
int timers_fire(struct hand *h, int64_t *last, struct problem *err) MUST_CHECK;
int timers_fire_at(struct hand *h, int64_t now, int64_t *last, struct problem *err) MUST_CHECK;
#define DELIVERY_ATTEMPTS 20 /* then it is dead */
const char *delivery_body(struct hand *h, const struct row *w); /* the message as it travels, from its row of the outbox */
int deliver_one(struct hand *h, struct problem *err) MUST_CHECK; /* 1: one was tried; 0: nothing is due */
void *deliverer_main(void *hand);
void *slow_deliverer_main(void *hand);
int sweep_outbox(struct hand *h, struct problem *err) MUST_CHECK; /* removes what topic.retention no longer keeps */

#endif
