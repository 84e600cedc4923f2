/*
 * outside.c: everybody else. Behind net/http's interception each call is recorded, held against the callee's contract and answered
 * by a stub. What is wrong is only noted here, since a transaction or a job is under way; the test fails when control is back with
 * it.
 */
#include "core.h"

#include "harness/harness_private.h"

void
outside_fault(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->fault[0] != '\0')
		return; /* the first one explains the rest */
	va_start(ap, fmt);
	(void)vsnprintf(w->fault, sizeof(w->fault), fmt, ap);
	va_end(ap);
}

void
outside_check(struct world *w, const char *file, int line)
{
	char says[sizeof(w->fault)];

	if (w->fault[0] == '\0')
		return;
	memcpy(says, w->fault, sizeof(says));
	w->fault[0] = '\0';
	world_fail(file, line, "%s", says);
}

/* ---- stubs */

static struct stub *
stub_new(struct world *w, const char *method, const char *target, int status, const char *body)
{
	struct stub *s = arena_alloc(w->life, sizeof(*s));

	s->method = arena_dup(w->life, method);
	s->target = arena_dup(w->life, target);
	s->status = status;
	s->body = arena_dup(w->life, body);
	s->older = w->stubs;
	w->stubs = s;
	return s;
}

void
stub(struct world *w, const char *method, const char *target, int status, const char *body)
{
	(void)stub_new(w, method, target, status, body);
}

void
stub_once(struct world *w, const char *method, const char *target, int status, const char *body)
{
	stub_new(w, method, target, status, body)->once = true;
}

void
stub_with(struct world *w, const char *method, const char *target, int status, const char *body, const char *const *headers)
{
	stub_new(w, method, target, status, body)->headers = headers;
}

void
stub_broken(struct world *w, const char *method, const char *target, enum http_outcome outcome)
{
	struct stub *s = stub_new(w, method, target, 0, NULL);

	s->once = true;
	s->outcome = outcome;
}

void
stubs_clear(struct world *w)
{
	w->stubs = NULL;
	w->sent = NULL;
}

static const char *
path_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *slash = host != NULL ? strchr(host + 3, '/') : url;

	return slash != NULL ? slash : "/";
}

/* A target without a query fits any query. */
static bool
fits(const char *target, const char *url)
{
	const char *given = strstr(target, "://") != NULL ? url : path_of(url);
	size_t n = strlen(target);

	if (n > 0 && target[n - 1] == '*')
		return strncmp(target, given, n - 1) == 0;
	if (strchr(target, '?') != NULL)
		return strcmp(target, given) == 0;
	return strncmp(target, given, n) == 0 && (given[n] == '\0' || given[n] == '?');
}

static struct stub *
find_stub(struct world *w, const struct sent *s)
{
	for (struct stub *st = w->stubs; st != NULL; st = st->older) {
		if ((st->once && st->used) || strcmp(st->method, s->method) != 0 || !fits(st->target, s->url))
			continue;
		st->used = true;
		return st;
	}
	return NULL;
}

/* ---- what was sent */

static const char *const *
copy_headers(struct world *w, const char *const *headers)
{
	size_t n = 0;
	const char **copy;

	while (headers != NULL && headers[n] != NULL)
		n++;
	copy = arena_alloc(w->life, (n + 1) * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_dup(w->life, headers[i]);
	return copy;
}

static const struct sent *
record(struct world *w, const struct http_call *call)
{
	struct sent_list *l = arena_alloc(w->life, sizeof(*l));
	struct problem ignored = { 0 };

	l->sent = (struct sent){ .method = arena_dup(w->life, call->method),
		.url = arena_dup(w->life, call->url),
		.headers = copy_headers(w, call->headers),
		.raw = arena_ndup(w->life, call->body.p != NULL ? call->body.p : (const uint8_t *)"", call->body.n) };
	l->sent.path = path_of(l->sent.url);
	if (call->body.n > 0 && (l->sent.raw[0] == '{' || l->sent.raw[0] == '['))
		l->sent.body = json_read(w->life, l->sent.raw, call->body.n, &ignored);
	l->older = w->sent;
	w->sent = l;
	return &l->sent;
}

unsigned
sent_count(struct world *w, const char *method, const char *target)
{
	unsigned n = 0;

	for (const struct sent_list *l = w->sent; l != NULL; l = l->older)
		n += strcmp(l->sent.method, method) == 0 && fits(target, l->sent.url);
	return n;
}

const struct sent *
sent_to(struct world *w, const char *method, const char *target, int i)
{
	int n = (int)sent_count(w, method, target);
	int at = i < 0 ? n + i : i;

	for (const struct sent_list *l = w->sent; l != NULL; l = l->older)
		if (strcmp(l->sent.method, method) == 0 && fits(target, l->sent.url) && --n == at)
			return &l->sent;
	return NULL;
}

const char *
sent_header(const struct sent *s, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *h = s->headers; *h != NULL; h++)
		if (strncasecmp(*h, name, n) == 0 && (*h)[n] == ':')
			return *h + n + 1 + strspn(*h + n + 1, " ");
	return NULL;
}

const char *
sent_text(const struct sent *s, const char *path)
{
	const char *found = s->body != NULL ? json_text_at(s->body, path) : NULL;

	return found != NULL ? found : "";
}

/* ---- the transport */

static void
give(struct arena *a, struct http_answer *ret, int status, const char *body)
{
	const char *copy = arena_dup(a, body != NULL ? body : "");

	ret->outcome = HTTP_ANSWERED;
	ret->status = status;
	ret->body = BYTES_OF(copy);
}

static int
retry_after_of(const char *const *headers)
{
	for (; headers != NULL && *headers != NULL; headers++)
		if (strncasecmp(*headers, "retry-after:", 12) == 0)
			return (int)strtol(*headers + 12, NULL, 10);
	return 0;
}

void
outside_answer(void *world, struct arena *a, const struct http_call *call, struct http_answer *ret, const char *const **headers)
{
	static const char *const none[] = { NULL };
	struct world *w = world;
	const struct sent *s = record(w, call);
	bool event = false;
	const struct stub *st = find_stub(w, s);

	*headers = none;
	*ret = (struct http_answer){ .outcome = HTTP_NOT_SENT, .error = "no stub" };
	contract_call(w, s, &event);
	if (st == NULL && token_asked(s)) {
		give(a, ret, 200, "{}");
		return;
	}
	if (st == NULL && event) {
		give(a, ret, 200, "{}");
		return;
	}
	if (st == NULL) {
		outside_fault(w, "no stub for %s %s %.200s", s->method, s->url, s->raw);
		return;
	}
	if (st->outcome != HTTP_ANSWERED) {
		*ret = (struct http_answer){ .outcome = st->outcome, .error = "broken by the test" };
		return;
	}
	contract_reply(w, s, st->status, st->body);
	give(a, ret, st->status, st->body);
	ret->retry_after = retry_after_of(st->headers);
	if (st->headers != NULL)
		*headers = st->headers;
}
