/*
 * router.c: the router's table. It chooses a pharmacy, submits prescriptions to it once, follows them and takes the pharmacies' webhooks. For
 * prescriptions of outside prescribers it scores the network's pharmacies, and staff selects one (scored/).
 * Called by the orchestrator, by staff, by shipping and adjudication, and by the pharmacies. Writes router_submissions, their history and webhook;
 * pharmacies, routings, recommendations, pharmacy_selections, capacity_days. orders and their events. Publishes rx.submission.updated, order.updated, pharmacy.recommended, pharmacy.selected.
 * Consumes patient.enrollment.completed and prescription.status.changed.
 */
#include "base/decimal.h"
#include "router/orders/orders.h"
#include "router/router.h"
#include "router/scored/scored.h"

static const char *const sexes[] = { "female", "male", NULL };

static const struct field address_fields[] = {
	{ "line1", STRING, .required = true, .max = 100, .says = "street and number", .example = "100 Example Street" },
	{ "line2", STRING, .max = 100, .says = "flat, suite", .example = "Apartment 2" },
	{ "city", STRING, .required = true, .max = 60, .says = "city", .example = "New Orleans" },
	{ "state", STATE, .required = true, .says = "ship-to state" },
	{ "zip", STRING, .required = true, .min = 5, .max = 10, .says = "ZIP or ZIP+4", .example = "70112" },
	{ 0 }
};
static const struct field allergy_fields[] = {
	{ "substance", STRING, .required = true, .max = 200, .says = "what the patient reacts to", .example = "penicillin" },
	{ "reaction", STRING, .max = 200, .says = "how" },
	{ 0 }
};
static const struct field drug_fields[] = {
	{ "name", STRING, .required = true, .max = 200, .says = "a medication the patient takes" },
	{ "dose", STRING, .max = 100, .says = "its dose" },
	{ 0 }
};
static const struct field condition_fields[] = {
	{ "code", STRING, .required = true, .max = 16, .says = "ICD-10-CM", .example = "I10" },
	{ "display", STRING, .required = true, .max = 200, .says = "its name", .example = "Essential hypertension" },
	{ 0 }
};
static const struct field patient_fields[] = {
	{ "firstName", STRING, .required = true, .max = 80, .says = "given name", .example = "Ada" },
	{ "lastName", STRING, .required = true, .max = 80, .says = "family name", .example = "Sample" },
	{ "birthDate", DATE, .required = true, .says = "date of birth" },
	{ "sex", ENUM, .required = true, .values = sexes, .says = "sex at birth" },
	{ "email", EMAIL, .says = "for the pharmacy's own record" },
	{ "phone", PHONE, .required = true, .says = "for the carrier and the pharmacist" },
	{ "address", OBJECT, .required = true, .of = address_fields, .says = "where the parcel goes" },
	{ "allergies", ARRAY, .max = 50, .of = allergy_fields, .says = "known allergies" },
	{ "medications", ARRAY, .max = 50, .of = drug_fields, .says = "current medications" },
	{ "conditions", ARRAY, .max = 50, .of = condition_fields, .says = "known conditions" },
	{ 0 }
};
static const struct field prescriber_fields[] = {
	{ "npi", STRING, .required = true, .min = 10, .max = 10, .says = "National Provider Identifier of the prescriber of record",
	    .example = "1234567893" },
	{ "name", STRING, .required = true, .max = 120, .says = "as on the prescription" },
	{ "licenseNumber", STRING, .max = 40, .says = "in the patient's state", .example = "MD.204417" },
	{ "state", STATE, .says = "of the licence" },
	{ 0 }
};
static const struct field medication_fields[] = {
	{ "name", STRING, .required = true, .max = 120, .says = "drug" },
	{ "dosage", STRING, .required = true, .max = 120, .says = "strength chosen by the physician", .example = "0.25 mg" },
	{ "sku", STRING, .required = true, .max = 60, .says = "the pharmacy's product code" },
	{ "ndc", STRING, .required = true, .min = 11, .max = 11, .says = "NDC, eleven digits" },
	{ "quantity", QUANTITY, .required = true, .max = 999 * QUANTITY_ONE, .says = "units to dispense: 1, 2.5" },
	{ "daysSupply", INTEGER, .required = true, .min = 1, .max = 365, .says = "days the quantity lasts" },
	{ "refills", INTEGER, .required = true, .min = 0, .max = 11, .says = "refills allowed" },
	{ "directions", STRING, .required = true, .max = 500, .says = "SIG, as the patient reads it" },
	{ 0 }
};

