/*
 * prescription.c: a prescription that another system's prescriber sent by NCPDP SCRIPT, to a delivered parcel (P-INTK to P-SHIP): the network posts the message,
 * staff invite the patient, the patient enrols behind the link, staff select a pharmacy, the payers answer, the patient pays the copay at Stripe's page.
 * Judged by the copay's figures, the vendors' ledgers and the nine events (P-EVT-01 to 09): each once and in order.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "crypto/hash.h"
#include "journey.h"

#define FILE_MAX 65536

/* ---- the files */

static struct bytes
sample(struct patient *p, const char *name)
{
	char *data = arena_alloc(p->arena, FILE_MAX + 1);
	FILE *f = fopen(arena_printf(p->arena, "%s/../prescriptions/%s", client_env("TELERX_PATIENTS"), name), "re");
	size_t n = f == NULL ? 0 : fread(data, 1, FILE_MAX, f);

	if (f != NULL)
		(void)fclose(f);
	data[n] = '\0';
	return BYTES(data, n);
}

/* The sample's message with another value in the place of one of its own. */
static const char *
with(struct patient *p, const char *text, const char *own, const char *other)
{
	const char *at = strstr(text, own);

	return at == NULL ? text : arena_printf(p->arena, "%.*s%s%s", (int)(at - text), text, other, at + strlen(own));
}

/* ---- the prescriber's system */

static int
send_message(struct patient *p)
{
	char id[UUID_TEXT];
	const char *mark, *text = (const char *)sample(p, "seed.xml").p;
	struct reply r;

	mark = uuid_text(uuid_new(), id) + 24;
	p->email = arena_printf(p->arena, "ada.%s@patients.example", mark);
	text = with(p, text, "SEED-COPAY-0001", arena_printf(p->arena, "M-%s", mark));
	text = with(p, text, "ORDER-0001", arena_printf(p->arena, "O-%s", mark));
	text = with(p, text, "MRN-0001", arena_printf(p->arena, "MRN-%s", mark));
	/* A person of one's own: two of one name, birth date and telephone are one patient, and their prescription one (P-VAL-02). */
	text = with(p, text, "6175550100", arena_printf(p->arena, "617%07u", (unsigned)(2000000 + strtoul(mark + 4, NULL, 16) % 8000000)));
	text = with(p, text, "ada.sample@mail.example", p->email);
	if (client_call(p, &(struct ask){ .method = "POST", .path = "/api/v1/prescriptions/intake", .as = AS_SWITCH, .body = text, .type = "application/xml" }, &r) < 0)
		return -1;
	p->prescription_id = json_text_at(r.body, "prescription_id");
	if ((r.status != 201 && r.status != 200) || p->prescription_id == NULL) /* 200: it was here before, when the first answer was lost */
		return fail(p, "the message became no prescription: %d", r.status);
	p->submitted = clock_us();
	say(p, "network", "NewRx sent");
	return 0;
}

static bool
is_at(const json_t *body, const char *status)
{
	const char *at = json_text_at(body, "status");

	return at != NULL && strcmp(at, status) == 0;
}

static bool
validated(struct patient *p UNUSED, const json_t *body)
{
	return is_at(body, "validated");
}

static bool
completed(struct patient *p, const json_t *body)
{
	p->run_state = json_text_at(body, "status");
	return is_at(body, "completed");
}

static int
await_status(struct patient *p, bool (*test)(struct patient *, const json_t *), const char *what, struct reply *r)
{
	return await(p, &(struct ask){ .method = "GET", .as = AS_AGENT, .path = arena_printf(p->arena, "/api/v1/prescriptions/%s", p->prescription_id) },
	    test, what, r);
}

/* ---- staff and patient: the enrolment */

static int
await_mail(struct patient *p, const char *prefix, const char **rest)
{
	int64_t until = clock_mono_us() + PATIENCE_US;

	while (clock_mono_us() < until && p->failure[0] == '\0') {
		if (mailed(p, p->email, prefix, rest))
			return 0;
		client_pause(250);
	}
	(void)fail(p, "waited in vain for a mail with %s", prefix);
	return -1;
}

