/*
 * What needs a person is raised and cleared in the transaction of its cause (data/attention.h).
 */
#include "core.h"

#include "data/attention.h"
#include "floor.h"

static const struct attention lost = { .kind = "job.dead", .subject = "7", .code = "refused", .detail = "{\"attempts\":3}" };

static void
begin(struct db *db, const struct scope *s)
{
	struct problem err = { 0 };

	must(db_begin(db, WRITE, s, &err), &err);
}

static void
raised_and_rolled_back_was_never_raised(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };

	begin(f->db, &f->a);
	must(attention_raise(f->db, &lost, &err), &err);
	db_rollback(f->db);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM attention"), 0);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM outbox WHERE topic LIKE 'attention.%'"), 0);
}

static void
raised_twice_is_one_row_and_cleared_once_is_one_event(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };

	begin(f->db, &f->a);
	must(attention_raise(f->db, &lost, &err), &err);
	must(attention_raise(f->db, &lost, &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f, "SELECT times FROM attention WHERE kind = 'job.dead' AND subject = '7'"), 2);
	begin(f->db, &f->a);
	must(attention_clear(f->db, "job.dead", "8", "replayed", &err), &err);
	must(attention_clear(f->db, "job.dead", "7", "replayed", &err), &err);
	must(attention_clear(f->db, "job.dead", "7", "replayed", &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM attention"), 0);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM outbox WHERE topic = 'attention.cleared'"), 1);
	/* All three are numbered within one aggregate, so they arrive in this order. */
	assert_int_equal(floor_count(f, "SELECT max(seq) FROM outbox WHERE topic LIKE 'attention.%'"), 3);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM outbox_delivery d JOIN outbox o ON o.id = d.outbox_id"
					" WHERE o.topic LIKE 'attention.%' AND d.subscriber = 'case'"), 3);
}

static void
raised_alone_is_committed(void **state)
{
	struct floor *f = *state;
	struct problem err = { 0 };
	const struct attention what = { .kind = "field.unreadable", .subject = "patient_records", .code = "unreadable_field" };

	must(attention_raise_alone(f->db, &f->a, &what, &err), &err);
	assert_false(db_in_transaction(f->db));
	assert_int_equal(floor_count(f, "SELECT count(*) FROM attention WHERE kind = 'field.unreadable'"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raised_and_rolled_back_was_never_raised),
		cmocka_unit_test(raised_twice_is_one_row_and_cleared_once_is_one_event),
		cmocka_unit_test(raised_alone_is_committed),
	};

	return cmocka_run_group_tests_name("attention", tests, floor_setup, floor_teardown);
}
