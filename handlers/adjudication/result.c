/*
 * result.c: what a pharmacy reports of a claim (P-ADJ-05, 06, 08). The message is proven by its signature, looked through for whether it adds up, kept with its
 * bytes and answered; a job of one prescription at a time then makes of it what it is: applied, repeated, late, inconsistent, or a change of what is paid.
 *
 * A result that does not add up is answered with 422 and kept all the same: its figures count for nothing, and a person is called.
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "data/attention.h"
#include "adjudication/adjudication.h"

#define YOUNG_US (600 * US_PER_S) /* what we do not know may still be on its way to us */

static const char known_sql[] =
    "SELECT 1 FROM adjudication_results WHERE adjudication_id = $1 AND claim = $2 AND figures = $3 AND outcome = 'applied' LIMIT 1";
static const char newer_sql[] =
    "SELECT 1 FROM adjudication_results WHERE adjudication_id = $1 AND claim = $2 AND outcome = 'applied' AND happened_at > $3 LIMIT 1";
static const char note_sql[] =
    "INSERT INTO adjudication_results (id, adjudication_id, claim, payer_claim_id, status, figures, outcome, happened_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
static const char figures_sql[] =
    "UPDATE adjudications SET payer_claim_id = $2, drug_cost_cents = $3, insurance_paid_cents = $4, copay_cents = $5, discount_cents = $6,"
    " final_copay_cents = $7, programs = $8::jsonb WHERE id = $1";
static const char patient_sql[] = "SELECT patient_id FROM adjudications WHERE prescription_id = $1";

/* ---- the message */

static const char *
canonical_digest(struct arena *a, const json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS), *hex = arena_alloc(a, HEX32);
	uint8_t digest[32];

	arena_defer(a, free, text);
	sha256(BYTES_OF(text != NULL ? text : ""), digest);
	return hex_encode(BYTES(digest, sizeof(digest)), hex);
}

int
result_read(struct arena *a, const struct conf *conf UNUSED, struct bytes raw UNUSED, const json_t *message, size_t i,
    struct webhook_event *ret, struct problem *err UNUSED)
{
	struct problem bad = { 0 };
	const char *id = json_text_at(message, "event_id"), *at = json_text_at(message, "occurred_at");

	if (i > 0)
		return 0;
	/* Posted messages were held to the table before; what a sweep finds is kept and looked at no further. */
	if (field_check(result_fields, message, &bad) < 0)
		ret->ignore = "malformed";
	ret->event_id = id != NULL && *id != '\0' && strlen(id) <= 100 ? id : canonical_digest(a, message);
	ret->type = "adjudication.result";
	ret->object_id = ret->ignore == NULL ? json_text_at(message, "prescription_id") : NULL;
	if (at != NULL && clock_parse(at, &ret->happened_at) < 0)
		ret->happened_at = 0;
	return 1;
}

int
result_admit(struct db *db, struct webhook_event *e, struct problem *err)
{
	const struct row *w;
	struct uuid id;

	if (e->ignore != NULL)
		return 0;
	if (uuid_parse(e->object_id, &id) < 0 || db_one(db, &w, patient_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		e->ignore = "unknown_prescription";
	else
		e->patient = row_uuid(w, "patient_id");
	return 0;
}

static int
refuse_but_keep(struct req *r, const char *fault)
{
	struct json_writer *w = reply_json(r, 422);

	jw_object(w, NULL);
	jw_str(w, "type", arena_printf(r->arena, "/problems/%s", fault));
	jw_str(w, "title", "Unprocessable Content");
	jw_int(w, "status", 422);
	jw_str(w, "code", fault);
	jw_str(w, "detail", "the result does not add up; it is kept, its figures do not count, and staff has been told");
	jw_str(w, "instance", r->id);
	jw_end(w);
	r->content_type = "application/problem+json";
	return 0;
}

/* Nobody here waits for it: it may be ahead of us, so the sender shall come again; what is old is kept for a person. */
static int
unknown(struct req *r, const struct figures *f, struct problem *err)
{
	unsigned fresh;

	if (f->happened_at == 0 || clock_us() - f->happened_at < YOUNG_US)
		return problem(err, 404, "unknown_prescription", "no claim of this prescription was made from here");
	if (webhook_keep_all(r->db, r->conf, &pharmacy_results, r->raw, r->body, "post", &fresh, err) < 0)
		return -1;
	if (fresh > 0 &&
	    attention_raise(r->db,
		&(struct attention){
		    .kind = "adjudication.late", .subject = req_str(r, "prescription_id"), .code = "unknown_prescription" },
		err) < 0)
		return -1;
	reply_empty(r, 200);
	return 0;
}

int
result_receive(struct req *r, struct problem *err)
{
	struct adjudication a;
	struct figures f;
	unsigned fresh;
	bool found;

	figures_of(r->arena, r->body, &f);
	if (adjudication_of(r->db, req_uuid(r, "prescription_id"), false, &a, &found, err) < 0)
		return -1;
	if (!found)
		return unknown(r, &f, err);
	if (webhook_keep_all(r->db, r->conf, &pharmacy_results, r->raw, r->body, "post", &fresh, err) < 0)
		return -1;
	if (attempt_named(r->db, &a, &f, err) < 0)
		return -1;
	if (f.fault == NULL && (f.claim == 0 || f.claim == a.claim))
		f.fault = figures_against(r->arena, &f, &a);
	if (f.fault != NULL)
		return refuse_but_keep(r, f.fault);
	reply_empty(r, 200);
	return 0;
}

/* ---- what becomes of it */

static int
seen(struct db *db, const struct adjudication *a, const struct figures *f, bool *repeated, bool *older, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, known_sql, err, P_UUID(a->id), P_INT(a->claim), P_TEXT(f->digest)) < 0)
		return -1;
	*repeated = w != NULL;
	*older = false;
	if (f->happened_at == 0)
		return 0;
	if (db_one(db, &w, newer_sql, err, P_UUID(a->id), P_INT(a->claim), P_TIME(f->happened_at)) < 0)
		return -1;
	*older = w != NULL;
	return 0;
}

