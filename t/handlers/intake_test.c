/*
 * Intake's rules: prices are ours and fresh, an address is proven by a code that few guesses can try, nobody excluded reaches
 * Stripe, a form is stored once, sealed and only when everything about it is right, and the EHR gets it however long it is down.
 */
#include <sys/stat.h>

#include "base/clock.h"
#include "crypto/jose.h"
#include "crypto/signature.h"
#include "harness/harness.h"
#include "intake/intake.h"

#define NEW_SECRET "plan-secret-new-0123456789abcdef"
#define OLD_SECRET "plan-secret-old-0123456789abcdef"
#define SETUP "00000000-0000-7000-8000-00000000005e"
#define CONSENT(type, yes) "{\"type\":\"" type "\",\"version\":\"1\",\"accepted\":" yes "}"
#define CONSENTS "[" CONSENT("hipaa", "true") "," CONSENT("telehealth", "true") "," CONSENT("terms", "true") "]"
#define BILLING_OK "{\"setupIntentId\":\"" SETUP "\",\"clientSecret\":\"seti_1_secret_2\",\"publishableKey\":\"pk_test_1\"," \
	"\"status\":\"requires_payment_method\"}"
#define SAVED(status, cents) \
	"{\"setupIntentId\":\"" SETUP "\",\"status\":\"" status "\",\"amountCents\":" cents ",\"currency\":\"USD\"}"
#define BUSY "{\"type\":\"/problems/busy\",\"status\":503,\"code\":\"busy\"}"

static char keys_path[64];
static json_t *key, *stranger;

/* ---- the world */

static void
make_keys(void)
{
	json_t *file;
	int fd;

	key = jwk_generate("k1", "ECDH-ES");
	stranger = jwk_generate("k9", "ECDH-ES");
	assert_non_null(key);
	assert_non_null(stranger);
	(void)snprintf(keys_path, sizeof(keys_path), "/tmp/intake-test-keys-XXXXXX");
	fd = mkstemp(keys_path);
	assert_true(fd >= 0);
	file = json_pack("{s:[O]}", "keys", key);
	assert_int_equal(json_dumpfd(file, fd, 0), 0);
	json_decref(file);
	(void)close(fd);
}

static int
setup(void **state)
{
	char line[128];
	const char *settings[] = { "PLAN_SIGNING_SECRET=" NEW_SECRET "," OLD_SECRET, line, NULL };

	make_keys();
	(void)snprintf(line, sizeof(line), "INTAKE_KEYS_FILE=%s", keys_path);
	*state = world_new(&intake_service, settings);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	(void)unlink(keys_path);
	json_decref(key);
	json_decref(stranger);
	return 0;
}

static int
fresh(void **state)
{
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	stub(w, "POST", "/notify/send", 202, "{\"notificationId\":\"" SETUP "\",\"channels\":[]}");
	stub(w, "POST", "/billing/setup-intents", 201, BILLING_OK);
	stub(w, "GET", "/billing/setup-intents/" SETUP, 200, SAVED("succeeded", "29900"));
	stub(w, "POST", "/api/ehr/*", 202, "{\"status\":\"queued\"}");
	return 0;
}

/* ---- what a patient does */

struct visitor {
	const char *email;
	const char *verification;
	const char *code;
	const char *token;
	const char *intake;
};

static void
ask_for_code(struct world *w, struct visitor *v)
{
	post(w, BY_PUBLIC, "/intake/verify-email/send", text(w, "{\"email\":\"%s\"}", v->email));
	expect_status(w, 202);
	v->verification = answer_text(w, "verificationId");
	work(w);
	v->code = sent_text(sent_to(w, "POST", "/notify/send", -1), "variables.code");
}

static struct visitor
visitor(struct world *w)
{
	static unsigned n;
	struct visitor v = { .email = text(w, "visitor%u@patients.example", ++n) };

	ask_for_code(w, &v);
	return v;
}

static void
check(struct world *w, const char *verification, const char *code)
{
	post(w, BY_PUBLIC, "/intake/verify-email/check", text(w, "{\"verificationId\":\"%s\",\"code\":\"%s\"}", verification,
	    code));
}

