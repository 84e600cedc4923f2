/*
 * steps_act.c: the steps that do something. Each only writes down what it wants sent; the engine commits those bytes before it
 * sends them, under a key that the callee repeats by.
 */
#include "orchestrator/orchestrator.h"

static const char payment_sql[] =
	"UPDATE orchestration_runs SET payment_id = $2, payment_status = coalesce(payment_status, $3), updated_at = now()"
	" WHERE id = $1";
static const char router_sql[] =
	"UPDATE orchestration_runs SET router_id = $2, rx_status = coalesce(rx_status, $3), updated_at = now() WHERE id = $1";
static const char shipment_sql[] =
	"UPDATE orchestration_runs SET shipment_id = $2, shipment_status = coalesce(shipment_status, $3), updated_at = now()"
	" WHERE id = $1";

static const char *
text(const json_t *o, const char *path)
{
	const char *s = json_text_at(o, path);

	return s == NULL ? "" : s;
}

static int
uuid_member(const json_t *reply, const char *name, struct uuid *ret, struct problem *err)
{
	const char *s = json_text_at(reply, name);

	if (s == NULL || uuid_parse(s, ret) < 0)
		return problem(err, 502, "bad_reply", "the answer names no %s", name);
	return 0;
}

void
step_ask(struct saga_call *call, const char *service, const char *method, const char *path, const char *body)
{
	call->service = service;
	call->method = method;
	call->path = path;
	call->body = body;
}

/* ---- 5a authorise */

bool
step_held(const struct run *run)
{
	return strcmp(run->money_order, "hold_first") == 0;
}

/* Before the prescription goes out, or while the pharmacy holds it (rule M6): one of the two steps, never both. */
static int
authorise(struct saga *s, struct saga_call *call, bool held, struct problem *err)
{
	struct buf b = buf_in(s->arena, 2048);
	struct json_writer w;
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	if (step_held(&run) != held)
		return 0;
	if (record_begin(s, "authorise", err) < 0)
		return -1;
	run_event(&w, &b, &run);
	jw_str(&w, "setupIntentId", saga_str(s, "setupIntentId"));
	jw_int(&w, "amountCents", run.amount_cents);
	jw_str(&w, "currency", run.currency);
	jw_str(&w, "purpose", "visit");
	jw_end(&w);
	step_ask(call, "billing", "POST", "/billing/payments", b.data);
	return 0;
}

int
authorise_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	return authorise(s, call, false, err);
}

int
authorise_held_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	return authorise(s, call, true, err);
}

int
authorise_take(struct saga *s, const json_t *reply, struct problem *err)
{
	struct uuid payment;
	char id[UUID_TEXT];

	if (uuid_member(reply, "paymentId", &payment, err) < 0 ||
	    db_exec(s->db, payment_sql, err, P_UUID(s->subject), P_UUID(payment), P_TEXT(text(reply, "status"))) < 0)
		return -1;
	saga_put(s, "paymentId", json_string(uuid_text(payment, id)));
	return record_result(s, "authorise", arena_printf(s->arena, "{\"paymentId\":\"%s\"}", id), err);
}

int
payment_poll(struct saga *s, struct saga_call *call, struct problem *err UNUSED)
{
	step_ask(call, "billing", "GET", arena_printf(s->arena, "/billing/payments/%s", saga_str(s, "paymentId")), NULL);
	return 0;
}

int
authorise_polled(struct saga *s, const json_t *reply, struct problem *err)
{
	return outcome_payment(s->db, s->subject, text(reply, "status"), json_text_at(reply, "code"), err);
}

/* ---- 5b submit_rx */

static void
write_list(struct json_writer *w, const char *key, const json_t *list, const char *first, const char *second)
{
	size_t i;
	json_t *item;

	jw_array(w, key);
	json_array_foreach(list, i, item) {
		jw_object(w, NULL);
		jw_str(w, first, text(item, first));
		jw_opt_str(w, second, json_text_at(item, second));
		jw_end(w);
	}
	jw_end(w);
}

static void
write_address(struct json_writer *w, const json_t *a)
{
	jw_str(w, "line1", text(a, "line1"));
	jw_opt_str(w, "line2", json_text_at(a, "line2"));
	jw_str(w, "city", text(a, "city"));
	jw_str(w, "state", text(a, "state"));
	jw_str(w, "zip", text(a, "zip"));
}

