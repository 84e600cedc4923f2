/*
 * Intake's rules from the envelope on: a form is stored once, sealed, and only when everything about it is right; the EHR gets it
 * however long it is down; who reads it is on record.
 */
#include "intake_world.h"

static void
expect_nothing_stored(struct world *w, const struct visitor *v)
{
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_submissions WHERE intake_id = '%s'", v->intake), 0);
	assert_string_equal(sql_text(w, "SELECT state FROM intake_sessions WHERE id = '%s'", v->intake), "draft");
}

/* ---- Y-PLAT-03, Y-DB-03, E9 */

static void
a_submitted_form_is_sealed_and_kept_for_good(void **state)
{
	static const char *const changes[] = {
		"UPDATE intake_submissions SET state = 'NY'", "DELETE FROM intake_submissions",
		    "TRUNCATE intake_submissions CASCADE",
	};
	struct world *w = *state;
	struct submitted s = submitted(w);
	const json_t *told = event_last(w, "intake.submitted");

	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_submissions WHERE id = '%s' AND patient_id = '%s'", s.submission,
	    s.patient), 1);
	assert_int_equal(sql_int(w,
	    "SELECT count(*) FROM intake_submissions s WHERE encode(payload_enc, 'escape') LIKE '%%Canarybird%%'"), 0);
	assert_string_equal(sql_text(w, "SELECT state FROM intake_sessions WHERE id = '%s'", s.v.intake), "submitted");
	assert_string_equal(json_text_at(told, "submissionId"), s.submission);
	assert_string_equal(json_text_at(told, "platform"), "yourera");
	assert_string_equal(json_text_at(told, "setupIntentId"), SETUP);
	assert_int_equal(json_int_at(told, "amountCents", -1), 29900);
	assert_null(json_object_get(told, "email"));
	for (size_t i = 0; i < COUNT(changes); i++)
		assert_string_equal(sql_text(w, "DO $$ BEGIN %s; RAISE 'changed' USING ERRCODE = 'P9999';"
		    " EXCEPTION WHEN insufficient_privilege THEN NULL; END $$", changes[i]), "");
}

static void
a_repeated_submit_is_answered_and_a_second_one_refused(void **state)
{
	struct world *w = *state;
	struct visitor v = paid(w);
	const char *envelope = seal_for(w, key, v.intake, "1", form_of(w, &v, NULL, NULL)), *once = new_key(w), *first = NULL;

	for (int i = 0; i < 3; i++) {
		send_envelope(w, &v, envelope, once);
		expect_status(w, 201);
		if (first != NULL)
			expect_text(w, "submissionId", first);
		first = answer_text(w, "submissionId");
	}
	send_envelope(w, &v, envelope, new_key(w));
	expect_problem(w, 409, "already_submitted");
	pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0));
	expect_problem(w, 409, "already_submitted");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_submissions WHERE intake_id = '%s'", v.intake), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM outbox WHERE topic = 'intake.submitted' AND aggregate_id = '%s'", first),
	    1);
	post(w, BY_PATIENT(v.token), "/intake/submit", text(w, "{\"envelope\":\"%s\"}", envelope));
	assert_int_equal(answer_status(w), 400);
}

static void
a_tampered_envelope_is_refused_and_nothing_is_stored(void **state)
{
	struct world *w = *state;
	struct visitor v = paid(w);
	const char *good = seal_for(w, key, v.intake, "1", form_of(w, &v, NULL, NULL));
	unsigned audited = audit_count(w, "intake.submit", "failure");
	size_t n = strlen(good), cuts[] = { 5, strcspn(good, ".") + 5, n / 2, n - 40, n - 10 };

	for (size_t i = 0; i < COUNT(cuts); i++) {
		char *bad = arena_dup(world_arena(w), good);

		bad[cuts[i]] = bad[cuts[i]] == 'A' ? 'B' : 'A';
		send_envelope(w, &v, bad, new_key(w));
		expect_problem(w, 400, "tampered_envelope");
	}
	assert_int_equal(audit_count(w, "intake.submit", "failure"), audited + COUNT(cuts));
	expect_nothing_stored(w, &v);
	send_envelope(w, &v, seal_for(w, stranger, v.intake, "1", form_of(w, &v, NULL, NULL)), new_key(w));
	expect_problem(w, 422, "unknown_key");
	expect_nothing_stored(w, &v);
}

static void
an_envelope_of_another_intake_or_an_unknown_form_is_refused(void **state)
{
	struct world *w = *state;
	struct visitor v = paid(w), other = paid(w);

	send_envelope(w, &v, seal_for(w, key, other.intake, "1", form_of(w, &v, NULL, NULL)), new_key(w));
	expect_problem(w, 409, "intake_mismatch");
	send_envelope(w, &v, seal_for(w, key, v.intake, "77", form_of(w, &v, NULL, NULL)), new_key(w));
	expect_problem(w, 422, "unknown_form");
	expect_nothing_stored(w, &v);
	expect_nothing_stored(w, &other);
}

