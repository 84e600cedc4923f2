/*
 * Notify's rules: the matrix decides, a message is once per type and key, channels fail alone, templates are versions.
 */
#include "harness/harness.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "notify/notify.h"

static EVP_PKEY *sendgrid_key; /* of this run; notify knows its public half */
static const char *settings[] = {
	NULL,	/* SENDGRID_WEBHOOK_PUBLIC_KEY, made by setup */
	"SENDGRID_BASE_URL=https://sendgrid.example", "SENDGRID_API_KEY=SG.x", "MAIL_FROM=care@telerx.example", "TWILIO_BASE_URL=https://twilio.example",
	"TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001", "TWILIO_AUTH_TOKEN=t", "TWILIO_FROM=+15005550006",
	"SLACK_WEBHOOK_URL=https://slack.example/services/T/B/x", "HUBSPOT_BASE_URL=https://hubspot.example", "HUBSPOT_TOKEN=pat-na1-x", NULL
};
#define MAIL "https://sendgrid.example/v3/mail/send"
#define SMS "https://twilio.example/*"
#define CONTACT "https://hubspot.example/crm/v3/objects/contacts/batch/upsert"
#define SLACK "https://slack.example/services/T/B/x"

static int
setup(void **state)
{
	static char setting[512];
	struct buf b = BUF_INIT(sizeof(setting));
	uint8_t *der = NULL;
	int n;

	sendgrid_key = EVP_EC_gen("P-256");
	n = i2d_PUBKEY(sendgrid_key, &der);
	assert_true(n > 0);
	base64_encode(BYTES(der, (size_t)n), &b);
	(void)snprintf(setting, sizeof(setting), "SENDGRID_WEBHOOK_PUBLIC_KEY=%s", buf_str(&b));
	buf_release(&b);
	OPENSSL_free(der);
	settings[0] = setting;
	*state = world_new(&notify_service, settings);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	EVP_PKEY_free(sendgrid_key);
	return 0;
}

static int
fresh(void **state)
{
	static const char *const headers[] = { "X-Message-Id: abcdefghijklmnopqrstuv", NULL };
	struct world *w = *state;

	stubs_clear(w);
	sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	stub_with(w, "POST", MAIL, 202, "", headers);
	stub(w, "POST", SMS, 201, "{\"sid\":\"SM00000000000000000000000000000001\",\"status\":\"queued\"}");
	stub(w, "POST", SLACK, 200, "ok");
	stub(w, "POST", CONTACT, 200, "{\"status\":\"COMPLETE\",\"results\":[{\"id\":\"51200000001\",\"new\":true,\"properties\":{}}]}");
	return 0;
}

static const char *
new_id(struct world *w)
{
	char id[UUID_TEXT];

	return text(w, "%s", uuid_text(uuid_new(), id));
}

static const char *
send_to(struct world *w, const char *type, const char *recipient)
{
	post(w, BY_SERVICE("orchestrator"), "/notify/send", text(w,
	    "{\"type\":\"%s\",\"messageKey\":\"%s\",\"recipient\":%s,\"variables\":{\"firstName\":\"Ada\"}}", type, new_id(w), recipient));
	expect_status(w, 202);
	return answer_text(w, "notificationId");
}

#define ADA "{\"email\":\"ada@patients.example\",\"phone\":\"+15045550100\"}"

static const char *
channel(struct world *w, const char *id, const char *name)
{
	return sql_text(w, "SELECT status FROM notification_log WHERE message_id = '%s' AND channel = '%s'", id, name);
}

