/*
 * claim.c: from the selected pharmacy to the claim that is sent (P-ADJ-01). The event makes the row and a job; the job asks the owners for what a claim needs
 * (the prescription, the insurance, the program's part) and intends the claim; the adapter sends it once. A claim made anew counts up: what still comes of an
 * older one finds another number and is late.
 */
#include "base/clock.h"
#include "adjudication/adjudication.h"

static const char insert_sql[] =
    "INSERT INTO adjudications (id, prescription_id, patient_id, pharmacy_id, pharmacy_name) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT ON CONSTRAINT adjudications_once DO NOTHING";
static const char first_sql[] = "INSERT INTO adjudication_history (adjudication_id, to_status, claim) VALUES ($1, 'queued', 1)";
static const char pharmacy_sql[] =
    "UPDATE adjudications SET pharmacy_id = $2, pharmacy_name = $3, prior_auth_number = NULL, updated_at = now() WHERE id = $1";
static const char again_sql[] =
    "UPDATE adjudications SET claim = claim + 1, program_id = NULL, program_name = NULL, max_discount_cents = NULL WHERE id = $1";
static const char offered_sql[] =
    "UPDATE adjudications SET insurance_type = $2, program_id = $3, program_name = $4, max_discount_cents = $5 WHERE id = $1";
static const char paid_sql[] = "UPDATE adjudications SET paid_at = coalesce(paid_at, now()) WHERE id = $1";
static const char overdue_sql[] = "UPDATE adjudications SET late_since = now() WHERE status = 'claimed' AND late_since IS NULL"
				  " AND claimed_at < now() - make_interval(secs => $1) RETURNING id";

static int
queue_claim(struct db *db, const struct adjudication *a, struct problem *err)
{
	struct arena *arena = db_current_arena(db);
	char id[UUID_TEXT], rx[UUID_TEXT];

	uuid_text(a->id, id);
	if (attempt_add(db, a, err) < 0)
		return -1;
	return job_enqueue(db,
	    &(struct job_spec){ .kind = "claim.prepare",
		.unique_key = arena_printf(arena, "%s:%" PRId64, id, a->claim),
		.args = arena_printf(arena, "{\"id\":\"%s\",\"prescriptionId\":\"%s\",\"claim\":%" PRId64 "}", id,
		    uuid_text(a->prescription, rx), a->claim) },
	    err);
}

int
claim_again(struct db *db, struct adjudication *a, const char *reason, struct problem *err)
{
	if (db_exec(db, again_sql, err, P_UUID(a->id)) < 0 || prior_auth_withdraw(db, a, err) < 0)
		return -1;
	a->claim++;
	a->program_id = a->program_name = NULL;
	a->max_discount = 0;
	if (adjudication_move(db, a, "queued", reason, err) < 0 || let_person(db, a, "adjudication.rejected", err) < 0)
		return -1;
	return queue_claim(db, a, err);
}

/* ---- what starts it */

static int
first_claim(struct event *e, struct uuid prescription, struct problem *err)
{
	struct adjudication a = { .id = uuid_new(), .prescription = prescription, .claim = 1 };
	char id[UUID_TEXT];

	if (db_exec(e->db, insert_sql, err, P_UUID(a.id), P_UUID(prescription), P_UUID(event_uuid(e, "patient_id")),
		P_TEXT(event_str(e, "pharmacy_id")), P_TEXT(event_str(e, "pharmacy_name"))) < 0 ||
	    db_exec(e->db, first_sql, err, P_UUID(a.id)) < 0 ||
	    audit_add(e->db,
		&(struct audit_entry){ .action = "adjudication.status",
		    .object = "adjudications",
		    .object_id = uuid_text(a.id, id),
		    .detail = "{\"to\":\"queued\",\"claim\":1}" },
		err) < 0)
		return -1;
	return queue_claim(e->db, &a, err);
}

