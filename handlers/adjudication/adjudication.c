/*
 * adjudication.c: the table of the adjudication service: claims. Called by staff and, signed, by the pharmacies. Writes adjudications with their claims,
 * history and results, and prior_authorizations. Asks prescription, enrollment and program for what a claim needs. Publishes insurance.adjudication.completed,
 * adjudication.prior_auth.required and adjudication.rejected.
 */
#include "work/hook.h"
#include "adjudication/adjudication.h"

static const char *const statuses[] = { "queued", "sending", "claimed", "prior_auth_required", "approved", "rejected", "manual", NULL };
static const char *const authorisations[] = { "pending", "submitted", "approved", "denied", "appealed", "withdrawn", NULL };
static const char *const decisions[] = { "approved", "denied", "appealed", "withdrawn", NULL };
static const char *const claim_states[] = { "approved", "rejected", "prior_auth_required", NULL };
static const char *const program_states[] = { "approved", "rejected", NULL };

/* ---- results */

static const struct field reject_code_fields[] = {
	{ "code", STRING, .required = true, .min = 1, .max = 20, .says = "NCPDP reject code", .example = "70" },
	{ "message", STRING, .max = 200, .says = "the payer's words", .example = "product/service not covered" },
	{ 0 }
};
static const struct field primary_fields[] = {
	{ "claim_id", STRING, .required = true, .min = 1, .max = 60, .says = "the payer's", .example = "CLM123" },
	{ "status", ENUM, .required = true, .values = claim_states, .says = "what the payer said" },
	{ "drug_cost", MONEY, .says = "US dollars; when approved", .example = "6500.00" },
	{ "insurance_paid", MONEY, .says = "what the insurance pays of it", .example = "5000.00" },
	{ "patient_copay", MONEY, .says = "what it leaves to the patient", .example = "1500.00" },
	{ "reject_codes", ARRAY, .of = reject_code_fields, .max = 20, .says = "why it was rejected, the weightiest first" },
	{ 0 }
};
static const struct field program_fields[] = {
	{ "program_id", STRING, .required = true, .min = 1, .max = 64, .says = "as it was offered", .example = "prog_abbvie_humira_2024" },
	{ "program_name", STRING, .required = true, .min = 1, .max = 120, .says = "as the card says", .example = "Humira Complete Savings Card" },
	{ "status", ENUM, .required = true, .values = program_states, .says = "what the program said" },
	{ "discount_amount", MONEY, .says = "what it pays; when approved", .example = "1495.00" },
	{ "reduced_copay", MONEY, .says = "what is left to the patient", .example = "5.00" },
	{ "reject_code", STRING, .max = 20, .says = "why it was rejected", .example = "76" },
	{ 0 }
};
static const struct field breakdown_fields[] = {
	{ "total_drug_cost", MONEY, .required = true, .says = "US dollars", .example = "6500.00" },
	{ "insurance_covered", MONEY, .required = true, .says = "of it, the insurance's", .example = "5000.00" },
	{ "initial_copay", MONEY, .required = true, .says = "of it, the patient's", .example = "1500.00" },
	{ "manufacturer_discount", MONEY, .required = true, .says = "of that, the programs'", .example = "1495.00" },
	{ "final_patient_copay", MONEY, .required = true, .says = "what the patient pays", .example = "5.00" },
	{ 0 }
};
const struct field result_fields[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "primary_insurance", OBJECT, .required = true, .of = primary_fields, .says = "the first step: the patient's insurance" },
	{ "manufacturer_programs", ARRAY, .of = program_fields, .max = 5, .says = "the second step: programs, in the order in which they were billed" },
	{ "cost_breakdown", OBJECT, .of = breakdown_fields, .says = "what it comes to; when approved" },
	{ "claim", INTEGER, .min = 1, .max = 1000, .says = "which claim of the prescription it answers; absent: the payer's claim_id tells, else the current one" },
	{ "event_id", STRING, .min = 1, .max = 100, .says = "makes it once; absent: its content does", .example = "evt_0001" },
	{ "occurred_at", TIME, .says = "when; an older one never undoes a newer one" },
	{ 0 }
};

