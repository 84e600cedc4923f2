/*
 * sandbox_pay_test.c: Stripe's Checkout page and Shippo, as their clients and a patient's browser meet them.
 */
#include "core.h"

#include "handlers/sandbox_world.h"

#define PAGE "/sandbox/stripe/pay/"
#define SHIPPO "/sandbox/shippo"
#define TOKEN "ShippoToken shippo_test_of_the_tests"

static const char *
session_form(struct world *w, int amount, int64_t life)
{
	return text(w, "mode=payment&ui_mode=hosted_page&success_url=https%%3A%%2F%%2Fapp.test%%2Fpayments%%2Fdone&cancel_url=https%%3A%%2F%%2Fapp.test%%2Fpayments%%2Fleft"
	    "&client_reference_id=ref&expires_at=%" PRId64 "&line_items[0][quantity]=1&line_items[0][price_data][currency]=usd"
	    "&line_items[0][price_data][unit_amount]=%d&line_items[0][price_data][product_data][name]=Prescription%%20copay&metadata[payment_id]=p1"
	    "&payment_intent_data[metadata][payment_id]=p1", sql_int(w, "SELECT floor(extract(epoch FROM now()))::bigint") + life, amount);
}

static const char *
opened(struct world *w)
{
	stripe(w, "/checkout/sessions", NULL, session_form(w, 500, 86400));
	expect_status(w, 200);
	expect_text(w, "status", "open");
	expect_int(w, "amount_total", 500);
	return answer_text(w, "id");
}

static void
a_session_lives_between_half_an_hour_and_a_day(void **state)
{
	struct world *w = *state;

	stripe(w, "/checkout/sessions", NULL, session_form(w, 500, 1700));
	expect_status(w, 400);
	stripe(w, "/checkout/sessions", NULL, session_form(w, 500, 86500));
	expect_status(w, 400);
	stripe(w, "/checkout/sessions", NULL, "mode=payment&success_url=x&colour=red");
	expect_status(w, 400);
	expect_text(w, "error.code", "parameter_unknown");
	quiet(w);
}

static void
P_PAY_07_the_page_takes_a_test_card_once_and_tells(void **state)
{
	struct world *w = *state;
	const char *id = opened(w), *intent;

	call(w, "GET", text(w, PAGE "%s", id), NULL, NULL);
	expect_status(w, 200);
	assert_non_null(strstr((const char *)answer_bytes(w).p, "Prescription copay"));
	assert_non_null(strstr((const char *)answer_bytes(w).p, "Pay 5.00 USD"));
	call(w, "POST", text(w, PAGE "%s", id), NULL, "number=4000000000009995");
	expect_status(w, 402);
	assert_non_null(strstr((const char *)answer_bytes(w).p, "insufficient funds"));
	call(w, "POST", text(w, PAGE "%s", id), NULL, "number=4242+4242+4242+4242&exp=12/34&cvc=123");
	expect_status(w, 303);
	assert_string_equal(answer_header(w, "location"), "https://app.test/payments/done");
	stripe(w, text(w, "/checkout/sessions/%s", id), NULL, NULL);
	expect_text(w, "status", "complete");
	expect_text(w, "payment_status", "paid");
	intent = answer_text(w, "payment_intent");
	stripe(w, text(w, "/payment_intents/%s", intent), NULL, NULL);
	expect_text(w, "status", "succeeded");
	expect_int(w, "amount_received", 500);
	expect_text(w, "metadata.payment_id", "p1");
	/* Paid is paid. */
	call(w, "POST", text(w, PAGE "%s", id), NULL, "number=4242424242424242");
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM object WHERE type = 'payment_intent' AND data->>'id' = '%s'", intent), 1);
	stripe(w, text(w, "/checkout/sessions/%s/expire", id), NULL, "");
	expect_status(w, 400);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM object WHERE type = 'event' AND data->>'type' = 'checkout.session.completed'"
	    " AND data#>>'{data,object,id}' = '%s'", id), 1);
	stripe(w, text(w, "/checkout/sessions?payment_intent=%s", intent), NULL, NULL);
	expect_text(w, "data.0.id", id);
	quiet(w);
}

static void
a_session_that_expired_takes_nothing(void **state)
{
	struct world *w = *state;
	const char *id = opened(w);

	stripe(w, text(w, "/checkout/sessions/%s/expire", id), NULL, "");
	expect_text(w, "status", "expired");
	call(w, "POST", text(w, PAGE "%s", id), NULL, "number=4242424242424242");
	expect_status(w, 410);
	call(w, "GET", PAGE "cs_test_none", NULL, NULL);
	expect_status(w, 404);
	/* By time. */
	id = opened(w);
	sql_run(w, "UPDATE object SET data = jsonb_set(data, '{expires_at}', '1') WHERE id = '%s'", id);
	stub(w, "POST", HOOK, 200, "");
	work_all(w);
	stripe(w, text(w, "/checkout/sessions/%s", id), NULL, NULL);
	expect_text(w, "status", "expired");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM object WHERE type = 'event' AND data->>'type' = 'checkout.session.expired'"
	    " AND data#>>'{data,object,id}' = '%s'", id), 1);
	quiet(w);
}

