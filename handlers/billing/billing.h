/*
 * billing.h: what the billing service shows to the rest, its table, and what its files share.
 */
#ifndef BILLING_H
#define BILLING_H

#include "service.h"

extern const struct service billing_service;

/* ---- stripe.c: how Stripe is spoken to */

/* A request body (net/form.h). The order of the calls is the order of the bytes: equal calls give equal bytes. */
struct buf stripe_form(struct arena *a);
void	 stripe_form_uuid(struct buf *f, const char *name, struct uuid value);
struct bytes stripe_form_end(const struct buf *f);

struct stripe_call {
	const char *method;
	const char *path;		/* /v1/… */
	const char *key;		/* Idempotency-Key, NULL for none */
	struct bytes body;
	int total_ms;			/* 0 = 30,000 */
};
/* A question, or a write whose key makes repeating it safe, behind the breaker. The object, or NULL with a problem: 503
 * stripe_unavailable when it may be asked again, 502 stripe_refused (PERMANENT) when Stripe said no, 404 stripe_missing. No
 * transaction may be open. */
json_t	*stripe_ask(struct http *h, struct arena *a, const struct conf *conf, const struct stripe_call *call,
    struct problem *err) MUST_CHECK;
/* For every effect: address, credentials, version and the effect's key; the body stays as committed. */
int	 stripe_dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err);
/* What an answer means to a retry (the vendor's rules 2 and 3); *object gets its JSON, NULL when it has none. */
enum verdict stripe_verdict(struct job *j, const struct http_answer *a, json_t **object);
int	 stripe_start(const struct conf *conf, struct problem *err);	/* refuses a live key outside live mode, and the reverse */

/* ---- setup.c: a saved card */
int	 setup_ask(struct req *r, struct problem *err);			/* POST /billing/setup-intents */
int	 setup_create(struct req *r, struct problem *err);
int	 setup_show_ask(struct req *r, struct problem *err);		/* GET /billing/setup-intents/:id */
int	 setup_show(struct req *r, struct problem *err);
/* What Stripe says now about the SetupIntent of this Stripe id; *known false when it is none of ours. */
int	 setup_apply(struct db *db, const json_t *object, bool *known, struct problem *err) MUST_CHECK;

/* ---- payment.c: a payment and its states */
struct payment {
	struct uuid id;
	struct uuid setup_id;
	struct uuid submission_id;
	struct uuid patient_id;
	struct uuid run_id;
	const char *purpose;
	int64_t generation;
	int64_t amount_cents;
	const char *currency;
	const char *status;
	const char *reason;
	const char *stripe_id;		/* the PaymentIntent; NULL until Stripe named it */
	int64_t version;
	/* Paid by a link: no saved card, setup_id and submission_id are nil, run_id is the prescription's. The rest is 0 and NULL for cards. */
	bool link;
	struct uuid adjudication_id;
	const char *session_id;		/* Stripe's Checkout Session; NULL until it is made */
	const char *url;		/* its page */
	int64_t expires_at;		/* microseconds */
	const char *settled;		/* completed, given_back; NULL: undecided, or no money came */
};
struct payment_news {
	const char *status;
	const char *reason;
	const char *stripe_id;
	const char *refund_id;		/* Stripe's Refund */
};
int	 payment_create(struct req *r, struct problem *err);		/* POST /billing/payments */
int	 payment_capture(struct req *r, struct problem *err);		/* POST /billing/payments/:id/capture */
int	 payment_cancel(struct req *r, struct problem *err);		/* POST /billing/payments/:id/cancel */
int	 payment_refund(struct req *r, struct problem *err);		/* POST /billing/payments/:id/refund */
int	 payment_show(struct req *r, struct problem *err);		/* GET /billing/payments/:id */

/* ---- move.c: the one mover of payments */
/* 404 when there is none. */
int	 payment_load(struct db *db, struct uuid id, struct payment *ret, struct problem *err) MUST_CHECK;
bool	 payment_may(const char *from, const char *to);
/* By the table of legal moves, with history, audit, ledger and event in the caller's transaction. A move that is not legal (late,
 * repeated) changes nothing and leaves *moved false. */
int	 payment_move(struct db *db, const struct payment *p, const struct payment_news *news, bool *moved,
    struct problem *err) MUST_CHECK;
/* Applies a PaymentIntent as Stripe shows it now; *outcome is a word of webhook.outcome. Repeating it, or an older state,
 * changes nothing. */
int	 payment_apply(struct db *db, const struct payment *p, const json_t *intent, const char **outcome,
    struct problem *err) MUST_CHECK;
/* The same for an intent that came by another way than the act's own answer: settles that act too, so nothing is sent again. */
int	 payment_witness(struct db *db, const struct payment *p, const json_t *intent, const char **outcome,
    struct problem *err) MUST_CHECK;

/* What Stripe says and our row do not agree: a person must look (rule W4). theirs: an object of Stripe's with amount, currency, status, id. */
int	 payment_mismatch(struct db *db, const struct payment *p, const char *code, const json_t *theirs, struct problem *err) MUST_CHECK;

/* ---- ledger.c */
/* Books what a payment's new status means (authorized, captured, cancelled, refunded); other statuses book nothing. */
int	 ledger_book(struct db *db, const struct payment *p, const char *status, struct problem *err) MUST_CHECK;
/* A charge's refunds so far, which only grow: books what is new of them; *booked 0 when that is nothing. */
int	 ledger_refunded(struct db *db, const struct payment *p, int64_t total_cents, const char *reference, int64_t *booked,
    struct problem *err) MUST_CHECK;
