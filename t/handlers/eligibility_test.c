/*
 * Eligibility (A-API-05, A-API-06): decided by rules, every reason at once, the same whenever it is asked, and told once.
 */
#include "eligibility/eligibility.h"
#include "harness/harness.h"

static int
setup(void **state)
{
	*state = world_new(&eligibility_service, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

struct person {
	const char *state, *birth_date, *code;
	int height, weight;
	bool consents;
};
static const struct person fit = { "LA", "1990-04-01", "I10", 170, 95, true };

static const char *
id_text(struct world *w, struct uuid id)
{
	char out[UUID_TEXT];

	return text(w, "%s", uuid_text(id, out));
}

static void
stub_form(struct world *w, const char *id, const char *patient, const struct person *p)
{
	stubs_clear(w);
	stub(w, "GET", text(w, "/intake/cases/%s", id), 200, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"state\":\"%s\",\"platform\":\"yourera\","
	    "\"intake_type\":\"glp1\",\"submitted_at\":\"2026-03-31T12:00:00Z\",\"patient\":{\"first_name\":\"Zyxwvut\",\"last_name\":\"Sample\","
	    "\"birth_date\":\"%s\",\"email\":\"z@example.com\",\"phone\":\"+15045550100\",\"address\":{\"line1\":\"1 Example Street\",\"city\":\"New Orleans\","
	    "\"state\":\"%s\",\"zip\":\"70112\"}},\"height_cm\":%d,\"weight_kg\":%d,\"conditions\":[{\"code\":\"%s\"}],\"consents\":["
	    "{\"type\":\"hipaa\",\"version\":\"1\",\"accepted\":true},{\"type\":\"telehealth\",\"version\":\"1\",\"accepted\":%s},"
	    "{\"type\":\"terms\",\"version\":\"1\",\"accepted\":true}]}", id, patient, p->state, p->birth_date, p->state, p->height, p->weight, p->code,
	    p->consents ? "true" : "false"));
}

/* A case that came in, decided or (pending) not. */
static const char *
case_of(struct world *w, const struct person *p, bool pending)
{
	struct uuid id = uuid_new();
	const char *of = id_text(w, id), *patient = id_text(w, uuid_new());

	send_event(w, "intake", "case.submitted", id, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"state\":\"%s\",\"platform\":\"yourera\","
	    "\"intake_type\":\"glp1\"}", of, patient, p->state));
	expect_status(w, 200);
	if (!pending) {
		stub_form(w, of, patient, p);
		work(w);
	}
	return of;
}

static void
ask(struct world *w, const char *id)
{
	post(w, BY_ADMIN, "/eligibility/check", text(w, "{\"case_id\":\"%s\"}", id));
}

static void
a_api_05_each_rule_has_its_reason_and_all_are_told_at_once(void **state)
{
	static const struct {
		struct person p;
		const char *reasons[4];
	} cases[] = {
		{ { "LA", "1990-04-01", "I10", 170, 95, true }, { NULL } },
		{ { "TX", "1990-04-01", "I10", 170, 95, true }, { "state_excluded" } },
		{ { "LA", "2008-03-31", "I10", 170, 95, true }, { NULL } },		/* eighteen on the day of the intake */
		{ { "LA", "2008-04-01", "I10", 170, 95, true }, { "under_age" } },	/* the day after */
		{ { "LA", "1990-04-01", "I10", 170, 95, false }, { "consent_missing" } },
		{ { "LA", "1990-04-01", "I10", 200, 108, true }, { NULL } },		/* 27.0 */
		{ { "LA", "1990-04-01", "I10", 200, 107, true }, { "bmi_too_low" } },	/* 26.75 */
		{ { "LA", "1990-04-01", "K85.90", 170, 95, true }, { "contraindicated" } },
		{ { "LA", "1990-04-01", "Z34.01", 170, 95, true }, { "contraindicated" } },
		{ { "CA", "2015-01-01", "O24.4", 170, 60, false }, { "state_excluded", "under_age", "consent_missing", "bmi_too_low" } },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *id = case_of(w, &cases[i].p, false);
		const json_t *told = event_last(w, "case.eligibility.decided");

		ask(w, id);
		expect_status(w, 200);
		expect_text(w, "rule_version", "1");
		assert_int_equal(json_is_true(json_object_get(answer(w), "eligible")), cases[i].reasons[0] == NULL);
		for (size_t k = 0; k < COUNT(cases[i].reasons) && cases[i].reasons[k] != NULL; k++)
			expect_text(w, text(w, "reasons.%zu", k), cases[i].reasons[k]);
		assert_int_equal(json_is_true(json_object_get(told, "eligible")), cases[i].reasons[0] == NULL);
	}
	expect_text(w, "reasons.4", "contraindicated");
	expect_absent(w, "reasons.5");
}

static void
a_api_05_asked_again_it_is_the_same_check(void **state)
{
	struct world *w = *state;
	const char *id = case_of(w, &fit, false), *check;
	unsigned told = event_count(w, "case.eligibility.decided");

	ask(w, id);
	check = answer_text(w, "check_id");
	for (int i = 0; i < 20; i++) {
		ask(w, id);
		expect_text(w, "check_id", check);
	}
	send_event_again(w);
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM eligibility_checks WHERE case_id = '%s'", id), 1);
	assert_int_equal(event_count(w, "case.eligibility.decided"), told);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM eligibility_cases WHERE encode(facts_enc, 'escape') LIKE '%%1990%%'"), 0);
}

static void
a_api_06_new_rules_are_a_new_check_and_the_history_keeps_both(void **state)
{
	struct world *w = *state;
	const char *id = case_of(w, &fit, false);

	sql_run(w, "UPDATE eligibility_rulesets SET active = false");
	sql_run(w, "INSERT INTO eligibility_rulesets (version, active) VALUES ('2', true)");
	sql_run(w, "INSERT INTO eligibility_rules (version, position, reason, kind, bound) VALUES ('2', 1, 'over_age', 'maximum_age', 30)");
	ask(w, id);
	expect_text(w, "rule_version", "2");
	expect_text(w, "reasons.0", "over_age");
	get(w, BY_ADMIN, text(w, "/eligibility/%s", id));
	expect_text(w, "rule_version", "2");
	expect_text(w, "history.0.reasons.0", "over_age");
	expect_text(w, "history.0.actor", "system:admin");
	expect_text(w, "history.1.rule_version", "1");
	expect_text(w, "history.1.actor", "system:worker");
	expect_absent(w, "history.2");
	sql_run(w, "UPDATE eligibility_rulesets SET active = false");
	sql_run(w, "UPDATE eligibility_rulesets SET active = true WHERE version = '1'");
}

static void
what_is_not_here_yet_is_said_with_a_time(void **state)
{
	struct world *w = *state;
	const char *id = case_of(w, &fit, true);

	ask(w, id);
	expect_problem(w, 409, "eligibility_pending");
	assert_string_equal(answer_header(w, "Retry-After"), "1");
	get(w, BY_ADMIN, text(w, "/eligibility/%s", id));
	expect_problem(w, 409, "eligibility_pending");
	ask(w, id_text(w, uuid_new()));
	expect_problem(w, 409, "eligibility_pending");
	ask(w, "00000000-0000-4000-8000-00000000dead");
	expect_problem(w, 404, "not_found");
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_api_05_each_rule_has_its_reason_and_all_are_told_at_once),
		cmocka_unit_test(a_api_05_asked_again_it_is_the_same_check),
		cmocka_unit_test(a_api_06_new_rules_are_a_new_check_and_the_history_keeps_both),
		cmocka_unit_test(what_is_not_here_yet_is_said_with_a_time),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
