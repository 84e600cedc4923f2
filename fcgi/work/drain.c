/*
 * drain.c: the whole worker on one thread, for tests: what a test enqueued has run, been delivered and come to rest when it
 * returns.
 */
#include "work/work.h"

#include "base/clock.h"

#define MOST_RUNS 20000
#define TURNS     30

/* How often each job ran, so that one that polls for ever does not keep a test for ever. */
struct turns {
	int64_t id;
	unsigned n;
};

static const char *
spent(struct arena *a, const struct turns *t, size_t n)
{
	struct buf b = buf_in(a, 1024 * 1024);
	bool some = false;

	buf_addc(&b, '{');
	for (size_t i = 0; i < n; i++)
		if (t[i].n >= TURNS) {
			buf_addf(&b, "%s%" PRId64, some ? "," : "", t[i].id);
			some = true;
		}
	buf_addc(&b, '}');
	return buf_str(&b);
}

static void
count_turn(struct turns *t, size_t *n, int64_t id)
{
	for (size_t i = 0; i < *n; i++)
		if (t[i].id == id) {
			t[i].n++;
			return;
		}
	t[(*n)++] = (struct turns){ id, 1 };
}

/* One round: each thing that is due once. */
static int
round_trip(struct hand *h, struct turns *t, size_t *nturns, struct problem *err)
{
	int ran = 0, n;

	h->not_these = h->skip_delays ? spent(h->arena, t, *nturns) : "{}";
	n = take_one(h, err);
	if (n < 0)
		return -1;
	if (n > 0)
		count_turn(t, nturns, h->last_id);
	ran += n;
	arena_reset(h->arena);
	n = deliver_one(h, err);
	if (n < 0)
		return -1;
	ran += n;
	arena_reset(h->arena);
	return ran;
}

static int
drain(struct hand *h, int64_t *ticks, struct turns *t, struct problem *err)
{
	size_t nturns = 0;
	int total = 0, ran = 1;

	if (rescue_expired(h, err) < 0)
		return -1;
	while (ran > 0 && total < MOST_RUNS) {
		if (timers_fire(h, ticks, err) < 0)
			return -1;
		ran = round_trip(h, t, &nturns, err);
		if (ran < 0)
			return -1;
		total += ran;
	}
	return total;
}

int
worker_drain(
    const struct service *s, const struct conf *conf, struct db *db, struct http *http, bool skip_delays, struct problem *err)
{
	struct work w = { .service = s,
		.conf = conf,
		.lease_s = conf_int(conf, "JOB_LEASE"),
		.lock = PTHREAD_MUTEX_INITIALIZER };
	struct hand h = { .work = &w, .db = db, .http = http, .skip_delays = skip_delays, .scope = work_scope(conf) };
	struct arena *theirs = db_current_arena(db);
	int64_t *ticks = calloc(s->ntimers + 1, sizeof(*ticks));
	struct turns *turns = calloc(MOST_RUNS + 2, sizeof(*turns));
	int ran;

	if (ticks == NULL || turns == NULL)
		abort();
	work_name(w.name);
	w.hands = &h;
	w.nhands = 1;
	h.arena = arena_new(0);
	h.claims = arena_new(0);
	db_arena(db, h.arena);
	ran = drain(&h, ticks, turns, err);
	if (ran < 0)
		db_rollback(db);
	db_arena(db, theirs);
	arena_free(h.arena);
	arena_free(h.claims);
	free(turns);
	free(ticks);
	return ran;
}
