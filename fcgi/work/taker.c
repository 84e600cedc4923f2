/*
 * taker.c: claims jobs and runs them (rule Q2). A claim is one statement: ready, due, of this queue, of an entity that has nothing
 * running, and one of each entity; SKIP LOCKED, so takers never wait for each other. The unique index on running serial keys
 * decides the rare tie. Nothing runs before the claim is committed.
 *
 * A taker takes as many as it can begin within BATCH_US, by what the last ones took; a queue whose jobs call somebody is taken one
 * by one. Jobs that had no effect of their own are ended together, each behind its own fence, in the transaction of the next claim.
 *
 * Entries of taken jobs stay in the index while any old transaction lives, and reading over them is what makes queues slow to a
 * crawl. So a taker goes on from the place of its last claim, and looks from the beginning once a second (rule Q16).
 */
#include "work/work.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/breaker.h"

#define BATCH_US  (20 * 1000)
#define WHOLE_US  US_PER_S
#define LATE      "100 ms" /* a transaction that began so long before a claim is found by the next one */
#define PLACE_SQL "(j.prio, j.run_at, j.id) >= ($2::smallint, $3::timestamptz, $4::bigint)"

#define CLAIM_SET(worker, lease) \
	" UPDATE job SET state = 'running', attempt = attempt + 1, token = token + 1, lease_by = " worker "," \
	"  lease_until = clock_timestamp() + make_interval(secs => " lease ")" \
	" WHERE id = ANY (ARRAY(SELECT id FROM next)) AND state = 'ready'" \
	" RETURNING id, tenant_id, kind, args, attempt, max_attempts, token, request_id, prio, run_at"
#define ENTITY_FREE \
	" AND (j.serial_key IS NULL OR NOT EXISTS (SELECT FROM job r WHERE r.serial_key = j.serial_key AND r.state = 'running'" \
	" AND r.serial_key IS NOT NULL))"
#define ONE_OF_EACH \
	" next AS (SELECT id FROM due WHERE serial_key IS NULL UNION ALL" \
	"  (SELECT DISTINCT ON (serial_key) id FROM due WHERE serial_key IS NOT NULL ORDER BY serial_key, prio, run_at, id))," \
	" taken AS ("

static const char claim_sql[] =
    "WITH due AS (SELECT j.id, j.serial_key, j.prio, j.run_at FROM job j WHERE j.state = 'ready' AND j.queue = $1"
    "  AND j.run_at <= clock_timestamp() AND " PLACE_SQL ENTITY_FREE
    "  ORDER BY j.prio, j.run_at, j.id LIMIT $7 FOR UPDATE SKIP LOCKED)," ONE_OF_EACH CLAIM_SET("$5", "$6")
    ") SELECT *, (run_at - interval '" LATE "')::text AS late FROM taken ORDER BY prio, run_at, id";
static const char due_sql[] = "SELECT 1 FROM job j WHERE j.state = 'ready' AND j.queue = $1 AND j.run_at <= clock_timestamp()"
			      " AND " PLACE_SQL " LIMIT 1";
/* For tests: any queue, and delays may be passed over. */
static const char claim_any_sql[] =
    "WITH next AS (SELECT j.id FROM job j WHERE j.state = 'ready' AND (j.run_at <= clock_timestamp() OR $1::boolean)"
    "  AND j.id <> ALL ($2::bigint[])" ENTITY_FREE
    "  ORDER BY j.prio, j.run_at, j.id LIMIT 1 FOR UPDATE SKIP LOCKED)" CLAIM_SET("$3", "$4");
static const char ends_sql[] = "UPDATE job SET state = 'done', finished_at = clock_timestamp(), lease_until = NULL, lease_by = NULL"
			       " FROM unnest($1::bigint[], $2::bigint[]) AS held (id, token)"
			       " WHERE job.id = held.id AND job.token = held.token AND job.state = 'running'";
static const char give_back_sql[] =
    "UPDATE job SET state = 'ready', lease_until = NULL, lease_by = NULL, attempt = attempt - 1"
    " FROM unnest($1::bigint[], $2::bigint[]) AS held (id, token)"
    " WHERE job.id = held.id AND job.token = held.token AND job.state = 'running'";

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

/* ---- the claim */

/* From where to look: the place of the last claim, or now and then the beginning. */
static void
place(struct hand *h)
{
	int64_t now = clock_mono_us();

	if (h->place.run_at[0] != '\0' && now - h->place.whole < WHOLE_US)
		return;
	h->place = (struct place){ .prio = INT16_MIN, .run_at = "-infinity", .whole = now };
}