static void
the_matrix_is_the_seeds(void **state)
{
	static const struct { const char *type; bool email, sms, hubspot, slack; } rows[] = {
		{ "prescription_approved", true, true, true, false }, { "prescription_denied", true, true, false, false },
		{ "shipment_update", true, true, true, false }, { "payment_charged", true, true, true, false },
		{ "payment_failed", true, true, false, false }, { "provider_message", true, true, true, false },
		{ "refill_reminder", true, true, false, false }, { "welcome", true, false, true, false },
		{ "physician_new_task", true, false, false, true }, { "admin_alert", false, false, false, true },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(sql_int(w, "SELECT count(*) FROM notification_channel_config WHERE type = '%s' AND email = %s AND sms = %s AND hubspot = %s"
		    " AND slack = %s AND NOT push AND NOT in_app", rows[i].type, rows[i].email ? "true" : "false", rows[i].sms ? "true" : "false",
		    rows[i].hubspot ? "true" : "false", rows[i].slack ? "true" : "false"), 1);
}

static void
an_approval_goes_out_by_mail_and_text(void **state)
{
	struct world *w = *state;
	const char *id = send_to(w, "prescription_approved", ADA);

	work(w);
	assert_string_equal(channel(w, id, "email"), "sent");
	assert_string_equal(channel(w, id, "sms"), "sent");
	assert_string_equal(channel(w, id, "hubspot"), "sent");
	assert_non_null(strstr(sent_to(w, "POST", MAIL, -1)->raw, "ada@patients.example"));
	assert_non_null(strstr(sent_to(w, "POST", MAIL, -1)->raw, "Hello Ada"));
	assert_non_null(strstr(sent_to(w, "POST", SMS, -1)->raw, "To=%2B15045550100"));
	assert_true(event_count(w, "notification.sent") >= 2);
}

static void
a_repeat_of_type_and_key_is_one_message(void **state)
{
	struct world *w = *state;
	const char *body = text(w, "{\"type\":\"welcome\",\"messageKey\":\"k-1\",\"recipient\":%s}", ADA), *first;

	post(w, BY_SERVICE("intake"), "/notify/send", body);
	first = answer_text(w, "notificationId");
	post(w, BY_SERVICE("intake"), "/notify/send", body);
	expect_text(w, "notificationId", first);
	work(w);
	assert_int_equal(sent_count(w, "POST", MAIL), 1);
}

static void
a_dead_sms_provider_does_not_stop_the_mail(void **state)
{
	struct world *w = *state;
	const char *id;

	stub(w, "POST", SMS, 503, "{\"code\":20500,\"status\":503}");
	id = send_to(w, "payment_failed", ADA);
	work(w);
	assert_string_equal(channel(w, id, "email"), "sent");
	assert_string_not_equal(channel(w, id, "sms"), "sent");
}

static void
a_mail_whose_answer_was_lost_is_not_sent_twice(void **state)
{
	struct world *w = *state;
	const char *id;

	stub_broken(w, "POST", MAIL, HTTP_UNKNOWN);
	id = send_to(w, "welcome", ADA);
	for (int i = 0; i < 3; i++)
		work(w);
	assert_int_equal(sent_count(w, "POST", MAIL), 1);
	sql_run(w, "UPDATE effect SET deadline = now() - interval '1 second' WHERE kind = 'sendgrid.send' AND state IN ('sent', 'unknown')");
	work_all(w);
	assert_int_equal(sent_count(w, "POST", MAIL), 1);
	assert_string_equal(channel(w, id, "email"), "unknown");
}

static void
a_patient_is_reached_by_the_contact_intake_keeps(void **state)
{
	struct world *w = *state;
	const char *patient = new_id(w);

	stub(w, "GET", text(w, "/intake/contacts/%s", patient), 200,
	    text(w, "{\"patientId\":\"%s\",\"firstName\":\"Bea\",\"email\":\"bea@patients.example\",\"phone\":\"+15045550101\"}", patient));
	send_to(w, "prescription_denied", text(w, "{\"patientId\":\"%s\"}", patient));
	work(w);
	assert_non_null(strstr(sent_to(w, "POST", MAIL, -1)->raw, "bea@patients.example"));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM notification_messages WHERE encode(recipient_enc, 'escape') LIKE '%%patients.example%%'"), 0);
}

/* Y-NOTIF-03 and its neighbours: HubSpot ON. What the message is about stays out of the customer list. */
static void
a_contact_is_kept_at_hubspot_by_its_address(void **state)
{
	struct world *w = *state;
	const char *id = send_to(w, "prescription_approved", "{\"email\":\"Ada@Patients.Example\",\"phone\":\"+15045550100\"}");
	const json_t *sent;

	work(w);
	assert_int_equal(sent_count(w, "POST", CONTACT), 1);
	sent = sent_to(w, "POST", CONTACT, -1)->body;
	assert_string_equal(json_text_at(sent, "inputs.0.id"), "ada@patients.example");
	assert_string_equal(json_text_at(sent, "inputs.0.idProperty"), "email");
	assert_string_equal(json_text_at(sent, "inputs.0.properties.email"), "ada@patients.example");
	assert_string_equal(json_text_at(sent, "inputs.0.properties.firstname"), "Ada");
	assert_string_equal(json_text_at(sent, "inputs.0.properties.phone"), "+15045550100");
	assert_int_equal(json_object_size(json_at(sent, "inputs.0.properties")), 3);
	assert_null(strstr(sent_to(w, "POST", CONTACT, -1)->raw, "prescription"));
	assert_string_equal(sql_text(w, "SELECT provider_id FROM notification_log WHERE message_id = '%s' AND channel = 'hubspot'", id), "51200000001");
}

static void
what_hubspot_answers_decides_and_the_others_go_on(void **state)
{
	static const struct {
		int status;
		const char *body, *becomes, *error;
	} cases[] = {
		{ 207, "{\"status\":\"COMPLETE\",\"results\":[],\"numErrors\":1,\"errors\":[{\"category\":\"VALIDATION_ERROR\"}]}", "failed",
		    "hubspot_VALIDATION_ERROR" },
		{ 400, "{\"status\":\"error\",\"category\":\"VALIDATION_ERROR\",\"message\":\"no\"}", "failed", "hubspot_VALIDATION_ERROR" },
		{ 401, "{\"category\":\"EXPIRED_AUTHENTICATION\"}", "queued", "" },
		{ 429, "{\"errorType\":\"RATE_LIMIT\",\"policyName\":\"TEN_SECONDLY_ROLLING\"}", "queued", "" },
		{ 477, "", "queued", "" },
		{ 502, "", "queued", "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *id;

		stub(w, "POST", CONTACT, cases[i].status, cases[i].body);
		id = send_to(w, "welcome", ADA);
		work(w);
		assert_string_equal(channel(w, id, "email"), "sent");
		assert_string_equal(channel(w, id, "hubspot"), cases[i].becomes);
		assert_string_equal(sql_text(w, "SELECT coalesce(error_code, '') FROM notification_log WHERE message_id = '%s' AND channel = 'hubspot'",
		    id), cases[i].error);
		sql_run(w, "DELETE FROM job WHERE state = 'ready'");
	}
}

static void
an_unclear_answer_of_hubspot_is_asked_again(void **state)
{
	struct world *w = *state;
	const char *id;

	stub_broken(w, "POST", CONTACT, HTTP_UNKNOWN);
	id = send_to(w, "payment_charged", ADA);
	work(w);
	assert_string_equal(channel(w, id, "hubspot"), "queued");
	stub(w, "POST", CONTACT, 200, "{\"status\":\"COMPLETE\",\"results\":[{\"id\":\"7\",\"new\":false}]}");
	work_all(w);
	assert_string_equal(channel(w, id, "hubspot"), "sent");
	assert_string_equal(sql_text(w, "SELECT provider_id FROM notification_log WHERE message_id = '%s' AND channel = 'hubspot'", id), "7");
}

static void
a_toggle_acts_on_the_next_message_and_is_audited(void **state)
{
	struct world *w = *state;
	const char *id;

	put(w, BY_ADMIN, "/notify/channels/shipment_update", "{\"sms\":false}");
	expect_status(w, 200);
	id = send_to(w, "shipment_update", ADA);
	work(w);
	assert_string_equal(channel(w, id, "email"), "sent");
	assert_string_equal(channel(w, id, "sms"), "suppressed");
	assert_int_equal(audit_count(w, "notification.channels", "success"), 1);
	put(w, BY_ADMIN, "/notify/channels/no_such_type", "{\"sms\":false}");
	expect_problem(w, 404, "unknown_type");
	put(w, BY_PUBLIC, "/notify/channels/welcome", "{\"sms\":true}");
	expect_status(w, 401);
}

static void
an_edited_template_is_a_new_version_and_must_keep_its_promises(void **state)
{
	struct world *w = *state;

	put(w, BY_ADMIN, "/notify/templates/welcome/email", "{\"subject\":\"Welcome\",\"body\":\"Dear {{firstName}}, version one\"}");
	expect_int(w, "version", 1);
	put(w, BY_ADMIN, "/notify/templates/welcome/email", "{\"subject\":\"Welcome\",\"body\":\"Dear {{firstName}}, version two\"}");
	expect_int(w, "version", 2);
	put(w, BY_ADMIN, "/notify/templates/welcome/email", "{\"body\":\"your {{diagnosis}}\"}");
	expect_problem(w, 422, "unknown_variable");
	send_to(w, "welcome", ADA);
	work(w);
	assert_non_null(strstr(sent_to(w, "POST", MAIL, -1)->raw, "version two"));
	assert_int_equal(sql_int(w, "SELECT count(*) FROM notification_templates WHERE type = 'welcome'"), 2);
}

static void
slack_text_is_escaped(void **state)
{
	struct world *w = *state;

	post(w, BY_SERVICE("billing"), "/notify/send", "{\"type\":\"admin_alert\",\"messageKey\":\"a-1\",\"recipient\":{},"
	    "\"variables\":{\"kind\":\"payment\",\"subject\":\"<x>\",\"detail\":\"a & b\"}}");
	expect_status(w, 202);
	work(w);
	assert_string_equal(sent_text(sent_to(w, "POST", SLACK, -1), "text"), "[payment] &lt;x&gt;: a &amp; b\n");
}

static void
every_type_has_the_templates_of_its_channels(void **state)
{
	struct world *w = *state;

	for (const struct notice *n = notices; n->type != NULL; n++)
		for (size_t i = 0; channel_names[i] != NULL; i++) {
			char path[512];

			if (strcmp(channel_names[i], "hubspot") == 0 ||
			    sql_int(w, "SELECT %s::int FROM notification_channel_config WHERE type = '%s'", channel_names[i], n->type) != 1)
				continue;
			(void)snprintf(path, sizeof(path), "%s/templates/notify/%s.%s.en.mustache", scratch_source(), n->type, channel_names[i]);
			if (access(path, R_OK) != 0)
				fail_msg("%s is missing", path);
		}
}

/* ---- what became of it: Twilio signs with our token */

static void
status_callback(struct world *w, const char *sid, const char *status)
{
	const char *body = text(w, "MessageSid=%s&MessageStatus=%s", sid, status), *signature;
	const char *names[] = { "MessageSid", "MessageStatus" };
	const char *values[] = { sid, status };
	struct buf text_ = buf_in(world_arena(w), 2048), base64 = buf_in(world_arena(w), 64);
	uint8_t mac[20];

	buf_addf(&text_, "https://localhost:8443/notify/webhooks/twilio%s%s%s%s", names[0], values[0], names[1], values[1]);
	hmac_sha1(BYTES_OF("t"), BYTES(text_.data, text_.len), mac);
	base64_encode(BYTES(mac, sizeof(mac)), &base64);
	signature = buf_str(&base64);
	request(w, BY_PUBLIC, "POST", "/notify/webhooks/twilio", NULL, body, (const struct header[]){ { "x-twilio-signature", signature },
	    { "content-type", "application/x-www-form-urlencoded" }, { NULL, NULL } });
}

static void
W4_a_text_is_delivered_once_and_for_good(void **state)
{
	static const char *const late_first[] = { "delivered", "sent", "queued", "delivered", "failed" };
	struct world *w = *state;

	sql_run(w, "INSERT INTO notification_messages (id, type, message_key, caller, recipient_enc, variables_enc) VALUES"
	    " ('00000000-0000-7000-8000-0000000000d1', 'payment_charged', 'hook', 'test', '', '')");
	sql_run(w, "INSERT INTO notification_log (id, message_id, channel, status, provider_id) VALUES"
	    " ('00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-0000000000d1', 'sms', 'sent', 'SM1')");
	for (unsigned i = 0; i < COUNT(late_first); i++) {
		status_callback(w, "SM1", late_first[i]);
		expect_status(w, 200);
		work(w);
	}
	assert_string_equal(sql_text(w, "SELECT status FROM notification_log WHERE provider_id = 'SM1'"), "delivered");
	assert_int_equal(sql_int(w, "SELECT count(*) FROM webhook WHERE vendor = 'twilio'"), 4);
	request(w, BY_PUBLIC, "POST", "/notify/webhooks/twilio", NULL, "MessageSid=SM1&MessageStatus=failed",
	    (const struct header[]){ { "x-twilio-signature", "forged" }, { "content-type", "application/x-www-form-urlencoded" }, { NULL, NULL } });
	expect_problem(w, 401, "bad_signature");
}

/* ---- SendGrid signs with a key whose public half we know */

static void
mail_events(struct world *w, const char *body, EVP_PKEY *key)
{
	const char *now = text(w, "%" PRId64, clock_us() / US_PER_S);
	struct buf signed_ = buf_in(world_arena(w), 4096), base64 = buf_in(world_arena(w), 256);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[128];
	size_t n = sizeof(signature);

	buf_addf(&signed_, "%s%s", now, body);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &n, (const uint8_t *)signed_.data, signed_.len), 1);
	EVP_MD_CTX_free(ctx);
	base64_encode(BYTES(signature, n), &base64);
	request(w, BY_PUBLIC, "POST", "/notify/webhooks/sendgrid", NULL, body, (const struct header[]){
	    { "x-twilio-email-event-webhook-signature", buf_str(&base64) }, { "x-twilio-email-event-webhook-timestamp", now }, { NULL, NULL } });
}

