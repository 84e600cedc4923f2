/*
 * saga.h: several services brought to one end (rules M1 to M5, M8 to M10): a table of steps on one engine.
 *
 * A step is LOCAL (its do runs in the step's own transaction), CALL (a peer's answer is the result) or AWAIT (a peer accepts
 * with 2xx and the outcome comes as an event, or by the step's poll when its deadline passes). Per step: transaction A commits
 * the intent with the exact request bytes and the key; the call; transaction B commits the result and enqueues the next step.
 * The key is base32(HMAC(k, saga id | step | gen)), so a repeat is the callee's replay. Compensation runs the undo of confirmed
 * steps in reverse, each as a step of its own, until confirmed or manual. A step that fails with a permanent problem fails the
 * saga by that problem's code; other problems are retried by the job's backoff, and when its attempts are used up the step is
 * manual, or failed where certainly nothing happened. Data a step leaves for later ones is a JSON object of ids, codes and
 * amounts in saga.data; PHI stays in the service's own sealed rows.
 *
 * A step given up as manual waits for its outcome (saga_resume, also late) or for a person (saga_decide). What a confirmed step
 * achieved may be taken away from outside: saga_turn_back, also of a completed saga.
 */
#ifndef WORK_SAGA_H
#define WORK_SAGA_H

#include "base/json.h"
#include "work/worker.h"

enum step_kind { LOCAL = 1, CALL, AWAIT };

struct saga {
	struct db *db;
	struct arena *arena;
	const struct conf *conf;
	struct uuid id;
	const char *kind;
	struct uuid subject; /* the service's own row: the orchestration run */
	const char *state;
	json_t *data;   /* read with json_at; changed by saga_put, saved with the step */
	int step;       /* number of the running step */
	json_t *result; /* what saga_put added since the transaction began: the step's result */
};

/* What a CALL or AWAIT step wants sent; service NULL = nothing to do, the step is skipped. */
struct saga_call {
	const char *service;
	const char *method;
	const char *path;
	const char *body; /* JSON text; may hold PHI, sealed under patient's key */
	struct uuid patient;
};

struct saga_step {
	const char *name; /* medication_config, … */
	enum step_kind kind;
	bool dry;           /* a read: all dry steps run before any effect, a failure fails the saga with nothing to undo */
	bool warn_only;     /* a final failure becomes a warning */
	int64_t deadline_s; /* AWAIT: when poll asks; then again each deadline_s; 10 times without outcome = manual */
	int (*local)(struct saga *s, struct problem *err);                        /* LOCAL; transaction open */
	int (*plan)(struct saga *s, struct saga_call *call, struct problem *err); /* CALL, AWAIT; transaction open (A) */
	int (*poll)(struct saga *s, struct saga_call *call, struct problem *err); /* AWAIT: the question to ask */
	/* transaction open (B). reply is the peer's JSON. For AWAIT's poll: call saga_resume when the outcome is known. */
	int (*take)(struct saga *s, const json_t *reply, struct problem *err);
	int (*polled)(struct saga *s, const json_t *reply, struct problem *err);
	/* NULL: nothing to undo; call->service left NULL: done here, in the transaction. A problem: a person must do it. */
	int (*undo)(struct saga *s, struct saga_call *call, struct problem *err);
	/* Set: the callee's 2xx only takes the undo on; its outcome comes by saga_undone, or by this question when deadline_s has
	 * passed, as poll and polled do for the way forward. */
	int (*undo_poll)(struct saga *s, struct saga_call *call, struct problem *err);
	int (*undo_polled)(struct saga *s, const json_t *reply, struct problem *err);
};

struct saga_kind {
	const char *name;
	const struct saga_step *steps;
	size_t nsteps;
	/* Transaction open: the saga reached an end state (completed, failed, compensated, manual); reason is a code, NULL when
	 * completed. Once; only manual may be followed by another end, when the outcome of the step that was waited for arrives
	 * after all. */
	int (*ended)(struct saga *s, const char *state, const char *reason, struct problem *err);
	/* Transaction open: a step changed state (confirmed, skipped, failed, manual, compensated); for the service's own
	 * history and events. May be NULL. */
	int (*moved)(struct saga *s, const struct saga_step *step, const char *state, const char *reason, struct problem *err);
	/* Transaction open, before the first undo: *why_not, when set, is the code for which nothing may be taken back by a program
	 * (what was dispensed); the saga is manual then. May be NULL. */
	int (*may_turn)(struct saga *s, const char **why_not, struct problem *err);
	/* Transaction open: the saga left manual or completed and is on its way again, s->state says which way. May be NULL. */
	int (*reopened)(struct saga *s, struct problem *err);
};

