/*
 * openapi.c: the service's tables as an OpenAPI 3.1 document. Nothing is described twice: what the core validates by is what is
 * printed. What OpenAPI has no word for stands in x-members: x-callers (services that a row admits), x-webhook-from (the vendor that calls),
 * x-roles (a user's token with one of these opens it),
 * x-waits-for (the vendor that a synchronous row asks), x-audit, and in the service's tag x-publishes and x-consumes. `./telerx callgraph`
 * is drawn from them.
 */
#include "core.h"

#include <ctype.h>

#include "web/openapi.h"

struct page {
	const struct service *service;
	struct arena *arena;
	struct json_writer w;
	const struct route **rows; /* the service's own and the core's */
	size_t nrows;
};

/* ---- an operation */

static void
parameter(struct json_writer *w, const char *in, const struct field *f)
{
	jw_object(w, NULL);
	jw_str(w, "name", f->name);
	jw_str(w, "in", in);
	jw_bool(w, "required", f->required || strcmp(in, "path") == 0);
	jw_opt_str(w, "description", f->says);
	schema_scalar(w, "schema", f);
	if (f->type != ARRAY)
		example_scalar(w, "example", f);
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
	parameter(w, "path", &(struct field){ .name = text, .type = UUID, .says = "the object's id" });
}

static void
parameters(struct json_writer *w, const struct route *row)
{
	static const struct field key = { .name = "Idempotency-Key",
		.type = STRING,
		.required = true,
		.min = 16,
		.max = 255,
		.example = "01948f7a-5c00-7c3e-9d41-6f2b8a0e1d57",
		.says = "names this request: repeated with the same key it is answered from the store" };
	size_t length = strlen(row->path);

	jw_array(w, "parameters");
	for (const char *p = strstr(row->path, "/:"); p != NULL; p = strstr(p + 1, "/:"))
		path_parameter(w, row, p + 2, strcspn(p + 2, "/"));
	if (length > 2 && strcmp(row->path + length - 2, "/*") == 0)
		parameter(
		    w, "path", &(struct field){ .name = "rest", .type = STRING, .says = "the rest of the path, slashes included" });
	for (const struct field *f = row->query; f != NULL && f->name != NULL; f++)
		parameter(w, "query", f);
	if (row->once == KEY)
		parameter(w, "header", &key);
	jw_end(w);
}

static void
request_body(struct json_writer *w, const struct route *row)
{
	const char *type = row->kind == BODY_FORM      ? "application/x-www-form-urlencoded" :
	    row->kind == BODY_RAW && row->body == NULL ? "*/*" :
							 "application/json";
	bool required = row->body == NULL;

	if (row->body == NULL && row->kind == BODY_NONE)
		return;
	for (const struct field *f = row->body; f != NULL && f->name != NULL; f++)
		required = required || f->required;
	jw_object(w, "requestBody");
	jw_bool(w, "required", required);
	jw_object(w, "content");
	jw_object(w, type);
	if (row->body != NULL) {
		schema_table(w, "schema", row->body, SENT);
		example_table(w, "example", row->body, 0);
	}
	jw_end(w);
	jw_end(w);
	jw_end(w);
}

static void
reply_content(struct json_writer *w, const struct route *row)
{
	if (row->reply == NULL && row->media == NULL)
		return;
	jw_object(w, "content");
	jw_object(w, row->reply != NULL ? "application/json" : row->media);
	if (row->reply != NULL) {
		schema_table(w, "schema", row->reply, GIVEN);
		example_table(w, "example", row->reply, 0);
	}
	jw_end(w);
	jw_end(w);
}

static void
responses(struct json_writer *w, const struct route *row)
{
	char text[12];

	jw_object(w, "responses");
	(void)snprintf(text, sizeof(text), "%d", row->status != 0 ? row->status : 200);
	jw_object(w, text);
	jw_str(w, "description", row->says);
	reply_content(w, row);
	jw_end(w);
	/* The sandbox's routes refuse as their vendors do. */
	if ((row->access & VENDOR) == 0)
		problem_responses(w, row);
	jw_end(w);
}

/* ---- who may call */

