/*
 * form.h: application/x-www-form-urlencoded bodies, percent-encoded UTF-8 (the WHATWG serialisation without '+': every vendor takes %20).
 */
#ifndef NET_FORM_H
#define NET_FORM_H

#include "base/buf.h"

void	 form_add(struct buf *b, const char *name, const char *value);	/* brackets in name stay literal */
void	 form_add_int(struct buf *b, const char *name, int64_t value);
void	 percent_encode(struct buf *b, const char *text);	/* RFC 3986 unreserved characters stay */

#endif
