/* signature_test.c: calls between services, the plan token and PioneerRx's header. */
#include "fcgi/unit.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/signature.h"

#define SECRET   "svc-secret"
#define AT       "2026-01-01T00:00:00Z"
#define NOW_S    INT64_C(1767225600)
#define NOW      (NOW_S * US_PER_S)
#define BODY     BYTES_OF("{\"a\":1}")
#define V1       "ffe1adb4439711d9eae9da966790323b053047884daa7a64e7b9f4e192b666ac"
#define V1_EMPTY "1aeb4dcf0589232e0ee29df354fe99e5bcfa1c9718f2d5334a4a89600cd1f980"
#define V2       "v2=8c3762dec2facab0077f7fc7ca63d6b17c7f8927e3cc53c9dd4f18f885b97016"

static void
v1_signs_timestamp_and_body(void **state)
{
	char out[65];

	(void)state;
	service_sign(SECRET, AT, BODY, out);
	assert_string_equal(out, V1);
	service_sign(SECRET, AT, BYTES(NULL, 0), out);
	assert_string_equal(out, V1_EMPTY);
	service_sign(SECRET ",older", AT, BODY, out);
	assert_string_equal(out, V1);
}

static void
v1_is_checked_byte_by_byte(void **state)
{
	static const struct {
		const char *secret, *at, *signature, *body, *code;
	} cases[] = {
		{ SECRET, AT, V1, "{\"a\":1}", "" },
		{ SECRET, AT, V1_EMPTY, "", "" },
		{ "new," SECRET, AT, V1, "{\"a\":1}", "" },
		{ SECRET " , new", AT, V1, "{\"a\":1}", "" },
		{ "new", AT, V1, "{\"a\":1}", "bad_signature" },
		{ "", AT, V1, "{\"a\":1}", "bad_signature" },
		{ SECRET, AT, V1, "{\"a\":2}", "bad_signature" },
		{ SECRET, AT, V1, "{\"a\":1} ", "bad_signature" },
		{ SECRET, "2026-01-01T00:00:01Z", V1, "{\"a\":1}", "bad_signature" },
		{ SECRET, AT, "FFE1ADB4439711D9EAE9DA966790323B053047884DAA7A64E7B9F4E192B666AC", "{\"a\":1}", "bad_signature" },
		{ SECRET, AT, "ffe1adb4439711d9eae9da966790323b053047884daa7a64e7b9f4e192b666a", "{\"a\":1}", "bad_signature" },
		{ SECRET, AT, V2, "{\"a\":1}", "bad_signature" },
		{ SECRET, NULL, V1, "{\"a\":1}", "missing_signature" },
		{ SECRET, AT, NULL, "{\"a\":1}", "missing_signature" },
		{ SECRET, AT, "", "{\"a\":1}", "missing_signature" },
	};
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		int want = *cases[i].code == '\0' ? 0 : -1;

		problem_clear(&err);
		assert_int_equal(
		    service_check(cases[i].secret, cases[i].at, cases[i].signature, BYTES_OF(cases[i].body), NOW, &err), want);
		assert_string_equal(err.code, cases[i].code);
		assert_int_equal(err.status, want == 0 ? 0 : 401);
	}
}

static void
a_call_is_good_for_five_minutes_either_way(void **state)
{
	static const struct {
		int64_t now_us;
		bool good;
	} cases[] = {
		{ NOW, true },
		{ NOW + 299 * US_PER_S, true },
		{ NOW + 300 * US_PER_S, true },
		{ NOW + 300 * US_PER_S + 1, false },
		{ NOW + 301 * US_PER_S, false },
		{ NOW - 299 * US_PER_S, true },
		{ NOW - 300 * US_PER_S, true },
		{ NOW - 300 * US_PER_S - 1, false },
		{ NOW - 301 * US_PER_S, false },
		{ INT64_MIN, false },
		{ INT64_MAX, false },
	};
	const struct signed_call call = { AT, "nonce-0123456789ab", "POST", "/route/claim?x=1", BODY };
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&err);
		assert_int_equal(service_check(SECRET, AT, V1, BODY, cases[i].now_us, &err), cases[i].good ? 0 : -1);
		assert_string_equal(err.code, cases[i].good ? "" : "stale_timestamp");
		assert_int_equal(service_check_v2(SECRET, &call, V2, cases[i].now_us, &err), cases[i].good ? 0 : -1);
	}
}

