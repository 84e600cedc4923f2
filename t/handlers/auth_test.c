/*
 * The rules of auth: a code by mail opens a session, guesses are few, answers never tell who is on file, and a token that was taken
 * back opens nothing from the next request on (P-HIPAA-04 to 06, P-DATA-11, I-AUTH-02, I-AUTH-05).
 */
#include "auth/auth.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include "harness/harness.h"

#define MAILED "{\"notificationId\":\"0190b0f2-5b5c-7d3e-8f00-000000000001\",\"channels\":[]}"
#define NOBODY "0190b0f2-5b5c-7d3e-8f00-00000000dead"
#define PERSON "0190b0f2-5b5c-7d3e-8f00-0000000000bb"

static int
setup(void **state)
{
	*state = world_new(&auth_service, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* Limits are counted by the hour: each test has an hour of its own. */
static int
each(void **state)
{
	struct world *w = *state;

	sql_run(w, "DELETE FROM ttl");
	stubs_clear(w);
	stub(w, "POST", "/notify/send", 202, MAILED);
	return 0;
}

/* ---- users and their logins */

static const char *
user_with(struct world *w, const char *role, const char *more)
{
	static unsigned n;
	const char *email = text(w, "user.%u@telerx.example", ++n);

	post(w, BY_ADMIN, "/auth/users", text(w, "{\"email\":\"%s\",\"name\":\"Ada Sample\",\"role\":\"%s\"%s}", email, role, more));
	expect_status(w, 201);
	return email;
}

static const char *
user(struct world *w, const char *role)
{
	return user_with(w, role, "");
}

static const char *
ask_code(struct world *w, const char *email)
{
	post(w, BY_PUBLIC, "/auth/login", text(w, "{\"email\":\"%s\"}", email));
	expect_status(w, 202);
	return answer_text(w, "login_id");
}

/* The code that was mailed last. */
static const char *
mailed(struct world *w)
{
	(void)work(w);
	return sent_text(sent_to(w, "POST", "/notify/send", -1), "variables.code");
}

static const char *
other(struct world *w, const char *code)
{
	return text(w, "%c%s", code[0] == '9' ? '0' : code[0] + 1, code + 1);
}

static void
check(struct world *w, const char *login, const char *code)
{
	post(w, BY_PUBLIC, "/auth/login/check", text(w, "{\"login_id\":\"%s\",\"code\":\"%s\"}", login, code));
}

static const char *
token_of(struct world *w, const char *email)
{
	const char *login = ask_code(w, email);

	check(w, login, mailed(w));
	expect_status(w, 200);
	return answer_text(w, "token");
}

/* ---- a login */

static void
i_auth_02_a_code_by_mail_opens_a_session(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent"), *id = answer_text(w, "user_id"), *login = ask_code(w, email), *code = mailed(w), *token;
	const struct sent *mail = sent_to(w, "POST", "/notify/send", -1);

	assert_string_equal(sent_text(mail, "recipient.email"), email);
	assert_string_equal(sent_text(mail, "messageKey"), login);
	assert_int_equal(strlen(code), 6);
	check(w, login, code);
	expect_status(w, 200);
	expect_text(w, "token_type", "Bearer");
	expect_text(w, "role", "ops_agent");
	expect_text(w, "user_id", id);
	expect_absent(w, "person_id");
	token = answer_text(w, "token");
	get(w, BY_PATIENT(token), "/auth/me");
	expect_status(w, 200);
	expect_text(w, "email", email);
	expect_text(w, "user_id", id);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE action = 'auth.user.read' AND actor = 'ops_agent:%s'", id), 1);
	get(w, BY_PATIENT(token), "/api/v1/auth/me");
	expect_text(w, "user_id", id);
	/* The mail is not sent twice, and the digits are gone. */
	assert_int_equal(work_all(w), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM logins WHERE id = '%s' AND code_enc IS NULL", login), 1);
}

static void
i_auth_05_a_token_is_good_for_a_day_and_a_patients_for_four_hours(void **state)
{
	struct world *w = *state;

	(void)token_of(w, user(w, "admin"));
	assert_int_equal(sql_int(w, "SELECT extract(epoch FROM expires_at - date_trunc('second', created_at))::int / 3600 FROM sessions"
				    " ORDER BY id DESC LIMIT 1"),
	    24);
	(void)token_of(w, user_with(w, "patient", ",\"person_id\":\"" PERSON "\""));
	expect_text(w, "person_id", PERSON);
	assert_int_equal(sql_int(w, "SELECT extract(epoch FROM expires_at - date_trunc('second', created_at))::int / 3600 FROM sessions"
				    " ORDER BY id DESC LIMIT 1"),
	    4);
}

static void
a_session_ends_by_itself(void **state)
{
	struct world *w = *state;
	const char *token = token_of(w, user(w, "ops_agent"));

	sql_run(w, "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = '%s'", answer_text(w, "session_id"));
	get(w, BY_PATIENT(token), "/auth/me");
	expect_problem(w, 401, "revoked_token");
}

/* ---- guesses */

static void
five_tries_are_evaluated_and_the_sixth_fails_though_right(void **state)
{
	struct world *w = *state;
	const char *login = ask_code(w, user(w, "ops_agent")), *code = mailed(w);

	for (int i = 0; i < 5; i++) {
		check(w, login, other(w, code));
		expect_problem(w, 422, "wrong_code");
	}
	check(w, login, code);
	expect_problem(w, 429, "locked");
	assert_int_equal(sql_int(w, "SELECT attempts FROM logins WHERE id = '%s'", login), 5);
}

static void
a_code_is_good_once_for_ten_minutes_and_its_own_attempt(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent"), *first = ask_code(w, email), *old = mailed(w);
	const char *second = ask_code(w, email), *code = mailed(w);

	check(w, first, old);
	expect_problem(w, 422, "wrong_code"); /* a newer one took its place */
	if (strcmp(old, code) != 0) {
		check(w, second, old);
		expect_problem(w, 422, "wrong_code");
	}
	sql_run(w, "UPDATE logins SET expires_at = expires_at - interval '601 seconds' WHERE id = '%s'", second);
	check(w, second, code);
	expect_problem(w, 422, "code_expired");
	sql_run(w, "UPDATE logins SET expires_at = expires_at + interval '10 seconds' WHERE id = '%s'", second);
	check(w, second, code);
	expect_status(w, 200);
	check(w, second, code);
	expect_problem(w, 422, "wrong_code");
	check(w, NOBODY, code);
	expect_problem(w, 422, "wrong_code");
}

static void
an_account_has_five_tries_in_a_quarter_of_an_hour(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent"), *login = ask_code(w, email), *code = mailed(w);

	for (int i = 0; i < 3; i++)
		check(w, login, other(w, code));
	login = ask_code(w, email);
	code = mailed(w);
	for (int i = 0; i < 2; i++)
		check(w, login, other(w, code));
	expect_problem(w, 422, "wrong_code");
	check(w, login, code);
	expect_problem(w, 429, "too_many_tries");
	assert_string_equal(answer_header(w, "Retry-After"), "900");
	sql_run(w, "UPDATE ttl SET expires_at = now() - interval '1 second' WHERE key LIKE 'auth:tries:%%'");
	check(w, login, code);
	expect_status(w, 200);
}

static void
an_address_has_twenty_wrong_codes_in_an_hour(void **state)
{
	struct world *w = *state;
	const char *login = NULL, *code;

	for (int i = 0; i < 5; i++) {
		login = ask_code(w, user(w, "ops_agent"));
		code = mailed(w);
		for (int k = 0; k < (i < 4 ? 5 : 0); k++) {
			check(w, login, other(w, code));
			expect_problem(w, 422, "wrong_code");
		}
	}
	code = mailed(w);
	check(w, login, code);
	expect_problem(w, 429, "too_many_tries");
	sql_run(w, "UPDATE ttl SET expires_at = now() - interval '1 second' WHERE key LIKE 'auth:address:%%'");
	check(w, login, code);
	expect_status(w, 200);
}

static void
three_codes_an_hour_are_mailed_to_an_address(void **state)
{
	struct world *w = *state;
	const char *emails[] = { user(w, "ops_agent"), "nobody.here@telerx.example" };

	for (size_t k = 0; k < COUNT(emails); k++) {
		for (int i = 0; i < 3; i++)
			(void)ask_code(w, emails[k]);
		post(w, BY_PUBLIC, "/auth/login", text(w, "{\"email\":\"%s\"}", emails[k]));
		expect_problem(w, 429, "too_many_codes");
	}
}

static void
a_hundred_wrong_codes_in_a_row_lock_the_account_until_somebody_looks(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent"), *id = answer_text(w, "user_id"), *login = ask_code(w, email), *code = mailed(w);

	sql_run(w, "UPDATE users SET failures = 99 WHERE id = '%s'", id);
	check(w, login, other(w, code));
	expect_problem(w, 422, "wrong_code");
	check(w, login, code);
	expect_problem(w, 422, "wrong_code");
	get(w, BY_ADMIN, text(w, "/auth/users/%s", id));
	assert_true(json_is_true(json_object_get(answer(w), "locked")));
	patch(w, BY_ADMIN, text(w, "/auth/users/%s", id), "{\"unlock\":true}");
	expect_status(w, 200);
	(void)token_of(w, email);
	assert_int_equal(sql_int(w, "SELECT failures FROM users WHERE id = '%s'", id), 0);
}

static void
many_wrong_codes_alarm_the_staff(void **state)
{
	struct world *w = *state;
	const char *login = ask_code(w, user(w, "ops_agent")), *code = mailed(w);

	sql_run(w, "INSERT INTO ttl (key, hits, expires_at) VALUES ('auth:wrong', 199, now() + interval '1 hour')");
	check(w, login, other(w, code));
	expect_problem(w, 422, "wrong_code");
	assert_int_equal(event_count(w, "attention.raised"), 1);
	assert_string_equal(json_text_at(event_last(w, "attention.raised"), "kind"), "auth.guessing");
}

/* ---- who is on file is not told */

static void
known_and_unknown_addresses_get_the_same_answers(void **state)
{
	struct world *w = *state;
	const char *login;
	unsigned before;

	(void)ask_code(w, user(w, "ops_agent"));
	assert_int_equal(json_object_size(answer(w)), 2);
	(void)work(w);
	before = sent_count(w, "POST", "/notify/send");
	login = ask_code(w, "nobody.at.all@telerx.example");
	assert_int_equal(json_object_size(answer(w)), 2);
	assert_int_equal(work(w), 1); /* the job runs and mails nothing */
	assert_int_equal(sent_count(w, "POST", "/notify/send"), before);
	for (int i = 0; i < 5; i++) {
		check(w, login, "123456");
		expect_problem(w, 422, "wrong_code");
	}
	check(w, login, "123456");
	expect_problem(w, 429, "locked");
}

static void
who_is_disabled_gets_no_code_and_no_session(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent"), *id = answer_text(w, "user_id"), *login = ask_code(w, email), *code = mailed(w);
	unsigned before = sent_count(w, "POST", "/notify/send");

	patch(w, BY_ADMIN, text(w, "/auth/users/%s", id), "{\"active\":false}");
	expect_status(w, 200);
	check(w, login, code);
	expect_problem(w, 422, "wrong_code");
	(void)ask_code(w, email);
	(void)work(w);
	assert_int_equal(sent_count(w, "POST", "/notify/send"), before);
}

static void
no_code_and_no_address_stands_in_the_tables(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent"), *login = ask_code(w, email), *code;
	uint8_t digest[32];
	char hex[HEX32];

	code = sql_text(w, "SELECT encode(code_mac, 'hex') || encode(code_enc, 'hex') || encode(salt, 'hex') FROM logins WHERE id = '%s'", login);
	sha256(BYTES_OF(mailed(w)), digest);
	assert_null(strstr(code, hex_encode(BYTES(digest, 32), hex)));
	sha256(BYTES_OF(email), digest);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM logins WHERE encode(account, 'hex') = '%s'",
			     hex_encode(BYTES(digest, 32), hex)),
	    0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM users WHERE position('telerx.example' in encode(profile_enc, 'escape')) > 0"), 0);
}

/* ---- revocation */

static void
p_data_11_a_revoked_session_opens_nothing_on_the_next_request(void **state)
{
	struct world *w = *state;
	const char *token = token_of(w, user(w, "ops_agent")), *session = answer_text(w, "session_id");

	get(w, BY_SERVICE("router"), text(w, "/auth/sessions/%s", session));
	expect_status(w, 200);
	expect_text(w, "role", "ops_agent");
	post(w, BY_PATIENT(token), "/auth/logout", "{}");
	expect_status(w, 204);
	get(w, BY_PATIENT(token), "/auth/me");
	expect_problem(w, 401, "revoked_token");
	post(w, BY_PATIENT(token), "/auth/logout", "{}");
	expect_problem(w, 401, "revoked_token");
	get(w, BY_SERVICE("router"), text(w, "/auth/sessions/%s", session));
	expect_problem(w, 404, "not_found");
	get(w, BY_SERVICE("router"), "/auth/sessions/" NOBODY);
	expect_problem(w, 404, "not_found");
	assert_int_equal(audit_count(w, "auth.logout", "success"), 1);
}

static void
disabling_and_another_role_end_the_sessions(void **state)
{
	static const struct {
		const char *change, *why;
	} cases[] = {
		{ "{\"active\":false}", "disabled" },
		{ "{\"role\":\"ops_manager\"}", "role_changed" },
		{ "{\"person_id\":\"" NOBODY "\",\"role\":\"provider\"}", "role_changed" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *email = user(w, "ops_agent"), *id = answer_text(w, "user_id"), *token = token_of(w, email);

		patch(w, BY_ADMIN, text(w, "/auth/users/%s", id), cases[i].change);
		expect_status(w, 200);
		get(w, BY_PATIENT(token), "/auth/me");
		expect_problem(w, 401, "revoked_token");
		assert_string_equal(sql_text(w, "SELECT revoked_by FROM sessions WHERE user_id = '%s'", id), cases[i].why);
	}
}

/* Even where nobody wrote that they ended. */
static void
a_session_is_alive_only_while_its_user_is_what_the_token_says(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent"), *id = answer_text(w, "user_id"), *token = token_of(w, email);

	sql_run(w, "UPDATE users SET role = 'ops_manager' WHERE id = '%s'", id);
	get(w, BY_PATIENT(token), "/auth/me");
	expect_problem(w, 401, "revoked_token");
	sql_run(w, "UPDATE users SET role = 'ops_agent' WHERE id = '%s'", id);
	get(w, BY_PATIENT(token), "/auth/me");
	expect_status(w, 200);
	get(w, BY_ROLE("admin"), "/auth/me"); /* signed by our key, and no session of ours */
	expect_problem(w, 401, "revoked_token");
}

static void
sessions_end_one_by_one_everywhere_and_by_the_administrator(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent"), *id = answer_text(w, "user_id");
	const char *stranger = token_of(w, user(w, "ops_manager"));
	const char *first = token_of(w, email), *first_id = answer_text(w, "session_id"), *second = token_of(w, email), *third;

	get(w, BY_PATIENT(second), "/auth/sessions");
	expect_status(w, 200);
	assert_int_equal(json_array_size(json_object_get(answer(w), "sessions")), 2);
	request(w, BY_PATIENT(stranger), "DELETE", text(w, "/auth/sessions/%s", first_id), NULL, NULL, NULL);
	expect_problem(w, 404, "not_found");
	request(w, BY_PATIENT(second), "DELETE", text(w, "/auth/sessions/%s", first_id), NULL, NULL, NULL);
	expect_status(w, 204);
	get(w, BY_PATIENT(first), "/auth/me");
	expect_problem(w, 401, "revoked_token");
	third = token_of(w, email);
	post(w, BY_PATIENT(third), "/auth/logout", "{\"everywhere\":true}");
	expect_status(w, 204);
	get(w, BY_PATIENT(second), "/auth/me");
	expect_problem(w, 401, "revoked_token");
	sql_run(w, "DELETE FROM ttl");
	first = token_of(w, email);
	post(w, BY_ADMIN, text(w, "/auth/users/%s/revoke", id), NULL);
	expect_status(w, 204);
	get(w, BY_PATIENT(first), "/auth/me");
	expect_problem(w, 401, "revoked_token");
	post(w, BY_ADMIN, "/auth/users/" NOBODY "/revoke", NULL);
	expect_problem(w, 404, "not_found");
}

/* ---- accounts */

static void
p_hipaa_06_accounts_are_the_administrators(void **state)
{
	static const struct {
		const char *method, *target, *body;
		int status[5]; /* admin, ops_manager, ops_agent, provider, patient */
	} matrix[] = {
		{ "GET", "/auth/me", NULL, { 200, 200, 200, 200, 200 } },
		{ "GET", "/auth/users", NULL, { 200, 200, 403, 403, 403 } },
		{ "GET", "/auth/users/" NOBODY, NULL, { 404, 404, 403, 403, 403 } },
		{ "POST", "/auth/users", "{}", { 422, 403, 403, 403, 403 } },
		{ "PATCH", "/auth/users/" NOBODY, "{}", { 404, 403, 403, 403, 403 } },
		{ "POST", "/auth/users/" NOBODY "/revoke", NULL, { 404, 403, 403, 403, 403 } },
		{ "GET", "/auth/jobs", NULL, { 200, 403, 403, 403, 403 } },
	};
	struct world *w = *state;

	for (size_t k = 0; token_roles[k] != NULL; k++) {
		const char *token = token_of(w, user(w, token_roles[k]));

		for (size_t i = 0; i < COUNT(matrix); i++) {
			request(w, BY_PATIENT(token), matrix[i].method, matrix[i].target, NULL, matrix[i].body, NULL);
			expect_status(w, matrix[i].status[k]);
			if (matrix[i].status[k] == 403)
				expect_text(w, "code", "role_not_allowed");
		}
	}
}

static void
an_address_is_on_file_once(void **state)
{
	struct world *w = *state;
	const char *email = user(w, "ops_agent");

	post(w, BY_ADMIN, "/auth/users", text(w, "{\"email\":\"U%s\",\"name\":\"Bo Sample\",\"role\":\"admin\"}", email + 1));
	expect_problem(w, 409, "duplicate_user");
	post(w, BY_ADMIN, "/auth/users", "{\"email\":\"x@telerx.example\",\"name\":\"B\",\"role\":\"boss\"}");
	expect_error(w, "role", "enum");
	post(w, BY_ADMIN, "/auth/users",
	    "{\"email\":\"x@telerx.example\",\"name\":\"B\",\"role\":\"admin\",\"person_id\":\"" PERSON "\"}");
	expect_error(w, "person_id", "role");
	get(w, BY_ADMIN, "/auth/users?role=ops_agent&limit=1");
	expect_status(w, 200);
	assert_int_equal(json_array_size(json_object_get(answer(w), "users")), 1);
}

static void
p_hipaa_04_a_change_is_audited_with_before_and_after(void **state)
{
	struct world *w = *state;
	const char *admin = token_of(w, user(w, "admin")), *who = answer_text(w, "user_id"), *id;

	(void)user(w, "ops_agent");
	id = answer_text(w, "user_id");
	patch(w, BY_PATIENT(admin), text(w, "/auth/users/%s", id), "{\"role\":\"ops_manager\",\"name\":\"Cy Sample\"}");
	expect_status(w, 200);
	expect_text(w, "name", "Cy Sample");
	assert_string_equal(sql_text(w, "SELECT actor || ' ' || (detail -> 'role')::text || ' ' || source FROM audit"
					" WHERE action = 'auth.user.change' AND object_id = '%s'", id),
	    text(w, "admin:%s [\"ops_agent\",\"ops_manager\"] 192.0.2.1", who));
}

static void
the_keys_that_are_shown_are_public(void **state)
{
	static const char *const targets[] = { "/auth/jwks", "/.well-known/jwks.json" };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(targets); i++) {
		get(w, BY_PUBLIC, targets[i]);
		expect_status(w, 200);
		expect_text(w, "keys.0.kid", "of-the-tests");
		expect_text(w, "keys.0.alg", "ES256");
		expect_absent(w, "keys.0.d");
	}
}

static void
what_is_long_over_is_swept(void **state)
{
	struct world *w = *state;

	(void)token_of(w, user(w, "ops_agent"));
	sql_run(w, "UPDATE sessions SET expires_at = now() - interval '31 days'");
	sql_run(w, "UPDATE logins SET expires_at = now() - interval '31 days'");
	job_later(w, "auth.sweep", NULL);
	(void)work_all(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM sessions"), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM logins"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(i_auth_02_a_code_by_mail_opens_a_session, each),
		cmocka_unit_test_setup(i_auth_05_a_token_is_good_for_a_day_and_a_patients_for_four_hours, each),
		cmocka_unit_test_setup(a_session_ends_by_itself, each),
		cmocka_unit_test_setup(five_tries_are_evaluated_and_the_sixth_fails_though_right, each),
		cmocka_unit_test_setup(a_code_is_good_once_for_ten_minutes_and_its_own_attempt, each),
		cmocka_unit_test_setup(an_account_has_five_tries_in_a_quarter_of_an_hour, each),
		cmocka_unit_test_setup(an_address_has_twenty_wrong_codes_in_an_hour, each),
		cmocka_unit_test_setup(three_codes_an_hour_are_mailed_to_an_address, each),
		cmocka_unit_test_setup(a_hundred_wrong_codes_in_a_row_lock_the_account_until_somebody_looks, each),
		cmocka_unit_test_setup(many_wrong_codes_alarm_the_staff, each),
		cmocka_unit_test_setup(known_and_unknown_addresses_get_the_same_answers, each),
		cmocka_unit_test_setup(who_is_disabled_gets_no_code_and_no_session, each),
		cmocka_unit_test_setup(no_code_and_no_address_stands_in_the_tables, each),
		cmocka_unit_test_setup(p_data_11_a_revoked_session_opens_nothing_on_the_next_request, each),
		cmocka_unit_test_setup(disabling_and_another_role_end_the_sessions, each),
		cmocka_unit_test_setup(a_session_is_alive_only_while_its_user_is_what_the_token_says, each),
		cmocka_unit_test_setup(sessions_end_one_by_one_everywhere_and_by_the_administrator, each),
		cmocka_unit_test_setup(p_hipaa_06_accounts_are_the_administrators, each),
		cmocka_unit_test_setup(an_address_is_on_file_once, each),
		cmocka_unit_test_setup(p_hipaa_04_a_change_is_audited_with_before_and_after, each),
		cmocka_unit_test_setup(the_keys_that_are_shown_are_public, each),
		cmocka_unit_test_setup(what_is_long_over_is_swept, each),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