/* ---- what staff sees */

#define HEAD \
	{ "adjudication_id", UUID, .required = true, .says = "the adjudication" }, \
	{ "prescription_id", UUID, .required = true, .says = "its prescription" }, \
	{ "patient_id", UUID, .required = true, .says = "the patient" }, \
	{ "pharmacy_id", STRING, .required = true, .says = "who bills" }, \
	{ "pharmacy_name", STRING, .required = true, .says = "its name" }, \
	{ "status", STRING, .required = true, .says = "queued, sending, claimed, prior_auth_required, approved, rejected, manual", .example = "approved" }, \
	{ "reason", STRING, .says = "a code: the reject code, prior_auth_denied, …", .example = "70" }, \
	{ "claim", INTEGER, .required = true, .says = "which claim of the prescription is the current one" }, \
	{ "updated_at", TIME, .required = true, .says = "when it changed" }

static const struct field history_fields[] = {
	{ "from", STRING, .says = "status before", .example = "claimed" },
	{ "to", STRING, .required = true, .says = "status", .example = "approved" },
	{ "claim", INTEGER, .required = true, .says = "of which claim" },
	{ "reason", STRING, .says = "a code" },
	{ "at", TIME, .required = true, .says = "when" },
	{ 0 }
};
static const struct field reject_fields[] = {
	{ "code", STRING, .required = true, .says = "NCPDP reject code, or ours", .example = "70" },
	{ "text", STRING, .required = true, .says = "what it means", .example = "product/service not covered" },
	{ "advice", STRING, .required = true, .says = "what helps: correct, prior_auth, reroute, wait, patient", .example = "patient" },
	{ 0 }
};
static const struct field authorisation_fields[] = {
	{ "prior_auth_id", UUID, .required = true, .says = "the prior authorisation" },
	{ "status", STRING, .required = true, .says = "pending, submitted, approved, denied, appealed, withdrawn", .example = "pending" },
	{ 0 }
};
static const struct field claim_fields[] = {
	{ "id", UUID, .required = true, .says = "the claim" },
	{ "claim", INTEGER, .required = true, .says = "which of the prescription's" },
	{ "pharmacy_id", STRING, .required = true, .says = "who billed it" },
	{ "pharmacy_name", STRING, .required = true, .says = "its name" },
	{ "status", STRING, .required = true, .says = "made, sent, taken, approved, rejected, prior_auth_required, withdrawn (it never left)", .example = "approved" },
	{ "claim_ref", STRING, .says = "the pharmacy's name for it" },
	{ "payer_claim_id", STRING, .says = "the payer's", .example = "CLM123" },
	{ "reversal", STRING, .says = "due: another pharmacy fills the prescription; done", .example = "due" },
	{ "reversed_at", TIME, .says = "when staff said so" },
	{ 0 }
};
static const struct field reversed_reply[] = {
	{ "claim_id", UUID, .required = true, .says = "the claim" },
	{ "prescription_id", UUID, .required = true, .says = "its prescription" },
	{ "claim", INTEGER, .required = true, .says = "which of the prescription's" },
	{ "pharmacy_id", STRING, .required = true, .says = "who reversed it" },
	{ "reversal", STRING, .required = true, .says = "done", .example = "done" },
	{ "reversed_at", TIME, .required = true, .says = "when it was first said" },
	{ 0 }
};
static const struct field show_reply[] = {
	HEAD,
	{ "insurance_type", STRING, .says = "commercial, government, cash", .example = "commercial" },
	{ "program_offered", STRING, .says = "with the current claim", .example = "prog_abbvie_humira_2024" },
	{ "primary_insurance", OBJECT, .of = primary_fields, .says = "when approved" },
	{ "manufacturer_programs", ARRAY, .of = program_fields, .max = 5, .says = "when approved" },
	{ "cost_breakdown", OBJECT, .of = breakdown_fields, .says = "when approved" },
	{ "reject", OBJECT, .of = reject_fields, .says = "when rejected" },
	{ "prior_authorization", OBJECT, .of = authorisation_fields, .says = "the last one, where there is one" },
	{ "claims", ARRAY, .required = true, .max = 50, .of = claim_fields, .says = "each that was made, oldest first" },
	{ "history", ARRAY, .required = true, .max = 50, .of = history_fields, .says = "the last steps, oldest first" },
	{ 0 }
};
static const struct field list_query[] = {
	{ "status", ENUM, .values = statuses, .says = "only these" },
	{ 0 }
};
static const struct field list_item[] = { HEAD, { 0 } };
static const struct field list_reply[] = {
	{ "adjudications", ARRAY, .required = true, .max = 100, .of = list_item, .says = "last changed first" },
	{ 0 }
};
static const struct field prescription_param[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ 0 }
};
static const struct field again_body[] = {
	{ "reason", STRING, .min = 1, .max = 60, .says = "a code for the history", .example = "corrected" },
	{ "claim", INTEGER, .min = 1, .max = 1000, .says = "the claim that the caller saw: where another was made since, none is made" },
	{ 0 }
};
static const struct field again_reply[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "adjudication_id", UUID, .required = true, .says = "its adjudication" },
	{ "claim", INTEGER, .required = true, .says = "the claim under way" },
	{ "status", STRING, .required = true, .says = "queued, sending or, when another was made since, whatever that came to", .example = "queued" },
	{ 0 }
};

