/*
 * score.h: which pharmacies may fill a prescription, and how well each would (P-RTE-02, P-RTE-04; decision C2). Pure: the same inputs give the same
 * answer, whoever asks and whenever, so that an explanation is a recomputation.
 *
 * The inputs are one JSON object, made by facts.c when a prescription is routed and kept with the decision:
 *
 *	{ "rules": { "weights": { "distance": 30, "tier": 25, "capacity": 20, "performance": 15, "speed": 10 },	whole percents, 100 in all
 *	             "miles": 100, "cutoff": 95, "excludedStates": "MN,CA" },
 *	  "on": "2026-11-21", "leftOut": ["<pharmacy id>"],
 *	  "to": { "state", "zip", "latitude", "longitude", "located": "zip|zip3|unknown" },
 *	  "drug": { "ndc", "daysSupply", "coldChain", "controlled" },
 *	  "insurance": { "carrier", "bin", "planType" },
 *	  "pharmacies": [ { "pharmacyId", "name", "status", "states": ["MA"], "latitude", "longitude", "serviceMiles", "drugs": ["00074"],
 *	      "maxDaysSupply", "coldChain", "controlled", "dea": true, "contracts": [ { "payer", "bin", "tier", "from", "until" } ],
 *	      "currentDailyRx", "maxDailyRx", "openRx", "maxConcurrentRx", "accuracy", "satisfaction", "fulfillmentHours" } ] }
 *
 * Every number is exact. A distance is rounded to a hundredth of a mile, a factor's score (0 to 1) half up to four places, and that is all rounding
 * there is: a factor's points are its weight times its score, and a pharmacy's score, 0 to 100, is the sum of its points. Both are kept in
 * ten-thousandths.
 */
#ifndef ROUTER_SCORE_H
#define ROUTER_SCORE_H

#include <jansson.h>

#include "base/json.h"

#define SCORE_ONE 10000 /* ten-thousandths: the score 1.0000 */
#define SCORE_TOP 5     /* how many are recommended */

/* Every filter is looked at, so that all reasons are told. */
enum filter {
	F_STATUS,         /* not active, or turned down for this prescription */
	F_EXCLUDED_STATE, /* we do not serve the patient's state */
	F_STATE_LICENCE,  /* it may not ship there */
	F_DISTANCE,       /* too far, or nobody knows how far */
	F_INSURANCE,      /* no contract with the payer on that day */
	F_DRUG,           /* not one of its drugs */
	F_DAYS_SUPPLY,    /* more days than it fills */
	F_CAPACITY,       /* its day is (nearly) full, or too many are open */
	F_COLD_CHAIN,
	F_CONTROLLED, /* no DEA registration */
	FILTERS
};
enum factor { BY_DISTANCE, BY_TIER, BY_CAPACITY, BY_PERFORMANCE, BY_SPEED, FACTORS };
enum tier { TIER_NONE, TIER_OUT_OF_NETWORK, TIER_STANDARD, TIER_PREFERRED };

struct candidate {
	const char *id, *name;
	unsigned excluded; /* 1 << filter; 0: it may */
	int64_t miles;     /* in hundredths; -1 unknown */
	enum tier tier;
	int64_t current, most;  /* of the day */
	int64_t score[FACTORS]; /* in ten-thousandths of 1 */
	int64_t points[FACTORS];
	int64_t total; /* in ten-thousandths, at most 100.0000 */
	int rank;      /* 1 to SCORE_TOP among those that may; else 0 */
};

struct weights {
	int64_t of[FACTORS];
};

extern const char *const filter_names[FILTERS];
extern const char *const factor_names[FACTORS];
extern const char *const tier_names[];

/* "distance=30,tier=25,...": every factor once, whole percents, 100 in all. 500 "bad_config" otherwise. */
int weights_parse(const char *text, struct weights *ret, struct problem *err) MUST_CHECK;
/* Great circle on a sphere of 3,958.7613 miles, in hundredths of a mile. */
int64_t miles_between(double lat1, double lon1, double lat2, double lon2);
/*
 * Judges every pharmacy of the inputs; *ret and its texts live as long as inputs and the arena. Those that may come first, best first: more points, then
 * nearer, then the better tier, then the smaller id; the others follow by id. Returns how many there are.
 */
size_t candidates_of(struct arena *a, const json_t *inputs, struct candidate **ret);
/* How many of them may. */
size_t candidates_left(const struct candidate *all, size_t n);

/* A number in ten-thousandths as an exact JSON decimal of four places. */
void jw_decimal(struct json_writer *w, const char *key, int64_t ten_thousandths);
/* {distance_miles, network_tier, current_daily_rx, max_daily_rx, utilization, factors: {distance: {score, weight, points}, ...}}. */
void breakdown_to_json(struct json_writer *w, const char *key, const struct candidate *c, const json_t *inputs);
/* What is stored of the best: [{rank, pharmacy_id, score, breakdown}], in the arena. */
const char *ranking_text(struct arena *a, const struct candidate *all, size_t n, const json_t *inputs);
/* ["distance", "capacity"] */
void reasons_to_json(struct json_writer *w, const char *key, unsigned excluded);

#endif
