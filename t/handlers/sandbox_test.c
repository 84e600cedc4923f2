/*
 * sandbox_test.c: the stand-ins keep the vendors' contracts, also where those are unkind.
 */
#include "core.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/signature.h"
#include "harness/harness.h"
#include "sandbox/sandbox.h"

#define STRIPE "/sandbox/stripe/v1"
#define FHIR "/sandbox/canvas/fhir"
#define HOOK "https://app.test/billing/webhooks/stripe"
#define SECRET_KEY "Bearer sk_test_of_the_tests"
#define BROWSER_KEY "Bearer pk_test_of_the_tests"

static const char *const settings[] = {
	"SANDBOX_WEBHOOK_BASE=https://app.test", "SANDBOX_SLOW_MS=50", "SANDBOX_STEP=100", "STRIPE_SECRET_KEY=sk_test_of_the_tests",
	"STRIPE_PUBLISHABLE_KEY=pk_test_of_the_tests", "STRIPE_WEBHOOK_SECRET=whsec_of_the_tests", "CANVAS_CLIENT_ID=clinic",
	"CANVAS_CLIENT_SECRET=clinic-secret", "PIONEERRX_API_KEY=prx-key", "PIONEERRX_SHARED_SECRET=prx-shared-secret-0001",
	"BOOTHWYN_API_KEY=boothwyn-key", "BOOTHWYN_WEBHOOK_SECRET=boothwyn-secret", "SENDGRID_API_KEY=SG.test", "TWILIO_ACCOUNT_SID=AC1",
	"TWILIO_AUTH_TOKEN=12345678901234567890123456789012", "FEDEX_CLIENT_ID=fx", "FEDEX_CLIENT_SECRET=fx-secret",
	"FEDEX_ACCOUNT_NUMBER=740561073", NULL
};

