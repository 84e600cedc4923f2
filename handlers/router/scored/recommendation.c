/*
 * recommendation.c: what was recommended for a prescription, and why (P-RTE-05, P-RTE-06; decision C2: one explain record per decision).
 *
 * The list is what was stored when the network was judged. The explanation is not: it judges the stored inputs once more, pharmacy by pharmacy, and says
 * whether the outcome is the stored one.
 */
#include "router/scored/scored.h"

static const char ranked_sql[] =
	"SELECT c.rank, c.pharmacy_id, c.score::text AS score, c.breakdown, p.name, p.npi, p.phone, p.city, p.state, p.zip,"
	" jsonb_build_object('specialty', p.specialty, 'cold_chain', p.cold_chain, 'controlled', p.controlled, 'compounding', p.compounding) AS able"
	" FROM recommendations c JOIN pharmacies p ON p.id = c.pharmacy_id WHERE c.routing_id = $1 AND c.round = $2 ORDER BY c.rank";
static const char held_sql[] = "SELECT pharmacy_id FROM pharmacy_selections WHERE routing_id = $1 AND released_at IS NULL";
static const char stored_sql[] =
	"SELECT x.ranked, x.ranked = $3::jsonb AS equal FROM (SELECT coalesce(jsonb_agg(jsonb_build_object('rank', c.rank, 'pharmacy_id', c.pharmacy_id,"
	" 'score', c.score, 'breakdown', c.breakdown) ORDER BY c.rank), '[]') AS ranked"
	" FROM recommendations c WHERE c.routing_id = $1 AND c.round = $2) x";

static int
load(struct req *r, struct routing *g, struct problem *err)
{
	char id[UUID_TEXT];

	if (routing_load(r->db, req_uuid(r, "prescriptionId"), false, g, err) < 0)
		return -1;
	req_object_text(r, "prescriptions", uuid_text(g->prescription, id));
	return 0;
}

static void
head_to_json(struct json_writer *w, const struct routing *g)
{
	jw_uuid(w, "prescription_id", g->prescription);
	jw_str(w, "status", g->status);
	jw_int(w, "round", g->round);
	jw_time(w, "routed_at", g->routed_at);
	jw_int(w, "considered", g->considered);
}

static int
recommendation_to_json(struct req *r, struct json_writer *w, const struct row *c, struct problem *err)
{
	struct load now;

	if (capacity_now(r->db, row_uuid(c, "pharmacy_id"), &now, err) < 0)
		return -1;
	jw_object(w, NULL);
	jw_int(w, "rank", row_int(c, "rank"));
	jw_uuid(w, "pharmacy_id", row_uuid(c, "pharmacy_id"));
	jw_str(w, "pharmacy_name", row_str(c, "name"));
	jw_str(w, "npi", row_str(c, "npi"));
	jw_str(w, "phone", row_str(c, "phone"));
	jw_str(w, "city", row_str(c, "city"));
	jw_str(w, "state", row_str(c, "state"));
	jw_str(w, "zip", row_str(c, "zip"));
	jw_raw(w, "capabilities", row_str(c, "able"));
	jw_raw(w, "score", row_str(c, "score"));
	jw_raw(w, "breakdown", row_str(c, "breakdown"));
	load_to_json(w, "capacity_now", &now);
	jw_end(w);
	return 0;
}

int
recommendations_show(struct req *r, struct problem *err)
{
	const struct row *held;
	struct routing g;
	struct rows *rows;

	if (load(r, &g, err) < 0 || db_one(r->db, &held, held_sql, err, P_UUID(g.id)) < 0 ||
	    db_all(r->db, &rows, ranked_sql, err, P_UUID(g.id), P_INT(strcmp(g.status, "waiting") == 0 ? 0 : g.round)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	head_to_json(w, &g);
	jw_uuid(w, "selected_pharmacy_id", held != NULL ? row_uuid(held, "pharmacy_id") : UUID_NIL);
	jw_array(w, "recommendations");
	for (size_t i = 0; i < rows_count(rows); i++)
		if (recommendation_to_json(r, w, rows_at(rows, i), err) < 0)
			return -1;
	jw_end(w);
	jw_raw(w, "excluded", g.excluded);
	jw_end(w);
	return 0;
}

static void
judged_to_json(struct json_writer *w, const struct candidate *c, const json_t *inputs)
{
	jw_object(w, NULL);
	jw_str(w, "pharmacy_id", c->id);
	jw_str(w, "pharmacy_name", c->name);
	if (c->rank > 0)
		jw_int(w, "rank", c->rank);
	reasons_to_json(w, "excluded_by", c->excluded);
	jw_decimal(w, "score", c->total);
	breakdown_to_json(w, "breakdown", c, inputs);
	jw_end(w);
}

int
recommendations_explain(struct req *r, struct problem *err)
{
	struct candidate *all;
	const struct row *stored;
	struct routing g;
	json_t *inputs;
	size_t n;

	if (load(r, &g, err) < 0)
		return -1;
	if (g.inputs_enc.p == NULL || strcmp(g.status, "waiting") == 0)
		return problem(err, 409, "not_routed", "nothing has been decided yet");
	if ((inputs = facts_open(r->db, &g, err)) == NULL)
		return -1;
	n = candidates_of(r->arena, inputs, &all);
	if (db_one(r->db, &stored, stored_sql, err, P_UUID(g.id), P_INT(g.round), P_TEXT(ranking_text(r->arena, all, n, inputs))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	head_to_json(w, &g);
	jw_bool(w, "equal", row_bool(stored, "equal"));
	jw_tree(w, "rules", json_object_get(inputs, "rules"));
	jw_str(w, "located", json_text_at(inputs, "to.located"));
	jw_raw(w, "stored", row_str(stored, "ranked"));
	jw_array(w, "pharmacies");
	for (size_t i = 0; i < n; i++)
		judged_to_json(w, &all[i], inputs);
	jw_end(w);
	jw_end(w);
	return 0;
}
