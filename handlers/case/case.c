/*
 * case.c: the table of the case service: a patient's case from intake to parcel, and the inbox of the staff.
 * Called by intake, registry, integration and administrators. Writes cases, case_children, case_events, work_item, work_item_history, work_item_carried.
 * Consumes case.eligibility.decided, case.voucher.issued, case.voucher.ended, prescription.status.changed, order.updated, and every service's
 * attention.raised and attention.cleared; publishes case.created, case.provider.assigned, case.prescribed, case.status.changed.
 */
#include "case/case.h"
#include "case/work_item.h"

static const char *const statuses[] = { "created", "ineligible", "eligible", "awaiting_provider", "provider_assigned", "prescribed", "partial", "ordered",
	"fulfilled", "completed", "cancelled", NULL };

static const struct field create_body[] = {
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "state", STATE, .required = true, .says = "where the patient is" },
	{ "platform", STRING, .required = true, .max = 40, .says = "the brand", .example = "yourera" },
	{ "intake_type", STRING, .required = true, .max = 40, .says = "what was asked for", .example = "glp1" },
	{ 0 }
};
static const struct field create_reply[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "status", STRING, .required = true, .says = "created" },
	{ 0 }
};
static const struct field provider_body[] = {
	{ "assignment_id", UUID, .required = true, .says = "registry's assignment" },
	{ "provider_id", UUID, .required = true, .says = "who has the case" },
	{ "assigned_at", TIME, .required = true, .says = "since when" },
	{ 0 }
};
static const struct field provider_reply[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "provider_id", UUID, .required = true, .says = "who has it" },
	{ "status", ENUM, .required = true, .values = statuses, .says = "of the case, now" },
	{ 0 }
};
static const struct field eligibility_fields[] = {
	{ "eligible", BOOLEAN, .required = true, .says = "the decision" },
	{ "reasons", ARRAY, .required = true, .max = 50, .items = STRING, .says = "codes of the rules that were not met; none when eligible" },
	{ "rule_version", STRING, .required = true, .says = "of the rules", .example = "1" },
	{ "decided_at", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field voucher_fields[] = {
	{ "voucher_id", UUID, .required = true, .says = "the voucher" },
	{ "status", STRING, .required = true, .says = "issued, redeemed, invalidated, expired", .example = "issued" },
	{ "issued_at", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field provider_fields[] = {
	{ "provider_id", UUID, .required = true, .says = "GET /providers/:id" },
	{ "assignment_id", UUID, .required = true, .says = "registry's assignment" },
	{ "assigned_at", TIME, .required = true, .says = "since when" },
	{ 0 }
};
#define CASE_FIELDS \
	{ "case_id", UUID, .required = true, .says = "the case" }, \
	{ "patient_id", UUID, .required = true, .says = "the patient" }, \
	{ "state", STATE, .required = true, .says = "where the patient is" }, \
	{ "platform", STRING, .required = true, .says = "the brand", .example = "yourera" }, \
	{ "intake_type", STRING, .required = true, .says = "what was asked for", .example = "glp1" }, \
	{ "status", ENUM, .required = true, .values = statuses, .says = "where it stands; partial: prescribed, and no order stands" }, \
	{ "since", TIME, .required = true, .says = "since when" }, \
	{ "created_at", TIME, .required = true, .says = "when it was made" }, \
	{ "eligibility", OBJECT, .of = eligibility_fields, .says = "once decided" }, \
	{ "voucher", OBJECT, .of = voucher_fields, .says = "once issued" }, \
	{ "provider", OBJECT, .of = provider_fields, .says = "once assigned" }
static const struct field prescription_fields[] = {
	{ "prescription_id", UUID, .required = true, .says = "GET /prescriptions/:id" },
	{ "status", STRING, .required = true, .says = "as prescription said last", .example = "submitted" },
	{ "created_at", TIME, .required = true, .says = "first news" },
	{ "updated_at", TIME, .required = true, .says = "last news" },
	{ 0 }
};
static const struct field order_fields[] = {
	{ "order_id", UUID, .required = true, .says = "GET /orders/:id" },
	{ "prescription_id", UUID, .required = true, .says = "what was ordered" },
	{ "status", STRING, .required = true, .says = "as router said last", .example = "accepted" },
	{ "tracking_number", STRING, .says = "once shipped", .example = "794644790138" },
	{ "created_at", TIME, .required = true, .says = "first news" },
	{ "updated_at", TIME, .required = true, .says = "last news" },
	{ 0 }
};
static const struct field line_fields[] = {
	{ "at", TIME, .required = true, .says = "when" },
	{ "source", STRING, .required = true, .says = "which service said so", .example = "eligibility" },
	{ "what", STRING, .required = true, .says = "intake, eligibility, voucher, provider, prescription, order, status", .example = "voucher" },
	{ "code", STRING, .says = "the decision, or the status", .example = "issued" },
	{ "from", STRING, .says = "of a status: the one before", .example = "eligible" },
	{ "id", UUID, .says = "the voucher, provider, prescription or order" },
	{ 0 }
};
static const struct field case_reply[] = {
	CASE_FIELDS,
	{ "prescriptions", ARRAY, .required = true, .max = 200, .of = prescription_fields, .says = "oldest first" },
	{ "orders", ARRAY, .required = true, .max = 200, .of = order_fields, .says = "oldest first" },
	{ "timeline", ARRAY, .required = true, .max = 500, .of = line_fields, .says = "what happened, oldest first" },
	{ 0 }
};
static const struct field listed_fields[] = { CASE_FIELDS, { 0 } };
static const struct field list_query[] = {
	{ "status", ENUM, .values = statuses, .says = "only those" },
	{ "patient_id", UUID, .says = "only this patient's" },
	{ "limit", INTEGER, .min = 1, .max = 100, .says = "cases a page, 50" },
	{ "after", UUID, .says = "the previous page's next" },
	{ 0 }
};
static const struct field list_reply[] = {
	{ "cases", ARRAY, .required = true, .max = 100, .of = listed_fields, .says = "newest first" },
	{ "next", UUID, .says = "there is more: ask again with after" },
	{ 0 }
};

#define STAFF .access = ROLE, .roles = "admin ops_manager ops_agent"

#define READ_ROWS(prefix) \
	{ "GET", prefix, case_list, STAFF, .db = READ, .query = list_query, .reply = list_reply, .says = "cases, by where they stand" }, \
	{ "GET", prefix "/:id", case_show, .access = ROLE | SERVICE, .roles = "admin ops_manager ops_agent provider patient", \
	    .callers = "portal prescription", .db = READ, .reply = case_reply, .problems = "404 not_found", \
	    .says = "a case, to staff, its provider and its patient: status, eligibility, voucher, provider, prescriptions, orders, and what happened when" }

static const struct route routes[] = {
	READ_ROWS("/cases"), READ_ROWS("/api/v1/cases"),
	{ "POST", "/cases", case_create, .access = SERVICE, .callers = "intake", .db = WRITE, .once = KEY, .audit = "case.create", .body = create_body,
	    .reply = create_reply, .status = 201, .says = "makes a case" },
	{ "POST", "/cases/:id/provider", provider_assigned, .access = SERVICE, .callers = "registry", .db = WRITE, .once = NATURAL, .audit = "case.provider",
	    .body = provider_body, .reply = provider_reply, .problems = "404 not_found, 409 already_assigned case_ended",
	    .says = "who has the case" },
	{ "GET", "/api/work-items", work_items_list, STAFF, .db = READ, .query = work_items_query, .reply = work_items_reply,
	    .says = "what waits for a person" },
	{ "GET", "/api/work-items/:itemId", work_item_show, STAFF, .db = READ_AUDITED, .audit = "work_item.read", .params = work_item_param,
	    .reply = work_item_reply, .problems = "404 not_found", .says = "an item with its history and its safe actions" },
	{ "POST", "/api/work-items/:itemId/take", work_item_take, STAFF, .db = WRITE, .once = NATURAL, .audit = "work_item.take",
	    .params = work_item_param, .body = work_item_take_body, .reply = work_item_state_reply,
	    .problems = "404 not_found, 409 already_done taken", .says = "gives the item to a person" },
	{ "POST", "/api/work-items/:itemId/release", work_item_release, STAFF, .db = WRITE, .once = NATURAL, .audit = "work_item.release",
	    .params = work_item_param, .reply = work_item_state_reply, .problems = "404 not_found, 409 already_done", .says = "puts it back" },
	{ "POST", "/api/work-items/:itemId/notes", work_item_comment, STAFF, .db = WRITE, .once = KEY, .audit = "work_item.note",
	    .params = work_item_param, .body = work_item_note_body, .reply = work_item_state_reply, .problems = "404 not_found",
	    .says = "a line in its history" },
	{ "POST", "/api/work-items/:itemId/resolve", work_item_resolve, STAFF, .db = WRITE, .once = NATURAL, .audit = "work_item.resolve",
	    .params = work_item_param, .body = work_item_resolve_body, .reply = work_item_state_reply, .problems = "404 not_found",
	    .says = "a person ends it, with a reason" },
	{ "POST", "/api/work-items/:itemId/actions/:action", work_item_act, STAFF, .db = WRITE, .once = NATURAL, .audit = "work_item.act",
	    .ask = work_item_act_ask, .params = work_item_act_param, .body = work_item_act_body, .reply = work_item_state_reply,
	    .problems = "404 not_found no_such_action unknown_job unknown_effect, 409 already_done not_retryable superseded not_manual no_look_up other_step "
		"decided_otherwise no_answer nothing_to_repeat, 422 note_required",
	    .says = "does a safe action at the service that raised it" },
	{ "POST", "/api/work-items/carried", work_item_carry, .access = SERVICE, .callers = "integration", .db = WRITE, .once = NATURAL,
	    .audit = "work_item.carry", .body = work_item_carry_body, .reply = work_item_carry_reply,
	    .says = "takes over an item that was kept elsewhere, with its history" },
};

static const struct job_row jobs[] = {
	{ "case.overdue", overdue_job, .says = "finds prescriptions that nobody ordered" },
};
static const struct timer_row timers[] = {
	{ "case.overdue", "CASE_SWEEP", "case.overdue", "finds prescriptions that nobody ordered" },
};
static const struct event_row events[] = {
	{ "case.eligibility.decided", on_eligibility_decided },
	{ "case.voucher.issued", on_voucher_issued },
	{ "case.voucher.ended", on_voucher_ended },
	{ "prescription.status.changed", on_prescription_changed },
	{ "order.updated", on_order_updated },
	{ ATTENTION_RAISED, on_attention_raised },
	{ ATTENTION_CLEARED, on_attention_cleared },
};

static const struct field created_event[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "state", STATE, .required = true, .says = "where the patient is" },
	{ "platform", STRING, .required = true, .max = 40, .says = "the brand" },
	{ "intake_type", STRING, .required = true, .max = 40, .says = "what was asked for" },
	{ 0 }
};
static const struct field assigned_event[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "provider_id", UUID, .required = true, .says = "who has it: a physician of registry" },
	{ "state", STATE, .required = true, .says = "where the patient is" },
	{ "platform", STRING, .required = true, .max = 40, .says = "the brand" },
	{ "intake_type", STRING, .required = true, .max = 40, .says = "what was asked for" },
	{ 0 }
};
static const struct field prescribed_event[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ 0 }
};
static const struct field moved_event[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "from", STRING, .required = true, .max = 40, .says = "the status before" },
	{ "to", STRING, .required = true, .max = 40, .says = "the status now" },
	{ 0 }
};
static const char *const created_to[] = { "voucher", "registry", "portal", NULL };
static const char *const assigned_to[] = { "patient", "portal", "prescription", NULL };
static const char *const prescribed_to[] = { "voucher", "registry", "portal", NULL };
static const char *const moved_to[] = { "portal", NULL };
static const struct topic topics[] = {
	{ "case.created", created_to, "a patient has a case", created_event },
	{ "case.provider.assigned", assigned_to, "a provider has the case", assigned_event },
	{ "case.prescribed", prescribed_to, "a prescription was written for the case", prescribed_event },
	{ "case.status.changed", moved_to, "the case stands elsewhere", moved_event },
	{ 0 }
};

static const struct conf_key config[] = {
	{ "CASE_ORDER_WITHIN", CONF_SECS, .dflt = "30m", .says = "a prescription without an order for so long makes its case partial" },
	{ "CASE_SWEEP", CONF_SECS, .dflt = "1m", .says = "how often such cases are looked for; 0 never" },
	{ 0 }
};

const struct service case_service = {
	.name = "case", .prefix = "/cases", .database = "case_service", .says = "a patient's case, and the inbox of the staff",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(timers, ntimers, timers), TABLE(events, nevents, events), .topics = topics,
	.config = config,
};
