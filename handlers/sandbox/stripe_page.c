/*
 * stripe_page.c: the hosted page of a Checkout Session, for a person or a test: what is to be paid, a card's number, one button. The test cards do here what
 * they do everywhere; a card that wants its cardholder has him before it. Table: object (checkout.session, payment_intent).
 */
#include "base/template.h"
#include "sandbox/stripe.h"

static const char html[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	"<title>Checkout (sandbox)</title><style>body{font:17px/1.5 system-ui,sans-serif;max-width:26em;margin:2em auto;padding:0 1em}"
	"label{display:block;margin:.8em 0 .2em}input{font:inherit;width:100%;box-sizing:border-box;padding:.5em}"
	"button{font:inherit;margin-top:1.2em;width:100%;padding:.7em;border:0;border-radius:.3em;background:#1a56db;color:#fff}"
	".sum{display:flex;justify-content:space-between;border-top:1px solid #ccc;padding-top:.5em}.bad{color:#b00020}small{color:#666}</style></head><body>"
	"<p><small>Sandbox: no real card, no real money</small></p><h1>{{amount}} {{currency}}</h1>"
	"{{#items}}<p class=\"sum\"><span>{{description}}</span><span>{{price}}</span></p>{{/items}}"
	"{{#said}}<p class=\"bad\" role=\"alert\">{{said}}</p>{{/said}}"
	"{{#open}}<form method=\"post\"><label for=\"number\">Card number</label>"
	"<input id=\"number\" name=\"number\" inputmode=\"numeric\" autocomplete=\"off\" placeholder=\"4242 4242 4242 4242\" required>"
	"<label for=\"exp\">Expires</label><input id=\"exp\" name=\"exp\" placeholder=\"12 / 34\"><label for=\"cvc\">CVC</label>"
	"<input id=\"cvc\" name=\"cvc\" placeholder=\"123\"><button>Pay {{amount}} {{currency}}</button></form>"
	"{{#cancel}}<p><a href=\"{{cancel}}\">Not now</a></p>{{/cancel}}{{/open}}</body></html>\n";

static const char *
money(struct arena *a, int64_t cents)
{
	return arena_printf(a, "%" PRId64 ".%02d", cents / 100, (int)(cents % 100));
}

static int
show(struct call *c, const json_t *s, int status, const char *said, struct problem *err)
{
	json_t *view = sb_keep(c->arena, json_object()), *items = json_array(), *item;
	struct buf page = buf_in(c->arena, 64 * 1024);
	size_t i;

	json_array_foreach(json_object_get(s, "_line_items"), i, item) {
		json_t *line = json_object();

		json_object_set(line, "description", json_object_get(item, "description"));
		json_object_set_new(line, "price", json_string(money(c->arena, json_int_at(item, "amount_total", 0))));
		json_array_append_new(items, line);
	}
	json_object_set_new(view, "items", items);
	json_object_set_new(view, "amount", json_string(money(c->arena, json_int_at(s, "amount_total", 0))));
	json_object_set_new(view, "currency", json_string(sb_is(s, "currency", "usd") ? "USD" : sb_text(s, "currency", "")));
	json_object_set_new(view, "open", json_boolean(sb_is(s, "status", "open")));
	json_object_set_new(view, "said", said == NULL ? json_null() : json_string(said));
	json_object_set_new(view, "cancel", sb_stripe_null_or(json_text_at(s, "cancel_url")));
	if (template_render(html, TEMPLATE_HTML, view, NULL, NULL, &page, err) < 0)
		return -1;
	c->answer = (struct answer){ .status = status, .type = "text/html; charset=utf-8", .body = BYTES(page.data, page.len) };
	sb_answer_header(c, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action *");
	return 0;
}

/* Time is up when it is, also before the worker has noticed. */
static int
load(struct call *c, json_t **s, const char **closed, struct problem *err)
{
	struct found f;

	*closed = NULL;
	if (sb_get(c->db, "stripe", "checkout.session", req_str(c->r, "id"), strcmp(c->r->method, "POST") == 0, &f, err) < 0)
		return -1;
	*s = f.data;
	if (f.data == NULL)
		*closed = "There is no such page.";
	else if (sb_is(f.data, "status", "complete"))
		*closed = "This has been paid. Thank you.";
	else if (sb_is(f.data, "status", "expired") || json_int_at(f.data, "expires_at", 0) <= sb_stripe_now())
		*closed = "This page has expired.";
	return 0;
}

static int
not_here(struct call *c, json_t *s, const char *closed, struct problem *err)
{
	json_t *shut = sb_keep(c->arena, s == NULL ? json_object() : json_copy(s));

	json_object_set_new(shut, "status", json_string("expired"));
	return show(c, shut, s == NULL ? 404 : sb_is(s, "status", "complete") ? 200 : 410, closed, err);
}

int
sb_stripe_page_show(struct call *c, struct problem *err)
{
	const char *closed;
	json_t *s;

	if (load(c, &s, &closed, err) < 0)
		return -1;
	return closed != NULL ? not_here(c, s, closed, err) : show(c, s, 200, NULL, err);
}

/* ---- paying */

/* The number as people type it. */
static const char *
digits(struct call *c)
{
	const char *given = sb_stripe_str(c, "number");
	char *out, *o;

	if (given == NULL)
		return "";
	o = out = arena_alloc(c->arena, strlen(given) + 1);
	for (; *given != '\0'; given++)
		if (*given != ' ' && *given != '-')
			*o++ = *given;
	*o = '\0';
	return out;
}

static int
intent_of(struct call *c, json_t *s, json_t **ret, struct problem *err)
{
	const char *id = json_text_at(s, "_intent");

	if (id != NULL)
		return sb_stripe_find(c, "payment_intent", id, NULL, ret, err);
	*ret = sb_stripe_payment_new(c, json_int_at(s, "amount_total", 0), sb_text(s, "currency", "usd"));
	json_object_set(*ret, "metadata", json_object_get(s, "_intent_metadata"));
	json_object_set_new(s, "_intent", json_string(json_text_at(*ret, "id")));
	return sb_stripe_add(c, *ret, err);
}

static int
complete(struct call *c, json_t *s, const json_t *intent, struct problem *err)
{
	const char *back = sb_text(s, "success_url", "/");

	json_object_set_new(s, "status", json_string("complete"));
	json_object_set_new(s, "payment_status", json_string("paid"));
	json_object_set_new(s, "payment_intent", json_string(json_text_at(intent, "id")));
	json_object_set_new(s, "customer_details", json_pack("{so}", "email", sb_stripe_null_or(json_text_at(s, "customer_email"))));
	json_object_set_new(s, "url", json_null());
	if (sb_stripe_put(c, s, err) < 0 || sb_stripe_event(c, "checkout.session.completed", s, err) < 0)
		return -1;
	c->answer = (struct answer){ 0 };
	sb_answer_empty(c, 303);
	sb_answer_header(c, "Location", back);
	return 0;
}

int
sb_stripe_page_pay(struct call *c, struct problem *err)
{
	struct confirmation k = { .authenticated = true };
	struct problem ignored = { 0 };
	const char *closed, *said;
	json_t *s;
	int rc;

	if (load(c, &s, &closed, err) < 0)
		return -1;
	if (closed != NULL)
		return not_here(c, s, closed, err);
	if ((rc = intent_of(c, s, &k.intent, err)) != 0)
		return rc;
	if ((rc = sb_stripe_method_numbered(c, digits(c), &k.method, err)) < 0)
		return -1;
	if (rc == 0 && (rc = sb_stripe_payment_confirm(c, &k, err)) == 0)
		return complete(c, s, k.intent, err);
	if (rc < 0 || sb_stripe_put(c, s, err) < 0)
		return -1;
	said = json_text_at(json_read(c->arena, (const char *)c->answer.body.p, c->answer.body.n, &ignored), "error.message");
	return show(c, s, 402, said == NULL ? "Your card was declined." : said, err);
}
