/* fields.c: the bodies, queries, replies and events of the scored choice. Members are spelled as the seed spells them. */
#include "router/scored/scored.h"

static const char *const statuses[] = { "active", "suspended", "closed", NULL };
static const char *const tiers[] = { "preferred", "standard", "out_of_network", NULL };

const char *const recommended_to[] = { "prescription", "portal", NULL };
const char *const selected_to[] = { "prescription", "adjudication", "shipping", "portal", NULL };

const struct field recommended_event[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "count", INTEGER, .required = true, .min = 1, .max = 5, .says = "how many pharmacies are recommended" },
	{ 0 }
};
const struct field selected_event[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "patient_id", UUID, .required = true, .says = "the patient" },
	{ "pharmacy_id", UUID, .required = true, .says = "the pharmacy" },
	{ "pharmacy_name", STRING, .required = true, .max = 120, .says = "its name" },
	{ 0 }
};

const struct field prescription_params[] = { { "prescriptionId", UUID, .required = true, .says = "the prescription" }, { 0 } };

/* ---- recommendations */

static const struct field factor_fields[] = {
	{ "score", NUMBER, .required = true, .says = "0 to 1, four places", .example = "0.8766" },
	{ "weight", INTEGER, .required = true, .says = "whole percent", .example = "30" },
	{ "points", NUMBER, .required = true, .says = "weight times score", .example = "26.298" },
	{ 0 }
};
static const struct field factors_fields[] = {
	{ "distance", OBJECT, .required = true, .of = factor_fields, .says = "1 - miles/100" },
	{ "tier", OBJECT, .required = true, .of = factor_fields, .says = "preferred 1, standard 0.7, out of network 0.3" },
	{ "capacity", OBJECT, .required = true, .of = factor_fields, .says = "1 - utilization" },
	{ "performance", OBJECT, .required = true, .of = factor_fields, .says = "half the accuracy and half of satisfaction/5" },
	{ "speed", OBJECT, .required = true, .of = factor_fields, .says = "1 - hours/72" },
	{ 0 }
};
static const struct field breakdown_fields[] = {
	{ "distance_miles", NUMBER, .required = true, .nullable = true, .says = "between the two ZIP codes", .example = "12.34" },
	{ "network_tier", STRING, .required = true, .says = "preferred, standard, out_of_network or none", .example = "preferred" },
	{ "current_daily_rx", INTEGER, .required = true, .says = "taken of the day, when it was judged" },
	{ "max_daily_rx", INTEGER, .required = true, .says = "of the day" },
	{ "utilization", NUMBER, .required = true, .says = "the share that was taken", .example = "0.45" },
	{ "factors", OBJECT, .required = true, .of = factors_fields, .says = "what each gave" },
	{ 0 }
};
const struct field capacity_reply[] = {
	{ "current_daily_rx", INTEGER, .required = true, .says = "selected today (UTC) and not taken back", .example = "45" },
	{ "max_daily_rx", INTEGER, .required = true, .says = "what it fills a day", .example = "100" },
	{ "utilization", NUMBER, .required = true, .says = "the one by the other, four places", .example = "0.45" },
	{ 0 }
};
static const struct field able_fields[] = {
	{ "specialty", BOOLEAN, .required = true, .says = "specialty drugs" },
	{ "cold_chain", BOOLEAN, .required = true, .says = "keeps and ships what must stay cold" },
	{ "controlled", BOOLEAN, .required = true, .says = "controlled substances" },
	{ "compounding", BOOLEAN, .required = true, .says = "makes what is not sold ready" },
	{ 0 }
};
static const struct field ranked_fields[] = {
	{ "rank", INTEGER, .required = true, .says = "1 is best" },
	{ "pharmacy_id", UUID, .required = true, .says = "the pharmacy" },
	{ "pharmacy_name", STRING, .required = true, .says = "its name", .example = "SpecialtyRx Sample Pharmacy" },
	{ "npi", STRING, .required = true, .says = "National Provider Identifier" },
	{ "phone", STRING, .required = true, .says = "its phone" },
	{ "city", STRING, .required = true, .says = "where it is", .example = "Boston" },
	{ "state", STATE, .required = true, .says = "where it is" },
	{ "zip", STRING, .required = true, .says = "where it is", .example = "02118" },
	{ "capabilities", OBJECT, .required = true, .of = able_fields, .says = "what it can do" },
	{ "score", NUMBER, .required = true, .says = "of 100, four places", .example = "84.1234" },
	{ "breakdown", OBJECT, .required = true, .of = breakdown_fields, .says = "how the score came about" },
	{ "capacity_now", OBJECT, .required = true, .of = capacity_reply, .says = "as it is at this moment" },
	{ 0 }
};
static const struct field excluded_fields[] = {
	{ "pharmacy_id", UUID, .required = true, .says = "the pharmacy" },
	{ "pharmacy_name", STRING, .required = true, .says = "its name" },
	{ "reasons", ARRAY, .required = true, .max = FILTERS, .items = STRING,
	    .says = "status, excluded_state, state_licence, distance, insurance_network, drug, days_supply, capacity, cold_chain, controlled" },
	{ 0 }
};
#define HEAD \
	{ "prescription_id", UUID, .required = true, .says = "the prescription" }, \
	{ "status", STRING, .required = true, .says = "waiting, recommended, no_pharmacy, selected or closed", .example = "recommended" }, \
	{ "round", INTEGER, .required = true, .says = "how often it was routed" }, \
	{ "routed_at", TIME, .required = true, .nullable = true, .says = "when it was last judged" }, \
	{ "considered", INTEGER, .required = true, .says = "how many pharmacies were judged" }
