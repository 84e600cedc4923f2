/*
 * webhook_admin.c: what an administrator sees of the webhooks that a service keeps, and making them to be handled again: one, or all since a
 * moment, in their order or shuffled (rules W4, X-WH-01). Handling bears repeats in any order, so replaying is safe; it is audited all the same.
 */
#include "core.h"

#include "service.h"
#include "web/web_private.h"

#define PAGE      50
#define MOST_ROWS 1000

static const char *const states[] = { "received", "handled", "ignored", NULL };

#define WEBHOOK_FIELDS \
	{ "webhookId", UUID, .required = true, .says = "our row" }, \
	{ "vendor", STRING, .required = true, .says = "who posted", .example = "stripe" }, \
	{ "eventId", STRING, .required = true, .says = "what makes it once" }, \
	{ "type", STRING, .required = true, .says = "the vendor's word", .example = "payment_intent.succeeded" }, \
	{ "objectId", STRING, .says = "what it is about" }, \
	{ "via", STRING, .required = true, .says = "post, or sweep: it never arrived and was listed" }, \
	{ "state", ENUM, .required = true, .values = states, .says = "received: its job has not ended" }, \
	{ "outcome", STRING, .says = "applied, late, unknown_object, ..." }, \
	{ "replays", INTEGER, .required = true, .says = "how often it was handled again" }, \
	{ "happenedAt", TIME, .says = "by the vendor's clock" }, \
	{ "receivedAt", TIME, .required = true, .says = "when it came" }, \
	{ "handledAt", TIME, .says = "when its job ended" }

static const struct field webhook_fields[] = { WEBHOOK_FIELDS, { 0 } };
const struct field webhooks_query[] = { { "vendor", STRING, .max = 40, .says = "only this vendor's" },
	{ "state", ENUM, .values = states, .says = "only these" }, { "objectId", STRING, .max = 255, .says = "only about this" },
	{ "limit", INTEGER, .min = 1, .max = 200, .says = "how many, 50" }, { 0 } };
const struct field webhooks_reply[] = { { "webhooks", ARRAY, .required = true, .max = 200, .of = webhook_fields, .says = "newest first" }, { 0 } };
const struct field webhook_param[] = { { "webhookId", UUID, .required = true, .says = "our row" }, { 0 } };
const struct field webhook_reply[] = { WEBHOOK_FIELDS, { "body", STRING, .says = "the bytes as received" }, { 0 } };
const struct field webhook_replayed[] = { { "replayed", INTEGER, .required = true, .says = "how many will be handled again" },
	{ "more", BOOLEAN, .required = true, .says = "there are more than one call takes" }, { 0 } };
const struct field webhooks_replay_body[] = { { "vendor", STRING, .max = 40, .says = "only this vendor's" },
	{ "since", TIME, .required = true, .says = "received then or later" }, { "until", TIME, .says = "received before" },
	{ "shuffle", BOOLEAN, .says = "in an order of the seed's, not in theirs" }, { "seed", STRING, .max = 40, .says = "which order", .example = "7" },
	{ 0 } };

#define COLUMNS "id, vendor, event_id, type, object_id, via, state, outcome, replays, happened_at, received_at, handled_at"
static const char list_sql[] = "SELECT " COLUMNS " FROM webhook WHERE ($1::text IS NULL OR vendor = $1) AND ($2::text IS NULL OR state = $2)"
			       " AND ($3::text IS NULL OR object_id = $3) ORDER BY received_at DESC, id DESC LIMIT $4";
static const char one_sql[] = "SELECT " COLUMNS " FROM webhook WHERE id = $1";
static const char among_sql[] =
    "SELECT id, vendor FROM webhook WHERE ($1::text IS NULL OR vendor = $1) AND received_at >= $2::timestamptz"
    " AND ($3::timestamptz IS NULL OR received_at < $3::timestamptz) AND state <> 'ignored' AND body_enc IS NOT NULL"
    " ORDER BY CASE WHEN $4::text IS NOT NULL THEN md5(id::text || $4) END, received_at, id LIMIT $5";

