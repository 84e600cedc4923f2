/* show.c: see show.h. */
#include "core.h"

#include <pwd.h>

#include "base/json.h"
#include "data/audit.h"
#include "sealer/show.h"

static const char show_sql[] =
    "SELECT * FROM (SELECT id, at, actor, on_behalf, action, object, object_id, outcome, reason, request_id, source, detail::text AS detail"
    " FROM audit WHERE ($1::text IS NULL OR object_id = $1 OR detail::jsonb ->> 'patientId' = $1)"
    " AND ($2::text IS NULL OR actor = $2 OR on_behalf = $2) AND ($3::text IS NULL OR action = $3)"
    " AND ($4::text IS NULL OR request_id = $4) AND ($5::timestamptz IS NULL OR at >= $5::timestamptz)"
    " AND ($6::timestamptz IS NULL OR at < $6::timestamptz) ORDER BY at DESC LIMIT $7) newest ORDER BY at, id";

static const char *
operator_name(struct arena *a)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw != NULL ? arena_printf(a, "operator:%s", pw->pw_name) : arena_printf(a, "operator:%u", (unsigned)getuid());
}

static void
print_row(const char *name, const struct row *w)
{
	static const char *const texts[] = { "at", "actor", "on_behalf", "action", "object", "object_id", "outcome", "reason",
		"request_id", "source", "detail" };
	struct buf out = BUF_INIT((size_t)1024 * 1024);
	struct json_writer j;

	jw_start(&j, &out);
	jw_object(&j, NULL);
	jw_str(&j, "log", name);
	for (size_t i = 0; i < COUNT(texts); i++)
		if (!row_is_null(w, texts[i]))
			jw_str(&j, texts[i], row_str(w, texts[i]));
	jw_end(&j);
	puts(buf_str(&out));
	buf_release(&out);
}

int
show_rows(struct db *db, const char *name, const struct show *what, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct scope scope = { .actor = operator_name(a) };
	const struct audit_entry looked = { .action = "audit.show", .object = "audit", .object_id = what->object };
	struct rows *rows;

	if (db_begin(db, WRITE, &scope, err) < 0)
		return -1;
	if (db_all(db, &rows, show_sql, err, P_TEXT(what->object), P_TEXT(what->actor), P_TEXT(what->action), P_TEXT(what->request),
		P_TEXT(what->since), P_TEXT(what->until), P_INT(what->limit)) < 0 ||
	    audit_add(db, &looked, err) < 0 || db_commit(db, err) < 0) {
		db_rollback(db);
		return -1;
	}
	for (size_t i = 0; i < rows_count(rows); i++)
		print_row(name, rows_at(rows, i));
	return 0;
}
