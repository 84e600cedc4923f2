/*
 * notify.c: the table of the notify service: every message to a person, by e-mail, SMS and Slack, and the contacts at HubSpot.
 * Called by all services that have something to say, and by administrators. Writes notification_messages, notification_log, the matrix and the templates.
 * Consumes intake.submitted; publishes notification.sent.
 */
#include "notify/notify.h"

static const struct field recipient_fields[] = {
	{ "patientId", UUID, .says = "the contact is asked of intake" },
	{ "email", EMAIL, .says = "address, for those who are no patients (or not yet)" },
	{ "phone", PHONE, .says = "number for SMS" },
	{ "name", STRING, .max = 120, .says = "for the greeting" },
	{ 0 }
};
static const struct field variable_fields[] = {
	{ "submissionId", UUID, .says = "correlates the message with a case" },
	{ "firstName", STRING, .max = 80, .says = "greeting, when the recipient is no known patient", .example = "Ada" },
	{ "reason", STRING, .max = 500, .says = "prescription_denied: what the physician says to the patient",
	    .example = "blood pressure" },
	{ "status", STRING, .max = 40, .says = "shipment_update: code" },
	{ "statusText", STRING, .max = 120, .says = "shipment_update: in words" },
	{ "carrier", STRING, .max = 40, .says = "shipment_update", .example = "fedex" },
	{ "trackingNumber", STRING, .max = 60, .says = "shipment_update", .example = "794644790138" },
	{ "amount", STRING, .max = 20, .says = "payment_*: decimal text, e.g. 299.00" },
	{ "currency", STRING, .max = 3, .says = "payment_*: ISO 4217", .example = "USD" },
	{ "dueDate", DATE, .says = "refill_reminder" },
	{ "physicianName", STRING, .max = 120, .says = "physician_new_task" },
	{ "state", STATE, .says = "physician_new_task: the case's state" },
	{ "assignmentId", UUID, .says = "physician_new_task" },
	{ "kind", STRING, .max = 60, .says = "admin_alert" },
	{ "subject", STRING, .max = 120, .says = "admin_alert: an id" },
	{ "detail", STRING, .max = 300, .says = "admin_alert: codes and ids, no patient data" },
	{ "code", STRING, .max = 10, .says = "verification_code" },
	{ "minutes", INTEGER, .says = "verification_code: how long it is valid" },
	{ "portalUrl", URL, .says = "where to read more" },
	{ "drugName", STRING, .max = 200, .says = "said by e-mail only, and only to those who agreed", .example = "Sample 10 mg" },
	{ "drugCost", STRING, .max = 20, .says = "payment_*: decimal text", .example = "6,500.00" },
	{ "insurancePaid", STRING, .max = 20, .says = "payment_*: decimal text", .example = "5,000.00" },
	{ "copay", STRING, .max = 20, .says = "payment_*: before the programs", .example = "1,500.00" },
	{ "savings", STRING, .max = 20, .says = "payment_*: decimal text", .example = "1,495.00" },
	{ "link", URL, .says = "where to act; templates may also say shortLink, an address of ours that leads there" },
	{ "linkExpiresAt", TIME, .says = "until when the short one does; a week when missing" },
	{ 0 }
};
static const struct field send_body[] = {
	{ "type", STRING, .required = true, .max = 60, .says = "a row of the channel matrix" },
	{ "messageKey", STRING, .required = true, .min = 1, .max = 200, .says = "makes the message once per type",
	    .example = "01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57" },
	{ "recipient", OBJECT, .required = true, .of = recipient_fields, .says = "who" },
	{ "variables", OBJECT, .of = variable_fields, .says = "what the templates may say" },
	{ 0 }
};
static const struct field channel_status_fields[] = {
	{ "channel", STRING, .required = true, .says = "email, sms, …" },
	{ "status", STRING, .required = true, .says = "queued, sent, failed, unknown, suppressed, no_address, not_configured" },
	{ 0 }
};
static const struct field send_reply[] = {
	{ "notificationId", UUID, .required = true, .says = "the message" },
	{ "channels", ARRAY, .required = true, .max = 6, .of = channel_status_fields, .says = "one per channel" },
	{ 0 }
};
#define TOGGLES(need) \
	{ "email", BOOLEAN, .required = (need), .says = "e-mail by SendGrid" }, { "sms", BOOLEAN, .required = (need), .says = "SMS by Twilio" }, \
	{ "hubspot", BOOLEAN, .required = (need), .says = "HubSpot contact" }, { "slack", BOOLEAN, .required = (need), .says = "Slack channel of staff" }, \
	{ "push", BOOLEAN, .required = (need), .says = "push message" }, { "in_app", BOOLEAN, .required = (need), .says = "in the portal" }
