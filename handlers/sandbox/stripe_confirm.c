/*
 * stripe_confirm.c: what a card answers when an intent is confirmed, and the charge that comes of it. Table: object (charge,
 * intents, payment_method).
 */
#include "sandbox/stripe.h"

static const struct decline wants_cardholder = { "authentication_required", "authentication_required",
	"Your card was declined. This transaction requires authentication." };
static const struct decline failed_challenge = { "payment_intent_authentication_failure", NULL,
	"The provided PaymentMethod has failed authentication." };

int
sb_stripe_browser_may(struct call *c, const json_t *intent)
{
	const char *secret = sb_stripe_str(c, "client_secret");

	if (!c->browser)
		return 0;
	if (secret == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "client_secret", "Missing required param: client_secret.");
	if (!sb_is(intent, "client_secret", secret))
		return sb_stripe_invalid(c, 400, "parameter_invalid", "client_secret",
		    "The client_secret provided does not match any associated intent.");
	return 0;
}

int
sb_stripe_wrong_state(struct call *c, const json_t *intent, const char *act)
{
	bool setup = sb_is(intent, "object", "setup_intent");
	const char *code = setup ? "setup_intent_unexpected_state" : "payment_intent_unexpected_state";
	json_t *body = sb_keep(c->arena, json_object());
	json_t *e = sb_stripe_error_tree(c, "invalid_request_error", code, NULL,
	    arena_printf(c->arena, "This %s could not be %s because it has a status of %s.",
		setup ? "SetupIntent" : "PaymentIntent", act, sb_text(intent, "status", "")));

	json_object_set(body, "error", e);
	json_object_set(e, sb_text(intent, "object", ""), sb_shown(c->arena, intent));
	sb_answer(c, 400, body);
	return REFUSED;
}

static bool
challenged(const struct confirmation *k, const struct card *card)
{
	if (k->authenticated)
		return false;
	switch (card->challenge) {
	case CHALLENGE_ALWAYS:
		return true;
	case CHALLENGE_UNTIL_SET_UP:
		return json_object_get(k->method, "_set_up") == NULL;
	case CHALLENGE_ON_SESSION:
		return !k->off_session;
	default:
		return false;
	}
}

static void
ask_cardholder(struct call *c, json_t *intent, const json_t *method)
{
	json_t *next = json_object(), *sdk = json_object();

	json_object_set_new(sdk, "type", json_string("three_d_secure_redirect"));
	json_object_set_new(
	    sdk, "stripe_js", json_string(arena_printf(c->arena, "/sandbox/stripe/authenticate?id=%s", sb_text(intent, "id", ""))));
	json_object_set_new(next, "type", json_string("use_stripe_sdk"));
	json_object_set_new(next, "use_stripe_sdk", sdk);
	json_object_set_new(intent, "next_action", next);
	json_object_set_new(intent, "status", json_string("requires_action"));
	json_object_set_new(intent, "payment_method", json_string(json_text_at(method, "id")));
}

static json_t *
charge_new(struct call *c, const json_t *intent, const json_t *method, const struct decline *d)
{
	json_t *charge = sb_stripe_new(c, "ch_", "charge");
	bool manual = sb_is(intent, "capture_method", "manual"), good = d == NULL;
	json_t *amount = json_object_get(intent, "amount");

	json_object_set(charge, "metadata", json_object_get(intent, "metadata"));
	json_object_set(charge, "amount", amount);
	json_object_set_new(charge, "amount_captured", good && !manual ? json_incref(amount) : json_integer(0));
	json_object_set_new(charge, "amount_refunded", json_integer(0));
	json_object_set_new(charge, "captured", json_boolean(good && !manual));
	json_object_set(charge, "currency", json_object_get(intent, "currency"));
	json_object_set(charge, "customer", json_object_get(intent, "customer"));
	json_object_set_new(charge, "payment_intent", json_string(json_text_at(intent, "id")));
	json_object_set_new(charge, "payment_method", json_string(json_text_at(method, "id")));
	json_object_set_new(charge, "paid", json_boolean(good));
	json_object_set_new(charge, "refunded", json_false());
	json_object_set_new(charge, "disputed", json_false());
	json_object_set_new(charge, "status", json_string(good ? "succeeded" : "failed"));
	json_object_set_new(charge, "failure_code", sb_stripe_null_or(d == NULL ? NULL : d->code));
	json_object_set_new(charge, "failure_message", sb_stripe_null_or(d == NULL ? NULL : d->message));
	return charge;
}

