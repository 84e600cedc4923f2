/*
 * Enrollment's rules about invitations: who may be invited, what a link opens, for how long, and who is reminded (P-ENR-01 to 06, P-ENR-13, P-DATA-06,
 * P-HIPAA-05, P-HIPAA-06).
 */
#include "enrollment_world.h"

/* ---- inviting */

static void
P_ENR_01_only_a_validated_prescription_is_invited(void **state)
{
	static const char *const others[] = { "received", "validation_failed", "enrolled", "cancelled" };
	struct world *w = *state;
	struct patient p = validated(w);

	post(w, BY_ADMIN, BASE "/initiate", text(w, "{\"prescription_id\":\"%s\"}", new_id(w)));
	expect_problem(w, 404, "unknown_prescription");
	for (size_t i = 0; i < COUNT(others); i++) {
		told(w, p.rx, p.id, "prescription.status.changed", text(w, "\"from\":\"x\",\"to\":\"%s\"", others[i]));
		post(w, BY_ADMIN, BASE "/initiate", text(w, "{\"prescription_id\":\"%s\"}", p.rx));
		expect_problem(w, 409, "not_validated");
	}
	told(w, p.rx, p.id, "prescription.status.changed", "\"from\":\"x\",\"to\":\"validated\"");
	initiate(w, &p);
	assert_string_equal(sql_text(w, "SELECT status FROM enrollments WHERE id = '%s'", p.enrollment), "pending"); /* P-ENR-03 */
	post(w, BY_PUBLIC, BASE "/initiate", text(w, "{\"prescription_id\":\"%s\"}", p.rx));
	expect_status(w, 401);
	post(w, BY_ROLE("provider"), BASE "/initiate", text(w, "{\"prescription_id\":\"%s\"}", p.rx));
	expect_problem(w, 403, "role_not_allowed"); /* P-HIPAA-06 */
	get(w, BY_ROLE("ops_agent"), text(w, BASE "/prescriptions/%s", p.rx));
	expect_text(w, "status", "pending");
}

static void
P_ENR_02_a_token_is_stored_as_its_hash_and_a_newer_link_revokes_the_older(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w), again = p;

	assert_int_equal(sql_int(w, "SELECT count(*) FROM magic_links l WHERE l::text LIKE '%%%s%%'", p.token), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM magic_links WHERE token_hash = sha256('%s') AND expires_at BETWEEN now() + interval '47 h 59 min'"
				    " AND now() + interval '48 h'", p.token), 1);
	initiate(w, &again);
	assert_string_equal(again.enrollment, p.enrollment);
	assert_string_not_equal(again.token, p.token);
	assert_string_equal(link_state(w, &p), "link_revoked");
	expect_status(w, 410);
	assert_string_equal(link_state(w, &again), "open");
}

/* What prescription answers is held to its table; only what an invitation needs is kept. */
static void
the_details_are_asked_of_prescription_and_kept_sealed(void **state)
{
	static const char details[] =
	    "{\"prescriptionId\":\"%s\",\"patientId\":\"%s\",\"status\":\"validated\",\"patient\":{\"firstName\":\"Thaddeon\",\"lastName\":\"Oxmoorley\","
	    "\"birthDate\":\"1984-02-29\",\"phone\":\"+16175550100\",\"email\":\"t@mail.example\",\"address\":{\"line1\":\"1 Heronbrook\",\"city\":\"Cambridge\","
	    "\"state\":\"MA\",\"zip\":\"02138\"}},\"prescriber\":{\"npi\":\"1234567893\",\"name\":\"Test Prescriber\"},\"medication\":{\"drug_name\":\"Zanthorel\","
	    "\"ndc\":\"00002751002\",\"quantity\":2,\"days_supply\":28,\"refills\":3,\"sig\":\"x\",\"schedule\":\"none\",\"cold_chain\":true},"
	    "\"insurance\":{\"bin\":\"610014\",\"member_id\":\"ABC123456789\"}}";
	struct world *w = *state;
	struct patient p = { .rx = new_id(w), .id = new_id(w) };

	told(w, p.rx, p.id, "prescription.validation.completed", "\"validation_result\":\"passed\"");
	stub(w, "GET", text(w, "/prescriptions/%s/details", p.rx), 200, text(w, details, p.rx, p.id));
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM candidates c WHERE c::text ~ 'Oxmoorley|4f786d6f6f72'"), 0); /* P-HIPAA-03 */
	initiate(w, &p);
	assert_string_equal(link_state(w, &p), "open");
	expect_text(w, "patient.first_name", "Thaddeon");
	expect_text(w, "prescriber_name", "Test Prescriber");
	post(w, BY_PUBLIC, BASE "/confirm", text(w, "{\"token\":\"%s\",\"birth_date\":\"1984-02-29\"}", p.token));
	expect_text(w, "drug_name", "Zanthorel");
	expect_text(w, "insurance.member_id", "ABC123456789");
}

