/*
 * pool.c: telerx-pool, the master of a service's pool.
 *
 *	spawn-fcgi -n -s SOCKET ... -- telerx-pool PROGRAM
 *
 * spawn-fcgi -n bound the socket as our descriptor 0 and became us; processes, `PROGRAM serve --child LANE METRICS_FD READY_FD`, come
 * and go, the socket stays, so a restart is a queue and no 502. The master serves nothing, so nothing can make it fall. It knows no
 * settings: what it needs of them the program says, once (look.h).
 *
 * A process that ends unasked is replaced, at once when it lived long, with doubling pauses when it did not. SIGHUP replaces
 * each process: the new one first, and only when it is ready the old one gets SIGTERM; a new program that does not come up
 * changes nothing. Who does not go in time is killed. SIGTERM drains all. Processes die with the master (PR_SET_PDEATHSIG).
 */
#define _GNU_SOURCE 1
#include "core.h"

#include <fcntl.h>
#include <poll.h>
#include <limits.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pool/look.h"

#define OWN_LANE       (METRICS_LANES - 1) /* what the master counts stands in the pool's exposition */
#define MAX_CHILDREN   OWN_LANE
#define MOST_PROCESSES 8 /* each may have a successor, but for one */
#define STEADY_US      (10 * US_PER_S)
#define PAUSE_FIRST_MS 200
#define PAUSE_MOST_MS  10000
#define STOP_SECONDS   25 /* a process drains for 20 */
#define READY_SECONDS  30
#define REPLACE_TRIES  3 /* what a new process needs may be restarting at the same moment */

/* The index is the lane of the scoreboard. */
struct child {
	pid_t pid;      /* 0 = free */
	int ready_fd;   /* -1 = it is ready */
	pid_t replaces; /* who gets SIGTERM when this one is ready */
	bool leaving;   /* got SIGTERM: its end is no accident */
	int64_t leave_by;
	int64_t born_at;
};

struct master {
	char program[PATH_MAX];
	char *name; /* as we were told it: what processes are called */
	int metrics_fd;
	int signals; /* signalfd */
	size_t wanted;
	struct child children[MAX_CHILDREN];
	int pause_ms;
	int64_t next_birth; /* not before */
	size_t to_replace;  /* how many old ones a SIGHUP still has to replace */
	unsigned failed;    /* replacements in a row that did not come up */
	int64_t hup_at;     /* those born before it are old */
	bool stopping;
};

/* ---- births */

static size_t
free_lane(const struct master *m)
{
	size_t i = 0;

	while (i < MAX_CHILDREN && m->children[i].pid != 0)
		i++;
	return i;
}

static void
birth(struct master *m, pid_t replaces)
{
	char lane[16], metrics[16], ready[16], serve[] = "serve", child[] = "--child";
	char *argv[] = { m->name, serve, child, lane, metrics, ready, NULL };
	size_t i = free_lane(m);
	pid_t master = getpid(), pid;
	int fds[2];

	if (i == MAX_CHILDREN || pipe2(fds, O_CLOEXEC) < 0)
		return;
	/* The child's end must survive the exec, and no other child's. */
	(void)fcntl(fds[1], F_SETFD, 0);
	(void)snprintf(lane, sizeof(lane), "%zu", i);
	(void)snprintf(metrics, sizeof(metrics), "%d", m->metrics_fd);
	(void)snprintf(ready, sizeof(ready), "%d", fds[1]);
	pid = fork();
	if (pid == 0)
		become(m->program, argv, master);
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		log_line(LOG_ERROR, "pool.fork_failed", "why", strerror(errno), NULL);
		return;
	}
	m->children[i] = (struct child){ .pid = pid, .ready_fd = fds[0], .replaces = replaces, .born_at = clock_mono_us() };
}

static void
log_child(enum log_level level, const char *event, pid_t pid, const char *why)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	log_line(level, event, "child", text, "why", why, NULL);
}

/* ---- what there is */

static size_t
count_serving(const struct master *m)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_CHILDREN; i++)
		n += m->children[i].pid != 0 && !m->children[i].leaving && m->children[i].replaces == 0;
	return n;
}

static bool
any_left(const struct master *m)
{
	for (size_t i = 0; i < MAX_CHILDREN; i++)
		if (m->children[i].pid != 0)
			return true;
	return false;
}

