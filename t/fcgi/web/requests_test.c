/*
 * requests_test.c: what requests lean on in the database: callers' keys, sessions, audit, Idempotency-Keys, events once, re-runs. A toy service, the common
 * tables, a real PostgreSQL.
 */
#include <pthread.h>

#include "harness/harness.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/seal.h"
#include "crypto/signature.h"
#include "web/web_private.h"

#include <libpq-fe.h>

#define KEY_1 "key-number-one-0001"
#define SECRET "a-secret-of-the-caller-0123456789abcdef"
#define TOKEN "a-session-token"
#define THREADS 8

/* ---- the toy */

static int fail_runs;		/* the next transactions end as somebody else's victims */
static int asks, asks_under_way, most_asks;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int
make(struct req *r, struct problem *err)
{
	static const char sql[] = "INSERT INTO inbox (source, message_id) VALUES ('made', gen_random_uuid()::text) RETURNING message_id";
	const struct row *w;
	struct json_writer *j;

	if (db_one(r->db, &w, sql, err) < 0)
		return -1;
	if (strcmp(req_str(r, "name"), "refuse") == 0)
		return problem(err, 422, "refused", "by its name");
	if (strcmp(req_str(r, "name"), "slow") == 0)
		(void)usleep(300 * 1000);
	if (fail_runs > 0) {
		fail_runs--;
		return problem(err, 409, "serialization", "somebody was in the way");
	}
	req_object_text(r, "thing", row_str(w, "message_id"));
	j = reply_json(r, 201);
	jw_object(j, NULL);
	jw_str(j, "id", row_str(w, "message_id"));
	jw_end(j);
	reply_header(r, "Location", "/toy/things/1");
	return 0;
}

static int
ask_vendor(struct req *r, struct problem *err)
{
	(void)err;
	(void)pthread_mutex_lock(&mutex);
	asks++;
	if (++asks_under_way > most_asks)
		most_asks = asks_under_way;
	(void)pthread_mutex_unlock(&mutex);
	if (strcmp(req_str(r, "name"), "slow") == 0)
		(void)usleep(300 * 1000);
	(void)pthread_mutex_lock(&mutex);
	asks_under_way--;
	(void)pthread_mutex_unlock(&mutex);
	return 0;
}

static int
show(struct req *r, struct problem *err)
{
	const struct row *w;
	struct json_writer *j;

	if (db_one(r->db, &w, "SELECT count(*) AS n FROM inbox WHERE source = 'made'", err) < 0)
		return -1;
	if (row_int(w, "n") < req_int(r, "least", 0))
		return problem(err, 404, "not_found", "not yours");
	req_object_text(r, "thing", "all");
	j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_str(j, "actor", r->scope.actor);
	jw_end(j);
	return 0;
}

static int
write_while_reading(struct req *r, struct problem *err)
{
	return db_exec(r->db, "INSERT INTO inbox (source, message_id) VALUES ('made', 'x')", err) < 0 ? -1 : show(r, err);
}

static int
session(struct req *r, const char *token, struct problem *err)
{
	const struct row *w;

	if (db_one(r->db, &w, "SELECT $1::text = 'a-session-token' AS fits", err, P_TEXT(token)) < 0)
		return -1;
	if (!row_bool(w, "fits"))
		return problem(err, 401, "unknown_session", "this session is over");
	return uuid_parse("01890a5d-ac96-774b-bcce-b302099a8057", &r->subject);
}

static int
heard(struct event *e, struct problem *err)
{
	if (strcmp(event_str(e, "then"), "fail") == 0)
		return problem(err, 503, "later", "not now");
	return db_exec(e->db, "INSERT INTO inbox (source, message_id) VALUES ('heard', gen_random_uuid()::text)", err) < 0 ? -1 : 0;
}

