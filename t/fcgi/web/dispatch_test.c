/* dispatch_test.c: a request's way through the core without a wire and without a database: matching, access, input,
 * problems, replies. */
#include "fcgi/unit.h"

#include "base/json.h"
#include "base/log.h"
#include "service.h"
#include "web/serve.h"

#define ADMIN_SECRET "an-administrators-secret-of-the-test"
#define SOME_ID      "01890a5d-ac96-774b-bcce-b302099a8057"

/* ---- a service that says what it got */

static int
say_route(struct req *r, struct problem *err)
{
	struct json_writer *w = reply_json(r, 200);

	(void)err;
	jw_object(w, NULL);
	jw_str(w, "route", r->route->path);
	jw_str(w, "actor", r->scope.actor);
	jw_opt_str(w, "id", req_opt_str(r, "id"));
	jw_opt_str(w, "name", req_opt_str(r, "name"));
	jw_opt_int(w, "n", req_has(r, "n"), req_int(r, "n", 0));
	jw_opt_int(w, "words", req_has(r, "words"), (int64_t)json_array_size(req_json(r, "words")));
	if (req_has(r, "flag"))
		jw_bool(w, "flag", req_bool(r, "flag"));
	return 0; /* the core ends what is open */
}

static int
fail_with_nothing(struct req *r, struct problem *err)
{
	(void)r;
	(void)err;
	return -1;
}

static int
fail_later(struct req *r, struct problem *err)
{
	(void)say_route(r, err);
	(void)problem(err, 503, "later", "try again");
	err->retry_after = 7;
	return -1;
}

static int
split_header(struct req *r, struct problem *err)
{
	reply_header(r, "X-Bad", "a\r\nSet-Cookie: b");
	return say_route(r, err);
}

static int
check_hook(struct req *r, struct problem *err)
{
	const char *s = req_header(r, "x-hook");

	if (s == NULL || strcmp(s, "right") != 0)
		return problem(err, 401, "bad_signature", "the signature does not fit");
	r->scope.actor = "webhook:someone";
	return 0;
}

static int
break_contract(struct req *r, struct problem *err)
{
	struct json_writer *w = reply_json(r, 200);

	(void)err;
	jw_object(w, NULL);
	jw_str(w, "surprise", "x");
	jw_end(w);
	return 0;
}

static const struct field body[] = { { "name", STRING, .required = true, .max = 10 }, { "n", INTEGER, .max = 9 }, { 0 } };
static const struct field optional[] = { { "name", STRING }, { 0 } };
static const struct field query[] = { { "n", INTEGER, .max = 50 }, { "flag", BOOLEAN },
	{ "words", ARRAY, .items = STRING, .max = 3 }, { 0 } };
static const struct field number[] = { { "id", INTEGER, .min = 1, .max = 99 }, { 0 } };
static const struct field said[] = { { "route", STRING, .required = true }, { 0 } };

static const struct route routes[] = {
	{ "GET", "/toy/:id", say_route, .access = PUBLIC, .db = NONE, .says = "by id" },
	{ "GET", "/toy/queue", say_route, .access = PUBLIC, .db = NONE, .query = query, .says = "a literal beside a parameter" },
	{ "POST", "/toy/queue", say_route, .access = PUBLIC, .db = NONE, .body = body, .says = "with a body" },
	{ "POST", "/toy/form", say_route, .access = PUBLIC, .db = NONE, .kind = BODY_FORM, .body = body, .says = "with a form" },
	{ "POST", "/toy/maybe", say_route, .access = PUBLIC, .db = NONE, .body = optional, .says = "a body that may be left out" },
	{ "POST", "/toy/raw", say_route, .access = PUBLIC, .db = NONE, .kind = BODY_RAW, .max_body = 10, .says = "ten bytes" },
	{ "GET", "/toy/:id/parts", say_route, .access = PUBLIC, .db = NONE, .params = number, .says = "a number in the path" },
	{ "GET", "/toy/all/*", say_route, .access = PUBLIC, .db = NONE, .says = "the rest" },
	{ "GET", "/toy/end/", say_route, .access = PUBLIC, .db = NONE, .says = "a slash at the end" },
	{ "GET", "/toy/a/admin", say_route, .access = ADMIN, .db = NONE, .says = "for the administrator" },
	{ "GET", "/toy/a/service", say_route, .access = SERVICE, .callers = "intake", .db = NONE, .says = "for a service" },
	{ "POST", "/toy/a/hook", say_route, .access = WEBHOOK, .callers = "stripe", .webhook = check_hook, .kind = BODY_RAW, .db = NONE,
	    .says = "for a vendor" },
	{ "GET", "/toy/b/nothing", fail_with_nothing, .access = PUBLIC, .db = NONE, .says = "fails without a reason" },
	{ "GET", "/toy/b/later", fail_later, .access = PUBLIC, .db = NONE, .says = "fails for now" },
	{ "GET", "/toy/b/split", split_header, .access = PUBLIC, .db = NONE, .says = "a header with a line break" },
	{ "GET", "/toy/b/contract", break_contract, .access = PUBLIC, .db = NONE, .reply = said,
	    .says = "answers what its table does not say" },
};
static const struct service toy = { .name = "toy", .prefix = "/toy", .says = "of a test", TABLE(routes, nroutes, routes) };