static int
setup(void **state)
{
	*state = world_new(&sandbox_service, settings);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void
call(struct world *w, const char *method, const char *target, const char *auth, const char *body)
{
	const struct header headers[] = { { "authorization", auth }, { "host", "localhost:8443" }, { 0 } };

	request(w, BY_PUBLIC, method, target, NULL, body, auth != NULL ? headers : NULL);
}

/* A Stripe call with the secret key. */
static void
stripe(struct world *w, const char *path, const char *key, const char *form)
{
	const struct header headers[] = { { "authorization", SECRET_KEY }, { 0 } };

	request(w, BY_PUBLIC, form != NULL ? "POST" : "GET", text(w, STRIPE "%s", path), key, form, headers);
}

static void
fault(struct world *w, const char *vendor, const char *json)
{
	request(w, BY_PUBLIC, "POST", text(w, "/sandbox/%s/faults", vendor), NULL, json, NULL);
	expect_status(w, 201);
}

/* A customer with a saved card. */
static const char *
customer_with(struct world *w, const char *card, const char **pm)
{
	const char *customer;

	stripe(w, "/customers", NULL, "email=pat%40example.com&metadata[patient]=p-1");
	expect_status(w, 200);
	customer = answer_text(w, "id");
	stripe(w, "/setup_intents", NULL, text(w, "customer=%s&usage=off_session&payment_method=%s&confirm=true", customer, card));
	expect_status(w, 200);
	expect_text(w, "status", "succeeded");
	*pm = answer_text(w, "payment_method");
	return customer;
}

static const char *
charge_form(struct world *w, const char *customer, const char *pm, const char *more)
{
	return text(w, "amount=4900&currency=usd&customer=%s&payment_method=%s&off_session=true&confirm=true%s", customer, pm, more);
}

/* ---- Stripe: keys */

static void
the_publishable_key_only_confirms_what_it_knows(void **state)
{
	struct world *w = *state;
	const char *id, *secret;

	call(w, "POST", STRIPE "/customers", NULL, "email=a%40example.com");
	expect_status(w, 401);
	call(w, "POST", STRIPE "/customers", "Bearer sk_test_other", "email=a%40example.com");
	expect_status(w, 401);
	call(w, "POST", STRIPE "/customers", BROWSER_KEY, "email=a%40example.com");
	expect_status(w, 401);
	expect_text(w, "error.code", "secret_key_required");
	stripe(w, "/setup_intents", NULL, "usage=off_session&metadata[intake]=i-1");
	id = answer_text(w, "id");
	secret = answer_text(w, "client_secret");
	call(w, "POST", text(w, STRIPE "/setup_intents/%s/confirm", id), BROWSER_KEY, "payment_method=pm_card_visa");
	expect_status(w, 400);
	call(w, "POST", text(w, STRIPE "/setup_intents/%s/confirm", id), BROWSER_KEY, "payment_method=pm_card_visa&client_secret=wrong");
	expect_status(w, 400);
	call(w, "POST", text(w, STRIPE "/setup_intents/%s/confirm", id), BROWSER_KEY, text(w, "payment_method=pm_card_visa&client_secret=%s", secret));
	expect_status(w, 200);
	expect_text(w, "status", "succeeded");
	expect_absent(w, "metadata");
	call(w, "GET", text(w, STRIPE "/setup_intents/%s?client_secret=%s", id, secret), BROWSER_KEY, NULL);
	expect_status(w, 200);
}

static void
a_key_answers_once_and_then_repeats_itself(void **state)
{
	struct world *w = *state;
	const char *first;

	stripe(w, "/customers", "k-1", "email=once%40example.com&metadata[a]=1");
	expect_status(w, 200);
	first = answer_text(w, "id");
	stripe(w, "/customers", "k-1", "metadata%5Ba%5D=1&email=once%40example.com");	/* another order and encoding: the same parameters */
	expect_text(w, "id", first);
	assert_string_equal(answer_header(w, "Idempotent-Replayed"), "true");
	stripe(w, "/customers", "k-1", "email=twice%40example.com");
	expect_status(w, 400);
	expect_text(w, "error.type", "idempotency_error");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM object WHERE type = 'customer' AND data->>'email' = 'once@example.com'"), 1);
}

static void
a_key_in_use_is_a_conflict(void **state)
{
	struct world *w = *state;

	sql_run(w, "SELECT pg_advisory_lock(hashtextextended('stripe k-busy', 0))");
	stripe(w, "/customers", "k-busy", "email=b%40example.com");
	expect_status(w, 409);
	expect_text(w, "error.code", "idempotency_key_in_use");
	sql_run(w, "SELECT pg_advisory_unlock(hashtextextended('stripe k-busy', 0))");
	stripe(w, "/customers", "k-busy", "email=b%40example.com");
	expect_status(w, 200);
}

static void
a_bad_parameter_is_not_kept_under_its_key(void **state)
{
	struct world *w = *state;

	stripe(w, "/payment_intents", "k-bad", "amount=4900&currency=usd&payment_method_types[0]=card");
	expect_status(w, 400);
	expect_text(w, "error.code", "parameter_unknown");
	expect_text(w, "error.param", "payment_method_types");
	stripe(w, "/payment_intents", "k-bad", "currency=usd");
	expect_text(w, "error.code", "parameter_missing");
	expect_text(w, "error.param", "amount");
	stripe(w, "/payment_intents", "k-bad", "amount=4900&currency=usd");
	expect_status(w, 200);
	expect_text(w, "status", "requires_payment_method");
}

static void
a_stored_500_stays_a_500(void **state)
{
	struct world *w = *state;

	fault(w, "stripe", "{\"mode\":\"error500\"}");
	stripe(w, "/customers", "k-500", "email=c%40example.com");
	expect_status(w, 500);
	expect_text(w, "error.type", "api_error");
	stripe(w, "/customers", "k-500", "email=c%40example.com");
	expect_status(w, 500);
	assert_string_equal(answer_header(w, "Idempotent-Replayed"), "true");
	fault(w, "stripe", "{\"mode\":\"error503\"}");
	stripe(w, "/customers", "k-503", "email=c%40example.com");
	expect_status(w, 503);
	stripe(w, "/customers", "k-503", "email=c%40example.com");
	expect_status(w, 200);
}

static void
an_answer_lost_after_the_effect_is_replayed(void **state)
{
	struct world *w = *state;

	fault(w, "stripe", "{\"mode\":\"timeout_after\",\"count\":1,\"path\":\"/customers\"}");
	stripe(w, "/coupons", NULL, "percent_off=10&id=SPRING");
	expect_status(w, 200);
	stripe(w, "/customers", "k-lost", "email=lost%40example.com");
	expect_status(w, 502);
	assert_int_equal(answer_bytes(w).n, 0);
	stripe(w, "/customers", "k-lost", "email=lost%40example.com");
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM object WHERE type = 'customer' AND data->>'email' = 'lost@example.com'"), 1);
}

/* ---- Stripe: money */

static void
an_authorised_amount_is_captured_once(void **state)
{
	struct world *w = *state;
	const char *pm, *customer = customer_with(w, "pm_card_visa", &pm), *pi;

	stripe(w, "/payment_intents", "pay-1", charge_form(w, customer, pm, "&capture_method=manual&metadata[run_id]=run-1"));
	expect_status(w, 200);
	expect_text(w, "status", "requires_capture");
	expect_int(w, "amount_capturable", 4900);
	expect_int(w, "amount_received", 0);
	pi = answer_text(w, "id");
	stripe(w, text(w, "/payment_intents/%s/capture", pi), "cap-0", "amount_to_capture=4901");
	expect_status(w, 400);
	stripe(w, text(w, "/payment_intents/%s/capture", pi), "cap-1", "");
	expect_status(w, 200);
	expect_text(w, "status", "succeeded");
	expect_int(w, "amount_received", 4900);
	stripe(w, text(w, "/payment_intents/%s/capture", pi), "cap-2", "");
	expect_status(w, 400);
	expect_text(w, "error.code", "payment_intent_unexpected_state");
	stripe(w, text(w, "/payment_intents/%s/cancel", pi), "can-1", "");
	expect_status(w, 400);
	stripe(w, text(w, "/payment_intents?customer=%s", customer), NULL, NULL);
	expect_text(w, "data.0.id", pi);
	get(w, BY_PUBLIC, "/sandbox/stripe/ledger?key=run-1&type=payment_intent");
	expect_status(w, 200);
	expect_int(w, "count", 1);
	expect_int(w, "entries.0.data.charges.0.amount_captured", 4900);
	expect_absent(w, "entries.0.data.charges.1");
}

static void
a_cancelled_authorisation_takes_nothing(void **state)
{
	struct world *w = *state;
	const char *pm, *customer = customer_with(w, "pm_card_visa", &pm), *pi;

	stripe(w, "/payment_intents", NULL, charge_form(w, customer, pm, "&capture_method=manual"));
	pi = answer_text(w, "id");
	stripe(w, text(w, "/payment_intents/%s/cancel", pi), NULL, "cancellation_reason=abandoned");
	expect_text(w, "status", "canceled");
	stripe(w, text(w, "/payment_intents/%s/capture", pi), NULL, "");
	expect_status(w, 400);
}

static void
cards_answer_as_the_table_says(void **state)
{
	static const struct { const char *card, *code, *decline; } cards[] = {
		{ "pm_card_visa_chargeDeclined", "card_declined", "generic_decline" },
		{ "pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds" },
		{ "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card" },
		{ "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card" },
		{ "pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card" },
		{ "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc" },
		{ "pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error" },
		{ "pm_card_chargeCustomerFail", "card_declined", "generic_decline" },
		{ "pm_card_authenticationRequired", "authentication_required", "authentication_required" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cards); i++) {
		stripe(w, "/payment_intents", NULL, text(w, "amount=500&currency=usd&payment_method=%s&confirm=true&off_session=true", cards[i].card));
		expect_status(w, 402);
		expect_text(w, "error.type", "card_error");
		expect_text(w, "error.code", cards[i].code);
		expect_text(w, "error.decline_code", cards[i].decline);
		expect_text(w, "error.payment_intent.status", "requires_payment_method");
	}
}

static void
a_saved_card_may_still_decline(void **state)
{
	struct world *w = *state;
	const char *pm, *customer = customer_with(w, "pm_card_chargeCustomerFail", &pm);

	stripe(w, "/payment_intents", "decl-1", charge_form(w, customer, pm, "&capture_method=manual"));
	expect_status(w, 402);
	stripe(w, "/payment_intents", "decl-1", charge_form(w, customer, pm, "&capture_method=manual"));
	expect_status(w, 402);	/* a decline is a stored result */
	assert_string_equal(answer_header(w, "Idempotent-Replayed"), "true");
	stripe(w, "/payment_methods/pm_card_visa_chargeDeclined/attach", NULL, text(w, "customer=%s", customer));
	expect_status(w, 402);
}

static void
the_cardholder_can_be_asked(void **state)
{
	struct world *w = *state;
	const char *id;

	stripe(w, "/payment_intents", NULL, "amount=500&currency=usd&payment_method=pm_card_authenticationRequired&confirm=true");
	expect_status(w, 200);
	expect_text(w, "status", "requires_action");
	expect_text(w, "next_action.type", "use_stripe_sdk");
	id = answer_text(w, "id");
	call(w, "POST", "/sandbox/stripe/authenticate", NULL, text(w, "id=%s", id));
	expect_text(w, "status", "succeeded");
}

static void
a_card_belongs_to_its_customer(void **state)
{
	struct world *w = *state;
	const char *pm, *other, *customer = customer_with(w, "pm_card_visa", &pm);

	stripe(w, "/customers", NULL, "email=other%40example.com");
	other = answer_text(w, "id");
	stripe(w, "/payment_intents", NULL, charge_form(w, other, pm, ""));
	expect_status(w, 400);
	stripe(w, text(w, "/payment_methods/%s/detach", pm), NULL, "");
	expect_status(w, 200);
	stripe(w, "/payment_intents", NULL, charge_form(w, customer, pm, ""));
	expect_status(w, 400);
	stripe(w, text(w, "/payment_methods/%s/attach", pm), NULL, text(w, "customer=%s", customer));
	expect_status(w, 400);
}

static void
a_refund_ends_where_the_charge_ends(void **state)
{
	struct world *w = *state;
	const char *pm, *customer = customer_with(w, "pm_card_visa", &pm), *pi;

	stripe(w, "/payment_intents", NULL, charge_form(w, customer, pm, ""));
	expect_text(w, "status", "succeeded");
	pi = answer_text(w, "id");
	stripe(w, "/refunds", NULL, text(w, "payment_intent=%s&amount=4901", pi));
	expect_status(w, 400);
	stripe(w, "/refunds", NULL, text(w, "payment_intent=%s&amount=900", pi));
	expect_text(w, "status", "succeeded");
	stripe(w, "/refunds", NULL, text(w, "payment_intent=%s", pi));
	expect_int(w, "amount", 4000);
	stripe(w, "/refunds", NULL, text(w, "payment_intent=%s", pi));
	expect_status(w, 400);
	expect_text(w, "error.code", "charge_already_refunded");
}

static void
amounts_have_limits(void **state)
{
	static const struct { const char *amount; int status; } cases[] = {
		{ "49", 400 }, { "50", 200 }, { "99999999", 200 }, { "100000000", 400 }, { "12.5", 400 }, { "-50", 400 }, { "+50", 400 }, { "lots", 400 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		stripe(w, "/payment_intents", NULL, text(w, "amount=%s&currency=usd", cases[i].amount));
		expect_status(w, cases[i].status);
	}
}

static void
a_coupon_is_created_once_and_ends(void **state)
{
	struct world *w = *state;

	stripe(w, "/coupons", NULL, "id=HALF&percent_off=50&duration=once&redeem_by=1");
	expect_status(w, 200);
	stripe(w, "/coupons/HALF", NULL, NULL);
	assert_true(json_is_false(json_object_get(answer(w), "valid")));
	stripe(w, "/coupons", NULL, "id=HALF&percent_off=50");
	expect_text(w, "error.code", "resource_already_exists");
	stripe(w, "/coupons/NONE", NULL, NULL);
	expect_status(w, 404);
}

/* ---- Stripe: webhooks */

static void
a_webhook_is_signed_and_repeated_until_taken(void **state)
{
	struct world *w = *state;
	struct problem err = { 0 };
	const struct sent *s;
	const char *pm;

	stub(w, "POST", HOOK, 200, "");
	work_all(w);
	stubs_clear(w);
	stub(w, "POST", HOOK, 200, "");
	stub_once(w, "POST", HOOK, 500, "");
	(void)customer_with(w, "pm_card_visa", &pm);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", HOOK), 2);
	s = sent_to(w, "POST", HOOK, -1);
	assert_string_equal(sent_text(s, "type"), "setup_intent.succeeded");
	assert_string_equal(s->raw, sent_to(w, "POST", HOOK, 0)->raw);
	assert_int_equal(stripe_check("whsec_of_the_tests", sent_header(s, "Stripe-Signature"), BYTES_OF(s->raw), clock_us(), &err), 0);
	stripe(w, text(w, "/events/%s", sent_text(s, "id")), NULL, NULL);
	expect_int(w, "pending_webhooks", 0);
}

static void
a_webhook_can_come_twice_or_forged(void **state)
{
	struct world *w = *state;
	struct problem err = { 0 };
	const struct sent *s;
	const char *pm;

	stub(w, "POST", HOOK, 200, "");
	work_all(w);
	stubs_clear(w);
	stub(w, "POST", HOOK, 200, "");
	fault(w, "stripe", "{\"mode\":\"webhook_duplicate\"}");
	(void)customer_with(w, "pm_card_visa", &pm);
	work_all(w);
	assert_int_equal(sent_count(w, "POST", HOOK), 2);
	stubs_clear(w);
	stub(w, "POST", HOOK, 200, "");
	stub_once(w, "POST", HOOK, 401, "");
	fault(w, "stripe", "{\"mode\":\"webhook_bad_signature\"}");
	(void)customer_with(w, "pm_card_visa", &pm);
	work_all(w);
	s = sent_to(w, "POST", HOOK, 0);
	assert_int_equal(stripe_check("whsec_of_the_tests", sent_header(s, "Stripe-Signature"), BYTES_OF(s->raw), clock_us(), &err), -1);
	s = sent_to(w, "POST", HOOK, 1);
	assert_int_equal(stripe_check("whsec_of_the_tests", sent_header(s, "Stripe-Signature"), BYTES_OF(s->raw), clock_us(), &err), 0);
}

/* ---- Canvas */

#define PRACTITIONER "a1000000000000000000000000000001"
#define QUESTIONNAIRE "1f0c9f2e-6b1d-4c57-9a3e-2d5b7c8e0a11"
#define SEX "\"extension\":[{\"url\":\"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex\",\"valueCode\":\"F\"}]"
#define NAME "\"name\":[{\"use\":\"official\",\"family\":\"Example\",\"given\":[\"Pat\"]}]"
#define PATIENT(mark, more) "{\"resourceType\":\"Patient\"," NAME ",\"birthDate\":\"1986-04-17\",\"gender\":\"female\"," SEX \
	",\"identifier\":[{\"system\":\"https://ours\",\"value\":\"" mark "\"}]" more "}"

static const char *
canvas_token(struct world *w)
{
	call(w, "POST", "/sandbox/canvas/auth/token/", NULL, "grant_type=client_credentials&client_id=clinic&client_secret=clinic-secret");
	expect_status(w, 200);
	expect_int(w, "expires_in", 36000);
	return text(w, "Bearer %s", answer_text(w, "access_token"));
}

/* Creates and returns the id out of Location, as a client has to. */
static const char *
create(struct world *w, const char *token, const char *resource, const char *body)
{
	char *at, *id;

	call(w, "POST", text(w, FHIR "/%s", resource), token, body);
	expect_status(w, 201);
	assert_int_equal(answer_bytes(w).n, 4);
	assert_memory_equal(answer_bytes(w).p, "null", 4);
	at = strstr(answer_header(w, "Location"), text(w, "/%s/", resource));
	assert_non_null(at);
	id = arena_dup(world_arena(w), at + strlen(resource) + 2);
	assert_string_equal(strchr(id, '/'), "/_history/1");
	*strchr(id, '/') = '\0';
	return id;
}

static void
canvas_wants_its_token(void **state)
{
	struct world *w = *state;

	call(w, "POST", "/sandbox/canvas/auth/token/", NULL, "grant_type=client_credentials&client_id=clinic&client_secret=wrong");
	expect_status(w, 401);
	call(w, "GET", FHIR "/Patient", "Bearer nothing", NULL);
	expect_status(w, 401);
	expect_text(w, "resourceType", "OperationOutcome");
	const char *token = canvas_token(w);
	call(w, "GET", FHIR "/Patient", token, NULL);
	expect_status(w, 200);
	sql_run(w, "UPDATE token SET expires_at = now() - interval '1 second'");
	call(w, "GET", FHIR "/Patient", token, NULL);
	expect_status(w, 401);
}

static void
a_patient_posted_twice_is_two_patients(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w), *first = create(w, token, "Patient", PATIENT("mark-twice", "")), *second;

	assert_int_equal(strlen(first), 32);
	second = create(w, token, "Patient", PATIENT("mark-twice", ""));
	assert_string_not_equal(first, second);
	call(w, "GET", FHIR "/Patient?identifier=https%3A%2F%2Fours%7Cmark-twice", token, NULL);
	expect_int(w, "total", 2);
	expect_text(w, "entry.0.resource.id", first);
	call(w, "GET", FHIR "/Patient?identifier=https%3A%2F%2Ftheirs%7Cmark-twice", token, NULL);
	expect_int(w, "total", 0);
	expect_absent(w, "entry");
	get(w, BY_PUBLIC, "/sandbox/canvas/ledger?key=mark-twice");
	expect_int(w, "count", 2);
}

static void
canvas_refuses_what_it_cannot_take(void **state)
{
	static const struct { const char *resource, *body; int status; } cases[] = {
		{ "Patient", "{", 400 },
		{ "Patient", "{\"resourceType\":\"Task\"}", 400 },
		{ "Patient", "{" NAME ",\"birthDate\":\"1986-04-17\"," SEX "}", 422 },
		{ "Patient", "{" NAME ",\"birthDate\":\"1986-02-30\",\"gender\":\"female\"," SEX "}", 422 },
		{ "Patient", "{" NAME ",\"birthDate\":\"1986-04-17\",\"gender\":\"female\"}", 422 },
		{ "Patient", PATIENT("x", ",\"telecom\":[{\"system\":\"phone\",\"value\":\"+15045550142\"}]"), 422 },
		{ "Task", "{\"status\":\"requested\",\"intent\":\"order\",\"description\":\"x\",\"requester\":{\"reference\":\"Practitioner/" PRACTITIONER "\"}}", 422 },
		{ "Task", "{\"status\":\"requested\",\"intent\":\"unknown\",\"description\":\"x\",\"requester\":{\"reference\":\"Practitioner/nobody\"}}", 422 },
		{ "MedicationRequest", "{}", 405 },
		{ "Practitioner", "{}", 405 },
		{ "Unicorn", "{}", 404 },
	};
	struct world *w = *state;
	const char *token = canvas_token(w);

	for (size_t i = 0; i < COUNT(cases); i++) {
		call(w, "POST", text(w, FHIR "/%s", cases[i].resource), token, cases[i].body);
		expect_status(w, cases[i].status);
		expect_text(w, "resourceType", "OperationOutcome");
	}
	call(w, "DELETE", FHIR "/Practitioner/" PRACTITIONER, token, NULL);
	expect_status(w, 405);
	call(w, "GET", FHIR "/Patient/nobody", token, NULL);
	expect_status(w, 404);
	call(w, "GET", FHIR "/Patient?colour=blue", token, NULL);
	expect_status(w, 400);
}

static void
contacts_left_out_of_an_update_are_gone(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w);
	const char *id = create(w, token, "Patient", PATIENT("mark-put", ",\"telecom\":[{\"system\":\"email\",\"value\":\"a@example.com\"}]"));

	call(w, "GET", text(w, FHIR "/Patient/%s", id), token, NULL);
	expect_text(w, "telecom.0.value", "a@example.com");
	call(w, "PUT", text(w, FHIR "/Patient/%s", id), token, text(w, "{\"id\":\"%s\"," NAME ",\"birthDate\":\"1986-04-18\",\"gender\":\"female\"," SEX "}", id));
	expect_status(w, 200);
	call(w, "GET", text(w, FHIR "/Patient/%s", id), token, NULL);
	expect_absent(w, "telecom");
	expect_text(w, "birthDate", "1986-04-18");
	expect_text(w, "identifier.0.value", "mark-put");
}

