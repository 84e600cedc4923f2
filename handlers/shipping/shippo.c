/*
 * shippo.c: labels at Shippo, each bought once (P-SHIP-03). Its call takes no key, but what it bought can be listed: our id stands in the label's metadata, so an
 * answer that never came is looked up before anything is sent again. A request may still be at work there when its answer is given up: until its time is over,
 * absence proves nothing. An answer 201 with status ERROR is a no.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "net/breaker.h"
#include "shipping/shippo.h"

#define BUY_MS    60000
#define LABEL_MAX (2 * 1024 * 1024)
#define PAGES     5

static const char chosen_sql[] =
	"UPDATE shipments SET shippo_rate = $2, service = $3, carrier = $4, cold_chain = $5, controlled = $6, pharmacy = $7, pharmacy_id = $8,"
	" updated_at = now() WHERE id = $1 AND status = 'requested' AND shippo_rate IS NULL";
static const char bought_sql[] =
	"UPDATE shipments SET tracking_number = $2, shippo_transaction = $3, tracking_url = $4, label_url_enc = $5, eta = $6,"
	" next_check_at = now() + make_interval(secs => $7), updated_at = now() WHERE id = $1";
static const char again_sql[] =
	"UPDATE shipments SET shippo_rate = NULL, label_generation = label_generation + 1, updated_at = now() WHERE id = $1 AND label_generation < 3"
	" RETURNING label_generation";
static const char url_sql[] = "SELECT patient_id, label_url_enc FROM shipments WHERE id = $1 AND label_enc IS NULL AND label_url_enc IS NOT NULL";
static const char label_sql[] = "UPDATE shipments SET label_enc = $2, label_url_enc = NULL WHERE id = $1";

/* ---- calls */

static void
dress(struct arena *a, const struct conf *conf, const char *path, struct http_call *call)
{
	const char **headers = arena_alloc(a, 4 * sizeof(*headers));

	headers[0] = arena_printf(a, "Authorization: ShippoToken %s", conf_str(conf, "SHIPPO_API_TOKEN"));
	headers[1] = "SHIPPO-API-VERSION: 2018-02-08";
	headers[2] = "Content-Type: application/json";
	call->headers = headers;
	call->url = arena_printf(a, "%s%s", conf_str(conf, "SHIPPO_BASE_URL"), path);
	call->connect_ms = 5000;
}

json_t *
shippo_ask(struct job *j, const char *method, const char *path, const char *body, int total_ms, struct problem *err)
{
	struct http_call call = { .method = method, .body = BYTES_OF(body != NULL ? body : ""), .total_ms = total_ms };
	struct http_answer a;

	if (breaker_enter("shippo", err) < 0)
		return NULL;
	dress(j->arena, j->conf, path, &call);
	http_do(j->http, j->arena, &call, &a);
	breaker_leave("shippo", breaker_worked(&a));
	if (a.outcome == HTTP_ANSWERED && (a.status == 200 || a.status == 201))
		return json_read(j->arena, (const char *)a.body.p, a.body.n, err);
	if (a.outcome == HTTP_ANSWERED && a.status == 404) {
		problem(err, 404, "carrier_missing", "Shippo knows no such object");
		return NULL;
	}
	if (a.outcome == HTTP_ANSWERED && (a.status == 400 || a.status == 403 || a.status == 422)) {
		problem(err, 422, "carrier_refused", "Shippo answered %d", a.status);
		err->fault = FAULT_PERMANENT;
		return NULL;
	}
	problem(err, 503, "carrier_unavailable", "Shippo answered %d", a.outcome == HTTP_ANSWERED ? a.status : 0);
	err->retry_after = a.retry_after;
	return NULL;
}

static int
effect_dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	dress(j->arena, j->conf, e->path, call);
	call->total_ms = BUY_MS;
	return 0;
}

/* ---- buying */

/* What the label is found by: our parcel and which attempt. */
static const char *
mark(struct arena *a, struct uuid shipment, int64_t generation)
{
	char id[UUID_TEXT];

	return arena_printf(a, "%s:%" PRId64, uuid_text(shipment, id), generation);
}

int
shippo_buy(struct db *db, const struct shipment *s, const json_t *rate, bool cold, bool controlled, const char *pharmacy, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct buf b = buf_in(a, 1024);
	struct json_writer w;
	int64_t chosen;

	chosen = db_exec(db, chosen_sql, err, P_UUID(s->id), P_TEXT(json_text_at(rate, "object_id")), P_TEXT(json_text_at(rate, "servicelevel.token")),
	    P_TEXT(json_text_at(rate, "provider")), P_BOOL(cold), P_BOOL(controlled), P_TEXT(pharmacy), P_UUID(s->pharmacy_id));
	if (chosen <= 0)
		return (int)chosen;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "rate", json_text_at(rate, "object_id"));
	jw_str(&w, "label_file_type", "PDF_4x6");
	jw_bool(&w, "async", false);
	jw_str(&w, "metadata", mark(a, s->id, s->generation));
	jw_end(&w);
	return effect_intend(db, &(struct effect_request){ .kind = "shippo.buy", .subject = s->id, .patient = s->patient_id, .generation = (int)s->generation,
	    .method = "POST", .path = "/transactions", .content_type = "application/json", .body = BYTES(b.data, b.len) }, err);
}

