/*
 * canvas_search.c: search bundles. A parameter becomes JSON that the resource must contain; dates and practitioners' names
 * have columns of their own.
 *
 * Three statements with one parameter list: by a reference value, by patient, and all of a type; a look-up by identifier must
 * not read every patient.
 */
#include "base/clock.h"
#include "sandbox/canvas.h"

#define MOMENT "CASE WHEN $9 = 'modified' THEN updated_at ELSE (data #>> string_to_array($9, '.'))::timestamptz END"
#define WHERE_OTHERS \
	" AND ($4::text IS NULL OR id = $4) AND data @> ALL (ARRAY(SELECT jsonb_array_elements($5::jsonb)))" \
	" AND ($6::text IS NULL OR position(lower($6) IN lower(data -> 'name' ->> 0)) > 0)" \
	" AND ($7::timestamptz IS NULL OR " MOMENT " >= $7) AND ($8::timestamptz IS NULL OR " MOMENT " <= $8)"
#define FROM_TYPE " FROM object WHERE vendor = 'canvas' AND type = $1"
#define BY_REF FROM_TYPE " AND refs @> ARRAY[$3::text] AND ($2::text IS NULL OR subject = $2)" WHERE_OTHERS
#define BY_SUBJECT FROM_TYPE " AND subject = $2 AND ($3::text IS NULL OR refs @> ARRAY[$3::text])" WHERE_OTHERS
#define OF_TYPE FROM_TYPE " AND coalesce($2::text, $3::text) IS NULL" WHERE_OTHERS
#define PAGE " ORDER BY seq * $10::bigint OFFSET $11::bigint LIMIT $12::bigint"

static const char by_ref_sql[] = "SELECT data::text AS data, count(*) OVER () AS total" BY_REF PAGE;
static const char by_subject_sql[] = "SELECT data::text AS data, count(*) OVER () AS total" BY_SUBJECT PAGE;
static const char of_type_sql[] = "SELECT data::text AS data, count(*) OVER () AS total" OF_TYPE PAGE;

struct query {
	const char *id, *subject, *ref, *name, *date_path;
	json_t *containing;
	int64_t from, to, count, offset;
	bool newest_first;
	struct buf kept;		/* the parameters without paging, for the links */
};

/* pattern with the JSON texts of value and system put in for $v and $s. */
static json_t *
fill(struct call *c, const char *pattern, const char *value, const char *system)
{
	struct buf b = buf_in(c->arena, 64 * 1024);
	struct problem ignored = { 0 };
	const char *v = sb_dump(c->arena, sb_keep(c->arena, json_string(value))),
		   *s = sb_dump(c->arena, sb_keep(c->arena, json_string(system)));

	for (const char *p = pattern; *p != '\0'; p++) {
		if (p[0] == '$' && (p[1] == 'v' || p[1] == 's'))
			buf_add(&b, *++p == 'v' ? v : s);
		else
			buf_addc(&b, *p);
	}
	return json_read(c->arena, buf_str(&b), b.len, &ignored);
}

static void
add_param(struct call *c, struct query *q, const struct search_param *p, const char *value)
{
	const char *bar = p->with_system != NULL ? strchr(value, '|') : NULL;
	const char *system = bar != NULL ? arena_ndup(c->arena, value, (size_t)(bar - value)) : "";

	if (bar != NULL)
		value = bar + 1;
	if (strcmp(p->name, "patient") == 0)
		q->subject = value;
	if (strcmp(p->name, "identifier") == 0 || strcmp(p->name, "label") == 0)
		q->ref = value;
	json_array_append(q->containing, fill(c, bar != NULL && *system != '\0' ? p->with_system : p->containing, value, system));
}

static const struct { const char *name, *path; } date_paths[] = {
	{ "modified", "modified" }, { "due", "restriction.period.end" }, { "authored", "authored" },
};

/* ge, le, gt, lt, eq before a date or a time. A bare date is its whole day. */
static int
add_date(struct call *c, struct query *q, const struct resource *s, const char *name, const char *value)
{
	char op[3] = "eq";
	int64_t at, end;

	if (strchr("glen", value[0]) != NULL && value[0] != '\0' && value[1] != '\0') {
		op[0] = value[0];
		op[1] = value[1];
		value += 2;
	}
	if (clock_parse(strlen(value) == 10 ? arena_printf(c->arena, "%sT00:00:00Z", value) : value, &at) < 0 ||
	    strcmp(op, "ne") == 0)
		return sb_canvas_refuse(c, 400, "invalid", "Bad request: %s", name);
	end = strlen(value) == 10 ? at + INT64_C(86400) * US_PER_S - 1 : at;
	if (strcmp(op, "ge") == 0 || strcmp(op, "eq") == 0)
		q->from = at;
	if (strcmp(op, "gt") == 0)
		q->from = end + 1;
	if (strcmp(op, "le") == 0 || strcmp(op, "eq") == 0)
		q->to = end;
	if (strcmp(op, "lt") == 0)
		q->to = at - 1;
	q->date_path = strcmp(s->name, "Observation") == 0 ? "effectiveDateTime" : "date";
	for (size_t i = 0; i < COUNT(date_paths); i++)
		if (strcmp(date_paths[i].name, name) == 0)
			q->date_path = date_paths[i].path;
	return 0;
}

