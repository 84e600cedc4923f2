/* look.c: see look.h. The answer is three lines: processes, level, file of the level. */
#include "core.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/look.h"

#define BROKEN 70

void
become(const char *program, char *const argv[], pid_t master)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != master)
		_exit(71);
	execv(program, argv);
	_exit(72);
}

static pid_t
ask(const char *program, char *name, int *answer)
{
	char serve[] = "serve", question[] = "--look";
	char *const argv[] = { name, serve, question, NULL };
	pid_t master = getpid(), pid;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (dup2(fds[1], STDOUT_FILENO) < 0)
			_exit(71);
		become(program, argv, master);
	}
	(void)close(fds[1]);
	*answer = fds[0];
	return pid;
}

static int
read_line(FILE *f, char *line, size_t size)
{
	if (fgets(line, (int)size, f) == NULL)
		return -1;
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

static int
read_answer(FILE *f, struct look *ret)
{
	char processes[16], level[16], *end;
	unsigned long n;

	if (read_line(f, processes, sizeof(processes)) < 0 || read_line(f, level, sizeof(level)) < 0 ||
	    read_line(f, ret->level_file, sizeof(ret->level_file)) < 0)
		return -1;
	n = strtoul(processes, &end, 10);
	ret->processes = n;
	return end == processes || *end != '\0' || n == 0 ? -1 : log_level_parse(level, &ret->level);
}

int
look(const char *program, char *name, struct look *ret)
{
	int answer = -1, status = 0, rc;
	pid_t pid = ask(program, name, &answer);
	FILE *f;

	if (pid < 0)
		die("%s is not started: %s", program, strerror(errno));
	f = fdopen(answer, "r");
	if (f == NULL)
		die("%s: %s", program, strerror(errno));
	rc = read_answer(f, ret);
	(void)fclose(f);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("%s: %s", program, strerror(errno));
	if (!WIFEXITED(status))
		return BROKEN;
	if (WEXITSTATUS(status) == 0 && rc < 0)
		die("%s serve --look: not what a pool's program answers", program);
	return WEXITSTATUS(status);
}
