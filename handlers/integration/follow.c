/*
 * follow.c: what happened after the decision, as the portals show it: the pharmacy's callbacks, the patient's parcels, how the run ended. The Canvas task
 * is closed when the case is decided.
 */
#include "data/attention.h"
#include "integration/integration.h"
#include "integration/webhook_out.h"

static const char callback_sql[] =
	"INSERT INTO pharmacy_updates (event_id, external_id, router_submission_id, status, tracking_number, tracking_url)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (event_id) DO NOTHING";
static const char shipments_sql[] =
	"SELECT shipment_id, submission_id, status, carrier, tracking_number, updated_at FROM patient_shipments WHERE patient_id = $1"
	" ORDER BY updated_at DESC LIMIT 100";
static const char shipment_sql[] =
	"INSERT INTO patient_shipments (shipment_id, patient_id, submission_id, status, carrier, tracking_number) VALUES ($1, $2, $3, $4, $5, $6)"
	" ON CONFLICT (shipment_id) DO UPDATE SET status = excluded.status, carrier = excluded.carrier,"
	" tracking_number = coalesce(excluded.tracking_number, patient_shipments.tracking_number), updated_at = now()";
static const char decided_sql[] =
	"UPDATE ehr_cases SET status = $2, run_id = $3, updated_at = now() WHERE submission_id = $1 AND status IN ('review', 'charted')";
static const char finished_sql[] =
	"UPDATE ehr_cases SET status = CASE WHEN $2 = 'completed' THEN 'finished' ELSE status END, run_state = $2, updated_at = now()"
	" WHERE submission_id = $1";
/* *closed: the decision had closed the task. Once per run. */
static const char again_sql[] =
	"UPDATE ehr_cases c SET status = CASE WHEN before.status IN ('approved', 'finished') THEN 'review' ELSE before.status END,"
	" attempt = before.attempt + 1, run_state = $3, updated_at = now()"
	" FROM (SELECT * FROM ehr_cases WHERE submission_id = $1 FOR UPDATE) before"
	" WHERE c.submission_id = before.submission_id AND (before.run_id IS NULL OR before.run_id = $2)"
	" RETURNING before.status IN ('approved', 'finished') AND before.task_id IS NOT NULL AS closed";

int
pharmacy_callback(struct req *r, struct problem *err)
{
	int64_t new;

	req_object_text(r, "pharmacy_updates", req_str(r, "eventId"));
	new = db_exec(r->db, callback_sql, err, P_TEXT(req_str(r, "eventId")), P_UUID(req_uuid(r, "externalId")), P_UUID(req_uuid(r, "submissionId")),
	    P_TEXT(req_str(r, "status")), P_TEXT(req_opt_str(r, "trackingNumber")), P_TEXT(req_opt_str(r, "trackingUrl")));
	if (new < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_bool(w, "duplicate", new == 0);
	jw_end(w);
	return 0;
}

int
shipments_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, shipments_sql, err, P_UUID(req_uuid(r, "patientId"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "shipments");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *s = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "shipmentId", row_uuid(s, "shipment_id"));
		jw_uuid(w, "submissionId", row_uuid(s, "submission_id"));
		jw_str(w, "status", row_str(s, "status"));
		jw_str(w, "carrier", row_str(s, "carrier"));
		jw_opt_str(w, "trackingNumber", row_opt_str(s, "tracking_number"));
		jw_time(w, "updatedAt", row_time(s, "updated_at"));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

static int
decided(struct event *e, struct problem *err)
{
	const char *outcome = event_str(e, "outcome");
	struct ehr_case c;

	if (db_exec(e->db, decided_sql, err, P_UUID(event_uuid(e, "submissionId")), P_TEXT(outcome), P_OPT_UUID(event_uuid(e, "runId"))) < 0 ||
	    ehr_case_load(e->db, event_uuid(e, "submissionId"), &c, err) < 0)
		return -1;
	if (c.task_id == NULL)
		return 0;
	if (attention_clear(e->db, "task.closed", c.task_id, outcome, err) < 0)
		return -1;
	return effect_intend(e->db, &(struct effect_request){ .kind = "canvas.task_close", .subject = c.submission_id, .patient = c.patient_id,
	    .generation = (int)c.attempt, .method = "PUT", .path = arena_printf(e->arena, "/Task/%s", c.task_id),
	    .content_type = "application/json",
	    .body = chart_task(e->arena, e->conf, &c, strcmp(outcome, "approved") == 0 ? "completed" : "cancelled") }, err);
}

static int
shipped(struct event *e, struct problem *err)
{
	const char *tracking = event_str(e, "trackingNumber");

	return db_exec(e->db, shipment_sql, err, P_UUID(event_uuid(e, "shipmentId")), P_UUID(event_uuid(e, "patientId")),
	    P_UUID(event_uuid(e, "submissionId")), P_TEXT(event_str(e, "status")), P_TEXT(event_str(e, "carrier")),
	    P_TEXT(*tracking == '\0' ? NULL : tracking)) < 0 ? -1 : 0;
}

/* The run failed or was taken back: the case waits for a decision again, and its task is open (X-SAGA-02). */
static int
open_again(struct event *e, struct problem *err)
{
	struct uuid submission = event_uuid(e, "submissionId");
	const struct row *w;
	struct ehr_case c;

	if (db_one(e->db, &w, again_sql, err, P_UUID(submission), P_UUID(event_uuid(e, "runId")), P_TEXT(event_str(e, "state"))) < 0)
		return -1;
	if (w == NULL || !row_bool(w, "closed"))
		return 0;
	if (ehr_case_load(e->db, submission, &c, err) < 0)
		return -1;
	return effect_intend(e->db, &(struct effect_request){ .kind = "canvas.task_reopen", .subject = submission, .patient = c.patient_id,
	    .generation = (int)c.attempt, .method = "PUT", .path = arena_printf(e->arena, "/Task/%s", c.task_id),
	    .content_type = "application/json", .body = chart_task(e->arena, e->conf, &c, "requested") }, err);
}

static int
finished(struct event *e, struct problem *err)
{
	const char *state = event_str(e, "state");

	if (strcmp(state, "failed") == 0 || strcmp(state, "compensated") == 0)
		return open_again(e, err);
	return db_exec(e->db, finished_sql, err, P_UUID(event_uuid(e, "submissionId")), P_TEXT(state)) < 0 ? -1 : 0;
}

/* ---- the rows of the table: our own rows first, then those outside who want to hear of it */

int
on_prescription_decided(struct event *e, struct problem *err)
{
	return decided(e, err) < 0 ? -1 : webhook_out_event(e, err);
}

int
on_shipment_updated(struct event *e, struct problem *err)
{
	return shipped(e, err) < 0 ? -1 : webhook_out_event(e, err);
}

int
on_orchestration_finished(struct event *e, struct problem *err)
{
	return finished(e, err) < 0 ? -1 : webhook_out_event(e, err);
}