static void
a_form_that_breaks_a_rule_is_refused_and_nothing_is_stored(void **state)
{
	static const struct { const char *member, *value; int status; const char *code, *field; } cases[] = {
		{ "price", "1", 400, "unknown_field", "price" }, { "status", "\"approved\"", 400, "unknown_field", "status" },
		{ "heightCm", "89", 422, "validation_failed", "heightCm" },
		    { "heightCm", "251", 422, "validation_failed", "heightCm" },
		{ "phone", "\"555\"", 422, "validation_failed", "phone" }, { "sex", "\"x\"", 422, "validation_failed", "sex" },
		{ "vitals", "{\"systolic\":128,\"diastolic\":82}", 422, "validation_failed", "vitals.pulse" },
		{ "email", "\"somebody-else@patients.example\"", 422, "validation_failed", "email" },
		{ "birthDate", "\"1986-04-18\"", 422, "validation_failed", "birthDate" },
		{ "address", "{\"line1\":\"1 A\",\"city\":\"B\",\"state\":\"FL\",\"zip\":\"33101\"}", 422, "validation_failed",
		    "address.state" },
		{ "answers", "[]", 422, "validation_failed", "answers" },
		{ "consents", "[]", 422, "consent_missing", NULL },
	};
	struct world *w = *state;
	struct visitor v = paid(w);

	for (size_t i = 0; i < COUNT(cases); i++) {
		submit_form(w, &v, form_of(w, &v, cases[i].member, cases[i].value));
		expect_problem(w, cases[i].status, cases[i].code);
		if (cases[i].field != NULL)
			expect_error(w, cases[i].field, NULL);
	}
	submit_form(w, &v, "{\"firstName\":");
	expect_problem(w, 400, "malformed_json");
	expect_nothing_stored(w, &v);
	submit_form(w, &v, form_of(w, &v, NULL, NULL));
	expect_status(w, 201);
}

static void
without_a_saved_card_at_the_locked_price_nothing_is_submitted(void **state)
{
	struct world *w = *state;
	struct visitor v = paid(w), unpaid = proven(w);

	submit_form(w, &unpaid, form_of(w, &unpaid, NULL, NULL));
	expect_problem(w, 422, "card_not_saved");
	stub_once(w, "GET", "/billing/setup-intents/" SETUP, 200, SAVED("requires_payment_method", "29900"));
	submit_form(w, &v, form_of(w, &v, NULL, NULL));
	expect_problem(w, 422, "card_not_saved");
	stub_once(w, "GET", "/billing/setup-intents/" SETUP, 200, SAVED("succeeded", "100"));
	submit_form(w, &v, form_of(w, &v, NULL, NULL));
	expect_problem(w, 400, "amount_mismatch");
	stub_once(w, "GET", "/billing/setup-intents/" SETUP, 503, BUSY);
	submit_form(w, &v, form_of(w, &v, NULL, NULL));
	assert_int_equal(answer_status(w), 503);
	expect_nothing_stored(w, &v);
}

/* ---- Y-DB-04, Y-INT-02, Y-INT-03 */

static const char *
step_of(struct world *w, const struct submitted *s, const char *step)
{
	return sql_text(w, "SELECT status || ' ' || attempts || ' ' || coalesce(last_error, '-') FROM intake_retry_queue"
	    " WHERE submission_id = '%s' AND step = '%s'", s->submission, step);
}

static void
the_ehr_gets_the_patient_and_then_one_task_however_long_it_is_down(void **state)
{
	struct world *w = *state;
	struct submitted s;
	struct uuid submission;
	const char *created;

	stub_once(w, "POST", "/api/ehr/patients", 503, BUSY);
	stub_broken(w, "POST", "/api/ehr/patients", HTTP_UNKNOWN);
	s = submitted(w);
	assert_string_equal(step_of(w, &s, "ehr_patient"), "queued 0 -");
	assert_string_equal(step_of(w, &s, "ehr_task"), "waiting 0 -");
	work(w);
	assert_true(strncmp(step_of(w, &s, "ehr_patient"), "queued 1 ", 9) == 0);
	get(w, BY_ADMIN, "/intake/retry-queue");
	expect_status(w, 200);
	work_all(w);
	assert_string_equal(step_of(w, &s, "ehr_patient"), "sent 3 -");
	assert_int_equal(sent_count(w, "POST", "/api/ehr/patients"), 3);
	assert_string_equal(sent_header(sent_to(w, "POST", "/api/ehr/patients", 0), "Idempotency-Key"),
	    sent_header(sent_to(w, "POST", "/api/ehr/patients", 2), "Idempotency-Key"));
	assert_string_equal(sent_text(sent_to(w, "POST", "/api/ehr/patients", -1), "patient.lastName"), "Canarybird");
	assert_int_equal(sent_count(w, "POST", "/api/ehr/tasks"), 0);

	assert_int_equal(uuid_parse(s.submission, &submission), 0);
	created = text(w, "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"canvasPatientId\":\"cp-1\"}", s.submission, s.patient);
	send_event(w, "integration", "ehr.patient.created", submission, created);
	send_event_again(w);
	send_event(w, "integration", "ehr.patient.created", submission, created);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "/api/ehr/tasks"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", "/api/ehr/tasks", 0), "canvasPatientId"), "cp-1");
	send_event(w, "integration", "ehr.task.created", submission, text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"taskId\":\"t-1\"}",
	    s.submission, s.patient));
	assert_string_equal(step_of(w, &s, "ehr_patient"), "done 3 -");
	assert_string_equal(step_of(w, &s, "ehr_task"), "done 1 -");
}

