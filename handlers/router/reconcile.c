/*
 * reconcile.c: our prescriptions against what the pharmacies say (X-SAGA-07). PioneerRx is asked for each order of the window by our own
 * number: one that we believe accepted and the pharmacy does not have, one it has that we hold for rejected or unknown, and one that is
 * cancelled on one side only are differences. Boothwyn answers no questions; its orders are followed by its webhooks alone.
 */
#include "data/reconcile.h"
#include "router/router.h"

static const char orders_sql[] =
	"SELECT id, status, vendor_order, created_at FROM router_submissions WHERE created_at >= $1 AND created_at < $2"
	" AND updated_at <= now() - make_interval(secs => $3) AND adapter = 'pioneerrx' ORDER BY created_at";

struct order {
	struct uuid id;
	const char *status, *vendor_order;
	int64_t created;
	const char *theirs; /* the pharmacy's text; NULL: it has no such order */
};

static struct order *
orders(struct job *j, const struct reconciliation *r, size_t *n, struct problem *err)
{
	struct rows *rows;
	struct order *all;

	if (db_all(j->db, &rows, orders_sql, err, P_TIME(r->since), P_TIME(r->until), P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return NULL;
	*n = rows_count(rows);
	all = arena_alloc(j->arena, (*n + 1) * sizeof(*all));
	for (size_t i = 0; i < *n; i++) {
		const struct row *w = rows_at(rows, i);

		all[i] = (struct order){ .id = row_uuid(w, "id"), .status = row_str(w, "status"),
			.vendor_order = row_opt_str(w, "vendor_order"), .created = row_time(w, "created_at") };
	}
	return all;
}

static bool
is(const struct order *o, const char *status)
{
	return strcmp(o->status, status) == 0;
}

static int
compare(struct job *j, struct reconciliation *r, const struct order *o, struct problem *err)
{
	char id[UUID_TEXT];
	struct difference d = { .subject = uuid_text(o->id, id), .vendor_ref = o->vendor_order, .ours = o->status, .theirs = o->theirs,
		.object_at = o->created };
	bool on_its_way = is(o, "accepted") || is(o, "shipped") || is(o, "delivered");
	bool cancelled;

	if (o->theirs == NULL) {
		d.kind = "missing_there";
		return on_its_way ? reconcile_differs(j->db, r, &d, err) : 0;
	}
	cancelled = pioneerrx_cancelled(o->theirs);
	d.kind = is(o, "rejected") || is(o, "manual") ? "missing_here" : "state";
	if (strcmp(d.kind, "missing_here") == 0)
		return cancelled ? 0 : reconcile_differs(j->db, r, &d, err);
	/* Queued: our own worker is still at it, and the row did not move for a while: that is a job's trouble, not a difference.
	 * Taken back: the pharmacy is being asked. */
	if (is(o, "queued") || is(o, "cancel_pending") || cancelled == is(o, "cancelled"))
		return 0;
	return reconcile_differs(j->db, r, &d, err);
}

int
orders_reconcile_job(struct job *j, struct problem *err)
{
	struct reconciliation r = { .vendor = "pioneerrx" };
	bool close = strcmp(j->kind, "pioneerrx.close") == 0;
	struct order *all;
	size_t n = 0;

	if (job_read(j, err) < 0 || reconcile_window(j->db, close ? job_str(j, "dueAt") : NULL, &r, err) < 0 ||
	    (all = orders(j, &r, &n, err)) == NULL || job_read_end(j, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (pioneerrx_status(j, all[i].id, &all[i].theirs, err) < 0)
			return -1;
	if (job_begin(j, err) < 0)
		return -1;
	reconcile_begin(&r);
	r.compared = (int64_t)n;
	for (size_t i = 0; i < n; i++)
		if (compare(j, &r, &all[i], err) < 0)
			return -1;
	return reconcile_end(j->db, &r, err) < 0 ? -1 : job_end(j, err);
}
