/*
 * treatment.c: who may see a patient (X-SEC-01, A-API-03): the patient, the providers who treat them, administrators, and the services on
 * the row's list. For everybody else there is no such patient.
 */
#include "patient/patient.h"

static const char treats_sql[] = "SELECT since FROM treatments WHERE patient_id = $1 AND provider_id = $2";
static const char exists_sql[] = "SELECT id FROM patients WHERE id = $1";
static const char put_sql[] = "INSERT INTO treatments (patient_id, provider_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
static const char assigned_sql[] =
	"INSERT INTO treatments (patient_id, provider_id, case_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

int
treatment_put(struct req *r, struct problem *err)
{
	struct patient_id id = { req_uuid(r, "id") };
	const struct row *w;

	req_object(r, "patients", id.v);
	if (db_one(r->db, &w, exists_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such patient");
	if (db_exec(r->db, put_sql, err, P_UUID(id.v), P_UUID(req_uuid(r, "provider_id"))) < 0)
		return -1;
	reply_empty(r, 204);
	return 0;
}

/* The case's patient may be of another service's making, and come here later or never. */
int
provider_assigned(struct event *e, struct problem *err)
{
	return db_exec(e->db, assigned_sql, err, P_UUID(event_uuid(e, "patient_id")), P_UUID(event_uuid(e, "provider_id")),
		   P_UUID(event_uuid(e, "case_id"))) < 0 ?
	    -1 :
	    0;
}

int
patient_visible(struct req *r, struct patient_id id, struct problem *err)
{
	const struct row *w = NULL;
	const char *role = r->role != NULL ? r->role : "";
	bool seen = r->as == SERVICE || strcmp(role, "admin") == 0;

	if (strcmp(role, "patient") == 0)
		seen = uuid_equal(r->subject, id.v);
	if (!seen && strcmp(role, "provider") == 0 && !uuid_is_nil(r->subject)) {
		if (db_one(r->db, &w, treats_sql, err, P_UUID(id.v), P_UUID(r->subject)) < 0)
			return -1;
		seen = w != NULL;
	}
	return seen ? 0 : problem(err, 404, "not_found", "no such patient");
}
