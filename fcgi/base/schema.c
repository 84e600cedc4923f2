/* schema.c: see schema.h. */
#include "core.h"

#include "base/schema.h"

#define EXAMPLE_TEXT 512

static const struct {
	const char *type;
	const char *format;
	const char *pattern;
	const char *example; /* JSON */
} json_types[] = {
	[STRING] = { "string", NULL, NULL, NULL },
	[UUID] = { "string", "uuid", NULL, "\"01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57\"" },
	[INTEGER] = { "integer", "int64", NULL, NULL },
	[NUMBER] = { "number", NULL, NULL, NULL },
	[MONEY] = { "number", NULL, "^[0-9]{1,10}(\\.[0-9]{1,2})?$", "12.50" },
	[QUANTITY] = { "number", NULL, "^[0-9]{1,8}(\\.[0-9]{1,4})?$", "2.5" },
	[BOOLEAN] = { "boolean", NULL, NULL, "true" },
	[DATE] = { "string", "date", NULL, "\"1984-03-09\"" },
	[TIME] = { "string", "date-time", NULL, "\"2026-03-02T14:05:09.000Z\"" },
	[EMAIL] = { "string", "email", NULL, "\"someone@example.com\"" },
	[PHONE] = { "string", NULL, "^\\+[1-9][0-9]{9,14}$", "\"+15005550006\"" },
	[STATE] = { "string", NULL, "^[A-Z]{2}$", "\"LA\"" },
	[ENUM] = { "string", NULL, NULL, NULL },
	[URL] = { "string", "uri", NULL, "\"https://www.example.com/\"" },
	[OBJECT] = { "object", NULL, NULL, "{}" },
	[ARRAY] = { "array", NULL, NULL, "[]" },
	[ANY] = { NULL, NULL, NULL, "{}" },
};
_Static_assert(COUNT(json_types) == ANY + 1, "one row per type");

/* ---- schema */

/* A decimal may be written as text too; the pattern is that text's. */
static bool
decimal(enum field_type type)
{
	return type == MONEY || type == QUANTITY;
}

static void
type_members(struct json_writer *w, enum field_type type, bool nullable, const char *const *values)
{
	if ((nullable || decimal(type)) && json_types[type].type != NULL) {
		jw_array(w, "type");
		jw_str(w, NULL, json_types[type].type);
		if (decimal(type))
			jw_str(w, NULL, "string");
		if (nullable)
			jw_str(w, NULL, "null");
		jw_end(w);
	} else {
		jw_opt_str(w, "type", json_types[type].type);
	}
	jw_opt_str(w, "format", json_types[type].format);
	jw_opt_str(w, "pattern", json_types[type].pattern);
	if (type != ENUM || values == NULL)
		return;
	jw_array(w, "enum");
	for (; *values != NULL; values++)
		jw_str(w, NULL, *values);
	if (nullable)
		jw_null(w, NULL);
	jw_end(w);
}

static void
limits(struct json_writer *w, const struct field *f)
{
	switch (f->type) {
	case STRING:
		jw_opt_int(w, "minLength", f->min != 0, f->min);
		jw_int(w, "maxLength", f->max != 0 ? f->max : 1000);
		break;
	case INTEGER:
	case NUMBER:
		jw_opt_int(w, "minimum", f->min != 0 || f->max != 0, f->min);
		jw_opt_int(w, "maximum", f->max != 0, f->max);
		break;
	case ARRAY:
		jw_opt_int(w, "minItems", f->min != 0, f->min);
		jw_int(w, "maxItems", f->max);
		break;
	default:
		break;
	}
}

static void table_members(struct json_writer *w, const struct field *table, enum direction way, int depth);

static void
items(struct json_writer *w, const struct field *f, enum direction way, int depth)
{
	jw_object(w, "items");
	if (f->of != NULL) {
		jw_str(w, "type", "object");
		if (depth < SCHEMA_DEPTH)
			table_members(w, f->of, way, depth + 1);
	} else {
		type_members(w, f->items, false, f->values);
	}
	jw_end(w);
}

