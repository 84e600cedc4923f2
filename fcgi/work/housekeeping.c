/*
 * housekeeping.c: signs of life and rescue (rules Q4, Q5, Q6), the hints of the database (rule Q14).
 *
 * The heartbeat names the jobs that threads of this process hold, id by id: a job that nobody holds any more (its end could not
 * be written) is not kept alive by its neighbours, and its lease runs out. Everything that must agree between workers uses the
 * database's clock.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "data/worker_metrics.h"

#define RESCUE_S     5
#define HEARTBEAT_S  10
#define ECHO_MS      25 /* longer than a process goes without another hint, HINT_US of db_tx.c */
#define RESCUE_BATCH 100
#define LASTS_US     US_PER_S
#define AGAIN_US     (5 * US_PER_S)

static const char heartbeat_sql[] = "UPDATE job SET lease_until = clock_timestamp() + make_interval(secs => $3)"
				    " FROM unnest($1::bigint[], $2::bigint[]) AS held (id, token)"
				    " WHERE job.id = held.id AND job.token = held.token AND job.state = 'running'"
				    " RETURNING job.id";
static const char alive_sql[] = "INSERT INTO worker (name, running) VALUES ($1, $2)"
				" ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp(), running = excluded.running";
/* A crash counts as an attempt; the wait is short, since it was the worker that failed and not the work. */
static const char rescue_sql[] =
    "UPDATE job SET state = 'ready', lease_until = NULL, lease_by = NULL, last_error = 'lease expired',"
    "  run_at = clock_timestamp() + make_interval(secs => least(2 ^ least(attempt - 1, 30), 3600) * (0.5 + random() / 2)),"
    "  errors = CASE WHEN jsonb_array_length(errors) < 50 THEN errors ||"
    "    jsonb_build_object('at', clock_timestamp(), 'attempt', attempt, 'error', 'lease expired', 'worker',"
    " lease_by) ELSE errors END"
    " WHERE id IN (SELECT id FROM job WHERE state = 'running' AND lease_until < clock_timestamp() AND attempt < max_attempts"
    "   ORDER BY lease_until LIMIT $1 FOR UPDATE SKIP LOCKED)";
static const char used_up_sql[] =
    "SELECT id, tenant_id, kind, args, attempt, max_attempts, token, request_id FROM job"
    " WHERE state = 'running' AND lease_until < clock_timestamp() AND attempt >= max_attempts ORDER BY lease_until LIMIT $1";
/* ---- heartbeat */

#define ALL_HELD (1U << HELD_WAITING | 1U << HELD_RUNNING | 1U << HELD_OVER)

/* Each job by its own row: a neighbour whose lease is lost says nothing about the others. */
static void
note_renewals(struct work *w, struct rows *rows, int64_t since)
{
	for (size_t i = 0; i < rows_count(rows); i++)
		for (size_t k = 0; k < w->nhands; k++)
			hold_renewed(&w->hands[k], row_int(rows_at(rows, i), "id"), since);
}

static int
heartbeat(struct hand *h, struct problem *err)
{
	struct work *w = h->work;
	struct buf ids = buf_in(h->arena, 1024 * 1024), tokens = buf_in(h->arena, 1024 * 1024);
	int64_t since = clock_mono_us();
	size_t n = holding(w->hands, w->nhands, ALL_HELD, 0, false, &ids, &tokens);
	struct rows *rows = NULL;

	if (db_begin(h->db, WRITE, &h->scope, err) < 0 || db_exec(h->db, alive_sql, err, P_TEXT(w->name), P_INT((int64_t)n)) < 0)
		return -1;
	if (n > 0 &&
	    db_all(h->db, &rows, heartbeat_sql, err, P_TEXT(ids.data), P_TEXT(tokens.data), P_INT(w->lease_s)) < 0)
		return -1;
	FAIL_POINT("jobs.renew");
	if (db_commit(h->db, err) < 0)
		return -1;
	FAIL_POINT("jobs.renewed");
	if (n > 0)
		note_renewals(w, rows, since);
	return worker_metrics_tell(h->db, &h->scope, w->name, err);
}

/* Jobs claimed in one go wait behind the first that lasts: others may have them, and what had ended before it is written now.
 * Failing that, their leases run out; none of them has an effect to do twice. */
static int
free_waiting(struct hand *h, struct problem *err)
{
	struct work *w = h->work;
	struct buf ids = buf_in(h->arena, 1024 * 1024), tokens = buf_in(h->arena, 1024 * 1024);
	size_t n = holding(w->hands, w->nhands, 1U << HELD_OVER, LASTS_US, true, &ids, &tokens);

	if (n > 0 && write_ends(h, &ids, &tokens, n, err) < 0)
		return -1;
	buf_clear(&ids);
	buf_clear(&tokens);
	if (holding(w->hands, w->nhands, 1U << HELD_WAITING, LASTS_US, true, &ids, &tokens) == 0)
		return 0;
	return give_back(h, &ids, &tokens, err);
}

/* ---- rescue */

