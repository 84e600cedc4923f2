/*
 * logs.h: which audit trails there are: AUDIT_DATABASES is a list of name=URL, the names are the services'.
 */
#ifndef SEALER_LOGS_H
#define SEALER_LOGS_H

#include "base/config.h"

#define LOGS_MAX 64

struct audit_log {
	const char *name;
	const char *url;
};

/* The list's texts belong to the arena. Their number; -1 with 500 "bad_config" for a list that is none. */
int logs_read(struct arena *a, const struct conf *conf, struct audit_log out[LOGS_MAX], struct problem *err) MUST_CHECK;

#endif
