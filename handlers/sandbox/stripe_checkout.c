/*
 * stripe_checkout.c: Checkout Sessions: a page where a stranger pays what a client asked for. Table: object (checkout.session), job (stripe.expire).
 *
 * A session is open for 30 minutes to 24 hours; then, or when it is told to, it expires and says so. The page itself is stripe_page.c.
 */
#include "base/clock.h"
#include "sandbox/stripe.h"

#define LEAST_S INT64_C(1800)
#define MOST_S  INT64_C(86400)

/* ---- making one */

static int
missing(struct call *c, const char *param)
{
	return sb_stripe_invalid(c, 400, "parameter_missing", param, "Missing required param: %s.", param);
}

static int
whole(struct call *c, const json_t *item, const char *path, int64_t *ret)
{
	const char *text = json_text_at(item, path);
	char *end = NULL;

	*ret = text == NULL ? 0 : strtoll(text, &end, 10);
	if (text == NULL || *text == '\0')
		return missing(c, arena_printf(c->arena, "line_items[0][%s]", path));
	if (*end != '\0' || *ret < 0 || *ret > 99999999)
		return sb_stripe_invalid(c, 400, "parameter_invalid_integer", "line_items", "Invalid integer: %.40s", text);
	return 0;
}

/* What is to be paid; prices are given with the item, as our client does. */
static int
read_items(struct call *c, json_t *session)
{
	json_t *kept = json_array(), *item;
	int64_t total = 0;
	const char *key, *currency = NULL;
	int rc;

	json_object_set_new(session, "_line_items", kept);
	json_object_foreach(json_object_get(c->in, "line_items"), key, item) {
		const char *name = json_text_at(item, "price_data.product_data.name");
		int64_t quantity, unit, amount;

		if (json_text_at(item, "price_data.currency") == NULL)
			return missing(c, "line_items[0][price_data][currency]");
		if (name == NULL || *name == '\0')
			return missing(c, "line_items[0][price_data][product_data][name]");
		if ((rc = whole(c, item, "quantity", &quantity)) != 0 || (rc = whole(c, item, "price_data.unit_amount", &unit)) != 0)
			return rc;
		currency = json_text_at(item, "price_data.currency");
		amount = quantity * unit;
		total += amount;
		json_array_append_new(kept, json_pack("{ssssss sI sI}", "id", sb_random(c->arena, "li_", 20), "object", "item", "description", name,
		    "quantity", (json_int_t)quantity, "amount_total", (json_int_t)amount));
	}
	if (currency == NULL)
		return missing(c, "line_items");
	if (total < 50)
		return sb_stripe_invalid(c, 400, "amount_too_small", NULL, "The Checkout Session's total amount must convert to at least 50 cents.");
	json_object_set_new(session, "amount_subtotal", json_integer(total));
	json_object_set_new(session, "amount_total", json_integer(total));
	json_object_set_new(session, "currency", json_string(currency));
	json_object_set_new(session, "total_details", json_pack("{sisi}", "amount_discount", 0, "amount_tax", 0));
	return 0;
}

static int
read_rest(struct call *c, json_t *session)
{
	int64_t now = sb_stripe_now(), until;
	const char *mode, *ui;
	json_t *intent = json_object_get(json_object_get(c->in, "payment_intent_data"), "metadata");
	int rc;

	if (sb_stripe_str(c, "mode") == NULL)
		return missing(c, "mode");
	if ((rc = sb_stripe_choice(c, "mode", "payment", "payment", &mode)) != 0 ||
	    (rc = sb_stripe_choice(c, "ui_mode", "hosted_page", "hosted_page", &ui)) != 0 ||
	    (rc = sb_stripe_int(c, "expires_at", now + MOST_S, &until)) != 0)
		return rc;
	if (sb_stripe_str(c, "success_url") == NULL)
		return missing(c, "success_url");
	if (until < now + LEAST_S || until > now + MOST_S)
		return sb_stripe_invalid(c, 400, NULL, "expires_at",
		    "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.");
	json_object_set_new(session, "mode", json_string(mode));
	json_object_set_new(session, "ui_mode", json_string(ui));
	json_object_set_new(session, "expires_at", json_integer(until));
	json_object_set(session, "_intent_metadata", json_is_object(intent) ? intent : sb_keep(c->arena, json_object()));
	sb_stripe_copy(c, session, "success_url cancel_url client_reference_id customer customer_email");
	return sb_stripe_metadata(c, session);
}