/* A full claim left the rest behind it; after one that was not, only who committed late may be before it. */
static void
keep_place(struct hand *h, struct rows *rows, bool full)
{
	const struct row *last;

	if (rows_count(rows) == 0)
		return;
	last = rows_at(rows, rows_count(rows) - 1);
	h->place.prio = row_int(last, "prio");
	h->place.id = full ? row_int(last, "id") : 0;
	(void)snprintf(h->place.run_at, sizeof(h->place.run_at), "%s", row_str(last, full ? "run_at" : "late"));
}

/* In the open transaction. Whoever lost its lease had no effect that could be lost with it. */
static int
end_all(struct hand *h, const struct buf *ids, const struct buf *tokens, size_t n, struct problem *err)
{
	int64_t ended = db_exec(h->db, ends_sql, err, P_TEXT(ids->data), P_TEXT(tokens->data));

	if (ended < 0)
		return -1;
	if (ended < (int64_t)n)
		metric_add("job_lease_lost_total", NULL, (double)((int64_t)n - ended));
	return 0;
}

int
write_ends(struct hand *h, const struct buf *ids, const struct buf *tokens, size_t n, struct problem *err)
{
	if (db_begin(h->db, WRITE, &h->scope, err) < 0 || end_all(h, ids, tokens, n, err) < 0)
		return -1;
	return db_commit(h->db, err);
}

static struct buf
list_in(struct arena *a)
{
	return buf_in(a, 64 * 1024);
}

int
take_ends(struct hand *h, struct problem *err)
{
	struct buf ids = list_in(h->arena), tokens = list_in(h->arena);
	size_t n = holding(h, 1, 1U << HELD_OVER, 0, false, &ids, &tokens);

	if (n == 0)
		return 0;
	if (write_ends(h, &ids, &tokens, n, err) < 0)
		return -1;
	hold_ended(h);
	return 0;
}

#define OF_QUEUE(h, want) \
	P_TEXT((h)->queue), P_INT((h)->place.prio), P_TEXT((h)->place.run_at), P_INT((h)->place.id), P_TEXT((h)->work->name), \
	    P_INT((h)->work->lease_s), P_INT((int64_t)(want))

/* alone: nothing is ended with it, so no transaction is needed around it. Should its answer be lost, the leases run out. */
static int
send_claim(struct hand *h, size_t want, bool alone, struct rows **rows, struct problem *err)
{
	if (alone)
		return db_alone(h->db, rows, claim_sql, err, OF_QUEUE(h, want));
	if (h->queue != NULL)
		return db_final_all(h->db, rows, claim_sql, err, OF_QUEUE(h, want));
	return db_final_all(h->db, rows, claim_any_sql, err, P_BOOL(h->skip_delays), P_TEXT(h->not_these), P_TEXT(h->work->name),
	    P_INT(h->work->lease_s));
}

/* Ends what is over and takes what is next, in one transaction. */
static int
claim(struct hand *h, size_t want, struct rows **rows, struct problem *err)
{
	struct buf ids = list_in(h->claims), tokens = list_in(h->claims);
	int64_t since = clock_mono_us();
	size_t over = holding(h, 1, 1U << HELD_OVER, 0, false, &ids, &tokens);
	bool alone = over == 0 && h->queue != NULL;

	place(h);
	if (!alone && db_begin(h->db, WRITE, &h->scope, err) < 0)
		return -1;
	if ((over > 0 && end_all(h, &ids, &tokens, over, err) < 0) || send_claim(h, want, alone, rows, err) < 0)
		return -1;
	hold_ended(h);
	for (size_t i = 0; i < rows_count(*rows); i++)
		hold(h, row_int(rows_at(*rows, i), "id"), row_int(rows_at(*rows, i), "token"), since);
	if (h->queue != NULL)
		keep_place(h, *rows, rows_count(*rows) == want);
	if (h->queue != NULL && rows_count(*rows) == want)
		work_hint(h->work, h->queue); /* there may be more, and one hint called one of us */
	return 0;
}

/* ---- running */

/* A function that returns 0 without a transaction has no effect, and its job is over; one that forgot job_end is wrong. */
static int
finish(struct job *j, struct problem *err)
{
	if (j->ended)
		return 0;
	if (db_in_transaction(j->db))
		return problem(err, 500, "job_not_ended", "%s returned without job_end", j->kind);
	if (j->again_s < 0) {
		FAIL_POINT("jobs.over");
		hold_over(j->hand, j->id);
		return 0;
	}
	return job_begin(j, err) < 0 ? -1 : job_end(j, err);
}

