/*
 * charge.c: authorise, capture and cancel at Stripe, each an effect: the body is committed before it is sent, and every resend is the same bytes
 * under the same key, which Stripe answers with what it did the first time (rules M1 to M3).
 */
#include <ctype.h>

#include "base/clock.h"
#include "base/log.h"
#include "billing/billing.h"
#include "net/form.h"

#define FORM "application/x-www-form-urlencoded"
/* Stripe may forget a key after a day; beyond this age an absent object proves nothing any more (rule M3). */
#define KEY_LIFE_S (20 * 3600)

static const char customer_sql[] = "SELECT stripe_customer FROM setup_intents WHERE id = $1";

/* ---- intents */

static const char *
lower(struct arena *a, const char *text)
{
	char *s = arena_dup(a, text);

	for (char *p = s; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return s;
}

int
charge_intend(struct db *db, const char *kind, const struct payment *p, const char *path, const struct buf *f, struct problem *err)
{
	return effect_intend(db, &(struct effect_request){ .kind = kind, .subject = p->id, .patient = p->patient_id,
	    .generation = 1, .method = "POST", .path = path, .content_type = FORM, .body = stripe_form_end(f) }, err);
}

int
charge_authorize(struct db *db, const struct payment *p, const char *customer, const char *method, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct buf f = stripe_form(a);

	form_add_int(&f, "amount", p->amount_cents);
	form_add(&f, "currency", lower(a, p->currency));
	form_add(&f, "customer", customer);
	form_add(&f, "payment_method", method);
	form_add(&f, "allowed_payment_method_types[0]", "card");
	form_add(&f, "capture_method", "manual");
	form_add(&f, "off_session", "true");
	form_add(&f, "confirm", "true");
	stripe_form_uuid(&f, "metadata[payment_id]", p->id);
	stripe_form_uuid(&f, "metadata[run_id]", p->run_id);
	stripe_form_uuid(&f, "metadata[submission_id]", p->submission_id);
	stripe_form_uuid(&f, "metadata[patient_id]", p->patient_id);
	return charge_intend(db, "stripe.authorize", p, "/v1/payment_intents", &f, err);
}

int
charge_capture(struct db *db, const struct payment *p, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct buf f = stripe_form(a);

	form_add_int(&f, "amount_to_capture", p->amount_cents);
	return charge_intend(db, "stripe.capture", p, arena_printf(a, "/v1/payment_intents/%s/capture", p->stripe_id), &f, err);
}

int
charge_cancel(struct db *db, const struct payment *p, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct buf f = stripe_form(a);

	form_add(&f, "cancellation_reason", "abandoned");
	return charge_intend(db, "stripe.cancel", p, arena_printf(a, "/v1/payment_intents/%s/cancel", p->stripe_id), &f, err);
}

/* ---- judging */

static bool
is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* The bank wants the cardholder: two spellings, one meaning. What kind of decline it was is nobody's business but the bank's. */
static const char *
decline_of(const json_t *object)
{
	const char *code = json_text_at(object, "error.code");

	if (is(json_text_at(object, "error.decline_code"), "authentication_required"))
		return "authentication_required";
	return code == NULL ? "payment_refused" : code;
}

static enum verdict
judge_authorize(struct job *j, struct effect *e, const struct http_answer *a)
{
	json_t *object;
	enum verdict v = stripe_verdict(j, a, &object);

	if (v == EFFECT_REFUSED) {
		e->vendor_ref = json_text_at(object, "error.payment_intent.id");
		e->error_code = decline_of(object);
	} else if (v == EFFECT_CONFIRMED) {
		e->vendor_ref = json_text_at(object, "id");
		if (is(json_text_at(object, "status"), "requires_action")) {
			e->error_code = "authentication_required";
			return EFFECT_REFUSED;
		}
	}
	return v;
}

/* capture and cancel: refused because the intent is already where we want it is as good as done. */
static enum verdict
judge_towards(struct job *j, struct effect *e, const struct http_answer *a, const char *wanted)
{
	json_t *object;
	enum verdict v = stripe_verdict(j, a, &object);

	if (v == EFFECT_CONFIRMED) {
		e->vendor_ref = json_text_at(object, "id");
		return is(json_text_at(object, "status"), wanted) ? EFFECT_CONFIRMED : EFFECT_UNCERTAIN;
	}
	if (v != EFFECT_REFUSED)
		return v;
	e->vendor_ref = json_text_at(object, "error.payment_intent.id");
	if (is(json_text_at(object, "error.payment_intent.status"), wanted))
		return EFFECT_CONFIRMED;
	e->error_code = is(json_text_at(object, "error.payment_intent.status"), "canceled") ? "authorisation_lost" : decline_of(object);
	return EFFECT_REFUSED;
}

static enum verdict
judge_capture(struct job *j, struct effect *e, const struct http_answer *a)
{
	return judge_towards(j, e, a, "succeeded");
}

static enum verdict
judge_cancel(struct job *j, struct effect *e, const struct http_answer *a)
{
	return judge_towards(j, e, a, "canceled");
}

/* ---- looking up, when a key's stored answer does not help */

static int
load(struct job *j, struct uuid id, struct payment *p, const char **customer, struct problem *err)
{
	const struct row *w;

	if (job_read(j, err) < 0 || payment_load(j->db, id, p, err) < 0 ||
	    db_one(j->db, &w, customer_sql, err, P_UUID(p->setup_id)) < 0)
		return -1;
	*customer = row_str(w, "stripe_customer");
	return job_read_end(j, err);
}

static json_t *
fetch(struct job *j, const char *path, struct problem *err)
{
	return stripe_ask(j->http, j->arena, j->conf, &(struct stripe_call){ .method = "GET", .path = path }, err);
}

void
charge_answer(struct job *j, const json_t *object, struct http_answer *a)
{
	char *text = json_dumps(object, JSON_COMPACT);

	if (text == NULL)
		die("out of memory");
	arena_defer(j->arena, free, text);
	*a = (struct http_answer){ .outcome = HTTP_ANSWERED, .status = 200, .body = BYTES(text, strlen(text)) };
}

json_t *
charge_list(struct job *j, const char *path)
{
	struct http_call call = { 0 };
	struct effect e = { .method = "GET", .path = path };
	struct problem ignored = { 0 };
	struct http_answer a;

	if (stripe_dress(j, &e, &call, &ignored) < 0)
		return NULL;
	http_do(j->http, j->arena, &call, &a);
	if (a.outcome != HTTP_ANSWERED || a.status != 200)
		return NULL;
	return json_object_get(json_read(j->arena, (const char *)a.body.p, a.body.n, &ignored), "data");
}

static enum verdict
look_up_authorize(struct job *j, struct effect *e, struct http_answer *a)
{
	struct problem err = { 0 };
	const char *customer;
	struct payment p;
	char id[UUID_TEXT];
	json_t *rows, *intent;
	size_t i;

	if (load(j, e->subject, &p, &customer, &err) < 0)
		return EFFECT_UNCERTAIN;
	rows = charge_list(j, arena_printf(j->arena, "/v1/payment_intents?customer=%s&limit=100", customer));
	if (!json_is_array(rows))
		return EFFECT_UNCERTAIN;
	uuid_text(p.id, id);
	json_array_foreach(rows, i, intent)
		if (is(json_text_at(json_object_get(intent, "metadata"), "payment_id"), id)) {
			charge_answer(j, intent, a);
			return judge_authorize(j, e, a);
		}
	return e->first_sent_at != 0 && clock_us() - e->first_sent_at < KEY_LIFE_S * US_PER_S ? EFFECT_RETRY : EFFECT_UNCERTAIN;
}

static enum verdict
look_up_towards(struct job *j, struct effect *e, struct http_answer *a, const char *wanted)
{
	struct problem err = { 0 };
	const char *customer;
	struct payment p;
	json_t *intent;

	if (load(j, e->subject, &p, &customer, &err) < 0 ||
	    (intent = fetch(j, arena_printf(j->arena, "/v1/payment_intents/%s", p.stripe_id), &err)) == NULL)
		return EFFECT_UNCERTAIN;
	e->vendor_ref = p.stripe_id;
	charge_answer(j, intent, a);
	if (is(json_text_at(intent, "status"), wanted))
		return EFFECT_CONFIRMED;
	return is(json_text_at(intent, "status"), "requires_capture") ? EFFECT_RETRY : EFFECT_UNCERTAIN;
}

static enum verdict
look_up_capture(struct job *j, struct effect *e, struct http_answer *a)
{
	return look_up_towards(j, e, a, "succeeded");
}

static enum verdict
look_up_cancel(struct job *j, struct effect *e, struct http_answer *a)
{
	return look_up_towards(j, e, a, "canceled");
}

/* ---- settling */

static json_t *
intent_of(struct job *j, const struct http_answer *a)
{
	struct problem ignored = { 0 };
	json_t *body = a == NULL || a->body.p == NULL ? NULL : json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);
	json_t *inner = json_at(body, "error.payment_intent");

	return inner == NULL ? body : inner;
}

