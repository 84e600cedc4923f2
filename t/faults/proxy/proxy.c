/*
 * proxy.c: listens, connects, polls and takes commands. One thread; a fault is deterministic as far as its two peers are.
 */
#include "core.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy.h"

#define CONNECTIONS 256
#define COMMANDERS  8
#define LINE_SIZE   256

enum { CLIENT, SERVER }; /* where bytes come from */

struct connection {
	int fd[2];
	struct channel *channel[2];
};

struct commander {
	int fd;
	char line[LINE_SIZE];
	size_t n;
};

static struct connection *connections[CONNECTIONS];
static struct commander commanders[COMMANDERS];
static struct rule rules[2];
static uint64_t accepted, fired, bytes[2];
static const char *to;
static volatile sig_atomic_t stopping;
/* Signals that stop it come only while it waits; one between the look at stopping and the wait would be lost. */
static sigset_t while_waiting;

static void
stop(int signal_number UNUSED)
{
	stopping = 1;
}

/* ---- addresses */

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in inet;
};

static socklen_t
address_of(const char *text, union address *a)
{
	const char *colon = strrchr(text, ':');
	char host[64];

	memset(a, 0, sizeof(*a));
	if (strncmp(text, "unix:", 5) == 0) {
		a->local.sun_family = AF_UNIX;
		if (strlen(text + 5) >= sizeof(a->local.sun_path))
			die("%s is too long for a socket", text);
		(void)snprintf(a->local.sun_path, sizeof(a->local.sun_path), "%s", text + 5);
		return sizeof(a->local);
	}
	a->inet.sin_family = AF_INET;
	(void)snprintf(host, sizeof(host), "%.*s", colon != NULL ? (int)(colon - text) : 0, text);
	if (colon == NULL || inet_pton(AF_INET, host, &a->inet.sin_addr) != 1)
		die("%s is neither unix:PATH nor ADDRESS:PORT", text);
	a->inet.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return sizeof(a->inet);
}

static int
listen_at(const char *text)
{
	union address a = { 0 };
	socklen_t n = address_of(text, &a);
	int on = 1, fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, &a.any, n) < 0 || listen(fd, 128) < 0)
		die("%s: %s", text, strerror(errno));
	return fd;
}

static void
say_ready(int fd, const char *text)
{
	union address a;
	socklen_t n = sizeof(a);

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the kernel has written it */
	if (getsockname(fd, &a.any, &n) == 0 && a.any.sa_family == AF_INET)
		printf("ready %s:%u\n", inet_ntoa(a.inet.sin_addr), ntohs(a.inet.sin_port));
	else
		printf("ready %s\n", text);
	(void)fflush(stdout);
}

/* ---- connections */

static void
close_connection(size_t i, bool hard)
{
	struct connection *c = connections[i];
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	for (int d = 0; d < 2; d++) {
		if (hard)
			(void)setsockopt(c->fd[d], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		(void)close(c->fd[d]);
		free(c->channel[d]);
	}
	free(c);
	connections[i] = NULL;
}

static struct channel *
channel_new(int from, int towards)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (c == NULL)
		die("out of memory");
	c->from = from;
	c->to = towards;
	return c;
}

/* The server is near: connecting waits for it. A nonblocking socket comes after. */
static int
connect_to_server(void)
{
	union address a;
	socklen_t n = address_of(to, &a);
	int on = 1, fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, &a.any, n) < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	if (a.any.sa_family == AF_INET)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("fcntl: %s", strerror(errno));
	return fd;
}

static void
accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), server;
	size_t i = 0;

	if (fd < 0)
		return;
	while (i < CONNECTIONS && connections[i] != NULL)
		i++;
	server = i < CONNECTIONS ? connect_to_server() : -1;
	if (server < 0) {
		(void)close(fd);
		return;
	}
	accepted++;
	connections[i] = calloc(1, sizeof(*connections[i]));
	if (connections[i] == NULL)
		die("out of memory");
	connections[i]->fd[CLIENT] = fd;
	connections[i]->fd[SERVER] = server;
	connections[i]->channel[CLIENT] = channel_new(fd, server);
	connections[i]->channel[SERVER] = channel_new(server, fd);
}

