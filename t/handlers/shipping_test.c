/*
 * Shipping's rules: one label and one print queue entry per own parcel, staff's steps in order, a line that never goes back.
 */
#include "harness/harness.h"
#include "shipping/shipping.h"

static const char *const settings[] = {
	"FEDEX_BASE_URL=https://fedex.example", "FEDEX_CLIENT_ID=id", "FEDEX_CLIENT_SECRET=s", "FEDEX_ACCOUNT_NUMBER=740561073", "TRACKING_INTERVAL=1s",
	"RECONCILE_EVERY=0", "RECONCILE_CLOSE=0", "SHIPPO_API_TOKEN=shippo_test_x", "SHIPPO_WEBHOOK_SECRET=s", "SHIPPING_SWEEP=0", "TRACKING_SWEEP=0", NULL
};
#define SHIP "https://fedex.example/ship/v1/shipments"
#define TRACK "https://fedex.example/track/v1/trackingnumbers"
#define TOKEN "https://fedex.example/oauth/token"

/* "%PDF-1.4" and little else, base64 */
static const char label_answer[] =
	"{\"output\":{\"transactionShipments\":[{\"masterTrackingNumber\":\"794600000001\",\"pieceResponses\":[{\"trackingNumber\":\"794600000001\","
	"\"packageDocuments\":[{\"contentType\":\"LABEL\",\"docType\":\"PDF\",\"encodedLabel\":\"JVBERi0xLjQK\"}]}]}]}}";

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
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	stub(w, "POST", TOKEN, 200, "{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":3599}");
	stub(w, "POST", "/notify/send", 202, "{\"notificationId\":\"00000000-0000-7000-8000-000000000001\",\"channels\":[]}");
	return 0;
}

static const char *
new_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

static const char *
own(struct world *w)
{
	post_key(w, BY_SERVICE("orchestrator"), "/shipping/shipments", text(w, "key-%s", new_id(w)), text(w,
	    "{\"externalId\":\"%s\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"kind\":\"own\",\"pharmacy\":\"gmp\",\"address\":{\"name\":\"Ada Sample\","
	    "\"phone\":\"+15045550100\",\"line1\":\"1 Main\",\"city\":\"New Orleans\",\"state\":\"LA\",\"zip\":\"70112\"}}",
	    new_id(w), new_id(w), new_id(w)));
	expect_status(w, 202);
	return answer_text(w, "shipmentId");
}

static const char *
external(struct world *w)
{
	post_key(w, BY_SERVICE("router"), "/shipping/shipments", text(w, "key-%s", new_id(w)), text(w,
	    "{\"externalId\":\"%s\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"kind\":\"external\",\"pharmacy\":\"boothwyn\",\"trackingNumber\":\"794600000002\"}",
	    new_id(w), new_id(w), new_id(w)));
	expect_status(w, 202);
	return answer_text(w, "shipmentId");
}

static const char *
status_of(struct world *w, const char *id)
{
	return sql_text(w, "SELECT status FROM shipments WHERE id = '%s'", id);
}

static void
staff(struct world *w, const char *id, const char *step)
{
	post(w, BY_SERVICE("portal"), text(w, "/shipping/shipments/%s/%s", id, step), NULL);
}

static const char *
queue_entry(struct world *w, const char *id)
{
	return sql_text(w, "SELECT id FROM print_queue WHERE shipment_id = '%s'", id);
}

static void
an_own_parcel_gets_one_label_and_one_print_queue_entry(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", SHIP, 200, label_answer);
	id = own(w);
	work(w);
	assert_string_equal(status_of(w, id), "label_created");
	assert_int_equal(sent_count(w, "POST", SHIP), 1);
	assert_string_equal(queue_entry(w, id), sql_text(w, "SELECT id FROM print_queue WHERE status = 'pending' AND shipment_id = '%s'", id));
	get(w, BY_SERVICE("portal"), text(w, "/shipping/shipments/%s/label", id));
	expect_status(w, 200);
	assert_memory_equal(answer_bytes(w).p, "%PDF", 4);
	assert_int_equal(audit_count(w, "shipment.label", "success"), 1);
}

