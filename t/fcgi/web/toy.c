/* toy.c: see toy.h. */
#include "fcgi/web/toy.h"

#include <pthread.h>

#include <libpq-fe.h>

#include "base/log.h"
#include "crypto/seal.h"
#include "crypto/signature.h"

#define SECRET "a-secret-of-the-caller-0123456789abcdef"

/* ---- the toy */

int fail_runs;
int asks, most_asks;
static int asks_under_way;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int
make(struct req *r, struct problem *err)
{
	static const char sql[] =
	    "INSERT INTO inbox (source, message_id) VALUES ('made', gen_random_uuid()::text) RETURNING message_id";
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
	{ "POST", "/toy/things", make, .access = SERVICE | ADMIN, .callers = "intake portal", .db = WRITE, .once = KEY,
	    .audit = "thing.make", .body = body, .status = 201, .says = "makes one" },
	{ "POST", "/toy/asked", make, .access = ADMIN, .db = WRITE, .once = KEY, .audit = "thing.make", .body = body,
	    .ask = ask_vendor, .synchronous = "vendor", .says = "makes one after asking" },
	{ "POST", "/toy/natural", make, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "thing.make", .body = body,
	    .says = "makes one" },
	{ "GET", "/toy/things", show, .access = SERVICE | PATIENT_SELF, .callers = "portal", .db = READ_AUDITED,
	    .audit = "phi.read", .query = query, .says = "shows them" },
	{ "GET", "/toy/wrong", write_while_reading, .access = ADMIN, .db = READ, .says = "writes although it reads" },
};
static const struct event_row events[] = { { "thing.happened", heard } };
static const struct service toy = {
	.name = "toy",
	.prefix = "/toy",
	.database = "none",
	.says = "of a test",
	.session = session,
	TABLE(routes, nroutes, routes),
	TABLE(events, nevents, events),
};

/* ---- the world */

static struct scratch *scratch;
static struct conf *conf;
static struct keyring *keyring;
static PGconn *super;

struct client me;

void
client_open(struct client *c)
{
	struct problem err = { 0 };

	*c = (struct client){ .arena = arena_new(0) };
	c->db = db_open(scratch_url(scratch), DB_API, "toy", &err);
	if (c->db == NULL)
		die("%s", err.detail);
	db_keyring(c->db, keyring);
}

void
client_close(struct client *c)
{
	db_close(c->db);
	arena_free(c->arena);
}

int64_t
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

void
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
	    db_exec(me.db, sql, &err, P_UUID(id), P_TEXT(key_id), P_TEXT(caller), P_BYTES(sealed)) < 0 ||
	    db_commit(me.db, &err) < 0)
		die("%s", err.detail);
}

int
toy_setup(void **state)
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
	keyring = keyring_open(scratch_keyholder(scratch, "toy"), "toy", &err);
	super = PQconnectdb(scratch_super_url(scratch));
	if (conf == NULL || keyring == NULL || routes_check(&toy, &err) < 0)
		die("%s", err.detail);
	client_open(&me);
	key_of("intake", "intake-key");
	key_of("portal", "portal-key");
	key_of("stranger", "stranger-key");
	return 0;
}

int
toy_teardown(void **state)
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

void
send_with(struct client *c, const char *method, const char *target, const struct header *headers, size_t n, const char *text)
{
	struct serve_context s = { .service = &toy, .conf = conf, .arena = c->arena, .db = c->db };
	struct wire_request wire = {
		.method = method,
		.target = target,
		.remote = "192.0.2.1",
		.headers = headers,
		.nheaders = n,
		.body = text != NULL ? BYTES_OF(text) : BYTES("", 0),
	};
	struct problem err = { 0 };

	arena_reset(c->arena);
	dispatch(&s, &wire, &c->reply);
	assert_false(db_in_transaction(c->db));
	c->answer = json_read(c->arena, buf_str(&c->reply.out), c->reply.out.len, &err);
}

void
admin(struct client *c, const char *method, const char *target, const char *key, const char *text)
{
	const struct header headers[] = {
		{ "content-type", "application/json" },
		{ "authorization", "Bearer secret-of-the-administrator" },
		{ "idempotency-key", key },
	};

	send_with(c, method, target, headers, key != NULL ? 3 : 2, text);
}

void
service_at(int64_t now, enum version v, const char *key_id, const char *method, const char *target, const char *signed_target,
    const char *key, const char *text)
{
	char timestamp[CLOCK_TEXT], signature[68];
	const struct signed_call call = {
		clock_text(now, timestamp),
		"0123456789abcdef",
		method,
		signed_target,
		text != NULL ? BYTES_OF(text) : BYTES("", 0),
	};
	const struct header headers[] = {
		{ "content-type", "application/json" },
		{ "x-api-key", key_id },
		{ "x-timestamp", timestamp },
		{ "x-signature", signature },
		{ "x-nonce", call.nonce },
		{ "idempotency-key", key },
	};

	if (v == V2)
		service_sign_v2(SECRET, &call, signature);
	else
		service_sign(SECRET, timestamp, call.body, signature);
	send_with(&me, method, target, headers, key != NULL ? 6 : 5, text);
}

void
service(enum version v, const char *key_id, const char *method, const char *target, const char *key, const char *text)
{
	service_at(clock_us(), v, key_id, method, target, target, key, text);
}

void
expect(const struct client *c, int status, const char *code)
{
	const char *s = json_text_at(c->answer, "code");

	if (c->reply.status != status || (code != NULL && (s == NULL || strcmp(s, code) != 0)))
		fail_msg("%d %s, expected %d %s", c->reply.status, s != NULL ? s : "", status, code != NULL ? code : "");
}

const char *
header_of(const struct client *c, const char *name)
{
	for (size_t i = 0; i < c->reply.nreply_headers; i++)
		if (strcmp(c->reply.reply_headers[i].name, name) == 0)
			return c->reply.reply_headers[i].value;
	return "";
}

int64_t
made(void)
{
	return sql_number("SELECT count(*) FROM inbox WHERE source = 'made'");
}

int64_t
audited(const char *action, const char *outcome)
{
	char sql[160];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM audit WHERE action = '%s' AND outcome = '%s'", action, outcome);
	return sql_number(sql);
}
