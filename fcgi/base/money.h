/*
 * money.h: amounts at the edges where a contract writes decimals (1500.00); inside, money is integer cents.
 *
 * Exact or not at all (base/decimal.h): what has more than two digits behind the point, a sign, an exponent, or more than MONEY_MOST
 * cents is no amount.
 */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include <jansson.h>

#include "base/json.h"

#define MONEY_MOST INT64_C(999999999999) /* cents: 9,999,999,999.99; every amount up to it has a double of its own */
#define MONEY_TEXT 24

int money_parse(const char *s, int64_t *cents) MUST_CHECK;          /* "1500", "1500.5", "1500.00"; -1 when it is no amount */
int money_of(const json_t *value, int64_t *cents) MUST_CHECK;       /* a number, or text as above; -1 */
char *money_text(int64_t cents, char out[MONEY_TEXT]);              /* 1500.00; returns out; 0..MONEY_MOST */
void jw_money(struct json_writer *w, const char *key, int64_t cents); /* as a JSON number with two digits behind the point */

#endif
