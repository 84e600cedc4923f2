/*
 * sign.h: Ed25519 signatures (RFC 8032) by a key in a PEM file, and their check by a file of public keys.
 *
 * A key's id is the first 16 hex digits of SHA-256 over its 32 public bytes. A file of public keys holds one PEM block or several, so
 * that what an earlier key signed can still be checked after a change of keys.
 */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include "base/buf.h"
#include "base/problem.h"

#define SIGNATURE_BYTES 64
#define SIGN_KEY_ID     17 /* 16 digits and a NUL */

struct sign_key;
struct verify_keys;

/* 500 "bad_key": the file cannot be read, is open to others, or holds no Ed25519 key. */
struct sign_key *sign_key_load(const char *path, struct problem *err) MUST_CHECK;
void sign_key_free(struct sign_key *k);
const char *sign_key_id(const struct sign_key *k);
void sign_bytes(const struct sign_key *k, struct bytes data, uint8_t out[SIGNATURE_BYTES]);

struct verify_keys *verify_keys_load(const char *path, struct problem *err) MUST_CHECK;
void verify_keys_free(struct verify_keys *k);
bool verify_knows(const struct verify_keys *k, const char *key_id);
/* False also when no key has this id. Threads may share k. */
bool verify_bytes(const struct verify_keys *k, const char *key_id, struct bytes data, const uint8_t signature[SIGNATURE_BYTES]);

#endif
