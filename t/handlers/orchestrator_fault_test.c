/*
 * orchestrator_fault_test.c: whatever breaks between two steps, a run comes to the same end: one authorisation, one prescription,
 * one capture, one message. A lost answer is repeated with the same bytes under the same key, so that the callee answers with what
 * it did the first time (rules M1, M2, M10).
 */
#include "orchestrator_world.h"

#include <pthread.h>

#include "crypto/seal.h"

#define RACERS 16

static void
play(struct given *g)
{
	approve(g);
	hurry(g);
	payment_event(g, "authorized", NULL);
	hurry(g);
	rx_event(g, "accepted", NULL);
	hurry(g);
	payment_event(g, "captured", NULL);
	hurry(g);
}

/* Same bytes, same key, however often. */
static void
expect_repeats_are_replays(struct given *g, const char *target)
{
	const struct sent *first = sent_to(g->w, "POST", target, 0);

	for (int i = 1; i < (int)asked(g, "POST", target); i++) {
		const struct sent *s = sent_to(g->w, "POST", target, i);
		const char *a = sent_header(first, "Idempotency-Key"), *b = sent_header(s, "Idempotency-Key");

		assert_string_equal(s->raw == NULL ? "" : s->raw, first->raw == NULL ? "" : first->raw);
		assert_non_null(a);
		assert_string_equal(b, a);
	}
}

static const char *const keyed[] = { "/billing/payments", "/rx/prescriptions/submit", "/api/ehr/notes", "/billing/payments/*",
    "/shipping/shipments" };

static void
an_answer_lost_at_any_step_is_asked_again_by_the_same_key(void **state)
{
	for (unsigned i = 0; i < COUNT(keyed); i++)
		for (int outcome = HTTP_NOT_SENT; outcome <= HTTP_UNKNOWN; outcome++) {
			struct given g = a_case(*state);

			stub_broken(g.w, "POST", keyed[i], (enum http_outcome)outcome);
			play(&g);
			expect_run(&g, "completed");
			assert_int_equal(asked(&g, "POST", keyed[i]), 2);
			expect_repeats_are_replays(&g, keyed[i]);
		}
}

static void
a_peer_that_is_down_for_a_while_only_delays(void **state)
{
	static const char down[] = "{\"type\":\"/problems/x\",\"title\":\"x\",\"status\":503,\"code\":\"database_unavailable\","
	    "\"detail\":\"x\"}";

	for (unsigned i = 0; i < COUNT(keyed); i++) {
		struct given g = a_case(*state);

		for (int n = 0; n < 3; n++)
			stub_once(g.w, "POST", keyed[i], 503, down);
		play(&g);
		expect_run(&g, "completed");
		assert_int_equal(asked(&g, "POST", keyed[i]), 4);
		expect_repeats_are_replays(&g, keyed[i]);
	}
}

/* The worker died after the intent was committed, at each step: its successor takes up the committed bytes. */
static void
a_successor_takes_up_the_committed_intent(void **state)
{
	struct given g = a_case(*state);

	stub_broken(g.w, "POST", "/rx/prescriptions/submit", HTTP_UNKNOWN);
	approve(&g);
	payment_event(&g, "authorized", NULL);
	assert_string_equal(sql_text(g.w, "SELECT s.state FROM saga_step s JOIN saga x ON x.id = s.saga_id WHERE x.subject = '%s'"
	    " AND s.name = 'submit_rx'",
	    g.run), "intent");
	/* What the prescription is made of changes meanwhile; what was committed does not. */
	sql_run(g.w, "UPDATE medication_configs SET directions = 'something else' WHERE sku = 'SMPL-SEMA-025'");
	hurry(&g);
	sql_run(g.w, "UPDATE medication_configs SET directions = 'Inject 0.25 mg under the skin once a week.' WHERE sku ="
	    " 'SMPL-SEMA-025'");
	assert_int_equal(asked(&g, "POST", "/rx/prescriptions/submit"), 2);
	expect_repeats_are_replays(&g, "/rx/prescriptions/submit");
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");
	assert_int_equal(asked(&g, "POST", "/billing/payments/*"), 1);
}

static void
repeated_and_late_events_change_nothing(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	send_event_again(g.w);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "authorized", NULL);
	payment_event(&g, "captured", NULL);
	payment_event(&g, "captured", NULL);
	payment_event(&g, "authorized", NULL);
	payment_event(&g, "failed", "card_declined");
	rx_event(&g, "manual", "late");
	expect_run(&g, "completed");
	assert_int_equal(asked(&g, "POST", "/billing/payments"), 1);
	assert_int_equal(asked(&g, "POST", "/billing/payments/*"), 1);
	assert_int_equal(asked(&g, "POST", "/rx/prescriptions/submit"), 1);
	assert_int_equal(told(&g, "payment_failed"), 0);
	assert_string_equal(sql_text(g.w, "SELECT payment_status FROM orchestration_runs WHERE id = '%s'", g.run), "captured");
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM refill_schedules WHERE run_id = '%s'", g.run), 1);
}

