/*
 * orchestrator.h: what the orchestrator shows to the rest, its table, and what its files share.
 */
#ifndef ORCHESTRATOR_H
#define ORCHESTRATOR_H

#include "service.h"

extern const struct service orchestrator_service;

/* ---- run.c: a physician's decision and what became of it */
struct run {
	struct uuid id;
	const char *task_id;
	struct uuid submission_id;
	struct uuid patient_id;
	struct uuid assignment_id;
	struct uuid practitioner_id;
	const char *decision;		/* approved, denied */
	const char *medication;
	const char *dosage;
	int64_t amount_cents;
	const char *currency;
	int64_t generation;		/* 1; a new decision after a run that failed for certain is the next */
	const char *status;		/* running, completed, failed, manual, denied, compensated */
	const char *reason;
	struct bytes denial_enc;
	struct bytes patient_enc;
	const char *prescriber;		/* JSON text, NULL until resolved */
	const char *pharmacy;
	const char *pharmacy_reason;
	bool own_shipping;
	const char *money_order;	/* authorise_first, hold_first: the pharmacy's, decided with the route */
	struct uuid payment_id;
	const char *payment_status;
	struct uuid router_id;
	const char *rx_status;
	struct uuid shipment_id;
	const char *shipment_status;
	const char *tracking_number;
	int64_t version;
	int64_t created_at;
	int64_t finished_at;
};
int	 run_load(struct db *db, struct uuid id, struct run *ret, struct problem *err) MUST_CHECK;	/* 404 when there is none */
bool	 run_is_over(const struct run *run);			/* ended with nothing left standing: the case may be decided anew */
/* The latest. */
int	 run_of_task(struct db *db, const char *task, struct run *ret, bool *found, struct problem *err) MUST_CHECK;
int	 run_of_case(struct db *db, struct uuid submission, struct run *ret, bool *found, struct problem *err) MUST_CHECK;
/* The one mover of runs: history, audit and, at an end, the event and an alert. Not a legal move: nothing, and *moved false. */
int	 run_move(struct db *db, const struct run *run, const char *status, const char *reason, bool *moved,
    struct problem *err) MUST_CHECK;
/* The members that every event about a run carries; the object is left open. */
void	 run_event(struct json_writer *w, struct buf *b, const struct run *run);

/* ---- decide.c */
int	 run_approve(struct req *r, struct problem *err);		/* POST /orchestrator/approve */
int	 run_deny(struct req *r, struct problem *err);			/* POST /orchestrator/deny */
int	 publish_decided(struct db *db, const struct run *run, struct problem *err) MUST_CHECK;

/* ---- show.c */
int	 run_show(struct req *r, struct problem *err);			/* GET /orchestrator/runs/:id */
int	 run_find(struct req *r, struct problem *err);			/* GET /orchestrator/runs?submissionId= */
int	 run_reply(struct req *r, int status, const struct run *run, struct problem *err) MUST_CHECK;

/* ---- sagas.c: for staff */
int	 sagas_list(struct req *r, struct problem *err);		/* GET /orchestrator/sagas */
int	 sagas_show(struct req *r, struct problem *err);		/* GET /orchestrator/sagas/:id */
int	 sagas_decide(struct req *r, struct problem *err);		/* POST /orchestrator/sagas/:id/decide */

/* ---- hold.c: the card and the price a patient agreed to */
struct hold {
	struct uuid id;
	struct uuid patient_id;
	struct uuid setup_intent_id;
	const char *platform;
	const char *intake_type;
	const char *state;
	int64_t amount_cents;
	const char *currency;
	const char *status;		/* active, released, charged */
};
int	 hold_of_case(struct db *db, struct uuid submission, struct hold *ret, bool *found, struct problem *err) MUST_CHECK;
/* Not active any more: nothing. */
int	 hold_end(struct db *db, struct uuid submission, const char *status, struct problem *err) MUST_CHECK;
/* The money was given back: the card may be charged by a new decision. */
int	 hold_again(struct db *db, struct uuid submission, struct problem *err) MUST_CHECK;
int	 on_intake_submitted(struct event *e, struct problem *err);

/* ---- medication.c */
struct medication {
	const char *name;
	const char *dosage;
	int64_t price_cents;
	const char *currency;
	const char *sku;
	const char *ndc;
	int64_t quantity;
	int64_t supply_days;
	int64_t refills;
	const char *directions;
};
int	 medication_find(struct db *db, const char *intake_type, const char *name, const char *dosage, struct medication *ret,
    bool *found, struct problem *err) MUST_CHECK;
int	 medication_list(struct req *r, struct problem *err);		/* GET /orchestrator/medications */

/* ---- mapping.c */
/* *ret NULL: none. */
int	 mapping_find(struct db *db, struct uuid patient, const char *system, const char **ret, struct problem *err) MUST_CHECK;
int	 on_patient_created(struct event *e, struct problem *err);

/* ---- sync_log.c */
struct sync_entry {
	const char *system;		/* the pharmacy's code, or canvas */
	const char *direction;		/* out, in */
	const char *action;
	const char *outcome;
	const char *external_id;
	const char *detail;
};
int	 sync_log(struct db *db, const struct run *run, const struct sync_entry *e, struct problem *err) MUST_CHECK;
int	 sync_log_list(struct req *r, struct problem *err);		/* GET /orchestrator/sync-logs */

