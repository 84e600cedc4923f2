/*
 * image.c: what a picture is by its bytes, whatever its sender called it (P-ENR-08). Only the frame is read: PNG's chunks and JPEG's segments; nothing here
 * unpacks pixels. A picture that breaks off is none.
 */
#include "enrollment/enrollment.h"

static unsigned
be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static bool
png_look(struct bytes b, struct image *ret)
{
	size_t at = 8;

	if (b.n < 45 || be32(b.p + 8) != 13 || memcmp(b.p + 12, "IHDR", 4) != 0 || be32(b.p + 16) > INT16_MAX || be32(b.p + 20) > INT16_MAX)
		return false;
	*ret = (struct image){ "image/png", (int)be32(b.p + 16), (int)be32(b.p + 20) };
	/* length, name, data, checksum */
	while (b.n - at >= 12) {
		size_t length = be32(b.p + at);

		if (length > b.n - at - 12)
			return false;
		if (memcmp(b.p + at + 4, "IEND", 4) == 0)
			return ret->width > 0 && ret->height > 0;
		at += 12 + length;
	}
	return false;
}

/* Start of frame: the markers C0 to CF but for tables (C4, CC) and the one that is reserved (C8). */
static bool
is_frame(uint8_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static bool
ends(const uint8_t *from, const uint8_t *end)
{
	for (const uint8_t *p = end - 2; p >= from; p--)
		if (p[0] == 0xff && p[1] == 0xd9)
			return true;
	return false;
}

static bool
jpeg_look(struct bytes b, struct image *ret)
{
	const uint8_t *p = b.p + 2, *end = b.p + b.n;

	*ret = (struct image){ "image/jpeg", 0, 0 };
	while (end - p >= 4 && p[0] == 0xff) {
		uint8_t marker = p[1];
		unsigned length = be16(p + 2);

		if (marker == 0xff) { /* filling */
			p++;
			continue;
		}
		if (length < 2 || (ptrdiff_t)length > end - p - 2)
			return false;
		if (is_frame(marker) && length >= 9)
			*ret = (struct image){ "image/jpeg", (int)be16(p + 7), (int)be16(p + 5) };
		p += 2 + length;
		if (marker == 0xda) /* the scan: pixels until the end */
			return ret->width > 0 && ret->height > 0 && ends(p, end);
	}
	return false;
}

bool
image_look(struct bytes b, struct image *ret)
{
	if (b.n > 8 && memcmp(b.p, "\x89PNG\r\n\x1a\n", 8) == 0)
		return png_look(b, ret);
	return b.n > 4 && b.p[0] == 0xff && b.p[1] == 0xd8 && jpeg_look(b, ret);
}
