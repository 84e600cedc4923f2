/*
 * audit_alarm.h: the audit trail is not what was written, told to the service that it belongs to (rules L3 to L5).
 *
 * Sealer and verifier have roles that may write nothing of the service but this: audit_alarm adds a row, in a transaction of its own
 * (none may be open on db). The service's workers look for such rows each ten seconds and make the work item `audit.tampered` of
 * them, subject the service's name. It is not cleared by a later look that finds nothing: a person closes it.
 */
#ifndef DATA_AUDIT_ALARM_H
#define DATA_AUDIT_ALARM_H

#include "data/db.h"

#define AUDIT_BY_SEALER   "sealer"
#define AUDIT_BY_VERIFIER "verifier"

/* by: one of the two; code in snake_case; says: the fault in words, ids and numbers only. */
int audit_alarm(struct db *db, const char *by, const char *code, const char *says, struct problem *err) MUST_CHECK;
/* In the caller's transaction: the rows become the work item and are gone. */
int audit_alarms_raise(struct db *db, const char *service, struct problem *err) MUST_CHECK;

#endif
