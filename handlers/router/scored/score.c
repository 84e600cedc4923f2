/* score.c: see score.h. */
#include "core.h"

#include <math.h>
#include <strings.h>

#include "router/scored/score.h"

#define EARTH_MILES  3958.7613 /* the mean radius, 6371.0088 km */
#define FAR_MILES    100       /* here a distance is worth nothing any more */
#define SLOW_HOURS   72        /* and here a delivery */
#define HUNDRED      100

const char *const filter_names[FILTERS] = {
	[F_STATUS] = "status",
	[F_EXCLUDED_STATE] = "excluded_state",
	[F_STATE_LICENCE] = "state_licence",
	[F_DISTANCE] = "distance",
	[F_INSURANCE] = "insurance_network",
	[F_DRUG] = "drug",
	[F_DAYS_SUPPLY] = "days_supply",
	[F_CAPACITY] = "capacity",
	[F_COLD_CHAIN] = "cold_chain",
	[F_CONTROLLED] = "controlled",
};
const char *const factor_names[FACTORS] = {
	[BY_DISTANCE] = "distance",
	[BY_TIER] = "tier",
	[BY_CAPACITY] = "capacity",
	[BY_PERFORMANCE] = "performance",
	[BY_SPEED] = "speed",
};
const char *const tier_names[] = {
	[TIER_NONE] = "none",
	[TIER_OUT_OF_NETWORK] = "out_of_network",
	[TIER_STANDARD] = "standard",
	[TIER_PREFERRED] = "preferred",
};
static const int64_t tier_scores[] = {
	[TIER_NONE] = 0,
	[TIER_OUT_OF_NETWORK] = 3000,
	[TIER_STANDARD] = 7000,
	[TIER_PREFERRED] = SCORE_ONE,
};

/* ---- the rules */

int
weights_parse(const char *text, struct weights *ret, struct problem *err)
{
	int64_t sum = 0;
	unsigned seen = 0;

	for (const char *p = text; *p != '\0';) {
		size_t name = strcspn(p, "="), i = 0;
		char *end;
		long v;

		while (i < FACTORS && (strlen(factor_names[i]) != name || strncmp(factor_names[i], p, name) != 0))
			i++;
		if (i == FACTORS || p[name] != '=' || (seen & 1U << i) != 0)
			return problem(err, 500, "bad_config", "ROUTING_WEIGHTS names each of distance, tier, capacity, performance, speed once");
		v = strtol(p + name + 1, &end, 10);
		if (end == p + name + 1 || v < 0 || v > HUNDRED || (*end != '\0' && *end != ','))
			return problem(err, 500, "bad_config", "the weight of %s in ROUTING_WEIGHTS is no percentage", factor_names[i]);
		ret->of[i] = v;
		sum += v;
		seen |= 1U << i;
		p = end + (*end == ',');
	}
	if (seen != (1U << FACTORS) - 1 || sum != HUNDRED)
		return problem(err, 500, "bad_config", "the five weights of ROUTING_WEIGHTS sum to %lld, not 100", (long long)sum);
	return 0;
}

static int64_t
weight_of(const json_t *inputs, enum factor f)
{
	return json_integer_value(json_object_get(json_at(inputs, "rules.weights"), factor_names[f]));
}

/* ---- reading the inputs */

static const char *
text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static int64_t
whole(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* A decimal with at most so many places as per_one has zeros; rounding takes back what its double adds. */
static int64_t
decimal(const json_t *o, const char *name, int64_t per_one)
{
	return llround(json_number_value(json_object_get(o, name)) * (double)per_one);
}

static bool
yes(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

static bool
lists(const json_t *array, const char *item)
{
	const json_t *v;
	size_t i;

	json_array_foreach(array, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), item) == 0)
			return true;
	return false;
}

static bool
comma_lists(const char *list, const char *item)
{
	size_t n = strlen(item);

	for (const char *p = list; *p != '\0' && n > 0; p += *p == ',') {
		size_t len = strcspn(p, ",");

		if (len == n && strncmp(p, item, n) == 0)
			return true;
		p += len;
	}
	return false;
}

/* ---- what a pharmacy is to this prescription */

int64_t
miles_between(double lat1, double lon1, double lat2, double lon2)
{
	const double degree = M_PI / 180;
	double up = sin((lat2 - lat1) * degree / 2), across = sin((lon2 - lon1) * degree / 2);
	double h = up * up + cos(lat1 * degree) * cos(lat2 * degree) * across * across;

	return llround(2 * EARTH_MILES * asin(sqrt(h < 1 ? h : 1)) * HUNDRED);
}