static void
a_signed_timestamp_must_be_iso_8601(void **state)
{
	static const char *const bad[] = { "1767225600", "2026-01-01", "2026-01-01T00:00:00", "soon" };
	struct problem err;
	char signature[65];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		service_sign(SECRET, bad[i], BODY, signature);
		assert_int_equal(service_check(SECRET, bad[i], signature, BODY, NOW, &err), -1);
		assert_string_equal(err.code, "stale_timestamp");
	}
	service_sign(SECRET, "2026-01-01T01:00:00.000+01:00", BODY, signature);
	assert_int_equal(service_check(SECRET, "2026-01-01T01:00:00.000+01:00", signature, BODY, NOW, &err), 0);
}

static void
v2_also_binds_nonce_method_and_target(void **state)
{
	static const struct {
		struct signed_call call;
		const char *signature, *code;
	} cases[] = {
		{ { AT, "nonce-0123456789ab", "POST", "/route/claim?x=1" }, V2, "" },
		{ { AT, "nonce-0123456789ab", "POST", "/route/claim?x=2" }, V2, "bad_signature" },
		{ { AT, "nonce-0123456789ab", "POST", "/route/claim" }, V2, "bad_signature" },
		{ { AT, "nonce-0123456789ab", "PUT", "/route/claim?x=1" }, V2, "bad_signature" },
		{ { AT, "nonce-0123456789ac", "POST", "/route/claim?x=1" }, V2, "bad_signature" },
		{ { "2026-01-01T00:00:01Z", "nonce-0123456789ab", "POST", "/route/claim?x=1" }, V2, "bad_signature" },
		{ { AT, "nonce-0123456789ab", "POST", "/route/claim?x=1" }, V2 "0", "bad_signature" },
		{ { AT, "nonce-0123456789ab", "POST", "/route/claim?x=1" }, V2 + 3, "bad_signature" },
		{ { AT, "nonce-0123456789ab", "POST", "/route/claim?x=1" }, V1, "bad_signature" },
		{ { AT, NULL, "POST", "/route/claim?x=1" }, V2, "missing_signature" },
		{ { NULL, "nonce-0123456789ab", "POST", "/route/claim?x=1" }, V2, "missing_signature" },
		{ { AT, "nonce-0123456789ab", "POST", "/route/claim?x=1" }, NULL, "missing_signature" },
	};
	struct signed_call call;
	struct problem err;
	char out[68];
	size_t i;

	(void)state;
	call = cases[0].call;
	call.body = BODY;
	service_sign_v2(SECRET, &call, out);
	assert_string_equal(out, V2);
	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&err);
		call = cases[i].call;
		call.body = BODY;
		assert_int_equal(service_check_v2(SECRET, &call, cases[i].signature, NOW, &err), *cases[i].code == '\0' ? 0 : -1);
		assert_string_equal(err.code, cases[i].code);
	}
}

static void
a_nonce_has_sixteen_to_sixty_four_visible_characters(void **state)
{
	static const struct {
		const char *nonce;
		bool good;
	} cases[] = {
		{ "0123456789abcde", false },
		{ "0123456789abcdef", true },
		{ "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", true },
		{ "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", false },
		{ "0123456789 abcdef", false },
		{ "0123456789\x7f"
		  "abcdef",
		    false },
		{ "0123456789\xc3\xa9"
		  "abcd",
		    false },
		{ "", false },
	};
	struct signed_call call = { .timestamp = AT, .method = "GET", .target = "/x" };
	struct problem err;
	char out[68];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		call.nonce = cases[i].nonce;
		service_sign_v2(SECRET, &call, out);
		assert_int_equal(service_check_v2(SECRET, &call, out, NOW, &err), cases[i].good ? 0 : -1);
	}
}

#define PLAN    "{\"planId\":\"glp1-monthly\",\"amountCents\":29900,\"intakeType\":\"glp1\",\"ts\":1767225600000}"
#define DATA    "eyJwbGFuSWQiOiJnbHAxLW1vbnRobHkiLCJhbW91bnRDZW50cyI6Mjk5MDAsImludGFrZVR5cGUiOiJnbHAxIiwidHMiOjE3NjcyMjU2MDAwMDB9"
#define SIG     "FDQU0MF_YQRqUreCov5hlc7SCo5dC5OiwZpYeyWaXrQ"
#define SIG_HEX "143414d0c17f61046a52b782a2fe6195ced20a8e5d0b93a2c19a587b259a5eb4"
#define SIG_OLD "6F1qK-VbLCWqGhuhaBE8gpsFV9oWIlaU8WE3_s28ep0" /* under plan-secret-0 */

