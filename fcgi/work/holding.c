/*
 * holding.c: the jobs in a taker's hands. A taker claims as many as it can begin within moments; the heartbeat renews all of them
 * by id, and each remembers when its own lease was last known to be whole, for only its own fence can tell later. Everything here
 * is under the worker's lock: the housekeeper reads the list, and gives back what waits behind a job that lasts.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/log.h"

#define LEASE_MARGIN_MS 5000

static struct held *
find(struct hand *h, int64_t id)
{
	for (size_t i = 0; i < h->nheld; i++)
		if (h->held[i].id == id)
			return &h->held[i];
	return NULL;
}

static void
drop_at(struct hand *h, size_t i)
{
	h->nheld--;
	memmove(&h->held[i], &h->held[i + 1], (h->nheld - i) * sizeof(h->held[0]));
}

void
hold(struct hand *h, int64_t id, int64_t token, int64_t since)
{
	pthread_mutex_lock(&h->work->lock);
	if (h->nheld == BATCH_MOST)
		die("a taker holds %d jobs at most", BATCH_MOST);
	h->held[h->nheld++] = (struct held){ .id = id, .token = token, .renewed = since, .state = HELD_WAITING };
	pthread_mutex_unlock(&h->work->lock);
}

bool
hold_begin(struct hand *h, int64_t id)
{
	struct held *held;

	pthread_mutex_lock(&h->work->lock);
	held = find(h, id);
	if (held != NULL) {
		held->state = HELD_RUNNING;
		h->began = clock_mono_us();
		h->last_id = id;
	}
	pthread_mutex_unlock(&h->work->lock);
	return held != NULL;
}

void
hold_over(struct hand *h, int64_t id)
{
	struct held *held;

	pthread_mutex_lock(&h->work->lock);
	held = find(h, id);
	if (held != NULL)
		held->state = HELD_OVER;
	pthread_mutex_unlock(&h->work->lock);
}

void
hold_ended(struct hand *h)
{
	pthread_mutex_lock(&h->work->lock);
	for (size_t i = h->nheld; i-- > 0;)
		if (h->held[i].state == HELD_OVER)
			drop_at(h, i);
	pthread_mutex_unlock(&h->work->lock);
}

void
hold_done(struct hand *h, int64_t id)
{
	struct held *held;

	pthread_mutex_lock(&h->work->lock);
	held = find(h, id);
	if (held != NULL && held->state == HELD_RUNNING)
		drop_at(h, (size_t)(held - h->held));
	pthread_mutex_unlock(&h->work->lock);
}

void
hold_renewed(struct hand *h, int64_t id, int64_t since)
{
	struct held *held;

	pthread_mutex_lock(&h->work->lock);
	held = find(h, id);
	if (held != NULL && since > held->renewed)
		held->renewed = since;
	pthread_mutex_unlock(&h->work->lock);
}

/* Five seconds before the lease would end, whoever could not renew it must have let go of the vendor. */
int
hand_lease_left_ms(struct hand *h)
{
	int64_t lease_ms = h->work->lease_s * 1000, margin = lease_ms / 4 < LEASE_MARGIN_MS ? lease_ms / 4 : LEASE_MARGIN_MS;
	int64_t now = clock_mono_us(), age_ms = lease_ms;

	pthread_mutex_lock(&h->work->lock);
	for (size_t i = 0; i < h->nheld; i++)
		if (h->held[i].state == HELD_RUNNING)
			age_ms = (now - h->held[i].renewed) / 1000;
	pthread_mutex_unlock(&h->work->lock);
	return (int)(lease_ms - margin - age_ms);
}

static bool
lasts(const struct hand *h, int64_t longer_us, int64_t now)
{
	if (longer_us == 0)
		return true;
	for (size_t i = 0; i < h->nheld; i++)
		if (h->held[i].state == HELD_RUNNING)
			return now - h->began >= longer_us;
	return false;
}

size_t
holding(struct hand *hands, size_t n, unsigned mask, int64_t longer_us, bool drop, struct buf *ids, struct buf *tokens)
{
	struct work *w = hands[0].work;
	int64_t now = clock_mono_us();
	size_t found = 0;

	buf_addc(ids, '{');
	buf_addc(tokens, '{');
	pthread_mutex_lock(&w->lock);
	for (size_t k = 0; k < n; k++) {
		struct hand *h = &hands[k];

		for (size_t i = 0; i < h->nheld && lasts(h, longer_us, now); i++) {
			if ((mask & 1U << h->held[i].state) == 0)
				continue;
			buf_addf(ids, "%s%" PRId64, found > 0 ? "," : "", h->held[i].id);
			buf_addf(tokens, "%s%" PRId64, found > 0 ? "," : "", h->held[i].token);
			found++;
			if (drop)
				drop_at(h, i--);
		}
	}
	pthread_mutex_unlock(&w->lock);
	buf_addc(ids, '}');
	buf_addc(tokens, '}');
	return found;
}
