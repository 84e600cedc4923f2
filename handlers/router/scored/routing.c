/*
 * routing.c: one routing per prescription (P-RTE-01, P-RTE-02, P-RTE-05, P-RTE-10).
 *
 * patient.enrollment.completed makes the row and its job. The job asks prescription and enrollment for what must be known, judges the whole network,
 * keeps what it judged from and the best five, and says so. Nobody left: the prescription stays as it is and staff gets the reasons. Whatever waits
 * without a job, and what found nobody before the network changed or the day turned, is tried again by the sweep.
 */
#include "data/attention.h"
#include "router/scored/scored.h"

#define COLUMNS \
	"id, prescription_id, patient_id, round, status, controlled, considered, excluded, to_json(left_out)::text AS left_out, inputs_enc, routed_at"
#define MOST_TOLD 40 /* pharmacies that a work item names */

const char routing_no_pharmacy[] = "routing.no_pharmacy";

static const char insert_sql[] =
	"INSERT INTO routings (id, prescription_id, patient_id, enrollment_id) VALUES ($1, $2, $3, $4) ON CONFLICT ON CONSTRAINT routings_once DO NOTHING";
static const char load_sql[] = "SELECT " COLUMNS " FROM routings WHERE prescription_id = $1";
static const char lock_sql[] = "SELECT " COLUMNS " FROM routings WHERE prescription_id = $1 FOR UPDATE";
static const char move_sql[] = "UPDATE routings SET status = $2, updated_at = now() WHERE id = $1";
static const char decide_sql[] =
	"UPDATE routings SET status = $2, inputs_enc = $3, controlled = $4, considered = $5, excluded = $6::jsonb, routed_at = now(), updated_at = now()"
	" WHERE id = $1";
static const char recommend_sql[] =
	"INSERT INTO recommendations (routing_id, round, rank, pharmacy_id, score, breakdown)"
	" SELECT $1, $2, x.rank, x.pharmacy_id, x.score, x.breakdown"
	"  FROM jsonb_to_recordset($3::jsonb) AS x (rank integer, pharmacy_id uuid, score numeric, breakdown jsonb)";
static const char again_sql[] =
	"UPDATE routings SET status = 'waiting', round = round + 1, updated_at = now(),"
	" left_out = CASE WHEN $2::uuid IS NULL OR $2 = ANY (left_out) THEN left_out ELSE left_out || $2::uuid END WHERE id = $1";
static const char waiting_sql[] =
	"SELECT prescription_id FROM routings g WHERE status = 'waiting'"
	" AND NOT EXISTS (SELECT FROM job j WHERE j.kind = 'routing.run' AND j.unique_key = g.prescription_id::text AND j.state IN ('ready', 'running', 'dead'))"
	" ORDER BY created_at LIMIT 200";
static const char hopeful_sql[] =
	"SELECT id, prescription_id FROM routings g WHERE status = 'no_pharmacy'"
	" AND (routed_at < date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
	"  OR EXISTS (SELECT FROM pharmacies p WHERE p.updated_at > g.routed_at)"
	"  OR (excluded @> '[{\"reasons\": [\"capacity\"]}]' AND routed_at < now() - interval '5 minutes')) ORDER BY routed_at LIMIT 200 FOR UPDATE SKIP LOCKED";

/* ---- the row */

static void
routing_from_row(struct routing *g, const struct row *w)
{
	g->id = row_uuid(w, "id");
	g->prescription = row_uuid(w, "prescription_id");
	g->patient = row_uuid(w, "patient_id");
	g->round = row_int(w, "round");
	g->status = row_str(w, "status");
	g->controlled = row_bool(w, "controlled");
	g->considered = row_int(w, "considered");
	g->excluded = row_str(w, "excluded");
	g->left_out = row_str(w, "left_out");
	g->inputs_enc = row_bytes(w, "inputs_enc");
	g->routed_at = row_time(w, "routed_at");
}

