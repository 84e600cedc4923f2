/*
 * show.c: a run as people and portals read it (Y-PLAT-07): its steps in order, with start, end and result, and the two seven-step
 * views that the documents of the platform and of the integration service name (decision C5).
 */
#include "orchestrator/orchestrator.h"

static const char steps_sql[] =
	"SELECT name, state, reason, warning, result::text AS result, started_at, finished_at FROM run_steps"
	" WHERE run_id = $1 ORDER BY position";

struct view {
	const char *name;
	const char *step;
};
static const struct view platform_view[] = {
	{ "prescriber", "resolve_prescriber" }, { "pharmacy", "route_pharmacy" }, { "submit", "submit_rx" }, { "charge", "charge" },
	{ "notify", "notify" }, { "shipment", "create_shipment" }, { "refills", "schedule_refills" },
};
static const struct view integration_view[] = {
	{ "medicationConfig", "medication_config" }, { "patientLookup", "patient_lookup" },
	{ "prescriberRouting", "resolve_prescriber" }, { "pharmacyRouting", "route_pharmacy" }, { "pharmacySync", "submit_rx" },
	{ "payment", "charge" }, { "notification", "notify" },
};

static const char *
state_of(struct rows *steps, const char *name)
{
	for (size_t i = 0; i < rows_count(steps); i++)
		if (strcmp(row_str(rows_at(steps, i), "name"), name) == 0)
			return row_str(rows_at(steps, i), "state");
	return "pending";
}

static void
write_view(struct json_writer *w, const char *key, const struct view *view, size_t n, struct rows *steps)
{
	jw_array(w, key);
	for (size_t i = 0; i < n; i++) {
		jw_object(w, NULL);
		jw_str(w, "name", view[i].name);
		jw_str(w, "state", state_of(steps, view[i].step));
		jw_end(w);
	}
	jw_end(w);
}

static void
write_steps(struct json_writer *w, struct rows *steps)
{
	jw_array(w, "steps");
	for (size_t i = 0; i < rows_count(steps); i++) {
		const struct row *s = rows_at(steps, i);

		jw_object(w, NULL);
		jw_str(w, "name", row_str(s, "name"));
		jw_str(w, "state", row_str(s, "state"));
		jw_time(w, "startedAt", row_time(s, "started_at"));
		jw_time(w, "finishedAt", row_time(s, "finished_at"));
		jw_opt_str(w, "reason", row_opt_str(s, "reason"));
		jw_opt_str(w, "warning", row_opt_str(s, "warning"));
		if (!row_is_null(s, "result"))
			jw_raw(w, "result", row_str(s, "result"));
		jw_end(w);
	}
	jw_end(w);
}

/* completedSteps, warnings, errors: the run in short, as the decision's own answer has it. */
static void
write_summary(struct json_writer *w, struct rows *steps, const struct run *run)
{
	struct { const char *key, *column, *state; } lists[] = {
		{ "completedSteps", "name", "confirmed" }, { "warnings", "warning", NULL }, { "errors", "reason", "failed" },
	};

	for (size_t l = 0; l < COUNT(lists); l++) {
		jw_array(w, lists[l].key);
		for (size_t i = 0; i < rows_count(steps); i++) {
			const struct row *s = rows_at(steps, i);

			if (row_is_null(s, lists[l].column) ||
			    (lists[l].state != NULL && strcmp(row_str(s, "state"), lists[l].state) != 0))
				continue;
			/* A failure that is only a warning is no error. */
			if (strcmp(lists[l].key, "errors") == 0 && !row_is_null(s, "warning"))
				continue;
			jw_str(w, NULL, row_str(s, lists[l].column));
		}
		jw_end(w);
	}
	jw_opt_str(w, "reason", run->reason);
}

static void
write_run(struct json_writer *w, const struct run *run)
{
	jw_str(w, "taskId", run->task_id);
	jw_uuid(w, "submissionId", run->submission_id);
	jw_uuid(w, "patientId", run->patient_id);
	jw_uuid(w, "assignmentId", run->assignment_id);
	jw_uuid(w, "practitionerId", run->practitioner_id);
	jw_str(w, "decision", run->decision);
	jw_opt_str(w, "medication", run->medication);
	jw_opt_str(w, "dosage", run->dosage);
	jw_opt_int(w, "amountCents", run->amount_cents > 0, run->amount_cents);
	jw_opt_str(w, "currency", run->currency);
	jw_opt_str(w, "pharmacy", run->pharmacy);
	jw_opt_str(w, "pharmacyReason", run->pharmacy_reason);
	if (!uuid_is_nil(run->payment_id))
		jw_uuid(w, "paymentId", run->payment_id);
	jw_opt_str(w, "paymentStatus", run->payment_status);
	jw_opt_str(w, "rxStatus", run->rx_status);
	if (!uuid_is_nil(run->shipment_id))
		jw_uuid(w, "shipmentId", run->shipment_id);
	jw_opt_str(w, "shipmentStatus", run->shipment_status);
	jw_opt_str(w, "trackingNumber", run->tracking_number);
	jw_time(w, "createdAt", run->created_at);
	jw_time(w, "finishedAt", run->finished_at);
}

int
run_reply(struct req *r, int status, const struct run *run, struct problem *err)
{
	struct json_writer *w;
	struct rows *steps;

	if (db_all(r->db, &steps, steps_sql, err, P_UUID(run->id)) < 0)
		return -1;
	w = reply_json(r, status);
	jw_object(w, NULL);
	jw_uuid(w, "runId", run->id);
	jw_str(w, "status", run->status);
	write_summary(w, steps, run);
	if (status == 200) {
		write_run(w, run);
		write_steps(w, steps);
		jw_object(w, "views");
		write_view(w, "platform", platform_view, COUNT(platform_view), steps);
		write_view(w, "integration", integration_view, COUNT(integration_view), steps);
		jw_end(w);
	}
	jw_end(w);
	return 0;
}

int
run_show(struct req *r, struct problem *err)
{
	struct run run;

	if (run_load(r->db, req_uuid(r, "id"), &run, err) < 0)
		return -1;
	return run_reply(r, 200, &run, err);
}

int
run_find(struct req *r, struct problem *err)
{
	struct run run;
	bool found;

	if (run_of_case(r->db, req_uuid(r, "submissionId"), &run, &found, err) < 0)
		return -1;
	if (!found)
		return problem(err, 404, "not_found", "no run of that submission");
	return run_reply(r, 200, &run, err);
}
