/*
 * saga_test.c: several services brought to one end (rules M1, M2, M5, M7 to M10): forward, declined, back again, and with news
 * that comes too early, too late or never.
 */
#include "core.h"

#include "journey.h"

/* ---- forward */

static void
everything_is_done_in_order_and_once(void **state UNUSED)
{
	struct uuid id = start("x"), again;

	again = start("y");
	assert_true(uuid_equal(id, again));
	work(world);
	expect_saga("running", "");
	assert_string_equal(state_of("pay"), "sent");
	assert_string_equal(acts(), "/billing/payments");
	resume("pay", true, NULL, "{\"authorized\":4900}");
	resume("pay", false, "twice", NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work(world);
	expect_saga("completed", "");
	assert_string_equal(acts(), "/billing/payments, /api/note, /shipping/shipments, /notify/book");
	assert_string_equal(way(),
	    "config:confirmed lookup:confirmed pay:confirmed note:confirmed ship:confirmed book:confirmed extra:skipped"
	    " last:confirmed ended:completed:");
	assert_string_equal(
	    sql_text(world, "SELECT concat(data ->> 'paymentId', ' ', data ->> 'authorized', ' ', data ->> 'region') FROM saga"),
	    "p1 4900 TX");
	assert_string_equal(sql_text(world, "SELECT result ->> 'region' FROM saga_step WHERE name = 'lookup'"), "TX");
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state <> 'done' AND kind = 'saga.step'"), 0);
	work_all(world); /* what is left are the deadlines of what is long over */
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state <> 'done'"), 0);
	assert_int_equal(called("GET /billing/payments/p1"), 0);
}

static void
request_is_sealed_and_its_key_its_own(void **state UNUSED)
{
	start("x");
	work(world);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM saga_step WHERE position('Jane' IN encode(request_enc, 'escape')) > 0"), 0);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM saga_step WHERE length(vendor_key) = 52 AND octet_length(request_digest) = 32"),
	    2);
	assert_string_equal(calls[1].what, "POST /billing/payments");
	assert_string_equal(calls[1].key, sql_text(world, "SELECT vendor_key FROM saga_step WHERE name = 'pay'"));
	assert_string_equal(calls[0].key, ""); /* a read needs none */
}

static void
steps_are_told(void **state UNUSED)
{
	struct buf b = buf_in(world_arena(world), 8192);
	struct json_writer w;
	struct problem ignored = { 0 };
	struct uuid id = start("x");
	json_t *told;

	says("/api/note", 1, 422, "{\"code\":\"no_chart\"}");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	jw_start(&w, &b);
	jw_object(&w, NULL);
	tx_begin(world);
	MUST(saga_steps_json(world_db(world), id, &w, "steps", &err));
	tx_end(world);
	jw_end(&w);
	assert_true(jw_ok(&w));
	told = json_read(world_arena(world), b.data, b.len, &ignored);
	assert_string_equal(json_text_at(told, "steps.0.name"), "config");
	assert_string_equal(json_text_at(told, "steps.1.name"), "lookup");
	assert_string_equal(json_text_at(told, "steps.3.warning"), "no_chart");
	assert_string_equal(json_text_at(told, "steps.4.state"), "sent");
	assert_non_null(json_text_at(told, "steps.2.startedAt"));
	assert_non_null(json_text_at(told, "steps.2.finishedAt"));
	assert_null(json_text_at(told, "steps.4.finishedAt"));
}

static void
lost_answer_is_asked_for_with_the_same_bytes(void **state UNUSED)
{
	says("/billing/payments", 2, 0, NULL);
	start("x");
	work_all(world);
	assert_true(ncalls >= 4);
	for (int i = 2; i < 4; i++) {
		assert_string_equal(calls[i].what, "POST /billing/payments");
		assert_string_equal(calls[i].key, calls[1].key);
		assert_string_equal(calls[i].body, calls[1].body);
	}
	assert_int_equal(sql_int(world, "SELECT count(*) FROM saga_step WHERE name = 'pay'"), 1);
}

