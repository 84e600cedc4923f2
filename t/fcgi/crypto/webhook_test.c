/* webhook_test.c: what vendors sign, against the vectors of their sheets, and everything that must not pass for it. */
#include "fcgi/unit.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/signature.h"

#define STRIPE_SECRET "whsec_test_9f2c4b7a1d5e8063"
#define STRIPE_OLD    "whsec_test_old_0000000000000000"
#define STRIPE_S      INT64_C(1767225600)
#define STRIPE_BODY \
	"{\"id\":\"evt_1Test\",\"object\":\"event\",\"type\":\"payment_intent.succeeded\",\"created\":1767225600,\"livemode\":" \
	"false}"
#define NEW_HEX "11e0605a46b0621483b69e873b413d6d895edec2405754942d256f96b99c4aad"
#define OLD_HEX "6c8037e93506b5c7578d673237ff4ff268ace28605bb417256a9a9f42e7e27f2"
#define T       "t=1767225600"

static void
stripe_headers_are_taken_apart(void **state)
{
	static const struct {
		const char *secret, *header, *code;
	} cases[] = {
		{ STRIPE_SECRET, T ",v1=" NEW_HEX, "" },
		{ STRIPE_SECRET, "v1=" NEW_HEX "," T, "" },
		{ STRIPE_SECRET, T ",v1=" NEW_HEX ",v0=" OLD_HEX, "" },
		{ STRIPE_SECRET, T ",v1=" OLD_HEX ",v1=" NEW_HEX, "" },
		{ STRIPE_OLD, T ",v1=" OLD_HEX ",v1=" NEW_HEX, "" },
		{ STRIPE_SECRET "," STRIPE_OLD, T ",v1=" OLD_HEX, "" },
		{ STRIPE_SECRET, T ",v2=x,,junk,v1=" NEW_HEX, "" },
		{ STRIPE_OLD, T ",v1=" NEW_HEX, "bad_signature" },
		{ STRIPE_SECRET, T ",v1=11E0605A46B0621483B69E873B413D6D895EDEC2405754942D256F96B99C4AAD", "bad_signature" },
		{ STRIPE_SECRET, T ",v1=11e0605a46b0621483b69e873b413d6d895edec2405754942d256f96b99c4aae", "bad_signature" },
		{ STRIPE_SECRET, T ",v1=" NEW_HEX "0", "bad_signature" },
		{ STRIPE_SECRET, T ",v1=", "bad_signature" },
		{ STRIPE_SECRET, "t=1767225601,v1=" NEW_HEX, "bad_signature" },
		{ STRIPE_SECRET, "t=01767225600,v1=" NEW_HEX, "bad_signature" },
		{ STRIPE_SECRET, "t=1,t=1767225600,v1=" NEW_HEX, "bad_signature" },
		{ STRIPE_SECRET, T ",v0=" NEW_HEX, "missing_signature" },
		{ STRIPE_SECRET, T, "missing_signature" },
		{ STRIPE_SECRET, "v1=" NEW_HEX, "missing_signature" },
		{ STRIPE_SECRET, "t=,v1=" NEW_HEX, "missing_signature" },
		{ STRIPE_SECRET, "", "missing_signature" },
		{ STRIPE_SECRET, NULL, "missing_signature" },
		{ "", T ",v1=" NEW_HEX, "bad_signature" },
	};
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		int want = *cases[i].code == '\0' ? 0 : -1;

		problem_clear(&err);
		assert_int_equal(
		    stripe_check(cases[i].secret, cases[i].header, BYTES_OF(STRIPE_BODY), STRIPE_S * US_PER_S, &err), want);
		assert_string_equal(err.code, cases[i].code);
		assert_int_equal(err.status, want == 0 ? 0 : 401);
	}
}

