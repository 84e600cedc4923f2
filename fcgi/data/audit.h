/*
 * audit.h: who did what, in the transaction that did it (rules L1, L6, L7).
 *
 * A route with .audit gets its row from the core; call audit_add where one transaction does more than its route says, or in jobs.
 * detail holds ids, digests and codes as a JSON object text (NULL = {}); values of patients never go there.
 */
#ifndef DATA_AUDIT_H
#define DATA_AUDIT_H

#include "data/db.h"

struct audit_entry {
	const char *action;    /* assignment.claim, payment.capture, phi.read */
	const char *object;    /* table or resource type */
	const char *object_id; /* text form, NULL when none */
	const char *outcome;   /* success (default), denied, failure */
	const char *reason;    /* a problem's code */
	const char *detail;
};

int audit_add(struct db *db, const struct audit_entry *e, struct problem *err) MUST_CHECK;
/* Held back until db_final or db_commit sends it with the COMMIT. One may be pending; a second is sent at once. */
void audit_pending(struct db *db, const struct audit_entry *e);
/* For acts that were refused: in a transaction of its own, after the main one rolled back. */
int audit_refused(struct db *db, const struct scope *scope, const struct audit_entry *e, struct problem *err) MUST_CHECK;

#endif
