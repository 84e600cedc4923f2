/*
 * journey.c: see journey.h. Its dry steps stand first and last in the table, so that their order is the engine's doing.
 */
#include "core.h"

#include "journey.h"

static const char trail_sql[] = "INSERT INTO trail (what) VALUES ($1)";

struct world *world;
struct crew crew;
struct uuid subject;

/* ---- the peers */

static struct answer answers[64];
static size_t nanswers;
struct call calls[MOST_CALLS];
size_t ncalls;

static void
note_call(const struct http_call *call)
{
	assert_true(ncalls < COUNT(calls));
	(void)snprintf(calls[ncalls].what, sizeof(calls[ncalls].what), "%s %s", call->method,
	    strstr(call->url, "internal") + strlen("internal"));
	(void)snprintf(calls[ncalls].body, sizeof(calls[ncalls].body), "%.*s", (int)call->body.n,
	    call->body.p == NULL ? "" : (const char *)call->body.p);
	calls[ncalls].key[0] = '\0';
	for (size_t i = 0; call->headers[i] != NULL; i++)
		if (strncmp(call->headers[i], "Idempotency-Key: ", 17) == 0)
			(void)snprintf(calls[ncalls].key, sizeof(calls[ncalls].key), "%s", call->headers[i] + 17);
	ncalls++;
}

static void
peer(void *context UNUSED, struct arena *a UNUSED, const struct http_call *call, struct http_answer *ret,
    const char *const **headers)
{
	const char *path;

	*headers = NULL;
	note_call(call);
	path = strchr(calls[ncalls - 1].what, ' ') + 1;
	for (size_t i = nanswers; i > 0; i--) {
		struct answer *x = &answers[i - 1];

		if (strcmp(x->path, path) != 0 || x->times == 0)
			continue;
		x->times--;
		if (x->meanwhile != NULL)
			x->meanwhile();
		*ret = (struct http_answer){ .outcome = x->status == 0 ? HTTP_UNKNOWN : HTTP_ANSWERED,
			.status = x->status,
			.body = BYTES_OF(x->body == NULL ? "{}" : x->body) };
		return;
	}
	*ret = (struct http_answer){
		.outcome = HTTP_ANSWERED, .status = 200, .body = BYTES_OF("{\"paymentId\":\"p1\",\"state\":\"pending\"}")
	};
}

struct answer *
says(const char *path, int times, int status, const char *body)
{
	answers[nanswers] = (struct answer){ .path = path, .status = status, .body = body, .times = times };
	return &answers[nanswers++];
}

/* The calls in their order, without the reads and the news to the inbox of the staff: "POST /a, POST /b". */
const char *
acts(void)
{
	struct buf b = buf_in(world_arena(world), 8192);

	for (size_t i = 0; i < ncalls; i++)
		if (strncmp(calls[i].what, "GET", 3) != 0 && strstr(calls[i].what, "/events") == NULL)
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", strchr(calls[i].what, ' ') + 1);
	return buf_str(&b);
}

unsigned
called(const char *what)
{
	unsigned n = 0;

	for (size_t i = 0; i < ncalls; i++)
		n += strcmp(calls[i].what, what) == 0;
	return n;
}

/* ---- the saga under test */

static int
trail(struct saga *s, const char *what, struct problem *err)
{
	return db_exec(s->db, trail_sql, err, P_TEXT(what)) < 0 ? -1 : 0;
}

static int
config_do(struct saga *s, struct problem *err)
{
	if (trail(s, "wrote", err) < 0)
		return -1;
	if (strcmp(saga_str(s, "medication"), "none") == 0)
		return problem(err, 422, "no_such_medication", "test");
	saga_put(s, "price", json_integer(4900));
	return 0;
}

static int
ask(struct saga_call *call, const char *service, const char *method, const char *path, const char *body)
{
	*call = (struct saga_call){ .service = service, .method = method, .path = path, .body = body, .patient = subject };
	return 0;
}

static int
lookup_plan(struct saga *s UNUSED, struct saga_call *call, struct problem *err UNUSED)
{
	return ask(call, "intake", "GET", "/intake/submissions/1", NULL);
}

static int
lookup_take(struct saga *s, const json_t *reply, struct problem *err)
{
	if (json_text_at(reply, "missing") != NULL)
		return problem(err, 422, "no_address", "test");
	saga_put(s, "region", json_string("TX"));
	return 0;
}

static int
pay_plan(struct saga *s, struct saga_call *call, struct problem *err UNUSED)
{
	return ask(call, "billing", "POST", "/billing/payments",
	    arena_printf(s->arena, "{\"amount\":%d,\"name\":\"Jane Roe\"}", (int)saga_int(s, "price")));
}

static int
pay_take(struct saga *s, const json_t *reply, struct problem *err UNUSED)
{
	saga_put(s, "paymentId", json_string(json_text_at(reply, "paymentId")));
	return 0;
}

static int
pay_poll(struct saga *s UNUSED, struct saga_call *call, struct problem *err UNUSED)
{
	return ask(call, "billing", "GET", "/billing/payments/p1", NULL);
}

static int
pay_polled(struct saga *s, const json_t *reply, struct problem *err)
{
	if (strcmp(json_text_at(reply, "state"), "authorized") != 0)
		return 0;
	return saga_resume(s->db, "journey", s->subject, "pay", true, NULL, "{\"by\":\"poll\"}", err);
}

static int
pay_undo(struct saga *s UNUSED, struct saga_call *call, struct problem *err UNUSED)
{
	return ask(call, "billing", "POST", "/billing/cancel", "{}");
}

static int
note_plan(struct saga *s UNUSED, struct saga_call *call, struct problem *err UNUSED)
{
	return ask(call, "integration", "POST", "/api/note", "{}");
}

