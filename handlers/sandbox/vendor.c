/*
 * vendor.c: the way of a call through any stand-in. Tables: fault (by fault.c), whatever the operation writes.
 */
#include "sandbox/vendor.h"

#include "base/log.h"
#include "crypto/random.h"

/* ---- answers */

void
sb_answer_text(struct call *c, int status, const char *type, const char *text)
{
	c->answer.status = status;
	c->answer.type = type;
	c->answer.body = BYTES_OF(text);
}

void
sb_answer(struct call *c, int status, const json_t *tree)
{
	sb_answer_text(c, status, NULL, sb_dump(c->arena, tree));
}

void
sb_answer_empty(struct call *c, int status)
{
	c->answer.status = status;
	c->answer.body = BYTES("", 0);
}

void
sb_answer_header(struct call *c, const char *name, const char *value)
{
	if (c->answer.nheaders == COUNT(c->answer.headers))
		die("sandbox: too many headers on %s", c->op->path);
	c->answer.headers[c->answer.nheaders++] = (struct header){ .name = name, .value = value };
}

static void
answer_send(struct call *c)
{
	struct answer *a = &c->answer;

	if (a->body.n == 0)
		reply_empty(c->r, a->status);
	else
		reply_bytes(c->r, a->status, a->type != NULL ? a->type : "application/json", a->body);
	for (size_t i = 0; i < a->nheaders; i++)
		reply_header(c->r, a->headers[i].name, a->headers[i].value);
}

/* ---- trees */

static void
tree_release(void *p)
{
	json_decref(p);
}

json_t *
sb_keep(struct arena *a, json_t *fresh)
{
	if (fresh == NULL)
		die("sandbox: out of memory for a JSON tree");
	arena_defer(a, tree_release, fresh);
	return fresh;
}

char *
sb_dump(struct arena *a, const json_t *tree)
{
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
	size_t n = json_dumpb(tree, NULL, 0, flags);
	char *text = arena_alloc(a, n + 1);

	if (json_dumpb(tree, text, n, flags) != n)
		die("sandbox: a tree changed while it was written");
	return text;
}

const char *
sb_text(const json_t *tree, const char *path, const char *otherwise)
{
	const char *s = json_text_at(tree, path);

	return s != NULL ? s : otherwise;
}

bool
sb_is(const json_t *tree, const char *path, const char *text)
{
	const char *s = json_text_at(tree, path);

	return s != NULL && strcmp(s, text) == 0;
}

/* ---- random texts */

static void
random_into(char *out, size_t n, const char *alphabet, size_t nalphabet)
{
	uint8_t b[64];

	while (n > 0) {
		size_t take = n < sizeof(b) ? n : sizeof(b);

		if (random_bytes(b, take) < 0)
			die("sandbox: no random bytes");
		for (size_t i = 0; i < take; i++)
			*out++ = alphabet[b[i] % nalphabet];	/* ids, not secrets: the slight bias is harmless */
		n -= take;
	}
	*out = '\0';
}

char *
sb_random(struct arena *a, const char *prefix, size_t n)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t np = strlen(prefix);
	char *s = arena_alloc(a, np + n + 1);

	memcpy(s, prefix, np);	/* NOLINT(bugprone-not-null-terminated-result): random_into ends it */
	random_into(s + np, n, alphabet, sizeof(alphabet) - 1);
	return s;
}

char *
sb_random_hex(struct arena *a, size_t n)
{
	char *s = arena_alloc(a, n + 1);

	random_into(s, n, "0123456789abcdef", 16);
	return s;
}

char *
sb_random_guid(struct arena *a)
{
	char *h = sb_random_hex(a, 32);

	return arena_printf(a, "%.8s-%.4s-4%.3s-a%.3s-%.12s", h, h + 8, h + 13, h + 17, h + 20);
}

/* ---- the way of a call */

static const struct operation *
operation_of(const struct vendor *v, const struct req *r)
{
	const char *path = r->route->path + strlen("/sandbox");

	for (size_t i = 0; i < v->nops; i++)
		if (strcmp(v->ops[i].method, r->route->method) == 0 && strcmp(v->ops[i].path, path) == 0)
			return &v->ops[i];
	die("sandbox: route %s %s has no operation", r->route->method, r->route->path);
}

/* What a fault does before the operation. True when it ends the call. */
static bool
broken_before(struct call *c)
{
	switch (c->fault) {
	case ERROR429:
		c->vendor->failure(c, 429);
		return true;
	case ERROR503:
		c->vendor->failure(c, 503);
		return true;
	case TIMEOUT_BEFORE:
		sb_answer_empty(c, 502);
		return true;
	case ERROR500:
		if (c->vendor->run != NULL)
			return false;	/* the vendor's own run knows what a 500 leaves behind */
		c->vendor->failure(c, 500);
		return true;
	default:
		return false;
	}
}

static void
broken_after(struct call *c)
{
	if (c->fault == TIMEOUT_AFTER) {
		c->answer = (struct answer){ 0 };
		sb_answer_empty(c, 502);
	} else if (c->fault == ERROR500_AFTER && c->vendor->run == NULL) {
		c->answer = (struct answer){ 0 };
		c->vendor->failure(c, 500);
	}
}

static int
serve(struct call *c, struct problem *err)
{
	int rc;

	if ((c->op->flags & OP_OPEN) == 0 && c->vendor->admit != NULL && (rc = c->vendor->admit(c, err)) != 0)
		return rc;
	if (sb_fault_draw(c->db, c->vendor->name, c->r->path, (c->op->flags & OP_OPEN) != 0, &c->fault, err) < 0)
		return -1;
	if (broken_before(c))
		return 0;
	if (c->vendor->run != NULL)
		rc = c->vendor->run(c, err);
	else if (c->fault == SLOW && sb_fault_slow(c->db, c->r->conf, err) < 0)
		rc = -1;
	else
		rc = c->op->run(c, err);
	if (rc >= 0)
		broken_after(c);
	return rc;
}

int
sb_serve(const struct vendor *v, struct req *r, struct problem *err)
{
	struct call c = { .r = r, .arena = r->arena, .db = r->db, .vendor = v, .op = operation_of(v, r) };

	c.id = sb_random(r->arena, "req_", 14);
	if (serve(&c, err) < 0)
		return -1;
	if (c.answer.status == 0)
		die("sandbox: %s %s made no answer", c.op->method, c.op->path);
	if (v->finish != NULL && c.answer.status != 502)
		v->finish(&c);
	answer_send(&c);
	return 0;
}
