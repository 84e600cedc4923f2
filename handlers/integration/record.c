/*
 * record.c: the immutable snapshot of a submitted intake (I-REC-01 to 04, I-PAT-01). Written once, sealed under the patient's key, found by patient, e-mail
 * index or date; the table refuses any change.
 */
#include "base/clock.h"
#include "crypto/seal.h"
#include "integration/integration.h"

static const char insert_sql[] =
	"INSERT INTO patient_records (id, submission_id, patient_id, state, intake_type, email_index, payload_enc, submitted_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (submission_id) DO NOTHING";
static const char load_sql[] = "SELECT id, payload_enc FROM patient_records WHERE submission_id = $1";
static const char latest_sql[] =
	"SELECT id, submission_id, state, intake_type, submitted_at, payload_enc FROM patient_records WHERE patient_id = $1"
	" ORDER BY submitted_at DESC LIMIT 1";

int
record_keep(struct req *r, struct problem *err)
{
	struct uuid id = uuid_new();
	const json_t *form = req_json(r, "patient");
	char *text = json_dumps(form, JSON_COMPACT | JSON_PRESERVE_ORDER);
	char email[256];
	struct bytes sealed;
	int64_t at = 0;

	arena_defer(r->arena, free, text);
	if (normalise_email(json_text_at(form, "email"), email, sizeof(email)) == NULL || clock_parse(req_str(r, "submittedAt"), &at) < 0)
		return problem(err, 422, "validation_failed", "email or submittedAt is unusable");
	if (vault_seal(r->db, req_uuid(r, "patientId"), "patient_records", "payload_enc", id, BYTES_OF(text), &sealed, err) < 0)
		return -1;
	return db_exec(r->db, insert_sql, err, P_UUID(id), P_UUID(req_uuid(r, "submissionId")), P_UUID(req_uuid(r, "patientId")),
	    P_TEXT(req_str(r, "state")), P_TEXT(req_str(r, "intakeType")), P_BYTES(vault_index(r->db, "patient_records.email", email)),
	    P_BYTES(sealed), P_TIME(at)) < 0 ? -1 : 0;
}

json_t *
record_form(struct db *db, struct uuid submission, struct problem *err)
{
	const struct row *w;
	struct bytes plain;

	if (db_one(db, &w, load_sql, err, P_UUID(submission)) < 0)
		return NULL;
	if (w == NULL) {
		problem(err, 404, "not_found", "no snapshot of that submission");
		return NULL;
	}
	if (vault_open(db, "patient_records", "payload_enc", row_uuid(w, "id"), row_bytes(w, "payload_enc"), &plain, err) < 0)
		return NULL;
	return json_read(db_current_arena(db), (const char *)plain.p, plain.n, err);
}

int
record_show(struct req *r, struct problem *err)
{
	const struct row *w;
	struct bytes plain;

	req_object(r, "patient_records", req_uuid(r, "patientId"));
	if (db_one(r->db, &w, latest_sql, err, P_UUID(req_uuid(r, "patientId"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no record of that patient");
	if (vault_open(r->db, "patient_records", "payload_enc", row_uuid(w, "id"), row_bytes(w, "payload_enc"), &plain, err) < 0)
		return -1;
	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_uuid(j, "patientId", req_uuid(r, "patientId"));
	jw_uuid(j, "submissionId", row_uuid(w, "submission_id"));
	jw_str(j, "state", row_str(w, "state"));
	jw_str(j, "intakeType", row_str(w, "intake_type"));
	jw_time(j, "submittedAt", row_time(w, "submitted_at"));
	jw_raw(j, "record", (const char *)plain.p);
	jw_end(j);
	return 0;
}
