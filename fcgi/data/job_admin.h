/*
 * job_admin.h: what an operator sees of the queue and may do to it (rule Q12). Shared by the routes of every service and by
 * telerx-<service> jobs.
 *
 * All in the caller's transaction. Rows: id, kind, queue, state, attempt, max_attempts, run_at, created_at, finished_at, lease_by,
 * last_error, request_id; a single one also args, errors, unique_key, serial_key. A job that runs again keeps its arguments, so what
 * it does at a vendor goes under the same keys as before, and the history of its errors.
 */
#ifndef DATA_JOB_ADMIN_H
#define DATA_JOB_ADMIN_H

#include "base/json.h"
#include "data/db.h"

#define JOB_LIST_MOST 100

/* state NULL: ready, running and dead; kind NULL: any. The newest first, dead ones before all. */
int job_list(struct db *db, const char *state, const char *kind, int64_t limit, struct rows **ret, struct problem *err) MUST_CHECK;
/* Also among those that were moved away. 404 unknown_job. */
int job_find(struct db *db, int64_t id, const struct row **ret, struct problem *err) MUST_CHECK;
/* A dead one starts anew, one that waits runs now. 404 unknown_job; 409 not_retryable: it runs or is done, 409 superseded: another
 * of its kind and unique key waits or runs. */
int job_retry(struct db *db, int64_t id, struct problem *err) MUST_CHECK;
/* Every dead one of a kind starts anew, but those that were superseded. *n counts them. */
int job_replay(struct db *db, const char *kind, int64_t *n, struct problem *err) MUST_CHECK;
/* name, started_at, seen_at, running. */
int job_workers(struct db *db, struct rows **ret, struct problem *err) MUST_CHECK;

void job_to_json(struct json_writer *w, const char *key, const struct row *row, bool whole);
void job_worker_to_json(struct json_writer *w, const char *key, const struct row *row);

#endif
