#include "core.h"

#include <poll.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/seal.h"
#include "net/breaker.h"
#include "crew.h"

void
must(int rc, const struct problem *err, const char *file, int line)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "%d %s: %s\n", err->status, err->code, err->detail);
	_fail(file, line);
}

void
crew_open(struct crew *c, struct world *w, size_t n)
{
	*c = (struct crew){ .work = { .conf = world_conf(w),
				.lease_s = 30,
				.lock = PTHREAD_MUTEX_INITIALIZER } };
	c->work.service = crew_service;
	MUST((c->work.keyring = keyring_open(conf_str(world_conf(w), "KEYHOLDER_SOCKET"), crew_service->name, &err)) == NULL ? -1 : 0);
	work_name(c->work.name);
	c->work.hands = c->hands;
	c->work.nhands = n;
	for (size_t i = 0; i < n; i++) {
		c->hands[i] = (struct hand){ .work = &c->work, .not_these = "{}" };
		MUST(hand_open(&c->hands[i], &err));
	}
}

static int64_t
unhurried_clock(void)
{
	static int64_t now;

	return now += 20 * US_PER_S;
}

void
crew_unhurried(void)
{
	breaker_reset(unhurried_clock);
}

void
crew_close(struct crew *c)
{
	for (size_t i = 0; i < c->work.nhands; i++)
		hand_close(&c->hands[i]);
	keyring_free(c->work.keyring);
}

int
crew_take(struct crew *c, size_t hand)
{
	int n = 0;

	MUST(n = take_one(&c->hands[hand], &err));
	arena_reset(c->hands[hand].arena);
	return n;
}

int
crew_deliver(struct crew *c, size_t hand)
{
	int n = 0;

	MUST(n = deliver_one(&c->hands[hand], &err));
	arena_reset(c->hands[hand].arena);
	return n;
}

void
tx_begin(struct world *w)
{
	static struct scope scope;

	scope = work_scope(world_conf(w));
	scope.request_id = "test";
	db_arena(world_db(w), world_arena(w));
	MUST(db_begin(world_db(w), WRITE, &scope, &err));
}

void
tx_end(struct world *w)
{
	MUST(db_commit(world_db(w), &err));
}

void
enqueue(struct world *w, const struct job_spec *spec)
{
	tx_begin(w);
	MUST(job_enqueue(world_db(w), spec, &err));
	tx_end(w);
}

/* ---- the process */

pid_t
worker_start(struct world *w)
{
	pid_t pid = fork();

	if (pid == 0) /* its connections are its own; ours it must not touch */
		_exit(worker_main(crew_service, world_conf(w)));
	assert_true(pid > 0);
	return pid;
}

int
worker_wait(pid_t pid, int seconds)
{
	int status;

	for (int i = 0; i < seconds * 20; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
		(void)poll(NULL, 0, 50);
	}
	return -1;
}

bool
comes_true(struct world *w, int seconds, const char *sql)
{
	for (int i = 0; i < seconds * 20; i++) {
		if (sql_int(w, "%s", sql) == 1)
			return true;
		(void)poll(NULL, 0, 50);
	}
	return false;
}