/* ---- prior authorisations */

static const struct field prior_auth_reply[] = {
	{ "prior_auth_id", UUID, .required = true, .says = "the prior authorisation" },
	{ "adjudication_id", UUID, .required = true, .says = "the adjudication that needs it" },
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "claim", INTEGER, .required = true, .says = "the claim that needed it" },
	{ "status", STRING, .required = true, .says = "pending, submitted, approved, denied, appealed, withdrawn", .example = "submitted" },
	{ "reason", STRING, .says = "a code", .example = "step_therapy" },
	{ "authorization_number", STRING, .says = "the payer's, once approved", .example = "PA100234" },
	{ "appeals", INTEGER, .required = true, .says = "how often a denial was appealed" },
	{ "submitted_at", TIME, .says = "when the prescriber asked the payer" },
	{ "decided_at", TIME, .says = "when the payer last decided" },
	{ "created_at", TIME, .required = true, .says = "when the payer wanted it" },
	{ 0 }
};
static const struct field prior_auth_query[] = {
	{ "status", ENUM, .values = authorisations, .says = "only these" },
	{ "prescription_id", UUID, .says = "only this prescription's" },
	{ 0 }
};
static const struct field prior_auth_list_reply[] = {
	{ "prior_authorizations", ARRAY, .required = true, .max = 100, .of = prior_auth_reply, .says = "oldest first" },
	{ 0 }
};
static const struct field submit_body[] = {
	{ "reason", STRING, .min = 1, .max = 60, .says = "a code", .example = "step_therapy" },
	{ 0 }
};
static const struct field change_body[] = {
	{ "status", ENUM, .required = true, .values = decisions, .says = "what the payer decided, or what staff does about it" },
	{ "authorization_number", STRING, .min = 1, .max = 40, .says = "the payer's; with approved only", .example = "PA100234" },
	{ "reason", STRING, .min = 1, .max = 60, .says = "a code", .example = "not_medically_necessary" },
	{ 0 }
};

#define STAFF .access = ROLE, .roles = "admin ops_manager ops_agent"