static void
P_ENR_04_mail_and_text_carry_the_link_and_no_row_the_token(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);
	const struct sent *s;

	work(w);
	assert_int_equal(sent_count(w, "POST", NOTIFY), 1);
	s = sent_to(w, "POST", NOTIFY, 0);
	assert_string_equal(sent_text(s, "type"), "enrollment_invitation");
	assert_string_equal(sent_text(s, "recipient.email"), "quillonia@example.com");
	assert_string_equal(sent_text(s, "recipient.phone"), "+15045550142");
	assert_string_equal(sent_text(s, "variables.link"), text(w, "https://telerx.example/enroll/%s", p.token));
	assert_null(strstr(s->raw, "Zanthorel"));
	for (size_t i = 0; i < 3; i++) {
		static const char *const tables[] = { "job", "outbox", "audit" };

		assert_int_equal(sql_int(w, "SELECT count(*) FROM %s t WHERE t::text LIKE '%%%s%%'", tables[i], p.token), 0);
	}
}

static void
a_patient_without_an_address_is_a_work_item(void **state)
{
	struct world *w = *state;
	struct patient p = validated_as(w, "{\"firstName\":\"Ada\"}");

	initiate(w, &p);
	work(w);
	assert_int_equal(sent_count(w, "POST", NOTIFY), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'enrollment.unreachable' AND subject = '%s'", p.enrollment), 1);
}

/* ---- the link */

static void
P_ENR_06_a_link_shows_the_minimum_and_says_why_it_does_not_work(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);

	assert_string_equal(link_state(w, &p), "open");
	expect_text(w, "prescription_id", p.rx);
	expect_text(w, "patient.first_name", "Quillonia");
	expect_text(w, "patient.last_initial", "B");
	expect_text(w, "consent.version", "2026-11");
	assert_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "Brambleworth", 12));
	assert_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "Zanthorel", 9));
	assert_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "1986", 4));
	get(w, BY_PUBLIC, BASE "/validate/nobody-knows-this-token-0123456789abcdefghij");
	expect_problem(w, 404, "unknown_link");
	sql_run(w, "UPDATE magic_links SET expires_at = now() - interval '1 s' WHERE enrollment_id = '%s'", p.enrollment);
	assert_string_equal(link_state(w, &p), "link_expired");
	expect_status(w, 410);
	assert_true(audit_count(w, "enrollment.validate", "success") >= 1);
}

static void
the_drug_is_shown_after_the_birth_date_and_five_wrong_ones_lock_the_link(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);
	const char *right = text(w, "{\"token\":\"%s\",\"birth_date\":\"1986-04-17\"}", p.token);
	const char *wrong = text(w, "{\"token\":\"%s\",\"birth_date\":\"1986-04-18\"}", p.token);

	post(w, BY_PUBLIC, BASE "/confirm", right);
	expect_status(w, 200);
	expect_text(w, "drug_name", "Zanthorel 5 mg");
	expect_text(w, "patient.last_name", "Brambleworth");
	expect_text(w, "insurance.payer_name", "Aetna");
	for (int i = 0; i < 4; i++) {
		post(w, BY_PUBLIC, BASE "/confirm", wrong);
		expect_problem(w, 422, "wrong_birth_date");
	}
	post(w, BY_PUBLIC, BASE "/confirm", wrong);
	expect_problem(w, 423, "link_locked");
	post(w, BY_PUBLIC, BASE "/confirm", right);
	expect_problem(w, 423, "link_locked");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'enrollment.locked' AND subject = '%s'", p.enrollment), 1);
	initiate(w, &p);
	assert_string_equal(link_state(w, &p), "open");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE subject = '%s'", p.enrollment), 0);
}

