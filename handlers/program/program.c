/*
 * program.c: the table of program: manufacturers' copay programs. Pharmacies' claims are its reason: the adjudication service asks which program may be billed
 * as the secondary payer of a prescription, and how much it still pays. Staff keeps the programs. Writes manufacturer_programs, program_ndcs, program_years
 * and program_uses. Publishes nothing of its own; consumes the outcome of claims.
 */
#include "program/program.h"

static const char *const insurance_types[] = { "commercial", "cash", "government", NULL };

static const struct field credential_fields[] = {
	{ "bin", STRING, .required = true, .min = 6, .max = 6, .says = "whom the secondary claim goes to", .example = "004682" },
	{ "pcn", STRING, .required = true, .min = 1, .max = 10, .says = "processor control number", .example = "CNRX" },
	{ "group_id", STRING, .required = true, .min = 1, .max = 15, .says = "the program's group", .example = "HUMIRA" },
	{ 0 }
};
static const struct field eligibility_fields[] = {
	{ "commercial_only", BOOLEAN, .required = true, .says = "only behind commercial insurance" },
	{ "target_copay", MONEY, .required = true, .says = "what the patient is left with, US dollars", .example = "5.00" },
	{ 0 }
};

#define PROGRAM_ID   { "program_id", STRING, .required = true, .min = 3, .max = 64, .says = "the program", .example = "prog_abbvie_humira_2024" }
#define PROGRAM_NAME { "program_name", STRING, .required = true, .min = 1, .max = 120, .says = "as the card says", .example = "Humira Complete Savings Card" }
#define CREDENTIALS  { "credentials", OBJECT, .required = true, .of = credential_fields, .says = "what the pharmacy bills with" }

static const struct field lookup_query[] = {
	{ "ndc", STRING, .required = true, .min = 11, .max = 13, .says = "the drug", .example = "00002-7510-02" },
	{ "insurance_type", ENUM, .required = true, .values = insurance_types, .says = "of the primary insurance; for a government's there is none" },
	{ "bin", STRING, .min = 6, .max = 6, .says = "of the primary insurance: some programs leave plans out", .example = "610014" },
	{ "age", INTEGER, .min = 0, .max = 130, .says = "the patient's full years, where known", .example = "44" },
	{ 0 }
};
static const struct field lookup_reply[] = {
	PROGRAM_ID, PROGRAM_NAME, CREDENTIALS,
	{ "eligibility", OBJECT, .required = true, .of = eligibility_fields, .says = "on what terms" },
	{ 0 }
};

static const struct field reservation_body[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription; it counts once, however often it is adjudicated" },
	{ "patient_id", UUID, .required = true, .says = "whose year it counts in" },
	{ "claim", INTEGER, .required = true, .min = 1, .max = 1000, .says = "which claim of the prescription: 1, 2, …" },
	{ "ndc", STRING, .required = true, .min = 11, .max = 13, .says = "the drug", .example = "00002751002" },
	{ "insurance_type", ENUM, .required = true, .values = insurance_types, .says = "of the primary insurance" },
	{ "bin", STRING, .min = 6, .max = 6, .says = "of the primary insurance", .example = "610014" },
	{ "age", INTEGER, .min = 0, .max = 130, .says = "the patient's full years", .example = "44" },
	{ 0 }
};
static const struct field reservation_reply[] = {
	{ "program", OBJECT, .of = lookup_reply, .says = "the program to bill; absent: none" },
	{ "max_discount", MONEY, .says = "what it pays at most, US dollars", .example = "9000.00" },
	{ "why", STRING, .says = "no_program, government_plan, used_up: why there is none", .example = "no_program" },
	{ 0 }
};

#define LIMITS(must) \
	{ "target_copay", MONEY, .required = (must), .says = "what the patient is left with, US dollars", .example = "5.00" }, \
	{ "max_per_rx", MONEY, .required = (must), .min = 1, .says = "what it pays for one prescription at most", .example = "9000.00" }, \
	{ "max_per_year", MONEY, .nullable = true, .min = 1, .says = "what it pays for a patient in a calendar year (UTC) at most; null: no limit", \
	    .example = "18000.00" }, \
	{ "min_age", INTEGER, .nullable = true, .min = 0, .max = 120, .says = "full years; null: any age", .example = "18" }, \
	{ "insurance_types", ARRAY, .items = ENUM, .values = insurance_types, .min = 1, .max = 3, .says = "which; default commercial; government is refused" }, \
	{ "excluded_bins", ARRAY, .items = STRING, .max = 200, .says = "plans that it leaves out" }, \
	{ "valid_from", DATE, .says = "its first day; default today", .example = "2024-01-01" }, \
	{ "valid_until", DATE, .nullable = true, .says = "its last day; null: open", .example = "2027-12-31" }, \
	{ "active", BOOLEAN, .says = "default true" }
