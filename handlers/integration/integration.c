/*
 * integration.c: the table of the integration service: the gateway of the portals, the EHR's only client, the keeper of the intake snapshots.
 * Called by intake, orchestrator, router and administrators. Writes patient_records, ehr_cases, ehr_entries, pharmacy_updates, patient_shipments.
 * Consumes prescription.decided, shipment.updated, orchestration.finished; publishes ehr.patient.created, ehr.task.created, ehr.note.created, ehr.note.amended.
 */
#include "integration/integration.h"
#include "integration/webhook_out.h"

static const char *const actions[] = { "approve", "deny", NULL };

static const struct field patient_body[] = {
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "patientId", UUID, .required = true, .says = "minted by intake" },
	{ "state", STATE, .required = true, .says = "attested state" },
	{ "intakeType", STRING, .required = true, .max = 40, .says = "glp1, nad, microdose", .example = "glp1" },
	{ "patient", OBJECT, .required = true, .of = form_fields, .says = "the form as submitted" },
	{ "submittedAt", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field task_body[] = {
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "canvasPatientId", STRING, .required = true, .max = 64, .says = "as ehr.patient.created told it",
	    .example = "9713f5a3c8464a2587912e80bc2dd938" },
	{ 0 }
};
static const struct field note_body[] = {
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "canvasPatientId", STRING, .max = 64, .says = "at Canvas", .example = "9713f5a3c8464a2587912e80bc2dd938" },
	{ "runId", UUID, .required = true, .says = "the orchestration run; one note per run" },
	{ "practitionerName", STRING, .required = true, .max = 120, .says = "who approved" },
	{ "text", STRING, .required = true, .min = 1, .max = 20000, .says = "the note" },
	{ 0 }
};
static const struct field amend_body[] = {
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "runId", UUID, .required = true, .says = "the run whose note does not hold any more; one amendment per run" },
	{ 0 }
};
static const struct field queued_reply[] = { { "status", STRING, .required = true, .says = "queued" }, { 0 } };

