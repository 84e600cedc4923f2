/*
 * billing_link_test.c: the copay behind a link (P-PAY): made once, reminded once, over by Stripe's word, paid once whoever tells it, late money by rule, a
 * ledger that sums to zero.
 */
#include "billing_world.h"

#include "base/clock.h"
#include "crypto/signature.h"

static const char *
fresh_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

static struct uuid
id_of(const char *s)
{
	struct uuid u = UUID_NIL;

	assert_int_equal(uuid_parse(s, &u), 0);
	return u;
}

static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	stub(w, "POST", "/notify/send", 202, "{\"notificationId\":\"00000000-0000-7000-8000-000000000001\",\"channels\":[]}");
	return 0;
}

/* The payer's word; the seed's figures. */
static const char *
adjudicated(struct world *w, const char *rx, int final)
{
	const char *adjudication = fresh_id(w);

	send_event(w, "adjudication", "insurance.adjudication.completed", id_of(rx), text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"" PATIENT "\","
	    "\"adjudication_id\":\"%s\",\"drug_cost_cents\":650000,\"insurance_paid_cents\":500000,\"copay_cents\":150000,\"final_copay_cents\":%d,"
	    "\"patient_savings_cents\":%d}", rx, adjudication, final, 150000 - final));
	return adjudication;
}

static void
prescription_is(struct world *w, const char *rx, const char *status)
{
	stub(w, "GET", text(w, "/prescriptions/%s/details", rx), 200, text(w, "{\"prescriptionId\":\"%s\",\"patientId\":\"" PATIENT "\",\"status\":\"%s\","
	    "\"patient\":{\"firstName\":\"Ada\",\"lastName\":\"Sample\",\"birthDate\":\"1980-01-01\",\"phone\":\"+16175550100\",\"email\":\"ada@example.com\","
	    "\"address\":{\"line1\":\"456 Oak Ave\",\"city\":\"Cambridge\",\"state\":\"MA\",\"zip\":\"02138\"}},"
	    "\"insurance\":{},\"prescriber\":{\"npi\":\"1234567893\",\"name\":\"Dr Sample\"},"
	    "\"medication\":{\"drug_name\":\"Samplimab\",\"ndc\":\"00000000001\",\"quantity\":2,\"days_supply\":28,\"refills\":0,\"sig\":\"weekly\","
	    "\"schedule\":\"none\",\"cold_chain\":true}}", rx, status));
}

/* What Stripe says of the session that it made for us. */
static const char *
session(struct world *w, const char *id, const char *status, int amount, const char *payment)
{
	return text(w, "{\"id\":\"%s\",\"object\":\"checkout.session\",\"status\":\"%s\",\"payment_status\":\"%s\",\"amount_total\":%d,\"currency\":\"usd\","
	    "\"payment_intent\":%s,\"url\":%s,\"metadata\":{\"payment_id\":\"%s\"}}", id, status, strcmp(status, "complete") == 0 ? "paid" : "unpaid", amount,
	    strcmp(status, "complete") == 0 ? text(w, "\"pi_%s\"", id) : "null",
	    strcmp(status, "open") == 0 ? text(w, "\"https://stripe.test/pay/%s\"", id) : "null", payment);
}

/* A link that is open as cs_<n>; its payment. */
static const char *
open_link(struct world *w, const char *rx, unsigned n, int final)
{
	const char *id;

	adjudicated(w, rx, final);
	id = sql_text(w, "SELECT id FROM payments WHERE run_id = '%s' ORDER BY generation DESC LIMIT 1", rx);
	stub_once(w, "POST", "/v1/checkout/sessions", 200, session(w, text(w, "cs_%u", n), "open", final, id));
	prescription_is(w, rx, "payment_pending");
	work(w);
	return id;
}

static void
webhook(struct world *w, const char *event, const char *type, const char *object)
{
	const char *body = text(w, "{\"id\":\"%s\",\"object\":\"event\",\"type\":\"%s\",\"created\":1767225600,\"livemode\":false,\"data\":{\"object\":{\"id\":\"%s\"}}}",
	    event, type, object);
	struct buf header = buf_in(world_arena(w), 1024);

	stripe_sign(HOOK_SECRET, clock_us() / US_PER_S, BYTES_OF(body), &header);
	request(w, BY_PUBLIC, "POST", "/api/v1/webhooks/stripe", NULL, body, (const struct header[]){ { "stripe-signature", header.data }, { NULL, NULL } });
	expect_status(w, 200);
}

static void
stripe_shows(struct world *w, unsigned n, const char *status, int amount, const char *payment)
{
	stub(w, "GET", text(w, "/v1/checkout/sessions/cs_%u", n), 200, session(w, text(w, "cs_%u", n), status, amount, payment));
}

