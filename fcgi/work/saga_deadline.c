/*
 * saga_deadline.c: a lost event delays, it never blocks (rule M8). While a step waits, this job asks the callee each time the
 * step's deadline has passed again; after ten questions without an outcome the step is a person's.
 */
#include "work/saga_engine.h"

#include "base/json.h"
#include "base/log.h"

#define MOST_POLLS 10

static bool
waiting(const struct saga_run *r, size_t no)
{
	return strcmp(r->s.state, "running") == 0 && no < r->kind->nsteps && step_is(&r->forward[no], "sent") &&
	    r->forward[no].outcome == NULL;
}

static int
lock(struct job *j, size_t no, struct saga_run *r, bool *still, struct problem *err)
{
	if (job_begin(j, err) < 0 || saga_lock(j, job_uuid(j, "sagaId"), r, err) < 0)
		return -1;
	*still = waiting(r, no);
	return 0;
}

static int
time_is_up(struct saga_run *r, size_t no, struct problem *err)
{
	const struct saga_step *step = &r->kind->steps[no];
	const char *reason = arena_printf(r->s.arena, "%s_timeout", step->name);

	if (step->warn_only) {
		if (saga_fail_step(r, no, reason, err) < 0 || saga_wake(r->s.db, r->s.id, err) < 0)
			return -1;
	} else if (saga_manual_step(r, no, reason, err) < 0) {
		return -1;
	}
	return saga_save(r, err) < 0 ? -1 : job_end(r->job, err);
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
wait_more(struct saga_run *r, size_t no, struct problem *err)
{
	int64_t s = r->kind->steps[no].deadline_s;

	job_again(r->job, s > 0 ? s : 300);
	return job_end(r->job, err);
}

/* polled calls saga_resume when it knows the outcome; the saga's row is locked by us, so what it writes is what the next run
 * reads. */
static int
hear(struct job *j, size_t no, const json_t *reply, struct problem *err)
{
	const struct saga_step *step;
	struct saga_run r;
	bool still;

	if (lock(j, no, &r, &still, err) < 0)
		return -1;
	if (!still)
		return job_end(j, err);
	step = &r.kind->steps[no];
	r.s.step = (int)no;
	if (step->polled(&r.s, reply, err) < 0)
		return -1;
	if (saga_save(&r, err) < 0)
		return -1;
	return wait_more(&r, no, err);
}

int
saga_deadline_job(struct job *j, struct problem *err)
{
	size_t no = (size_t)job_int(j, "step");
	const struct saga_step *step;
	struct saga_call call = { 0 };
	struct saga_run r;
	const json_t *reply;
	bool still;

	if (lock(j, no, &r, &still, err) < 0)
		return -1;
	if (!still)
		return job_end(j, err);
	step = &r.kind->steps[no];
	if (r.forward[no].polls >= MOST_POLLS)
		return time_is_up(&r, no, err);
	if (step_polled(&r, &r.forward[no], err) < 0 || (step->poll != NULL && step->poll(&r.s, &call, err) < 0))
		return -1;
	if (step->poll == NULL || step->polled == NULL || call.service == NULL)
		return wait_more(&r, no, err);
	if (job_commit(j, err) < 0)
		return -1;
	reply = ask(j, &call);
	if (reply != NULL)
		return hear(j, no, reply, err);
	return job_begin(j, err) < 0 ? -1 : wait_more(&r, no, err);
}