static enum verdict
meaning(struct effect *e, const json_t *t)
{
	const char *status = json_text_at(t, "status"), *said = json_text_at(t, "messages.0.text");

	e->vendor_ref = json_text_at(t, "object_id");
	if (status != NULL && strcmp(status, "SUCCESS") == 0 && json_text_at(t, "tracking_number") != NULL)
		return EFFECT_CONFIRMED;
	if (status == NULL || strcmp(status, "ERROR") != 0)
		return EFFECT_UNCERTAIN;
	e->error_code = said != NULL && strcasestr(said, "expired") != NULL ? "rate_expired" : "label_refused";
	return EFFECT_REFUSED;
}

static enum verdict
judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	struct problem ignored = { 0 };

	if (a->status == 200 || a->status == 201)
		return meaning(e, json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored));
	if (a->status == 401 || a->status == 409)	/* our token; too many at once */
		return EFFECT_RETRY;
	e->error_code = a->body.n > 0 && strcasestr((const char *)a->body.p, "expired") != NULL ? "rate_expired" : "label_refused";
	return effect_judge_http(a);
}

static enum verdict
look_up(struct job *j, struct effect *e, struct http_answer *a)
{
	const char *ours = mark(j->arena, e->subject, e->generation);
	struct problem err = { 0 };

	for (int page = 1; page <= PAGES; page++) {
		const json_t *list = shippo_ask(j, "GET", arena_printf(j->arena, "/transactions?results=100&page=%d", page), NULL, 15000, &err), *one;
		size_t i;

		if (list == NULL)
			return EFFECT_UNCERTAIN;
		json_array_foreach(json_object_get(list, "results"), i, one) {
			const char *theirs = json_text_at(one, "metadata");

			if (theirs != NULL && strcmp(theirs, ours) == 0) {
				char *text = json_dumps(one, JSON_COMPACT);

				arena_defer(j->arena, free, text);
				*a = (struct http_answer){ .outcome = HTTP_ANSWERED, .status = 200, .body = BYTES_OF(text) };
				return meaning(e, one);
			}
		}
		if (json_text_at(list, "next") == NULL)
			return clock_us() - e->first_sent_at > conf_int(j->conf, "SHIPPO_SETTLE") * US_PER_S ? EFFECT_RETRY : EFFECT_UNCERTAIN;
	}
	return EFFECT_UNCERTAIN;
}

static int
keep(struct job *j, struct effect *e, const struct http_answer *a, struct shipment *s, struct problem *err)
{
	const json_t *t = json_read(j->arena, (const char *)a->body.p, a->body.n, err);
	const char *url = json_text_at(t, "label_url"), *eta = json_text_at(t, "eta");
	struct bytes sealed = { 0 };
	int64_t at = 0;

	if (eta != NULL && clock_parse(eta, &at) < 0)
		at = 0;
	if (url != NULL && vault_seal(j->db, e->patient, "shipments", "label_url_enc", e->subject, BYTES_OF(url), &sealed, err) < 0)
		return -1;
	if (db_exec(j->db, bought_sql, err, P_UUID(e->subject), P_TEXT(json_text_at(t, "tracking_number")), P_TEXT(e->vendor_ref),
		P_TEXT(json_text_at(t, "tracking_url_provider")), P_BYTES(sealed), P_TIME(at), P_INT(conf_int(j->conf, "TRACKING_FRESH"))) < 0 ||
	    (url != NULL && job_enqueue_id(j->db, "label.fetch", "id", e->subject, err) < 0))
		return -1;
	return shipment_load(j->db, e->subject, s, err);
}

/* A rate that expired before it was bought is chosen anew, twice at most. */
static int
refused(struct job *j, struct effect *e, struct shipment *s, const char *code, struct problem *err)
{
	const struct row *w = NULL;
	bool moved;

	if (strcmp(code, "rate_expired") == 0 && db_one(j->db, &w, again_sql, err, P_UUID(e->subject)) < 0)
		return -1;
	if (w != NULL)
		return job_enqueue_id(j->db, "parcel.prepare", "id", e->subject, err);
	return shipment_move(j->db, s, "manual", code, &moved, err) < 0 ? -1 : parcel_raise(j->db, s, code, err);
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a, struct problem *err)
{
	bool confirmed = strcmp(state, "confirmed") == 0, moved;
	struct shipment s;

	if (shipment_load(j->db, e->subject, &s, err) < 0 || (confirmed && keep(j, e, a, &s, err) < 0))
		return -1;
	/* Taken back while its label was being bought: the label goes, too. */
	if (strcmp(s.status, "voiding") == 0 && strcmp(state, "manual") != 0)
		return confirmed ? shippo_refund(j->db, &s, err) : shipment_move(j->db, &s, "voided", NULL, &moved, err);
	if (!confirmed)
		return refused(j, e, &s, strcmp(state, "manual") == 0 ? "carrier_outcome_unknown" : e->error_code == NULL ? "label_refused" : e->error_code, err);
	return shipment_move(j->db, &s, "label_created", NULL, &moved, err);
}

