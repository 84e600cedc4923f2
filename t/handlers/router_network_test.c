/*
 * The network's pharmacies, kept by administrators and told to other services, and the public table of where ZIP codes lie.
 */
#include "harness/harness.h"
#include "router/router.h"

#define C(n) "00000000-0000-7000-8000-0000000000c" n

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

/* ---- ZIP codes */

/* Hands a text to the importer; its exit status. */
static int
import(struct world *w, const char *content)
{
	return world_feed(w, "handlers/router/telerx-import-zip", content);
}

static void
the_gazetteer_of_the_census_is_imported_whole_or_not_at_all(void **state)
{
	struct world *w = *state;

	assert_int_equal(import(w, "GEOID\tALAND\tINTPTLAT\tINTPTLONG   \n02139\t1\t42.364070\t-71.102860  \n02140\t1\t 42.39\tnowhere\n") == 0, 0);
	assert_int_equal(import(w, "zip,lat,lon\n02139,42.36,-71.10\n") == 0, 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM zip_centroids WHERE zip = '02139'"), 0);
	assert_int_equal(import(w, "GEOID\tALAND\tINTPTLAT\tINTPTLONG   \n02139\t1\t42.364070\t-71.102860  \n"), 0);
	assert_int_equal(import(w, "GEOIDFQ|GEOID|INTPTLAT|INTPTLONG\n860Z200US02139|02139|42.364071|-71.102861\n"), 0);
	assert_string_equal(sql_text(w, "SELECT latitude || ' ' || longitude FROM zip_centroids WHERE zip = '02139'"), "42.364071 -71.102861");
	sql_run(w, "DELETE FROM zip_centroids WHERE zip = '02139'");
}

/* ---- the network */

static const char new_pharmacy[] =
	"{\"name\":\"New Sample Pharmacy\",\"npi\":\"2000000218\",\"ncpdp\":\"2200077\",\"dea\":\"FS9001075\",\"phone\":\"+16175550177\","
	"\"address\":{\"line1\":\"5 Sample St\",\"line2\":\"Suite 9\",\"city\":\"Boston\",\"state\":\"MA\",\"zip\":\"02108\"},\"states\":[\"MA\",\"NH\"],"
	"\"capabilities\":{\"controlled\":true,\"drugs\":[\"00074\"]},\"capacity\":{\"daily\":5,\"concurrent\":50},"
	"\"insurance_contracts\":[{\"payer\":\"Blue Cross\",\"tier\":\"preferred\",\"from\":\"2026-01-01\"},{\"payer\":\"Any\",\"bin\":\"610014\",\"tier\":\"standard\"}],"
	"\"performance\":{\"accuracy\":0.9,\"satisfaction\":4.5,\"fulfillment_hours\":12.5}}";

static void
P_DATA_01_pharmacies_are_kept_by_administrators(void **state)
{
	struct world *w = *state;
	const char *id;

	post(w, BY_ADMIN, "/api/v1/pharmacies", new_pharmacy);
	expect_status(w, 201);
	id = answer_text(w, "pharmacy_id");
	expect_text(w, "status", "active");
	expect_text(w, "insurance_contracts.1.bin", "610014");
	expect_int(w, "capabilities.max_days_supply", 90);
	post(w, BY_ADMIN, "/api/v1/pharmacies", new_pharmacy);
	expect_problem(w, 409, "duplicate_pharmacy");
	patch(w, BY_ADMIN, text(w, "/api/v1/pharmacies/%s", id), "{\"status\":\"suspended\",\"capacity\":{\"daily\":9},\"insurance_contracts\":[]}");
	expect_status(w, 200);
	expect_text(w, "status", "suspended");
	expect_int(w, "capacity.daily", 9);
	expect_int(w, "capacity.concurrent", 50);
	expect_text(w, "address.line2", "Suite 9");
	expect_absent(w, "insurance_contracts.0");
	patch(w, BY_ADMIN, text(w, "/api/v1/pharmacies/%s", id), "{\"dea\":null}");
	expect_problem(w, 422, "dea_required");
	get(w, BY_ADMIN, "/api/v1/pharmacies?state=NH&status=suspended");
	expect_text(w, "pharmacies.0.pharmacy_id", id);
	get(w, BY_PUBLIC, text(w, "/api/v1/pharmacies/%s", id));
	expect_status(w, 401);
	sql_run(w, "DELETE FROM pharmacies WHERE id = '%s'", id);
}

static void
numbers_without_their_check_digit_are_refused(void **state)
{
	static const struct {
		const char *body, *field;
	} cases[] = {
		{ "{\"npi\":\"2000000219\"}", "npi" }, { "{\"dea\":\"FS9001076\"}", "dea" }, { "{\"ncpdp\":\"22000x7\"}", "ncpdp" },
		{ "{\"capabilities\":{\"drugs\":[\"0007-4\"]}}", "capabilities.drugs" }, { "{\"performance\":{\"accuracy\":1.1}}", "performance.accuracy" },
		{ "{\"insurance_contracts\":[{\"payer\":\"x\",\"bin\":\"61001\",\"tier\":\"standard\"}]}", "insurance_contracts.bin" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		patch(w, BY_ADMIN, "/api/v1/pharmacies/" C("1"), cases[i].body);
		expect_problem(w, 422, "validation_failed");
		expect_error(w, cases[i].field, NULL);
	}
}

static void
other_services_are_told_where_a_pharmacy_ships_from(void **state)
{
	struct world *w = *state;

	get(w, BY_SERVICE("shipping"), "/rx/pharmacies/" C("1"));
	expect_status(w, 200);
	expect_text(w, "name", "SpecialtyRx Sample Pharmacy");
	expect_text(w, "address.line1", "123 Main St");
	expect_text(w, "address.zip", "02118");
	expect_text(w, "ncpdp", "2200001");
	get(w, BY_SERVICE("notify"), "/rx/pharmacies/" C("1"));
	expect_problem(w, 403, "forbidden");
	get(w, BY_SERVICE("adjudication"), "/rx/pharmacies/00000000-0000-7000-8000-0000000000ff");
	expect_problem(w, 404, "not_found");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gazetteer_of_the_census_is_imported_whole_or_not_at_all),
		cmocka_unit_test(P_DATA_01_pharmacies_are_kept_by_administrators),
		cmocka_unit_test(numbers_without_their_check_digit_are_refused),
		cmocka_unit_test(other_services_are_told_where_a_pharmacy_ships_from),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
