/* address.c: the ranges that are nobody's on the public internet (RFC 6890 and successors). */
#include "core.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/address.h"

static const struct {
	uint32_t net;
	unsigned bits;
} closed4[] = {
	{ 0x00000000, 8 }, { 0x0a000000, 8 }, { 0x64400000, 10 }, { 0x7f000000, 8 }, { 0xa9fe0000, 16 }, { 0xac100000, 12 },
	{ 0xc0000000, 24 }, { 0xc0000200, 24 }, { 0xc0a80000, 16 }, { 0xc6120000, 15 }, { 0xc6336400, 24 }, { 0xcb007100, 24 },
	{ 0xe0000000, 4 }, { 0xf0000000, 4 },
};

static bool
public4(uint32_t host)
{
	for (size_t i = 0; i < COUNT(closed4); i++)
		if ((host ^ closed4[i].net) >> (32 - closed4[i].bits) == 0)
			return false;
	return true;
}

static uint32_t
word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Global unicast is 2000::/3; of it, documentation and the tunnels that carry an IPv4 address are closed or looked into. */
static bool
public6(const uint8_t *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t translated[12] = { 0x00, 0x64, 0xff, 0x9b };

	if (memcmp(a, mapped, sizeof(mapped)) == 0 || memcmp(a, translated, sizeof(translated)) == 0)
		return public4(word(a + 12));
	if ((a[0] & 0xe0) != 0x20)
		return false;
	if (word(a) == 0x20010db8 || (word(a) >> 9) == (0x20010000u >> 9)) /* documentation; 2001::/23, Teredo among it */
		return false;
	return a[0] != 0x20 || a[1] != 0x02 || public4(word(a + 2)); /* 6to4 */
}

bool
address_is_public(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		return public4(ntohl(in.sin_addr.s_addr));
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		return public6(in6.sin6_addr.s6_addr);
	}
	return false;
}