static struct visitor
proven(struct world *w)
{
	struct visitor v = visitor(w);

	check(w, v.verification, v.code);
	expect_status(w, 200);
	v.token = answer_text(w, "sessionToken");
	v.intake = answer_text(w, "intakeId");
	return v;
}

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

static const char *
token_of(struct world *w, const char *secret, const char *plan, int64_t cents, int64_t age_ms)
{
	struct buf b = buf_in(world_arena(w), 4096);

	plan_token_sign(secret, text(w, "{\"planId\":\"%s\",\"amountCents\":%lld,\"intakeType\":\"glp1\",\"ts\":%lld}", plan,
	    (long long)cents, (long long)(clock_us() / 1000 - age_ms)), &b);
	return b.data;
}

static void
pay_with(struct world *w, const struct visitor *v, const char *token, const char *state, const char *born, const char *consents)
{
	post(w, BY_PATIENT(v->token), "/intake/payment-intent", text(w,
	    "{\"planToken\":\"%s\",\"state\":\"%s\",\"birthDate\":\"%s\",\"consents\":%s}", token, state, born, consents));
}

static void
pay(struct world *w, const struct visitor *v, const char *token)
{
	pay_with(w, v, token, "LA", "1986-04-17", CONSENTS);
}

static struct visitor
paid(struct world *w)
{
	struct visitor v = proven(w);

	pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0));
	expect_status(w, 200);
	return v;
}

