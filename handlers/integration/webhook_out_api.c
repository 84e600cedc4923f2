/* webhook_out_api.c: who wants to hear of what (X-WH-02): subscriptions, a test, what was delivered, and delivering it again. */
#include "integration/webhook_out.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "data/attention.h"

#define SECRET_BYTES 32
#define MOST_REPLAYS 1000

static const char *const topics[] = { "prescription.decided", "shipment.updated", "orchestration.finished", NULL };
static const char *const states[] = { "active", "disabled", NULL };
static const char *const outcomes[] = { "pending", "sent", "dead", NULL };

#define SUBSCRIPTION_FIELDS \
	{ "subscriptionId", UUID, .required = true, .says = "the subscription" }, \
	{ "url", STRING, .required = true, .says = "where messages are posted", .example = "https://partner.example/hooks" }, \
	{ "topics", ARRAY, .required = true, .max = 20, .items = STRING, .says = "of what it hears" }, \
	{ "description", STRING, .says = "whose it is" }, \
	{ "state", ENUM, .required = true, .values = states, .says = "disabled: nothing is posted" }, \
	{ "reason", STRING, .says = "why it is disabled", .example = "failing_for_days" }

const struct field subscription_body[] = {
	{ "url", STRING, .required = true, .min = 12, .max = 500, .says = "https; it must not lead into a private network", .example = "https://partner.example/hooks" },
	{ "topics", ARRAY, .required = true, .min = 1, .max = 20, .items = STRING, .says = "prescription.decided, shipment.updated, orchestration.finished" },
	{ "description", STRING, .max = 200, .says = "whose it is" },
	{ 0 }
};
const struct field subscription_made[] = {
	SUBSCRIPTION_FIELDS,
	{ "secret", STRING, .required = true, .says = "what signs the messages; shown here only", .example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
	{ 0 }
};
static const struct field subscription_fields[] = { SUBSCRIPTION_FIELDS, { 0 } };
const struct field subscriptions_reply[] = {
	{ "subscriptions", ARRAY, .required = true, .max = 200, .of = subscription_fields, .says = "newest first" }, { 0 }
};
const struct field subscription_param[] = { { "subscriptionId", UUID, .required = true, .says = "the subscription" }, { 0 } };
const struct field subscription_state[] = {
	{ "subscriptionId", UUID, .required = true, .says = "the subscription" },
	{ "state", ENUM, .required = true, .values = states, .says = "now" }, { 0 }
};
const struct field subscription_disable_body[] = { { "reason", STRING, .min = 1, .max = 60, .says = "why, a code", .example = "moved" }, { 0 } };
const struct field subscription_replay_body[] = {
	{ "since", TIME, .required = true, .says = "messages made then or later" },
	{ "all", BOOLEAN, .says = "also those that were taken" }, { 0 }
};
const struct field subscription_count[] = { { "deliveries", INTEGER, .required = true, .says = "how many will be posted" }, { 0 } };
static const struct field delivery_fields[] = {
	{ "messageId", UUID, .required = true, .says = "the same at each delivery: webhook-id" },
	{ "topic", STRING, .required = true, .says = "what happened", .example = "shipment.updated" },
	{ "state", ENUM, .required = true, .values = outcomes, .says = "dead: given up" },
	{ "attempts", INTEGER, .required = true, .says = "how often it was posted" },
	{ "httpStatus", INTEGER, .says = "the last answer" },
	{ "error", STRING, .says = "why there was none, or it was not 2xx", .example = "not_2xx" },
	{ "beganAt", TIME, .required = true, .says = "when it was put in line" },
	{ "triedAt", TIME, .says = "last" },
	{ "sentAt", TIME, .says = "when it was taken" },
	{ 0 }
};
const struct field deliveries_query[] = {
	{ "state", ENUM, .values = outcomes, .says = "only these" }, { "limit", INTEGER, .min = 1, .max = 200, .says = "how many, 50" }, { 0 }
};
const struct field deliveries_reply[] = { { "deliveries", ARRAY, .required = true, .max = 200, .of = delivery_fields, .says = "newest first" }, { 0 } };

static const char create_sql[] =
	"INSERT INTO webhook_subscription (id, url, topics, description, secret_enc) VALUES ($1, $2, ARRAY(SELECT jsonb_array_elements_text($3::jsonb)), $4, $5)";
static const char list_sql[] =
	"SELECT id, url, to_jsonb(topics)::text AS topics, description, state, reason FROM webhook_subscription ORDER BY created_at DESC, id LIMIT 200";
static const char state_sql[] = "UPDATE webhook_subscription SET state = $2, reason = $3, updated_at = now() WHERE id = $1 RETURNING id";
static const char find_sql[] = "SELECT id, state FROM webhook_subscription WHERE id = $1";
static const char message_sql[] = "INSERT INTO webhook_message (id, topic, body) VALUES ($1, $2, $3)";
static const char again_sql[] =
	"UPDATE webhook_delivery SET state = 'pending', began_at = now() WHERE id IN (SELECT d.id FROM webhook_delivery d"
	"  JOIN webhook_message m ON m.id = d.message_id WHERE d.subscription_id = $1 AND m.created_at >= $2::timestamptz"
	"  AND (d.state <> 'sent' OR $3::boolean) ORDER BY m.created_at LIMIT $4) RETURNING id";
static const char deliveries_sql[] =
	"SELECT d.message_id, m.topic, d.state, d.attempts, d.http_status, d.error, d.began_at, d.tried_at, d.sent_at"
	" FROM webhook_delivery d JOIN webhook_message m ON m.id = d.message_id WHERE d.subscription_id = $1 AND ($2::text IS NULL OR d.state = $2)"
	" ORDER BY d.began_at DESC, d.id LIMIT $3";

static int
topics_known(const json_t *list, struct problem *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		size_t k = 0;

		while (topics[k] != NULL && strcmp(topics[k], json_string_value(item)) != 0)
			k++;
		if (topics[k] == NULL)
			return problem(err, 422, "unknown_topic", "nobody is told of one of these topics");
	}
	return 0;
}

