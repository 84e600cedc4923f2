/*
 * openapi.c: telerx-openapi joins the OpenAPI documents on standard input, one per service, to one document on standard output.
 *
 * Paths of all services, a tag each, and the components that they share under one name. Two services that define one path and method, or one
 * component in two ways, are an error: the document would be wrong for one of them.
 */
#include "core.h"

#include "documents.h"

#define PROGRAM "telerx-openapi"

/* What is true of all endpoints and would be repeated on each. CommonMark. */
static const char description[] =
	"Every endpoint of every service, printed from the tables that the services validate by.\n\n"
	"## Who is calling\n\n"
	"Services sign each call: `X-API-Key`, `X-Timestamp` and `X-Signature`, with `X-Nonce` in version 2, which also signs method and target. "
	"Administrators send `Authorization: Bearer` with their secret, patients with the session token of their intake. Vendors sign webhooks in "
	"their own ways. An object that is not yours is 404.\n\n"
	"## Refusals\n\n"
	"All are `application/problem+json` (RFC 9457). `code` is what a program looks at. A member that no table names is 400 `unknown_field`; a "
	"value outside its limits is 422 `validation_failed`, with one entry of `errors` for each bad member. 503 carries `Retry-After`. After 500, "
	"502, 504 or a lost connection the outcome is unknown: repeat the call with the same Idempotency-Key.\n\n"
	"## Repeating\n\n"
	"A call that takes an `Idempotency-Key` is answered from the store when it comes again with the same key and body; with another body it is "
	"422 `idempotency_key_reused`. Other writes are harmless to repeat.\n\n"
	"## Forms of values\n\n"
	"Ids are UUIDs (version 7 where we make them), money is an integer of cents beside its currency, times are RFC 3339 in UTC. `X-Request-Id` "
	"names a request in every log.\n\n"
	"## Events\n\n"
	"What happened is posted, signed, to `<prefix>/events` of each subscriber, at least once and in order per object. A service's tag lists the "
	"topics it publishes (`x-publishes`) and consumes (`x-consumes`). Payloads carry ids, codes and amounts, never a patient's values.\n";

/* Every service answers these on its own socket; through nginx they are /health/<service>/... and, inside only, /metrics/<service>. */
static const char *const everybodys[] = { "/health/live", "/health/ready", "/metrics" };

/* Members of the inner objects of from go into to; one that is there already must be the same. */
static int
join(json_t *to, json_t *from, const char *what)
{
	const char *name, *member;
	json_t *group, *value;

	json_object_foreach(from, name, group) {
		json_t *own = json_object_get(to, name);

		if (own == NULL) {
			own = json_object();
			if (json_object_set_new(to, name, own) < 0)
				return complain(PROGRAM, "no memory for", name);
		}
		json_object_foreach(group, member, value) {
			json_t *before = json_object_get(own, member);

			if (before != NULL && !json_equal(before, value))
				return complain(PROGRAM, what, name);
			if (before == NULL && json_object_set(own, member, value) < 0)
				return complain(PROGRAM, "no memory for", name);
		}
	}
	return 0;
}

static int
join_document(json_t *part, void *context)
{
	json_t *whole = context;

	for (size_t i = 0; i < COUNT(everybodys); i++)
		(void)json_object_del(json_object_get(part, "paths"), everybodys[i]);
	if (json_array_extend(json_object_get(whole, "tags"), json_object_get(part, "tags")) < 0)
		return complain(PROGRAM, "a document has no", "tags");
	if (join(json_object_get(whole, "paths"), json_object_get(part, "paths"), "two services define") < 0)
		return -1;
	return join(json_object_get(whole, "components"), json_object_get(part, "components"), "two services differ on components of");
}

int
main(void)
{
	json_t *whole = json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:[], s:{}, s:{}}", "openapi", "3.1.0", "info", "title", "Telerx", "version",
	    PACKAGE_VERSION, "description", description, "servers", "url", "/", "tags", "paths", "components");
	int rc = whole == NULL ? complain(PROGRAM, "no memory for", "the document") : documents_read(PROGRAM, join_document, whole);

	if (rc == 0 && (json_dumpf(whole, stdout, JSON_COMPACT) < 0 || putchar('\n') < 0 || fflush(stdout) != 0))
		rc = complain(PROGRAM, "standard output:", strerror(errno));
	json_decref(whole);
	return rc == 0 ? 0 : 1;
}
