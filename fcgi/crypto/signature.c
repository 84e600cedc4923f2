/* signature.c: the schemes of signature.h that are ours (service calls, plan token) or go out (PioneerRx); webhooks are in
 * signature_webhook.c. */
#include "core.h"

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "crypto/signature_parts.h"

bool
secret_next(const char **list, struct bytes *ret)
{
	const char *s = *list;
	size_t n;

	s += strspn(s, ", \t");
	n = strcspn(s, ",");
	*list = s + n;
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	*ret = BYTES(s, n);
	return n > 0;
}

bool
hmac_matches(const char *secrets, const struct bytes *parts, size_t n, struct bytes given)
{
	char want[HEX32];
	struct bytes key;
	uint8_t mac[32];
	bool found = false;

	while (secret_next(&secrets, &key)) {
		hmac_sha256(key, parts, n, mac);
		(void)hex_encode(BYTES(mac, sizeof(mac)), want);
		found |= same_bytes(BYTES(want, HEX32 - 1), given);
	}
	return found;
}

int
signature_missing(struct problem *err)
{
	return problem(err, 401, "missing_signature", "the message carries no complete signature");
}

int
signature_bad(struct problem *err)
{
	return problem(err, 401, "bad_signature", "the signature does not belong to this message");
}

int
signature_fresh(int64_t at_us, int64_t now_us, int64_t allowed_s, struct problem *err)
{
	int64_t apart;

	if (__builtin_sub_overflow(now_us, at_us, &apart) || apart > allowed_s * US_PER_S || apart < -allowed_s * US_PER_S)
		return problem(err, 401, "stale_timestamp", "the timestamp is more than %" PRId64 " seconds away", allowed_s);
	return 0;
}

/* The key that signs: the first of the list. */
static struct bytes
first_secret(const char *secrets)
{
	struct bytes key;

	(void)secret_next(&secrets, &key);
	return key;
}

void
service_sign(const char *secret, const char *timestamp, struct bytes body, char out[65])
{
	const struct bytes parts[] = { BYTES_OF(timestamp), BYTES_OF("."), body };
	uint8_t mac[32];

	hmac_sha256(first_secret(secret), parts, COUNT(parts), mac);
	(void)hex_encode(BYTES(mac, sizeof(mac)), out);
}

int
service_check(
    const char *secret, const char *timestamp, const char *signature, struct bytes body, int64_t now_us, struct problem *err)
{
	int64_t at;

	if (timestamp == NULL || signature == NULL || *timestamp == '\0' || *signature == '\0')
		return signature_missing(err);
	const struct bytes parts[] = { BYTES_OF(timestamp), BYTES_OF("."), body };

	if (!hmac_matches(secret, parts, COUNT(parts), BYTES_OF(signature)))
		return signature_bad(err);
	if (clock_parse(timestamp, &at) < 0)
		return problem(err, 401, "stale_timestamp", "the timestamp is no ISO 8601 time with an offset");
	return signature_fresh(at, now_us, SIGNATURE_SKEW_S, err);
}

#define V2_PARTS(c) \
	{ \
		BYTES_OF((c)->timestamp), BYTES_OF("."), BYTES_OF((c)->nonce), BYTES_OF("."), BYTES_OF((c)->method), \
		    BYTES_OF("."), BYTES_OF((c)->target), BYTES_OF("."), (c)->body \
	}

void
service_sign_v2(const char *secret, const struct signed_call *c, char out[68])
{
	const struct bytes parts[] = V2_PARTS(c);
	uint8_t mac[32];

	hmac_sha256(first_secret(secret), parts, COUNT(parts), mac);
	memcpy(out, "v2=", 3);	/* NOLINT(bugprone-not-null-terminated-result): the hex digits end it */
	(void)hex_encode(BYTES(mac, sizeof(mac)), out + 3);
}

static bool
nonce_valid(const char *nonce)
{
	size_t i, n = strlen(nonce);

	for (i = 0; i < n; i++)
		if (nonce[i] < '!' || nonce[i] > '~')
			return false;
	return n >= 16 && n <= 64;
}

