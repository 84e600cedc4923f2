/*
 * link.c: a copay that the patient pays at Stripe's page, behind a link that we send (P-PAY-01 to 04). What is to be paid is the payer's word, kept in copays;
 * a caller's amount is only compared with it. One link of a prescription is open at a time: an open one is given again, another amount supersedes it, and a new
 * one after an end is a new generation.
 */
#include <math.h>
#include <strings.h>

#include "base/clock.h"
#include "billing/billing.h"
#include "data/attention.h"

#define LEAST_CENTS 50 /* Stripe takes no less */

static const char copay_sql[] =
	"INSERT INTO copays AS c (prescription_id, patient_id, adjudication_id, drug_cost_cents, insurance_paid_cents, copay_cents, final_copay_cents,"
	"  savings_cents, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
	" ON CONFLICT (tenant_id, prescription_id) DO UPDATE SET adjudication_id = excluded.adjudication_id, drug_cost_cents = excluded.drug_cost_cents,"
	"  insurance_paid_cents = excluded.insurance_paid_cents, copay_cents = excluded.copay_cents, final_copay_cents = excluded.final_copay_cents,"
	"  savings_cents = excluded.savings_cents, decided_at = excluded.decided_at, updated_at = now() WHERE c.decided_at <= excluded.decided_at";
#define COPAY \
	"SELECT prescription_id, patient_id, adjudication_id, drug_cost_cents, insurance_paid_cents, copay_cents, final_copay_cents, savings_cents," \
	" currency, withdrawn FROM copays WHERE prescription_id = $1"
static const char load_sql[] = COPAY;
static const char lock_sql[] = COPAY " FOR UPDATE";
static const char withdraw_sql[] = "UPDATE copays SET withdrawn = $2, updated_at = now() WHERE prescription_id = $1 RETURNING prescription_id";
static const char standing_sql[] =
	"SELECT id FROM payments WHERE kind = 'link' AND run_id = $1 AND status IN ('pending', 'paid') ORDER BY generation DESC LIMIT 1";
static const char insert_sql[] =
	"INSERT INTO payments (id, kind, patient_id, run_id, prescription_id, adjudication_id, purpose, generation, amount_cents, currency, link_expires_at)"
	" SELECT $1, 'link', $2, $3, $3, $4, 'copay', coalesce(max(generation), 0) + 1, $5, $6, date_trunc('second', now()) + make_interval(secs => $7)"
	" FROM payments WHERE run_id = $3 AND purpose = 'copay'";
static const char created_sql[] = "INSERT INTO payment_history (payment_id, to_status) VALUES ($1, 'pending')";
static const char list_sql[] = "SELECT id FROM payments WHERE kind = 'link' AND run_id = $1 ORDER BY generation DESC LIMIT 50";

const char *
cents_text(struct arena *a, int64_t cents)
{
	return arena_printf(a, "%" PRId64 ".%02d", cents / 100, (int)(cents % 100));
}

int
link_job(struct db *db, const char *kind, struct uuid payment, struct problem *err)
{
	return job_enqueue_id(db, kind, "id", payment, err);
}

int
copay_load(struct db *db, struct uuid prescription, bool lock, struct copay *c, bool *found, struct problem *err)
{
	const struct row *w;

	*found = false;
	if ((lock ? db_one(db, &w, lock_sql, err, P_UUID(prescription)) : db_one(db, &w, load_sql, err, P_UUID(prescription))) < 0)
		return -1;
	if (w == NULL)
		return 0;
	*found = true;
	*c = (struct copay){ .prescription_id = row_uuid(w, "prescription_id"), .patient_id = row_uuid(w, "patient_id"),
		.adjudication_id = row_uuid(w, "adjudication_id"), .drug_cents = row_int(w, "drug_cost_cents"),
		.insurance_cents = row_int(w, "insurance_paid_cents"), .copay_cents = row_int(w, "copay_cents"),
		.final_cents = row_int(w, "final_copay_cents"), .savings_cents = row_int(w, "savings_cents"), .currency = row_str(w, "currency"),
		.withdrawn = row_opt_str(w, "withdrawn") };
	return 0;
}

/* ---- opening one */

