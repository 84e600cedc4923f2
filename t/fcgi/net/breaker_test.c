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

/* ---- rule Q9: the budget of retries */

static int
call(bool again, bool worked)
{
	struct problem err = { 0 };

	breaker_retrying(again);
	if (breaker_enter("shop", &err) < 0) {
		assert_string_equal(err.code, "retry_budget");
		assert_true(err.retry_after > 0);
		return 0;
	}
	breaker_leave("shop", worked);
	return 1;
}

static void
retries_are_a_tenth_of_first_tries(void **state)
{
	int sent = 0;

	(void)state;
	(void)call(true, false); /* the one in ten seconds that is free */
	for (int i = 0; i < 200; i++) {
		(void)call(false, true);
		for (int k = 0; k < 5; k++) /* everything that failed comes again and again */
			sent += call(true, false) && call(false, true) ? 1 : 0;
	}
	breaker_retrying(false);
	assert_in_range(sent, 1, 45); /* 200 first tries, and those that kept it closed: a tenth of them, and no more */
}

static void
what_piled_up_drains_once_the_target_is_well(void **state)
{
	int sent = 0, left = 1000, seconds = 0;

	(void)state;
	for (; left > 0 && seconds < 600; seconds++, time_us += US_PER_S)
		for (int k = 0; k < 50 && left > 0; k++) {
			int n = call(true, true);

			sent += n;
			left -= n;
		}
	breaker_retrying(false);
	assert_int_equal(sent, 1000);
	assert_in_range(seconds, 10, 60);
}

static void
a_silent_target_gets_a_retry_in_ten_seconds(void **state)
{
	int sent = 0;

	(void)state;
	for (int s = 0; s < 300; s++, time_us += US_PER_S)
		for (int k = 0; k < 20; k++) {
			struct problem err = { 0 };

			breaker_retrying(true);
			if (breaker_enter("shop", &err) == 0) {
				breaker_leave("shop", false);
				sent++;
			}
		}
	breaker_retrying(false);
	assert_in_range(sent, 20, 31);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(five_failures_open_it_four_do_not, fresh, restore),
		cmocka_unit_test_setup_teardown(a_refusal_says_when_to_come_back, fresh, restore),
		cmocka_unit_test_setup_teardown(one_probe_in_ten_seconds, fresh, restore),
		cmocka_unit_test_setup_teardown(retries_are_a_tenth_of_first_tries, fresh, restore),
		cmocka_unit_test_setup_teardown(what_piled_up_drains_once_the_target_is_well, fresh, restore),
		cmocka_unit_test_setup_teardown(a_silent_target_gets_a_retry_in_ten_seconds, fresh, restore),
		cmocka_unit_test_setup_teardown(a_probe_that_never_ends_is_followed_by_another, fresh, restore),
		cmocka_unit_test_setup_teardown(targets_do_not_share_it, fresh, restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
