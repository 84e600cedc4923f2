/*
 * saga_undo.c: the way back (rule M7). Confirmed steps that can be undone are, last first; each undo is an intent of its own
 * under a key of its own, repeated until the callee has taken it, and where the step says so until its outcome is known. The first
 * that is finally refused stops the way back: an earlier step may only be undone when all that stands on it is gone.
 */
#include "work/saga_engine.h"

#include "base/json.h"

/* Its own turn, then it is over: a dry step did nothing. */
static bool
undoable(const struct saga_run *r, size_t no)
{
	const struct saga_step *step = &r->kind->steps[no];
	const struct step_row *row = &r->forward[no];

	return !step->dry && step->undo != NULL && (step_is(row, "confirmed") || step_is(row, "compensating"));
}

bool
saga_can_undo(const struct saga_run *r)
{
	for (size_t no = 0; no < r->kind->nsteps; no++)
		if (undoable(r, no))
			return true;
	return false;
}

int
saga_turn(struct saga_run *r, const char *reason, struct problem *err)
{
	const char *why_not = NULL;

	r->turn = NULL;
	if (!saga_can_undo(r))
		return saga_end(r, "failed", reason, err);
	if (r->kind->may_turn != NULL && r->kind->may_turn(&r->s, &why_not, err) < 0)
		return -1;
	if (why_not != NULL)
		return saga_end(r, "manual", why_not, err);
	r->s.state = "compensating";
	r->reason = reason;
	return 0;
}

int
saga_step_undone(struct saga_run *r, size_t no, struct problem *err)
{
	if (step_move(r, &r->undo[no], &(struct step_news){ .state = "confirmed" }, err) < 0 ||
	    step_move(r, &r->forward[no], &(struct step_news){ .state = "compensated" }, err) < 0)
		return -1;
	return saga_moved(r, no, "compensated", NULL, err);
}

int
saga_not_undone(struct saga_run *r, size_t no, const char *code, struct problem *err)
{
	struct step_news manual = { .state = "manual", .reason = code };

	r->s.step = (int)no;
	if (step_is(&r->forward[no], "confirmed") &&
	    step_move(r, &r->forward[no], &(struct step_news){ .state = "compensating" }, err) < 0)
		return -1;
	if (step_move(r, &r->undo[no], &manual, err) < 0 || step_move(r, &r->forward[no], &manual, err) < 0 ||
	    saga_moved(r, no, "manual", code, err) < 0)
		return -1;
	return saga_end(r, "manual", arena_printf(r->s.arena, "%s_not_undone", r->kind->steps[no].name), err);
}

/* What the open transaction wrote is undone before the refusal is written. */
static int
refused(struct job *j, struct uuid id, size_t no, const char *code, struct problem *err)
{
	struct saga_run r;

	db_rollback(j->db);
	problem_clear(err);
	if (job_begin(j, err) < 0 || saga_lock(j, id, &r, err) < 0 || saga_not_undone(&r, no, code, err) < 0)
		return -1;
	return saga_progress(&r, err);
}

static int
apply_outcome(struct saga_run *r, size_t no, struct problem *err)
{
	const char *text = r->undo[no].outcome, *reason;
	json_t *outcome = json_read(r->s.arena, text, strlen(text), err);

	if (outcome == NULL)
		return -1;
	if (json_is_true(json_object_get(outcome, "ok")))
		return saga_step_undone(r, no, err);
	reason = json_text_at(outcome, "reason");
	if (step_afresh(r, &r->undo[no], err) < 0)
		return -1;
	return saga_not_undone(r, no, reason == NULL ? "refused" : arena_dup(r->s.arena, reason), err);
}

/* Transaction B. */
static int
taken(struct job *j, struct uuid id, size_t no, struct problem *err)
{
	struct saga_run r;
	int rc;

	if (job_begin(j, err) < 0 || saga_lock(j, id, &r, err) < 0)
		return -1;
	r.s.step = (int)no;
	if (!step_is(&r.undo[no], "intent")) /* whoever has it now goes on from there */
		return job_end(j, err) < 0 ? -1 : 0;
	if (r.kind->steps[no].undo_poll == NULL)
		rc = saga_step_undone(&r, no, err);
	else if ((rc = saga_await(&r, &r.undo[no], false, err)) == 0 && r.undo[no].outcome != NULL)
		rc = apply_outcome(&r, no, err);
	return rc < 0 ? -1 : saga_progress(&r, err);
}

static int
call_undo(struct saga_run *r, size_t no, const struct saga_call *call, struct problem *err)
{
	struct job *j = r->job;
	const char *key = r->undo[no].vendor_key, *code;
	const json_t *reply;
	struct uuid id = r->s.id;
	int sent;

	r->s.step = (int)no;
	SAGA_POINT(r, "before_a");
	if (saga_save(r, err) < 0 || job_commit(j, err) < 0)
		return -1;
	SAGA_POINT(r, "after_a");
	sent = saga_send(j, call, key, &reply, &code, err);
	SAGA_POINT(r, "after_send");
	if (sent < 0)
		return -1;
	return sent == 0 ? refused(j, id, no, code, err) : taken(j, id, no, err);
}

static int
begin_undo(struct saga_run *r, size_t no, struct problem *err)
{
	struct saga_call call = { 0 };

	if (r->kind->steps[no].undo(&r->s, &call, err) < 0) {
		if (err->fault != FAULT_PERMANENT)
			return -1;
		return refused(r->job, r->s.id, no, arena_dup(r->s.arena, err->code), err);
	}
	if (call.service == NULL)
		return saga_step_undone(r, no, err) < 0 ? -1 : saga_progress(r, err);
	if (step_insert(r, &r->undo[no], "intent", &call, err) < 0 ||
	    step_move(r, &r->forward[no], &(struct step_news){ .state = "compensating" }, err) < 0)
		return -1;
	return call_undo(r, no, &call, err);
}

static int
go_on_with(struct saga_run *r, size_t no, struct problem *err)
{
	struct step_row *row = &r->undo[no];
	struct saga_call call;

	r->s.step = (int)no;
	if (row->state == NULL)
		return begin_undo(r, no, err);
	if (step_is(row, "intent"))
		return step_open(r, row, &call, err) < 0 ? -1 : call_undo(r, no, &call, err);
	if (row->outcome != NULL)
		return apply_outcome(r, no, err) < 0 ? -1 : saga_progress(r, err);
	return job_end(r->job, err) < 0 ? -1 : 0; /* sent: an event or the deadline wakes us */
}

int
saga_backward(struct saga_run *r, struct problem *err)
{
	for (size_t i = r->kind->nsteps; i > 0; i--)
		if (undoable(r, r->order[i - 1]))
			return go_on_with(r, r->order[i - 1], err);
	if (saga_end(r, "compensated", r->reason, err) < 0)
		return -1;
	return saga_progress(r, err);
}
