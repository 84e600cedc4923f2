/*
 * saga_step.c: the way forward. Each step is transaction A (intent), the call, transaction B (result), and nothing else (rule
 * M5); the job that carries a saga goes on to the next step under the same lease, and a successor finds everything it needs in
 * the rows.
 */
#include "work/saga_engine.h"

#include "base/json.h"
#include "base/log.h"

#define DEADLINE_S 300

int
saga_progress(struct saga_run *r, struct problem *err)
{
	struct job *j = r->job;

	if (saga_save(r, err) < 0)
		return -1;
	j->progressed = true;
	SAGA_POINT(r, "before_b");
	if (atomic_load(&j->hand->work->stopping)) {
		job_again(j, 0);
		return job_end(j, err) < 0 ? -1 : 0;
	}
	if (job_commit(j, err) < 0)
		return -1;
	SAGA_POINT(r, "after_b");
	return 1;
}

int
saga_confirm(struct saga_run *r, size_t no, const json_t *result, struct problem *err)
{
	if (step_move(r, &r->forward[no], &(struct step_news){ .state = "confirmed", .result = result }, err) < 0)
		return -1;
	return saga_moved(r, no, "confirmed", NULL, err);
}

static int
skip(struct saga_run *r, size_t no, struct problem *err)
{
	if (step_move(r, &r->forward[no], &(struct step_news){ .state = "skipped" }, err) < 0)
		return -1;
	return saga_moved(r, no, "skipped", NULL, err);
}

int
saga_apply_outcome(struct saga_run *r, size_t no, struct problem *err)
{
	const char *text = r->forward[no].outcome, *reason;
	json_t *outcome = json_read(r->s.arena, text, strlen(text), err), *detail;

	if (outcome == NULL)
		return -1;
	if (json_is_true(json_object_get(outcome, "park"))) {
		reason = arena_dup(r->s.arena, json_text_at(outcome, "reason"));
		return step_afresh(r, &r->forward[no], err) < 0 ? -1 : saga_manual_step(r, no, reason, err);
	}
	if (!json_is_true(json_object_get(outcome, "ok"))) {
		reason = json_text_at(outcome, "reason");
		return saga_fail_step(r, no, reason == NULL ? "refused" : reason, err);
	}
	detail = json_object_get(outcome, "detail");
	if (json_is_object(detail))
		json_object_update(r->s.data, detail);
	return saga_confirm(r, no, detail, err);
}

/* A step function said no in an open transaction: what it wrote is undone before the failure is written. Not permanent: the job
 * is retried. */
static int
refused(struct job *j, struct uuid id, size_t no, const char *code, struct problem *err)
{
	struct saga_run r;

	db_rollback(j->db);
	code = arena_dup(j->arena, code);
	problem_clear(err);
	if (job_begin(j, err) < 0 || saga_lock(j, id, &r, err) < 0 || saga_fail_step(&r, no, code, err) < 0)
		return -1;
	return saga_progress(&r, err);
}

static int
trouble(struct saga_run *r, size_t no, struct problem *err)
{
	return err->fault == FAULT_PERMANENT ? refused(r->job, r->s.id, no, err->code, err) : -1;
}

/* ---- the call */

int
saga_send(
    struct job *j, const struct saga_call *call, const char *key, const json_t **reply, const char **code, struct problem *err)
{
	struct peer_call c = { .service = call->service,
		.method = call->method,
		.path = call->path,
		.body = call->body,
		.key = strcmp(call->method, "GET") == 0 ? NULL : key };
	struct peer_reply answer = { 0 };

	if (job_ask(j, &c, &answer, err) == 0) {
		*reply = answer.body;
		return 1;
	}
	if (err->fault != FAULT_PERMANENT || answer.status == 0)
		return -1;
	*code = arena_dup(j->arena, err->code);
	problem_clear(err);
	return 0;
}

int
saga_await(struct saga_run *r, struct step_row *row, bool now, struct problem *err)
{
	const struct saga_step *step = &r->kind->steps[row->no];
	int64_t deadline = step->deadline_s > 0 ? step->deadline_s : DEADLINE_S;
	char id[UUID_TEXT];
	struct job_spec spec = { .kind = "saga.deadline", .delay_s = now ? 0 : deadline };

	if (step_move(r, row, &(struct step_news){ .state = "sent", .deadline_s = deadline }, err) < 0)
		return -1;
	uuid_text(r->s.id, id);
	spec.args = arena_printf(
	    r->s.arena, "{\"sagaId\":\"%s\",\"step\":%d,\"undo\":%d}", id, row->no, row->undo ? 1 : 0);
	spec.unique_key = arena_printf(r->s.arena, "%s:%d%s", id, row->no, row->undo ? ":undo" : "");
	return job_enqueue(r->s.db, &spec, err);
}

