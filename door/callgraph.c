/*
 * callgraph.c: telerx-callgraph prints, from the services' OpenAPI documents on standard input, who may call whom and who hears of what; with
 * --dot as a graph for Graphviz.
 *
 * A caller or a subscriber that is no service, a subscriber whose table does not consume the topic, and a consumed topic that nobody publishes to
 * the consumer are errors: one of two tables is wrong. A "*" among the callers is every other service, so it is no edge of its own: the only
 * such rows receive events, and those edges come from the topics.
 */
#include "core.h"

#include "documents.h"

#define PROGRAM "telerx-callgraph"

/* What is gathered: {"services": [name...], "vendors": [name...], "calls": {callee: {caller: [operation...]}}, "events": {from: {to: [topic...]}},
 * "consumes": {name: [topic...]}}. All borrowed members live as long as the graph. */
struct graph {
	json_t *root;
	json_t *services, *vendors, *calls, *events, *consumes;
};

/* ---- gathering */

static json_t *
member_object(json_t *parent, const char *name)
{
	json_t *o = json_object_get(parent, name);

	if (o == NULL) {
		o = json_object();
		(void)json_object_set_new(parent, name, o);
	}
	return o;
}

static void
edge(json_t *group, const char *from, const char *to, const char *label)
{
	json_t *ends = member_object(group, from), *list = json_object_get(ends, to);

	if (list == NULL) {
		list = json_array();
		(void)json_object_set_new(ends, to, list);
	}
	(void)json_array_append_new(list, json_string(label));
}

static void
take_operation(struct graph *g, const char *service, const char *method, const char *path, const json_t *operation)
{
	const char *vendor = json_string_value(json_object_get(operation, "x-webhook-from"));
	char label[256];
	json_t *caller;
	size_t i;

	(void)snprintf(label, sizeof(label), "%s %s", method, path);
	for (char *c = label; *c != '\0' && *c != ' '; c++)
		*c = (char)(*c & ~0x20);
	if (vendor != NULL) {
		(void)json_array_append_new(g->vendors, json_string(vendor));
		edge(g->calls, service, vendor, label);
	}
	json_array_foreach(json_object_get(operation, "x-callers"), i, caller)
		if (strcmp(json_string_value(caller), "*") != 0)
			edge(g->calls, service, json_string_value(caller), label);
}

static int
take_document(json_t *document, void *context)
{
	struct graph *g = context;
	json_t *tag = json_array_get(json_object_get(document, "tags"), 0), *topic, *methods, *operation, *to;
	const char *service = json_string_value(json_object_get(tag, "name")), *path, *method;
	size_t i, k;

	if (service == NULL)
		return complain(PROGRAM, "a document has no", "tag");
	(void)json_array_append_new(g->services, json_string(service));
	(void)json_object_set(g->consumes, service, json_object_get(tag, "x-consumes"));
	json_object_foreach(json_object_get(document, "paths"), path, methods)
		json_object_foreach(methods, method, operation)
			take_operation(g, service, method, path, operation);
	json_array_foreach(json_object_get(tag, "x-publishes"), i, topic)
		json_array_foreach(json_object_get(topic, "subscribers"), k, to)
			edge(g->events, service, json_string_value(to), json_string_value(json_object_get(topic, "topic")));
	return 0;
}

/* ---- what must agree */

static bool
has(const json_t *list, const char *text)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (strcmp(json_string_value(one), text) == 0)
			return true;
	return false;
}

/* Who signs calls of its own and is no service of ours. */
static bool
is_outside(const char *caller)
{
	static const char *const outside[] = { "ncpdp" };

	for (size_t i = 0; i < COUNT(outside); i++)
		if (strcmp(outside[i], caller) == 0)
			return true;
	return false;
}

static int
callers_faults(const struct graph *g)
{
	const char *callee, *caller;
	json_t *callers, *labels;
	int faults = 0;

	json_object_foreach(g->calls, callee, callers)
		json_object_foreach(callers, caller, labels)
			if (!has(g->services, caller) && !has(g->vendors, caller) && !is_outside(caller)) {
				(void)fprintf(stderr, PROGRAM ": %s admits %s, which is no service\n", callee, caller);
				faults++;
			}
	return faults;
}

