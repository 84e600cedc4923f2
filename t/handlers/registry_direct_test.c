/*
 * Direct mode (C18, A-API-10, A-API-11, A-PIT-02): the system gives a case to a licensed provider, once; a case that nobody may have waits and goes on by
 * itself.
 */
#include "harness/harness.h"
#include "registry/registry.h"

#define AVERY "00000000-0000-7000-8000-0000000000a1"
#define BLAKE "00000000-0000-7000-8000-0000000000a2"
#define EXPIRED "00000000-0000-7000-8000-0000000000b2"
#define STRANGER "00000000-0000-4000-8000-00000000dead"

static int
setup(void **state)
{
	*state = world_new(&registry_service, NULL);
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

static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	return 0;
}

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
	stub(w, "POST", text(w, "/cases/%s/provider", c.text), 200,
	    text(w, "{\"case_id\":\"%s\",\"provider_id\":\"" AVERY "\",\"status\":\"provider_assigned\"}", c.text));
	return c;
}

static void
created(struct world *w, const struct known *c, const char *state)
{
	send_event(w, "case", "case.created", c->id, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"state\":\"%s\",\"platform\":\"yourera\","
	    "\"intake_type\":\"glp1\"}", c->text, c->patient, state));
	expect_status(w, 200);
}

static void
issued(struct world *w, const struct known *c)
{
	send_event(w, "voucher", "case.voucher.issued", c->id, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"voucher_id\":\"%s\"}", c->text, c->patient,
	    c->patient));
	expect_status(w, 200);
}

static void
ended(struct world *w, const struct known *c, const char *status)
{
	send_event(w, "voucher", "case.voucher.ended", c->id, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"voucher_id\":\"%s\",\"status\":\"%s\"}", c->text,
	    c->patient, c->patient, status));
	expect_status(w, 200);
}

static void
assign(struct world *w, const struct known *c)
{
	post(w, BY_ADMIN, "/cases/assign-provider", text(w, "{\"case_id\":\"%s\"}", c->text));
}

static const char *
status_of(struct world *w, const struct known *c)
{
	return sql_text(w, "SELECT status FROM prescription_assignments WHERE submission_id = '%s'", c->text);
}

static void
a_api_10_a_licensed_provider_gets_the_case_and_case_is_told_once(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);
	const char *who, *path = text(w, "/cases/%s/provider", c.text);

	created(w, &c, "LA");
	assign(w, &c);
	expect_problem(w, 409, "voucher_pending");
	assert_string_equal(answer_header(w, "Retry-After"), "1");
	issued(w, &c);
	send_event_again(w);
	assert_string_equal(status_of(w, &c), "claimed");
	assign(w, &c);
	expect_status(w, 200);
	expect_text(w, "status", "assigned");
	expect_text(w, "mode", "direct");
	who = answer_text(w, "provider_id");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM physician_licenses WHERE physician_id = '%s' AND state = 'LA' AND expires_on >= current_date", who), 1);
	for (int i = 0; i < 20; i++) {
		assign(w, &c);
		expect_text(w, "provider_id", who);
	}
	work(w);
	assert_int_equal(sent_count(w, "POST", path), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", path, 0), "provider_id"), who);
	get(w, BY_SERVICE("portal"), text(w, "/route/queue?physicianId=%s", who));
	assert_non_null(strstr((const char *)answer_bytes(w).p, c.text));
	post(w, BY_ADMIN, "/cases/assign-provider", "{\"case_id\":\"" STRANGER "\"}");
	expect_problem(w, 404, "not_found");
	post(w, BY_ROLE("provider"), "/cases/assign-provider", text(w, "{\"case_id\":\"%s\"}", c.text));
	expect_status(w, 403);
}

static void
whoever_has_the_fewest_gets_the_next_one(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 6; i++) {
		struct known c = new_case(w);

		created(w, &c, "OH");
		issued(w, &c);
	}
	assert_true(sql_int(w, "SELECT max(n) - min(n) FROM (SELECT count(a.id) AS n FROM physicians p JOIN physician_licenses l ON l.physician_id = p.id AND l.state = 'OH'"
	    " AND l.expires_on >= current_date LEFT JOIN prescription_assignments a ON a.claimed_by = p.id WHERE p.platform <> 'guideglp' GROUP BY p.id) x") <= 1);
}

