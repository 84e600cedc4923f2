/*
 * openapi.c: telerx-openapi joins the OpenAPI documents on standard input, one per service, to one document on standard output.
 *
 * Paths of all services, and the components that they share under one name. Two services that define one path and method, or one component
 * in two ways, are an error: the document would be wrong for one of them.
 */
#include "core.h"

#include <jansson.h>

static int
complain(const char *what, const char *name)
{
	fprintf(stderr, "telerx-openapi: %s %s\n", what, name);
	return -1;
}

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
				return complain("no memory for", name);
		}
		json_object_foreach(group, member, value) {
			json_t *before = json_object_get(own, member);

			if (before != NULL && !json_equal(before, value))
				return complain(what, name);
			if (before == NULL && json_object_set(own, member, value) < 0)
				return complain("no memory for", name);
		}
	}
	return 0;
}

/* Every service answers these on its own socket; through nginx they are /health/<service>/... and, inside only, /metrics/<service>. */
static const char *const everybodys[] = { "/health/live", "/health/ready", "/metrics" };

static int
join_document(json_t *whole, json_t *part)
{
	for (size_t i = 0; i < COUNT(everybodys); i++)
		(void)json_object_del(json_object_get(part, "paths"), everybodys[i]);
	if (join(json_object_get(whole, "paths"), json_object_get(part, "paths"), "two services define") < 0)
		return -1;
	return join(json_object_get(whole, "components"), json_object_get(part, "components"), "two services differ on components of");
}

int
main(void)
{
	json_t *whole = json_pack("{s:s, s:{s:s, s:s, s:s}, s:{}, s:{}}", "openapi", "3.1.0", "info", "title", "Telerx", "version", "1",
	    "description", "Every endpoint of every service, as the services' own tables define them.", "paths", "components");
	unsigned parts = 0;
	int rc = whole == NULL ? -1 : 0;

	while (rc == 0) {
		json_error_t err;
		json_t *part = json_loadf(stdin, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &err);

		if (part == NULL && feof(stdin) && err.position <= 1)
			break;
		rc = part == NULL ? complain("standard input:", err.text) : join_document(whole, part);
		json_decref(part);
		parts++;
	}
	if (rc == 0 && parts == 0)
		rc = complain("standard input:", "no document");
	if (rc == 0 && (json_dumpf(whole, stdout, JSON_COMPACT) < 0 || putchar('\n') < 0 || fflush(stdout) != 0))
		rc = complain("standard output:", strerror(errno));
	json_decref(whole);
	return rc == 0 ? 0 : 1;
}
