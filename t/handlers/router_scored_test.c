/*
 * The scored choice, from the enrolment's event to the selection: one routing per prescription, what is stored, what explains it, and a capacity that no
 * number of selections at once passes.
 */
#include "harness/harness.h"
#include "router/router.h"
#include "router_race.h"

#define API   "/api/v1/prescriptions/"
#define C(n)  "00000000-0000-7000-8000-0000000000c" n
#define RACE  40

static const char *const settings[] = {
	"PIONEERRX_BASE_URL=https://prx.example", "PIONEERRX_API_KEY=k", "PIONEERRX_SHARED_SECRET=prx-secret", "PIONEERRX_EMPLOYEE_ID=7",
	"BOOTHWYN_BASE_URL=https://boothwyn.example", "BOOTHWYN_API_KEY=bk", "BOOTHWYN_WEBHOOK_SECRET=hook-secret",
	"RECONCILE_EVERY=0", "RECONCILE_CLOSE=0", "ROUTING_SWEEP=0", NULL
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

/* Every test begins with nobody's capacity taken and every sample pharmacy as it was. */
static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "UPDATE routings SET status = 'closed' WHERE status IN ('waiting', 'no_pharmacy')");
	sql_run(w, "DELETE FROM job WHERE state IN ('ready', 'dead')");
	sql_run(w, "UPDATE pharmacies SET status = 'active', open_rx = 0, max_daily_rx = 100, max_concurrent_rx = 1000");
	sql_run(w, "DELETE FROM capacity_days");
	sql_run(w, "DELETE FROM ttl");
	return 0;
}

/* ---- a prescription of Cambridge, insured by Blue Cross, whose drug must stay cold and is a schedule IV one */

struct rx {
	const char *zip, *state, *schedule, *carrier;
};
static const struct rx cambridge = { "02138", "MA", "IV", "Blue Cross" };

static const char *
new_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

static void
tell(struct world *w, const char *prescription, const struct rx *rx)
{
	const char *patient = new_id(w);
	struct uuid aggregate;

	stub(w, "GET", text(w, "/prescriptions/%s/details", prescription), 200, text(w,
	    "{\"prescriptionId\":\"%s\",\"patientId\":\"%s\",\"patient\":{\"firstName\":\"Ada\",\"lastName\":\"Sample\",\"birthDate\":\"1980-02-29\","
	    "\"phone\":\"+16175550100\",\"email\":\"ada@patients.example\",\"address\":{\"line1\":\"456 Oak Ave\",\"city\":\"Cambridge\",\"state\":\"%s\","
	    "\"zip\":\"%s\"}},\"prescriber\":{\"npi\":\"2000000010\",\"name\":\"Avery Sample\"},\"medication\":{\"drug_name\":\"Adalimumab\","
	    "\"ndc\":\"00074433902\",\"quantity\":2,\"days_supply\":28,\"refills\":1,\"sig\":\"one pen every other week\",\"schedule\":\"%s\","
	    "\"cold_chain\":true},\"insurance\":{},\"status\":\"enrolled\"}", prescription, patient, rx->state, rx->zip, rx->schedule));
	stub(w, "GET", text(w, "/api/v1/enrollment/insurance/%s", prescription), 200, text(w,
	    "{\"enrollment_id\":\"%s\",\"carrier\":\"%s\",\"member_id\":\"M1\",\"group\":\"G1\",\"bin\":\"004336\",\"pcn\":\"ADV\","
	    "\"plan_type\":\"commercial\"}", new_id(w), rx->carrier));
	(void)uuid_parse(prescription, &aggregate);
	send_event(w, "enrollment", "patient.enrollment.completed", aggregate, text(w,
	    "{\"enrollment_id\":\"%s\",\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"insurance_verified\":true}", new_id(w), prescription, patient));
	expect_status(w, 200);
}

static const char *
routed(struct world *w, const struct rx *rx)
{
	const char *id = new_id(w);

	tell(w, id, rx);
	work(w);
	return id;
}

static const char *
status_of(struct world *w, const char *prescription)
{
	return sql_text(w, "SELECT status FROM routings WHERE prescription_id = '%s'", prescription);
}