/* The form as the browser has it; change replaces or adds one member. */
static const char *
form_of(struct world *w, const struct visitor *v, const char *member, const char *value)
{
	json_t *form = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s,s:s},s:i,s:f,s:{s:i,s:i,s:i},s:[],s:[],s:[],"
	    "s:[{s:s,s:s,s:s}],s:o}",
	    "firstName", "Marlowe", "lastName", "Canarybird", "birthDate", "1986-04-17", "sex", "female", "email", v->email,
	    "phone", "+15045550142",
	    "address", "line1", "12 Marigold Passage", "city", "New Orleans", "state", "LA", "zip", "70115", "heightCm", 165,
	    "weightKg", 92.5,
	    "vitals", "systolic", 128, "diastolic", 82, "pulse", 74, "history", "medications", "allergies",
	    "answers", "linkId", "goal", "text", "What is your goal?", "answer", "sleep better", "consents",
	    json_loads(CONSENTS, 0, NULL));
	const char *copy;
	char *dumped;

	assert_non_null(form);
	if (member != NULL)
		assert_int_equal(json_object_set_new(form, member, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
	dumped = json_dumps(form, JSON_COMPACT);
	copy = text(w, "%s", dumped);
	free(dumped);
	json_decref(form);
	return copy;
}

static const char *
seal_for(struct world *w, const json_t *whose, const char *intake, const char *version, const char *form)
{
	struct buf b = buf_in(world_arena(w), 64 * 1024);
	json_t *head = json_pack("{s:s,s:s}", "intakeId", intake, "formVersion", version), *public_key = jwk_public(whose);
	struct problem err = { 0 };

	assert_int_equal(jwe_seal(public_key, head, BYTES_OF(form), &b, &err), 0);
	json_decref(head);
	json_decref(public_key);
	return b.data;
}

static const char *
new_key(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

static void
send_envelope(struct world *w, const struct visitor *v, const char *envelope, const char *idempotency_key)
{
	post_key(w, BY_PATIENT(v->token), "/intake/submit", idempotency_key, text(w, "{\"envelope\":\"%s\"}", envelope));
}

static void
submit_form(struct world *w, const struct visitor *v, const char *form)
{
	send_envelope(w, v, seal_for(w, key, v->intake, "1", form), new_key(w));
}

struct submitted {
	struct visitor v;
	const char *submission;
	const char *patient;
};

static struct submitted
submitted(struct world *w)
{
	struct submitted s = { .v = paid(w) };

	submit_form(w, &s.v, form_of(w, &s.v, NULL, NULL));
	expect_status(w, 201);
	s.submission = answer_text(w, "submissionId");
	s.patient = answer_text(w, "patientId");
	return s;
}

static void
expect_nothing_stored(struct world *w, const struct visitor *v)
{
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_submissions WHERE intake_id = '%s'", v->intake), 0);
	assert_string_equal(sql_text(w, "SELECT state FROM intake_sessions WHERE id = '%s'", v->intake), "draft");
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

/* ---- Y-PLAT-03, Y-DB-03, E9 */

static void
a_submitted_form_is_sealed_and_kept_for_good(void **state)
{
	static const char *const changes[] = {
		"UPDATE intake_submissions SET state = 'NY'", "DELETE FROM intake_submissions",
		    "TRUNCATE intake_submissions CASCADE",
	};
	struct world *w = *state;
	struct submitted s = submitted(w);
	const json_t *told = event_last(w, "intake.submitted");

	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_submissions WHERE id = '%s' AND patient_id = '%s'", s.submission,
	    s.patient), 1);
	assert_int_equal(sql_int(w,
	    "SELECT count(*) FROM intake_submissions s WHERE encode(payload_enc, 'escape') LIKE '%%Canarybird%%'"), 0);
	assert_string_equal(sql_text(w, "SELECT state FROM intake_sessions WHERE id = '%s'", s.v.intake), "submitted");
	assert_string_equal(json_text_at(told, "submissionId"), s.submission);
	assert_string_equal(json_text_at(told, "platform"), "yourera");
	assert_string_equal(json_text_at(told, "setupIntentId"), SETUP);
	assert_int_equal(json_int_at(told, "amountCents", -1), 29900);
	assert_null(json_object_get(told, "email"));
	for (size_t i = 0; i < COUNT(changes); i++)
		assert_string_equal(sql_text(w, "DO $$ BEGIN %s; RAISE 'changed' USING ERRCODE = 'P9999';"
		    " EXCEPTION WHEN insufficient_privilege THEN NULL; END $$", changes[i]), "");
}

static void
a_repeated_submit_is_answered_and_a_second_one_refused(void **state)
{
	struct world *w = *state;
	struct visitor v = paid(w);
	const char *envelope = seal_for(w, key, v.intake, "1", form_of(w, &v, NULL, NULL)), *once = new_key(w), *first = NULL;

	for (int i = 0; i < 3; i++) {
		send_envelope(w, &v, envelope, once);
		expect_status(w, 201);
		if (i == 0)
			first = answer_text(w, "submissionId");
		expect_text(w, "submissionId", first);
	}
	send_envelope(w, &v, envelope, new_key(w));
	expect_problem(w, 409, "already_submitted");
	pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0));
	expect_problem(w, 409, "already_submitted");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM intake_submissions WHERE intake_id = '%s'", v.intake), 1);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM outbox WHERE topic = 'intake.submitted' AND aggregate_id = '%s'", first),
	    1);
	post(w, BY_PATIENT(v.token), "/intake/submit", text(w, "{\"envelope\":\"%s\"}", envelope));
	assert_int_equal(answer_status(w), 400);
}

static void
a_tampered_envelope_is_refused_and_nothing_is_stored(void **state)
{
	struct world *w = *state;
	struct visitor v = paid(w);
	const char *good = seal_for(w, key, v.intake, "1", form_of(w, &v, NULL, NULL));
	unsigned audited = audit_count(w, "intake.submit", "failure");
	size_t n = strlen(good), cuts[] = { 5, strcspn(good, ".") + 5, n / 2, n - 40, n - 10 };

	for (size_t i = 0; i < COUNT(cuts); i++) {
		char *bad = arena_dup(world_arena(w), good);

		bad[cuts[i]] = bad[cuts[i]] == 'A' ? 'B' : 'A';
		send_envelope(w, &v, bad, new_key(w));
		expect_problem(w, 400, "tampered_envelope");
	}
	assert_int_equal(audit_count(w, "intake.submit", "failure"), audited + COUNT(cuts));
	expect_nothing_stored(w, &v);
	send_envelope(w, &v, seal_for(w, stranger, v.intake, "1", form_of(w, &v, NULL, NULL)), new_key(w));
	expect_problem(w, 422, "unknown_key");
	expect_nothing_stored(w, &v);
}

