/*
 * sandbox_stripe_test.c: the Stripe stand-in keeps Stripe's contract, also where that is unkind.
 */
#include "core.h"

#include "base/clock.h"
#include "crypto/signature.h"
#include "handlers/sandbox_world.h"

/* A customer with a saved card. */
static const char *
customer_with(struct world *w, const char *card, const char **pm)
{
	const char *customer;

	stripe(w, "/customers", NULL, "email=pat%40example.com&metadata[patient]=p-1");
	expect_status(w, 200);
	customer = answer_text(w, "id");
	stripe(w, "/setup_intents", NULL, text(w, "customer=%s&usage=off_session&payment_method=%s&confirm=true", customer, card));
	expect_status(w, 200);
	expect_text(w, "status", "succeeded");
	*pm = answer_text(w, "payment_method");
	return customer;
}

static const char *
charge_form(struct world *w, const char *customer, const char *pm, const char *more)
{
	return text(
	    w, "amount=4900&currency=usd&customer=%s&payment_method=%s&off_session=true&confirm=true%s", customer, pm, more);
}

/* ---- Stripe: keys */

static void
the_publishable_key_only_confirms_what_it_knows(void **state)
{
	struct world *w = *state;
	const char *id, *secret;

	call(w, "POST", STRIPE "/customers", NULL, "email=a%40example.com");
	expect_status(w, 401);
	call(w, "POST", STRIPE "/customers", "Bearer sk_test_other", "email=a%40example.com");
	expect_status(w, 401);
	call(w, "POST", STRIPE "/customers", BROWSER_KEY, "email=a%40example.com");
	expect_status(w, 401);
	expect_text(w, "error.code", "secret_key_required");
	stripe(w, "/setup_intents", NULL, "usage=off_session&metadata[intake]=i-1");
	id = answer_text(w, "id");
	secret = answer_text(w, "client_secret");
	call(w, "POST", text(w, STRIPE "/setup_intents/%s/confirm", id), BROWSER_KEY, "payment_method=pm_card_visa");
	expect_status(w, 400);
	call(w, "POST", text(w, STRIPE "/setup_intents/%s/confirm", id), BROWSER_KEY,
	    "payment_method=pm_card_visa&client_secret=wrong");
	expect_status(w, 400);
	call(w, "POST", text(w, STRIPE "/setup_intents/%s/confirm", id), BROWSER_KEY,
	    text(w, "payment_method=pm_card_visa&client_secret=%s", secret));
	expect_status(w, 200);
	expect_text(w, "status", "succeeded");
	expect_absent(w, "metadata");
	call(w, "GET", text(w, STRIPE "/setup_intents/%s?client_secret=%s", id, secret), BROWSER_KEY, NULL);
	expect_status(w, 200);
}

static void
a_key_answers_once_and_then_repeats_itself(void **state)
{
	struct world *w = *state;
	const char *first;

	stripe(w, "/customers", "k-1", "email=once%40example.com&metadata[a]=1");
	expect_status(w, 200);
	first = answer_text(w, "id");
	stripe(w, "/customers", "k-1",
	    "metadata%5Ba%5D=1&email=once%40example.com"); /* another order and encoding: the same parameters */
	expect_text(w, "id", first);
	assert_string_equal(answer_header(w, "Idempotent-Replayed"), "true");
	stripe(w, "/customers", "k-1", "email=twice%40example.com");
	expect_status(w, 400);
	expect_text(w, "error.type", "idempotency_error");
	assert_int_equal(
	    sql_int(w, "SELECT count(*) FROM object WHERE type = 'customer' AND data->>'email' = 'once@example.com'"), 1);
}

static void
a_key_in_use_is_a_conflict(void **state)
{
	struct world *w = *state;

	sql_run(w, "SELECT pg_advisory_lock(hashtextextended('stripe k-busy', 0))");
	stripe(w, "/customers", "k-busy", "email=b%40example.com");
	expect_status(w, 409);
	expect_text(w, "error.code", "idempotency_key_in_use");
	sql_run(w, "SELECT pg_advisory_unlock(hashtextextended('stripe k-busy', 0))");
	stripe(w, "/customers", "k-busy", "email=b%40example.com");
	expect_status(w, 200);
}

