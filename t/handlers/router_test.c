/*
 * The router's rules: which pharmacy, one order each, what an unclear answer means, whom a webhook may move.
 */
#include "router_world.h"

/* ---- which pharmacy */

static void
choose(struct world *w, const char *state)
{
	post(w, BY_SERVICE("orchestrator"), "/rx/route", text(w, "{\"state\":\"%s\",\"platform\":\"yourera\",\"medication\":\"semaglutide\"}", state));
}

static void
own_states_go_to_gmp_and_the_rest_to_boothwyn(void **state)
{
	struct world *w = *state;

	choose(w, "LA");
	expect_status(w, 200);
	expect_text(w, "pharmacy", "gmp");
	expect_text(w, "reason", "licensed_in_state");
	choose(w, "OR");
	expect_text(w, "pharmacy", "boothwyn");
	expect_text(w, "reason", "fallback");
}

static void
six_states_are_excluded(void **state)
{
	static const char *const excluded[] = { "MN", "CA", "TX", "AR", "NC", "OK" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(excluded); i++) {
		choose(w, excluded[i]);
		expect_problem(w, 422, "state_excluded");
	}
}

static void
only_the_orchestrator_may_ask(void **state)
{
	struct world *w = *state;

	post(w, BY_SERVICE("intake"), "/rx/route", "{\"state\":\"LA\",\"platform\":\"yourera\",\"medication\":\"x\"}");
	expect_problem(w, 403, "forbidden");
}

/* ---- PioneerRx */

static void
an_unknown_patient_is_added_and_the_order_is_put_once(void **state)
{
	struct world *w = *state;
	const char *id;

	answers(w, (const char *[]){ no_patient, added, a_prescriber, ordered, NULL });
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "gmp");
	work(w);
	assert_string_equal(status_of(w, id), "accepted");
	assert_int_equal(sent_count(w, "POST", PRX), 4);
	const struct sent *order = sent_to(w, "POST", PRX, 3);
	assert_string_equal(sent_text(order, "MethodName"), "RxAddOnHold");
	assert_non_null(strstr(order->raw, id));
	assert_non_null(sent_header(order, "prx-signature"));
	assert_string_equal(json_text_at(event_last(w, "rx.submission.updated"), "status"), "accepted");
	assert_int_equal(sent_count(w, "POST", "/api/pharmacy/callback"), 1);
}

static void
a_known_patient_is_not_added_again(void **state)
{
	struct world *w = *state;
	const char *id;

	answers(w, (const char *[]){ a_patient, a_prescriber, ordered, NULL });
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "gmp");
	work(w);
	assert_string_equal(status_of(w, id), "accepted");
	assert_int_equal(sent_count(w, "POST", PRX), 3);
}

static void
an_unknown_prescriber_is_a_rejection(void **state)
{
	struct world *w = *state;
	const char *id;

	answers(w, (const char *[]){ a_patient, "{\"results\":{\"prescriberSearchResults\":[]}}", NULL });
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "gmp");
	work(w);
	assert_string_equal(status_of(w, id), "rejected");
	assert_string_equal(json_text_at(event_last(w, "rx.submission.updated"), "reason"), "prescriber_unknown");
}

static void
an_order_whose_answer_was_lost_is_looked_up_and_not_sent_again(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	stub(w, "POST", PRX, 200, ordered);			/* what the look-up finds, and every status question after it */
	stub_broken(w, "POST", PRX, HTTP_UNKNOWN);		/* the order itself */
	answers(w, (const char *[]){ a_patient, a_prescriber, NULL });
	id = submit(w, "gmp");
	for (int i = 0; i < 3; i++)
		work_all(w);
	assert_string_equal(status_of(w, id), "accepted");
	int orders = 0;
	for (int i = 0; i < (int)sent_count(w, "POST", PRX); i++)
		orders += strcmp(sent_text(sent_to(w, "POST", PRX, i), "MethodName"), "RxAddOnHold") == 0;
	assert_int_equal(orders, 1);
}

