/*
 * jose_test.c: envelopes and tokens. One envelope and one token were made by WebCrypto, as a browser does it; the others are those
 * bent out of shape.
 */
#include "fcgi/unit.h"

#include "crypto/hash.h"
#include "crypto/jose.h"

static const char browser_key[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"intake-1\",\"x\":\"MgPotJcJEQtb566QPOCXGcpXn06pZNP6uyP3VuXXYIk\","
    "\"y\":\"82RpZeBPKiDBqtuVgmHPuOm38FlvB_f2FJZItarTrw8\",\"d\":\"Kr-KqHIEOJrJF8k4ZiDoIyaiMss-uJn64QTCUoES1A0\"}";
static const char browser_jwe[] = "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsImtpZCI6ImludGFrZS0xIiwiaW50YWtlSWQiOiIwMThmMDAwMC0w"
				  "MDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDkiLC"
				  "Jmb3JtVmVyc2lvbiI6MywiZXBrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoiaW9Geld6Vk5HWjR1aHN1THZ3ak"
				  "pLNUlVaDN3Zjk3TlROTmRYYzNTMHBuYyIsInki"
				  "OiJKdUdaNlZEWldncXZ5MVNxMEhVMTRUai1laGJTSWZfbnVZTFhWWGxpMVFrIn19..9dv1qwQE3KLM2TWa.bh6oX_uAx4-"
				  "FoNqhTZ0phRt81w.ax-t8iHxIW1MZaDmsLNULQ";
static const char token_key[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"auth-1\",\"x\":\"Jx7-WYkjg63XJpENgjFH6-2gFFTrXkoLYGY70eJ_fDA\","
    "\"y\":\"VaRu4m09yPaFB89BgBQTJ85HVvFbOjIgK3GenEThUzM\"}";
static const char browser_jwt[] =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImF1dGgtMSJ9."
    "eyJpc3MiOiJ0ZWxlcngiLCJhdWQiOiJhZG1pbiIsInN1YiI6InUxIiwiaWF0IjoxNzY3MjI1NjAwLCJleHAiOjE3NjcyMjY1MDB9."
    "9V6ugnrP07ddjs-_kLCv_qIFwtVU4U6BOVvJJMF35AKCMWZtHdmlu1cyvqQCcGP0CZaeAMEmXwPJiXun0R998w";

#define NOW INT64_C(1767225600)

/* A key set of that one key. */
static json_t *
set_of(const char *text)
{
	return json_pack("{s:[o]}", "keys", json_loads(text, 0, NULL));
}

static int
open_code(const json_t *keys, const char *compact, struct problem *err)
{
	struct buf plain = BUF_INIT(4096);
	json_t *header = NULL;
	int rc;

	problem_clear(err);
	rc = jwe_open(keys, compact, &plain, &header, err);
	if (rc < 0) {
		assert_null(header);
		assert_int_equal(plain.len, 0);
	}
	json_decref(header);
	buf_release(&plain);
	return rc;
}

static void
an_envelope_from_a_browser_opens(void **state)
{
	json_t *keys = set_of(browser_key), *header = NULL;
	struct buf plain = BUF_INIT(1024);
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(jwe_open(keys, browser_jwe, &plain, &header, &err), 0);
	assert_string_equal(buf_str(&plain), "{\"firstName\":\"Ada\"}");
	assert_string_equal(json_string_value(json_object_get(header, "intakeId")), "018f0000-0000-7000-8000-000000000009");
	assert_int_equal(json_integer_value(json_object_get(header, "formVersion")), 3);
	json_decref(header);
	json_decref(keys);
	buf_release(&plain);
}

static void
a_changed_envelope_is_tampered(void **state)
{
	static char text[sizeof(browser_jwe) + 4];
	json_t *keys = set_of(browser_key);
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < strlen(browser_jwe); i++) {
		(void)snprintf(text, sizeof(text), "%s", browser_jwe);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		assert_int_equal(open_code(keys, text, &err), -1);
		/* A change may hit the kid and make it another one: that is 422, all else 400. */
		if (err.status != 422) {
			assert_int_equal(err.status, 400);
			assert_string_equal(err.code, "tampered_envelope");
			assert_true(err.audit);
		}
	}
	json_decref(keys);
}

static void
what_is_no_envelope_is_tampered(void **state)
{
	static const char *const bad[] = {
		"",
		".",
		"....",
		".....",
		"a.b.c.d.e",
		"e30....",
		"e30..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA",
		"bm8ganNvbg..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA",
	};
	json_t *keys = set_of(browser_key);
	static char text[sizeof(browser_jwe) + 8];
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		assert_int_equal(open_code(keys, bad[i], &err), -1);
		assert_string_equal(err.code, "tampered_envelope");
	}
	(void)snprintf(text, sizeof(text), "%s.AA", browser_jwe);
	assert_int_equal(open_code(keys, text, &err), -1);
	(void)snprintf(text, sizeof(text), "%s", browser_jwe);
	text[strlen(text) - 2] = '\0'; /* a shorter tag */
	assert_int_equal(open_code(keys, text, &err), -1);
	assert_string_equal(err.code, "tampered_envelope");
	json_decref(keys);
}

