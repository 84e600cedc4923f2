/* clock_test.c: times, dates, ages and the identifiers that sort by time. */
#include "fcgi/unit.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/uuid.h"

static void
times_are_read_in_both_notations(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-01-15T09:30:00Z", INT64_C(1768469400000000) },
		{ "2026-01-15T09:30:00.123456Z", INT64_C(1768469400123456) },
		{ "2026-01-15t09:30:00.1z", INT64_C(1768469400100000) },
		{ "2026-01-15T09:30:00.123456789Z", INT64_C(1768469400123456) },
		{ "2026-01-15T10:30:00+01:00", INT64_C(1768469400000000) },
		{ "2026-01-15T04:00:00-05:30", INT64_C(1768469400000000) },
		{ "2026-01-15 09:30:00+00", INT64_C(1768469400000000) },
		{ "2026-01-15 09:30:00.5+00", INT64_C(1768469400500000) },
		{ "2026-01-15 10:30:00+01:00:00", INT64_C(1768469400000000) },
		{ "2024-02-29T23:59:59Z", INT64_C(1709251199000000) },
		{ "1969-12-31T23:59:59.5Z", INT64_C(-500000) },
		{ "2000-03-01T00:00:00Z", INT64_C(951868800000000) },
	};
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(clock_parse(cases[i].text, &us), 0);
		assert_int_equal(us, cases[i].us);
	}
}

static void
what_is_no_time_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"soon",
		"2026-01-15",
		"2026-01-15T09:30Z",
		"2026-01-15T09:30:00",
		"2026-13-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"2026-01-15T24:00:00Z",
		"2026-01-15T09:60:00Z",
		"2026-01-15T09:30:60Z",
		"2026-01-15T09:30:00.Z",
		"2026-01-15T09:30:00Z ",
		" 2026-01-15T09:30:00Z",
		"2026-1-15T09:30:00Z",
		"1768469400",
		"infinity",
		"0000-01-01T00:00:00Z",
		"2026-01-15T09:30:00+24:00",
		"2026-01-15T09:30:00+1:00",
		"2026-01-15T09:30:00ZZ",
		"2026-01-15_09:30:00Z",
		"-2026-01-15T09:30:00Z",
	};
	int64_t us = 42;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(clock_parse(cases[i], &us), -1);
	assert_int_equal(clock_parse(NULL, &us), -1);
	assert_int_equal(us, 42);
}

static void
times_are_written_with_microseconds_and_a_z(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ INT64_C(1768469400123456), "2026-01-15T09:30:00.123456Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999999Z" },
		{ INT64_MIN, "0001-01-01T00:00:00.000000Z" },
	};
	char text[CLOCK_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_string_equal(clock_text(cases[i].us, text), cases[i].text);
}

static void
only_dates_that_exist_are_dates(void **state)
{
	static const char *const bad[] = { "2023-02-29", "1900-02-29", "2026-00-10", "2026-04-31", "26-04-30", "2026/04/30",
		"2026-04-30x", "" };
	int y = 0, m = 0, d = 0;
	size_t i;

	(void)state;
	assert_int_equal(date_parse("2000-02-29", &y, &m, &d), 0);
	assert_int_equal(y * 10000 + m * 100 + d, 20000229);
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(date_parse(bad[i], &y, &m, &d), -1);
	assert_int_equal(date_parse(NULL, &y, &m, &d), -1);
	assert_int_equal(y * 10000 + m * 100 + d, 20000229);
}

static void
a_birthday_counts_from_its_first_moment(void **state)
{
	static const struct {
		const char *born;
		const char *now;
		int age;
	} cases[] = {
		{ "2008-01-15", "2026-01-14T23:59:59Z", 17 },
		{ "2008-01-15", "2026-01-15T00:00:00Z", 18 },
		{ "2008-02-29", "2026-02-28T12:00:00Z", 17 },
		{ "2008-02-29", "2026-03-01T00:00:00Z", 18 },
		{ "2026-01-15", "2026-01-15T00:00:00Z", 0 },
		{ "2026-01-16", "2026-01-15T00:00:00Z", -1 },
		{ "2026-02-30", "2026-03-15T00:00:00Z", -1 },
		{ "1931-12-31", "2026-01-01T00:00:00Z", 94 },
	};
	int64_t now;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(clock_parse(cases[i].now, &now), 0);
		assert_int_equal(age_on(cases[i].born, now), cases[i].age);
	}
}

static void
uuids_are_read_and_written(void **state)
{
	static const char *const bad[] = {
		"",
		"018f2f3e-7c1a-7b2c-8d3e-4f5a6b7c8d9",
		"018f2f3e-7c1a-7b2c-8d3e-4f5a6b7c8d9e0",
		"018f2f3e7c1a7b2c8d3e4f5a6b7c8d9e",
		"018f2f3e-7c1a-7b2c-8d3e-4f5a6b7c8d9g",
		"{18f2f3e-7c1a-7b2c-8d3e-4f5a6b7c8d9}",
		"018f2f3e07c1a-7b2c-8d3e-4f5a6b7c8d9e",
	};
	struct uuid u = UUID_NIL, v = UUID_NIL;
	char text[UUID_TEXT];
	size_t i;

	(void)state;
	assert_int_equal(uuid_parse("018F2F3E-7c1a-7B2C-8d3e-4f5a6b7c8d9e", &u), 0);
	assert_string_equal(uuid_text(u, text), "018f2f3e-7c1a-7b2c-8d3e-4f5a6b7c8d9e");
	assert_int_equal(u.b[0], 0x01);
	assert_int_equal(u.b[15], 0x9e);
	assert_false(uuid_is_nil(u));
	assert_true(uuid_is_nil(v));
	assert_false(uuid_equal(u, v));
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(uuid_parse(bad[i], &v), -1);
	assert_int_equal(uuid_parse(NULL, &v), -1);
	assert_true(uuid_is_nil(v));
}

static void
new_uuids_carry_version_variant_and_the_time(void **state)
{
	int64_t before = clock_us() / 1000, after, ms = 0;
	struct uuid u = uuid_new();
	int i;

	(void)state;
	after = clock_us() / 1000;
	for (i = 0; i < 6; i++)
		ms = ms << 8 | u.b[i];
	assert_true(ms >= before && ms <= after);
	assert_int_equal(u.b[6] >> 4, 7);
	assert_int_equal(u.b[8] >> 6, 2);
}

#define MANY 20000

static void *
make_many(void *out)
{
	struct uuid *u = out;
	int i;

	for (i = 0; i < MANY; i++)
		u[i] = uuid_new();
	return NULL;
}

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static void
uuids_only_grow_and_never_repeat_in_several_threads(void **state)
{
	struct uuid *u = calloc((size_t)4 * MANY, sizeof(*u));
	pthread_t threads[4];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_many, u + i * MANY), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (i = 1; i < (size_t)4 * MANY; i++)
		if (i % MANY != 0)
			assert_true(memcmp(u[i - 1].b, u[i].b, 8) < 0);
	qsort(u, (size_t)4 * MANY, sizeof(*u), by_bytes);
	for (i = 1; i < (size_t)4 * MANY; i++)
		assert_false(uuid_equal(u[i - 1], u[i]));
	free(u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_in_both_notations),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(times_are_written_with_microseconds_and_a_z),
		cmocka_unit_test(only_dates_that_exist_are_dates),
		cmocka_unit_test(a_birthday_counts_from_its_first_moment),
		cmocka_unit_test(uuids_are_read_and_written),
		cmocka_unit_test(new_uuids_carry_version_variant_and_the_time),
		cmocka_unit_test(uuids_only_grow_and_never_repeat_in_several_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
