/*
 * keyring.h: what stands above the data keys: key-encryption keys, the blind indexes' master keys, mac keys, the keys of envelopes
 * (E1, E8).
 *
 * A service asks the keyholder for all of it: keyring_open. The key-encryption keys and the private keys of envelopes never leave
 * that process; what a service gets is single data keys, which it remembers in locked memory for KEYRING_REMEMBERS_S, at most 1024
 * of them, and the index keys. Several threads may use one keyring. A keyholder that restarts is waited for, up to 4 s a call;
 * then it is 503 "keyholder_unavailable". A refusal (the wrong user, too many unwraps in a minute) is 503 "keyholder_refused", with
 * .audit set.
 *
 * keyring_load reads the key file into this process, with the same functions: the keyholder itself, and its tests.
 */
#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include <jansson.h>

#include "base/buf.h"
#include "base/problem.h"

#define WRAPPED_DEK	    60 /* nonce(12) key(32) tag(16) */
#define KEYRING_REMEMBERS_S 60

struct keyring;

/* Waits for the keyholder, up to 10 s. service: whose keys. */
struct keyring *keyring_open(const char *socket, const char *service, struct problem *err) MUST_CHECK;
struct keyring *keyring_load(const char *path, struct problem *err) MUST_CHECK;
void keyring_free(struct keyring *k);
/* The version that wraps now; -1. The index keys are read again, too. */
int keyring_newest(const struct keyring *k, struct problem *err) MUST_CHECK;

/* Wrapped by the newest key-encryption key, whose version is *kek. */
int dek_wrap(const struct keyring *k, int64_t dek_id, const uint8_t dek[32], int *kek, uint8_t out[WRAPPED_DEK],
    struct problem *err) MUST_CHECK;
/* 500 "unknown_kek"; 500 "unreadable_key" (.audit, permanent) when it does not verify. */
int dek_unwrap(const struct keyring *k, int kek, int64_t dek_id, struct bytes wrapped, uint8_t dek[32],
    struct problem *err) MUST_CHECK;
/* From an older key-encryption key to the newest, without the data key coming out (rule E6). */
int dek_rewrap(const struct keyring *k, int kek, int64_t dek_id, struct bytes wrapped, int *now, uint8_t out[WRAPPED_DEK],
    struct problem *err) MUST_CHECK;

/*
 * Blind index: HMAC-SHA256 under a key of its own per column; equal texts give equal indexes (rule E7). Normalise first.
 * blind_index takes the newest master key and returns its version; blind_index_of false: there is no such version.
 * keyring_index_versions: newest first; how many. A new key is known to every process as soon as it is made, if the keyholder can be
 * reached.
 */
int blind_index(const struct keyring *k, const char *column, const char *normalised, uint8_t out[32]);
bool blind_index_of(const struct keyring *k, int version, const char *column, const char *normalised, uint8_t out[32]);
size_t keyring_index_versions(const struct keyring *k, int *versions, size_t max);

/*
 * The same under a mac key, for what is checked for as long as it is kept and never looked up anew: the audit trail takes the newest,
 * and what must come out the same for ever takes the first, MAC_STEADY. False: there is no such version.
 */
#define MAC_STEADY 1
bool keyring_mac(const struct keyring *k, int version, const char *purpose, const char *text, uint8_t out[32]);
int keyring_mac_newest(const struct keyring *k);

char *normalise_email(const char *email, char *out, size_t n); /* trimmed, lower case; NULL when it does not fit */

/* The key that an envelope with this protected header (base64url) is sealed with; jose.h says which headers and errors. */
int keyring_agree(const struct keyring *k, struct bytes protected_header, uint8_t cek[32], struct problem *err) MUST_CHECK;
/* Appends the public halves as a JWKS; 404 "no_envelope_keys" when the service has none. */
int keyring_public(const struct keyring *k, struct buf *jwks, struct problem *err) MUST_CHECK;

#endif