/* ---- refill.c */
int	 refill_schedule(struct db *db, const struct run *run, int64_t supply_days, int64_t refills, const char **next_date,
    struct problem *err)
	    MUST_CHECK;		/* *next_date NULL: nothing to schedule */
int	 refill_cancel(struct db *db, struct uuid run, struct problem *err) MUST_CHECK;
int	 refill_due_job(struct job *j, struct problem *err);
int	 refill_remind_job(struct job *j, struct problem *err);

/* ---- notice.c: messages that are no step of a run */
int	 notice_enqueue(struct db *db, struct uuid run, const char *type, struct problem *err) MUST_CHECK;
int	 notice_job(struct job *j, struct problem *err);
const char *notice_amount(struct arena *a, int64_t cents);		/* 29900 -> 299.00 */
/* The body of POST /notify/send to a run's patient. */
const char *notice_body(struct arena *a, const struct run *run, const char *type);

/* ---- record.c: the steps as people read them */
int	 record_begin(struct saga *s, const char *step, struct problem *err) MUST_CHECK;
/* Merged into what is there; ids, codes, amounts. */
int	 record_result(struct saga *s, const char *step, const char *json, struct problem *err) MUST_CHECK;
int	 record_moved(struct saga *s, const struct saga_step *step, const char *state, const char *reason, struct problem *err);

/* ---- the saga: steps.c is its table, steps_read.c and steps_act.c what its steps do, steps_undo.c what takes it back */
#define PRESCRIPTION "prescription"
extern const struct saga_kind prescription_saga;

int	 step_run(struct saga *s, struct run *run, struct problem *err) MUST_CHECK;	/* the run of this saga */
json_t	*step_patient(struct saga *s, const struct run *run, struct problem *err);	/* opened, in the arena */

int	 medication_config_do(struct saga *s, struct problem *err);
int	 patient_lookup_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 patient_lookup_take(struct saga *s, const json_t *reply, struct problem *err);
int	 verify_claim_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 verify_claim_take(struct saga *s, const json_t *reply, struct problem *err);
int	 verify_licence_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 verify_licence_take(struct saga *s, const json_t *reply, struct problem *err);
int	 resolve_prescriber_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 resolve_prescriber_take(struct saga *s, const json_t *reply, struct problem *err);
int	 route_pharmacy_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 route_pharmacy_take(struct saga *s, const json_t *reply, struct problem *err);

int	 authorise_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 authorise_take(struct saga *s, const json_t *reply, struct problem *err);
int	 authorise_polled(struct saga *s, const json_t *reply, struct problem *err);
int	 authorise_held_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 payment_poll(struct saga *s, struct saga_call *call, struct problem *err);
int	 submit_rx_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 submit_rx_take(struct saga *s, const json_t *reply, struct problem *err);
int	 submit_rx_poll(struct saga *s, struct saga_call *call, struct problem *err);
int	 submit_rx_polled(struct saga *s, const json_t *reply, struct problem *err);
int	 hp_note_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 charge_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 charge_polled(struct saga *s, const json_t *reply, struct problem *err);
int	 release_rx_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 notify_approved_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 notify_charged_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 create_shipment_plan(struct saga *s, struct saga_call *call, struct problem *err);
int	 create_shipment_take(struct saga *s, const json_t *reply, struct problem *err);
int	 schedule_refills_do(struct saga *s, struct problem *err);
bool	 step_held(const struct run *run);		/* the pharmacy holds the prescription until it is paid */
void	 step_ask(struct saga_call *call, const char *service, const char *method, const char *path, const char *body);

int	 way_back_open(struct saga *s, const char **why_not, struct problem *err);	/* .may_turn */
int	 authorise_undo(struct saga *s, struct saga_call *call, struct problem *err);
int	 payment_undo_poll(struct saga *s, struct saga_call *call, struct problem *err);
int	 payment_undo_polled(struct saga *s, const json_t *reply, struct problem *err);
int	 submit_rx_undo(struct saga *s, struct saga_call *call, struct problem *err);
int	 submit_rx_undo_polled(struct saga *s, const json_t *reply, struct problem *err);
int	 hp_note_undo(struct saga *s, struct saga_call *call, struct problem *err);
int	 charge_undo(struct saga *s, struct saga_call *call, struct problem *err);
int	 notify_undo(struct saga *s, struct saga_call *call, struct problem *err);
int	 create_shipment_undo(struct saga *s, struct saga_call *call, struct problem *err);
int	 create_shipment_undo_poll(struct saga *s, struct saga_call *call, struct problem *err);
int	 create_shipment_undo_polled(struct saga *s, const json_t *reply, struct problem *err);
int	 schedule_refills_undo(struct saga *s, struct saga_call *call, struct problem *err);

const char *hp_note_text(struct arena *a, const struct run *run, const json_t *patient);	/* note.c */

/* ---- event.c */
/* Outcomes arrive as events or by polls; these apply one either way. code may be NULL. */
int	 outcome_payment(struct db *db, struct uuid run, const char *status, const char *code, struct problem *err) MUST_CHECK;
int	 outcome_rx(struct db *db, struct uuid run, const char *status, const char *reason, struct problem *err) MUST_CHECK;
int	 outcome_shipment(struct db *db, struct uuid run, const char *status, const char *reason, struct problem *err) MUST_CHECK;
int	 on_payment(struct event *e, struct problem *err);
int	 on_rx_updated(struct event *e, struct problem *err);
int	 on_note_created(struct event *e, struct problem *err);
int	 on_shipment_updated(struct event *e, struct problem *err);

#endif
