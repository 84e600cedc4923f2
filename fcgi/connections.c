/*
 * connections.c: the sum of a service's connections, and whether there is room for them.
 */
#include "connections.h"

#include "service.h"

static const char room_sql[] =
    "SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint AS cluster,"
    " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)::bigint AS role,"
    " (SELECT datconnlimit FROM pg_database WHERE datname = current_database())::bigint AS database";

struct connections
connections_of(const struct service *s, const struct conf *conf)
{
	if (s->database == NULL)
		return (struct connections){ 0 };
	return (struct connections){
		.pool = (conf_int(conf, "POOL_PROCESSES") + 1) * conf_int(conf, "POOL_THREADS"),
		.worker = (int64_t)worker_connections(s, conf),
	};
}

int
connections_fit(struct db *db, const struct connections *c, const struct scope *scope, struct problem *err)
{
	static const char *const limits[] = { "cluster", "role", "database" };
	int64_t wanted = c->pool + c->worker + CONNECTIONS_SPARE;
	const struct row *w;

	if (db_begin(db, READ, scope, err) < 0)
		return -1;
	if (db_one(db, &w, room_sql, err) < 0) {
		db_rollback(db);
		return -1;
	}
	for (size_t i = 0; i < COUNT(limits); i++) {
		int64_t room = row_int(w, limits[i]);

		if (room >= 0 && room < wanted) {
			db_rollback(db);
			return problem(err, 500, "too_many_connections", "%" PRId64 " connections are wanted, the %s allows %" PRId64,
			    wanted, limits[i], room);
		}
	}
	return db_commit(db, err);
}