/* Puts another protected header before the browser's other parts. */
static int
with_header(const json_t *keys, const char *header, struct problem *err)
{
	struct buf text = BUF_INIT(8192);
	int rc;

	base64url_encode(BYTES_OF(header), &text);
	buf_add(&text, strstr(browser_jwe, ".."));
	rc = open_code(keys, buf_str(&text), err);
	buf_release(&text);
	return rc;
}

#define EPK \
	"\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"ioFzWzVNGZ4uhsuLvwjJK5IUh3wf97NTNNdXc3S0pnc\",\"y\":" \
	"\"JuGZ6VDZWgqvy1Sq0HU14Tj-ehbSIf_nuYLXVXli1Qk\"}"

static void
algorithms_are_pinned(void **state)
{
	static const struct {
		const char *header, *code;
	} cases[] = {
		{ "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"intake-1\"," EPK "}", "tampered_envelope" },
		{ "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"kid\":\"intake-1\"," EPK "}", "tampered_envelope" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"kid\":\"intake-1\"," EPK "}", "tampered_envelope" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256CBC-HS512\",\"kid\":\"intake-1\"," EPK "}", "tampered_envelope" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"zip\":\"DEF\",\"kid\":\"intake-1\"," EPK "}", "tampered_envelope" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"crit\":[\"x\"],\"kid\":\"intake-1\"," EPK "}", "tampered_envelope" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"intake-1\"}", "tampered_envelope" },
		{ "{\"alg\":\"ECDH-ES\",\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"intake-1\"," EPK "}",
		    "tampered_envelope" },
		/* a point that is not on the curve */
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"intake-1\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
		  "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}}",
		    "tampered_envelope" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":\"intake-2\"," EPK "}", "unknown_key" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\"," EPK "}", "unknown_key" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"kid\":7," EPK "}", "unknown_key" },
	};
	json_t *keys = set_of(browser_key);
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(with_header(keys, cases[i].header, &err), -1);
		assert_string_equal(err.code, cases[i].code);
		assert_int_equal(err.status, strcmp(cases[i].code, "unknown_key") == 0 ? 422 : 400);
	}
	json_decref(keys);
}

