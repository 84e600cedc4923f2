/*
 * schema.h: a field table as JSON Schema 2020-12, and as an example that the table takes: for the reference of the routes and for
 * the schemas of the topics. Both write into a json_writer that the caller started; a member's name is NULL where json.h says so.
 */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include "base/field.h"
#include "base/json.h"

/* How deep a table is followed: one that names itself (trees) is cut there. */
#define SCHEMA_DEPTH 6

/* SENT: what is sent to us or published, with the limits it is held to; GIVEN: what we answer, whose limits nobody checks; BARE:
 * as SENT without descriptions and examples, so that two tables compare by what they take. */
enum direction { SENT, GIVEN, BARE };

void schema_table(struct json_writer *w, const char *key, const struct field *table, enum direction way);
void schema_members(struct json_writer *w, const struct field *table, enum direction way); /* into an object that is open */
void schema_scalar(struct json_writer *w, const char *key, const struct field *f);
/* A body that the table takes: each member's .example, or one made from its type and limits. */
void example_table(struct json_writer *w, const char *key, const struct field *table, int depth);
void example_scalar(struct json_writer *w, const char *key, const struct field *f);

#endif
