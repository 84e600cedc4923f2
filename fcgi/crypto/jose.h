/*
 * jose.h: JWK, JWE and JWT by libjose. Algorithms are pinned here, never taken from a message (section 7 of the reliability rules):
 * JWE is ECDH-ES on P-256 with A256GCM in compact form (rule E9); JWT is ES256.
 */
#ifndef CRYPTO_JOSE_H
#define CRYPTO_JOSE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/problem.h"

struct keyring;

json_t *jwk_generate(
    const char *kid, const char *alg); /* private P-256 key; alg "ECDH-ES" or "ES256"; caller owns; NULL on failure */
json_t *jwk_public(const json_t *jwk); /* its public half; caller owns */

/* keys: a JWKS with the private keys. Finds the key by the protected header's kid (a table lookup only).
 * plain gets the text, header the protected header (caller owns). 422 "unknown_key" for another kid, 400 "tampered_envelope"
 * (audited) for anything that does not parse, names another algorithm or does not verify. */
int jwe_open(const json_t *keys, const char *compact, struct buf *plain, json_t **header, struct problem *err) MUST_CHECK;
/* The two halves of it. jwe_agree needs the private keys and sees only the protected header (base64url, as in the message): it gives
 * the key that this one message is sealed with. jwe_open_with asks a keyring for that key, which may be in another process. */
int jwe_agree(const json_t *keys, struct bytes protected_header, uint8_t cek[32], struct problem *err) MUST_CHECK;
int jwe_open_with(
    const struct keyring *k, const char *compact, struct buf *plain, json_t **header, struct problem *err) MUST_CHECK;
/* extra: members to add to the protected header (may be NULL). */
int jwe_seal(
    const json_t *public_key, const json_t *extra, struct bytes plain, struct buf *compact, struct problem *err) MUST_CHECK;

/* claims gets iat, exp, jti added by the caller; typ and alg are fixed. */
int jwt_sign(const json_t *private_key, const json_t *claims, struct buf *compact, struct problem *err) MUST_CHECK;
/* Verifies signature, alg, typ, iss, aud, exp, nbf, iat (<= 10 s ahead); 401 "invalid_token" otherwise, "expired_token" when nothing
 * but its time is against it. claims: caller owns. */
int jwt_verify(const json_t *keys, const char *compact, const char *iss, const char *aud, int64_t now_s, json_t **claims,
    struct problem *err) MUST_CHECK;

#endif
