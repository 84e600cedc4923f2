/*
 * orchestrator.c: the table of the orchestrator: from a physician's decision to a prescription that is accepted, paid, announced
 * and shipped. Called by integration (decisions) and portal (reads); every call of a run comes from its worker, to intake,
 * registry, router, billing, integration, notify and shipping. Writes orchestration_runs with history and steps, payment_holds,
 * refill_schedules, patient_mappings, sync_logs. Publishes prescription.decided, orchestration.step, orchestration.finished.
 * Consumes intake.submitted, ehr.patient.created, ehr.note.created, payment.*, rx.submission.updated, shipment.updated.
 */
#include "orchestrator/orchestrator.h"

#define DECISION_FIELDS \
	{ "taskId", STRING, .required = true, .min = 1, .max = 64, .says = "the EHR's review task; one decision each" }, \
	{ "submissionId", UUID, .required = true, .says = "the intake submission" }, \
	{ "patientId", UUID, .required = true, .says = "the patient" }, \
	{ "assignmentId", UUID, .required = true, .says = "the claimed assignment" }, \
	{ "practitionerId", UUID, .required = true, .says = "who claimed and decides: the prescriber of record" }

static const struct field approve_body[] = {
	DECISION_FIELDS,
	{ "medication", STRING, .required = true, .min = 1, .max = 120, .says = "what is prescribed",
	    .example = "Semaglutide" },
	{ "dosage", STRING, .required = true, .min = 1, .max = 120, .says = "how much", .example = "0.25 mg" },
	{ 0 }
};
static const struct field deny_body[] = {
	DECISION_FIELDS,
	{ "reason", STRING, .required = true, .min = 1, .max = 500, .says = "in words for the patient",
	    .example = "blood pressure" },
	{ 0 }
};
#define SUMMARY_FIELDS \
	{ "runId", UUID, .required = true, .says = "the run" }, \
	{ "status", STRING, .required = true, .says = "running, completed, failed, manual, denied, compensated" }, \
	{ "completedSteps", ARRAY, .required = true, .max = 20, .items = STRING, .says = "names, in order" }, \
	{ "warnings", ARRAY, .required = true, .max = 20, .items = STRING, \
	    .says = "codes of steps that failed without failing the run" }, \
	{ "errors", ARRAY, .required = true, .max = 20, .items = STRING, .says = "codes of steps that failed it" }, \
	{ "reason", STRING, .says = "why, for failed and manual" }

