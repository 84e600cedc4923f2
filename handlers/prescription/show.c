/* show.c: what may be seen of a prescription, and by whom: the list and the line without PHI, the whole for staff, the details for the services that go on. */
#include "prescription/prescription.h"

static const char list_sql[] =
	"SELECT id, patient_id, source, status, drug_ndc, schedule, jsonb_array_length(validation_errors) AS errors, created_at, updated_at FROM prescriptions"
	" WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR patient_id = $2) AND ($3::uuid IS NULL OR id < $3)"
	" ORDER BY id DESC LIMIT $4";
static const char history_sql[] =
	"SELECT event, from_status, to_status, late, actor, reason, happened_at, at FROM rx_status_history WHERE prescription_id = $1 ORDER BY id LIMIT 500";
static const char drug_sql[] = "SELECT drug_name FROM ndc WHERE ndc = $1";

int
list(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "status")), P_OPT_UUID(req_uuid(r, "patient_id")), P_OPT_UUID(req_uuid(r, "before")),
	    P_INT(req_int(r, "limit", 50))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "prescriptions");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *p = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "prescription_id", row_uuid(p, "id"));
		jw_uuid(w, "patient_id", row_uuid(p, "patient_id"));
		jw_str(w, "source", row_str(p, "source"));
		jw_str(w, "status", row_str(p, "status"));
		jw_opt_str(w, "drug_ndc", row_opt_str(p, "drug_ndc"));
		jw_opt_str(w, "schedule", row_opt_str(p, "schedule"));
		jw_int(w, "errors", row_int(p, "errors"));
		jw_time(w, "created_at", row_time(p, "created_at"));
		jw_time(w, "updated_at", row_time(p, "updated_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

/* ---- the line */

static int
write_history(struct req *r, struct json_writer *w, struct uuid id, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, history_sql, err, P_UUID(id)) < 0)
		return -1;
	jw_array(w, "history");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *h = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "event", row_str(h, "event"));
		jw_opt_str(w, "from", row_opt_str(h, "from_status"));
		jw_str(w, "to", row_str(h, "to_status"));
		jw_bool(w, "late", row_bool(h, "late"));
		jw_str(w, "actor", row_str(h, "actor"));
		jw_opt_str(w, "reason", row_opt_str(h, "reason"));
		jw_time(w, "happened_at", row_time(h, "happened_at"));
		jw_time(w, "at", row_time(h, "at"));
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

