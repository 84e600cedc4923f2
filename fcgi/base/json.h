/*
 * json.h: a JSON writer that goes straight into a buffer (a tree that is built and dumped costs ten times as much).
 *
 * Members are written by jw_<type>(w, key, value); inside an array, and for the outermost value, key is NULL. Every jw_object
 * and jw_array is closed by jw_end. A key inside an array, a missing key inside an object or an unbalanced end is a bug and
 * aborts. Text must be UTF-8; control characters are escaped. jw_ok is false when the buffer passed its ceiling or something
 * is still open.
 *
 * Reading is jansson's business (json_t): json_read applies rule H6 (duplicate members refused, depth 32, no NUL) and ties the
 * result to the arena.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/problem.h"
#include "base/uuid.h"

#define JSON_DEPTH 32

struct json_writer {
	struct buf *out;
	int depth;
	bool array[JSON_DEPTH + 1]; /* by level; 0 is outside of everything */
	bool some[JSON_DEPTH + 1];
};

void jw_start(struct json_writer *w, struct buf *out);
void jw_object(struct json_writer *w, const char *key);
void jw_array(struct json_writer *w, const char *key);
void jw_end(struct json_writer *w);
void jw_str(struct json_writer *w, const char *key, const char *s); /* NULL writes null */
void jw_strn(struct json_writer *w, const char *key, const char *s, size_t n);
void jw_int(struct json_writer *w, const char *key, int64_t v);
void jw_bool(struct json_writer *w, const char *key, bool v);
void jw_null(struct json_writer *w, const char *key);
void jw_uuid(struct json_writer *w, const char *key, struct uuid v);          /* the nil UUID writes null */
void jw_time(struct json_writer *w, const char *key, int64_t us);             /* RFC 3339, UTC; 0 writes null */
void jw_opt_int(struct json_writer *w, const char *key, bool has, int64_t v); /* left out when !has */
void jw_opt_str(struct json_writer *w, const char *key, const char *s);       /* left out when NULL */
void jw_raw(struct json_writer *w, const char *key, const char *text);        /* text is trusted JSON, e.g. a jsonb column */
void jw_tree(struct json_writer *w, const char *key, const json_t *value);
bool jw_ok(const struct json_writer *w);

/* Parses text[n]; the tree lives as long as the arena. NULL with a 400 problem "malformed_json" when it is not JSON by rule H6. */
json_t *json_read(struct arena *a, const char *text, size_t n, struct problem *err) MUST_CHECK;

/* Looks a member up by a dotted path ("output.transactionShipments.0.masterTrackingNumber"); NULL when a part is missing. */
json_t *json_at(const json_t *root, const char *path);
const char *json_text_at(const json_t *root, const char *path); /* NULL when missing or no string */
int64_t json_int_at(const json_t *root, const char *path, int64_t otherwise);

#endif
