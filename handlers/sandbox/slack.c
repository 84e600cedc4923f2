/*
 * slack.c: the Slack stand-in: incoming webhooks and chat.postMessage. Tables: object (post), message.
 *
 * Called by notify. The last word of a webhook's URL scripts the answer: an error word is answered with its status, slow waits,
 * limited answers 429 every other time; any other word is a good hook. Success is the text ok, not JSON.
 */
#include "base/clock.h"
#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

static operation_fn hook_op, post_op;

static const struct operation operations[] = {
	{ "POST", "/slack/services/:team/:hook/:word", hook_op },
	{ "POST", "/slack/api/chat.postMessage", post_op },
};

static const struct { const char *word; int status;
} errors[] = {
	{ "invalid_payload", 400 },
	{ "user_not_found", 400 },
	{ "no_text", 400 },
	{ "too_many_attachments", 400 },
	{ "invalid_blocks", 400 },
	{ "action_prohibited", 403 },
	{ "invalid_token", 403 },
	{ "posting_to_general_channel_denied", 403 },
	{ "channel_not_found", 404 },
	{ "no_service", 404 },
	{ "no_active_hooks", 404 },
	{ "channel_is_archived", 410 },
	{ "rollup_error", 500 },
};

static int
word(struct call *c, int status, const char *text)
{
	sb_answer_text(c, status, "text/html", text);
	return REFUSED;
}

static int
limited(struct call *c)
{
	sb_answer_header(c, "Retry-After", "2");
	return word(c, 429, "rate_limited");
}

static void
failure(struct call *c, int status)
{
	if (status == 429)
		limited(c);
	else
		word(c, status, status == 503 ? "service_unavailable" : "rollup_error");
}

static int
keep_post(struct call *c, const char *where, const json_t *body, struct problem *err)
{
	struct object o = { .vendor = "slack", .type = "post", .id = sb_random(c->arena, "", 16), .subject = where, .data = body };

	o.refs = sb_refs(c->arena, NULL, o.id, where, NULL);
	if (sb_add(c->db, &o, err) < 0)
		return -1;
	return sb_outbox_add(c->db, "slack", where, NULL, sb_text(body, "text", ""), err);
}

/* Whether this is the hook's odd call: kept as an object, so that it holds across processes. */
static int
odd_call(struct call *c, const char *where, bool *ret, struct problem *err)
{
	struct object o = { .vendor = "slack", .type = "limit", .id = where };
	struct found f;
	json_t *n = sb_keep(c->arena, json_object());
	int64_t calls;

	if (sb_get(c->db, "slack", "limit", where, true, &f, err) < 0)
		return -1;
	calls = json_int_at(f.data, "calls", 0) + 1;
	json_object_set_new(n, "calls", json_integer(calls));
	o.data = n;
	*ret = calls % 2 == 1;
	return f.data != NULL ? sb_put(c->db, &o, err) : sb_add(c->db, &o, err);
}

static int
hook_op(struct call *c, struct problem *err)
{
	const char *w = req_str(c->r, "word"),
		   *where = arena_printf(c->arena, "%s/%s/%s", req_str(c->r, "team"), req_str(c->r, "hook"), w);
	struct problem ignored = { 0 };
	const json_t *body = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	bool odd = false;

	for (size_t i = 0; i < COUNT(errors); i++)
		if (strcmp(errors[i].word, w) == 0)
			return word(c, errors[i].status, w);
	if (!json_is_object(body))
		return word(c, 400, "invalid_payload");
	if (sb_text(body, "text", "")[0] == '\0' && json_array_size(json_object_get(body, "blocks")) == 0)
		return word(c, 400, "no_text");
	if (strcmp(w, "slow") == 0 && sb_fault_slow(c->db, c->r->conf, err) < 0)
		return -1;
	if (strcmp(w, "limited") == 0 && odd_call(c, where, &odd, err) < 0)
		return -1;
	if (odd)
		return limited(c);
	if (keep_post(c, where, body, err) < 0)
		return -1;
	word(c, 200, "ok");
	return 0;
}

/* ---- Web API: failures are 200 with ok false */

static int
not_ok(struct call *c, const char *error)
{
	json_t *body = sb_keep(c->arena, json_object());

	json_object_set_new(body, "ok", json_false());
	json_object_set_new(body, "error", json_string(error));
	sb_answer(c, 200, body);
	return REFUSED;
}

static int
post_op(struct call *c, struct problem *err)
{
	struct problem ignored = { 0 };
	const json_t *in = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	json_t *body = sb_keep(c->arena, json_object());
	const char *channel = sb_text(in, "channel", "");

	if (sb_bearer(c->r) == NULL)
		return not_ok(c, "not_authed");
	if (!sb_credential(c->r, "SLACK_BOT_TOKEN", sb_bearer(c->r)))
		return not_ok(c, "invalid_auth");
	if (*channel == '\0')
		return not_ok(c, "channel_not_found");
	if (sb_text(in, "text", "")[0] == '\0' && json_array_size(json_object_get(in, "blocks")) == 0)
		return not_ok(c, "no_text");
	if (strcmp(channel, "#limited") == 0)
		return limited(c);
	if (keep_post(c, channel, in, err) < 0)
		return -1;
	json_object_set_new(body, "ok", json_true());
	json_object_set_new(body, "channel", json_string(channel));
	json_object_set_new(body, "ts", json_string(arena_printf(c->arena, "%" PRId64 ".000100", clock_us() / US_PER_S)));
	sb_answer(c, 200, body);
	return 0;
}

static const struct vendor vendor = { .name = "slack", .ops = operations, .nops = COUNT(operations), .failure = failure };

int
sb_slack(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}