static void
an_outcome_that_comes_before_the_answer_counts(void **state)
{
	struct given g = a_case(*state);

	stub_broken(g.w, "POST", "/billing/payments", HTTP_UNKNOWN);
	approve(&g);
	payment_event(&g, "authorized", NULL);
	hurry(&g);
	expect_step(&g, "authorise", "confirmed");
	expect_step(&g, "submit_rx", "running");
}

/* Each step's deadline passes once. */
static void
time_passes(struct given *g)
{
	sql_run(g->w, "UPDATE job SET run_at = now() WHERE kind = 'saga.deadline' AND state = 'ready' AND args->>'sagaId' ="
	    " (SELECT id::text FROM saga WHERE subject = '%s')", g->run);
	work(g->w);
}

static void
a_lost_event_is_asked_after(void **state)
{
	struct given g = a_case(*state);
	const char *payment = text(g.w, "/billing/payments/%s", g.payment), *rx;

	approve(&g);
	rx = text(g.w, "/rx/prescriptions?externalId=%s", g.run);
	stub(g.w, "GET", payment, 200, payment_reply(&g, "authorized"));
	stub_once(g.w, "GET", payment, 200, payment_reply(&g, "pending"));
	stub(g.w, "GET", rx, 200, router_reply(&g, "accepted"));
	stub_once(g.w, "GET", rx, 200, router_reply(&g, "queued"));
	time_passes(&g);
	expect_step(&g, "authorise", "running");
	time_passes(&g);
	expect_step(&g, "authorise", "confirmed");
	time_passes(&g);
	expect_step(&g, "submit_rx", "running");
	time_passes(&g);
	expect_step(&g, "submit_rx", "confirmed");
	expect_step(&g, "charge", "running");
	stub(g.w, "GET", payment, 200, payment_reply(&g, "captured"));
	time_passes(&g);
	expect_run(&g, "completed");
	assert_int_equal(asked(&g, "POST", "/billing/payments"), 1);
	assert_int_equal(asked(&g, "POST", "/rx/prescriptions/submit"), 1);
}

static void
a_payment_that_needs_a_person_parks_the_run(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "accepted", NULL);
	payment_event(&g, "manual", "charge_expired");
	expect_run(&g, "manual");
	assert_string_equal(run_reason(&g), "charge_expired");
	assert_int_equal(told(&g, "admin_alert"), 1);
	assert_int_equal(told(&g, "payment_charged"), 0);
	payment_event(&g, "captured", NULL);
	expect_run(&g, "completed");
}

static void
an_undo_is_repeated_until_it_is_taken(void **state)
{
	struct given g = a_case(*state);
	const char *cancel = text(g.w, "/billing/payments/%s/cancel", g.payment);

	stub_broken(g.w, "POST", cancel, HTTP_UNKNOWN);
	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "rejected", NULL);
	expect_run(&g, "running");
	hurry(&g);
	payment_event(&g, "cancelled", NULL);
	expect_run(&g, "compensated");
	assert_string_equal(run_reason(&g), "pharmacy_rejected");
	assert_int_equal(asked(&g, "POST", cancel), 2);
	expect_repeats_are_replays(&g, cancel);
}

static void
an_undo_that_is_refused_needs_a_person(void **state)
{
	struct given g = a_case(*state);

	stub(g.w, "POST", text(g.w, "/billing/payments/%s/cancel", g.payment), 409,
	    "{\"type\":\"/problems/x\",\"title\":\"x\",\"status\":409,"
	    "\"code\":\"payment_not_authorized\",\"detail\":\"x\"}");
	approve(&g);
	payment_event(&g, "authorized", NULL);
	rx_event(&g, "rejected", "no_stock");
	expect_run(&g, "manual");
	expect_step(&g, "authorise", "manual");
	expect_step(&g, "hp_note", "");
	assert_int_equal(asked(&g, "POST", text(g.w, "/billing/payments/%s/capture", g.payment)), 0);
	assert_int_equal(told(&g, "admin_alert"), 1);
}

static void
the_database_refuses_an_illegal_move_of_a_run(void **state)
{
	struct given g = a_case(*state);

	approve(&g);
	sql_run(g.w, "CREATE OR REPLACE FUNCTION try_sql(s text) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN EXECUTE s; RETURN"
	    " 'done';"
	    " EXCEPTION WHEN OTHERS THEN RETURN 'refused'; END $f$");
	assert_string_equal(sql_text(g.w, "SELECT try_sql('UPDATE orchestration_runs SET status = ''denied'' WHERE id = ''%s''')",
	    g.run), "refused");
	assert_string_equal(sql_text(g.w, "SELECT try_sql('DELETE FROM sync_logs')"), "refused");
	assert_string_equal(sql_text(g.w, "SELECT try_sql('UPDATE run_history SET reason = NULL')"), "refused");
	payment_event(&g, "failed", NULL);
	assert_string_equal(run_reason(&g), "card_declined");
	assert_string_equal(sql_text(g.w, "SELECT try_sql('UPDATE orchestration_runs SET status = ''running'' WHERE id = ''%s''')",
	    g.run), "refused");
}

