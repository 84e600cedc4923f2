/*
 * wire.c: just enough of PostgreSQL's protocol to see where messages begin and what they are about.
 */
#include "core.h"

#include "proxy.h"

#define HEADER      5
#define SSL_REQUEST UINT32_C(80877103)
#define GSS_REQUEST UINT32_C(80877104)
#define LOOK_AT     512 /* messages that are about a tag are shorter */

static uint32_t
number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next text that ends within the message; NULL: there is none. */
static const char *
text(const uint8_t **p, const uint8_t *end)
{
	const char *s = (const char *)*p;
	const uint8_t *zero = *p < end ? memchr(*p, 0, (size_t)(end - *p)) : NULL;

	if (zero == NULL)
		return NULL;
	*p = zero + 1;
	return s;
}

static bool
knows(const struct wire *w, const char *name)
{
	for (unsigned i = 0; i < w->nstatements && i < STATEMENTS; i++)
		if (strcmp(w->statements[i], name) == 0)
			return true;
	return false;
}

/* Parse: name, text. Bind: portal, name. CommandComplete: tag. */
static bool
about(struct wire *w, const char *tag, bool from_server, uint8_t type, const uint8_t *p, const uint8_t *end)
{
	const char *first = text(&p, end), *second;

	if (first == NULL)
		return false;
	if (from_server)
		return type == 'C' && strcmp(first, tag) == 0;
	second = text(&p, end);
	if (second == NULL)
		return false;
	if (type == 'P' && strcmp(second, tag) == 0 && strlen(first) < STATEMENT_SIZE)
		(void)snprintf(w->statements[w->nstatements++ % STATEMENTS], STATEMENT_SIZE, "%s", first);
	return type == 'B' && knows(w, second);
}

/* Messages whose beginning must be there before they may pass. */
static bool
is_looked_at(bool from_server, uint8_t type)
{
	return from_server ? type == 'C' : type == 'P' || type == 'B';
}

/* The client's first packet has no type: a start, or the wish for TLS, after which it starts again. */
static size_t
start_packet(struct wire *w, struct wire *other, const uint8_t *p, size_t n)
{
	size_t length;

	if (p[0] != 0) { /* no PostgreSQL: nothing is held back */
		w->off = true;
		return n;
	}
	if (n < 8)
		return 0;
	length = number(p);
	if (length == 8 && (number(p + 4) == SSL_REQUEST || number(p + 4) == GSS_REQUEST))
		other->one_byte = true;
	else
		w->begun = true;
	w->off = length < 8 || length > CHANNEL_SIZE;
	w->body = length;
	w->counted = false;
	return length;
}

/* Looks at the header at p. 0: more bytes are needed; else the message's whole length. */
static size_t
message(struct channel *c, struct rule *r, bool from_server, const uint8_t *p, size_t n, bool *ret_end)
{
	size_t length, look;

	if (n < HEADER)
		return 0;
	length = 1 + (size_t)number(p + 1);
	look = length < LOOK_AT ? length : LOOK_AT;
	if (length < HEADER) {
		c->wire.off = true;
		return n;
	}
	if (is_looked_at(from_server, p[0]) && n < look)
		return 0;
	if (is_looked_at(from_server, p[0]) &&
	    about(&c->wire, r->mode == CUT_BEFORE ? r->tag : "COMMIT", from_server, p[0], p + HEADER, p + look) &&
	    r->mode == CUT_BEFORE && ++r->seen % (uint64_t)r->n == 0)
		*ret_end = true;
	c->wire.body = length;
	c->wire.counted = true;
	return length;
}

static size_t
begin(struct channel *c, struct wire *other, struct rule *r, bool from_server, const uint8_t *p, size_t n, bool *ret_end)
{
	struct wire *w = &c->wire;

	if (w->one_byte) {
		w->one_byte = false;
		w->off = other->off = p[0] != 'N';
		w->body = 1;
		w->counted = false;
		return 1;
	}
	if (!from_server && !w->begun)
		return start_packet(w, other, p, n);
	if (from_server && (!other->begun || other->off)) {
		w->off = true;
		return n;
	}
	return message(c, r, from_server, p, n, ret_end);
}

size_t
wire_pass(struct channel *c, struct wire *other, struct rule *r, bool from_server, const uint8_t *p, size_t n, bool *ret_end)
{
	struct wire *w = &c->wire;
	size_t done = 0;

	while (done < n && !*ret_end) {
		size_t part;

		if (w->off)
			return n;
		if (w->body == 0 && (begin(c, other, r, from_server, p + done, n - done, ret_end) == 0 || *ret_end))
			break;
		part = w->body < n - done ? w->body : n - done;
		w->body -= part;
		done += part;
		if (w->body == 0 && w->counted && r->mode == CUT_MESSAGES && ++c->count >= (uint64_t)r->n)
			*ret_end = true;
	}
	return done;
}
