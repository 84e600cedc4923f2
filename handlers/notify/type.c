/*
 * type.c: the message types and the variables each promises to its templates. A template that asks for anything else is refused when it is saved, so
 * that no message goes out with a hole in it. No type promises a diagnosis; a drug is promised only to e-mails, and only those get it who agreed (P-PAY-05).
 */
#include "notify/notify.h"

const char *const channel_names[] = { "email", "sms", "hubspot", "slack", "push", "in_app", NULL };

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

const struct notice notices[] = {
	{ "prescription_approved", NAMES("portalUrl") },
	{ "prescription_denied", NAMES("reason", "portalUrl") },
	{ "shipment_update", NAMES("status", "statusText", "carrier", "trackingNumber", "portalUrl") },
	{ "payment_charged", NAMES("amount", "currency", "portalUrl") },
	{ "payment_failed", NAMES("amount", "currency", "portalUrl") },
	{ "prescription_withdrawn", NAMES("amount", "currency", "portalUrl") },
	{ "provider_message", NAMES("portalUrl") },
	{ "refill_reminder", NAMES("dueDate", "portalUrl") },
	{ "welcome", NAMES("portalUrl") },
	{ "physician_new_task", NAMES("physicianName", "state", "assignmentId", "portalUrl") },
	{ "admin_alert", NAMES("kind", "subject", "detail", "portalUrl") },
	{ "verification_code", NAMES("code", "minutes") },
	{ "payment_link", NAMES("amount", "currency", "drugCost", "insurancePaid", "copay", "savings", "link", "shortLink", "linkExpiresAt"), .drug = true },
	{ "payment_reminder", NAMES("amount", "currency", "drugCost", "insurancePaid", "copay", "savings", "link", "shortLink", "linkExpiresAt"), .drug = true },
	{ "payment_receipt", NAMES("amount", "currency", "drugCost", "insurancePaid", "copay", "savings"), .drug = true },
	{ "payment_refunded", NAMES("amount", "currency") },
	{ "parcel_shipped", NAMES("carrier", "trackingNumber", "dueDate", "link", "shortLink"), .drug = true },
	{ "parcel_out", NAMES("carrier", "trackingNumber", "link", "shortLink") },
	{ "parcel_delivered", NAMES("carrier", "trackingNumber", "link", "shortLink") },
	{ "enrollment_invitation", NAMES("link", "linkExpiresAt") },
	{ "enrollment_reminder", NAMES("link", "linkExpiresAt") },
	{ 0 }
};

const struct notice *
notice_find(const char *type)
{
	for (const struct notice *n = notices; n->type != NULL; n++)
		if (strcmp(n->type, type) == 0)
			return n;
	return NULL;
}
