/*
 * stripe_objects.c: Stripe's objects in table object: making, finding, keeping, showing, listing.
 */
#include "base/clock.h"
#include "sandbox/stripe.h"

int64_t
sb_stripe_now(void)
{
	return clock_us() / US_PER_S;
}

json_t *
sb_stripe_new(struct call *c, const char *prefix, const char *object)
{
	json_t *o = sb_keep(c->arena, json_object());

	json_object_set_new(o, "id", json_string(sb_random(c->arena, prefix, 24)));
	json_object_set_new(o, "object", json_string(object));
	json_object_set_new(o, "created", json_integer(sb_stripe_now()));
	json_object_set_new(o, "livemode", json_false());
	json_object_set_new(o, "metadata", json_object());
	return o;
}

int
sb_stripe_find(struct call *c, const char *type, const char *id, const char *param, json_t **ret, struct problem *err)
{
	struct found f;

	if (sb_get(c->db, "stripe", type, id, strcmp(c->r->method, "POST") == 0, &f, err) < 0)
		return -1;
	*ret = f.data;
	return f.data != NULL ? 0 : sb_stripe_missing(c, type, id, param);
}

static struct object
stored(struct call *c, const json_t *o)
{
	return (struct object){
		.vendor = "stripe",
		.type = json_text_at(o, "object"),
		.id = json_text_at(o, "id"),
		.subject = json_text_at(o, "customer"),
		.refs = sb_refs(c->arena, json_object_get(o, "metadata"), json_text_at(o, "id"), sb_text(o, "customer", ""),
		    sb_text(o, "payment_intent", ""), sb_text(o, "charge", ""), sb_text(o, "email", ""), NULL),
		.data = o,
	};
}

int
sb_stripe_add(struct call *c, json_t *object, struct problem *err)
{
	struct object o = stored(c, object);

	return sb_add(c->db, &o, err);
}

int
sb_stripe_put(struct call *c, json_t *object, struct problem *err)
{
	struct object o = stored(c, object);

	return sb_put(c->db, &o, err);
}

/* The fault that claims more than is booked: what a client must not believe. */
static void
lie(json_t *shown)
{
	static const char *const amounts[] = { "amount", "amount_capturable", "amount_received", "amount_total" };

	for (size_t i = 0; i < COUNT(amounts); i++) {
		json_int_t v = json_integer_value(json_object_get(shown, amounts[i]));

		if (v > 0)
			json_object_set_new(shown, amounts[i], json_integer(v + 1));
	}
}

int
sb_stripe_show(struct call *c, const json_t *object)
{
	json_t *shown = sb_shown(c->arena, object);

	if (c->fault == LIE_AMOUNT)
		lie(shown);
	if (c->browser) {
		json_object_del(shown, "customer");
		json_object_del(shown, "metadata");
	}
	sb_answer(c, 200, shown);
	return 0;
}

static int
seq_of(struct call *c, const char *type, const char *param, int64_t *seq, struct problem *err)
{
	const char *id = sb_stripe_str(c, param);
	struct found f;

	*seq = 0;
	if (id == NULL)
		return 0;
	if (sb_get(c->db, "stripe", type, id, false, &f, err) < 0)
		return -1;
	*seq = f.seq;
	return f.data != NULL ? 0 : sb_stripe_missing(c, type, id, param);
}

int
sb_stripe_answer_list(
    struct call *c, const char *type, const char *subject, const char *containing, const char *url, struct problem *err)
{
	struct listing l = { .vendor = "stripe", .type = type, .subject = subject, .containing = containing };
	json_t *found, *list = sb_keep(c->arena, json_object()), *data = json_array();
	int64_t limit;
	size_t i;
	json_t *o;
	int rc;

	json_object_set_new(list, "object", json_string("list"));
	json_object_set_new(list, "data", data);
	json_object_set_new(list, "url", json_string(url));
	if ((rc = sb_stripe_int(c, "limit", 10, &limit)) != 0)
		return rc;
	if (limit < 1 || limit > 100)
		return sb_stripe_invalid(c, 400, NULL, "limit", "Limit must be between 1 and 100");
	if ((rc = seq_of(c, type, "starting_after", &l.before, err)) != 0 ||
	    (rc = seq_of(c, type, "ending_before", &l.after, err)) != 0)
		return rc;
	l.limit = limit + 1;
	if (sb_list(c->db, &l, &found, err) < 0)
		return -1;
	/* Before an object means the nearest newer ones; they came oldest first and are shown newest first like any. */
	json_array_foreach(found, i, o)
		if ((int64_t)i < limit)
			json_array_insert(data, l.after > 0 ? 0 : json_array_size(data), sb_shown(c->arena, o));
	json_object_set_new(list, "has_more", json_boolean((int64_t)json_array_size(found) > limit));
	sb_answer(c, 200, list);
	return 0;
}
