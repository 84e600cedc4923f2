/*
 * openapi.h: what the three files that print the reference share; nobody else includes it. openapi.c writes the document and its operations,
 * openapi_schema.c field tables as JSON Schema and as examples, openapi_problem.c the refusals of a row.
 */
#ifndef WEB_OPENAPI_H
#define WEB_OPENAPI_H

#include "base/json.h"
#include "web/web_private.h"

/* How deep a table is followed: one that names itself (trees) is cut there. */
#define SCHEMA_DEPTH 6

/* SENT: what a client sends, with the limits it is held to; GIVEN: what we answer, whose limits nobody checks. */
enum direction { SENT, GIVEN };

void schema_table(struct json_writer *w, const char *key, const struct field *table, enum direction way);
void schema_scalar(struct json_writer *w, const char *key, const struct field *f);
/* A body that the table takes: each member's .example, or one made from its type and limits. */
void example_table(struct json_writer *w, const char *key, const struct field *table, int depth);
void example_scalar(struct json_writer *w, const char *key, const struct field *f);

/* The refusals of a row as members of "responses": the core's own, by what the row asks of a client, and those of .problems. */
void problem_responses(struct json_writer *w, const struct route *row);
/* Members of "components": the schema Problem, and an example for each refusal that the rows name. */
void problem_schema(struct json_writer *w);
void problem_examples(struct json_writer *w, const struct route *const *rows, size_t n);

#endif