static void
a_bad_parameter_is_not_kept_under_its_key(void **state)
{
	struct world *w = *state;

	stripe(w, "/payment_intents", "k-bad", "amount=4900&currency=usd&payment_method_types[0]=card");
	expect_status(w, 400);
	expect_text(w, "error.code", "parameter_unknown");
	expect_text(w, "error.param", "payment_method_types");
	stripe(w, "/payment_intents", "k-bad", "currency=usd");
	expect_text(w, "error.code", "parameter_missing");
	expect_text(w, "error.param", "amount");
	stripe(w, "/payment_intents", "k-bad", "amount=4900&currency=usd");
	expect_status(w, 200);
	expect_text(w, "status", "requires_payment_method");
}

static void
a_stored_500_stays_a_500(void **state)
{
	struct world *w = *state;

	fault(w, "stripe", "{\"mode\":\"error500\"}");
	stripe(w, "/customers", "k-500", "email=c%40example.com");
	expect_status(w, 500);
	expect_text(w, "error.type", "api_error");
	stripe(w, "/customers", "k-500", "email=c%40example.com");
	expect_status(w, 500);
	assert_string_equal(answer_header(w, "Idempotent-Replayed"), "true");
	fault(w, "stripe", "{\"mode\":\"error503\"}");
	stripe(w, "/customers", "k-503", "email=c%40example.com");
	expect_status(w, 503);
	stripe(w, "/customers", "k-503", "email=c%40example.com");
	expect_status(w, 200);
}

static void
an_answer_lost_after_the_effect_is_replayed(void **state)
{
	struct world *w = *state;

	fault(w, "stripe", "{\"mode\":\"timeout_after\",\"count\":1,\"path\":\"/customers\"}");
	stripe(w, "/coupons", NULL, "percent_off=10&id=SPRING");
	expect_status(w, 200);
	stripe(w, "/customers", "k-lost", "email=lost%40example.com");
	expect_status(w, 502);
	assert_int_equal(answer_bytes(w).n, 0);
	stripe(w, "/customers", "k-lost", "email=lost%40example.com");
	expect_status(w, 200);
	assert_int_equal(
	    sql_int(w, "SELECT count(*) FROM object WHERE type = 'customer' AND data->>'email' = 'lost@example.com'"), 1);
}

/* ---- Stripe: money */

static void
an_authorised_amount_is_captured_once(void **state)
{
	struct world *w = *state;
	const char *pm, *customer = customer_with(w, "pm_card_visa", &pm), *pi;

	stripe(w, "/payment_intents", "pay-1", charge_form(w, customer, pm, "&capture_method=manual&metadata[run_id]=run-1"));
	expect_status(w, 200);
	expect_text(w, "status", "requires_capture");
	expect_int(w, "amount_capturable", 4900);
	expect_int(w, "amount_received", 0);
	pi = answer_text(w, "id");
	stripe(w, text(w, "/payment_intents/%s/capture", pi), "cap-0", "amount_to_capture=4901");
	expect_status(w, 400);
	stripe(w, text(w, "/payment_intents/%s/capture", pi), "cap-1", "");
	expect_status(w, 200);
	expect_text(w, "status", "succeeded");
	expect_int(w, "amount_received", 4900);
	stripe(w, text(w, "/payment_intents/%s/capture", pi), "cap-2", "");
	expect_status(w, 400);
	expect_text(w, "error.code", "payment_intent_unexpected_state");
	stripe(w, text(w, "/payment_intents/%s/cancel", pi), "can-1", "");
	expect_status(w, 400);
	stripe(w, text(w, "/payment_intents?customer=%s", customer), NULL, NULL);
	expect_text(w, "data.0.id", pi);
	get(w, BY_PUBLIC, "/sandbox/stripe/ledger?key=run-1&type=payment_intent");
	expect_status(w, 200);
	expect_int(w, "count", 1);
	expect_int(w, "entries.0.data.charges.0.amount_captured", 4900);
	expect_absent(w, "entries.0.data.charges.1");
}

static void
a_cancelled_authorisation_takes_nothing(void **state)
{
	struct world *w = *state;
	const char *pm, *customer = customer_with(w, "pm_card_visa", &pm), *pi;

	stripe(w, "/payment_intents", NULL, charge_form(w, customer, pm, "&capture_method=manual"));
	pi = answer_text(w, "id");
	stripe(w, text(w, "/payment_intents/%s/cancel", pi), NULL, "cancellation_reason=abandoned");
	expect_text(w, "status", "canceled");
	stripe(w, text(w, "/payment_intents/%s/capture", pi), NULL, "");
	expect_status(w, 400);
}

