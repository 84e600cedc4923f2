/*
 * Pharmacy orders (A-API-15 to 18): one prescription has one order, which can be looked at, taken back and, where its pharmacy refused it, sent again under
 * the same id.
 */
#include "router_world.h"

#define STAFF BY_ROLE("ops_agent")

/* No job of the test before is left. */
static int
orders_fresh(void **state)
{
	sql_run(*state, "DELETE FROM job WHERE state IN ('ready', 'dead')");
	return router_fresh(state);
}

static void
knows_quantity(struct world *w, const char *prescription, const char *state, const char *schedule, const char *quantity)
{
	stub(w, "GET", text(w, "/prescriptions/%s/details", prescription), 200, text(w,
	    "{\"prescriptionId\":\"%s\",\"patientId\":\"%s\",\"patient\":{\"firstName\":\"Ada\",\"lastName\":\"Sample\",\"birthDate\":\"1980-02-29\","
	    "\"phone\":\"+15045550100\",\"email\":\"ada@patients.example\",\"address\":{\"line1\":\"1 Main\",\"city\":\"New Orleans\",\"state\":\"%s\","
	    "\"zip\":\"70112\"}},\"prescriber\":{\"npi\":\"2000000010\",\"name\":\"Avery Sample\"},\"medication\":{\"drug_name\":\"Semaglutide\","
	    "\"ndc\":\"00169413211\",\"quantity\":%s,\"days_supply\":28,\"refills\":1,\"sig\":\"once a week\",\"schedule\":\"%s\","
	    "\"cold_chain\":true},\"insurance\":{},\"status\":\"approved\"}", prescription, new_id(w), state, quantity, schedule));
}

static void
knows(struct world *w, const char *prescription, const char *state, const char *schedule)
{
	knows_quantity(w, prescription, state, schedule, "2");
}

static const char *
order(struct world *w, const char *prescription)
{
	post_key(w, STAFF, "/orders", text(w, "order-%s", prescription), text(w, "{\"prescription_id\":\"%s\"}", prescription));
	expect_status(w, 201);
	expect_text(w, "status", "submitted");
	return answer_text(w, "order_id");
}

static void
stands(struct world *w, const char *id, const char *status)
{
	get(w, STAFF, text(w, "/orders/%s", id));
	expect_status(w, 200);
	expect_text(w, "status", status);
}

