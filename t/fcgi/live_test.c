/* live_test.c: a key that moves money or parcels opens nothing in a tree that pretends, nor one for tests an installation that is live. */
#include "fcgi/unit.h"

#include "live.h"

static const struct conf_key core_keys[] = { { "LIVE_MODE", CONF_BOOL, .dflt = "false" }, { 0 } };
static const struct conf_key own_keys[] = {
	{ "T_KEY", CONF_STR, .secret = true },
	{ "T_BASE_URL", CONF_STR },
	{ "T_MANY", CONF_INT, .dflt = "1" },
	{ 0 },
};
static const struct conf_key *const tables[] = { core_keys, own_keys, NULL };

static void
expect_start(const char *live, const char *key, const char *url, bool starts)
{
	struct problem err = { 0 };
	struct conf *c;

	assert_int_equal(setenv("LIVE_MODE", live, 1), 0);
	assert_int_equal(setenv("T_KEY", key, 1), 0);
	assert_int_equal(setenv("T_BASE_URL", url, 1), 0);
	c = conf_load(tables, &err);
	assert_non_null(c);
	if ((live_check(own_keys, c, &err) == 0) != starts)
		fail_msg("LIVE_MODE=%s %s %s: %s", live, key, url, starts ? err.detail : "starts");
	if (!starts) {
		assert_string_equal(err.code, "bad_config");
		assert_null(strstr(err.detail, key[0] != '\0' ? key : url));
	}
	conf_free(c);
}

static void
live_and_test_keys_each_in_their_place(void **state)
{
	static const char *const vendors[] = { "sk_", "rk_", "pk_", "shippo_" };
	char live[32], test[32];

	(void)state;
	for (size_t i = 0; i < COUNT(vendors); i++) {
		(void)snprintf(live, sizeof(live), "%slive_51Example", vendors[i]);
		(void)snprintf(test, sizeof(test), "%stest_51Example", vendors[i]);
		expect_start("false", live, "", false);
		expect_start("false", test, "", true);
		expect_start("true", live, "", true);
		expect_start("true", test, "", false);
	}
	expect_start("false", "SG.opaque.key", "", true);
	expect_start("true", "SG.opaque.key", "", true);
}

static void
the_sandbox_stands_in_for_nobody_who_is_live(void **state)
{
	(void)state;
	expect_start("false", "", "https://localhost:8443/sandbox/shippo", true);
	expect_start("true", "", "https://localhost:8443/sandbox/shippo", false);
	expect_start("true", "", "https://api.goshippo.com", true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(live_and_test_keys_each_in_their_place),
		cmocka_unit_test(the_sandbox_stands_in_for_nobody_who_is_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
