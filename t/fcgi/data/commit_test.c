/*
 * commit_test.c: a connection that dies around COMMIT (rule D4). Between us and the server stands a proxy that swallows the reply
 * to COMMIT, or the COMMIT itself. What is reported must be what is in the table: never lost, never doubled.
 */
#include "core.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "floor.h"

#define RUNS 40

enum fault_mode { PASS, SWALLOW_REPLY, CUT_BEFORE };

struct proxy {
	struct floor *f;
	char server[108], ours[108], url[512];
	int listener;
	atomic_int mode; /* one shot */
	atomic_bool stop;
	pthread_t thread;
	struct db *db;
};

static const char insert_sql[] = "INSERT INTO thing (id, name) VALUES ($1::uuid, $2) RETURNING id";
static const char count_sql[] = "SELECT count(*) AS n FROM thing";
static const char lone_sql[] = "INSERT INTO job (tenant_id, kind) VALUES ($1::uuid, $2) RETURNING kind";
static const char table_count[] = "SELECT count(*) FROM thing";

/* ---- the proxy: one connection at a time */

static int
local_socket(const char *path, bool listening)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, strlen(path));
	if (listening ? bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0 :
			connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
pass_on(int to, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(to, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* False: this connection is over. */
static bool
relay(struct proxy *x, int from, int to, bool from_server)
{
	uint8_t piece[16384];
	ssize_t n = recv(from, piece, sizeof(piece), 0);
	const uint8_t *reply;

	if (n <= 0)
		return false;
	if (!from_server && atomic_load(&x->mode) == CUT_BEFORE) {
		atomic_store(&x->mode, PASS);
		return false;
	}
	if (from_server && atomic_load(&x->mode) == SWALLOW_REPLY && (reply = memmem(piece, (size_t)n, "COMMIT", 7)) != NULL) {
		atomic_store(&x->mode, PASS);
		(void)pass_on(to, piece, (size_t)(reply - piece) - 5);
		return false;
	}
	return pass_on(to, piece, (size_t)n);
}

static void
serve_one(struct proxy *x, int client)
{
	int server = local_socket(x->server, false);
	struct pollfd p[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	bool on = server >= 0;

	while (on && !atomic_load(&x->stop)) {
		if (poll(p, 2, 50) <= 0)
			continue;
		if (p[0].revents != 0)
			on = relay(x, client, server, false);
		if (on && p[1].revents != 0)
			on = relay(x, server, client, true);
	}
	close(client);
	if (server >= 0)
		close(server);
}

static void *
proxy_main(void *arg)
{
	struct proxy *x = arg;

	while (!atomic_load(&x->stop)) {
		struct pollfd p = { x->listener, POLLIN, 0 };

		if (poll(&p, 1, 50) > 0)
			serve_one(x, accept(x->listener, NULL, NULL));
	}
	return NULL;
}

/* ---- tests */

static struct uuid
insert_and_commit(struct proxy *x, enum fault_mode mode, int *rc, struct problem *err)
{
	struct uuid id = uuid_new();
	char name[UUID_TEXT];

	must(db_begin(x->db, WRITE, &x->f->a, err), err);
	must(db_exec(x->db, insert_sql, err, P_UUID(id), P_TEXT(uuid_text(id, name))), err);
	atomic_store(&x->mode, mode);
	*rc = db_commit(x->db, err);
	return id;
}

static void
a_lost_reply_to_commit_is_found_out_to_be_a_commit(void **state)
{
	struct proxy *x = *state;
	int64_t before = floor_count(x->f, table_count);

	for (int i = 0; i < RUNS; i++) {
		struct problem err = { 0 };
		int rc;

		(void)insert_and_commit(x, SWALLOW_REPLY, &rc, &err);
		must(rc, &err);
	}
	assert_int_equal(floor_count(x->f, table_count), before + RUNS);
}

/* A crash empties server_life; the id may then be another transaction's, and "committed" is no answer any more (rule D4). */
static void
after_a_crash_nobody_says_committed(void **state)
{
	struct proxy *x = *state;
	struct problem err = { 0 };
	int rc;

	floor_run(x->f, "DELETE FROM server_life");
	(void)insert_and_commit(x, SWALLOW_REPLY, &rc, &err);
	assert_int_equal(rc, -1);
	must_be(&err, 503, "commit_unknown");
	assert_int_equal(err.fault, FAULT_UNKNOWN);
	(void)insert_and_commit(x, SWALLOW_REPLY, &rc, &err); /* in the new life all is as before */
	must(rc, &err);
}

static void
a_commit_that_never_arrived_is_reported_as_none(void **state)
{
	struct proxy *x = *state;
	int64_t before = floor_count(x->f, table_count);

	for (int i = 0; i < RUNS; i++) {
		struct problem err = { 0 };
		int rc;

		(void)insert_and_commit(x, CUT_BEFORE, &rc, &err);
		assert_int_equal(rc, -1);
		must_be(&err, 503, "database_unavailable");
		assert_int_equal(err.fault, FAULT_RETRY);
	}
	assert_int_equal(floor_count(x->f, table_count), before);
}

/* The whole transaction is one round trip: its id comes back early, so the lost reply can still be asked after. */
static void
a_single_round_trip_is_found_out_too(void **state)
{
	struct proxy *x = *state;
	int64_t before = floor_count(x->f, table_count);

	for (int i = 0; i < RUNS; i++) {
		struct problem err = { 0 };
		struct uuid id = uuid_new();
		const struct row *w;
		char name[UUID_TEXT];

		must(db_begin(x->db, WRITE, &x->f->a, &err), &err);
		atomic_store(&x->mode, SWALLOW_REPLY);
		/* The row's own answer may be lost with the commit's: then the outcome is known and the row is not. */
		if (db_final(x->db, &w, insert_sql, &err, P_UUID(id), P_TEXT(uuid_text(id, name))) < 0)
			must_be(&err, 503, "commit_unknown");
	}
	assert_int_equal(floor_count(x->f, table_count), before + RUNS);
}

/* A job that is a transaction's first and only statement leaves with its COMMIT, and the id still comes back before it. */
static void
a_job_that_left_with_its_commit_is_found_out_too(void **state)
{
	static const struct job_spec spec = { .kind = "alone" };
	struct proxy *x = *state;

	for (int i = 0; i < RUNS; i++) {
		struct problem err = { 0 };

		must(db_begin(x->db, WRITE, &x->f->a, &err), &err);
		must(job_enqueue(x->db, &spec, &err), &err);
		assert_true(db_unaudited(x->db));
		atomic_store(&x->mode, SWALLOW_REPLY);
		must(db_commit(x->db, &err), &err);
	}
	assert_int_equal(floor_count(x->f, "SELECT count(*) FROM job WHERE kind = 'alone'"), RUNS);
}

/* It has no id to ask after, so nobody claims to know; what is wrong with it is told as ever, and the connection goes on. */
static void
a_statement_on_its_own_that_is_lost_stays_unknown(void **state)
{
	struct proxy *x = *state;
	struct problem err = { 0 };
	struct rows *rows;

	must(db_alone(x->db, &rows, lone_sql, &err, P_UUID(x->f->a.tenant), P_TEXT("lone")), &err);
	assert_string_equal(row_str(rows_at(rows, 0), "kind"), "lone");
	assert_int_equal(db_alone(x->db, &rows, lone_sql, &err, P_UUID(x->f->a.tenant), P_TEXT(NULL)), -1);
	must_be(&err, 500, "database_error");
	problem_clear(&err);
	atomic_store(&x->mode, CUT_BEFORE);
	assert_int_equal(db_alone(x->db, &rows, lone_sql, &err, P_UUID(x->f->a.tenant), P_TEXT("lone")), -1);
	must_be(&err, 503, "commit_unknown");
	assert_int_equal(err.fault, FAULT_UNKNOWN);
	problem_clear(&err);
	must(db_alone(x->db, &rows, lone_sql, &err, P_UUID(x->f->a.tenant), P_TEXT("lone")), &err);
	assert_int_equal(floor_count(x->f, "SELECT count(*) FROM job WHERE kind = 'lone'"), 2);
}

/* Its rows were there before; nobody waits for the answer to its COMMIT, and the next transaction finds out. */
static void
a_read_that_loses_its_commit_has_lost_nothing(void **state)
{
	struct proxy *x = *state;
	struct problem err = { 0 };
	const struct row *w;

	must(db_begin(x->db, READ, &x->f->a, &err), &err);
	must(db_one(x->db, &w, count_sql, &err), &err);
	atomic_store(&x->mode, SWALLOW_REPLY);
	must(db_commit(x->db, &err), &err);
	must(db_begin(x->db, READ, &x->f->a, &err), &err);
	must(db_one(x->db, &w, count_sql, &err), &err);
	must(db_commit(x->db, &err), &err);
}

static int
setup(void **state)
{
	struct proxy *x = calloc(1, sizeof(*x));
	struct problem err = { 0 };
	const char *url;
	void *f;
	int host;

	*state = x;
	if (x == NULL || floor_setup(&f) < 0)
		return -1;
	x->f = f;
	url = scratch_url(x->f->scratch) + strlen("host=");
	host = (int)strcspn(url, " ");
	(void)snprintf(x->server, sizeof(x->server), "%.*s/.s.PGSQL.5432", host, url);
	(void)snprintf(x->ours, sizeof(x->ours), "%s/.s.PGSQL.5432", scratch_folder(x->f->scratch));
	(void)snprintf(x->url, sizeof(x->url), "host=%s%s", scratch_folder(x->f->scratch), url + host);
	x->listener = local_socket(x->ours, true);
	if (x->listener < 0 || pthread_create(&x->thread, NULL, proxy_main, x) != 0)
		return -1;
	x->db = db_open(x->url, DB_API, "test-proxy", &err);
	must(x->db != NULL ? 0 : -1, &err);
	return 0;
}

static int
teardown(void **state)
{
	struct proxy *x = *state;
	void *f = x->f;

	db_close(x->db);
	atomic_store(&x->stop, true);
	pthread_join(x->thread, NULL);
	close(x->listener);
	free(x);
	return floor_teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_reply_to_commit_is_found_out_to_be_a_commit),
		cmocka_unit_test(after_a_crash_nobody_says_committed),
		cmocka_unit_test(a_commit_that_never_arrived_is_reported_as_none),
		cmocka_unit_test(a_single_round_trip_is_found_out_too),
		cmocka_unit_test(a_job_that_left_with_its_commit_is_found_out_too),
		cmocka_unit_test(a_statement_on_its_own_that_is_lost_stays_unknown),
		cmocka_unit_test(a_read_that_loses_its_commit_has_lost_nothing),
	};
	return cmocka_run_group_tests_name("commit", tests, setup, teardown);
}
