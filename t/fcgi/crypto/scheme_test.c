/*
 * scheme_test.c: every vendor's scheme by the table that the receiver uses (rules W2, W3): the vector of its sheet passes, no byte
 * of body or header may change, and 300 s either way is the end.
 */
#include "fcgi/unit.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/scheme.h"

#define SENDGRID_KEY \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHhhTL9R1TALzBB2cdc6zO4P/2BrHzk/ogsyxyYvFiW6kbDEcTi/0DdlqNlPm5FRF0y3+SG7O11x6kMahiIHAow=="

static const struct vector {
	const char *vendor, *secret, *url, *body;
	const char *headers[2][2];
	int64_t at_s;    /* 0: nothing is signed that ages */
	int64_t skew_s;  /* 300 unless the vendor's sheet says otherwise */
	bool body_bound; /* a changed body is noticed */
} vectors[] = {
	{ "stripe", "whsec_test_9f2c4b7a1d5e8063", "https://us.example/billing/webhooks/stripe",
	    "{\"id\":\"evt_1Test\",\"object\":\"event\",\"type\":\"payment_intent.succeeded\",\"created\":1767225600,\"livemode\":false}",
	    { { "stripe-signature", "t=1767225600,v1=11e0605a46b0621483b69e873b413d6d895edec2405754942d256f96b99c4aad" } },
	    1767225600, 300, true },
	{ "boothwyn", "a-secret-shared-with-the-pharmacy", "https://us.example/rx/webhooks/boothwyn", "{\"caseId\":\"1\"}",
	    { { "boothwyn-signature", "a-secret-shared-with-the-pharmacy" } }, 0, 0, false },
	{ "canvas", "canvas_plugin_secret_31d0", "https://us.example/api/webhooks/canvas",
	    "{\"event\":\"TASK_UPDATED\",\"resource_type\":\"Task\",\"resource_id\":\"5f72fbcc-10ac-48ff-a2d2-02b229c38ce9\","
	    "\"event_id\":\"c2b6a3b0-0000-4000-8000-000000000001\",\"occurred_at\":\"2026-01-01T00:00:00Z\"}",
	    { { "x-canvas-plugin-timestamp", "1767225600" },
		{ "x-canvas-plugin-signature", "v1=ccead988b888e3ea495fc66d1cb934407cb52b0bc531069824e3a77380745802" } },
	    1767225600, 300, true },
	{ "pharmacy", "pharm_whsec_0001", "https://us.example/webhooks/pharmacy/x",
	    "{\"event_id\":\"evt_0001\",\"type\":\"prescription.status_changed\",\"data\":{\"order_id\":\"ord_1\",\"status\":\"shipped\"}}",
	    { { "x-pharmacy-timestamp", "1760000000" },
		{ "x-pharmacy-signature", "v1=acf1d97c6ea1834af63e5d4feda30e5046d7ea48aaded63128fa28899b46b82c" } },
	    1760000000, 300, true },
	{ "pioneerrx", "rx-events-address-secret", "https://us.example/rx/webhooks/pioneerrx?token=rx-events-address-secret", "{}",
	    { { NULL } }, 0, 0, false },
	{ "sendgrid", SENDGRID_KEY, "https://us.example/notify/webhooks/sendgrid",
	    "[{\"email\":\"pat@example.com\",\"timestamp\":1760000000,\"event\":\"delivered\",\"sg_event_id\":\"evt-0001\",\"sg_message_id\":"
	    "\"msg-0001.recvd-0\",\"response\":\"250 OK\"}]\r\n",
	    { { "x-twilio-email-event-webhook-timestamp", "1760000001" },
		{ "x-twilio-email-event-webhook-signature", "MEQCIGaMeG9IYXxbypPsIw84pdvIymvwFjP4L4OWl9iXu3X9AiAbgvivjnjM4Teo8yKPHNCke"
							    "bZ6FwUmkux1HAsnrPjaYw==" } },
	    1760000001, 600, true },
	{ "twilio", "12345678901234567890123456789012", "https://api.example-clinic.test/webhooks/twilio/status?tenant=7",
	    "MessageSid=SM00000000000000000000000000000abc&SmsSid=SM00000000000000000000000000000abc&MessageStatus=delivered&SmsStatus="
	    "delivered&To=%2B14155550123&From=%2B15005550006&AccountSid=AC00000000000000000000000000000001&ApiVersion=2010-04-01",
	    { { "x-twilio-signature", "RxlclNXFCKaLydh032TyCkNDOMk=" } }, 0, 0, true },
	{ "shippo", "whsec_test_shippo_0001", "https://us.example/webhooks/shippo",
	    "{\"event\":\"track_updated\",\"test\":true,\"data\":{\"carrier\":\"shippo\",\"tracking_number\":\"SHIPPO_DELIVERED\"}}",
	    { { "shippo-auth-signature", "t=1760000000,v1=9804e8ae4617ad157634acdb56997699758020dac42d2642a528eebf3df6ad72" } },
	    1760000000, 300, true },
	{ "zoom", "zoom_secret_token_4f8a", "https://us.example/webhooks/zoom",
	    "{\"event\":\"meeting.started\",\"event_ts\":1767225600123,\"payload\":{\"account_id\":\"AAAAAABBBB\",\"object\":{\"id\":\"91234567890\","
	    "\"uuid\":\"abcDEF123==\",\"host_id\":\"hostid01\",\"topic\":\"Visit\",\"type\":2,\"start_time\":\"2026-01-01T00:00:00Z\",\"timezone\":"
	    "\"UTC\",\"duration\":30}}}",
	    { { "x-zm-request-timestamp", "1767225600" },
		{ "x-zm-signature", "v0=40cd1d3a0392620ae0dd00705f983a5dc4560c49d4eebf166cddb44de0889f88" } },
	    1767225600, 300, true },
	{ "hubspot", "hs-client-secret-7b1e", "https://api.example.com/webhooks/hubspot?src=hs",
	    "[{\"eventId\":1001,\"subscriptionId\":334,\"portalId\":789,\"occurredAt\":1767225600000,\"subscriptionType\":"
	    "\"conversation.newMessage\",\"attemptNumber\":0,\"objectId\":321,\"messageId\":\"555\",\"messageType\":\"MESSAGE\"}]",
	    { { "x-hubspot-request-timestamp", "1767225600500" }, { "x-hubspot-signature-v3", "u6KpHoOY5HXuJxvBeLu5rHokFuBKdy3j1uv4mJScIrs=" } },
	    1767225600, 300, true },
	{ "slack", "8f742231b10e8888abcd99yyyzzz85a5", "https://us.example/webhooks/slack",
	    "{\"type\":\"event_callback\",\"event_id\":\"Ev0001\"}",
	    { { "x-slack-request-timestamp", "1531420618" },
		{ "x-slack-signature", "v0=94ba2c841163daf6c3a823493aac7b9ca936dddd861d05f3539629585198c43f" } },
	    1531420618, 300, true },
};