static bool
is_date(const struct resource *s, const char *name)
{
	const char *at = s->dates != NULL ? strstr(s->dates, name) : NULL;
	size_t n = strlen(name);

	return at != NULL && (at == s->dates || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0');
}

static int
add_number(struct call *c, const char *name, const char *value, int64_t least, int64_t most, int64_t *ret)
{
	char *end;

	*ret = strtoll(value, &end, 10);
	if (*end != '\0' || end == value || *ret < least || *ret > most)
		return sb_canvas_refuse(c, 400, "invalid", "Bad request: %s", name);
	return 0;
}

static int
add(struct call *c, struct query *q, const struct resource *s, const char *name, const char *value)
{
	if (strcmp(name, "_count") == 0)
		return add_number(c, name, value, 1, 100, &q->count);
	if (strcmp(name, "_offset") == 0)
		return add_number(c, name, value, 0, INT32_MAX, &q->offset);
	if (strcmp(name, "_id") == 0) {
		q->id = value;
	} else if (strcmp(name, "_sort") == 0) {
		q->newest_first = *value == '-';
	} else if (strcmp(s->name, "Practitioner") == 0 && strcmp(name, "name") == 0) {
		q->name = value;
	} else if (strcmp(name, "active") == 0) {
		json_array_append(
		    q->containing, fill(c, strcmp(value, "false") == 0 ? "{\"active\":false}" : "{\"active\":true}", "", ""));
	} else if (strcmp(name, "include-non-schedulable-practitioners") == 0) {
		return 0;
	} else if (is_date(s, name)) {
		return add_date(c, q, s, name, value);
	} else {
		for (size_t i = 0; i < s->nparams; i++)
			if (strcmp(s->params[i].name, name) == 0) {
				add_param(c, q, &s->params[i], value);
				return 0;
			}
		return sb_canvas_refuse(c, 400, "invalid", "Bad request: unknown search parameter %.40s", name);
	}
	return 0;
}

static int
read_query(struct call *c, struct query *q, const struct resource *s)
{
	const char *at = strchr(c->r->target, '?'), *end, *start;
	char *name, *value;
	int rc;

	if (at == NULL)
		return 0;
	end = at + strlen(at);
	for (at++; start = at, (rc = sb_pair(c->arena, &at, end, &name, &value)) > 0;) {
		if (strcmp(name, "_count") != 0 && strcmp(name, "_offset") != 0) {
			buf_addn(&q->kept, start + (*start == '&'), (size_t)(at - start) - (*start == '&'));
			buf_addc(&q->kept, '&');
		}
		if ((rc = add(c, q, s, name, value)) != 0)
			return rc;
	}
	return rc == 0 ? 0 : sb_canvas_refuse(c, 400, "invalid", "Bad request");
}

static void
add_link(struct call *c, json_t *links, const struct resource *s, const struct query *q, const char *relation, int64_t offset)
{
	json_t *link = json_object();

	json_object_set_new(link, "relation", json_string(relation));
	json_object_set_new(link, "url",
	    json_string(
		arena_printf(c->arena, "/%s?%s_count=%" PRId64 "&_offset=%" PRId64, s->name, buf_str(&q->kept), q->count, offset)));
	json_array_append_new(links, link);
}

static int
answer_bundle(struct call *c, const struct resource *s, const struct query *q, struct rows *rows, struct problem *err)
{
	json_t *bundle = sb_keep(c->arena, json_object()), *links = json_array(), *entries = json_array();
	int64_t total = rows_count(rows) > 0 ? row_int(rows_at(rows, 0), "total") : 0,
		last = total > 0 ? (total - 1) / q->count * q->count : 0;

	json_object_set_new(bundle, "resourceType", json_string("Bundle"));
	json_object_set_new(bundle, "type", json_string("searchset"));
	json_object_set_new(bundle, "total", json_integer(total));
	json_object_set_new(bundle, "link", links);
	json_object_set_new(bundle, "entry", entries);
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *text = row_str(rows_at(rows, i), "data");
		json_t *data = json_read(c->arena, text, strlen(text), err), *entry;

		if (data == NULL)
			return -1;
		entry = json_object();
		json_object_set(entry, "resource", sb_shown(c->arena, data));
		json_array_append_new(entries, entry);
	}
	if (total == 0) {
		json_object_del(bundle, "link");
		json_object_del(bundle, "entry");
	} else {
		add_link(c, links, s, q, "self", q->offset);
		add_link(c, links, s, q, "first", 0);
		if (q->offset + q->count < total)
			add_link(c, links, s, q, "next", q->offset + q->count);
		add_link(c, links, s, q, "last", last);
	}
	sb_answer(c, 200, bundle);
	return 0;
}

int
sb_canvas_search(struct call *c, const struct resource *s, struct problem *err)
{
	struct query q = {
		.count = 10, .containing = sb_keep(c->arena, json_array()), .kept = buf_in(c->arena, 16 * 1024), .date_path = "date"
	};
	struct rows *rows;
	const char *contains;
	int rc = read_query(c, &q, s);

	if (rc != 0)
		return rc;
	if (strcmp(s->name, "Practitioner") == 0 && strstr(buf_str(&q.kept), "active=") == NULL)
		json_array_append(q.containing, fill(c, "{\"active\":true}", "", ""));
	contains = sb_dump(c->arena, q.containing);
#define SEARCH_PARAMS \
	P_TEXT(s->name), P_TEXT(q.subject), P_TEXT(q.ref), P_TEXT(q.id), P_TEXT(contains), P_TEXT(q.name), P_TIME(q.from), \
	    P_TIME(q.to), P_TEXT(q.date_path), P_INT(q.newest_first ? -1 : 1), P_INT(q.offset), P_INT(q.count)
	if (q.ref != NULL)
		rc = db_all(c->db, &rows, by_ref_sql, err, SEARCH_PARAMS);
	else if (q.subject != NULL)
		rc = db_all(c->db, &rows, by_subject_sql, err, SEARCH_PARAMS);
	else
		rc = db_all(c->db, &rows, of_type_sql, err, SEARCH_PARAMS);
#undef SEARCH_PARAMS
	return rc < 0 ? -1 : answer_bundle(c, s, &q, rows, err);
}
