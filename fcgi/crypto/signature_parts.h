/*
 * signature_parts.h: what the schemes of signature.h have in common; private to signature*.c.
 */
#ifndef CRYPTO_SIGNATURE_PARTS_H
#define CRYPTO_SIGNATURE_PARTS_H

#include "crypto/hash.h"
#include "crypto/signature.h"

/* The next secret of a comma-separated list, blanks around it cut; false at its end. *list moves on. */
bool secret_next(const char **list, struct bytes *ret);
/* True when given is the lower-case hex HMAC-SHA256 of the parts under one of the secrets. Every secret is tried, match or not. */
bool hmac_matches(const char *secrets, const struct bytes *parts, size_t n, struct bytes given);

int signature_missing(struct problem *err);
int signature_bad(struct problem *err);
/* 0 when |now - at| <= allowed; both in microseconds. */
int signature_fresh(int64_t at_us, int64_t now_us, int64_t allowed_s, struct problem *err);

#endif
