/*
 * dispatch.c: the life of a request, in one order for all: size, route, access, input, key, ask, transaction, reply, audit of
 * what was refused, log line, counters. What is refused earlier costs less and tells less: an unknown caller never learns what
 * a body should have looked like.
 */
#include "core.h"

#include <stdatomic.h>

#include "crypto/random.h"
#include "data/attention.h"
#include "web/web_private.h"

#define MAX_RUNS     5 /* rule D5 */
#define BUSY_RETRY_S 2

/* Requests of this process that wait for a vendor by declaration; half of the threads stay free of them. */
static atomic_int waiting_for_vendor;

bool
request_id_is_fit(const char *id)
{
	size_t n = id != NULL ? strlen(id) : 0;

	return n >= 8 && n <= 64 && strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == n;
}

static void
req_begin(struct serve_context *c, const struct wire_request *wire, struct req *r)
{
	char id[UUID_TEXT];

	*r = (struct req){
		.arena = c->arena,
		.db = c->db,
		.http = c->http,
		.conf = c->conf,
		.service = c->service,
		.method = wire->method,
		.target = wire->target,
		.path = wire->target,
		.remote = wire->remote,
		.headers = wire->headers,
		.nheaders = wire->nheaders,
		.raw = wire->body,
	};
	r->id = arena_dup(c->arena, request_id_is_fit(wire->request_id) ? wire->request_id : uuid_text(uuid_new(), id));
	r->scope = (struct scope){ .actor = "public", .request_id = r->id, .source = wire->remote };
	(void)uuid_parse(conf_str(c->conf, "TENANT_ID"), &r->scope.tenant);
	reply_reset(r);
	log_request_id(r->id);
	if (c->db != NULL)
		db_arena(c->db, c->arena);
}

/* ---- input */

static const char *
content_type_of(enum body_kind kind)
{
	return kind == BODY_FORM ? "application/x-www-form-urlencoded" : "application/json";
}

static enum body_kind
kind_of(const struct route *route)
{
	return route->kind == BODY_NONE && route->body != NULL ? BODY_JSON : route->kind;
}

static int
content_type_check(const struct req *r, enum body_kind kind, struct problem *err)
{
	const char *have = req_header(r, "content-type"), *want = content_type_of(kind);
	size_t n = strlen(want);

	if (have != NULL && strncasecmp(have, want, n) == 0 && strchr("; \t", have[n]) != NULL)
		return 0;
	return problem(err, 415, "unsupported_media_type", "this body must be %s", want);
}

static int
body_parse(struct req *r, struct problem *err)
{
	enum body_kind kind = kind_of(r->route);
	bool required = false;

	for (const struct field *f = r->route->body; f != NULL && f->name != NULL; f++)
		required = required || f->required;
	if (kind == BODY_RAW)
		return 0;
	if (kind == BODY_NONE) {
		/* "{}" is how clients say nothing. */
		return r->raw.n <= 2 ? 0 : problem(err, 400, "unknown_field", "this call takes no body");
	}
	if (r->raw.n == 0 && !required) {
		r->body = input_keep(r->arena, json_object());
		return 0;
	}
	if (content_type_check(r, kind, err) < 0)
		return -1;
	if (kind == BODY_FORM)
		r->body = input_pairs(r->arena, (const char *)r->raw.p, r->raw.n, r->route->body, err);
	else
		r->body = json_read(r->arena, (const char *)r->raw.p, r->raw.n, err);
	if (r->body == NULL)
		return -1;
	return r->route->body != NULL ? field_check(r->route->body, r->body, err) : 0;
}

static int
input_check(struct req *r, struct problem *err)
{
	static const struct field nothing[] = { { 0 } };
	const char *query = strchr(r->target, '?');
	const struct field *table = r->route->query;

	/* Vendors add what they like to a URL; everybody else hears of a name that nothing reads. */
	if (table == NULL && (r->route->access & (WEBHOOK | VENDOR)) == 0)
		table = nothing;
	r->query = input_pairs(r->arena, query != NULL ? query + 1 : "", query != NULL ? strlen(query + 1) : 0, table, err);
	if (r->query == NULL || input_params(r, err) < 0)
		return -1;
	if (table != NULL && field_check(table, r->query, err) < 0)
		return -1;
	return body_parse(r, err);
}

