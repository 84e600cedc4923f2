/*
 * db_pipe.c: statements prepared once per connection, and the pipeline.
 *
 * The connection stays in libpq's pipeline mode for good. What belongs together is pushed, closed by one sync and read back in
 * order, so a whole transaction can be one round trip. Each thing sent is remembered as a step; an answer always belongs to the
 * oldest step.
 *
 * A server that says nothing any more, while its machine still takes our bytes, would hold a thread for good: neither keepalives
 * nor its own statement_timeout end that. So an answer is waited for only a little longer than the server may take for it.
 */
#include "core.h"

#include <poll.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "data/db_private.h"

/* ---- statements, by the address of their text */

static size_t
bucket_of(const char *sql, bool audited)
{
	return ((uintptr_t)sql >> 3 ^ (uintptr_t)sql >> 12 ^ (uintptr_t)audited) % STATEMENT_BUCKETS;
}

static unsigned
count_params(const char *sql)
{
	unsigned most = 0;

	for (const char *s = strchr(sql, '$'); s != NULL; s = strchr(s + 1, '$')) {
		unsigned long v = strtoul(s + 1, NULL, 10);

		if (v < 100 && v > most)
			most = (unsigned)v;
	}
	return most;
}

/* WITH act AS (<sql>), aud AS (INSERT INTO audit ... FROM act LIMIT 1) SELECT * FROM act: the audit row is written only if there
 * is a row. */
static const char *
around_audit(struct db *db, const char *sql)
{
	static const char *const types[AUDIT_PARAMS] = { "uuid", "uuid", "text", "text", "text", "text", "text", "text", "text",
		"text", "text", "json", "text", "bytea" };
	unsigned at = count_params(sql);
	struct buf b = buf_in(db->life, 64 * 1024);

	buf_addf(&b, "WITH act AS (%s), aud AS (INSERT INTO audit (%s) SELECT ", sql, audit_columns);
	for (unsigned i = 0; i < AUDIT_PARAMS; i++)
		buf_addf(&b, "%s$%u::%s", i > 0 ? ", " : "", at + i + 1, types[i]);
	buf_add(&b, " FROM act LIMIT 1) SELECT * FROM act");
	if (b.failed)
		die("a statement is too long");
	return buf_str(&b);
}

struct statement *
db_statement(struct db *db, const char *sql, bool audited)
{
	struct statement **at = &db->statements[bucket_of(sql, audited)];
	struct statement *st;

	for (st = *at; st != NULL; st = st->next)
		if (st->sql == sql && st->audited == audited) {
			if (strcmp(st->was, sql) != 0)
				die("SQL text must be constant: %.60s", sql);
			return st;
		}
	st = arena_alloc(db->life, sizeof(*st));
	st->sql = sql;
	st->was = arena_dup(db->life, sql);
	st->audited = audited;
	st->text = audited ? around_audit(db, sql) : sql;
	(void)snprintf(st->name, sizeof(st->name), "s%u", ++db->nstatements);
	st->next = *at;
	*at = st;
	return st;
}

void
db_forget_statements(struct db *db)
{
	for (size_t i = 0; i < STATEMENT_BUCKETS; i++)
		for (struct statement *st = db->statements[i]; st != NULL; st = st->next)
			st->ready = false;
}

/* ---- pushing */

static void
remember(struct db *db, enum step_what what, struct statement *st, PGresult **keep)
{
	if (db->nsteps == PIPE_STEPS)
		die("the pipeline is longer than %d steps", PIPE_STEPS);
	db->steps[(db->first + db->nsteps++) % PIPE_STEPS] = (struct pipe_step){ what, st, keep };
}

static bool
already_pushed(const struct db *db, const struct statement *st)
{
	for (unsigned i = 0; i < db->nsteps; i++) {
		const struct pipe_step *s = &db->steps[(db->first + i) % PIPE_STEPS];

		if (s->what == STEP_PREPARE && s->st == st)
			return true;
	}
	return false;
}

static int
send_run(struct db *db, struct statement *st, const struct param *p, size_t n)
{
	const char *values[64];
	int lengths[64], formats[64];

	if (n > COUNT(values))
		die("a statement takes at most %zu parameters", COUNT(values));
	for (size_t i = 0; i < n; i++) {
		values[i] = param_text(&p[i]);
		if (values[i] != NULL && p[i].n > 0 && !p[i].binary)
			values[i] = arena_ndup(db->arena, p[i].text, p[i].n);
		if (p[i].n > INT32_MAX)
			die("a parameter is too long");
		lengths[i] = (int)p[i].n;
		formats[i] = p[i].binary;
	}
	return PQsendQueryPrepared(db->conn, st->name, (int)n, values, lengths, formats, db->binary ? 1 : 0);
}

