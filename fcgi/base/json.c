/* json.c: see json.h. */
#include "core.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"

void
jw_start(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){ .out = out };
}

static void
escaped(struct buf *out, const char *s, size_t n)
{
	static const char *const brief[0x20] = {
		['\b'] = "\\b",
		['\t'] = "\\t",
		['\n'] = "\\n",
		['\f'] = "\\f",
		['\r'] = "\\r",
	};
	const uint8_t *p = (const uint8_t *)s;
	size_t i = 0, from = 0, len;
	uint32_t c;

	buf_addc(out, '"');
	while (i < n) {
		c = p[i];
		len = c < 0x80 ? 1 : utf8_next(p + i, n - i, &c);
		if (len > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			i += len;
			continue;
		}
		buf_addn(out, s + from, i - from);
		if (len == 0)
			buf_add(out, "\\ufffd");
		else if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", (int)c);
		else if (c < 0x20 && brief[c] != NULL)
			buf_add(out, brief[c]);
		else
			buf_addf(out, "\\u%04x", (unsigned)c);
		i += len == 0 ? 1 : len;
		from = i;
	}
	buf_addn(out, s + from, n - from);
	buf_addc(out, '"');
}

/* The comma and the key before a value; refuses what would not be JSON. */
static void
before_value(struct json_writer *w, const char *key)
{
	bool in_object = w->depth > 0 && !w->array[w->depth];

	if (in_object && key == NULL)
		die("json: a member of an object needs a key");
	if (!in_object && key != NULL)
		die("json: key %s where no object is open", key);
	if (w->depth == 0 && w->some[0])
		die("json: a second outermost value");
	if (w->some[w->depth])
		buf_addc(w->out, ',');
	w->some[w->depth] = true;
	if (key != NULL) {
		escaped(w->out, key, strlen(key));
		buf_addc(w->out, ':');
	}
}

static void
open_level(struct json_writer *w, const char *key, bool array)
{
	before_value(w, key);
	if (w->depth >= JSON_DEPTH)
		die("json: nested deeper than %d", JSON_DEPTH);
	w->depth++;
	w->array[w->depth] = array;
	w->some[w->depth] = false;
	buf_addc(w->out, array ? '[' : '{');
}

void
jw_object(struct json_writer *w, const char *key)
{
	open_level(w, key, false);
}

void
jw_array(struct json_writer *w, const char *key)
{
	open_level(w, key, true);
}

void
jw_end(struct json_writer *w)
{
	if (w->depth == 0)
		die("json: an end without a beginning");
	buf_addc(w->out, w->array[w->depth] ? ']' : '}');
	w->depth--;
}

void
jw_strn(struct json_writer *w, const char *key, const char *s, size_t n)
{
	before_value(w, key);
	escaped(w->out, s, n);
}

void
jw_str(struct json_writer *w, const char *key, const char *s)
{
	if (s == NULL)
		jw_null(w, key);
	else
		jw_strn(w, key, s, strlen(s));
}

void
jw_int(struct json_writer *w, const char *key, int64_t v)
{
	char text[24], *p = text + sizeof(text);
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;

	before_value(w, key);
	do
		*--p = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (v < 0)
		*--p = '-';
	buf_addn(w->out, p, (size_t)(text + sizeof(text) - p));
}

void
jw_bool(struct json_writer *w, const char *key, bool v)
{
	jw_raw(w, key, v ? "true" : "false");
}

void
jw_null(struct json_writer *w, const char *key)
{
	jw_raw(w, key, "null");
}

void
jw_uuid(struct json_writer *w, const char *key, struct uuid v)
{
	char text[UUID_TEXT];

	if (uuid_is_nil(v))
		jw_null(w, key);
	else
		jw_strn(w, key, uuid_text(v, text), UUID_TEXT - 1);
}

void
jw_time(struct json_writer *w, const char *key, int64_t us)
{
	char text[CLOCK_TEXT];

	jw_str(w, key, us == 0 ? NULL : clock_text(us, text));
}

void
jw_opt_int(struct json_writer *w, const char *key, bool has, int64_t v)
{
	if (has)
		jw_int(w, key, v);
}

void
jw_opt_str(struct json_writer *w, const char *key, const char *s)
{
	if (s != NULL)
		jw_str(w, key, s);
}

void
jw_raw(struct json_writer *w, const char *key, const char *text)
{
	before_value(w, key);
	buf_add(w->out, text);
}

static void
tree_members(struct json_writer *w, const json_t *object)
{
	json_t *member;
	const char *name;

	json_object_foreach((json_t *)object, name, member)
		jw_tree(w, name, member);
}

static void
tree_items(struct json_writer *w, const json_t *array)
{
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		jw_tree(w, NULL, item);
}

void
jw_tree(struct json_writer *w, const char *key, const json_t *value)
{
	if (json_is_object(value)) {
		jw_object(w, key);
		tree_members(w, value);
		jw_end(w);
	} else if (json_is_array(value)) {
		jw_array(w, key);
		tree_items(w, value);
		jw_end(w);
	} else if (json_is_string(value)) {
		jw_strn(w, key, json_string_value(value), json_string_length(value));
	} else if (json_is_integer(value)) {
		jw_int(w, key, json_integer_value(value));
	} else if (json_is_real(value)) {
		before_value(w, key);
		buf_add_real(w->out, json_real_value(value));
	} else if (json_is_boolean(value)) {
		jw_bool(w, key, json_is_true(value));
	} else {
		jw_null(w, key);
	}
}

bool
jw_ok(const struct json_writer *w)
{
	return !w->out->failed && w->depth == 0 && w->some[0];
}