static int64_t
taken(struct world *w, const char *pharmacy)
{
	return sql_int(w, "SELECT coalesce(sum(current_daily_rx), 0) FROM capacity_days WHERE pharmacy_id = '%s'", pharmacy);
}

static int64_t
open_at(struct world *w, const char *pharmacy)
{
	return sql_int(w, "SELECT open_rx FROM pharmacies WHERE id = '%s'", pharmacy);
}

static void
choose_as(struct world *w, struct by by, const char *prescription, const char *pharmacy, const char *said)
{
	post(w, by, text(w, API "%s/select-pharmacy", prescription), text(w, "{\"pharmacy_id\":\"%s\",\"selected_by\":\"%s\"}", pharmacy, said));
}

static void
choose(struct world *w, const char *prescription, const char *pharmacy, const char *by)
{
	post(w, BY_ADMIN, text(w, API "%s/select-pharmacy", prescription), text(w, "{\"pharmacy_id\":\"%s\",\"selected_by\":\"%s\","
	    "\"selection_reason\":\"Best overall match\"}", pharmacy, by));
}

static void
status_changed(struct world *w, const char *prescription, const char *from, const char *to)
{
	struct uuid aggregate;

	(void)uuid_parse(prescription, &aggregate);
	send_event(w, "prescription", "prescription.status.changed", aggregate, text(w,
	    "{\"prescription_id\":\"%s\",\"patient_id\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}", prescription, new_id(w), from, to));
	expect_status(w, 200);
}

/* ---- routing */

static void
P_RTE_01_an_enrolment_is_one_routing_and_one_job(void **state)
{
	struct world *w = *state;
	const char *id = new_id(w);

	tell(w, id, &cambridge);
	send_event_again(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM routing_jobs WHERE prescription_id = '%s'", id), 1);
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM routings WHERE prescription_id = '%s'", id), 1);
	assert_string_equal(status_of(w, id), "recommended");
	assert_int_equal(sent_count(w, "GET", text(w, "/prescriptions/%s/details", id)), 1);
	const json_t *told = event_last(w, "pharmacy.recommended");
	assert_string_equal(json_text_at(told, "prescription_id"), id);
	assert_int_equal(json_int_at(told, "count", 0), sql_int(w, "SELECT count(*) FROM recommendations c JOIN routings g ON g.id = c.routing_id"
	    " WHERE g.prescription_id = '%s'", id));
}

static void
P_RTE_05_the_best_are_stored_with_their_breakdown(void **state)
{
	struct world *w = *state;
	const char *id;

	sql_run(w, "INSERT INTO capacity_days VALUES (app_tenant(), '" C("1") "', (now() AT TIME ZONE 'UTC')::date, 45, 100)");
	id = routed(w, &cambridge);
	get(w, BY_ADMIN, text(w, API "%s/recommendations", id));
	expect_status(w, 200);
	expect_text(w, "status", "recommended");
	expect_int(w, "considered", 10);
	/* the worked example: 4.41 miles, preferred, 45 of 100, 0.985 and 4.60, 18 hours */
	expect_text(w, "recommendations.0.pharmacy_id", C("1"));
	expect_text(w, "recommendations.0.breakdown.network_tier", "preferred");
	assert_string_equal(sql_text(w, "SELECT score FROM recommendations c JOIN routings g ON g.id = c.routing_id WHERE prescription_id = '%s' AND rank = 1", id),
	    "86.4645");
	assert_string_equal(sql_text(w, "SELECT breakdown #>> '{factors,distance,points}' FROM recommendations c JOIN routings g ON g.id = c.routing_id"
	    " WHERE prescription_id = '%s' AND rank = 1", id), "28.6770");
	expect_int(w, "recommendations.0.capacity_now.current_daily_rx", 45);
	/* New York is 185 miles away and may not ship there; Cambridge keeps nothing cold and has no DEA registration. */
	assert_int_equal(sql_int(w, "SELECT count(*) FROM routings, jsonb_array_elements(excluded) x WHERE prescription_id = '%s'"
	    " AND x ->> 'pharmacy_id' = '" C("2") "' AND x -> 'reasons' = '[\"cold_chain\", \"controlled\"]'", id), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM routings, jsonb_array_elements(excluded) x WHERE prescription_id = '%s'"
	    " AND x ->> 'pharmacy_id' = '" C("3") "' AND x -> 'reasons' = '[\"state_licence\", \"distance\"]'", id), 1);
	assert_true(audit_count(w, "routing.read", "success") > 0);
}

