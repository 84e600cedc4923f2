/*
 * effect_test.c: an act at a vendor happens at most once (rules M1 to M5), whatever the vendor answers or does not answer.
 */
#include "core.h"

#include "crew.h"

#define VENDOR     "https://vendor.test"
#define BODY       "amount=4900&metadata[note]=Jane%20Roe"
#define MOST_TRIES 12

static const char settled_sql[] = "INSERT INTO settled (kind, state, ref, code) VALUES ($1, $2, $3, $4)";

static struct world *world;
static struct uuid subject;
static enum verdict seen; /* what a look-up finds */
static unsigned looks;

static int
dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	const char **headers = arena_alloc(j->arena, 2 * sizeof(*headers));

	headers[0] = arena_printf(j->arena, "Idempotency-Key: %s", e->vendor_key);
	call->headers = headers;
	call->url = arena_printf(j->arena, "%s%s", VENDOR, e->path);
	return 0;
}

static enum verdict
judge(struct job *j, struct effect *e, const struct http_answer *a)
{
	enum verdict v = effect_judge_http(a);

	if (v == EFFECT_CONFIRMED)
		e->vendor_ref = arena_ndup(j->arena, a->body.p, a->body.n);
	if (v == EFFECT_REFUSED)
		e->error_code = "card_declined";
	return v;
}

static enum verdict
look_up(struct job *j UNUSED, struct effect *e, struct http_answer *a UNUSED)
{
	looks++;
	if (seen == EFFECT_CONFIRMED)
		e->vendor_ref = "found";
	return seen;
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a, struct problem *err)
{
	assert_true(uuid_equal(e->subject, subject));
	assert_true(strcmp(state, "manual") != 0 || a->body.p == NULL);
	return db_exec(j->db, settled_sql, err, P_TEXT(e->vendor_key), P_TEXT(state), P_TEXT(e->vendor_ref),
		   P_TEXT(e->error_code)) < 0 ?
	    -1 :
	    0;
}

#define KIND(name_, unknown_, deadline, look) \
	{ \
		.name = (name_), .unknown = (unknown_), .deadline_s = (deadline), .dress = dress, .judge = judge, .look_up = (look), \
		.settle = settle \
	}
static const struct effect_kind resend = KIND("resend.act", RESEND, 86400, look_up);
static const struct effect_kind deaf = KIND("deaf.act", RESEND, 86400, NULL);
static const struct effect_kind asked = KIND("asked.act", LOOK_UP, 3600, look_up);
static const struct effect_kind blind = KIND("blind.act", MANUAL, 900, NULL);
static const struct effect_kind *const effects[] = { &resend, &deaf, &asked, &blind };
static const struct job_row jobs[] = {
	{ "resend.act", effect_job, .queue = "resend", .says = "test" },
	{ "deaf.act", effect_job, .says = "test" },
	{ "asked.act", effect_job, .says = "test" },
	{ "blind.act", effect_job, .says = "test" },
};
static const struct topic topics[] = { { 0 } };
static const struct service service = {
	.name = "registry",
	.prefix = "/route",
	.database = "physician_registry",
	.says = "effects under test",
	TABLE(jobs, njobs, jobs),
	TABLE(effects, neffects, effects),
	.topics = topics,
};
const struct service *const crew_service = &service;

static int
clean(void **state UNUSED)
{
	crew_unhurried();
	sql_run(world, "TRUNCATE job, effect, settled, attention");
	stubs_clear(world);
	subject = uuid_new();
	seen = EFFECT_UNCERTAIN;
	looks = 0;
	return 0;
}

static void
intend(const char *kind, const char *body)
{
	struct effect_request q = { .kind = kind,
		.subject = subject,
		.patient = subject,
		.generation = 1,
		.method = "POST",
		.path = "/act",
		.content_type = "application/x-www-form-urlencoded",
		.body = BYTES_OF(body) };

	tx_begin(world);
	MUST(effect_intend(world_db(world), &q, &err));
	tx_end(world);
}

static void
vendor_answers(int status, const char *body)
{
	stub_once(world, "POST", VENDOR "/act", status, body);
}

static unsigned
sends(void)
{
	return sent_count(world, "POST", VENDOR "/act");
}

static void
expect_effect(const char *state, const char *settled)
{
	assert_string_equal(sql_text(world, "SELECT state FROM effect"), state);
	assert_string_equal(sql_text(world, "SELECT string_agg(state, ' ') FROM settled"), settled);
}

/* Every send carried what was committed, under the same key. */
static void
expect_same_sends(unsigned n)
{
	const char *key = sql_text(world, "SELECT vendor_key FROM effect");

	assert_int_equal(sends(), n);
	for (unsigned i = 0; i < n; i++) {
		const struct sent *s = sent_to(world, "POST", VENDOR "/act", (int)i);

		assert_string_equal(s->raw, BODY);
		assert_string_equal(sent_header(s, "Idempotency-Key"), key);
	}
}

