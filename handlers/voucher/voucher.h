/*
 * voucher.h: what the voucher service shows to the rest, its table, and what its files share.
 */
#ifndef VOUCHER_H
#define VOUCHER_H

#include "service.h"

extern const struct service voucher_service;

struct voucher {
	struct uuid id, case_id, patient_id;
	const char *status;		/* issued, redeemed, invalidated, expired */
	const char *reason;		/* NULL while it is issued */
	int64_t issued_at, expires_at, ended_at;
};

/* ---- issue.c */
int	 voucher_create(struct req *r, struct problem *err);
int	 on_case_created(struct event *e, struct problem *err);
int	 on_eligibility_decided(struct event *e, struct problem *err);

/* ---- vouchers.c: rows, reading, the ends */
int	 voucher_show(struct req *r, struct problem *err);
int	 voucher_invalidate(struct req *r, struct problem *err);
int	 on_case_prescribed(struct event *e, struct problem *err);
int	 expire_job(struct job *j, struct problem *err);
/* The case's voucher; *ret false: there is none. Under lock. */
int	 voucher_of_case(struct db *db, struct uuid case_id, struct voucher *v, bool *ret, struct problem *err) MUST_CHECK;
void	 voucher_from_row(struct voucher *v, const struct row *w);
#define VOUCHER_COLUMNS "id, case_id, patient_id, status, reason, issued_at, expires_at, ended_at"
/* A line of its history under the transaction's actor. */
int	 voucher_note(struct db *db, const struct voucher *v, struct problem *err) MUST_CHECK;
/* From issued to an end, with its line and event. prescription: of a redeemed one. */
int	 voucher_end(struct db *db, struct voucher *v, const char *status, const char *reason, struct uuid prescription, struct problem *err) MUST_CHECK;
void	 voucher_members(struct json_writer *w, const struct voucher *v);

#endif
