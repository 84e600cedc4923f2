/* vault_test.c: sealed columns (rules E1 to E5, E7) and the short-lived store. */
#include "core.h"

#include <poll.h>
#include <pthread.h>

#include "floor.h"

static const struct uuid patient = { { 1, 2, 3 } };

static struct bytes
seal(struct floor *f, struct db *db, struct uuid subject, struct uuid row, const char *plain)
{
	struct problem err = { 0 };
	struct bytes blob = { 0 };

	must(vault_seal(db, subject, "thing", "name_enc", row, BYTES_OF(plain), &blob, &err), &err);
	return BYTES(arena_ndup(f->arena, blob.p, blob.n), blob.n);
}

static void
begin(struct db *db, enum db_mode mode, const struct scope *s)
{
	struct problem err = { 0 };

	must(db_begin(db, mode, s, &err), &err);
}

static void
commit(struct db *db)
{
	struct problem err = { 0 };

	must(db_commit(db, &err), &err);
}

static void
what_was_sealed_opens_on_another_connection(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };
	struct uuid row = uuid_new();
	struct db *other = floor_connect(f, DB_API);
	struct bytes blob, plain;

	begin(f->db, WRITE, &f->a);
	blob = seal(f, f->db, patient, row, "Ada Example");
	commit(f->db);
	begin(other, READ_AUDITED, &f->a);
	must(vault_open(other, "thing", "name_enc", row, blob, &plain, &err), &err);
	assert_int_equal(plain.n, 11);
	assert_string_equal((const char *)plain.p, "Ada Example");
	db_close(other);
}

static void
a_moved_blob_does_not_open(void **state)
{
	struct floor *f = *state;
	struct uuid row = uuid_new();
	struct problem err = { 0 };
	struct bytes blob, plain;

	begin(f->db, WRITE, &f->a);
	blob = seal(f, f->db, patient, row, "Ada Example");
	commit(f->db);
	begin(f->db, READ_AUDITED, &f->a);
	must(vault_open(f->db, "thing", "name_enc", row, blob, &plain, &err), &err);
	assert_int_equal(vault_open(f->db, "thing", "name_enc", uuid_new(), blob, &plain, &err), -1);
	must_be(&err, 500, "unreadable_field");
	assert_true(err.audit);
	assert_int_equal(vault_open(f->db, "thing", "email_enc", row, blob, &plain, &err), -1);
	assert_int_equal(vault_open(f->db, "other", "name_enc", row, blob, &plain, &err), -1);
	assert_int_equal(vault_open(f->db, "thing", "name_enc", row, BYTES(blob.p, blob.n - 1), &plain, &err), -1);
	assert_int_equal(vault_open(f->db, "thing", "name_enc", row, BYTES("x", 1), &plain, &err), -1);
	db_rollback(f->db);
}

static void
another_tenant_does_not_open_it(void **state)
{
	struct floor *f = *state;
	struct uuid row = uuid_new();
	struct problem err = { 0 };
	struct bytes blob, plain;

	begin(f->db, WRITE, &f->a);
	blob = seal(f, f->db, patient, row, "Ada Example");
	commit(f->db);
	begin(f->db, READ_AUDITED, &f->b);
	assert_int_equal(vault_open(f->db, "thing", "name_enc", row, blob, &plain, &err), -1);
	must_be(&err, 500, "unreadable_field");
	db_rollback(f->db);
}

static void
a_key_made_in_a_rolled_back_transaction_never_existed(void **state)
{
	static const struct uuid subject = { { 9 } };
	struct floor *f = *state;
	struct uuid row = uuid_new();
	struct problem err = { 0 };
	struct db *other = floor_connect(f, DB_API);
	struct bytes blob, plain;

	begin(f->db, WRITE, &f->a);
	(void)seal(f, f->db, subject, row, "lost");
	db_rollback(f->db);
	begin(f->db, WRITE, &f->a);
	blob = seal(f, f->db, subject, row, "kept");
	commit(f->db);
	begin(other, READ_AUDITED, &f->a);
	must(vault_open(other, "thing", "name_enc", row, blob, &plain, &err), &err);
	assert_string_equal((const char *)plain.p, "kept");
	db_close(other);
}

struct maker {
	struct floor *f;
	struct db *db;
	struct bytes blob;
	struct uuid row;
	pthread_t thread;
};

static void *
make_one(void *p)
{
	static const struct uuid subject = { { 7, 7 } };
	struct maker *m = p;
	struct problem err = { 0 };

	if (db_begin(m->db, WRITE, &m->f->a, &err) < 0 ||
	    vault_seal(m->db, subject, "thing", "name_enc", m->row, BYTES_OF("same key"), &m->blob, &err) < 0)
		return NULL;
	(void)poll(NULL, 0, 20);
	return db_commit(m->db, &err) < 0 ? NULL : m;
}

