/*
 * stripe_webhook.c: what Stripe tells us, in two halves (rules W1 to W4). The handler checks the signature over the raw bytes and
 * writes the event, once, with its job; nothing is decided there. The job takes the event as a hint only: it fetches the object as
 * it is now and applies that, so events may be lost, doubled or late in any order.
 */
#include "base/clock.h"
#include "billing/billing.h"
#include "crypto/hash.h"
#include "crypto/signature.h"

static const char inbox_sql[] =
	"INSERT INTO stripe_events (id, event_id, type, object_id, livemode, body_digest, outcome, happened_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp(nullif($8::bigint, 0)))"
	" ON CONFLICT ON CONSTRAINT stripe_events_once DO NOTHING";
static const char event_sql[] = "SELECT type, object_id FROM stripe_events WHERE id = $1";
static const char handled_sql[] = "UPDATE stripe_events SET outcome = $2, handled_at = now() WHERE id = $1";
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
};

int
stripe_webhook_check(struct req *r, struct problem *err)
{
	return stripe_check(conf_str(r->conf, "STRIPE_WEBHOOK_SECRET"), req_header(r, "stripe-signature"), r->raw, clock_us(), err);
}

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

int
stripe_webhook(struct req *r, struct problem *err)
{
	json_t *event = json_read(r->arena, (const char *)r->raw.p, r->raw.n, err);
	struct uuid id = uuid_new();
	uint8_t digest[32];
	int64_t new;

	if (event == NULL)
		return -1;
	const char *event_id = json_text_at(event, "id"), *type = json_text_at(event, "type");
	const char *object = json_text_at(event, "data.object.id");
	bool live = json_is_true(json_object_get(event, "livemode"));

	if (event_id == NULL || type == NULL)
		return problem(err, 400, "malformed_event", "an event has an id and a type");
	bool ours = live == conf_bool(r->conf, "LIVE_MODE"), kept = path_of(type) != NULL && is_plain(object);
	sha256(r->raw, digest);
	new = db_exec(r->db, inbox_sql, err, P_UUID(id), P_TEXT(event_id), P_TEXT(type), P_TEXT(object), P_BOOL(live),
	    P_BYTES(BYTES(digest, sizeof(digest))), P_TEXT(!ours ? "wrong_mode" : kept ? "received" : "ignored"),
	    P_INT(json_int_at(event, "created", 0)));
	if (new < 0 || (new > 0 && ours && kept && job_enqueue_id(r->db, "stripe.event", "id", id, err) < 0))
		return -1;
	reply_empty(r, 200);
	return 0;
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
	return payment_witness(j->db, &p, object, outcome, err);
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
apply(struct job *j, const char *type, const json_t *object, struct problem *err)
{
	const char *outcome = "unknown_object";
	int rc = 0;

	if (object != NULL)
		rc = strncmp(type, "setup_intent.", 13) == 0 ? handle_setup(j, object, &outcome, err) :
		    handle_intent(j, object, &outcome, err);
	if (rc < 0)
		return -1;
	return db_exec(j->db, handled_sql, err, P_UUID(job_uuid(j, "id")), P_TEXT(outcome)) < 0 ? -1 : 0;
}

int
stripe_event_job(struct job *j, struct problem *err)
{
	const struct row *w;
	json_t *object;

	if (job_read(j, err) < 0 || db_one(j->db, &w, event_sql, err, P_UUID(job_uuid(j, "id"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such event");
	const char *type = row_str(w, "type"), *path = path_of(type);
	if (job_read_end(j, err) < 0)
		return -1;
	object = stripe_ask(j->http, j->arena, j->conf, &(struct stripe_call){ .method = "GET",
	    .path = arena_printf(j->arena, "%s%s", path, row_str(w, "object_id")) }, err);
	if (object == NULL && strcmp(err->code, "stripe_missing") != 0)
		return -1;
	problem_clear(err);
	if (job_begin(j, err) < 0 || apply(j, type, object, err) < 0)
		return -1;
	return job_end(j, err);
}
