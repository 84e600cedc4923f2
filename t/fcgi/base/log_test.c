/* log_test.c: what reaches standard error, and problems. */
#include "fcgi/unit.h"

#include <jansson.h>

#include "base/log.h"
#include "base/problem.h"

/* Standard error as a pipe while one thing is logged; text gets what arrived. */
struct capture {
	int saved, ends[2];
	char text[8192];
};

static void
capture_start(struct capture *c)
{
	assert_int_equal(pipe(c->ends), 0);
	c->saved = dup(STDERR_FILENO);
	assert_true(dup2(c->ends[1], STDERR_FILENO) >= 0);
}

static void
capture_stop(struct capture *c)
{
	ssize_t n;

	assert_true(dup2(c->saved, STDERR_FILENO) >= 0);
	(void)close(c->saved);
	(void)close(c->ends[1]);
	n = read(c->ends[0], c->text, sizeof(c->text) - 1);
	(void)close(c->ends[0]);
	c->text[n < 0 ? 0 : n] = '\0';
}

static json_t *
one_line(const struct capture *c)
{
	json_t *line = json_loads(c->text, JSON_REJECT_DUPLICATES, NULL);
	size_t n = strlen(c->text);

	assert_non_null(line);
	assert_int_equal(c->text[n - 1], '\n');
	assert_ptr_equal(strchr(c->text, '\n'), c->text + n - 1);
	return line;
}

static const char *
text(const json_t *line, const char *name)
{
	return json_string_value(json_object_get(line, name));
}

static void
gathered_lines_leave_whole_and_in_order(void **state)
{
	struct capture c;

	(void)state;
	log_gather();
	capture_start(&c);
	log_line(LOG_INFO, "first", NULL);
	log_line(LOG_INFO, "second", NULL);
	log_line(LOG_WARN, "third", NULL);
	capture_stop(&c);
	assert_non_null(strstr(c.text, "first"));
	assert_true(strstr(c.text, "first") < strstr(c.text, "second") && strstr(c.text, "second") < strstr(c.text, "third"));
	capture_start(&c);
	log_line(LOG_INFO, "alone", NULL);
	(void)usleep(200 * 1000);
	capture_stop(&c);
	assert_non_null(strstr(c.text, "\"alone\"}\n"));
	capture_start(&c);
	log_line(LOG_INFO, "last", NULL);
	log_gather_end();
	log_line(LOG_INFO, "afterwards", NULL);
	capture_stop(&c);
	assert_non_null(strstr(c.text, "\"last\"}\n"));
	assert_true(strstr(c.text, "last") < strstr(c.text, "afterwards"));
	log_gather_end(); /* nothing to end: harmless */
}

static void
a_line_is_one_json_object(void **state)
{
	struct capture c;
	json_t *line;

	(void)state;
	log_open("intake", LOG_INFO);
	log_request_id("r-1");
	assert_string_equal(log_current_request_id(), "r-1");
	capture_start(&c);
	log_line(LOG_WARN, "job.done", "job", "7", "none", (const char *)NULL, "odd", "a\"\\\n\x01\xff\xc3\xa9", NULL);
	capture_stop(&c);
	log_request_id(NULL);
	assert_string_equal(log_current_request_id(), "");
	line = one_line(&c);
	assert_string_equal(text(line, "level"), "WARN");
	assert_string_equal(text(line, "service"), "intake");
	assert_string_equal(text(line, "rid"), "r-1");
	assert_string_equal(text(line, "event"), "job.done");
	assert_string_equal(text(line, "job"), "7");
	assert_null(json_object_get(line, "none"));
	assert_string_equal(text(line, "odd"), "a\"\\\n\x01\xef\xbf\xbd\xc3\xa9");
	assert_int_equal(json_integer_value(json_object_get(line, "pid")), getpid());
	assert_int_equal(strlen(text(line, "ts")), 27);
	json_decref(line);
}

static void
long_values_are_cut_and_the_line_stays_json(void **state)
{
	static char big[5000];
	struct capture c;
	json_t *line;

	(void)state;
	memset(big, '"', sizeof(big) - 1);
	capture_start(&c);
	log_line(LOG_ERROR, "big", "a", big, "b", big, "c", big, "d", big, "e", big, "f", "small", NULL);
	capture_stop(&c);
	assert_true(strlen(c.text) <= 4096);
	line = one_line(&c);
	assert_true(json_string_length(json_object_get(line, "a")) > 400);
	json_decref(line);
}

static void
levels_below_the_least_are_silent(void **state)
{
	static const struct {
		enum log_level least, level;
		bool written;
	} cases[] = {
		{ LOG_INFO, LOG_DEBUG, false },
		{ LOG_INFO, LOG_INFO, true },
		{ LOG_ERROR, LOG_WARN, false },
		{ LOG_ERROR, LOG_ERROR, true },
		{ LOG_DEBUG, LOG_DEBUG, true },
	};
	struct capture c;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		log_level_set(cases[i].least);
		capture_start(&c);
		log_line(cases[i].level, "x", NULL);
		capture_stop(&c);
		assert_int_equal(c.text[0] != '\0', cases[i].written);
	}
	log_level_set(LOG_INFO);
}