static void
every_byte_of_a_stripe_body_counts(void **state)
{
	char body[] = STRIPE_BODY;
	struct problem err;
	size_t i;

	(void)state;
	assert_int_equal(strlen(body), 107);
	for (i = 0; i < strlen(STRIPE_BODY); i++) {
		body[i] ^= 1;
		assert_int_equal(stripe_check(STRIPE_SECRET, T ",v1=" NEW_HEX, BYTES(body, 107), STRIPE_S * US_PER_S, &err), -1);
		body[i] ^= 1;
	}
	assert_int_equal(stripe_check(STRIPE_SECRET, T ",v1=" NEW_HEX, BYTES(body, 106), STRIPE_S * US_PER_S, &err), -1);
	assert_int_equal(stripe_check(STRIPE_SECRET, T ",v1=" NEW_HEX, BYTES(body, 107), STRIPE_S * US_PER_S, &err), 0);
}

static void
we_sign_as_stripe_does(void **state)
{
	struct buf header = BUF_INIT(256);

	(void)state;
	stripe_sign(STRIPE_SECRET, STRIPE_S, BYTES_OF(STRIPE_BODY), &header);
	assert_string_equal(buf_str(&header), T ",v1=" NEW_HEX);
	buf_release(&header);
}

#define CANVAS_SECRET "canvas_plugin_secret_31d0"
#define CANVAS_BODY \
	"{\"event\":\"TASK_UPDATED\",\"resource_type\":\"Task\",\"resource_id\":\"5f72fbcc-10ac-48ff-a2d2-02b229c38ce9\"," \
	"\"event_id\":\"c2b6a3b0-0000-4000-8000-000000000001\",\"occurred_at\":\"2026-01-01T00:00:00Z\"}"
#define CANVAS_SIG   "v1=ccead988b888e3ea495fc66d1cb934407cb52b0bc531069824e3a77380745802"
#define SLACK_SECRET "8f742231b10e8888abcd99yyyzzz85a5"
#define SLACK_BODY   "{\"type\":\"event_callback\",\"event_id\":\"Ev0001\"}"
#define SLACK_SIG    "v0=94ba2c841163daf6c3a823493aac7b9ca936dddd861d05f3539629585198c43f"
#define PHARMACY_BODY \
	"{\"event_id\":\"evt_0001\",\"type\":\"prescription.status_changed\",\"data\":{\"order_id\":\"ord_1\",\"status\":" \
	"\"shipped\"}}"
#define PHARMACY_SIG "v1=acf1d97c6ea1834af63e5d4feda30e5046d7ea48aaded63128fa28899b46b82c"

typedef int check_fn(
    const char *secret, const char *timestamp, const char *header, struct bytes body, int64_t now_us, struct problem *err);

/* Our pharmacy contract signs as Canvas plugins do. */
static const struct vector {
	check_fn *check;
	const char *secret, *at, *sig, *body;
	int64_t s;
	const char *other_prefix;
} vectors[] = {
	{ canvas_check, CANVAS_SECRET, "1767225600", CANVAS_SIG, CANVAS_BODY, 1767225600, "v0=" },
	{ canvas_check, "pharm_whsec_0001", "1760000000", PHARMACY_SIG, PHARMACY_BODY, 1760000000, "v2=" },
	{ slack_check, SLACK_SECRET, "1531420618", SLACK_SIG, SLACK_BODY, 1531420618, "v1=" },
};

static void
expect_code(const struct vector *v, const char *secret, const char *at, const char *sig, const char *body, const char *code)
{
	struct problem err = { 0 };
	int rc = v->check(secret, at, sig, BYTES_OF(body), v->s * US_PER_S, &err);

	assert_string_equal(err.code, code);
	assert_int_equal(rc, *code == '\0' ? 0 : -1);
}

