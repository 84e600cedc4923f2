/*
 * saga.c: what services call. Starting and resuming write rows and wake the engine; they run in the caller's transaction and
 * need no table of steps.
 */
#include "work/saga_engine.h"

#include "base/json.h"

static const char start_sql[] =
    "INSERT INTO saga (id, tenant_id, kind, subject, data, request_id) VALUES ($1, $2, $3, $4, $5::jsonb, $6)"
    " ON CONFLICT (kind, subject) DO NOTHING";
static const char find_sql[] = "SELECT id FROM saga WHERE kind = $1 AND subject = $2";
static const char lock_sql[] = "SELECT id, state FROM saga WHERE kind = $1 AND subject = $2 FOR UPDATE";
/* Manual is waited on too, as long as nothing has been undone: evidence may come late. */
static const char outcome_sql[] =
    "UPDATE saga_step s SET outcome = jsonb_build_object('ok', $3::boolean, 'reason', $4::text, 'detail',"
    " coalesce($5::jsonb, '{}'))"
    " WHERE saga_id = $1 AND name = $2 AND NOT undo AND outcome IS NULL"
    "  AND (state IN ('intent', 'sent', 'unknown') OR (state = 'manual'"
    "   AND NOT EXISTS (SELECT FROM saga_step u WHERE u.saga_id = $1 AND u.undo)))";
static const char park_sql[] =
    "UPDATE saga_step SET outcome = jsonb_build_object('park', true, 'reason', $3::text)"
    " WHERE saga_id = $1 AND name = $2 AND NOT undo AND outcome IS NULL AND state IN ('intent', 'sent')";
/* That it is done counts late too; that it is not changes nothing for who waits for a person already. */
static const char undone_sql[] =
    "UPDATE saga_step SET outcome = jsonb_build_object('ok', $3::boolean, 'reason', $4::text)"
    " WHERE saga_id = $1 AND name = $2 AND undo AND outcome IS NULL"
    "  AND (state IN ('intent', 'sent') OR (state = 'manual' AND $3::boolean))";
static const char turn_sql[] =
    "UPDATE saga SET turn_reason = coalesce(turn_reason, $3), updated_at = clock_timestamp() WHERE id = $1"
    " AND state IN ('running', 'manual', 'completed') AND EXISTS (SELECT FROM saga_step WHERE saga_id = $1 AND name = $2 AND NOT undo"
    "  AND (state = 'confirmed' OR (outcome ->> 'ok')::boolean))"
    " AND NOT EXISTS (SELECT FROM saga_step WHERE saga_id = $1 AND undo)";
static const char hurry_sql[] =
    "UPDATE job SET run_at = clock_timestamp() WHERE kind = 'saga.step' AND unique_key = $1 AND state = 'ready'"
    " AND run_at > clock_timestamp()";
static const char steps_sql[] =
    "SELECT name, state, coalesce(intent_at, created_at) AS started_at, finished_at, warning, reason, result::text AS result"
    " FROM saga_step WHERE saga_id = $1 AND NOT undo ORDER BY created_at, step_no";

int
saga_wake(struct db *db, struct uuid id, struct problem *err)
{
	char text[UUID_TEXT];

	uuid_text(id, text);
	if (job_enqueue_id(db, "saga.step", "sagaId", id, err) < 0)
		return -1;
	return db_exec(db, hurry_sql, err, P_TEXT(text)) < 0 ? -1 : 0;
}

int
saga_start(struct db *db, const char *kind, struct uuid subject, const char *data, struct uuid *id, struct problem *err)
{
	const struct scope *s = db_scope(db);
	const struct row *w;
	struct uuid fresh = uuid_new();
	int64_t made = db_exec(db, start_sql, err, P_UUID(fresh), P_UUID(s->tenant), P_TEXT(kind), P_UUID(subject),
	    P_TEXT(data == NULL ? "{}" : data), P_TEXT(s->request_id));

	if (made < 0)
		return -1;
	if (made > 0) {
		*id = fresh;
		return saga_wake(db, fresh, err);
	}
	if (db_one(db, &w, find_sql, err, P_TEXT(kind), P_UUID(subject)) < 0)
		return -1;
	if (w == NULL) {
		problem(err, 409, "saga_conflict", "the saga is being started elsewhere");
		err->fault = FAULT_RETRY;
		return -1;
	}
	*id = row_uuid(w, "id");
	return 0;
}

