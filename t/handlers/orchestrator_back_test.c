/*
 * orchestrator_back_test.c: the way back (X-SAGA-01, X-SAGA-02, rules M2, M6, M7): what was done is undone, last first and once each,
 * and the run is compensated; what cannot be undone is a person's; what was dispensed stays; a case that failed for certain may be
 * decided anew; the money comes before the dispensing in either order.
 */
#include "orchestrator_world.h"

static const char refusal[] = "{\"type\":\"/problems/x\",\"title\":\"x\",\"status\":422,\"code\":\"nope\",\"detail\":\"x\"}";

/* Which acts went out, in their order, without reads and messages: "capture void refund". */
static const char *
acts(struct given *g)
{
	static const char *const undoing[] = { "cancel", "refund", "void", "amend", "capture", "release", "submit" };
	struct buf b = buf_in(world_arena(g->w), 4096);
	const struct sent *s;

	for (int i = 0; (s = sent_to(g->w, "POST", "*", i)) != NULL; i++)
		for (unsigned k = 0; k < COUNT(undoing); k++) {
			size_t n = strlen(s->path), m = strlen(undoing[k]);

			if (n > m && strcmp(s->path + n - m, undoing[k]) == 0)
				buf_addf(&b, "%s%s", b.len > 0 ? " " : "", undoing[k]);
		}
	return buf_str(&b);
}

static void
complete(struct given *g)
{
	approve(g);
	payment_event(g, "authorized", NULL);
	rx_event(g, "accepted", NULL);
	payment_event(g, "captured", NULL);
	expect_run(g, "completed");
}

/* Everything of the way back that others must confirm. */
static void
all_is_taken_back(struct given *g)
{
	shipment_event(g, "voided", NULL);
	payment_event(g, "refunded", NULL);
	rx_event(g, "cancelled", NULL);
	payment_event(g, "cancelled", NULL);
}

static void
X_SAGA_02_a_pharmacy_that_cancels_afterwards_takes_everything_back(void **state)
{
	static const char *const undone[] = { "authorise", "submit_rx", "hp_note", "charge", "notify", "create_shipment",
	    "schedule_refills" };
	struct given g = a_case(*state);

	complete(&g);
	rx_event(&g, "cancelled", NULL);
	expect_run(&g, "running");
	assert_string_equal(acts(&g), "submit capture void");	/* the parcel first, and nothing before it is gone */
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM refill_schedules WHERE run_id = '%s' AND status = 'cancelled'", g.run), 1);
	shipment_event(&g, "voided", NULL);
	assert_string_equal(acts(&g), "submit capture void refund");
	assert_int_equal(told(&g, "prescription_withdrawn"), 1);
	payment_event(&g, "refunded", NULL);
	expect_run(&g, "compensated");
	assert_string_equal(run_reason(&g), "pharmacy_cancelled");
	assert_string_equal(acts(&g), "submit capture void refund amend");
	for (unsigned i = 0; i < COUNT(undone); i++)
		expect_step(&g, undone[i], "compensated");
	assert_string_equal(hold_status(&g), "active");
	assert_string_equal(json_text_at(event_last(g.w, "orchestration.finished"), "state"), "compensated");
	/* Told again, it is nothing new. */
	rx_event(&g, "cancelled", NULL);
	all_is_taken_back(&g);
	assert_string_equal(acts(&g), "submit capture void refund amend");
	assert_int_equal(told(&g, "prescription_withdrawn"), 1);
}

/* The step that fails, the peer that refuses it, and what is undone then. */
static void
X_SAGA_02_a_step_that_fails_undoes_those_before_it_once_each(void **state)
{
	static const struct {
		const char *step, *acts;
	} cases[] = {
		{ "submit_rx", "submit cancel" },
		{ "create_shipment", "submit capture refund amend cancel" },
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct given g = a_case(*state);

		stub(g.w, "POST", i == 0 ? "/rx/prescriptions/submit" : "/shipping/shipments", 422, refusal);
		approve(&g);
		payment_event(&g, "authorized", NULL);
		rx_event(&g, "accepted", NULL);
		payment_event(&g, "captured", NULL);
		expect_run(&g, "running");
		all_is_taken_back(&g);
		rx_event(&g, "cancelled", NULL);
		expect_run(&g, "compensated");
		assert_string_equal(run_reason(&g), "nope");
		expect_step(&g, cases[i].step, "failed");
		expect_step(&g, "authorise", "compensated");
		assert_string_equal(acts(&g), cases[i].acts);
	}
}