static bool
logs(enum log_level level)
{
	struct capture c;

	capture_start(&c);
	log_line(level, "probe", NULL);
	capture_stop(&c);
	return strstr(c.text, "probe") != NULL;
}

static void
say_level(const char *path, const char *word)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	(void)fputs(word, f);
	assert_int_equal(fclose(f), 0);
	(void)usleep(1100 * 1000);
}

/* P-OPS-08: level switch at run time. */
static void
a_file_changes_the_level_while_the_process_runs(void **state)
{
	char path[] = "/tmp/log_test.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	(void)unlink(path);
	log_level_set(LOG_INFO);
	log_level_file(path);
	assert_false(logs(LOG_DEBUG));
	assert_true(logs(LOG_INFO));
	say_level(path, "debug\n");
	assert_true(logs(LOG_DEBUG));
	assert_true(log_wants(LOG_DEBUG));
	say_level(path, "ERROR");
	assert_false(logs(LOG_WARN));
	assert_true(logs(LOG_ERROR));
	say_level(path, "loud\n");
	assert_false(logs(LOG_DEBUG));
	assert_true(logs(LOG_INFO));
	say_level(path, "WARN\n");
	assert_false(logs(LOG_INFO));
	(void)unlink(path);
	(void)usleep(1100 * 1000);
	assert_true(logs(LOG_INFO));
	assert_false(logs(LOG_DEBUG));
	log_level_file(NULL);
}

static void
level_names_are_read_in_any_case(void **state)
{
	enum log_level l = LOG_DEBUG;

	(void)state;
	assert_int_equal(log_level_parse("warn", &l), 0);
	assert_int_equal(l, LOG_WARN);
	assert_int_equal(log_level_parse("ERROR", &l), 0);
	assert_int_equal(l, LOG_ERROR);
	assert_int_equal(log_level_parse("loud", &l), -1);
	assert_int_equal(log_level_parse(NULL, &l), -1);
	assert_int_equal(l, LOG_ERROR);
}

static void
perish(void *p)
{
	die("%s", (const char *)p);
}

static void
dying_ends_with_status_70(void **state)
{
	char why[] = "the world is broken";

	(void)state;
	assert_int_equal(status_of(perish, why), 70);
}

static void
a_status_decides_what_a_worker_does(void **state)
{
	static const struct {
		int status;
		const char *code;
		enum fault fault;
	} cases[] = {
		{ 500, "x", FAULT_RETRY },
		{ 503, "x", FAULT_RETRY },
		{ 429, "x", FAULT_RETRY },
		{ 409, "request_in_progress", FAULT_RETRY },
		{ 409, "claim_conflict", FAULT_PERMANENT },
		{ 400, "x", FAULT_PERMANENT },
		{ 401, "x", FAULT_PERMANENT },
		{ 404, "x", FAULT_PERMANENT },
		{ 422, "x", FAULT_PERMANENT },
	};
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&err);
		assert_int_equal(problem(&err, cases[i].status, cases[i].code, "detail %d", 1), -1);
		assert_int_equal(err.fault, cases[i].fault);
		assert_string_equal(err.code, cases[i].code);
		assert_string_equal(err.detail, "detail 1");
	}
}

static void
the_first_sixteen_members_are_kept(void **state)
{
	struct problem err = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_int_equal(problem_member(&err, "a.b", "too_long", "%d", i), -1);
	assert_int_equal(err.status, 422);
	assert_int_equal(err.nerrors, 16);
	assert_string_equal(err.errors[15].detail, "15");
	problem(&err, 400, "unknown_member", "no such member");
	assert_int_equal(err.nerrors, 16);
	problem(&err, 503, "later", "later");
	assert_int_equal(err.nerrors, 0);
	problem_clear(&err);
	assert_int_equal(err.status, 0);
	assert_int_equal(problem(NULL, 500, "x", "y"), -1);
	assert_int_equal(problem_member(NULL, "f", "x", "y"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_one_json_object),
		cmocka_unit_test(long_values_are_cut_and_the_line_stays_json),
		cmocka_unit_test(levels_below_the_least_are_silent),
		cmocka_unit_test(a_file_changes_the_level_while_the_process_runs),
		cmocka_unit_test(level_names_are_read_in_any_case),
		cmocka_unit_test(dying_ends_with_status_70),
		cmocka_unit_test(a_status_decides_what_a_worker_does),
		cmocka_unit_test(the_first_sixteen_members_are_kept),
		cmocka_unit_test(gathered_lines_leave_whole_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
