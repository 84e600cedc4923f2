/*
 * adjudication.h: what the adjudication service shows to the rest, its table, and what its files share.
 */
#ifndef ADJUDICATION_H
#define ADJUDICATION_H

#include "base/money.h"
#include "service.h"

extern const struct service adjudication_service;
extern const struct field result_fields[];	/* what a pharmacy reports; also of the messages that the sweep finds */

/* ---- row.c: the row, its states, and what others hear of it */
struct adjudication {
	struct uuid id, prescription, patient;
	const char *pharmacy_id, *pharmacy_name, *status, *reason;
	int64_t claim;
	const char *prior_auth_number, *insurance_type, *program_id, *program_name;
	int64_t max_discount;		/* cents */
	const char *payer_claim_id;	/* NULL: no result counts yet, and the figures mean nothing */
	int64_t drug_cost, insurance_paid, copay, discount, final_copay;	/* cents */
	const char *programs;		/* JSON array, NULL */
	bool paid, late;
	int64_t version, updated_at;
};
int	 adjudication_load(struct db *db, struct uuid id, bool lock, struct adjudication *ret, struct problem *err) MUST_CHECK;
/* *found false: the prescription was never to be adjudicated. */
int	 adjudication_of(struct db *db, struct uuid prescription, bool lock, struct adjudication *ret, bool *found, struct problem *err) MUST_CHECK;
/* Status (which may be the one it has), history, audit; the cached answer is dropped. a follows. 409 serialization when it moved meanwhile. */
int	 adjudication_move(struct db *db, struct adjudication *a, const char *status, const char *reason, struct problem *err) MUST_CHECK;
bool	 adjudication_is(const struct adjudication *a, const char *status);
int	 tell_completed(struct db *db, const struct adjudication *a, struct problem *err) MUST_CHECK;
int	 tell_rejected(struct db *db, const struct adjudication *a, const char *code, struct problem *err) MUST_CHECK;
int	 tell_prior_auth(struct db *db, const struct adjudication *a, struct uuid prior_auth, struct problem *err) MUST_CHECK;
/* A person must look at it, or need not any more. subject: the prescription. */
int	 call_person(struct db *db, const struct adjudication *a, const char *kind, const char *code, struct problem *err) MUST_CHECK;
int	 let_person(struct db *db, const struct adjudication *a, const char *kind, struct problem *err) MUST_CHECK;

/* ---- claim.c: from the selected pharmacy to the claim that is sent */
int	 pharmacy_selected(struct event *e, struct problem *err);
int	 payment_completed(struct event *e, struct problem *err);
int	 prescription_moved(struct event *e, struct problem *err);	/* prescription.status.changed */
int	 claim_job(struct job *j, struct problem *err);
int	 claim_buried(struct job *j, struct problem *err);
int	 overdue_job(struct job *j, struct problem *err);
int	 readjudicate(struct req *r, struct problem *err);
/* The next claim of the prescription, from whatever the last one came to; an open prior authorisation is withdrawn. */
int	 claim_again(struct db *db, struct adjudication *a, const char *reason, struct problem *err) MUST_CHECK;

/* ---- pharmacy.c: the adapter */
extern const struct effect_kind pharmacy_claim_effect;
extern const struct webhook_source pharmacy_results;
/* What goes out: prescription's details and the insurance as their owners answered, the program's part of the reservation or NULL. */
struct bytes claim_body(struct arena *a, const struct adjudication *x, const json_t *rx, const json_t *insurance, const json_t *reservation);

/* ---- result.c: what a pharmacy reports */
int	 result_receive(struct req *r, struct problem *err);
int	 result_read(struct arena *a, const struct conf *conf, struct bytes raw, const json_t *message, size_t i, struct webhook_event *ret,
    struct problem *err);
int	 result_admit(struct db *db, struct webhook_event *e, struct problem *err);
int	 result_handle(struct job *j, const struct webhook_event *e, struct problem *err);

/* ---- figures.c: whether a result adds up */
struct figures {
	const char *payer_claim_id, *status;	/* approved, rejected, prior_auth_required */
	const char *reject_code;		/* NULL: none */
	int64_t drug_cost, insurance_paid, copay, discount, final_copay;
	const char *programs;			/* JSON array: those it names */
	int64_t claim;				/* 0: it does not say */
	int64_t happened_at;			/* 0: it does not say */
	const char *fault;			/* NULL, or the code of what is wrong in it by itself */
	const char *digest;			/* equal for two results that say the same */
};
void	 figures_of(struct arena *a, const json_t *message, struct figures *ret);
/* What is wrong with it as the answer to this claim, besides; NULL: nothing. */
const char *figures_against(struct arena *a, const struct figures *f, const struct adjudication *x);

/* ---- attempt.c: each claim that was made, at which pharmacy */
int	 attempt_add(struct db *db, const struct adjudication *a, struct problem *err) MUST_CHECK;	/* the current one begins */
int	 attempt_sent(struct db *db, const struct adjudication *a, struct problem *err) MUST_CHECK;	/* from now on it may be at its pharmacy */
int	 attempt_settled(struct db *db, struct uuid adjudication, int64_t claim, bool taken, const char *ref, struct problem *err) MUST_CHECK;
/* Of which claim the result speaks: f->claim stays 0 when it says nothing of it, for the current one; f->fault: when it may be another's. */
int	 attempt_named(struct db *db, const struct adjudication *a, struct figures *f, struct problem *err) MUST_CHECK;
/* What came of f->claim, also of an earlier one: a pharmacy that is not to fill it and was paid has to take that back. */
int	 attempt_result(struct db *db, const struct adjudication *a, const struct figures *f, struct problem *err) MUST_CHECK;
/* Another pharmacy is selected, a->pharmacy_id, and the claims of the earlier ones are to be reversed; the current claim is still the earlier one's. */
int	 attempts_leave(struct db *db, const struct adjudication *a, struct problem *err) MUST_CHECK;
int	 attempt_reversed(struct req *r, struct problem *err);
int	 attempts_write(struct db *db, struct json_writer *w, const struct adjudication *a, struct problem *err) MUST_CHECK;	/* member claims */

/* ---- reject.c: NCPDP reject codes */
struct reject {
	const char *code, *text, *advice;	/* advice: correct, prior_auth, reroute, wait, patient */
};
const struct reject *reject_find(const char *code);	/* never NULL */

/* ---- prior_auth.c */
int	 prior_auth_list(struct req *r, struct problem *err);
int	 prior_auth_show(struct req *r, struct problem *err);
int	 prior_auth_submit(struct req *r, struct problem *err);
int	 prior_auth_change(struct req *r, struct problem *err);
int	 prior_auth_open(struct db *db, const struct adjudication *a, struct uuid *ret, struct problem *err) MUST_CHECK;
int	 prior_auth_withdraw(struct db *db, const struct adjudication *a, struct problem *err) MUST_CHECK;

/* ---- show.c */
int	 adjudication_list(struct req *r, struct problem *err);
int	 adjudication_show(struct req *r, struct problem *err);
/* The answer of adjudication_show is kept at hand for half an hour (P-ADJ-07). */
int	 adjudication_keep(struct db *db, const struct conf *conf, const struct adjudication *a, struct problem *err) MUST_CHECK;
int	 adjudication_drop(struct db *db, const struct adjudication *a, struct problem *err) MUST_CHECK;

#endif