/* One message of SendGrid holds several events, in any order; a delivery goes up only, and a kind we do not keep is noted. */
static void
W4_a_mail_is_delivered_once_and_for_good(void **state)
{
	static const char batch[] =
	    "[{\"sg_event_id\":\"e2\",\"event\":\"delivered\",\"sg_message_id\":\"M1.recvd-1\",\"timestamp\":1767225601},"
	    "{\"sg_event_id\":\"e1\",\"event\":\"processed\",\"nid\":\"00000000-0000-7000-8000-0000000000e2\",\"timestamp\":1767225600},"
	    "{\"sg_event_id\":\"e3\",\"event\":\"open\",\"sg_message_id\":\"M1.recvd-1\",\"timestamp\":1767225602}]";
	static const char late[] = "[{\"sg_event_id\":\"e4\",\"event\":\"bounce\",\"sg_message_id\":\"M1.recvd-1\",\"timestamp\":1767225599}]";
	struct world *w = *state;
	EVP_PKEY *other = EVP_EC_gen("P-256");

	sql_run(w, "INSERT INTO notification_messages (id, type, message_key, caller, recipient_enc, variables_enc) VALUES"
	    " ('00000000-0000-7000-8000-0000000000e1', 'payment_charged', 'hook3', 'test', '', '')");
	sql_run(w, "INSERT INTO notification_log (id, message_id, channel, status, provider_id) VALUES"
	    " ('00000000-0000-7000-8000-0000000000e2', '00000000-0000-7000-8000-0000000000e1', 'email', 'sent', 'M1')");
	mail_events(w, batch, other);
	expect_problem(w, 401, "bad_signature");
	EVP_PKEY_free(other);
	for (int i = 0; i < 3; i++) {
		mail_events(w, batch, sendgrid_key);
		expect_status(w, 200);
		work(w);
	}
	assert_int_equal(sql_int(w, "SELECT count(*) FROM webhook WHERE vendor = 'sendgrid'"), 3);
	assert_string_equal(sql_text(w, "SELECT outcome FROM webhook WHERE event_id = 'e3'"), "ignored");
	assert_string_equal(sql_text(w, "SELECT status FROM notification_log WHERE provider_id = 'M1'"), "delivered");
	mail_events(w, late, sendgrid_key);
	work(w);
	assert_string_equal(sql_text(w, "SELECT status FROM notification_log WHERE provider_id = 'M1'"), "delivered");
	mail_events(w, "{\"event\":\"delivered\"}", sendgrid_key);
	expect_problem(w, 400, "malformed_event");
}

