/* signature_scheme.c: the table of the vendors' schemes, and those that only webhooks use. */
#include "core.h"

#include <openssl/crypto.h>

#include "base/clock.h"
#include "crypto/scheme.h"
#include "crypto/signature_parts.h"

#define MS_FROM   INT64_C(1000000000000) /* a larger number of seconds is one of milliseconds */
#define FORM_MOST 256                    /* parameters of a form */

static const char *
header(const struct signed_post *p, const char *name)
{
	const char *v = p->header(p->context, name);

	return v != NULL && *v != '\0' ? v : NULL;
}

static int
milliseconds_fresh(const char *text, int64_t now_us, struct problem *err)
{
	size_t n = strlen(text);
	int64_t v = 0;

	if (n == 0 || n > 14 || strspn(text, "0123456789") != n)
		return problem(err, 401, "stale_timestamp", "the timestamp is no number");
	for (; *text != '\0'; text++)
		v = v * 10 + (*text - '0');
	return signature_fresh(v >= MS_FROM ? v * 1000 : v * US_PER_S, now_us, SIGNATURE_SKEW_S, err);
}

static int
by_stripe(const char *secrets, const struct signed_post *p, struct problem *err)
{
	return stripe_check(secrets, header(p, "stripe-signature"), p->body, p->now_us, err);
}

static int
by_boothwyn(const char *secrets, const struct signed_post *p, struct problem *err)
{
	return boothwyn_check(secrets, header(p, "boothwyn-signature"), err);
}

static int
by_canvas(const char *secrets, const struct signed_post *p, struct problem *err)
{
	return canvas_check(
	    secrets, header(p, "x-canvas-plugin-timestamp"), header(p, "x-canvas-plugin-signature"), p->body, p->now_us, err);
}

static int
by_pharmacy(const char *secrets, const struct signed_post *p, struct problem *err)
{
	return canvas_check(secrets, header(p, "x-pharmacy-timestamp"), header(p, "x-pharmacy-signature"), p->body, p->now_us, err);
}

/* Nothing is signed; the address that was given to the sender holds a secret. It stands in the query, since paths are logged. */
static int
by_pioneerrx(const char *secrets, const struct signed_post *p, struct problem *err)
{
	const char *token = strstr(p->target, "?token=");
	bool found = false;
	struct bytes one;

	if (token == NULL || token[7] == '\0')
		return signature_missing(err);
	while (secret_next(&secrets, &one))
		found |= same_bytes(one, BYTES_OF(token + 7));
	return found ? 0 : signature_bad(err);
}

static int
by_sendgrid(const char *secrets, const struct signed_post *p, struct problem *err)
{
	return sendgrid_check(secrets, header(p, "x-twilio-email-event-webhook-timestamp"),
	    header(p, "x-twilio-email-event-webhook-signature"), p->body, p->now_us, err);
}

static int
by_slack(const char *secrets, const struct signed_post *p, struct problem *err)
{
	return slack_check(secrets, header(p, "x-slack-request-timestamp"), header(p, "x-slack-signature"), p->body, p->now_us, err);
}

/* ---- Twilio: the form's parameters are part of what is signed */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *
form_text(struct arena *a, const char *s, size_t n)
{
	char *out = arena_alloc(a, n + 1), *to = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && i + 2 < n && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
			*to++ = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
			i += 2;
		} else {
			*to++ = s[i] == '+' ? ' ' : s[i];
		}
	}
	*to = '\0';
	return out;
}

/* False: more parameters than anybody sends. */
static bool
form_pairs(struct arena *a, struct bytes body, const char **names, const char **values, size_t *n)
{
	const char *p = (const char *)body.p, *end = p + body.n;

	for (*n = 0; p < end;) {
		const char *stop = memchr(p, '&', (size_t)(end - p));
		const char *equals;

		stop = stop != NULL ? stop : end;
		equals = memchr(p, '=', (size_t)(stop - p));
		equals = equals != NULL ? equals : stop;
		if (stop > p && *n == FORM_MOST)
			return false;
		if (stop > p) {
			names[*n] = form_text(a, p, (size_t)(equals - p));
			values[(*n)++] = equals < stop ? form_text(a, equals + 1, (size_t)(stop - equals - 1)) : "";
		}
		p = stop + 1;
	}
	return true;
}

static int
by_twilio(const char *secrets, const struct signed_post *p, struct problem *err)
{
	const char **names, **values;
	struct arena *a = arena_new(0);
	size_t n;
	int rc;

	names = arena_alloc(a, FORM_MOST * sizeof(*names));
	values = arena_alloc(a, FORM_MOST * sizeof(*values));
	if (form_pairs(a, p->body, names, values, &n))
		rc = twilio_check(secrets, header(p, "x-twilio-signature"), p->url, names, values, n, err);
	else
		rc = signature_bad(err);
	arena_free(a);
	return rc;
}

/* ---- Shippo: Stripe's form, but each member exactly once */

