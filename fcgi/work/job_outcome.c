/*
 * job_outcome.c: what becomes of a job whose function failed (rules Q6, Q8, Q12): it waits and runs again, or it is buried with
 * its arguments and the history of its errors, for a person to replay. Every move is fenced like a success.
 */
#include "work/work.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/metrics.h"
#include "data/attention.h"

#define UNKNOWN_KIND_DELAY_S 300
#define ERRORS_KEPT          "50"

/* min(an hour, base * 2^(n-1)) * uniform(0.5, 1.0), or what the other side asked for when that is longer. */
static const char retry_sql[] =
    "UPDATE job SET state = 'ready', lease_until = NULL, lease_by = NULL, last_error = $5,"
    "  run_at = clock_timestamp() + make_interval(secs => greatest($4::float8,"
    "    least($3::float8 * 2 ^ least(attempt - 1, 30), 3600) * (0.5 + random() / 2))),"
    "  errors = CASE WHEN jsonb_array_length(errors) < " ERRORS_KEPT
    "    THEN errors || jsonb_build_object('at', clock_timestamp(), 'attempt', attempt, 'error', $5::text) ELSE errors END"
    " WHERE id = $1 AND token = $2 AND state = 'running'";
/* Goes back as if this run had never been. */
static const char back_sql[] =
    "UPDATE job SET state = 'ready', lease_until = NULL, lease_by = NULL, attempt = attempt - 1, last_error = $4,"
    "  run_at = clock_timestamp() + make_interval(secs => $3::float8 * (1 + random() / 4))"
    " WHERE id = $1 AND token = $2 AND state = 'running' AND (NOT $5::boolean OR lease_until < clock_timestamp())";
static const char dead_sql[] =
    "UPDATE job SET state = 'dead', finished_at = clock_timestamp(), lease_until = NULL, lease_by = NULL, last_error = $3,"
    "  errors = errors || jsonb_build_object('at', clock_timestamp(), 'attempt', attempt, 'error', $3::text)"
    " WHERE id = $1 AND token = $2 AND state = 'running' AND (NOT $4::boolean OR lease_until < clock_timestamp())";

const char *
job_trouble(struct arena *a, const struct problem *why)
{
	return arena_printf(a, "%d %s%s%s", why->status, why->code, why->detail[0] == '\0' ? "" : ": ", why->detail);
}

void
job_count(const char *kind, const char *outcome)
{
	char labels[128];

	(void)snprintf(labels, sizeof(labels), "kind=\"%.60s\",outcome=\"%s\"", kind, outcome);
	metric_add("jobs_total", labels, 1);
}

static const char *
number(struct job *j, int64_t n)
{
	return arena_printf(j->arena, "%" PRId64, n);
}

static int
put_back(struct job *j, int64_t delay_s, const char *trouble, bool expired, struct problem *err)
{
	if (db_begin(j->db, WRITE, &j->scope, err) < 0 ||
	    db_exec(j->db, back_sql, err, P_INT(j->id), P_INT(j->token), P_INT(delay_s), P_TEXT(trouble), P_BOOL(expired)) < 0)
		return -1;
	return db_commit(j->db, err);
}

static int
retry_later(struct job *j, const struct job_row *row, const struct problem *why, struct problem *err)
{
	int64_t base = row->backoff_s > 0 ? row->backoff_s : 2;

	log_line(LOG_WARN, "job.retry", "job", number(j, j->id), "kind", j->kind, "attempt", number(j, j->attempt), "code",
	    why->code, "detail", why->detail, NULL);
	job_count(j->kind, "retry");
	FAIL_POINT("jobs.retry");
	if (db_begin(j->db, WRITE, &j->scope, err) < 0 ||
	    db_exec(j->db, retry_sql, err, P_INT(j->id), P_INT(j->token), P_INT(base), P_INT(why->retry_after),
		P_TEXT(job_trouble(j->arena, why))) < 0)
		return -1;
	return db_commit(j->db, err);
}