static void
canvas_slack_and_pharmacies_sign_with_a_version(void **state)
{
	const struct vector *v;
	char text[512], two[128];
	size_t i;

	(void)state;
	for (v = vectors; v < vectors + COUNT(vectors); v++) {
		expect_code(v, v->secret, v->at, v->sig, v->body, "");
		(void)snprintf(two, sizeof(two), "newer,%s", v->secret);
		expect_code(v, two, v->at, v->sig, v->body, "");
		expect_code(v, "newer", v->at, v->sig, v->body, "bad_signature");
		expect_code(v, v->secret, NULL, v->sig, v->body, "missing_signature");
		expect_code(v, v->secret, v->at, NULL, v->body, "missing_signature");
		expect_code(v, v->secret, v->at, "", v->body, "missing_signature");
		expect_code(v, v->secret, v->at, v->sig + 3, v->body, "bad_signature");
		(void)snprintf(text, sizeof(text), "%s ", v->body);
		expect_code(v, v->secret, v->at, v->sig, text, "bad_signature");
		(void)snprintf(text, sizeof(text), "%s%s", v->other_prefix, v->sig + 3);
		expect_code(v, v->secret, v->at, text, v->body, "bad_signature");
		(void)snprintf(text, sizeof(text), "%s", v->sig);
		for (i = 3; text[i] != '\0'; i++)
			if (text[i] >= 'a')
				text[i] = (char)(text[i] - 'a' + 'A');
		expect_code(v, v->secret, v->at, text, v->body, "bad_signature");
		(void)snprintf(text, sizeof(text), "%" PRId64, v->s + 1);
		expect_code(v, v->secret, text, v->sig, v->body, "bad_signature");
	}
}

static void
webhooks_are_good_for_five_minutes_either_way(void **state)
{
	static const struct {
		int64_t apart;
		bool good;
	} cases[] = {
		{ 0, true },
		{ 299, true },
		{ 300, true },
		{ 301, false },
		{ -299, true },
		{ -300, true },
		{ -301, false },
	};
	const struct vector *v;
	struct problem err;
	int64_t now;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		int want = cases[i].good ? 0 : -1;

		for (v = vectors; v < vectors + COUNT(vectors); v++) {
			now = (v->s + cases[i].apart) * US_PER_S;
			problem_clear(&err);
			assert_int_equal(v->check(v->secret, v->at, v->sig, BYTES_OF(v->body), now, &err), want);
			assert_string_equal(err.code, cases[i].good ? "" : "stale_timestamp");
		}
		now = (STRIPE_S + cases[i].apart) * US_PER_S;
		assert_int_equal(stripe_check(STRIPE_SECRET, T ",v1=" NEW_HEX, BYTES_OF(STRIPE_BODY), now, &err), want);
	}
}

static void
a_signed_timestamp_must_be_plain_seconds(void **state)
{
	static const char *const bad[] = { "+1767225600", " 1767225600", "1767225600.0", "0x69", "-1", "176722560000000000000" };
	struct problem err;
	char signature[80];
	uint8_t mac[32];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		const struct bytes parts[] = { BYTES_OF(bad[i]), BYTES_OF("."), BYTES_OF("{}") };

		hmac_sha256(BYTES_OF("k"), parts, COUNT(parts), mac);
		memcpy(signature, "v1=", 3);	/* NOLINT(bugprone-not-null-terminated-result): the hex digits end it */
		(void)hex_encode(BYTES(mac, 32), signature + 3);
		assert_int_equal(canvas_check("k", bad[i], signature, BYTES_OF("{}"), STRIPE_S * US_PER_S, &err), -1);
		assert_string_equal(err.code, "stale_timestamp");
	}
}

static void
boothwyn_shows_a_shared_secret(void **state)
{
	static const struct {
		const char *secret, *header, *code;
	} cases[] = {
		{ "bw-secret", "bw-secret", "" },
		{ "bw-new,bw-secret", "bw-secret", "" },
		{ "bw-new, bw-secret", "bw-new", "" },
		{ "bw-secret", "bw-secreT", "bad_signature" },
		{ "bw-secret", "bw-secret ", "bad_signature" },
		{ "bw-secret", "bw", "bad_signature" },
		{ "bw-new,bw-secret", "bw-new,bw-secret", "bad_signature" },
		{ "", "x", "bad_signature" },
		{ "bw-secret", "", "missing_signature" },
		{ "bw-secret", NULL, "missing_signature" },
		{ "", "", "missing_signature" },
	};
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&err);
		assert_int_equal(boothwyn_check(cases[i].secret, cases[i].header, &err), *cases[i].code == '\0' ? 0 : -1);
		assert_string_equal(err.code, cases[i].code);
	}
}

#define TOKEN      "12345678901234567890123456789012"
#define TWILIO_URL "https://api.example-clinic.test/webhooks/twilio/status?tenant=7"
#define TWILIO_SIG "RxlclNXFCKaLydh032TyCkNDOMk="

