/*
 * The importers of the registries' public files: what is in the file is in the table, what is wrong in it is left out, a second file replaces, and a file that is
 * cut off changes nothing.
 */
#include "harness/harness.h"
#include "prescription/prescription.h"

static const char head[] =
	"\"NPI\",\"Entity Type Code\",\"Replacement NPI\",\"Provider Organization Name (Legal Business Name)\",\"Provider Last Name (Legal Name)\",\"Provider First Name\","
	"\"Provider Credential Text\",\"Provider Business Practice Location Address State Name\",\"NPI Deactivation Date\",\"NPI Reactivation Date\","
	"\"Healthcare Provider Taxonomy Code_1\"\r\n";
static const char products[] =
	"{\"meta\":{\"results\":{\"skip\":0},\"terms\":\"a \\\"quoted\\\" results: [\"},\"results\":[\n"
	"{\"product_ndc\":\"11111-222\",\"brand_name\":\"Braced {}\",\"generic_name\":\"bracin\",\"labeler_name\":\"Lab \\\"A\\\"\",\"dosage_form\":\"TABLET\",\"route\":[\"ORAL\"],"
	"\"marketing_category\":\"NDA\",\"dea_schedule\":\"CIV\",\"packaging\":[{\"package_ndc\":\"11111-222-30\",\"marketing_start_date\":\"20100131\"},"
	"{\"package_ndc\":\"11111-222\"}]},\n"
	"{\"product_ndc\":\"0002-7510\",\"generic_name\":\"biologic\",\"marketing_category\":\"BLA\",\"marketing_end_date\":\"20301231\","
	"\"packaging\":[{\"package_ndc\":\"0002-7510-03\",\"marketing_start_date\":\"20200101\"}]}\n]}\n";

static int
setup(void **state)
{
	*state = world_new(&prescription_service, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* Hands a text to an importer; its exit status. */
static int
import(struct world *w, const char *what, const char *content)
{
	return world_feed(w, text(w, "handlers/prescription/telerx-import-%s", what), content);
}

static void
p_val_03_prescribers_of_nppes(void **state)
{
	struct world *w = *state;

	assert_int_equal(import(w, "npi", text(w, "%s"
	    "\"1558598797\",\"1\",\"\",\"\",\"O\"\"Sample, Jr\",\"Ann\",\"MD\",\"TX\",\"\",\"\",\"207Q00000X\"\r\n"
	    "\"1720377294\",\"2\",\"\",\"Sample, Clinic \\ Co\",\"\",\"\",\"\",\"NY\",\"\",\"\",\"261Q00000X\"\r\n"
	    "\"1003142399\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"01/02/2020\",\"\",\"\"\r\n"
	    "\"1234567890\",\"1\",\"\",\"\",\"Wrong\",\"Check\",\"\",\"TX\",\"\",\"\",\"\"\r\n"
	    "1234567893,1,,,Prescriber,Renamed,MD,MA,,,207R00000X\n", head)), 0);
	assert_string_equal(sql_text(w, "SELECT last_name || '|' || first_name || '|' || kind || '|' || active FROM npi WHERE npi = '1558598797'"), "O\"Sample, Jr|Ann|person|true");
	assert_string_equal(sql_text(w, "SELECT organisation || '|' || kind FROM npi WHERE npi = '1720377294'"), "Sample, Clinic \\ Co|organisation");
	assert_string_equal(sql_text(w, "SELECT active::text FROM npi WHERE npi = '1003142399'"), "false");
	assert_string_equal(sql_text(w, "SELECT first_name FROM npi WHERE npi = '1234567893'"), "Renamed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM npi WHERE npi = '1234567890'"), 0);
}

static void
p_val_05_packages_of_openfda(void **state)
{
	struct world *w = *state;

	assert_int_equal(import(w, "ndc", products), 0);
	assert_string_equal(sql_text(w, "SELECT drug_name || '|' || labeler || '|' || schedule || '|' || cold_chain || '|' || starts_on FROM ndc WHERE ndc = '11111022230'"),
	    "Braced {}|Lab \"A\"|IV|false|2010-01-31");
	assert_string_equal(sql_text(w, "SELECT drug_name || '|' || schedule || '|' || cold_chain || '|' || ends_on FROM ndc WHERE ndc = '00002751003'"), "biologic|none|true|2030-12-31");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM ndc WHERE labeler = 'Lab \"A\"'"), 1);
}

static void
a_file_that_is_cut_off_changes_nothing(void **state)
{
	struct world *w = *state;
	int64_t n = sql_int(w, "SELECT count(*) FROM ndc");

	assert_int_not_equal(import(w, "ndc", "{\"results\":[{\"generic_name\":\"x\",\"packaging\":[{\"package_ndc\":\"22222-333-44\"}]},{\"generic_na"), 0);
	assert_int_not_equal(import(w, "ndc", "{\"no\":[]}"), 0);
	assert_int_not_equal(import(w, "npi", "\"NPI\",\"Name\"\n1234567893,x\n"), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM ndc"), n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p_val_03_prescribers_of_nppes),
		cmocka_unit_test(p_val_05_packages_of_openfda),
		cmocka_unit_test(a_file_that_is_cut_off_changes_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
