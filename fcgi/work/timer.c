/*
 * timer.c: cron without a leader (rule Q15). A tick is a row (timer, due time): the worker whose INSERT makes it enqueues the
 * job in the same transaction, all others see a conflict. Due times are multiples of the period in UTC by the database's clock,
 * so that a clock that steps back meets rows that exist, and one that steps ahead fires once. What passed while nobody looked is
 * the row's policy.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/log.h"

#define ON_TIME_S    5    /* a worker that lives is never later */
#define MOST_AT_ONCE 1000 /* ticks made up for in one round */

static const char last_sql[] = "SELECT extract(epoch FROM max(due_at))::bigint AS due FROM timer_tick WHERE cron_name = $1";
static const char now_sql[] = "SELECT extract(epoch FROM clock_timestamp())::bigint AS now";
static const char tick_sql[] =
    "INSERT INTO timer_tick (cron_name, due_at, fired_by) VALUES ($1, to_timestamp($2::bigint), $3) ON CONFLICT DO NOTHING";
/* Ticks are kept as long as a clock could sensibly step back, and never fewer than ten. */
static const char sweep_sql[] =
    "DELETE FROM timer_tick WHERE cron_name = $1 AND due_at < to_timestamp($2::bigint) - greatest(interval '1 day',"
    " make_interval(secs => $3 * 10))";

static int
database_now(struct hand *h, int64_t *now, struct problem *err)
{
	const struct row *w;

	if (db_begin(h->db, READ, &h->scope, err) < 0 || db_one(h->db, &w, now_sql, err) < 0 || db_commit(h->db, err) < 0)
		return -1;
	*now = row_int(w, "now");
	return 0;
}

/* 1: this worker fired it; 0: somebody else had. alone: a job of its own, whatever waits already. */
static int
fire(struct hand *h, const struct timer_row *t, int64_t due, int64_t period, bool alone, struct problem *err)
{
	char text[CLOCK_TEXT];
	int64_t won;
	struct job_spec spec = { .kind = t->kind, .unique_key = t->name };

	spec.args = arena_printf(h->arena, "{\"dueAt\":\"%s\"}", clock_text(due * US_PER_S, text));
	if (alone)
		spec.unique_key = arena_printf(h->arena, "%s@%" PRId64, t->name, due);
	if (db_begin(h->db, WRITE, &h->scope, err) < 0)
		return -1;
	won = db_exec(h->db, tick_sql, err, P_TEXT(t->name), P_INT(due), P_TEXT(h->work->name));
	if (won < 0)
		return -1;
	if (won == 0) {
		db_rollback(h->db);
		return 0;
	}
	if (job_enqueue(h->db, &spec, err) < 0 || db_exec(h->db, sweep_sql, err, P_TEXT(t->name), P_INT(due), P_INT(period)) < 0 ||
	    db_commit(h->db, err) < 0)
		return -1;
	log_line(LOG_DEBUG, "timer.fired", "timer", t->name, "due", text, NULL);
	return 1;
}

/* Each tick since the last one that anybody fired, the oldest first; MOST_AT_ONCE, and the rest in the next rounds. The first tick
 * ever has nothing behind it. */
static int
fire_all(struct hand *h, const struct timer_row *t, int64_t due, int64_t period, int64_t *last, struct problem *err)
{
	const struct row *w;
	int64_t from;
	int fired = 0;

	if (db_begin(h->db, READ, &h->scope, err) < 0 || db_one(h->db, &w, last_sql, err, P_TEXT(t->name)) < 0)
		return -1;
	from = w == NULL || row_is_null(w, "due") ? due : row_int(w, "due") / period * period + period;
	if (db_commit(h->db, err) < 0)
		return -1;
	for (int n = 0; from <= due && n < MOST_AT_ONCE; n++, from += period) {
		int won = fire(h, t, from, period, true, err);

		if (won < 0)
			return -1;
		fired += won;
	}
	*last = from > due ? due : 0;
	return fired;
}

static int
fire_due(struct hand *h, const struct timer_row *t, int64_t now, int64_t period, int64_t *last, struct problem *err)
{
	int64_t due = now / period * period;
	int won = 0;

	if (due == *last)
		return 0;
	if (t->backfill == BACKFILL_ALL)
		return fire_all(h, t, due, period, last, err);
	if (t->backfill == BACKFILL_LAST || now - due <= ON_TIME_S)
		won = fire(h, t, due, period, false, err);
	if (won >= 0)
		*last = due;
	return won;
}

/* A timer in trouble keeps no other from its tick. */
int
timers_fire_at(struct hand *h, int64_t now, int64_t *last, struct problem *err)
{
	const struct service *s = h->work->service;
	struct problem why = { 0 };
	int fired = 0, failed = 0;

	for (size_t i = 0; i < s->ntimers; i++) {
		int64_t period = conf_int(h->work->conf, s->timers[i].every);
		int won = period > 0 ? fire_due(h, &s->timers[i], now, period, &last[i], &why) : 0; /* 0 switches a timer off */

		if (won >= 0) {
			fired += won;
			continue;
		}
		db_rollback(h->db);
		failed = -1;
		*err = why;
		problem_clear(&why);
	}
	return failed < 0 ? -1 : fired;
}

int
timers_fire(struct hand *h, int64_t *last, struct problem *err)
{
	int64_t now;

	if (h->work->service->ntimers == 0)
		return 0;
	if (database_now(h, &now, err) < 0)
		return -1;
	return timers_fire_at(h, now, last, err);
}
