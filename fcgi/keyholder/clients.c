/* clients.c: see keyholder.h. */
#include "core.h"

#include <pwd.h>

#include "base/clock.h"
#include "base/log.h"
#include "keyholder/keyholder.h"

#define GRANTS_MAX  256
#define WORKERS_MAX 512
#define MINUTE_US   (60 * US_PER_S)

/* This user may use this service's keys. */
struct grant {
	uid_t uid;
	char service[SERVICE_MOST]; /* "*": any */
};

/* How many keys a process took in its current minute. */
struct worker {
	pid_t pid;
	int64_t began;
	int64_t taken;
	bool alarmed;
};

static struct grant grants[GRANTS_MAX];
static size_t ngrants;
static struct worker workers[WORKERS_MAX];

static int
user_id(const char *name, uid_t *ret)
{
	const struct passwd *pw;
	char *end;
	unsigned long v = strtoul(name, &end, 10);

	if (*name >= '0' && *name <= '9' && *end == '\0') {
		*ret = (uid_t)v;
		return 0;
	}
	pw = getpwnam(name);
	if (pw == NULL)
		return -1;
	*ret = pw->pw_uid;
	return 0;
}

/* user=service */
static int
grant_read(const char *text, size_t n, struct problem *err)
{
	const char *eq = memchr(text, '=', n);
	char user[64];
	struct grant *g = &grants[ngrants];
	int a, b;

	if (eq == NULL || ngrants == GRANTS_MAX)
		return problem(err, 500, "bad_config", "KEYHOLDER_CLIENTS is a list of user=service, * for any service");
	a = snprintf(user, sizeof(user), "%.*s", (int)(eq - text), text);
	b = snprintf(g->service, sizeof(g->service), "%.*s", (int)(n - (size_t)(eq - text) - 1), eq + 1);
	if (a <= 0 || (size_t)a >= sizeof(user) || b <= 0 || (size_t)b >= sizeof(g->service))
		return problem(err, 500, "bad_config", "KEYHOLDER_CLIENTS is a list of user=service, * for any service");
	if (user_id(user, &g->uid) < 0)
		return problem(err, 500, "bad_config", "KEYHOLDER_CLIENTS names the user %s, who does not exist", user);
	ngrants++;
	return 0;
}

int
clients_read(const struct conf *conf, struct problem *err)
{
	const char *s = conf_str(conf, "KEYHOLDER_CLIENTS");
	size_t n;

	ngrants = 0;
	for (;;) {
		s += strspn(s, ", ");
		n = strcspn(s, ", ");
		if (n == 0)
			return 0;
		if (grant_read(s, n, err) < 0)
			return -1;
		s += n;
	}
}

bool
client_is_admin(const struct client *c)
{
	return c->uid == 0 || c->uid == geteuid();
}

bool
client_may(const struct client *c, const char *service)
{
	if (client_is_admin(c))
		return true;
	for (size_t i = 0; i < ngrants; i++)
		if (grants[i].uid == c->uid && (strcmp(grants[i].service, "*") == 0 || strcmp(grants[i].service, service) == 0))
			return true;
	return false;
}

/* The row of a process; a new one takes the place of whose minute began first. */
static struct worker *
worker_of(pid_t pid)
{
	struct worker *oldest = &workers[0];

	for (size_t i = 0; i < WORKERS_MAX; i++) {
		if (workers[i].pid == pid)
			return &workers[i];
		if (workers[i].began < oldest->began)
			oldest = &workers[i];
	}
	*oldest = (struct worker){ .pid = pid };
	return oldest;
}

bool
client_takes(pid_t pid, int64_t rate, bool *alarm)
{
	struct worker *w = worker_of(pid);
	int64_t now = clock_mono_us();

	*alarm = false;
	if (w->began == 0 || now - w->began > MINUTE_US)
		*w = (struct worker){ .pid = pid, .began = now };
	if (w->taken < rate) {
		w->taken++;
		return true;
	}
	*alarm = !w->alarmed;
	w->alarmed = true;
	return false;
}
