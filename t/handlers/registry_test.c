/*
 * Registry's rules: a case is opened to all who are eligible and to nobody else, the first claim wins, a decision credits one
 * visit, routing asks the lowest number that is licensed.
 */
#include "harness/harness.h"
#include "registry/registry.h"
#include "registry_race.h"

#define AVERY "00000000-0000-7000-8000-0000000000a1"
#define BLAKE "00000000-0000-7000-8000-0000000000a2"
#define CASEY "00000000-0000-7000-8000-0000000000a3"
#define DEVON "00000000-0000-7000-8000-0000000000a4"
#define OTHER_PLATFORM "00000000-0000-7000-8000-0000000000b1"
#define EXPIRED "00000000-0000-7000-8000-0000000000b2"

#define PORTAL BY_SERVICE("portal")
#define ORCHESTRATOR BY_SERVICE("orchestrator")

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

static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	stub(w, "POST", "/notify/send", 202, "{\"notificationId\":\"00000000-0000-7000-8000-00000000ffff\",\"channels\":[]}");
	return 0;
}

/* ---- a case */

struct opened {
	struct uuid submission;
	const char *submission_text;
	const char *patient;
	const char *assignment;
};

static const char *
id_text(struct world *w, struct uuid id)
{
	char out[UUID_TEXT];

	return text(w, "%s", uuid_text(id, out));
}

static struct opened
open_case(struct world *w, const char *state)
{
	struct opened c = { .submission = uuid_new() };

	c.submission_text = id_text(w, c.submission);
	c.patient = id_text(w, uuid_new());
	send_event(w, "intake", "intake.submitted", c.submission, text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"state\":\"%s\","
	    "\"platform\":\"yourera\",\"intakeType\":\"glp1\"}", c.submission_text, c.patient, state));
	expect_status(w, 200);
	c.assignment = sql_text(w, "SELECT id FROM prescription_assignments WHERE submission_id = '%s'", c.submission_text);
	return c;
}

static const char *
claim_body(struct world *w, const struct opened *c, const char *physician)
{
	return text(w, "{\"assignmentId\":\"%s\",\"physicianId\":\"%s\"}", c->assignment, physician);
}

static void
claim_by(struct world *w, const struct opened *c, const char *physician)
{
	post(w, PORTAL, "/route/claim", claim_body(w, c, physician));
}

static void
decide(struct world *w, const struct opened *c, const char *physician, const char *outcome)
{
	send_event(w, "orchestrator", "prescription.decided", c->submission,
	    text(w, "{\"submissionId\":\"%s\",\"patientId\":\"%s\","
	    "\"assignmentId\":\"%s\",\"physicianId\":\"%s\",\"outcome\":\"%s\",\"runId\":\"%s\",\"taskId\":\"t-1\"}",
	    c->submission_text, c->patient, c->assignment, physician, outcome, id_text(w, uuid_new())));
	expect_status(w, 200);
}

static const char *
status_of(struct world *w, const struct opened *c)
{
	return sql_text(w, "SELECT status FROM prescription_assignments WHERE id = '%s'", c->assignment);
}

static bool
is_queued(struct world *w, const struct opened *c, const char *physician)
{
	const json_t *item;
	size_t i;

	get(w, PORTAL, text(w, "/route/queue?physicianId=%s", physician));
	expect_status(w, 200);
	json_array_foreach(json_object_get(answer(w), "assignments"), i, item)
		if (strcmp(json_text_at(item, "assignmentId"), c->assignment) == 0)
			return true;
	return false;
}

/* ---- Y-CLAIM-01 to 03, Y-PLAT-05 */

