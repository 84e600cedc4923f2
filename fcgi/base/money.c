/* money.c: see money.h. */
#include "core.h"

#include <math.h>

#include "base/money.h"

#define WHOLE_DIGITS 10

static bool
digits(const char **s, int least, int most, int64_t *v, int *n)
{
	for (*n = 0; **s >= '0' && **s <= '9'; (*s)++, (*n)++) {
		if (*n == most)
			return false;
		*v = *v * 10 + (**s - '0');
	}
	return *n >= least;
}

int
money_parse(const char *s, int64_t *cents)
{
	int64_t v = 0;
	int n;

	if (!digits(&s, 1, WHOLE_DIGITS, &v, &n))
		return -1;
	n = 0;
	if (*s == '.') {
		s++;
		if (!digits(&s, 1, 2, &v, &n))
			return -1;
	}
	if (*s != '\0')
		return -1;
	*cents = n == 2 ? v : n == 1 ? v * 10 : v * 100;
	return 0;
}

int
money_of(const json_t *value, int64_t *cents)
{
	char text[40], *end;
	double v;

	if (json_is_string(value))
		return money_parse(json_string_value(value), cents);
	if (!json_is_number(value))
		return -1;
	v = json_number_value(value);
	if (!(v >= 0) || signbit(v) || v > (double)MONEY_MOST / 100)
		return -1;
	(void)snprintf(text, sizeof(text), "%.2f", v);
	if (strtod(text, &end) < v || strtod(text, &end) > v)
		return -1;
	return money_parse(text, cents);
}

char *
money_text(int64_t cents, char out[MONEY_TEXT])
{
	(void)snprintf(out, MONEY_TEXT, "%" PRId64 ".%02" PRId64, cents / 100, cents % 100);
	return out;
}

void
jw_money(struct json_writer *w, const char *key, int64_t cents)
{
	char text[MONEY_TEXT];

	jw_raw(w, key, money_text(cents, text));
}