static const struct field choice_body[] = {
	{ "state", STATE, .required = true, .says = "the patient's ship-to state" },
	{ "platform", STRING, .required = true, .max = 40, .says = "yourera", .example = "yourera" },
	{ "medication", STRING, .required = true, .max = 120, .says = "what is prescribed", .example = "Semaglutide" },
	{ 0 }
};
static const struct field choice_reply[] = {
	{ "pharmacy", STRING, .required = true, .says = "its code", .example = "gmp" },
	{ "name", STRING, .required = true, .says = "its name" },
	{ "adapter", STRING, .required = true, .says = "how it is spoken to" },
	{ "reason", STRING, .required = true, .says = "licensed_in_state or fallback", .example = "blood pressure" },
	{ "ownShipping", BOOLEAN, .required = true, .says = "true: we label and ship; false: the pharmacy ships itself" },
	{ "holds", BOOLEAN, .required = true, .says = "true: it may be submitted on hold, before the money; false: authorise first" },
	{ 0 }
};
static const struct field submit_body[] = {
	{ "externalId", UUID, .required = true, .says = "the caller's id of this prescription; one submission per caller and id" },
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "pharmacy", STRING, .required = true, .max = 40, .says = "as chosen by /rx/route", .example = "gmp" },
	{ "patient", OBJECT, .required = true, .of = patient_fields, .says = "as the pharmacy needs to know the patient" },
	{ "prescriber", OBJECT, .required = true, .of = prescriber_fields, .says = "the physician who claimed and approved" },
	{ "medication", OBJECT, .required = true, .of = medication_fields, .says = "what to dispense" },
	{ "callbackUrl", STRING, .max = 200, .says = "path of a Telerx service that hears of every change, signed",
	    .example = "/api/pharmacy/callback" },
	{ "hold", BOOLEAN, .says = "not to be dispensed before it is released" },
	{ 0 }
};
static const struct field submission_reply[] = {
	{ "routerSubmissionId", UUID, .required = true, .says = "our id, the pharmacy's client reference" },
	{ "externalId", UUID, .required = true, .says = "the caller's id" },
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "pharmacy", STRING, .required = true, .says = "its code", .example = "gmp" },
	{ "status", STRING, .required = true, .says = "queued, accepted, rejected, manual, shipped, delivered, cancel_pending or cancelled" },
	{ "reason", STRING, .says = "why, for rejected and manual", .example = "blood pressure" },
	{ "vendorOrder", STRING, .says = "the pharmacy's own order id" },
	{ "trackingNumber", STRING, .says = "of the parcel", .example = "794644790138" },
	{ "trackingUrl", STRING, .says = "where to follow it", .example = "https://www.example.com/track/794644790138" },
	{ 0 }
};
static const struct field find_query[] = {
	{ "externalId", UUID, .required = true, .says = "the caller's id" },
	{ 0 }
};
static const struct field boothwyn_body[] = {
	{ "caseId", UUID, .required = true, .says = "our submission id" },
	{ "meds", ANY, .says = "what was dispensed" },
	{ "patientEmail", STRING, .says = "not used" },
	{ "rxStatus", STRING, .required = true, .max = 60, .says = "Received, Shipped, …" },
	{ "rxStatusDateTime", STRING, .max = 60, .says = "when" },
	{ "trackingNumber", STRING, .max = 60, .nullable = true, .says = "once shipped", .example = "794644790138" },
	{ "trackingURL", STRING, .max = 300, .nullable = true, .says = "once shipped" },
	{ "rxNumbers", ANY, .says = "the pharmacy's prescription numbers" },
	{ 0 }
};