static void
cards_answer_as_the_table_says(void **state)
{
	static const struct { const char *card, *code, *decline; } cards[] = {
		{ "pm_card_visa_chargeDeclined", "card_declined", "generic_decline" },
		{ "pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds" },
		{ "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card" },
		{ "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card" },
		{ "pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card" },
		{ "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc" },
		{ "pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error" },
		{ "pm_card_chargeCustomerFail", "card_declined", "generic_decline" },
		{ "pm_card_authenticationRequired", "authentication_required", "authentication_required" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cards); i++) {
		stripe(w, "/payment_intents", NULL,
		    text(w, "amount=500&currency=usd&payment_method=%s&confirm=true&off_session=true", cards[i].card));
		expect_status(w, 402);
		expect_text(w, "error.type", "card_error");
		expect_text(w, "error.code", cards[i].code);
		expect_text(w, "error.decline_code", cards[i].decline);
		expect_text(w, "error.payment_intent.status", "requires_payment_method");
	}
}

static void
a_saved_card_may_still_decline(void **state)
{
	struct world *w = *state;
	const char *pm, *customer = customer_with(w, "pm_card_chargeCustomerFail", &pm);

	stripe(w, "/payment_intents", "decl-1", charge_form(w, customer, pm, "&capture_method=manual"));
	expect_status(w, 402);
	stripe(w, "/payment_intents", "decl-1", charge_form(w, customer, pm, "&capture_method=manual"));
	expect_status(w, 402);	/* a decline is a stored result */
	assert_string_equal(answer_header(w, "Idempotent-Replayed"), "true");
	stripe(w, "/payment_methods/pm_card_visa_chargeDeclined/attach", NULL, text(w, "customer=%s", customer));
	expect_status(w, 402);
}

static void
the_cardholder_can_be_asked(void **state)
{
	struct world *w = *state;
	const char *id;

	stripe(w, "/payment_intents", NULL, "amount=500&currency=usd&payment_method=pm_card_authenticationRequired&confirm=true");
	expect_status(w, 200);
	expect_text(w, "status", "requires_action");
	expect_text(w, "next_action.type", "use_stripe_sdk");
	id = answer_text(w, "id");
	call(w, "POST", "/sandbox/stripe/authenticate", NULL, text(w, "id=%s", id));
	expect_text(w, "status", "succeeded");
}

static void
a_card_belongs_to_its_customer(void **state)
{
	struct world *w = *state;
	const char *pm, *other, *customer = customer_with(w, "pm_card_visa", &pm);

	stripe(w, "/customers", NULL, "email=other%40example.com");
	other = answer_text(w, "id");
	stripe(w, "/payment_intents", NULL, charge_form(w, other, pm, ""));
	expect_status(w, 400);
	stripe(w, text(w, "/payment_methods/%s/detach", pm), NULL, "");
	expect_status(w, 200);
	stripe(w, "/payment_intents", NULL, charge_form(w, customer, pm, ""));
	expect_status(w, 400);
	stripe(w, text(w, "/payment_methods/%s/attach", pm), NULL, text(w, "customer=%s", customer));
	expect_status(w, 400);
}

static void
a_refund_ends_where_the_charge_ends(void **state)
{
	struct world *w = *state;
	const char *pm, *customer = customer_with(w, "pm_card_visa", &pm), *pi;

	stripe(w, "/payment_intents", NULL, charge_form(w, customer, pm, ""));
	expect_text(w, "status", "succeeded");
	pi = answer_text(w, "id");
	stripe(w, "/refunds", NULL, text(w, "payment_intent=%s&amount=4901", pi));
	expect_status(w, 400);
	stripe(w, "/refunds", NULL, text(w, "payment_intent=%s&amount=900", pi));
	expect_text(w, "status", "succeeded");
	stripe(w, "/refunds", NULL, text(w, "payment_intent=%s", pi));
	expect_int(w, "amount", 4000);
	stripe(w, "/refunds", NULL, text(w, "payment_intent=%s", pi));
	expect_status(w, 400);
	expect_text(w, "error.code", "charge_already_refunded");
}