/* A vector as it is posted, with one thing changed. */
struct posted {
	const char *names[2], *values[2];
};

static const char *
find_header(const void *context, const char *name)
{
	const struct posted *p = context;

	for (size_t i = 0; i < 2; i++)
		if (p->names[i] != NULL && strcmp(p->names[i], name) == 0)
			return p->values[i];
	return NULL;
}

static struct posted
posted(const struct vector *v)
{
	return (struct posted){ { v->headers[0][0], v->headers[1][0] }, { v->headers[0][1], v->headers[1][1] } };
}

static int
check(const struct vector *v, const struct posted *headers, struct bytes body, const char *url, int64_t now_s)
{
	const char *target = strchr(strstr(url, "://") + 3, '/');
	const struct signed_post p = { "POST", url, target, body, find_header, headers, now_s * US_PER_S };
	struct problem err = { 0 };
	int rc = webhook_scheme(v->vendor)->check(v->secret, &p, &err);

	assert_int_equal(err.status, rc == 0 ? 0 : 401);
	return rc;
}

static void
each_vendors_vector_passes_and_no_vendor_lacks_one(void **state UNUSED)
{
	size_t n = 0;

	for (; webhook_scheme_at(n) != NULL; n++)
		;
	assert_int_equal(n, COUNT(vectors));
	assert_null(webhook_scheme("nobody"));
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct posted h = posted(&vectors[i]);

		assert_string_equal(vectors[i].vendor, webhook_scheme_at(i)->vendor);
		assert_int_equal(check(&vectors[i], &h, BYTES_OF(vectors[i].body), vectors[i].url, vectors[i].at_s), 0);
	}
}

