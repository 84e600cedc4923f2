/*
 * event.c: outcomes that a run waits for, however they arrive. Each is written to the run first and then told to the saga, which
 * ignores what it does not wait for; so events may be doubled or late.
 */
#include "orchestrator/orchestrator.h"

/* A payment's last word stays; an outcome that arrives late does not undo it. */
static const char payment_sql[] =
	"UPDATE orchestration_runs SET payment_status = $2, updated_at = now() WHERE id = $1"
	" AND coalesce(payment_status, '') NOT IN ('captured', 'cancelled', 'failed')";
static const char rx_sql[] =
	"UPDATE orchestration_runs SET rx_status = $2, updated_at = now() WHERE id = $1"
	" AND coalesce(rx_status, '') NOT IN ('delivered', 'cancelled', 'rejected')";
static const char note_sql[] = "UPDATE orchestration_runs SET note_id = $2, updated_at = now() WHERE id = $1";
static const char shipment_sql[] =
	"UPDATE orchestration_runs SET shipment_id = $2, shipment_status = $3, tracking_number = coalesce($4, tracking_number),"
	" updated_at = now()"
	" WHERE id = $1";

enum meaning { NEWS, OK, REFUSED, PARK };

static const struct outcome {
	const char *status;
	const char *step;
	enum meaning meaning;
} payment_outcomes[] = {
	{ "authorized", "authorise", OK },
	{ "failed", "authorise", REFUSED },
	{ "captured", "charge", OK },
	{ "cancelled", NULL, NEWS },
	{ "manual", NULL, PARK },
}, rx_outcomes[] = {
	{ "accepted", "submit_rx", OK },
	{ "shipped", "submit_rx", OK },		/* the acceptance itself got lost */
	{ "delivered", "submit_rx", OK },
	{ "rejected", "submit_rx", REFUSED },
	{ "cancelled", NULL, PARK },
	{ "manual", NULL, PARK },
};

static const struct outcome *
find(const struct outcome *table, size_t n, const char *status)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].status, status) == 0)
			return &table[i];
	return NULL;
}

/* The saga before the run: the engine locks in that order too. A run parked for want of an outcome goes on when it comes. */
static int
settle(struct db *db, const struct run *run, const struct outcome *o, const char *code, struct problem *err)
{
	bool moved;

	if (o->meaning == NEWS)
		return 0;
	if (o->meaning == PARK)
		return strcmp(run->status, "running") == 0 ? run_move(db, run, "manual", code, &moved, err) : 0;
	if (saga_resume(db, PRESCRIPTION, run->id, o->step, o->meaning == OK, code, NULL, err) < 0)
		return -1;
	return strcmp(run->status, "manual") == 0 ? run_move(db, run, "running", NULL, &moved, err) : 0;
}

int
outcome_payment(struct db *db, struct uuid id, const char *status, const char *code, struct problem *err)
{
	const struct outcome *o = find(payment_outcomes, COUNT(payment_outcomes), status);
	struct run run;

	if (o == NULL)
		return 0;
	if (code == NULL && o->meaning == REFUSED)
		code = "card_declined";
	if (code == NULL && o->meaning == PARK)
		code = "payment_manual";
	if (run_load(db, id, &run, err) < 0 || settle(db, &run, o, code, err) < 0 ||
	    db_exec(db, payment_sql, err, P_UUID(id), P_TEXT(status)) < 0)
		return -1;
	return strcmp(status, "captured") == 0 ? hold_end(db, run.submission_id, "charged", err) : 0;
}

int
outcome_rx(struct db *db, struct uuid id, const char *status, const char *reason, struct problem *err)
{
	const struct outcome *o = find(rx_outcomes, COUNT(rx_outcomes), status);
	struct run run;

	if (o == NULL)
		return 0;
	if (reason == NULL && o->meaning == REFUSED)
		reason = "pharmacy_rejected";
	if (reason == NULL && o->meaning == PARK)
		reason = arena_printf(db_current_arena(db), "pharmacy_%s", status);
	if (run_load(db, id, &run, err) < 0 || settle(db, &run, o, reason, err) < 0)
		return -1;
	return db_exec(db, rx_sql, err, P_UUID(id), P_TEXT(status)) < 0 ? -1 : 0;
}

static const char *
optional(const char *s)
{
	return *s == '\0' ? NULL : s;
}

int
on_payment(struct event *e, struct problem *err)
{
	const char *status = strchr(e->topic, '.');

	return outcome_payment(e->db, event_uuid(e, "runId"), status == NULL ? "" : status + 1,
	    optional(event_str(e, "code")), err);
}

int
on_rx_updated(struct event *e, struct problem *err)
{
	const char *status = event_str(e, "status"), *reason = optional(event_str(e, "reason"));
	struct run run;

	if (run_load(e->db, event_uuid(e, "externalId"), &run, err) < 0 ||
	    sync_log(e->db, &run, &(struct sync_entry){ .system = event_str(e, "pharmacy"), .direction = "in", .action = "status",
	    .outcome = status, .external_id = optional(event_str(e, "routerSubmissionId")), .detail = reason }, err) < 0)
		return -1;
	return outcome_rx(e->db, run.id, status, reason, err);
}

int
on_note_created(struct event *e, struct problem *err)
{
	struct run run;

	if (run_load(e->db, event_uuid(e, "runId"), &run, err) < 0 ||
	    db_exec(e->db, note_sql, err, P_UUID(run.id), P_TEXT(event_str(e, "noteId"))) < 0)
		return -1;
	return sync_log(e->db, &run, &(struct sync_entry){ .system = "canvas", .direction = "in", .action = "note",
	    .outcome = "filed", .external_id = optional(event_str(e, "noteId")) }, err);
}

int
on_shipment_updated(struct event *e, struct problem *err)
{
	return db_exec(e->db, shipment_sql, err, P_UUID(event_uuid(e, "externalId")), P_UUID(event_uuid(e, "shipmentId")),
	    P_TEXT(event_str(e, "status")), P_TEXT(optional(event_str(e, "trackingNumber")))) < 0 ? -1 : 0;
}
