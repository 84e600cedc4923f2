/*
 * ledger.c: GET /sandbox/<vendor>/ledger, every effect the vendor has: what a proof compares with our own books. Table: object.
 *
 * ?key= asks for one metadata value, identifier, order or tracking number; ?since= for what is newer than a seq or a time;
 * ?type= for one kind. A Stripe payment_intent carries its charges.
 */
#include "base/clock.h"
#include "sandbox/sandbox_own.h"
#include "sandbox/store.h"

#define SHOWN \
	"SELECT type, id, seq, created_at, updated_at, to_json(refs)::text AS keys, data::text AS data," \
	" CASE WHEN vendor = 'stripe' AND type = 'payment_intent'" \
	"  THEN (SELECT coalesce(jsonb_agg(c.data ORDER BY c.seq), '[]')::text FROM object c" \
	"   WHERE c.vendor = 'stripe' AND c.type = 'charge' AND c.refs @> ARRAY[o.id]) END AS charges" \
	" FROM object o WHERE vendor = $1"
#define NEWER \
	" AND seq > $3::bigint AND ($4::timestamptz IS NULL OR created_at >= $4) AND ($5::text IS NULL OR type = $5)" \
	" ORDER BY seq LIMIT $6::bigint"

static const char ledger_sql[] = SHOWN " AND $2::text IS NULL" NEWER;
static const char ledger_by_key_sql[] = SHOWN " AND refs @> ARRAY[$2::text]" NEWER;

static int
since_of(const struct req *r, int64_t *seq, int64_t *at, struct problem *err)
{
	const char *s = req_str(r, "since");

	*seq = *at = 0;
	if (*s == '\0')
		return 0;
	if (s[strspn(s, "0123456789")] == '\0') {
		*seq = strtoll(s, NULL, 10);
		return 0;
	}
	if (clock_parse(s, at) < 0)
		return problem(err, 422, "validation_failed", "since is neither a seq nor a time");
	return 0;
}

/* data with the charges inside it, where there are any. */
static int
data_to_json(struct req *r, struct json_writer *w, const struct row *x, struct problem *err)
{
	const char *data = row_str(x, "data"), *charges = row_opt_str(x, "charges");
	json_t *tree;

	if (charges == NULL && strstr(data, "\"_") == NULL) {
		jw_raw(w, "data", data);
		return 0;
	}
	tree = json_read(r->arena, data, strlen(data), err);
	if (tree == NULL)
		return -1;
	tree = sb_shown(r->arena, tree);
	if (charges != NULL) {
		json_t *list = json_read(r->arena, charges, strlen(charges), err);

		if (list == NULL)
			return -1;
		json_object_set(tree, "charges", list);
	}
	jw_tree(w, "data", tree);
	return 0;
}

int
sb_ledger(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;
	int64_t seq, at;
	int rc;

	if (since_of(r, &seq, &at, err) < 0)
		return -1;
#define LEDGER_PARAMS \
	P_TEXT(req_str(r, "vendor")), P_TEXT(req_opt_str(r, "key")), P_INT(seq), P_TIME(at), P_TEXT(req_opt_str(r, "type")), \
	    P_INT(req_int(r, "limit", 5000))
	if (req_has(r, "key"))
		rc = db_all(r->db, &rows, ledger_by_key_sql, err, LEDGER_PARAMS);
	else
		rc = db_all(r->db, &rows, ledger_sql, err, LEDGER_PARAMS);
#undef LEDGER_PARAMS
	if (rc < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_str(w, "vendor", req_str(r, "vendor"));
	jw_array(w, "entries");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *x = rows_at(rows, i);

		jw_object(w, NULL);
		jw_int(w, "seq", seq = row_int(x, "seq"));
		jw_str(w, "type", row_str(x, "type"));
		jw_str(w, "id", row_str(x, "id"));
		jw_time(w, "at", row_time(x, "created_at"));
		jw_time(w, "changedAt", row_time(x, "updated_at"));
		jw_raw(w, "keys", row_str(x, "keys"));
		if (data_to_json(r, w, x, err) < 0)
			return -1;
		jw_end(w);
	}
	jw_end(w);
	jw_int(w, "count", (int64_t)rows_count(rows));
	jw_int(w, "last", seq);
	jw_end(w);
	return 0;
}