static void
an_authorisation_that_expired_ends_in_a_cancelled_prescription(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "cancelled", NULL);	/* Stripe has nothing to capture any more */
	expect_step(&g, "charge", "failed");
	rx_event(&g, "cancelled", NULL);
	expect_run(&g, "compensated");
	assert_string_equal(run_reason(&g), "authorisation_lost");
	assert_string_equal(acts(&g), "submit capture amend cancel");	/* the prescription; the money is nowhere */
}

static void
what_the_pharmacy_cancelled_is_not_charged(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	stub_broken(g.w, "POST", "/api/ehr/notes", HTTP_NOT_SENT);
	rx_event(&g, "accepted", NULL);
	expect_step(&g, "hp_note", "running");
	rx_event(&g, "cancelled", "out_of_stock");
	hurry(&g);
	payment_event(&g, "cancelled", NULL);
	expect_run(&g, "compensated");
	assert_string_equal(run_reason(&g), "out_of_stock");
	assert_string_equal(acts(&g), "submit amend cancel");
}

static void
news_that_come_while_the_capture_is_under_way_wait_for_it(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	rx_event(&g, "cancelled", NULL);
	assert_string_equal(acts(&g), "submit capture");
	payment_event(&g, "captured", NULL);
	assert_string_equal(acts(&g), "submit capture refund");
	assert_int_equal(told(&g, "prescription_approved"), 0);
	payment_event(&g, "refunded", NULL);
	expect_run(&g, "compensated");
	assert_int_equal(told(&g, "prescription_withdrawn"), 0);	/* nothing was announced */
}

static void
M7_what_was_dispensed_is_nobodys_to_undo_but_a_persons(void **state)
{
	struct given g = a_case(*state);

	complete(&g);
	shipment_event(&g, "shipped", NULL);
	rx_event(&g, "cancelled", NULL);
	expect_run(&g, "manual");
	assert_string_equal(run_reason(&g), "past_dispensed");
	assert_string_equal(acts(&g), "submit capture");
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM attention WHERE kind = 'saga.manual'"
	    " AND subject = (SELECT id::text FROM saga WHERE subject = '%s')", g.run), 1);
}

static void
an_undo_that_fails_is_a_persons(void **state)
{
	struct given g = a_case(*state);

	complete(&g);
	rx_event(&g, "cancelled", NULL);
	shipment_event(&g, "manual", "already_tendered");
	expect_run(&g, "manual");
	assert_string_equal(run_reason(&g), "create_shipment_not_undone");
	expect_step(&g, "create_shipment", "manual");
	assert_string_equal(acts(&g), "submit capture void");	/* no refund under a parcel that leaves */
	shipment_event(&g, "voided", NULL);	/* after all */
	payment_event(&g, "refunded", NULL);
	expect_run(&g, "compensated");
}

/* ---- decided anew (rule M2) */

static void
M2_after_a_certain_failure_a_new_approval_is_a_new_run_with_new_keys(void **state)
{
	struct given g = a_case(*state), again;

	approve(&g);
	payment_event(&g, "failed", "card_declined");
	expect_run(&g, "failed");
	again = g;
	again.run = NULL;
	approve(&again);
	assert_string_not_equal(again.run, g.run);
	assert_int_equal(sql_int(g.w, "SELECT generation FROM orchestration_runs WHERE id = '%s'", again.run), 2);
	assert_int_equal(sql_int(g.w, "SELECT count(DISTINCT vendor_key) FROM saga_step WHERE name = 'authorise'"
	    " AND saga_id IN (SELECT id FROM saga WHERE subject IN ('%s', '%s'))", g.run, again.run), 2);
	/* While that one lives, a repeat is a repeat. */
	g = again;
	decide(&again, "approve", "0.25 mg");
	assert_string_equal(again.run, g.run);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");
}

static void
M2_nothing_is_started_anew_while_the_outcome_is_unknown(void **state)
{
	struct given g = a_case(*state), again;

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "manual", "pharmacy_outcome_unknown");
	expect_run(&g, "manual");
	again = g;
	decide(&again, "approve", "0.25 mg");
	assert_string_equal(again.run, g.run);
	assert_int_equal(asked(&g, "POST", "/rx/prescriptions/submit"), 1);
}

/* ---- a person decides (rule M8) */