static const struct field decision_reply[] = { SUMMARY_FIELDS, { 0 } };
static const struct field step_fields[] = {
	{ "name", STRING, .required = true, .says = "medication_config … schedule_refills" },
	{ "state", STRING, .required = true, .says = "running, confirmed, skipped, failed, manual, compensated" },
	{ "startedAt", TIME, .required = true, .says = "when it began" },
	{ "finishedAt", TIME, .nullable = true, .says = "when it ended" },
	{ "reason", STRING, .says = "why it failed", .example = "blood pressure" },
	{ "warning", STRING, .says = "why it failed, when that did not matter to the run" },
	{ "result", ANY, .says = "ids, codes and amounts it found" },
	{ 0 }
};
static const struct field view_fields[] = {
	{ "name", STRING, .required = true, .says = "as that document names it" },
	{ "state", STRING, .required = true, .says = "of the step behind it; pending: not reached" },
	{ 0 }
};
static const struct field views_fields[] = {
	{ "platform", ARRAY, .required = true, .max = 7, .of = view_fields, .says = "the platform's seven steps" },
	{ "integration", ARRAY, .required = true, .max = 7, .of = view_fields, .says = "the integration service's seven steps" },
	{ 0 }
};
static const struct field run_fields[] = {
	SUMMARY_FIELDS,
	{ "taskId", STRING, .required = true, .says = "the EHR's task", .example = "7d4b9f0a2c" },
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "assignmentId", UUID, .required = true, .says = "the claimed assignment" },
	{ "practitionerId", UUID, .required = true, .says = "who decided" },
	{ "decision", STRING, .required = true, .says = "approved or denied" },
	{ "medication", STRING, .says = "what", .example = "Semaglutide" },
	{ "dosage", STRING, .says = "how much", .example = "0.25 mg" },
	{ "amountCents", INTEGER, .says = "price of the dosage" },
	{ "currency", STRING, .says = "ISO 4217", .example = "USD" },
	{ "pharmacy", STRING, .says = "chosen pharmacy", .example = "gmp" },
	{ "pharmacyReason", STRING, .says = "why that one" },
	{ "paymentId", UUID, .says = "at billing" },
	{ "paymentStatus", STRING, .says = "last news of it" },
	{ "rxStatus", STRING, .says = "last news from the pharmacy" },
	{ "shipmentId", UUID, .says = "at shipping" },
	{ "shipmentStatus", STRING, .says = "last news of it" },
	{ "trackingNumber", STRING, .says = "once known", .example = "794644790138" },
	{ "createdAt", TIME, .required = true, .says = "when it was decided" },
	{ "finishedAt", TIME, .nullable = true, .says = "when the run ended" },
	{ "steps", ARRAY, .required = true, .max = 20, .of = step_fields, .says = "in order, as far as reached" },
	{ "views", OBJECT, .required = true, .of = views_fields, .says = "the same steps under the documents' names" },
	{ 0 }
};
static const struct field find_query[] = { { "submissionId", UUID, .required = true, .says = "the case" }, { 0 } };
static const struct field medications_query[] = { { "intakeType", STRING, .max = 40, .says = "glp1, nad, microdose" }, { 0 } };
static const struct field dosage_fields[] = {
	{ "dosage", STRING, .required = true, .says = "strength", .example = "0.25 mg" },
	{ "priceCents", INTEGER, .required = true, .says = "price" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ 0 }
};
static const struct field medication_fields[] = {
	{ "medication", STRING, .required = true, .says = "drug", .example = "Semaglutide" },
	{ "dosages", ARRAY, .required = true, .max = 50, .of = dosage_fields, .says = "weakest first" },
	{ 0 }
};
static const struct field medications_reply[] = {
	{ "medications", ARRAY, .required = true, .max = 200, .of = medication_fields, .says = "what may be prescribed" },
	{ 0 }
};
static const struct field sync_query[] = {
	{ "submissionId", UUID, .says = "only this case" },
	{ "patientId", UUID, .says = "only this patient" },
	{ "externalId", STRING, .max = 120, .says = "only this id of the other side" },
	{ 0 }
};
static const struct field sync_fields[] = {
	{ "at", TIME, .required = true, .says = "when" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "runId", UUID, .required = true, .says = "the run" },
	{ "system", STRING, .required = true, .says = "pharmacy or canvas" },
	{ "direction", STRING, .required = true, .says = "out or in" },
	{ "action", STRING, .required = true, .says = "submit, status, note" },
	{ "outcome", STRING, .required = true, .says = "attempted, queued, accepted, …" },
	{ "externalId", STRING, .says = "the other side's id" },
	{ "detail", STRING, .says = "a code" },
	{ 0 }
};
static const struct field sync_reply[] = {
	{ "entries", ARRAY, .required = true, .max = 100, .of = sync_fields, .says = "oldest first" },
	{ 0 }
};

static const char *const which_sagas[] = { "open", "manual", "stuck", NULL };
static const char *const decisions[] = { "confirm", "failed", "retry", NULL };
static const struct field sagas_query[] = {
	{ "which", ENUM, .values = which_sagas, .says = "default open; stuck: past the deadline of what it waits for" },
	{ 0 }
};
#define SAGA_FIELDS \
	{ "sagaId", UUID, .required = true, .says = "the saga" }, \
	{ "kind", STRING, .required = true, .says = "prescription", .example = "prescription" }, \
	{ "subject", UUID, .required = true, .says = "the run" }, \
	{ "state", STRING, .required = true, .says = "running, compensating, completed, failed, compensated, manual" }, \
	{ "stuck", BOOLEAN, .required = true, .says = "past the deadline of what it waits for" }, \
	{ "step", STRING, .says = "where it stands", .example = "submit_rx" }, \
	{ "reason", STRING, .says = "why it failed, turned back or waits for a person", .example = "card_declined" }, \
	{ "turning", STRING, .says = "why it turns back when nothing is in flight any more" }, \
	{ "decided", STRING, .says = "a person's decision that is not carried out yet" }, \
	{ "version", INTEGER, .required = true, .says = "grows with every move" }, \
	{ "createdAt", TIME, .required = true, .says = "when it began" }, \
	{ "updatedAt", TIME, .required = true, .says = "when it moved last" }, \
	{ "finishedAt", TIME, .says = "when it ended" }

