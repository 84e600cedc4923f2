/* proxy_test.c: F2: each fault of telerx-fault-proxy, between a client and a server that are both here. */
#include "fcgi/unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"

#define PROXY "telerx-fault-proxy" /* beside this test */

struct world {
	char dir[64];
	pid_t proxy;
	int listener, control;
	int client, server; /* the two ends of one connection through the proxy */
};

static struct sockaddr_un
at(const struct world *w, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", w->dir, name);
	return a;
}

static int
connected(const struct world *w, const char *name)
{
	struct sockaddr_un a = at(w, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (int i = 0; connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0; i++) {
		assert_true(i < 500);
		(void)usleep(10000);
	}
	return fd;
}

static int
begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sockaddr_un a;
	char control[96], listen_at[96], to[96];

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/proxy_test.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	a = at(w, "server");
	w->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(w->listener, 4), 0);
	(void)snprintf(control, sizeof(control), "%s/control", w->dir);
	(void)snprintf(listen_at, sizeof(listen_at), "unix:%s/proxy", w->dir);
	(void)snprintf(to, sizeof(to), "unix:%s/server", w->dir);
	w->proxy = fork();
	if (w->proxy == 0) {
		int null = open("/dev/null", O_WRONLY);
		char program[512];
		ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - sizeof(PROXY));

		if (n < 0)
			_exit(99);
		program[n] = '\0';
		(void)memcpy(strrchr(program, '/') + 1, PROXY, sizeof(PROXY));
		(void)dup2(null, STDOUT_FILENO);
		(void)execl(program, PROXY, control, listen_at, to, (char *)NULL);
		_exit(99);
	}
	w->control = connected(w, "control");
	w->client = connected(w, "proxy");
	w->server = accept(w->listener, NULL, NULL);
	assert_true(w->server >= 0);
	*state = w;
	return 0;
}

