/*
 * receipt.c: the receipt of a paid link: kept for a day when the money comes (payment_receipt:{id}), and made anew from the rows after that.
 */
#include "billing/billing.h"
#include "data/ttl.h"

#define KEPT_S 86400

static const char receipt_sql[] =
	"SELECT p.id, p.run_id, p.amount_cents, p.currency, p.paid_at, c.drug_cost_cents, c.insurance_paid_cents, c.copay_cents, c.savings_cents"
	"  FROM payments p JOIN copays c ON c.prescription_id = p.run_id WHERE p.id = $1 AND p.paid_at IS NOT NULL AND p.status = 'paid'";

static const char *
key_of(struct arena *a, struct uuid payment)
{
	char id[UUID_TEXT];

	return arena_printf(a, "payment_receipt:%s", uuid_text(payment, id));
}

static const char *
receipt_text(struct arena *a, const struct row *p)
{
	struct buf b = buf_in(a, 2048);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "payment_id", row_uuid(p, "id"));
	jw_uuid(&w, "prescription_id", row_uuid(p, "run_id"));
	jw_raw(&w, "amount_paid", cents_text(a, row_int(p, "amount_cents")));
	jw_str(&w, "currency", row_str(p, "currency"));
	jw_time(&w, "paid_at", row_time(p, "paid_at"));
	jw_raw(&w, "drug_cost", cents_text(a, row_int(p, "drug_cost_cents")));
	jw_raw(&w, "insurance_paid", cents_text(a, row_int(p, "insurance_paid_cents")));
	jw_raw(&w, "copay", cents_text(a, row_int(p, "copay_cents")));
	jw_raw(&w, "patient_savings", cents_text(a, row_int(p, "savings_cents")));
	jw_end(&w);
	return buf_str(&b);
}

/* *text NULL: nothing is paid by this link. */
static int
make(struct db *db, struct uuid payment, const char **text, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, receipt_sql, err, P_UUID(payment)) < 0)
		return -1;
	*text = w == NULL ? NULL : receipt_text(db_current_arena(db), w);
	return 0;
}

int
receipt_keep(struct db *db, struct uuid payment, struct problem *err)
{
	const char *text;

	if (make(db, payment, &text, err) < 0)
		return -1;
	return text == NULL ? 0 : ttl_put(db, key_of(db_current_arena(db), payment), text, KEPT_S, err);
}

int
receipt_show(struct req *r, struct problem *err)
{
	struct payment p;
	const char *text;

	if (load_link(r, &p, err) < 0 || ttl_get(r->db, key_of(r->arena, p.id), &text, err) < 0 ||
	    (text == NULL && make(r->db, p.id, &text, err) < 0))
		return -1;
	if (text == NULL)
		return problem(err, 404, "not_paid", "nothing was paid by this link");
	reply_bytes(r, 200, "application/json", BYTES_OF(text));
	return 0;
}
