/*
 * message.c: what is not a new prescription: CancelRx, and the answers to messages of ours (Status, Verify, Error); and the messages that wait
 * for the switch to fetch them (Verify after validation, CancelRxResponse after a decision).
 *
 * An answer or a cancellation is matched by RelatesToMessageID, then by the order number; one that names another patient than the order does is
 * never acted upon. What fits nothing is an Error 900 to its sender and a work item for the staff.
 */
#include "base/clock.h"
#include "crypto/hash.h"
#include "data/attention.h"
#include "prescription/prescription.h"

static const char by_message_sql[] = "SELECT id FROM prescriptions WHERE source = 'ncpdp' AND sender = $1 AND message_id = $2";
static const char by_order_sql[] =
	"SELECT id FROM prescriptions WHERE source = 'ncpdp' AND sender = $1 AND order_number = $2 ORDER BY created_at DESC LIMIT 1";
static const char out_sql[] =
	"INSERT INTO script_messages (id, direction, party, message_id, kind, digest, prescription_id, outcome, answer)"
	" VALUES ($1, 'out', $2, $3, $4, $5::bytea, $6, 'waiting', $7)";
static const char settled_sql[] =
	"UPDATE script_messages SET outcome = $3 WHERE direction = 'out' AND party = $1 AND message_id = $2"
	" AND (outcome = 'waiting' OR outcome = $3) RETURNING prescription_id";
static const char list_sql[] =
	"SELECT direction, party, message_id, kind, outcome, at FROM script_messages WHERE prescription_id = $1 ORDER BY id LIMIT 200";
static const char waiting_sql[] =
	"SELECT id, party, message_id, kind, prescription_id, answer, at FROM script_messages WHERE direction = 'out' AND outcome = 'waiting'"
	" AND ($1::text IS NULL OR party = $1) ORDER BY id LIMIT $2";

/* ---- what fits nothing */

static int
unmatched(struct req *r, const struct script_message *m, struct uuid id, const char *code, struct taken *ret, struct problem *err)
{
	char text[UUID_TEXT];
	const char *subject = uuid_is_nil(id) ? arena_printf(r->arena, "%.80s:%.35s", m->from, m->message_id) : uuid_text(id, text);

	*ret = (struct taken){ .id = id, .status = "unmatched", .http = 202, .answer = message_answer(r->arena, m, ANSWER_ERROR, "900", code) };
	return attention_raise(r->db, &(struct attention){ .kind = "prescription.unmatched", .subject = subject, .code = code,
	    .detail = arena_printf(r->arena, "{\"message\":\"%s\"}", m->kind == SCRIPT_CANCELRX ? "CancelRx" : "answer") }, err);
}

static int
find(struct req *r, const struct script_message *m, struct uuid *ret, struct problem *err)
{
	const struct row *w = NULL;

	*ret = UUID_NIL;
	if (m->relates_to != NULL && db_one(r->db, &w, by_message_sql, err, P_TEXT(m->from), P_TEXT(m->relates_to)) < 0)
		return -1;
	if (w == NULL && m->order_number != NULL && db_one(r->db, &w, by_order_sql, err, P_TEXT(m->from), P_TEXT(m->order_number)) < 0)
		return -1;
	if (w != NULL)
		*ret = row_uuid(w, "id");
	return 0;
}

/* ---- CancelRx */

static const char *
cancel_answer(struct req *r, const struct script_message *m, const char *status)
{
	if (strcmp(status, "cancelled") == 0)
		return message_answer(r->arena, m, ANSWER_CANCEL_APPROVED, NULL, NULL);
	if (strcmp(status, "cancel_pending") == 0)
		return message_answer(r->arena, m, ANSWER_STATUS, "010", "the pharmacy is asked");
	return message_answer(r->arena, m, ANSWER_CANCEL_DENIED, NULL, "it has left the pharmacy");
}

