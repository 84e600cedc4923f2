/*
 * match.c: from a target to a row. Segments are split before they are decoded, so %2F never makes a segment; at the first place
 * where two rows differ a literal wins over a parameter and a parameter over the rest, so /route/queue is never taken for
 * /route/:id.
 */
#include "core.h"

#include "web/web_private.h"

#define MAX_SEGMENTS 24

struct segments {
	size_t n;
	const char *s[MAX_SEGMENTS];
};

/* "/a/b/" has three segments, the last empty: a slash at the end is another path. */
static int
split(struct arena *a, const char *path, size_t n, struct segments *ret)
{
	const char *p = path + 1, *end = path + n;

	if (n == 0 || path[0] != '/')
		return -1;
	for (;;) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash != NULL ? slash : end;
		char *text = input_decode(a, p, (size_t)(stop - p), false);

		if (text == NULL || ret->n >= MAX_SEGMENTS || strcmp(text, "..") == 0 || strcmp(text, ".") == 0)
			return -1;
		ret->s[ret->n++] = text;
		if (slash == NULL)
			return 0;
		p = slash + 1;
	}
}

/* Walks a template beside the segments; each is a literal, ":name" or a last "*". */
static bool
fits(const char *template, const struct segments *path)
{
	const char *t = template + 1;

	for (size_t i = 0;; i++) {
		size_t n = strcspn(t, "/");

		if (n == 1 && t[0] == '*' && t[n] == '\0')
			return i < path->n;
		if (i >= path->n)
			return false;
		if (t[0] == ':' ? path->s[i][0] == '\0' : strlen(path->s[i]) != n || memcmp(path->s[i], t, n) != 0)
			return false;
		t += n;
		if (*t == '\0')
			return i + 1 == path->n;
		t++;
	}
}

static int
rank(const char *segment)
{
	return segment[0] == '*' ? 2 : segment[0] == ':' ? 1 : 0;
}

/* Both fit the same path: which one says more about it? */
static bool
is_closer(const char *a, const char *b)
{
	for (a++, b++;; a++, b++) {
		if (rank(a) != rank(b))
			return rank(a) < rank(b);
		a += strcspn(a, "/");
		b += strcspn(b, "/");
		if (*a == '\0' || *b == '\0')
			return false;
	}
}

static int
take_params(struct req *r, const struct segments *path)
{
	const char *t = r->route->path + 1;

	for (size_t i = 0; i < path->n; i++) {
		size_t n = strcspn(t, "/");

		if (t[0] == ':' && json_object_set_new(r->params, arena_ndup(r->arena, t + 1, n - 1), json_string(path->s[i])) < 0)
			return -1; /* no UTF-8 */
		t += n;
		if (*t == '\0')
			return 0;
		t++;
	}
	return 0;
}

static void
add_allow(struct buf *allow, const char *method)
{
	if (strstr(buf_str(allow), method) != NULL)
		return;
	buf_addf(allow, "%s%s", allow->len > 0 ? ", " : "", method);
}

static void
best_of(struct req *r, const struct route *rows, size_t n, const struct segments *path, struct buf *allow)
{
	for (size_t i = 0; i < n; i++) {
		if (!fits(rows[i].path, path))
			continue;
		add_allow(allow, rows[i].method);
		if (strcmp(rows[i].method, r->method) == 0 && (r->route == NULL || is_closer(rows[i].path, r->route->path)))
			r->route = &rows[i];
	}
}

static char *
joined(struct arena *a, const struct segments *path)
{
	struct buf b = buf_in(a, 64 * 1024);

	for (size_t i = 0; i < path->n; i++)
		buf_addf(&b, "/%s", path->s[i]);
	return arena_dup(a, buf_str(&b));
}

int
match_route(struct req *r, struct buf *allow, struct problem *err)
{
	struct segments path = { 0 };
	size_t ncore;
	const struct route *core = core_routes(r->service, &ncore);

	r->params = input_keep(r->arena, json_object());
	if (split(r->arena, r->target, strcspn(r->target, "?"), &path) < 0)
		return problem(err, 404, "not_found", "there is nothing at this path");
	r->path = joined(r->arena, &path);
	best_of(r, r->service->routes, r->service->nroutes, &path, allow);
	best_of(r, core, ncore, &path, allow);
	if (r->route != NULL && take_params(r, &path) == 0)
		return 0;
	if (r->route == NULL && allow->len > 0)
		return problem(err, 405, "method_not_allowed", "this path does not take %.16s", r->method);
	r->route = NULL;
	return problem(err, 404, "not_found", "there is nothing at this path");
}