/* A claim that is still to be sent has no result: what comes then speaks of the one before. */
static bool
of_another_claim(const struct adjudication *a, const struct figures *f)
{
	return adjudication_is(a, "queued") || (f->claim != 0 && f->claim != a->claim);
}

static int
outcome_of(struct job *j, const struct adjudication *a, struct figures *f, const char **ret, struct problem *err)
{
	bool repeated, older;

	if (attempt_named(j->db, a, f, err) < 0 || seen(j->db, a, f, &repeated, &older, err) < 0)
		return -1;
	if (f->fault == NULL && !of_another_claim(a, f))
		f->fault = figures_against(j->arena, f, a);
	*ret = a->paid ? "after_payment" : "applied";
	if (older)
		*ret = "late";
	if (repeated)
		*ret = "repeated";
	if (f->fault != NULL)
		*ret = "inconsistent";
	if (of_another_claim(a, f))
		*ret = "late";
	return 0;
}

static int
approve(struct job *j, struct adjudication *a, const struct figures *f, struct problem *err)
{
	if (db_exec(j->db, figures_sql, err, P_UUID(a->id), P_TEXT(f->payer_claim_id), P_INT(f->drug_cost),
		P_INT(f->insurance_paid), P_INT(f->copay), P_INT(f->discount), P_INT(f->final_copay), P_TEXT(f->programs)) < 0)
		return -1;
	a->payer_claim_id = f->payer_claim_id;
	a->drug_cost = f->drug_cost;
	a->insurance_paid = f->insurance_paid;
	a->copay = f->copay;
	a->discount = f->discount;
	a->final_copay = f->final_copay;
	a->programs = f->programs;
	if (prior_auth_withdraw(j->db, a, err) < 0 || adjudication_move(j->db, a, "approved", NULL, err) < 0 ||
	    let_person(j->db, a, "adjudication.rejected", err) < 0 || let_person(j->db, a, "adjudication.inconsistent", err) < 0 ||
	    tell_completed(j->db, a, err) < 0)
		return -1;
	return adjudication_keep(j->db, j->conf, a, err);
}

static int
reject(struct job *j, struct adjudication *a, const char *code, struct problem *err)
{
	if (prior_auth_withdraw(j->db, a, err) < 0 || adjudication_move(j->db, a, "rejected", code, err) < 0 ||
	    call_person(j->db, a, "adjudication.rejected", code, err) < 0)
		return -1;
	return tell_rejected(j->db, a, code, err);
}

static int
need_authorisation(struct job *j, struct adjudication *a, struct problem *err)
{
	struct uuid pa;

	if (adjudication_move(j->db, a, "prior_auth_required", "75", err) < 0 || prior_auth_open(j->db, a, &pa, err) < 0 ||
	    call_person(j->db, a, "adjudication.prior_auth", "75", err) < 0)
		return -1;
	return tell_prior_auth(j->db, a, pa, err);
}

static int
apply(struct job *j, struct adjudication *a, const struct figures *f, struct problem *err)
{
	if (strcmp(f->status, "approved") == 0)
		return approve(j, a, f, err);
	if (strcmp(f->status, "prior_auth_required") == 0)
		return need_authorisation(j, a, err);
	return reject(j, a, f->reject_code != NULL ? f->reject_code : "99", err);
}

static int
act(struct job *j, struct adjudication *a, const struct figures *f, const char *outcome, struct problem *err)
{
	if ((strcmp(outcome, "applied") == 0 || (strcmp(outcome, "late") == 0 && f->claim != 0 && f->claim != a->claim)) &&
	    attempt_result(j->db, a, f, err) < 0)
		return -1;
	if (strcmp(outcome, "applied") == 0)
		return apply(j, a, f, err);
	if (strcmp(outcome, "inconsistent") == 0)
		return call_person(j->db, a, "adjudication.inconsistent", f->fault, err);
	if (strcmp(outcome, "after_payment") == 0)
		return call_person(j->db, a, "adjudication.late", "result_after_payment", err);
	return 0;
}

int
result_handle(struct job *j, const struct webhook_event *e, struct problem *err)
{
	struct adjudication a;
	struct uuid prescription;
	const char *outcome;
	struct figures f;
	bool found;

	figures_of(j->arena, e->json, &f);
	if (uuid_parse(e->object_id, &prescription) < 0)
		return problem(err, 422, "malformed_event", "the result names no prescription");
	if (job_begin(j, err) < 0 || adjudication_of(j->db, prescription, true, &a, &found, err) < 0)
		return -1;
	if (!found)
		return webhook_handled(j->db, e, "unknown_prescription", err) < 0 ? -1 : job_end(j, err);
	if (outcome_of(j, &a, &f, &outcome, err) < 0 ||
	    db_exec(j->db, note_sql, err, P_UUID(e->id), P_UUID(a.id), P_INT(f.claim != 0 ? f.claim : a.claim),
		P_TEXT(f.payer_claim_id), P_TEXT(f.status), P_TEXT(f.digest), P_TEXT(outcome), P_TIME(f.happened_at)) < 0 ||
	    act(j, &a, &f, outcome, err) < 0 || webhook_handled(j->db, e, outcome, err) < 0)
		return -1;
	return job_end(j, err);
}
