/* db_test.c: connection, transaction, statement and row as rules D1 to D7 ask for. */
#include "core.h"

#include <poll.h>

#include "floor.h"

static const char insert_sql[] =
    "INSERT INTO thing (id, name, n, at, raw, flag) VALUES ($1::uuid, $2, $3::bigint, $4::timestamptz, $5::bytea, $6::boolean)";
static const char insert_name_sql[] = "INSERT INTO thing (id, name) VALUES ($1::uuid, $2) RETURNING id";
static const char insert_tenant_sql[] = "INSERT INTO thing (id, tenant_id) VALUES ($1::uuid, $2::uuid)";
static const char find_sql[] = "SELECT id, name, n, at, raw, flag FROM thing WHERE id = $1::uuid";
static const char count_sql[] = "SELECT count(*) AS n FROM thing";
static const char rename_sql[] = "UPDATE thing SET name = $2 WHERE id = $1::uuid RETURNING id, name";
static const char read_final_sql[] = "SELECT name FROM thing WHERE id = $1::uuid";
static const char with_sql[] = "WITH t AS (SELECT * FROM thing WHERE id = $1::uuid) SELECT name FROM t";
static const char fail_sql[] = "SELECT fail_with($1)";
static const char broken_sql[] = "SELECT nothing FROM nowhere";

static void
begin(struct floor *f, enum db_mode mode, const struct scope *s)
{
	struct problem err = { 0 };

	must(db_begin(f->db, mode, s, &err), &err);
}

static struct uuid
add_thing(struct floor *f, const char *name)
{
	struct problem err = { 0 };
	struct uuid id = uuid_new();

	begin(f, WRITE, &f->a);
	must(db_exec(f->db, insert_name_sql, &err, P_UUID(id), P_TEXT(name)), &err);
	must(db_commit(f->db, &err), &err);
	return id;
}

static int64_t
things_seen(struct floor *f, const struct scope *s)
{
	struct problem err = { 0 };
	const struct row *w;
	int64_t n;

	begin(f, READ, s);
	must(db_one(f->db, &w, count_sql, &err), &err);
	n = row_int(w, "n");
	must(db_commit(f->db, &err), &err);
	return n;
}

static void
begin_sends_nothing_before_the_first_statement(void **state)
{
	static const char open_sql[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
				       " AND application_name = 'test' AND state LIKE 'idle in%'";
	struct floor *f = *state;
	struct problem err = { 0 };
	const struct row *w;

	begin(f, WRITE, &f->a);
	assert_true(db_in_transaction(f->db));
	assert_int_equal(floor_count(f, open_sql), 0);
	must(db_one(f->db, &w, count_sql, &err), &err);
	assert_int_equal(floor_count(f, open_sql), 1);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f, open_sql), 0);
	assert_false(db_in_transaction(f->db));
}

static void
values_come_back_as_they_went(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };
	struct uuid id = uuid_new();
	const uint8_t raw[] = { 0, 1, 0xfe, '\'', '\\' };
	const struct row *w;

	begin(f, WRITE, &f->a);
	must(db_exec(f->db, insert_sql, &err, P_UUID(id), P_TEXTN("O'Neil-and-more", 6), P_INT(INT64_MIN),
		 P_TIME(INT64_C(1768469400123456)), P_BYTES(BYTES(raw, sizeof(raw))), P_BOOL(true)),
	    &err);
	must(db_one(f->db, &w, find_sql, &err, P_UUID(id)), &err);
	assert_string_equal(row_str(w, "name"), "O'Neil");
	assert_true(row_int(w, "n") == INT64_MIN);
	assert_true(row_time(w, "at") == INT64_C(1768469400123456));
	assert_int_equal(row_bytes(w, "raw").n, sizeof(raw));
	assert_memory_equal(row_bytes(w, "raw").p, raw, sizeof(raw));
	assert_true(row_bool(w, "flag"));
	assert_true(uuid_equal(row_uuid(w, "id"), id));
	must(db_commit(f->db, &err), &err);
}

static void
null_is_visible(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };
	struct uuid id = uuid_new();
	const struct row *w;

	begin(f, WRITE, &f->a);
	must(db_exec(f->db, insert_sql, &err, P_UUID(id), P_TEXT(NULL), P_NULL, P_TIME(0), P_BYTES(BYTES(NULL, 0)), P_NULL), &err);
	must(db_one(f->db, &w, find_sql, &err, P_UUID(id)), &err);
	assert_true(row_is_null(w, "name"));
	assert_string_equal(row_str(w, "name"), "");
	assert_null(row_opt_str(w, "name"));
	assert_int_equal(row_int(w, "n"), 0);
	assert_int_equal(row_time(w, "at"), 0);
	assert_null(row_bytes(w, "raw").p);
	db_rollback(f->db);
}