/* https://host[:port]/…, without a user; where the host leads is looked at when it is called. */
static int
url_check(const char *url, struct problem *err)
{
	const char *host = strncmp(url, "https://", 8) == 0 ? url + 8 : "";
	size_t n = strcspn(host, "/?#");

	if (n == 0 || memchr(host, '@', n) != NULL || memchr(host, '\\', n) != NULL || strpbrk(url, " \t\r\n") != NULL)
		return problem(err, 422, "bad_url", "the address is https://host/path");
	return 0;
}

static const char *
new_secret(struct arena *a)
{
	struct buf b = buf_in(a, 128);
	uint8_t key[SECRET_BYTES];

	if (random_bytes(key, sizeof(key)) < 0)
		return NULL;
	buf_add(&b, "whsec_");
	base64_encode(BYTES(key, sizeof(key)), &b);
	return buf_str(&b);
}

static void
members(struct json_writer *w, struct uuid id, const char *url, const char *list, const char *description, const char *state, const char *reason)
{
	jw_uuid(w, "subscriptionId", id);
	jw_str(w, "url", url);
	jw_raw(w, "topics", list);
	jw_opt_str(w, "description", description);
	jw_str(w, "state", state);
	jw_opt_str(w, "reason", reason);
}

int
subscription_create(struct req *r, struct problem *err)
{
	struct buf b = buf_in(r->arena, 4096);
	struct uuid id = uuid_new();
	const char *secret = new_secret(r->arena);
	struct json_writer t, *w;
	struct bytes sealed;

	if (topics_known(req_json(r, "topics"), err) < 0 || url_check(req_str(r, "url"), err) < 0)
		return -1;
	if (secret == NULL)
		return problem(err, 503, "no_random", "the system gives no random bytes");
	jw_start(&t, &b);
	jw_tree(&t, NULL, req_json(r, "topics"));
	req_object(r, "webhook_subscription", id);
	if (vault_seal(r->db, VAULT_SERVICE, "webhook_subscription", "secret_enc", id, BYTES_OF(secret), &sealed, err) < 0 ||
	    db_exec(r->db, create_sql, err, P_UUID(id), P_TEXT(req_str(r, "url")), P_TEXT(buf_str(&b)), P_TEXT(req_opt_str(r, "description")),
		P_BYTES(sealed)) < 0)
		return -1;
	w = reply_json(r, 201);
	jw_object(w, NULL);
	members(w, id, req_str(r, "url"), buf_str(&b), req_opt_str(r, "description"), "active", NULL);
	jw_str(w, "secret", secret);
	jw_end(w);
	return 0;
}

