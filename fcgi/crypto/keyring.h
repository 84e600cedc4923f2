/*
 * keyring.h: what seal.c asks of keyring.c; callers outside of crypto/ use seal.h.
 */
#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include "crypto/seal.h"

/* The 32 bytes of that key-encryption key; NULL when the ring does not hold it. */
const uint8_t *keyring_kek(const struct keyring *k, int version);

#endif
