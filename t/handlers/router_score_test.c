/*
 * The rules of the scored choice (P-RTE-02, P-RTE-04): the worked example of handlers/router/README.md to the last place, each filter by what it alone
 * excludes, both sides of each limit, and an order that never depends on chance. Expected values were worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "router/scored/score.h"

static const char rules[] =
	"\"rules\": {\"weights\": {\"distance\": 30, \"tier\": 25, \"capacity\": 20, \"performance\": 15, \"speed\": 10},"
	" \"miles\": 100, \"cutoff\": 95, \"excludedStates\": \"MN,CA\"}, \"on\": \"2026-11-21\", \"leftOut\": [\"left\"]";
static const char rx[] =
	"\"to\": {\"state\": \"MA\", \"zip\": \"02138\", \"latitude\": 42.3796, \"longitude\": -71.1352, \"located\": \"zip\"},"
	"\"drug\": {\"ndc\": \"00074433902\", \"daysSupply\": 28, \"coldChain\": true, \"controlled\": true},"
	"\"insurance\": {\"carrier\": \"Blue Cross\", \"bin\": \"004336\", \"planType\": \"commercial\"}";
/* The example's three. */
static const char boston[] =
	"{\"pharmacyId\": \"a\", \"name\": \"A\", \"status\": \"active\", \"states\": [\"NH\", \"MA\"], \"latitude\": 42.3379, \"longitude\": -71.0698,"
	" \"serviceMiles\": null, \"drugs\": [], \"maxDaysSupply\": 90, \"coldChain\": true, \"controlled\": true, \"dea\": true,"
	" \"contracts\": [{\"payer\": \"*\", \"bin\": null, \"tier\": \"standard\"}, {\"payer\": \"blue cross\", \"tier\": \"preferred\"}],"
	" \"openRx\": 45, \"maxConcurrentRx\": 500, \"accuracy\": 0.985, \"satisfaction\": 4.60, \"fulfillmentHours\": 18.00,"
	" \"currentDailyRx\": 45, \"maxDailyRx\": 100}";
static const char worcester[] =
	"{\"pharmacyId\": \"b\", \"name\": \"B\", \"status\": \"active\", \"states\": [\"MA\"], \"latitude\": 42.2851, \"longitude\": -71.8300,"
	" \"serviceMiles\": null, \"drugs\": [\"0007443\"], \"maxDaysSupply\": 28, \"coldChain\": true, \"controlled\": true, \"dea\": true,"
	" \"contracts\": [{\"payer\": \"Blue Cross\", \"tier\": \"standard\", \"from\": \"2026-11-21\", \"until\": \"2026-11-21\"}],"
	" \"openRx\": 0, \"maxConcurrentRx\": 1, \"accuracy\": 0.97, \"satisfaction\": 4.25, \"fulfillmentHours\": 7,"
	" \"currentDailyRx\": 10, \"maxDailyRx\": 80}";
static const char new_york[] =
	"{\"pharmacyId\": \"c\", \"name\": \"C\", \"status\": \"active\", \"states\": [\"MA\"], \"latitude\": 40.7507, \"longitude\": -73.9973,"
	" \"serviceMiles\": 200, \"drugs\": [\"99999\", \"00074433902\"], \"maxDaysSupply\": 30, \"coldChain\": true, \"controlled\": true, \"dea\": true,"
	" \"contracts\": [{\"payer\": \"Someone Else\", \"bin\": \"004336\", \"tier\": \"out_of_network\"}],"
	" \"openRx\": 0, \"maxConcurrentRx\": 9, \"accuracy\": 0.99, \"satisfaction\": 5, \"fulfillmentHours\": 90,"
	" \"currentDailyRx\": 0, \"maxDailyRx\": 60}";

struct fixture {
	struct arena *arena;
	struct candidate *all;
	size_t n;
};

static int
setup(void **state)
{
	static struct fixture f;

	f.arena = arena_new(0);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	return 0;
}

