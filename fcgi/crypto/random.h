/*
 * random.h: the operating system's CSPRNG. A failure is returned, and its caller fails (rule E4): nothing is made from bad bytes.
 */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include "core.h"

#define TOKEN_TEXT 44 /* 32 random bytes as base64url and a NUL */

int random_bytes(void *out, size_t n) MUST_CHECK;
int random_token(char out[TOKEN_TEXT]) MUST_CHECK;
int random_digits(char *out, unsigned n) MUST_CHECK; /* n decimal digits and a NUL, without modulo bias */

#endif
