/*
 * hook.h: the worker's part of webhooks in (data/webhook.h).
 *
 *	jobs:   { "webhook.stripe", webhook_job, .queue = "webhook", … }, { WEBHOOK_SWEEP, webhook_sweep_job, … }
 *	timers: { WEBHOOK_SWEEP, "WEBHOOK_SWEEP", WEBHOOK_SWEEP, … }
 */
#ifndef WORK_HOOK_H
#define WORK_HOOK_H

#include "data/webhook.h"
#include "work/worker.h"

#define WEBHOOK_SWEEP "webhook.sweep"

/* Opens the event that its args name and calls its vendor's .handle. */
int webhook_job(struct job *j, struct problem *err);
/* Asks every vendor of the service that lists its events for those that never came, and forgets rows older than WEBHOOK_KEEP. */
int webhook_sweep_job(struct job *j, struct problem *err);

#endif
