/*
 * cases.c: a case is made by the intake, read by who works with it, and listed for staff (A-FLOW-02, A-API-04).
 */
#include "case/case.h"

#define PAGE 50

static const char insert_sql[] =
	"INSERT INTO cases (id, patient_id, state, platform, intake_type) VALUES ($1, $2, $3, $4, $5)";
#define COLUMNS \
	"id, patient_id, state, platform, intake_type, status, eligible, reasons::text AS reasons, rule_version, decided_at, voucher_id, voucher_status," \
	" voucher_at, assignment_id, provider_id, assigned_at, created_at, moved_at"
static const char show_sql[] = "SELECT " COLUMNS " FROM cases WHERE id = $1";
static const char list_sql[] =
	"SELECT " COLUMNS " FROM cases WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR patient_id = $2)"
	" AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4";
static const char children_sql[] =
	"SELECT id, kind, prescription_id, status, tracking_number, first_at, said_at FROM case_children WHERE case_id = $1 ORDER BY first_at, id LIMIT 200";
static const char timeline_sql[] =
	"SELECT at, source, what, code, from_status, subject FROM case_events WHERE case_id = $1 ORDER BY at, id LIMIT 500";

static int
publish_created(struct req *r, struct uuid id, struct uuid patient, struct problem *err)
{
	struct buf b = buf_in(r->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "case_id", id);
	jw_uuid(&w, "patient_id", patient);
	jw_str(&w, "state", req_str(r, "state"));
	jw_str(&w, "platform", req_str(r, "platform"));
	jw_str(&w, "intake_type", req_str(r, "intake_type"));
	jw_end(&w);
	return event_publish(r->db, "case.created", id, buf_str(&b), err);
}

