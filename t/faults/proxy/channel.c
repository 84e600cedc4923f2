/*
 * channel.c: bytes in one direction, and what the rule in force does to them.
 */
#include "core.h"

#include <sys/socket.h>

#include "base/clock.h"
#include "proxy.h"

#define SLICES 20 /* of a second, for rates above that many bytes */

static void
drop_front(struct channel *c, size_t n)
{
	c->n -= n;
	c->free -= n;
	memmove(c->data, c->data + n, c->n);
}

static void
new_rule(struct channel *c, const struct rule *r)
{
	if (c->generation == r->generation)
		return;
	c->generation = r->generation;
	c->count = 0;
	c->not_before = 0;
}

/* What was just read, from at on, may go; or less, or the connection ends. */
static enum verdict
judge(struct channel *c, struct wire *other, struct rule *r, bool from_server, size_t at)
{
	bool end = false;
	size_t fresh = c->n - at;

	/* Where messages begin is followed under every rule: the one that asks may come later. */
	c->free += wire_pass(c, other, r, from_server, c->data + c->free, c->n - c->free, &end);
	switch (r->mode) {
	case SILENCE:
		c->n = c->free = 0;
		return GOES_ON;
	case RESET:
		return ENDS_HARD;
	case CUT:
		c->count += fresh;
		if (c->count < (uint64_t)r->n)
			return GOES_ON;
		c->free = c->n - (size_t)(c->count - (uint64_t)r->n);
		return ENDS;
	case DELAY:
		if (at == 0)
			c->not_before = clock_mono_us() + r->n * 1000;
		return GOES_ON;
	case DUPLICATE:
		if (c->free == c->n && c->n + fresh <= CHANNEL_SIZE) {
			memcpy(c->data + c->n, c->data + at, fresh);
			c->n += fresh;
			c->free = c->n;
		}
		return GOES_ON;
	default:
		return end ? ENDS : GOES_ON;
	}
}

enum verdict
channel_read(struct channel *c, struct wire *other, struct rule *r, bool from_server, uint64_t *bytes)
{
	/* Half of the room, so that there is always enough for all of it twice. */
	size_t at = c->n;
	ssize_t n = read(c->from, c->data + at, (CHANNEL_SIZE - at) / 2);

	new_rule(c, r);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? GOES_ON : ENDS;
	if (n == 0) {
		c->ended = true;
		c->free = c->n;
		return GOES_ON;
	}
	*bytes += (uint64_t)n;
	c->n += (size_t)n;
	return judge(c, other, r, from_server, at);
}

static size_t
most_now(const struct channel *c, const struct rule *r)
{
	size_t slice = r->mode == SLOW ? (size_t)r->n / SLICES : c->free;

	if (r->mode == SLOW && slice == 0)
		slice = 1;
	return slice < c->free ? slice : c->free;
}

enum verdict
channel_write(struct channel *c, struct rule *r, int64_t now)
{
	ssize_t n;

	new_rule(c, r);
	if (c->free > 0 && now >= c->not_before) {
		n = send(c->to, c->data, most_now(c, r), MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? GOES_ON : ENDS;
		drop_front(c, (size_t)n);
		if (r->mode == SLOW)
			c->not_before = now + (r->n < SLICES ? US_PER_S / r->n : US_PER_S / SLICES);
	}
	if (c->n == 0 && c->ended && !c->passed) {
		c->passed = true;
		if (r->mode != SILENCE)
			(void)shutdown(c->to, SHUT_WR);
	}
	return GOES_ON;
}

bool
channel_wants_read(const struct channel *c)
{
	return !c->ended && CHANNEL_SIZE - c->n >= 2;
}

int
channel_waits(const struct channel *c, int64_t now)
{
	if (c->free == 0)
		return c->ended && !c->passed && c->n == 0 ? 0 : -1;
	return now >= c->not_before ? 0 : (int)((c->not_before - now + 999) / 1000);
}
