/*
 * The rules of patient: a person is on file once, whoever asks and however the name is written; the record is for the patient, who treats
 * them, and administrators (A-API-01, A-API-03, A-SEC-07, X-SEC-01).
 */
#include "patient/patient.h"
#include "harness/harness.h"

#define NOBODY   "/patients/00000000-0000-7000-8000-00000000dead"
#define PROVIDER "0190b0f2-5b5c-7d3e-8f00-0000000000cc"
#define CASE     "0190b0f2-5b5c-7d3e-8f00-0000000000dd"
#define OTHER    "0190b0f2-5b5c-7d3e-8f00-0000000000ee"

static int
setup(void **state)
{
	*state = world_new(&patient_service, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static const char *
person(struct world *w, const char *first, const char *last, const char *born, const char *more)
{
	return text(w, "{\"first_name\":\"%s\",\"last_name\":\"%s\",\"birth_date\":\"%s\"%s}", first, last, born, more);
}

/* Somebody new each time. */
static const char *
create(struct world *w, struct by by)
{
	static unsigned n;

	n++;
	post(w, by, "/patients", person(w, "Ada", text(w, "Sample%u", n), "1986-04-17",
	    text(w, ",\"email\":\"ada.%u@patient.example\",\"phone\":\"+1504555%04u\",\"address\":{\"line1\":\"100 Example Street\","
		    "\"city\":\"New Orleans\",\"state\":\"LA\",\"zip\":\"70112\"}", n, n)));
	expect_status(w, 201);
	return answer_text(w, "patient_id");
}

static void
a_api_01_a_person_is_put_on_file_with_its_place(void **state)
{
	struct world *w = *state;
	const char *id = create(w, BY_ROLE("ops_agent"));

	assert_string_equal(answer_header(w, "Location"), text(w, "/patients/%s", id));
	get(w, BY_ADMIN, text(w, "/patients/%s", id));
	expect_status(w, 200);
	expect_text(w, "patient_id", id);
	expect_text(w, "address.zip", "70112");
	expect_absent(w, "sex");
	get(w, BY_ADMIN, text(w, "/api/v1/patients/%s", id));
	expect_text(w, "patient_id", id);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'patient.create' AND object_id = '%s' AND actor = 'ops_agent:"
				    ROLE_USER "'", id),
	    1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'phi.read' AND object_id = '%s'", id), 2);
}

static void
a_api_01_the_same_person_again_is_409(void **state)
{
	static const struct {
		const char *first, *last, *born, *more;
		int status;
	} cases[] = {
		{ "Bo", "O'Neil-Dee", "1990-01-02", ",\"phone\":\"+15045550100\",\"email\":\"bo@patient.example\"", 201 },
		{ "bo ", "ONEIL DEE", "1990-01-02", ",\"phone\":\"+15045550100\"", 409 },
		{ "Bo", "Oneildee", "1990-01-02", ",\"email\":\"Bo@Patient.example\",\"phone\":\"+15045550199\"", 409 },
		{ "Bo", "O'Neil-Dee", "1990-01-03", ",\"phone\":\"+15045550100\"", 201 },
		{ "Cy", "O'Neil-Dee", "1990-01-02", ",\"phone\":\"+15045550100\"", 201 },
		{ "Bo", "O'Neil-Dee", "1990-01-02", ",\"phone\":\"+15045550101\"", 201 },
		{ "Bo", "O'Neil-Dee", "1990-01-02", ",\"email\":\"bo@other.example\"", 201 },
	};
	struct world *w = *state;
	const char *first = NULL;

	for (size_t i = 0; i < COUNT(cases); i++) {
		post(w, BY_ROLE("ops_manager"), "/patients", person(w, cases[i].first, cases[i].last, cases[i].born, cases[i].more));
		expect_status(w, cases[i].status);
		if (cases[i].status == 201 && i > 0)
			continue;
		if (i == 0) {
			first = answer_text(w, "patient_id");
			continue;
		}
		expect_text(w, "code", "duplicate_patient");
		expect_text(w, "errors.0.field", "patient_id");
		expect_text(w, "errors.0.detail", first);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM patients WHERE id = '%s'", first), 1);
}

static void
a_api_01_who_is_on_file_is_told_to_staff_and_services_only(void **state)
{
	struct world *w = *state;
	const char *body = person(w, "Di", "Sample", "1971-05-06", ",\"phone\":\"+15045550300\""), *id;

	post(w, BY_SERVICE("intake"), "/patients", body);
	expect_status(w, 201);
	id = answer_text(w, "patient_id");
	post(w, BY_PERSON("provider " PROVIDER), "/patients", body);
	expect_problem(w, 409, "duplicate_patient");
	expect_absent(w, "errors");
	assert_null(strstr((const char *)answer_bytes(w).p, id));
	post(w, BY_SERVICE("intake"), "/patients", body);
	expect_text(w, "errors.0.detail", id);
	post(w, BY_ADMIN, "/patients", body);
	expect_text(w, "errors.0.detail", id);
	assert_int_equal(audit_count(w, "patient.create", "failure"), 3 + 2);
}

static void
what_is_wrong_is_said(void **state)
{
	struct world *w = *state;

	post(w, BY_ADMIN, "/patients", person(w, "Ed", "Sample", "1971-05-06", ""));
	expect_problem(w, 422, "validation_failed");
	expect_error(w, "phone", "required");
	post(w, BY_ADMIN, "/patients", person(w, "Ed", "Sample", "1971-15-06", ",\"phone\":\"5045550300\""));
	expect_error(w, "birth_date", NULL);
	expect_error(w, "phone", NULL);
	post(w, BY_ADMIN, "/patients", person(w, "Ed", "Sample", "1971-05-06", ",\"patient_id\":\"" OTHER "\""));
	expect_problem(w, 400, "unknown_field");
	get(w, BY_ADMIN, NOBODY);
	expect_problem(w, 404, "not_found");
}

/* A-API-03, X-SEC-01: what is not yours is not there. */
static void
a_api_03_a_record_is_for_whom_it_concerns(void **state)
{
	struct world *w = *state;
	const char *id = create(w, BY_ADMIN), *target = text(w, "/patients/%s", id);
	const struct {
		struct by by;
		int status;
	} matrix[] = {
		{ BY_ADMIN, 200 }, { BY_ROLE("admin"), 200 }, { BY_PERSON(text(w, "patient %s", id)), 200 }, { BY_SERVICE("intake"), 200 },
		{ BY_PERSON("provider " PROVIDER), 200 }, { BY_PERSON("provider " OTHER), 404 }, { BY_ROLE("provider"), 404 },
		{ BY_PERSON("patient " OTHER), 404 }, { BY_ROLE("patient"), 404 }, { BY_ROLE("ops_manager"), 404 },
		{ BY_ROLE("ops_agent"), 404 }, { BY_SERVICE("portal"), 403 }, { BY_PUBLIC, 401 },
	};

	get(w, BY_PERSON("provider " PROVIDER), target);
	expect_problem(w, 404, "not_found");
	for (int i = 0; i < 2; i++) {
		put(w, BY_ROLE("ops_manager"), text(w, "%s/providers/" PROVIDER, target), NULL);
		expect_status(w, 204);
	}
	put(w, BY_ROLE("ops_manager"), NOBODY "/providers/" PROVIDER, NULL);
	expect_problem(w, 404, "not_found");
	put(w, BY_PERSON("provider " OTHER), text(w, "%s/providers/" OTHER, target), NULL);
	expect_problem(w, 403, "role_not_allowed");
	for (size_t i = 0; i < COUNT(matrix); i++) {
		get(w, matrix[i].by, target);
		expect_status(w, matrix[i].status);
		if (matrix[i].status == 404)
			assert_null(strstr((const char *)answer_bytes(w).p, "Sample"));
	}
	assert_true(sql_int(w, "SELECT count(*) FROM audit WHERE outcome = 'denied' AND object_id = '%s'", id) >= 7);
}

/* The case tells who has it, before or after somebody asks. */
static void
a_provider_who_has_the_case_treats_the_patient(void **state)
{
	struct world *w = *state;
	const char *id = create(w, BY_ADMIN), *target = text(w, "/patients/%s", id);
	struct uuid about;

	assert_int_equal(uuid_parse(CASE, &about), 0);
	get(w, BY_PERSON("provider " OTHER), target);
	expect_problem(w, 404, "not_found");
	send_event(w, "case", "case.provider.assigned", about,
	    text(w, "{\"case_id\":\"" CASE "\",\"patient_id\":\"%s\",\"provider_id\":\"" OTHER "\",\"state\":\"LA\",\"intake_type\":\"glp1\"}", id));
	expect_status(w, 200);
	send_event_again(w);
	expect_status(w, 200);
	get(w, BY_PERSON("provider " OTHER), target);
	expect_status(w, 200);
}

static void
a_sec_07_nothing_of_a_person_is_readable_in_the_table(void **state)
{
	struct world *w = *state;

	(void)create(w, BY_ADMIN);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM patients p, unnest(ARRAY['Sample', '1986-04-17', 'patient.example', '504555', 'Example'])"
				    " AS plain WHERE position(plain in encode(record_enc, 'escape') || p::text) > 0"),
	    0);
}

