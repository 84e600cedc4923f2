/*
 * failpoint.c: what is armed, how often a point was passed, and the end that follows. Compiled into test builds only.
 */
#include "core.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/failpoint.h"
#include "base/log.h"

#define ARMED_MAX 64
#define NAME_SIZE 64
#define LIST_SIZE 4096
#define PATH_SIZE 512

enum action { KILL9, EXIT, SLEEP, ERRNO, CUT, SAYS };

struct armed {
	char name[NAME_SIZE];
	enum action action;
	char arg[NAME_SIZE];
	long number; /* of SLEEP and ERRNO */
	unsigned long nth;
	bool onwards;
	unsigned long passed;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct armed armed[ARMED_MAX];
static size_t narmed;
static bool begun;
static struct stat seen; /* TELERX_FAIL_FILE as it was read last; all zero: it was not there */

static const struct {
	const char *name;
	int value;
} errors[] = {
	{ "EAGAIN", EAGAIN },
	{ "ECONNREFUSED", ECONNREFUSED },
	{ "ECONNRESET", ECONNRESET },
	{ "EINTR", EINTR },
	{ "EIO", EIO },
	{ "EMFILE", EMFILE },
	{ "ENOMEM", ENOMEM },
	{ "ENOSPC", ENOSPC },
	{ "EPIPE", EPIPE },
	{ "ETIMEDOUT", ETIMEDOUT },
};

/* ---- the list */

static long
number(const char *s, const char *whole)
{
	char *end;
	long v = strtol(s, &end, 10);

	if (end == s || *end != '\0' || v < 0)
		die("failpoint: no number in '%s'", whole);
	return v;
}

static long
error_number(const char *s, const char *whole)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		if (strcmp(errors[i].name, s) == 0)
			return errors[i].value;
	return number(s, whole);
}

static void
take_action(struct armed *a, char *action, const char *whole)
{
	char *arg = strchr(action, ':');

	if (arg != NULL)
		*arg++ = '\0';
	if (strcmp(action, "kill9") == 0) {
		a->action = KILL9;
	} else if (strcmp(action, "exit") == 0) {
		a->action = EXIT;
	} else if (strcmp(action, "oom") == 0) {
		a->action = ERRNO;
		a->number = ENOMEM;
	} else if (strcmp(action, "cut") == 0) {
		a->action = CUT;
	} else if (strcmp(action, "sleep") == 0 && arg != NULL) {
		a->action = SLEEP;
		a->number = number(arg, whole);
	} else if (strcmp(action, "errno") == 0 && arg != NULL) {
		a->action = ERRNO;
		a->number = error_number(arg, whole);
	} else if (strcmp(action, "says") == 0 && arg != NULL) {
		a->action = SAYS;
		(void)snprintf(a->arg, sizeof(a->arg), "%s", arg);
	} else {
		die("failpoint: no action in '%s'", whole);
	}
}

/* NAME=ACTION[@NTH[+]] */
static void
take_one(char *item)
{
	struct armed *a = &armed[narmed];
	char whole[160], *action = strchr(item, '='), *nth;

	(void)snprintf(whole, sizeof(whole), "%s", item);
	if (action == NULL || action == item || (size_t)(action - item) >= sizeof(a->name))
		die("failpoint: '%s' is not NAME=ACTION[@NTH[+]]", whole);
	if (narmed == ARMED_MAX)
		die("failpoint: more than %d are armed", ARMED_MAX);
	*action++ = '\0';
	*a = (struct armed){ .nth = 1 };
	(void)snprintf(a->name, sizeof(a->name), "%s", item);
	nth = strchr(action, '@');
	if (nth != NULL) {
		*nth++ = '\0';
		a->onwards = *nth != '\0' && nth[strlen(nth) - 1] == '+';
		if (a->onwards)
			nth[strlen(nth) - 1] = '\0';
		a->nth = (unsigned long)number(nth, whole);
	}
	take_action(a, action, whole);
	narmed++;
}