int
sb_stripe_session_create(struct call *c, struct problem *err)
{
	json_t *s = sb_stripe_new(c, "cs_test_", "checkout.session");
	const char *id = json_text_at(s, "id");
	int64_t now = sb_stripe_now();
	int rc;

	if ((rc = read_items(c, s)) != 0 || (rc = read_rest(c, s)) != 0)
		return rc;
	c->began = true;
	json_object_set_new(s, "status", json_string("open"));
	json_object_set_new(s, "payment_status", json_string("unpaid"));
	json_object_set_new(s, "payment_intent", json_null());
	json_object_set_new(s, "customer_details", json_null());
	json_object_set_new(s, "url", json_string(arena_printf(c->arena, "%s/sandbox/stripe/pay/%s", conf_str(c->r->conf, "SANDBOX_WEBHOOK_BASE"), id)));
	if (sb_stripe_add(c, s, err) < 0 ||
	    job_enqueue(c->db, &(struct job_spec){ .kind = "stripe.expire", .unique_key = id, .delay_s = json_int_at(s, "expires_at", now) - now,
	    .args = arena_printf(c->arena, "{\"session\":\"%s\"}", id) }, err) < 0)
		return -1;
	return sb_stripe_show(c, s);
}

/* ---- reading */

int
sb_stripe_session_get(struct call *c, struct problem *err)
{
	json_t *s;
	int rc = sb_stripe_find(c, "checkout.session", req_str(c->r, "id"), NULL, &s, err);

	return rc != 0 ? rc : sb_stripe_show(c, s);
}

int
sb_stripe_session_items(struct call *c, struct problem *err)
{
	json_t *s, *list = sb_keep(c->arena, json_object());
	int rc = sb_stripe_find(c, "checkout.session", req_str(c->r, "id"), NULL, &s, err);

	if (rc != 0)
		return rc;
	json_object_set_new(list, "object", json_string("list"));
	json_object_set(list, "data", json_object_get(s, "_line_items"));
	json_object_set_new(list, "has_more", json_false());
	sb_answer(c, 200, list);
	return 0;
}

int
sb_stripe_session_list(struct call *c, struct problem *err)
{
	json_t *want = sb_keep(c->arena, json_object());
	const char *status, *intent = sb_stripe_str(c, "payment_intent");
	int rc;

	if ((rc = sb_stripe_choice(c, "status", "open complete expired", NULL, &status)) != 0)
		return rc;
	if (status != NULL)
		json_object_set_new(want, "status", json_string(status));
	if (intent != NULL)
		json_object_set_new(want, "payment_intent", json_string(intent));
	return sb_stripe_answer_list(c, "checkout.session", sb_stripe_str(c, "customer"), sb_dump(c->arena, want), "/v1/checkout/sessions", err);
}

/* ---- its end */

static int
expire(struct call *c, json_t *s, struct problem *err)
{
	json_object_set_new(s, "status", json_string("expired"));
	json_object_set_new(s, "url", json_null());
	return sb_stripe_put(c, s, err) < 0 ? -1 : sb_stripe_event(c, "checkout.session.expired", s, err);
}

int
sb_stripe_session_expire(struct call *c, struct problem *err)
{
	json_t *s;
	int rc;

	c->began = true;
	if ((rc = sb_stripe_find(c, "checkout.session", req_str(c->r, "id"), NULL, &s, err)) != 0)
		return rc;
	if (!sb_is(s, "status", "open"))
		return sb_stripe_invalid(c, 400, NULL, NULL, "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.",
		    sb_text(s, "status", ""));
	return expire(c, s, err) < 0 ? -1 : sb_stripe_show(c, s);
}

/* The worker's: by time. */
int
sb_stripe_expire_job(struct job *j, struct problem *err)
{
	struct req nobody = { .arena = j->arena, .db = j->db, .conf = j->conf, .method = "POST" };
	struct call c = { .r = &nobody, .arena = j->arena, .db = j->db, .vendor = sb_stripe_vendor(), .id = sb_random(j->arena, "req_", 14) };
	struct found f;
	int64_t left;

	if (job_begin(j, err) < 0 || sb_get(j->db, "stripe", "checkout.session", job_str(j, "session"), true, &f, err) < 0)
		return -1;
	left = f.data == NULL ? 0 : json_int_at(f.data, "expires_at", 0) - f.now / US_PER_S;
	if (f.data != NULL && sb_is(f.data, "status", "open") && left > 0)
		job_again(j, left);
	else if (f.data != NULL && sb_is(f.data, "status", "open") && expire(&c, f.data, err) < 0)
		return -1;
	return job_end(j, err);
}
