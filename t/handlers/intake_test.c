/*
 * Intake's rules up to the saved card: prices are ours and fresh, an address is proven by a code that few guesses can try, nobody
 * who cannot be served reaches Stripe.
 */
#include <sys/stat.h>

#include "base/clock.h"
#include "crypto/signature.h"
#include "intake_world.h"

/* The day of a time, so many years earlier. 29 February becomes the day before it. */
static const char *
years_before(struct world *w, const char *time, int years)
{
	int y, m, d;

	assert_int_equal(date_parse(text(w, "%.10s", time), &y, &m, &d), 0);
	return text(w, "%04d-%02d-%02d", y - years, m, m == 2 && d == 29 ? 28 : d);
}

static const char *
other_code(struct world *w, const char *code)
{
	return text(w, "%c%s", code[0] == '9' ? '0' : code[0] + 1, code + 1);
}

/* ---- Y-TOK, Y-DB-02, Y-INT-U1 */

static void
only_active_plans_are_listed_each_with_a_good_token(void **state)
{
	struct world *w = *state;
	struct problem err = { 0 };
	struct buf json = buf_in(world_arena(w), 4096);
	const json_t *claim;

	get(w, BY_PUBLIC, "/intake/plans?intakeType=glp1");
	expect_status(w, 200);
	assert_int_equal(json_array_size(json_object_get(answer(w), "plans")), 2);
	expect_text(w, "plans.0.planId", "glp1-monthly");
	expect_int(w, "plans.0.amountCents", 29900);
	expect_text(w, "plans.0.formVersion", "1");
	assert_int_equal(plan_token_open(NEW_SECRET, answer_text(w, "plans.0.planToken"), &json, &err), 0);
	claim = json_read(world_arena(w), json.data, json.len, &err);
	assert_string_equal(json_text_at(claim, "planId"), "glp1-monthly");
	assert_int_equal(json_int_at(claim, "amountCents", -1), 29900);
	assert_true(llabs(json_int_at(claim, "ts", 0) - clock_us() / 1000) < 5000);
	get(w, BY_PUBLIC, "/intake/plans");
	assert_int_equal(json_array_size(json_object_get(answer(w), "plans")), 4);
}

static void
a_price_is_good_for_fifteen_minutes(void **state)
{
	static const struct { int64_t age_s; int status; const char *code, *detail; } cases[] = {
		{ 0, 200, NULL, NULL }, { 14 * 60 + 59, 200, NULL, NULL }, { 15 * 60 + 1, 400, "token_expired", "Token expired" },
		{ 86400, 400, "token_expired", "Token expired" }, { -60, 400, "future_plan_token", "Token is from the future" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct visitor v = proven(w);

		pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 29900, cases[i].age_s * 1000));
		if (cases[i].code == NULL) {
			expect_status(w, 200);
			continue;
		}
		expect_problem(w, cases[i].status, cases[i].code);
		expect_text(w, "detail", cases[i].detail);
	}
}

static void
a_tampered_missing_or_cheaper_price_is_refused(void **state)
{
	struct world *w = *state;
	struct visitor v = proven(w);
	unsigned audited = audit_count(w, "intake.payment", "failure");
	const char *good = token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0);

	pay(w, &v, token_of(w, "another secret", "glp1-monthly", 29900, 0));
	expect_problem(w, 400, "tampered_plan_token");
	expect_text(w, "detail", "Tampered plan token");
	assert_int_equal(audit_count(w, "intake.payment", "failure"), audited + 1);
	pay(w, &v, text(w, "x%s", good + 1));
	expect_problem(w, 400, "tampered_plan_token");
	post(w, BY_PATIENT(v.token), "/intake/payment-intent",
	    "{\"state\":\"LA\",\"birthDate\":\"1986-04-17\",\"consents\":" CONSENTS "}");
	expect_problem(w, 400, "missing_plan_token");
	pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 100, 0));
	expect_problem(w, 400, "amount_mismatch");
	expect_text(w, "detail", "Amount mismatch");
	pay(w, &v, token_of(w, NEW_SECRET, "glp1-launch", 19900, 0));
	expect_problem(w, 422, "plan_unavailable");
	assert_int_equal(sent_count(w, "POST", "/billing/setup-intents"), 0);
	pay(w, &v, token_of(w, OLD_SECRET, "glp1-monthly", 29900, 0));
	expect_status(w, 200);
}

/* ---- Y-INT-U3, Y-INT-U5, C22 */