static const struct field saga_row[] = { SAGA_FIELDS, { 0 } };
static const struct field sagas_reply[] = {
	{ "sagas", ARRAY, .required = true, .max = 100, .of = saga_row, .says = "oldest first" },
	{ 0 }
};
static const struct field saga_step_fields[] = {
	{ "name", STRING, .required = true, .says = "medication_config … schedule_refills" },
	{ "undo", BOOLEAN, .required = true, .says = "the step's compensation, a step of its own" },
	{ "generation", INTEGER, .required = true, .says = "of its key" },
	{ "state", STRING, .required = true, .says = "intent, sent, confirmed, skipped, failed, manual, compensating, compensated" },
	{ "service", STRING, .says = "who is asked", .example = "billing" },
	{ "method", STRING, .says = "how", .example = "POST" },
	{ "path", STRING, .says = "for what", .example = "/billing/payments" },
	{ "key", STRING, .says = "the Idempotency-Key of every try" },
	{ "requestDigest", STRING, .says = "SHA-256 of the bytes of every try" },
	{ "attempts", INTEGER, .required = true, .says = "tries after the first" },
	{ "polls", INTEGER, .required = true, .says = "questions after the outcome" },
	{ "reason", STRING, .says = "why it failed or is manual", .example = "card_declined" },
	{ "warning", STRING, .says = "why it failed, when that did not matter to the run" },
	{ "result", ANY, .says = "ids, codes and amounts it found" },
	{ "outcome", ANY, .says = "what was told of it" },
	{ "createdAt", TIME, .required = true, .says = "when it began" },
	{ "intentAt", TIME, .says = "when its bytes were committed" },
	{ "sentAt", TIME, .says = "when its callee took it" },
	{ "deadline", TIME, .says = "when its outcome is asked for" },
	{ "finishedAt", TIME, .says = "when it ended" },
	{ 0 }
};
static const struct field saga_reply[] = {
	SAGA_FIELDS,
	{ "steps", ARRAY, .required = true, .max = 100, .of = saga_step_fields, .says = "in the order they began" },
	{ 0 }
};
static const struct field decide_body[] = {
	{ "action", ENUM, .required = true, .values = decisions,
	    .says = "confirm: it is done; failed: it is certainly not; retry: looked up and absent, the same bytes under the same key" },
	{ "step", STRING, .max = 60, .says = "the step that is manual; left out when the saga is as a whole", .example = "submit_rx" },
	{ "reason", STRING, .required = true, .min = 3, .max = 500, .says = "in words; kept in the audit trail",
	    .example = "the pharmacy confirmed by telephone" },
	{ 0 }
};

static const struct route routes[] = {
	{ "POST", "/orchestrator/approve", run_approve, .access = SERVICE, .callers = "integration", .db = WRITE, .once = KEY,
	    .audit = "prescription.approve", .body = approve_body, .reply = decision_reply, .status = 202,
	    .problems = "409 already_decided hold_missing hold_not_active, 422 currency_mismatch price_above_consent, 503 case_not_here_yet",
	    .says = "starts a case's run" },
	{ "POST", "/orchestrator/deny", run_deny, .access = SERVICE, .callers = "integration", .db = WRITE, .once = KEY,
	    .audit = "prescription.deny", .body = deny_body, .reply = decision_reply, .status = 202,
	    .problems = "409 already_decided hold_missing, 503 case_not_here_yet",
	    .says = "ends a case; nothing is charged" },
	{ "GET", "/orchestrator/runs/:id", run_show, .access = SERVICE | ADMIN, .callers = "integration portal", .db = READ,
	    .reply = run_fields, .says = "one run with its steps" },
	{ "GET", "/orchestrator/runs", run_find, .access = SERVICE | ADMIN, .callers = "integration portal", .db = READ,
	    .query = find_query, .reply = run_fields,
	    .problems = "404 not_found",
	    .says = "the newest run of a case" },
	{ "GET", "/orchestrator/medications", medication_list, .access = SERVICE | ADMIN, .callers = "integration", .db = READ,
	    .query = medications_query, .reply = medications_reply, .says = "what may be prescribed, with prices" },
	{ "GET", "/orchestrator/sagas", sagas_list, .access = ADMIN, .db = READ, .query = sagas_query, .reply = sagas_reply,
	    .says = "runs that are open, manual or stuck" },
	{ "GET", "/orchestrator/sagas/:id", sagas_show, .access = ADMIN, .db = READ, .reply = saga_reply,
	    .problems = "404 not_found", .says = "one with every step, by its own id, its run or its submission" },
	{ "POST", "/orchestrator/sagas/:id/decide", sagas_decide, .access = ADMIN | SERVICE, .callers = "case", .db = WRITE, .once = NATURAL, .audit = "saga.decide",
	    .body = decide_body, .reply = saga_reply, .status = 202,
	    .problems = "404 not_found, 409 not_manual other_step decided_otherwise no_answer nothing_to_repeat",
	    .says = "what a person found out about the step that is manual" },
	{ "GET", "/orchestrator/sync-logs", sync_log_list, .access = SERVICE | ADMIN, .callers = "portal", .db = READ,
	    .query = sync_query, .reply = sync_reply, .says = "the trail between chart and pharmacy" },
};