static void
each_byte_of_the_body_counts(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		const struct posted h = posted(v);
		size_t n = strlen(v->body);
		char copy[1024];

		assert_true(n < sizeof(copy));
		for (size_t k = 0; k < n && v->body_bound; k++) {
			memcpy(copy, v->body, n);
			copy[k] = (char)(copy[k] ^ 1);
			/* Of a form its parameters are signed, whatever their order and spelling: a flipped bit is another parameter. */
			assert_int_equal(check(v, &h, BYTES(copy, n), v->url, v->at_s), -1);
		}
	}
}

static void
each_byte_of_the_headers_counts(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];

		for (size_t which = 0; which < 2 && v->headers[which][0] != NULL; which++) {
			size_t n = strlen(v->headers[which][1]);
			char copy[512];

			for (size_t k = 0; k < n; k++) {
				struct posted h = posted(v);

				memcpy(copy, v->headers[which][1], n + 1);
				copy[k] = (char)(copy[k] ^ 1);
				h.values[which] = copy;
				assert_int_equal(check(v, &h, BYTES_OF(v->body), v->url, v->at_s), -1);
			}
			struct posted h = posted(v);

			h.names[which] = NULL;
			assert_int_equal(check(v, &h, BYTES_OF(v->body), v->url, v->at_s), -1);
		}
	}
}

static void
what_is_signed_ages_after_five_minutes_either_way(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		const struct posted h = posted(v);
		struct bytes body = BYTES_OF(v->body);

		if (v->at_s == 0)
			continue;
		assert_int_equal(check(v, &h, body, v->url, v->at_s + v->skew_s), 0);
		assert_int_equal(check(v, &h, body, v->url, v->at_s - v->skew_s + 1), 0);
		assert_int_equal(check(v, &h, body, v->url, v->at_s + v->skew_s + 1), -1);
		assert_int_equal(check(v, &h, body, v->url, v->at_s - v->skew_s - 1), -1);
	}
}

static void
an_address_is_part_of_what_some_sign(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		const struct posted h = posted(v);
		bool signs = strcmp(v->vendor, "twilio") == 0 || strcmp(v->vendor, "hubspot") == 0 || strcmp(v->vendor, "pioneerrx") == 0;

		assert_int_equal(check(v, &h, BYTES_OF(v->body), "https://us.example/another?token=rx-events-address-secreT", v->at_s), signs ? -1 : 0);
	}
}

static void
zoom_is_told_that_we_know_the_secret(void **state UNUSED)
{
	char hex[65];

	zoom_validate("zoom_secret_token_4f8a", "qgg8vlvZRS6UYooatFL8Aw", hex);
	assert_string_equal(hex, "32760b1f14db5db7a7b895ebc6f833d5f391d7bac177ab1b0fbe014ec27f7f74");
}

/* The vector of the Standard Webhooks specification's own libraries. */
static void
what_we_post_is_a_standard_webhook(void **state UNUSED)
{
	struct buf b = BUF_INIT(1024);

	assert_int_equal(standard_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
			     BYTES_OF("{\"test\": 2432232314}"), &b),
	    0);
	assert_string_equal(buf_str(&b), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	buf_clear(&b);
	assert_int_equal(standard_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,whsec_AAAA", "a", 1, BYTES_OF(""), &b), 0);
	assert_non_null(strstr(buf_str(&b), " v1,"));
	assert_int_equal(standard_sign("plain", "a", 1, BYTES_OF(""), &b), -1);
	assert_int_equal(standard_sign("", "a", 1, BYTES_OF(""), &b), -1);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_vendors_vector_passes_and_no_vendor_lacks_one),
		cmocka_unit_test(each_byte_of_the_body_counts),
		cmocka_unit_test(each_byte_of_the_headers_counts),
		cmocka_unit_test(what_is_signed_ages_after_five_minutes_either_way),
		cmocka_unit_test(an_address_is_part_of_what_some_sign),
		cmocka_unit_test(zoom_is_told_that_we_know_the_secret),
		cmocka_unit_test(what_we_post_is_a_standard_webhook),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
