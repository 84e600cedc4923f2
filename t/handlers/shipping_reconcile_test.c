/*
 * shipping_reconcile_test.c: our labels against FedEx and against Shippo's list (X-SAGA-07): planted drift of each kind is found, agreement is silent.
 */
#include "harness/harness.h"
#include "shipping/shipping.h"

static const char *const settings[] = {
	"FEDEX_BASE_URL=https://fedex.example", "FEDEX_CLIENT_ID=id", "FEDEX_CLIENT_SECRET=s", "FEDEX_ACCOUNT_NUMBER=740561073",
	"RECONCILE_EVERY=0", "RECONCILE_CLOSE=0", "SHIPPO_BASE_URL=https://shippo.example", "SHIPPO_API_TOKEN=shippo_test_x", "SHIPPO_WEBHOOK_SECRET=s",
	"SHIPPING_SWEEP=0", "TRACKING_SWEEP=0", NULL
};
#define SOLD "https://shippo.example/transactions?results=100&page="
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
	sql_run(*state, "DELETE FROM reconciliation_difference");
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

/* ---- Shippo */

/* A prescription's parcel; label: its transaction at Shippo, or NULL. */
static const char *
bought(struct world *w, const char *label, const char *status, const char *age)
{
	char id[UUID_TEXT];

	uuid_text(uuid_new(), id);
	sql_run(w, "INSERT INTO shipments (id, external_id, patient_id, kind, pharmacy, status, broker, carrier, shippo_transaction, created_at, updated_at)"
	    " VALUES ('%s', gen_random_uuid(), gen_random_uuid(), 'prescription', 'network', '%s', 'shippo', 'USPS', nullif('%s', ''),"
	    " now() - interval '%s', now() - interval '1 hour')", id, status, label != NULL ? label : "", age);
	return text(w, "%s", id);
}

static const char *
sold(struct world *w, const char *label, const char *parcel, const char *status, const char *age)
{
	return text(w, "{\"object_id\":\"%s\",\"object_created\":\"%s\",\"status\":\"%s\",\"tracking_number\":\"92050000\",\"metadata\":\"%s:1\"}", label,
	    sql_text(w, "SELECT to_char((now() - interval '%s') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')", age), status, parcel);
}

static void
shippo_lists(struct world *w, int number, const char *labels, bool more)
{
	stub(w, "GET", text(w, SOLD "%d", number), 200, text(w, "{\"next\":%s,\"previous\":null,\"results\":[%s]}", more ? "\"there\"" : "null", labels));
}

static const char *
labels_differ(struct world *w)
{
	job_later(w, "shippo.reconcile", NULL);
	work(w);
	return sql_text(w, "SELECT string_agg(concat_ws(' ', kind, subject, ours, theirs), ', ' ORDER BY kind, vendor_ref) FROM reconciliation_difference"
	    " WHERE vendor = 'shippo' AND resolved_at IS NULL");
}

static void
X_SAGA_07_labels_at_shippo_differ_in_both_directions(void **state)
{
	struct world *w = *state;
	const char *agreed = bought(w, "t1", "in_transit", "1 day"), *refunded = bought(w, "t2", "label_created", "1 day");
	const char *refused = bought(w, "t3", "voided", "1 day"), *lost = bought(w, "t4", "shipped", "1 day"), *without = bought(w, NULL, "manual", "1 day");
	const char *gone = bought(w, "t5", "voided", "1 day"), *taking = bought(w, "t6", "voiding", "1 day"), *same, *rest;

	same = text(w, "%s,%s,%s,%s,%s", sold(w, "t1", agreed, "SUCCESS", "1 day"), sold(w, "t5", gone, "REFUNDPENDING", "1 day"),
	    sold(w, "t6", taking, "REFUNDED", "1 day"), sold(w, "t90", "no parcel", "ERROR", "1 day"), sold(w, "t91", "no parcel", "REFUNDED", "1 day"));
	rest = text(w, "%s,%s,%s,%s,%s", sold(w, "t2", refunded, "REFUNDED", "1 day"), sold(w, "t3", refused, "REFUNDREJECTED", "1 day"),
	    sold(w, "t81", agreed, "SUCCESS", "1 day"), sold(w, "t82", without, "SUCCESS", "1 day"), sold(w, "t83", "no parcel", "SUCCESS", "1 day"));
	shippo_lists(w, 1, text(w, "%s,%s", same, rest), false);
	for (int i = 0; i < 2; i++)
		assert_string_equal(labels_differ(w), text(w, "missing_here t81 in_transit SUCCESS, missing_here t82 manual SUCCESS, missing_here t83 SUCCESS, "
		    "missing_there %s shipped, state %s label_created REFUNDED, state %s voided REFUNDREJECTED", lost, refunded, refused));
	assert_int_equal(sql_int(w, "SELECT compared FROM reconciliation WHERE vendor = 'shippo' ORDER BY finished_at DESC LIMIT 1"), 11);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'reconciliation.difference' AND subject LIKE 'shippo/%%'"), 6);
	/* The label bought twice was given back; what was lost is listed; the rest was mended here. */
	sql_run(w, "UPDATE shipments SET shippo_transaction = 't82' WHERE id = '%s'", without);
	sql_run(w, "DELETE FROM shipments WHERE id IN ('%s', '%s')", refunded, refused);
	shippo_lists(w, 1, text(w, "%s,%s,%s,%s,%s", same, sold(w, "t81", agreed, "REFUNDED", "1 day"), sold(w, "t82", without, "SUCCESS", "1 day"),
	    sold(w, "t83", "no parcel", "REFUNDPENDING", "1 day"), sold(w, "t4", lost, "SUCCESS", "1 day")), false);
	assert_string_equal(labels_differ(w), "");
}

