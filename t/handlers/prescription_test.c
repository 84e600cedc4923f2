/*
 * The rules of prescription, first half: a message is read or refused, taken once, found right or wrong with every error at once, and corrected.
 */
#include "ncpdp/generate.h"
#include "prescription_world.h"

/* ---- intake */

static void
p_intk_01_a_valid_newrx_is_received(void **state)
{
	struct world *w = *state;
	unsigned events = event_count(w, "prescription.intake.received");
	const char *id = taken(w, newrx(w)), *sealed;

	expect_text(w, "status", "received");
	assert_int_equal(event_count(w, "prescription.intake.received"), events + 1);
	assert_string_equal(json_text_at(event_last(w, "prescription.intake.received"), "prescription_id"), id);
	assert_string_equal(json_text_at(event_last(w, "prescription.intake.received"), "drug_ndc"), "00002-7510-02");
	assert_non_null(json_text_at(event_last(w, "prescription.intake.received"), "event_id"));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM validation_jobs WHERE prescription_id = '%s' AND status = 'pending'", id), 1);
	sealed = sql_text(w, "SELECT encode(raw_enc, 'escape') || encode(content_enc, 'escape') FROM prescriptions WHERE id = '%s'", id);
	assert_true(strlen(sealed) > 4000);
	assert_null(strstr(sealed, "Sample"));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM prescribers WHERE npi = '1234567893'"), 1);
	assert_int_equal(audit_count(w, "prescription.intake", "success") > 0, 1);
}

static void
p_intk_02_its_fields_are_read(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, newrx(w));

	work(w);
	get(w, BY_SERVICE("enrollment"), text(w, "/prescriptions/%s/details", id));
	expect_status(w, 200);
	expect_text(w, "prescriptionId", id);
	expect_text(w, "status", "validated");
	expect_text(w, "patient.firstName", "Ada");
	expect_text(w, "patient.lastName", "Sample");
	expect_text(w, "patient.birthDate", "1984-02-29");
	expect_text(w, "patient.email", "ada.sample@mail.example");
	expect_text(w, "patient.address.zip", "02138");
	expect_text(w, "prescriber.npi", "1234567893");
	expect_text(w, "prescriber.name", "Test Prescriber");
	expect_text(w, "prescriber.dea", "AB1234563");
	expect_text(w, "medication.drug_name", "Humira");
	expect_text(w, "medication.ndc", "00002751002");
	expect_int(w, "medication.quantity", 2);
	expect_int(w, "medication.days_supply", 28);
	expect_int(w, "medication.refills", 3);
	expect_text(w, "medication.sig", "Inject 40 mg subcutaneously every other week");
	expect_text(w, "medication.schedule", "none");
	assert_true(json_is_true(json_at(answer(w), "medication.cold_chain")));
	expect_text(w, "insurance.bin", "610014");
	expect_text(w, "insurance.member_id", "ABC123456789");
	assert_int_equal(audit_count(w, "prescription.details", "success"), 1);
}

static void
p_intk_01_json_around_it_is_taken_too(void **state)
{
	struct world *w = *state;
	json_t *body = json_pack("{ssss}", "payload", newrx(w), "format", "ncpdp_script");
	char *out = json_dumps(body, 0);

	post(w, SWITCH, INTAKE, out);
	expect_status(w, 201);
	post(w, SWITCH, INTAKE, "{\"payload\":\"<a/>\",\"format\":\"hl7\"}");
	expect_problem(w, 422, "validation_failed");
	post(w, SWITCH, INTAKE, "{\"payload\":\"<a/>\"}");
	expect_problem(w, 422, "not_script");
	free(out);
	json_decref(body);
}

static void
p_intk_01_malformed_xml_is_refused_with_its_line(void **state)
{
	struct world *w = *state;

	arrive(w, with(w, newrx(w), "</From>", "</Form>"));
	expect_problem(w, 400, "malformed_xml");
	assert_non_null(strstr(answer_text(w, "detail"), "line 5 "));
	arrive(w, "<Message>\n<Header/>\n<Body></Body>\n</Message>");
	expect_problem(w, 422, "not_script");
	expect_error(w, "Header.From", "required");
	expect_error(w, "Header.MessageID", "required");
	expect_error(w, "Body", "required");
	arrive(w, "not xml at all");
	expect_problem(w, 400, "malformed_xml");
	request(w, SWITCH, "POST", INTAKE, NULL, "<a/>", (const struct header[]){ { "content-type", "text/plain" }, { 0 } });
	expect_problem(w, 415, "unsupported_media_type");
}