static void
a_case_is_opened_to_every_eligible_physician_and_nobody_else(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "LA");

	assert_int_equal(sql_int(w, "SELECT count(*) FROM assignment_physicians WHERE assignment_id = '%s'", c.assignment), 3);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM assignment_physicians WHERE assignment_id = '%s'"
	    " AND physician_id IN ('" DEVON "', '" OTHER_PLATFORM "', '" EXPIRED "')", c.assignment), 0);
	assert_string_equal(status_of(w, &c), "open");
	assert_true(is_queued(w, &c, AVERY) && is_queued(w, &c, BLAKE) && is_queued(w, &c, CASEY));
	assert_false(is_queued(w, &c, DEVON) || is_queued(w, &c, OTHER_PLATFORM) || is_queued(w, &c, EXPIRED));
	assert_int_equal(json_int_at(event_last(w, "assignment.opened"), "physicians", -1), 3);
}

static void
a_repeated_event_opens_nothing_twice(void **state)
{
	struct world *w = *state;
	unsigned opened = event_count(w, "assignment.opened") + 1;
	struct opened c = open_case(w, "FL");

	send_event_again(w);
	send_event(w, "intake", "intake.submitted", c.submission, text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"state\":\"FL\","
	    "\"platform\":\"yourera\",\"intakeType\":\"glp1\"}", c.submission_text, c.patient));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM prescription_assignments WHERE submission_id = '%s'", c.submission_text),
	    1);
	assert_int_equal(event_count(w, "assignment.opened"), opened);
}

static void
each_eligible_physician_is_alerted_once(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "OH");

	stub_once(w, "POST", "/notify/send", 503, "{\"type\":\"/problems/busy\",\"status\":503,\"code\":\"busy\"}");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "/notify/send"), 4);	/* three messages, one of them sent again under its key */
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", -1), "type"), "physician_new_task");
	assert_int_equal(sql_int(w,
	    "SELECT count(*) FROM assignment_physicians WHERE assignment_id = '%s' AND alerted_at IS NOT NULL",
	    c.assignment), 3);
}

static void
a_case_that_is_open_to_nobody_alerts_staff(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "TX");

	assert_string_equal(status_of(w, &c), "open");
	work_all(w);
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", -1), "type"), "admin_alert");
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", -1), "variables.kind"), "no_eligible_physician");
}

/* ---- Y-CLAIM-04 to 07 */

static void
the_first_claim_wins_and_the_others_get_a_conflict(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "LA");

	claim_by(w, &c, BLAKE);
	expect_status(w, 200);
	expect_text(w, "status", "claimed");
	expect_text(w, "claimedBy", BLAKE);
	expect_text(w, "submissionId", c.submission_text);
	claim_by(w, &c, CASEY);
	expect_problem(w, 409, "claim_conflict");
	assert_string_equal(sql_text(w,
	    "SELECT claimed_by FROM prescription_assignments WHERE id = '%s' AND claimed_at IS NOT NULL",
	    c.assignment), BLAKE);
	assert_true(is_queued(w, &c, BLAKE));
	assert_false(is_queued(w, &c, AVERY) || is_queued(w, &c, CASEY));
	assert_string_equal(json_text_at(event_last(w, "assignment.claimed"), "physicianId"), BLAKE);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM assignment_history WHERE assignment_id = '%s'", c.assignment), 2);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'assignment.claim' AND outcome = 'success'"
	    " AND object_id = '%s' AND on_behalf = 'physician:" BLAKE "'", c.assignment), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'assignment.claim' AND reason = 'claim_conflict'"
	    " AND object_id = '%s' AND on_behalf = 'physician:" CASEY "'", c.assignment), 1);
}

static void
the_winner_asking_again_gets_the_same_bytes(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "LA");
	unsigned claimed;
	const char *first;

	claim_by(w, &c, AVERY);
	expect_status(w, 200);
	first = text(w, "%.*s", (int)answer_bytes(w).n, (const char *)answer_bytes(w).p);
	claimed = event_count(w, "assignment.claimed");
	claim_by(w, &c, AVERY);
	expect_status(w, 200);
	assert_int_equal(answer_bytes(w).n, strlen(first));
	assert_memory_equal(answer_bytes(w).p, first, strlen(first));
	assert_int_equal(event_count(w, "assignment.claimed"), claimed);
}

