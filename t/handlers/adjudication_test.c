/*
 * The rules of adjudication, P-ADJ: one claim a prescription and pharmacy, sent once whatever goes wrong; results that add up to the cent or do not count;
 * whatever comes twice, late or after the payment; what a payer rejects.
 */
#include "adjudication_world.h"

static const char done[] = "insurance.adjudication.completed";

/* ---- the claim */

static void
p_adj_01_a_selected_pharmacy_gets_the_claim_once(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);
	const struct sent *s = sent_to(w, "POST", CLAIMS, 0);

	assert_string_equal(sent_text(s, "prescription.external_id"), rx.id);
	assert_string_equal(sent_text(s, "pharmacy_id"), "pharm_1");
	assert_string_equal(sent_text(s, "prescription.drug.ndc11"), "00002751002");
	assert_string_equal(sent_text(s, "prescription.drug.quantity"), "2.5"); /* text, as written: not a double of it */
	assert_string_equal(sent_text(s, "prescription.patient.birth_date"), "1980-02-29");
	assert_string_equal(sent_text(s, "insurance.bin"), "610014");
	assert_string_equal(sent_text(s, "copay_program.bin"), "004682");
	assert_string_equal(sent_text(s, "copay_program.group_id"), "HUMIRA");
	assert_non_null(strstr(s->raw, "\"max_discount\":9000.00"));
	assert_int_equal(strlen(sent_header(s, "X-Signature")), 64);
	assert_true(strlen(sent_header(s, "Idempotency-Key")) >= 16);
	/* Asked for in the patient's years, never by a name. */
	s = sent_to(w, "POST", "/api/v1/programs/reservations", 0);
	assert_true(json_int_at(s->body, "age", 0) >= 45);
	assert_null(json_object_get(s->body, "birthDate"));
	send_event_again(w);
	select_again(w, &rx, "pharm_1");
	work(w);
	assert_int_equal(sent_count(w, "POST", CLAIMS), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM adjudication_jobs WHERE prescription_id = '%s'", rx.id), 1);
}

static void
p_adj_01_an_unclear_answer_repeats_the_same_bytes(void **state)
{
	struct world *w = *state;
	const struct sent *a, *b;
	struct rx rx;

	peers(w, "commercial", "9000.00");
	stub(w, "POST", CLAIMS, 200, "{\"claim_ref\":\"ref_1\",\"status\":\"received\"}");
	stub_broken(w, "POST", CLAIMS, HTTP_UNKNOWN);
	rx = selected(w, "pharm_1");
	work(w);
	assert_string_equal(status_of(w, &rx), "sending");
	work_all(w);
	assert_string_equal(status_of(w, &rx), "claimed");
	assert_int_equal(sent_count(w, "POST", CLAIMS), 2);
	a = sent_to(w, "POST", CLAIMS, 0);
	b = sent_to(w, "POST", CLAIMS, 1);
	assert_string_equal(a->raw, b->raw);
	assert_string_equal(sent_header(a, "Idempotency-Key"), sent_header(b, "Idempotency-Key"));
}

static void
p_adj_01_what_the_pharmacy_refuses_goes_to_staff(void **state)
{
	struct world *w = *state;
	struct rx rx;

	peers(w, "commercial", "9000.00");
	stub(w, "POST", CLAIMS, 422, "{\"error\":{\"code\":\"drug_not_found\",\"message\":\"drug_not_found\"}}");
	rx = selected(w, "pharm_1");
	work(w);
	assert_string_equal(status_of(w, &rx), "rejected");
	assert_int_equal(told(w, &rx, "adjudication.rejected"), 1);
	assert_int_equal(items(w, &rx, "adjudication.rejected"), 1);
}

