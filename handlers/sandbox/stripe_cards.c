/*
 * stripe_cards.c: the test cards and what each does; payment methods. Table: object (payment_method).
 *
 * A test name stands for a card, not for an object: each use makes a fresh payment method, as at Stripe.
 */
#include "sandbox/stripe.h"

#define GENERIC "Your card was declined."

static const struct card cards[] = {
	{ "pm_card_visa", "4242424242424242", "visa", true },
	{ "pm_card_visa_chargeDeclined", "4000000000000002", "visa", false, { "card_declined", "generic_decline", GENERIC } },
	{ "pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995", "visa", false,
	    { "card_declined", "insufficient_funds", "Your card has insufficient funds." } },
	{ "pm_card_visa_chargeDeclinedLostCard", "4000000000009987", "visa", false, { "card_declined", "lost_card", GENERIC } },
	{ "pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", "visa", false, { "card_declined", "stolen_card", GENERIC } },
	{ "pm_card_chargeDeclinedExpiredCard", "4000000000000069", "visa", false,
	    { "expired_card", "expired_card", "Your card has expired." } },
	{ "pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", "visa", false,
	    { "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect." } },
	{ "pm_card_chargeDeclinedProcessingError", "4000000000000119", "visa", false,
	    { "processing_error", "processing_error",
		"An error occurred while processing your card. Try again in a little bit." } },
	{ "pm_card_chargeCustomerFail", "4000000000000341", "visa", true, { "card_declined", "generic_decline", GENERIC } },
	{ "pm_card_authenticationRequired", "4000002760003184", "visa", true, .challenge = CHALLENGE_ALWAYS },
	{ "pm_card_authenticationRequiredOnSetup", "4000002500003155", "visa", true, .challenge = CHALLENGE_UNTIL_SET_UP },
	{ "pm_card_authenticationRequiredSetupForOffSession", "4000003800000446", "visa", true, .challenge = CHALLENGE_ON_SESSION },
	{ "pm_card_createDispute", "4000000000000259", "visa", true, .disputes = true },
};

static const struct card *
card_named(const char *name)
{
	for (size_t i = 0; i < COUNT(cards); i++)
		if (strcmp(cards[i].name, name) == 0)
			return &cards[i];
	return NULL;
}

const struct card *
sb_stripe_card_of(const json_t *payment_method)
{
	const struct card *card = card_named(sb_text(payment_method, "_card", ""));

	return card != NULL ? card : &cards[0];
}

static int
method_new(struct call *c, const struct card *card, json_t **ret, struct problem *err)
{
	json_t *pm = sb_stripe_new(c, "pm_", "payment_method"), *face = json_object();

	json_object_set_new(face, "brand", json_string(card->brand));
	json_object_set_new(face, "last4", json_string(card->number + 12));
	json_object_set_new(face, "exp_month", json_integer(12));
	json_object_set_new(face, "exp_year", json_integer(2034));
	json_object_set_new(face, "funding", json_string("credit"));
	json_object_set_new(face, "country", json_string("US"));
	json_object_set_new(face, "fingerprint", json_string(arena_printf(c->arena, "fp%s", card->number + 4)));
	json_object_set_new(pm, "type", json_string("card"));
	json_object_set_new(pm, "customer", json_null());
	json_object_set_new(pm, "card", face);
	json_object_set_new(pm, "billing_details", json_object());
	json_object_set_new(pm, "_card", json_string(card->name));
	*ret = pm;
	return sb_stripe_add(c, pm, err);
}

int
sb_stripe_method_find(struct call *c, const char *given, const char *param, json_t **ret, struct problem *err)
{
	const struct card *card = card_named(given);
	struct found f;

	if (card != NULL)
		return method_new(c, card, ret, err);
	if (sb_get(c->db, "stripe", "payment_method", given, strcmp(c->r->method, "POST") == 0, &f, err) < 0)
		return -1;
	*ret = f.data;
	return f.data != NULL ? 0 : sb_stripe_missing(c, "PaymentMethod", given, param);
}