static json_t *
inputs_of(struct fixture *f, const char *pharmacies)
{
	const char *text = arena_printf(f->arena, "{%s, %s, \"pharmacies\": [%s]}", rules, rx, pharmacies);
	struct problem err = { 0 };
	json_t *inputs = json_read(f->arena, text, strlen(text), &err);

	assert_non_null(inputs);
	return inputs;
}

static void
judge(struct fixture *f, const char *pharmacies)
{
	f->n = candidates_of(f->arena, inputs_of(f, pharmacies), &f->all);
}

static const struct candidate *
find(struct fixture *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->all[i].id, id) == 0)
			return &f->all[i];
	die("no candidate %s", id);
}

/* One pharmacy with one member changed: from must be in it. */
static const char *
with(struct fixture *f, const char *pharmacy, const char *from, const char *to)
{
	const char *at = strstr(pharmacy, from);

	assert_non_null(at);
	return arena_printf(f->arena, "%.*s%s%s", (int)(at - pharmacy), pharmacy, to, at + strlen(from));
}

/* ---- the worked example */

static void
is_exactly(const struct candidate *c, int rank, int64_t miles, const int64_t score[FACTORS], const int64_t points[FACTORS], int64_t total)
{
	assert_int_equal(c->excluded, 0);
	assert_int_equal(c->rank, rank);
	assert_int_equal(c->miles, miles);
	for (int i = 0; i < FACTORS; i++) {
		assert_int_equal(c->score[i], score[i]);
		assert_int_equal(c->points[i], points[i]);
	}
	assert_int_equal(c->total, total);
}

static void
P_RTE_04_the_worked_example_to_four_places(void **state)
{
	struct fixture *f = *state;

	judge(f, arena_printf(f->arena, "%s, %s, %s", new_york, worcester, boston));
	assert_int_equal(f->n, 3);
	assert_int_equal(candidates_left(f->all, f->n), 3);
	/* 4.41 miles; 0.9559 1.0000 0.5500 0.9525 0.7500 -> 28.6770 25.0000 11.0000 14.2875 7.5000 = 86.4645 */
	is_exactly(&f->all[0], 1, 441, (int64_t[]){ 9559, 10000, 5500, 9525, 7500 }, (int64_t[]){ 286770, 250000, 110000, 142875, 75000 }, 864645);
	/* 36.08 miles; 0.6392 0.7000 0.8750 0.9100 0.9028 -> 19.1760 17.5000 17.5000 13.6500 9.0280 = 76.8540 */
	is_exactly(&f->all[1], 2, 3608, (int64_t[]){ 6392, 7000, 8750, 9100, 9028 }, (int64_t[]){ 191760, 175000, 175000, 136500, 90280 }, 768540);
	/* 185.88 miles and 90 hours are worth nothing; 0 0.3000 1.0000 0.9950 0 -> 0 7.5000 20.0000 14.9250 0 = 42.4250 */
	is_exactly(&f->all[2], 3, 18588, (int64_t[]){ 0, 3000, 10000, 9950, 0 }, (int64_t[]){ 0, 75000, 200000, 149250, 0 }, 424250);
}

static void
the_decimals_are_written_exactly(void **state)
{
	struct fixture *f = *state;
	const json_t *inputs = inputs_of(f, boston);

	f->n = candidates_of(f->arena, inputs, &f->all);
	assert_string_equal(ranking_text(f->arena, f->all, f->n, inputs),
	    "[{\"rank\":1,\"pharmacy_id\":\"a\",\"score\":86.4645,\"breakdown\":{\"distance_miles\":4.4100,\"network_tier\":\"preferred\","
	    "\"current_daily_rx\":45,\"max_daily_rx\":100,\"utilization\":0.4500,\"factors\":{"
	    "\"distance\":{\"score\":0.9559,\"weight\":30,\"points\":28.6770},\"tier\":{\"score\":1.0000,\"weight\":25,\"points\":25.0000},"
	    "\"capacity\":{\"score\":0.5500,\"weight\":20,\"points\":11.0000},\"performance\":{\"score\":0.9525,\"weight\":15,\"points\":14.2875},"
	    "\"speed\":{\"score\":0.7500,\"weight\":10,\"points\":7.5000}}}}]");
}