static void
who_is_reached_by_no_channel_is_a_persons_business(void **state)
{
	struct world *w = *state;

	sql_run(w, "INSERT INTO notification_messages (id, type, message_key, caller, recipient_enc, variables_enc) VALUES"
	    " ('00000000-0000-7000-8000-0000000000d3', 'payment_charged', 'hook2', 'test', '', '')");
	sql_run(w, "INSERT INTO notification_log (id, message_id, channel, status, provider_id) VALUES"
	    " ('00000000-0000-7000-8000-0000000000d4', '00000000-0000-7000-8000-0000000000d3', 'sms', 'sent', 'SM2')");
	status_callback(w, "SM2", "undelivered");
	work(w);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM attention WHERE kind = 'notification.undeliverable' AND code = 'undelivered'"), 1);
}

/* ---- a copay's link (P-PAY-05, 06) */

static void
ask_to_pay(struct world *w, const char *patient)
{
	post(w, BY_SERVICE("billing"), "/notify/send", text(w, "{\"type\":\"payment_link\",\"messageKey\":\"%s\",\"recipient\":{\"patientId\":\"%s\","
	    "\"email\":\"ada@patients.example\",\"phone\":\"+15045550100\"},\"variables\":{\"firstName\":\"Ada\",\"amount\":\"5.00\",\"currency\":\"USD\","
	    "\"drugCost\":\"6,500.00\",\"insurancePaid\":\"5,000.00\",\"copay\":\"1,500.00\",\"savings\":\"1,495.00\",\"drugName\":\"Samplimab\","
	    "\"link\":\"https://checkout.example/c/pay/cs_test_1\",\"linkExpiresAt\":\"2099-01-01T00:00:00Z\"}}", new_id(w), patient));
	expect_status(w, 202);
	work(w);
}

