/*
 * work_item_away.c: the work items that integration kept before case did, handed over one by one with their history. Notes are opened here and sealed
 * again there, since each service has its own keys. Case takes an item once by its id, so the job may fall over at any place and go on.
 */
#include "integration/integration.h"

static const char next_sql[] =
	"SELECT id, service, kind, subject, code, submission_id, patient_id, detail::text AS detail, state, owner, due_at, times, ended_by, reason, raised_at,"
	"  updated_at, done_at FROM work_item WHERE carried_at IS NULL ORDER BY raised_at, id LIMIT 1";
static const char history_sql[] = "SELECT id, at, actor, what, code, note_enc FROM work_item_history WHERE item_id = $1 ORDER BY at, id OFFSET $2 LIMIT $3";
static const char carried_sql[] = "UPDATE work_item SET carried_at = now() WHERE id = $1";

/* Lines a call: with the longest of notes nginx still takes the body. */
#define LINES	 12
#define CALLS	 100	/* a run; the arena is the run's */
#define BODY_MAX ((size_t)256 * 1024)

struct batch {
	struct uuid item;
	int64_t from;		/* which line of its history is the first */
	bool last;
	const char *body;	/* NULL: there is no item left */
};

static void
item_members(struct json_writer *w, const struct row *i)
{
	jw_uuid(w, "itemId", row_uuid(i, "id"));
	jw_str(w, "service", row_str(i, "service"));
	jw_str(w, "kind", row_str(i, "kind"));
	jw_str(w, "subject", row_str(i, "subject"));
	jw_str(w, "code", row_str(i, "code"));
	if (!row_is_null(i, "submission_id"))
		jw_uuid(w, "submissionId", row_uuid(i, "submission_id"));
	if (!row_is_null(i, "patient_id"))
		jw_uuid(w, "patientId", row_uuid(i, "patient_id"));
	jw_raw(w, "detail", row_str(i, "detail"));
	jw_str(w, "state", row_str(i, "state"));
	jw_opt_str(w, "owner", row_opt_str(i, "owner"));
	jw_time(w, "dueAt", row_time(i, "due_at"));
	jw_int(w, "times", row_int(i, "times"));
	jw_opt_str(w, "endedBy", row_opt_str(i, "ended_by"));
	jw_opt_str(w, "reason", row_opt_str(i, "reason"));
	jw_time(w, "raisedAt", row_time(i, "raised_at"));
	jw_time(w, "updatedAt", row_time(i, "updated_at"));
	if (!row_is_null(i, "done_at"))
		jw_time(w, "doneAt", row_time(i, "done_at"));
}

static int
history(struct job *j, struct json_writer *w, struct batch *n, struct problem *err)
{
	struct rows *rows;

	if (db_all(j->db, &rows, history_sql, err, P_UUID(n->item), P_INT(n->from), P_INT(LINES)) < 0)
		return -1;
	n->last = rows_count(rows) < LINES;
	jw_array(w, "history");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *line = rows_at(rows, i);
		struct bytes note = { 0 };

		if (!row_is_null(line, "note_enc") &&
		    vault_open(j->db, "work_item_history", "note_enc", row_uuid(line, "id"), row_bytes(line, "note_enc"), &note, err) < 0)
			return -1;
		jw_object(w, NULL);
		jw_uuid(w, "lineId", row_uuid(line, "id"));
		jw_time(w, "at", row_time(line, "at"));
		jw_str(w, "actor", row_str(line, "actor"));
		jw_str(w, "what", row_str(line, "what"));
		jw_opt_str(w, "code", row_opt_str(line, "code"));
		jw_opt_str(w, "note", (const char *)note.p);
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

/* The next lines of the item at hand, or the next item, as case takes them. */
static int
read_next(struct job *j, struct batch *n, struct problem *err)
{
	struct buf b = buf_in(j->arena, BODY_MAX);
	struct json_writer w;
	char text[UUID_TEXT];
	const struct row *i;

	n->body = NULL;
	if (job_read(j, err) < 0 || db_one(j->db, &i, next_sql, err) < 0)
		return -1;
	if (i == NULL)
		return job_read_end(j, err);
	n->item = row_uuid(i, "id");
	jw_start(&w, &b);
	jw_object(&w, NULL);
	item_members(&w, i);
	if (history(j, &w, n, err) < 0)
		return -1;
	jw_end(&w);
	if (b.failed)
		return problem(err, 500, "too_long", "a work item is longer than case takes");
	n->body = buf_str(&b);
	audit_pending(j->db, &(struct audit_entry){ .action = "work_item.carry", .object = "work_item", .object_id = uuid_text(n->item, text) });
	return job_read_end(j, err);
}

static int
gone(struct job *j, struct batch *n, struct problem *err)
{
	if (!n->last) {
		n->from += LINES;
		return 0;
	}
	n->from = 0;
	if (job_begin(j, err) < 0 || db_exec(j->db, carried_sql, err, P_UUID(n->item)) < 0)
		return -1;
	return job_commit(j, err);
}

int
work_items_carry_job(struct job *j, struct problem *err)
{
	struct peer_call call = { .service = "case", .method = "POST", .path = "/api/work-items/carried" };
	struct batch n = { 0 };

	for (int i = 0; i < CALLS; i++) {
		if (read_next(j, &n, err) < 0)
			return -1;
		if (n.body == NULL)
			return 0;
		call.body = n.body;
		if (job_ask(j, &call, NULL, err) < 0 || gone(j, &n, err) < 0)
			return -1;
	}
	if (job_begin(j, err) < 0)
		return -1;
	job_again(j, 0);
	return job_end(j, err);
}
