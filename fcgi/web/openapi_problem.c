/*
 * openapi_problem.c: the refusals of a row. Those of the core follow from what the row asks of a client; a row's own are its .problems. Tests
 * hold handlers to the same list (reply.c), so what stands in the reference is what a client can meet.
 */
#include "core.h"

#include "web/openapi.h"

#define LISTED_MAX 64
#define CODE_TEXT  48

enum asks {
	ASKS_INPUT = 1 << 0, /* a body or a query */
	ASKS_BODY = 1 << 1,
	ASKS_JSON = 1 << 2,
	ASKS_KEY = 1 << 3,
	ASKS_OBJECT = 1 << 4, /* a path parameter */
	ASKS_SIGNATURE = 1 << 5,
	ASKS_TOKEN = 1 << 6,
	ASKS_VENDOR_SIGNATURE = 1 << 7,
	ASKS_ROLE = 1 << 8,
	ASKS_PATIENCE = 1 << 9, /* rates are limited */
	ASKS_DATABASE = 1 << 10,
	ASKS_PEERS = 1 << 11,
	ASKS_VENDOR = 1 << 12,
	ASKS_WRITE = 1 << 13,
	ASKS_FORM = 1 << 14,    /* name=value pairs: a query or a form */
	ASKS_NOTHING = 1 << 15, /* no member of any name */
	ASKS_PATIENT = 1 << 16, /* shows a patient's values */
	ASKS_USER = 1 << 17     /* a user's token opens it */
};

static const struct core_problem {
	int status;
	const char *code;
	unsigned asks; /* any of these */
} core_problems[] = {
	{ 400, "unknown_field", ASKS_INPUT | ASKS_NOTHING },
	{ 400, "malformed_json", ASKS_JSON },
	{ 400, "malformed_input", ASKS_FORM | ASKS_OBJECT },
	{ 400, "duplicate_field", ASKS_FORM },
	{ 400, "idempotency_key_required", ASKS_KEY },
	{ 400, "idempotency_key_invalid", ASKS_KEY },
	{ 401, "missing_signature", ASKS_SIGNATURE | ASKS_VENDOR_SIGNATURE },
	{ 401, "bad_signature", ASKS_SIGNATURE | ASKS_VENDOR_SIGNATURE },
	{ 401, "stale_timestamp", ASKS_SIGNATURE | ASKS_VENDOR_SIGNATURE },
	{ 401, "unknown_key", ASKS_SIGNATURE },
	{ 401, "unauthorized", ASKS_SIGNATURE | ASKS_TOKEN },
	{ 401, "invalid_token", ASKS_USER },
	{ 401, "expired_token", ASKS_USER },
	{ 401, "revoked_token", ASKS_USER },
	{ 403, "forbidden", ASKS_ROLE },
	{ 403, "role_not_allowed", ASKS_USER },
	{ 404, "not_found", ASKS_OBJECT },
	{ 409, "request_in_progress", ASKS_KEY },
	{ 409, "serialization", ASKS_WRITE },
	{ 410, "erased", ASKS_PATIENT },
	{ 413, "body_too_large", ASKS_BODY },
	{ 415, "unsupported_media_type", ASKS_BODY },
	{ 422, "validation_failed", ASKS_INPUT | ASKS_OBJECT },
	{ 422, "idempotency_key_reused", ASKS_KEY },
	{ 429, "too_many_requests", ASKS_PATIENCE },
	{ 503, "database_unavailable", ASKS_DATABASE },
	{ 503, "auth_unavailable", ASKS_USER },
	{ 503, "keyholder_unavailable", ASKS_DATABASE },
	{ 503, "commit_unknown", ASKS_WRITE | ASKS_PATIENT },
	{ 503, "audit_unavailable", ASKS_WRITE | ASKS_PATIENT },
	{ 503, "peer_unavailable", ASKS_PEERS },
	{ 503, "busy", ASKS_VENDOR },
	{ 503, "circuit_open", ASKS_VENDOR },
};

struct listed {
	int status;
	char code[CODE_TEXT];
};

/* ---- what a row refuses */

