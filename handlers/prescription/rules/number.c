/* number.c: identifiers with check digits, NDC forms, amounts. */
#include "core.h"

#include "prescription/rules/rules.h"

static bool
all_digits(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789") == n;
}

bool
npi_is_good(const char *s)
{
	int sum = 24; /* what the prefix 80840 adds */

	if (!all_digits(s, 10) || (s[0] != '1' && s[0] != '2'))
		return false;
	for (int i = 9; i >= 0; i--) {
		int v = s[i] - '0';

		if (i % 2 == 0) {
			v *= 2;
			v -= v > 9 ? 9 : 0;
		}
		sum += v;
	}
	return sum % 10 == 0;
}

bool
dea_is_good(const char *s, bool prescriber)
{
	const char *first = prescriber ? "ABFGM" : "ABCDEFGHJKLMPRSTUX";
	int d[7];

	if (strlen(s) < 9 || strchr(first, s[0]) == NULL || !((s[1] >= 'A' && s[1] <= 'Z') || s[1] == '9'))
		return false;
	for (size_t i = 0; i < 7; i++) {
		if (s[2 + i] < '0' || s[2 + i] > '9')
			return false;
		d[i] = s[2 + i] - '0';
	}
	if (s[9] != '\0' && (s[9] != '-' || s[10] == '\0'))
		return false;
	return (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6];
}

/* Parts of a, b and c digits, filled up with zeros on the left to 5, 4 and 2. */
static void
ndc_fill(char out[NDC_TEXT], const char *s, size_t a, size_t b, size_t c, size_t hyphen)
{
	memset(out, '0', NDC_TEXT - 1);
	memcpy(out + 5 - a, s, a);
	memcpy(out + 9 - b, s + a + hyphen, b);
	memcpy(out + 11 - c, s + a + b + 2 * hyphen, c);
	out[NDC_TEXT - 1] = '\0';
}

size_t
ndc_forms(const char *s, char out[3][NDC_TEXT])
{
	static const size_t shapes[][3] = { { 4, 4, 2 }, { 5, 3, 2 }, { 5, 4, 1 }, { 5, 4, 2 } };
	size_t a = strspn(s, "0123456789"), b, c;

	if (s[a] == '\0' && a == 11) {
		memcpy(out[0], s, NDC_TEXT);
		return 1;
	}
	if (s[a] == '\0' && a == 10) {
		for (size_t i = 0; i < 3; i++)
			ndc_fill(out[i], s, shapes[i][0], shapes[i][1], shapes[i][2], 0);
		return 3;
	}
	if (s[a] != '-')
		return 0;
	b = strspn(s + a + 1, "0123456789");
	if (s[a + 1 + b] != '-')
		return 0;
	c = strspn(s + a + b + 2, "0123456789");
	if (s[a + b + c + 2] != '\0')
		return 0;
	for (size_t i = 0; i < COUNT(shapes); i++)
		if (shapes[i][0] == a && shapes[i][1] == b && shapes[i][2] == c) {
			ndc_fill(out[0], s, a, b, c, 1);
			return 1;
		}
	return 0;
}

bool
quantity_is_good(const char *s)
{
	size_t whole = strspn(s, "0123456789"), part = 0;

	if (whole == 0 || whole > 7)
		return false;
	if (s[whole] == '.') {
		part = strspn(s + whole + 1, "0123456789");
		if (part == 0 || part > 4)
			return false;
		part++;
	}
	return s[whole + part] == '\0' && strspn(s, "0.") != whole + part;
}

const char *
phone_digits(struct arena *a, const char *s)
{
	char digits[16];
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if (*s >= '0' && *s <= '9') {
			if (n == sizeof(digits) - 1)
				return NULL;
			digits[n++] = *s;
		} else if (strchr("+-(). x", *s) == NULL) {
			return NULL;
		}
	}
	if (n == 11 && digits[0] == '1')
		return arena_ndup(a, digits + 1, 10);
	return n == 10 && digits[0] >= '2' ? arena_ndup(a, digits, 10) : NULL;
}

const char *
schedule_of_code(const char *code)
{
	static const struct {
		const char *code, *schedule;
	} codes[] = {
		{ "C48672", "I" }, { "C48675", "II" }, { "C48676", "III" }, { "C48677", "IV" }, { "C48679", "V" }, { "C38046", "none" },
		{ "CI", "I" }, { "CII", "II" }, { "CIII", "III" }, { "CIV", "IV" }, { "CV", "V" },
	};

	for (size_t i = 0; i < COUNT(codes); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].schedule;
	return NULL;
}