/* A form's text member, decoded. */
static const char *
sms_text(struct world *w, int i)
{
	const char *p = strstr(sent_to(w, "POST", SMS, i)->raw, "Body=") + 5;
	char *out = arena_alloc(world_arena(w), 1024), *o = out;

	for (; *p != '\0' && *p != '&'; p++) {
		char hex[3] = { p[0] == '%' ? p[1] : '\0', p[0] == '%' ? p[2] : '\0', '\0' };

		*o++ = *p == '%' ? (char)strtol(hex, NULL, 16) : *p;
		p += *p == '%' ? 2 : 0;
	}
	*o = '\0';
	return out;
}

static void
P_PAY_05_a_drug_is_named_by_mail_to_those_who_agreed_and_nowhere_else(void **state)
{
	struct world *w = *state;
	const char *patient = new_id(w);

	ask_to_pay(w, patient);
	assert_null(strstr(sent_to(w, "POST", MAIL, 0)->raw, "Samplimab"));
	assert_non_null(strstr(sent_to(w, "POST", MAIL, 0)->raw, "1,495.00"));
	assert_non_null(strstr(sent_to(w, "POST", MAIL, 0)->raw, "https://checkout.example/c/pay/cs_test_1"));
	put(w, BY_ADMIN, text(w, "/notify/preferences/%s", patient), "{\"detailedMessages\":true}");
	expect_status(w, 200);
	ask_to_pay(w, patient);
	assert_non_null(strstr(sent_to(w, "POST", MAIL, 1)->raw, "Samplimab"));
	assert_null(strstr(sms_text(w, 1), "Samplimab"));
	put(w, BY_ADMIN, "/notify/templates/payment_link/sms", "{\"body\":\"{{drugName}}: {{shortLink}}\"}");
	expect_problem(w, 422, "unknown_variable");
}

