/*
 * billing_test.c: a card is saved, an amount is held, taken or given back, once each. Stripe is a stub that answers as its contract
 * says.
 */
#include "billing_world.h"

/* ---- the card */

static void
saving_a_card_charges_nothing_and_keeps_its_price(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = saved_card(w);
	assert_int_equal(sent_count(w, "POST", "/v1/payment_intents"), 0);
	assert_string_equal(sql_text(w, "SELECT payment_method FROM setup_intents WHERE id = '%s'", id), "pm_1");
	assert_int_equal(sql_int(w, "SELECT amount_cents FROM setup_intents WHERE id = '%s'", id), 29900);
	assert_non_null(strstr(sent_to(w, "POST", "/v1/setup_intents", -1)->raw, "usage=off_session"));
	assert_non_null(strstr(sent_to(w, "POST", "/v1/setup_intents", -1)->raw, "metadata[amount_cents]=29900"));
	assert_non_null(sent_header(sent_to(w, "POST", "/v1/setup_intents", -1), "Stripe-Version"));
}

static void
a_repeat_after_a_lost_commit_asks_stripe_with_the_same_keys_and_finds_the_same_card(void **state)
{
	struct world *w = *state;
	const char *first, *customer, *setup_key;

	stubs_clear(w);
	first = saved_card(w);
	customer = sent_header(sent_to(w, "POST", "/v1/customers", 0), "Idempotency-Key");
	setup_key = sent_header(sent_to(w, "POST", "/v1/setup_intents", 0), "Idempotency-Key");
	assert_string_not_equal(customer, setup_key);
	sql_run(w, "DELETE FROM idempotency");
	sql_run(w, "DELETE FROM setup_intents WHERE id = '%s'", first);
	serial--;
	assert_string_equal(saved_card(w), first);
	assert_string_equal(sent_header(sent_to(w, "POST", "/v1/customers", -1), "Idempotency-Key"), customer);
	assert_string_equal(sent_header(sent_to(w, "POST", "/v1/setup_intents", -1), "Idempotency-Key"), setup_key);
	assert_string_equal(sent_to(w, "POST", "/v1/setup_intents", -1)->raw, sent_to(w, "POST", "/v1/setup_intents", 0)->raw);
}

static void
a_slow_stripe_is_503_and_leaves_nothing(void **state)
{
	struct world *w = *state;
	int64_t before = sql_int(w, "SELECT count(*) FROM setup_intents");

	stubs_clear(w);
	stub_broken(w, "POST", "/v1/customers", HTTP_UNKNOWN);
	post_key(w, BY_SERVICE("intake"), "/billing/setup-intents", "intake:slow-stripe:setup",
	    "{\"intakeId\":\"0194d9f0-0000-7000-8000-0000000000c9\","
	    "\"patientId\":\"" PATIENT "\",\"planId\":\"glp1\",\"amountCents\":29900,\"currency\":\"USD\"}");
	expect_problem(w, 503, "stripe_unavailable");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM setup_intents"), before);
}

static void
an_intent_of_another_amount_is_refused(void **state)
{
	struct world *w = *state;
	const char *card;

	stubs_clear(w);
	card = saved_card(w);
	sql_run(w, "UPDATE setup_intents SET status = 'processing', payment_method = NULL, amount_cents = 100 WHERE id = '%s'",
	    card);
	get(w, BY_SERVICE("intake"), text(w, "/billing/setup-intents/%s", card));
	expect_problem(w, 400, "amount_mismatch");
}

static void
a_saved_card_is_not_asked_for_again(void **state)
{
	struct world *w = *state;
	const char *card;
	unsigned asked;

	stubs_clear(w);
	card = saved_card(w);
	asked = sent_count(w, "GET", "/v1/setup_intents/*");
	get(w, BY_SERVICE("intake"), text(w, "/billing/setup-intents/%s", card));
	expect_status(w, 200);
	expect_text(w, "paymentMethod", "pm_1");
	assert_int_equal(sent_count(w, "GET", "/v1/setup_intents/*"), asked);
	get(w, BY_SERVICE("notify"), text(w, "/billing/setup-intents/%s", card));
	expect_status(w, 403);
}