static void
an_envelope_of_another_intake_or_an_unknown_form_is_refused(void **state)
{
	struct world *w = *state;
	struct visitor v = paid(w), other = paid(w);

	send_envelope(w, &v, seal_for(w, key, other.intake, "1", form_of(w, &v, NULL, NULL)), new_key(w));
	expect_problem(w, 409, "intake_mismatch");
	send_envelope(w, &v, seal_for(w, key, v.intake, "77", form_of(w, &v, NULL, NULL)), new_key(w));
	expect_problem(w, 422, "unknown_form");
	expect_nothing_stored(w, &v);
	expect_nothing_stored(w, &other);
}

static void
a_form_that_breaks_a_rule_is_refused_and_nothing_is_stored(void **state)
{
	static const struct { const char *member, *value; int status; const char *code, *field; } cases[] = {
		{ "price", "1", 400, "unknown_field", "price" }, { "status", "\"approved\"", 400, "unknown_field", "status" },
		{ "heightCm", "89", 422, "validation_failed", "heightCm" },
		    { "heightCm", "251", 422, "validation_failed", "heightCm" },
		{ "phone", "\"555\"", 422, "validation_failed", "phone" }, { "sex", "\"x\"", 422, "validation_failed", "sex" },
		{ "vitals", "{\"systolic\":128,\"diastolic\":82}", 422, "validation_failed", "vitals.pulse" },
		{ "email", "\"somebody-else@patients.example\"", 422, "validation_failed", "email" },
		{ "birthDate", "\"1986-04-18\"", 422, "validation_failed", "birthDate" },
		{ "address", "{\"line1\":\"1 A\",\"city\":\"B\",\"state\":\"FL\",\"zip\":\"33101\"}", 422, "validation_failed",
		    "address.state" },
		{ "answers", "[]", 422, "validation_failed", "answers" },
		{ "consents", "[]", 422, "consent_missing", NULL },
	};
	struct world *w = *state;
	struct visitor v = paid(w);

	for (size_t i = 0; i < COUNT(cases); i++) {
		submit_form(w, &v, form_of(w, &v, cases[i].member, cases[i].value));
		expect_problem(w, cases[i].status, cases[i].code);
		if (cases[i].field != NULL)
			expect_error(w, cases[i].field, NULL);
	}
	submit_form(w, &v, "{\"firstName\":");
	expect_problem(w, 400, "malformed_json");
	expect_nothing_stored(w, &v);
	submit_form(w, &v, form_of(w, &v, NULL, NULL));
	expect_status(w, 201);
}

static void
without_a_saved_card_at_the_locked_price_nothing_is_submitted(void **state)
{
	struct world *w = *state;
	struct visitor v = paid(w), unpaid = proven(w);

	submit_form(w, &unpaid, form_of(w, &unpaid, NULL, NULL));
	expect_problem(w, 422, "card_not_saved");
	stub_once(w, "GET", "/billing/setup-intents/" SETUP, 200, SAVED("requires_payment_method", "29900"));
	submit_form(w, &v, form_of(w, &v, NULL, NULL));
	expect_problem(w, 422, "card_not_saved");
	stub_once(w, "GET", "/billing/setup-intents/" SETUP, 200, SAVED("succeeded", "100"));
	submit_form(w, &v, form_of(w, &v, NULL, NULL));
	expect_problem(w, 400, "amount_mismatch");
	stub_once(w, "GET", "/billing/setup-intents/" SETUP, 503, BUSY);
	submit_form(w, &v, form_of(w, &v, NULL, NULL));
	assert_int_equal(answer_status(w), 503);
	expect_nothing_stored(w, &v);
}

/* ---- Y-DB-04, Y-INT-02, Y-INT-03 */

static const char *
step_of(struct world *w, const struct submitted *s, const char *step)
{
	return sql_text(w, "SELECT status || ' ' || attempts || ' ' || coalesce(last_error, '-') FROM intake_retry_queue"
	    " WHERE submission_id = '%s' AND step = '%s'", s->submission, step);
}

