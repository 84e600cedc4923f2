/*
 * reconcile.h: what we believe against what a vendor says it has (X-SAGA-07).
 *
 * A service's job asks its vendor for all objects of a window of time, then opens one transaction: reconcile_begin, one reconcile_differs
 * for each disagreement, reconcile_end. A disagreement is one row from the round that finds it to the first round over its time that does
 * not. Objects that moved a moment ago are the caller's to leave out: the two sides never change at the same instant.
 */
#ifndef DATA_RECONCILE_H
#define DATA_RECONCILE_H

#include <jansson.h>

#include "data/db.h"

struct reconciliation {
	const char *vendor; /* stripe */
	const char *closes; /* YYYY-MM-DD: the round is that day's close, kept once; NULL: a round between */
	int64_t since, until; /* microseconds since 1970: the objects' own time, until excluded */
	int64_t compared;
	bool money; /* the two sums below mean something */
	int64_t ours_cents, theirs_cents;
	/* the module's own */
	struct uuid id;
	int64_t differences;
};

struct difference {
	const char *kind; /* missing_here, missing_there, amount, state */
	const char *subject; /* our id as text; the vendor's where we have none */
	const char *vendor_ref;
	const char *ours, *theirs; /* the two states or amounts, as words; NULL = nothing there */
	int64_t object_at; /* microseconds: when the object came to be */
};

void reconcile_begin(struct reconciliation *r);
int reconcile_differs(struct db *db, struct reconciliation *r, const struct difference *d, struct problem *err) MUST_CHECK;
/* Writes the round and resolves what it looked for and did not find. A second close of a day changes nothing. */
int reconcile_end(struct db *db, struct reconciliation *r, struct problem *err) MUST_CHECK;

/* The window: the last three days; or, for a close that was due at that time (RFC 3339), the day by UTC that ended then. */
int reconcile_window(struct db *db, const char *close_due, struct reconciliation *r, struct problem *err) MUST_CHECK;

#endif
