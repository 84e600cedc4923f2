/*
 * Enrollment's rules about what a patient sends: what a picture is and who sees it, and that a submit is one act (P-ENR-07 to 12, P-HIPAA-01, P-HIPAA-03,
 * P-HIPAA-04).
 */
#include <dirent.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "enrollment_world.h"

/* ---- pictures */

static int
files_below(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char next[512];
	struct stat st;
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(next, sizeof(next), "%s/%s", path, e->d_name);
		n += stat(next, &st) == 0 && S_ISDIR(st.st_mode) ? files_below(next) : 1;
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static void
P_ENR_08_a_picture_is_sealed_and_opens_to_staff_only(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);
	const char *url = uploaded(w, p.token, "front"), *path = strstr(url, "/api/");

	expect_text(w, "media", "image/png");
	expect_int(w, "width", PNG_WIDTH);
	get(w, BY_PUBLIC, path);
	expect_status(w, 401);
	get(w, BY_SERVICE("router"), path);
	expect_status(w, 403);
	get(w, BY_ADMIN, path);
	expect_status(w, 200);
	assert_int_equal(answer_bytes(w).n, png_n);
	assert_memory_equal(answer_bytes(w).p, png, png_n);
	assert_int_equal(audit_count(w, "phi.file", "success"), 1);
	/* P-HIPAA-01: nothing of the picture is in the store. */
	assert_int_not_equal(shell("grep -rqa IHDR '%s/files'", folder), 0);
	/* A changed byte is noticed, and tells nothing. */
	assert_int_equal(shell("f='%s/files/%s'; printf X | dd of=\"$f\" bs=1 seek=60 conv=notrunc 2>/dev/null", folder,
	    sql_text(w, "SELECT object FROM file_assets WHERE belongs_to = '%s'", p.enrollment)), 0);
	get(w, BY_ADMIN, path);
	expect_problem(w, 500, "file_damaged");
}

static void
P_ENR_08_what_is_no_picture_is_refused_by_its_bytes(void **state)
{
	static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8, 1, 0x90, 2, 0x80, 1, 0, 0, 0, 0xff, 0xda, 0, 2, 7, 7, 7, 0xff, 0xd9 };
	struct world *w = *state;
	struct patient p = invited(w);
	int before = files_below(folder);

	upload(w, p.token, "front", BYTES_OF("GIF89a and so on, which no card is"));
	expect_problem(w, 422, "not_a_picture");
	upload(w, p.token, "front", BYTES(png, png_n - 12));
	expect_problem(w, 422, "not_a_picture");
	png_make(199, 400);
	upload(w, p.token, "front", BYTES(png, png_n));
	expect_problem(w, 422, "picture_too_small");
	png_make(10001, 400);
	upload(w, p.token, "front", BYTES(png, png_n));
	expect_problem(w, 422, "picture_too_large");
	upload(w, "a-token-of-nobody-0123456789", "front", BYTES(png, png_n));
	expect_problem(w, 404, "unknown_link");
	upload(w, NULL, "front", BYTES(png, png_n));
	expect_status(w, 401);
	upload(w, p.token, "side", BYTES(png, png_n));
	expect_problem(w, 422, "validation_failed");
	uint8_t *large = calloc(1, CARD_MAX + 1);
	upload(w, p.token, "front", BYTES(large, CARD_MAX + 1));
	free(large);
	expect_problem(w, 413, "body_too_large");
	assert_int_equal(files_below(folder), before);
	upload(w, p.token, "back", BYTES(jpeg, sizeof(jpeg)));
	expect_status(w, 201);
	expect_text(w, "media", "image/jpeg");
	expect_int(w, "width", 640);
	expect_int(w, "height", 400);
	upload(w, p.token, "back", BYTES(jpeg, sizeof(jpeg) - 2));
	expect_problem(w, 422, "not_a_picture");
}