static const struct field tasks_query[] = {
	{ "practitionerId", UUID, .says = "only what is in this physician's queue" },
	{ "status", STRING, .max = 20, .says = "review, approved, denied, finished" },
	{ "submissionId", UUID, .says = "only this case's" },
	{ 0 }
};
static const struct field task_fields[] = {
	{ "taskId", STRING, .required = true, .says = "Canvas Task", .example = "7d4b9f0a2c" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "state", STATE, .required = true, .says = "the patient's state" },
	{ "intakeType", STRING, .required = true, .says = "what was asked for", .example = "glp1" },
	{ "status", STRING, .required = true, .says = "review, approved, denied, finished" },
	{ "authoredOn", TIME, .required = true, .says = "when the case arrived" },
	{ 0 }
};
static const struct field tasks_reply[] = {
	{ "tasks", ARRAY, .required = true, .max = 100, .of = task_fields, .says = "newest first" },
	{ 0 }
};
static const struct field task_param[] = { { "taskId", STRING, .required = true, .max = 64, .says = "Canvas Task id" }, { 0 } };
static const struct field dosage_fields[] = {
	{ "dosage", STRING, .required = true, .says = "strength", .example = "0.25 mg" },
	{ "priceCents", INTEGER, .required = true, .says = "price" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ 0 }
};
static const struct field option_fields[] = {
	{ "medication", STRING, .required = true, .says = "drug", .example = "Semaglutide" },
	{ "dosages", ARRAY, .required = true, .max = 50, .of = dosage_fields, .says = "weakest first" },
	{ 0 }
};
static const struct field claimant_fields[] = {
	{ "physicianId", UUID, .required = true, .says = "may claim" },
	{ "name", STRING, .required = true, .says = "as on a prescription" },
	{ "npi", STRING, .required = true, .says = "National Provider Identifier", .example = "1234567893" },
	{ 0 }
};
static const struct field package_reply[] = {
	{ "taskId", STRING, .required = true, .says = "Canvas Task", .example = "7d4b9f0a2c" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "status", STRING, .required = true, .says = "review, approved, denied, finished" },
	{ "intakeType", STRING, .required = true, .says = "what was asked for", .example = "glp1" },
	{ "demographics", OBJECT, .required = true, .of = demographics_fields, .says = "who the patient is" },
	{ "answers", ARRAY, .required = true, .max = 200, .of = form_answer_fields, .says = "the questionnaire" },
	{ "conditions", ARRAY, .required = true, .max = 50, .of = form_history_fields, .says = "history" },
	{ "medications", ARRAY, .required = true, .max = 50, .of = form_medication_fields, .says = "current medications" },
	{ "allergies", ARRAY, .required = true, .max = 50, .of = form_allergy_fields, .says = "allergies" },
	{ "observations", OBJECT, .required = true, .of = form_vitals_fields, .says = "vitals" },
	{ "practitioners", ARRAY, .required = true, .max = 1000, .of = claimant_fields, .says = "who may claim" },
	{ "dosageOptions", ARRAY, .required = true, .max = 200, .of = option_fields, .says = "what may be prescribed, with prices in cents" },
	{ "assignment", ANY, .required = true, .says = "who claimed it, as GET /route/assignments shows it" },
	{ 0 }
};
static const struct field practitioner_fields[] = {
	{ "id", STRING, .required = true, .says = "Canvas Practitioner" },
	{ "name", STRING, .required = true, .says = "name" },
	{ "npi", STRING, .says = "NPI", .example = "1234567893" },
	{ 0 }
};
static const struct field practitioners_reply[] = {
	{ "practitioners", ARRAY, .required = true, .max = 100, .of = practitioner_fields, .says = "active ones" },
	{ 0 }
};
static const struct field action_body[] = {
	{ "taskId", STRING, .required = true, .max = 64, .says = "Canvas Task", .example = "7d4b9f0a2c" },
	{ "action", ENUM, .required = true, .values = actions, .says = "the decision" },
	{ "practitionerId", UUID, .says = "the physician who claimed; 409 without" },
	{ "medication", STRING, .max = 120, .says = "approve: what", .example = "Semaglutide" },
	{ "dosage", STRING, .max = 120, .says = "approve: how much", .example = "0.25 mg" },
	{ "reason", STRING, .min = 1, .max = 500, .says = "deny: why, in words for the patient", .example = "blood pressure" },
	{ 0 }
};
static const struct field action_fields[] = {
	{ "runId", UUID, .required = true, .says = "read it at /orchestrator/runs/:id" },
	{ "status", STRING, .required = true, .says = "of the run, so far" },
	{ 0 }
};
static const struct field callback_body[] = {
	{ "eventId", STRING, .required = true, .max = 120, .says = "makes it once" },
	{ "submissionId", UUID, .required = true, .says = "the router's submission" },
	{ "externalId", UUID, .required = true, .says = "the run" },
	{ "status", STRING, .required = true, .max = 40, .says = "accepted, rejected, shipped, …" },
	{ "trackingNumber", STRING, .max = 60, .says = "once shipped", .example = "794644790138" },
	{ "trackingUrl", STRING, .max = 300, .says = "once shipped", .example = "https://www.example.com/track/794644790138" },
	{ 0 }
};
static const struct field callback_reply[] = { { "duplicate", BOOLEAN, .required = true, .says = "this eventId was here before" }, { 0 } };
static const struct field record_reply[] = {
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "state", STATE, .required = true, .says = "attested state" },
	{ "intakeType", STRING, .required = true, .says = "what was asked for", .example = "glp1" },
	{ "submittedAt", TIME, .required = true, .says = "when" },
	{ "record", OBJECT, .required = true, .of = form_fields, .says = "the form, as submitted" },
	{ 0 }
};
static const struct field parcel_fields[] = {
	{ "shipmentId", UUID, .required = true, .says = "the parcel" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "status", STRING, .required = true, .says = "where it is" },
	{ "carrier", STRING, .required = true, .says = "who carries it", .example = "fedex" },
	{ "trackingNumber", STRING, .says = "once known", .example = "794644790138" },
	{ "updatedAt", TIME, .required = true, .says = "last news" },
	{ 0 }
};
static const struct field parcels_reply[] = {
	{ "shipments", ARRAY, .required = true, .max = 100, .of = parcel_fields, .says = "newest first" },
	{ 0 }
};

