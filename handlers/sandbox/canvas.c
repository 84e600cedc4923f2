/*
 * canvas.c: the Canvas stand-in: token, and create, read, update, search of FHIR resources. Tables: object, token.
 *
 * Called by integration. A create answers 201 with the body null and the id in Location only; the same create again makes a second
 * resource, there is no key. What each resource asks for is canvas_rules.c, what an update keeps canvas_merge.c.
 */
#include "base/clock.h"
#include "sandbox/canvas.h"

static operation_fn token_op, create_op, search_op, read_op, update_op, unsupported_op;

static const struct operation operations[] = {
	{ "POST", "/canvas/auth/token/", token_op, .flags = OP_OPEN },
	{ "GET", "/canvas/fhir/:resource", search_op },
	{ "POST", "/canvas/fhir/:resource", create_op },
	{ "GET", "/canvas/fhir/:resource/:id", read_op },
	{ "PUT", "/canvas/fhir/:resource/:id", update_op },
	{ "PATCH", "/canvas/fhir/:resource/:id", unsupported_op },
	{ "DELETE", "/canvas/fhir/:resource/:id", unsupported_op },
};

/* ---- answers */

int
sb_canvas_refuse(struct call *c, int status, const char *code, const char *fmt, ...)
{
	json_t *outcome = sb_keep(c->arena, json_object()), *issue = json_object(), *issues = json_array(),
	       *details = json_object();
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	json_object_set_new(details, "text", json_string(text));
	json_object_set_new(issue, "severity", json_string("error"));
	json_object_set_new(issue, "code", json_string(code));
	json_object_set_new(issue, "details", details);
	json_array_append_new(issues, issue);
	json_object_set_new(outcome, "resourceType", json_string("OperationOutcome"));
	json_object_set_new(outcome, "id", json_string("101"));
	json_object_set_new(outcome, "issue", issues);
	sb_answer(c, status, outcome);
	return REFUSED;
}

static void
failure(struct call *c, int status)
{
	if (status == 429) {
		sb_canvas_refuse(c, 429, "throttled", "Request was throttled.");
		sb_answer_header(c, "Retry-After", "1");
	} else {
		sb_canvas_refuse(c, status, "exception", "Internal server error");
	}
}

/* ---- token */

static int
token_op(struct call *c, struct problem *err)
{
	json_t *form = sb_form(c->arena, (const char *)c->r->raw.p, c->r->raw.n), *reply = sb_keep(c->arena, json_object());
	int64_t life = conf_int(c->r->conf, "SANDBOX_TOKEN_LIFE");
	const char *token;

	if (life == 0)
		life = 36000;
	if (form == NULL || !sb_is(form, "grant_type", "client_credentials")) {
		sb_answer_text(c, 400, NULL, "{\"error\":\"unsupported_grant_type\"}");
		return 0;
	}
	if (!sb_credential(c->r, "CANVAS_CLIENT_ID", json_text_at(form, "client_id")) ||
	    !sb_credential(c->r, "CANVAS_CLIENT_SECRET", json_text_at(form, "client_secret"))) {
		sb_answer_text(c, 401, NULL, "{\"error\":\"invalid_client\"}");
		return 0;
	}
	if (sb_token_give(c, life, &token, err) < 0)
		return -1;
	json_object_set_new(reply, "access_token", json_string(token));
	json_object_set_new(reply, "expires_in", json_integer(life));
	json_object_set_new(reply, "token_type", json_string("Bearer"));
	json_object_set_new(reply, "scope", json_string(sb_text(form, "scope", "user/*.*")));
	sb_answer(c, 200, reply);
	return 0;
}

static int
admit(struct call *c, struct problem *err)
{
	enum token_state state;

	if (sb_token_check(c, sb_bearer(c->r), &state, err) < 0)
		return -1;
	return state == TOKEN_GOOD ? 0 : sb_canvas_refuse(c, 401, "unknown", "Authentication failed");
}

/* ---- operations */

static int
resource_for(struct call *c, unsigned act, const struct resource **ret)
{
	const char *name = req_str(c->r, "resource");

	*ret = sb_canvas_resource(name);
	if (*ret == NULL)
		return sb_canvas_refuse(c, 404, "not-found", "Unknown resource type '%.40s'", name);
	if (((*ret)->may & act) == 0)
		return sb_canvas_refuse(c, 405, "not-supported", "Operation is not supported");
	return 0;
}

static int
body_of(struct call *c, const struct resource *s, json_t **ret)
{
	struct problem ignored = { 0 };

	*ret = json_read(c->arena, (const char *)c->r->raw.p, c->r->raw.n, &ignored);
	if (!json_is_object(*ret))
		return sb_canvas_refuse(c, 400, "invalid", "Bad request");
	if (json_object_get(*ret, "resourceType") != NULL && !sb_is(*ret, "resourceType", s->name))
		return sb_canvas_refuse(c, 400, "invalid", "Bad request: resourceType is not %s", s->name);
	return 0;
}

