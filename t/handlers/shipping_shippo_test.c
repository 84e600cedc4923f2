/*
 * shipping_shippo_test.c: the parcel of a prescription (P-SHIP): asked for once, its label bought once whatever is lost, followed by hints and by itself, told in
 * the right words, taken back.
 */
#include "base/clock.h"
#include "crypto/signature.h"
#include "harness/harness.h"
#include "shipping/shippo.h"

static const char *const settings[] = {
	"FEDEX_BASE_URL=https://fedex.example", "FEDEX_CLIENT_ID=id", "FEDEX_CLIENT_SECRET=s", "FEDEX_ACCOUNT_NUMBER=740561073", "RECONCILE_EVERY=0",
	"RECONCILE_CLOSE=0", "SHIPPO_BASE_URL=https://shippo.example", "SHIPPO_API_TOKEN=shippo_test_x", "SHIPPO_WEBHOOK_SECRET=whsec_shippo",
	"SHIPPING_SWEEP=0", "TRACKING_SWEEP=0", NULL
};
#define SHIPPO "https://shippo.example"
#define PATIENT "0194d9f0-0000-7000-8000-0000000000a1"
#define PHARMACY "0194d9f0-0000-7000-8000-0000000000c1"

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

static const char *
fresh_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

static struct uuid
id_of(const char *s)
{
	struct uuid u = UUID_NIL;

	assert_int_equal(uuid_parse(s, &u), 0);
	return u;
}

static const char rates[] = "{\"object_id\":\"5hip\",\"status\":\"SUCCESS\",\"rates\":["
	"{\"object_id\":\"aa11\",\"amount\":\"5.50\",\"currency\":\"USD\",\"provider\":\"USPS\",\"estimated_days\":5,\"servicelevel\":{\"token\":\"usps_ground_advantage\"}},"
	"{\"object_id\":\"bb11\",\"amount\":\"8.10\",\"currency\":\"USD\",\"provider\":\"USPS\",\"estimated_days\":2,\"servicelevel\":{\"token\":\"usps_priority\"}},"
	"{\"object_id\":\"cc11\",\"amount\":\"14.25\",\"currency\":\"USD\",\"provider\":\"FedEx\",\"estimated_days\":1,\"servicelevel\":{\"token\":\"fedex_2_day\"}}]}";

static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	stub(w, "POST", "/notify/send", 202, "{\"notificationId\":\"00000000-0000-7000-8000-000000000001\",\"channels\":[]}");
	stub(w, "GET", "/rx/pharmacies/" PHARMACY, 200, "{\"pharmacyId\":\"" PHARMACY "\",\"name\":\"Sample Specialty Pharmacy\",\"npi\":\"1999999984\","
	    "\"ncpdp\":\"9900001\",\"code\":\"network\",\"phone\":\"+16175550111\",\"address\":{\"line1\":\"123 Main St\",\"city\":\"Boston\",\"state\":\"MA\",\"zip\":\"02101\"}}");
	stub(w, "POST", SHIPPO "/shipments", 201, rates);
	stub(w, "GET", "https://labels.example/*", 200, "%PDF-1.4\n");
	return 0;
}

static void
prescription_is(struct world *w, const char *rx, const char *schedule, bool cold)
{
	stub(w, "GET", text(w, "/prescriptions/%s/details", rx), 200, text(w, "{\"prescriptionId\":\"%s\",\"patientId\":\"" PATIENT "\",\"status\":\"paid\","
	    "\"patient\":{\"firstName\":\"Ada\",\"lastName\":\"Sample\",\"birthDate\":\"1980-01-01\",\"phone\":\"+16175550100\",\"email\":\"ada@example.com\","
	    "\"address\":{\"line1\":\"456 Oak Ave\",\"city\":\"Cambridge\",\"state\":\"MA\",\"zip\":\"02138\"}},"
	    "\"insurance\":{},\"prescriber\":{\"npi\":\"1234567893\",\"name\":\"Dr Sample\"},"
	    "\"medication\":{\"drug_name\":\"Samplimab\",\"ndc\":\"00000000001\",\"quantity\":2,\"days_supply\":28,\"refills\":0,\"sig\":\"weekly\","
	    "\"schedule\":\"%s\",\"cold_chain\":%s}}", rx, schedule, cold ? "true" : "false"));
}

