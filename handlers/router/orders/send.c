/*
 * send.c: an order goes to its pharmacy. The prescription is asked for when it is sent, and not before, so that what a correction changed is sent too;
 * then it is a submission like any other. A controlled substance goes to staff, as no adapter here is certified to carry one (X-RX-04).
 */
#include "base/decimal.h"
#include "data/attention.h"
#include "router/orders/orders.h"

static const char bind_sql[] = "UPDATE orders SET router_submission_id = $2, patient_id = $3, pharmacy = $4, updated_at = now() WHERE id = $1";
static const char patient_sql[] = "UPDATE orders SET patient_id = $2 WHERE id = $1";
static const char own_sql[] = "SELECT own_shipping FROM router_pharmacy_config WHERE code = $1";

/* ---- what is sent */

static void
copy(struct json_writer *w, const char *to, const json_t *from, const char *member)
{
	const char *s = json_text_at(from, member);

	if (s != NULL)
		jw_str(w, to, s);
}

static void
write_patient(struct json_writer *w, const json_t *p)
{
	static const char *const members[] = { "firstName", "lastName", "birthDate", "email", "phone" };
	static const char *const address[] = { "line1", "line2", "city", "state", "zip" };
	const char *gender = json_text_at(p, "gender");

	jw_object(w, "patient");
	if (gender != NULL && (*gender == 'F' || *gender == 'M'))
		jw_str(w, "sex", *gender == 'F' ? "female" : "male");
	for (size_t i = 0; i < COUNT(members); i++)
		copy(w, members[i], p, members[i]);
	jw_object(w, "address");
	for (size_t i = 0; i < COUNT(address); i++)
		copy(w, address[i], json_object_get(p, "address"), address[i]);
	jw_end(w);
	jw_end(w);
}

