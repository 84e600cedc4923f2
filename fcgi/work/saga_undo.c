/*
 * saga_undo.c: the way back (rule M7). Confirmed steps that can be undone are, last first; each undo is an intent of its own
 * under a key of its own, repeated until the callee has taken it. The first that is finally refused stops the way back: an
 * earlier step may only be undone when all that stands on it is gone.
 */
#include "work/saga_engine.h"

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

static int
undone(struct saga_run *r, size_t no, struct problem *err)
{
	if (step_move(r, &r->undo[no], &(struct step_news){ .state = "confirmed" }, err) < 0 ||
	    step_move(r, &r->forward[no], &(struct step_news){ .state = "compensated" }, err) < 0 ||
	    saga_moved(r, no, "compensated", NULL, err) < 0)
		return -1;
	return saga_progress(r, err);
}

/* A person must undo this one, and decide about those before it. */
static int
not_undone(struct job *j, struct uuid id, size_t no, const char *code, struct problem *err)
{
	struct step_news manual = { .state = "manual", .reason = code };
	struct saga_run r;

	db_rollback(j->db);
	problem_clear(err);
	if (job_begin(j, err) < 0 || saga_lock(j, id, &r, err) < 0)
		return -1;
	r.s.step = (int)no;
	if (step_is(&r.forward[no], "confirmed") &&
	    step_move(&r, &r.forward[no], &(struct step_news){ .state = "compensating" }, err) < 0)
		return -1;
	if (step_move(&r, &r.undo[no], &manual, err) < 0 || step_move(&r, &r.forward[no], &manual, err) < 0 ||
	    saga_moved(&r, no, "manual", code, err) < 0 ||
	    saga_end(&r, "manual", arena_printf(j->arena, "%s_not_undone", r.kind->steps[no].name), err) < 0)
		return -1;
	return saga_progress(&r, err);
}

static int
call_undo(struct saga_run *r, size_t no, const struct saga_call *call, struct problem *err)
{
	struct job *j = r->job;
	const char *key = r->undo[no].vendor_key, *code;
	const json_t *reply;
	struct uuid id = r->s.id;
	struct saga_run b;
	int sent;

	r->s.step = (int)no;
	if (saga_save(r, err) < 0 || job_commit(j, err) < 0)
		return -1;
	sent = saga_send(j, call, key, &reply, &code, err);
	if (sent < 0)
		return -1;
	if (sent == 0)
		return not_undone(j, id, no, code, err);
	if (job_begin(j, err) < 0 || saga_lock(j, id, &b, err) < 0)
		return -1;
	b.s.step = (int)no;
	if (!step_is(&b.undo[no], "intent"))
		return job_end(j, err) < 0 ? -1 : 0;
	return undone(&b, no, err);
}

static int
begin_undo(struct saga_run *r, size_t no, struct problem *err)
{
	struct saga_call call = { 0 };
	const char *code;

	if (r->kind->steps[no].undo(&r->s, &call, err) < 0) {
		if (err->fault != FAULT_PERMANENT)
			return -1;
		code = arena_dup(r->s.arena, err->code);
		return not_undone(r->job, r->s.id, no, code, err);
	}
	if (call.service == NULL)
		return undone(r, no, err);
	if (step_insert(r, &r->undo[no], "intent", &call, err) < 0 ||
	    step_move(r, &r->forward[no], &(struct step_news){ .state = "compensating" }, err) < 0)
		return -1;
	return call_undo(r, no, &call, err);
}

int
saga_backward(struct saga_run *r, struct problem *err)
{
	struct saga_call call;

	for (size_t i = r->kind->nsteps; i > 0; i--) {
		size_t no = r->order[i - 1];

		if (!undoable(r, no))
			continue;
		r->s.step = (int)no;
		if (r->undo[no].state == NULL)
			return begin_undo(r, no, err);
		return step_open(r, &r->undo[no], &call, err) < 0 ? -1 : call_undo(r, no, &call, err);
	}
	if (saga_end(r, "compensated", r->reason, err) < 0)
		return -1;
	return saga_progress(r, err);
}
