/* breaker.c: see breaker.h. A few targets, so a list under one mutex; a target is never forgotten. */
#include "core.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/breaker.h"

#define FAILURES 5
#define PROBE_US (10 * US_PER_S)

enum state { CLOSED, OPEN, HALF_OPEN };

struct breaker {
	char *target;
	enum state state;
	unsigned failures; /* in a row */
	int64_t next_probe;
	struct breaker *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct breaker *first;
static int64_t (*now)(void) = clock_mono_us;

static struct breaker *
breaker_for(const char *target)
{
	struct breaker *b = first;

	while (b != NULL && strcmp(b->target, target) != 0)
		b = b->next;
	if (b != NULL)
		return b;
	b = calloc(1, sizeof(*b));
	if (b == NULL || (b->target = strdup(target)) == NULL)
		die("out of memory for a breaker");
	b->next = first;
	first = b;
	return b;
}

static void
move(struct breaker *b, enum state to)
{
	if (b->state == CLOSED && to == OPEN)
		metric_add("breaker_opened_total", "", 1);
	if (b->state != to && (to == CLOSED || b->state == CLOSED))
		log_line(LOG_WARN, to == CLOSED ? "breaker.closed" : "breaker.opened", "target", b->target, NULL);
	b->state = to;
}

static int
refuse(const struct breaker *b, struct problem *err)
{
	(void)problem(err, 503, "circuit_open", "%.100s does not answer", b->target);
	err->retry_after = (int)((b->next_probe - now() + US_PER_S - 1) / US_PER_S);
	if (err->retry_after < 1)
		err->retry_after = 1;
	return -1;
}

int
breaker_enter(const char *target, struct problem *err)
{
	struct breaker *b;
	int rc = 0;

	(void)pthread_mutex_lock(&mutex);
	b = breaker_for(target);
	if (b->state != CLOSED && now() < b->next_probe) {
		rc = refuse(b, err);
	} else if (b->state != CLOSED) {
		/* This caller is the probe; who comes meanwhile is refused, also when its answer never comes. */
		move(b, HALF_OPEN);
		b->next_probe = now() + PROBE_US;
	}
	(void)pthread_mutex_unlock(&mutex);
	return rc;
}

void
breaker_leave(const char *target, bool worked)
{
	struct breaker *b;

	(void)pthread_mutex_lock(&mutex);
	b = breaker_for(target);
	if (worked) {
		b->failures = 0;
		move(b, CLOSED);
	} else if (++b->failures >= FAILURES || b->state == HALF_OPEN) {
		/* Calls that were under way when it opened end here too; they must not put the probe off. */
		if (b->state != OPEN)
			b->next_probe = now() + PROBE_US;
		move(b, OPEN);
	}
	(void)pthread_mutex_unlock(&mutex);
}

const char *
breaker_state(const char *target)
{
	static const char *const names[] = { [CLOSED] = "closed", [OPEN] = "open", [HALF_OPEN] = "half-open" };
	enum state state;

	(void)pthread_mutex_lock(&mutex);
	state = breaker_for(target)->state;
	(void)pthread_mutex_unlock(&mutex);
	return names[state];
}

void
breaker_reset(int64_t (*clock)(void))
{
	(void)pthread_mutex_lock(&mutex);
	while (first != NULL) {
		struct breaker *b = first;

		first = b->next;
		free(b->target);
		free(b);
	}
	now = clock != NULL ? clock : clock_mono_us;
	(void)pthread_mutex_unlock(&mutex);
}