static void
X_SAGA_07_a_label_that_moves_at_this_moment_is_left_to_the_next_round(void **state)
{
	struct world *w = *state;
	const char *fresh_parcel = bought(w, NULL, "requested", "1 hour"), *fresh_label = bought(w, "t9", "label_created", "1 hour");

	sql_run(w, "UPDATE shipments SET updated_at = now()");
	shippo_lists(w, 1, text(w, "%s,%s", sold(w, "t8", fresh_parcel, "SUCCESS", "1 minute"), sold(w, "t9", fresh_label, "REFUNDED", "1 minute")), false);
	assert_string_equal(labels_differ(w), "");
}

static void
X_SAGA_07_shippo_s_list_is_read_to_the_beginning_of_the_window(void **state)
{
	struct world *w = *state;
	const char *old = bought(w, "t20", "shipped", "71 hours"), *due;

	shippo_lists(w, 1, sold(w, "t21", "no parcel", "SUCCESS", "1 minute"), true);
	shippo_lists(w, 2, text(w, "%s,%s", sold(w, "t20", old, "SUCCESS", "71 hours"), sold(w, "t22", "no parcel", "SUCCESS", "80 hours")), true);
	shippo_lists(w, 3, sold(w, "t23", "no parcel", "SUCCESS", "81 hours"), true);
	assert_string_equal(labels_differ(w), "missing_here t21 SUCCESS");
	assert_int_equal(sent_count(w, "GET", "https://shippo.example/transactions*"), 3);
	/* The close of a day looks at that day alone: what was bought since is the next days' business. */
	due = sql_text(w, "SELECT to_char(date_trunc('day', now() AT TIME ZONE 'UTC') - interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
	job_later(w, "shippo.close", text(w, "{\"dueAt\":\"%s\"}", due));
	work(w);
	assert_int_equal(sql_int(w, "SELECT compared FROM reconciliation WHERE vendor = 'shippo' AND closes IS NOT NULL"),
	    sql_int(w, "SELECT count(*) FROM unnest(ARRAY[71, 80, 81]) h WHERE ((now() - make_interval(hours => h)) AT TIME ZONE 'UTC')::date ="
	    " ('%s'::timestamptz AT TIME ZONE 'UTC')::date - 1", due));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(X_SAGA_07_parcels_that_both_sides_know_are_no_difference, fresh),
		cmocka_unit_test_setup(X_SAGA_07_a_label_that_is_void_on_one_side_only_is_another_state, fresh),
		cmocka_unit_test_setup(X_SAGA_07_an_old_label_that_the_carrier_does_not_know_is_missing_there, fresh),
		cmocka_unit_test_setup(X_SAGA_07_many_labels_are_asked_for_thirty_at_a_time, fresh),
		cmocka_unit_test_setup(X_SAGA_07_labels_at_shippo_differ_in_both_directions, fresh),
		cmocka_unit_test_setup(X_SAGA_07_a_label_that_moves_at_this_moment_is_left_to_the_next_round, fresh),
		cmocka_unit_test_setup(X_SAGA_07_shippo_s_list_is_read_to_the_beginning_of_the_window, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
