/*
 * ledger.c: every cent by double entry. An authorisation is money promised; a capture turns the promise into revenue at Stripe (a paid
 * link is both at once); a release takes it back, a refund pays it out again. The database refuses a transaction whose entries do not sum
 * to zero, a second booking of the same kind, and any change.
 */
#include "billing/billing.h"

static const char book_sql[] =
	"INSERT INTO ledger (transaction_id, payment_id, kind, account, amount_cents, currency)"
	" SELECT $1, $2, $3, e.account, e.sign * $5, $4 FROM (VALUES ($6, 1), ($7, -1)) AS e (account, sign)"
	" ON CONFLICT ON CONSTRAINT ledger_once DO NOTHING";
static const char reverse_sql[] =
	"INSERT INTO ledger (transaction_id, payment_id, kind, account, amount_cents, currency)"
	" SELECT $1, $2, $3, l.account, -l.amount_cents, l.currency FROM ledger l WHERE l.payment_id = $2 AND l.kind = 'authorised'"
	" ON CONFLICT ON CONSTRAINT ledger_once DO NOTHING";

static const char back_sql[] =
	"INSERT INTO ledger (transaction_id, payment_id, kind, account, amount_cents, currency, reference)"
	" SELECT $1, $2, $3, e.account, e.sign * $5, $4, $8 FROM (VALUES ($6, 1), ($7, -1)) AS e (account, sign)"
	" ON CONFLICT ON CONSTRAINT ledger_once DO NOTHING";
/* Two tellers of one refund, our own act and Stripe's message, book one after the other. */
static const char lock_sql[] = "SELECT id FROM payments WHERE id = $1 FOR UPDATE";
static const char refunded_sql[] =
	"SELECT coalesce(sum(amount_cents), 0)::bigint AS cents FROM ledger WHERE payment_id = $1 AND kind = 'refunded' AND account = 'refunds'";

static int
book(struct db *db, struct uuid transaction, const struct payment *p, const char *kind, const char *debit, const char *credit,
    struct problem *err)
{
	return db_exec(db, book_sql, err, P_UUID(transaction), P_UUID(p->id), P_TEXT(kind), P_TEXT(p->currency),
	    P_INT(p->amount_cents), P_TEXT(debit), P_TEXT(credit)) < 0 ? -1 : 0;
}

int
ledger_book(struct db *db, const struct payment *p, const char *status, struct problem *err)
{
	struct uuid transaction = uuid_new();
	int64_t booked;

	if (strcmp(status, "authorized") == 0)
		return book(db, transaction, p, "authorised", "card_authorised", "authorisations", err);
	/* Nothing was authorised: nothing to take back. */
	if (strcmp(status, "cancelled") == 0)
		return db_exec(db, reverse_sql, err, P_UUID(transaction), P_UUID(p->id), P_TEXT("released")) < 0 ? -1 : 0;
	if (strcmp(status, "refunded") == 0)
		return ledger_refunded(db, p, p->amount_cents, p->stripe_id, &booked, err);
	/* By a link the money is taken at once; also when it goes back at once. */
	if (p->link && (strcmp(status, "paid") == 0 || (strcmp(status, "refunding") == 0 && strcmp(p->status, "paid") != 0)))
		return book(db, transaction, p, "captured", "stripe_balance", "revenue", err);
	if (strcmp(status, "captured") != 0)
		return 0;
	if (book(db, transaction, p, "captured", "stripe_balance", "revenue", err) < 0)
		return -1;
	return db_exec(db, reverse_sql, err, P_UUID(transaction), P_UUID(p->id), P_TEXT("captured")) < 0 ? -1 : 0;
}

int
ledger_refunded(struct db *db, const struct payment *p, int64_t total_cents, const char *reference, int64_t *booked, struct problem *err)
{
	const struct row *w;

	*booked = 0;
	if (db_one(db, &w, lock_sql, err, P_UUID(p->id)) < 0 || db_one(db, &w, refunded_sql, err, P_UUID(p->id)) < 0)
		return -1;
	if (w == NULL || total_cents <= row_int(w, "cents"))
		return 0;
	*booked = total_cents - row_int(w, "cents");
	return db_exec(db, back_sql, err, P_UUID(uuid_new()), P_UUID(p->id), P_TEXT("refunded"), P_TEXT(p->currency), P_INT(*booked),
	    P_TEXT("refunds"), P_TEXT("stripe_balance"), P_TEXT(reference)) < 0 ? -1 : 0;
}

int
ledger_disputed(struct db *db, const struct payment *p, int64_t cents, const char *dispute, bool won, struct problem *err)
{
	return db_exec(db, back_sql, err, P_UUID(uuid_new()), P_UUID(p->id), P_TEXT(won ? "dispute_won" : "disputed"), P_TEXT(p->currency),
	    P_INT(cents), P_TEXT(won ? "stripe_balance" : "disputes"), P_TEXT(won ? "disputes" : "stripe_balance"), P_TEXT(dispute)) < 0 ? -1 : 0;
}