static void
who_is_not_eligible_is_refused_and_the_case_stays_open(void **state)
{
	static const char *const strangers[] = { DEVON, OTHER_PLATFORM, EXPIRED, "00000000-0000-7000-8000-00000000dead" };
	struct world *w = *state;
	struct opened c = open_case(w, "LA");

	for (size_t i = 0; i < COUNT(strangers); i++) {
		claim_by(w, &c, strangers[i]);
		expect_problem(w, 403, "not_eligible");
		assert_string_equal(status_of(w, &c), "open");
	}
	claim_by(w, &c, CASEY);
	expect_status(w, 200);
}

static void
a_licence_that_ran_out_since_is_refused_and_the_case_stays_open(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "GA");

	sql_run(w, "UPDATE physician_licenses SET expires_on = current_date - 1 WHERE physician_id = '" BLAKE "' AND state = 'GA'");
	claim_by(w, &c, BLAKE);
	expect_problem(w, 409, "licence_expired");
	assert_string_equal(status_of(w, &c), "open");
	sql_run(w, "UPDATE physician_licenses SET expires_on = current_date WHERE physician_id = '" BLAKE "' AND state = 'GA'");
	claim_by(w, &c, BLAKE);
	expect_status(w, 200);
}

static void
an_unknown_assignment_is_not_found(void **state)
{
	struct world *w = *state;

	post(w, PORTAL, "/route/claim",
	    "{\"assignmentId\":\"00000000-0000-7000-8000-00000000dead\",\"physicianId\":\"" AVERY "\"}");
	expect_problem(w, 404, "not_found");
	post(w, PORTAL, "/route/claim", "{\"assignmentId\":\"nonsense\",\"physicianId\":\"" AVERY "\"}");
	expect_problem(w, 422, "validation_failed");
	post(w, BY_SERVICE("billing"), "/route/claim", "{\"assignmentId\":\"" AVERY "\",\"physicianId\":\"" AVERY "\"}");
	expect_problem(w, 403, "forbidden");
}

static void
of_fifty_claims_at_once_exactly_one_wins(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "LA");
	const char *bodies[RACERS], *winner;
	int status[RACERS], won = 0, lost = 0;

	sql_run(w, "INSERT INTO physicians (id, npi, first_name, last_name, credentials, email, platform)"
	    " SELECT gen_random_uuid(), n, 'R', 'R', 'MD', 'r@physicians.example', 'yourera'"
	    " FROM (SELECT (2100000000 + i)::text AS n FROM generate_series(1, 2000) i) x WHERE npi_valid(n) LIMIT 47");
	sql_run(w, "INSERT INTO physician_licenses (physician_id, state, license_number, license_type, expires_on)"
	    " SELECT id, 'LA', 'R', 'MD', current_date + 1 FROM physicians WHERE first_name = 'R'");
	sql_run(w, "INSERT INTO assignment_physicians (assignment_id, physician_id)"
	    " SELECT '%s', id FROM physicians WHERE first_name = 'R'", c.assignment);
	for (size_t i = 0; i < RACERS; i++)
		bodies[i] = claim_body(w, &c,
		    sql_text(w, "SELECT physician_id FROM assignment_physicians WHERE assignment_id = '%s'"
		    " ORDER BY physician_id OFFSET %zu LIMIT 1", c.assignment, i));
	claim_race(w, bodies, status);
	sql_run(w, "UPDATE physicians SET active = false WHERE first_name = 'R'");
	winner = sql_text(w, "SELECT claimed_by FROM prescription_assignments WHERE id = '%s'", c.assignment);
	for (size_t i = 0; i < RACERS; i++) {
		won += status[i] == 200;
		lost += status[i] == 409;
		if (status[i] == 200)
			assert_non_null(strstr(bodies[i], winner));
	}
	assert_int_equal(won, 1);
	assert_int_equal(lost, RACERS - 1);
}