static const char *
label(struct world *w, const char *rx, const char *number, const char *status)
{
	return text(w, "{\"object_id\":\"t%s\",\"status\":\"%s\",\"tracking_number\":\"%s\",\"tracking_url_provider\":\"https://track.example/%s\","
	    "\"label_url\":\"https://labels.example/%s\",\"eta\":\"2026-12-01T00:00:00Z\",\"messages\":[],\"metadata\":\"%s:1\"}", number, status, number, number, number,
	    sql_text(w, "SELECT id FROM shipments WHERE external_id = '%s'", rx));
}

static void
selected(struct world *w, const char *rx)
{
	send_event(w, "router", "pharmacy.selected", id_of(rx), text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"" PATIENT "\",\"pharmacy_id\":\"" PHARMACY "\","
	    "\"pharmacy_name\":\"Sample\"}", rx));
}

static void
paid(struct world *w, const char *rx)
{
	send_event(w, "billing", "payment.completed", id_of(rx), text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"" PATIENT "\",\"payment_id\":\"%s\","
	    "\"amount_paid\":500}", rx, fresh_id(w)));
}

/* A parcel with its label; its id. */
static const char *
labelled(struct world *w, const char *number)
{
	const char *rx = fresh_id(w);

	prescription_is(w, rx, "none", false);
	selected(w, rx);
	paid(w, rx);
	stub_once(w, "POST", SHIPPO "/transactions", 201, label(w, rx, number, "SUCCESS"));
	work(w);
	return sql_text(w, "SELECT id FROM shipments WHERE external_id = '%s'", rx);
}

#define expect_parcel(w, id, status) assert_string_equal(sql_text((w), "SELECT status FROM shipments WHERE id = '%s'", (id)), (status))

static const char *
scan(struct world *w, const char *status, const char *substatus, int minute)
{
	return text(w, "{\"object_id\":\"s%d\",\"status\":\"%s\",\"status_details\":\"words\",\"status_date\":\"2026-11-20T10:%02d:00Z\",\"substatus\":{\"code\":\"%s\"}}",
	    minute, status, minute, substatus);
}

static void
shippo_shows(struct world *w, const char *number, const char *history)
{
	stub(w, "GET", text(w, SHIPPO "/tracks/usps/%s", number), 200,
	    text(w, "{\"carrier\":\"usps\",\"tracking_number\":\"%s\",\"tracking_history\":[%s],\"messages\":[]}", number, history));
}

static void
hook(struct world *w, const char *number, const char *scan_text, const char *secret)
{
	const char *body = text(w, "{\"event\":\"track_updated\",\"test\":true,\"data\":{\"carrier\":\"usps\",\"tracking_number\":\"%s\",\"tracking_status\":%s}}",
	    number, scan_text);
	struct buf header = buf_in(world_arena(w), 1024);

	stripe_sign(secret, clock_us() / US_PER_S, BYTES_OF(body), &header);
	request(w, BY_PUBLIC, "POST", "/shipping/webhooks/shippo", NULL, body, (const struct header[]){ { "shippo-auth-signature", header.data }, { NULL, NULL } });
}

static int64_t
told(struct world *w, const char *type)
{
	int64_t n = 0;
	const struct sent *s;

	for (int i = 0; (s = sent_to(w, "POST", "/notify/send", i)) != NULL; i++)
		n += strcmp(sent_text(s, "type"), type) == 0;
	return n;
}

/* ---- the tests */