static void
a_read_cannot_write(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };

	begin(f, READ, &f->a);
	assert_int_equal(db_exec(f->db, insert_name_sql, &err, P_UUID(uuid_new()), P_TEXT("no")), -1);
	must_be(&err, 500, "database_error");
	db_rollback(f->db);
}

static void
an_audited_read_writes_its_audit_row_and_nothing_else(void **state)
{
	static const struct audit_entry seen = { .action = "phi.read", .object = "thing" };
	struct floor *f = *state;
	struct problem err = { 0 };
	const struct row *w;

	begin(f, READ_AUDITED, &f->a);
	must(db_one(f->db, &w, count_sql, &err), &err);
	must(audit_add(f->db, &seen, &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM audit WHERE action = 'phi.read'"), 1);
	begin(f, READ_AUDITED, &f->a);
	assert_int_equal(db_exec(f->db, insert_name_sql, &err, P_UUID(uuid_new()), P_TEXT("no")), -1);
	must_be(&err, 500, "database_error");
	db_rollback(f->db);
	(void)add_thing(f, "the reader's role ended with its transaction");
}

static void
another_tenant_and_none_see_nothing(void **state)
{
	struct floor *f = *state;

	(void)add_thing(f, "of tenant A");
	assert_true(things_seen(f, &f->a) > 0);
	assert_int_equal(things_seen(f, &f->b), 0);
	assert_int_equal(things_seen(f, &f->nobody), 0);
}

static void
a_row_of_another_tenant_cannot_be_written(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };

	begin(f, WRITE, &f->b);
	assert_int_equal(db_exec(f->db, insert_tenant_sql, &err, P_UUID(uuid_new()), P_UUID(f->a.tenant)), -1);
	must_be(&err, 500, "database_error");
	db_rollback(f->db);
}

static void
a_failed_statement_fails_the_commit(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };
	const struct row *w;

	begin(f, WRITE, &f->a);
	must(db_exec(f->db, insert_name_sql, &err, P_UUID(uuid_new()), P_TEXT("half a thing")), &err);
	assert_int_equal(db_one(f->db, &w, broken_sql, &err), -1);
	must_be(&err, 500, "database_error");
	assert_int_equal(db_commit(f->db, &err), -1);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM thing WHERE name = 'half a thing'"), 0);
	assert_true(db_alive(f->db));
}

static void
each_sqlstate_has_its_meaning(void **state)
{
	static const struct {
		const char *state;
		int status;
		const char *code;
		enum fault fault;
	} cases[] = {
		{ "40001", 409, "serialization", FAULT_RETRY },
		{ "40P01", 409, "serialization", FAULT_RETRY },
		{ "23505", 409, "duplicate", FAULT_PERMANENT },
		{ "23P01", 409, "duplicate", FAULT_PERMANENT },
		{ "55P03", 503, "lock_timeout", FAULT_RETRY },
		{ "57014", 503, "database_unavailable", FAULT_RETRY },
		{ "08006", 503, "database_unavailable", FAULT_RETRY },
		{ "57P01", 503, "database_unavailable", FAULT_RETRY },
		{ "57P03", 503, "database_unavailable", FAULT_RETRY },
		{ "53300", 503, "database_unavailable", FAULT_RETRY },
		{ "53100", 503, "database_unavailable", FAULT_RETRY },
		{ "58030", 503, "database_unavailable", FAULT_RETRY },
		{ "23514", 500, "database_error", FAULT_RETRY },
		{ "22P02", 500, "database_error", FAULT_RETRY },
	};
	struct floor *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct problem err = { 0 };
		const struct row *w;

		begin(f, WRITE, &f->a);
		assert_int_equal(db_one(f->db, &w, fail_sql, &err, P_TEXT(cases[i].state)), -1);
		must_be(&err, cases[i].status, cases[i].code);
		assert_int_equal(err.fault, cases[i].fault);
		assert_null(strstr(err.detail, "on purpose"));
		db_rollback(f->db);
	}
}

static void
a_duplicate_names_its_constraint(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };

	(void)add_thing(f, "only one");
	begin(f, WRITE, &f->a);
	must(db_savepoint(f->db, &err), &err);
	assert_int_equal(db_exec(f->db, insert_name_sql, &err, P_UUID(uuid_new()), P_TEXT("only one")), -1);
	must_be(&err, 409, "duplicate");
	assert_true(db_violates(&err, "thing_name"));
	assert_false(db_violates(&err, "thing_pkey"));
	must(db_savepoint_back(f->db, &err), &err);
	must(db_exec(f->db, insert_name_sql, &err, P_UUID(uuid_new()), P_TEXT("behind the savepoint")), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM thing WHERE name = 'behind the savepoint'"), 1);
}