static void
only_legal_moves_are_possible(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "LA");
	struct problem err = { 0 };
	struct scope scope = { .actor = "test" };
	static const char back_sql[] = "UPDATE prescription_assignments SET status = 'completed' WHERE id = $1::uuid";

	assert_int_equal(uuid_parse(conf_str(world_conf(w), "TENANT_ID"), &scope.tenant), 0);
	assert_int_equal(db_begin(world_db(w), WRITE, &scope, &err), 0);
	assert_int_equal(db_exec(world_db(w), back_sql, &err, P_TEXT(c.assignment)), -1);
	db_rollback(world_db(w));
	assert_string_equal(status_of(w, &c), "open");
}

/* ---- Y-CLAIM-06 */

static void
a_decision_completes_and_credits_one_visit(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "LA");

	claim_by(w, &c, CASEY);
	decide(w, &c, CASEY, "denied");
	send_event_again(w);
	decide(w, &c, CASEY, "denied");
	assert_string_equal(status_of(w, &c), "completed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM visit_credits WHERE assignment_id = '%s'", c.assignment), 1);
	assert_string_equal(sql_text(w,
	    "SELECT physician_id || ' ' || outcome || ' ' || amount_cents FROM visit_credits WHERE assignment_id = '%s'",
	    c.assignment), CASEY " denied 3500");
	assert_string_equal(json_text_at(event_last(w, "assignment.completed"), "outcome"), "denied");
	assert_false(is_queued(w, &c, CASEY));
	get(w, BY_ADMIN, "/route/credits?physicianId=" CASEY);
	expect_status(w, 200);
	expect_int(w, "credits.0.amountCents", 3500);
}

static void
a_decision_by_another_than_the_claimant_changes_nothing(void **state)
{
	struct world *w = *state;
	struct opened c = open_case(w, "LA");

	decide(w, &c, CASEY, "approved");
	assert_string_equal(status_of(w, &c), "open");
	claim_by(w, &c, AVERY);
	decide(w, &c, CASEY, "approved");
	assert_string_equal(status_of(w, &c), "claimed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM visit_credits WHERE assignment_id = '%s'", c.assignment), 0);
}

static void
the_review_task_is_known_whichever_news_came_first(void **state)
{
	struct world *w = *state;
	struct uuid submission = uuid_new();
	const char *id = id_text(w, submission);
	struct opened c = open_case(w, "LA");

	send_event(w, "integration", "ehr.task.created", submission, text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"taskId\":\"early\"}",
	    id, c.patient));
	send_event(w, "intake", "intake.submitted", submission, text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"state\":\"LA\","
	    "\"platform\":\"yourera\",\"intakeType\":\"glp1\"}", id, c.patient));
	get(w, ORCHESTRATOR, text(w, "/route/assignments?submissionId=%s", id));
	expect_status(w, 200);
	expect_text(w, "taskId", "early");
	get(w, ORCHESTRATOR, text(w, "/route/assignments/%s", c.assignment));
	expect_status(w, 200);
	expect_absent(w, "taskId");
	assert_int_equal(json_array_size(json_object_get(answer(w), "physicians")), 3);
	get(w, ORCHESTRATOR, "/route/assignments?submissionId=00000000-0000-7000-8000-00000000dead");
	expect_problem(w, 404, "not_found");
}

/* ---- Y-REG-01, Y-DB-12 */

