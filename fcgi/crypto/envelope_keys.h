/*
 * envelope_keys.h: the key pairs that browsers seal for (rule E9), as the keyholder keeps them: a JWKS file with private keys, newest
 * first. A key that was succeeded has a member "exp" (seconds): until then it is shown and opens, afterwards it is gone.
 */
#ifndef CRYPTO_ENVELOPE_KEYS_H
#define CRYPTO_ENVELOPE_KEYS_H

#include <jansson.h>

#include "base/buf.h"
#include "base/problem.h"

/* *ret NULL and 0: there is no such file. 500 bad_envelope_keys: open to everybody, or no JWKS of private keys with kid. */
int envelope_keys_load(const char *path, json_t **ret, struct problem *err) MUST_CHECK;
/* A new first key; those before it end after overlap_s, unless they end earlier. keys NULL: the first of all, in a new file. Ended
 * ones leave the file. *keys is replaced when it is on disk. */
int envelope_keys_add(const char *path, json_t **keys, int64_t overlap_s, struct problem *err) MUST_CHECK;
bool envelope_key_is_over(const json_t *key, int64_t now_s);
/* The public halves of those that are not over, as a JWKS. */
int envelope_keys_public(const json_t *keys, struct buf *jwks, struct problem *err) MUST_CHECK;

#endif
