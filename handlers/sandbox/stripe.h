/*
 * stripe.h: the parts of the Stripe stand-in among themselves. Everything here runs inside the call's transaction.
 *
 * Lookups and parameter readers return 0, REFUSED (the error is the answer already) or -1.
 */
#ifndef SANDBOX_STRIPE_H
#define SANDBOX_STRIPE_H

#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

#define STRIPE_VERSION "2026-10-28.endive"

/* ---- errors (stripe_params.c) */
int	 sb_stripe_invalid(struct call *c, int status, const char *code, const char *param, const char *fmt, ...) PRINTF_LIKE(5, 6);
int sb_stripe_missing(struct call *c, const char *what, const char *id, const char *param); /* param NULL: the path named it, 404 */
struct decline {
	const char *code;
	const char *decline_code;
	const char *message;
};
/* 402; member is payment_intent or setup_intent (NULL: neither), object its state after the refusal. */
int	 sb_stripe_declined(struct call *c, const struct decline *d, const char *member, const json_t *object, const char *charge);
json_t	*sb_stripe_error_tree(struct call *c, const char *type, const char *code, const char *param, const char *message);

/* ---- parameters (stripe_params.c) */
int	 sb_stripe_known_params(struct call *c);
const char *sb_stripe_str(const struct call *c, const char *name);			/* NULL when absent or empty */
int	 sb_stripe_int(struct call *c, const char *name, int64_t otherwise, int64_t *ret);
int	 sb_stripe_bool(struct call *c, const char *name, bool *ret);
int	 sb_stripe_choice(struct call *c, const char *name, const char *choices, const char *otherwise, const char **ret);
int sb_stripe_metadata(struct call *c, json_t *object); /* merges the parameter into object's metadata */
void sb_stripe_copy(struct call *c, json_t *object,
    const char *names); /* text parameters that are just kept; absent ones become null on new objects */
json_t	*sb_stripe_null_or(const char *text);

/* ---- objects (stripe_objects.c) */
json_t *sb_stripe_new(struct call *c, const char *prefix, const char *object); /* id, object, created, livemode, metadata */
int sb_stripe_find(struct call *c, const char *type, const char *id, const char *param, json_t **ret,
    struct problem *err); /* locked when the call is a POST */
int	 sb_stripe_add(struct call *c, json_t *object, struct problem *err);
int	 sb_stripe_put(struct call *c, json_t *object, struct problem *err);
int	 sb_stripe_show(struct call *c, const json_t *object);
int sb_stripe_answer_list(
    struct call *c, const char *type, const char *subject, const char *containing, const char *url, struct problem *err);
int64_t	 sb_stripe_now(void);

/* ---- events (stripe_events.c) */
int	 sb_stripe_event(struct call *c, const char *type, const json_t *object, struct problem *err);

/* ---- cards (stripe_cards.c) */
enum card_challenge { CHALLENGE_NEVER, CHALLENGE_ALWAYS, CHALLENGE_UNTIL_SET_UP, CHALLENGE_ON_SESSION };
struct card {
	const char *name;		/* pm_card_visa */
	const char *number;
	const char *brand;
	bool attaches;
	struct decline decline;		/* code NULL: charges succeed */
	enum card_challenge challenge;
	bool disputes;
};
const struct card *sb_stripe_card_of(const json_t *payment_method);
/* The stored method of that id, or a fresh one for a test name; param NULL: named by the path. */
int	 sb_stripe_method_find(struct call *c, const char *given, const char *param, json_t **ret, struct problem *err);
/* payment_method, or payment_method_data with a test number as a browser sends it; *ret NULL when neither is there. */
int	 sb_stripe_method_param(struct call *c, json_t **ret, struct problem *err);
/* The same for a card's number; 402 incorrect_number when there is no such test card. */
int	 sb_stripe_method_numbered(struct call *c, const char *number, json_t **ret, struct problem *err);
int sb_stripe_method_attach(
    struct call *c, json_t *method, const char *customer, struct problem *err); /* the row only; the caller has asked the card */
int	 sb_stripe_method_usable(struct call *c, const json_t *method, const char *customer);

/* ---- intents (stripe_confirm.c) */
struct confirmation {
	json_t *intent;
	json_t *method;
	bool off_session;
	bool refuse_action;		/* error_on_requires_action */
	bool authenticated;		/* the cardholder has passed the challenge */
};
int	 sb_stripe_payment_confirm(struct call *c, const struct confirmation *k, struct problem *err);
int	 sb_stripe_setup_confirm(struct call *c, const struct confirmation *k, struct problem *err);
/* A publishable key must prove that it knows the object. */
int	 sb_stripe_browser_may(struct call *c, const json_t *intent);
int	 sb_stripe_wrong_state(struct call *c, const json_t *intent, const char *act);

/* A fresh PaymentIntent without a method, taken at once when it is confirmed; not stored yet. */
json_t	*sb_stripe_payment_new(struct call *c, int64_t amount, const char *currency);
const struct vendor *sb_stripe_vendor(void);	/* for what the worker does as Stripe */

/* ---- operations */
operation_fn sb_stripe_customer_create, sb_stripe_customer_get, sb_stripe_customer_update, sb_stripe_customer_methods;
operation_fn sb_stripe_method_get, sb_stripe_method_attach_op, sb_stripe_method_detach;
operation_fn sb_stripe_setup_create, sb_stripe_setup_get, sb_stripe_setup_confirm_op, sb_stripe_setup_cancel;
operation_fn sb_stripe_payment_create, sb_stripe_payment_get, sb_stripe_payment_confirm_op, sb_stripe_payment_capture,
    sb_stripe_payment_cancel, sb_stripe_payment_list;
operation_fn sb_stripe_charge_get, sb_stripe_refund_create, sb_stripe_refund_get, sb_stripe_refund_list;
operation_fn sb_stripe_coupon_create, sb_stripe_coupon_get;
operation_fn sb_stripe_event_get, sb_stripe_event_list;
operation_fn sb_stripe_authenticate;
operation_fn sb_stripe_session_create, sb_stripe_session_get, sb_stripe_session_list, sb_stripe_session_items, sb_stripe_session_expire;
operation_fn sb_stripe_page_show, sb_stripe_page_pay;	/* the hosted page, for the patient's browser */

#endif