/* ---- ask */

static int
ask_vendor(struct req *r, struct problem *err)
{
	int64_t threads = conf_int(r->conf, "POOL_THREADS");
	int most = threads < 4 ? 1 : (int)(threads / 2);
	int rc;

	if (atomic_fetch_add(&waiting_for_vendor, 1) >= most) {
		(void)problem(err, 503, "busy", "too many calls wait for %s", r->route->synchronous);
		err->retry_after = BUSY_RETRY_S;
		rc = -1;
	} else {
		rc = r->route->ask(r, err);
	}
	(void)atomic_fetch_sub(&waiting_for_vendor, 1);
	return rc;
}

static int
ask(struct req *r, struct problem *err)
{
	if (r->key != NULL && idempotency_hold(r, err) < 0)
		return -1;
	if (r->replayed)
		return 0;
	return r->route->synchronous != NULL ? ask_vendor(r, err) : r->route->ask(r, err);
}

/* ---- transaction */

static int
finish(struct req *r, struct problem *err)
{
	reply_finish(r);
	if (reply_check(r, err) < 0)
		return -1;
	if (r->route->db == NONE)
		return 0;
	if (r->key != NULL && !r->replayed && idempotency_store(r, err) < 0)
		return -1;
	if (r->route->audit != NULL && !r->audited && !r->replayed) {
		if (!db_in_transaction(r->db))
			die("the handler of %s ended its transaction without req_object: its audit row would be lost",
			    r->route->path);
		audit_pending(r->db, &r->audit);
	} else if ((r->route->access & VENDOR) == 0 && db_unaudited(r->db)) {
		/* Its row names no act, and yet it changed something (invariant I4). */
		audit_pending(r->db,
		    &(struct audit_entry){ .action = "request.write", .object = "route", .object_id = r->route->path });
	}
	return db_commit(r->db, err);
}

static int
run_once(struct req *r, struct problem *err)
{
	reply_reset(r);
	r->audit = (struct audit_entry){ .action = r->route->audit, .object = "request", .object_id = r->id };
	r->audited = false;
	r->replayed = false;
	if (r->route->db != NONE && db_begin(r->db, r->route->db, &r->scope, err) < 0)
		return -1;
	if (r->key != NULL && idempotency_claim(r, err) < 0)
		return -1;
	if (!r->replayed && r->route->handle(r, err) < 0)
		return -1;
	return finish(r, err);
}

static void
pause_before(int run)
{
	uint16_t jitter = 0;

	if (random_bytes(&jitter, sizeof(jitter)) < 0)
		jitter = 0;
	(void)usleep((useconds_t)(run * 4000 + jitter % 8000));
}

/* A whole transaction again, at most five times, when the database says that only its neighbours were in the way. */
static int
run(struct req *r, struct problem *err)
{
	for (int n = 1;; n++) {
		if (run_once(r, err) == 0)
			return 0;
		if (r->route->db != NONE)
			db_rollback(r->db);
		if (n == MAX_RUNS || strcmp(err->code, "serialization") != 0)
			return -1;
		pause_before(n);
		problem_clear(err);
	}
}

static int
size_check(const struct req *r, bool too_large, struct problem *err)
{
	if (!too_large && (r->route == NULL || r->raw.n <= route_max_body(r->route)))
		return 0;
	return problem(err, 413, "body_too_large", "the body passes %zu bytes",
	    r->route != NULL ? route_max_body(r->route) : routes_max_body(r->service));
}

static int
respond(struct req *r, const struct wire_request *wire, struct buf *allow, struct problem *err)
{
	if (size_check(r, wire->body_too_large, err) < 0 || match_route(r, allow, err) < 0 || size_check(r, false, err) < 0)
		return -1;
	if (r->db == NULL && (r->route->db != NONE || (r->route->access & (SERVICE | PATIENT_SELF)) != 0))
		return problem(err, 503, "database_unavailable", "the database cannot be reached");
	if (access_check(r, err) < 0 || input_check(r, err) < 0 || idempotency_key(r, err) < 0)
		return -1;
	if (r->route->ask != NULL && ask(r, err) < 0)
		return -1;
	return r->replayed ? 0 : run(r, err);
}

/* ---- afterwards */

