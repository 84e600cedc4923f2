/*
 * merkle.c: see merkle.h. RFC 9162 splits n leaves at the largest power of two below n; joining neighbours floor by floor, the odd
 * one going up as it is, builds the very same tree without recursion.
 */
#include "core.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"

void
merkle_leaf(uint8_t *p, size_t n, uint8_t out[MERKLE_HASH])
{
	p[0] = 0;
	sha256(BYTES(p, n), out);
}

static void
join(const uint8_t *pair, uint8_t *out)
{
	uint8_t node[1 + 2 * MERKLE_HASH];

	node[0] = 1;
	memcpy(node + 1, pair, sizeof(node) - 1);
	sha256(BYTES(node, sizeof(node)), out);
}

void
merkle_root(uint8_t *hashes, size_t n, uint8_t out[MERKLE_HASH])
{
	for (; n > 1; n = (n + 1) / 2) {
		for (size_t i = 0; i < n / 2; i++)
			join(hashes + 2 * i * MERKLE_HASH, hashes + i * MERKLE_HASH);
		if (n % 2 == 1)
			memmove(hashes + n / 2 * MERKLE_HASH, hashes + (n - 1) * MERKLE_HASH, MERKLE_HASH);
	}
	memcpy(out, hashes, MERKLE_HASH);
}
