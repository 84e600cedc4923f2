/*
 * insurance.c: the insurance as the patient gives it (P-ENR-07), and what routing and adjudication are told of it. Whether a government pays decides which
 * programs may help: it is told by the payer's name, by a PCN of Medicare Part D, or by the patient; whichever says government is believed.
 */
#include <strings.h>

#include "enrollment/enrollment.h"

static const char insert_sql[] =
	"INSERT INTO insurance_profiles (id, enrollment_id, patient_id, profile_enc, plan_type, plan_basis, card_front, card_back, verified)"
	" VALUES ($1, $2, $3, $4::bytea, $5, $6, $7, $8, $9)";
static const char show_sql[] =
	"SELECT i.id, i.enrollment_id, i.profile_enc, i.plan_type FROM insurance_profiles i JOIN enrollments e ON e.id = i.enrollment_id"
	" WHERE e.prescription_id = $1 AND e.status = 'completed'";

static const char *const government_payers[] = {
	"medicare", "medicaid", "medi-cal", "masshealth", "tricare", "champva", "veterans affairs", "veterans health", "indian health",
};
static const char *const government_pcns[] = { "MEDDADV", "MEDDAET", "MEDDPRIME", "CTRXMEDD", "PARTD" };

static const char *
plan_type_of(const json_t *insurance, const char **basis)
{
	const char *payer = json_text_at(insurance, "payer_name"), *pcn = json_text_at(insurance, "pcn"), *stated = json_text_at(insurance, "plan_type");

	*basis = "payer";
	for (size_t i = 0; i < COUNT(government_payers); i++)
		for (const char *p = payer; *p != '\0'; p++)
			if (strncasecmp(p, government_payers[i], strlen(government_payers[i])) == 0)
				return "government";
	*basis = "pcn";
	for (size_t i = 0; pcn != NULL && i < COUNT(government_pcns); i++)
		if (strcasecmp(pcn, government_pcns[i]) == 0)
			return "government";
	*basis = stated != NULL ? "stated" : "default";
	return stated != NULL ? stated : "commercial";
}

/* A URL that an upload answered: its last segment is the file, which must be of this enrolment and side, and stays from now on. */
static int
card_keep(struct req *r, const struct link *l, const char *member, const char *kind, struct uuid *ret, struct problem *err)
{
	const char *url = json_text_at(req_json(r, "insurance"), member), *last;
	struct problem absent = { 0 };
	struct file f;
	bool did;

	*ret = UUID_NIL;
	if (url == NULL)
		return 0;
	last = strrchr(url, '/');
	if (uuid_parse(last != NULL ? last + 1 : url, ret) == 0) {
		if (file_find(r->db, *ret, &f, &absent) == 0 && uuid_equal(f.belongs_to, l->enrollment_id) && strcmp(f.kind, kind) == 0)
			return file_keep(r->db, *ret, &did, err);
		if (absent.status != 0 && absent.status != 404) {
			*err = absent;
			return -1;
		}
	}
	return problem_member(err, arena_printf(r->arena, "insurance.%s", member), "unknown_file", "no picture that was sent for this enrollment");
}

static struct bytes
profile_of(struct req *r, const json_t *insurance)
{
	struct buf b = buf_in(r->arena, 8 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "carrier", json_text_at(insurance, "payer_name"));
	jw_str(&w, "member_id", json_text_at(insurance, "member_id"));
	jw_opt_str(&w, "group", json_text_at(insurance, "group_number"));
	jw_str(&w, "bin", json_text_at(insurance, "bin"));
	jw_opt_str(&w, "pcn", json_text_at(insurance, "pcn"));
	jw_end(&w);
	return BYTES(buf_str(&b), b.len);
}

int
insurance_store(struct req *r, const struct link *l, bool *verified, const char **plan_type, struct problem *err)
{
	const json_t *insurance = req_json(r, "insurance");
	struct uuid id = uuid_new(), front, back;
	const char *bin = json_text_at(insurance, "bin"), *basis;
	struct bytes profile;

	if (strspn(bin, "0123456789") != strlen(bin))
		(void)problem_member(err, "insurance.bin", "format", "six digits");
	if (card_keep(r, l, "card_front_url", "insurance_card_front", &front, err) < 0 && err->nerrors == 0)
		return -1;
	if (card_keep(r, l, "card_back_url", "insurance_card_back", &back, err) < 0 || err->nerrors > 0)
		return -1;
	*plan_type = plan_type_of(insurance, &basis);
	*verified = !uuid_is_nil(front) && !uuid_is_nil(back);
	if (vault_seal(r->db, l->patient_id, "insurance_profiles", "profile_enc", id, profile_of(r, insurance), &profile, err) < 0)
		return -1;
	return db_exec(r->db, insert_sql, err, P_UUID(id), P_UUID(l->enrollment_id), P_UUID(l->patient_id), P_BYTES(profile), P_TEXT(*plan_type),
	    P_TEXT(basis), P_OPT_UUID(front), P_OPT_UUID(back), P_BOOL(*verified)) < 0 ? -1 : 0;
}

int
insurance_show(struct req *r, struct problem *err)
{
	const struct row *i;
	struct bytes plain;
	json_t *profile;

	if (db_one(r->db, &i, show_sql, err, P_UUID(req_uuid(r, "prescriptionId"))) < 0)
		return -1;
	if (i == NULL)
		return problem(err, 404, "not_enrolled", "nobody is enrolled for this prescription");
	req_object(r, "insurance_profiles", row_uuid(i, "id"));
	if (vault_open(r->db, "insurance_profiles", "profile_enc", row_uuid(i, "id"), row_bytes(i, "profile_enc"), &plain, err) < 0 ||
	    (profile = json_read(r->arena, (const char *)plain.p, plain.n, err)) == NULL)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "enrollment_id", row_uuid(i, "enrollment_id"));
	jw_str(w, "carrier", json_text_at(profile, "carrier"));
	jw_str(w, "member_id", json_text_at(profile, "member_id"));
	jw_opt_str(w, "group", json_text_at(profile, "group"));
	jw_str(w, "bin", json_text_at(profile, "bin"));
	jw_opt_str(w, "pcn", json_text_at(profile, "pcn"));
	jw_str(w, "plan_type", row_str(i, "plan_type"));
	jw_end(w);
	return 0;
}
