/* field.c: see field.h. One walk serves requests and replies; what differs is what is looked at. */
#include "core.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/money.h"
#include "base/uuid.h"
#include "base/field.h"

#define DEFAULT_TEXT_MAX 1000
#define EMAIL_MAX        254
#define URL_MAX          2048

struct walk {
	struct problem *err;
	bool reply;
	bool unknown; /* a member without a row was seen: 400 outranks 422 */
	bool bad;
	char path[sizeof(((struct problem_field *)0)->field)];
};

static const char *const type_names[] = {
	[STRING] = "string",
	[UUID] = "uuid",
	[INTEGER] = "integer",
	[NUMBER] = "number",
	[MONEY] = "money",
	[QUANTITY] = "quantity",
	[BOOLEAN] = "boolean",
	[DATE] = "date",
	[TIME] = "time",
	[EMAIL] = "email",
	[PHONE] = "phone",
	[STATE] = "state",
	[ENUM] = "enum",
	[URL] = "url",
	[OBJECT] = "object",
	[ARRAY] = "array",
	[ANY] = "any",
};
_Static_assert(COUNT(type_names) == ANY + 1, "one name per type");

const char *
field_type_name(enum field_type t)
{
	return (size_t)t < COUNT(type_names) && type_names[t] != NULL ? type_names[t] : "unset";
}

static void
fail(struct walk *w, const char *code, const char *detail)
{
	if (w->unknown)
		return;
	if (!w->bad) {
		problem_clear(w->err);
		(void)problem(w->err, 422, "validation_failed", "%s", "some members are missing or outside their limits");
	}
	w->bad = true;
	(void)problem_member(w->err, w->path, code, "%s", detail);
}

static void
fail_unknown(struct walk *w)
{
	if (!w->unknown) {
		problem_clear(w->err);
		(void)problem(
		    w->err, 400, "unknown_field", "%s", "the table of this body does not name every member that was sent");
	}
	w->unknown = w->bad = true;
	(void)problem_member(w->err, w->path, "unknown_field", "%s", "no such member");
}

/* Appends one step to the dotted path and returns where it stood, for path_back. A path that does not fit is cut: it only
 * informs. */
static size_t
path_into(struct walk *w, const char *name)
{
	size_t at = strlen(w->path);

	(void)snprintf(w->path + at, sizeof(w->path) - at, "%s%s", at > 0 ? "." : "", name);
	return at;
}

static void
path_back(struct walk *w, size_t at)
{
	w->path[at] = '\0';
}

/* ---- formats of text */

static bool
is_visible(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Labels of letters, digits and inner hyphens, with at least one dot between them. */
static bool
is_domain(const char *s)
{
	size_t label = 0, dots = 0;

	for (; *s != '\0'; s++) {
		if (*s == '.') {
			if (label == 0 || s[-1] == '-')
				return false;
			dots++;
			label = 0;
		} else if ((!is_alnum(*s) && (*s != '-' || label == 0)) || ++label > 63) {
			return false;
		}
	}
	return label > 0 && dots > 0 && s[-1] != '-';
}

static bool
is_email(const char *s)
{
	const char *at = strchr(s, '@');

	if (at == NULL || at == s || at - s > 64 || strlen(s) > EMAIL_MAX || !is_visible(s))
		return false;
	if (strcspn(s, "\"(),:;<>[\\]") < (size_t)(at - s))
		return false;
	return is_domain(at + 1);
}

static bool
is_phone(const char *s)
{
	size_t n = strlen(s);

	if (s[0] != '+' || n < 11 || n > 16 || s[1] == '0')
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_digit(s[i]))
			return false;
	return true;
}

static bool
is_state(const char *s)
{
	static const char states[] =
	    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
	    "RI SC SD TN TX UT VT VA WA WV WI WY ";

	if (strlen(s) != 2)
		return false;
	for (const char *p = states; *p != '\0'; p += 3)
		if (p[0] == s[0] && p[1] == s[1])
			return true;
	return false;
}

