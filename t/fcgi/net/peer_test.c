/* peer_test.c: a peer's call carries who calls, a signature over all of it and the request id; and how its answer is read. */
#include "fcgi/unit.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/signature.h"
#include "net/breaker.h"
#include "net/peer.h"

#define SECRET "a-secret-between-two-services-0123456789"

static struct arena *arena;
static struct http *http;
static struct conf *conf;

/* What the transport saw and what it says. */
static struct {
	const char *api_key, *timestamp, *nonce, *signature, *request_id, *key;
	const char *url, *method, *socket;
	struct bytes body;
	struct http_answer answer;
} wire;

static const char *
header(const char *const *headers, const char *name)
{
	size_t n = strlen(name);

	for (; *headers != NULL; headers++)
		if (strncmp(*headers, name, n) == 0 && strncmp(*headers + n, ": ", 2) == 0)
			return arena_dup(arena, *headers + n + 2);
	return NULL;
}

static void
take(void *context, struct arena *a, const struct http_call *c, struct http_answer *ret, const char *const **headers)
{
	(void)context;
	(void)a;
	(void)headers;
	wire.api_key = header(c->headers, "X-API-Key");
	wire.timestamp = header(c->headers, "X-Timestamp");
	wire.nonce = header(c->headers, "X-Nonce");
	wire.signature = header(c->headers, "X-Signature");
	wire.request_id = header(c->headers, "X-Request-Id");
	wire.key = header(c->headers, "Idempotency-Key");
	wire.url = c->url;
	wire.method = c->method;
	wire.socket = c->unix_socket;
	wire.body = c->body;
	*ret = wire.answer;
}

static void
answer_with(int status, const char *body, int retry_after)
{
	wire.answer =
	    (struct http_answer){ .outcome = HTTP_ANSWERED, .status = status, .body = BYTES_OF(body), .retry_after = retry_after };
}

static int
setup(void **state)
{
	static const struct conf_key *const tables[] = { peer_conf, NULL };
	struct problem err = { 0 };

	(void)state;
	log_open("test", LOG_ERROR + 1);
	(void)setenv("PEER_SOCKET", "/run/internal.sock", 1);
	(void)setenv("SERVICE_KEY", "toy-key", 1);
	(void)setenv("SERVICE_SECRET", SECRET, 1);
	arena = arena_new(0);
	http = http_new(NULL, NULL);
	conf = conf_load(tables, &err);
	breaker_reset(NULL);
	http_intercept(take, NULL);
	return conf != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	http_intercept(NULL, NULL);
	breaker_reset(NULL);
	conf_free(conf);
	http_free(http);
	arena_free(arena);
	return 0;
}

static const struct peer_call claim = {
	.service = "registry",
	.method = "POST",
	.path = "/route/claim?x=1",
	.key = "0123456789abcdef",
	.body = "{\"a\":1}",
};

static void
a_call_is_signed_over_all_of_it(void **state)
{
	struct peer_reply reply;
	struct problem err = { 0 };
	struct signed_call c;

	(void)state;
	answer_with(200, "{\"ok\":true}", 0);
	log_request_id("request-7");
	assert_int_equal(peer_call(http, arena, conf, &claim, &reply, &err), 0);
	log_request_id(NULL);
	assert_string_equal(wire.url, "http://telerx.internal/route/claim?x=1");
	assert_string_equal(wire.socket, "/run/internal.sock");
	assert_string_equal(wire.api_key, "toy-key");
	assert_string_equal(wire.request_id, "request-7");
	assert_string_equal(wire.key, "0123456789abcdef");
	c = (struct signed_call){ wire.timestamp, wire.nonce, "POST", "/route/claim?x=1", wire.body };
	assert_int_equal(service_check_v2(SECRET, &c, wire.signature, clock_us(), &err), 0);
	c.target = "/route/claim?x=2";
	assert_int_equal(service_check_v2(SECRET, &c, wire.signature, clock_us(), &err), -1);
	assert_true(json_is_true(json_object_get(reply.body, "ok")));
	assert_int_equal(peer_expect(&claim, &reply, &err), 0);
}