/* As /rx/prescriptions/submit takes it: the adapters know no other. */
static struct bytes
payload_text(struct arena *a, const json_t *rx)
{
	const json_t *drug = json_object_get(rx, "medication");
	int64_t quantity = submission_quantity(rx);
	char number[DECIMAL_TEXT];
	struct buf b = buf_in(a, (size_t)64 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	write_patient(&w, json_object_get(rx, "patient"));
	jw_object(&w, "prescriber");
	copy(&w, "npi", json_object_get(rx, "prescriber"), "npi");
	copy(&w, "name", json_object_get(rx, "prescriber"), "name");
	jw_end(&w);
	jw_object(&w, "medication");
	copy(&w, "name", drug, "drug_name");
	copy(&w, "dosage", drug, "drug_description");
	copy(&w, "sku", drug, "ndc");
	copy(&w, "ndc", drug, "ndc");
	jw_str(&w, "quantity", quantity_text(quantity, number));
	jw_int(&w, "daysSupply", json_int_at(drug, "days_supply", 30));
	jw_int(&w, "refills", json_int_at(drug, "refills", 0));
	copy(&w, "directions", drug, "sig");
	jw_end(&w);
	jw_end(&w);
	return BYTES(b.data, b.len);
}

/* Why it cannot be sent; NULL: it can. */
static const char *
obstacle(struct arena *a, const json_t *rx)
{
	static const char *const ends[] = { "cancelled", "cancel_pending", "denied", "completed" };
	const char *schedule = json_text_at(rx, "medication.schedule"), *status = json_text_at(rx, "status");
	int64_t quantity;

	for (size_t i = 0; status != NULL && i < COUNT(ends); i++)
		if (strcmp(status, ends[i]) == 0)
			return arena_printf(a, "prescription_%s", status);
	if (schedule != NULL && strcmp(schedule, "none") != 0)
		return "controlled_needs_epcs";
	if (quantity_of(json_at(rx, "medication.quantity"), &quantity) < 0)
		return "quantity_unreadable";
	if (json_text_at(rx, "medication.ndc") == NULL)
		return "drug_unknown";
	return json_text_at(rx, "patient.address.state") == NULL ? "address_missing" : NULL;
}

/* ---- sending */

static int
fail_order(struct db *db, struct order *o, const char *reason, struct problem *err)
{
	char id[UUID_TEXT], rx[UUID_TEXT];

	if (order_move(db, o, "failed", reason, NULL, err) < 0)
		return -1;
	return attention_raise(db, &(struct attention){ .kind = "order.failed", .subject = uuid_text(o->id, id), .code = reason, .patient = o->patient,
	    .detail = arena_printf(db_current_arena(db), "{\"prescription_id\":\"%s\"}", uuid_text(o->prescription, rx)) }, err);
}

/* The pharmacy asked for, else the state's; *reason: why there is none. */
static int
pharmacy_of(struct job *j, const struct order *o, const json_t *rx, const char **code, const char **reason, struct problem *err)
{
	struct problem none = { 0 };
	const struct row *w;

	*reason = NULL;
	*code = o->pharmacy;
	if (*code != NULL)
		return 0;
	if (choice_make(j->db, j->conf, json_text_at(rx, "patient.address.state"), "yourera", &w, &none) == 0) {
		*code = row_str(w, "code");
		return 0;
	}
	if (none.status != 422) {
		*err = none;
		return -1;
	}
	*reason = arena_dup(j->arena, none.code);
	return 0;
}

/* The prescription hears that it is on its way to a pharmacy. */
static int
tell_queued(struct job *j, struct uuid id, struct problem *err)
{
	struct submission s;

	return submission_load(j->db, id, &s, err) < 0 ? -1 : submission_tell(j->db, &s, &(struct submission_news){ .status = "queued" }, err);
}

static int
submit(struct job *j, struct order *o, const json_t *rx, struct problem *err)
{
	struct submission_request q = { .id = uuid_is_nil(o->submission) ? uuid_new() : o->submission, .caller = ORDER_CALLER,
		.external_id = o->prescription, .submission_id = uuid_is_nil(o->case_id) ? o->prescription : o->case_id, .patient_id = o->patient,
		.payload = payload_text(j->arena, rx) };
	const char *reason;
	bool made;

	if (!uuid_is_nil(o->submission))
		return submission_again(j->db, &q, err) < 0 ? -1 : tell_queued(j, q.id, err);
	if (pharmacy_of(j, o, rx, &q.pharmacy, &reason, err) < 0)
		return -1;
	if (reason != NULL)
		return fail_order(j->db, o, reason, err);
	if (submission_put(j->db, &q, &made, err) < 0)
		return -1;
	if (!made)
		return fail_order(j->db, o, "unknown_pharmacy", err);
	return db_exec(j->db, bind_sql, err, P_UUID(o->id), P_UUID(q.id), P_UUID(o->patient), P_TEXT(q.pharmacy)) < 0 ?
	    -1 : tell_queued(j, q.id, err);
}

/* The prescription as its owner has it; NULL body: it has none of that id. */
static int
ask(struct job *j, const struct order *o, struct peer_reply *ret, struct problem *err)
{
	char id[UUID_TEXT];

	if (job_ask(j, &(struct peer_call){ .service = "prescription", .method = "GET",
	    .path = arena_printf(j->arena, "/prescriptions/%s/details", uuid_text(o->prescription, id)) }, ret, err) < 0) {
		if (err->status != 404)
			return -1;
		problem_clear(err);
		ret->body = NULL;
	}
	return 0;
}

int
order_send_job(struct job *j, struct problem *err)
{
	struct peer_reply reply;
	struct uuid patient = UUID_NIL;
	const char *reason;
	struct order o;

	if (job_read(j, err) < 0 || order_read(j->db, job_uuid(j, "id"), &o, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	if (strcmp(o.status, "submitted") != 0)
		return 0;
	if (ask(j, &o, &reply, err) < 0)
		return -1;
	if (reply.body != NULL && uuid_parse(json_text_at(reply.body, "patientId"), &patient) < 0)
		return problem(err, 502, "peer_unclear", "prescription answers without a patient");
	if (job_begin(j, err) < 0 || order_load(j->db, o.id, &o, err) < 0)
		return -1;
	if (strcmp(o.status, "submitted") != 0)
		return job_end(j, err);
	o.patient = patient;
	reason = reply.body == NULL ? "prescription_unknown" : obstacle(j->arena, reply.body);
	if (db_exec(j->db, patient_sql, err, P_UUID(o.id), P_OPT_UUID(patient)) < 0 ||
	    (reason != NULL ? fail_order(j->db, &o, reason, err) : submit(j, &o, reply.body, err)) < 0)
		return -1;
	return job_end(j, err);
}

/* ---- a parcel from our own shelf; a pharmacy that ships itself tells of its parcel (callback.c) */

static const char *
parcel_text(struct job *j, const struct submission *s, const json_t *patient)
{
	static const char *const address[] = { "line1", "line2", "city", "state", "zip" };
	struct buf b = buf_in(j->arena, 8192);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "externalId", s->external_id);
	jw_uuid(&w, "submissionId", s->submission_id);
	jw_uuid(&w, "patientId", s->patient_id);
	jw_str(&w, "kind", "own");
	jw_str(&w, "pharmacy", s->pharmacy);
	jw_object(&w, "address");
	jw_str(&w, "name", arena_printf(j->arena, "%s %s", json_text_at(patient, "firstName"), json_text_at(patient, "lastName")));
	copy(&w, "phone", patient, "phone");
	for (size_t i = 0; i < COUNT(address); i++)
		copy(&w, address[i], json_object_get(patient, "address"), address[i]);
	jw_end(&w);
	jw_end(&w);
	return buf_str(&b);
}

int
order_parcel_job(struct job *j, struct problem *err)
{
	const struct row *own;
	struct submission s;
	struct order o;
	json_t *payload;
	char id[UUID_TEXT];

	if (job_read(j, err) < 0 || order_read(j->db, job_uuid(j, "id"), &o, err) < 0 || submission_load(j->db, o.submission, &s, err) < 0 ||
	    db_one(j->db, &own, own_sql, err, P_TEXT(s.pharmacy)) < 0 || (payload = submission_payload(j->db, &s, err)) == NULL || job_read_end(j, err) < 0)
		return -1;
	if (own == NULL || !row_bool(own, "own_shipping") || strcmp(s.status, "accepted") != 0)
		return 0;
	return job_ask(j, &(struct peer_call){ .service = "shipping", .method = "POST", .path = "/shipping/shipments",
	    .key = arena_printf(j->arena, "order:%s", uuid_text(o.id, id)), .body = parcel_text(j, &s, json_object_get(payload, "patient")) }, NULL, err);
}
