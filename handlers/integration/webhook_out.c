/* webhook_out.c: messages and their deliveries; see webhook_out.h. */
#include "integration/webhook_out.h"

#include "base/clock.h"
#include "crypto/scheme.h"
#include "data/attention.h"

#define GIVE_UP_S (INT64_C(3) * 24 * 3600)

static const char message_sql[] = "INSERT INTO webhook_message (id, topic, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
static const char wanted_sql[] = "SELECT id FROM webhook_subscription WHERE state = 'active' AND topics @> ARRAY[$1]";
static const char deliver_sql[] =
	"INSERT INTO webhook_delivery (id, message_id, subscription_id) VALUES ($1, $2, $3) ON CONFLICT ON CONSTRAINT webhook_delivery_once DO NOTHING";
static const char load_sql[] =
	"SELECT d.id, d.state, d.message_id, m.body, s.id AS subscription_id, s.url, s.secret_enc, s.state AS subscribed,"
	"  extract(epoch FROM now() - d.began_at)::bigint AS age_s"
	" FROM webhook_delivery d JOIN webhook_message m ON m.id = d.message_id JOIN webhook_subscription s ON s.id = d.subscription_id WHERE d.id = $1";
static const char tried_sql[] =
	"UPDATE webhook_delivery SET attempts = attempts + 1, http_status = nullif($2::integer, 0), error = $3, tried_at = now(),"
	"  state = $4, sent_at = CASE WHEN $4 = 'sent' THEN now() ELSE sent_at END WHERE id = $1 AND state = 'pending'";
static const char disable_sql[] =
	"UPDATE webhook_subscription SET state = 'disabled', reason = $2, updated_at = now() WHERE id = $1 AND state = 'active'";
static const char dead_sql[] = "UPDATE webhook_delivery SET state = 'dead' WHERE id = $1 AND state = 'pending'";
static const char of_sql[] = "SELECT subscription_id FROM webhook_delivery WHERE id = $1";

struct delivery {
	struct uuid id, message, subscription;
	const char *state, *body, *url, *secret;
	bool subscribed;
	int64_t age_s;
};

int
webhook_out_enqueue(struct db *db, struct uuid delivery, struct problem *err)
{
	return job_enqueue_id(db, "webhook.out", "id", delivery, err);
}

int
webhook_out_deliver(struct db *db, struct uuid message, struct uuid subscription, struct problem *err)
{
	struct uuid id = uuid_new();
	int64_t n = db_exec(db, deliver_sql, err, P_UUID(id), P_UUID(message), P_UUID(subscription));

	return n <= 0 ? (int)n : webhook_out_enqueue(db, id, err);
}