/* Two posts of one person at once: the table itself holds that one stands. */
static void
one_identity_stands_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(sql_int(w, "SELECT count(*) FROM pg_constraint WHERE conname IN ('patients_phone', 'patients_email') AND contype = 'u'"), 2);
	assert_int_equal(sql_int(w, "SELECT count(*) - count(DISTINCT identity_phone_index) FROM patients WHERE identity_phone_index IS NOT NULL"), 0);
}

static void
an_identity_needs_all_of_its_parts(void **state)
{
	static const struct {
		const char *record, *phone, *email;
	} cases[] = {
		{ "{\"first_name\":\"A-d a\",\"last_name\":\"O'X\",\"birth_date\":\"2000-01-01\",\"phone\":\"+1504\"}", "ox|ada|2000-01-01|+1504", NULL },
		{ "{\"first_name\":\"Ad\u00e9\",\"last_name\":\"X\",\"birth_date\":\"2000-01-01\",\"email\":\" A@X.y \"}", NULL, "x|ad\u00e9|2000-01-01|a@x.y" },
		{ "{\"first_name\":\"A\",\"birth_date\":\"2000-01-01\",\"phone\":\"+1504\"}", NULL, NULL },
		{ "nothing", NULL, NULL },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *phone = identity_phone(world_arena(w), BYTES_OF(cases[i].record)),
			   *email = identity_email(world_arena(w), BYTES_OF(cases[i].record));

		assert_int_equal(phone != NULL, cases[i].phone != NULL);
		assert_int_equal(email != NULL, cases[i].email != NULL);
		if (phone != NULL)
			assert_string_equal(phone, cases[i].phone);
		if (email != NULL)
			assert_string_equal(email, cases[i].email);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_api_01_a_person_is_put_on_file_with_its_place),
		cmocka_unit_test(a_api_01_the_same_person_again_is_409),
		cmocka_unit_test(a_api_01_who_is_on_file_is_told_to_staff_and_services_only),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(a_api_03_a_record_is_for_whom_it_concerns),
		cmocka_unit_test(a_provider_who_has_the_case_treats_the_patient),
		cmocka_unit_test(a_sec_07_nothing_of_a_person_is_readable_in_the_table),
		cmocka_unit_test(one_identity_stands_once),
		cmocka_unit_test(an_identity_needs_all_of_its_parts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