/* A push that fails leaves its step: reading finds the broken connection there, in one place. */
void
db_push(struct db *db, enum step_what what, struct statement *st, const struct param *p, size_t n, PGresult **keep)
{
	if (db->late)
		db_settle(db);
	if (db->conn != NULL && !st->ready && !already_pushed(db, st)) {
		(void)PQsendPrepare(db->conn, st->name, st->text, 0, NULL);
		remember(db, STEP_PREPARE, st, NULL);
	}
	if (db->conn != NULL)
		(void)send_run(db, st, p, n);
	remember(db, what, st, keep);
}

void
db_push_flush(struct db *db)
{
	if (db->conn != NULL)
		(void)PQsendFlushRequest(db->conn);
}

void
db_push_sync(struct db *db)
{
	if (db->conn != NULL)
		(void)PQpipelineSync(db->conn);
	remember(db, STEP_SYNC, NULL, NULL);
}

/* ---- reading */

static struct pipe_step
oldest(struct db *db)
{
	struct pipe_step s = db->steps[db->first];

	db->first = (db->first + 1) % PIPE_STEPS;
	db->nsteps--;
	return s;
}

/* Milliseconds beyond statement_timeout, by use; migrations have no end. */
static const int longest_wait_ms[] = { [DB_API] = 8000, [DB_WORKER] = 33000, [DB_OWNER] = -1 };

/* True when there is an answer, or the end of the connection, to be read. */
static bool
answer_comes(struct db *db)
{
	int64_t until = clock_mono_us() + INT64_C(1000) * longest_wait_ms[db->use];

	while (PQisBusy(db->conn) == 1) {
		int unsent = PQflush(db->conn);
		struct pollfd p = { .fd = PQsocket(db->conn), .events = unsent == 1 ? POLLIN | POLLOUT : POLLIN };
		int64_t left = (until - clock_mono_us() + 999) / 1000;

		if (unsent < 0)
			return true;
		if (longest_wait_ms[db->use] >= 0 && left <= 0) {
			log_line(LOG_ERROR, "db.silent", NULL);
			return false;
		}
		if (poll(&p, 1, longest_wait_ms[db->use] < 0 ? -1 : (int)left) > 0 && PQconsumeInput(db->conn) != 1)
			return true;
	}
	return true;
}

/* The answer to one step; NULL when the connection has none to give any more. In pipeline mode a NULL follows each command's
 * result. */
static PGresult *
answer(struct db *db, const struct pipe_step *s)
{
	PGresult *res, *more;

	if (db->conn == NULL || !answer_comes(db) || (res = PQgetResult(db->conn)) == NULL)
		return NULL;
	if (s->what != STEP_SYNC)
		while ((more = PQgetResult(db->conn)) != NULL)
			PQclear(more);
	return res;
}

static void
answered(const struct pipe_step *s, PGresult *res)
{
	if (s->what == STEP_PREPARE)
		s->st->ready = true;
	if (s->keep != NULL)
		*s->keep = res;
	else
		PQclear(res);
}

/* The connection is gone: all that was sent stays unanswered. Was a COMMIT among it that may have been carried out? */
static int
hung_up(struct db *db, const struct pipe_step *at, bool refused, struct problem *err)
{
	bool commit = at->what == STEP_COMMIT;

	while (db->nsteps > 0) {
		struct pipe_step s = oldest(db);

		commit = commit || s.what == STEP_COMMIT;
	}
	db->commit_lost = commit && !refused;
	db_lost(db);
	return refused ? -1 : db_unavailable(err, "the connection to the database was lost");
}

int
db_read_sync(struct db *db, struct problem *err)
{
	bool refused = false;

	db->commit_lost = false;
	while (db->nsteps > 0) {
		struct pipe_step s = oldest(db);
		PGresult *res = answer(db, &s);
		ExecStatusType status = PQresultStatus(res);

		if (res == NULL)
			return hung_up(db, &s, refused, err);
		if (status == PGRES_PIPELINE_SYNC) {
			PQclear(res);
			if (s.what != STEP_SYNC)
				die("the pipeline lost its place");
			break;
		}
		if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
			answered(&s, res);
			continue;
		}
		if (status != PGRES_PIPELINE_ABORTED && !refused) {
			bool ends = db_ends_connection(res) || PQstatus(db->conn) == CONNECTION_BAD;

			(void)db_problem(res, err);
			if (ends) {
				PQclear(res);
				return hung_up(db, &s, s.what != STEP_COMMIT, err);
			}
			refused = true;
		}
		PQclear(res);
	}
	return refused ? -1 : 0;
}

