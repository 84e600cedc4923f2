/*
 * orchestrator_test.c: the rules of a run: who may decide, in which order money and prescription move, what a refusal takes back,
 * what is written down.
 */
#include "orchestrator_world.h"

/* ---- the whole way */

static void
an_approval_runs_its_steps_in_order_and_is_charged_once(void **state)
{
	static const char *const names[] = { "medication_config", "patient_lookup", "resolve_prescriber", "route_pharmacy",
	    "authorise", "submit_rx",
		"hp_note", "charge", "notify", "create_shipment", "schedule_refills" };
	struct given g = a_case(*state);

	approve(&g);
	expect_step(&g, "authorise", "running");
	assert_int_equal(asked(&g, "POST", "/rx/prescriptions/submit"), 0);
	payment_event(&g, "authorized", NULL);
	expect_step(&g, "submit_rx", "running");
	assert_int_equal(asked(&g, "POST", "/billing/payments/*"), 0);
	rx_event(&g, "accepted", NULL);
	assert_int_equal(asked(&g, "POST", "/billing/payments/*"), 1);
	assert_int_equal(told(&g, "payment_charged"), 0);
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");

	get(g.w, BY_ADMIN, text(g.w, "/orchestrator/runs/%s", g.run));
	expect_status(g.w, 200);
	for (unsigned i = 0; i < COUNT(names); i++) {
		expect_text(g.w, text(g.w, "steps.%u.name", i), names[i]);
		expect_text(g.w, text(g.w, "steps.%u.state", i), "confirmed");
		expect_text(g.w, text(g.w, "completedSteps.%u", i), names[i]);
		assert_string_not_equal(answer_text(g.w, text(g.w, "steps.%u.startedAt", i)), "");
		assert_string_not_equal(answer_text(g.w, text(g.w, "steps.%u.finishedAt", i)), "");
	}
	expect_absent(g.w, "warnings.0");
	expect_absent(g.w, "errors.0");
	expect_text(g.w, "views.platform.6.name", "refills");
	expect_text(g.w, "views.platform.6.state", "confirmed");
	expect_text(g.w, "views.integration.4.name", "pharmacySync");
	assert_int_equal(asked(&g, "POST", "/billing/payments"), 1);
	assert_int_equal(asked(&g, "POST", "/billing/payments/*"), 1);
	assert_int_equal(asked(&g, "POST", "/rx/prescriptions/submit"), 1);
	assert_int_equal(asked(&g, "POST", "/shipping/shipments"), 1);
	assert_int_equal(told(&g, "prescription_approved"), 1);
	assert_int_equal(told(&g, "payment_charged"), 1);
	assert_string_equal(hold_status(&g), "charged");
}

static void
what_a_run_leaves_behind(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "captured", NULL);
	/* 28 days of supply, two refills: the first one is next. */
	assert_int_equal(sql_int(g.w, "SELECT next_date - current_date FROM refill_schedules WHERE run_id = '%s'", g.run), 28);
	assert_int_equal(sql_int(g.w, "SELECT remaining FROM refill_schedules WHERE run_id = '%s' AND status = 'scheduled' AND"
	    " sequence = 1", g.run), 2);
	assert_string_equal(json_text_at(event_last(g.w, "prescription.decided"), "outcome"), "approved");
	assert_string_equal(json_text_at(event_last(g.w, "prescription.decided"), "physicianId"), g.physician);
	assert_string_equal(json_text_at(event_last(g.w, "orchestration.finished"), "state"), "completed");
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM outbox WHERE aggregate_id = '%s' AND topic = 'prescription.decided'",
	    g.run), 1);
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM outbox WHERE aggregate_id = '%s' AND topic = 'orchestration.step'",
	    g.run), 11);
	/* The trail between chart and pharmacy: attempt, taken by the router, the pharmacy's answer, the note. */
	assert_string_equal(sql_text(g.w, "SELECT string_agg(action || ':' || outcome, ' ' ORDER BY id) FROM sync_logs WHERE"
	    " run_id = '%s'", g.run),
	    "submit:attempted submit:queued status:accepted note:attempted");
	get(g.w, BY_ADMIN, text(g.w, "/orchestrator/sync-logs?externalId=%s", g.router));
	expect_text(g.w, "entries.1.outcome", "accepted");
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM audit WHERE action = 'run.status' AND object_id = '%s'", g.run), 1);
}

