/*
 * billing_webhook_test.c: what Stripe says is a hint (rules W1 to W4): forged is refused, repeated is once, late changes nothing,
 * and what does not fit our row is a person's.
 */
#include "billing_world.h"

#include "base/clock.h"
#include "crypto/signature.h"

static void
webhook(struct world *w, const char *event, const char *type, const char *object, const char *secret, const char *more)
{
	const char *body = text(w, "{\"id\":\"%s\",\"object\":\"event\",\"type\":\"%s\",\"created\":1767225600,\"livemode\":false,"
	    "%s\"data\":{\"object\":"
	    "{\"id\":\"%s\"}}}", event, type, more, object);
	struct buf header = buf_in(world_arena(w), 1024);

	stripe_sign(secret, clock_us() / US_PER_S, BYTES_OF(body), &header);
	request(w, BY_PUBLIC, "POST", "/billing/webhooks/stripe", NULL, body, (const struct header[]){ { "stripe-signature",
	    header.data }, { NULL, NULL } });
}

static void
a_forged_or_stale_webhook_is_refused_and_a_repeated_one_is_one_job(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	webhook(w, "evt_forged", "payment_intent.succeeded", "pi_x", "whsec_of_somebody_else", "");
	expect_problem(w, 401, "bad_signature");
	request(w, BY_PUBLIC, "POST", "/billing/webhooks/stripe", NULL, "{}", NULL);
	expect_status(w, 401);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM stripe_events WHERE event_id = 'evt_forged'"), 0);
	for (int i = 0; i < 5; i++) {
		webhook(w, "evt_again", "payment_intent.succeeded", "pi_nobody", HOOK_SECRET, "");
		expect_status(w, 200);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM stripe_events WHERE event_id = 'evt_again'"), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE kind = 'stripe.event' AND args->>'id' = (SELECT id::text FROM"
	    " stripe_events"
	    " WHERE event_id = 'evt_again')"), 1);
	stub(w, "GET", "/v1/payment_intents/pi_nobody", 404,
	    "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\",\"message\":\"\"}}");
	work(w);
	assert_string_equal(sql_text(w, "SELECT outcome FROM stripe_events WHERE event_id = 'evt_again'"), "unknown_object");
}

static void
an_event_of_a_kind_we_do_not_keep_is_only_noted(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	webhook(w, "evt_coupon", "coupon.created", "co_1", HOOK_SECRET, "");
	expect_status(w, 200);
	assert_string_equal(sql_text(w, "SELECT outcome FROM stripe_events WHERE event_id = 'evt_coupon'"), "ignored");
	webhook(w, "evt_path", "payment_intent.succeeded", "../v1/charges", HOOK_SECRET, "");
	assert_string_equal(sql_text(w, "SELECT outcome FROM stripe_events WHERE event_id = 'evt_path'"), "ignored");
	work(w);
}

static void
a_webhook_settles_an_authorisation_whose_answer_was_lost(void **state)
{
	struct world *w = *state;
	const char *card, *id;

	stubs_clear(w);
	card = saved_card(w);
	stub_broken(w, "POST", "/v1/payment_intents", HTTP_UNKNOWN);
	id = pay(w, card, 50);
	work(w);
	expect_payment(w, id, "pending");
	stub(w, "GET", "/v1/payment_intents/pi_50", 200,
	    text(w, "{\"id\":\"pi_50\",\"status\":\"requires_capture\",\"amount\":29900,\"currency\":\"usd\","
	    "\"amount_received\":0,\"metadata\":{\"payment_id\":\"%s\"}}", id));
	webhook(w, "evt_50", "payment_intent.amount_capturable_updated", "pi_50", HOOK_SECRET, "");
	work_all(w);
	expect_payment(w, id, "authorized");
	assert_int_equal(sent_count(w, "POST", "/v1/payment_intents"), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM payment_history WHERE payment_id = '%s' AND to_status = 'authorized'",
	    id), 1);
}

static void
late_and_reordered_webhooks_change_nothing(void **state)
{
	static const char *const shuffled[] = { "payment_intent.succeeded", "payment_intent.amount_capturable_updated",
	    "payment_intent.created" };
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 51);
	stub(w, "POST", "/v1/payment_intents/pi_51/capture", 200, intent(w, "pi_51", "succeeded", 29900));
	act(w, id, "capture");
	stub(w, "GET", "/v1/payment_intents/pi_51", 200, intent(w, "pi_51", "requires_capture", 29900));
	webhook(w, "evt_51_early", "payment_intent.amount_capturable_updated", "pi_51", HOOK_SECRET, "");
	work(w);
	stub(w, "GET", "/v1/payment_intents/pi_51", 200, intent(w, "pi_51", "succeeded", 29900));
	for (unsigned i = 0; i < COUNT(shuffled); i++)
		webhook(w, text(w, "evt_51_%u", i), shuffled[i], "pi_51", HOOK_SECRET, "");
	work(w);
	expect_payment(w, id, "captured");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM payment_history WHERE payment_id = '%s'", id), 4);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM stripe_events WHERE event_id LIKE 'evt_51_%%' AND outcome = 'late'"), 4);
	expect_ledger(w, id, "revenue", -29900);
}

static void
a_vendor_that_lies_about_the_amount_parks_the_payment(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 52);
	stub(w, "GET", "/v1/payment_intents/pi_52", 200, intent(w, "pi_52", "succeeded", 99900));
	webhook(w, "evt_52", "payment_intent.succeeded", "pi_52", HOOK_SECRET, "");
	work(w);
	expect_payment(w, id, "manual");
	assert_string_equal(json_text_at(event_last(w, "payment.manual"), "code"), "amount_mismatch");
	stub(w, "GET", "/v1/payment_intents/pi_52", 200, intent(w, "pi_52", "requires_capture", 29900));
	webhook(w, "evt_52b", "payment_intent.amount_capturable_updated", "pi_52", HOOK_SECRET, "");
	work(w);
	expect_payment(w, id, "manual");
	expect_ledger(w, id, "revenue", 0);
}

static void
money_taken_by_somebody_else_parks_the_payment(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 53);
	stub(w, "GET", "/v1/payment_intents/pi_53", 200, intent(w, "pi_53", "canceled", 29900));
	webhook(w, "evt_53", "payment_intent.canceled", "pi_53", HOOK_SECRET, "");
	work(w);
	expect_payment(w, id, "manual");
	assert_string_equal(sql_text(w, "SELECT reason FROM payments WHERE id = '%s'", id), "cancelled_at_stripe");
	assert_string_equal(sql_text(w, "SELECT outcome FROM stripe_events WHERE event_id = 'evt_53'"), "conflict");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forged_or_stale_webhook_is_refused_and_a_repeated_one_is_one_job),
		cmocka_unit_test(an_event_of_a_kind_we_do_not_keep_is_only_noted),
		cmocka_unit_test(a_webhook_settles_an_authorisation_whose_answer_was_lost),
		cmocka_unit_test(late_and_reordered_webhooks_change_nothing),
		cmocka_unit_test(a_vendor_that_lies_about_the_amount_parks_the_payment),
		cmocka_unit_test(money_taken_by_somebody_else_parks_the_payment),
	};

	return cmocka_run_group_tests(tests, billing_setup, billing_teardown);
}
