/* copy.c: see copy.h. */
#include "core.h"

#include <libpq-fe.h>

#include "base/buf.h"
#include "base/log.h"
#include "data/copy.h"

#define BLOCK ((size_t)256 * 1024) /* what goes to the server at once */
#define LINE  ((size_t)1024 * 1024)

struct copy {
	PGconn *conn;
	struct buf out;
	size_t columns; /* of the row that is being written */
	bool open;      /* rows are still taken */
};

/* A server's message may hold a row's value; what is said is its code. */
static int
trouble(struct copy *c, const PGresult *res, const char *doing, struct problem *err)
{
	const char *state = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

	if (PQstatus(c->conn) != CONNECTION_OK)
		return problem(err, 503, "database_unavailable", "%s: the database is not there", doing);
	return problem(err, 500, "database_error", "%s: SQLSTATE %s", doing, state != NULL ? state : "unknown");
}

static int
run(struct copy *c, const char *sql, ExecStatusType want, int64_t *rows, const char *doing, struct problem *err)
{
	PGresult *res = PQexec(c->conn, sql);
	int rc = 0;

	if (PQresultStatus(res) != want)
		rc = trouble(c, res, doing, err);
	else if (rows != NULL)
		*rows = strtoll(PQcmdTuples(res), NULL, 10);
	PQclear(res);
	return rc;
}

struct copy *
copy_open(const char *owner_url, const char *make, const char *into, struct problem *err)
{
	struct copy *c = calloc(1, sizeof(*c));

	if (c == NULL)
		die("out of memory");
	c->out = BUF_INIT(BLOCK + LINE);
	c->conn = PQconnectdb(owner_url);
	if (PQstatus(c->conn) != CONNECTION_OK)
		problem(err, 503, "database_unavailable", "the database is not there");
	else if (run(c, "BEGIN", PGRES_COMMAND_OK, NULL, "begin", err) == 0 && run(c, make, PGRES_COMMAND_OK, NULL, "making a table", err) == 0 &&
	    run(c, into, PGRES_COPY_IN, NULL, "copy", err) == 0)
		c->open = true;
	if (c->open)
		return c;
	copy_close(c);
	return NULL;
}

void
copy_field(struct copy *c, const char *text)
{
	if (c->columns++ > 0)
		buf_addc(&c->out, '\t');
	if (text == NULL) {
		buf_add(&c->out, "\\N");
		return;
	}
	for (; *text != '\0'; text++) {
		const char *at = strchr("\\\t\n\r", *text);

		if (at == NULL) {
			buf_addc(&c->out, *text);
		} else {
			buf_addc(&c->out, '\\');
			buf_addc(&c->out, *text == '\\' ? '\\' : *text == '\t' ? 't' : *text == '\n' ? 'n' : 'r');
		}
	}
}

static int
flush(struct copy *c, struct problem *err)
{
	if (c->out.failed)
		return problem(err, 500, "row_too_long", "a row passes %zu bytes", LINE);
	if (PQputCopyData(c->conn, c->out.data, (int)c->out.len) != 1)
		return trouble(c, NULL, "copy", err);
	buf_clear(&c->out);
	return 0;
}

int
copy_row(struct copy *c, struct problem *err)
{
	buf_addc(&c->out, '\n');
	c->columns = 0;
	return c->out.failed || c->out.len >= BLOCK ? flush(c, err) : 0;
}

static int
end_rows(struct copy *c, struct problem *err)
{
	PGresult *res;
	int rc = 0;

	if (c->out.len > 0 && flush(c, err) < 0)
		return -1;
	c->open = false;
	if (PQputCopyEnd(c->conn, NULL) != 1)
		return trouble(c, NULL, "copy", err);
	while ((res = PQgetResult(c->conn)) != NULL) {
		if (rc == 0 && PQresultStatus(res) != PGRES_COMMAND_OK)
			rc = trouble(c, res, "copy", err);
		PQclear(res);
	}
	return rc;
}

int
copy_finish(struct copy *c, const char *merge, int64_t *rows, struct problem *err)
{
	if (end_rows(c, err) < 0 || run(c, merge, PGRES_COMMAND_OK, rows, "merging", err) < 0)
		return -1;
	return run(c, "COMMIT", PGRES_COMMAND_OK, NULL, "commit", err);
}

void
copy_close(struct copy *c)
{
	if (c == NULL)
		return;
	PQfinish(c->conn);
	buf_release(&c->out);
	free(c);
}
