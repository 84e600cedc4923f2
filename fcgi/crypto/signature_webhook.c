/* signature_webhook.c: the schemes by which vendors sign what they post to us. */
#include "core.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "crypto/signature_parts.h"

#define SENDGRID_SKEW_S 600

/* Unix seconds: digits only, so that "+1", " 1" and "1.0" are not other spellings of a signed moment. */
static int
seconds_parse(const char *s, size_t n, int64_t *us)
{
	int64_t v = 0;

	if (n == 0 || n > 11)
		return -1;
	for (; n > 0; n--, s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s - '0');
	}
	*us = v * US_PER_S;
	return 0;
}

static int
seconds_fresh(const char *s, size_t n, int64_t now_us, int64_t allowed_s, struct problem *err)
{
	int64_t at;

	if (seconds_parse(s, n, &at) < 0)
		return problem(err, 401, "stale_timestamp", "the timestamp is no number of seconds");
	return signature_fresh(at, now_us, allowed_s, err);
}

/* The header is "t=<seconds>,v1=<hex>[,v1=<hex>...][,v0=...]". */
struct stripe_header {
	struct bytes t;
	struct bytes v1[8];
	size_t n;
	bool twice; /* t */
};

static void
stripe_split(const char *header, struct stripe_header *h)
{
	struct bytes value;
	size_t n, name;

	for (; *header != '\0'; header += header[n] == ',' ? n + 1 : n) {
		n = strcspn(header, ",");
		name = strcspn(header, "=");
		if (name >= n)
			continue;
		value = BYTES(header + name + 1, n - name - 1);
		if (name == 1 && *header == 't') {
			h->twice = h->t.p != NULL;
			h->t = value;
		} else if (name == 2 && memcmp(header, "v1", 2) == 0 && h->n < COUNT(h->v1)) {
			h->v1[h->n++] = value;
		}
	}
}

int
stripe_check(const char *secret, const char *header, struct bytes body, int64_t now_us, struct problem *err)
{
	struct stripe_header h = { .n = 0 };
	bool found = false;
	size_t i;

	if (header == NULL)
		return signature_missing(err);
	stripe_split(header, &h);
	if (h.t.n == 0 || h.n == 0)
		return signature_missing(err);
	const struct bytes parts[] = { h.t, BYTES_OF("."), body };

	for (i = 0; i < h.n; i++)
		found |= hmac_matches(secret, parts, COUNT(parts), h.v1[i]);
	if (!found || h.twice)
		return signature_bad(err);
	return seconds_fresh((const char *)h.t.p, h.t.n, now_us, SIGNATURE_SKEW_S, err);
}

void
stripe_sign(const char *secret, int64_t now_s, struct bytes body, struct buf *header)
{
	struct bytes key;
	char text[24], hex[HEX32];
	uint8_t mac[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, now_s);
	const struct bytes parts[] = { BYTES_OF(text), BYTES_OF("."), body };

	(void)secret_next(&secret, &key);
	hmac_sha256(key, parts, COUNT(parts), mac);
	buf_addf(header, "t=%s,v1=%s", text, hex_encode(BYTES(mac, sizeof(mac)), hex));
}

int
boothwyn_check(const char *secret, const char *header, struct problem *err)
{
	struct bytes one;
	bool found = false;

	if (header == NULL || *header == '\0')
		return signature_missing(err);
	while (secret_next(&secret, &one))
		found |= same_bytes(one, BYTES_OF(header));
	return found ? 0 : signature_bad(err);
}

/* "<version>=<hex>" over the parts, with unix seconds in a header of their own: Canvas plugins, our pharmacy contract and Slack. */
static int
versioned_check(const char *secret, const char *version, const char *timestamp, const char *header, const struct bytes *parts,
    size_t n, int64_t now_us, struct problem *err)
{
	size_t prefix = strlen(version);

	if (strncmp(header, version, prefix) != 0 || !hmac_matches(secret, parts, n, BYTES_OF(header + prefix)))
		return signature_bad(err);
	return seconds_fresh(timestamp, strlen(timestamp), now_us, SIGNATURE_SKEW_S, err);
}

int
canvas_check(const char *secret, const char *timestamp, const char *header, struct bytes body, int64_t now_us, struct problem *err)
{
	if (timestamp == NULL || header == NULL || *timestamp == '\0' || *header == '\0')
		return signature_missing(err);
	const struct bytes parts[] = { BYTES_OF(timestamp), BYTES_OF("."), body };

	return versioned_check(secret, "v1=", timestamp, header, parts, COUNT(parts), now_us, err);
}

int
slack_check(const char *secret, const char *timestamp, const char *header, struct bytes body, int64_t now_us, struct problem *err)
{
	if (timestamp == NULL || header == NULL || *timestamp == '\0' || *header == '\0')
		return signature_missing(err);
	const struct bytes parts[] = { BYTES_OF("v0:"), BYTES_OF(timestamp), BYTES_OF(":"), body };

	return versioned_check(secret, "v0=", timestamp, header, parts, COUNT(parts), now_us, err);
}