static void
amounts_have_limits(void **state)
{
	static const struct { const char *amount; int status;
	} cases[] = {
		{ "49", 400 },
		{ "50", 200 },
		{ "99999999", 200 },
		{ "100000000", 400 },
		{ "12.5", 400 },
		{ "-50", 400 },
		{ "+50", 400 },
		{ "lots", 400 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		stripe(w, "/payment_intents", NULL, text(w, "amount=%s&currency=usd", cases[i].amount));
		expect_status(w, cases[i].status);
	}
}

static void
a_coupon_is_created_once_and_ends(void **state)
{
	struct world *w = *state;

	stripe(w, "/coupons", NULL, "id=HALF&percent_off=50&duration=once&redeem_by=1");
	expect_status(w, 200);
	stripe(w, "/coupons/HALF", NULL, NULL);
	assert_true(json_is_false(json_object_get(answer(w), "valid")));
	stripe(w, "/coupons", NULL, "id=HALF&percent_off=50");
	expect_text(w, "error.code", "resource_already_exists");
	stripe(w, "/coupons/NONE", NULL, NULL);
	expect_status(w, 404);
}

/* ---- Stripe: webhooks */

static void
a_webhook_is_signed_and_repeated_until_taken(void **state)
{
	struct world *w = *state;
	struct problem err = { 0 };
	const struct sent *s;
	const char *pm;

	quiet(w);
	stub(w, "POST", HOOK, 200, "");
	stub_once(w, "POST", HOOK, 500, "");
	(void)customer_with(w, "pm_card_visa", &pm);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", HOOK), 2);
	s = sent_to(w, "POST", HOOK, -1);
	assert_string_equal(sent_text(s, "type"), "setup_intent.succeeded");
	assert_string_equal(s->raw, sent_to(w, "POST", HOOK, 0)->raw);
	assert_int_equal(
	    stripe_check("whsec_of_the_tests", sent_header(s, "Stripe-Signature"), BYTES_OF(s->raw), clock_us(), &err), 0);
	stripe(w, text(w, "/events/%s", sent_text(s, "id")), NULL, NULL);
	expect_int(w, "pending_webhooks", 0);
}

static void
a_webhook_can_come_twice_or_forged(void **state)
{
	struct world *w = *state;
	struct problem err = { 0 };
	const struct sent *s;
	const char *pm;

	quiet(w);
	stub(w, "POST", HOOK, 200, "");
	fault(w, "stripe", "{\"mode\":\"webhook_duplicate\"}");
	(void)customer_with(w, "pm_card_visa", &pm);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", HOOK), 2);
	stubs_clear(w);
	stub(w, "POST", HOOK, 200, "");
	stub_once(w, "POST", HOOK, 401, "");
	fault(w, "stripe", "{\"mode\":\"webhook_bad_signature\"}");
	(void)customer_with(w, "pm_card_visa", &pm);
	work_all(w);
	s = sent_to(w, "POST", HOOK, 0);
	assert_int_equal(
	    stripe_check("whsec_of_the_tests", sent_header(s, "Stripe-Signature"), BYTES_OF(s->raw), clock_us(), &err), -1);
	s = sent_to(w, "POST", HOOK, 1);
	assert_int_equal(
	    stripe_check("whsec_of_the_tests", sent_header(s, "Stripe-Signature"), BYTES_OF(s->raw), clock_us(), &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_publishable_key_only_confirms_what_it_knows),
		cmocka_unit_test(a_key_answers_once_and_then_repeats_itself),
		cmocka_unit_test(a_key_in_use_is_a_conflict),
		cmocka_unit_test(a_bad_parameter_is_not_kept_under_its_key),
		cmocka_unit_test(a_stored_500_stays_a_500),
		cmocka_unit_test(an_answer_lost_after_the_effect_is_replayed),
		cmocka_unit_test(an_authorised_amount_is_captured_once),
		cmocka_unit_test(a_cancelled_authorisation_takes_nothing),
		cmocka_unit_test(cards_answer_as_the_table_says),
		cmocka_unit_test(a_saved_card_may_still_decline),
		cmocka_unit_test(the_cardholder_can_be_asked),
		cmocka_unit_test(a_card_belongs_to_its_customer),
		cmocka_unit_test(a_refund_ends_where_the_charge_ends),
		cmocka_unit_test(amounts_have_limits),
		cmocka_unit_test(a_coupon_is_created_once_and_ends),
		cmocka_unit_test(a_webhook_is_signed_and_repeated_until_taken),
		cmocka_unit_test(a_webhook_can_come_twice_or_forged),
	};

	return cmocka_run_group_tests(tests, sandbox_setup, sandbox_teardown);
}
