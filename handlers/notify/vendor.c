/*
 * vendor.c: SendGrid, Twilio, Slack and HubSpot, each as an effect: body, credentials, and what its answers mean. None of them knows an idempotency
 * key: an unclear answer is not sent again at once. A mail or a text that may have gone out is better than the same one twice, so it ends as `unknown`;
 * a duplicate alert in Slack does no harm, and HubSpot finds a contact by its address, so those are resent.
 */
#include "crypto/hash.h"
#include "net/form.h"
#include "notify/notify.h"

/* ---- bodies */

struct bytes
sendgrid_body(struct job *j, struct uuid delivery, const char *to, const char *subject, const char *text)
{
	struct buf b = buf_in(j->arena, 128 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_array(&w, "personalizations");
	jw_object(&w, NULL);
	jw_array(&w, "to");
	jw_object(&w, NULL);
	jw_str(&w, "email", to);
	jw_end(&w);
	jw_end(&w);
	jw_object(&w, "custom_args");
	jw_uuid(&w, "nid", delivery);
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	jw_object(&w, "from");
	jw_str(&w, "email", conf_str(j->conf, "MAIL_FROM"));
	jw_str(&w, "name", conf_str(j->conf, "MAIL_FROM_NAME"));
	jw_end(&w);
	jw_str(&w, "subject", subject);
	jw_array(&w, "content");
	jw_object(&w, NULL);
	jw_str(&w, "type", "text/plain");
	jw_str(&w, "value", text);
	jw_end(&w);
	jw_end(&w);
	jw_object(&w, "tracking_settings");
	jw_object(&w, "click_tracking");
	jw_bool(&w, "enable", false);
	jw_end(&w);
	jw_object(&w, "open_tracking");
	jw_bool(&w, "enable", false);
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	return BYTES(b.data, b.len);
}

struct bytes
twilio_body(struct job *j, const char *to, const char *text)
{
	struct buf b = buf_in(j->arena, 16 * 1024);

	form_add(&b, "To", to);
	form_add(&b, "From", conf_str(j->conf, "TWILIO_FROM"));
	form_add(&b, "Body", text);
	form_add(&b, "ValidityPeriod", "14400");
	return BYTES(b.data, b.len);
}

struct bytes
slack_body(struct job *j, const char *text)
{
	struct buf escaped = buf_in(j->arena, 32 * 1024), b = buf_in(j->arena, 64 * 1024);
	struct json_writer w;

	for (; *text != '\0'; text++) {
		if (*text == '&')
			buf_add(&escaped, "&amp;");
		else if (*text == '<')
			buf_add(&escaped, "&lt;");
		else if (*text == '>')
			buf_add(&escaped, "&gt;");
		else
			buf_addc(&escaped, *text);
	}
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "text", buf_str(&escaped));
	jw_end(&w);
	return BYTES(b.data, b.len);
}

/* HubSpot's advice: lower case, no space around. */
static const char *
plain_address(struct arena *a, const char *s)
{
	char *copy = arena_dup(a, s + strspn(s, " \t"));
	size_t n = strlen(copy);

	while (n > 0 && (copy[n - 1] == ' ' || copy[n - 1] == '\t'))
		copy[--n] = '\0';
	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return copy;
}

struct bytes
hubspot_body(struct job *j, const char *email, const char *first_name, const char *phone)
{
	struct buf b = buf_in(j->arena, 8 * 1024);
	struct json_writer w;

	email = plain_address(j->arena, email);
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_array(&w, "inputs");
	jw_object(&w, NULL);
	jw_str(&w, "id", email);
	jw_str(&w, "idProperty", "email");
	jw_object(&w, "properties");
	jw_str(&w, "email", email);
	if (first_name != NULL)
		jw_str(&w, "firstname", first_name);
	if (phone != NULL)
		jw_str(&w, "phone", phone);
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	return BYTES(b.data, b.len);
}

/* ---- credentials */

static void
dress(struct job *j, struct effect *e, struct http_call *call, const char *base, const char *authorization)
{
	const char **headers = arena_alloc(j->arena, 4 * sizeof(*headers));
	size_t n = 0;

	headers[n++] = arena_printf(j->arena, "Content-Type: %s", e->content_type);
	headers[n++] = "Accept: application/json";
	if (authorization != NULL)
		headers[n++] = arena_printf(j->arena, "Authorization: %s", authorization);
	call->headers = headers;
	call->url = arena_printf(j->arena, "%s%s", conf_str(j->conf, base), e->path);
	call->connect_ms = 5000;
	call->total_ms = 15000;
}

static int
dress_sendgrid(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	dress(j, e, call, "SENDGRID_BASE_URL", arena_printf(j->arena, "Bearer %s", conf_str(j->conf, "SENDGRID_API_KEY")));
	return 0;
}

