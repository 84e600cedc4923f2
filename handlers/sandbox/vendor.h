/*
 * vendor.h: how every stand-in answers, inside this service only.
 *
 * A route's handle is the vendor's <vendor>_call, which hands the request to sb_serve: find the operation of the route, check
 * the credentials in the vendor's way, draw a scripted fault, run the operation, send its answer. An operation writes rows and
 * makes one answer; it returns 0 (answered), REFUSED (answered, by a helper that said no) or -1 (our own database failed: the
 * core's problem goes out, nothing is kept).
 */
#ifndef SANDBOX_VENDOR_H
#define SANDBOX_VENDOR_H

#include "service.h"

#define REFUSED 1

enum fault_mode {
	FAULT_MODE_NONE,
	ERROR500,		/* nothing done; Stripe stores this answer with the key, as it does */
	ERROR500_AFTER,		/* done and kept, yet a 500 */
	ERROR503,		/* refused at the door: nothing done, nothing stored */
	ERROR429,		/* likewise */
	TIMEOUT_BEFORE,		/* nothing done, connection lost: 502 without body */
	TIMEOUT_AFTER,		/* done and kept, connection lost: 502 without body */
	SLOW,			/* SANDBOX_SLOW_MS with the locks held, then as usual */
	LIE_AMOUNT		/* Stripe: the answer claims one cent more than what is booked */
};

/* What happens to the next webhook instead of its plain delivery. */
enum webhook_fault { WEBHOOK_PLAIN, WEBHOOK_DUPLICATE, WEBHOOK_LATE, WEBHOOK_DROP, WEBHOOK_BAD_SIGNATURE,
	WEBHOOK_REORDERED };

struct answer {
	int status;
	const char *type;		/* NULL = application/json */
	struct bytes body;
	struct header headers[8];
	size_t nheaders;
};

struct vendor;
struct operation;

struct call {
	struct req *r;
	struct arena *arena;
	struct db *db;
	const struct vendor *vendor;
	const struct operation *op;
	enum fault_mode fault;
	json_t *in;			/* the request's body or query as a tree, once the vendor's run has read it */
	struct answer answer;
	bool browser;			/* Stripe: called with the publishable key */
	bool began;			/* Stripe: parameters were good, execution has begun */
	const char *id;			/* this request's id, as Stripe shows it */
};

typedef int operation_fn(struct call *c, struct problem *err);

struct operation {
	const char *method;
	const char *path;		/* the route's, behind /sandbox */
	operation_fn *run;
	const char *params;		/* Stripe: space-separated names that it knows */
	unsigned flags;
};
#define OP_OPEN		1u		/* no credentials asked: the token call; faults need a path to reach it */
#define OP_BROWSER	2u		/* the publishable key may, with the object's client_secret */

struct vendor {
	const char *name;
	const struct operation *ops;
	size_t nops;
	operation_fn *admit;		/* credentials: 0, REFUSED, -1; NULL: the operations look themselves */
	operation_fn *run;		/* what surrounds the operation; NULL = nothing */
	void (*failure)(struct call *c, int status);	/* 429, 500 and 503 as this vendor spells them */
	void (*finish)(struct call *c);	/* headers that every answer carries; may be NULL */
};

int	 sb_serve(const struct vendor *v, struct req *r, struct problem *err);

/* ---- answers */
void	 sb_answer_text(struct call *c, int status, const char *type, const char *text);
void	 sb_answer(struct call *c, int status, const json_t *tree);	/* copies; the tree stays the arena's */
void	 sb_answer_empty(struct call *c, int status);
void	 sb_answer_header(struct call *c, const char *name, const char *value);

/* ---- trees */
json_t *sb_keep(struct arena *a, json_t *fresh); /* ties a new tree to the arena; NULL is out of memory and ends the process */
char	*sb_dump(struct arena *a, const json_t *tree);
const char *sb_text(const json_t *tree, const char *path, const char *otherwise);
bool	 sb_is(const json_t *tree, const char *path, const char *text);

/* ---- random texts */
char	*sb_random(struct arena *a, const char *prefix, size_t n);	/* n letters and digits */
char	*sb_random_hex(struct arena *a, size_t n);				/* n hex digits */
char	*sb_random_guid(struct arena *a);

/* ---- forms (form.c) */
/* a[b][c]=v and a[0]=v into nested objects of texts. NULL when it is no UTF-8 form, nests deeper than eight or gives one
 * name two shapes. */
json_t	*sb_form(struct arena *a, const char *text, size_t n);
/* The next name=value of a form or query text, decoded: 1, 0 at the end, -1 when it is none. */
int	 sb_pair(struct arena *a, const char **at, const char *end, char **name, char **value);
json_t	*sb_query(struct call *c);			/* of the request's target; never NULL: a bad query is empty */
const char *sb_bearer(const struct req *r);		/* NULL when there is no Authorization: Bearer */
bool	 sb_basic(const struct req *r, const char **user, const char **password);

/* ---- faults (fault.c) */
int sb_fault_draw(
    struct db *db, const char *vendor, const char *path, bool open, enum fault_mode *ret, struct problem *err) MUST_CHECK;
/* Enqueues the vendor's webhook, as the next webhook fault has it. members: those of the job's args, without braces; "bad" is
 * added, 1 when the first try shall carry a forged signature. */
int	 sb_webhook_send(struct call *c, struct job_spec *job, const char *members, struct problem *err) MUST_CHECK;
int	 sb_fault_slow(struct db *db, const struct conf *conf, struct problem *err) MUST_CHECK;
extern const char *const sb_fault_modes[];			/* every mode's name, NULL-terminated */

/* ---- tokens (token.c) */
int	 sb_token_give(struct call *c, int64_t seconds, const char **ret, struct problem *err) MUST_CHECK;
enum token_state { TOKEN_GOOD, TOKEN_EXPIRED, TOKEN_UNKNOWN };
int	 sb_token_check(struct call *c, const char *token, enum token_state *ret, struct problem *err) MUST_CHECK;
/* True when given is what the key says, or the key is not configured and given is not empty. */
bool	 sb_credential(const struct req *r, const char *key, const char *given);

/* ---- outbox (outbox.c) */
int sb_outbox_add(struct db *db, const char *channel, const char *recipient, const char *subject, const char *body,
    struct problem *err) MUST_CHECK;

#endif