int
routing_load(struct db *db, struct uuid prescription, bool lock, struct routing *ret, struct problem *err)
{
	const struct row *w;

	if ((lock ? db_one(db, &w, lock_sql, err, P_UUID(prescription)) : db_one(db, &w, load_sql, err, P_UUID(prescription))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no prescription of that id is with the pharmacies");
	routing_from_row(ret, w);
	return 0;
}

int
routing_move(struct db *db, struct uuid routing, const char *status, struct problem *err)
{
	return db_exec(db, move_sql, err, P_UUID(routing), P_TEXT(status)) < 0 ? -1 : 0;
}

static bool
is(const struct routing *g, const char *status)
{
	return strcmp(g->status, status) == 0;
}

int
on_enrollment_completed(struct event *e, struct problem *err)
{
	struct uuid prescription = event_uuid(e, "prescription_id");
	int64_t made = db_exec(e->db, insert_sql, err, P_UUID(uuid_new()), P_UUID(prescription), P_UUID(event_uuid(e, "patient_id")),
	    P_OPT_UUID(event_uuid(e, "enrollment_id")));

	if (made <= 0)
		return (int)made;
	return job_enqueue_id(e->db, "routing.run", "prescriptionId", prescription, err);
}

/* ---- the decision */

static const char *
excluded_text(struct arena *a, const struct candidate *all, size_t n)
{
	struct buf b = buf_in(a, (size_t)1024 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_array(&w, NULL);
	for (size_t i = candidates_left(all, n); i < n; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "pharmacy_id", all[i].id);
		jw_str(&w, "pharmacy_name", all[i].name);
		reasons_to_json(&w, "reasons", all[i].excluded);
		jw_end(&w);
	}
	jw_end(&w);
	return buf_str(&b);
}

/* Why nobody: each reason with how often it was met, and the pharmacies one by one as far as they fit. */
static const char *
trouble_text(struct arena *a, struct uuid prescription, const struct candidate *all, size_t n)
{
	struct buf b = buf_in(a, (size_t)32 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", prescription);
	jw_int(&w, "considered", (int64_t)n);
	jw_object(&w, "reasons");
	for (int f = 0; f < FILTERS; f++) {
		int64_t met = 0;

		for (size_t i = 0; i < n; i++)
			met += (all[i].excluded & 1U << f) != 0;
		jw_opt_int(&w, filter_names[f], met > 0, met);
	}
	jw_end(&w);
	jw_object(&w, "pharmacies");
	for (size_t i = 0; i < n && i < MOST_TOLD; i++)
		reasons_to_json(&w, all[i].id, all[i].excluded);
	jw_end(&w);
	jw_end(&w);
	return buf_str(&b);
}

static int
call_for_person(struct db *db, const struct routing *g, const struct candidate *all, size_t n, struct problem *err)
{
	char id[UUID_TEXT];

	return attention_raise(db, &(struct attention){ .kind = routing_no_pharmacy, .subject = uuid_text(g->prescription, id), .code = "no_pharmacy",
	    .patient = g->patient, .detail = trouble_text(db_current_arena(db), g->prescription, all, n) }, err);
}

static int
publish(struct db *db, const struct routing *g, size_t count, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 1024);
	char id[UUID_TEXT];
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", g->prescription);
	jw_uuid(&w, "patient_id", g->patient);
	jw_int(&w, "count", (int64_t)count);
	jw_end(&w);
	if (attention_clear(db, routing_no_pharmacy, uuid_text(g->prescription, id), "recommended", err) < 0)
		return -1;
	return event_publish(db, "pharmacy.recommended", g->prescription, b.data, err);
}

static int
decide(struct job *j, const struct routing *g, const json_t *rx, const json_t *insurance, struct problem *err)
{
	struct bytes text, sealed;
	struct candidate *all;
	const json_t *inputs = facts_gather(j->db, j->conf, g, rx, insurance, &text, err);
	size_t n, left;

	if (inputs == NULL || vault_seal(j->db, g->patient, "routings", "inputs_enc", g->id, text, &sealed, err) < 0)
		return -1;
	n = candidates_of(j->arena, inputs, &all);
	left = candidates_left(all, n);
	if (db_exec(j->db, decide_sql, err, P_UUID(g->id), P_TEXT(left > 0 ? "recommended" : "no_pharmacy"), P_BYTES(sealed),
	    P_BOOL(json_is_true(json_at(inputs, "drug.controlled"))), P_INT((int64_t)n), P_TEXT(excluded_text(j->arena, all, n))) < 0)
		return -1;
	if (left == 0)
		return call_for_person(j->db, g, all, n, err);
	if (db_exec(j->db, recommend_sql, err, P_UUID(g->id), P_INT(g->round), P_TEXT(ranking_text(j->arena, all, left, inputs))) < 0)
		return -1;
	return publish(j->db, g, left < SCORE_TOP ? left : SCORE_TOP, err);
}

/* A prescription that has ended since needs no pharmacy. */
static bool
ended(const json_t *rx)
{
	static const char *const ends[] = { "cancelled", "cancel_pending", "denied", "completed" };
	const char *status = json_text_at(rx, "status");

	for (size_t i = 0; status != NULL && i < COUNT(ends); i++)
		if (strcmp(status, ends[i]) == 0)
			return true;
	return false;
}

static int
ask(struct job *j, const char *service, const char *path, const json_t **ret, struct problem *err)
{
	struct peer_reply reply;

	if (job_ask(j, &(struct peer_call){ .service = service, .method = "GET", .path = path }, &reply, err) < 0)
		return -1;
	*ret = reply.body;
	return reply.body != NULL ? 0 : problem(err, 502, "peer_unclear", "%s answers without a body", service);
}

int
routing_job(struct job *j, struct problem *err)
{
	const json_t *rx, *insurance;
	struct routing g;
	char id[UUID_TEXT];

	if (job_read(j, err) < 0 || routing_load(j->db, job_uuid(j, "prescriptionId"), false, &g, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	if (!is(&g, "waiting"))
		return 0;
	if (ask(j, "prescription", arena_printf(j->arena, "/prescriptions/%s/details", uuid_text(g.prescription, id)), &rx, err) < 0 ||
	    ask(j, "enrollment", arena_printf(j->arena, "/api/v1/enrollment/insurance/%s", id), &insurance, err) < 0)
		return -1;
	if (job_begin(j, err) < 0 || routing_load(j->db, g.prescription, true, &g, err) < 0)
		return -1;
	if (is(&g, "waiting") && (ended(rx) ? routing_move(j->db, g.id, "closed", err) : decide(j, &g, rx, insurance, err)) < 0)
		return -1;
	return job_end(j, err);
}

/* ---- again */

static int
try_again(struct db *db, const struct routing *g, struct uuid without, struct problem *err)
{
	if (db_exec(db, again_sql, err, P_UUID(g->id), P_OPT_UUID(without)) < 0)
		return -1;
	return job_enqueue_id(db, "routing.run", "prescriptionId", g->prescription, err);
}

int
routing_sweep_job(struct job *j, struct problem *err)
{
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, waiting_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (job_enqueue_id(j->db, "routing.run", "prescriptionId", row_uuid(rows_at(rows, i), "prescription_id"), err) < 0)
			return -1;
	if (db_all(j->db, &rows, hopeful_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		const struct routing g = { .id = row_uuid(w, "id"), .prescription = row_uuid(w, "prescription_id") };

		if (try_again(j->db, &g, UUID_NIL, err) < 0)
			return -1;
	}
	return job_end(j, err);
}

/* What was selected is let go and left out. A controlled substance that a pharmacy was selected for is never passed on (X-RX-04). */
int
routing_again(struct req *r, struct problem *err)
{
	struct uuid held;
	struct routing g;
	char id[UUID_TEXT];

	if (routing_load(r->db, req_uuid(r, "prescriptionId"), true, &g, err) < 0)
		return -1;
	req_object_text(r, "prescriptions", uuid_text(g.prescription, id));
	if (is(&g, "closed"))
		return problem(err, 409, "closed", "the prescription has ended");
	if (is(&g, "selected") && g.controlled)
		return problem(err, 409, "controlled_stays", "a controlled substance is not passed from one pharmacy to another");
	if (!is(&g, "waiting") &&
	    (selection_release(r->db, g.id, "rerouted", false, &held, err) < 0 || try_again(r->db, &g, held, err) < 0))
		return -1;
	struct json_writer *w = reply_json(r, 202);
	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", g.prescription);
	jw_str(w, "status", "waiting");
	jw_end(w);
	return 0;
}