static void
explaining_is_computing_again_from_what_was_stored(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);

	/* What changed since has no say. */
	sql_run(w, "UPDATE pharmacies SET accuracy = 0.1 WHERE id = '" C("1") "'");
	sql_run(w, "DELETE FROM pharmacy_contracts WHERE pharmacy_id = '" C("1") "' AND payer = '*'");
	get(w, BY_ADMIN, text(w, API "%s/recommendations/explain", id));
	expect_status(w, 200);
	assert_true(json_is_true(json_at(answer(w), "equal")));
	expect_text(w, "pharmacies.0.pharmacy_id", C("1"));
	assert_int_equal(json_array_size(json_at(answer(w), "pharmacies")), 10);
	assert_int_equal(json_array_size(json_at(answer(w), "pharmacies.0.excluded_by")), 0);
	expect_int(w, "rules.weights.distance", 30);
	sql_run(w, "UPDATE pharmacies SET accuracy = 0.985 WHERE id = '" C("1") "'");
	sql_run(w, "INSERT INTO pharmacy_contracts (pharmacy_id, payer, tier) VALUES ('" C("1") "', '*', 'standard')");
}

static void
the_inputs_are_sealed(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);

	assert_int_equal(sql_int(w, "SELECT count(*) FROM routings WHERE prescription_id = '%s' AND length(inputs_enc) > 1000"
	    " AND position('Blue Cross'::bytea IN inputs_enc) = 0 AND position('02138'::bytea IN inputs_enc) = 0", id), 1);
}

static void
P_RTE_10_nobody_left_is_a_work_item_with_the_reasons(void **state)
{
	struct world *w = *state;
	const struct rx nowhere = { "94103", "CA", "none", "Blue Cross" };
	const char *id = routed(w, &nowhere);

	assert_string_equal(status_of(w, id), "no_pharmacy");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM outbox WHERE topic = 'pharmacy.recommended' AND payload ->> 'prescription_id' = '%s'", id), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'routing.no_pharmacy' AND subject = '%s' AND code = 'no_pharmacy'"
	    " AND (detail #>> '{reasons,excluded_state}')::int = 10 AND detail -> 'pharmacies' ? '" C("1") "'", id), 1);
	get(w, BY_ADMIN, text(w, API "%s/recommendations", id));
	expect_text(w, "status", "no_pharmacy");
	assert_int_equal(json_array_size(json_at(answer(w), "recommendations")), 0);
	assert_int_equal(json_array_size(json_at(answer(w), "excluded")), 10);
	choose(w, id, C("1"), "ops");
	expect_problem(w, 409, "not_recommended_yet");
}

static void
what_found_nobody_is_routed_again_when_the_network_changes(void **state)
{
	struct world *w = *state;
	const char *id;

	sql_run(w, "UPDATE pharmacies SET status = 'suspended'");
	id = routed(w, &cambridge);
	assert_string_equal(status_of(w, id), "no_pharmacy");
	job_later(w, "routing.sweep", NULL);
	work(w);
	assert_string_equal(status_of(w, id), "no_pharmacy");
	patch(w, BY_ADMIN, "/api/v1/pharmacies/" C("1"), "{\"status\":\"active\"}");
	expect_status(w, 200);
	job_later(w, "routing.sweep", NULL);
	work(w);
	assert_string_equal(status_of(w, id), "recommended");
	assert_int_equal(sql_int(w, "SELECT round FROM routings WHERE prescription_id = '%s'", id), 2);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'routing.no_pharmacy' AND subject = '%s'", id), 0);
}

