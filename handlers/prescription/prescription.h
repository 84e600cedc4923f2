/*
 * prescription.h: what the service prescription shows to the rest, its table, and what its files share.
 */
#ifndef PRESCRIPTION_H
#define PRESCRIPTION_H

#include "prescription/rules/rules.h"
#include "prescription/script/script.h"
#include "service.h"

extern const struct service prescription_service;

#define NCPDP_CALLER "ncpdp" /* the switch that brings messages */

/* ---- status.c: where a prescription stands, and what moves it */
struct prescription {
	struct uuid id;
	struct uuid patient_id;
	const char *source;
	const char *status;
	const char *reached;
	int64_t status_at; /* microseconds: when what made the status happened */
	const char *sender, *message_id, *order_number;
	bool is_signed, is_test;
	struct bytes content_enc, raw_enc;
	const struct row *row; /* all columns of COLUMNS in status.c */
};

/* Something that happened to a prescription. */
struct rx_event {
	const char *name;  /* of the table in status.c: a topic, or one of ours */
	int64_t at;        /* when it happened; 0 = now */
	const char *actor; /* NULL: the transaction's */
	const char *reason;
};

/* The status names by surface. NULL: not one of ours. */
const char *status_of_seed(const char *status); /* seed 002: created, approved, sent, failed, fulfilled, completed, cancelled, partial */
const char *status_of_fhir(const char *status); /* MedicationRequest.status */

/* *ret->row NULL when there is none: 404 "not_found". locked: until the transaction ends, for who is about to move it. */
int prescription_load(struct db *db, struct uuid id, bool locked, struct prescription *ret, struct problem *err) MUST_CHECK;
/* Takes the event down and moves what it moves: history, audit, prescription.status.changed, in the caller's transaction. The row is locked. An
 * event that comes too late is history and moves nothing; *moved may be NULL. p follows. */
int prescription_apply(struct db *db, struct prescription *p, const struct rx_event *e, bool *moved, struct problem *err) MUST_CHECK;
int history_add(struct db *db, const struct prescription *p, const char *from, const struct rx_event *e, bool late, struct problem *err) MUST_CHECK;
/* Whether the event would move it now. */
bool prescription_may(const struct prescription *p, const char *event);
/* cancelled, cancel_pending, or NULL: it has left the pharmacy, or is over. */
const char *prescription_cancels_to(const struct prescription *p);

/* ---- content.c: the sealed part */
int content_open(struct db *db, const struct prescription *p, const char *text[SCRIPT__MAX], struct problem *err) MUST_CHECK;
int content_seal(struct db *db, struct uuid patient, struct uuid id, const char *const text[SCRIPT__MAX], struct bytes *ret, struct problem *err) MUST_CHECK;
/* The columns that are read out of it. */
int content_columns(struct db *db, struct uuid id, const char *const text[SCRIPT__MAX], struct bytes sealed, struct problem *err) MUST_CHECK;

/* ---- patient.c: who it is for */
/* The known patient of this name, birth date and telephone, or a new one. */
int patient_match(struct db *db, const char *const text[SCRIPT__MAX], const char *sender, struct uuid *ret, struct problem *err) MUST_CHECK;
/* What is known of others that contradicts this one (P-VAL-08). */
int patient_doubts(struct db *db, struct uuid patient, const char *const text[SCRIPT__MAX], const char *sender, struct rx_known *known,
    struct problem *err) MUST_CHECK;
int patient_confirm(struct db *db, struct uuid patient, struct problem *err) MUST_CHECK;
bool patient_is_same(struct arena *a, const char *const x[SCRIPT__MAX], const char *const y[SCRIPT__MAX]); /* name and birth date */
extern const struct blind_column patient_blind[3];

/* ---- intake.c, message.c: what arrives */
int	 intake_receive(struct req *r, struct problem *err);
/* What a message came to, as both answers say it. */
struct taken {
	struct uuid id;       /* the prescription; nil for none */
	const char *status;   /* received, cancelled, cancel_pending, cancel_refused, recorded */
	bool duplicate;
	int http;
	const char *answer;   /* XML */
};
int newrx_take(struct req *r, const struct script_message *m, struct bytes xml, struct taken *ret, struct problem *err) MUST_CHECK;
int cancelrx_take(struct req *r, const struct script_message *m, struct taken *ret, struct problem *err) MUST_CHECK;
int reply_take(struct req *r, const struct script_message *m, struct taken *ret, struct problem *err) MUST_CHECK; /* Status, Verify, Error */
const char *message_answer(struct arena *a, const struct script_message *m, int kind, const char *code, const char *description);
/* A message for the sender of this prescription, to be fetched: Verify, CancelRxResponse. Nothing for one that came otherwise. */
int message_out(struct db *db, const struct prescription *p, int kind, const char *code, const char *description, struct problem *err) MUST_CHECK;
int	 messages_list(struct req *r, struct problem *err);
int	 messages_fetch(struct req *r, struct problem *err);

/* ---- validate.c */
int	 validate_later(struct db *db, struct uuid prescription, struct problem *err) MUST_CHECK;
int	 validate_job(struct job *j, struct problem *err);
int	 validate_sweep_job(struct job *j, struct problem *err);

/* ---- correct.c */
int	 correct(struct req *r, struct problem *err);
int	 revalidate(struct req *r, struct problem *err);

/* ---- cancel.c */
int	 cancel(struct req *r, struct problem *err);
int	 cancel_settle(struct req *r, struct problem *err);
/* Cancels or asks for it; p->status says which. 409 "already_shipped" when it is too late. */
int	 prescription_cancel(struct db *db, struct prescription *p, const char *reason, struct problem *err) MUST_CHECK;

/* ---- written.c: what the provider of a case writes */
int	 written_create(struct req *r, struct problem *err);
int	 written_person_job(struct job *j, struct problem *err);

/* ---- show.c */
int	 list(struct req *r, struct problem *err);
int	 show(struct req *r, struct problem *err);
int	 show_seed(struct req *r, struct problem *err);
int	 history(struct req *r, struct problem *err);
int	 details(struct req *r, struct problem *err);
int	 prescription_may_see(const struct req *r, const struct prescription *p, struct problem *err) MUST_CHECK; /* 404 otherwise */

/* ---- event.c: what the others tell */
event_fn on_event, on_provider_assigned, on_order_moved;

#endif