/* ---- authorising */

static void
an_authorisation_holds_the_amount_and_tells(void **state)
{
	struct world *w = *state;
	const struct sent *s;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 1);
	expect_payment(w, id, "authorized");
	expect_ledger(w, id, "card_authorised", 29900);
	expect_ledger(w, id, "authorisations", -29900);
	s = sent_to(w, "POST", "/v1/payment_intents", -1);
	assert_non_null(strstr(s->raw, "capture_method=manual&off_session=true&confirm=true"));
	assert_non_null(strstr(s->raw, "amount=29900&currency=usd&customer=cus_1&payment_method=pm_1"));
	assert_non_null(sent_header(s, "Idempotency-Key"));
	assert_string_equal(json_text_at(event_last(w, "payment.authorized"), "paymentId"), id);
	assert_int_equal(audit_count(w, "payment.status", "success") > 0, 1);
}

static void
the_same_run_again_is_the_same_payment(void **state)
{
	struct world *w = *state;
	const char *card, *first;

	stubs_clear(w);
	card = saved_card(w);
	stub(w, "POST", "/v1/payment_intents", 200, intent(w, "pi_2", "requires_capture", 29900));
	first = pay(w, card, 2);
	assert_string_equal(pay(w, card, 2), first);
	work(w);
	assert_string_equal(pay(w, card, 2), first);
	work(w);
	assert_int_equal(sent_count(w, "POST", "/v1/payment_intents"), 1);
	post_key(w, BY_SERVICE("orchestrator"), "/billing/payments", key(w), payment_body(w, card, 2, 19900, 1));
	expect_problem(w, 409, "payment_exists");
}

static void
nothing_above_what_the_patient_agreed_to_is_authorised(void **state)
{
	struct world *w = *state;
	const char *card;

	stubs_clear(w);
	card = saved_card(w);
	post_key(w, BY_SERVICE("orchestrator"), "/billing/payments", key(w), payment_body(w, card, 3, 29901, 1));
	expect_problem(w, 422, "amount_above_consent");
	sql_run(w, "UPDATE setup_intents SET currency = 'EUR' WHERE id = '%s'", card);
	post_key(w, BY_SERVICE("orchestrator"), "/billing/payments", key(w), payment_body(w, card, 3, 29900, 1));
	expect_problem(w, 422, "currency_mismatch");
	sql_run(w, "UPDATE setup_intents SET currency = 'USD', status = 'requires_action' WHERE id = '%s'", card);
	post_key(w, BY_SERVICE("orchestrator"), "/billing/payments", key(w), payment_body(w, card, 3, 29900, 1));
	expect_problem(w, 422, "card_not_saved");
	sql_run(w, "UPDATE setup_intents SET patient_id = gen_random_uuid() WHERE id = '%s'", card);
	post_key(w, BY_SERVICE("orchestrator"), "/billing/payments", key(w), payment_body(w, card, 3, 29900, 1));
	expect_problem(w, 404, "not_found");
	work(w);
	assert_int_equal(sent_count(w, "POST", "/v1/payment_intents"), 0);
}

static void
a_decline_fails_the_payment_and_says_only_that(void **state)
{
	static const struct { const char *code, *decline_code, *told; } cases[] = {
		{ "card_declined", "generic_decline", "card_declined" },
		{ "card_declined", "stolen_card", "card_declined" },
		{ "card_declined", "authentication_required", "authentication_required" },
		{ "authentication_required", "authentication_required", "authentication_required" },
		{ "expired_card", "expired_card", "expired_card" },
	};
	struct world *w = *state;

	for (unsigned i = 0; i < COUNT(cases); i++) {
		const char *card, *id;

		stubs_clear(w);
		card = saved_card(w);
		stub(w, "POST", "/v1/payment_intents", 402, declined(w, text(w, "pi_d%u", i), cases[i].code,
		    cases[i].decline_code));
		id = pay(w, card, 10 + i);
		work_all(w);
		expect_payment(w, id, "failed");
		assert_int_equal(sent_count(w, "POST", "/v1/payment_intents"), 1);
		assert_string_equal(json_text_at(event_last(w, "payment.failed"), "code"), cases[i].told);
		expect_ledger(w, id, "card_authorised", 0);
		act(w, id, "capture");
		expect_problem(w, 409, "payment_not_authorized");
	}
}

