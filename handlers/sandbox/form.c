/*
 * form.c: application/x-www-form-urlencoded with Stripe's brackets, and the two kinds of Authorization.
 */
#include "crypto/hash.h"
#include "sandbox/vendor.h"

#define FORM_DEPTH 8

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* NULL for a broken escape or an encoded NUL. */
static char *
unescape(struct arena *a, const char *s, size_t n)
{
	char *out = arena_alloc(a, n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)s[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int hi = n - i > 2 ? hex_digit(s[i + 1]) : -1, lo = n - i > 2 ? hex_digit(s[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return NULL;
			c = hi * 16 + lo;
			i += 2;
		}
		if (c == 0)
			return NULL;
		*o++ = (char)c;
	}
	*o = '\0';
	return out;
}

/* "a[b][c]" into parts; the number of parts, or -1. name is cut in place; "[]" gives an empty part. */
static int
split_name(char *name, char *parts[FORM_DEPTH])
{
	int n = 0;
	char *p = strchr(name, '[');

	parts[n++] = name;
	if (p == NULL)
		return n;
	if (p == name)
		return -1;
	while (*p == '[') {
		char *end = strchr(p, ']');

		if (end == NULL || n == FORM_DEPTH)
			return -1;
		*p = '\0';
		*end = '\0';
		parts[n++] = p + 1;
		p = end + 1;
	}
	return *p == '\0' ? n : -1;
}

static int
form_set(struct arena *a, json_t *root, char *name, const char *value)
{
	char *parts[FORM_DEPTH];
	int n = split_name(name, parts);
	json_t *at = root;

	for (int i = 0; i < n; i++) {
		const char *part = parts[i];
		json_t *next;

		if (*part == '\0')
			part = arena_printf(a, "%zu", json_object_size(at));
		if (i == n - 1)
			return json_object_set_new(at, part, json_string(value));
		next = json_object_get(at, part);
		if (next == NULL) {
			next = json_object();
			if (json_object_set_new(at, part, next) < 0)
				return -1;
		}
		if (!json_is_object(next))
			return -1;
		at = next;
	}
	return -1;
}

int
sb_pair(struct arena *a, const char **at, const char *end, char **name, char **value)
{
	const char *p = *at, *amp, *stop, *eq;

	while (p < end && *p == '&')
		p++;
	if (p == end)
		return 0;
	amp = memchr(p, '&', (size_t)(end - p));
	stop = amp != NULL ? amp : end;
	eq = memchr(p, '=', (size_t)(stop - p));
	*name = unescape(a, p, (size_t)((eq != NULL ? eq : stop) - p));
	*value = eq != NULL ? unescape(a, eq + 1, (size_t)(stop - eq - 1)) : arena_dup(a, "");
	*at = stop;
	return *name != NULL && *value != NULL ? 1 : -1;
}

json_t *
sb_form(struct arena *a, const char *text, size_t n)
{
	json_t *root = sb_keep(a, json_object());
	const char *at = text, *end = text + n;
	char *name, *value;
	int rc;

	while ((rc = sb_pair(a, &at, end, &name, &value)) > 0)
		if (form_set(a, root, name, value) < 0)
			return NULL;
	return rc == 0 ? root : NULL;
}

json_t *
sb_query(struct call *c)
{
	const char *q = strchr(c->r->target, '?');
	json_t *tree = q != NULL ? sb_form(c->arena, q + 1, strlen(q + 1)) : NULL;

	return tree != NULL ? tree : sb_keep(c->arena, json_object());
}

const char *
sb_bearer(const struct req *r)
{
	const char *h = req_header(r, "authorization");

	return h != NULL && strncmp(h, "Bearer ", 7) == 0 ? h + 7 : NULL;
}

bool
sb_basic(const struct req *r, const char **user, const char **password)
{
	const char *h = req_header(r, "authorization");
	uint8_t *plain;
	ssize_t n;
	char *colon;

	if (h == NULL || strncmp(h, "Basic ", 6) != 0)
		return false;
	plain = arena_alloc(r->arena, strlen(h) + 4);
	n = base64_decode(h + 6, strlen(h + 6), plain);
	if (n < 0)
		return false;
	plain[n] = '\0';
	colon = strchr((char *)plain, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	*user = (char *)plain;
	*password = colon + 1;
	return true;
}
