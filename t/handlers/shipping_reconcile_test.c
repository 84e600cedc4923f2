/*
 * shipping_reconcile_test.c: our labels against FedEx (X-SAGA-07): planted drift of each kind is found, agreement is silent.
 */
#include "harness/harness.h"
#include "shipping/shipping.h"

static const char *const settings[] = {
	"FEDEX_BASE_URL=https://fedex.example", "FEDEX_CLIENT_ID=id", "FEDEX_CLIENT_SECRET=s", "FEDEX_ACCOUNT_NUMBER=740561073",
	"RECONCILE_EVERY=0", "RECONCILE_CLOSE=0", "SHIPPO_API_TOKEN=shippo_test_x", "SHIPPO_WEBHOOK_SECRET=s",
	"SHIPPING_SWEEP=0", "TRACKING_SWEEP=0", NULL
};
#define TRACK "https://fedex.example/track/v1/trackingnumbers"

static int
setup(void **state)
{
	*state = world_new(&shipping_service, settings);
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
	sql_run(*state, "DELETE FROM shipments");
	stub(*state, "POST", "https://fedex.example/oauth/token", 200, "{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":3599}");
	return 0;
}

static const char *
parcel(struct world *w, unsigned number, const char *status, const char *age)
{
	char id[UUID_TEXT];

	uuid_text(uuid_new(), id);
	sql_run(w, "INSERT INTO shipments (id, external_id, submission_id, patient_id, kind, pharmacy, status, tracking_number, created_at,"
	    " updated_at) VALUES ('%s', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'own', 'gmp', '%s', '7946%08u',"
	    " now() - interval '%s', now() - interval '1 hour')", id, status, number, age);
	return text(w, "%s", id);
}

static const char *
tracked(struct world *w, unsigned number, const char *code)
{
	if (code == NULL)
		return text(w, "{\"trackingNumber\":\"7946%08u\",\"trackResults\":[{\"error\":{\"code\":\"TRACKING.TRACKINGNUMBER.NOTFOUND\"}}]}", number);
	return text(w, "{\"trackingNumber\":\"7946%08u\",\"trackResults\":[{\"latestStatusDetail\":{\"derivedCode\":\"%s\"}}]}", number, code);
}

static void
carrier_says(struct world *w, const char *results)
{
	stub(w, "POST", TRACK, 200, text(w, "{\"output\":{\"completeTrackResults\":[%s]}}", results));
	job_later(w, "fedex.reconcile", NULL);
	work(w);
}

static const char *
difference(struct world *w, const char *id)
{
	return sql_text(w, "SELECT kind FROM reconciliation_difference WHERE subject = '%s' AND resolved_at IS NULL", id);
}

static void
X_SAGA_07_parcels_that_both_sides_know_are_no_difference(void **state)
{
	struct world *w = *state;
	const char *moving = parcel(w, 1, "in_transit", "2 days"), *fresh_label = parcel(w, 2, "label_created", "2 hours");

	carrier_says(w, text(w, "%s,%s", tracked(w, 1, "IT"), tracked(w, 2, NULL)));
	assert_string_equal(difference(w, moving), "");
	assert_string_equal(difference(w, fresh_label), "");	/* FedEx learns of a label at its first scan */
	assert_int_equal(sql_int(w, "SELECT compared FROM reconciliation ORDER BY finished_at DESC LIMIT 1"), 2);
}

static void
X_SAGA_07_a_label_that_is_void_on_one_side_only_is_another_state(void **state)
{
	struct world *w = *state;
	const char *ours = parcel(w, 3, "voided", "1 day"), *theirs = parcel(w, 4, "shipped", "1 day");

	carrier_says(w, text(w, "%s,%s", tracked(w, 3, "PU"), tracked(w, 4, "CA")));
	assert_string_equal(difference(w, ours), "state");
	assert_string_equal(difference(w, theirs), "state");
	carrier_says(w, text(w, "%s,%s", tracked(w, 3, "CA"), tracked(w, 4, "PU")));
	assert_string_equal(difference(w, ours), "");
	assert_string_equal(difference(w, theirs), "");
}

static void
X_SAGA_07_an_old_label_that_the_carrier_does_not_know_is_missing_there(void **state)
{
	struct world *w = *state;
	const char *id = parcel(w, 5, "shipped", "6 days"), *due = sql_text(w,
	    "SELECT to_char(date_trunc('day', (created_at AT TIME ZONE 'UTC')) + interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
	    " FROM shipments WHERE id = '%s'", id);

	/* Older than the rolling window: the close of its day asks. */
	stub(w, "POST", TRACK, 200, text(w, "{\"output\":{\"completeTrackResults\":[%s]}}", tracked(w, 5, NULL)));
	job_later(w, "fedex.close", text(w, "{\"dueAt\":\"%s\"}", due));
	work(w);
	assert_string_equal(difference(w, id), "missing_there");
}

static void
X_SAGA_07_many_labels_are_asked_for_thirty_at_a_time(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 65; i++)
		parcel(w, 100 + i, "in_transit", "3 hours");
	carrier_says(w, "");
	assert_int_equal(sent_count(w, "POST", TRACK), 3);
	assert_int_equal(json_array_size(json_at(sent_to(w, "POST", TRACK, -1)->body, "trackingInfo")), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(X_SAGA_07_parcels_that_both_sides_know_are_no_difference, fresh),
		cmocka_unit_test_setup(X_SAGA_07_a_label_that_is_void_on_one_side_only_is_another_state, fresh),
		cmocka_unit_test_setup(X_SAGA_07_an_old_label_that_the_carrier_does_not_know_is_missing_there, fresh),
		cmocka_unit_test_setup(X_SAGA_07_many_labels_are_asked_for_thirty_at_a_time, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