static int
upload(struct patient *p, const char *side, const char **url)
{
	struct reply r;

	if (client_expect(p, &(struct ask){ .method = "POST", .as = AS_LINK, .path = arena_printf(p->arena, "/api/v1/enrollment/cards?side=%s", side),
	    .raw = sample(p, arena_printf(p->arena, "card-%s.png", side)), .type = "image/png" }, 201, &r) < 0)
		return -1;
	*url = json_text_at(r.body, "url");
	return *url != NULL ? 0 : fail(p, "an uploaded picture has no address");
}

static const char *
enrolment(struct patient *p, const char *front, const char *back, const char *text)
{
	struct buf b = buf_in(p->arena, 256 * 1024), image = buf_in(p->arena, FILE_MAX * 2);
	struct json_writer w;

	buf_add(&image, "data:image/png;base64,");
	base64_encode(sample(p, "signature.png"), &image);
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "prescription_id", p->prescription_id);
	jw_str(&w, "token", p->link_token);
	jw_object(&w, "insurance");
	jw_str(&w, "payer_name", "Blue Sample Shield");
	jw_str(&w, "member_id", "ABC123456789");
	jw_str(&w, "group_number", "12345");
	jw_str(&w, "bin", "610014");
	jw_str(&w, "pcn", "MEDDCO");
	jw_str(&w, "plan_type", "commercial");
	jw_str(&w, "card_front_url", front);
	jw_str(&w, "card_back_url", back);
	jw_end(&w);
	jw_object(&w, "hipaa_consent");
	jw_str(&w, "authorization_text", text);
	jw_str(&w, "signature", buf_str(&image));
	jw_str(&w, "signature_name", "Ada Sample");
	jw_end(&w);
	jw_end(&w);
	return buf_str(&b);
}

/* As the page does it: a link is used once, so "used already" to whoever just used it says that only the first answer was lost. */
static int
hand_in(struct patient *p, const char *enrolment)
{
	struct reply r;
	const char *code;

	if (client_call(p, &(struct ask){ .method = "POST", .path = "/api/v1/enrollment/submit", .body = enrolment }, &r) < 0)
		return -1;
	code = json_text_at(r.body, "code");
	if (r.status != 200 && (code == NULL || strcmp(code, "already_used") != 0))
		return fail(p, "the enrolment was answered %d %s", r.status, code != NULL ? code : "");
	return 0;
}

static int
enrol(struct patient *p)
{
	const char *front, *back, *text;
	struct reply r;

	if (client_expect_soon(p, &(struct ask){ .method = "POST", .as = AS_AGENT, .path = "/api/v1/enrollment/initiate",
	    .body = arena_printf(p->arena, "{\"prescription_id\":\"%s\"}", p->prescription_id) }, 200, &r) < 0 ||
	    await_mail(p, "/enroll/", &p->link_token) < 0 ||
	    client_expect(p, &(struct ask){ .method = "GET", .path = arena_printf(p->arena, "/enroll/%s", p->link_token) }, 200, &r) < 0 ||
	    client_expect(p, &(struct ask){ .method = "GET", .path = arena_printf(p->arena, "/api/v1/enrollment/validate/%s", p->link_token) }, 200, &r) < 0)
		return -1;
	text = json_text_at(r.body, "consent.text");
	if (text == NULL)
		return fail(p, "there is nothing to sign");
	if (upload(p, "front", &front) < 0 || upload(p, "back", &back) < 0 ||
	    hand_in(p, enrolment(p, front, back, text)) < 0)
		return -1;
	say(p, "patient", "enrolled: insurance, both sides of the card, signature");
	return 0;
}

/* ---- staff: the pharmacy */

static bool
recommended(struct patient *p UNUSED, const json_t *body)
{
	return json_text_at(body, "recommendations.0.pharmacy_id") != NULL;
}

/* The first of the recommended ones that still has room: others select at the same time. */
static int
select_pharmacy(struct patient *p)
{
	const char *base = arena_printf(p->arena, "/api/v1/prescriptions/%s", p->prescription_id), *id;
	struct reply list, r = { 0 };

	if (await(p, &(struct ask){ .method = "GET", .as = AS_AGENT, .path = arena_printf(p->arena, "%s/recommendations", base) }, recommended,
	    "a recommended pharmacy", &list) < 0)
		return -1;
	for (size_t i = 0; r.status != 200; i++) {
		id = json_text_at(list.body, arena_printf(p->arena, "recommendations.%zu.pharmacy_id", i));
		if (id == NULL)
			return fail(p, "no recommended pharmacy takes it: %d %s", r.status, json_text_at(r.body, "code"));
		if (client_call(p, &(struct ask){ .method = "POST", .as = AS_AGENT, .path = arena_printf(p->arena, "%s/select-pharmacy", base),
		    .body = arena_printf(p->arena, "{\"pharmacy_id\":\"%s\",\"selection_reason\":\"best score with room\"}", id) }, &r) < 0)
			return -1;
	}
	say(p, "staff", "selected the best pharmacy that has room");
	return 0;
}

