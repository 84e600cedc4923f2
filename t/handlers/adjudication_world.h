/*
 * adjudication_world.h: what the adjudication tests share: its settings, its peers and its pharmacy, and results as a pharmacy posts them.
 */
#ifndef T_ADJUDICATION_WORLD_H
#define T_ADJUDICATION_WORLD_H

#include "adjudication/adjudication.h"
#include "harness/harness.h"

#define CLAIMS "https://pharmacy.example/v1/claims"
#define RESULTS "https://pharmacy.example/v1/results*"
#define POSTED "/api/v1/adjudication/results"

struct rx {
	const char *id, *patient;
	struct uuid uuid;
};

int	 adjudication_setup(void **state);
int	 adjudication_teardown(void **state);
int	 adjudication_fresh(void **state);
/* The peers answer: a prescription, its insurance, and a program that pays up to `most` dollars (NULL: none). */
void	 peers(struct world *w, const char *plan_type, const char *most);
struct rx selected(struct world *w, const char *pharmacy);	/* pharmacy.selected of a new prescription */
void	 select_again(struct world *w, const struct rx *rx, const char *pharmacy);
struct rx claimed(struct world *w);	/* selected, and the pharmacy took the claim */
/* A result, signed; secret NULL is the right one. */
void	 result(struct world *w, const char *body, const char *secret);
/* The example's figures with another claim id; claim 0 leaves the member out. */
const char *approved(struct world *w, const struct rx *rx, const char *claim_id, int claim);
const char *rejected(struct world *w, const struct rx *rx, const char *claim_id, const char *code, int claim);
const char *status_of(struct world *w, const struct rx *rx);
unsigned told(struct world *w, const struct rx *rx, const char *topic);	/* events of this prescription */
int64_t	 items(struct world *w, const struct rx *rx, const char *kind);	/* work items */

#endif
