/*
 * hash.h: digests, MACs, text encodings and the comparison that does not leak where it stopped.
 * All functions are total: OpenSSL failing on these inputs means the process is broken and it ends.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/buf.h"

void sha256(struct bytes data, uint8_t out[32]);
void sha512(struct bytes data, uint8_t out[64]);
/* MAC over the concatenation of the parts; a keyed context per thread is reused while the key stays the same. */
void hmac_sha256(struct bytes key, const struct bytes *parts, size_t nparts, uint8_t out[32]);
void hmac_sha1(struct bytes key, struct bytes data, uint8_t out[20]);

#define HEX32 65                                                         /* 32 bytes as lower-case hex and a NUL */
char *hex_encode(struct bytes data, char *out);                          /* out has 2n+1 bytes; lower case; returns out */
int hex_decode(const char *hex, size_t nhex, uint8_t *out, size_t nout); /* lower case only; number of bytes or -1 */
void base64_encode(struct bytes data, struct buf *out);
void base64url_encode(struct bytes data, struct buf *out); /* no padding (RFC 7515) */
/* Strict decoding (alphabet, padding, no trailing bits); number of bytes or -1. out holds at least 3*n/4+3 bytes. */
ssize_t base64_decode(const char *text, size_t n, uint8_t *out);
ssize_t base64url_decode(const char *text, size_t n, uint8_t *out);

bool same_bytes(struct bytes a, struct bytes b); /* constant time for equal lengths; unequal lengths are unequal */
bool same_text(const char *a, const char *b);    /* likewise, for secrets held as text */

#endif