static bool
is_replacing(const struct master *m)
{
	for (size_t i = 0; i < MAX_CHILDREN; i++)
		if (m->children[i].pid != 0 && m->children[i].replaces != 0)
			return true;
	return false;
}

static void
dismiss(struct child *c)
{
	if (c->pid == 0 || c->leaving)
		return;
	c->leaving = true;
	c->leave_by = clock_mono_us() + STOP_SECONDS * US_PER_S;
	(void)kill(c->pid, SIGTERM);
}

static struct child *
child_of(struct master *m, pid_t pid)
{
	for (size_t i = 0; i < MAX_CHILDREN; i++)
		if (m->children[i].pid == pid)
			return &m->children[i];
	return NULL;
}

/* ---- what happens */

static void
became_ready(struct master *m, struct child *c)
{
	struct child *old = c->replaces != 0 ? child_of(m, c->replaces) : NULL;

	(void)close(c->ready_fd);
	c->ready_fd = -1;
	c->replaces = 0;
	m->pause_ms = PAUSE_FIRST_MS;
	m->failed = 0;
	log_child(LOG_INFO, "pool.ready", c->pid, NULL);
	if (old != NULL)
		dismiss(old);
}

/* A pipe that closes without its byte belongs to a process that is dying; SIGCHLD tells. */
static void
look_for_ready(struct master *m, struct child *c)
{
	char byte;

	if (read(c->ready_fd, &byte, 1) == 1) {
		became_ready(m, c);
	} else {
		(void)close(c->ready_fd);
		c->ready_fd = -1;
	}
}

/* Who was to be replaced is gone before its time: its successor simply takes the place, or there would be one too many. */
static bool
inherited(struct master *m, pid_t pid)
{
	for (size_t i = 0; i < MAX_CHILDREN; i++) {
		struct child *heir = &m->children[i];

		if (heir->pid == 0 || heir->replaces != pid)
			continue;
		heir->replaces = 0;
		return true;
	}
	return false;
}

static void
pause_births(struct master *m, const struct child *c)
{
	int64_t now = clock_mono_us();

	if (now - c->born_at > STEADY_US)
		m->pause_ms = PAUSE_FIRST_MS;
	m->next_birth = now + (int64_t)m->pause_ms * 1000;
	m->pause_ms = m->pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : m->pause_ms * 2;
}

static void
buried(struct master *m, struct child *c, int status)
{
	char why[48];

	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof(why), "signal %d", WTERMSIG(status));
	else
		(void)snprintf(why, sizeof(why), "status %d", WEXITSTATUS(status));
	log_child(c->leaving ? LOG_INFO : LOG_ERROR, "pool.ended", c->pid, why);
	if (c->ready_fd >= 0)
		(void)close(c->ready_fd);
	if (c->replaces != 0) {
		log_line(LOG_ERROR, "pool.replacement_failed", "why", why, NULL);
		/* Once more, and then the new program does not come up: the old processes stay. */
		m->to_replace = ++m->failed < REPLACE_TRIES ? m->to_replace + 1 : 0;
		pause_births(m, c);
	} else if (!c->leaving && !inherited(m, c->pid)) {
		pause_births(m, c);
		metric_add("pool_respawns_total", "", 1);
	}
	*c = (struct child){ .ready_fd = -1 };
}

static void
reap(struct master *m)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = child_of(m, pid);

		if (c != NULL)
			buried(m, c, status);
	}
}

static void
stop(struct master *m)
{
	if (m->stopping)
		return;
	m->stopping = true;
	for (size_t i = 0; i < MAX_CHILDREN; i++)
		dismiss(&m->children[i]);
}

static void
handle_signal(struct master *m)
{
	struct signalfd_siginfo info;

	while (read(m->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap(m);
			break;
		case SIGHUP:
			m->hup_at = clock_mono_us();
			m->to_replace = count_serving(m);
			m->failed = 0;
			break;
		default:
			stop(m);
		}
	}
}

/* One at a time, so that a pool of N needs N + 1 slots of everything while it changes. */
static void
replace_next(struct master *m)
{
	if (m->to_replace == 0 || is_replacing(m) || clock_mono_us() < m->next_birth)
		return;
	for (size_t i = 0; i < MAX_CHILDREN; i++) {
		struct child *c = &m->children[i];

		if (c->pid != 0 && !c->leaving && c->born_at < m->hup_at) {
			m->to_replace--;
			birth(m, c->pid);
			return;
		}
	}
	m->to_replace = 0;
}