/* A client may ask the ledger by any identifier, by a task's label, by the comment of a document. */
static json_t *
refs(struct call *c, const struct resource *s, const json_t *o)
{
	json_t *list = sb_refs(c->arena, NULL, json_text_at(o, "id"), s->subject != NULL ? sb_text(o, s->subject, "") : "",
	    sb_text(o, "description", ""), NULL), *item;
	size_t i;

	json_array_foreach(json_object_get(o, "identifier"), i, item)
		if (json_text_at(item, "value") != NULL)
			json_array_append(list, json_object_get(item, "value"));
	json_array_foreach(json_object_get(o, "input"), i, item)
		if (json_text_at(item, "valueString") != NULL)
			json_array_append(list, json_object_get(item, "valueString"));
	json_array_foreach(json_object_get(o, "extension"), i, item)
		if (json_text_at(item, "valueString") != NULL)
			json_array_append(list, json_object_get(item, "valueString"));
	return list;
}

static int
store(struct call *c, const struct resource *s, json_t *o, bool fresh, struct problem *err)
{
	struct object row = { .vendor = "canvas", .type = s->name, .id = json_text_at(o, "id"), .refs = refs(c, s, o), .data = o,
		.subject = s->subject != NULL ? json_text_at(o, s->subject) : NULL };

	return fresh ? sb_add(c->db, &row, err) : sb_put(c->db, &row, err);
}

static int
create_op(struct call *c, struct problem *err)
{
	const struct resource *s;
	const char *host = req_header(c->r, "host"), *id;
	json_t *given;
	int rc;

	if ((rc = resource_for(c, MAY_CREATE, &s)) != 0 || (rc = body_of(c, s, &given)) != 0 ||
	    (rc = sb_canvas_check(c, s, given, err)) != 0)
		return rc;
	id = s->hex_id ? sb_random_hex(c->arena, 32) : sb_random_guid(c->arena);
	json_object_set_new(given, "resourceType", json_string(s->name));
	json_object_set_new(given, "id", json_string(id));
	if (s->made != NULL)
		s->made(c, given);
	if (store(c, s, given, true, err) < 0)
		return -1;
	/* http where the caller used https, as Canvas may: only the path counts. */
	sb_answer_header(c, "Location",
	    arena_printf(
		c->arena, "http://%s/sandbox/canvas/fhir/%s/%s/_history/1", host != NULL ? host : "localhost", s->name, id));
	sb_answer_text(c, 201, NULL, "null");
	return 0;
}

static int
find(struct call *c, const struct resource *s, bool lock, struct found *f, struct problem *err)
{
	const char *id = req_str(c->r, "id");

	if (sb_get(c->db, "canvas", s->name, id, lock, f, err) < 0)
		return -1;
	return f->data != NULL ? 0 : sb_canvas_refuse(c, 404, "not-found", "Unknown %s resource '%.64s'", s->name, id);
}

static int
read_op(struct call *c, struct problem *err)
{
	const struct resource *s;
	struct found f;
	int rc;

	if ((rc = resource_for(c, MAY_READ, &s)) != 0 || (rc = find(c, s, false, &f, err)) != 0)
		return rc;
	sb_answer(c, 200, sb_shown(c->arena, f.data));
	return 0;
}

static int
search_op(struct call *c, struct problem *err)
{
	const struct resource *s;
	int rc = resource_for(c, MAY_SEARCH, &s);

	return rc != 0 ? rc : sb_canvas_search(c, s, err);
}

/* The date that the client knew is older than the last change. Whole seconds: the header has no more. */
static bool
changed_since(struct call *c, const struct found *f)
{
	const char *text = req_header(c->r, "if-unmodified-since");
	struct tm tm = { 0 };

	if (text == NULL || strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL)
		return false;
	return f->updated / US_PER_S > (int64_t)timegm(&tm);
}

static bool
entered_in_error(const json_t *given)
{
	return sb_is(given, "status", "entered-in-error") || sb_is(given, "verificationStatus.coding.0.code", "entered-in-error");
}

static int
update_op(struct call *c, struct problem *err)
{
	const struct resource *s;
	struct found f;
	json_t *given;
	int rc;

	if ((rc = resource_for(c, MAY_UPDATE, &s)) != 0 || (rc = find(c, s, true, &f, err)) != 0 ||
	    (rc = body_of(c, s, &given)) != 0)
		return rc;
	if (!sb_is(given, "id", req_str(c->r, "id")))
		return sb_canvas_refuse(c, 400, "invalid", "Bad request: id in the body is not the id in the path");
	if (changed_since(c, &f))
		return sb_canvas_refuse(c, 412, "conflict", "Resource updated since If-Unmodified-Since date");
	if (s->merge == NULL && !entered_in_error(given))
		return sb_canvas_invalid(c, "Only an update to entered-in-error is supported");
	if (s->merge != NULL && (rc = sb_canvas_check(c, s, given, err)) != 0)
		return rc;
	if (s->merge != NULL)
		given = s->merge(c, f.data, given);
	else if (json_object_update_missing(given, f.data) < 0)
		return problem(err, 500, "out_of_memory", "merge");
	if (store(c, s, given, false, err) < 0)
		return -1;
	sb_answer_text(c, 200, NULL, "null");
	return 0;
}

static int
unsupported_op(struct call *c, struct problem *err)
{
	(void)err;
	return sb_canvas_refuse(c, 405, "not-supported", "Operation is not supported");
}

static const struct vendor vendor = {
	.name = "canvas", .ops = operations, .nops = COUNT(operations), .admit = admit, .failure = failure
};

int
sb_canvas(struct req *r, struct problem *err)
{
	return sb_serve(&vendor, r, err);
}
