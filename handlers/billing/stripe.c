/*
 * stripe.c: how Stripe is spoken to: form bodies, headers, and what an answer means.
 * What is sent for a payment is committed before (work/effect); here it only gets its address and credentials.
 */
#include "base/log.h"
#include "billing/billing.h"
#include "net/breaker.h"
#include "net/form.h"

struct buf
stripe_form(struct arena *a)
{
	return buf_in(a, 8 * 1024);
}

void
stripe_form_uuid(struct buf *f, const char *name, struct uuid value)
{
	char text[UUID_TEXT];

	form_add(f, name, uuid_text(value, text));
}

struct bytes
stripe_form_end(const struct buf *f)
{
	if (f->failed)
		die("a form for Stripe exceeds %zu bytes", f->max);
	return BYTES(f->data, f->len);
}

/* ---- the envelope */

static void
dress(struct arena *a, const struct conf *conf, const struct stripe_call *s, struct http_call *call)
{
	const char **headers = arena_alloc(a, 5 * sizeof(*headers));
	size_t n = 0;

	headers[n++] = arena_printf(a, "Authorization: Bearer %s", conf_str(conf, "STRIPE_SECRET_KEY"));
	headers[n++] = arena_printf(a, "Stripe-Version: %s", conf_str(conf, "STRIPE_API_VERSION"));
	if (strcmp(s->method, "POST") == 0)
		headers[n++] = "Content-Type: application/x-www-form-urlencoded";
	if (s->key != NULL)
		headers[n++] = arena_printf(a, "Idempotency-Key: %s", s->key);
	call->method = s->method;
	call->url = arena_printf(a, "%s%s", conf_str(conf, "STRIPE_BASE_URL"), s->path);
	call->headers = headers;
	call->connect_ms = s->total_ms == 0 ? 5000 : 1000;
	call->total_ms = s->total_ms == 0 ? 30000 : s->total_ms;
}

int
stripe_dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	dress(j->arena, j->conf, &(struct stripe_call){ .method = e->method, .path = e->path, .key = e->vendor_key }, call);
	return 0;
}

/* ---- answers */

static bool
one_of(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; s != NULL && i < n; i++)
		if (strcmp(list[i], s) == 0)
			return true;
	return false;
}

/* A 4xx that is about the moment and not about the request. */
static bool
passing(int status, const char *code)
{
	static const char *const codes[] = { "rate_limit", "lock_timeout" };

	return status == 401 || status == 403 || status == 409 || status == 429 ||
	    (status == 400 && one_of(code, codes, COUNT(codes)));
}

enum verdict
stripe_verdict(struct job *j, const struct http_answer *a, json_t **object)
{
	struct problem ignored = { 0 };
	const char *code, *type;

	*object = a->body.n == 0 ? NULL : json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);
	code = json_text_at(*object, "error.code");
	type = json_text_at(*object, "error.type");
	if (a->status >= 200 && a->status < 300)
		return json_text_at(*object, "id") == NULL ? EFFECT_UNCERTAIN : EFFECT_CONFIRMED;
	/* The key was used before: its first use is running, or did something else than we remember. Neither is a no. */
	if (a->status >= 500 || *object == NULL || (code != NULL && strcmp(code, "idempotency_key_in_use") == 0) ||
	    (type != NULL && strcmp(type, "idempotency_error") == 0))
		return EFFECT_UNCERTAIN;
	/* 401 and 403 are our configuration, not the patient's card. */
	return passing(a->status, code) ? EFFECT_RETRY : EFFECT_REFUSED;
}

static json_t *
unavailable(struct problem *err, int status)
{
	problem(err, 503, "stripe_unavailable", "Stripe answered %d", status);
	err->retry_after = 2;
	return NULL;
}

json_t *
stripe_ask(struct http *h, struct arena *a, const struct conf *conf, const struct stripe_call *s, struct problem *err)
{
	struct http_call call = { .body = s->body };
	struct problem ignored = { 0 };
	struct http_answer ans;
	json_t *object;

	if (breaker_enter("stripe", err) < 0)
		return NULL;
	dress(a, conf, s, &call);
	http_do(h, a, &call, &ans);
	breaker_leave("stripe", breaker_worked(&ans));
	if (ans.outcome != HTTP_ANSWERED)
		return unavailable(err, 0);
	object = ans.body.n == 0 ? NULL : json_read(a, (const char *)ans.body.p, ans.body.n, &ignored);
	const char *code = json_text_at(object, "error.code");
	if (ans.status >= 500 || passing(ans.status, code))
		return unavailable(err, ans.status);
	if (ans.status == 404) {
		problem(err, 404, "stripe_missing", "Stripe knows no such object");
		return NULL;
	}
	/* An object has an id, a list has data. */
	if (ans.status >= 300 || (json_text_at(object, "id") == NULL && !json_is_array(json_object_get(object, "data")))) {
		/* The code is Stripe's own word; its message may quote what was sent. */
		problem(err, 502, "stripe_refused", "Stripe answered %d %s", ans.status, code == NULL ? "" : code);
		err->fault = FAULT_PERMANENT;
		return NULL;
	}
	return object;
}

/* ---- start-up */

static bool
is_live(const char *key)
{
	return strncmp(key, "sk_live", 7) == 0 || strncmp(key, "rk_live", 7) == 0 || strncmp(key, "pk_live", 7) == 0;
}

int
stripe_start(const struct conf *conf, struct problem *err)
{
	bool live = conf_bool(conf, "LIVE_MODE");
	static const char *const keys[] = { "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY" };

	for (size_t i = 0; i < COUNT(keys); i++)
		if (is_live(conf_str(conf, keys[i])) != live)
			return problem(err, 500, "stripe_key_mode", live ? "LIVE_MODE is on, but %s is no live key" :
			    "%s is a live key, but LIVE_MODE is off: real cards would be charged", keys[i]);
	if (live && strncmp(conf_str(conf, "STRIPE_BASE_URL"), "https://api.stripe.com", 22) != 0)
		return problem(err, 500, "stripe_base_url", "LIVE_MODE is on, but STRIPE_BASE_URL is not Stripe's");
	return 0;
}