static void
a_new_generation_needs_the_failure_of_the_one_before(void **state)
{
	struct world *w = *state;
	const char *card;

	stubs_clear(w);
	card = saved_card(w);
	stub(w, "POST", "/v1/payment_intents", 402, declined(w, "pi_g1", "card_declined", "generic_decline"));
	(void)pay(w, card, 20);
	post_key(w, BY_SERVICE("orchestrator"), "/billing/payments", key(w), payment_body(w, card, 20, 29900, 2));
	expect_problem(w, 409, "payment_active");
	work(w);
	stub(w, "POST", "/v1/payment_intents", 200, intent(w, "pi_g2", "requires_capture", 29900));
	post_key(w, BY_SERVICE("orchestrator"), "/billing/payments", key(w), payment_body(w, card, 20, 29900, 2));
	expect_status(w, 202);
	work(w);
	expect_payment(w, answer_text(w, "paymentId"), "authorized");
	assert_string_not_equal(sent_header(sent_to(w, "POST", "/v1/payment_intents", 0), "Idempotency-Key"),
	    sent_header(sent_to(w, "POST", "/v1/payment_intents", -1), "Idempotency-Key"));
}

static void
a_timeout_after_the_effect_is_resent_with_the_same_bytes_and_key(void **state)
{
	struct world *w = *state;
	const struct sent *first, *second;
	const char *card, *id;

	stubs_clear(w);
	card = saved_card(w);
	stub(w, "POST", "/v1/payment_intents", 200, intent(w, "pi_30", "requires_capture", 29900));
	stub_once(w, "POST", "/v1/payment_intents", 500, "{\"error\":{\"type\":\"api_error\",\"message\":\"oops\"}}");
	stub_broken(w, "POST", "/v1/payment_intents", HTTP_UNKNOWN);
	id = pay(w, card, 30);
	work_all(w);
	expect_payment(w, id, "authorized");
	first = sent_to(w, "POST", "/v1/payment_intents", 0);
	second = sent_to(w, "POST", "/v1/payment_intents", 2);
	assert_string_equal(first->raw, second->raw);
	assert_string_equal(sent_header(first, "Idempotency-Key"), sent_header(second, "Idempotency-Key"));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM ledger WHERE payment_id = '%s' AND kind = 'authorised'", id), 2);
}

#define STORED_FAILURE "{\"error\":{\"type\":\"api_error\",\"message\":\"oops\"}}"

static void
a_key_that_only_replays_a_failure_is_settled_by_looking_the_intent_up(void **state)
{
	struct world *w = *state;
	const char *card, *id;

	stubs_clear(w);
	card = saved_card(w);
	stub(w, "POST", "/v1/payment_intents", 500, STORED_FAILURE);
	id = pay(w, card, 32);
	stub(w, "GET", "/v1/payment_intents?*", 200, text(w, "{\"object\":\"list\",\"data\":[{\"id\":\"pi_other\",\"metadata\":{}},"
	    "{\"id\":\"pi_32\",\"status\":\"requires_capture\",\"amount\":29900,\"amount_received\":0,\"currency\":\"usd\","
	    "\"metadata\":{\"payment_id\":\"%s\"}}],\"has_more\":false}", id));
	work_all(w);
	expect_payment(w, id, "authorized");
	assert_int_equal(sent_count(w, "POST", "/v1/payment_intents"), 3);
	assert_string_equal(sql_text(w, "SELECT stripe_payment_intent FROM payments WHERE id = '%s'", id), "pi_32");
}

static void
a_failure_whose_intent_is_absent_needs_a_person(void **state)
{
	struct world *w = *state;
	const char *card, *id;

	stubs_clear(w);
	card = saved_card(w);
	stub(w, "POST", "/v1/payment_intents", 500, STORED_FAILURE);
	stub(w, "GET", "/v1/payment_intents?*", 200, "{\"object\":\"list\",\"data\":[],\"has_more\":false}");
	id = pay(w, card, 33);
	work_all(w);
	expect_payment(w, id, "manual");
	assert_string_equal(json_text_at(event_last(w, "payment.manual"), "code"), "outcome_unknown");
	expect_ledger(w, id, "card_authorised", 0);
}

