/*
 * db_tx.c: the transaction. It begins in memory (TX_HELD); BEGIN, tenant and actor leave with the first statement, the audit row
 * and COMMIT with the last.
 *
 * A connection that dies with COMMIT on its way leaves the outcome open (rule D4). The transaction's id was read before, so after
 * reconnecting the server is asked; only when it cannot say is the caller told commit_unknown. It cannot say after a crash of its own:
 * what was not on disk then is forgotten, and the same id given to another transaction, whose commit would be taken for ours.
 */
#include "core.h"

#include <poll.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "data/db_private.h"

#define RESOLVE_US (5 * US_PER_S)
#define HINT_US    (20 * 1000) /* a hint of this process serves what commits so soon after it: see listener_main */

static const char begin_sql[] = "BEGIN";
static const char begin_read_sql[] = "BEGIN READ ONLY";
static const char scope_sql[] =
    "SELECT set_config('app.tenant', $1, true), set_config('app.actor', $2, true), set_config('app.request', $3, true)";
static const char scope_write_sql[] = "SELECT set_config('app.tenant', $1, true), set_config('app.actor', $2, true),"
				      " set_config('app.request', $3, true), pg_current_xact_id()::text";
static const char scope_reader_sql[] = "SELECT set_config('app.tenant', $1, true), set_config('app.actor', $2, true),"
				       " set_config('app.request', $3, true), set_config('role', $4, true)";
static const char commit_sql[] = "COMMIT";
static const char rollback_sql[] = "ROLLBACK";
static const char savepoint_sql[] = "SAVEPOINT part";
static const char savepoint_back_sql[] = "ROLLBACK TO SAVEPOINT part";
/* It writes no row, so the server does not wait until the disk has it. */
static const char hint_sql[] = "SELECT pg_notify('telerx_job', $1)";
static _Atomic int64_t hinted_at;
static const char xact_status_sql[] = "SELECT coalesce(pg_xact_status($1::text::xid8), 'unknown')";

int
db_begin(struct db *db, enum db_mode mode, const struct scope *scope, struct problem *err)
{
	if (db->tx != TX_NONE)
		die("a transaction inside a transaction");
	if (mode != READ && mode != READ_AUDITED && mode != WRITE)
		die("no transaction of mode %d", (int)mode);
	if (db_connected(db, err) < 0)
		return -1;
	if (db->arena == db->own)
		arena_reset(db->own);
	db->tx = TX_HELD;
	db->mode = mode;
	db->scope = *scope;
	db->xid[0] = '\0';
	db->hint = false;
	db->changed = false;
	db->audited = false;
	db->has_pending = false;
	return 0;
}

void
db_push_held(struct db *db)
{
	struct param p[4];
	char reader[80], tenant[UUID_TEXT];
	const struct scope *s = &db->scope;

	if (db->tx != TX_HELD)
		return;
	db->tx = TX_OPEN;
	p[0] = P_TEXT(uuid_is_nil(s->tenant) ? "" : uuid_text(s->tenant, tenant));
	p[1] = P_TEXT(s->actor != NULL ? s->actor : "");
	p[2] = P_TEXT(s->request_id != NULL ? s->request_id : "");
	if (db->mode == READ) {
		db_push(db, STEP_RUN, db_statement(db, begin_read_sql, false), NULL, 0, NULL);
		db_push(db, STEP_RUN, db_statement(db, scope_sql, false), p, 3, NULL);
		return;
	}
	db_push(db, STEP_RUN, db_statement(db, begin_sql, false), NULL, 0, NULL);
	if (db->mode == READ_AUDITED && db->conn != NULL) {
		(void)snprintf(reader, sizeof(reader), "%s_reader", PQuser(db->conn));
		p[3] = P_TEXT(reader);
		db_push(db, STEP_RUN, db_statement(db, scope_reader_sql, false), p, 4, NULL);
	} else {
		db_push(db, STEP_RUN, db_statement(db, scope_write_sql, false), p, 3, &db->begun);
	}
}

