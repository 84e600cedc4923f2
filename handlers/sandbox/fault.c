/*
 * fault.c: what shall go wrong next, per vendor. Table: fault. Set by anybody who can reach the sandbox (which exists in
 * development only).
 */
#include "sandbox/sandbox_own.h"

/* Index = enum fault_mode; the webhook modes follow. */
const char *const sb_fault_modes[] = {
	"none", "error500", "error500_after", "error503", "error429", "timeout_before", "timeout_after", "slow", "lie_amount",
	"webhook_duplicate", "webhook_late", "webhook_drop", "webhook_bad_signature", "webhook_reordered", NULL
};
_Static_assert(COUNT(sb_fault_modes) == LIE_AMOUNT + 1 + WEBHOOK_REORDERED + 1, "one name per mode");

#define LATE_S  15
#define BEHIND	3	/* steps that a webhook stays back so that later ones pass it */

/* What only some vendors can do: state an amount, send webhooks. A fault that could never happen would prove nothing. */
static const struct { const char *vendor; bool lies, sends; } able[] = {
	{ "stripe", true, true },
	{ "boothwyn", false, true },
	{ "twilio", false, true },
	{ "pharmacy", true, true },
	{ "shippo", false, true },
};

static const char draw_sql[] =
	"DELETE FROM fault WHERE id = (SELECT id FROM fault WHERE vendor = $1 AND mode NOT LIKE 'webhook%'"
	" AND (CASE WHEN path IS NULL THEN NOT $3::boolean ELSE position(path IN $2) > 0 END)"
	" ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING mode";

static const char draw_webhook_sql[] =
	"DELETE FROM fault WHERE id = (SELECT id FROM fault WHERE vendor = $1 AND mode LIKE 'webhook%'"
	" ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING mode";

static const char slow_sql[] = "SELECT pg_sleep($1::bigint / 1000.0)::text AS slept";

static const char set_sql[] =
	"INSERT INTO fault (vendor, mode, path) SELECT $1, $2, $3 FROM generate_series(1, $4::bigint)";

static const char clear_sql[] = "DELETE FROM fault WHERE vendor = $1";

static const char list_sql[] =
	"SELECT mode, path, count(*) AS count FROM fault WHERE vendor = $1 GROUP BY mode, path ORDER BY min(id)";

static int
mode_number(const char *mode)
{
	for (int i = 0; sb_fault_modes[i] != NULL; i++)
		if (strcmp(sb_fault_modes[i], mode) == 0)
			return i;
	return 0;
}

int
sb_fault_draw(struct db *db, const char *vendor, const char *path, bool open, enum fault_mode *ret, struct problem *err)
{
	const struct row *w;

	*ret = FAULT_MODE_NONE;
	if (db_one(db, &w, draw_sql, err, P_TEXT(vendor), P_TEXT(path), P_BOOL(open)) < 0)
		return -1;
	if (w != NULL)
		*ret = (enum fault_mode)mode_number(row_str(w, "mode"));
	return 0;
}

static int
draw_webhook(struct db *db, const char *vendor, enum webhook_fault *ret, struct problem *err)
{
	const struct row *w;

	*ret = WEBHOOK_PLAIN;
	if (db_one(db, &w, draw_webhook_sql, err, P_TEXT(vendor)) < 0)
		return -1;
	if (w != NULL)
		*ret = (enum webhook_fault)(mode_number(row_str(w, "mode")) - LIE_AMOUNT);
	return 0;
}

int
sb_webhook_send(struct call *c, struct job_spec *job, const char *members, struct problem *err)
{
	enum webhook_fault fault;

	if (draw_webhook(c->db, c->vendor->name, &fault, err) < 0)
		return -1;
	if (fault == WEBHOOK_DROP)
		return 0;
	if (fault == WEBHOOK_LATE)
		job->delay_s += LATE_S;
	if (fault == WEBHOOK_REORDERED) {
		job->delay_s += BEHIND * conf_int(c->r->conf, "SANDBOX_STEP");
		job->serial_key = NULL;
	}
	job->args = arena_printf(c->arena, "{%s,\"bad\":%d}", members, fault == WEBHOOK_BAD_SIGNATURE);
	if (fault == WEBHOOK_DUPLICATE && job_enqueue(c->db, job, err) < 0)
		return -1;
	return job_enqueue(c->db, job, err);
}

/* The wait is the database's, so that the call's locks are held meanwhile and a second request meets a running first one. */
int
sb_fault_slow(struct db *db, const struct conf *conf, struct problem *err)
{
	const struct row *w;

	return db_one(db, &w, slow_sql, err, P_INT(conf_int(conf, "SANDBOX_SLOW_MS")));
}

static bool
has_meaning(const char *vendor, const char *mode)
{
	bool lies = strcmp(mode, "lie_amount") == 0, sends = strncmp(mode, "webhook", 7) == 0;

	for (size_t i = 0; i < COUNT(able); i++)
		if (strcmp(able[i].vendor, vendor) == 0)
			return (!lies || able[i].lies) && (!sends || able[i].sends);
	return !lies && !sends;
}

int
sb_faults_set(struct req *r, struct problem *err)
{
	int64_t count = req_int(r, "count", 1);
	struct json_writer *w;

	if (!has_meaning(req_str(r, "vendor"), req_str(r, "mode")))
		return problem(err, 422, "no_such_fault", "%s cannot do that", req_str(r, "vendor"));

	if (db_exec(r->db, set_sql, err, P_TEXT(req_str(r, "vendor")), P_TEXT(req_str(r, "mode")), P_TEXT(req_opt_str(r, "path")),
		P_INT(count)) < 0)
		return -1;
	w = reply_json(r, 201);
	jw_object(w, NULL);
	jw_str(w, "vendor", req_str(r, "vendor"));
	jw_str(w, "mode", req_str(r, "mode"));
	jw_int(w, "count", count);
	jw_opt_str(w, "path", req_opt_str(r, "path"));
	jw_end(w);
	return 0;
}

int
sb_faults_clear(struct req *r, struct problem *err)
{
	if (db_exec(r->db, clear_sql, err, P_TEXT(req_str(r, "vendor"))) < 0)
		return -1;
	reply_empty(r, 204);
	return 0;
}

int
sb_faults_list(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_str(r, "vendor"))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "faults");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *x = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "mode", row_str(x, "mode"));
		jw_opt_str(w, "path", row_opt_str(x, "path"));
		jw_int(w, "count", row_int(x, "count"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