static const struct {
	const char *vendor;
	const char *header;
	const char *says;
} vendors[] = {
	{ "stripe", "Stripe-Signature", "t=<seconds>,v1=<hex HMAC-SHA256 of \"<t>.<raw body>\">; five minutes" },
	{ "boothwyn", "boothwyn-signature", "the secret that was agreed on, as it is" },
	{ "canvas", "X-Canvas-Plugin-Signature",
	    "v1=<hex HMAC-SHA256 of \"<X-Canvas-Plugin-Timestamp>.<raw body>\">; five minutes" },
	{ "slack", "X-Slack-Signature", "v0=<hex HMAC-SHA256 of \"v0:<X-Slack-Request-Timestamp>:<raw body>\">; five minutes" },
	{ "twilio", "X-Twilio-Signature", "base64 HMAC-SHA1 of the URL and the sorted form" },
	{ "sendgrid", "X-Twilio-Email-Event-Webhook-Signature", "ECDSA over timestamp and raw body; ten minutes" },
	{ "pharmacy", "X-Pharmacy-Signature", "v1=<hex HMAC-SHA256 of \"<X-Pharmacy-Timestamp>.<raw body>\">; five minutes" },
	{ "shippo", "Shippo-Auth-Signature", "t=<seconds>,v1=<hex HMAC-SHA256 of \"<t>.<raw body>\">; five minutes" },
	{ "zoom", "x-zm-signature", "v0=<hex HMAC-SHA256 of \"v0:<x-zm-request-timestamp>:<raw body>\">; five minutes" },
	{ "hubspot", "X-HubSpot-Signature-v3", "base64 HMAC-SHA256 of method, URL, raw body and X-HubSpot-Request-Timestamp; five minutes" },
	{ "pioneerrx", "?token", "the secret of the address that was given to the pharmacy" },
};

static const struct {
	const char *name;
	const char *header;
	const char *says;
} service_headers[] = {
	{ "serviceKey", "X-API-Key", "the calling service's key id" },
	{ "serviceTimestamp", "X-Timestamp", "ISO 8601 with Z or offset; five minutes either way" },
	{ "serviceNonce", "X-Nonce", "version 2 only: 16 to 64 visible ASCII characters, another one for each call" },
	{ "serviceSignature", "X-Signature",
	    "version 1: lower-case hex HMAC-SHA256(\"<timestamp>.<raw body>\"). Version 2, for all new callers: \"v2=\" and hex over "
	    "\"<timestamp>.<nonce>.<METHOD>.<path?query>.<raw body>\"" },
};

static void
requirement(struct json_writer *w, const char *scheme)
{
	jw_array(w, scheme);
	jw_end(w);
}

/* A space-separated list of the table as strings, inside an array. */
static void
words(struct json_writer *w, const char *list)
{
	for (const char *c = list; *c != '\0'; c += strspn(c, " ")) {
		size_t n = strcspn(c, " ");

		jw_strn(w, NULL, c, n);
		c += n;
	}
}

/* The administrator's token opens what the secret opens. */
static void
token_requirement(struct json_writer *w, const struct route *row)
{
	jw_object(w, NULL);
	jw_array(w, "userToken");
	words(w, (row->access & ROLE) != 0 ? row->roles : "admin");
	jw_end(w);
	jw_end(w);
}

static const char *
vendor_scheme(struct arena *a, const struct route *row)
{
	for (size_t i = 0; i < COUNT(vendors); i++)
		if (row->callers != NULL && strcmp(vendors[i].vendor, row->callers) == 0)
			return arena_printf(a, "%sWebhook", vendors[i].vendor);
	die("%s %s: openapi.c does not know how %s signs", row->method, row->path, row->callers != NULL ? row->callers : "nobody");
}

static void
service_requirement(struct json_writer *w, bool nonce)
{
	jw_object(w, NULL);
	for (size_t i = 0; i < COUNT(service_headers); i++)
		if (nonce || strcmp(service_headers[i].name, "serviceNonce") != 0)
			requirement(w, service_headers[i].name);
	jw_end(w);
}

static void
security(struct page *p, const struct route *row)
{
	struct json_writer *w = &p->w;

	jw_array(w, "security");
	if ((row->access & SERVICE) != 0) {
		service_requirement(w, true);
		service_requirement(w, false);
	}
	if ((row->access & (ADMIN | ROLE)) != 0)
		token_requirement(w, row);
	if ((row->access & ADMIN) != 0 || access_lists(row->roles, "admin")) {
		jw_object(w, NULL);
		requirement(w, "adminSecret");
		jw_end(w);
	}
	if ((row->access & PATIENT_SELF) != 0) {
		jw_object(w, NULL);
		requirement(w, "patientSession");
		jw_end(w);
	}
	if ((row->access & WEBHOOK) != 0) {
		jw_object(w, NULL);
		requirement(w, vendor_scheme(p->arena, row));
		jw_end(w);
	}
	jw_end(w);
}

static void
scheme(struct json_writer *w, const char *name, const char *header, const char *says)
{
	jw_object(w, name);
	jw_str(w, "type", header != NULL ? "apiKey" : "http");
	if (header != NULL) {
		jw_str(w, "in", *header == '?' ? "query" : "header");
		jw_str(w, "name", *header == '?' ? header + 1 : header);
	} else {
		jw_str(w, "scheme", "bearer");
		jw_opt_str(w, "bearerFormat", strcmp(name, "userToken") == 0 ? "JWT" : NULL);
	}
	jw_str(w, "description", says);
	jw_end(w);
}