static void
P_SVC_08_a_parcel_answers_the_same_at_its_documented_address(void **state)
{
	static const char *const addresses[] = { "/shipping/shipments", "/api/v1/shipments" };
	struct world *w = *state;
	const char *id, *first;

	stub(w, "POST", SHIP, 200, label_answer);
	id = own(w);
	work(w);
	get(w, BY_ADMIN, text(w, "/shipping/shipments/%s", id));
	expect_status(w, 200);
	first = text(w, "%.*s", (int)answer_bytes(w).n, (const char *)answer_bytes(w).p);
	get(w, BY_ADMIN, text(w, "/api/v1/shipments/%s", id));
	expect_status(w, 200);
	assert_string_equal(text(w, "%.*s", (int)answer_bytes(w).n, (const char *)answer_bytes(w).p), first);
	for (size_t i = 0; i < COUNT(addresses); i++) {
		get(w, BY_PUBLIC, text(w, "%s/%s", addresses[i], id));
		expect_status(w, 401);
		get(w, BY_SERVICE("portal"), text(w, "%s/%s/label", addresses[i], id));
		expect_status(w, 200);
		assert_memory_equal(answer_bytes(w).p, "%PDF", 4);
		post(w, BY_SERVICE("portal"), text(w, "%s/%s/shipped", addresses[i], id), NULL);
		expect_problem(w, 409, "illegal_transition");
		post_key(w, BY_SERVICE("portal"), addresses[i], text(w, "key-%s", new_id(w)), "{}");
		expect_status(w, 403);
	}
	post_key(w, BY_SERVICE("orchestrator"), text(w, "/api/v1/shipments/%s/void", id), text(w, "void-%s", new_id(w)), NULL);
	expect_status(w, 202);
	expect_text(w, "shipmentId", id);
}

static void
an_external_parcel_has_neither(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", TRACK, 200, "{\"output\":{\"completeTrackResults\":[{\"trackResults\":[{\"error\":{\"code\":\"TRACKING.TRACKINGNUMBER.NOTFOUND\"}}]}]}}");
	id = external(w);
	work(w);
	assert_string_equal(status_of(w, id), "shipped");
	assert_string_equal(queue_entry(w, id), "");
	get(w, BY_SERVICE("portal"), text(w, "/shipping/shipments/%s/label", id));
	expect_problem(w, 404, "no_label");
}

static void
staff_go_step_by_step_and_may_repeat(void **state)
{
	struct world *w = *state;
	const char *id, *printed;

	stub(w, "POST", SHIP, 200, label_answer);
	id = own(w);
	work(w);
	staff(w, id, "packed");
	expect_problem(w, 409, "illegal_transition");
	printed = text(w, "/shipping/print-queue/%s/printed", queue_entry(w, id));
	for (int i = 0; i < 2; i++) {
		post(w, BY_SERVICE("portal"), printed, NULL);
		expect_status(w, 200);
	}
	staff(w, id, "packed");
	expect_status(w, 200);
	staff(w, id, "shipped");
	expect_text(w, "status", "shipped");
	staff(w, id, "shipped");
	expect_status(w, 200);
	staff(w, id, "packed");
	expect_problem(w, 409, "illegal_transition");
	post(w, BY_SERVICE("portal"), text(w, "/shipping/print-queue/%s/printed", new_id(w)), NULL);
	expect_problem(w, 404, "not_found");
}

static void
every_pair_of_print_states_is_legal_or_refused(void **state)
{
	static const struct { const char *from, *step; int status; } pairs[] = {
		{ "pending", "printing", 200 }, { "pending", "printed", 200 }, { "pending", "error", 200 }, { "pending", "retry", 200 },
		{ "printing", "printing", 200 }, { "printing", "printed", 200 }, { "printing", "error", 200 }, { "printing", "retry", 409 },
		{ "printed", "printing", 409 }, { "printed", "printed", 200 }, { "printed", "error", 409 }, { "printed", "retry", 409 },
		{ "error", "printing", 409 }, { "error", "printed", 409 }, { "error", "error", 200 }, { "error", "retry", 200 },
	};
	struct world *w = *state;

	stub(w, "POST", SHIP, 200, label_answer);
	for (size_t i = 0; i < COUNT(pairs); i++) {
		const char *id = own(w), *entry;

		work(w);
		entry = queue_entry(w, id);
		if (strcmp(pairs[i].from, "pending") != 0)
			sql_run(w, "UPDATE print_queue SET status = '%s' WHERE id = '%s'", pairs[i].from, entry);
		post(w, BY_SERVICE("portal"), text(w, "/shipping/print-queue/%s/%s", entry, pairs[i].step),
		    strcmp(pairs[i].step, "error") == 0 ? "{\"error\":\"paper\"}" : NULL);
		if (answer_status(w) != pairs[i].status)
			fail_msg("%s, then %s: %d, not %d", pairs[i].from, pairs[i].step, answer_status(w), pairs[i].status);
	}
}