static void
stopping_worker_hands_over_between_two_steps(void **state UNUSED)
{
	start("x");
	atomic_store(&crew.work.stopping, true);
	crew_take(&crew, 0);
	atomic_store(&crew.work.stopping, false);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM saga_step"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready' AND attempt = 0"), 1);
	work(world);
	assert_string_equal(state_of("pay"), "sent");
}

/* ---- failing */

static void
dry_step_fails_before_any_effect(void **state UNUSED)
{
	says("/intake/submissions/1", 1, 200, "{\"missing\":\"address\"}");
	start("x");
	work_all(world);
	expect_saga("failed", "no_address");
	assert_string_equal(acts(), "");
	assert_string_equal(way(), "config:confirmed lookup:failed:no_address ended:failed:no_address");
}

static void
failed_local_step_leaves_nothing(void **state UNUSED)
{
	start("none");
	work_all(world);
	expect_saga("failed", "no_such_medication");
	assert_int_equal(sql_int(world, "SELECT count(*) FROM trail WHERE what = 'wrote'"), 0);
	assert_int_equal(ncalls, 0);
}

static void
declined_card_ends_it_with_nothing_to_undo(void **state UNUSED)
{
	start("x");
	work(world);
	resume("pay", false, "card_declined", NULL);
	work_all(world);
	expect_saga("failed", "card_declined");
	assert_string_equal(acts(), "/billing/payments");
}

static void
refusal_undoes_what_was_done_last_first(void **state UNUSED)
{
	says("/notify/book", 1, 422, "{\"code\":\"no_slot\"}");
	start("x");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work(world);
	expect_saga("compensated", "no_slot");
	assert_string_equal(way(),
	    "config:confirmed lookup:confirmed pay:confirmed note:confirmed ship:confirmed book:failed:no_slot unshipped"
	    " ship:compensated pay:compensated ended:compensated:no_slot");
	assert_string_equal(acts(), "/billing/payments, /api/note, /shipping/shipments, /notify/book, /billing/cancel");
	assert_int_equal(sql_int(world, "SELECT count(DISTINCT vendor_key) FROM saga_step WHERE name = 'pay'"), 2);
	assert_string_not_equal(calls[ncalls - 1].key, "");
}

static void
local_refusal_at_the_end_undoes_everything(void **state UNUSED)
{
	start("late");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work(world);
	expect_saga("compensated", "too_late");
	assert_string_equal(
	    acts(), "/billing/payments, /api/note, /shipping/shipments, /notify/book, /notify/unbook, /billing/cancel");
}

static void
undo_is_repeated_until_it_is_taken(void **state UNUSED)
{
	says("/notify/book", 1, 422, "{\"code\":\"no_slot\"}");
	says("/billing/cancel", 3, 503, NULL);
	start("x");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work(world);
	assert_string_equal(sql_text(world, "SELECT state FROM saga"), "compensating");
	assert_string_equal(state_of("pay"), "compensating");
	work_all(world);
	expect_saga("compensated", "no_slot");
	assert_int_equal(called("POST /billing/cancel"), 4);
	assert_string_equal(calls[ncalls - 1].key, calls[ncalls - 4].key);
}

static void
undo_that_is_refused_is_a_persons(void **state UNUSED)
{
	says("/notify/unbook", 1, 409, "{\"code\":\"already_gone\"}");
	start("late");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work_all(world);
	expect_saga("manual", "book_not_undone");
	assert_string_equal(state_of("book"), "manual");
	assert_string_equal(state_of("pay"), "confirmed"); /* not under a booking that still stands */
	assert_int_equal(called("POST /billing/cancel"), 0);
	resume("book", true, NULL, NULL); /* no news can turn this way round again */
	work_all(world);
	expect_saga("manual", "book_not_undone");
}

