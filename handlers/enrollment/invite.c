/*
 * invite.c: staff invite a patient, and nobody is forgotten (P-ENR-01, P-ENR-03, P-ENR-04, P-ENR-13). Mail and text go out by a job; the monitor, each
 * half minute, reminds of links that are about to run out and hands those that did to the staff.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "enrollment/enrollment.h"

static const char lock_sql[] = "SELECT id FROM candidates WHERE id = $1 FOR UPDATE";
static const char open_sql[] =
	"INSERT INTO enrollments AS e (id, prescription_id, patient_id, initiated_by) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT ON CONSTRAINT enrollments_once DO UPDATE SET status = 'pending', updated_at = now() WHERE e.status IN ('pending', 'expired')"
	" RETURNING id";
static const char show_sql[] =
	"SELECT e.id, e.prescription_id, e.patient_id, e.status, e.insurance_verified, e.created_at, e.completed_at, l.expires_at, l.reminded_at,"
	" l.wrong_dates FROM enrollments e LEFT JOIN LATERAL (SELECT * FROM magic_links m WHERE m.enrollment_id = e.id ORDER BY created_at DESC LIMIT 1) l"
	" ON true WHERE e.prescription_id = $1";
static const char invited_sql[] = "SELECT prescription_id FROM enrollments WHERE id = $1 AND status = 'pending'";
static const char remind_sql[] =
	"UPDATE magic_links SET reminded_at = now() WHERE id IN (SELECT id FROM magic_links WHERE used_at IS NULL AND revoked_at IS NULL"
	" AND ended_at IS NULL AND reminded_at IS NULL AND expires_at > now() AND expires_at <= now() + make_interval(secs => $1::bigint)"
	" ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
	" RETURNING enrollment_id, (SELECT prescription_id FROM enrollments e WHERE e.id = enrollment_id) AS prescription_id";
static const char end_sql[] =
	"UPDATE magic_links SET ended_at = now() WHERE id IN (SELECT id FROM magic_links WHERE used_at IS NULL AND revoked_at IS NULL"
	" AND ended_at IS NULL AND expires_at <= now() ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING enrollment_id";
static const char expire_sql[] =
	"UPDATE enrollments SET status = 'expired', updated_at = now() WHERE id = $1 AND status = 'pending' RETURNING patient_id, prescription_id";

static int
status_audit(struct db *db, const char *id, const char *from, const char *to, struct problem *err)
{
	return audit_add(db, &(struct audit_entry){ .action = "enrollment.status", .object = "enrollments", .object_id = id,
	    .detail = arena_printf(db_current_arena(db), "{\"from\":\"%s\",\"to\":\"%s\"}", from, to) }, err);
}

static int
open_enrollment(struct req *r, const struct candidate *c, struct uuid *id, struct problem *err)
{
	const struct row *w;

	if (db_one(r->db, &w, open_sql, err, P_UUID(uuid_new()), P_UUID(c->id), P_UUID(c->patient_id), P_TEXT(r->scope.actor)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 409, "already_enrolled", "this enrollment is complete or was withdrawn");
	*id = row_uuid(w, "id");
	return 0;
}

static int
mail_later(struct db *db, const char *kind, struct uuid enrollment, struct uuid prescription, const char *of, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	char id[UUID_TEXT], rx[UUID_TEXT];

	(void)uuid_text(enrollment, id);
	return job_enqueue(db, &(struct job_spec){ .kind = kind, .unique_key = arena_printf(a, "%s:%s", id, of),
	    .args = arena_printf(a, "{\"enrollmentId\":\"%s\",\"prescriptionId\":\"%s\"}", id, uuid_text(prescription, rx)) }, err);
}

int
enrollment_initiate(struct req *r, struct problem *err)
{
	char token[LINK_TOKEN], text[UUID_TEXT], until[CLOCK_TEXT];
	struct candidate c;
	struct uuid id;
	int64_t expires_at;

	if (db_exec(r->db, lock_sql, err, P_UUID(req_uuid(r, "prescription_id"))) < 0 || candidate_load(r->db, req_uuid(r, "prescription_id"), &c, err) < 0)
		return -1;
	if (strcmp(c.status, "validated") != 0)
		return problem(err, 409, "not_validated", "a prescription that is %s cannot be enrolled", c.status);
	if (open_enrollment(r, &c, &id, err) < 0 || link_make(r->db, r->conf, id, token, &expires_at, err) < 0)
		return -1;
	(void)uuid_text(id, text);
	if (attention_clear(r->db, "enrollment.expired", text, "invited", err) < 0 || attention_clear(r->db, "enrollment.locked", text, "invited", err) < 0 ||
	    attention_clear(r->db, "enrollment.unreachable", text, "invited", err) < 0 ||
	    mail_later(r->db, "enrollment.invite", id, c.id, clock_text(expires_at, until), err) < 0)
		return -1;
	req_object(r, "enrollments", id);
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "enrollment_id", id);
	jw_str(w, "magic_link", link_url(r->arena, r->conf, token));
	jw_str(w, "status", "pending");
	jw_time(w, "expires_at", expires_at);
	jw_end(w);
	return 0;
}

int
enrollment_show(struct req *r, struct problem *err)
{
	const struct row *e;

	if (db_one(r->db, &e, show_sql, err, P_UUID(req_uuid(r, "prescriptionId"))) < 0)
		return -1;
	if (e == NULL)
		return problem(err, 404, "not_found", "nobody was invited for this prescription");
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "enrollment_id", row_uuid(e, "id"));
	jw_uuid(w, "prescription_id", row_uuid(e, "prescription_id"));
	jw_uuid(w, "patient_id", row_uuid(e, "patient_id"));
	jw_str(w, "status", row_str(e, "status"));
	if (!row_is_null(e, "insurance_verified"))
		jw_bool(w, "insurance_verified", row_bool(e, "insurance_verified"));
	jw_time(w, "created_at", row_time(e, "created_at"));
	jw_time(w, "link_expires_at", row_time(e, "expires_at"));
	jw_time(w, "reminded_at", row_time(e, "reminded_at"));
	jw_time(w, "completed_at", row_time(e, "completed_at"));
	jw_bool(w, "locked", row_int(e, "wrong_dates") >= LINK_TRIES);
	jw_end(w);
	return 0;
}

/* ---- the message */