/* An answer that does not speak of orders is no word about this one. */
static void
an_unclear_look_up_sends_nothing(void **state)
{
	static const char *const unclear[] = { "{}", "{\"results\":{}}", "{\"results\":null}", "{\"results\":{\"rxTransaction\":null}}" };
	struct world *w = *state;
	const char *id;
	int orders = 0;

	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	stub(w, "POST", PRX, 200, ordered);
	for (size_t i = COUNT(unclear); i-- > 0;)
		stub_once(w, "POST", PRX, 200, unclear[i]);
	stub_broken(w, "POST", PRX, HTTP_UNKNOWN);
	answers(w, (const char *[]){ a_patient, a_prescriber, NULL });
	id = submit(w, "gmp");
	for (int i = 0; i < 8; i++)
		work_all(w);
	assert_string_equal(status_of(w, id), "accepted");
	for (int i = 0; i < (int)sent_count(w, "POST", PRX); i++)
		orders += strcmp(sent_text(sent_to(w, "POST", PRX, i), "MethodName"), "RxAddOnHold") == 0;
	assert_int_equal(orders, 1);
}

/* ---- Boothwyn */

static void
boothwyn_accepts_by_success_true(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "boothwyn");
	work(w);
	assert_string_equal(status_of(w, id), "accepted");
	assert_string_equal(sent_text(sent_to(w, "POST", B2B, -1), "caseId"), id);
	assert_string_equal(sent_header(sent_to(w, "POST", B2B, -1), "x-functions-key"), "bk");
}

static void
success_false_is_a_rejection(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", B2B, 200, "{\"Results\":[],\"TotalCount\":0,\"Success\":false,\"Message\":\"no\"}");
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "boothwyn");
	work(w);
	assert_string_equal(status_of(w, id), "rejected");
}

static void
an_order_without_an_answer_is_never_sent_twice_and_the_webhook_settles_it(void **state)
{
	struct world *w = *state;
	const char *id;

	stub_broken(w, "POST", B2B, HTTP_UNKNOWN);
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "boothwyn");
	work(w);
	assert_int_equal(sent_count(w, "POST", B2B), 1);
	assert_string_equal(status_of(w, id), "queued");
	hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Received\"}", id));
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, id), "accepted");
	assert_int_equal(sent_count(w, "POST", B2B), 1);
}

/* ---- the webhook */

static void
a_tracking_webhook_moves_once_and_is_forwarded_once(void **state)
{
	struct world *w = *state;
	const char *id, *body;

	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "boothwyn");
	work(w);
	stub(w, "POST", "/shipping/shipments", 202, text(w, "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"kind\":\"external\","
	    "\"pharmacy\":\"boothwyn\",\"status\":\"shipped\",\"carrier\":\"fedex\"}", id, id, id));
	body = text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Shipped\",\"trackingNumber\":\"794600000001\",\"rxNumbers\":[\"1\"]}", id);
	for (int i = 0; i < 5; i++) {
		hook(w, i % 2 == 0 ? "hook-secret" : "hook-secret-old", body);
		expect_status(w, 200);
	}
	work(w);
	assert_string_equal(status_of(w, id), "shipped");
	assert_int_equal(sent_count(w, "POST", "/shipping/shipments"), 1);
	assert_int_equal(sent_count(w, "POST", "/api/pharmacy/callback"), 2);	/* accepted, shipped */
	assert_int_equal(sql_int(w, "SELECT count(*) FROM vendor_events WHERE outcome = 'applied'") > 0, 1);
	/* a late one moves nothing back */
	hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Received\",\"rxStatusDateTime\":\"late\"}", id));
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, id), "shipped");
}