static void
p_adj_01_without_insurance_a_person_is_called(void **state)
{
	struct world *w = *state;
	struct rx rx;

	peers(w, "commercial", NULL);
	stub(w, "GET", "/api/v1/enrollment/insurance/*", 404, "{\"code\":\"not_enrolled\"}");
	rx = selected(w, "pharm_1");
	work(w);
	assert_string_equal(status_of(w, &rx), "manual");
	assert_int_equal(sent_count(w, "POST", CLAIMS), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'job.dead'"), 1);
}

/* ---- results */

static void
p_adj_05_the_examples_result_is_applied(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);
	const json_t *e;

	result(w, approved(w, &rx, "CLM123", 0), NULL);
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, &rx), "approved");
	assert_int_equal(told(w, &rx, done), 1);
	e = event_last(w, done);
	assert_string_equal(json_text_at(e, "prescription_id"), rx.id);
	assert_int_equal(json_int_at(e, "drug_cost_cents", -1), 650000);
	assert_int_equal(json_int_at(e, "insurance_paid_cents", -1), 500000);
	assert_int_equal(json_int_at(e, "copay_cents", -1), 150000);
	assert_int_equal(json_int_at(e, "final_copay_cents", -1), 500);
	assert_int_equal(json_int_at(e, "patient_savings_cents", -1), 149500);
	assert_string_equal(json_text_at(e, "programs_applied.0"), "Humira Complete Savings Card");
	assert_int_equal(json_int_at(e, "programs.0.discount_cents", -1), 149500);
	get(w, BY_ADMIN, text(w, "/api/v1/adjudication/%s", rx.id));
	expect_status(w, 200);
	expect_text(w, "status", "approved");
	assert_non_null(strstr((const char *)answer_bytes(w).p, "\"final_patient_copay\":5.00"));
	assert_int_equal(audit_count(w, "adjudication.show", "success"), 1);
}

static void
p_adj_05_only_the_pharmacys_signature_counts(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	result(w, approved(w, &rx, "CLM1", 0), "somebody-else");
	expect_status(w, 401);
	post(w, BY_ADMIN, POSTED, approved(w, &rx, "CLM1", 0));
	expect_status(w, 401);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM adjudication_results r JOIN adjudications a ON a.id = r.adjudication_id"
	    " WHERE a.prescription_id = '%s'", rx.id), 0);
	result(w, approved(w, &rx, "CLM1", 0), "pharm_whsec_old");
	expect_status(w, 200);
}

static const char *
wrong(struct world *w, const struct rx *rx, const char *from, const char *to)
{
	const char *body = approved(w, rx, "CLM9", 0), *at = strstr(body, from);

	assert_non_null(at);
	return text(w, "%.*s%s%s", (int)(at - body), body, to, at + strlen(from));
}

static void
p_adj_06_what_does_not_add_up_is_refused_and_held(void **state)
{
	static const struct { const char *from, *to, *code; } cases[] = {
		{ "\"drug_cost\":6500.00", "\"drug_cost\":6500.01", "claim_does_not_add_up" },
		{ "\"reduced_copay\":5.00", "\"reduced_copay\":4.99", "program_does_not_add_up" },
		{ "\"final_patient_copay\":5.00", "\"final_patient_copay\":5.01", "breakdown_does_not_add_up" },
		{ "\"total_drug_cost\":6500.00", "\"total_drug_cost\":6400", "breakdown_does_not_add_up" },
		{ "\"patient_copay\":1500.00", "\"patient_copay\":1400.00", "program_does_not_add_up" },
		{ "\"insurance_paid\":5000.00,", "", "figures_missing" },
		{ "prog_abbvie_humira_2024", "prog_other", "program_not_offered" },
	};
	struct world *w = *state;
	struct rx rx = claimed(w);

	for (size_t i = 0; i < COUNT(cases); i++) {
		result(w, wrong(w, &rx, cases[i].from, cases[i].to), NULL);
		if (answer_status(w) != 422 || strcmp(answer_text(w, "code"), cases[i].code) != 0)
			fail_msg("%s: %d %s", cases[i].to, answer_status(w), answer_text(w, "code"));
	}
	work(w);
	assert_string_equal(status_of(w, &rx), "claimed");
	assert_int_equal(told(w, &rx, done), 0);
	assert_int_equal(items(w, &rx, "adjudication.inconsistent"), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM adjudication_results r JOIN adjudications a ON a.id = r.adjudication_id"
	    " WHERE a.prescription_id = '%s' AND r.outcome = 'inconsistent'", rx.id), (int)COUNT(cases));
	/* The right one follows: it counts, and the item is done. */
	result(w, approved(w, &rx, "CLM9", 0), NULL);
	work(w);
	assert_string_equal(status_of(w, &rx), "approved");
	assert_int_equal(items(w, &rx, "adjudication.inconsistent"), 0);
	result(w, wrong(w, &rx, "\"drug_cost\":6500.00", "\"drug_cost\":6500.001"), NULL);
	expect_problem(w, 422, "validation_failed");
}

