/*
 * sandbox_own.h: the handlers behind the rows of sandbox.c, and its jobs.
 */
#ifndef SANDBOX_OWN_H
#define SANDBOX_OWN_H

#include "sandbox/vendor.h"

/* Our own questions and switches. */
int	 sb_ledger(struct req *r, struct problem *err);
int	 sb_faults_set(struct req *r, struct problem *err);
int	 sb_faults_list(struct req *r, struct problem *err);
int	 sb_faults_clear(struct req *r, struct problem *err);
int	 sb_outbox(struct req *r, struct problem *err);

/* The vendors. */
int	 sb_stripe(struct req *r, struct problem *err);
int	 sb_canvas(struct req *r, struct problem *err);
int	 sb_sendgrid(struct req *r, struct problem *err);
int	 sb_twilio(struct req *r, struct problem *err);
int	 sb_slack(struct req *r, struct problem *err);
int	 sb_hubspot(struct req *r, struct problem *err);
int	 sb_boothwyn(struct req *r, struct problem *err);
int	 sb_pioneerrx(struct req *r, struct problem *err);
int	 sb_pharmacy(struct req *r, struct problem *err);
int	 sb_fedex(struct req *r, struct problem *err);
int	 sb_shippo(struct req *r, struct problem *err);

/* What they send. */
int	 sb_stripe_expire_job(struct job *j, struct problem *err);	/* a Checkout Session whose time is up */
int	 sb_stripe_webhook_job(struct job *j, struct problem *err);
int	 sb_shippo_webhook_job(struct job *j, struct problem *err);
int	 sb_boothwyn_webhook_job(struct job *j, struct problem *err);
int	 sb_pharmacy_webhook_job(struct job *j, struct problem *err);
int	 sb_twilio_callback_job(struct job *j, struct problem *err);

#endif