static const char *const twilio_names[] = { "MessageSid", "SmsSid", "MessageStatus", "SmsStatus", "To", "From", "AccountSid",
	"ApiVersion" };
static const char *const twilio_values[] = {
	"SM00000000000000000000000000000abc",
	"SM00000000000000000000000000000abc",
	"delivered",
	"delivered",
	"+14155550123",
	"+15005550006",
	"AC00000000000000000000000000000001",
	"2010-04-01",
};

static void
twilio_signs_url_and_parameters(void **state)
{
	static const struct {
		const char *token, *header, *url, *code;
	} cases[] = {
		{ TOKEN, TWILIO_SIG, TWILIO_URL, "" },
		{ "other," TOKEN, TWILIO_SIG, TWILIO_URL, "" },
		{ TOKEN, TWILIO_SIG, "https://api.example-clinic.test:8443/webhooks/twilio/status?tenant=7", "" },
		{ "other", TWILIO_SIG, TWILIO_URL, "bad_signature" },
		{ TOKEN, TWILIO_SIG, "https://api.example-clinic.test/webhooks/twilio/status?tenant=8", "bad_signature" },
		{ TOKEN, TWILIO_SIG, "http://api.example-clinic.test/webhooks/twilio/status?tenant=7", "bad_signature" },
		{ TOKEN, TWILIO_SIG, "/webhooks/twilio/status?tenant=7", "bad_signature" },
		{ TOKEN, "rxlclNXFCKaLydh032TyCkNDOMk=", TWILIO_URL, "bad_signature" },
		{ TOKEN, "RxlclNXFCKaLydh032TyCkNDOMk", TWILIO_URL, "bad_signature" },
		{ TOKEN, "", TWILIO_URL, "missing_signature" },
		{ TOKEN, NULL, TWILIO_URL, "missing_signature" },
	};
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&err);
		assert_int_equal(twilio_check(cases[i].token, cases[i].header, cases[i].url, twilio_names, twilio_values,
				     COUNT(twilio_names), &err),
		    *cases[i].code == '\0' ? 0 : -1);
		assert_string_equal(err.code, cases[i].code);
	}
	assert_int_equal(
	    twilio_check(TOKEN, TWILIO_SIG, TWILIO_URL, twilio_names, twilio_values, COUNT(twilio_names) - 1, &err), -1);
}

/* What the text must have been: base64(HMAC-SHA1(token, text)). */
static void
twilio_expect(const char *text, const char *url, const char *const *names, const char *const *values, size_t n)
{
	struct buf header = BUF_INIT(64);
	struct problem err;
	uint8_t mac[20];

	hmac_sha1(BYTES_OF(TOKEN), BYTES_OF(text), mac);
	base64_encode(BYTES(mac, 20), &header);
	assert_int_equal(twilio_check(TOKEN, buf_str(&header), url, names, values, n, &err), 0);
	buf_release(&header);
}

static void
twilio_parameters_are_sorted_by_byte_and_taken_once(void **state)
{
	static const char *const names[] = { "b", "a", "B", "a", "a" }, *const values[] = { "1", "2", "3", "1", "2" };

	(void)state;
	twilio_expect("https://x.test/B3a1a2b1", "https://x.test/", names, values, 5);
	twilio_expect("https://x.test/?bodySHA256=00", "https://x.test/?bodySHA256=00", NULL, NULL, 0);
	twilio_expect("https://x.test:443/p", "https://x.test/p", NULL, NULL, 0);
	twilio_expect("http://x.test:80?q=a:b/c", "http://x.test?q=a:b/c", NULL, NULL, 0);
	twilio_expect("https://x.test/p", "https://x.test:8443/p", NULL, NULL, 0);
}

#define KEY_A \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/" \
	"7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
#define SIG_A "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
#define BODY_A \
	"[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced Address\"," \
	"\"sg_event_id\":\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\"," \
	"\"sg_message_id\":\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\"," \
	"\"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\"timestamp\":1600112492}]\r\n"
#define KEY_B \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHhhTL9R1TALzBB2cdc6zO4P/2BrHzk/ogsyxyYvFiW6kbDEcTi/" \
	"0DdlqNlPm5FRF0y3+SG7O11x6kMahiIHAow=="
