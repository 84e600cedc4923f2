/*
 * effect.h: one act at a vendor, done at most once (rules M1 to M5).
 *
 * INTENT FIRST: effect_intend writes, in the transaction that decides, the exact request bytes (sealed under the patient's
 * key), their digest and the vendor's idempotency key, and enqueues the job that sends them. The job commits "sent" before the
 * first byte leaves, sends those bytes, judges the answer and, in one fenced transaction, records it and runs the kind's
 * settle. A retry resends the same bytes under the same key; an unknown outcome is treated as the kind says: RESEND (the vendor
 * honours keys), LOOK_UP (ask by our reference first), MANUAL (wait for evidence until the deadline, then a human). Nothing is
 * ever sent blindly twice. A manual one whose kind has a look_up is looked up again, and never sent, whenever its job runs: the
 * core's row <prefix>/effects/:effectId/look-up has it run.
 *
 * Table effect (common): id, kind, subject (the row it is for), patient, generation, vendor_key, method, path, content_type,
 * request_enc, request_digest, state[intent|sent|confirmed|refused|unknown|manual], attempts, http_status, vendor_ref,
 * response_digest, error_code, deadline, times. Unique (kind, subject, generation).
 */
#ifndef WORK_EFFECT_H
#define WORK_EFFECT_H

#include "work/worker.h"

enum verdict {
	EFFECT_CONFIRMED, /* the vendor did it */
	EFFECT_REFUSED,   /* the vendor said no, finally (declined card, rejected prescription) */
	EFFECT_RETRY,     /* it certainly did not happen and may be tried again */
	EFFECT_UNCERTAIN  /* it may have happened */
};

enum effect_unknown { RESEND = 1, LOOK_UP, MANUAL };

struct effect {
	struct uuid id;
	struct uuid subject;
	struct uuid patient;
	int generation;
	const char *vendor_key;
	const char *method;
	const char *path;
	const char *content_type;
	struct bytes request;
	int attempts;
	int64_t first_sent_at;
	const char *vendor_ref;
	const char *error_code; /* set by judge on REFUSED, shown to settle */
};

struct effect_kind {
	const char *name; /* stripe.authorize; also the job kind: list effect_job in the service's jobs with this name */
	enum effect_unknown unknown;
	int64_t deadline_s; /* until an unknown outcome becomes manual */
	/* No transaction: base URL and credentials for call (a token may be fetched); never touches the body. */
	int (*dress)(struct job *j, struct effect *e, struct http_call *call, struct problem *err);
	/* Pure: what does this answer mean? May set e->vendor_ref and e->error_code (arena). Not called when nothing came back. */
	enum verdict (*judge)(struct job *j, struct effect *e, const struct http_answer *a);
	/* LOOK_UP: asks the vendor whether it happened; CONFIRMED, RETRY (certainly absent) or UNCERTAIN. */
	enum verdict (*look_up)(struct job *j, struct effect *e, struct http_answer *a);
	/* In the fenced transaction, for CONFIRMED, REFUSED and manual (state says which): the business rows, events, next
	 * jobs. a->body is NULL for manual, which a later CONFIRMED or REFUSED may follow. */
	int (*settle)(struct job *j, struct effect *e, const char *state, const struct http_answer *a, struct problem *err);
};

struct effect_request {
	const char *kind;
	struct uuid subject;
	struct uuid patient; /* whose key seals the bytes; nil = the service's */
	int generation;      /* 1 unless a confirmed failure was followed by a new act of a user (rule M2) */
	const char *method;
	const char *path; /* appended to the vendor's base URL */
	const char *content_type;
	struct bytes body;
};

/* In the caller's transaction. A second intend of the same (kind, subject, generation) changes nothing and is 0. */
int effect_intend(struct db *db, const struct effect_request *q, struct problem *err) MUST_CHECK;
/* The job function of every effect kind; the service registers its kinds once (service table .effects). */
int effect_job(struct job *j, struct problem *err);
/* Evidence from elsewhere (a webhook, a status push) settles an effect that is sent, unknown or manual: in the caller's
 * transaction; false in *did when it was settled before. */
int effect_evidence(struct db *db, const char *kind, struct uuid subject, bool happened, const char *vendor_ref, bool *did,
    struct problem *err) MUST_CHECK;

/* Takes an intent back that nothing of has been sent, in the caller's transaction; it ends refused, code withdrawn, without settle.
 * *sent: something may have been, and it goes on; false also when nothing of the kind was ever intended. */
int effect_withdraw(struct db *db, const char *kind, struct uuid subject, bool *sent, struct problem *err) MUST_CHECK;

/* The reading that fits most vendors: 2xx CONFIRMED, 429 and 503-before-work RETRY, other 4xx REFUSED, 5xx UNCERTAIN. */
enum verdict effect_judge_http(const struct http_answer *a);

#endif
