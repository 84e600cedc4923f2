#include "base/clock.h"
#include "crypto/random.h"
#include "crypto/signature.h"
#include "journey.h"

#define CALL_PATIENCE_US (INT64_C(60) * 1000 * 1000)

const char *
client_env(const char *name)
{
	const char *v = getenv(name);

	if (v == NULL || *v == '\0') {
		(void)fprintf(stderr, "journey: %s is not set; ./telerx journey sets it from var/dev.env\n", name);
		exit(2);
	}
	return v;
}

void
client_pause(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static struct bytes
body_of(const struct ask *q)
{
	return q->raw.n > 0 ? q->raw : q->body == NULL ? BYTES("", 0) : BYTES_OF(q->body);
}

/* The portal and the network sign like every service (X-Signature v2). */
static size_t
sign(struct patient *p, const struct ask *q, const char **headers)
{
	char stamp[CLOCK_TEXT], nonce[TOKEN_TEXT], signature[68];
	struct signed_call c = { .method = q->method, .target = q->path, .body = body_of(q) };
	bool portal = q->as == AS_PORTAL;

	if (random_token(nonce) < 0)
		return 0;
	c.timestamp = clock_text(clock_us(), stamp);
	c.nonce = nonce;
	service_sign_v2(client_env(portal ? "SECRET_PORTAL" : "SECRET_NCPDP"), &c, signature);
	headers[0] = arena_printf(p->arena, "X-API-Key: %s", client_env(portal ? "KEY_PORTAL" : "KEY_NCPDP"));
	headers[1] = arena_printf(p->arena, "X-Timestamp: %s", stamp);
	headers[2] = arena_printf(p->arena, "X-Nonce: %s", nonce);
	headers[3] = arena_printf(p->arena, "X-Signature: %s", signature);
	return 4;
}

static void
once(struct patient *p, const struct ask *q, struct http_answer *a)
{
	const char *headers[10];
	size_t n = 0;

	if (q->type != NULL)
		headers[n++] = arena_printf(p->arena, "Content-Type: %s", q->type);
	else if (q->body != NULL)
		headers[n++] = q->as == AS_BROWSER ? "Content-Type: application/x-www-form-urlencoded" : "Content-Type: application/json";
	if (q->key != NULL)
		headers[n++] = arena_printf(p->arena, "Idempotency-Key: %s", q->key);
	if (q->as == AS_PATIENT)
		headers[n++] = arena_printf(p->arena, "Authorization: Bearer %s", p->session);
	else if (q->as == AS_ADMIN)
		headers[n++] = arena_printf(p->arena, "Authorization: Bearer %s", client_env("ADMIN_SECRET"));
	else if (q->as == AS_BROWSER)
		headers[n++] = arena_printf(p->arena, "Authorization: Bearer %s", client_env("STRIPE_PUBLISHABLE_KEY"));
	else if (q->as == AS_AGENT)
		headers[n++] = arena_printf(p->arena, "Authorization: Bearer %s", p->agent_token);
	else if (q->as == AS_LINK)
		headers[n++] = arena_printf(p->arena, "Authorization: Bearer %s", p->link_token);
	else if (q->as == AS_PORTAL || q->as == AS_SWITCH)
		n += sign(p, q, headers + n);
	headers[n] = NULL;
	http_do(p->http, p->arena, &(struct http_call){ .method = q->method, .headers = headers, .source = p->source,
	    .url = arena_printf(p->arena, "%s%s", client_env("TELERX_URL"), q->path),
	    .body = body_of(q), .connect_ms = 5000, .total_ms = 20000 }, a);
}

/* Every call of the journey is safe to repeat: a GET, keyed, or harmless by its own rule. Stripe's confirm is, once it succeeded. */
static bool
again(const struct http_answer *a)
{
	return a->outcome != HTTP_ANSWERED || a->status == 429 || a->status == 502 || a->status == 503 || a->status == 504;
}

int
client_call(struct patient *p, const struct ask *q, struct reply *ret)
{
	int64_t until = clock_mono_us() + CALL_PATIENCE_US;
	struct problem err = { 0 };
	struct http_answer a;
	unsigned wait = 100;

	for (;;) {
		once(p, q, &a);
		if (!again(&a))
			break;
		if (clock_mono_us() > until)
			return fail(p, "%s %s: no answer in a minute (last status %d, %s)", q->method, q->path, a.status,
			    a.error == NULL ? "" : a.error);
		client_pause(a.retry_after > 0 ? (unsigned)a.retry_after * 1000 : wait);
		wait = wait < 1000 ? wait * 2 : wait;
	}
	ret->status = a.status;
	ret->raw = a.body;
	ret->body = a.body.n == 0 || (a.body.p[0] != '{' && a.body.p[0] != '[') ? NULL : json_read(p->arena, (const char *)a.body.p, a.body.n, &err);
	return 0;
}

static int
answered(struct patient *p, const struct ask *q, int status, const struct reply *ret)
{
	const char *code;

	if (ret->status == status)
		return 0;
	code = json_text_at(ret->body, "code");
	return fail(p, "%s %s answered %d %s, expected %d", q->method, q->path, ret->status, code == NULL ? "" : code, status);
}

int
client_expect(struct patient *p, const struct ask *q, int status, struct reply *ret)
{
	return client_call(p, q, ret) < 0 ? -1 : answered(p, q, status, ret);
}

int
client_expect_soon(struct patient *p, const struct ask *q, int status, struct reply *ret)
{
	int64_t until = clock_mono_us() + PATIENCE_US;

	for (unsigned wait = 250;; wait = wait >= 2000 ? wait : wait * 2) { /* two hundred who ask all the time keep the answer away */
		if (client_call(p, q, ret) < 0)
			return -1;
		if ((ret->status != 404 && ret->status != 409) || clock_mono_us() >= until)
			return answered(p, q, status, ret);
		client_pause(wait);
	}
}