#define SIG_B "MEQCIGaMeG9IYXxbypPsIw84pdvIymvwFjP4L4OWl9iXu3X9AiAbgvivjnjM4Teo8yKPHNCkebZ6FwUmkux1HAsnrPjaYw=="
#define BODY_B \
	"[{\"email\":\"pat@example.com\",\"timestamp\":1760000000,\"event\":\"delivered\",\"sg_event_id\":\"evt-0001\"," \
	"\"sg_message_id\":\"msg-0001.recvd-0\",\"response\":\"250 OK\"}]\r\n"

static void
sendgrid_signs_with_its_private_key(void **state)
{
	static const struct {
		const char *key, *at, *sig, *body;
		int64_t now_s;
		const char *code;
	} cases[] = {
		{ KEY_A, "1600112502", SIG_A, BODY_A, 1600112502, "" },
		{ KEY_B, "1760000001", SIG_B, BODY_B, 1760000001, "" },
		{ KEY_A "," KEY_B, "1760000001", SIG_B, BODY_B, 1760000001, "" },
		{ KEY_B, "1760000001", SIG_B, BODY_B, 1760000601, "" },
		{ KEY_B, "1760000001", SIG_B, BODY_B, 1760000602, "stale_timestamp" },
		{ KEY_B, "1760000001", SIG_B, BODY_B, 1759999401, "" },
		{ KEY_B, "1760000001", SIG_B, BODY_B, 1759999400, "stale_timestamp" },
		{ KEY_A, "1760000001", SIG_B, BODY_B, 1760000001, "bad_signature" },
		{ KEY_B, "1760000002", SIG_B, BODY_B, 1760000001, "bad_signature" },
		{ KEY_B, SIG_B, "1760000001", BODY_B, 1760000001, "bad_signature" },
		{ KEY_B, "1760000001", SIG_A, BODY_B, 1760000001, "bad_signature" },
		{ KEY_B, "1760000001", "not base64!", BODY_B, 1760000001, "bad_signature" },
		{ "bm8ga2V5", "1760000001", SIG_B, BODY_B, 1760000001, "bad_signature" },
		{ "", "1760000001", SIG_B, BODY_B, 1760000001, "bad_signature" },
		{ KEY_B, NULL, SIG_B, BODY_B, 1760000001, "missing_signature" },
		{ KEY_B, "1760000001", NULL, BODY_B, 1760000001, "missing_signature" },
		{ KEY_B, "1760000001", "", BODY_B, 1760000001, "missing_signature" },
	};
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&err);
		assert_int_equal(sendgrid_check(cases[i].key, cases[i].at, cases[i].sig, BYTES_OF(cases[i].body),
				     cases[i].now_s * US_PER_S, &err),
		    *cases[i].code == '\0' ? 0 : -1);
		assert_string_equal(err.code, cases[i].code);
	}
	assert_int_equal(strlen(BODY_A), 327);
	/* The line end belongs to the message. */
	assert_int_equal(sendgrid_check(KEY_A, "1600112502", SIG_A, BYTES(BODY_A, 325), INT64_C(1600112502) * US_PER_S, &err), -1);
	assert_int_equal(
	    sendgrid_check(KEY_A, "1600112502", SIG_A, BYTES("x" BODY_A, 327), INT64_C(1600112502) * US_PER_S, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stripe_headers_are_taken_apart),
		cmocka_unit_test(every_byte_of_a_stripe_body_counts),
		cmocka_unit_test(we_sign_as_stripe_does),
		cmocka_unit_test(canvas_slack_and_pharmacies_sign_with_a_version),
		cmocka_unit_test(webhooks_are_good_for_five_minutes_either_way),
		cmocka_unit_test(a_signed_timestamp_must_be_plain_seconds),
		cmocka_unit_test(boothwyn_shows_a_shared_secret),
		cmocka_unit_test(twilio_signs_url_and_parameters),
		cmocka_unit_test(twilio_parameters_are_sorted_by_byte_and_taken_once),
		cmocka_unit_test(sendgrid_signs_with_its_private_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
