/*
 * offer.c: the programs of a drug. They are asked for with every claim and change a few times a year, so that the rows of a drug are
 * kept for an hour under programs:ndc:<ndc> (P-DATA-08): put there by what may write, read by all. Who fits is decided anew each
 * time, since dates and ages pass meanwhile.
 */
#include "base/clock.h"
#include "base/metrics.h"
#include "data/ttl.h"
#include "program/program.h"

static const char load_sql[] =
    "SELECT coalesce(json_agg(json_build_object('id', p.program_id, 'name', p.name, 'bin', p.bin, 'pcn', p.pcn, 'group', p.group_id,"
    "   'types', p.insurance_types, 'excluded', p.excluded_bins, 'target', p.target_copay_cents, 'rx', p.max_per_rx_cents,"
    "   'year', coalesce(p.max_per_year_cents, 0), 'age', coalesce(p.min_age, 0), 'from', p.valid_from, 'until', p.valid_until)"
    "   ORDER BY p.target_copay_cents, p.max_per_rx_cents DESC, p.program_id), '[]')::text AS offers"
    " FROM manufacturer_programs p JOIN program_ndcs n USING (tenant_id, program_id) WHERE n.ndc = $1 AND p.active";
/* Who fills the cache holds it shared, who changes a program alone: an old row is never put where a new one was just dropped. */
static const char fill_sql[] = "SELECT pg_advisory_xact_lock_shared(hashtext('programs:ndc'))::text AS held";
static const char hold_sql[] = "SELECT pg_advisory_xact_lock(hashtext('programs:ndc'))::text AS held";
static const char ndcs_sql[] = "SELECT ndc FROM program_ndcs WHERE program_id = $1";

static const char *
cache_key(struct db *db, const char *ndc)
{
	char tenant[UUID_TEXT];

	return arena_printf(db_current_arena(db), "programs:ndc:%s:%s", ndc, uuid_text(db_scope(db)->tenant, tenant));
}

static int
rows_text(struct db *db, const struct conf *conf, const char *ndc, bool fill, const char **ret, struct problem *err)
{
	const char *key = cache_key(db, ndc);
	const struct row *w;

	if (ttl_get(db, key, ret, err) < 0)
		return -1;
	metric_add(*ret != NULL ? "cache_hits_total" : "cache_misses_total", "cache=\"programs\"", 1);
	if (*ret != NULL)
		return 0;
	if ((fill && db_one(db, &w, fill_sql, err) < 0) || db_one(db, &w, load_sql, err, P_TEXT(ndc)) < 0)
		return -1;
	*ret = row_str(w, "offers");
	return fill ? ttl_put(db, key, *ret, conf_int(conf, "PROGRAM_CACHE"), err) : 0;
}

/* ---- who may use which */

static bool
has(const json_t *list, const char *text)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
		if (text != NULL && strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

static bool
fits(const json_t *o, const struct asked *a, const char *today)
{
	const char *until = json_text_at(o, "until");
	int64_t least = json_int_at(o, "age", 0);

	if (strcmp(a->insurance_type, "government") == 0 || !has(json_object_get(o, "types"), a->insurance_type))
		return false;
	if (has(json_object_get(o, "excluded"), a->bin))
		return false;
	if (least > 0 && a->age >= 0 && a->age < least)
		return false;
	return strcmp(json_text_at(o, "from"), today) <= 0 && (until == NULL || strcmp(until, today) >= 0);
}

static void
offer_from_json(struct offer *to, const json_t *o)
{
	*to = (struct offer){
		.program_id = json_text_at(o, "id"),
		.name = json_text_at(o, "name"),
		.bin = json_text_at(o, "bin"),
		.pcn = json_text_at(o, "pcn"),
		.group_id = json_text_at(o, "group"),
		.commercial_only =
		    json_array_size(json_object_get(o, "types")) == 1 && has(json_object_get(o, "types"), "commercial"),
		.target_copay = json_int_at(o, "target", 0),
		.max_per_rx = json_int_at(o, "rx", 0),
		.max_per_year = json_int_at(o, "year", 0),
	};
}

int
offers_find(struct db *db, const struct conf *conf, const struct asked *a, bool fill, struct offer **ret, size_t *n,
    struct problem *err)
{
	struct arena *arena = db_current_arena(db);
	char today[CLOCK_TEXT];
	const char *text;
	json_t *list, *o;
	size_t i;

	if (rows_text(db, conf, a->ndc, fill, &text, err) < 0 || (list = json_read(arena, text, strlen(text), err)) == NULL)
		return -1;
	clock_text(clock_us(), today)[10] = '\0';
	*ret = arena_alloc(arena, (json_array_size(list) + 1) * sizeof(**ret));
	*n = 0;
	json_array_foreach(list, i, o)
		if (fits(o, a, today))
			offer_from_json(&(*ret)[(*n)++], o);
	return 0;
}

int
offers_hold(struct db *db, struct problem *err)
{
	const struct row *w;

	return db_one(db, &w, hold_sql, err);
}

int
offers_forget(struct db *db, const char *program_id, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, ndcs_sql, err, P_TEXT(program_id)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (ttl_drop(db, cache_key(db, row_str(rows_at(rows, i), "ndc")), err) < 0)
			return -1;
	return 0;
}

/* As the pharmacy is to use it: the shape is the contract of the lookup (P-ADJ-03). */
void
offer_members(struct json_writer *w, const struct offer *o)
{
	jw_str(w, "program_id", o->program_id);
	jw_str(w, "program_name", o->name);
	jw_object(w, "credentials");
	jw_str(w, "bin", o->bin);
	jw_str(w, "pcn", o->pcn);
	jw_str(w, "group_id", o->group_id);
	jw_end(w);
	jw_object(w, "eligibility");
	jw_bool(w, "commercial_only", o->commercial_only);
	jw_money(w, "target_copay", o->target_copay);
	jw_end(w);
}
