/*
 * The rules of prescription, second half: the events of the others move a prescription to the same end in whatever order they come; it is taken back; messages of
 * ours wait; and who may call.
 */
#include "prescription_world.h"

/* ---- the line */

static struct uuid
uuid_of(const char *text)
{
	struct uuid id = UUID_NIL;

	assert_int_equal(uuid_parse(text, &id), 0);
	return id;
}

static const struct step {
	const char *from, *topic, *members, *then;
} line[] = {
	{ "enrollment", "patient.enrollment.completed", "\"enrollment_id\":\"00000000-0000-7000-8000-0000000000e1\",\"insurance_verified\":true", "enrolled" },
	{ "router", "pharmacy.recommended", "\"count\":5", "awaiting_pharmacy_selection" },
	{ "router", "pharmacy.selected", "\"pharmacy_id\":\"pharm_1\",\"pharmacy_name\":\"Sample Pharmacy\"", "pharmacy_selected" },
	{ "adjudication", "adjudication.prior_auth.required", "\"prior_auth_id\":\"00000000-0000-7000-8000-0000000000a0\"", "prior_auth_required" },
	{ "adjudication", "insurance.adjudication.completed", "\"adjudication_id\":\"00000000-0000-7000-8000-0000000000a1\",\"drug_cost_cents\":650000,"
	    "\"insurance_paid_cents\":500000,\"copay_cents\":150000,\"final_copay_cents\":500,\"patient_savings_cents\":149500", "adjudicated" },
	{ "billing", "payment.link.created", "\"payment_id\":\"00000000-0000-7000-8000-0000000000b1\",\"amount_cents\":500", "payment_pending" },
	{ "billing", "payment.completed", "\"payment_id\":\"00000000-0000-7000-8000-0000000000b1\",\"amount_paid\":500", "paid" },
	{ "shipping", "shipment.label.created", "\"shipment_id\":\"00000000-0000-7000-8000-0000000000c1\",\"carrier\":\"UPS\",\"tracking_number\":\"1Z1\"", "shipped" },
	{ "shipping", "shipment.moved", "\"status\":\"in_transit\"", "in_transit" },
	{ "shipping", "shipment.moved", "\"status\":\"exception\"", "exception" },
	{ "shipping", "shipment.moved", "\"status\":\"out_for_delivery\"", "out_for_delivery" },
	{ "shipping", "shipment.delivered", "\"shipment_id\":\"00000000-0000-7000-8000-0000000000c1\"", "completed" },
};

static void
tell(struct world *w, const char *id, const struct step *s)
{
	send_event(w, s->from, s->topic, uuid_of(id), text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\",%s}", id, id, s->members));
	expect_status(w, 200);
}

static void
every_step_moves_once_and_is_told(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, newrx(w));

	work(w);
	for (size_t i = 0; i < COUNT(line); i++) {
		tell(w, id, &line[i]);
		assert_string_equal(status_of(w, id), line[i].then);
		send_event_again(w);
		assert_string_equal(json_text_at(event_last(w, "prescription.status.changed"), "to"), line[i].then);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM rx_status_history WHERE prescription_id = '%s'", id), COUNT(line) + 2);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'prescription.status' AND object_id = '%s'", id), COUNT(line) + 1);
	get(w, BY_ADMIN, text(w, "/api/v1/prescriptions/%s", id));
	expect_int(w, "copay_cents", 150000);
	expect_int(w, "final_copay_cents", 500);
	expect_text(w, "pharmacy_name", "Sample Pharmacy");
	expect_text(w, "tracking_number", "1Z1");
	get(w, BY_ADMIN, text(w, "/prescriptions/%s", id));
	expect_text(w, "status", "completed");
	expect_text(w, "fhir_status", "completed");
}

static unsigned
next_random(unsigned *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 8;
}

/* Each service's events in their own order, those of different services in any. */
static void
a_pit_03_any_interleaving_ends_in_the_same_place(void **state)
{
	static const char *const from[] = { "enrollment", "router", "adjudication", "billing", "shipping" };
	struct world *w = *state;
	unsigned seed = 4711;

	for (int round = 0; round < 60; round++) {
		const char *id = taken(w, newrx(w));
		size_t at[COUNT(from)] = { 0 };
		size_t done = 0;

		work(w);
		while (done < COUNT(line)) {
			size_t s = next_random(&seed) % COUNT(from);

			while (at[s] < COUNT(line) && strcmp(line[at[s]].from, from[s]) != 0)
				at[s]++;
			if (at[s] == COUNT(line))
				continue;
			tell(w, id, &line[at[s]++]);
			done++;
		}
		assert_string_equal(status_of(w, id), "completed");
		assert_int_equal(sql_int(w, "SELECT count(*) FROM rx_status_history WHERE prescription_id = '%s'", id), COUNT(line) + 2);
		assert_int_equal(sql_int(w, "SELECT final_copay_cents FROM prescriptions WHERE id = '%s'", id), 500);
	}
}

