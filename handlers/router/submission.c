/*
 * submission.c: one prescription at one pharmacy (Y-DB-17, Y-RX-U1): its row, its legal moves, and who is told of each.
 */
#include "base/decimal.h"
#include "data/attention.h"
#include "router/orders/orders.h"
#include "router/router.h"

static const char insert_sql[] =
	"INSERT INTO router_submissions (id, caller, external_id, submission_id, patient_id, pharmacy, adapter, payload_enc, callback_url, hold)"
	" SELECT $1, $2, $3, $4, $5, c.code, c.adapter, $7, $8, $9 FROM router_pharmacy_config c WHERE c.code = $6 AND c.active"
	" ON CONFLICT ON CONSTRAINT router_submissions_once DO NOTHING RETURNING adapter";
#define COLUMNS \
	"id, caller, external_id, submission_id, patient_id, pharmacy, adapter, status, reason, payload_enc, callback_url," \
	" vendor_patient, vendor_order, tracking_number, tracking_url, hold, generation, version"
static const char load_sql[] = "SELECT " COLUMNS " FROM router_submissions WHERE id = $1";
static const char lock_sql[] = "SELECT " COLUMNS " FROM router_submissions WHERE id = $1 FOR UPDATE";
static const char holds_sql[] = "SELECT holds FROM router_pharmacy_config WHERE code = $1 AND active";
static const char find_sql[] = "SELECT " COLUMNS " FROM router_submissions WHERE caller = $1 AND external_id = $2";
static const char move_sql[] =
	"UPDATE router_submissions SET status = $3, reason = $4, vendor_order = coalesce($5, vendor_order),"
	" tracking_number = coalesce($6, tracking_number), tracking_url = coalesce($7, tracking_url), version = version + 1, updated_at = now()"
	" WHERE id = $1 AND version = $2";
static const char again_sql[] =
	"UPDATE router_submissions SET status = 'queued', reason = NULL, payload_enc = $2, generation = generation + 1, version = version + 1,"
	" updated_at = now() WHERE id = $1 AND status = 'rejected' RETURNING adapter";
static const char history_sql[] =
	"INSERT INTO router_submission_history (router_submission_id, from_status, to_status, reason) VALUES ($1, $2, $3, $4)";

/* The legal moves (rule M9), also a trigger of the table. A terminal state never moves back; manual is left by evidence. */
static const struct {
	const char *from;
	const char *to;
} moves[] = {
	{ "queued", "accepted" }, { "queued", "rejected" }, { "queued", "manual" }, { "queued", "shipped" },
	{ "queued", "delivered" }, { "queued", "cancelled" },	/* the words before it were lost or come later */
	{ "queued", "cancel_pending" }, { "manual", "cancel_pending" }, { "accepted", "cancel_pending" },
	{ "cancel_pending", "cancelled" }, { "cancel_pending", "rejected" },
	{ "cancel_pending", "shipped" }, { "cancel_pending", "delivered" },	/* the pharmacy was faster */
	{ "manual", "accepted" }, { "manual", "rejected" }, { "manual", "shipped" }, { "manual", "delivered" }, { "manual", "cancelled" },
	{ "accepted", "shipped" }, { "accepted", "cancelled" }, { "accepted", "delivered" },
	{ "shipped", "delivered" },
};

/* The job that starts each adapter's work. */
static const struct {
	const char *adapter;
	const char *job;
} adapters[] = {
	{ "pioneerrx", "pioneerrx.submit" },
	{ "boothwyn", "boothwyn.submit" },
};