static const struct field body[] = { { "name", STRING }, { "n", INTEGER }, { 0 } };
static const struct field query[] = { { "least", INTEGER }, { 0 } };
static const struct route routes[] = {
	{ "POST", "/toy/things", make, .access = SERVICE | ADMIN, .callers = "intake portal", .db = WRITE, .once = KEY, .audit = "thing.make",
	  .body = body, .status = 201, .says = "makes one" },
	{ "POST", "/toy/asked", make, .access = ADMIN, .db = WRITE, .once = KEY, .audit = "thing.make", .body = body, .ask = ask_vendor,
	  .synchronous = "vendor", .says = "makes one after asking" },
	{ "POST", "/toy/natural", make, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "thing.make", .body = body, .says = "makes one" },
	{ "GET", "/toy/things", show, .access = SERVICE | PATIENT_SELF, .callers = "portal", .db = READ_AUDITED, .audit = "phi.read",
	  .query = query, .says = "shows them" },
	{ "GET", "/toy/wrong", write_while_reading, .access = ADMIN, .db = READ, .says = "writes although it reads" },
};
static const struct event_row events[] = { { "thing.happened", heard } };
static const struct service toy = {
	.name = "toy", .prefix = "/toy", .database = "none", .says = "of a test", .session = session,
	TABLE(routes, nroutes, routes), TABLE(events, nevents, events),
};

/* ---- the world */

static struct scratch *scratch;
static struct conf *conf;
static struct keyring *keyring;
static PGconn *super;

struct client {
	struct arena *arena;
	struct db *db;
	struct req reply;
	json_t *answer;
};
static struct client me;

static void
client_open(struct client *c)
{
	struct problem err = { 0 };

	*c = (struct client){ .arena = arena_new(0) };
	c->db = db_open(scratch_url(scratch), DB_API, "toy", &err);
	if (c->db == NULL)
		die("%s", err.detail);
	db_keyring(c->db, keyring);
}

static void
client_close(struct client *c)
{
	db_close(c->db);
	arena_free(c->arena);
}

static int64_t
sql_number(const char *sql)
{
	PGresult *res = PQexec(super, sql);
	int64_t n = -1;

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1 && !PQgetisnull(res, 0, 0))
		n = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
	else if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		die("%s: %s", sql, PQerrorMessage(super));
	PQclear(res);
	return n;
}

static void
key_of(const char *caller, const char *key_id)
{
	static const char sql[] = "INSERT INTO api_key (id, key_id, caller, secret_enc) VALUES ($1::uuid, $2, $3, $4::bytea)";
	struct scope scope = { .actor = "test" };
	struct uuid id = uuid_new();
	struct problem err = { 0 };
	struct bytes sealed;

	/* Whose tenant sealed it, only they open it. */
	if (uuid_parse(conf_str(conf, "TENANT_ID"), &scope.tenant) < 0 || db_begin(me.db, WRITE, &scope, &err) < 0 ||
	    vault_seal(me.db, VAULT_SERVICE, "api_key", "secret_enc", id, BYTES_OF(SECRET), &sealed, &err) < 0 ||
	    db_exec(me.db, sql, &err, P_UUID(id), P_TEXT(key_id), P_TEXT(caller), P_BYTES(sealed)) < 0 || db_commit(me.db, &err) < 0)
		die("%s", err.detail);
}

static int
setup(void **state)
{
	static const struct conf_key *const tables[] = { core_conf, peer_conf, NULL };
	struct problem err = { 0 };

	(void)state;
	log_open("toy", LOG_ERROR + 1);
	scratch = scratch_new(NULL, false);
	(void)setenv("ADMIN_SECRET", "secret-of-the-administrator", 1);
	(void)setenv("SQL_DIR", "/nowhere", 1);
	(void)setenv("POOL_THREADS", "4", 1);
	conf = conf_load(tables, &err);
	keyring = keyring_load(scratch_key_file(scratch), &err);
	super = PQconnectdb(scratch_super_url(scratch));
	if (conf == NULL || keyring == NULL || routes_check(&toy, &err) < 0)
		die("%s", err.detail);
	client_open(&me);
	key_of("intake", "intake-key");
	key_of("portal", "portal-key");
	key_of("stranger", "stranger-key");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	client_close(&me);
	PQfinish(super);
	keyring_free(keyring);
	conf_free(conf);
	scratch_free(scratch);
	return 0;
}

