/*
 * ledger.c: every cent by double entry. An authorisation is money promised; a capture turns the promise into revenue at Stripe; a
 * release takes it back. The database refuses a transaction whose entries do not sum to zero, a second booking of the same kind,
 * and any change.
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

	if (strcmp(status, "authorized") == 0)
		return book(db, transaction, p, "authorised", "card_authorised", "authorisations", err);
	/* Nothing was authorised: nothing to take back. */
	if (strcmp(status, "cancelled") == 0)
		return db_exec(db, reverse_sql, err, P_UUID(transaction), P_UUID(p->id), P_TEXT("released")) < 0 ? -1 : 0;
	if (strcmp(status, "captured") != 0)
		return 0;
	if (book(db, transaction, p, "captured", "stripe_balance", "revenue", err) < 0)
		return -1;
	return db_exec(db, reverse_sql, err, P_UUID(transaction), P_UUID(p->id), P_TEXT("captured")) < 0 ? -1 : 0;
}
