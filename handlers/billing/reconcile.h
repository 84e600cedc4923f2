/*
 * reconcile.h: what reconcile.c and reconcile_refunds.c share.
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

#endif
