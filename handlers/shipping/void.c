/*
 * void.c: a parcel is taken back before it leaves (X-SAGA-02). What has no label yet gets none; a label is voided at FedEx, which refuses
 * once the parcel was tendered. A second cancellation fails there without harm, so a refusal is no answer by itself: where the parcel
 * is, is looked up first, and only a scan of the cancellation proves it.
 */
#include "base/json.h"
#include "shipping/shippo.h"

#define CANCEL_PATH "/ship/v1/shipments/cancel"

static const char lock_sql[] = "SELECT id FROM shipments WHERE id = $1 FOR UPDATE";
static const char drop_sql[] =
	"UPDATE print_queue SET status = 'dropped' WHERE shipment_id = $1 AND status <> 'dropped'";

static bool
is(const struct shipment *s, const char *status)
{
	return strcmp(s->status, status) == 0;
}

static struct bytes
cancel_body(struct arena *a, const struct conf *conf, const struct shipment *s)
{
	struct buf b = buf_in(a, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_object(&w, "accountNumber");
	jw_str(&w, "value", conf_str(conf, "FEDEX_ACCOUNT_NUMBER"));
	jw_end(&w);
	jw_str(&w, "trackingNumber", s->tracking_number);
	jw_str(&w, "deletionControl", "DELETE_ALL_PACKAGES");
	jw_str(&w, "senderCountryCode", "US");
	jw_end(&w);
	return BYTES(b.data, b.len);
}

int
label_cancel(struct db *db, const struct conf *conf, const struct shipment *s, struct problem *err)
{
	return effect_intend(db, &(struct effect_request){ .kind = "fedex.cancel", .subject = s->id, .patient = s->patient_id,
	    .generation = 1, .method = "PUT", .path = CANCEL_PATH, .content_type = "application/json",
	    .body = cancel_body(db_current_arena(db), conf, s) }, err);
}

/* The label is bought, is being bought, or never will be. */
int
parcel_take_back(struct db *db, const struct conf *conf, struct shipment *s, struct problem *err)
{
	bool sent = true, moved, labelled = s->tracking_number != NULL, prescription = strcmp(s->kind, "prescription") == 0;

	if (!labelled && effect_withdraw(db, prescription ? "shippo.buy" : "fedex.ship", s->id, &sent, err) < 0)
		return -1;
	if (db_exec(db, drop_sql, err, P_UUID(s->id)) < 0 || shipment_move(db, s, sent ? "voiding" : "voided", "taken_back", &moved, err) < 0)
		return -1;
	if (!labelled)
		return 0;
	return prescription ? shippo_refund(db, s, err) : label_cancel(db, conf, s, err);
}

int
shipment_void(struct req *r, struct problem *err)
{
	struct shipment s;
	const struct row *w;

	req_object(r, "shipments", req_uuid(r, "id"));
	if (db_one(r->db, &w, lock_sql, err, P_UUID(req_uuid(r, "id"))) < 0 || shipment_load(r->db, req_uuid(r, "id"), &s, err) < 0)
		return -1;
	if (!is(&s, "voiding") && !is(&s, "voided")) {
		if (strcmp(s.kind, "external") == 0 || !shipment_may(s.status, "voiding"))
			return problem(err, 409, "already_shipped", "a parcel that is %s is not taken back", s.status);
		if (parcel_take_back(r->db, r->conf, &s, err) < 0)
			return -1;
	}
	return shipment_reply(r, 202, &s, err);
}

/* ---- the effect */

static enum verdict
judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	struct problem ignored = { 0 };
	const json_t *body = json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);

	if (a->status == 401) {
		fedex_forget_token(j);
		return EFFECT_RETRY;
	}
	if (a->status == 200)
		return json_is_true(json_at(body, "output.cancelledShipment")) ? EFFECT_CONFIRMED : EFFECT_UNCERTAIN;
	e->error_code = json_text_at(body, "errors.0.code");
	return effect_judge_http(a);
}

static enum verdict
look_up(struct job *j, struct effect *e, struct http_answer *a UNUSED)
{
	struct problem err = { 0 };
	struct shipment s;
	const char *code, *status;
	json_t *scans;

	if (job_read(j, &err) < 0 || shipment_load(j->db, e->subject, &s, &err) < 0 || job_read_end(j, &err) < 0 ||
	    (scans = track_scans(j, &s, &err)) == NULL)
		return EFFECT_UNCERTAIN;
	code = json_text_at(json_array_get(scans, 0), "derivedStatusCode");
	status = code == NULL ? "label_created" : track_status(code);
	if (strcmp(status, "voided") == 0)
		return EFFECT_CONFIRMED;
	if (strcmp(status, "label_created") == 0)
		return EFFECT_RETRY;
	e->error_code = "already_tendered";
	return EFFECT_REFUSED;
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	bool confirmed = strcmp(state, "confirmed") == 0, moved;
	struct shipment s;

	if (shipment_load(j->db, e->subject, &s, err) < 0)
		return -1;
	return shipment_move(j->db, &s, confirmed ? "voided" : "manual",
	    confirmed ? NULL : e->error_code == NULL ? "void_refused" : e->error_code, &moved, err);
}

const struct effect_kind fedex_cancel_effect = {
	.name = "fedex.cancel", .unknown = LOOK_UP, .deadline_s = 3600, .dress = fedex_dress, .judge = judge, .look_up = look_up,
	.settle = settle,
};
