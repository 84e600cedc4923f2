/*
 * journey.h: a saga to test the engine with, the peers it calls, and what can be seen of both.
 *
 *	config (dry, local)  lookup (dry)  pay (awaited, undone by a call)  note (a warning)  ship (awaited, undone locally)
 *	book (undone by a call)  extra (nothing to do)  last (local)
 */
#ifndef T_FCGI_WORK_JOURNEY_H
#define T_FCGI_WORK_JOURNEY_H

#include "crew.h"

#define MOST_CALLS 400

extern struct world *world;
extern struct crew crew; /* a second connection: an event that arrives meanwhile */
extern struct uuid subject;

struct answer {
	const char *path;
	int status; /* 0: no answer came */
	const char *body;
	int times;
	void (*meanwhile)(void);
};
/* The next answers to this path, newest first; without any it is 200. */
struct answer *says(const char *path, int times, int status, const char *body);

struct call {
	char what[80]; /* POST /billing/payments */
	char key[80];
	char body[400];
};
extern struct call calls[MOST_CALLS];
extern size_t ncalls;
const char *acts(void); /* the paths of all that were no reads, in their order, with commas */
unsigned called(const char *what);

struct uuid start(const char *medication); /* "none" fails in config, "late" in last */
void resume(const char *step, bool ok, const char *reason, const char *detail);
void resume_elsewhere(void); /* pay is authorised, on the other connection */

const char *way(void); /* what moved and ended said, with spaces */
const char *state_of(const char *step);
void expect_saga(const char *state, const char *reason);

int setup(void **state);
int teardown(void **state);
int clean(void **state);

#endif