int
link_give_way(struct db *db, const struct payment *p, const char *reason, struct problem *err)
{
	bool moved;

	if (payment_move(db, p, &(struct payment_news){ .status = "expired", .reason = reason }, &moved, err) < 0)
		return -1;
	return link_job(db, "link.close", p->id, err);
}

static int
raise(struct db *db, const struct copay *c, const char *code, struct problem *err)
{
	char id[UUID_TEXT];

	return attention_raise(db, &(struct attention){ .kind = "payment.link", .subject = uuid_text(c->prescription_id, id), .code = code,
	    .patient = c->patient_id, .detail = arena_printf(db_current_arena(db), "{\"prescriptionId\":\"%s\",\"amountCents\":%" PRId64 "}", id,
	    c->final_cents) }, err);
}

static int
insert(struct db *db, const struct conf *conf, const struct copay *c, struct uuid *ret, struct problem *err)
{
	struct payment p;

	*ret = uuid_new();
	if (db_exec(db, insert_sql, err, P_UUID(*ret), P_UUID(c->patient_id), P_UUID(c->prescription_id), P_UUID(c->adjudication_id),
		P_INT(c->final_cents), P_TEXT(c->currency), P_INT(conf_int(conf, "PAYMENT_LINK_LIFE"))) < 0 ||
	    db_exec(db, created_sql, err, P_UUID(*ret)) < 0 || payment_load(db, *ret, &p, err) < 0)
		return -1;
	return checkout_intend(db, conf, &p, err);
}

/* The prescription's link, made if there is none that stands; *ret nil: it cannot be paid by a link, and a person knows. */
static int
open_link(struct db *db, const struct conf *conf, const struct copay *c, struct uuid *ret, struct problem *err)
{
	const struct row *w;
	struct payment p;

	*ret = UUID_NIL;
	if (db_one(db, &w, standing_sql, err, P_UUID(c->prescription_id)) < 0)
		return -1;
	if (w != NULL) {
		if (payment_load(db, row_uuid(w, "id"), &p, err) < 0)
			return -1;
		*ret = p.id;
		if (p.amount_cents == c->final_cents && strcasecmp(p.currency, c->currency) == 0)
			return 0;
		if (strcmp(p.status, "paid") == 0)
			return raise(db, c, "paid_another_amount", err);
		if (link_give_way(db, &p, "superseded", err) < 0)
			return -1;
	}
	if (c->final_cents < LEAST_CENTS) {
		*ret = UUID_NIL;
		return raise(db, c, "amount_too_small", err);
	}
	return insert(db, conf, c, ret, err);
}

/* ---- what the payer decided */

int
on_adjudicated(struct event *e, struct problem *err)
{
	struct uuid prescription = event_uuid(e, "prescription_id"), payment;
	const struct row *w;
	struct payment p;
	struct copay c;
	bool found;

	if (db_exec(e->db, copay_sql, err, P_UUID(prescription), P_UUID(event_uuid(e, "patient_id")), P_UUID(event_uuid(e, "adjudication_id")),
		P_INT(event_int(e, "drug_cost_cents")), P_INT(event_int(e, "insurance_paid_cents")), P_INT(event_int(e, "copay_cents")),
		P_INT(event_int(e, "final_copay_cents")), P_INT(event_int(e, "patient_savings_cents")), P_TIME(e->occurred_at)) < 0 ||
	    copay_load(e->db, prescription, true, &c, &found, err) < 0)
		return -1;
	if (!found || c.withdrawn != NULL)
		return 0;
	if (c.final_cents > 0)
		return open_link(e->db, e->conf, &c, &payment, err);
	/* Nothing to pay any more: a link that waits is closed. */
	if (db_one(e->db, &w, standing_sql, err, P_UUID(prescription)) < 0)
		return -1;
	if (w == NULL || payment_load(e->db, row_uuid(w, "id"), &p, err) < 0)
		return w == NULL ? 0 : -1;
	return strcmp(p.status, "pending") == 0 ? link_give_way(e->db, &p, "superseded", err) : raise(e->db, &c, "paid_another_amount", err);
}

