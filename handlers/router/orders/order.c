/*
 * order.c: the row of an order and its endpoints. One prescription has one order, however often and by whomever it is asked for (A-PIT-01); an order that
 * its pharmacy refused, or that never came to a pharmacy, is sent again under the same id (A-PIT-05).
 */
#include "data/attention.h"
#include "router/orders/orders.h"

#define COLUMNS "id, prescription_id, patient_id, case_id, pharmacy, status, reason, tracking_number, router_submission_id, requested_by, created_at"

static const char insert_sql[] =
	"INSERT INTO orders (id, prescription_id, case_id, pharmacy, requested_by) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT ON CONSTRAINT orders_once DO NOTHING";
static const char lock_sql[] = "SELECT " COLUMNS " FROM orders WHERE id = $1 FOR UPDATE";
static const char read_sql[] = "SELECT " COLUMNS " FROM orders WHERE id = $1";
static const char of_prescription_sql[] = "SELECT " COLUMNS " FROM orders WHERE prescription_id = $1 FOR UPDATE";
static const char find_sql[] = "SELECT id FROM orders WHERE prescription_id = $1";
static const char move_sql[] =
	"UPDATE orders SET status = $2, reason = $3, tracking_number = coalesce($4, tracking_number), updated_at = now() WHERE id = $1";
static const char event_sql[] = "INSERT INTO order_events (order_id, status, reason) VALUES ($1, $2, $3)";
static const char events_sql[] = "SELECT status, reason, at FROM order_events WHERE order_id = $1 ORDER BY id LIMIT 1000";

/* ---- the row */

static void
order_from_row(struct order *o, const struct row *w)
{
	o->id = row_uuid(w, "id");
	o->prescription = row_uuid(w, "prescription_id");
	o->patient = row_uuid(w, "patient_id");
	o->case_id = row_uuid(w, "case_id");
	o->submission = row_uuid(w, "router_submission_id");
	o->pharmacy = row_opt_str(w, "pharmacy");
	o->status = row_str(w, "status");
	o->reason = row_opt_str(w, "reason");
	o->tracking_number = row_opt_str(w, "tracking_number");
	o->requested_by = row_str(w, "requested_by");
	o->created_at = row_time(w, "created_at");
}

int
order_read(struct db *db, struct uuid id, struct order *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, read_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such order");
	order_from_row(ret, w);
	return 0;
}

int
order_load(struct db *db, struct uuid id, struct order *ret, struct problem *err)
{
	struct submission s;
	struct uuid bound;
	const struct row *w;

	if (order_read(db, id, ret, err) < 0 || (!uuid_is_nil(ret->submission) && submission_lock(db, ret->submission, &s, err) < 0))
		return -1;
	bound = ret->submission;
	if (db_one(db, &w, lock_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such order");
	order_from_row(ret, w);
	return uuid_equal(bound, ret->submission) ? 0 : problem(err, 409, "serialization", "the order was submitted meanwhile");
}

static void
order_members(struct json_writer *w, const struct order *o)
{
	jw_uuid(w, "order_id", o->id);
	jw_uuid(w, "prescription_id", o->prescription);
	jw_opt_str(w, "pharmacy", o->pharmacy);
	jw_str(w, "status", o->status);
	jw_opt_str(w, "reason", o->reason);
	jw_opt_str(w, "tracking_number", o->tracking_number);
	jw_time(w, "created_at", o->created_at);
}

static void
answer(struct req *r, int status, const struct order *o)
{
	struct json_writer *w = reply_json(r, status);

	jw_object(w, NULL);
	order_members(w, o);
	jw_end(w);
}

static bool
is(const struct order *o, const char *status)
{
	return strcmp(o->status, status) == 0;
}

/* ---- its moves */

static int
tell(struct db *db, const struct order *o, const char *status, const char *reason, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 4096);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "order_id", o->id);
	jw_uuid(&w, "prescription_id", o->prescription);
	if (!uuid_is_nil(o->patient))
		jw_uuid(&w, "patient_id", o->patient);
	if (!uuid_is_nil(o->case_id))
		jw_uuid(&w, "case_id", o->case_id);
	jw_str(&w, "status", status);
	jw_opt_str(&w, "reason", reason);
	jw_opt_str(&w, "tracking_number", o->tracking_number);
	jw_end(&w);
	return event_publish(db, "order.updated", o->prescription, buf_str(&b), err);
}

