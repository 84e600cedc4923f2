/*
 * world.c: the service's process without its wire: configuration, connection, keys, requests, the worker.
 */
#include "core.h"

#include "base/clock.h"
#include "crypto/random.h"
#include "crypto/seal.h"
#include "crypto/signature.h"
#include "data/migrate.h"
#include "data/vault.h"
#include "harness/harness_private.h"
#include "net/peers.h"
#include "web/web_private.h"

#define ADMIN_SECRET "admin-secret-of-the-tests-0123456789"

static const char add_key_sql[] = "INSERT INTO api_key (id, key_id, caller, secret_enc) VALUES ($1::uuid, $2, $3, $4::bytea)";

void
world_fail(const char *file, int line, const char *fmt, ...)
{
	char says[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(says, sizeof(says), fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "%s\n", says);
	_fail(file, line);
	abort();
}

static void
no_world(const struct problem *err)
{
	(void)fprintf(stderr, "harness: %d %s: %s\n", err->status, err->code, err->detail);
	exit(99);
}

/* ---- configuration: the process environment, as in production, and taken back at the end */

static void
set(struct world *w, const char *name, const char *value)
{
	if (w->nnames == COUNT(w->names))
		die("more than %zu settings", COUNT(w->names));
	w->names[w->nnames++] = arena_dup(w->life, name);
	if (setenv(name, value, 1) < 0)
		die("setenv failed");
}

static void
set_pairs(struct world *w, const char *const *pairs)
{
	for (; pairs != NULL && *pairs != NULL; pairs++) {
		const char *eq = strchr(*pairs, '=');

		if (eq == NULL)
			die("a setting is KEY=value: %s", *pairs);
		set(w, arena_ndup(w->life, *pairs, (size_t)(eq - *pairs)), eq + 1);
	}
}

static void
load_conf(struct world *w, const char *const *settings)
{
	const struct conf_key *tables[6] = { core_conf, peer_conf, work_conf, webhook_conf, w->service->config, NULL };
	const char *keys, *jwks;
	struct problem err = { 0 };

	(void)unsetenv("TELERX_CONFIG");
	set(w, "DATABASE_URL", scratch_url(w->scratch));
	set(w, "DATABASE_OWNER_URL", scratch_owner_url(w->scratch));
	set(w, "SQL_DIR", arena_printf(w->life, "%s/sql", scratch_source()));
	set(w, "TEMPLATES_DIR", arena_printf(w->life, "%s/templates", scratch_source()));
	set(w, "TENANT_ID", MIGRATE_TENANT);
	set(w, "KEYHOLDER_SOCKET", scratch_keyholder(w->scratch, w->service->name));
	set(w, "ADMIN_SECRET", ADMIN_SECRET);
	tokens_make(w, &keys, &jwks);
	set(w, "AUTH_KEYS_FILE", keys);
	set(w, "AUTH_JWKS_FILE", jwks);
	set(w, "PEER_SOCKET", "/nowhere/internal.sock");
	set(w, "SERVICE_KEY", arena_printf(w->life, "%s-key", w->service->name));
	set(w, "SERVICE_SECRET", "secret-of-the-service-under-test-0123456789");
	set(w, "WEBHOOK_SWEEP", "0"); /* no vendor is asked for what a test did not stub */
	set_pairs(w, settings);
	w->conf = conf_load(tables, &err);
	if (w->conf == NULL)
		no_world(&err);
}

/* ---- life */

static bool
job_place(const void *service, const char *kind, const char **queue, int *attempts)
{
	const struct job_row *row = service_job(service, kind);

	if (row == NULL)
		return false;
	*queue = row->queue;
	*attempts = row->attempts;
	return true;
}

static void
open_all(struct world *w)
{
	struct problem err = { 0 };

	w->keyring = keyring_open(conf_str(w->conf, "KEYHOLDER_SOCKET"), w->service->name, &err);
	if (w->keyring == NULL)
		no_world(&err);
	if (routes_check(w->service, &err) < 0 || (w->service->start != NULL && w->service->start(w->conf, &err) < 0))
		no_world(&err);
	w->db = db_open(conf_str(w->conf, "DATABASE_URL"), DB_API, w->service->name, &err);
	if (w->db == NULL)
		no_world(&err);
	db_keyring(w->db, w->keyring);
	w->http = http_new(w->db, NULL);
	http_intercept(outside_answer, w);
	w->serve =
	    (struct serve_context){ .service = w->service, .conf = w->conf, .arena = w->passing, .db = w->db, .http = w->http };
}

struct world *
world_new(const struct service *s, const char *const *settings)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *level = getenv("TELERX_TEST_LOG");
	enum log_level least = LOG_ERROR;
	struct problem err = { 0 };

	if (w == NULL)
		die("out of memory");
	if (level != NULL)
		(void)log_level_parse(level, &least);
	log_open(s->name, least);
	/* Every answer is held to its row: replies to the table, refusals to what the reference names. */
	(void)setenv("TELERX_CHECK_REPLIES", "1", 1);
	w->service = s;
	w->life = arena_new(0);
	w->passing = arena_new(0);
	w->scratch = scratch_new(s->database, true);
	load_conf(w, settings);
	job_kinds(job_place, s);
	event_topics(s->topics);
	if (topics_store(scratch_owner_url(w->scratch), s->topics, w->conf, &err) < 0)
		die("topics: %s: %s", err.code, err.detail);
	open_all(w);
	sql_run(w, "SELECT sealed_row(tbl) FROM key_column"); /* a table that cannot be sealed anew fails its service's tests */
	return w;
}