struct invitation {
	struct uuid enrollment;
	struct candidate candidate;
	json_t *details;
	const char *url; /* NULL: nothing is to be sent any more */
	int64_t expires_at;
};

static int
load_invitation(struct job *j, struct invitation *v, struct problem *err)
{
	const struct row *w;

	v->enrollment = job_uuid(j, "enrollmentId");
	if (job_read(j, err) < 0 || db_one(j->db, &w, invited_sql, err, P_UUID(v->enrollment)) < 0)
		return -1;
	if (w != NULL) {
		if (candidate_load(j->db, row_uuid(w, "prescription_id"), &v->candidate, err) < 0 ||
		    link_again(j->db, j->conf, v->enrollment, &v->url, &v->expires_at, err) < 0)
			return -1;
		v->details = candidate_open(j->db, &v->candidate, err);
		if (v->details == NULL)
			return err->status != 0 ? -1 : problem(err, 503, "details_pending", "the prescription's details are on their way");
	}
	return job_read_end(j, err);
}

static const char *
message_of(struct job *j, const char *type, const struct invitation *v)
{
	struct buf b = buf_in(j->arena, 8 * 1024);
	const char *first = json_text_at(v->details, "firstName");
	char id[UUID_TEXT], until[CLOCK_TEXT];
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", type);
	jw_str(&w, "messageKey", arena_printf(j->arena, "%s:%s", uuid_text(v->enrollment, id), clock_text(v->expires_at, until)));
	jw_object(&w, "recipient");
	jw_opt_str(&w, "email", json_text_at(v->details, "email"));
	jw_opt_str(&w, "phone", json_text_at(v->details, "phone"));
	jw_opt_str(&w, "name", first);
	jw_end(&w);
	jw_object(&w, "variables");
	jw_opt_str(&w, "firstName", first);
	jw_str(&w, "link", v->url);
	jw_time(&w, "linkExpiresAt", v->expires_at);
	jw_end(&w);
	jw_end(&w);
	return buf_str(&b);
}

static int
unreachable(struct job *j, const struct invitation *v, struct problem *err)
{
	char id[UUID_TEXT];

	if (job_begin(j, err) < 0 || attention_raise(j->db, &(struct attention){ .kind = "enrollment.unreachable", .subject = uuid_text(v->enrollment, id),
	    .code = "no_address", .patient = v->candidate.patient_id }, err) < 0)
		return -1;
	return job_end(j, err);
}

int
invite_job(struct job *j, struct problem *err)
{
	const char *type = strcmp(j->kind, "enrollment.remind") == 0 ? "enrollment_reminder" : "enrollment_invitation";
	struct invitation v = { .url = NULL };

	if (load_invitation(j, &v, err) < 0)
		return -1;
	if (v.url == NULL)
		return 0;
	if (json_text_at(v.details, "email") == NULL && json_text_at(v.details, "phone") == NULL)
		return unreachable(j, &v, err);
	return job_ask(j, &(struct peer_call){ .service = "notify", .method = "POST", .path = "/notify/send", .body = message_of(j, type, &v) }, NULL, err);
}

/* ---- the monitor */

static int
end_one(struct job *j, struct uuid enrollment, struct problem *err)
{
	const struct row *w;
	char id[UUID_TEXT], rx[UUID_TEXT];

	if (db_one(j->db, &w, expire_sql, err, P_UUID(enrollment)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	(void)uuid_text(enrollment, id);
	if (status_audit(j->db, id, "pending", "expired", err) < 0)
		return -1;
	return attention_raise(j->db, &(struct attention){ .kind = "enrollment.expired", .subject = id, .code = "link_expired",
	    .patient = row_uuid(w, "patient_id"),
	    .detail = arena_printf(j->arena, "{\"prescriptionId\":\"%s\"}", uuid_text(row_uuid(w, "prescription_id"), rx)) }, err);
}

int
monitor_job(struct job *j, struct problem *err)
{
	struct rows *remind, *ended;

	if (job_begin(j, err) < 0 || db_all(j->db, &remind, remind_sql, err, P_INT(conf_int(j->conf, "ENROLLMENT_REMINDER"))) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(remind); i++) {
		const struct row *l = rows_at(remind, i);

		if (mail_later(j->db, "enrollment.remind", row_uuid(l, "enrollment_id"), row_uuid(l, "prescription_id"), "reminder", err) < 0)
			return -1;
	}
	if (db_all(j->db, &ended, end_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(ended); i++)
		if (end_one(j, row_uuid(rows_at(ended, i), "enrollment_id"), err) < 0)
			return -1;
	return job_end(j, err);
}