const struct field recommendations_reply[] = {
	HEAD,
	{ "selected_pharmacy_id", UUID, .required = true, .nullable = true, .says = "what staff selected" },
	{ "recommendations", ARRAY, .required = true, .max = SCORE_TOP, .of = ranked_fields, .says = "best first" },
	{ "excluded", ARRAY, .required = true, .max = 10000, .of = excluded_fields, .says = "those that may not, each with all its reasons" },
	{ 0 }
};
static const struct field judged_fields[] = {
	{ "pharmacy_id", UUID, .required = true, .says = "the pharmacy" },
	{ "pharmacy_name", STRING, .required = true, .says = "its name" },
	{ "rank", INTEGER, .says = "1 to 5; left out behind them" },
	{ "excluded_by", ARRAY, .required = true, .max = FILTERS, .items = STRING, .says = "filters it does not pass" },
	{ "score", NUMBER, .required = true, .says = "of 100, also where a filter excludes it", .example = "84.1234" },
	{ "breakdown", OBJECT, .required = true, .of = breakdown_fields, .says = "how the score came about" },
	{ 0 }
};
const struct field explain_reply[] = {
	HEAD,
	{ "equal", BOOLEAN, .required = true, .says = "the stored recommendations are what the stored inputs give" },
	{ "rules", ANY, .required = true, .says = "weights, greatest distance, cut-off and excluded states as they were" },
	{ "located", STRING, .required = true, .says = "zip: the patient's own; zip3: the middle of its area; unknown", .example = "zip" },
	{ "stored", ANY, .required = true, .says = "the recommendations as stored" },
	{ "pharmacies", ARRAY, .required = true, .max = 10000, .of = judged_fields, .says = "each judged once more, best first" },
	{ 0 }
};

/* ---- selection */