static void
nothing_to_pay_is_waived(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, newrx(w));
	struct step free_of_charge = line[4];

	work(w);
	for (size_t i = 0; i < 3; i++)
		tell(w, id, &line[i]);
	free_of_charge.members = "\"drug_cost_cents\":100,\"insurance_paid_cents\":100,\"copay_cents\":0,\"final_copay_cents\":0,\"patient_savings_cents\":0";
	tell(w, id, &free_of_charge);
	assert_string_equal(status_of(w, id), "payment_waived");
	assert_string_equal(sql_text(w, "SELECT string_agg(to_status, ' ' ORDER BY id) FROM rx_status_history WHERE prescription_id = '%s'", id),
	    "received validated enrolled awaiting_pharmacy_selection pharmacy_selected adjudicated payment_waived");
	tell(w, id, &line[7]);
	assert_string_equal(status_of(w, id), "shipped");
}

static void
an_expired_link_can_be_made_anew(void **state)
{
	static const struct step expired = { "billing", "payment.link.expired", "\"payment_id\":\"00000000-0000-7000-8000-0000000000b1\"", "payment_timeout" };
	struct world *w = *state;
	const char *id = taken(w, newrx(w));

	work(w);
	for (size_t i = 0; i < 6; i++)
		tell(w, id, &line[i]);
	tell(w, id, &expired);
	assert_string_equal(status_of(w, id), "payment_timeout");
	tell(w, id, &line[5]);
	assert_string_equal(status_of(w, id), "payment_pending");
	tell(w, id, &expired);
	tell(w, id, &line[6]);
	assert_string_equal(status_of(w, id), "paid");
}

/* ---- cancelling */

static void
a_api_14_before_a_pharmacy_has_it_it_is_cancelled_at_once(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, newrx(w)), *path = text(w, "/prescriptions/%s/cancel", id);

	work(w);
	for (int i = 0; i < 2; i++) {
		post(w, BY_ADMIN, path, "{\"reason\":\"written twice\"}");
		expect_status(w, 200);
		expect_text(w, "status", "cancelled");
	}
	tell(w, id, &line[0]);
	assert_string_equal(status_of(w, id), "cancelled");
	tell(w, id, &line[6]);
	assert_string_equal(status_of(w, id), "cancelled");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.late' AND code = 'paid_after_cancel' AND subject = '%s'", id), 1);
}

static void
a_api_14_afterwards_the_pharmacy_is_asked(void **state)
{
	struct world *w = *state;
	const char *outcome[] = { "cancelled", "refused" }, *then[] = { "cancelled", "cancel_refused" };

	for (int k = 0; k < 2; k++) {
		const char *id = taken(w, newrx(w));

		work(w);
		for (size_t i = 0; i < 6; i++)
			tell(w, id, &line[i]);
		post(w, BY_ADMIN, text(w, "/prescriptions/%s/cancel", id), NULL);
		expect_status(w, 202);
		expect_text(w, "status", "cancel_pending");
		tell(w, id, &line[6]);	/* the patient pays meanwhile: nothing is lost */
		assert_string_equal(status_of(w, id), "cancel_pending");
		post(w, BY_ADMIN, text(w, "/api/v1/prescriptions/%s/cancel-outcome", id), text(w, "{\"outcome\":\"%s\"}", outcome[k]));
		expect_text(w, "status", then[k]);
		assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.cancel' AND subject = '%s'", id), 0);
		assert_string_equal(sql_text(w, "SELECT kind FROM script_messages WHERE direction = 'out' AND prescription_id = '%s' ORDER BY id DESC", id), "CancelRxResponse");
		tell(w, id, &line[7]);
		assert_string_equal(status_of(w, id), k == 0 ? "cancelled" : "shipped");
		post(w, BY_ADMIN, text(w, "/prescriptions/%s/cancel", id), NULL);
		if (k == 1)
			expect_problem(w, 409, "already_shipped");
	}
}

static const char *
cancelrx(struct world *w, const char *m, const char *id)
{
	const char *c = with(w, with(w, m, "<NewRx>", "<CancelRx>"), "</NewRx>", "</CancelRx>");
	const char *message = sql_text(w, "SELECT message_id FROM prescriptions WHERE id = '%s'", id);

	return with(w, c, text(w, "<MessageID>%s</MessageID>", message),
	    text(w, "<MessageID>C-%s</MessageID><RelatesToMessageID>%s</RelatesToMessageID>", message, message));
}