static void
monitor(struct world *w)
{
	job_later(w, "payment.monitor", NULL);
	work(w);
}

static int64_t
told(struct world *w, const char *type)
{
	int64_t n = 0;
	const struct sent *s;

	for (int i = 0; (s = sent_to(w, "POST", "/notify/send", i)) != NULL; i++)
		n += strcmp(sent_text(s, "type"), type) == 0;
	return n;
}

/* ---- the tests */

static void
P_PAY_01_03_04_the_payers_word_makes_one_link_and_says_so_once(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 101, 500);
	const struct sent *asked = sent_to(w, "POST", "/v1/checkout/sessions", 0);

	send_event_again(w);
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM payments WHERE run_id = '%s'", rx), 1);
	assert_int_equal(sent_count(w, "POST", "/v1/checkout/sessions"), 1);
	assert_non_null(strstr(asked->raw, "unit_amount]=500"));
	assert_null(strstr(asked->raw, "Samplimab"));
	assert_non_null(strstr(asked->raw, text(w, "expires_at=%" PRId64, sql_int(w, "SELECT extract(epoch FROM link_expires_at)::bigint FROM payments WHERE id = '%s'", id))));
	assert_int_equal(sql_int(w, "SELECT extract(epoch FROM link_expires_at - date_trunc('second', created_at))::bigint FROM payments WHERE id = '%s'", id), 86400);
	assert_string_equal(sql_text(w, "SELECT stripe_session_id || ' ' || stripe_payment_link || ' ' || amount_cents || ' ' || status FROM payments WHERE id = '%s'", id),
	    "cs_101 https://stripe.test/pay/cs_101 500 pending");
	assert_int_equal(event_count(w, "payment.link.created"), 1);
	assert_string_equal(json_text_at(event_last(w, "payment.link.created"), "prescription_id"), rx);
	assert_int_equal(json_int_at(event_last(w, "payment.link.created"), "amount_cents", 0), 500);
	assert_int_equal(told(w, "payment_link"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", 0), "variables.savings"), "1,495.00");
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", 0), "variables.link"), "https://stripe.test/pay/cs_101");
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", 0), "recipient.phone"), "+16175550100");
}

static void
P_PAY_02_a_callers_amount_is_compared_and_never_trusted(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 201, 500);

	post(w, BY_ADMIN, "/api/v1/payments/create-link", text(w, "{\"prescription_id\":\"%s\",\"amount\":4.99,\"currency\":\"USD\"}", rx));
	expect_problem(w, 422, "amount_mismatch");
	post(w, BY_ADMIN, "/api/v1/payments/create-link", text(w, "{\"prescription_id\":\"%s\",\"amount\":5.00,\"currency\":\"EUR\"}", rx));
	expect_problem(w, 422, "currency_mismatch");
	post(w, BY_ADMIN, "/api/v1/payments/create-link", text(w, "{\"prescription_id\":\"%s\",\"amount\":5.00,\"currency\":\"USD\"}", fresh_id(w)));
	expect_problem(w, 404, "not_adjudicated");
	post(w, BY_ADMIN, "/api/v1/payments/create-link", text(w, "{\"prescription_id\":\"%s\",\"amount\":5.00,\"currency\":\"USD\"}", rx));
	expect_status(w, 202);
	expect_text(w, "payment_id", id);
	expect_text(w, "stripe_payment_link", "https://stripe.test/pay/cs_201");
	work(w);
	assert_int_equal(sent_count(w, "POST", "/v1/checkout/sessions"), 1);
}

