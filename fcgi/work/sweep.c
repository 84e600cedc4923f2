/*
 * sweep.c: once a minute, what is over makes room (rule Q16): finished jobs move out of the table that takers read, workers that are
 * gone, short-lived rows whose time has come. Each kind of row has its own transactions of at most SWEEP_BATCH rows, so no sweep
 * holds much, and one that fails does not keep the others from their work.
 *
 * Jobs that act at a vendor or move a saga are about money and prescriptions: they and every dead letter stay for good (rule Q12).
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#define SWEEP_BATCH   5000
#define SWEEP_BATCHES 40
#define OLD_S         60 /* a transaction that keeps the database from cleaning up for so long is told of */

static const char sweep_workers_sql[] =
    "DELETE FROM worker WHERE name IN (SELECT name FROM worker WHERE seen_at < clock_timestamp() - interval '10 minutes' LIMIT $1)";
/* What nobody may read any more. Events are remembered for longer than any sender repeats them (rule W3). */
static const char sweep_ttl_sql[] =
    "DELETE FROM ttl WHERE key IN (SELECT key FROM ttl WHERE expires_at < clock_timestamp() LIMIT $1)";
static const char sweep_answers_sql[] = "DELETE FROM idempotency WHERE (actor, key) IN (SELECT actor, key FROM idempotency"
					" WHERE expires_at < clock_timestamp() LIMIT $1)";
static const char sweep_inbox_sql[] =
    "DELETE FROM inbox WHERE (source, message_id) IN"
    " (SELECT source, message_id FROM inbox WHERE received_at < clock_timestamp() - interval '90 days' LIMIT $1)";
static const char move_jobs_sql[] =
    "WITH gone AS (DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state = 'done'"
    "    AND finished_at < clock_timestamp() - make_interval(secs => $2) ORDER BY finished_at LIMIT $1 FOR UPDATE SKIP LOCKED)"
    "  RETURNING *)"
    " INSERT INTO job_past (id, tenant_id, queue, kind, args, unique_key, serial_key, attempt, max_attempts, token, errors,"
    "  request_id, created_at, finished_at)"
    " SELECT id, tenant_id, queue, kind, args, unique_key, serial_key, attempt, max_attempts, token, errors, request_id, created_at,"
    "  finished_at FROM gone ON CONFLICT DO NOTHING";
static const char sweep_past_sql[] =
    "DELETE FROM job_past WHERE id IN (SELECT id FROM job_past WHERE finished_at < clock_timestamp() - make_interval(secs => $2)"
    "  AND kind <> ALL ($3::text[]) ORDER BY finished_at LIMIT $1)";
static const char stale_sql[] = "SELECT queue, count(*) AS jobs FROM job WHERE state = 'ready'"
				" AND run_at < clock_timestamp() - interval '10 minutes' GROUP BY queue";
static const char oldest_sql[] =
    "SELECT backend_xmin::text AS xmin, age(backend_xmin) AS age FROM pg_stat_activity"
    " WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() ORDER BY age(backend_xmin) DESC LIMIT 1";

/* ---- what is over */

/* One batch; the number of rows, -1. */
typedef int64_t sweep_fn(struct hand *h, struct problem *err);

static int64_t
sweep_workers(struct hand *h, struct problem *err)
{
	return db_exec(h->db, sweep_workers_sql, err, P_INT(SWEEP_BATCH));
}

static int64_t
sweep_ttl(struct hand *h, struct problem *err)
{
	return db_exec(h->db, sweep_ttl_sql, err, P_INT(SWEEP_BATCH));
}

static int64_t
sweep_answers(struct hand *h, struct problem *err)
{
	return db_exec(h->db, sweep_answers_sql, err, P_INT(SWEEP_BATCH));
}

static int64_t
sweep_inbox(struct hand *h, struct problem *err)
{
	return db_exec(h->db, sweep_inbox_sql, err, P_INT(SWEEP_BATCH));
}