/* ---- requests */

static void
send_with(struct client *c, const char *method, const char *target, const struct header *headers, size_t n, const char *text)
{
	struct serve_context s = { .service = &toy, .conf = conf, .arena = c->arena, .db = c->db };
	struct wire_request wire = {
		.method = method, .target = target, .remote = "192.0.2.1", .headers = headers, .nheaders = n,
		.body = text != NULL ? BYTES_OF(text) : BYTES("", 0),
	};
	struct problem err = { 0 };

	arena_reset(c->arena);
	dispatch(&s, &wire, &c->reply);
	assert_false(db_in_transaction(c->db));
	c->answer = json_read(c->arena, buf_str(&c->reply.out), c->reply.out.len, &err);
}

static void
admin(struct client *c, const char *method, const char *target, const char *key, const char *text)
{
	const struct header headers[] = {
		{ "content-type", "application/json" }, { "authorization", "Bearer secret-of-the-administrator" }, { "idempotency-key", key },
	};

	send_with(c, method, target, headers, key != NULL ? 3 : 2, text);
}

enum version { V1, V2 };

static void
service_at(int64_t now, enum version v, const char *key_id, const char *method, const char *target, const char *signed_target, const char *key,
    const char *text)
{
	char timestamp[CLOCK_TEXT], signature[68];
	const struct signed_call call = {
		clock_text(now, timestamp), "0123456789abcdef", method, signed_target, text != NULL ? BYTES_OF(text) : BYTES("", 0),
	};
	const struct header headers[] = {
		{ "content-type", "application/json" }, { "x-api-key", key_id }, { "x-timestamp", timestamp }, { "x-signature", signature },
		{ "x-nonce", call.nonce }, { "idempotency-key", key },
	};

	if (v == V2)
		service_sign_v2(SECRET, &call, signature);
	else
		service_sign(SECRET, timestamp, call.body, signature);
	send_with(&me, method, target, headers, key != NULL ? 6 : 5, text);
}

static void
service(enum version v, const char *key_id, const char *method, const char *target, const char *key, const char *text)
{
	service_at(clock_us(), v, key_id, method, target, target, key, text);
}

static void
expect(const struct client *c, int status, const char *code)
{
	const char *s = json_text_at(c->answer, "code");

	if (c->reply.status != status || (code != NULL && (s == NULL || strcmp(s, code) != 0)))
		fail_msg("%d %s, expected %d %s", c->reply.status, s != NULL ? s : "", status, code != NULL ? code : "");
}

static const char *
header_of(const struct client *c, const char *name)
{
	for (size_t i = 0; i < c->reply.nreply_headers; i++)
		if (strcmp(c->reply.reply_headers[i].name, name) == 0)
			return c->reply.reply_headers[i].value;
	return "";
}

static int64_t
made(void)
{
	return sql_number("SELECT count(*) FROM inbox WHERE source = 'made'");
}

static int64_t
audited(const char *action, const char *outcome)
{
	char sql[160];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM audit WHERE action = '%s' AND outcome = '%s'", action, outcome);
	return sql_number(sql);
}

/* ---- who is calling */

