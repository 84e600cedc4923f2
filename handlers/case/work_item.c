/*
 * work_item.c: items as rows. attention.raised opens one or counts a repeat; attention.cleared closes it, whoever has it. Events of one subject arrive in
 * their order, so the inbox ends where the service that raised it stands.
 */
#include "case/work_item.h"

#include "data/ttl.h"

#define CLEARED_FOR (7 * 24 * 3600)	/* an item that is carried here later than its end */

static const char raise_sql[] =
	"INSERT INTO work_item AS w (id, service, kind, subject, code, submission_id, patient_id, detail, due_at, raised_at)"
	" VALUES ($1, $2, $3, $4, $5, $6::uuid, $7::uuid, $8::jsonb, to_timestamp($10::float8) + make_interval(secs => $9), to_timestamp($10::float8))"
	" ON CONFLICT (tenant_id, service, kind, subject) WHERE state <> 'done' DO UPDATE SET code = excluded.code, detail = excluded.detail,"
	"  times = w.times + 1, updated_at = now(), submission_id = coalesce(excluded.submission_id, w.submission_id),"
	"  patient_id = coalesce(excluded.patient_id, w.patient_id)"
	" RETURNING id, service, kind, subject, code, state, owner, submission_id, patient_id";
static const char cleared_sql[] =
	"UPDATE work_item SET state = 'done', ended_by = 'cause', reason = $4, updated_at = now(), done_at = now()"
	" WHERE service = $1 AND kind = $2 AND subject = $3 AND state <> 'done'"
	" RETURNING id, service, kind, subject, code, state, owner, submission_id, patient_id";
static const char lock_sql[] =
	"SELECT id, service, kind, subject, code, state, owner, submission_id, patient_id FROM work_item WHERE id = $1 FOR UPDATE";
static const char history_sql[] =
	"INSERT INTO work_item_history (id, item_id, actor, what, code, note_enc) VALUES ($1, $2, $3, $4, $5, $6)";

static void
item_from_row(struct work_item *i, const struct row *w)
{
	*i = (struct work_item){
		.id = row_uuid(w, "id"), .service = row_str(w, "service"), .kind = row_str(w, "kind"), .subject = row_str(w, "subject"),
		.code = row_str(w, "code"), .state = row_str(w, "state"), .owner = row_opt_str(w, "owner"),
		.submission = row_uuid(w, "submission_id"), .patient = row_uuid(w, "patient_id"),
	};
}

int
work_item_lock(struct db *db, struct uuid id, struct work_item *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, lock_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such work item");
	item_from_row(ret, w);
	return 0;
}

int
work_item_note(struct db *db, const struct work_item *i, const char *what, const char *code, const char *note, struct problem *err)
{
	struct uuid id = uuid_new();
	struct bytes sealed = { 0 };

	if (note != NULL && vault_seal(db, i->patient, "work_item_history", "note_enc", id, BYTES_OF(note), &sealed, err) < 0)
		return -1;
	return db_exec(db, history_sql, err, P_UUID(id), P_UUID(i->id), P_TEXT(db_scope(db)->actor), P_TEXT(what), P_TEXT(code),
	    P_BYTES(sealed)) < 0 ? -1 : 0;
}

static const char *
cleared_key(struct arena *a, const char *service, const char *kind, const char *subject)
{
	return arena_printf(a, "work_item.cleared/%s/%s/%s", service, kind, subject);
}

int
work_item_cleared(struct db *db, const char *service, const char *kind, const char *subject, const char **ret, struct problem *err)
{
	return ttl_get(db, cleared_key(db_current_arena(db), service, kind, subject), ret, err);
}

int
on_attention_raised(struct event *e, struct problem *err)
{
	const json_t *detail = json_object_get(e->payload, "detail");
	const struct work_kind *kind = work_kind(event_str(e, "kind"));
	struct uuid id = uuid_new();
	struct buf b = buf_in(e->arena, 16384);
	struct json_writer j;
	struct work_item item;
	const struct row *w;

	jw_start(&j, &b);
	jw_tree(&j, NULL, detail);
	if (ttl_drop(e->db, cleared_key(e->arena, e->source, event_str(e, "kind"), event_str(e, "subject")), err) < 0 ||
	    db_one(e->db, &w, raise_sql, err, P_UUID(id), P_TEXT(e->source), P_TEXT(event_str(e, "kind")), P_TEXT(event_str(e, "subject")),
		P_TEXT(event_str(e, "code")), P_OPT_UUID(event_uuid(e, "submissionId")), P_OPT_UUID(event_uuid(e, "patientId")),
		P_TEXT(detail != NULL ? buf_str(&b) : "{}"), P_INT(kind->due_s), P_INT(e->occurred_at / 1000000)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 500, "no_row", "an upsert gave no row");
	item_from_row(&item, w);
	return work_item_note(e->db, &item, uuid_equal(item.id, id) ? "raised" : "again", item.code, NULL, err);
}

int
on_attention_cleared(struct event *e, struct problem *err)
{
	struct work_item item;
	const struct row *w;

	if (db_one(e->db, &w, cleared_sql, err, P_TEXT(e->source), P_TEXT(event_str(e, "kind")), P_TEXT(event_str(e, "subject")),
		P_TEXT(event_str(e, "code"))) < 0)
		return -1;
	if (w == NULL)	/* a person was faster, or it is on its way here */
		return ttl_put(e->db, cleared_key(e->arena, e->source, event_str(e, "kind"), event_str(e, "subject")), event_str(e, "code"), CLEARED_FOR, err);
	item_from_row(&item, w);
	return work_item_note(e->db, &item, "cleared", event_str(e, "code"), NULL, err);
}
