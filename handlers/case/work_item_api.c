/*
 * work_item_api.c: the inbox as its readers see it. What a person does about an item is a line of its history; a safe action is a signed call to the
 * service that raised it, and the item closes when that service says that the cause has ended.
 */
#include "case/work_item.h"

#include "net/form.h"
#include "net/peers.h"

#define PAGE 50

static const char list_sql[] =
	"SELECT id, service, kind, subject, code, submission_id, patient_id, detail::text AS detail, state, owner, due_at, times, reason, ended_by,"
	"  raised_at, updated_at, done_at, due_at < now() AND state <> 'done' AS late"
	" FROM work_item WHERE ($1::text IS NULL AND state <> 'done' OR state = $1) AND ($2::text IS NULL OR service = $2) AND ($3::text IS NULL OR kind = $3)"
	"  AND ($4::text IS NULL OR owner = $4) AND ($5::uuid IS NULL OR submission_id = $5)"
	"  AND ($6::uuid IS NULL OR (due_at, id) > (SELECT due_at, id FROM work_item WHERE id = $6))"
	" ORDER BY due_at, id LIMIT $7";
static const char one_sql[] =
	"SELECT id, service, kind, subject, code, submission_id, patient_id, detail::text AS detail, state, owner, due_at, times, reason, ended_by,"
	"  raised_at, updated_at, done_at, due_at < now() AND state <> 'done' AS late FROM work_item WHERE id = $1";
static const char history_sql[] =
	"SELECT id, at, actor, what, code, note_enc FROM work_item_history WHERE item_id = $1 ORDER BY at, id LIMIT 500";
static const char what_sql[] = "SELECT service, kind, subject, state, detail ->> 'step' AS step, detail::text AS detail FROM work_item WHERE id = $1";
static const char take_sql[] = "UPDATE work_item SET state = 'taken', owner = $2, updated_at = now() WHERE id = $1";
static const char release_sql[] = "UPDATE work_item SET state = 'open', owner = NULL, updated_at = now() WHERE id = $1";
static const char resolve_sql[] =
	"UPDATE work_item SET state = 'done', ended_by = 'person', reason = $2, updated_at = now(), done_at = now() WHERE id = $1";

static void
item_members(struct json_writer *j, const struct row *w)
{
	jw_uuid(j, "itemId", row_uuid(w, "id"));
	jw_str(j, "service", row_str(w, "service"));
	jw_str(j, "kind", row_str(w, "kind"));
	jw_str(j, "says", work_kind(row_str(w, "kind"))->says);
	jw_str(j, "subject", row_str(w, "subject"));
	jw_str(j, "code", row_str(w, "code"));
	if (!row_is_null(w, "submission_id"))
		jw_uuid(j, "submissionId", row_uuid(w, "submission_id"));
	if (!row_is_null(w, "patient_id"))
		jw_uuid(j, "patientId", row_uuid(w, "patient_id"));
	jw_raw(j, "detail", row_str(w, "detail"));
	jw_str(j, "state", row_str(w, "state"));
	jw_opt_str(j, "owner", row_opt_str(w, "owner"));
	jw_time(j, "dueAt", row_time(w, "due_at"));
	jw_bool(j, "late", row_bool(w, "late"));
	jw_int(j, "times", row_int(w, "times"));
	jw_time(j, "raisedAt", row_time(w, "raised_at"));
	jw_time(j, "updatedAt", row_time(w, "updated_at"));
	if (!row_is_null(w, "done_at"))
		jw_time(j, "doneAt", row_time(w, "done_at"));
	jw_opt_str(j, "endedBy", row_opt_str(w, "ended_by"));
	jw_opt_str(j, "reason", row_opt_str(w, "reason"));
}

int
work_items_list(struct req *r, struct problem *err)
{
	int64_t limit = req_int(r, "limit", PAGE);
	struct json_writer *j;
	struct rows *rows;
	size_t n;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "state")), P_TEXT(req_opt_str(r, "service")), P_TEXT(req_opt_str(r, "kind")),
		P_TEXT(req_opt_str(r, "owner")), P_OPT_UUID(req_uuid(r, "submissionId")), P_OPT_UUID(req_uuid(r, "after")), P_INT(limit + 1)) < 0)
		return -1;
	n = rows_count(rows) > (size_t)limit ? (size_t)limit : rows_count(rows);
	j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_array(j, "items");
	for (size_t i = 0; i < n; i++) {
		jw_object(j, NULL);
		item_members(j, rows_at(rows, i));
		jw_end(j);
	}
	jw_end(j);
	if (n < rows_count(rows))
		jw_uuid(j, "next", row_uuid(rows_at(rows, n - 1), "id"));
	jw_end(j);
	return 0;
}