static void
a_plan_token_opens_only_as_it_was_signed(void **state)
{
	static const struct {
		const char *secret, *token;
		bool good;
	} cases[] = {
		{ "plan-secret-1", DATA "." SIG, true },
		{ "plan-secret-1", DATA "." SIG_HEX, true },
		{ "plan-secret-1", DATA "." SIG_OLD, false },
		{ "plan-secret-1,plan-secret-0", DATA "." SIG_OLD, true },
		{ "plan-secret-2", DATA "." SIG, false },
		{ "", DATA "." SIG, false },
		{ "plan-secret-1", DATA, false },
		{ "plan-secret-1", DATA ".", false },
		{ "plan-secret-1", "." SIG, false },
		{ "plan-secret-1", "", false },
		{ "plan-secret-1", DATA "." SIG ".x", false },
		{ "plan-secret-1", DATA "." SIG "=", false },
		{ "plan-secret-1", "f" DATA "." SIG, false },
		{ "plan-secret-1",
		    DATA "."
			 "GDQU0MF_YQRqUreCov5hlc7SCo5dC5OiwZpYeyWaXrQ",
		    false },
		/* 29900 -> 29901 */
		{ "plan-secret-1",
		    "eyJwbGFuSWQiOiJnbHAxLW1vbnRobHkiLCJhbW91bnRDZW50cyI6Mjk5MDEsImludGFrZVR5cGUiOiJnbHAxIiwidHMiOjE3NjcyMjU2MDAwMD"
		    "B9." SIG,
		    false },
		{ "plan-secret-1",
		    DATA "."
			 "143414D0C17F61046A52B782A2FE6195CED20A8E5D0B93A2C19A587B259A5EB4",
		    false },
	};
	struct buf json = BUF_INIT(1024);
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&json);
		problem_clear(&err);
		assert_int_equal(plan_token_open(cases[i].secret, cases[i].token, &json, &err), cases[i].good ? 0 : -1);
		assert_string_equal(buf_str(&json), cases[i].good ? PLAN : "");
		if (!cases[i].good) {
			assert_int_equal(err.status, 400);
			assert_string_equal(err.code, "tampered_plan_token");
			assert_string_equal(err.detail, "Tampered plan token");
			assert_true(err.audit);
		}
	}
	buf_release(&json);
}

static void
a_plan_token_is_signed_with_the_first_secret(void **state)
{
	struct buf token = BUF_INIT(1024);

	(void)state;
	plan_token_sign("plan-secret-1,plan-secret-0", PLAN, &token);
	assert_string_equal(buf_str(&token), DATA "." SIG);
	buf_release(&token);
}

static void
pioneerrx_hashes_utf16(void **state)
{
	static const char accents[] = "caf\xc3\xa9-\xe2\x82\xac-\xf0\x9f\x92\x8a";
	/* t c a f U+00E9 - U+20AC - U+1F48A, little endian */
	static const uint8_t utf16[] = "t\0c\0a\0f\0\xe9\0-\0\xac\x20-\0\x3d\xd8\x8a\xdc";
	struct buf out = BUF_INIT(128), want = BUF_INIT(128);
	uint8_t digest[64];

	(void)state;
	pioneerrx_sign("2026-01-15T09:30:00.123456Z", "prx-shared-secret-0001", &out);
	assert_string_equal(
	    buf_str(&out), "FO5Dth3HaTWwTWZ9wsmKdsqrkxw7O3fqkiJBJ8Jh7Uo02ClGaWZ9pkKRac1rc8RzUmKs6KwqK+lULSgpa8iw8A==");
	buf_clear(&out);
	pioneerrx_sign("t", accents, &out);
	sha512(BYTES(utf16, sizeof(utf16) - 1), digest);
	base64_encode(BYTES(digest, 64), &want);
	assert_string_equal(buf_str(&out), buf_str(&want));
	buf_release(&out);
	buf_release(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_signs_timestamp_and_body),
		cmocka_unit_test(v1_is_checked_byte_by_byte),
		cmocka_unit_test(a_call_is_good_for_five_minutes_either_way),
		cmocka_unit_test(a_signed_timestamp_must_be_iso_8601),
		cmocka_unit_test(v2_also_binds_nonce_method_and_target),
		cmocka_unit_test(a_nonce_has_sixteen_to_sixty_four_visible_characters),
		cmocka_unit_test(a_plan_token_opens_only_as_it_was_signed),
		cmocka_unit_test(a_plan_token_is_signed_with_the_first_secret),
		cmocka_unit_test(pioneerrx_hashes_utf16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
