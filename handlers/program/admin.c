/* admin.c: the programs as staff keeps them. Each change drops what the cache holds of the drugs concerned, in its own transaction. */
#include "base/clock.h"
#include "program/program.h"

#define FIELDS \
	"p.program_id, p.name, p.manufacturer, p.bin, p.pcn, p.group_id, to_json(p.insurance_types)::text AS insurance_types," \
	" to_json(p.excluded_bins)::text AS excluded_bins, p.target_copay_cents, p.max_per_rx_cents, p.max_per_year_cents, p.min_age, p.valid_from::text," \
	" p.valid_until::text, p.active, p.version, p.updated_at," \
	" (SELECT coalesce(json_agg(n.ndc ORDER BY n.ndc), '[]')::text FROM program_ndcs n WHERE n.program_id = p.program_id) AS ndcs"
static const char show_sql[] = "SELECT " FIELDS " FROM manufacturer_programs p WHERE p.program_id = $1";
static const char list_sql[] =
    "SELECT " FIELDS " FROM manufacturer_programs p WHERE ($1::boolean IS NULL OR p.active = $1)"
    " AND ($2::text IS NULL OR EXISTS (SELECT FROM program_ndcs n WHERE n.program_id = p.program_id AND n.ndc = $2))"
    " ORDER BY p.program_id LIMIT 100";
static const char insert_sql[] =
    "INSERT INTO manufacturer_programs (program_id, name, manufacturer, bin, pcn, group_id, insurance_types, excluded_bins, target_copay_cents,"
    "  max_per_rx_cents, max_per_year_cents, min_age, valid_from, valid_until, active)"
    " VALUES ($1, $2, $3, $4, $5, $6, ARRAY(SELECT jsonb_array_elements_text($7::jsonb)), ARRAY(SELECT jsonb_array_elements_text($8::jsonb)), $9, $10,"
    "  $11, $12, $13::date, $14::date, $15) ON CONFLICT DO NOTHING";
static const char update_sql[] =
    "UPDATE manufacturer_programs SET name = $2, manufacturer = $3, bin = $4, pcn = $5, group_id = $6,"
    "  insurance_types = ARRAY(SELECT jsonb_array_elements_text($7::jsonb)), excluded_bins = ARRAY(SELECT jsonb_array_elements_text($8::jsonb)),"
    "  target_copay_cents = $9, max_per_rx_cents = $10, max_per_year_cents = $11, min_age = $12, valid_from = $13::date, valid_until = $14::date,"
    "  active = $15, version = version + 1, updated_at = now() WHERE program_id = $1";
static const char ndc_drop_sql[] = "DELETE FROM program_ndcs WHERE program_id = $1";
static const char ndc_add_sql[] =
    "INSERT INTO program_ndcs (program_id, ndc) SELECT $1, n FROM jsonb_array_elements_text($2::jsonb) n ON CONFLICT DO NOTHING";

struct program {
	const char *id, *name, *manufacturer, *bin, *pcn, *group_id;
	const char *insurance_types, *excluded_bins, *ndcs;      /* JSON arrays */
	int64_t target_copay, max_per_rx, max_per_year, min_age; /* cents; max_per_year 0, min_age -1: none */
	const char *valid_from, *valid_until;
	bool active;
};

/* ---- out */

static void
program_to_json(struct json_writer *w, const struct row *row)
{
	jw_object(w, NULL);
	jw_str(w, "program_id", row_str(row, "program_id"));
	jw_str(w, "program_name", row_str(row, "name"));
	jw_str(w, "manufacturer", row_str(row, "manufacturer"));
	jw_raw(w, "ndcs", row_str(row, "ndcs"));
	jw_object(w, "credentials");
	jw_str(w, "bin", row_str(row, "bin"));
	jw_str(w, "pcn", row_str(row, "pcn"));
	jw_str(w, "group_id", row_str(row, "group_id"));
	jw_end(w);
	jw_raw(w, "insurance_types", row_str(row, "insurance_types"));
	jw_raw(w, "excluded_bins", row_str(row, "excluded_bins"));
	jw_money(w, "target_copay", row_int(row, "target_copay_cents"));
	jw_money(w, "max_per_rx", row_int(row, "max_per_rx_cents"));
	if (!row_is_null(row, "max_per_year_cents"))
		jw_money(w, "max_per_year", row_int(row, "max_per_year_cents"));
	jw_opt_int(w, "min_age", !row_is_null(row, "min_age"), row_int(row, "min_age"));
	jw_str(w, "valid_from", row_str(row, "valid_from"));
	jw_opt_str(w, "valid_until", row_opt_str(row, "valid_until"));
	jw_bool(w, "active", row_bool(row, "active"));
	jw_int(w, "version", row_int(row, "version"));
	jw_time(w, "updated_at", row_time(row, "updated_at"));
	jw_end(w);
}