static void
A_API_15_ten_posts_with_one_key_are_one_order(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *body = text(w, "{\"prescription_id\":\"%s\"}", prescription), *first;

	first = order(w, prescription);
	for (int i = 0; i < 9; i++) {
		post_key(w, STAFF, "/orders", text(w, "order-%s", prescription), body);
		expect_status(w, 201);
		expect_text(w, "order_id", first);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM orders WHERE prescription_id = '%s'", prescription), 1);
	/* another key, the same prescription (A-PIT-01) */
	post_key(w, STAFF, "/orders", text(w, "other-%s", prescription), body);
	expect_problem(w, 409, "order_exists");
	post(w, STAFF, "/orders", body);
	expect_status(w, 400);
	post_key(w, BY_ROLE("patient"), "/orders", "key-of-a-patient-1", body);
	expect_status(w, 403);
}

static void
A_API_16_an_order_goes_to_its_pharmacy_and_shows_what_happened(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id;

	knows(w, prescription, "LA", "none");
	answers(w, (const char *[]){ a_patient, a_prescriber, ordered, NULL });
	stub(w, "POST", "/shipping/shipments", 202, text(w, "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"kind\":\"own\","
	    "\"pharmacy\":\"gmp\",\"status\":\"requested\",\"carrier\":\"fedex\"}", new_id(w), prescription, prescription));
	id = order(w, prescription);
	work(w);
	stands(w, id, "accepted");
	expect_text(w, "pharmacy", "gmp");
	expect_text(w, "events.0.status", "submitted");
	expect_text(w, "events.1.status", "accepted");
	assert_string_equal(sql_text(w, "SELECT external_id FROM router_submissions s JOIN orders o ON o.router_submission_id = s.id WHERE o.id = '%s'", id),
	    prescription);
	const json_t *told = event_last(w, "order.updated");
	assert_string_equal(json_text_at(told, "order_id"), id);
	assert_string_equal(json_text_at(told, "status"), "accepted");
	assert_string_equal(json_text_at(event_last(w, "rx.submission.updated"), "externalId"), prescription);
	/* from our own shelf: shipping makes the label, once */
	assert_int_equal(sent_count(w, "POST", "/shipping/shipments"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", "/shipping/shipments", 0), "address.name"), "Ada Sample");
	post(w, STAFF, text(w, "/orders/%s/resend", id), NULL);
	expect_problem(w, 409, "already_accepted");
}

static void
A_API_16_millilitres_are_ordered_by_halves_too(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id;

	knows_quantity(w, prescription, "LA", "none", "2.5");
	answers(w, (const char *[]){ a_patient, a_prescriber, ordered, NULL });
	stub(w, "POST", "/shipping/shipments", 202, text(w, "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"kind\":\"own\","
	    "\"pharmacy\":\"gmp\",\"status\":\"requested\",\"carrier\":\"fedex\"}", new_id(w), prescription, prescription));
	id = order(w, prescription);
	work(w);
	stands(w, id, "accepted");
	assert_non_null(strstr(sent_to(w, "POST", PRX, -1)->raw, "{\"Name\":\"Quantity\",\"Value\":\"2.5\"}"));
}

static void
A_API_17_before_it_left_it_is_cancelled_at_once(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id = order(w, prescription);

	knows(w, prescription, "LA", "none");
	post(w, STAFF, text(w, "/orders/%s/cancel", id), NULL);
	expect_status(w, 202);
	expect_text(w, "status", "cancelled");
	work(w);
	assert_int_equal(sent_count(w, "POST", PRX), 0);
	post(w, STAFF, text(w, "/orders/%s/cancel", id), NULL);
	expect_status(w, 202);
	expect_text(w, "status", "cancelled");
	post(w, STAFF, text(w, "/orders/%s/resend", id), NULL);
	expect_problem(w, 409, "cancelled");
}

static void
A_API_17_after_it_was_accepted_the_pharmacy_is_asked(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id, *submission;

	knows(w, prescription, "OR", "none");
	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	id = order(w, prescription);
	work(w);
	stands(w, id, "accepted");
	submission = sql_text(w, "SELECT router_submission_id FROM orders WHERE id = '%s'", id);
	/* the prescription is to be cancelled: so is its order */
	struct uuid aggregate;
	(void)uuid_parse(prescription, &aggregate);
	send_event(w, "prescription", "prescription.status.changed", aggregate, text(w,
	    "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"from\":\"accepted\",\"to\":\"cancel_pending\"}", prescription, new_id(w)));
	expect_status(w, 200);
	stands(w, id, "cancel_pending");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.cancel' AND subject = '%s'", submission), 1);
	hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Cancelled\"}", submission));
	work(w);
	stands(w, id, "cancelled");
}

static void
A_API_17_what_has_left_the_pharmacy_stays_ordered(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id, *submission;
	struct uuid aggregate;

	knows(w, prescription, "OR", "none");
	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	stub(w, "POST", "/shipping/shipments", 202, text(w, "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"kind\":\"external\","
	    "\"pharmacy\":\"boothwyn\",\"status\":\"shipped\",\"carrier\":\"fedex\"}", new_id(w), prescription, prescription));
	id = order(w, prescription);
	work(w);
	submission = sql_text(w, "SELECT router_submission_id FROM orders WHERE id = '%s'", id);
	hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Shipped\",\"trackingNumber\":\"794600000077\"}", submission));
	work(w);
	stands(w, id, "shipped");
	expect_text(w, "tracking_number", "794600000077");
	post(w, STAFF, text(w, "/orders/%s/cancel", id), NULL);
	expect_problem(w, 409, "already_shipped");
	(void)uuid_parse(prescription, &aggregate);
	send_event(w, "prescription", "prescription.status.changed", aggregate, text(w,
	    "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"from\":\"shipped\",\"to\":\"cancel_pending\"}", prescription, new_id(w)));
	assert_string_equal(json_text_at(event_last(w, "order.updated"), "status"), "cancel_refused");
	assert_string_equal(json_text_at(event_last(w, "rx.submission.updated"), "status"), "cancel_refused");
	stands(w, id, "shipped");
}

static void
A_API_18_what_was_refused_is_sent_again_under_the_same_id(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id, *submission;

	knows(w, prescription, "OR", "none");
	stub_once(w, "POST", B2B, 200, "{\"Results\":[],\"TotalCount\":0,\"Success\":false,\"Message\":\"no\"}");
	id = order(w, prescription);
	work(w);
	stands(w, id, "rejected");
	submission = sql_text(w, "SELECT router_submission_id FROM orders WHERE id = '%s'", id);
	assert_string_equal(sent_text(sent_to(w, "POST", B2B, 0), "caseId"), submission);

	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	for (int i = 0; i < 2; i++) {	/* twice asked is once sent */
		post(w, STAFF, text(w, "/orders/%s/resend", id), NULL);
		expect_status(w, 202);
		expect_text(w, "status", "submitted");
	}
	work(w);
	stands(w, id, "accepted");
	assert_int_equal(sent_count(w, "POST", B2B), 2);
	assert_string_equal(sent_text(sent_to(w, "POST", B2B, 1), "caseId"), submission);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM router_submissions WHERE external_id = '%s'", prescription), 1);
	assert_int_equal(sql_int(w, "SELECT generation FROM router_submissions WHERE id = '%s'", submission), 2);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.rejected' AND subject = '%s'", submission), 0);
}

