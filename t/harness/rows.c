/*
 * rows.c: what the database holds, seen by the superuser. The formats are the test's own text; nothing from outside reaches them.
 */
#include "core.h"

#include "base/log.h"
#include "data/migrate.h"
#include "harness/harness_private.h"

static PGconn *
super(struct world *w)
{
	if (w->super == NULL) {
		w->super = PQconnectdb(scratch_super_url(w->scratch));
		PQclear(PQexec(w->super, "SET app.tenant = '" MIGRATE_TENANT "'"));
		PQclear(PQexec(w->super, "SET client_min_messages = warning"));
	}
	return w->super;
}

static PGresult *
ask(struct world *w, const char *fmt, va_list ap)
{
	char sql[8192];
	int n = vsnprintf(sql, sizeof(sql), fmt, ap);
	PGresult *res;

	if (n < 0 || (size_t)n >= sizeof(sql))
		die("the statement is too long");
	res = PQexec(super(w), sql);
	if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
		world_fail(__FILE__, __LINE__, "%s\n%s", sql, PQresultErrorMessage(res));
	return res;
}

static const char *
first(struct world *w, PGresult *res)
{
	const char *s = "";

	if (PQntuples(res) > 0 && PQnfields(res) > 0 && !PQgetisnull(res, 0, 0))
		s = arena_dup(w->life, PQgetvalue(res, 0, 0));
	PQclear(res);
	return s;
}

const char *
sql_text(struct world *w, const char *fmt, ...)
{
	va_list ap;
	PGresult *res;

	va_start(ap, fmt);
	res = ask(w, fmt, ap);
	va_end(ap);
	return first(w, res);
}

int64_t
sql_int(struct world *w, const char *fmt, ...)
{
	va_list ap;
	PGresult *res;
	const char *s;

	va_start(ap, fmt);
	res = ask(w, fmt, ap);
	va_end(ap);
	s = first(w, res);
	if (s[0] == 't' || s[0] == 'f')
		return s[0] == 't';
	return s[0] != '\0' ? strtoll(s, NULL, 10) : -1;
}

void
sql_run(struct world *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	PQclear(ask(w, fmt, ap));
	va_end(ap);
}

unsigned
event_count(struct world *w, const char *topic)
{
	return (unsigned)sql_int(w, "SELECT count(*) FROM outbox WHERE topic = '%s'", topic);
}

const json_t *
event_last(struct world *w, const char *topic)
{
	const char *s =
	    sql_text(w, "SELECT payload FROM outbox WHERE topic = '%s' ORDER BY occurred_at DESC, seq DESC LIMIT 1", topic);
	struct problem err = { 0 };

	return s[0] != '\0' ? json_read(w->life, s, strlen(s), &err) : NULL;
}

unsigned
audit_count(struct world *w, const char *action, const char *outcome)
{
	return (unsigned)sql_int(w, "SELECT count(*) FROM audit WHERE action = '%s' AND outcome = '%s'", action, outcome);
}
