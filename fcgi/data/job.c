/*
 * job.c: the job row. Its tenant and request id are those of the transaction, so the worker acts for the request that wanted it
 * done.
 */
#include "core.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "data/db_private.h"
#include "data/job.h"

#define DEFAULT_ATTEMPTS 12

static const char enqueue_sql[] =
    "INSERT INTO job (tenant_id, queue, kind, args, unique_key, serial_key, run_at, max_attempts, request_id)"
    " VALUES ($1::uuid, $2, $3, $4::jsonb, $5, $6, now() + make_interval(secs => $7::float8), $8::integer, $9)"
    " ON CONFLICT (kind, unique_key) WHERE state IN ('ready', 'running') AND unique_key IS NOT NULL DO NOTHING";

static job_find_fn *find_kind;
static const void *find_context;

void
job_kinds(job_find_fn *find, const void *context)
{
	find_kind = find;
	find_context = context;
}

int
job_enqueue(struct db *db, const struct job_spec *spec, struct problem *err)
{
	const struct scope *s = db_scope(db);
	const char *queue = "default";
	int attempts = 0;

	if (find_kind != NULL && !find_kind(find_context, spec->kind, &queue, &attempts))
		die("no such kind of job: %s", spec->kind);
	if (queue == NULL)
		queue = "default";
	if (spec->max_attempts > 0)
		attempts = spec->max_attempts;
	else if (attempts <= 0)
		attempts = DEFAULT_ATTEMPTS;

	const struct param p[] = { P_UUID(s->tenant), P_TEXT(queue), P_TEXT(spec->kind), P_TEXT(spec->args != NULL ? spec->args : "{}"),
		P_TEXT(spec->unique_key), P_TEXT(spec->serial_key), P_INT(spec->delay_s), P_INT(attempts), P_TEXT(s->request_id) };

	if (db_run_later(db, enqueue_sql, p, COUNT(p), err) < 0)
		return -1;
	db->changed = true; /* unless such a job waits already, which nobody has asked yet */
	db_hint(db, queue);
	FAIL_POINT("jobs.enqueue");
	return 0;
}

int
job_enqueue_id(struct db *db, const char *kind, const char *name, struct uuid id, struct problem *err)
{
	char text[UUID_TEXT], args[160];
	struct job_spec spec = { .kind = kind, .args = args, .unique_key = text };

	uuid_text(id, text);
	if (snprintf(args, sizeof(args), "{\"%s\":\"%s\"}", name, text) >= (int)sizeof(args))
		die("the argument's name is too long");
	return job_enqueue(db, &spec, err);
}