static const struct route routes[] = {
	{ .method = "POST", .path = "/api/v1/adjudication/results", .handle = result_receive, .access = WEBHOOK, .callers = "pharmacy",
	    .webhook = webhook_check, .db = WRITE, .once = NATURAL, .body = result_fields,
	    .problems = "400 malformed_event, 404 unknown_prescription, 422 figures_missing claim_does_not_add_up program_does_not_add_up "
	    "breakdown_does_not_add_up discount_above_copay discount_without_claim program_behind_government_plan program_not_offered discount_above_cap "
	    "claim_not_named",
	    .says = "a pharmacy reports what a claim came to" },
	{ "GET", "/api/v1/adjudication", adjudication_list, STAFF, .db = READ, .query = list_query, .reply = list_reply, .says = "adjudications" },
	{ "GET", "/api/v1/adjudication/:prescription_id", adjudication_show, STAFF, .db = READ_AUDITED, .audit = "adjudication.show",
	    .params = prescription_param, .reply = show_reply, .problems = "404 not_found", .says = "what a prescription's claim came to" },
	{ "POST", "/api/v1/prescriptions/:id/re-adjudicate", readjudicate, STAFF, .db = WRITE, .once = NATURAL, .audit = "adjudication.again",
	    .body = again_body, .reply = again_reply, .status = 202, .problems = "404 not_found, 409 already_paid prior_auth_open claim_in_progress",
	    .says = "makes the claim anew" },
	{ "POST", "/api/v1/adjudication/:id/re-adjudicate", readjudicate, .access = SERVICE | ADMIN, .callers = "case", .db = WRITE, .once = NATURAL,
	    .audit = "adjudication.again", .body = again_body, .reply = again_reply, .status = 202,
	    .problems = "404 not_found, 409 already_paid prior_auth_open claim_in_progress", .says = "makes the claim anew, from the inbox of the staff" },
	{ "POST", "/api/v1/adjudication/claims/:id/reversed", attempt_reversed, .access = ROLE | SERVICE, .roles = "admin ops_manager ops_agent",
	    .callers = "case", .db = WRITE, .once = NATURAL, .audit = "adjudication.reversed", .reply = reversed_reply,
	    .problems = "404 not_found, 409 not_due", .says = "the pharmacy has reversed a claim, staff says" },
	{ "GET", "/api/v1/prior-auth", prior_auth_list, STAFF, .db = READ, .query = prior_auth_query, .reply = prior_auth_list_reply,
	    .says = "prior authorisations" },
	{ "GET", "/api/v1/prior-auth/:id", prior_auth_show, STAFF, .db = READ, .reply = prior_auth_reply, .problems = "404 not_found",
	    .says = "one prior authorisation" },
	{ "POST", "/api/v1/prior-auth/:id/submit", prior_auth_submit, STAFF, .db = WRITE, .once = NATURAL, .audit = "prior_auth.submit",
	    .body = submit_body, .reply = prior_auth_reply, .problems = "404 not_found, 409 illegal_transition superseded",
	    .says = "the prescriber has asked the payer" },
	{ "PATCH", "/api/v1/prior-auth/:id", prior_auth_change, STAFF, .db = WRITE, .once = NATURAL, .audit = "prior_auth.change", .body = change_body,
	    .reply = prior_auth_reply, .problems = "404 not_found, 409 illegal_transition superseded, 422 invalid_members",
	    .says = "what became of it: an approval makes the next claim" },
};

static const struct job_row jobs[] = {
	{ "claim.prepare", claim_job, .keep = true, .buried = claim_buried, .says = "gathers what a claim needs and intends it" },
	{ "pharmacy.claim", effect_job, .queue = "pharmacy", .says = "sends a claim to the pharmacy" },
	{ "pharmacy.result", webhook_job, .queue = "webhook", .says = "makes of a pharmacy's result what it is" },
	{ WEBHOOK_SWEEP, webhook_sweep_job, .queue = "webhook", .says = "asks the pharmacies for results that were never posted" },
	{ "claims.overdue", overdue_job, .says = "calls a person to claims that nobody answered" },
};
static const struct timer_row timers[] = {
	{ WEBHOOK_SWEEP, "WEBHOOK_SWEEP", WEBHOOK_SWEEP, "results that were never posted, and those that are old" },
	{ "claims.overdue", "ADJUDICATION_SWEEP", "claims.overdue", "claims without a result", .polls = "adjudication_jobs" },
};
static const struct effect_kind *const effects[] = { &pharmacy_claim_effect };
static const struct webhook_source *const webhooks[] = { &pharmacy_results };

static const struct event_row events[] = {
	{ "pharmacy.selected", pharmacy_selected },
	{ "payment.completed", payment_completed },
	{ "prescription.status.changed", prescription_moved },
};

