/*
 * shipping.c: the table of the shipping service: labels, print queue, tracking.
 * Called by the orchestrator (own parcels), the router (parcels of pharmacies that ship themselves), staff and Shippo. Writes shipments, their history,
 * print_queue, tracking_events and pharmacy_choices. Publishes shipment.updated; of prescriptions shipment.label.created, shipment.moved, shipment.delivered.
 * Consumes payment.completed, insurance.adjudication.completed, pharmacy.selected, prescription.status.changed.
 */
#include "shipping/shippo.h"

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
	{ "submissionId", UUID, .says = "the intake submission; not for prescriptions" },
	{ "kind", STRING, .required = true, .says = "own, external or prescription" },
	{ "pharmacy", STRING, .required = true, .says = "whose shelf", .example = "gmp" },
	{ "status", STRING, .required = true, .says = "requested … delivered, exception, returned, voiding, voided, manual" },
	{ "reason", STRING, .says = "why, for manual", .example = "blood pressure" },
	{ "carrier", STRING, .required = true, .says = "fedex", .example = "fedex" },
	{ "trackingNumber", STRING, .says = "once known", .example = "794644790138" },
	{ "trackingUrl", STRING, .says = "the carrier's page", .example = "https://tools.usps.com/go/TrackConfirmAction?tLabels=9205" },
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

/* A parcel by its own address, and by a documented one. */
#define PARCELS(prefix) \
	{ "POST", prefix, shipment_create, .access = SERVICE, .callers = "orchestrator router", .db = WRITE, .once = KEY, \
	    .audit = "shipment.create", .body = create_body, .reply = shipment_reply_fields, .status = 202, \
	    .problems = "422 address_required tracking_required", .says = "takes a parcel" }, \
	{ "GET", prefix "/:id", shipment_show, .access = SERVICE | ADMIN, .callers = "orchestrator portal", .db = READ, \
	    .reply = shipment_reply_fields, .says = "one parcel with its scans" }, \
	{ "POST", prefix "/:id/void", shipment_void, .access = SERVICE | ADMIN, .callers = "orchestrator", .db = WRITE, .once = KEY, \
	    .audit = "shipment.void", .reply = shipment_reply_fields, .status = 202, .problems = "404 not_found, 409 already_shipped", \
	    .says = "takes an own parcel back before it leaves; the outcome is an event" }, \
	{ "GET", prefix "/:id/label", shipment_label, STAFF, .db = READ_AUDITED, .audit = "shipment.label", .media = "application/pdf", \
	    .problems = "404 no_label", .says = "the label, PDF" }, \
	{ "POST", prefix "/:id/packed", shipment_packed, STAFF, .db = WRITE, .once = NATURAL, .audit = "shipment.packed", \
	    .reply = shipment_reply_fields, .problems = "409 illegal_transition", .says = "staff packed it" }, \
	{ "POST", prefix "/:id/shipped", shipment_shipped, STAFF, .db = WRITE, .once = NATURAL, .audit = "shipment.shipped", \
	    .reply = shipment_reply_fields, .problems = "409 illegal_transition", .says = "staff handed it to the carrier; tracking starts" }

static const struct route routes[] = {
	PARCELS("/shipping/shipments"),
	PARCELS("/api/v1/shipments"),
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
	WEBHOOK_ROUTE("/shipping/webhooks/shippo", "shippo", "where Shippo tells of parcels"),
};