static void
member(struct json_writer *w, const struct field *f, enum direction way, int depth)
{
	jw_object(w, f->name);
	type_members(w, f->type, f->nullable, f->values);
	if (f->type == OBJECT && f->of != NULL && depth < SCHEMA_DEPTH)
		table_members(w, f->of, way, depth + 1);
	if (f->type == ARRAY)
		items(w, f, way, depth);
	if (way != GIVEN)
		limits(w, f);
	if (way != BARE)
		jw_opt_str(w, "description", f->says);
	if (way != BARE && f->example != NULL) {
		jw_array(w, "examples");
		example_scalar(w, NULL, f);
		jw_end(w);
	}
	jw_end(w);
}

static void
table_members(struct json_writer *w, const struct field *table, enum direction way, int depth)
{
	bool some = false;

	jw_object(w, "properties");
	for (const struct field *f = table; f->name != NULL; f++) {
		member(w, f, way, depth);
		some = some || f->required;
	}
	jw_end(w);
	if (some) {
		jw_array(w, "required");
		for (const struct field *f = table; f->name != NULL; f++)
			if (f->required)
				jw_str(w, NULL, f->name);
		jw_end(w);
	}
	jw_bool(w, "additionalProperties", false);
}

void
schema_members(struct json_writer *w, const struct field *table, enum direction way)
{
	jw_str(w, "type", "object");
	table_members(w, table, way, 0);
}

void
schema_table(struct json_writer *w, const char *key, const struct field *table, enum direction way)
{
	jw_object(w, key);
	schema_members(w, table, way);
	jw_end(w);
}

void
schema_scalar(struct json_writer *w, const char *key, const struct field *f)
{
	jw_object(w, key);
	type_members(w, f->type, false, f->values);
	limits(w, f);
	if (f->type == ARRAY)
		items(w, f, SENT, SCHEMA_DEPTH);
	jw_end(w);
}

/* ---- example */

/* As long as the limits want it. */
static void
example_text(struct json_writer *w, const char *key, const struct field *f)
{
	char text[EXAMPLE_TEXT];
	size_t n = sizeof("text") - 1;

	if (f->max != 0 && (size_t)f->max < n)
		n = (size_t)f->max;
	if (f->min > 0 && (size_t)f->min > n)
		n = (size_t)f->min < sizeof(text) ? (size_t)f->min : sizeof(text) - 1;
	for (size_t i = 0; i < n; i++)
		text[i] = "text"[i % 4];
	jw_strn(w, key, text, n);
}

void
example_scalar(struct json_writer *w, const char *key, const struct field *f)
{
	bool text = f->type != INTEGER && f->type != NUMBER && !decimal(f->type) && f->type != BOOLEAN;

	if (f->example != NULL && text)
		jw_str(w, key, f->example);
	else if (f->example != NULL)
		jw_raw(w, key, f->example);
	else if (f->type == STRING)
		example_text(w, key, f);
	else if (f->type == ENUM)
		jw_str(w, key, f->values[0]);
	else if (f->type == INTEGER || f->type == NUMBER)
		jw_int(w, key, f->min > 1 || f->max < 0 ? f->min : 1);
	else
		jw_raw(w, key, json_types[f->type].example);
}

static void
example_member(struct json_writer *w, const struct field *f, int depth)
{
	bool nested = f->of != NULL && depth < SCHEMA_DEPTH;

	if (f->type == OBJECT && nested) {
		example_table(w, f->name, f->of, depth + 1);
	} else if (f->type == ARRAY && (nested || (f->of == NULL && f->items != 0))) {
		jw_array(w, f->name);
		for (int64_t i = 0; i < (f->min > 1 ? f->min : 1); i++) {
			if (nested)
				example_table(w, NULL, f->of, depth + 1);
			else
				example_scalar(w, NULL, &(struct field){ .name = f->name, .type = f->items, .values = f->values });
		}
		jw_end(w);
	} else {
		example_scalar(w, f->name, f);
	}
}

void
example_table(struct json_writer *w, const char *key, const struct field *table, int depth)
{
	jw_object(w, key);
	for (const struct field *f = table; f->name != NULL; f++)
		example_member(w, f, depth);
	jw_end(w);
}
