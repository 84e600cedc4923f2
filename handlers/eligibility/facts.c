/*
 * facts.c: the intake says that there is a case; a job asks it for what the rules look at, keeps that sealed, and decides at once.
 */
#include "eligibility/eligibility.h"

static const char known_sql[] =
	"INSERT INTO eligibility_cases (case_id, patient_id, state, intake_type) VALUES ($1, $2, $3, $4) ON CONFLICT (case_id) DO NOTHING";
static const char look_sql[] = "SELECT patient_id, facts_enc IS NOT NULL AS here FROM eligibility_cases WHERE case_id = $1";
static const char keep_sql[] = "UPDATE eligibility_cases SET facts_enc = $2::bytea WHERE case_id = $1 AND facts_enc IS NULL";

int
on_case_submitted(struct event *e, struct problem *err)
{
	struct uuid id = event_uuid(e, "case_id");

	if (db_exec(e->db, known_sql, err, P_UUID(id), P_UUID(event_uuid(e, "patient_id")), P_TEXT(event_str(e, "state")),
		P_TEXT(event_str(e, "intake_type"))) < 0)
		return -1;
	return job_enqueue_id(e->db, "eligibility.facts", "caseId", id, err);
}

/* Of the whole form, what rules ask for. */
static struct bytes
facts_of(struct arena *a, const json_t *form)
{
	static const char *const members[] = { "height_cm", "weight_kg", "submitted_at", "conditions", "consents" };
	struct buf b = buf_in(a, 128 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "birth_date", json_text_at(form, "patient.birth_date"));
	for (size_t i = 0; i < COUNT(members); i++)
		if (json_object_get(form, members[i]) != NULL)
			jw_tree(&w, members[i], json_object_get(form, members[i]));
	jw_end(&w);
	return BYTES(b.data, b.len);
}

static int
keep(struct job *j, struct uuid id, struct uuid patient, const json_t *form, struct problem *err)
{
	struct bytes sealed;
	char text[UUID_TEXT];

	if (vault_seal(j->db, patient, "eligibility_cases", "facts_enc", id, facts_of(j->arena, form), &sealed, err) < 0 ||
	    db_exec(j->db, keep_sql, err, P_UUID(id), P_BYTES(sealed)) < 0)
		return -1;
	return audit_add(j->db, &(struct audit_entry){ .action = "eligibility.facts", .object = "eligibility_cases", .object_id = uuid_text(id, text) }, err);
}

int
facts_job(struct job *j, struct problem *err)
{
	struct uuid id = job_uuid(j, "caseId");
	struct peer_call call = { .service = "intake", .method = "GET" };
	const struct row *known, *made;
	struct peer_reply reply;
	struct uuid patient;
	char text[UUID_TEXT];
	bool here;

	if (job_read(j, err) < 0 || db_one(j->db, &known, look_sql, err, P_UUID(id)) < 0)
		return -1;
	if (known == NULL)
		return problem(err, 404, "not_found", "no such case");
	patient = row_uuid(known, "patient_id");
	here = row_bool(known, "here");
	call.path = arena_printf(j->arena, "/intake/cases/%s", uuid_text(id, text));
	if (job_read_end(j, err) < 0 || (!here && job_ask(j, &call, &reply, err) < 0) || job_begin(j, err) < 0 ||
	    (!here && keep(j, id, patient, reply.body, err) < 0) || check_case(j->db, id, &made, err) < 0)
		return -1;
	return job_end(j, err);
}