int
history(struct req *r, struct problem *err)
{
	struct prescription p;
	struct json_writer *w;

	if (prescription_load(r->db, req_uuid(r, "id"), false, &p, err) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", p.id);
	jw_str(w, "status", p.status);
	if (write_history(r, w, p.id, err) < 0)
		return -1;
	jw_end(w);
	return 0;
}

/* A provider sees what is his own. */
int
prescription_may_see(const struct req *r, const struct prescription *p, struct problem *err)
{
	if (r->role == NULL || strcmp(r->role, "provider") != 0 || uuid_equal(row_uuid(p->row, "provider_id"), r->subject))
		return 0;
	return problem(err, 404, "not_found", "no such prescription");
}

/* The surface of seed 002: the same row under its names. */
int
show_seed(struct req *r, struct problem *err)
{
	struct prescription p;
	struct json_writer *w;

	if (prescription_load(r->db, req_uuid(r, "id"), false, &p, err) < 0 || prescription_may_see(r, &p, err) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", p.id);
	jw_uuid(w, "patient_id", p.patient_id);
	if (!row_is_null(p.row, "case_id"))
		jw_uuid(w, "case_id", row_uuid(p.row, "case_id"));
	if (!row_is_null(p.row, "provider_id"))
		jw_uuid(w, "provider_id", row_uuid(p.row, "provider_id"));
	jw_str(w, "status", status_of_seed(p.status));
	jw_str(w, "stage", p.status);
	jw_str(w, "fhir_status", status_of_fhir(p.status));
	jw_opt_str(w, "drug_ndc", row_opt_str(p.row, "drug_ndc"));
	if (write_history(r, w, p.id, err) < 0)
		return -1;
	jw_end(w);
	return 0;
}

/* ---- the whole, for the staff */

static void
opt_cents(struct json_writer *w, const struct row *row, const char *column)
{
	jw_opt_int(w, column, !row_is_null(row, column), row_int(row, column));
}

static void
opt_uuid(struct json_writer *w, const struct row *row, const char *column)
{
	if (!row_is_null(row, column))
		jw_uuid(w, column, row_uuid(row, column));
}

static void
write_told(struct json_writer *w, const struct row *row)
{
	opt_uuid(w, row, "enrollment_id");
	jw_opt_str(w, "pharmacy_id", row_opt_str(row, "pharmacy_id"));
	jw_opt_str(w, "pharmacy_name", row_opt_str(row, "pharmacy_name"));
	opt_uuid(w, row, "adjudication_id");
	opt_cents(w, row, "drug_cost_cents");
	opt_cents(w, row, "insurance_paid_cents");
	opt_cents(w, row, "copay_cents");
	opt_cents(w, row, "final_copay_cents");
	opt_cents(w, row, "patient_savings_cents");
	opt_uuid(w, row, "payment_id");
	opt_uuid(w, row, "shipment_id");
	jw_opt_str(w, "carrier", row_opt_str(row, "carrier"));
	jw_opt_str(w, "tracking_number", row_opt_str(row, "tracking_number"));
}

static int
write_content(struct req *r, struct json_writer *w, const struct prescription *p, struct problem *err)
{
	struct bytes plain;

	if (p->content_enc.n == 0)
		return 0;
	if (vault_open(r->db, "prescriptions", "content_enc", p->id, p->content_enc, &plain, err) < 0)
		return -1;
	jw_raw(w, "content", (const char *)plain.p);
	return 0;
}

int
show(struct req *r, struct problem *err)
{
	struct prescription p;
	struct json_writer *w;

	req_object(r, "prescriptions", req_uuid(r, "id"));
	if (prescription_load(r->db, req_uuid(r, "id"), false, &p, err) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", p.id);
	jw_uuid(w, "patient_id", p.patient_id);
	jw_str(w, "source", p.source);
	jw_str(w, "status", p.status);
	jw_str(w, "fhir_status", status_of_fhir(p.status));
	jw_opt_str(w, "sender", p.sender);
	jw_opt_str(w, "message_id", p.message_id);
	jw_opt_str(w, "order_number", p.order_number);
	jw_opt_str(w, "drug_ndc", row_opt_str(p.row, "drug_ndc"));
	jw_opt_str(w, "schedule", row_opt_str(p.row, "schedule"));
	jw_bool(w, "cold_chain", row_bool(p.row, "cold_chain"));
	jw_opt_str(w, "cancel_reason", row_opt_str(p.row, "cancel_reason"));
	jw_raw(w, "validation_checks", row_str(p.row, "checks"));
	jw_raw(w, "validation_errors", row_str(p.row, "validation_errors"));
	write_told(w, p.row);
	jw_time(w, "created_at", row_time(p.row, "created_at"));
	jw_time(w, "updated_at", row_time(p.row, "updated_at"));
	if (write_content(r, w, &p, err) < 0 || write_history(r, w, p.id, err) < 0)
		return -1;
	jw_end(w);
	return 0;
}

/* ---- the details, for the services that go on with it */

/* The first ten characters of a date with or without its time. */
static const char *
date_of(struct arena *a, const char *s)
{
	return s != NULL && strlen(s) > 10 ? arena_ndup(a, s, 10) : s;
}

static void
write_patient(struct json_writer *w, struct arena *a, const char *const text[SCRIPT__MAX])
{
	const char *phone = text[SCRIPT_PHONE] != NULL ? phone_digits(a, text[SCRIPT_PHONE]) : NULL;

	jw_object(w, "patient");
	jw_opt_str(w, "firstName", text[SCRIPT_FIRST_NAME]);
	jw_opt_str(w, "lastName", text[SCRIPT_LAST_NAME]);
	jw_opt_str(w, "birthDate", date_of(a, text[SCRIPT_BIRTH_DATE]));
	jw_opt_str(w, "gender", text[SCRIPT_GENDER]);
	jw_opt_str(w, "phone", phone != NULL ? arena_printf(a, "+1%s", phone) : NULL);
	jw_opt_str(w, "email", text[SCRIPT_EMAIL]);
	jw_object(w, "address");
	jw_opt_str(w, "line1", text[SCRIPT_LINE1]);
	jw_opt_str(w, "line2", text[SCRIPT_LINE2]);
	jw_opt_str(w, "city", text[SCRIPT_CITY]);
	jw_opt_str(w, "state", text[SCRIPT_REGION]);
	jw_opt_str(w, "zip", text[SCRIPT_ZIP]);
	jw_end(w);
	jw_end(w);
}

static void
write_prescriber(struct json_writer *w, struct arena *a, const char *const text[SCRIPT__MAX])
{
	const char *first = text[SCRIPT_PRESCRIBER_FIRST], *last = text[SCRIPT_PRESCRIBER_LAST];

	jw_object(w, "prescriber");
	jw_opt_str(w, "npi", text[SCRIPT_NPI]);
	jw_str(w, "name", arena_printf(a, "%s%s%s", first != NULL ? first : "", first != NULL && last != NULL ? " " : "", last != NULL ? last : ""));
	jw_opt_str(w, "dea", text[SCRIPT_DEA]);
	jw_opt_str(w, "phone", text[SCRIPT_PRESCRIBER_PHONE]);
	jw_end(w);
}

/* A text that the rules found to be a number, as one. */
static void
opt_number(struct json_writer *w, struct arena *a, const char *name, const char *s)
{
	size_t zeros;

	if (s == NULL || strspn(s, "0123456789.") != strlen(s) || !((s[0] >= '0' && s[0] <= '9')))
		return;
	zeros = strspn(s, "0");
	if (zeros > 0 && s[zeros] >= '0' && s[zeros] <= '9')
		s += zeros;
	else if (zeros > 1)
		s += zeros - 1;
	if (s[strlen(s) - 1] != '.')
		jw_raw(w, name, arena_dup(a, s));
}

static void
write_medication(struct json_writer *w, struct arena *a, const struct prescription *p, const char *name, const char *const text[SCRIPT__MAX])
{
	const char *schedule = row_opt_str(p->row, "schedule");

	jw_object(w, "medication");
	jw_opt_str(w, "drug_name", name);
	jw_opt_str(w, "drug_description", text[SCRIPT_DRUG]);
	jw_opt_str(w, "ndc", row_opt_str(p->row, "drug_ndc"));
	opt_number(w, a, "quantity", text[SCRIPT_QUANTITY]);
	jw_opt_str(w, "quantity_unit", text[SCRIPT_QUANTITY_UNIT]);
	opt_number(w, a, "days_supply", text[SCRIPT_DAYS_SUPPLY]);
	opt_number(w, a, "refills", text[SCRIPT_REFILLS]);
	jw_opt_str(w, "sig", text[SCRIPT_SIG]);
	jw_opt_str(w, "written_date", date_of(a, text[SCRIPT_WRITTEN_DATE]));
	jw_str(w, "schedule", schedule != NULL ? schedule : "none");
	jw_bool(w, "cold_chain", row_bool(p->row, "cold_chain"));
	jw_end(w);
}

static void
write_insurance(struct json_writer *w, const char *const text[SCRIPT__MAX])
{
	jw_object(w, "insurance");
	jw_opt_str(w, "bin", text[SCRIPT_BIN]);
	jw_opt_str(w, "pcn", text[SCRIPT_PCN]);
	jw_opt_str(w, "group", text[SCRIPT_GROUP]);
	jw_opt_str(w, "member_id", text[SCRIPT_MEMBER]);
	jw_opt_str(w, "payer_name", text[SCRIPT_PAYER]);
	jw_end(w);
}

int
details(struct req *r, struct problem *err)
{
	const char *text[SCRIPT__MAX], *name;
	struct prescription p;
	const struct row *drug;
	struct json_writer *w;

	req_object(r, "prescriptions", req_uuid(r, "id"));
	if (prescription_load(r->db, req_uuid(r, "id"), false, &p, err) < 0 || content_open(r->db, &p, text, err) < 0 ||
	    db_one(r->db, &drug, drug_sql, err, P_TEXT(row_opt_str(p.row, "drug_ndc"))) < 0)
		return -1;
	if (strcmp(p.source, "case") == 0 && text[SCRIPT_LAST_NAME] == NULL) {
		problem(err, 409, "details_pending", "the patient's data are being fetched");
		err->retry_after = 1;
		return -1;
	}
	name = drug != NULL ? row_str(drug, "drug_name") : text[SCRIPT_DRUG];
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "prescriptionId", p.id);
	jw_uuid(w, "patientId", p.patient_id);
	jw_str(w, "status", p.status);
	write_patient(w, r->arena, text);
	write_prescriber(w, r->arena, text);
	write_medication(w, r->arena, &p, name, text);
	write_insurance(w, text);
	jw_end(w);
	return 0;
}