static void
the_ehr_gets_the_patient_and_then_one_task_however_long_it_is_down(void **state)
{
	struct world *w = *state;
	struct submitted s;
	struct uuid submission;
	const char *created;

	stub_once(w, "POST", "/api/ehr/patients", 503, BUSY);
	stub_broken(w, "POST", "/api/ehr/patients", HTTP_UNKNOWN);
	s = submitted(w);
	assert_string_equal(step_of(w, &s, "ehr_patient"), "queued 0 -");
	assert_string_equal(step_of(w, &s, "ehr_task"), "waiting 0 -");
	work(w);
	assert_true(strncmp(step_of(w, &s, "ehr_patient"), "queued 1 ", 9) == 0);
	get(w, BY_ADMIN, "/intake/retry-queue");
	expect_status(w, 200);
	work_all(w);
	assert_string_equal(step_of(w, &s, "ehr_patient"), "sent 3 -");
	assert_int_equal(sent_count(w, "POST", "/api/ehr/patients"), 3);
	assert_string_equal(sent_header(sent_to(w, "POST", "/api/ehr/patients", 0), "Idempotency-Key"),
	    sent_header(sent_to(w, "POST", "/api/ehr/patients", 2), "Idempotency-Key"));
	assert_string_equal(sent_text(sent_to(w, "POST", "/api/ehr/patients", -1), "patient.lastName"), "Canarybird");
	assert_int_equal(sent_count(w, "POST", "/api/ehr/tasks"), 0);

	assert_int_equal(uuid_parse(s.submission, &submission), 0);
	created = text(w, "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"canvasPatientId\":\"cp-1\"}", s.submission, s.patient);
	send_event(w, "integration", "ehr.patient.created", submission, created);
	send_event_again(w);
	send_event(w, "integration", "ehr.patient.created", submission, created);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "/api/ehr/tasks"), 1);
	assert_string_equal(sent_text(sent_to(w, "POST", "/api/ehr/tasks", 0), "canvasPatientId"), "cp-1");
	send_event(w, "integration", "ehr.task.created", submission, text(w,
	    "{\"submissionId\":\"%s\",\"patientId\":\"%s\",\"taskId\":\"t-1\"}",
	    s.submission, s.patient));
	assert_string_equal(step_of(w, &s, "ehr_patient"), "done 3 -");
	assert_string_equal(step_of(w, &s, "ehr_task"), "done 1 -");
}

static void
a_step_that_is_refused_for_good_is_shown_as_failed(void **state)
{
	struct world *w = *state;
	struct submitted s;

	stub_once(w, "POST", "/api/ehr/patients", 422,
	    "{\"type\":\"/problems/validation_failed\",\"status\":422,\"code\":\"validation_failed\"}");
	s = submitted(w);
	work_all(w);
	assert_string_equal(step_of(w, &s, "ehr_patient"), "failed 1 validation_failed");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM job WHERE kind = 'ehr.patient' AND state = 'dead' AND unique_key = '%s'",
	    s.submission), 1);
}

/* ---- who reads what */

static void
contacts_and_submissions_are_read_by_those_who_need_them_and_audited(void **state)
{
	struct world *w = *state;
	struct submitted s = submitted(w);
	const char *submission = text(w, "/intake/submissions/%s", s.submission),
	    *contact = text(w, "/intake/contacts/%s", s.patient);
	unsigned read = audit_count(w, "phi.read", "success");

	get(w, BY_SERVICE("notify"), contact);
	expect_status(w, 200);
	expect_text(w, "firstName", "Marlowe");
	expect_text(w, "email", s.v.email);
	expect_text(w, "phone", "+15045550142");
	get(w, BY_SERVICE("orchestrator"), submission);
	expect_status(w, 200);
	expect_text(w, "patient.address.zip", "70115");
	expect_text(w, "planId", "glp1-monthly");
	assert_int_equal(audit_count(w, "phi.read", "success"), read + 2);
	get(w, BY_SERVICE("notify"), submission);
	expect_problem(w, 403, "forbidden");
	get(w, BY_SERVICE("shipping"), contact);
	expect_problem(w, 403, "forbidden");
	get(w, BY_PATIENT(s.v.token), submission);
	assert_true(answer_status(w) == 401 || answer_status(w) == 403);
	get(w, BY_SERVICE("notify"), "/intake/contacts/" SETUP);
	expect_problem(w, 404, "not_found");
}