/* The same pharmacy again is no news; another one is billed anew, unless the patient paid what the first one charges. */
int
pharmacy_selected(struct event *e, struct problem *err)
{
	struct uuid prescription = event_uuid(e, "prescription_id");
	struct adjudication a;
	bool found;

	if (adjudication_of(e->db, prescription, true, &a, &found, err) < 0)
		return -1;
	if (!found)
		return first_claim(e, prescription, err);
	if (strcmp(a.pharmacy_id, event_str(e, "pharmacy_id")) == 0 && !adjudication_is(&a, "rejected") &&
	    !adjudication_is(&a, "manual"))
		return 0;
	if (a.paid)
		return call_person(e->db, &a, "adjudication.late", "rerouted_after_payment", err);
	a.pharmacy_id = event_str(e, "pharmacy_id");
	a.pharmacy_name = event_str(e, "pharmacy_name");
	if (db_exec(e->db, pharmacy_sql, err, P_UUID(a.id), P_TEXT(a.pharmacy_id), P_TEXT(a.pharmacy_name)) < 0 ||
	    attempts_leave(e->db, &a, err) < 0)
		return -1;
	return claim_again(e->db, &a, "pharmacy_selected", err);
}

int
payment_completed(struct event *e, struct problem *err)
{
	struct adjudication a;
	bool found;

	if (adjudication_of(e->db, event_uuid(e, "prescription_id"), true, &a, &found, err) < 0)
		return -1;
	return found && db_exec(e->db, paid_sql, err, P_UUID(a.id)) < 0 ? -1 : 0;
}

