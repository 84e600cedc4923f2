/*
 * reconcile_labels.c: our labels against those that Shippo sold (X-SAGA-07). Shippo lists all labels of the account, so this looks both ways: what was bought and
 * stands for no parcel here, or for one that has another label; what is void on one side only, a refund that was refused late among them; and a label of ours
 * that Shippo does not list. Labels that were never made, or are still being made, cost nothing and are no difference.
 */
#include "base/clock.h"
#include "data/reconcile.h"
#include "shipping/shippo.h"

#define LIST_MS 15000
#define EDGE_US (60 * US_PER_S) /* so near to a window's beginning the two clocks may disagree about it */

static const char ours_sql[] =
	"SELECT id, status, shippo_transaction, updated_at > now() - make_interval(secs => $3) AS moving FROM shipments"
	" WHERE broker = 'shippo' AND (shippo_transaction = $1 OR id = $2) ORDER BY shippo_transaction = $1 DESC NULLS LAST LIMIT 1";
static const char believed_sql[] =
	"SELECT id, status, shippo_transaction, created_at FROM shipments WHERE broker = 'shippo' AND shippo_transaction IS NOT NULL"
	" AND created_at >= $1 AND created_at < $2 AND status <> 'voided' AND updated_at <= now() - make_interval(secs => $3)";

/* ---- Shippo's side */

static int64_t
made_at(const json_t *label)
{
	const char *text = json_text_at(label, "object_created");
	int64_t at;

	return text == NULL || clock_parse(text, &at) < 0 ? clock_us() : at;
}

static void
forget(void *labels)
{
	json_decref(labels);
}

/* Those made since the window began, by their ids: a label is never older than its parcel. The list cannot be asked for a time and shows the newest first; new
 * ones move the others on by one, so that some are seen twice and none is missed. */
static json_t *
list(struct job *j, const struct reconciliation *r, struct problem *err)
{
	json_t *all = json_object();
	bool more = true;

	arena_defer(j->arena, forget, all);
	for (int page = 1; more; page++) {
		json_t *answer = shippo_ask(j, "GET", arena_printf(j->arena, "/transactions?results=100&page=%d", page), NULL, LIST_MS, err), *one;
		size_t i;

		if (answer == NULL)
			return NULL;
		more = false;
		json_array_foreach(json_object_get(answer, "results"), i, one) {
			const char *id = json_text_at(one, "object_id");

			if (id == NULL || made_at(one) < r->since)
				continue;
			(void)json_object_set(all, id, one);
			more = json_text_at(answer, "next") != NULL;
		}
	}
	return all;
}

/* ---- the comparison */

static bool
is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* Whose it was bought for, by what we wrote into it: the parcel and which attempt. */
static struct uuid
parcel_of(struct arena *a, const json_t *label)
{
	const char *mark = json_text_at(label, "metadata");
	struct uuid id;

	if (mark == NULL || uuid_parse(arena_ndup(a, mark, strcspn(mark, ":")), &id) < 0)
		return UUID_NIL;
	return id;
}

static int
compare(struct job *j, struct reconciliation *r, const json_t *label, struct problem *err)
{
	struct difference d = { .kind = "missing_here", .vendor_ref = json_text_at(label, "object_id"), .theirs = json_text_at(label, "status"),
		.object_at = made_at(label) };
	bool stands = is(d.theirs, "SUCCESS") || is(d.theirs, "REFUNDREJECTED");
	const struct row *w;

	d.subject = d.vendor_ref;
	if (db_one(j->db, &w, ours_sql, err, P_TEXT(d.vendor_ref), P_OPT_UUID(parcel_of(j->arena, label)), P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return -1;
	/* Being taken back: whoever does it finds out. */
	if (w != NULL && (row_bool(w, "moving") || is(row_str(w, "status"), "voiding")))
		return 0;
	d.ours = w == NULL ? NULL : row_str(w, "status");
	/* Nobody's, or bought beside the one that its parcel has. */
	if (w == NULL || !is(row_opt_str(w, "shippo_transaction"), d.vendor_ref))
		return stands ? reconcile_differs(j->db, r, &d, err) : 0;
	d.kind = "state";
	d.subject = uuid_text(row_uuid(w, "id"), arena_alloc(j->arena, UUID_TEXT));
	return stands == !is(d.ours, "voided") ? 0 : reconcile_differs(j->db, r, &d, err);
}

static int
missing_there(struct job *j, struct reconciliation *r, const json_t *all, struct problem *err)
{
	char id[UUID_TEXT];
	struct rows *rows;

	if (db_all(j->db, &rows, believed_sql, err, P_TIME(r->since), P_TIME(r->until), P_INT(conf_int(j->conf, "RECONCILE_GRACE"))) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		struct difference d = { .kind = "missing_there", .vendor_ref = row_str(w, "shippo_transaction"), .ours = row_str(w, "status"),
			.object_at = row_time(w, "created_at") };

		if (json_object_get(all, d.vendor_ref) != NULL || d.object_at - r->since < EDGE_US)
			continue;
		r->compared++;
		d.subject = uuid_text(row_uuid(w, "id"), id);
		if (reconcile_differs(j->db, r, &d, err) < 0)
			return -1;
	}
	return 0;
}

int
labels_reconcile_job(struct job *j, struct problem *err)
{
	struct reconciliation r = { .vendor = "shippo" };
	bool close = strcmp(j->kind, "shippo.close") == 0;
	json_t *all, *label;
	const char *id;

	if (job_read(j, err) < 0 || reconcile_window(j->db, close ? job_str(j, "dueAt") : NULL, &r, err) < 0 || job_read_end(j, err) < 0 ||
	    (all = list(j, &r, err)) == NULL || job_begin(j, err) < 0)
		return -1;
	reconcile_begin(&r);
	json_object_foreach(all, id, label) {
		if (made_at(label) >= r.until)
			continue;
		r.compared++;
		if (compare(j, &r, label, err) < 0)
			return -1;
	}
	return missing_there(j, &r, all, err) < 0 || reconcile_end(j->db, &r, err) < 0 ? -1 : job_end(j, err);
}