/* Money held back for a dispute, or given back when it is won; once each per dispute. */
int	 ledger_disputed(struct db *db, const struct payment *p, int64_t cents, const char *dispute, bool won, struct problem *err) MUST_CHECK;

/* ---- charge.c: the acts at Stripe; refund.c: the one that gives back */
extern const struct effect_kind stripe_authorize_effect;
extern const struct effect_kind stripe_capture_effect;
extern const struct effect_kind stripe_cancel_effect;
extern const struct effect_kind stripe_refund_effect;
int	 charge_authorize(struct db *db, const struct payment *p, const char *customer, const char *method,
    struct problem *err) MUST_CHECK;
int	 charge_capture(struct db *db, const struct payment *p, struct problem *err) MUST_CHECK;
int	 charge_cancel(struct db *db, const struct payment *p, struct problem *err) MUST_CHECK;
int	 charge_refund(struct db *db, const struct payment *p, struct problem *err) MUST_CHECK;
/* An effect at Stripe for a payment, in the caller's transaction. */
int	 charge_intend(struct db *db, const char *kind, const struct payment *p, const char *path, const struct buf *f,
    struct problem *err) MUST_CHECK;
/* The rows of a list of Stripe's; NULL: nobody could say. */
json_t	*charge_list(struct job *j, const char *path);
void	 charge_answer(struct job *j, const json_t *object, struct http_answer *a);	/* as if Stripe had answered with it */
int	 charge_refresh_job(struct job *j, struct problem *err);	/* an intent that Stripe is still processing */

/* ---- link.c: payments by a link (P-PAY): asked for, shown, withdrawn */
struct copay {
	struct uuid prescription_id;
	struct uuid patient_id;
	struct uuid adjudication_id;
	int64_t drug_cents;
	int64_t insurance_cents;
	int64_t copay_cents;
	int64_t final_cents;
	int64_t savings_cents;
	const char *currency;
	const char *withdrawn;		/* the status in which the prescription ended; NULL: it lives */
};
int	 link_create(struct req *r, struct problem *err);		/* POST /api/v1/payments/create-link */
int	 link_show(struct req *r, struct problem *err);			/* GET /api/v1/payments/:id */
int	 link_list(struct req *r, struct problem *err);			/* GET /api/v1/payments?prescription_id= */
int	 load_link(struct req *r, struct payment *ret, struct problem *err) MUST_CHECK;	/* by the path's id; 404 for a card's */
int	 on_adjudicated(struct event *e, struct problem *err);		/* insurance.adjudication.completed */
int	 on_prescription_status(struct event *e, struct problem *err);	/* prescription.status.changed */
/* *found false: the payer has not decided about it. lock: until the end of the transaction, links of one prescription take turns. */
int	 copay_load(struct db *db, struct uuid prescription, bool lock, struct copay *ret, bool *found, struct problem *err) MUST_CHECK;
const char *cents_text(struct arena *a, int64_t cents);		/* 12.34 */
/* A link gives way: to a newer one (superseded), to a prescription's end (withdrawn). Its page is closed by a job. */
int	 link_give_way(struct db *db, const struct payment *p, const char *reason, struct problem *err) MUST_CHECK;
int	 link_job(struct db *db, const char *kind, struct uuid payment, struct problem *err) MUST_CHECK;	/* once at a time */

/* ---- checkout.c: the page at Stripe where a link is paid */
extern const struct effect_kind stripe_checkout_effect;
int	 checkout_intend(struct db *db, const struct conf *conf, const struct payment *p, struct problem *err) MUST_CHECK;
/* Applies a Checkout Session as Stripe shows it now: the one way to paid. *outcome is a word of webhook.outcome. */
int	 checkout_apply(struct db *db, const struct payment *p, const json_t *session, const char **outcome, struct problem *err) MUST_CHECK;
/* The payment that a session belongs to, by its id or, before we heard that id, by its metadata; *found false: none of ours. */
int	 checkout_find(struct db *db, const json_t *session, struct payment *ret, bool *found, struct problem *err) MUST_CHECK;

/* ---- collect.c: what time and Stripe make of open links, and what money that came is for */
int	 links_monitor_job(struct job *j, struct problem *err);	/* payment.monitor: reminders, ends, look-ups */
int	 link_look_job(struct job *j, struct problem *err);		/* link.look: the webhook may never come */
int	 link_close_job(struct job *j, struct problem *err);		/* link.close: the page of a link that gave way */
int	 link_settle_job(struct job *j, struct problem *err);		/* link.settle: completed, or given back (P-PAY-11) */

/* ---- page.c: where Stripe's page leads back to */
int	 page_done(struct req *r, struct problem *err);
int	 page_left(struct req *r, struct problem *err);

/* ---- receipt.c */
int	 receipt_show(struct req *r, struct problem *err);		/* GET /api/v1/payments/:id/receipt */
int	 receipt_keep(struct db *db, struct uuid payment, struct problem *err) MUST_CHECK;	/* for a day (P-DATA-10) */

/* ---- notice.c: what the patient hears */
int	 notice_later(struct db *db, struct uuid payment, const char *type, struct problem *err) MUST_CHECK;
int	 notice_job(struct job *j, struct problem *err);		/* link.tell */

/* ---- reconcile.c: our payments against Stripe's list */
int	 payments_reconcile_job(struct job *j, struct problem *err);		/* stripe.reconcile, stripe.close */

/* ---- stripe_webhook.c, stripe_money.c: what Stripe tells us */
extern const struct webhook_source stripe_webhook_source;
/* charge.refunded and charge.dispute.…, in a job's open transaction. */
bool	 stripe_money_is(const char *type);
int	 stripe_money(struct db *db, const struct webhook_event *e, const json_t *object, const char **outcome, struct problem *err) MUST_CHECK;

#endif