static void
P_PAY_08_09_ten_tellings_of_one_payment_are_one_payment(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 301, 500);
	unsigned before = event_count(w, "payment.completed");

	stripe_shows(w, 301, "complete", 500, id);
	for (int i = 0; i < 10; i++)
		webhook(w, "evt_cs_301", "checkout.session.completed", "cs_301");
	webhook(w, "evt_cs_301b", "checkout.session.completed", "cs_301");
	stub(w, "GET", "/v1/payment_intents/pi_cs_301", 200, text(w, "{\"id\":\"pi_cs_301\",\"status\":\"succeeded\",\"amount\":500,\"amount_received\":500,"
	    "\"currency\":\"usd\",\"metadata\":{\"payment_id\":\"%s\"}}", id));
	webhook(w, "evt_pi_301", "payment_intent.succeeded", "pi_cs_301");
	work(w);
	expect_payment(w, id, "paid");
	assert_int_equal(event_count(w, "payment.completed"), before + 1);
	assert_int_equal(json_int_at(event_last(w, "payment.completed"), "amount_paid", 0), 500);
	expect_ledger(w, id, "stripe_balance", 500);
	expect_ledger(w, id, "revenue", -500);
	assert_int_equal(told(w, "payment_receipt"), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM payments WHERE id = '%s' AND paid_at IS NOT NULL AND settled = 'completed'", id), 1);
	assert_true(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'payment.status' AND object_id = '%s'", id) > 0);
}

static void
P_PAY_08_a_bad_or_old_signature_is_400_at_every_address(void **state)
{
	static const char *const addresses[] = { "/api/v1/webhooks/stripe", "/api/webhooks/stripe", "/billing/webhooks/stripe" };
	static const char body[] = "{\"id\":\"evt_forged_8\",\"object\":\"event\",\"type\":\"checkout.session.completed\",\"data\":{\"object\":{\"id\":\"cs_8\"}}}";
	struct world *w = *state;
	int64_t denied = audit_count(w, "request", "denied");

	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct buf bad = buf_in(world_arena(w), 1024), old = buf_in(world_arena(w), 1024);

		stripe_sign("whsec_of_somebody_else", clock_us() / US_PER_S, BYTES_OF(body), &bad);
		stripe_sign(HOOK_SECRET, clock_us() / US_PER_S - 301, BYTES_OF(body), &old);
		request(w, BY_PUBLIC, "POST", addresses[i], NULL, body, (const struct header[]){ { "stripe-signature", bad.data }, { NULL, NULL } });
		expect_problem(w, 400, "bad_signature");
		request(w, BY_PUBLIC, "POST", addresses[i], NULL, body, (const struct header[]){ { "stripe-signature", old.data }, { NULL, NULL } });
		expect_problem(w, 400, "stale_timestamp");
		request(w, BY_PUBLIC, "POST", addresses[i], NULL, body, NULL);
		expect_problem(w, 400, "missing_signature");
	}
	assert_int_equal(audit_count(w, "request", "denied"), denied + 9);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM stripe_events WHERE event_id = 'evt_forged_8'"), 0);
}

static void
P_DATA_10_the_receipt_is_kept_for_a_day_and_made_anew_after_it(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 401, 500);

	get(w, BY_ADMIN, text(w, "/api/v1/payments/%s/receipt", id));
	expect_problem(w, 404, "not_paid");
	stripe_shows(w, 401, "complete", 500, id);
	webhook(w, "evt_401", "checkout.session.completed", "cs_401");
	work(w);
	assert_int_equal(sql_int(w, "SELECT round(extract(epoch FROM expires_at - now()) / 60)::bigint FROM ttl WHERE key = 'payment_receipt:%s'", id), 1440);
	sql_run(w, "UPDATE ttl SET expires_at = now() - interval '1 second' WHERE key = 'payment_receipt:%s'", id);
	get(w, BY_ADMIN, text(w, "/api/v1/payments/%s/receipt", id));
	expect_status(w, 200);
	expect_text(w, "prescription_id", rx);
}

static void
P_PAY_10_one_reminder_at_two_hours_and_the_end_at_a_day(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 501, 500);
	unsigned before = event_count(w, "payment.link.expired");

	monitor(w);
	assert_int_equal(told(w, "payment_reminder"), 0);
	sql_run(w, "UPDATE payments SET link_expires_at = now() + interval '2 hours 1 minute' WHERE id = '%s'", id);
	monitor(w);
	assert_int_equal(told(w, "payment_reminder"), 0);
	sql_run(w, "UPDATE payments SET link_expires_at = now() + interval '1 hour 59 minutes' WHERE id = '%s'", id);
	monitor(w);
	monitor(w);
	assert_int_equal(told(w, "payment_reminder"), 1);
	/* At the end it is Stripe that is asked; the page is closed there if it is still open. */
	sql_run(w, "UPDATE payments SET link_expires_at = now() - interval '1 second' WHERE id = '%s'", id);
	stripe_shows(w, 501, "open", 500, id);
	stub(w, "POST", "/v1/checkout/sessions/cs_501/expire", 200, session(w, "cs_501", "expired", 500, id));
	monitor(w);
	expect_payment(w, id, "expired");
	assert_int_equal(sent_count(w, "POST", "/v1/checkout/sessions/cs_501/expire"), 1);
	assert_int_equal(event_count(w, "payment.link.expired"), before + 1);
	assert_string_equal(sql_text(w, "SELECT code FROM attention WHERE kind = 'payment.link' AND subject = '%s'", rx), "link_expired");
	/* The staff may make another. */
	stub_once(w, "POST", "/v1/checkout/sessions", 200, session(w, "cs_502", "open", 500, id));
	post(w, BY_ADMIN, "/api/v1/payments/create-link", text(w, "{\"prescription_id\":\"%s\",\"amount\":5,\"currency\":\"USD\"}", rx));
	expect_status(w, 202);
	assert_string_not_equal(answer_text(w, "payment_id"), id);
	work(w);
	assert_int_equal(sql_int(w, "SELECT generation FROM payments WHERE run_id = '%s' AND status = 'pending'", rx), 2);
}

