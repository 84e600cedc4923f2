/* intake_world.c: see intake_world.h. */
#include "intake_world.h"

#include "base/clock.h"
#include "crypto/jose.h"
#include "crypto/signature.h"

#define BILLING_OK "{\"setupIntentId\":\"" SETUP "\",\"clientSecret\":\"seti_1_secret_2\",\"publishableKey\":\"pk_test_1\"," \
	"\"status\":\"requires_payment_method\"}"

json_t *key, *stranger;

/* ---- the world */

int
setup(void **state)
{
	const char *settings[] = { "PLAN_SIGNING_SECRET=" NEW_SECRET "," OLD_SECRET, NULL };
	struct world *w = world_new(&intake_service, settings);

	get(w, BY_PUBLIC, "/intake/keys");
	expect_status(w, 200);
	key = json_deep_copy(json_array_get(json_object_get(answer(w), "keys"), 0));
	stranger = jwk_generate("k9", "ECDH-ES");
	assert_non_null(key);
	assert_non_null(stranger);
	*state = w;
	return 0;
}

int
teardown(void **state)
{
	world_free(*state);
	json_decref(key);
	json_decref(stranger);
	return 0;
}

int
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

void
ask_for_code(struct world *w, struct visitor *v)
{
	post(w, BY_PUBLIC, "/intake/verify-email/send", text(w, "{\"email\":\"%s\"}", v->email));
	expect_status(w, 202);
	v->verification = answer_text(w, "verificationId");
	work(w);
	v->code = sent_text(sent_to(w, "POST", "/notify/send", -1), "variables.code");
}

struct visitor
visitor(struct world *w)
{
	static unsigned n;
	struct visitor v = { .email = text(w, "visitor%u@patients.example", ++n) };

	ask_for_code(w, &v);
	return v;
}

void
check(struct world *w, const char *verification, const char *code)
{
	post(w, BY_PUBLIC, "/intake/verify-email/check", text(w, "{\"verificationId\":\"%s\",\"code\":\"%s\"}", verification,
	    code));
}

struct visitor
proven(struct world *w)
{
	struct visitor v = visitor(w);

	check(w, v.verification, v.code);
	expect_status(w, 200);
	v.token = answer_text(w, "sessionToken");
	v.intake = answer_text(w, "intakeId");
	return v;
}

const char *
token_of(struct world *w, const char *secret, const char *plan, int64_t cents, int64_t age_ms)
{
	struct buf b = buf_in(world_arena(w), 4096);

	plan_token_sign(secret, text(w, "{\"planId\":\"%s\",\"amountCents\":%lld,\"intakeType\":\"glp1\",\"ts\":%lld}", plan,
	    (long long)cents, (long long)(clock_us() / 1000 - age_ms)), &b);
	return b.data;
}

void
pay_with(struct world *w, const struct visitor *v, const char *token, const char *state, const char *born, const char *consents)
{
	post(w, BY_PATIENT(v->token), "/intake/payment-intent", text(w,
	    "{\"planToken\":\"%s\",\"state\":\"%s\",\"birthDate\":\"%s\",\"consents\":%s}", token, state, born, consents));
}

void
pay(struct world *w, const struct visitor *v, const char *token)
{
	pay_with(w, v, token, "LA", "1986-04-17", CONSENTS);
}

struct visitor
paid(struct world *w)
{
	struct visitor v = proven(w);

	pay(w, &v, token_of(w, NEW_SECRET, "glp1-monthly", 29900, 0));
	expect_status(w, 200);
	return v;
}

/* The form as the browser has it; change replaces or adds one member. */
const char *
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

const char *
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

const char *
new_key(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

void
send_envelope(struct world *w, const struct visitor *v, const char *envelope, const char *idempotency_key)
{
	post_key(w, BY_PATIENT(v->token), "/intake/submit", idempotency_key, text(w, "{\"envelope\":\"%s\"}", envelope));
}

void
submit_form(struct world *w, const struct visitor *v, const char *form)
{
	send_envelope(w, v, seal_for(w, key, v->intake, "1", form), new_key(w));
}

struct submitted
submitted(struct world *w)
{
	struct submitted s = { .v = paid(w) };

	submit_form(w, &s.v, form_of(w, &s.v, NULL, NULL));
	expect_status(w, 201);
	s.submission = answer_text(w, "submissionId");
	s.patient = answer_text(w, "patientId");
	return s;
}