static void
a_lost_capture_is_found_by_looking(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 34);
	stub(w, "POST", "/v1/payment_intents/pi_34/capture", 500, STORED_FAILURE);
	stub(w, "GET", "/v1/payment_intents/pi_34", 200, intent(w, "pi_34", "succeeded", 29900));
	act(w, id, "capture");
	work_all(w);
	expect_payment(w, id, "captured");
	assert_int_equal(sent_count(w, "POST", "/v1/payment_intents/pi_34/capture"), 3);
	expect_ledger(w, id, "revenue", -29900);
}

static void
a_payment_that_stripe_still_processes_is_asked_about(void **state)
{
	struct world *w = *state;
	const char *card, *id;

	stubs_clear(w);
	card = saved_card(w);
	stub(w, "POST", "/v1/payment_intents", 200, intent(w, "pi_31", "processing", 29900));
	stub(w, "GET", "/v1/payment_intents/pi_31", 200, intent(w, "pi_31", "requires_capture", 29900));
	stub_once(w, "GET", "/v1/payment_intents/pi_31", 200, intent(w, "pi_31", "processing", 29900));
	id = pay(w, card, 31);
	work(w);
	expect_payment(w, id, "pending");
	work_all(w);
	expect_payment(w, id, "authorized");
	assert_int_equal(sent_count(w, "POST", "/v1/payment_intents"), 1);
}

/* ---- capture and cancel */

static void
a_capture_turns_the_promise_into_revenue_once(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 40);
	stub(w, "POST", "/v1/payment_intents/pi_40/capture", 200, intent(w, "pi_40", "succeeded", 29900));
	act(w, id, "capture");
	expect_status(w, 202);
	expect_text(w, "status", "capturing");
	act(w, id, "capture");
	expect_status(w, 202);
	work(w);
	expect_payment(w, id, "captured");
	act(w, id, "capture");
	expect_text(w, "status", "captured");
	work(w);
	assert_int_equal(sent_count(w, "POST", "/v1/payment_intents/pi_40/capture"), 1);
	expect_ledger(w, id, "card_authorised", 0);
	expect_ledger(w, id, "authorisations", 0);
	expect_ledger(w, id, "stripe_balance", 29900);
	expect_ledger(w, id, "revenue", -29900);
	act(w, id, "cancel");
	expect_problem(w, 409, "payment_not_authorized");
	assert_string_equal(json_text_at(event_last(w, "payment.captured"), "paymentId"), id);
}

static void
a_cancelled_authorisation_is_released(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 41);
	stub(w, "POST", "/v1/payment_intents/pi_41/cancel", 200, intent(w, "pi_41", "canceled", 29900));
	act(w, id, "cancel");
	expect_status(w, 202);
	work(w);
	expect_payment(w, id, "cancelled");
	expect_ledger(w, id, "card_authorised", 0);
	expect_ledger(w, id, "revenue", 0);
	assert_string_equal(json_text_at(event_last(w, "payment.cancelled"), "paymentId"), id);
	act(w, id, "capture");
	expect_problem(w, 409, "payment_not_authorized");
}

static void
an_authorisation_that_expired_before_its_capture_is_cancelled(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 143);
	stub(w, "POST", "/v1/payment_intents/pi_143/capture", 400, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":"
	    "\"payment_intent_unexpected_state\",\"message\":\"no\",\"payment_intent\":{\"id\":\"pi_143\","
	    "\"status\":\"canceled\"}}}");
	act(w, id, "capture");
	work_all(w);
	expect_payment(w, id, "cancelled");
	assert_string_equal(json_text_at(event_last(w, "payment.cancelled"), "code"), "authorisation_lost");
	expect_ledger(w, id, "card_authorised", 0);
	expect_ledger(w, id, "revenue", 0);
}

/* ---- what was captured is given back */