static int
load(struct db *db, const char *id, const struct row **ret, struct problem *err)
{
	if (db_one(db, ret, show_sql, err, P_TEXT(id)) < 0)
		return -1;
	return *ret != NULL ? 0 : problem(err, 404, "not_found", "no such program");
}

int
program_list(struct req *r, struct problem *err)
{
	const char *given = req_opt_str(r, "ndc");
	struct json_writer *w;
	struct rows *rows;
	char ndc[NDC_TEXT];

	if (given != NULL && ndc_normalise(given, ndc) < 0)
		return problem_member(err, "ndc", "format", "not a National Drug Code");
	if (db_all(r->db, &rows, list_sql, err, req_has(r, "active") ? P_BOOL(req_bool(r, "active")) : P_NULL,
		P_TEXT(given != NULL ? ndc : NULL)) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "programs");
	for (size_t i = 0; i < rows_count(rows); i++)
		program_to_json(w, rows_at(rows, i));
	jw_end(w);
	jw_end(w);
	return 0;
}

int
program_show(struct req *r, struct problem *err)
{
	const struct row *row;

	if (load(r->db, req_str(r, "id"), &row, err) < 0)
		return -1;
	program_to_json(reply_json(r, 200), row);
	return 0;
}

/* ---- in */

static const char *
dump(struct arena *a, const json_t *tree)
{
	struct buf b = buf_in(a, 64 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_tree(&w, NULL, tree);
	return buf_str(&b);
}

/* The codes as we keep them, in place. */
static int
take_ndcs(json_t *list, struct problem *err)
{
	char ndc[NDC_TEXT];
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
		if (ndc_normalise(json_string_value(item), ndc) < 0 || json_string_set(item, ndc) < 0)
			return problem_member(err, "ndcs", "format", "not a National Drug Code");
	return 0;
}

static int
take_types(const json_t *list, struct problem *err)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
		if (strcmp(json_string_value(item), "government") == 0)
			return problem(
			    err, 422, "government_plan", "no manufacturer's program serves whoever a government insures");
	return 0;
}

#define TEXT(member, name) \
	if (req_opt_str(r, name) != NULL) \
	p->member = req_str(r, name)
#define CREDENTIAL(member, name) \
	if (json_text_at(given, name) != NULL) \
	p->member = json_text_at(given, name)

/* Also as null, which takes a limit away. */
static bool
given_at_all(const struct req *r, const char *name)
{
	return json_object_get(r->body, name) != NULL;
}

/* What the body has goes over what was there; null takes a limit away. */
static int
take_body(struct req *r, struct program *p, struct problem *err)
{
	const json_t *given = req_json(r, "credentials");

	if (take_ndcs(req_json(r, "ndcs"), err) < 0 || take_types(req_json(r, "insurance_types"), err) < 0)
		return -1;
	TEXT(name, "program_name");
	TEXT(manufacturer, "manufacturer");
	TEXT(valid_from, "valid_from");
	CREDENTIAL(bin, "bin");
	CREDENTIAL(pcn, "pcn");
	CREDENTIAL(group_id, "group_id");
	if (req_has(r, "ndcs"))
		p->ndcs = dump(r->arena, req_json(r, "ndcs"));
	if (req_has(r, "insurance_types"))
		p->insurance_types = dump(r->arena, req_json(r, "insurance_types"));
	if (req_has(r, "excluded_bins"))
		p->excluded_bins = dump(r->arena, req_json(r, "excluded_bins"));
	p->target_copay = req_money(r, "target_copay", p->target_copay);
	p->max_per_rx = req_money(r, "max_per_rx", p->max_per_rx);
	if (given_at_all(r, "max_per_year"))
		p->max_per_year = req_money(r, "max_per_year", 0);
	if (given_at_all(r, "min_age"))
		p->min_age = req_int(r, "min_age", -1);
	if (given_at_all(r, "valid_until"))
		p->valid_until = req_opt_str(r, "valid_until");
	if (req_has(r, "active"))
		p->active = req_bool(r, "active");
	if (p->valid_until != NULL && strcmp(p->valid_until, p->valid_from) < 0)
		return problem_member(err, "valid_until", "range", "is before valid_from");
	return 0;
}

