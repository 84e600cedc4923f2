/*
 * shippo_track.c: where Shippo's parcels are: a step of the way per SANDBOX_STEP since the label was made, each told by a signed webhook. Table: object
 * (transaction), job (shippo.webhook).
 *
 * The mock carrier shippo has its six numbers. A label that was refunded goes nowhere.
 */
#include "base/clock.h"
#include "crypto/signature.h"
#include "sandbox/pdf.h"
#include "sandbox/shippo.h"

static const struct way {
	const char *zip;	/* of the recipient; NULL: any other */
	struct { const char *status, *substatus, *says; } scans[6];
} ways[] = {
	{ "99903", { { "PRE_TRANSIT", "information_received", "The label was made." }, { "TRANSIT", "package_accepted", "Accepted." },
	    { "TRANSIT", "delivery_attempted", "Nobody was there." }, { "TRANSIT", "out_for_delivery", "Out for delivery." },
	    { "DELIVERED", "delivered", "Delivered." } } },
	{ "99904", { { "PRE_TRANSIT", "information_received", "The label was made." }, { "TRANSIT", "package_accepted", "Accepted." },
	    { "RETURNED", "return_to_sender", "Returned to the sender." } } },
	{ NULL, { { "PRE_TRANSIT", "information_received", "The label was made." }, { "TRANSIT", "package_accepted", "Accepted." },
	    { "TRANSIT", "out_for_delivery", "Out for delivery." }, { "DELIVERED", "delivered", "Delivered." } } },
};

static const struct way *
way_of(const json_t *label)
{
	size_t i = 0;

	while (ways[i].zip != NULL && !sb_is(label, "_to.zip", ways[i].zip))
		i++;
	return &ways[i];
}

static int64_t
step_us(const struct conf *conf)
{
	int64_t s = conf_int(conf, "SANDBOX_STEP");

	return (s > 0 ? s : 1) * US_PER_S;
}

static json_t *
scan(const struct found *f, const struct way *way, int64_t i, int64_t at)
{
	char text[CLOCK_TEXT];

	clock_text(at, text);
	return json_pack("{ss ss ss ss ss s{sssssb} s{ssssssss}}", "status", way->scans[i].status,
	    "status_details", way->scans[i].says, "status_date", text, "object_created", text, "object_updated", text,
	    "substatus", "code", way->scans[i].substatus, "text", way->scans[i].says, "action_required", (int)(strcmp(way->scans[i].substatus, "delivery_attempted") == 0),
	    "location", "city", sb_text(f->data, i < 2 ? "_from.city" : "_to.city", ""), "state", sb_text(f->data, i < 2 ? "_from.state" : "_to.state", ""),
	    "zip", sb_text(f->data, i < 2 ? "_from.zip" : "_to.zip", ""), "country", "US");
}

json_t *
sb_shippo_track(struct arena *a, const struct found *f, const struct conf *conf)
{
	const struct way *way = way_of(f->data);
	json_t *track = sb_keep(a, json_object()), *history = json_array();
	int64_t most = sb_is(f->data, "status", "SUCCESS") || sb_is(f->data, "status", "QUEUED") ? (f->now - f->created) / step_us(conf) : 0;

	json_object_set_new(track, "carrier", json_string(sb_is(f->data, "_carrier", "FedEx") ? "fedex" : "usps"));
	json_object_set(track, "tracking_number", json_object_get(f->data, "tracking_number"));
	json_object_set(track, "eta", json_object_get(f->data, "eta"));
	json_object_set(track, "transaction", json_object_get(f->data, "object_id"));
	json_object_set(track, "metadata", json_object_get(f->data, "metadata"));
	json_object_set_new(track, "tracking_history", history);
	json_object_set_new(track, "messages", json_array());
	json_object_set_new(track, "test", json_true());
	for (int64_t i = 0; i <= most && i < (int64_t)COUNT(way->scans) && way->scans[i].status != NULL; i++) {
		json_t *one = scan(f, way, i, f->created + i * step_us(conf));

		json_object_set_new(one, "object_id", json_string(arena_printf(a, "%.30s%02x", sb_text(f->data, "object_id", ""), (unsigned)i)));
		json_array_append_new(history, one);
	}
	json_object_set(track, "tracking_status", json_array_get(history, json_array_size(history) - 1));
	return track;
}

/* ---- the label's file */

struct bytes
sb_shippo_label(struct arena *a, const json_t *t)
{
	struct buf page = buf_in(a, 16 * 1024);

	buf_add(&page, "2 w 9 9 270 414 re S\n");
	sb_pdf_line(&page, 14, 396, arena_printf(a, "%s  (sandbox, not for shipping)", sb_text(t, "_carrier", "")));
	sb_pdf_line(&page, 8, 348, arena_printf(a, "FROM: %s", sb_text(t, "_from.name", "")));
	sb_pdf_line(&page, 12, 300, arena_printf(a, "TO: %s", sb_text(t, "_to.name", "")));
	sb_pdf_line(&page, 12, 282, sb_text(t, "_to.street1", ""));
	sb_pdf_line(&page, 12, 264, arena_printf(a, "%s %s %s", sb_text(t, "_to.city", ""), sb_text(t, "_to.state", ""), sb_text(t, "_to.zip", "")));
	if (json_at(t, "_extra.signature_confirmation") != NULL)
		sb_pdf_line(&page, 10, 230, "SIGNATURE REQUIRED");
	sb_pdf_line(&page, 14, 190, arena_printf(a, "TRACKING # %s", sb_text(t, "tracking_number", "")));
	return sb_pdf(a, &page);
}

/* ---- asking */