static int
history(struct req *r, struct json_writer *j, struct uuid item, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, history_sql, err, P_UUID(item)) < 0)
		return -1;
	jw_array(j, "history");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		struct bytes note = { 0 };

		if (!row_is_null(w, "note_enc") &&
		    vault_open(r->db, "work_item_history", "note_enc", row_uuid(w, "id"), row_bytes(w, "note_enc"), &note, err) < 0)
			return -1;
		jw_object(j, NULL);
		jw_time(j, "at", row_time(w, "at"));
		jw_str(j, "actor", row_str(w, "actor"));
		jw_str(j, "what", row_str(w, "what"));
		jw_opt_str(j, "code", row_opt_str(w, "code"));
		jw_opt_str(j, "note", (const char *)note.p);
		jw_end(j);
	}
	jw_end(j);
	return 0;
}

int
work_item_show(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "itemId");
	struct json_writer *j;
	const struct row *w;

	req_object(r, "work_item", id);
	if (db_one(r->db, &w, one_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such work item");
	j = reply_json(r, 200);
	jw_object(j, NULL);
	item_members(j, w);
	jw_array(j, "actions");
	for (const struct work_action *a = work_kind(row_str(w, "kind"))->actions; a->name != NULL; a++) {
		if (!work_action_fits(a, row_str(w, "detail")))
			continue;
		jw_object(j, NULL);
		jw_str(j, "action", a->name);
		jw_str(j, "says", a->says);
		jw_end(j);
	}
	jw_end(j);
	if (history(r, j, id, err) < 0)
		return -1;
	jw_end(j);
	return 0;
}

/* ---- what a person does */

static int
lock_open(struct req *r, struct work_item *i, struct problem *err)
{
	req_object(r, "work_item", req_uuid(r, "itemId"));
	if (work_item_lock(r->db, req_uuid(r, "itemId"), i, err) < 0)
		return -1;
	return strcmp(i->state, "done") == 0 ? problem(err, 409, "already_done", "the item is done") : 0;
}

static int
answer_state(struct req *r, const char *state, const char *owner)
{
	struct json_writer *j = reply_json(r, 200);

	jw_object(j, NULL);
	jw_uuid(j, "itemId", req_uuid(r, "itemId"));
	jw_str(j, "state", state);
	jw_opt_str(j, "owner", owner);
	jw_end(j);
	return 0;
}

/* Taking what one has is the same answer; what somebody else has must be released first, or assigned by saying so. */
int
work_item_take(struct req *r, struct problem *err)
{
	const char *owner = req_str(r, "owner");
	struct work_item i;

	if (lock_open(r, &i, err) < 0)
		return -1;
	if (i.owner != NULL && strcmp(i.owner, owner) != 0 && !req_bool(r, "reassign"))
		return problem(err, 409, "taken", "somebody else has it");
	if (i.owner == NULL || strcmp(i.owner, owner) != 0)
		if (db_exec(r->db, take_sql, err, P_UUID(i.id), P_TEXT(owner)) < 0 || work_item_note(r->db, &i, "taken", owner, NULL, err) < 0)
			return -1;
	return answer_state(r, "taken", owner);
}

int
work_item_release(struct req *r, struct problem *err)
{
	struct work_item i;

	if (lock_open(r, &i, err) < 0)
		return -1;
	if (i.owner != NULL)
		if (db_exec(r->db, release_sql, err, P_UUID(i.id)) < 0 || work_item_note(r->db, &i, "released", i.owner, NULL, err) < 0)
			return -1;
	return answer_state(r, "open", NULL);
}

int
work_item_comment(struct req *r, struct problem *err)
{
	struct work_item i;

	req_object(r, "work_item", req_uuid(r, "itemId"));
	if (work_item_lock(r->db, req_uuid(r, "itemId"), &i, err) < 0 || work_item_note(r->db, &i, "note", NULL, req_str(r, "note"), err) < 0)
		return -1;
	return answer_state(r, i.state, i.owner);
}

int
work_item_resolve(struct req *r, struct problem *err)
{
	const char *reason = req_str(r, "reason");
	struct work_item i;

	req_object(r, "work_item", req_uuid(r, "itemId"));
	if (work_item_lock(r->db, req_uuid(r, "itemId"), &i, err) < 0)
		return -1;
	if (strcmp(i.state, "done") != 0)
		if (db_exec(r->db, resolve_sql, err, P_UUID(i.id), P_TEXT(reason)) < 0 ||
		    work_item_note(r->db, &i, "resolved", reason, req_opt_str(r, "note"), err) < 0)
			return -1;
	return answer_state(r, "done", i.owner);
}

/* ---- a safe action */

static const char *
path_for(struct arena *a, const char *service, const struct work_action *action, const char *subject)
{
	struct buf b = buf_in(a, 2048);
	const char *at = strstr(action->path, ":subject");

	buf_add(&b, peer_prefix(service));
	if (at == NULL) {
		buf_add(&b, action->path);
		return buf_str(&b);
	}
	buf_addn(&b, action->path, (size_t)(at - action->path));
	percent_encode(&b, arena_ndup(a, subject, strcspn(subject, "/")));
	buf_add(&b, at + strlen(":subject"));
	return buf_str(&b);
}

static const char *
body_for(struct req *r, const struct work_action *action, const struct row *w)
{
	const char *rest = strchr(row_str(w, "subject"), '/');
	struct buf b = buf_in(r->arena, 16384);
	struct json_writer j;

	if (action->body == BODY_NOTHING)
		return NULL;
	jw_start(&j, &b);
	jw_object(&j, NULL);
	if (action->body == BODY_SUBSCRIBER) {
		jw_opt_str(&j, "subscriber", rest != NULL ? rest + 1 : NULL);
	} else {
		jw_str(&j, "action", action->decision);
		jw_opt_str(&j, "step", row_is_null(w, "step") || *row_str(w, "step") == '\0' ? NULL : row_str(w, "step"));
		jw_str(&j, "reason", req_str(r, "note"));
	}
	jw_end(&j);
	return buf_str(&b);
}

int
work_item_act_ask(struct req *r, struct problem *err)
{
	const struct work_action *action;
	struct peer_call call = { 0 };
	struct peer_reply reply;
	const struct row *w;

	if (db_begin(r->db, READ, &r->scope, err) < 0 || db_one(r->db, &w, what_sql, err, P_UUID(req_uuid(r, "itemId"))) < 0 ||
	    db_commit(r->db, err) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such work item");
	action = work_action(work_kind(row_str(w, "kind")), req_str(r, "action"));
	if (action == NULL || !work_action_fits(action, row_str(w, "detail")) || peer_prefix(row_str(w, "service")) == NULL)
		return problem(err, 404, "no_such_action", "items of this kind have no such action");
	if (strcmp(row_str(w, "state"), "done") == 0)
		return problem(err, 409, "already_done", "the item is done");
	/* P-HIPAA-06: an agent repeats what is safe to repeat; what overrides a run's own judgement is a manager's. */
	if (action->body == BODY_DECISION && strcmp(r->role, "ops_agent") == 0)
		return problem(err, 403, "role_not_allowed", "a decision is a manager's");
	if (action->body == BODY_DECISION && strlen(req_str(r, "note")) < 3)
		return problem(err, 422, "note_required", "a decision says why, in words");
	call = (struct peer_call){ .service = row_str(w, "service"), .method = action->method, .body = body_for(r, action, w),
	    .path = path_for(r->arena, row_str(w, "service"), action, row_str(w, "subject")) };
	if (peer_call(r->http, r->arena, r->conf, &call, &reply, err) < 0)
		return -1;
	return peer_expect(&call, &reply, err);
}

int
work_item_act(struct req *r, struct problem *err)
{
	struct work_item i;

	req_object(r, "work_item", req_uuid(r, "itemId"));
	if (work_item_lock(r->db, req_uuid(r, "itemId"), &i, err) < 0 ||
	    work_item_note(r->db, &i, req_str(r, "action"), NULL, req_opt_str(r, "note"), err) < 0)
		return -1;
	return answer_state(r, i.state, i.owner);
}
