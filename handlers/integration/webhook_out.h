/*
 * webhook_out.h: what we post to others (X-WH-02), signed as Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature. Integration owns it: it is
 * the face to the outside, and hears what a partner may hear.
 *
 * A delivery is a job: retried with backoff for three days, then it is dead and its subscription disabled, which a work item says. The id of a message is
 * the event's own, so a receiver that takes each id once takes each event once. The address came from data: https, no redirect, no private address.
 */
#ifndef INTEGRATION_WEBHOOK_OUT_H
#define INTEGRATION_WEBHOOK_OUT_H

#include "service.h"

/* In an event function: the event goes to every active subscription of its topic. */
int	 webhook_out_event(struct event *e, struct problem *err) MUST_CHECK;
int	 webhook_out_job(struct job *j, struct problem *err);
int	 webhook_out_buried(struct job *j, struct problem *err);
/* Puts a delivery in line, or in line again; in the caller's transaction. */
int	 webhook_out_enqueue(struct db *db, struct uuid delivery, struct problem *err) MUST_CHECK;
int	 webhook_out_deliver(struct db *db, struct uuid message, struct uuid subscription, struct problem *err) MUST_CHECK;

/* ---- webhook_out_api.c */
int	 subscription_create(struct req *r, struct problem *err);
int	 subscriptions_list(struct req *r, struct problem *err);
int	 subscription_enable(struct req *r, struct problem *err);
int	 subscription_disable(struct req *r, struct problem *err);
int	 subscription_test(struct req *r, struct problem *err);
int	 subscription_replay(struct req *r, struct problem *err);
int	 subscription_deliveries(struct req *r, struct problem *err);
extern const struct field subscription_body[], subscription_made[], subscriptions_reply[], subscription_param[], subscription_state[], subscription_replay_body[],
    subscription_count[], subscription_disable_body[], deliveries_query[], deliveries_reply[];

#endif