const char *
world_owner_url(const struct world *w)
{
	return scratch_owner_url(w->scratch);
}

int
world_feed(struct world *w, const char *program, const char *content)
{
	const char *command = text(w, "DATABASE_OWNER_URL='%s' '%s/%s' - >/dev/null 2>&1", world_owner_url(w), HARNESS_BUILD, program);
	FILE *p = popen(command, "we"); /* NOLINT(cert-env33-c): the command is the test's own */

	if (p == NULL)
		die("%s does not start", program);
	(void)fputs(content, p);
	return pclose(p);
}

void
world_free(struct world *w)
{
	if (w == NULL)
		return;
	http_intercept(NULL, NULL);
	http_free(w->http);
	db_close(w->db);
	if (w->super != NULL)
		PQfinish(w->super);
	conf_free(w->conf);
	keyring_free(w->keyring);
	scratch_free(w->scratch);
	arena_free(w->passing);
	for (size_t i = 0; i < w->nnames; i++)
		(void)unsetenv(w->names[i]);
	arena_free(w->life);
	free(w);
}

struct db *
world_db(struct world *w)
{
	return w->db;
}

struct arena *
world_arena(struct world *w)
{
	return w->life;
}

const struct conf *
world_conf(struct world *w)
{
	return w->conf;
}

struct http *
world_http(struct world *w)
{
	return w->http;
}

const char *
text(struct world *w, const char *fmt, ...)
{
	va_list ap, again;
	char *copy;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		die("a text cannot be written");
	copy = arena_alloc(w->life, (size_t)n + 1);
	(void)vsnprintf(copy, (size_t)n + 1, fmt, again);
	va_end(again);
	return copy;
}

/* ---- who calls */

static const char *
key_of(struct world *w, const char *caller)
{
	return arena_printf(w->life, "%s-%s-key", caller, strrchr(scratch_folder(w->scratch), '-') + 1);
}

static const char *
secret_of(struct world *w, const char *caller)
{
	return arena_printf(w->life, "secret-of-%s-0123456789abcdef", key_of(w, caller));
}