static void
run(struct job *j, const struct job_row *row)
{
	struct problem err = { 0 };
	int64_t began = clock_mono_us(), took;
	char label[96];

	FAIL_POINT("jobs.claimed");
	if (log_wants(LOG_DEBUG))
		log_line(LOG_DEBUG, "job.begin", "job", arena_printf(j->arena, "%" PRId64, j->id), "kind", j->kind, NULL);
	if (row->run(j, &err) == 0 && finish(j, &err) == 0) {
		log_line(LOG_INFO, j->again_s >= 0 ? "job.again" : "job.done", "job", arena_printf(j->arena, "%" PRId64, j->id),
		    "kind", j->kind, "ms", arena_printf(j->arena, "%" PRId64, (clock_mono_us() - began) / 1000), NULL);
		job_count(row->kind, j->again_s >= 0 ? "again" : "done");
	} else {
		job_failed(j, row, &err);
	}
	took = clock_mono_us() - began;
	(void)snprintf(label, sizeof(label), "kind=\"%s\"", row->kind);
	metric_observe("job_seconds", label, (double)took / US_PER_S);
}

static void
run_row(struct hand *h, const struct row *w)
{
	const struct job_row *row;
	struct job j;

	if (!hold_begin(h, row_int(w, "id"))) /* it waited too long behind another: somebody else has it */
		return;
	job_from_row(h, w, &j);
	log_request_id(j.scope.request_id);
	breaker_retrying(j.attempt > 1);
	row = service_job(h->work->service, j.kind);
	if (row == NULL)
		job_unknown_kind(&j, false);
	else
		run(&j, row);
	log_request_id(NULL);
	hold_done(h, j.id);
	arena_reset(h->arena);
}

int
give_back(struct hand *h, const struct buf *ids, const struct buf *tokens, struct problem *err)
{
	if (db_begin(h->db, WRITE, &h->scope, err) < 0 ||
	    db_exec(h->db, give_back_sql, err, P_TEXT(ids->data), P_TEXT(tokens->data)) < 0)
		return -1;
	return db_commit(h->db, err);
}

/* The end has come: what was not begun goes back. */
static void
give_up_waiting(struct hand *h)
{
	struct problem err = { 0 };
	struct buf ids = list_in(h->arena), tokens = list_in(h->arena);

	if (holding(h, 1, 1U << HELD_WAITING, 0, true, &ids, &tokens) > 0 && give_back(h, &ids, &tokens, &err) < 0)
		db_rollback(h->db); /* the process hands back what is left under its name */
}

/* How many the next claim may take, by what these took. Whoever calls somebody is as slow as that one likes. */
static size_t
next_want(size_t want, size_t ran, int64_t took, bool called)
{
	size_t fit;

	if (called)
		return 1;
	if (ran == 0)
		return want;
	fit = took <= 0 ? BATCH_MOST : (size_t)(BATCH_US * (int64_t)ran / took);
	if (fit > want * 4)
		fit = want * 4;
	return fit < 1 ? 1 : fit > BATCH_MOST ? BATCH_MOST : fit;
}

static int
take(struct hand *h, size_t want, struct problem *err)
{
	uint64_t calls = http_calls(h->http);
	struct rows *rows = NULL;
	int64_t began;
	int r;

	arena_reset(h->claims);
	db_arena(h->db, h->claims);
	r = claim(h, want, &rows, err);
	db_arena(h->db, h->arena);
	if (r < 0) {
		db_rollback(h->db);
		if (!db_violates(err, "job_serial"))
			return -1;
		problem_clear(err); /* another taker began on that entity between our look and our move */
		h->want = h->want > 1 ? h->want / 2 : 1;
		return 1;
	}
	began = clock_mono_us();
	for (size_t i = 0; i < rows_count(rows); i++) {
		if (i > 0 && atomic_load(&h->work->stopping))
			give_up_waiting(h);
		run_row(h, rows_at(rows, i));
	}
	h->want = next_want(h->want, rows_count(rows), clock_mono_us() - began, http_calls(h->http) > calls);
	return rows_count(rows) > 0;
}

int
take_some(struct hand *h, struct problem *err)
{
	return take(h, h->want, err);
}

int
take_one(struct hand *h, struct problem *err)
{
	int n = take(h, 1, err);

	return n < 0 || take_ends(h, err) < 0 ? -1 : n;
}

static int
due(struct hand *h, struct problem *err)
{
	const struct row *w;

	place(h);
	if (db_begin(h->db, READ, &h->scope, err) < 0 ||
	    db_one(h->db, &w, due_sql, err, P_TEXT(h->queue), P_INT(h->place.prio), P_TEXT(h->place.run_at), P_INT(h->place.id)) <
		0 ||
	    db_commit(h->db, err) < 0)
		return -1;
	return w == NULL ? 0 : 1;
}

void *
taker_main(void *hand)
{
	return hand_loop(hand, due, take_some, "taker.trouble");
}
