/*
 * submission.c: a form is submitted (Y-PLAT-03, Y-PLAT-04, Y-DB-03, rule E9).
 *
 * The envelope is opened and everything is checked before a row is written, so a refused submit leaves nothing. Then, in one
 * transaction: the session ends, the form is sealed under the patient's key and kept for good, the EHR steps are queued and the
 * event is out. A session submits once.
 */
#include "intake/intake.h"

#include "crypto/jose.h"

#define FORM_MAX (128 * 1024)

static const char end_session_sql[] =
	"UPDATE intake_sessions SET state = 'submitted', submission_id = $2, submitted_at = now() WHERE id = $1"
	" AND state = 'draft' RETURNING id";
static const char insert_sql[] =
	"INSERT INTO intake_submissions (id, intake_id, patient_id, email_index, platform, intake_type, form_version, state,"
	" plan_id, amount_cents, currency, setup_intent_id, payload_enc)"
	" VALUES ($1, $2, $3, $4::bytea, $5, $6, $7, $8, $9, $10::bigint, $11, $12, $13::bytea)";
static const char show_sql[] =
	"SELECT id, intake_id, patient_id, platform, intake_type, form_version, state, plan_id, amount_cents, currency,"
	" setup_intent_id, payload_enc, submitted_at FROM intake_submissions WHERE id = $1";

/* What .ask opened and checked, for .handle. */
struct opened {
	struct session s;
	struct bytes form;		/* the JSON text as it was sealed by the browser */
	const char *version;
	const char *platform;
};

static void
header_free(void *p)
{
	json_decref(p);
}

/* formVersion may be a number or its text. */
static const char *
version_of(struct arena *a, const json_t *header)
{
	const json_t *v = json_object_get(header, "formVersion");

	if (json_is_integer(v))
		return arena_printf(a, "%lld", (long long)json_integer_value(v));
	return json_string_value(v);
}

/* An envelope is good for the session whose id is under its seal: one that was copied into another session is refused. */
static int
header_check(struct req *r, const json_t *header, struct opened *o, struct problem *err)
{
	const char *intake = json_text_at(header, "intakeId");
	struct uuid id;

	o->version = version_of(r->arena, header);
	if (intake == NULL || o->version == NULL)
		return problem(err, 422, "bad_envelope_header", "the protected header names no intakeId and formVersion");
	if (uuid_parse(intake, &id) < 0 || !uuid_equal(id, r->subject)) {
		problem(err, 409, "intake_mismatch", "the envelope was sealed for another intake");
		err->audit = true;
		return -1;
	}
	return 0;
}

static int
open_envelope(struct req *r, struct opened *o, struct problem *err)
{
	struct buf plain = buf_in(r->arena, FORM_MAX);
	json_t *header;

	if (jwe_open_with(db_current_keyring(r->db), req_str(r, "envelope"), &plain, &header, err) < 0)
		return -1;
	arena_defer(r->arena, header_free, header);
	o->form = BYTES(buf_str(&plain), plain.len);
	return header_check(r, header, o, err);
}

static int
check_form(struct req *r, struct opened *o, struct problem *err)
{
	const json_t *form = json_read(r->arena, (const char *)o->form.p, o->form.n, err);

	if (form == NULL)
		return -1;
	if (session_load(r->db, (struct intake_id){ r->subject }, &o->s, err) < 0)
		return -1;
	if (strcmp(o->s.state, "draft") != 0)
		return problem(err, 409, "already_submitted", "this intake is submitted");
	return form_check(r, &o->s, form, o->version, &o->platform, err);
}

int
submit_ask(struct req *r, struct problem *err)
{
	struct opened *o = arena_alloc(r->arena, sizeof(*o));

	if (open_envelope(r, o, err) < 0 || db_begin(r->db, READ, &r->scope, err) < 0)
		return -1;
	if (check_form(r, o, err) < 0) {
		db_rollback(r->db);
		return -1;
	}
	if (db_commit(r->db, err) < 0)
		return -1;
	r->asked = o;
	return payment_is_saved(r, &o->s, err);
}

