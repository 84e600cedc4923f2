/* money.c: see money.h. */
#include "core.h"

#include "base/decimal.h"
#include "base/money.h"

#define PLACES 2

int
money_parse(const char *s, int64_t *cents)
{
	return decimal_parse(s, PLACES, MONEY_MOST, cents);
}

int
money_of(const json_t *value, int64_t *cents)
{
	return decimal_of(value, PLACES, MONEY_MOST, cents);
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
