/*
 * pool_test.c: the life of a pool, seen from its socket. This program is also the service, and telerx-pool its master as
 * spawn-fcgi would start it, with the listening socket as descriptor 0. The test speaks FastCGI as nginx does.
 */
#define _GNU_SOURCE 1
#include "fcgi/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fastcgi.h>

#include "base/clock.h"
#include "service.h"

#define PROGRAM     "/proc/self/exe"
#define MASTER      HARNESS_BUILD "/fcgi/pool/telerx-pool"
#define PATIENCE_MS 5000

/* ---- the service */

static int
say_pid(struct req *r, struct problem *err)
{
	struct json_writer *w = reply_json(r, 200);

	(void)err;
	jw_object(w, NULL);
	jw_int(w, "pid", getpid());
	return 0;
}

static int
say_slowly(struct req *r, struct problem *err)
{
	(void)usleep(300 * 1000);
	return say_pid(r, err);
}

static const struct route routes[] = {
	{ "GET", "/toy/pid", say_pid, .access = PUBLIC, .db = NONE, .says = "which process" },
	{ "GET", "/toy/slow", say_slowly, .access = PUBLIC, .db = NONE, .says = "which process, after a while" },
};
static const struct service toy = { .name = "toy", .prefix = "/toy", .says = "of a test", TABLE(routes, nroutes, routes) };

/* ---- the pool */

static char folder[] = "/tmp/pool_test_XXXXXX";
static char socket_path[64], program[4096];
static int listening;
static pid_t master;

static int
setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	ssize_t n = readlink(PROGRAM, program, sizeof(program) - 1);

	(void)state;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	assert_true(n > 0);
	assert_non_null(mkdtemp(folder));
	(void)snprintf(socket_path, sizeof(socket_path), "%s/pool.sock", folder);
	(void)umask(077);
	(void)setenv("POOL_PROCESSES", "2", 1);
	(void)setenv("POOL_THREADS", "2", 1);
	(void)setenv("LOG_LEVEL", "ERROR", 1);
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	assert_int_equal(bind(listening, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listening, 64), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(listening);
	(void)unlink(socket_path);
	return rmdir(folder);
}

static void
become(char *const argv[])
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* dup2 clears close-on-exec; deaths on purpose need not be read. */
	if (dup2(listening, 0) < 0 || dup2(null, 2) < 0)
		_exit(99);
	execv(argv[0], argv);
	_exit(98);
}

static int
start_as(char *const argv[])
{
	master = fork();
	if (master == 0)
		become(argv);
	return master > 0 ? 0 : -1;
}

static int
start(void **state)
{
	char master_program[] = MASTER;
	char *const argv[] = { master_program, program, NULL };

	(void)state;
	return start_as(argv);
}

static int
start_one(void **state)
{
	char serve[] = "serve";
	char *const argv[] = { program, serve, NULL };

	(void)state;
	return start_as(argv);
}

static int
start_badly_set(void **state)
{
	int rc;

	(void)setenv("TENANT_ID", "nobody", 1);
	rc = start(state);
	(void)unsetenv("TENANT_ID");
	return rc;
}

static int
stop(void **state)
{
	int status;

	(void)state;
	if (master > 0) {
		(void)kill(master, SIGKILL);
		(void)waitpid(master, &status, 0);
	}
	return 0;
}

/* ---- as nginx */

static int
connect_pool(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static size_t
add_record(char *out, unsigned char type, const void *content, size_t n)
{
	const unsigned char header[FCGI_HEADER_LEN] = { FCGI_VERSION_1, type, 0, 1, 0, (unsigned char)n, 0, 0 };

	memcpy(out, header, sizeof(header));
	if (n > 0)
		memcpy(out + sizeof(header), content, n);
	return sizeof(header) + n;
}

static size_t
add_param(char *out, const char *name, const char *value)
{
	size_t n = strlen(name), m = strlen(value);

	out[0] = (char)n;
	out[1] = (char)m;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a record has lengths, not ends */
	memcpy(out + 2, name, n);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(out + 2 + n, value, m);
	return 2 + n + m;
}

static void
send_get(int fd, const char *target)
{
	const unsigned char begin[8] = { 0, FCGI_RESPONDER, FCGI_KEEP_CONN };
	char params[200], out[512];
	size_t n = add_param(params, "REQUEST_METHOD", "GET"), len;

	n += add_param(params + n, "REQUEST_URI", target);
	len = add_record(out, FCGI_BEGIN_REQUEST, begin, sizeof(begin));
	len += add_record(out + len, FCGI_PARAMS, params, n);
	len += add_record(out + len, FCGI_PARAMS, NULL, 0);
	len += add_record(out + len, FCGI_STDIN, NULL, 0);
	assert_int_equal(write(fd, out, len), len);
}

/* Reads up to the end of the request; how much, 0 when the connection ended. */
static size_t
read_records(int fd, char *text, size_t size)
{
	size_t have = 0;

	/* The last record is END_REQUEST: eight bytes of header, eight of content. */
	while (have < 16 || (unsigned char)text[have - 15] != FCGI_END_REQUEST) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = read(fd, text + have, size - have);
		if (n <= 0)
			return 0;
		have += (size_t)n;
	}
	return have;
}

