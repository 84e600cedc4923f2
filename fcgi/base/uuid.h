/*
 * uuid.h: identifiers. New ones are UUIDv7 (RFC 9562): they sort by time, so their indexes stay dense.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "core.h"

struct uuid {
	uint8_t b[16];
};

#define UUID_TEXT 37 /* 36 characters and a NUL */
#define UUID_NIL  ((struct uuid){ { 0 } })

struct uuid uuid_new(void);
int uuid_parse(const char *s, struct uuid *ret);     /* lower or upper case hex; -1 when it is no UUID */
char *uuid_text(struct uuid u, char out[UUID_TEXT]); /* lower case; returns out */
bool uuid_equal(struct uuid a, struct uuid b);
bool uuid_is_nil(struct uuid u);
bool uuid_younger_than(struct uuid u, int64_t ms); /* it is a UUIDv7 that was made within the last ms, by this host's clock */

#endif
