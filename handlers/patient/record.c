/*
 * record.c: a patient's record, made once per person (A-API-01) and shown to whom it concerns (A-API-03). All of it is sealed under the
 * patient's own key.
 */
#include "patient/patient.h"

#define RECORD_MAX ((size_t)8 * 1024)

static const char find_sql[] =
	"SELECT id FROM patients WHERE identity_phone_index = ANY($1::bytea[]) OR identity_email_index = ANY($2::bytea[])"
	" ORDER BY created_at, id LIMIT 1";
/* Whoever is first among those who come at once has it; the others wait here and find the row. */
static const char insert_sql[] =
	"INSERT INTO patients (id, record_enc, identity_phone_index, identity_email_index, created_by)"
	" VALUES ($1, $2::bytea, $3::bytea, $4::bytea, $5) ON CONFLICT DO NOTHING RETURNING created_at";
static const char show_sql[] = "SELECT record_enc, created_at FROM patients WHERE id = $1";

static const char *const members[] = { "first_name", "last_name", "birth_date", "sex", "email", "phone", "address" };

static void
record_to_json(struct json_writer *w, const json_t *record)
{
	for (size_t i = 0; i < COUNT(members); i++) {
		const json_t *v = json_object_get(record, members[i]);

		if (v != NULL && !json_is_null(v))
			jw_tree(w, members[i], v);
	}
}

static struct bytes
record_text(struct req *r, const json_t *record)
{
	struct buf b = buf_in(r->arena, RECORD_MAX);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	record_to_json(&w, record);
	jw_end(&w);
	return BYTES(b.data, b.failed ? 0 : b.len);
}

static void
reply_patient(struct req *r, int status, struct patient_id id, const json_t *record, int64_t created_at)
{
	struct json_writer *w = reply_json(r, status);

	jw_object(w, NULL);
	jw_uuid(w, "patient_id", id.v);
	record_to_json(w, record);
	jw_time(w, "created_at", created_at);
	jw_end(w);
}

/* Staff and services hear who it is, so that they can go on with that record; a provider learns no id of somebody else's patient. */
static int
duplicate(struct req *r, struct uuid id, struct problem *err)
{
	bool staff = r->as == SERVICE || strcmp(r->role, "provider") != 0;
	char text[UUID_TEXT];

	req_object(r, "patients", id);
	(void)problem(err, 409, "duplicate_patient", "this person is on file");
	return staff ? problem_member(err, "patient_id", "duplicate", "%s", uuid_text(id, text)) : -1;
}

struct identities {
	const char *phone, *email; /* NULL: none */
};

/* Texts that nobody has find nobody: an index of nothing is not asked for. */
static int
find(struct req *r, const struct identities *who, const struct row **ret, struct problem *err)
{
	return db_one(r->db, ret, find_sql, err, who->phone != NULL ? vault_indexes(r->db, PHONE_IDENTITY, who->phone) : P_NULL,
	    who->email != NULL ? vault_indexes(r->db, EMAIL_IDENTITY, who->email) : P_NULL);
}

static struct param
index_of(struct req *r, const char *column, const char *text)
{
	return text != NULL ? P_BYTES(vault_index(r->db, column, text)) : P_NULL;
}

int
patient_create(struct req *r, struct problem *err)
{
	struct patient_id id = { uuid_new() };
	struct bytes record = record_text(r, r->body), sealed;
	struct identities who = { identity_phone(r->arena, record), identity_email(r->arena, record) };
	const struct row *w;

	if (who.phone == NULL && who.email == NULL) {
		(void)problem(err, 422, "validation_failed", "a patient is known by a phone number or an e-mail address, too");
		return problem_member(err, "phone", "required", "or email");
	}
	if (find(r, &who, &w, err) < 0)
		return -1;
	if (w != NULL)
		return duplicate(r, row_uuid(w, "id"), err);
	if (vault_seal(r->db, id.v, "patients", "record_enc", id.v, record, &sealed, err) < 0 ||
	    db_one(r->db, &w, insert_sql, err, P_UUID(id.v), P_BYTES(sealed), index_of(r, PHONE_IDENTITY, who.phone),
		index_of(r, EMAIL_IDENTITY, who.email), P_TEXT(r->scope.actor)) < 0)
		return -1;
	if (w == NULL) {
		if (find(r, &who, &w, err) < 0)
			return -1;
		return w != NULL ? duplicate(r, row_uuid(w, "id"), err) : problem(err, 409, "serialization", "somebody was in the way");
	}
	req_object(r, "patients", id.v);
	reply_patient(r, 201, id, r->body, row_time(w, "created_at"));
	reply_header(r, "Location", arena_printf(r->arena, "/patients/%s", uuid_text(id.v, (char[UUID_TEXT]){ 0 })));
	return 0;
}

int
patient_show(struct req *r, struct problem *err)
{
	struct patient_id id = { req_uuid(r, "id") };
	struct bytes plain;
	const struct row *w;
	const json_t *record;

	req_object(r, "patients", id.v);
	if (patient_visible(r, id, err) < 0 || db_one(r->db, &w, show_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such patient");
	if (vault_open(r->db, "patients", "record_enc", id.v, row_bytes(w, "record_enc"), &plain, err) < 0 ||
	    (record = json_read(r->arena, (const char *)plain.p, plain.n, err)) == NULL)
		return -1;
	reply_patient(r, 200, id, record, row_time(w, "created_at"));
	return 0;
}