/* A word may overtake the answer and the words before it; what it ends must not stay queued for ever. */
static void
a_webhook_that_comes_first_ends_the_order(void **state)
{
	static const struct {
		const char *text, *status;
	} words[] = { { "Delivered", "delivered" }, { "Cancelled", "cancelled" }, { "Rejected", "rejected" } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(words); i++) {
		const char *id;

		stub_broken(w, "POST", B2B, HTTP_UNKNOWN);
		stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
		id = submit(w, "boothwyn");
		work(w);
		hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"%s\"}", id, words[i].text));
		expect_status(w, 200);
		work(w);
		assert_string_equal(status_of(w, id), words[i].status);
	}
}

/* The pharmacist may refuse what the order desk took: a cancellation to us, since the money may have moved. */
static void
a_rejection_after_the_acceptance_is_a_cancellation(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "boothwyn");
	work(w);
	hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Rejected\"}", id));
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, id), "cancelled");
	assert_string_equal(json_text_at(event_last(w, "rx.submission.updated"), "status"), "cancelled");
}

static void
a_forged_or_unknown_webhook_changes_nothing(void **state)
{
	struct world *w = *state;
	const char *id = new_id(w);

	hook(w, "wrong", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Shipped\"}", id));
	expect_status(w, 401);
	hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Shipped\"}", id));
	expect_problem(w, 404, "not_found");
}

/* PioneerRx signs nothing: it is believed only that something happened. */
static void
W5_what_pioneerrx_posts_only_asks_and_is_answered_in_its_words(void **state)
{
	struct world *w = *state;
	const char *body = "{\"MessageHeader\":{\"Version\":\"2.0\",\"MessageID\":\"5d2c\",\"InitiatingEventText\":\"StatusChange\"},\"Body\":{\"Rx\":{\"RxPioneerRxID\":\"nobody\"}}}";

	request(w, BY_PUBLIC, "POST", "/rx/webhooks/pioneerrx?token=wrong", NULL, body, NULL);
	expect_status(w, 401);
	for (int i = 0; i < 2; i++) {
		request(w, BY_PUBLIC, "POST", "/rx/webhooks/pioneerrx?token=address-secret", NULL, body, NULL);
		expect_status(w, 200);
		expect_text(w, "Message_Header.Message_Type", "ACK");
		expect_text(w, "Message_Header.Message_ID", "5d2c");
	}
	work(w);
	assert_string_equal(sql_text(w, "SELECT outcome FROM webhook WHERE vendor = 'pioneerrx'"), "unknown_object");
}

/* ---- the row */

static void
the_same_external_id_is_the_same_prescription(void **state)
{
	struct world *w = *state;
	const char *external = new_id(w), *first;

	post_key(w, BY_SERVICE("orchestrator"), "/rx/prescriptions/submit", "key-aaaaaaaaaaaaaaaa", prescription(w, external, "boothwyn"));
	first = answer_text(w, "routerSubmissionId");
	post_key(w, BY_SERVICE("orchestrator"), "/rx/prescriptions/submit", "key-bbbbbbbbbbbbbbbb", prescription(w, external, "boothwyn"));
	expect_status(w, 202);
	expect_text(w, "routerSubmissionId", first);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM router_submissions WHERE external_id = '%s'", external), 1);
	get(w, BY_SERVICE("orchestrator"), text(w, "/rx/prescriptions?externalId=%s", external));
	expect_text(w, "routerSubmissionId", first);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
}

/* ---- quantities */

static const char *
submit_quantity(struct world *w, const char *pharmacy, const char *quantity)
{
	const char *external = new_id(w), *body = prescription(w, external, pharmacy), *at = strstr(body, "\"quantity\":1,");

	assert_non_null(at);
	post_key(w, BY_SERVICE("orchestrator"), "/rx/prescriptions/submit", text(w, "key-%s", external), text(w, "%.*s\"quantity\":%s,%s",
	    (int)(at - body), body, quantity, at + strlen("\"quantity\":1,")));
	return answer_status(w) == 202 ? answer_text(w, "routerSubmissionId") : NULL;
}

