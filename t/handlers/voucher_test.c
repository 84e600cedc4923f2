/*
 * Vouchers (A-API-07 to 09, A-PIT-01, A-OBS-03): one for each eligible case, whatever is repeated how often and in which order, and one end.
 */
#include "harness/harness.h"
#include "voucher/voucher.h"

#define STRANGER "00000000-0000-4000-8000-00000000dead"

static int
setup(void **state)
{
	*state = world_new(&voucher_service, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

struct known {
	struct uuid id;
	const char *text, *patient;
};

static const char *
id_text(struct world *w, struct uuid id)
{
	char out[UUID_TEXT];

	return text(w, "%s", uuid_text(id, out));
}

static struct known
new_case(struct world *w)
{
	struct known c = { .id = uuid_new() };

	c.text = id_text(w, c.id);
	c.patient = id_text(w, uuid_new());
	return c;
}

static void
created(struct world *w, const struct known *c)
{
	send_event(w, "case", "case.created", c->id, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"state\":\"LA\",\"platform\":\"yourera\","
	    "\"intake_type\":\"glp1\"}", c->text, c->patient));
	expect_status(w, 200);
}

static void
decided(struct world *w, const struct known *c, bool eligible)
{
	send_event(w, "eligibility", "case.eligibility.decided", c->id, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"check_id\":\"%s\",\"eligible\":%s,"
	    "\"reasons\":[%s],\"rule_version\":\"1\"}", c->text, c->patient, c->patient, eligible ? "true" : "false", eligible ? "" : "\"under_age\""));
	expect_status(w, 200);
}

static void
prescribed(struct world *w, const struct known *c)
{
	send_event(w, "case", "case.prescribed", c->id, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"prescription_id\":\"%s\"}", c->text, c->patient,
	    c->patient));
	expect_status(w, 200);
}

static const char *
body_of(struct world *w, const struct known *c)
{
	return text(w, "{\"case_id\":\"%s\"}", c->text);
}

static const char *
voucher_of(struct world *w, const struct known *c)
{
	return sql_text(w, "SELECT id FROM vouchers WHERE case_id = '%s'", c->text);
}

static void
a_api_07_a_voucher_is_for_an_eligible_case_only(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w), refused = new_case(w), unheard = new_case(w);

	created(w, &c);
	post_key(w, BY_ADMIN, "/vouchers", "voucher-test-key-0001", body_of(w, &c));
	expect_problem(w, 409, "eligibility_pending");
	assert_string_equal(answer_header(w, "Retry-After"), "1");
	decided(w, &c, true);
	post_key(w, BY_ADMIN, "/vouchers", "voucher-test-key-0001", body_of(w, &c));
	expect_status(w, 200);
	expect_text(w, "voucher_id", voucher_of(w, &c));
	expect_text(w, "status", "issued");
	created(w, &refused);
	decided(w, &refused, false);
	post_key(w, BY_ADMIN, "/vouchers", "voucher-test-key-0002", body_of(w, &refused));
	expect_problem(w, 409, "not_eligible");
	assert_string_equal(voucher_of(w, &refused), "");
	post_key(w, BY_ADMIN, "/vouchers", "voucher-test-key-0003", body_of(w, &unheard));
	expect_problem(w, 409, "eligibility_pending");
	post_key(w, BY_ADMIN, "/vouchers", "voucher-test-key-0004", "{\"case_id\":\"" STRANGER "\"}");
	expect_problem(w, 404, "not_found");
	post(w, BY_PUBLIC, "/vouchers", body_of(w, &c));
	expect_status(w, 401);
}

static void
a_pit_01_twenty_repeats_of_the_decision_and_of_the_call_are_one_voucher(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);
	unsigned issued = event_count(w, "case.voucher.issued");

	decided(w, &c, true);
	for (int i = 0; i < 20; i++)
		send_event_again(w);
	for (int i = 0; i < 20; i++) {	/* not the same message, but the same news */
		decided(w, &c, true);
		created(w, &c);
		post_key(w, BY_ADMIN, "/vouchers", text(w, "voucher-repeat-%06d", i), body_of(w, &c));
		expect_status(w, 200);
		expect_text(w, "voucher_id", voucher_of(w, &c));
		post_key(w, BY_ADMIN, "/vouchers", "voucher-same-key-0001", body_of(w, &c));
		expect_text(w, "voucher_id", voucher_of(w, &c));
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM vouchers WHERE case_id = '%s'", c.text), 1);
	assert_int_equal(event_count(w, "case.voucher.issued"), issued + 1);
	get(w, BY_PUBLIC, "/metrics");
	assert_non_null(strstr((const char *)answer_bytes(w).p, "vouchers_issued_total"));
}

