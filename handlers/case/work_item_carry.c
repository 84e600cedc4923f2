/*
 * work_item_carry.c: items that integration kept before case did, taken over with their history. An item keeps its id and its lines theirs, so the same
 * call twice is one item, and a long history may come in parts. Where the same matter was raised here meanwhile, the two become one; where its cause ended here meanwhile, it is done.
 */
#include "case/work_item.h"

static const char known_sql[] = "SELECT item_id FROM work_item_carried WHERE id = $1";
static const char insert_sql[] =
	"INSERT INTO work_item AS w (id, service, kind, subject, code, submission_id, patient_id, detail, state, owner, due_at, times, ended_by, reason,"
	"  raised_at, updated_at, done_at)"
	" VALUES ($1, $2, $3, $4, $5, $6::uuid, $7::uuid, $8::jsonb, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
	" ON CONFLICT (tenant_id, service, kind, subject) WHERE state <> 'done' DO UPDATE SET times = w.times + excluded.times,"
	"  raised_at = least(w.raised_at, excluded.raised_at), due_at = least(w.due_at, excluded.due_at),"
	"  owner = coalesce(w.owner, excluded.owner), state = CASE WHEN coalesce(w.owner, excluded.owner) IS NULL THEN 'open' ELSE 'taken' END"
	" RETURNING id, service, kind, subject, code, state, owner, submission_id, patient_id";
static const char line_sql[] =
	"INSERT INTO work_item_history (id, item_id, at, actor, what, code, note_enc) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
static const char carried_sql[] = "INSERT INTO work_item_carried (id, item_id) VALUES ($1, $2)";

static int64_t
time_of(const struct req *r, const char *member)
{
	int64_t at = 0;

	return req_has(r, member) && clock_parse(req_str(r, member), &at) == 0 ? at : 0;
}

static const char *
detail_of(struct req *r)
{
	struct buf b = buf_in(r->arena, 64 * 1024);
	struct json_writer j;

	jw_start(&j, &b);
	jw_tree(&j, NULL, req_json(r, "detail"));
	return buf_str(&b);
}

static int
put_item(struct req *r, struct uuid *ret, struct problem *err)
{
	struct param done = P_TIME(time_of(r, "doneAt")), ended = P_TEXT(req_opt_str(r, "endedBy")), reason = P_TEXT(req_opt_str(r, "reason"));
	const char *state = req_str(r, "state"), *cleared = NULL;
	const struct row *w;

	if (strcmp(state, "done") != 0 &&
	    work_item_cleared(r->db, req_str(r, "service"), req_str(r, "kind"), req_str(r, "subject"), &cleared, err) < 0)
		return -1;
	if (cleared != NULL) {
		state = "done";
		done = P_TIME(clock_us());
		ended = P_TEXT("cause");
		reason = P_TEXT(cleared);
	}
	if (db_one(r->db, &w, insert_sql, err, P_UUID(req_uuid(r, "itemId")), P_TEXT(req_str(r, "service")), P_TEXT(req_str(r, "kind")),
		P_TEXT(req_str(r, "subject")), P_TEXT(req_str(r, "code")), P_OPT_UUID(req_uuid(r, "submissionId")), P_OPT_UUID(req_uuid(r, "patientId")),
		P_TEXT(detail_of(r)), P_TEXT(state), P_TEXT(req_opt_str(r, "owner")), P_TIME(time_of(r, "dueAt")), P_INT(req_int(r, "times", 1)), ended, reason,
		P_TIME(time_of(r, "raisedAt")), P_TIME(time_of(r, "updatedAt")), done) < 0)
		return -1;
	*ret = row_uuid(w, "id");
	return 0;
}

static int
put_line(struct req *r, struct uuid item, const json_t *line, struct problem *err)
{
	const char *note = json_text_at(line, "note");
	struct bytes sealed = { 0 };
	struct uuid id;
	int64_t at;

	if (uuid_parse(json_text_at(line, "lineId"), &id) < 0 || clock_parse(json_text_at(line, "at"), &at) < 0)
		return problem(err, 422, "validation_failed", "a line has no id or no time");
	if (note != NULL && vault_seal(r->db, req_uuid(r, "patientId"), "work_item_history", "note_enc", id, BYTES_OF(note), &sealed, err) < 0)
		return -1;
	return db_exec(r->db, line_sql, err, P_UUID(id), P_UUID(item), P_TIME(at), P_TEXT(json_text_at(line, "actor")), P_TEXT(json_text_at(line, "what")),
	    P_TEXT(json_text_at(line, "code")), P_BYTES(sealed)) < 0 ? -1 : 0;
}

static int
put_lines(struct req *r, struct uuid item, struct problem *err)
{
	const json_t *line;
	size_t i;

	json_array_foreach(req_json(r, "history"), i, line)
		if (put_line(r, item, line, err) < 0)
			return -1;
	return 0;
}

int
work_item_carry(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "itemId"), item;
	const struct row *known;

	req_object(r, "work_item", id);
	if (db_one(r->db, &known, known_sql, err, P_UUID(id)) < 0)
		return -1;
	if (known != NULL)
		item = row_uuid(known, "item_id");
	else if (put_item(r, &item, err) < 0 || db_exec(r->db, carried_sql, err, P_UUID(id), P_UUID(item)) < 0)
		return -1;
	if (put_lines(r, item, err) < 0)
		return -1;
	struct json_writer *j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_uuid(j, "itemId", item);
	jw_end(j);
	return 0;
}
