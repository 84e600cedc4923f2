/* config_test.c: where values come from, which are refused, and that secrets are not shown. */
#include "fcgi/unit.h"

#include "base/config.h"

static const struct conf_key core_keys[] = { { "T_NAME", CONF_STR, .dflt = "telerx", .says = "a name" },
	{ "T_SECRET", CONF_STR, .secret = true }, { "T_COUNT", CONF_INT, .dflt = "4" }, { "T_WAIT", CONF_SECS, .dflt = "15m" },
	{ "T_FLAG", CONF_BOOL, .dflt = "false" }, { "T_LIST", CONF_LIST, .dflt = "TX, CA,NY" }, { "T_UNSET", CONF_STR }, { 0 } };
static const struct conf_key own_keys[] = { { "T_COUNT", CONF_INT, .dflt = "8" }, { "T_MUST", CONF_STR, .required = true }, { 0 } };
static const struct conf_key *const core_only[] = { core_keys, NULL };
static const struct conf_key *const both[] = { core_keys, own_keys, NULL };

static char path[64], second[64];

static void
write_file(const char *where, const char *text)
{
	FILE *f = fopen(where, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
clean(void **state)
{
	static const char *const names[] = { "T_NAME", "T_SECRET", "T_COUNT", "T_WAIT", "T_FLAG", "T_LIST", "T_UNSET", "T_MUST" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++)
		assert_int_equal(unsetenv(names[i]), 0);
	assert_int_equal(unsetenv("TELERX_CONFIG"), 0);
	(void)snprintf(path, sizeof(path), "/tmp/telerx-config-test.%ld.a", (long)getpid());
	(void)snprintf(second, sizeof(second), "/tmp/telerx-config-test.%ld.b", (long)getpid());
	(void)unlink(path);
	(void)unlink(second);
	return 0;
}

static void
use_files(const char *a, const char *b)
{
	char both_paths[160];

	write_file(path, a);
	write_file(second, b == NULL ? "" : b);
	(void)snprintf(both_paths, sizeof(both_paths), "%s:%s", path, second);
	assert_int_equal(setenv("TELERX_CONFIG", both_paths, 1), 0);
}

static void
defaults_hold_when_nothing_is_set(void **state)
{
	struct problem err = { 0 };
	struct conf *c = conf_load(core_only, &err);

	(void)state;
	assert_non_null(c);
	assert_string_equal(conf_str(c, "T_NAME"), "telerx");
	assert_string_equal(conf_str(c, "T_UNSET"), "");
	assert_int_equal(conf_int(c, "T_COUNT"), 4);
	assert_int_equal(conf_int(c, "T_WAIT"), 900);
	assert_false(conf_bool(c, "T_FLAG"));
	assert_true(conf_list_has(c, "T_LIST", "TX"));
	assert_true(conf_list_has(c, "T_LIST", "CA"));
	assert_true(conf_list_has(c, "T_LIST", "NY"));
	assert_false(conf_list_has(c, "T_LIST", "C"));
	assert_false(conf_list_has(c, "T_LIST", ""));
	assert_false(conf_list_has(c, "T_UNSET", "TX"));
	conf_free(c);
	conf_free(NULL);
}

static void
the_last_source_wins(void **state)
{
	struct problem err = { 0 };
	struct conf *c;

	(void)state;
	use_files("# comment\n\nT_NAME = one\nT_MUST=\"with spaces \"\nT_LIST=a\n  T_WAIT=7d\r\nT_UNSET=a=b\n",
	    "T_NAME=two\nT_FLAG=on\n");
	assert_int_equal(setenv("T_LIST", "b", 1), 0);
	c = conf_load(both, &err);
	assert_non_null(c);
	assert_string_equal(conf_str(c, "T_NAME"), "two");
	assert_string_equal(conf_str(c, "T_MUST"), "with spaces ");
	assert_string_equal(conf_str(c, "T_UNSET"), "a=b");
	assert_string_equal(conf_str(c, "T_LIST"), "b");
	assert_int_equal(conf_int(c, "T_WAIT"), 604800);
	assert_int_equal(conf_int(c, "T_COUNT"), 8);
	assert_true(conf_bool(c, "T_FLAG"));
	conf_free(c);
}

static void
bad_values_are_refused_by_name(void **state)
{
	static const struct {
		const char *name, *value;
		bool good;
	} cases[] = {
		{ "T_COUNT", "12", true },
		{ "T_COUNT", "-1", true },
		{ "T_COUNT", "", false },
		{ "T_COUNT", "4x", false },
		{ "T_COUNT", " 4", false },
		{ "T_COUNT", "99999999999999999999", false },
		{ "T_WAIT", "90", true },
		{ "T_WAIT", "90s", true },
		{ "T_WAIT", "24h", true },
		{ "T_WAIT", "1w", false },
		{ "T_WAIT", "-5", false },
		{ "T_WAIT", "9223372036854775807d", false },
		{ "T_FLAG", "1", true },
		{ "T_FLAG", "no", true },
		{ "T_FLAG", "maybe", false },
		{ "T_FLAG", "TRUE", false },
	};
	struct problem err;
	struct conf *c;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		(void)clean(NULL);
		problem_clear(&err);
		assert_int_equal(setenv(cases[i].name, cases[i].value, 1), 0);
		c = conf_load(core_only, &err);
		assert_int_equal(c != NULL, cases[i].good);
		if (c == NULL) {
			assert_string_equal(err.code, "bad_config");
			assert_non_null(strstr(err.detail, cases[i].name));
		}
		conf_free(c);
	}
}

static void
required_keys_must_be_set(void **state)
{
	struct problem err = { 0 };

	(void)state;
	assert_null(conf_load(both, &err));
	assert_string_equal(err.code, "missing_config");
	assert_non_null(strstr(err.detail, "T_MUST"));
	assert_int_equal(setenv("T_MUST", "", 1), 0);
	assert_null(conf_load(both, &err));
}

static void
a_file_that_is_missing_or_broken_stops_the_start(void **state)
{
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(setenv("TELERX_CONFIG", "/nonexistent/telerx.env", 1), 0);
	assert_null(conf_load(core_only, &err));
	assert_string_equal(err.code, "bad_config");
	use_files("T_NAME=x\njust words\n", NULL);
	problem_clear(&err);
	assert_null(conf_load(core_only, &err));
	assert_non_null(strstr(err.detail, "line 2"));
}

static void
printing_never_shows_a_secret(void **state)
{
	struct problem err = { 0 };
	struct buf out = BUF_INIT(8192);
	struct conf *c;

	(void)state;
	use_files("T_SECRET=hunter2\nT_NAME=shown\n", NULL);
	c = conf_load(core_only, &err);
	assert_non_null(c);
	conf_print(c, &out);
	assert_null(strstr(buf_str(&out), "hunter2"));
	assert_non_null(strstr(buf_str(&out), "T_SECRET=(set)"));
	assert_non_null(strstr(buf_str(&out), "T_NAME=shown  # from /tmp/telerx-config-test."));
	assert_non_null(strstr(buf_str(&out), "T_COUNT=4  # from default; default 4\n"));
	assert_non_null(strstr(buf_str(&out), "; a name\n"));
	buf_release(&out);
	conf_free(c);
}

static void
ask_unknown(void *c)
{
	(void)conf_str(c, "T_NOWHERE");
}
static void
ask_text_as_number(void *c)
{
	(void)conf_int(c, "T_NAME");
}

static void
asking_for_what_no_table_has_ends_the_process(void **state)
{
	static struct conf *c; /* static: valgrind looks for leaks in the dying children as well */
	struct problem err = { 0 };

	(void)state;
	c = conf_load(core_only, &err);
	assert_non_null(c);
	assert_int_equal(status_of(ask_unknown, c), DIED);
	assert_int_equal(status_of(ask_text_as_number, c), DIED);
	conf_free(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clean, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_hold_when_nothing_is_set),
		TEST(the_last_source_wins),
		TEST(bad_values_are_refused_by_name),
		TEST(required_keys_must_be_set),
		TEST(a_file_that_is_missing_or_broken_stops_the_start),
		TEST(printing_never_shows_a_secret),
		TEST(asking_for_what_no_table_has_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
