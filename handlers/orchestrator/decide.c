/*
 * decide.c: a physician approves or denies (Y-ORCH-U1). The EHR's task is the decision's name: whoever repeats it, alone or in
 * parallel, gets the first decision's run. Only when that run failed, or was taken back, a decision is a new one: the task's next
 * generation, with a run and so with keys of its own (rule M2). Nothing is called here; an approval starts the saga, a denial is
 * finished when it commits.
 */
#include "orchestrator/orchestrator.h"

static const char insert_sql[] =
	"INSERT INTO orchestration_runs (id, task_id, submission_id, patient_id, assignment_id, practitioner_id, decision, status,"
	" medication, dosage, amount_cents, currency, denial_enc, generation, finished_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11::bigint, 0), $12, $13, $14,"
	" CASE WHEN $7 = 'denied' THEN now() END)"
	" ON CONFLICT ON CONSTRAINT orchestration_runs_task DO NOTHING";
static const char created_sql[] = "INSERT INTO run_history (run_id, to_status) VALUES ($1, $2)";

static int
already(struct problem *err, const char *decision)
{
	return problem(err, 409, "already_decided", "the case was %s before", decision);
}

static int
reply_first(struct req *r, const struct run *run, const char *decision, struct problem *err)
{
	if (strcmp(run->decision, decision) != 0 || !uuid_equal(run->submission_id, req_uuid(r, "submissionId")))
		return already(err, run->decision);
	req_object(r, "orchestration_runs", run->id);
	return run_reply(r, 202, run, err);
}

int
publish_decided(struct db *db, const struct run *run, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 2048);
	struct json_writer w;

	run_event(&w, &b, run);
	jw_uuid(&w, "assignmentId", run->assignment_id);
	jw_uuid(&w, "physicianId", run->practitioner_id);
	jw_str(&w, "outcome", run->decision);
	jw_str(&w, "taskId", run->task_id);
	jw_end(&w);
	return event_publish(db, "prescription.decided", run->id, b.data, err);
}

/* *found: the task was decided before, by *first, and not in vain. A case that another task decided, and not in vain, is closed.
 * Else first->generation is that of the decision before this one. */
static int
find_first(struct req *r, struct run *first, bool *found, struct problem *err)
{
	struct run other;
	bool decided;

	if (run_of_task(r->db, req_str(r, "taskId"), first, found, err) < 0)
		return -1;
	if (*found && !run_is_over(first))
		return 0;
	if (!*found)
		first->generation = 0;
	*found = false;
	if (run_of_case(r->db, req_uuid(r, "submissionId"), &other, &decided, err) < 0)
		return -1;
	if (!decided || run_is_over(&other))
		return 0;
	if (strcmp(other.task_id, req_str(r, "taskId")) != 0)
		return already(err, other.decision);
	*first = other;		/* committed between the two looks */
	*found = true;
	return 0;
}

/* 1: this is the first decision of its task; 0: it was decided before. */
static int64_t
insert(struct req *r, struct run *run, struct bytes denial, struct problem *err)
{
	int64_t new = db_exec(r->db, insert_sql, err, P_UUID(run->id), P_TEXT(req_str(r, "taskId")),
	    P_UUID(req_uuid(r, "submissionId")), P_UUID(req_uuid(r, "patientId")), P_UUID(req_uuid(r, "assignmentId")),
	    P_UUID(req_uuid(r, "practitionerId")), P_TEXT(run->decision), P_TEXT(run->status), P_TEXT(run->medication),
	    P_TEXT(run->dosage), P_INT(run->amount_cents), P_TEXT(run->currency), P_BYTES(denial),
	    P_INT(run->generation));

	/* Somebody decides this case at the same moment, perhaps by the same task: the second look tells which. */
	if (new < 0 && db_violates(err, "orchestration_runs_case"))
		return problem(err, 409, "serialization", "the case is being decided");
	if (new > 0 && db_exec(r->db, created_sql, err, P_UUID(run->id), P_TEXT(run->status)) < 0)
		return -1;
	return new;
}

/* The row as it is now: ours, or the first's when it won. */
static int
reply_stored(struct req *r, const char *decision, struct problem *err)
{
	struct run run;
	bool found;

	if (run_of_task(r->db, req_str(r, "taskId"), &run, &found, err) < 0)
		return -1;
	if (!found)
		return problem(err, 409, "serialization", "the run moved meanwhile");
	return reply_first(r, &run, decision, err);
}

