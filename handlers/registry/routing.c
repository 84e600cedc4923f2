/*
 * routing.c: the prescriber of a state (Y-DB-14, Y-REG-U1, I-RTE-04 to 06): rules by platform and state, the lowest number first,
 * skipping whoever is inactive or has no good licence there. Who claims and approves is the prescriber of record all the same.
 */
#include "registry/registry.h"

static const char put_sql[] =
	"INSERT INTO physician_routing (physician_id, platform, state, priority) VALUES ($1, $2, $3, $4::integer)"
	" ON CONFLICT (physician_id, platform, state) DO UPDATE SET priority = excluded.priority";
static const char drop_sql[] = "DELETE FROM physician_routing WHERE physician_id = $1 AND platform = $2 AND state = $3";
static const char route_sql[] =
	"SELECT p.id, p.npi, p.first_name, p.last_name, p.credentials, l.license_number, l.license_type, g.priority"
	" FROM physician_routing g JOIN physicians p ON p.id = g.physician_id"
	" JOIN physician_licenses l ON l.physician_id = p.id AND l.state = g.state AND l.expires_on >= current_date"
	" WHERE g.platform = $1 AND g.state = $2 AND p.active AND p.platform IN ($1, 'both') ORDER BY g.priority, p.id LIMIT 1";

int
routing_put(struct req *r, struct problem *err)
{
	struct physician_id id = { req_uuid(r, "id") };
	int64_t priority = req_int(r, "priority", 0);

	req_object(r, "physician_routing", id.v);
	if (physician_exists(r->db, id, err) < 0 ||
	    db_exec(r->db, put_sql, err, P_UUID(id.v), P_TEXT(req_str(r, "platform")), P_TEXT(req_str(r, "state")),
	    P_INT(priority)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "physicianId", id.v);
	jw_str(w, "platform", req_str(r, "platform"));
	jw_str(w, "state", req_str(r, "state"));
	jw_int(w, "priority", priority);
	jw_end(w);
	return 0;
}

int
routing_drop(struct req *r, struct problem *err)
{
	struct physician_id id = { req_uuid(r, "id") };

	req_object(r, "physician_routing", id.v);
	if (db_exec(r->db, drop_sql, err, P_UUID(id.v), P_TEXT(req_str(r, "platform")), P_TEXT(req_str(r, "state"))) < 0)
		return -1;
	reply_empty(r, 204);
	return 0;
}

int
routing_show(struct req *r, struct problem *err)
{
	const struct row *p;

	if (db_one(r->db, &p, route_sql, err, P_TEXT(req_str(r, "platform")), P_TEXT(req_str(r, "state"))) < 0)
		return -1;
	if (p == NULL)
		return problem(err, 404, "no_prescriber", "no licensed prescriber on %s in %s", req_str(r, "platform"),
		    req_str(r, "state"));
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "physicianId", row_uuid(p, "id"));
	jw_str(w, "npi", row_str(p, "npi"));
	jw_str(w, "name", arena_printf(r->arena, "%s %s, %s", row_str(p, "first_name"), row_str(p, "last_name"),
	    row_str(p, "credentials")));
	jw_str(w, "platform", req_str(r, "platform"));
	jw_str(w, "state", req_str(r, "state"));
	jw_str(w, "licenseNumber", row_str(p, "license_number"));
	jw_str(w, "licenseType", row_str(p, "license_type"));
	jw_int(w, "priority", row_int(p, "priority"));
	jw_end(w);
	return 0;
}
