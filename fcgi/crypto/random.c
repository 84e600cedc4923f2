/* random.c: see random.h. */
#include "core.h"

#include <sys/random.h>

#include "base/failpoint.h"
#include "crypto/random.h"

int
random_bytes(void *out, size_t n)
{
	uint8_t *p = out;
	ssize_t got;

	if (FAIL_POINT_ERR("crypto.random"))
		return -1;
	while (n > 0) {
		got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

int
random_token(char out[TOKEN_TEXT])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[33] = { 0 }; /* the 33rd stays 0: 32 bytes are 42 letters and two thirds of one */
	uint32_t v;
	size_t i;

	if (random_bytes(bytes, 32) < 0)
		return -1;
	for (i = 0; i < TOKEN_TEXT - 1; i++) {
		v = (uint32_t)bytes[i / 4 * 3] << 16 | (uint32_t)bytes[i / 4 * 3 + 1] << 8 | bytes[i / 4 * 3 + 2];
		out[i] = letters[v >> (18 - 6 * (i % 4)) & 63];
	}
	out[i] = '\0';
	explicit_bzero(bytes, sizeof(bytes));
	return 0;
}

int
random_digits(char *out, unsigned n)
{
	unsigned i = 0;
	uint8_t byte;

	while (i < n) {
		if (random_bytes(&byte, 1) < 0)
			return -1;
		if (byte < 250) /* 250 is a multiple of ten; the rest would favour 0 to 5 */
			out[i++] = (char)('0' + byte % 10);
	}
	out[n] = '\0';
	return 0;
}