static int
end(void **state)
{
	static const char *const names[] = { "server", "proxy", "control" };
	struct world *w = *state;
	int status;

	(void)kill(w->proxy, SIGTERM);
	(void)waitpid(w->proxy, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	(void)close(w->client);
	(void)close(w->server);
	(void)close(w->control);
	(void)close(w->listener);
	for (size_t i = 0; i < COUNT(names); i++)
		(void)unlink(at(w, names[i]).sun_path);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

/* ---- what is said and heard */

static void
tell(const struct world *w, const char *line, const char *want)
{
	char got[256];
	ssize_t n;

	assert_int_equal(write(w->control, line, strlen(line)), (ssize_t)strlen(line));
	n = read(w->control, got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	if (strncmp(got, want, strlen(want)) != 0)
		fail_msg("'%s' was answered '%s'", line, got);
}

static void
put(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Reads until nothing has come for ms. Returns how much; *ret_closed: the other side closed. */
static size_t
heard(int fd, void *p, size_t most, int ms, bool *ret_closed)
{
	size_t n = 0;
	struct pollfd pf = { .fd = fd, .events = POLLIN };

	*ret_closed = false;
	while (n < most && poll(&pf, 1, ms) == 1) {
		ssize_t got = read(fd, (char *)p + n, most - n);

		if (got <= 0) {
			*ret_closed = true;
			break;
		}
		n += (size_t)got;
	}
	return n;
}

static void
hears(int fd, const void *want, size_t n, bool closed)
{
	char got[512];
	bool ended;
	size_t have = heard(fd, got, sizeof(got), 150, &ended);

	assert_int_equal(have, n);
	assert_memory_equal(got, want, n);
	assert_int_equal(ended, closed);
}

/* ---- every protocol */

static void
f2_bytes_pass_both_ways_and_so_does_an_end(void **state)
{
	struct world *w = *state;
	static uint8_t much[300000], back[300000];
	bool closed;

	put(w->client, "hello", 5);
	hears(w->server, "hello", 5, false);
	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (uint8_t)(i * 7);
	if (fork() == 0) {
		put(w->server, much, sizeof(much));
		_exit(0);
	}
	assert_int_equal(heard(w->client, back, sizeof(back), 2000, &closed), sizeof(much));
	assert_memory_equal(much, back, sizeof(much));
	assert_int_equal(shutdown(w->client, SHUT_WR), 0);
	hears(w->server, "", 0, true);
	put(w->server, "bye", 3);
	hears(w->client, "bye", 3, false);
	tell(w, "stats\n", "ok open 1 accepted 1 fired 0 client 5 server 300003");
	(void)wait(NULL);
}

static void
f2_a_delay_holds_one_direction(void **state)
{
	struct world *w = *state;
	int64_t before;

	tell(w, "set server delay 400\n", "ok");
	before = clock_mono_us();
	put(w->server, "late", 4);
	put(w->client, "now", 3);
	hears(w->server, "now", 3, false);
	hears(w->client, "", 0, false);
	(void)usleep(200000);
	hears(w->client, "late", 4, false);
	assert_true(clock_mono_us() - before >= 400000);
}

static void
f2_a_slow_line_carries_so_many_bytes_a_second(void **state)
{
	struct world *w = *state;
	char got[64];
	bool closed;
	int64_t before = clock_mono_us();

	tell(w, "set client slow 10\n", "ok");
	put(w->client, "0123456789", 10);
	assert_int_equal(heard(w->server, got, 6, 2000, &closed), 6);
	assert_true(clock_mono_us() - before >= 450000);
	tell(w, "set client pass\n", "ok");
	assert_int_equal(heard(w->server, got, 4, 1000, &closed), 4);
}

static void
f2_silence_swallows_and_says_nothing(void **state)
{
	struct world *w = *state;

	tell(w, "set both silence\n", "ok");
	put(w->client, "hello", 5);
	hears(w->server, "", 0, false);
	hears(w->client, "", 0, false);
	tell(w, "set both pass\n", "ok");
	put(w->client, "again", 5);
	hears(w->server, "again", 5, false);
}

static void
f2_a_reset_loses_what_came(void **state)
{
	struct world *w = *state;

	tell(w, "set client reset\n", "ok");
	put(w->client, "hello", 5);
	hears(w->server, "", 0, true);
	hears(w->client, "", 0, true);
	tell(w, "stats\n", "ok open 0 accepted 1 fired 1");
}

static void
f2_a_cut_comes_after_so_many_bytes(void **state)
{
	struct world *w = *state;

	put(w->server, "before", 6);
	hears(w->client, "before", 6, false);
	tell(w, "set server cut 7\n", "ok");
	put(w->server, "abcd", 4);
	hears(w->client, "abcd", 4, false);
	put(w->server, "efghij", 6);
	hears(w->client, "efg", 3, true);
	hears(w->server, "", 0, true);
}

static void
f2_bytes_come_twice(void **state)
{
	struct world *w = *state;

	tell(w, "set client duplicate\n", "ok");
	put(w->client, "once", 4);
	hears(w->server, "onceonce", 8, false);
}

static void
f2_dropping_ends_what_is_open_and_nothing_else(void **state)
{
	struct world *w = *state;

	tell(w, "drop\n", "ok");
	hears(w->client, "", 0, true);
	(void)close(w->client);
	(void)close(w->server);
	w->client = connected(w, "proxy");
	w->server = accept(w->listener, NULL, NULL);
	put(w->client, "new", 3);
	hears(w->server, "new", 3, false);
}

static void
f2_what_is_no_command_is_told(void **state)
{
	struct world *w = *state;

	tell(w, "set server fall\n", "error");
	tell(w, "set nobody pass\n", "error");
	tell(w, "set server\n", "error");
	tell(w, "set server cut\n", "error");
	tell(w, "set server cut-before 3\n", "error");
	tell(w, "halt\n", "error");
}

/* ---- PostgreSQL */

static const char start[] = "\0\0\0\x0b\0\3\0\0abc"; /* 11 bytes */
#define START BYTES(start, 11)

static void
psql_begins(struct world *w)
{
	put(w->client, START.p, START.n);
	hears(w->server, START.p, START.n, false);
}

static void
f2_a_cut_comes_after_so_many_messages(void **state)
{
	struct world *w = *state;
	static const char three[] = "2\0\0\0\4Z\0\0\0\5I2\0\0\0\4";

	psql_begins(w);
	tell(w, "set server cut-messages 2\n", "ok");
	put(w->server, three, 16);
	hears(w->client, three, 11, true);
}

static void
f2_each_second_answer_to_a_commit_is_lost(void **state)
{
	struct world *w = *state;
	static const char begun[] = "C\0\0\0\12BEGIN\0", done[] = "2\0\0\0\4C\0\0\0\13COMMIT\0Z\0\0\0\5I";

	psql_begins(w);
	tell(w, "set server cut-before COMMIT 2\n", "ok");
	put(w->server, begun, 11);
	hears(w->client, begun, 11, false);
	put(w->server, done, 23);
	hears(w->client, done, 23, false);
	put(w->server, done, 9); /* its tag comes in a second piece */
	hears(w->client, done, 5, false);
	put(w->server, done + 9, 14);
	hears(w->client, "", 0, true);
	hears(w->server, "", 0, true);
	tell(w, "stats\n", "ok open 0 accepted 1 fired 1");
}

static void
f2_a_commit_never_arrives(void **state)
{
	struct world *w = *state;
	static const char parse[] = "P\0\0\0\20s7\0COMMIT\0\0\0", bind_it[] = "B\0\0\0\16\0s7\0\0\0\0\0\0\0",
			  other[] = "B\0\0\0\16\0s8\0\0\0\0\0\0\0";

	psql_begins(w);
	put(w->client, parse, 17);
	hears(w->server, parse, 17, false);
	tell(w, "set client cut-before COMMIT 1\n", "ok");
	put(w->client, other, 15);
	hears(w->server, other, 15, false);
	put(w->client, bind_it, 15);
	hears(w->server, "", 0, true);
	hears(w->client, "", 0, true);
}

static void
f2_tls_is_asked_for_and_refused(void **state)
{
	struct world *w = *state;
	static const char ask[] = "\0\0\0\10\4\xd2\26\57", done[] = "C\0\0\0\13COMMIT\0";

	put(w->client, ask, 8);
	hears(w->server, ask, 8, false);
	put(w->server, "N", 1);
	hears(w->client, "N", 1, false);
	psql_begins(w);
	tell(w, "set server cut-before COMMIT 1\n", "ok");
	put(w->server, done, 12);
	hears(w->client, "", 0, true);
}

int
main(void)
{
#define PROXIED(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		PROXIED(f2_bytes_pass_both_ways_and_so_does_an_end),
		PROXIED(f2_a_delay_holds_one_direction),
		PROXIED(f2_a_slow_line_carries_so_many_bytes_a_second),
		PROXIED(f2_silence_swallows_and_says_nothing),
		PROXIED(f2_a_reset_loses_what_came),
		PROXIED(f2_a_cut_comes_after_so_many_bytes),
		PROXIED(f2_bytes_come_twice),
		PROXIED(f2_dropping_ends_what_is_open_and_nothing_else),
		PROXIED(f2_what_is_no_command_is_told),
		PROXIED(f2_a_cut_comes_after_so_many_messages),
		PROXIED(f2_each_second_answer_to_a_commit_is_lost),
		PROXIED(f2_a_commit_never_arrives),
		PROXIED(f2_tls_is_asked_for_and_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
