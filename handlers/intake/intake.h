/*
 * intake.h: what the intake service shows to the rest (its table), and what its files show to each other.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "service.h"

extern const struct service intake_service;

/* Ids as types: they do not fit where another one belongs. */
struct intake_id { struct uuid v; };
struct submission_id { struct uuid v; };

/* ---- plan.c: what can be bought, at which price */
struct plan_claim {			/* what a good token says */
	const char *plan_id;
	const char *intake_type;
	int64_t amount_cents;
};
struct plan {
	const char *currency;
};
int	 plan_list(struct req *r, struct problem *err);
int	 form_show(struct req *r, struct problem *err);
/* Signature and age; 400 problems. token NULL: missing. */
int	 plan_token_read(struct req *r, const char *token, struct plan_claim *ret, struct problem *err) MUST_CHECK;
/* The active plan of that claim, at exactly that price. Transaction open. */
int	 plan_agrees(struct db *db, const struct plan_claim *c, struct plan *ret, struct problem *err) MUST_CHECK;

/* ---- key.c: the keys that envelopes are sealed for */
int	 key_list(struct req *r, struct problem *err);

/* ---- verification.c */
int	 code_send(struct req *r, struct problem *err);
int	 code_check(struct req *r, struct problem *err);
int	 code_mail_job(struct job *j, struct problem *err);
int	 code_buried(struct job *j, struct problem *err);
int	 sweep_job(struct job *j, struct problem *err);

/* ---- session.c: one intake and whoever holds its token */
struct session {
	struct intake_id id;
	struct uuid patient_id;
	const char *state;		/* draft, submitted, … */
	const char *email;
	const char *region;		/* attested state; NULL before the payment step, like all below */
	const char *birth_date;
	const char *plan_id;
	const char *intake_type;
	int64_t amount_cents;
	const char *currency;
	struct uuid setup_intent_id;
};
int	 session_resume(struct req *r, const char *token, struct problem *err);		/* the service's .session */
/* A new intake for a proven address; writes the reply with the token. Transaction open. */
int	 session_open(struct req *r, const char *email, struct problem *err) MUST_CHECK;
int	 session_load(struct db *db, struct intake_id id, struct session *ret, struct problem *err) MUST_CHECK;
#define EMAIL_INDEX "intake.email"
struct bytes email_index_of(struct db *db, const char *normalised);

/* ---- rules.c: who may be served; the same before Stripe and at submit */
int	 rule_state(const struct conf *conf, const char *state, struct problem *err) MUST_CHECK;	/* 422 state_excluded */
int	 rule_age(const struct conf *conf, const char *birth_date, struct problem *err) MUST_CHECK;	/* 422 under_age */
int	 rule_consents(const json_t *consents, struct problem *err) MUST_CHECK;				/* 422 consent_missing */

/* ---- payment.c */
int	 payment_ask(struct req *r, struct problem *err);
int	 payment_lock(struct req *r, struct problem *err);
int	 payment_is_saved(struct req *r, const struct session *s, struct problem *err) MUST_CHECK;	/* asks billing */

/* ---- form.c: what the envelope holds */
extern const struct field form_fields[];
/* Known members, limits, the session's facts, the questionnaire's required answers. Transaction open. platform gets the form's. */
int	 form_check(struct req *r, const struct session *s, const json_t *form, const char *version, const char **platform,
	    struct problem *err) MUST_CHECK;

/* ---- submission.c */
int	 submit_ask(struct req *r, struct problem *err);
int	 submit(struct req *r, struct problem *err);
int	 submission_show(struct req *r, struct problem *err);

/* ---- contact.c */
int	 contact_show(struct req *r, struct problem *err);

/* ---- downstream.c */
int	 downstream_begin(struct db *db, struct submission_id id, struct uuid patient, struct problem *err) MUST_CHECK;
int	 ehr_patient_job(struct job *j, struct problem *err);
int	 ehr_task_job(struct job *j, struct problem *err);
int	 ehr_patient_buried(struct job *j, struct problem *err);
int	 ehr_task_buried(struct job *j, struct problem *err);
int	 on_ehr_patient_created(struct event *e, struct problem *err);
int	 on_ehr_task_created(struct event *e, struct problem *err);
int	 retry_list(struct req *r, struct problem *err);

/* ---- case.c, case_form.c: POST /intake */
extern const struct field case_form_body[], case_form_reply[];
int	 case_ask(struct req *r, struct problem *err);
int	 case_submit(struct req *r, struct problem *err);
int	 case_form_show(struct req *r, struct problem *err);

#endif