static json_t *
last_error(struct call *c, const struct decline *d, const json_t *method)
{
	json_t *e = sb_stripe_error_tree(c, "card_error", d->code, NULL, d->message);

	json_object_del(e, "request_log_url");
	if (d->decline_code != NULL)
		json_object_set_new(e, "decline_code", json_string(d->decline_code));
	json_object_set(e, "payment_method", sb_shown(c->arena, method));
	return e;
}

static int
payment_refuse(struct call *c, const struct confirmation *k, const struct decline *d, struct problem *err)
{
	json_t *charge = charge_new(c, k->intent, k->method, d);
	const char *id = json_text_at(charge, "id");

	json_object_set_new(k->intent, "status", json_string("requires_payment_method"));
	json_object_set_new(k->intent, "payment_method", json_null());
	json_object_set_new(k->intent, "next_action", json_null());
	json_object_set_new(k->intent, "latest_charge", json_string(id));
	json_object_set(k->intent, "last_payment_error", last_error(c, d, k->method));
	if (sb_stripe_add(c, charge, err) < 0 || sb_stripe_put(c, k->intent, err) < 0 ||
	    sb_stripe_event(c, "payment_intent.payment_failed", k->intent, err) < 0)
		return -1;
	return sb_stripe_declined(c, d, "payment_intent", k->intent, id);
}

static int
dispute(struct call *c, json_t *charge, struct problem *err)
{
	json_t *d = sb_stripe_new(c, "du_", "dispute");

	json_object_set_new(charge, "disputed", json_true());
	json_object_set(d, "amount", json_object_get(charge, "amount"));
	json_object_set(d, "currency", json_object_get(charge, "currency"));
	json_object_set_new(d, "charge", json_string(json_text_at(charge, "id")));
	json_object_set(d, "payment_intent", json_object_get(charge, "payment_intent"));
	json_object_set_new(d, "reason", json_string("fraudulent"));
	json_object_set_new(d, "status", json_string("needs_response"));
	if (sb_stripe_add(c, d, err) < 0)
		return -1;
	return sb_stripe_event(c, "charge.dispute.created", d, err);
}

static int
payment_pay(struct call *c, const struct confirmation *k, struct problem *err)
{
	bool manual = sb_is(k->intent, "capture_method", "manual");
	json_t *charge = charge_new(c, k->intent, k->method, NULL), *amount = json_object_get(k->intent, "amount");

	json_object_set_new(k->intent, "status", json_string(manual ? "requires_capture" : "succeeded"));
	json_object_set(k->intent, manual ? "amount_capturable" : "amount_received", amount);
	json_object_set_new(k->intent, "payment_method", json_string(json_text_at(k->method, "id")));
	json_object_set_new(k->intent, "latest_charge", json_string(json_text_at(charge, "id")));
	json_object_set_new(k->intent, "last_payment_error", json_null());
	json_object_set_new(k->intent, "next_action", json_null());
	if (json_text_at(k->method, "customer") == NULL) {
		if (json_text_at(k->intent, "setup_future_usage") != NULL && json_text_at(k->intent, "customer") != NULL)
			json_object_set(k->method, "customer", json_object_get(k->intent, "customer"));
		else
			json_object_set_new(k->method, "_spent", json_true());
		if (sb_stripe_put(c, k->method, err) < 0)
			return -1;
	}
	if (sb_stripe_put(c, k->intent, err) < 0 ||
	    sb_stripe_event(c, manual ? "payment_intent.amount_capturable_updated" : "payment_intent.succeeded", k->intent, err) <
		0)
		return -1;
	if (sb_stripe_card_of(k->method)->disputes && dispute(c, charge, err) < 0)
		return -1;
	if (sb_stripe_add(c, charge, err) < 0)
		return -1;
	return sb_stripe_show(c, k->intent);
}

