/* money_test.c: P-ADJ-06: amounts are exact to the cent or they are none. */
#include "fcgi/unit.h"

#include "base/money.h"

static const struct {
	const char *json; /* a JSON value */
	int64_t cents;    /* -1: no amount */
} cases[] = {
	{ "1500.00", 150000 },
	{ "1500", 150000 },
	{ "1495.00", 149500 },
	{ "0", 0 },
	{ "0.0", 0 },
	{ "0.01", 1 },
	{ "0.1", 10 },
	{ "4.35", 435 },  /* 4.35 * 100 is 434.99… as doubles go */
	{ "1.15", 115 },
	{ "9999999999.99", MONEY_MOST },
	{ "10000000000.00", -1 },
	{ "1.005", -1 },
	{ "0.30000000000000004", -1 },
	{ "-0.01", -1 },
	{ "-0.0", -1 },
	{ "1e400", -1 },
	{ "\"1500.00\"", 150000 },
	{ "\"5.5\"", 550 },
	{ "\"007.10\"", 710 },
	{ "\"9999999999.99\"", MONEY_MOST },
	{ "\"10000000000\"", -1 },
	{ "\"\"", -1 },
	{ "\".50\"", -1 },
	{ "\"1.\"", -1 },
	{ "\"1.005\"", -1 },
	{ "\"1,000.00\"", -1 },
	{ "\"+1\"", -1 },
	{ "\" 1\"", -1 },
	{ "\"1e2\"", -1 },
	{ "\"0x10\"", -1 },
	{ "true", -1 },
	{ "null", -1 },
};

static void
amounts_are_exact_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *v = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		int64_t cents = -1;

		if (money_of(v, &cents) < 0)
			cents = -1;
		if (cents != cases[i].cents)
			fail_msg("%s: %" PRId64, cases[i].json, cents);
		json_decref(v);
	}
}

static void
every_cent_survives_the_way_through_json(void **state)
{
	char text[MONEY_TEXT];

	(void)state;
	for (int64_t cents = 0; cents < MONEY_MOST; cents += cents < 100000 ? 1 : cents / 997 + 1) {
		json_t *v = json_loads(money_text(cents, text), JSON_DECODE_ANY, NULL);
		int64_t back = -1, parsed = -1;

		assert_int_equal(money_of(v, &back), 0);
		assert_int_equal(money_parse(text, &parsed), 0);
		if (back != cents || parsed != cents)
			fail_msg("%s", text);
		json_decref(v);
	}
}

static void
it_is_written_with_two_digits(void **state)
{
	struct buf b = BUF_INIT(200);
	struct json_writer w;

	(void)state;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_money(&w, "a", 150000);
	jw_money(&w, "b", 5);
	jw_end(&w);
	assert_string_equal(buf_str(&b), "{\"a\":1500.00,\"b\":0.05}");
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_are_exact_or_refused),
		cmocka_unit_test(every_cent_survives_the_way_through_json),
		cmocka_unit_test(it_is_written_with_two_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
