/*
 * hold.c: what a patient agreed to, card and price, from the day of the intake until the case is decided (I-PAY-02, Y-DB-07).
 * A declined card keeps its hold: nothing was delivered, the patient may bring another.
 */
#include "orchestrator/orchestrator.h"

static const char insert_sql[] =
	"INSERT INTO payment_holds (id, submission_id, patient_id, intake_id, setup_intent_id, platform, intake_type, state,"
	" plan_id, amount_cents, currency) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, upper($11)) ON CONFLICT DO NOTHING";
static const char find_sql[] =
	"SELECT id, patient_id, setup_intent_id, platform, intake_type, state, amount_cents, currency, status FROM payment_holds"
	" WHERE submission_id = $1";
static const char end_sql[] =
	"UPDATE payment_holds SET status = $2, version = version + 1, updated_at = now()"
	" WHERE submission_id = $1 AND status = 'active' RETURNING id";

static const char again_sql[] =
	"UPDATE payment_holds SET status = 'active', version = version + 1, updated_at = now()"
	" WHERE submission_id = $1 AND status = 'charged' RETURNING id";

int
hold_of_case(struct db *db, struct uuid submission, struct hold *h, bool *found, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, find_sql, err, P_UUID(submission)) < 0)
		return -1;
	*found = w != NULL;
	if (w == NULL)
		return 0;
	h->id = row_uuid(w, "id");
	h->patient_id = row_uuid(w, "patient_id");
	h->setup_intent_id = row_uuid(w, "setup_intent_id");
	h->platform = row_str(w, "platform");
	h->intake_type = row_str(w, "intake_type");
	h->state = row_str(w, "state");
	h->amount_cents = row_int(w, "amount_cents");
	h->currency = row_str(w, "currency");
	h->status = row_str(w, "status");
	return 0;
}

static int
moved(struct db *db, const struct row *w, const char *from, const char *to, struct problem *err)
{
	char id[UUID_TEXT];

	if (w == NULL)
		return 0;
	return audit_add(db, &(struct audit_entry){ .action = "hold.status", .object = "payment_holds",
	    .object_id = uuid_text(row_uuid(w, "id"), id),
	    .detail = arena_printf(db_current_arena(db), "{\"from\":\"%s\",\"to\":\"%s\"}", from, to) }, err);
}

int
hold_end(struct db *db, struct uuid submission, const char *status, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, end_sql, err, P_UUID(submission), P_TEXT(status)) < 0)
		return -1;
	return moved(db, w, "active", status, err);
}

int
hold_again(struct db *db, struct uuid submission, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, again_sql, err, P_UUID(submission)) < 0)
		return -1;
	return moved(db, w, "charged", "active", err);
}

int
on_intake_submitted(struct event *e, struct problem *err)
{
	return db_exec(e->db, insert_sql, err, P_UUID(uuid_new()), P_UUID(event_uuid(e, "submissionId")),
	    P_UUID(event_uuid(e, "patientId")), P_UUID(event_uuid(e, "intakeId")), P_UUID(event_uuid(e, "setupIntentId")),
	    P_TEXT(event_str(e, "platform")), P_TEXT(event_str(e, "intakeType")), P_TEXT(event_str(e, "state")),
	    P_TEXT(event_str(e, "planId")), P_INT(event_int(e, "amountCents")), P_TEXT(event_str(e, "currency"))) < 0 ? -1 : 0;
}
