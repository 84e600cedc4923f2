/*
 * twilio.c: the Twilio stand-in: messages. Tables: object (sms), message, job (twilio.callback).
 *
 * Called by notify. No key: two posts are two messages. Twilio's magic numbers are refused as Twilio refuses them; a To that
 * ends in 0198 is undelivered. A message moves queued, sent, delivered with time; callbacks go out only where StatusCallback
 * was given.
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "net/form.h"
#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

static operation_fn create_op, list_op, get_op, redact_op;

static const struct operation operations[] = {
	{ "POST", "/twilio/2010-04-01/Accounts/:account/Messages.json", create_op },
	{ "GET", "/twilio/2010-04-01/Accounts/:account/Messages.json", list_op },
	{ "GET", "/twilio/2010-04-01/Accounts/:account/Messages/:message", get_op },
	{ "POST", "/twilio/2010-04-01/Accounts/:account/Messages/:message", redact_op },
};

static int
refuse(struct call *c, int status, int code, const char *message)
{
	json_t *body = sb_keep(c->arena, json_object());

	json_object_set_new(body, "code", json_integer(code));
	json_object_set_new(body, "message", json_string(message));
	json_object_set_new(body, "more_info", json_string(arena_printf(c->arena, "https://www.twilio.com/docs/errors/%d", code)));
	json_object_set_new(body, "status", json_integer(status));
	sb_answer(c, status, body);
	return REFUSED;
}

static void
failure(struct call *c, int status)
{
	if (status == 429)
		refuse(c, 429, 20429, "Too Many Requests");
	else
		refuse(c, status, 20500, status == 503 ? "Service is unavailable" : "Internal Server Error");
}

static int
admit(struct call *c, struct problem *err)
{
	const char *user, *password;

	(void)err;
	if (!sb_basic(c->r, &user, &password) || !sb_credential(c->r, "TWILIO_ACCOUNT_SID", user) ||
	    !sb_credential(c->r, "TWILIO_AUTH_TOKEN", password))
		return refuse(c, 401, 20003, "Authenticate");
	return strcmp(user, req_str(c->r, "account")) == 0 ? 0 : refuse(c, 404, 20404, "The requested resource was not found");
}

/* ---- the message as it is now */

static bool
ends(const char *s, const char *with)
{
	size_t n = strlen(s), k = strlen(with);

	return n >= k && strcmp(s + n - k, with) == 0;
}

static const char *
status_of(struct call *c, const struct found *f)
{
	int64_t step = conf_int(c->r->conf, "SANDBOX_STEP"), n = (f->now - f->created) / US_PER_S / (step > 0 ? step : 1);

	if (n < 1)
		return "queued";
	if (n < 2)
		return "sent";
	return ends(sb_text(f->data, "to", ""), "0198") ? "undelivered" : "delivered";
}

static json_t *
message_now(struct call *c, const struct found *f)
{
	json_t *m = sb_shown(c->arena, f->data);
	const char *status = status_of(c, f);

	json_object_set_new(m, "status", json_string(status));
	if (strcmp(status, "undelivered") == 0)
		json_object_set_new(m, "error_code", json_integer(30003));
	return m;
}