static size_t
members(const char *list, const char *name)
{
	size_t n = 0, len = strlen(name);

	for (; list != NULL; list = strchr(list, ',') != NULL ? strchr(list, ',') + 1 : NULL)
		n += strncmp(list, name, len) == 0;
	return n;
}

static int
by_shippo(const char *secrets, const struct signed_post *p, struct problem *err)
{
	const char *h = header(p, "shippo-auth-signature");

	if (h == NULL)
		return signature_missing(err);
	if (members(h, "t=") != 1 || members(h, "v1=") != 1)
		return signature_bad(err);
	return stripe_check(secrets, h, p->body, p->now_us, err);
}

/* ---- Zoom: Slack's form under its own names, seconds or milliseconds */

static int
by_zoom(const char *secrets, const struct signed_post *p, struct problem *err)
{
	const char *timestamp = header(p, "x-zm-request-timestamp"), *given = header(p, "x-zm-signature");

	if (timestamp == NULL || given == NULL)
		return signature_missing(err);
	const struct bytes parts[] = { BYTES_OF("v0:"), BYTES_OF(timestamp), BYTES_OF(":"), p->body };

	if (strncmp(given, "v0=", 3) != 0 || !hmac_matches(secrets, parts, COUNT(parts), BYTES_OF(given + 3)))
		return signature_bad(err);
	return milliseconds_fresh(timestamp, p->now_us, err);
}

void
zoom_validate(const char *secrets, const char *plain_token, char out[65])
{
	struct bytes key = { 0 };
	uint8_t mac[32];
	const struct bytes parts[] = { BYTES_OF(plain_token) };

	(void)secret_next(&secrets, &key);
	hmac_sha256(key, parts, COUNT(parts), mac);
	hex_encode(BYTES(mac, sizeof(mac)), out);
}

/* ---- HubSpot, version 3 of its signature; the older ones are refused */

static int
by_hubspot(const char *secrets, const struct signed_post *p, struct problem *err)
{
	const char *timestamp = header(p, "x-hubspot-request-timestamp"), *given = header(p, "x-hubspot-signature-v3");
	struct buf want = BUF_INIT(64);
	bool found = false;
	struct bytes key;
	uint8_t mac[32];

	if (timestamp == NULL || given == NULL)
		return signature_missing(err);
	const struct bytes parts[] = { BYTES_OF(p->method), BYTES_OF(p->url), p->body, BYTES_OF(timestamp) };

	while (secret_next(&secrets, &key)) {
		hmac_sha256(key, parts, COUNT(parts), mac);
		buf_clear(&want);
		base64_encode(BYTES(mac, sizeof(mac)), &want);
		found |= same_text(buf_str(&want), given);
	}
	buf_release(&want);
	return found ? milliseconds_fresh(timestamp, p->now_us, err) : signature_bad(err);
}

/* ---- the table */

static const struct webhook_scheme schemes[] = {
	{ "stripe", by_stripe, "HMAC over time and body", .refusal = 400 },
	{ "boothwyn", by_boothwyn, "a shared secret in a header; nothing is believed further than its case id" },
	{ "canvas", by_canvas, "HMAC over time and body, by our plugin" },
	{ "pharmacy", by_pharmacy, "HMAC over time and body, by the contract for pharmacies without one of their own" },
	{ "pioneerrx", by_pioneerrx, "a secret in the address; it says that something happened, what is read" },
	{ "sendgrid", by_sendgrid, "ECDSA over time and body" },
	{ "twilio", by_twilio, "HMAC over address and parameters" },
	{ "shippo", by_shippo, "HMAC over time and body" },
	{ "zoom", by_zoom, "HMAC over time and body" },
	{ "hubspot", by_hubspot, "HMAC over method, address, body and time" },
	{ "slack", by_slack, "HMAC over time and body" },
};

const struct webhook_scheme *
webhook_scheme_at(size_t i)
{
	return i < COUNT(schemes) ? &schemes[i] : NULL;
}

const struct webhook_scheme *
webhook_scheme(const char *vendor)
{
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (strcmp(schemes[i].vendor, vendor) == 0)
			return &schemes[i];
	return NULL;
}

/* ---- ours */

int
standard_sign(const char *secrets, const char *id, int64_t timestamp_s, struct bytes body, struct buf *out)
{
	uint8_t key[128], mac[32];
	struct bytes one;
	char time[24];
	bool any = false;

	(void)snprintf(time, sizeof(time), "%" PRId64, timestamp_s);
	const struct bytes parts[] = { BYTES_OF(id), BYTES_OF("."), BYTES_OF(time), BYTES_OF("."), body };

	while (secret_next(&secrets, &one)) {
		ssize_t n = -1;

		if (one.n > 6 && one.n < 160 && memcmp(one.p, "whsec_", 6) == 0)
			n = base64_decode((const char *)one.p + 6, one.n - 6, key);
		if (n <= 0)
			return -1;
		hmac_sha256(BYTES(key, (size_t)n), parts, COUNT(parts), mac);
		buf_add(out, any ? " v1," : "v1,");
		base64_encode(BYTES(mac, sizeof(mac)), out);
		any = true;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return any ? 0 : -1;
}