/* refused: where the payment goes when Stripe says no. Past an authorisation that is nothing to be undone by a program. */
static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a, const char *refused, struct problem *err)
{
	struct payment_news news = { .status = "manual", .reason = "outcome_unknown", .stripe_id = e->vendor_ref };
	json_t *intent = intent_of(j, a);
	const char *outcome;
	struct payment p;
	bool moved;

	if (payment_load(j->db, e->subject, &p, err) < 0)
		return -1;
	if (is(state, "confirmed") && intent != NULL) {
		if (payment_apply(j->db, &p, intent, &outcome, err) < 0)
			return -1;
		if (!is(outcome, "late") || !is(p.status, "pending"))
			return 0;
		/* Accepted, not decided: Stripe is still asking the bank. */
		return job_enqueue(j->db, &(struct job_spec){ .kind = "stripe.refresh", .args = arena_printf(j->arena,
		    "{\"payment\":\"%s\",\"intent\":\"%s\"}", uuid_text(p.id, (char[UUID_TEXT]){ 0 }), e->vendor_ref),
		    .unique_key = e->vendor_ref, .delay_s = 5 }, err);
	}
	if (is(state, "refused"))
		news = (struct payment_news){ .status = refused, .reason = e->error_code, .stripe_id = e->vendor_ref };
	return payment_move(j->db, &p, &news, &moved, err);
}

