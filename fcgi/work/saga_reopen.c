/*
 * saga_reopen.c: out of manual again, by news that came late or by what a person decided; and out of completed, when what a step
 * achieved is gone. At most one step of a saga is manual, for the engine stops at the first.
 */
#include "work/saga_engine.h"

#include "base/json.h"

static bool
turned_back(const struct saga_run *r)
{
	for (size_t no = 0; no < r->kind->nsteps; no++)
		if (r->undo[no].state != NULL)
			return true;
	return false;
}

/* The manual step; nsteps when the saga is manual as a whole. */
static size_t
manual_step(const struct saga_run *r)
{
	for (size_t no = 0; no < r->kind->nsteps; no++)
		if (step_is(&r->forward[no], "manual"))
			return no;
	return r->kind->nsteps;
}

static int
left(struct saga_run *r, const char *state, struct problem *err)
{
	r->s.state = state;
	if (strcmp(state, "running") == 0)
		r->reason = NULL;
	return r->kind->reopened == NULL ? 0 : r->kind->reopened(&r->s, err);
}

int
saga_turn_ended(struct saga_run *r, struct problem *err)
{
	const char *was = r->s.state;

	if (left(r, "compensating", err) < 0)
		return -1;
	r->s.state = was;
	return saga_turn(r, r->turn, err);
}

/* ---- what a person decided */

/* It waits as before: for its callee's answer, or for the outcome of what its callee took. */
static int
again(struct saga_run *r, struct step_row *row, struct problem *err)
{
	if (step_afresh(r, row, err) < 0)
		return -1;
	return row->answered ? saga_await(r, row, true, err) : step_move(r, row, &(struct step_news){ .state = "intent" }, err);
}

static int
decide_forward(struct saga_run *r, size_t no, const char *act, const char *reason, struct problem *err)
{
	if (left(r, "running", err) < 0)
		return -1;
	if (strcmp(act, "confirm") == 0)
		return saga_confirm(r, no, NULL, err);
	if (strcmp(act, "failed") == 0)
		return saga_fail_step(r, no, reason, err);
	return again(r, &r->forward[no], err);
}

static int
decide_undo(struct saga_run *r, size_t no, const char *act, const char *reason, struct problem *err)
{
	if (strcmp(act, "failed") == 0) {
		if (step_move(r, &r->undo[no], &(struct step_news){ .state = "failed", .reason = reason }, err) < 0 ||
		    step_move(r, &r->forward[no], &(struct step_news){ .state = "confirmed" }, err) < 0 ||
		    saga_moved(r, no, "confirmed", NULL, err) < 0)
			return -1;
		return saga_end(r, "failed", r->reason, err);
	}
	if (left(r, "compensating", err) < 0)
		return -1;
	if (strcmp(act, "confirm") == 0)
		return saga_step_undone(r, no, err);
	if (step_move(r, &r->forward[no], &(struct step_news){ .state = "compensating" }, err) < 0)
		return -1;
	return again(r, &r->undo[no], err);
}

static bool
all_done(const struct saga_run *r)
{
	for (size_t no = 0; no < r->kind->nsteps; no++) {
		const struct step_row *row = &r->forward[no];

		if (!step_is(row, "confirmed") && !step_is(row, "skipped") &&
		    !(step_is(row, "failed") && r->kind->steps[no].warn_only))
			return false;
	}
	return true;
}

/* No step is manual: nothing may be taken back by a program, or an ending could not be written. */
static int
decide_whole(struct saga_run *r, const char *act, const char *reason, struct problem *err)
{
	if (strcmp(act, "retry") == 0)
		return left(r, turned_back(r) || all_done(r) ? "compensating" : "running", err);
	if (strcmp(act, "confirm") == 0 && all_done(r))
		return saga_end(r, "completed", NULL, err);
	return saga_end(r, "failed", strcmp(act, "failed") == 0 ? reason : r->reason, err);
}

static int
carry_out(struct saga_run *r, struct problem *err)
{
	json_t *d = json_read(r->s.arena, r->decision, strlen(r->decision), err);
	const char *act = json_text_at(d, "act"), *reason = json_text_at(d, "code");
	size_t no = manual_step(r);

	if (d == NULL)
		return -1;
	r->decision = NULL;
	r->s.step = no < r->kind->nsteps ? (int)no : r->s.step;
	if (no == r->kind->nsteps)
		return decide_whole(r, act, reason, err);
	return step_is(&r->undo[no], "manual") ? decide_undo(r, no, act, reason, err) : decide_forward(r, no, act, reason, err);
}

/* ---- news that came late; on the way back only news of the undo count */

static int
late_news(struct saga_run *r, size_t no, bool *took, struct problem *err)
{
	*took = true;
	if (!turned_back(r) && r->forward[no].outcome != NULL)
		return left(r, "running", err) < 0 ? -1 : saga_apply_outcome(r, no, err);
	if (step_is(&r->undo[no], "manual") && r->undo[no].outcome != NULL)
		return left(r, "compensating", err) < 0 ? -1 : saga_step_undone(r, no, err);
	*took = false;
	return 0;
}

int
saga_reopen(struct saga_run *r, struct problem *err)
{
	size_t no = manual_step(r);
	bool took = false;

	if (r->decision != NULL)
		return carry_out(r, err) < 0 ? -1 : saga_progress(r, err);
	if (no < r->kind->nsteps && late_news(r, no, &took, err) < 0)
		return -1;
	return took ? saga_progress(r, err) : job_end(r->job, err) < 0 ? -1 : 0;
}
