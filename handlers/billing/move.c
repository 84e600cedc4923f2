/*
 * move.c: the one mover of payments. The table below is also a trigger of the payments table (rule M9); nothing else writes
 * payments.status.
 */
#include <strings.h>

#include "base/log.h"
#include "billing/billing.h"
#include "data/attention.h"

#define COLUMNS \
	"id, setup_id, submission_id, patient_id, run_id, purpose, generation, amount_cents, currency, status, reason," \
	" stripe_payment_intent, version, kind, adjudication_id, stripe_session_id, stripe_payment_link, link_expires_at, settled"
static const char load_sql[] = "SELECT " COLUMNS " FROM payments WHERE id = $1";
static const char move_sql[] =
	"UPDATE payments SET status = $3, reason = $4, stripe_payment_intent = coalesce($5, stripe_payment_intent),"
	" authorized_cents = CASE WHEN $3 IN ('authorized', 'captured', 'paid', 'refunding') THEN amount_cents ELSE authorized_cents END,"
	" captured_cents = CASE WHEN $3 IN ('captured', 'paid', 'refunding') THEN amount_cents ELSE captured_cents END,"
	" paid_at = CASE WHEN kind = 'link' AND $3 IN ('paid', 'refunding') THEN coalesce(paid_at, now()) ELSE paid_at END,"
	" refunded_cents = CASE WHEN $3 = 'refunded' THEN captured_cents ELSE refunded_cents END,"
	" stripe_refund = coalesce($6, stripe_refund),"
	" version = version + 1, updated_at = now()"
	" WHERE id = $1 AND version = $2";
static const char history_sql[] =
	"INSERT INTO payment_history (payment_id, from_status, to_status, reason) VALUES ($1, $2, $3, $4)";

static const struct {
	const char *from;
	const char *to;
} moves[] = {
	{ "pending", "authorized" }, { "pending", "failed" }, { "pending", "manual" },
	{ "authorized", "capturing" }, { "authorized", "cancelling" }, { "authorized", "manual" },
	{ "capturing", "captured" }, { "capturing", "cancelled" }, { "capturing", "manual" },
	{ "cancelling", "cancelled" }, { "cancelling", "manual" },
	{ "captured", "refunding" }, { "refunding", "refunded" }, { "refunding", "manual" },
	{ "manual", "authorized" }, { "manual", "failed" }, { "manual", "captured" }, { "manual", "cancelled" },
	{ "manual", "refunded" },
	/* by a link: no authorisation, Stripe takes the money at once. Straight to refunding: it was paid already by another link */
	{ "pending", "paid" }, { "pending", "expired" }, { "pending", "refunding" }, { "expired", "paid" }, { "expired", "refunding" },
	{ "expired", "manual" }, { "paid", "refunding" }, { "paid", "manual" }, { "manual", "paid" },
};

/* How far along a status is; a word of Stripe about an earlier one is late. */
static const struct {
	const char *status;
	int rank;
	const char *topic;	/* who moves there is told; NULL: our own intent, nobody's news */
	const char *link_topic;	/* the same for a payment by link */
} statuses[] = {
	{ "pending", 0, NULL, NULL },
	{ "authorized", 1, "payment.authorized", NULL },
	{ "capturing", 2, NULL, NULL },
	{ "cancelling", 2, NULL, NULL },
	{ "expired", 1, NULL, "payment.link.expired" },
	{ "manual", 2, "payment.manual", NULL },
	{ "captured", 3, "payment.captured", NULL },
	{ "paid", 3, NULL, NULL },
	{ "cancelled", 3, "payment.cancelled", NULL },
	{ "failed", 3, "payment.failed", NULL },
	{ "refunding", 4, NULL, NULL },
	{ "refunded", 5, "payment.refunded", "payment.link.refunded" },
};

static size_t
status_of(const char *status)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (strcmp(statuses[i].status, status) == 0)
			return i;
	die("no payment status %s", status);
}

bool
payment_may(const char *from, const char *to)
{
	for (size_t i = 0; i < COUNT(moves); i++)
		if (strcmp(moves[i].from, from) == 0 && strcmp(moves[i].to, to) == 0)
			return true;
	return false;
}

