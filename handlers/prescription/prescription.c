/*
 * prescription.c: the table of the service prescription: prescriptions of outside prescribers, from the NCPDP message to the parcel at the door.
 * Called by the switch that brings messages (ncpdp), by the staff, and by the services that go on with a prescription. Writes patients,
 * prescribers, prescriptions and their history, corrections, validation_jobs, script_messages. It alone changes a prescription's status:
 * the others tell it what happened by events.
 */
#include "prescription/prescription.h"

static const char *const outcomes[] = { "cancelled", "refused", NULL };

/* ---- what is sent */

static const struct field patient_body[] = {
	{ "identifier", STRING, .nullable = true, .max = 80, .says = "the sender's number of the patient" },
	{ "lastName", STRING, .nullable = true, .max = 35, .says = "family name", .example = "Sample" },
	{ "firstName", STRING, .nullable = true, .max = 35, .says = "given name", .example = "Ada" },
	{ "middleName", STRING, .nullable = true, .max = 35, .says = "middle name" },
	{ "gender", STRING, .nullable = true, .max = 1, .says = "M, F or U", .example = "F" },
	{ "birthDate", DATE, .nullable = true, .says = "date of birth" },
	{ "phone", STRING, .nullable = true, .max = 20, .says = "ten digits", .example = "6175550100" },
	{ "email", EMAIL, .nullable = true, .says = "e-mail address" },
	{ "address", OBJECT, .of = (const struct field[]){
		{ "line1", STRING, .nullable = true, .max = 40, .says = "street and number", .example = "456 Example Avenue" },
		{ "line2", STRING, .nullable = true, .max = 40, .says = "flat, suite" },
		{ "city", STRING, .nullable = true, .max = 35, .says = "city", .example = "Cambridge" },
		{ "state", STATE, .nullable = true, .says = "state" },
		{ "zip", STRING, .nullable = true, .max = 11, .says = "five or nine digits", .example = "02138" },
		{ 0 } }, .says = "where the parcel goes" },
	{ 0 }
};
static const struct field prescriber_body[] = {
	{ "npi", STRING, .nullable = true, .max = 10, .says = "National Provider Identifier", .example = "1234567893" },
	{ "dea", STRING, .nullable = true, .max = 20, .says = "DEA number", .example = "AB1234563" },
	{ "lastName", STRING, .nullable = true, .max = 35, .says = "family name", .example = "Prescriber" },
	{ "firstName", STRING, .nullable = true, .max = 35, .says = "given name", .example = "Test" },
	{ "phone", STRING, .nullable = true, .max = 20, .says = "ten digits", .example = "6175550199" },
	{ 0 }
};
static const struct field medication_body[] = {
	{ "drug_name", STRING, .nullable = true, .max = 105, .says = "the drug as the prescriber describes it" },
	{ "ndc", STRING, .nullable = true, .max = 35, .says = "NDC with hyphens, or eleven digits", .example = "00002-7510-02" },
	{ "ndc_qualifier", STRING, .nullable = true, .max = 3, .says = "ND", .example = "ND" },
	{ "schedule_code", STRING, .nullable = true, .max = 15, .says = "NCIt code of the DEA schedule", .example = "C38046" },
	{ "quantity", STRING, .nullable = true, .max = 18, .says = "how many units", .example = "2" },
	{ "days_supply", STRING, .nullable = true, .max = 18, .says = "days that they last", .example = "28" },
	{ "written_date", DATE, .nullable = true, .says = "when it was written" },
	{ "substitutions", STRING, .nullable = true, .max = 1, .says = "0 allowed, 1 not allowed", .example = "0" },
	{ "refills", STRING, .nullable = true, .max = 18, .says = "fills after the first", .example = "3" },
	{ "sig", STRING, .nullable = true, .max = 1000, .says = "directions", .example = "Inject 40 mg subcutaneously every other week" },
	{ 0 }
};
static const struct field insurance_body[] = {
	{ "bin", STRING, .nullable = true, .max = 8, .says = "BIN", .example = "610014" },
	{ "pcn", STRING, .nullable = true, .max = 10, .says = "PCN", .example = "MEDDCO" },
	{ "group", STRING, .nullable = true, .max = 15, .says = "group", .example = "12345" },
	{ "member_id", STRING, .nullable = true, .max = 20, .says = "cardholder", .example = "ABC123456789" },
	{ "payer_name", STRING, .nullable = true, .max = 70, .says = "payer" },
	{ 0 }
};
static const struct field correct_body[] = {
	{ "patient", OBJECT, .of = patient_body, .says = "members that change; null takes one away" },
	{ "prescriber", OBJECT, .of = prescriber_body, .says = "members that change" },
	{ "medication", OBJECT, .of = medication_body, .says = "members that change" },
	{ "insurance", OBJECT, .of = insurance_body, .says = "members that change" },
	{ 0 }
};
static const struct field cancel_body[] = { { "reason", STRING, .max = 300, .says = "why", .example = "written twice" }, { 0 } };
static const struct field settle_body[] = {
	{ "outcome", ENUM, .required = true, .values = outcomes, .says = "what the pharmacy said" },
	{ "reason", STRING, .max = 300, .says = "in its words", .example = "picked up" },
	{ 0 }
};
static const struct field written_medication[] = {
	{ "ndc", STRING, .required = true, .min = 10, .max = 14, .says = "NDC with hyphens, or eleven digits", .example = "0574-4072-05" },
	{ "drug_name", STRING, .min = 1, .max = 105, .says = "the drug as the provider describes it; the directory's name when absent" },
	{ "quantity", STRING, .required = true, .min = 1, .max = 18, .says = "how many units, decimal", .example = "30" },
	{ "days_supply", INTEGER, .required = true, .min = 1, .max = 365, .says = "days that they last" },
	{ "refills", INTEGER, .required = true, .min = 0, .max = 11, .says = "fills after the first" },
	{ "sig", STRING, .required = true, .min = 1, .max = 1000, .says = "directions", .example = "Take 1 tablet by mouth once daily" },
	{ 0 }
};
static const struct field written_body[] = {
	{ "case_id", UUID, .required = true, .says = "the case, which has its provider" },
	{ "medication", OBJECT, .required = true, .of = written_medication, .says = "what is prescribed" },
	{ 0 }
};
static const struct field list_query[] = {
	{ "status", STRING, .max = 40, .says = "only those", .example = "validation_failed" },
	{ "patient_id", UUID, .says = "only this patient's" },
	{ "before", UUID, .says = "the last prescription_id of the page before" },
	{ "limit", INTEGER, .min = 1, .max = 200, .says = "default 50" },
	{ 0 }
};
static const struct field mailbox_query[] = {
	{ "party", STRING, .max = 80, .says = "only messages to this one" },
	{ "limit", INTEGER, .min = 1, .max = 200, .says = "default 50" },
	{ 0 }
};

