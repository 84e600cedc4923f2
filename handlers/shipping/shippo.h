/*
 * shippo.h: the parcels of prescriptions and their labels at Shippo, among the files of shipping.
 */
#ifndef SHIPPING_SHIPPO_H
#define SHIPPING_SHIPPO_H

#include "shipping/shipping.h"

/* ---- prescription.c: what asks for a parcel, and what it takes */
int	 on_payment_completed(struct event *e, struct problem *err);
int	 on_adjudicated(struct event *e, struct problem *err);			/* a copay of nothing */
int	 on_pharmacy_selected(struct event *e, struct problem *err);
int	 on_prescription_status(struct event *e, struct problem *err);		/* cancelled: taken back */
int	 parcel_prepare_job(struct job *j, struct problem *err);
int	 parcels_sweep_job(struct job *j, struct problem *err);
/* The prescription with patient and medication, as its owner tells it; no transaction may be open. */
int	 parcel_ask_prescription(struct job *j, struct uuid prescription, json_t **ret, struct problem *err) MUST_CHECK;
/* The rate to be bought; NULL: none will do. */
const json_t *parcel_rate(const json_t *rates, bool cold, int64_t most_days);

/* ---- shippo.c: the label */
extern const struct effect_kind shippo_buy_effect;
extern const struct effect_kind shippo_refund_effect;
/* Shippo's answer; NULL with 503 carrier_unavailable, to be asked again, or 422 carrier_refused (PERMANENT), 404 carrier_missing. */
json_t	*shippo_ask(struct job *j, const char *method, const char *path, const char *body, int total_ms, struct problem *err) MUST_CHECK;
/* Keeps what was chosen and intends to buy it, in the caller's transaction; a parcel that is no longer waiting is left alone. */
int	 shippo_buy(struct db *db, const struct shipment *s, const json_t *rate, bool cold, bool controlled, const char *pharmacy,
    struct problem *err) MUST_CHECK;
int	 shippo_refund(struct db *db, const struct shipment *s, struct problem *err) MUST_CHECK;
int	 label_fetch_job(struct job *j, struct problem *err);	/* the file, before its address expires */

/* ---- reconcile_labels.c: our labels against Shippo's list */
int	 labels_reconcile_job(struct job *j, struct problem *err);	/* shippo.reconcile, shippo.close */

/* ---- follow.c: where it is */
extern const struct webhook_source shippo_webhook_source;
int	 follow_job(struct job *j, struct problem *err);	/* asks about one parcel */
int	 follow_sweep_job(struct job *j, struct problem *err);	/* asks about those that are quiet */
int	 parcel_raise(struct db *db, const struct shipment *s, const char *code, struct problem *err) MUST_CHECK;	/* a person must look */

#endif
