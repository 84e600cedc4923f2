/*
 * field.h: what a body, a query or a reply looks like, as a table.
 *
 * The table is the contract: the core validates requests by it before the handler runs, checks replies by it in tests, prints
 * it as OpenAPI, and the contract tests hold callers to it. A table ends with a row without name. A member that no row names is
 * 400 unknown_field; a value outside its limits is 422 with one error per member. min/max mean: characters for text (UTF-8 code
 * points), value for numbers, items for arrays.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include <jansson.h>

#include "base/problem.h"

enum field_type {
	STRING = 1, /* text, no control characters but \n \r \t; default max 1,000 */
	UUID,
	INTEGER, /* JSON integer (in a query: decimal text) */
	NUMBER,  /* any JSON number; never money */
	MONEY,   /* decimals where a contract has them: 1500.00, as a number or as text (base/money.h); min and max in cents */
	QUANTITY, /* what is dispensed: 2.5, as a number or as text (base/decimal.h); min and max in ten-thousandths */
	BOOLEAN,
	DATE,  /* YYYY-MM-DD that exists */
	TIME,  /* RFC 3339 */
	EMAIL, /* one @, a dot behind it, <= 254 */
	PHONE, /* E.164: + and 10..15 digits */
	STATE, /* US state or DC, two capitals */
	ENUM,  /* one of .values */
	URL,
	OBJECT, /* .of another table */
	ARRAY,  /* of objects by .of, or of .items scalars; .max is required */
	ANY     /* any JSON value; for replies that pass something through and for answers defined as data */
};

struct field {
	const char *name;
	enum field_type type;
	bool required;
	bool nullable;
	int64_t min, max;
	const char *const *values; /* ENUM: NULL-terminated */
	const struct field *of;
	enum field_type items;
	const char *says; /* one line: what it is, unit, who makes it */
	const char *example;
};

/* 0, or -1 with err filled: 400 unknown_field or 422 validation_failed, errors[] naming each bad member (code: required,
 * type, length, range, format, enum). */
int field_check(const struct field *table, const json_t *value, struct problem *err) MUST_CHECK;
/* The same for a reply: additional members and wrong types are errors, limits are not looked at. */
int field_check_reply(const struct field *table, const json_t *value, struct problem *err) MUST_CHECK;
const char *field_type_name(enum field_type t);

#endif