/* The pid that answered, 0 when the connection ended. */
static pid_t
read_answer(int fd)
{
	char text[8192];
	size_t n = read_records(fd, text, sizeof(text));
	const char *found = memmem(text, n, "\"pid\":", 6);

	assert_true(n == 0 || found != NULL);
	return n == 0 ? 0 : (pid_t)strtol(found + 6, NULL, 10);
}

static pid_t
ask(int fd, const char *target)
{
	send_get(fd, target);
	return read_answer(fd);
}

/* On a connection of its own. */
static pid_t
ask_once(void)
{
	int fd = connect_pool();
	pid_t pid = ask(fd, "/toy/pid");

	(void)close(fd);
	return pid;
}

static bool
is_gone_soon(pid_t pid)
{
	for (int i = 0; i < PATIENCE_MS / 20; i++) {
		/* Orphans come to us; others are their master's to bury. */
		if (waitpid(pid, NULL, WNOHANG) == pid || kill(pid, 0) < 0)
			return true;
		(void)usleep(20 * 1000);
	}
	return false;
}

static void
expect_master_ends(int with)
{
	int64_t until = clock_mono_us() + PATIENCE_MS * 1000;
	int status = -1;

	while (waitpid(master, &status, WNOHANG) == 0 && clock_mono_us() < until)
		(void)usleep(20 * 1000);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), with);
	master = 0;
}

/* ---- the claims */

static void
a_kept_connection_is_served_many_times(void **state)
{
	int fd = connect_pool();
	pid_t pid = ask(fd, "/toy/pid");

	(void)state;
	assert_true(pid > 0 && pid != master);
	for (int i = 0; i < 100; i++)
		assert_int_equal(ask(fd, "/toy/pid"), pid);
	(void)close(fd);
}

/* Two threads a process, four kept connections: none holds a thread while it is idle. */
static void
an_idle_connection_holds_no_thread(void **state)
{
	int idle[16];

	(void)state;
	for (size_t i = 0; i < COUNT(idle); i++) {
		idle[i] = connect_pool();
		assert_true(ask(idle[i], "/toy/pid") > 0);
	}
	for (int i = 0; i < 20; i++)
		assert_true(ask_once() > 0);
	for (size_t i = 0; i < COUNT(idle); i++) {
		assert_true(ask(idle[i], "/toy/pid") > 0);
		(void)close(idle[i]);
	}
}

static void
a_process_that_falls_is_replaced(void **state)
{
	pid_t victim = ask_once();

	(void)state;
	assert_int_equal(kill(victim, SIGKILL), 0);
	assert_true(is_gone_soon(victim));
	for (int i = 0; i < 50; i++) {
		pid_t pid = ask_once();

		assert_true(pid > 0 && pid != victim);
		(void)usleep(10 * 1000);
	}
}

static void
what_the_master_counts_is_printed_with_the_pool(void **state)
{
	static const char counted[] = "\npool_respawns_total 1\n";
	pid_t victim = ask_once();
	char text[65536];
	size_t n;
	int fd;

	(void)state;
	assert_int_equal(kill(victim, SIGKILL), 0);
	assert_true(is_gone_soon(victim));
	assert_true(ask_once() > 0);
	fd = connect_pool();
	send_get(fd, "/metrics");
	n = read_records(fd, text, sizeof(text));
	(void)close(fd);
	assert_non_null(memmem(text, n, counted, sizeof(counted) - 1));
}

/* One clear line and the program's own status, not a row of dying processes. */
static void
a_bad_setting_ends_the_master_before_the_first_process(void **state)
{
	(void)state;
	expect_master_ends(78);
}

/* For a debugger: the pool's socket, and nobody above the process that serves it. */
static void
a_program_serves_without_a_master(void **state)
{
	(void)state;
	assert_int_equal(ask_once(), master);
	assert_int_equal(kill(master, SIGHUP), 0);
	assert_int_equal(ask_once(), master);
	assert_int_equal(kill(master, SIGTERM), 0);
	expect_master_ends(0);
}

