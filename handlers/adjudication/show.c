/*
 * show.c: what an adjudication came to, as staff sees it. The answer of one is kept at hand for half an hour from the result on (P-ADJ-07, P-DATA-09) and
 * dropped by everything that changes it, in the same transaction.
 */
#include "base/metrics.h"
#include "data/ttl.h"
#include "adjudication/adjudication.h"

static const char history_sql[] =
    "SELECT from_status, to_status, claim, reason, at FROM adjudication_history WHERE adjudication_id = $1 ORDER BY id DESC LIMIT 50";
static const char prior_auth_sql[] =
    "SELECT id, status FROM prior_authorizations WHERE adjudication_id = $1 ORDER BY claim DESC LIMIT 1";
static const char list_sql[] =
    "SELECT id, prescription_id, patient_id, pharmacy_id, pharmacy_name, status, reason, claim, updated_at FROM adjudications"
    " WHERE ($1::text IS NULL OR status = $1) ORDER BY updated_at DESC, id LIMIT 100";

static const char *
cache_key(struct db *db, const struct adjudication *a)
{
	char id[UUID_TEXT];

	return arena_printf(db_current_arena(db), "adjudication:%s", uuid_text(a->prescription, id));
}

int
adjudication_drop(struct db *db, const struct adjudication *a, struct problem *err)
{
	return ttl_drop(db, cache_key(db, a), err);
}

/* ---- the answer */

static void
write_programs(struct json_writer *w, const json_t *programs)
{
	size_t i;
	json_t *p;

	jw_array(w, "manufacturer_programs");
	json_array_foreach(programs, i, p) {
		bool approved = strcmp(json_text_at(p, "status"), "approved") == 0;

		jw_object(w, NULL);
		jw_str(w, "program_id", json_text_at(p, "program_id"));
		jw_str(w, "program_name", json_text_at(p, "program_name"));
		jw_str(w, "status", json_text_at(p, "status"));
		jw_opt_str(w, "reject_code", json_text_at(p, "reject_code"));
		if (approved) {
			jw_money(w, "discount_amount", json_int_at(p, "discount_cents", 0));
			jw_money(w, "reduced_copay", json_int_at(p, "reduced_copay_cents", 0));
		}
		jw_end(w);
	}
	jw_end(w);
}

static int
write_result(struct db *db, struct json_writer *w, const struct adjudication *a, struct problem *err)
{
	const json_t *programs = json_read(db_current_arena(db), a->programs, strlen(a->programs), err);

	if (programs == NULL)
		return -1;
	jw_object(w, "primary_insurance");
	jw_str(w, "claim_id", a->payer_claim_id);
	jw_str(w, "status", "approved");
	jw_money(w, "drug_cost", a->drug_cost);
	jw_money(w, "insurance_paid", a->insurance_paid);
	jw_money(w, "patient_copay", a->copay);
	jw_end(w);
	write_programs(w, programs);
	jw_object(w, "cost_breakdown");
	jw_money(w, "total_drug_cost", a->drug_cost);
	jw_money(w, "insurance_covered", a->insurance_paid);
	jw_money(w, "initial_copay", a->copay);
	jw_money(w, "manufacturer_discount", a->discount);
	jw_money(w, "final_patient_copay", a->final_copay);
	jw_end(w);
	return 0;
}

static void
write_reject(struct json_writer *w, const struct adjudication *a)
{
	const struct reject *reject = reject_find(a->reason);

	jw_object(w, "reject");
	jw_str(w, "code", a->reason);
	jw_str(w, "text", reject->text);
	jw_str(w, "advice", reject->advice);
	jw_end(w);
}

