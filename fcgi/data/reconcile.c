/* reconcile.c: rounds and differences as rows; the comparing is the services' own. */
#include "core.h"

#include "base/clock.h"
#include "base/log.h"
#include "data/attention.h"
#include "data/reconcile.h"

#define KIND "reconciliation.difference"

static const char differs_sql[] =
    "INSERT INTO reconciliation_difference (tenant_id, vendor, kind, subject, vendor_ref, ours, theirs, object_at, seen_in)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (vendor, kind, subject) WHERE resolved_at IS NULL"
    " DO UPDATE SET seen_in = EXCLUDED.seen_in, vendor_ref = EXCLUDED.vendor_ref, ours = EXCLUDED.ours, theirs = EXCLUDED.theirs"
    " RETURNING xmax = 0 AS fresh";
static const char resolve_sql[] =
    "UPDATE reconciliation_difference SET resolved_at = now()"
    " WHERE vendor = $1 AND resolved_at IS NULL AND seen_in <> $2 AND object_at >= $3 AND object_at < $4 RETURNING kind, subject";
static const char round_sql[] =
    "INSERT INTO reconciliation (id, tenant_id, vendor, closes, since, until, compared, ours_cents, theirs_cents, differences)"
    " VALUES ($1, $2, $3, $4::date, $5, $6, $7, $8, $9, $10) ON CONFLICT (vendor, closes) WHERE closes IS NOT NULL DO NOTHING";
static const char window_sql[] =
    "SELECT to_char(day, 'YYYY-MM-DD') AS closes, coalesce(day::timestamp AT TIME ZONE 'UTC', now() - interval '72 hours') AS since,"
    " coalesce((day + 1)::timestamp AT TIME ZONE 'UTC', now()) AS until"
    " FROM (SELECT (($1::timestamptz - interval '1 second') AT TIME ZONE 'UTC')::date AS day) d";

int
reconcile_window(struct db *db, const char *close_due, struct reconciliation *r, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, window_sql, err, P_TEXT(close_due)) < 0)
		return -1;
	r->closes = row_opt_str(w, "closes");
	r->since = row_time(w, "since");
	r->until = row_time(w, "until");
	return 0;
}

void
reconcile_begin(struct reconciliation *r)
{
	r->id = uuid_new();
	r->differences = 0;
}

/* A difference's name in the inbox of the staff. */
static const char *
name(struct db *db, const char *vendor, const char *kind, const char *subject)
{
	return arena_printf(db_current_arena(db), "%s/%s/%s", vendor, kind, subject);
}

int
reconcile_differs(struct db *db, struct reconciliation *r, const struct difference *d, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, differs_sql, err, P_UUID(db_scope(db)->tenant), P_TEXT(r->vendor), P_TEXT(d->kind), P_TEXT(d->subject),
	    P_TEXT(d->vendor_ref), P_TEXT(d->ours), P_TEXT(d->theirs), P_TIME(d->object_at), P_UUID(r->id)) < 0)
		return -1;
	r->differences++;
	if (!row_bool(w, "fresh"))
		return 0;
	log_line(LOG_WARN, KIND, "vendor", r->vendor, "kind", d->kind, "subject", d->subject, "ref",
	    d->vendor_ref, "ours", d->ours, "theirs", d->theirs, NULL);
	return attention_raise(db, &(struct attention){ .kind = KIND, .code = d->kind, .subject = name(db, r->vendor, d->kind, d->subject) }, err);
}

int
reconcile_end(struct db *db, struct reconciliation *r, struct problem *err)
{
	struct param none = P_NULL;
	struct rows *ended;

	if (db_all(db, &ended, resolve_sql, err, P_TEXT(r->vendor), P_UUID(r->id), P_TIME(r->since), P_TIME(r->until)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(ended); i++) {
		const struct row *w = rows_at(ended, i);

		if (attention_clear(db, KIND, name(db, r->vendor, row_str(w, "kind"), row_str(w, "subject")), "agreed", err) < 0)
			return -1;
	}
	return db_exec(db, round_sql, err, P_UUID(r->id), P_UUID(db_scope(db)->tenant), P_TEXT(r->vendor), P_TEXT(r->closes),
	    P_TIME(r->since), P_TIME(r->until), P_INT(r->compared), r->money ? P_INT(r->ours_cents) : none,
	    r->money ? P_INT(r->theirs_cents) : none, P_INT(r->differences)) < 0 ? -1 : 0;
}