static const struct field toggles_body[] = { TOGGLES(false), { 0 } };
static const struct field toggles_reply[] = { { "type", STRING, .required = true, .says = "message type" }, TOGGLES(true), { 0 } };
static const struct field matrix_reply[] = {
	{ "channels", ARRAY, .required = true, .max = 100, .of = toggles_reply, .says = "a row per type" },
	{ 0 }
};
static const struct field patient_param[] = { { "patientId", UUID, .required = true, .says = "the patient" }, { 0 } };
static const struct field preference_body[] = {
	{ "detailedMessages", BOOLEAN, .required = true, .says = "the patient agreed that messages name the drug" },
	{ 0 }
};
static const struct field preference_reply[] = {
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "detailedMessages", BOOLEAN, .required = true, .says = "as recorded" },
	{ "recordedAt", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field code_param[] = { { "code", STRING, .required = true, .max = 40, .says = "of the message" }, { 0 } };
static const struct field type_param[] = { { "type", STRING, .required = true, .max = 60, .says = "message type" }, { 0 } };
static const char *const template_channels[] = { "email", "sms", "slack", NULL };
static const struct field template_params[] = {
	{ "type", STRING, .required = true, .max = 60, .says = "message type" },
	{ "channel", ENUM, .required = true, .values = template_channels, .says = "channel" },
	{ 0 }
};
static const struct field template_body[] = {
	{ "subject", STRING, .max = 200, .says = "e-mail subject, Mustache" },
	{ "body", STRING, .required = true, .min = 1, .max = 20000, .says = "text, Mustache" },
	{ 0 }
};
static const struct field template_version[] = {
	{ "type", STRING, .required = true, .says = "message type" },
	{ "channel", STRING, .required = true, .says = "channel" },
	{ "version", INTEGER, .required = true, .says = "counts up from 1" },
	{ 0 }
};
static const struct field template_fields[] = {
	{ "type", STRING, .required = true, .says = "message type" },
	{ "channel", STRING, .required = true, .says = "channel" },
	{ "version", INTEGER, .required = true, .says = "counts up from 1" },
	{ "subject", STRING, .says = "e-mail subject" },
	{ "body", STRING, .required = true, .says = "text" },
	{ "createdAt", TIME, .required = true, .says = "when this version was saved" },
	{ 0 }
};
static const struct field templates_reply[] = {
	{ "templates", ARRAY, .required = true, .max = 1000, .of = template_fields, .says = "current versions" },
	{ 0 }
};

static const struct route routes[] = {
	{ "POST", "/notify/send", message_send, .access = SERVICE, .callers = "registry orchestrator intake shipping billing integration router auth enrollment",
	    .db = WRITE, .once = NATURAL, .audit = "notification.send", .body = send_body, .reply = send_reply, .status = 202,
	    .problems = "422 unknown_type",
	    .says = "sends a message on the channels of its type" },
	{ "GET", "/notify/channels", channels_list, .access = ADMIN, .db = READ, .reply = matrix_reply, .says = "the channel matrix" },
	{ "PUT", "/notify/channels/:type", channels_put, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "notification.channels",
	    .params = type_param, .body = toggles_body, .reply = toggles_reply,
	    .problems = "404 unknown_type",
	    .says = "switches channels of a type" },
	{ "GET", "/notify/templates", templates_list, .access = ADMIN, .db = READ, .reply = templates_reply, .says = "edited templates" },
	{ "PUT", "/notify/templates/:type/:channel", template_put, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "notification.template",
	    .params = template_params, .body = template_body, .reply = template_version,
	    .problems = "404 unknown_type, 422 unknown_variable",
	    .says = "saves a new version of a template" },
	{ "PUT", "/notify/preferences/:patientId", preference_put, .access = SERVICE | ADMIN, .callers = "enrollment patient", .db = WRITE,
	    .once = NATURAL, .audit = "notification.preference", .params = patient_param, .body = preference_body, .reply = preference_reply,
	    .says = "records what a patient agreed to be told" },
	{ "GET", "/l/:code", short_link_follow, .access = PUBLIC, .db = READ_AUDITED, .audit = "short_link.follow", .params = code_param,
	    .media = "text/html", .problems = "404 not_found, 410 expired", .says = "leads to where a message's short link points" },
	WEBHOOK_ROUTE("/notify/webhooks/sendgrid", "sendgrid", "what became of mails"),
	{ WEBHOOK_MEMBERS("/notify/webhooks/twilio", "twilio"), .kind = BODY_FORM, .problems = "400 malformed_event",
	    .says = "what became of texts" },
};

static const struct job_row jobs[] = {
	{ "notify.email", deliver_job, .queue = "default", .says = "renders an e-mail" },
	{ "notify.sms", deliver_job, .queue = "default", .says = "renders an SMS" },
	{ "notify.slack", deliver_job, .queue = "default", .says = "renders a Slack message" },
	{ "notify.hubspot", deliver_job, .queue = "default", .says = "puts a HubSpot contact together" },
	{ "sendgrid.send", effect_job, .queue = "sendgrid", .says = "sends an e-mail" },
	{ "twilio.send", effect_job, .queue = "twilio", .says = "sends an SMS" },
	{ "slack.post", effect_job, .queue = "slack", .says = "posts to Slack" },
	{ "hubspot.contact", effect_job, .queue = "hubspot", .says = "keeps a contact at HubSpot" },
	{ "webhook.sendgrid", webhook_job, .queue = "webhook", .says = "takes down what became of a mail" },
	{ "webhook.twilio", webhook_job, .queue = "webhook", .says = "takes down what became of a text" },
	{ WEBHOOK_SWEEP, webhook_sweep_job, .queue = "webhook", .says = "forgets old webhooks" },
};
static const struct queue_row queues[] = { { "default", 2 }, { "sendgrid", 2 }, { "twilio", 1 }, { "slack", 1 }, { "hubspot", 1 }, { "webhook", 1 } };
static const struct timer_row timers[] = { { WEBHOOK_SWEEP, "WEBHOOK_SWEEP", WEBHOOK_SWEEP, .says = "webhooks that are old" } };
static const struct webhook_source *const webhooks[] = { &sendgrid_webhook_source, &twilio_webhook_source };
static const struct effect_kind *const effects[] = { &sendgrid_effect, &twilio_effect, &slack_effect, &hubspot_effect };
static const struct event_row events[] = { { "intake.submitted", on_intake_submitted } };

static const struct field sent_event[] = {
	{ "notificationId", UUID, .required = true, .says = "the message" },
	{ "type", STRING, .required = true, .max = 100, .says = "its type" },
	{ "channel", STRING, .required = true, .max = 100, .says = "email, sms, slack, ..." },
	{ "status", STRING, .required = true, .max = 100, .says = "sent, failed, ..." },
	{ "submissionId", UUID, .says = "the case, when it is about one" },
	{ "patientId", UUID, .says = "the patient, when it is to one" },
	{ 0 }
};
static const char *const sent_to[] = { "portal", NULL };
static const struct topic topics[] = {
	{ "notification.sent", sent_to, "a message left on one channel, or finally did not", sent_event },
	{ 0 }
};

static const struct conf_key config[] = {
	{ "SENDGRID_BASE_URL", CONF_STR, .dflt = "https://api.sendgrid.com", .says = "SendGrid's API" },
	{ "SENDGRID_API_KEY", CONF_STR, .required = true, .secret = true, .says = "SendGrid's key" },
	{ "SENDGRID_WEBHOOK_PUBLIC_KEY", CONF_STR, .says = "SendGrid's key for its events; a comma-separated list while it is rolled" },
	{ "MAIL_FROM", CONF_STR, .required = true, .says = "verified sender address" },
	{ "MAIL_FROM_NAME", CONF_STR, .dflt = "Telerx", .says = "verified sender name" },
	{ "TWILIO_BASE_URL", CONF_STR, .dflt = "https://api.twilio.com", .says = "Twilio's API" },
	{ "TWILIO_ACCOUNT_SID", CONF_STR, .required = true, .says = "AC…" },
	{ "TWILIO_AUTH_TOKEN", CONF_STR, .required = true, .secret = true, .says = "Twilio's token" },
	{ "TWILIO_FROM", CONF_STR, .required = true, .says = "sender number, E.164" },
	{ "HUBSPOT_BASE_URL", CONF_STR, .dflt = "https://api.hubapi.com", .says = "HubSpot's API" },
	{ "HUBSPOT_TOKEN", CONF_STR, .secret = true, .says = "private app token; unset: no contacts are kept there" },
	{ "SLACK_WEBHOOK_URL", CONF_STR, .required = true, .secret = true, .says = "whole secret URL of the staff channel" },
	{ 0 }
};

const struct service notify_service = {
	.name = "notify", .prefix = "/notify", .database = "notification_service", .says = "every message to a person",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), TABLE(events, nevents, events),
	TABLE(effects, neffects, effects), TABLE(timers, ntimers, timers), TABLE(webhooks, nwebhooks, webhooks), .topics = topics, .config = config,
};
