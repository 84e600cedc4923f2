/*
 * keyring_file.h: what may be done to a keyring that was read from a file (keyring_load). The keyholder does it for administrators.
 */
#ifndef CRYPTO_KEYRING_FILE_H
#define CRYPTO_KEYRING_FILE_H

#include "crypto/key_file.h"
#include "crypto/keyring.h"

int keyring_add(const struct keyring *k, enum key_list list, struct problem *err) MUST_CHECK; /* the new version, -1 */
int keyring_drop(const struct keyring *k, enum key_list list, int version, struct problem *err) MUST_CHECK;
int keyring_add_envelope_key(const struct keyring *k, int64_t overlap_s, struct problem *err) MUST_CHECK;
/* Lines "kek <version>", "index <version>", "mac <version>", "intake <kid> [<until>]", newest of each first. */
void keyring_describe(const struct keyring *k, struct buf *out);
/* The keys of KEY_LIST_INDEX or KEY_LIST_MAC, newest first; at most max. The caller cleanses. */
size_t keyring_masters(const struct keyring *k, enum key_list list, struct master_key *out, size_t max);

#endif
