/*
 * webhook.h: the row of a route at which a vendor posts. The service's table .webhooks has a row for the vendor (data/webhook.h).
 *
 *	WEBHOOK_ROUTE("/billing/webhooks/stripe", "stripe", "Stripe's events"),
 */
#ifndef WEB_WEBHOOK_H
#define WEB_WEBHOOK_H

#include "data/webhook.h"
#include "web/req.h"

#define WEBHOOK_MEMBERS(where, vendor) \
	.method = "POST", .path = (where), .handle = webhook_receive, .access = WEBHOOK, .callers = (vendor), .webhook = webhook_check, \
	.db = WRITE, .once = NATURAL
#define WEBHOOK_ROUTE(where, vendor, note) \
	{ WEBHOOK_MEMBERS(where, vendor), .kind = BODY_RAW, .problems = "400 malformed_event", .says = (note) }

int webhook_check(struct req *r, struct problem *err);   /* .webhook: the vendor's signature */
int webhook_receive(struct req *r, struct problem *err); /* .handle */
/* What is not proven is a 401 in the trail, in the log and in every rule; what the sender hears of it is this status (P-PAY-08). */
int webhook_refusal(const struct route *row);

#endif