static void
P_PAY_10_a_payment_whose_webhook_never_came_is_found(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 601, 500);

	stripe_shows(w, 601, "complete", 500, id);
	sql_run(w, "UPDATE payments SET created_at = now() - interval '16 minutes' WHERE id = '%s'", id);
	monitor(w);
	expect_payment(w, id, "paid");
	assert_string_equal(json_text_at(event_last(w, "payment.completed"), "payment_id"), id);
}

static void
P_PAY_11_money_after_the_end_revives_a_prescription_that_still_waits(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 701, 500);

	stripe_shows(w, 701, "expired", 500, id);
	webhook(w, "evt_701", "checkout.session.expired", "cs_701");
	work(w);
	expect_payment(w, id, "expired");
	prescription_is(w, rx, "payment_timeout");
	stripe_shows(w, 701, "complete", 500, id);
	webhook(w, "evt_701b", "checkout.session.completed", "cs_701");
	work(w);
	expect_payment(w, id, "paid");
	assert_string_equal(json_text_at(event_last(w, "payment.completed"), "payment_id"), id);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'payment.link' AND subject = '%s'", rx), 0);
	assert_string_equal(sql_text(w, "SELECT reason FROM payment_history WHERE payment_id = '%s' AND to_status = 'paid'", id), "paid_late");
}

static void
P_PAY_11_money_for_a_prescription_that_ended_goes_back(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 801, 500);
	unsigned before = event_count(w, "payment.completed");

	prescription_is(w, rx, "cancelled");
	stripe_shows(w, 801, "complete", 500, id);
	stub(w, "POST", "/v1/refunds", 200, "{\"id\":\"re_801\",\"object\":\"refund\",\"status\":\"succeeded\",\"amount\":500}");
	webhook(w, "evt_801", "checkout.session.completed", "cs_801");
	work(w);
	expect_payment(w, id, "refunded");
	assert_int_equal(event_count(w, "payment.completed"), before);
	assert_int_equal(sent_count(w, "POST", "/v1/refunds"), 1);
	assert_non_null(strstr(sent_to(w, "POST", "/v1/refunds", 0)->raw, "payment_intent=pi_cs_801"));
	expect_ledger(w, id, "stripe_balance", 0);
	expect_ledger(w, id, "revenue", -500);
	expect_ledger(w, id, "refunds", 500);
	assert_string_equal(json_text_at(event_last(w, "payment.link.refunded"), "payment_id"), id);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'payment.late' AND subject = '%s'", id), 1);
	assert_int_equal(told(w, "payment_refunded"), 1);
}

static void
P_PAY_11_a_cancelled_prescription_closes_its_page(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 851, 500);

	stub(w, "POST", "/v1/checkout/sessions/cs_851/expire", 200, session(w, "cs_851", "expired", 500, id));
	send_event(w, "prescription", "prescription.status.changed", id_of(rx),
	    text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"" PATIENT "\",\"from\":\"payment_pending\",\"to\":\"cancelled\"}", rx));
	work(w);
	expect_payment(w, id, "expired");
	assert_int_equal(sent_count(w, "POST", "/v1/checkout/sessions/cs_851/expire"), 1);
	assert_string_not_equal(json_text_at(event_last(w, "payment.link.expired"), "payment_id"), id);
	post(w, BY_ADMIN, "/api/v1/payments/create-link", text(w, "{\"prescription_id\":\"%s\",\"amount\":5,\"currency\":\"USD\"}", rx));
	expect_problem(w, 409, "prescription_ended");
}

