/*
 * saga_back_test.c: what was achieved is taken away, and what a person decides where the engine stopped (rules M7 to M9).
 */
#include "core.h"

#include "journey.h"
#include "work/edges.h"

/* ---- turning back, and what a person decides */

static void
complete(void)
{
	start("x");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work(world);
	expect_saga("completed", "");
}

static void
turn(const char *step)
{
	tx_begin(world);
	MUST(saga_turn_back(world_db(world), "journey", subject, step, "taken_away", &err));
	tx_end(world);
	work(world);
}

static void
M7_what_was_achieved_is_taken_away_and_the_rest_is_undone_once(void **state UNUSED)
{
	complete();
	turn("ship");
	turn("ship");
	assert_string_equal(sql_text(world, "SELECT state || ' ' || reason FROM saga"), "compensated taken_away");
	assert_int_equal(called("POST /billing/cancel"), 1);
	assert_int_equal(called("POST /notify/unbook"), 1);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM saga_step WHERE undo AND state = 'confirmed'"), 3);
}

static void
what_was_never_confirmed_is_not_taken_away(void **state UNUSED)
{
	start("x");
	work(world);
	turn("ship");
	assert_string_equal(sql_text(world, "SELECT state || coalesce(turn_reason, '') FROM saga"), "running");
}

static int
decide(enum saga_act act, const char *step)
{
	struct problem err = { 0 };
	struct saga_decision d = { .act = act, .step = step, .reason = "looked at", .by = "test" };
	struct uuid id;
	int rc;

	assert_int_equal(uuid_parse(sql_text(world, "SELECT id FROM saga"), &id), 0);
	tx_begin(world);
	rc = saga_decide(world_db(world), service_saga(crew.work.service, "journey"), id, &d, &err);
	if (rc < 0)
		db_rollback(world_db(world));
	else
		tx_end(world);
	work(world);
	return rc < 0 ? -err.status : 0;
}

static void
M8_a_person_confirms_what_no_news_told(void **state UNUSED)
{
	start("x");
	work_all(world);
	expect_saga("manual", "pay_timeout");
	assert_int_equal(decide(SAGA_CONFIRM, "ship"), -409); /* not the one */
	assert_int_equal(decide(SAGA_CONFIRM, "pay"), 0);
	assert_string_equal(state_of("pay"), "confirmed");
	assert_string_equal(state_of("ship"), "sent");
	assert_int_equal(decide(SAGA_CONFIRM, "pay"), -409); /* not manual any more */
	assert_int_equal(sql_int(world, "SELECT count(*) FROM audit WHERE action = 'saga.decided'"), 1);
}

static void
M8_a_person_knows_that_it_failed(void **state UNUSED)
{
	start("x");
	work_all(world);
	assert_int_equal(decide(SAGA_FAILED, "pay"), 0);
	assert_string_equal(sql_text(world, "SELECT state || ' ' || reason FROM saga"), "failed decided_failed");
}

static void
M8_a_person_has_it_asked_again_with_the_same_bytes(void **state UNUSED)
{
	says("/billing/payments", 4, 503, NULL);
	start("x");
	work_all(world);
	expect_saga("manual", "peer_unavailable");
	assert_int_equal(decide(SAGA_CONFIRM, "pay"), -409); /* its answer is needed later */
	assert_int_equal(decide(SAGA_RETRY, "pay"), 0);
	assert_string_equal(state_of("pay"), "sent");
	for (size_t i = 2; i < ncalls; i++)
		if (strcmp(calls[i].what, "POST /billing/payments") == 0) {
			assert_string_equal(calls[i].key, calls[1].key);
			assert_string_equal(calls[i].body, calls[1].body);
		}
	assert_int_equal(called("POST /billing/payments"), 5);
}

static void
M8_an_undo_done_by_hand_lets_the_way_back_go_on(void **state UNUSED)
{
	says("/notify/unbook", 1, 409, "{\"code\":\"already_gone\"}");
	start("late");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work(world);
	expect_saga("manual", "book_not_undone");
	assert_int_equal(decide(SAGA_CONFIRM, "book"), 0);
	assert_string_equal(sql_text(world, "SELECT state FROM saga"), "compensated");
	assert_string_equal(state_of("book"), "compensated");
	assert_int_equal(called("POST /billing/cancel"), 1);
}

static void
M8_an_undo_given_up_leaves_the_rest_standing(void **state UNUSED)
{
	says("/notify/unbook", 1, 409, "{\"code\":\"already_gone\"}");
	start("late");
	work(world);
	resume("pay", true, NULL, NULL);
	work(world);
	resume("ship", true, NULL, NULL);
	work(world);
	assert_int_equal(decide(SAGA_FAILED, "book"), 0);
	assert_string_equal(sql_text(world, "SELECT state || ' ' || reason FROM saga"), "failed book_not_undone");
	assert_string_equal(state_of("book"), "confirmed");
	assert_int_equal(called("POST /billing/cancel"), 0);
}

/* ---- one table of edges (rule M9) */

static void
M9_the_database_has_the_same_edges(void **state UNUSED)
{
	static const struct edges *const all[] = { &saga_edges, &step_edges, &effect_edges };

	for (size_t t = 0; t < COUNT(all); t++) {
		const char *def = sql_text(world, "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = '%s'::regclass"
		    " AND tgname = 'legal_edges_state'", all[t]->table);
		size_t moves = 0, there = 0;

		for (size_t i = 0; i < all[t]->n; i++) {
			const struct edge *e = &all[t]->edge[i];

			if (*e->from == '\0' || strcmp(e->from, e->to) == 0)
				continue;
			moves++;
			if (strstr(def, arena_printf(world_arena(world), "'%s>%s'", e->from, e->to)) == NULL)
				fail_msg("%s: %s > %s is not in the database", all[t]->table, e->from, e->to);
		}
		for (const char *p = def; (p = strchr(p, '>')) != NULL; p++)
			there += p[-1] >= 'a' && p[-1] <= 'z' && p[1] >= 'a' && p[1] <= 'z';
		assert_int_equal(there, moves);
	}
	assert_false(edge_legal(&saga_edges, "compensated", "running"));
	assert_false(edge_legal(&step_edges, "compensated", "confirmed"));
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(M7_what_was_achieved_is_taken_away_and_the_rest_is_undone_once),
		TEST(what_was_never_confirmed_is_not_taken_away),
		TEST(M8_a_person_confirms_what_no_news_told),
		TEST(M8_a_person_knows_that_it_failed),
		TEST(M8_a_person_has_it_asked_again_with_the_same_bytes),
		TEST(M8_an_undo_done_by_hand_lets_the_way_back_go_on),
		TEST(M8_an_undo_given_up_leaves_the_rest_standing),
		TEST(M9_the_database_has_the_same_edges),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