#define TASK(patient, more) "{\"resourceType\":\"Task\",\"status\":\"requested\",\"intent\":\"unknown\",\"requester\":{\"reference\":\"Practitioner/" \
	PRACTITIONER "\"},\"for\":{\"reference\":\"Patient/%s\"}" more "}"
#define NOTE(words) ",\"note\":[{\"text\":\"" words "\",\"authorReference\":{\"reference\":\"Practitioner/" PRACTITIONER "\"}}]"

static void
a_task_collects_notes_and_forgets_what_is_left_out(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w), *patient = create(w, token, "Patient", PATIENT("mark-task", "")), *id;

	id = create(w, token, "Task", text(w, TASK("%s", ",\"description\":\"Rx Review\",\"input\":[{\"type\":{\"text\":\"label\"},\"valueString\":\"ours-1\"}]"
	    NOTE("one")), patient));
	call(w, "GET", text(w, FHIR "/Task?patient=Patient%%2F%s&label=ours-1&status=requested", patient), token, NULL);
	expect_int(w, "total", 1);
	expect_text(w, "entry.0.resource.id", id);
	call(w, "PUT", text(w, FHIR "/Task/%s", id), token, text(w, TASK("%s", ",\"id\":\"%s\",\"description\":\"Rx Review\"" NOTE("two")), patient, id));
	expect_status(w, 200);
	call(w, "GET", text(w, FHIR "/Task/%s", id), token, NULL);
	expect_text(w, "note.0.text", "one");
	expect_text(w, "note.1.text", "two");
	expect_absent(w, "input");
	call(w, "GET", text(w, FHIR "/Task?patient=Patient%%2F%s&modified=ge2020-01-01", patient), token, NULL);
	expect_int(w, "total", 1);
	call(w, "GET", text(w, FHIR "/Task?patient=Patient%%2F%s&modified=lt2020-01-01", patient), token, NULL);
	expect_int(w, "total", 0);
}

