/* outbox_test.c: events and jobs as rows of their transaction (rules O1 to O3, Q10, Q14). */
#include "core.h"

#include <pthread.h>

#include "floor.h"

#define WRITERS 8
#define EACH    40

static const struct topic topics[] = {
	{ .name = "case.opened", .subscribers = (const char *const[]){ "registry", "portal", NULL } },
	{ .name = "case.alone", .subscribers = (const char *const[]){ NULL } },
	{ 0 },
};
static const struct uuid aggregate = { { 0xaa } };

static void
begin(struct db *db, const struct scope *s)
{
	struct problem err = { 0 };

	must(db_begin(db, WRITE, s, &err), &err);
}

static void
a_job_is_there_when_its_transaction_commits(void **state)
{
	static const struct job_spec spec = { .kind = "alert", .args = "{\"caseId\":\"1\"}" };
	struct floor *f = *state;
	struct problem err = { 0 };

	begin(f->db, &f->a);
	must(job_enqueue(f->db, &spec, &err), &err);
	db_rollback(f->db);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM job WHERE kind = 'alert'"), 0);
	begin(f->db, &f->a);
	must(job_enqueue(f->db, &spec, &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f,
			     "SELECT count(*) FROM job WHERE kind = 'alert' AND args ->> 'caseId' = '1' AND request_id = 'r-1'"
			     " AND tenant_id = '" TENANT_A "' AND queue = 'default' AND state = 'ready'"),
	    1);
}

static void
a_unique_job_waits_once(void **state)
{
	static const char waiting[] = "SELECT count(*) FROM job WHERE kind = 'sync' AND state = 'ready'";
	struct floor *f = *state;
	struct problem err = { 0 };

	for (int i = 0; i < 3; i++) {
		begin(f->db, &f->a);
		must(job_enqueue_id(f->db, "sync", "caseId", aggregate, &err), &err);
		must(db_commit(f->db, &err), &err);
	}
	assert_int_equal(floor_count(f, waiting), 1);
	floor_run(f, "UPDATE job SET state = 'running', lease_until = now() WHERE kind = 'sync'");
	begin(f->db, &f->a);
	must(job_enqueue_id(f->db, "sync", "caseId", aggregate, &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f, waiting), 0);
	floor_run(f, "UPDATE job SET state = 'done', lease_until = NULL, finished_at = now() WHERE kind = 'sync'");
	begin(f->db, &f->a);
	must(job_enqueue_id(f->db, "sync", "caseId", aggregate, &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f, waiting), 1);
}

static void
a_job_takes_legal_edges_only(void **state)
{
	struct floor *f = *state;
	PGresult *res;

	floor_run(f, "INSERT INTO job (tenant_id, kind) VALUES ('" TENANT_A "', 'edges')");
	res = PQexec(f->super, "UPDATE job SET state = 'done', finished_at = now() WHERE kind = 'edges'");
	assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "23514");
	PQclear(res);
	floor_run(f, "UPDATE job SET state = 'running', lease_until = now() WHERE kind = 'edges'");
	floor_run(f, "UPDATE job SET state = 'done', lease_until = NULL, finished_at = now() WHERE kind = 'edges'");
}