static void
P_ENR_05_the_page_is_served_strictly_and_each_state_of_a_link_has_one(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);
	const char *path = text(w, "/enroll/%s", p.token);

	get(w, BY_PUBLIC, path);
	expect_status(w, 200);
	assert_non_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "Hello Quillonia", 15));
	assert_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "Brambleworth", 12));
	assert_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "Zanthorel", 9));
	assert_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "style=", 6));
	assert_non_null(strstr(answer_header(w, "Content-Security-Policy"), "default-src 'none'"));
	assert_null(strstr(answer_header(w, "Content-Security-Policy"), "unsafe"));
	assert_string_equal(answer_header(w, "Referrer-Policy"), "no-referrer");
	get(w, BY_PUBLIC, "/enroll/assets/enroll.js");
	expect_status(w, 200);
	get(w, BY_PUBLIC, "/enroll/assets/enroll.css");
	expect_status(w, 200);
	get(w, BY_PUBLIC, "/enroll/nothing");
	expect_status(w, 404);
	assert_non_null(memmem(answer_bytes(w).p, answer_bytes(w).n, "does not work", 13));
	sql_run(w, "UPDATE magic_links SET expires_at = now() WHERE enrollment_id = '%s'", p.enrollment);
	get(w, BY_PUBLIC, path);
	expect_status(w, 410);
}

/* ---- the monitor */

static void
P_ENR_13_a_link_is_reminded_once_and_then_handed_to_staff(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w), used = invited(w);

	post(w, BY_PUBLIC, BASE "/submit", body_of(w, &used, hipaa_text, "Aetna", "610014", ""));
	expect_status(w, 200);
	work(w);
	assert_int_equal(sent_count(w, "POST", NOTIFY), 1); /* who has enrolled is not invited any more */
	sql_run(w, "UPDATE magic_links SET expires_at = now() + interval '11 h' WHERE enrollment_id IN ('%s', '%s')", p.enrollment, used.enrollment);
	for (int i = 0; i < 2; i++) {
		job_later(w, "enrollment.monitor", NULL);
		work(w);
	}
	assert_int_equal(sent_count(w, "POST", NOTIFY), 2);
	assert_string_equal(sent_text(sent_to(w, "POST", NOTIFY, -1), "type"), "enrollment_reminder");
	assert_string_equal(sent_text(sent_to(w, "POST", NOTIFY, -1), "variables.link"), text(w, "https://telerx.example/enroll/%s", p.token));
	sql_run(w, "UPDATE magic_links SET expires_at = now() - interval '1 s' WHERE enrollment_id IN ('%s', '%s')", p.enrollment, used.enrollment);
	for (int i = 0; i < 2; i++) {
		job_later(w, "enrollment.monitor", NULL);
		work(w);
	}
	assert_string_equal(sql_text(w, "SELECT status FROM enrollments WHERE id = '%s'", p.enrollment), "expired");
	assert_string_equal(sql_text(w, "SELECT status FROM enrollments WHERE id = '%s'", used.enrollment), "completed");
	assert_int_equal(sql_int(w, "SELECT times FROM attention WHERE kind = 'enrollment.expired' AND subject = '%s'", p.enrollment), 1);
	initiate(w, &p);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE subject = '%s'", p.enrollment), 0);
	assert_string_equal(link_state(w, &p), "open");
	assert_true(sql_int(w, "SELECT count(*) FROM enrollment_jobs WHERE kind = 'enrollment.monitor' AND status = 'completed'") >= 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(P_ENR_01_only_a_validated_prescription_is_invited, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_02_a_token_is_stored_as_its_hash_and_a_newer_link_revokes_the_older, enrollment_fresh),
		cmocka_unit_test_setup(the_details_are_asked_of_prescription_and_kept_sealed, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_04_mail_and_text_carry_the_link_and_no_row_the_token, enrollment_fresh),
		cmocka_unit_test_setup(a_patient_without_an_address_is_a_work_item, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_06_a_link_shows_the_minimum_and_says_why_it_does_not_work, enrollment_fresh),
		cmocka_unit_test_setup(the_drug_is_shown_after_the_birth_date_and_five_wrong_ones_lock_the_link, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_05_the_page_is_served_strictly_and_each_state_of_a_link_has_one, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_13_a_link_is_reminded_once_and_then_handed_to_staff, enrollment_fresh),
	};

	return cmocka_run_group_tests(tests, enrollment_setup, enrollment_teardown);
}