static bool
is_url(const char *s)
{
	size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;

	return scheme > 0 && s[scheme] != '\0' && s[scheme] != '/' && strlen(s) <= URL_MAX && is_visible(s);
}

static bool
is_time(const char *s)
{
	int64_t us;

	return strlen(s) > 10 && s[10] == 'T' && clock_parse(s, &us) == 0;
}

static bool
is_date(const char *s)
{
	int y, m, d;

	return date_parse(s, &y, &m, &d) == 0;
}

static bool
is_uuid(const char *s)
{
	struct uuid u;

	return uuid_parse(s, &u) == 0;
}

/* The formats, and whether a reply is held to them too: what a client parses must parse. */
static const struct {
	bool (*check)(const char *s);
	bool of_replies;
	const char *detail;
} formats[] = {
	[UUID] = { is_uuid, true, "not a UUID" },
	[DATE] = { is_date, true, "not a date (YYYY-MM-DD)" },
	[TIME] = { is_time, true, "not an RFC 3339 time" },
	[EMAIL] = { is_email, false, "not an e-mail address" },
	[PHONE] = { is_phone, false, "not a phone number (+ and 10 to 15 digits)" },
	[STATE] = { is_state, false, "not a US state (two capitals)" },
	[URL] = { is_url, false, "not an http or https URL" },
};

/* ---- values */

static void
check_range(struct walk *w, const struct field *f, bool below, bool above)
{
	char detail[96];

	if (w->reply || (!below && !above))
		return;
	if (f->max != 0)
		(void)snprintf(detail, sizeof(detail), "must be %" PRId64 " to %" PRId64, f->min, f->max);
	else
		(void)snprintf(detail, sizeof(detail), "must be at least %" PRId64, f->min);
	fail(w, "range", detail);
}

static void
check_length(struct walk *w, int64_t n, int64_t min, int64_t max, const char *what)
{
	char detail[96];

	if (w->reply || (n >= min && n <= max))
		return;
	(void)snprintf(detail, sizeof(detail), "must have %" PRId64 " to %" PRId64 " %s", min, max, what);
	fail(w, "length", detail);
}

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < ' ' && *s != '\n' && *s != '\r' && *s != '\t') || *s == 0x7f)
			return true;
	return false;
}

