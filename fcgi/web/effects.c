/* effects.c: <prefix>/effects of every service that acts at vendors: a person has a vendor asked once more what became of an act. */
#include "core.h"

#include "data/job.h"
#include "web/web_private.h"

static const char find_sql[] = "SELECT kind, state FROM effect WHERE id = $1";

const struct field effect_param[] = { { "effectId", UUID, .required = true, .says = "the act" }, { 0 } };
const struct field effect_look_reply[] = { { "effectId", UUID, .required = true, .says = "the vendor is asked about it" },
	{ "kind", STRING, .required = true, .says = "what was to be done", .example = "stripe.capture" }, { 0 } };

int
effect_look(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "effectId");
	const struct effect_kind *kind;
	struct json_writer *w;
	const struct row *row;

	req_object(r, "effect", id);
	if (db_one(r->db, &row, find_sql, err, P_UUID(id)) < 0)
		return -1;
	kind = row != NULL ? service_effect(r->service, row_str(row, "kind")) : NULL;
	if (kind == NULL)
		return problem(err, 404, "unknown_effect", "there is no such act");
	if (kind->look_up == NULL)
		return problem(err, 409, "no_look_up", "the vendor cannot be asked about %s", kind->name);
	if (strcmp(row_str(row, "state"), "manual") != 0)
		return problem(err, 409, "not_manual", "the act is %s", row_str(row, "state"));
	if (job_enqueue_id(r->db, kind->name, "effectId", id, err) < 0)
		return -1;
	w = reply_json(r, 202);
	jw_object(w, NULL);
	jw_uuid(w, "effectId", id);
	jw_str(w, "kind", kind->name);
	jw_end(w);
	return 0;
}
