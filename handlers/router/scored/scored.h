/*
 * scored.h: the scored choice of a pharmacy (seed S3, decision C2), as its files share it and the router's table names it.
 *
 *	score.c		the rules, pure (score.h)
 *	facts.c		what a routing is decided from, gathered and sealed
 *	routing.c	one routing per prescription: the event that asks for it, the job that does it, what waits, what is asked again
 *	recommendation.c	what was recommended, and why
 *	capacity.c	what of a pharmacy's day is taken
 *	selection.c	staff selects one; what was selected is let go
 *	pharmacy.c	the network's pharmacies
 *	fields.c	the field tables of all of it
 */
#ifndef ROUTER_SCORED_H
#define ROUTER_SCORED_H

#include "router/scored/score.h"
#include "service.h"

/* ---- routing.c */
struct routing {
	struct uuid id, prescription, patient;
	int64_t round;
	const char *status;
	bool controlled;
	int64_t considered;
	const char *excluded; /* jsonb text */
	const char *left_out; /* uuid[] as a JSON array of texts */
	struct bytes inputs_enc;
	int64_t routed_at;
};

extern const char routing_no_pharmacy[]; /* the kind of its work item */

int on_enrollment_completed(struct event *e, struct problem *err); /* patient.enrollment.completed */
int routing_job(struct job *j, struct problem *err);               /* routing.run {prescriptionId} */
int routing_sweep_job(struct job *j, struct problem *err);         /* routing.sweep */
int routing_again(struct req *r, struct problem *err);             /* POST .../:prescriptionId/reroute */
/* Of a prescription, locked where this transaction may write; 404 when there is none. */
int routing_load(struct db *db, struct uuid prescription, bool lock, struct routing *ret, struct problem *err) MUST_CHECK;
/* One move; the edges of the table refuse an illegal one. */
int routing_move(struct db *db, struct uuid routing, const char *status, struct problem *err) MUST_CHECK;

/* ---- facts.c: the inputs of score.h. rx and insurance are the answers of prescription and enrollment. */
json_t *facts_gather(struct db *db, const struct conf *conf, const struct routing *g, const json_t *rx, const json_t *insurance,
    struct bytes *text, struct problem *err) MUST_CHECK;
json_t *facts_open(struct db *db, const struct routing *g, struct problem *err) MUST_CHECK;
int facts_start(const struct conf *conf, struct problem *err) MUST_CHECK; /* start-up: the weights */

/* ---- capacity.c */
struct load {
	int64_t current, most;
};
/* As the cache has it, five minutes old at most (P-RTE-03); in a WRITE transaction. */
int capacity_of(struct db *db, struct uuid pharmacy, struct load *ret, struct problem *err) MUST_CHECK;
int capacity_now(struct db *db, struct uuid pharmacy, struct load *ret, struct problem *err) MUST_CHECK; /* as the rows have it */
/* One more for today, in one statement; 409 "at_capacity" when there is none left. *day: the day it belongs to, as text. */
int capacity_take(struct db *db, struct uuid pharmacy, const char **day, struct problem *err) MUST_CHECK;
/* Given back. whole: the day's place too, for what was not filled; else only the place among the open ones. */
int capacity_give(struct db *db, struct uuid pharmacy, const char *day, bool whole, struct problem *err) MUST_CHECK;
int capacity_forget(struct db *db, struct uuid pharmacy, struct problem *err) MUST_CHECK; /* its limits changed */
void load_to_json(struct json_writer *w, const char *key, const struct load *l);

/* ---- recommendation.c */
int recommendations_show(struct req *r, struct problem *err);    /* GET .../:prescriptionId/recommendations */
int recommendations_explain(struct req *r, struct problem *err); /* GET .../:prescriptionId/recommendations/explain */

/* ---- selection.c */
int selection_create(struct req *r, struct problem *err);       /* POST .../:prescriptionId/select-pharmacy */
int on_prescription_status(struct event *e, struct problem *err); /* prescription.status.changed */
/* Lets go of what a routing holds, if it holds anything; *pharmacy: whose it was, nil for none. */
int selection_release(struct db *db, struct uuid routing, const char *why, bool filled, struct uuid *pharmacy, struct problem *err) MUST_CHECK;

/* ---- pharmacy.c */
int pharmacy_create(struct req *r, struct problem *err); /* POST /api/v1/pharmacies */
int pharmacy_list(struct req *r, struct problem *err);   /* GET /api/v1/pharmacies */
int pharmacy_show(struct req *r, struct problem *err);   /* GET /api/v1/pharmacies/:id */
int pharmacy_change(struct req *r, struct problem *err); /* PATCH /api/v1/pharmacies/:id */
int pharmacy_load(struct req *r, struct problem *err);   /* GET /api/v1/pharmacies/:id/capacity */
int pharmacy_address(struct req *r, struct problem *err); /* GET /rx/pharmacies/:id */

/* ---- fields.c */
extern const struct field prescription_params[], recommendations_reply[], explain_reply[], select_body[], select_reply[], reroute_body[],
    reroute_reply[], pharmacy_create_body[], pharmacy_change_body[], pharmacy_reply[], pharmacy_list_query[], pharmacy_list_reply[],
    capacity_reply[], pharmacy_address_reply[], recommended_event[], selected_event[];
/* Who hears of it: each consumer is a row. */
extern const char *const recommended_to[], *const selected_to[];

#endif