#define EVENT \
	{ "event_id", UUID, .required = true, .says = "this event" }, \
	{ "prescription_id", UUID, .required = true, .says = "the prescription" }, \
	{ "patient_id", UUID, .required = true, .says = "the patient" }, \
	{ "claim", INTEGER, .required = true, .min = 1, .max = 100000, .says = "which claim of the prescription; the last one's figures count" }, \
	{ "timestamp", TIME, .required = true, .says = "when" }
#define CENTS(name, what) { name, INTEGER, .required = true, .min = 0, .max = MONEY_MOST, .says = (what) }

static const struct field applied_fields[] = {
	{ "program_id", STRING, .required = true, .max = 64, .says = "the program" },
	CENTS("discount_cents", "what it pays"),
	{ 0 }
};
static const struct field completed_event[] = {
	EVENT,
	{ "adjudication_id", UUID, .required = true, .says = "the adjudication" },
	CENTS("drug_cost_cents", "what the drug costs"),
	CENTS("insurance_paid_cents", "of it, the insurance's"),
	CENTS("copay_cents", "of it, the patient's"),
	CENTS("final_copay_cents", "what is left to the patient; 0: nothing is to be paid"),
	CENTS("patient_savings_cents", "what programs pay"),
	{ "programs_applied", ARRAY, .required = true, .items = STRING, .max = 5, .says = "their names" },
	{ "programs", ARRAY, .required = true, .of = applied_fields, .max = 5, .says = "the same by id, with what each pays" },
	{ 0 }
};
static const struct field rejected_event[] = {
	EVENT,
	{ "code", STRING, .required = true, .max = 40, .says = "NCPDP reject code, prior_auth_denied, prior_auth_withdrawn or pharmacy_refused" },
	{ 0 }
};
static const struct field prior_auth_event[] = {
	EVENT,
	{ "prior_auth_id", UUID, .required = true, .says = "the prior authorisation" },
	{ 0 }
};
static const char *const completed_to[] = { "prescription", "program", "billing", "shipping", "portal", NULL };
static const char *const rejected_to[] = { "prescription", "program", "portal", NULL };
static const char *const prior_auth_to[] = { "prescription", "portal", NULL };
static const struct topic topics[] = {
	{ "insurance.adjudication.completed", completed_to, "the payer answered", completed_event },
	{ "adjudication.rejected", rejected_to, "a claim was rejected", rejected_event },
	{ "adjudication.prior_auth.required", prior_auth_to, "the payer wants to be asked first", prior_auth_event },
	{ 0 }
};

static const struct conf_key config[] = {
	{ "PHARMACY_BASE_URL", CONF_STR, .required = true, .says = "the pharmacies' API" },
	{ "PHARMACY_KEY_ID", CONF_STR, .required = true, .says = "whose key signs our calls" },
	{ "PHARMACY_SECRET", CONF_STR, .required = true, .secret = true, .says = "what signs them" },
	{ "PHARMACY_WEBHOOK_SECRET", CONF_STR, .secret = true, .says = "what signs the pharmacies' results; a list while it is rotated" },
	{ "ADJUDICATION_SWEEP", CONF_SECS, .dflt = "15s", .says = "how often claims without a result are looked for" },
	{ "CLAIM_DEADLINE", CONF_SECS, .dflt = "4h", .says = "how long a claim may go without a result before staff hears of it" },
	{ "ADJUDICATION_CACHE", CONF_SECS, .dflt = "30m", .says = "how long what a claim came to is kept at hand" },
	{ 0 }
};

const struct service adjudication_service = {
	.name = "adjudication",
	.prefix = "/api/v1/adjudication",
	.database = "adjudication",
	.says = "claims, what they came to, prior authorisations",
	TABLE(routes, nroutes, routes),
	TABLE(jobs, njobs, jobs),
	TABLE(timers, ntimers, timers),
	TABLE(effects, neffects, effects),
	TABLE(webhooks, nwebhooks, webhooks),
	TABLE(events, nevents, events),
	.topics = topics,
	.config = config,
};
