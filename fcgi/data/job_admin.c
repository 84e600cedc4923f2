/* job_admin.c: see job_admin.h. */
#include "core.h"

#include "data/attention.h"
#include "data/db_private.h"
#include "data/job_admin.h"

#define COLUMNS \
	"id, kind, queue, state, attempt, max_attempts, run_at, created_at, finished_at, lease_by, last_error, request_id"
#define PAST_COLUMNS \
	"id, kind, queue, 'done' AS state, attempt, max_attempts, created_at AS run_at, created_at, finished_at, NULL AS lease_by," \
	" NULL AS last_error, request_id"
#define WHOLE ", args, errors, unique_key, serial_key"
/* What makes a dead job as new. Its token grows on, its errors stay. */
#define ANEW \
	"UPDATE job SET state = 'ready', attempt = CASE WHEN state = 'dead' THEN 0 ELSE attempt END, run_at = clock_timestamp()," \
	" finished_at = NULL"

static const char list_sql[] =
    "SELECT " COLUMNS " FROM job WHERE ($1::text IS NULL AND state <> 'done' OR state = $1) AND ($2::text IS NULL OR kind = $2)"
    " ORDER BY state = 'dead' DESC, coalesce(finished_at, run_at) DESC, id DESC LIMIT $3";
static const char find_sql[] = "SELECT " COLUMNS WHOLE " FROM job WHERE id = $1 UNION ALL SELECT " PAST_COLUMNS WHOLE
			       " FROM job_past WHERE id = $1 LIMIT 1";
static const char retry_sql[] = ANEW " WHERE id = $1 AND state IN ('dead', 'ready')";
/* Of several dead ones with one unique key the newest speaks for all; a live one does so, too. */
static const char replay_sql[] = ANEW
    " WHERE id IN (SELECT DISTINCT ON (coalesce(d.unique_key, d.id::text)) d.id FROM job d WHERE d.state = 'dead' AND d.kind = $1"
    "  AND NOT EXISTS (SELECT FROM job l WHERE l.kind = d.kind AND l.unique_key = d.unique_key AND l.state IN ('ready', 'running'))"
    "  ORDER BY coalesce(d.unique_key, d.id::text), d.id DESC) RETURNING id";
static const char workers_sql[] = "SELECT name, started_at, seen_at, running FROM worker ORDER BY seen_at DESC, name";

int
job_list(struct db *db, const char *state, const char *kind, int64_t limit, struct rows **ret, struct problem *err)
{
	return db_all(db, ret, list_sql, err, P_TEXT(state), P_TEXT(kind), P_INT(limit));
}

int
job_find(struct db *db, int64_t id, const struct row **ret, struct problem *err)
{
	if (db_one(db, ret, find_sql, err, P_INT(id)) < 0)
		return -1;
	return *ret != NULL ? 0 : problem(err, 404, "unknown_job", "there is no job of this number");
}

static int
is_alive_again(struct db *db, int64_t id, struct problem *err)
{
	char subject[24];

	db_hint(db, "");
	(void)snprintf(subject, sizeof(subject), "%" PRId64, id);
	return attention_clear(db, "job.dead", subject, "replayed", err);
}

int
job_retry(struct db *db, int64_t id, struct problem *err)
{
	const struct row *w;
	int64_t n;

	if (job_find(db, id, &w, err) < 0)
		return -1;
	n = db_exec(db, retry_sql, err, P_INT(id));
	if (n < 0 && db_violates(err, "job_unique"))
		return problem(err, 409, "superseded", "another job of this kind and key waits or runs");
	if (n == 0)
		return problem(err, 409, "not_retryable", "the job is %s", row_str(w, "state"));
	return n < 0 ? -1 : is_alive_again(db, id, err);
}

int
job_replay(struct db *db, const char *kind, int64_t *n, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, replay_sql, err, P_TEXT(kind)) < 0)
		return -1;
	*n = (int64_t)rows_count(rows);
	for (size_t i = 0; i < rows_count(rows); i++)
		if (is_alive_again(db, row_int(rows_at(rows, i), "id"), err) < 0)
			return -1;
	return 0;
}

int
job_workers(struct db *db, struct rows **ret, struct problem *err)
{
	return db_all(db, ret, workers_sql, err);
}

void
job_to_json(struct json_writer *w, const char *key, const struct row *row, bool whole)
{
	jw_object(w, key);
	jw_int(w, "jobId", row_int(row, "id"));
	jw_str(w, "kind", row_str(row, "kind"));
	jw_str(w, "queue", row_str(row, "queue"));
	jw_str(w, "state", row_str(row, "state"));
	jw_int(w, "attempt", row_int(row, "attempt"));
	jw_int(w, "maxAttempts", row_int(row, "max_attempts"));
	jw_time(w, "runAt", row_time(row, "run_at"));
	jw_time(w, "createdAt", row_time(row, "created_at"));
	jw_time(w, "finishedAt", row_time(row, "finished_at"));
	jw_str(w, "worker", row_opt_str(row, "lease_by"));
	jw_str(w, "lastError", row_opt_str(row, "last_error"));
	jw_str(w, "requestId", row_opt_str(row, "request_id"));
	if (whole) {
		jw_raw(w, "args", row_str(row, "args"));
		jw_raw(w, "errors", row_str(row, "errors"));
		jw_str(w, "uniqueKey", row_opt_str(row, "unique_key"));
		jw_str(w, "serialKey", row_opt_str(row, "serial_key"));
	}
	jw_end(w);
}

void
job_worker_to_json(struct json_writer *w, const char *key, const struct row *row)
{
	jw_object(w, key);
	jw_str(w, "name", row_str(row, "name"));
	jw_time(w, "startedAt", row_time(row, "started_at"));
	jw_time(w, "seenAt", row_time(row, "seen_at"));
	jw_int(w, "running", row_int(row, "running"));
	jw_end(w);
}