static void
P_SHIP_01_02_03_a_paid_copay_buys_one_label(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id;
	const struct sent *asked;
	unsigned before = event_count(w, "shipment.label.created");

	prescription_is(w, rx, "none", false);
	selected(w, rx);
	paid(w, rx);
	send_event_again(w);
	paid(w, rx);
	stub(w, "POST", SHIPPO "/transactions", 201, label(w, rx, "9205001", "SUCCESS"));
	work(w);
	id = sql_text(w, "SELECT id FROM shipments WHERE external_id = '%s'", rx);
	expect_parcel(w, id, "label_created");
	assert_int_equal(sent_count(w, "POST", SHIPPO "/transactions"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", SHIPPO "/transactions", 0), "rate"), "aa11");
	asked = sent_to(w, "POST", SHIPPO "/shipments", 0);
	assert_string_equal(sent_header(asked, "Authorization"), "ShippoToken shippo_test_x");
	assert_string_equal(sent_text(asked, "address_from.name"), "Sample Specialty Pharmacy");
	assert_string_equal(sent_text(asked, "address_from.street1"), "123 Main St");
	assert_string_equal(sent_text(asked, "address_to.name"), "Ada Sample");
	assert_string_equal(sent_text(asked, "address_to.zip"), "02138");
	assert_string_equal(sent_text(asked, "parcels.0.length"), "10");
	assert_string_equal(sent_text(asked, "parcels.0.weight"), "1");
	assert_null(json_at(asked->body, "extra"));
	assert_null(strstr(asked->raw, "Samplimab"));
	assert_int_equal(event_count(w, "shipment.label.created"), before + 1);
	assert_string_equal(json_text_at(event_last(w, "shipment.label.created"), "prescription_id"), rx);
	assert_string_equal(json_text_at(event_last(w, "shipment.label.created"), "carrier"), "USPS");
	get(w, BY_ADMIN, text(w, "/shipping/shipments/%s/label", id));
	expect_status(w, 200);
	assert_memory_equal(answer_bytes(w).p, "%PDF", 4);
	/* Nobody is told before the carrier has it (C9). */
	assert_int_equal(sent_count(w, "POST", "/notify/send"), 0);
}

static void
P_SHIP_01_a_waived_copay_ships_too(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w);

	prescription_is(w, rx, "none", false);
	selected(w, rx);
	send_event(w, "adjudication", "insurance.adjudication.completed", id_of(rx), text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"" PATIENT "\","
	    "\"adjudication_id\":\"%s\",\"drug_cost_cents\":1,\"insurance_paid_cents\":1,\"copay_cents\":0,\"final_copay_cents\":0,\"patient_savings_cents\":0}", rx, fresh_id(w)));
	stub(w, "POST", SHIPPO "/transactions", 201, label(w, rx, "9205002", "SUCCESS"));
	work(w);
	assert_string_equal(sql_text(w, "SELECT status FROM shipments WHERE external_id = '%s'", rx), "label_created");
}

static void
P_SHIP_02_a_controlled_drug_is_signed_for_and_a_cold_one_is_fast(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w);

	prescription_is(w, rx, "II", true);
	selected(w, rx);
	paid(w, rx);
	stub(w, "POST", SHIPPO "/transactions", 201, label(w, rx, "9205003", "SUCCESS"));
	work(w);
	assert_string_equal(sent_text(sent_to(w, "POST", SHIPPO "/shipments", 0), "extra.signature_confirmation"), "STANDARD");
	assert_string_equal(sent_text(sent_to(w, "POST", SHIPPO "/transactions", 0), "rate"), "bb11");
}

static void
P_SHIP_02_nothing_fast_enough_is_a_persons(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w);

	stub(w, "POST", SHIPPO "/shipments", 201, "{\"object_id\":\"5\",\"rates\":[{\"object_id\":\"aa\",\"amount\":\"1.00\",\"provider\":\"USPS\",\"estimated_days\":5}]}");
	prescription_is(w, rx, "none", true);
	selected(w, rx);
	paid(w, rx);
	work(w);
	assert_string_equal(sql_text(w, "SELECT status || ' ' || reason FROM shipments WHERE external_id = '%s'", rx), "manual no_service");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'shipment.exception' AND code = 'no_service'"), 1);
}

