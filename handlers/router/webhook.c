/*
 * webhook.c: what the pharmacies tell us (Y-RX-02, decision C7, rules W1 to W5). Neither signs what it posts.
 *
 * Boothwyn shows a shared secret: nothing is believed further than its caseId, an unknown one is 404, and the same bytes again are 200 without effect. A
 * message is proof that the order exists: it settles an order whose answer never came (rule M4).
 *
 * PioneerRx posts to an address that holds a secret: it is believed only that something happened, and the order's status is asked for.
 */
#include <strings.h>

#include "crypto/hash.h"
#include "router/router.h"

static const char by_order_sql[] = "SELECT id FROM router_submissions WHERE adapter = 'pioneerrx' AND vendor_order = $1";
static const char wake_sql[] =
	"UPDATE job SET run_at = clock_timestamp() WHERE kind = 'pioneerrx.follow' AND unique_key = $1 AND state = 'ready'";

/* rxStatus texts, as far as they are known; another one is kept and changes nothing. */
static const struct {
	const char *text;
	const char *status;
} statuses[] = {
	{ "Received", "accepted" }, { "Processing", "accepted" }, { "Shipped", "shipped" }, { "Delivered", "delivered" },
	{ "Cancelled", "cancelled" }, { "Rejected", "rejected" },
};

static const char *
status_of(const char *text)
{
	for (size_t i = 0; text != NULL && i < COUNT(statuses); i++)
		if (strcasecmp(statuses[i].text, text) == 0)
			return statuses[i].status;
	return NULL;
}

/* ---- Boothwyn */

static int
boothwyn_read(struct arena *a, const struct conf *conf UNUSED, struct bytes raw, const json_t *message, size_t i, struct webhook_event *ret,
    struct problem *err UNUSED)
{
	char *key = arena_alloc(a, HEX32);
	uint8_t digest[32];

	if (i > 0)
		return 0;
	sha256(raw, digest);
	ret->event_id = hex_encode(BYTES(digest, sizeof(digest)), key);
	ret->type = json_text_at(message, "rxStatus");
	ret->object_id = json_text_at(message, "caseId");
	if (status_of(ret->type) == NULL)
		ret->ignore = "unknown_status";
	return 1;
}

/* 404 for a case that is none of ours; the bytes name the patient, so they are sealed under the patient's key. */
static int
boothwyn_admit(struct db *db, struct webhook_event *e, struct problem *err)
{
	struct submission s;
	struct uuid id;

	if (uuid_parse(e->object_id, &id) < 0)
		return problem(err, 404, "not_found", "no such case");
	if (submission_load(db, id, &s, err) < 0)
		return -1;
	e->patient = s.patient_id;
	return 0;
}

static int
boothwyn_handle(struct job *j, const struct webhook_event *e, struct problem *err)
{
	const char *status = status_of(e->type);
	struct submission_news news = { .status = status, .tracking_number = json_text_at(e->json, "trackingNumber"),
	    .tracking_url = json_text_at(e->json, "trackingURL") };
	struct submission s;
	struct uuid id;
	bool did, moved;

	if (status == NULL || uuid_parse(e->object_id, &id) < 0)
		return problem(err, 500, "unknown_word", "an ignored event came to be handled");
	if (job_begin(j, err) < 0 || submission_load(j->db, id, &s, err) < 0)
		return -1;
	/* Refused after it was taken: the order is void, but what followed its acceptance must be looked at (the money may have moved). */
	if (strcmp(status, "rejected") == 0 && strcmp(s.status, "accepted") == 0)
		news.status = "cancelled";
	news.vendor_order = s.vendor_order;
	if (effect_evidence(j->db, "boothwyn.order", s.id, strcmp(news.status, "rejected") != 0, NULL, &did, err) < 0 ||
	    submission_move(j->db, &s, &news, &moved, err) < 0)
		return -1;
	/* It was taken back while nobody knew whether they have it: they do. */
	if (did && strcmp(s.status, "cancel_pending") == 0 && strcmp(status, "accepted") == 0 && submission_ask_cancel(j->db, &s, err) < 0)
		return -1;
	if (webhook_handled(j->db, e, moved ? "applied" : "late", err) < 0)
		return -1;
	return job_end(j, err);
}

const struct webhook_source boothwyn_webhook_source = {
	.vendor = "boothwyn", .secret = "BOOTHWYN_WEBHOOK_SECRET", .job = "webhook.boothwyn", .read = boothwyn_read, .admit = boothwyn_admit,
	.handle = boothwyn_handle,
};

/* ---- PioneerRx */

static int
pioneerrx_read(struct arena *a UNUSED, const struct conf *conf UNUSED, struct bytes raw UNUSED, const json_t *message, size_t i, struct webhook_event *ret,
    struct problem *err)
{
	if (i > 0)
		return 0;
	ret->event_id = json_text_at(message, "MessageHeader.MessageID");
	ret->type = json_text_at(message, "MessageHeader.InitiatingEventText");
	ret->object_id = json_text_at(message, "Body.Rx.RxPioneerRxID");
	if (ret->event_id == NULL || ret->type == NULL)
		return problem(err, 400, "malformed_event", "MessageID and InitiatingEventText are needed");
	if (ret->object_id == NULL)
		ret->ignore = "ignored";
	return 1;
}

static const char *
pioneerrx_answer(struct arena *a, const json_t *message)
{
	struct buf b = buf_in(a, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_object(&w, "Message_Header");
	jw_str(&w, "Message_ID", json_text_at(message, "MessageHeader.MessageID"));
	jw_str(&w, "Message_Type", "ACK");
	jw_end(&w);
	jw_end(&w);
	return buf_str(&b);
}

/* The follower of the order asks now instead of at its next turn; one whose follower has ended has nothing to be asked. */
static int
pioneerrx_handle(struct job *j, const struct webhook_event *e, struct problem *err)
{
	const struct row *w;
	char id[UUID_TEXT];
	int64_t woken = 0;

	if (job_begin(j, err) < 0 || db_one(j->db, &w, by_order_sql, err, P_TEXT(e->object_id)) < 0)
		return -1;
	if (w != NULL && (woken = db_exec(j->db, wake_sql, err, P_TEXT(uuid_text(row_uuid(w, "id"), id)))) < 0)
		return -1;
	if (webhook_handled(j->db, e, w == NULL ? "unknown_object" : woken > 0 ? "applied" : "late", err) < 0)
		return -1;
	return job_end(j, err);
}

const struct webhook_source pioneerrx_webhook_source = {
	.vendor = "pioneerrx", .secret = "PIONEERRX_WEBHOOK_SECRET", .job = "webhook.pioneerrx", .read = pioneerrx_read, .answer = pioneerrx_answer,
	.handle = pioneerrx_handle,
};