#define OPS     .access = ROLE, .roles = "admin ops_manager ops_agent"
#define PRESCRIBERS .access = ROLE, .roles = "admin ops_manager ops_agent provider"
#define KEEPERS .access = ROLE, .roles = "admin ops_manager"

static const struct route routes[] = {
	{ "POST", "/rx/route", choice_show, .access = SERVICE, .callers = "orchestrator", .db = READ, .once = NATURAL,
	    .body = choice_body, .reply = choice_reply,
	    .problems = "422 state_excluded no_pharmacy",
	    .says = "chooses the pharmacy for a state" },
	{ "POST", "/rx/prescriptions/submit", submission_create, .access = SERVICE, .callers = "orchestrator", .db = WRITE, .once = KEY,
	    .audit = "prescription.submit", .body = submit_body, .reply = submission_reply, .status = 202,
	    .problems = "422 unknown_pharmacy pharmacy_does_not_hold",
	    .says = "takes a prescription for submission to its pharmacy" },
	{ "GET", "/rx/prescriptions/:id", submission_show, .access = SERVICE, .callers = "orchestrator", .db = READ,
	    .reply = submission_reply, .says = "one submission" },
	{ "GET", "/rx/prescriptions", submission_find, .access = SERVICE, .callers = "orchestrator", .db = READ,
	    .query = find_query, .reply = submission_reply,
	    .problems = "404 not_found",
	    .says = "the submission of a caller's own id" },
	{ "POST", "/rx/prescriptions/:id/cancel", submission_cancel, .access = SERVICE, .callers = "orchestrator", .db = WRITE, .once = KEY,
	    .audit = "prescription.cancel", .reply = submission_reply, .status = 202,
	    .problems = "409 already_shipped",
	    .says = "takes a prescription back; the outcome is an event" },
	{ "POST", "/rx/prescriptions/:id/release", submission_release, .access = SERVICE, .callers = "orchestrator", .db = WRITE, .once = KEY,
	    .audit = "prescription.release", .reply = submission_reply, .status = 202,
	    .problems = "409 not_on_hold",
	    .says = "lets the pharmacy dispense what it holds" },
	{ "GET", "/rx/pharmacies/:id", pharmacy_address, .access = SERVICE, .callers = "shipping adjudication", .db = READ,
	    .reply = pharmacy_address_reply, .says = "a pharmacy of the network: where it ships from" },
	{ "GET", "/api/v1/prescriptions/:prescriptionId/recommendations", recommendations_show, OPS, .db = READ_AUDITED, .audit = "routing.read",
	    .params = prescription_params, .reply = recommendations_reply,
	    .says = "the pharmacies recommended for a prescription, best first, and why others are not" },
	{ "GET", "/api/v1/prescriptions/:prescriptionId/recommendations/explain", recommendations_explain, OPS, .db = READ_AUDITED,
	    .audit = "routing.explain", .params = prescription_params, .reply = explain_reply,
	    .problems = "409 not_routed",
	    .says = "judges the stored inputs once more, pharmacy by pharmacy" },
	{ "POST", "/api/v1/prescriptions/:prescriptionId/select-pharmacy", selection_create, OPS, .db = WRITE, .once = NATURAL,
	    .audit = "pharmacy.select", .params = prescription_params, .body = select_body, .reply = select_reply,
	    .problems = "409 at_capacity already_selected not_recommended_yet, 422 not_recommended selected_by_mismatch",
	    .says = "selects one of the recommended pharmacies and takes its capacity" },
	{ "POST", "/api/v1/prescriptions/:prescriptionId/reroute", routing_again, OPS, .db = WRITE, .once = NATURAL, .audit = "pharmacy.reroute",
	    .params = prescription_params, .body = reroute_body, .reply = reroute_reply, .status = 202,
	    .problems = "409 closed controlled_stays",
	    .says = "lets go of what was selected, leaves it out and routes again" },
	{ "POST", "/api/v1/pharmacies", pharmacy_create, KEEPERS, .db = WRITE, .once = NATURAL, .audit = "pharmacy.create",
	    .body = pharmacy_create_body, .reply = pharmacy_reply, .status = 201,
	    .problems = "409 duplicate_pharmacy, 422 dea_required",
	    .says = "adds a pharmacy; an NPI and an NCPDP number are on file once" },
	{ "GET", "/api/v1/pharmacies", pharmacy_list, OPS, .db = READ, .query = pharmacy_list_query, .reply = pharmacy_list_reply,
	    .says = "the network" },
	{ "GET", "/api/v1/pharmacies/:id", pharmacy_show, OPS, .db = READ, .reply = pharmacy_reply, .says = "one pharmacy" },
	{ "PATCH", "/api/v1/pharmacies/:id", pharmacy_change, KEEPERS, .db = WRITE, .once = NATURAL, .audit = "pharmacy.change",
	    .body = pharmacy_change_body, .reply = pharmacy_reply,
	    .problems = "409 duplicate_pharmacy, 422 dea_required",
	    .says = "changes what it names; contracts and lists are replaced whole" },
	{ "GET", "/api/v1/pharmacies/:id/capacity", pharmacy_load, OPS, .db = READ, .reply = capacity_reply, .says = "what of its day is taken" },
	{ "POST", "/orders", order_create, PRESCRIBERS, .db = WRITE, .once = KEY, .audit = "order.create", .body = order_body, .reply = order_reply,
	    .status = 201, .problems = "409 order_exists",
	    .says = "has a prescription sent to a pharmacy; a prescription has one order" },
	{ "GET", "/orders/:id", order_show, PRESCRIBERS, .db = READ, .reply = order_show_reply, .says = "an order and what happened to it" },
	{ "POST", "/orders/:id/cancel", order_cancel, PRESCRIBERS, .db = WRITE, .once = NATURAL, .audit = "order.cancel", .reply = order_reply, .status = 202,
	    .problems = "409 already_shipped",
	    .says = "takes an order back: at once, or cancel_pending until the pharmacy says so" },
	{ "POST", "/orders/:id/resend", order_resend, PRESCRIBERS, .db = WRITE, .once = NATURAL, .audit = "order.resend", .reply = order_reply, .status = 202,
	    .problems = "409 already_accepted cancelled outcome_unknown",
	    .says = "sends what was refused, or never came to a pharmacy, once more under the same external id" },
	{ WEBHOOK_MEMBERS("/rx/webhooks/boothwyn", "boothwyn"), .body = boothwyn_body, .problems = "404 not_found",
	    .says = "status and tracking from Boothwyn" },
	{ WEBHOOK_MEMBERS("/shipping/webhooks/boothwyn", "boothwyn"), .body = boothwyn_body, .problems = "404 not_found",
	    .says = "the same, at its documented second address" },
	WEBHOOK_ROUTE("/rx/webhooks/pioneerrx", "pioneerrx", "PioneerRx's RxEvents: that something happened; the address holds ?token="),
};

