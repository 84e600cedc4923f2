/*
 * decimal.h: decimals as integers: 2.5 with four places is 25000. What a contract writes behind a point is read and written here and is never
 * counted with as a double.
 *
 * Exact or not at all: what has more places than asked for, a sign, an exponent, or is more than `most` is refused. A JSON number has been a
 * double by the time it is looked at, so it counts when it is the double nearest to a decimal of so many places; 0.1 + 0.2 is not, and is
 * refused rather than rounded. most must be below 10^15, so that each value has a double of its own.
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <jansson.h>

#include "core.h"

#define DECIMAL_TEXT 32

int decimal_parse(const char *s, int places, int64_t most, int64_t *v) MUST_CHECK;         /* "2", "2.5", "002.50"; -1 */
int decimal_of(const json_t *value, int places, int64_t most, int64_t *v) MUST_CHECK;      /* a number, or text as above; -1 */
char *decimal_text(int64_t v, int places, char out[DECIMAL_TEXT]); /* 2.5: no zeros at the end; returns out; v >= 0, 0 to 9 places */

/* What is dispensed: 2.5 mL, 30 tablets. More than nothing, at most four places, as SCRIPT has it; in ten-thousandths. */
#define QUANTITY_ONE  INT64_C(10000)
#define QUANTITY_MOST (99999999 * QUANTITY_ONE)
int quantity_of(const json_t *value, int64_t *v) MUST_CHECK;
char *quantity_text(int64_t v, char out[DECIMAL_TEXT]);

#endif