static int64_t
distance(const json_t *to, const json_t *pharmacy)
{
	const json_t *lat1 = json_object_get(to, "latitude"), *lon1 = json_object_get(to, "longitude");
	const json_t *lat2 = json_object_get(pharmacy, "latitude"), *lon2 = json_object_get(pharmacy, "longitude");

	if (!json_is_number(lat1) || !json_is_number(lon1) || !json_is_number(lat2) || !json_is_number(lon2))
		return -1;
	return miles_between(json_number_value(lat1), json_number_value(lon1), json_number_value(lat2), json_number_value(lon2));
}

/* A contract with a BIN speaks of that BIN only; without one it speaks of a payer by name, or of all. Days compare as text. */
static bool
covers(const json_t *contract, const json_t *insurance, const char *on)
{
	const char *bin = text(contract, "bin"), *payer = text(contract, "payer");
	const char *from = text(contract, "from"), *until = text(contract, "until");

	if ((*from != '\0' && strcmp(on, from) < 0) || (*until != '\0' && strcmp(on, until) > 0))
		return false;
	if (*bin != '\0')
		return strcmp(bin, text(insurance, "bin")) == 0;
	return strcmp(payer, "*") == 0 || strcasecmp(payer, text(insurance, "carrier")) == 0;
}

static enum tier
tier_of(const json_t *pharmacy, const json_t *inputs)
{
	enum tier best = TIER_NONE;
	const json_t *contract;
	size_t i;

	json_array_foreach(json_object_get(pharmacy, "contracts"), i, contract) {
		if (!covers(contract, json_object_get(inputs, "insurance"), text(inputs, "on")))
			continue;
		for (int t = TIER_PREFERRED; t > (int)best; t--)
			if (strcmp(tier_names[t], text(contract, "tier")) == 0)
				best = (enum tier)t;
	}
	return best;
}

static bool
dispenses(const json_t *pharmacy, const char *ndc)
{
	const json_t *drugs = json_object_get(pharmacy, "drugs"), *v;
	size_t i;

	json_array_foreach(drugs, i, v)
		if (json_is_string(v) && strncmp(ndc, json_string_value(v), json_string_length(v)) == 0)
			return true;
	return json_array_size(drugs) == 0;
}

static bool
is_full(const struct candidate *c, const json_t *pharmacy, const json_t *rules)
{
	return c->most <= 0 || c->current * HUNDRED >= c->most * whole(rules, "cutoff") ||
	    whole(pharmacy, "openRx") >= whole(pharmacy, "maxConcurrentRx");
}

static unsigned
filter(const struct candidate *c, const json_t *pharmacy, const json_t *inputs)
{
	const json_t *rules = json_object_get(inputs, "rules"), *to = json_object_get(inputs, "to"), *drug = json_object_get(inputs, "drug");
	const json_t *radius = json_object_get(pharmacy, "serviceMiles");
	int64_t miles = json_is_integer(radius) ? json_integer_value(radius) : whole(rules, "miles");
	const bool fails[FILTERS] = {
		[F_STATUS] = strcmp(text(pharmacy, "status"), "active") != 0 || lists(json_object_get(inputs, "leftOut"), c->id),
		[F_EXCLUDED_STATE] = comma_lists(text(rules, "excludedStates"), text(to, "state")),
		[F_STATE_LICENCE] = !lists(json_object_get(pharmacy, "states"), text(to, "state")),
		[F_DISTANCE] = c->miles < 0 || c->miles > miles * HUNDRED,
		[F_INSURANCE] = c->tier == TIER_NONE,
		[F_DRUG] = !dispenses(pharmacy, text(drug, "ndc")),
		[F_DAYS_SUPPLY] = whole(drug, "daysSupply") > whole(pharmacy, "maxDaysSupply"),
		[F_CAPACITY] = is_full(c, pharmacy, rules),
		[F_COLD_CHAIN] = yes(drug, "coldChain") && !yes(pharmacy, "coldChain"),
		[F_CONTROLLED] = yes(drug, "controlled") && !(yes(pharmacy, "controlled") && yes(pharmacy, "dea")),
	};
	unsigned mask = 0;

	for (size_t f = 0; f < FILTERS; f++)
		mask |= fails[f] ? 1U << f : 0;
	return mask;
}

/* part of all as a score, half up; nothing below 0 or above 1. */
static int64_t
share(int64_t part, int64_t all)
{
	if (part <= 0 || all <= 0)
		return 0;
	return part >= all ? SCORE_ONE : (2 * SCORE_ONE * part + all) / (2 * all);
}

