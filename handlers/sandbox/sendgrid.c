/*
 * sendgrid.c: the SendGrid stand-in: POST /v3/mail/send. Tables: object (mail), message.
 *
 * Called by notify. No key makes a repeat harmless: two posts are two mails. The local part of the first recipient scripts the
 * outcome: bounce, defer, drop and spam are accepted and marked, http401, http429 and http500 answer that status.
 */
#include "base/clock.h"
#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

static operation_fn send_op;

static const struct operation operations[] = {
	{ "POST", "/sendgrid/v3/mail/send", send_op },
};

static int
refuse(struct call *c, int status, const char *field, const char *message)
{
	json_t *body = sb_keep(c->arena, json_object()), *list = json_array(), *e = json_object();

	json_object_set_new(e, "message", json_string(message));
	json_object_set_new(e, "field", field != NULL ? json_string(field) : json_null());
	json_object_set_new(e, "help", json_null());
	json_array_append_new(list, e);
	json_object_set_new(body, "errors", list);
	sb_answer(c, status, body);
	return REFUSED;
}

static void
failure(struct call *c, int status)
{
	refuse(c, status, NULL, status == 429 ? "too many requests" : "Internal Server Error");
}

static void
finish(struct call *c)
{
	sb_answer_header(c, "X-RateLimit-Limit", "600");
	sb_answer_header(c, "X-RateLimit-Remaining", c->answer.status == 429 ? "0" : "599");
	sb_answer_header(
	    c, "X-RateLimit-Reset", arena_printf(c->arena, "%" PRId64, clock_us() / US_PER_S + (c->answer.status == 429 ? 2 : 60)));
}

static int
admit(struct call *c, struct problem *err)
{
	(void)err;
	return sb_credential(c->r, "SENDGRID_API_KEY", sb_bearer(c->r)) ? 0 :
	    refuse(c, 401, NULL, "The provided authorization grant is invalid, expired, or revoked");
}

/* ---- the body */

static bool
address_good(const json_t *who)
{
	const char *s = json_text_at(who, "email"), *at = s != NULL ? strchr(s, '@') : NULL;

	return at != NULL && at != s && strchr(at + 1, '@') == NULL && strchr(at, '.') != NULL && strpbrk(s, " \r\n") == NULL;
}

static int
check_recipients(struct call *c, const json_t *mail)
{
	static const char *const lists[] = { "to", "cc", "bcc" };
	const json_t *all = json_object_get(mail, "personalizations");
	size_t i, k;
	json_t *p, *who;

	if (json_array_size(all) < 1 || json_array_size(all) > 1000)
		return refuse(c, 400, "personalizations",
		    "The personalizations field is required and must have at least one personalization.");
	json_array_foreach(all, i, p) {
		if (json_array_size(json_object_get(p, "to")) < 1)
			return refuse(c, 400, arena_printf(c->arena, "personalizations.%zu.to", i),
			    "The to array is required for all personalization objects.");
		for (size_t l = 0; l < COUNT(lists); l++)
			json_array_foreach(json_object_get(p, lists[l]), k, who)
				if (!address_good(who))
					return refuse(c, 400,
					    arena_printf(c->arena, "personalizations.%zu.%s.%zu.email", i, lists[l], k),
					    "Does not contain a valid address.");
	}
	return 0;
}

static int
check_content(struct call *c, const json_t *mail)
{
	const json_t *content = json_object_get(mail, "content");
	bool template = json_text_at(mail, "template_id") != NULL;
	size_t i;
	json_t *part;

	if (!template && sb_text(mail, "subject", "")[0] == '\0' && sb_text(mail, "personalizations.0.subject", "")[0] == '\0')
		return refuse(c, 400, "subject",
		    "The subject is required. You can get around this requirement if you use a template with a subject defined.");
	if (!template && json_array_size(content) < 1)
		return refuse(c, 400, "content", "Unless a valid template_id is provided, the content parameter is required.");
	json_array_foreach(content, i, part) {
		if (sb_text(part, "type", "")[0] == '\0')
			return refuse(c, 400, arena_printf(c->arena, "content.%zu.type", i), "The content type is required.");
		if (sb_text(part, "value", "")[0] == '\0')
			return refuse(c, 400, arena_printf(c->arena, "content.%zu.value", i),
			    "The content value must be a string at least one character in length.");
		if (i > 0 && sb_is(part, "type", "text/plain"))
			return refuse(
			    c, 400, "content", "If present, text/plain and text/html may only be provided once, text/plain first.");
	}
	return 0;
}