static void
h6_a_doctype_is_refused_whatever_it_declares(void **state)
{
	static const char *const doctypes[] = {
		"<!DOCTYPE Message>", "<!DOCTYPE Message SYSTEM \"file:///etc/passwd\">", "<!DOCTYPE Message SYSTEM \"http://127.0.0.1:1/x.dtd\">",
		"<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>", "<!DOCTYPE m [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>",
		/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text over two lines */
		"<!DOCTYPE m [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
		"<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">]>",
	};
	struct world *w = *state;
	int64_t before = sql_int(w, "SELECT count(*) FROM prescriptions");
	struct buf deep = BUF_INIT(65536);

	for (size_t i = 0; i < COUNT(doctypes); i++) {
		arrive(w, with(w, newrx(w), "<Message ", text(w, "%s<Message ", doctypes[i])));
		expect_problem(w, 400, "doctype_refused");
	}
	arrive(w, with(w, newrx(w), "<LastName>Sample</LastName>", "<LastName>&xxe;</LastName>"));
	expect_problem(w, 400, "malformed_xml");
	for (int i = 0; i < 500; i++)
		buf_add(&deep, "<a>");
	arrive(w, deep.data);
	expect_problem(w, 400, "too_deep");
	buf_release(&deep);
	arrive(w, with(w, newrx(w), "encoding=\"UTF-8\"", "encoding=\"UTF-16\""));
	assert_int_equal(answer_status(w) == 201 || answer_status(w) == 400, 1);
	assert_true(sql_int(w, "SELECT count(*) FROM prescriptions") <= before + 1);
}

static void
p_intk_04_a_repeat_gets_the_first_answer(void **state)
{
	struct world *w = *state;
	const char *m = newrx(w), *id = taken(w, m), *again;

	arrive(w, m);
	expect_status(w, 200);
	expect_text(w, "prescription_id", id);
	expect_text(w, "status", "received");
	assert_true(json_is_true(json_at(answer(w), "duplicate")));
	request(w, SWITCH, "POST", INTAKE, NULL, m, xml_both);
	again = answer_xml(w);
	request(w, SWITCH, "POST", INTAKE, NULL, m, xml_both);
	assert_memory_equal(answer_bytes(w).p, again, strlen(again));	/* to the byte */
	arrive(w, with(w, m, "<DaysSupply>28", "<DaysSupply>27"));
	expect_problem(w, 409, "message_id_reused");
	/* the same prescription under another MessageID: five minutes */
	again = with(w, m, "TEST-", "AGAIN-");
	arrive(w, again);
	expect_text(w, "prescription_id", id);
	assert_true(json_is_true(json_at(answer(w), "duplicate")));
	sql_run(w, "UPDATE ttl SET expires_at = expires_at - interval '301 seconds'");
	arrive(w, with(w, m, "TEST-", "LATER-"));
	expect_status(w, 201);
	assert_string_not_equal(answer_text(w, "prescription_id"), id);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM outbox WHERE topic = 'prescription.intake.received' AND aggregate_id = '%s'", id), 1);
}

static void
p_intk_01_the_answer_is_a_message_for_who_asks_for_one(void **state)
{
	struct world *w = *state;
	const char *m = newrx(w), *xml;

	request(w, SWITCH, "POST", INTAKE, NULL, m, xml_both);
	expect_status(w, 201);
	xml = answer_xml(w);
	assert_non_null(strstr(xml, "<Status><Code>010</Code></Status>"));
	assert_non_null(strstr(xml, "<To Qualifier=\"D\">9990000000001</To><From Qualifier=\"P\">1234567</From>"));
	assert_non_null(strstr(xml, "<RelatesToMessageID>TEST-"));
	request(w, SWITCH, "POST", INTAKE, NULL, "<Message><Header/></Message>", xml_both);
	expect_status(w, 422);
	xml = answer_xml(w);
	assert_non_null(strstr(xml, "<Error><Code>900</Code>"));
}

/* ---- validation */

