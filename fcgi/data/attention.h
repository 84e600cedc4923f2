/*
 * attention.h: a person must look at this (issue "work items"; the case row of the services' table).
 *
 * attention_raise is called in the transaction that makes something manual, dead, rejected or alarming, attention_clear in the
 * one that ends the cause: evidence arrives, the job is retried, the run goes on. Both are rows of the caller's transaction and
 * an event, attention.raised or attention.cleared, to the service that keeps the inbox of the staff (case), which has one
 * open item per (service, kind, subject). Raising what is raised already counts it and tells the news; clearing what is not
 * raised is nothing, costs one look at a primary key and may therefore be called wherever a cause could end.
 *
 * Never PHI: ids, codes and amounts. Refusals leave a rolled-back transaction; attention_raise_alone writes in one of its own.
 */
#ifndef DATA_ATTENTION_H
#define DATA_ATTENTION_H

#include "data/db.h"

#define ATTENTION_RAISED  "attention.raised"
#define ATTENTION_CLEARED "attention.cleared"

struct attention {
	const char *kind;       /* job.dead: what may be done about it hangs on it */
	const char *subject;    /* the id of the thing, at most 200 characters; what its safe actions name */
	const char *code;       /* why: a code in snake_case, outcome_unknown */
	struct uuid submission; /* whom it concerns; nil when unknown */
	struct uuid patient;
	const char *detail; /* JSON object text of ids, codes, amounts; NULL = {} */
};

int attention_raise(struct db *db, const struct attention *what, struct problem *err) MUST_CHECK;
/* why: a code, replayed or evidence. */
int attention_clear(struct db *db, const char *kind, const char *subject, const char *why, struct problem *err) MUST_CHECK;
/* For what is found out while no transaction can be kept: opens, raises and commits. None may be open. */
int attention_raise_alone(struct db *db, const struct scope *scope, const struct attention *what, struct problem *err) MUST_CHECK;

#endif