static void
the_prescription_names_patient_prescriber_and_dosage(void **state)
{
	struct given g = a_case(*state);
	const struct sent *rx;

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx = sent_to(g.w, "POST", "/rx/prescriptions/submit", -1);
	assert_string_equal(sent_text(rx, "externalId"), g.run);
	assert_string_equal(sent_text(rx, "patient.firstName"), "Canaryfirst");
	assert_string_equal(sent_text(rx, "patient.conditions.0.code"), "E66.9");
	assert_string_equal(sent_text(rx, "prescriber.npi"), "1234567893");
	assert_string_equal(sent_text(rx, "prescriber.licenseNumber"), "LA-1");
	assert_string_equal(sent_text(rx, "medication.sku"), "SMPL-SEMA-025");
	assert_int_equal(json_int_at(rx->body, "medication.daysSupply", 0), 28);
	assert_string_equal(sent_text(rx, "callbackUrl"), "/api/pharmacy/callback");
}

static void
a_pharmacy_that_ships_itself_gets_no_label(void **state)
{
	struct given g = a_case(*state);

	stub_boothwyn(&g);
	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");
	expect_step(&g, "create_shipment", "skipped");
	assert_int_equal(asked(&g, "POST", "/shipping/shipments"), 0);
}

static void
nothing_of_the_patient_is_in_plain_rows(void **state)
{
	static const char *const tables[] = { "orchestration_runs", "run_steps", "saga", "saga_step", "outbox", "job", "audit",
	    "sync_logs", "idempotency" };
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "captured", NULL);
	for (unsigned i = 0; i < COUNT(tables); i++)
		assert_int_equal(sql_int(g.w, "SELECT count(*) FROM %s t WHERE t::text LIKE '%%anary%%'", tables[i]), 0);
	assert_true(sql_int(g.w, "SELECT length(patient_enc) FROM orchestration_runs WHERE id = '%s'", g.run) > 38);
}

/* ---- one decision */

static void
approving_twice_is_one_run_and_the_first_answer(void **state)
{
	struct given g = a_case(*state), again;

	approve(&g);
	again = g;
	decide(&again, "approve", "0.25 mg");
	expect_status(g.w, 202);
	assert_string_equal(again.run, g.run);
	decide(&again, "approve", "0.5 mg");
	assert_string_equal(again.run, g.run);
	work(g.w);
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM orchestration_runs WHERE submission_id = '%s'", g.submission), 1);
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM saga WHERE subject = '%s'", g.run), 1);
	assert_int_equal(asked(&g, "POST", "/billing/payments"), 1);
}

static void
a_case_is_decided_once(void **state)
{
	struct given g = a_case(*state), other;

	approve(&g);
	other = g;
	decide(&other, "deny", "not suitable");
	expect_problem(g.w, 409, "already_decided");
	other.task = "another-task-of-the-same-case";
	decide(&other, "approve", "0.25 mg");
	expect_problem(g.w, 409, "already_decided");
	decide(&other, "deny", "not suitable");
	expect_problem(g.w, 409, "already_decided");
	assert_string_equal(hold_status(&g), "active");
}

static void
a_decision_needs_the_cards_hold_and_the_right_patient(void **state)
{
	struct given g = a_case(*state), wrong = g;

	wrong.submission = g.patient;
	decide(&wrong, "approve", "0.25 mg");
	expect_problem(g.w, 503, "case_not_here_yet");
	decide(&wrong, "deny", "not suitable");
	expect_problem(g.w, 503, "case_not_here_yet");
	wrong = g;
	wrong.patient = g.submission;
	decide(&wrong, "approve", "0.25 mg");
	expect_problem(g.w, 409, "hold_missing");
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM orchestration_runs WHERE task_id = '%s'", g.task), 0);
}

