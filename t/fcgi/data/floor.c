/* floor.c: see floor.h. */
#include "core.h"

#include "floor.h"

static const char business[] = "CREATE TABLE thing (id uuid PRIMARY KEY, tenant_id uuid NOT NULL DEFAULT app_tenant(), "
			       " name text CONSTRAINT thing_name UNIQUE, n bigint, at timestamptz, raw bytea, flag boolean);"
			       "SELECT protect_table('thing');"
			       "CREATE FUNCTION fail_with(code text) RETURNS void LANGUAGE plpgsql AS"
			       " $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = code; END $$";

void
must_(int64_t rc, const struct problem *err, const char *file, int line)
{
	if (rc >= 0)
		return;
	print_error("%d %s: %s\n", err->status, err->code, err->detail);
	_fail(file, line);
}

void
must_be(const struct problem *err, int status, const char *code)
{
	if (err->status != status || strcmp(err->code, code) != 0)
		fail_msg("expected %d %s, got %d %s (%s)", status, code, err->status, err->code, err->detail);
}

void
floor_run(struct floor *f, const char *sql)
{
	PGresult *res = PQexec(f->super, sql);

	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s", PQresultErrorMessage(res));
	PQclear(res);
}

int64_t
floor_count(struct floor *f, const char *sql)
{
	PGresult *res = PQexec(f->super, sql);
	int64_t n;

	if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1)
		fail_msg("%s: %s", sql, PQresultErrorMessage(res));
	n = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	return n;
}

struct db *
floor_connect(struct floor *f, enum db_use use)
{
	struct problem err = { 0 };
	struct db *db = db_open(scratch_url(f->scratch), use, "test", &err);

	must(db != NULL ? 0 : -1, &err);
	db_keyring(db, f->keyring);
	return db;
}

int
floor_setup(void **state)
{
	struct floor *f = calloc(1, sizeof(*f));
	struct problem err = { 0 };
	PGconn *owner;

	if (f == NULL)
		return -1;
	log_open("test", LOG_ERROR + 1); /* errors here are made on purpose */
	f->scratch = scratch_new(NULL, false);
	f->arena = arena_new(0);
	f->keyring = keyring_open(scratch_keyholder(f->scratch, "test"), "test", &err);
	must(f->keyring != NULL ? 0 : -1, &err);
	f->super = PQconnectdb(scratch_super_url(f->scratch));
	owner = PQconnectdb(scratch_owner_url(f->scratch));
	PQclear(PQexec(owner, "SET client_min_messages = error"));
	PQclear(PQexec(owner, business));
	assert_string_equal(PQerrorMessage(owner), "");
	PQfinish(owner);
	f->db = floor_connect(f, DB_API);
	db_arena(f->db, f->arena);
	f->a = (struct scope){ .actor = "service:test", .request_id = "r-1", .source = "192.0.2.7" };
	f->b = f->a;
	f->nobody = f->a;
	(void)uuid_parse(TENANT_A, &f->a.tenant);
	(void)uuid_parse(TENANT_B, &f->b.tenant);
	*state = f;
	return 0;
}

int
floor_teardown(void **state)
{
	struct floor *f = *state;

	db_close(f->db);
	PQfinish(f->super);
	keyring_free(f->keyring);
	scratch_free(f->scratch);
	arena_free(f->arena);
	free(f);
	return 0;
}