static void
a_api_08_and_09_a_voucher_is_shown_and_taken_back_once(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);
	unsigned ended = event_count(w, "case.voucher.ended");
	const char *path, *first;

	decided(w, &c, true);
	path = text(w, "/vouchers/%s", voucher_of(w, &c));
	get(w, BY_ADMIN, path);
	expect_text(w, "status", "issued");
	expect_text(w, "history.0.status", "issued");
	post(w, BY_ADMIN, text(w, "%s/invalidate", path), NULL);
	expect_status(w, 200);
	expect_text(w, "status", "invalidated");
	first = text(w, "%.*s", (int)answer_bytes(w).n, (const char *)answer_bytes(w).p);
	post(w, BY_ADMIN, text(w, "%s/invalidate", path), "{\"reason\":\"again\"}");
	expect_status(w, 200);
	assert_memory_equal(answer_bytes(w).p, first, strlen(first));
	assert_int_equal(event_count(w, "case.voucher.ended"), ended + 1);
	get(w, BY_ADMIN, path);
	expect_text(w, "history.1.reason", "by_staff");
	expect_absent(w, "history.2");
	get(w, BY_ADMIN, "/vouchers/" STRANGER);
	expect_problem(w, 404, "not_found");
	post(w, BY_ADMIN, "/vouchers/" STRANGER "/invalidate", NULL);
	expect_problem(w, 404, "not_found");
}

static void
a_api_09_a_spent_voucher_is_not_taken_back(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);

	decided(w, &c, true);
	prescribed(w, &c);
	post(w, BY_ADMIN, text(w, "/vouchers/%s/invalidate", voucher_of(w, &c)), NULL);
	expect_problem(w, 409, "redeemed");
	decided(w, &c, false);
	assert_string_equal(sql_text(w, "SELECT status FROM vouchers WHERE case_id = '%s'", c.text), "redeemed");
	assert_string_equal(json_text_at(event_last(w, "case.voucher.ended"), "status"), "redeemed");
}

static void
a_pit_03_the_prescription_s_news_may_be_first(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);

	prescribed(w, &c);
	decided(w, &c, true);
	assert_string_equal(sql_text(w, "SELECT status FROM vouchers WHERE case_id = '%s'", c.text), "redeemed");
}

static void
a_changed_decision_takes_an_unspent_voucher_back(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);

	decided(w, &c, true);
	decided(w, &c, false);
	assert_string_equal(sql_text(w, "SELECT status || ' ' || reason FROM vouchers WHERE case_id = '%s'", c.text), "invalidated not_eligible");
}

static void
a_voucher_expires_by_time(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);

	decided(w, &c, true);
	job_later(w, "voucher.expire", NULL);
	work(w);
	assert_string_equal(sql_text(w, "SELECT status FROM vouchers WHERE case_id = '%s'", c.text), "issued");
	sql_run(w, "UPDATE vouchers SET expires_at = now() - interval '1 s' WHERE case_id = '%s'", c.text);
	job_later(w, "voucher.expire", NULL);
	work(w);
	assert_string_equal(sql_text(w, "SELECT status FROM vouchers WHERE case_id = '%s'", c.text), "expired");
	post(w, BY_ADMIN, text(w, "/vouchers/%s/invalidate", voucher_of(w, &c)), NULL);
	expect_problem(w, 409, "expired");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_api_07_a_voucher_is_for_an_eligible_case_only),
		cmocka_unit_test(a_pit_01_twenty_repeats_of_the_decision_and_of_the_call_are_one_voucher),
		cmocka_unit_test(a_api_08_and_09_a_voucher_is_shown_and_taken_back_once),
		cmocka_unit_test(a_api_09_a_spent_voucher_is_not_taken_back),
		cmocka_unit_test(a_pit_03_the_prescription_s_news_may_be_first),
		cmocka_unit_test(a_changed_decision_takes_an_unspent_voucher_back),
		cmocka_unit_test(a_voucher_expires_by_time),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
