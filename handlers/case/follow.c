/*
 * follow.c: what others say of a case: each news is a fact on its row or on a child's, a line of its history, and then case_settle. The newest news of
 * one thing stands, whichever came first.
 */
#include "case/case.h"

static const char decided_sql[] =
	"UPDATE cases SET eligible = $2::boolean, reasons = $3::jsonb, rule_version = $4, decided_at = $5"
	" WHERE id = $1 AND (decided_at IS NULL OR decided_at <= $5)";
static const char issued_sql[] =
	"UPDATE cases SET voucher_id = $2, voucher_status = coalesce(nullif(voucher_status, 'issued'), 'issued'), voucher_at = $3 WHERE id = $1";
static const char ended_sql[] = "UPDATE cases SET voucher_id = $2, voucher_status = $3, voucher_at = coalesce(voucher_at, $4) WHERE id = $1";
/* An order and its prescription may be told at once: one of them waits, so that neither overlooks the other. */
static const char hold_sql[] = "SELECT pg_advisory_xact_lock(hashtextextended('case_children/' || $1::uuid, 0))";
static const char child_sql[] =
	"INSERT INTO case_children AS c (id, kind, prescription_id, case_id, status, tracking_number, said_at, said_seq, first_at)"
	" VALUES ($1, $2, $3, coalesce($4::uuid, (SELECT p.case_id FROM case_children p WHERE p.id = $3)), $5, $6, $7, $8, $7)"
	" ON CONFLICT (id) DO UPDATE SET case_id = coalesce(c.case_id, excluded.case_id), first_at = least(c.first_at, excluded.first_at),"
	"  tracking_number = coalesce(excluded.tracking_number, c.tracking_number),"
	"  status = CASE WHEN (excluded.said_at, excluded.said_seq) >= (c.said_at, c.said_seq) THEN excluded.status ELSE c.status END,"
	"  said_seq = CASE WHEN (excluded.said_at, excluded.said_seq) >= (c.said_at, c.said_seq) THEN excluded.said_seq ELSE c.said_seq END,"
	"  said_at = greatest(c.said_at, excluded.said_at)"
	" RETURNING case_id, xmax = 0 AS born";
static const char link_sql[] =
	"UPDATE case_children SET case_id = $2 WHERE prescription_id = $1 AND case_id IS NULL RETURNING id, status, first_at";

static const char *
reasons_text(struct event *e)
{
	struct buf b = buf_in(e->arena, 16 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_tree(&w, NULL, json_object_get(e->payload, "reasons"));
	return buf_str(&b);
}

int
on_eligibility_decided(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "case_id");
	bool eligible = json_is_true(json_object_get(e->payload, "eligible"));
	const struct case_line said = { .source = e->source, .what = "eligibility", .code = eligible ? "eligible" : "ineligible",
	    .subject = event_uuid(e, "check_id"), .at = e->occurred_at };
	struct patient_case c;

	if (case_lock(e->db, id, &c, err) < 0 ||
	    db_exec(e->db, decided_sql, err, P_UUID(id), P_BOOL(eligible), P_TEXT(reasons_text(e)), P_TEXT(event_str(e, "rule_version")),
		P_TIME(e->occurred_at)) < 0 || case_note(e->db, id, &said, err) < 0)
		return -1;
	return case_settle(e->db, id, err);
}

int
on_voucher_issued(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "case_id"), voucher = event_uuid(e, "voucher_id");
	const struct case_line said = { .source = e->source, .what = "voucher", .code = "issued", .subject = voucher, .at = e->occurred_at };
	struct patient_case c;

	if (case_lock(e->db, id, &c, err) < 0 || db_exec(e->db, issued_sql, err, P_UUID(id), P_UUID(voucher), P_TIME(e->occurred_at)) < 0 ||
	    case_note(e->db, id, &said, err) < 0)
		return -1;
	return case_settle(e->db, id, err);
}

