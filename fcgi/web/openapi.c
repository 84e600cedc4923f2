/*
 * openapi.c: the service's tables as an OpenAPI 3.1 document. Nothing is described twice: what the core validates by is what is
 * printed.
 */
#include "core.h"

#include "web/web_private.h"

/* ---- schemas (JSON Schema 2020-12) */

static const struct {
	const char *type;
	const char *format;
	const char *pattern;
} json_types[] = {
	[STRING] = { "string", NULL, NULL },
	[UUID] = { "string", "uuid", NULL },
	[INTEGER] = { "integer", "int64", NULL },
	[NUMBER] = { "number", NULL, NULL },
	[BOOLEAN] = { "boolean", NULL, NULL },
	[DATE] = { "string", "date", NULL },
	[TIME] = { "string", "date-time", NULL },
	[EMAIL] = { "string", "email", NULL },
	[PHONE] = { "string", NULL, "^\\+[1-9][0-9]{9,14}$" },
	[STATE] = { "string", NULL, "^[A-Z]{2}$" },
	[ENUM] = { "string", NULL, NULL },
	[URL] = { "string", "uri", NULL },
	[OBJECT] = { "object", NULL, NULL },
	[ARRAY] = { "array", NULL, NULL },
	[ANY] = { NULL, NULL, NULL },
};
_Static_assert(COUNT(json_types) == ANY + 1, "one row per type");

static void table_schema(struct json_writer *w, const char *key, const struct field *table, int depth);

static void
type_members(struct json_writer *w, enum field_type type, bool nullable, const char *const *values)
{
	if (nullable && json_types[type].type != NULL) {
		jw_array(w, "type");
		jw_str(w, NULL, json_types[type].type);
		jw_str(w, NULL, "null");
		jw_end(w);
	} else {
		jw_opt_str(w, "type", json_types[type].type);
	}
	jw_opt_str(w, "format", json_types[type].format);
	jw_opt_str(w, "pattern", json_types[type].pattern);
	if (type != ENUM || values == NULL)
		return;
	jw_array(w, "enum");
	for (; *values != NULL; values++)
		jw_str(w, NULL, *values);
	if (nullable)
		jw_null(w, NULL);
	jw_end(w);
}

static void
limits(struct json_writer *w, const struct field *f)
{
	switch (f->type) {
	case STRING:
		jw_opt_int(w, "minLength", f->min != 0, f->min);
		jw_int(w, "maxLength", f->max != 0 ? f->max : 1000);
		break;
	case INTEGER:
	case NUMBER:
		jw_opt_int(w, "minimum", f->min != 0 || f->max != 0, f->min);
		jw_opt_int(w, "maximum", f->max != 0, f->max);
		break;
	case ARRAY:
		jw_opt_int(w, "minItems", f->min != 0, f->min);
		jw_int(w, "maxItems", f->max);
		break;
	default:
		break;
	}
}

static void
table_members(struct json_writer *w, const struct field *table, int depth)
{
	bool some = false;

	jw_object(w, "properties");
	for (const struct field *f = table; f->name != NULL; f++) {
		jw_object(w, f->name);
		if (f->type == OBJECT && f->of != NULL && !f->nullable) {
			jw_str(w, "type", "object");
			if (depth < 6)
				table_members(w, f->of, depth + 1);
		} else {
			type_members(w, f->type, f->nullable, f->values);
			if (f->type == OBJECT && f->of != NULL && depth < 6)
				table_members(w, f->of, depth + 1);
		}
		limits(w, f);
		if (f->type == ARRAY && f->of != NULL && depth < 6) {
			table_schema(w, "items", f->of, depth + 1);
		} else if (f->type == ARRAY && f->of == NULL) {
			jw_object(w, "items");
			type_members(w, f->items, false, f->values);
			jw_end(w);
		}
		jw_opt_str(w, "description", f->says);
		if (f->example != NULL) {
			jw_array(w, "examples");
			jw_str(w, NULL, f->example);
			jw_end(w);
		}
		jw_end(w);
		some = some || f->required;
	}
	jw_end(w);
	if (some) {
		jw_array(w, "required");
		for (const struct field *f = table; f->name != NULL; f++)
			if (f->required)
				jw_str(w, NULL, f->name);
		jw_end(w);
	}
	jw_bool(w, "additionalProperties", false);
}

static void
table_schema(struct json_writer *w, const char *key, const struct field *table, int depth)
{
	jw_object(w, key);
	jw_str(w, "type", "object");
	table_members(w, table, depth);
	jw_end(w);
}

/* ---- an operation */

