/*
 * selection.c: staff selects one of the recommended pharmacies (P-RTE-07 to 09), and what was selected is let go: when the prescription is cancelled or
 * denied, when it is routed again, and, for the place among the open ones, when it is completed. The day's places come back by themselves at midnight.
 */
#include "data/attention.h"
#include "router/orders/orders.h"
#include "router/scored/scored.h"

static const char recommended_sql[] =
	"SELECT c.rank, p.name FROM recommendations c JOIN pharmacies p ON p.id = c.pharmacy_id"
	" WHERE c.routing_id = $1 AND c.round = $2 AND c.pharmacy_id = $3";
static const char held_sql[] =
	"SELECT s.id, s.pharmacy_id, s.capacity_day::text AS day, s.selected_by, s.named, s.selected_at, p.name"
	" FROM pharmacy_selections s JOIN pharmacies p ON p.id = s.pharmacy_id WHERE s.routing_id = $1 AND s.released_at IS NULL";
static const char insert_sql[] =
	"INSERT INTO pharmacy_selections (id, routing_id, prescription_id, pharmacy_id, rank, capacity_day, selected_by, named, selection_reason)"
	" VALUES ($1, $2, $3, $4, $5, $6::date, $7, $8, $9) RETURNING selected_at";
static const char release_sql[] = "UPDATE pharmacy_selections SET released_at = now(), released_why = $2 WHERE id = $1 AND released_at IS NULL";
static const char find_sql[] = "SELECT id, status FROM routings WHERE prescription_id = $1 FOR UPDATE";

/* ---- select */

static int
answer(struct req *r, struct uuid prescription, struct uuid pharmacy, const char *name, const char *by, int64_t at)
{
	struct json_writer *w = reply_json(r, 200);

	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", prescription);
	jw_uuid(w, "pharmacy_id", pharmacy);
	jw_str(w, "pharmacy_name", name);
	jw_str(w, "status", "pharmacy_selected");
	jw_str(w, "selected_by", by);
	jw_time(w, "selected_at", at);
	jw_end(w);
	return 0;
}

/* Behind the administrator's secret stands nobody in particular, so there the body's word is kept beside it. */
static const char *
named(const struct req *r)
{
	return strncmp(r->scope.actor, "system:", 7) == 0 ? req_opt_str(r, "selected_by") : NULL;
}

/* Who selects is who the credential says, <role>:<user>; a body may repeat it and may not say otherwise. */
static int
check_who(const struct req *r, struct problem *err)
{
	const char *said = req_opt_str(r, "selected_by"), *user = strchr(r->scope.actor, ':');

	if (said == NULL || named(r) != NULL || strcmp(said, r->scope.actor) == 0 || (user != NULL && strcmp(said, user + 1) == 0))
		return 0;
	(void)problem(err, 422, "selected_by_mismatch", "selected_by is not who asks");
	return problem_member(err, "selected_by", "mismatch", "the user of the token, or left out");
}

/* The same person with the same wish again is the same selection; anybody else comes too late. */
static int
already(struct req *r, const struct routing *g, struct problem *err)
{
	const char *said = named(r);
	const struct row *w;

	if (db_one(r->db, &w, held_sql, err, P_UUID(g->id)) < 0)
		return -1;
	if (w == NULL || !uuid_equal(row_uuid(w, "pharmacy_id"), req_uuid(r, "pharmacy_id")) || strcmp(row_str(w, "selected_by"), r->scope.actor) != 0 ||
	    strcmp(row_str(w, "named"), said != NULL ? said : "") != 0)
		return problem(err, 409, "already_selected", "a pharmacy is selected");
	return answer(r, g->prescription, row_uuid(w, "pharmacy_id"), row_str(w, "name"), row_str(w, "selected_by"), row_time(w, "selected_at"));
}

static int
publish(struct req *r, const struct routing *g, struct uuid pharmacy, const char *name, struct problem *err)
{
	struct buf b = buf_in(r->arena, 2048);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", g->prescription);
	jw_uuid(&w, "patient_id", g->patient);
	jw_uuid(&w, "pharmacy_id", pharmacy);
	jw_str(&w, "pharmacy_name", name);
	jw_end(&w);
	return event_publish(r->db, "pharmacy.selected", g->prescription, b.data, err);
}