static void
p_val_09_a_right_one_is_validated_and_told_once(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, newrx(w));
	unsigned told;

	told = event_count(w, "prescription.validation.completed");
	work(w);
	assert_string_equal(status_of(w, id), "validated");
	assert_int_equal(event_count(w, "prescription.validation.completed"), told + 1);
	assert_string_equal(json_text_at(event_last(w, "prescription.validation.completed"), "validation_result"), "passed");
	assert_string_equal(sql_text(w, "SELECT status FROM validation_jobs WHERE prescription_id = '%s'", id), "completed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM prescriptions, jsonb_array_elements(checks) c WHERE id = '%s' AND c ->> 'result' = 'passed'", id), CHECK__MAX);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'prescription.status' AND object_id = '%s'", id), 1);
	assert_string_equal(sql_text(w, "SELECT kind FROM script_messages WHERE direction = 'out' AND prescription_id = '%s'", id), "Verify");
	work(w);
	assert_int_equal(event_count(w, "prescription.validation.completed"), told + 1);
}

static const struct {
	const char *what, *by, *errors;
} broken[] = {
	{ "<NPI>1234567893", "<NPI>1234567890", "npi_check_digit prescriber.npi" },
	{ "<NPI>1234567893", "<NPI>1888888888", "npi_check_digit prescriber.npi" },
	{ "<NPI>1234567893", "<NPI>2000000010", "npi_unknown prescriber.npi" },
	{ "<NPI>1234567893", "<NPI>2000000002", "npi_deactivated prescriber.npi" },
	{ "<NPI>1234567893</NPI>", "", "required prescriber.npi" },
	{ "AB1234563", "AB1234567", "dea_check_digit prescriber.dea" },
	{ "00002-7510-02", "00002-7510-99", "ndc_unknown medication.ndc" },
	{ "00002-7510-02", "00002-75100-2", "ndc_format medication.ndc" },
	{ "00002-7510-02", "0000275199", "ndc_unknown medication.ndc" },
	{ "00002-7510-02", "0781-1506-10", "ndc_discontinued medication.ndc" },
	{ "00002-7510-02", "11523-7020-1", "not_signed medication.coverage_status, schedule_mismatch medication.schedule_code" },
	{ "every other week", "", "sig_frequency medication.sig" },
	{ "Inject 40 mg subcutaneously every other week", "Use as directed", "sig_quantity medication.sig, sig_route medication.sig, sig_frequency medication.sig" },
	{ "<FirstName>Ada</FirstName>", "", "required patient.firstName" },
	{ "1984-02-29", "1983-02-29", "date patient.birthDate" },
	{ "1984-02-29", "2199-01-01", "date_in_future patient.birthDate, born_after_written patient.birthDate" },
	{ "<Date>2026-11-02", "<Date>2199-01-01", "date_in_future medication.written_date" },
	{ "<Value>2</Value>", "<Value>0</Value>", "quantity medication.quantity" },
	{ "<Value>2</Value>", "<Value>2.00001</Value>", "quantity medication.quantity" },
	{ "<NumberOfRefills>3", "<NumberOfRefills>many", "range medication.refills" },
	{ "<StateProvince>MA", "<StateProvince>XX", "format patient.address.state" },
	{ "<PostalCode>02138", "<PostalCode>0213", "format patient.address.zip" },
};

static void
p_val_10_each_broken_kind_fails_with_its_errors_and_tells_nobody(void **state)
{
	struct world *w = *state;
	unsigned told = event_count(w, "prescription.validation.completed");

	for (size_t i = 0; i < COUNT(broken); i++) {
		const char *id = taken(w, with(w, newrx(w), broken[i].what, broken[i].by));

		work(w);
		if (strcmp(errors_of(w, id), broken[i].errors) != 0)
			fail_msg("%s as %s: %s, not %s", broken[i].what, broken[i].by, errors_of(w, id), broken[i].errors);
		assert_string_equal(status_of(w, id), "validation_failed");
		assert_string_equal(sql_text(w, "SELECT status FROM validation_jobs WHERE prescription_id = '%s'", id), "failed");
		assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.invalid' AND subject = '%s' AND times = 1", id), 1);
		assert_int_equal(sql_int(w, "SELECT count(*) FROM outbox WHERE topic = 'attention.raised' AND payload ->> 'subject' = '%s'", id), 1);
	}
	assert_int_equal(event_count(w, "prescription.validation.completed"), told);
}