static int
await(struct saga_run *r, size_t no, struct problem *err)
{
	if (saga_await(r, &r->forward[no], false, err) < 0)
		return -1;
	/* It may have been faster than the answer to our call. */
	return r->forward[no].outcome == NULL ? 0 : saga_apply_outcome(r, no, err);
}

/* Transaction B. */
static int
take(struct job *j, struct uuid id, size_t no, const json_t *reply, struct problem *err)
{
	const struct saga_step *step;
	struct saga_run r;

	if (job_begin(j, err) < 0 || saga_lock(j, id, &r, err) < 0)
		return -1;
	step = &r.kind->steps[no];
	if (!step_is(&r.forward[no], "intent")) /* whoever has it now goes on from there */
		return job_end(j, err) < 0 ? -1 : 0;
	r.s.step = (int)no;
	if (step->take != NULL && step->take(&r.s, reply, err) < 0)
		return trouble(&r, no, err);
	if (step->kind == AWAIT ? await(&r, no, err) < 0 : saga_confirm(&r, no, r.s.result, err) < 0)
		return trouble(&r, no, err);
	return saga_progress(&r, err);
}

/* Commits A and goes over the wire. */
static int
call_step(struct saga_run *r, size_t no, const struct saga_call *call, struct problem *err)
{
	struct job *j = r->job;
	const char *key = r->forward[no].vendor_key, *code;
	const json_t *reply = NULL;
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
	return sent == 0 ? refused(j, id, no, code, err) : take(j, id, no, reply, err);
}

/* ---- a step's beginning */

static int
begin_local(struct saga_run *r, size_t no, struct problem *err)
{
	if (r->kind->steps[no].local(&r->s, err) < 0 || saga_confirm(r, no, r->s.result, err) < 0)
		return trouble(r, no, err);
	return saga_progress(r, err);
}

static int
begin_call(struct saga_run *r, size_t no, struct problem *err)
{
	struct saga_call call = { 0 };

	if (r->kind->steps[no].plan(&r->s, &call, err) < 0)
		return trouble(r, no, err);
	if (call.service == NULL)
		return skip(r, no, err) < 0 ? -1 : saga_progress(r, err);
	if (step_insert(r, &r->forward[no], "intent", &call, err) < 0)
		return -1;
	return call_step(r, no, &call, err);
}

static int
go_on_with(struct saga_run *r, size_t no, struct problem *err)
{
	struct step_row *row = &r->forward[no];
	struct saga_call call;

	r->s.step = (int)no;
	if (row->state == NULL)
		return r->kind->steps[no].kind == LOCAL ? begin_local(r, no, err) : begin_call(r, no, err);
	if (step_is(row, "intent")) /* the same bytes under the same key */
		return step_open(r, row, &call, err) < 0 ? -1 : call_step(r, no, &call, err);
	if (row->outcome != NULL)
		return saga_apply_outcome(r, no, err) < 0 ? trouble(r, no, err) : saga_progress(r, err);
	return job_end(r->job, err) < 0 ? -1 : 0; /* sent: an event or the deadline wakes us */
}

/* A saga that shall turn back brings to its end what is in flight, and begins nothing. */
static int
forward(struct saga_run *r, struct problem *err)
{
	for (size_t i = 0; i < r->kind->nsteps; i++) {
		size_t no = r->order[i];
		struct step_row *row = &r->forward[no];

		if (step_is(row, "intent") || step_is(row, "sent") || (row->state == NULL && r->turn == NULL))
			return go_on_with(r, no, err);
	}
	if (r->turn != NULL ? saga_turn(r, r->turn, err) < 0 : saga_end(r, "completed", NULL, err) < 0)
		return -1;
	return saga_progress(r, err);
}

static int
advance(struct job *j, struct problem *err)
{
	struct saga_run r;

	if (job_begin(j, err) < 0 || saga_lock(j, job_uuid(j, "sagaId"), &r, err) < 0)
		return -1;
	if (strcmp(r.s.state, "running") == 0)
		return forward(&r, err);
	if (strcmp(r.s.state, "compensating") == 0)
		return saga_backward(&r, err);
	if (strcmp(r.s.state, "manual") == 0)
		return saga_reopen(&r, err);
	if (strcmp(r.s.state, "completed") == 0 && r.turn != NULL)
		return saga_turn_ended(&r, err) < 0 ? -1 : saga_progress(&r, err);
	return job_end(j, err) < 0 ? -1 : 0;
}

int
saga_step_job(struct job *j, struct problem *err)
{
	int more;

	do
		more = advance(j, err);
	while (more > 0);
	return more;
}