static void
an_intake_has_one_active_hold(void **state)
{
	struct given g = a_case(*state);

	send_event_again(g.w);
	send_event(g.w, "intake", "intake.submitted", uuid_new(),
	    text(g.w, "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"intakeId\":\"%s\","
	    "\"state\":\"LA\",\"platform\":\"yourera\",\"intakeType\":\"glp1\",\"planId\":\"p\",\"amountCents\":100,"
	    "\"currency\":\"USD\","
	    "\"setupIntentId\":\"%s\"}", g.setup, g.patient, g.intake, g.setup));
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM payment_holds WHERE intake_id = '%s'", g.intake), 1);
	assert_int_equal(sql_int(g.w, "SELECT amount_cents FROM payment_holds WHERE intake_id = '%s'", g.intake), 29900);
}

static void
a_dearer_dosage_needs_the_patients_consent_first(void **state)
{
	struct given g = a_case(*state);

	decide(&g, "approve", "1 mg");
	expect_problem(g.w, 422, "price_above_consent");
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM orchestration_runs WHERE task_id = '%s'", g.task), 0);
	approve(&g);
	expect_step(&g, "authorise", "running");
}

/* ---- what fails before anything happened */

static void
expect_nothing_happened(struct given *g, const char *step, const char *reason)
{
	expect_run(g, "failed");
	assert_string_equal(run_reason(g), reason);
	expect_step(g, step, "failed");
	assert_int_equal(asked(g, "POST", "/billing/*"), 0);
	assert_int_equal(asked(g, "POST", "/rx/prescriptions/submit"), 0);
	assert_int_equal(told(g, "prescription_approved"), 0);
	assert_string_equal(hold_status(g), "active");
}

static void
an_unknown_dosage_stops_at_the_first_step(void **state)
{
	struct given g = a_case(*state);

	decide(&g, "approve", "7 mg");
	expect_status(g.w, 202);
	work(g.w);
	expect_nothing_happened(&g, "medication_config", "unknown_medication");
	assert_int_equal(asked(&g, "GET", "/intake/*"), 0);
	get(g.w, BY_SERVICE("portal"), text(g.w, "/orchestrator/runs?submissionId=%s", g.submission));
	expect_text(g.w, "errors.0", "unknown_medication");
	expect_text(g.w, "status", "failed");
}

static void
the_prescriber_is_the_claimant_and_nobody_is_put_in_place(void **state)
{
	struct given g = a_case(*state);

	stub_assignment(&g, g.setup);
	approve(&g);
	expect_nothing_happened(&g, "resolve_prescriber", "not_the_claimant");
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM outbox WHERE aggregate_id = '%s' AND topic = 'prescription.decided'",
	    g.run), 0);
	assert_int_equal(asked(&g, "GET", "/route?*"), 0);

	g = a_case(*state);
	stub_assignment(&g, NULL);
	approve(&g);
	expect_nothing_happened(&g, "resolve_prescriber", "not_the_claimant");
}

static void
a_physician_without_a_licence_in_the_patients_state_does_not_prescribe(void **state)
{
	struct given g = a_case(*state);

	stub_license(&g, false);
	approve(&g);
	expect_nothing_happened(&g, "resolve_prescriber", "prescriber_not_licensed");
}

static void
a_state_without_a_pharmacy_fails_before_the_card_is_touched(void **state)
{
	struct given g = a_case(*state);

	stub(g.w, "POST", "/rx/route", 422, "{\"type\":\"/problems/state_excluded\",\"title\":\"x\",\"status\":422,"
	    "\"code\":\"state_excluded\",\"detail\":\"x\"}");
	approve(&g);
	expect_nothing_happened(&g, "route_pharmacy", "state_excluded");
}

/* ---- the ways back */