static void
p_val_07_everything_that_is_wrong_is_listed_at_once(void **state)
{
	struct world *w = *state;
	const char *m = newrx(w), *id;

	for (size_t i = 0; i < COUNT(broken); i++)
		if (strstr(m, broken[i].what) != NULL)
			m = with(w, m, broken[i].what, broken[i].by);
	id = taken(w, m);
	work(w);
	assert_true(sql_int(w, "SELECT jsonb_array_length(validation_errors) FROM prescriptions WHERE id = '%s'", id) >= 10);
	id = taken(w, text(w, "<Message><Header><From>X</From><MessageID>EMPTY-1</MessageID></Header><Body><NewRx/></Body></Message>"));
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM prescriptions, jsonb_array_elements(validation_errors) e WHERE id = '%s' AND e ->> 'code' = 'required'", id), 19);
}

static void
p_val_04_a_controlled_drug_needs_its_rules(void **state)
{
	struct world *w = *state;
	const char *m = with(w, with(w, newrx(w), "00002-7510-02", "60429-324-77"), "C38046", "C48675"), *id;

	id = taken(w, with(w, m, "<DEANumber>AB1234563</DEANumber>", ""));
	work(w);
	assert_string_equal(errors_of(w, id), "dea_required prescriber.dea, not_signed medication.coverage_status, refills_not_allowed medication.refills");
	m = with(w, with(w, newrx(w), "00002-7510-02", "60429-324-77"), "C38046", "C48675");
	m = with(w, with(w, m, "<NumberOfRefills>3", "<NumberOfRefills>0"), "<Sig>", "<DrugCoverageStatusCode>SI</DrugCoverageStatusCode><Sig>");
	id = taken(w, m);
	work(w);
	assert_string_equal(status_of(w, id), "validated");
	assert_string_equal(sql_text(w, "SELECT schedule FROM prescriptions WHERE id = '%s'", id), "II");
}

static void
p_val_08_what_contradicts_a_known_patient_is_an_error(void **state)
{
	struct world *w = *state;
	const char *m = newrx(w), *first = taken(w, m), *id;

	work(w);
	id = taken(w, with(w, with(w, with(w, m, "TEST-", "DOUBT-"), "1984-02-29", "1985-02-28"), "MRN-T", "OTHER-"));
	work(w);
	assert_string_equal(errors_of(w, id), "patient_mismatch patient.birthDate");
	id = taken(w, with(w, with(w, m, "TEST-", "DOUBT2-"), "<LastName>Sample", "<LastName>Someone"));
	work(w);
	assert_string_equal(errors_of(w, id), "patient_mismatch patient.lastName");
	sql_run(w, "DELETE FROM ttl");
	/* another telephone, the same identifier, name and birth date: the same patient */
	id = taken(w, with(w, with(w, m, "TEST-", "MOVED-"), "<Number>617556", "<Number>857556"));
	assert_int_equal(sql_int(w, "SELECT count(DISTINCT patient_id) FROM prescriptions WHERE id IN ('%s', '%s')", first, id), 1);
}

static void
p_val_10_corrected_it_goes_on(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, with(w, with(w, newrx(w), "<NPI>1234567893", "<NPI>1234567890"), "<FirstName>Ada</FirstName>", "")), *at;
	unsigned told = event_count(w, "prescription.validation.completed");

	work(w);
	at = text(w, "/api/v1/prescriptions/%s", id);
	post(w, BY_ADMIN, text(w, "%s/revalidate", at), NULL);	/* too early: the same errors, the same alert */
	expect_status(w, 202);
	work(w);
	assert_string_equal(status_of(w, id), "validation_failed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.invalid' AND subject = '%s'", id), 1);
	patch(w, BY_ADMIN, at, "{\"prescriber\":{\"npi\":\"1234567893\"},\"patient\":{\"firstName\":\"Ada\"}}");
	expect_status(w, 200);
	expect_text(w, "status", "validation_failed");
	post(w, BY_ADMIN, text(w, "%s/revalidate", at), NULL);
	expect_status(w, 202);
	work(w);
	assert_string_equal(status_of(w, id), "validated");
	assert_int_equal(event_count(w, "prescription.validation.completed"), told + 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'prescription.invalid' AND subject = '%s'", id), 0);
	assert_string_equal(sql_text(w, "SELECT members::text FROM rx_corrections WHERE prescription_id = '%s'", id), "{patient.firstName,prescriber.npi}");
	patch(w, BY_ADMIN, at, "{\"patient\":{\"firstName\":\"Eve\"}}");
	expect_problem(w, 409, "not_correctable");
	get(w, BY_ADMIN, at);
	expect_status(w, 200);
	expect_text(w, "content.patient.firstName", "Ada");
	assert_int_equal(audit_count(w, "prescription.read", "success") > 0, 1);
}

