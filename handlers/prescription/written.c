/*
 * written.c: a prescription that the provider of a case writes here (A-API-12, A-PIT-01, A-PIT-02). It needs the provider whom the case was
 * given; it is approved by being written. Asked for twice it is the same one. Who the patient is, is fetched from intake afterwards, and who
 * the provider is, from the registry.
 */
#include "base/clock.h"
#include "prescription/prescription.h"

static const char assigned_sql[] = "SELECT patient_id, provider_id FROM case_providers WHERE case_id = $1";
static const char drug_sql[] = "SELECT ndc, drug_name, schedule, cold_chain, ends_on < current_date AS ended FROM ndc WHERE ndc = $1";
static const char insert_sql[] =
	"INSERT INTO prescriptions (id, source, patient_id, case_id, provider_id, drug_ndc, schedule, cold_chain)"
	" VALUES ($1, 'case', $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, case_id, drug_ndc) WHERE source = 'case' AND status <> 'cancelled' DO NOTHING";
static const char find_sql[] = "SELECT id FROM prescriptions WHERE source = 'case' AND case_id = $1 AND drug_ndc = $2 AND status <> 'cancelled'";

static int
bad(struct problem *err, const char *member, const char *code, const char *detail)
{
	problem_member(err, member, code, "%s", detail);
	return problem(err, 422, "invalid_prescription", "the prescription is not one that can be dispensed");
}

static int
find_drug(struct req *r, const struct row **ret, struct problem *err)
{
	const char *ndc = json_text_at(req_json(r, "medication"), "ndc");
	char forms[3][NDC_TEXT];
	struct sig sig;

	if (ndc_forms(ndc, forms) != 1)
		return bad(err, "medication.ndc", "ndc_format", "4-4-2, 5-3-2, 5-4-1, 5-4-2 or eleven digits");
	if (db_one(r->db, ret, drug_sql, err, P_TEXT(forms[0])) < 0)
		return -1;
	if (*ret == NULL || row_bool(*ret, "ended"))
		return bad(err, "medication.ndc", "ndc_unknown", "the directory has no such package on the market");
	if (strcmp(row_str(*ret, "schedule"), "none") != 0)
		return bad(err, "medication.ndc", "controlled", "a controlled drug comes by a signed message only");
	sig_read(json_text_at(req_json(r, "medication"), "sig"), &sig);
	if (!sig.quantity || !sig.route || !sig.frequency)
		return bad(err, "medication.sig", !sig.quantity ? "sig_quantity" : !sig.route ? "sig_route" : "sig_frequency",
		    "directions say how much, where and how often");
	if (!quantity_is_good(json_text_at(req_json(r, "medication"), "quantity")))
		return bad(err, "medication.quantity", "quantity", "more than nothing, at most four decimals");
	return 0;
}

/* Whose case it is; the gap between eligibility and provider is a refusal to be repeated. */
static int
find_provider(struct req *r, const struct row **ret, struct problem *err)
{
	if (db_one(r->db, ret, assigned_sql, err, P_UUID(req_uuid(r, "case_id"))) < 0)
		return -1;
	if (*ret == NULL) {
		problem(err, 409, "provider_pending", "no provider is assigned to this case yet");
		err->retry_after = 1;
		return -1;
	}
	if (r->role != NULL && strcmp(r->role, "provider") == 0 && !uuid_equal(row_uuid(*ret, "provider_id"), r->subject))
		return problem(err, 403, "not_assigned", "the case was given to another provider");
	return 0;
}

static int
reply(struct req *r, int status, const struct prescription *p)
{
	char id[UUID_TEXT];
	struct json_writer *w;

	req_object(r, "prescriptions", p->id);
	reply_header(r, "Location", arena_printf(r->arena, "/prescriptions/%s", uuid_text(p->id, id)));
	w = reply_json(r, status);
	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", p->id);
	jw_uuid(w, "patient_id", p->patient_id);
	jw_uuid(w, "case_id", row_uuid(p->row, "case_id"));
	jw_uuid(w, "provider_id", row_uuid(p->row, "provider_id"));
	jw_str(w, "status", status_of_seed(p->status));
	jw_str(w, "stage", p->status);
	jw_end(w);
	return 0;
}

static const char *
number_text(struct req *r, const char *member)
{
	return arena_printf(r->arena, "%lld", (long long)json_int_at(req_json(r, "medication"), member, 0));
}

