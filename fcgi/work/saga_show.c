/*
 * saga_show.c: sagas as staff see them: the list of what is open, and one with every step, both ways. Ids, codes, keys and times; a
 * request's bytes stay sealed.
 */
#include "work/saga_engine.h"

#include "base/json.h"

/* stuck: the deadline of what it waits for has passed, or it waits for nobody and has not moved for a quarter of an hour. */
#define STUCK \
	"(s.state IN ('running', 'compensating') AND (EXISTS (SELECT FROM saga_step x WHERE x.saga_id = s.id AND x.state = 'sent'" \
	" AND x.deadline < clock_timestamp()) OR (s.updated_at < clock_timestamp() - interval '15 min' AND NOT EXISTS" \
	" (SELECT FROM saga_step x WHERE x.saga_id = s.id AND x.state = 'sent'))))"
#define COLUMNS \
	"s.id, s.kind, s.subject, s.state, s.reason, s.turn_reason, s.decision ->> 'act' AS decided, s.version, s.created_at," \
	" s.updated_at, s.finished_at, " STUCK " AS stuck," \
	" (SELECT x.name FROM saga_step x WHERE x.saga_id = s.id AND x.state IN ('intent', 'sent', 'manual', 'compensating')" \
	"  ORDER BY x.undo DESC, x.step_no LIMIT 1) AS step"
static const char list_sql[] =
    "SELECT * FROM (SELECT " COLUMNS " FROM saga s WHERE s.state IN ('running', 'compensating', 'manual')) l"
    " WHERE $1 = 'open' OR ($1 = 'manual' AND state = 'manual') OR ($1 = 'stuck' AND stuck) ORDER BY created_at LIMIT 100";
static const char find_sql[] =
    "SELECT " COLUMNS " FROM saga s WHERE s.id = $1 OR s.subject = $1 OR s.data ->> 'submissionId' = $1::text"
    " ORDER BY s.created_at DESC LIMIT 1";
static const char rows_sql[] =
    "SELECT name, undo, gen, state, service, method, path, vendor_key, encode(request_digest, 'hex') AS digest, attempts, polls,"
    " reason, warning, result::text AS result, outcome::text AS outcome, created_at, intent_at, sent_at, deadline, finished_at"
    " FROM saga_step WHERE saga_id = $1 ORDER BY created_at, undo, step_no";

static void
time_member(struct json_writer *w, const char *key, const struct row *r, const char *column)
{
	if (!row_is_null(r, column))
		jw_time(w, key, row_time(r, column));
}

static void
write_saga(struct json_writer *w, const struct row *r)
{
	jw_uuid(w, "sagaId", row_uuid(r, "id"));
	jw_str(w, "kind", row_str(r, "kind"));
	jw_uuid(w, "subject", row_uuid(r, "subject"));
	jw_str(w, "state", row_str(r, "state"));
	jw_bool(w, "stuck", row_bool(r, "stuck"));
	jw_opt_str(w, "step", row_opt_str(r, "step"));
	jw_opt_str(w, "reason", row_opt_str(r, "reason"));
	jw_opt_str(w, "turning", row_opt_str(r, "turn_reason"));
	jw_opt_str(w, "decided", row_opt_str(r, "decided"));
	jw_int(w, "version", row_int(r, "version"));
	jw_time(w, "createdAt", row_time(r, "created_at"));
	jw_time(w, "updatedAt", row_time(r, "updated_at"));
	time_member(w, "finishedAt", r, "finished_at");
}

static void
write_step(struct json_writer *w, const struct row *r)
{
	jw_object(w, NULL);
	jw_str(w, "name", row_str(r, "name"));
	jw_bool(w, "undo", row_bool(r, "undo"));
	jw_int(w, "generation", row_int(r, "gen"));
	jw_str(w, "state", row_str(r, "state"));
	jw_opt_str(w, "service", row_opt_str(r, "service"));
	jw_opt_str(w, "method", row_opt_str(r, "method"));
	jw_opt_str(w, "path", row_opt_str(r, "path"));
	jw_opt_str(w, "key", row_opt_str(r, "vendor_key"));
	jw_opt_str(w, "requestDigest", row_opt_str(r, "digest"));
	jw_int(w, "attempts", row_int(r, "attempts"));
	jw_int(w, "polls", row_int(r, "polls"));
	jw_opt_str(w, "reason", row_opt_str(r, "reason"));
	jw_opt_str(w, "warning", row_opt_str(r, "warning"));
	if (!row_is_null(r, "result"))
		jw_raw(w, "result", row_str(r, "result"));
	if (!row_is_null(r, "outcome"))
		jw_raw(w, "outcome", row_str(r, "outcome"));
	jw_time(w, "createdAt", row_time(r, "created_at"));
	time_member(w, "intentAt", r, "intent_at");
	time_member(w, "sentAt", r, "sent_at");
	time_member(w, "deadline", r, "deadline");
	time_member(w, "finishedAt", r, "finished_at");
	jw_end(w);
}

int
saga_list_json(struct db *db, const char *which, struct json_writer *w, const char *key, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, list_sql, err, P_TEXT(which)) < 0)
		return -1;
	jw_array(w, key);
	for (size_t i = 0; i < rows_count(rows); i++) {
		jw_object(w, NULL);
		write_saga(w, rows_at(rows, i));
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

int
saga_whole_json(struct db *db, struct uuid id, struct json_writer *w, struct problem *err)
{
	const struct row *saga;
	struct rows *rows;

	if (db_one(db, &saga, find_sql, err, P_UUID(id)) < 0)
		return -1;
	if (saga == NULL)
		return problem(err, 404, "not_found", "no saga of that id, run or submission");
	if (db_all(db, &rows, rows_sql, err, P_UUID(row_uuid(saga, "id"))) < 0)
		return -1;
	jw_object(w, NULL);
	write_saga(w, saga);
	jw_array(w, "steps");
	for (size_t i = 0; i < rows_count(rows); i++)
		write_step(w, rows_at(rows, i));
	jw_end(w);
	jw_end(w);
	return 0;
}