static json_t *
message_new(struct call *c, const json_t *in, const char *sid)
{
	json_t *m = sb_keep(c->arena, json_object());
	const char *account = req_str(c->r, "account"), *from = json_text_at(in, "From");
	time_t now = (time_t)(clock_us() / US_PER_S);
	char date[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	if (strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0)
		date[0] = '\0';
	json_object_set_new(m, "sid", json_string(sid));
	json_object_set_new(m, "account_sid", json_string(account));
	json_object_set_new(m, "to", json_string(sb_text(in, "To", "")));
	json_object_set_new(m, "from", from != NULL ? json_string(from) : json_null());
	json_object_set_new(m, "messaging_service_sid", json_text_at(in, "MessagingServiceSid") != NULL ?
	    json_string(json_text_at(in, "MessagingServiceSid")) : json_null());
	json_object_set_new(m, "body", json_string(sb_text(in, "Body", "")));
	json_object_set_new(m, "status", json_string("queued"));
	json_object_set_new(m, "num_segments", json_string(from != NULL ? "1" : "0"));
	json_object_set_new(m, "direction", json_string("outbound-api"));
	json_object_set_new(m, "error_code", json_null());
	json_object_set_new(m, "error_message", json_null());
	json_object_set_new(m, "price", json_null());
	json_object_set_new(m, "price_unit", json_string("USD"));
	json_object_set_new(m, "date_created", json_string(date));
	json_object_set_new(m, "api_version", json_string("2010-04-01"));
	json_object_set_new(
	    m, "uri", json_string(arena_printf(c->arena, "/2010-04-01/Accounts/%s/Messages/%s.json", account, sid)));
	return m;
}

/* ---- create */

static const struct { const char *field, *number; int code; const char *says; } magic[] = {
	{ "From", "+15005550001", 21212, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID." },
	{ "From", "+15005550007", 21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number." },
	{ "From", "+15005550008", 21611, "This 'From' number has exceeded the maximum number of queued messages." },
	{ "To", "+15005550001", 21211, "The 'To' number is not a valid phone number." },
	{ "To", "+15005550002", 21612, "The message From/To pair violates a routing rule." },
	{ "To", "+15005550003", 21408, "Permission to send an SMS has not been enabled for the region." },
	{ "To", "+15005550004", 21610, "Attempt to send to unsubscribed recipient." },
	{ "To", "+15005550009", 21614, "'To' number is not a valid mobile number." },
};

static bool
e164(const char *s)
{
	size_t n = strlen(s);

	return n >= 9 && n <= 16 && s[0] == '+' && s[1] != '0' && strspn(s + 1, "0123456789") == n - 1;
}

static int
check(struct call *c, const json_t *in)
{
	if (json_text_at(in, "To") == NULL)
		return refuse(c, 400, 21604, "A 'To' phone number is required.");
	if (!e164(sb_text(in, "To", "")))
		return refuse(c, 400, 21211, "The 'To' number is not a valid phone number.");
	if (json_text_at(in, "From") == NULL && json_text_at(in, "MessagingServiceSid") == NULL)
		return refuse(c, 400, 21603, "A 'From' phone number is required.");
	if (sb_text(in, "Body", "")[0] == '\0' && json_object_get(in, "MediaUrl") == NULL && json_text_at(in, "ContentSid") == NULL)
		return refuse(c, 400, 21602, "Message body is required.");
	if (strlen(sb_text(in, "Body", "")) > 1600)
		return refuse(c, 400, 21617, "The concatenated message body exceeds the 1600 character limit.");
	for (size_t i = 0; i < COUNT(magic); i++)
		if (sb_is(in, magic[i].field, magic[i].number))
			return refuse(c, 400, magic[i].code, magic[i].says);
	return 0;
}

static int
callbacks(struct call *c, const char *sid, const char *to, struct problem *err)
{
	const char *last = ends(to, "0198") ? "undelivered" : "delivered";
	const struct { const char *status; int64_t steps; } plain[] = { { "queued", 0 }, { "sent", 1 }, { last, 2 } };

	if (ends(to, "0199"))
		return 0;
	for (size_t i = 0; i < COUNT(plain); i++) {
		struct job_spec job = { .kind = "twilio.callback", .delay_s = plain[i].steps * conf_int(c->r->conf, "SANDBOX_STEP") };

		if (sb_webhook_send(c, &job, arena_printf(c->arena, "\"sid\":\"%s\",\"status\":\"%s\"", sid, plain[i].status), err) < 0)
			return -1;
	}
	return 0;
}

static int
create_op(struct call *c, struct problem *err)
{
	json_t *in = sb_form(c->arena, (const char *)c->r->raw.p, c->r->raw.n), *m;
	struct object o = { .vendor = "twilio", .type = "sms", .id = arena_printf(c->arena, "SM%s", sb_random_hex(c->arena, 32)) };
	const char *callback, *to;
	int rc;

	if (in == NULL)
		return refuse(c, 400, 20001, "Invalid form");
	if ((rc = check(c, in)) != 0)
		return rc;
	to = sb_text(in, "To", "");
	callback = json_text_at(in, "StatusCallback");
	m = message_new(c, in, o.id);
	if (callback != NULL)
		json_object_set_new(m, "_callback", json_string(callback));
	o.data = m;
	o.subject = to;
	o.refs = sb_refs(c->arena, NULL, o.id, to, NULL);
	if (sb_add(c->db, &o, err) < 0 || sb_outbox_add(c->db, "sms", to, NULL, sb_text(in, "Body", ""), err) < 0)
		return -1;
	if (callback != NULL && callbacks(c, o.id, to, err) < 0)
		return -1;
	sb_answer(c, 201, sb_shown(c->arena, m));
	return 0;
}

/* ---- read */

static int
find(struct call *c, bool lock, struct found *f, struct problem *err)
{
	const char *name = req_str(c->r, "message");

	if (!ends(name, ".json"))
		return refuse(c, 404, 20404, "The requested resource was not found");
	if (sb_get(c->db, "twilio", "sms", arena_ndup(c->arena, name, strlen(name) - 5), lock, f, err) < 0)
		return -1;
	return f->data != NULL ? 0 : refuse(c, 404, 20404, "The requested resource was not found");
}

static int
get_op(struct call *c, struct problem *err)
{
	struct found f;
	int rc = find(c, false, &f, err);

	if (rc != 0)
		return rc;
	sb_answer(c, 200, message_now(c, &f));
	return 0;
}

static int
redact_op(struct call *c, struct problem *err)
{
	const json_t *in = sb_form(c->arena, (const char *)c->r->raw.p, c->r->raw.n);
	struct object o = { .vendor = "twilio", .type = "sms" };
	struct found f;
	int rc = find(c, true, &f, err);

	if (rc != 0)
		return rc;
	if (!sb_is(in, "Body", ""))
		return refuse(c, 400, 20001, "Only an empty Body can be set");
	json_object_set_new(f.data, "body", json_string(""));
	o.id = json_text_at(f.data, "sid");
	o.data = f.data;
	if (sb_put(c->db, &o, err) < 0)
		return -1;
	sb_answer(c, 200, message_now(c, &f));
	return 0;
}

/* Newest first; To filters. DateSent and its comparisons are taken and ignored: what the sandbox holds is of today. */
static int
list_op(struct call *c, struct problem *err)
{
	struct listing l = { .vendor = "twilio", .type = "sms", .subject = json_text_at(sb_query(c), "To"), .limit = 50 };
	json_t *found, *body = sb_keep(c->arena, json_object()), *list = json_array(), *item;
	size_t i;

	json_object_set_new(body, "messages", list);
	if (sb_list(c->db, &l, &found, err) < 0)
		return -1;
	json_array_foreach(found, i, item)
		json_array_append(list, sb_shown(c->arena, item));
	json_object_set_new(body, "page", json_integer(0));
	json_object_set_new(body, "page_size", json_integer(50));
	json_object_set_new(body, "next_page_uri", json_null());
	sb_answer(c, 200, body);
	return 0;
}

static const struct vendor vendor = {
	.name = "twilio", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure
};

int
sb_twilio(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}

/* ---- the worker's part */

struct pair { const char *name, *value; };

/* The URL and the parameters, sorted by name; here they are sorted as written. */
static const char *
sign(struct job *j, const char *url, const struct pair *p, size_t n)
{
	const char *token = conf_str(j->conf, "TWILIO_AUTH_TOKEN");
	struct buf text = buf_in(j->arena, 8192), out = buf_in(j->arena, 64);
	uint8_t mac[20];

	buf_add(&text, url);
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%s%s", p[i].name, p[i].value);
	hmac_sha1(BYTES_OF(token), BYTES(text.data, text.len), mac);
	base64_encode(BYTES(mac, sizeof(mac)), &out);
	return arena_printf(j->arena, "X-Twilio-Signature: %s", buf_str(&out));
}

int
sb_twilio_callback_job(struct job *j, struct problem *err)
{
	const char *sid = job_str(j, "sid"), *status = job_str(j, "status"), *ca = conf_str(j->conf, "VENDOR_CA_FILE");
	const char *headers[3] = { "Content-Type: application/x-www-form-urlencoded", NULL, NULL };
	struct http_call call = { .method = "POST", .headers = headers, .ca_file = *ca != '\0' ? ca : NULL };
	struct buf body = buf_in(j->arena, 8192);
	struct http_answer answer;
	struct found f;

	if (job_read(j, err) < 0 || sb_get(j->db, "twilio", "sms", sid, false, &f, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	call.url = json_text_at(f.data, "_callback");
	if (call.url == NULL)
		return problem(err, 404, "no_callback", "message %s has no callback", sid);
	{
		const struct pair pairs[] = {
			{ "AccountSid", sb_text(f.data, "account_sid", "") },
			{ "ApiVersion", "2010-04-01" },
			{ "ErrorCode", "30003" },
			{ "From", sb_text(f.data, "from", "") },
			{ "MessageSid", sid },
			{ "MessageStatus", status },
			{ "SmsSid", sid },
			{ "SmsStatus", status },
			{ "To", sb_text(f.data, "to", "") },
		};
		struct pair sent[COUNT(pairs)];
		size_t n = 0;

		for (size_t i = 0; i < COUNT(pairs); i++)
			if (strcmp(pairs[i].name, "ErrorCode") != 0 || strcmp(status, "undelivered") == 0)
				sent[n++] = pairs[i];
		for (size_t i = 0; i < n; i++)
			form_add(&body, sent[i].name, sent[i].value);
		headers[1] = job_int(j, "bad") != 0 && j->attempt <= 1 ? "X-Twilio-Signature: bm90IHRoZSB0b2tlbg==" : sign(j, call.url, sent, n);
	}
	call.body = BYTES(body.data, body.len);
	http_do(j->http, j->arena, &call, &answer);
	if (answer.outcome != HTTP_ANSWERED || answer.status < 200 || answer.status > 299)
		return problem(err, 503, "callback_not_taken", "message %s: answer %d", sid,
		    answer.outcome == HTTP_ANSWERED ? answer.status : 0);
	return 0;
}
