/*
 * payment.c: the payment step (Y-TOK-03 to 06, Y-INT-U3, U5, I-PAY-01, decision C22).
 *
 * The plan token, the state, the age and the consents are checked before billing is asked, so that nobody who cannot be served
 * leaves a record at Stripe.
 * The price is then locked in the session: the token's fifteen minutes do not strand a long form. One SetupIntent per session, by
 * billing's key.
 */
#include "intake/intake.h"

static const char lock_sql[] =
	"UPDATE intake_sessions SET region = $2, birth_date_enc = $3::bytea, consents = $4::jsonb, plan_id = $5, intake_type = $6,"
	" amount_cents = $7::bigint, currency = $8, setup_intent_id = $9, price_locked_at = coalesce(price_locked_at, now())"
	" WHERE id = $1 AND state = 'draft' RETURNING id";

/* What .ask found, for .handle. */
struct payment {
	struct session s;
	const char *setup_intent_id;
	const char *client_secret;
	const char *publishable_key;
};

static int
choose_price(struct req *r, struct session *s, const struct plan_claim *c, struct problem *err)
{
	struct plan plan;

	if (strcmp(s->state, "draft") != 0)
		return problem(err, 409, "already_submitted", "this intake is submitted");
	if (s->plan_id != NULL && strcmp(s->plan_id, c->plan_id) != 0)
		return problem(err, 409, "plan_locked", "this intake was begun with another plan");
	if (s->plan_id != NULL)
		return 0;	/* locked: a price that has changed since does not matter */
	if (plan_agrees(r->db, c, &plan, err) < 0)
		return -1;
	s->plan_id = c->plan_id;
	s->intake_type = c->intake_type;
	s->amount_cents = c->amount_cents;
	s->currency = plan.currency;
	return 0;
}

static int
session_and_price(struct req *r, struct session *s, const struct plan_claim *c, struct problem *err)
{
	if (db_begin(r->db, READ, &r->scope, err) < 0)
		return -1;
	if (session_load(r->db, (struct intake_id){ r->subject }, s, err) < 0 || choose_price(r, s, c, err) < 0) {
		db_rollback(r->db);
		return -1;
	}
	return db_commit(r->db, err);
}

static const char *
setup_body(struct req *r, const struct session *s)
{
	struct buf b = buf_in(r->arena, 2048);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "intakeId", s->id.v);
	jw_uuid(&w, "patientId", s->patient_id);
	jw_str(&w, "planId", s->plan_id);
	jw_int(&w, "amountCents", s->amount_cents);
	jw_str(&w, "currency", s->currency);
	jw_end(&w);
	return b.data;
}

int
payment_ask(struct req *r, struct problem *err)
{
	struct payment *p = arena_alloc(r->arena, sizeof(*p));
	struct peer_call call = { .service = "billing", .method = "POST", .path = "/billing/setup-intents" };
	struct peer_reply reply;
	struct plan_claim claim;
	char id[UUID_TEXT];

	if (plan_token_read(r, req_opt_str(r, "planToken"), &claim, err) < 0 || rule_state(r->conf, req_str(r, "state"), err) < 0 ||
	    rule_age(r->conf, req_str(r, "birthDate"), err) < 0 || rule_consents(req_json(r, "consents"), err) < 0 ||
	    session_and_price(r, &p->s, &claim, err) < 0)
		return -1;
	call.key = arena_printf(r->arena, "intake:%s:setup", uuid_text(p->s.id.v, id));
	call.body = setup_body(r, &p->s);
	if (peer_call(r->http, r->arena, r->conf, &call, &reply, err) < 0 || peer_expect(&call, &reply, err) < 0)
		return -1;
	p->setup_intent_id = json_text_at(reply.body, "setupIntentId");
	p->client_secret = json_text_at(reply.body, "clientSecret");
	p->publishable_key = json_text_at(reply.body, "publishableKey");
	if (p->setup_intent_id == NULL || p->client_secret == NULL || p->publishable_key == NULL)
		return problem(err, 503, "bad_peer_reply", "billing's answer is not whole");
	r->asked = p;
	return 0;
}

static void
payment_to_json(struct json_writer *w, const struct payment *p)
{
	jw_object(w, NULL);
	jw_str(w, "setupIntentId", p->setup_intent_id);
	jw_str(w, "clientSecret", p->client_secret);
	jw_str(w, "publishableKey", p->publishable_key);
	jw_int(w, "amountCents", p->s.amount_cents);
	jw_str(w, "currency", p->s.currency);
	jw_end(w);
}

int
payment_lock(struct req *r, struct problem *err)
{
	const struct payment *p = r->asked;
	char *consents = json_dumps(req_json(r, "consents"), JSON_COMPACT);
	struct uuid setup;
	struct bytes born;
	const struct row *w;

	if (consents == NULL)
		return problem(err, 500, "out_of_memory", "no memory for the consents");
	arena_defer(r->arena, free, consents);
	if (uuid_parse(p->setup_intent_id, &setup) < 0)
		return problem(err, 503, "bad_peer_reply", "billing's answer is not whole");
	if (vault_seal(r->db, p->s.patient_id, "intake_sessions", "birth_date_enc", p->s.id.v, BYTES_OF(req_str(r, "birthDate")),
	    &born, err) < 0)
		return -1;
	req_object(r, "intake_sessions", p->s.id.v);
	if (db_final(r->db, &w, lock_sql, err, P_UUID(p->s.id.v), P_TEXT(req_str(r, "state")), P_BYTES(born), P_TEXT(consents),
	    P_TEXT(p->s.plan_id), P_TEXT(p->s.intake_type), P_INT(p->s.amount_cents), P_TEXT(p->s.currency), P_UUID(setup)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 409, "already_submitted", "this intake is submitted");
	payment_to_json(reply_json(r, 200), p);
	return 0;
}

int
payment_is_saved(struct req *r, const struct session *s, struct problem *err)
{
	struct peer_call call = { .service = "billing", .method = "GET" };
	const char *status, *currency;
	struct peer_reply reply;
	char id[UUID_TEXT];

	if (uuid_is_nil(s->setup_intent_id))
		return problem(err, 422, "card_not_saved", "the payment step is missing");
	call.path = arena_printf(r->arena, "/billing/setup-intents/%s", uuid_text(s->setup_intent_id, id));
	if (peer_call(r->http, r->arena, r->conf, &call, &reply, err) < 0 || peer_expect(&call, &reply, err) < 0)
		return -1;
	status = json_text_at(reply.body, "status");
	currency = json_text_at(reply.body, "currency");
	if (status == NULL || strcmp(status, "succeeded") != 0)
		return problem(err, 422, "card_not_saved", "the card is not saved yet");
	if (json_int_at(reply.body, "amountCents", -1) != s->amount_cents || currency == NULL || strcmp(currency, s->currency) != 0)
		return problem(err, 400, "amount_mismatch", "Amount mismatch");
	return 0;
}
