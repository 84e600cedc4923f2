/* health.c: is this process alive, may it get traffic, what has it counted. No caller is asked for; nginx shows them to the
 * inside only. */
#include "core.h"

#include "data/migrate.h"
#include "data/worker_metrics.h"
#include "web/web_private.h"

const struct field live_reply[] = { { "status", STRING, .required = true, .says = "ok", .example = "ok" },
	{ "service", STRING, .required = true, .says = "name of the service" }, { 0 } };

const struct field ready_reply[] = { { "status", STRING, .required = true, .says = "ready", .example = "ready" },
	{ "service", STRING, .required = true, .says = "name of the service" }, { 0 } };

static void
say(struct req *r, const char *status)
{
	struct json_writer *w = reply_json(r, 200);

	jw_object(w, NULL);
	jw_str(w, "status", status);
	jw_str(w, "service", r->service->name);
	jw_end(w);
}

int
health_live(struct req *r, struct problem *err)
{
	(void)err;
	say(r, "ok");
	return 0;
}

/* Ready means: the database answers and has the tables this program was built for. */
int
health_ready(struct req *r, struct problem *err)
{
	unsigned pending = 0;

	if (r->service->database != NULL && r->db == NULL)
		return problem(err, 503, "database_unavailable", "the database cannot be reached");
	if (r->service->database != NULL) {
		if (migrate_pending(r->db, conf_str(r->conf, "SQL_DIR"), r->service->database, &pending, err) < 0)
			return -1;
		if (pending > 0)
			return problem(err, 503, "migrations_pending", "%u migrations wait", pending);
	}
	say(r, "ready");
	return 0;
}

/* The workers' counters come from the database; without it, or in its trouble, the pool's own are the answer. */
int
health_metrics(struct req *r, struct problem *err)
{
	struct buf text = buf_in(r->arena, MAX_REPLY);
	struct metric_series *workers = NULL;
	struct problem trouble = { 0 };
	size_t n = 0;

	if (r->db != NULL && r->service->database != NULL &&
	    (db_begin(r->db, READ, &r->scope, &trouble) < 0 || worker_metrics_read(r->db, &workers, &n, &trouble) < 0 ||
		db_commit(r->db, &trouble) < 0)) {
		db_rollback(r->db);
		n = 0;
	}
	metrics_print_with(&text, workers, n);
	if (text.failed)
		return problem(err, 500, "metrics_too_large", "the scoreboard does not fit one answer");
	reply_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", BYTES(buf_str(&text), text.len));
	return 0;
}