static void
P_PAY_11_paid_twice_by_two_links_the_second_goes_back(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *first = open_link(w, rx, 901, 500), *second;

	/* Another amount supersedes the first, which is paid all the same before its page is closed; so is the second. */
	stub(w, "POST", "/v1/checkout/sessions/cs_901/expire", 400, "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"\"}}");
	stripe_shows(w, 901, "complete", 500, first);
	stub(w, "POST", "/v1/checkout/sessions/cs_902/expire", 200, session(w, "cs_902", "expired", 700, ""));
	second = open_link(w, rx, 902, 700);
	assert_string_not_equal(first, second);
	expect_payment(w, first, "paid");
	expect_payment(w, second, "expired");
	stub(w, "POST", "/v1/refunds", 200, "{\"id\":\"re_902\",\"object\":\"refund\",\"status\":\"succeeded\",\"amount\":700}");
	stripe_shows(w, 902, "complete", 700, second);
	webhook(w, "evt_902", "checkout.session.completed", "cs_902");
	work(w);
	expect_payment(w, first, "paid");
	expect_payment(w, second, "refunded");
	expect_ledger(w, second, "stripe_balance", 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM (SELECT transaction_id FROM ledger GROUP BY transaction_id HAVING sum(amount_cents) <> 0) t"), 0);
}

static void
P_PAY_11_another_amount_than_ours_is_a_persons(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id = open_link(w, rx, 951, 500);

	stripe_shows(w, 951, "complete", 501, id);
	webhook(w, "evt_951", "checkout.session.completed", "cs_951");
	work(w);
	expect_payment(w, id, "manual");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'payment.mismatch' AND subject = '%s'", id), 1);
	expect_ledger(w, id, "stripe_balance", 0);
}

static void
P_PAY_03_an_answer_that_never_came_makes_no_second_page(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id, *key;

	adjudicated(w, rx, 500);
	id = sql_text(w, "SELECT id FROM payments WHERE run_id = '%s'", rx);
	prescription_is(w, rx, "adjudicated");
	stub(w, "POST", "/v1/checkout/sessions", 200, session(w, "cs_981", "open", 500, id));
	stub_broken(w, "POST", "/v1/checkout/sessions", HTTP_UNKNOWN);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "/v1/checkout/sessions"), 2);
	key = sent_header(sent_to(w, "POST", "/v1/checkout/sessions", 0), "Idempotency-Key");
	assert_string_equal(sent_header(sent_to(w, "POST", "/v1/checkout/sessions", 1), "Idempotency-Key"), key);
	assert_string_equal(sent_to(w, "POST", "/v1/checkout/sessions", 1)->raw, sent_to(w, "POST", "/v1/checkout/sessions", 0)->raw);
	assert_string_equal(sql_text(w, "SELECT stripe_session_id FROM payments WHERE id = '%s'", id), "cs_981");
	assert_string_equal(json_text_at(event_last(w, "payment.link.created"), "payment_id"), id);
}

static void
P_PAY_01_a_copay_of_nothing_makes_no_link(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w);

	adjudicated(w, rx, 0);
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM payments WHERE run_id = '%s'", rx), 0);
	post(w, BY_ADMIN, "/api/v1/payments/create-link", text(w, "{\"prescription_id\":\"%s\",\"amount\":0,\"currency\":\"USD\"}", rx));
	expect_problem(w, 422, "nothing_to_pay");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(P_PAY_01_03_04_the_payers_word_makes_one_link_and_says_so_once, fresh),
		cmocka_unit_test_setup(P_PAY_02_a_callers_amount_is_compared_and_never_trusted, fresh),
		cmocka_unit_test_setup(P_PAY_08_09_ten_tellings_of_one_payment_are_one_payment, fresh),
		cmocka_unit_test_setup(P_PAY_08_a_bad_or_old_signature_is_400_at_every_address, fresh),
		cmocka_unit_test_setup(P_DATA_10_the_receipt_is_kept_for_a_day_and_made_anew_after_it, fresh),
		cmocka_unit_test_setup(P_PAY_10_one_reminder_at_two_hours_and_the_end_at_a_day, fresh),
		cmocka_unit_test_setup(P_PAY_10_a_payment_whose_webhook_never_came_is_found, fresh),
		cmocka_unit_test_setup(P_PAY_11_money_after_the_end_revives_a_prescription_that_still_waits, fresh),
		cmocka_unit_test_setup(P_PAY_11_money_for_a_prescription_that_ended_goes_back, fresh),
		cmocka_unit_test_setup(P_PAY_11_a_cancelled_prescription_closes_its_page, fresh),
		cmocka_unit_test_setup(P_PAY_11_paid_twice_by_two_links_the_second_goes_back, fresh),
		cmocka_unit_test_setup(P_PAY_11_another_amount_than_ours_is_a_persons, fresh),
		cmocka_unit_test_setup(P_PAY_03_an_answer_that_never_came_makes_no_second_page, fresh),
		cmocka_unit_test_setup(P_PAY_01_a_copay_of_nothing_makes_no_link, fresh),
	};

	return cmocka_run_group_tests(tests, billing_setup, billing_teardown);
}