static void
a_step_that_is_refused_for_good_is_shown_as_failed(void **state)
{
	struct world *w = *state;
	struct submitted s;

	stub_once(w, "POST", "/api/ehr/patients", 422,
	    "{\"type\":\"/problems/validation_failed\",\"status\":422,\"code\":\"validation_failed\"}");
	s = submitted(w);
	work_all(w);
	assert_string_equal(step_of(w, &s, "ehr_patient"), "failed 1 validation_failed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE kind = 'ehr.patient' AND state = 'dead' AND unique_key = '%s'",
	    s.submission), 1);
}

/* ---- who reads what */

static void
contacts_and_submissions_are_read_by_those_who_need_them_and_audited(void **state)
{
	struct world *w = *state;
	struct submitted s = submitted(w);
	const char *submission = text(w, "/intake/submissions/%s", s.submission),
	    *contact = text(w, "/intake/contacts/%s", s.patient);
	unsigned read = audit_count(w, "phi.read", "success");

	get(w, BY_SERVICE("notify"), contact);
	expect_status(w, 200);
	expect_text(w, "firstName", "Marlowe");
	expect_text(w, "email", s.v.email);
	expect_text(w, "phone", "+15045550142");
	get(w, BY_SERVICE("orchestrator"), submission);
	expect_status(w, 200);
	expect_text(w, "patient.address.zip", "70115");
	expect_text(w, "planId", "glp1-monthly");
	assert_int_equal(audit_count(w, "phi.read", "success"), read + 2);
	get(w, BY_SERVICE("notify"), submission);
	expect_problem(w, 403, "forbidden");
	get(w, BY_SERVICE("shipping"), contact);
	expect_problem(w, 403, "forbidden");
	get(w, BY_PATIENT(s.v.token), submission);
	assert_true(answer_status(w) == 401 || answer_status(w) == 403);
	get(w, BY_SERVICE("notify"), "/intake/contacts/" SETUP);
	expect_problem(w, 404, "not_found");
}

static void
a_new_intake_type_is_rows_only(void **state)
{
	struct world *w = *state;
	struct visitor v = proven(w);
	const char *token;

	sql_run(w, "INSERT INTO intake_plans (id, intake_type, name, amount_cents) VALUES ('hair-monthly', 'hair', 'Hair', 29900)");
	sql_run(w, "INSERT INTO intake_forms (intake_type, version, title, steps) VALUES ('hair', '3', 'Hair',"
	    " '[{\"linkId\":\"since\",\"text\":\"Since when?\",\"kind\":\"text\",\"required\":true}]')");
	get(w, BY_PUBLIC, "/intake/plans?intakeType=hair");
	expect_text(w, "plans.0.formVersion", "3");
	token = answer_text(w, "plans.0.planToken");
	pay(w, &v, token);
	expect_status(w, 200);
	send_envelope(w, &v, seal_for(w, key, v.intake, "3", form_of(w, &v, NULL, NULL)), new_key(w));
	expect_problem(w, 422, "validation_failed");
	send_envelope(w, &v, seal_for(w, key, v.intake, "3", form_of(w, &v, "answers",
	    "[{\"linkId\":\"since\",\"text\":\"Since when?\",\"answer\":\"2020\"}]")), new_key(w));
	expect_status(w, 201);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(a_submitted_form_is_sealed_and_kept_for_good),
		RULE(a_repeated_submit_is_answered_and_a_second_one_refused),
		RULE(a_tampered_envelope_is_refused_and_nothing_is_stored),
		RULE(an_envelope_of_another_intake_or_an_unknown_form_is_refused),
		RULE(a_form_that_breaks_a_rule_is_refused_and_nothing_is_stored),
		RULE(without_a_saved_card_at_the_locked_price_nothing_is_submitted),
		RULE(the_ehr_gets_the_patient_and_then_one_task_however_long_it_is_down),
		RULE(a_step_that_is_refused_for_good_is_shown_as_failed),
		RULE(contacts_and_submissions_are_read_by_those_who_need_them_and_audited),
		RULE(a_new_intake_type_is_rows_only),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