static void
parameter(struct json_writer *w, const char *in, const struct field *f)
{
	jw_object(w, NULL);
	jw_str(w, "name", f->name);
	jw_str(w, "in", in);
	jw_bool(w, "required", f->required || strcmp(in, "path") == 0);
	jw_opt_str(w, "description", f->says);
	jw_object(w, "schema");
	type_members(w, f->type, false, f->values);
	limits(w, f);
	if (f->type == ARRAY) {
		jw_object(w, "items");
		type_members(w, f->items, false, f->values);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}

static void
path_parameter(struct json_writer *w, const struct route *row, const char *name, size_t n)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s", (int)n, name);
	for (const struct field *f = row->params; f != NULL && f->name != NULL; f++) {
		if (strcmp(f->name, text) == 0) {
			parameter(w, "path", f);
			return;
		}
	}
	parameter(w, "path", &(struct field){ .name = text, .type = UUID });
}

static void
parameters(struct json_writer *w, const struct route *row)
{
	jw_array(w, "parameters");
	for (const char *p = strstr(row->path, "/:"); p != NULL; p = strstr(p + 1, "/:"))
		path_parameter(w, row, p + 2, strcspn(p + 2, "/"));
	if (strstr(row->path, "/*") != NULL)
		parameter(w, "path", &(struct field){ .name = "rest", .type = STRING, .says = "any further segments" });
	for (const struct field *f = row->query; f != NULL && f->name != NULL; f++)
		parameter(w, "query", f);
	if (row->once == KEY)
		parameter(w, "header",
		    &(struct field){ .name = "Idempotency-Key",
			.type = STRING,
			.required = true,
			.min = 16,
			.max = 255,
			.says = "names this request: repeated with the same key it is answered from the store" });
	jw_end(w);
}

static void
request_body(struct json_writer *w, const struct route *row)
{
	const char *type = row->kind == BODY_FORM ? "application/x-www-form-urlencoded" :
	    row->kind == BODY_RAW                 ? "*/*" :
						    "application/json";

	if (row->body == NULL && row->kind == BODY_NONE)
		return;
	jw_object(w, "requestBody");
	jw_bool(w, "required", true);
	jw_object(w, "content");
	jw_object(w, type);
	if (row->body != NULL)
		table_schema(w, "schema", row->body, 0);
	jw_end(w);
	jw_end(w);
	jw_end(w);
}

static void
problem_response(struct json_writer *w, int status)
{
	char text[8];

	(void)snprintf(text, sizeof(text), "%d", status);
	jw_object(w, text);
	jw_str(w, "description", status_title(status));
	jw_object(w, "content");
	jw_object(w, "application/problem+json");
	jw_object(w, "schema");
	jw_str(w, "$ref", "#/components/schemas/Problem");
	jw_end(w);
	jw_end(w);
	jw_end(w);
	jw_end(w);
}

static void
responses(struct json_writer *w, const struct route *row)
{
	char text[8];
	bool open = (row->access & (PUBLIC | VENDOR)) != 0, input = row->body != NULL || row->query != NULL;

	jw_object(w, "responses");
	(void)snprintf(text, sizeof(text), "%d", row->status != 0 ? row->status : 200);
	jw_object(w, text);
	jw_str(w, "description", row->says);
	if (row->reply != NULL) {
		jw_object(w, "content");
		jw_object(w, "application/json");
		table_schema(w, "schema", row->reply, 0);
		jw_end(w);
		jw_end(w);
	}
	jw_end(w);
	if (input || row->once == KEY)
		problem_response(w, 400);
	if (!open)
		problem_response(w, 401);
	if ((row->access & (SERVICE | ADMIN)) != 0)
		problem_response(w, 403);
	if (strchr(row->path, ':') != NULL)
		problem_response(w, 404);
	if (row->db == WRITE)
		problem_response(w, 409);
	if (input || row->once == KEY || strchr(row->path, ':') != NULL)
		problem_response(w, 422);
	if (row->db != NONE || row->ask != NULL)
		problem_response(w, 503);
	jw_end(w);
}

static const struct {
	enum access access;
	const char *scheme;
} schemes[] = {
	{ SERVICE, "serviceSignature" },
	{ ADMIN, "adminSecret" },
	{ PATIENT_SELF, "patientSession" },
	{ WEBHOOK, "vendorSignature" },
};

static void
security(struct json_writer *w, const struct route *row)
{
	jw_array(w, "security");
	for (size_t i = 0; i < COUNT(schemes); i++) {
		if ((row->access & schemes[i].access) == 0)
			continue;
		jw_object(w, NULL);
		jw_array(w, schemes[i].scheme);
		jw_end(w);
		jw_end(w);
	}
	jw_end(w);
}

static void
description(struct json_writer *w, struct arena *a, const struct route *row)
{
	struct buf b = buf_in(a, 2048);

	buf_add(&b, row->says);
	if (row->callers != NULL)
		buf_addf(&b, "; callers: %s", strcmp(row->callers, "*") == 0 ? "any service" : row->callers);
	if (row->once == NATURAL)
		buf_add(&b, "; repeating it is harmless");
	if (row->synchronous != NULL)
		buf_addf(&b, "; waits for %s", row->synchronous);
	if (row->audit != NULL)
		buf_addf(&b, "; audited as %s", row->audit);
	jw_str(w, "description", buf_str(&b));
}

