/* field_test.c: what a table admits and how a refusal is told. Limits are tested on both sides. */
#include "fcgi/unit.h"

#include "base/field.h"

static const char *const colours[] = { "red", "green", NULL };
static const struct field zip[] = { { "zip", STRING, .required = true, .min = 5, .max = 5 }, { "line2", STRING }, { 0 } };
static const struct field table[] = { { "name", STRING, .required = true, .min = 1, .max = 4 },
	{ "note", STRING, .nullable = true }, { "id", UUID }, { "n", INTEGER, .min = -2, .max = 10 },
	{ "paid", MONEY, .min = 1, .max = 150000 },
	{ "least", INTEGER, .min = 3 }, { "weight", NUMBER, .min = 1, .max = 2 }, { "yes", BOOLEAN }, { "day", DATE },
	{ "at", TIME }, { "email", EMAIL }, { "phone", PHONE }, { "state", STATE }, { "colour", ENUM, .values = colours },
	{ "link", URL }, { "address", OBJECT, .of = zip }, { "list", ARRAY, .of = zip, .max = 2 },
	{ "words", ARRAY, .items = STRING, .min = 1, .max = 2 }, { "hues", ARRAY, .items = ENUM, .values = colours, .max = 3 },
	{ "any", ANY }, { 0 } };

static int
check(const char *text, struct problem *err)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	int rc;

	assert_non_null(value);
	rc = field_check(table, value, err);
	json_decref(value);
	return rc;
}

static const struct {
	const char *members;      /* besides the name */
	const char *field, *code; /* NULL: accepted */
} cases[] = {
	{ "\"note\":null", NULL, NULL },
	{ "\"note\":\"a\\nb\\tc\"", NULL, NULL },
	{ "\"note\":\"a\\u0001\"", "note", "format" },
	{ "\"note\":\"a\\u007f\"", "note", "format" },
	{ "\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\"", NULL, NULL },
	{ "\"id\":\"01890a5d-ac96-774b-bcce-b302099a805\"", "id", "format" },
	{ "\"id\":null", "id", "type" },
	{ "\"id\":7", "id", "type" },
	{ "\"n\":-2", NULL, NULL },
	{ "\"n\":-3", "n", "range" },
	{ "\"n\":10", NULL, NULL },
	{ "\"n\":11", "n", "range" },
	{ "\"n\":1.0", "n", "type" },
	{ "\"n\":\"1\"", "n", "type" },
	{ "\"least\":3", NULL, NULL },
	{ "\"least\":2", "least", "range" },
	{ "\"weight\":1", NULL, NULL },
	{ "\"weight\":2.0", NULL, NULL },
	{ "\"weight\":2.1", "weight", "range" },
	{ "\"weight\":0.9", "weight", "range" },
	{ "\"paid\":1500.00", NULL, NULL },
	{ "\"paid\":0.01", NULL, NULL },
	{ "\"paid\":5", NULL, NULL },
	{ "\"paid\":\"5.5\"", NULL, NULL },
	{ "\"paid\":1500.01", "paid", "range" },
	{ "\"paid\":0.00", "paid", "range" },
	{ "\"paid\":1.005", "paid", "format" },
	{ "\"paid\":-1.00", "paid", "format" },
	{ "\"paid\":\"1.\"", "paid", "format" },
	{ "\"paid\":\"1e3\"", "paid", "format" },
	{ "\"paid\":true", "paid", "type" },
	{ "\"yes\":false", NULL, NULL },
	{ "\"yes\":0", "yes", "type" },
	{ "\"day\":\"2024-02-29\"", NULL, NULL },
	{ "\"day\":\"2023-02-29\"", "day", "format" },
	{ "\"day\":\"2024-2-9\"", "day", "format" },
	{ "\"at\":\"2026-01-15T09:30:00Z\"", NULL, NULL },
	{ "\"at\":\"2026-01-15T09:30:00.5+02:00\"", NULL, NULL },
	{ "\"at\":\"2026-01-15 09:30:00\"", "at", "format" },
	{ "\"at\":\"2026-01-15\"", "at", "format" },
	{ "\"email\":\"a.b+c@example.com\"", NULL, NULL },
	{ "\"email\":\"a@example\"", "email", "format" },
	{ "\"email\":\"a@b@example.com\"", "email", "format" },
	{ "\"email\":\"@example.com\"", "email", "format" },
	{ "\"email\":\"a b@example.com\"", "email", "format" },
	{ "\"email\":\"a@-example.com\"", "email", "format" },
	{ "\"email\":\"a@example..com\"", "email", "format" },
	{ "\"email\":\"a\\r\\nBcc:x@example.com\"", "email", "format" },
	{ "\"phone\":\"+15551234567\"", NULL, NULL },
	{ "\"phone\":\"+1555123456\"", NULL, NULL },
	{ "\"phone\":\"+155512345\"", "phone", "format" },
	{ "\"phone\":\"+123456789012345\"", NULL, NULL },
	{ "\"phone\":\"+1234567890123456\"", "phone", "format" },
	{ "\"phone\":\"15551234567\"", "phone", "format" },
	{ "\"state\":\"DC\"", NULL, NULL },
	{ "\"state\":\"WY\"", NULL, NULL },
	{ "\"state\":\"ZZ\"", "state", "format" },
	{ "\"state\":\"dc\"", "state", "format" },
	{ "\"state\":\"L A\"", "state", "format" },
	{ "\"state\":\"L \"", "state", "format" },
	{ "\"colour\":\"green\"", NULL, NULL },
	{ "\"colour\":\"blue\"", "colour", "enum" },
	{ "\"link\":\"https://example.com/a?b\"", NULL, NULL },
	{ "\"link\":\"javascript:alert(1)\"", "link", "format" },
	{ "\"link\":\"https:///a\"", "link", "format" },
	{ "\"address\":{\"zip\":\"12345\"}", NULL, NULL },
	{ "\"address\":{\"zip\":\"1234\"}", "address.zip", "length" },
	{ "\"address\":{}", "address.zip", "required" },
	{ "\"address\":[]", "address", "type" },
	{ "\"list\":[{\"zip\":\"12345\"},{\"zip\":\"x\"}]", "list.1.zip", "length" },
	{ "\"list\":[{\"zip\":\"12345\"},{\"zip\":\"12345\"},{\"zip\":\"12345\"}]", "list", "length" },
	{ "\"words\":[\"a\"]", NULL, NULL },
	{ "\"words\":[]", "words", "length" },
	{ "\"words\":[\"a\",1]", "words.1", "type" },
	{ "\"hues\":[\"red\",\"blue\"]", "hues.1", "enum" },
	{ "\"any\":{\"deep\":[1,null]}", NULL, NULL },
	{ "\"any\":null", NULL, NULL },
};

