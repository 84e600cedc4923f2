/*
 * event.c: outcomes that a run waits for, however they arrive. Each is written to the run first and then told to the saga, which
 * ignores what it does not wait for; so events may be doubled or late.
 */
#include "orchestrator/orchestrator.h"

/* A payment's last word stays; an outcome that arrives late does not undo it. A refund comes after it. */
static const char payment_sql[] =
	"UPDATE orchestration_runs SET payment_status = $2, updated_at = now() WHERE id = $1"
	" AND (coalesce(payment_status, '') NOT IN ('captured', 'cancelled', 'failed', 'refunded')"
	"  OR ($2 = 'refunded' AND payment_status = 'captured'))";
static const char rx_sql[] =
	"UPDATE orchestration_runs SET rx_status = $2, updated_at = now() WHERE id = $1"
	" AND coalesce(rx_status, '') NOT IN ('delivered', 'cancelled', 'rejected')";
static const char note_sql[] = "UPDATE orchestration_runs SET note_id = $2, updated_at = now() WHERE id = $1";
static const char shipment_sql[] =
	"UPDATE orchestration_runs SET shipment_id = $2, shipment_status = $3, tracking_number = coalesce($4, tracking_number),"
	" updated_at = now()"
	" WHERE id = $1";

/* What an outcome says to a step: it is done, it failed, it needs a person; its undo is done, its undo cannot be done; what it achieved
 * is gone. NEWS: nothing but the run's row. */
enum meaning { NEWS, DONE, FAILED, PARKED, UNDONE, NOT_UNDONE, GONE };

/* An outcome may speak to several steps; each is heard only by a step that waits for it. */
static const struct outcome {
	const char *status;
	enum meaning meaning;
	const char *step;
} payment_outcomes[] = {
	{ "authorized", DONE, "authorise" },
	{ "authorized", DONE, "authorise_held" },
	{ "failed", FAILED, "authorise" },
	{ "failed", FAILED, "authorise_held" },
	{ "captured", DONE, "charge" },
	{ "cancelled", UNDONE, "authorise" },
	{ "cancelled", UNDONE, "authorise_held" },
	{ "cancelled", FAILED, "charge" },	/* the authorisation expired before it was captured */
	{ "refunded", UNDONE, "charge" },
	{ "manual", PARKED, "authorise" },
	{ "manual", PARKED, "authorise_held" },
	{ "manual", PARKED, "charge" },
	{ "manual", NOT_UNDONE, "authorise" },
	{ "manual", NOT_UNDONE, "authorise_held" },
	{ "manual", NOT_UNDONE, "charge" },
}, rx_outcomes[] = {
	{ "accepted", DONE, "submit_rx" },
	{ "shipped", DONE, "submit_rx" },	/* the acceptance itself got lost */
	{ "shipped", NOT_UNDONE, "submit_rx" },
	{ "delivered", DONE, "submit_rx" },
	{ "delivered", NOT_UNDONE, "submit_rx" },
	{ "rejected", FAILED, "submit_rx" },
	{ "rejected", UNDONE, "submit_rx" },
	{ "rejected", GONE, "submit_rx" },
	{ "cancelled", FAILED, "submit_rx" },
	{ "cancelled", UNDONE, "submit_rx" },
	{ "cancelled", GONE, "submit_rx" },
	{ "manual", PARKED, "submit_rx" },
	{ "cancel_pending", NEWS, NULL },
}, shipment_outcomes[] = {
	{ "voided", UNDONE, "create_shipment" },
	{ "manual", NOT_UNDONE, "create_shipment" },
	{ "shipped", NOT_UNDONE, "create_shipment" },
	{ "in_transit", NOT_UNDONE, "create_shipment" },
	{ "delivered", NOT_UNDONE, "create_shipment" },
};

static int
say(struct db *db, struct uuid run, const struct outcome *o, const char *code, struct problem *err)
{
	switch (o->meaning) {
	case DONE:
		return saga_resume(db, PRESCRIPTION, run, o->step, true, NULL, NULL, err);
	case FAILED:
		return saga_resume(db, PRESCRIPTION, run, o->step, false, code, NULL, err);
	case PARKED:
		return saga_park(db, PRESCRIPTION, run, o->step, code, err);
	case UNDONE:
		return saga_undone(db, PRESCRIPTION, run, o->step, true, NULL, err);
	case NOT_UNDONE:
		return saga_undone(db, PRESCRIPTION, run, o->step, false, code, err);
	case GONE:
		return saga_turn_back(db, PRESCRIPTION, run, o->step, code, err);
	case NEWS:
		break;
	}
	return 0;
}

/* *known false: the status says nothing to anybody. The saga before the run's row: the engine locks in that order too. */
static int
tell_saga(struct db *db, struct uuid run, const struct outcome *table, size_t n, const char *status, const char *code, bool *known,
    struct problem *err)
{
	*known = false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(table[i].status, status) != 0)
			continue;
		*known = true;
		if (say(db, run, &table[i], code, err) < 0)
			return -1;
	}
	return 0;
}

int
outcome_payment(struct db *db, struct uuid id, const char *status, const char *code, struct problem *err)
{
	struct run run;
	bool known;

	if (code == NULL)
		code = strcmp(status, "failed") == 0 ? "card_declined" : strcmp(status, "cancelled") == 0 ? "authorisation_lost" :
		    "payment_manual";
	if (tell_saga(db, id, payment_outcomes, COUNT(payment_outcomes), status, code, &known, err) < 0)
		return -1;
	if (!known)
		return 0;
	if (run_load(db, id, &run, err) < 0 || db_exec(db, payment_sql, err, P_UUID(id), P_TEXT(status)) < 0)
		return -1;
	return strcmp(status, "captured") == 0 ? hold_end(db, run.submission_id, "charged", err) : 0;
}

int
outcome_rx(struct db *db, struct uuid id, const char *status, const char *reason, struct problem *err)
{
	bool known;

	if (reason == NULL)
		reason = arena_printf(db_current_arena(db), "pharmacy_%s", status);
	if (tell_saga(db, id, rx_outcomes, COUNT(rx_outcomes), status, reason, &known, err) < 0)
		return -1;
	return known && db_exec(db, rx_sql, err, P_UUID(id), P_TEXT(status)) < 0 ? -1 : 0;
}

int
outcome_shipment(struct db *db, struct uuid id, const char *status, const char *reason, struct problem *err)
{
	bool known;

	if (reason == NULL)
		reason = arena_printf(db_current_arena(db), "parcel_%s", status);
	return tell_saga(db, id, shipment_outcomes, COUNT(shipment_outcomes), status, reason, &known, err);
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

	if (run_load(e->db, event_uuid(e, "externalId"), &run, err) < 0) {
		if (err->status != 404)
			return -1;
		problem_clear(err);	/* an order, which no run of ours asked for */
		return 0;
	}
	if (sync_log(e->db, &run, &(struct sync_entry){ .system = event_str(e, "pharmacy"), .direction = "in", .action = "status",
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
	struct uuid run = event_uuid(e, "externalId");
	const char *status = event_str(e, "status");

	if (outcome_shipment(e->db, run, status, optional(event_str(e, "reason")), err) < 0)
		return -1;
	return db_exec(e->db, shipment_sql, err, P_UUID(run), P_UUID(event_uuid(e, "shipmentId")), P_TEXT(status),
	    P_TEXT(optional(event_str(e, "trackingNumber")))) < 0 ? -1 : 0;
}
