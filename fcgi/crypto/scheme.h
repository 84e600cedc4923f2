/*
 * scheme.h: how each vendor signs what it posts to us, a row per vendor (rules W2, W3, W5; the sheets' vectors are their tests).
 *
 * A check reads the raw bytes and the headers as received and nothing else; 0 or a 401 problem ("missing_signature",
 * "bad_signature", "stale_timestamp"). Secrets are a comma-separated list, each is tried while one is rotated. A timestamp is
 * good for 300 s either way.
 */
#ifndef CRYPTO_SCHEME_H
#define CRYPTO_SCHEME_H

#include "crypto/signature.h"

struct signed_post {
	const char *method;
	const char *url;    /* the public one: PUBLIC_BASE_URL and the target as received */
	const char *target; /* path and query as received */
	struct bytes body;
	const char *(*header)(const void *context, const char *name); /* lower case; NULL when absent */
	const void *context;
	int64_t now_us;
};

struct webhook_scheme {
	const char *vendor;
	int (*check)(const char *secrets, const struct signed_post *p, struct problem *err);
	const char *says; /* what proves the sender */
	int refusal;      /* status of the answer to what is not proven, where the vendor's contract wants another than 401; 0 = 401 */
};

/* NULL: no such vendor. */
const struct webhook_scheme *webhook_scheme(const char *vendor);
const struct webhook_scheme *webhook_scheme_at(size_t i); /* NULL past the last */

/* Zoom asks whether the endpoint knows the secret: lower-case hex HMAC-SHA256 of its token. */
void zoom_validate(const char *secrets, const char *plain_token, char out[65]);

/* Standard Webhooks, for what we post: "v1," and base64 of HMAC-SHA256(key, id.timestamp.body) for each secret, blanks between.
 * A secret is "whsec_" and the base64 of its key. -1: a secret is not of that form. */
int standard_sign(const char *secrets, const char *id, int64_t timestamp_s, struct bytes body, struct buf *header) MUST_CHECK;

#endif
