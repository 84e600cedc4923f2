/*
 * print.c: the print queue of the pharmacy's staff (Y-PRINT-01 to 05): pending -> printing -> printed, or error and back to pending.
 * The legal edges stand in the table's trigger too; here they are answered as 409.
 */
#include "shipping/shipping.h"

static const char add_sql[] = "INSERT INTO print_queue (id, shipment_id, pharmacy) VALUES ($1, $2, $3) ON CONFLICT (shipment_id) DO NOTHING";
static const char list_sql[] =
	"SELECT q.id, q.shipment_id, q.pharmacy, q.status, q.error, q.created_at, s.submission_id, s.tracking_number FROM print_queue q"
	"  JOIN shipments s ON s.id = q.shipment_id"
	" WHERE q.status = coalesce($1, 'pending') AND ($2::text IS NULL OR q.pharmacy = $2) AND ($3::uuid IS NULL OR s.submission_id = $3)"
	" ORDER BY q.created_at, q.id LIMIT 100";
static const char load_sql[] = "SELECT id, shipment_id, status FROM print_queue WHERE id = $1 FOR UPDATE";
static const char move_sql[] =
	"UPDATE print_queue SET status = $2, error = $3, printed_at = CASE WHEN $2 = 'printed' THEN now() ELSE printed_at END WHERE id = $1";

static const struct {
	const char *from;
	const char *to;
} moves[] = {
	{ "pending", "printing" }, { "pending", "printed" }, { "printing", "printed" }, { "pending", "error" }, { "printing", "error" },
	{ "error", "pending" },
};

int
print_add(struct db *db, const struct shipment *s, struct problem *err)
{
	return db_exec(db, add_sql, err, P_UUID(uuid_new()), P_UUID(s->id), P_TEXT(s->pharmacy)) < 0 ? -1 : 0;
}

int
print_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "status")), P_TEXT(req_opt_str(r, "pharmacy")),
	    P_OPT_UUID(req_uuid(r, "submissionId"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "entries");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *q = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "id", row_uuid(q, "id"));
		jw_uuid(w, "shipmentId", row_uuid(q, "shipment_id"));
		jw_uuid(w, "submissionId", row_uuid(q, "submission_id"));
		jw_str(w, "pharmacy", row_str(q, "pharmacy"));
		jw_str(w, "status", row_str(q, "status"));
		jw_opt_str(w, "error", row_opt_str(q, "error"));
		jw_opt_str(w, "trackingNumber", row_opt_str(q, "tracking_number"));
		jw_time(w, "createdAt", row_time(q, "created_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

static bool
legal(const char *from, const char *to)
{
	for (size_t i = 0; i < COUNT(moves); i++)
		if (strcmp(moves[i].from, from) == 0 && strcmp(moves[i].to, to) == 0)
			return true;
	return false;
}

static int
move(struct req *r, const char *to, const char *why, struct problem *err)
{
	const struct row *q;
	struct shipment s;
	bool moved;

	if (db_one(r->db, &q, load_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (q == NULL)
		return problem(err, 404, "not_found", "no such print queue entry");
	req_object(r, "print_queue", req_uuid(r, "id"));
	if (strcmp(row_str(q, "status"), to) != 0) {
		if (!legal(row_str(q, "status"), to))
			return problem(err, 409, "illegal_transition", "an entry that is %s cannot become %s", row_str(q, "status"), to);
		if (db_exec(r->db, move_sql, err, P_UUID(req_uuid(r, "id")), P_TEXT(to), P_TEXT(why)) < 0)
			return -1;
		if (strcmp(to, "printed") == 0 && (shipment_load(r->db, row_uuid(q, "shipment_id"), &s, err) < 0 ||
		    shipment_move(r->db, &s, "printed", NULL, &moved, err) < 0))
			return -1;
	}
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "id", req_uuid(r, "id"));
	jw_uuid(w, "shipmentId", row_uuid(q, "shipment_id"));
	jw_str(w, "status", to);
	jw_end(w);
	return 0;
}

int
print_printing(struct req *r, struct problem *err)
{
	return move(r, "printing", NULL, err);
}

int
print_printed(struct req *r, struct problem *err)
{
	return move(r, "printed", NULL, err);
}

int
print_failed(struct req *r, struct problem *err)
{
	return move(r, "error", req_str(r, "error"), err);
}

int
print_retry(struct req *r, struct problem *err)
{
	return move(r, "pending", NULL, err);
}