int
webhook_out_event(struct event *e, struct problem *err)
{
	struct buf b = buf_in(e->arena, 65536);
	struct json_writer w;
	struct rows *rows;

	if (db_all(e->db, &rows, wanted_sql, err, P_TEXT(e->topic)) < 0)
		return -1;
	if (rows_count(rows) == 0)
		return 0;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", e->topic);
	jw_time(&w, "timestamp", e->occurred_at);
	jw_tree(&w, "data", e->payload);
	jw_end(&w);
	if (db_exec(e->db, message_sql, err, P_UUID(e->id), P_TEXT(e->topic), P_TEXT(buf_str(&b))) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (webhook_out_deliver(e->db, e->id, row_uuid(rows_at(rows, i), "id"), err) < 0)
			return -1;
	return 0;
}

/* ---- the job */

static int
load(struct job *j, struct delivery *d, struct problem *err)
{
	const struct row *w;
	struct bytes secret;

	if (job_read(j, err) < 0 || db_one(j->db, &w, load_sql, err, P_UUID(job_uuid(j, "id"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such delivery");
	*d = (struct delivery){ .id = row_uuid(w, "id"), .message = row_uuid(w, "message_id"), .subscription = row_uuid(w, "subscription_id"),
		.state = row_str(w, "state"), .body = row_str(w, "body"), .url = row_str(w, "url"), .age_s = row_int(w, "age_s"),
		.subscribed = strcmp(row_str(w, "subscribed"), "active") == 0 };
	if (vault_open(j->db, "webhook_subscription", "secret_enc", d->subscription, row_bytes(w, "secret_enc"), &secret, err) < 0)
		return -1;
	d->secret = (const char *)secret.p;
	return job_read_end(j, err);
}

static int
post(struct job *j, const struct delivery *d, struct http_answer *answer, struct problem *err)
{
	struct buf signature = buf_in(j->arena, 1024);
	char id[UUID_TEXT];
	int64_t now = clock_us() / US_PER_S;
	const char *headers[5] = { "Content-Type: application/json", arena_printf(j->arena, "webhook-id: %s", uuid_text(d->message, id)),
		arena_printf(j->arena, "webhook-timestamp: %" PRId64, now), NULL, NULL };

	if (standard_sign(d->secret, id, now, BYTES_OF(d->body), &signature) < 0)
		return problem(err, 500, "bad_secret", "the subscription's secret signs nothing");
	headers[3] = arena_printf(j->arena, "webhook-signature: %s", buf_str(&signature));
	http_do(j->http, j->arena, &(struct http_call){ .method = "POST", .url = d->url, .headers = headers, .body = BYTES_OF(d->body), .connect_ms = 5000,
	    .total_ms = 15000, .cap = 65536, .from_data = true, .private_allowed = conf_bool(j->conf, "WEBHOOK_PRIVATE_ADDRESSES") }, answer);
	return 0;
}

/* The notice of a disabled subscription is a work item; enabling it again clears it. */
static int
disable(struct db *db, struct uuid subscription, const char *why, struct problem *err)
{
	char id[UUID_TEXT];
	int64_t n = db_exec(db, disable_sql, err, P_UUID(subscription), P_TEXT(why));

	if (n <= 0)
		return (int)n;
	return attention_raise(db, &(struct attention){ .kind = "webhook.disabled", .subject = uuid_text(subscription, id), .code = why }, err);
}

static int
record(struct job *j, const struct delivery *d, int status, const char *error, const char *state, struct problem *err)
{
	if (job_begin(j, err) < 0 || db_exec(j->db, tried_sql, err, P_UUID(d->id), P_INT(status), P_TEXT(error), P_TEXT(state)) < 0)
		return -1;
	return 0;
}

int
webhook_out_job(struct job *j, struct problem *err)
{
	struct http_answer answer = { 0 };
	struct delivery d;
	const char *error;
	int status;

	if (load(j, &d, err) < 0)
		return -1;
	if (strcmp(d.state, "pending") != 0 || !d.subscribed) /* what waits for a disabled one is replayed when it is enabled */
		return 0;
	if (post(j, &d, &answer, err) < 0)
		return -1;
	status = answer.outcome == HTTP_ANSWERED ? answer.status : 0;
	if (status >= 200 && status < 300)
		return record(j, &d, status, NULL, "sent", err) < 0 ? -1 : job_end(j, err);
	error = status > 0 ? "not_2xx" : answer.outcome == HTTP_NOT_SENT ? "not_reached" : "no_answer";
	if (status == 410 || d.age_s >= GIVE_UP_S) {
		if (record(j, &d, status, error, "dead", err) < 0 || disable(j->db, d.subscription, status == 410 ? "gone" : "failing_for_days", err) < 0)
			return -1;
		return job_end(j, err);
	}
	if (record(j, &d, status, error, "pending", err) < 0 || job_commit(j, err) < 0)
		return -1;
	problem(err, 503, "webhook_not_taken", "the subscriber answered %d", status);
	err->retry_after = answer.retry_after;
	return -1;
}

int
webhook_out_buried(struct job *j, struct problem *err)
{
	const struct row *w;

	if (db_one(j->db, &w, of_sql, err, P_UUID(job_uuid(j, "id"))) < 0)
		return -1;
	if (w == NULL)
		return 0;
	return db_exec(j->db, dead_sql, err, P_UUID(job_uuid(j, "id"))) < 0 ? -1 : disable(j->db, row_uuid(w, "subscription_id"), "failing_for_days", err);
}
