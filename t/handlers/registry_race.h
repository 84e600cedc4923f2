/*
 * registry_race.h: many claims at once, each thread with its own connection as in a pool. Who calls is not what is tested: the
 * claim's row is the registry's own with its access open.
 */
#ifndef T_REGISTRY_RACE_H
#define T_REGISTRY_RACE_H

#include "harness/harness.h"

#define RACERS 50

/* Posts each body to /route/claim; status gets the answers, 0 where there was no connection. */
void	 claim_race(struct world *w, const char *const bodies[RACERS], int status[RACERS]);

#endif