static void
undo_that_is_refused_is_a_persons_even_where_news_confirmed_the_step(void **state UNUSED)
{
	says("/notify/book", 1, 422, "{\"code\":\"no_slot\"}");
	says("/billing/cancel", 1, 409, "{\"code\":\"captured\"}");
	start("x");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work_all(world);
	expect_saga("manual", "pay_not_undone");
	assert_string_equal(state_of("pay"), "manual");
	assert_string_equal(state_of("ship"), "compensated");
}

static void
undo_that_nobody_answers_becomes_a_persons(void **state UNUSED)
{
	says("/notify/unbook", 99, 503, NULL);
	start("late");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work_all(world);
	expect_saga("manual", "peer_unavailable");
	assert_int_equal(called("POST /notify/unbook"), 4);
	assert_string_equal(state_of("book"), "manual");
}

/* ---- warnings, giving up */

static void
warning_stops_nothing(void **state UNUSED)
{
	says("/api/note", 99, 503, NULL);
	start("x");
	work(world);
	resume("pay", true, NULL, NULL);
	work_all(world);
	assert_int_equal(called("POST /api/note"), 4);
	assert_string_equal(state_of("note"), "failed");
	assert_string_equal(sql_text(world, "SELECT warning FROM saga_step WHERE name = 'note'"), "peer_unavailable");
	resume("ship", true, NULL, NULL);
	work_all(world);
	assert_string_equal(sql_text(world, "SELECT state FROM saga"), "completed");
}

static void
effect_that_nobody_answers_is_a_persons(void **state UNUSED)
{
	says("/billing/payments", 99, 503, NULL);
	start("x");
	work_all(world);
	assert_int_equal(called("POST /billing/payments"), 4);
	expect_saga("manual", "peer_unavailable");
	assert_string_equal(state_of("pay"), "manual");
}

static void
read_that_nobody_answers_fails_it(void **state UNUSED)
{
	says("/intake/submissions/1", 99, 503, NULL);
	start("x");
	work_all(world);
	expect_saga("failed", "peer_unavailable");
}

static void
progress_gives_new_attempts(void **state UNUSED)
{
	says("/intake/submissions/1", 3, 503, NULL);
	says("/billing/payments", 3, 503, NULL);
	start("x");
	work_all(world);
	assert_string_equal(acts(), "/billing/payments, /billing/payments, /billing/payments, /billing/payments");
	assert_true(strcmp(state_of("pay"), "sent") == 0 || strcmp(state_of("pay"), "manual") == 0); /* its deadlines passed, too */
	assert_int_equal(called("GET /intake/submissions/1"), 4);
}

/* ---- news */

static void
news_may_overtake_the_answer(void **state UNUSED)
{
	says("/billing/payments", 1, 202, "{\"paymentId\":\"p7\"}")->meanwhile = resume_elsewhere;
	start("x");
	work(world);
	assert_string_equal(state_of("pay"), "confirmed");
	assert_string_equal(state_of("ship"), "sent");
	assert_string_equal(sql_text(world, "SELECT data ->> 'paymentId' || (data ->> 'by') FROM saga"), "p7event");
	assert_int_equal(called("POST /billing/payments"), 1);
}

static void
news_may_overtake_an_answer_that_is_lost(void **state UNUSED)
{
	says("/billing/payments", 1, 0, NULL)->meanwhile = resume_elsewhere;
	start("x");
	work_all(world);
	assert_int_equal(called("POST /billing/payments"), 2); /* the callee replays; take needs its reply */
	assert_string_equal(calls[2].key, calls[1].key);
	assert_string_equal(state_of("pay"), "confirmed");
	assert_string_equal(sql_text(world, "SELECT data ->> 'paymentId' || (data ->> 'by') FROM saga"), "p1event");
}

