/* ndc.c: the spellings of a National Drug Code, and the one we keep. */
#include "program/program.h"

static const size_t widths[] = { 5, 4, 2 };

/* Segments of a hyphenated code, each padded by zeros to its width. One of them may be a digit short, no more: ten digits. */
static int
pad(const char *text, char out[NDC_TEXT])
{
	size_t given = 0, at = 0;

	for (size_t i = 0; i < COUNT(widths); i++) {
		size_t n = strspn(text, "0123456789");

		if (n == 0 || n > widths[i] || n + 1 < widths[i] || text[n] != (i < 2 ? '-' : '\0'))
			return -1;
		if (n < widths[i])
			out[at++] = '0';
		memcpy(out + at, text, n);
		at += n;
		given += n;
		text += n + (i < 2);
	}
	out[at] = '\0';
	return given >= 10 ? 0 : -1;
}

int
ndc_normalise(const char *text, char out[NDC_TEXT])
{
	if (strchr(text, '-') != NULL)
		return pad(text, out);
	if (strlen(text) != 11 || strspn(text, "0123456789") != 11)
		return -1;
	memcpy(out, text, NDC_TEXT);
	return 0;
}
