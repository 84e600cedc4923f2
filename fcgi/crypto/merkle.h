/*
 * merkle.h: the tree hash of RFC 9162 over SHA-256: leaves are hashed behind a byte 0, inner nodes behind a byte 1, so that neither
 * can be taken for the other.
 */
#ifndef CRYPTO_MERKLE_H
#define CRYPTO_MERKLE_H

#include "base/buf.h"

#define MERKLE_HASH 32

/* SHA-256(0x00 || data). data must have room before it: p[0] is where the 0 goes, the data begins at p[1]; n counts both. */
void merkle_leaf(uint8_t *p, size_t n, uint8_t out[MERKLE_HASH]);
/* The root over n > 0 leaf hashes of 32 bytes each. hashes is used as working memory and holds nothing of use afterwards. */
void merkle_root(uint8_t *hashes, size_t n, uint8_t out[MERKLE_HASH]);

#endif
