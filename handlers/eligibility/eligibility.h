/*
 * eligibility.h: what the eligibility service shows to the rest, its table, and what its files share.
 */
#ifndef ELIGIBILITY_H
#define ELIGIBILITY_H

#include "service.h"

extern const struct service eligibility_service;

/* ---- rules.c: a decision is a function of the facts and the rules, and of nothing else */
struct facts {
	const char *state, *intake_type;
	const char *birth_date;		/* YYYY-MM-DD */
	int64_t submitted_at;		/* ages are as of then */
	double bmi;			/* 0: unknown */
	const json_t *conditions;	/* [{code}] */
	const json_t *consents;		/* [{type, accepted}] */
};
struct decision {
	bool eligible;
	const char *reasons;		/* JSON array text of codes, in the order of the rules */
	const char *rule_version;
};
/* By the rules in force. 503 no_rules when there are none. Transaction open. */
int	 decide(struct db *db, const struct facts *f, struct decision *ret, struct problem *err) MUST_CHECK;
/* From the JSON that facts.c keeps: {birth_date, height_cm, weight_kg, submitted_at, conditions, consents}. */
int	 facts_read(struct arena *a, struct bytes text, struct facts *ret, struct problem *err) MUST_CHECK;

/* ---- facts.c: what is known of a case */
int	 on_case_submitted(struct event *e, struct problem *err);
int	 facts_job(struct job *j, struct problem *err);

/* ---- check.c */
int	 check(struct req *r, struct problem *err);
int	 check_show(struct req *r, struct problem *err);
/* Decides for a case whose facts are here, keeps what is new and tells it. *ret: the check that holds. 409 eligibility_pending without facts. */
int	 check_case(struct db *db, struct uuid case_id, const struct row **ret, struct problem *err) MUST_CHECK;

#endif