static void
every_type_has_its_limits(void **state)
{
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct problem err = { 0 };
		int rc;

		assert_true((size_t)snprintf(text, sizeof(text), "{\"name\":\"x\",%s}", cases[i].members) < sizeof(text));
		rc = check(text, &err);
		if (rc != (cases[i].field == NULL ? 0 : -1))
			fail_msg("%s: %s", cases[i].members, rc == 0 ? "accepted" : err.errors[0].detail);
		if (rc == 0)
			continue;
		assert_int_equal(err.status, 422);
		assert_string_equal(err.code, "validation_failed");
		assert_int_equal(err.nerrors, 1);
		assert_string_equal(err.errors[0].field, cases[i].field);
		assert_string_equal(err.errors[0].code, cases[i].code);
	}
}

static void
characters_are_counted_not_bytes(void **state)
{
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(check("{\"name\":\"\xc3\xa4\xc3\xb6\xe2\x82\xac\xf0\x9f\x99\x82\"}", &err), 0);
	assert_int_equal(check("{\"name\":\"abcde\"}", &err), -1);
	assert_int_equal(check("{\"name\":\"\"}", &err), -1);
	assert_string_equal(err.errors[0].code, "length");
}

static void
every_bad_member_is_named(void **state)
{
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(check("{\"n\":99,\"day\":\"x\"}", &err), -1);
	assert_int_equal(err.nerrors, 3);
	assert_string_equal(err.errors[2].field, "name");
	assert_string_equal(err.errors[2].code, "required");
}

static void
an_unknown_member_outranks_a_bad_one(void **state)
{
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(check("{\"n\":99,\"address\":{\"zip\":\"12345\",\"country\":\"US\"}}", &err), -1);
	assert_int_equal(err.status, 400);
	assert_string_equal(err.code, "unknown_field");
	assert_int_equal(err.nerrors, 1);
	assert_string_equal(err.errors[0].field, "address.country");
}

static void
a_body_that_is_no_object_is_refused(void **state)
{
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(check("[]", &err), -1);
	assert_int_equal(err.status, 422);
	assert_int_equal(check("null", &err), -1);
}

static int
reply(const char *text, struct problem *err)
{
	json_t *value = json_loads(text, 0, NULL);
	int rc = field_check_reply(table, value, err);

	json_decref(value);
	return rc;
}

static void
a_reply_is_held_to_types_and_names_but_not_to_limits(void **state)
{
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(reply("{\"name\":\"much longer than four\",\"n\":500,\"email\":\"a***\",\"phone\":\"\"}", &err), 0);
	assert_int_equal(reply("{\"name\":\"x\",\"n\":\"5\"}", &err), -1);
	assert_int_equal(reply("{\"name\":\"x\",\"secret\":1}", &err), -1);
	assert_int_equal(reply("{\"name\":\"x\",\"id\":\"1\"}", &err), -1);
	assert_int_equal(reply("{\"name\":\"x\",\"colour\":\"blue\"}", &err), -1);
	assert_int_equal(reply("{}", &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_limits),
		cmocka_unit_test(characters_are_counted_not_bytes),
		cmocka_unit_test(every_bad_member_is_named),
		cmocka_unit_test(an_unknown_member_outranks_a_bad_one),
		cmocka_unit_test(a_body_that_is_no_object_is_refused),
		cmocka_unit_test(a_reply_is_held_to_types_and_names_but_not_to_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
