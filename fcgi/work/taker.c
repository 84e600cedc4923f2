/*
 * taker.c: claims a job and runs it (rule Q2). The claim is one statement in a transaction of its own: ready, due, of this
 * queue, of an entity that has nothing running; SKIP LOCKED, so takers never wait for each other. The unique index on running
 * serial keys decides the rare tie.
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"

#define CLAIM_SET \
	" UPDATE job SET state = 'running', attempt = attempt + 1, token = token + 1, lease_by = $2," \
	"  lease_until = clock_timestamp() + make_interval(secs => $3)" \
	" FROM next WHERE job.id = next.id" \
	" RETURNING job.id, job.tenant_id, job.kind, job.args, job.attempt, job.max_attempts, job.token, job.request_id"
#define ENTITY_FREE \
	" AND (j.serial_key IS NULL OR NOT EXISTS (SELECT FROM job r WHERE r.serial_key = j.serial_key AND r.state = 'running'))"

static const char claim_sql[] =
    "WITH next AS (SELECT j.id FROM job j WHERE j.state = 'ready' AND j.queue = $1 AND j.run_at <= clock_timestamp()" ENTITY_FREE
    " ORDER BY j.prio, j.run_at, j.id LIMIT 1 FOR UPDATE SKIP LOCKED)" CLAIM_SET;
static const char due_sql[] = "SELECT 1 FROM job WHERE state = 'ready' AND queue = $1 AND run_at <= clock_timestamp() LIMIT 1";
/* For tests: any queue, and delays may be passed over. */
static const char claim_any_sql[] =
    "WITH next AS (SELECT j.id FROM job j WHERE j.state = 'ready' AND (j.run_at <= clock_timestamp() OR $1::boolean)"
    "  AND j.id <> ALL ($4::bigint[])" ENTITY_FREE " ORDER BY j.prio, j.run_at, j.id LIMIT 1 FOR UPDATE SKIP LOCKED)" CLAIM_SET;

void
job_from_row(struct hand *h, const struct row *w, struct job *j)
{
	struct problem ignored = { 0 };
	const char *args = row_str(w, "args");

	*j = (struct job){
		.arena = h->arena,
		.db = h->db,
		.http = h->http,
		.conf = h->work->conf,
		.service = h->work->service,
		.hand = h,
		.id = row_int(w, "id"),
		.kind = row_str(w, "kind"),
		.attempt = (int)row_int(w, "attempt"),
		.max_attempts = (int)row_int(w, "max_attempts"),
		.token = row_int(w, "token"),
		.again_s = -1,
		.scope = { .tenant = row_uuid(w, "tenant_id"),
		    .actor = "system:worker",
		    .request_id = row_opt_str(w, "request_id") },
	};
	j->args = json_read(h->arena, args, strlen(args), &ignored);
	if (j->scope.request_id == NULL) /* born in no request: its own number correlates what it does */
		j->scope.request_id = arena_printf(h->arena, "job-%s-%" PRId64, h->work->service->name, j->id);
}

static int
claim(struct hand *h, const struct row **w, struct problem *err)
{
	int64_t since = clock_mono_us();
	int r;

	if (db_begin(h->db, WRITE, &h->scope, err) < 0)
		return -1;
	if (h->queue != NULL)
		r = db_one(h->db, w, claim_sql, err, P_TEXT(h->queue), P_TEXT(h->work->name), P_INT(h->work->lease_s));
	else
		r = db_one(h->db, w, claim_any_sql, err, P_BOOL(h->skip_delays), P_TEXT(h->work->name), P_INT(h->work->lease_s),
		    P_TEXT(h->not_these));
	if (r < 0 || db_commit(h->db, err) < 0)
		return -1;
	if (*w == NULL)
		return 0;
	hand_renewed(h, since);
	hand_hold(h, row_int(*w, "id"), row_int(*w, "token"));
	h->last_id = h->held_id;
	return 0;
}

/* A function that returns 0 without a transaction has no effect, and its job is done; one that forgot job_end is wrong. */
static int
finish(struct job *j, struct problem *err)
{
	if (j->ended)
		return 0;
	if (db_in_transaction(j->db))
		return problem(err, 500, "job_not_ended", "%s returned without job_end", j->kind);
	return job_begin(j, err) < 0 ? -1 : job_end(j, err);
}

static void
run(struct job *j, const struct job_row *row)
{
	struct problem err = { 0 };
	int64_t began = clock_mono_us(), took;
	char label[96];

	if (row->run(j, &err) == 0 && finish(j, &err) == 0)
		log_line(LOG_INFO, j->again_s >= 0 ? "job.again" : "job.done", "job", arena_printf(j->arena, "%" PRId64, j->id),
		    "kind", j->kind, "ms", arena_printf(j->arena, "%" PRId64, (clock_mono_us() - began) / 1000), NULL);
	else
		job_failed(j, row, &err);
	took = clock_mono_us() - began;
	(void)snprintf(label, sizeof(label), "kind=\"%s\"", row->kind);
	metric_observe("job_seconds", label, (double)took / US_PER_S);
}

int
take_one(struct hand *h, struct problem *err)
{
	const struct row *w = NULL;
	const struct job_row *row;
	struct job j;

	if (claim(h, &w, err) < 0) {
		db_rollback(h->db);
		if (!db_violates(err, "job_serial"))
			return -1;
		problem_clear(err); /* another taker began on that entity between our look and our move */
		return 1;
	}
	if (w == NULL)
		return 0;
	job_from_row(h, w, &j);
	log_request_id(j.scope.request_id);
	row = service_job(h->work->service, j.kind);
	if (row == NULL)
		job_unknown_kind(&j, false);
	else
		run(&j, row);
	log_request_id(NULL);
	hand_drop(h);
	return 1;
}

static int
due(struct hand *h, struct problem *err)
{
	const struct row *w;

	if (db_begin(h->db, READ, &h->scope, err) < 0 || db_one(h->db, &w, due_sql, err, P_TEXT(h->queue)) < 0 ||
	    db_commit(h->db, err) < 0)
		return -1;
	return w == NULL ? 0 : 1;
}

void *
taker_main(void *hand)
{
	return hand_loop(hand, due, take_one, "taker.trouble");
}