int
service_check_v2(const char *secret, const struct signed_call *c, const char *signature, int64_t now_us, struct problem *err)
{
	int64_t at;

	if (c->timestamp == NULL || c->nonce == NULL || signature == NULL || *c->timestamp == '\0' || *signature == '\0')
		return signature_missing(err);
	if (!nonce_valid(c->nonce) || strncmp(signature, "v2=", 3) != 0)
		return signature_bad(err);
	const struct bytes parts[] = V2_PARTS(c);

	if (!hmac_matches(secret, parts, COUNT(parts), BYTES_OF(signature + 3)))
		return signature_bad(err);
	if (clock_parse(c->timestamp, &at) < 0)
		return problem(err, 401, "stale_timestamp", "the timestamp is no ISO 8601 time with an offset");
	return signature_fresh(at, now_us, SIGNATURE_SKEW_S, err);
}

/* UTF-8 as UTF-16 little-endian without a byte order mark; bytes that are no UTF-8 become U+FFFD as they would in the vendor's own
 * client. */
static void
add_utf16le(struct buf *out, const char *s)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t n = strlen(s), len;
	uint32_t c, low = 0;

	for (; n > 0; p += len, n -= len) {
		len = utf8_next(p, n, &c);
		if (len == 0) {
			c = 0xfffd;
			len = 1;
		}
		if (c >= 0x10000) {
			low = 0xdc00 + ((c - 0x10000) & 0x3ff);
			c = 0xd800 + ((c - 0x10000) >> 10);
		}
		buf_addc(out, (char)(c & 0xff));
		buf_addc(out, (char)(c >> 8));
		if (low != 0) {
			buf_addc(out, (char)(low & 0xff));
			buf_addc(out, (char)(low >> 8));
			low = 0;
		}
	}
}

void
pioneerrx_sign(const char *timestamp, const char *secret, struct buf *out)
{
	struct buf text = BUF_INIT(4096);
	uint8_t digest[64];

	add_utf16le(&text, timestamp);
	add_utf16le(&text, secret);
	if (text.failed) {
		out->failed = true;
	} else {
		sha512(BYTES(text.data, text.len), digest);
		base64_encode(BYTES(digest, sizeof(digest)), out);
		OPENSSL_cleanse(text.data, text.len);
	}
	buf_release(&text);
}

void
plan_token_sign(const char *secret, const char *json, struct buf *token)
{
	size_t start = token->len;
	struct bytes data;
	uint8_t mac[32];

	base64url_encode(BYTES_OF(json), token);
	if (token->failed)
		return;
	data = BYTES(token->data + start, token->len - start);
	hmac_sha256(first_secret(secret), &data, 1, mac);
	buf_addc(token, '.');
	base64url_encode(BYTES(mac, sizeof(mac)), token);
}

static int
tampered(struct problem *err)
{
	problem(err, 400, "tampered_plan_token", "Tampered plan token");
	err->audit = true;
	return -1;
}

/* The 32 bytes that the token's second part stands for: base64url as we write it, or hex as others write it. */
static int
plan_signature(const char *text, uint8_t mac[32])
{
	size_t n = strnlen(text, HEX32);
	uint8_t bytes[48];

	if (n == 64)
		return hex_decode(text, n, mac, 32) == 32 ? 0 : -1;
	if (n != 43 || base64url_decode(text, n, bytes) != 32)
		return -1;
	memcpy(mac, bytes, 32);
	return 0;
}

int
plan_token_open(const char *secret, const char *token, struct buf *json, struct problem *err)
{
	size_t n = strcspn(token, ".");
	struct bytes data = BYTES(token, n), key;
	uint8_t given[32], want[32], *plain;
	bool found = false;
	ssize_t len;

	if (token[n] != '.' || n == 0 || n > 4096 || plan_signature(token + n + 1, given) < 0)
		return tampered(err);
	while (secret_next(&secret, &key)) {
		hmac_sha256(key, &data, 1, want);
		found |= same_bytes(BYTES(want, 32), BYTES(given, 32));
	}
	if (!found)
		return tampered(err);
	plain = malloc(n + 4);
	len = plain == NULL ? -1 : base64url_decode(token, n, plain);
	if (len > 0)
		buf_addn(json, plain, (size_t)len);
	free(plain);
	return len > 0 ? 0 : tampered(err);
}
