/*
 * orders.h: pharmacy orders (A-API-15 to 18): somebody asks for a prescription to go to a pharmacy, looks how it stands, takes it back, or sends it again.
 *
 *	order.c		the row and the four endpoints
 *	send.c		the jobs: the prescription is asked for and submitted; a parcel of our own is handed to shipping
 *	fields.c	the field tables
 */
#ifndef ROUTER_ORDERS_H
#define ROUTER_ORDERS_H

#include "router/router.h"

#define ORDER_CALLER "orders" /* the caller of an order's submission: no service has this name */

struct order {
	struct uuid id, prescription, patient, case_id, submission; /* nil: not known yet */
	const char *pharmacy, *status, *reason, *tracking_number;   /* may be NULL, but status */
	const char *requested_by;
	int64_t created_at;
};

/* ---- order.c */
int order_create(struct req *r, struct problem *err); /* POST /orders */
int order_show(struct req *r, struct problem *err);   /* GET /orders/:id */
int order_cancel(struct req *r, struct problem *err); /* POST /orders/:id/cancel */
int order_resend(struct req *r, struct problem *err); /* POST /orders/:id/resend */
int order_read(struct db *db, struct uuid id, struct order *ret, struct problem *err) MUST_CHECK; /* 404 when there is none */
/* Locked, and its submission before it, as those who move a submission lock too. */
int order_load(struct db *db, struct uuid id, struct order *ret, struct problem *err) MUST_CHECK;
/* A change of status: row, history and order.updated. Nothing where the status is the same. The table refuses an illegal one. */
int order_move(struct db *db, struct order *o, const char *status, const char *reason, const char *tracking, struct problem *err) MUST_CHECK;
/* The submission of an order moved. */
int order_follow(struct db *db, const struct submission *s, const struct submission_news *n, struct problem *err) MUST_CHECK;
/* A prescription is to be cancelled: so is its order, if it has one. What has left the pharmacy is told as cancel_refused. */
int order_prescription_cancelled(struct db *db, struct uuid prescription, struct problem *err) MUST_CHECK;

int on_parcel_moved(struct event *e, struct problem *err); /* shipment.updated: an order's parcel */

/* ---- send.c */
int order_send_job(struct job *j, struct problem *err);   /* order.send {id} */
int order_parcel_job(struct job *j, struct problem *err); /* order.parcel {id} */

/* ---- fields.c */
extern const struct field order_body[], order_reply[], order_show_reply[], order_event[];
extern const char *const order_to[];

#endif
