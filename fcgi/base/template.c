/* template.c: see template.h. */
#include "core.h"

#include "base/template.h"
#include "base/template_tree.h"

struct frame {
	const json_t *item;
	const struct frame *outer;
};

struct render {
	struct arena *arena;
	struct buf *out;
	enum template_kind kind;
	template_partial *partial;
	void *context;
	struct problem *err;
};

static int nodes_render(struct render *r, const struct node *n, const struct frame *f, int depth);

/* The first part of a dotted name is looked for from the innermost item outwards, the others strictly inside what was found. */
static const json_t *
look_up(const struct frame *f, const char *name, size_t n)
{
	const char *dot, *end = name + n;
	const json_t *v = NULL;
	size_t part;

	if (n == 1 && *name == '.')
		return f->item;
	dot = memchr(name, '.', n);
	part = dot == NULL ? n : (size_t)(dot - name);
	for (; f != NULL && v == NULL; f = f->outer)
		v = json_object_getn(f->item, name, part);
	while (v != NULL && dot != NULL) {
		name = dot + 1;
		dot = memchr(name, '.', (size_t)(end - name));
		v = json_object_getn(v, name, (size_t)((dot == NULL ? end : dot) - name));
	}
	return v;
}

static bool
falsy(const json_t *v)
{
	if (v == NULL || json_is_null(v) || json_is_false(v))
		return true;
	return (json_is_array(v) && json_array_size(v) == 0) || (json_is_string(v) && json_string_length(v) == 0);
}

static void
html_text(struct buf *out, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		switch (s[i]) {
		case '&':
			buf_add(out, "&amp;");
			break;
		case '<':
			buf_add(out, "&lt;");
			break;
		case '>':
			buf_add(out, "&gt;");
			break;
		case '"':
			buf_add(out, "&quot;");
			break;
		default:
			buf_addc(out, s[i]);
		}
	}
}

static void
value_render(struct render *r, const json_t *v, bool escape)
{
	if (json_is_string(v) && escape)
		html_text(r->out, json_string_value(v), json_string_length(v));
	else if (json_is_string(v))
		buf_addn(r->out, json_string_value(v), json_string_length(v));
	else if (json_is_integer(v))
		buf_addf(r->out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		buf_add_real(r->out, json_real_value(v));
	else if (json_is_boolean(v))
		buf_add(r->out, json_is_true(v) ? "true" : "false");
}

static int
section_render(struct render *r, const struct node *n, const struct frame *f, int depth)
{
	const json_t *v = look_up(f, n->p, n->n);
	struct frame inner = { .item = v, .outer = f };
	size_t i;

	if (n->type == NODE_INVERTED)
		return falsy(v) ? nodes_render(r, n->children, f, depth + 1) : 0;
	if (falsy(v))
		return 0;
	if (!json_is_array(v))
		return nodes_render(r, n->children, &inner, depth + 1);
	for (i = 0; i < json_array_size(v); i++) {
		inner.item = json_array_get(v, i);
		if (nodes_render(r, n->children, &inner, depth + 1) < 0)
			return -1;
	}
	return 0;
}

/* The text with indent before each of its lines. */
static const char *
indented(struct arena *a, const char *text, const char *indent, size_t nindent)
{
	struct buf b = buf_in(a, SIZE_MAX / 4);
	const char *end;

	for (; *text != '\0'; text = end) {
		end = strchr(text, '\n');
		end = end == NULL ? text + strlen(text) : end + 1;
		buf_addn(&b, indent, nindent);
		buf_addn(&b, text, (size_t)(end - text));
	}
	return buf_str(&b);
}

static int
partial_render(struct render *r, const struct node *n, const struct frame *f, int depth)
{
	const char *name = arena_ndup(r->arena, n->p, n->n);
	const char *text = r->partial == NULL ? NULL : r->partial(name, r->context);
	struct node *tree;

	if (text == NULL)
		return 0;
	if (depth >= TEMPLATE_DEPTH)
		return problem(r->err, 500, "bad_template", "partials are nested too deep");
	if (n->nindent > 0)
		text = indented(r->arena, text, n->indent, n->nindent);
	if (template_parse(r->arena, text, &tree, r->err) < 0)
		return -1;
	return nodes_render(r, tree, f, depth + 1);
}

static int
node_render(struct render *r, const struct node *n, const struct frame *f, int depth)
{
	switch (n->type) {
	case NODE_TEXT:
		buf_addn(r->out, n->p, n->n);
		return 0;
	case NODE_ESCAPED:
		value_render(r, look_up(f, n->p, n->n), r->kind == TEMPLATE_HTML);
		return 0;
	case NODE_RAW:
		value_render(r, look_up(f, n->p, n->n), false);
		return 0;
	case NODE_PARTIAL:
		return partial_render(r, n, f, depth);
	case NODE_SECTION:
	case NODE_INVERTED:
		break;
	}
	return section_render(r, n, f, depth);
}

static int
nodes_render(struct render *r, const struct node *n, const struct frame *f, int depth)
{
	if (depth > TEMPLATE_DEPTH)
		return problem(r->err, 500, "bad_template", "sections and partials are nested too deep");
	for (; n != NULL; n = n->next) {
		if (node_render(r, n, f, depth) < 0)
			return -1;
		if (r->out->failed)
			return problem(r->err, 500, "template_too_long", "the text passes %zu bytes", r->out->max);
	}
	return 0;
}

int
template_render(const char *text, enum template_kind kind, const json_t *view, template_partial *partial, void *context,
    struct buf *out, struct problem *err)
{
	struct arena *a = arena_new(0);
	struct render r = { .arena = a, .out = out, .kind = kind, .partial = partial, .context = context, .err = err };
	struct frame root = { .item = view };
	struct node *tree;
	int rc;

	rc = template_parse(a, text, &tree, err);
	if (rc == 0)
		rc = nodes_render(&r, tree, &root, 0);
	arena_free(a);
	return rc;
}

static bool
listed(const json_t *names, const struct node *n)
{
	size_t i;

	for (i = 0; i < json_array_size(names); i++) {
		const json_t *name = json_array_get(names, i);

		if (json_string_length(name) == n->n && memcmp(json_string_value(name), n->p, n->n) == 0)
			return true;
	}
	return false;
}

static void
names_collect(json_t *names, const struct node *n)
{
	for (; n != NULL; n = n->next) {
		if (n->type != NODE_TEXT && n->type != NODE_PARTIAL && !(n->n == 1 && *n->p == '.') && !listed(names, n))
			(void)json_array_append_new(names, json_stringn(n->p, n->n));
		names_collect(names, n->children);
	}
}

json_t *
template_names(const char *text, struct problem *err)
{
	struct arena *a = arena_new(0);
	json_t *names = NULL;
	struct node *tree;

	if (template_parse(a, text, &tree, err) == 0) {
		names = json_array();
		names_collect(names, tree);
	}
	arena_free(a);
	return names;
}
