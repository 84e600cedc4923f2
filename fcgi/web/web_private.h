/*
 * web_private.h: what the files of web/ share; nobody else includes it. A request passes them in this order:
 *
 *	loop.c		from the wire: connections, libfcgi, threads
 *	dispatch.c	the life of a request, in order; transactions and their re-runs
 *	match.c		target -> route and path segments
 *	access.c	who is calling, and may they (keys.c: the known keys of calling services, token.c: users' tokens)
 *	input.c		query, form and segments -> typed JSON; field.c validates
 *	idempotency.c	rules P1 to P4
 *	reply.c		what the handler writes, problems, the check of replies
 *	routes.c	start-up check of a table; the rows every service has (health.c, events.c, outbox.c, jobs.c, effects.c)
 *	stream.c	answers that do not end
 *	openapi*.c	the tables as a document
 */
#ifndef WEB_PRIVATE_H
#define WEB_PRIVATE_H

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "service.h"
#include "web/serve.h"

#define DEFAULT_MAX_BODY ((size_t)256 * 1024)
#define MAX_REPLY        ((size_t)16 * 1024 * 1024)

/* ---- input.c */
json_t *input_keep(struct arena *a, json_t *tree); /* ties a tree to the arena; NULL ends the process (out of memory) */
char *input_decode(struct arena *a, const char *s, size_t n, bool plus); /* NULL: bad escape or a NUL */
json_t *input_pairs(struct arena *a, const char *text, size_t n, const struct field *table, struct problem *err) MUST_CHECK;
int input_params(struct req *r, struct problem *err) MUST_CHECK;

/* ---- dispatch.c: an id that may stand in logs, rows and headers of calls */
bool request_id_is_fit(const char *id);

/* ---- match.c: sets r->route, r->path, r->params. 404, or 405 with the methods that exist in allow. */
int match_route(struct req *r, struct buf *allow, struct problem *err) MUST_CHECK;

/* ---- access.c: sets r->as, r->scope, r->caller, r->role, r->user, r->subject. 401, 403. */
int access_check(struct req *r, struct problem *err) MUST_CHECK;
bool access_lists(const char *callers, const char *name);

/* ---- keys.c */
struct known_key {
	const char *caller; /* both in the request's arena */
	const char *secret;
};
int keys_find(struct req *r, const char *key_id, struct known_key *ret,
    struct problem *err) MUST_CHECK; /* 0 with caller NULL: unknown or revoked */
void keys_forget(void);              /* tests: the next look-up reads the table */

/* ---- idempotency.c */
int idempotency_key(struct req *r, struct problem *err) MUST_CHECK;  /* reads the header into r->key */
int idempotency_hold(struct req *r, struct problem *err) MUST_CHECK; /* before an .ask: the lock over it, and the replay */
void idempotency_release(struct req *r);
int idempotency_claim(struct req *r, struct problem *err) MUST_CHECK; /* first in the transaction; may set r->replayed */
int idempotency_store(struct req *r, struct problem *err) MUST_CHECK; /* last in the transaction */

/* ---- reply.c */
void reply_reset(struct req *r);
void reply_finish(struct req *r); /* ends what is open, fills in what the handler left to the row */
int reply_check(struct req *r, struct problem *err) MUST_CHECK;
void reply_problem(struct req *r, const struct problem *err);
const char *status_title(int status);

/* ---- openapi_problem.c: whether the reference names this refusal of the row */
bool problem_listed(const struct route *row, int status, const char *code);

/* ---- routes.c */
size_t routes_max_body(const struct service *s); /* the largest of all rows: what the loop reads at most */
size_t route_max_body(const struct route *route);

/* ---- jobs.c */
extern const struct field jobs_query[], jobs_reply[], job_params[], job_reply[], job_retry_reply[], job_replay_body[],
    job_replay_reply[], workers_reply[];
int jobs_list(struct req *r, struct problem *err);
int jobs_show(struct req *r, struct problem *err);
int jobs_retry(struct req *r, struct problem *err);
int jobs_replay(struct req *r, struct problem *err);
int jobs_workers(struct req *r, struct problem *err);

/* ---- effects.c */
extern const struct field effect_param[], effect_look_reply[];
int effect_look(struct req *r, struct problem *err);

/* ---- health.c, events.c */
extern const struct field ready_reply[], live_reply[], event_body[], event_reply[];
int health_live(struct req *r, struct problem *err);
int health_ready(struct req *r, struct problem *err);
int health_metrics(struct req *r, struct problem *err);
int event_cause(struct req *r, struct problem *err); /* its .ask */
int event_receive(struct req *r, struct problem *err);

/* ---- outbox.c */
extern const struct field outbox_query[], outbox_reply[], schema_params[], schema_query[], schema_reply[], retry_body[], retry_reply[],
    replay_body[], replay_reply[], rebuild_body[], rebuild_reply[];
int outbox_show(struct req *r, struct problem *err);
int schema_show(struct req *r, struct problem *err);
int outbox_retry(struct req *r, struct problem *err);
int outbox_replay(struct req *r, struct problem *err);
int inbox_rebuild(struct req *r, struct problem *err);

/* ---- webhook_admin.c */
extern const struct field webhooks_query[], webhooks_reply[], webhook_param[], webhook_reply[], webhook_replayed[], webhooks_replay_body[];
int webhooks_list(struct req *r, struct problem *err);
int webhook_show(struct req *r, struct problem *err);
int webhook_replay_one(struct req *r, struct problem *err);
int webhooks_replay(struct req *r, struct problem *err);

#endif
