/*
 * steps.c: the prescription saga as a table (decision C5, rule M6): what is only read comes first, so that a missing dosage,
 * prescriber or pharmacy fails before anything happened; then authorise, submit, and capture on acceptance. Where the pharmacy holds
 * what it was sent until it is released: submit, authorise, capture, release; no dispensing before the money either way.
 */
#include "orchestrator/orchestrator.h"

/* Outcomes come as events; the deadline only asks after those that got lost. */
#define ASK_AFTER_S 3600

static const struct saga_step steps[] = {
	{ "medication_config", LOCAL, .dry = true, .local = medication_config_do },
	{ "patient_lookup", CALL, .dry = true, .plan = patient_lookup_plan, .take = patient_lookup_take },
	{ "verify_claim", CALL, .dry = true, .plan = verify_claim_plan, .take = verify_claim_take },
	{ "verify_licence", CALL, .dry = true, .plan = verify_licence_plan, .take = verify_licence_take },
	{ "resolve_prescriber", CALL, .dry = true, .plan = resolve_prescriber_plan, .take = resolve_prescriber_take },
	{ "route_pharmacy", CALL, .dry = true, .plan = route_pharmacy_plan, .take = route_pharmacy_take },
	{ "authorise", AWAIT, .deadline_s = ASK_AFTER_S, .plan = authorise_plan, .take = authorise_take, .poll = payment_poll,
	    .polled = authorise_polled, .undo = authorise_undo, .undo_poll = payment_undo_poll, .undo_polled = payment_undo_polled },
	{ "submit_rx", AWAIT, .deadline_s = ASK_AFTER_S, .plan = submit_rx_plan, .take = submit_rx_take, .poll = submit_rx_poll,
	    .polled = submit_rx_polled, .undo = submit_rx_undo, .undo_poll = submit_rx_poll, .undo_polled = submit_rx_undo_polled },
	{ "hp_note", CALL, .warn_only = true, .plan = hp_note_plan, .undo = hp_note_undo },
	{ "authorise_held", AWAIT, .deadline_s = ASK_AFTER_S, .plan = authorise_held_plan, .take = authorise_take,
	    .poll = payment_poll, .polled = authorise_polled, .undo = authorise_undo, .undo_poll = payment_undo_poll,
	    .undo_polled = payment_undo_polled },
	{ "charge", AWAIT, .deadline_s = ASK_AFTER_S, .plan = charge_plan, .poll = payment_poll, .polled = charge_polled,
	    .undo = charge_undo, .undo_poll = payment_undo_poll, .undo_polled = payment_undo_polled },
	{ "release_rx", CALL, .plan = release_rx_plan },
	{ "notify", CALL, .warn_only = true, .plan = notify_approved_plan, .undo = notify_undo },
	{ "notify_payment", CALL, .warn_only = true, .plan = notify_charged_plan },
	{ "create_shipment", CALL, .plan = create_shipment_plan, .take = create_shipment_take, .undo = create_shipment_undo,
	    .undo_poll = create_shipment_undo_poll, .undo_polled = create_shipment_undo_polled },
	{ "schedule_refills", LOCAL, .local = schedule_refills_do, .undo = schedule_refills_undo },
};

static int
ended(struct saga *s, const char *state, const char *reason, struct problem *err)
{
	struct run run;
	bool moved;

	if (run_load(s->db, s->subject, &run, err) < 0 || run_move(s->db, &run, state, reason, &moved, err) < 0)
		return -1;
	return strcmp(state, "compensated") == 0 ? hold_again(s->db, run.submission_id, err) : 0;
}

/* A person decided, or news came late, or the pharmacy took back what it had accepted. */
static int
reopened(struct saga *s, struct problem *err)
{
	struct run run;
	bool moved;

	if (run_load(s->db, s->subject, &run, err) < 0)
		return -1;
	return run_move(s->db, &run, "running", NULL, &moved, err);
}

const struct saga_kind prescription_saga = {
	.name = PRESCRIPTION, .steps = steps, .nsteps = COUNT(steps), .ended = ended, .moved = record_moved,
	.may_turn = way_back_open, .reopened = reopened,
};

int
step_run(struct saga *s, struct run *run, struct problem *err)
{
	return run_load(s->db, s->subject, run, err);
}

json_t *
step_patient(struct saga *s, const struct run *run, struct problem *err)
{
	struct bytes plain;

	if (run->patient_enc.n == 0) {
		problem(err, 409, "patient_unknown", "the patient was not looked up");
		return NULL;
	}
	if (vault_open(s->db, "orchestration_runs", "patient_enc", run->id, run->patient_enc, &plain, err) < 0)
		return NULL;
	return json_read(s->arena, (const char *)plain.p, plain.n, err);
}
