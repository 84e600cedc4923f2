/*
 * openapi.h: what the two files that print the reference share; nobody else includes it. openapi.c writes the document and its operations,
 * openapi_problem.c the refusals of a row; base/schema.c field tables as JSON Schema and as examples.
 */
#ifndef WEB_OPENAPI_H
#define WEB_OPENAPI_H

#include "base/json.h"
#include "base/schema.h"
#include "web/web_private.h"

/* The refusals of a row as members of "responses": the core's own, by what the row asks of a client, and those of .problems. */
void problem_responses(struct json_writer *w, const struct route *row);
/* Members of "components": the schema Problem, and an example for each refusal that the rows name. */
void problem_schema(struct json_writer *w);
void problem_examples(struct json_writer *w, const struct route *const *rows, size_t n);

#endif
