/*
 * The portal's rules: every event of a case is one line, once; the page shows timelines only where it is told to.
 */
#include "data/migrate.h"
#include "harness/harness.h"
#include "portal/portal.h"

static const char *const settings[] = { "PORTAL_TIMELINES=yes", NULL };

static int
setup(void **state)
{
	*state = world_new(&portal_service, settings);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

#define CASE "00000000-0000-7000-8000-00000000c0de"

static void
an_event_is_one_line_however_often_it_comes(void **state)
{
	struct world *w = *state;

	send_event(w, "intake", "intake.submitted", uuid_new(), "{\"submissionId\":\"" CASE "\",\"state\":\"LA\",\"intakeType\":\"glp1\"}");
	expect_status(w, 200);
	send_event_again(w);
	send_event(w, "router", "rx.submission.updated", uuid_new(), "{\"submissionId\":\"" CASE "\",\"pharmacy\":\"gmp\",\"status\":\"accepted\"}");
	get(w, BY_ADMIN, "/console/timeline?submissionId=" CASE);
	expect_status(w, 200);
	expect_text(w, "entries.0.what", "intake submitted from LA (glp1)");
	expect_text(w, "entries.1.what", "pharmacy gmp: accepted");
	expect_absent(w, "entries.2");
}

static void
an_event_of_no_case_is_no_line(void **state)
{
	struct world *w = *state;
	int64_t before = sql_int(w, "SELECT count(*) FROM timeline_entries");

	send_event(w, "notify", "notification.sent", uuid_new(), "{\"type\":\"verification_code\",\"channel\":\"email\"}");
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM timeline_entries"), before);
}

/* Issue: work items. What concerns no case is on the stream all the same, and on no case's timeline. */
static void
a_work_item_is_told_on_the_stream(void **state)
{
	static const char payload[] =
	    "{\"kind\":\"audit.tampered\",\"subject\":\"billing\",\"code\":\"does_not_verify\",\"detail\":{\"found\":[]}}";
	struct scope scope = { .actor = "system:stream" };
	struct world *w = *state;
	struct problem err = { 0 };
	struct rows *rows;

	assert_int_equal(uuid_parse(MIGRATE_TENANT, &scope.tenant), 0);
	send_event(w, "billing", "attention.raised", uuid_new(), payload);
	expect_status(w, 200);
	assert_int_equal(db_begin(world_db(w), WRITE, &scope, &err), 0);
	assert_true(db_exec(world_db(w), timeline_stream.settle, &err, P_INT(100)) > 0);
	assert_int_equal(db_all(world_db(w), &rows, timeline_stream.read, &err, P_INT(0), P_INT(100)), 0);
	assert_int_equal(db_commit(world_db(w), &err), 0);
	assert_string_equal(row_str(rows_at(rows, rows_count(rows) - 1), "event"), "attention.raised");
	assert_non_null(strstr(row_str(rows_at(rows, rows_count(rows) - 1), "data"), "\"attention\":{\"code\":\"does_not_verify\",\"kind\":\"audit.tampered\",\"subject\":\"billing\"}"));
	get(w, BY_ADMIN, "/console/timelines?limit=1");
	expect_text(w, "timelines.0.submissionId", CASE);
}

static void
the_page_shows_the_case_and_escapes_it(void **state)
{
	struct world *w = *state;

	send_event(w, "registry", "assignment.completed", uuid_new(), "{\"submissionId\":\"" CASE "\",\"outcome\":\"<b>\"}");
	get(w, BY_PUBLIC, "/");
	expect_status(w, 200);
	assert_non_null(strstr((const char *)answer_bytes(w).p, CASE));
	assert_non_null(strstr((const char *)answer_bytes(w).p, "assignment completed: &lt;b&gt;"));
	assert_non_null(answer_header(w, "content-security-policy"));
}

static void
timelines_are_for_administrators(void **state)
{
	struct world *w = *state;

	get(w, BY_PUBLIC, "/console/timelines");
	expect_status(w, 401);
	get(w, BY_ADMIN, "/console/timelines?limit=1");
	expect_text(w, "timelines.0.submissionId", CASE);
}

/* Row P-EVT-10: what the source sends again after the portal forgot makes the same lines; without forgetting it makes none. */
static void
p_evt_10_rebuilt_timeline_is_equal(void **state)
{
	static const char all[] = "SELECT md5(string_agg(concat_ws('|', event_id, tenant_id, submission_id, at, service, topic, what), chr(10) ORDER BY at, event_id))"
	    " FROM timeline_entries";
	struct world *w = *state;
	const char *before, *others;

	send_event(w, "registry", "assignment.opened", uuid_new(), "{\"submissionId\":\"" CASE "\",\"physicians\":2}");
	before = sql_text(w, all);
	others = sql_text(w, "SELECT count(*) FROM timeline_entries WHERE service <> 'registry'");
	send_event_again(w);
	expect_text(w, "ignored", "");
	assert_string_equal(sql_text(w, all), before);
	post(w, BY_ADMIN, "/console/rebuild", "{\"source\":\"registry\",\"from\":\"2020-01-01T00:00:00Z\",\"topic\":\"assignment.opened\"}");
	expect_status(w, 200);
	expect_int(w, "forgotten", 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM timeline_entries WHERE topic = 'assignment.opened'"), 0);
	assert_string_equal(sql_text(w, "SELECT count(*) FROM timeline_entries WHERE service <> 'registry'"), others);
	send_event_again(w);
	assert_string_equal(sql_text(w, all), before);
	post(w, BY_PUBLIC, "/console/rebuild", "{\"source\":\"registry\",\"from\":\"2020-01-01T00:00:00Z\"}");
	expect_status(w, 401);
}

static void
p_evt_10_stream_is_for_administrators(void **state)
{
	static const struct header resume[] = { { "last-event-id", "17" }, { 0 } }, wrong[] = { { "last-event-id", "x" }, { 0 } };
	struct world *w = *state;

	get(w, BY_PUBLIC, "/console/stream");
	expect_status(w, 401);
	request(w, BY_ADMIN, "GET", "/console/stream", NULL, NULL, resume);
	expect_status(w, 200);
	assert_string_equal(answer_header(w, "x-accel-buffering"), "no");
	request(w, BY_ADMIN, "GET", "/console/stream", NULL, NULL, wrong);
	expect_problem(w, 400, "bad_event_id");
}

/* Issue: work items. The page itself holds nothing; what it may load and whom it may call is this origin alone, and no script stands in it. */
static void
the_inbox_is_a_page_without_data_or_inline_script(void **state)
{
	struct world *w = *state;
	const char *page, *policy;

	get(w, BY_PUBLIC, "/console/work");
	expect_status(w, 200);
	page = (const char *)answer_bytes(w).p;
	assert_non_null(strstr(page, "<script src=\"/console/work.js\" defer></script>"));
	assert_null(strstr(page, "<style"));
	assert_null(strstr(page, " style="));
	assert_null(strstr(page, "onclick"));
	assert_null(strstr(page, "http"));
	policy = answer_header(w, "content-security-policy");
	assert_non_null(strstr(policy, "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"));
	assert_null(strstr(policy, "unsafe"));
	get(w, BY_PUBLIC, "/console/work.js");
	expect_status(w, 200);
	assert_string_equal(answer_header(w, "content-type"), "text/javascript; charset=utf-8");
	assert_null(strstr((const char *)answer_bytes(w).p, "innerHTML"));
	get(w, BY_PUBLIC, "/console/work.css");
	expect_status(w, 200);
	assert_string_equal(answer_header(w, "content-type"), "text/css; charset=utf-8");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_one_line_however_often_it_comes),
		cmocka_unit_test(an_event_of_no_case_is_no_line),
		cmocka_unit_test(a_work_item_is_told_on_the_stream),
		cmocka_unit_test(the_page_shows_the_case_and_escapes_it),
		cmocka_unit_test(timelines_are_for_administrators),
		cmocka_unit_test(the_inbox_is_a_page_without_data_or_inline_script),
		cmocka_unit_test(p_evt_10_rebuilt_timeline_is_equal),
		cmocka_unit_test(p_evt_10_stream_is_for_administrators),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
