/*
 * db.h: one PostgreSQL connection, its statements and its transaction.
 *
 * A thread owns one struct db and never shares it. SQL is a literal or a named constant (…_sql) beside its use and always takes
 * parameters (rule D1; t/lint checks). Each statement is prepared once per connection, by its address. Parameters travel as text,
 * bytea as binary; write $1::uuid where PostgreSQL could not guess.
 *
 * A transaction begins with db_begin, which sends nothing: BEGIN, tenant and actor (rule D7) leave together with the first
 * statement in one pipeline. It ends by db_commit or db_rollback. While one is open no network call is possible: net/http refuses
 * (rule D5). All failures are problems: 503 "database_unavailable" (RETRY), 503 "lock_timeout" (RETRY: somebody held a row for 2
 * s), 409 "serialization" (RETRY: run the whole transaction again, at most five times), 503 "commit_unknown" (FAULT_UNKNOWN: the
 * connection died during COMMIT and nobody could say how it ended, rule D4), 503 "audit_unavailable", 500 "database_error"; a
 * violated unique or exclusion constraint is 409 "duplicate" with the constraint's name in detail, and is left to the caller.
 * detail never holds a value, only the SQLSTATE and names of ours.
 */
#ifndef DATA_DB_H
#define DATA_DB_H

#include "base/arena.h"
#include "base/problem.h"
#include "base/uuid.h"

struct db;
struct row;
struct rows;
struct keyring;

enum db_mode { DB_UNSET, NONE, READ, READ_AUDITED, WRITE };
enum db_use { DB_API, DB_WORKER, DB_OWNER }; /* statement_timeout 5 s, 30 s, none (rule D2) */

/* Who acts, for whom, in which request: goes into audit, job and outbox rows and into row level security. */
struct scope {
	struct uuid tenant;
	const char *actor;     /* service:intake, patient:<id>, system:admin, system:worker, public */
	const char *on_behalf; /* NULL, or the physician/patient the actor acts for */
	const char *request_id;
	const char *source; /* address, NULL inside */
};

struct param {
	const char *text;
	size_t n;
	bool binary;
	bool null;
	char own[48];
};

/* ---- connection */
struct db *db_open(const char *url, enum db_use use, const char *application, struct problem *err) MUST_CHECK;
void db_close(struct db *db);
void db_arena(struct db *db, struct arena *a);           /* where the rows of the coming statements live */
void db_keyring(struct db *db, const struct keyring *k); /* for data/vault */
bool db_alive(struct db *db);                            /* false: the next db_begin reconnects, with backoff */
int db_socket(const struct db *db);
/* For a connection that only waits: hears the hints that follow a commit with jobs or events (rule Q14). Reconnects, and listens
 * again, by itself. */
int db_listen(struct db *db, struct problem *err) MUST_CHECK;
/* Waits at most that long. True: a hint came, or may have been missed; queue (or NULL) is the one it is for, "" when that is not known. */
#define HINT_NAME 64
bool db_notified(struct db *db, int wait_ms, char queue[HINT_NAME]);

/* ---- transaction */
int db_begin(struct db *db, enum db_mode mode, const struct scope *scope, struct problem *err) MUST_CHECK;
int db_commit(struct db *db, struct problem *err) MUST_CHECK; /* no statement was sent: nothing to do, 0 */
void db_rollback(struct db *db);                              /* also fine when none is open */
bool db_in_transaction(const struct db *db);
const struct scope *db_scope(const struct db *db);
/* Rows were written so far, and none of them is an audit row: who ends such a transaction for others adds one (invariant I4). */
bool db_unaudited(const struct db *db);
int db_savepoint(struct db *db, struct problem *err) MUST_CHECK; /* one level; for work that may fail on its own */
int db_savepoint_back(struct db *db, struct problem *err) MUST_CHECK;