/* What may still go goes before a cut; what its peer does not take at once is lost with it. */
static void
end_connection(size_t i, int d, enum verdict how)
{
	struct rule plain = { .mode = PASS, .generation = rules[d].generation };
	bool asked = rules[d].mode == RESET || rules[d].mode == CUT || rules[d].mode == CUT_MESSAGES || rules[d].mode == CUT_BEFORE;

	if (how == ENDS && asked)
		(void)channel_write(connections[i]->channel[d], &plain, INT64_MAX);
	fired += asked;
	close_connection(i, how == ENDS_HARD);
}

/* One turn of one connection; revents by direction of reading. */
static void
serve(size_t i, const short revents[2])
{
	struct connection *c = connections[i];
	int64_t now = clock_mono_us();

	for (int d = 0; d < 2; d++) {
		struct channel *ch = c->channel[d];
		enum verdict v = GOES_ON;

		if ((revents[d] & (POLLIN | POLLHUP | POLLERR)) != 0 && channel_wants_read(ch))
			v = channel_read(ch, &c->channel[!d]->wire, &rules[d], d == SERVER, &bytes[d]);
		if (v == GOES_ON && channel_waits(ch, now) == 0)
			v = channel_write(ch, &rules[d], now);
		if (v != GOES_ON) {
			end_connection(i, d, v);
			return;
		}
	}
	if (c->channel[CLIENT]->passed && c->channel[SERVER]->passed)
		close_connection(i, false);
}

/* ---- commands */

static const struct {
	const char *name;
	enum mode mode;
	bool number;
} modes[] = {
	{ "pass", PASS, false },
	{ "delay", DELAY, true },
	{ "slow", SLOW, true },
	{ "silence", SILENCE, false },
	{ "reset", RESET, false },
	{ "cut", CUT, true },
	{ "duplicate", DUPLICATE, false },
	{ "cut-messages", CUT_MESSAGES, true },
	{ "cut-before", CUT_BEFORE, true },
};

static const char *
set_rule(char *words)
{
	char *rest = NULL, *direction = strtok_r(words, " ", &rest), *mode = strtok_r(NULL, " ", &rest);
	char *tag = NULL, *n;
	struct rule r = { 0 };
	size_t i = 0;

	while (mode != NULL && i < COUNT(modes) && strcmp(modes[i].name, mode) != 0)
		i++;
	if (mode == NULL || i == COUNT(modes))
		return "error no such mode\n";
	if (strcmp(direction, "client") != 0 && strcmp(direction, "server") != 0 && strcmp(direction, "both") != 0)
		return "error no such direction\n";
	r.mode = modes[i].mode;
	tag = r.mode == CUT_BEFORE ? strtok_r(NULL, " ", &rest) : NULL;
	n = strtok_r(NULL, " ", &rest);
	r.n = n != NULL ? strtoll(n, NULL, 10) : 0;
	if (tag != NULL)
		(void)snprintf(r.tag, sizeof(r.tag), "%s", tag);
	if ((modes[i].number && (n == NULL || r.n < (r.mode == CUT ? 0 : 1))) || (r.mode == CUT_BEFORE && tag == NULL))
		return "error an argument is missing\n";
	for (int d = 0; d < 2; d++) {
		r.generation = rules[d].generation + 1;
		if (strcmp(direction, d == CLIENT ? "client" : "server") == 0 || strcmp(direction, "both") == 0)
			rules[d] = r;
	}
	return "ok\n";
}

static const char *
command(char *line, char out[LINE_SIZE])
{
	size_t open_now = 0;

	for (size_t i = 0; i < CONNECTIONS; i++)
		open_now += connections[i] != NULL;
	if (strncmp(line, "set ", 4) == 0)
		return set_rule(line + 4);
	if (strcmp(line, "drop") == 0) {
		for (size_t i = 0; i < CONNECTIONS; i++)
			if (connections[i] != NULL)
				close_connection(i, true);
		return "ok\n";
	}
	if (strcmp(line, "stats") != 0)
		return "error no such command\n";
	(void)snprintf(out, LINE_SIZE, "ok open %zu accepted %" PRIu64 " fired %" PRIu64 " client %" PRIu64 " server %" PRIu64 "\n",
	    open_now, accepted, fired, bytes[CLIENT], bytes[SERVER]);
	return out;
}

static void
close_commander(struct commander *m)
{
	(void)close(m->fd);
	*m = (struct commander){ .fd = -1 };
}