int
payment_load(struct db *db, struct uuid id, struct payment *p, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, load_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such payment");
	p->id = row_uuid(w, "id");
	p->setup_id = row_uuid(w, "setup_id");
	p->submission_id = row_uuid(w, "submission_id");
	p->patient_id = row_uuid(w, "patient_id");
	p->run_id = row_uuid(w, "run_id");
	p->purpose = row_str(w, "purpose");
	p->generation = row_int(w, "generation");
	p->amount_cents = row_int(w, "amount_cents");
	p->currency = row_str(w, "currency");
	p->status = row_str(w, "status");
	p->reason = row_opt_str(w, "reason");
	p->stripe_id = row_opt_str(w, "stripe_payment_intent");
	p->version = row_int(w, "version");
	p->link = strcmp(row_str(w, "kind"), "link") == 0;
	p->adjudication_id = row_uuid(w, "adjudication_id");
	p->session_id = row_opt_str(w, "stripe_session_id");
	p->url = row_opt_str(w, "stripe_payment_link");
	p->expires_at = row_time(w, "link_expires_at");
	p->settled = row_opt_str(w, "settled");
	return 0;
}

static int
tell(struct db *db, const struct payment *p, const char *topic, const char *reason, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 2048);
	struct json_writer w;

	if (topic == NULL)
		return 0;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "paymentId", p->id);
	jw_uuid(&w, "runId", p->run_id);
	jw_uuid(&w, "submissionId", p->submission_id);
	jw_uuid(&w, "patientId", p->patient_id);
	jw_int(&w, "amountCents", p->amount_cents);
	jw_str(&w, "currency", p->currency);
	jw_opt_str(&w, "code", reason);
	jw_end(&w);
	return event_publish(db, topic, p->id, b.data, err);
}

/* A link that gave way to a newer one, or to the prescription's end, is no news: whoever made it give way knows. */
static int
tell_link(struct db *db, const struct payment *p, const char *topic, const char *reason, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 1024);
	struct json_writer w;

	if (topic == NULL || (reason != NULL && strcmp(topic, "payment.link.expired") == 0 && strcmp(reason, "link_expired") != 0))
		return 0;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", p->run_id);
	jw_uuid(&w, "patient_id", p->patient_id);
	jw_uuid(&w, "payment_id", p->id);
	jw_int(&w, "amount_cents", p->amount_cents);
	jw_end(&w);
	return event_publish(db, topic, p->run_id, b.data, err);
}

int
payment_move(struct db *db, const struct payment *p, const struct payment_news *n, bool *moved, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char id[UUID_TEXT];
	int64_t rows;

	*moved = false;
	if (!payment_may(p->status, n->status))
		return 0;
	rows = db_exec(db, move_sql, err, P_UUID(p->id), P_INT(p->version), P_TEXT(n->status), P_TEXT(n->reason),
	    P_TEXT(n->stripe_id), P_TEXT(n->refund_id));
	if (rows < 0)
		return -1;
	if (rows == 0) {
		problem(err, 409, "serialization", "the payment moved meanwhile");
		err->fault = FAULT_RETRY;
		return -1;
	}
	*moved = true;
	if (strcmp(p->status, "manual") == 0 && attention_clear(db, "payment.mismatch", uuid_text(p->id, id), n->status, err) < 0)
		return -1;
	if (db_exec(db, history_sql, err, P_UUID(p->id), P_TEXT(p->status), P_TEXT(n->status), P_TEXT(n->reason)) < 0 ||
	    ledger_book(db, p, n->status, err) < 0 ||
	    audit_add(db, &(struct audit_entry){ .action = "payment.status", .object = "payments",
	    .object_id = uuid_text(p->id, id), .reason = n->reason,
	    .detail = arena_printf(a, "{\"from\":\"%s\",\"to\":\"%s\",\"amountCents\":%" PRId64 "}", p->status, n->status,
	    p->amount_cents) }, err) < 0)
		return -1;
	return p->link ? tell_link(db, p, statuses[status_of(n->status)].link_topic, n->reason, err) :
	    tell(db, p, statuses[status_of(n->status)].topic, n->reason, err);
}

/* ---- what Stripe shows */

/* NULL: Stripe has not decided (processing, waiting for a confirmation that only we could send). */
static const char *
meaning(const json_t *intent)
{
	const char *status = json_text_at(intent, "status");

	if (status == NULL)
		return NULL;
	if (strcmp(status, "requires_capture") == 0)
		return "authorized";
	if (strcmp(status, "succeeded") == 0)
		return "captured";
	if (strcmp(status, "canceled") == 0)
		return "cancelled";
	if (strcmp(status, "requires_payment_method") == 0 && json_is_object(json_object_get(intent, "last_payment_error")))
		return "failed";
	return NULL;
}