static const char *
ordered_quantity(struct world *w)
{
	const char *raw = sent_to(w, "POST", PRX, -1)->raw, *at = strstr(raw, "{\"Name\":\"Quantity\",\"Value\":\"");

	assert_non_null(at);
	at += strlen("{\"Name\":\"Quantity\",\"Value\":\"");
	return text(w, "%.*s", (int)strcspn(at, "\""), at);
}

static void
I_GW_06_a_fraction_is_ordered_as_it_was_written(void **state)
{
	static const char *const said[][2] = { { "2.5", "2.5" }, { "\"0.75\"", "0.75" }, { "30", "30" }, { "0.3", "0.3" } };
	static const char *const refused[] = { "0", "-1", "0.00001", "1000", "\"two\"", "true" };
	struct world *w = *state;

	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	for (size_t i = 0; i < COUNT(said); i++) {
		answers(w, (const char *[]){ a_patient, a_prescriber, ordered, NULL });
		const char *id = submit_quantity(w, "gmp", said[i][0]);
		work(w);
		assert_string_equal(status_of(w, id), "accepted");
		assert_string_equal(ordered_quantity(w), said[i][1]);
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_null(submit_quantity(w, "gmp", refused[i]));
		expect_problem(w, 422, "validation_failed");
	}
}

static void
I_GW_07_boothwyn_sells_whole_vials_and_is_not_asked_for_less(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit_quantity(w, "boothwyn", "2.5");
	work(w);
	assert_string_equal(sql_text(w, "SELECT status || ' ' || reason FROM router_submissions WHERE id = '%s'", id), "rejected quantity_not_whole");
	assert_int_equal(sent_count(w, "POST", B2B), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.rejected' AND subject = '%s'", id), 1);
	id = submit_quantity(w, "boothwyn", "2.0");
	work(w);
	assert_string_equal(status_of(w, id), "accepted");
	assert_int_equal(json_int_at(sent_to(w, "POST", B2B, -1)->body, "prescriptions.0.amount", 0), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_states_go_to_gmp_and_the_rest_to_boothwyn),
		cmocka_unit_test(six_states_are_excluded),
		cmocka_unit_test(only_the_orchestrator_may_ask),
		cmocka_unit_test_setup(an_unknown_patient_is_added_and_the_order_is_put_once, router_fresh),
		cmocka_unit_test_setup(a_known_patient_is_not_added_again, router_fresh),
		cmocka_unit_test_setup(an_unknown_prescriber_is_a_rejection, router_fresh),
		cmocka_unit_test_setup(an_order_whose_answer_was_lost_is_looked_up_and_not_sent_again, router_fresh),
		cmocka_unit_test_setup(an_unclear_look_up_sends_nothing, router_fresh),
		cmocka_unit_test_setup(boothwyn_accepts_by_success_true, router_fresh),
		cmocka_unit_test_setup(success_false_is_a_rejection, router_fresh),
		cmocka_unit_test_setup(an_order_without_an_answer_is_never_sent_twice_and_the_webhook_settles_it, router_fresh),
		cmocka_unit_test_setup(a_tracking_webhook_moves_once_and_is_forwarded_once, router_fresh),
		cmocka_unit_test_setup(a_webhook_that_comes_first_ends_the_order, router_fresh),
		cmocka_unit_test_setup(a_rejection_after_the_acceptance_is_a_cancellation, router_fresh),
		cmocka_unit_test_setup(a_forged_or_unknown_webhook_changes_nothing, router_fresh),
		cmocka_unit_test_setup(W5_what_pioneerrx_posts_only_asks_and_is_answered_in_its_words, router_fresh),
		cmocka_unit_test_setup(the_same_external_id_is_the_same_prescription, router_fresh),
		cmocka_unit_test_setup(I_GW_06_a_fraction_is_ordered_as_it_was_written, router_fresh),
		cmocka_unit_test_setup(I_GW_07_boothwyn_sells_whole_vials_and_is_not_asked_for_less, router_fresh),
	};

	return cmocka_run_group_tests(tests, router_setup, router_teardown);
}
