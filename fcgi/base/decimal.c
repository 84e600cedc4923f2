/* decimal.c: see decimal.h. */
#include "base/decimal.h"

#include <math.h>

#define QUANTITY_PLACES 4

/* Digits behind those in *v; how many, -1 when it becomes more than most. */
static int
digits(const char **s, int64_t most, int64_t *v)
{
	int n;

	for (n = 0; **s >= '0' && **s <= '9'; (*s)++, n++) {
		*v = *v * 10 + (**s - '0');
		if (*v > most)
			return -1;
	}
	return n;
}

int
decimal_parse(const char *s, int places, int64_t most, int64_t *ret)
{
	int64_t v = 0;
	int n = 0;

	if (digits(&s, most, &v) < 1)
		return -1;
	if (*s == '.') {
		s++;
		n = digits(&s, most, &v);
		if (n < 1 || n > places)
			return -1;
	}
	if (*s != '\0')
		return -1;
	for (; n < places; n++)
		if ((v *= 10) > most)
			return -1;
	*ret = v;
	return 0;
}

int
decimal_of(const json_t *value, int places, int64_t most, int64_t *ret)
{
	char text[40], *end;
	double v;

	if (json_is_string(value))
		return decimal_parse(json_string_value(value), places, most, ret);
	if (!json_is_number(value))
		return -1;
	v = json_number_value(value);
	if (!(v >= 0) || signbit(v) || v > (double)most)
		return -1;
	(void)snprintf(text, sizeof(text), "%.*f", places, v);
	if (strtod(text, &end) < v || strtod(text, &end) > v)
		return -1;
	return decimal_parse(text, places, most, ret);
}

char *
decimal_text(int64_t v, int places, char out[DECIMAL_TEXT])
{
	int64_t one = 1;
	char *end;

	for (int i = 0; i < places; i++)
		one *= 10;
	(void)snprintf(out, DECIMAL_TEXT, "%" PRId64 ".%0*" PRId64, v / one, places, v % one);
	end = strchr(out, '\0') - 1;
	while (*end == '0')
		*end-- = '\0';
	if (*end == '.')
		*end = '\0';
	return out;
}

int
quantity_of(const json_t *value, int64_t *v)
{
	return decimal_of(value, QUANTITY_PLACES, QUANTITY_MOST, v) < 0 || *v == 0 ? -1 : 0;
}

char *
quantity_text(int64_t v, char out[DECIMAL_TEXT])
{
	return decimal_text(v, QUANTITY_PLACES, out);
}
