/*
 * billing.c: the table of billing: saved cards, payments, the ledger; the only service that talks to Stripe (decision C8).
 * Called by intake (the card), the orchestrator (payments), the staff (links) and Stripe (webhooks). Writes setup_intents, payments,
 * payment_history, copays, ledger, webhook. Publishes payment.authorized, payment.failed, payment.captured, payment.cancelled,
 * payment.refunded, payment.manual; of links payment.link.created, payment.completed, payment.link.expired, payment.link.refunded.
 * Consumes insurance.adjudication.completed, prescription.status.changed.
 */
#include "billing/billing.h"

static const char *const purposes[] = { "visit", "refill", NULL };

static const struct field setup_body[] = {
	{ "intakeId", UUID, .required = true, .says = "the intake session that saves the card" },
	{ "patientId", UUID, .required = true, .says = "whose card it is" },
	{ "planId", STRING, .required = true, .min = 1, .max = 60, .says = "the plan whose price is locked",
	    .example = "glp1-monthly" },
	{ "amountCents", INTEGER, .required = true, .min = 50, .max = 99999999,
	    .says = "locked price; nothing above it is ever charged" },
	{ "currency", STRING, .required = true, .min = 3, .max = 3, .says = "ISO 4217", .example = "USD" },
	{ 0 }
};
static const struct field setup_reply[] = {
	{ "setupIntentId", UUID, .required = true, .says = "our id of the saved card" },
	{ "clientSecret", STRING, .required = true, .says = "for the browser; never logged",
	    .example = "seti_1Example_secret_Example" },
	{ "publishableKey", STRING, .required = true, .says = "for the browser", .example = "pk_test_51Example" },
	{ "status", STRING, .required = true, .says = "Stripe's word: requires_payment_method, …, succeeded" },
	{ 0 }
};
static const struct field setup_shown[] = {
	{ "setupIntentId", UUID, .required = true, .says = "our id of the saved card" },
	{ "status", STRING, .required = true, .says = "Stripe's word; succeeded: the card is saved" },
	{ "amountCents", INTEGER, .required = true, .says = "locked price" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ "paymentMethod", STRING, .says = "Stripe's id, once saved" },
	{ 0 }
};
static const struct field payment_body[] = {
	{ "setupIntentId", UUID, .required = true, .says = "the saved card" },
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "patientId", UUID, .required = true, .says = "whose card it is" },
	{ "runId", UUID, .required = true, .says = "the orchestrator's run" },
	{ "amountCents", INTEGER, .required = true, .min = 50, .max = 99999999, .says = "at most the locked price" },
	{ "currency", STRING, .required = true, .min = 3, .max = 3, .says = "ISO 4217", .example = "USD" },
	{ "purpose", ENUM, .required = true, .values = purposes, .says = "what is paid" },
	{ "generation", INTEGER, .min = 1, .max = 1000, .says = "1; grows by a new act of a user after a decline" },
	{ 0 }
};
static const struct field payment_reply[] = {
	{ "paymentId", UUID, .required = true, .says = "the payment" },
	{ "setupIntentId", UUID, .required = true, .says = "the saved card" },
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "runId", UUID, .required = true, .says = "the orchestrator's run" },
	{ "purpose", STRING, .required = true, .says = "what is paid" },
	{ "generation", INTEGER, .required = true, .says = "which attempt of a user" },
	{ "amountCents", INTEGER, .required = true, .says = "amount" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ "status", STRING, .required = true,
	    .says = "pending, authorized, capturing, captured, cancelling, cancelled, refunding, refunded, failed, manual" },
	{ "code", STRING, .says = "why, for failed and manual" },
	{ 0 }
};

static const struct field link_body[] = {
	{ "prescription_id", UUID, .required = true, .says = "whose copay" },
	{ "amount", NUMBER, .required = true, .min = 0, .max = 999999, .says = "decimal; must be the adjudicated copay to the cent", .example = "5.00" },
	{ "currency", STRING, .required = true, .min = 3, .max = 3, .says = "ISO 4217", .example = "USD" },
	{ 0 }
};
#define LINK_FIELDS \
	{ "payment_id", UUID, .required = true, .says = "the payment" }, \
	{ "prescription_id", UUID, .required = true, .says = "whose copay" }, \
	{ "amount", NUMBER, .required = true, .says = "decimal", .example = "5.00" }, \
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" }, \
	{ "status", STRING, .required = true, .says = "pending, paid, expired, refunding, refunded, failed, manual" }, \
	{ "reason", STRING, .says = "why, for what is over" }, \
	{ "stripe_session_id", STRING, .says = "once Stripe has made the page", .example = "cs_test_a1Example" }, \
	{ "stripe_payment_link", STRING, .says = "the page", .example = "https://checkout.stripe.com/c/pay/cs_test_a1Example" }, \
	{ "link_expires_at", TIME, .required = true, .says = "a day after it was made" }, { 0 }
