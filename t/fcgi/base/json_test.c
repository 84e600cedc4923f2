/* json_test.c: the writer, its refusals, and reading under rule H6. */
#include "fcgi/unit.h"

#include "base/json.h"

struct world {
	struct arena *arena;
	struct buf out;
	struct json_writer w;
	struct problem err;
};

static int
begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -1;
	w->arena = arena_new(0);
	w->out = buf_in(w->arena, 1 << 16);
	jw_start(&w->w, &w->out);
	*state = w;
	return 0;
}

static int
end(void **state)
{
	struct world *w = *state;

	arena_free(w->arena);
	free(w);
	return 0;
}

static void
every_kind_of_value_is_written(void **state)
{
	struct world *s = *state;
	struct json_writer *w = &s->w;
	struct uuid u;

	assert_int_equal(uuid_parse("018f2f3e-7c1a-7b2c-8d3e-4f5a6b7c8d9e", &u), 0);
	jw_object(w, NULL);
	jw_str(w, "s", "a");
	jw_str(w, "none", NULL);
	jw_strn(w, "n", "abc", 2);
	jw_int(w, "min", INT64_MIN);
	jw_int(w, "max", INT64_MAX);
	jw_int(w, "zero", 0);
	jw_bool(w, "yes", true);
	jw_null(w, "null");
	jw_uuid(w, "u", u);
	jw_uuid(w, "nil", UUID_NIL);
	jw_time(w, "t", INT64_C(1768469400123456));
	jw_time(w, "never", 0);
	jw_opt_int(w, "left", false, 1);
	jw_opt_int(w, "there", true, 1);
	jw_opt_str(w, "out", NULL);
	jw_opt_str(w, "in", "x");
	jw_array(w, "list");
	jw_int(w, NULL, 1);
	jw_raw(w, NULL, "{\"k\":2}");
	jw_array(w, NULL);
	jw_end(w);
	jw_end(w);
	assert_false(jw_ok(w));
	jw_end(w);
	assert_true(jw_ok(w));
	assert_string_equal(buf_str(&s->out),
	    "{\"s\":\"a\",\"none\":null,\"n\":\"ab\",\"min\":-9223372036854775808,\"max\":9223372036854775807,\"zero\":0,\"yes\":"
	    "true,"
	    "\"null\":null,\"u\":\"018f2f3e-7c1a-7b2c-8d3e-4f5a6b7c8d9e\",\"nil\":null,\"t\":\"2026-01-15T09:30:00.123456Z\","
	    "\"never\":null,\"there\":1,\"in\":\"x\",\"list\":[1,{\"k\":2},[]]}");
}

