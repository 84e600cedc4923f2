/*
 * preference.c: what a patient agreed to be told (P-PAY-05): messages that name the drug, by e-mail. Without a recorded yes there is none.
 */
#include "notify/notify.h"

static const char put_sql[] =
	"INSERT INTO preferences (patient_id, detailed, recorded_by) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, patient_id)"
	" DO UPDATE SET detailed = excluded.detailed, recorded_by = excluded.recorded_by, recorded_at = now() RETURNING patient_id, detailed, recorded_at";
static const char get_sql[] = "SELECT detailed FROM preferences WHERE patient_id = $1";

int
preference_put(struct req *r, struct problem *err)
{
	const struct row *w;

	req_object(r, "preferences", req_uuid(r, "patientId"));
	if (db_final(r->db, &w, put_sql, err, P_UUID(req_uuid(r, "patientId")), P_BOOL(req_bool(r, "detailedMessages")), P_TEXT(r->scope.actor)) < 0)
		return -1;
	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_uuid(j, "patientId", row_uuid(w, "patient_id"));
	jw_bool(j, "detailedMessages", row_bool(w, "detailed"));
	jw_time(j, "recordedAt", row_time(w, "recorded_at"));
	jw_end(j);
	return 0;
}

int
preference_detailed(struct db *db, struct uuid patient, bool *ret, struct problem *err)
{
	const struct row *w;

	*ret = false;
	if (uuid_is_nil(patient))
		return 0;
	if (db_one(db, &w, get_sql, err, P_UUID(patient)) < 0)
		return -1;
	*ret = w != NULL && row_bool(w, "detailed");
	return 0;
}
