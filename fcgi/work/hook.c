/* hook.c: handles kept webhooks, and sweeps for those that never arrived (rules W4, W6). */
#include "work/work.h"

#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "work/hook.h"

#define KEEP_LEAST_S  INT64_C(3024000) /* 35 days: vendors retry for three, people resend later (rule W3) */
#define SWEEP_ROUNDS  20               /* pages of one vendor in one sweep */
#define MESSAGE_BYTES ((size_t)1 << 20)

static const char position_sql[] = "SELECT position FROM webhook_cursor WHERE vendor = $1";
static const char swept_sql[] =
    "INSERT INTO webhook_cursor AS c (vendor, position, found) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, vendor) DO UPDATE SET"
    " position = excluded.position, swept_at = now(), found = c.found + excluded.found";
static const char forget_sql[] =
    "DELETE FROM webhook WHERE id IN (SELECT id FROM webhook WHERE received_at < now() - make_interval(secs => $1)"
    " AND state <> 'received' LIMIT 1000)";

int
webhook_job(struct job *j, struct problem *err)
{
	const struct webhook_source *s;
	struct webhook_event e;

	/* Opened for whom it was sealed, so the reading is audited like any other. */
	if (job_read(j, err) < 0 || webhook_load(j->db, job_uuid(j, "id"), &e, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	s = service_webhook(j->service, e.vendor);
	if (s == NULL)
		return problem(err, 500, "unknown_vendor", "no webhook source is called %s", e.vendor);
	if (e.body.p == NULL)
		return problem(err, 410, "no_bytes", "the webhook was kept without its bytes");
	e.json = json_read(j->arena, (const char *)e.body.p, e.body.n, err);
	if (e.json == NULL)
		return -1;
	return s->handle(j, &e, err);
}

/* ---- the sweep */

static const char *
message_text(struct arena *a, const json_t *message)
{
	struct buf b = buf_in(a, MESSAGE_BYTES);
	struct json_writer w;

	jw_start(&w, &b);
	jw_tree(&w, NULL, message);
	return buf_str(&b);
}

/* What the page brought and how far it went are one transaction: a sweep that dies repeats a page, and the inbox knows it. */
static int
keep_page(struct job *j, const struct webhook_source *s, const json_t *messages, const char *next, unsigned *fresh, struct problem *err)
{
	const json_t *message;
	size_t i;

	*fresh = 0;
	if (job_begin(j, err) < 0)
		return -1;
	json_array_foreach(messages, i, message) {
		const char *text = message_text(j->arena, message);
		unsigned n;

		if (webhook_keep_all(j->db, j->conf, s, BYTES_OF(text), message, "sweep", &n, err) < 0)
			return -1;
		*fresh += n;
	}
	if (db_exec(j->db, swept_sql, err, P_TEXT(s->vendor), P_TEXT(next), P_INT(*fresh)) < 0)
		return -1;
	return job_commit(j, err);
}

static int
sweep(struct job *j, const struct webhook_source *s, struct problem *err)
{
	for (int round = 0; round < SWEEP_ROUNDS; round++) {
		const json_t *messages = NULL;
		const char *position, *next = NULL;
		const struct row *w;
		unsigned fresh;
		int more;

		if (job_read(j, err) < 0 || db_one(j->db, &w, position_sql, err, P_TEXT(s->vendor)) < 0)
			return -1;
		position = w != NULL ? row_str(w, "position") : "";
		if (job_read_end(j, err) < 0 || (more = s->sweep(j, position, &messages, &next, err)) < 0)
			return -1;
		if (keep_page(j, s, messages, next != NULL ? next : position, &fresh, err) < 0)
			return -1;
		if (fresh > 0) {
			log_line(LOG_WARN, "webhook.swept", "vendor", s->vendor, "found", arena_printf(j->arena, "%u", fresh), NULL);
			metric_add("webhooks_swept_total", NULL, fresh);
		}
		if (more == 0)
			return 0;
	}
	return 0;
}

int
webhook_sweep_job(struct job *j, struct problem *err)
{
	int64_t keep = conf_int(j->conf, "WEBHOOK_KEEP");
	struct problem first = { 0 };

	for (size_t i = 0; i < j->service->nwebhooks; i++) {
		const struct webhook_source *s = j->service->webhooks[i];

		/* One vendor that does not answer keeps nobody else's events from being found. */
		if (s->sweep != NULL && sweep(j, s, err) < 0) {
			db_rollback(j->db);
			if (strcmp(err->code, "lease_lost") == 0)
				return -1;
			first = *err;
			problem_clear(err);
		}
	}
	if (first.status != 0) {
		*err = first;
		return -1;
	}
	if (job_begin(j, err) < 0 || db_exec(j->db, forget_sql, err, P_INT(keep < KEEP_LEAST_S ? KEEP_LEAST_S : keep)) < 0)
		return -1;
	return job_end(j, err);
}
