/*
 * registry.c: the registry's table: physicians, licences and routing; the case that many may claim and one gets.
 * Called by administrators, portal, integration and orchestrator. Writes physicians, physician_licenses, physician_routing,
 * prescription_assignments, assignment_physicians, assignment_history, direct_cases, review_tasks, visit_credits.
 * Consumes intake.submitted, ehr.task.created, prescription.decided, case.created, case.voucher.issued, case.voucher.ended, case.prescribed; publishes assignment.opened, assignment.claimed,
 * assignment.completed.
 */
#include "registry/registry.h"

static const char *const licensed_platforms[] = { "yourera", "guideglp", "both", NULL };
static const char *const platforms[] = { "yourera", "guideglp", NULL };

static const struct field create_body[] = {
	{ "npi", STRING, .required = true, .min = 10, .max = 10, .says = "National Provider Identifier with its check digit",
	    .example = "1234567893" },
	{ "firstName", STRING, .required = true, .min = 1, .max = 80, .says = "given name", .example = "Ada" },
	{ "lastName", STRING, .required = true, .min = 1, .max = 80, .says = "family name", .example = "Sample" },
	{ "credentials", STRING, .required = true, .min = 1, .max = 20, .says = "MD, DO, FNP-C", .example = "MD" },
	{ "email", EMAIL, .required = true, .says = "where new cases are announced" },
	{ "platform", ENUM, .required = true, .values = licensed_platforms, .says = "whose patients" },
	{ 0 }
};
static const struct field change_body[] = {
	{ "firstName", STRING, .min = 1, .max = 80, .says = "given name", .example = "Ada" },
	{ "lastName", STRING, .min = 1, .max = 80, .says = "family name", .example = "Sample" },
	{ "credentials", STRING, .min = 1, .max = 20, .says = "MD, DO, FNP-C", .example = "MD" },
	{ "email", EMAIL, .says = "where new cases are announced" },
	{ "platform", ENUM, .values = licensed_platforms, .says = "whose patients" },
	{ "active", BOOLEAN, .says = "false: sees and claims nothing new" },
	{ 0 }
};
static const struct field license_fields[] = {
	{ "state", STATE, .required = true, .says = "where" },
	{ "licenseNumber", STRING, .required = true, .says = "as the board writes it", .example = "MD.204417" },
	{ "licenseType", STRING, .required = true, .says = "MD, DO, FNP-C", .example = "MD" },
	{ "expiresOn", DATE, .required = true, .says = "last day on which it is good" },
	{ 0 }
};
static const struct field rule_fields[] = {
	{ "platform", STRING, .required = true, .says = "platform", .example = "yourera" },
	{ "state", STATE, .required = true, .says = "where" },
	{ "priority", INTEGER, .required = true, .says = "the lowest is asked first" },
	{ 0 }
};
static const struct field physician_reply[] = {
	{ "physicianId", UUID, .required = true, .says = "the physician" },
	{ "npi", STRING, .required = true, .says = "National Provider Identifier", .example = "1234567893" },
	{ "firstName", STRING, .required = true, .says = "given name", .example = "Ada" },
	{ "lastName", STRING, .required = true, .says = "family name", .example = "Sample" },
	{ "name", STRING, .required = true, .says = "as on a prescription" },
	{ "credentials", STRING, .required = true, .says = "MD, DO, FNP-C", .example = "MD" },
	{ "email", EMAIL, .required = true, .says = "where new cases are announced" },
	{ "platform", STRING, .required = true, .says = "yourera, guideglp or both", .example = "yourera" },
	{ "active", BOOLEAN, .required = true, .says = "false: sees and claims nothing new" },
	{ "licenses", ARRAY, .required = true, .max = 60, .of = license_fields, .says = "one per state" },
	{ "routing", ARRAY, .required = true, .max = 120, .of = rule_fields, .says = "routing rules" },
	{ "createdAt", TIME, .required = true, .says = "when added" },
	{ 0 }
};
static const struct field public_license_fields[] = {
	{ "state", STATE, .required = true, .says = "where" },
	{ "license_number", STRING, .required = true, .says = "as the board writes it", .example = "MD.204417" },
	{ "license_type", STRING, .required = true, .says = "MD, DO, FNP-C", .example = "MD" },
	{ "expires_on", DATE, .required = true, .says = "last day on which it is good" },
	{ "valid", BOOLEAN, .required = true, .says = "it is good today" },
	{ 0 }
};
static const struct field provider_reply[] = {
	{ "provider_id", UUID, .required = true, .says = "the physician" },
	{ "npi", STRING, .required = true, .says = "National Provider Identifier", .example = "1234567893" },
	{ "name", STRING, .required = true, .says = "as on a prescription" },
	{ "first_name", STRING, .required = true, .says = "given name", .example = "Ada" },
	{ "last_name", STRING, .required = true, .says = "family name", .example = "Sample" },
	{ "credentials", STRING, .required = true, .says = "MD, DO, FNP-C", .example = "MD" },
	{ "platform", STRING, .required = true, .says = "yourera, guideglp or both", .example = "yourera" },
	{ "active", BOOLEAN, .required = true, .says = "false: has nothing new" },
	{ "licenses", ARRAY, .required = true, .max = 60, .of = public_license_fields, .says = "one per state" },
	{ 0 }
};
static const struct field assign_body[] = {
	{ "case_id", UUID, .required = true, .says = "a case with a voucher" },
	{ "provider_id", UUID, .says = "this one and nobody else; without it the system picks" },
	{ 0 }
};
static const struct field assign_reply[] = {
	{ "case_id", UUID, .required = true, .says = "the case" },
	{ "assignment_id", UUID, .required = true, .says = "the assignment" },
	{ "provider_id", UUID, .required = true, .says = "who has it: GET /providers/:id" },
	{ "status", STRING, .required = true, .says = "assigned; completed once a prescription was written", .example = "assigned" },
	{ "mode", STRING, .required = true, .says = "direct", .example = "direct" },
	{ "assigned_at", TIME, .required = true, .says = "since when" },
	{ 0 }
};
static const struct field list_query[] = {
	{ "platform", ENUM, .values = platforms, .says = "those who serve this platform" },
	{ "state", STATE, .says = "those with a licence there, good or not" },
	{ "active", BOOLEAN, .says = "only active, only inactive" },
	{ "after", UUID, .says = "the last physicianId of the page before" },
	{ "limit", INTEGER, .min = 1, .max = 100, .says = "page size, 100" },
	{ 0 }
};
static const struct field list_reply[] = {
	{ "physicians", ARRAY, .required = true, .max = 100, .of = physician_reply, .says = "ordered by physicianId" },
	{ 0 }
};
static const struct field license_params[] = {
	{ "id", UUID, .required = true, .says = "the physician" },
	{ "state", STATE, .required = true, .says = "where" },
	{ 0 }
};
static const struct field license_body[] = {
	{ "licenseNumber", STRING, .required = true, .min = 1, .max = 40, .says = "as the board writes it",
	    .example = "MD.204417" },
	{ "licenseType", STRING, .required = true, .min = 1, .max = 20, .says = "MD, DO, FNP-C", .example = "MD" },
	{ "expiresOn", DATE, .required = true, .says = "last day on which it is good" },
	{ 0 }
};
static const struct field state_query[] = { { "state", STATE, .required = true, .says = "where" }, { 0 } };
static const struct field verify_reply[] = {
	{ "physicianId", UUID, .required = true, .says = "the physician" },
	{ "state", STATE, .required = true, .says = "where" },
	{ "licensed", BOOLEAN, .required = true, .says = "an active physician with a licence that is good today" },
	{ "licenseNumber", STRING, .says = "left out when there is none", .example = "MD.204417" },
	{ "type", STRING, .says = "MD, DO, FNP-C" },
	{ "expiresOn", DATE, .says = "last good day" },
	{ 0 }
};
static const struct field rule_params[] = {
	{ "id", UUID, .required = true, .says = "the physician" },
	{ "platform", ENUM, .required = true, .values = platforms, .says = "platform" },
	{ "state", STATE, .required = true, .says = "where" },
	{ 0 }
};
static const struct field rule_body[] = {
	{ "priority", INTEGER, .required = true, .min = 1, .max = 1000, .says = "the lowest is asked first" },
	{ 0 }
};
static const struct field rule_reply[] = {
	{ "physicianId", UUID, .required = true, .says = "the physician" },
	{ "platform", STRING, .required = true, .says = "platform", .example = "yourera" },
	{ "state", STATE, .required = true, .says = "where" },
	{ "priority", INTEGER, .required = true, .says = "the lowest is asked first" },
	{ 0 }
};
static const struct field route_query[] = {
	{ "platform", ENUM, .required = true, .values = platforms, .says = "platform" },
	{ "state", STATE, .required = true, .says = "the patient's state" },
	{ 0 }
};
static const struct field route_reply[] = {
	{ "physicianId", UUID, .required = true, .says = "the prescriber" },
	{ "npi", STRING, .required = true, .says = "National Provider Identifier", .example = "1234567893" },
	{ "name", STRING, .required = true, .says = "as on a prescription" },
	{ "platform", STRING, .required = true, .says = "platform", .example = "yourera" },
	{ "state", STATE, .required = true, .says = "where" },
	{ "licenseNumber", STRING, .required = true, .says = "good today", .example = "MD.204417" },
	{ "licenseType", STRING, .required = true, .says = "MD, DO, FNP-C", .example = "MD" },
	{ "priority", INTEGER, .required = true, .says = "of the rule that chose" },
	{ 0 }
};
static const struct field eligible_fields[] = {
	{ "physicianId", UUID, .required = true, .says = "may claim" },
	{ "name", STRING, .required = true, .says = "as on a prescription" },
	{ "npi", STRING, .required = true, .says = "National Provider Identifier", .example = "1234567893" },
	{ 0 }
};
#define ASSIGNMENT \
	{ "assignmentId", UUID, .required = true, .says = "the assignment" }, \
	{ "submissionId", UUID, .required = true, .says = "the intake submission" }, \
	{ "patientId", UUID, .required = true, .says = "the patient" }, \
	{ "state", STATE, .required = true, .says = "the patient's state" }, \
	{ "platform", STRING, .required = true, .says = "platform" }, \
	{ "intakeType", STRING, .required = true, .says = "what was asked for" }, \
	{ "mode", STRING, .required = true, .says = "pool: first claim wins; direct: assigned by staff" }, \
	{ "status", STRING, .required = true, .says = "open, claimed, completed" }, \
	{ "taskId", STRING, .says = "the review task in the EHR, once it exists" }, \
	{ "claimedBy", UUID, .says = "the physician who has it" }, \
	{ "claimedAt", TIME, .says = "since when" }, \
	{ "openedAt", TIME, .required = true, .says = "when it was opened" }, \
	{ "completedAt", TIME, .says = "when it was decided" }, \
	{ "outcome", STRING, .says = "approved or denied" }
