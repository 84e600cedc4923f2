/*
 * sandbox.c: the vendors' stand-ins for development and tests: their contracts, their own ledger, faults on demand.
 *
 * Who may call: whoever reaches it; each vendor's rows ask for that vendor's credentials in its way and answer in its shapes,
 * errors included. Tables: object, stripe_key, token, message, fault; jobs stripe.webhook, boothwyn.webhook, pharmacy.webhook,
 * twilio.callback.
 * It publishes and consumes no events: it is not of us. It is never started in production: LIVE_MODE refuses.
 */
#include "sandbox/sandbox.h"
#include "sandbox/sandbox_own.h"

/* ---- fields */

static const char *const vendors[] = { "stripe", "canvas", "pioneerrx", "boothwyn", "sendgrid", "twilio", "slack", "hubspot", "fedex", "shippo",
	"pharmacy", NULL };
static const char *const channels[] = { "email", "sms", "slack", NULL };

static const struct field vendor_param[] = {
	{ "vendor", ENUM, .required = true, .values = vendors, .says = "whose" },
	{ 0 }
};
static const struct field id_param[] = {
	{ "id", STRING, .required = true, .max = 255, .says = "the vendor's id" },
	{ 0 }
};
static const struct field resource_param[] = {
	{ "resource", STRING, .required = true, .max = 60, .says = "FHIR resource" },
	{ 0 }
};
static const struct field resource_id_params[] = {
	{ "resource", STRING, .required = true, .max = 60, .says = "FHIR resource" },
	{ "id", STRING, .required = true, .max = 64, .says = "its id" },
	{ 0 }
};
static const struct field account_param[] = {
	{ "account", STRING, .required = true, .max = 64, .says = "account SID" },
	{ 0 }
};
static const struct field message_params[] = {
	{ "account", STRING, .required = true, .max = 64, .says = "account SID" },
	{ "message", STRING, .required = true, .max = 64, .says = "<message SID>.json" },
	{ 0 }
};
static const struct field hook_params[] = {
	{ "team", STRING, .required = true, .max = 40, .says = "T…" },
	{ "hook", STRING, .required = true, .max = 40, .says = "B…" },
	{ "word", STRING, .required = true, .max = 60, .says = "the secret; an error word scripts the answer" },
	{ 0 }
};
static const struct field number_param[] = {
	{ "number", STRING, .required = true, .max = 40, .says = "tracking number" },
	{ 0 }
};
static const struct field track_params[] = {
	{ "carrier", STRING, .required = true, .max = 40, .says = "in lower case" },
	{ "number", STRING, .required = true, .max = 60, .says = "tracking number" },
	{ 0 }
};
static const struct field ledger_query[] = {
	{ "key", STRING, .max = 200, .says = "a metadata value, identifier, order, tracking number or address" },
	{ "since", STRING, .max = 40, .says = "newer than this seq, or made at or after this time" },
	{ "type", STRING, .max = 60, .says = "one kind of object" },
	{ "limit", INTEGER, .min = 1, .max = 50000, .says = "default 5,000" },
	{ 0 }
};
static const struct field outbox_query[] = {
	{ "to", STRING, .max = 200, .says = "address or number, in any case" },
	{ "channel", ENUM, .values = channels, .says = "one channel" },
	{ "since", INTEGER, .min = 0, .max = INT64_MAX, .says = "newer than this seq" },
	{ "limit", INTEGER, .min = 1, .max = 50000, .says = "the newest so many, default 200" },
	{ 0 }
};
static const struct field fault_body[] = {
	{ "mode", ENUM, .required = true, .values = sb_fault_modes + 1, .says = "what goes wrong" },
	{ "count", INTEGER, .min = 1, .max = 10000, .says = "for how many calls or webhooks, default 1" },
	{ "path", STRING, .max = 200, .says = "only calls whose path contains this; without it token calls are spared" },
	{ 0 }
};

/* ---- routes */

#define VENDOR_GET	.access = VENDOR, .db = WRITE
#define VENDOR_POST	.access = VENDOR, .db = WRITE, .once = NATURAL, .kind = BODY_RAW, .max_body = 4 << 20
#define STRIPE		"/sandbox/stripe/v1"
#define SHIPPO		"/sandbox/shippo"
#define TWILIO		"/sandbox/twilio/2010-04-01/Accounts/:account"
#define HUBSPOT		"/sandbox/hubspot/crm/v3/objects/contacts"