static const struct field link_reply[] = { LINK_FIELDS };
static const struct field links_query[] = {
	{ "prescription_id", UUID, .required = true, .says = "whose" },
	{ 0 }
};
static const struct field links_reply[] = {
	{ "payments", ARRAY, .required = true, .max = 50, .of = link_reply, .says = "newest first" },
	{ 0 }
};
static const struct field receipt_reply[] = {
	{ "payment_id", UUID, .required = true, .says = "the payment" },
	{ "prescription_id", UUID, .required = true, .says = "what for" },
	{ "amount_paid", NUMBER, .required = true, .says = "decimal", .example = "5.00" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ "paid_at", TIME, .required = true, .says = "when the money came" },
	{ "drug_cost", NUMBER, .required = true, .says = "decimal", .example = "6500.00" },
	{ "insurance_paid", NUMBER, .required = true, .says = "decimal", .example = "5000.00" },
	{ "copay", NUMBER, .required = true, .says = "before the programs", .example = "1500.00" },
	{ "patient_savings", NUMBER, .required = true, .says = "decimal", .example = "1495.00" },
	{ 0 }
};

#define STAFF .access = ROLE, .roles = "admin ops_manager ops_agent"

static const struct route routes[] = {
	{ "POST", "/billing/setup-intents", setup_create, .ask = setup_ask, .synchronous = "stripe", .access = SERVICE,
	    .callers = "intake", .db = WRITE, .once = KEY, .audit = "setup_intent.create", .body = setup_body, .reply = setup_reply,
	    .status = 201, .says = "begins to save a card; nothing is charged" },
	{ "GET", "/billing/setup-intents/:id", setup_show, .ask = setup_show_ask, .synchronous = "stripe", .access = SERVICE,
	    .callers = "intake", .db = WRITE, .audit = "setup_intent.read", .reply = setup_shown,
	    .problems = "400 amount_mismatch",
	    .says = "whether the card is saved, as Stripe says now" },
	{ "POST", "/billing/payments", payment_create, .access = SERVICE, .callers = "orchestrator", .db = WRITE, .once = KEY,
	    .audit = "payment.create", .body = payment_body, .reply = payment_reply, .status = 202,
	    .problems = "404 not_found, 409 payment_exists payment_active, 422 card_not_saved currency_mismatch "
		"amount_above_consent",
	    .says = "authorises an amount on the saved card; the outcome is an event" },
	{ "POST", "/billing/payments/:id/capture", payment_capture, .access = SERVICE, .callers = "orchestrator", .db = WRITE,
	    .once = KEY, .audit = "payment.capture", .reply = payment_reply, .status = 202,
	    .problems = "409 payment_not_authorized",
	    .says = "takes the authorised money" },
	{ "POST", "/billing/payments/:id/cancel", payment_cancel, .access = SERVICE, .callers = "orchestrator", .db = WRITE,
	    .once = KEY, .audit = "payment.cancel", .reply = payment_reply, .status = 202,
	    .problems = "409 payment_not_authorized",
	    .says = "gives the authorised money back" },
	{ "POST", "/billing/payments/:id/refund", payment_refund, .access = SERVICE, .callers = "orchestrator", .db = WRITE,
	    .once = KEY, .audit = "payment.refund", .reply = payment_reply, .status = 202,
	    .problems = "409 payment_not_captured",
	    .says = "gives back all the captured money" },
	{ "GET", "/billing/payments/:id", payment_show, .access = SERVICE, .callers = "orchestrator", .db = READ,
	    .reply = payment_reply, .says = "one payment" },
	{ "POST", "/api/v1/payments/create-link", link_create, STAFF, .db = WRITE, .once = NATURAL, .audit = "payment.link",
	    .body = link_body, .reply = link_reply, .status = 202,
	    .problems = "404 not_adjudicated, 409 prescription_ended already_paid, 422 amount_mismatch currency_mismatch nothing_to_pay "
		"amount_too_small",
	    .says = "the prescription's link, made if none is open; its page follows" },
	{ "GET", "/api/v1/payments", link_list, STAFF, .db = READ, .query = links_query, .reply = links_reply, .says = "a prescription's payments" },
	{ "GET", "/api/v1/payments/:id", link_show, STAFF, .db = READ, .reply = link_reply, .says = "one payment by link" },
	{ "GET", "/api/v1/payments/:id/receipt", receipt_show, STAFF, .db = READ, .reply = receipt_reply, .problems = "404 not_paid",
	    .says = "what was paid" },
	{ "GET", "/payments/done", page_done, .access = PUBLIC, .db = NONE, .media = "text/html", .says = "where Stripe's page leads after paying" },
	{ "GET", "/payments/left", page_left, .access = PUBLIC, .db = NONE, .media = "text/html", .says = "where it leads who did not pay" },
	WEBHOOK_ROUTE("/billing/webhooks/stripe", "stripe", "Stripe's events"),
	WEBHOOK_ROUTE("/api/webhooks/stripe", "stripe", "the same, at a documented address"),
	WEBHOOK_ROUTE("/api/v1/webhooks/stripe", "stripe", "the same, at a documented address"),
};

