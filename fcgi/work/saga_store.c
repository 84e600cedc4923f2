/*
 * saga_store.c: a saga and its steps as rows. Whoever works on a saga holds its row; a step moves by one function along the edges
 * of edges.c, and the database refuses every other.
 */
#include "work/saga_engine.h"

#include "base/json.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "data/attention.h"

static const char lock_sql[] =
    "SELECT id, kind, subject, version, state, step, data::text AS data, reason, turn_reason,"
    " decision::text AS decision FROM saga WHERE id = $1 FOR UPDATE";
static const char rows_sql[] =
    "SELECT id, step_no, undo, state, service, method, path, vendor_key, request_enc, outcome::text AS outcome, polls,"
    " sent_at IS NOT NULL AS answered"
    " FROM saga_step WHERE saga_id = $1";
static const char save_sql[] =
    "UPDATE saga SET state = $3, step = $4, data = $5::jsonb, reason = $6, turn_reason = $7, decision = $8::jsonb,"
    "  version = version + 1, updated_at = clock_timestamp(),"
    "  finished_at = CASE WHEN $3 IN ('completed', 'failed', 'compensated', 'manual') THEN clock_timestamp() END"
    " WHERE id = $1 AND version = $2";
static const char insert_sql[] =
    "INSERT INTO saga_step (id, saga_id, step_no, undo, name, state, service, method, path, vendor_key, patient,"
    " request_enc, request_digest,"
    "  reason, warning, result, intent_at, finished_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16::jsonb,"
    "  CASE WHEN $6 = 'intent' THEN clock_timestamp() END, CASE WHEN $6 <> 'intent' THEN clock_timestamp() END)";
static const char move_sql[] =
    "UPDATE saga_step SET state = $3, reason = coalesce($4, reason), warning = coalesce($5, warning),"
    " result = coalesce($6::jsonb, result),"
    "  sent_at = CASE WHEN $3 = 'sent' THEN clock_timestamp() ELSE sent_at END,"
    "  deadline = CASE WHEN $3 = 'sent' THEN clock_timestamp() + make_interval(secs => $7) ELSE deadline END,"
    "  finished_at = CASE WHEN $3 IN ('confirmed', 'failed', 'manual', 'compensated') THEN clock_timestamp() END"
    " WHERE id = $1 AND state = $2";
static const char attempt_sql[] = "UPDATE saga_step SET attempts = attempts + 1 WHERE id = $1";
static const char afresh_sql[] = "UPDATE saga_step SET polls = 0, outcome = NULL WHERE id = $1";
static const char poll_sql[] = "UPDATE saga_step SET polls = polls + 1 WHERE id = $1";

static bool
legal(const struct step_row *row, const char *to)
{
	return edge_legal(&step_edges, row->state == NULL ? "" : row->state, to);
}

bool
step_is(const struct step_row *row, const char *state)
{
	return row->state != NULL && strcmp(row->state, state) == 0;
}

const char *
saga_json(struct arena *a, const json_t *v)
{
	struct buf b = buf_in(a, 256 * 1024);
	struct json_writer w;

	if (v == NULL)
		return NULL;
	jw_start(&w, &b);
	jw_tree(&w, NULL, v);
	return buf_str(&b);
}

/* ---- loading */

static void
release_json(void *p)
{
	json_decref(p);
}

static void
order_steps(struct saga_run *r, struct arena *a)
{
	const struct saga_kind *k = r->kind;
	size_t n = 0;

	r->order = arena_alloc(a, k->nsteps * sizeof(*r->order));
	for (int dry = 1; dry >= 0; dry--)
		for (size_t i = 0; i < k->nsteps; i++)
			if (k->steps[i].dry == (dry == 1))
				r->order[n++] = i;
}