static void
a_zip_that_nobody_knows_lies_in_the_middle_of_its_area(void **state)
{
	struct world *w = *state;
	const struct rx unknown = { "02139-1234", "MA", "none", "Blue Cross" };
	const char *id = routed(w, &unknown);

	assert_string_equal(status_of(w, id), "recommended");
	get(w, BY_ADMIN, text(w, API "%s/recommendations/explain", id));
	expect_text(w, "located", "zip3");
}

/* ---- capacity */

static void
P_RTE_03_capacity_is_remembered_for_five_minutes(void **state)
{
	struct world *w = *state;
	const char *id, *key = "pharmacy_capacity:" C("1");

	(void)routed(w, &cambridge);
	assert_string_equal(sql_text(w, "SELECT value FROM ttl WHERE key = '%s'", key), "{\"current_daily_rx\":0,\"max_daily_rx\":100,\"utilization\":0.0000}");
	assert_true(sql_int(w, "SELECT extract(epoch FROM expires_at - clock_timestamp())::int FROM ttl WHERE key = '%s'", key) <= 300);
	/* What is remembered is what is used, and it is forgotten in time. */
	sql_run(w, "UPDATE ttl SET value = '{\"current_daily_rx\":95,\"max_daily_rx\":100,\"utilization\":0.95}' WHERE key = '%s'", key);
	id = routed(w, &cambridge);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM routings, jsonb_array_elements(excluded) x WHERE prescription_id = '%s'"
	    " AND x ->> 'pharmacy_id' = '" C("1") "' AND x -> 'reasons' = '[\"capacity\"]'", id), 1);
	sql_run(w, "UPDATE ttl SET expires_at = now() - interval '1 second' WHERE key = '%s'", key);
	id = routed(w, &cambridge);
	assert_string_equal(sql_text(w, "SELECT pharmacy_id FROM recommendations c JOIN routings g ON g.id = c.routing_id WHERE prescription_id = '%s' AND rank = 1",
	    id), C("1"));
}

static void
P_RTE_07_a_selection_takes_a_place_and_says_so_once(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);

	choose(w, id, C("1"), "ops_user_john");
	expect_status(w, 200);
	expect_text(w, "status", "pharmacy_selected");
	expect_text(w, "pharmacy_name", "SpecialtyRx Sample Pharmacy");
	expect_text(w, "selected_by", "system:admin");
	choose(w, id, C("1"), "ops_user_john");		/* the same again is the same */
	expect_status(w, 200);
	choose(w, id, C("1"), "ops_user_mary");
	expect_problem(w, 409, "already_selected");
	choose(w, id, C("9"), "ops_user_john");
	expect_problem(w, 409, "already_selected");
	assert_int_equal(taken(w, C("1")), 1);
	assert_int_equal(open_at(w, C("1")), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM outbox WHERE topic = 'pharmacy.selected' AND payload ->> 'prescription_id' = '%s'", id), 1);
	const json_t *told = event_last(w, "pharmacy.selected");
	assert_string_equal(json_text_at(told, "pharmacy_id"), C("1"));
	assert_string_equal(json_text_at(told, "pharmacy_name"), "SpecialtyRx Sample Pharmacy");
	assert_string_equal(sql_text(w, "SELECT named FROM pharmacy_selections WHERE prescription_id = '%s'", id), "ops_user_john");
	assert_true(audit_count(w, "pharmacy.select", "success") > 0);
	get(w, BY_ADMIN, "/api/v1/pharmacies/" C("1") "/capacity");
	expect_int(w, "current_daily_rx", 1);
	expect_int(w, "max_daily_rx", 100);
}

static void
X_SEC_02_who_selects_is_who_the_token_says(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);

	choose_as(w, BY_ROLE("provider"), id, C("1"), ROLE_USER);
	expect_status(w, 403);
	choose_as(w, BY_ROLE("ops_agent"), id, C("1"), "ops_user_john");
	expect_problem(w, 422, "selected_by_mismatch");
	choose_as(w, BY_ROLE("ops_agent"), id, C("1"), ROLE_USER);
	expect_status(w, 200);
	expect_text(w, "selected_by", "ops_agent:" ROLE_USER);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM pharmacy_selections WHERE prescription_id = '%s' AND named IS NULL", id), 1);
	patch(w, BY_ROLE("ops_agent"), "/api/v1/pharmacies/" C("1"), "{\"status\":\"suspended\"}");
	expect_status(w, 403);
}

