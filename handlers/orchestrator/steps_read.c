/*
 * steps_read.c: the steps that only read. What they find is kept with the run: it is decided once and not asked again when a run
 * resumes.
 */
#include "orchestrator/orchestrator.h"

static const char patient_sql[] = "UPDATE orchestration_runs SET patient_enc = $2, updated_at = now() WHERE id = $1";
static const char prescriber_sql[] = "UPDATE orchestration_runs SET prescriber = $2::jsonb, updated_at = now() WHERE id = $1";
static const char pharmacy_sql[] =
	"UPDATE orchestration_runs SET pharmacy = $2, pharmacy_reason = $3, own_shipping = $4, money_order = $5, updated_at = now() WHERE id = $1";

static const char *
text(const json_t *o, const char *path)
{
	const char *s = json_text_at(o, path);

	return s == NULL ? "" : s;
}

static bool
names(const json_t *o, const char *path, struct uuid id)
{
	struct uuid named;
	const char *s = json_text_at(o, path);

	return s != NULL && uuid_parse(s, &named) == 0 && uuid_equal(named, id);
}

/* ---- 1 medication_config */

int
medication_config_do(struct saga *s, struct problem *err)
{
	struct medication m;
	struct run run;
	bool found;

	if (record_begin(s, "medication_config", err) < 0 || step_run(s, &run, err) < 0 ||
	    medication_find(s->db, saga_str(s, "intakeType"), run.medication, run.dosage, &m, &found, err) < 0)
		return -1;
	if (!found)
		return problem(err, 422, "unknown_medication", "no such medication and dosage for this intake");
	saga_put(s, "sku", json_string(m.sku));
	saga_put(s, "ndc", json_string(m.ndc));
	saga_put(s, "quantity", json_integer(m.quantity));
	saga_put(s, "supplyDays", json_integer(m.supply_days));
	saga_put(s, "refills", json_integer(m.refills));
	saga_put(s, "directions", json_string(m.directions));
	return record_result(s, "medication_config", arena_printf(s->arena, "{\"sku\":\"%s\",\"amountCents\":%" PRId64 "}", m.sku,
	    run.amount_cents), err);
}

/* ---- 2 patient_lookup */

int
patient_lookup_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;
	char id[UUID_TEXT];

	if (record_begin(s, "patient_lookup", err) < 0 || step_run(s, &run, err) < 0)
		return -1;
	call->service = "intake";
	call->method = "GET";
	call->path = arena_printf(s->arena, "/intake/submissions/%s", uuid_text(run.submission_id, id));
	call->patient = run.patient_id;
	return 0;
}

int
patient_lookup_take(struct saga *s, const json_t *reply, struct problem *err)
{
	json_t *patient = json_object_get(reply, "patient");
	struct bytes sealed;
	struct run run;
	char *plain;

	if (step_run(s, &run, err) < 0)
		return -1;
	if (!names(reply, "patientId", run.patient_id) || !names(reply, "submissionId", run.submission_id) ||
	    !json_is_object(patient))
		return problem(err, 409, "patient_mismatch", "the submission is another patient's");
	if (strcmp(text(patient, "address.state"), saga_str(s, "state")) != 0)
		return problem(err, 409, "state_mismatch", "the address is in another state than the case");
	plain = json_dumps(patient, JSON_COMPACT);
	if (plain == NULL)
		return problem(err, 500, "patient_unreadable", "the submission could not be kept");
	arena_defer(s->arena, free, plain);
	if (vault_seal(s->db, run.patient_id, "orchestration_runs", "patient_enc", run.id, BYTES_OF(plain), &sealed, err) < 0)
		return -1;
	return db_exec(s->db, patient_sql, err, P_UUID(run.id), P_BYTES(sealed)) < 0 ? -1 : 0;
}

/* ---- 3 resolve_prescriber: the claimant, licensed where the patient is; never anybody else (decision C21) */

int
verify_claim_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;
	char id[UUID_TEXT];

	if (record_begin(s, "verify_claim", err) < 0 || step_run(s, &run, err) < 0)
		return -1;
	call->service = "registry";
	call->method = "GET";
	call->path = arena_printf(s->arena, "/route/assignments/%s", uuid_text(run.assignment_id, id));
	return 0;
}

