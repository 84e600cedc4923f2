/*
 * stripe_money.c: money that goes back by another hand than ours: refunds made at Stripe's console, disputes. Each is a booking and a person's business,
 * once. Refunds are told as a total that only grows, so an older telling changes nothing; a dispute that is closed never opens again.
 */
#include <strings.h>

#include "billing/billing.h"
#include "data/attention.h"

static const char of_intent_sql[] = "SELECT id FROM payments WHERE stripe_payment_intent = $1";

bool
stripe_money_is(const char *type)
{
	return strcmp(type, "charge.refunded") == 0 || strncmp(type, "charge.dispute.", 15) == 0;
}

static int
raise(struct db *db, const struct payment *p, const char *kind, const char *subject, const char *code, int64_t cents, struct problem *err)
{
	char id[UUID_TEXT];
	const struct attention what = { .kind = kind, .subject = subject, .code = code != NULL ? code : "unknown", .submission = p->submission_id,
	    .patient = p->patient_id, .detail = arena_printf(db_current_arena(db), "{\"paymentId\":\"%s\",\"amountCents\":%" PRId64 ",\"currency\":\"%s\"}",
	    uuid_text(p->id, id), cents, p->currency) };

	return attention_raise(db, &what, err);
}

static int
refunded(struct db *db, const struct payment *p, const json_t *charge, const char **outcome, struct problem *err)
{
	int64_t total = json_int_at(charge, "amount_refunded", 0), booked;
	const char *id = json_text_at(charge, "id"), *reference;

	reference = arena_printf(db_current_arena(db), "%s/%" PRId64, id, total);
	if (total > p->amount_cents) {
		*outcome = "mismatch";
		return payment_mismatch(db, p, "refund_above_amount", charge, err);
	}
	if (ledger_refunded(db, p, total, reference, &booked, err) < 0)
		return -1;
	*outcome = booked > 0 ? "applied" : "late";
	/* Our own act, told by Stripe as well: nobody need look. */
	if (strcmp(p->status, "refunding") == 0 || strcmp(p->status, "refunded") == 0)
		return 0;
	return booked > 0 ? raise(db, p, "payment.refund", reference, "refunded_at_stripe", booked, err) : 0;
}

/* Codes as they go into work items: Stripe's words, when they are words. */
static const char *
word(const char *s)
{
	return s != NULL && *s != '\0' && strlen(s) <= 40 && strspn(s, "abcdefghijklmnopqrstuvwxyz_") == strlen(s) ? s : "unknown";
}

static int
disputed(struct db *db, const struct payment *p, const char *type, const json_t *dispute, const char **outcome, struct problem *err)
{
	const char *id = json_text_at(dispute, "id"), *status = word(json_text_at(dispute, "status"));
	int64_t cents = json_int_at(dispute, "amount", 0);
	bool won = strcmp(status, "won") == 0, closed = strcmp(type, "charge.dispute.closed") == 0 || won || strcmp(status, "lost") == 0;

	*outcome = "applied";
	if (cents > p->amount_cents || cents <= 0) {
		*outcome = "mismatch";
		return payment_mismatch(db, p, "dispute_above_amount", dispute, err);
	}
	/* Whatever came first, the money left once and came back at most once. */
	if (ledger_disputed(db, p, cents, id, false, err) < 0 || (won && ledger_disputed(db, p, cents, id, true, err) < 0))
		return -1;
	if (closed)
		return attention_clear(db, "payment.dispute", id, status, err);
	return raise(db, p, "payment.dispute", id, word(json_text_at(dispute, "reason")), cents, err);
}

int
stripe_money(struct db *db, const char *type, const json_t *object, const char **outcome, struct problem *err)
{
	const char *intent = json_text_at(object, "payment_intent"), *currency = json_text_at(object, "currency");
	const struct row *w;
	struct payment p;

	*outcome = "unknown_object";
	if (intent == NULL || json_text_at(object, "id") == NULL)
		return 0;
	if (db_one(db, &w, of_intent_sql, err, P_TEXT(intent)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	if (payment_load(db, row_uuid(w, "id"), &p, err) < 0)
		return -1;
	if (currency == NULL || strcasecmp(currency, p.currency) != 0) {
		*outcome = "mismatch";
		return payment_mismatch(db, &p, "currency_mismatch", object, err);
	}
	if (strcmp(type, "charge.refunded") == 0)
		return refunded(db, &p, object, outcome, err);
	return disputed(db, &p, type, object, outcome, err);
}