#define LOINC(code) "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"" code "\",\"display\":\"x\"}]}"

static void
vitals_answers_and_documents_are_charted(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w), *patient = create(w, token, "Patient", PATIENT("mark-chart", ""));
	const char *subject = text(w, "\"subject\":{\"reference\":\"Patient/%s\"}", patient);

	call(w, "POST", FHIR "/Observation", token, text(w, "{\"status\":\"final\"," LOINC("29463-7") ",%s,\"valueQuantity\":{\"value\":92.5,\"unit\":\"lb\"}}", subject));
	expect_status(w, 422);
	create(w, token, "Observation", text(w, "{\"status\":\"final\"," LOINC("29463-7") ",%s,\"valueQuantity\":{\"value\":92.5,\"unit\":\"kg\"}}", subject));
	call(w, "GET", text(w, FHIR "/Observation?patient=Patient%%2F%s&code=http%%3A%%2F%%2Floinc.org%%7C29463-7&category=vital-signs", patient), token, NULL);
	expect_int(w, "total", 1);
	call(w, "POST", FHIR "/QuestionnaireResponse", token, text(w, "{\"questionnaire\":\"Questionnaire/" QUESTIONNAIRE "\",\"status\":\"completed\",%s,"
	    "\"item\":[{\"linkId\":\"shoe\",\"answer\":[{\"valueString\":\"9\"}]}]}", subject));
	expect_status(w, 422);
	create(w, token, "QuestionnaireResponse", text(w, "{\"questionnaire\":\"Questionnaire/" QUESTIONNAIRE "\",\"status\":\"completed\",%s,"
	    "\"item\":[{\"linkId\":\"goal\",\"answer\":[{\"valueString\":\"sleep\"}]}]}", subject));
