/*
 * reconcile.h: what reconcile.c, reconcile_refunds.c and reconcile_sessions.c share.
 */
#ifndef BILLING_RECONCILE_H
#define BILLING_RECONCILE_H

#include "data/reconcile.h"
#include "service.h"

#define RECONCILE_PAGE    100
#define RECONCILE_EDGE_US (60 * US_PER_S)	/* so near to a window's end the two clocks may disagree about it */

/* The window's objects of a list of Stripe's, newest first, page by page: each is shown once, in a tree that is gone afterwards; a is
 * the job's arena. */
typedef void reconcile_each(struct arena *a, void *context, const json_t *object);
int	 reconcile_list(struct job *j, const struct reconciliation *r, const char *path, reconcile_each *each, void *context,
    struct problem *err) MUST_CHECK;

/* So near to the window's beginning or end that it may be the other side's next window. */
bool	 reconcile_at_edge(const struct reconciliation *r, int64_t at);

/* A PaymentIntent of the list, as far as it is compared. */
struct intent {
	const char *id;
	const char *status;
	struct uuid payment;	/* by its metadata; nil: not made by us */
	int64_t amount, received;
	int64_t created;	/* microseconds */
};
struct intents {
	struct intent *at;	/* by their ids, once they are all there */
	size_t n, room;
};
const struct intent *intent_find(const struct intents *all, const char *id);	/* NULL: not of this window */

/* ---- reconcile_refunds.c */
struct refunded {
	const char *intent;
	const char *id;		/* its newest refund of the window */
	int64_t created;	/* microseconds */
	int64_t cents;		/* all refunds of the intent, whenever they were made */
};
struct refunds {
	struct refunded *at;
	size_t n;
};
int	 refunds_fetch(struct job *j, const struct reconciliation *r, struct refunds *ret, struct problem *err) MUST_CHECK;	/* no transaction */
int	 refunds_compare(struct job *j, struct reconciliation *r, struct refunds *all, struct problem *err) MUST_CHECK;	/* in the open one */

/* ---- reconcile_sessions.c: the window's Checkout sessions, {id: what is compared}; the arena of the job holds them */
int	 sessions_fetch(struct job *j, const struct reconciliation *r, json_t **ret, struct problem *err) MUST_CHECK;	/* no transaction */
int	 sessions_compare(struct job *j, struct reconciliation *r, json_t *all, const struct intents *intents, struct problem *err) MUST_CHECK;

#endif