static int
store(struct req *r, const struct opened *o, struct submission_id id, struct problem *err)
{
	const struct session *s = &o->s;
	struct bytes sealed;

	if (vault_seal(r->db, s->patient_id, "intake_submissions", "payload_enc", id.v, o->form, &sealed, err) < 0)
		return -1;
	return db_exec(r->db, insert_sql, err, P_UUID(id.v), P_UUID(s->id.v), P_UUID(s->patient_id), P_BYTES(email_index_of(r->db, s->email)),
	    P_TEXT(o->platform), P_TEXT(s->intake_type), P_TEXT(o->version), P_TEXT(s->region), P_TEXT(s->plan_id),
	    P_INT(s->amount_cents), P_TEXT(s->currency), P_UUID(s->setup_intent_id), P_BYTES(sealed)) < 0 ? -1 : 0;
}

static int
publish(struct req *r, const struct opened *o, struct submission_id id, struct problem *err)
{
	struct buf b = buf_in(r->arena, 2048);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "submissionId", id.v);
	jw_uuid(&w, "patientId", o->s.patient_id);
	jw_uuid(&w, "intakeId", o->s.id.v);
	jw_str(&w, "state", o->s.region);
	jw_str(&w, "platform", o->platform);
	jw_str(&w, "intakeType", o->s.intake_type);
	jw_str(&w, "planId", o->s.plan_id);
	jw_int(&w, "amountCents", o->s.amount_cents);
	jw_str(&w, "currency", o->s.currency);
	jw_uuid(&w, "setupIntentId", o->s.setup_intent_id);
	jw_end(&w);
	return event_publish(r->db, "intake.submitted", id.v, b.data, err);
}

int
submit(struct req *r, struct problem *err)
{
	const struct opened *o = r->asked;
	struct submission_id id = { uuid_new() };
	const struct row *ended;

	req_object(r, "intake_submissions", id.v);
	if (db_one(r->db, &ended, end_session_sql, err, P_UUID(o->s.id.v), P_UUID(id.v)) < 0)
		return -1;
	if (ended == NULL)
		return problem(err, 409, "already_submitted", "this intake is submitted");
	if (store(r, o, id, err) < 0 || downstream_begin(r->db, id, o->s.patient_id, err) < 0 || publish(r, o, id, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 201);
	jw_object(w, NULL);
	jw_uuid(w, "submissionId", id.v);
	jw_uuid(w, "patientId", o->s.patient_id);
	jw_str(w, "status", "received");
	jw_end(w);
	return 0;
}

int
submission_show(struct req *r, struct problem *err)
{
	struct submission_id id = { req_uuid(r, "id") };
	const struct row *s;
	struct bytes form;

	req_object(r, "intake_submissions", id.v);
	if (db_one(r->db, &s, show_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such submission");
	if (vault_open(r->db, "intake_submissions", "payload_enc", id.v, row_bytes(s, "payload_enc"), &form, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "submissionId", id.v);
	jw_uuid(w, "patientId", row_uuid(s, "patient_id"));
	jw_uuid(w, "intakeId", row_uuid(s, "intake_id"));
	jw_str(w, "state", row_str(s, "state"));
	jw_str(w, "platform", row_str(s, "platform"));
	jw_str(w, "intakeType", row_str(s, "intake_type"));
	jw_str(w, "formVersion", row_str(s, "form_version"));
	jw_str(w, "planId", row_str(s, "plan_id"));
	jw_int(w, "amountCents", row_int(s, "amount_cents"));
	jw_str(w, "currency", row_str(s, "currency"));
	jw_uuid(w, "setupIntentId", row_uuid(s, "setup_intent_id"));
	jw_time(w, "submittedAt", row_time(s, "submitted_at"));
	jw_raw(w, "patient", (const char *)form.p);
	jw_end(w);
	return 0;
}
