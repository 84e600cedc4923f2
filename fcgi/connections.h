/*
 * connections.h: how many database connections a service may have open at once (rule D6). One connection per thread: a pool has
 * POOL_PROCESSES x POOL_THREADS and, while a process is being replaced, those of one process more; a worker has one per thread and
 * one to hand back its jobs. All services of a cluster together and CONNECTIONS_SPARE more must fit into what the cluster leaves to
 * ordinary roles; `telerx config` adds them up, `telerx-<service> check` looks at one alone.
 */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "base/config.h"
#include "data/db.h"

#define CONNECTIONS_SPARE 5

struct service;
struct connections {
	int64_t pool, worker;
};

struct connections connections_of(const struct service *s, const struct conf *conf);
/* 500 "too_many_connections" when the cluster, the role or the database allows fewer than c and the spare ones. */
int connections_fit(struct db *db, const struct connections *c, const struct scope *scope, struct problem *err) MUST_CHECK;

#endif