static int
dress_twilio(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	struct buf basic = buf_in(j->arena, 512);
	const char *pair = arena_printf(j->arena, "%s:%s", conf_str(j->conf, "TWILIO_ACCOUNT_SID"), conf_str(j->conf, "TWILIO_AUTH_TOKEN"));

	buf_add(&basic, "Basic ");
	base64_encode(BYTES_OF(pair), &basic);
	dress(j, e, call, "TWILIO_BASE_URL", basic.data);
	return 0;
}

static int
dress_slack(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	dress(j, e, call, "SLACK_WEBHOOK_URL", NULL);
	return 0;
}

static int
dress_hubspot(struct job *j, struct effect *e, struct http_call *call, struct problem *err UNUSED)
{
	dress(j, e, call, "HUBSPOT_BASE_URL", arena_printf(j->arena, "Bearer %s", conf_str(j->conf, "HUBSPOT_TOKEN")));
	return 0;
}

/* ---- answers. 401 and 403 are our key or sender, mended by an operator: nothing went out. */

static enum verdict
judge_sendgrid(struct job *j, struct effect *e, const struct http_answer *a)
{
	const char *id = http_header(j->http, "x-message-id");

	if (a->status == 202) {
		e->vendor_ref = id == NULL ? NULL : arena_dup(j->arena, id);
		return EFFECT_CONFIRMED;
	}
	if (a->status == 401 || a->status == 403 || a->status == 500 || a->status == 502 || a->status == 503 || a->status == 504)
		return EFFECT_RETRY;	/* the sheet's retry list: nothing was accepted */
	return effect_judge_http(a);
}

static enum verdict
judge_twilio(struct job *j, struct effect *e, const struct http_answer *a)
{
	struct problem ignored = { 0 };
	const json_t *body = json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);

	if (a->status == 201) {
		e->vendor_ref = json_text_at(body, "sid");
		return EFFECT_CONFIRMED;
	}
	if (a->status == 401 || json_int_at(body, "code", 0) == 21611)
		return EFFECT_RETRY;
	e->error_code = arena_printf(j->arena, "twilio_%lld", (long long)json_int_at(body, "code", a->status));
	return effect_judge_http(a);
}

static enum verdict
judge_slack(struct job *j UNUSED, struct effect *e UNUSED, const struct http_answer *a)
{
	return a->status >= 500 ? EFFECT_RETRY : effect_judge_http(a);
}

/* 207 says that the one contact we sent was not taken. 423 and 477: the account is locked or moves house. */
static enum verdict
judge_hubspot(struct job *j, struct effect *e, const struct http_answer *a)
{
	struct problem ignored = { 0 };
	const json_t *body = json_read(j->arena, (const char *)a->body.p, a->body.n, &ignored);
	const char *id = json_text_at(body, "results.0.id"), *category;

	if (a->status == 200 || a->status == 201) {
		e->vendor_ref = id;
		return EFFECT_CONFIRMED;
	}
	if (a->status == 401 || a->status == 403 || a->status == 423 || a->status == 477)
		return EFFECT_RETRY;
	category = json_text_at(body, a->status == 207 ? "errors.0.category" : "category");
	e->error_code = arena_printf(j->arena, "hubspot_%s", category != NULL ? category : arena_printf(j->arena, "%d", a->status));
	return a->status == 207 ? EFFECT_REFUSED : effect_judge_http(a);
}

static int
settle(struct job *j, struct effect *e, const char *state, const struct http_answer *a UNUSED, struct problem *err)
{
	const char *status = strcmp(state, "confirmed") == 0 ? "sent" : strcmp(state, "refused") == 0 ? "failed" : "unknown";

	return delivery_end(j->db, e->subject, status, e->vendor_ref, e->error_code, err);
}

const struct effect_kind sendgrid_effect = {
	.name = "sendgrid.send", .unknown = MANUAL, .deadline_s = 600, .dress = dress_sendgrid, .judge = judge_sendgrid, .settle = settle,
};
const struct effect_kind twilio_effect = {
	.name = "twilio.send", .unknown = MANUAL, .deadline_s = 600, .dress = dress_twilio, .judge = judge_twilio, .settle = settle,
};
const struct effect_kind hubspot_effect = {
	.name = "hubspot.contact", .unknown = RESEND, .deadline_s = 86400, .dress = dress_hubspot, .judge = judge_hubspot, .settle = settle,
};
const struct effect_kind slack_effect = {
	.name = "slack.post", .unknown = RESEND, .deadline_s = 600, .dress = dress_slack, .judge = judge_slack, .settle = settle,
};