static void
a_signed_caller_on_the_list_is_let_in(void **state)
{
	(void)state;
	service(V1, "portal-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 200, NULL);
	assert_string_equal(json_text_at(me.answer, "actor"), "service:portal");
	service(V2, "portal-key", "GET", "/toy/things?least=0", NULL, NULL);
	expect(&me, 200, NULL);
}

static void
others_are_refused_and_audited(void **state)
{
	int64_t denied = audited("phi.read", "denied");

	(void)state;
	service(V2, "stranger-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 403, "forbidden");
	service(V2, "intake-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 403, "forbidden");
	service(V2, "no-such-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 401, "unknown_key");
	send_with(&me, "GET", "/toy/things", NULL, 0, NULL);
	expect(&me, 401, "unauthorized");
	admin(&me, "GET", "/toy/things", NULL, NULL);
	expect(&me, 403, "forbidden");
	assert_int_equal(audited("phi.read", "denied"), denied + 5);
}

static void
a_signature_is_fresh_for_five_minutes(void **state)
{
	int64_t now = clock_us();

	(void)state;
	service_at(now - 299 * US_PER_S, V2, "portal-key", "GET", "/toy/things", "/toy/things", NULL, NULL);
	expect(&me, 200, NULL);
	service_at(now - 301 * US_PER_S, V2, "portal-key", "GET", "/toy/things", "/toy/things", NULL, NULL);
	expect(&me, 401, NULL);
	service_at(now + 302 * US_PER_S, V1, "portal-key", "GET", "/toy/things", "/toy/things", NULL, NULL);
	expect(&me, 401, NULL);
}

static void
a_v2_signature_belongs_to_its_path(void **state)
{
	(void)state;
	service_at(clock_us(), V2, "portal-key", "GET", "/toy/things", "/toy/other", NULL, NULL);
	expect(&me, 401, "bad_signature");
}

static void
a_revoked_key_is_refused_within_a_second(void **state)
{
	(void)state;
	key_of("portal", "doomed-key");
	keys_forget();
	service(V2, "doomed-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 200, NULL);
	(void)sql_number("UPDATE api_key SET revoked_at = now() WHERE key_id = 'doomed-key'");
	(void)usleep(1050 * 1000);
	service(V2, "doomed-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 401, "unknown_key");
}

static void
a_patient_comes_by_the_session(void **state)
{
	const struct header right = { "authorization", "Bearer " TOKEN }, wrong = { "authorization", "Bearer x" };

	(void)state;
	send_with(&me, "GET", "/toy/things", &right, 1, NULL);
	expect(&me, 200, NULL);
	assert_string_equal(json_text_at(me.answer, "actor"), "patient:01890a5d-ac96-774b-bcce-b302099a8057");
	send_with(&me, "GET", "/toy/things", &wrong, 1, NULL);
	expect(&me, 401, "unknown_session");
}

/* ---- audit */

static void
a_read_of_phi_leaves_its_row(void **state)
{
	int64_t before = audited("phi.read", "success");

	(void)state;
	service(V2, "portal-key", "GET", "/toy/things", NULL, NULL);
	assert_int_equal(audited("phi.read", "success"), before + 1);
	assert_int_equal(sql_number("SELECT (object = 'thing' AND object_id = 'all' AND actor = 'service:portal')::int FROM audit"
	    " WHERE action = 'phi.read' AND outcome = 'success' ORDER BY at DESC LIMIT 1"), 1);
}

/* Rule L7: no audit row, no data. */
static void
a_read_that_cannot_be_audited_shows_nothing(void **state)
{
	(void)state;
	(void)sql_number("CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS"
	    " 'BEGIN RAISE EXCEPTION ''disk full'' USING ERRCODE = ''53100''; END'");
	(void)sql_number("CREATE TRIGGER no_audit BEFORE INSERT ON audit EXECUTE FUNCTION no_audit()");
	service(V2, "portal-key", "GET", "/toy/things", NULL, NULL);
	(void)sql_number("DROP TRIGGER no_audit ON audit");
	(void)sql_number("DROP FUNCTION no_audit()");
	expect(&me, 503, NULL);
	assert_null(json_text_at(me.answer, "actor"));
}

static void
a_refused_write_is_audited_apart(void **state)
{
	int64_t rows = made(), failures = audited("thing.make", "failure");

	(void)state;
	admin(&me, "POST", "/toy/natural", NULL, "{\"name\":\"refuse\"}");
	expect(&me, 422, "refused");
	assert_int_equal(made(), rows);
	assert_int_equal(audited("thing.make", "failure"), failures + 1);
}

static void
a_reading_row_cannot_write(void **state)
{
	int64_t rows = made();

	(void)state;
	admin(&me, "GET", "/toy/wrong", NULL, NULL);
	assert_int_equal(me.reply.status, 500);
	assert_int_equal(made(), rows);
}

static void
a_victim_is_run_again(void **state)
{
	int64_t rows = made(), successes = audited("thing.make", "success");

	(void)state;
	fail_runs = 4;
	admin(&me, "POST", "/toy/natural", NULL, "{}");
	expect(&me, 201, NULL);
	assert_int_equal(made(), rows + 1);
	assert_int_equal(audited("thing.make", "success"), successes + 1);
	fail_runs = 5;
	admin(&me, "POST", "/toy/natural", NULL, "{}");
	expect(&me, 409, "serialization");
	assert_int_equal(fail_runs, 0);
	assert_int_equal(made(), rows + 1);
}

/* ---- Idempotency-Key */

static void
a_key_is_required_and_has_a_form(void **state)
{
	static const char *const bad[] = { "short-key-15-ch", "has a space inside it", "has-a-\"-quote-inside", "\"fifteen-inside-\"x" };

	(void)state;
	admin(&me, "POST", "/toy/things", NULL, "{}");
	expect(&me, 400, "idempotency_key_required");
	for (size_t i = 0; i < COUNT(bad); i++) {
		admin(&me, "POST", "/toy/things", bad[i], "{}");
		expect(&me, 400, "idempotency_key_invalid");
	}
	admin(&me, "POST", "/toy/things", "sixteen-char-key", "{}");
	expect(&me, 201, NULL);
}

static void
a_repeated_request_is_answered_not_done(void **state)
{
	int64_t rows = made(), successes = audited("thing.make", "success");
	char id[64];

	(void)state;
	admin(&me, "POST", "/toy/things", KEY_1, "{\"name\":\"a\",\"n\":1}");
	expect(&me, 201, NULL);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "");
	(void)snprintf(id, sizeof(id), "%s", json_text_at(me.answer, "id"));
	/* The same body spelled differently, the key in quotes. */
	admin(&me, "POST", "/toy/things", "\"" KEY_1 "\"", "{ \"n\": 1, \"name\": \"a\" }");
	expect(&me, 201, NULL);
	assert_string_equal(json_text_at(me.answer, "id"), id);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "true");
	assert_string_equal(header_of(&me, "Location"), "/toy/things/1");
	assert_string_equal(me.reply.content_type, "application/json");
	assert_int_equal(made(), rows + 1);
	assert_int_equal(audited("thing.make", "success"), successes + 1);
}

static void
a_key_belongs_to_one_request_and_one_caller(void **state)
{
	(void)state;
	admin(&me, "POST", "/toy/things", "another-key-000001", "{\"n\":1}");
	expect(&me, 201, NULL);
	admin(&me, "POST", "/toy/things", "another-key-000001", "{\"n\":2}");
	expect(&me, 422, "idempotency_key_reused");
	admin(&me, "POST", "/toy/asked", "another-key-000001", "{\"n\":1}");
	expect(&me, 422, "idempotency_key_reused");
	service(V2, "intake-key", "POST", "/toy/things", "another-key-000001", "{\"n\":2}");
	expect(&me, 201, NULL);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "");
}

static void
a_refusal_does_not_use_up_the_key(void **state)
{
	(void)state;
	admin(&me, "POST", "/toy/things", "a-key-that-is-free", "{\"name\":\"refuse\"}");
	expect(&me, 422, "refused");
	admin(&me, "POST", "/toy/things", "a-key-that-is-free", "{\"n\":\"x\"}");
	expect(&me, 422, "validation_failed");
	admin(&me, "POST", "/toy/things", "a-key-that-is-free", "{}");
	expect(&me, 201, NULL);
}

static void
a_key_ends(void **state)
{
	(void)state;
	admin(&me, "POST", "/toy/things", "a-key-that-is-over", "{\"n\":1}");
	expect(&me, 201, NULL);
	(void)sql_number("UPDATE idempotency SET expires_at = now() - interval '1 s' WHERE key = 'a-key-that-is-over'");
	admin(&me, "POST", "/toy/things", "a-key-that-is-over", "{\"n\":2}");
	expect(&me, 201, NULL);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "");
}

static void
what_is_kept_is_sealed(void **state)
{
	(void)state;
	assert_int_equal(sql_number("SELECT count(*) FROM idempotency WHERE position('\"id\"'::bytea in body_enc) > 0 OR code IS NULL"), 0);
	assert_true(sql_number("SELECT count(*) FROM idempotency WHERE length(body_enc) > 38 AND expires_at > now() + interval '29 days'") > 3);
}

/* ---- the same at the same time */

struct runner {
	struct client c;
	const char *target, *key, *text;
	pthread_t thread;
};

static void *
runner_main(void *p)
{
	struct runner *r = p;

	admin(&r->c, "POST", r->target, r->key, r->text);
	return NULL;
}

static void
run_together(struct runner *runners, size_t n, const char *target, const char *key, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		client_open(&runners[i].c);
		runners[i].target = target;
		runners[i].key = key;
		runners[i].text = text;
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]), 0);
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(runners[i].thread, NULL);
}

