/*
 * reconcile.c: our parcels against what the carrier says (X-SAGA-07). FedEx lists nothing, so each label of the window is asked for, thirty
 * at a time. A parcel that we believe on its way and FedEx does not know, or has cancelled, is a difference; so is one that moves there and
 * is void here. How far along it is stays tracking's business.
 */
#include "base/clock.h"
#include "data/reconcile.h"
#include "shipping/shipping.h"

#define BATCH 30 /* numbers a call (vendor sheet, section 5) */
/* A fresh label is unknown to FedEx until its first scan; that is normal for so long. */
#define UNKNOWN_S (5 * 86400)

static const char parcels_sql[] =
	"SELECT id, status, tracking_number, created_at, created_at < now() - make_interval(secs => $4) AS old FROM shipments"
	" WHERE created_at >= $1 AND created_at < $2 AND updated_at <= now() - make_interval(secs => $3)"
	" AND carrier = 'fedex' AND tracking_number IS NOT NULL ORDER BY created_at";

struct parcel {
	const char *id, *status, *number;
	int64_t created;
	bool old;
	const char *theirs; /* FedEx's code, "unknown", NULL: no answer about it */
};

static struct parcel *
parcels(struct job *j, const struct reconciliation *r, size_t *n, struct problem *err)
{
	struct rows *rows;
	struct parcel *all;

	if (db_all(j->db, &rows, parcels_sql, err, P_TIME(r->since), P_TIME(r->until), P_INT(conf_int(j->conf, "RECONCILE_GRACE")),
	    P_INT(UNKNOWN_S)) < 0)
		return NULL;
	*n = rows_count(rows);
	all = arena_alloc(j->arena, (*n + 1) * sizeof(*all));
	for (size_t i = 0; i < *n; i++) {
		const struct row *w = rows_at(rows, i);

		all[i] = (struct parcel){ .id = uuid_text(row_uuid(w, "id"), arena_alloc(j->arena, UUID_TEXT)), .status = row_str(w, "status"),
			.number = row_str(w, "tracking_number"), .created = row_time(w, "created_at"), .old = row_bool(w, "old") };
	}
	return all;
}

static const char *
code_of(const json_t *result)
{
	const char *code = json_text_at(result, "latestStatusDetail.derivedCode");

	if (code == NULL)
		code = json_text_at(result, "latestStatusDetail.code");
	if (code == NULL && json_text_at(result, "error.code") != NULL)
		code = "unknown";
	return code;
}

static int
ask(struct job *j, struct parcel *p, size_t n, struct problem *err)
{
	const char **numbers = arena_alloc(j->arena, n * sizeof(*numbers));
	const json_t *answer, *one;
	size_t i;

	for (size_t k = 0; k < n; k++)
		numbers[k] = p[k].number;
	answer = track_ask(j, numbers, n, err);
	if (answer == NULL)
		return -1;
	json_array_foreach(json_at(answer, "output.completeTrackResults"), i, one) {
		const char *number = json_text_at(one, "trackingNumber");

		for (size_t k = 0; number != NULL && k < n; k++)
			if (strcmp(p[k].number, number) == 0)
				p[k].theirs = code_of(json_at(one, "trackResults.0"));
	}
	return 0;
}

static int
compare(struct job *j, struct reconciliation *r, const struct parcel *p, struct problem *err)
{
	bool void_here = strcmp(p->status, "voided") == 0, void_there = strcmp(p->theirs, "CA") == 0;
	struct difference d = { .subject = p->id, .vendor_ref = p->number, .ours = p->status, .theirs = p->theirs, .object_at = p->created };

	if (strcmp(p->theirs, "unknown") == 0) {
		d.kind = "missing_there";
		d.theirs = NULL;
		return void_here || !p->old ? 0 : reconcile_differs(j->db, r, &d, err);
	}
	d.kind = "state";
	/* Being taken back: whoever does it finds out. */
	if (void_there == void_here || strcmp(p->status, "voiding") == 0)
		return 0;
	/* A void label that FedEx still shows as made is how a cancelled one looks until it expires. */
	if (void_here && strcmp(track_status(p->theirs), "label_created") == 0)
		return 0;
	return reconcile_differs(j->db, r, &d, err);
}

int
parcels_reconcile_job(struct job *j, struct problem *err)
{
	struct reconciliation r = { .vendor = "fedex" };
	bool close = strcmp(j->kind, "fedex.close") == 0;
	struct parcel *all;
	size_t n = 0;

	if (job_read(j, err) < 0 || reconcile_window(j->db, close ? job_str(j, "dueAt") : NULL, &r, err) < 0 ||
	    (all = parcels(j, &r, &n, err)) == NULL || job_read_end(j, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i += BATCH)
		if (ask(j, all + i, n - i < BATCH ? n - i : BATCH, err) < 0)
			return -1;
	if (job_begin(j, err) < 0)
		return -1;
	reconcile_begin(&r);
	for (size_t i = 0; i < n; i++) {
		r.compared += all[i].theirs != NULL;
		if (all[i].theirs != NULL && compare(j, &r, &all[i], err) < 0)
			return -1;
	}
	return reconcile_end(j->db, &r, err) < 0 ? -1 : job_end(j, err);
}
