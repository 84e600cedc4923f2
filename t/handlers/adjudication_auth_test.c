/*
 * Rejects and prior authorisations, P-ADJ-09, U1, U2: what a payer rejects goes to staff and is claimed anew; what it wants to be asked for first is asked,
 * approved with exactly one further claim, denied or appealed.
 */
#include "adjudication_world.h"

static const char done[] = "insurance.adjudication.completed";
static const char rejects[] = "adjudication.rejected";
static const char asks[] = "adjudication.prior_auth.required";

static const char *
again(struct world *w, const struct rx *rx)
{
	return text(w, "/api/v1/prescriptions/%s/re-adjudicate", rx->id);
}

static int64_t
claim_of(struct world *w, const struct rx *rx)
{
	return sql_int(w, "SELECT claim FROM adjudications WHERE prescription_id = '%s'", rx->id);
}

/* ---- rejects */

static void
p_adj_u2_a_reject_goes_to_staff_and_is_claimed_anew(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	result(w, rejected(w, &rx, "CLM1", "79", 1), NULL);
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, &rx), "rejected");
	assert_int_equal(told(w, &rx, rejects), 1);
	assert_string_equal(json_text_at(event_last(w, rejects), "code"), "79");
	assert_int_equal(items(w, &rx, rejects), 1);
	get(w, BY_ADMIN, "/api/v1/adjudication?status=rejected");
	expect_status(w, 200);
	post(w, BY_ADMIN, again(w, &rx), "{\"reason\":\"corrected\",\"claim\":1}");
	expect_status(w, 202);
	expect_int(w, "claim", 2);
	expect_text(w, "status", "queued");
	/* Pressed twice, also when it is over already: one claim. */
	post(w, BY_ADMIN, again(w, &rx), "{\"reason\":\"corrected\",\"claim\":1}");
	expect_int(w, "claim", 2);
	work(w);
	post(w, BY_ADMIN, again(w, &rx), "{\"reason\":\"corrected\",\"claim\":1}");
	expect_int(w, "claim", 2);
	assert_int_equal(items(w, &rx, rejects), 0);
	assert_int_equal(sent_count(w, "POST", CLAIMS), 2);
	assert_string_not_equal(sent_header(sent_to(w, "POST", CLAIMS, 0), "Idempotency-Key"), sent_header(sent_to(w, "POST", CLAIMS, 1), "Idempotency-Key"));
	post(w, BY_ADMIN, again(w, &rx), "{}");
	expect_problem(w, 409, "claim_in_progress");
	/* The first claim's answer comes late, the second's counts. */
	result(w, approved(w, &rx, "CLM1", 1), NULL);
	work(w);
	assert_string_equal(status_of(w, &rx), "claimed");
	result(w, approved(w, &rx, "CLM2", 2), NULL);
	work(w);
	assert_string_equal(status_of(w, &rx), "approved");
	assert_int_equal(json_int_at(event_last(w, done), "claim", 0), 2);
}

static void
p_adj_u2_another_pharmacy_is_claimed_at_anew(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	result(w, rejected(w, &rx, "CLM1", "40", 1), NULL);
	work(w);
	select_again(w, &rx, "pharm_2");
	work(w);
	assert_int_equal(claim_of(w, &rx), 2);
	assert_string_equal(status_of(w, &rx), "claimed");
	assert_string_equal(sent_text(sent_to(w, "POST", CLAIMS, -1), "pharmacy_id"), "pharm_2");
	assert_int_equal(items(w, &rx, rejects), 0);
}

static void
p_adj_u2_a_copay_of_nothing_is_told_as_nothing(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	result(w, text(w, "{\"prescription_id\":\"%s\",\"primary_insurance\":{\"claim_id\":\"CLM1\",\"status\":\"approved\",\"drug_cost\":\"100.00\","
	    "\"insurance_paid\":100,\"patient_copay\":0},\"manufacturer_programs\":[],\"cost_breakdown\":{\"total_drug_cost\":100.00,"
	    "\"insurance_covered\":100.0,\"initial_copay\":0.00,\"manufacturer_discount\":0,\"final_patient_copay\":0}}", rx.id), NULL);
	expect_status(w, 200);
	work(w);
	assert_int_equal(told(w, &rx, done), 1);
	assert_int_equal(json_int_at(event_last(w, done), "final_copay_cents", -1), 0);
	assert_int_equal(json_int_at(event_last(w, done), "patient_savings_cents", -1), 0);
}

