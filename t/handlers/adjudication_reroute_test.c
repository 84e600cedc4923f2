/*
 * Another pharmacy after the first one was claimed at (P-RTE-07, P-ADJ-U2, P-ADJ-08): what the first was paid is taken back, and what still comes of its claim is
 * told apart from the second's.
 */
#include "adjudication_world.h"

static const char done[] = "insurance.adjudication.completed";
static const char reverse[] = "adjudication.reverse";

static const char *
claim_id(struct world *w, const struct rx *rx, int claim)
{
	return sql_text(w, "SELECT c.id FROM adjudication_claims c JOIN adjudications a ON a.id = c.adjudication_id WHERE a.prescription_id = '%s' AND c.claim = %d",
	    rx->id, claim);
}

/* The claims as: 1 pharm_1 approved CLM1 due. */
static const char *
claims(struct world *w, const struct rx *rx)
{
	return sql_text(w, "SELECT string_agg(concat_ws(' ', c.claim, c.pharmacy_id, c.status, c.payer_claim_id, c.reversal), ', ' ORDER BY c.claim)"
	    " FROM adjudication_claims c JOIN adjudications a ON a.id = c.adjudication_id WHERE a.prescription_id = '%s'", rx->id);
}

static int64_t
to_reverse(struct world *w, const struct rx *rx, int claim)
{
	return sql_int(w, "SELECT count(*) FROM attention WHERE kind = '%s' AND subject = '%s'", reverse, claim_id(w, rx, claim));
}

static const char *
outcomes(struct world *w, const struct rx *rx)
{
	return sql_text(w, "SELECT string_agg(concat_ws(' ', r.claim, r.payer_claim_id, r.outcome), ', ' ORDER BY r.at) FROM adjudication_results r"
	    " JOIN adjudications a ON a.id = r.adjudication_id WHERE a.prescription_id = '%s'", rx->id);
}

static void
posted(struct world *w, const char *body)
{
	result(w, body, NULL);
	expect_status(w, 200);
	work(w);
}

/* Approved at the first pharmacy, then another is selected and claimed at. */
static struct rx
rerouted(struct world *w)
{
	struct rx rx = claimed(w);

	posted(w, approved(w, &rx, "CLM1", 1));
	assert_string_equal(status_of(w, &rx), "approved");
	select_again(w, &rx, "pharm_2");
	return rx;
}

static void
p_adj_u2_what_the_first_pharmacy_was_paid_is_to_be_reversed(void **state)
{
	struct world *w = *state;
	struct rx rx = rerouted(w);
	const char *path = text(w, "/api/v1/adjudication/claims/%s/reversed", claim_id(w, &rx, 1));

	assert_string_equal(claims(w, &rx), "1 pharm_1 approved CLM1 due, 2 pharm_2 made");
	assert_int_equal(to_reverse(w, &rx, 1), 1);
	work(w);
	get(w, BY_ROLE("ops_agent"), text(w, "/api/v1/adjudication/%s", rx.id));
	expect_text(w, "claims.0.pharmacy_id", "pharm_1");
	expect_text(w, "claims.0.claim_ref", "ref_1");
	expect_text(w, "claims.0.payer_claim_id", "CLM1");
	expect_text(w, "claims.0.reversal", "due");
	expect_text(w, "claims.1.status", "taken");
	expect_absent(w, "claims.1.reversal");
	assert_string_equal(json_text_at(event_last(w, "attention.raised"), "detail.payerClaimId"), "CLM1");
	assert_string_equal(json_text_at(event_last(w, "attention.raised"), "detail.pharmacyId"), "pharm_1");
	post(w, BY_PUBLIC, path, NULL);
	expect_status(w, 401);
	for (int i = 0; i < 2; i++) {
		post(w, i == 0 ? BY_SERVICE("case") : BY_ROLE("ops_agent"), path, NULL);
		expect_status(w, 200);
		expect_text(w, "reversal", "done");
		assert_int_equal(to_reverse(w, &rx, 1), 0);
	}
	assert_string_equal(sql_text(w, "SELECT reversed_by FROM adjudication_claims WHERE id = '%s'", claim_id(w, &rx, 1)), "service:case");
	post(w, BY_ADMIN, text(w, "/api/v1/adjudication/claims/%s/reversed", claim_id(w, &rx, 2)), NULL);
	expect_problem(w, 409, "not_due");
	post(w, BY_ADMIN, "/api/v1/adjudication/claims/00000000-0000-7000-8000-00000000dead/reversed", NULL);
	expect_problem(w, 404, "not_found");
}

static void
p_adj_08_what_still_comes_of_the_first_claim_is_kept_and_changes_nothing(void **state)
{
	struct world *w = *state;
	struct rx rx = rerouted(w);

	work(w);
	posted(w, approved(w, &rx, "CLM1b", 1));
	posted(w, approved(w, &rx, "CLM1", 0)); /* by the payer's id alone */
	assert_string_equal(outcomes(w, &rx), "1 CLM1 applied, 1 CLM1b late, 1 CLM1 late");
	assert_string_equal(status_of(w, &rx), "claimed");
	assert_int_equal(told(w, &rx, done), 1);
	posted(w, approved(w, &rx, "CLM2", 0));
	assert_string_equal(status_of(w, &rx), "approved");
	assert_string_equal(sql_text(w, "SELECT payer_claim_id FROM adjudications WHERE prescription_id = '%s'", rx.id), "CLM2");
	assert_int_equal(told(w, &rx, done), 2);
	posted(w, rejected(w, &rx, "CLM1", "70", 1));
	assert_string_equal(status_of(w, &rx), "approved");
	assert_int_equal(told(w, &rx, "adjudication.rejected"), 0);
	assert_int_equal(items(w, &rx, "adjudication.rejected"), 0);
}