/* Those that a row of this service names. */
static void
schemes(struct page *p)
{
	unsigned used = 0;

	for (size_t i = 0; i < p->nrows; i++)
		used |= p->rows[i]->access;
	jw_object(&p->w, "securitySchemes");
	for (size_t i = 0; i < COUNT(service_headers) && (used & SERVICE) != 0; i++)
		scheme(&p->w, service_headers[i].name, service_headers[i].header, service_headers[i].says);
	if ((used & (ADMIN | ROLE)) != 0)
		scheme(&p->w, "userToken", NULL,
		    "the token of a user who logged in at /auth/login; the names are the roles of which it needs one");
	if ((used & (ADMIN | ROLE)) != 0)
		scheme(
		    &p->w, "adminSecret", NULL, "the administrator's secret, ADMIN_SECRET; X-Source names the system that uses it");
	if ((used & PATIENT_SELF) != 0)
		scheme(&p->w, "patientSession", NULL, "the session token of one intake, got for the code of the e-mail");
	for (size_t i = 0; i < COUNT(vendors); i++) {
		bool calls = false;

		for (size_t k = 0; k < p->nrows; k++)
			calls =
			    calls || ((p->rows[k]->access & WEBHOOK) != 0 && strcmp(p->rows[k]->callers, vendors[i].vendor) == 0);
		if (calls)
			scheme(&p->w, arena_printf(p->arena, "%sWebhook", vendors[i].vendor), vendors[i].header, vendors[i].says);
	}
	jw_end(&p->w);
}

/* ---- the words about it */

static const char *
access_words(const struct route *row)
{
	static const struct {
		unsigned access;
		const char *says;
	} says[] = {
		{ PUBLIC, "Anybody may call it; the rate is limited." },
		{ WEBHOOK, "The vendor calls it and signs the body." },
		{ VENDOR, "Stands in for a vendor: authentication and errors are the vendor's." },
		{ PATIENT_SELF, "The patient calls it with the session of the intake." },
		{ SERVICE | ROLE, "Services on the list and users with one of the roles may call it." },
		{ ROLE, "Users with one of the roles may call it." },
		{ SERVICE | ADMIN, "Services on the list and administrators may call it." },
		{ SERVICE, "Services on the list may call it." },
		{ ADMIN, "Administrators may call it." },
	};

	for (size_t i = 0; i < COUNT(says); i++)
		if ((row->access & says[i].access) == says[i].access)
			return says[i].says;
	return "";
}

static void
description(struct page *p, const struct route *row)
{
	struct buf b = buf_in(p->arena, 4096);

	buf_addf(&b, "%c%s. %s", toupper((unsigned char)row->says[0]), row->says + 1, access_words(row));
	if ((row->access & SERVICE) != 0)
		buf_addf(&b, " Callers: %s.", strcmp(row->callers, "*") == 0 ? "any service" : row->callers);
	if ((row->access & ROLE) != 0)
		buf_addf(&b, " Roles: %s.", row->roles);
	if (row->once == NATURAL)
		buf_add(&b, " Repeating it is harmless.");
	if (row->once == KEY)
		buf_add(&b, " Repeated with its Idempotency-Key it is answered as the first time and does nothing.");
	if (row->synchronous != NULL)
		buf_addf(&b, " It waits for %s: 503 with Retry-After when that is slow.", row->synchronous);
	if (row->db == READ_AUDITED)
		buf_add(&b, " It shows a patient's data, so each read is audited.");
	jw_str(&p->w, "description", buf_str(&b));
}

/* GET /shipping/shipments/:id/label -> getShippingShipmentsByIdLabel */
static const char *
operation_id(struct arena *a, const struct route *row)
{
	struct buf b = buf_in(a, 256);
	bool upper = false;

	for (const char *c = row->method; *c != '\0'; c++)
		buf_addc(&b, (char)tolower((unsigned char)*c));
	for (const char *c = row->path; *c != '\0'; c++) {
		if (*c == ':')
			buf_add(&b, "By");
		if (isalnum((unsigned char)*c))
			buf_addc(&b, upper ? (char)toupper((unsigned char)*c) : *c);
		upper = !isalnum((unsigned char)*c);
	}
	if (strcmp(row->path, "/") == 0)
		buf_add(&b, "Start");
	return arena_dup(a, buf_str(&b));
}