/* ---- answers */

static void
confirmed_effect_is_settled_once(void **state UNUSED)
{
	vendor_answers(200, "pi_1");
	intend("resend.act", BODY);
	intend("resend.act", "amount=1"); /* the same act: nothing changes */
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM effect WHERE position('Jane' IN encode(request_enc, 'escape')) > 0"), 0);
	work_all(world);
	expect_same_sends(1);
	expect_effect("confirmed", "confirmed");
	assert_string_equal(sql_text(world, "SELECT vendor_ref FROM effect"), "pi_1");
	assert_int_equal(sql_int(world, "SELECT length(vendor_key) FROM effect WHERE vendor_key ~ '^[a-z2-7]+$'"), 52);
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM effect WHERE octet_length(response_digest) = 32 AND http_status = 200"), 1);
	assert_int_equal(
	    sql_int(world, "SELECT count(DISTINCT action) FROM audit WHERE object_id = (SELECT id::text FROM effect)"), 3);
	assert_string_equal(sql_text(world, "SELECT state FROM job"), "done");
}

static void
key_depends_on_the_act_alone(void **state UNUSED)
{
	const char *first, *second;

	intend("resend.act", BODY);
	first = sql_text(world, "SELECT vendor_key FROM effect");
	sql_run(world, "TRUNCATE effect, job");
	intend("resend.act", "something else");
	second = sql_text(world, "SELECT vendor_key FROM effect");
	assert_string_equal(first, second);
	subject = uuid_new();
	sql_run(world, "TRUNCATE effect, job");
	intend("resend.act", BODY);
	assert_string_not_equal(first, sql_text(world, "SELECT vendor_key FROM effect"));
}

static void
refusal_is_final(void **state UNUSED)
{
	vendor_answers(402, "{}");
	intend("resend.act", BODY);
	work_all(world);
	assert_int_equal(sends(), 1);
	expect_effect("refused", "refused");
	assert_string_equal(sql_text(world, "SELECT code FROM settled"), "card_declined");
}

static void
turned_away_is_tried_again(void **state UNUSED)
{
	vendor_answers(200, "pi_1");
	vendor_answers(429, "{}");
	stub_broken(world, "POST", VENDOR "/act", HTTP_NOT_SENT);
	intend("blind.act", BODY); /* even where nothing may be sent twice: it certainly did not happen */
	work(world);
	assert_string_equal(sql_text(world, "SELECT state FROM effect"), "intent");
	work_all(world);
	expect_same_sends(3);
	expect_effect("confirmed", "confirmed");
}

static void
vendor_that_never_takes_it_leaves_it_to_a_person(void **state UNUSED)
{
	stub(world, "POST", VENDOR "/act", 429, "{}");
	intend("resend.act", BODY);
	work_all(world);
	assert_int_equal(sends(), MOST_TRIES);
	expect_effect("manual", "manual");
	assert_string_equal(sql_text(world, "SELECT state FROM job"), "dead");
}

/* ---- RESEND */

static void
no_answer_is_asked_again_with_the_same_bytes(void **state UNUSED)
{
	vendor_answers(200, "pi_1");
	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	intend("resend.act", BODY);
	work(world);
	expect_effect("unknown", "");
	assert_int_equal(sql_int(world, "SELECT attempt FROM job"), 0);
	work_all(world);
	expect_same_sends(2);
	expect_effect("confirmed", "confirmed");
}

static void
server_error_is_asked_again_with_the_same_bytes(void **state UNUSED)
{
	vendor_answers(200, "pi_1");
	vendor_answers(500, "{}");
	intend("resend.act", BODY);
	work_all(world);
	expect_same_sends(2);
	expect_effect("confirmed", "confirmed");
}

static void
stored_failure_is_looked_up(void **state UNUSED)
{
	stub(world, "POST", VENDOR "/act", 500, "{\"error\":\"stored\"}");
	seen = EFFECT_CONFIRMED;
	intend("resend.act", BODY);
	work_all(world);
	expect_same_sends(3);
	assert_int_equal(looks, 1);
	expect_effect("confirmed", "confirmed");
	assert_string_equal(sql_text(world, "SELECT ref FROM settled"), "found");
}

static void
stored_failure_of_something_absent_is_a_persons(void **state UNUSED)
{
	vendor_answers(200, "breaks the row of failures of the test before");
	intend("resend.act", BODY);
	work_all(world);
	clean(NULL);
	stub(world, "POST", VENDOR "/act", 500, "{\"error\":\"stored\"}");
	seen = EFFECT_RETRY;
	intend("resend.act", BODY);
	work_all(world);
	expect_same_sends(3);
	assert_int_equal(looks, 4);
	expect_effect("manual", "manual");
	assert_string_equal(sql_text(world, "SELECT code FROM settled"), "absent_at_vendor");
}

