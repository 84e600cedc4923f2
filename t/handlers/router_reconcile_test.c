/*
 * router_reconcile_test.c: our prescriptions against PioneerRx (X-SAGA-07): planted drift of each kind is found, agreement is silent.
 */
#include "harness/harness.h"
#include "router/router.h"

#define PRX "https://prx.example/api/enterprise/method/process"

static const char *const settings[] = {
	"PIONEERRX_BASE_URL=https://prx.example", "PIONEERRX_API_KEY=k", "PIONEERRX_SHARED_SECRET=prx-secret", "PIONEERRX_EMPLOYEE_ID=7",
	"BOOTHWYN_BASE_URL=https://boothwyn.example", "BOOTHWYN_API_KEY=bk", "BOOTHWYN_WEBHOOK_SECRET=hook-secret",
	"RECONCILE_EVERY=0", "RECONCILE_CLOSE=0", NULL
};

static int
setup(void **state)
{
	*state = world_new(&router_service, settings);
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
	stubs_clear(*state);
	sql_run(*state, "DELETE FROM router_submissions");
	return 0;
}

static const char *
order(struct world *w, const char *status)
{
	char id[UUID_TEXT], other[UUID_TEXT];

	uuid_text(uuid_new(), id);
	sql_run(w, "INSERT INTO router_submissions (id, caller, external_id, submission_id, patient_id, pharmacy, adapter, status, payload_enc,"
	    " created_at, updated_at) VALUES ('%s', 'orchestrator', '%s', gen_random_uuid(), gen_random_uuid(), 'gmp', 'pioneerrx', '%s', '',"
	    " now() - interval '1 hour', now() - interval '1 hour')", id, uuid_text(uuid_new(), other), status);
	return text(w, "%s", id);
}

static void
pharmacy_says(struct world *w, const char *status)
{
	stub(w, "POST", PRX, 200, status == NULL ? "{\"results\":{\"rxTransaction\":[]}}" :
	    text(w, "{\"results\":{\"rxTransaction\":[{\"rxTransactionID\":\"1\",\"currentRxTransactionStatusText\":\"%s\"}]}}", status));
	job_later(w, "pioneerrx.reconcile", NULL);
	work(w);
}

static const char *
difference(struct world *w, const char *id)
{
	return sql_text(w, "SELECT kind FROM reconciliation_difference WHERE subject = '%s' AND resolved_at IS NULL", id);
}

static void
X_SAGA_07_an_order_that_both_sides_have_is_no_difference(void **state)
{
	struct world *w = *state;
	const char *id = order(w, "accepted");

	pharmacy_says(w, "On Hold");
	assert_string_equal(difference(w, id), "");
	assert_int_equal(sql_int(w, "SELECT compared FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 1);
}

static void
X_SAGA_07_an_accepted_order_that_the_pharmacy_does_not_have_is_missing_there_until_it_does(void **state)
{
	struct world *w = *state;
	const char *id = order(w, "accepted");

	pharmacy_says(w, NULL);
	assert_string_equal(difference(w, id), "missing_there");
	assert_int_equal(event_count(w, "attention.raised"), 1);
	pharmacy_says(w, "Data Entry");
	assert_string_equal(difference(w, id), "");
	assert_int_equal(event_count(w, "attention.cleared"), 1);
}

static void
X_SAGA_07_an_order_that_is_cancelled_on_one_side_only_is_another_state(void **state)
{
	struct world *w = *state;
	const char *id = order(w, "accepted");

	pharmacy_says(w, "Voided");
	assert_string_equal(difference(w, id), "state");
}

static void
X_SAGA_07_an_order_that_we_hold_for_rejected_and_the_pharmacy_fills_is_missing_here(void **state)
{
	struct world *w = *state;
	const char *id = order(w, "rejected");

	pharmacy_says(w, "Fill In Progress");
	assert_string_equal(difference(w, id), "missing_here");
}

static void
X_SAGA_07_a_pharmacy_that_does_not_answer_ends_no_round(void **state)
{
	struct world *w = *state;
	int64_t before = sql_int(w, "SELECT count(*) FROM reconciliation");

	order(w, "accepted");
	stub(w, "POST", PRX, 503, "");
	job_later(w, "pioneerrx.reconcile", NULL);
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM reconciliation"), before);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE kind = 'pioneerrx.reconcile' AND state = 'ready'"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(X_SAGA_07_an_order_that_both_sides_have_is_no_difference, fresh),
		cmocka_unit_test_setup(X_SAGA_07_an_accepted_order_that_the_pharmacy_does_not_have_is_missing_there_until_it_does, fresh),
		cmocka_unit_test_setup(X_SAGA_07_an_order_that_is_cancelled_on_one_side_only_is_another_state, fresh),
		cmocka_unit_test_setup(X_SAGA_07_an_order_that_we_hold_for_rejected_and_the_pharmacy_fills_is_missing_here, fresh),
		cmocka_unit_test_setup(X_SAGA_07_a_pharmacy_that_does_not_answer_ends_no_round, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