static void
only_what_was_recommended_can_be_selected(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);

	choose(w, id, C("2"), "ops");
	expect_problem(w, 422, "not_recommended");
	choose(w, new_id(w), C("1"), "ops");
	expect_problem(w, 404, "not_found");
	assert_int_equal(taken(w, C("2")), 0);
}

static void
P_RTE_08_a_full_pharmacy_refuses(void **state)
{
	struct world *w = *state;
	const char *a = routed(w, &cambridge), *b = routed(w, &cambridge), *c = routed(w, &cambridge);

	sql_run(w, "UPDATE pharmacies SET max_daily_rx = 1 WHERE id = '" C("1") "'");
	sql_run(w, "UPDATE pharmacies SET max_concurrent_rx = 0 + 1, open_rx = 1 WHERE id = '" C("9") "'");
	choose(w, a, C("1"), "ops");
	expect_status(w, 200);
	choose(w, b, C("1"), "ops");
	expect_problem(w, 409, "at_capacity");
	assert_string_equal(status_of(w, b), "recommended");
	choose(w, c, C("9"), "ops");
	expect_problem(w, 409, "at_capacity");
	assert_int_equal(open_at(w, C("1")), 1);
	/* another day, another capacity */
	sql_run(w, "UPDATE capacity_days SET day = day - 1");
	choose(w, b, C("1"), "ops");
	expect_status(w, 200);
	assert_int_equal(taken(w, C("1")), 2);
}

static void
P_RTE_08_no_number_at_once_passes_the_capacity(void **state)
{
	struct world *w = *state;
	const char *ids[RACE], *bodies[RACE];
	int status[RACE], won = 0, full = 0;

	for (int i = 0; i < RACE; i++) {
		ids[i] = new_id(w);
		tell(w, ids[i], &cambridge);
		bodies[i] = "{\"pharmacy_id\":\"" C("1") "\"}";
	}
	work(w);
	sql_run(w, "UPDATE pharmacies SET max_daily_rx = 7 WHERE id = '" C("1") "'");
	selection_race(w, ids, bodies, status, RACE);
	for (int i = 0; i < RACE; i++) {
		won += status[i] == 200;
		full += status[i] == 409;
	}
	assert_int_equal(won, 7);
	assert_int_equal(full, RACE - 7);
	assert_int_equal(taken(w, C("1")), 7);
	assert_int_equal(open_at(w, C("1")), 7);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM pharmacy_selections WHERE selected_by = 'public' AND released_at IS NULL"), 7);
}

static void
P_RTE_07_two_at_once_select_one(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);
	const char *ids[2] = { id, id }, *bodies[2] = { "{\"pharmacy_id\":\"" C("1") "\"}", "{\"pharmacy_id\":\"" C("9") "\"}" };
	int status[2];

	selection_race(w, ids, bodies, status, 2);
	assert_int_equal(status[0] + status[1], 200 + 409);
	assert_int_equal(taken(w, C("1")) + taken(w, C("9")), 1);
	assert_int_equal(open_at(w, C("1")) + open_at(w, C("9")), 1);
}

/* ---- let go */

static void
a_cancelled_prescription_gives_its_place_back_once(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);

	choose(w, id, C("1"), "ops");
	status_changed(w, id, "pharmacy_selected", "adjudicated");
	assert_int_equal(taken(w, C("1")), 1);
	status_changed(w, id, "adjudicated", "cancelled");
	status_changed(w, id, "adjudicated", "cancelled");
	assert_int_equal(taken(w, C("1")), 0);
	assert_int_equal(open_at(w, C("1")), 0);
	assert_string_equal(status_of(w, id), "closed");
	assert_string_equal(sql_text(w, "SELECT released_why FROM pharmacy_selections WHERE prescription_id = '%s'", id), "cancelled");
	choose(w, id, C("1"), "ops");
	expect_problem(w, 409, "not_recommended_yet");
}

