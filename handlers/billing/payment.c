/*
 * payment.c: a payment is asked for, captured, cancelled, refunded and shown. The act at Stripe is a row here and a call of the worker's
 * later.
 *
 * One payment per run, purpose and generation; asking again gives the same one. A new generation is a new act of a user and is
 * taken only when the one before it failed or was cancelled (rule M2).
 */
#include <strings.h>

#include "billing/billing.h"

static const char setup_sql[] =
	"SELECT id, patient_id, amount_cents, currency, status, payment_method, stripe_customer FROM setup_intents WHERE id = $1";
static const char insert_sql[] =
	"INSERT INTO payments (id, setup_id, submission_id, patient_id, run_id, purpose, generation, amount_cents, currency)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, upper($9)) ON CONFLICT ON CONSTRAINT payments_once DO NOTHING";
static const char created_sql[] = "INSERT INTO payment_history (payment_id, to_status) VALUES ($1, 'pending')";
static const char find_sql[] = "SELECT id FROM payments WHERE run_id = $1 AND purpose = $2 AND generation = $3";

static void
payment_to_json(struct json_writer *w, const struct payment *p)
{
	jw_object(w, NULL);
	jw_uuid(w, "paymentId", p->id);
	jw_uuid(w, "setupIntentId", p->setup_id);
	jw_uuid(w, "submissionId", p->submission_id);
	jw_uuid(w, "runId", p->run_id);
	jw_str(w, "purpose", p->purpose);
	jw_int(w, "generation", p->generation);
	jw_int(w, "amountCents", p->amount_cents);
	jw_str(w, "currency", p->currency);
	jw_str(w, "status", p->status);
	jw_opt_str(w, "code", p->reason);
	jw_end(w);
}

static int
reply(struct req *r, int status, struct uuid id, struct problem *err)
{
	struct payment p;

	if (payment_load(r->db, id, &p, err) < 0)
		return -1;
	payment_to_json(reply_json(r, status), &p);
	return 0;
}

/* What the patient agreed to is the ceiling, and the card must be saved and the patient's own (C22). */
static int
check_setup(struct req *r, const struct row *s, struct problem *err)
{
	struct uuid patient = req_uuid(r, "patientId");

	if (s == NULL || !uuid_equal(row_uuid(s, "patient_id"), patient))
		return problem(err, 404, "not_found", "no such setup intent of this patient");
	if (strcmp(row_str(s, "status"), "succeeded") != 0 || row_is_null(s, "payment_method"))
		return problem(err, 422, "card_not_saved", "the card is not saved");
	if (strcasecmp(row_str(s, "currency"), req_str(r, "currency")) != 0)
		return problem(err, 422, "currency_mismatch", "the patient agreed to another currency");
	if (req_int(r, "amountCents", 0) > row_int(s, "amount_cents"))
		return problem(err, 422, "amount_above_consent", "the amount is above what the patient agreed to");
	return 0;
}

/* The same run again: the same payment, if it is for the same money. */
static int
reply_existing(struct req *r, int64_t generation, struct problem *err)
{
	const struct row *w;
	struct payment p;

	if (db_one(r->db, &w, find_sql, err, P_UUID(req_uuid(r, "runId")), P_TEXT(req_str(r, "purpose")), P_INT(generation)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such payment");
	if (payment_load(r->db, row_uuid(w, "id"), &p, err) < 0)
		return -1;
	req_object(r, "payments", p.id);
	if (p.amount_cents != req_int(r, "amountCents", 0) || strcasecmp(p.currency, req_str(r, "currency")) != 0 ||
	    !uuid_equal(p.setup_id, req_uuid(r, "setupIntentId")))
		return problem(err, 409, "payment_exists", "the run has a payment of another amount or card");
	payment_to_json(reply_json(r, 202), &p);
	return 0;
}

int
payment_create(struct req *r, struct problem *err)
{
	int64_t generation = req_int(r, "generation", 1), new;
	struct uuid id = uuid_new();
	const struct row *s;
	struct payment p;

	if (db_one(r->db, &s, setup_sql, err, P_UUID(req_uuid(r, "setupIntentId"))) < 0 || check_setup(r, s, err) < 0)
		return -1;
	req_object(r, "payments", id);
	new = db_exec(r->db, insert_sql, err, P_UUID(id), P_UUID(row_uuid(s, "id")), P_UUID(req_uuid(r, "submissionId")),
	    P_UUID(req_uuid(r, "patientId")), P_UUID(req_uuid(r, "runId")), P_TEXT(req_str(r, "purpose")), P_INT(generation),
	    P_INT(req_int(r, "amountCents", 0)), P_TEXT(req_str(r, "currency")));
	if (new < 0 && db_violates(err, "payments_one_active"))
		return problem(err, 409, "payment_active", "the run's earlier payment has not ended");
	if (new < 0)
		return -1;
	if (new == 0)
		return reply_existing(r, generation, err);
	if (db_exec(r->db, created_sql, err, P_UUID(id)) < 0 || payment_load(r->db, id, &p, err) < 0 ||
	    charge_authorize(r->db, &p, row_str(s, "stripe_customer"), row_str(s, "payment_method"), err) < 0)
		return -1;
	payment_to_json(reply_json(r, 202), &p);
	return 0;
}

/* towards: the intent's status; done: the status that it ends in. Being there already is the same answer again. */
static int
act(struct req *r, const char *towards, const char *done, int (*intend)(struct db *, const struct payment *, struct problem *),
    struct problem *err)
{
	struct payment p;
	bool moved;

	if (payment_load(r->db, req_uuid(r, "id"), &p, err) < 0)
		return -1;
	req_object(r, "payments", p.id);
	if (strcmp(p.status, towards) == 0 || strcmp(p.status, done) == 0)
		return reply(r, 202, p.id, err);
	if (strcmp(p.status, "manual") == 0 || !payment_may(p.status, towards))
		return problem(err, 409, strcmp(towards, "refunding") == 0 ? "payment_not_captured" : "payment_not_authorized",
		    "the payment is %s", p.status);
	if (payment_move(r->db, &p, &(struct payment_news){ .status = towards }, &moved, err) < 0 || intend(r->db, &p, err) < 0)
		return -1;
	return reply(r, 202, p.id, err);
}

int
payment_capture(struct req *r, struct problem *err)
{
	return act(r, "capturing", "captured", charge_capture, err);
}

int
payment_cancel(struct req *r, struct problem *err)
{
	return act(r, "cancelling", "cancelled", charge_cancel, err);
}

int
payment_refund(struct req *r, struct problem *err)
{
	return act(r, "refunding", "refunded", charge_refund, err);
}

int
payment_show(struct req *r, struct problem *err)
{
	return reply(r, 200, req_uuid(r, "id"), err);
}