static unsigned
asks_of(const struct route *row)
{
	static const struct {
		unsigned access, asks;
	} by_access[] = {
		{ PUBLIC | PATIENT_SELF, ASKS_PATIENCE },
		{ SERVICE, ASKS_SIGNATURE | ASKS_ROLE },
		{ ADMIN | ROLE, ASKS_TOKEN | ASKS_ROLE | ASKS_USER },
		{ PATIENT_SELF, ASKS_TOKEN | ASKS_ROLE },
		{ WEBHOOK, ASKS_VENDOR_SIGNATURE },
	};
	bool body = row->body != NULL || row->kind != BODY_NONE, open = (row->access & (WEBHOOK | VENDOR)) != 0;
	unsigned asks = 0;

	for (size_t i = 0; i < COUNT(by_access); i++)
		asks |= (row->access & by_access[i].access) != 0 ? by_access[i].asks : 0;
	asks |= row->body != NULL || row->query != NULL ? ASKS_INPUT : 0;
	asks |= row->query != NULL || row->kind == BODY_FORM ? ASKS_FORM : 0;
	/* Vendors may add members to a query; anybody else is told of each that nothing reads. */
	asks |= !open ? ASKS_NOTHING : 0;
	asks |= body ? ASKS_BODY : 0;
	asks |= body && row->kind != BODY_FORM && row->kind != BODY_RAW ? ASKS_JSON : 0;
	asks |= row->once == KEY ? ASKS_KEY : 0;
	asks |= strstr(row->path, "/:") != NULL ? ASKS_OBJECT : 0;
	asks |= row->db != NONE ? ASKS_DATABASE : 0;
	asks |= row->db == WRITE ? ASKS_WRITE : 0;
	asks |= row->db == READ_AUDITED ? ASKS_PATIENT : 0;
	asks |= row->ask != NULL && row->synchronous == NULL ? ASKS_PEERS : 0;
	asks |= row->synchronous != NULL ? ASKS_VENDOR : 0;
	return asks;
}

static void
note(struct listed *list, size_t *n, int status, const char *code, size_t length)
{
	struct listed one = { .status = status };

	if (length >= sizeof(one.code))
		die("the code %.*s is too long", (int)length, code);
	memcpy(one.code, code, length);
	for (size_t i = 0; i < *n; i++)
		if (list[i].status == status && strcmp(list[i].code, one.code) == 0)
			return;
	if (*n == LISTED_MAX)
		die("a row lists more than %d problems", LISTED_MAX);
	list[(*n)++] = one;
}

/* .problems: "404 not_found unknown_type, 409 claim_conflict" */
static void
note_own(struct listed *list, size_t *n, const struct route *row)
{
	int status = 0;

	for (const char *p = row->problems; p != NULL && *p != '\0'; p += strspn(p, " ,")) {
		size_t length = strcspn(p, " ,");

		if (*p >= '0' && *p <= '9')
			status = (int)strtol(p, NULL, 10);
		else
			note(list, n, status, p, length);
		p += length;
	}
}

static size_t
listed(const struct route *row, struct listed list[LISTED_MAX])
{
	unsigned asks = asks_of(row);
	size_t n = 0;

	for (size_t i = 0; i < COUNT(core_problems); i++)
		if ((core_problems[i].asks & asks) != 0)
			note(list, &n, core_problems[i].status == 401 ? webhook_refusal(row) : core_problems[i].status,
			    core_problems[i].code, strlen(core_problems[i].code));
	note_own(list, &n, row);
	return n;
}

bool
problem_listed(const struct route *row, int status, const char *code)
{
	struct listed list[LISTED_MAX];
	size_t n = listed(row, list);

	for (size_t i = 0; i < n; i++)
		if (list[i].status == status && strcmp(list[i].code, code) == 0)
			return true;
	return false;
}

/* ---- responses */

static void
example_reference(struct json_writer *w, const struct listed *p)
{
	char text[CODE_TEXT + 64];

	(void)snprintf(text, sizeof(text), "#/components/examples/%d_%s", p->status, p->code);
	jw_object(w, p->code);
	jw_str(w, "$ref", text);
	jw_end(w);
}

static void
retry_header(struct json_writer *w)
{
	jw_object(w, "headers");
	jw_object(w, "Retry-After");
	jw_str(w, "description", "seconds after which to try again");
	schema_scalar(w, "schema", &(struct field){ .type = INTEGER, .max = 86400 });
	jw_end(w);
	jw_end(w);
}

static void
problem_response(struct json_writer *w, const char *key, const char *says, const struct listed *list, size_t n, int status)
{
	jw_object(w, key);
	jw_str(w, "description", says);
	if (status == 429 || status == 503)
		retry_header(w);
	jw_object(w, "content");
	jw_object(w, "application/problem+json");
	jw_object(w, "schema");
	jw_str(w, "$ref", "#/components/schemas/Problem");
	jw_end(w);
	if (n > 0)
		jw_object(w, "examples");
	for (size_t i = 0; i < n; i++)
		if (list[i].status == status)
			example_reference(w, &list[i]);
	if (n > 0)
		jw_end(w);
	jw_end(w);
	jw_end(w);
	jw_end(w);
}

