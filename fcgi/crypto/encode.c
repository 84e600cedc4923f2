/* encode.c: the text encodings of hash.h. Decoding is strict: one text for one value, or signatures could be varied without
 * breaking. */
#include "core.h"

#include "crypto/hash.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *
hex_encode(struct bytes data, char *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < data.n; i++) {
		out[2 * i] = hex[data.p[i] >> 4];
		out[2 * i + 1] = hex[data.p[i] & 0x0f];
	}
	out[2 * data.n] = '\0';
	return out;
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
hex_decode(const char *hex, size_t nhex, uint8_t *out, size_t nout)
{
	size_t i;
	int high, low;

	if (nhex % 2 != 0 || nhex / 2 > nout || nhex / 2 > INT32_MAX)
		return -1;
	for (i = 0; i < nhex / 2; i++) {
		high = nibble(hex[2 * i]);
		low = nibble(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (int)(nhex / 2);
}

static void
encode(struct bytes data, const char *letters, bool pad, struct buf *out)
{
	uint32_t v;
	char group[4];
	size_t i, left, n;

	for (i = 0; i < data.n; i += 3) {
		left = data.n - i;
		v = (uint32_t)data.p[i] << 16;
		v |= left > 1 ? (uint32_t)data.p[i + 1] << 8 : 0;
		v |= left > 2 ? data.p[i + 2] : 0;
		group[0] = letters[v >> 18];
		group[1] = letters[v >> 12 & 63];
		group[2] = left > 1 ? letters[v >> 6 & 63] : '=';
		group[3] = left > 2 ? letters[v & 63] : '=';
		n = left > 2 || pad ? 4 : left + 1;
		buf_addn(out, group, n);
	}
}

void
base64_encode(struct bytes data, struct buf *out)
{
	encode(data, alphabet, true, out);
}

void
base64url_encode(struct bytes data, struct buf *out)
{
	encode(data, alphabet_url, false, out);
}

static int
value_of(char c, const char *letters)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == letters[62])
		return 62;
	return c == letters[63] ? 63 : -1;
}

static ssize_t
decode(const char *text, size_t n, const char *letters, uint8_t *out)
{
	uint32_t v = 0;
	size_t i, len = 0;
	unsigned bits = 0;
	int d;

	if (n % 4 == 1)
		return -1;
	for (i = 0; i < n; i++) {
		d = value_of(text[i], letters);
		if (d < 0)
			return -1;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[len++] = (uint8_t)(v >> bits);
		}
	}
	if ((v & ((1U << bits) - 1)) != 0)
		return -1;
	return (ssize_t)len;
}

ssize_t
base64_decode(const char *text, size_t n, uint8_t *out)
{
	if (n % 4 != 0)
		return -1;
	if (n > 0 && text[n - 1] == '=')
		n--;
	if (n % 4 == 3 && text[n - 1] == '=')
		n--;
	return decode(text, n, alphabet, out);
}

ssize_t
base64url_decode(const char *text, size_t n, uint8_t *out)
{
	return decode(text, n, alphabet_url, out);
}
