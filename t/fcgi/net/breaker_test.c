/* breaker_test.c: five failures in a row open it, one probe in ten seconds may close it. Time is the test's own. */
#include "fcgi/unit.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/breaker.h"

static int64_t time_us;

static int64_t
test_clock(void)
{
	return time_us;
}

static int
fresh(void **state)
{
	(void)state;
	log_open("test", LOG_ERROR + 1);
	time_us = 1000 * US_PER_S;
	breaker_reset(test_clock);
	return 0;
}

static int
restore(void **state)
{
	(void)state;
	breaker_reset(NULL);
	return 0;
}

static int
try(bool worked)
{
	struct problem err = { 0 };

	if (breaker_enter("vendor", &err) < 0)
		return err.retry_after;
	breaker_leave("vendor", worked);
	return 0;
}

static void
fail_times(int n)
{
	while (n-- > 0)
		assert_int_equal(try(false), 0);
}

static void
five_failures_open_it_four_do_not(void **state)
{
	(void)state;
	fail_times(4);
	assert_string_equal(breaker_state("vendor"), "closed");
	assert_int_equal(try(true), 0);
	fail_times(5);
	assert_string_equal(breaker_state("vendor"), "open");
	assert_int_equal(try(true), 10);
}

static void
a_refusal_says_when_to_come_back(void **state)
{
	struct problem err = { 0 };

	(void)state;
	fail_times(5);
	time_us += 3 * US_PER_S + 1;
	assert_int_equal(breaker_enter("vendor", &err), -1);
	assert_int_equal(err.status, 503);
	assert_string_equal(err.code, "circuit_open");
	assert_int_equal(err.fault, FAULT_RETRY);
	assert_int_equal(err.retry_after, 7);
}

static void
one_probe_in_ten_seconds(void **state)
{
	struct problem err = { 0 };

	(void)state;
	fail_times(5);
	time_us += 10 * US_PER_S - 1;
	assert_int_equal(breaker_enter("vendor", &err), -1);
	time_us += 1;
	assert_int_equal(breaker_enter("vendor", &err), 0);
	assert_string_equal(breaker_state("vendor"), "half-open");
	assert_int_equal(breaker_enter("vendor", &err), -1);
	breaker_leave("vendor", false);
	assert_string_equal(breaker_state("vendor"), "open");
	assert_int_equal(breaker_enter("vendor", &err), -1);
	time_us += 10 * US_PER_S;
	assert_int_equal(try(true), 0);
	assert_string_equal(breaker_state("vendor"), "closed");
	assert_int_equal(try(true), 0);
}

/* A probe whose thread died must not keep it open for ever. */
static void
a_probe_that_never_ends_is_followed_by_another(void **state)
{
	struct problem err = { 0 };

	(void)state;
	fail_times(5);
	time_us += 10 * US_PER_S;
	assert_int_equal(breaker_enter("vendor", &err), 0);
	time_us += 10 * US_PER_S;
	assert_int_equal(try(true), 0);
	assert_string_equal(breaker_state("vendor"), "closed");
}

static void
targets_do_not_share_it(void **state)
{
	struct problem err = { 0 };

	(void)state;
	fail_times(5);
	assert_int_equal(breaker_enter("other", &err), 0);
	breaker_leave("other", true);
	assert_string_equal(breaker_state("other"), "closed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(five_failures_open_it_four_do_not, fresh, restore),
		cmocka_unit_test_setup_teardown(a_refusal_says_when_to_come_back, fresh, restore),
		cmocka_unit_test_setup_teardown(one_probe_in_ten_seconds, fresh, restore),
		cmocka_unit_test_setup_teardown(a_probe_that_never_ends_is_followed_by_another, fresh, restore),
		cmocka_unit_test_setup_teardown(targets_do_not_share_it, fresh, restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