static int
subscribers_faults(const struct graph *g)
{
	const char *from, *to;
	json_t *ends, *topics, *topic;
	int faults = 0;
	size_t i;

	json_object_foreach(g->events, from, ends)
		json_object_foreach(ends, to, topics)
			json_array_foreach(topics, i, topic) {
				const json_t *taken = json_object_get(g->consumes, to);

				if (has(taken, "*") || has(taken, json_string_value(topic)))
					continue;
				(void)fprintf(stderr, PROGRAM ": %s tells %s of %s, which does not consume it\n", from, to,
				    json_string_value(topic));
				faults++;
			}
	return faults;
}

static int
consumers_faults(const struct graph *g)
{
	const char *service, *from;
	json_t *topics, *topic, *ends;
	int faults = 0;
	size_t i;

	json_object_foreach(g->consumes, service, topics)
		json_array_foreach(topics, i, topic) {
			bool told = strcmp(json_string_value(topic), "*") == 0;

			json_object_foreach(g->events, from, ends)
				told = told || has(json_object_get(ends, service), json_string_value(topic));
			if (!told) {
				(void)fprintf(
				    stderr, PROGRAM ": %s consumes %s, which nobody tells it\n", service, json_string_value(topic));
				faults++;
			}
		}
	return faults;
}

/* ---- printing */

static void
print_labels(const char *how, const char *who, const json_t *labels)
{
	json_t *label;
	size_t i;

	json_array_foreach(labels, i, label)
		printf("  %-12s %-13s %s\n", i == 0 ? how : "", i == 0 ? who : "", json_string_value(label));
}

static void
print_text(const struct graph *g)
{
	json_t *service, *labels;
	const char *other;
	size_t i;

	json_array_foreach(g->services, i, service) {
		const char *name = json_string_value(service);

		printf("%s%s\n", i > 0 ? "\n" : "", name);
		json_object_foreach(json_object_get(g->calls, name), other, labels)
			print_labels("called by", other, labels);
		json_object_foreach(json_object_get(g->events, name), other, labels)
			print_labels("tells", other, labels);
	}
}

static void
print_edge(const char *from, const char *to, const json_t *labels, const char *style)
{
	json_t *label;
	size_t i;

	printf("\t\"%s\" -> \"%s\" [%s tooltip=\"", from, to, style);
	json_array_foreach(labels, i, label)
		printf("%s%s", i > 0 ? "\\n" : "", json_string_value(label));
	printf("\" label=\"%zu\"];\n", json_array_size(labels));
}

/* A solid edge is a call, a dashed one events; the number says of how many kinds, the tooltip which. */
static void
print_dot(const struct graph *g)
{
	const char *one, *other;
	json_t *ends, *labels, *service;
	size_t i;

	printf("digraph telerx {\n\trankdir=LR;\n\tnode [shape=ellipse];\n");
	json_array_foreach(g->services, i, service)
		printf("\t\"%s\" [shape=box];\n", json_string_value(service));
	json_object_foreach(g->calls, one, ends)
		json_object_foreach(ends, other, labels)
			print_edge(other, one, labels, "style=solid");
	json_object_foreach(g->events, one, ends)
		json_object_foreach(ends, other, labels)
			print_edge(one, other, labels, "style=dashed");
	printf("}\n");
}

int
main(int argc, char **argv)
{
	bool dot = argc == 2 && strcmp(argv[1], "--dot") == 0;
	struct graph g = { .root = json_object() };
	int faults;

	if (argc > 1 && !dot) {
		(void)fprintf(stderr, "usage: " PROGRAM " [--dot]\n");
		return 64;
	}
	g.services = json_array();
	(void)json_object_set_new(g.root, "services", g.services);
	g.vendors = json_array();
	(void)json_object_set_new(g.root, "vendors", g.vendors);
	g.calls = member_object(g.root, "calls");
	g.events = member_object(g.root, "events");
	g.consumes = member_object(g.root, "consumes");
	if (documents_read(PROGRAM, take_document, &g) < 0)
		return 1;
	(dot ? print_dot : print_text)(&g);
	faults = callers_faults(&g) + subscribers_faults(&g) + consumers_faults(&g);
	json_decref(g.root);
	return faults == 0 && fflush(stdout) == 0 ? 0 : 1;
}