static void
a_label_whose_answer_was_lost_is_never_bought_twice(void **state)
{
	struct world *w = *state;
	const char *id;

	stub_broken(w, "POST", SHIP, HTTP_UNKNOWN);
	id = own(w);
	for (int i = 0; i < 3; i++)
		work(w);
	assert_int_equal(sent_count(w, "POST", SHIP), 1);
	sql_run(w, "UPDATE effect SET deadline = now() - interval '1 second' WHERE kind = 'fedex.ship' AND subject = '%s'", id);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", SHIP), 1);
	assert_string_equal(status_of(w, id), "manual");
}

static const char *
scans(struct world *w, const char *list)
{
	return text(w, "{\"output\":{\"completeTrackResults\":[{\"trackResults\":[{\"scanEvents\":[%s]}]}]}}", list);
}

#define SCAN(date, code) "{\"date\":\"2026-11-01T" date ":00-05:00\",\"eventType\":\"" code "\",\"derivedStatusCode\":\"" code "\",\"eventDescription\":\"x\"}"

static void
tracking_is_monotone_and_tells_the_patient_twice(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", TRACK, 200, scans(w, SCAN("12:00", "DL") "," SCAN("11:00", "OD") "," SCAN("10:00", "IT") "," SCAN("09:00", "OC")));
	stub_once(w, "POST", TRACK, 200, scans(w, SCAN("11:00", "OD") "," SCAN("10:00", "IT") "," SCAN("09:00", "OC")));
	id = external(w);
	work(w);
	assert_string_equal(status_of(w, id), "out_for_delivery");
	work_all(w);
	assert_string_equal(status_of(w, id), "delivered");
	assert_int_equal(sent_count(w, "POST", "/notify/send"), 2);	/* first scan, delivery (C9) */
	assert_int_equal(sql_int(w, "SELECT count(*) FROM tracking_events WHERE shipment_id = '%s'", id), 4);
}

/* Each answer repeats all scans so far. */
static void
an_exception_that_lasts_is_told_once(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", TRACK, 200, scans(w, SCAN("13:00", "DL") "," SCAN("12:00", "DE") "," SCAN("11:00", "OD") "," SCAN("10:00", "IT")));
	for (int i = 0; i < 3; i++)
		stub_once(w, "POST", TRACK, 200, scans(w, SCAN("12:00", "DE") "," SCAN("11:00", "OD") "," SCAN("10:00", "IT")));
	id = external(w);
	work_all(w);
	assert_string_equal(status_of(w, id), "delivered");
	assert_string_equal(sql_text(w, "SELECT string_agg(to_status, ' ' ORDER BY id) FROM shipment_history WHERE shipment_id = '%s'", id),
	    "shipped in_transit out_for_delivery exception delivered");
}

/* Somebody else moves the parcel between our look and our move: the job runs again. */
static void
a_lost_race_does_not_end_the_tracking(void **state)
{
	struct world *w = *state;
	const char *id;

	sql_run(w, "CREATE SEQUENCE races;"
		   "CREATE FUNCTION lose_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
		   " $$ BEGIN IF nextval('races') = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;"
		   "CREATE TRIGGER lose_once BEFORE UPDATE ON shipments FOR EACH ROW WHEN (NEW.status = 'delivered') EXECUTE FUNCTION lose_once()");
	stub(w, "POST", TRACK, 200, scans(w, SCAN("12:00", "DL")));
	id = external(w);
	work_all(w);
	sql_run(w, "DROP TRIGGER lose_once ON shipments; DROP FUNCTION lose_once(); DROP SEQUENCE races");
	assert_string_equal(status_of(w, id), "delivered");
}

/* ---- a parcel is taken back (X-SAGA-02) */

#define CANCEL "https://fedex.example/ship/v1/shipments/cancel"

static void
take_back(struct world *w, const char *id, int status)
{
	post_key(w, BY_SERVICE("orchestrator"), text(w, "/shipping/shipments/%s/void", id), text(w, "void-%s", new_id(w)), NULL);
	expect_status(w, status);
}

static const char *
labelled(struct world *w)
{
	const char *id;

	stub(w, "POST", SHIP, 200, label_answer);
	id = own(w);
	work(w);
	assert_string_equal(status_of(w, id), "label_created");
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");	/* the tracking */
	return id;
}

static void
X_SAGA_02_a_parcel_without_a_label_gets_none(void **state)
{
	struct world *w = *state;
	const char *id = own(w);

	take_back(w, id, 202);
	expect_text(w, "status", "voided");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", SHIP), 0);
	assert_string_equal(json_text_at(event_last(w, "shipment.updated"), "status"), "voided");
}