/* A prescription that ends without being filled takes its link along; what was paid for it goes back. */
int
on_prescription_status(struct event *e, struct problem *err)
{
	static const char *const ends[] = { "cancelled", "denied", "stopped" };
	const char *to = event_str(e, "to");
	struct uuid prescription = event_uuid(e, "prescription_id");
	const struct row *w;
	struct payment p;
	bool over = false;

	for (size_t i = 0; i < COUNT(ends); i++)
		over = over || strcmp(ends[i], to) == 0;
	if (!over)
		return 0;
	if (db_one(e->db, &w, withdraw_sql, err, P_UUID(prescription), P_TEXT(to)) < 0)
		return -1;
	if (w == NULL || db_one(e->db, &w, standing_sql, err, P_UUID(prescription)) < 0)
		return w == NULL ? 0 : -1;
	if (w == NULL || payment_load(e->db, row_uuid(w, "id"), &p, err) < 0)
		return w == NULL ? 0 : -1;
	return strcmp(p.status, "pending") == 0 ? link_give_way(e->db, &p, "withdrawn", err) : link_job(e->db, "link.settle", p.id, err);
}

/* ---- the staff's side */

static void
link_members(struct json_writer *w, struct arena *a, const struct payment *p)
{
	jw_uuid(w, "payment_id", p->id);
	jw_uuid(w, "prescription_id", p->run_id);
	jw_raw(w, "amount", cents_text(a, p->amount_cents));
	jw_str(w, "currency", p->currency);
	jw_str(w, "status", p->status);
	jw_opt_str(w, "reason", p->reason);
	jw_opt_str(w, "stripe_session_id", p->session_id);
	jw_opt_str(w, "stripe_payment_link", p->url);
	jw_time(w, "link_expires_at", p->expires_at);
}

int
load_link(struct req *r, struct payment *p, struct problem *err)
{
	if (payment_load(r->db, req_uuid(r, "id"), p, err) < 0)
		return -1;
	return p->link ? 0 : problem(err, 404, "not_found", "no such payment by link");
}

/* A decimal amount in exact cents; -1: it is none. */
static int64_t
cents_of(const json_t *amount)
{
	double cents = json_number_value(amount) * 100;
	int64_t whole = cents >= 0 && cents < 1e10 ? llround(cents) : -1;

	return whole >= 0 && fabs(cents - (double)whole) < 1e-6 ? whole : -1;
}

int
link_create(struct req *r, struct problem *err)
{
	struct uuid id;
	struct payment p;
	struct copay c;
	bool found;

	if (copay_load(r->db, req_uuid(r, "prescription_id"), true, &c, &found, err) < 0)
		return -1;
	if (!found)
		return problem(err, 404, "not_adjudicated", "the payer has not decided about this prescription");
	if (c.withdrawn != NULL)
		return problem(err, 409, "prescription_ended", "the prescription is %s", c.withdrawn);
	if (strcasecmp(req_str(r, "currency"), c.currency) != 0)
		return problem(err, 422, "currency_mismatch", "the copay is in %s", c.currency);
	if (cents_of(req_json(r, "amount")) != c.final_cents)
		return problem(err, 422, "amount_mismatch", "the amount is not the adjudicated copay");
	if (c.final_cents < LEAST_CENTS)
		return problem(err, 422, c.final_cents == 0 ? "nothing_to_pay" : "amount_too_small", "no link is made for this amount");
	if (open_link(r->db, r->conf, &c, &id, err) < 0)
		return -1;
	req_object(r, "payments", id);
	if (payment_load(r->db, id, &p, err) < 0)
		return -1;
	if (strcmp(p.status, "paid") == 0)
		return problem(err, 409, "already_paid", "the copay is paid");
	struct json_writer *w = reply_json(r, 202);
	jw_object(w, NULL);
	link_members(w, r->arena, &p);
	jw_end(w);
	return 0;
}

int
link_show(struct req *r, struct problem *err)
{
	struct payment p;

	if (load_link(r, &p, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	link_members(w, r->arena, &p);
	jw_end(w);
	return 0;
}

int
link_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_UUID(req_uuid(r, "prescription_id"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "payments");
	for (size_t i = 0; i < rows_count(rows); i++) {
		struct payment p;

		if (payment_load(r->db, row_uuid(rows_at(rows, i), "id"), &p, err) < 0)
			return -1;
		jw_object(w, NULL);
		link_members(w, r->arena, &p);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