int
order_move(struct db *db, struct order *o, const char *status, const char *reason, const char *tracking, struct problem *err)
{
	if (is(o, status))
		return 0;
	if (db_exec(db, move_sql, err, P_UUID(o->id), P_TEXT(status), P_TEXT(reason), P_TEXT(tracking)) < 0 ||
	    db_exec(db, event_sql, err, P_UUID(o->id), P_TEXT(status), P_TEXT(reason)) < 0)
		return -1;
	o->status = status;
	o->reason = reason;
	if (tracking != NULL)
		o->tracking_number = tracking;
	return tell(db, o, status, reason, err);
}

int
order_follow(struct db *db, const struct submission *s, const struct submission_news *n, struct problem *err)
{
	const struct row *w;
	struct order o;
	char id[UUID_TEXT];

	if (strcmp(s->caller, ORDER_CALLER) != 0)
		return 0;
	if (db_one(db, &w, of_prescription_sql, err, P_UUID(s->external_id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 500, "no_order", "a submission of an order without its order");
	order_from_row(&o, w);
	if (order_move(db, &o, n->status, n->reason, n->tracking_number, err) < 0)
		return -1;
	if (strcmp(n->status, "accepted") == 0)
		return job_enqueue(db, &(struct job_spec){ .kind = "order.parcel", .unique_key = uuid_text(o.id, id),
		    .args = arena_printf(db_current_arena(db), "{\"id\":\"%s\"}", uuid_text(o.id, id)) }, err);
	return 0;
}

/* ---- take back */

/* *late: it has left the pharmacy. */
static int
take_back(struct db *db, struct order *o, bool *late, struct problem *err)
{
	struct submission s;
	char id[UUID_TEXT];

	*late = is(o, "shipped") || is(o, "delivered");
	if (*late || is(o, "cancelled") || is(o, "cancel_pending"))
		return 0;
	if (attention_clear(db, "order.failed", uuid_text(o->id, id), "cancelled", err) < 0)
		return -1;
	if (uuid_is_nil(o->submission) || is(o, "rejected") || is(o, "failed"))
		return order_move(db, o, "cancelled", "withdrawn", NULL, err);
	if (submission_lock(db, o->submission, &s, err) < 0 || submission_take_back(db, &s, err) < 0)
		return -1;
	o->status = s.status;
	return 0;
}

int
order_cancel(struct req *r, struct problem *err)
{
	struct order o;
	bool late;

	if (order_load(r->db, req_uuid(r, "id"), &o, err) < 0)
		return -1;
	req_object(r, "orders", o.id);
	if (take_back(r->db, &o, &late, err) < 0)
		return -1;
	if (late)
		return problem(err, 409, "already_shipped", "the order is %s", o.status);
	answer(r, 202, &o);
	return 0;
}

static int
refuse(struct db *db, const struct order *o, struct problem *err)
{
	struct submission s;

	if (submission_load(db, o->submission, &s, err) < 0 ||
	    submission_tell(db, &s, &(struct submission_news){ .status = "cancel_refused", .reason = o->status }, err) < 0)
		return -1;
	return tell(db, o, "cancel_refused", o->status, err);
}

int
order_prescription_cancelled(struct db *db, struct uuid prescription, struct problem *err)
{
	const struct row *w;
	struct order o;
	bool late;

	if (db_one(db, &w, find_sql, err, P_UUID(prescription)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	if (order_load(db, row_uuid(w, "id"), &o, err) < 0 || take_back(db, &o, &late, err) < 0)
		return -1;
	return late ? refuse(db, &o, err) : 0;
}

/* What shipping says of a parcel, as an order says it; NULL: nothing that the patient's order would tell. */
static const char *
status_of_parcel(const char *parcel)
{
	if (strcmp(parcel, "in_transit") == 0 || strcmp(parcel, "out_for_delivery") == 0)
		return "shipped";
	return strcmp(parcel, "delivered") == 0 ? "delivered" : NULL;
}

int
on_parcel_moved(struct event *e, struct problem *err)
{
	const char *tracking = event_str(e, "trackingNumber");
	struct submission_news news = { .status = status_of_parcel(event_str(e, "status")), .tracking_number = *tracking == '\0' ? NULL : tracking,
		.own_parcel = true };
	struct submission s;
	const struct row *w;
	struct order o;
	bool moved;

	if (db_one(e->db, &w, find_sql, err, P_UUID(event_uuid(e, "externalId"))) < 0)
		return -1;
	if (w == NULL || news.status == NULL)
		return 0; /* a run's parcel, or not under way yet */
	if (order_read(e->db, row_uuid(w, "id"), &o, err) < 0)
		return -1;
	if (uuid_is_nil(o.submission))
		return 0;
	return submission_lock(e->db, o.submission, &s, err) < 0 ? -1 : submission_move(e->db, &s, &news, &moved, err);
}

/* ---- ask, look, ask again */

static int
send_later(struct db *db, const struct order *o, struct problem *err)
{
	return job_enqueue_id(db, "order.send", "id", o->id, err);
}

int
order_create(struct req *r, struct problem *err)
{
	struct order o = { .id = uuid_new() };
	int64_t made;

	req_object(r, "orders", o.id);
	made = db_exec(r->db, insert_sql, err, P_UUID(o.id), P_UUID(req_uuid(r, "prescription_id")), P_OPT_UUID(req_uuid(r, "case_id")),
	    P_TEXT(req_opt_str(r, "pharmacy")), P_TEXT(r->scope.actor));
	if (made < 0)
		return -1;
	if (made == 0)
		return problem(err, 409, "order_exists", "the prescription has an order");
	if (order_load(r->db, o.id, &o, err) < 0 || db_exec(r->db, event_sql, err, P_UUID(o.id), P_TEXT(o.status), P_NULL) < 0 ||
	    tell(r->db, &o, o.status, NULL, err) < 0 || send_later(r->db, &o, err) < 0)
		return -1;
	answer(r, 201, &o);
	return 0;
}

int
order_show(struct req *r, struct problem *err)
{
	struct rows *events;
	struct order o;

	if (order_read(r->db, req_uuid(r, "id"), &o, err) < 0 ||
	    db_all(r->db, &events, events_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	order_members(w, &o);
	jw_array(w, "events");
	for (size_t i = 0; i < rows_count(events); i++) {
		const struct row *e = rows_at(events, i);

		jw_object(w, NULL);
		jw_time(w, "at", row_time(e, "at"));
		jw_str(w, "status", row_str(e, "status"));
		jw_opt_str(w, "reason", row_opt_str(e, "reason"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

/* What is under way stays so: the worker sends it, or evidence settles it, and nothing is sent blindly twice (rule M4). */
int
order_resend(struct req *r, struct problem *err)
{
	struct order o;
	char id[UUID_TEXT];

	if (order_load(r->db, req_uuid(r, "id"), &o, err) < 0)
		return -1;
	req_object(r, "orders", o.id);
	if (is(&o, "accepted") || is(&o, "shipped") || is(&o, "delivered"))
		return problem(err, 409, "already_accepted", "the order is %s", o.status);
	if (is(&o, "cancelled") || is(&o, "cancel_pending"))
		return problem(err, 409, "cancelled", "the order is %s", o.status);
	if (is(&o, "manual"))
		return problem(err, 409, "outcome_unknown", "nobody can say whether the pharmacy has it: it is looked up, not sent again");
	if (!is(&o, "submitted") && (order_move(r->db, &o, "submitted", "resent", NULL, err) < 0 || send_later(r->db, &o, err) < 0 ||
	    attention_clear(r->db, "order.failed", uuid_text(o.id, id), "resent", err) < 0))
		return -1;
	answer(r, 202, &o);
	return 0;
}