/* ---- one request */

static struct arena *arena;
static struct conf *conf;
static struct req reply;
static json_t *answer;

static int
setup(void **state)
{
	static const struct conf_key *const tables[] = { core_conf, peer_conf, NULL };
	struct problem err = { 0 };

	(void)state;
	log_open("toy", LOG_ERROR + 1);
	(void)setenv("ADMIN_SECRET", ADMIN_SECRET, 1);
	(void)setenv("TELERX_CHECK_REPLIES", "1", 1);
	arena = arena_new(0);
	conf = conf_load(tables, &err);
	return conf != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	conf_free(conf);
	arena_free(arena);
	return 0;
}

static void
ask(const char *method, const char *target, const char *header, const char *value, const char *text)
{
	const struct header headers[] = { { "content-type", "application/json; charset=utf-8" }, { header, value } };
	struct serve_context c = { .service = &toy, .conf = conf, .arena = arena };
	struct wire_request wire = {
		.method = method,
		.target = target,
		.remote = "192.0.2.1",
		.headers = headers,
		.nheaders = header != NULL ? 2 : 1,
		.body = text != NULL ? BYTES_OF(text) : BYTES("", 0),
	};
	struct problem err = { 0 };

	/* The caller's content type, when it names one, is the one that counts. */
	if (header != NULL && strcmp(header, "content-type") == 0)
		wire.headers = headers + 1, wire.nheaders = 1;
	arena_reset(arena);
	dispatch(&c, &wire, &reply);
	answer = json_read(arena, buf_str(&reply.out), reply.out.len, &err);
}

static void
get(const char *target)
{
	ask("GET", target, NULL, NULL, NULL);
}

static const char *
reply_header_of(const char *name)
{
	for (size_t i = 0; i < reply.nreply_headers; i++)
		if (strcmp(reply.reply_headers[i].name, name) == 0)
			return reply.reply_headers[i].value;
	return NULL;
}

static void
expect(int status, const char *path, const char *value)
{
	const char *s = json_text_at(answer, path);

	assert_int_equal(reply.status, status);
	assert_string_equal(s != NULL ? s : "(nothing)", value);
}

/* ---- matching */

static void
the_closest_row_answers(void **state)
{
	static const struct {
		const char *target, *route;
	} cases[] = {
		{ "/toy/queue", "/toy/queue" },
		{ "/toy/qu%65ue", "/toy/queue" },
		{ "/toy/" SOME_ID, "/toy/:id" },
		{ "/toy/7/parts", "/toy/:id/parts" },
		{ "/toy/all/x", "/toy/all/*" },
		{ "/toy/all/x/y/z", "/toy/all/*" },
		{ "/toy/end/", "/toy/end/" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		get(cases[i].target);
		expect(200, "route", cases[i].route);
	}
}

static void
what_is_not_there_is_404(void **state)
{
	static const char *const targets[] = {
		"/",
		"/toy",
		"/toy/",
		"/toy/queue/x",
		"/toys/queue",
		"/toy/7/parts/",
		"/toy/%2e%2e/queue",
		"/toy/../queue",
		"/toy/%zz",
		"/toy/%00",
		"/toy/a%2fadmin/x",
		"",
		"x",
		"/toy/%ff%fe/parts",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(targets); i++) {
		get(targets[i]);
		if (reply.status != 404)
			fail_msg("%s: %d", targets[i], reply.status);
		expect(404, "code", "not_found");
	}
}

static void
another_method_is_405_and_told(void **state)
{
	(void)state;
	ask("DELETE", "/toy/queue", NULL, NULL, NULL);
	expect(405, "code", "method_not_allowed");
	assert_string_equal(reply_header_of("Allow"), "GET, POST");
}

static void
every_service_has_the_core_s_rows(void **state)
{
	static const char *const targets[] = { "/health/live", "/health/ready", "/health/toy/live", "/health/toy/ready" };

	(void)state;
	for (size_t i = 0; i < COUNT(targets); i++) {
		get(targets[i]);
		assert_int_equal(reply.status, 200);
		assert_string_equal(json_text_at(answer, "service"), "toy");
	}
	get("/metrics");
	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(buf_str(&reply.out), "http_requests_total{route=\"GET /health/live\",status=\"200\"}"));
}