static const char *
rates_to(struct world *w, const char *zip)
{
	call(w, "POST", SHIPPO "/shipments", TOKEN, text(w, "{\"address_from\":{\"name\":\"P\",\"street1\":\"1\",\"city\":\"Boston\",\"state\":\"MA\",\"zip\":\"02101\",\"country\":\"US\"},"
	    "\"address_to\":{\"name\":\"Ada\",\"street1\":\"4\",\"city\":\"Cambridge\",\"state\":\"MA\",\"zip\":\"%s\",\"country\":\"US\"},\"parcels\":[{\"length\":\"10\",\"width\":\"8\","
	    "\"height\":\"4\",\"distance_unit\":\"in\",\"weight\":\"1\",\"mass_unit\":\"lb\"}],\"async\":false,\"metadata\":\"m1\"}", zip));
	expect_status(w, 201);
	return answer_text(w, "rates.0.object_id");
}

static void
shippo_sells_labels_each_time_it_is_asked_and_follows_them(void **state)
{
	struct world *w = *state;
	const char *rate, *id, *number;

	call(w, "GET", SHIPPO "/transactions", "Bearer shippo_test_of_the_tests", NULL);
	expect_status(w, 401);
	rate = rates_to(w, "02138");
	expect_text(w, "rates.0.amount", "5.50");
	expect_text(w, "rates.2.servicelevel.token", "fedex_2_day");
	expect_int(w, "rates.1.estimated_days", 2);
	call(w, "POST", SHIPPO "/transactions", TOKEN, text(w, "{\"rate\":\"%s\",\"label_file_type\":\"PDF_4x6\",\"async\":false,\"metadata\":\"ours:1\"}", rate));
	expect_status(w, 201);
	expect_text(w, "status", "SUCCESS");
	id = answer_text(w, "object_id");
	number = answer_text(w, "tracking_number");
	call(w, "GET", text(w, SHIPPO "/labels/%s", id), NULL, NULL);
	expect_status(w, 200);
	assert_memory_equal(answer_bytes(w).p, "%PDF", 4);
	call(w, "GET", SHIPPO "/transactions?results=100&page=1", TOKEN, NULL);
	expect_text(w, "results.0.metadata", "ours:1");
	call(w, "GET", text(w, SHIPPO "/tracks/usps/%s", number), TOKEN, NULL);
	expect_status(w, 200);
	expect_text(w, "tracking_history.0.status", "PRE_TRANSIT");
	sql_run(w, "UPDATE object SET created_at = created_at - interval '250 seconds' WHERE id = '%s'", id);
	call(w, "GET", text(w, SHIPPO "/tracks/usps/%s", number), TOKEN, NULL);
	expect_text(w, "tracking_status.substatus.code", "out_for_delivery");
	expect_text(w, "tracking_history.1.status", "TRANSIT");
	/* On its way it is not void any more. */
	call(w, "POST", SHIPPO "/refunds", TOKEN, text(w, "{\"transaction\":\"%s\"}", id));
	expect_text(w, "status", "ERROR");
	call(w, "GET", SHIPPO "/tracks/shippo/SHIPPO_DELIVERED", TOKEN, NULL);
	expect_text(w, "tracking_status.status", "DELIVERED");
	sql_run(w, "UPDATE object SET created_at = created_at - interval '250 seconds' WHERE id = '%s'", id);
	stub(w, "POST", "https://app.test/shipping/webhooks/shippo", 200, "");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "https://app.test/shipping/webhooks/shippo"), 3);
	assert_string_equal(sent_text(sent_to(w, "POST", "https://app.test/shipping/webhooks/shippo", 2), "data.tracking_status.status"), "DELIVERED");
	assert_non_null(sent_header(sent_to(w, "POST", "https://app.test/shipping/webhooks/shippo", 0), "Shippo-Auth-Signature"));
	stubs_clear(w);
}

static void
shippo_fails_by_its_scripts(void **state)
{
	struct world *w = *state;
	const char *rate = rates_to(w, "99990");

	call(w, "POST", SHIPPO "/transactions", TOKEN, text(w, "{\"rate\":\"%s\"}", rate));
	expect_status(w, 201);
	expect_text(w, "status", "ERROR");
	rate = rates_to(w, "99992");
	call(w, "POST", SHIPPO "/transactions", TOKEN, text(w, "{\"rate\":\"%s\"}", rate));
	expect_status(w, 400);
	rate = rates_to(w, "02138");
	call(w, "POST", SHIPPO "/transactions", TOKEN, text(w, "{\"rate\":\"%s\",\"metadata\":\"v:1\"}", rate));
	call(w, "POST", SHIPPO "/refunds", TOKEN, text(w, "{\"transaction\":\"%s\"}", answer_text(w, "object_id")));
	expect_text(w, "status", "QUEUED");
	fault(w, "shippo", "{\"mode\":\"timeout_after\",\"path\":\"/transactions\"}");
	call(w, "POST", SHIPPO "/transactions", TOKEN, text(w, "{\"rate\":\"%s\",\"metadata\":\"lost:1\"}", rate));
	expect_status(w, 502);
	call(w, "GET", SHIPPO "/transactions?results=1", TOKEN, NULL);
	expect_text(w, "results.0.metadata", "lost:1");
	rates_to(w, "00000");
	expect_absent(w, "rates.0");
	call(w, "GET", "/sandbox/shippo/ledger?key=lost:1", NULL, NULL);
	expect_text(w, "entries.0.type", "transaction");
	sql_run(w, "DELETE FROM job");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_lives_between_half_an_hour_and_a_day),
		cmocka_unit_test(P_PAY_07_the_page_takes_a_test_card_once_and_tells),
		cmocka_unit_test(a_session_that_expired_takes_nothing),
		cmocka_unit_test(shippo_sells_labels_each_time_it_is_asked_and_follows_them),
		cmocka_unit_test(shippo_fails_by_its_scripts),
	};

	return cmocka_run_group_tests(tests, sandbox_setup, sandbox_teardown);
}