int
on_voucher_ended(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "case_id"), voucher = event_uuid(e, "voucher_id");
	const char *status = event_str(e, "status");
	const struct case_line said = { .source = e->source, .what = "voucher", .code = status, .subject = voucher, .at = e->occurred_at };
	struct patient_case c;

	if (case_lock(e->db, id, &c, err) < 0 ||
	    db_exec(e->db, ended_sql, err, P_UUID(id), P_UUID(voucher), P_TEXT(status), P_TIME(e->occurred_at)) < 0 ||
	    case_note(e->db, id, &said, err) < 0)
		return -1;
	return case_settle(e->db, id, err);
}

/* ---- prescriptions and orders */

struct child {
	const char *kind, *status, *tracking;
	struct uuid id, prescription, case_id;
	bool born;
};

static int
child_put(struct event *e, struct child *c, struct problem *err)
{
	const struct case_line said = { .source = e->source, .what = c->kind, .code = c->status, .subject = c->id, .at = e->occurred_at };
	const struct row *w;

	if (db_one(e->db, &w, hold_sql, err, P_UUID(c->prescription)) < 0 ||
	    db_one(e->db, &w, child_sql, err, P_UUID(c->id), P_TEXT(c->kind), P_UUID(c->prescription), P_OPT_UUID(c->case_id), P_TEXT(c->status),
		P_TEXT(c->tracking), P_TIME(e->occurred_at), P_INT(e->seq)) < 0)
		return -1;
	c->case_id = row_uuid(w, "case_id");
	c->born = row_bool(w, "born");
	return uuid_is_nil(c->case_id) ? 0 : case_note(e->db, c->case_id, &said, err);
}

static int
publish_prescribed(struct event *e, const struct child *c, struct problem *err)
{
	struct buf b = buf_in(e->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "case_id", c->case_id);
	jw_uuid(&w, "patient_id", event_uuid(e, "patient_id"));
	jw_uuid(&w, "prescription_id", c->id);
	jw_end(&w);
	return event_publish(e->db, "case.prescribed", c->case_id, buf_str(&b), err);
}

/* Orders that were told of before. */
static int
link_orders(struct event *e, const struct child *c, struct problem *err)
{
	struct rows *orders;

	if (db_all(e->db, &orders, link_sql, err, P_UUID(c->id), P_UUID(c->case_id)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(orders); i++) {
		const struct row *o = rows_at(orders, i);
		const struct case_line said = { .source = "router", .what = "order", .code = row_str(o, "status"), .subject = row_uuid(o, "id"),
		    .at = row_time(o, "first_at") };

		if (case_note(e->db, c->case_id, &said, err) < 0)
			return -1;
	}
	return 0;
}

/* The prescriptions of outside prescribers have no case. */
int
on_prescription_changed(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "prescription_id");
	struct child c = { .kind = "prescription", .status = event_str(e, "to"), .id = id, .prescription = id, .case_id = event_uuid(e, "case_id") };
	struct patient_case locked;

	if (uuid_is_nil(c.case_id))
		return 0;
	if (case_lock(e->db, c.case_id, &locked, err) < 0 || child_put(e, &c, err) < 0 || link_orders(e, &c, err) < 0 ||
	    (c.born && publish_prescribed(e, &c, err) < 0))
		return -1;
	return case_settle(e->db, c.case_id, err);
}

int
on_order_updated(struct event *e, struct problem *err)
{
	struct child c = { .kind = "order", .status = event_str(e, "status"), .id = event_uuid(e, "order_id"),
	    .prescription = event_uuid(e, "prescription_id"), .case_id = event_uuid(e, "case_id") };

	if (*event_str(e, "tracking_number") != '\0')
		c.tracking = event_str(e, "tracking_number");
	if (child_put(e, &c, err) < 0)
		return -1;
	return uuid_is_nil(c.case_id) ? 0 : case_settle(e->db, c.case_id, err);
}
