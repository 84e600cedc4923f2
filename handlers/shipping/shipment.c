/*
 * shipment.c: one parcel and its line of states (Y-SHIP-01, Y-SHIP-U1, decision C9).
 */
#include "base/clock.h"
#include "shipping/shipping.h"

static const char insert_sql[] =
	"INSERT INTO shipments (id, external_id, submission_id, patient_id, kind, pharmacy, carrier, tracking_number, address_enc)"
	" VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, 'fedex'), $8, $9) ON CONFLICT ON CONSTRAINT shipments_once DO NOTHING";
#define COLUMNS \
	"id, external_id, submission_id, patient_id, kind, pharmacy, status, reason, carrier, tracking_number, version, address_enc, label_enc," \
	" pharmacy_id, label_generation, shippo_rate, shippo_transaction, tracking_url, eta"
static const char load_sql[] = "SELECT " COLUMNS " FROM shipments WHERE id = $1";
static const char find_sql[] = "SELECT " COLUMNS " FROM shipments WHERE external_id = $1 AND kind = $2";
static const char move_sql[] =
	"UPDATE shipments SET status = $3, reason = $4, version = version + 1, updated_at = now() WHERE id = $1 AND version = $2";
static const char history_sql[] = "INSERT INTO shipment_history (shipment_id, from_status, to_status) VALUES ($1, $2, $3)";
static const char scans_sql[] = "SELECT at, code, description FROM tracking_events WHERE shipment_id = $1 ORDER BY at, code";

/* The line. A parcel goes to the right only; what stands beside the line has no rank of its own. */
static const char *const line[] = {
	"requested", "label_created", "printed", "packed", "shipped", "in_transit", "out_for_delivery", "delivered", NULL
};

static int
rank_of(const char *status)
{
	for (int i = 0; line[i] != NULL; i++)
		if (strcmp(line[i], status) == 0)
			return i;
	return -1;
}

bool
shipment_may(const char *from, const char *to)
{
	int a = rank_of(from), b = rank_of(to);

	if (a >= 0 && b >= 0)
		return b > a;
	if (strcmp(from, "voiding") == 0)	/* taken back; the carrier may have been faster */
		return strcmp(to, "voided") == 0 || strcmp(to, "manual") == 0 || b >= rank_of("in_transit");
	if (strcmp(to, "voiding") == 0)
		return a >= 0 && a < rank_of("shipped");
	if (strcmp(to, "manual") == 0 || strcmp(to, "voided") == 0)
		return a >= 0 && a < rank_of("in_transit");
	if (strcmp(to, "exception") == 0 || strcmp(to, "returned") == 0)
		return (a >= rank_of("label_created") && a < rank_of("delivered")) || (strcmp(from, "exception") == 0 && strcmp(to, "returned") == 0);
	if (strcmp(from, "exception") == 0)
		return b >= rank_of("in_transit");
	return strcmp(from, "manual") == 0 && b == rank_of("label_created");
}

static void
shipment_from_row(struct shipment *s, const struct row *w)
{
	s->id = row_uuid(w, "id");
	s->external_id = row_uuid(w, "external_id");
	s->submission_id = row_uuid(w, "submission_id");
	s->patient_id = row_uuid(w, "patient_id");
	s->kind = row_str(w, "kind");
	s->pharmacy = row_str(w, "pharmacy");
	s->status = row_str(w, "status");
	s->reason = row_opt_str(w, "reason");
	s->carrier = row_str(w, "carrier");
	s->tracking_number = row_opt_str(w, "tracking_number");
	s->version = row_int(w, "version");
	s->address_enc = row_bytes(w, "address_enc");
	s->label_enc = row_bytes(w, "label_enc");
	s->pharmacy_id = row_uuid(w, "pharmacy_id");
	s->generation = row_int(w, "label_generation");
	s->rate = row_opt_str(w, "shippo_rate");
	s->transaction = row_opt_str(w, "shippo_transaction");
	s->tracking_url = row_opt_str(w, "tracking_url");
	s->eta = row_time(w, "eta");
}

int
shipment_load(struct db *db, struct uuid id, struct shipment *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, load_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such shipment");
	shipment_from_row(ret, w);
	return 0;
}