static const struct route routes[] = {
	{ "POST", "/api/ehr/patients", ehr_patient, .access = SERVICE, .callers = "intake", .db = WRITE, .once = KEY, .audit = "ehr.patient",
	    .body = patient_body, .reply = queued_reply, .status = 202, .says = "keeps the snapshot and charts the patient" },
	{ "POST", "/api/ehr/tasks", ehr_task, .access = SERVICE, .callers = "intake", .db = WRITE, .once = KEY, .audit = "ehr.task",
	    .body = task_body, .reply = queued_reply, .status = 202,
	    .problems = "404 not_found, 409 not_charted",
	    .says = "opens the Rx Review task" },
	{ "POST", "/api/ehr/notes", ehr_note, .access = SERVICE, .callers = "orchestrator", .db = WRITE, .once = KEY, .audit = "ehr.note",
	    .body = note_body, .reply = queued_reply, .status = 202,
	    .problems = "404 not_found, 409 not_charted",
	    .says = "files the H&P note" },
	{ "POST", "/api/ehr/notes/amend", ehr_note_amend, .access = SERVICE, .callers = "orchestrator", .db = WRITE, .once = KEY,
	    .audit = "ehr.amend", .body = amend_body, .reply = queued_reply, .status = 202,
	    .problems = "404 not_found, 409 not_charted",
	    .says = "says in the chart that a prescription was withdrawn" },
	{ "GET", "/api/tasks", tasks_list, .access = ADMIN, .db = READ, .ask = tasks_ask, .query = tasks_query, .reply = tasks_reply,
	    .says = "review tasks" },
	{ "GET", "/api/rx-queue/practitioners", practitioners_list, .access = ADMIN, .db = NONE, .ask = practitioners_ask, .synchronous = "canvas",
	    .reply = practitioners_reply, .says = "active practitioners at Canvas" },
	{ "GET", "/api/rx-queue/:taskId", package_show, .access = ADMIN, .db = READ_AUDITED, .audit = "phi.package", .ask = package_ask,
	    .params = task_param, .reply = package_reply, .says = "the H&P package of a case" },
	{ "POST", "/api/task-action", action_reply, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "task.action", .ask = action_ask,
	    .body = action_body, .reply = action_fields, .status = 202,
	    .problems = "404 not_found, 409 claimant_required assignment_not_claimed not_the_claimant already_decided "
		"hold_missing hold_not_active, 422 reason_required dosage_required "
		"currency_mismatch price_above_consent, 503 case_not_here_yet",
	    .says = "approves or denies" },
	{ "POST", "/api/pharmacy/callback", pharmacy_callback, .access = SERVICE, .callers = "router", .db = WRITE, .once = NATURAL,
	    .audit = "pharmacy.callback", .body = callback_body, .reply = callback_reply, .says = "a prescription moved at its pharmacy" },
	{ "GET", "/api/patient-records/:patientId", record_show, .access = ADMIN, .db = READ_AUDITED, .audit = "phi.record",
	    .reply = record_reply, .says = "the immutable snapshot" },
	{ "GET", "/api/patient-shipments/:patientId", shipments_list, .access = ADMIN, .db = READ, .reply = parcels_reply, .says = "the patient's parcels" },
	{ "POST", "/api/webhook-subscriptions", subscription_create, .access = ADMIN, .db = WRITE, .once = KEY, .audit = "webhook.subscribe",
	    .body = subscription_body, .reply = subscription_made, .status = 201, .problems = "422 unknown_topic bad_url",
	    .says = "posts what happens to an address, signed as Standard Webhooks" },
	{ "GET", "/api/webhook-subscriptions", subscriptions_list, .access = ADMIN, .db = READ, .reply = subscriptions_reply, .says = "who hears of what" },
	{ "POST", "/api/webhook-subscriptions/:subscriptionId/disable", subscription_disable, .access = ADMIN, .db = WRITE, .once = NATURAL,
	    .audit = "webhook.disable", .params = subscription_param, .body = subscription_disable_body, .reply = subscription_state,
	    .problems = "404 not_found", .says = "posts nothing more there" },
	{ "POST", "/api/webhook-subscriptions/:subscriptionId/enable", subscription_enable, .access = ADMIN, .db = WRITE, .once = NATURAL,
	    .audit = "webhook.enable", .params = subscription_param, .reply = subscription_state, .problems = "404 not_found",
	    .says = "posts there again; replay brings what was missed" },
	{ "POST", "/api/webhook-subscriptions/:subscriptionId/test", subscription_test, .access = ADMIN, .db = WRITE, .once = KEY,
	    .audit = "webhook.test", .params = subscription_param, .reply = subscription_count, .status = 202, .problems = "404 not_found, 409 disabled",
	    .says = "posts a message of type webhook.test" },
	{ "POST", "/api/webhook-subscriptions/:subscriptionId/replay", subscription_replay, .access = ADMIN, .db = WRITE, .once = NATURAL,
	    .audit = "webhook.replay", .params = subscription_param, .body = subscription_replay_body, .reply = subscription_count, .status = 202,
	    .problems = "404 not_found, 409 disabled", .says = "posts again what was not taken, or all, under the same ids" },
	{ "GET", "/api/webhook-subscriptions/:subscriptionId/deliveries", subscription_deliveries, .access = ADMIN, .db = READ,
	    .params = subscription_param, .query = deliveries_query, .reply = deliveries_reply, .problems = "404 not_found",
	    .says = "what was posted there, and how it went" },
	WEBHOOK_ROUTE("/api/webhooks/canvas", "canvas", "our plugin at Canvas: ids of what changed"),
};

