/*
 * uuid.c: see uuid.h. Version 7: 48 bits of milliseconds, 12 bits of the fraction of that millisecond, 62 random bits (RFC 9562,
 * method 3).
 */
#include "core.h"

#include <stdatomic.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"

/* Milliseconds and fraction as one number that only grows, whatever the clock and the other threads do. */
static uint64_t
next_stamp(void)
{
	static _Atomic uint64_t last;
	uint64_t us = (uint64_t)clock_us();
	uint64_t now = (us / 1000) << 12 | (us % 1000) * 4096 / 1000;
	uint64_t seen = atomic_load(&last), next;

	do
		next = now > seen ? now : seen + 1;
	while (!atomic_compare_exchange_weak(&last, &seen, next));
	return next;
}

struct uuid
uuid_new(void)
{
	struct uuid u;
	uint64_t stamp = next_stamp(), ms = stamp >> 12;
	int i;

	if (getrandom(u.b + 8, 8, 0) != 8)
		die("uuid: no random bytes: %s", strerror(errno));
	for (i = 0; i < 6; i++)
		u.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	u.b[6] = (uint8_t)(0x70 | (stamp >> 8 & 0x0f));
	u.b[7] = (uint8_t)stamp;
	u.b[8] = (uint8_t)(0x80 | (u.b[8] & 0x3f));
	return u;
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
hyphen_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

int
uuid_parse(const char *s, struct uuid *ret)
{
	struct uuid u = UUID_NIL;
	size_t i, digit = 0;
	int v;

	if (s == NULL || strnlen(s, UUID_TEXT) != UUID_TEXT - 1)
		return -1;
	for (i = 0; i < UUID_TEXT - 1; i++) {
		if (hyphen_at(i)) {
			if (s[i] != '-')
				return -1;
			continue;
		}
		v = nibble(s[i]);
		if (v < 0)
			return -1;
		u.b[digit / 2] = (uint8_t)(u.b[digit / 2] << 4 | v);
		digit++;
	}
	*ret = u;
	return 0;
}

char *
uuid_text(struct uuid u, char out[UUID_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	size_t i, digit = 0;

	for (i = 0; i < UUID_TEXT - 1; i++) {
		if (hyphen_at(i)) {
			out[i] = '-';
			continue;
		}
		out[i] = hex[digit % 2 == 0 ? u.b[digit / 2] >> 4 : u.b[digit / 2] & 0x0f];
		digit++;
	}
	out[i] = '\0';
	return out;
}

bool
uuid_equal(struct uuid a, struct uuid b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

bool
uuid_is_nil(struct uuid u)
{
	return uuid_equal(u, UUID_NIL);
}

bool
uuid_younger_than(struct uuid u, int64_t ms)
{
	int64_t made = 0;

	if (u.b[6] >> 4 != 7)
		return false;
	for (int i = 0; i < 6; i++)
		made = made << 8 | u.b[i];
	return clock_us() / 1000 - made < ms;
}
