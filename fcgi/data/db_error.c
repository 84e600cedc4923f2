/*
 * db_error.c: from SQLSTATE to problem (rule D5). What the server says may quote a patient's value, so only codes and names of ours
 * go on; its words are logged where they can speak of nothing but our own SQL (class 42, privileges, our own RAISE).
 */
#include "core.h"

#include "base/log.h"
#include "data/db_private.h"

/* A prefix of the SQLSTATE and what it means to a caller. The first row that fits wins. */
static const struct {
	const char *state;
	int status;
	const char *code;
	const char *says;
	int retry_after;
} classes[] = {
	{ "40001", 409, "serialization", "the transaction met another one; run it again", 0 },
	{ "40P01", 409, "serialization", "the transaction met another one; run it again", 0 },
	{ "TX409", 409, "lease_lost", "the job is no longer held under this token", 0 },
	{ "23505", 409, "duplicate", NULL, 0 },
	{ "23P01", 409, "duplicate", NULL, 0 },
	{ "55P03", 503, "lock_timeout", "a row is held by another transaction", 1 },
	{ "57014", 503, "database_unavailable", "the statement took too long", 1 },
	{ "08", 503, "database_unavailable", "the connection to the database failed", 1 },
	{ "57P", 503, "database_unavailable", "the database is not available", 1 },
	{ "53", 503, "database_unavailable", "the database has no room", 1 },
	{ "58", 503, "database_unavailable", "the database's machine failed", 1 },
	{ "25P03", 503, "database_unavailable", "the transaction was idle too long", 1 },
};

static const char *
field_of(const PGresult *res, int field)
{
	const char *s = PQresultErrorField(res, field);

	return s != NULL ? s : "";
}

bool
db_ends_connection(const PGresult *res)
{
	const char *severity = field_of(res, PG_DIAG_SEVERITY_NONLOCALIZED);

	return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

int
db_unavailable(struct problem *err, const char *why)
{
	problem(err, 503, "database_unavailable", "%s", why);
	err->fault = FAULT_RETRY;
	err->retry_after = 1;
	return -1;
}

static int
audit_refuses(const PGresult *res, struct problem *err)
{
	const char *says = field_of(res, PG_DIAG_MESSAGE_PRIMARY);

	if (strcmp(field_of(res, PG_DIAG_SQLSTATE), "42501") != 0 || strstr(says, "table audit") == NULL)
		return 0;
	problem(err, 503, "audit_unavailable", "the audit trail cannot be written");
	err->fault = FAULT_RETRY;
	err->retry_after = 5;
	return -1;
}

static int
our_own_fault(const PGresult *res, const char *state, struct problem *err)
{
	bool safe = strncmp(state, "42", 2) == 0 || strcmp(state, "P0001") == 0 || strcmp(state, "25006") == 0;
	const char *constraint = field_of(res, PG_DIAG_CONSTRAINT_NAME);
	const char *column = field_of(res, PG_DIAG_COLUMN_NAME);

	log_line(LOG_ERROR, "db.error", "sqlstate", state, "table", PQresultErrorField(res, PG_DIAG_TABLE_NAME), "constraint",
	    PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME), "column", PQresultErrorField(res, PG_DIAG_COLUMN_NAME), "message",
	    safe ? field_of(res, PG_DIAG_MESSAGE_PRIMARY) : NULL, NULL);
	return problem(err, 500, "database_error", "SQLSTATE %s%s%s%s%s", state, constraint[0] != '\0' ? " " : "", constraint,
	    column[0] != '\0' ? " " : "", column);
}

bool
db_state_problem(const char *state, const char *constraint, struct problem *err)
{
	for (size_t i = 0; i < COUNT(classes); i++) {
		if (strncmp(state, classes[i].state, strlen(classes[i].state)) != 0)
			continue;
		problem(err, classes[i].status, classes[i].code, "%s", classes[i].says != NULL ? classes[i].says : constraint);
		err->fault = classes[i].says != NULL ? FAULT_RETRY : FAULT_PERMANENT;
		err->retry_after = classes[i].retry_after;
		return true;
	}
	return false;
}

int
db_problem(const PGresult *res, struct problem *err)
{
	const char *state = field_of(res, PG_DIAG_SQLSTATE);

	if (state[0] == '\0')
		return db_unavailable(err, "the connection to the database failed");
	if (audit_refuses(res, err) < 0)
		return -1;
	if (db_state_problem(state, field_of(res, PG_DIAG_CONSTRAINT_NAME), err))
		return -1;
	if (db_ends_connection(res))
		return db_unavailable(err, "the connection to the database failed");
	return our_own_fault(res, state, err);
}

bool
db_violates(const struct problem *err, const char *constraint)
{
	return err->status == 409 && strcmp(err->code, "duplicate") == 0 && strcmp(err->detail, constraint) == 0;
}