int
sb_stripe_payment_confirm(struct call *c, const struct confirmation *k, struct problem *err)
{
	const struct card *card = sb_stripe_card_of(k->method);
	int rc = sb_stripe_method_usable(c, k->method, json_text_at(k->intent, "customer"));

	if (rc != 0)
		return rc;
	if (challenged(k, card)) {
		if (k->off_session || k->refuse_action)
			return payment_refuse(c, k, &wants_cardholder, err);
		ask_cardholder(c, k->intent, k->method);
		return sb_stripe_put(c, k->intent, err) < 0 ? -1 : sb_stripe_show(c, k->intent);
	}
	if (card->decline.code != NULL)
		return payment_refuse(c, k, &card->decline, err);
	return payment_pay(c, k, err);
}

static int
setup_refuse(struct call *c, const struct confirmation *k, const struct decline *d, struct problem *err)
{
	json_object_set_new(k->intent, "status", json_string("requires_payment_method"));
	json_object_set_new(k->intent, "payment_method", json_null());
	json_object_set_new(k->intent, "next_action", json_null());
	json_object_set(k->intent, "last_setup_error", last_error(c, d, k->method));
	if (sb_stripe_put(c, k->intent, err) < 0 || sb_stripe_event(c, "setup_intent.setup_failed", k->intent, err) < 0)
		return -1;
	return sb_stripe_declined(c, d, "setup_intent", k->intent, NULL);
}

int
sb_stripe_setup_confirm(struct call *c, const struct confirmation *k, struct problem *err)
{
	const struct card *card = sb_stripe_card_of(k->method);
	const char *customer = json_text_at(k->intent, "customer");
	int rc = sb_stripe_method_usable(c, k->method, customer);

	if (rc != 0)
		return rc;
	if (!card->attaches)
		return setup_refuse(c, k, &card->decline, err);
	if (card->challenge != CHALLENGE_NEVER && card->challenge != CHALLENGE_ON_SESSION && !k->authenticated) {
		ask_cardholder(c, k->intent, k->method);
		return sb_stripe_put(c, k->intent, err) < 0 ? -1 : sb_stripe_show(c, k->intent);
	}
	json_object_set_new(k->method, "_set_up", json_true());
	if (customer != NULL)
		json_object_set_new(k->method, "customer", json_string(customer));
	json_object_set_new(k->intent, "status", json_string("succeeded"));
	json_object_set_new(k->intent, "payment_method", json_string(json_text_at(k->method, "id")));
	json_object_set_new(k->intent, "next_action", json_null());
	json_object_set_new(k->intent, "last_setup_error", json_null());
	if (sb_stripe_put(c, k->method, err) < 0 || sb_stripe_put(c, k->intent, err) < 0 ||
	    sb_stripe_event(c, "setup_intent.succeeded", k->intent, err) < 0)
		return -1;
	return sb_stripe_show(c, k->intent);
}

/* POST /sandbox/stripe/authenticate id=<intent> [outcome=failed]: the cardholder in front of the bank's page. Not
 * Stripe's: a page of the bank. */
int
sb_stripe_authenticate(struct call *c, struct problem *err)
{
	const char *id = sb_stripe_str(c, "id"), *outcome;
	bool setup = id != NULL && strncmp(id, "seti_", 5) == 0;
	struct confirmation k = { .authenticated = true };
	int rc;

	if (id == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "id", "Missing required param: id.");
	if ((rc = sb_stripe_choice(c, "outcome", "succeeded failed", "succeeded", &outcome)) != 0)
		return rc;
	c->began = true;
	if ((rc = sb_stripe_find(c, setup ? "setup_intent" : "payment_intent", id, NULL, &k.intent, err)) != 0)
		return rc;
	if (!sb_is(k.intent, "status", "requires_action"))
		return sb_stripe_wrong_state(c, k.intent, "authenticated");
	if ((rc = sb_stripe_method_find(c, json_text_at(k.intent, "payment_method"), "payment_method", &k.method, err)) != 0)
		return rc;
	if (strcmp(outcome, "failed") == 0)
		return setup ? setup_refuse(c, &k, &failed_challenge, err) : payment_refuse(c, &k, &failed_challenge, err);
	return setup ? sb_stripe_setup_confirm(c, &k, err) : sb_stripe_payment_confirm(c, &k, err);
}
