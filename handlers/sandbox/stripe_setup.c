/*
 * stripe_setup.c: SetupIntents: a card is saved without a charge. Table: object (setup_intent).
 */
#include "sandbox/stripe.h"

#define SETUP_CONFIRMABLE(s) (sb_is(s, "status", "requires_payment_method") || sb_is(s, "status", "requires_confirmation") || \
	sb_is(s, "status", "requires_action"))

static json_t *
setup_new(struct call *c, const char *customer, const char *usage)
{
	json_t *s = sb_stripe_new(c, "seti_", "setup_intent");

	json_object_set_new(
	    s, "client_secret", json_string(sb_random(c->arena, arena_printf(c->arena, "%s_secret_", json_text_at(s, "id")), 24)));
	json_object_set_new(s, "status", json_string("requires_payment_method"));
	json_object_set_new(s, "customer", sb_stripe_null_or(customer));
	json_object_set_new(s, "payment_method", json_null());
	json_object_set_new(s, "usage", json_string(usage));
	json_object_set_new(s, "next_action", json_null());
	json_object_set_new(s, "last_setup_error", json_null());
	json_object_set_new(s, "latest_attempt", json_null());
	json_object_set_new(s, "cancellation_reason", json_null());
	sb_stripe_copy(c, s, "description");
	return s;
}

int
sb_stripe_setup_create(struct call *c, struct problem *err)
{
	const char *customer = sb_stripe_str(c, "customer"), *usage;
	struct confirmation k = { 0 };
	json_t *who;
	bool confirm;
	int rc;

	if ((rc = sb_stripe_choice(c, "usage", "off_session on_session", "off_session", &usage)) != 0 ||
	    (rc = sb_stripe_bool(c, "confirm", &confirm)) != 0)
		return rc;
	if (sb_stripe_str(c, "return_url") != NULL && !confirm)
		return sb_stripe_invalid(c, 400, NULL, "return_url", "You cannot set return_url without confirm=true.");
	if (confirm && sb_stripe_str(c, "payment_method") == NULL)
		return sb_stripe_invalid(
		    c, 400, "parameter_missing", "payment_method", "You cannot confirm this SetupIntent without a payment method.");
	k.intent = setup_new(c, customer, usage);
	if ((rc = sb_stripe_metadata(c, k.intent)) != 0)
		return rc;
	c->began = true;
	if (customer != NULL && (rc = sb_stripe_find(c, "customer", customer, "customer", &who, err)) != 0)
		return rc;
	if ((rc = sb_stripe_method_param(c, &k.method, err)) != 0)
		return rc;
	if (k.method != NULL) {
		json_object_set_new(k.intent, "payment_method", json_string(json_text_at(k.method, "id")));
		json_object_set_new(k.intent, "status", json_string("requires_confirmation"));
	}
	if (sb_stripe_add(c, k.intent, err) < 0)
		return -1;
	return confirm ? sb_stripe_setup_confirm(c, &k, err) : sb_stripe_show(c, k.intent);
}

static int
setup_find(struct call *c, json_t **ret, struct problem *err)
{
	int rc = sb_stripe_find(c, "setup_intent", req_str(c->r, "id"), NULL, ret, err);

	return rc != 0 ? rc : sb_stripe_browser_may(c, *ret);
}

int
sb_stripe_setup_get(struct call *c, struct problem *err)
{
	json_t *s;
	int rc = setup_find(c, &s, err);

	return rc != 0 ? rc : sb_stripe_show(c, s);
}

int
sb_stripe_setup_confirm_op(struct call *c, struct problem *err)
{
	struct confirmation k = { 0 };
	const char *kept;
	int rc;

	if ((rc = setup_find(c, &k.intent, err)) != 0)
		return rc;
	c->began = true;
	if (!SETUP_CONFIRMABLE(k.intent))
		return sb_stripe_wrong_state(c, k.intent, "confirmed");
	if ((rc = sb_stripe_method_param(c, &k.method, err)) != 0)
		return rc;
	kept = json_text_at(k.intent, "payment_method");
	if (k.method == NULL && kept != NULL && (rc = sb_stripe_method_find(c, kept, "payment_method", &k.method, err)) != 0)
		return rc;
	if (k.method == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "payment_method",
		    "You cannot confirm this SetupIntent because it's missing a payment method.");
	return sb_stripe_setup_confirm(c, &k, err);
}

int
sb_stripe_setup_cancel(struct call *c, struct problem *err)
{
	const char *reason;
	json_t *s;
	int rc;

	if ((rc = sb_stripe_choice(c, "cancellation_reason", "abandoned requested_by_customer duplicate", NULL, &reason)) != 0)
		return rc;
	c->began = true;
	if ((rc = setup_find(c, &s, err)) != 0)
		return rc;
	if (!SETUP_CONFIRMABLE(s))
		return sb_stripe_wrong_state(c, s, "canceled");
	json_object_set_new(s, "status", json_string("canceled"));
	json_object_set_new(s, "cancellation_reason", sb_stripe_null_or(reason));
	if (sb_stripe_put(c, s, err) < 0 || sb_stripe_event(c, "setup_intent.canceled", s, err) < 0)
		return -1;
	return sb_stripe_show(c, s);
}