/* ---- prior authorisations */

static const char *
required(struct world *w, struct rx *rx)
{
	*rx = claimed(w);
	result(w, rejected(w, rx, "CLM1", "75", 1), NULL);
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, rx), "prior_auth_required");
	assert_int_equal(told(w, rx, asks), 1);
	assert_int_equal(items(w, rx, "adjudication.prior_auth"), 1);
	return text(w, "/api/v1/prior-auth/%s", json_text_at(event_last(w, asks), "prior_auth_id"));
}

static void
p_adj_09_an_approval_makes_exactly_one_claim(void **state)
{
	struct world *w = *state;
	struct rx rx;
	const char *pa = required(w, &rx);

	patch(w, BY_ADMIN, pa, "{\"status\":\"approved\",\"authorization_number\":\"PA1\"}");
	expect_problem(w, 409, "illegal_transition");
	post(w, BY_ADMIN, text(w, "%s/submit", pa), "{\"reason\":\"step_therapy\"}");
	expect_status(w, 200);
	expect_text(w, "status", "submitted");
	post(w, BY_ADMIN, text(w, "%s/submit", pa), "{}");
	expect_status(w, 200);
	post(w, BY_ADMIN, again(w, &rx), "{}");
	expect_problem(w, 409, "prior_auth_open");
	patch(w, BY_ADMIN, pa, "{\"status\":\"approved\"}");
	expect_problem(w, 422, "invalid_members");
	for (int i = 0; i < 3; i++) {
		patch(w, BY_ADMIN, pa, "{\"status\":\"approved\",\"authorization_number\":\"PA100234\"}");
		expect_status(w, 200);
		expect_text(w, "status", "approved");
		work(w);
	}
	assert_int_equal(sent_count(w, "POST", CLAIMS), 2);
	assert_string_equal(sent_text(sent_to(w, "POST", CLAIMS, -1), "prior_authorization"), "PA100234");
	assert_int_equal(items(w, &rx, "adjudication.prior_auth"), 0);
	patch(w, BY_ADMIN, pa, "{\"status\":\"denied\"}");
	expect_problem(w, 409, "illegal_transition");
	/* The first claim's answer again, late: nothing is asked for a second time. */
	result(w, rejected(w, &rx, "CLM1b", "75", 1), NULL);
	work(w);
	assert_int_equal(told(w, &rx, asks), 1);
	result(w, approved(w, &rx, "CLM2", 2), NULL);
	work(w);
	assert_string_equal(status_of(w, &rx), "approved");
	assert_int_equal(told(w, &rx, done), 1);
	get(w, BY_ADMIN, pa);
	expect_text(w, "status", "approved");
	expect_text(w, "authorization_number", "PA100234");
}

static void
p_adj_09_a_denial_is_appealed_and_then_approved(void **state)
{
	struct world *w = *state;
	struct rx rx;
	const char *pa = required(w, &rx);

	post(w, BY_ADMIN, text(w, "%s/submit", pa), "{}");
	patch(w, BY_ADMIN, pa, "{\"status\":\"denied\",\"reason\":\"not_medically_necessary\"}");
	expect_status(w, 200);
	assert_string_equal(status_of(w, &rx), "rejected");
	assert_string_equal(json_text_at(event_last(w, rejects), "code"), "prior_auth_denied");
	assert_int_equal(items(w, &rx, rejects), 1);
	assert_int_equal(items(w, &rx, "adjudication.prior_auth"), 0);
	patch(w, BY_ADMIN, pa, "{\"status\":\"appealed\"}");
	expect_status(w, 200);
	expect_int(w, "appeals", 1);
	assert_string_equal(status_of(w, &rx), "prior_auth_required");
	assert_int_equal(items(w, &rx, "adjudication.prior_auth"), 1);
	patch(w, BY_ADMIN, pa, "{\"status\":\"approved\",\"authorization_number\":\"PA7\"}");
	expect_status(w, 200);
	work(w);
	assert_int_equal(claim_of(w, &rx), 2);
	assert_string_equal(status_of(w, &rx), "claimed");
	get(w, BY_ADMIN, text(w, "/api/v1/prior-auth?prescription_id=%s", rx.id));
	expect_text(w, "prior_authorizations.0.status", "approved");
	get(w, BY_ADMIN, text(w, "/api/v1/adjudication/%s", rx.id));
	expect_text(w, "prior_authorization.status", "approved");
}