static void
text_is_escaped(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *json;
	} cases[] = {
		{ "a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"" },
		{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
		{ "\x00\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\x8a", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\x8a\"" },
		{ "a\xff"
		  "b",
		    3, "\"a\\ufffdb\"" },                                      /* no UTF-8 at all */
		{ "\xc0\xaf", 2, "\"\\ufffd\\ufffd\"" },                       /* overlong */
		{ "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },            /* a surrogate */
		{ "\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" }, /* above U+10FFFF */
		{ "x\xe2\x82", 3, "\"x\\ufffd\\ufffd\"" },                     /* cut short */
		{ "", 0, "\"\"" },
	};
	struct world *s = *state;
	json_t *back;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&s->out);
		jw_start(&s->w, &s->out);
		jw_strn(&s->w, NULL, cases[i].text, cases[i].n);
		assert_true(jw_ok(&s->w));
		assert_string_equal(buf_str(&s->out), cases[i].json);
		back = json_loads(buf_str(&s->out), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(back);
		json_decref(back);
	}
}

static void
a_tree_is_written_as_it_was_read(void **state)
{
	static const char text[] = "{\"b\":[1,-2.5,80.1,true,false,null,{\"x\":\"y\\n\"}],\"a\":{},\"c\":[]}";
	struct world *s = *state;
	json_t *tree = json_read(s->arena, text, strlen(text), &s->err);

	assert_non_null(tree);
	jw_tree(&s->w, NULL, tree);
	assert_true(jw_ok(&s->w));
	assert_string_equal(buf_str(&s->out), text);
}

static void
a_full_buffer_is_not_ok(void **state)
{
	struct world *s = *state;
	struct buf small = buf_in(s->arena, 10);

	jw_start(&s->w, &small);
	jw_array(&s->w, NULL);
	jw_str(&s->w, NULL, "0123456789");
	jw_end(&s->w);
	assert_false(jw_ok(&s->w));
	jw_start(&s->w, &s->out);
	assert_false(jw_ok(&s->w));
}

static void
key_in_array(void *p)
{
	jw_array(p, NULL);
	jw_int(p, "k", 1);
}
static void
no_key_in_object(void *p)
{
	jw_object(p, NULL);
	jw_int(p, NULL, 1);
}
static void
end_without_beginning(void *p)
{
	jw_end(p);
}
static void
key_outermost(void *p)
{
	jw_object(p, "k");
}
static void
two_outermost(void *p)
{
	jw_int(p, NULL, 1);
	jw_int(p, NULL, 2);
}
static void
nested(void *p, int levels)
{
	for (; levels > 0; levels--)
		jw_array(p, NULL);
}
static void
thirty_two_levels(void *p)
{
	nested(p, 32);
}
static void
thirty_three_levels(void *p)
{
	nested(p, 33);
}

static void
misuse_ends_the_process(void **state)
{
	static const struct {
		void (*f)(void *);
		int status;
	} cases[] = {
		{ key_in_array, DIED },
		{ no_key_in_object, DIED },
		{ end_without_beginning, DIED },
		{ key_outermost, DIED },
		{ two_outermost, DIED },
		{ thirty_two_levels, 0 },
		{ thirty_three_levels, DIED },
	};
	struct world *s = *state;
	size_t i;

	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(status_of(cases[i].f, &s->w), cases[i].status);
}

static void
what_rule_h6_forbids_is_not_read(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "", 0 },
		{ "{", 1 },
		{ "nonsense", 8 },
		{ "{\"a\":1,\"a\":2}", 13 },
		{ "{\"a\":1} x", 9 },
		{ "\"text\"", 6 },
		{ "1", 1 },
		{ "{\"a\":\"b\0c\"}", 11 },
		{ "{\"a\":\"\\u0000\"}", 14 },
		{ "{\"a\":\"\xff\"}", 9 },
		{ "[1]\0", 4 },
		{ "{'a':1}", 7 },
		{ "[1,]", 4 },
	};
	struct world *s = *state;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&s->err);
		assert_null(json_read(s->arena, cases[i].text, cases[i].n, &s->err));
		assert_int_equal(s->err.status, 400);
		assert_string_equal(s->err.code, "malformed_json");
	}
}

static void
depth_ends_at_thirty_two(void **state)
{
	struct world *s = *state;
	char text[128];

	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	assert_null(json_read(s->arena, text, 66, &s->err));
	assert_non_null(json_read(s->arena, text + 1, 64, &s->err));
	/* Brackets inside of text do not count, also behind an escaped quote. */
	(void)snprintf(text, sizeof(text), "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}");
	assert_non_null(json_read(s->arena, text, strlen(text), &s->err));
}

static void
a_parse_error_does_not_quote_the_input(void **state)
{
	static const char text[] = "{\"firstName\":\"Adalbert\" \"lastName\":\"Q\"}";
	struct world *s = *state;

	assert_null(json_read(s->arena, text, strlen(text), &s->err));
	assert_null(strstr(s->err.detail, "Adalbert"));
	assert_null(strstr(s->err.detail, "lastName"));
}

static void
members_are_found_by_path(void **state)
{
	static const char text[] = "{\"output\":{\"list\":[{\"n\":\"794\"},{\"n\":7}]},\"5\":{\"x\":1}}";
	struct world *s = *state;
	json_t *t = json_read(s->arena, text, strlen(text), &s->err);

	assert_non_null(t);
	assert_string_equal(json_text_at(t, "output.list.0.n"), "794");
	assert_null(json_text_at(t, "output.list.1.n"));
	assert_int_equal(json_int_at(t, "output.list.1.n", -1), 7);
	assert_int_equal(json_int_at(t, "output.list.0.n", -1), -1);
	assert_int_equal(json_int_at(t, "5.x", -1), 1);
	assert_null(json_at(t, "output.list.2"));
	assert_null(json_at(t, "output.list.x"));
	assert_null(json_at(t, "output.list."));
	assert_null(json_at(t, "output.none.n"));
	assert_null(json_at(t, "output.list.0.n.more"));
	assert_null(json_at(t, "output.list.4294967296"));
	assert_null(json_at(NULL, "a"));
	assert_null(json_text_at(NULL, "a"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_kind_of_value_is_written),
		TEST(text_is_escaped),
		TEST(a_tree_is_written_as_it_was_read),
		TEST(a_full_buffer_is_not_ok),
		TEST(misuse_ends_the_process),
		TEST(what_rule_h6_forbids_is_not_read),
		TEST(depth_ends_at_thirty_two),
		TEST(a_parse_error_does_not_quote_the_input),
		TEST(members_are_found_by_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