static void
a_program_never_passes_what_was_kept_for_it(void **state)
{
	struct world *w = *state;
	struct rx rx;

	peers(w, "commercial", "1000.00");
	stub(w, "POST", CLAIMS, 201, "{\"claim_ref\":\"ref_1\",\"status\":\"received\"}");
	rx = selected(w, "pharm_1");
	work(w);
	result(w, approved(w, &rx, "CLM1", 0), NULL);
	expect_status(w, 422);
	expect_text(w, "code", "discount_above_cap");
	stubs_clear(w);
	peers(w, "government", NULL);
	stub(w, "POST", CLAIMS, 201, "{\"claim_ref\":\"ref_1\",\"status\":\"received\"}");
	rx = selected(w, "pharm_1");
	work(w);
	assert_null(json_object_get(sent_to(w, "POST", CLAIMS, -1)->body, "copay_program"));
	result(w, approved(w, &rx, "CLM1", 0), NULL);
	expect_text(w, "code", "program_behind_government_plan");
}

static void
p_adj_07_the_result_is_kept_at_hand(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);
	const char *path = text(w, "/api/v1/adjudication/%s", rx.id);

	result(w, approved(w, &rx, "CLM1", 0), NULL);
	work(w);
	assert_true(sql_int(w, "SELECT extract(epoch FROM expires_at - now())::bigint FROM ttl WHERE key = 'adjudication:%s'", rx.id) > 1790);
	assert_true(sql_int(w, "SELECT extract(epoch FROM expires_at - now())::bigint FROM ttl WHERE key = 'adjudication:%s'", rx.id) <= 1800);
	get(w, BY_ADMIN, path);
	assert_non_null(strstr((const char *)answer_bytes(w).p, "\"final_patient_copay\":5.00"));
	/* A new result takes its place at once. */
	result(w, rejected(w, &rx, "CLM2", "70", 1), NULL);
	work(w);
	get(w, BY_ADMIN, path);
	expect_text(w, "status", "rejected");
	expect_text(w, "reject.text", "product/service not covered");
	sql_run(w, "DELETE FROM ttl");
	get(w, BY_ADMIN, path);
	expect_text(w, "status", "rejected");
}

/* ---- twice, late, after the payment */

static void
p_adj_08_the_same_claim_again_is_no_second_event(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	for (int i = 0; i < 5; i++) {
		result(w, approved(w, &rx, "CLM1", 0), NULL);
		expect_status(w, 200);
	}
	/* The same in other bytes. */
	result(w, approved(w, &rx, "CLM1", 1), NULL);
	expect_status(w, 200);
	work(w);
	assert_int_equal(told(w, &rx, done), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM adjudication_history h JOIN adjudications a ON a.id = h.adjudication_id"
	    " WHERE a.prescription_id = '%s' AND h.to_status = 'approved'", rx.id), 1);
}

static void
p_adj_08_another_result_after_payment_is_flagged(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);
	char id[UUID_TEXT];

	result(w, approved(w, &rx, "CLM1", 0), NULL);
	work(w);
	send_event(w, "billing", "payment.completed", rx.uuid, text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"payment_id\":\"%s\","
	    "\"amount_paid\":500}", rx.id, rx.patient, uuid_text(uuid_new(), id)));
	expect_status(w, 200);
	result(w, approved(w, &rx, "CLM1", 1), NULL);
	work(w);
	assert_int_equal(items(w, &rx, "adjudication.late"), 0);
	result(w, approved(w, &rx, "CLM2", 1), NULL);
	expect_status(w, 200);
	work(w);
	assert_int_equal(items(w, &rx, "adjudication.late"), 1);
	assert_int_equal(told(w, &rx, done), 1);
	assert_string_equal(sql_text(w, "SELECT payer_claim_id FROM adjudications WHERE prescription_id = '%s'", rx.id), "CLM1");
	post(w, BY_ADMIN, text(w, "/api/v1/prescriptions/%s/re-adjudicate", rx.id), "{}");
	expect_problem(w, 409, "already_paid");
}

static void
results_in_any_order_end_at_the_newest(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);
	const char *old = approved(w, &rx, "CLM1", 1), *new = rejected(w, &rx, "CLM2", "70", 1);

	result(w, text(w, "{\"occurred_at\":\"2026-03-01T10:00:05Z\",%s", new + 1), NULL);
	work(w);
	result(w, text(w, "{\"occurred_at\":\"2026-03-01T10:00:00Z\",%s", old + 1), NULL);
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, &rx), "rejected");
	assert_int_equal(told(w, &rx, done), 0);
	result(w, text(w, "{\"occurred_at\":\"2026-03-01T10:00:09Z\",%s", old + 1), NULL);
	work(w);
	assert_string_equal(status_of(w, &rx), "approved");
}

