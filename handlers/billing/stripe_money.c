/*
 * stripe_money.c: money that goes back by another hand than ours: refunds made at Stripe's console, disputes. Each is a booking and a person's business,
 * once. Refunds are told as a total that only grows, so an older telling changes nothing; a dispute that is closed never opens again.
 */
#include <strings.h>

#include "base/clock.h"
#include "billing/billing.h"
#include "data/attention.h"

/* A newer word only, and none after the last. At the same second a last word wins. */
static const char dispute_sql[] =
	"INSERT INTO disputes AS d (id, payment_id, amount_cents, currency, reason, status, happened_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	" ON CONFLICT (tenant_id, id) DO UPDATE SET status = excluded.status, happened_at = excluded.happened_at, updated_at = now()"
	" WHERE d.status NOT IN ('won', 'lost', 'warning_closed')"
	"  AND (excluded.happened_at > d.happened_at OR excluded.status IN ('won', 'lost', 'warning_closed')) RETURNING status";
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
disputed(struct db *db, const struct payment *p, const struct webhook_event *e, const json_t *dispute, const char **outcome, struct problem *err)
{
	const char *id = json_text_at(dispute, "id"), *status = word(json_text_at(dispute, "status")), *reason = word(json_text_at(dispute, "reason"));
	int64_t cents = json_int_at(dispute, "amount", 0);
	bool won = strcmp(status, "won") == 0, closed = won || strcmp(status, "lost") == 0 || strcmp(status, "warning_closed") == 0;
	const struct row *w;

	if (cents > p->amount_cents || cents <= 0) {
		*outcome = "mismatch";
		return payment_mismatch(db, p, "dispute_above_amount", dispute, err);
	}
	if (db_one(db, &w, dispute_sql, err, P_TEXT(id), P_UUID(p->id), P_INT(cents), P_TEXT(p->currency), P_TEXT(reason), P_TEXT(status),
		P_TIME(e->happened_at > 0 ? e->happened_at : clock_us())) < 0)
		return -1;
	*outcome = w != NULL ? "applied" : "late";
	if (w == NULL)
		return 0;
	/* Whatever came first, the money left once and came back at most once. */
	if (ledger_disputed(db, p, cents, id, false, err) < 0 || (won && ledger_disputed(db, p, cents, id, true, err) < 0))
		return -1;
	if (closed)
		return attention_clear(db, "payment.dispute", id, status, err);
	return raise(db, p, "payment.dispute", id, reason, cents, err);
}

int
stripe_money(struct db *db, const struct webhook_event *e, const json_t *object, const char **outcome, struct problem *err)
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
	if (strcmp(e->type, "charge.refunded") == 0)
		return refunded(db, &p, object, outcome, err);
	return disputed(db, &p, e, object, outcome, err);
}
