/*
 * intake.c: what the patient does: choose a plan, prove the e-mail address, save a card, fill the form, submit it encrypted.
 */
#include "base/clock.h"
#include "base/uuid.h"
#include "crypto/jose.h"
#include "journey.h"
#include "net/form.h"

#define FORM_VERSION   "1"
#define FIRST_MAIL_US (INT64_C(60) * 1000 * 1000)	/* longer than the work of a killed worker takes to run again */
#define SECOND_MAIL_US (INT64_C(6) * 1000 * 1000)

static int
choose_plan(struct patient *p)
{
	struct reply r;
	const char *type = json_text_at(p->file, "intakeType");

	if (client_expect(p, &(struct ask){ .method = "GET", .path = arena_printf(p->arena, "/intake/plans?intakeType=%s", type) }, 200, &r) < 0)
		return -1;
	p->plan_token = json_text_at(r.body, "plans.0.planToken");
	p->amount_cents = json_int_at(r.body, "plans.0.amountCents", 0);
	if (p->plan_token == NULL)
		return fail(p, "no plan of type %s", type);
	say(p, "patient", "chose plan %s", json_text_at(r.body, "plans.0.name"));
	return 0;
}

/* The six digits in the newest mail to this address, other than those that were wrong; NULL when none come. */
static const char *
read_code(struct patient *p, const char *wrong, int64_t patience)
{
	int64_t until = clock_mono_us() + (wrong == NULL ? patience : SECOND_MAIL_US);
	struct buf to = buf_in(p->arena, 512);
	struct reply r;

	percent_encode(&to, p->email);
	while (clock_mono_us() < until) {
		const json_t *mails;

		if (client_expect(p, &(struct ask){ .method = "GET", .path = arena_printf(p->arena, "/sandbox/outbox?to=%s", to.data) }, 200, &r) < 0)
			return NULL;
		mails = json_object_get(r.body, "messages");
		for (size_t i = json_array_size(mails); i-- > 0;) {
			const char *text = json_text_at(json_array_get(mails, i), "text"), *at = text == NULL ? NULL : strstr(text, "code is ");

			if (at != NULL && strspn(at + 8, "0123456789") == 6 && (wrong == NULL || strncmp(at + 8, wrong, 6) != 0))
				return arena_ndup(p->arena, at + 8, 6);
		}
		client_pause(150);
	}
	return NULL;
}

/* One verification: 0 with the session in r, 1 when no code was right, -1. A send that had to be repeated may have sent two mails, and the
 * second one counts. */
static int
try_verification(struct patient *p, int64_t patience, struct reply *r)
{
	const char *verification, *code = NULL;

	if (client_expect(p, &(struct ask){ .method = "POST", .path = "/intake/verify-email/send",
	    .body = arena_printf(p->arena, "{\"email\":\"%s\"}", p->email) }, 202, r) < 0)
		return -1;
	verification = json_text_at(r->body, "verificationId");
	for (int i = 0; i < 3; i++) {
		code = read_code(p, code, patience);
		if (code == NULL)
			return i > 0 || patience < PATIENCE_US ? 1 : fail(p, "no verification code arrived");
		if (client_call(p, &(struct ask){ .method = "POST", .path = "/intake/verify-email/check",
		    .body = arena_printf(p->arena, "{\"verificationId\":\"%s\",\"code\":\"%s\"}", verification, code) }, r) < 0)
			return -1;
		if (r->status != 422)
			return r->status == 200 ? 0 : fail(p, "POST /intake/verify-email/check answered %d", r->status);
	}
	return 1;
}

/* A code is used up by a check whose answer was lost: then it is wrong, and the patient asks for another one. So does who gets none: a
 * mail that may have left is not sent again by anybody. */
static int
verify_email(struct patient *p)
{
	struct reply r;
	int rc = try_verification(p, FIRST_MAIL_US, &r);

	if (rc == 1)
		rc = try_verification(p, PATIENCE_US, &r);
	if (rc != 0)
		return rc < 0 ? -1 : fail(p, "no verification code was right");
	p->session = json_text_at(r.body, "sessionToken");
	p->intake_id = json_text_at(r.body, "intakeId");
	say(p, "patient", "e-mail verified");
	return 0;
}

