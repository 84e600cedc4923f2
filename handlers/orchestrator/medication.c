/*
 * medication.c: what may be prescribed for which intake, at which price (Y-DB-11).
 */
#include "orchestrator/orchestrator.h"

static const char find_sql[] =
	"SELECT medication, dosage, price_cents, currency, sku, ndc, quantity, supply_days, refills, directions"
	" FROM medication_configs WHERE intake_type = $1 AND medication = $2 AND dosage = $3 AND active";
static const char list_sql[] =
	"SELECT medication, dosage, price_cents, currency FROM medication_configs"
	" WHERE active AND ($1::text IS NULL OR intake_type = $1)"
	" ORDER BY intake_type, medication, position";

int
medication_find(struct db *db, const char *intake_type, const char *name, const char *dosage, struct medication *m, bool *found,
    struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, find_sql, err, P_TEXT(intake_type), P_TEXT(name), P_TEXT(dosage)) < 0)
		return -1;
	*found = w != NULL;
	if (w == NULL)
		return 0;
	m->name = row_str(w, "medication");
	m->dosage = row_str(w, "dosage");
	m->price_cents = row_int(w, "price_cents");
	m->currency = row_str(w, "currency");
	m->sku = row_str(w, "sku");
	m->ndc = row_str(w, "ndc");
	m->quantity = row_int(w, "quantity");
	m->supply_days = row_int(w, "supply_days");
	m->refills = row_int(w, "refills");
	m->directions = row_str(w, "directions");
	return 0;
}

int
medication_list(struct req *r, struct problem *err)
{
	struct json_writer *w;
	const char *open = NULL;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "intakeType"))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "medications");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *m = rows_at(rows, i);

		if (open == NULL || strcmp(open, row_str(m, "medication")) != 0) {
			if (open != NULL) {
				jw_end(w);
				jw_end(w);
			}
			open = row_str(m, "medication");
			jw_object(w, NULL);
			jw_str(w, "medication", open);
			jw_array(w, "dosages");
		}
		jw_object(w, NULL);
		jw_str(w, "dosage", row_str(m, "dosage"));
		jw_int(w, "priceCents", row_int(m, "price_cents"));
		jw_str(w, "currency", row_str(m, "currency"));
		jw_end(w);
	}
	if (open != NULL) {
		jw_end(w);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
