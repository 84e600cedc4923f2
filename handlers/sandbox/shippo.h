/*
 * shippo.h: the parts of the Shippo stand-in among themselves.
 */
#ifndef SANDBOX_SHIPPO_H
#define SANDBOX_SHIPPO_H

#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

/* How far a label's parcel is: 0 made, 1 accepted, 2 out for delivery, 3 delivered; the script may end it otherwise. */
#define SHIPPO_STEPS 3
json_t	*sb_shippo_new(struct arena *a, const json_t *metadata);	/* object_id, object_created, object_owner, test, metadata */
int	 sb_shippo_refuse(struct call *c, int status, const char *member, const char *text);	/* REFUSED */
int	 sb_shippo_input(struct call *c, json_t **ret);			/* the body; 0 or REFUSED */
/* The Track of a label as it is now. */
json_t	*sb_shippo_track(struct arena *a, const struct found *label, const struct conf *conf);
/* Enqueues what will be told of a fresh label, a webhook a step. */
int	 sb_shippo_announce(struct call *c, const char *transaction, struct problem *err) MUST_CHECK;
struct bytes sb_shippo_label(struct arena *a, const json_t *transaction);

operation_fn sb_shippo_track_get, sb_shippo_track_create;

#endif