int
verify_claim_take(struct saga *s, const json_t *reply, struct problem *err)
{
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	if (!names(reply, "submissionId", run.submission_id))
		return problem(err, 409, "assignment_mismatch", "the assignment is another case's");
	if (!names(reply, "claimedBy", run.practitioner_id))
		return problem(err, 409, "not_the_claimant", "the case is not claimed by who approved it");
	return 0;
}

int
verify_licence_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;
	char id[UUID_TEXT];

	if (step_run(s, &run, err) < 0)
		return -1;
	call->service = "registry";
	call->method = "GET";
	call->path = arena_printf(s->arena, "/physicians/%s/verify-license?state=%s", uuid_text(run.practitioner_id, id),
	    saga_str(s, "state"));
	return 0;
}

int
verify_licence_take(struct saga *s, const json_t *reply, struct problem *err)
{
	if (!json_is_true(json_object_get(reply, "licensed")))
		return problem(err, 409, "prescriber_not_licensed", "the physician holds no licence in %s", saga_str(s, "state"));
	saga_put(s, "licenseNumber", json_string(text(reply, "licenseNumber")));
	return 0;
}

int
resolve_prescriber_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;
	char id[UUID_TEXT];

	if (step_run(s, &run, err) < 0)
		return -1;
	call->service = "registry";
	call->method = "GET";
	call->path = arena_printf(s->arena, "/physicians/%s", uuid_text(run.practitioner_id, id));
	return 0;
}

int
resolve_prescriber_take(struct saga *s, const json_t *reply, struct problem *err)
{
	const char *licence = saga_str(s, "licenseNumber"), *npi = json_text_at(reply, "npi");
	struct buf b = buf_in(s->arena, 2048);
	struct json_writer w;

	if (npi == NULL || strlen(npi) != 10)
		return problem(err, 409, "prescriber_without_npi", "the physician has no NPI");
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "npi", npi);
	jw_str(&w, "name", text(reply, "name"));
	if (*licence != '\0')
		jw_str(&w, "licenseNumber", licence);
	jw_str(&w, "state", saga_str(s, "state"));
	jw_end(&w);
	if (db_exec(s->db, prescriber_sql, err, P_UUID(s->subject), P_TEXT(b.data)) < 0)
		return -1;
	return record_result(s, "resolve_prescriber", b.data, err);
}

/* ---- 4 route_pharmacy */

int
route_pharmacy_plan(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct buf b = buf_in(s->arena, 2048);
	struct json_writer w;
	struct run run;

	if (record_begin(s, "route_pharmacy", err) < 0 || step_run(s, &run, err) < 0)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "state", saga_str(s, "state"));
	jw_str(&w, "platform", saga_str(s, "platform"));
	jw_str(&w, "medication", run.medication);
	jw_end(&w);
	call->service = "router";
	call->method = "POST";
	call->path = "/rx/route";
	call->body = b.data;
	return 0;
}

int
route_pharmacy_take(struct saga *s, const json_t *reply, struct problem *err)
{
	const char *pharmacy = json_text_at(reply, "pharmacy"), *reason = text(reply, "reason");
	bool own = json_is_true(json_object_get(reply, "ownShipping")), held = json_is_true(json_object_get(reply, "holds"));
	const char *order = held ? "hold_first" : "authorise_first";
	struct buf b = buf_in(s->arena, 1024);
	struct json_writer w;

	if (pharmacy == NULL)
		return problem(err, 409, "no_pharmacy", "the router named no pharmacy");
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "pharmacy", pharmacy);
	jw_str(&w, "reason", reason);
	jw_bool(&w, "ownShipping", own);
	jw_str(&w, "moneyOrder", order);
	jw_end(&w);
	if (db_exec(s->db, pharmacy_sql, err, P_UUID(s->subject), P_TEXT(pharmacy), P_TEXT(reason), P_BOOL(own),
	    P_TEXT(order)) < 0)
		return -1;
	return record_result(s, "route_pharmacy", b.data, err);
}
