/*
 * choice.c: which pharmacy serves this patient (Y-RX-01, I-RTE-01 to 03). A rule by state: the first active pharmacy of the platform, by priority, that is
 * licensed in the state, and the fallback that serves any. The answer carries its reason; the orchestrator records it and never asks twice.
 */
#include "router/router.h"

static const char choose_sql[] =
	"SELECT c.code, c.name, c.adapter, c.own_shipping, c.holds, s.state IS NOT NULL AS licensed"
	"  FROM router_pharmacy_config c"
	"  LEFT JOIN router_pharmacy_states s ON s.tenant_id = c.tenant_id AND s.pharmacy = c.code AND s.state = $1"
	" WHERE c.active AND c.platform = $2 AND (s.state IS NOT NULL OR c.any_state)"
	" ORDER BY c.priority LIMIT 1";

int
choice_make(struct db *db, const struct conf *conf, const char *state, const char *platform, const struct row **ret, struct problem *err)
{
	if (conf_list_has(conf, "EXCLUDED_STATES", state))
		return problem(err, 422, "state_excluded", "we do not serve %s", state);
	if (db_one(db, ret, choose_sql, err, P_TEXT(state), P_TEXT(platform)) < 0)
		return -1;
	return *ret == NULL ? problem(err, 422, "no_pharmacy", "no pharmacy serves %s", state) : 0;
}

int
choice_show(struct req *r, struct problem *err)
{
	const struct row *w;

	if (choice_make(r->db, r->conf, req_str(r, "state"), req_str(r, "platform"), &w, err) < 0)
		return -1;

	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_str(j, "pharmacy", row_str(w, "code"));
	jw_str(j, "name", row_str(w, "name"));
	jw_str(j, "adapter", row_str(w, "adapter"));
	jw_str(j, "reason", row_bool(w, "licensed") ? "licensed_in_state" : "fallback");
	jw_bool(j, "ownShipping", row_bool(w, "own_shipping"));
	jw_bool(j, "holds", row_bool(w, "holds"));
	jw_end(j);
	return 0;
}
