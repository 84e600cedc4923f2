/*
 * saga_engine.h: what the files of the saga engine share; nobody else includes it.
 *
 *	saga.c		what services call: start, resume, data, the list of steps
 *	edges.c		the legal moves (rule M9)
 *	saga_store.c	loading under lock, moving along legal edges by compare and set (rule M9)
 *	saga_step.c	forward: intent, call, result (rules M1, M5, M10)
 *	saga_undo.c	backward (rule M7)
 *	saga_end.c	failing, ending, what a burial means
 *	saga_deadline.c	asks when nobody told (rule M8)
 *	saga_reopen.c	out of manual: late news, and what a person decided
 *	saga_decide.c	takes a person's decision
 *	saga_show.c	the list and one with every step
 */
#ifndef WORK_SAGA_ENGINE_H
#define WORK_SAGA_ENGINE_H

#include "base/failpoint.h"
#include "work/edges.h"
#include "work/work.h"

/* Where a saga can be made to fail in a test build: saga.<step>.<where>, saga.undo_<step>.<where>; where is before_a, after_a,
 * after_send, before_b, after_b. */
#ifdef TELERX_FAILPOINTS
#define SAGA_POINT(r, where) \
	failpoint(arena_printf((r)->s.arena, "saga.%s%s." where, strcmp((r)->s.state, "compensating") == 0 ? "undo_" : "", \
	    (r)->kind->steps[(r)->s.step].name))
#else
#define SAGA_POINT(r, where) ((void)0)
#endif

/* A row of saga_step; state NULL = there is none yet. */
struct step_row {
	struct uuid id;
	int no;
	bool undo;
	const char *state;
	const char *service, *method, *path, *vendor_key;
	struct bytes request_enc;
	const char *outcome;
	int polls;
	bool answered; /* its callee took it, and take has run */
};

/* A saga under lock, in the job's open transaction. */
struct saga_run {
	struct saga s;
	struct job *job;
	const struct saga_kind *kind;
	int64_t version;
	const char *was; /* state as loaded; s.state is what it becomes */
	const char *reason;
	const char *turn;                /* why it shall turn back; NULL: it need not */
	const char *decision;            /* a person's, JSON; NULL: none, or carried out */
	struct step_row *forward, *undo; /* kind->nsteps each */
	size_t *order;                   /* dry steps first */
};

struct step_news {
	const char *state;
	const char *reason;
	const char *warning;
	const json_t *result;
	int64_t deadline_s;
};

/* ---- saga_store.c */
int saga_lock(struct job *j, struct uuid id, struct saga_run *r, struct problem *err) MUST_CHECK;
int saga_save(struct saga_run *r, struct problem *err) MUST_CHECK;
int step_insert(
    struct saga_run *r, struct step_row *row, const char *state, const struct saga_call *call, struct problem *err) MUST_CHECK;
int step_move(struct saga_run *r, struct step_row *row, const struct step_news *news,
    struct problem *err) MUST_CHECK; /* also from "no row yet" */
int step_open(
    struct saga_run *r, struct step_row *row, struct saga_call *call, struct problem *err) MUST_CHECK; /* the bytes as committed */
int step_polled(struct saga_run *r, struct step_row *row, struct problem *err) MUST_CHECK;
/* Forgets outcome and polls, so that the step waits anew. */
int step_afresh(struct saga_run *r, struct step_row *row, struct problem *err) MUST_CHECK;
bool step_is(const struct step_row *row, const char *state);
const char *saga_json(struct arena *a, const json_t *v); /* its text; NULL for NULL */

/* ---- saga_step.c */
/* Saves and commits; the job goes on (1) with its count of attempts begun anew, or hands over to the next run when the worker
 * stops (0). */
int saga_progress(struct saga_run *r, struct problem *err) MUST_CHECK;
int saga_apply_outcome(struct saga_run *r, size_t no, struct problem *err) MUST_CHECK;
int saga_confirm(struct saga_run *r, size_t no, const json_t *result, struct problem *err) MUST_CHECK;
/* The row, forward or undo, was taken by its callee and waits; the deadline's job asks, at once when now. */
int saga_await(struct saga_run *r, struct step_row *row, bool now, struct problem *err) MUST_CHECK;
/* The call of an intent that is committed: 1 answered with 2xx, 0 finally refused (*code says how), -1 to be retried. */
int saga_send(struct job *j, const struct saga_call *call, const char *key, const json_t **reply, const char **code,
    struct problem *err) MUST_CHECK;

/* ---- saga_undo.c */
int saga_backward(struct saga_run *r, struct problem *err) MUST_CHECK; /* like advance: 1, 0, -1 */
bool saga_can_undo(const struct saga_run *r);
/* Begins the way back, or ends the saga where there is none: failed with nothing to undo, manual where no program may. */
int saga_turn(struct saga_run *r, const char *reason, struct problem *err) MUST_CHECK;
int saga_step_undone(struct saga_run *r, size_t no, struct problem *err) MUST_CHECK;
/* A person must undo this one, and decide about those before it. */
int saga_not_undone(struct saga_run *r, size_t no, const char *code, struct problem *err) MUST_CHECK;

/* ---- saga_reopen.c */
int saga_reopen(struct saga_run *r, struct problem *err) MUST_CHECK;     /* like advance: 1, 0, -1 */
int saga_turn_ended(struct saga_run *r, struct problem *err) MUST_CHECK; /* a completed one that shall turn back */

/* ---- saga_end.c */
int saga_moved(struct saga_run *r, size_t no, const char *state, const char *reason, struct problem *err) MUST_CHECK;
int saga_fail_step(
    struct saga_run *r, size_t no, const char *reason, struct problem *err) MUST_CHECK; /* a warning, the end, or the way back */
int saga_manual_step(struct saga_run *r, size_t no, const char *reason, struct problem *err) MUST_CHECK;
int saga_end(struct saga_run *r, const char *state, const char *reason, struct problem *err) MUST_CHECK;

/* ---- saga.c */
int saga_wake(struct db *db, struct uuid id, struct problem *err) MUST_CHECK;

#endif
