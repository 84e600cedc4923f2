/*
 * stripe_payments.c: PaymentIntents. Table: object (payment_intent, charge).
 */
#include "sandbox/stripe.h"

#define CONFIRMABLE(p) \
	(sb_is(p, "status", "requires_payment_method") || sb_is(p, "status", "requires_confirmation") || \
	    sb_is(p, "status", "requires_action"))

struct asked {
	int64_t amount;
	const char *currency;
	const char *capture;
	bool confirm, off_session, refuse_action;
};

static bool
currency_good(const char *s)
{
	return strlen(s) == 3 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static int
read_money(struct call *c, struct asked *k)
{
	int rc;

	if (sb_stripe_str(c, "amount") == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "amount", "Missing required param: amount.");
	if (sb_stripe_str(c, "currency") == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "currency", "Missing required param: currency.");
	if ((rc = sb_stripe_int(c, "amount", 0, &k->amount)) != 0)
		return rc;
	k->currency = sb_stripe_str(c, "currency");
	if (!currency_good(k->currency))
		return sb_stripe_invalid(c, 400, NULL, "currency", "Invalid currency: %.20s.", k->currency);
	if (k->amount < 1)
		return sb_stripe_invalid(
		    c, 400, "parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.");
	if (k->amount < 50)
		return sb_stripe_invalid(c, 400, "amount_too_small", "amount", "Amount must be at least $0.50 usd");
	if (k->amount > 99999999)
		return sb_stripe_invalid(c, 400, "amount_too_large", "amount", "Amount must be no more than $999,999.99");
	return 0;
}

static int
read_flags(struct call *c, struct asked *k)
{
	int rc;

	if ((rc = sb_stripe_bool(c, "confirm", &k->confirm)) != 0 ||
	    (rc = sb_stripe_bool(c, "off_session", &k->off_session)) != 0 ||
	    (rc = sb_stripe_bool(c, "error_on_requires_action", &k->refuse_action)) != 0 ||
	    (rc = sb_stripe_choice(c, "capture_method", "automatic automatic_async manual", "automatic_async", &k->capture)) != 0)
		return rc;
	if (k->confirm)
		return 0;
	if (sb_stripe_str(c, "off_session") != NULL)
		return sb_stripe_invalid(c, 400, NULL, "off_session", "You can only set off_session when confirm is true.");
	if (sb_stripe_str(c, "error_on_requires_action") != NULL)
		return sb_stripe_invalid(
		    c, 400, NULL, "error_on_requires_action", "You can only set error_on_requires_action when confirm is true.");
	return sb_stripe_str(c, "return_url") == NULL ?
	    0 :
	    sb_stripe_invalid(c, 400, NULL, "return_url", "You can only set return_url when confirm is true.");
}

static json_t *
payment_new(struct call *c, const struct asked *k)
{
	json_t *p = sb_stripe_new(c, "pi_", "payment_intent");
	char currency[4];

	for (int i = 0; i < 4; i++)
		currency[i] = (char)(k->currency[i] >= 'A' && k->currency[i] <= 'Z' ? k->currency[i] + 32 : k->currency[i]);
	json_object_set_new(
	    p, "client_secret", json_string(sb_random(c->arena, arena_printf(c->arena, "%s_secret_", json_text_at(p, "id")), 24)));
	json_object_set_new(p, "amount", json_integer(k->amount));
	json_object_set_new(p, "amount_capturable", json_integer(0));
	json_object_set_new(p, "amount_received", json_integer(0));
	json_object_set_new(p, "currency", json_string(currency));
	json_object_set_new(p, "capture_method", json_string(k->capture));
	json_object_set_new(p, "confirmation_method", json_string("automatic"));
	json_object_set_new(p, "status", json_string("requires_payment_method"));
	json_object_set_new(p, "payment_method", json_null());
	json_object_set_new(p, "latest_charge", json_null());
	json_object_set_new(p, "last_payment_error", json_null());
	json_object_set_new(p, "next_action", json_null());
	json_object_set_new(p, "canceled_at", json_null());
	json_object_set_new(p, "cancellation_reason", json_null());
	sb_stripe_copy(c, p,
	    "customer description receipt_email setup_future_usage shipping statement_descriptor "
	    "statement_descriptor_suffix transfer_group");
	return p;
}

json_t *
sb_stripe_payment_new(struct call *c, int64_t amount, const char *currency)
{
	const struct asked asked = { .amount = amount, .currency = currency, .capture = "automatic_async" };

	return payment_new(c, &asked);
}

int
sb_stripe_payment_create(struct call *c, struct problem *err)
{
	struct asked asked = { 0 };
	struct confirmation k = { 0 };
	const char *customer = sb_stripe_str(c, "customer"), *future;
	json_t *who;
	int rc;

	if ((rc = read_money(c, &asked)) != 0 || (rc = read_flags(c, &asked)) != 0 ||
	    (rc = sb_stripe_choice(c, "setup_future_usage", "off_session on_session", NULL, &future)) != 0)
		return rc;
	if (asked.confirm && sb_stripe_str(c, "payment_method") == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "payment_method",
		    "You cannot confirm this PaymentIntent because it's missing a payment method.");
	k.intent = payment_new(c, &asked);
	if ((rc = sb_stripe_metadata(c, k.intent)) != 0)
		return rc;
	c->began = true;
	if (customer != NULL && (rc = sb_stripe_find(c, "customer", customer, "customer", &who, err)) != 0)
		return rc;
	if ((rc = sb_stripe_method_param(c, &k.method, err)) != 0 ||
	    (k.method != NULL && (rc = sb_stripe_method_usable(c, k.method, customer)) != 0))
		return rc;
	if (k.method != NULL) {
		json_object_set_new(k.intent, "payment_method", json_string(json_text_at(k.method, "id")));
		json_object_set_new(k.intent, "status", json_string("requires_confirmation"));
	}
	if (sb_stripe_add(c, k.intent, err) < 0)
		return -1;
	k.off_session = asked.off_session;
	k.refuse_action = asked.refuse_action;
	return asked.confirm ? sb_stripe_payment_confirm(c, &k, err) : sb_stripe_show(c, k.intent);
}

static int
payment_find(struct call *c, json_t **ret, struct problem *err)
{
	int rc = sb_stripe_find(c, "payment_intent", req_str(c->r, "id"), NULL, ret, err);

	return rc != 0 ? rc : sb_stripe_browser_may(c, *ret);
}

int
sb_stripe_payment_get(struct call *c, struct problem *err)
{
	json_t *p;
	int rc = payment_find(c, &p, err);

	return rc != 0 ? rc : sb_stripe_show(c, p);
}

int
sb_stripe_payment_confirm_op(struct call *c, struct problem *err)
{
	struct confirmation k = { 0 };
	const char *kept, *capture;
	int rc;

	if ((rc = sb_stripe_bool(c, "off_session", &k.off_session)) != 0 ||
	    (rc = sb_stripe_bool(c, "error_on_requires_action", &k.refuse_action)) != 0 ||
	    (rc = sb_stripe_choice(c, "capture_method", "automatic automatic_async manual", NULL, &capture)) != 0)
		return rc;
	if ((rc = payment_find(c, &k.intent, err)) != 0)
		return rc;
	c->began = true;
	if (!CONFIRMABLE(k.intent))
		return sb_stripe_wrong_state(c, k.intent, "confirmed");
	if (capture != NULL)
		json_object_set_new(k.intent, "capture_method", json_string(capture));
	if ((rc = sb_stripe_method_param(c, &k.method, err)) != 0)
		return rc;
	kept = json_text_at(k.intent, "payment_method");
	if (k.method == NULL && kept != NULL && (rc = sb_stripe_method_find(c, kept, "payment_method", &k.method, err)) != 0)
		return rc;
	if (k.method == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "payment_method",
		    "You cannot confirm this PaymentIntent because it's missing a payment method.");
	return sb_stripe_payment_confirm(c, &k, err);
}

/* The row of the intent is locked: of two captures under two keys the second finds it succeeded. */
int
sb_stripe_payment_capture(struct call *c, struct problem *err)
{
	int64_t amount, most;
	json_t *p, *charge;
	int rc;

	if ((rc = sb_stripe_int(c, "amount_to_capture", -1, &amount)) != 0)
		return rc;
	c->began = true;
	if ((rc = payment_find(c, &p, err)) != 0)
		return rc;
	if (!sb_is(p, "status", "requires_capture"))
		return sb_stripe_wrong_state(c, p, "captured");
	most = json_int_at(p, "amount_capturable", 0);
	if (sb_stripe_str(c, "amount_to_capture") == NULL)
		amount = most;
	if (amount < 1 || amount > most)
		return sb_stripe_invalid(c, 400, "amount_too_large", "amount_to_capture",
		    "The requested capture amount is not between 1 and the authorized amount.");
	if ((rc = sb_stripe_metadata(c, p)) != 0 ||
	    (rc = sb_stripe_find(c, "charge", sb_text(p, "latest_charge", ""), "charge", &charge, err)) != 0)
		return rc;
	json_object_set_new(p, "status", json_string("succeeded"));
	json_object_set_new(p, "amount_capturable", json_integer(0));
	json_object_set_new(p, "amount_received", json_integer(amount));
	json_object_set_new(charge, "captured", json_true());
	json_object_set_new(charge, "amount_captured", json_integer(amount));
	if (sb_stripe_put(c, p, err) < 0 || sb_stripe_put(c, charge, err) < 0 ||
	    sb_stripe_event(c, "charge.captured", charge, err) < 0 || sb_stripe_event(c, "payment_intent.succeeded", p, err) < 0)
		return -1;
	return sb_stripe_show(c, p);
}

/* An uncaptured authorisation is released: its charge counts as refunded in full. */
static int
release(struct call *c, const json_t *p, struct problem *err)
{
	json_t *charge;
	int rc = sb_stripe_find(c, "charge", sb_text(p, "latest_charge", ""), "charge", &charge, err);

	if (rc != 0)
		return rc;
	json_object_set_new(charge, "refunded", json_true());
	json_object_set(charge, "amount_refunded", json_object_get(charge, "amount"));
	return sb_stripe_put(c, charge, err);
}

int
sb_stripe_payment_cancel(struct call *c, struct problem *err)
{
	const char *reason;
	json_t *p;
	int rc;

	if ((rc = sb_stripe_choice(
		 c, "cancellation_reason", "duplicate fraudulent requested_by_customer abandoned", NULL, &reason)) != 0)
		return rc;
	c->began = true;
	if ((rc = payment_find(c, &p, err)) != 0)
		return rc;
	if (!CONFIRMABLE(p) && !sb_is(p, "status", "requires_capture"))
		return sb_stripe_wrong_state(c, p, "canceled");
	if (sb_is(p, "status", "requires_capture") && (rc = release(c, p, err)) != 0)
		return rc;
	json_object_set_new(p, "status", json_string("canceled"));
	json_object_set_new(p, "amount_capturable", json_integer(0));
	json_object_set_new(p, "canceled_at", json_integer(sb_stripe_now()));
	json_object_set_new(p, "cancellation_reason", sb_stripe_null_or(reason));
	json_object_set_new(p, "next_action", json_null());
	if (sb_stripe_put(c, p, err) < 0 || sb_stripe_event(c, "payment_intent.canceled", p, err) < 0)
		return -1;
	return sb_stripe_show(c, p);
}

int
sb_stripe_payment_list(struct call *c, struct problem *err)
{
	return sb_stripe_answer_list(c, "payment_intent", sb_stripe_str(c, "customer"), NULL, "/v1/payment_intents", err);
}