static int
mock(struct call *c, const char *number)
{
	static const char *const states[] = { "PRE_TRANSIT", "TRANSIT", "DELIVERED", "RETURNED", "FAILURE", "UNKNOWN" };
	json_t *track = sb_keep(c->arena, json_object()), *one;
	char now[CLOCK_TEXT];

	for (size_t i = 0; i < COUNT(states); i++) {
		if (strcmp(number, arena_printf(c->arena, "SHIPPO_%s", states[i])) != 0)
			continue;
		clock_text(clock_us(), now);
		one = json_pack("{ssssssss}", "object_id", sb_random_hex(c->arena, 32), "status", states[i], "status_details", "A mock number.", "status_date", now);
		json_object_set_new(track, "carrier", json_string("shippo"));
		json_object_set_new(track, "tracking_number", json_string(number));
		json_object_set_new(track, "tracking_status", one);
		json_object_set_new(track, "tracking_history", json_pack("[O]", one));
		json_object_set_new(track, "messages", json_array());
		sb_answer(c, 200, track);
		return 0;
	}
	return sb_shippo_refuse(c, 404, "detail", "Not found.");
}

static int
by_number(struct call *c, const char *carrier, const char *number, struct problem *err)
{
	struct listing l = { .vendor = "shippo", .type = "transaction", .limit = 1 };
	json_t *found;
	struct found f;

	if (strcmp(carrier, "shippo") == 0)
		return mock(c, number);
	if (strspn(number, "0123456789") != strlen(number))
		return sb_shippo_refuse(c, 404, "detail", "Not found.");
	l.containing = arena_printf(c->arena, "{\"tracking_number\":\"%.40s\"}", number);
	if (sb_list(c->db, &l, &found, err) < 0)
		return -1;
	if (json_array_size(found) == 0)
		return sb_shippo_refuse(c, 404, "detail", "Not found.");
	if (sb_get(c->db, "shippo", "transaction", json_text_at(json_array_get(found, 0), "object_id"), false, &f, err) < 0)
		return -1;
	sb_answer(c, 200, sb_shippo_track(c->arena, &f, c->r->conf));
	return 0;
}

int
sb_shippo_track_get(struct call *c, struct problem *err)
{
	return by_number(c, req_str(c->r, "carrier"), req_str(c->r, "number"), err);
}

int
sb_shippo_track_create(struct call *c, struct problem *err)
{
	json_t *in;
	int rc;

	if ((rc = sb_shippo_input(c, &in)) != 0)
		return rc;
	if (json_text_at(in, "carrier") == NULL || json_text_at(in, "tracking_number") == NULL)
		return sb_shippo_refuse(c, 400, "tracking_number", "This field is required.");
	return by_number(c, json_text_at(in, "carrier"), json_text_at(in, "tracking_number"), err);
}

/* ---- telling */

int
sb_shippo_announce(struct call *c, const char *transaction, struct problem *err)
{
	int64_t step = conf_int(c->r->conf, "SANDBOX_STEP");

	for (int64_t i = 1; i <= SHIPPO_STEPS + 1; i++) {
		struct job_spec job = { .kind = "shippo.webhook", .serial_key = transaction, .delay_s = i * (step > 0 ? step : 1) };

		if (sb_webhook_send(c, &job, arena_printf(c->arena, "\"transaction\":\"%s\",\"step\":%" PRId64, transaction, i), err) < 0)
			return -1;
	}
	return 0;
}

/* The Track as it was at that step; NULL: there is no such step on its way. */
static const json_t *
told(struct job *j, const struct found *f)
{
	json_t *track = sb_shippo_track(j->arena, f, j->conf), *history = json_object_get(track, "tracking_history");
	size_t step = (size_t)job_int(j, "step");

	if (step >= json_array_size(history))
		return NULL;
	while (json_array_size(history) > step + 1)
		json_array_remove(history, json_array_size(history) - 1);
	json_object_set(track, "tracking_status", json_array_get(history, step));
	return track;
}

int
sb_shippo_webhook_job(struct job *j, struct problem *err)
{
	const char *secret = conf_str(j->conf, "SHIPPO_WEBHOOK_SECRET"), *ca = conf_str(j->conf, "VENDOR_CA_FILE"), *headers[3] = { "Content-Type: application/json" };
	struct http_call call = { .method = "POST", .headers = headers, .ca_file = *ca != '\0' ? ca : NULL };
	struct buf signature = buf_in(j->arena, 4096);
	struct http_answer answer;
	const json_t *track;
	json_t *body = sb_keep(j->arena, json_object());
	struct found f;

	if (job_read(j, err) < 0 || sb_get(j->db, "shippo", "transaction", job_str(j, "transaction"), false, &f, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	track = f.data == NULL ? NULL : told(j, &f);
	if (track == NULL)
		return 0;
	json_object_set_new(body, "event", json_string("track_updated"));
	json_object_set_new(body, "test", json_true());
	json_object_set(body, "data", (json_t *)(uintptr_t)track);
	call.url = arena_printf(j->arena, "%s/shipping/webhooks/shippo", conf_str(j->conf, "SANDBOX_WEBHOOK_BASE"));
	call.body = BYTES_OF(sb_dump(j->arena, body));
	if (job_int(j, "bad") != 0 && j->attempt <= 1)
		secret = "not-the-secret";
	buf_add(&signature, "Shippo-Auth-Signature: ");
	stripe_sign(secret, clock_us() / US_PER_S, call.body, &signature);
	headers[1] = buf_str(&signature);
	http_do(j->http, j->arena, &call, &answer);
	if (answer.outcome != HTTP_ANSWERED || answer.status < 200 || answer.status > 299)
		return problem(err, 503, "webhook_not_taken", "label %s: answer %d", job_str(j, "transaction"),
		    answer.outcome == HTTP_ANSWERED ? answer.status : 0);
	return 0;
}
