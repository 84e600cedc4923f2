/*
 * billing_reconcile_test.c: our payments against Stripe's list (X-SAGA-07): planted drift of each kind is found and named, agreement is
 * silent, and what was mended is resolved by the next round.
 */
#include "billing_world.h"

#include "base/clock.h"

static int64_t
ago(int64_t seconds)
{
	return clock_us() / US_PER_S - seconds;
}

static const char *
listed(struct world *w, const char *id, const char *payment, const char *status, int amount, int64_t created)
{
	return text(w, "{\"id\":\"%s\",\"object\":\"payment_intent\",\"status\":\"%s\",\"amount\":%d,\"amount_received\":%d,"
	    "\"currency\":\"usd\",\"created\":%" PRId64 ",\"metadata\":{\"payment_id\":\"%s\"}}", id, status, amount,
	    strcmp(status, "succeeded") == 0 ? amount : 0, created, payment);
}

static void
stripe_lists(struct world *w, const char *first, const char *second)
{
	stub(w, "GET", "/v1/payment_intents?limit=100*", 200, text(w, "{\"object\":\"list\",\"has_more\":false,\"data\":[%s%s%s]}",
	    first, *first != '\0' && *second != '\0' ? "," : "", second));
}

static void
reconcile(struct world *w)
{
	job_later(w, "stripe.reconcile", NULL);
	work(w);
}

static int64_t
open_differences(struct world *w, const char *kind)
{
	return sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE resolved_at IS NULL AND kind = '%s'", kind);
}

/* A payment old enough that Stripe's list of the window must hold it. */
static const char *
settled(struct world *w, unsigned run)
{
	const char *id = authorized(w, run);

	sql_run(w, "UPDATE payments SET created_at = now() - interval '1 hour', updated_at = now() - interval '1 hour' WHERE id = '%s'", id);
	return id;
}

static void
X_SAGA_07_two_sides_that_agree_differ_in_nothing(void **state)
{
	struct world *w = *state;
	const char *held = settled(w, 801);

	stripe_lists(w, listed(w, "pi_801", held, "requires_capture", 29900, ago(3600)), "");
	reconcile(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference"), 0);
	assert_int_equal(sql_int(w, "SELECT compared FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 1);
	assert_int_equal(sql_int(w, "SELECT ours_cents FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 29900);
	assert_int_equal(sql_int(w, "SELECT theirs_cents FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 29900);
}

static void
X_SAGA_07_planted_drift_of_each_kind_is_found_and_later_resolved(void **state)
{
	struct world *w = *state;
	const char *absent = settled(w, 811), *other = settled(w, 812), *moved = settled(w, 813);
	const char *odd = listed(w, "pi_812", other, "requires_capture", 19900, ago(3600));
	const char *taken = listed(w, "pi_813", moved, "succeeded", 29900, ago(3600));
	const char *stranger = listed(w, "pi_stranger", "", "succeeded", 5000, ago(3600));
	const char *first = listed(w, "pi_801", sql_text(w, "SELECT id FROM payments WHERE stripe_payment_intent = 'pi_801'"),
	    "requires_capture", 29900, ago(3600));

	stripe_lists(w, first, text(w, "%s,%s,%s", odd, taken, stranger));
	reconcile(w);
	assert_string_equal(sql_text(w, "SELECT subject FROM reconciliation_difference WHERE kind = 'missing_there'"), absent);
	assert_string_equal(sql_text(w, "SELECT ours || ' ' || theirs FROM reconciliation_difference WHERE kind = 'amount'"), "29900 19900");
	assert_string_equal(sql_text(w, "SELECT ours || ' ' || theirs FROM reconciliation_difference WHERE kind = 'state'"),
	    "authorized succeeded");
	assert_string_equal(sql_text(w, "SELECT subject FROM reconciliation_difference WHERE kind = 'missing_here'"), "pi_stranger");
	assert_int_equal(sql_int(w, "SELECT differences FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 4);
	/* Again: the same four, not eight. */
	reconcile(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference"), 4);
	/* Stripe now shows what we believe of two of them. */
	stripe_lists(w, first, text(w, "%s,%s,%s", listed(w, "pi_811", absent, "requires_capture", 29900, ago(3600)),
	    listed(w, "pi_812", other, "requires_capture", 29900, ago(3600)), taken));
	reconcile(w);
	assert_int_equal(open_differences(w, "missing_there") + open_differences(w, "amount") + open_differences(w, "missing_here"), 0);
	assert_int_equal(open_differences(w, "state"), 1);
}

static void
X_SAGA_07_a_day_is_closed_once(void **state)
{
	struct world *w = *state;
	char due[CLOCK_TEXT];
	int64_t midnight = clock_us() / (86400 * US_PER_S) * 86400 * US_PER_S;
	const char *args = text(w, "{\"dueAt\":\"%s\"}", clock_text(midnight, due));

	stripe_lists(w, "", "");
	for (int i = 0; i < 2; i++) {
		job_later(w, "stripe.close", args);
		work(w);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation WHERE closes = (now() AT TIME ZONE 'UTC')::date - 1"), 1);
	assert_int_equal(sql_int(w, "SELECT extract(epoch FROM until - since)::bigint FROM reconciliation WHERE closes IS NOT NULL"), 86400);
}

static void
X_SAGA_07_a_payment_that_moves_at_this_moment_is_left_to_the_next_round(void **state)
{
	struct world *w = *state;
	const char *fresh = authorized(w, 831);
	int64_t before = sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = '%s'", fresh);

	stripe_lists(w, listed(w, "pi_831", fresh, "succeeded", 29900, ago(1)), "");
	reconcile(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = '%s'", fresh), before);
}

static void
X_SAGA_07_the_list_is_read_to_the_beginning_of_the_window(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	stub(w, "GET", "/v1/payment_intents?limit=100*", 200,
	    text(w, "{\"object\":\"list\",\"has_more\":true,\"data\":[%s]}", listed(w, "pi_old", "", "succeeded", 100, ago(80 * 3600))));
	stub_once(w, "GET", "/v1/payment_intents?limit=100*", 200,
	    text(w, "{\"object\":\"list\",\"has_more\":true,\"data\":[%s]}", listed(w, "pi_page1", "", "succeeded", 100, ago(60))));
	reconcile(w);
	assert_int_equal(sent_count(w, "GET", "/v1/payment_intents*"), 2);
	assert_non_null(strstr(sent_to(w, "GET", "/v1/payment_intents*", -1)->path, "&starting_after=pi_page1"));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = 'pi_page1'"), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation_difference WHERE subject = 'pi_old'"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(X_SAGA_07_two_sides_that_agree_differ_in_nothing),
		cmocka_unit_test(X_SAGA_07_planted_drift_of_each_kind_is_found_and_later_resolved),
		cmocka_unit_test(X_SAGA_07_a_day_is_closed_once),
		cmocka_unit_test(X_SAGA_07_a_payment_that_moves_at_this_moment_is_left_to_the_next_round),
		cmocka_unit_test(X_SAGA_07_the_list_is_read_to_the_beginning_of_the_window),
	};

	return cmocka_run_group_tests(tests, billing_setup, billing_teardown);
}