static const struct field queue_item[] = { ASSIGNMENT, { 0 } };
static const struct field assignment_reply[] = {
	ASSIGNMENT,
	{ "physicians", ARRAY, .required = true, .max = 1000, .of = eligible_fields, .says = "to whom it was opened" },
	{ 0 }
};
static const struct field queue_query[] = { { "physicianId", UUID, .required = true, .says = "whose queue" }, { 0 } };
static const struct field queue_reply[] = {
	{ "assignments", ARRAY, .required = true, .max = 200, .of = queue_item,
	    .says = "oldest first: open to this physician, or held by them" },
	{ 0 }
};
static const struct field find_query[] = { { "submissionId", UUID, .required = true, .says = "the intake submission" }, { 0 } };
static const struct field claim_body[] = {
	{ "assignmentId", UUID, .required = true, .says = "the open assignment" },
	{ "physicianId", UUID, .required = true, .says = "who claims it; must be eligible" },
	{ 0 }
};
static const struct field claim_reply[] = {
	{ "assignmentId", UUID, .required = true, .says = "the assignment" },
	{ "submissionId", UUID, .required = true, .says = "the intake submission" },
	{ "status", STRING, .required = true, .says = "claimed" },
	{ "claimedBy", UUID, .required = true, .says = "the winner" },
	{ "claimedAt", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field credits_query[] = {
	{ "physicianId", UUID, .required = true, .says = "whose visits" },
	{ "after", UUID, .says = "the last creditId of the page before" },
	{ 0 }
};
static const struct field credit_fields[] = {
	{ "creditId", UUID, .required = true, .says = "the line" },
	{ "assignmentId", UUID, .required = true, .says = "the visit" },
	{ "outcome", STRING, .required = true, .says = "approved or denied" },
	{ "amountCents", INTEGER, .required = true, .says = "owed" },
	{ "currency", STRING, .required = true, .says = "ISO 4217", .example = "USD" },
	{ "creditedAt", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field credits_reply[] = {
	{ "credits", ARRAY, .required = true, .max = 100, .of = credit_fields, .says = "oldest first" },
	{ 0 }
};

#define ASSIGN_ROW(path) \
	{ "POST", path, assign_provider, .access = ROLE, .roles = "admin ops_manager ops_agent", .db = WRITE, .once = NATURAL, \
	    .audit = "assignment.assign", .body = assign_body, .reply = assign_reply, \
	    .problems = "404 not_found, 409 no_provider provider_not_licensed already_assigned voucher_pending case_ended", \
	    .says = "gives a case to a licensed provider; when there is none the case waits and goes on by itself" }

static const struct route routes[] = {
	{ "POST", "/physicians", physician_create, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "physician.create",
	    .body = create_body, .reply = physician_reply, .status = 201,
	    .problems = "409 duplicate_npi",
	    .says = "adds a physician; an NPI is on file once" },
	{ "GET", "/physicians", physician_list, .access = ADMIN | SERVICE, .callers = "integration portal", .db = READ,
	    .query = list_query, .reply = list_reply, .says = "physicians" },
	{ "GET", "/physicians/:id", physician_show, .access = ADMIN | SERVICE, .callers = "integration orchestrator portal prescription",
	    .db = READ, .reply = physician_reply, .says = "one physician" },
	{ "GET", "/providers/:id", provider_show, .access = PUBLIC, .db = READ, .reply = provider_reply, .problems = "404 not_found",
	    .says = "the public profile of a provider, with licences" },
	{ "PATCH", "/physicians/:id", physician_change, .access = ADMIN, .db = WRITE, .once = NATURAL, .audit = "physician.change",
	    .body = change_body, .reply = physician_reply, .says = "changes the members given" },
	{ "PUT", "/physicians/:id/licenses/:state", license_put, .access = ADMIN, .db = WRITE, .once = NATURAL,
	    .audit = "license.put",
	    .params = license_params, .body = license_body, .reply = verify_reply, .says = "sets the licence in a state" },
	{ "DELETE", "/physicians/:id/licenses/:state", license_drop, .access = ADMIN, .db = WRITE, .once = NATURAL,
	    .audit = "license.drop", .params = license_params, .status = 204, .says = "removes the licence in a state" },
	{ "PUT", "/physicians/:id/routing/:platform/:state", routing_put, .access = ADMIN, .db = WRITE, .once = NATURAL,
	    .audit = "routing.put", .params = rule_params, .body = rule_body, .reply = rule_reply, .says = "sets a routing rule" },
	{ "DELETE", "/physicians/:id/routing/:platform/:state", routing_drop, .access = ADMIN, .db = WRITE, .once = NATURAL,
	    .audit = "routing.drop", .params = rule_params, .status = 204, .says = "removes a routing rule" },
	{ "GET", "/physicians/:id/verify-license", license_verify, .access = ADMIN | SERVICE, .callers = "orchestrator integration",
	    .db = READ, .query = state_query, .reply = verify_reply, .says = "whether the physician may prescribe there today" },
	{ "GET", "/route", routing_show, .access = ADMIN | SERVICE, .callers = "orchestrator integration", .db = READ,
	    .query = route_query, .reply = route_reply,
	    .problems = "404 no_prescriber",
	    .says = "the first licensed prescriber of a state" },
	{ "GET", "/route/queue", assignment_queue, .access = SERVICE, .callers = "portal integration", .db = READ,
	    .query = queue_query, .reply = queue_reply, .says = "a physician's queue" },
	{ "GET", "/route/assignments", assignment_find, .access = SERVICE, .callers = "integration orchestrator portal", .db = READ,
	    .query = find_query, .reply = assignment_reply,
	    .problems = "404 not_found",
	    .says = "the assignment of a submission" },
	{ "GET", "/route/assignments/:id", assignment_show, .access = SERVICE, .callers = "integration orchestrator portal",
	    .db = READ, .reply = assignment_reply, .says = "one assignment" },
	{ "POST", "/route/claim", claim, .ask = claim_for, .access = SERVICE, .callers = "portal", .db = WRITE, .once = NATURAL,
	    .audit = "assignment.claim",
	    .body = claim_body, .reply = claim_reply,
	    .problems = "403 not_eligible, 404 not_found, 409 claim_conflict licence_expired",
	    .says = "takes an open case: the first claim wins" },
	ASSIGN_ROW("/cases/assign-provider"), ASSIGN_ROW("/api/v1/cases/assign-provider"),
	{ "GET", "/route/credits", credit_list, .access = ADMIN | SERVICE, .callers = "portal", .db = READ, .query = credits_query,
	    .reply = credits_reply, .says = "visits credited to a physician" },
};

static const struct job_row jobs[] = {
	{ "alert.physician", alert_physician_job, .queue = "notify", .says = "tells one eligible physician of a new case" },
	{ "alert.staff", alert_staff_job, .queue = "notify", .says = "tells staff of a case that is open to nobody" },
	{ "direct.assign", direct_assign_job, .says = "tries the cases that wait for a provider" },
	{ "case.tell", case_tell_job, .says = "writes back to case who has it" },
};
static const struct queue_row queues[] = { { "notify", 2 } };
static const struct timer_row timers[] = {
	{ "direct.assign", "DIRECT_SWEEP", "direct.assign", "tries the cases that wait for a provider" },
};

static const struct field opened_event[] = {
	{ "assignmentId", UUID, .required = true, .says = "the assignment" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "physicians", INTEGER, .required = true, .min = 0, .says = "how many it is open to" },
	{ 0 }
};
static const struct field claimed_event[] = {
	{ "assignmentId", UUID, .required = true, .says = "the assignment" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "physicianId", UUID, .required = true, .says = "who claimed it" },
	{ 0 }
};
static const struct field completed_event[] = {
	{ "assignmentId", UUID, .required = true, .says = "the assignment" },
	{ "submissionId", UUID, .required = true, .says = "the case" },
	{ "patientId", UUID, .required = true, .says = "the patient" },
	{ "physicianId", UUID, .required = true, .says = "who decided" },
	{ "outcome", STRING, .required = true, .max = 100, .says = "approved or denied" },
	{ 0 }
};
static const char *const to_portal[] = { "portal", NULL };
static const struct topic topics[] = {
	{ "assignment.opened", to_portal, "a case is open to physicians", opened_event },
	{ "assignment.claimed", to_portal, "a physician has it", claimed_event },
	{ "assignment.completed", to_portal, "it was approved or denied, the visit is credited", completed_event },
	{ 0 }
};
static const struct event_row events[] = {
	{ "intake.submitted", on_intake_submitted },
	{ "ehr.task.created", on_task_created },
	{ "prescription.decided", on_prescription_decided },
	{ "case.created", on_case_created },
	{ "case.voucher.issued", on_voucher_issued },
	{ "case.voucher.ended", on_voucher_ended },
	{ "case.prescribed", on_case_prescribed },
};

static const struct conf_key config[] = {
	{ "VISIT_CREDIT_CENTS", CONF_INT, .dflt = "3500", .says = "what a physician is credited for a decided case" },
	{ "VISIT_CREDIT_CURRENCY", CONF_STR, .dflt = "USD", .says = "its currency" },
	{ "DIRECT_SWEEP", CONF_SECS, .dflt = "5m", .says = "how often cases that wait for a provider are tried besides; 0 never" },
	{ 0 }
};

const struct service registry_service = {
	.name = "registry", .prefix = "/route", .database = "physician_registry",
	    .says = "physicians, licences, routing and the claim of a case",
	TABLE(routes, nroutes, routes), TABLE(jobs, njobs, jobs), TABLE(queues, nqueues, queues), .topics = topics,
	    TABLE(timers, ntimers, timers), TABLE(events, nevents, events),
	.config = config, .start = registry_start,
};