static void
a_result_that_overtakes_the_claims_answer_counts(void **state)
{
	struct world *w = *state;
	struct rx rx;

	peers(w, "commercial", "9000.00");
	stub(w, "POST", CLAIMS, 201, "{\"claim_ref\":\"ref_1\",\"status\":\"received\"}");
	stub_broken(w, "POST", CLAIMS, HTTP_UNKNOWN);
	rx = selected(w, "pharm_1");
	work(w);
	assert_string_equal(status_of(w, &rx), "sending");
	result(w, approved(w, &rx, "CLM1", 1), NULL);
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, &rx), "approved");
	work_all(w);
	assert_string_equal(status_of(w, &rx), "approved");
	assert_int_equal(told(w, &rx, done), 1);
}

static void
what_we_never_claimed_is_not_found_while_it_is_young(void **state)
{
	struct world *w = *state;
	char id[UUID_TEXT];
	struct rx rx = { .id = text(w, "%s", uuid_text(uuid_new(), id)) };
	const char *body = approved(w, &rx, "CLM1", 0);

	result(w, body, NULL);
	expect_problem(w, 404, "unknown_prescription");
	result(w, text(w, "{\"occurred_at\":\"2020-01-01T00:00:00Z\",%s", body + 1), NULL);
	expect_status(w, 200);
	assert_int_equal(items(w, &rx, "adjudication.late"), 1);
}

static void
what_was_never_posted_is_swept_up(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	stub(w, "GET", RESULTS, 200, text(w, "{\"results\":[{\"junk\":true},%s],\"next\":\"7\"}", approved(w, &rx, "CLM1", 1)));
	sql_run(w, "INSERT INTO job (tenant_id, queue, kind) VALUES (app_tenant(), 'webhook', 'webhook.sweep')");
	work(w);
	assert_string_equal(status_of(w, &rx), "approved");
	/* And posted after all: it is the same. */
	result(w, approved(w, &rx, "CLM1", 1), NULL);
	expect_status(w, 200);
	stub(w, "GET", RESULTS, 200, "{\"results\":[],\"next\":\"7\"}");
	sql_run(w, "INSERT INTO job (tenant_id, queue, kind) VALUES (app_tenant(), 'webhook', 'webhook.sweep')");
	work(w);
	assert_non_null(strstr(sent_to(w, "GET", RESULTS, -1)->url, "after=7"));
	assert_int_equal(told(w, &rx, done), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM webhook WHERE state = 'ignored' AND outcome = 'malformed'"), 1);
}

static void
a_claim_that_nobody_answers_calls_a_person_once(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	sql_run(w, "UPDATE adjudications SET claimed_at = now() - interval '5 hours' WHERE prescription_id = '%s'", rx.id);
	job_later(w, "claims.overdue", NULL);
	work(w);
	job_later(w, "claims.overdue", NULL);
	work(w);
	assert_int_equal(items(w, &rx, "adjudication.no_result"), 1);
	assert_int_equal(sql_int(w, "SELECT times FROM attention WHERE kind = 'adjudication.no_result' AND subject = '%s'", rx.id), 1);
	result(w, approved(w, &rx, "CLM1", 1), NULL);
	work(w);
	assert_int_equal(items(w, &rx, "adjudication.no_result"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(p_adj_01_a_selected_pharmacy_gets_the_claim_once, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_01_an_unclear_answer_repeats_the_same_bytes, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_01_what_the_pharmacy_refuses_goes_to_staff, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_01_without_insurance_a_person_is_called, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_05_the_examples_result_is_applied, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_05_only_the_pharmacys_signature_counts, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_06_what_does_not_add_up_is_refused_and_held, adjudication_fresh),
		cmocka_unit_test_setup(a_program_never_passes_what_was_kept_for_it, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_07_the_result_is_kept_at_hand, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_08_the_same_claim_again_is_no_second_event, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_08_another_result_after_payment_is_flagged, adjudication_fresh),
		cmocka_unit_test_setup(results_in_any_order_end_at_the_newest, adjudication_fresh),
		cmocka_unit_test_setup(a_result_that_overtakes_the_claims_answer_counts, adjudication_fresh),
		cmocka_unit_test_setup(what_we_never_claimed_is_not_found_while_it_is_young, adjudication_fresh),
		cmocka_unit_test_setup(what_was_never_posted_is_swept_up, adjudication_fresh),
		cmocka_unit_test_setup(a_claim_that_nobody_answers_calls_a_person_once, adjudication_fresh),
	};

	return cmocka_run_group_tests(tests, adjudication_setup, adjudication_teardown);
}