static const struct route routes[] = {
	{ "GET", "/sandbox/:vendor/ledger", sb_ledger, .access = VENDOR, .db = READ, .params = vendor_param, .query = ledger_query,
	    .says = "every effect that this vendor has" },
	{ "POST", "/sandbox/:vendor/faults", sb_faults_set, .access = VENDOR, .db = WRITE, .once = NATURAL, .params = vendor_param,
	    .body = fault_body, .status = 201, .problems = "422 no_such_fault", .says = "what shall go wrong next" },
	{ "GET", "/sandbox/:vendor/faults", sb_faults_list, .access = VENDOR, .db = READ, .params = vendor_param,
	    .says = "what is still to go wrong" },
	{ "DELETE", "/sandbox/:vendor/faults", sb_faults_clear, .access = VENDOR, .db = WRITE, .once = NATURAL,
	    .params = vendor_param, .status = 204, .says = "nothing goes wrong any more" },
	{ "GET", "/sandbox/outbox", sb_outbox, .access = VENDOR, .db = READ, .query = outbox_query,
	    .says = "messages sent, newest last" },

	{ "POST", STRIPE "/customers", sb_stripe, VENDOR_POST, .says = "Stripe: new customer" },
	{ "GET", STRIPE "/customers/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: customer" },
	{ "POST", STRIPE "/customers/:id", sb_stripe, VENDOR_POST, .params = id_param, .says = "Stripe: change a customer" },
	{ "GET", STRIPE "/customers/:id/payment_methods", sb_stripe, VENDOR_GET, .params = id_param,
	    .says = "Stripe: a customer's cards" },
	{ "POST", STRIPE "/setup_intents", sb_stripe, VENDOR_POST, .says = "Stripe: save a card" },
	{ "GET", STRIPE "/setup_intents/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: SetupIntent" },
	{ "POST", STRIPE "/setup_intents/:id/confirm", sb_stripe, VENDOR_POST, .params = id_param,
	    .says = "Stripe: the browser confirms" },
	{ "POST", STRIPE "/setup_intents/:id/cancel", sb_stripe, VENDOR_POST, .params = id_param,
	    .says = "Stripe: cancel a SetupIntent" },
	{ "GET", STRIPE "/payment_methods/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: card" },
	{ "POST", STRIPE "/payment_methods/:id/attach", sb_stripe, VENDOR_POST, .params = id_param,
	    .says = "Stripe: attach a card" },
	{ "POST", STRIPE "/payment_methods/:id/detach", sb_stripe, VENDOR_POST, .params = id_param,
	    .says = "Stripe: detach a card for good" },
	{ "POST", STRIPE "/payment_intents", sb_stripe, VENDOR_POST, .says = "Stripe: new PaymentIntent" },
	{ "GET", STRIPE "/payment_intents", sb_stripe, VENDOR_GET, .says = "Stripe: PaymentIntents, by customer" },
	{ "GET", STRIPE "/payment_intents/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: PaymentIntent" },
	{ "POST", STRIPE "/payment_intents/:id/confirm", sb_stripe, VENDOR_POST, .params = id_param, .says = "Stripe: confirm" },
	{ "POST", STRIPE "/payment_intents/:id/capture", sb_stripe, VENDOR_POST, .params = id_param,
	    .says = "Stripe: take the money" },
	{ "POST", STRIPE "/payment_intents/:id/cancel", sb_stripe, VENDOR_POST, .params = id_param,
	    .says = "Stripe: release the authorisation" },
	{ "GET", STRIPE "/charges/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: charge" },
	{ "POST", STRIPE "/refunds", sb_stripe, VENDOR_POST, .says = "Stripe: refund" },
	{ "GET", STRIPE "/refunds", sb_stripe, VENDOR_GET, .says = "Stripe: refunds" },
	{ "GET", STRIPE "/refunds/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: refund" },
	{ "POST", STRIPE "/coupons", sb_stripe, VENDOR_POST, .says = "Stripe: new coupon" },
	{ "GET", STRIPE "/coupons/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: coupon" },
	{ "GET", STRIPE "/events", sb_stripe, VENDOR_GET, .says = "Stripe: events" },
	{ "GET", STRIPE "/events/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: event" },
	{ "POST", STRIPE "/checkout/sessions", sb_stripe, VENDOR_POST, .says = "Stripe: a page to pay at" },
	{ "GET", STRIPE "/checkout/sessions", sb_stripe, VENDOR_GET, .says = "Stripe: Checkout Sessions" },
	{ "GET", STRIPE "/checkout/sessions/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: Checkout Session" },
	{ "POST", STRIPE "/checkout/sessions/:id/expire", sb_stripe, VENDOR_POST, .params = id_param, .says = "Stripe: close the page" },
	{ "GET", STRIPE "/checkout/sessions/:id/line_items", sb_stripe, VENDOR_GET, .params = id_param, .says = "Stripe: what is paid there" },
	{ "GET", "/sandbox/stripe/pay/:id", sb_stripe, VENDOR_GET, .params = id_param, .says = "the page itself, for a person" },
	{ "POST", "/sandbox/stripe/pay/:id", sb_stripe, VENDOR_POST, .params = id_param, .says = "the person pays: number=<test card>" },
	{ "POST", "/sandbox/stripe/authenticate", sb_stripe, VENDOR_POST,
	    .says = "the cardholder passes (or fails) the bank's challenge" },

	{ "POST", "/sandbox/canvas/auth/token/", sb_canvas, VENDOR_POST, .says = "Canvas: token" },
	{ "GET", "/sandbox/canvas/fhir/:resource", sb_canvas, VENDOR_GET, .params = resource_param, .says = "Canvas: search" },
	{ "POST", "/sandbox/canvas/fhir/:resource", sb_canvas, VENDOR_POST, .params = resource_param, .status = 201,
	    .says = "Canvas: create" },
	{ "GET", "/sandbox/canvas/fhir/:resource/:id", sb_canvas, VENDOR_GET, .params = resource_id_params,
	    .says = "Canvas: read" },
	{ "PUT", "/sandbox/canvas/fhir/:resource/:id", sb_canvas, VENDOR_POST, .params = resource_id_params,
	    .says = "Canvas: update" },
	{ "PATCH", "/sandbox/canvas/fhir/:resource/:id", sb_canvas, VENDOR_POST, .params = resource_id_params,
	    .says = "Canvas: not supported" },
	{ "DELETE", "/sandbox/canvas/fhir/:resource/:id", sb_canvas, VENDOR_POST, .params = resource_id_params,
	    .says = "Canvas: not supported" },

	{ "POST", "/sandbox/pioneerrx/api/enterprise/method/process", sb_pioneerrx, VENDOR_POST, .says = "PioneerRx: a method" },
	{ "POST", "/sandbox/pioneerrx/api/enterprise/method/test/process", sb_pioneerrx, VENDOR_POST,
	    .says = "PioneerRx: a method, test database" },
	{ "POST", "/sandbox/pioneerrx/api/enterprise/isAuthenticated", sb_pioneerrx, VENDOR_POST,
	    .says = "PioneerRx: are the credentials good" },
	{ "POST", "/sandbox/boothwyn/api/Prescriptions/B2B", sb_boothwyn, VENDOR_POST, .says = "Boothwyn: an order" },

	{ "POST", "/sandbox/pharmacy/v1/claims", sb_pharmacy, VENDOR_POST, .status = 201, .says = "a pharmacy: a claim" },
	{ "GET", "/sandbox/pharmacy/v1/results", sb_pharmacy, VENDOR_GET, .says = "a pharmacy: what claims came to" },

	{ "POST", "/sandbox/sendgrid/v3/mail/send", sb_sendgrid, VENDOR_POST, .status = 202, .says = "SendGrid: a mail" },
	{ "POST", TWILIO "/Messages.json", sb_twilio, VENDOR_POST, .params = account_param, .status = 201,
	    .says = "Twilio: a message" },
	{ "GET", TWILIO "/Messages.json", sb_twilio, VENDOR_GET, .params = account_param, .says = "Twilio: messages" },
	{ "GET", TWILIO "/Messages/:message", sb_twilio, VENDOR_GET, .params = message_params,
	    .says = "Twilio: a message's state" },
	{ "POST", TWILIO "/Messages/:message", sb_twilio, VENDOR_POST, .params = message_params, .says = "Twilio: redact" },
	{ "POST", "/sandbox/slack/services/:team/:hook/:word", sb_slack, VENDOR_POST, .params = hook_params,
	    .says = "Slack: incoming webhook" },
	{ "POST", "/sandbox/slack/api/chat.postMessage", sb_slack, VENDOR_POST, .says = "Slack: a post" },

	{ "POST", HUBSPOT, sb_hubspot, VENDOR_POST, .status = 201, .says = "HubSpot: a contact" },
	{ "GET", HUBSPOT "/:id", sb_hubspot, VENDOR_GET, .params = id_param, .says = "HubSpot: a contact, by id or idProperty=email" },
	{ "PATCH", HUBSPOT "/:id", sb_hubspot, VENDOR_POST, .params = id_param, .says = "HubSpot: change a contact" },
	{ "POST", HUBSPOT "/batch/upsert", sb_hubspot, VENDOR_POST, .says = "HubSpot: contacts, found by address or made" },

	{ "POST", "/sandbox/fedex/oauth/token", sb_fedex, VENDOR_POST, .says = "FedEx: token" },
	{ "POST", "/sandbox/fedex/ship/v1/shipments", sb_fedex, VENDOR_POST, .says = "FedEx: a label" },
	{ "PUT", "/sandbox/fedex/ship/v1/shipments/cancel", sb_fedex, VENDOR_POST, .says = "FedEx: cancel a label" },
	{ "POST", "/sandbox/fedex/track/v1/trackingnumbers", sb_fedex, VENDOR_POST, .says = "FedEx: where a parcel is" },
	{ "GET", "/sandbox/fedex/labels/:number", sb_fedex, VENDOR_GET, .params = number_param, .says = "FedEx: a label's file" },

	{ "POST", SHIPPO "/addresses", sb_shippo, VENDOR_POST, .status = 201, .says = "Shippo: an address" },
	{ "GET", SHIPPO "/addresses/:id/validate", sb_shippo, VENDOR_GET, .params = id_param, .says = "Shippo: is it one" },
	{ "POST", SHIPPO "/shipments", sb_shippo, VENDOR_POST, .status = 201, .says = "Shippo: what would it cost" },
	{ "GET", SHIPPO "/shipments/:id", sb_shippo, VENDOR_GET, .params = id_param, .says = "Shippo: a shipment" },
	{ "GET", SHIPPO "/shipments/:id/rates", sb_shippo, VENDOR_GET, .params = id_param, .says = "Shippo: its rates" },
	{ "POST", SHIPPO "/transactions", sb_shippo, VENDOR_POST, .status = 201, .says = "Shippo: buy a label" },
	{ "GET", SHIPPO "/transactions", sb_shippo, VENDOR_GET, .says = "Shippo: labels, newest first" },
	{ "GET", SHIPPO "/transactions/:id", sb_shippo, VENDOR_GET, .params = id_param, .says = "Shippo: a label" },
	{ "POST", SHIPPO "/refunds", sb_shippo, VENDOR_POST, .status = 201, .says = "Shippo: void a label" },
	{ "GET", SHIPPO "/refunds/:id", sb_shippo, VENDOR_GET, .params = id_param, .says = "Shippo: is it void" },
	{ "POST", SHIPPO "/tracks", sb_shippo, VENDOR_POST, .says = "Shippo: register a parcel" },
	{ "GET", SHIPPO "/tracks/:carrier/:number", sb_shippo, VENDOR_GET, .params = track_params, .says = "Shippo: where a parcel is" },
	{ "GET", SHIPPO "/labels/:id", sb_shippo, VENDOR_GET, .params = id_param, .says = "Shippo: a label's file" },
};