static void
submission_from_row(struct submission *s, const struct row *w)
{
	s->id = row_uuid(w, "id");
	s->external_id = row_uuid(w, "external_id");
	s->submission_id = row_uuid(w, "submission_id");
	s->patient_id = row_uuid(w, "patient_id");
	s->caller = row_str(w, "caller");
	s->pharmacy = row_str(w, "pharmacy");
	s->adapter = row_str(w, "adapter");
	s->status = row_str(w, "status");
	s->reason = row_opt_str(w, "reason");
	s->callback_url = row_opt_str(w, "callback_url");
	s->vendor_patient = row_opt_str(w, "vendor_patient");
	s->vendor_order = row_opt_str(w, "vendor_order");
	s->tracking_number = row_opt_str(w, "tracking_number");
	s->tracking_url = row_opt_str(w, "tracking_url");
	s->hold = row_bool(w, "hold");
	s->generation = (int)row_int(w, "generation");
	s->version = row_int(w, "version");
	s->payload_enc = row_bytes(w, "payload_enc");
}

int
submission_load(struct db *db, struct uuid id, struct submission *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, load_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such submission");
	submission_from_row(ret, w);
	return 0;
}

int
submission_own(struct req *r, struct submission *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(r->db, &w, lock_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (w == NULL || strcmp(row_str(w, "caller"), r->caller) != 0)
		return problem(err, 404, "not_found", "no such submission");
	submission_from_row(ret, w);
	req_object(r, "router_submissions", ret->id);
	return 0;
}

int
submission_lock(struct db *db, struct uuid id, struct submission *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, lock_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such submission");
	submission_from_row(ret, w);
	return 0;
}

int
submission_to_send(struct db *db, struct uuid id, struct submission *ret, bool *wanted, struct problem *err)
{
	if (submission_lock(db, id, ret, err) < 0)
		return -1;
	*wanted = strcmp(ret->status, "queued") == 0;
	return 0;
}

json_t *
submission_payload(struct db *db, const struct submission *s, struct problem *err)
{
	struct bytes plain;

	if (vault_open(db, "router_submissions", "payload_enc", s->id, s->payload_enc, &plain, err) < 0)
		return NULL;
	return json_read(db_current_arena(db), (const char *)plain.p, plain.n, err);
}

int64_t
submission_quantity(const json_t *payload)
{
	int64_t v;

	return quantity_of(json_at(payload, "medication.quantity"), &v) < 0 ? 0 : v;
}

static const char *
job_of(const char *adapter)
{
	for (size_t i = 0; i < COUNT(adapters); i++)
		if (strcmp(adapters[i].adapter, adapter) == 0)
			return adapters[i].job;
	return NULL;
}

static struct bytes
payload_text(struct req *r)
{
	struct buf b = buf_in(r->arena, 64 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_tree(&w, "patient", req_json(r, "patient"));
	jw_tree(&w, "prescriber", req_json(r, "prescriber"));
	jw_tree(&w, "medication", req_json(r, "medication"));
	jw_end(&w);
	return BYTES(b.data, b.len);
}

void
submission_to_json(struct json_writer *w, const struct submission *s)
{
	jw_object(w, NULL);
	jw_uuid(w, "routerSubmissionId", s->id);
	jw_uuid(w, "externalId", s->external_id);
	jw_uuid(w, "submissionId", s->submission_id);
	jw_str(w, "pharmacy", s->pharmacy);
	jw_str(w, "status", s->status);
	jw_opt_str(w, "reason", s->reason);
	jw_opt_str(w, "vendorOrder", s->vendor_order);
	jw_opt_str(w, "trackingNumber", s->tracking_number);
	jw_opt_str(w, "trackingUrl", s->tracking_url);
	jw_end(w);
}

static int
check_hold(struct req *r, struct problem *err)
{
	const struct row *w;

	if (!req_bool(r, "hold"))
		return 0;
	if (db_one(r->db, &w, holds_sql, err, P_TEXT(req_str(r, "pharmacy"))) < 0)
		return -1;
	return w != NULL && !row_bool(w, "holds") ?
	    problem(err, 422, "pharmacy_does_not_hold", "%s dispenses what it is sent", req_str(r, "pharmacy")) : 0;
}

int
submission_put(struct db *db, const struct submission_request *q, bool *made, struct problem *err)
{
	struct bytes sealed;
	const struct row *w;

	if (vault_seal(db, q->patient_id, "router_submissions", "payload_enc", q->id, q->payload, &sealed, err) < 0 ||
	    db_one(db, &w, insert_sql, err, P_UUID(q->id), P_TEXT(q->caller), P_UUID(q->external_id), P_UUID(q->submission_id), P_UUID(q->patient_id),
	    P_TEXT(q->pharmacy), P_BYTES(sealed), P_TEXT(q->callback_url), P_BOOL(q->hold)) < 0)
		return -1;
	*made = w != NULL;
	return w != NULL ? job_enqueue_id(db, job_of(row_str(w, "adapter")), "id", q->id, err) : 0;
}

int
submission_again(struct db *db, const struct submission_request *q, struct problem *err)
{
	struct bytes sealed;
	const struct row *w;
	char id[UUID_TEXT];

	if (vault_seal(db, q->patient_id, "router_submissions", "payload_enc", q->id, q->payload, &sealed, err) < 0 ||
	    db_one(db, &w, again_sql, err, P_UUID(q->id), P_BYTES(sealed)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 409, "not_rejected", "only what its pharmacy refused is sent again");
	if (db_exec(db, history_sql, err, P_UUID(q->id), P_TEXT("rejected"), P_TEXT("queued"), P_TEXT("resent")) < 0 ||
	    attention_clear(db, "prescription.rejected", uuid_text(q->id, id), "resent", err) < 0)
		return -1;
	return job_enqueue_id(db, job_of(row_str(w, "adapter")), "id", q->id, err);
}

int
submission_create(struct req *r, struct problem *err)
{
	const struct submission_request q = { .id = uuid_new(), .caller = r->caller, .external_id = req_uuid(r, "externalId"),
		.submission_id = req_uuid(r, "submissionId"), .patient_id = req_uuid(r, "patientId"), .pharmacy = req_str(r, "pharmacy"),
		.payload = payload_text(r), .callback_url = req_opt_str(r, "callbackUrl"), .hold = req_bool(r, "hold") };
	struct submission s;
	const struct row *w;
	bool made;

	req_object(r, "router_submissions", q.id);
	if (check_hold(r, err) < 0 || submission_put(r->db, &q, &made, err) < 0)
		return -1;

	/* The same external id again, under another key, is the same prescription: show the first. */
	if (db_one(r->db, &w, find_sql, err, P_TEXT(r->caller), P_UUID(q.external_id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 422, "unknown_pharmacy", "no active pharmacy %s", q.pharmacy);
	submission_from_row(&s, w);
	submission_to_json(reply_json(r, 202), &s);
	return 0;
}

int
submission_show(struct req *r, struct problem *err)
{
	struct submission s;

	if (submission_load(r->db, req_uuid(r, "id"), &s, err) < 0)
		return -1;
	if (strcmp(s.caller, r->caller) != 0)
		return problem(err, 404, "not_found", "no such submission");
	submission_to_json(reply_json(r, 200), &s);
	return 0;
}

int
submission_find(struct req *r, struct problem *err)
{
	struct submission s;
	const struct row *w;

	if (db_one(r->db, &w, find_sql, err, P_TEXT(r->caller), P_UUID(req_uuid(r, "externalId"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no submission of that externalId");
	submission_from_row(&s, w);
	submission_to_json(reply_json(r, 200), &s);
	return 0;
}

static bool
legal(const char *from, const char *to)
{
	for (size_t i = 0; i < COUNT(moves); i++)
		if (strcmp(moves[i].from, from) == 0 && strcmp(moves[i].to, to) == 0)
			return true;
	return false;
}

int
submission_tell(struct db *db, const struct submission *s, const struct submission_news *n, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 4096);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "routerSubmissionId", s->id);
	jw_uuid(&w, "externalId", s->external_id);
	jw_uuid(&w, "submissionId", s->submission_id);
	jw_uuid(&w, "patientId", s->patient_id);
	jw_str(&w, "pharmacy", s->pharmacy);
	jw_str(&w, "status", n->status);
	jw_opt_str(&w, "reason", n->reason);
	jw_opt_str(&w, "trackingNumber", n->tracking_number);
	jw_end(&w);
	return event_publish(db, "rx.submission.updated", s->id, b.data, err);
}

/* The caller hears by its callback, and shipping follows a parcel that the pharmacy sent (Y-PLAT-09, decision C7). */
static int
enqueue_news(struct db *db, const struct submission *s, const struct submission_news *n, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char id[UUID_TEXT];
	const char *args = arena_printf(a, "{\"id\":\"%s\",\"status\":\"%s\"}", uuid_text(s->id, id), n->status);
	const char *key = arena_printf(a, "%s:%s", id, n->status);

	if (s->callback_url != NULL && job_enqueue(db, &(struct job_spec){ .kind = "rx.callback", .args = args, .unique_key = key }, err) < 0)
		return -1;
	if (strcmp(n->status, "shipped") == 0 && n->tracking_number != NULL && !n->own_parcel)
		return job_enqueue(db, &(struct job_spec){ .kind = "rx.parcel", .args = args, .unique_key = key }, err);
	return 0;
}

/* A refusal is a patient without a medicine, and so is an order that the pharmacy takes back; an order that goes on needs nobody any more. */
static int
call_for_person(struct db *db, const struct submission *s, const struct submission_news *n, struct problem *err)
{
	char id[UUID_TEXT];
	bool rejected = strcmp(n->status, "rejected") == 0, cancelled = strcmp(n->status, "cancelled") == 0 &&
	    (strcmp(s->status, "accepted") == 0 || strcmp(s->status, "shipped") == 0); /* by the pharmacy, not withdrawn by us */
	const struct attention what = { .kind = rejected ? "prescription.rejected" : "prescription.cancelled", .subject = uuid_text(s->id, id),
	    .code = n->reason != NULL && *n->reason != '\0' && strspn(n->reason, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(n->reason) ?
	    n->reason : "pharmacy_refused", .submission = s->submission_id, .patient = s->patient_id,
	    .detail = arena_printf(db_current_arena(db), "{\"pharmacy\":\"%s\"}", s->pharmacy) };

	if (rejected || cancelled)
		return attention_raise(db, &what, err);
	return 0;
}

int
submission_move(struct db *db, const struct submission *s, const struct submission_news *n, bool *moved, struct problem *err)
{
	int64_t rows;
	char id[UUID_TEXT];

	*moved = false;
	if (!legal(s->status, n->status))
		return 0;
	rows = db_exec(db, move_sql, err, P_UUID(s->id), P_INT(s->version), P_TEXT(n->status), P_TEXT(n->reason), P_TEXT(n->vendor_order),
	    P_TEXT(n->tracking_number), P_TEXT(n->tracking_url));
	if (rows < 0)
		return -1;
	if (rows == 0)
		return problem(err, 409, "serialization", "the submission moved meanwhile");
	*moved = true;
	if (db_exec(db, history_sql, err, P_UUID(s->id), P_TEXT(s->status), P_TEXT(n->status), P_TEXT(n->reason)) < 0 ||
	    audit_add(db, &(struct audit_entry){ .action = "prescription.status", .object = "router_submissions",
	    .object_id = uuid_text(s->id, id), .reason = n->reason,
	    .detail = arena_printf(db_current_arena(db), "{\"from\":\"%s\",\"to\":\"%s\"}", s->status, n->status) }, err) < 0 ||
	    submission_tell(db, s, n, err) < 0 || call_for_person(db, s, n, err) < 0 ||
	    (strcmp(s->status, "cancel_pending") == 0 && attention_clear(db, "prescription.cancel", id, n->status, err) < 0))
		return -1;
	return order_follow(db, s, n, err) < 0 ? -1 : enqueue_news(db, s, n, err);
}
