/*
 * correct.c: the staff puts right what a message had wrong, and has it looked at again (P-VAL-10). The message itself stays as it came; which
 * members were changed, and by whom, is kept, their values sealed.
 */
#include "prescription/prescription.h"

static const char kept_sql[] = "INSERT INTO rx_corrections (id, prescription_id, actor, members, patch_enc) VALUES ($1, $2, $3, $4::text[], $5::bytea)";
static const char moved_sql[] = "UPDATE prescriptions SET patient_id = $2, raw_enc = $3::bytea WHERE id = $1";

/* What is corrected lies between the message and the pharmacy: afterwards others have copies of it. */
static int
may_correct(const struct prescription *p, struct problem *err)
{
	if (strcmp(p->source, "ncpdp") == 0 && (strcmp(p->status, "validation_failed") == 0 || strcmp(p->status, "received") == 0))
		return 0;
	return problem(err, 409, "not_correctable", "a prescription that is %s is not corrected", p->status);
}

/* The members of the body over the texts; their names as an array literal, in which none needs quoting. */
static const char *
merge(struct req *r, const char *text[SCRIPT__MAX], bool *person)
{
	struct buf b = buf_in(r->arena, 8192);

	buf_addc(&b, '{');
	*person = false;
	for (size_t i = 0; i < SCRIPT__MAX; i++) {
		const json_t *v = json_at(r->body, script_fields[i].member);

		if (v == NULL)
			continue;
		text[i] = json_is_string(v) && *json_string_value(v) != '\0' ? json_string_value(v) : NULL;
		buf_addf(&b, "%s%s", b.len > 1 ? "," : "", script_fields[i].member);
		*person = *person || strncmp(script_fields[i].member, "patient.", 8) == 0;
	}
	buf_addc(&b, '}');
	return buf_str(&b);
}

/* A corrected name or birth date may be another patient's: what is sealed goes under that one's key. */
static int
follow_patient(struct req *r, struct prescription *p, const char *const text[SCRIPT__MAX], struct problem *err)
{
	struct bytes plain, sealed;
	struct uuid who;

	if (patient_match(r->db, text, p->sender, &who, err) < 0)
		return -1;
	if (uuid_equal(who, p->patient_id))
		return 0;
	if (vault_open(r->db, "prescriptions", "raw_enc", p->id, p->raw_enc, &plain, err) < 0 ||
	    vault_seal(r->db, who, "prescriptions", "raw_enc", p->id, plain, &sealed, err) < 0)
		return -1;
	p->patient_id = who;
	return db_exec(r->db, moved_sql, err, P_UUID(p->id), P_UUID(who), P_BYTES(sealed)) < 0 ? -1 : 0;
}

static int
keep(struct req *r, const struct prescription *p, const char *members, struct problem *err)
{
	struct uuid id = uuid_new();
	struct bytes sealed;
	char *patch = json_dumps(r->body, JSON_COMPACT);

	arena_defer(r->arena, free, patch);
	if (vault_seal(r->db, p->patient_id, "rx_corrections", "patch_enc", id, BYTES_OF(patch), &sealed, err) < 0)
		return -1;
	return db_exec(r->db, kept_sql, err, P_UUID(id), P_UUID(p->id), P_TEXT(r->scope.actor), P_TEXT(members), P_BYTES(sealed)) < 0 ? -1 : 0;
}

static void
reply(struct req *r, int status, const struct prescription *p)
{
	struct json_writer *w = reply_json(r, status);

	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", p->id);
	jw_uuid(w, "patient_id", p->patient_id);
	jw_str(w, "status", p->status);
	jw_end(w);
}

int
correct(struct req *r, struct problem *err)
{
	const char *text[SCRIPT__MAX], *members;
	struct prescription p;
	struct bytes sealed;
	bool person;

	req_object(r, "prescriptions", req_uuid(r, "id"));
	if (prescription_load(r->db, req_uuid(r, "id"), true, &p, err) < 0 || may_correct(&p, err) < 0 || content_open(r->db, &p, text, err) < 0)
		return -1;
	members = merge(r, text, &person);
	if (strcmp(members, "{}") == 0)
		return problem(err, 422, "nothing_to_correct", "the body names no member");
	if (person && follow_patient(r, &p, text, err) < 0)
		return -1;
	if (content_seal(r->db, p.patient_id, p.id, text, &sealed, err) < 0 || content_columns(r->db, p.id, text, sealed, err) < 0 ||
	    keep(r, &p, members, err) < 0)
		return -1;
	reply(r, 200, &p);
	return 0;
}

int
revalidate(struct req *r, struct problem *err)
{
	struct prescription p;

	req_object(r, "prescriptions", req_uuid(r, "id"));
	if (prescription_load(r->db, req_uuid(r, "id"), true, &p, err) < 0 || may_correct(&p, err) < 0 || validate_later(r->db, p.id, err) < 0)
		return -1;
	reply(r, 202, &p);
	return 0;
}
