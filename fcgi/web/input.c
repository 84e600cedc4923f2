/*
 * input.c: query strings, forms and path segments become JSON values of the types their rows name, so that one validator serves
 * all. Text that does not read as its type stays text; the validator then names the member.
 */
#include "core.h"

#include "web/web_private.h"

static void
tree_free(void *p)
{
	json_decref(p);
}

json_t *
input_keep(struct arena *a, json_t *tree)
{
	if (tree == NULL)
		die("out of memory while reading input");
	arena_defer(a, tree_free, tree);
	return tree;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *
input_decode(struct arena *a, const char *s, size_t n, bool plus)
{
	char *out = arena_alloc(a, n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		int hi, lo;

		if (s[i] == '\0')
			return NULL;
		if (s[i] == '+' && plus) {
			*o++ = ' ';
			continue;
		}
		if (s[i] != '%') {
			*o++ = s[i];
			continue;
		}
		if (i + 2 >= n || (hi = hex_value(s[i + 1])) < 0 || (lo = hex_value(s[i + 2])) < 0 || (hi | lo) == 0)
			return NULL;
		*o++ = (char)(hi << 4 | lo);
		i += 2;
	}
	*o = '\0';
	return out;
}

static bool
whole_number(const char *s, int64_t *ret)
{
	char *end;
	const char *digits = s[0] == '-' ? s + 1 : s;

	if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return false;
	errno = 0;
	*ret = strtoll(s, &end, 10);
	return errno == 0;
}

static json_t *
typed(enum field_type type, const char *s)
{
	int64_t v;
	char *end;
	double real;

	if (type == INTEGER && whole_number(s, &v))
		return json_integer(v);
	if (type == BOOLEAN && (strcmp(s, "true") == 0 || strcmp(s, "false") == 0))
		return json_boolean(s[0] == 't');
	if (type == NUMBER && *s != '\0' && strspn(s, "0123456789.-+eE") == strlen(s)) {
		real = strtod(s, &end);
		if (*end == '\0')
			return json_real(real);
	}
	return json_string(s); /* NULL when it is no UTF-8 */
}

static const struct field *
row_of(const struct field *table, const char *name)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

/* An array member may be repeated, and each value may hold several between commas. */
static int
append_items(json_t *list, const struct field *f, struct arena *a, const char *value)
{
	while (*value != '\0') {
		size_t n = strcspn(value, ",");

		if (json_array_append_new(list, typed(f->items, arena_ndup(a, value, n))) < 0)
			return -1;
		value += value[n] == ',' ? n + 1 : n;
	}
	return 0;
}

static int
take_member(json_t *into, const struct field *table, struct arena *a, const char *name, const char *value, struct problem *err)
{
	const struct field *f = row_of(table, name);
	json_t *old = json_object_get(into, name);

	if (f != NULL && f->type == ARRAY) {
		if (old == NULL && json_object_set_new(into, name, old = json_array()) < 0)
			return problem(err, 400, "malformed_input", "a name is no UTF-8");
		if (append_items(old, f, a, value) < 0)
			return problem(err, 400, "malformed_input", "a value is no UTF-8");
		return 0;
	}
	/* Without a table the last one wins, as vendors' own servers do. */
	if (table != NULL && old != NULL)
		return problem(err, 400, "duplicate_field", "a member was sent twice");
	if (json_object_set_new(into, name, typed(f != NULL ? f->type : STRING, value)) < 0)
		return problem(err, 400, "malformed_input", "a name or value is no UTF-8");
	return 0;
}

json_t *
input_pairs(struct arena *a, const char *text, size_t n, const struct field *table, struct problem *err)
{
	json_t *into = input_keep(a, json_object());
	const char *p = text, *end = text + n;

	while (p < end) {
		const char *stop = memchr(p, '&', (size_t)(end - p));
		const char *last = stop != NULL ? stop : end;
		const char *eq = memchr(p, '=', (size_t)(last - p));
		const char *name, *value;

		if (last > p) {
			name = input_decode(a, p, (size_t)((eq != NULL ? eq : last) - p), true);
			value = eq != NULL ? input_decode(a, eq + 1, (size_t)(last - eq - 1), true) : "";
			if (name == NULL || value == NULL) {
				(void)problem(err, 400, "malformed_input", "a percent sign without two hexadecimal digits");
				return NULL;
			}
			if (take_member(into, table, a, name, value, err) < 0)
				return NULL;
		}
		p = last + 1;
	}
	return into;
}

/* r->params holds the segments as text; a row gives its type, no row means UUID. */
int
input_params(struct req *r, struct problem *err)
{
	const struct field *table = r->route->params;
	struct field row[2] = { 0 };
	const char *name;
	json_t *value;

	json_object_foreach(r->params, name, value) {
		const struct field *f = row_of(table, name);
		json_t *one;

		row[0] = f != NULL ? *f : (struct field){ .name = name, .type = UUID };
		row[0].required = true;
		if (f != NULL && json_object_set_new_nocheck(r->params, name, typed(f->type, json_string_value(value))) < 0)
			return problem(err, 400, "malformed_input", "a path segment is no UTF-8");
		one = input_keep(r->arena, json_pack("{s:O}", name, json_object_get(r->params, name)));
		if (field_check(row, one, err) < 0)
			return -1;
	}
	return 0;
}
