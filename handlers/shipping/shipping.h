/*
 * shipping.h: what the shipping service shows to the rest, its table, and what its files share.
 */
#ifndef SHIPPING_H
#define SHIPPING_H

#include "service.h"

extern const struct service shipping_service;

/* ---- shipment.c: the row and its states */
struct shipment {
	struct uuid id;
	struct uuid external_id;
	struct uuid submission_id;
	struct uuid patient_id;
	const char *kind;
	const char *pharmacy;
	const char *status;
	const char *reason;
	const char *carrier;
	const char *tracking_number;
	int64_t version;
	struct bytes address_enc;
	struct bytes label_enc;
	/* of a prescription's parcel; nil, 0 and NULL for others */
	struct uuid pharmacy_id;
	int64_t generation;		/* of the label */
	const char *rate;		/* Shippo's, once chosen */
	const char *transaction;	/* Shippo's, once bought */
	const char *tracking_url;
	int64_t eta;			/* microseconds */
};

int	 shipment_create(struct req *r, struct problem *err);
int	 shipment_show(struct req *r, struct problem *err);
int	 shipment_label(struct req *r, struct problem *err);
int	 shipment_packed(struct req *r, struct problem *err);
int	 shipment_shipped(struct req *r, struct problem *err);
int	 shipment_void(struct req *r, struct problem *err);
int	 shipment_reply(struct req *r, int status, const struct shipment *s, struct problem *err) MUST_CHECK;
int	 shipment_load(struct db *db, struct uuid id, struct shipment *ret, struct problem *err) MUST_CHECK;
/* Moves along the monotone line: history, audit, event, and the patient's message where one is due. A late or repeated status changes nothing: *moved false.
 * s->status and s->version follow. */
int	 shipment_move(struct db *db, struct shipment *s, const char *status, const char *reason, bool *moved, struct problem *err) MUST_CHECK;
bool	 shipment_may(const char *from, const char *to);

/* ---- print.c */
int	 print_list(struct req *r, struct problem *err);
int	 print_printing(struct req *r, struct problem *err);
int	 print_printed(struct req *r, struct problem *err);
int	 print_failed(struct req *r, struct problem *err);
int	 print_retry(struct req *r, struct problem *err);
int	 print_add(struct db *db, const struct shipment *s, struct problem *err) MUST_CHECK;

/* ---- fedex.c: the label */
int	 label_job(struct job *j, struct problem *err);
extern const struct effect_kind fedex_ship_effect;
int	 fedex_dress(struct job *j, struct effect *e, struct http_call *call, struct problem *err);
/* Headers with a valid token, NULL-terminated. */
const char *const *fedex_headers(struct job *j, struct problem *err);
void	 fedex_forget_token(struct job *j);

/* ---- void.c: taking a parcel back */
extern const struct effect_kind fedex_cancel_effect;
/* A parcel that may be voided: its label is not bought, or voided at whoever sold it. s follows. */
int	 parcel_take_back(struct db *db, const struct conf *conf, struct shipment *s, struct problem *err) MUST_CHECK;
int	 label_cancel(struct db *db, const struct conf *conf, const struct shipment *s, struct problem *err) MUST_CHECK;

/* ---- track.c */
/* The carrier's scans of a parcel, newest first; no transaction may be open. */
json_t	*track_scans(struct job *j, const struct shipment *s, struct problem *err);
int	 track_job(struct job *j, struct problem *err);
/* FedEx's answer about at most thirty numbers; NULL with 503 carrier_unavailable. No transaction may be open. */
json_t	*track_ask(struct job *j, const char *const *numbers, size_t n, struct problem *err) MUST_CHECK;
const char *track_status(const char *code);	/* FedEx's scan code as our status; in_transit for an unknown one */

/* ---- reconcile.c: our parcels against what the carrier says */
int	 parcels_reconcile_job(struct job *j, struct problem *err);	/* fedex.reconcile, fedex.close */

/* ---- message.c */
int	 tell_patient_job(struct job *j, struct problem *err);

#endif