static void
program_from_row(struct program *p, const struct row *row)
{
	*p = (struct program){
		.id = row_str(row, "program_id"),
		.name = row_str(row, "name"),
		.manufacturer = row_str(row, "manufacturer"),
		.bin = row_str(row, "bin"),
		.pcn = row_str(row, "pcn"),
		.group_id = row_str(row, "group_id"),
		.insurance_types = row_str(row, "insurance_types"),
		.excluded_bins = row_str(row, "excluded_bins"),
		.ndcs = row_str(row, "ndcs"),
		.target_copay = row_int(row, "target_copay_cents"),
		.max_per_rx = row_int(row, "max_per_rx_cents"),
		.max_per_year = row_int(row, "max_per_year_cents"),
		.min_age = row_is_null(row, "min_age") ? -1 : row_int(row, "min_age"),
		.valid_from = row_str(row, "valid_from"),
		.valid_until = row_opt_str(row, "valid_until"),
		.active = row_bool(row, "active"),
	};
}

static struct program
blank(struct req *r)
{
	char *today = arena_alloc(r->arena, CLOCK_TEXT);

	clock_text(clock_us(), today)[10] = '\0';
	return (struct program){
		.insurance_types = "[\"commercial\"]", .excluded_bins = "[]", .min_age = -1, .valid_from = today, .active = true
	};
}

static int
save(struct req *r, const struct program *p, bool new, int status, struct problem *err)
{
	const struct row *row;
	int64_t n;

#define VALUES \
	P_TEXT(p->id), P_TEXT(p->name), P_TEXT(p->manufacturer), P_TEXT(p->bin), P_TEXT(p->pcn), P_TEXT(p->group_id), \
	    P_TEXT(p->insurance_types), P_TEXT(p->excluded_bins), P_INT(p->target_copay), P_INT(p->max_per_rx), \
	    p->max_per_year > 0 ? P_INT(p->max_per_year) : P_NULL, p->min_age >= 0 ? P_INT(p->min_age) : P_NULL, \
	    P_TEXT(p->valid_from), P_TEXT(p->valid_until), P_BOOL(p->active)
	n = new ? db_exec(r->db, insert_sql, err, VALUES) : db_exec(r->db, update_sql, err, VALUES);
#undef VALUES
	if (n < 0)
		return -1;
	if (n == 0)
		return problem(err, 409, "program_exists", "there is a program of this id");
	if (offers_forget(r->db, p->id, err) < 0 || db_exec(r->db, ndc_drop_sql, err, P_TEXT(p->id)) < 0 ||
	    db_exec(r->db, ndc_add_sql, err, P_TEXT(p->id), P_TEXT(p->ndcs)) < 0 || offers_forget(r->db, p->id, err) < 0 ||
	    load(r->db, p->id, &row, err) < 0)
		return -1;
	program_to_json(reply_json(r, status), row);
	return 0;
}

int
program_create(struct req *r, struct problem *err)
{
	struct program p = blank(r);

	p.id = req_str(r, "program_id");
	if (strspn(p.id, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(p.id))
		return problem_member(err, "program_id", "format", "lower-case letters, digits and underscores");
	req_object_text(r, "manufacturer_programs", p.id);
	if (take_body(r, &p, err) < 0 || offers_hold(r->db, err) < 0)
		return -1;
	return save(r, &p, true, 201, err);
}

static int
change(struct req *r, bool whole, struct problem *err)
{
	const struct row *row;
	struct program p;

	req_object_text(r, "manufacturer_programs", req_str(r, "id"));
	if (offers_hold(r->db, err) < 0 || load(r->db, req_str(r, "id"), &row, err) < 0)
		return -1;
	program_from_row(&p, row);
	if (whole) {
		p = blank(r);
		p.id = row_str(row, "program_id");
	}
	if (take_body(r, &p, err) < 0)
		return -1;
	return save(r, &p, false, 200, err);
}

int
program_replace(struct req *r, struct problem *err)
{
	return change(r, true, err);
}

int
program_change(struct req *r, struct problem *err)
{
	return change(r, false, err);
}