/* ---- many at once: each thread with its own connection, as in a pool; the row is the service's own with its access open */

struct race {
	struct service service;
	struct route row;
	const struct conf *conf;
	const char *body;
	pthread_barrier_t start;
};
struct racer {
	struct race *race;
	unsigned number;
	int status;
	char run[UUID_TEXT];
	pthread_t thread;
};

static void *
run_racer(void *p)
{
	struct racer *me = p;
	struct race *all = me->race;
	struct problem err = { 0 };
	struct arena *a = arena_new(0);
	struct keyring *keys = keyring_open(conf_str(all->conf, "KEYHOLDER_SOCKET"), "orchestrator", &err);
	struct db *db = db_open(conf_str(all->conf, "DATABASE_URL"), DB_API, "race", &err);
	struct serve_context c = { .service = &all->service, .conf = all->conf, .arena = a, .db = db };
	const struct header headers[] = { { "content-type", "application/json" },
		{ "idempotency-key", arena_printf(a, "a-key-of-racer-number-%u", me->number) } };
	struct wire_request wire = { .method = "POST", .target = "/orchestrator/approve", .headers = headers, .nheaders = 2,
		.body = BYTES_OF(all->body) };
	struct req r;

	db_keyring(db, keys);
	(void)pthread_barrier_wait(&all->start);
	dispatch(&c, &wire, &r);
	me->status = r.status;
	const char *run = json_text_at(json_read(a, r.out.data, r.out.len, &err), "runId");
	(void)snprintf(me->run, sizeof(me->run), "%s", run == NULL ? "" : run);
	db_close(db);
	keyring_free(keys);
	arena_free(a);
	return NULL;
}

static void
of_many_approvals_at_once_there_is_one_run_and_all_are_told_it(void **state)
{
	struct given g = a_case(*state);
	struct race all = { .service = orchestrator_service, .conf = world_conf(g.w), .body = decision(&g, "approve", "0.25 mg") };
	struct racer racers[RACERS];

	for (size_t i = 0; i < orchestrator_service.nroutes; i++)
		if (strcmp(orchestrator_service.routes[i].path, "/orchestrator/approve") == 0)
			all.row = orchestrator_service.routes[i];
	all.row.access = PUBLIC;
	all.service.routes = &all.row;
	all.service.nroutes = 1;
	assert_int_equal(pthread_barrier_init(&all.start, NULL, RACERS), 0);
	for (unsigned i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){ .race = &all, .number = i };
		assert_int_equal(pthread_create(&racers[i].thread, NULL, run_racer, &racers[i]), 0);
	}
	for (unsigned i = 0; i < RACERS; i++)
		(void)pthread_join(racers[i].thread, NULL);
	(void)pthread_barrier_destroy(&all.start);
	for (unsigned i = 0; i < RACERS; i++) {
		assert_int_equal(racers[i].status, 202);
		assert_string_equal(racers[i].run, racers[0].run);
	}
	g.run = text(g.w, "%s", racers[0].run);
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM orchestration_runs WHERE submission_id = '%s'", g.submission), 1);
	assert_int_equal(sql_int(g.w, "SELECT count(*) FROM saga WHERE subject = '%s'", g.run), 1);
	work(g.w);
	assert_int_equal(asked(&g, "POST", "/billing/payments"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_lost_at_any_step_is_asked_again_by_the_same_key),
		cmocka_unit_test(a_peer_that_is_down_for_a_while_only_delays),
		cmocka_unit_test(a_successor_takes_up_the_committed_intent),
		cmocka_unit_test(repeated_and_late_events_change_nothing),
		cmocka_unit_test(an_outcome_that_comes_before_the_answer_counts),
		cmocka_unit_test(a_lost_event_is_asked_after),
		cmocka_unit_test(a_payment_that_needs_a_person_parks_the_run),
		cmocka_unit_test(an_undo_is_repeated_until_it_is_taken),
		cmocka_unit_test(an_undo_that_is_refused_needs_a_person),
		cmocka_unit_test(of_many_approvals_at_once_there_is_one_run_and_all_are_told_it),
		cmocka_unit_test(the_database_refuses_an_illegal_move_of_a_run),
	};

	return cmocka_run_group_tests(tests, orchestrator_setup, orchestrator_teardown);
}
