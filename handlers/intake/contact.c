/*
 * contact.c: where a patient is reached, for messages: as the newest submission or case says. Notify asks each time and keeps nothing.
 */
#include "intake/intake.h"

static const char newest_sql[] =
	"SELECT false AS of_case, id, payload_enc, submitted_at FROM intake_submissions WHERE patient_id = $1"
	" UNION ALL SELECT true, case_id, payload_enc, submitted_at FROM intake_cases WHERE patient_id = $1"
	" ORDER BY submitted_at DESC, id DESC LIMIT 1";

int
contact_show(struct req *r, struct problem *err)
{
	struct uuid patient = req_uuid(r, "patientId");
	const struct row *s;
	const json_t *form;
	struct bytes text;
	bool of_case;

	req_object(r, "patient", patient);
	if (db_one(r->db, &s, newest_sql, err, P_UUID(patient)) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such patient");
	of_case = row_bool(s, "of_case");
	if (vault_open(r->db, of_case ? "intake_cases" : "intake_submissions", "payload_enc", row_uuid(s, "id"), row_bytes(s, "payload_enc"), &text, err) < 0)
		return -1;
	form = json_read(r->arena, (const char *)text.p, text.n, err);
	if (form == NULL)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "patientId", patient);
	jw_str(w, "firstName", json_text_at(form, of_case ? "patient.first_name" : "firstName"));
	jw_str(w, "email", json_text_at(form, of_case ? "patient.email" : "email"));
	jw_str(w, "phone", json_text_at(form, of_case ? "patient.phone" : "phone"));
	jw_end(w);
	return 0;
}