/* A job of the engines that dies leaves a manual effect or saga, which calls by itself. */
static int
call_for_person(struct job *j, const struct job_row *row, const struct problem *why, struct problem *err)
{
	const struct attention what = { .kind = "job.dead",
		.subject = number(j, j->id),
		.code = why->code,
		.submission = job_uuid(j, "submissionId"),
		.patient = job_uuid(j, "patientId"),
		.detail = arena_printf(j->arena, "{\"job\":\"%s\",\"attempts\":%d}", j->kind, j->attempt) };

	if (row->run == effect_job || row->run == saga_step_job || row->run == saga_deadline_job)
		return 0;
	return attention_raise(j->db, &what, err);
}

/* What the engines and the service have to say about a job that will not run again. */
static int
last_words(struct job *j, const struct job_row *row, const struct problem *why, struct problem *err)
{
	if (row->run == effect_job && effect_buried(j, why, err) < 0)
		return -1;
	if ((row->run == saga_step_job || row->run == saga_deadline_job) && saga_buried(j, why, err) < 0)
		return -1;
	return row->buried == NULL ? 0 : row->buried(j, err);
}

int
job_bury(struct job *j, const struct job_row *row, const struct problem *why, bool expired, bool *did, struct problem *err)
{
	int64_t rows;

	*did = false;
	if (db_begin(j->db, WRITE, &j->scope, err) < 0)
		return -1;
	rows = db_exec(j->db, dead_sql, err, P_INT(j->id), P_INT(j->token), P_TEXT(job_trouble(j->arena, why)), P_BOOL(expired));
	if (rows < 0)
		return -1;
	if (rows == 0) {
		db_rollback(j->db);
		return 0;
	}
	if (last_words(j, row, why, err) < 0 || call_for_person(j, row, why, err) < 0)
		return -1;
	if (db_commit(j->db, err) < 0)
		return -1;
	*did = true;
	log_line(LOG_ERROR, "job.dead", "job", number(j, j->id), "kind", j->kind, "attempt", number(j, j->attempt), "code",
	    why->code, "detail", why->detail, NULL);
	job_count(j->kind, "dead");
	return 0;
}

/* A burial that fails leaves the job alive: it is tried, and if need be buried, again. */
static int
bury_or_retry(struct job *j, const struct job_row *row, const struct problem *why, struct problem *err)
{
	bool did;

	if (job_bury(j, row, why, false, &did, err) == 0)
		return 0;
	db_rollback(j->db);
	log_line(LOG_ERROR, "job.burial_failed", "job", number(j, j->id), "kind", j->kind, "code", err->code, "detail", err->detail,
	    NULL);
	problem_clear(err);
	return retry_later(j, row, why, err);
}

void
job_failed(struct job *j, const struct job_row *row, const struct problem *why)
{
	struct problem err = { 0 };
	int r;

	db_rollback(j->db);
	if (strcmp(why->code, "lease_lost") == 0) {
		log_line(LOG_WARN, "job.lease_lost", "job", number(j, j->id), "kind", j->kind, NULL);
		job_count(j->kind, "lease_lost");
		return;
	}
	if (strcmp(why->code, "circuit_open") == 0 || strcmp(why->code, "retry_budget") == 0) /* nobody was asked: nothing was tried */
		r = put_back(j, why->retry_after > 0 ? why->retry_after : 10, job_trouble(j->arena, why), false, &err);
	else if (why->fault == FAULT_PERMANENT || j->attempt >= j->max_attempts)
		r = bury_or_retry(j, row, why, &err);
	else
		r = retry_later(j, row, why, &err);
	if (r < 0) { /* the lease ends by itself and a rescuer takes over */
		db_rollback(j->db);
		log_line(LOG_ERROR, "job.left_to_rescue", "job", number(j, j->id), "kind", j->kind, "code", err.code, NULL);
	}
}

void
job_unknown_kind(struct job *j, bool expired)
{
	struct problem err = { 0 };

	log_line(LOG_ERROR, "job.unknown_kind", "job", number(j, j->id), "kind", j->kind, NULL);
	job_count("unknown", "unknown_kind");
	if (put_back(j, UNKNOWN_KIND_DELAY_S, "unknown kind: no handler in this program", expired, &err) < 0)
		db_rollback(j->db);
}
