/*
 * crew.h: the worker's inside for tests: hands (connection, arena, http) that a test moves itself, several at once, against one
 * database.
 */
#ifndef T_FCGI_WORK_CREW_H
#define T_FCGI_WORK_CREW_H

#include "harness/harness.h"
#include "work/work.h"

struct crew {
	struct work work;
	struct hand hands[8];
};

extern const struct service *const crew_service; /* each test program defines the table it tests with */

void crew_open(struct crew *c, struct world *w, size_t n); /* hands take from any queue */
void crew_close(struct crew *c);
/* Breakers closed, and enough time between two calls that the budget of retries (rule Q9) refuses none. */
void crew_unhurried(void);
int crew_take(struct crew *c, size_t hand); /* take_one, which must not fail */
int crew_deliver(struct crew *c, size_t hand);

/* A transaction of the service around one call; fails the test when something is wrong. */
void tx_begin(struct world *w);
void tx_end(struct world *w);
void must(int rc, const struct problem *err, const char *file, int line);
#define MUST(call) \
	do { \
		struct problem err = { 0 }; \
		must((call), &err, __FILE__, __LINE__); \
	} while (0)
void enqueue(struct world *w, const struct job_spec *spec);

/* The worker as a process of its own, as telerx-<service> work would be. */
pid_t worker_start(struct world *w);
int worker_wait(pid_t pid, int seconds);                        /* the exit status, 256 + the signal, -1 when it does not end */
bool comes_true(struct world *w, int seconds, const char *sql); /* a query whose first column becomes true */

#endif
