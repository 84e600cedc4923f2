/*
 * case.c: POST /intake (A-API-02, C3, C19): a form becomes a case of a patient, whom patient knows. The case service makes the case before the form is kept here; a repeat after any failure
 * carries the same key there, so one form is one case. What was submitted is told to eligibility, which asks for it.
 */
#include "intake/intake.h"

#include "base/clock.h"

static const char insert_sql[] =
	"INSERT INTO intake_cases (case_id, patient_id, state, platform, intake_type, payload_enc) VALUES ($1, $2, $3, $4, $5, $6::bytea)";
static const char show_sql[] =
	"SELECT case_id, patient_id, state, platform, intake_type, payload_enc, submitted_at FROM intake_cases WHERE case_id = $1";

#define FORM_MAX (128 * 1024)

/* The person goes on file; who is there already is that patient. */
static int
patient_on_file(struct req *r, struct uuid *ret, struct problem *err)
{
	struct buf b = buf_in(r->arena, 8192);
	struct peer_call call = { .service = "patient", .method = "POST", .path = "/patients" };
	struct peer_reply reply;
	struct json_writer w;
	const char *id, *code;

	jw_start(&w, &b);
	jw_tree(&w, NULL, req_json(r, "patient"));
	call.body = buf_str(&b);
	if (peer_call(r->http, r->arena, r->conf, &call, &reply, err) < 0)
		return -1;
	code = reply.status == 409 ? json_text_at(reply.body, "code") : NULL;
	if (code != NULL && strcmp(code, "duplicate_patient") == 0)
		id = json_text_at(reply.body, "errors.0.detail");
	else if (peer_expect(&call, &reply, err) < 0)
		return -1;
	else
		id = json_text_at(reply.body, "patient_id");
	return uuid_parse(id, ret) < 0 ? problem(err, 502, "bad_answer", "patient answered without an id") : 0;
}

/* Whom the form is about: a patient who calls speaks for nobody else; whom staff names is on file. */
static int
patient_of(struct req *r, struct uuid *ret, struct problem *err)
{
	struct peer_call call = { .service = "patient", .method = "GET" };
	struct peer_reply reply;
	char text[UUID_TEXT];

	*ret = req_uuid(r, "patient_id");
	if (r->role != NULL && strcmp(r->role, "patient") == 0) {
		if (uuid_is_nil(r->subject) || (!uuid_is_nil(*ret) && !uuid_equal(*ret, r->subject)))
			return problem(err, 404, "not_found", "no such patient");
		*ret = r->subject;
		return 0;
	}
	if (uuid_is_nil(*ret))
		return patient_on_file(r, ret, err);
	call.path = arena_printf(r->arena, "/patients/%s", uuid_text(*ret, text));
	return peer_call(r->http, r->arena, r->conf, &call, &reply, err) < 0 ? -1 : peer_expect(&call, &reply, err);
}

struct made {
	struct uuid case_id, patient_id;
};

static const char *
platform_of(const struct req *r)
{
	return req_has(r, "platform") ? req_str(r, "platform") : "yourera";
}

static const char *
case_body(struct req *r, struct uuid patient)
{
	struct buf b = buf_in(r->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "patient_id", patient);
	jw_str(&w, "state", req_str(r, "state"));
	jw_str(&w, "platform", platform_of(r));
	jw_str(&w, "intake_type", req_str(r, "intake_type"));
	jw_end(&w);
	return buf_str(&b);
}

/* The caller's key, and whose it is: two callers may choose the same. */
static const char *
case_key(struct req *r)
{
	struct bytes mac = vault_mac(r->db, "intake.case", arena_printf(r->arena, "%s\n%s", r->scope.actor, r->key));
	struct buf b = buf_in(r->arena, 128);

	buf_add(&b, "intake:");
	for (size_t i = 0; i < mac.n; i++)
		buf_addf(&b, "%02x", mac.p[i]);
	return buf_str(&b);
}