static const struct job_row jobs[] = {
	{ "canvas.patient", effect_job, .queue = "canvas", .says = "creates the Canvas Patient" },
	{ "canvas.entry", effect_job, .queue = "canvas", .says = "creates a chart entry" },
	{ "canvas.task", effect_job, .queue = "canvas", .says = "creates the Rx Review Task" },
	{ "canvas.note", effect_job, .queue = "canvas", .says = "files the H&P note" },
	{ "canvas.task_reopen", effect_job, .queue = "canvas", .says = "opens the Task again" },
	{ "canvas.task_close", effect_job, .queue = "canvas", .says = "closes the Task" },
	{ "webhook.out", webhook_out_job, .queue = "webhook_out", .attempts = 100, .backoff_s = 5, .buried = webhook_out_buried,
	    .says = "posts a message to a subscriber, for three days" },
	{ "webhook.canvas", webhook_job, .queue = "webhook", .says = "reads what a webhook hinted at" },
	{ "work_items.carry", work_items_carry_job, .attempts = 100, .says = "hands work items of earlier releases over to case" },
	{ WEBHOOK_SWEEP, webhook_sweep_job, .queue = "webhook", .says = "asks Canvas for tasks whose change nobody posted" },
};
static const struct queue_row queues[] = { { "canvas", 3 }, { "webhook", 1 }, { "webhook_out", 2 } };
static const struct timer_row timers[] = {
	{ WEBHOOK_SWEEP, "WEBHOOK_SWEEP", WEBHOOK_SWEEP, .says = "webhooks that never arrived, and those that are old" },
};
static const struct webhook_source *const webhooks[] = { &canvas_webhook_source };
static const struct effect_kind *const effects[] = {
	&canvas_patient_effect, &canvas_entry_effect, &canvas_task_effect, &canvas_note_effect, &canvas_task_close_effect,
	&canvas_task_reopen_effect,
};
static const struct event_row events[] = {
	{ "prescription.decided", on_prescription_decided },
	{ "shipment.updated", on_shipment_updated },
	{ "orchestration.finished", on_orchestration_finished },
};

static const struct field patient_event[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "canvasPatientId", STRING, .required = true, .max = 100, .says = "the EHR's id" },
	{ 0 }
};
static const struct field task_event[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "taskId", STRING, .required = true, .max = 100, .says = "the EHR's id" },
	{ 0 }
};
static const struct field note_event[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "noteId", STRING, .required = true, .max = 100, .says = "the EHR's id" },
	{ "runId", UUID, .required = true, .says = "the run that wrote it" },
	{ 0 }
};
static const char *const patient_to[] = { "intake", "orchestrator", "portal", NULL };
static const char *const task_to[] = { "intake", "registry", "portal", NULL };
static const char *const amended_to[] = { "portal", NULL };
static const char *const note_to[] = { "orchestrator", "portal", NULL };
static const struct topic topics[] = {
	{ "ehr.patient.created", patient_to, "the patient is in the EHR", patient_event },
	{ "ehr.task.created", task_to, "the Rx Review task is open", task_event },
	{ "ehr.note.created", note_to, "the H&P note is filed", note_event },
	{ "ehr.note.amended", amended_to, "the chart says that the note's prescription was withdrawn", note_event },
	{ 0 }
};

static const struct blind_column blind[] = {
	{ "patient_records", "email_index", "patient_records.email", "payload_enc", blind_email_member },
};

static const struct conf_key config[] = {
	{ "CANVAS_FHIR_BASE_URL", CONF_STR, .required = true, .says = "https://fumage-<instance>.canvasmedical.com" },
	{ "CANVAS_AUTH_BASE_URL", CONF_STR, .required = true, .says = "https://<instance>.canvasmedical.com" },
	{ "CANVAS_CLIENT_ID", CONF_STR, .required = true, .says = "OAuth client" },
	{ "CANVAS_CLIENT_SECRET", CONF_STR, .required = true, .secret = true, .says = "its secret" },
	{ "CANVAS_AUTH_SECRET", CONF_STR, .secret = true, .says = "what our plugin signs its webhooks with; a comma-separated list while it is rolled" },
	{ "WEBHOOK_PRIVATE_ADDRESSES", CONF_BOOL, .dflt = "false", .says = "webhooks may be posted into private networks" },
	{ "CANVAS_REQUESTER", CONF_STR, .required = true, .says = "Practitioner id that our tasks and notes name" },
	{ "CANVAS_QUESTIONNAIRE", CONF_STR, .required = true, .says = "Questionnaire id of the intake" },
	{ 0 }
};

const struct service integration_service = {
	.name = "integration", .prefix = "/api", .database = "hisera", .says = "the portals' gateway and the EHR's client",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(events, nevents, events),
	TABLE(effects, neffects, effects), TABLE(timers, ntimers, timers), TABLE(webhooks, nwebhooks, webhooks), TABLE(blind, nblind, blind), .topics = topics, .config = config,
};
