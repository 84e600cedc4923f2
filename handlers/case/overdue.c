/*
 * overdue.c: the prescription that nobody ordered (A-PIT-05). The timer finds what stands at `prescribed` for too long; the case becomes `partial`, which is
 * a work item and a status that the list of cases shows, until an order comes.
 */
#include "case/case.h"

#define BATCH 200

static const char find_sql[] =
	"SELECT id FROM cases WHERE status = 'prescribed' AND NOT overdue AND moved_at < now() - make_interval(secs => $1) ORDER BY moved_at LIMIT $2";
static const char overdue_sql[] =
	"UPDATE cases SET overdue = true WHERE id = $1 AND status = 'prescribed' AND moved_at < now() - make_interval(secs => $2) RETURNING id";

static int
one(struct job *j, struct uuid id, struct problem *err)
{
	const struct row *w;

	if (db_one(j->db, &w, overdue_sql, err, P_UUID(id), P_INT(conf_int(j->conf, "CASE_ORDER_WITHIN"))) < 0)
		return -1;
	return w == NULL ? 0 : case_settle(j->db, id, err);
}

int
overdue_job(struct job *j, struct problem *err)
{
	struct rows *found;

	if (job_begin(j, err) < 0 || db_all(j->db, &found, find_sql, err, P_INT(conf_int(j->conf, "CASE_ORDER_WITHIN")), P_INT(BATCH)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(found); i++)
		if (one(j, row_uuid(rows_at(found, i), "id"), err) < 0)
			return -1;
	return job_end(j, err);
}