static int
select_it(struct req *r, const struct routing *g, struct problem *err)
{
	struct uuid pharmacy = req_uuid(r, "pharmacy_id");
	const struct row *best, *made;
	const char *day, *name;

	if (db_one(r->db, &best, recommended_sql, err, P_UUID(g->id), P_INT(g->round), P_UUID(pharmacy)) < 0)
		return -1;
	if (best == NULL)
		return problem(err, 422, "not_recommended", "the pharmacy is none of those recommended for this prescription");
	name = row_str(best, "name");
	if (capacity_take(r->db, pharmacy, &day, err) < 0 || routing_move(r->db, g->id, "selected", err) < 0)
		return -1;
	if (db_one(r->db, &made, insert_sql, err, P_UUID(uuid_new()), P_UUID(g->id), P_UUID(g->prescription), P_UUID(pharmacy),
	    P_INT(row_int(best, "rank")), P_TEXT(day), P_TEXT(r->scope.actor), P_TEXT(named(r)),
	    P_TEXT(req_opt_str(r, "selection_reason"))) < 0 || publish(r, g, pharmacy, name, err) < 0)
		return -1;
	return answer(r, g->prescription, pharmacy, name, r->scope.actor, row_time(made, "selected_at"));
}

int
selection_create(struct req *r, struct problem *err)
{
	struct routing g;
	char id[UUID_TEXT];

	if (check_who(r, err) < 0 || routing_load(r->db, req_uuid(r, "prescriptionId"), true, &g, err) < 0)
		return -1;
	req_object_text(r, "prescriptions", uuid_text(g.prescription, id));
	if (strcmp(g.status, "selected") == 0)
		return already(r, &g, err);
	if (strcmp(g.status, "recommended") != 0)
		return problem(err, 409, "not_recommended_yet", "nothing can be selected while the routing is %s", g.status);
	return select_it(r, &g, err);
}

/* ---- let go */

int
selection_release(struct db *db, struct uuid routing, const char *why, bool filled, struct uuid *pharmacy, struct problem *err)
{
	const struct row *w;

	*pharmacy = UUID_NIL;
	if (db_one(db, &w, held_sql, err, P_UUID(routing)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	*pharmacy = row_uuid(w, "pharmacy_id");
	if (db_exec(db, release_sql, err, P_UUID(row_uuid(w, "id")), P_TEXT(why)) < 0)
		return -1;
	return capacity_give(db, *pharmacy, row_str(w, "day"), !filled, err);
}

static int
close_routing(struct db *db, struct uuid prescription, const char *to, struct problem *err)
{
	const struct row *w;
	struct uuid pharmacy;
	char id[UUID_TEXT];

	if (db_one(db, &w, find_sql, err, P_UUID(prescription)) < 0)
		return -1;
	if (w == NULL || strcmp(row_str(w, "status"), "closed") == 0)
		return 0;
	if (selection_release(db, row_uuid(w, "id"), to, strcmp(to, "completed") == 0, &pharmacy, err) < 0 ||
	    routing_move(db, row_uuid(w, "id"), "closed", err) < 0)
		return -1;
	return attention_clear(db, routing_no_pharmacy, uuid_text(prescription, id), to, err);
}

int
on_prescription_status(struct event *e, struct problem *err)
{
	struct uuid prescription = event_uuid(e, "prescription_id");
	const char *to = event_str(e, "to");

	bool taken_back = strcmp(to, "cancel_pending") == 0 || strcmp(to, "cancelled") == 0 || strcmp(to, "denied") == 0;

	if (taken_back && order_prescription_cancelled(e->db, prescription, err) < 0)
		return -1;
	if (strcmp(to, "cancelled") == 0 || strcmp(to, "denied") == 0 || strcmp(to, "completed") == 0)
		return close_routing(e->db, prescription, to, err);
	return 0;
}
