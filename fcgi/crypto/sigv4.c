/* sigv4.c: see sigv4.h. */
#include "core.h"

#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/sigv4.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DAY	  8 /* digits of the date at the head of a time */
#define TEXT_MAX  ((size_t)64 * 1024)

static void
step(uint8_t key[32], const char *text)
{
	const struct bytes part = BYTES_OF(text);
	uint8_t next[32];

	hmac_sha256(BYTES(key, 32), &part, 1, next);
	memcpy(key, next, sizeof(next));
	explicit_bzero(next, sizeof(next));
}

/* The key of one day, region and service; a leaked signature tells nothing of another day's. */
static void
signing_key(struct arena *a, const struct sigv4 *q, uint8_t key[32])
{
	char *first = arena_printf(a, "AWS4%s", q->secret_key);
	const char *day = arena_ndup(a, q->date, DAY);
	const struct bytes part = BYTES_OF(day);

	hmac_sha256(BYTES_OF(first), &part, 1, key);
	explicit_bzero(first, strlen(first));
	step(key, q->region);
	step(key, q->service);
	step(key, "aws4_request");
}

static const char *
signed_headers(struct arena *a, const struct sigv4 *q)
{
	struct buf b = buf_in(a, TEXT_MAX);

	for (size_t i = 0; i < q->nheaders; i++)
		buf_addf(&b, "%s%s", i > 0 ? ";" : "", q->headers[i].name);
	return buf_str(&b);
}

static const char *
canonical_digest(struct arena *a, const struct sigv4 *q, const char *names)
{
	struct buf b = buf_in(a, TEXT_MAX);
	uint8_t digest[32];
	char *hex = arena_alloc(a, HEX32);

	buf_addf(&b, "%s\n%s\n%s\n", q->method, q->path, q->query);
	for (size_t i = 0; i < q->nheaders; i++)
		buf_addf(&b, "%s:%s\n", q->headers[i].name, q->headers[i].value);
	buf_addf(&b, "\n%s\n%s", names, q->payload_hash);
	sha256(BYTES(buf_str(&b), b.len), digest);
	return hex_encode(BYTES(digest, sizeof(digest)), hex);
}

const char *
sigv4_authorization(struct arena *a, const struct sigv4 *q)
{
	const char *names = signed_headers(a, q);
	const char *scope = arena_printf(a, "%.*s/%s/%s/aws4_request", DAY, q->date, q->region, q->service);
	const char *text = arena_printf(a, ALGORITHM "\n%s\n%s\n%s", q->date, scope, canonical_digest(a, q, names));
	const struct bytes part = BYTES_OF(text);
	uint8_t key[32], mac[32];
	char hex[HEX32];

	signing_key(a, q, key);
	hmac_sha256(BYTES(key, sizeof(key)), &part, 1, mac);
	explicit_bzero(key, sizeof(key));
	return arena_printf(a, ALGORITHM " Credential=%s/%s,SignedHeaders=%s,Signature=%s", q->access_key, scope, names,
	    hex_encode(BYTES(mac, sizeof(mac)), hex));
}
