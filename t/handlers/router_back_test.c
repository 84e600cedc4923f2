/*
 * router_back_test.c: a prescription is taken back, or let go (X-SAGA-02, rule M6).
 */
#include "router_world.h"

static void
take_back(struct world *w, const char *id, int status)
{
	post_key(w, BY_SERVICE("orchestrator"), text(w, "/rx/prescriptions/%s/cancel", id), text(w, "cancel-%s", new_id(w)), NULL);
	expect_status(w, status);
}

static int64_t
open_items(struct world *w, const char *kind, const char *id)
{
	return sql_int(w, "SELECT count(*) FROM attention WHERE kind = '%s' AND subject = '%s'", kind, id);
}

static void
X_SAGA_02_what_has_not_left_is_withdrawn_and_never_sent(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "boothwyn");
	take_back(w, id, 202);
	expect_text(w, "status", "cancelled");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", B2B), 0);
	assert_string_equal(status_of(w, id), "cancelled");
	assert_int_equal(open_items(w, "prescription.cancel", id), 0);
	assert_string_equal(json_text_at(event_last(w, "rx.submission.updated"), "status"), "cancelled");
	assert_int_equal(audit_count(w, "prescription.cancel", "success") > 0, 1);
}

static void
X_SAGA_02_what_the_pharmacy_has_is_asked_for_by_a_person_and_ended_by_its_word(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", B2B, 200, "{\"Results\":[{\"CaseId\":\"c\"}],\"TotalCount\":1,\"Success\":true}");
	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	id = submit(w, "boothwyn");
	work(w);
	for (int i = 0; i < 2; i++) {	/* asking twice is one question */
		take_back(w, id, 202);
		expect_text(w, "status", "cancel_pending");
	}
	assert_int_equal(sql_int(w, "SELECT times FROM attention WHERE kind = 'prescription.cancel' AND subject = '%s'", id), 1);
	assert_int_equal(sent_count(w, "POST", B2B), 1);
	hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"Cancelled\"}", id));
	work(w);
	assert_string_equal(status_of(w, id), "cancelled");
	assert_int_equal(open_items(w, "prescription.cancel", id), 0);
	assert_int_equal(open_items(w, "prescription.cancelled", id), 0);	/* we wanted it so */
}

/* Taken back between the send and the answer: whoever learns what became of it asks the pharmacy, if it has it. */
static void
X_SAGA_02_what_is_under_way_is_asked_for_when_its_end_is_known(void **state)
{
	static const struct {
		const char *word, *status;
		int64_t items;
	} ends[] = { { "Received", "cancel_pending", 1 }, { "Rejected", "rejected", 0 } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(ends); i++) {
		const char *id;

		stub_broken(w, "POST", B2B, HTTP_UNKNOWN);
		stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
		id = submit(w, "boothwyn");
		work(w);
		take_back(w, id, 202);
		expect_text(w, "status", "cancel_pending");
		assert_int_equal(open_items(w, "prescription.cancel", id), 0);
		hook(w, "hook-secret", text(w, "{\"caseId\":\"%s\",\"rxStatus\":\"%s\"}", id, ends[i].word));
		work(w);
		assert_string_equal(status_of(w, id), ends[i].status);
		assert_int_equal(open_items(w, "prescription.cancel", id), ends[i].items);
	}
}

static void
M7_what_was_shipped_is_not_taken_back(void **state)
{
	struct world *w = *state;
	const char *id = submit(w, "boothwyn");

	sql_run(w, "UPDATE router_submissions SET status = 'shipped', version = version + 1 WHERE id = '%s'", id);
	take_back(w, id, 409);
	expect_problem(w, 409, "already_shipped");
	post_key(w, BY_SERVICE("integration"), text(w, "/rx/prescriptions/%s/cancel", id), text(w, "cancel-%s", new_id(w)), NULL);
	expect_problem(w, 403, "forbidden");
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
}