static void
what_is_not_submitted_goes_and_an_object_without_a_row_goes(void **state)
{
	struct world *w = *state;
	struct patient kept = invited(w), p = invited(w);
	const char *body = good_body(w, &kept), *day, *object;
	int before;

	post(w, BY_PUBLIC, BASE "/submit", body);
	expect_status(w, 200);
	before = files_below(folder);
	(void)uploaded(w, p.token, "front");
	assert_int_equal(files_below(folder), before + 1);
	object = sql_text(w, "SELECT object FROM file_assets WHERE belongs_to = '%s'", p.enrollment);
	day = text(w, "%s/files/%.*s", folder, (int)(strrchr(object, '/') - object), object);
	assert_int_equal(shell("touch -d '2 hours ago' '%s/01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57'; touch '%s/01948f7a-5c00-7c3e-9d41-6f2b8a0e1d58'", day, day), 0);
	sql_run(w, "UPDATE file_assets SET expires_at = now() WHERE belongs_to = '%s' AND expires_at IS NOT NULL", p.enrollment);
	job_later(w, "files.sweep", NULL);
	work(w);
	assert_int_equal(files_below(folder), before + 1); /* the young one may be somebody's who is at it */
	assert_int_equal(sql_int(w, "SELECT count(*) FROM file_assets WHERE belongs_to = '%s'", p.enrollment), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM file_assets WHERE belongs_to = '%s' AND expires_at IS NULL", kept.enrollment), 2);
	assert_int_equal(audit_count(w, "file.orphan", "success"), 1);
	assert_int_equal(shell("rm '%s/01948f7a-5c00-7c3e-9d41-6f2b8a0e1d58'", day), 0);
}

/* ---- submit */

static void
P_ENR_11_a_submit_is_one_act_and_the_second_409(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);
	const char *body = good_body(w, &p);
	unsigned events = event_count(w, "patient.enrollment.completed");
	const json_t *e;

	post(w, BY_PUBLIC, BASE "/submit", body);
	expect_status(w, 200);
	expect_text(w, "status", "enrolled");
	expect_text(w, "plan_type", "commercial");
	assert_true(json_is_true(json_object_get(answer(w), "insurance_verified")));
	assert_string_equal(sql_text(w, "SELECT status FROM enrollments WHERE id = '%s'", p.enrollment), "completed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM magic_links WHERE enrollment_id = '%s' AND used_at IS NOT NULL", p.enrollment), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM insurance_profiles i WHERE enrollment_id = '%s' AND card_front IS NOT NULL", p.enrollment), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'enrollment.status' AND object_id = '%s'"
				    " AND detail->>'from' = 'pending' AND detail->>'to' = 'completed'", p.enrollment), 1); /* P-HIPAA-04 */
	/* P-ENR-12 */
	assert_int_equal(event_count(w, "patient.enrollment.completed"), events + 1);
	e = event_last(w, "patient.enrollment.completed");
	assert_string_equal(json_text_at(e, "enrollment_id"), p.enrollment);
	assert_string_equal(json_text_at(e, "prescription_id"), p.rx);
	assert_string_equal(json_text_at(e, "patient_id"), p.id);
	assert_true(json_is_true(json_object_get(e, "insurance_verified")));
	post(w, BY_PUBLIC, BASE "/submit", body);
	expect_problem(w, 409, "already_used");
	assert_string_equal(link_state(w, &p), "already_used");
	get(w, BY_PUBLIC, text(w, "/enroll/%s", p.token));
	expect_status(w, 409);
	post(w, BY_ADMIN, BASE "/initiate", text(w, "{\"prescription_id\":\"%s\"}", p.rx));
	expect_problem(w, 409, "already_enrolled");
	assert_int_equal(event_count(w, "patient.enrollment.completed"), events + 1);
}

static void
P_ENR_07_the_insurance_is_checked_sealed_and_told_to_routing_and_adjudication(void **state)
{
	static const struct {
		const char *payer, *more, *type;
	} plans[] = {
		{ "Blue Cross Blue Shield", "", "commercial" },
		{ "Humana medicare advantage", "", "government" },
		{ "Medi-Cal", ",\"plan_type\":\"commercial\"", "government" },
		{ "Aetna", ",\"pcn\":\"MEDDAET\"", "government" },
		{ "Aetna", ",\"plan_type\":\"government\"", "government" },
		{ "Aetna", ",\"plan_type\":\"commercial\",\"pcn\":\"MEDDCO\"", "commercial" },
	};
	struct world *w = *state;
	struct patient p = invited(w);

	post(w, BY_PUBLIC, BASE "/submit", body_of(w, &p, hipaa_text, "Aetna", "61001", ""));
	expect_status(w, 422);
	expect_error(w, "insurance.bin", "length");
	post(w, BY_PUBLIC, BASE "/submit", body_of(w, &p, hipaa_text, "Aetna", "61001x", ""));
	expect_error(w, "insurance.bin", "format");
	post(w, BY_PUBLIC, BASE "/submit", body_of(w, &p, hipaa_text, "Aetna", "610014", ",\"card_front_url\":\"minio://cards/1\""));
	expect_error(w, "insurance.card_front_url", "unknown_file");
	assert_string_equal(link_state(w, &p), "open");
	for (size_t i = 0; i < COUNT(plans); i++) {
		p = invited(w);
		post(w, BY_PUBLIC, BASE "/submit", body_of(w, &p, hipaa_text, plans[i].payer, "610014", plans[i].more));
		expect_status(w, 200);
		expect_text(w, "plan_type", plans[i].type);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM insurance_profiles i WHERE i::text ~ 'ABC123456789|41424331323334'"), 0); /* P-HIPAA-03 */
	get(w, BY_SERVICE("router"), text(w, BASE "/insurance/%s", p.rx));
	expect_status(w, 200);
	expect_text(w, "carrier", "Aetna");
	expect_text(w, "member_id", "ABC123456789");
	expect_text(w, "group", "12345");
	expect_text(w, "bin", "610014");
	expect_text(w, "pcn", "MEDDCO");
	expect_text(w, "plan_type", "commercial");
	expect_text(w, "enrollment_id", p.enrollment);
	get(w, BY_SERVICE("billing"), text(w, BASE "/insurance/%s", p.rx));
	expect_status(w, 403);
	p = invited(w);
	get(w, BY_SERVICE("adjudication"), text(w, BASE "/insurance/%s", p.rx));
	expect_problem(w, 404, "not_enrolled");
}

static void
P_ENR_09_a_consent_keeps_the_text_the_signature_and_the_connections_address(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);
	const char *body = body_of(w, &p, hipaa_text, "Aetna", "610014", "");
	const struct header away[] = { { "x-forwarded-for", "203.0.113.9" }, { NULL, NULL } };
	char hex[HEX32];
	uint8_t hash[32];

	sha256(BYTES_OF(hipaa_text), hash);
	post(w, BY_PUBLIC, BASE "/submit", body_of(w, &p, "I authorize everything", "Aetna", "610014", ""));
	expect_error(w, "hipaa_consent.authorization_text", "not_current");
	request(w, BY_PUBLIC, "POST", BASE "/submit", NULL, body, away);
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM hipaa_consents WHERE enrollment_id = '%s' AND text_version = '2026-11' AND encode(text_sha256, 'hex')"
				    " = '%s' AND from_address NOT IN ('192.0.2.77', '203.0.113.9') AND signed_at > now() - interval '1 min'",
	    p.enrollment, hex_encode(BYTES(hash, 32), hex)), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM hipaa_consents c WHERE c::text ~ 'Quillonia|5175696c6c'"), 0);
	sql_run(w, "DO $$ BEGIN UPDATE hipaa_consents SET text_version = 'x'; RAISE 'it was changed'; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$");
}