static void
a_completed_one_was_filled_that_day_and_is_open_no_more(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);

	choose(w, id, C("1"), "ops");
	status_changed(w, id, "out_for_delivery", "completed");
	assert_int_equal(taken(w, C("1")), 1);
	assert_int_equal(open_at(w, C("1")), 0);
	assert_string_equal(status_of(w, id), "closed");
}

static void
P_ADJ_U2_routing_again_leaves_out_what_was_selected(void **state)
{
	struct world *w = *state;
	const struct rx plain = { "02138", "MA", "none", "Blue Cross" };
	const char *id = routed(w, &plain), *again = text(w, API "%s/reroute", id);

	choose(w, id, C("1"), "ops");
	post(w, BY_ADMIN, again, "{\"reason\":\"claim rejected\"}");
	expect_status(w, 202);
	assert_int_equal(taken(w, C("1")), 0);
	work(w);
	assert_string_equal(status_of(w, id), "recommended");
	get(w, BY_ADMIN, text(w, API "%s/recommendations", id));
	expect_int(w, "round", 2);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM recommendations c JOIN routings g ON g.id = c.routing_id AND g.round = c.round"
	    " WHERE prescription_id = '%s' AND pharmacy_id = '" C("1") "'", id), 0);
	choose(w, id, C("1"), "ops");
	expect_problem(w, 422, "not_recommended");
	choose(w, id, C("9"), "ops");
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM outbox WHERE topic = 'pharmacy.selected' AND payload ->> 'prescription_id' = '%s'", id), 2);
}

static void
X_RX_04_a_controlled_substance_stays_where_it_is(void **state)
{
	struct world *w = *state;
	const char *id = routed(w, &cambridge);

	choose(w, id, C("1"), "ops");
	post(w, BY_ADMIN, text(w, API "%s/reroute", id), "{\"reason\":\"claim rejected\"}");
	expect_problem(w, 409, "controlled_stays");
	assert_int_equal(taken(w, C("1")), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(P_RTE_01_an_enrolment_is_one_routing_and_one_job, fresh),
		cmocka_unit_test_setup(P_RTE_05_the_best_are_stored_with_their_breakdown, fresh),
		cmocka_unit_test_setup(explaining_is_computing_again_from_what_was_stored, fresh),
		cmocka_unit_test_setup(the_inputs_are_sealed, fresh),
		cmocka_unit_test_setup(P_RTE_10_nobody_left_is_a_work_item_with_the_reasons, fresh),
		cmocka_unit_test_setup(what_found_nobody_is_routed_again_when_the_network_changes, fresh),
		cmocka_unit_test_setup(a_zip_that_nobody_knows_lies_in_the_middle_of_its_area, fresh),
		cmocka_unit_test_setup(P_RTE_03_capacity_is_remembered_for_five_minutes, fresh),
		cmocka_unit_test_setup(P_RTE_07_a_selection_takes_a_place_and_says_so_once, fresh),
		cmocka_unit_test_setup(X_SEC_02_who_selects_is_who_the_token_says, fresh),
		cmocka_unit_test_setup(only_what_was_recommended_can_be_selected, fresh),
		cmocka_unit_test_setup(P_RTE_08_a_full_pharmacy_refuses, fresh),
		cmocka_unit_test_setup(P_RTE_08_no_number_at_once_passes_the_capacity, fresh),
		cmocka_unit_test_setup(P_RTE_07_two_at_once_select_one, fresh),
		cmocka_unit_test_setup(a_cancelled_prescription_gives_its_place_back_once, fresh),
		cmocka_unit_test_setup(a_completed_one_was_filled_that_day_and_is_open_no_more, fresh),
		cmocka_unit_test_setup(P_ADJ_U2_routing_again_leaves_out_what_was_selected, fresh),
		cmocka_unit_test_setup(X_RX_04_a_controlled_substance_stays_where_it_is, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