static unsigned
count_status(const struct runner *runners, size_t n, int status)
{
	unsigned hits = 0;

	for (size_t i = 0; i < n; i++)
		hits += runners[i].c.reply.status == status;
	return hits;
}

static void
close_all(struct runner *runners, size_t n)
{
	for (size_t i = 0; i < n; i++)
		client_close(&runners[i].c);
}

static void
at_once_one_works_and_the_others_wait_or_hear_it(void **state)
{
	static const char *const targets[] = { "/toy/things", "/toy/asked" };
	struct runner runners[THREADS];
	char key[32];

	(void)state;
	for (size_t round = 0; round < 6; round++) {
		int64_t rows = made();

		(void)snprintf(key, sizeof(key), "a-key-of-the-crowd-%zu", round);
		run_together(runners, THREADS, targets[round % 2], key, round < 2 ? "{\"name\":\"slow\"}" : "{}");
		assert_int_equal(made(), rows + 1);
		assert_true(count_status(runners, THREADS, 201) >= 1);
		for (size_t i = 0; i < THREADS; i++) {
			if (runners[i].c.reply.status == 409) {
				expect(&runners[i].c, 409, "request_in_progress");
				assert_string_equal(header_of(&runners[i].c, "Retry-After"), "1");
			} else if (runners[i].c.reply.status != 503) {	/* busy: half of the threads may wait for the vendor */
				expect(&runners[i].c, 201, NULL);
			}
		}
		close_all(runners, THREADS);
	}
}

