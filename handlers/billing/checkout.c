/*
 * checkout.c: the page at Stripe where a link is paid: its making, an act like any other (rules M1 to M3), and what it means that Stripe shows. The page names
 * no drug. A session that is complete and paid is the one proof of payment; the amount and the currency are held against our row (rule W4).
 *
 * Late money (P-PAY-11): a session paid though its link was over revives the link, unless the prescription has been paid for by another link; then it goes
 * back. Whether the prescription still wants it is decided after that (collect.c).
 */
#include <ctype.h>
#include <strings.h>

#include "base/clock.h"
#include "billing/billing.h"
#include "data/attention.h"
#include "net/form.h"

#define KEY_LIFE_S (20 * 3600) /* as in charge.c */

static const char named_sql[] =
	"UPDATE payments SET stripe_session_id = $2, stripe_payment_link = coalesce($3, stripe_payment_link), updated_at = now() WHERE id = $1";
static const char find_sql[] =
	"SELECT id FROM payments WHERE kind = 'link' AND (stripe_session_id = $1 OR id = $2::uuid) ORDER BY stripe_session_id = $1 DESC NULLS LAST LIMIT 1";
static const char turn_sql[] = "SELECT prescription_id FROM copays WHERE prescription_id = $1 FOR UPDATE";
static const char rival_sql[] =
	"SELECT id FROM payments WHERE kind = 'link' AND run_id = $1 AND id <> $2 AND status IN ('pending', 'paid') LIMIT 1";
static const char given_back_sql[] = "UPDATE payments SET settled = 'given_back' WHERE id = $1";

static bool
is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* ---- the intent */

static const char *
lower(struct arena *a, const char *text)
{
	char *s = arena_dup(a, text);

	for (char *p = s; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return s;
}

int
checkout_intend(struct db *db, const struct conf *conf, const struct payment *p, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	const char *base = conf_str(conf, "PUBLIC_BASE_URL");
	struct buf f = stripe_form(a);

	form_add(&f, "mode", "payment");
	form_add(&f, "ui_mode", "hosted_page");
	form_add(&f, "success_url", arena_printf(a, "%s/payments/done", base));
	form_add(&f, "cancel_url", arena_printf(a, "%s/payments/left", base));
	stripe_form_uuid(&f, "client_reference_id", p->id);
	form_add_int(&f, "expires_at", p->expires_at / US_PER_S);
	form_add(&f, "line_items[0][quantity]", "1");
	form_add(&f, "line_items[0][price_data][currency]", lower(a, p->currency));
	form_add_int(&f, "line_items[0][price_data][unit_amount]", p->amount_cents);
	form_add(&f, "line_items[0][price_data][product_data][name]", "Prescription copay");
	stripe_form_uuid(&f, "metadata[payment_id]", p->id);
	stripe_form_uuid(&f, "metadata[prescription_id]", p->run_id);
	stripe_form_uuid(&f, "payment_intent_data[metadata][payment_id]", p->id);
	stripe_form_uuid(&f, "payment_intent_data[metadata][prescription_id]", p->run_id);
	return charge_intend(db, "stripe.checkout", p, "/v1/checkout/sessions", &f, err);
}

/* ---- the effect */

static enum verdict
meaning(struct effect *e, const json_t *session)
{
	e->vendor_ref = json_text_at(session, "id");
	return e->vendor_ref == NULL ? EFFECT_UNCERTAIN : EFFECT_CONFIRMED;
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

		e->error_code = code == NULL ? "session_refused" : code;
	}
	return v;
}

/* Among the sessions since it was first sent, by our id in the metadata. */
static enum verdict
look_up(struct job *j, struct effect *e, struct http_answer *a)
{
	char id[UUID_TEXT];
	const char *after = "";

	uuid_text(e->subject, id);
	for (;;) {
		const char *path = arena_printf(j->arena, "/v1/checkout/sessions?limit=100&created%%5Bgte%%5D=%" PRId64 "%s%s",
		    e->first_sent_at / US_PER_S - 60, *after == '\0' ? "" : "&starting_after=", after);
		json_t *rows = charge_list(j, path), *session;
		size_t i;

		if (!json_is_array(rows))
			return EFFECT_UNCERTAIN;
		json_array_foreach(rows, i, session)
			if (is(json_text_at(json_object_get(session, "metadata"), "payment_id"), id)) {
				charge_answer(j, session, a);
				return meaning(e, session);
			}
		if (json_array_size(rows) < 100)
			break;
		after = json_text_at(json_array_get(rows, 99), "id");
		if (after == NULL)
			return EFFECT_UNCERTAIN;
	}
	return e->first_sent_at != 0 && clock_us() - e->first_sent_at < KEY_LIFE_S * US_PER_S ? EFFECT_RETRY : EFFECT_UNCERTAIN;
}

static int
announce(struct db *db, const struct payment *p, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", p->run_id);
	jw_uuid(&w, "patient_id", p->patient_id);
	jw_uuid(&w, "payment_id", p->id);
	jw_int(&w, "amount_cents", p->amount_cents);
	jw_time(&w, "expires_at", p->expires_at);
	jw_end(&w);
	return event_publish(db, "payment.link.created", p->run_id, b.data, err) < 0 ? -1 : notice_later(db, p->id, "payment_link", err);
}