static void
cancelrx_cancels_its_own_prescription_and_no_other(void **state)
{
	struct world *w = *state;
	const char *m = newrx(w), *id = taken(w, m), *c = cancelrx(w, m, id), *xml;

	work(w);
	arrive(w, with(w, c, "<LastName>Sample", "<LastName>Other"));
	expect_text(w, "status", "unmatched");
	assert_string_equal(status_of(w, id), "validated");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.unmatched' AND subject = '%s'", id), 1);
	request(w, SWITCH, "POST", INTAKE, NULL, with(w, c, "<MessageID>C-", "<MessageID>D-"), xml_both);
	expect_status(w, 200);
	xml = answer_xml(w);
	assert_non_null(strstr(xml, "<CancelRxResponse><Response><Approved>"));
	assert_string_equal(status_of(w, id), "cancelled");
}

static void
messages_of_ours_wait_until_they_are_answered(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, newrx(w)), *own;

	work(w);
	own = sql_text(w, "SELECT message_id FROM script_messages WHERE direction = 'out' AND prescription_id = '%s'", id);
	get(w, SWITCH, "/api/v1/prescriptions/mailbox?limit=200");
	expect_status(w, 200);
	arrive(w, text(w, "<Message><Header><To>1</To><From>9990000000001</From><MessageID>S-%s</MessageID><RelatesToMessageID>%s</RelatesToMessageID></Header>"
			"<Body><Status><Code>010</Code></Status></Body></Message>", own + 6, own));
	expect_text(w, "status", "recorded");
	assert_string_equal(sql_text(w, "SELECT outcome FROM script_messages WHERE message_id = '%s'", own), "delivered");
	arrive(w, "<Message><Header><To>1</To><From>9990000000001</From><MessageID>S-0</MessageID><RelatesToMessageID>none</RelatesToMessageID></Header>"
		"<Body><Error><Code>900</Code></Error></Body></Message>");
	expect_text(w, "status", "unmatched");
	get(w, BY_ADMIN, text(w, "/api/v1/prescriptions/%s/messages", id));
	expect_status(w, 200);
}

static void
only_who_may_calls(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, newrx(w));

	request(w, BY_PUBLIC, "POST", INTAKE, NULL, newrx(w), xml_both);
	expect_status(w, 401);
	request(w, BY_SERVICE("notify"), "POST", INTAKE, NULL, newrx(w), xml_both);
	expect_problem(w, 403, "forbidden");
	get(w, BY_SERVICE("portal"), text(w, "/prescriptions/%s/details", id));
	expect_problem(w, 403, "forbidden");
	get(w, BY_ADMIN, "/prescriptions/00000000-0000-7000-8000-00000000dead");
	expect_problem(w, 404, "not_found");
	get(w, BY_ADMIN, "/api/v1/prescriptions?status=received&limit=1");
	expect_status(w, 200);
	assert_int_equal(json_array_size(json_object_get(answer(w), "prescriptions")), 1);
	get(w, BY_ADMIN, text(w, "/api/v1/prescriptions/%s/history", id));
	expect_text(w, "history.0.to", "received");
}

/* ---- the provider of a case */

#define CASE "00000000-0000-7000-8000-0000000000f1"
#define PATIENT "00000000-0000-7000-8000-0000000000f2"
#define PROVIDER "00000000-0000-7000-8000-0000000000f3"
#define WRITTEN "{\"case_id\":\"" CASE "\",\"medication\":{\"ndc\":\"0574-4072-05\",\"quantity\":\"30\",\"days_supply\":30,\"refills\":2,\"sig\":\"%s\"}}"
#define SIG "Take 1 tablet by mouth once daily"

static const char case_form[] =
	"{\"case_id\":\"" CASE "\",\"patient_id\":\"" PATIENT "\",\"state\":\"LA\",\"platform\":\"yourera\",\"intake_type\":\"glp1\",\"submitted_at\":"
	"\"2026-11-21T10:00:00Z\",\"patient\":{\"first_name\":\"Ada\",\"last_name\":\"Sample\",\"birth_date\":\"1984-02-29\",\"sex\":\"female\",\"email\":"
	"\"ada@mail.example\",\"phone\":\"+15045550100\",\"address\":{\"line1\":\"1 Main\",\"city\":\"New Orleans\",\"state\":\"LA\",\"zip\":\"70112\"}},"
	"\"height_cm\":170,\"weight_kg\":90.5,\"conditions\":[],\"consents\":[]}";
static const char physician[] =
	"{\"physicianId\":\"" PROVIDER "\",\"npi\":\"1234567893\",\"firstName\":\"Test\",\"lastName\":\"Prescriber\",\"name\":\"Test Prescriber, MD\","
	"\"credentials\":\"MD\",\"email\":\"test@clinic.example\",\"platform\":\"both\",\"active\":true,\"licenses\":[],\"routing\":[],"
	"\"createdAt\":\"2026-11-21T10:00:00Z\"}";