static const struct job_row jobs[] = {
	{ "pioneerrx.submit", pioneerrx_submit_job, .queue = "pioneerrx", .says = "finds or adds the patient at PioneerRx" },
	{ "pioneerrx.patient", effect_job, .queue = "pioneerrx", .says = "adds the patient" },
	{ "pioneerrx.prescribe", pioneerrx_prescribe_job, .queue = "pioneerrx", .says = "finds the prescriber and intends the order" },
	{ "pioneerrx.order", effect_job, .queue = "pioneerrx", .says = "sends the order" },
	{ "pioneerrx.release", effect_job, .queue = "pioneerrx", .says = "releases a held order" },
	{ "webhook.boothwyn", webhook_job, .queue = "webhook", .says = "takes down what Boothwyn told" },
	{ "webhook.pioneerrx", webhook_job, .queue = "webhook", .says = "asks about an order that PioneerRx spoke of" },
	{ WEBHOOK_SWEEP, webhook_sweep_job, .queue = "webhook", .says = "forgets old webhooks" },
	{ "pioneerrx.follow", pioneerrx_follow_job, .queue = "pioneerrx", .says = "asks for the order's status until it ends" },
	{ "boothwyn.submit", boothwyn_submit_job, .queue = "boothwyn", .says = "intends the order" },
	{ "boothwyn.order", effect_job, .queue = "boothwyn", .says = "sends the order" },
	{ "pioneerrx.reconcile", orders_reconcile_job, .queue = "pioneerrx", .says = "compares the orders of three days with PioneerRx" },
	{ "pioneerrx.close", orders_reconcile_job, .queue = "pioneerrx", .says = "closes a day: compares its orders with PioneerRx when it is over" },
	{ "routing.run", routing_job, .queue = "routing", .keep = true, .says = "judges the pharmacies for a prescription and recommends five" },
	{ "routing.sweep", routing_sweep_job, .queue = "routing", .says = "routes what waits, and again what found no pharmacy before things changed" },
	{ "order.send", order_send_job, .keep = true, .says = "asks for an order's prescription and submits it" },
	{ "order.parcel", order_parcel_job, .keep = true, .says = "hands an accepted order's parcel to shipping, where the pharmacy is our own" },
	{ "rx.callback", callback_job, .says = "tells the caller's callbackUrl" },
	{ "rx.parcel", parcel_job, .says = "hands a pharmacy's own parcel to shipping" },
};
static const struct queue_row queues[] = {
	{ "webhook", 1 },
	{ "pioneerrx", 2 }, { "boothwyn", 2 }, { "routing", 1 }, { "default", 1 },
};
static const struct webhook_source *const webhooks[] = { &boothwyn_webhook_source, &pioneerrx_webhook_source };
static const struct timer_row timers[] = {
	{ WEBHOOK_SWEEP, "WEBHOOK_SWEEP", WEBHOOK_SWEEP, .says = "webhooks that are old" },
	{ "pioneerrx.reconcile", "RECONCILE_EVERY", "pioneerrx.reconcile", "compares orders with PioneerRx" },
	{ "pioneerrx.close", "RECONCILE_CLOSE", "pioneerrx.close", "closes the day" },
	{ "routing.sweep", "ROUTING_SWEEP", "routing.sweep", "prescriptions that wait for a pharmacy", BACKFILL_NONE, .polls = "routing_jobs" },
};
static const struct effect_kind *const effect_list[] = {
	&pioneerrx_patient_effect, &pioneerrx_order_effect, &pioneerrx_release_effect, &boothwyn_order_effect,
};

