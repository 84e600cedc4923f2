/* fields.c: the bodies and replies of orders, spelled as seed S2 spells them. */
#include "router/orders/orders.h"

const char *const order_to[] = { "case", "portal", NULL };

#define ORDER \
	{ "order_id", UUID, .required = true, .says = "the order" }, \
	{ "prescription_id", UUID, .required = true, .says = "what is ordered; the external id at the pharmacy" }, \
	{ "pharmacy", STRING, .says = "the pharmacy's code, once it is known", .example = "gmp" }, \
	{ "status", STRING, .required = true, \
	    .says = "submitted, accepted, rejected, failed, manual, shipped, delivered, cancel_pending or cancelled", .example = "accepted" }, \
	{ "reason", STRING, .says = "why, for rejected, failed and manual", .example = "prescriber_unknown" }, \
	{ "tracking_number", STRING, .says = "of the parcel, where the pharmacy ships itself", .example = "794644790138" }, \
	{ "created_at", TIME, .required = true, .says = "when it was asked for" }

static const struct field event_fields[] = {
	{ "at", TIME, .required = true, .says = "when" },
	{ "status", STRING, .required = true, .says = "the new status", .example = "accepted" },
	{ "reason", STRING, .says = "why" },
	{ 0 }
};
const struct field order_body[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription; it has one order" },
	{ "pharmacy", STRING, .max = 40, .says = "a pharmacy's code; left out: by the patient's state", .example = "gmp" },
	{ "case_id", UUID, .says = "the case, if there is one" },
	{ 0 }
};
const struct field order_reply[] = { ORDER, { 0 } };
const struct field order_show_reply[] = {
	ORDER,
	{ "events", ARRAY, .required = true, .max = 1000, .of = event_fields, .says = "oldest first" },
	{ 0 }
};
const struct field order_event[] = {
	{ "order_id", UUID, .required = true, .says = "the order" },
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .says = "the patient, once known" },
	{ "case_id", UUID, .says = "the case, if there is one" },
	{ "status", STRING, .required = true, .max = 100, .says = "submitted, accepted, rejected, failed, ... or cancel_refused" },
	{ "reason", STRING, .max = 1000, .says = "a code or the pharmacy's words" },
	{ "tracking_number", STRING, .max = 100, .says = "the carrier's number" },
	{ 0 }
};