static void
P_PAY_06_a_short_link_fits_a_text_leads_there_and_ends(void **state)
{
	struct world *w = *state;
	const char *said, *code;

	ask_to_pay(w, new_id(w));
	said = sms_text(w, 0);
	assert_true(strlen(said) <= 160);
	code = strstr(said, "/l/");
	assert_non_null(code);
	code = text(w, "%.16s", code + 3);
	assert_int_equal(strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 16);
	assert_int_equal(sql_int(w, "SELECT count(*) FROM short_links WHERE short_links::text LIKE '%%%s%%'", code), 0);
	get(w, BY_PUBLIC, text(w, "/l/%s", code));
	expect_status(w, 302);
	assert_string_equal(answer_header(w, "location"), "https://checkout.example/c/pay/cs_test_1");
	get(w, BY_PUBLIC, "/l/0000000000000000");
	expect_status(w, 404);
	sql_run(w, "UPDATE short_links SET expires_at = now() - interval '1 second'");
	get(w, BY_PUBLIC, text(w, "/l/%s", code));
	expect_status(w, 410);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_matrix_is_the_seeds, fresh),
		cmocka_unit_test_setup(every_type_has_the_templates_of_its_channels, fresh),
		cmocka_unit_test_setup(an_approval_goes_out_by_mail_and_text, fresh),
		cmocka_unit_test_setup(a_repeat_of_type_and_key_is_one_message, fresh),
		cmocka_unit_test_setup(a_dead_sms_provider_does_not_stop_the_mail, fresh),
		cmocka_unit_test_setup(a_mail_whose_answer_was_lost_is_not_sent_twice, fresh),
		cmocka_unit_test_setup(a_patient_is_reached_by_the_contact_intake_keeps, fresh),
		cmocka_unit_test_setup(a_contact_is_kept_at_hubspot_by_its_address, fresh),
		cmocka_unit_test_setup(what_hubspot_answers_decides_and_the_others_go_on, fresh),
		cmocka_unit_test_setup(an_unclear_answer_of_hubspot_is_asked_again, fresh),
		cmocka_unit_test_setup(a_toggle_acts_on_the_next_message_and_is_audited, fresh),
		cmocka_unit_test_setup(an_edited_template_is_a_new_version_and_must_keep_its_promises, fresh),
		cmocka_unit_test_setup(slack_text_is_escaped, fresh),
		cmocka_unit_test_setup(P_PAY_05_a_drug_is_named_by_mail_to_those_who_agreed_and_nowhere_else, fresh),
		cmocka_unit_test_setup(P_PAY_06_a_short_link_fits_a_text_leads_there_and_ends, fresh),
		cmocka_unit_test(W4_a_text_is_delivered_once_and_for_good),
		cmocka_unit_test(W4_a_mail_is_delivered_once_and_for_good),
		cmocka_unit_test(who_is_reached_by_no_channel_is_a_persons_business),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
