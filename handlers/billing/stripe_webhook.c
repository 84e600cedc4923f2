/*
 * stripe_webhook.c: what Stripe tells us (rules W1 to W6). The event is a hint only: the job fetches the object as it is now and applies that, so events
 * may be lost, doubled or late in any order. Refunds and disputes are told with what they are about (stripe_money.c).
 */
#include "billing/billing.h"

#define PAGE "100"

/* By Stripe's id; or, before we heard that id, by ours in its metadata. */
static const char ours_sql[] =
	"SELECT id FROM payments WHERE stripe_payment_intent = $1 UNION SELECT id FROM payments WHERE id = $2::uuid LIMIT 1";

/* Event types that are hints about objects we keep: by prefix, since every change of an intent asks the same question. */
static const struct {
	const char *prefix;
	const char *path;
} subjects[] = {
	{ "payment_intent.", "/v1/payment_intents/" },
	{ "setup_intent.", "/v1/setup_intents/" },
	{ "checkout.session.", "/v1/checkout/sessions/" },
};

static const char *
path_of(const char *type)
{
	for (size_t i = 0; i < COUNT(subjects); i++)
		if (strncmp(type, subjects[i].prefix, strlen(subjects[i].prefix)) == 0)
			return subjects[i].path;
	return NULL;
}

/* An object id goes into a path: letters, digits and underscores, as Stripe makes them. */
static bool
is_plain(const char *id)
{
	return id != NULL && *id != '\0' && strlen(id) <= 255 &&
	    strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(id);
}

static int
read_event(struct arena *a, const struct conf *conf, struct bytes raw, const json_t *event, size_t i, struct webhook_event *ret, struct problem *err)
{
	const char *object = json_text_at(event, "data.object.id"), *intent = json_text_at(event, "data.object.payment_intent");

	(void)a;
	(void)raw;
	if (i > 0)
		return 0;
	ret->event_id = json_text_at(event, "id");
	ret->type = json_text_at(event, "type");
	if (ret->event_id == NULL || ret->type == NULL)
		return problem(err, 400, "malformed_event", "an event has an id and a type");
	/* Refunds of one payment take turns: each is booked by what came before. */
	ret->object_id = strcmp(ret->type, "charge.refunded") == 0 && is_plain(intent) ? intent : object;
	ret->happened_at = json_int_at(event, "created", 0) * 1000000;
	if (json_is_true(json_object_get(event, "livemode")) != conf_bool(conf, "LIVE_MODE"))
		ret->ignore = "wrong_mode";
	else if (!is_plain(object) || (path_of(ret->type) == NULL && !stripe_money_is(ret->type)))
		ret->ignore = "ignored";
	return 1;
}

/* ---- the job */

static int
handle_intent(struct job *j, const json_t *object, const char **outcome, struct problem *err)
{
	const char *named = json_text_at(json_object_get(object, "metadata"), "payment_id");
	struct uuid ours = UUID_NIL;
	const struct row *w;
	struct payment p;

	if (named != NULL && uuid_parse(named, &ours) < 0)
		ours = UUID_NIL;
	if (db_one(j->db, &w, ours_sql, err, P_TEXT(json_text_at(object, "id")), P_OPT_UUID(ours)) < 0)
		return -1;
	if (w == NULL) {
		*outcome = "unknown_object";
		return 0;
	}
	if (payment_load(j->db, row_uuid(w, "id"), &p, err) < 0)
		return -1;
	if (!p.link)
		return payment_witness(j->db, &p, object, outcome, err);
	/* Behind a link the session is asked, which knows more than the intent. */
	*outcome = "hint";
	return link_job(j->db, "link.look", p.id, err);
}

static int
handle_session(struct job *j, const json_t *object, const char **outcome, struct problem *err)
{
	struct payment p;
	bool found;

	if (checkout_find(j->db, object, &p, &found, err) < 0)
		return -1;
	return found ? checkout_apply(j->db, &p, object, outcome, err) : 0;
}

static int
handle_setup(struct job *j, const json_t *object, const char **outcome, struct problem *err)
{
	bool known;

	if (setup_apply(j->db, object, &known, err) < 0)
		return -1;
	*outcome = known ? "applied" : "unknown_object";
	return 0;
}

static int
apply(struct job *j, const struct webhook_event *e, const json_t *object, struct problem *err)
{
	const char *outcome = "unknown_object";
	int rc = 0;

	if (stripe_money_is(e->type))
		rc = stripe_money(j->db, e, object, &outcome, err);
	else if (object != NULL && strncmp(e->type, "checkout.session.", 17) == 0)
		rc = handle_session(j, object, &outcome, err);
	else if (object != NULL)
		rc = strncmp(e->type, "setup_intent.", 13) == 0 ? handle_setup(j, object, &outcome, err) :
		    handle_intent(j, object, &outcome, err);
	return rc < 0 ? -1 : webhook_handled(j->db, e, outcome, err);
}

static int
handle(struct job *j, const struct webhook_event *e, struct problem *err)
{
	const char *path = path_of(e->type);
	const json_t *object = json_at(e->json, "data.object");

	if (path != NULL) {
		object = stripe_ask(j->http, j->arena, j->conf, &(struct stripe_call){ .method = "GET",
		    .path = arena_printf(j->arena, "%s%s", path, e->object_id) }, err);
		if (object == NULL && strcmp(err->code, "stripe_missing") != 0)
			return -1;
		problem_clear(err);
	}
	if (job_begin(j, err) < 0 || apply(j, e, object, err) < 0)
		return -1;
	return job_end(j, err);
}

/* ---- what never came (rule W6): the events newer than the newest that a sweep has seen */

static int
sweep(struct job *j, const char *position, const json_t **messages, const char **next, struct problem *err)
{
	const char *path = *position == '\0' ? "/v1/events?limit=" PAGE :
	    arena_printf(j->arena, "/v1/events?limit=" PAGE "&ending_before=%s", position);
	json_t *list = stripe_ask(j->http, j->arena, j->conf, &(struct stripe_call){ .method = "GET", .path = path }, err), *data, *oldest_first;
	size_t n;

	/* Stripe forgets events after 30 days, and with them our position. */
	if (list == NULL && *position != '\0' && (strcmp(err->code, "stripe_missing") == 0 || strcmp(err->code, "stripe_refused") == 0)) {
		problem_clear(err);
		return sweep(j, "", messages, next, err);
	}
	if (list == NULL)
		return -1;
	data = json_object_get(list, "data");
	n = json_array_size(data);
	oldest_first = json_array();
	for (size_t i = n; i > 0; i--)
		json_array_append(oldest_first, json_array_get(data, i - 1));
	json_object_set_new(list, "oldest_first", oldest_first);
	*messages = oldest_first;
	*next = n > 0 ? json_text_at(json_array_get(data, 0), "id") : NULL;
	if (*next != NULL && !is_plain(*next))
		return problem(err, 502, "stripe_refused", "Stripe lists an event without an id");
	/* From nowhere the newest page is all there is to know; from a position on there may be another. */
	return *position != '\0' && *next != NULL && json_is_true(json_object_get(list, "has_more")) ? 1 : 0;
}

const struct webhook_source stripe_webhook_source = {
	.vendor = "stripe", .secret = "STRIPE_WEBHOOK_SECRET", .job = "webhook.stripe", .read = read_event, .handle = handle, .sweep = sweep,
};
