/* template_test.c: the Mustache language, case by case: template, view, expected text. */
#include "fcgi/unit.h"

#include "base/template.h"

struct row {
	const char *says;
	const char *text;
	const char *view;
	const char *want;
};

static const char *const partials[][2] = {
	{ "hello", "Hello {{name}}" },
	{ "line", ">\n>" },
	{ "content", "|\n{{{content}}}\n|\n" },
	{ "node", "{{content}}<{{#nodes}}{{>node}}{{/nodes}}>" },
	{ "crlf", ">" },
	{ "loop", "{{>loop}}" },
	{ "empty", "" },
	{ "delimiters", ".{{value}}.{{=| |=}}.|value|." },
	{ "broken", "{{#a}}" },
	{ "pair", "a\nb\n" },
};

static const char *
partial(const char *name, void *context)
{
	size_t i;

	(void)context;
	for (i = 0; i < COUNT(partials); i++)
		if (strcmp(partials[i][0], name) == 0)
			return partials[i][1];
	return NULL;
}

static void
run(const struct row *rows, size_t n, enum template_kind kind)
{
	struct problem err = { 0 };
	struct buf out;
	json_t *view;
	size_t i;

	for (i = 0; i < n; i++) {
		out = BUF_INIT(4096);
		view = json_loads(rows[i].view, 0, NULL);
		assert_non_null(view);
		if (template_render(rows[i].text, kind, view, partial, NULL, &out, &err) < 0)
			fail_msg("%s: %s", rows[i].says, err.detail);
		if (strcmp(buf_str(&out), rows[i].want) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", rows[i].says, buf_str(&out), rows[i].want);
		json_decref(view);
		buf_release(&out);
	}
}

static void
variables_are_filled_in(void **state)
{
	static const struct row rows[] = {
		{ "no tags", "Hello from {Mustache}!\n", "{}", "Hello from {Mustache}!\n" },
		{ "a word", "Hello, {{subject}}!", "{\"subject\":\"world\"}", "Hello, world!" },
		{ "not rendered twice", "{{t}}: {{p}}", "{\"t\":\"{{p}}\",\"p\":\"x\"}", "{{p}}: x" },
		{ "escaped", "{{f}}", "{\"f\":\"& \\\" < >\"}", "&amp; &quot; &lt; &gt;" },
		{ "triple", "{{{f}}}", "{\"f\":\"& \\\" < >\"}", "& \" < >" },
		{ "ampersand", "{{&f}}", "{\"f\":\"& \\\" < >\"}", "& \" < >" },
		{ "integer", "\"{{mph}} mph\"", "{\"mph\":85}", "\"85 mph\"" },
		{ "real", "{{power}}", "{\"power\":1.21}", "1.21" },
		{ "negative", "{{n}}", "{\"n\":-7}", "-7" },
		{ "true", "{{b}}", "{\"b\":true}", "true" },
		{ "null", "I ({{cannot}}) be seen!", "{\"cannot\":null}", "I () be seen!" },
		{ "missing", "I ({{cannot}}) be seen! {{{c}}}{{&c}}", "{}", "I () be seen! " },
		{ "a list is no text", "({{l}})", "{\"l\":[1]}", "()" },
		{ "dotted", "{{person.name}}", "{\"person\":{\"name\":\"Joe\"}}", "Joe" },
		{ "dotted, deep", "{{a.b.c.d.e.name}}", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"name\":\"Phil\"}}}}}}", "Phil" },
		{ "dotted, broken", "({{a.b.c}})", "{\"a\":{}}", "()" },
		{ "dotted, through text", "({{a.b}})", "{\"a\":\"x\"}", "()" },
		{ "dotted, first part decides", "{{#a}}({{b.c}}){{/a}}", "{\"a\":{\"b\":{}},\"b\":{\"c\":\"WRONG\"}}", "()" },
		{ "spaces around stay", "| {{s}} |", "{\"s\":\"---\"}", "| --- |" },
		{ "spaces inside go", "|{{ s }}|{{{ s }}}|{{& s }}|", "{\"s\":\"-\"}", "|-|-|-|" },
		{ "alone on a line is not standalone", "  {{s}}\n", "{\"s\":\"-\"}", "  -\n" },
		{ "implicit iterator of the whole view", "{{#a}}{{.}}{{/a}}", "{\"a\":\"x\"}", "x" },
	};

	(void)state;
	run(rows, COUNT(rows), TEMPLATE_HTML);
}

static void
plain_text_is_not_escaped(void **state)
{
	static const struct row rows[] = {
		{ "double", "{{f}}", "{\"f\":\"& \\\" < >\"}", "& \" < >" },
		{ "triple", "{{{f}}}", "{\"f\":\"<b>\"}", "<b>" },
	};

	(void)state;
	run(rows, COUNT(rows), TEMPLATE_TEXT);
}

static void
sections_repeat_and_choose(void **state)
{
	static const struct row rows[] = {
		{ "true", "\"{{#b}}in{{/b}}\"", "{\"b\":true}", "\"in\"" },
		{ "false", "\"{{#b}}in{{/b}}\"", "{\"b\":false}", "\"\"" },
		{ "null", "\"{{#b}}in{{/b}}\"", "{\"b\":null}", "\"\"" },
		{ "missing", "\"{{#b}}in{{/b}}\"", "{}", "\"\"" },
		{ "empty text", "\"{{#b}}in{{/b}}\"", "{\"b\":\"\"}", "\"\"" },
		{ "zero", "\"{{#b}}in{{/b}}\"", "{\"b\":0}", "\"in\"" },
		{ "empty object", "\"{{#b}}in{{/b}}\"", "{\"b\":{}}", "\"in\"" },
		{ "object", "{{#c}}Hi {{name}}.{{/c}}", "{\"c\":{\"name\":\"Joe\"}}", "Hi Joe." },
		{ "outer names", "{{#s}}{{a}},{{b}},{{c.d}}{{/s}}",
		    "{\"a\":\"foo\",\"b\":\"wrong\",\"s\":{\"b\":\"bar\"},\"c\":{\"d\":\"baz\"}}", "foo,bar,baz" },
		{ "list", "{{#l}}{{item}}{{/l}}", "{\"l\":[{\"item\":1},{\"item\":2},{\"item\":3}]}", "123" },
		{ "empty list", "\"{{#l}}x{{/l}}\"", "{\"l\":[]}", "\"\"" },
		{ "twice", "{{#b}}1{{/b}}-{{#b}}2{{/b}}", "{\"b\":true}", "1-2" },
		{ "nested", "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", "{\"b\":true}", "| A B C D E |" },
		{ "nested, inner false", "| A {{#b}}B {{#n}}C{{/n}} D{{/b}} |", "{\"b\":true,\"n\":false}", "| A B  D |" },
		{ "implicit iterator", "\"{{#l}}({{.}}){{/l}}\"", "{\"l\":[\"a\",1,2.5]}", "\"(a)(1)(2.5)\"" },
		{ "implicit iterator escapes", "{{#l}}{{.}}{{{.}}}{{/l}}", "{\"l\":[\"<\"]}", "&lt;<" },
		{ "lists in lists", "{{#l}}({{#.}}{{.}}{{/.}}){{/l}}", "{\"l\":[[1,2],[3]]}", "(12)(3)" },
		{ "dotted", "\"{{#a.b}}here{{/a.b}}\"", "{\"a\":{\"b\":true}}", "\"here\"" },
		{ "dotted, missing", "\"{{#a.b}}here{{/a.b}}\"", "{\"a\":{}}", "\"\"" },
		{ "padding in the tag", "|{{# b }}={{/ b }}|", "{\"b\":true}", "|=|" },
		{ "inverted, false", "\"{{^b}}in{{/b}}\"", "{\"b\":false}", "\"in\"" },
		{ "inverted, true", "\"{{^b}}in{{/b}}\"", "{\"b\":true}", "\"\"" },
		{ "inverted, missing", "\"{{^b}}in{{/b}}\"", "{}", "\"in\"" },
		{ "inverted, null", "\"{{^b}}in{{/b}}\"", "{\"b\":null}", "\"in\"" },
		{ "inverted, empty list", "\"{{^b}}in{{/b}}\"", "{\"b\":[]}", "\"in\"" },
		{ "inverted, list", "\"{{^b}}in{{/b}}\"", "{\"b\":[{}]}", "\"\"" },
		{ "inverted, object", "\"{{^b}}in{{/b}}\"", "{\"b\":{}}", "\"\"" },
		{ "inverted, dotted", "\"{{^a.b.c}}none{{/a.b.c}}\"", "{\"a\":{}}", "\"none\"" },
		{ "both arms", "{{#b}}yes{{/b}}{{^b}}no{{/b}}", "{}", "no" },
		{ "inner list keeps outer names", "{{#l}}{{t}}{{n}} {{/l}}", "{\"t\":\"x\",\"l\":[{\"n\":1},{\"n\":2}]}",
		    "x1 x2 " },
	};

	(void)state;
	run(rows, COUNT(rows), TEMPLATE_HTML);
}

static void
standalone_tags_take_their_line_with_them(void **state)
{
	static const struct row rows[] = {
		{ "section", "| This\n{{#b}}\n|\n{{/b}}\n| A\n", "{\"b\":true}", "| This\n|\n| A\n" },
		{ "indented section", "| This\n  {{#b}}\n|\n  {{/b}}\n| A\n", "{\"b\":true}", "| This\n|\n| A\n" },
		{ "inverted", "| This\n{{^b}}\n|\n{{/b}}\n| A\n", "{}", "| This\n|\n| A\n" },
		{ "CR LF", "|\r\n{{#b}}\r\n{{/b}}\r\n|", "{\"b\":true}", "|\r\n|" },
		{ "first line", "  {{#b}}\n#{{/b}}\n/", "{\"b\":true}", "#\n/" },
		{ "last line", "#{{#b}}\n/\n  {{/b}}", "{\"b\":true}", "#\n/\n" },
		{ "not alone on its line", " | {{#b}}\t|\t{{/b}} | \n", "{\"b\":true}", " | \t|\t | \n" },
		{ "two on a line are not alone", " {{#b}}YES{{/b}}\n {{#b}}GOOD{{/b}}\n", "{\"b\":true}", " YES\n GOOD\n" },
		{ "a pair without content on a line", "a\n{{#b}}{{/b}}\nb", "{\"b\":true}", "a\n\nb" },
		{ "comment", "Begin.\n{{! note }}\nEnd.\n", "{}", "Begin.\nEnd.\n" },
		{ "indented comment", "Begin.\n  {{! note }}\nEnd.\n", "{}", "Begin.\nEnd.\n" },
		{ "comment over lines", "Begin.\n{{!\nSomething's going on here...\n}}\nEnd.\n", "{}", "Begin.\nEnd.\n" },
		{ "comment inside of a line", "  12 {{! 34 }}\n", "{}", "  12 \n" },
		{ "comment without line end", "!\n  {{! I'm alone }}", "{}", "!\n" },
		{ "comment text", "12345{{! a comment }}67890", "{}", "1234567890" },
		{ "comment with tags", "a{{! {{x }}b", "{\"x\":1}", "ab" },
		{ "trailing blanks", "a\n{{#b}}  \t\nx\n{{/b}} \nb", "{\"b\":true}", "a\nx\nb" },
		{ "empty lines stay", "{{#l}}\n{{.}}\n\n{{/l}}\n", "{\"l\":[1,2]}", "1\n\n2\n\n" },
	};

	(void)state;
	run(rows, COUNT(rows), TEMPLATE_HTML);
}

static void
partials_are_rendered_in_place(void **state)
{
	static const struct row rows[] = {
		{ "the view is theirs", "\"{{>hello}}\"", "{\"name\":\"A\"}", "\"Hello A\"" },
		{ "missing", "\"{{>none}}\"", "{}", "\"\"" },
		{ "empty", "\"{{>empty}}\"", "{}", "\"\"" },
		{ "recursion", "{{>node}}", "{\"content\":\"X\",\"nodes\":[{\"content\":\"Y\",\"nodes\":[]}]}", "X<Y<>>" },
		{ "inside of a line", "  {{d}}  {{> line}}\n", "{\"d\":\"|\"}", "  |  >\n>\n" },
		{ "standalone, CR LF", "|\r\n{{>crlf}}\r\n|", "{}", "|\r\n>|" },
		{ "standalone, last line", ">\n  {{>line}}", "{}", ">\n  >\n  >" },
		{ "standalone, first line", "  {{>line}}\n>", "{}", "  >\n  >>" },
		{ "indented", "\\\n {{>content}}\n/\n", "{\"content\":\"<\\n->\"}", "\\\n |\n <\n->\n |\n/\n" },
		{ "in a list", "{{#l}}\n  {{>pair}}\n{{/l}}\n", "{\"l\":[1,2]}", "  a\n  b\n  a\n  b\n" },
		{ "padding", "|{{> hello }}|", "{\"name\":1}", "|Hello 1|" },
		{ "own delimiters", "[ {{>delimiters}} ]{{value}}", "{\"value\":\"y\"}", "[ .y..y. ]y" },
		{ "delimiters are not passed on", "{{=| |=}}|>delimiters|", "{\"value\":\"y\"}", ".y..y." },
	};

	(void)state;
	run(rows, COUNT(rows), TEMPLATE_HTML);
}

static void
delimiters_can_be_changed(void **state)
{
	static const struct row rows[] = {
		{ "pair", "{{=<% %>=}}(<%t%>){{t}}", "{\"t\":\"Hey!\"}", "(Hey!){{t}}" },
		{ "special characters", "({{=[ ]=}}[t])", "{\"t\":\"It worked!\"}", "(It worked!)" },
		{ "and back", "{{=<% %>=}}<%t%><%={{ }}=%>{{t}}", "{\"t\":\"x\"}", "xx" },
		{ "sections", "[{{#s}}{{d}}|d|{{/s}}{{=| |=}}|#s|{{d}}|d||/s|]", "{\"s\":true,\"d\":\"I\"}", "[I|d|{{d}}I]" },
		{ "standalone", "Begin.\n{{=@ @=}}\nEnd.\n@t@", "{\"t\":\"x\"}", "Begin.\nEnd.\nx" },
		{ "indented standalone", "Begin.\n  {{=@ @=}}\nEnd.\n", "{}", "Begin.\nEnd.\n" },
		{ "inside of a line", "| {{=@ @=}} |", "{}", "|  |" },
		{ "padding", "|{{= @   @ =}}|@t@", "{\"t\":1}", "||1" },
		{ "unescaped", "{{=<% %>=}}<%&t%><%{t}%>", "{\"t\":\"<\"}", "<<" },
	};

	(void)state;
	run(rows, COUNT(rows), TEMPLATE_HTML);
}

static void
broken_templates_name_their_line(void **state)
{
	static const struct {
		const char *text, *where;
	} cases[] = {
		{ "a\n{{b", "line 2" },
		{ "{{#a}}\n", "line 1" },
		{ "\n\n{{/a}}", "line 3" },
		{ "{{#a}}{{/b}}", "line 1" },
		{ "{{}}", "line 1" },
		{ "{{ }}", "line 1" },
		{ "{{a b}}", "line 1" },
		{ "{{=@=}}", "line 1" },
		{ "{{=a b c=}}", "line 1" },
		{ "{{{a}}", "line 1" },
		{ "{{#a}}{{#b}}{{/a}}{{/b}}", "line 1" },
		{ "{{=aaaaaaaaaaaaaaaaaaaa b=}}", "line 1" },
		{ "{{= =}}", "line 1" },
		{ "{{>broken}}", "line 1" },
	};
	json_t *view = json_object();
	struct problem err;
	struct buf out;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&err);
		out = BUF_INIT(100);
		assert_int_equal(template_render(cases[i].text, TEMPLATE_TEXT, view, partial, NULL, &out, &err), -1);
		assert_string_equal(err.code, "bad_template");
		assert_non_null(strstr(err.detail, cases[i].where));
		buf_release(&out);
	}
	json_decref(view);
}