/* ---- the rest of the table */

static const struct job_row jobs[] = {
	{ "stripe.webhook", sb_stripe_webhook_job, .queue = "webhooks", .attempts = 20, .backoff_s = 1,
	    .says = "an event to our endpoint" },
	{ "shippo.webhook", sb_shippo_webhook_job, .queue = "webhooks", .attempts = 20, .backoff_s = 1,
	    .says = "where a parcel is, to our endpoint" },
	{ "stripe.expire", sb_stripe_expire_job, .says = "a page's time is up" },
	{ "boothwyn.webhook", sb_boothwyn_webhook_job, .queue = "webhooks", .attempts = 20, .backoff_s = 1,
	    .says = "a case's status to our endpoint" },
	{ "pharmacy.webhook", sb_pharmacy_webhook_job, .queue = "webhooks", .attempts = 20, .backoff_s = 1,
	    .says = "what a claim came to, to our endpoint" },
	{ "twilio.callback", sb_twilio_callback_job, .queue = "webhooks", .attempts = 5, .backoff_s = 1,
	    .says = "a message's status to its callback" },
};

static const struct queue_row queues[] = {
	{ "webhooks", .takers = 2 },
};

static const struct topic topics[] = {
	{ 0 }
};

static const struct conf_key config[] = {
	{ "SANDBOX_WEBHOOK_BASE", CONF_STR, .dflt = "https://localhost:8443", .says = "where our own webhooks are reached" },
	{ "SANDBOX_STEP", CONF_SECS, .dflt = "1", .says = "from one scan, fill status or message status to the next" },
	{ "SANDBOX_SLOW_MS", CONF_INT, .dflt = "3000", .says = "how long a slow call takes; below the statement timeout" },
	{ "SANDBOX_TOKEN_LIFE", CONF_SECS, .dflt = "0", .says = "life of a Canvas or FedEx token; 0 = the vendor's own" },
	{ "STRIPE_SECRET_KEY", CONF_STR, .secret = true, .says = "the only secret key taken; unset: any sk_test_…" },
	{ "STRIPE_PUBLISHABLE_KEY", CONF_STR, .says = "the only publishable key taken; unset: any pk_test_…" },
	{ "STRIPE_WEBHOOK_SECRET", CONF_STR, .secret = true, .says = "signs Stripe's webhooks" },
	{ "CANVAS_CLIENT_ID", CONF_STR, .says = "unset: any" },
	{ "CANVAS_CLIENT_SECRET", CONF_STR, .secret = true, .says = "unset: any" },
	{ "PIONEERRX_API_KEY", CONF_STR, .secret = true, .says = "unset: any" },
	{ "PIONEERRX_SHARED_SECRET", CONF_STR, .secret = true, .says = "unset: signatures are not verified" },
	{ "PIONEERRX_EMPLOYEE_ID", CONF_STR, .says = "unset: any" },
	{ "BOOTHWYN_API_KEY", CONF_STR, .secret = true, .says = "unset: any" },
	{ "BOOTHWYN_WEBHOOK_SECRET", CONF_STR, .secret = true, .says = "what Boothwyn's webhooks carry; the first of a list" },
	{ "PHARMACY_KEY_ID", CONF_STR, .says = "unset: any" },
	{ "PHARMACY_SECRET", CONF_STR, .secret = true, .says = "unset: signatures are not verified" },
	{ "PHARMACY_WEBHOOK_SECRET", CONF_STR, .secret = true, .says = "signs the pharmacy's results; the first of a list" },
	{ "SENDGRID_API_KEY", CONF_STR, .secret = true, .says = "unset: any" },
	{ "TWILIO_ACCOUNT_SID", CONF_STR, .says = "unset: any" },
	{ "HUBSPOT_TOKEN", CONF_STR, .secret = true, .says = "unset: any" },
	{ "TWILIO_AUTH_TOKEN", CONF_STR, .secret = true, .says = "checked, and signs callbacks; unset: any" },
	{ "SLACK_BOT_TOKEN", CONF_STR, .secret = true, .says = "for chat.postMessage; unset: any" },
	{ "SHIPPO_API_TOKEN", CONF_STR, .secret = true, .says = "the only token taken; unset: any shippo_test_…" },
	{ "SHIPPO_WEBHOOK_SECRET", CONF_STR, .secret = true, .says = "signs Shippo's webhooks" },
	{ "FEDEX_CLIENT_ID", CONF_STR, .says = "unset: any" },
	{ "FEDEX_CLIENT_SECRET", CONF_STR, .secret = true, .says = "unset: any" },
	{ "FEDEX_ACCOUNT_NUMBER", CONF_STR, .says = "unset: any" },
	{ 0 }
};

static int
start(const struct conf *conf, struct problem *err)
{
	if (conf_bool(conf, "LIVE_MODE"))
		return problem(err, 500, "live_sandbox", "the sandbox stands in for vendors and never runs in live mode");
	return 0;
}

const struct service sandbox_service = {
	.name = "sandbox", .prefix = "/sandbox", .database = "sandbox", .says = "the vendors' stand-ins",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues),
	.topics = topics, .config = config, .start = start,
};
