/*
 * rules.c: who may be served (I-RTE-03, Y-INT-U5). Asked before anything reaches Stripe, and again of the form itself.
 */
#include "intake/intake.h"

#include "base/clock.h"

static const char *const wanted[] = { "hipaa", "telehealth", "terms" };

int
rule_state(const struct conf *conf, const char *state, struct problem *err)
{
	if (conf_list_has(conf, "EXCLUDED_STATES", state))
		return problem(err, 422, "state_excluded", "not available in %s", state);
	return 0;
}

int
rule_age(const struct conf *conf, const char *birth_date, struct problem *err)
{
	int64_t least = conf_int(conf, "MINIMUM_AGE");

	if (age_on(birth_date, clock_us()) < least)
		return problem(err, 422, "under_age", "patient must be %lld or older", (long long)least);
	return 0;
}

static bool
has_consent(const json_t *consents, const char *type)
{
	const json_t *c;
	size_t i;

	json_array_foreach(consents, i, c) {
		const char *name = json_text_at(c, "type");

		if (name != NULL && strcmp(name, type) == 0 && json_is_true(json_object_get(c, "accepted")))
			return true;
	}
	return false;
}

int
rule_consents(const json_t *consents, struct problem *err)
{
	for (size_t i = 0; i < COUNT(wanted); i++)
		if (!has_consent(consents, wanted[i]))
			return problem(err, 422, "consent_missing", "the %s consent is not given", wanted[i]);
	return 0;
}