/* A prescription that was taken back: nobody need run after its claim any more. What is not sent yet never is: its job looks. */
int
prescription_moved(struct event *e, struct problem *err)
{
	static const char *const kinds[] = { "adjudication.rejected", "adjudication.prior_auth", "adjudication.no_result" };
	struct adjudication a;
	bool found;

	if (strcmp(event_str(e, "to"), "cancelled") != 0)
		return 0;
	if (adjudication_of(e->db, event_uuid(e, "prescription_id"), true, &a, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (let_person(e->db, &a, kinds[i], err) < 0)
			return -1;
	return prior_auth_withdraw(e->db, &a, err);
}

/* Staff has a claim made anew. Who says from which claim asks once; while one is under way it is the answer. */
int
readjudicate(struct req *r, struct problem *err)
{
	struct adjudication a;
	struct json_writer *w;
	bool found;

	req_object(r, "prescriptions", req_uuid(r, "id"));
	if (adjudication_of(r->db, req_uuid(r, "id"), true, &a, &found, err) < 0)
		return -1;
	if (!found)
		return problem(err, 404, "not_found", "this prescription was never adjudicated");
	if (!adjudication_is(&a, "queued") && !adjudication_is(&a, "sending") && a.claim <= req_int(r, "claim", a.claim)) {
		if (a.paid)
			return problem(err, 409, "already_paid", "the patient has paid; the figures stand");
		if (adjudication_is(&a, "prior_auth_required"))
			return problem(err, 409, "prior_auth_open", "the prior authorisation decides");
		if (adjudication_is(&a, "claimed") && !a.late)
			return problem(err, 409, "claim_in_progress", "the pharmacy works on the claim");
		if (claim_again(r->db, &a, req_opt_str(r, "reason") != NULL ? req_str(r, "reason") : "staff", err) < 0)
			return -1;
	}
	w = reply_json(r, 202);
	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", a.prescription);
	jw_uuid(w, "adjudication_id", a.id);
	jw_int(w, "claim", a.claim);
	jw_str(w, "status", a.status);
	jw_end(w);
	return 0;
}

/* ---- the job that makes it */

static json_t *
ask_for(struct job *j, const char *service, const char *format, struct uuid id, struct problem *err)
{
	struct peer_reply reply;
	char text[UUID_TEXT];

	uuid_text(id, text);
	if (job_ask(j,
		&(struct peer_call){ .service = service,
		    .method = "GET",
		    .path =
			arena_printf(j->arena, "%s%s%s", format, text, strcmp(service, "prescription") == 0 ? "/details" : "") },
		&reply, err) < 0)
		return NULL;
	if (reply.body == NULL)
		(void)problem(err, 502, "bad_reply", "%s answered without a body", service);
	return reply.body;
}

static json_t *
reserve(struct job *j, const struct adjudication *a, const json_t *rx, const json_t *insurance, struct problem *err)
{
	int age = age_on(json_text_at(rx, "patient.birthDate"), clock_us());
	struct buf b = buf_in(j->arena, 4096);
	struct peer_reply reply;
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", a->prescription);
	jw_uuid(&w, "patient_id", a->patient);
	jw_int(&w, "claim", a->claim);
	jw_str(&w, "ndc", json_text_at(rx, "medication.ndc"));
	jw_str(&w, "insurance_type", json_text_at(insurance, "plan_type"));
	jw_opt_str(&w, "bin", json_text_at(insurance, "bin"));
	jw_opt_int(&w, "age", age >= 0, age);
	jw_end(&w);
	if (job_ask(j,
		&(struct peer_call){
		    .service = "program", .method = "POST", .path = "/api/v1/programs/reservations", .body = b.data },
		&reply, err) < 0)
		return NULL;
	return reply.body != NULL ? reply.body : json_null();
}

static int
intend(struct job *j, struct adjudication *a, const json_t *rx, const json_t *insurance, const json_t *reservation,
    struct problem *err)
{
	const char *type = json_text_at(insurance, "plan_type");
	int64_t most = 0;

	a->insurance_type = type;
	a->program_id = json_text_at(reservation, "program.program_id");
	a->program_name = json_text_at(reservation, "program.program_name");
	if (a->program_id != NULL && money_of(json_object_get(reservation, "max_discount"), &most) < 0)
		return problem(err, 502, "bad_reply", "the program's limit is no amount");
	a->max_discount = most;
	if (db_exec(j->db, offered_sql, err, P_UUID(a->id), P_TEXT(type), P_TEXT(a->program_id), P_TEXT(a->program_name),
		a->program_id != NULL ? P_INT(most) : P_NULL) < 0 ||
	    effect_intend(j->db,
		&(struct effect_request){ .kind = "pharmacy.claim",
		    .subject = a->id,
		    .patient = a->patient,
		    .generation = (int)a->claim,
		    .method = "POST",
		    .path = "/v1/claims",
		    .content_type = "application/json",
		    .body = claim_body(j->arena, a, rx, insurance, reservation) },
		err) < 0 ||
	    attempt_sent(j->db, a, err) < 0)
		return -1;
	return adjudication_move(j->db, a, "sending", NULL, err);
}

static bool
dead(const json_t *rx)
{
	const char *status = json_text_at(rx, "status");

	return status != NULL &&
	    (strcmp(status, "cancelled") == 0 || strcmp(status, "denied") == 0 || strcmp(status, "completed") == 0);
}

static bool
wanted(const struct job *j, const struct adjudication *a)
{
	return adjudication_is(a, "queued") && a->claim == job_int(j, "claim");
}

int
claim_job(struct job *j, struct problem *err)
{
	json_t *rx, *insurance, *reservation;
	struct adjudication a;

	if (job_read(j, err) < 0 || adjudication_load(j->db, job_uuid(j, "id"), false, &a, err) < 0 || job_read_end(j, err) < 0)
		return -1;
	if (!wanted(j, &a))
		return 0;
	if ((rx = ask_for(j, "prescription", "/prescriptions/", a.prescription, err)) == NULL ||
	    (insurance = ask_for(j, "enrollment", "/api/v1/enrollment/insurance/", a.prescription, err)) == NULL)
		return -1;
	if (dead(rx)) {
		if (job_begin(j, err) < 0 || adjudication_load(j->db, job_uuid(j, "id"), true, &a, err) < 0 ||
		    (wanted(j, &a) && adjudication_move(j->db, &a, "manual", "prescription_ended", err) < 0))
			return -1;
		return job_end(j, err);
	}
	if ((reservation = reserve(j, &a, rx, insurance, err)) == NULL)
		return -1;
	if (job_begin(j, err) < 0 || adjudication_load(j->db, job_uuid(j, "id"), true, &a, err) < 0)
		return -1;
	if (wanted(j, &a) && intend(j, &a, rx, insurance, reservation, err) < 0)
		return -1;
	return job_end(j, err);
}

/* What a claim needs cannot be had; the job's own work item says why and can be retried. */
int
claim_buried(struct job *j, struct problem *err)
{
	struct adjudication a;

	if (adjudication_load(j->db, job_uuid(j, "id"), true, &a, err) < 0)
		return -1;
	return wanted(j, &a) ? adjudication_move(j->db, &a, "manual", "claim_not_made", err) : 0;
}

/* A pharmacy that took a claim and never says what came of it. */
int
overdue_job(struct job *j, struct problem *err)
{
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, overdue_sql, err, P_INT(conf_int(j->conf, "CLAIM_DEADLINE"))) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		struct adjudication a;

		if (adjudication_load(j->db, row_uuid(rows_at(rows, i), "id"), false, &a, err) < 0 ||
		    call_person(j->db, &a, "adjudication.no_result", "no_result", err) < 0)
			return -1;
	}
	return job_end(j, err);
}
