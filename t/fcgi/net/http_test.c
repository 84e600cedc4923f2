/*
 * http_test.c: what is known after a call, against a server on loopback that misbehaves on purpose. Each case is one connection
 * (or several) with a script: what the server does after it accepted.
 */
#include "fcgi/unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "net/http.h"

enum doing { ANSWER, HANG_UP_UNREAD, HANG_UP, HANG, HALF, TRICKLE, ANSWER_THEN_CLOSE };

struct server {
	int listening;
	uint16_t port;
	enum doing doing;
	const char *text; /* of ANSWER, HALF */
	int connections, requests;
	char seen[4096]; /* the last request */
	pthread_t thread;
	int stop[2];
};

static struct server server;
static struct arena *arena;
static struct http *http;

/* ---- the server */

/* Reads one request: head, and the body that content-length announces. False: the client left. */
static bool
read_request(int fd)
{
	size_t have = 0;

	for (;;) {
		ssize_t n = read(fd, server.seen + have, sizeof(server.seen) - 1 - have);
		const char *end, *length;

		if (n <= 0)
			return false;
		have += (size_t)n;
		server.seen[have] = '\0';
		end = strstr(server.seen, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strstr(server.seen, "Content-Length: ");
		if (length == NULL || have >= (size_t)(end + 4 - server.seen) + strtoul(length + 16, NULL, 10))
			return true;
	}
}

static void
say(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

/* Until the client gives up or the test ends. */
static void
wait_for_leave(int fd)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLRDHUP }, { .fd = server.stop[0], .events = POLLIN } };

	(void)poll(fds, 2, 5000);
}

static void
trickle(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	while (poll(&p, 1, 50) == 0)
		say(fd, "x");
}

static void
converse(int fd)
{
	server.connections++;
	if (server.doing == HANG_UP_UNREAD)
		return;
	while (read_request(fd)) {
		server.requests++;
		if (server.doing == HANG_UP)
			return;
		if (server.doing == HANG)
			wait_for_leave(fd);
		else if (server.doing == TRICKLE)
			trickle(fd);
		else
			say(fd, server.text);
		if (server.doing != ANSWER)
			return;
	}
}

static void *
server_main(void *unused)
{
	struct pollfd fds[2] = { { .fd = server.listening, .events = POLLIN }, { .fd = server.stop[0], .events = POLLIN } };

	(void)unused;
	for (;;) {
		int fd;

		if (poll(fds, 2, -1) < 0 || fds[1].revents != 0)
			return NULL;
		fd = accept(server.listening, NULL, NULL);
		if (fd < 0)
			continue;
		converse(fd);
		(void)close(fd);
	}
}

static void
serve(enum doing doing, const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	server = (struct server){ .doing = doing, .text = text };
	server.listening = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server.listening, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(server.listening, 8), 0);
	assert_int_equal(getsockname(server.listening, (struct sockaddr *)&a, &n), 0);
	server.port = ntohs(a.sin_port);
	assert_int_equal(pipe(server.stop), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, server_main, NULL), 0);
}

static int
open_client(void **state)
{
	(void)state;
	log_open("test", LOG_ERROR + 1);
	arena = arena_new(0);
	http = http_new(NULL, NULL);
	server = (struct server){ .listening = -1 };
	return 0;
}

static int
close_all(void **state)
{
	(void)state;
	http_free(http); /* first: the server sees its connections end */
	if (server.listening >= 0) {
		(void)!write(server.stop[1], "x", 1);
		(void)pthread_join(server.thread, NULL);
		(void)close(server.listening);
		(void)close(server.stop[0]);
		(void)close(server.stop[1]);
	}
	arena_free(arena);
	return 0;
}

static struct http_answer
call_with(const char *method, const char *body, const char *const *headers, size_t cap)
{
	struct http_answer answer;

	http_do(http, arena,
	    &(struct http_call){
		.method = method,
		.url = arena_printf(arena, "http://127.0.0.1:%u/path?x=1", server.port),
		.headers = headers,
		.body = body != NULL ? BYTES_OF(body) : BYTES("", 0),
		.connect_ms = 500,
		.total_ms = 400,
		.cap = cap,
	    },
	    &answer);
	return answer;
}

static struct http_answer
call(const char *method, const char *body)
{
	return call_with(method, body, NULL, 0);
}

/* ---- the claims */

static void
an_answer_is_an_answer_whatever_its_status(void **state)
{
	static const char *const headers[] = { "X-Mine: 1", NULL };
	struct http_answer a;

	(void)state;
	serve(ANSWER, "HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nX-Thing:  some value \r\nContent-Length: 5\r\n\r\nhello");
	a = call_with("POST", "{}", headers, 0);
	assert_int_equal(a.outcome, HTTP_ANSWERED);
	assert_int_equal(a.status, 429);
	assert_int_equal(a.retry_after, 7);
	assert_int_equal(a.body.n, 5);
	assert_string_equal((const char *)a.body.p, "hello");
	assert_non_null(strstr(http_header(http, "x-thing"), "some value"));
	assert_null(http_header(http, "x-other"));
	assert_non_null(strstr(server.seen, "POST /path?x=1 HTTP/1.1"));
	assert_non_null(strstr(server.seen, "X-Mine: 1\r\n"));
	assert_null(strstr(server.seen, "Expect:"));
	assert_non_null(strstr(server.seen, "\r\n\r\n{}"));
}