static void
a_killed_backend_is_503_and_the_next_transaction_reconnects(void **state)
{
	static const char kill_sql[] =
	    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
	    " AND application_name = 'test'";
	struct floor *f = *state;
	struct problem err = { 0 };
	const struct row *w;

	begin(f, WRITE, &f->a);
	must(db_one(f->db, &w, count_sql, &err), &err);
	(void)floor_count(f, kill_sql);
	assert_int_equal(db_one(f->db, &w, count_sql, &err), -1);
	must_be(&err, 503, "database_unavailable");
	db_rollback(f->db);
	assert_true(things_seen(f, &f->a) > 0);
	/* Killed while idle: nobody notices. */
	(void)floor_count(f, kill_sql);
	(void)poll(NULL, 0, 200);
	assert_true(things_seen(f, &f->a) > 0);
}

static void
a_cluster_that_does_not_keep_its_promises_is_refused(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };

	floor_run(f, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$");
	assert_null(db_open(scratch_url(f->scratch), DB_API, "test-settings", &err));
	must_be(&err, 500, "database_settings");
	floor_run(f, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET synchronous_commit', current_database()); END $$");
}

/* ---- the last statement */

static void
final_writes_audit_and_commits_in_one_go(void **state)
{
	static const struct audit_entry entry = {
		.action = "thing.rename", .object = "thing", .object_id = "x", .detail = "{\"a\": 1}"
	};
	struct floor *f = *state;
	struct problem err = { 0 };
	struct uuid id = add_thing(f, "before");
	const struct row *w;

	begin(f, WRITE, &f->a);
	audit_pending(f->db, &entry);
	must(db_final(f->db, &w, rename_sql, &err, P_UUID(id), P_TEXT("after")), &err);
	assert_non_null(w);
	assert_string_equal(row_str(w, "name"), "after");
	assert_false(db_in_transaction(f->db));
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f,
			     "SELECT count(*) FROM audit a JOIN thing t ON a.xid::text = t.xmin::text WHERE action = 'thing.rename'"
			     " AND actor = 'service:test' AND request_id = 'r-1' AND source = '192.0.2.7'"
			     " AND detail::text = '{\"a\": 1}' AND length(mac) = 32"),
	    1);
}

static void
final_without_a_row_leaves_no_audit(void **state)
{
	static const struct audit_entry entry = { .action = "thing.none", .object = "thing" };
	struct floor *f = *state;
	struct problem err = { 0 };
	const struct row *w;

	begin(f, WRITE, &f->a);
	audit_pending(f->db, &entry);
	must(db_final(f->db, &w, rename_sql, &err, P_UUID(uuid_new()), P_TEXT("nobody")), &err);
	assert_null(w);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM audit WHERE action = 'thing.none'"), 0);
}

static void
final_of_a_read_and_of_a_with(void **state)
{
	static const struct audit_entry entry = { .action = "thing.final_read", .object = "thing" };
	struct floor *f = *state;
	struct problem err = { 0 };
	struct uuid id = add_thing(f, "to be read");
	const struct row *w;

	begin(f, READ_AUDITED, &f->a);
	audit_pending(f->db, &entry);
	must(db_final(f->db, &w, read_final_sql, &err, P_UUID(id)), &err);
	assert_string_equal(row_str(w, "name"), "to be read");
	begin(f, READ_AUDITED, &f->a);
	audit_pending(f->db, &entry);
	must(db_final(f->db, &w, with_sql, &err, P_UUID(id)), &err);
	assert_string_equal(row_str(w, "name"), "to be read");
	assert_int_equal(floor_count(f, "SELECT count(*) FROM audit WHERE action = 'thing.final_read'"), 2);
	begin(f, READ, &f->a);
	must(db_final(f->db, &w, read_final_sql, &err, P_UUID(id)), &err);
	assert_string_equal(row_str(w, "name"), "to be read");
}

static void
final_that_fails_leaves_nothing_and_a_whole_connection(void **state)
{
	static const struct audit_entry entry = { .action = "thing.dup", .object = "thing" };
	struct floor *f = *state;
	struct problem err = { 0 };
	const struct row *w;

	(void)add_thing(f, "taken");
	begin(f, WRITE, &f->a);
	audit_pending(f->db, &entry);
	assert_int_equal(db_final(f->db, &w, insert_name_sql, &err, P_UUID(uuid_new()), P_TEXT("taken")), -1);
	must_be(&err, 409, "duplicate");
	assert_false(db_in_transaction(f->db));
	assert_int_equal(floor_count(f, "SELECT count(*) FROM audit WHERE action = 'thing.dup'"), 0);
	(void)add_thing(f, "and on it goes");
}