static void
P_SHIP_03_a_purchase_whose_answer_was_lost_is_found_and_not_repeated(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w);

	prescription_is(w, rx, "none", false);
	selected(w, rx);
	paid(w, rx);
	stub_broken(w, "POST", SHIPPO "/transactions", HTTP_UNKNOWN);
	stub(w, "GET", SHIPPO "/transactions?results=100&page=1", 200, text(w, "{\"next\":null,\"results\":[%s]}", label(w, rx, "9205004", "SUCCESS")));
	work_all(w);
	assert_int_equal(sent_count(w, "POST", SHIPPO "/transactions"), 1);
	assert_string_equal(sql_text(w, "SELECT status || ' ' || tracking_number FROM shipments WHERE external_id = '%s'", rx), "label_created 9205004");
}

static void
P_SHIP_03_absence_proves_nothing_while_the_purchase_may_still_be_at_work(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w), *id;

	prescription_is(w, rx, "none", false);
	selected(w, rx);
	paid(w, rx);
	stub_broken(w, "POST", SHIPPO "/transactions", HTTP_UNKNOWN);
	stub(w, "GET", SHIPPO "/transactions?results=100&page=1", 200, "{\"next\":null,\"results\":[]}");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", SHIPPO "/transactions"), 1);
	id = sql_text(w, "SELECT id FROM shipments WHERE external_id = '%s'", rx);
	sql_run(w, "UPDATE effect SET first_sent_at = now() - interval '70 seconds' WHERE kind = 'shippo.buy' AND subject = '%s'", id);
	stub(w, "POST", SHIPPO "/transactions", 201, label(w, rx, "9205005", "SUCCESS"));
	work_all(w);
	assert_int_equal(sent_count(w, "POST", SHIPPO "/transactions"), 2);
	assert_string_equal(sent_to(w, "POST", SHIPPO "/transactions", 0)->raw, sent_to(w, "POST", SHIPPO "/transactions", 1)->raw);
	expect_parcel(w, id, "label_created");
}

static void
P_SHIP_03_an_expired_rate_is_chosen_anew_and_a_refusal_is_a_persons(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w);

	prescription_is(w, rx, "none", false);
	selected(w, rx);
	paid(w, rx);
	stub(w, "POST", SHIPPO "/transactions", 201, label(w, rx, "9205006", "SUCCESS"));
	stub_once(w, "POST", SHIPPO "/transactions", 400, "{\"__all__\":[\"The rate has expired. Please create a new shipment.\"]}");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", SHIPPO "/shipments"), 2);
	assert_string_equal(sql_text(w, "SELECT status FROM shipments WHERE external_id = '%s'", rx), "label_created");
	fresh(state);
	rx = fresh_id(w);
	prescription_is(w, rx, "none", false);
	selected(w, rx);
	paid(w, rx);
	stub(w, "POST", SHIPPO "/transactions", 201, "{\"object_id\":\"t\",\"status\":\"ERROR\",\"messages\":[{\"text\":\"The carrier refused the label.\"}]}");
	work_all(w);
	assert_string_equal(sql_text(w, "SELECT status || ' ' || reason FROM shipments WHERE external_id = '%s'", rx), "manual label_refused");
	assert_int_equal(sent_count(w, "POST", SHIPPO "/transactions"), 1);
}

