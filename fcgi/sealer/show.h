/*
 * show.h: rows of an audit trail for an operator, who thereby leaves one.
 */
#ifndef SEALER_SHOW_H
#define SEALER_SHOW_H

#include "data/db.h"
#include "sealer/logs.h"

struct show {
	const char *object; /* object's or patient's id */
	const char *actor;
	const char *action;
	const char *request;
	const char *since, *until; /* times that PostgreSQL reads */
	int64_t limit;
};

/* Prints the newest rows that fit, one JSON object a line, oldest first. The operator's own row (audit.show) is committed before. */
int show_rows(struct db *db, const char *name, const struct show *what, struct problem *err) MUST_CHECK;

#endif
