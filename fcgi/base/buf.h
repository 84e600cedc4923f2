/*
 * buf.h: a growing buffer with a ceiling and a sticky error.
 *
 * Append freely, look at .failed once: after the first append that would pass .max (or did not get memory) the buffer keeps what
 * it had and ignores all further appends. data is always NUL-terminated; len does not count that NUL.
 * A buffer made by BUF_INIT owns its memory until buf_release; one made by buf_in borrows an arena's and needs no release.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
	struct arena *arena;
};

#define BUF_INIT(ceiling) ((struct buf){ .max = (ceiling) })

struct buf buf_in(struct arena *a, size_t max);
void buf_add(struct buf *b, const char *s);
void buf_addn(struct buf *b, const void *p, size_t n);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_add_real(struct buf *b, double v); /* the shortest decimal that reads back as v */
void buf_clear(struct buf *b);              /* len 0, not failed, memory kept */
void buf_release(struct buf *b);
const char *buf_str(const struct buf *b); /* never NULL */

#endif