void
db_keep_xid(struct db *db)
{
	if (db->begun != NULL && PQntuples(db->begun) == 1)
		(void)snprintf(db->xid, sizeof(db->xid), "%s", PQgetvalue(db->begun, 0, 3));
	PQclear(db->begun);
	db->begun = NULL;
}

/* ---- the end */

static void
over(struct db *db, bool committed)
{
	db->tx = TX_NONE;
	db->hint = false;
	db->has_pending = false;
	PQclear(db->begun);
	db->begun = NULL;
	db->xid[0] = '\0';
	vault_transaction_over(db, committed);
}

/* What the server says about the transaction; "unknown" when it cannot be asked. */
static void
ask_status(struct db *db, char *out, size_t n)
{
	struct problem ignored = { 0 };
	struct param p = P_TEXT(db->xid);
	PGresult *res = NULL;

	(void)snprintf(out, n, "unknown");
	if (db_connected(db, &ignored) < 0)
		return;
	db_push(db, STEP_RUN, db_statement(db, xact_status_sql, false), &p, 1, &res);
	db_push_sync(db);
	if (db_read_sync(db, &ignored) == 0 && PQntuples(res) == 1)
		(void)snprintf(out, n, "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
}

static int
commit_unknown(struct problem *err, const char *says)
{
	problem(err, 503, "commit_unknown", "%s", says);
	err->fault = FAULT_UNKNOWN;
	err->retry_after = 5;
	return -1;
}

/* Rule D4. 0: it did commit. */
static int
resolve_commit(struct db *db, struct problem *err)
{
	int64_t until = clock_mono_us() + RESOLVE_US;
	char status[24] = "unknown", life[UUID_TEXT];

	(void)snprintf(life, sizeof(life), "%s", db->life_of_server);
	if (db->mode != WRITE)
		return db_unavailable(err, "the connection to the database was lost");
	while (db->xid[0] != '\0' && clock_mono_us() < until) {
		ask_status(db, status, sizeof(status));
		if (strcmp(status, "committed") == 0 && (life[0] == '\0' || strcmp(life, db->life_of_server) != 0))
			(void)snprintf(status, sizeof(status), "crashed");
		log_line(LOG_WARN, "db.commit_lost", "xid", db->xid, "status", status, NULL);
		if (strcmp(status, "committed") == 0)
			return 0;
		if (strcmp(status, "crashed") == 0)
			return commit_unknown(err, "the database crashed during the commit");
		if (strcmp(status, "aborted") == 0)
			return db_unavailable(err, "the connection to the database was lost before the commit");
		(void)poll(NULL, 0, 100);
	}
	return commit_unknown(err, "the connection to the database was lost during the commit");
}

/* What was sent without waiting may have failed; behind a failure the server would skip what comes next, too. */
static void
forget_unread(struct db *db)
{
	struct problem ignored = { 0 };

	if (db->nsteps == 0 || db->late)
		return;
	db_push_sync(db);
	if (db_read_sync(db, &ignored) < 0)
		db->tx = TX_FAILED;
	db_keep_xid(db);
}

static void
send_rollback(struct db *db)
{
	struct problem ignored = { 0 };

	forget_unread(db);
	db_push(db, STEP_RUN, db_statement(db, rollback_sql, false), NULL, 0, NULL);
	db_push_sync(db);
	if (db_read_sync(db, &ignored) < 0)
		db_lost(db); /* the server rolls back when the connection ends */
}

void
db_hint(struct db *db, const char *queue)
{
	if (!db->hint)
		(void)snprintf(db->hint_for, sizeof(db->hint_for), "%s", queue);
	else if (strcmp(db->hint_for, queue) != 0)
		db->hint_for[0] = '\0';
	db->hint = true;
}

/* One hint serves what this process commits so soon after it. */
static bool
hint_is_due(const struct db *db)
{
	int64_t now = clock_mono_us(), last = atomic_load(&hinted_at);

	return db->hint && (last == 0 || now - last >= HINT_US) && atomic_compare_exchange_strong(&hinted_at, &last, now);
}

/* Rule Q14: a NOTIFY serialises commits, so it comes behind ours, in a transaction of its own whose answer nobody waits for, and
 * not for each of many. */
static void
push_hint(struct db *db)
{
	struct param p[] = { P_TEXT(db->hint_for) };

	db_push(db, STEP_RUN, db_statement(db, hint_sql, false), p, COUNT(p), NULL);
	db_push_sync(db);
}

/* What commits: COMMIT, or a statement on its own. The hint leaves with it, and the server comes to it when that is done. */
static int
send_commit(struct db *db, const char *sql, const struct param *p, size_t n, PGresult **ended, struct problem *err)
{
	bool hinted;
	int rc;

	FAIL_POINT("db.commit");
	db_push(db, STEP_COMMIT, db_statement(db, sql, false), p, n, ended);
	db_push_sync(db);
	hinted = hint_is_due(db);
	if (hinted)
		push_hint(db);
	(void)FAIL_POINT_FD("db.commit_sent", db_socket(db));
	rc = db_read_sync(db, err);
	FAIL_POINT("db.committed");
	db_keep_xid(db);
	db->late = db->nsteps > 0;
	if (hinted && rc < 0)
		atomic_store(&hinted_at, 0); /* it may have gone down with the rest */
	db->hint = db->hint && !hinted;
	return rc;
}

static int
commit_batch(struct db *db, struct problem *err)
{
	PGresult *ended = NULL;
	bool committed;
	int rc;

	rc = send_commit(db, commit_sql, NULL, 0, &ended, err);
	committed = rc == 0 && strcmp(PQcmdStatus(ended), "COMMIT") == 0;
	PQclear(ended);
	if (rc == 0 && !committed)
		rc = problem(err, 500, "database_error", "a failed transaction was rolled back");
	else if (rc < 0 && db->commit_lost)
		rc = resolve_commit(db, err);
	else if (rc < 0 && db->conn != NULL)
		send_rollback(db);
	if (rc == 0 && db->conn != NULL && hint_is_due(db)) { /* it was not before: what it relied on may be long past */
		push_hint(db);
		db->late = true;
	}
	over(db, rc == 0);
	return rc;
}

/* A transaction that only read has nothing to lose at its end: its COMMIT is sent, and the answer read before the next one. */
static int
commit_read(struct db *db)
{
	db_push(db, STEP_RUN, db_statement(db, commit_sql, false), NULL, 0, NULL);
	db_push_sync(db);
	db->late = true;
	over(db, true);
	return 0;
}

int
db_commit(struct db *db, struct problem *err)
{
	struct param p[AUDIT_PARAMS];

	if (db->tx == TX_NONE)
		return 0;
	if (db->tx == TX_HELD && !db->has_pending) {
		over(db, true);
		return 0;
	}
	if (db->tx == TX_FAILED) {
		db_rollback(db);
		return problem(err, 500, "database_error", "a statement of the transaction had failed");
	}
	if (db->mode == READ && db->tx == TX_OPEN && !db->has_pending && db->nsteps == 0)
		return commit_read(db);
	db_push_held(db);
	if (db->has_pending) {
		audit_params(db, &db->pending, p, db->arena);
		db_push(db, STEP_RUN, db_statement(db, audit_sql, false), p, AUDIT_PARAMS, NULL);
	}
	return commit_batch(db, err);
}

void
db_rollback(struct db *db)
{
	if (db->tx == TX_OPEN || db->tx == TX_FAILED)
		send_rollback(db);
	if (db->tx != TX_NONE)
		over(db, false);
}

bool
db_in_transaction(const struct db *db)
{
	return db->tx != TX_NONE;
}

const struct scope *
db_scope(const struct db *db)
{
	return &db->scope;
}

bool
db_unaudited(const struct db *db)
{
	return db->tx == TX_OPEN && db->mode == WRITE && db->changed && !db->audited;
}

/* ---- a part that may fail on its own */

int
db_savepoint(struct db *db, struct problem *err)
{
	PGresult *res = NULL;

	if (db_run(db, &res, savepoint_sql, NULL, 0, err) < 0)
		return -1;
	PQclear(res);
	return 0;
}

int
db_savepoint_back(struct db *db, struct problem *err)
{
	if (db->tx != TX_OPEN && db->tx != TX_FAILED)
		die("no savepoint was made");
	forget_unread(db);
	db_push(db, STEP_RUN, db_statement(db, savepoint_back_sql, false), NULL, 0, NULL);
	db_push_sync(db);
	if (db_read_sync(db, err) < 0) {
		db->tx = TX_FAILED;
		return -1;
	}
	db->tx = TX_OPEN;
	vault_transaction_over(db, false); /* keys made behind the savepoint are gone; the others are only read again */
	return 0;
}

/* ---- the last statement */

/* A statement that begins with WITH cannot stand inside the audit's WITH: it takes the longer way. */
static int
final_apart(struct db *db, PGresult **ret, const char *sql, struct problem *err, const struct param *p, size_t n)
{
	if (db_run(db, ret, sql, p, n, err) < 0)
		return -1;
	if (PQntuples(*ret) == 0)
		db->has_pending = false;
	return db_commit(db, err);
}

static int
final_together(struct db *db, PGresult **ret, const char *sql, struct problem *err, const struct param *p, size_t n)
{
	struct param *all = arena_alloc(db->arena, (n + AUDIT_PARAMS) * sizeof(*all));
	bool first = db->tx == TX_HELD, audited = db->has_pending;

	if (n > 0)
		memcpy(all, p, n * sizeof(*all));
	if (audited)
		audit_params(db, &db->pending, all + n, db->arena);
	db_push_held(db);
	if (first && db->mode == WRITE)
		db_push_flush(db); /* the id is on its way to us before COMMIT can be lost */
	db_push(db, STEP_RUN, db_statement(db, sql, audited), all, audited ? n + AUDIT_PARAMS : n, ret);
	return commit_batch(db, err);
}

int
db_final_all_(struct db *db, struct rows **ret, const char *sql, struct problem *err, const struct param *p, size_t n)
{
	PGresult *res = NULL;
	int rc;

	if (db->tx == TX_NONE)
		die("a statement outside a transaction: %.60s", sql);
	if (db->tx == TX_FAILED)
		return problem(err, 500, "database_error", "a statement after one that failed");
	if (db->has_pending && strncasecmp(sql, "WITH", 4) == 0)
		rc = final_apart(db, &res, sql, err, p, n);
	else
		rc = final_together(db, &res, sql, err, p, n);
	if (rc < 0) {
		PQclear(res);
		return -1;
	}
	if (res == NULL) /* it did commit, but its rows went down with the connection: "no row" would be a lie */
		return commit_unknown(err, "the connection to the database was lost behind the commit");
	*ret = rows_from(db, res);
	return 0;
}

int
db_final_(struct db *db, const struct row **ret, const char *sql, struct problem *err, const struct param *p, size_t n)
{
	struct rows *rows;

	if (db_final_all_(db, &rows, sql, err, p, n) < 0)
		return -1;
	if (rows_count(rows) > 1)
		die("%zu rows where one was expected: %.60s", rows_count(rows), sql);
	*ret = rows_count(rows) == 1 ? rows_at(rows, 0) : NULL;
	return 0;
}

int
db_alone_(struct db *db, struct rows **ret, const char *sql, struct problem *err, const struct param *p, size_t n)
{
	PGresult *res = NULL;

	if (db->tx != TX_NONE)
		die("a transaction inside a transaction");
	if (db_connected(db, err) < 0)
		return -1;
	if (send_commit(db, sql, p, n, &res, err) < 0)
		return db->commit_lost ? commit_unknown(err, "the connection to the database was lost during the statement") : -1;
	*ret = rows_from(db, res);
	return 0;
}
