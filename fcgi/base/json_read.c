/* json_read.c: the reading half of json.h: jansson behind rule H6, and look-ups by path. */
#include "core.h"

#include "base/json.h"

/* Levels of [ and { outside strings; jansson would recurse up to 2048 deep before it refuses. */
static bool
too_deep(const char *text, size_t n)
{
	bool in_string = false;
	int depth = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (in_string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				in_string = false;
		} else if (text[i] == '"') {
			in_string = true;
		} else if (text[i] == '[' || text[i] == '{') {
			if (++depth > JSON_DEPTH)
				return true;
		} else if (text[i] == ']' || text[i] == '}') {
			depth--;
		}
	}
	return false;
}

static void
tree_release(void *tree)
{
	json_decref(tree);
}

json_t *
json_read(struct arena *a, const char *text, size_t n, struct problem *err)
{
	json_error_t where;
	json_t *tree;

	if (n == 0 || memchr(text, '\0', n) != NULL) {
		problem(err, 400, "malformed_json", n == 0 ? "no JSON was sent" : "the JSON holds a NUL byte");
		return NULL;
	}
	if (too_deep(text, n)) {
		problem(err, 400, "malformed_json", "the JSON is nested deeper than %d", JSON_DEPTH);
		return NULL;
	}
	tree = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
	if (tree == NULL) {
		/* Not where.text: it quotes the input, which may be patient data. */
		problem(err, 400, "malformed_json", "not valid JSON at line %d column %d", where.line, where.column);
		return NULL;
	}
	arena_defer(a, tree_release, tree);
	return tree;
}

static json_t *
step(const json_t *node, const char *name, size_t n)
{
	size_t i, index = 0;

	if (json_is_object(node))
		return json_object_getn(node, name, n);
	if (!json_is_array(node) || n == 0 || n > 9)
		return NULL;
	for (i = 0; i < n; i++) {
		if (name[i] < '0' || name[i] > '9')
			return NULL;
		index = index * 10 + (size_t)(name[i] - '0');
	}
	return json_array_get(node, index);
}

json_t *
json_at(const json_t *root, const char *path)
{
	const json_t *node = root;
	size_t n;

	while (node != NULL) {
		n = strcspn(path, ".");
		node = step(node, path, n);
		if (path[n] == '\0')
			break;
		path += n + 1;
	}
	return (json_t *)node;
}

const char *
json_text_at(const json_t *root, const char *path)
{
	return json_string_value(json_at(root, path));
}

int64_t
json_int_at(const json_t *root, const char *path, int64_t otherwise)
{
	const json_t *node = json_at(root, path);

	return json_is_integer(node) ? json_integer_value(node) : otherwise;
}
