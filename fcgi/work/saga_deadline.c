/*
 * saga_deadline.c: a lost event delays, it never blocks (rule M8). While a step waits, this job asks the callee each time the
 * step's deadline has passed again; after ten questions without an outcome the step is a person's.
 */
#include "work/saga_engine.h"

#include "base/json.h"
#include "base/log.h"

#define MOST_POLLS 10

/* What waits: a step of the way forward, or its undo on the way back. */
struct wait {
	size_t no;
	bool undo;
};

static struct step_row *
row_of(const struct saga_run *r, const struct wait *x)
{
	return x->undo ? &r->undo[x->no] : &r->forward[x->no];
}

static bool
waiting(const struct saga_run *r, const struct wait *x)
{
	if (strcmp(r->s.state, x->undo ? "compensating" : "running") != 0 || x->no >= r->kind->nsteps)
		return false;
	return step_is(row_of(r, x), "sent") && row_of(r, x)->outcome == NULL;
}

static int
lock(struct job *j, const struct wait *x, struct saga_run *r, bool *still, struct problem *err)
{
	if (job_begin(j, err) < 0 || saga_lock(j, job_uuid(j, "sagaId"), r, err) < 0)
		return -1;
	*still = waiting(r, x);
	r->s.step = *still ? (int)x->no : r->s.step;
	return 0;
}

static int
time_is_up(struct saga_run *r, const struct wait *x, struct problem *err)
{
	const struct saga_step *step = &r->kind->steps[x->no];
	const char *reason = arena_printf(r->s.arena, "%s_timeout", step->name);
	int rc;

	if (x->undo)
		rc = saga_not_undone(r, x->no, reason, err);
	else if (!step->warn_only)
		rc = saga_manual_step(r, x->no, reason, err);
	else if ((rc = saga_fail_step(r, x->no, reason, err)) == 0)
		rc = saga_wake(r->s.db, r->s.id, err);
	return rc < 0 || saga_save(r, err) < 0 ? -1 : job_end(r->job, err);
}

/* Nobody answering a question is no outcome: it is asked again. */
static const json_t *
ask(struct job *j, const struct saga_call *call)
{
	struct problem err = { 0 };
	const json_t *reply = NULL;
	const char *code;

	if (saga_send(j, call, NULL, &reply, &code, &err) < 0)
		log_line(LOG_WARN, "saga.poll_failed", "service", call->service, "code", err.code, NULL);
	return reply;
}

static int
wait_more(struct saga_run *r, const struct wait *x, struct problem *err)
{
	int64_t s = r->kind->steps[x->no].deadline_s;

	job_again(r->job, s > 0 ? s : 300);
	return job_end(r->job, err);
}

/* polled calls saga_resume, undo_polled saga_undone, when it knows the outcome; the saga's row is locked by us, so what it writes is
 * what the next run reads. */
static int
hear(struct job *j, const struct wait *x, const json_t *reply, struct problem *err)
{
	const struct saga_step *step;
	struct saga_run r;
	bool still;

	if (lock(j, x, &r, &still, err) < 0)
		return -1;
	if (!still)
		return job_end(j, err);
	step = &r.kind->steps[x->no];
	if ((x->undo ? step->undo_polled : step->polled)(&r.s, reply, err) < 0 || saga_save(&r, err) < 0)
		return -1;
	return wait_more(&r, x, err);
}

/* service stays NULL where there is nobody to ask. */
static int
question(struct saga_run *r, const struct wait *x, struct saga_call *call, struct problem *err)
{
	const struct saga_step *step = &r->kind->steps[x->no];
	int (*poll)(struct saga *, struct saga_call *, struct problem *) = x->undo ? step->undo_poll : step->poll;

	if (poll == NULL || (x->undo ? step->undo_polled : step->polled) == NULL)
		return 0;
	return poll(&r->s, call, err);
}

int
saga_deadline_job(struct job *j, struct problem *err)
{
	struct wait x = { .no = (size_t)job_int(j, "step"), .undo = job_int(j, "undo") != 0 };
	struct saga_call call = { 0 };
	struct saga_run r;
	const json_t *reply;
	bool still;

	if (lock(j, &x, &r, &still, err) < 0)
		return -1;
	if (!still)
		return job_end(j, err);
	if (row_of(&r, &x)->polls >= MOST_POLLS)
		return time_is_up(&r, &x, err);
	if (step_polled(&r, row_of(&r, &x), err) < 0 || question(&r, &x, &call, err) < 0)
		return -1;
	if (call.service == NULL)
		return wait_more(&r, &x, err);
	if (job_commit(j, err) < 0)
		return -1;
	reply = ask(j, &call);
	if (reply != NULL)
		return hear(j, &x, reply, err);
	return job_begin(j, err) < 0 ? -1 : wait_more(&r, &x, err);
}