static void
nobody_who_cannot_be_served_reaches_stripe(void **state)
{
	static const char *const excluded[] = { "MN", "CA", "TX", "AR", "NC", "OK" };
	static const char *const without[] = {
		"[]", "[" CONSENT("hipaa", "true") "," CONSENT("terms", "true") "]",
		"[" CONSENT("hipaa", "true") "," CONSENT("telehealth", "true") "," CONSENT("terms", "false") "]",
	};
	struct world *w = *state;
	struct visitor v = proven(w);
	const char *token = token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0);
	char tomorrow[CLOCK_TEXT], today[CLOCK_TEXT];

	for (size_t i = 0; i < COUNT(excluded); i++) {
		pay_with(w, &v, token, excluded[i], "1986-04-17", CONSENTS);
		expect_problem(w, 422, "state_excluded");
	}
	(void)clock_text(clock_us(), today);
	(void)clock_text(clock_us() + 86400 * US_PER_S, tomorrow);
	pay_with(w, &v, token, "LA", years_before(w, tomorrow, 18), CONSENTS);
	expect_problem(w, 422, "under_age");
	for (size_t i = 0; i < COUNT(without); i++) {
		pay_with(w, &v, token, "LA", "1986-04-17", without[i]);
		expect_problem(w, 422, "consent_missing");
	}
	assert_int_equal(sent_count(w, "POST", "/billing/setup-intents"), 0);
	pay_with(w, &v, token, "LA", years_before(w, today, 18), CONSENTS);
	expect_status(w, 200);
}

static void
the_payment_step_is_once_per_session_and_locks_the_price(void **state)
{
	struct world *w = *state;
	struct visitor v = proven(w);
	const struct sent *first, *again;

	pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0));
	expect_status(w, 200);
	expect_text(w, "setupIntentId", SETUP);
	expect_text(w, "clientSecret", "seti_1_secret_2");
	expect_int(w, "amountCents", 29900);
	first = sent_to(w, "POST", "/billing/setup-intents", 0);
	assert_string_equal(sent_header(first, "Idempotency-Key"), text(w, "intake:%s:setup", v.intake));
	sql_run(w, "UPDATE intake_plans SET amount_cents = 39900 WHERE id = 'glp1-monthly'");
	pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 39900, 0));
	sql_run(w, "UPDATE intake_plans SET amount_cents = 29900 WHERE id = 'glp1-monthly'");
	expect_status(w, 200);
	expect_int(w, "amountCents", 29900);
	again = sent_to(w, "POST", "/billing/setup-intents", 1);
	assert_string_equal(first->raw, again->raw);
	pay(w, &v, token_of(w, NEW_SECRET, "glp1-quarterly", 79900, 0));
	expect_problem(w, 409, "plan_locked");
	stub_once(w, "POST", "/billing/setup-intents", 503, BUSY);
	pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0));
	assert_int_equal(answer_status(w), 503);
	assert_int_equal(sql_int(w,
	    "SELECT count(*) FROM intake_sessions WHERE birth_date_enc IS NOT NULL AND encode(birth_date_enc, 'escape')"
	    " LIKE '%%1986%%'"), 0);
}

/* ---- Y-DB-05, Y-INT-U2, OTP rules */

static void
five_tries_are_evaluated_and_the_sixth_fails_though_right(void **state)
{
	struct world *w = *state;
	struct visitor v = visitor(w), other = visitor(w);

	for (int i = 0; i < 5; i++) {
		check(w, v.verification, other_code(w, v.code));
		expect_problem(w, 422, "wrong_code");
	}
	check(w, v.verification, v.code);
	expect_problem(w, 429, "locked");
	assert_int_equal(sql_int(w, "SELECT attempts FROM intake_verification_codes WHERE id = '%s'", v.verification), 5);
	for (int i = 0; i < 4; i++)
		check(w, other.verification, other_code(w, other.code));
	check(w, other.verification, other.code);
	expect_status(w, 200);
}

static void
a_code_is_good_once_for_ten_minutes_and_its_own_attempt(void **state)
{
	struct world *w = *state;
	struct visitor v = visitor(w), other = visitor(w);

	if (strcmp(v.code, other.code) != 0) {
		check(w, other.verification, v.code);
		expect_problem(w, 422, "wrong_code");
	}
	check(w, v.verification, v.code);
	expect_status(w, 200);
	check(w, v.verification, v.code);
	expect_problem(w, 422, "wrong_code");
	sql_run(w, "UPDATE intake_verification_codes SET expires_at = expires_at - interval '599 seconds' WHERE id = '%s'",
	    other.verification);
	check(w, other.verification, other_code(w, other.code));
	expect_problem(w, 422, "wrong_code");
	sql_run(w, "UPDATE intake_verification_codes SET expires_at = expires_at - interval '2 seconds' WHERE id = '%s'",
	    other.verification);
	check(w, other.verification, other.code);
	expect_problem(w, 422, "code_expired");
	check(w, SETUP, "123456");
	expect_problem(w, 422, "wrong_code");
}

