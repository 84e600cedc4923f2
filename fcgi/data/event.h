/*
 * event.h: what happened, told to whom it concerns (rules O1 to O4).
 *
 * event_publish writes the outbox row, with one delivery row per subscriber of the topic, in the caller's transaction; the worker
 * posts each delivery, signed, to the subscriber's <prefix>/events, in order per aggregate. The receiving core makes it once by its
 * inbox and calls the service's event function in the same transaction. payload is a JSON object text of ids, codes and amounts,
 * never PHI. Every payload of the platform carries submissionId where there is one.
 */
#ifndef DATA_EVENT_H
#define DATA_EVENT_H

#include <jansson.h>

#include "data/db.h"
#include "data/topic.h"

/* topic must be in the table the service registered (aborts otherwise). A payload that the topic's table does not take is 500
 * "invalid_event", naming the member, and nothing is written: the caller fails and its transaction with it. The row leaves with the
 * next statement or with COMMIT; should the server refuse it, that is what fails. */
int event_publish(struct db *db, const char *topic, struct uuid aggregate, const char *payload, struct problem *err) MUST_CHECK;
/* The subscriber of all deliveries while events go through a broker (EVENTS=kafka); set once at start-up. */
#define EVENT_BUS "@kafka"
void event_bus(bool through);
void event_topics(const struct topic *table); /* once at start-up; the core does it */
const struct topic *event_own_topics(void);

/* What an event function gets. Its transaction is open; it writes rows, enqueues jobs and returns. */
struct event {
	struct db *db;
	struct arena *arena;
	const struct conf *conf;
	struct uuid id;
	const char *topic;
	int version;        /* of the payload's table */
	const char *source; /* the producing service */
	struct uuid aggregate;
	int64_t seq;
	int64_t occurred_at;
	const json_t *payload;
};

typedef int event_fn(struct event *e, struct problem *err);

struct event_row {
	const char *topic; /* "*" takes every topic */
	event_fn *run;
};

/* Takes a message once: its inbox row and what the row's function does are one transaction, the caller's (rule O4). e->db holds it.
 * 1: done, 0: it had been taken before, 2: nobody here consumes the topic; -1. */
int event_take(struct event *e, const struct event_row *rows, size_t n, struct problem *err) MUST_CHECK;

/* ---- again: what a person or a console asks for, in the caller's transaction. from: microseconds. topic NULL = every one. */

struct replay {
	const char *consumer;
	const char *topic;
	int64_t from;
	bool rebuild; /* the consumer has forgotten: all of it must still be kept (422 "not_kept") */
	bool dry;     /* only counts */
};
struct replayed {
	int64_t n;
	int64_t next; /* 0: all of it; else go on from there (one call takes a bounded number) */
};
/* Deliveries to one subscriber become due again, in order per aggregate; a subscriber that did not listen then gets its first. What
 * is older than a consumer's inbox remembers would be done twice: 422 "beyond_inbox", unless it rebuilds. 422 "not_a_subscriber". */
int event_replay(struct db *db, const struct replay *what, struct replayed *ret, struct problem *err) MUST_CHECK;
/* Dead deliveries of one message (subscriber NULL: to anybody; and the message itself where it is parked here) become due again, with new attempts; how many. */
int64_t event_retry(struct db *db, struct uuid message, const char *subscriber, struct problem *err) MUST_CHECK;
/* The consumer's half of a rebuild: what it took of a source from then on counts as not taken; how many messages. */
int64_t event_forget(struct db *db, const char *source, const char *topic, int64_t from, struct problem *err) MUST_CHECK;

struct uuid event_uuid(const struct event *e, const char *member); /* nil when missing */
const char *event_str(const struct event *e, const char *member);  /* "" when missing */
int64_t event_int(const struct event *e, const char *member);

#endif