#define DOC(n) "{\"url\":\"http://schemas.canvasmedical.com/fhir/document-reference-" n "\","
	call(w, "POST", FHIR "/DocumentReference", token, text(w, "{\"status\":\"current\",%s,\"extension\":[" DOC("clinical-date") "\"valueDate\":\"2026-01-01\"},"
	    DOC("reviewer") "\"valueReference\":{\"reference\":\"Practitioner/" PRACTITIONER "\"}}," DOC("requires-signature") "\"valueBoolean\":false}],"
	    "\"type\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"47039-3\"}]},\"category\":[{\"coding\":[{\"system\":"
	    "\"http://schemas.canvasmedical.com/fhir/document-reference-category\",\"code\":\"uncategorizedclinicaldocument\"}]}],"
	    "\"content\":[{\"attachment\":{\"contentType\":\"application/pdf\",\"data\":\"JVBERi0xLjQK\"}}]}", subject));
	expect_status(w, 201);
	call(w, "GET", text(w, FHIR "/DocumentReference?patient=Patient%%2F%s", patient), token, NULL);
	expect_text(w, "entry.0.resource.content.0.attachment.contentType", "application/pdf");
	expect_absent(w, "entry.0.resource.content.0.attachment.data");
}

static void
a_bundle_has_pages(void **state)
{
	struct world *w = *state;
	const char *token = canvas_token(w);

	call(w, "GET", FHIR "/Practitioner?_count=2", token, NULL);
	expect_int(w, "total", 3);
	expect_text(w, "link.2.relation", "next");
	expect_text(w, "link.2.url", "/Practitioner?_count=2&_offset=2");
	call(w, "GET", FHIR "/Practitioner?npiNumber=2000000028", token, NULL);
	expect_int(w, "total", 1);
	expect_text(w, "entry.0.resource.name.0.given.0", "Blake");
}

/* ---- messages */

#define MAIL(to) "{\"personalizations\":[{\"to\":[{\"email\":\"" to "\"}],\"custom_args\":{\"nid\":\"n-1\"}}],\"from\":{\"email\":\"care@telerx.example\"}," \
	"\"subject\":\"Your code\",\"content\":[{\"type\":\"text/plain\",\"value\":\"It is 123456\"},{\"type\":\"text/html\",\"value\":\"<b>123456</b>\"}]}"

static void
a_mail_can_be_read_in_the_outbox(void **state)
{
	static const struct { const char *body; int status; } bad[] = {
		{ "{", 400 }, { "{\"from\":{\"email\":\"care@telerx.example\"}}", 400 }, { MAIL("nobody"), 400 }, { MAIL("http429@example.com"), 429 },
		{ MAIL("http500@example.com"), 500 }, { MAIL("http401@example.com"), 401 },
	};
	struct world *w = *state;

	call(w, "POST", "/sandbox/sendgrid/v3/mail/send", "Bearer SG.other", MAIL("reader@example.com"));
	expect_status(w, 401);
	for (size_t i = 0; i < COUNT(bad); i++) {
		call(w, "POST", "/sandbox/sendgrid/v3/mail/send", "Bearer SG.test", bad[i].body);
		expect_status(w, bad[i].status);
		assert_non_null(json_at(answer(w), "errors.0.message"));
	}
	for (int i = 0; i < 2; i++) {
		call(w, "POST", "/sandbox/sendgrid/v3/mail/send", "Bearer SG.test", MAIL("Reader@example.com"));
		expect_status(w, 202);
		assert_int_equal(strlen(answer_header(w, "X-Message-Id")), 22);
	}
	get(w, BY_PUBLIC, "/sandbox/outbox?to=reader@example.com");
	expect_status(w, 200);
	expect_text(w, "messages.1.text", "It is 123456");
	expect_text(w, "messages.1.channel", "email");
	expect_text(w, "messages.1.subject", "Your code");
	get(w, BY_PUBLIC, "/sandbox/sendgrid/ledger?key=n-1");
	expect_int(w, "count", 2);
}

