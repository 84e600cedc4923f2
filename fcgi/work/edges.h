/*
 * edges.h: the one table of legal moves of sagas, their steps and effects (rule M9).
 *
 * The same edges stand in the database as triggers (legal_edges in sql/common/140_sagas.sql), for those who come another way; a test
 * compares the two. A row's birth is the edge from "": the database has no trigger for it, a new row is written by this program only.
 */
#ifndef WORK_EDGES_H
#define WORK_EDGES_H

#include <stdbool.h>
#include <stddef.h>

struct edge {
	const char *from, *to;
};

struct edges {
	const char *table; /* whose column state moves along them */
	const struct edge *edge;
	size_t n;
};

extern const struct edges saga_edges, step_edges, effect_edges;

bool edge_legal(const struct edges *e, const char *from, const char *to);

#endif
