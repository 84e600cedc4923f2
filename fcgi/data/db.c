/*
 * db.c: the connection: made with the settings that rule D2 asks for, refused when the server does not keep them or its disk
 * promises (rule D3), made again with backoff when it was lost.
 */
#include "core.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "data/db_private.h"

#define CONNECT_S        "5"
#define FIRST_BACKOFF_MS 50
#define MOST_BACKOFF_MS  2000

/* A setting that must hold, by the use of the connection: DB_API, DB_WORKER, DB_OWNER; NULL = any. Those of TCP read 0 where the
 * server is reached by a unix socket. */
static const struct {
	const char *name;
	const char *want[3];
	bool tcp;
} settings[] = {
	{ "statement_timeout", { "5000", "30000", "0" } },
	{ "lock_timeout", { "2000", "2000", NULL } },
	{ "idle_in_transaction_session_timeout", { "10000", "10000", NULL } },
	{ "client_connection_check_interval", { "1000", "1000", NULL } },
	{ "tcp_user_timeout", { "5000", "5000", NULL }, .tcp = true },
	{ "tcp_keepalives_idle", { "10", "10", NULL }, .tcp = true },
	{ "tcp_keepalives_interval", { "3", "3", NULL }, .tcp = true },
	{ "tcp_keepalives_count", { "3", "3", NULL }, .tcp = true },
	{ "fsync", { "on", "on", "on" } },
	{ "full_page_writes", { "on", "on", "on" } },
	{ "synchronous_commit", { "on", "on", "on" } },
};

/* The server watches its end of a TCP connection as we watch ours. */
#define WATCHED \
	" -c lock_timeout=2000 -c idle_in_transaction_session_timeout=10000 -c client_connection_check_interval=1000" \
	" -c tcp_user_timeout=5000 -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
#define SPOKEN " -c TimeZone=UTC -c DateStyle=ISO -c client_min_messages=warning"

static const char *const options[] = {
	[DB_API] = "-c statement_timeout=5000 -c jit=off" WATCHED SPOKEN,
	[DB_WORKER] = "-c statement_timeout=30000 -c jit=off" WATCHED SPOKEN,
	[DB_OWNER] = "-c statement_timeout=0" SPOKEN,
};

static const char settings_sql[] = "SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[])";

static const char life_sql[] = "SELECT server_life()::text";

static void
ignore_notice(void *context UNUSED, const PGresult *res UNUSED)
{
}

static const char *
wanted(const char *name, enum db_use use, bool local)
{
	for (size_t i = 0; i < COUNT(settings); i++)
		if (strcmp(settings[i].name, name) == 0)
			return settings[i].tcp && local ? NULL : settings[i].want[use];
	return NULL;
}

static int
compare_settings(const PGresult *res, enum db_use use, bool local, struct problem *err)
{
	for (int i = 0; i < PQntuples(res); i++) {
		const char *name = PQgetvalue(res, i, 0), *has = PQgetvalue(res, i, 1), *want = wanted(name, use, local);

		if (want == NULL || strcmp(has, want) == 0)
			continue;
		if (strcmp(name, "synchronous_commit") == 0 && strcmp(has, "remote_apply") == 0)
			continue; /* more than on */
		return problem(err, 500, "database_settings", "%s is %s and must be %s", name, has, want);
	}
	if (PQntuples(res) != (int)COUNT(settings))
		return problem(err, 500, "database_settings", "the server does not know all settings");
	return 0;
}

/* SHOW, not trust: a role or database setting of the cluster may have overruled what we asked for. */
static int
check_settings(PGconn *conn, enum db_use use, struct problem *err)
{
	struct buf names = BUF_INIT(1024);
	const char *value, *host = PQhost(conn);
	PGresult *res;
	int rc;

	for (size_t i = 0; i < COUNT(settings); i++)
		buf_addf(&names, "%c%s", i == 0 ? '{' : ',', settings[i].name);
	buf_addc(&names, '}');
	value = buf_str(&names);
	res = PQexecParams(conn, settings_sql, 1, NULL, &value, NULL, NULL, 0);
	rc = PQresultStatus(res) == PGRES_TUPLES_OK ? compare_settings(res, use, host == NULL || host[0] == '/', err) : db_problem(res, err);
	PQclear(res);
	buf_release(&names);
	return rc;
}