static void
take_list(const char *text)
{
	char copy[LIST_SIZE], *rest = NULL;

	if (strlen(text) >= sizeof(copy))
		die("failpoint: the list passes %d bytes", LIST_SIZE);
	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *item = strtok_r(copy, ", \n", &rest); item != NULL; item = strtok_r(NULL, ", \n", &rest))
		take_one(item);
}

/* ---- its places */

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
read_file(const char *path)
{
	char text[LIST_SIZE];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* gone again */
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	take_list(text);
}

static void
look(void)
{
	const char *list = getenv("TELERX_FAIL"), *path = getenv("TELERX_FAIL_FILE");
	struct stat now = { 0 };

	if (path != NULL && stat(path, &now) < 0)
		now = (struct stat){ 0 };
	if (begun && (path == NULL || same_file(&now, &seen)))
		return;
	begun = true;
	seen = now;
	narmed = 0;
	if (list != NULL)
		take_list(list);
	if (path != NULL && now.st_ino != 0)
		read_file(path);
}

/* ---- a pass */

/* One more byte in DIR/NAME[.fired]; returns how many there are then, 0 without a directory. O_APPEND makes each byte its writer's. */
static unsigned long
count_together(const char *name, const char *suffix)
{
	const char *dir = getenv("TELERX_FAIL_DIR");
	char path[PATH_SIZE];
	off_t at;
	int fd;

	if (dir == NULL)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, ".", 1) != 1)
		die("failpoint: %s: %s", path, strerror(errno));
	at = lseek(fd, 0, SEEK_CUR);
	(void)close(fd);
	return (unsigned long)at;
}

/* Whether the point fails now; the entry is copied, since another thread may read a new list. */
static bool
passes(const char *name, struct armed *ret)
{
	bool fails = false;

	(void)pthread_mutex_lock(&lock);
	look();
	for (size_t i = 0; i < narmed && !fails; i++) {
		struct armed *a = &armed[i];
		unsigned long together;

		if (strcmp(a->name, name) != 0)
			continue;
		a->passed++;
		together = count_together(name, "");
		if (together != 0)
			a->passed = together;
		fails = a->onwards ? a->passed >= a->nth : a->passed == a->nth;
		*ret = *a;
	}
	if (fails)
		(void)count_together(name, ".fired");
	(void)pthread_mutex_unlock(&lock);
	return fails;
}

/* What every point can do. */
static void
end_or_wait(const struct armed *a)
{
	switch (a->action) {
	case KILL9:
		(void)kill(getpid(), SIGKILL);
		for (;;)
			(void)pause();
	case EXIT:
		_exit(1);
	case SLEEP:
		(void)poll(NULL, 0, (int)a->number);
		return;
	default:
		die("failpoint: %s cannot do what is asked of it", a->name);
	}
}

void
failpoint(const char *name)
{
	struct armed a;
	int saved = errno;

	if (passes(name, &a))
		end_or_wait(&a);
	errno = saved;
}

bool
failpoint_err(const char *name, int fd)
{
	struct armed a;
	int saved = errno;

	if (!passes(name, &a)) {
		errno = saved;
		return false;
	}
	if (a.action == CUT) {
		if (fd >= 0)
			(void)shutdown(fd, SHUT_RDWR);
		errno = ECONNRESET;
		return true;
	}
	if (a.action == ERRNO) {
		errno = (int)a.number;
		return true;
	}
	end_or_wait(&a);
	errno = saved;
	return false;
}

const char *
failpoint_says(const char *name)
{
	static _Thread_local char text[NAME_SIZE];
	struct armed a;
	int saved = errno;

	if (passes(name, &a)) {
		if (a.action == SAYS) {
			(void)snprintf(text, sizeof(text), "%s", a.arg);
			errno = saved;
			return text;
		}
		end_or_wait(&a);
	}
	errno = saved;
	return NULL;
}
