/*
 * mapping.c: who our patient is in other systems (Y-DB-09). The first name wins; a second one for the same patient, or the same one
 * for a second patient, is not taken: it would send one person's prescription under another's chart.
 */
#include "orchestrator/orchestrator.h"

static const char insert_sql[] =
	"INSERT INTO patient_mappings (patient_id, system, external_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
static const char find_sql[] = "SELECT external_id FROM patient_mappings WHERE patient_id = $1 AND system = $2";

int
mapping_find(struct db *db, struct uuid patient, const char *system, const char **ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, find_sql, err, P_UUID(patient), P_TEXT(system)) < 0)
		return -1;
	*ret = w == NULL ? NULL : row_str(w, "external_id");
	return 0;
}

int
on_patient_created(struct event *e, struct problem *err)
{
	struct uuid patient = event_uuid(e, "patientId");
	const char *canvas = event_str(e, "canvasPatientId"), *known;
	char id[UUID_TEXT];

	if (db_exec(e->db, insert_sql, err, P_UUID(patient), P_TEXT("canvas"), P_TEXT(canvas)) < 0 ||
	    mapping_find(e->db, patient, "canvas", &known, err) < 0)
		return -1;
	if (known != NULL && strcmp(known, canvas) == 0)
		return 0;
	return audit_add(e->db, &(struct audit_entry){ .action = "mapping.conflict", .object = "patient_mappings",
	    .object_id = uuid_text(patient, id), .outcome = "failure", .reason = "mapped_otherwise" }, err);
}