static int
store(struct req *r, struct uuid id, const struct row *drug, struct problem *err)
{
	const json_t *m = req_json(r, "medication");
	const char *text[SCRIPT__MAX] = { 0 };
	char now[CLOCK_TEXT];
	struct prescription p;
	struct bytes sealed;

	text[SCRIPT_DRUG] = json_text_at(m, "drug_name") != NULL ? json_text_at(m, "drug_name") : row_str(drug, "drug_name");
	text[SCRIPT_NDC] = row_str(drug, "ndc");
	text[SCRIPT_QUANTITY] = json_text_at(m, "quantity");
	text[SCRIPT_DAYS_SUPPLY] = number_text(r, "days_supply");
	text[SCRIPT_REFILLS] = number_text(r, "refills");
	text[SCRIPT_SIG] = json_text_at(m, "sig");
	text[SCRIPT_SUBSTITUTIONS] = "0";
	text[SCRIPT_WRITTEN_DATE] = arena_ndup(r->arena, clock_text(clock_us(), now), 10);
	if (prescription_load(r->db, id, true, &p, err) < 0 || content_seal(r->db, p.patient_id, id, text, &sealed, err) < 0 ||
	    content_columns(r->db, id, text, sealed, err) < 0)
		return -1;
	if (history_add(r->db, &p, NULL, &(struct rx_event){ .name = "provider.wrote" }, false, err) < 0 ||
	    prescription_apply(r->db, &p, &(struct rx_event){ .name = "provider.approved" }, NULL, err) < 0)
		return -1;
	return job_enqueue_id(r->db, "rx.person", "id", id, err);
}

int
written_create(struct req *r, struct problem *err)
{
	const struct row *given, *drug, *w;
	struct uuid id = uuid_new();
	struct prescription p;
	int64_t made;

	if (find_provider(r, &given, err) < 0 || find_drug(r, &drug, err) < 0)
		return -1;
	made = db_exec(r->db, insert_sql, err, P_UUID(id), P_UUID(row_uuid(given, "patient_id")), P_UUID(req_uuid(r, "case_id")),
	    P_UUID(row_uuid(given, "provider_id")), P_TEXT(row_str(drug, "ndc")), P_TEXT(row_str(drug, "schedule")), P_BOOL(row_bool(drug, "cold_chain")));
	if (made < 0 || (made > 0 && store(r, id, drug, err) < 0))
		return -1;
	if (db_one(r->db, &w, find_sql, err, P_UUID(req_uuid(r, "case_id")), P_TEXT(row_str(drug, "ndc"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 409, "serialization", "it is being cancelled");
	if (prescription_load(r->db, row_uuid(w, "id"), false, &p, err) < 0)
		return -1;
	return reply(r, made > 0 ? 201 : 200, &p);
}

/* ---- who it is for, and by whom */

static void
take_patient(const char *text[SCRIPT__MAX], const json_t *form)
{
	const char *sex = json_text_at(form, "patient.sex");

	text[SCRIPT_FIRST_NAME] = json_text_at(form, "patient.first_name");
	text[SCRIPT_LAST_NAME] = json_text_at(form, "patient.last_name");
	text[SCRIPT_BIRTH_DATE] = json_text_at(form, "patient.birth_date");
	text[SCRIPT_GENDER] = sex == NULL ? "U" : strcmp(sex, "female") == 0 ? "F" : strcmp(sex, "male") == 0 ? "M" : "U";
	text[SCRIPT_PHONE] = json_text_at(form, "patient.phone");
	text[SCRIPT_EMAIL] = json_text_at(form, "patient.email");
	text[SCRIPT_LINE1] = json_text_at(form, "patient.address.line1");
	text[SCRIPT_LINE2] = json_text_at(form, "patient.address.line2");
	text[SCRIPT_CITY] = json_text_at(form, "patient.address.city");
	text[SCRIPT_REGION] = json_text_at(form, "patient.address.state");
	text[SCRIPT_ZIP] = json_text_at(form, "patient.address.zip");
}

static int
ask(struct job *j, const char *service, const char *path, struct peer_reply *ret, struct problem *err)
{
	return job_ask(j, &(struct peer_call){ .service = service, .method = "GET", .path = path }, ret, err);
}

int
written_person_job(struct job *j, struct problem *err)
{
	struct peer_reply form, physician;
	const char *text[SCRIPT__MAX];
	char case_id[UUID_TEXT], provider[UUID_TEXT];
	struct prescription p;
	struct bytes sealed;

	if (job_read(j, err) < 0 || prescription_load(j->db, job_uuid(j, "id"), false, &p, err) < 0)
		return -1;
	uuid_text(row_uuid(p.row, "case_id"), case_id);
	uuid_text(row_uuid(p.row, "provider_id"), provider);
	if (job_read_end(j, err) < 0 || ask(j, "intake", arena_printf(j->arena, "/intake/cases/%s", case_id), &form, err) < 0 ||
	    ask(j, "registry", arena_printf(j->arena, "/physicians/%s", provider), &physician, err) < 0)
		return -1;
	if (job_begin(j, err) < 0 || prescription_load(j->db, job_uuid(j, "id"), true, &p, err) < 0 || content_open(j->db, &p, text, err) < 0)
		return -1;
	take_patient(text, form.body);
	text[SCRIPT_NPI] = json_text_at(physician.body, "npi");
	text[SCRIPT_PRESCRIBER_FIRST] = json_text_at(physician.body, "firstName");
	text[SCRIPT_PRESCRIBER_LAST] = json_text_at(physician.body, "lastName");
	if (content_seal(j->db, p.patient_id, p.id, text, &sealed, err) < 0 || content_columns(j->db, p.id, text, sealed, err) < 0)
		return -1;
	return job_end(j, err);
}
