/*
 * voucher.c: the table of the voucher service: one voucher for each eligible case. Called by administrators. Writes voucher_cases, vouchers,
 * voucher_events. Consumes case.created, case.eligibility.decided, case.prescribed; publishes case.voucher.issued, case.voucher.ended.
 */
#include "voucher/voucher.h"

static const char *const statuses[] = { "issued", "redeemed", "invalidated", "expired", NULL };

static const struct field create_body[] = { { "case_id", UUID, .required = true, .says = "an eligible case" }, { 0 } };
static const struct field invalidate_body[] = {
	{ "reason", STRING, .min = 1, .max = 60, .says = "a code; by_staff without", .example = "issued_in_error" },
	{ 0 }
};
#define VOUCHER_FIELDS \
	{ "voucher_id", UUID, .required = true, .says = "the voucher" }, \
	{ "case_id", UUID, .required = true, .says = "whose it is: one a case" }, \
	{ "patient_id", UUID, .required = true, .says = "the patient" }, \
	{ "status", ENUM, .required = true, .values = statuses, .says = "issued until it ends, once" }, \
	{ "reason", STRING, .says = "why it ended: a code", .example = "prescribed" }, \
	{ "issued_at", TIME, .required = true, .says = "when it was issued" }, \
	{ "expires_at", TIME, .required = true, .says = "until when it may be spent" }, \
	{ "ended_at", TIME, .says = "when it ended" }
static const struct field voucher_reply[] = { VOUCHER_FIELDS, { 0 } };
static const struct field line_fields[] = {
	{ "at", TIME, .required = true, .says = "when" },
	{ "actor", STRING, .required = true, .says = "who", .example = "service:eligibility" },
	{ "status", ENUM, .required = true, .values = statuses, .says = "from then on" },
	{ "reason", STRING, .says = "why" },
	{ 0 }
};
static const struct field show_reply[] = {
	VOUCHER_FIELDS,
	{ "history", ARRAY, .required = true, .max = 100, .of = line_fields, .says = "oldest first" },
	{ 0 }
};

#define STAFF .access = ROLE, .roles = "admin ops_manager ops_agent"

#define ROWS(prefix) \
	{ "POST", prefix, voucher_create, STAFF, .db = WRITE, .once = KEY, .audit = "voucher.create", .body = create_body, .reply = voucher_reply, \
	    .status = 201, .problems = "404 not_found, 409 eligibility_pending not_eligible", \
	    .says = "the voucher of an eligible case: 201 when it is made, 200 when it was there" }, \
	{ "GET", prefix "/:id", voucher_show, .access = ROLE | SERVICE, .roles = "admin ops_manager ops_agent", .callers = "portal prescription", \
	    .db = READ, .reply = show_reply, .problems = "404 not_found", .says = "a voucher with its history" }, \
	{ "POST", prefix "/:id/invalidate", voucher_invalidate, STAFF, .db = WRITE, .once = NATURAL, .audit = "voucher.invalidate", \
	    .body = invalidate_body, .reply = voucher_reply, .problems = "404 not_found, 409 redeemed expired", \
	    .says = "takes an unspent voucher back; asked again it answers the same" }

static const struct route routes[] = { ROWS("/vouchers"), ROWS("/api/v1/vouchers") };

static const struct job_row jobs[] = { { "voucher.expire", expire_job, .says = "ends vouchers whose time is over" } };
static const struct timer_row timers[] = { { "voucher.expire", "VOUCHER_SWEEP", "voucher.expire", "ends vouchers whose time is over" } };
static const struct event_row events[] = {
	{ "case.created", on_case_created },
	{ "case.eligibility.decided", on_eligibility_decided },
	{ "case.prescribed", on_case_prescribed },
};

static const struct field issued_event[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "voucher_id", UUID, .required = true, .says = "the voucher" },
	{ 0 }
};
static const struct field ended_event[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "voucher_id", UUID, .required = true, .says = "the voucher" },
	{ "status", STRING, .required = true, .max = 20, .says = "redeemed, invalidated or expired" },
	{ "reason", STRING, .max = 60, .says = "a code" },
	{ 0 }
};
static const char *const told[] = { "case", "registry", "portal", NULL };
static const struct topic topics[] = {
	{ "case.voucher.issued", told, "a case has its voucher", issued_event },
	{ "case.voucher.ended", told, "the voucher was spent, taken back or has expired", ended_event },
	{ 0 }
};

static const struct conf_key config[] = {
	{ "VOUCHER_TTL", CONF_SECS, .dflt = "30d", .says = "how long a voucher may be spent" },
	{ "VOUCHER_SWEEP", CONF_SECS, .dflt = "10m", .says = "how often expired vouchers are looked for; 0 never" },
	{ 0 }
};

const struct service voucher_service = {
	.name = "voucher", .prefix = "/vouchers", .database = "voucher", .says = "one voucher for each eligible case",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(timers, ntimers, timers), TABLE(events, nevents, events), .topics = topics,
	.config = config,
};