static const struct job_row jobs[] = {
	{ "stripe.authorize", effect_job, .queue = "stripe", .says = "authorises on the saved card" },
	{ "stripe.capture", effect_job, .queue = "stripe", .says = "captures" },
	{ "stripe.cancel", effect_job, .queue = "stripe", .says = "cancels an authorisation" },
	{ "stripe.refund", effect_job, .queue = "stripe", .says = "refunds" },
	{ "stripe.checkout", effect_job, .queue = "stripe", .says = "makes the page where a link is paid" },
	{ "payment.monitor", links_monitor_job, .queue = "payment_jobs", .says = "reminds of links, ends them, asks about quiet ones" },
	{ "link.look", link_look_job, .queue = "payment_jobs", .attempts = 60, .keep = true, .says = "asks Stripe about an open link" },
	{ "link.close", link_close_job, .queue = "payment_jobs", .attempts = 60, .keep = true, .says = "closes the page of a link that gave way" },
	{ "link.settle", link_settle_job, .queue = "payment_jobs", .attempts = 60, .keep = true, .says = "completes what was paid, or gives it back" },
	{ "link.tell", notice_job, .queue = "payment_jobs", .attempts = 30, .says = "has the patient told about a payment" },
	{ "stripe.refresh", charge_refresh_job, .queue = "stripe", .says = "asks about an intent that Stripe is still processing" },
	{ "webhook.stripe", webhook_job, .queue = "webhook", .says = "fetches what a webhook hinted at" },
	{ WEBHOOK_SWEEP, webhook_sweep_job, .queue = "webhook", .says = "asks Stripe for events that never arrived" },
	{ "stripe.reconcile", payments_reconcile_job, .queue = "reconcile", .says = "compares the last three days with Stripe's list" },
	{ "stripe.close", payments_reconcile_job, .queue = "reconcile", .says = "closes a day: compares it with Stripe's list when it is over" },
};
static const struct queue_row queues[] = { { "stripe", 2 }, { "webhook", 2 }, { "reconcile", 1 }, { "payment_jobs", 1 }, { "default", 1 } };
static const struct timer_row timers[] = {
	{ "stripe.reconcile", "RECONCILE_EVERY", "stripe.reconcile", "compares payments with Stripe's list" },
	{ "stripe.close", "RECONCILE_CLOSE", "stripe.close", "closes the day" },
	{ "payment.monitor", "PAYMENT_MONITOR", "payment.monitor", "reminders, ends and look-ups of links", .polls = "payment_jobs" },
	{ WEBHOOK_SWEEP, "WEBHOOK_SWEEP", WEBHOOK_SWEEP, .says = "webhooks that never arrived, and those that are old" },
};
static const struct webhook_source *const webhooks[] = { &stripe_webhook_source };
static const struct effect_kind *const effects[] = {
	&stripe_authorize_effect, &stripe_capture_effect, &stripe_cancel_effect, &stripe_refund_effect,
	&stripe_checkout_effect,
};
static const struct event_row events[] = {
	{ "insurance.adjudication.completed", on_adjudicated },
	{ "prescription.status.changed", on_prescription_status },
};

