/*
 * POST /intake (A-API-02, C3, C19): a form is one case of one patient, whatever falls over between the services.
 */
#include "harness/harness.h"
#include "intake/intake.h"

#define CASE "00000000-0000-7000-8000-0000000000c1"
#define PATIENT "00000000-0000-7000-8000-0000000000d1"
#define OTHER "00000000-0000-7000-8000-0000000000d2"
#define KEY_1 "case-of-this-test-0001"
#define MADE "{\"case_id\":\"" CASE "\",\"patient_id\":\"" PATIENT "\",\"status\":\"created\"}"
#define PERSON(state) \
	"{\"first_name\":\"Zyxwvut\",\"last_name\":\"Sample\",\"birth_date\":\"1990-04-01\",\"email\":\"z@example.com\",\"phone\":\"+15045550100\"," \
	"\"address\":{\"line1\":\"1 Example Street\",\"city\":\"New Orleans\",\"state\":\"" state "\",\"zip\":\"70112\"}}"
#define FORM(state, lives, more) "{\"state\":\"" state "\",\"intake_type\":\"glp1\",\"patient\":" PERSON(lives) ",\"height_cm\":170,\"weight_kg\":95.5" more "}"
#define GOOD FORM("LA", "LA", "")

static int
setup(void **state)
{
	const char *settings[] = { "PLAN_SIGNING_SECRET=a-secret-of-the-tests-0000000000", NULL };

	*state = world_new(&intake_service, settings);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "ALTER TABLE intake_cases DISABLE TRIGGER append_only");
	sql_run(w, "DELETE FROM intake_cases");
	sql_run(w, "DELETE FROM idempotency");
	sql_run(w, "ALTER TABLE intake_cases ENABLE TRIGGER append_only");
	stub(w, "POST", "/cases", 201, MADE);
	stub(w, "POST", "/patients", 201, "{\"patient_id\":\"" PATIENT "\",\"first_name\":\"Zyxwvut\",\"last_name\":\"Sample\",\"birth_date\":\"1990-04-01\","
	    "\"created_at\":\"2026-11-21T10:00:00Z\"}");
	return 0;
}