#define BODY(must) \
	{ "program_name", STRING, .required = (must), .min = 1, .max = 120, .says = "as the card says", .example = "Humira Complete Savings Card" }, \
	{ "manufacturer", STRING, .required = (must), .min = 1, .max = 120, .says = "who pays", .example = "AbbVie" }, \
	{ "ndcs", ARRAY, .required = (must), .items = STRING, .min = 1, .max = 200, .says = "the drugs" }, \
	{ "credentials", OBJECT, .required = (must), .of = credential_fields, .says = "what the pharmacy bills with" }, LIMITS(must)

static const struct field create_body[] = { PROGRAM_ID, BODY(true), { 0 } };
static const struct field replace_body[] = { BODY(true), { 0 } };
static const struct field change_body[] = { BODY(false), { 0 } };
static const struct field program_reply[] = {
	PROGRAM_ID, BODY(true),
	{ "version", INTEGER, .required = true, .says = "grows with each change" },
	{ "updated_at", TIME, .required = true, .says = "when it changed" },
	{ 0 }
};
static const struct field list_query[] = {
	{ "ndc", STRING, .min = 11, .max = 13, .says = "only those of this drug", .example = "00002-7510-02" },
	{ "active", BOOLEAN, .says = "only those that are, or are not" },
	{ 0 }
};
static const struct field list_reply[] = {
	{ "programs", ARRAY, .required = true, .max = 100, .of = program_reply, .says = "by id" },
	{ 0 }
};
static const struct field id_param[] = {
	{ "id", STRING, .required = true, .min = 3, .max = 64, .says = "the program", .example = "prog_abbvie_humira_2024" },
	{ 0 }
};

#define STAFF .access = ROLE, .roles = "admin ops_manager"

static const struct route routes[] = {
	{ "GET", "/api/v1/programs/lookup", program_lookup, .access = SERVICE | ROLE, .callers = "adjudication",
	    .roles = "admin ops_manager ops_agent", .db = READ,
	    .query = lookup_query, .reply = lookup_reply, .problems = "404 no_program, 422 invalid_members",
	    .says = "the program that helps with a drug, and what a pharmacy bills it with" },
	{ "POST", "/api/v1/programs/reservations", reservation_make, .access = SERVICE, .callers = "adjudication", .db = WRITE, .once = NATURAL,
	    .audit = "program.reserve", .body = reservation_body, .reply = reservation_reply, .problems = "409 late_claim, 422 invalid_members",
	    .says = "keeps a prescription's part of a program's money until its claim is decided" },
	{ "GET", "/api/v1/admin/programs", program_list, STAFF, .db = READ, .query = list_query, .reply = list_reply,
	    .problems = "422 invalid_members", .says = "the programs" },
	{ "GET", "/api/v1/admin/programs/:id", program_show, STAFF, .params = id_param, .db = READ, .reply = program_reply, .problems = "404 not_found", .says = "one program" },
	{ "POST", "/api/v1/admin/programs", program_create, STAFF, .db = WRITE, .once = NATURAL, .audit = "program.create", .body = create_body,
	    .reply = program_reply, .status = 201, .problems = "409 program_exists, 422 government_plan invalid_members", .says = "a new program" },
	{ "PUT", "/api/v1/admin/programs/:id", program_replace, STAFF, .params = id_param, .db = WRITE, .once = NATURAL, .audit = "program.replace", .body = replace_body,
	    .reply = program_reply, .problems = "404 not_found, 422 government_plan invalid_members", .says = "the whole of a program anew" },
	{ "PATCH", "/api/v1/admin/programs/:id", program_change, STAFF, .params = id_param, .db = WRITE, .once = NATURAL, .audit = "program.change", .body = change_body,
	    .reply = program_reply, .problems = "404 not_found, 422 government_plan invalid_members", .says = "some of a program" },
};

static const struct event_row events[] = {
	{ "insurance.adjudication.completed", use_settled },
	{ "adjudication.rejected", use_released },
	{ "prescription.status.changed", use_cancelled },
};

static const struct conf_key config[] = {
	{ "PROGRAM_CACHE", CONF_SECS, .dflt = "1h", .says = "how long a drug's programs are kept at hand; a change drops them at once" },
	{ 0 }
};

const struct service program_service = {
	.name = "program",
	.prefix = "/api/v1/programs",
	.database = "program",
	.says = "manufacturers' copay programs",
	TABLE(routes, nroutes, routes),
	TABLE(events, nevents, events),
	.config = config,
};
