/* breaker.c: see breaker.h. A few targets, so a list under one mutex; a target is never forgotten. */
#include "core.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/breaker.h"
#include "net/http.h"

#define FAILURES 5
#define PROBE_US (10 * US_PER_S)
#define FREE_US  (10 * US_PER_S) /* a retry in this time costs nothing: what waits for a quiet target is tried at all */
#define PAID_IN  0.1             /* by a first try */
#define WON_BACK 2.0             /* by a retry that worked */

enum state { CLOSED, OPEN, HALF_OPEN };

struct breaker {
	char *target;
	enum state state;
	unsigned failures; /* in a row */
	int64_t next_probe;
	double retries; /* how many may go out */
	int64_t next_free;
	struct breaker *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct breaker *first;
static _Thread_local bool retrying;
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
tell_state(const struct breaker *b)
{
	char label[96];

	(void)snprintf(label, sizeof(label), "target=\"%.60s\"", b->target);
	metric_set("breaker_open", label, b->state == CLOSED ? 0 : 1);
}

static void
move(struct breaker *b, enum state to)
{
	if (b->state == CLOSED && to == OPEN)
		metric_add("breaker_opened_total", "", 1);
	if (b->state != to && (to == CLOSED || b->state == CLOSED))
		log_line(LOG_WARN, to == CLOSED ? "breaker.closed" : "breaker.opened", "target", b->target, NULL);
	b->state = to;
	tell_state(b);
}

/* Rule Q9: retries are a tenth of first tries at most, so a target in trouble gets hardly more calls than a healthy one. */
static int
pay(struct breaker *b, struct problem *err)
{
	if (!retrying) {
		b->retries = b->retries + PAID_IN < RETRY_MOST ? b->retries + PAID_IN : RETRY_MOST;
		return 0;
	}
	if (b->retries >= 1) {
		b->retries -= 1;
		return 0;
	}
	if (now() >= b->next_free) {
		b->next_free = now() + FREE_US;
		return 0;
	}
	metric_add("retry_budget_refusals_total", "", 1);
	(void)problem(err, 503, "retry_budget", "%.100s gets no more retries now", b->target);
	err->retry_after = (int)(FREE_US / US_PER_S);
	return -1;
}

void
breaker_retrying(bool again)
{
	retrying = again;
}

bool
breaker_worked(const struct http_answer *answer)
{
	return answer->outcome == HTTP_ANSWERED && answer->status < 500 && answer->status != 429;
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
	} else if (pay(b, err) < 0) {
		rc = -1;
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
		if (retrying)
			b->retries = b->retries + WON_BACK < RETRY_MOST ? b->retries + WON_BACK : RETRY_MOST;
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