static int
fail(struct db *db, const struct payment *p, const char *status, const char *code, struct problem *err)
{
	char id[UUID_TEXT];
	bool moved;

	if (payment_move(db, p, &(struct payment_news){ .status = status, .reason = code }, &moved, err) < 0)
		return -1;
	return attention_raise(db, &(struct attention){ .kind = "payment.link", .subject = uuid_text(p->run_id, id), .code = code, .patient = p->patient_id,
	    .detail = arena_printf(db_current_arena(db), "{\"amountCents\":%" PRId64 "}", p->amount_cents) }, err);
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a, struct problem *err)
{
	struct payment p;
	json_t *session;

	if (payment_load(j->db, e->subject, &p, err) < 0)
		return -1;
	if (!is(state, "confirmed"))
		return fail(j->db, &p, is(state, "refused") ? "failed" : "manual", e->error_code == NULL ? "outcome_unknown" : e->error_code, err);
	session = a == NULL || a->body.p == NULL ? NULL : json_read(j->arena, (const char *)a->body.p, a->body.n, err);
	if (db_exec(j->db, named_sql, err, P_UUID(p.id), P_TEXT(e->vendor_ref), P_TEXT(json_text_at(session, "url"))) < 0)
		return -1;
	problem_clear(err);
	/* It gave way while its page was being made. */
	if (is(p.status, "expired"))
		return link_job(j->db, "link.close", p.id, err);
	if (!is(p.status, "pending"))
		return 0;
	return announce(j->db, &p, err);
}

const struct effect_kind stripe_checkout_effect = {
	.name = "stripe.checkout", .unknown = RESEND, .deadline_s = KEY_LIFE_S,
	.dress = stripe_dress, .judge = judge, .look_up = look_up, .settle = settle,
};

/* ---- what Stripe shows */

int
checkout_find(struct db *db, const json_t *session, struct payment *ret, bool *found, struct problem *err)
{
	const char *named = json_text_at(json_object_get(session, "metadata"), "payment_id");
	struct uuid ours = UUID_NIL;
	const struct row *w;

	*found = false;
	if (named != NULL && uuid_parse(named, &ours) < 0)
		ours = UUID_NIL;
	if (db_one(db, &w, find_sql, err, P_TEXT(json_text_at(session, "id")), P_OPT_UUID(ours)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	*found = true;
	return payment_load(db, row_uuid(w, "id"), ret, err);
}

static bool
same_money(const struct payment *p, const json_t *s)
{
	const char *currency = json_text_at(s, "currency"), *id = json_text_at(s, "id");

	return json_int_at(s, "amount_total", -1) == p->amount_cents && currency != NULL && strcasecmp(currency, p->currency) == 0 &&
	    (p->session_id == NULL || is(id, p->session_id));
}

static int
paid(struct db *db, const struct payment *p, const json_t *session, struct problem *err)
{
	struct payment_news news = { .status = "paid", .stripe_id = json_text_at(session, "payment_intent"),
		.reason = is(p->status, "expired") ? "paid_late" : NULL };
	struct payment rival, now;
	const struct row *w;
	bool moved, twice = false;

	/* Two links of one prescription, paid at one moment: one after the other. */
	if (db_one(db, &w, turn_sql, err, P_UUID(p->run_id)) < 0 || db_one(db, &w, rival_sql, err, P_UUID(p->run_id), P_UUID(p->id)) < 0)
		return -1;
	if (w != NULL) {
		if (payment_load(db, row_uuid(w, "id"), &rival, err) < 0)
			return -1;
		twice = is(rival.status, "paid");
		if (!twice && link_give_way(db, &rival, "superseded", err) < 0)
			return -1;
	}
	if (twice) {
		news.status = "refunding";
		news.reason = "paid_twice";
	}
	if (payment_move(db, p, &news, &moved, err) < 0)
		return -1;
	if (!moved)
		return 0;
	if (!twice)
		return receipt_keep(db, p->id, err) < 0 ? -1 : link_job(db, "link.settle", p->id, err);
	return db_exec(db, given_back_sql, err, P_UUID(p->id)) < 0 || payment_load(db, p->id, &now, err) < 0 ||
	    charge_refund(db, &now, err) < 0 ? -1 : notice_later(db, p->id, "payment_refunded", err);
}

static int
over(struct db *db, const struct payment *p, struct problem *err)
{
	char id[UUID_TEXT];
	bool moved;

	if (payment_move(db, p, &(struct payment_news){ .status = "expired", .reason = "link_expired" }, &moved, err) < 0)
		return -1;
	return attention_raise(db, &(struct attention){ .kind = "payment.link", .subject = uuid_text(p->run_id, id), .code = "link_expired",
	    .patient = p->patient_id, .detail = arena_printf(db_current_arena(db), "{\"amountCents\":%" PRId64 "}", p->amount_cents) }, err);
}

int
checkout_apply(struct db *db, const struct payment *p, const json_t *session, const char **outcome, struct problem *err)
{
	const char *status = json_text_at(session, "status"), *how = json_text_at(session, "payment_status");
	bool open = is(p->status, "pending"), did, moved;

	*outcome = "late";
	if (p->session_id == NULL && (db_exec(db, named_sql, err, P_UUID(p->id), P_TEXT(json_text_at(session, "id")), P_TEXT(NULL)) < 0 ||
	    effect_evidence(db, "stripe.checkout", p->id, true, json_text_at(session, "id"), &did, err) < 0))
		return -1;
	if (is(status, "complete") && is(how, "paid")) {
		if (!open && !is(p->status, "expired") && !is(p->reason, "outcome_unknown"))
			return 0;
		if (!same_money(p, session)) {
			*outcome = "mismatch";
			if (payment_move(db, p, &(struct payment_news){ .status = "manual", .reason = "amount_mismatch" }, &moved, err) < 0)
				return -1;
			return payment_mismatch(db, p, "amount_mismatch", session, err);
		}
		*outcome = "applied";
		return paid(db, p, session, err);
	}
	if (!open || !is(status, "expired"))
		return 0;
	*outcome = "applied";
	return over(db, p, err);
}