static void
different_failures_are_no_stored_one(void **state UNUSED)
{
	vendor_answers(200, "pi_1");
	vendor_answers(500, "{\"id\":4}");
	vendor_answers(500, "{\"id\":3}");
	vendor_answers(500, "{\"id\":2}");
	vendor_answers(500, "{\"id\":1}");
	intend("deaf.act", BODY);
	work_all(world);
	expect_same_sends(5);
	expect_effect("confirmed", "confirmed");
}

static void
stored_failure_without_a_look_up_is_a_persons(void **state UNUSED)
{
	stub(world, "POST", VENDOR "/act", 500, "{}");
	intend("deaf.act", BODY);
	work_all(world);
	expect_same_sends(3);
	expect_effect("manual", "manual");
}

static void
old_key_is_not_trusted(void **state UNUSED)
{
	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	intend("resend.act", BODY);
	work(world);
	sql_run(world, "UPDATE effect SET first_sent_at = now() - interval '21 h'");
	seen = EFFECT_RETRY;
	work_all(world);
	assert_int_equal(sends(), 1);
	assert_int_equal(looks, 1);
	expect_effect("manual", "manual");
}

/* ---- LOOK_UP */

static void
vendor_is_asked_before_anything_is_sent_again(void **state UNUSED)
{
	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	seen = EFFECT_CONFIRMED;
	intend("asked.act", BODY);
	work(world);
	assert_int_equal(looks, 0); /* it may still be under way: not at once */
	work_all(world);
	assert_int_equal(sends(), 1);
	expect_effect("confirmed", "confirmed");
}

static void
what_the_vendor_has_not_got_is_sent_again(void **state UNUSED)
{
	vendor_answers(200, "rx_1");
	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	seen = EFFECT_RETRY;
	intend("asked.act", BODY);
	work_all(world);
	expect_same_sends(2);
	assert_int_equal(looks, 1);
	expect_effect("confirmed", "confirmed");
}

static void
vendor_that_cannot_say_leaves_it_to_a_person(void **state UNUSED)
{
	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	intend("asked.act", BODY);
	work_all(world);
	expect_effect("unknown", "");
	assert_int_equal(sends(), 1);
	sql_run(world, "UPDATE effect SET deadline = now() - interval '1 s'");
	work_all(world);
	assert_int_equal(sends(), 1);
	expect_effect("manual", "manual");
}

/* ---- MANUAL */