/* nil: there is none. */
static int
lock(struct db *db, const char *kind, struct uuid subject, struct uuid *id, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, lock_sql, err, P_TEXT(kind), P_UUID(subject)) < 0)
		return -1;
	*id = w == NULL ? UUID_NIL : row_uuid(w, "id");
	return 0;
}

/* noted: what an update did; the engine is woken when it did something. */
static int
wake_if(struct db *db, struct uuid id, int64_t noted, struct problem *err)
{
	if (noted < 0)
		return -1;
	return noted == 0 ? 0 : saga_wake(db, id, err);
}

int
saga_resume(struct db *db, const char *kind, struct uuid subject, const char *step, bool ok, const char *reason, const char *detail,
    struct problem *err)
{
	struct uuid id;

	if (lock(db, kind, subject, &id, err) < 0)
		return -1;
	return wake_if(db, id,
	    db_exec(db, outcome_sql, err, P_UUID(id), P_TEXT(step), P_BOOL(ok), P_TEXT(reason), P_TEXT(detail)), err);
}

int
saga_park(struct db *db, const char *kind, struct uuid subject, const char *step, const char *reason, struct problem *err)
{
	struct uuid id;

	if (lock(db, kind, subject, &id, err) < 0)
		return -1;
	return wake_if(db, id, db_exec(db, park_sql, err, P_UUID(id), P_TEXT(step), P_TEXT(reason)), err);
}

int
saga_undone(struct db *db, const char *kind, struct uuid subject, const char *step, bool ok, const char *reason, struct problem *err)
{
	struct uuid id;

	if (lock(db, kind, subject, &id, err) < 0)
		return -1;
	return wake_if(db, id, db_exec(db, undone_sql, err, P_UUID(id), P_TEXT(step), P_BOOL(ok), P_TEXT(reason)), err);
}

int
saga_turn_back(struct db *db, const char *kind, struct uuid subject, const char *step, const char *reason, struct problem *err)
{
	struct uuid id;

	if (lock(db, kind, subject, &id, err) < 0)
		return -1;
	return wake_if(db, id, db_exec(db, turn_sql, err, P_UUID(id), P_TEXT(step), P_TEXT(reason)), err);
}

/* ---- data */

void
saga_put(struct saga *s, const char *key, json_t *value)
{
	json_object_set(s->result, key, value);
	json_object_set_new(s->data, key, value);
}

struct uuid
saga_uuid(const struct saga *s, const char *key)
{
	const char *text = json_text_at(s->data, key);
	struct uuid u;

	return text != NULL && uuid_parse(text, &u) == 0 ? u : UUID_NIL;
}

const char *
saga_str(const struct saga *s, const char *key)
{
	const char *text = json_text_at(s->data, key);

	return text == NULL ? "" : text;
}

int64_t
saga_int(const struct saga *s, const char *key)
{
	return json_int_at(s->data, key, 0);
}

int
saga_steps_json(struct db *db, struct uuid id, struct json_writer *w, const char *key, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, steps_sql, err, P_UUID(id)) < 0)
		return -1;
	jw_array(w, key);
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *r = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "name", row_str(r, "name"));
		jw_str(w, "state", row_str(r, "state"));
		jw_time(w, "startedAt", row_time(r, "started_at"));
		if (!row_is_null(r, "finished_at"))
			jw_time(w, "finishedAt", row_time(r, "finished_at"));
		jw_opt_str(w, "warning", row_opt_str(r, "warning"));
		jw_opt_str(w, "reason", row_opt_str(r, "reason"));
		if (!row_is_null(r, "result"))
			jw_raw(w, "result", row_str(r, "result"));
		jw_end(w);
	}
	jw_end(w);
	return 0;
}
