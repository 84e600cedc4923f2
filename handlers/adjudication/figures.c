/*
 * figures.c: whether what a pharmacy reports adds up (P-ADJ-06), in integer cents: the drug's cost is what the insurance pays and what it leaves to the
 * patient; each program that is approved takes its discount off what was left before it; and the breakdown says the same as the parts.
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "adjudication/adjudication.h"

static int64_t
cents_at(const json_t *root, const char *path)
{
	const json_t *v = json_at(root, path);
	int64_t cents;

	return v != NULL && money_of(v, &cents) == 0 ? cents : -1;
}

/* The programs one after the other, as rows keep them; *fault is the first thing that is wrong. Returns the sum of the discounts. */
static int64_t
programs_of(const json_t *message, int64_t copay, struct json_writer *w, const char **fault)
{
	int64_t left = copay, sum = 0;
	size_t i;
	json_t *p;

	jw_array(w, NULL);
	json_array_foreach(json_object_get(message, "manufacturer_programs"), i, p) {
		int64_t discount = cents_at(p, "discount_amount"), reduced = cents_at(p, "reduced_copay");
		bool approved = strcmp(json_text_at(p, "status"), "approved") == 0;

		jw_object(w, NULL);
		jw_str(w, "program_id", json_text_at(p, "program_id"));
		jw_str(w, "program_name", json_text_at(p, "program_name"));
		jw_str(w, "status", json_text_at(p, "status"));
		jw_opt_str(w, "reject_code", json_text_at(p, "reject_code"));
		jw_opt_int(w, "discount_cents", approved, discount);
		jw_opt_int(w, "reduced_copay_cents", approved, reduced);
		jw_end(w);
		if (!approved)
			continue;
		if (discount < 0 || reduced < 0 || left - discount != reduced)
			*fault = "program_does_not_add_up";
		left = reduced;
		sum += discount;
	}
	jw_end(w);
	return sum;
}

static void
check_breakdown(const json_t *message, struct figures *f)
{
	static const char *const names[] = { "cost_breakdown.total_drug_cost", "cost_breakdown.insurance_covered",
		"cost_breakdown.initial_copay", "cost_breakdown.manufacturer_discount", "cost_breakdown.final_patient_copay" };
	const int64_t parts[] = { f->drug_cost, f->insurance_paid, f->copay, f->discount, f->final_copay };

	if (f->drug_cost < 0 || f->insurance_paid < 0 || f->copay < 0) {
		f->fault = "figures_missing";
		return;
	}
	if (f->drug_cost != f->insurance_paid + f->copay)
		f->fault = "claim_does_not_add_up";
	for (size_t i = 0; i < COUNT(names) && f->fault == NULL; i++)
		if (cents_at(message, names[i]) != parts[i])
			f->fault = i == 4 && parts[4] < 0 ? "discount_above_copay" : "breakdown_does_not_add_up";
}

static const char *
digest_of(struct arena *a, const struct figures *f)
{
	const char *text = arena_printf(a, "%s|%s|%s|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%s", f->payer_claim_id,
	    f->status, f->reject_code != NULL ? f->reject_code : "", f->drug_cost, f->insurance_paid, f->copay, f->final_copay,
	    f->programs);
	char *hex = arena_alloc(a, HEX32);
	uint8_t digest[32];

	sha256(BYTES_OF(text), digest);
	return hex_encode(BYTES(digest, sizeof(digest)), hex);
}

void
figures_of(struct arena *a, const json_t *message, struct figures *f)
{
	const char *at = json_text_at(message, "occurred_at");
	struct buf b = buf_in(a, 64 * 1024);
	struct json_writer w;

	*f = (struct figures){
		.payer_claim_id = json_text_at(message, "primary_insurance.claim_id"),
		.status = json_text_at(message, "primary_insurance.status"),
		.reject_code = json_text_at(message, "primary_insurance.reject_codes.0.code"),
		.drug_cost = cents_at(message, "primary_insurance.drug_cost"),
		.insurance_paid = cents_at(message, "primary_insurance.insurance_paid"),
		.copay = cents_at(message, "primary_insurance.patient_copay"),
		.claim = json_int_at(message, "claim", 0),
	};
	if (at != NULL && clock_parse(at, &f->happened_at) < 0)
		f->happened_at = 0;
	/* Some payers reject where others ask: either way somebody must authorise first. */
	if (f->reject_code != NULL && strcmp(f->reject_code, "75") == 0 && strcmp(f->status, "rejected") == 0)
		f->status = "prior_auth_required";
	jw_start(&w, &b);
	f->discount = programs_of(message, f->copay, &w, &f->fault);
	f->programs = buf_str(&b);
	f->final_copay = f->copay - f->discount;
	if (strcmp(f->status, "approved") != 0)
		f->fault = f->discount > 0 ? "discount_without_claim" : NULL;
	else if (f->fault == NULL)
		check_breakdown(message, f);
	f->digest = digest_of(a, f);
}

const char *
figures_against(struct arena *a, const struct figures *f, const struct adjudication *x)
{
	struct problem ignored = { 0 };
	const json_t *programs = json_read(a, f->programs, strlen(f->programs), &ignored);
	size_t i;
	json_t *p;

	json_array_foreach(programs, i, p) {
		if (strcmp(json_text_at(p, "status"), "approved") != 0)
			continue;
		if (x->insurance_type != NULL && strcmp(x->insurance_type, "government") == 0)
			return "program_behind_government_plan";
		if (x->program_id == NULL || strcmp(x->program_id, json_text_at(p, "program_id")) != 0)
			return "program_not_offered";
	}
	if (f->discount > 0 && f->discount > x->max_discount)
		return "discount_above_cap";
	return NULL;
}