static const struct job_row jobs[] = {
	{ "saga.step", saga_step_job, .queue = "saga", .says = "does the next step of a run" },
	{ "saga.deadline", saga_deadline_job, .queue = "saga", .says = "asks after an outcome that did not come" },
	{ "notice", notice_job, .says = "a message that is no step of a run" },
	{ "refill.due", refill_due_job, .says = "finds the refills that fall due" },
	{ "refill.remind", refill_remind_job, .says = "tells a patient of a refill" },
};
static const struct queue_row queues[] = { { "saga", 3 }, { "default", 1 } };
static const struct saga_kind *const sagas[] = { &prescription_saga };
static const struct timer_row timers[] = {
	{ "refill.due", "REFILL_INTERVAL", "refill.due", "refills that fall due" },
};

static const struct event_row events[] = {
	{ "intake.submitted", on_intake_submitted },
	{ "ehr.patient.created", on_patient_created },
	{ "ehr.note.created", on_note_created },
	{ "payment.authorized", on_payment },
	{ "payment.failed", on_payment },
	{ "payment.captured", on_payment },
	{ "payment.cancelled", on_payment },
	{ "payment.refunded", on_payment },
	{ "payment.manual", on_payment },
	{ "rx.submission.updated", on_rx_updated },
	{ "shipment.updated", on_shipment_updated },
};

static const char *const outcomes[] = { "approved", "denied", NULL };
static const struct field decided_event[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "runId", UUID, .required = true, .says = "the run" },
	{ "assignmentId", UUID, .required = true, .says = "the assignment" },
	{ "physicianId", UUID, .required = true, .says = "who decided" },
	{ "outcome", ENUM, .required = true, .values = outcomes, .says = "what was decided" },
	{ "taskId", STRING, .required = true, .max = 100, .says = "the EHR's task" },
	{ 0 }
};
static const struct field step_event[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "runId", UUID, .required = true, .says = "the run" },
	{ "step", STRING, .required = true, .max = 100, .says = "its name" },
	{ "state", STRING, .required = true, .max = 100, .says = "how it ended" },
	{ "reason", STRING, .max = 300, .says = "a code" },
	{ 0 }
};
static const struct field finished_event[] = {
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "runId", UUID, .required = true, .says = "the run" },
	{ "state", STRING, .required = true, .max = 100, .says = "how it ended" },
	{ "reason", STRING, .max = 300, .says = "a code" },
	{ 0 }
};
static const char *const decided_to[] = { "registry", "integration", "portal", NULL };
static const char *const step_to[] = { "portal", NULL };
static const char *const finished_to[] = { "integration", "portal", NULL };
static const struct topic topics[] = {
	{ "prescription.decided", decided_to, "a physician approved or denied, and the decision counts", decided_event },
	{ "orchestration.step", step_to, "a step of a run ended", step_event },
	{ "orchestration.finished", finished_to, "a run completed, failed, was taken back, or needs a person", finished_event },
	{ 0 }
};

static const struct conf_key config[] = {
	{ "REFILL_INTERVAL", CONF_SECS, .dflt = "1h", .says = "how often due refills are looked for" },
	{ 0 }
};

const struct service orchestrator_service = {
	.name = "orchestrator", .prefix = "/orchestrator", .database = "orchestrator",
	.says = "runs an approved prescription to its end",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(events, nevents, events),
	TABLE(timers, ntimers, timers), TABLE(sagas, nsagas, sagas), .topics = topics, .config = config,
};