static void
what_we_seal_opens_with_its_key_only(void **state)
{
	json_t *key = jwk_generate("k1", "ECDH-ES"), *other = jwk_generate("k1", "ECDH-ES"), *public = jwk_public(key);
	json_t *keys = json_pack("{s:[O]}", "keys", key), *wrong = json_pack("{s:[O]}", "keys", other);
	json_t *extra = json_pack("{s:s, s:i, s:s}", "intakeId", "i-1", "formVersion", 2, "alg", "dir"), *header = NULL;
	struct buf text = BUF_INIT(4096), plain = BUF_INIT(100);
	struct problem err = { 0 };

	(void)state;
	assert_null(json_object_get(public, "d"));
	assert_string_equal(json_string_value(json_object_get(public, "kid")), "k1");
	assert_string_equal(json_string_value(json_object_get(public, "alg")), "ECDH-ES");
	assert_string_equal(json_string_value(json_object_get(public, "use")), "enc");
	assert_int_equal(jwe_seal(public, extra, BYTES_OF("{}"), &text, &err), 0);
	assert_int_equal(jwe_open(keys, buf_str(&text), &plain, &header, &err), 0);
	assert_string_equal(buf_str(&plain), "{}");
	assert_string_equal(json_string_value(json_object_get(header, "intakeId")), "i-1");
	assert_string_equal(json_string_value(json_object_get(header, "alg")), "ECDH-ES");
	assert_int_equal(open_code(wrong, buf_str(&text), &err), -1);
	assert_string_equal(err.code, "tampered_envelope");
	assert_null(jwk_generate("k", "RSA-OAEP"));
	buf_release(&text);
	buf_release(&plain);
	json_decref(header);
	json_decref(extra);
	json_decref(keys);
	json_decref(wrong);
	json_decref(key);
	json_decref(other);
	json_decref(public);
}

static void
a_key_without_kid_seals_nothing(void **state)
{
	json_t *key = json_loads(browser_key, 0, NULL);
	struct buf text = BUF_INIT(4096);
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(json_object_del(key, "kid"), 0);
	assert_int_equal(jwe_seal(key, NULL, BYTES_OF("x"), &text, &err), -1);
	assert_string_equal(err.code, "bad_key");
	json_decref(key);
	buf_release(&text);
}

static void
an_envelope_larger_than_the_buffer_is_refused(void **state)
{
	json_t *keys = set_of(browser_key), *header = NULL;
	struct buf plain = BUF_INIT(5);
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(jwe_open(keys, browser_jwe, &plain, &header, &err), -1);
	assert_int_equal(err.status, 413);
	json_decref(keys);
	buf_release(&plain);
}

static int
token_refused(const json_t *keys, const char *token, const char *iss, const char *aud, int64_t now, const char *code)
{
	struct problem err = { 0 };
	json_t *claims = NULL;
	int rc = jwt_verify(keys, token, iss, aud, now, &claims, &err);

	if (rc < 0) {
		assert_null(claims);
		assert_int_equal(err.status, 401);
		assert_string_equal(err.code, code);
	} else {
		assert_string_equal(json_string_value(json_object_get(claims, "iss")), iss);
	}
	json_decref(claims);
	return rc;
}

static int
token_code(const json_t *keys, const char *token, const char *iss, const char *aud, int64_t now)
{
	return token_refused(keys, token, iss, aud, now, "invalid_token");
}

static void
a_token_is_checked_whole(void **state)
{
	static const struct {
		const char *iss, *aud;
		int64_t now;
		int rc;
		const char *code;
	} cases[] = {
		{ "telerx", "admin", NOW, 0 },
		{ "other", "admin", NOW, -1 },
		{ "telerx", "patient", NOW, -1 },
		{ "telerx", "adm", NOW, -1 },
		{ "telerx", "admin", NOW + 899, 0 },
		{ "telerx", "admin", NOW + 900, -1, "expired_token" },
		{ "other", "admin", NOW + 900, -1 },
		{ "telerx", "admin", NOW - 10, 0 },
		{ "telerx", "admin", NOW - 11, -1 },
	};
	static char text[sizeof(browser_jwt) + 4];
	json_t *keys = set_of(token_key);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(token_refused(keys, browser_jwt, cases[i].iss, cases[i].aud, cases[i].now,
				     cases[i].code != NULL ? cases[i].code : "invalid_token"),
		    cases[i].rc);
	for (i = 0; i < strlen(browser_jwt); i++) {
		(void)snprintf(text, sizeof(text), "%s", browser_jwt);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		assert_int_equal(token_code(keys, text, "telerx", "admin", NOW), -1);
	}
	json_decref(keys);
}