static void
write_patient(struct json_writer *w, const json_t *p)
{
	jw_object(w, "patient");
	jw_str(w, "firstName", text(p, "firstName"));
	jw_str(w, "lastName", text(p, "lastName"));
	jw_str(w, "birthDate", text(p, "birthDate"));
	jw_str(w, "sex", text(p, "sex"));
	jw_opt_str(w, "email", json_text_at(p, "email"));
	jw_str(w, "phone", text(p, "phone"));
	jw_object(w, "address");
	write_address(w, json_object_get(p, "address"));
	jw_end(w);
	write_list(w, "allergies", json_object_get(p, "allergies"), "substance", "reaction");
	write_list(w, "medications", json_object_get(p, "medications"), "name", "dose");
	write_list(w, "conditions", json_object_get(p, "history"), "code", "display");
	jw_end(w);
}

static void
write_medication(struct json_writer *w, const struct saga *s, const struct run *run)
{
	jw_object(w, "medication");
	jw_str(w, "name", run->medication);
	jw_str(w, "dosage", run->dosage);
	jw_str(w, "sku", saga_str(s, "sku"));
	jw_str(w, "ndc", saga_str(s, "ndc"));
	jw_int(w, "quantity", saga_int(s, "quantity"));
	jw_int(w, "daysSupply", saga_int(s, "supplyDays"));
	jw_int(w, "refills", saga_int(s, "refills"));
	jw_str(w, "directions", saga_str(s, "directions"));
	jw_end(w);
}

int
submit_rx_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct buf b = buf_in(s->arena, 128 * 1024);
	struct json_writer w;
	json_t *patient;
	struct run run;

	if (record_begin(s, "submit_rx", err) < 0 || step_run(s, &run, err) < 0 || (patient = step_patient(s, &run, err)) == NULL)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "externalId", run.id);
	jw_uuid(&w, "submissionId", run.submission_id);
	jw_uuid(&w, "patientId", run.patient_id);
	jw_str(&w, "pharmacy", run.pharmacy);
	write_patient(&w, patient);
	jw_raw(&w, "prescriber", run.prescriber);
	write_medication(&w, s, &run);
	jw_str(&w, "callbackUrl", "/api/pharmacy/callback");
	if (step_held(&run))
		jw_bool(&w, "hold", true);
	jw_end(&w);
	if (b.failed)
		return problem(err, 422, "prescription_too_long", "the prescription exceeds %zu bytes", b.max);
	step_ask(call, "router", "POST", "/rx/prescriptions/submit", b.data);
	call->patient = run.patient_id;
	return sync_log(s->db, &run, &(struct sync_entry){ .system = run.pharmacy, .direction = "out", .action = "submit",
	    .outcome = "attempted" }, err);
}

int
submit_rx_take(struct saga *s, const json_t *reply, struct problem *err)
{
	struct uuid router;
	struct run run;
	char id[UUID_TEXT];

	if (uuid_member(reply, "routerSubmissionId", &router, err) < 0 || step_run(s, &run, err) < 0 ||
	    db_exec(s->db, router_sql, err, P_UUID(run.id), P_UUID(router), P_TEXT(text(reply, "status"))) < 0 ||
	    sync_log(s->db, &run, &(struct sync_entry){ .system = run.pharmacy, .direction = "out", .action = "submit",
	    .outcome = "queued", .external_id = uuid_text(router, id) }, err) < 0)
		return -1;
	return record_result(s, "submit_rx", arena_printf(s->arena, "{\"routerSubmissionId\":\"%s\"}", uuid_text(router, id)), err);
}

int
submit_rx_poll(struct saga *s, struct saga_call *call, struct problem *err UNUSED)
{
	char id[UUID_TEXT];

	step_ask(call, "router", "GET", arena_printf(s->arena, "/rx/prescriptions?externalId=%s", uuid_text(s->subject, id)), NULL);
	return 0;
}

int
submit_rx_polled(struct saga *s, const json_t *reply, struct problem *err)
{
	return outcome_rx(s->db, s->subject, text(reply, "status"), json_text_at(reply, "reason"), err);
}

/* ---- the note beside it */

