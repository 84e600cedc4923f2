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
	expect_problem(w, 400, "bad_signature");
	request(w, BY_PUBLIC, "POST", "/billing/webhooks/stripe", NULL, "{}", NULL);
	expect_problem(w, 400, "missing_signature");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM stripe_events WHERE event_id = 'evt_forged'"), 0);
	for (int i = 0; i < 5; i++) {
		webhook(w, "evt_again", "payment_intent.succeeded", "pi_nobody", HOOK_SECRET, "");
		expect_status(w, 200);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM stripe_events WHERE event_id = 'evt_again'"), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE kind = 'webhook.stripe' AND args->>'id' = (SELECT id::text FROM"
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
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'payment.mismatch' AND subject = '%s' AND detail->>'theirCents' = '99900'", id), 1);
	sql_run(w, "DELETE FROM attention");
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

/* A signed event with an object of its own. */
static void
tell(struct world *w, const char *event, const char *type, const char *object)
{
	const char *body = text(w, "{\"id\":\"%s\",\"object\":\"event\",\"type\":\"%s\",\"created\":1767225600,\"livemode\":false,\"data\":{\"object\":%s}}",
	    event, type, object);
	struct buf header = buf_in(world_arena(w), 1024);

	stripe_sign(HOOK_SECRET, clock_us() / US_PER_S, BYTES_OF(body), &header);
	request(w, BY_PUBLIC, "POST", "/billing/webhooks/stripe", NULL, body, (const struct header[]){ { "stripe-signature",
	    header.data }, { NULL, NULL } });
	expect_status(w, 200);
}

static const char *
captured(struct world *w, unsigned n)
{
	const char *id = authorized(w, n), *pi = text(w, "pi_%u", n);

	stub(w, "POST", text(w, "/v1/payment_intents/%s/capture", pi), 200, intent(w, pi, "succeeded", 29900));
	act(w, id, "capture");
	work(w);
	expect_payment(w, id, "captured");
	return id;
}

static unsigned
raised(struct world *w, const char *kind)
{
	return (unsigned)sql_int(w, "SELECT count(*) FROM attention WHERE kind = '%s'", kind);
}

static void
a_refund_made_at_stripe_is_booked_once_and_seen_by_a_person(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	sql_run(w, "DELETE FROM attention");
	id = captured(w, 61);
	/* The total of both refunds overtakes that of the first. */
	tell(w, "evt_61b", "charge.refunded", "{\"id\":\"ch_61\",\"payment_intent\":\"pi_61\",\"amount\":29900,\"amount_refunded\":1500,\"currency\":\"usd\"}");
	tell(w, "evt_61a", "charge.refunded", "{\"id\":\"ch_61\",\"payment_intent\":\"pi_61\",\"amount\":29900,\"amount_refunded\":1000,\"currency\":\"usd\"}");
	tell(w, "evt_61b", "charge.refunded", "{}");
	work(w);
	expect_ledger(w, id, "refunds", 1500);
	assert_int_equal(raised(w, "payment.refund"), 1);
	assert_string_equal(sql_text(w, "SELECT outcome FROM webhook WHERE event_id = 'evt_61a'"), "late");
	tell(w, "evt_61c", "charge.refunded", "{\"id\":\"ch_61\",\"payment_intent\":\"pi_61\",\"amount\":29900,\"amount_refunded\":99900,\"currency\":\"usd\"}");
	work(w);
	expect_ledger(w, id, "refunds", 1500);
	assert_int_equal(raised(w, "payment.mismatch"), 1);
	sql_run(w, "DELETE FROM attention");
}

static void
a_dispute_leaves_the_balance_once_and_comes_back_when_won(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = captured(w, 62);
	for (int i = 0; i < 2; i++)
		tell(w, text(w, "evt_62_%d", i), "charge.dispute.created",
		    "{\"id\":\"dp_62\",\"charge\":\"ch_62\",\"payment_intent\":\"pi_62\",\"amount\":29900,\"currency\":\"usd\",\"reason\":\"fraudulent\","
		    "\"status\":\"needs_response\"}");
	work(w);
	expect_ledger(w, id, "disputes", 29900);
	assert_int_equal(raised(w, "payment.dispute"), 1);
	assert_string_equal(json_text_at(event_last(w, "attention.raised"), "code"), "fraudulent");
	tell(w, "evt_62_won", "charge.dispute.closed",
	    "{\"id\":\"dp_62\",\"charge\":\"ch_62\",\"payment_intent\":\"pi_62\",\"amount\":29900,\"currency\":\"usd\",\"reason\":\"fraudulent\",\"status\":\"won\"}");
	work(w);
	expect_ledger(w, id, "disputes", 0);
	assert_int_equal(raised(w, "payment.dispute"), 0);
	/* Another currency is not booked. */
	tell(w, "evt_62_x", "charge.dispute.created", "{\"id\":\"dp_62x\",\"payment_intent\":\"pi_62\",\"amount\":29900,\"currency\":\"cad\"}");
	work(w);
	expect_ledger(w, id, "disputes", 0);
	assert_int_equal(raised(w, "payment.mismatch"), 1);
}

static void
W6_a_sweep_finds_what_was_never_posted(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	stub(w, "GET", "/v1/events?limit=100", 200, "{\"object\":\"list\",\"data\":["
	    "{\"id\":\"evt_lost\",\"type\":\"payment_intent.succeeded\",\"created\":1767225601,\"livemode\":false,\"data\":{\"object\":{\"id\":\"pi_lost\"}}},"
	    "{\"id\":\"evt_again\",\"type\":\"payment_intent.succeeded\",\"created\":1767225600,\"livemode\":false,\"data\":{\"object\":{\"id\":\"pi_nobody\"}}}],"
	    "\"has_more\":false}");
	stub(w, "GET", "/v1/events?limit=100&ending_before=evt_lost", 200, "{\"object\":\"list\",\"data\":[],\"has_more\":false}");
	stub(w, "GET", "/v1/payment_intents/*", 404, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\",\"message\":\"\"}}");
	for (int i = 0; i < 2; i++) {
		sql_run(w, "INSERT INTO job (tenant_id, queue, kind) VALUES (app_tenant(), 'webhook', 'webhook.sweep')");
		work(w);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM webhook WHERE event_id = 'evt_lost' AND via = 'sweep' AND state = 'handled'"), 1);
	assert_string_equal(sql_text(w, "SELECT position FROM webhook_cursor WHERE vendor = 'stripe'"), "evt_lost");
	assert_int_equal(sql_int(w, "SELECT found FROM webhook_cursor WHERE vendor = 'stripe'"), 1);
}

static void
W1_a_webhook_is_kept_sealed_and_shown_with_a_trace(void **state)
{
	struct world *w = *state;

	assert_true(sql_int(w, "SELECT count(*) FROM webhook WHERE event_id = 'evt_again' AND body_enc IS NOT NULL") == 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM webhook WHERE encode(body_enc, 'escape') LIKE '%%livemode%%'"), 0);
	request(w, BY_PUBLIC, "POST", "/billing/webhooks/stripe", NULL, text(w, "\"%0263000d\"", 1), NULL);
	expect_problem(w, 413, "body_too_large");
	get(w, BY_ADMIN, "/billing/webhooks?objectId=dp_62&limit=200");
	expect_status(w, 200);
	get(w, BY_ADMIN, text(w, "/billing/webhooks/%s", sql_text(w, "SELECT id FROM webhook WHERE event_id = 'evt_again'")));
	expect_status(w, 200);
	assert_non_null(strstr(answer_text(w, "body"), "pi_nobody"));
	assert_int_equal(audit_count(w, "webhook.read", "success"), 1);
	get(w, BY_PUBLIC, "/billing/webhooks");
	expect_status(w, 401);
}

static void
X_WH_01_replayed_and_shuffled_webhooks_change_nothing(void **state)
{
	static const char rows[] = "SELECT md5((SELECT string_agg(p::text, ',' ORDER BY id) FROM payments p) || (SELECT string_agg(l::text, ',' ORDER BY id) FROM ledger l))";
	struct world *w = *state;
	const char *before = sql_text(w, rows);

	stubs_clear(w);
	stub(w, "GET", "/v1/payment_intents/*", 404, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\",\"message\":\"\"}}");
	post(w, BY_ADMIN, text(w, "/billing/webhooks/%s/replay", sql_text(w, "SELECT id FROM webhook WHERE event_id = 'evt_again'")), NULL);
	expect_int(w, "replayed", 1);
	work(w);
	assert_string_equal(sql_text(w, "SELECT state || ' ' || replays FROM webhook WHERE event_id = 'evt_again'"), "handled 1");
	post(w, BY_ADMIN, "/billing/webhooks/replay", "{\"since\":\"2026-01-01T00:00:00Z\",\"shuffle\":true,\"seed\":\"7\"}");
	assert_true(answer_int(w, "replayed") > 10);
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM webhook WHERE state = 'received'"), 0);
	assert_string_equal(sql_text(w, rows), before);
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
		cmocka_unit_test(a_refund_made_at_stripe_is_booked_once_and_seen_by_a_person),
		cmocka_unit_test(a_dispute_leaves_the_balance_once_and_comes_back_when_won),
		cmocka_unit_test(W6_a_sweep_finds_what_was_never_posted),
		cmocka_unit_test(W1_a_webhook_is_kept_sealed_and_shown_with_a_trace),
		cmocka_unit_test(X_WH_01_replayed_and_shuffled_webhooks_change_nothing),
	};

	return cmocka_run_group_tests(tests, billing_setup, billing_teardown);
}
