/*
 * license.c: a physician's licence in a state (Y-DB-13, Y-REG-U2). One row a state; good through the last day on it, by the
 * database's UTC date.
 */
#include "registry/registry.h"

static const char put_sql[] =
	"INSERT INTO physician_licenses (physician_id, state, license_number, license_type, expires_on)"
	" VALUES ($1, $2, $3, $4, $5::date)"
	" ON CONFLICT (physician_id, state) DO UPDATE SET license_number = excluded.license_number,"
	" license_type = excluded.license_type, expires_on = excluded.expires_on, updated_at = now()";
static const char drop_sql[] = "DELETE FROM physician_licenses WHERE physician_id = $1 AND state = $2";
static const char verify_sql[] =
	"SELECT l.license_number, l.license_type, l.expires_on::text AS expires_on,"
	" p.active AND coalesce(l.expires_on >= current_date, false) AS licensed"
	" FROM physicians p LEFT JOIN physician_licenses l ON l.physician_id = p.id AND l.state = $2 WHERE p.id = $1";

int
license_put(struct req *r, struct problem *err)
{
	struct physician_id id = { req_uuid(r, "id") };

	req_object(r, "physician_licenses", id.v);
	if (physician_exists(r->db, id, err) < 0 ||
	    db_exec(r->db, put_sql, err, P_UUID(id.v), P_TEXT(req_str(r, "state")), P_TEXT(req_str(r, "licenseNumber")),
	    P_TEXT(req_str(r, "licenseType")), P_TEXT(req_str(r, "expiresOn"))) < 0 || waiting_wake(r->db, err) < 0)
		return -1;
	return license_verify(r, err);
}

int
license_drop(struct req *r, struct problem *err)
{
	struct physician_id id = { req_uuid(r, "id") };

	req_object(r, "physician_licenses", id.v);
	if (db_exec(r->db, drop_sql, err, P_UUID(id.v), P_TEXT(req_str(r, "state"))) < 0)
		return -1;
	reply_empty(r, 204);
	return 0;
}

int
license_verify(struct req *r, struct problem *err)
{
	struct physician_id id = { req_uuid(r, "id") };
	const struct row *l;

	if (db_one(r->db, &l, verify_sql, err, P_UUID(id.v), P_TEXT(req_str(r, "state"))) < 0)
		return -1;
	if (l == NULL)
		return problem(err, 404, "not_found", "no such physician");
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "physicianId", id.v);
	jw_str(w, "state", req_str(r, "state"));
	jw_bool(w, "licensed", row_bool(l, "licensed"));
	jw_opt_str(w, "licenseNumber", row_opt_str(l, "license_number"));
	jw_opt_str(w, "type", row_opt_str(l, "license_type"));
	jw_opt_str(w, "expiresOn", row_opt_str(l, "expires_on"));
	jw_end(w);
	return 0;
}