int
sb_stripe_method_numbered(struct call *c, const char *number, json_t **ret, struct problem *err)
{
	for (size_t i = 0; i < COUNT(cards); i++)
		if (strcmp(cards[i].number, number) == 0)
			return method_new(c, &cards[i], ret, err);
	return sb_stripe_invalid(c, 402, "incorrect_number", "payment_method_data[card][number]", "Your card number is incorrect.");
}

int
sb_stripe_method_param(struct call *c, json_t **ret, struct problem *err)
{
	const char *given = sb_stripe_str(c, "payment_method"), *number = json_text_at(c->in, "payment_method_data.card.number");

	*ret = NULL;
	if (given != NULL)
		return sb_stripe_method_find(c, given, "payment_method", ret, err);
	if (json_object_get(c->in, "payment_method_data") == NULL)
		return 0;
	for (size_t i = 0; number != NULL && i < COUNT(cards); i++)
		if (strcmp(cards[i].number, number) == 0)
			return method_new(c, &cards[i], ret, err);
	return sb_stripe_invalid(c, 402, "incorrect_number", "payment_method_data[card][number]", "Your card number is incorrect.");
}

int
sb_stripe_method_attach(struct call *c, json_t *method, const char *customer, struct problem *err)
{
	json_object_set_new(method, "customer", json_string(customer));
	return sb_stripe_put(c, method, err);
}

/* A method belongs to one customer for good, and a method that was let go never works again. */
int
sb_stripe_method_usable(struct call *c, const json_t *method, const char *customer)
{
	const char *owner = json_text_at(method, "customer");

	if (json_object_get(method, "_spent") != NULL && owner == NULL)
		return sb_stripe_invalid(c, 400, "payment_method_unexpected_state", "payment_method",
		    "The provided PaymentMethod was previously used without being"
		    " attached to a Customer or was detached from a Customer, and may not be used again.");
	if (owner != NULL && (customer == NULL || strcmp(owner, customer) != 0))
		return sb_stripe_invalid(
		    c, 400, NULL, "payment_method", "The provided PaymentMethod belongs to another Customer; pass that customer.");
	return 0;
}

/* ---- operations */

int
sb_stripe_method_get(struct call *c, struct problem *err)
{
	json_t *pm;
	int rc = sb_stripe_method_find(c, req_str(c->r, "id"), NULL, &pm, err);

	return rc != 0 ? rc : sb_stripe_show(c, pm);
}

int
sb_stripe_method_attach_op(struct call *c, struct problem *err)
{
	const char *customer = sb_stripe_str(c, "customer");
	const struct card *card;
	json_t *pm, *who;
	int rc;

	if (customer == NULL)
		return sb_stripe_invalid(c, 400, "parameter_missing", "customer", "Missing required param: customer.");
	c->began = true;
	if ((rc = sb_stripe_find(c, "customer", customer, "customer", &who, err)) != 0 ||
	    (rc = sb_stripe_method_find(c, req_str(c->r, "id"), NULL, &pm, err)) != 0)
		return rc;
	if (sb_is(pm, "customer", customer))
		return sb_stripe_show(c, pm);
	if ((rc = sb_stripe_method_usable(c, pm, customer)) != 0)
		return rc;
	card = sb_stripe_card_of(pm);
	if (!card->attaches)
		return sb_stripe_declined(c, &card->decline, NULL, NULL, NULL);
	rc = sb_stripe_method_attach(c, pm, customer, err);
	return rc != 0 ? rc : sb_stripe_show(c, pm);
}

int
sb_stripe_method_detach(struct call *c, struct problem *err)
{
	json_t *pm;
	int rc;

	c->began = true;
	if ((rc = sb_stripe_method_find(c, req_str(c->r, "id"), NULL, &pm, err)) != 0)
		return rc;
	if (json_text_at(pm, "customer") == NULL)
		return sb_stripe_invalid(c, 400, NULL, NULL,
		    "The payment method you provided is not attached to a customer so detachment is impossible.");
	json_object_set_new(pm, "customer", json_null());
	json_object_set_new(pm, "_spent", json_true());
	rc = sb_stripe_put(c, pm, err);
	return rc != 0 ? rc : sb_stripe_show(c, pm);
}