int
cancelrx_take(struct req *r, const struct script_message *m, struct taken *ret, struct problem *err)
{
	const char *text[SCRIPT__MAX];
	struct problem why = { 0 };
	struct prescription p;
	struct uuid id;

	if (find(r, m, &id, err) < 0)
		return -1;
	if (uuid_is_nil(id))
		return unmatched(r, m, id, "no_such_prescription", ret, err);
	if (prescription_load(r->db, id, true, &p, err) < 0 || content_open(r->db, &p, text, err) < 0)
		return -1;
	if (!patient_is_same(r->arena, text, m->text))
		return unmatched(r, m, id, "another_patient", ret, err);
	*ret = (struct taken){ .id = id, .http = 200, .status = p.status };
	if (strcmp(p.status, "cancelled") != 0 && strcmp(p.status, "cancel_pending") != 0 && prescription_cancel(r->db, &p, "CancelRx", &why) < 0) {
		if (why.status != 409 || strcmp(why.code, "already_shipped") != 0) {
			*err = why;
			return -1;
		}
		ret->status = "cancel_refused";
	} else {
		ret->status = p.status;
	}
	ret->answer = cancel_answer(r, m, ret->status);
	return 0;
}

/* ---- answers to ours */

int
reply_take(struct req *r, const struct script_message *m, struct taken *ret, struct problem *err)
{
	bool refused = m->kind == SCRIPT_ERROR;
	const struct row *w = NULL;
	char id[UUID_TEXT];

	if (m->relates_to != NULL && db_one(r->db, &w, settled_sql, err, P_TEXT(m->from), P_TEXT(m->relates_to), P_TEXT(refused ? "refused" : "delivered")) < 0)
		return -1;
	if (w == NULL)
		return unmatched(r, m, UUID_NIL, "no_such_message", ret, err);
	*ret = (struct taken){ .id = row_uuid(w, "prescription_id"), .status = "recorded", .http = 200,
		.answer = message_answer(r->arena, m, ANSWER_STATUS, "010", NULL) };
	if (!refused)
		return 0;
	return attention_raise(r->db, &(struct attention){ .kind = "prescription.message", .subject = uuid_text(ret->id, id), .code = "message_refused",
	    .detail = "{}" }, err);
}

/* ---- ours */

int
message_out(struct db *db, const struct prescription *p, int kind, const char *code, const char *description, struct problem *err)
{
	static const char *const names[] = { [ANSWER_STATUS] = "Status", [ANSWER_ERROR] = "Error", [ANSWER_VERIFY] = "Verify",
		[ANSWER_CANCEL_APPROVED] = "CancelRxResponse", [ANSWER_CANCEL_DENIED] = "CancelRxResponse" };
	struct arena *a = db_current_arena(db);
	const struct script_message about = { .from = p->sender, .message_id = p->message_id, .order_number = p->order_number, .test = p->is_test };
	struct uuid id = uuid_new();
	char text[UUID_TEXT], at[CLOCK_TEXT], own[UUID_TEXT], *o = own;
	const char *xml;
	uint8_t digest[32];

	if (p->sender == NULL)
		return 0;
	for (const char *s = uuid_text(id, text); *s != '\0'; s++)
		if (*s != '-')
			*o++ = *s;
	*o = '\0';
	xml = script_answer(a, &(struct script_answer){ .to = &about, .message_id = own, .at = clock_text(clock_us(), at), .kind = (unsigned)kind,
	    .code = code, .description = description });
	sha256(BYTES_OF(xml), digest);
	return db_exec(db, out_sql, err, P_UUID(id), P_TEXT(p->sender), P_TEXT(own), P_TEXT(names[kind]), P_BYTES(BYTES(digest, 32)), P_UUID(p->id),
	    P_TEXT(xml)) < 0 ? -1 : 0;
}

int
messages_list(struct req *r, struct problem *err)
{
	struct prescription p;
	struct json_writer *w;
	struct rows *rows;

	if (prescription_load(r->db, req_uuid(r, "id"), false, &p, err) < 0 || db_all(r->db, &rows, list_sql, err, P_UUID(p.id)) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "messages");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *m = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "direction", row_str(m, "direction"));
		jw_str(w, "party", row_str(m, "party"));
		jw_str(w, "message_id", row_str(m, "message_id"));
		jw_str(w, "kind", row_str(m, "kind"));
		jw_str(w, "outcome", row_str(m, "outcome"));
		jw_time(w, "at", row_time(m, "at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

int
messages_fetch(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (db_all(r->db, &rows, waiting_sql, err, P_TEXT(req_opt_str(r, "party")), P_INT(req_int(r, "limit", 50))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "messages");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *m = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "message_id", row_str(m, "message_id"));
		jw_str(w, "party", row_str(m, "party"));
		jw_str(w, "kind", row_str(m, "kind"));
		jw_uuid(w, "prescription_id", row_uuid(m, "prescription_id"));
		jw_str(w, "xml", row_str(m, "answer"));
		jw_time(w, "at", row_time(m, "at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