static const struct field updated_event[] = {
	{ "routerSubmissionId", UUID, .required = true, .says = "the order here" },
	{ "externalId", UUID, .required = true, .says = "the run" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "pharmacy", STRING, .required = true, .max = 100, .says = "its name here" },
	{ "status", STRING, .required = true, .max = 100, .says = "accepted, rejected, shipped, manual, ..." },
	{ "reason", STRING, .max = 1000, .says = "a code or the pharmacy's words" },
	{ "trackingNumber", STRING, .max = 100, .says = "the carrier's number" },
	{ 0 }
};
static const char *const updated_to[] = { "orchestrator", "prescription", "portal", NULL };
static const struct topic topics[] = {
	{ "rx.submission.updated", updated_to, "a prescription moved at its pharmacy", updated_event },
	{ "order.updated", order_to, "a pharmacy order stands elsewhere", order_event },
	{ "pharmacy.recommended", recommended_to, "pharmacies are recommended for a prescription; staff selects", recommended_event },
	{ "pharmacy.selected", selected_to, "staff selected a pharmacy for a prescription", selected_event },
	{ 0 }
};

static const struct event_row events[] = {
	{ "patient.enrollment.completed", on_enrollment_completed },
	{ "prescription.status.changed", on_prescription_status },
	{ "shipment.updated", on_parcel_moved },
};