static void
nesting_and_length_have_an_end(void **state)
{
	json_t *view = json_pack("{s:b}", "a", 1);
	struct problem err = { 0 };
	struct buf text = BUF_INIT(4096), out = BUF_INIT(1000);
	int i, depth;

	(void)state;
	assert_int_equal(template_render("{{>loop}}", TEMPLATE_TEXT, view, partial, NULL, &out, &err), -1);
	assert_string_equal(err.code, "bad_template");
	for (depth = 16; depth <= 17; depth++) {
		buf_clear(&text);
		for (i = 0; i < depth; i++)
			buf_add(&text, "{{#a}}");
		for (i = 0; i < depth; i++)
			buf_add(&text, "{{/a}}");
		assert_int_equal(
		    template_render(buf_str(&text), TEMPLATE_TEXT, view, NULL, NULL, &out, &err), depth == 16 ? 0 : -1);
	}
	buf_release(&out);
	out = BUF_INIT(3);
	assert_int_equal(template_render("abcd", TEMPLATE_TEXT, view, NULL, NULL, &out, &err), -1);
	assert_string_equal(err.code, "template_too_long");
	buf_release(&out);
	buf_release(&text);
	json_decref(view);
}

static void
the_names_of_a_template_are_listed_once(void **state)
{
	struct problem err = { 0 };
	json_t *names = template_names("{{a}} {{#b.c}}{{.}}{{d}}{{{a}}}{{/b.c}}{{^e}}x{{/e}}{{>p}}{{! f }}", &err);
	char *text = json_dumps(names, JSON_COMPACT);

	(void)state;
	assert_string_equal(text, "[\"a\",\"b.c\",\"d\",\"e\"]");
	free(text);
	json_decref(names);
	assert_null(template_names("{{#a}}", &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_filled_in),
		cmocka_unit_test(plain_text_is_not_escaped),
		cmocka_unit_test(sections_repeat_and_choose),
		cmocka_unit_test(standalone_tags_take_their_line_with_them),
		cmocka_unit_test(partials_are_rendered_in_place),
		cmocka_unit_test(delimiters_can_be_changed),
		cmocka_unit_test(broken_templates_name_their_line),
		cmocka_unit_test(nesting_and_length_have_an_end),
		cmocka_unit_test(the_names_of_a_template_are_listed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
