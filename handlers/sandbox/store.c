/*
 * store.c: table object.
 */
#include "sandbox/store.h"

static const char add_sql[] =
	"INSERT INTO object (vendor, type, id, subject, refs, data)"
	" VALUES ($1, $2, $3, $4, ARRAY(SELECT jsonb_array_elements_text($5::jsonb)), $6::jsonb)";

static const char get_sql[] =
	"SELECT seq, created_at, updated_at, clock_timestamp() AS now, data::text AS data FROM object"
	" WHERE vendor = $1 AND type = $2 AND id = $3";

static const char get_locked_sql[] =
	"SELECT seq, created_at, updated_at, clock_timestamp() AS now, data::text AS data FROM object"
	" WHERE vendor = $1 AND type = $2 AND id = $3 FOR UPDATE";

static const char put_sql[] =
	"UPDATE object SET data = $4::jsonb, updated_at = clock_timestamp(), subject = coalesce($5, subject),"
	" refs = CASE WHEN $6::jsonb IS NULL THEN refs ELSE ARRAY(SELECT jsonb_array_elements_text($6::jsonb)) END"
	" WHERE vendor = $1 AND type = $2 AND id = $3";

/* One parameter list, three statements: the one by subject has the index that the others must not miss; what is newer than an
 * object is listed from there, oldest first. */
#define LISTED_AMONG \
	" AND ($4::jsonb IS NULL OR data @> $4::jsonb) AND ($5::bigint = 0 OR seq < $5) AND seq > $6::bigint"
#define LISTED LISTED_AMONG " ORDER BY seq DESC LIMIT $7::bigint"
static const char list_after_sql[] =
	"SELECT data::text AS data FROM object WHERE vendor = $1 AND type = $2 AND ($3::text IS NULL OR subject = $3)" LISTED_AMONG
	" ORDER BY seq LIMIT $7::bigint";
static const char list_sql[] =
	"SELECT data::text AS data FROM object WHERE vendor = $1 AND type = $2 AND $3::text IS NULL" LISTED;
static const char list_by_subject_sql[] =
	"SELECT data::text AS data FROM object WHERE vendor = $1 AND type = $2 AND subject = $3" LISTED;

static const char *
refs_text(struct db *db, const json_t *refs)
{
	return refs != NULL ? sb_dump(db_current_arena(db), refs) : NULL;
}

int
sb_add(struct db *db, const struct object *o, struct problem *err)
{
	const char *refs = refs_text(db, o->refs);

	return db_exec(db, add_sql, err, P_TEXT(o->vendor), P_TEXT(o->type), P_TEXT(o->id), P_TEXT(o->subject),
	    P_TEXT(refs != NULL ? refs : "[]"), P_TEXT(sb_dump(db_current_arena(db), o->data))) < 0 ? -1 : 0;
}

int
sb_get(struct db *db, const char *vendor, const char *type, const char *id, bool lock, struct found *ret, struct problem *err)
{
	const struct row *w = NULL;
	const char *data;
	int rc;

	if (lock)
		rc = db_one(db, &w, get_locked_sql, err, P_TEXT(vendor), P_TEXT(type), P_TEXT(id));
	else
		rc = db_one(db, &w, get_sql, err, P_TEXT(vendor), P_TEXT(type), P_TEXT(id));
	*ret = (struct found){ 0 };
	if (rc < 0)
		return -1;
	if (w == NULL)
		return 0;
	ret->seq = row_int(w, "seq");
	ret->created = row_time(w, "created_at");
	ret->updated = row_time(w, "updated_at");
	ret->now = row_time(w, "now");
	data = row_str(w, "data");
	ret->data = json_read(db_current_arena(db), data, strlen(data), err);
	return ret->data != NULL ? 0 : -1;
}

int
sb_put(struct db *db, const struct object *o, struct problem *err)
{
	return db_exec(db, put_sql, err, P_TEXT(o->vendor), P_TEXT(o->type), P_TEXT(o->id),
	    P_TEXT(sb_dump(db_current_arena(db), o->data)), P_TEXT(o->subject), P_TEXT(refs_text(db, o->refs))) < 0 ? -1 : 0;
}

int
sb_list(struct db *db, const struct listing *l, json_t **ret, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct rows *rows;
	int rc;

#define LIST_PARAMS \
	P_TEXT(l->vendor), P_TEXT(l->type), P_TEXT(l->subject), P_TEXT(l->containing), P_INT(l->before), P_INT(l->after), \
	    P_INT(l->limit)
	if (l->after > 0)
		rc = db_all(db, &rows, list_after_sql, err, LIST_PARAMS);
	else if (l->subject != NULL)
		rc = db_all(db, &rows, list_by_subject_sql, err, LIST_PARAMS);
	else
		rc = db_all(db, &rows, list_sql, err, LIST_PARAMS);
#undef LIST_PARAMS
	if (rc < 0)
		return -1;
	*ret = sb_keep(a, json_array());
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *text = row_str(rows_at(rows, i), "data");
		json_t *data = json_read(a, text, strlen(text), err);

		if (data == NULL)
			return -1;
		json_array_append(*ret, data);
	}
	return 0;
}

static void
ref_add(json_t *refs, const char *text)
{
	if (text != NULL && *text != '\0')
		json_array_append_new(refs, json_string(text));
}

json_t *
sb_refs(struct arena *a, const json_t *metadata, ...)
{
	json_t *refs = sb_keep(a, json_array());
	const char *key, *text;
	json_t *value;
	va_list ap;

	json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
		ref_add(refs, json_string_value(value));
	va_start(ap, metadata);
	while ((text = va_arg(ap, const char *)) != NULL)
		ref_add(refs, text);
	va_end(ap);
	return refs;
}

json_t *
sb_shown(struct arena *a, const json_t *data)
{
	json_t *copy = sb_keep(a, json_object());
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)data, key, value)
		if (key[0] != '_')
			json_object_set(copy, key, value);
	return copy;
}
