/* template_parse.c: Mustache text to a tree of nodes. */
#include "core.h"

#include "base/template_tree.h"

struct tag {
	char sigil;        /* 0 for a plain variable */
	const char *start; /* the opening delimiter */
	const char *end;   /* behind the closing delimiter */
	const char *name;  /* trimmed content */
	size_t n;
};

struct parser {
	struct arena *arena;
	const char *text; /* whole, for line numbers and line starts */
	const char *at;
	char open[16], close[16]; /* the delimiters now */
	struct problem *err;
};

static int
fail(struct parser *p, const char *where, const char *what)
{
	int line = 1;
	const char *s;

	for (s = p->text; s < where; s++)
		if (*s == '\n')
			line++;
	return problem(p->err, 500, "bad_template", "line %d: %s", line, what);
}

static struct node *
append(struct parser *p, struct node ***tail, enum node_type type, const char *s, size_t n)
{
	struct node *node = arena_alloc(p->arena, sizeof(*node));

	node->type = type;
	node->p = s;
	node->n = n;
	**tail = node;
	*tail = &node->next;
	return node;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
trim(const char **s, size_t *n)
{
	while (*n > 0 && blank(**s))
		(*s)++, (*n)--;
	while (*n > 0 && blank((*s)[*n - 1]))
		(*n)--;
}

/* Reads the tag whose opening delimiter is at start. */
static int
tag_read(struct parser *p, const char *start, struct tag *t)
{
	const char *s = start + strlen(p->open), *end;
	char close[20];

	t->start = start;
	t->sigil = 0;
	if (*s != '\0' && strchr("#^/>!&={", *s) != NULL)
		t->sigil = *s++;
	(void)snprintf(close, sizeof(close), "%s%s", t->sigil == '{' ? "}" : t->sigil == '=' ? "=" : "", p->close);
	end = strstr(s, close);
	if (end == NULL)
		return fail(p, start, "a tag is not closed");
	t->name = s;
	t->n = (size_t)(end - s);
	t->end = end + strlen(close);
	trim(&t->name, &t->n);
	if (t->sigil == '!' || t->sigil == '=')
		return 0;
	if (t->n == 0)
		return fail(p, start, "a tag has no name");
	for (s = t->name; s < t->name + t->n; s++)
		if (blank(*s))
			return fail(p, start, "a name has a space in it");
	return 0;
}

/* {{=<% %>=}}: two words without "=". */
static int
delimiters_set(struct parser *p, const struct tag *t)
{
	char open[16], close[16];
	const char *s = t->name, *end = t->name + t->n;
	size_t n1 = 0, n2;

	while (s + n1 < end && !blank(s[n1]))
		n1++;
	n2 = (size_t)(end - s) - n1;
	if (n1 == 0 || n1 >= sizeof(open) || memchr(t->name, '=', t->n) != NULL)
		return fail(p, t->start, "bad delimiters");
	(void)snprintf(open, sizeof(open), "%.*s", (int)n1, s);
	s += n1;
	trim(&s, &n2);
	if (n2 == 0 || n2 >= sizeof(close))
		return fail(p, t->start, "bad delimiters");
	(void)snprintf(close, sizeof(close), "%.*s", (int)n2, s);
	if (strpbrk(close, " \t\r\n") != NULL)
		return fail(p, t->start, "bad delimiters");
	memcpy(p->open, open, sizeof(open));
	memcpy(p->close, close, sizeof(close));
	return 0;
}

/* A tag alone on its line takes the line with it: line is where that line starts, rest where the next one does. */
static bool
standalone(const struct parser *p, const struct tag *t, const char **line, const char **rest)
{
	const char *s = t->start, *e = t->end;

	if (t->sigil == 0 || t->sigil == '&' || t->sigil == '{')
		return false;
	while (s > p->text && (s[-1] == ' ' || s[-1] == '\t'))
		s--;
	if (s > p->text && s[-1] != '\n')
		return false;
	e += strspn(e, " \t");
	if (*e == '\r' && e[1] == '\n')
		e++;
	if (*e != '\n' && *e != '\0')
		return false;
	*line = s;
	*rest = *e == '\n' ? e + 1 : e;
	return true;
}

static int nodes_read(struct parser *p, const struct tag *inside, int depth, struct node **ret);

static int
section_read(struct parser *p, struct node ***tail, const struct tag *t, int depth)
{
	struct node *n = append(p, tail, t->sigil == '#' ? NODE_SECTION : NODE_INVERTED, t->name, t->n);

	if (depth >= TEMPLATE_DEPTH)
		return fail(p, t->start, "sections are nested too deep");
	return nodes_read(p, t, depth + 1, &n->children);
}

/* What a tag other than a closing one means. */
static int
tag_take(struct parser *p, struct node ***tail, const struct tag *t, const char *line, int depth)
{
	struct node *n;

	switch (t->sigil) {
	case '#':
	case '^':
		return section_read(p, tail, t, depth);
	case '=':
		return delimiters_set(p, t);
	case '!':
		return 0;
	case '>':
		n = append(p, tail, NODE_PARTIAL, t->name, t->n);
		n->indent = line == NULL ? "" : line;
		n->nindent = line == NULL ? 0 : (size_t)(t->start - line);
		return 0;
	default:
		(void)append(p, tail, t->sigil == 0 ? NODE_ESCAPED : NODE_RAW, t->name, t->n);
		return 0;
	}
}

/* Reads up to the end of the text, or of the section inside. */
static int
nodes_read(struct parser *p, const struct tag *inside, int depth, struct node **ret)
{
	const char *found, *line, *rest;
	struct node **tail = ret;
	struct tag t = { 0 };

	while ((found = strstr(p->at, p->open)) != NULL) {
		if (tag_read(p, found, &t) < 0)
			return -1;
		line = NULL;
		rest = t.end;
		(void)standalone(p, &t, &line, &rest);
		if ((line == NULL ? found : line) > p->at)
			(void)append(p, &tail, NODE_TEXT, p->at, (size_t)((line == NULL ? found : line) - p->at));
		p->at = rest;
		if (t.sigil == '/') {
			if (inside == NULL || inside->n != t.n || memcmp(inside->name, t.name, t.n) != 0)
				return fail(p, found, "a section is closed that is not open");
			return 0;
		}
		if (tag_take(p, &tail, &t, line, depth) < 0)
			return -1;
	}
	if (inside != NULL)
		return fail(p, inside->start, "a section is not closed");
	if (*p->at != '\0')
		(void)append(p, &tail, NODE_TEXT, p->at, strlen(p->at));
	return 0;
}

int
template_parse(struct arena *a, const char *text, struct node **ret, struct problem *err)
{
	struct parser p = { .arena = a, .text = text, .at = text, .open = "{{", .close = "}}", .err = err };

	*ret = NULL;
	return nodes_read(&p, NULL, 0, ret);
}