const struct field select_body[] = {
	{ "pharmacy_id", UUID, .required = true, .says = "one of the recommended" },
	{ "selected_by", STRING, .max = 100, .says = "who selects: the user of the token, which decides; kept as said when the administrator's secret is used",
	    .example = "ops_user_john" },
	{ "selection_reason", STRING, .max = 500, .says = "why", .example = "Best overall match" },
	{ 0 }
};
const struct field select_reply[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "pharmacy_id", UUID, .required = true, .says = "the pharmacy" },
	{ "pharmacy_name", STRING, .required = true, .says = "its name" },
	{ "status", STRING, .required = true, .says = "pharmacy_selected", .example = "pharmacy_selected" },
	{ "selected_by", STRING, .required = true, .says = "who the credential belongs to", .example = "system:admin" },
	{ "selected_at", TIME, .required = true, .says = "when" },
	{ 0 }
};
const struct field reroute_body[] = {
	{ "reason", STRING, .required = true, .min = 1, .max = 300, .says = "why it is routed again", .example = "claim rejected" },
	{ 0 }
};
const struct field reroute_reply[] = {
	{ "prescription_id", UUID, .required = true, .says = "the prescription" },
	{ "status", STRING, .required = true, .says = "waiting", .example = "waiting" },
	{ 0 }
};

/* ---- pharmacies */

static const struct field address_fields[] = {
	{ "line1", STRING, .required = true, .min = 1, .max = 100, .says = "street and number", .example = "123 Main St" },
	{ "line2", STRING, .max = 100, .says = "suite", .example = "Suite 2" },
	{ "city", STRING, .required = true, .min = 1, .max = 60, .says = "city", .example = "Boston" },
	{ "state", STATE, .required = true, .says = "state" },
	{ "zip", STRING, .required = true, .min = 5, .max = 10, .says = "five digits", .example = "02118" },
	{ 0 }
};
static const struct field capabilities_fields[] = {
	{ "specialty", BOOLEAN, .says = "specialty drugs" },
	{ "cold_chain", BOOLEAN, .says = "keeps and ships what must stay cold" },
	{ "controlled", BOOLEAN, .says = "controlled substances; needs dea" },
	{ "compounding", BOOLEAN, .says = "makes what is not sold ready" },
	{ "drugs", ARRAY, .max = 500, .items = STRING, .says = "beginnings of NDCs that it dispenses; none: every drug" },
	{ "max_days_supply", INTEGER, .min = 1, .max = 365, .says = "the longest supply it fills; default 90" },
	{ 0 }
};
static const struct field contract_fields[] = {
	{ "payer", STRING, .required = true, .min = 1, .max = 120, .says = "as cards name it; * is every payer", .example = "Blue Cross" },
	{ "bin", STRING, .nullable = true, .max = 6, .says = "six digits: it alone tells the payer", .example = "004336" },
	{ "tier", ENUM, .required = true, .values = tiers, .says = "on what terms" },
	{ "from", DATE, .nullable = true, .says = "first day" },
	{ "until", DATE, .nullable = true, .says = "last day" },
	{ 0 }
};
#define DAILY(need) \
	{ "daily", INTEGER, .required = (need), .min = 1, .max = 1000000, .says = "prescriptions a day" }, \
	{ "concurrent", INTEGER, .required = (need), .min = 1, .max = 1000000, .says = "open at once" }
static const struct field daily_create_fields[] = { DAILY(true), { 0 } };
static const struct field daily_change_fields[] = { DAILY(false), { 0 } };
static const struct field daily_fields[] = { DAILY(true), { "open", INTEGER, .required = true, .says = "open now" }, { 0 } };
#define PERFORMANCE(need) \
	{ "accuracy", NUMBER, .required = (need), .min = 0, .max = 1, .says = "share filled without error, four places", .example = "0.985" }, \
	{ "satisfaction", NUMBER, .required = (need), .min = 0, .max = 5, .says = "stars of five, two places", .example = "4.6" }, \
	{ "fulfillment_hours", NUMBER, .required = (need), .min = 0, .max = 9999, .says = "from order to parcel, two places", .example = "18" }