static int
write_history(struct db *db, struct json_writer *w, const struct adjudication *a, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, history_sql, err, P_UUID(a->id)) < 0)
		return -1;
	jw_array(w, "history");
	for (size_t i = rows_count(rows); i-- > 0;) {
		const struct row *h = rows_at(rows, i);

		jw_object(w, NULL);
		jw_opt_str(w, "from", row_opt_str(h, "from_status"));
		jw_str(w, "to", row_str(h, "to_status"));
		jw_int(w, "claim", row_int(h, "claim"));
		jw_opt_str(w, "reason", row_opt_str(h, "reason"));
		jw_time(w, "at", row_time(h, "at"));
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

static void
write_head(struct json_writer *w, const struct adjudication *a)
{
	jw_object(w, NULL);
	jw_uuid(w, "adjudication_id", a->id);
	jw_uuid(w, "prescription_id", a->prescription);
	jw_uuid(w, "patient_id", a->patient);
	jw_str(w, "pharmacy_id", a->pharmacy_id);
	jw_str(w, "pharmacy_name", a->pharmacy_name);
	jw_str(w, "status", a->status);
	jw_opt_str(w, "reason", a->reason);
	jw_int(w, "claim", a->claim);
	jw_opt_str(w, "insurance_type", a->insurance_type);
	jw_opt_str(w, "program_offered", a->program_id);
}

static int
text_of(struct db *db, const struct adjudication *a, const char **ret, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 64 * 1024);
	const struct row *pa;
	struct json_writer w;

	jw_start(&w, &b);
	write_head(&w, a);
	if (adjudication_is(a, "approved") && write_result(db, &w, a, err) < 0)
		return -1;
	if (adjudication_is(a, "rejected") && a->reason != NULL)
		write_reject(&w, a);
	if (db_one(db, &pa, prior_auth_sql, err, P_UUID(a->id)) < 0)
		return -1;
	if (pa != NULL) {
		jw_object(&w, "prior_authorization");
		jw_uuid(&w, "prior_auth_id", row_uuid(pa, "id"));
		jw_str(&w, "status", row_str(pa, "status"));
		jw_end(&w);
	}
	jw_time(&w, "updated_at", a->updated_at);
	if (attempts_write(db, &w, a, err) < 0 || write_history(db, &w, a, err) < 0)
		return -1;
	jw_end(&w);
	*ret = buf_str(&b);
	return b.failed ? problem(err, 500, "reply_too_large", "the adjudication does not fit") : 0;
}

int
adjudication_keep(struct db *db, const struct conf *conf, const struct adjudication *a, struct problem *err)
{
	const char *text;

	if (text_of(db, a, &text, err) < 0)
		return -1;
	return ttl_put(db, cache_key(db, a), text, conf_int(conf, "ADJUDICATION_CACHE"), err);
}

int
adjudication_show(struct req *r, struct problem *err)
{
	struct adjudication a = { .prescription = req_uuid(r, "prescription_id") };
	const char *text;
	bool found;

	req_object(r, "prescriptions", a.prescription);
	if (ttl_get(r->db, cache_key(r->db, &a), &text, err) < 0)
		return -1;
	metric_add(text != NULL ? "cache_hits_total" : "cache_misses_total", "cache=\"adjudication\"", 1);
	if (text == NULL) {
		if (adjudication_of(r->db, a.prescription, false, &a, &found, err) < 0)
			return -1;
		if (!found)
			return problem(err, 404, "not_found", "this prescription was never adjudicated");
		if (text_of(r->db, &a, &text, err) < 0)
			return -1;
	}
	reply_bytes(r, 200, "application/json", BYTES_OF(text));
	return 0;
}

int
adjudication_list(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "status"))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "adjudications");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *a = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "adjudication_id", row_uuid(a, "id"));
		jw_uuid(w, "prescription_id", row_uuid(a, "prescription_id"));
		jw_uuid(w, "patient_id", row_uuid(a, "patient_id"));
		jw_str(w, "pharmacy_id", row_str(a, "pharmacy_id"));
		jw_str(w, "pharmacy_name", row_str(a, "pharmacy_name"));
		jw_str(w, "status", row_str(a, "status"));
		jw_opt_str(w, "reason", row_opt_str(a, "reason"));
		jw_int(w, "claim", row_int(a, "claim"));
		jw_time(w, "updated_at", row_time(a, "updated_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