static void
twilio_refuses_its_magic_numbers(void **state)
{
	static const struct { const char *from, *to; int status, code; } cases[] = {
		{ "%2B15005550006", "%2B14155550123", 201, 0 }, { "%2B15005550001", "%2B14155550123", 400, 21212 },
		{ "%2B15005550006", "%2B15005550001", 400, 21211 }, { "%2B15005550006", "%2B15005550004", 400, 21610 },
		{ "%2B15005550006", "%2B15005550009", 400, 21614 }, { "%2B15005550006", "4155550123", 400, 21211 },
	};
	struct world *w = *state;
	const char *auth = "Basic QUMxOjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy", *sid;

	call(w, "POST", "/sandbox/twilio/2010-04-01/Accounts/AC1/Messages.json", "Basic QUMxOndyb25n", "To=%2B14155550123&From=%2B15005550006&Body=x");
	expect_status(w, 401);
	expect_int(w, "code", 20003);
	for (size_t i = 0; i < COUNT(cases); i++) {
		call(w, "POST", "/sandbox/twilio/2010-04-01/Accounts/AC1/Messages.json", auth, text(w, "To=%s&From=%s&Body=Hello", cases[i].to, cases[i].from));
		expect_status(w, cases[i].status);
		if (cases[i].code != 0)
			expect_int(w, "code", cases[i].code);
	}
	call(w, "POST", "/sandbox/twilio/2010-04-01/Accounts/AC1/Messages.json", auth,
	    "To=%2B14155550199&From=%2B15005550006&Body=Hello&StatusCallback=https%3A%2F%2Fapp.test%2Fsms");
	sid = answer_text(w, "sid");
	call(w, "GET", text(w, "/sandbox/twilio/2010-04-01/Accounts/AC1/Messages/%s.json", sid), auth, NULL);
	expect_text(w, "status", "queued");
}

static void
twilio_signs_its_callbacks(void **state)
{
	struct world *w = *state;
	const char *auth = "Basic QUMxOjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy";
	const char *names[8] = { "AccountSid", "ApiVersion", "From", "MessageSid", "MessageStatus", "SmsSid", "SmsStatus", "To" };
	const char *values[8] = { "AC1", "2010-04-01", "+15005550006", NULL, "queued", NULL, "queued", "+14155550100" };
	struct problem err = { 0 };
	const struct sent *s;

	stub(w, "POST", HOOK, 200, "");
	work_all(w);
	stubs_clear(w);
	call(w, "POST", "/sandbox/twilio/2010-04-01/Accounts/AC1/Messages.json", auth,
	    "To=%2B14155550100&From=%2B15005550006&Body=Hello&StatusCallback=https%3A%2F%2Fapp.test%2Fsms");
	values[3] = values[5] = answer_text(w, "sid");
	stub(w, "POST", "https://app.test/sms", 204, "");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "https://app.test/sms"), 3);
	s = sent_to(w, "POST", "https://app.test/sms", 0);
	assert_int_equal(twilio_check("12345678901234567890123456789012", sent_header(s, "X-Twilio-Signature"), "https://app.test/sms", names, values, 8, &err), 0);
}

static void
a_slack_hook_says_ok_or_why_not(void **state)
{
	static const struct { const char *word, *body; int status; const char *says; } cases[] = {
		{ "ok", "{\"text\":\"2 runs wait\"}", 200, "ok" }, { "ok", "{}", 400, "no_text" }, { "ok", "text", 400, "invalid_payload" },
		{ "channel_is_archived", "{\"text\":\"x\"}", 410, "channel_is_archived" }, { "limited", "{\"text\":\"x\"}", 429, "rate_limited" },
		{ "limited", "{\"text\":\"x\"}", 200, "ok" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		call(w, "POST", text(w, "/sandbox/slack/services/T000/B000/%s", cases[i].word), NULL, cases[i].body);
		expect_status(w, cases[i].status);
		assert_int_equal(answer_bytes(w).n, strlen(cases[i].says));
		assert_memory_equal(answer_bytes(w).p, cases[i].says, strlen(cases[i].says));
	}
}

/* ---- pharmacies */

#define CASE "b51d9a52-7a51-4b0c-9d7e-0f6f4f3d2a10"
#define ORDER(sku) "{\"caseId\":\"" CASE "\",\"orderType\":1,\"shippingMethod\":43,\"patient\":{\"firstName\":\"Pat\",\"lastName\":\"Example\"," \
	"\"email\":\"pat@example.com\",\"dateOfBirth\":\"1986-04-17\",\"address\":{\"address1\":\"1 Main St\",\"city\":\"Austin\",\"state\":\"CO\"," \
	"\"zipCode\":\"80202\"}},\"clinician\":{\"fullName\":\"Avery Sample\",\"licenses\":[{\"type\":\"npi\",\"value\":\"2000000010\"}]}," \
	"\"prescriptions\":[{\"sku\":\"" sku "\",\"amount\":1,\"unit\":\"vial\",\"daysSupply\":30,\"instructions\":\"weekly\"}]}"

static void
boothwyn(struct world *w, const char *key, const char *body)
{
	const struct header headers[] = { { "x-functions-key", key }, { 0 } };

	request(w, BY_PUBLIC, "POST", "/sandbox/boothwyn/api/Prescriptions/B2B", NULL, body, headers);
}

static void
boothwyn_receives_ships_and_tells(void **state)
{
	struct world *w = *state;
	const struct sent *s;
	const char *number;

	stub(w, "POST", HOOK, 200, "");
	work_all(w);
	stubs_clear(w);
	boothwyn(w, "wrong", ORDER("SEMA-1"));
	expect_status(w, 401);
	boothwyn(w, "boothwyn-key", ORDER("REJECT-1"));
	expect_status(w, 200);
	assert_true(json_is_false(json_object_get(answer(w), "Success")));
	boothwyn(w, "boothwyn-key", ORDER("SEMA-1"));
	expect_text(w, "Results.0.CaseId", CASE);
	stub(w, "POST", "https://app.test/rx/webhooks/boothwyn", 200, "{}");
	stub_once(w, "POST", "https://app.test/rx/webhooks/boothwyn", 404, "{}");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", "https://app.test/rx/webhooks/boothwyn"), 3);
	s = sent_to(w, "POST", "https://app.test/rx/webhooks/boothwyn", -1);
	assert_string_equal(sent_header(s, "boothwyn-signature"), "boothwyn-secret");
	get(w, BY_PUBLIC, "/sandbox/boothwyn/ledger?key=" CASE);
	expect_int(w, "count", 1);
	expect_text(w, "entries.0.data.rxStatus", "Shipped");
	number = answer_text(w, "entries.0.data.trackingNumber");
	get(w, BY_PUBLIC, text(w, "/sandbox/fedex/ledger?key=%s", number));
	expect_int(w, "count", 1);
	expect_text(w, "entries.0.data.recipient.address.city", "Austin");
}

static void
pioneer(struct world *w, int64_t at, const char *body)
{
	char stamp[CLOCK_TEXT];
	struct buf signature = BUF_INIT(200);

	pioneerrx_sign(clock_text(at, stamp), "prx-shared-secret-0001", &signature);
	const struct header headers[] = { { "prx-api-key", "prx-key" }, { "prx-timestamp", stamp }, { "prx-signature", buf_str(&signature) }, { 0 } };

	request(w, BY_PUBLIC, "POST", "/sandbox/pioneerrx/api/enterprise/method/process", NULL, body, headers);
	buf_release(&signature);
}

#define METHOD(name, params) "{\"MethodName\":\"" name "\",\"Version\":\"1.0\",\"ParameterCollection\":[{\"Name\":\"RequestedByEmployeeID\",\"Value\":\"7\"}" \
	params "]}"
#define PARAM(name, value) ",{\"Name\":\"" name "\",\"Value\":\"" value "\"}"
#define PERSON PARAM("LastName", "Example") PARAM("FirstName", "Pat") PARAM("DateOfBirth", "4/17/1986")

static void
pioneerrx_wants_a_fresh_signature(void **state)
{
	static const struct { int64_t off_s; int status; } cases[] = { { 0, 200 }, { -299, 200 }, { 299, 200 }, { -302, 401 }, { 302, 401 } };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		pioneer(w, clock_us() + cases[i].off_s * US_PER_S, METHOD("Test", ""));
		expect_status(w, cases[i].status);
	}
	call(w, "POST", "/sandbox/pioneerrx/api/enterprise/isAuthenticated", NULL, "");
	expect_status(w, 401);
}