static void
members(struct json_writer *j, const struct row *w)
{
	jw_uuid(j, "webhookId", row_uuid(w, "id"));
	jw_str(j, "vendor", row_str(w, "vendor"));
	jw_str(j, "eventId", row_str(w, "event_id"));
	jw_str(j, "type", row_str(w, "type"));
	jw_opt_str(j, "objectId", row_opt_str(w, "object_id"));
	jw_str(j, "via", row_str(w, "via"));
	jw_str(j, "state", row_str(w, "state"));
	jw_opt_str(j, "outcome", row_opt_str(w, "outcome"));
	jw_int(j, "replays", row_int(w, "replays"));
	if (!row_is_null(w, "happened_at"))
		jw_time(j, "happenedAt", row_time(w, "happened_at"));
	jw_time(j, "receivedAt", row_time(w, "received_at"));
	if (!row_is_null(w, "handled_at"))
		jw_time(j, "handledAt", row_time(w, "handled_at"));
}

int
webhooks_list(struct req *r, struct problem *err)
{
	struct json_writer *j;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "vendor")), P_TEXT(req_opt_str(r, "state")),
		P_TEXT(req_opt_str(r, "objectId")), P_INT(req_int(r, "limit", PAGE))) < 0)
		return -1;
	j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_array(j, "webhooks");
	for (size_t i = 0; i < rows_count(rows); i++) {
		jw_object(j, NULL);
		members(j, rows_at(rows, i));
		jw_end(j);
	}
	jw_end(j);
	jw_end(j);
	return 0;
}

int
webhook_show(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "webhookId");
	struct webhook_event e;
	struct json_writer *j;
	const struct row *w;

	req_object(r, "webhook", id);
	if (webhook_load(r->db, id, &e, err) < 0 || db_one(r->db, &w, one_sql, err, P_UUID(id)) < 0)
		return -1;
	j = reply_json(r, 200);
	jw_object(j, NULL);
	members(j, w);
	if (e.body.p != NULL)
		jw_strn(j, "body", (const char *)e.body.p, e.body.n);
	jw_end(j);
	return 0;
}

static int
answer(struct req *r, int64_t n, bool more)
{
	struct json_writer *j = reply_json(r, 200);

	jw_object(j, NULL);
	jw_int(j, "replayed", n);
	jw_bool(j, "more", more);
	jw_end(j);
	return 0;
}

int
webhook_replay_one(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "webhookId");
	const struct webhook_source *s;
	const struct row *w;

	req_object(r, "webhook", id);
	if (db_one(r->db, &w, one_sql, err, P_UUID(id)) < 0)
		return -1;
	s = w != NULL ? service_webhook(r->service, row_str(w, "vendor")) : NULL;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such webhook");
	return webhook_replay(r->db, s, id, err) < 0 ? -1 : answer(r, 1, false);
}

int
webhooks_replay(struct req *r, struct problem *err)
{
	const char *seed = !req_bool(r, "shuffle") ? NULL : req_has(r, "seed") ? req_str(r, "seed") : r->id;
	struct rows *rows;
	int64_t n = 0;

	req_object_text(r, "webhook", req_has(r, "vendor") ? req_str(r, "vendor") : "*");
	if (db_all(r->db, &rows, among_sql, err, P_TEXT(req_opt_str(r, "vendor")), P_TEXT(req_str(r, "since")), P_TEXT(req_opt_str(r, "until")),
		P_TEXT(seed), P_INT(MOST_ROWS + 1)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows) && n < MOST_ROWS; i++) {
		const struct webhook_source *s = service_webhook(r->service, row_str(rows_at(rows, i), "vendor"));

		if (s == NULL)
			continue;
		if (webhook_replay(r->db, s, row_uuid(rows_at(rows, i), "id"), err) < 0)
			return -1;
		n++;
	}
	return answer(r, n, rows_count(rows) > MOST_ROWS);
}