static const struct job_row jobs[] = {
	{ "label.make", label_job, .says = "intends the label of an own parcel" },
	{ "fedex.ship", effect_job, .queue = "fedex", .says = "buys the label" },
	{ "fedex.cancel", effect_job, .queue = "fedex", .says = "voids a label" },
	{ "parcel.track", track_job, .queue = "fedex", .attempts = 60, .says = "asks where a parcel is" },
	{ "fedex.reconcile", parcels_reconcile_job, .queue = "fedex", .says = "compares the labels of three days with FedEx" },
	{ "fedex.close", parcels_reconcile_job, .queue = "fedex", .says = "closes a day: compares its labels with FedEx when it is over" },
	{ "shippo.reconcile", labels_reconcile_job, .says = "compares the labels of three days with Shippo's list" },
	{ "shippo.close", labels_reconcile_job, .says = "closes a day: compares its labels with Shippo's list when it is over" },
	{ "parcel.prepare", parcel_prepare_job, .queue = "shipping_jobs", .attempts = 60, .keep = true, .says = "puts a prescription's parcel together" },
	{ "shippo.buy", effect_job, .queue = "shipping_jobs", .says = "buys its label" },
	{ "shippo.refund", effect_job, .queue = "shipping_jobs", .says = "voids its label" },
	{ "label.fetch", label_fetch_job, .queue = "shipping_jobs", .attempts = 30, .says = "fetches the label's file" },
	{ "shipping.sweep", parcels_sweep_job, .queue = "shipping_jobs", .says = "parcels that were asked for and wait" },
	{ "parcel.follow", follow_job, .queue = "tracking_jobs", .attempts = 30, .says = "asks Shippo where a parcel is" },
	{ "tracking.sweep", follow_sweep_job, .queue = "tracking_jobs", .says = "parcels that are quiet" },
	{ "webhook.shippo", webhook_job, .queue = "tracking_jobs", .says = "looks at a parcel that Shippo spoke of" },
	{ WEBHOOK_SWEEP, webhook_sweep_job, .queue = "tracking_jobs", .says = "forgets old webhooks" },
	{ "parcel.tell", tell_patient_job, .says = "tells the patient" },
};
static const struct queue_row queues[] = { { "default", 1 }, { "fedex", 2 }, { "shipping_jobs", 1 }, { "tracking_jobs", 1 } };
static const struct timer_row timers[] = {
	{ "fedex.reconcile", "RECONCILE_EVERY", "fedex.reconcile", "compares labels with FedEx" },
	{ "fedex.close", "RECONCILE_CLOSE", "fedex.close", "closes the day" },
	{ "shippo.reconcile", "RECONCILE_EVERY", "shippo.reconcile", "compares labels with Shippo" },
	{ "shippo.close", "RECONCILE_CLOSE", "shippo.close", "closes the day" },
	{ "shipping.sweep", "SHIPPING_SWEEP", "shipping.sweep", "parcels that were asked for and wait", .polls = "shipping_jobs" },
	{ "tracking.sweep", "TRACKING_SWEEP", "tracking.sweep", "parcels that are quiet", .polls = "tracking_jobs" },
	{ WEBHOOK_SWEEP, "WEBHOOK_SWEEP", WEBHOOK_SWEEP, .says = "webhooks that are old" },
};
static const struct webhook_source *const webhooks[] = { &shippo_webhook_source };
static const struct event_row events[] = {
	{ "payment.completed", on_payment_completed },
	{ "insurance.adjudication.completed", on_adjudicated },
	{ "pharmacy.selected", on_pharmacy_selected },
	{ "prescription.status.changed", on_prescription_status },
};
static const struct effect_kind *const effects[] = { &fedex_ship_effect, &fedex_cancel_effect, &shippo_buy_effect, &shippo_refund_effect };

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
#define OF_PRESCRIPTION \
	{ "prescription_id", UUID, .required = true, .says = "whose parcel" }, { "patient_id", UUID, .required = true, .says = "the patient" }, \
	{ "shipment_id", UUID, .required = true, .says = "the parcel" }
static const struct field label_event[] = {
	OF_PRESCRIPTION,
	{ "carrier", STRING, .required = true, .max = 100, .says = "who carries it" },
	{ "tracking_number", STRING, .required = true, .max = 100, .says = "the carrier's number" },
	{ 0 }
};
static const char *const ways[] = { "in_transit", "out_for_delivery", "exception", "returned", NULL };
static const struct field moved_event[] = { OF_PRESCRIPTION, { "status", ENUM, .required = true, .values = ways, .says = "where it is" }, { 0 } };
static const struct field delivered_event[] = { OF_PRESCRIPTION, { "delivered_at", TIME, .required = true, .says = "when we heard of it" }, { 0 } };
static const char *const parcel_to[] = { "prescription", "portal", NULL };
static const char *const updated_to[] = { "orchestrator", "integration", "router", "portal", NULL };
static const struct topic topics[] = {
	{ "shipment.updated", updated_to, "a parcel moved", updated_event },
	{ "shipment.label.created", parcel_to, "a prescription's label was bought", label_event },
	{ "shipment.moved", parcel_to, "a prescription's parcel moved", moved_event },
	{ "shipment.delivered", parcel_to, "a prescription's parcel arrived", delivered_event },
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
	{ "SHIPPO_BASE_URL", CONF_STR, .dflt = "https://api.goshippo.com", .says = "Shippo's API" },
	{ "SHIPPO_API_TOKEN", CONF_STR, .required = true, .secret = true, .says = "shippo_test_…; shippo_live_… only with LIVE_MODE" },
	{ "SHIPPO_WEBHOOK_SECRET", CONF_STR, .required = true, .secret = true, .says = "proves Shippo's webhooks; a comma-separated list while it is rolled" },
	{ "SHIPPO_SETTLE", CONF_SECS, .dflt = "65s", .says = "a purchase without answer may still be at work for so long" },
	{ "COLD_CHAIN_DAYS", CONF_INT, .dflt = "2", .says = "what must stay cold goes by a service that takes at most so many days" },
	{ "SHIPPING_SWEEP", CONF_SECS, .dflt = "30s", .says = "how often parcels that wait are looked through" },
	{ "TRACKING_SWEEP", CONF_SECS, .dflt = "60s", .says = "how often quiet parcels are looked through" },
	{ "TRACKING_FRESH", CONF_SECS, .dflt = "4h", .says = "a label without a scan is asked for so often" },
	{ "TRACKING_MOVING", CONF_SECS, .dflt = "2h", .says = "a parcel on its way is asked for so often" },
	{ "TRACKING_NEAR", CONF_SECS, .dflt = "30m", .says = "one that is out for delivery, or in trouble, is asked for so often" },
	{ "TRACKING_INTERVAL", CONF_SECS, .dflt = "30m", .says = "how often a parcel is asked for at FedEx" },
	{ 0 }
};

const struct service shipping_service = {
	.name = "shipping", .prefix = "/shipping", .database = "shipping_service", .says = "labels, print queue and tracking",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(timers, ntimers, timers),
	TABLE(effects, neffects, effects), TABLE(events, nevents, events), TABLE(webhooks, nwebhooks, webhooks),
	.topics = topics, .config = config,
};