static void
unsigned_and_oddly_signed_tokens_are_refused(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"auth-1\"}",
		"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"auth-1\"}",
		"{\"alg\":\"ES256\",\"kid\":\"auth-1\"}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"auth-2\"}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
	};
	json_t *keys = set_of(token_key);
	struct buf text = BUF_INIT(2048);
	const char *rest = strchr(browser_jwt, '.');
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(headers); i++) {
		buf_clear(&text);
		base64url_encode(BYTES_OF(headers[i]), &text);
		buf_add(&text, rest);
		assert_int_equal(token_code(keys, buf_str(&text), "telerx", "admin", NOW), -1);
		*strrchr(text.data, '.') = '\0';
		assert_int_equal(token_code(keys, buf_str(&text), "telerx", "admin", NOW), -1);
	}
	assert_int_equal(token_code(keys, "", "telerx", "admin", NOW), -1);
	assert_int_equal(token_code(keys, "..", "telerx", "admin", NOW), -1);
	buf_release(&text);
	json_decref(keys);
}

static void
our_tokens_verify_and_their_times_are_respected(void **state)
{
	static const struct {
		const char *claims;
		int rc;
	} cases[] = {
		{ "{\"iss\":\"telerx\",\"aud\":[\"x\",\"admin\"],\"iat\":1767225600,\"exp\":1767225700}", 0 },
		{ "{\"iss\":\"telerx\",\"aud\":\"admin\",\"iat\":1767225600,\"exp\":1767225700,\"nbf\":1767225600}", 0 },
		{ "{\"iss\":\"telerx\",\"aud\":\"admin\",\"iat\":1767225600,\"exp\":1767225700,\"nbf\":1767225601}", -1 },
		{ "{\"iss\":\"telerx\",\"aud\":\"admin\",\"iat\":1767225600}", -1 },
		{ "{\"iss\":\"telerx\",\"aud\":\"admin\",\"exp\":1767225700}", -1 },
		{ "{\"iss\":\"telerx\",\"iat\":1767225600,\"exp\":1767225700}", -1 },
		{ "{\"iss\":\"telerx\",\"aud\":[\"x\"],\"iat\":1767225600,\"exp\":1767225700}", -1 },
		{ "{\"iss\":\"telerx\",\"aud\":\"admin\",\"iat\":1767225600,\"exp\":\"1767225700\"}", -1 },
		{ "{\"aud\":\"admin\",\"iat\":1767225600,\"exp\":1767225700}", -1 },
	};
	json_t *key = jwk_generate("s1", "ES256"), *public = jwk_public(key), *keys = json_pack("{s:[O]}", "keys", public), *claims;
	struct buf text = BUF_INIT(4096);
	struct problem err;
	size_t i;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(public, "use")), "sig");
	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&text);
		claims = json_loads(cases[i].claims, 0, NULL);
		assert_int_equal(jwt_sign(key, claims, &text, &err), 0);
		assert_int_equal(token_code(keys, buf_str(&text), "telerx", "admin", NOW), cases[i].rc);
		json_decref(claims);
	}
	buf_clear(&text);
	claims = json_object();
	assert_int_equal(jwt_sign(public, claims, &text, &err), -1);
	assert_string_equal(err.code, "sign_failed");
	json_decref(claims);
	json_decref(key);
	json_decref(public);
	json_decref(keys);
	buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_envelope_from_a_browser_opens),
		cmocka_unit_test(a_changed_envelope_is_tampered),
		cmocka_unit_test(what_is_no_envelope_is_tampered),
		cmocka_unit_test(algorithms_are_pinned),
		cmocka_unit_test(what_we_seal_opens_with_its_key_only),
		cmocka_unit_test(a_key_without_kid_seals_nothing),
		cmocka_unit_test(an_envelope_larger_than_the_buffer_is_refused),
		cmocka_unit_test(a_token_is_checked_whole),
		cmocka_unit_test(unsigned_and_oddly_signed_tokens_are_refused),
		cmocka_unit_test(our_tokens_verify_and_their_times_are_respected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