/* Empty where nobody can tell: before the migrations, on a standby. Then no lost COMMIT is found out. */
static void
read_life(const struct db *db, PGconn *conn, char out[UUID_TEXT])
{
	PGresult *res;

	out[0] = '\0';
	if (db->use == DB_OWNER)
		return;
	res = PQexecParams(conn, life_sql, 0, NULL, NULL, NULL, NULL, 0);
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		(void)snprintf(out, UUID_TEXT, "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
}

static PGconn *
connect_to(struct db *db, struct problem *err)
{
	const char *const keys[] = { "dbname", "options", "application_name", "client_encoding", "connect_timeout", "keepalives",
		"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", NULL };
	const char *const values[] = { db->url, options[db->use], db->application, "UTF8", CONNECT_S, "1", "10", "3", "3", "5000",
		NULL };
	PGconn *conn = PQconnectdbParams(keys, values, 1);

	if (PQstatus(conn) != CONNECTION_OK) {
		(void)db_unavailable(err, "the database cannot be reached");
		PQfinish(conn);
		return NULL;
	}
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	if (check_settings(conn, db->use, err) < 0) {
		PQfinish(conn);
		return NULL;
	}
	read_life(db, conn, db->life_of_server);
	if (PQenterPipelineMode(conn) != 1) {
		(void)db_unavailable(err, "the connection to the database failed");
		PQfinish(conn);
		return NULL;
	}
	return conn;
}

void
db_lost(struct db *db)
{
	if (db->conn != NULL)
		PQfinish(db->conn);
	db->conn = NULL;
	db->nsteps = 0;
	db->late = false;
	db_forget_statements(db);
}

/* After a restart of the server the socket is readable before anything was asked: the farewell or the end of file is seen here
 * and not in the middle of a transaction. An idle connection that does not listen has nothing else to hear; should it be a changed
 * setting, connecting anew costs little. */
bool
db_pulse(struct db *db)
{
	struct pollfd p;

	if (db->late)
		db_settle(db);
	if (db->conn == NULL || PQstatus(db->conn) != CONNECTION_OK)
		return false;
	p = (struct pollfd){ .fd = PQsocket(db->conn), .events = POLLIN };
	while (poll(&p, 1, 0) > 0)
		if (!db->listening || PQconsumeInput(db->conn) != 1)
			return false;
	return true;
}

int
db_connected(struct db *db, struct problem *err)
{
	int64_t now = clock_mono_us();

	if (db_pulse(db))
		return 0;
	db_lost(db);
	if (now < db->next_try)
		return db_unavailable(err, "the database cannot be reached");
	db->conn = connect_to(db, err);
	if (db->conn == NULL) {
		db->backoff_ms = db->backoff_ms == 0 ? FIRST_BACKOFF_MS : db->backoff_ms * 2;
		if (db->backoff_ms > MOST_BACKOFF_MS)
			db->backoff_ms = MOST_BACKOFF_MS;
		/* Half of it is jitter: the threads of a pool lost their connections in the same instant. */
		db->next_try = now + 1000 * (db->backoff_ms / 2 + (int)(clock_us() % (db->backoff_ms / 2)));
		return -1;
	}
	db->backoff_ms = 0;
	db->next_try = 0;
	return 0;
}

struct db *
db_open(const char *url, enum db_use use, const char *application, struct problem *err)
{
	struct db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		die("out of memory");
	db->url = strdup(url);
	db->application = strdup(application);
	if (db->url == NULL || db->application == NULL)
		die("out of memory");
	db->use = use;
	db->life = arena_new(0);
	db->own = arena_new(0);
	db->arena = db->own;
	if (db_connected(db, err) < 0) {
		db_close(db);
		return NULL;
	}
	return db;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	db_rollback(db);
	db_lost(db);
	vault_cache_free(db->vault);
	explicit_bzero(db->audit_key, sizeof(db->audit_key));
	arena_free(db->own);
	arena_free(db->life);
	explicit_bzero(db->url, strlen(db->url)); /* it may hold a password */
	free(db->url);
	free(db->application);
	free(db);
}

void
db_arena(struct db *db, struct arena *a)
{
	db->arena = a != NULL ? a : db->own;
}

void
db_keyring(struct db *db, const struct keyring *k)
{
	db->keyring = k;
	db->has_audit_key = false;
}

bool
db_alive(struct db *db)
{
	return db_pulse(db);
}

int
db_socket(const struct db *db)
{
	return db->conn != NULL ? PQsocket(db->conn) : -1;
}

struct arena *
db_current_arena(const struct db *db)
{
	return db->arena;
}

const struct keyring *
db_current_keyring(const struct db *db)
{
	return db->keyring;
}

const char *
db_database(const struct db *db)
{
	return db->conn != NULL ? PQdb(db->conn) : "";
}

/* ---- listening */

static const char listen_sql[] = "LISTEN telerx_job";

int
db_listen(struct db *db, struct problem *err)
{
	if (db_connected(db, err) < 0)
		return -1;
	db_push(db, STEP_RUN, db_statement(db, listen_sql, false), NULL, 0, NULL);
	db_push_sync(db);
	if (db_read_sync(db, err) < 0)
		return -1;
	db->listening = true; /* from now on input that nobody asked for is normal */
	return 0;
}

static bool
drain_hints(struct db *db, char queue[HINT_NAME])
{
	bool any = false;
	PGnotify *n;

	while ((n = PQnotifies(db->conn)) != NULL) {
		if (!any)
			(void)snprintf(queue, HINT_NAME, "%s", n->extra);
		else if (strcmp(queue, n->extra) != 0)
			queue[0] = '\0';
		PQfreemem(n);
		any = true;
	}
	return any;
}

/* While the connection was gone hints may have been missed: coming back counts as one. */
static bool
listen_again(struct db *db, int wait_ms)
{
	struct problem ignored = { 0 };

	if (db_listen(db, &ignored) == 0)
		return true;
	(void)poll(NULL, 0, wait_ms);
	return false;
}

bool
db_notified(struct db *db, int wait_ms, char queue[HINT_NAME])
{
	char own[HINT_NAME];
	int64_t until = clock_mono_us() + wait_ms * INT64_C(1000), left;

	if (queue == NULL)
		queue = own;
	queue[0] = '\0';
	if (!db_pulse(db))
		return listen_again(db, wait_ms);
	/* What comes in may be something else: a changed setting, the server's farewell before its end of file. */
	while (!drain_hints(db, queue)) {
		struct pollfd p = { .fd = PQsocket(db->conn), .events = POLLIN };

		left = (until - clock_mono_us()) / 1000;
		if (left < 0 || poll(&p, 1, (int)left) <= 0)
			return false;
		if (PQconsumeInput(db->conn) != 1)
			return listen_again(db, (int)left);
	}
	return true;
}

/* ---- for migrate.c */

PGresult *
db_script(PGconn *conn, const char *text)
{
	return PQexec(conn, text);
}
