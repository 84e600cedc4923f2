/*
 * core.h: what every file of the project may take for granted.
 *
 * Included first, after no system header of its own choosing: it brings the ones everybody needs and then makes the calls that
 * have hurt C programs for forty years fail to compile (style: banned.h of git, rule H8).
 */
#ifndef TELERX_CORE_H
#define TELERX_CORE_H

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array)		(sizeof(array) / sizeof((array)[0]))
#define PRINTF_LIKE(fmt, args)	__attribute__((format(printf, fmt, args)))
#define MUST_CHECK		__attribute__((warn_unused_result))
#define NORETURN		__attribute__((noreturn))
#define UNUSED			__attribute__((unused))

/* A run of bytes that somebody else owns; p may hold NULs and is never assumed to be terminated. */
struct bytes {
	const uint8_t *p;
	size_t n;
};
#define BYTES(ptr, len)	((struct bytes){ (const uint8_t *)(ptr), (len) })
#define BYTES_OF(str)	((struct bytes){ (const uint8_t *)(str), strlen(str) })

#ifndef __cplusplus
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol localtime gmtime asctime ctime
#endif

#endif