/* ---- patient: the copay, by the link in the mail and Stripe's page behind it */

static int
pay(struct patient *p)
{
	const char *session;
	struct reply r;

	if (await_mail(p, "/sandbox/stripe/pay/", &session) < 0)
		return -1;
	p->accepted = clock_us();
	if (client_expect(p, &(struct ask){ .method = "POST", .path = arena_printf(p->arena, "/sandbox/stripe/pay/%s", session),
	    .body = "number=4242424242424242", .type = "application/x-www-form-urlencoded" }, 303, &r) < 0)
		return -1;
	say(p, "patient", "paid at Stripe's page");
	return 0;
}

/* ---- the judge */

static size_t
entries(struct patient *p, const char *vendor, const char *type, const char *key)
{
	struct reply r;

	if (client_expect(p, &(struct ask){ .method = "GET", .as = AS_ADMIN,
	    .path = arena_printf(p->arena, "/sandbox/%s/ledger?type=%s&key=%s", vendor, type, key) }, 200, &r) < 0)
		return 0;
	return json_array_size(json_object_get(r.body, "entries"));
}

/* P-EVT-01 to 09 as the portal got them: each once, none before the one that it follows from. */
static bool
told(struct patient *p, const json_t *body)
{
	static const char *const topics[] = { "prescription.intake.received", "prescription.validation.completed", "patient.enrollment.completed", "pharmacy.selected",
		"insurance.adjudication.completed", "payment.link.created", "payment.completed", "shipment.label.created", "shipment.delivered" };
	const json_t *lines = json_object_get(body, "entries");
	size_t next = 0;

	p->run_reason = "complete";
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const char *topic = json_text_at(json_array_get(lines, i), "topic");

		for (size_t k = 0; k < COUNT(topics); k++)
			if (topic != NULL && strcmp(topic, topics[k]) == 0 && k != next++)
				p->run_reason = arena_printf(p->arena, "out of order at %s", topic);
	}
	if (next < COUNT(topics))
		p->run_reason = arena_printf(p->arena, "%zu of nine", next);
	return next >= COUNT(topics);
}

static int
judge_prescription(struct patient *p, const json_t *shown)
{
	struct reply r;

	if (json_int_at(shown, "copay_cents", -1) != 150000 || json_int_at(shown, "final_copay_cents", -1) != 500)
		return fail(p, "the copay went from %lld cents to %lld, not from 150000 to 500", (long long)json_int_at(shown, "copay_cents", -1),
		    (long long)json_int_at(shown, "final_copay_cents", -1));
	if (await(p, &(struct ask){ .method = "GET", .as = AS_ADMIN, .path = arena_printf(p->arena, "/console/timeline?submissionId=%s", p->prescription_id) },
	    told, "the nine events", &r) < 0)
		return -1;
	if (strcmp(p->run_reason, "complete") != 0)
		return fail(p, "the nine events: %s", p->run_reason);
	if (entries(p, "stripe", "checkout.session", p->prescription_id) != 1)
		return fail(p, "Stripe has %zu sessions", entries(p, "stripe", "checkout.session", p->prescription_id));
	if (entries(p, "shippo", "transaction", json_text_at(shown, "tracking_number")) != 1)
		return fail(p, "Shippo has %zu labels of its number", entries(p, "shippo", "transaction", json_text_at(shown, "tracking_number")));
	return 0;
}

int
play_ncpdp(struct patient *p)
{
	struct reply r;

	if (agent_login(p) < 0 || send_message(p) < 0 || await_status(p, validated, "the validation", &r) < 0 || enrol(p) < 0 ||
	    select_pharmacy(p) < 0 || pay(p) < 0 || await_status(p, completed, "the parcel's delivery", &r) < 0)
		return -1;
	return judge_prescription(p, r.body);
}