static const char *
captured(struct world *w, unsigned n)
{
	const char *id = authorized(w, n);

	stub(w, "POST", text(w, "/v1/payment_intents/pi_%u/capture", n), 200, intent(w, text(w, "pi_%u", n), "succeeded", 29900));
	act(w, id, "capture");
	work(w);
	expect_payment(w, id, "captured");
	return id;
}

static void
X_SAGA_02_a_refund_gives_all_back_once(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = captured(w, 144);
	stub(w, "POST", "/v1/refunds", 200, "{\"id\":\"re_144\",\"object\":\"refund\",\"status\":\"succeeded\"}");
	act(w, id, "refund");
	expect_status(w, 202);
	act(w, id, "refund");
	expect_status(w, 202);
	work(w);
	expect_payment(w, id, "refunded");
	assert_int_equal(sent_count(w, "POST", "/v1/refunds"), 1);
	assert_non_null(strstr(sent_to(w, "POST", "/v1/refunds", 0)->raw, "payment_intent=pi_144"));
	expect_ledger(w, id, "stripe_balance", 0);
	expect_ledger(w, id, "refunds", 29900);
	assert_string_equal(json_text_at(event_last(w, "payment.refunded"), "paymentId"), id);
}

static void
X_SAGA_03_a_refund_whose_answer_is_lost_is_looked_up_before_it_is_sent_again(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = captured(w, 145);
	stub_broken(w, "POST", "/v1/refunds", HTTP_UNKNOWN);
	stub(w, "GET", "/v1/refunds*", 200, text(w, "{\"object\":\"list\",\"data\":[{\"id\":\"re_145\",\"status\":\"succeeded\","
	    "\"metadata\":{\"payment_id\":\"%s\"}}]}", id));
	act(w, id, "refund");
	work_all(w);
	expect_payment(w, id, "refunded");
	assert_int_equal(sent_count(w, "POST", "/v1/refunds"), 1);
}

static void
what_was_not_captured_is_not_refunded(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 146);
	act(w, id, "refund");
	expect_problem(w, 409, "payment_not_captured");
}

static void
a_capture_that_stripe_refuses_needs_a_person(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 42);
	stub(w, "POST", "/v1/payment_intents/pi_42/capture", 400, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":"
	    "\"payment_intent_unexpected_state\",\"message\":\"no\",\"payment_intent\":{\"id\":\"pi_42\","
	    "\"status\":\"processing\"}}}");
	act(w, id, "capture");
	work_all(w);
	expect_payment(w, id, "manual");
	assert_string_equal(json_text_at(event_last(w, "payment.manual"), "code"), "payment_intent_unexpected_state");
	expect_ledger(w, id, "revenue", 0);
	act(w, id, "cancel");
	expect_problem(w, 409, "payment_not_authorized");
}

static void
before_it_is_authorised_a_payment_is_neither_captured_nor_cancelled(void **state)
{
	struct world *w = *state;
	const char *card, *id;

	stubs_clear(w);
	card = saved_card(w);
	id = pay(w, card, 43);
	act(w, id, "capture");
	expect_problem(w, 409, "payment_not_authorized");
	act(w, id, "cancel");
	expect_problem(w, 409, "payment_not_authorized");
	stub(w, "POST", "/v1/payment_intents", 200, intent(w, "pi_43", "requires_capture", 29900));
	work(w);
	get(w, BY_SERVICE("orchestrator"), text(w, "/billing/payments/%s", id));
	expect_text(w, "status", "authorized");
}

/* ---- the ledger and the rows defend themselves */

static bool
refused(struct world *w, const char *statement)
{
	return strncmp(sql_text(w, "SELECT try_sql($try$%s$try$)", statement), "refused", 7) == 0;
}

