/*
 * shipping.c: the table of the shipping service: labels, print queue, tracking.
 * Called by the orchestrator (own parcels), the router (parcels of pharmacies that ship themselves) and staff. Writes shipments, their history, print_queue
 * and tracking_events. Publishes shipment.updated.
 */
#include "shipping/shipping.h"

static const char *const kinds[] = { "own", "external", NULL };
static const char *const print_states[] = { "pending", "printing", "printed", "error", "dropped", NULL };

static const struct field address_fields[] = {
	{ "name", STRING, .required = true, .max = 120, .says = "recipient" },
	{ "phone", PHONE, .required = true, .says = "for the carrier" },
	{ "line1", STRING, .required = true, .max = 100, .says = "street and number", .example = "100 Example Street" },
	{ "line2", STRING, .max = 100, .says = "flat, suite", .example = "Apartment 2" },
	{ "city", STRING, .required = true, .max = 35, .says = "city", .example = "New Orleans" },
	{ "state", STATE, .required = true, .says = "ship-to state" },
	{ "zip", STRING, .required = true, .min = 5, .max = 10, .says = "ZIP or ZIP+4", .example = "70112" },
	{ 0 }
};
static const struct field create_body[] = {
	{ "externalId", UUID, .required = true, .says = "the caller's id; one parcel per id and kind" },
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "kind", ENUM, .required = true, .values = kinds, .says = "own: we label and ship; external: followed only" },
	{ "pharmacy", STRING, .required = true, .max = 40, .says = "whose shelf it comes from", .example = "gmp" },
	{ "address", OBJECT, .of = address_fields, .says = "own parcels: where to" },
	{ "trackingNumber", STRING, .max = 60, .says = "external parcels: what to follow", .example = "794644790138" },
	{ "carrier", STRING, .max = 20, .says = "default fedex", .example = "fedex" },
	{ 0 }
};
static const struct field scan_fields[] = {
	{ "at", TIME, .required = true, .says = "when" },
	{ "code", STRING, .required = true, .says = "the carrier's code" },
	{ "description", STRING, .required = true, .says = "the carrier's words" },
	{ 0 }
};
static const struct field shipment_reply_fields[] = {
	{ "shipmentId", UUID, .required = true, .says = "the parcel" },
	{ "externalId", UUID, .required = true, .says = "the caller's id" },
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "kind", STRING, .required = true, .says = "own or external" },
	{ "pharmacy", STRING, .required = true, .says = "whose shelf", .example = "gmp" },
	{ "status", STRING, .required = true, .says = "requested … delivered, exception, returned, voiding, voided, manual" },
	{ "reason", STRING, .says = "why, for manual", .example = "blood pressure" },
	{ "carrier", STRING, .required = true, .says = "fedex", .example = "fedex" },
	{ "trackingNumber", STRING, .says = "once known", .example = "794644790138" },
	{ "scans", ARRAY, .max = 1000, .of = scan_fields, .says = "oldest first" },
	{ 0 }
};
static const struct field queue_query[] = {
	{ "status", ENUM, .values = print_states, .says = "default pending" },
	{ "pharmacy", STRING, .max = 40, .says = "only this pharmacy's", .example = "gmp" },
	{ "submissionId", UUID, .says = "only this case's" },
	{ 0 }
};
static const struct field queue_entry[] = {
	{ "id", UUID, .required = true, .says = "the entry" },
	{ "shipmentId", UUID, .required = true, .says = "its parcel" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "pharmacy", STRING, .required = true, .says = "whose queue", .example = "gmp" },
	{ "status", STRING, .required = true, .says = "pending, printing, printed, error, dropped" },
	{ "error", STRING, .says = "what staff wrote" },
	{ "trackingNumber", STRING, .says = "on the label", .example = "794644790138" },
	{ "createdAt", TIME, .required = true, .says = "when it was queued" },
	{ 0 }
};
static const struct field queue_reply[] = {
	{ "entries", ARRAY, .required = true, .max = 100, .of = queue_entry, .says = "oldest first" },
	{ 0 }
};
static const struct field print_reply[] = {
	{ "id", UUID, .required = true, .says = "the entry" },
	{ "shipmentId", UUID, .required = true, .says = "its parcel" },
	{ "status", STRING, .required = true, .says = "now" },
	{ 0 }
};
static const struct field error_body[] = {
	{ "error", STRING, .required = true, .min = 1, .max = 300, .says = "what went wrong at the printer" },
	{ 0 }
};

#define STAFF .access = SERVICE | ADMIN, .callers = "portal"

