/*
 * retention.c: messages whose time is over (rows G-COM-04 to 12, topic.retention). A message goes with its deliveries when every
 * subscriber has it; one that waits or is dead stays, whatever its age. The database holds the same rule (trigger may_go), so a
 * mistake here removes nothing that is kept.
 */
#include "work/work.h"

#include "base/log.h"
#include "base/metrics.h"

#define SWEEP_BATCH   1000
#define SWEEP_BATCHES 50

static const char sweep_outbox_sql[] =
    "DELETE FROM outbox WHERE id IN (SELECT o.id"
    "  FROM (SELECT name, max(retention) AS retention FROM topic GROUP BY name) t CROSS JOIN LATERAL ("
    "    SELECT m.id FROM outbox m WHERE m.topic = t.name AND m.occurred_at < now() - t.retention"
    "      AND NOT EXISTS (SELECT FROM outbox_delivery d WHERE d.outbox_id = m.id AND d.state <> 'sent')"
    "    ORDER BY m.occurred_at LIMIT $1) o LIMIT $1)";

int
sweep_outbox(struct hand *h, struct problem *err)
{
	int64_t n = SWEEP_BATCH, all = 0;

	for (int i = 0; i < SWEEP_BATCHES && n == SWEEP_BATCH && !atomic_load(&h->work->stopping); i++) {
		if (db_begin(h->db, WRITE, &h->scope, err) < 0 ||
		    (n = db_exec(h->db, sweep_outbox_sql, err, P_INT(SWEEP_BATCH))) < 0 || db_commit(h->db, err) < 0)
			return -1;
		all += n;
	}
	if (all > 0)
		log_line(LOG_INFO, "outbox.swept", "messages", arena_printf(h->arena, "%" PRId64, all), NULL);
	metric_add("events_swept_total", NULL, (double)all);
	return 0;
}
