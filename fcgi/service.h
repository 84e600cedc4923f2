/*
 * service.h: a service is a constant table, and its main is one call.
 *
 *	telerx-<name> serve            one process of the pool, alone: descriptor 0 is the listening socket. The pool itself is
 *				       spawn-fcgi -n -s SOCKET -- telerx-pool telerx-<name> (pool/pool.c)
 *	telerx-<name> serve --look     the start-up checks, and what the pool's master needs to know (pool/look.h)
 *	telerx-<name> work             the background worker
 *	telerx-<name> migrate [--sample]
 *	telerx-<name> check            config, routes, the service's own start-up checks, pending migrations
 *	telerx-<name> key add CALLER KEYID     reads the secret from standard input; registers a calling service (sealed)
 *	telerx-<name> key revoke KEYID         the key is refused within a second
 *	telerx-<name> keys status | rewrap | erase PATIENT REASON	the data keys; the worker does it
 *	telerx-<name> jobs [list [STATE] | show ID | retry ID | replay KIND | workers]
 *	telerx-<name> routes | openapi | config
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "base/config.h"
#include "data/blind.h"
#include "data/event.h"
#include "data/webhook.h"
#include "web/req.h"
#include "web/route.h"
#include "web/token.h"
#include "web/webhook.h"
#include "work/effect.h"
#include "work/hook.h"
#include "work/saga.h"
#include "work/worker.h"

struct service {
	const char *name;     /* registry: program telerx-registry, folder handlers/registry */
	const char *prefix;   /* /route: events arrive at <prefix>/events */
	const char *database; /* physician_registry */
	const char *says;
	const struct route *routes;
	size_t nroutes;
	const struct job_row *jobs;
	size_t njobs;
	const struct queue_row *queues;
	size_t nqueues;             /* takers of queues that want more than one */
	const struct topic *topics; /* published; ends with a row without name */
	const struct event_row *events;
	size_t nevents; /* consumed */
	const struct timer_row *timers;
	size_t ntimers;
	const struct effect_kind *const *effects;
	size_t neffects; /* pointers: each lives in its adapter */
	const struct saga_kind *const *sagas;
	size_t nsagas;
	const struct webhook_source *const *webhooks;
	size_t nwebhooks;              /* vendors that post to it: each lives in its adapter */
	const struct conf_key *config; /* ends with a row without name; may be NULL */
	/* PATIENT_SELF: token -> r->subject, r->scope.actor; in a READ transaction. 401 otherwise. */
	int (*session)(struct req *r, const char *token, struct problem *err);
	/* auth only: whether the session of a token is alive, in a READ transaction. 401 revoked_token otherwise (web/token.h). */
	int (*alive)(struct req *r, const struct token *t, struct problem *err);
	/* The service is a projection of others' events: removes what it made of a source's messages (topic NULL = of all) that
	 * occurred at from or later, so that their replay makes it again; in a WRITE transaction. NULL: it is none. */
	int (*forget)(struct db *db, const char *source, const char *topic, int64_t from, struct problem *err);
	const struct blind_column *blind;
	size_t nblind; /* columns that hold blind indexes */
	int (*start)(
	    const struct conf *conf, struct problem *err); /* once per process before threads: reads key files, checks settings */
};

#define TABLE(member, count, array) .member = (array), .count = COUNT(array)

int service_main(int argc, char **argv, const struct service *s);
/* The core's own keys, every service has them: see service.c. */
extern const struct conf_key core_conf[];
/* Finds the row of a kind in the running service's tables (work/ uses them). */
const struct job_row *service_job(const struct service *s, const char *kind);
const struct effect_kind *service_effect(const struct service *s, const char *name);
const struct webhook_source *service_webhook(const struct service *s, const char *vendor);
const struct saga_kind *service_saga(const struct service *s, const char *name);

#endif