static void
operation(struct json_writer *w, struct arena *a, const struct service *s, const struct route *row)
{
	char method[8] = "";

	for (size_t i = 0; row->method[i] != '\0' && i < sizeof(method) - 1; i++)
		method[i] = (char)(row->method[i] | 0x20);
	jw_object(w, method);
	jw_str(w, "summary", row->says);
	description(w, a, row);
	jw_array(w, "tags");
	jw_str(w, NULL, s->name);
	jw_end(w);
	parameters(w, row);
	request_body(w, row);
	responses(w, row);
	security(w, row);
	jw_end(w);
}

/* ---- the document */

/* /x/:id/y -> /x/{id}/y */
static char *
openapi_path(struct arena *a, const char *path)
{
	struct buf b = buf_in(a, 1024);

	while (*path != '\0') {
		size_t n = strcspn(path + 1, "/") + 1;

		if (path[1] == ':')
			buf_addf(&b, "/{%.*s}", (int)n - 2, path + 2);
		else if (path[1] == '*')
			buf_add(&b, "/{rest}");
		else
			buf_addn(&b, path, n);
		path += n;
	}
	return arena_dup(a, buf_str(&b));
}

/* All methods of one path stand together, at the place of the first. */
static void
paths(struct json_writer *w, struct arena *a, const struct service *s, const struct route *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t first = 0;

		while (strcmp(rows[first].path, rows[i].path) != 0)
			first++;
		if (first != i)
			continue;
		jw_object(w, openapi_path(a, rows[i].path));
		for (size_t k = i; k < n; k++)
			if (strcmp(rows[k].path, rows[i].path) == 0)
				operation(w, a, s, &rows[k]);
		jw_end(w);
	}
}

static void
scheme(struct json_writer *w, const char *name, const char *type, const char *how, const char *value, const char *says)
{
	jw_object(w, name);
	jw_str(w, "type", type);
	jw_str(w, how, value);
	if (strcmp(type, "apiKey") == 0)
		jw_str(w, "in", "header");
	jw_str(w, "description", says);
	jw_end(w);
}

static void
components(struct json_writer *w)
{
	static const struct field error[] = { { "field", STRING, .required = true, .says = "dotted path of the member" },
		{ "code", STRING, .required = true, .says = "required, type, length, range, format, enum, unknown_field" },
		{ "detail", STRING }, { 0 } };
	static const struct field body[] = { { "type", STRING, .required = true, .says = "/problems/<code>" },
		{ "title", STRING, .required = true }, { "status", INTEGER, .required = true },
		{ "code", STRING, .required = true, .says = "snake_case; what a program looks at" },
		{ "detail", STRING, .required = true, .says = "for people; never a patient's data" },
		{ "errors", ARRAY, .of = error, .max = 16 }, { "instance", STRING, .required = true, .says = "the request id" },
		{ 0 } };

	jw_object(w, "components");
	jw_object(w, "schemas");
	table_schema(w, "Problem", body, 0);
	jw_end(w);
	jw_object(w, "securitySchemes");
	scheme(w, "serviceSignature", "apiKey", "name", "X-API-Key",
	    "with X-Timestamp, X-Signature and, for v2, X-Nonce: HMAC-SHA256 over <timestamp>.<body>, or v2= over "
	    "<timestamp>.<nonce>.<METHOD>.<path?query>.<body>; five minutes");
	scheme(w, "adminSecret", "http", "scheme", "bearer", "the administrator's secret");
	scheme(w, "patientSession", "http", "scheme", "bearer", "the session token of an intake");
	scheme(w, "vendorSignature", "apiKey", "name", "X-Signature",
	    "the vendor's own signature over the raw body; the header's name is the vendor's");
	jw_end(w);
	jw_end(w);
}

void
openapi_print(const struct service *s, struct buf *out)
{
	struct arena *a = arena_new(0);
	struct json_writer w;
	size_t ncore;
	const struct route *core = core_routes(s, &ncore);

	jw_start(&w, out);
	jw_object(&w, NULL);
	jw_str(&w, "openapi", "3.1.0");
	jw_object(&w, "info");
	jw_str(&w, "title", s->name);
	jw_str(&w, "version", "1");
	jw_opt_str(&w, "description", s->says);
	jw_end(&w);
	jw_object(&w, "paths");
	paths(&w, a, s, s->routes, s->nroutes);
	paths(&w, a, s, core, ncore);
	jw_end(&w);
	components(&w);
	jw_end(&w);
	arena_free(a);
}