/* Four threads: two may wait for the vendor, the third hears 503 at once. */
static void
a_slow_vendor_takes_half_of_the_threads(void **state)
{
	static const char *const keys[] = { "a-vendor-key-00001", "a-vendor-key-00002", "a-vendor-key-00003", "a-vendor-key-00004" };
	struct runner runners[COUNT(keys)];

	(void)state;
	most_asks = 0;
	for (size_t i = 0; i < COUNT(keys); i++) {
		client_open(&runners[i].c);
		runners[i].target = "/toy/asked";
		runners[i].key = keys[i];
		runners[i].text = "{\"name\":\"slow\"}";
		assert_int_equal(pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]), 0);
	}
	for (size_t i = 0; i < COUNT(keys); i++)
		(void)pthread_join(runners[i].thread, NULL);
	assert_int_equal(most_asks, 2);
	assert_int_equal(count_status(runners, COUNT(keys), 201), 2);
	assert_int_equal(count_status(runners, COUNT(keys), 503), 2);
	close_all(runners, COUNT(keys));
}

static void
a_replay_does_not_ask_again(void **state)
{
	int before;

	(void)state;
	admin(&me, "POST", "/toy/asked", "asked-once-0000001", "{}");
	expect(&me, 201, NULL);
	before = asks;
	admin(&me, "POST", "/toy/asked", "asked-once-0000001", "{}");
	expect(&me, 201, NULL);
	assert_string_equal(header_of(&me, "Idempotent-Replayed"), "true");
	assert_int_equal(asks, before);
	/* And no lock stays behind. */
	assert_int_equal(sql_number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
}

/* ---- events */

static void
deliver(const char *key_id, const char *id, const char *source, const char *topic, const char *payload)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"id\":\"%s\",\"topic\":\"%s\",\"source\":\"%s\",\"aggregateId\":\"01890a5d-ac96-774b-bcce-b302099a8057\","
	    "\"seq\":1,\"occurredAt\":\"2026-01-15T09:30:00Z\",\"requestId\":\"the-first-request\",\"payload\":%s}", id, topic, source, payload);
	service(V2, key_id, "POST", "/toy/events", NULL, text);
}