static void
the_best_and_the_worst_score_are_100_and_0(void **state)
{
	struct fixture *f = *state;
	const char *best = with(f, boston, "42.3379, \"longitude\": -71.0698", "42.3796, \"longitude\": -71.1352");

	best = with(f, best, "\"accuracy\": 0.985, \"satisfaction\": 4.60, \"fulfillmentHours\": 18.00, \"currentDailyRx\": 45",
	    "\"accuracy\": 1, \"satisfaction\": 5, \"fulfillmentHours\": 0, \"currentDailyRx\": 0");
	judge(f, best);
	assert_int_equal(f->all[0].total, 1000000);
	judge(f, with(f, with(f, new_york, "out_of_network", "none"), "\"accuracy\": 0.99, \"satisfaction\": 5, \"fulfillmentHours\": 90, \"currentDailyRx\": 0",
	    "\"accuracy\": 0, \"satisfaction\": 0, \"fulfillmentHours\": 72, \"currentDailyRx\": 61"));
	assert_int_equal(f->all[0].total, 0);
}

/* ---- the filters */

static void
P_RTE_02_each_filter_alone_excludes(void **state)
{
	static const struct {
		enum filter filter;
		const char *from, *to;
	} cases[] = {
		{ F_STATUS, "\"status\": \"active\"", "\"status\": \"suspended\"" },
		{ F_STATUS, "\"pharmacyId\": \"a\"", "\"pharmacyId\": \"left\"" },
		{ F_STATE_LICENCE, "[\"NH\", \"MA\"]", "[\"NH\", \"RI\"]" },
		{ F_DISTANCE, "\"serviceMiles\": null", "\"serviceMiles\": 4" },
		{ F_DISTANCE, "42.3379, \"longitude\": -71.0698", "null, \"longitude\": null" },
		{ F_INSURANCE, "{\"payer\": \"*\", \"bin\": null, \"tier\": \"standard\"}, {\"payer\": \"blue cross\"", "{\"payer\": \"Blue\"" },
		{ F_DRUG, "\"drugs\": []", "\"drugs\": [\"00075\", \"000744339021\"]" },
		{ F_DAYS_SUPPLY, "\"maxDaysSupply\": 90", "\"maxDaysSupply\": 27" },
		{ F_CAPACITY, "\"currentDailyRx\": 45", "\"currentDailyRx\": 95" },
		{ F_CAPACITY, "\"openRx\": 45", "\"openRx\": 500" },
		{ F_COLD_CHAIN, "\"coldChain\": true", "\"coldChain\": false" },
		{ F_CONTROLLED, "\"controlled\": true", "\"controlled\": false" },
		{ F_CONTROLLED, "\"dea\": true", "\"dea\": false" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		judge(f, with(f, boston, cases[i].from, cases[i].to));
		if (f->all[0].excluded != 1U << cases[i].filter)
			fail_msg("%s: excluded %x", cases[i].to, f->all[0].excluded);
		assert_int_equal(f->all[0].rank, 0);
		assert_int_equal(candidates_left(f->all, f->n), 0);
	}
}

static void
C2_a_state_we_do_not_serve_excludes_everybody(void **state)
{
	struct fixture *f = *state;
	const char *text = arena_printf(f->arena, "{%s, %s, \"pharmacies\": [%s]}", rules, rx, boston);
	struct problem err = { 0 };
	json_t *inputs;

	text = with(f, with(f, text, "\"state\": \"MA\"", "\"state\": \"CA\""), "[\"NH\", \"MA\"]", "[\"CA\"]");
	inputs = json_read(f->arena, text, strlen(text), &err);
	f->n = candidates_of(f->arena, inputs, &f->all);
	assert_int_equal(f->all[0].excluded, 1U << F_EXCLUDED_STATE);
}

static void
limits_are_held_on_both_sides(void **state)
{
	static const struct {
		const char *from, *to;
		bool passes;
	} cases[] = {
		{ "\"currentDailyRx\": 45", "\"currentDailyRx\": 94", true },	/* 94 % */
		{ "\"serviceMiles\": null", "\"serviceMiles\": 5", true },	/* 4.41 miles */
		{ "\"maxDaysSupply\": 90", "\"maxDaysSupply\": 28", true },
		{ "\"openRx\": 45", "\"openRx\": 499", true },
		{ "\"drugs\": []", "\"drugs\": [\"00074433902\"]", true },
		{ "\"tier\": \"preferred\"", "\"tier\": \"preferred\", \"until\": \"2026-11-20\"", true },	/* the other contract is left */
		{ "{\"payer\": \"*\", \"bin\": null, \"tier\": \"standard\"}, {\"payer\": \"blue cross\"",
		    "{\"payer\": \"blue cross\", \"from\": \"2026-11-22\"", false },
		{ "{\"payer\": \"*\", \"bin\": null, \"tier\": \"standard\"}, {\"payer\": \"blue cross\"",
		    "{\"payer\": \"blue cross\", \"until\": \"2026-11-20\"", false },
		{ "{\"payer\": \"*\", \"bin\": null, \"tier\": \"standard\"}, {\"payer\": \"blue cross\"",
		    "{\"payer\": \"blue cross\", \"bin\": \"004337\"", false },	/* another BIN of that name */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		judge(f, with(f, boston, cases[i].from, cases[i].to));
		if ((f->all[0].excluded == 0) != cases[i].passes)
			fail_msg("%s: excluded %x", cases[i].to, f->all[0].excluded);
	}
}

static void
all_reasons_are_kept(void **state)
{
	struct fixture *f = *state;
	struct buf b = buf_in(f->arena, 1024);
	struct json_writer w;

	judge(f, with(f, with(f, boston, "\"coldChain\": true", "\"coldChain\": false"), "\"currentDailyRx\": 45", "\"currentDailyRx\": 100"));
	jw_start(&w, &b);
	reasons_to_json(&w, NULL, f->all[0].excluded);
	assert_string_equal(buf_str(&b), "[\"capacity\",\"cold_chain\"]");
}

/* ---- the order */

static void
equals_are_ordered_by_id(void **state)
{
	struct fixture *f = *state;
	const char *d = with(f, boston, "\"pharmacyId\": \"a\"", "\"pharmacyId\": \"d\"");
	const char *e = with(f, boston, "\"pharmacyId\": \"a\"", "\"pharmacyId\": \"e\"");

	judge(f, arena_printf(f->arena, "%s, %s, %s", e, boston, d));
	assert_string_equal(f->all[0].id, "a");
	assert_string_equal(f->all[1].id, "d");
	assert_string_equal(f->all[2].id, "e");
	assert_int_equal(find(f, "e")->rank, 3);
}

static void
as_good_but_nearer_comes_first(void **state)
{
	struct fixture *f = *state;
	/* z is where the patient is: 0.0441 * 30 = 1.3230 points more. An accuracy of 0.8086 takes them back: performance is 0.8643 and no longer 0.9525,
	 * 0.0882 * 15 = 1.3230 points less. */
	const char *z = with(f, boston, "42.3379, \"longitude\": -71.0698", "42.3796, \"longitude\": -71.1352");

	z = with(f, z, "\"pharmacyId\": \"a\"", "\"pharmacyId\": \"z\"");
	z = with(f, z, "\"accuracy\": 0.985, \"satisfaction\": 4.60", "\"accuracy\": 0.8086, \"satisfaction\": 4.60");
	judge(f, arena_printf(f->arena, "%s, %s", boston, z));
	assert_int_equal(f->all[0].total, 864645);
	assert_int_equal(f->all[1].total, 864645);
	assert_string_equal(f->all[0].id, "z");
}

static void
P_RTE_05_no_more_than_five_are_ranked(void **state)
{
	struct fixture *f = *state;
	struct buf b = buf_in(f->arena, 65536);

	for (int i = 0; i < 7; i++)
		buf_addf(&b, "%s%s", i > 0 ? "," : "", with(f, boston, "\"pharmacyId\": \"a\"", arena_printf(f->arena, "\"pharmacyId\": \"%d\"", 7 - i)));
	judge(f, buf_str(&b));
	assert_int_equal(candidates_left(f->all, f->n), 7);
	assert_int_equal(f->all[4].rank, 5);
	assert_int_equal(f->all[5].rank, 0);
	assert_string_equal(f->all[0].id, "1");
}

/* ---- distances and weights */

static void
distances_are_those_of_the_globe(void **state)
{
	/* A degree of a great circle is 3,958.7613 * pi / 180 = 69.0934 miles; half of one around is 12,436.8155. */
	assert_int_equal(miles_between(0, 0, 0, 1), 6909);
	assert_int_equal(miles_between(10, 20, 11, 20), 6909);
	assert_int_equal(miles_between(0, 0, 0, 180), 1243682);
	assert_int_equal(miles_between(90, 0, -90, 0), 1243682);
	assert_int_equal(miles_between(42.3796, -71.1352, 42.3796, -71.1352), 0);
	assert_int_equal(miles_between(42.3796, -71.1352, 42.3379, -71.0698), miles_between(42.3379, -71.0698, 42.3796, -71.1352));
	(void)state;
}

static void
P_RTE_04_weights_sum_to_100_or_are_refused(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "distance=30,tier=25,capacity=20,performance=15,speed=10", true },
		{ "speed=100,tier=0,capacity=0,performance=0,distance=0", true },
		{ "distance=30,tier=25,capacity=20,performance=15,speed=11", false },
		{ "distance=30,tier=25,capacity=20,performance=25", false },
		{ "distance=30,tier=25,capacity=20,performance=15,speed=5,speed=5", false },
		{ "distance=-30,tier=85,capacity=20,performance=15,speed=10", false },
		{ "distance=30.5,tier=24.5,capacity=20,performance=15,speed=10", false },
		{ "miles=30,tier=25,capacity=20,performance=15,speed=10", false },
		{ "", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct problem err = { 0 };
		struct weights weights = { 0 };

		if ((weights_parse(cases[i].text, &weights, &err) == 0) != cases[i].good)
			fail_msg("%s", cases[i].text);
		assert_string_equal(err.code, cases[i].good ? "" : "bad_config");
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(P_RTE_04_the_worked_example_to_four_places, setup, teardown),
		cmocka_unit_test_setup_teardown(the_decimals_are_written_exactly, setup, teardown),
		cmocka_unit_test_setup_teardown(the_best_and_the_worst_score_are_100_and_0, setup, teardown),
		cmocka_unit_test_setup_teardown(P_RTE_02_each_filter_alone_excludes, setup, teardown),
		cmocka_unit_test_setup_teardown(C2_a_state_we_do_not_serve_excludes_everybody, setup, teardown),
		cmocka_unit_test_setup_teardown(limits_are_held_on_both_sides, setup, teardown),
		cmocka_unit_test_setup_teardown(all_reasons_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(equals_are_ordered_by_id, setup, teardown),
		cmocka_unit_test_setup_teardown(as_good_but_nearer_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(P_RTE_05_no_more_than_five_are_ranked, setup, teardown),
		cmocka_unit_test(distances_are_those_of_the_globe),
		cmocka_unit_test(P_RTE_04_weights_sum_to_100_or_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
