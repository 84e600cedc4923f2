/* live.c: see live.h. */
#include "core.h"

#include "live.h"

/* How vendors spell what a key is for. */
static const struct {
	const char *live, *test;
} prefixes[] = {
	{ "sk_live_", "sk_test_" }, /* Stripe: secret, restricted and publishable keys */
	{ "rk_live_", "rk_test_" },
	{ "pk_live_", "pk_test_" },
	{ "shippo_live_", "shippo_test_" },
};

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static int
key_check(const char *name, const char *value, bool live, struct problem *err)
{
	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (begins(value, live ? prefixes[i].test : prefixes[i].live))
			return problem(err, 500, "bad_config", live ? "LIVE_MODE is on and %s holds a key for tests" :
								      "%s holds a live key and LIVE_MODE is off", name);
	return 0;
}

int
live_check(const struct conf_key *keys, const struct conf *conf, struct problem *err)
{
	bool live = conf_bool(conf, "LIVE_MODE");

	for (const struct conf_key *k = keys; k != NULL && k->name != NULL; k++) {
		const char *v = k->type == CONF_STR ? conf_str(conf, k->name) : "";

		if (key_check(k->name, v, live, err) < 0)
			return -1;
		if (live && ends_with(k->name, "_BASE_URL") && strstr(v, "/sandbox/") != NULL)
			return problem(err, 500, "bad_config", "LIVE_MODE is on and %s names the sandbox", k->name);
	}
	return 0;
}
