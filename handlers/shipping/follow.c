/*
 * follow.c: where the parcel of a prescription is (P-SHIP-05 to 08). Shippo posts what it hears; that is a hint, and the parcel is asked for. One that is quiet is
 * asked for by itself: the nearer, the oftener. The carrier's scans come in any order and number: each is kept once, and only what is newer than what was applied
 * moves the parcel, by the monotone line.
 */
#include <ctype.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "data/attention.h"
#include "shipping/shippo.h"

static const char scan_sql[] =
	"INSERT INTO tracking_events (shipment_id, at, code, description) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
static const char last_sql[] = "SELECT last_scan_at FROM shipments WHERE id = $1 FOR UPDATE";
static const char applied_sql[] = "UPDATE shipments SET last_scan_at = $2, eta = coalesce($3, eta) WHERE id = $1";
static const char find_sql[] = "SELECT id FROM shipments WHERE broker = 'shippo' AND tracking_number = $1 ORDER BY created_at DESC LIMIT 1";
static const char quiet_sql[] =
	"UPDATE shipments SET next_check_at = now() + make_interval(secs => CASE status WHEN 'out_for_delivery' THEN $3::int WHEN 'label_created' THEN $1::int"
	"  WHEN 'exception' THEN $3::int ELSE $2::int END) WHERE id IN (SELECT id FROM shipments WHERE broker = 'shippo' AND next_check_at <= now()"
	"  AND status IN ('label_created', 'printed', 'packed', 'shipped', 'in_transit', 'out_for_delivery', 'exception')"
	"  ORDER BY next_check_at LIMIT 200 FOR UPDATE SKIP LOCKED) RETURNING id";

/* Shippo's words. action: somebody must do something, whatever the status. */
static const struct {
	const char *status;
	const char *substatus;
	const char *ours;
} words[] = {
	{ "TRANSIT", "out_for_delivery", "out_for_delivery" },
	{ "TRANSIT", "address_issue", "exception" }, { "TRANSIT", "contact_carrier", "exception" }, { "TRANSIT", "delivery_attempted", "exception" },
	{ "TRANSIT", "location_inaccessible", "exception" }, { "TRANSIT", "notice_left", "exception" }, { "TRANSIT", "package_damaged", "exception" },
	{ "TRANSIT", "pickup_available", "exception" }, { "TRANSIT", "reschedule_delivery", "exception" },
	{ "TRANSIT", NULL, "in_transit" }, { "DELIVERED", NULL, "delivered" }, { "RETURNED", NULL, "returned" }, { "FAILURE", NULL, "exception" },
};

/* NULL: no news about where it is (made, unknown). */
static const char *
word_of(const char *status, const char *substatus)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].status, status) == 0 && (words[i].substatus == NULL || (substatus != NULL && strcmp(words[i].substatus, substatus) == 0)))
			return words[i].ours;
	return NULL;
}

/* ---- a person's business */

int
parcel_raise(struct db *db, const struct shipment *s, const char *code, struct problem *err)
{
	char id[UUID_TEXT], rx[UUID_TEXT];

	return attention_raise(db, &(struct attention){ .kind = "shipment.exception", .subject = uuid_text(s->id, id), .code = code, .patient = s->patient_id,
	    .detail = arena_printf(db_current_arena(db), "{\"prescriptionId\":\"%s\",\"status\":\"%s\"}", uuid_text(s->external_id, rx), s->status) }, err);
}

static int
moved_to(struct db *db, const struct shipment *s, const char *from, const char *code, struct problem *err)
{
	char id[UUID_TEXT];

	if (strcmp(s->status, "exception") == 0 || strcmp(s->status, "returned") == 0)
		return parcel_raise(db, s, code, err);
	return strcmp(from, "exception") == 0 ? attention_clear(db, "shipment.exception", uuid_text(s->id, id), s->status, err) : 0;
}

/* ---- applying */

struct scan {
	int64_t at;
	const char *status, *substatus, *says;
};