int
case_ask(struct req *r, struct problem *err)
{
	struct peer_call call = { .service = "case", .method = "POST", .path = "/cases" };
	struct made *made = arena_alloc(r->arena, sizeof(*made));
	struct peer_reply reply;
	struct uuid patient;

	if (strcmp(json_text_at(req_json(r, "patient"), "address.state"), req_str(r, "state")) != 0)
		return problem_member(err, "patient.address.state", "disagrees", "the patient lives elsewhere than state says");
	if (age_on(json_text_at(req_json(r, "patient"), "birth_date"), clock_us()) < 0)
		return problem_member(err, "patient.birth_date", "range", "lies ahead");
	if (rule_state(r->conf, req_str(r, "state"), err) < 0 || patient_of(r, &patient, err) < 0)
		return -1;
	call.body = case_body(r, patient);
	call.key = case_key(r);
	if (peer_call(r->http, r->arena, r->conf, &call, &reply, err) < 0 || peer_expect(&call, &reply, err) < 0)
		return -1;
	if (uuid_parse(json_text_at(reply.body, "case_id"), &made->case_id) < 0 || uuid_parse(json_text_at(reply.body, "patient_id"), &made->patient_id) < 0)
		return problem(err, 502, "bad_answer", "case answered without ids");
	r->asked = made;
	return 0;
}

static struct bytes
form_text(struct req *r)
{
	static const char *const members[] = { "patient", "height_cm", "weight_kg", "conditions", "medications", "allergies", "answers", "consents" };
	struct buf b = buf_in(r->arena, FORM_MAX);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	for (size_t i = 0; i < COUNT(members); i++)
		if (req_json(r, members[i]) != NULL)
			jw_tree(&w, members[i], req_json(r, members[i]));
	jw_end(&w);
	return BYTES(b.data, b.len);
}

static int
publish(struct req *r, const struct made *m, struct problem *err)
{
	struct buf b = buf_in(r->arena, 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "case_id", m->case_id);
	jw_uuid(&w, "patient_id", m->patient_id);
	jw_str(&w, "state", req_str(r, "state"));
	jw_str(&w, "platform", platform_of(r));
	jw_str(&w, "intake_type", req_str(r, "intake_type"));
	jw_end(&w);
	return event_publish(r->db, "case.submitted", m->case_id, buf_str(&b), err);
}

int
case_submit(struct req *r, struct problem *err)
{
	const struct made *m = r->asked;
	struct bytes sealed;
	char text[UUID_TEXT];

	req_object(r, "intake_cases", m->case_id);
	if (vault_seal(r->db, m->patient_id, "intake_cases", "payload_enc", m->case_id, form_text(r), &sealed, err) < 0 ||
	    db_exec(r->db, insert_sql, err, P_UUID(m->case_id), P_UUID(m->patient_id), P_TEXT(req_str(r, "state")), P_TEXT(platform_of(r)),
		P_TEXT(req_str(r, "intake_type")), P_BYTES(sealed)) < 0 ||
	    publish(r, m, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 201);
	jw_object(w, NULL);
	jw_uuid(w, "patient_id", m->patient_id);
	jw_uuid(w, "case_id", m->case_id);
	jw_end(w);
	reply_header(r, "Location", arena_printf(r->arena, "/cases/%s", uuid_text(m->case_id, text)));
	return 0;
}

/* The form's members beside the row's. */
int
case_form_show(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "id");
	const struct row *s;
	const char *member;
	struct bytes text;
	json_t *form, *v;

	req_object(r, "intake_cases", id);
	if (db_one(r->db, &s, show_sql, err, P_UUID(id)) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such case");
	if (vault_open(r->db, "intake_cases", "payload_enc", id, row_bytes(s, "payload_enc"), &text, err) < 0)
		return -1;
	form = json_read(r->arena, (const char *)text.p, text.n, err);
	if (form == NULL)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "case_id", id);
	jw_uuid(w, "patient_id", row_uuid(s, "patient_id"));
	jw_str(w, "state", row_str(s, "state"));
	jw_str(w, "platform", row_str(s, "platform"));
	jw_str(w, "intake_type", row_str(s, "intake_type"));
	jw_time(w, "submitted_at", row_time(s, "submitted_at"));
	json_object_foreach(form, member, v)
		jw_tree(w, member, v);
	jw_end(w);
	return 0;
}
