/*
 * router_race.h: many selections at once, each thread with its own connection as in a pool. Who calls is not what is tested: the row is the router's own
 * with its access open.
 */
#ifndef T_ROUTER_RACE_H
#define T_ROUTER_RACE_H

#include "harness/harness.h"

/* Posts bodies[i] to .../prescriptions[i]/select-pharmacy, n of them; status gets the answers, 0 where there was no connection. */
void	 selection_race(struct world *w, const char *const *prescriptions, const char *const *bodies, int *status, size_t n);

#endif