static void
register_caller(struct world *w, const char *caller)
{
	struct scope scope = { .actor = "system:test" };
	struct problem err = { 0 };
	struct bytes sealed;
	struct uuid id = uuid_new();

	for (size_t i = 0; i < w->ncallers; i++)
		if (strcmp(w->callers[i], caller) == 0)
			return;
	if (w->ncallers == COUNT(w->callers) || uuid_parse(MIGRATE_TENANT, &scope.tenant) < 0)
		die("too many callers");
	db_arena(w->db, w->passing);
	if (db_begin(w->db, WRITE, &scope, &err) < 0 ||
	    vault_seal(w->db, VAULT_SERVICE, "api_key", "secret_enc", id, BYTES_OF(secret_of(w, caller)), &sealed, &err) < 0 ||
	    db_exec(w->db, add_key_sql, &err, P_UUID(id), P_TEXT(key_of(w, caller)), P_TEXT(caller), P_BYTES(sealed)) < 0 ||
	    db_commit(w->db, &err) < 0)
		no_world(&err);
	w->callers[w->ncallers++] = arena_dup(w->life, caller);
	keys_forget();
}

struct header_list {
	struct header h[48];
	size_t n;
};

static void
add(struct header_list *l, const char *name, const char *value)
{
	if (l->n == COUNT(l->h))
		die("too many headers");
	l->h[l->n++] = (struct header){ name, value };
}

static void
add_signature(struct world *w, struct header_list *l, const char *caller, const char *method, const char *target, const char *body)
{
	char *stamp = arena_alloc(w->passing, CLOCK_TEXT), *nonce = arena_alloc(w->passing, TOKEN_TEXT),
	     *signature = arena_alloc(w->passing, 68);
	struct signed_call c = {
		.timestamp = stamp, .nonce = nonce, .method = method, .target = target, .body = BYTES_OF(body != NULL ? body : "")
	};

	clock_text(clock_us(), stamp);
	if (random_token(nonce) < 0)
		die("no random bytes");
	service_sign_v2(secret_of(w, caller), &c, signature);
	add(l, "x-api-key", key_of(w, caller));
	add(l, "x-timestamp", stamp);
	add(l, "x-nonce", nonce);
	add(l, "x-signature", signature);
}

static const char *
role_token(struct world *w, const char *who)
{
	struct uuid user;

	if (uuid_parse(ROLE_USER, &user) < 0)
		die("ROLE_USER is no UUID");
	return token_for(w, who, user, uuid_new(), clock_us() / US_PER_S);
}

static void
add_credentials(struct world *w, struct header_list *l, struct by by, const char *method, const char *target, const char *body)
{
	if (by.as == SERVICE)
		add_signature(w, l, by.who, method, target, body);
	else if (by.as == ADMIN)
		add(l, "authorization", "Bearer " ADMIN_SECRET);
	else if (by.as == ROLE)
		add(l, "authorization", arena_printf(w->passing, "Bearer %s", role_token(w, by.who)));
	else if (by.as == PATIENT_SELF)
		add(l, "authorization", arena_printf(w->passing, "Bearer %s", by.who));
}

/* ---- requests */

static void
read_answer(struct world *w)
{
	struct problem ignored = { 0 };
	const char *type = w->req.content_type;

	w->json = NULL;
	if (type != NULL && strstr(type, "json") != NULL && w->req.out.len > 0)
		w->json = json_read(w->passing, buf_str(&w->req.out), w->req.out.len, &ignored);
	w->asked = true;
}