static void
a_provider_who_is_named_is_licensed_or_refused(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w);

	sql_run(w, "UPDATE physicians SET active = false");
	created(w, &c, "FL");
	issued(w, &c);
	sql_run(w, "UPDATE physicians SET active = true");
	post(w, BY_ADMIN, "/cases/assign-provider", text(w, "{\"case_id\":\"%s\",\"provider_id\":\"" EXPIRED "\"}", c.text));
	expect_problem(w, 409, "provider_not_licensed");
	assert_string_equal(status_of(w, &c), "open");
	post(w, BY_ADMIN, "/cases/assign-provider", text(w, "{\"case_id\":\"%s\",\"provider_id\":\"" BLAKE "\"}", c.text));
	expect_text(w, "provider_id", BLAKE);
	post(w, BY_ADMIN, "/cases/assign-provider", text(w, "{\"case_id\":\"%s\",\"provider_id\":\"" AVERY "\"}", c.text));
	expect_problem(w, 409, "already_assigned");
}

static void
a_pit_02_nobody_licensed_waits_and_goes_on_when_somebody_is(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w), second = new_case(w);

	created(w, &c, "WY");
	sql_run(w, "DELETE FROM physician_licenses WHERE state = 'WY'");
	issued(w, &c);
	assign(w, &c);
	expect_problem(w, 409, "no_provider");
	assert_string_equal(status_of(w, &c), "open");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'case.no_provider' AND subject = '%s'", c.text), 1);
	put(w, BY_ADMIN, "/physicians/" BLAKE "/licenses/WY", "{\"licenseNumber\":\"WY-1\",\"licenseType\":\"MD\",\"expiresOn\":\"2099-01-01\"}");
	expect_status(w, 200);
	work(w);
	assert_string_equal(status_of(w, &c), "claimed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'case.no_provider'"), 0);
	assert_int_equal(sent_count(w, "POST", text(w, "/cases/%s/provider", c.text)), 1);
	/* the timer is the fallback for what no act of ours announces */
	sql_run(w, "UPDATE physicians SET active = false WHERE id = '" BLAKE "'");
	created(w, &second, "WY");
	issued(w, &second);
	assert_string_equal(status_of(w, &second), "open");
	sql_run(w, "UPDATE physicians SET active = true WHERE id = '" BLAKE "'");
	job_later(w, "direct.assign", NULL);
	work(w);
	assert_string_equal(status_of(w, &second), "claimed");
}

static void
a_pit_03_the_voucher_s_news_may_be_first(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w), gone = new_case(w);

	issued(w, &c);
	assign(w, &c);
	expect_problem(w, 409, "voucher_pending");
	created(w, &c, "LA");
	assert_string_equal(status_of(w, &c), "claimed");
	ended(w, &gone, "invalidated");
	issued(w, &gone);
	created(w, &gone, "LA");
	assert_string_equal(status_of(w, &gone), "");
	assign(w, &gone);
	expect_problem(w, 409, "case_ended");
}

static void
the_prescription_completes_it_and_credits_one_visit(void **state)
{
	struct world *w = *state;
	struct known c = new_case(w), d = new_case(w);

	created(w, &c, "LA");
	issued(w, &c);
	ended(w, &c, "redeemed");
	for (int i = 0; i < 2; i++)
		send_event(w, "case", "case.prescribed", c.id, text(w, "{\"case_id\":\"%s\",\"patient_id\":\"%s\",\"prescription_id\":\"%s\"}", c.text, c.patient,
		    c.patient));
	assert_string_equal(status_of(w, &c), "completed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM visit_credits v JOIN prescription_assignments a ON a.id = v.assignment_id WHERE a.submission_id = '%s'",
	    c.text), 1);
	created(w, &d, "LA");
	issued(w, &d);
	ended(w, &d, "expired");
	assert_string_equal(status_of(w, &d), "cancelled");
	work(w);
	assert_int_equal(sent_count(w, "POST", text(w, "/cases/%s/provider", d.text)), 0);
}

static void
a_api_11_anybody_may_see_a_provider_s_profile(void **state)
{
	struct world *w = *state;

	get(w, BY_PUBLIC, "/providers/" EXPIRED);
	expect_status(w, 200);
	expect_text(w, "credentials", "DO");
	expect_text(w, "licenses.0.state", "AK");
	assert_true(json_is_false(json_at(answer(w), "licenses.0.valid")));
	expect_absent(w, "email");
	get(w, BY_PUBLIC, "/providers/" STRANGER);
	expect_problem(w, 404, "not_found");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_api_10_a_licensed_provider_gets_the_case_and_case_is_told_once, fresh),
		cmocka_unit_test_setup(whoever_has_the_fewest_gets_the_next_one, fresh),
		cmocka_unit_test_setup(a_provider_who_is_named_is_licensed_or_refused, fresh),
		cmocka_unit_test_setup(a_pit_02_nobody_licensed_waits_and_goes_on_when_somebody_is, fresh),
		cmocka_unit_test_setup(a_pit_03_the_voucher_s_news_may_be_first, fresh),
		cmocka_unit_test_setup(the_prescription_completes_it_and_credits_one_visit, fresh),
		cmocka_unit_test_setup(a_api_11_anybody_may_see_a_provider_s_profile, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