static void
the_hint_follows_the_commit_and_no_rollback(void **state)
{
	static const struct job_spec spec = { .kind = "hinted" };
	struct floor *f = *state;
	struct problem err = { 0 };
	struct db *ear = floor_connect(f, DB_WORKER);

	must(db_listen(ear, &err), &err);
	begin(f->db, &f->a);
	must(job_enqueue(f->db, &spec, &err), &err);
	db_rollback(f->db);
	assert_false(db_notified(ear, 100, NULL));
	begin(f->db, &f->a);
	must(job_enqueue(f->db, &spec, &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_true(db_notified(ear, 2000, NULL));
	assert_false(db_notified(ear, 50, NULL));
	/* The listener lost its connection: it listens again by itself. */
	(void)floor_count(f,
	    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
	    " AND query LIKE 'LISTEN%'");
	assert_true(db_notified(ear, 2000, NULL));
	begin(f->db, &f->a);
	must(job_enqueue(f->db, &spec, &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_true(db_notified(ear, 2000, NULL));
	db_close(ear);
}

/* The row leaves with the next statement or with COMMIT; what is wrong with it is said there, and the connection goes on. */
static void
a_refused_event_fails_what_comes_next(void **state)
{
	static const struct uuid about = { { 0xee } };
	struct floor *f = *state;
	struct problem err = { 0 };

	begin(f->db, &f->a);
	must(job_enqueue_id(f->db, "sync", "caseId", about, &err), &err);
	must(event_publish(f->db, "case.opened", about, "{", &err), &err);
	assert_int_equal(db_commit(f->db, &err), -1);
	must_be(&err, 500, "database_error");
	begin(f->db, &f->a);
	must(job_enqueue_id(f->db, "sync", "caseId", about, &err), &err);
	must(event_publish(f->db, "case.opened", about, "{", &err), &err);
	db_rollback(f->db);
	begin(f->db, &f->a);
	must(db_savepoint(f->db, &err), &err);
	must(event_publish(f->db, "case.opened", about, "{", &err), &err);
	must(db_savepoint_back(f->db, &err), &err);
	must(event_publish(f->db, "case.opened", about, "{}", &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM outbox WHERE aggregate_id = 'ee000000-0000-0000-0000-000000000000'"), 1);
}

static void
an_event_is_one_message_and_a_delivery_per_subscriber(void **state)
{
	static const struct uuid about = { { 0xbb } };
	struct floor *f = *state;
	struct problem err = { 0 };

	begin(f->db, &f->a);
	must(event_publish(f->db, "case.opened", about, "{\"caseId\":\"1\"}", &err), &err);
	must(event_publish(f->db, "case.alone", about, "{}", &err), &err);
	must(db_commit(f->db, &err), &err);
	assert_int_equal(floor_count(f,
			     "SELECT count(*) FROM outbox WHERE aggregate_id::text LIKE 'bb%' AND seq IN (1, 2)"
			     " AND id = message_id(topic, aggregate_id, seq)"),
	    2);
	assert_int_equal(floor_count(f,
			     "SELECT count(*) FROM outbox_delivery d JOIN outbox o ON o.id = d.outbox_id"
			     " WHERE o.aggregate_id::text LIKE 'bb%' AND d.seq = 1 AND d.state = 'pending'"
			     " AND d.subscriber IN ('registry', 'portal')"),
	    2);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM outbox_delivery WHERE seq = 2"), 0);
}

struct writer {
	struct floor *f;
	struct db *db;
	unsigned n;
	pthread_t thread;
};

/* Every third transaction rolls back: its number must come again. */
static void *
publish_some(void *p)
{
	struct writer *t = p;

	for (unsigned i = 0; i < EACH; i++) {
		struct problem err = { 0 };

		if (db_begin(t->db, WRITE, &t->f->a, &err) < 0 || event_publish(t->db, "case.opened", aggregate, "{}", &err) < 0)
			return NULL;
		if ((i + t->n) % 3 == 0)
			db_rollback(t->db);
		else if (db_commit(t->db, &err) < 0)
			return NULL;
	}
	return t;
}

static void
numbers_of_an_aggregate_have_no_gaps_under_eight_writers(void **state)
{
	struct floor *f = *state;
	struct writer t[WRITERS];
	int64_t kept;

	for (unsigned i = 0; i < WRITERS; i++) {
		t[i] = (struct writer){ .f = f, .db = floor_connect(f, DB_WORKER), .n = i };
		assert_int_equal(pthread_create(&t[i].thread, NULL, publish_some, &t[i]), 0);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		void *ok;

		assert_int_equal(pthread_join(t[i].thread, &ok), 0);
		assert_non_null(ok);
		db_close(t[i].db);
	}
	kept = floor_count(f, "SELECT count(*) FROM outbox WHERE aggregate_id::text LIKE 'aa%'");
	assert_true(kept > WRITERS * EACH / 2);
	assert_int_equal(floor_count(f, "SELECT max(seq) FROM outbox WHERE aggregate_id::text LIKE 'aa%'"), kept);
	assert_int_equal(floor_count(f, "SELECT seq FROM outbox_head WHERE aggregate_id::text LIKE 'aa%'"), kept);
	assert_int_equal(floor_count(f, "SELECT count(*) FROM outbox_delivery WHERE aggregate_id::text LIKE 'aa%'"), 2 * kept);
}

static int
setup(void **state)
{
	event_topics(topics);
	return floor_setup(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_is_there_when_its_transaction_commits),
		cmocka_unit_test(a_unique_job_waits_once),
		cmocka_unit_test(a_job_takes_legal_edges_only),
		cmocka_unit_test(the_hint_follows_the_commit_and_no_rollback),
		cmocka_unit_test(a_refused_event_fails_what_comes_next),
		cmocka_unit_test(an_event_is_one_message_and_a_delivery_per_subscriber),
		cmocka_unit_test(numbers_of_an_aggregate_have_no_gaps_under_eight_writers),
	};
	return cmocka_run_group_tests_name("outbox", tests, setup, floor_teardown);
}