static bool
refusal_is_audited(const struct req *r, const struct problem *err)
{
	if (r->route == NULL || r->db == NULL)
		return false;
	if (err->audit || err->status == 401 || err->status == 403)
		return true;
	return r->route->audit != NULL && (err->status == 404 || err->status == 409 || err->status == 422);
}

static void
audit_refusal(struct req *r, const struct problem *err)
{
	struct audit_entry e = r->audit;
	struct problem failed = { 0 };
	bool denied = err->status == 401 || err->status == 403 || err->status == 404;

	e.action = r->route->audit != NULL ? r->route->audit : "request";
	if (e.object == NULL) {
		e.object = "route";
		e.object_id = r->route->path;
	}
	e.outcome = denied ? "denied" : "failure";
	e.reason = err->code;
	e.detail = NULL;
	if (audit_refused(r->db, &r->scope, &e, &failed) < 0)
		log_line(LOG_ERROR, "audit.failed", "route", r->route->path, "code", failed.code, "of", err->code, NULL);
}

/* A sealed field that does not open is a broken key, a moved row or somebody's hand: never the caller's business (rule E5). */
static void
alarm_if_unreadable(struct req *r, const struct problem *err)
{
	struct problem failed = { 0 };
	const struct attention what = { .kind = "field.unreadable", .code = err->code,
		.subject = r->route != NULL ? arena_printf(r->arena, "%s %s", r->route->method, r->route->path) : "" };

	if (r->route == NULL || (strcmp(err->code, "unreadable_field") != 0 && strcmp(err->code, "unreadable_key") != 0))
		return;
	if (attention_raise_alone(r->db, &r->scope, &what, &failed) < 0)
		log_line(LOG_ERROR, "attention.failed", "kind", what.kind, "code", failed.code, NULL);
}

static void
refuse(struct req *r, struct buf *allow, struct problem *err)
{
	if (r->db != NULL)
		db_rollback(r->db);
	if (err->status == 0)
		(void)problem(err, 500, "unexplained", "a handler failed and did not say why");
	if (r->db != NULL)
		alarm_if_unreadable(r, err);
	if (refusal_is_audited(r, err))
		audit_refusal(r, err);
	if (err->status == 503 && err->retry_after == 0)
		err->retry_after = 1;
	reply_problem(r, err);
	if (err->status == 405)
		reply_header(r, "Allow", buf_str(allow));
}

static void
account(const struct req *r, const struct problem *err, int64_t us)
{
	const char *route = r->route != NULL ? r->route->path : "none";
	char labels[160], status[12], ms[24];

	(void)snprintf(status, sizeof(status), "%d", r->status);
	(void)snprintf(ms, sizeof(ms), "%" PRId64 ".%03" PRId64, us / 1000, us % 1000);
	(void)snprintf(
	    labels, sizeof(labels), "route=\"%s %s\",status=\"%d\"", r->route != NULL ? r->method : "-", route, r->status);
	metric_add("http_requests_total", labels, 1);
	(void)snprintf(labels, sizeof(labels), "route=\"%s %s\"", r->route != NULL ? r->method : "-", route);
	metric_observe("http_request_seconds", labels, (double)us / (double)US_PER_S);
	log_line(r->status >= 500 ? LOG_ERROR : LOG_INFO, "request", "method", r->route != NULL ? r->method : NULL, "route", route,
	    "status", status, "ms", ms, "actor", r->scope.actor, "code", err->status != 0 ? err->code : NULL, "detail",
	    err->status >= 500 ? err->detail : NULL, "replayed", r->replayed ? "true" : NULL, NULL);
}

void
dispatch(struct serve_context *c, const struct wire_request *wire, struct req *r)
{
	int64_t began = clock_mono_us();
	struct problem err = { 0 };
	struct buf allow = buf_in(c->arena, 128);

	req_begin(c, wire, r);
	if (respond(r, wire, &allow, &err) < 0)
		refuse(r, &allow, &err);
	if (r->key_held)
		idempotency_release(r);
	reply_header(r, "X-Request-Id", r->id);
	reply_header(r, "Cache-Control", "no-store");
	reply_header(r, "X-Content-Type-Options", "nosniff");
	account(r, &err, clock_mono_us() - began);
	log_request_id(NULL);
}
