/*
 * saga_end.c: how steps fail and sagas end.
 */
#include "work/saga_engine.h"

#include "base/log.h"
#include "base/metrics.h"
#include "data/attention.h"

int
saga_moved(struct saga_run *r, size_t no, const char *state, const char *reason, struct problem *err)
{
	return r->kind->moved == NULL ? 0 : r->kind->moved(&r->s, &r->kind->steps[no], state, reason, err);
}

/* Nothing moves it any more by itself. What it is about stands in its data, when the service put it there. */
static int
call_for_person(struct saga_run *r, const char *reason, struct problem *err)
{
	const struct saga_step *step = r->s.step >= 0 && (size_t)r->s.step < r->kind->nsteps ? &r->kind->steps[r->s.step] : NULL;
	char id[UUID_TEXT];
	const struct attention what = { .kind = "saga.manual",
		.subject = uuid_text(r->s.id, id),
		.submission = saga_uuid(&r->s, "submissionId"),
		.patient = saga_uuid(&r->s, "patientId"),
		.code = reason != NULL ? reason : "manual",
		.detail = arena_printf(
		    r->s.arena, "{\"saga\":\"%s\",\"step\":\"%s\"}", r->kind->name, step != NULL ? step->name : "") };

	return attention_raise(r->s.db, &what, err);
}

int
saga_end(struct saga_run *r, const char *state, const char *reason, struct problem *err)
{
	char id[UUID_TEXT];
	struct audit_entry e = { .action = arena_printf(r->s.arena, "saga.%s", state),
		.object = "saga",
		.object_id = uuid_text(r->s.id, id),
		.reason = reason };

	r->s.state = state;
	r->reason = reason;
	log_line(strcmp(state, "manual") == 0 ? LOG_ERROR : LOG_INFO, "saga.ended", "saga", id, "kind", r->kind->name, "state",
	    state, "reason", reason, NULL);
	metric_add("sagas_ended_total", arena_printf(r->s.arena, "kind=\"%s\",state=\"%s\"", r->kind->name, state), 1);
	if (audit_add(r->s.db, &e, err) < 0 || (strcmp(state, "manual") == 0 && call_for_person(r, reason, err) < 0))
		return -1;
	return r->kind->ended == NULL ? 0 : r->kind->ended(&r->s, state, reason, err);
}

int
saga_fail_step(struct saga_run *r, size_t no, const char *reason, struct problem *err)
{
	const struct saga_step *step = &r->kind->steps[no];
	struct step_news news = { .state = "failed", .reason = reason, .warning = step->warn_only ? reason : NULL };

	r->s.step = (int)no;
	if (step_move(r, &r->forward[no], &news, err) < 0 || saga_moved(r, no, "failed", reason, err) < 0)
		return -1;
	if (step->warn_only)
		return 0;
	return saga_turn(r, reason, err);
}

int
saga_manual_step(struct saga_run *r, size_t no, const char *reason, struct problem *err)
{
	r->s.step = (int)no;
	if (step_move(r, &r->forward[no], &(struct step_news){ .state = "manual", .reason = reason }, err) < 0 ||
	    saga_moved(r, no, "manual", reason, err) < 0)
		return -1;
	return saga_end(r, "manual", reason, err);
}

/* The step that the saga stands at; nsteps when there is none. */
static size_t
open_step(const struct saga_run *r)
{
	for (size_t i = 0; i < r->kind->nsteps; i++) {
		const struct step_row *row = &r->forward[r->order[i]];

		if (row->state == NULL || step_is(row, "intent") || step_is(row, "sent"))
			return r->order[i];
	}
	return r->kind->nsteps;
}

static int
buried_forward(struct saga_run *r, const char *reason, struct problem *err)
{
	size_t no = open_step(r);
	const struct saga_step *step = no < r->kind->nsteps ? &r->kind->steps[no] : NULL;

	if (step == NULL) /* every step is done; only the ending itself could not be written */
		return saga_end(r, "manual", reason, err);
	/* A step without a row sent nothing, and a read does nothing: those failed. Of the rest nobody knows. */
	if (r->forward[no].state == NULL || step->dry || step->warn_only)
		return saga_fail_step(r, no, reason, err);
	return saga_manual_step(r, no, reason, err);
}

static int
buried_backward(struct saga_run *r, const char *reason, struct problem *err)
{
	for (size_t i = 0; i < r->kind->nsteps; i++) {
		if (!step_is(&r->undo[i], "intent"))
			continue;
		if (step_move(r, &r->undo[i], &(struct step_news){ .state = "manual", .reason = reason }, err) < 0 ||
		    step_move(r, &r->forward[i], &(struct step_news){ .state = "manual", .reason = reason }, err) < 0 ||
		    saga_moved(r, i, "manual", reason, err) < 0)
			return -1;
	}
	return saga_end(r, "manual", reason, err);
}

/* The engine's job will not run again: the saga ends here, or goes on without the step that could not be done. */
int
saga_buried(struct job *j, const struct problem *why, struct problem *err)
{
	struct uuid id = job_uuid(j, "sagaId");
	const char *reason = arena_dup(j->arena, why->code);
	struct saga_run r;

	if (saga_lock(j, id, &r, err) < 0)
		return -1;
	if (strcmp(r.s.state, "running") == 0) {
		if (buried_forward(&r, reason, err) < 0)
			return -1;
	} else if (strcmp(r.s.state, "compensating") == 0) {
		if (buried_backward(&r, reason, err) < 0)
			return -1;
	} else {
		return 0;
	}
	if (saga_save(&r, err) < 0)
		return -1;
	if (strcmp(r.s.state, "running") == 0 || strcmp(r.s.state, "compensating") == 0)
		return saga_wake(j->db, id, err);
	return 0;
}
