/*
 * refund.c: gives back what was captured, all of it, as an act of its own. Stripe takes a key for it and lists the refunds of an
 * intent, so that an answer that never came is looked up by our payment id before anything is sent again (rule M3).
 */
#include "base/clock.h"
#include "billing/billing.h"
#include "net/form.h"

/* As for the other acts: beyond this age a key proves nothing. */
#define KEY_LIFE_S (20 * 3600)

int
charge_refund(struct db *db, const struct payment *p, struct problem *err)
{
	struct buf f = stripe_form(db_current_arena(db));

	form_add(&f, "payment_intent", p->stripe_id);
	form_add_int(&f, "amount", p->amount_cents);
	form_add(&f, "reason", "requested_by_customer");
	stripe_form_uuid(&f, "metadata[payment_id]", p->id);
	stripe_form_uuid(&f, p->link ? "metadata[prescription_id]" : "metadata[run_id]", p->run_id);
	return charge_intend(db, "stripe.refund", p, "/v1/refunds", &f, err);
}

/* pending: the bank has not taken it yet, which is no answer; failed or canceled: the money stays with us. */
static enum verdict
meaning(struct effect *e, const json_t *refund)
{
	const char *status = json_text_at(refund, "status");

	e->vendor_ref = json_text_at(refund, "id");
	if (status != NULL && strcmp(status, "succeeded") == 0)
		return EFFECT_CONFIRMED;
	if (status == NULL || (strcmp(status, "failed") != 0 && strcmp(status, "canceled") != 0))
		return EFFECT_UNCERTAIN;
	e->error_code = "refund_failed";
	return EFFECT_REFUSED;
}

static enum verdict
judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	json_t *object;
	enum verdict v = stripe_verdict(j, a, &object);

	if (v == EFFECT_CONFIRMED)
		return meaning(e, object);
	if (v == EFFECT_REFUSED) {
		const char *code = json_text_at(object, "error.code");

		e->error_code = code == NULL ? "refund_refused" : code;
	}
	return v;
}

static enum verdict
look_up(struct job *j, struct effect *e, struct http_answer *a)
{
	struct problem err = { 0 };
	struct payment p;
	char id[UUID_TEXT];
	json_t *rows, *refund;
	size_t i;

	if (job_read(j, &err) < 0 || payment_load(j->db, e->subject, &p, &err) < 0 || job_read_end(j, &err) < 0)
		return EFFECT_UNCERTAIN;
	rows = charge_list(j, arena_printf(j->arena, "/v1/refunds?payment_intent=%s&limit=100", p.stripe_id));
	if (!json_is_array(rows))
		return EFFECT_UNCERTAIN;
	uuid_text(p.id, id);
	json_array_foreach(rows, i, refund) {
		const char *ours = json_text_at(json_object_get(refund, "metadata"), "payment_id");

		if (ours != NULL && strcmp(ours, id) == 0) {
			charge_answer(j, refund, a);
			return meaning(e, refund);
		}
	}
	return e->first_sent_at != 0 && clock_us() - e->first_sent_at < KEY_LIFE_S * US_PER_S ? EFFECT_RETRY : EFFECT_UNCERTAIN;
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	struct payment_news news = { .status = "manual", .reason = e->error_code == NULL ? "refund_unknown" : e->error_code };
	struct payment p;
	bool moved;

	if (strcmp(state, "confirmed") == 0)
		news = (struct payment_news){ .status = "refunded", .refund_id = e->vendor_ref };
	if (payment_load(j->db, e->subject, &p, err) < 0)
		return -1;
	return payment_move(j->db, &p, &news, &moved, err);
}

const struct effect_kind stripe_refund_effect = {
	.name = "stripe.refund", .unknown = LOOK_UP, .deadline_s = KEY_LIFE_S,
	.dress = stripe_dress, .judge = judge, .look_up = look_up, .settle = settle,
};