static void
p_adj_08_an_answer_that_may_be_either_claim_s_is_held(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	select_again(w, &rx, "pharm_2");
	work(w);
	assert_string_equal(claims(w, &rx), "1 pharm_1 taken due, 2 pharm_2 taken");
	result(w, approved(w, &rx, "CLM9", 0), NULL);
	expect_problem(w, 422, "claim_not_named");
	work(w);
	assert_string_equal(status_of(w, &rx), "claimed");
	assert_int_equal(told(w, &rx, done), 0);
	assert_int_equal(items(w, &rx, "adjudication.inconsistent"), 1);
	/* The first was never paid, its pharmacy says now: nothing is to be reversed, and the next answer can only be the second's. */
	posted(w, rejected(w, &rx, "CLM1", "70", 1));
	assert_string_equal(claims(w, &rx), "1 pharm_1 rejected CLM1, 2 pharm_2 taken");
	assert_int_equal(to_reverse(w, &rx, 1), 0);
	posted(w, approved(w, &rx, "CLM2", 0));
	assert_string_equal(status_of(w, &rx), "approved");
	assert_int_equal(items(w, &rx, "adjudication.inconsistent"), 0);
}

static void
p_adj_u2_a_claim_that_never_left_needs_no_reversal(void **state)
{
	struct world *w = *state;
	struct rx rx;

	peers(w, "commercial", "9000.00");
	stub(w, "POST", CLAIMS, 201, "{\"claim_ref\":\"ref_1\",\"status\":\"received\"}");
	rx = selected(w, "pharm_1");
	select_again(w, &rx, "pharm_2");
	work(w);
	assert_string_equal(claims(w, &rx), "1 pharm_1 withdrawn, 2 pharm_2 taken");
	assert_int_equal(to_reverse(w, &rx, 1), 0);
	assert_int_equal(sent_count(w, "POST", CLAIMS), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", CLAIMS, 0), "pharmacy_id"), "pharm_2");
	/* Not even known there: refused, so nothing to take back. */
	stub(w, "POST", CLAIMS, 422, "{\"error\":{\"code\":\"drug_not_found\",\"message\":\"drug_not_found\"}}");
	rx = selected(w, "pharm_1");
	work(w);
	select_again(w, &rx, "pharm_2");
	assert_string_equal(claims(w, &rx), "1 pharm_1 rejected, 2 pharm_2 made");
	assert_int_equal(to_reverse(w, &rx, 1), 0);
	work(w);
}

static void
p_adj_u2_a_rejected_claim_that_is_paid_late_is_to_be_reversed(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	posted(w, rejected(w, &rx, "CLM1", "79", 1));
	select_again(w, &rx, "pharm_2");
	work(w);
	assert_int_equal(to_reverse(w, &rx, 1), 0);
	posted(w, approved(w, &rx, "CLM1", 1));
	assert_string_equal(claims(w, &rx), "1 pharm_1 approved CLM1 due, 2 pharm_2 taken");
	assert_int_equal(to_reverse(w, &rx, 1), 1);
	assert_string_equal(sql_text(w, "SELECT code FROM attention WHERE kind = '%s' AND subject = '%s'", reverse, claim_id(w, &rx, 1)), "approved_late");
	assert_string_equal(status_of(w, &rx), "claimed");
}

static void
p_adj_u2_of_two_claims_at_one_pharmacy_the_last_paid_one_is_reversed(void **state)
{
	struct world *w = *state;
	struct rx rx = claimed(w);

	posted(w, approved(w, &rx, "CLM1", 1));
	post(w, BY_ADMIN, text(w, "/api/v1/prescriptions/%s/re-adjudicate", rx.id), "{\"reason\":\"corrected\"}");
	expect_status(w, 202);
	work(w);
	posted(w, approved(w, &rx, "CLM2", 2));
	select_again(w, &rx, "pharm_2");
	assert_string_equal(claims(w, &rx), "1 pharm_1 approved CLM1, 2 pharm_1 approved CLM2 due, 3 pharm_2 made");
	assert_int_equal(to_reverse(w, &rx, 1), 0);
	assert_int_equal(to_reverse(w, &rx, 2), 1);
	work(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(p_adj_u2_what_the_first_pharmacy_was_paid_is_to_be_reversed, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_08_what_still_comes_of_the_first_claim_is_kept_and_changes_nothing, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_08_an_answer_that_may_be_either_claim_s_is_held, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_u2_a_claim_that_never_left_needs_no_reversal, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_u2_a_rejected_claim_that_is_paid_late_is_to_be_reversed, adjudication_fresh),
		cmocka_unit_test_setup(p_adj_u2_of_two_claims_at_one_pharmacy_the_last_paid_one_is_reversed, adjudication_fresh),
	};

	return cmocka_run_group_tests(tests, adjudication_setup, adjudication_teardown);
}
