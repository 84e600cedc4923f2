/*
 * file_sweep.c: see file_sweep.h. The object goes before its row, so that a sweep that dies in between finds the row again; an object
 * without a row is what a process left that died before its transaction (net/file_store.h), or a transaction that rolled back.
 */
#include "core.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/file_store.h"
#include "service.h"
#include "work/file_sweep.h"

#define BATCH 200
#define DAYS  7
#define DAY_S 86400

static const char over_sql[] =
    "SELECT id, object FROM file_assets WHERE expires_at IS NOT NULL AND expires_at <= now() ORDER BY expires_at LIMIT $1";
static const char gone_sql[] = "DELETE FROM file_assets WHERE id = $1 AND expires_at IS NOT NULL AND expires_at <= now()";
static const char orphans_sql[] = "SELECT o AS object FROM unnest($1::text[]) o WHERE NOT EXISTS (SELECT FROM file_assets f WHERE f.object = o)";

static int
audit(struct job *j, const char *action, const char *id, struct problem *err)
{
	return audit_add(j->db, &(struct audit_entry){ .action = action, .object = "file_assets", .object_id = id }, err);
}

static int
remove_one(struct job *j, struct uuid id, const char *object, struct problem *err)
{
	char text[UUID_TEXT];

	if (file_drop(j->http, j->arena, j->conf, object, err) < 0 || job_begin(j, err) < 0 ||
	    db_exec(j->db, gone_sql, err, P_UUID(id)) < 0 || audit(j, "file.expire", uuid_text(id, text), err) < 0)
		return -1;
	return job_commit(j, err);
}

static int
remove_over(struct job *j, int64_t *n, struct problem *err)
{
	struct rows *rows;

	if (job_read(j, err) < 0 || db_all(j->db, &rows, over_sql, err, P_INT(BATCH)) < 0 || job_read_end(j, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (remove_one(j, row_uuid(rows_at(rows, i), "id"), row_str(rows_at(rows, i), "object"), err) < 0)
			return -1;
	*n += (int64_t)rows_count(rows);
	return 0;
}

/* Names are ours, of plain characters; another one would not stand in an array's text unquoted. */
static const char *
as_array(struct arena *a, const char *const *names)
{
	struct buf b = buf_in(a, (size_t)16 * 1024 * 1024);

	buf_addc(&b, '{');
	for (; *names != NULL; names++)
		if (strspn(*names, "abcdefghijklmnopqrstuvwxyz0123456789-/.") == strlen(*names))
			buf_addf(&b, "%s%s", b.len > 1 ? "," : "", *names);
	buf_addc(&b, '}');
	return buf_str(&b);
}

static int
remove_orphans(struct job *j, const char *day, int64_t *n, struct problem *err)
{
	const char *const *found = file_list(j->http, j->arena, j->conf, j->service->name, j->scope.tenant, day,
	    conf_int(j->conf, "FILES_ORPHAN_AGE"), err);
	struct rows *rows;

	if (found == NULL)
		return -1;
	if (*found == NULL)
		return 0;
	if (job_read(j, err) < 0 || db_all(j->db, &rows, orphans_sql, err, P_TEXT(as_array(j->arena, found))) < 0 || job_read_end(j, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *object = row_str(rows_at(rows, i), "object");

		if (file_drop(j->http, j->arena, j->conf, object, err) < 0 || job_begin(j, err) < 0 ||
		    audit(j, "file.orphan", strrchr(object, '/') + 1, err) < 0 || job_commit(j, err) < 0)
			return -1;
	}
	*n += (int64_t)rows_count(rows);
	return 0;
}

int
file_sweep_job(struct job *j, struct problem *err)
{
	int64_t over = 0, orphans = 0, now = clock_us();

	if (remove_over(j, &over, err) < 0)
		return -1;
	for (int d = 0; d < DAYS; d++)
		if (remove_orphans(j, file_day(j->arena, now - d * DAY_S * US_PER_S), &orphans, err) < 0)
			return -1;
	metric_add("files_swept_total", "why=\"over\"", (double)over);
	metric_add("files_swept_total", "why=\"orphan\"", (double)orphans);
	if (over + orphans > 0)
		log_line(LOG_INFO, "files.swept", "over", arena_printf(j->arena, "%" PRId64, over), "orphans",
		    arena_printf(j->arena, "%" PRId64, orphans), NULL);
	return 0;
}
