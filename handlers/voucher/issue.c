/*
 * issue.c: one voucher a case (A-API-07, A-PIT-01). The decision's event issues it; POST /vouchers does the same for who will not wait. The table's unique
 * constraint decides, so that repeats, however many at once, find the one that is there.
 */
#include "voucher/voucher.h"

#include "base/metrics.h"

static const char known_sql[] =
	"INSERT INTO voucher_cases (case_id, patient_id) VALUES ($1, $2) ON CONFLICT (case_id) DO NOTHING";
static const char decided_sql[] =
	"INSERT INTO voucher_cases AS c (case_id, patient_id, eligible, decided_at) VALUES ($1, $2, $3::boolean, $4)"
	" ON CONFLICT (case_id) DO UPDATE SET eligible = excluded.eligible, decided_at = excluded.decided_at"
	" WHERE c.decided_at IS NULL OR c.decided_at <= excluded.decided_at RETURNING case_id";
static const char look_sql[] = "SELECT patient_id, eligible, prescription_id FROM voucher_cases WHERE case_id = $1";
static const char insert_sql[] =
	"INSERT INTO vouchers (id, case_id, patient_id, expires_at) VALUES ($1, $2, $3, now() + make_interval(secs => $4))"
	" ON CONFLICT ON CONSTRAINT vouchers_once DO NOTHING RETURNING " VOUCHER_COLUMNS;

/* How long a case that was made by the minute may be unknown here; its news is on the way. */
#define NEWS_MS 10000

static int
publish_issued(struct db *db, const struct voucher *v, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "case_id", v->case_id);
	jw_uuid(&w, "patient_id", v->patient_id);
	jw_uuid(&w, "voucher_id", v->id);
	jw_end(&w);
	return event_publish(db, "case.voucher.issued", v->case_id, buf_str(&b), err);
}

/* The case's voucher, made now where there was none: *born. A prescription that is known already spends it at once. */
static int
issue(struct db *db, const struct conf *conf, struct uuid case_id, const struct row *known, struct voucher *v, bool *born, struct problem *err)
{
	struct uuid prescription = row_uuid(known, "prescription_id");
	const struct row *w;

	if (db_one(db, &w, insert_sql, err, P_UUID(uuid_new()), P_UUID(case_id), P_UUID(row_uuid(known, "patient_id")),
		P_INT(conf_int(conf, "VOUCHER_TTL"))) < 0)
		return -1;
	*born = w != NULL;
	if (w == NULL) {
		bool there;

		return voucher_of_case(db, case_id, v, &there, err);
	}
	voucher_from_row(v, w);
	metric_add("vouchers_issued_total", NULL, 1);
	if (voucher_note(db, v, err) < 0 || publish_issued(db, v, err) < 0)
		return -1;
	return uuid_is_nil(prescription) ? 0 : voucher_end(db, v, "redeemed", "prescribed", prescription, err);
}

static int
later(struct problem *err, const char *code, const char *detail)
{
	problem(err, 409, code, "%s", detail);
	err->retry_after = 1;
	return -1;
}

static int
known_case(struct req *r, struct uuid id, const struct row **ret, struct problem *err)
{
	if (db_one(r->db, ret, look_sql, err, P_UUID(id)) < 0)
		return -1;
	if (*ret == NULL)
		return uuid_younger_than(id, NEWS_MS) ? later(err, "eligibility_pending", "the case is not known here yet")
						      : problem(err, 404, "not_found", "no such case");
	if (row_is_null(*ret, "eligible"))
		return later(err, "eligibility_pending", "eligibility is not decided yet");
	if (!row_bool(*ret, "eligible"))
		return problem(err, 409, "not_eligible", "the case is not eligible");
	return 0;
}

int
voucher_create(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "case_id");
	const struct row *known;
	struct voucher v;
	char text[UUID_TEXT];
	bool born;

	if (known_case(r, id, &known, err) < 0 || issue(r->db, r->conf, id, known, &v, &born, err) < 0)
		return -1;
	req_object(r, "vouchers", v.id);
	struct json_writer *j = reply_json(r, born ? 201 : 200);
	jw_object(j, NULL);
	voucher_members(j, &v);
	jw_end(j);
	reply_header(r, "Location", arena_printf(r->arena, "/vouchers/%s", uuid_text(v.id, text)));
	return 0;
}

int
on_case_created(struct event *e, struct problem *err)
{
	return db_exec(e->db, known_sql, err, P_UUID(event_uuid(e, "case_id")), P_UUID(event_uuid(e, "patient_id"))) < 0 ? -1 : 0;
}

/* A later decision against the case takes an unspent voucher back. */
int
on_eligibility_decided(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "case_id");
	bool eligible = json_is_true(json_object_get(e->payload, "eligible")), there;
	const struct row *newest, *known;
	struct voucher v;

	if (db_one(e->db, &newest, decided_sql, err, P_UUID(id), P_UUID(event_uuid(e, "patient_id")), P_BOOL(eligible), P_TIME(e->occurred_at)) < 0)
		return -1;
	if (newest == NULL)
		return 0;
	if (eligible)
		return db_one(e->db, &known, look_sql, err, P_UUID(id)) < 0 ? -1 : issue(e->db, e->conf, id, known, &v, &there, err);
	if (voucher_of_case(e->db, id, &v, &there, err) < 0)
		return -1;
	return there ? voucher_end(e->db, &v, "invalidated", "not_eligible", UUID_NIL, err) : 0;
}