static void
pioneerrx_adds_every_time_and_can_be_asked(void **state)
{
	struct world *w = *state;
	const char *patient, *prescriber, *rx;

	pioneer(w, clock_us(), METHOD("PatientSearch", PERSON));
	expect_absent(w, "results.patientSearchResults.0");
	pioneer(w, clock_us(), METHOD("PatientAdd", PERSON PARAM("GenderID", "2") PARAM("AddressLine1", "1 Main St") PARAM("City", "Austin")
	    PARAM("State", "CO") PARAM("ZipCode", "80202")));
	expect_status(w, 200);
	patient = answer_text(w, "results.patient.0.personID");
	pioneer(w, clock_us(), METHOD("PatientSearch", PERSON));
	expect_text(w, "results.patientSearchResults.0.personID", patient);
	pioneer(w, clock_us(), METHOD("PrescriberSearch", PARAM("NPI", "2000000010")));
	prescriber = answer_text(w, "results.prescriberSearchResults.0.personID");
	rx = text(w, METHOD("RxAddOnHold", PARAM("PatientID", "%s") PARAM("WrittenByID", "%s") PARAM("DateWritten", "1/15/2026") PARAM("Directions", "weekly")
	    PARAM("Quantity", "1") PARAM("QuantityTypeID", "1") PARAM("NumberOfRefillsAllowed", "0") PARAM("OriginTypeID", "5")
	    PARAM("MedicationNDC", "00169413212") PARAM("PrescriberOrderNumber", "order-1")), patient, prescriber);
	pioneer(w, clock_us(), METHOD("GetRxTransaction", PARAM("PrescriberOrderNumber", "order-1")));
	expect_absent(w, "results.rxTransaction.0");
	fault(w, "pioneerrx", "{\"mode\":\"timeout_after\"}");
	pioneer(w, clock_us(), rx);
	expect_status(w, 502);
	pioneer(w, clock_us(), METHOD("GetRxTransaction", PARAM("PrescriberOrderNumber", "order-1")));
	expect_text(w, "results.rxTransaction.0.currentRxTransactionStatusText", "On Hold");
	pioneer(w, clock_us(), rx);
	expect_status(w, 200);
	sql_run(w, "UPDATE object SET created_at = created_at - interval '450 seconds' WHERE vendor = 'pioneerrx' AND type = 'rx'");
	pioneer(w, clock_us(), METHOD("GetRxTransaction", PARAM("PrescriberOrderNumber", "order-1")));
	expect_text(w, "results.rxTransaction.1.currentRxTransactionStatusText", "Verified");
}

/* ---- FedEx */

#define SHIP(zip, phone) "{\"labelResponseOptions\":\"LABEL\",\"accountNumber\":{\"value\":\"740561073\"},\"requestedShipment\":{\"pickupType\":" \
	"\"USE_SCHEDULED_PICKUP\",\"serviceType\":\"STANDARD_OVERNIGHT\",\"packagingType\":\"YOUR_PACKAGING\",\"totalWeight\":2.0,\"shipper\":{\"contact\":" \
	"{\"personName\":\"Ship Dept\",\"phoneNumber\":\"9015551234\"},\"address\":{\"streetLines\":[\"10 Way\"],\"city\":\"Memphis\"," \
	"\"stateOrProvinceCode\":\"TN\",\"postalCode\":\"38125\",\"countryCode\":\"US\"}},\"recipients\":[{\"contact\":{\"personName\":\"Pat (Example)\"," \
	"\"phoneNumber\":\"" phone "\"},\"address\":{\"streetLines\":[\"1 Main St\"],\"city\":\"Denver\",\"stateOrProvinceCode\":\"CO\",\"postalCode\":\"" zip \
	"\",\"countryCode\":\"US\"}}],\"shippingChargesPayment\":{\"paymentType\":\"SENDER\"},\"labelSpecification\":{\"imageType\":\"PDF\"," \
	"\"labelStockType\":\"PAPER_4X6\"},\"requestedPackageLineItems\":[{\"weight\":{\"units\":\"LB\",\"value\":2.0},\"customerReferences\":" \
	"[{\"customerReferenceType\":\"CUSTOMER_REFERENCE\",\"value\":\"ord-1\"}]}]}}"

static const char *
fedex_token(struct world *w)
{
	call(w, "POST", "/sandbox/fedex/oauth/token", NULL, "grant_type=client_credentials&client_id=fx&client_secret=fx-secret");
	expect_status(w, 200);
	return text(w, "Bearer %s", answer_text(w, "access_token"));
}

static void
track(struct world *w, const char *token, const char *number)
{
	call(w, "POST", "/sandbox/fedex/track/v1/trackingnumbers", token, text(w,
	    "{\"includeDetailedScans\":true,\"trackingInfo\":[{\"trackingNumberInfo\":{\"trackingNumber\":\"%s\"}}]}", number));
	expect_status(w, 200);
}

#define RESULT "output.completeTrackResults.0.trackResults.0."

static void
a_label_is_a_pdf_and_the_parcel_moves(void **state)
{
	static const char *const codes[] = { "OC", "PU", "IT", "OD", "DL", "DL" };
	struct world *w = *state;
	const char *token = fedex_token(w), *number, *label;
	uint8_t file[16384];

	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", "Bearer no", SHIP("80202", "3105550123"));
	expect_status(w, 401);
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("80202", "3105550123"));
	expect_status(w, 200);
	number = answer_text(w, "output.transactionShipments.0.masterTrackingNumber");
	assert_int_equal(strlen(number), 12);
	label = answer_text(w, "output.transactionShipments.0.pieceResponses.0.packageDocuments.0.encodedLabel");
	assert_true(base64_decode(label, strlen(label), file) > 500);
	assert_memory_equal(file, "%PDF-1.4", 8);
	for (size_t i = 0; i < COUNT(codes); i++) {
		track(w, token, number);
		expect_text(w, RESULT "latestStatusDetail.derivedCode", codes[i]);
		expect_text(w, RESULT "scanEvents.0.eventType", codes[i]);
		sql_run(w, "UPDATE object SET created_at = created_at - interval '100 seconds' WHERE id = '%s'", number);
	}
	track(w, token, "790000000001");
	expect_text(w, RESULT "error.code", "TRACKING.TRACKINGNUMBER.NOTFOUND");
}