/* ---- statements. Variadic part: P_… parameters. */
#define PARAMS_ARRAY(...)                ((const struct param[]){ { .text = NULL }, ##__VA_ARGS__ })
#define PARAMS(...)                      PARAMS_ARRAY(__VA_ARGS__) + 1, (sizeof PARAMS_ARRAY(__VA_ARGS__) / sizeof(struct param) - 1)
#define db_all(db, ret, sql, err, ...)   db_all_(db, ret, sql, err, PARAMS(__VA_ARGS__))
#define db_one(db, ret, sql, err, ...)   db_one_(db, ret, sql, err, PARAMS(__VA_ARGS__))
#define db_exec(db, sql, err, ...)       db_exec_(db, sql, err, PARAMS(__VA_ARGS__))
#define db_final(db, ret, sql, err, ...) db_final_(db, ret, sql, err, PARAMS(__VA_ARGS__))
#define db_final_all(db, ret, sql, err, ...) db_final_all_(db, ret, sql, err, PARAMS(__VA_ARGS__))
#define db_alone(db, ret, sql, err, ...) db_alone_(db, ret, sql, err, PARAMS(__VA_ARGS__))

int db_all_(struct db *db, struct rows **ret, const char *sql, struct problem *err, const struct param *p, size_t n) MUST_CHECK;
/* *ret NULL: no row; more than one aborts. */
int db_one_(
    struct db *db, const struct row **ret, const char *sql, struct problem *err, const struct param *p, size_t n) MUST_CHECK;
/* The number of rows affected, -1. */
int64_t db_exec_(struct db *db, const char *sql, struct problem *err, const struct param *p, size_t n) MUST_CHECK;
/* The handler's last statement, one INSERT/UPDATE/DELETE .. RETURNING or SELECT without WITH: goes out with the pending audit
 * row (written only if the statement returns a row) and COMMIT in the same round trip. */
int db_final_(
    struct db *db, const struct row **ret, const char *sql, struct problem *err, const struct param *p, size_t n) MUST_CHECK;

/* The same with any number of rows. */
int db_final_all_(
    struct db *db, struct rows **ret, const char *sql, struct problem *err, const struct param *p, size_t n) MUST_CHECK;

/* One statement, outside of db_begin, that is its own transaction: without tenant and actor, so for the core's own tables; without
 * an audit row; and without an id, so that a lost answer is always commit_unknown: for what a lease makes good. It saves what
 * BEGIN, tenant and COMMIT cost on a quiet connection. */
int db_alone_(struct db *db, struct rows **ret, const char *sql, struct problem *err, const struct param *p, size_t n) MUST_CHECK;

struct param P_TEXT(const char *s); /* NULL is SQL NULL; the text must live until the call returns */
struct param P_TEXTN(const char *s, size_t n);
struct param P_UUID(struct uuid u);
struct param P_OPT_UUID(struct uuid u); /* the nil UUID is SQL NULL */
struct param P_INT(int64_t v);
struct param P_BOOL(bool v);
struct param P_BYTES(struct bytes b); /* b.p NULL is SQL NULL */
struct param P_TIME(int64_t us);      /* 0 is SQL NULL */
#define P_NULL ((struct param){ .null = true })

/* ---- rows: belong to the arena, strings too; copy nothing, free nothing. Asking for a column that was not selected aborts. */
size_t rows_count(const struct rows *r);
const struct row *rows_at(struct rows *r, size_t i);
bool row_is_null(const struct row *w, const char *column);
const char *row_str(const struct row *w, const char *column);     /* "" for NULL */
const char *row_opt_str(const struct row *w, const char *column); /* NULL for NULL */
int64_t row_int(const struct row *w, const char *column);         /* 0 for NULL */
bool row_bool(const struct row *w, const char *column);
struct uuid row_uuid(const struct row *w, const char *column);   /* nil for NULL */
int64_t row_time(const struct row *w, const char *column);       /* microseconds, 0 for NULL */
struct bytes row_bytes(const struct row *w, const char *column); /* bytea */

/* Prepares every constant of this program whose name ends in _sql, and runs none; *n counts them. 500 "bad_statement" names the
 * first that the schema refuses; "no_symbols" for a stripped program. */
int db_prepare_all(struct db *db, unsigned *n, struct problem *err) MUST_CHECK;

/* True when err is a violated unique constraint of that name. */
bool db_violates(const struct problem *err, const char *constraint);
struct arena *db_current_arena(const struct db *db);
const struct keyring *db_current_keyring(const struct db *db);
const char *db_database(const struct db *db); /* its name, as the server has it; "" while there is no connection */

#endif
