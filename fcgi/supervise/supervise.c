/*
 * supervise.c: telerx-supervise keeps a tree's processes alive.
 *
 *	telerx-supervise TABLE RUNDIR LOGDIR
 *
 * Goes to the background once it holds RUNDIR/supervise.pid (locked for life, so there is one of it) and starts what TABLE names (table.h).
 * SIGTERM or SIGINT: stops everything, last stage first, then ends. SIGHUP: reads TABLE again: starts new rows, stops missing ones,
 * restarts changed ones, and replaces the others one after the other as their reload word says; a TABLE that does not parse changes nothing.
 * RUNDIR/status says what runs; a line is: name, state, pid, unasked restarts, Unix time since when, how the last life ended.
 * SECURITY: runs as the tree's unprivileged user and gives its children nothing but their log; children die with it.
 */
#include "supervise/child.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct supervisor {
	const char *table;
	const char *run;
	const char *logs;
	struct child children[TABLE_ROWS];
	size_t n;
	bool ending;
	bool changed;		/* the status file is behind */
};

static struct child *
find(struct supervisor *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->children[i].row.name, name) == 0)
			return &s->children[i];
	return NULL;
}

/* Takes the row of a table over, so that the table's own release does not free it. */
static void
adopt(struct supervisor *s, struct table_row *row)
{
	struct child *c = find(s, row->name);

	if (c == NULL && s->n < COUNT(s->children)) {
		c = &s->children[s->n++];
		*c = (struct child){ .since = now_ms() };
	} else if (c == NULL) {
		return;
	} else {
		c->replace = c->pid != 0;
		c->leaving = false;
		if (c->pid != 0 && strcmp(c->row.line, row->line) != 0)
			child_stop(c);
		table_row_release(&c->row);
	}
	c->row = *row;
	*row = (struct table_row){ 0 };
}

static int
read_table(struct supervisor *s)
{
	static struct table t;

	if (table_read(&t, s->table) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		bool kept = false;

		for (size_t k = 0; k < t.n && !kept; k++)
			kept = strcmp(t.rows[k].name, s->children[i].row.name) == 0;
		s->children[i].leaving = !kept;
	}
	for (size_t i = 0; i < t.n; i++)
		adopt(s, &t.rows[i]);
	table_release(&t);
	s->changed = true;
	return 0;
}

static void
write_status(struct supervisor *s)
{
	char path[PATH_MAX], fresh[PATH_MAX + 4];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/status", s->run);
	(void)snprintf(fresh, sizeof fresh, "%s.new", path);
	f = fopen(fresh, "we");
	if (f == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		child_print(&s->children[i], f);
	if (fclose(f) == 0)
		(void)rename(fresh, path);
	s->changed = false;
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < s->n; i++)
			if (s->children[i].pid == pid) {
				child_ended(&s->children[i], status);
				s->changed = true;
			}
	}
}

/* Rows that left the table and have stopped are forgotten. */
static void
forget(struct supervisor *s)
{
	for (size_t i = 0; i < s->n;) {
		struct child *c = &s->children[i];

		if (!c->leaving || c->pid != 0) {
			i++;
			continue;
		}
		table_row_release(&c->row);
		memmove(c, c + 1, (s->n - i - 1) * sizeof *c);
		s->n--;
		s->changed = true;
	}
}

/* The last stage that still has somebody leaving while alive: only it may be told to stop. */
static int
stage_to_stop(const struct supervisor *s)
{
	int stage = -1;

	for (size_t i = 0; i < s->n; i++)
		if (s->children[i].leaving && s->children[i].pid != 0 && s->children[i].row.stage > stage)
			stage = s->children[i].row.stage;
	return stage;
}