static const struct field performance_fields[] = { PERFORMANCE(true), { 0 } };
static const struct field performance_change_fields[] = { PERFORMANCE(false), { 0 } };
#define PHARMACY(need, capacity, performance) \
	{ "name", STRING, .required = (need), .min = 1, .max = 120, .says = "its name", .example = "SpecialtyRx Sample Pharmacy" }, \
	{ "npi", STRING, .required = (need), .min = 10, .max = 10, .says = "National Provider Identifier", .example = "1234567893" }, \
	{ "ncpdp", STRING, .required = (need), .min = 7, .max = 7, .says = "NCPDP provider id", .example = "2200001" }, \
	{ "dea", STRING, .nullable = true, .min = 9, .max = 9, .says = "DEA registration", .example = "AB1234563" }, \
	{ "code", STRING, .min = 1, .max = 40, .says = "which settings its API is reached by; default network", .example = "network" }, \
	{ "phone", PHONE, .required = (need), .says = "its phone" }, \
	{ "address", OBJECT, .required = (need), .of = address_fields, .says = "where it is, and ships from" }, \
	{ "status", ENUM, .values = statuses, .says = "active, suspended (nothing new) or closed" }, \
	{ "states", ARRAY, .required = (need), .min = 1, .max = 60, .items = STATE, .says = "where it may ship to" }, \
	{ "service_miles", INTEGER, .nullable = true, .min = 1, .max = 10000, .says = "as far as it serves; none: ROUTING_MILES" }, \
	{ "capabilities", OBJECT, .of = capabilities_fields, .says = "what it can do" }, \
	{ "insurance_contracts", ARRAY, .max = 500, .of = contract_fields, .says = "whose insurance it takes" }, \
	{ "capacity", OBJECT, .required = (need), .of = (capacity), .says = "how much it can do" }, \
	{ "performance", OBJECT, .required = (need), .of = (performance), .says = "how well it did" }
const struct field pharmacy_create_body[] = { PHARMACY(true, daily_create_fields, performance_fields), { 0 } };
const struct field pharmacy_change_body[] = { PHARMACY(false, daily_change_fields, performance_change_fields), { 0 } };
const struct field pharmacy_reply[] = {
	{ "pharmacy_id", UUID, .required = true, .says = "the pharmacy" },
	PHARMACY(true, daily_fields, performance_fields),
	{ 0 }
};
const struct field pharmacy_list_query[] = {
	{ "status", ENUM, .values = statuses, .says = "of this status" },
	{ "state", STATE, .says = "that may ship there" },
	{ "after", UUID, .says = "the last pharmacy_id of the page before" },
	{ "limit", INTEGER, .min = 1, .max = 100, .says = "page size, 100" },
	{ 0 }
};
const struct field pharmacy_list_reply[] = {
	{ "pharmacies", ARRAY, .required = true, .max = 100, .of = pharmacy_reply, .says = "ordered by pharmacy_id" },
	{ 0 }
};
static const struct field plain_address_fields[] = {
	{ "line1", STRING, .required = true, .says = "street and number", .example = "123 Main St" },
	{ "line2", STRING, .says = "suite", .example = "Suite 2" },
	{ "city", STRING, .required = true, .says = "city", .example = "Boston" },
	{ "state", STATE, .required = true, .says = "state" },
	{ "zip", STRING, .required = true, .says = "ZIP", .example = "02118" },
	{ 0 }
};
const struct field pharmacy_address_reply[] = {
	{ "pharmacyId", UUID, .required = true, .says = "the pharmacy" },
	{ "name", STRING, .required = true, .says = "its name", .example = "SpecialtyRx Sample Pharmacy" },
	{ "npi", STRING, .required = true, .says = "National Provider Identifier" },
	{ "ncpdp", STRING, .required = true, .says = "NCPDP provider id" },
	{ "code", STRING, .required = true, .says = "which settings its API is reached by", .example = "network" },
	{ "phone", STRING, .required = true, .says = "its phone" },
	{ "address", OBJECT, .required = true, .of = plain_address_fields, .says = "where it ships from" },
	{ 0 }
};