static void
bring(struct world *w, struct by by, const char *method, const char *target, const char *key, const char *body, struct bytes raw,
    const struct header *headers)
{
	struct header_list l = { .n = 0 };
	struct wire_request wire;

	if (by.as == SERVICE)
		register_caller(w, by.who);
	arena_reset(w->passing);
	w->req = (struct req){ 0 };
	add_credentials(w, &l, by, method, target, body);
	if (body != NULL)
		add(&l, "content-type", "application/json");
	if (key != NULL)
		add(&l, "idempotency-key", key);
	for (; headers != NULL && headers->name != NULL; headers++) {
		/* Theirs replace ours: another content type, a broken signature. */
		for (size_t i = 0; i < l.n; i++)
			if (strcmp(l.h[i].name, headers->name) == 0)
				l.h[i--] = l.h[--l.n];
		add(&l, headers->name, headers->value);
	}
	wire = (struct wire_request){
		.method = method,
		.target = target,
		.remote = "192.0.2.1",
		.request_id = arena_printf(w->passing, "test-%u", ++w->nrequests),
		.headers = l.h,
		.nheaders = l.n,
		.body = raw,
	};
	dispatch(&w->serve, &wire, &w->req);
	read_answer(w);
	outside_check(w, __FILE__, __LINE__);
}

void
request(struct world *w, struct by by, const char *method, const char *target, const char *key, const char *body,
    const struct header *headers)
{
	bring(w, by, method, target, key, body, BYTES_OF(body != NULL ? body : ""), headers);
}

void
request_bytes(struct world *w, struct by by, const char *method, const char *target, struct bytes body)
{
	bring(w, by, method, target, NULL, NULL, body, NULL);
}

void
get(struct world *w, struct by by, const char *target)
{
	request(w, by, "GET", target, NULL, NULL, NULL);
}

void
post(struct world *w, struct by by, const char *target, const char *body)
{
	request(w, by, "POST", target, NULL, body, NULL);
}

void
post_key(struct world *w, struct by by, const char *target, const char *key, const char *body)
{
	request(w, by, "POST", target, key, body, NULL);
}

void
put(struct world *w, struct by by, const char *target, const char *body)
{
	request(w, by, "PUT", target, NULL, body, NULL);
}

void
patch(struct world *w, struct by by, const char *target, const char *body)
{
	request(w, by, "PATCH", target, NULL, body, NULL);
}

static void
post_event(struct world *w, const char *from)
{
	post(w, BY_SERVICE(from), text(w, "%s/events", w->service->prefix), w->last_event);
}

void
send_event(struct world *w, const char *from, const char *topic, struct uuid aggregate, const char *payload)
{
	char id[UUID_TEXT], about[UUID_TEXT], now[CLOCK_TEXT];
	static int64_t seq;

	w->last_event = arena_printf(w->life,
	    "{\"id\":\"%s\",\"topic\":\"%s\",\"source\":\"%s\",\"aggregateId\":\"%s\",\"seq\":%" PRId64
	    ",\"occurredAt\":\"%s\",\"payload\":%s}",
	    uuid_text(uuid_new(), id), topic, from, uuid_text(aggregate, about), ++seq, clock_text(clock_us(), now), payload);
	post_event(w, from);
}

void
send_event_again(struct world *w)
{
	struct problem ignored = { 0 };
	json_t *event = json_read(w->life, w->last_event, strlen(w->last_event), &ignored);

	post_event(w, json_text_at(event, "source"));
}

/* ---- the worker */

void
job_later_(struct world *w, const char *kind, const char *args, const char *file, int line)
{
	struct problem err = { 0 };
	struct scope scope = { .actor = "system:worker" };

	if (uuid_parse(conf_str(w->conf, "TENANT_ID"), &scope.tenant) < 0 || db_begin(w->db, WRITE, &scope, &err) < 0 ||
	    job_enqueue(w->db, &(struct job_spec){ .kind = kind, .args = args }, &err) < 0 || db_commit(w->db, &err) < 0)
		world_fail(file, line, "job %s: %d %s: %s", kind, err.status, err.code, err.detail);
}

int
work_(struct world *w, bool skip_delays, const char *file, int line)
{
	struct problem err = { 0 };
	int ran = worker_drain(w->service, w->conf, w->db, w->http, skip_delays, &err);

	if (ran < 0)
		world_fail(file, line, "the worker failed: %d %s: %s", err.status, err.code, err.detail);
	outside_check(w, file, line);
	return ran;
}