static void
lost_news_is_asked_for(void **state UNUSED)
{
	start("x");
	work(world);
	assert_int_equal(called("GET /billing/payments/p1"), 0);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM job WHERE kind = 'saga.deadline' AND run_at - now() BETWEEN '55 s' AND '60 s'"),
	    1);
	says("/billing/payments/p1", 99, 200, "{\"state\":\"authorized\"}");
	says("/billing/payments/p1", 2, 200, "{\"state\":\"pending\"}");
	says("/billing/payments/p1", 1, 503, NULL);
	sql_run(world, "UPDATE job SET run_at = now() WHERE kind = 'saga.deadline'");
	work(world);
	assert_int_equal(called("GET /billing/payments/p1"), 1);
	assert_string_equal(state_of("pay"), "sent");
	for (int i = 0; i < 3; i++) {
		sql_run(world, "UPDATE job SET run_at = now() WHERE kind = 'saga.deadline' AND state = 'ready'");
		work(world);
	}
	assert_string_equal(state_of("pay"), "confirmed");
	assert_string_equal(sql_text(world, "SELECT data ->> 'by' FROM saga"), "poll");
	assert_string_equal(state_of("ship"), "sent");
}

static void
news_that_never_come_leave_it_to_a_person(void **state UNUSED)
{
	start("x");
	work_all(world);
	assert_int_equal(called("GET /billing/payments/p1"), 10);
	expect_saga("manual", "pay_timeout");
	assert_string_equal(state_of("pay"), "manual");
}

static void
late_news_take_it_up_again(void **state UNUSED)
{
	start("x");
	work_all(world);
	expect_saga("manual", "pay_timeout");
	resume("pay", true, NULL, NULL);
	work(world);
	assert_string_equal(sql_text(world, "SELECT state FROM saga"), "running");
	resume("ship", true, NULL, NULL);
	work(world);
	assert_string_equal(sql_text(world, "SELECT state FROM saga"), "completed");
	assert_string_equal(sql_text(world, "SELECT coalesce(reason, 'none') FROM saga"), "none");
}

static void
late_refusal_ends_it(void **state UNUSED)
{
	start("x");
	work_all(world);
	resume("pay", false, "card_declined", NULL);
	work_all(world);
	assert_string_equal(sql_text(world, "SELECT state || ' ' || reason FROM saga"), "failed card_declined");
}

static void
news_of_something_else_change_nothing(void **state UNUSED)
{
	resume("pay", true, NULL, NULL); /* no saga at all */
	start("x");
	work(world);
	resume("ship", true, NULL, NULL);   /* not yet begun */
	resume("config", true, NULL, NULL); /* long over */
	work(world);
	assert_string_equal(state_of("pay"), "sent");
	assert_int_equal(sql_int(world, "SELECT count(*) FROM saga_step WHERE outcome IS NOT NULL"), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_is_done_in_order_and_once),
		TEST(request_is_sealed_and_its_key_its_own),
		TEST(steps_are_told),
		TEST(lost_answer_is_asked_for_with_the_same_bytes),
		TEST(stopping_worker_hands_over_between_two_steps),
		TEST(dry_step_fails_before_any_effect),
		TEST(failed_local_step_leaves_nothing),
		TEST(declined_card_ends_it_with_nothing_to_undo),
		TEST(refusal_undoes_what_was_done_last_first),
		TEST(local_refusal_at_the_end_undoes_everything),
		TEST(undo_is_repeated_until_it_is_taken),
		TEST(undo_that_is_refused_is_a_persons),
		TEST(undo_that_is_refused_is_a_persons_even_where_news_confirmed_the_step),
		TEST(undo_that_nobody_answers_becomes_a_persons),
		TEST(warning_stops_nothing),
		TEST(effect_that_nobody_answers_is_a_persons),
		TEST(read_that_nobody_answers_fails_it),
		TEST(progress_gives_new_attempts),
		TEST(news_may_overtake_the_answer),
		TEST(news_may_overtake_an_answer_that_is_lost),
		TEST(lost_news_is_asked_for),
		TEST(news_that_never_come_leave_it_to_a_person),
		TEST(late_news_take_it_up_again),
		TEST(late_refusal_ends_it),
		TEST(news_of_something_else_change_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
