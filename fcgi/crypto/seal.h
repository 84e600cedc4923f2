/*
 * seal.h: authenticated encryption of stored fields (rules E1 to E5).
 *
 * Key tree: a key-encryption key (KEK) wraps one data-encryption key (DEK) per patient; the DEK seals fields by AES-256-GCM.
 * This floor knows bytes and keys only; which DEK belongs to whom is data/vault's business, and keyring.h says who holds the KEK.
 *
 * A sealed field: ver(1)=1 alg(1)=1 dek_id(8, big endian) nonce(12) ciphertext tag(16): 38 bytes over the plain text. Its
 * additional data is length-prefixed {"phi1", table, column, row id, tenant, dek_id}, so a blob moved anywhere else does not open.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/buf.h"
#include "base/problem.h"
#include "base/uuid.h"
#include "crypto/keyring.h"

#define SEAL_OVERHEAD 38

struct seal_place {
	const char *table;
	const char *column;
	struct uuid row;
	struct uuid tenant;
};

/* out must hold plain.n + SEAL_OVERHEAD bytes. */
int seal_field(const uint8_t dek[32], int64_t dek_id, const struct seal_place *where, struct bytes plain, uint8_t *out,
    struct problem *err) MUST_CHECK;
int64_t sealed_by(struct bytes blob); /* the DEK's id, -1 when the blob is none of ours */
/* out must hold blob.n - SEAL_OVERHEAD + 1 bytes (a NUL is added). A blob that does not verify is a 500 "unreadable_field" with
 * .audit set. */
int open_field(
    const uint8_t dek[32], const struct seal_place *where, struct bytes blob, uint8_t *out, struct problem *err) MUST_CHECK;

#endif