static void
a_declined_card_ends_the_run_and_nothing_reaches_the_pharmacy(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "failed", "card_declined");
	expect_run(&g, "failed");
	assert_string_equal(run_reason(&g), "card_declined");
	expect_step(&g, "authorise", "failed");
	assert_int_equal(told(&g, "payment_failed"), 1);
	assert_string_equal(sent_text(sent_to(g.w, "POST", "/notify/send", -1), "variables.amount"), "299.00");
	assert_string_equal(hold_status(&g), "active");
	assert_int_equal(asked(&g, "POST", "/rx/prescriptions/submit"), 0);
	assert_int_equal(asked(&g, "POST", "/billing/payments/*"), 0);
	assert_string_equal(json_text_at(event_last(g.w, "orchestration.finished"), "reason"), "card_declined");
}

static void
a_bank_that_wants_the_cardholder_is_a_declined_card_too(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "failed", "authentication_required");
	expect_run(&g, "failed");
	assert_string_equal(run_reason(&g), "authentication_required");
	assert_int_equal(told(&g, "payment_failed"), 1);
	assert_string_equal(hold_status(&g), "active");
}

static void
a_denial_charges_nothing_releases_the_card_and_tells_why(void **state)
{
	struct given g = a_case(*state), again;

	decide(&g, "deny", "Canaryreason: not suitable");
	expect_status(g.w, 202);
	expect_text(g.w, "status", "denied");
	work(g.w);
	assert_string_equal(hold_status(&g), "released");
	assert_int_equal(told(&g, "prescription_denied"), 1);
	assert_string_equal(sent_text(sent_to(g.w, "POST", "/notify/send", -1), "variables.reason"), "Canaryreason: not suitable");
	assert_string_equal(sent_text(sent_to(g.w, "POST", "/notify/send", -1), "recipient.patientId"), g.patient);
	assert_string_equal(json_text_at(event_last(g.w, "prescription.decided"), "outcome"), "denied");
	assert_int_equal(asked(&g, "POST", "/billing/*"), 0);
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM orchestration_runs t WHERE t::text LIKE '%%Canaryreason%%'"), 0);
	again = g;
	decide(&again, "deny", "another text");
	expect_status(g.w, 202);
	assert_string_equal(again.run, g.run);
	work(g.w);
	assert_int_equal(told(&g, "prescription_denied"), 1);
	decide(&again, "approve", "0.25 mg");
	expect_problem(g.w, 409, "already_decided");
}

static void
a_rejected_prescription_gives_the_authorisation_back(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "rejected", "prescriber_unknown");
	expect_run(&g, "running");	/* taken on is not given back */
	expect_step(&g, "authorise", "confirmed");
	payment_event(&g, "cancelled", NULL);
	expect_run(&g, "compensated");
	assert_string_equal(run_reason(&g), "prescriber_unknown");
	expect_step(&g, "submit_rx", "failed");
	expect_step(&g, "authorise", "compensated");
	assert_int_equal(asked(&g, "POST", text(g.w, "/billing/payments/%s/cancel", g.payment)), 1);
	assert_int_equal(asked(&g, "POST", text(g.w, "/billing/payments/%s/capture", g.payment)), 0);
	assert_string_equal(sql_text(g.w, "SELECT payment_status FROM orchestration_runs WHERE id = '%s'", g.run), "cancelled");
	assert_string_equal(hold_status(&g), "active");
}

static void
an_unclear_pharmacy_parks_the_run_until_it_speaks(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "manual", "pharmacy_outcome_unknown");
	expect_run(&g, "manual");
	assert_string_equal(run_reason(&g), "pharmacy_outcome_unknown");
	assert_int_equal(told(&g, "admin_alert"), 1);
	assert_int_equal(asked(&g, "POST", "/billing/payments/*"), 0);
	rx_event(&g, "accepted", NULL);
	expect_run(&g, "running");
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");
	assert_int_equal(asked(&g, "POST", "/rx/prescriptions/submit"), 1);
}

/* ---- warnings */

