/*
 * contact.c: where a patient is reached, for messages: as the newest submission says. Notify asks each time and keeps nothing.
 */
#include "intake/intake.h"

static const char newest_sql[] =
	"SELECT id, payload_enc FROM intake_submissions WHERE patient_id = $1 ORDER BY submitted_at DESC, id DESC LIMIT 1";

int
contact_show(struct req *r, struct problem *err)
{
	struct uuid patient = req_uuid(r, "patientId");
	const struct row *s;
	const json_t *form;
	struct bytes text;

	req_object(r, "patient", patient);
	if (db_one(r->db, &s, newest_sql, err, P_UUID(patient)) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such patient");
	if (vault_open(r->db, "intake_submissions", "payload_enc", row_uuid(s, "id"), row_bytes(s, "payload_enc"), &text, err) < 0)
		return -1;
	form = json_read(r->arena, (const char *)text.p, text.n, err);
	if (form == NULL)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "patientId", patient);
	jw_str(w, "firstName", json_text_at(form, "firstName"));
	jw_str(w, "email", json_text_at(form, "email"));
	jw_str(w, "phone", json_text_at(form, "phone"));
	jw_end(w);
	return 0;
}
