/*
 * ttl.h: short-lived state with expiry (the seeds' Redis keys): an UNLOGGED table, by the database's clock.
 * Losing it in a database crash must be harmless for what is kept here.
 */
#ifndef DATA_TTL_H
#define DATA_TTL_H

#include "data/db.h"

int ttl_put(struct db *db, const char *key, const char *value, int64_t seconds, struct problem *err) MUST_CHECK;
int ttl_get(struct db *db, const char *key, const char **ret, struct problem *err) MUST_CHECK; /* *ret NULL: absent or expired */
int ttl_drop(struct db *db, const char *key, struct problem *err) MUST_CHECK;
/* Fixed-window counter: the count after this one; the window starts with the first and lasts seconds. */
int64_t ttl_count(struct db *db, const char *key, int64_t seconds, struct problem *err) MUST_CHECK;

#endif
