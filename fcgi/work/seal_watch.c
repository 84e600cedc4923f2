/*
 * seal_watch.c: each worker looks whether the rows of its own trail come under seal (rule L3): the sealer cannot tell that it does not
 * run. And whether sealer or verifier found the trail tampered with: they cannot raise a work item.
 */
#include "work/work.h"

#include "base/log.h"
#include "base/metrics.h"
#include "data/attention.h"
#include "data/audit_alarm.h"

#define LATE_S 5

static const char unsealed_sql[] = "SELECT audit_unsealed_seconds()::bigint AS seconds";

/* Two looks in a row say late: a sealer that is being replaced is no alarm. Raised once, cleared once. */
int
watch_seals(struct hand *h, struct problem *err)
{
	struct work *w = h->work;
	const struct attention late = { .kind = "audit.unsealed", .subject = w->service->name, .code = "seal_late" };
	const struct row *row;
	int64_t seconds;

	if (db_begin(h->db, WRITE, &h->scope, err) < 0 || db_one(h->db, &row, unsealed_sql, err) < 0)
		return -1;
	seconds = row_int(row, "seconds");
	metric_set("audit_unsealed_seconds", NULL, (double)seconds);
	w->late_looks = seconds > LATE_S ? w->late_looks + 1 : 0;
	if (w->late_looks == 2) {
		log_line(LOG_ERROR, "audit.seal_late", "seconds", arena_printf(h->arena, "%" PRId64, seconds), NULL);
		if (attention_raise(h->db, &late, err) < 0)
			return -1;
	} else if (w->late_looks == 0 && attention_clear(h->db, late.kind, late.subject, "sealed", err) < 0) {
		return -1;
	}
	if (audit_alarms_raise(h->db, w->service->name, err) < 0)
		return -1;
	return db_commit(h->db, err);
}