static void
without_the_right_to_audit_a_read_gives_nothing(void **state)
{
	static const struct audit_entry entry = { .action = "phi.blind", .object = "thing" };
	struct floor *f = *state;
	struct problem err = { 0 };
	struct uuid id = add_thing(f, "secret");
	const struct row *w;

	floor_run(f,
	    "DO $$ BEGIN EXECUTE format('REVOKE INSERT ON audit FROM %I', 'telerx_' || current_database() || '_reader'); END $$");
	begin(f, READ_AUDITED, &f->a);
	audit_pending(f->db, &entry);
	must(db_one(f->db, &w, find_sql, &err, P_UUID(id)), &err);
	assert_int_equal(db_commit(f->db, &err), -1);
	must_be(&err, 503, "audit_unavailable");
	begin(f, READ_AUDITED, &f->a);
	audit_pending(f->db, &entry);
	assert_int_equal(db_final(f->db, &w, read_final_sql, &err, P_UUID(id)), -1);
	must_be(&err, 503, "audit_unavailable");
	floor_run(
	    f, "DO $$ BEGIN EXECUTE format('GRANT INSERT ON audit TO %I', 'telerx_' || current_database() || '_reader'); END $$");
}

static void
a_refusal_is_audited_in_a_transaction_of_its_own(void **state)
{
	static const struct audit_entry entry = { .action = "thing.claim", .object = "thing", .reason = "claim_conflict" };
	struct floor *f = *state;
	struct problem err = { 0 };

	must(audit_refused(f->db, &f->a, &entry, &err), &err);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM audit WHERE action = 'thing.claim' AND outcome = 'denied'"), 1);
}

static void
the_audit_trail_takes_inserts_only(void **state)
{
	static const char *const refused[] = { "UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit",
		"SELECT * FROM audit" };
	struct floor *f = *state;
	const char *const urls[] = { scratch_url(f->scratch), scratch_owner_url(f->scratch) };

	for (size_t u = 0; u < COUNT(urls); u++) {
		PGconn *conn = PQconnectdb(urls[u]);

		for (size_t i = 0; i < COUNT(refused) - u; i++) { /* its owner may look */
			PGresult *res = PQexec(conn, refused[i]);

			assert_int_equal(PQresultStatus(res), PGRES_FATAL_ERROR);
			assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42501");
			PQclear(res);
		}
		PQfinish(conn);
	}
}

static void
a_statement_that_the_schema_refuses_is_named(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };
	unsigned n;

	assert_int_equal(db_prepare_all(f->db, &n, &err), -1);
	must_be(&err, 500, "bad_statement");
	assert_string_equal(err.detail, "broken_sql: relation \"nowhere\" does not exist");
	assert_true(n > 1);
	assert_true(things_seen(f, &f->a) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begin_sends_nothing_before_the_first_statement),
		cmocka_unit_test(values_come_back_as_they_went),
		cmocka_unit_test(null_is_visible),
		cmocka_unit_test(a_read_cannot_write),
		cmocka_unit_test(an_audited_read_writes_its_audit_row_and_nothing_else),
		cmocka_unit_test(another_tenant_and_none_see_nothing),
		cmocka_unit_test(a_row_of_another_tenant_cannot_be_written),
		cmocka_unit_test(a_failed_statement_fails_the_commit),
		cmocka_unit_test(each_sqlstate_has_its_meaning),
		cmocka_unit_test(a_duplicate_names_its_constraint),
		cmocka_unit_test(a_killed_backend_is_503_and_the_next_transaction_reconnects),
		cmocka_unit_test(a_cluster_that_does_not_keep_its_promises_is_refused),
		cmocka_unit_test(final_writes_audit_and_commits_in_one_go),
		cmocka_unit_test(final_without_a_row_leaves_no_audit),
		cmocka_unit_test(final_of_a_read_and_of_a_with),
		cmocka_unit_test(final_that_fails_leaves_nothing_and_a_whole_connection),
		cmocka_unit_test(without_the_right_to_audit_a_read_gives_nothing),
		cmocka_unit_test(a_refusal_is_audited_in_a_transaction_of_its_own),
		cmocka_unit_test(the_audit_trail_takes_inserts_only),
		cmocka_unit_test(a_statement_that_the_schema_refuses_is_named),
	};
	return cmocka_run_group_tests_name("db", tests, floor_setup, floor_teardown);
}