static int
older_first(const void *a, const void *b)
{
	const struct scan *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static size_t
scans_of(struct arena *a, const json_t *track, struct scan **ret)
{
	const json_t *history = json_object_get(track, "tracking_history"), *one, *current = json_object_get(track, "tracking_status");
	size_t n = 0, i;

	*ret = arena_alloc(a, (json_array_size(history) + 1) * sizeof(**ret));
	json_array_foreach(history, i, one) {
		struct scan *s = &(*ret)[n];

		*s = (struct scan){ .status = json_text_at(one, "status"), .substatus = json_text_at(one, "substatus.code"), .says = json_text_at(one, "status_details") };
		n += s->status != NULL && json_text_at(one, "status_date") != NULL && clock_parse(json_text_at(one, "status_date"), &s->at) == 0;
	}
	if (n == 0 && json_text_at(current, "status") != NULL && json_text_at(current, "status_date") != NULL &&
	    clock_parse(json_text_at(current, "status_date"), &(*ret)[0].at) == 0) {
		(*ret)[0].status = json_text_at(current, "status");
		(*ret)[0].substatus = json_text_at(current, "substatus.code");
		(*ret)[0].says = json_text_at(current, "status_details");
		n = 1;
	}
	qsort(*ret, n, sizeof(**ret), older_first);
	return n;
}

static int
apply_scan(struct db *db, struct shipment *s, const struct scan *scan, int64_t last, struct problem *err)
{
	const char *to = word_of(scan->status, scan->substatus), *from = s->status;
	bool ends = to != NULL && (strcmp(to, "delivered") == 0 || strcmp(to, "returned") == 0), moved;
	int64_t new = db_exec(db, scan_sql, err, P_UUID(s->id), P_TIME(scan->at),
	    P_TEXT(scan->substatus == NULL ? scan->status : arena_printf(db_current_arena(db), "%s/%s", scan->status, scan->substatus)), P_TEXT(scan->says));

	if (new <= 0 || to == NULL || (scan->at <= last && !ends))
		return new < 0 ? -1 : 0;
	if (shipment_move(db, s, to, strcmp(to, "exception") == 0 ? scan->substatus : NULL, &moved, err) < 0)
		return -1;
	return moved ? moved_to(db, s, from, scan->substatus == NULL ? "carrier_failure" : scan->substatus, err) : 0;
}

static int
apply(struct job *j, struct shipment *s, const json_t *track, struct problem *err)
{
	const char *eta = json_text_at(track, "eta");
	struct scan *scans;
	size_t n = scans_of(j->arena, track, &scans);
	const struct row *w;
	int64_t last, due = 0;

	if (db_one(j->db, &w, last_sql, err, P_UUID(s->id)) < 0 || shipment_load(j->db, s->id, s, err) < 0)
		return -1;
	last = row_time(w, "last_scan_at");
	for (size_t i = 0; i < n; i++)
		if (apply_scan(j->db, s, &scans[i], last, err) < 0)
			return -1;
	if (eta != NULL && clock_parse(eta, &due) < 0)
		due = 0;
	return n > 0 && db_exec(j->db, applied_sql, err, P_UUID(s->id), P_TIME(scans[n - 1].at > last ? scans[n - 1].at : last), P_TIME(due)) < 0 ? -1 : 0;
}

/* The carrier's name as Shippo spells it in addresses: "DHL Express" is dhl_express. */
static const char *
token_of(struct arena *a, const char *carrier)
{
	char *token = arena_dup(a, carrier);

	for (char *p = token; *p != '\0'; p++)
		*p = *p == ' ' ? '_' : (char)tolower((unsigned char)*p);
	return token;
}

static int
follow(struct job *j, struct uuid id, const json_t **track, struct shipment *s, struct problem *err)
{
	*track = NULL;
	if (job_read(j, err) < 0 || shipment_load(j->db, id, s, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	if (s->tracking_number == NULL || strcmp(s->status, "voided") == 0)
		return 0;
	*track = shippo_ask(j, "GET", arena_printf(j->arena, "/tracks/%s/%s", token_of(j->arena, s->carrier), s->tracking_number), NULL, 15000, err);
	/* A fresh number is not known at once: the next round asks again. */
	if (*track == NULL && strcmp(err->code, "carrier_missing") == 0) {
		problem_clear(err);
		return 0;
	}
	return *track == NULL ? -1 : 0;
}

int
follow_job(struct job *j, struct problem *err)
{
	const json_t *track;
	struct shipment s;

	if (follow(j, job_uuid(j, "id"), &track, &s, err) < 0)
		return -1;
	if (track == NULL)
		return 0;
	if (job_begin(j, err) < 0 || apply(j, &s, track, err) < 0)
		return -1;
	return job_end(j, err);
}

int
follow_sweep_job(struct job *j, struct problem *err)
{
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, quiet_sql, err, P_INT(conf_int(j->conf, "TRACKING_FRESH")),
	    P_INT(conf_int(j->conf, "TRACKING_MOVING")), P_INT(conf_int(j->conf, "TRACKING_NEAR"))) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (job_enqueue_id(j->db, "parcel.follow", "id", row_uuid(rows_at(rows, i), "id"), err) < 0)
			return -1;
	return job_end(j, err);
}

/* ---- what Shippo posts: what makes a telling one is what it tells */

static int
read_event(struct arena *a, const struct conf *conf, struct bytes raw UNUSED, const json_t *m, size_t i, struct webhook_event *ret, struct problem *err)
{
	const char *number = json_text_at(m, "data.tracking_number"), *carrier = json_text_at(m, "data.carrier");
	const char *status = json_text_at(m, "data.tracking_status.status"), *date = json_text_at(m, "data.tracking_status.status_date");
	char hex[HEX32];
	uint8_t digest[32];

	if (i > 0)
		return 0;
	ret->type = json_text_at(m, "event");
	if (ret->type == NULL || number == NULL)
		return problem(err, 400, "malformed_event", "an event has a kind and a tracking number");
	sha256(BYTES_OF(arena_printf(a, "%s|%s|%s|%s|%s|%s", ret->type, carrier == NULL ? "" : carrier, number,
	    json_text_at(m, "data.tracking_status.object_id") == NULL ? "" : json_text_at(m, "data.tracking_status.object_id"), status == NULL ? "" : status,
	    date == NULL ? "" : date)), digest);
	ret->event_id = arena_dup(a, hex_encode(BYTES(digest, sizeof(digest)), hex));
	ret->object_id = number;
	if (date != NULL && clock_parse(date, &ret->happened_at) < 0)
		ret->happened_at = 0;
	if (json_is_true(json_object_get(m, "test")) && conf_bool(conf, "LIVE_MODE"))
		ret->ignore = "wrong_mode";
	else if (strcmp(ret->type, "track_updated") != 0)
		ret->ignore = "ignored";
	return 1;
}

static int
admit(struct db *db, struct webhook_event *e, struct problem *err)
{
	const struct row *w;

	if (e->ignore != NULL)
		return 0;
	if (db_one(db, &w, find_sql, err, P_TEXT(e->object_id)) < 0)
		return -1;
	if (w == NULL)
		e->ignore = "unknown_object";
	return 0;
}

static int
handle(struct job *j, const struct webhook_event *e, struct problem *err)
{
	const json_t *track = NULL;
	const struct row *w;
	struct shipment s;

	if (job_read(j, err) < 0 || db_one(j->db, &w, find_sql, err, P_TEXT(e->object_id)) < 0)
		return -1;
	struct uuid id = w == NULL ? UUID_NIL : row_uuid(w, "id");
	if (job_read_end(j, err) < 0 || (w != NULL && follow(j, id, &track, &s, err) < 0) || job_begin(j, err) < 0 ||
	    (track != NULL && apply(j, &s, track, err) < 0) || webhook_handled(j->db, e, track != NULL ? "applied" : "unknown_object", err) < 0)
		return -1;
	return job_end(j, err);
}

const struct webhook_source shippo_webhook_source = {
	.vendor = "shippo", .secret = "SHIPPO_WEBHOOK_SECRET", .job = "webhook.shippo", .read = read_event, .admit = admit, .handle = handle,
};
