/*
 * db_row.c: parameters into libpq's form, results into rows. A row is a position in a PGresult that the arena releases.
 */
#include "core.h"

#include "base/clock.h"
#include "base/log.h"
#include "data/db_private.h"

struct row {
	const PGresult *res;
	int i;
	struct arena *arena;
};

struct rows {
	PGresult *res;
	size_t n;
	struct row *row;
};

/* ---- parameters. text NULL and not null means: look into own, since the struct is returned by value and cannot point into
 * itself. */

struct param
P_TEXT(const char *s) {
	return (struct param){ .text = s, .null = s == NULL };
}

struct param
P_TEXTN(const char *s, size_t n) {
	return (struct param){ .text = n == 0 && s != NULL ? "" : s, .n = n, .null = s == NULL };
}

struct param
P_UUID(struct uuid u) {
	struct param p = { .text = NULL };

	uuid_text(u, p.own);
	return p;
}

struct param
P_OPT_UUID(struct uuid u) {
	return uuid_is_nil(u) ? P_NULL : P_UUID(u);
}

struct param
P_INT(int64_t v) {
	struct param p = { .text = NULL };

	(void)snprintf(p.own, sizeof(p.own), "%" PRId64, v);
	return p;
}

struct param
P_BOOL(bool v) {
	return (struct param){ .text = v ? "t" : "f" };
}

struct param
P_BYTES(struct bytes b) {
	return (struct param){ .text = (const char *)b.p, .n = b.n, .binary = true, .null = b.p == NULL };
}

struct param
P_TIME(int64_t us) {
	struct param p = { .null = us == 0 };

	_Static_assert(sizeof(p.own) >= CLOCK_TEXT, "a time fits");
	clock_text(us, p.own);
	return p;
}

const char *
param_text(const struct param *p)
{
	if (p->null)
		return NULL;
	return p->text != NULL ? p->text : p->own;
}

/* ---- rows */

static void
result_clear(void *res)
{
	PQclear(res);
}

struct rows *
rows_from(struct db *db, PGresult *res)
{
	struct rows *r = arena_alloc(db->arena, sizeof(*r));

	arena_defer(db->arena, result_clear, res);
	r->res = res;
	r->n = (size_t)PQntuples(res);
	r->row = arena_alloc(db->arena, (r->n + 1) * sizeof(*r->row));
	for (size_t i = 0; i < r->n; i++)
		r->row[i] = (struct row){ res, (int)i, db->arena };
	return r;
}

size_t
rows_count(const struct rows *r)
{
	return r->n;
}

const struct row *
rows_at(struct rows *r, size_t i)
{
	if (i >= r->n)
		die("row %zu of %zu was asked for", i, r->n);
	return &r->row[i];
}

/* libpq's own look-up folds case and copies the name each time; a select list is short. */
static int
column_of(const struct row *w, const char *column)
{
	int n = PQnfields(w->res);

	for (int c = 0; c < n; c++)
		if (strcmp(PQfname(w->res, c), column) == 0)
			return c;
	die("column %s was not selected", column);
}

bool
row_is_null(const struct row *w, const char *column)
{
	return PQgetisnull(w->res, w->i, column_of(w, column)) != 0;
}

const char *
row_str(const struct row *w, const char *column)
{
	return PQgetvalue(w->res, w->i, column_of(w, column)); /* libpq gives "" for NULL */
}

const char *
row_opt_str(const struct row *w, const char *column)
{
	int c = column_of(w, column);

	return PQgetisnull(w->res, w->i, c) ? NULL : PQgetvalue(w->res, w->i, c);
}

int64_t
row_int(const struct row *w, const char *column)
{
	const char *s = row_opt_str(w, column);
	char *end;
	long long v;

	if (s == NULL)
		return 0;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || *end != '\0' || errno != 0)
		die("column %s holds no integer", column);
	return v;
}

bool
row_bool(const struct row *w, const char *column)
{
	return row_str(w, column)[0] == 't';
}

struct uuid
row_uuid(const struct row *w, const char *column)
{
	const char *s = row_opt_str(w, column);
	struct uuid u = UUID_NIL;

	if (s != NULL && uuid_parse(s, &u) < 0)
		die("column %s holds no UUID", column);
	return u;
}

int64_t
row_time(const struct row *w, const char *column)
{
	const char *s = row_opt_str(w, column);
	int64_t us = 0;

	if (s != NULL && clock_parse(s, &us) < 0)
		die("column %s holds no time", column);
	return us;
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct bytes
row_bytes(const struct row *w, const char *column)
{
	const char *s = row_opt_str(w, column);
	uint8_t *out;
	size_t n;

	if (s == NULL)
		return BYTES(NULL, 0);
	if (s[0] != '\\' || s[1] != 'x')
		die("column %s is no bytea", column);
	s += 2;
	n = strlen(s) / 2;
	out = arena_alloc(w->arena, n + 1);
	for (size_t i = 0; i < n; i++) {
		int hi = nibble(s[2 * i]), lo = nibble(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			die("column %s is no bytea", column);
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return BYTES(out, n);
}
