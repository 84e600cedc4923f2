/*
 * contract.c: the contracts between services are their own route tables (rule Y-TEST-03): what this service sends to a peer must be
 * what that peer's row takes, and what a stub answers for it must be what that row promises. Change a table, and the callers' tests
 * fail.
 */
#include "core.h"

#include "harness/harness_private.h"
#include "net/peers.h"

/* Every service that is linked, and NULL: made from the build's list (local.mk). */
extern const struct service *const all_services[];

#define INTERNAL "http://telerx.internal/"

static bool
is_peer(const struct sent *s)
{
	return strncmp(s->url, INTERNAL, strlen(INTERNAL)) == 0;
}

static const struct service *
service_of(const char *name)
{
	for (const struct service *const *s = all_services; *s != NULL; s++)
		if (strcmp((*s)->name, name) == 0)
			return *s;
	return NULL;
}

/* ---- which row */

static bool
segment_fits(const char *row, size_t nrow, const char *path, size_t npath)
{
	if (nrow > 0 && row[0] == ':')
		return npath > 0;
	return nrow == npath && memcmp(row, path, nrow) == 0;
}

/* How well a template fits: 0 not at all, else more for more literal characters. */
static size_t
fit(const char *template, const char *path, size_t npath)
{
	const char *end = path + npath;
	size_t literal = 1;

	while (*template == '/' && path < end && *path == '/') {
		const char *stop;
		size_t nt, np;

		template ++;
		path++;
		stop = memchr(path, '/', (size_t)(end - path));
		nt = strcspn(template, "/");
		np = stop != NULL ? (size_t)(stop - path) : (size_t)(end - path);
		if (nt == 1 && template[0] == '*')
			return literal;
		if (!segment_fits(template, nt, path, np))
			return 0;
		if (template[0] != ':')
			literal += nt;
		template += nt;
		path += np;
	}
	return *template == '\0' && path == end ? literal + 1 : 0;
}

struct finding {
	const struct route *row;
	const struct service *whose;
	size_t fits;
};

static void
look(const struct sent *s, const struct service *peer, const struct route *rows, size_t n, struct finding *best)
{
	size_t npath = strcspn(s->path, "?");

	for (size_t k = 0; k < n; k++) {
		size_t how = strcmp(rows[k].method, s->method) == 0 ? fit(rows[k].path, s->path, npath) : 0;

		if (how > best->fits)
			*best = (struct finding){ &rows[k], peer, how };
	}
}

/* Among the services' own rows, and those that the core gives to each. */
static const struct route *
find_row(const struct sent *s, const struct service **whose)
{
	struct finding best = { 0 };

	for (const struct service *const *peer = all_services; *peer != NULL; peer++) {
		size_t ncore;
		const struct route *core = core_routes(*peer, &ncore);

		look(s, *peer, (*peer)->routes, (*peer)->nroutes, &best);
		look(s, *peer, core, ncore, &best);
	}
	*whose = best.whose;
	return best.row;
}

/* Whether all services are here, so that a path nobody has is a fault. */
static bool
complete(void)
{
#ifdef HARNESS_PARTIAL
	return false;
#else
	return true;
#endif
}

/* ---- the call */

static bool
lists(const char *callers, const char *name)
{
	size_t n = strlen(name);

	if (callers == NULL)
		return false;
	if (strcmp(callers, "*") == 0)
		return true;
	for (const char *at = strstr(callers, name); at != NULL; at = strstr(at + 1, name))
		if ((at == callers || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static const char *
described(struct world *w, const struct problem *err)
{
	struct buf b = buf_in(w->life, 4096);

	buf_addf(&b, "%s %s", err->code, err->detail);
	for (unsigned i = 0; i < err->nerrors; i++)
		buf_addf(&b, "; %s: %s", err->errors[i].field, err->errors[i].code);
	return buf_str(&b);
}

/* A delivery of an event: the subscriber's table takes the topic. */
static bool
is_delivery(struct world *w, const struct sent *s)
{
	for (const struct service *const *peer = all_services; *peer != NULL; peer++) {
		const struct service *to = *peer;
		const char *topic = sent_text(s, "topic");
		bool taken = false;

		if (strcmp(s->path, arena_printf(w->life, "%s/events", to->prefix)) != 0)
			continue;
		for (size_t k = 0; k < to->nevents; k++)
			taken = taken || strcmp(to->events[k].topic, "*") == 0 || strcmp(to->events[k].topic, topic) == 0;
		if (!taken)
			outside_fault(w, "contract: %s does not consume %s", to->name, topic);
		return true;
	}
	return false;
}

static void
check_query(struct world *w, const struct sent *s, const struct route *row)
{
	const char *q = strchr(s->path, '?');

	for (q = q != NULL ? q + 1 : ""; *q != '\0'; q += strcspn(q, "&"), q += *q == '&') {
		size_t n = strcspn(q, "=&");
		bool known = false;

		for (const struct field *f = row->query; f != NULL && f->name != NULL; f++)
			known = known || (strlen(f->name) == n && strncmp(f->name, q, n) == 0);
		if (!known)
			outside_fault(w, "contract: %s %s has no query member %.*s", row->method, row->path, (int)n, q);
	}
}

static void
check_body(struct world *w, const struct sent *s, const struct route *row)
{
	struct problem err = { 0 };

	if (row->body == NULL) {
		if (s->raw[0] != '\0' && row->kind != BODY_RAW)
			outside_fault(w, "contract: %s %s takes no body", row->method, row->path);
		return;
	}
	if (s->body == NULL)
		outside_fault(w, "contract: %s %s needs a JSON body", row->method, row->path);
	else if (field_check(row->body, s->body, &err) < 0)
		outside_fault(w, "contract: %s %s refuses the body: %s", row->method, row->path, described(w, &err));
}

void
contract_call(struct world *w, const struct sent *s, bool *event)
{
	const struct service *whose = NULL;
	const struct route *row;

	if (!is_peer(s))
		return;
	*event = strcmp(s->method, "POST") == 0 && is_delivery(w, s);
	if (*event)
		return;
	row = find_row(s, &whose);
	if (row == NULL) {
		size_t n = strlen(s->path);

		/* A subscriber that is not linked. */
		if (n > 7 && strcmp(s->path + n - 7, "/events") == 0 && !complete())
			*event = true;
		else if (complete())
			outside_fault(w, "contract: no service has %s %s", s->method, s->path);
		return;
	}
	if (whose != service_of(w->service->name) && !lists(row->callers, w->service->name))
		outside_fault(w, "contract: %s may not call %s %s", w->service->name, row->method, row->path);
	if (row->once == KEY && sent_header(s, "Idempotency-Key") == NULL)
		outside_fault(w, "contract: %s %s needs an Idempotency-Key", row->method, row->path);
	check_query(w, s, row);
	check_body(w, s, row);
}

/* ---- the stub's reply */

void
contract_reply(struct world *w, const struct sent *s, int status, const char *body)
{
	const struct service *whose = NULL;
	const struct route *row = is_peer(s) ? find_row(s, &whose) : NULL;
	struct problem err = { 0 };
	json_t *tree;

	if (row == NULL || row->reply == NULL || status < 200 || status > 299)
		return;
	tree = body != NULL ? json_read(w->life, body, strlen(body), &err) : NULL;
	if (tree == NULL)
		outside_fault(w, "contract: the stub of %s %s answers no JSON", row->method, row->path);
	else if (field_check_reply(row->reply, tree, &err) < 0)
		outside_fault(
		    w, "contract: %s %s never answers what its stub does: %s", row->method, row->path, described(w, &err));
}