static bool
same_money(const struct payment *p, const json_t *intent, const char *status)
{
	const char *currency = json_text_at(intent, "currency");

	if (json_int_at(intent, "amount", -1) != p->amount_cents || currency == NULL || strcasecmp(currency, p->currency) != 0)
		return false;
	return strcmp(status, "captured") != 0 || json_int_at(intent, "amount_received", -1) == p->amount_cents;
}

/* Parked for a person for another reason than not knowing: only a person takes it out. */
static bool
parked(const struct payment *p)
{
	return strcmp(p->status, "manual") == 0 && (p->reason == NULL || strcmp(p->reason, "outcome_unknown") != 0);
}

/* Which act a new status proves. */
static const struct {
	const char *status;
	const char *effect;
	bool happened;
} proofs[] = {
	{ "authorized", "stripe.authorize", true },
	{ "failed", "stripe.authorize", false },
	{ "captured", "stripe.capture", true },
	{ "cancelled", "stripe.cancel", true },
};

int
payment_mismatch(struct db *db, const struct payment *p, const char *code, const json_t *theirs, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 2048);
	char id[UUID_TEXT];
	struct attention what = { .kind = "payment.mismatch", .subject = uuid_text(p->id, id), .code = code, .submission = p->submission_id,
	    .patient = p->patient_id };
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_int(&w, "amountCents", p->amount_cents);
	jw_str(&w, "currency", p->currency);
	jw_int(&w, "theirCents", json_int_at(theirs, "amount", -1));
	jw_opt_str(&w, "theirCurrency", json_text_at(theirs, "currency"));
	jw_opt_str(&w, "theirStatus", json_text_at(theirs, "status"));
	jw_opt_str(&w, "theirId", json_text_at(theirs, "id"));
	jw_end(&w);
	what.detail = buf_str(&b);
	return attention_raise(db, &what, err);
}

static int
park(struct db *db, const struct payment *p, const char *reason, const char *word, const json_t *intent, const char **outcome, struct problem *err)
{
	bool moved;

	*outcome = word;
	if (payment_move(db, p, &(struct payment_news){ .status = "manual", .reason = reason }, &moved, err) < 0)
		return -1;
	return payment_mismatch(db, p, reason, intent, err);
}

int
payment_apply(struct db *db, const struct payment *p, const json_t *intent, const char **outcome, struct problem *err)
{
	const char *status = meaning(intent), *ref = json_text_at(intent, "id");
	struct payment_news news = { .status = status, .stripe_id = ref };
	bool moved;

	*outcome = "late";
	if (status == NULL || strcmp(status, p->status) == 0 || parked(p))
		return 0;
	if (!same_money(p, intent, status) || (p->stripe_id != NULL && ref != NULL && strcmp(p->stripe_id, ref) != 0))
		return park(db, p, "amount_mismatch", "mismatch", intent, outcome, err);
	if (!payment_may(p->status, status)) {
		/* Newer than our row, yet not by our hand: captured or cancelled at Stripe's own console, or expired there. */
		if (statuses[status_of(status)].rank > statuses[status_of(p->status)].rank)
			return park(db, p, arena_printf(db_current_arena(db), "%s_at_stripe", status), "conflict", intent, outcome, err);
		return 0;
	}
	if (strcmp(status, "failed") == 0) {
		news.reason = json_text_at(intent, "last_payment_error.code");
		if (news.reason == NULL)
			news.reason = "card_declined";
	}
	*outcome = "applied";
	return payment_move(db, p, &news, &moved, err);
}

int
payment_witness(struct db *db, const struct payment *p, const json_t *intent, const char **outcome, struct problem *err)
{
	const char *status = meaning(intent);
	bool did;

	if (payment_apply(db, p, intent, outcome, err) < 0)
		return -1;
	if (strcmp(*outcome, "applied") != 0)
		return 0;
	for (size_t i = 0; i < COUNT(proofs); i++)
		if (strcmp(proofs[i].status, status) == 0)
			return effect_evidence(db, proofs[i].effect, p->id, proofs[i].happened, json_text_at(intent, "id"), &did,
			    err);
	return 0;
}
