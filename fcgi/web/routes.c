/* routes.c: what every service answers besides its own table, and the check that refuses a table with a hole at start-up. */
#include "core.h"

#include <pthread.h>

#include "web/web_private.h"

#define CORE_ROWS    32 /* room for them */
#define PATH_TEXT    96
#define KNOWN_ACCESS (PUBLIC | SERVICE | ADMIN | PATIENT_SELF | WEBHOOK | VENDOR | ROLE)

/* Templates carry the service's name and prefix, so they are made once per service (tests run several in one process). */
struct core_table {
	const struct service *service;
	struct route rows[CORE_ROWS];
	size_t n;
	char paths[CORE_ROWS][PATH_TEXT];
	struct core_table *next;
};

static pthread_mutex_t tables_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct core_table *tables;

static bool
has_row(const struct service *s, const char *method, const char *path)
{
	for (size_t i = 0; i < s->nroutes; i++)
		if (strcmp(s->routes[i].method, method) == 0 && strcmp(s->routes[i].path, path) == 0)
			return true;
	return false;
}

/* A service's own row of that name goes before: the sandbox's outbox is what was sent to patients. */
static void
core_row(struct core_table *t, struct route row, const char *before, const char *middle, const char *after)
{
	size_t i = t->n;
	int n;

	if (i == CORE_ROWS)
		die("the core has more than %d rows", CORE_ROWS);
	n = snprintf(t->paths[i], PATH_TEXT, "%s%s%s", before, middle, after);
	if (n < 0 || n >= PATH_TEXT)
		die("the name or prefix of %s is too long", t->service->name);
	if (has_row(t->service, row.method, t->paths[i]))
		return;
	row.path = t->paths[i];
	t->rows[t->n++] = row;
}

static void
health_rows(struct core_table *t)
{
	const struct service *s = t->service;
	const struct route live = { .method = "GET",
		.handle = health_live,
		.access = PUBLIC,
		.db = NONE,
		.reply = live_reply,
		.says = "the process runs" };
	const struct route ready = { .method = "GET",
		.handle = health_ready,
		.access = PUBLIC,
		.db = s->database != NULL ? READ : NONE,
		.reply = ready_reply,
		.says = "the database answers and is migrated" };
	const struct route metrics = {
		.method = "GET", .handle = health_metrics, .access = PUBLIC, .db = NONE, .media = "text/plain", .says = "counters, Prometheus text format"
	};

	core_row(t, live, "/health/live", "", "");
	core_row(t, ready, "/health/ready", "", "");
	core_row(t, metrics, "/metrics", "", "");
	core_row(t, live, "/health/", s->name, "/live");
	core_row(t, ready, "/health/", s->name, "/ready");
}

/* For services with a database: without an inbox a delivery cannot be made once. */
static void
event_rows(struct core_table *t)
{
	const struct route events = { .method = "POST",
		.ask = event_cause,
		.handle = event_receive,
		.access = SERVICE,
		.callers = "*",
		.db = WRITE,
		.once = NATURAL,
		.audit = "event.receive",
		.body = event_body,
		.reply = event_reply,
		.says = "delivery of an event; each message takes effect once" };

	core_row(t, events, t->service->prefix, "/events", "");
}

/* What an administrator sees of them, and may do. */
static void
outbox_rows(struct core_table *t)
{
	const struct route rows[] = {
		{ "GET", "/outbox", outbox_show, .access = ADMIN, .db = READ, .query = outbox_query, .reply = outbox_reply,
		    .says = "topics, and deliveries that are not made" },
		{ "GET", "/topics/:topic", schema_show, .access = ADMIN, .db = READ, .params = schema_params, .query = schema_query,
		    .reply = schema_reply, .problems = "404 not_found", .says = "the schema of a topic's payload" },
		{ "POST", "/outbox/:eventId/retry", outbox_retry, .access = ADMIN | SERVICE, .callers = "case", .db = WRITE, .once = NATURAL, .audit = "event.retry",
		    .body = retry_body, .reply = retry_reply, .problems = "404 not_found", .says = "dead deliveries of a message are tried again" },
		{ "POST", "/replay", outbox_replay, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "event.replay",
		    .body = replay_body, .reply = replay_reply, .problems = "422 not_a_subscriber beyond_inbox not_kept",
		    .says = "sends messages to one consumer again, which takes only what it has not" },
		{ "POST", "/rebuild", inbox_rebuild, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "projection.rebuild",
		    .body = rebuild_body, .reply = rebuild_reply,
		    .says = "forgets what was made of a source's messages; its replay makes it again" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].handle != inbox_rebuild || t->service->forget != NULL)
			core_row(t, rows[i], t->service->prefix, rows[i].path, "");
}

