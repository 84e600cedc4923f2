/*
 * job_context.c: what a job function calls. Each commit of a job carries the fence: the row still runs under this token, or
 * everything rolls back (rule Q3). A worker whose lease was given away thus writes nothing, however late it wakes up. The fence
 * raises an error when it touches no row, so that it and COMMIT leave together.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"

#define FENCED(update) "WITH held AS (" update " RETURNING 1) SELECT CASE WHEN count(*) = 0 THEN lease_lost() END FROM held"
#define MINE           " WHERE id = $1 AND token = $2 AND state = 'running'"

static const char done_sql[] =
    FENCED("UPDATE job SET state = 'done', finished_at = clock_timestamp(), lease_until = NULL, lease_by = NULL" MINE);
static const char again_sql[] =
    FENCED("UPDATE job SET state = 'ready', run_at = clock_timestamp() + make_interval(secs => $3), lease_until = NULL,"
	   " lease_by = NULL, attempt = CASE WHEN $4::boolean THEN 0 ELSE attempt - 1 END" MINE);
static const char renew_sql[] = FENCED("UPDATE job SET lease_until = clock_timestamp() + make_interval(secs => $3),"
				       " attempt = CASE WHEN $4::boolean THEN 1 ELSE attempt END" MINE);

struct uuid
job_uuid(const struct job *j, const char *name)
{
	const char *s = json_text_at(j->args, name);
	struct uuid u;

	return s != NULL && uuid_parse(s, &u) == 0 ? u : UUID_NIL;
}

const char *
job_str(const struct job *j, const char *name)
{
	const char *s = json_text_at(j->args, name);

	return s == NULL ? "" : s;
}

int64_t
job_int(const struct job *j, const char *name)
{
	return json_int_at(j->args, name, 0);
}

int
job_read(struct job *j, struct problem *err)
{
	return db_begin(j->db, READ_AUDITED, &j->scope, err);
}

int
job_read_end(struct job *j, struct problem *err)
{
	return db_commit(j->db, err);
}

int
job_begin(struct job *j, struct problem *err)
{
	return db_begin(j->db, WRITE, &j->scope, err);
}

static int
lease_lost(struct job *j, struct problem *err)
{
	db_rollback(j->db);
	metric_add("job_lease_lost_total", NULL, 1);
	problem(err, 409, "lease_lost", "job %" PRId64 " is no longer held under token %" PRId64, j->id, j->token);
	err->fault = FAULT_RETRY;
	return -1;
}

/* rc: of the fencing statement, which brought the COMMIT along. */
static int
fenced(struct job *j, int rc, struct problem *err)
{
	if (rc < 0 && strcmp(err->code, "lease_lost") == 0)
		return lease_lost(j, err);
	return rc;
}

/* A job that changed rows and left no trace of its own leaves this one (invariant I4); it goes with the fence. */
static void
trace(struct job *j)
{
	if (db_unaudited(j->db))
		audit_pending(j->db,
		    &(struct audit_entry){ .action = arena_printf(j->arena, "job.%s", j->kind),
			.object = "job",
			.object_id = arena_printf(j->arena, "%" PRId64, j->id) });
}

int
job_commit(struct job *j, struct problem *err)
{
	int64_t since = clock_mono_us();
	const struct row *w;

	trace(j);
	FAIL_POINT("jobs.commit");
	if (fenced(j,
		db_final(j->db, &w, renew_sql, err, P_INT(j->id), P_INT(j->token), P_INT(j->hand->work->lease_s),
		    P_BOOL(j->progressed)),
		err) < 0)
		return -1;
	FAIL_POINT("jobs.committed");
	hold_renewed(j->hand, j->id, since);
	if (j->progressed)
		j->attempt = 1;
	j->progressed = false;
	return 0;
}

void
job_again(struct job *j, int64_t delay_s)
{
	j->again_s = delay_s < 0 ? 0 : delay_s;
}

int
job_end(struct job *j, struct problem *err)
{
	const struct row *w;
	int rc;

	trace(j);
	FAIL_POINT("jobs.end");
	if (j->again_s >= 0)
		rc = db_final(
		    j->db, &w, again_sql, err, P_INT(j->id), P_INT(j->token), P_INT(j->again_s), P_BOOL(j->progressed));
	else
		rc = db_final(j->db, &w, done_sql, err, P_INT(j->id), P_INT(j->token));
	if (fenced(j, rc, err) < 0)
		return -1;
	FAIL_POINT("jobs.ended");
	j->ended = true;
	return 0;
}

int
job_ask(struct job *j, const struct peer_call *call, struct peer_reply *reply, struct problem *err)
{
	struct peer_reply own;

	if (reply == NULL)
		reply = &own;
	if (hand_lease_left_ms(j->hand) <= 0)
		return lease_lost(j, err);
	if (peer_call(j->http, j->arena, j->conf, call, reply, err) < 0)
		return -1;
	return peer_expect(call, reply, err);
}