/* "Conflict: claim_conflict, request_in_progress" */
static const char *
described(char *out, size_t size, const struct listed *list, size_t n, int status)
{
	const char *between = ": ";
	int length = snprintf(out, size, "%s", status_title(status));

	for (size_t i = 0; i < n && length > 0 && (size_t)length < size; i++) {
		if (list[i].status != status)
			continue;
		length += snprintf(out + length, size - (size_t)length, "%s`%s`", between, list[i].code);
		between = ", ";
	}
	return out;
}

void
problem_responses(struct json_writer *w, const struct route *row)
{
	struct listed list[LISTED_MAX];
	size_t n = listed(row, list);
	char key[12], text[1024];

	for (int status = 400; status < 600; status++) {
		bool some = false;

		for (size_t i = 0; i < n; i++)
			some = some || list[i].status == status;
		if (!some)
			continue;
		(void)snprintf(key, sizeof(key), "%d", status);
		problem_response(w, key, described(text, sizeof(text), list, n, status), list, n, status);
	}
	problem_response(w, "default", "any other refusal; 500, 502 and 504 mean that the outcome is unknown", NULL, 0, 0);
}

/* ---- components */

static const struct field error_fields[] = { { "field", STRING, .required = true, .says = "dotted path of the member" },
	{ "code", STRING, .required = true, .says = "required, type, length, range, format, enum or unknown_field" },
	{ "detail", STRING, .required = true, .says = "for people" }, { 0 } };
static const struct field problem_fields[] = { { "type", STRING, .required = true, .says = "/problems/ and the code" },
	{ "title", STRING, .required = true, .says = "the status in words" },
	{ "status", INTEGER, .required = true, .says = "the status again" },
	{ "code", STRING, .required = true, .says = "snake_case; what a program looks at" },
	{ "detail", STRING, .required = true, .says = "for people; never a patient's data" },
	{ "errors", ARRAY, .of = error_fields, .max = 16, .says = "one for each bad member, the first sixteen" },
	{ "instance", STRING, .required = true, .says = "the request id, as in X-Request-Id" }, { 0 } };

void
problem_schema(struct json_writer *w)
{
	schema_table(w, "Problem", problem_fields, GIVEN);
}

static void
example_errors(struct json_writer *w, const struct listed *p)
{
	bool unknown = strcmp(p->code, "unknown_field") == 0;

	if (!unknown && strcmp(p->code, "validation_failed") != 0)
		return;
	jw_array(w, "errors");
	jw_object(w, NULL);
	jw_str(w, "field", "address.zip");
	jw_str(w, "code", unknown ? "unknown_field" : "length");
	jw_str(w, "detail", unknown ? "no such member" : "5 to 10 characters");
	jw_end(w);
	jw_end(w);
}

static void
problem_example(struct json_writer *w, const struct listed *p)
{
	char key[CODE_TEXT + 16], type[CODE_TEXT + 16], detail[CODE_TEXT];

	(void)snprintf(key, sizeof(key), "%d_%s", p->status, p->code);
	(void)snprintf(type, sizeof(type), "/problems/%s", p->code);
	(void)snprintf(detail, sizeof(detail), "%s", p->code);
	for (char *c = detail; *c != '\0'; c++)
		*c = *c == '_' ? ' ' : *c;
	jw_object(w, key);
	jw_object(w, "value");
	jw_str(w, "type", type);
	jw_str(w, "title", status_title(p->status));
	jw_int(w, "status", p->status);
	jw_str(w, "code", p->code);
	jw_str(w, "detail", detail);
	example_errors(w, p);
	jw_str(w, "instance", "01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57");
	jw_end(w);
	jw_end(w);
}

static bool
named_before(const struct route *const *rows, size_t n, const struct listed *p)
{
	for (size_t i = 0; i < n; i++)
		if (problem_listed(rows[i], p->status, p->code))
			return true;
	return false;
}

void
problem_examples(struct json_writer *w, const struct route *const *rows, size_t n)
{
	struct listed list[LISTED_MAX];

	for (size_t i = 0; i < n; i++) {
		size_t some = listed(rows[i], list);

		for (size_t k = 0; k < some; k++)
			if (!named_before(rows, i, &list[k]))
				problem_example(w, &list[k]);
	}
}