static void
an_npi_has_a_good_check_digit_and_is_on_file_once(void **state)
{
	static const struct { const char *npi; int status; const char *code; } cases[] = {
		{ "2000000077", 201, NULL }, { "2000000077", 409, "duplicate_npi" }, { "2000000078", 422, "validation_failed" },
		{ "3000000075", 422, "validation_failed" }, { "20000000770", 422, "validation_failed" },
		    { "200000007x", 422, "validation_failed" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		post(w, BY_ADMIN, "/physicians",
		    text(w, "{\"npi\":\"%s\",\"firstName\":\"Gale\",\"lastName\":\"Sample\",\"credentials\":\"MD\","
		    "\"email\":\"gale@physicians.example\",\"platform\":\"both\"}", cases[i].npi));
		if (cases[i].code == NULL)
			expect_status(w, cases[i].status);
		else
			expect_problem(w, cases[i].status, cases[i].code);
	}
	assert_int_equal(sql_int(w, "SELECT npi_valid('1234567893')::int + npi_valid('1234567890')::int * 10"), 1);
}

static void
a_physician_is_added_licensed_listed_changed_and_deactivated(void **state)
{
	struct world *w = *state;
	const char *id;
	struct opened c;

	post(w, BY_ADMIN, "/physicians",
	    "{\"npi\":\"2000000085\",\"firstName\":\"Hollis\",\"lastName\":\"Sample\",\"credentials\":\"DO\","
	    "\"email\":\"hollis@physicians.example\",\"platform\":\"yourera\"}");
	expect_status(w, 201);
	id = answer_text(w, "physicianId");
	put(w, BY_ADMIN, text(w, "/physicians/%s/licenses/WY", id),
	    "{\"licenseNumber\":\"WY-1\",\"licenseType\":\"DO\",\"expiresOn\":\"2099-12-31\"}");
	expect_status(w, 200);
	put(w, BY_ADMIN, text(w, "/physicians/%s/routing/yourera/WY", id), "{\"priority\":5}");
	expect_status(w, 200);
	get(w, BY_ADMIN, "/physicians?state=WY&active=true");
	expect_status(w, 200);
	get(w, ORCHESTRATOR, text(w, "/physicians/%s", id));
	expect_text(w, "licenses.0.expiresOn", "2099-12-31");
	expect_int(w, "routing.0.priority", 5);
	expect_text(w, "name", "Hollis Sample, DO");
	request(w, BY_ADMIN, "DELETE", text(w, "/physicians/%s/routing/yourera/WY", id), NULL, NULL, NULL);
	expect_status(w, 204);
	patch(w, BY_ADMIN, text(w, "/physicians/%s", id), "{\"active\":false}");
	expect_status(w, 200);
	c = open_case(w, "WY");
	assert_false(is_queued(w, &c, id));
	request(w, BY_ADMIN, "DELETE", text(w, "/physicians/%s/licenses/WY", id), NULL, NULL, NULL);
	expect_status(w, 204);
	get(w, BY_ADMIN, text(w, "/physicians/%s", id));
	assert_int_equal(json_array_size(json_object_get(answer(w), "licenses")) + json_array_size(json_object_get(answer(w),
	    "routing")), 0);
	assert_int_equal(sql_int(w,
	    "SELECT count(*) FROM audit WHERE action IN ('physician.create', 'license.put', 'routing.put', 'physician.change')"
	    " AND object_id = '%s' AND outcome = 'success'", id), 4);
	get(w, BY_PUBLIC, "/physicians");
	expect_problem(w, 401, "unauthorized");
}

/* ---- Y-REG-U1, Y-REG-U2, I-RTE-04 to 06 */

static void
routing_asks_the_lowest_number_that_is_licensed(void **state)
{
	static const char own[] = " AL AZ CO CT FL GA IL IN LA MD MI NJ NV NY OH PA TN WA ", excluded[] = " MN CA TX AR NC OK ";
	static const char states[][3] = {
		"AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA",
		"ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR",
		    "PA", "RI", "SC",
		"SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY",
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(states); i++) {
		const char *padded = text(w, " %s ", states[i]);

		get(w, ORCHESTRATOR, text(w, "/route?platform=yourera&state=%s", states[i]));
		if (strstr(excluded, padded) != NULL) {
			expect_problem(w, 404, "no_prescriber");
			continue;
		}
		expect_status(w, 200);
		expect_text(w, "physicianId", strstr(own, padded) != NULL ? AVERY : BLAKE);
		expect_int(w, "priority", strstr(own, padded) != NULL ? 10 : 100);
	}
	assert_int_equal(COUNT(states), 51);
}

static void
an_expired_licence_is_skipped_by_routing(void **state)
{
	struct world *w = *state;

	sql_run(w, "UPDATE physician_licenses SET expires_on = current_date - 1 WHERE physician_id = '" AVERY "' AND state = 'NV'");
	get(w, ORCHESTRATOR, "/route?platform=yourera&state=NV");
	expect_text(w, "physicianId", BLAKE);
	expect_text(w, "licenseNumber", "NV-SAMPLE-A2");
	get(w, ORCHESTRATOR, "/route?platform=guideglp&state=NV");
	expect_problem(w, 404, "no_prescriber");
}

static void
a_licence_is_good_through_its_last_day(void **state)
{
	static const struct { int days; bool licensed; } cases[] = { { 1, true }, { 0, true }, { -1, false } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		sql_run(w,
		    "UPDATE physician_licenses SET expires_on = current_date + %d WHERE physician_id = '" CASEY "'"
		    " AND state = 'PA'",
		    cases[i].days);
		get(w, ORCHESTRATOR, "/physicians/" CASEY "/verify-license?state=PA");
		expect_status(w, 200);
		assert_int_equal(json_is_true(json_at(answer(w), "licensed")), cases[i].licensed);
		expect_text(w, "licenseNumber", "PA-SAMPLE-A3");
		expect_text(w, "type", "DO");
	}
	get(w, ORCHESTRATOR, "/physicians/" AVERY "/verify-license?state=OR");
	expect_absent(w, "licenseNumber");
	assert_true(json_is_false(json_at(answer(w), "licensed")));
}

static void
live_mode_refuses_sample_physicians(void **state)
{
	const struct conf_key *const tables[] = { core_conf, peer_conf, registry_service.config, NULL };
	struct problem err = { 0 };
	struct conf *live;

	(void)state;
	assert_int_equal(setenv("LIVE_MODE", "true", 1), 0);
	live = conf_load(tables, &err);
	assert_int_equal(unsetenv("LIVE_MODE"), 0);
	assert_non_null(live);
	assert_int_equal(registry_service.start(live, &err), -1);
	assert_string_equal(err.code, "sample_physicians");
	conf_free(live);
}

#define RULE(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(a_case_is_opened_to_every_eligible_physician_and_nobody_else), RULE(a_repeated_event_opens_nothing_twice),
		RULE(each_eligible_physician_is_alerted_once), RULE(a_case_that_is_open_to_nobody_alerts_staff),
		RULE(the_first_claim_wins_and_the_others_get_a_conflict), RULE(the_winner_asking_again_gets_the_same_bytes),
		RULE(who_is_not_eligible_is_refused_and_the_case_stays_open),
		RULE(a_licence_that_ran_out_since_is_refused_and_the_case_stays_open),
		RULE(an_unknown_assignment_is_not_found), RULE(of_fifty_claims_at_once_exactly_one_wins),
		RULE(only_legal_moves_are_possible),
		RULE(a_decision_completes_and_credits_one_visit), RULE(a_decision_by_another_than_the_claimant_changes_nothing),
		RULE(the_review_task_is_known_whichever_news_came_first), RULE(an_npi_has_a_good_check_digit_and_is_on_file_once),
		RULE(a_physician_is_added_licensed_listed_changed_and_deactivated),
		RULE(routing_asks_the_lowest_number_that_is_licensed),
		RULE(an_expired_licence_is_skipped_by_routing), RULE(a_licence_is_good_through_its_last_day),
		RULE(live_mode_refuses_sample_physicians),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
