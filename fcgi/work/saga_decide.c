/*
 * saga_decide.c: takes a person's decision about a saga that is manual. It is written down and the engine is woken; nothing is done
 * here, so that the request needs neither keys nor peers.
 */
#include "work/saga_engine.h"

#include "base/json.h"

static const char lock_sql[] =
    "SELECT state, decision ->> 'act' AS act, decision ->> 'step' AS step FROM saga WHERE id = $1 AND kind = $2 FOR UPDATE";
static const char manual_sql[] =
    "SELECT f.name, f.sent_at IS NOT NULL AS answered, coalesce(u.service, f.service) IS NOT NULL AS has_request,"
    " u.id IS NOT NULL AS undo FROM saga_step f"
    " LEFT JOIN saga_step u ON u.saga_id = f.saga_id AND u.step_no = f.step_no AND u.undo AND u.state = 'manual'"
    " WHERE f.saga_id = $1 AND NOT f.undo AND f.state = 'manual'";
static const char write_sql[] =
    "UPDATE saga SET decision = jsonb_build_object('act', $2::text, 'step', $3::text, 'code', $4::text, 'by', $5::text),"
    " updated_at = clock_timestamp() WHERE id = $1";

static const char *const acts[] = { [SAGA_CONFIRM] = "confirm", [SAGA_FAILED] = "failed", [SAGA_RETRY] = "retry" };

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct saga_step *
step_called(const struct saga_kind *kind, const char *name)
{
	for (size_t i = 0; i < kind->nsteps; i++)
		if (strcmp(kind->steps[i].name, name) == 0)
			return &kind->steps[i];
	return NULL;
}

/* w: the manual step, NULL when the saga is manual as a whole. */
static int
check(const struct saga_kind *kind, const struct row *w, const struct saga_decision *d, struct problem *err)
{
	const char *name = w == NULL ? NULL : row_str(w, "name");
	const struct saga_step *step = name == NULL ? NULL : step_called(kind, name);

	if (!same(name, d->step))
		return problem(err, 409, "other_step", "what needs a decision is %s", name == NULL ? "the whole" : name);
	if (step == NULL)
		return 0;
	if (d->act == SAGA_RETRY && !row_bool(w, "has_request"))
		return problem(err, 409, "nothing_to_repeat", "%s was never asked for", name);
	if (d->act == SAGA_CONFIRM && !row_bool(w, "undo") && step->take != NULL && !row_bool(w, "answered"))
		return problem(err, 409, "no_answer", "later steps need what the callee of %s answers", name);
	return 0;
}

int
saga_decide(struct db *db, const struct saga_kind *kind, struct uuid id, const struct saga_decision *d, struct problem *err)
{
	const struct row *w, *manual;
	char text[UUID_TEXT];

	if (db_one(db, &w, lock_sql, err, P_UUID(id), P_TEXT(kind->name)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such saga");
	if (strcmp(row_str(w, "state"), "manual") != 0)
		return problem(err, 409, "not_manual", "the saga is %s", row_str(w, "state"));
	if (!row_is_null(w, "act")) {
		if (strcmp(row_str(w, "act"), acts[d->act]) == 0 && same(row_opt_str(w, "step"), d->step))
			return 0;
		return problem(err, 409, "decided_otherwise", "%s was decided before", row_str(w, "act"));
	}
	if (db_one(db, &manual, manual_sql, err, P_UUID(id)) < 0 || check(kind, manual, d, err) < 0)
		return -1;
	if (db_exec(db, write_sql, err, P_UUID(id), P_TEXT(acts[d->act]), P_TEXT(d->step),
		P_TEXT(d->act == SAGA_FAILED ? "decided_failed" : NULL), P_TEXT(d->by)) < 0 ||
	    audit_add(db,
		&(struct audit_entry){ .action = "saga.decided",
		    .object = "saga",
		    .object_id = uuid_text(id, text),
		    .reason = d->reason,
		    .detail = arena_printf(db_current_arena(db), "{\"act\":\"%s\"}", acts[d->act]) },
		err) < 0)
		return -1;
	return saga_wake(db, id, err);
}