static void
a_message_or_a_note_that_fails_is_a_warning(void **state)
{
	static const char no[] = "{\"type\":\"/problems/nope\",\"title\":\"x\",\"status\":422,\"code\":\"nope\",\"detail\":\"x\"}";
	struct given g = a_case(*state);

	stub(g.w, "POST", "/api/ehr/notes", 422, no);
	stub_once(g.w, "POST", "/notify/send", 422, no);
	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");
	get(g.w, BY_ADMIN, text(g.w, "/orchestrator/runs/%s", g.run));
	expect_text(g.w, "warnings.0", "nope");
	expect_text(g.w, "warnings.1", "nope");
	expect_absent(g.w, "errors.0");
	expect_step(&g, "notify", "failed");
	assert_int_equal(told(&g, "payment_charged"), 1);
}

/* ---- lists */

static void
the_dosages_of_an_intake_have_prices(void **state)
{
	struct world *w = *state;

	get(w, BY_SERVICE("integration"), "/orchestrator/medications?intakeType=nad");
	expect_status(w, 200);
	expect_text(w, "medications.0.medication", "NAD+");
	expect_text(w, "medications.0.dosages.0.dosage", "100 mg");
	expect_int(w, "medications.0.dosages.0.priceCents", 19900);
	expect_absent(w, "medications.1");
	get(w, BY_SERVICE("integration"), "/orchestrator/medications?intakeType=glp1");
	expect_int(w, "medications.0.dosages.0.priceCents", 29900);
	get(w, BY_SERVICE("intake"), "/orchestrator/medications");
	expect_status(w, 403);
}

static void
a_due_refill_is_announced_once(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "captured", NULL);
	sql_run(g.w, "UPDATE refill_schedules SET next_date = current_date WHERE run_id = '%s'", g.run);
	for (int i = 0; i < 2; i++) {
		sql_run(g.w, "INSERT INTO job (tenant_id, kind) SELECT app_tenant(), 'refill.due'");
		hurry(&g);
	}
	assert_int_equal(told(&g, "refill_reminder"), 1);
	assert_string_equal(sql_text(g.w, "SELECT status FROM refill_schedules WHERE run_id = '%s'", g.run), "due");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_approval_runs_its_steps_in_order_and_is_charged_once),
		cmocka_unit_test(what_a_run_leaves_behind),
		cmocka_unit_test(the_prescription_names_patient_prescriber_and_dosage),
		cmocka_unit_test(a_pharmacy_that_ships_itself_gets_no_label),
		cmocka_unit_test(nothing_of_the_patient_is_in_plain_rows),
		cmocka_unit_test(approving_twice_is_one_run_and_the_first_answer),
		cmocka_unit_test(a_case_is_decided_once),
		cmocka_unit_test(a_decision_needs_the_cards_hold_and_the_right_patient),
		cmocka_unit_test(an_intake_has_one_active_hold),
		cmocka_unit_test(a_dearer_dosage_needs_the_patients_consent_first),
		cmocka_unit_test(an_unknown_dosage_stops_at_the_first_step),
		cmocka_unit_test(the_prescriber_is_the_claimant_and_nobody_is_put_in_place),
		cmocka_unit_test(a_physician_without_a_licence_in_the_patients_state_does_not_prescribe),
		cmocka_unit_test(a_state_without_a_pharmacy_fails_before_the_card_is_touched),
		cmocka_unit_test(a_declined_card_ends_the_run_and_nothing_reaches_the_pharmacy),
		cmocka_unit_test(a_bank_that_wants_the_cardholder_is_a_declined_card_too),
		cmocka_unit_test(a_denial_charges_nothing_releases_the_card_and_tells_why),
		cmocka_unit_test(a_rejected_prescription_gives_the_authorisation_back),
		cmocka_unit_test(an_unclear_pharmacy_parks_the_run_until_it_speaks),
		cmocka_unit_test(a_message_or_a_note_that_fails_is_a_warning),
		cmocka_unit_test(the_dosages_of_an_intake_have_prices),
		cmocka_unit_test(a_due_refill_is_announced_once),
	};

	return cmocka_run_group_tests(tests, orchestrator_setup, orchestrator_teardown);
}