static void
job_rows(struct core_table *t)
{
	const struct route rows[] = {
		{ "GET", "/jobs", jobs_list, .access = ADMIN, .db = READ, .query = jobs_query, .reply = jobs_reply,
		    .says = "jobs that wait, run or are dead" },
		{ "GET", "/jobs/workers", jobs_workers, .access = ADMIN, .db = READ, .reply = workers_reply,
		    .says = "the background workers of the service" },
		{ "GET", "/jobs/:jobId", jobs_show, .access = ADMIN, .db = READ, .params = job_params, .reply = job_reply,
		    .problems = "404 unknown_job", .says = "one job with its arguments and all its errors" },
		{ "POST", "/jobs/:jobId/retry", jobs_retry, .access = ADMIN | SERVICE, .callers = "case", .db = WRITE, .once = NATURAL, .audit = "job.retry",
		    .params = job_params, .reply = job_retry_reply, .status = 202,
		    .problems = "404 unknown_job, 409 not_retryable superseded",
		    .says = "a dead job starts anew under the same keys; one that waits runs now" },
		{ "POST", "/jobs/replay", jobs_replay, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "job.replay",
		    .body = job_replay_body, .reply = job_replay_reply, .status = 202,
		    .says = "every dead job of a kind starts anew under the same keys" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		core_row(t, rows[i], t->service->prefix, rows[i].path, "");
}

/* For services that act at vendors. */
static void
effect_rows(struct core_table *t)
{
	const struct route look = { .method = "POST",
		.handle = effect_look,
		.access = ADMIN | SERVICE,
		.callers = "case",
		.db = WRITE,
		.once = NATURAL,
		.audit = "effect.look_up",
		.params = effect_param,
		.reply = effect_look_reply,
		.status = 202,
		.problems = "404 unknown_effect, 409 no_look_up not_manual",
		.says = "asks the vendor once more about an act that nobody can tell the outcome of; nothing is sent again" };

	core_row(t, look, t->service->prefix, "/effects/:effectId/look-up", "");
}

/* For services that vendors post to. */
static void
webhook_rows(struct core_table *t)
{
	const struct route rows[] = {
		{ "GET", "/webhooks", webhooks_list, .access = ADMIN, .db = READ, .query = webhooks_query, .reply = webhooks_reply,
		    .says = "what vendors posted" },
		{ "GET", "/webhooks/:webhookId", webhook_show, .access = ADMIN, .db = READ_AUDITED, .audit = "webhook.read",
		    .params = webhook_param, .reply = webhook_reply, .problems = "404 not_found", .says = "one, with its bytes" },
		{ "POST", "/webhooks/:webhookId/replay", webhook_replay_one, .access = ADMIN, .db = WRITE, .once = NATURAL,
		    .audit = "webhook.replay", .params = webhook_param, .reply = webhook_replayed, .problems = "404 not_found",
		    .says = "handles it again" },
		{ "POST", "/webhooks/replay", webhooks_replay, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "webhook.replay",
		    .body = webhooks_replay_body, .reply = webhook_replayed, .problems = "404 not_found",
		    .says = "handles all of a time again, in their order or shuffled" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		core_row(t, rows[i], t->service->prefix, rows[i].path, "");
}

static struct core_table *
core_table_new(const struct service *s)
{
	struct core_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		die("out of memory for the core's rows");
	t->service = s;
	health_rows(t);
	if (s->database != NULL) {
		event_rows(t);
		outbox_rows(t);
		job_rows(t);
		if (s->neffects > 0)
			effect_rows(t);
		if (s->nwebhooks > 0)
			webhook_rows(t);
	}
	return t;
}

const struct route *
core_routes(const struct service *s, size_t *n)
{
	struct core_table *t;

	(void)pthread_mutex_lock(&tables_mutex);
	for (t = tables; t != NULL && t->service != s; t = t->next)
		;
	if (t == NULL) {
		t = core_table_new(s);
		t->next = tables;
		tables = t;
	}
	(void)pthread_mutex_unlock(&tables_mutex);
	*n = t->n;
	return t->rows;
}

size_t
route_max_body(const struct route *route)
{
	return route->max_body != 0 ? route->max_body : DEFAULT_MAX_BODY;
}

size_t
routes_max_body(const struct service *s)
{
	size_t most = DEFAULT_MAX_BODY;

	for (size_t i = 0; i < s->nroutes; i++)
		if (route_max_body(&s->routes[i]) > most)
			most = route_max_body(&s->routes[i]);
	return most;
}

/* ---- start-up check */

static int
fault(const struct route *row, struct problem *err, const char *what)
{
	return problem(
	    err, 500, "bad_route", "%s %s: %s", row->method != NULL ? row->method : "?", row->path != NULL ? row->path : "?", what);
}

static bool
names(const struct field *table, const char *name, size_t n)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strlen(table->name) == n && memcmp(table->name, name, n) == 0)
			return true;
	return false;
}

/* req_str finds a name wherever it came in, so it may come in at one place only. */
static int
names_check(const struct route *row, struct problem *err)
{
	for (const struct field *f = row->query; f != NULL && f->name != NULL; f++)
		if (names(row->body, f->name, strlen(f->name)))
			return fault(row, err, "a name is in the query and in the body");
	for (const char *p = strstr(row->path, "/:"); p != NULL; p = strstr(p + 1, "/:")) {
		size_t n = strcspn(p + 2, "/");

		if (names(row->body, p + 2, n) || names(row->query, p + 2, n))
			return fault(row, err, "a path parameter's name is in the query or the body");
	}
	return 0;
}

static int
fields_check(const struct route *row, const struct field *table, int depth, struct problem *err)
{
	for (const struct field *f = table; f != NULL && f->name != NULL; f++) {
		if (f->type < STRING || f->type > ANY)
			return fault(row, err, "a field has no type");
		if (f->type == ENUM && f->values == NULL)
			return fault(row, err, "an ENUM has no values");
		if (f->type == ARRAY && (f->max <= 0 || (f->of == NULL && f->items == 0)))
			return fault(row, err, "an ARRAY needs .max and .of or .items");
		/* A table may name itself (trees); a few floors down it has been seen. */
		if (depth < 8 && fields_check(row, f->of, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int
roles_check(const struct route *row, struct problem *err)
{
	const char *p = row->roles;

	if ((row->access & ROLE) == 0)
		return p == NULL ? 0 : fault(row, err, ".roles without ROLE");
	if (p == NULL || *p == '\0')
		return fault(row, err, "ROLE needs .roles");
	for (; *p != '\0'; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (!token_role_known(p, n))
			return fault(row, err, "a role that nobody can have");
		p += n;
	}
	return 0;
}

static int
access_row_check(const struct service *s, const struct route *row, struct problem *err)
{
	if (row->access == 0)
		return fault(row, err, "access is unset");
	if ((row->access & ~(unsigned)KNOWN_ACCESS) != 0)
		return fault(row, err, "nothing checks this kind of access");
	if ((row->access & SERVICE) != 0 && (row->callers == NULL || *row->callers == '\0'))
		return fault(row, err, "SERVICE needs .callers");
	if ((row->access & WEBHOOK) != 0 && (row->webhook == NULL || row->callers == NULL))
		return fault(row, err, "WEBHOOK needs .webhook, and the vendor's name in .callers");
	if ((row->access & (PUBLIC | WEBHOOK | VENDOR)) != 0 && (row->access & (row->access - 1)) != 0)
		return fault(row, err, "PUBLIC, WEBHOOK and VENDOR stand alone");
	if ((row->access & PATIENT_SELF) != 0 && s->session == NULL)
		return fault(row, err, "PATIENT_SELF needs the service's .session");
	return roles_check(row, err);
}

static int
db_row_check(const struct service *s, const struct route *row, struct problem *err)
{
	bool get = strcmp(row->method, "GET") == 0, unaudited = (row->access & (WEBHOOK | VENDOR)) != 0;

	if (row->db == DB_UNSET)
		return fault(row, err, "db is unset");
	if (row->db != NONE && s->database == NULL)
		return fault(row, err, "the service has no database");
	if (get && row->db == WRITE && !unaudited && row->synchronous == NULL)
		return fault(row, err, "a GET may be repeated by anybody, so it may not write");
	if (row->db == WRITE && !get && !unaudited && row->once == ONCE_UNSET)
		return fault(row, err, "a write says KEY or NATURAL");
	if (row->once == KEY && row->db != WRITE)
		return fault(row, err, "KEY needs a WRITE transaction to keep the answer in");
	if (((row->db == WRITE && !unaudited) || row->db == READ_AUDITED) && row->audit == NULL)
		return fault(row, err, "audit is unset");
	if (row->synchronous != NULL && row->ask == NULL)
		return fault(row, err, "synchronous without .ask");
	return 0;
}

static int
row_check(const struct service *s, const struct route *row, struct problem *err)
{
	if (row->method == NULL || row->path == NULL || row->path[0] != '/' || row->handle == NULL)
		return fault(row, err, "method, path and handler are required");
	if (row->says == NULL)
		return fault(row, err, "says is unset");
	if (access_row_check(s, row, err) < 0 || db_row_check(s, row, err) < 0 || names_check(row, err) < 0)
		return -1;
	if (fields_check(row, row->body, 0, err) < 0 || fields_check(row, row->query, 0, err) < 0 ||
	    fields_check(row, row->params, 0, err) < 0)
		return -1;
	return fields_check(row, row->reply, 0, err);
}

int
routes_check(const struct service *s, struct problem *err)
{
	if (s->prefix == NULL || s->prefix[0] != '/' || s->name == NULL)
		return problem(err, 500, "bad_service", "name and prefix are required");
	for (size_t i = 0; i < s->nroutes; i++) {
		if (row_check(s, &s->routes[i], err) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(s->routes[k].path, s->routes[i].path) == 0 &&
			    strcmp(s->routes[k].method, s->routes[i].method) == 0)
				return fault(&s->routes[i], err, "is in the table twice");
	}
	return 0;
}