/* In the caller's transaction; (kind, subject) is unique, a second start returns the first's id. data: JSON object text. */
int saga_start(
    struct db *db, const char *kind, struct uuid subject, const char *data, struct uuid *id, struct problem *err) MUST_CHECK;
/* An awaited outcome arrived (event function, webhook, poll), in the caller's transaction: ok, or refused with a reason code.
 * detail (JSON object text or NULL) is merged into data. It is recorded and the saga woken, so it may come before the call that
 * it answers has returned. Not waiting on that step any more: nothing, 0. */
int saga_resume(struct db *db, const char *kind, struct uuid subject, const char *step, bool ok, const char *reason,
    const char *detail, struct problem *err) MUST_CHECK;
/* The outcome needs a person: the step that is in flight becomes manual, and stays open for a late outcome. */
int saga_park(struct db *db, const char *kind, struct uuid subject, const char *step, const char *reason,
    struct problem *err) MUST_CHECK;
/* The outcome of a step's undo: done, or not to be done for a reason, and then a person must. */
int saga_undone(struct db *db, const char *kind, struct uuid subject, const char *step, bool ok, const char *reason,
    struct problem *err) MUST_CHECK;
/* What the confirmed step achieved is gone (the pharmacy cancelled): the saga, running, manual or completed, turns back as soon as
 * no step is in flight. Steps not confirmed, sagas on their way back or ended without success: nothing. */
int saga_turn_back(struct db *db, const char *kind, struct uuid subject, const char *step, const char *reason,
    struct problem *err) MUST_CHECK;

enum saga_act { SAGA_CONFIRM = 1, SAGA_FAILED, SAGA_RETRY };
/*
 * A person's decision about the step at which a saga is manual, in the caller's transaction; the engine carries it out.
 * CONFIRM: it is done. FAILED: it is certainly not done (forward: the saga fails or turns back; undo: it stands, the saga ends
 * failed). RETRY: looked up and absent, or to be asked again; the same bytes go out under the same key. Without a manual step the
 * saga itself is decided: CONFIRM closes it as it stands, RETRY turns back after all. The same decision again is 0 and changes
 * nothing. Problems: 404 not_found; 409 not_manual, other_step (step names another than the manual one), decided_otherwise,
 * no_answer (confirmed, but later steps need what its callee answered: retry it), nothing_to_repeat.
 */
struct saga_decision {
	enum saga_act act;
	const char *step;   /* NULL: the saga itself */
	const char *reason; /* in words, kept in the audit */
	const char *by;
};
int saga_decide(struct db *db, const struct saga_kind *kind, struct uuid id, const struct saga_decision *d,
    struct problem *err) MUST_CHECK;

void saga_put(struct saga *s, const char *key, json_t *value); /* takes the reference */
struct uuid saga_uuid(const struct saga *s, const char *key);
const char *saga_str(const struct saga *s, const char *key);
int64_t saga_int(const struct saga *s, const char *key);
/* Writes the steps as a JSON array member: name, state, startedAt, finishedAt, warning, reason, result. */
int saga_steps_json(struct db *db, struct uuid id, struct json_writer *w, const char *key, struct problem *err) MUST_CHECK;
/* For staff, in a transaction that reads. The list as an array member: which is open (running, compensating or manual), manual or
 * stuck (past the deadline of what it waits for). One, by its id, its subject or its data's submissionId, as an object with every step
 * and undo: keys, digests, attempts, times, results; 404 not_found. */
int saga_list_json(struct db *db, const char *which, struct json_writer *w, const char *key, struct problem *err) MUST_CHECK;
int saga_whole_json(struct db *db, struct uuid id, struct json_writer *w, struct problem *err) MUST_CHECK;
/* The job functions of the engine; the service lists them as kinds "saga.step" (queue "saga") and "saga.deadline". */
int saga_step_job(struct job *j, struct problem *err);
int saga_deadline_job(struct job *j, struct problem *err);

#endif