/* ---- what is answered */

#define ID_AND_STATUS \
	{ "prescription_id", UUID, .required = true, .says = "the prescription" }, \
	    { "status", STRING, .required = true, .says = "where it stands", .example = "validated" }

static const struct field taken_reply[] = {
	{ "prescription_id", UUID, .says = "the prescription; none when the message fits none" },
	{ "status", STRING, .required = true, .says = "received; of a CancelRx cancelled, cancel_pending, cancel_refused; recorded; unmatched", .example = "received" },
	{ "duplicate", BOOLEAN, .required = true, .says = "it was here before" },
	{ 0 }
};
static const struct field status_reply[] = { ID_AND_STATUS, { 0 } };
static const struct field corrected_reply[] = {
	ID_AND_STATUS,
	{ "patient_id", UUID, .required = true, .says = "the patient, who may be another now" },
	{ 0 }
};
static const struct field listed[] = {
	ID_AND_STATUS,
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "source", STRING, .required = true, .says = "ncpdp or case", .example = "ncpdp" },
	{ "drug_ndc", STRING, .says = "NDC, eleven digits", .example = "00002751002" },
	{ "schedule", STRING, .says = "none, II .. V", .example = "none" },
	{ "errors", INTEGER, .required = true, .says = "of the last validation" },
	{ "created_at", TIME, .required = true, .says = "when it came" },
	{ "updated_at", TIME, .required = true, .says = "when it moved last" },
	{ 0 }
};
static const struct field list_reply[] = {
	{ "prescriptions", ARRAY, .required = true, .max = 200, .of = listed, .says = "newest first" },
	{ 0 }
};
static const struct field history_fields[] = {
	{ "event", STRING, .required = true, .says = "what happened", .example = "pharmacy.selected" },
	{ "from", STRING, .says = "status before", .example = "awaiting_pharmacy_selection" },
	{ "to", STRING, .required = true, .says = "status after", .example = "pharmacy_selected" },
	{ "late", BOOLEAN, .required = true, .says = "it came after what followed it, and moved nothing" },
	{ "actor", STRING, .required = true, .says = "who said so" },
	{ "reason", STRING, .says = "why" },
	{ "happened_at", TIME, .required = true, .says = "when it happened" },
	{ "at", TIME, .required = true, .says = "when it was taken down here" },
	{ 0 }
};
#define HISTORY { "history", ARRAY, .required = true, .max = 500, .of = history_fields, .says = "oldest first" }
static const struct field history_reply[] = { ID_AND_STATUS, HISTORY, { 0 } };
static const struct field seed_reply[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "case_id", UUID, .says = "the case it belongs to" },
	{ "provider_id", UUID, .says = "who prescribed" },
	{ "status", STRING, .required = true, .says = "created, approved, sent, failed, fulfilled, completed, cancel_pending, cancel_refused, cancelled, partial", .example = "created" },
	{ "stage", STRING, .required = true, .says = "the same in full", .example = "validated" },
	{ "fhir_status", STRING, .required = true, .says = "of a MedicationRequest", .example = "draft" },
	{ "drug_ndc", STRING, .says = "NDC, eleven digits", .example = "00002751002" },
	HISTORY,
	{ 0 }
};
static const struct field written_reply[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient of the case" },
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "provider_id", UUID, .required = true, .says = "who prescribes" },
	{ "status", STRING, .required = true, .says = "approved, or where it stands meanwhile", .example = "approved" },
	{ "stage", STRING, .required = true, .says = "the same in full", .example = "approved" },
	{ 0 }
};
static const struct field check_fields[] = {
	{ "check", STRING, .required = true, .says = "required, patient, npi, dea, ndc, sig, amounts, dates", .example = "npi" },
	{ "result", STRING, .required = true, .says = "passed or failed", .example = "passed" },
	{ 0 }
};
static const struct field error_fields[] = {
	{ "check", STRING, .required = true, .says = "which check", .example = "npi" },
	{ "field", STRING, .required = true, .says = "the member", .example = "prescriber.npi" },
	{ "code", STRING, .required = true, .says = "what is wrong", .example = "npi_check_digit" },
	{ "detail", STRING, .required = true, .says = "in words" },
	{ 0 }
};
#define CENTS(name, what) { name, INTEGER, .says = what " in cents" }
static const struct field show_reply[] = {
	ID_AND_STATUS,
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "source", STRING, .required = true, .says = "ncpdp or case", .example = "ncpdp" },
	{ "fhir_status", STRING, .required = true, .says = "of a MedicationRequest", .example = "active" },
	{ "sender", STRING, .says = "From of the message" },
	{ "message_id", STRING, .says = "MessageID" },
	{ "order_number", STRING, .says = "PrescriberOrderNumber" },
	{ "drug_ndc", STRING, .says = "NDC, eleven digits", .example = "00002751002" },
	{ "schedule", STRING, .says = "none, II .. V", .example = "none" },
	{ "cold_chain", BOOLEAN, .required = true, .says = "travels cold" },
	{ "cancel_reason", STRING, .says = "why it was taken back" },
	{ "validation_checks", ARRAY, .required = true, .max = 20, .of = check_fields, .says = "of the last validation" },
	{ "validation_errors", ARRAY, .required = true, .max = RX_ERRORS, .of = error_fields, .says = "all of them" },
	{ "enrollment_id", UUID, .says = "the enrolment" },
	{ "pharmacy_id", STRING, .says = "the selected pharmacy" },
	{ "pharmacy_name", STRING, .says = "its name" },
	{ "adjudication_id", UUID, .says = "the payer's decision" },
	CENTS("drug_cost_cents", "what the drug costs"), CENTS("insurance_paid_cents", "what the insurance pays"), CENTS("copay_cents", "the copay before programs"),
	CENTS("final_copay_cents", "what the patient pays"), CENTS("patient_savings_cents", "what programs take off"),
	{ "payment_id", UUID, .says = "the payment" },
	{ "shipment_id", UUID, .says = "the parcel" },
	{ "carrier", STRING, .says = "who carries it" },
	{ "tracking_number", STRING, .says = "its number there" },
	{ "created_at", TIME, .required = true, .says = "when it came" },
	{ "updated_at", TIME, .required = true, .says = "when it moved last" },
	{ "content", ANY, .says = "patient, prescriber, pharmacy, medication, insurance as read and corrected" },
	HISTORY,
	{ 0 }
};
static const struct field address_fields[] = {
	{ "line1", STRING, .says = "street and number", .example = "456 Example Avenue" },
	{ "line2", STRING, .says = "flat, suite" },
	{ "city", STRING, .says = "city", .example = "Cambridge" },
	{ "state", STRING, .says = "state", .example = "MA" },
	{ "zip", STRING, .says = "five or nine digits", .example = "02138" },
	{ 0 }
};
static const struct field patient_fields[] = {
	{ "firstName", STRING, .says = "given name", .example = "Ada" },
	{ "lastName", STRING, .says = "family name", .example = "Sample" },
	{ "birthDate", STRING, .says = "date of birth", .example = "1984-02-29" },
	{ "gender", STRING, .says = "M, F or U", .example = "F" },
	{ "phone", STRING, .says = "E.164", .example = "+16175550100" },
	{ "email", STRING, .says = "e-mail address, when the message had one" },
	{ "address", OBJECT, .required = true, .of = address_fields, .says = "where the parcel goes" },
	{ 0 }
};
static const struct field prescriber_fields[] = {
	{ "npi", STRING, .says = "National Provider Identifier", .example = "1234567893" },
	{ "name", STRING, .required = true, .says = "as on the prescription" },
	{ "dea", STRING, .says = "DEA number" },
	{ "phone", STRING, .says = "as sent" },
	{ 0 }
};
static const struct field medication_fields[] = {
	{ "drug_name", STRING, .says = "the directory's name of it, else the prescriber's", .example = "Humira" },
	{ "drug_description", STRING, .says = "the prescriber's words" },
	{ "ndc", STRING, .says = "NDC, eleven digits", .example = "00002751002" },
	{ "quantity", NUMBER, .says = "units to dispense" },
	{ "quantity_unit", STRING, .says = "NCIt code of the unit", .example = "C64933" },
	{ "days_supply", INTEGER, .says = "days that they last" },
	{ "refills", INTEGER, .says = "fills after the first" },
	{ "sig", STRING, .says = "directions" },
	{ "written_date", STRING, .says = "when it was written", .example = "2026-11-02" },
	{ "schedule", STRING, .required = true, .says = "none, II .. V", .example = "none" },
	{ "cold_chain", BOOLEAN, .required = true, .says = "travels cold" },
	{ 0 }
};
static const struct field insurance_fields[] = {
	{ "bin", STRING, .says = "BIN of the message", .example = "610014" },
	{ "pcn", STRING, .says = "PCN" },
	{ "group", STRING, .says = "group" },
	{ "member_id", STRING, .says = "cardholder" },
	{ "payer_name", STRING, .says = "payer" },
	{ 0 }
};
static const struct field details_reply[] = {
	{ "prescriptionId", UUID, .required = true, .says = "the prescription" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "status", STRING, .required = true, .says = "where it stands", .example = "validated" },
	{ "patient", OBJECT, .required = true, .of = patient_fields, .says = "who it is for" },
	{ "prescriber", OBJECT, .required = true, .of = prescriber_fields, .says = "who wrote it" },
	{ "medication", OBJECT, .required = true, .of = medication_fields, .says = "what to dispense" },
	{ "insurance", OBJECT, .required = true, .of = insurance_fields, .says = "what the message says of it" },
	{ 0 }
};
static const struct field message_fields[] = {
	{ "direction", STRING, .required = true, .says = "in or out", .example = "in" },
	{ "party", STRING, .required = true, .says = "the other side" },
	{ "message_id", STRING, .required = true, .says = "MessageID" },
	{ "kind", STRING, .required = true, .says = "NewRx, CancelRx, Verify, ...", .example = "NewRx" },
	{ "outcome", STRING, .required = true, .says = "in: what it came to; out: waiting, delivered, refused", .example = "received" },
	{ "at", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field messages_reply[] = {
	{ "messages", ARRAY, .required = true, .max = 200, .of = message_fields, .says = "oldest first" },
	{ 0 }
};
static const struct field waiting_fields[] = {
	{ "message_id", STRING, .required = true, .says = "MessageID; a Status that relates to it ends the waiting" },
	{ "party", STRING, .required = true, .says = "whom it is for" },
	{ "kind", STRING, .required = true, .says = "Verify, CancelRxResponse", .example = "Verify" },
	{ "prescription_id", UUID, .required = true, .says = "about which prescription" },
	{ "xml", STRING, .required = true, .says = "the message" },
	{ "at", TIME, .required = true, .says = "since when it waits" },
	{ 0 }
};
static const struct field mailbox_reply[] = {
	{ "messages", ARRAY, .required = true, .max = 200, .of = waiting_fields, .says = "oldest first" },
	{ 0 }
};

/* ---- routes */

#define API "/api/v1/prescriptions"
#define OPS	"admin ops_manager ops_agent"
#define GOES_ON "enrollment router adjudication billing shipping"
static const struct route routes[] = {
	{ "POST", API "/intake", intake_receive, .access = SERVICE | ROLE, .callers = NCPDP_CALLER, .roles = OPS, .db = WRITE, .once = NATURAL, .kind = BODY_RAW,
	    .audit = "prescription.intake", .reply = taken_reply, .media = "application/xml", .status = 201, .max_body = SCRIPT_MAX,
	    .problems = "400 malformed_xml doctype_refused too_deep malformed_json unknown_field, 409 message_id_reused, 413 xml_too_large,"
	    " 415 unsupported_media_type, 422 not_script not_supported validation_failed",
	    .says = "takes a SCRIPT message: XML, or {payload, format}; with Accept: application/xml the answer is a SCRIPT message too" },
	{ "GET", API "/mailbox", messages_fetch, .access = SERVICE | ROLE, .callers = NCPDP_CALLER, .roles = OPS, .db = READ, .query = mailbox_query, .reply = mailbox_reply,
	    .says = "messages of ours that wait to be fetched" },
	{ "GET", API, list, .access = ROLE, .roles = OPS, .db = READ, .query = list_query, .reply = list_reply, .says = "prescriptions, without PHI" },
	{ "GET", API "/:id", show, .access = ROLE, .roles = OPS, .db = READ_AUDITED, .audit = "prescription.read", .reply = show_reply, .problems = "404 not_found",
	    .says = "one prescription with everything the staff needs" },
	{ "PATCH", API "/:id", correct, .access = ROLE, .roles = OPS, .db = WRITE, .once = NATURAL, .audit = "prescription.correct", .body = correct_body,
	    .reply = corrected_reply, .problems = "404 not_found, 409 not_correctable, 422 nothing_to_correct", .says = "puts right what a message had wrong" },
	{ "POST", API "/:id/revalidate", revalidate, .access = ROLE, .roles = OPS, .db = WRITE, .once = NATURAL, .audit = "prescription.revalidate",
	    .reply = corrected_reply, .status = 202, .problems = "404 not_found, 409 not_correctable", .says = "has it looked at again" },
	{ "GET", API "/:id/history", history, .access = ROLE, .roles = OPS, .db = READ, .reply = history_reply, .problems = "404 not_found",
	    .says = "each event, whether it moved the prescription or came late" },
	{ "GET", API "/:id/messages", messages_list, .access = ROLE, .roles = OPS, .db = READ, .reply = messages_reply, .problems = "404 not_found",
	    .says = "the SCRIPT messages about it" },
	{ "POST", API "/:id/cancel-outcome", cancel_settle, .access = ROLE, .roles = OPS, .db = WRITE, .once = NATURAL, .audit = "prescription.cancel_outcome",
	    .body = settle_body, .reply = status_reply, .problems = "404 not_found, 409 not_pending", .says = "what the pharmacy said to a cancellation" },
	{ "POST", "/prescriptions", written_create, .access = ROLE, .roles = "admin ops_manager provider", .db = WRITE, .once = NATURAL,
	    .audit = "prescription.write", .body = written_body, .reply = written_reply, .status = 201,
	    .problems = "403 not_assigned, 409 provider_pending, 422 invalid_prescription",
	    .says = "the provider of a case prescribes; the same drug for the same case is the same prescription (200)" },
	{ "GET", "/prescriptions/:id/details", details, .access = SERVICE, .callers = GOES_ON, .db = READ_AUDITED, .audit = "prescription.details",
	    .reply = details_reply, .problems = "404 not_found, 409 details_pending", .says = "what the services need that go on with it" },
	{ "GET", "/prescriptions/:id", show_seed, .access = ROLE, .roles = OPS " provider", .db = READ, .reply = seed_reply, .problems = "404 not_found", .says = "status and history" },
	{ "POST", "/prescriptions/:id/cancel", cancel, .access = ROLE, .roles = OPS " provider", .db = WRITE, .once = NATURAL, .audit = "prescription.cancel", .body = cancel_body,
	    .reply = status_reply, .problems = "404 not_found, 409 already_shipped",
	    .says = "takes it back: at once while no pharmacy has it (200), else the pharmacy is asked (202)" },
};

static const struct job_row jobs[] = {
	{ "rx.validate", validate_job, .says = "validates one prescription" },
	{ "rx.person", written_person_job, .says = "fetches who a case's prescription is for, and who wrote it" },
	{ "validation.sweep", validate_sweep_job, .says = "finds pending validations that nobody was woken for" },
};
static const struct timer_row timers[] = {
	{ "validation.sweep", "VALIDATION_INTERVAL", "validation.sweep", "looks through validation_jobs", BACKFILL_LAST, .polls = "validation_jobs" },
};

/* ---- events */

static const struct field received_event[] = {
	{ "event_id", UUID, .required = true, .says = "this event" },
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "drug_ndc", STRING, .required = true, .nullable = true, .max = 35, .says = "as it was sent", .example = "00002-7510-02" },
	{ "timestamp", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field validated_event[] = {
	{ "event_id", UUID, .required = true, .says = "this event" },
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "validation_result", STRING, .required = true, .max = 20, .says = "passed", .example = "passed" },
	{ "timestamp", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field changed_event[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "from", STRING, .required = true, .max = 40, .says = "status before" },
	{ "to", STRING, .required = true, .max = 40, .says = "status after" },
	{ "case_id", UUID, .says = "the case it belongs to" },
	{ 0 }
};
static const char *const received_to[] = { "portal", NULL };
static const char *const validated_to[] = { "enrollment", "portal", NULL };
static const char *const changed_to[] = { "enrollment", "case", "router", "billing", "shipping", "portal", "adjudication", "program", NULL };
static const struct topic topics[] = {
	{ "prescription.intake.received", received_to, "an outside prescription arrived", received_event },
	{ "prescription.validation.completed", validated_to, "an outside prescription was checked and found right", validated_event },
	{ "prescription.status.changed", changed_to, "a prescription stands elsewhere", changed_event },
	{ 0 }
};
static const struct event_row events[] = {
	{ "patient.enrollment.completed", on_event }, { "pharmacy.recommended", on_event }, { "pharmacy.selected", on_event },
	{ "insurance.adjudication.completed", on_event }, { "adjudication.prior_auth.required", on_event }, { "adjudication.rejected", on_event },
	{ "payment.link.created", on_event }, { "payment.completed", on_event }, { "payment.link.expired", on_event }, { "payment.link.refunded", on_event },
	{ "shipment.label.created", on_event }, { "shipment.moved", on_event }, { "shipment.delivered", on_event },
	{ "rx.submission.updated", on_order_moved }, { "case.provider.assigned", on_provider_assigned },
};

static const struct conf_key config[] = {
	{ "VALIDATION_INTERVAL", CONF_SECS, .dflt = "10s", .says = "how often pending validations are looked for; each is woken for at once anyway" },
	{ 0 }
};

static int
start(const struct conf *conf UNUSED, struct problem *err UNUSED)
{
	script_init();
	return 0;
}

const struct service prescription_service = {
	.name = "prescription", .prefix = "/prescriptions", .database = "prescription", .says = "outside prescriptions: NCPDP messages, validation, status",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(timers, ntimers, timers),
	TABLE(events, nevents, events), TABLE(blind, nblind, patient_blind), .topics = topics, .config = config, .start = start,
};