static const struct conf_key config[] = {
	{ "PIONEERRX_BASE_URL", CONF_STR, .required = true, .says = "https://<pharmacy-host>" },
	{ "PIONEERRX_API_KEY", CONF_STR, .required = true, .secret = true, .says = "prx-api-key" },
	{ "PIONEERRX_SHARED_SECRET", CONF_STR, .required = true, .secret = true, .says = "signs each call" },
	{ "PIONEERRX_EMPLOYEE_ID", CONF_STR, .required = true, .says = "who asks, in the pharmacy's system" },
	{ "PIONEERRX_CA_FILE", CONF_STR, .says = "the pharmacy's own certificate; unset: VENDOR_CA_FILE" },
	{ "PIONEERRX_WEBHOOK_SECRET", CONF_STR, .secret = true, .says = "token in the address that PioneerRx posts to; unset: nothing is taken there" },
	{ "BOOTHWYN_BASE_URL", CONF_STR, .required = true, .says = "Boothwyn's API" },
	{ "BOOTHWYN_API_KEY", CONF_STR, .required = true, .secret = true, .says = "x-functions-key" },
	{ "BOOTHWYN_WEBHOOK_SECRET", CONF_STR, .required = true, .secret = true, .says = "what boothwyn-signature must hold; a comma-separated list while it is rotated" },
	{ "BOOTHWYN_SHIPPING_METHOD", CONF_INT, .dflt = "43", .says = "code agreed with the pharmacy" },
	{ "EXCLUDED_STATES", CONF_LIST, .dflt = "MN,CA,TX,AR,NC,OK", .says = "states that are not served" },
	{ "RECONCILE_EVERY", CONF_SECS, .dflt = "1h", .says = "how often the orders of three days are compared with the pharmacies; 0 never" },
	{ "RECONCILE_CLOSE", CONF_SECS, .dflt = "1d", .says = "how often the day before is closed: 1d, at midnight UTC; 0 never" },
	{ "RECONCILE_GRACE", CONF_SECS, .dflt = "10m", .says = "an order that moved so recently is left to the next round" },
	{ "ROUTING_WEIGHTS", CONF_STR, .dflt = "distance=30,tier=25,capacity=20,performance=15,speed=10",
	    .says = "what each factor of a pharmacy's score weighs; whole percents, 100 in all" },
	{ "ROUTING_MILES", CONF_INT, .dflt = "100", .says = "how far a pharmacy may be that names no distance of its own" },
	{ "ROUTING_CUTOFF", CONF_INT, .dflt = "95", .says = "percent of its day from which a pharmacy is recommended no more" },
	{ "ROUTING_SWEEP", CONF_SECS, .dflt = "20s", .says = "how often prescriptions that wait for a pharmacy are looked for" },
	{ "PHARMACY_POLL", CONF_SECS, .dflt = "15m", .says = "how often an order is asked for" },
	{ 0 }
};

const struct service router_service = {
	.name = "router", .prefix = "/rx", .database = "pharmacy_router", .says = "chooses the pharmacy and submits the prescription",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(timers, ntimers, timers), TABLE(webhooks, nwebhooks, webhooks),
	TABLE(events, nevents, events), .start = facts_start, .topics = topics, .effects = effect_list, .neffects = COUNT(effect_list), .config = config,
};