static void
the_published_keys_are_public_halves(void **state)
{
	struct world *w = *state;

	get(w, BY_PUBLIC, "/intake/keys");
	expect_status(w, 200);
	expect_text(w, "keys.0.kid", "k1");
	expect_text(w, "keys.0.crv", "P-256");
	expect_absent(w, "keys.0.d");
	get(w, BY_PUBLIC, "/intake/forms/nad");
	expect_status(w, 200);
	assert_int_equal(json_array_size(json_object_get(answer(w), "steps")), 23);
	get(w, BY_PUBLIC, "/intake/forms/none");
	expect_problem(w, 404, "not_found");
}

static void
a_new_intake_type_is_rows_only(void **state)
{
	struct world *w = *state;
	struct visitor v = proven(w);
	const char *token;

	sql_run(w, "INSERT INTO intake_plans (id, intake_type, name, amount_cents) VALUES ('hair-monthly', 'hair', 'Hair', 29900)");
	sql_run(w, "INSERT INTO intake_forms (intake_type, version, title, steps) VALUES ('hair', '3', 'Hair',"
	    " '[{\"linkId\":\"since\",\"text\":\"Since when?\",\"kind\":\"text\",\"required\":true}]')");
	get(w, BY_PUBLIC, "/intake/plans?intakeType=hair");
	expect_text(w, "plans.0.formVersion", "3");
	token = answer_text(w, "plans.0.planToken");
	pay(w, &v, token);
	expect_status(w, 200);
	send_envelope(w, &v, seal_for(w, key, v.intake, "3", form_of(w, &v, NULL, NULL)), new_key(w));
	expect_problem(w, 422, "validation_failed");
	send_envelope(w, &v, seal_for(w, key, v.intake, "3", form_of(w, &v, "answers",
	    "[{\"linkId\":\"since\",\"text\":\"Since when?\",\"answer\":\"2020\"}]")), new_key(w));
	expect_status(w, 201);
}

static void
a_key_file_that_others_may_read_is_refused(void **state)
{
	struct world *w = *state;
	struct problem err = { 0 };

	assert_int_equal(chmod(keys_path, 0644), 0);
	assert_int_equal(keys_load(world_conf(w), &err), -1);
	assert_string_equal(err.code, "open_intake_keys");
	assert_int_equal(chmod(keys_path, 0600), 0);
	problem_clear(&err);
	assert_int_equal(keys_load(world_conf(w), &err), 0);
}

#define RULE(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(only_active_plans_are_listed_each_with_a_good_token), RULE(a_price_is_good_for_fifteen_minutes),
		RULE(a_tampered_missing_or_cheaper_price_is_refused), RULE(nobody_who_cannot_be_served_reaches_stripe),
		RULE(the_payment_step_is_once_per_session_and_locks_the_price),
		RULE(five_tries_are_evaluated_and_the_sixth_fails_though_right),
		RULE(a_code_is_good_once_for_ten_minutes_and_its_own_attempt),
		RULE(a_newer_code_replaces_the_older_and_three_an_hour_are_mailed),
		RULE(the_digits_are_nowhere_once_they_are_mailed), RULE(a_session_is_an_opaque_token_for_four_hours),
		RULE(a_submitted_form_is_sealed_and_kept_for_good), RULE(a_repeated_submit_is_answered_and_a_second_one_refused),
		RULE(a_tampered_envelope_is_refused_and_nothing_is_stored),
		RULE(an_envelope_of_another_intake_or_an_unknown_form_is_refused),
		RULE(a_form_that_breaks_a_rule_is_refused_and_nothing_is_stored),
		RULE(without_a_saved_card_at_the_locked_price_nothing_is_submitted),
		RULE(the_ehr_gets_the_patient_and_then_one_task_however_long_it_is_down),
		RULE(a_step_that_is_refused_for_good_is_shown_as_failed),
		RULE(contacts_and_submissions_are_read_by_those_who_need_them_and_audited),
		RULE(the_published_keys_are_public_halves),
		RULE(a_new_intake_type_is_rows_only), RULE(a_key_file_that_others_may_read_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
