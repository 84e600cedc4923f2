/*
 * utf8.h: one character at a time, for the few places that must not pass broken text on (JSON, logs, UTF-16).
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "core.h"

/* Bytes of the well-formed character at p (n > 0 bytes left), its code point in ret; 0 when the bytes are no UTF-8 (RFC 3629). */
size_t utf8_next(const uint8_t *p, size_t n, uint32_t *ret);

#endif