/* ---- approve */

/* The case comes here by intake.submitted, which a service that was just killed may hear of after the physician did: not now is no
 * never. A denial waits for it too, or the card would be let go before it is known and held for ever after. */
static int
known_hold(struct req *r, struct hold *h, struct problem *err)
{
	bool found;

	if (hold_of_case(r->db, req_uuid(r, "submissionId"), h, &found, err) < 0)
		return -1;
	if (!found) {
		(void)problem(err, 503, "case_not_here_yet", "nothing is known of this case so far");
		err->retry_after = 2;
		return -1;
	}
	if (!uuid_equal(h->patient_id, req_uuid(r, "patientId")))
		return problem(err, 409, "hold_missing", "no saved card of this patient is known for this case");
	return 0;
}

static int
active_hold(struct req *r, struct hold *h, struct problem *err)
{
	if (known_hold(r, h, err) < 0)
		return -1;
	if (strcmp(h->status, "active") != 0)
		return problem(err, 409, "hold_not_active", "the case's saved card is %s", h->status);
	return 0;
}

/* A dearer dosage needs the patient's consent first (C22). An unknown one stops the run at its first step (Y-DB-11). */
static int
price(struct req *r, const struct hold *h, struct run *run, struct problem *err)
{
	struct medication m;
	bool found;

	if (medication_find(r->db, h->intake_type, run->medication, run->dosage, &m, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	if (strcmp(m.currency, h->currency) != 0)
		return problem(err, 422, "currency_mismatch", "the patient agreed to a price in %s", h->currency);
	if (m.price_cents > h->amount_cents)
		return problem(err, 422, "price_above_consent",
		    "the dosage costs %" PRId64 " cents, the patient agreed to %" PRId64, m.price_cents, h->amount_cents);
	run->amount_cents = m.price_cents;
	run->currency = m.currency;
	return 0;
}

static int
start(struct req *r, const struct run *run, const struct hold *h, struct problem *err)
{
	struct buf b = buf_in(r->arena, 2048);
	struct json_writer w;
	struct uuid saga;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "submissionId", req_uuid(r, "submissionId"));
	jw_uuid(&w, "setupIntentId", h->setup_intent_id);
	jw_str(&w, "platform", h->platform);
	jw_str(&w, "intakeType", h->intake_type);
	jw_str(&w, "state", h->state);
	jw_end(&w);
	return saga_start(r->db, PRESCRIPTION, run->id, b.data, &saga, err);
}

int
run_approve(struct req *r, struct problem *err)
{
	struct run run = { .id = uuid_new(), .decision = "approved", .status = "running",
	    .medication = req_str(r, "medication"), .dosage = req_str(r, "dosage") }, first;
	struct hold hold;
	int64_t new;
	bool found;

	if (find_first(r, &first, &found, err) < 0)
		return -1;
	if (found)
		return reply_first(r, &first, "approved", err);
	run.generation = first.generation + 1;
	if (active_hold(r, &hold, err) < 0 || price(r, &hold, &run, err) < 0)
		return -1;
	new = insert(r, &run, (struct bytes){ 0 }, err);
	if (new < 0 || (new > 0 && start(r, &run, &hold, err) < 0))
		return -1;
	return reply_stored(r, "approved", err);
}

/* ---- deny: nothing is charged, the card is let go, the patient hears, the physician is credited by the event */

int
run_deny(struct req *r, struct problem *err)
{
	struct run run = { .id = uuid_new(), .decision = "denied", .status = "denied" }, first;
	struct hold hold;
	struct bytes denial;
	int64_t new;
	bool found;

	if (find_first(r, &first, &found, err) < 0)
		return -1;
	if (found)
		return reply_first(r, &first, "denied", err);
	run.generation = first.generation + 1;
	if (known_hold(r, &hold, err) < 0)
		return -1;
	if (vault_seal(r->db, req_uuid(r, "patientId"), "orchestration_runs", "denial_enc", run.id, BYTES_OF(req_str(r, "reason")),
	    &denial, err) < 0)
		return -1;
	new = insert(r, &run, denial, err);
	if (new < 0)
		return -1;
	if (new > 0 && (run_load(r->db, run.id, &run, err) < 0 || hold_end(r->db, run.submission_id, "released", err) < 0 ||
	    publish_decided(r->db, &run, err) < 0 || notice_enqueue(r->db, run.id, "prescription_denied", err) < 0))
		return -1;
	return reply_stored(r, "denied", err);
}