static void
extensions(struct json_writer *w, const struct route *row)
{
	if ((row->access & SERVICE) != 0) {
		jw_array(w, "x-callers");
		words(w, row->callers);
		jw_end(w);
	}
	if ((row->access & ROLE) != 0) {
		jw_array(w, "x-roles");
		words(w, row->roles);
		jw_end(w);
	}
	if ((row->access & WEBHOOK) != 0)
		jw_opt_str(w, "x-webhook-from", row->callers);
	jw_opt_str(w, "x-waits-for", row->synchronous);
	jw_opt_str(w, "x-audit", row->audit);
}

static void
operation(struct page *p, const struct route *row)
{
	struct json_writer *w = &p->w;
	char method[12] = "";

	for (size_t i = 0; i < sizeof(method) - 1 && row->method[i] != '\0'; i++)
		method[i] = (char)tolower((unsigned char)row->method[i]);
	jw_object(w, method);
	jw_str(w, "operationId", operation_id(p->arena, row));
	jw_str(w, "summary", row->says);
	description(p, row);
	jw_array(w, "tags");
	jw_str(w, NULL, p->service->name);
	jw_end(w);
	parameters(w, row);
	request_body(w, row);
	responses(w, row);
	security(p, row);
	extensions(w, row);
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
paths(struct page *p)
{
	jw_object(&p->w, "paths");
	for (size_t i = 0; i < p->nrows; i++) {
		size_t first = 0;

		while (strcmp(p->rows[first]->path, p->rows[i]->path) != 0)
			first++;
		if (first != i)
			continue;
		jw_object(&p->w, openapi_path(p->arena, p->rows[i]->path));
		for (size_t k = i; k < p->nrows; k++)
			if (strcmp(p->rows[k]->path, p->rows[i]->path) == 0)
				operation(p, p->rows[k]);
		jw_end(&p->w);
	}
	jw_end(&p->w);
}

static void
topic_rows(struct json_writer *w, const struct topic *t)
{
	for (; t != NULL && t->name != NULL; t++) {
		jw_object(w, NULL);
		jw_str(w, "topic", t->name);
		jw_opt_str(w, "description", t->says);
		jw_array(w, "subscribers");
		for (const char *const *to = t->subscribers; to != NULL && *to != NULL; to++)
			jw_str(w, NULL, *to);
		jw_end(w);
		jw_end(w);
	}
}

static void
topics(struct page *p)
{
	const struct service *s = p->service;
	struct json_writer *w = &p->w;

	jw_array(w, "x-publishes");
	topic_rows(w, s->topics);
	if (s->database != NULL)
		topic_rows(w, core_topics);
	jw_end(w);
	jw_array(w, "x-consumes");
	for (size_t i = 0; i < s->nevents; i++)
		jw_str(w, NULL, s->events[i].topic);
	jw_end(w);
}

static void
head(struct page *p)
{
	struct json_writer *w = &p->w;

	jw_str(w, "openapi", "3.1.0");
	jw_object(w, "info");
	jw_str(w, "title", p->service->name);
	jw_str(w, "version", PACKAGE_VERSION);
	jw_opt_str(w, "description", p->service->says);
	jw_end(w);
	jw_array(w, "servers");
	jw_object(w, NULL);
	jw_str(w, "url", "/");
	jw_end(w);
	jw_end(w);
	jw_array(w, "tags");
	jw_object(w, NULL);
	jw_str(w, "name", p->service->name);
	jw_opt_str(w, "description", p->service->says);
	topics(p);
	jw_end(w);
	jw_end(w);
}

static void
components(struct page *p)
{
	const struct route **rows = arena_alloc(p->arena, p->nrows * sizeof(const struct route *));
	size_t n = 0;

	for (size_t i = 0; i < p->nrows; i++)
		if ((p->rows[i]->access & VENDOR) == 0)
			rows[n++] = p->rows[i];
	jw_object(&p->w, "components");
	jw_object(&p->w, "schemas");
	problem_schema(&p->w);
	jw_end(&p->w);
	jw_object(&p->w, "examples");
	problem_examples(&p->w, rows, n);
	jw_end(&p->w);
	schemes(p);
	jw_end(&p->w);
}

void
openapi_print(const struct service *s, struct buf *out)
{
	struct page p = { .service = s, .arena = arena_new(0) };
	size_t ncore;
	const struct route *core = core_routes(s, &ncore);

	p.rows = arena_alloc(p.arena, (s->nroutes + ncore) * sizeof(const struct route *));
	for (size_t i = 0; i < s->nroutes; i++)
		p.rows[p.nrows++] = &s->routes[i];
	for (size_t i = 0; i < ncore; i++)
		p.rows[p.nrows++] = &core[i];
	jw_start(&p.w, out);
	jw_object(&p.w, NULL);
	head(&p);
	paths(&p);
	components(&p);
	jw_end(&p.w);
	arena_free(p.arena);
}
