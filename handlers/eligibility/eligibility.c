/*
 * eligibility.c: the table of the eligibility service: who may be served, decided by rules, with every reason. Called by administrators. Writes
 * eligibility_cases, eligibility_checks; reads eligibility_rulesets, eligibility_rules. Consumes case.submitted; publishes case.eligibility.decided.
 */
#include "eligibility/eligibility.h"

static const struct field check_body[] = { { "case_id", UUID, .required = true, .says = "the case" }, { 0 } };
static const struct field case_params[] = { { "case_id", UUID, .required = true, .says = "the case" }, { 0 } };
#define CHECK_FIELDS \
	{ "check_id", UUID, .required = true, .says = "the check that holds" }, \
	{ "eligible", BOOLEAN, .required = true, .says = "the decision" }, \
	{ "reasons", ARRAY, .required = true, .max = 50, .items = STRING, .says = "codes of the rules that are not met, in their order; none when eligible" }, \
	{ "rule_version", STRING, .required = true, .says = "of the rules that it was decided by", .example = "1" }, \
	{ "checked_at", TIME, .required = true, .says = "when it was decided" }
static const struct field check_reply[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	CHECK_FIELDS,
	{ 0 }
};
static const struct field history_fields[] = {
	CHECK_FIELDS,
	{ "actor", STRING, .required = true, .says = "who asked", .example = "system:worker" },
	{ 0 }
};
static const struct field show_reply[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	CHECK_FIELDS,
	{ "history", ARRAY, .required = true, .max = 100, .of = history_fields, .says = "newest first; a check that decides as the last one did adds none" },
	{ 0 }
};

#define STAFF "admin ops_manager ops_agent"
#define ROWS(prefix) \
	{ "POST", prefix "/check", check, .access = ROLE, .roles = STAFF, .db = WRITE, .once = NATURAL, .audit = "eligibility.check", .body = check_body, \
	    .reply = check_reply, .problems = "404 not_found, 409 eligibility_pending", .says = "decides by the rules in force" }, \
	{ "GET", prefix "/:case_id", check_show, .access = ROLE | SERVICE, .roles = STAFF, .callers = "portal", .db = READ, .params = case_params, \
	    .reply = show_reply, .problems = "404 not_found, 409 eligibility_pending", .says = "the decision that holds, and those before" }

static const struct route routes[] = { ROWS("/eligibility"), ROWS("/api/v1/eligibility") };

static const struct job_row jobs[] = {
	{ "eligibility.facts", facts_job, .attempts = 20, .says = "asks the intake for what the rules look at, and decides" },
};
static const struct event_row events[] = { { "case.submitted", on_case_submitted } };

static const struct field decided_event[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "check_id", UUID, .required = true, .says = "the check" },
	{ "eligible", BOOLEAN, .required = true, .says = "the decision" },
	{ "reasons", ARRAY, .required = true, .max = 50, .items = STRING, .says = "codes" },
	{ "rule_version", STRING, .required = true, .max = 40, .says = "of the rules" },
	{ 0 }
};
static const char *const decided_to[] = { "case", "voucher", "portal", NULL };
static const struct topic topics[] = {
	{ "case.eligibility.decided", decided_to, "whether the patient may be served", decided_event },
	{ 0 }
};

const struct service eligibility_service = {
	.name = "eligibility", .prefix = "/eligibility", .database = "eligibility", .says = "who may be served, by rules, with reasons",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(events, nevents, events), .topics = topics,
};
