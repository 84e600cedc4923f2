/*
 * timer.c: cron without a leader (rule Q15). A tick is a row (timer, due time): the worker whose INSERT makes it enqueues the
 * job in the same transaction, all others see a conflict. Due times are multiples of the period in UTC by the database's clock,
 * so that a clock that steps back meets rows that exist, and one that steps ahead fires once.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/log.h"

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

/* 1: this worker fired it; 0: somebody else had. */
static int
fire(struct hand *h, const struct timer_row *t, int64_t due, int64_t period, struct problem *err)
{
	char text[CLOCK_TEXT];
	int64_t won;
	struct job_spec spec = { .kind = t->kind, .unique_key = t->name };

	spec.args = arena_printf(h->arena, "{\"dueAt\":\"%s\"}", clock_text(due * US_PER_S, text));
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

int
timers_fire(struct hand *h, int64_t *last, struct problem *err)
{
	const struct service *s = h->work->service;
	int64_t now;
	int fired = 0;

	if (s->ntimers == 0)
		return 0;
	if (database_now(h, &now, err) < 0)
		return -1;
	for (size_t i = 0; i < s->ntimers; i++) {
		int64_t period = conf_int(h->work->conf, s->timers[i].every);
		int64_t due = period > 0 ? now / period * period : 0;
		int won;

		if (period <= 0 || due == last[i]) /* 0 switches a timer off */
			continue;
		won = fire(h, &s->timers[i], due, period, err);
		if (won < 0)
			return -1;
		last[i] = due;
		fired += won;
	}
	return fired;
}