static int
load_steps(struct saga_run *r, struct problem *err)
{
	struct arena *a = r->s.arena;
	struct rows *rows;

	r->forward = arena_alloc(a, r->kind->nsteps * sizeof(*r->forward));
	r->undo = arena_alloc(a, r->kind->nsteps * sizeof(*r->undo));
	for (size_t i = 0; i < r->kind->nsteps; i++) {
		r->forward[i] = (struct step_row){ .no = (int)i };
		r->undo[i] = (struct step_row){ .no = (int)i, .undo = true };
	}
	if (db_all(r->s.db, &rows, rows_sql, err, P_UUID(r->s.id)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		size_t no = (size_t)row_int(w, "step_no");

		if (no >= r->kind->nsteps)
			return problem(err, 500, "unknown_step", "saga %s has no step %zu", r->kind->name, no);
		(row_bool(w, "undo") ? r->undo : r->forward)[no] = (struct step_row){
			.id = row_uuid(w, "id"),
			.no = (int)no,
			.undo = row_bool(w, "undo"),
			.state = row_str(w, "state"),
			.service = row_opt_str(w, "service"),
			.method = row_opt_str(w, "method"),
			.path = row_opt_str(w, "path"),
			.vendor_key = row_opt_str(w, "vendor_key"),
			.request_enc = row_bytes(w, "request_enc"),
			.outcome = row_opt_str(w, "outcome"),
			.polls = (int)row_int(w, "polls"),
			.answered = row_bool(w, "answered"),
		};
	}
	return 0;
}

int
saga_lock(struct job *j, struct uuid id, struct saga_run *r, struct problem *err)
{
	const struct row *w;
	const char *data;

	if (db_one(j->db, &w, lock_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "no_saga", "the saga does not exist");
	data = row_str(w, "data");
	*r = (struct saga_run){
		.s = { .db = j->db,
		    .arena = j->arena,
		    .conf = j->conf,
		    .id = id,
		    .kind = row_str(w, "kind"),
		    .subject = row_uuid(w, "subject"),
		    .state = row_str(w, "state"),
		    .step = (int)row_int(w, "step"),
		    .result = json_object() },
		.job = j,
		.version = row_int(w, "version"),
		.was = row_str(w, "state"),
		.reason = row_opt_str(w, "reason"),
		.turn = row_opt_str(w, "turn_reason"),
		.decision = row_opt_str(w, "decision"),
		.kind = service_saga(j->service, row_str(w, "kind")),
	};
	arena_defer(j->arena, release_json, r->s.result);
	r->s.data = json_read(j->arena, data, strlen(data), err);
	if (r->s.data == NULL)
		return -1;
	if (r->kind == NULL) {
		problem(err, 500, "unknown_saga", "no saga is called %s", r->s.kind);
		return -1;
	}
	order_steps(r, j->arena);
	return load_steps(r, err);
}

/* ---- writing */

int
saga_save(struct saga_run *r, struct problem *err)
{
	char id[UUID_TEXT];
	int64_t n;

	if (strcmp(r->was, r->s.state) != 0 && !edge_legal(&saga_edges, r->was, r->s.state))
		return problem(err, 500, "illegal_saga", "%s may not go from %s to %s", r->kind->name, r->was, r->s.state);
	n = db_exec(r->s.db, save_sql, err, P_UUID(r->s.id), P_INT(r->version), P_TEXT(r->s.state), P_INT(r->s.step),
	    P_TEXT(saga_json(r->s.arena, r->s.data)), P_TEXT(r->reason), P_TEXT(r->turn), P_TEXT(r->decision));

	if (n < 0)
		return -1;
	if (n == 0) {
		problem(err, 409, "saga_moved", "another transaction moved the saga");
		err->fault = FAULT_RETRY;
		return -1;
	}
	r->version++;
	if (strcmp(r->was, "manual") == 0 && strcmp(r->s.state, "manual") != 0 &&
	    attention_clear(r->s.db, "saga.manual", uuid_text(r->s.id, id), r->s.state, err) < 0)
		return -1;
	r->was = r->s.state;
	return 0;
}

static int
audit_step(struct saga_run *r, const struct step_row *row, const char *state, const char *reason, struct problem *err)
{
	char id[UUID_TEXT];
	struct audit_entry e = { .object = "saga", .object_id = uuid_text(r->s.id, id), .reason = reason };

	e.action = arena_printf(r->s.arena, "saga.%s.%s", row->undo ? "undo" : "step", state);
	e.detail = arena_printf(r->s.arena, "{\"saga\":\"%s\",\"step\":\"%s\"}", r->kind->name, r->kind->steps[row->no].name);
	return audit_add(r->s.db, &e, err);
}

static int
insert_row(struct saga_run *r, struct step_row *row, const struct step_news *news, const struct saga_call *call,
    struct bytes sealed, struct bytes digest, struct problem *err)
{
	return db_exec(r->s.db, insert_sql, err, P_UUID(row->id), P_UUID(r->s.id), P_INT(row->no), P_BOOL(row->undo),
		   P_TEXT(r->kind->steps[row->no].name), P_TEXT(news->state), P_TEXT(call->service), P_TEXT(call->method),
		   P_TEXT(call->path), P_TEXT(row->vendor_key), P_OPT_UUID(call->patient), P_BYTES(sealed), P_BYTES(digest),
		   P_TEXT(news->reason), P_TEXT(news->warning), P_TEXT(saga_json(r->s.arena, news->result))) < 0 ?
	    -1 :
	    0;
}

static int
illegal(struct saga_run *r, const struct step_row *row, const char *to, struct problem *err)
{
	return problem(err, 500, "illegal_step", "%s: %s may not go from %s to %s", r->kind->name, r->kind->steps[row->no].name,
	    row->state == NULL ? "nothing" : row->state, to);
}

/* The intent: the exact bytes, and the key that depends on nothing but saga, step and direction. */
int
step_insert(struct saga_run *r, struct step_row *row, const char *state, const struct saga_call *call, struct problem *err)
{
	struct bytes body = call->body == NULL ? BYTES(NULL, 0) : BYTES_OF(call->body), sealed = BYTES(NULL, 0);
	struct step_news news = { .state = state };
	uint8_t digest[32];
	char id[UUID_TEXT];

	if (!legal(row, state))
		return illegal(r, row, state, err);
	row->id = uuid_new();
	row->vendor_key = work_vendor_key(
	    r->s.db, arena_printf(r->s.arena, "saga|%s|%d|1%s", uuid_text(r->s.id, id), row->no, row->undo ? "|undo" : ""));
	if (body.p != NULL && vault_seal(r->s.db, call->patient, "saga_step", "request_enc", row->id, body, &sealed, err) < 0)
		return -1;
	sha256(body.p == NULL ? BYTES("", 0) : body, digest);
	if (insert_row(r, row, &news, call, sealed, BYTES(digest, sizeof(digest)), err) < 0)
		return -1;
	row->state = state;
	return audit_step(r, row, state, NULL, err);
}

int
step_move(struct saga_run *r, struct step_row *row, const struct step_news *news, struct problem *err)
{
	int64_t n = 1;

	if (!legal(row, news->state))
		return illegal(r, row, news->state, err);
	if (row->state == NULL) {
		row->id = uuid_new();
		if (insert_row(r, row, news, &(struct saga_call){ 0 }, BYTES(NULL, 0), BYTES(NULL, 0), err) < 0)
			return -1;
	} else {
		n = db_exec(r->s.db, move_sql, err, P_UUID(row->id), P_TEXT(row->state), P_TEXT(news->state), P_TEXT(news->reason),
		    P_TEXT(news->warning), P_TEXT(saga_json(r->s.arena, news->result)), P_INT(news->deadline_s));
	}
	if (n < 0)
		return -1;
	if (n == 0) {
		problem(err, 409, "saga_moved", "another transaction moved the step");
		err->fault = FAULT_RETRY;
		return -1;
	}
	row->state = news->state;
	return audit_step(r, row, news->state, news->reason, err);
}

int
step_open(struct saga_run *r, struct step_row *row, struct saga_call *call, struct problem *err)
{
	struct bytes body = BYTES(NULL, 0);

	if (row->request_enc.p != NULL && row->request_enc.n > 0 &&
	    vault_open(r->s.db, "saga_step", "request_enc", row->id, row->request_enc, &body, err) < 0)
		return -1;
	*call =
	    (struct saga_call){ .service = row->service, .method = row->method, .path = row->path, .body = (const char *)body.p };
	return db_exec(r->s.db, attempt_sql, err, P_UUID(row->id)) < 0 ? -1 : 0;
}

int
step_polled(struct saga_run *r, struct step_row *row, struct problem *err)
{
	row->polls++;
	return db_exec(r->s.db, poll_sql, err, P_UUID(row->id)) < 0 ? -1 : 0;
}

int
step_afresh(struct saga_run *r, struct step_row *row, struct problem *err)
{
	row->polls = 0;
	row->outcome = NULL;
	return db_exec(r->s.db, afresh_sql, err, P_UUID(row->id)) < 0 ? -1 : 0;
}