const struct effect_kind shippo_buy_effect = {
	.name = "shippo.buy", .unknown = LOOK_UP, .deadline_s = 4 * 3600, .dress = effect_dress, .judge = judge, .look_up = look_up, .settle = settle,
};

/* ---- the file */

/* The address came with an answer: Shippo's own, or one of the public internet. */
static int
fetch(struct job *j, const char *url, struct bytes *pdf, struct problem *err)
{
	const char *base = conf_str(j->conf, "SHIPPO_BASE_URL");
	struct http_call call = { .method = "GET", .url = url, .cap = LABEL_MAX, .from_data = strncmp(url, base, strlen(base)) != 0 };
	struct http_answer a;

	http_do(j->http, j->arena, &call, &a);
	if (a.outcome != HTTP_ANSWERED || a.status != 200)
		return problem(err, 503, "carrier_unavailable", "the label's file: answer %d", a.outcome == HTTP_ANSWERED ? a.status : 0);
	if (a.body.n < 4 || memcmp(a.body.p, "%PDF", 4) != 0)
		return problem(err, 422, "bad_label", "the label is no PDF");
	*pdf = a.body;
	return 0;
}

int
label_fetch_job(struct job *j, struct problem *err)
{
	struct uuid id = job_uuid(j, "id");
	struct bytes url, pdf, sealed;
	const struct row *w;
	struct uuid patient;

	if (job_read(j, err) < 0 || db_one(j->db, &w, url_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return job_read_end(j, err);
	patient = row_uuid(w, "patient_id");
	if (vault_open(j->db, "shipments", "label_url_enc", id, row_bytes(w, "label_url_enc"), &url, err) < 0 || job_read_end(j, err) < 0 ||
	    fetch(j, (const char *)url.p, &pdf, err) < 0 || job_begin(j, err) < 0 ||
	    vault_seal(j->db, patient, "shipments", "label_enc", id, pdf, &sealed, err) < 0 ||
	    db_exec(j->db, label_sql, err, P_UUID(id), P_BYTES(sealed)) < 0)
		return -1;
	return job_end(j, err);
}

/* ---- taking it back */

int
shippo_refund(struct db *db, const struct shipment *s, struct problem *err)
{
	const char *body = arena_printf(db_current_arena(db), "{\"transaction\":\"%s\",\"async\":false}", s->transaction);

	return effect_intend(db, &(struct effect_request){ .kind = "shippo.refund", .subject = s->id, .patient = s->patient_id, .generation = 1,
	    .method = "POST", .path = "/refunds", .content_type = "application/json", .body = BYTES_OF(body) }, err);
}

/* Queued and pending mean that the label is void: the money follows, or Shippo says no later, which reconciliation finds. */
static enum verdict
refund_judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	struct problem ignored = { 0 };
	const json_t *r = json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);
	const char *status = json_text_at(r, "status");

	if (a->status == 401 || a->status == 409)
		return EFFECT_RETRY;
	if (a->status != 200 && a->status != 201)
		return effect_judge_http(a);
	e->vendor_ref = json_text_at(r, "object_id");
	e->error_code = "void_refused";
	return status == NULL ? EFFECT_UNCERTAIN : strcmp(status, "ERROR") == 0 ? EFFECT_REFUSED : EFFECT_CONFIRMED;
}

static enum verdict
refund_look_up(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct problem err = { 0 };
	struct shipment s;
	const char *status;
	json_t *t;

	if (job_read(j, &err) < 0 || shipment_load(j->db, e->subject, &s, &err) < 0 || job_read_end(j, &err) < 0 || s.transaction == NULL ||
	    (t = shippo_ask(j, "GET", arena_printf(j->arena, "/transactions/%s", s.transaction), NULL, 15000, &err)) == NULL)
		return EFFECT_UNCERTAIN;
	status = json_text_at(t, "status");
	if (status != NULL && (strcmp(status, "REFUNDED") == 0 || strcmp(status, "REFUNDPENDING") == 0))
		return EFFECT_CONFIRMED;
	e->error_code = "void_refused";
	if (status != NULL && strcmp(status, "REFUNDREJECTED") == 0)
		return EFFECT_REFUSED;
	return status != NULL && strcmp(status, "SUCCESS") == 0 ? EFFECT_RETRY : EFFECT_UNCERTAIN;
}

static int
refund_settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	bool confirmed = strcmp(state, "confirmed") == 0, moved;
	const char *code = confirmed ? NULL : e->error_code == NULL ? "void_refused" : e->error_code;
	struct shipment s;

	if (shipment_load(j->db, e->subject, &s, err) < 0 || shipment_move(j->db, &s, confirmed ? "voided" : "manual", code, &moved, err) < 0)
		return -1;
	return confirmed ? 0 : parcel_raise(j->db, &s, code, err);
}

const struct effect_kind shippo_refund_effect = {
	.name = "shippo.refund", .unknown = LOOK_UP, .deadline_s = 3600, .dress = effect_dress, .judge = refund_judge, .look_up = refund_look_up,
	.settle = refund_settle,
};