static void
P_SHIP_04_06_07_08_the_patient_hears_of_each_stage_once_in_any_order_of_scans(void **state)
{
	struct world *w = *state;
	const char *id = labelled(w, "9205010"), *accepted = scan(w, "TRANSIT", "package_accepted", 10), *out = scan(w, "TRANSIT", "out_for_delivery", 20),
		   *there = scan(w, "DELIVERED", "delivered", 30);
	unsigned before = event_count(w, "shipment.delivered");

	hook(w, "9205010", accepted, "not-the-secret");
	expect_problem(w, 401, "bad_signature");
	shippo_shows(w, "9205010", accepted);
	hook(w, "9205010", accepted, "whsec_shippo");
	expect_status(w, 200);
	hook(w, "9205010", accepted, "whsec_shippo");
	expect_status(w, 200);
	work(w);
	expect_parcel(w, id, "in_transit");
	assert_int_equal(told(w, "parcel_shipped"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", 0), "variables.carrier"), "USPS");
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", 0), "variables.dueDate"), "2026-12-01");
	assert_string_equal(json_text_at(event_last(w, "shipment.moved"), "status"), "in_transit");
	shippo_shows(w, "9205010", text(w, "%s,%s,%s", there, out, accepted));
	hook(w, "9205010", there, "whsec_shippo");
	hook(w, "9205010", out, "whsec_shippo");
	work(w);
	expect_parcel(w, id, "delivered");
	assert_int_equal(told(w, "parcel_out"), 1);
	assert_int_equal(told(w, "parcel_delivered"), 1);
	assert_int_equal(event_count(w, "shipment.delivered"), before + 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM tracking_events WHERE shipment_id = '%s'", id), 3);
	get(w, BY_ADMIN, text(w, "/shipping/shipments/%s", id));
	expect_text(w, "scans.0.code", "TRANSIT/package_accepted");
	expect_text(w, "scans.2.code", "DELIVERED/delivered");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'shipment.status' AND object_id = '%s' AND detail->>'to' = 'delivered'", id), 1);
}

static void
P_SHIP_05_a_quiet_parcel_is_asked_for_by_itself_and_oftener_when_it_is_near(void **state)
{
	struct world *w = *state;
	const char *id = labelled(w, "9205020");

	job_later(w, "tracking.sweep", NULL);
	work(w);
	assert_int_equal(sent_count(w, "GET", SHIPPO "/tracks/*"), 0);
	shippo_shows(w, "9205020", text(w, "%s,%s", scan(w, "TRANSIT", "package_accepted", 10), scan(w, "TRANSIT", "out_for_delivery", 20)));
	sql_run(w, "UPDATE shipments SET next_check_at = now() WHERE id = '%s'", id);
	job_later(w, "tracking.sweep", NULL);
	work(w);
	assert_int_equal(sent_count(w, "GET", SHIPPO "/tracks/*"), 1);
	expect_parcel(w, id, "out_for_delivery");
	assert_int_equal(sql_int(w, "SELECT round(extract(epoch FROM next_check_at - now()) / 60)::bigint FROM shipments WHERE id = '%s'", id), 240);
	sql_run(w, "UPDATE shipments SET next_check_at = now() WHERE id = '%s'", id);
	job_later(w, "tracking.sweep", NULL);
	work(w);
	assert_int_equal(sql_int(w, "SELECT round(extract(epoch FROM next_check_at - now()) / 60)::bigint FROM shipments WHERE id = '%s'", id), 30);
}

static void
P_SHIP_06_trouble_on_the_way_calls_a_person_until_it_is_over(void **state)
{
	struct world *w = *state;
	const char *id = labelled(w, "9205030"), *tried = scan(w, "TRANSIT", "delivery_attempted", 15);

	shippo_shows(w, "9205030", text(w, "%s,%s", scan(w, "TRANSIT", "package_accepted", 10), tried));
	hook(w, "9205030", tried, "whsec_shippo");
	work(w);
	expect_parcel(w, id, "exception");
	assert_string_equal(sql_text(w, "SELECT code FROM attention WHERE kind = 'shipment.exception' AND subject = '%s'", id), "delivery_attempted");
	/* An older scan that comes late changes nothing; a newer one ends the trouble. */
	shippo_shows(w, "9205030", text(w, "%s,%s,%s", scan(w, "TRANSIT", "package_accepted", 10), scan(w, "TRANSIT", "package_departed", 12), tried));
	hook(w, "9205030", scan(w, "TRANSIT", "package_departed", 12), "whsec_shippo");
	work(w);
	expect_parcel(w, id, "exception");
	shippo_shows(w, "9205030", text(w, "%s,%s", tried, scan(w, "DELIVERED", "delivered", 40)));
	hook(w, "9205030", scan(w, "DELIVERED", "delivered", 40), "whsec_shippo");
	work(w);
	expect_parcel(w, id, "delivered");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'shipment.exception' AND subject = '%s'", id), 0);
}

static void
a_cancelled_prescription_has_its_label_voided_once(void **state)
{
	struct world *w = *state;
	const char *id = labelled(w, "9205040"), *rx = sql_text(w, "SELECT external_id FROM shipments WHERE id = '%s'", id);

	stub(w, "POST", SHIPPO "/refunds", 201, "{\"object_id\":\"r1\",\"status\":\"QUEUED\",\"transaction\":\"t9205040\"}");
	send_event(w, "prescription", "prescription.status.changed", id_of(rx), text(w, "{\"prescription_id\":\"%s\",\"patient_id\":\"" PATIENT "\",\"from\":\"shipped\","
	    "\"to\":\"cancelled\"}", rx));
	work(w);
	expect_parcel(w, id, "voided");
	assert_int_equal(sent_count(w, "POST", SHIPPO "/refunds"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", SHIPPO "/refunds", 0), "transaction"), "t9205040");
}

static void
P_SHIP_01_a_prescription_whose_pharmacy_is_told_late_waits_for_it(void **state)
{
	struct world *w = *state;
	const char *rx = fresh_id(w);

	prescription_is(w, rx, "none", false);
	paid(w, rx);
	work(w);
	assert_string_equal(sql_text(w, "SELECT status FROM shipments WHERE external_id = '%s'", rx), "requested");
	selected(w, rx);
	stub(w, "POST", SHIPPO "/transactions", 201, label(w, rx, "9205050", "SUCCESS"));
	sql_run(w, "UPDATE job SET run_at = now() WHERE state = 'ready'");
	work(w);
	assert_string_equal(sql_text(w, "SELECT status FROM shipments WHERE external_id = '%s'", rx), "label_created");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(P_SHIP_01_02_03_a_paid_copay_buys_one_label, fresh),
		cmocka_unit_test_setup(P_SHIP_01_a_waived_copay_ships_too, fresh),
		cmocka_unit_test_setup(P_SHIP_02_a_controlled_drug_is_signed_for_and_a_cold_one_is_fast, fresh),
		cmocka_unit_test_setup(P_SHIP_02_nothing_fast_enough_is_a_persons, fresh),
		cmocka_unit_test_setup(P_SHIP_03_a_purchase_whose_answer_was_lost_is_found_and_not_repeated, fresh),
		cmocka_unit_test_setup(P_SHIP_03_absence_proves_nothing_while_the_purchase_may_still_be_at_work, fresh),
		cmocka_unit_test_setup(P_SHIP_03_an_expired_rate_is_chosen_anew_and_a_refusal_is_a_persons, fresh),
		cmocka_unit_test_setup(P_SHIP_04_06_07_08_the_patient_hears_of_each_stage_once_in_any_order_of_scans, fresh),
		cmocka_unit_test_setup(P_SHIP_05_a_quiet_parcel_is_asked_for_by_itself_and_oftener_when_it_is_near, fresh),
		cmocka_unit_test_setup(P_SHIP_06_trouble_on_the_way_calls_a_person_until_it_is_over, fresh),
		cmocka_unit_test_setup(a_cancelled_prescription_has_its_label_voided_once, fresh),
		cmocka_unit_test_setup(P_SHIP_01_a_prescription_whose_pharmacy_is_told_late_waits_for_it, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