static void
p_val_01_the_sweep_finds_what_nobody_was_woken_for(void **state)
{
	struct world *w = *state;
	const char *id = taken(w, newrx(w));

	sql_run(w, "DELETE FROM job WHERE kind = 'rx.validate'");
	job_later(w, "validation.sweep", NULL);
	work(w);
	assert_string_equal(status_of(w, id), "validated");
}

static void
p_intk_07_generated_messages_are_what_their_kind_says(void **state)
{
	struct world *w = *state;

	for (int how = 0; how < BROKEN__MAX; how++) {
		struct buf first = BUF_INIT(65536), again = BUF_INIT(65536);
		const char *id;

		ncpdp_message(&first, 7, (unsigned)how + 1, (enum broken)how);
		ncpdp_message(&again, 7, (unsigned)how + 1, (enum broken)how);
		assert_string_equal(first.data, again.data);
		arrive(w, first.data);
		if (how == BROKEN_XML || how == BROKEN_DOCTYPE) {
			expect_problem(w, 400, how == BROKEN_XML ? "malformed_xml" : "doctype_refused");
		} else {
			expect_status(w, 201);
			id = answer_text(w, "prescription_id");
			work(w);
			if (strcmp(status_of(w, id), how == BROKEN_NOT ? "validated" : "validation_failed") != 0)
				fail_msg("%s: %s (%s)", broken_names[how], status_of(w, id), errors_of(w, id));
			if (how == BROKEN_SEVERAL)
				assert_string_equal(errors_of(w, id), "required patient.firstName, npi_check_digit prescriber.npi, ndc_format medication.ndc,"
				    " sig_quantity medication.sig, sig_route medication.sig, sig_frequency medication.sig, quantity medication.quantity");
		}
		buf_release(&first);
		buf_release(&again);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(p_intk_01_a_valid_newrx_is_received, rx_fresh),
		cmocka_unit_test_setup(p_intk_02_its_fields_are_read, rx_fresh),
		cmocka_unit_test_setup(p_intk_01_json_around_it_is_taken_too, rx_fresh),
		cmocka_unit_test_setup(p_intk_01_malformed_xml_is_refused_with_its_line, rx_fresh),
		cmocka_unit_test_setup(h6_a_doctype_is_refused_whatever_it_declares, rx_fresh),
		cmocka_unit_test_setup(p_intk_04_a_repeat_gets_the_first_answer, rx_fresh),
		cmocka_unit_test_setup(p_intk_01_the_answer_is_a_message_for_who_asks_for_one, rx_fresh),
		cmocka_unit_test_setup(p_val_09_a_right_one_is_validated_and_told_once, rx_fresh),
		cmocka_unit_test_setup(p_val_10_each_broken_kind_fails_with_its_errors_and_tells_nobody, rx_fresh),
		cmocka_unit_test_setup(p_val_07_everything_that_is_wrong_is_listed_at_once, rx_fresh),
		cmocka_unit_test_setup(p_val_04_a_controlled_drug_needs_its_rules, rx_fresh),
		cmocka_unit_test_setup(p_val_08_what_contradicts_a_known_patient_is_an_error, rx_fresh),
		cmocka_unit_test_setup(p_val_10_corrected_it_goes_on, rx_fresh),
		cmocka_unit_test_setup(p_val_01_the_sweep_finds_what_nobody_was_woken_for, rx_fresh),
		cmocka_unit_test_setup(p_intk_07_generated_messages_are_what_their_kind_says, rx_fresh),
	};

	return cmocka_run_group_tests(tests, rx_setup, rx_teardown);
}
