/*
 * registry.h: what the registry service shows to the rest (its table), and what its files show to each other.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "service.h"

extern const struct service registry_service;

/* Ids as types: a physician's does not fit where an assignment's belongs. */
struct physician_id { struct uuid v; };
struct assignment_id { struct uuid v; };

/* physician.c */
int	 physician_create(struct req *r, struct problem *err);
int	 provider_show(struct req *r, struct problem *err);
int	 physician_list(struct req *r, struct problem *err);
int	 physician_show(struct req *r, struct problem *err);
int	 physician_change(struct req *r, struct problem *err);
int	 physician_exists(struct db *db, struct physician_id id, struct problem *err) MUST_CHECK;	/* 404 when not */
bool	 npi_valid(const char *npi);
int	 registry_start(const struct conf *conf, struct problem *err);

/* license.c */
int	 license_put(struct req *r, struct problem *err);
int	 license_drop(struct req *r, struct problem *err);
int	 license_verify(struct req *r, struct problem *err);

/* routing.c */
int	 routing_put(struct req *r, struct problem *err);
int	 routing_drop(struct req *r, struct problem *err);
int	 routing_show(struct req *r, struct problem *err);

/* assignment.c */
int	 assignment_queue(struct req *r, struct problem *err);
int	 assignment_find(struct req *r, struct problem *err);
int	 assignment_show(struct req *r, struct problem *err);
int	 on_intake_submitted(struct event *e, struct problem *err);
int	 on_task_created(struct event *e, struct problem *err);

/* claim.c */
int	 claim_for(struct req *r, struct problem *err);
int	 claim(struct req *r, struct problem *err);

/* alert.c */
int	 alert_enqueue(struct db *db, struct assignment_id assignment, struct physician_id who, struct problem *err) MUST_CHECK;
int	 alert_physician_job(struct job *j, struct problem *err);
int	 alert_staff_job(struct job *j, struct problem *err);

/* decision.c */
int	 on_prescription_decided(struct event *e, struct problem *err);
int	 on_case_prescribed(struct event *e, struct problem *err);
int	 credit_list(struct req *r, struct problem *err);

/* direct.c */
int	 assign_provider(struct req *r, struct problem *err);
int	 on_case_created(struct event *e, struct problem *err);
int	 on_voucher_issued(struct event *e, struct problem *err);
int	 on_voucher_ended(struct event *e, struct problem *err);
int	 direct_assign_job(struct job *j, struct problem *err);
int	 case_tell_job(struct job *j, struct problem *err);
/* Somebody may be eligible now who was not: the cases that wait are tried again after the commit. */
int	 waiting_wake(struct db *db, struct problem *err) MUST_CHECK;

#endif