static void
M8_a_manual_step_is_decided_by_a_person_once_and_audited(void **state)
{
	struct given g = a_case(*state);
	const char *path, *saga, *body = "{\"action\":\"confirm\",\"step\":\"submit_rx\",\"reason\":\"they confirmed by telephone\"}";

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "manual", "pharmacy_outcome_unknown");
	get(g.w, BY_ADMIN, "/orchestrator/sagas?which=manual");
	expect_status(g.w, 200);
	get(g.w, BY_ADMIN, text(g.w, "/orchestrator/sagas/%s", g.submission));
	expect_text(g.w, "state", "manual");
	expect_text(g.w, "step", "submit_rx");
	saga = answer_text(g.w, "sagaId");
	path = text(g.w, "/orchestrator/sagas/%s/decide", saga);
	post(g.w, BY_SERVICE("portal"), path, body);
	expect_status(g.w, 403);
	post(g.w, BY_ADMIN, path, "{\"action\":\"confirm\",\"step\":\"charge\",\"reason\":\"no such step is manual\"}");
	expect_problem(g.w, 409, "other_step");
	post(g.w, BY_ADMIN, path, body);
	expect_status(g.w, 202);
	post(g.w, BY_ADMIN, path, body);
	expect_status(g.w, 202);	/* the same decision again, before it is carried out */
	post(g.w, BY_ADMIN, path, "{\"action\":\"failed\",\"step\":\"submit_rx\",\"reason\":\"changed my mind\"}");
	expect_problem(g.w, 409, "decided_otherwise");
	work(g.w);
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM audit WHERE action = 'saga.decided' AND object_id = '%s'"
	    " AND reason = 'they confirmed by telephone'", saga), 1);
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM attention WHERE subject = '%s'", saga), 0);
	post(g.w, BY_ADMIN, path, body);
	expect_problem(g.w, 409, "not_manual");
}

static void
M8_what_waits_past_its_deadline_is_on_the_list(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	get(g.w, BY_ADMIN, "/orchestrator/sagas?which=stuck");
	expect_absent(g.w, "sagas.0");
	sql_run(g.w, "UPDATE saga_step SET deadline = now() - interval '1 min' WHERE state = 'sent'"
	    " AND saga_id = (SELECT id FROM saga WHERE subject = '%s')", g.run);
	get(g.w, BY_ADMIN, "/orchestrator/sagas?which=stuck");
	expect_text(g.w, "sagas.0.subject", g.run);
	expect_absent(g.w, "sagas.1");
}

/* ---- the money's order (rule M6) */

static void
M6_a_pharmacy_that_holds_is_sent_first_and_releases_after_the_charge(void **state)
{
	struct given g = a_case(*state);

	stub_holding_pharmacy(&g);
	approve(&g);
	assert_int_equal(asked(&g, "POST", "/billing/payments"), 0);
	assert_true(json_is_true(json_object_get(sent_to(g.w, "POST", "/rx/prescriptions/submit", -1)->body, "hold")));
	rx_event(&g, "accepted", NULL);
	assert_int_equal(asked(&g, "POST", "/billing/payments"), 1);
	payment_event(&g, "authorized", NULL);
	assert_string_equal(acts(&g), "submit capture");
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");
	assert_string_equal(acts(&g), "submit capture release");
	expect_step(&g, "authorise", "confirmed");
	assert_string_equal(sql_text(g.w, "SELECT money_order FROM orchestration_runs WHERE id = '%s'", g.run), "hold_first");
}

static void
M6_a_declined_card_never_ends_in_a_dispensed_prescription(void **state)
{
	struct given g = a_case(*state);

	stub_holding_pharmacy(&g);
	approve(&g);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "failed", "card_declined");
	assert_string_equal(acts(&g), "submit amend cancel");
	assert_int_equal(told(&g, "payment_failed"), 1);
	rx_event(&g, "cancelled", NULL);
	expect_run(&g, "compensated");
	assert_string_equal(run_reason(&g), "card_declined");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(X_SAGA_02_a_pharmacy_that_cancels_afterwards_takes_everything_back),
		cmocka_unit_test(X_SAGA_02_a_step_that_fails_undoes_those_before_it_once_each),
		cmocka_unit_test(an_authorisation_that_expired_ends_in_a_cancelled_prescription),
		cmocka_unit_test(what_the_pharmacy_cancelled_is_not_charged),
		cmocka_unit_test(news_that_come_while_the_capture_is_under_way_wait_for_it),
		cmocka_unit_test(M7_what_was_dispensed_is_nobodys_to_undo_but_a_persons),
		cmocka_unit_test(an_undo_that_fails_is_a_persons),
		cmocka_unit_test(M2_after_a_certain_failure_a_new_approval_is_a_new_run_with_new_keys),
		cmocka_unit_test(M2_nothing_is_started_anew_while_the_outcome_is_unknown),
		cmocka_unit_test(M8_a_manual_step_is_decided_by_a_person_once_and_audited),
		cmocka_unit_test(M8_what_waits_past_its_deadline_is_on_the_list),
		cmocka_unit_test(M6_a_pharmacy_that_holds_is_sent_first_and_releases_after_the_charge),
		cmocka_unit_test(M6_a_declined_card_never_ends_in_a_dispensed_prescription),
	};

	return cmocka_run_group_tests(tests, orchestrator_setup, orchestrator_teardown);
}