static void
unknown_order_is_never_sent_again(void **state UNUSED)
{
	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	intend("blind.act", BODY);
	work_all(world);
	expect_effect("unknown", "");
	assert_int_equal(
	    sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready' AND run_at - now() BETWEEN '14 min' AND '15 min'"), 1);
	sql_run(world, "UPDATE effect SET deadline = now() - interval '1 s'");
	work_all(world);
	assert_int_equal(sends(), 1);
	expect_effect("manual", "manual");
}

static void
worker_that_died_while_sending_sends_no_second_order(void **state UNUSED)
{
	intend("blind.act", BODY);
	/* As its successor finds it: "sent" committed, the job rescued. */
	sql_run(world,
	    "UPDATE effect SET state = 'sent', attempts = 1, first_sent_at = now(), sent_at = now(),"
	    " deadline = now() + interval '900 s'");
	work(world);
	assert_int_equal(sends(), 0);
	expect_effect("unknown", "");
}

static void
evidence_settles_what_is_unknown(void **state UNUSED)
{
	bool did = false;

	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	intend("blind.act", BODY);
	work(world);
	tx_begin(world);
	MUST(effect_evidence(world_db(world), "blind.act", subject, true, "rx_9", &did, &err));
	assert_true(did);
	MUST(effect_evidence(world_db(world), "blind.act", subject, false, NULL, &did, &err));
	assert_false(did);
	tx_end(world);
	work(world);
	expect_effect("confirmed", ""); /* the bearer of the evidence writes the business rows */
	assert_string_equal(sql_text(world, "SELECT vendor_ref FROM effect"), "rx_9");
	assert_string_equal(sql_text(world, "SELECT state FROM job"), "done");
}

static void
evidence_may_come_after_the_deadline(void **state UNUSED)
{
	bool did = false;

	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	intend("blind.act", BODY);
	work(world);
	sql_run(world, "UPDATE effect SET deadline = now() - interval '1 s'");
	work_all(world);
	tx_begin(world);
	MUST(effect_evidence(world_db(world), "blind.act", subject, true, NULL, &did, &err));
	tx_end(world);
	assert_true(did);
	assert_string_equal(sql_text(world, "SELECT state FROM effect"), "confirmed");
}

/* ---- manual, and asked again by a person */

static const char *
look_path(const char *kind)
{
	stub_broken(world, "POST", VENDOR "/act", HTTP_UNKNOWN);
	intend(kind, BODY);
	work(world);
	sql_run(world, "UPDATE effect SET deadline = now() - interval '1 s'");
	work_all(world);
	expect_effect("manual", "manual");
	return text(world, "/route/effects/%s/look-up", sql_text(world, "SELECT id FROM effect"));
}

static void
m3_a_person_has_the_vendor_asked_again_and_nothing_sent(void **state UNUSED)
{
	const char *path = look_path("asked.act");

	assert_string_equal(sql_text(world, "SELECT detail ->> 'lookUp' FROM attention"), "true");
	post(world, BY_PUBLIC, path, NULL);
	expect_status(world, 401);
	seen = EFFECT_RETRY;
	post(world, BY_ADMIN, path, NULL);
	expect_status(world, 202);
	post(world, BY_ADMIN, path, NULL); /* twice is once */
	expect_status(world, 202);
	assert_int_equal(sql_int(world, "SELECT count(*) FROM job WHERE state = 'ready'"), 1);
	looks = 0;
	work_all(world);
	assert_int_equal(looks, 1);
	expect_effect("manual", "manual");
	assert_string_equal(sql_text(world, "SELECT code || ' ' || times FROM attention"), "absent_at_vendor 2");
	seen = EFFECT_CONFIRMED;
	post(world, BY_ADMIN, path, NULL);
	expect_status(world, 202);
	work_all(world);
	expect_effect("confirmed", "manual confirmed");
	assert_int_equal(sql_int(world, "SELECT count(*) FROM attention"), 0);
	assert_int_equal(sends(), 1);
	post(world, BY_ADMIN, path, NULL);
	expect_problem(world, 409, "not_manual");
	post(world, BY_ADMIN, "/route/effects/00000000-0000-7000-8000-0000000000ff/look-up", NULL);
	expect_problem(world, 404, "unknown_effect");
}

static void
m3_a_vendor_that_cannot_be_asked_is_not(void **state UNUSED)
{
	const char *path = look_path("blind.act");

	assert_string_equal(sql_text(world, "SELECT detail ->> 'lookUp' FROM attention"), "false");
	post(world, BY_ADMIN, path, NULL);
	expect_problem(world, 409, "no_look_up");
}

static void
evidence_that_overtakes_the_answer_wins_once(void **state UNUSED)
{
	bool did = true;

	intend("resend.act", BODY);
	tx_begin(world);
	MUST(effect_evidence(world_db(world), "resend.act", subject, true, NULL, &did, &err));
	tx_end(world);
	assert_false(did); /* nothing was sent yet: this is evidence of something else */
	sql_run(world, "UPDATE effect SET state = 'sent'");
	sql_run(world, "UPDATE effect SET state = 'confirmed', settled_at = now()");
	work_all(world);
	assert_int_equal(sends(), 0);
	expect_effect("confirmed", "");
}

static int
setup(void **state UNUSED)
{
	world = world_new(&service, NULL);
	sql_run(world, "CREATE TABLE settled (kind text, state text, ref text, code text); GRANT INSERT ON settled TO PUBLIC");
	return 0;
}

static int
teardown(void **state UNUSED)
{
	world_free(world);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(confirmed_effect_is_settled_once),
		TEST(key_depends_on_the_act_alone),
		TEST(refusal_is_final),
		TEST(turned_away_is_tried_again),
		TEST(vendor_that_never_takes_it_leaves_it_to_a_person),
		TEST(no_answer_is_asked_again_with_the_same_bytes),
		TEST(server_error_is_asked_again_with_the_same_bytes),
		TEST(stored_failure_is_looked_up),
		TEST(stored_failure_of_something_absent_is_a_persons),
		TEST(different_failures_are_no_stored_one),
		TEST(stored_failure_without_a_look_up_is_a_persons),
		TEST(old_key_is_not_trusted),
		TEST(vendor_is_asked_before_anything_is_sent_again),
		TEST(what_the_vendor_has_not_got_is_sent_again),
		TEST(vendor_that_cannot_say_leaves_it_to_a_person),
		TEST(unknown_order_is_never_sent_again),
		TEST(worker_that_died_while_sending_sends_no_second_order),
		TEST(evidence_settles_what_is_unknown),
		TEST(evidence_may_come_after_the_deadline),
		TEST(evidence_that_overtakes_the_answer_wins_once),
		TEST(m3_a_person_has_the_vendor_asked_again_and_nothing_sent),
		TEST(m3_a_vendor_that_cannot_be_asked_is_not),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
