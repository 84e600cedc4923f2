/*
 * signature.h: who signed this message. Pure functions over bytes, one per published scheme; the vendor sheets' vectors are their
 * tests. Every check compares in constant time and answers 0 or a 401 problem ("missing_signature", "bad_signature",
 * "stale_timestamp"). secret is a comma-separated list: while a secret is rotated each is tried.
 */
#ifndef CRYPTO_SIGNATURE_H
#define CRYPTO_SIGNATURE_H

#include "base/buf.h"
#include "base/problem.h"

#define SIGNATURE_SKEW_S 300 /* Y-HMAC-03, W3 */

/* ---- between services (Y-HMAC, v1) : lower-case hex HMAC-SHA256("<timestamp>.<raw body>") */
void service_sign(const char *secret, const char *timestamp, struct bytes body, char out[65]);
int service_check(const char *secret, const char *timestamp, const char *signature, struct bytes body, int64_t now_us,
    struct problem *err) MUST_CHECK;
/* ---- v2: "v2=" hex over <timestamp>.<nonce>.<METHOD>.<path?query>.<raw body> */
struct signed_call {
	const char *timestamp; /* ISO 8601, X-Timestamp */
	const char *nonce;     /* X-Nonce, 16..64 visible ASCII */
	const char *method;
	const char *target; /* path and query exactly as sent */
	struct bytes body;
};
void service_sign_v2(const char *secret, const struct signed_call *c, char out[68]);
int service_check_v2(
    const char *secret, const struct signed_call *c, const char *signature, int64_t now_us, struct problem *err) MUST_CHECK;

/* ---- webhooks in (header values as received; NULL when absent) */
int stripe_check(const char *secret, const char *header, struct bytes body, int64_t now_us, struct problem *err) MUST_CHECK;
void stripe_sign(const char *secret, int64_t now_s, struct bytes body, struct buf *header); /* for the sandbox and tests */
int boothwyn_check(const char *secret, const char *header, struct problem *err) MUST_CHECK; /* a static shared secret */
int canvas_check(const char *secret, const char *timestamp, const char *header, struct bytes body, int64_t now_us,
    struct problem *err) MUST_CHECK;
int twilio_check(const char *token, const char *header, const char *url, const char *const *names, const char *const *values,
    size_t n, struct problem *err) MUST_CHECK;
int slack_check(const char *secret, const char *timestamp, const char *header, struct bytes body, int64_t now_us,
    struct problem *err) MUST_CHECK;
int sendgrid_check(const char *public_key, const char *timestamp, const char *header, struct bytes body, int64_t now_us,
    struct problem *err) MUST_CHECK;

/* ---- calls out */
void pioneerrx_sign(
    const char *timestamp, const char *secret, struct buf *out); /* base64 SHA-512 of UTF-16LE(timestamp + secret) */

/* ---- plan token (Y-TOK): base64url(JSON) "." base64url(HMAC-SHA256(data)); hex signatures are accepted too */
void plan_token_sign(const char *secret, const char *json, struct buf *token);
/* json gets the payload. 400 "tampered_plan_token" (detail "Tampered plan token", .audit set). Age is the caller's business. */
int plan_token_open(const char *secret, const char *token, struct buf *json, struct problem *err) MUST_CHECK;

#endif