static void
give_up_waiting(struct master *m)
{
	int64_t now = clock_mono_us();

	for (size_t i = 0; i < MAX_CHILDREN; i++) {
		struct child *c = &m->children[i];

		if (c->pid != 0 && c->ready_fd >= 0 && now - c->born_at > READY_SECONDS * US_PER_S)
			(void)kill(c->pid, SIGKILL);
		if (c->pid != 0 && c->leaving && now > c->leave_by)
			(void)kill(c->pid, SIGKILL);
	}
}

static void
keep_up(struct master *m)
{
	give_up_waiting(m);
	if (m->stopping)
		return;
	while (count_serving(m) < m->wanted && clock_mono_us() >= m->next_birth) {
		size_t before = count_serving(m);

		birth(m, 0);
		if (count_serving(m) == before)
			break; /* no fork: the next round tries again */
	}
	replace_next(m);
}

static void
await(struct master *m)
{
	struct pollfd fds[1 + MAX_CHILDREN] = { { .fd = m->signals, .events = POLLIN } };
	struct child *whose[1 + MAX_CHILDREN] = { 0 };
	nfds_t n = 1;

	for (size_t i = 0; i < MAX_CHILDREN; i++) {
		if (m->children[i].pid == 0 || m->children[i].ready_fd < 0)
			continue;
		whose[n] = &m->children[i];
		fds[n++] = (struct pollfd){ .fd = m->children[i].ready_fd, .events = POLLIN };
	}
	/* Pauses and deadlines are coarse: a tenth of a second while one runs, else nothing wakes us but events. */
	if (poll(fds, n, m->stopping || n > 1 || count_serving(m) < m->wanted ? 100 : 1000) <= 0)
		return;
	for (nfds_t i = 1; i < n; i++)
		if (fds[i].revents != 0)
			look_for_ready(m, whose[i]);
	if (fds[0].revents != 0)
		handle_signal(m);
}

/* A SIGHUP that comes while the program is asked replaces its processes afterwards; the others end us as they end anybody. */
static void
hold_sighup(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int
watch_signals(void)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		die("signalfd: %s", strerror(errno));
	return fd;
}

static int
scoreboard(void)
{
	int fd = metrics_create();

	if (fd < 0 || metrics_join(fd, OWN_LANE) < 0)
		die("no scoreboard: %s", strerror(errno));
	/* The exec of a process must not close it. */
	(void)fcntl(fd, F_SETFD, 0);
	return fd;
}

static void
master_open(struct master *m)
{
	int listening = 0;
	socklen_t n = sizeof(listening);

	if (getsockopt(0, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 || !listening)
		die("descriptor 0 is no listening socket: start the pool by spawn-fcgi -n");
	/* By name, not by inode: after an installation SIGHUP starts the new program. */
	if (realpath(m->name, m->program) == NULL)
		die("%s: %s", m->name, strerror(errno));
	for (size_t i = 0; i < MAX_CHILDREN; i++)
		m->children[i].ready_fd = -1;
}

/* Of /usr/libexec/telerx/telerx-registry: registry, as its own lines have it. */
static const char *
service_of(const char *program)
{
	static const char prefix[] = "telerx-";
	const char *slash = strrchr(program, '/'), *name = slash != NULL ? slash + 1 : program;

	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 ? name + sizeof(prefix) - 1 : name;
}

int
main(int argc, char **argv)
{
	struct master m = { .pause_ms = PAUSE_FIRST_MS };
	struct look needs;
	int rc;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: spawn-fcgi -n -s SOCKET -- %s PROGRAM\n", argv[0]);
		return 64;
	}
	m.name = argv[1];
	log_open(service_of(m.name), LOG_INFO);
	hold_sighup();
	master_open(&m);
	rc = look(m.program, m.name, &needs);
	if (rc != 0)
		return rc;
	if (needs.processes > MOST_PROCESSES)
		die("POOL_PROCESSES must be 1 to %d", MOST_PROCESSES);
	m.wanted = needs.processes;
	log_level_set(needs.level);
	log_level_file(needs.level_file);
	m.metrics_fd = scoreboard();
	m.signals = watch_signals();
	log_line(LOG_INFO, "pool.start", NULL);
	do {
		keep_up(&m);
		await(&m);
	} while (!m.stopping || any_left(&m));
	log_line(LOG_INFO, "pool.stop", NULL);
	return 0;
}