static void
A_API_18_an_unclear_outcome_is_not_sent_again(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id;

	knows(w, prescription, "OR", "none");
	stub_broken(w, "POST", B2B, HTTP_UNKNOWN);
	id = order(w, prescription);
	work(w);
	stands(w, id, "submitted");
	post(w, STAFF, text(w, "/orders/%s/resend", id), NULL);		/* it is under way */
	expect_status(w, 202);
	work(w);
	sql_run(w, "UPDATE effect SET deadline = now() - interval '1 hour' WHERE subject = (SELECT router_submission_id FROM orders WHERE id = '%s')", id);
	work_all(w);
	stands(w, id, "manual");
	post(w, STAFF, text(w, "/orders/%s/resend", id), NULL);
	expect_problem(w, 409, "outcome_unknown");
	assert_int_equal(sent_count(w, "POST", B2B), 1);
}

static void
X_RX_04_a_controlled_substance_goes_to_staff(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id;

	knows(w, prescription, "LA", "II");
	id = order(w, prescription);
	work(w);
	stands(w, id, "failed");
	expect_text(w, "reason", "controlled_needs_epcs");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'order.failed' AND subject = '%s'", id), 1);
	assert_int_equal(sent_count(w, "POST", PRX), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM router_submissions WHERE external_id = '%s'", prescription), 0);
}

static void
A_PIT_05_an_order_of_no_prescription_fails(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id;

	stub(w, "GET", text(w, "/prescriptions/%s/details", prescription), 404, "{\"code\":\"not_found\",\"status\":404}");
	id = order(w, prescription);
	work(w);
	stands(w, id, "failed");
	expect_text(w, "reason", "prescription_unknown");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE state = 'dead'"), 0);
}

static void
A_PIT_05_an_order_that_failed_is_sent_when_its_cause_has_gone(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id;

	knows(w, prescription, "CA", "none");
	id = order(w, prescription);
	work(w);
	stands(w, id, "failed");
	expect_text(w, "reason", "state_excluded");
	knows(w, prescription, "OR", "none");	/* the address was corrected */
	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	post(w, STAFF, text(w, "/orders/%s/resend", id), NULL);
	expect_status(w, 202);
	work(w);
	stands(w, id, "accepted");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'order.failed' AND subject = '%s'", id), 0);
}

static void
A_FLOW_01_the_parcel_of_an_order_moves_it(void **state)
{
	struct world *w = *state;
	const char *prescription = new_id(w), *id;
	static const char *const said[] = { "printed", "in_transit", "out_for_delivery", "delivered", "in_transit" };
	static const char *const stand[] = { "accepted", "shipped", "shipped", "delivered", "delivered" };
	struct uuid parcel;

	knows(w, prescription, "OR", "none");
	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	id = order(w, prescription);
	work(w);
	(void)uuid_parse(new_id(w), &parcel);
	for (size_t i = 0; i < COUNT(said); i++) {
		send_event(w, "shipping", "shipment.updated", parcel, text(w,
		    "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"status\":\"%s\",\"carrier\":\"fedex\","
		    "\"trackingNumber\":\"794600000099\"}", new_id(w), prescription, prescription, prescription, said[i]));
		expect_status(w, 200);
		stands(w, id, stand[i]);
	}
	expect_text(w, "tracking_number", "794600000099");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE kind = 'rx.parcel'"), 0);	/* shipping has it already */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(A_FLOW_01_the_parcel_of_an_order_moves_it, orders_fresh),
		cmocka_unit_test_setup(A_API_15_ten_posts_with_one_key_are_one_order, orders_fresh),
		cmocka_unit_test_setup(A_API_16_an_order_goes_to_its_pharmacy_and_shows_what_happened, orders_fresh),
		cmocka_unit_test_setup(A_API_16_millilitres_are_ordered_by_halves_too, orders_fresh),
		cmocka_unit_test_setup(A_API_17_before_it_left_it_is_cancelled_at_once, orders_fresh),
		cmocka_unit_test_setup(A_API_17_after_it_was_accepted_the_pharmacy_is_asked, orders_fresh),
		cmocka_unit_test_setup(A_API_17_what_has_left_the_pharmacy_stays_ordered, orders_fresh),
		cmocka_unit_test_setup(A_API_18_what_was_refused_is_sent_again_under_the_same_id, orders_fresh),
		cmocka_unit_test_setup(A_API_18_an_unclear_outcome_is_not_sent_again, orders_fresh),
		cmocka_unit_test_setup(X_RX_04_a_controlled_substance_goes_to_staff, orders_fresh),
		cmocka_unit_test_setup(A_PIT_05_an_order_of_no_prescription_fails, orders_fresh),
		cmocka_unit_test_setup(A_PIT_05_an_order_that_failed_is_sent_when_its_cause_has_gone, orders_fresh),
	};

	return cmocka_run_group_tests(tests, router_setup, router_teardown);
}