static int
reply_shipment(struct req *r, int status, const struct shipment *s, bool scans, struct problem *err)
{
	struct rows *rows = NULL;

	if (scans && db_all(r->db, &rows, scans_sql, err, P_UUID(s->id)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, status);
	jw_object(w, NULL);
	jw_uuid(w, "shipmentId", s->id);
	jw_uuid(w, "externalId", s->external_id);
	if (!uuid_is_nil(s->submission_id))
		jw_uuid(w, "submissionId", s->submission_id);
	jw_str(w, "kind", s->kind);
	jw_str(w, "pharmacy", s->pharmacy);
	jw_str(w, "status", s->status);
	jw_opt_str(w, "reason", s->reason);
	jw_str(w, "carrier", s->carrier);
	jw_opt_str(w, "trackingNumber", s->tracking_number);
	jw_opt_str(w, "trackingUrl", s->tracking_url);
	if (scans) {
		jw_array(w, "scans");
		for (size_t i = 0; i < rows_count(rows); i++) {
			const struct row *scan = rows_at(rows, i);

			jw_object(w, NULL);
			jw_time(w, "at", row_time(scan, "at"));
			jw_str(w, "code", row_str(scan, "code"));
			jw_str(w, "description", row_str(scan, "description"));
			jw_end(w);
		}
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

static int
seal_address(struct req *r, struct uuid id, struct bytes *ret, struct problem *err)
{
	json_t *address = req_json(r, "address");
	char *text;

	*ret = (struct bytes){ 0 };
	if (address == NULL)
		return 0;
	text = json_dumps(address, JSON_COMPACT);
	arena_defer(r->arena, free, text);
	return vault_seal(r->db, req_uuid(r, "patientId"), "shipments", "address_enc", id, BYTES_OF(text), ret, err);
}

int
shipment_create(struct req *r, struct problem *err)
{
	const char *kind = req_str(r, "kind");
	bool own = strcmp(kind, "own") == 0;
	struct uuid id = uuid_new();
	struct shipment s;
	struct bytes address;
	const struct row *w;
	int64_t new;

	if (own && req_json(r, "address") == NULL)
		return problem(err, 422, "address_required", "an own parcel needs an address");
	if (!own && !req_has(r, "trackingNumber"))
		return problem(err, 422, "tracking_required", "an external parcel needs its tracking number");
	if (seal_address(r, id, &address, err) < 0)
		return -1;
	req_object(r, "shipments", id);
	new = db_exec(r->db, insert_sql, err, P_UUID(id), P_UUID(req_uuid(r, "externalId")), P_UUID(req_uuid(r, "submissionId")),
	    P_UUID(req_uuid(r, "patientId")), P_TEXT(kind), P_TEXT(req_str(r, "pharmacy")), P_TEXT(req_opt_str(r, "carrier")),
	    P_TEXT(req_opt_str(r, "trackingNumber")), P_BYTES(address));
	if (new < 0 || db_one(r->db, &w, find_sql, err, P_UUID(req_uuid(r, "externalId")), P_TEXT(kind)) < 0)
		return -1;
	shipment_from_row(&s, w);
	if (new > 0 && own && job_enqueue_id(r->db, "label.make", "id", id, err) < 0)
		return -1;
	if (new > 0 && !own) {
		bool moved;

		if (shipment_move(r->db, &s, "shipped", NULL, &moved, err) < 0 || job_enqueue_id(r->db, "parcel.track", "id", id, err) < 0)
			return -1;
	}
	return reply_shipment(r, 202, &s, false, err);
}

int
shipment_reply(struct req *r, int status, const struct shipment *s, struct problem *err)
{
	return reply_shipment(r, status, s, false, err);
}

int
shipment_show(struct req *r, struct problem *err)
{
	struct shipment s;

	if (shipment_load(r->db, req_uuid(r, "id"), &s, err) < 0)
		return -1;
	return reply_shipment(r, 200, &s, true, err);
}

int
shipment_label(struct req *r, struct problem *err)
{
	struct shipment s;
	struct bytes pdf;

	req_object(r, "shipments", req_uuid(r, "id"));
	if (shipment_load(r->db, req_uuid(r, "id"), &s, err) < 0)
		return -1;
	if (s.label_enc.n == 0)
		return problem(err, 404, "no_label", "this parcel has no label of ours");
	if (vault_open(r->db, "shipments", "label_enc", s.id, s.label_enc, &pdf, err) < 0)
		return -1;
	reply_bytes(r, 200, "application/pdf", pdf);
	return 0;
}

/* Staff's two steps: each follows the one before, and repeating one is harmless. */
static int
staff_step(struct req *r, const char *before, const char *status, struct problem *err)
{
	struct shipment s;
	bool moved;

	req_object(r, "shipments", req_uuid(r, "id"));
	if (shipment_load(r->db, req_uuid(r, "id"), &s, err) < 0)
		return -1;
	if (strcmp(s.status, status) != 0) {
		if (strcmp(s.kind, "own") != 0 || strcmp(s.status, before) != 0)
			return problem(err, 409, "illegal_transition", "a parcel that is %s cannot become %s", s.status, status);
		if (shipment_move(r->db, &s, status, NULL, &moved, err) < 0)
			return -1;
		if (strcmp(status, "shipped") == 0 && job_enqueue_id(r->db, "parcel.track", "id", s.id, err) < 0)
			return -1;
	}
	return reply_shipment(r, 200, &s, false, err);
}

int
shipment_packed(struct req *r, struct problem *err)
{
	return staff_step(r, "printed", "packed", err);
}

int
shipment_shipped(struct req *r, struct problem *err)
{
	return staff_step(r, "packed", "shipped", err);
}

static int
tell_patient(struct db *db, const struct shipment *s, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char id[UUID_TEXT];

	uuid_text(s->id, id);
	return job_enqueue(db, &(struct job_spec){ .kind = "parcel.tell", .unique_key = arena_printf(a, "%s:%s", id, s->status),
	    .args = arena_printf(a, "{\"id\":\"%s\",\"status\":\"%s\"}", id, s->status) }, err);
}

static bool
is(const struct shipment *s, const char *status)
{
	return strcmp(s->status, status) == 0;
}

/* A prescription's parcel is told of in the words of prescriptions, in their order. */
static int
tell_prescription(struct db *db, const struct shipment *s, struct problem *err)
{
	bool label = is(s, "label_created"), arrived = is(s, "delivered"), on_way = is(s, "in_transit") || is(s, "out_for_delivery");
	struct buf b = buf_in(db_current_arena(db), 2048);
	struct json_writer w;

	if (!label && !arrived && !on_way && !is(s, "exception") && !is(s, "returned"))
		return 0;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", s->external_id);
	jw_uuid(&w, "patient_id", s->patient_id);
	jw_uuid(&w, "shipment_id", s->id);
	if (label) {
		jw_str(&w, "carrier", s->carrier);
		jw_str(&w, "tracking_number", s->tracking_number);
	} else if (arrived) {
		jw_time(&w, "delivered_at", clock_us());
	} else {
		jw_str(&w, "status", s->status);
	}
	jw_end(&w);
	if (event_publish(db, label ? "shipment.label.created" : arrived ? "shipment.delivered" : "shipment.moved", s->external_id, b.data, err) < 0)
		return -1;
	return on_way || arrived ? tell_patient(db, s, err) : 0;
}

static int
tell(struct db *db, const struct shipment *s, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 4096);
	struct json_writer w;

	if (strcmp(s->kind, "prescription") == 0)
		return tell_prescription(db, s, err);
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "shipmentId", s->id);
	jw_uuid(&w, "externalId", s->external_id);
	jw_uuid(&w, "submissionId", s->submission_id);
	jw_uuid(&w, "patientId", s->patient_id);
	jw_str(&w, "status", s->status);
	jw_str(&w, "carrier", s->carrier);
	jw_opt_str(&w, "trackingNumber", s->tracking_number);
	jw_opt_str(&w, "reason", s->reason);
	jw_end(&w);
	if (event_publish(db, "shipment.updated", s->id, b.data, err) < 0)
		return -1;
	return is(s, "in_transit") || is(s, "delivered") ? tell_patient(db, s, err) : 0;
}

int
shipment_move(struct db *db, struct shipment *s, const char *status, const char *reason, bool *moved, struct problem *err)
{
	char id[UUID_TEXT];
	int64_t rows;

	*moved = false;
	if (!shipment_may(s->status, status))
		return 0;
	rows = db_exec(db, move_sql, err, P_UUID(s->id), P_INT(s->version), P_TEXT(status), P_TEXT(reason));
	if (rows < 0)
		return -1;
	if (rows == 0)
		return problem(err, 409, "serialization", "the shipment moved meanwhile");
	if (db_exec(db, history_sql, err, P_UUID(s->id), P_TEXT(s->status), P_TEXT(status)) < 0 ||
	    audit_add(db, &(struct audit_entry){ .action = "shipment.status", .object = "shipments", .object_id = uuid_text(s->id, id),
	    .reason = reason, .detail = arena_printf(db_current_arena(db), "{\"from\":\"%s\",\"to\":\"%s\"}", s->status, status) }, err) < 0)
		return -1;
	s->status = status;
	s->reason = reason;
	s->version++;
	*moved = true;
	return tell(db, s, err);
}
