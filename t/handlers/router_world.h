/*
 * router_world.h: what the tests of the router share: prescriptions, and the pharmacies' words.
 */
#ifndef T_ROUTER_WORLD_H
#define T_ROUTER_WORLD_H

#include "core.h"

#include "harness/harness.h"
#include "router/router.h"

#define PRX "https://prx.example/api/enterprise/method/process"
#define B2B "https://boothwyn.example/api/Prescriptions/B2B"

int	 router_setup(void **state);
int	 router_teardown(void **state);
int	 router_fresh(void **state);	/* before a test: no stub is left */
const char *new_id(struct world *w);
const char *prescription(struct world *w, const char *external, const char *pharmacy);	/* a body */
const char *submit(struct world *w, const char *pharmacy);				/* its routerSubmissionId */
const char *status_of(struct world *w, const char *id);

/* PioneerRx's answers; all its methods share one URL: the stubs answer in the order in which the adapter asks. */
extern const char no_patient[], a_patient[], added[], a_prescriber[], ordered[];
void	 answers(struct world *w, const char *const *bodies);	/* NULL-terminated, each once */
void	 hook(struct world *w, const char *secret, const char *body);	/* Boothwyn posts */

#endif