static int64_t
characters(const char *s)
{
	int64_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void
check_string(struct walk *w, const struct field *f, const char *s)
{
	if (!w->reply && has_control(s))
		fail(w, "format", "holds control characters");
	else
		check_length(w, characters(s), f->min, f->max != 0 ? f->max : DEFAULT_TEXT_MAX, "characters");
}

static void
check_enum(struct walk *w, const struct field *f, const char *s)
{
	char detail[96] = "one of:";

	for (const char *const *v = f->values; v != NULL && *v != NULL; v++) {
		size_t n = strlen(detail);

		if (strcmp(*v, s) == 0)
			return;
		(void)snprintf(detail + n, sizeof(detail) - n, " %s", *v);
	}
	fail(w, "enum", detail);
}

static void
check_text(struct walk *w, const struct field *f, enum field_type type, const json_t *value)
{
	const char *s = json_string_value(value);

	if (s == NULL)
		fail(w, "type", "must be text");
	else if (type == STRING)
		check_string(w, f, s);
	else if (type == ENUM)
		check_enum(w, f, s);
	else if ((formats[type].of_replies || !w->reply) && !formats[type].check(s))
		fail(w, "format", formats[type].detail);
}

static void
check_integer(struct walk *w, const struct field *f, const json_t *value)
{
	json_int_t v = json_integer_value(value);

	if (!json_is_integer(value))
		fail(w, "type", "must be an integer");
	else
		check_range(w, f, (f->min != 0 || f->max != 0) && v < f->min, f->max != 0 && v > f->max);
}

static void
check_number(struct walk *w, const struct field *f, const json_t *value)
{
	double v = json_number_value(value);

	if (!json_is_number(value))
		fail(w, "type", "must be a number");
	else
		check_range(w, f, (f->min != 0 || f->max != 0) && v < (double)f->min, f->max != 0 && v > (double)f->max);
}

/* MONEY or QUANTITY. */
static void
check_decimal(struct walk *w, const struct field *f, enum field_type type, const json_t *value)
{
	bool money = type == MONEY;
	int64_t v;

	if (!json_is_number(value) && !json_is_string(value))
		fail(w, "type", money ? "must be an amount" : "must be a quantity");
	else if ((money ? money_of(value, &v) : quantity_of(value, &v)) < 0)
		fail(w, "format", money ? "not an amount (digits, at most two of them behind the point)"
					: "not a quantity (more than nothing, at most four digits behind the point)");
	else
		check_range(w, f, (f->min != 0 || f->max != 0) && v < f->min, f->max != 0 && v > f->max);
}

static void check_value(struct walk *w, const struct field *f, enum field_type type, const json_t *value);
static void check_table(struct walk *w, const struct field *table, const json_t *value);

static void
check_array(struct walk *w, const struct field *f, const json_t *value)
{
	/* The limits of an array row count its items, so a scalar item is checked by its type's own defaults. */
	static const struct field plain = { 0 };
	size_t i;
	json_t *item;

	if (!json_is_array(value)) {
		fail(w, "type", "must be an array");
		return;
	}
	check_length(w, (int64_t)json_array_size(value), f->min, f->max, "items");
	if (!w->reply && json_array_size(value) > (size_t)f->max)
		return;
	json_array_foreach(value, i, item) {
		char index[24];
		struct field of = plain;
		size_t at;

		(void)snprintf(index, sizeof(index), "%zu", i);
		at = path_into(w, index);
		of.values = f->values;
		if (f->of != NULL)
			check_table(w, f->of, item);
		else
			check_value(w, &of, f->items, item);
		path_back(w, at);
	}
}

static void
check_value(struct walk *w, const struct field *f, enum field_type type, const json_t *value)
{
	switch (type) {
	case INTEGER:
		check_integer(w, f, value);
		break;
	case NUMBER:
		check_number(w, f, value);
		break;
	case MONEY:
	case QUANTITY:
		check_decimal(w, f, type, value);
		break;
	case BOOLEAN:
		if (!json_is_boolean(value))
			fail(w, "type", "must be true or false");
		break;
	case OBJECT:
		if (f->of != NULL)
			check_table(w, f->of, value);
		else if (!json_is_object(value))
			fail(w, "type", "must be an object");
		break;
	case ARRAY:
		check_array(w, f, value);
		break;
	case ANY:
		break;
	case STRING:
	case UUID:
	case DATE:
	case TIME:
	case EMAIL:
	case PHONE:
	case STATE:
	case ENUM:
	case URL:
		check_text(w, f, type, value);
		break;
	}
}

static const struct field *
field_named(const struct field *table, const char *name)
{
	for (const struct field *f = table; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static void
check_table(struct walk *w, const struct field *table, const json_t *value)
{
	const char *name;
	json_t *member;
	size_t at;

	if (!json_is_object(value)) {
		fail(w, "type", "must be an object");
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)value, name, member) {
		const struct field *f = field_named(table, name);

		at = path_into(w, name);
		if (f == NULL)
			fail_unknown(w);
		else if (!json_is_null(member))
			check_value(w, f, f->type, member);
		else if (!f->nullable && f->type != ANY)
			fail(w, "type", "must not be null");
		path_back(w, at);
	}
	for (const struct field *f = table; f->name != NULL; f++) {
		if (!f->required || json_object_get(value, f->name) != NULL)
			continue;
		at = path_into(w, f->name);
		fail(w, "required", "is missing");
		path_back(w, at);
	}
}

int
field_check(const struct field *table, const json_t *value, struct problem *err)
{
	struct walk w = { .err = err };

	check_table(&w, table, value);
	return w.bad ? -1 : 0;
}

int
field_check_reply(const struct field *table, const json_t *value, struct problem *err)
{
	struct walk w = { .err = err, .reply = true };

	check_table(&w, table, value);
	return w.bad ? -1 : 0;
}
