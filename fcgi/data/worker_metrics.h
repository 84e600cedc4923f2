/*
 * worker_metrics.h: what workers count, on its way to their service's /metrics.
 *
 * A worker has no listening socket. At each heartbeat it adds what it counted since the last one to the service's rows, so the sums
 * go on when workers come, go and are killed; its gauges stand beside its own row and go with it. Reading adds what only the
 * database knows: depth and age of the queues, dead letters, workers alive.
 */
#ifndef DATA_WORKER_METRICS_H
#define DATA_WORKER_METRICS_H

#include "base/metrics.h"
#include "data/db.h"

/* In a transaction of its own. worker: the name of its row, which exists. One thread of a process calls it. */
int worker_metrics_tell(struct db *db, const struct scope *scope, const char *worker, struct problem *err) MUST_CHECK;
/* In the open transaction. *ret lives in the db's arena. Workers' series carry the label process="worker". */
int worker_metrics_read(struct db *db, struct metric_series **ret, size_t *n, struct problem *err) MUST_CHECK;

#endif
