/*
 * template_tree.h: what template_parse.c hands to template.c; private to these two. Nodes point into the parsed text and live in
 * the arena.
 */
#ifndef BASE_TEMPLATE_TREE_H
#define BASE_TEMPLATE_TREE_H

#include "base/arena.h"
#include "base/problem.h"

#define TEMPLATE_DEPTH 16

enum node_type { NODE_TEXT, NODE_ESCAPED, NODE_RAW, NODE_SECTION, NODE_INVERTED, NODE_PARTIAL };

struct node {
	enum node_type type;
	const char *p; /* text, or the name */
	size_t n;
	const char *indent; /* partial that stands alone: what its lines begin with */
	size_t nindent;
	struct node *children;
	struct node *next;
};

/* -1 with a 500 problem "bad_template" that names the line. An empty template gives *ret NULL. */
int template_parse(struct arena *a, const char *text, struct node **ret, struct problem *err) MUST_CHECK;

#endif
