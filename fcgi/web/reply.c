/* reply.c: the reply while it is being written, problems (RFC 9457), and the check of replies against their table in test
 * builds. */
#include "core.h"

#include "web/web_private.h"
#include "web/webhook.h"

#define CHECK_VARIABLE "TELERX_CHECK_REPLIES"

static void
start(struct req *r, int status, const char *content_type)
{
	if (r->out.arena == NULL)
		r->out = buf_in(r->arena, MAX_REPLY);
	buf_clear(&r->out);
	jw_start(&r->json, &r->out);
	r->status = status;
	r->content_type = content_type;
}

/* Headers may be set before or after the body; they are forgotten with it when the transaction runs again or fails. */
void
reply_reset(struct req *r)
{
	start(r, 0, NULL);
	r->nreply_headers = 0;
}

struct json_writer *
reply_json(struct req *r, int status)
{
	start(r, status, "application/json");
	return &r->json;
}

void
reply_empty(struct req *r, int status)
{
	start(r, status, NULL);
}

void
reply_bytes(struct req *r, int status, const char *content_type, struct bytes body)
{
	start(r, status, arena_dup(r->arena, content_type));
	buf_addn(&r->out, body.p, body.n);
}

void
reply_header(struct req *r, const char *name, const char *value)
{
	if (r->nreply_headers >= COUNT(r->reply_headers))
		die("route %s sets more than %zu headers", r->route != NULL ? r->route->path : "?", COUNT(r->reply_headers));
	/* A value with a line break would be a header of the caller's choosing. */
	if (strpbrk(value, "\r\n") != NULL)
		return;
	r->reply_headers[r->nreply_headers++] = (struct header){ arena_dup(r->arena, name), arena_dup(r->arena, value) };
}

void
reply_finish(struct req *r)
{
	while (r->json.depth > 0)
		jw_end(&r->json);
	if (r->status == 0)
		r->status = r->route->status != 0 ? r->route->status : 200;
}

static bool
is_json(const struct req *r)
{
	return r->content_type != NULL && strncmp(r->content_type, "application/json", 16) == 0;
}

static bool
checks_replies(void)
{
	static int on = -1; /* a race writes the same value twice */

	if (on < 0) {
		const char *v = getenv(CHECK_VARIABLE);

		on = v != NULL && strcmp(v, "1") == 0;
	}
	return on == 1;
}

static int
reply_breaks(struct req *r, const struct problem *found, struct problem *err)
{
	const char *member = found->nerrors > 0 ? found->errors[0].field : "(the whole)";

	log_line(LOG_ERROR, "reply.contract", "route", r->route->path, "member", member, "code",
	    found->nerrors > 0 ? found->errors[0].code : found->code, NULL);
	return problem(err, 500, "reply_contract", "the answer of %s breaks its table at %s", r->route->path, member);
}

int
reply_check(struct req *r, struct problem *err)
{
	struct problem found = { 0 };
	json_t *tree;

	if (r->out.failed)
		return problem(err, 500, "reply_too_large", "the answer passes %zu bytes", r->out.max);
	if (r->route->reply == NULL || !checks_replies() || r->status < 200 || r->status > 299 || (r->route->access & VENDOR) != 0)
		return 0;
	if (r->route->media != NULL && strncmp(r->content_type, r->route->media, strlen(r->route->media)) == 0)
		return 0; /* the row's other form */
	if (!is_json(r) || (tree = json_read(r->arena, buf_str(&r->out), r->out.len, &found)) == NULL)
		return reply_breaks(r, &found, err);
	return field_check_reply(r->route->reply, tree, &found) < 0 ? reply_breaks(r, &found, err) : 0;
}

const char *
status_title(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 423, "Locked" },
		{ 428, "Precondition Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 303, "See Other" },
	};

	for (size_t i = 0; i < COUNT(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return status < 400 ? "OK" : "Error";
}

static void
problem_to_json(struct json_writer *w, const struct problem *err, const char *instance)
{
	char type[sizeof(err->code) + 16];

	(void)snprintf(type, sizeof(type), "/problems/%s", err->code);
	jw_object(w, NULL);
	jw_str(w, "type", type);
	jw_str(w, "title", status_title(err->status));
	jw_int(w, "status", err->status);
	jw_str(w, "code", err->code);
	jw_str(w, "detail", err->detail);
	if (err->nerrors > 0) {
		jw_array(w, "errors");
		for (unsigned i = 0; i < err->nerrors; i++) {
			jw_object(w, NULL);
			jw_str(w, "field", err->errors[i].field);
			jw_str(w, "code", err->errors[i].code);
			jw_str(w, "detail", err->errors[i].detail);
			jw_end(w);
		}
		jw_end(w);
	}
	jw_str(w, "instance", instance);
	jw_end(w);
}

/*
 * Test builds: a refusal that neither the core makes on such a row nor the row names in .problems is a hole in the reference. 401 and 413 the core
 * gives on rows of every kind.
 */
static const struct problem *
named(const struct req *r, const struct problem *err, struct problem *hole)
{
	bool own = err->status >= 400 && err->status < 500 && err->status != 401 && err->status != 413;

	if (!own || !checks_replies() || r->route == NULL || (r->route->access & VENDOR) != 0 ||
	    problem_listed(r->route, err->status, err->code))
		return err;
	log_line(LOG_ERROR, "reply.contract", "route", r->route->path, "unlisted", err->code, NULL);
	(void)problem(hole, 500, "reply_contract", "%s %s refuses with %d %s, which its .problems does not name", r->route->method,
	    r->route->path, err->status, err->code);
	return hole;
}

/* Which field or key does not open is for the log, the trail and the work item, and nothing that a caller is told (rule E5). */
static const struct problem *
discreet(const struct problem *err, struct problem *generic)
{
	if (strcmp(err->code, "unreadable_field") != 0 && strcmp(err->code, "unreadable_key") != 0)
		return err;
	(void)problem(generic, 500, "internal_error", "this cannot be answered; it is being looked at");
	return generic;
}

/* A vendor hears of a signature that proves nothing what its contract says. */
static const struct problem *
as_agreed(const struct req *r, const struct problem *err, struct problem *other)
{
	int status = err->status == 401 && r->route != NULL ? webhook_refusal(r->route) : err->status;

	if (status == err->status)
		return err;
	*other = *err;
	other->status = status;
	return other;
}

void
reply_problem(struct req *r, const struct problem *err)
{
	struct problem hole = { 0 }, other;
	char seconds[16];

	err = as_agreed(r, discreet(named(r, err, &hole), &hole), &other);
	reply_reset(r);
	r->status = err->status;
	r->content_type = "application/problem+json";
	problem_to_json(&r->json, err, r->id);
	if (err->status == 401)
		reply_header(r, "WWW-Authenticate",
		    r->route != NULL && (r->route->access & (ADMIN | ROLE | PATIENT_SELF)) == 0 ? "HMAC-SHA256 realm=\"telerx\"" :
											   "Bearer realm=\"telerx\"");
	if (err->retry_after > 0) {
		(void)snprintf(seconds, sizeof(seconds), "%d", err->retry_after);
		reply_header(r, "Retry-After", seconds);
	}
}