static int
ship_plan(struct saga *s UNUSED, struct saga_call *call, struct problem *err UNUSED)
{
	return ask(call, "shipping", "POST", "/shipping/shipments", "{}");
}

static int
ship_undo(struct saga *s, struct saga_call *call UNUSED, struct problem *err)
{
	return trail(s, "unshipped", err);
}

static int
book_plan(struct saga *s UNUSED, struct saga_call *call, struct problem *err UNUSED)
{
	return ask(call, "notify", "POST", "/notify/book", "{}");
}

static int
book_undo(struct saga *s UNUSED, struct saga_call *call, struct problem *err UNUSED)
{
	return ask(call, "notify", "POST", "/notify/unbook", "{}");
}

static int
nothing_plan(struct saga *s UNUSED, struct saga_call *call UNUSED, struct problem *err UNUSED)
{
	return 0;
}

static int
last_do(struct saga *s, struct problem *err)
{
	if (strcmp(saga_str(s, "medication"), "late") == 0)
		return problem(err, 409, "too_late", "test");
	return 0;
}

static int
moved(struct saga *s, const struct saga_step *step, const char *state, const char *reason, struct problem *err)
{
	return trail(s,
	    arena_printf(s->arena, "%s:%s%s%s", step->name, state, reason == NULL ? "" : ":", reason == NULL ? "" : reason), err);
}

static int
ended(struct saga *s, const char *state, const char *reason, struct problem *err)
{
	return trail(s, arena_printf(s->arena, "ended:%s:%s", state, reason == NULL ? "" : reason), err);
}

static const struct saga_step steps[] = {
	{ .name = "config", .kind = LOCAL, .dry = true, .local = config_do },
	{ .name = "pay",
	    .kind = AWAIT,
	    .deadline_s = 60,
	    .plan = pay_plan,
	    .take = pay_take,
	    .poll = pay_poll,
	    .polled = pay_polled,
	    .undo = pay_undo },
	{ .name = "note", .kind = CALL, .warn_only = true, .plan = note_plan },
	{ .name = "ship", .kind = AWAIT, .deadline_s = 60, .plan = ship_plan, .undo = ship_undo },
	{ .name = "book", .kind = CALL, .plan = book_plan, .undo = book_undo },
	{ .name = "extra", .kind = CALL, .plan = nothing_plan },
	{ .name = "last", .kind = LOCAL, .local = last_do },
	{ .name = "lookup", .kind = CALL, .dry = true, .plan = lookup_plan, .take = lookup_take },
};
static const struct saga_kind journey = {
	.name = "journey", .steps = steps, .nsteps = COUNT(steps), .ended = ended, .moved = moved
};
static const struct saga_kind *const sagas[] = { &journey };
static const struct job_row jobs[] = {
	{ "saga.step", saga_step_job, .queue = "saga", .attempts = 4, .says = "test" },
	{ "saga.deadline", saga_deadline_job, .queue = "saga", .says = "test" },
};
static const struct topic topics[] = { { 0 } };
static const struct service service = {
	.name = "orchestrator",
	.prefix = "/orchestrator",
	.says = "sagas under test",
	TABLE(jobs, njobs, jobs),
	TABLE(sagas, nsagas, sagas),
	.topics = topics,
};
const struct service *const crew_service = &service;

int
clean(void **state UNUSED)
{
	crew_unhurried();
	sql_run(world, "TRUNCATE job, saga_step, saga, trail RESTART IDENTITY");
	nanswers = ncalls = 0;
	subject = uuid_new();
	return 0;
}

struct uuid
start(const char *medication)
{
	struct uuid id = UUID_NIL;

	tx_begin(world);
	MUST(saga_start(world_db(world), "journey", subject, text(world, "{\"medication\":\"%s\"}", medication), &id, &err));
	tx_end(world);
	return id;
}

void
resume(const char *step, bool ok, const char *reason, const char *detail)
{
	tx_begin(world);
	MUST(saga_resume(world_db(world), "journey", subject, step, ok, reason, detail, &err));
	tx_end(world);
}

/* While our call is on its way, on another connection. */
void
resume_elsewhere(void)
{
	struct hand *h = &crew.hands[0];
	struct problem err = { 0 };

	must(db_begin(h->db, WRITE, &h->scope, &err), &err, __FILE__, __LINE__);
	must(saga_resume(h->db, "journey", subject, "pay", true, NULL, "{\"by\":\"event\"}", &err), &err, __FILE__, __LINE__);
	must(db_commit(h->db, &err), &err, __FILE__, __LINE__);
}

const char *
way(void)
{
	return sql_text(world, "SELECT string_agg(what, ' ' ORDER BY id) FROM trail WHERE what <> 'wrote'");
}

const char *
state_of(const char *step)
{
	return sql_text(world, "SELECT state FROM saga_step WHERE name = '%s' AND NOT undo", step);
}

void
expect_saga(const char *state, const char *reason)
{
	assert_string_equal(sql_text(world, "SELECT state FROM saga"), state);
	assert_string_equal(sql_text(world, "SELECT reason FROM saga"), reason);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM trail WHERE what LIKE 'ended:%%'"), strcmp(state, "running") == 0 ? 0 : 1);
}

int
setup(void **state UNUSED)
{
	world = world_new(&service, NULL);
	http_intercept(peer, NULL);
	crew_open(&crew, world, 1);
	sql_run(world, "CREATE TABLE trail (id bigint GENERATED ALWAYS AS IDENTITY, what text); GRANT INSERT ON trail TO PUBLIC");
	return 0;
}

int
teardown(void **state UNUSED)
{
	crew_close(&crew);
	world_free(world);
	return 0;
}