static void
eight_threads_make_one_key(void **state)
{
	struct floor *f = *state;
	struct maker m[8];
	struct problem err = { 0 };
	struct bytes plain;

	for (size_t i = 0; i < COUNT(m); i++) {
		m[i] = (struct maker){ .f = f, .db = floor_connect(f, DB_API), .row = uuid_new() };
		assert_int_equal(pthread_create(&m[i].thread, NULL, make_one, &m[i]), 0);
	}
	for (size_t i = 0; i < COUNT(m); i++) {
		void *ok;

		assert_int_equal(pthread_join(m[i].thread, &ok), 0);
		assert_non_null(ok);
	}
	assert_int_equal(floor_count(f, "SELECT count(*) FROM dek WHERE subject = '07070000-0000-0000-0000-000000000000'"), 1);
	assert_int_equal(floor_count(f, "SELECT seals FROM dek WHERE subject = '07070000-0000-0000-0000-000000000000'"), 8 * 1024);
	begin(f->db, READ_AUDITED, &f->a);
	for (size_t i = 0; i < COUNT(m); i++) {
		must(vault_open(f->db, "thing", "name_enc", m[i].row, m[i].blob, &plain, &err), &err);
		db_close(m[i].db);
	}
	db_rollback(f->db);
}

static void
a_used_up_key_is_retired_and_still_opens(void **state)
{
	static const struct uuid subject = { { 5 } };
	struct floor *f = *state;
	struct problem err = { 0 };
	struct uuid row = uuid_new();
	struct db *other = floor_connect(f, DB_API);
	struct bytes first, second, plain;

	begin(f->db, WRITE, &f->a);
	first = seal(f, f->db, subject, row, "old");
	commit(f->db);
	floor_run(f, "UPDATE dek SET seals = 268435456 WHERE subject = '05000000-0000-0000-0000-000000000000'");
	begin(other, WRITE, &f->a);
	second = seal(f, other, subject, row, "new");
	commit(other);
	assert_true(sealed_by(first) != sealed_by(second));
	assert_int_equal(
	    floor_count(f, "SELECT count(*) FROM dek WHERE subject = '05000000-0000-0000-0000-000000000000' AND state = 'retired'"),
	    1);
	begin(other, READ_AUDITED, &f->a);
	must(vault_open(other, "thing", "name_enc", row, first, &plain, &err), &err);
	assert_string_equal((const char *)plain.p, "old");
	must(vault_open(other, "thing", "name_enc", row, second, &plain, &err), &err);
	assert_string_equal((const char *)plain.p, "new");
	db_close(other);
}

static void
an_erased_key_opens_nothing(void **state)
{
	static const struct uuid subject = { { 4 } };
	struct floor *f = *state;
	struct problem err = { 0 };
	struct uuid row = uuid_new();
	struct db *other = floor_connect(f, DB_API);
	struct bytes blob, plain;

	begin(f->db, WRITE, &f->a);
	blob = seal(f, f->db, subject, row, "forget me");
	commit(f->db);
	floor_run(f, "UPDATE dek SET state = 'erased', wrapped = NULL WHERE subject = '04000000-0000-0000-0000-000000000000'");
	begin(other, READ_AUDITED, &f->a);
	assert_int_equal(vault_open(other, "thing", "name_enc", row, blob, &plain, &err), -1);
	must_be(&err, 410, "erased");
	db_close(other);
}

static void
blind_indexes_differ_by_column(void **state)
{
	struct floor *f = *state;

	assert_memory_equal(vault_index(f->db, "email", "a@x.y").p, vault_index(f->db, "email", "a@x.y").p, 32);
	assert_memory_not_equal(vault_index(f->db, "email", "a@x.y").p, vault_index(f->db, "phone", "a@x.y").p, 32);
	assert_memory_not_equal(vault_index(f->db, "email", "a@x.y").p, vault_index(f->db, "email", "b@x.y").p, 32);
}

/* ---- ttl */

static void
short_lived_values_end(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };
	const char *value;

	begin(f->db, WRITE, &f->a);
	must(ttl_put(f->db, "session:1", "alive", 600, &err), &err);
	must(ttl_put(f->db, "session:2", "over", 0, &err), &err);
	must(ttl_get(f->db, "session:1", &value, &err), &err);
	assert_string_equal(value, "alive");
	must(ttl_get(f->db, "session:2", &value, &err), &err);
	assert_null(value);
	must(ttl_drop(f->db, "session:1", &err), &err);
	must(ttl_get(f->db, "session:1", &value, &err), &err);
	assert_null(value);
	commit(f->db);
}

static void
a_window_counts_and_starts_again(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };

	begin(f->db, WRITE, &f->a);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(ttl_count(f->db, "sends", 600, &err), i);
	commit(f->db);
	floor_run(f, "UPDATE ttl SET expires_at = now() - interval '1 second' WHERE key = 'sends'");
	begin(f->db, WRITE, &f->a);
	assert_int_equal(ttl_count(f->db, "sends", 600, &err), 1);
	assert_int_equal(ttl_count(f->db, "sends", 600, &err), 2);
	commit(f->db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_opens_on_another_connection),
		cmocka_unit_test(a_moved_blob_does_not_open),
		cmocka_unit_test(another_tenant_does_not_open_it),
		cmocka_unit_test(a_key_made_in_a_rolled_back_transaction_never_existed),
		cmocka_unit_test(eight_threads_make_one_key),
		cmocka_unit_test(a_used_up_key_is_retired_and_still_opens),
		cmocka_unit_test(an_erased_key_opens_nothing),
		cmocka_unit_test(blind_indexes_differ_by_column),
		cmocka_unit_test(short_lived_values_end),
		cmocka_unit_test(a_window_counts_and_starts_again),
	};
	return cmocka_run_group_tests_name("vault", tests, floor_setup, floor_teardown);
}