static void
X_SAGA_02_a_label_is_voided_once_and_leaves_the_print_queue(void **state)
{
	struct world *w = *state;
	const char *id = labelled(w);

	stub(w, "PUT", CANCEL, 200, "{\"output\":{\"cancelledShipment\":true}}");
	for (int i = 0; i < 2; i++) {
		take_back(w, id, 202);
		expect_text(w, "status", "voiding");
	}
	work_all(w);
	assert_int_equal(sent_count(w, "PUT", CANCEL), 1);
	assert_string_equal(sent_text(sent_to(w, "PUT", CANCEL, 0), "trackingNumber"), "794600000001");
	assert_string_equal(status_of(w, id), "voided");
	assert_string_equal(sql_text(w, "SELECT status FROM print_queue WHERE shipment_id = '%s'", id), "dropped");
	take_back(w, id, 202);
	expect_text(w, "status", "voided");
	assert_int_equal(sent_count(w, "PUT", CANCEL), 1);
}

/* A second cancellation does no harm, but only a scan says what became of the first. */
static void
X_SAGA_02_a_void_whose_answer_was_lost_is_looked_up(void **state)
{
	static const struct {
		const char *scan, *status;
		unsigned cancels;
	} found[] = { { SCAN("10:00", "CA"), "voided", 1 }, { SCAN("10:00", "OC"), "voided", 2 }, { SCAN("10:00", "PU"), "manual", 1 } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(found); i++) {
		const char *id = labelled(w);
		unsigned before = sent_count(w, "PUT", CANCEL);

		stub(w, "POST", TRACK, 200, scans(w, found[i].scan));
		stub(w, "PUT", CANCEL, 200, "{\"output\":{\"cancelledShipment\":true}}");
		stub_broken(w, "PUT", CANCEL, HTTP_UNKNOWN);
		take_back(w, id, 202);
		for (int k = 0; k < 3; k++)
			work_all(w);
		assert_string_equal(status_of(w, id), found[i].status);
		assert_int_equal(sent_count(w, "PUT", CANCEL) - before, found[i].cancels);
		sql_run(w, "UPDATE shipments SET tracking_number = NULL WHERE id = '%s'", id);	/* the next one has the same */
	}
}

static void
M7_what_staff_handed_over_is_not_taken_back(void **state)
{
	struct world *w = *state;
	const char *id = external(w);

	take_back(w, id, 409);
	expect_problem(w, 409, "already_shipped");
	post_key(w, BY_SERVICE("notify"), text(w, "/shipping/shipments/%s/void", id), text(w, "void-%s", new_id(w)), NULL);
	expect_problem(w, 403, "forbidden");
}

static void
the_line_never_goes_back(void **state UNUSED)
{
	static const struct { const char *from, *to; bool may; } pairs[] = {
		{ "requested", "label_created", true }, { "label_created", "printed", true }, { "shipped", "in_transit", true },
		{ "in_transit", "shipped", false }, { "delivered", "in_transit", false }, { "delivered", "exception", false },
		{ "in_transit", "exception", true }, { "exception", "in_transit", true }, { "exception", "label_created", false },
		{ "exception", "returned", true }, { "requested", "manual", true }, { "manual", "label_created", true }, { "voided", "printed", false },
		{ "in_transit", "voided", false }, { "packed", "packed", false },
	};

	for (size_t i = 0; i < COUNT(pairs); i++)
		if (shipment_may(pairs[i].from, pairs[i].to) != pairs[i].may)
			fail_msg("%s > %s", pairs[i].from, pairs[i].to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_never_goes_back),
		cmocka_unit_test_setup(an_own_parcel_gets_one_label_and_one_print_queue_entry, fresh),
		cmocka_unit_test_setup(P_SVC_08_a_parcel_answers_the_same_at_its_documented_address, fresh),
		cmocka_unit_test_setup(an_external_parcel_has_neither, fresh),
		cmocka_unit_test_setup(staff_go_step_by_step_and_may_repeat, fresh),
		cmocka_unit_test_setup(every_pair_of_print_states_is_legal_or_refused, fresh),
		cmocka_unit_test_setup(a_label_whose_answer_was_lost_is_never_bought_twice, fresh),
		cmocka_unit_test_setup(tracking_is_monotone_and_tells_the_patient_twice, fresh),
		cmocka_unit_test_setup(an_exception_that_lasts_is_told_once, fresh),
		cmocka_unit_test_setup(a_lost_race_does_not_end_the_tracking, fresh),
		cmocka_unit_test_setup(X_SAGA_02_a_parcel_without_a_label_gets_none, fresh),
		cmocka_unit_test_setup(X_SAGA_02_a_label_is_voided_once_and_leaves_the_print_queue, fresh),
		cmocka_unit_test_setup(X_SAGA_02_a_void_whose_answer_was_lost_is_looked_up, fresh),
		cmocka_unit_test_setup(M7_what_staff_handed_over_is_not_taken_back, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
