/*
 * requests_test.c: who is let in, what is audited, what is run again, and events that take effect once.
 */
#include "fcgi/web/toy.h"

/* ---- who is calling */

static void
a_signed_caller_on_the_list_is_let_in(void **state)
{
	(void)state;
	service(V1, "portal-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 200, NULL);
	assert_string_equal(json_text_at(me.answer, "actor"), "service:portal");
	service(V2, "portal-key", "GET", "/toy/things?least=0", NULL, NULL);
	expect(&me, 200, NULL);
}

static void
others_are_refused_and_audited(void **state)
{
	int64_t denied = audited("phi.read", "denied");

	(void)state;
	service(V2, "stranger-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 403, "forbidden");
	service(V2, "intake-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 403, "forbidden");
	service(V2, "no-such-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 401, "unknown_key");
	send_with(&me, "GET", "/toy/things", NULL, 0, NULL);
	expect(&me, 401, "unauthorized");
	admin(&me, "GET", "/toy/things", NULL, NULL);
	expect(&me, 403, "forbidden");
	assert_int_equal(audited("phi.read", "denied"), denied + 5);
}

static void
a_signature_is_fresh_for_five_minutes(void **state)
{
	int64_t now = clock_us();

	(void)state;
	service_at(now - 299 * US_PER_S, V2, "portal-key", "GET", "/toy/things", "/toy/things", NULL, NULL);
	expect(&me, 200, NULL);
	service_at(now - 301 * US_PER_S, V2, "portal-key", "GET", "/toy/things", "/toy/things", NULL, NULL);
	expect(&me, 401, NULL);
	service_at(now + 302 * US_PER_S, V1, "portal-key", "GET", "/toy/things", "/toy/things", NULL, NULL);
	expect(&me, 401, NULL);
}

static void
a_v2_signature_belongs_to_its_path(void **state)
{
	(void)state;
	service_at(clock_us(), V2, "portal-key", "GET", "/toy/things", "/toy/other", NULL, NULL);
	expect(&me, 401, "bad_signature");
}

static void
a_revoked_key_is_refused_within_a_second(void **state)
{
	(void)state;
	key_of("portal", "doomed-key");
	keys_forget();
	service(V2, "doomed-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 200, NULL);
	(void)sql_number("UPDATE api_key SET revoked_at = now() WHERE key_id = 'doomed-key'");
	(void)usleep(1050 * 1000);
	service(V2, "doomed-key", "GET", "/toy/things", NULL, NULL);
	expect(&me, 401, "unknown_key");
}

static void
a_patient_comes_by_the_session(void **state)
{
	const struct header right = { "authorization", "Bearer " TOKEN }, wrong = { "authorization", "Bearer x" };

	(void)state;
	send_with(&me, "GET", "/toy/things", &right, 1, NULL);
	expect(&me, 200, NULL);
	assert_string_equal(json_text_at(me.answer, "actor"), "patient:01890a5d-ac96-774b-bcce-b302099a8057");
	send_with(&me, "GET", "/toy/things", &wrong, 1, NULL);
	expect(&me, 401, "unknown_session");
}

/* ---- audit */

static void
a_read_of_phi_leaves_its_row(void **state)
{
	int64_t before = audited("phi.read", "success");

	(void)state;
	service(V2, "portal-key", "GET", "/toy/things", NULL, NULL);
	assert_int_equal(audited("phi.read", "success"), before + 1);
	assert_int_equal(sql_number("SELECT (object = 'thing' AND object_id = 'all' AND actor = 'service:portal')::int FROM audit"
				    " WHERE action = 'phi.read' AND outcome = 'success' ORDER BY at DESC LIMIT 1"),
	    1);
}

/* Rule L7: no audit row, no data. */
static void
a_read_that_cannot_be_audited_shows_nothing(void **state)
{
	(void)state;
	(void)sql_number("CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS"
			 " 'BEGIN RAISE EXCEPTION ''disk full'' USING ERRCODE = ''53100''; END'");
	(void)sql_number("CREATE TRIGGER no_audit BEFORE INSERT ON audit EXECUTE FUNCTION no_audit()");
	service(V2, "portal-key", "GET", "/toy/things", NULL, NULL);
	(void)sql_number("DROP TRIGGER no_audit ON audit");
	(void)sql_number("DROP FUNCTION no_audit()");
	expect(&me, 503, NULL);
	assert_null(json_text_at(me.answer, "actor"));
}

static void
a_refused_write_is_audited_apart(void **state)
{
	int64_t rows = made(), failures = audited("thing.make", "failure");

	(void)state;
	admin(&me, "POST", "/toy/natural", NULL, "{\"name\":\"refuse\"}");
	expect(&me, 422, "refused");
	assert_int_equal(made(), rows);
	assert_int_equal(audited("thing.make", "failure"), failures + 1);
}

static void
a_reading_row_cannot_write(void **state)
{
	int64_t rows = made();

	(void)state;
	admin(&me, "GET", "/toy/wrong", NULL, NULL);
	assert_int_equal(me.reply.status, 500);
	assert_int_equal(made(), rows);
}

static void
a_victim_is_run_again(void **state)
{
	int64_t rows = made(), successes = audited("thing.make", "success");

	(void)state;
	fail_runs = 4;
	admin(&me, "POST", "/toy/natural", NULL, "{}");
	expect(&me, 201, NULL);
	assert_int_equal(made(), rows + 1);
	assert_int_equal(audited("thing.make", "success"), successes + 1);
	fail_runs = 5;
	admin(&me, "POST", "/toy/natural", NULL, "{}");
	expect(&me, 409, "serialization");
	assert_int_equal(fail_runs, 0);
	assert_int_equal(made(), rows + 1);
}

/* ---- events */

static void
deliver(const char *key_id, const char *id, const char *source, const char *topic, const char *payload)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "{\"id\":\"%s\",\"topic\":\"%s\",\"source\":\"%s\",\"aggregateId\":\"01890a5d-ac96-774b-bcce-b302099a8057\","
	    "\"seq\":1,\"occurredAt\":\"2026-01-15T09:30:00Z\",\"requestId\":\"the-first-request\",\"payload\":%s}",
	    id, topic, source, payload);
	service(V2, key_id, "POST", "/toy/events", NULL, text);
}

static int64_t
heard_rows(void)
{
	return sql_number("SELECT count(*) FROM inbox WHERE source = 'heard'");
}

static void
an_event_takes_effect_once(void **state)
{
	static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8001";

	(void)state;
	deliver("stranger-key", id, "stranger", "thing.happened", "{}");
	expect(&me, 200, NULL);
	assert_true(json_is_false(json_at(me.answer, "duplicate")));
	deliver("stranger-key", id, "stranger", "thing.happened", "{}");
	expect(&me, 200, NULL);
	assert_true(json_is_true(json_at(me.answer, "duplicate")));
	assert_int_equal(heard_rows(), 1);
	assert_int_equal(
	    sql_number("SELECT count(*) FROM audit WHERE action = 'event.receive' AND request_id = 'the-first-request'"), 2);
}

static void
an_event_that_fails_may_come_again(void **state)
{
	static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8002";
	int64_t rows = heard_rows();

	(void)state;
	deliver("stranger-key", id, "stranger", "thing.happened", "{\"then\":\"fail\"}");
	expect(&me, 503, "later");
	deliver("stranger-key", id, "stranger", "thing.happened", "{}");
	expect(&me, 200, NULL);
	assert_int_equal(heard_rows(), rows + 1);
}

/* The event's request id goes on in headers of calls to others. */
static void
a_request_id_that_is_none_does_not_travel(void **state)
{
	char text[512];

	(void)state;
	(void)snprintf(text, sizeof(text),
	    "{\"id\":\"01890a5d-ac96-774b-bcce-b302099a8009\",\"topic\":\"thing.happened\",\"source\":\"stranger\","
	    "\"aggregateId\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"seq\":1,\"occurredAt\":\"2026-01-15T09:30:00Z\","
	    "\"requestId\":\"an-id-with\\r\\nX-API-Key: another\",\"payload\":{}}");
	service(V2, "stranger-key", "POST", "/toy/events", NULL, text);
	expect(&me, 200, NULL);
	assert_int_equal(sql_number("SELECT count(*) FROM audit WHERE request_id ~ '[^A-Za-z0-9._:-]'"), 0);
}

static void
an_unknown_topic_is_ignored(void **state)
{
	(void)state;
	deliver("stranger-key", "01890a5d-ac96-774b-bcce-b302099a8003", "stranger", "other.thing", "{}");
	expect(&me, 202, NULL);
	assert_true(json_is_true(json_at(me.answer, "ignored")));
}

static void
nobody_speaks_for_another_service(void **state)
{
	(void)state;
	deliver("stranger-key", "01890a5d-ac96-774b-bcce-b302099a8004", "intake", "thing.happened", "{}");
	expect(&me, 403, "forbidden");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_caller_on_the_list_is_let_in),
		cmocka_unit_test(others_are_refused_and_audited),
		cmocka_unit_test(a_signature_is_fresh_for_five_minutes),
		cmocka_unit_test(a_v2_signature_belongs_to_its_path),
		cmocka_unit_test(a_revoked_key_is_refused_within_a_second),
		cmocka_unit_test(a_patient_comes_by_the_session),
		cmocka_unit_test(a_read_of_phi_leaves_its_row),
		cmocka_unit_test(a_read_that_cannot_be_audited_shows_nothing),
		cmocka_unit_test(a_refused_write_is_audited_apart),
		cmocka_unit_test(a_reading_row_cannot_write),
		cmocka_unit_test(a_victim_is_run_again),
		cmocka_unit_test(an_event_takes_effect_once),
		cmocka_unit_test(an_event_that_fails_may_come_again),
		cmocka_unit_test(a_request_id_that_is_none_does_not_travel),
		cmocka_unit_test(an_unknown_topic_is_ignored),
		cmocka_unit_test(nobody_speaks_for_another_service),
	};

	return cmocka_run_group_tests(tests, toy_setup, toy_teardown);
}
