/*
 * billing.c: the table of billing: saved cards, payments, the ledger; the only service that talks to Stripe (decision C8).
 * Called by intake (the card), the orchestrator (payments) and Stripe (webhooks). Writes setup_intents, payments, payment_history,
 * ledger, webhook. Publishes payment.authorized, payment.failed, payment.captured, payment.cancelled, payment.refunded,
 * payment.manual.
 * Consumes nothing.
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
	WEBHOOK_ROUTE("/billing/webhooks/stripe", "stripe", "Stripe's events"),
	WEBHOOK_ROUTE("/api/webhooks/stripe", "stripe", "the same, at a documented address"),
	WEBHOOK_ROUTE("/api/v1/webhooks/stripe", "stripe", "the same, at a documented address"),
};

static const struct job_row jobs[] = {
	{ "stripe.authorize", effect_job, .queue = "stripe", .says = "authorises on the saved card" },
	{ "stripe.capture", effect_job, .queue = "stripe", .says = "captures" },
	{ "stripe.cancel", effect_job, .queue = "stripe", .says = "cancels an authorisation" },
	{ "stripe.refund", effect_job, .queue = "stripe", .says = "refunds" },
	{ "stripe.refresh", charge_refresh_job, .queue = "stripe", .says = "asks about an intent that Stripe is still processing" },
	{ "webhook.stripe", webhook_job, .queue = "webhook", .says = "fetches what a webhook hinted at" },
	{ WEBHOOK_SWEEP, webhook_sweep_job, .queue = "webhook", .says = "asks Stripe for events that never arrived" },
	{ "stripe.reconcile", payments_reconcile_job, .queue = "reconcile", .says = "compares the last three days with Stripe's list" },
	{ "stripe.close", payments_reconcile_job, .queue = "reconcile", .says = "closes a day: compares it with Stripe's list when it is over" },
};
static const struct queue_row queues[] = { { "stripe", 2 }, { "webhook", 2 }, { "reconcile", 1 }, { "default", 1 } };
static const struct timer_row timers[] = {
	{ "stripe.reconcile", "RECONCILE_EVERY", "stripe.reconcile", "compares payments with Stripe's list" },
	{ "stripe.close", "RECONCILE_CLOSE", "stripe.close", "closes the day" },
	{ WEBHOOK_SWEEP, "WEBHOOK_SWEEP", WEBHOOK_SWEEP, .says = "webhooks that never arrived, and those that are old" },
};
static const struct webhook_source *const webhooks[] = { &stripe_webhook_source };
static const struct effect_kind *const effects[] = {
	&stripe_authorize_effect, &stripe_capture_effect, &stripe_cancel_effect, &stripe_refund_effect,
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
static const char *const payment_to[] = { "orchestrator", "portal", NULL };
static const struct topic topics[] = {
	{ "payment.authorized", payment_to, "the bank holds the amount", payment_event },
	{ "payment.failed", payment_to, "the card was declined; code says how", payment_event },
	{ "payment.captured", payment_to, "the money was taken", payment_event },
	{ "payment.cancelled", payment_to, "the authorisation was given back", payment_event },
	{ "payment.refunded", payment_to, "the captured money was given back", payment_event },
	{ "payment.manual", payment_to, "the outcome needs a person; code says why", payment_event },
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
	{ "STRIPE_API_VERSION", CONF_STR, .dflt = "2026-10-28.endive", .says = "sent with every call" },
	{ 0 }
};

const struct service billing_service = {
	.name = "billing", .prefix = "/billing", .database = "billing",
	.says = "saved cards, payments and the ledger; the only one that talks to Stripe",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(timers, ntimers, timers),
	TABLE(effects, neffects, effects), TABLE(webhooks, nwebhooks, webhooks),
	.topics = topics, .config = config, .start = stripe_start,
};
