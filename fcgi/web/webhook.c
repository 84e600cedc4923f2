/*
 * webhook.c: a vendor's message is proven, read and kept, and nothing else happens before its 200 (rules W1, W3, W7). Size is the
 * route's business, the signature is access_check's; both come before the first look into the body.
 */
#include "core.h"

#include "crypto/scheme.h"
#include "service.h"
#include "web/web_private.h"
#include "web/webhook.h"

static const struct webhook_source *
source_of(const struct req *r)
{
	const struct webhook_source *s = service_webhook(r->service, r->route->callers);

	if (s == NULL)
		die("%s has no webhook source %s", r->service->name, r->route->callers);
	return s;
}

static const char *
header_of(const void *context, const char *name)
{
	return req_header(context, name);
}

int
webhook_check(struct req *r, struct problem *err)
{
	const struct webhook_source *s = source_of(r);
	const struct webhook_scheme *scheme = webhook_scheme(s->vendor);
	const char *secrets = conf_str(r->conf, s->secret);
	const struct signed_post p = {
		.method = r->method,
		.url = arena_printf(r->arena, "%s%s", conf_str(r->conf, "PUBLIC_BASE_URL"), r->target),
		.target = r->target,
		.body = r->raw,
		.header = header_of,
		.context = r,
		.now_us = clock_us(),
	};

	if (scheme == NULL)
		die("no webhook scheme is called %s", s->vendor);
	if (*secrets == '\0') /* an unset secret opens nothing */
		return problem(err, 401, "bad_signature", "webhooks of %s are not configured", s->vendor);
	return scheme->check(secrets, &p, err);
}

int
webhook_refusal(const struct route *row)
{
	const struct webhook_scheme *scheme = row->webhook == webhook_check ? webhook_scheme(row->callers) : NULL;

	return scheme != NULL && scheme->refusal != 0 ? scheme->refusal : 401;
}

int
webhook_receive(struct req *r, struct problem *err)
{
	const struct webhook_source *s = source_of(r);
	const json_t *message = r->body;
	const char *words;
	unsigned fresh;

	if (message == NULL && (message = json_read(r->arena, (const char *)r->raw.p, r->raw.n, err)) == NULL)
		return -1;
	if (webhook_keep_all(r->db, r->conf, s, r->raw, message, "post", &fresh, err) < 0)
		return -1;
	words = s->answer != NULL ? s->answer(r->arena, message) : NULL;
	if (words != NULL)
		reply_bytes(r, 200, "application/json", BYTES_OF(words));
	else
		reply_empty(r, 200);
	return 0;
}
