/*
 * ttl.c: see ttl.h. Expired rows count as absent at once and are removed later by the worker's sweep.
 */
#include "core.h"

#include "data/ttl.h"

static const char put_sql[] =
    "INSERT INTO ttl (key, value, expires_at) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3::float8))"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, hits = 0, expires_at = excluded.expires_at";
static const char get_sql[] = "SELECT value FROM ttl WHERE key = $1 AND expires_at > clock_timestamp()";
static const char drop_sql[] = "DELETE FROM ttl WHERE key = $1";
static const char count_sql[] =
    "INSERT INTO ttl (key, hits, expires_at) VALUES ($1, 1, clock_timestamp() + make_interval(secs => $2::float8))"
    " ON CONFLICT (key) DO UPDATE SET"
    " hits = CASE WHEN ttl.expires_at <= clock_timestamp() THEN 1 ELSE ttl.hits + 1 END,"
    " expires_at = CASE WHEN ttl.expires_at <= clock_timestamp() THEN excluded.expires_at ELSE ttl.expires_at END"
    " RETURNING hits";

int
ttl_put(struct db *db, const char *key, const char *value, int64_t seconds, struct problem *err)
{
	return db_exec(db, put_sql, err, P_TEXT(key), P_TEXT(value), P_INT(seconds)) < 0 ? -1 : 0;
}

int
ttl_get(struct db *db, const char *key, const char **ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, get_sql, err, P_TEXT(key)) < 0)
		return -1;
	*ret = w != NULL ? row_opt_str(w, "value") : NULL;
	return 0;
}

int
ttl_drop(struct db *db, const char *key, struct problem *err)
{
	return db_exec(db, drop_sql, err, P_TEXT(key)) < 0 ? -1 : 0;
}

int64_t
ttl_count(struct db *db, const char *key, int64_t seconds, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, count_sql, err, P_TEXT(key), P_INT(seconds)) < 0)
		return -1;
	return row_int(w, "hits");
}
