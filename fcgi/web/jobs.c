/* jobs.c: <prefix>/jobs of every service with a database: the queue as its operator sees it. Arguments are ids, so nothing here is PHI. */
#include "core.h"

#include "data/job_admin.h"
#include "web/web_private.h"

static const char *const states[] = { "ready", "running", "done", "dead", NULL };

#define JOB_MEMBERS \
	{ "jobId", INTEGER, .required = true, .says = "its number in this service" }, \
	    { "kind", STRING, .required = true, .says = "what it does", .example = "stripe.capture" }, \
	    { "queue", STRING, .required = true, .says = "which takers take it" }, \
	    { "state", ENUM, .required = true, .values = states, .says = "dead ones wait for a person" }, \
	    { "attempt", INTEGER, .required = true, .says = "runs so far" }, \
	    { "maxAttempts", INTEGER, .required = true, .says = "runs before it is dead" }, \
	    { "runAt", TIME, .nullable = true, .says = "not before" }, { "createdAt", TIME, .nullable = true, .says = "wanted at" }, \
	    { "finishedAt", TIME, .nullable = true, .says = "done or dead at" }, \
	    { "worker", STRING, .nullable = true, .says = "who holds it" }, \
	    { "lastError", STRING, .nullable = true, .says = "why it did not work last time" }, \
	    { "requestId", STRING, .nullable = true, .says = "the request that wanted it" }

static const struct field job_members[] = { JOB_MEMBERS, { 0 } };
static const struct field worker_members[] = { { "name", STRING, .required = true, .says = "host, pid, boot and start" },
	{ "startedAt", TIME, .nullable = true, .says = "when it came" },
	{ "seenAt", TIME, .nullable = true, .says = "its last heartbeat; every 10 seconds" },
	{ "running", INTEGER, .required = true, .says = "jobs in its hands" }, { 0 } };

const struct field jobs_query[] = { { "state", ENUM, .values = states, .says = "default: all but done" },
	{ "kind", STRING, .max = 100, .says = "of this kind only" },
	{ "limit", INTEGER, .min = 1, .max = JOB_LIST_MOST, .says = "default 100" }, { 0 } };
const struct field jobs_reply[] = { { "jobs", ARRAY, .required = true, .max = JOB_LIST_MOST, .of = job_members,
					.says = "dead ones first, the newest of each first" },
	{ 0 } };
const struct field job_params[] = { { "jobId", INTEGER, .required = true, .min = 1, .says = "its number in this service" }, { 0 } };
const struct field job_reply[] = { JOB_MEMBERS, { "args", ANY, .required = true, .says = "ids" },
	{ "errors", ANY, .required = true, .says = "each failure with its time and attempt" },
	{ "uniqueKey", STRING, .nullable = true, .says = "one of a kind and key waits or runs" },
	{ "serialKey", STRING, .nullable = true, .says = "one of a key runs" }, { 0 } };
const struct field job_retry_reply[] = { { "jobId", INTEGER, .required = true, .says = "runs again, with the same keys" }, { 0 } };
const struct field job_replay_body[] = { { "kind", STRING, .required = true, .min = 1, .max = 100, .says = "of which kind" }, { 0 } };
const struct field job_replay_reply[] = { { "replayed", INTEGER, .required = true, .says = "how many run again" }, { 0 } };
const struct field workers_reply[] = { { "workers", ARRAY, .required = true, .max = 1000, .of = worker_members,
					   .says = "those heard of in the last minutes" },
	{ 0 } };

int
jobs_list(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (job_list(r->db, req_opt_str(r, "state"), req_opt_str(r, "kind"), req_int(r, "limit", JOB_LIST_MOST), &rows, err) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "jobs");
	for (size_t i = 0; i < rows_count(rows); i++)
		job_to_json(w, NULL, rows_at(rows, i), false);
	jw_end(w);
	jw_end(w);
	return 0;
}

int
jobs_show(struct req *r, struct problem *err)
{
	const struct row *row;

	if (job_find(r->db, req_int(r, "jobId", 0), &row, err) < 0)
		return -1;
	job_to_json(reply_json(r, 200), NULL, row, true);
	return 0;
}

int
jobs_retry(struct req *r, struct problem *err)
{
	int64_t id = req_int(r, "jobId", 0);
	struct json_writer *w;

	req_object_text(r, "job", arena_printf(r->arena, "%" PRId64, id));
	if (job_retry(r->db, id, err) < 0)
		return -1;
	w = reply_json(r, 202);
	jw_object(w, NULL);
	jw_int(w, "jobId", id);
	jw_end(w);
	return 0;
}

int
jobs_replay(struct req *r, struct problem *err)
{
	struct json_writer *w;
	int64_t n;

	req_object_text(r, "job", req_str(r, "kind"));
	if (job_replay(r->db, req_str(r, "kind"), &n, err) < 0)
		return -1;
	w = reply_json(r, 202);
	jw_object(w, NULL);
	jw_int(w, "replayed", n);
	jw_end(w);
	return 0;
}

int
jobs_workers(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (job_workers(r->db, &rows, err) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "workers");
	for (size_t i = 0; i < rows_count(rows); i++)
		job_worker_to_json(w, NULL, rows_at(rows, i));
	jw_end(w);
	jw_end(w);
	return 0;
}