static void
a_api_02_a_form_becomes_a_case_and_is_told_once(void **state)
{
	struct world *w = *state;
	unsigned told = event_count(w, "case.submitted");

	post_key(w, BY_ADMIN, "/intake", KEY_1, GOOD);
	expect_status(w, 201);
	expect_text(w, "case_id", CASE);
	expect_text(w, "patient_id", PATIENT);
	assert_string_equal(answer_header(w, "Location"), "/cases/" CASE);
	assert_string_equal(sent_text(sent_to(w, "POST", "/cases", 0), "patient_id"), PATIENT);
	assert_string_equal(sent_text(sent_to(w, "POST", "/cases", 0), "platform"), "yourera");
	post_key(w, BY_ADMIN, "/intake", KEY_1, GOOD);
	expect_status(w, 201);
	expect_text(w, "case_id", CASE);
	assert_int_equal(sent_count(w, "POST", "/cases"), 1);
	assert_int_equal(event_count(w, "case.submitted"), told + 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_cases WHERE encode(payload_enc, 'escape') LIKE '%%Zyxwvut%%'"), 0);
	get(w, BY_SERVICE("eligibility"), "/intake/cases/" CASE);
	expect_status(w, 200);
	expect_text(w, "patient.first_name", "Zyxwvut");
	expect_text(w, "patient.address.zip", "70112");
	expect_text(w, "intake_type", "glp1");
	get(w, BY_SERVICE("portal"), "/intake/cases/" CASE);
	expect_status(w, 403);
	get(w, BY_SERVICE("notify"), "/intake/contacts/" PATIENT);
	expect_text(w, "firstName", "Zyxwvut");
	expect_text(w, "email", "z@example.com");
	assert_true(audit_count(w, "phi.read", "success") >= 2);
}

static void
a_repeat_after_a_failure_finds_the_same_case(void **state)
{
	struct world *w = *state;
	const char *first;

	stub_broken(w, "POST", "/cases", HTTP_UNKNOWN);
	post_key(w, BY_ADMIN, "/intake", KEY_1, GOOD);
	expect_status(w, 503);
	first = sent_header(sent_to(w, "POST", "/cases", -1), "Idempotency-Key");
	assert_non_null(first);
	post_key(w, BY_ADMIN, "/intake", KEY_1, GOOD);
	expect_status(w, 201);
	assert_string_equal(sent_header(sent_to(w, "POST", "/cases", -1), "Idempotency-Key"), first);
	assert_string_equal(sent_to(w, "POST", "/cases", -1)->raw, sent_to(w, "POST", "/cases", 0)->raw);
	stub(w, "POST", "/cases", 201, "{\"case_id\":\"" OTHER "\",\"patient_id\":\"" PATIENT "\",\"status\":\"created\"}");
	post_key(w, BY_ADMIN, "/intake", "case-of-this-test-0002", GOOD);
	expect_status(w, 201);
	assert_string_not_equal(sent_header(sent_to(w, "POST", "/cases", -1), "Idempotency-Key"), first);
}

static void
c3_who_is_on_file_is_that_patient(void **state)
{
	struct world *w = *state;

	stub(w, "POST", "/patients", 409, "{\"type\":\"/problems/duplicate_patient\",\"title\":\"Conflict\",\"status\":409,\"code\":\"duplicate_patient\","
	    "\"detail\":\"x\",\"errors\":[{\"field\":\"patient_id\",\"code\":\"duplicate\",\"detail\":\"" OTHER "\"}]}");
	post_key(w, BY_ADMIN, "/intake", KEY_1, GOOD);
	expect_status(w, 201);
	assert_string_equal(sent_text(sent_to(w, "POST", "/cases", 0), "patient_id"), OTHER);
	stub(w, "GET", "/patients/" OTHER, 404, "{\"type\":\"/problems/not_found\",\"title\":\"Not Found\",\"status\":404,\"code\":\"not_found\",\"detail\":\"x\"}");
	post_key(w, BY_ADMIN, "/intake", "case-of-this-test-0003", FORM("LA", "LA", ",\"patient_id\":\"" OTHER "\""));
	expect_problem(w, 404, "not_found");
}

static void
a_patient_speaks_for_nobody_else(void **state)
{
	struct world *w = *state;

	post_key(w, BY_PERSON("patient " PATIENT), "/intake", KEY_1, FORM("LA", "LA", ",\"patient_id\":\"" OTHER "\""));
	expect_problem(w, 404, "not_found");
	post_key(w, BY_PERSON("patient " PATIENT), "/intake", KEY_1, GOOD);
	expect_status(w, 201);
	assert_string_equal(sent_text(sent_to(w, "POST", "/cases", 0), "patient_id"), PATIENT);
	assert_int_equal(sent_count(w, "POST", "/patients"), 0);
	post_key(w, BY_PUBLIC, "/intake", KEY_1, GOOD);
	expect_status(w, 401);
}

static void
a_form_that_is_refused_makes_no_case(void **state)
{
	static const struct {
		const char *form;
		int status;
		const char *code;
	} cases[] = {
		{ FORM("TX", "TX", ""), 422, "state_excluded" },
		{ FORM("LA", "OH", ""), 422, "invalid_members" },
		{ FORM("LA", "LA", ",\"extra\":1"), 400, "unknown_field" },
		{ "{\"state\":\"LA\",\"intake_type\":\"glp1\"}", 422, "validation_failed" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		post_key(w, BY_ADMIN, "/intake", KEY_1, cases[i].form);
		expect_problem(w, cases[i].status, cases[i].code);
	}
	post(w, BY_ADMIN, "/intake", GOOD);
	expect_problem(w, 400, "idempotency_key_required");
	assert_int_equal(sent_count(w, "POST", "/cases"), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_cases"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_api_02_a_form_becomes_a_case_and_is_told_once, fresh),
		cmocka_unit_test_setup(a_repeat_after_a_failure_finds_the_same_case, fresh),
		cmocka_unit_test_setup(c3_who_is_on_file_is_that_patient, fresh),
		cmocka_unit_test_setup(a_patient_speaks_for_nobody_else, fresh),
		cmocka_unit_test_setup(a_form_that_is_refused_makes_no_case, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
