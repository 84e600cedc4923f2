/*
 * candidate.c: prescriptions that may be enrolled (P-ENR-01). The prescription service says by events how one stands; what an invitation needs of it, the
 * patient's name, addresses and birth date, a job asks for once, and only that is kept, sealed.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "enrollment/enrollment.h"

/* An event that comes late changes nothing that a later one said. */
static const char told_sql[] =
	"INSERT INTO candidates AS c (id, patient_id, status, told_at) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (id) DO UPDATE SET status = excluded.status, told_at = excluded.told_at, updated_at = now() WHERE c.told_at < excluded.told_at";
static const char load_sql[] = "SELECT id, patient_id, status, details_enc FROM candidates WHERE id = $1";
static const char fetched_sql[] = "UPDATE candidates SET details_enc = $2::bytea, updated_at = now() WHERE id = $1";
static const char cancel_sql[] =
	"UPDATE enrollments SET status = 'cancelled', updated_at = now() WHERE prescription_id = $1 AND status IN ('pending', 'expired') RETURNING id";
static const char revoke_sql[] = "UPDATE magic_links SET revoked_at = now() WHERE enrollment_id = $1 AND used_at IS NULL AND revoked_at IS NULL";

int
candidate_load(struct db *db, struct uuid prescription, struct candidate *ret, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, load_sql, err, P_UUID(prescription)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "unknown_prescription", "no such prescription is known here");
	*ret = (struct candidate){ .id = row_uuid(w, "id"), .patient_id = row_uuid(w, "patient_id"), .status = row_str(w, "status"),
		.details_enc = row_bytes(w, "details_enc") };
	return 0;
}

json_t *
candidate_open(struct db *db, const struct candidate *c, struct problem *err)
{
	struct bytes plain;

	if (c->details_enc.n == 0 || vault_open(db, "candidates", "details_enc", c->id, c->details_enc, &plain, err) < 0)
		return NULL;
	return json_read(db_current_arena(db), (const char *)plain.p, plain.n, err);
}

static int
tell(struct event *e, const char *status, struct problem *err)
{
	int64_t n = db_exec(e->db, told_sql, err, P_UUID(event_uuid(e, "prescription_id")), P_UUID(event_uuid(e, "patient_id")), P_TEXT(status),
	    P_TIME(e->occurred_at));

	return n < 0 ? -1 : 0;
}

int
on_validated(struct event *e, struct problem *err)
{
	if (tell(e, "validated", err) < 0)
		return -1;
	return job_enqueue_id(e->db, "candidate.fetch", "prescriptionId", event_uuid(e, "prescription_id"), err);
}

/* Whoever is no longer to be enrolled needs no invitation. */
static int
close_enrollment(struct event *e, const char *status, struct problem *err)
{
	struct uuid prescription = event_uuid(e, "prescription_id");
	const struct row *w;
	char id[UUID_TEXT];

	if (db_one(e->db, &w, cancel_sql, err, P_UUID(prescription)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	(void)uuid_text(row_uuid(w, "id"), id);
	if (db_exec(e->db, revoke_sql, err, P_UUID(row_uuid(w, "id"))) < 0 || attention_clear(e->db, "enrollment.expired", id, status, err) < 0 ||
	    attention_clear(e->db, "enrollment.locked", id, status, err) < 0)
		return -1;
	return audit_add(e->db, &(struct audit_entry){ .action = "enrollment.status", .object = "enrollments", .object_id = id, .reason = status,
	    .detail = "{\"to\":\"cancelled\"}" }, err);
}

int
on_status(struct event *e, struct problem *err)
{
	static const char *const over[] = { "cancelled", "denied", "completed" };
	const char *to = event_str(e, "to");

	if (tell(e, to, err) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(over); i++)
		if (strcmp(to, over[i]) == 0)
			return close_enrollment(e, to, err);
	return 0;
}

static void
keep_text(struct json_writer *w, const char *key, const json_t *from, const char *path)
{
	jw_opt_str(w, key, json_text_at(from, path));
}

/* What an invitation, its reminder and the page need; the rest stays where it is. */
static const char *
copy_of(struct arena *a, const json_t *details)
{
	struct buf b = buf_in(a, 16 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	keep_text(&w, "firstName", details, "patient.firstName");
	keep_text(&w, "lastName", details, "patient.lastName");
	keep_text(&w, "birthDate", details, "patient.birthDate");
	keep_text(&w, "email", details, "patient.email");
	keep_text(&w, "phone", details, "patient.phone");
	keep_text(&w, "prescriber", details, "prescriber.name");
	keep_text(&w, "drugName", details, "medication.drug_name");
	jw_object(&w, "insurance");
	keep_text(&w, "payer_name", details, "insurance.payer_name");
	keep_text(&w, "member_id", details, "insurance.member_id");
	keep_text(&w, "group_number", details, "insurance.group");
	keep_text(&w, "bin", details, "insurance.bin");
	keep_text(&w, "pcn", details, "insurance.pcn");
	jw_end(&w);
	jw_end(&w);
	return buf_str(&b);
}

int
candidate_fetch_job(struct job *j, struct problem *err)
{
	struct uuid id = job_uuid(j, "prescriptionId");
	struct candidate c;
	struct peer_reply reply;
	struct bytes sealed;
	char text[UUID_TEXT];

	if (job_read(j, err) < 0 || candidate_load(j->db, id, &c, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	if (job_ask(j, &(struct peer_call){ .service = "prescription", .method = "GET",
	    .path = arena_printf(j->arena, "/prescriptions/%s/details", uuid_text(id, text)) }, &reply, err) < 0)
		return -1;
	if (job_begin(j, err) < 0 || vault_seal(j->db, c.patient_id, "candidates", "details_enc", id, BYTES_OF(copy_of(j->arena, reply.body)), &sealed,
	    err) < 0 || db_exec(j->db, fetched_sql, err, P_UUID(id), P_BYTES(sealed)) < 0)
		return -1;
	return job_end(j, err);
}