/* The old ones serve what is open until the other side closes it; new connections reach new processes only. */
static void
sighup_replaces_every_process_and_drops_nothing(void **state)
{
	int kept = connect_pool();
	pid_t old = ask(kept, "/toy/pid"), pid = old;
	int64_t until = clock_mono_us() + PATIENCE_MS * 1000;

	(void)state;
	assert_true(ask_once() > 0);
	assert_int_equal(kill(master, SIGHUP), 0);
	while (clock_mono_us() < until && pid == old) {
		pid = ask_once();
		assert_true(pid > 0);
		(void)usleep(10 * 1000);
	}
	(void)usleep(500 * 1000);
	assert_int_equal(ask(kept, "/toy/pid"), old);
	(void)close(kept);
	assert_true(is_gone_soon(old));
	for (int i = 0; i < 20; i++)
		assert_int_not_equal(ask_once(), old);
}

static size_t
processes_of_pool(pid_t *pids, size_t most)
{
	char path[64];
	size_t n = 0;
	FILE *f;
	int pid;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)master, (int)master);
	f = fopen(path, "re");
	assert_non_null(f);
	while (n < most && fscanf(f, "%d", &pid) == 1) /* NOLINT(cert-err34-c): the kernel writes small numbers */
		pids[n++] = pid;
	(void)fclose(f);
	return n;
}

/* A successor that is slow to come up takes a place that is free by then; it does not come on top. */
static void
old_processes_that_fall_meanwhile_leave_no_extra(void **state)
{
	pid_t old[8] = { 0 }, now[8];

	(void)state;
	assert_true(ask_once() > 0);
	assert_int_equal(processes_of_pool(old, COUNT(old)), 2);
	assert_int_equal(kill(master, SIGHUP), 0);
	while (processes_of_pool(now, COUNT(now)) < 3)
		(void)usleep(100);
	assert_int_equal(kill(now[2], SIGSTOP), 0);
	(void)kill(old[0], SIGKILL);
	(void)kill(old[1], SIGKILL);
	(void)usleep(700 * 1000); /* longer than the pause before somebody is born in their place */
	(void)kill(now[2], SIGCONT);
	assert_true(ask_once() > 0);
	(void)usleep(500 * 1000);
	assert_int_equal(processes_of_pool(now, COUNT(now)), 2);
}

/* What a new process needs, the keyholder say, may be restarting at the same moment. */
static void
a_successor_that_falls_is_followed_by_another(void **state)
{
	pid_t old[8] = { 0 }, now[8];

	(void)state;
	assert_true(ask_once() > 0);
	assert_int_equal(processes_of_pool(old, COUNT(old)), 2);
	assert_int_equal(kill(master, SIGHUP), 0);
	while (processes_of_pool(now, COUNT(now)) < 3)
		(void)usleep(100);
	assert_int_equal(kill(now[2], SIGKILL), 0);
	assert_true(is_gone_soon(old[0]));
	assert_true(is_gone_soon(old[1]));
	assert_true(ask_once() > 0);
}

static void
sigterm_finishes_what_is_under_way(void **state)
{
	int fd = connect_pool();
	pid_t pid;

	(void)state;
	assert_true(ask(fd, "/toy/pid") > 0);
	send_get(fd, "/toy/slow");
	(void)usleep(50 * 1000);
	assert_int_equal(kill(master, SIGTERM), 0);
	pid = read_answer(fd);
	assert_true(pid > 0);
	/* And it is not closed from that side: the next request may be on its way. */
	assert_int_equal(ask(fd, "/toy/pid"), pid);
	(void)close(fd);
	expect_master_ends(0);
	assert_true(is_gone_soon(pid));
}

static void
processes_die_with_their_master(void **state)
{
	pid_t pid = ask_once();
	int status;

	(void)state;
	assert_int_equal(kill(master, SIGKILL), 0);
	assert_int_equal(waitpid(master, &status, 0), master);
	master = 0;
	assert_true(is_gone_soon(pid));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(a_kept_connection_is_served_many_times),
		CASE(an_idle_connection_holds_no_thread),
		CASE(a_process_that_falls_is_replaced),
		CASE(what_the_master_counts_is_printed_with_the_pool),
		cmocka_unit_test_setup_teardown(a_bad_setting_ends_the_master_before_the_first_process, start_badly_set, stop),
		cmocka_unit_test_setup_teardown(a_program_serves_without_a_master, start_one, stop),
		CASE(sighup_replaces_every_process_and_drops_nothing),
		CASE(old_processes_that_fall_meanwhile_leave_no_extra),
		CASE(a_successor_that_falls_is_followed_by_another),
		CASE(sigterm_finishes_what_is_under_way),
		CASE(processes_die_with_their_master),
	};

	if (argc > 1)
		return service_main(argc, argv, &toy);
	return cmocka_run_group_tests(tests, setup, teardown);
}