static void
a_newer_code_replaces_the_older_and_three_an_hour_are_mailed(void **state)
{
	struct world *w = *state;
	struct visitor v = visitor(w), older = v;

	ask_for_code(w, &v);
	assert_string_not_equal(v.verification, older.verification);
	check(w, older.verification, older.code);
	expect_problem(w, 422, "wrong_code");
	ask_for_code(w, &v);
	post(w, BY_PUBLIC, "/intake/verify-email/send", text(w, "{\"email\":\"%s\"}", v.email));
	expect_problem(w, 429, "too_many_codes");
	post(w, BY_PUBLIC, "/intake/verify-email/send", text(w, "{\"email\":\"V%s\"}", v.email + 1));
	expect_problem(w, 429, "too_many_codes");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_verification_codes WHERE email_index = (SELECT email_index FROM"
	    " intake_verification_codes WHERE id = '%s') AND used_at IS NULL AND superseded_at IS NULL", v.verification), 1);
	check(w, v.verification, v.code);
	expect_status(w, 200);
}

static void
the_digits_are_nowhere_once_they_are_mailed(void **state)
{
	struct world *w = *state;
	struct visitor v = { .email = "canary-address@patients.example" };

	stub_once(w, "POST", "/notify/send", 503, BUSY);
	post(w, BY_PUBLIC, "/intake/verify-email/send", text(w, "{\"email\":\"%s\"}", v.email));
	v.verification = answer_text(w, "verificationId");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_verification_codes WHERE id = '%s' AND code_enc IS NOT NULL",
	    v.verification), 1);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "/notify/send"), 2);
	v.code = sent_text(sent_to(w, "POST", "/notify/send", -1), "variables.code");
	assert_int_equal(strlen(v.code), 6);
	assert_string_equal(sent_text(sent_to(w, "POST", "/notify/send", -1), "messageKey"), v.verification);
	assert_int_equal(sql_int(w,
	    "SELECT count(*) FROM intake_verification_codes WHERE id = '%s' AND code_enc IS NULL AND sent_at IS NOT NULL",
	    v.verification), 1);
	assert_int_equal(sql_int(w,
	    "SELECT count(*) FROM intake_verification_codes c WHERE c::text LIKE '%%canary%%' OR id = '%s' AND"
	    " (code_mac = sha256('%s') OR code_mac = sha256(salt || '%s'))", v.verification, v.code, v.code), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE job::text LIKE '%%%s%%' OR job::text LIKE '%%canary%%'",
	    v.code), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM audit WHERE audit::text LIKE '%%canary%%'"), 0);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM ttl WHERE key LIKE '%%canary%%'"), 0);
}

/* ---- sessions */

static void
a_session_is_an_opaque_token_for_four_hours(void **state)
{
	struct world *w = *state;
	struct visitor v = proven(w);
	const char *token = token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0);

	assert_int_equal(strlen(v.token), 43);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_sessions s WHERE s::text LIKE '%%%s%%'", v.token), 0);
	assert_int_equal(sql_int(w,
	    "SELECT round(extract(epoch FROM expires_at - created_at)) FROM intake_sessions WHERE id = '%s'", v.intake),
	    4 * 3600);
	post(w, BY_PATIENT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "/intake/payment-intent", "{}");
	expect_problem(w, 401, "unauthorized");
	post(w, BY_PUBLIC, "/intake/payment-intent", "{}");
	expect_problem(w, 401, "unauthorized");
	sql_run(w, "UPDATE intake_sessions SET expires_at = now() - interval '1 second' WHERE id = '%s'", v.intake);
	pay(w, &v, token);
	expect_problem(w, 401, "unauthorized");
	sql_run(w, "INSERT INTO job (tenant_id, kind) VALUES (app_tenant(), 'intake.sweep')");
	work(w);
	assert_string_equal(sql_text(w, "SELECT state FROM intake_sessions WHERE id = '%s'", v.intake), "abandoned");
}

/* ---- what is published */

static void
the_published_keys_are_public_halves(void **state)
{
	struct world *w = *state;

	get(w, BY_PUBLIC, "/intake/keys");
	expect_status(w, 200);
	expect_text(w, "keys.0.kid", json_string_value(json_object_get(key, "kid")));
	expect_text(w, "keys.0.crv", "P-256");
	expect_absent(w, "keys.0.d");
	get(w, BY_PUBLIC, "/intake/forms/nad");
	expect_status(w, 200);
	assert_int_equal(json_array_size(json_object_get(answer(w), "steps")), 23);
	get(w, BY_PUBLIC, "/intake/forms/none");
	expect_problem(w, 404, "not_found");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(only_active_plans_are_listed_each_with_a_good_token),
		RULE(a_price_is_good_for_fifteen_minutes),
		RULE(a_tampered_missing_or_cheaper_price_is_refused),
		RULE(nobody_who_cannot_be_served_reaches_stripe),
		RULE(the_payment_step_is_once_per_session_and_locks_the_price),
		RULE(five_tries_are_evaluated_and_the_sixth_fails_though_right),
		RULE(a_code_is_good_once_for_ten_minutes_and_its_own_attempt),
		RULE(a_newer_code_replaces_the_older_and_three_an_hour_are_mailed),
		RULE(the_digits_are_nowhere_once_they_are_mailed),
		RULE(a_session_is_an_opaque_token_for_four_hours),
		RULE(the_published_keys_are_public_halves),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
