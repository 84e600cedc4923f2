/*
 * job.h: work for later, as a row in the transaction that wants it done (rules Q1, Q10).
 *
 * kind names a row of the service's job table. args is a JSON object text of ids, never PHI (the rows it points to are sealed).
 * unique_key: while a job of this kind and key is ready or running, another enqueue is nothing. serial_key: at most one running job
 * of that key. A NOTIFY follows the commit, as a hint (rule Q14). The row leaves with the transaction's next statement or with its
 * COMMIT; should the server refuse it, that one fails.
 */
#ifndef DATA_JOB_H
#define DATA_JOB_H

#include "data/db.h"

struct job_spec {
	const char *kind;
	const char *args; /* NULL = {} */
	const char *unique_key;
	const char *serial_key;
	int64_t delay_s;  /* by the database's clock; 0 = now */
	int max_attempts; /* 0 = the kind's own */
};

/* Tells a kind's queue and its number of attempts; false: no such kind, and enqueueing it aborts. The core registers the
 * service's job table with it once, before the first transaction (service.c, the test harness). Without it every kind waits in
 * "default" and is tried 12 times. */
typedef bool job_find_fn(const void *context, const char *kind, const char **queue, int *attempts);
void job_kinds(job_find_fn *find, const void *context);

int job_enqueue(struct db *db, const struct job_spec *spec, struct problem *err) MUST_CHECK;
/* One-argument convenience: {"name":"<uuid>"} and, as unique key, the uuid. */
int job_enqueue_id(struct db *db, const char *kind, const char *name, struct uuid id, struct problem *err) MUST_CHECK;

#endif