int
hp_note_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct buf b = buf_in(s->arena, 128 * 1024);
	const char *canvas;
	struct json_writer w;
	json_t *patient, *prescriber;
	struct run run;

	if (record_begin(s, "hp_note", err) < 0 || step_run(s, &run, err) < 0 || (patient = step_patient(s, &run, err)) == NULL ||
	    mapping_find(s->db, run.patient_id, "canvas", &canvas, err) < 0)
		return -1;
	if (canvas == NULL)
		return problem(err, 409, "patient_not_charted", "the patient is not in the EHR");
	prescriber = json_read(s->arena, run.prescriber, strlen(run.prescriber), err);
	if (prescriber == NULL)
		return -1;
	run_event(&w, &b, &run);
	jw_str(&w, "canvasPatientId", canvas);
	jw_str(&w, "practitionerName", text(prescriber, "name"));
	jw_str(&w, "text", hp_note_text(s->arena, &run, patient));
	jw_end(&w);
	step_ask(call, "integration", "POST", "/api/ehr/notes", b.data);
	call->patient = run.patient_id;
	return sync_log(s->db, &run, &(struct sync_entry){ .system = "canvas", .direction = "out", .action = "note",
	    .outcome = "attempted", .external_id = canvas }, err);
}

/* ---- 6 charge */

int
charge_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;

	if (record_begin(s, "charge", err) < 0 || step_run(s, &run, err) < 0)
		return -1;
	step_ask(call, "billing", "POST", arena_printf(s->arena, "/billing/payments/%s/capture", saga_str(s, "paymentId")), NULL);
	return 0;
}

int
charge_polled(struct saga *s, const json_t *reply, struct problem *err)
{
	return outcome_payment(s->db, s->subject, text(reply, "status"), json_text_at(reply, "code"), err);
}

/* ---- what the pharmacy held is paid: it may dispense */

int
release_rx_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;
	char id[UUID_TEXT];

	if (step_run(s, &run, err) < 0)
		return -1;
	if (step_held(&run))
		step_ask(call, "router", "POST",
		    arena_printf(s->arena, "/rx/prescriptions/%s/release", uuid_text(run.router_id, id)), NULL);
	return 0;
}

/* ---- 7 notify */

static int
notify(struct saga *s, struct saga_call *call, const char *type, struct problem *err)
{
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	step_ask(call, "notify", "POST", "/notify/send", notice_body(s->arena, &run, type));
	return 0;
}

int
notify_approved_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	return record_begin(s, "notify", err) < 0 ? -1 : notify(s, call, "prescription_approved", err);
}

int
notify_charged_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	return notify(s, call, "payment_charged", err);
}

/* ---- 8 create_shipment: a pharmacy that ships itself needs none */

int
create_shipment_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct buf b = buf_in(s->arena, 4096);
	struct json_writer w;
	json_t *patient;
	struct run run;

	if (record_begin(s, "create_shipment", err) < 0 || step_run(s, &run, err) < 0)
		return -1;
	if (!run.own_shipping)
		return 0;
	if ((patient = step_patient(s, &run, err)) == NULL)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "externalId", run.id);
	jw_uuid(&w, "submissionId", run.submission_id);
	jw_uuid(&w, "patientId", run.patient_id);
	jw_str(&w, "kind", "own");
	jw_str(&w, "pharmacy", run.pharmacy);
	jw_object(&w, "address");
	jw_str(&w, "name", arena_printf(s->arena, "%s %s", text(patient, "firstName"), text(patient, "lastName")));
	jw_str(&w, "phone", text(patient, "phone"));
	write_address(&w, json_object_get(patient, "address"));
	jw_end(&w);
	jw_end(&w);
	step_ask(call, "shipping", "POST", "/shipping/shipments", b.data);
	call->patient = run.patient_id;
	return 0;
}

int
create_shipment_take(struct saga *s, const json_t *reply, struct problem *err)
{
	struct uuid shipment;
	char id[UUID_TEXT];

	if (uuid_member(reply, "shipmentId", &shipment, err) < 0 ||
	    db_exec(s->db, shipment_sql, err, P_UUID(s->subject), P_UUID(shipment), P_TEXT(text(reply, "status"))) < 0)
		return -1;
	return record_result(s, "create_shipment", arena_printf(s->arena, "{\"shipmentId\":\"%s\"}", uuid_text(shipment, id)), err);
}

/* ---- 9 schedule_refills */

int
schedule_refills_do(struct saga *s, struct problem *err)
{
	const char *next;
	struct run run;

	if (record_begin(s, "schedule_refills", err) < 0 || step_run(s, &run, err) < 0 ||
	    refill_schedule(s->db, &run, saga_int(s, "supplyDays"), saga_int(s, "refills"), &next, err) < 0)
		return -1;
	if (next == NULL)
		return 0;
	return record_result(s, "schedule_refills", arena_printf(s->arena, "{\"nextDate\":\"%s\",\"remaining\":%" PRId64 "}", next,
	    saga_int(s, "refills")), err);
}