static void
P_ENR_10_no_program_is_chosen_by_a_patient(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);

	post(w, BY_PUBLIC, BASE "/submit", body_of(w, &p, hipaa_text, "Aetna", "610014", ",\"manufacturer_program\":\"copay-card\""));
	expect_problem(w, 400, "unknown_field");
	expect_error(w, "insurance.manufacturer_program", "unknown_field");
	assert_string_equal(link_state(w, &p), "open");
}

static void
what_is_wrong_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w), other = invited(w);
	const char *theirs = uploaded(w, other.token, "front"), *body;
	unsigned events = event_count(w, "patient.enrollment.completed");

	body = body_of(w, &p, hipaa_text, "Aetna", "610014", text(w, ",\"card_front_url\":\"%s\"", theirs));
	post(w, BY_PUBLIC, BASE "/submit", body);
	expect_error(w, "insurance.card_front_url", "unknown_file");
	p.rx = other.rx;
	post(w, BY_PUBLIC, BASE "/submit", body_of(w, &p, hipaa_text, "Aetna", "610014", ""));
	expect_error(w, "prescription_id", "mismatch");
	assert_string_equal(link_state(w, &p), "open");
	assert_int_equal(sql_int(w, "SELECT (SELECT count(*) FROM hipaa_consents WHERE enrollment_id = '%s') + (SELECT count(*) FROM insurance_profiles"
				    " WHERE enrollment_id = '%s')", p.enrollment, p.enrollment), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM file_assets WHERE belongs_to = '%s' AND expires_at IS NULL", other.enrollment), 0);
	assert_int_equal(event_count(w, "patient.enrollment.completed"), events);
}

static void
a_prescription_that_is_cancelled_withdraws_its_invitation(void **state)
{
	struct world *w = *state;
	struct patient p = invited(w);
	const char *body = body_of(w, &p, hipaa_text, "Aetna", "610014", "");

	told(w, p.rx, p.id, "prescription.status.changed", "\"from\":\"validated\",\"to\":\"cancelled\"");
	assert_string_equal(link_state(w, &p), "link_revoked");
	post(w, BY_PUBLIC, BASE "/submit", body);
	expect_problem(w, 410, "link_revoked");
	work(w);
	assert_int_equal(sent_count(w, "POST", NOTIFY), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(P_ENR_08_a_picture_is_sealed_and_opens_to_staff_only, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_08_what_is_no_picture_is_refused_by_its_bytes, enrollment_fresh),
		cmocka_unit_test_setup(what_is_not_submitted_goes_and_an_object_without_a_row_goes, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_11_a_submit_is_one_act_and_the_second_409, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_07_the_insurance_is_checked_sealed_and_told_to_routing_and_adjudication, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_09_a_consent_keeps_the_text_the_signature_and_the_connections_address, enrollment_fresh),
		cmocka_unit_test_setup(P_ENR_10_no_program_is_chosen_by_a_patient, enrollment_fresh),
		cmocka_unit_test_setup(what_is_wrong_leaves_nothing_behind, enrollment_fresh),
		cmocka_unit_test_setup(a_prescription_that_is_cancelled_withdraws_its_invitation, enrollment_fresh),
	};

	return cmocka_run_group_tests(tests, enrollment_setup, enrollment_teardown);
}