static void
hear(struct commander *m)
{
	ssize_t n = read(m->fd, m->line + m->n, sizeof(m->line) - 1 - m->n);
	char out[LINE_SIZE], *end;

	if (n <= 0) {
		close_commander(m);
		return;
	}
	m->n += (size_t)n;
	m->line[m->n] = '\0';
	while ((end = strchr(m->line, '\n')) != NULL) {
		const char *answer;

		*end++ = '\0';
		answer = command(m->line, out);
		if (send(m->fd, answer, strlen(answer), MSG_NOSIGNAL) < 0) {
			close_commander(m);
			return;
		}
		m->n -= (size_t)(end - m->line);
		memmove(m->line, end, m->n + 1);
	}
	if (m->n == sizeof(m->line) - 1)
		close_commander(m);
}

static void
accept_commander(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < COMMANDERS; i++)
		if (commanders[i].fd < 0) {
			commanders[i] = (struct commander){ .fd = fd };
			return;
		}
	if (fd >= 0)
		(void)close(fd);
}

/* ---- the loop */

static void
sooner(int *wait, int ms)
{
	if (ms >= 0 && (*wait < 0 || ms < *wait))
		*wait = ms;
}

/* What of a connection is to be watched: reading on each side, and writing where bytes wait for a slow reader. */
static void
watch(const struct connection *c, struct pollfd p[2], int *wait)
{
	int64_t now = clock_mono_us();

	for (int d = 0; d < 2; d++) {
		p[d] = (struct pollfd){ .fd = c->fd[d], .events = channel_wants_read(c->channel[d]) ? POLLIN : 0 };
		if (p[d].events == 0 && c->channel[d]->ended)
			p[d].fd = -1;
	}
	for (int d = 0; d < 2; d++) {
		int ms = channel_waits(c->channel[d], now);

		if (ms == 0) {
			p[!d].fd = c->fd[!d];
			p[!d].events |= POLLOUT;
		} else {
			sooner(wait, ms);
		}
	}
}

static void
turn(int listener, int control)
{
	static struct pollfd p[2 + COMMANDERS + 2 * CONNECTIONS];
	struct timespec most;
	nfds_t n = 2;
	int wait = -1;

	p[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = control, .events = POLLIN };
	for (size_t i = 0; i < COMMANDERS; i++)
		p[n++] = (struct pollfd){ .fd = commanders[i].fd, .events = POLLIN };
	for (size_t i = 0; i < CONNECTIONS; i++, n += 2) {
		p[n] = p[n + 1] = (struct pollfd){ .fd = -1 };
		if (connections[i] != NULL)
			watch(connections[i], &p[n], &wait);
	}
	most = (struct timespec){ wait / 1000, wait % 1000 * 1000000L };
	if (ppoll(p, n, wait < 0 ? NULL : &most, &while_waiting) < 0)
		return;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		const short revents[2] = { p[2 + COMMANDERS + 2 * i].revents, p[2 + COMMANDERS + 2 * i + 1].revents };

		if (connections[i] != NULL)
			serve(i, revents);
	}
	for (size_t i = 0; i < COMMANDERS; i++)
		if (commanders[i].fd >= 0 && p[2 + i].revents != 0)
			hear(&commanders[i]);
	if (p[0].revents != 0)
		accept_one(listener);
	if (p[1].revents != 0)
		accept_commander(control);
}

int
main(int argc, char **argv)
{
	char control_at[128];
	sigset_t stops;
	int listener, control;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: %s CONTROL LISTEN TO\n", argv[0]);
		return 2;
	}
	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaddset(&stops, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &stops, &while_waiting);
	(void)signal(SIGTERM, stop);
	(void)signal(SIGINT, stop);
	to = argv[3];
	(void)snprintf(control_at, sizeof(control_at), "unix:%s", argv[1]);
	for (size_t i = 0; i < COMMANDERS; i++)
		commanders[i].fd = -1;
	control = listen_at(control_at);
	listener = listen_at(argv[2]);
	say_ready(listener, argv[2]);
	while (!stopping)
		turn(listener, control);
	(void)unlink(argv[1]);
	if (strncmp(argv[2], "unix:", 5) == 0)
		(void)unlink(argv[2] + 5);
	return 0;
}
