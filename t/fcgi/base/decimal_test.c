/* decimal_test.c: P-RTE-02, P-ADJ-06: what is dispensed is a decimal of four places, exact or none. */
#include "fcgi/unit.h"

#include "base/decimal.h"

static const struct {
	const char *json;     /* a JSON value */
	int64_t v;            /* ten-thousandths; -1: no quantity */
	const char *text;     /* as it is written again */
} cases[] = {
	{ "2.5", 25000, "2.5" },
	{ "30", 300000, "30" },
	{ "30.0", 300000, "30" },
	{ "0.0001", 1, "0.0001" },
	{ "0.1", 1000, "0.1" },
	{ "1.005", 10050, "1.005" },
	{ "0.3", 3000, "0.3" },
	{ "99999999", QUANTITY_MOST, "99999999" },
	{ "\"2.50\"", 25000, "2.5" },
	{ "\"030.00\"", 300000, "30" },
	{ "0", -1, NULL },
	{ "0.00001", -1, NULL },
	{ "0.30000000000000004", -1, NULL },
	{ "100000000", -1, NULL },
	{ "-2.5", -1, NULL },
	{ "\"2.\"", -1, NULL },
	{ "\".5\"", -1, NULL },
	{ "\"2,5\"", -1, NULL },
	{ "\"2e1\"", -1, NULL },
	{ "\"\"", -1, NULL },
	{ "null", -1, NULL },
};

static void
quantities_are_exact_or_refused(void **state)
{
	char out[DECIMAL_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *json = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		int64_t v = -1;

		if (quantity_of(json, &v) < 0)
			v = -1;
		if (v != cases[i].v || (v > 0 && strcmp(quantity_text(v, out), cases[i].text) != 0))
			fail_msg("%s: %" PRId64, cases[i].json, v);
		json_decref(json);
	}
}

static void
every_quantity_survives_the_way_through_json(void **state)
{
	char text[DECIMAL_TEXT];

	(void)state;
	for (int64_t v = 1; v <= QUANTITY_MOST; v += v < 100000 ? 1 : v / 997 + 1) {
		json_t *json = json_loads(quantity_text(v, text), JSON_DECODE_ANY, NULL);
		int64_t back = -1;

		if (quantity_of(json, &back) < 0 || back != v)
			fail_msg("%s", text);
		json_decref(json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantities_are_exact_or_refused),
		cmocka_unit_test(every_quantity_survives_the_way_through_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