static void
let_go(struct world *w, const char *id, int status)
{
	post_key(w, BY_SERVICE("orchestrator"), text(w, "/rx/prescriptions/%s/release", id), text(w, "release-%s", new_id(w)), NULL);
	expect_status(w, status);
}

static int
methods(struct world *w, const char *name)
{
	int n = 0;

	for (int i = 0; i < (int)sent_count(w, "POST", PRX); i++)
		n += strcmp(sent_text(sent_to(w, "POST", PRX, i), "MethodName"), name) == 0;
	return n;
}

static const char on_hold[] =
    "{\"results\":{\"rxTransaction\":[{\"rxTransactionID\":\"T1\",\"currentRxTransactionStatusText\":\"On Hold\"}]}}";

static void
M6_what_is_held_is_released_once_also_when_the_answer_is_lost(void **state)
{
	struct world *w = *state;
	const char *external = new_id(w), *body = prescription(w, external, "gmp"), *id;

	stub(w, "POST", "/api/pharmacy/callback", 200, "{\"duplicate\":false}");
	body = text(w, "%.*s,\"hold\":true}", (int)strlen(body) - 1, body);
	post_key(w, BY_SERVICE("orchestrator"), "/rx/prescriptions/submit", text(w, "key-%s", external), body);
	expect_problem(w, 422, "pharmacy_does_not_hold");
	sql_run(w, "UPDATE router_pharmacy_config SET holds = true WHERE code = 'gmp'");
	post_key(w, BY_SERVICE("orchestrator"), "/rx/prescriptions/submit", text(w, "key2-%s", external), body);
	expect_status(w, 202);
	id = answer_text(w, "routerSubmissionId");
	let_go(w, id, 409);	/* the pharmacy does not have it yet */
	expect_problem(w, 409, "not_on_hold");
	answers(w, (const char *[]){ a_patient, a_prescriber, ordered, NULL });
	work(w);
	assert_string_equal(status_of(w, id), "accepted");
	stub(w, "POST", PRX, 200, ordered);	/* released when it is sent again */
	stub_once(w, "POST", PRX, 200, on_hold);	/* the look-up: it still waits */
	stub_broken(w, "POST", PRX, HTTP_UNKNOWN);
	for (int i = 0; i < 2; i++)
		let_go(w, id, 202);
	sql_run(w, "DELETE FROM job WHERE kind = 'pioneerrx.follow'");
	for (int i = 0; i < 4; i++)
		work_all(w);
	sql_run(w, "UPDATE router_pharmacy_config SET holds = false WHERE code = 'gmp'");
	assert_string_equal(sql_text(w, "SELECT state FROM effect WHERE kind = 'pioneerrx.release' AND subject = '%s'", id), "confirmed");
	assert_int_equal(methods(w, "RxReleaseHold"), 2);	/* the lost one, and one after the look-up said that it waits */
	assert_int_equal(methods(w, "RxAddOnHold"), 1);
}

static void
M6_a_release_of_what_is_not_held_sends_nothing(void **state)
{
	struct world *w = *state;
	const char *id = submit(w, "boothwyn");

	let_go(w, id, 202);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM effect WHERE kind = 'pioneerrx.release' AND subject = '%s'", id), 0);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(X_SAGA_02_what_has_not_left_is_withdrawn_and_never_sent, router_fresh),
		cmocka_unit_test_setup(X_SAGA_02_what_the_pharmacy_has_is_asked_for_by_a_person_and_ended_by_its_word, router_fresh),
		cmocka_unit_test_setup(X_SAGA_02_what_is_under_way_is_asked_for_when_its_end_is_known, router_fresh),
		cmocka_unit_test_setup(M7_what_was_shipped_is_not_taken_back, router_fresh),
		cmocka_unit_test_setup(M6_what_is_held_is_released_once_also_when_the_answer_is_lost, router_fresh),
		cmocka_unit_test_setup(M6_a_release_of_what_is_not_held_sends_nothing, router_fresh),
	};

	return cmocka_run_group_tests(tests, router_setup, router_teardown);
}