static const struct field payment_event[] = {
	{ "paymentId", UUID, .required = true, .says = "the payment" },
	{ "runId", UUID, .required = true, .says = "the run that asked for it" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "amountCents", INTEGER, .required = true, .min = 0, .says = "the amount" },
	{ "currency", STRING, .required = true, .max = 3, .says = "three letters" },
	{ "code", STRING, .max = 100, .says = "the bank's or our reason" },
	{ 0 }
};
static const struct field link_created_event[] = {
	{ "prescription_id", UUID, .required = true, .says = "whose copay" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "payment_id", UUID, .required = true, .says = "the payment" },
	{ "amount_cents", INTEGER, .required = true, .min = 0, .says = "what is to be paid" },
	{ "expires_at", TIME, .required = true, .says = "until when" },
	{ 0 }
};
static const struct field link_event[] = {
	{ "prescription_id", UUID, .required = true, .says = "whose copay" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "payment_id", UUID, .required = true, .says = "the payment" },
	{ "amount_cents", INTEGER, .required = true, .min = 0, .says = "the amount" },
	{ 0 }
};
static const struct field completed_event[] = {
	{ "prescription_id", UUID, .required = true, .says = "whose copay" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "payment_id", UUID, .required = true, .says = "the payment" },
	{ "amount_paid", INTEGER, .required = true, .min = 0, .says = "in cents" },
	{ 0 }
};
static const char *const link_to[] = { "prescription", "portal", NULL };
static const char *const completed_to[] = { "prescription", "adjudication", "shipping", "portal", NULL };
static const char *const payment_to[] = { "orchestrator", "portal", NULL };
static const struct topic topics[] = {
	{ "payment.authorized", payment_to, "the bank holds the amount", payment_event },
	{ "payment.failed", payment_to, "the card was declined; code says how", payment_event },
	{ "payment.captured", payment_to, "the money was taken", payment_event },
	{ "payment.cancelled", payment_to, "the authorisation was given back", payment_event },
	{ "payment.refunded", payment_to, "the captured money was given back", payment_event },
	{ "payment.manual", payment_to, "the outcome needs a person; code says why", payment_event },
	{ "payment.link.created", link_to, "a patient can pay at a link", link_created_event },
	{ "payment.completed", completed_to, "a copay was paid, and is wanted", completed_event },
	{ "payment.link.expired", link_to, "a link was not paid in its time", link_event },
	{ "payment.link.refunded", link_to, "what was paid by a link was given back", link_event },
	{ 0 }
};

static const struct conf_key config[] = {
	{ "STRIPE_BASE_URL", CONF_STR, .dflt = "https://api.stripe.com", .says = "Stripe's API" },
	{ "STRIPE_SECRET_KEY", CONF_STR, .required = true, .secret = true, .says = "sk_…; a live key only with LIVE_MODE" },
	{ "STRIPE_PUBLISHABLE_KEY", CONF_STR, .required = true, .says = "pk_…, for the browser" },
	{ "STRIPE_WEBHOOK_SECRET", CONF_STR, .required = true, .secret = true,
	    .says = "whsec_…; a comma-separated list while it is rolled" },
	{ "RECONCILE_EVERY", CONF_SECS, .dflt = "1h", .says = "how often the last three days are compared with Stripe's list; 0 never" },
	{ "RECONCILE_CLOSE", CONF_SECS, .dflt = "1d", .says = "how often the day before is closed: 1d, at midnight UTC; 0 never" },
	{ "RECONCILE_GRACE", CONF_SECS, .dflt = "10m", .says = "a payment that moved so recently is left to the next round" },
	{ "PAYMENT_LINK_LIFE", CONF_SECS, .dflt = "24h", .says = "how long a link is open; Stripe takes 30m to 24h" },
	{ "PAYMENT_REMIND", CONF_SECS, .dflt = "2h", .says = "the patient is reminded so long before a link ends" },
	{ "PAYMENT_MONITOR", CONF_SECS, .dflt = "30s", .says = "how often links are looked through" },
	{ "PAYMENT_LOOK", CONF_SECS, .dflt = "15m", .says = "Stripe is asked about an open link that is quiet for so long" },
	{ "STRIPE_API_VERSION", CONF_STR, .dflt = "2026-10-28.endive", .says = "sent with every call" },
	{ 0 }
};

const struct service billing_service = {
	.name = "billing", .prefix = "/billing", .database = "billing",
	.says = "saved cards, payments and the ledger; the only one that talks to Stripe",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(timers, ntimers, timers),
	TABLE(effects, neffects, effects), TABLE(webhooks, nwebhooks, webhooks),
	TABLE(events, nevents, events), .topics = topics, .config = config, .start = stripe_start,
};