/* ---- input */

static void
path_parameters_are_checked(void **state)
{
	(void)state;
	get("/toy/7x");
	expect(422, "errors.0.field", "id");
	get("/toy/99/parts");
	assert_int_equal(reply.status, 200);
	get("/toy/100/parts");
	expect(422, "errors.0.code", "range");
}

static void
a_query_is_typed(void **state)
{
	(void)state;
	get("/toy/queue?n=50&flag=true&words=a,b&words=c%2b+d");
	assert_int_equal(reply.status, 200);
	assert_int_equal(json_int_at(answer, "n", -1), 50);
	assert_int_equal(json_int_at(answer, "words", -1), 3);
	assert_true(json_is_true(json_at(answer, "flag")));
}

static void
a_query_is_checked(void **state)
{
	static const struct {
		const char *target;
		int status;
		const char *code;
	} cases[] = {
		{ "/toy/queue?n=51", 422, "validation_failed" },
		{ "/toy/queue?n=1e3", 422, "validation_failed" },
		{ "/toy/queue?n=", 422, "validation_failed" },
		{ "/toy/queue?n=99999999999999999999", 422, "validation_failed" },
		{ "/toy/queue?flag=1", 422, "validation_failed" },
		{ "/toy/queue?words=a,b,c,d", 422, "validation_failed" },
		{ "/toy/queue?n=1&n=2", 400, "duplicate_field" },
		{ "/toy/queue?m=1", 400, "unknown_field" },
		{ "/toy/queue?n=%1", 400, "malformed_input" },
		{ "/toy/end/?n=1", 400, "unknown_field" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		get(cases[i].target);
		expect(cases[i].status, "code", cases[i].code);
	}
}

static void
a_body_is_checked(void **state)
{
	static const struct {
		const char *text;
		int status;
		const char *code;
	} cases[] = {
		{ "{\"name\":", 400, "malformed_json" },
		{ "{\"name\":\"a\",\"name\":\"b\"}", 400, "malformed_json" },
		{ "", 400, "malformed_json" },
		{ "{\"name\":\"a\",\"m\":1}", 400, "unknown_field" },
		{ "{\"n\":1}", 422, "validation_failed" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		ask("POST", "/toy/queue", NULL, NULL, cases[i].text);
		expect(cases[i].status, "code", cases[i].code);
	}
	ask("POST", "/toy/queue", NULL, NULL, "{\"name\":\"a\",\"n\":9}");
	expect(200, "name", "a");
}

static void
a_body_has_the_row_s_type(void **state)
{
	static const char *const types[] = { "text/plain", "application/jsonx", "application/problem+json" };

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		ask("POST", "/toy/queue", "content-type", types[i], "{\"name\":\"a\"}");
		expect(415, "code", "unsupported_media_type");
	}
	ask("POST", "/toy/queue", "content-type", "Application/JSON", "{\"name\":\"a\"}");
	assert_int_equal(reply.status, 200);
	ask("POST", "/toy/form", NULL, NULL, "name=a");
	assert_int_equal(reply.status, 415);
	ask("POST", "/toy/form", "content-type", "application/x-www-form-urlencoded", "name=a+b%21&n=4");
	expect(200, "name", "a b!");
	assert_int_equal(json_int_at(answer, "n", -1), 4);
}

static void
a_body_may_be_left_out_where_nothing_is_required(void **state)
{
	(void)state;
	ask("POST", "/toy/maybe", NULL, NULL, NULL);
	assert_int_equal(reply.status, 200);
	ask("GET", "/toy/queue", NULL, NULL, "{\"name\":1}");
	expect(400, "code", "unknown_field");
}

static void
a_row_has_its_own_size(void **state)
{
	(void)state;
	ask("POST", "/toy/raw", NULL, NULL, "0123456789");
	assert_int_equal(reply.status, 200);
	ask("POST", "/toy/raw", NULL, NULL, "0123456789a");
	expect(413, "code", "body_too_large");
}

/* ---- access */

static void
the_administrator_s_secret_opens_admin_rows(void **state)
{
	const char *challenge;

	(void)state;
	get("/toy/a/admin");
	expect(401, "code", "unauthorized");
	challenge = reply_header_of("WWW-Authenticate");
	assert_true(challenge != NULL && strstr(challenge, "Bearer") != NULL);
	ask("GET", "/toy/a/admin", "authorization", "Bearer " ADMIN_SECRET, NULL);
	expect(200, "actor", "system:admin");
	ask("GET", "/toy/a/admin", "authorization", "Bearer " ADMIN_SECRET "x", NULL);
	assert_int_equal(reply.status, 401);
	ask("GET", "/toy/a/admin", "authorization", "Bearer ", NULL);
	assert_int_equal(reply.status, 401);
	ask("GET", "/toy/a/admin", "authorization", "Basic " ADMIN_SECRET, NULL);
	assert_int_equal(reply.status, 401);
}

/* Keys of callers are rows; a process that cannot read them lets nobody in. */
static void
without_a_database_no_service_is_let_in(void **state)
{
	(void)state;
	ask("GET", "/toy/a/service", "x-api-key", "k", NULL);
	expect(503, "code", "database_unavailable");
	assert_string_equal(reply_header_of("Retry-After"), "1");
}

static void
a_webhook_is_let_in_by_its_own_check(void **state)
{
	(void)state;
	ask("POST", "/toy/a/hook", "x-hook", "wrong", "{}");
	expect(401, "code", "bad_signature");
	ask("POST", "/toy/a/hook", "x-hook", "right", "{}");
	expect(200, "actor", "webhook:someone");
}

/* ---- replies */

static void
a_problem_replaces_what_was_written(void **state)
{
	(void)state;
	get("/toy/b/later");
	expect(503, "code", "later");
	assert_string_equal(json_text_at(answer, "type"), "/problems/later");
	assert_string_equal(json_text_at(answer, "title"), "Service Unavailable");
	assert_int_equal(json_int_at(answer, "status", 0), 503);
	assert_string_equal(json_text_at(answer, "instance"), reply.id);
	assert_null(json_at(answer, "errors"));
	assert_string_equal(reply.content_type, "application/problem+json");
	assert_string_equal(reply_header_of("Retry-After"), "7");
}

static void
a_failure_without_a_reason_is_500(void **state)
{
	(void)state;
	get("/toy/b/nothing");
	expect(500, "code", "unexplained");
}

static void
every_reply_has_its_headers(void **state)
{
	(void)state;
	ask("GET", "/toy/b/split", "x-none", "", NULL);
	assert_null(reply_header_of("X-Bad"));
	assert_string_equal(reply_header_of("Cache-Control"), "no-store");
	assert_string_equal(reply_header_of("X-Content-Type-Options"), "nosniff");
	assert_string_equal(reply_header_of("X-Request-Id"), reply.id);
	assert_int_equal(strlen(reply.id), 36);
}

static void
a_reply_that_breaks_its_table_is_500(void **state)
{
	(void)state;
	get("/toy/b/contract");
	expect(500, "code", "reply_contract");
	assert_non_null(strstr(json_text_at(answer, "detail"), "surprise"));
}

/* ---- the table itself */

static const struct field twice[] = { { "id", STRING }, { 0 } };
static const struct field endless[] = { { "list", ARRAY, .items = STRING }, { 0 } };

static const struct {
	const char *why;
	struct route row;
} faults[] = {
	{ "access is unset", { "GET", "/x", say_route, .db = NONE, .says = "x" } },
	{ "db is unset", { "GET", "/x", say_route, .access = PUBLIC, .says = "x" } },
	{ "says is unset", { "GET", "/x", say_route, .access = PUBLIC, .db = NONE } },
	{ "handler", { "GET", "/x", NULL, .access = PUBLIC, .db = NONE, .says = "x" } },
	{ "KEY or NATURAL", { "POST", "/x", say_route, .access = ADMIN, .db = WRITE, .audit = "x", .says = "x" } },
	{ "audit is unset", { "POST", "/x", say_route, .access = ADMIN, .db = WRITE, .once = KEY, .says = "x" } },
	{ "audit is unset", { "GET", "/x", say_route, .access = ADMIN, .db = READ_AUDITED, .says = "x" } },
	{ "may not write", { "GET", "/x", say_route, .access = ADMIN, .db = WRITE, .audit = "x", .says = "x" } },
	{ "KEY needs", { "POST", "/x", say_route, .access = ADMIN, .db = READ, .once = KEY, .says = "x" } },
	{ "callers", { "GET", "/x", say_route, .access = SERVICE, .db = NONE, .says = "x" } },
	{ "webhook", { "POST", "/x", say_route, .access = WEBHOOK, .db = NONE, .says = "x" } },
	{ "stand alone", { "GET", "/x", say_route, .access = PUBLIC | ADMIN, .db = NONE, .says = "x" } },
	{ "nothing checks", { "GET", "/x", say_route, .access = PARTNER, .db = NONE, .says = "x" } },
	{ "session", { "GET", "/x", say_route, .access = PATIENT_SELF, .db = NONE, .says = "x" } },
	{ "path parameter", { "POST", "/x/:id", say_route, .access = PUBLIC, .db = NONE, .body = twice, .says = "x" } },
	{ "in the query and in the body",
	    { "POST", "/x", say_route, .access = PUBLIC, .db = NONE, .body = twice, .query = twice, .says = "x" } },
	{ "ARRAY", { "POST", "/x", say_route, .access = PUBLIC, .db = NONE, .body = endless, .says = "x" } },
	{ "synchronous", { "POST", "/x", say_route, .access = PUBLIC, .db = NONE, .synchronous = "stripe", .says = "x" } },
};

static void
a_table_with_a_hole_is_refused(void **state)
{
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(routes_check(&toy, &err), 0);
	for (size_t i = 0; i < COUNT(faults); i++) {
		const struct service s = {
			.name = "bad", .prefix = "/bad", .database = "bad", .routes = &faults[i].row, .nroutes = 1
		};

		err = (struct problem){ 0 };
		if (routes_check(&s, &err) == 0)
			fail_msg("accepted: %s", faults[i].why);
		if (strstr(err.detail, faults[i].why) == NULL)
			fail_msg("%s, expected: %s", err.detail, faults[i].why);
	}
}

static void
a_row_twice_is_refused(void **state)
{
	static const struct route rows[] = {
		{ "GET", "/x", say_route, .access = PUBLIC, .db = NONE, .says = "x" },
		{ "GET", "/x", say_route, .access = ADMIN, .db = NONE, .says = "x" },
	};
	const struct service s = { .name = "bad", .prefix = "/bad", TABLE(routes, nroutes, rows) };
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(routes_check(&s, &err), -1);
	assert_non_null(strstr(err.detail, "twice"));
}

static void
the_table_prints_as_openapi(void **state)
{
	struct buf out = BUF_INIT((size_t)1 << 20);
	struct problem err = { 0 };
	json_t *doc, *op;

	(void)state;
	openapi_print(&toy, &out);
	assert_false(out.failed);
	arena_reset(arena);
	doc = json_read(arena, out.data, out.len, &err);
	assert_non_null(doc);
	assert_string_equal(json_string_value(json_object_get(doc, "openapi")), "3.1.0");
	op = json_object_get(json_object_get(json_object_get(doc, "paths"), "/toy/{id}/parts"), "get");
	assert_string_equal(json_text_at(op, "parameters.0.name"), "id");
	assert_string_equal(json_text_at(op, "parameters.0.schema.type"), "integer");
	op = json_object_get(json_object_get(json_object_get(doc, "paths"), "/toy/queue"), "post");
	assert_non_null(json_object_get(
	    json_object_get(json_object_get(json_at(op, "requestBody.content"), "application/json"), "schema"), "required"));
	assert_non_null(json_object_get(json_object_get(op, "responses"), "422"));
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_closest_row_answers),
		cmocka_unit_test(what_is_not_there_is_404),
		cmocka_unit_test(another_method_is_405_and_told),
		cmocka_unit_test(every_service_has_the_core_s_rows),
		cmocka_unit_test(path_parameters_are_checked),
		cmocka_unit_test(a_query_is_typed),
		cmocka_unit_test(a_query_is_checked),
		cmocka_unit_test(a_body_is_checked),
		cmocka_unit_test(a_body_has_the_row_s_type),
		cmocka_unit_test(a_body_may_be_left_out_where_nothing_is_required),
		cmocka_unit_test(a_row_has_its_own_size),
		cmocka_unit_test(the_administrator_s_secret_opens_admin_rows),
		cmocka_unit_test(without_a_database_no_service_is_let_in),
		cmocka_unit_test(a_webhook_is_let_in_by_its_own_check),
		cmocka_unit_test(a_problem_replaces_what_was_written),
		cmocka_unit_test(a_failure_without_a_reason_is_500),
		cmocka_unit_test(every_reply_has_its_headers),
		cmocka_unit_test(a_reply_that_breaks_its_table_is_500),
		cmocka_unit_test(a_table_with_a_hole_is_refused),
		cmocka_unit_test(a_row_twice_is_refused),
		cmocka_unit_test(the_table_prints_as_openapi),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