static void
p_adj_09_a_denied_authorisation_ends_with_a_claim_anew(void **state)
{
	struct world *w = *state;
	struct rx rx;
	const char *pa = required(w, &rx);

	post(w, BY_ADMIN, text(w, "%s/submit", pa), "{}");
	patch(w, BY_ADMIN, pa, "{\"status\":\"denied\"}");
	post(w, BY_ADMIN, again(w, &rx), "{\"reason\":\"other_dose\"}");
	expect_status(w, 202);
	work(w);
	patch(w, BY_ADMIN, pa, "{\"status\":\"appealed\"}");
	expect_problem(w, 409, "illegal_transition");
	get(w, BY_ADMIN, pa);
	expect_text(w, "status", "withdrawn");
	assert_int_equal(claim_of(w, &rx), 2);
}

static void
a_code_75_by_way_of_a_reject_is_a_prior_authorisation(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	result(w, text(w, "{\"prescription_id\":\"%s\",\"primary_insurance\":{\"claim_id\":\"CLM1\",\"status\":\"rejected\","
	    "\"reject_codes\":[{\"code\":\"75\"}]}}", rx.id), NULL);
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, &rx), "prior_auth_required");
	assert_int_equal(told(w, &rx, rejects), 0);
}

static void
a_prescription_taken_back_needs_nobody(void **state)
{
	struct world *w = *state;
	struct rx rx;
	const char *pa = required(w, &rx);

	send_event(w, "prescription", "prescription.status.changed", rx.uuid, text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\","
	    "\"from\":\"prior_auth_required\",\"to\":\"cancelled\"}", rx.id, rx.patient));
	expect_status(w, 200);
	get(w, BY_ADMIN, pa);
	expect_text(w, "status", "withdrawn");
	assert_int_equal(items(w, &rx, "adjudication.prior_auth"), 0);
	post(w, BY_ADMIN, text(w, "%s/submit", pa), "{}");
	expect_problem(w, 409, "illegal_transition");
}

static void
staffs_rows_are_for_staff(void **state)
{
	static const char *const paths[] = { "/api/v1/prior-auth", "/api/v1/adjudication" };
	struct world *w = *state;
	struct rx rx = claimed(w);

	for (size_t i = 0; i < COUNT(paths); i++) {
		get(w, BY_PUBLIC, paths[i]);
		expect_status(w, 401);
	}
	post(w, BY_PUBLIC, again(w, &rx), "{}");
	expect_status(w, 401);
	post(w, BY_ADMIN, "/api/v1/prescriptions/00000000-0000-7000-8000-00000000dead/re-adjudicate", "{}");
	expect_problem(w, 404, "not_found");
	get(w, BY_ADMIN, "/api/v1/adjudication/00000000-0000-7000-8000-00000000dead");
	expect_problem(w, 404, "not_found");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(p_adj_u2_a_reject_goes_to_staff_and_is_claimed_anew, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_u2_another_pharmacy_is_claimed_at_anew, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_u2_a_copay_of_nothing_is_told_as_nothing, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_09_an_approval_makes_exactly_one_claim, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_09_a_denial_is_appealed_and_then_approved, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_09_a_denied_authorisation_ends_with_a_claim_anew, adjudication_fresh),
		cmocka_unit_test_setup(a_code_75_by_way_of_a_reject_is_a_prior_authorisation, adjudication_fresh),
		cmocka_unit_test_setup(a_prescription_taken_back_needs_nobody, adjudication_fresh),
		cmocka_unit_test_setup(staffs_rows_are_for_staff, adjudication_fresh),
	};

	return cmocka_run_group_tests(tests, adjudication_setup, adjudication_teardown);
}