static int64_t
move_jobs(struct hand *h, struct problem *err)
{
	return db_exec(h->db, move_jobs_sql, err, P_INT(SWEEP_BATCH), P_INT(conf_int(h->work->conf, "JOB_DONE")));
}

/* Kinds are plain words: an array literal needs no quoting. */
static const char *
kept_kinds(struct hand *h)
{
	const struct service *s = h->work->service;
	struct buf b = buf_in(h->arena, 64 * 1024);

	buf_addc(&b, '{');
	for (size_t i = 0; i < s->njobs; i++) {
		const struct job_row *row = &s->jobs[i];

		if (row->keep || row->run == effect_job || row->run == saga_step_job || row->run == saga_deadline_job)
			buf_addf(&b, "%s%s", b.len > 1 ? "," : "", row->kind);
	}
	buf_addc(&b, '}');
	return buf_str(&b);
}

static int64_t
sweep_past(struct hand *h, struct problem *err)
{
	return db_exec(
	    h->db, sweep_past_sql, err, P_INT(SWEEP_BATCH), P_INT(conf_int(h->work->conf, "JOB_PAST")), P_TEXT(kept_kinds(h)));
}

static int
sweep_all(struct hand *h, sweep_fn *one, struct problem *err)
{
	int64_t n = SWEEP_BATCH;

	for (int i = 0; i < SWEEP_BATCHES && n == SWEEP_BATCH && !atomic_load(&h->work->stopping); i++)
		if (db_begin(h->db, WRITE, &h->scope, err) < 0 || (n = one(h, err)) < 0 || db_commit(h->db, err) < 0)
			return -1;
	return 0;
}

/* ---- what is told of */

static int
tell_stale(struct hand *h, struct problem *err)
{
	struct rows *rows;

	if (db_begin(h->db, READ, &h->scope, err) < 0 || db_all(h->db, &rows, stale_sql, err) < 0 || db_commit(h->db, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		log_line(LOG_ERROR, "queue.stale", "queue", row_str(rows_at(rows, i), "queue"), "jobs",
		    row_str(rows_at(rows, i), "jobs"), NULL);
	return 0;
}

/* The age of the oldest snapshot, in seconds, by how long the same one has been the oldest: other roles' times are hidden from us.
 * A snapshot that nothing was written behind holds nothing back. */
int
watch_oldest(struct hand *h, struct problem *err)
{
	struct work *w = h->work;
	const struct row *row;
	int64_t now = clock_mono_us(), age_s;

	if (db_begin(h->db, READ, &h->scope, err) < 0 || db_one(h->db, &row, oldest_sql, err) < 0 || db_commit(h->db, err) < 0)
		return -1;
	if (row == NULL || row_int(row, "age") == 0) {
		w->oldest[0] = '\0';
	} else if (strcmp(w->oldest, row_str(row, "xmin")) != 0) {
		(void)snprintf(w->oldest, sizeof(w->oldest), "%s", row_str(row, "xmin"));
		w->oldest_since = now;
	}
	age_s = w->oldest[0] == '\0' ? 0 : (now - w->oldest_since) / US_PER_S;
	metric_set("database_oldest_snapshot_seconds", NULL, (double)age_s);
	if (age_s > OLD_S)
		log_line(LOG_ERROR, "database.old_snapshot", "xmin", w->oldest, "seconds", arena_printf(h->arena, "%" PRId64, age_s),
		    NULL);
	return 0;
}

int
sweep_rows(struct hand *h, struct problem *err)
{
	static sweep_fn *const all[] = { move_jobs, sweep_past, sweep_workers, sweep_ttl, sweep_answers, sweep_inbox };

	for (size_t i = 0; i < COUNT(all); i++) {
		if (sweep_all(h, all[i], err) == 0)
			continue;
		db_rollback(h->db);
		log_line(LOG_ERROR, "sweep.failed", "sweep", arena_printf(h->arena, "%zu", i), "code", err->code, "detail", err->detail, NULL);
		problem_clear(err);
	}
	return tell_stale(h, err);
}
