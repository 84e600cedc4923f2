/* audit_alarm.c: see audit_alarm.h. */
#include "core.h"

#include "base/json.h"
#include "base/log.h"
#include "data/attention.h"
#include "data/audit_alarm.h"

#define MOST 20 /* alarms that one work item tells of; the others follow at the next look */

static const char alarm_sql[] = "INSERT INTO audit_alarm (found_by, code, says) VALUES ($1, $2, $3)";
static const char taken_sql[] =
    "WITH taken AS (DELETE FROM audit_alarm WHERE id IN (SELECT id FROM audit_alarm ORDER BY at, id LIMIT $1)"
    "  RETURNING at, found_by, code, says)"
    " SELECT at, found_by, code, says FROM taken ORDER BY at";

int
audit_alarm(struct db *db, const char *by, const char *code, const char *says, struct problem *err)
{
	const struct scope scope = { .actor = "system:audit" };

	if (db_begin(db, WRITE, &scope, err) < 0)
		return -1;
	if (db_exec(db, alarm_sql, err, P_TEXT(by), P_TEXT(code), P_TEXT(says)) < 0) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, err);
}

static const char *
detail_of(struct db *db, struct rows *rows)
{
	struct buf b = buf_in(db_current_arena(db), 16384);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_array(&w, "found");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *row = rows_at(rows, i);

		jw_object(&w, NULL);
		jw_time(&w, "at", row_time(row, "at"));
		jw_str(&w, "by", row_str(row, "found_by"));
		jw_str(&w, "code", row_str(row, "code"));
		jw_str(&w, "says", row_str(row, "says"));
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	return buf_str(&b);
}

int
audit_alarms_raise(struct db *db, const char *service, struct problem *err)
{
	struct attention tampered = { .kind = "audit.tampered", .subject = service };
	struct rows *rows;

	if (db_all(db, &rows, taken_sql, err, P_INT(MOST)) < 0)
		return -1;
	if (rows_count(rows) == 0)
		return 0;
	tampered.code = row_str(rows_at(rows, 0), "code");
	tampered.detail = detail_of(db, rows);
	return attention_raise(db, &tampered, err);
}