static int
check(struct call *c, const json_t *mail)
{
	static const char known[] =
	    " personalizations from reply_to reply_to_list subject content attachments template_id headers categories custom_args"
	    " send_at batch_id asm ip_pool_name mail_settings tracking_settings ";
	const char *key;
	json_t *value;
	int rc;

	json_object_foreach((json_t *)(uintptr_t)mail, key, value)
		if (strstr(known, arena_printf(c->arena, " %s ", key)) == NULL)
			return refuse(c, 400, key, arena_printf(c->arena, "Additional property %s is not allowed", key));
	if (!address_good(json_object_get(mail, "from")))
		return refuse(c, 400, "from.email",
		    "The from object must be provided for every email send. It is an object that requires the email parameter.");
	if ((rc = check_recipients(c, mail)) != 0)
		return rc;
	return check_content(c, mail);
}

/* ---- what the address scripts */

static bool
local_is(const char *email, const char *word)
{
	size_t n = strlen(word);

	return strncmp(email, word, n) == 0 && (email[n] == '@' || email[n] == '+');
}

static int
scripted(struct call *c, const char *email, const char **state)
{
	static const struct { const char *word, *state; } states[] = {
		{ "bounce", "bounce" }, { "defer", "deferred" }, { "drop", "dropped" }, { "spam", "spamreport" },
	};

	*state = "delivered";
	for (size_t i = 0; i < COUNT(states); i++)
		if (local_is(email, states[i].word))
			*state = states[i].state;
	if (local_is(email, "http401"))
		return refuse(c, 401, NULL, "The provided authorization grant is invalid, expired, or revoked");
	if (local_is(email, "http429") || local_is(email, "http500"))
		failure(c, local_is(email, "http429") ? 429 : 500);
	return c->answer.status != 0 ? REFUSED : 0;
}

/* ---- sending */

/* The text part if there is one: what a person, or a journey, would read. */
static const char *
reading(const json_t *mail)
{
	return sb_text(mail, "content.0.value", sb_text(mail, "template_id", ""));
}

static int
send_to_all(struct call *c, const json_t *mail, const char *state, struct problem *err)
{
	size_t i, k;
	json_t *p, *who;

	json_array_foreach(json_object_get(mail, "personalizations"), i, p)
		json_array_foreach(json_object_get(p, "to"), k, who) {
			const char *subject = sb_text(p, "subject", sb_text(mail, "subject", ""));

			if (strcmp(state, "delivered") != 0 && strcmp(state, "deferred") != 0 && strcmp(state, "spamreport") != 0)
				continue;
			if (sb_outbox_add(c->db, "email", json_text_at(who, "email"), subject, reading(mail), err) < 0)
				return -1;
		}
	return 0;
}

static int
send_op(struct call *c, struct problem *err)
{
	const char *type = req_header(c->r, "content-type"), *id = sb_random(c->arena, "", 22), *state, *email;
	struct problem ignored = { 0 };
	struct object o = { .vendor = "sendgrid", .type = "mail", .id = id };
	json_t *mail;
	int rc;

	if (type == NULL || strncmp(type, "application/json", 16) != 0)
		return refuse(c, 415, NULL, "Content-Type must be application/json.");
	mail = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	if (!json_is_object(mail))
		return refuse(c, 400, NULL, "Bad Request: the JSON cannot be parsed");
	if ((rc = check(c, mail)) != 0)
		return rc;
	email = json_text_at(mail, "personalizations.0.to.0.email");
	if ((rc = scripted(c, email, &state)) != 0)
		return rc;
	if (json_is_true(json_at(mail, "mail_settings.sandbox_mode.enable"))) {
		sb_answer_empty(c, 200);
		return 0;
	}
	json_object_set_new(mail, "state", json_string(state));
	o.data = mail;
	o.refs = sb_refs(c->arena, json_at(mail, "personalizations.0.custom_args"), id, email, NULL);
	if (sb_add(c->db, &o, err) < 0 || send_to_all(c, mail, state, err) < 0)
		return -1;
	sb_answer_header(c, "X-Message-Id", id);
	sb_answer_empty(c, 202);
	return 0;
}

static const struct vendor vendor = {
	.name = "sendgrid", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure, .finish = finish,
};

int
sb_sendgrid(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}