static void
two_calls_have_two_nonces(void **state)
{
	struct peer_reply reply;
	struct problem err = { 0 };
	char first[64];

	(void)state;
	answer_with(204, "", 0);
	assert_int_equal(peer_call(http, arena, conf, &claim, &reply, &err), 0);
	(void)snprintf(first, sizeof(first), "%s", wire.nonce);
	assert_int_equal(peer_call(http, arena, conf, &claim, &reply, &err), 0);
	assert_string_not_equal(first, wire.nonce);
	assert_null(reply.body);
}

static const struct {
	int status, retry_after;
	const char *body;
	int said;
	const char *code;
	enum fault fault;
} readings[] = {
	{ 404, 0, "{\"code\":\"not_found\",\"detail\":\"no such\"}", 404, "not_found", FAULT_PERMANENT },
	{ 422, 0, "{\"code\":\"under_age\",\"detail\":\"18\"}", 422, "under_age", FAULT_PERMANENT },
	{ 409, 0, "{\"code\":\"claim_conflict\",\"detail\":\"taken\"}", 409, "claim_conflict", FAULT_PERMANENT },
	{ 409, 1, "{\"code\":\"request_in_progress\",\"detail\":\"x\"}", 409, "request_in_progress", FAULT_RETRY },
	{ 429, 9, "{\"code\":\"rate_limited\",\"detail\":\"x\"}", 429, "rate_limited", FAULT_RETRY },
	{ 500, 0, "{\"code\":\"database_error\",\"detail\":\"x\"}", 503, "database_error", FAULT_RETRY },
	{ 503, 2, "{\"code\":\"busy\",\"detail\":\"x\"}", 503, "busy", FAULT_RETRY },
	{ 502, 0, "<html>", 503, "peer_unavailable", FAULT_RETRY },
	{ 401, 0, "{\"code\":\"unknown_key\",\"detail\":\"x\"}", 502, "peer_refused", FAULT_PERMANENT },
	{ 403, 0, "{\"code\":\"forbidden\",\"detail\":\"x\"}", 502, "peer_refused", FAULT_PERMANENT },
	{ 403, 0, "{\"code\":\"not_eligible\",\"detail\":\"x\"}", 403, "not_eligible", FAULT_PERMANENT },
};

static void
an_answer_becomes_this_caller_s_problem(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(readings); i++) {
		struct peer_reply reply;
		struct problem err = { 0 };

		answer_with(readings[i].status, readings[i].body, readings[i].retry_after);
		assert_int_equal(peer_call(http, arena, conf, &claim, &reply, &err), 0);
		assert_int_equal(peer_expect(&claim, &reply, &err), -1);
		assert_int_equal(err.status, readings[i].said);
		assert_string_equal(err.code, readings[i].code);
		assert_int_equal(err.fault, readings[i].fault);
		assert_int_equal(err.retry_after, readings[i].retry_after);
	}
}

static void
no_answer_is_a_problem_that_may_pass(void **state)
{
	struct peer_reply reply;
	struct problem err = { 0 };

	(void)state;
	wire.answer = (struct http_answer){ .outcome = HTTP_UNKNOWN, .error = "timed out" };
	for (int i = 0; i < 5; i++) {
		assert_int_equal(peer_call(http, arena, conf, &claim, &reply, &err), -1);
		assert_int_equal(err.fault, FAULT_RETRY);
		assert_int_equal(reply.outcome, HTTP_UNKNOWN);
	}
	/* The sixth does not leave. */
	assert_int_equal(peer_call(http, arena, conf, &claim, &reply, &err), -1);
	assert_string_equal(err.code, "circuit_open");
	assert_int_equal(reply.outcome, HTTP_NOT_SENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_call_is_signed_over_all_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(two_calls_have_two_nonces, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_becomes_this_caller_s_problem, setup, teardown),
		cmocka_unit_test_setup_teardown(no_answer_is_a_problem_that_may_pass, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