static int64_t
heard_rows(void)
{
	return sql_number("SELECT count(*) FROM inbox WHERE source = 'heard'");
}

static void
an_event_takes_effect_once(void **state)
{
	static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8001";

	(void)state;
	deliver("stranger-key", id, "stranger", "thing.happened", "{}");
	expect(&me, 200, NULL);
	assert_true(json_is_false(json_at(me.answer, "duplicate")));
	deliver("stranger-key", id, "stranger", "thing.happened", "{}");
	expect(&me, 200, NULL);
	assert_true(json_is_true(json_at(me.answer, "duplicate")));
	assert_int_equal(heard_rows(), 1);
	assert_int_equal(sql_number("SELECT count(*) FROM audit WHERE action = 'event.receive' AND request_id = 'the-first-request'"), 2);
}

static void
an_event_that_fails_may_come_again(void **state)
{
	static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8002";
	int64_t rows = heard_rows();

	(void)state;
	deliver("stranger-key", id, "stranger", "thing.happened", "{\"then\":\"fail\"}");
	expect(&me, 503, "later");
	deliver("stranger-key", id, "stranger", "thing.happened", "{}");
	expect(&me, 200, NULL);
	assert_int_equal(heard_rows(), rows + 1);
}

static void
an_unknown_topic_is_ignored(void **state)
{
	(void)state;
	deliver("stranger-key", "01890a5d-ac96-774b-bcce-b302099a8003", "stranger", "other.thing", "{}");
	expect(&me, 202, NULL);
	assert_true(json_is_true(json_at(me.answer, "ignored")));
}

static void
nobody_speaks_for_another_service(void **state)
{
	(void)state;
	deliver("stranger-key", "01890a5d-ac96-774b-bcce-b302099a8004", "intake", "thing.happened", "{}");
	expect(&me, 403, "forbidden");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_caller_on_the_list_is_let_in),
		cmocka_unit_test(others_are_refused_and_audited),
		cmocka_unit_test(a_signature_is_fresh_for_five_minutes),
		cmocka_unit_test(a_v2_signature_belongs_to_its_path),
		cmocka_unit_test(a_revoked_key_is_refused_within_a_second),
		cmocka_unit_test(a_patient_comes_by_the_session),
		cmocka_unit_test(a_read_of_phi_leaves_its_row),
		cmocka_unit_test(a_read_that_cannot_be_audited_shows_nothing),
		cmocka_unit_test(a_refused_write_is_audited_apart),
		cmocka_unit_test(a_reading_row_cannot_write),
		cmocka_unit_test(a_victim_is_run_again),
		cmocka_unit_test(a_key_is_required_and_has_a_form),
		cmocka_unit_test(a_repeated_request_is_answered_not_done),
		cmocka_unit_test(a_key_belongs_to_one_request_and_one_caller),
		cmocka_unit_test(a_refusal_does_not_use_up_the_key),
		cmocka_unit_test(a_key_ends),
		cmocka_unit_test(what_is_kept_is_sealed),
		cmocka_unit_test(at_once_one_works_and_the_others_wait_or_hear_it),
		cmocka_unit_test(a_slow_vendor_takes_half_of_the_threads),
		cmocka_unit_test(a_replay_does_not_ask_again),
		cmocka_unit_test(an_event_takes_effect_once),
		cmocka_unit_test(an_event_that_fails_may_come_again),
		cmocka_unit_test(an_unknown_topic_is_ignored),
		cmocka_unit_test(nobody_speaks_for_another_service),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