static int
settle_authorize(struct job *j, struct effect *e, const char *state, const struct http_answer *a, struct problem *err)
{
	return settle(j, e, state, a, "failed", err);
}

/* An authorisation that was gone before it was captured: nothing was taken and nothing is held. */
static int
settle_capture(struct job *j, struct effect *e, const char *state, const struct http_answer *a, struct problem *err)
{
	return settle(j, e, state, a, is(e->error_code, "authorisation_lost") ? "cancelled" : "manual", err);
}

static int
settle_later(struct job *j, struct effect *e, const char *state, const struct http_answer *a, struct problem *err)
{
	return settle(j, e, state, a, "manual", err);
}

int
charge_refresh_job(struct job *j, struct problem *err)
{
	struct uuid id = job_uuid(j, "payment");
	json_t *intent = fetch(j, arena_printf(j->arena, "/v1/payment_intents/%s", job_str(j, "intent")), err);
	const char *outcome;
	struct payment p;

	if (intent == NULL || job_begin(j, err) < 0 || payment_load(j->db, id, &p, err) < 0 ||
	    payment_apply(j->db, &p, intent, &outcome, err) < 0)
		return -1;
	if (is(outcome, "late") && is(p.status, "pending"))
		job_again(j, 60);
	return job_end(j, err);
}

const struct effect_kind stripe_authorize_effect = {
	.name = "stripe.authorize", .unknown = RESEND, .deadline_s = KEY_LIFE_S,
	.dress = stripe_dress, .judge = judge_authorize, .look_up = look_up_authorize, .settle = settle_authorize,
};
const struct effect_kind stripe_capture_effect = {
	.name = "stripe.capture", .unknown = RESEND, .deadline_s = KEY_LIFE_S,
	.dress = stripe_dress, .judge = judge_capture, .look_up = look_up_capture, .settle = settle_capture,
};
const struct effect_kind stripe_cancel_effect = {
	.name = "stripe.cancel", .unknown = RESEND, .deadline_s = KEY_LIFE_S,
	.dress = stripe_dress, .judge = judge_cancel, .look_up = look_up_cancel, .settle = settle_later,
};