static void
fedex_refuses_and_loses_as_scripted(void **state)
{
	struct world *w = *state;
	const char *token = fedex_token(w);
	int64_t before;

	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("80202", "555"));
	expect_status(w, 400);
	expect_text(w, "errors.0.code", "RECIPIENTCONTACT.PHONENUMBER.INVALID");
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("00000", "3105550123"));
	expect_status(w, 400);
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("99991", "3105550123"));
	expect_status(w, 503);
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, "{\"labelResponseOptions\":\"LABEL\"}");
	expect_text(w, "errors.0.code", "ACCOUNT.NUMBER.REQUIRED");
	before = sql_int(w, "SELECT count(*) FROM object WHERE vendor = 'fedex'");
	call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("99992", "3105550123"));
	expect_status(w, 502);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM object WHERE vendor = 'fedex'"), before + 1);
}

static void
a_label_can_be_cancelled_until_pickup(void **state)
{
	struct world *w = *state;
	const char *token = fedex_token(w), *number, *cancel;

	for (int late = 0; late < 2; late++) {
		call(w, "POST", "/sandbox/fedex/ship/v1/shipments", token, SHIP("80202", "3105550123"));
		number = answer_text(w, "output.transactionShipments.0.masterTrackingNumber");
		cancel = text(w, "{\"accountNumber\":{\"value\":\"740561073\"},\"trackingNumber\":\"%s\",\"deletionControl\":\"DELETE_ALL_PACKAGES\"}", number);
		if (late == 1)
			sql_run(w, "UPDATE object SET created_at = created_at - interval '100 seconds' WHERE id = '%s'", number);
		call(w, "PUT", "/sandbox/fedex/ship/v1/shipments/cancel", token, cancel);
		expect_status(w, 200);
		assert_int_equal(json_is_true(json_at(answer(w), "output.cancelledShipment")), late == 0);
	}
}

/* ---- our own switches */

static void
faults_are_drawn_in_order_and_can_be_cleared(void **state)
{
	struct world *w = *state;

	fault(w, "twilio", "{\"mode\":\"error429\",\"count\":2}");
	get(w, BY_PUBLIC, "/sandbox/twilio/faults");
	expect_int(w, "faults.0.count", 2);
	call(w, "GET", "/sandbox/twilio/2010-04-01/Accounts/AC1/Messages.json", "Basic QUMxOjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy", NULL);
	expect_status(w, 429);
	request(w, BY_PUBLIC, "DELETE", "/sandbox/twilio/faults", NULL, NULL, NULL);
	expect_status(w, 204);
	call(w, "GET", "/sandbox/twilio/2010-04-01/Accounts/AC1/Messages.json", "Basic QUMxOjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy", NULL);
	expect_status(w, 200);
	request(w, BY_PUBLIC, "POST", "/sandbox/twilio/faults", NULL, "{\"mode\":\"earthquake\"}", NULL);
	expect_status(w, 422);
	request(w, BY_PUBLIC, "POST", "/sandbox/fax/faults", NULL, "{\"mode\":\"slow\"}", NULL);
	assert_true(answer_status(w) >= 400);
	fault(w, "stripe", "{\"mode\":\"slow\"}");
	stripe(w, "/coupons/NONE", NULL, NULL);
	expect_status(w, 404);
	fault(w, "stripe", "{\"mode\":\"lie_amount\"}");
	stripe(w, "/payment_intents", NULL, "amount=500&currency=usd");
	expect_int(w, "amount", 501);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_publishable_key_only_confirms_what_it_knows),
		cmocka_unit_test(a_key_answers_once_and_then_repeats_itself),
		cmocka_unit_test(a_key_in_use_is_a_conflict),
		cmocka_unit_test(a_bad_parameter_is_not_kept_under_its_key),
		cmocka_unit_test(a_stored_500_stays_a_500),
		cmocka_unit_test(an_answer_lost_after_the_effect_is_replayed),
		cmocka_unit_test(an_authorised_amount_is_captured_once),
		cmocka_unit_test(a_cancelled_authorisation_takes_nothing),
		cmocka_unit_test(cards_answer_as_the_table_says),
		cmocka_unit_test(a_saved_card_may_still_decline),
		cmocka_unit_test(the_cardholder_can_be_asked),
		cmocka_unit_test(a_card_belongs_to_its_customer),
		cmocka_unit_test(a_refund_ends_where_the_charge_ends),
		cmocka_unit_test(amounts_have_limits),
		cmocka_unit_test(a_coupon_is_created_once_and_ends),
		cmocka_unit_test(a_webhook_is_signed_and_repeated_until_taken),
		cmocka_unit_test(a_webhook_can_come_twice_or_forged),
		cmocka_unit_test(canvas_wants_its_token),
		cmocka_unit_test(a_patient_posted_twice_is_two_patients),
		cmocka_unit_test(canvas_refuses_what_it_cannot_take),
		cmocka_unit_test(contacts_left_out_of_an_update_are_gone),
		cmocka_unit_test(a_task_collects_notes_and_forgets_what_is_left_out),
		cmocka_unit_test(vitals_answers_and_documents_are_charted),
		cmocka_unit_test(a_bundle_has_pages),
		cmocka_unit_test(a_mail_can_be_read_in_the_outbox),
		cmocka_unit_test(twilio_refuses_its_magic_numbers),
		cmocka_unit_test(twilio_signs_its_callbacks),
		cmocka_unit_test(a_slack_hook_says_ok_or_why_not),
		cmocka_unit_test(boothwyn_receives_ships_and_tells),
		cmocka_unit_test(pioneerrx_wants_a_fresh_signature),
		cmocka_unit_test(pioneerrx_adds_every_time_and_can_be_asked),
		cmocka_unit_test(a_label_is_a_pdf_and_the_parcel_moves),
		cmocka_unit_test(fedex_refuses_and_loses_as_scripted),
		cmocka_unit_test(a_label_can_be_cancelled_until_pickup),
		cmocka_unit_test(faults_are_drawn_in_order_and_can_be_cleared),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