static const char *
payment_body(struct patient *p)
{
	struct buf b = buf_in(p->arena, 16 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "planToken", p->plan_token);
	jw_str(&w, "state", json_text_at(p->form, "address.state"));
	jw_str(&w, "birthDate", json_text_at(p->form, "birthDate"));
	jw_tree(&w, "consents", json_object_get(p->form, "consents"));
	jw_end(&w);
	return b.data;
}

/* What Stripe's script does in the browser: confirm the SetupIntent with the card, by its client secret. */
static int
save_card(struct patient *p, const char *client_secret)
{
	const char *mark = strstr(client_secret, "_secret_");
	struct buf form = buf_in(p->arena, 2048);
	struct reply r;

	if (mark == NULL)
		return fail(p, "the client secret is none");
	p->setup_intent = arena_ndup(p->arena, client_secret, (size_t)(mark - client_secret));
	form_add(&form, "client_secret", client_secret);
	form_add(&form, "payment_method", json_text_at(p->file, "card"));
	if (client_expect(p, &(struct ask){ .method = "POST", .as = AS_BROWSER, .body = form.data,
	    .path = arena_printf(p->arena, "/sandbox/stripe/v1/setup_intents/%s/confirm", p->setup_intent) }, 200, &r) < 0)
		return -1;
	say(p, "patient", "card saved at Stripe");
	return 0;
}

static int
payment(struct patient *p)
{
	struct ask q = { .method = "POST", .path = "/intake/payment-intent", .as = AS_PATIENT, .body = payment_body(p) };
	struct reply r;

	if (p->ending == EXCLUDED) {
		if (client_expect(p, &q, 422, &r) < 0)
			return -1;
		if (strcmp(json_text_at(r.body, "code"), "state_excluded") != 0)
			return fail(p, "refused as %s, not as state_excluded", json_text_at(r.body, "code"));
		say(p, "intake", "refused: state_excluded");
		return 0;
	}
	if (client_expect(p, &q, 200, &r) < 0)
		return -1;
	return save_card(p, json_text_at(r.body, "clientSecret"));
}

/* The form leaves the browser as a compact JWE to the published key; intake id and form version are in the protected header. */
static const char *
envelope(struct patient *p)
{
	struct buf compact = buf_in(p->arena, 256 * 1024);
	struct problem err = { 0 };
	struct reply r;
	json_t *header;
	char *plain;
	int ok;

	if (client_expect(p, &(struct ask){ .method = "GET", .path = "/intake/keys" }, 200, &r) < 0)
		return NULL;
	header = json_pack("{ssss}", "intakeId", p->intake_id, "formVersion", FORM_VERSION);
	plain = json_dumps(p->form, JSON_COMPACT);
	ok = jwe_seal(json_at(r.body, "keys.0"), header, BYTES_OF(plain), &compact, &err);
	free(plain);
	json_decref(header);
	if (ok < 0) {
		fail(p, "the form could not be encrypted: %s", err.detail);
		return NULL;
	}
	return compact.data;
}

static int
submit(struct patient *p)
{
	const char *sealed = envelope(p);
	char key[UUID_TEXT];
	struct reply r;

	if (sealed == NULL)
		return -1;
	uuid_text(uuid_new(), key);
	if (client_expect(p, &(struct ask){ .method = "POST", .path = "/intake/submit", .as = AS_PATIENT, .key = key,
	    .body = arena_printf(p->arena, "{\"envelope\":\"%s\"}", sealed) }, 201, &r) < 0)
		return -1;
	p->submitted = clock_us();
	p->submission_id = json_text_at(r.body, "submissionId");
	p->patient_id = json_text_at(r.body, "patientId");
	say(p, "patient", "form submitted, encrypted");
	return 0;
}

int
play_intake(struct patient *p)
{
	if (choose_plan(p) < 0 || verify_email(p) < 0 || payment(p) < 0)
		return -1;
	return p->ending == EXCLUDED ? 0 : submit(p);
}