/* Masters replace their own children and may do so together; the others are restarted one at a time, so that what remains carries the load. */
static void
replace_some(struct supervisor *s)
{
	bool busy = false;

	for (size_t i = 0; i < s->n; i++) {
		struct child *c = &s->children[i];

		busy = busy || (c->stopping && !c->leaving);
		if (c->replace && c->pid != 0 && c->row.reload != RELOAD_RESTART) {
			c->replace = false;
			s->changed = true;
			if (c->row.reload == RELOAD_HUP)
				kill(c->pid, SIGHUP);
		}
	}
	for (size_t i = 0; i < s->n && !busy; i++) {
		struct child *c = &s->children[i];

		if (c->replace && c->pid != 0) {
			c->replace = false;
			child_stop(c);
			s->changed = true;
			busy = true;
		}
	}
}

static void
tend(struct supervisor *s)
{
	int stage = stage_to_stop(s);

	for (size_t i = 0; i < s->n; i++) {
		struct child *c = &s->children[i];

		child_insist(c);
		if (c->leaving && c->pid != 0 && c->row.stage == stage && !c->stopping) {
			child_stop(c);
			s->changed = true;
		}
		if (!c->leaving && c->pid == 0 && now_ms() >= c->start_at) {
			c->replace = false;
			child_start(c, s->logs);
			s->changed = true;
		}
	}
	forget(s);
	if (!s->ending)
		replace_some(s);
	if (s->changed)
		write_status(s);
}

static int
patience(const struct supervisor *s)
{
	int64_t due = INT64_MAX, now = now_ms();

	for (size_t i = 0; i < s->n; i++) {
		int64_t t = child_due(&s->children[i]);

		if (t < due)
			due = t;
	}
	if (due == INT64_MAX)
		return -1;
	return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

static void
obey(struct supervisor *s, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGHUP:
			if (!s->ending)
				(void)read_table(s);
			break;
		case SIGTERM:
		case SIGINT:
			s->ending = true;
			for (size_t i = 0; i < s->n; i++)
				s->children[i].leaving = true;
			break;
		default:
			reap(s);
		}
	}
}

static void
supervise(struct supervisor *s)
{
	struct pollfd p = { .events = POLLIN };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	p.fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	/* What a dead master leaves behind comes to us, so that it is reaped. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	tend(s);
	while (!s->ending || s->n > 0) {
		(void)poll(&p, 1, patience(s));
		obey(s, p.fd);
		reap(s);
		tend(s);
	}
}

/* The descriptor of the locked pid file, -1 when another supervisor has it. */
static int
take_pid_file(const char *run)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof path, "%s/supervise.pid", run);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		(void)fprintf(stderr, "telerx-supervise: %s: %s\n", path, errno == EWOULDBLOCK ? "already running" : strerror(errno));
		return -1;
	}
	return fd;
}

/* The parent leaves once the child owns the lock and its pid stands in the file. */
static void
go_to_background(int pidfile, const char *logs)
{
	char log[PATH_MAX];
	int null, out;
	pid_t pid = fork();

	if (pid < 0)
		exit(1);
	if (pid > 0) {
		if (ftruncate(pidfile, 0) < 0 || dprintf(pidfile, "%d\n", (int)pid) < 0)
			perror("telerx-supervise: pid file");
		_exit(0);
	}
	setsid();
	(void)snprintf(log, sizeof log, "%s/supervise.log", logs);
	null = open("/dev/null", O_RDWR);
	out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0640);
	if (null < 0 || out < 0)
		_exit(1);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	close_range(3, (unsigned)pidfile - 1, 0);
	close_range((unsigned)pidfile + 1, ~0U, 0);
}

int
main(int argc, char **argv)
{
	static struct supervisor s;
	char path[PATH_MAX];
	int pidfile;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: telerx-supervise TABLE RUNDIR LOGDIR\n");
		return 2;
	}
	s = (struct supervisor){ .table = argv[1], .run = argv[2], .logs = argv[3] };
	umask(0027);
	if (read_table(&s) < 0)
		return 1;
	pidfile = take_pid_file(s.run);
	if (pidfile < 0)
		return 1;
	go_to_background(pidfile, s.logs);
	supervise(&s);
	(void)snprintf(path, sizeof path, "%s/status", s.run);
	unlink(path);
	if (ftruncate(pidfile, 0) < 0)
		return 1;
	return 0;
}
