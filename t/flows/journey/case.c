/*
 * case.c: the case API's way (A-FLOW-01): a form, eligibility, voucher and provider by themselves, a prescription, a pharmacy's order, a delivered parcel.
 * Judged by the case's own history: every step, in order, one voucher, one prescription, one order.
 */
#include "base/clock.h"
#include "base/uuid.h"
#include "journey.h"

static const char *
key(struct patient *p)
{
	char id[UUID_TEXT];

	return arena_dup(p->arena, uuid_text(uuid_new(), id));
}

static const char *
form(struct patient *p)
{
	return arena_printf(p->arena,
	    "{\"state\":\"LA\",\"intake_type\":\"glp1\",\"height_cm\":170,\"weight_kg\":95.5,\"conditions\":[{\"code\":\"I10\"}],"
	    "\"consents\":[{\"type\":\"hipaa\",\"version\":\"1\",\"accepted\":true},{\"type\":\"telehealth\",\"version\":\"1\",\"accepted\":true},"
	    "{\"type\":\"terms\",\"version\":\"1\",\"accepted\":true}],"
	    "\"patient\":{\"first_name\":\"Robin\",\"last_name\":\"Sample\",\"birth_date\":\"1988-02-29\",\"email\":\"%s\",\"phone\":\"+1504555%04u\","
	    "\"address\":{\"line1\":\"1 Example Street\",\"city\":\"Exampleton\",\"state\":\"LA\",\"zip\":\"70112\"}}}",
	    p->email, (unsigned)(clock_us() % 10000));
}

static bool
has_status(const json_t *body, const char *status)
{
	const char *at = json_text_at(body, "status");

	return at != NULL && strcmp(at, status) == 0;
}

static bool
assigned(struct patient *p UNUSED, const json_t *body)
{
	return has_status(body, "provider_assigned");
}

static bool
ended(struct patient *p, const json_t *body)
{
	p->run_state = json_text_at(body, "status");
	return has_status(body, "completed");
}

static int
await_case(struct patient *p, bool (*test)(struct patient *, const json_t *), const char *what, struct reply *r)
{
	return await(p, &(struct ask){ .method = "GET", .as = AS_AGENT, .path = arena_printf(p->arena, "/cases/%s", p->case_id) }, test, what, r);
}

static int
prescribe(struct patient *p)
{
	struct reply r;

	if (client_expect_soon(p, &(struct ask){ .method = "POST", .as = AS_AGENT, .path = "/prescriptions", .key = key(p),
	    .body = arena_printf(p->arena, "{\"case_id\":\"%s\",\"medication\":{\"ndc\":\"0574-4072-05\",\"quantity\":\"30\",\"days_supply\":30,\"refills\":2,"
	    "\"sig\":\"Take 1 tablet by mouth once daily\"}}", p->case_id) }, 201, &r) < 0)
		return -1;
	p->prescription_id = json_text_at(r.body, "prescription_id");
	say(p, "provider", "prescribed");
	if (client_expect_soon(p, &(struct ask){ .method = "POST", .as = AS_AGENT, .path = "/orders", .key = key(p),
	    .body = arena_printf(p->arena, "{\"prescription_id\":\"%s\",\"case_id\":\"%s\"}", p->prescription_id, p->case_id) }, 201, &r) < 0)
		return -1;
	say(p, "provider", "ordered at the pharmacy");
	return 0;
}

static int
judge_case(struct patient *p, const json_t *shown)
{
	static const char *const steps[] = { "intake", "eligibility", "voucher", "provider" };
	const json_t *lines = json_object_get(shown, "timeline");
	size_t next = 0;

	for (size_t i = 0; i < json_array_size(lines) && next < COUNT(steps); i++) {
		const char *what = json_text_at(json_array_get(lines, i), "what");

		if (what != NULL && strcmp(what, steps[next]) == 0)
			next++;
	}
	if (next < COUNT(steps))
		return fail(p, "the case's timeline lacks %s", steps[next]);
	if (json_array_size(json_object_get(shown, "prescriptions")) != 1 || json_array_size(json_object_get(shown, "orders")) != 1)
		return fail(p, "the case has %zu prescriptions and %zu orders", json_array_size(json_object_get(shown, "prescriptions")),
		    json_array_size(json_object_get(shown, "orders")));
	return 0;
}

int
play_case(struct patient *p)
{
	char id[UUID_TEXT];
	struct reply r;

	p->email = arena_printf(p->arena, "robin.%s@patients.example", uuid_text(uuid_new(), id) + 24);
	if (agent_login(p) < 0 ||
	    client_expect(p, &(struct ask){ .method = "POST", .as = AS_AGENT, .path = "/intake", .key = key(p), .body = form(p) }, 201, &r) < 0)
		return -1;
	p->case_id = p->submission_id = json_text_at(r.body, "case_id");
	p->patient_id = json_text_at(r.body, "patient_id");
	p->submitted = clock_us();
	if (await_case(p, assigned, "a provider", &r) < 0 || prescribe(p) < 0 || hand_over(p) < 0 ||
	    await_case(p, ended, "the parcel's delivery", &r) < 0)
		return -1;
	return judge_case(p, r.body);
}