void
db_settle(struct db *db)
{
	struct problem ignored = { 0 };

	db->late = false; /* the NOTIFY was a hint: whether it worked changes nothing */
	while (db->nsteps > 0)
		if (db_read_sync(db, &ignored) < 0 && db->conn == NULL)
			return;
}

/* "INSERT 0 1", "UPDATE 3", "DELETE 0", "SELECT 1" */
static bool
wrote(const PGresult *res)
{
	const char *status = PQcmdStatus((PGresult *)(uintptr_t)res);

	return strncmp(status, "SELECT", 6) != 0 && PQcmdTuples((PGresult *)(uintptr_t)res)[0] > '0';
}

/* A test build's word instead of the server's (rule D5): the statement failed with this SQLSTATE. */
static bool
told_to_fail(struct db *db, struct problem *err)
{
	const char *state = FAIL_POINT_SAYS("db.state");

	if (state == NULL)
		return false;
	if (!db_state_problem(state, "failpoint", err))
		(void)problem(err, 500, "database_error", "SQLSTATE %s", state);
	if (strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0)
		db_lost(db);
	db->tx = TX_FAILED;
	return true;
}

int
db_run(struct db *db, PGresult **ret, const char *sql, const struct param *p, size_t n, struct problem *err)
{
	PGresult *res = NULL;
	int rc;

	if (db->tx == TX_NONE)
		die("a statement outside a transaction: %.60s", sql);
	if (db->tx == TX_FAILED)
		return problem(err, 500, "database_error", "a statement after one that failed");
	db_push_held(db);
	db_push(db, STEP_RUN, db_statement(db, sql, false), p, n, &res);
	db_push_sync(db);
	rc = db_read_sync(db, err);
	db_keep_xid(db);
	if (rc < 0) {
		db->tx = TX_FAILED;
		PQclear(res);
		return -1;
	}
	if (told_to_fail(db, err)) {
		PQclear(res);
		return -1;
	}
	db->changed = db->changed || wrote(res);
	*ret = res;
	return 0;
}

int
db_run_binary(struct db *db, PGresult **ret, const char *sql, const struct param *p, size_t n, struct problem *err)
{
	int rc;

	if (db->tx != TX_OPEN) /* what was held back is read as text */
		die("a binary result as a transaction's first: %.60s", sql);
	db->binary = true;
	rc = db_run(db, ret, sql, p, n, err);
	db->binary = false;
	return rc;
}

int
db_run_later(struct db *db, const char *sql, const struct param *p, size_t n, struct problem *err)
{
	PGresult *res = NULL;

	if (db->tx == TX_FAILED || db->tx == TX_NONE || db->mode != WRITE || db->nsteps > PIPE_STEPS / 2) { /* the pipeline has an end */
		if (db_run(db, &res, sql, p, n, err) < 0)
			return -1;
		PQclear(res);
		return 0;
	}
	if (db->tx == TX_HELD) {
		db_push_held(db);
		db_push_flush(db); /* the transaction's id is on its way to us before COMMIT can be lost */
	}
	db_push(db, STEP_RUN, db_statement(db, sql, false), p, n, NULL);
	return 0;
}

int
db_all_(struct db *db, struct rows **ret, const char *sql, struct problem *err, const struct param *p, size_t n)
{
	PGresult *res;

	if (db_run(db, &res, sql, p, n, err) < 0)
		return -1;
	*ret = rows_from(db, res);
	return 0;
}

int
db_one_(struct db *db, const struct row **ret, const char *sql, struct problem *err, const struct param *p, size_t n)
{
	struct rows *rows;

	if (db_all_(db, &rows, sql, err, p, n) < 0)
		return -1;
	if (rows_count(rows) > 1)
		die("%zu rows where one was expected: %.60s", rows_count(rows), sql);
	*ret = rows_count(rows) == 1 ? rows_at(rows, 0) : NULL;
	return 0;
}

int64_t
db_exec_(struct db *db, const char *sql, struct problem *err, const struct param *p, size_t n)
{
	PGresult *res;
	int64_t touched;

	if (db_run(db, &res, sql, p, n, err) < 0)
		return -1;
	touched = strtoll(PQcmdTuples(res), NULL, 10);
	PQclear(res);
	return touched;
}
