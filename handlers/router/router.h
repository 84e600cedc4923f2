/*
 * router.h: what the router shows to the rest, its table, and what its files share.
 */
#ifndef ROUTER_H
#define ROUTER_H

#include "service.h"

extern const struct service router_service;

/* ---- choice.c */
int	 choice_show(struct req *r, struct problem *err);		/* POST /rx/route */
/* The row {code, name, adapter, own_shipping, holds, licensed} for a state; 422 "state_excluded", "no_pharmacy". */
int	 choice_make(struct db *db, const struct conf *conf, const char *state, const char *platform, const struct row **ret,
	    struct problem *err) MUST_CHECK;

/* ---- submission.c: the row and its states */
struct submission {
	struct uuid id;
	struct uuid external_id;
	struct uuid submission_id;
	struct uuid patient_id;
	const char *caller;
	const char *pharmacy;
	const char *adapter;
	const char *status;
	const char *reason;
	const char *callback_url;
	const char *vendor_patient;
	const char *vendor_order;
	const char *tracking_number;
	const char *tracking_url;
	bool hold;			/* submitted on hold, until it is released */
	int generation;			/* of the effects that send it: 2 when it is sent again after a refusal */
	int64_t version;
	struct bytes payload_enc;
};

int	 submission_create(struct req *r, struct problem *err);		/* POST /rx/prescriptions/submit */
int	 submission_show(struct req *r, struct problem *err);		/* GET /rx/prescriptions/:id */
int	 submission_find(struct req *r, struct problem *err);		/* GET /rx/prescriptions?externalId= */

/* A submission to be. */
struct submission_request {
	struct uuid id;
	const char *caller;
	struct uuid external_id, submission_id, patient_id;
	const char *pharmacy;
	struct bytes payload;		/* {patient, prescriber, medication}, not yet sealed */
	const char *callback_url;
	bool hold;
};
/* Writes it and has its adapter begin; *made false: the caller has one of this external id, or there is no such pharmacy. */
int	 submission_put(struct db *db, const struct submission_request *q, bool *made, struct problem *err) MUST_CHECK;
/* A rejected one is sent once more under the same id, with a new payload and as a new act. */
int	 submission_again(struct db *db, const struct submission_request *q, struct problem *err) MUST_CHECK;
/* For a change: locked. */
int	 submission_lock(struct db *db, struct uuid id, struct submission *ret, struct problem *err) MUST_CHECK;

/* For a request that changes it: locked, and 404 when it is another caller's. */
int	 submission_own(struct req *r, struct submission *ret, struct problem *err) MUST_CHECK;
/* Locked, for the adapter's job that is about to send; *wanted false: it was taken back meanwhile. */
int	 submission_to_send(struct db *db, struct uuid id, struct submission *ret, bool *wanted, struct problem *err) MUST_CHECK;
void	 submission_to_json(struct json_writer *w, const struct submission *s);
/* Loads the row; 404 when there is none. */
int	 submission_load(struct db *db, struct uuid id, struct submission *ret, struct problem *err) MUST_CHECK;
/* The prescription as submitted, opened; lives in the db's arena. */
json_t	*submission_payload(struct db *db, const struct submission *s, struct problem *err) MUST_CHECK;
/* What is to be dispensed by it, in ten-thousandths (base/decimal.h); 0: it does not say, and no pharmacy takes that. */
int64_t	 submission_quantity(const json_t *payload);

/* What a pharmacy said, applied by the one table of legal moves: history, event and callback in the caller's transaction. A move that is not legal
 * (late, repeated) changes nothing and sets *moved false. */
struct submission_news {
	const char *status;
	const char *reason;
	const char *vendor_order;
	const char *tracking_number;
	const char *tracking_url;
	bool own_parcel;	/* shipping told us: it knows the parcel */
};
int	 submission_move(struct db *db, const struct submission *s, const struct submission_news *news, bool *moved, struct problem *err) MUST_CHECK;
/* rx.submission.updated alone, of what is no move. */
int	 submission_tell(struct db *db, const struct submission *s, const struct submission_news *news, struct problem *err) MUST_CHECK;

/* ---- cancel.c */
int	 submission_cancel(struct req *r, struct problem *err);		/* POST /rx/prescriptions/:id/cancel */
int	 submission_release(struct req *r, struct problem *err);	/* POST /rx/prescriptions/:id/release */
/* Takes a locked one back, at once or by asking; s->status says which. 409 "already_shipped". */
int	 submission_take_back(struct db *db, struct submission *s, struct problem *err) MUST_CHECK;
/* A person must ask the pharmacy, in the caller's transaction. */
int	 submission_ask_cancel(struct db *db, const struct submission *s, struct problem *err) MUST_CHECK;

/* ---- the adapters: pioneerrx.c, boothwyn.c */
int	 pioneerrx_submit_job(struct job *j, struct problem *err);	/* finds or adds the patient */
int	 pioneerrx_prescribe_job(struct job *j, struct problem *err);	/* finds the prescriber, intends the order */
int	 pioneerrx_follow_job(struct job *j, struct problem *err);	/* asks for the order's status until it ends */
/* The pharmacy's own words for where the order of this submission is; *status NULL: it has none. No transaction may be open. */
int	 pioneerrx_status(struct job *j, struct uuid id, const char **status, struct problem *err) MUST_CHECK;
bool	 pioneerrx_cancelled(const char *status);			/* one of its words for an order that will not be filled */
int	 pioneerrx_release(struct req *r, const struct submission *s, struct problem *err) MUST_CHECK;
int	 boothwyn_submit_job(struct job *j, struct problem *err);
extern const struct effect_kind pioneerrx_patient_effect;
extern const struct effect_kind pioneerrx_order_effect;
extern const struct effect_kind pioneerrx_release_effect;
extern const struct effect_kind boothwyn_order_effect;

/* ---- reconcile.c: our prescriptions against what the pharmacies say */
int	 orders_reconcile_job(struct job *j, struct problem *err);	/* pioneerrx.reconcile, pioneerrx.close */

/* ---- webhook.c */
extern const struct webhook_source boothwyn_webhook_source;
extern const struct webhook_source pioneerrx_webhook_source;

/* ---- callback.c */
int	 callback_job(struct job *j, struct problem *err);		/* the caller's callbackUrl */
int	 parcel_job(struct job *j, struct problem *err);		/* a parcel the pharmacy shipped: shipping follows it */

#endif
