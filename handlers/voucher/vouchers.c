/*
 * vouchers.c: a voucher as it is read, and how it ends: redeemed by a prescription, invalidated by staff or a changed decision, expired by time. Each
 * end is one edge from issued, so only the first of them happens.
 */
#include "voucher/voucher.h"

#define BATCH 200

static const char show_sql[] = "SELECT " VOUCHER_COLUMNS " FROM vouchers WHERE id = $1";
static const char lock_sql[] = "SELECT " VOUCHER_COLUMNS " FROM vouchers WHERE id = $1 FOR UPDATE";
static const char case_sql[] = "SELECT " VOUCHER_COLUMNS " FROM vouchers WHERE case_id = $1 FOR UPDATE";
static const char end_sql[] =
	"UPDATE vouchers SET status = $2, reason = $3, prescription_id = $4::uuid, ended_at = now() WHERE id = $1 AND status = 'issued' RETURNING ended_at";
static const char note_sql[] = "INSERT INTO voucher_events (voucher_id, actor, status, reason) VALUES ($1, $2, $3, $4)";
static const char history_sql[] = "SELECT at, actor, status, reason FROM voucher_events WHERE voucher_id = $1 ORDER BY id LIMIT 100";
static const char prescribed_sql[] =
	"INSERT INTO voucher_cases AS c (case_id, patient_id, prescription_id) VALUES ($1, $2, $3)"
	" ON CONFLICT (case_id) DO UPDATE SET prescription_id = coalesce(c.prescription_id, excluded.prescription_id)";
static const char expired_sql[] =
	"SELECT " VOUCHER_COLUMNS " FROM vouchers WHERE status = 'issued' AND expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED";

void
voucher_from_row(struct voucher *v, const struct row *w)
{
	*v = (struct voucher){
		.id = row_uuid(w, "id"), .case_id = row_uuid(w, "case_id"), .patient_id = row_uuid(w, "patient_id"), .status = row_str(w, "status"),
		.reason = row_opt_str(w, "reason"), .issued_at = row_time(w, "issued_at"), .expires_at = row_time(w, "expires_at"),
		.ended_at = row_time(w, "ended_at"),
	};
}

void
voucher_members(struct json_writer *w, const struct voucher *v)
{
	jw_uuid(w, "voucher_id", v->id);
	jw_uuid(w, "case_id", v->case_id);
	jw_uuid(w, "patient_id", v->patient_id);
	jw_str(w, "status", v->status);
	jw_opt_str(w, "reason", v->reason);
	jw_time(w, "issued_at", v->issued_at);
	jw_time(w, "expires_at", v->expires_at);
	if (v->ended_at != 0)
		jw_time(w, "ended_at", v->ended_at);
}

int
voucher_of_case(struct db *db, struct uuid case_id, struct voucher *v, bool *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, case_sql, err, P_UUID(case_id)) < 0)
		return -1;
	*ret = w != NULL;
	if (w != NULL)
		voucher_from_row(v, w);
	return 0;
}

int
voucher_note(struct db *db, const struct voucher *v, struct problem *err)
{
	return db_exec(db, note_sql, err, P_UUID(v->id), P_TEXT(db_scope(db)->actor), P_TEXT(v->status), P_TEXT(v->reason)) < 0 ? -1 : 0;
}

static int
publish_ended(struct db *db, const struct voucher *v, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "case_id", v->case_id);
	jw_uuid(&w, "patient_id", v->patient_id);
	jw_uuid(&w, "voucher_id", v->id);
	jw_str(&w, "status", v->status);
	jw_opt_str(&w, "reason", v->reason);
	jw_end(&w);
	return event_publish(db, "case.voucher.ended", v->case_id, buf_str(&b), err);
}

int
voucher_end(struct db *db, struct voucher *v, const char *status, const char *reason, struct uuid prescription, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, end_sql, err, P_UUID(v->id), P_TEXT(status), P_TEXT(reason), P_OPT_UUID(prescription)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	v->status = status;
	v->reason = reason;
	v->ended_at = row_time(w, "ended_at");
	return voucher_note(db, v, err) < 0 ? -1 : publish_ended(db, v, err);
}

int
voucher_show(struct req *r, struct problem *err)
{
	struct rows *history;
	const struct row *w;
	struct voucher v;

	if (db_one(r->db, &w, show_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such voucher");
	voucher_from_row(&v, w);
	if (db_all(r->db, &history, history_sql, err, P_UUID(v.id)) < 0)
		return -1;
	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	voucher_members(j, &v);
	jw_array(j, "history");
	for (size_t i = 0; i < rows_count(history); i++) {
		const struct row *h = rows_at(history, i);

		jw_object(j, NULL);
		jw_time(j, "at", row_time(h, "at"));
		jw_str(j, "actor", row_str(h, "actor"));
		jw_str(j, "status", row_str(h, "status"));
		jw_opt_str(j, "reason", row_opt_str(h, "reason"));
		jw_end(j);
	}
	jw_end(j);
	jw_end(j);
	return 0;
}

/* Asked again it is the same answer, from the row alone. */
int
voucher_invalidate(struct req *r, struct problem *err)
{
	const struct row *w;
	struct voucher v;

	req_object(r, "vouchers", req_uuid(r, "id"));
	if (db_one(r->db, &w, lock_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such voucher");
	voucher_from_row(&v, w);
	if (strcmp(v.status, "redeemed") == 0)
		return problem(err, 409, "redeemed", "a prescription was written on this voucher");
	if (strcmp(v.status, "expired") == 0)
		return problem(err, 409, "expired", "the voucher has expired");
	if (voucher_end(r->db, &v, "invalidated", req_has(r, "reason") ? req_str(r, "reason") : "by_staff", UUID_NIL, err) < 0)
		return -1;
	if (db_one(r->db, &w, show_sql, err, P_UUID(v.id)) < 0)
		return -1;
	voucher_from_row(&v, w);
	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	voucher_members(j, &v);
	jw_end(j);
	return 0;
}

/* The prescription spends it. The news may be here before the voucher is: issue.c looks. */
int
on_case_prescribed(struct event *e, struct problem *err)
{
	struct uuid case_id = event_uuid(e, "case_id"), prescription = event_uuid(e, "prescription_id");
	struct voucher v;
	bool there;

	if (db_exec(e->db, prescribed_sql, err, P_UUID(case_id), P_UUID(event_uuid(e, "patient_id")), P_UUID(prescription)) < 0 ||
	    voucher_of_case(e->db, case_id, &v, &there, err) < 0)
		return -1;
	return there ? voucher_end(e->db, &v, "redeemed", "prescribed", prescription, err) : 0;
}

int
expire_job(struct job *j, struct problem *err)
{
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, expired_sql, err, P_INT(BATCH)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		char text[UUID_TEXT];
		struct voucher v;

		voucher_from_row(&v, rows_at(rows, i));
		if (voucher_end(j->db, &v, "expired", "time", UUID_NIL, err) < 0 ||
		    audit_add(j->db, &(struct audit_entry){ .action = "voucher.expire", .object = "vouchers", .object_id = uuid_text(v.id, text) }, err) < 0)
			return -1;
	}
	if (rows_count(rows) == BATCH)
		job_again(j, 0);
	return job_end(j, err);
}
