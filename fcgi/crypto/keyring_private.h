/*
 * keyring_private.h: what keyring.c, keyring_file.c and keyring_holder.c share; nobody else includes it.
 */
#ifndef CRYPTO_KEYRING_PRIVATE_H
#define CRYPTO_KEYRING_PRIVATE_H

#include "crypto/key_file.h"
#include "crypto/keyring.h"

#define INDEX_KEYS 8 /* versions a process keeps at a time */
#define MAC_KEYS   KEYS_MAX

/* What differs between keys in a file of ours and keys at the keyholder. self is the keyring's own part. */
struct keyring_kind {
	void (*free)(void *self);
	int (*newest)(void *self, struct problem *err);
	int (*wrap)(void *self, int64_t id, const uint8_t dek[32], int *kek, uint8_t *out, struct problem *err);
	int (*unwrap)(void *self, int kek, int64_t id, struct bytes wrapped, uint8_t dek[32], struct problem *err);
	int (*rewrap)(void *self, int kek, int64_t id, struct bytes wrapped, int *now, uint8_t *out, struct problem *err);
	int (*agree)(void *self, struct bytes protected_header, uint8_t cek[32], struct problem *err);
	int (*public)(void *self, struct buf *jwks, struct problem *err);
	/* Of KEY_LIST_INDEX or KEY_LIST_MAC, newest first; at most max. */
	size_t (*masters)(void *self, enum key_list list, struct master_key *out, size_t max);
};

struct keyring {
	const struct keyring_kind *kind;
	void *self;
};

struct keyring *keyring_of(const struct keyring_kind *kind, void *self); /* aborts without memory */

/* seal.c: one data key under one key-encryption key. */
int kek_seal(const uint8_t kek[32], int version, int64_t id, const uint8_t dek[32], uint8_t out[WRAPPED_DEK],
    struct problem *err) MUST_CHECK;
int kek_open(const uint8_t kek[32], int version, int64_t id, struct bytes wrapped, uint8_t dek[32], struct problem *err) MUST_CHECK;

#endif