static const struct route routes[] = {
	{ "POST", "/shipping/shipments", shipment_create, .access = SERVICE, .callers = "orchestrator router", .db = WRITE, .once = KEY,
	    .audit = "shipment.create", .body = create_body, .reply = shipment_reply_fields, .status = 202,
	    .problems = "422 address_required tracking_required",
	    .says = "takes a parcel" },
	{ "GET", "/shipping/shipments/:id", shipment_show, .access = SERVICE | ADMIN, .callers = "orchestrator portal", .db = READ,
	    .reply = shipment_reply_fields, .says = "one parcel with its scans" },
	{ "POST", "/shipping/shipments/:id/void", shipment_void, .access = SERVICE | ADMIN, .callers = "orchestrator", .db = WRITE, .once = KEY,
	    .audit = "shipment.void", .reply = shipment_reply_fields, .status = 202,
	    .problems = "404 not_found, 409 already_shipped",
	    .says = "takes an own parcel back before it leaves; the outcome is an event" },
	{ "GET", "/shipping/shipments/:id/label", shipment_label, STAFF, .db = READ_AUDITED, .audit = "shipment.label", .media = "application/pdf",
	    .problems = "404 no_label",
	    .says = "the label, PDF" },
	{ "POST", "/shipping/shipments/:id/packed", shipment_packed, STAFF, .db = WRITE, .once = NATURAL, .audit = "shipment.packed",
	    .reply = shipment_reply_fields,
	    .problems = "409 illegal_transition",
	    .says = "staff packed it" },
	{ "POST", "/shipping/shipments/:id/shipped", shipment_shipped, STAFF, .db = WRITE, .once = NATURAL, .audit = "shipment.shipped",
	    .reply = shipment_reply_fields,
	    .problems = "409 illegal_transition",
	    .says = "staff handed it to the carrier; tracking starts" },
	{ "GET", "/shipping/print-queue", print_list, STAFF, .db = READ, .query = queue_query, .reply = queue_reply, .says = "what is to be printed" },
	{ "POST", "/shipping/print-queue/:id/printing", print_printing, STAFF, .db = WRITE, .once = NATURAL, .audit = "print.printing",
	    .reply = print_reply,
	    .problems = "409 illegal_transition",
	    .says = "the printer has it" },
	{ "POST", "/shipping/print-queue/:id/printed", print_printed, STAFF, .db = WRITE, .once = NATURAL, .audit = "print.printed",
	    .reply = print_reply,
	    .problems = "409 illegal_transition",
	    .says = "it is printed" },
	{ "POST", "/shipping/print-queue/:id/error", print_failed, STAFF, .db = WRITE, .once = NATURAL, .audit = "print.error",
	    .body = error_body, .reply = print_reply,
	    .problems = "409 illegal_transition",
	    .says = "the printer failed" },
	{ "POST", "/shipping/print-queue/:id/retry", print_retry, STAFF, .db = WRITE, .once = NATURAL, .audit = "print.retry",
	    .reply = print_reply,
	    .problems = "409 illegal_transition",
	    .says = "back to pending" },
};

static const struct job_row jobs[] = {
	{ "label.make", label_job, .says = "intends the label of an own parcel" },
	{ "fedex.ship", effect_job, .queue = "fedex", .says = "buys the label" },
	{ "fedex.cancel", effect_job, .queue = "fedex", .says = "voids a label" },
	{ "parcel.track", track_job, .queue = "fedex", .attempts = 60, .says = "asks where a parcel is" },
	{ "fedex.reconcile", parcels_reconcile_job, .queue = "fedex", .says = "compares the labels of three days with FedEx" },
	{ "fedex.close", parcels_reconcile_job, .queue = "fedex", .says = "closes a day: compares its labels with FedEx when it is over" },
	{ "parcel.tell", tell_patient_job, .says = "tells the patient" },
};
static const struct queue_row queues[] = { { "default", 1 }, { "fedex", 2 } };
static const struct timer_row timers[] = {
	{ "fedex.reconcile", "RECONCILE_EVERY", "fedex.reconcile", "compares labels with FedEx" },
	{ "fedex.close", "RECONCILE_CLOSE", "fedex.close", "closes the day" },
};
static const struct effect_kind *const effects[] = { &fedex_ship_effect, &fedex_cancel_effect };

static const struct field updated_event[] = {
	{ "shipmentId", UUID, .required = true, .says = "the parcel" },
	{ "externalId", UUID, .required = true, .says = "the run, or the router's order" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "status", STRING, .required = true, .max = 100, .says = "label_created, in_transit, delivered, ..." },
	{ "carrier", STRING, .required = true, .max = 100, .says = "who carries it", .nullable = true },
	{ "trackingNumber", STRING, .max = 100, .says = "the carrier's number" },
	{ "reason", STRING, .max = 1000, .says = "a code" },
	{ 0 }
};
static const char *const updated_to[] = { "orchestrator", "integration", "portal", NULL };
static const struct topic topics[] = {
	{ "shipment.updated", updated_to, "a parcel moved", updated_event },
	{ 0 }
};

static const struct conf_key config[] = {
	{ "FEDEX_BASE_URL", CONF_STR, .dflt = "https://apis.fedex.com", .says = "FedEx's API" },
	{ "FEDEX_CLIENT_ID", CONF_STR, .required = true, .says = "API key" },
	{ "FEDEX_CLIENT_SECRET", CONF_STR, .required = true, .secret = true, .says = "its secret" },
	{ "FEDEX_ACCOUNT_NUMBER", CONF_STR, .required = true, .says = "nine digits" },
	{ "FEDEX_SERVICE_TYPE", CONF_STR, .dflt = "STANDARD_OVERNIGHT", .says = "service of own parcels" },
	{ "RECONCILE_EVERY", CONF_SECS, .dflt = "1h", .says = "how often the labels of three days are compared with FedEx; 0 never" },
	{ "RECONCILE_CLOSE", CONF_SECS, .dflt = "1d", .says = "how often the day before is closed: 1d, at midnight UTC; 0 never" },
	{ "RECONCILE_GRACE", CONF_SECS, .dflt = "10m", .says = "a parcel that moved so recently is left to the next round" },
	{ "TRACKING_INTERVAL", CONF_SECS, .dflt = "30m", .says = "how often a parcel is asked for" },
	{ 0 }
};

const struct service shipping_service = {
	.name = "shipping", .prefix = "/shipping", .database = "shipping_service", .says = "labels, print queue and tracking",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(timers, ntimers, timers),
	TABLE(effects, neffects, effects),
	.topics = topics, .config = config,
};
