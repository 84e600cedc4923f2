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
choice_show(struct req *r, struct problem *err)
{
	const char *state = req_str(r, "state");
	const struct row *w;

	if (conf_list_has(r->conf, "EXCLUDED_STATES", state))
		return problem(err, 422, "state_excluded", "we do not serve %s", state);
	if (db_one(r->db, &w, choose_sql, err, P_TEXT(state), P_TEXT(req_str(r, "platform"))) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 422, "no_pharmacy", "no pharmacy serves %s", state);

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