int
subscriptions_list(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "subscriptions");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *s = rows_at(rows, i);

		jw_object(w, NULL);
		members(w, row_uuid(s, "id"), row_str(s, "url"), row_str(s, "topics"), row_opt_str(s, "description"), row_str(s, "state"),
		    row_opt_str(s, "reason"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

static int
find(struct req *r, const struct row **w, struct problem *err)
{
	req_object(r, "webhook_subscription", req_uuid(r, "subscriptionId"));
	if (db_one(r->db, w, find_sql, err, P_UUID(req_uuid(r, "subscriptionId"))) < 0)
		return -1;
	return *w != NULL ? 0 : problem(err, 404, "not_found", "no such subscription");
}

static int
move(struct req *r, const char *state, const char *reason, struct problem *err)
{
	const struct row *w;
	struct json_writer *j;
	char id[UUID_TEXT];

	if (find(r, &w, err) < 0)
		return -1;
	if (strcmp(row_str(w, "state"), state) != 0 && db_one(r->db, &w, state_sql, err, P_UUID(req_uuid(r, "subscriptionId")), P_TEXT(state), P_TEXT(reason)) < 0)
		return -1;
	if (attention_clear(r->db, "webhook.disabled", uuid_text(req_uuid(r, "subscriptionId"), id), state, err) < 0)
		return -1;
	j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_uuid(j, "subscriptionId", req_uuid(r, "subscriptionId"));
	jw_str(j, "state", state);
	jw_end(j);
	return 0;
}

int
subscription_enable(struct req *r, struct problem *err)
{
	return move(r, "active", NULL, err);
}

int
subscription_disable(struct req *r, struct problem *err)
{
	return move(r, "disabled", req_has(r, "reason") ? req_str(r, "reason") : "by_hand", err);
}

static int
answer_count(struct req *r, int64_t n)
{
	struct json_writer *w = reply_json(r, 202);

	jw_object(w, NULL);
	jw_int(w, "deliveries", n);
	jw_end(w);
	return 0;
}

int
subscription_test(struct req *r, struct problem *err)
{
	struct buf b = buf_in(r->arena, 1024);
	struct uuid id = uuid_new();
	struct json_writer t;
	const struct row *w;

	if (find(r, &w, err) < 0)
		return -1;
	if (strcmp(row_str(w, "state"), "active") != 0)
		return problem(err, 409, "disabled", "the subscription is disabled");
	jw_start(&t, &b);
	jw_object(&t, NULL);
	jw_str(&t, "type", "webhook.test");
	jw_time(&t, "timestamp", clock_us());
	jw_object(&t, "data");
	jw_uuid(&t, "subscriptionId", row_uuid(w, "id"));
	jw_end(&t);
	jw_end(&t);
	if (db_exec(r->db, message_sql, err, P_UUID(id), P_TEXT("webhook.test"), P_TEXT(buf_str(&b))) < 0 ||
	    webhook_out_deliver(r->db, id, row_uuid(w, "id"), err) < 0)
		return -1;
	return answer_count(r, 1);
}

int
subscription_replay(struct req *r, struct problem *err)
{
	const struct row *w;
	struct rows *rows;

	if (find(r, &w, err) < 0)
		return -1;
	if (strcmp(row_str(w, "state"), "active") != 0)
		return problem(err, 409, "disabled", "the subscription is disabled");
	if (db_all(r->db, &rows, again_sql, err, P_UUID(row_uuid(w, "id")), P_TEXT(req_str(r, "since")), P_BOOL(req_bool(r, "all")), P_INT(MOST_REPLAYS)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (webhook_out_enqueue(r->db, row_uuid(rows_at(rows, i), "id"), err) < 0)
			return -1;
	return answer_count(r, (int64_t)rows_count(rows));
}

int
subscription_deliveries(struct req *r, struct problem *err)
{
	struct json_writer *w;
	const struct row *s;
	struct rows *rows;

	if (find(r, &s, err) < 0 || db_all(r->db, &rows, deliveries_sql, err, P_UUID(row_uuid(s, "id")), P_TEXT(req_opt_str(r, "state")),
	    P_INT(req_int(r, "limit", 50))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "deliveries");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *d = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "messageId", row_uuid(d, "message_id"));
		jw_str(w, "topic", row_str(d, "topic"));
		jw_str(w, "state", row_str(d, "state"));
		jw_int(w, "attempts", row_int(d, "attempts"));
		jw_opt_int(w, "httpStatus", !row_is_null(d, "http_status"), row_int(d, "http_status"));
		jw_opt_str(w, "error", row_opt_str(d, "error"));
		jw_time(w, "beganAt", row_time(d, "began_at"));
		if (!row_is_null(d, "tried_at"))
			jw_time(w, "triedAt", row_time(d, "tried_at"));
		if (!row_is_null(d, "sent_at"))
			jw_time(w, "sentAt", row_time(d, "sent_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