static void
the_database_refuses_an_unbalanced_ledger_a_changed_entry_and_an_illegal_move(void **state)
{
	struct world *w = *state;
	const char *id;

	stubs_clear(w);
	id = authorized(w, 60);
	sql_run(w, "CREATE OR REPLACE FUNCTION try_sql(s text) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN EXECUTE s; SET"
	    " CONSTRAINTS ALL IMMEDIATE;"
	    " RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN 'refused ' || SQLERRM; END $f$");
	assert_false(refused(w, "SELECT 1"));
	assert_true(refused(w, text(w, "INSERT INTO ledger (tenant_id, transaction_id, payment_id, kind, account, amount_cents,"
	    " currency) SELECT"
	    " tenant_id, gen_random_uuid(), id, 'captured', 'revenue', -100, 'USD' FROM payments WHERE id = '%s'", id)));
	assert_true(refused(w, "UPDATE ledger SET amount_cents = 1"));
	assert_true(refused(w, "DELETE FROM payment_history"));
	assert_true(refused(w, text(w, "UPDATE payments SET status = 'captured' WHERE id = '%s'", id)));
	assert_true(refused(w, text(w, "UPDATE payments SET captured_cents = 29901 WHERE id = '%s'", id)));
}

static void
a_live_key_is_refused_outside_live_mode(void **state)
{
	static const struct { const char *key, *live; int ok; } cases[] = {
		{ "sk_test_1", "false", 1 }, { "sk_live_1", "false", 0 }, { "rk_live_1", "false", 0 }, { "sk_test_1", "true", 0 },
	};
	const struct conf_key *tables[] = { core_conf, billing_service.config, NULL };
	struct world *w = *state;

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct problem err = { 0 };
		struct conf *conf;

		setenv("STRIPE_SECRET_KEY", cases[i].key, 1);
		setenv("LIVE_MODE", cases[i].live, 1);
		conf = conf_load(tables, &err);
		assert_non_null(conf);
		assert_int_equal(billing_service.start(conf, &err) == 0, cases[i].ok);
		conf_free(conf);
	}
	setenv("STRIPE_SECRET_KEY", "sk_test_x", 1);
	unsetenv("LIVE_MODE");
	(void)w;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(saving_a_card_charges_nothing_and_keeps_its_price),
		cmocka_unit_test(a_repeat_after_a_lost_commit_asks_stripe_with_the_same_keys_and_finds_the_same_card),
		cmocka_unit_test(a_slow_stripe_is_503_and_leaves_nothing),
		cmocka_unit_test(an_intent_of_another_amount_is_refused),
		cmocka_unit_test(a_saved_card_is_not_asked_for_again),
		cmocka_unit_test(an_authorisation_holds_the_amount_and_tells),
		cmocka_unit_test(the_same_run_again_is_the_same_payment),
		cmocka_unit_test(nothing_above_what_the_patient_agreed_to_is_authorised),
		cmocka_unit_test(a_decline_fails_the_payment_and_says_only_that),
		cmocka_unit_test(a_new_generation_needs_the_failure_of_the_one_before),
		cmocka_unit_test(a_timeout_after_the_effect_is_resent_with_the_same_bytes_and_key),
		cmocka_unit_test(a_key_that_only_replays_a_failure_is_settled_by_looking_the_intent_up),
		cmocka_unit_test(a_failure_whose_intent_is_absent_needs_a_person),
		cmocka_unit_test(a_lost_capture_is_found_by_looking),
		cmocka_unit_test(a_payment_that_stripe_still_processes_is_asked_about),
		cmocka_unit_test(a_capture_turns_the_promise_into_revenue_once),
		cmocka_unit_test(a_cancelled_authorisation_is_released),
		cmocka_unit_test(a_capture_that_stripe_refuses_needs_a_person),
		cmocka_unit_test(an_authorisation_that_expired_before_its_capture_is_cancelled),
		cmocka_unit_test(X_SAGA_02_a_refund_gives_all_back_once),
		cmocka_unit_test(X_SAGA_03_a_refund_whose_answer_is_lost_is_looked_up_before_it_is_sent_again),
		cmocka_unit_test(what_was_not_captured_is_not_refunded),
		cmocka_unit_test(before_it_is_authorised_a_payment_is_neither_captured_nor_cancelled),
		cmocka_unit_test(the_database_refuses_an_unbalanced_ledger_a_changed_entry_and_an_illegal_move),
		cmocka_unit_test(a_live_key_is_refused_outside_live_mode),
	};

	return cmocka_run_group_tests(tests, billing_setup, billing_teardown);
}