/* ---- Twilio */

struct pair {
	const char *name;
	const char *value;
};

static int
by_name_and_value(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c != 0 ? c : strcmp(x->value, y->value);
}

/* Names and values in byte order of the names, each pair once. */
static void
twilio_parameters(struct arena *a, struct buf *out, const char *const *names, const char *const *values, size_t n)
{
	struct pair *pairs = arena_alloc(a, (n + 1) * sizeof(*pairs));
	size_t i;

	for (i = 0; i < n; i++)
		pairs[i] = (struct pair){ names[i], values[i] };
	qsort(pairs, n, sizeof(*pairs), by_name_and_value);
	for (i = 0; i < n; i++) {
		if (i > 0 && by_name_and_value(&pairs[i - 1], &pairs[i]) == 0)
			continue;
		buf_add(out, pairs[i].name);
		buf_add(out, pairs[i].value);
	}
}

static bool
twilio_matches(const char *tokens, const char *header, struct bytes text)
{
	struct buf want = BUF_INIT(64);
	bool found = false;
	struct bytes key;
	uint8_t mac[20];

	while (secret_next(&tokens, &key)) {
		hmac_sha1(key, text, mac);
		buf_clear(&want);
		base64_encode(BYTES(mac, sizeof(mac)), &want);
		found |= same_text(buf_str(&want), header);
	}
	buf_release(&want);
	return found;
}

/* Twilio signs the URL that it was given, but drops or adds the port on the way: the spellings that it may have used. */
static size_t
twilio_urls(struct arena *a, const char *url, const char *ret[2])
{
	const char *host = strstr(url, "://"), *rest, *port;
	bool tls = strncmp(url, "https:", 6) == 0;

	ret[0] = url;
	if (host == NULL)
		return 1;
	host += 3;
	rest = host + strcspn(host, "/?#");
	port = memchr(host, ':', (size_t)(rest - host));
	if (port != NULL)
		ret[1] = arena_printf(a, "%.*s%s", (int)(port - url), url, rest);
	else
		ret[1] = arena_printf(a, "%.*s:%s%s", (int)(rest - url), url, tls ? "443" : "80", rest);
	return 2;
}

int
twilio_check(const char *token, const char *header, const char *url, const char *const *names, const char *const *values, size_t n,
    struct problem *err)
{
	struct arena *a;
	const char *urls[2];
	bool found = false;
	struct buf text;
	size_t i, nurls;

	if (header == NULL || *header == '\0')
		return signature_missing(err);
	a = arena_new(0);
	nurls = twilio_urls(a, url, urls);
	for (i = 0; i < nurls; i++) {
		text = buf_in(a, (size_t)1 << 20);
		buf_add(&text, urls[i]);
		twilio_parameters(a, &text, names, values, n);
		found |= !text.failed && twilio_matches(token, header, BYTES(text.data, text.len));
	}
	arena_free(a);
	return found ? 0 : signature_bad(err);
}

/* ---- SendGrid: ECDSA on P-256 with SHA-256; the key is the base64 of a DER SubjectPublicKeyInfo */

static EVP_PKEY *
sendgrid_key(struct bytes base64)
{
	uint8_t der[256];
	const uint8_t *p = der;
	ssize_t n;
	EVP_PKEY *key;

	if (base64.n > 256)
		return NULL;
	n = base64_decode((const char *)base64.p, base64.n, der);
	key = n <= 0 ? NULL : d2i_PUBKEY(NULL, &p, n);
	if (key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static bool
sendgrid_matches(struct bytes base64, const char *timestamp, struct bytes body, struct bytes signature)
{
	EVP_PKEY *key = sendgrid_key(base64);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = key != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerifyUpdate(ctx, timestamp, strlen(timestamp)) == 1 && EVP_DigestVerifyUpdate(ctx, body.p, body.n) == 1 &&
	    EVP_DigestVerifyFinal(ctx, signature.p, signature.n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

int
sendgrid_check(
    const char *public_key, const char *timestamp, const char *header, struct bytes body, int64_t now_us, struct problem *err)
{
	uint8_t signature[128];
	bool found = false;
	struct bytes key;
	ssize_t n;

	if (timestamp == NULL || header == NULL || *timestamp == '\0' || *header == '\0')
		return signature_missing(err);
	n = strlen(header) > 160 ? -1 : base64_decode(header, strlen(header), signature);
	while (n > 0 && secret_next(&public_key, &key))
		found |= sendgrid_matches(key, timestamp, body, BYTES(signature, (size_t)n));
	if (!found)
		return signature_bad(err);
	return seconds_fresh(timestamp, strlen(timestamp), now_us, SENDGRID_SKEW_S, err);
}
