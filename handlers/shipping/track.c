/*
 * track.c: where a parcel is. FedEx does not push: the job asks every TRACKING_INTERVAL until the parcel's line ends. Scans come newest first and in any
 * number; each is kept once, and the parcel moves by the monotone line, so a late or repeated answer changes nothing.
 */
#include "base/clock.h"
#include "shipping/shipping.h"

static const char scan_sql[] =
	"INSERT INTO tracking_events (shipment_id, at, code, description) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

static const struct {
	const char *code;
	const char *status;
} codes[] = {
	{ "OC", "label_created" }, { "IN", "label_created" }, { "PL", "label_created" }, { "SP", "label_created" },
	{ "OD", "out_for_delivery" }, { "DL", "delivered" }, { "DE", "exception" }, { "SE", "exception" }, { "RS", "returned" },
	{ "CA", "voided" },
};

const char *
track_status(const char *code)
{
	for (size_t i = 0; i < COUNT(codes); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].status;
	return "in_transit";
}

json_t *
track_ask(struct job *j, const char *const *numbers, size_t n, struct problem *err)
{
	struct buf b = buf_in(j->arena, 8 * 1024);
	struct http_answer a;
	struct json_writer w;
	const char *const *headers = fedex_headers(j, err);

	if (headers == NULL)
		return NULL;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_bool(&w, "includeDetailedScans", true);
	jw_array(&w, "trackingInfo");
	for (size_t i = 0; i < n; i++) {
		jw_object(&w, NULL);
		jw_object(&w, "trackingNumberInfo");
		jw_str(&w, "trackingNumber", numbers[i]);
		jw_end(&w);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	http_do(j->http, j->arena, &(struct http_call){ .method = "POST", .headers = headers, .body = BYTES(b.data, b.len),
	    .url = arena_printf(j->arena, "%s/track/v1/trackingnumbers", conf_str(j->conf, "FEDEX_BASE_URL")), .connect_ms = 5000, .total_ms = 15000 }, &a);
	if (a.outcome == HTTP_ANSWERED && a.status == 401)
		fedex_forget_token(j);
	if (a.outcome != HTTP_ANSWERED || a.status != 200) {
		problem(err, 503, "carrier_unavailable", "FedEx answered %d", a.outcome == HTTP_ANSWERED ? a.status : 0);
		err->retry_after = a.retry_after;
		return NULL;
	}
	return json_read(j->arena, (const char *)a.body.p, a.body.n, err);
}

json_t *
track_scans(struct job *j, const struct shipment *s, struct problem *err)
{
	json_t *answer = track_ask(j, &s->tracking_number, 1, err);

	return answer == NULL ? NULL : json_at(answer, "output.completeTrackResults.0.trackResults.0.scanEvents");
}

/* Oldest first, so that the history reads as it happened. */
static int
apply(struct job *j, struct shipment *s, const json_t *scans, struct problem *err)
{
	for (size_t i = json_array_size(scans); i-- > 0;) {
		const json_t *scan = json_array_get(scans, i);
		const char *date = json_text_at(scan, "date"), *code = json_text_at(scan, "derivedStatusCode");
		const char *status;
		int64_t at, new;
		bool moved;

		if (code == NULL)
			code = json_text_at(scan, "eventType");
		if (date == NULL || code == NULL || clock_parse(date, &at) < 0)
			continue;
		new = db_exec(j->db, scan_sql, err, P_UUID(s->id), P_TIME(at), P_TEXT(code), P_TEXT(json_text_at(scan, "eventDescription")));
		if (new < 0)
			return -1;
		if (new == 0)
			continue;	/* an exception is left by a scan after it, not by the old ones again */
		status = track_status(code);
		/* The carrier's own "label created" is no news about a parcel that staff handed over. */
		if (strcmp(status, "label_created") != 0 && shipment_move(j->db, s, status, NULL, &moved, err) < 0)
			return -1;
	}
	return 0;
}

static bool
line_ended(const char *status)
{
	return strcmp(status, "delivered") == 0 || strcmp(status, "returned") == 0 || strcmp(status, "voided") == 0;
}

int
track_job(struct job *j, struct problem *err)
{
	struct shipment s;
	json_t *answer;

	if (job_read(j, err) < 0 || shipment_load(j->db, job_uuid(j, "id"), &s, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	answer = track_ask(j, &s.tracking_number, 1, err);
	if (answer == NULL || job_begin(j, err) < 0 || shipment_load(j->db, s.id, &s, err) < 0 ||
	    apply(j, &s, json_at(answer, "output.completeTrackResults.0.trackResults.0.scanEvents"), err) < 0)
		return -1;
	if (!line_ended(s.status))
		job_again(j, conf_int(j->conf, "TRACKING_INTERVAL"));
	return job_end(j, err);
}