static void
nobody_listening_means_not_sent(void **state)
{
	struct http_answer a;

	(void)state;
	serve(ANSWER, "");
	(void)!write(server.stop[1], "x", 1);
	(void)pthread_join(server.thread, NULL);
	(void)close(server.listening);
	server.listening = -1;
	a = call("POST", "{}");
	assert_int_equal(a.outcome, HTTP_NOT_SENT);
	assert_non_null(a.error);
	(void)close(server.stop[0]);
	(void)close(server.stop[1]);
}

/* Bytes went out: it may have been done (rule M3). */
static void
no_answer_after_bytes_went_out_is_unknown(void **state)
{
	struct http_answer a;

	(void)state;
	serve(HANG_UP, NULL);
	a = call("POST", "{}");
	assert_int_equal(a.outcome, HTTP_UNKNOWN);
	assert_int_equal(server.requests, 1);
}

static void
a_timeout_is_unknown_and_on_time(void **state)
{
	int64_t began = clock_mono_us();
	struct http_answer a;

	(void)state;
	serve(HANG, NULL);
	a = call("POST", "{}");
	assert_int_equal(a.outcome, HTTP_UNKNOWN);
	assert_in_range(clock_mono_us() - began, 360 * 1000, 900 * 1000);
}

static void
a_slow_answer_ends_in_time_too(void **state)
{
	int64_t began = clock_mono_us();

	(void)state;
	serve(TRICKLE, NULL);
	assert_int_equal(call("GET", NULL).outcome, HTTP_UNKNOWN);
	assert_in_range(clock_mono_us() - began, 360 * 1000, 900 * 1000);
}

static void
half_an_answer_is_unknown(void **state)
{
	(void)state;
	serve(HALF, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	assert_int_equal(call("POST", "{}").outcome, HTTP_UNKNOWN);
}

static void
an_answer_above_its_cap_is_unknown(void **state)
{
	struct http_answer a;

	(void)state;
	serve(HALF, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
	a = call_with("GET", NULL, NULL, 9);
	assert_int_equal(a.outcome, HTTP_UNKNOWN);
	assert_string_equal(a.error, "the answer passes its cap");
}

static void
a_redirect_is_not_followed(void **state)
{
	struct http_answer a;

	(void)state;
	serve(ANSWER, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
	a = call("GET", NULL);
	assert_int_equal(a.outcome, HTTP_ANSWERED);
	assert_int_equal(a.status, 302);
	assert_int_equal(server.requests, 1);
}

static void
connections_are_kept(void **state)
{
	static const char *const keyed[] = { "Idempotency-Key: 0123456789abcdef", NULL };

	(void)state;
	serve(ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	for (int i = 0; i < 3; i++)
		assert_int_equal(call("GET", NULL).outcome, HTTP_ANSWERED);
	assert_int_equal(call_with("POST", "{}", keyed, 0).outcome, HTTP_ANSWERED);
	assert_int_equal(server.connections, 1);
}

/* libcurl would send it a second time by itself when the kept connection turns out dead (rule M4). */
static void
an_unkeyed_post_never_leaves_twice(void **state)
{
	(void)state;
	serve(ANSWER_THEN_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	assert_int_equal(call("GET", NULL).outcome, HTTP_ANSWERED);
	server.doing = HANG_UP;
	assert_int_equal(call("POST", "{}").outcome, HTTP_UNKNOWN);
	assert_int_equal(server.requests, 2);
}

static void
plain_http_leaves_this_machine_never(void **state)
{
	static const char *const urls[] = { "http://192.0.2.1/", "http://localhost.example.com/", "http://127.0.0.1.example.com/",
		"ftp://127.0.0.1/", "file:///etc/hostname" };

	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct http_answer a;

		http_do(
		    http, arena, &(struct http_call){ .method = "GET", .url = urls[i], .connect_ms = 300, .total_ms = 300 }, &a);
		assert_int_equal(a.outcome, HTTP_NOT_SENT);
		assert_non_null(strstr(a.error, "rotocol"));
	}
}

/* ---- the stand-in */

static void
pretend(void *context, struct arena *a, const struct http_call *c, struct http_answer *ret, const char *const **headers)
{
	static const char *const list[] = { "X-Stub: yes", "Retry-After: 3", NULL };

	(void)a;
	assert_string_equal(c->url, "https://vendor.example/x");
	*(int *)context += 1;
	*ret = (struct http_answer){ .outcome = HTTP_ANSWERED, .status = 201, .body = BYTES_OF("{}") };
	*headers = list;
}

static void
a_test_may_stand_in_for_the_world(void **state)
{
	struct http_answer a;
	int calls = 0;

	(void)state;
	http_intercept(pretend, &calls);
	http_do(http, arena, &(struct http_call){ .method = "GET", .url = "https://vendor.example/x" }, &a);
	http_intercept(NULL, NULL);
	assert_int_equal(calls, 1);
	assert_int_equal(a.status, 201);
	assert_string_equal(http_header(http, "x-stub"), "yes");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_client, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_answer_is_an_answer_whatever_its_status),
		CASE(nobody_listening_means_not_sent),
		CASE(no_answer_after_bytes_went_out_is_unknown),
		CASE(a_timeout_is_unknown_and_on_time),
		CASE(a_slow_answer_ends_in_time_too),
		CASE(half_an_answer_is_unknown),
		CASE(an_answer_above_its_cap_is_unknown),
		CASE(a_redirect_is_not_followed),
		CASE(connections_are_kept),
		CASE(an_unkeyed_post_never_leaves_twice),
		CASE(plain_http_leaves_this_machine_never),
		CASE(a_test_may_stand_in_for_the_world),
	};

	(void)setenv("http_proxy", "http://127.0.0.1:1", 1); /* must be looked at by nobody */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
