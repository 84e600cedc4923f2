/*
 * Webhooks out (X-WH-02): a subscriber gets each event under one id, signed; one that is away for an hour gets all of it; one that stays away is disabled
 * and a person is told; an address never leads into a private network.
 */
#include "harness/harness.h"

#include "crypto/scheme.h"
#include "integration/integration.h"

static const char *const settings[] = {
	"CANVAS_FHIR_BASE_URL=https://fumage.example", "CANVAS_AUTH_BASE_URL=https://canvas.example", "CANVAS_CLIENT_ID=c", "CANVAS_CLIENT_SECRET=s",
	"CANVAS_REQUESTER=11111111111111111111111111111111", "CANVAS_QUESTIONNAIRE=q-1", NULL
};
#define HOOK "https://partner.example/hooks"

static int
setup(void **state)
{
	*state = world_new(&integration_service, settings);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static unsigned serial;

static const char *
subscribe(struct world *w, const char *topic)
{
	stubs_clear(w);
	sql_run(w, "UPDATE webhook_subscription SET state = 'disabled' WHERE state = 'active'");
	post_key(w, BY_ADMIN, "/api/webhook-subscriptions", text(w, "subscription-number-%u", ++serial), text(w, "{\"url\":\"" HOOK "\",\"topics\":[\"%s\"]}", topic));
	expect_status(w, 201);
	return answer_text(w, "subscriptionId");
}

static void
ship(struct world *w)
{
	char id[UUID_TEXT];
	struct uuid shipment = uuid_new();

	uuid_text(shipment, id);
	send_event(w, "shipping", "shipment.updated", shipment, text(w,
	    "{\"shipmentId\":\"%s\",\"externalId\":\"%s\",\"submissionId\":\"%s\",\"patientId\":\"%s\",\"status\":\"shipped\",\"trackingNumber\":\"7\",\"carrier\":\"fedex\"}", id, id, id, id));
	expect_status(w, 200);
}

static void
an_event_is_posted_signed_under_its_own_id(void **state)
{
	struct world *w = *state;
	const struct sent *s;
	const char *secret;
	struct buf want = BUF_INIT(256);

	(void)subscribe(w, "shipment.updated");
	secret = answer_text(w, "secret");
	stub(w, "POST", HOOK, 204, "");
	ship(w);
	send_event_again(w);
	work(w);
	assert_int_equal(sent_count(w, "POST", HOOK), 1);
	s = sent_to(w, "POST", HOOK, 0);
	assert_string_equal(sent_text(s, "type"), "shipment.updated");
	assert_string_equal(sent_text(s, "data.status"), "shipped");
	assert_string_equal(sent_header(s, "webhook-id"), sql_text(w, "SELECT id FROM webhook_message ORDER BY created_at DESC LIMIT 1"));
	assert_int_equal(standard_sign(secret, sent_header(s, "webhook-id"), strtoll(sent_header(s, "webhook-timestamp"), NULL, 10), BYTES_OF(s->raw), &want), 0);
	assert_string_equal(sent_header(s, "webhook-signature"), buf_str(&want));
	buf_release(&want);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM webhook_subscription WHERE encode(secret_enc, 'escape') LIKE '%%whsec_%%'"), 0);
	/* Nobody is told what he did not ask for. */
	send_event(w, "orchestrator", "orchestration.finished", uuid_new(), "{\"submissionId\":\"00000000-0000-7000-8000-0000000000b2\",\"state\":\"completed\"}");
	work(w);
	assert_int_equal(sent_count(w, "POST", HOOK), 1);
}

static void
a_receiver_that_was_away_gets_all_under_the_same_ids(void **state)
{
	struct world *w = *state;
	const char *id = subscribe(w, "shipment.updated");

	stub(w, "POST", HOOK, 503, "");
	for (int i = 0; i < 3; i++)
		ship(w);
	work(w);
	assert_int_equal(sent_count(w, "POST", HOOK), 3);
	get(w, BY_ADMIN, text(w, "/api/webhook-subscriptions/%s/deliveries?state=pending", id));
	expect_int(w, "deliveries.2.httpStatus", 503);
	stub(w, "POST", HOOK, 200, "");
	sql_run(w, "UPDATE job SET run_at = now() WHERE state = 'ready'");
	work(w);
	assert_int_equal(sent_count(w, "POST", HOOK), 6);
	get(w, BY_ADMIN, text(w, "/api/webhook-subscriptions/%s/deliveries?state=sent", id));
	expect_int(w, "deliveries.2.attempts", 2);
	/* A test, and all of it again: the ids are those of before. */
	post_key(w, BY_ADMIN, text(w, "/api/webhook-subscriptions/%s/test", id), text(w, "test-of-subscription-%u", ++serial), NULL);
	expect_status(w, 202);
	post(w, BY_ADMIN, text(w, "/api/webhook-subscriptions/%s/replay", id), "{\"since\":\"2026-01-01T00:00:00Z\",\"all\":true}");
	assert_true(answer_int(w, "deliveries") >= 3);
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM webhook_delivery WHERE subscription_id = '%s' AND state <> 'sent'", id), 0);
}

static void
one_that_stays_away_for_three_days_is_disabled_and_a_person_told(void **state)
{
	struct world *w = *state;
	const char *id = subscribe(w, "shipment.updated");

	stub(w, "POST", HOOK, 500, "");
	ship(w);
	work(w);
	sql_run(w, "UPDATE webhook_delivery SET began_at = now() - interval '73 hours' WHERE subscription_id = '%s'", id);
	sql_run(w, "UPDATE job SET run_at = now() WHERE state = 'ready'");
	work(w);
	assert_string_equal(sql_text(w, "SELECT state || ' ' || reason FROM webhook_subscription WHERE id = '%s'", id), "disabled failing_for_days");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'webhook.disabled' AND subject = '%s'", id), 1);
	post(w, BY_ADMIN, text(w, "/api/webhook-subscriptions/%s/replay", id), "{\"since\":\"2026-01-01T00:00:00Z\"}");
	expect_problem(w, 409, "disabled");
	post(w, BY_ADMIN, text(w, "/api/webhook-subscriptions/%s/enable", id), NULL);
	expect_status(w, 200);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'webhook.disabled' AND subject = '%s'", id), 0);
	stub(w, "POST", HOOK, 200, "");
	post(w, BY_ADMIN, text(w, "/api/webhook-subscriptions/%s/replay", id), "{\"since\":\"2026-01-01T00:00:00Z\"}");
	expect_int(w, "deliveries", 1);
	work(w);
	assert_string_equal(sql_text(w, "SELECT state FROM webhook_delivery WHERE subscription_id = '%s'", id), "sent");
	/* One that says it is gone is not asked for three days. */
	stub(w, "POST", HOOK, 410, "");
	ship(w);
	work(w);
	assert_string_equal(sql_text(w, "SELECT reason FROM webhook_subscription WHERE id = '%s'", id), "gone");
}

static void
an_address_is_https_and_a_topic_one_of_ours(void **state)
{
	static const struct {
		const char *url, *topic, *code;
	} cases[] = {
		{ "http://partner.example/hooks", "shipment.updated", "bad_url" },
		{ "https://user@partner.example/hooks", "shipment.updated", "bad_url" },
		{ "https:///hooks/of/nobody", "shipment.updated", "bad_url" },
		{ HOOK, "audit.everything", "unknown_topic" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		post_key(w, BY_ADMIN, "/api/webhook-subscriptions", text(w, "subscription-refused-%zu", i),
		    text(w, "{\"url\":\"%s\",\"topics\":[\"%s\"]}", cases[i].url, cases[i].topic));
		expect_problem(w, 422, cases[i].code);
	}
	post_key(w, BY_PUBLIC, "/api/webhook-subscriptions", "subscription-of-nobody", "{\"url\":\"" HOOK "\",\"topics\":[\"shipment.updated\"]}");
	expect_status(w, 401);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_posted_signed_under_its_own_id),
		cmocka_unit_test(a_receiver_that_was_away_gets_all_under_the_same_ids),
		cmocka_unit_test(one_that_stays_away_for_three_days_is_disabled_and_a_person_told),
		cmocka_unit_test(an_address_is_https_and_a_topic_one_of_ours),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
