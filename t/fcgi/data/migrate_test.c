/* migrate_test.c: each file once, in order, whole or not at all. */
#include "core.h"

#include <pthread.h>
#include <sys/stat.h>

#include "floor.h"

struct place {
	struct floor *f;
	char sql[256];
};

static void
put_file(struct place *p, const char *name, const char *text)
{
	char path[400];
	FILE *file;

	assert_true(snprintf(path, sizeof(path), "%s/%s", p->sql, name) < (int)sizeof(path));
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
drop_file(struct place *p, const char *name)
{
	char path[400];

	assert_true(snprintf(path, sizeof(path), "%s/%s", p->sql, name) < (int)sizeof(path));
	assert_int_equal(unlink(path), 0);
}

static int
up(struct place *p, bool sample, unsigned *applied, struct problem *err)
{
	return migrate_up(scratch_owner_url(p->f->scratch), p->sql, "shop", sample, applied, err);
}

static void
a_file_runs_once(void **state)
{
	struct place *p = *state;
	struct problem err = { 0 };
	unsigned applied, pending;

	put_file(p, "shop/002_second.sql", "INSERT INTO parcel VALUES (2);");
	put_file(p, "shop/001_first.sql",
	    "CREATE TABLE parcel (n int); INSERT INTO parcel VALUES (1); SELECT grant_table('parcel', 'SELECT');");
	must(migrate_pending(p->f->db, p->sql, "shop", &pending, &err), &err);
	assert_int_equal(pending, 2);
	must(up(p, false, &applied, &err), &err);
	assert_int_equal(applied, 2);
	must(up(p, false, &applied, &err), &err);
	assert_int_equal(applied, 0);
	must(migrate_pending(p->f->db, p->sql, "shop", &pending, &err), &err);
	assert_int_equal(pending, 0);
	assert_int_equal(floor_count(p->f, "SELECT count(*) FROM parcel"), 2);
}

static void
a_changed_file_is_refused(void **state)
{
	struct place *p = *state;
	struct problem err = { 0 };
	unsigned applied, pending;

	put_file(p, "shop/002_second.sql", "INSERT INTO parcel VALUES (3);");
	assert_int_equal(up(p, false, &applied, &err), -1);
	must_be(&err, 500, "migration_changed");
	err = (struct problem){ 0 };
	assert_int_equal(migrate_pending(p->f->db, p->sql, "shop", &pending, &err), -1);
	must_be(&err, 500, "migration_changed");
	put_file(p, "shop/002_second.sql", "INSERT INTO parcel VALUES (2);");
}

static void
a_failing_file_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct problem err = { 0 };
	unsigned applied;

	put_file(p, "shop/003_half.sql", "CREATE TABLE half (n int); SELECT 1/0;");
	assert_int_equal(up(p, false, &applied, &err), -1);
	must_be(&err, 500, "migration_failed");
	assert_non_null(strstr(err.detail, "003_half.sql"));
	assert_int_equal(floor_count(p->f, "SELECT count(*) FROM pg_class WHERE relname = 'half'"), 0);
	err = (struct problem){ 0 };
	put_file(p, "shop/003_half.sql", "CREATE TABLE half (n int); COMMIT;");
	assert_int_equal(up(p, false, &applied, &err), -1);
	must_be(&err, 500, "migration_failed");
	drop_file(p, "shop/003_half.sql");
}

static void
sample_rows_run_each_time_for_the_default_tenant(void **state)
{
	struct place *p = *state;
	struct problem err = { 0 };
	unsigned applied;

	put_file(p, "shop/sample/001_rows.sql",
	    "INSERT INTO thing (id, name) VALUES ('00000000-0000-7000-8000-0000000000aa', 'sample')"
	    " ON CONFLICT (id) DO UPDATE SET n = coalesce(thing.n, 0) + 1;");
	for (int i = 0; i < 3; i++)
		must(up(p, true, &applied, &err), &err);
	assert_int_equal(floor_count(p->f, "SELECT n FROM thing WHERE name = 'sample' AND tenant_id = '" TENANT_A "'"), 2);
}

struct migrator {
	struct place *p;
	unsigned applied;
	int rc;
	struct problem err;
	pthread_t thread;
};

static void *
migrate_one(void *x)
{
	struct migrator *m = x;

	m->rc = up(m->p, false, &m->applied, &m->err);
	return NULL;
}

static void
two_migrators_wait_for_each_other(void **state)
{
	struct place *p = *state;
	struct migrator m[4];
	unsigned total = 0;

	put_file(p, "shop/004_slow.sql", "CREATE TABLE slow (n int); SELECT pg_sleep(0.2);");
	for (size_t i = 0; i < COUNT(m); i++) {
		m[i] = (struct migrator){ .p = p };
		assert_int_equal(pthread_create(&m[i].thread, NULL, migrate_one, &m[i]), 0);
	}
	for (size_t i = 0; i < COUNT(m); i++) {
		assert_int_equal(pthread_join(m[i].thread, NULL), 0);
		must(m[i].rc, &m[i].err);
		total += m[i].applied;
	}
	assert_int_equal(total, 1);
}

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	void *f;
	char path[300], command[600];

	*state = p;
	if (p == NULL || floor_setup(&f) < 0)
		return -1;
	p->f = f;
	(void)snprintf(p->sql, sizeof(p->sql), "%s/sql", scratch_folder(p->f->scratch));
	(void)snprintf(path, sizeof(path), "%s/shop", p->sql);
	if (mkdir(p->sql, 0700) < 0 || mkdir(path, 0700) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/shop/sample", p->sql);
	(void)snprintf(command, sizeof(command), "cp -r '%s/sql/common' '%s/'", scratch_source(), p->sql);
	/* NOLINTNEXTLINE(cert-env33-c): both names are this test's own */
	return mkdir(path, 0700) < 0 || system(command) != 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	void *f = p->f;

	free(p);
	return floor_teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_runs_once),
		cmocka_unit_test(a_changed_file_is_refused),
		cmocka_unit_test(a_failing_file_leaves_nothing),
		cmocka_unit_test(sample_rows_run_each_time_for_the_default_tenant),
		cmocka_unit_test(two_migrators_wait_for_each_other),
	};
	return cmocka_run_group_tests_name("migrate", tests, setup, teardown);
}
