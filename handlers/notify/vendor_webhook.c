/*
 * vendor_webhook.c: what became of a mail or a text after it left: SendGrid's events, Twilio's status callbacks (rules W1 to W5). The state of a delivery
 * only goes up: queued, sent, then delivered or failed for good. A message about a delivery proves that it left, so it settles a send whose answer was lost.
 */
#include "base/clock.h"
#include "notify/notify.h"

static const char by_id_sql[] = "SELECT id FROM notification_log WHERE id = $1 AND channel = $2";
static const char by_provider_sql[] = "SELECT id FROM notification_log WHERE provider_id = $1 AND channel = $2 ORDER BY created_at DESC LIMIT 1";

struct word {
	const char *word;	/* the vendor's */
	const char *status;
	const char *code;
};
static const struct word mail_words[] = {
	{ "processed", "sent", NULL }, { "deferred", "sent", NULL }, { "delivered", "delivered", NULL },
	{ "dropped", "failed", "dropped" }, { "bounce", "failed", "bounced" },
};
static const struct word text_words[] = {
	{ "sent", "sent", NULL }, { "delivered", "delivered", NULL }, { "read", "delivered", NULL },
	{ "undelivered", "failed", "undelivered" }, { "failed", "failed", "failed" },
};

static const struct word *
word_of(const struct word *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i].word, word) == 0)
			return &words[i];
	return NULL;
}

static const char *
element_text(struct arena *a, const json_t *element)
{
	struct buf b = buf_in(a, 65536);
	struct json_writer w;

	jw_start(&w, &b);
	jw_tree(&w, NULL, element);
	return buf_str(&b);
}

static int
keep_element(struct arena *a, const json_t *element, struct webhook_event *ret, struct problem *err)
{
	const char *text = element_text(a, element);

	if (ret->event_id == NULL || ret->type == NULL)
		return problem(err, 400, "malformed_event", "an event has an id and a kind");
	ret->body = BYTES_OF(text);
	ret->json = element;
	return 1;
}

/* ---- the effect of both */

static int
apply(struct job *j, const struct webhook_event *e, const struct row *w, const char *effect, const struct word *word, struct problem *err)
{
	bool did;

	if (w == NULL)
		return webhook_handled(j->db, e, "unknown_object", err);
	if (effect_evidence(j->db, effect, row_uuid(w, "id"), true, e->object_id, &did, err) < 0 ||
	    delivery_end(j->db, row_uuid(w, "id"), word->status, e->object_id, word->code, err) < 0)
		return -1;
	return webhook_handled(j->db, e, "applied", err);
}

/* ---- SendGrid: an array of events; nid is the delivery's id, which went out with the mail */

static int
mail_read(struct arena *a, const struct conf *conf UNUSED, struct bytes raw UNUSED, const json_t *message, size_t i, struct webhook_event *ret,
    struct problem *err)
{
	const json_t *element = json_array_get(message, i);
	const char *id;

	if (!json_is_array(message))
		return problem(err, 400, "malformed_event", "the message is an array of events");
	if (element == NULL)
		return 0;
	id = json_text_at(element, "sg_message_id");
	ret->event_id = json_text_at(element, "sg_event_id");
	ret->type = json_text_at(element, "event");
	ret->object_id = id != NULL ? arena_ndup(a, id, strcspn(id, ".")) : NULL;
	ret->happened_at = json_int_at(element, "timestamp", 0) * US_PER_S;
	if (ret->type == NULL || word_of(mail_words, COUNT(mail_words), ret->type) == NULL)
		ret->ignore = "ignored";
	return keep_element(a, element, ret, err);
}

static int
mail_handle(struct job *j, const struct webhook_event *e, struct problem *err)
{
	const struct word *word = word_of(mail_words, COUNT(mail_words), e->type);
	const char *named = json_text_at(e->json, "nid");
	const struct row *w = NULL;
	struct uuid id;

	if (word == NULL)
		return problem(err, 500, "unknown_word", "an ignored event came to be handled");
	if (job_begin(j, err) < 0)
		return -1;
	if (named != NULL && uuid_parse(named, &id) == 0 && db_one(j->db, &w, by_id_sql, err, P_UUID(id), P_TEXT("email")) < 0)
		return -1;
	if (w == NULL && e->object_id != NULL && db_one(j->db, &w, by_provider_sql, err, P_TEXT(e->object_id), P_TEXT("email")) < 0)
		return -1;
	return apply(j, e, w, "sendgrid.send", word, err) < 0 ? -1 : job_end(j, err);
}

const struct webhook_source sendgrid_webhook_source = {
	.vendor = "sendgrid", .secret = "SENDGRID_WEBHOOK_PUBLIC_KEY", .job = "webhook.sendgrid", .read = mail_read, .handle = mail_handle,
};

/* ---- Twilio: a form per change of state; message and state together make it once */

static int
text_read(struct arena *a, const struct conf *conf UNUSED, struct bytes raw UNUSED, const json_t *message, size_t i, struct webhook_event *ret,
    struct problem *err)
{
	const char *sid = json_text_at(message, "MessageSid"), *status = json_text_at(message, "MessageStatus");

	if (i > 0)
		return 0;
	if (sid == NULL || status == NULL || strlen(sid) > 64 || strlen(status) > 32)
		return problem(err, 400, "malformed_event", "MessageSid and MessageStatus are needed");
	ret->event_id = arena_printf(a, "%s/%s", sid, status);
	ret->type = status;
	ret->object_id = sid;
	if (word_of(text_words, COUNT(text_words), status) == NULL)
		ret->ignore = "ignored";
	return keep_element(a, message, ret, err);
}

static int
text_handle(struct job *j, const struct webhook_event *e, struct problem *err)
{
	const struct word *word = word_of(text_words, COUNT(text_words), e->type);
	const struct row *w;

	if (word == NULL)
		return problem(err, 500, "unknown_word", "an ignored event came to be handled");
	if (job_begin(j, err) < 0 || db_one(j->db, &w, by_provider_sql, err, P_TEXT(e->object_id), P_TEXT("sms")) < 0)
		return -1;
	return apply(j, e, w, "twilio.send", word, err) < 0 ? -1 : job_end(j, err);
}

const struct webhook_source twilio_webhook_source = {
	.vendor = "twilio", .secret = "TWILIO_AUTH_TOKEN", .job = "webhook.twilio", .read = text_read, .handle = text_handle,
};