/* A burial has the service's last word in it, so a kind that this program does not know waits for one that does. */
static int
bury_used_up(struct hand *h, struct problem *err)
{
	struct problem why = {
		.status = 500, .code = "lease_expired", .detail = "the worker died or hung, and this was the last attempt"
	};
	struct rows *rows;
	struct job j;
	bool did;

	if (db_begin(h->db, READ, &h->scope, err) < 0 || db_all(h->db, &rows, used_up_sql, err, P_INT(RESCUE_BATCH)) < 0 ||
	    db_commit(h->db, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct job_row *row;

		job_from_row(h, rows_at(rows, i), &j);
		row = service_job(h->work->service, j.kind);
		if (row == NULL) {
			job_unknown_kind(&j, true);
		} else if (job_bury(&j, row, &why, true, &did, err) < 0) {
			db_rollback(h->db);
			log_line(LOG_ERROR, "job.burial_failed", "kind", j.kind, "code", err->code, "detail", err->detail, NULL);
			problem_clear(err);
		}
	}
	return 0;
}

int
rescue_expired(struct hand *h, struct problem *err)
{
	int64_t n;

	if (db_begin(h->db, WRITE, &h->scope, err) < 0)
		return -1;
	n = db_exec(h->db, rescue_sql, err, P_INT(RESCUE_BATCH));
	if (n < 0 || db_commit(h->db, err) < 0)
		return -1;
	if (n > 0) {
		log_line(LOG_WARN, "job.rescued", "jobs", arena_printf(h->arena, "%" PRId64, n), NULL);
		metric_add("job_rescued_total", NULL, (double)n);
	}
	return bury_used_up(h, err);
}

/* ---- the loop */

struct chore {
	const char *name;
	int (*run)(struct hand *h, struct problem *err);
	int64_t every_us;
	int64_t next;
};

static bool
all_held_done(struct work *w)
{
	bool none = true;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->nhands; i++)
		none = none && w->hands[i].nheld == 0;
	pthread_mutex_unlock(&w->lock);
	return none;
}

/* One that fails comes again soon and keeps none of the others waiting: timers fire while a sweep has trouble. */
static void
do_chore(struct hand *h, struct chore *c)
{
	struct problem err = { 0 };
	int64_t pause = c->every_us;

	if (clock_mono_us() < c->next)
		return;
	if (c->run(h, &err) < 0) {
		db_rollback(h->db);
		log_line(LOG_WARN, "housekeeping.trouble", "chore", c->name, "code", err.code, "detail", err.detail, NULL);
		pause = pause < AGAIN_US ? pause : AGAIN_US;
	}
	c->next = clock_mono_us() + pause;
	arena_reset(h->arena);
}

static int
fire_timers(struct hand *h, struct problem *err)
{
	return atomic_load(&h->work->stopping) ? 0 : timers_fire(h, h->work->ticks, err) < 0 ? -1 : 0;
}

static int64_t
at_most(int64_t seconds, int64_t share_of_lease)
{
	return (seconds < share_of_lease ? seconds : share_of_lease) * US_PER_S;
}

void *
housekeeper_main(void *hand)
{
	struct hand *h = hand;
	struct work *w = h->work;
	struct chore chores[] = {
		{ "heartbeat", heartbeat, at_most(HEARTBEAT_S, w->lease_s / 3), 0 },
		{ "rescue", rescue_expired, at_most(RESCUE_S, w->lease_s / 2), 0 },
		{ "free", free_waiting, 0, 0 },
		{ "timers", fire_timers, 0, 0 },
		{ "snapshots", watch_oldest, 10 * US_PER_S, 0 },
		{ "seals", watch_seals, 10 * US_PER_S, 0 },
		{ "sweep", sweep_rows, 60 * US_PER_S, 0 },
		{ "retention", sweep_outbox, 60 * US_PER_S, 0 },
	};
	struct problem err = { 0 };
	int64_t *ticks = calloc(w->service->ntimers + 1, sizeof(*ticks));

	if (ticks == NULL)
		die("out of memory");
	w->ticks = ticks;
	if (hand_open(h, &err) == 0) {
		/* The leases of those who still finish are kept alive to the end. */
		while (!atomic_load(&w->stopping) || !all_held_done(w)) {
			for (size_t i = 0; i < COUNT(chores); i++)
				do_chore(h, &chores[i]);
			if (atomic_load(&w->stopping))
				usleep(100000);
			else
				(void)work_wait(h, UINT64_MAX, POLL_MS);
		}
		hand_close(h);
	}
	free(ticks);
	return NULL;
}

/* A connection that only waits for the hint that follows a commit with jobs or events. Losing it costs a second per job,
 * nothing else. Of many commits in a row only some send a hint (fcgi/data/db_tx.c), so a while after each there is another look. */
void *
listener_main(void *hand)
{
	struct hand *h = hand;
	struct problem err = { 0 };
	char queue[HINT_NAME];
	bool again = false;

	if (hand_open(h, &err) < 0)
		return NULL;
	while (!atomic_load(&h->work->stopping) && db_listen(h->db, &err) < 0)
		hand_trouble(h, "listener.trouble", &err);
	while (!atomic_load(&h->work->stopping)) {
		bool hinted = db_notified(h->db, again ? ECHO_MS : POLL_MS / 2, queue);

		if (hinted || again)
			work_hint(h->work, queue);
		again = hinted;
	}
	hand_close(h);
	return NULL;
}