static void
score(struct candidate *c, const json_t *pharmacy, const json_t *inputs)
{
	int64_t accuracy = decimal(pharmacy, "accuracy", SCORE_ONE), stars = decimal(pharmacy, "satisfaction", HUNDRED);

	c->score[BY_DISTANCE] = c->miles < 0 ? 0 : share(FAR_MILES * HUNDRED - c->miles, FAR_MILES * HUNDRED);
	c->score[BY_TIER] = tier_scores[c->tier];
	c->score[BY_CAPACITY] = share(c->most - c->current, c->most);
	c->score[BY_PERFORMANCE] = share(accuracy + 20 * stars, 2 * SCORE_ONE); /* half the accuracy, and half of the five stars */
	c->score[BY_SPEED] = share(SLOW_HOURS * HUNDRED - decimal(pharmacy, "fulfillmentHours", HUNDRED), SLOW_HOURS * HUNDRED);
	for (int f = 0; f < FACTORS; f++) {
		c->points[f] = weight_of(inputs, (enum factor)f) * c->score[f];
		c->total += c->points[f];
	}
}

/* ---- all of them */

static int
by_merit(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if ((x->excluded == 0) != (y->excluded == 0))
		return x->excluded == 0 ? -1 : 1;
	if (x->excluded == 0 && x->total != y->total)
		return x->total > y->total ? -1 : 1;
	if (x->excluded == 0 && x->miles != y->miles)
		return x->miles < y->miles ? -1 : 1;
	if (x->excluded == 0 && x->tier != y->tier)
		return x->tier > y->tier ? -1 : 1;
	return strcmp(x->id, y->id);
}

size_t
candidates_of(struct arena *a, const json_t *inputs, struct candidate **ret)
{
	const json_t *pharmacies = json_object_get(inputs, "pharmacies"), *p;
	size_t n = json_array_size(pharmacies), i;
	struct candidate *all = arena_alloc(a, (n + 1) * sizeof(*all));

	json_array_foreach(pharmacies, i, p) {
		struct candidate *c = &all[i];

		*c = (struct candidate){ .id = text(p, "pharmacyId"), .name = text(p, "name"), .current = whole(p, "currentDailyRx"),
			.most = whole(p, "maxDailyRx") };
		c->miles = distance(json_object_get(inputs, "to"), p);
		c->tier = tier_of(p, inputs);
		c->excluded = filter(c, p, inputs);
		score(c, p, inputs);
	}
	if (n > 1)
		qsort(all, n, sizeof(*all), by_merit);
	for (i = 0; i < n && i < SCORE_TOP && all[i].excluded == 0; i++)
		all[i].rank = (int)i + 1;
	*ret = all;
	return n;
}

size_t
candidates_left(const struct candidate *all, size_t n)
{
	size_t left = 0;

	while (left < n && all[left].excluded == 0)
		left++;
	return left;
}

/* ---- as JSON */

void
jw_decimal(struct json_writer *w, const char *key, int64_t v)
{
	char digits[32];

	(void)snprintf(digits, sizeof(digits), "%s%lld.%04lld", v < 0 ? "-" : "", (long long)(llabs(v) / SCORE_ONE), (long long)(llabs(v) % SCORE_ONE));
	jw_raw(w, key, digits);
}

void
breakdown_to_json(struct json_writer *w, const char *key, const struct candidate *c, const json_t *inputs)
{
	jw_object(w, key);
	if (c->miles < 0)
		jw_null(w, "distance_miles");
	else
		jw_decimal(w, "distance_miles", c->miles * (SCORE_ONE / HUNDRED));
	jw_str(w, "network_tier", tier_names[c->tier]);
	jw_int(w, "current_daily_rx", c->current);
	jw_int(w, "max_daily_rx", c->most);
	jw_decimal(w, "utilization", share(c->current, c->most));
	jw_object(w, "factors");
	for (int f = 0; f < FACTORS; f++) {
		jw_object(w, factor_names[f]);
		jw_decimal(w, "score", c->score[f]);
		jw_int(w, "weight", weight_of(inputs, (enum factor)f));
		jw_decimal(w, "points", c->points[f]);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}

const char *
ranking_text(struct arena *a, const struct candidate *all, size_t n, const json_t *inputs)
{
	struct buf b = buf_in(a, (size_t)64 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_array(&w, NULL);
	for (size_t i = 0; i < n && all[i].rank > 0; i++) {
		jw_object(&w, NULL);
		jw_int(&w, "rank", all[i].rank);
		jw_str(&w, "pharmacy_id", all[i].id);
		jw_decimal(&w, "score", all[i].total);
		breakdown_to_json(&w, "breakdown", &all[i], inputs);
		jw_end(&w);
	}
	jw_end(&w);
	return buf_str(&b);
}

void
reasons_to_json(struct json_writer *w, const char *key, unsigned excluded)
{
	jw_array(w, key);
	for (int f = 0; f < FILTERS; f++)
		if ((excluded & 1U << f) != 0)
			jw_str(w, NULL, filter_names[f]);
	jw_end(w);
}