static void
a_api_12_a_case_needs_its_provider_and_gets_one_prescription(void **state)
{
	struct world *w = *state;
	const char *body = text(w, WRITTEN, SIG), *id;

	post(w, BY_ROLE("ops_manager"), "/prescriptions", body);	/* A-PIT-02: the gap */
	expect_problem(w, 409, "provider_pending");
	send_event(w, "case", "case.provider.assigned", uuid_of(CASE), "{\"case_id\":\"" CASE "\",\"patient_id\":\"" PATIENT "\",\"provider_id\":\"" PROVIDER
	    "\",\"state\":\"LA\",\"intake_type\":\"glp1\"}");
	post(w, BY_PERSON("provider 00000000-0000-7000-8000-0000000000f9"), "/prescriptions", body);
	expect_problem(w, 403, "not_assigned");
	post(w, BY_PERSON("provider " PROVIDER), "/prescriptions", text(w, WRITTEN, "as directed"));
	expect_problem(w, 422, "invalid_prescription");
	expect_error(w, "medication.sig", "sig_quantity");
	post(w, BY_PERSON("provider " PROVIDER), "/prescriptions", body);
	expect_status(w, 201);
	expect_text(w, "status", "approved");
	id = answer_text(w, "prescription_id");
	assert_string_equal(answer_header(w, "Location"), text(w, "/prescriptions/%s", id));
	assert_string_equal(json_text_at(event_last(w, "prescription.status.changed"), "case_id"), CASE);
	for (int i = 0; i < 20; i++) {	/* A-PIT-01 */
		post(w, BY_PERSON("provider " PROVIDER), "/prescriptions", body);
		expect_status(w, 200);
		expect_text(w, "prescription_id", id);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM prescriptions WHERE case_id = '" CASE "'"), 1);
	get(w, BY_SERVICE("router"), text(w, "/prescriptions/%s/details", id));
	expect_problem(w, 409, "details_pending");
	stub(w, "GET", "/intake/cases/" CASE, 200, case_form);
	stub(w, "GET", "/physicians/" PROVIDER, 200, physician);
	work_all(w);
	get(w, BY_SERVICE("router"), text(w, "/prescriptions/%s/details", id));
	expect_status(w, 200);
	expect_text(w, "patient.phone", "+15045550100");
	expect_text(w, "prescriber.npi", "1234567893");
	expect_text(w, "medication.drug_name", "Samplestat");
	get(w, BY_PERSON("provider 00000000-0000-7000-8000-0000000000f9"), text(w, "/prescriptions/%s", id));
	expect_problem(w, 404, "not_found");
	get(w, BY_PERSON("provider " PROVIDER), text(w, "/prescriptions/%s", id));
	expect_text(w, "status", "approved");
}

static void
an_order_moves_the_prescription_of_a_case(void **state)
{
	static const char *const steps[][2] = { { "queued", "submitted" }, { "accepted", "accepted" }, { "shipped", "shipped" }, { "delivered", "completed" } };
	struct world *w = *state;
	const char *id = sql_text(w, "SELECT id FROM prescriptions WHERE case_id = '" CASE "'");

	for (size_t i = 0; i < COUNT(steps); i++) {
		send_event(w, "router", "rx.submission.updated", uuid_of(id), text(w, "{\"routerSubmissionId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\","
		    "\"patientId\":\"%s\",\"pharmacy\":\"gmp\",\"status\":\"%s\"}", id, id, id, id, steps[i][0]));
		assert_string_equal(status_of(w, id), steps[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_step_moves_once_and_is_told, rx_fresh),
		cmocka_unit_test_setup(a_pit_03_any_interleaving_ends_in_the_same_place, rx_fresh),
		cmocka_unit_test_setup(nothing_to_pay_is_waived, rx_fresh),
		cmocka_unit_test_setup(an_expired_link_can_be_made_anew, rx_fresh),
		cmocka_unit_test_setup(a_api_14_before_a_pharmacy_has_it_it_is_cancelled_at_once, rx_fresh),
		cmocka_unit_test_setup(a_api_14_afterwards_the_pharmacy_is_asked, rx_fresh),
		cmocka_unit_test_setup(cancelrx_cancels_its_own_prescription_and_no_other, rx_fresh),
		cmocka_unit_test_setup(messages_of_ours_wait_until_they_are_answered, rx_fresh),
		cmocka_unit_test_setup(only_who_may_calls, rx_fresh),
		cmocka_unit_test_setup(a_api_12_a_case_needs_its_provider_and_gets_one_prescription, rx_fresh),
		cmocka_unit_test_setup(an_order_moves_the_prescription_of_a_case, rx_fresh),
	};

	return cmocka_run_group_tests(tests, rx_setup, rx_teardown);
}