int
case_create(struct req *r, struct problem *err)
{
	struct uuid id = uuid_new(), patient = req_uuid(r, "patient_id");

	req_object(r, "cases", id);
	if (db_exec(r->db, insert_sql, err, P_UUID(id), P_UUID(patient), P_TEXT(req_str(r, "state")), P_TEXT(req_str(r, "platform")),
		P_TEXT(req_str(r, "intake_type"))) < 0 ||
	    case_note(r->db, id, &(struct case_line){ .source = "intake", .what = "intake", .code = "created" }, err) < 0 ||
	    publish_created(r, id, patient, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 201);
	jw_object(w, NULL);
	jw_uuid(w, "case_id", id);
	jw_uuid(w, "patient_id", patient);
	jw_str(w, "status", "created");
	jw_end(w);
	return 0;
}

/* ---- reading */

static void
case_members(struct json_writer *w, const struct row *c)
{
	jw_uuid(w, "case_id", row_uuid(c, "id"));
	jw_uuid(w, "patient_id", row_uuid(c, "patient_id"));
	jw_str(w, "state", row_str(c, "state"));
	jw_str(w, "platform", row_str(c, "platform"));
	jw_str(w, "intake_type", row_str(c, "intake_type"));
	jw_str(w, "status", row_str(c, "status"));
	jw_time(w, "since", row_time(c, "moved_at"));
	jw_time(w, "created_at", row_time(c, "created_at"));
	if (!row_is_null(c, "eligible")) {
		jw_object(w, "eligibility");
		jw_bool(w, "eligible", row_bool(c, "eligible"));
		jw_raw(w, "reasons", row_str(c, "reasons"));
		jw_str(w, "rule_version", row_str(c, "rule_version"));
		jw_time(w, "decided_at", row_time(c, "decided_at"));
		jw_end(w);
	}
	if (!row_is_null(c, "voucher_id")) {
		jw_object(w, "voucher");
		jw_uuid(w, "voucher_id", row_uuid(c, "voucher_id"));
		jw_str(w, "status", row_str(c, "voucher_status"));
		jw_time(w, "issued_at", row_time(c, "voucher_at"));
		jw_end(w);
	}
	if (!row_is_null(c, "provider_id")) {
		jw_object(w, "provider");
		jw_uuid(w, "provider_id", row_uuid(c, "provider_id"));
		jw_uuid(w, "assignment_id", row_uuid(c, "assignment_id"));
		jw_time(w, "assigned_at", row_time(c, "assigned_at"));
		jw_end(w);
	}
}

static void
children_of_kind(struct json_writer *w, struct rows *children, const char *kind, const char *list, const char *id)
{
	jw_array(w, list);
	for (size_t i = 0; i < rows_count(children); i++) {
		const struct row *c = rows_at(children, i);

		if (strcmp(row_str(c, "kind"), kind) != 0)
			continue;
		jw_object(w, NULL);
		jw_uuid(w, id, row_uuid(c, "id"));
		if (!uuid_equal(row_uuid(c, "id"), row_uuid(c, "prescription_id")))
			jw_uuid(w, "prescription_id", row_uuid(c, "prescription_id"));
		jw_str(w, "status", row_str(c, "status"));
		jw_opt_str(w, "tracking_number", row_opt_str(c, "tracking_number"));
		jw_time(w, "created_at", row_time(c, "first_at"));
		jw_time(w, "updated_at", row_time(c, "said_at"));
		jw_end(w);
	}
	jw_end(w);
}

static int
timeline(struct req *r, struct json_writer *w, struct uuid id, struct problem *err)
{
	struct rows *lines;

	if (db_all(r->db, &lines, timeline_sql, err, P_UUID(id)) < 0)
		return -1;
	jw_array(w, "timeline");
	for (size_t i = 0; i < rows_count(lines); i++) {
		const struct row *l = rows_at(lines, i);

		jw_object(w, NULL);
		jw_time(w, "at", row_time(l, "at"));
		jw_str(w, "source", row_str(l, "source"));
		jw_str(w, "what", row_str(l, "what"));
		jw_opt_str(w, "code", row_opt_str(l, "code"));
		jw_opt_str(w, "from", row_opt_str(l, "from_status"));
		if (!row_is_null(l, "subject"))
			jw_uuid(w, "id", row_uuid(l, "subject"));
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

/* Staff and services see every case; a provider and a patient their own. */
static bool
may_see(const struct req *r, const struct row *c)
{
	bool patient = r->role != NULL && strcmp(r->role, "patient") == 0, provider = r->role != NULL && strcmp(r->role, "provider") == 0;

	if (!patient && !provider)
		return true;
	return !uuid_is_nil(r->subject) && uuid_equal(r->subject, row_uuid(c, patient ? "patient_id" : "provider_id"));
}

int
case_show(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "id");
	struct rows *children;
	const struct row *c;

	req_object(r, "cases", id);
	if (db_one(r->db, &c, show_sql, err, P_UUID(id)) < 0)
		return -1;
	if (c == NULL || !may_see(r, c))
		return problem(err, 404, "not_found", "no such case");
	if (db_all(r->db, &children, children_sql, err, P_UUID(id)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	case_members(w, c);
	children_of_kind(w, children, "prescription", "prescriptions", "prescription_id");
	children_of_kind(w, children, "order", "orders", "order_id");
	if (timeline(r, w, id, err) < 0)
		return -1;
	jw_end(w);
	return 0;
}

int
case_list(struct req *r, struct problem *err)
{
	int64_t limit = req_int(r, "limit", PAGE);
	struct rows *rows;
	size_t n;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "status")), P_OPT_UUID(req_uuid(r, "patient_id")), P_OPT_UUID(req_uuid(r, "after")),
		P_INT(limit + 1)) < 0)
		return -1;
	n = rows_count(rows) > (size_t)limit ? (size_t)limit : rows_count(rows);
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "cases");
	for (size_t i = 0; i < n; i++) {
		jw_object(w, NULL);
		case_members(w, rows_at(rows, i));
		jw_end(w);
	}
	jw_end(w);
	if (n < rows_count(rows))
		jw_uuid(w, "next", row_uuid(rows_at(rows, n - 1), "id"));
	jw_end(w);
	return 0;
}
