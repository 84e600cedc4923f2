/*
 * check.c: a decision is made, kept and told once; asked again with the same outcome it is the same check (A-API-05, A-API-06).
 */
#include "eligibility/eligibility.h"

static const char facts_sql[] = "SELECT patient_id, state, intake_type, facts_enc FROM eligibility_cases WHERE case_id = $1 FOR UPDATE";
static const char known_sql[] = "SELECT patient_id FROM eligibility_cases WHERE case_id = $1";
#define COLUMNS "id, case_id, n, eligible, reasons::text AS reasons, rule_version, actor, checked_at"
static const char last_sql[] =
	"SELECT " COLUMNS ", eligible = $2::boolean AND reasons = $3::jsonb AND rule_version = $4 AS same FROM eligibility_checks WHERE case_id = $1"
	" ORDER BY n DESC LIMIT 1";
static const char insert_sql[] =
	"INSERT INTO eligibility_checks (id, case_id, n, eligible, reasons, rule_version, actor)"
	" VALUES ($1, $2, 1 + (SELECT count(*) FROM eligibility_checks WHERE case_id = $2), $3::boolean, $4::jsonb, $5, $6) RETURNING " COLUMNS;
static const char history_sql[] = "SELECT " COLUMNS " FROM eligibility_checks WHERE case_id = $1 ORDER BY n DESC LIMIT 100";

/* How long a case that was made by the minute may be unknown here; its news is on the way. */
#define NEWS_MS 10000

static int
pending(struct problem *err, const char *detail)
{
	problem(err, 409, "eligibility_pending", "%s", detail);
	err->fault = FAULT_RETRY;
	err->retry_after = 1;
	return -1;
}

static int
unknown_case(struct uuid id, struct problem *err)
{
	return uuid_younger_than(id, NEWS_MS) ? pending(err, "the case is not known here yet") : problem(err, 404, "not_found", "no such case");
}

static int
publish_decided(struct db *db, struct uuid patient, const struct row *c, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 8192);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "case_id", row_uuid(c, "case_id"));
	jw_uuid(&w, "patient_id", patient);
	jw_uuid(&w, "check_id", row_uuid(c, "id"));
	jw_bool(&w, "eligible", row_bool(c, "eligible"));
	jw_raw(&w, "reasons", row_str(c, "reasons"));
	jw_str(&w, "rule_version", row_str(c, "rule_version"));
	jw_end(&w);
	return event_publish(db, "case.eligibility.decided", row_uuid(c, "case_id"), buf_str(&b), err);
}

int
check_case(struct db *db, struct uuid id, const struct row **ret, struct problem *err)
{
	struct facts f = { 0 };
	struct decision d;
	const struct row *c;
	struct bytes text;

	if (db_one(db, &c, facts_sql, err, P_UUID(id)) < 0)
		return -1;
	if (c == NULL)
		return unknown_case(id, err);
	if (row_is_null(c, "facts_enc"))
		return pending(err, "what the rules look at is not here yet");
	f.state = row_str(c, "state");
	f.intake_type = row_str(c, "intake_type");
	if (vault_open(db, "eligibility_cases", "facts_enc", id, row_bytes(c, "facts_enc"), &text, err) < 0 ||
	    facts_read(db_current_arena(db), text, &f, err) < 0 || decide(db, &f, &d, err) < 0 ||
	    db_one(db, ret, last_sql, err, P_UUID(id), P_BOOL(d.eligible), P_TEXT(d.reasons), P_TEXT(d.rule_version)) < 0)
		return -1;
	if (*ret != NULL && row_bool(*ret, "same"))
		return 0;
	if (db_one(db, ret, insert_sql, err, P_UUID(uuid_new()), P_UUID(id), P_BOOL(d.eligible), P_TEXT(d.reasons), P_TEXT(d.rule_version),
		P_TEXT(db_scope(db)->actor)) < 0)
		return -1;
	return publish_decided(db, row_uuid(c, "patient_id"), *ret, err);
}

static void
check_members(struct json_writer *w, const struct row *c)
{
	jw_uuid(w, "check_id", row_uuid(c, "id"));
	jw_bool(w, "eligible", row_bool(c, "eligible"));
	jw_raw(w, "reasons", row_str(c, "reasons"));
	jw_str(w, "rule_version", row_str(c, "rule_version"));
	jw_time(w, "checked_at", row_time(c, "checked_at"));
}

int
check(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "case_id");
	const struct row *c;

	req_object(r, "eligibility_cases", id);
	if (check_case(r->db, id, &c, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "case_id", id);
	check_members(w, c);
	jw_end(w);
	return 0;
}

int
check_show(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "case_id");
	const struct row *known;
	struct rows *rows;

	if (db_one(r->db, &known, known_sql, err, P_UUID(id)) < 0 || db_all(r->db, &rows, history_sql, err, P_UUID(id)) < 0)
		return -1;
	if (known == NULL)
		return unknown_case(id, err);
	if (rows_count(rows) == 0)
		return pending(err, "nothing is decided yet");
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "case_id", id);
	check_members(w, rows_at(rows, 0));
	jw_array(w, "history");
	for (size_t i = 0; i < rows_count(rows); i++) {
		jw_object(w, NULL);
		check_members(w, rows_at(rows, i));
		jw_str(w, "actor", row_str(rows_at(rows, i), "actor"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
