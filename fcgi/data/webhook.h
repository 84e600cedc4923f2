/*
 * webhook.h: what a vendor posts to us (rules W1, W3 to W6): a row of the owning service's table says how the vendor's messages are
 * read and what handles them; everything else is the core's.
 *
 *	web/webhook.c	size . signature over the raw bytes . JSON . one transaction {webhook row, once per event id; its job} . 200
 *	work/hook.c	the job opens the row and calls .handle; the sweep lists what was never posted and keeps it the same way
 *
 * A message holds one event or several; each is a row. The row stays, its bytes sealed, for WEBHOOK_KEEP: a repeat of any age up
 * to that is 200 without effect, and any event can be handled again (telerx-<service> webhooks replay), so .handle must bear that
 * as it bears events in any order: it takes the event as a hint, moves up ranks only and never out of a final state.
 */
#ifndef DATA_WEBHOOK_H
#define DATA_WEBHOOK_H

#include <jansson.h>

#include "base/config.h"
#include "data/db.h"

struct job;

struct webhook_event {
	struct uuid id;        /* our row */
	const char *vendor;
	const char *event_id;  /* what makes it once: the vendor's id, at most 200 characters */
	const char *type;
	const char *object_id; /* NULL: about nothing that has an order */
	int64_t happened_at;   /* vendor's clock, microseconds; 0 unknown */
	const char *ignore;    /* set by .read or .admit: kept with this outcome, and no job */
	struct uuid patient;   /* set by .admit: whose key seals the bytes; nil = the service's own */
	struct bytes body;     /* the event's bytes: the message as received, or its element */
	const json_t *json;    /* the same, parsed */
};

struct webhook_source {
	const char *vendor; /* a row of crypto/scheme.h; also .callers of its routes */
	const char *secret; /* config key of its secrets */
	const char *job;    /* kind, listed in the service's jobs with webhook_job */
	/* The i-th event of a message: 1 and *ret filled, 0 past the last, -1 with 400 malformed_event. Pure. */
	int (*read)(struct arena *a, const struct conf *conf, struct bytes raw, const json_t *message, size_t i, struct webhook_event *ret,
	    struct problem *err);
	/* Transaction open, before it is kept: may refuse what is about nothing of ours. NULL: everything is kept. */
	int (*admit)(struct db *db, struct webhook_event *e, struct problem *err);
	/* The 200's JSON text, for vendors that want to be answered in words; NULL: no body. */
	const char *(*answer)(struct arena *a, const json_t *message);
	/* In a job, no transaction open: may ask the vendor; then job_begin, the effect, webhook_handled, job_end. */
	int (*handle)(struct job *j, const struct webhook_event *e, struct problem *err);
	/* Lists what happened since position ("" the first time) as an array of messages, oldest first, and the position after
	 * them. 1: there is more from there, 0: that was all, -1. NULL: the vendor lists nothing. */
	int (*sweep)(struct job *j, const char *position, const json_t **messages, const char **next, struct problem *err);
};

extern const struct conf_key webhook_conf[]; /* WEBHOOK_SWEEP, WEBHOOK_KEEP */

/* Keeps an event and enqueues its job, in the caller's transaction; *fresh false: it was here before. */
int webhook_keep(struct db *db, const struct webhook_source *s, struct webhook_event *e, const char *via, bool *fresh,
    struct problem *err) MUST_CHECK;
/* Every event of a message; *n counts the fresh ones. 400 malformed_event when it holds none. */
int webhook_keep_all(struct db *db, const struct conf *conf, const struct webhook_source *s, struct bytes raw, const json_t *message,
    const char *via, unsigned *n, struct problem *err) MUST_CHECK;
/* Reads a row back, opened but not parsed; 404 when there is none. body.p NULL when it was kept without its bytes. */
int webhook_load(struct db *db, struct uuid id, struct webhook_event *ret, struct problem *err) MUST_CHECK;
/* In .handle's transaction: what became of it. */
int webhook_handled(struct db *db, const struct webhook_event *e, const char *outcome, struct problem *err) MUST_CHECK;
/* Makes it to be handled again. 404 when there is none or its bytes are gone. */
int webhook_replay(struct db *db, const struct webhook_source *s, struct uuid id, struct problem *err) MUST_CHECK;

#endif
