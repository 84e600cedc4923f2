#include "supervise/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define BACKOFF_FIRST 100
#define BACKOFF_LAST 5000
/* Less than half of what pools wait for the keyholder: whoever lives longer was well, and is not made to wait when it falls again. */
#define GROWN_UP 2000

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* In the new process: nothing inherited but the log. Only calls that are safe after fork. */
static void NORETURN
child_exec(const struct child *c, const char *log, pid_t supervisor)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0640);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	/* The tree must not outlive its supervisor; the second line closes the gap before the first took effect. */
	prctl(PR_SET_PDEATHSIG, c->row.stop_signal);
	if (getppid() != supervisor || null < 0 || out < 0)
		_exit(126);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(c->row.argv[0], c->row.argv);
	dprintf(STDERR_FILENO, "telerx-supervise: %s: %s\n", c->row.argv[0], strerror(errno));
	_exit(127);
}

void
child_start(struct child *c, const char *logs)
{
	pid_t self = getpid();
	char log[512];
	int n = snprintf(log, sizeof log, "%s/%s.log", logs, c->row.name);

	if (n < 0 || (size_t)n >= sizeof log)
		return;
	c->since = now_ms();
	c->pid = fork();
	if (c->pid == 0)
		child_exec(c, log, self);
	if (c->pid < 0) {
		c->pid = 0;
		c->start_at = c->since + BACKOFF_LAST;
		return;
	}
	setpgid(c->pid, c->pid);	/* also here: a signal to the group must not come before the child did it */
	c->stopping = false;
}

void
child_stop(struct child *c)
{
	if (c->pid == 0 || c->stopping)
		return;
	c->stopping = true;
	c->kill_at = now_ms() + (int64_t)c->row.stop_seconds * 1000;
	kill(c->pid, c->row.stop_signal);
}

void
child_insist(struct child *c)
{
	if (c->pid != 0 && c->stopping && now_ms() >= c->kill_at) {
		c->kill_at = now_ms() + 1000;
		kill(-c->pid, SIGKILL);
	}
}

void
child_ended(struct child *c, int status)
{
	int64_t now = now_ms();
	bool asked = c->stopping;

	kill(-c->pid, SIGKILL);
	if (asked || c->backoff == 0 || now - c->since >= GROWN_UP)
		c->backoff = BACKOFF_FIRST;
	else
		c->backoff = c->backoff * 2 > BACKOFF_LAST ? BACKOFF_LAST : c->backoff * 2;
	c->start_at = asked ? now : now + c->backoff;
	c->restarts += asked ? 0 : 1;
	c->pid = 0;
	c->stopping = false;
	c->since = now;
	c->status = status;
}

int64_t
child_due(const struct child *c)
{
	if (c->pid == 0)
		return c->leaving ? INT64_MAX : c->start_at;
	return c->stopping ? c->kill_at : INT64_MAX;
}

void
child_print(const struct child *c, FILE *to)
{
	const char *state = c->pid == 0 ? "down" : c->stopping ? "stopping" : c->replace ? "waiting" : "running";

	long long since = (long long)time(NULL) - (now_ms() - c->since) / 1000;

	(void)fprintf(to, "%s %s %d %u %lld", c->row.name, state, (int)c->pid, c->restarts, since);
	if (c->restarts > 0 && WIFSIGNALED(c->status))
		(void)fprintf(to, " signal:%d", WTERMSIG(c->status));
	else if (c->restarts > 0)
		(void)fprintf(to, " exit:%d", WEXITSTATUS(c->status));
	(void)fputc('\n', to);
}
