/*
 * case.h: what the case service shows to the rest, its table, and what its files share. The inbox of the staff has work_item.h.
 */
#ifndef CASE_H
#define CASE_H

#include "service.h"
#include "work/edges.h"

extern const struct service case_service;

/* A case as its row says, and of its prescriptions and orders how far the furthest has come. */
enum reached { NOTHING, WITHDRAWN, PRESCRIBED, TROUBLE, ORDERED, FULFILLED, COMPLETED };
struct patient_case {
	struct uuid id, patient_id, voucher_id, provider_id, assignment_id;	/* nil: not yet */
	const char *state, *platform, *intake_type, *status;
	bool decided, eligible;
	const char *reasons;		/* JSON array text */
	const char *rule_version;	/* NULL before the decision, like the times below before theirs */
	const char *voucher_status;
	bool overdue;
	enum reached reached;		/* case_lock reads it */
	int64_t decided_at, voucher_at, assigned_at, created_at, moved_at;
};

/* ---- cases.c */
int	 case_create(struct req *r, struct problem *err);
int	 case_show(struct req *r, struct problem *err);
int	 case_list(struct req *r, struct problem *err);

/* ---- status.c: where a case stands */
extern const struct edges case_edges;
/* How far a prescription or an order of that status brings its case. */
enum reached reached_by(const char *status);
/* The status that follows from what is known; the same whatever the order in which it became known. */
const char *case_target(const struct patient_case *c);
/* Under lock; 404 when there is none. */
int	 case_lock(struct db *db, struct uuid id, struct patient_case *ret, struct problem *err) MUST_CHECK;
/* A line of its history. code and subject (NULL, nil) may be missing; at 0 is now. */
struct case_line {
	const char *source, *what, *code;
	struct uuid subject;
	int64_t at;
};
int	 case_note(struct db *db, struct uuid id, const struct case_line *line, struct problem *err) MUST_CHECK;
/* Moves it to where it stands by now, edge by edge, each with a line and an event; raises or clears what staff must look at. To be called after each
 * fact, under the lock that case_lock took. */
int	 case_settle(struct db *db, struct uuid id, struct problem *err) MUST_CHECK;

/* ---- follow.c */
int	 on_eligibility_decided(struct event *e, struct problem *err);
int	 on_voucher_issued(struct event *e, struct problem *err);
int	 on_voucher_ended(struct event *e, struct problem *err);
int	 on_prescription_changed(struct event *e, struct problem *err);
int	 on_order_updated(struct event *e, struct problem *err);

/* ---- provider.c */
int	 provider_assigned(struct req *r, struct problem *err);

/* ---- overdue.c */
int	 overdue_job(struct job *j, struct problem *err);

#endif
