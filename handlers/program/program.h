/*
 * program.h: what program shows to the rest, its table, and what its files share.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "base/money.h"
#include "service.h"

extern const struct service program_service;

/* ---- ndc.c */
#define NDC_TEXT 12
/* 5-4-2, 4-4-2, 5-3-2 or 5-4-1 with hyphens, or eleven digits, as eleven digits; -1 when it is none of these. */
int ndc_normalise(const char *text, char out[NDC_TEXT]);

/* ---- offer.c: the programs of a drug, and who may use them */
struct offer {
	const char *program_id, *name, *bin, *pcn, *group_id;
	bool commercial_only;
	int64_t target_copay, max_per_rx; /* cents */
	int64_t max_per_year;             /* cents; 0: no limit */
};
struct asked {
	const char *ndc;            /* eleven digits */
	const char *insurance_type; /* commercial, cash, government */
	const char *bin;            /* of the patient's plan; NULL unknown */
	int64_t age;                /* full years; -1 unknown */
};
/* The offers that fit, best for the patient first; from the cache, or from the rows, and then, in a WRITE transaction, into it. */
int offers_find(struct db *db, const struct conf *conf, const struct asked *a, bool fill, struct offer **ret, size_t *n,
    struct problem *err) MUST_CHECK;
/* Nobody fills the cache until this transaction ends; then what is there of a program's drugs is dropped: before its drugs change, and after. */
int offers_hold(struct db *db, struct problem *err) MUST_CHECK;
int offers_forget(struct db *db, const char *program_id, struct problem *err) MUST_CHECK;
void offer_members(struct json_writer *w, const struct offer *o); /* into an object that is open */

/* ---- lookup.c */
int program_lookup(struct req *r, struct problem *err);

/* ---- use.c: what of a program a prescription takes */
int reservation_make(struct req *r, struct problem *err);
int use_settled(struct event *e, struct problem *err);  /* insurance.adjudication.completed */
int use_released(struct event *e, struct problem *err); /* adjudication.rejected */
int use_cancelled(struct event *e, struct problem *err); /* prescription.status.changed */

/* ---- admin.c */
int program_list(struct req *r, struct problem *err);
int program_show(struct req *r, struct problem *err);
int program_create(struct req *r, struct problem *err);
int program_replace(struct req *r, struct problem *err);
int program_change(struct req *r, struct problem *err);

#endif
