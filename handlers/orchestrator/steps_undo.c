/*
 * steps_undo.c: what takes the steps back (X-SAGA-02, rule M7), each asked of the service that did it, last step first. What is gone
 * already needs no asking: an authorisation that was captured is given back by the charge's refund, a prescription that its pharmacy
 * cancelled is cancelled. What was dispensed is taken back by nobody here.
 */
#include "orchestrator/orchestrator.h"

static bool
is_one_of(const char *status, const char *const *list)
{
	for (size_t i = 0; status != NULL && list[i] != NULL; i++)
		if (strcmp(list[i], status) == 0)
			return true;
	return false;
}

int
way_back_open(struct saga *s, const char **why_not, struct problem *err)
{
	static const char *const rx[] = { "shipped", "delivered", NULL };
	static const char *const parcel[] = { "shipped", "in_transit", "out_for_delivery", "delivered", "exception", "returned", NULL };
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	if (is_one_of(run.rx_status, rx) || is_one_of(run.shipment_status, parcel))
		*why_not = "past_dispensed";
	return 0;
}

/* ---- money */

static int
payment(struct saga *s, struct saga_call *call, const char *act)
{
	step_ask(call, "billing", "POST", arena_printf(s->arena, "/billing/payments/%s/%s", saga_str(s, "paymentId"), act), NULL);
	return 0;
}

int
authorise_undo(struct saga *s, struct saga_call *call, struct problem *err)
{
	static const char *const gone[] = { "captured", "refunded", "cancelled", "failed", NULL };
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	return is_one_of(run.payment_status, gone) ? 0 : payment(s, call, "cancel");
}

int
charge_undo(struct saga *s, struct saga_call *call, struct problem *err UNUSED)
{
	return payment(s, call, "refund");
}

int
payment_undo_poll(struct saga *s, struct saga_call *call, struct problem *err)
{
	return payment_poll(s, call, err);
}

int
payment_undo_polled(struct saga *s, const json_t *reply, struct problem *err)
{
	const char *status = json_text_at(reply, "status");

	return outcome_payment(s->db, s->subject, status == NULL ? "" : status, json_text_at(reply, "code"), err);
}

/* ---- the prescription */

int
submit_rx_undo(struct saga *s, struct saga_call *call, struct problem *err)
{
	static const char *const gone[] = { "cancelled", "rejected", NULL };
	struct run run;
	char id[UUID_TEXT];

	if (step_run(s, &run, err) < 0)
		return -1;
	if (is_one_of(run.rx_status, gone))
		return 0;
	step_ask(call, "router", "POST", arena_printf(s->arena, "/rx/prescriptions/%s/cancel", uuid_text(run.router_id, id)), NULL);
	return sync_log(s->db, &run, &(struct sync_entry){ .system = run.pharmacy, .direction = "out", .action = "cancel",
	    .outcome = "attempted", .external_id = id }, err);
}

int
submit_rx_undo_polled(struct saga *s, const json_t *reply, struct problem *err)
{
	return submit_rx_polled(s, reply, err);
}

/* ---- the note: the chart keeps what was written, and says that it does not hold any more */

int
hp_note_undo(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct buf b = buf_in(s->arena, 2048);
	struct json_writer w;
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	run_event(&w, &b, &run);
	jw_end(&w);
	step_ask(call, "integration", "POST", "/api/ehr/notes/amend", b.data);
	return 0;
}

/* ---- the messages: one correction */

int
notify_undo(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	step_ask(call, "notify", "POST", "/notify/send", notice_body(s->arena, &run, "prescription_withdrawn"));
	return 0;
}

/* ---- the parcel */

static const char *
shipment_path(struct saga *s, const struct run *run, const char *act)
{
	char id[UUID_TEXT];

	return arena_printf(s->arena, "/shipping/shipments/%s%s", uuid_text(run->shipment_id, id), act);
}

int
create_shipment_undo(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	step_ask(call, "shipping", "POST", shipment_path(s, &run, "/void"), NULL);
	return 0;
}

int
create_shipment_undo_poll(struct saga *s, struct saga_call *call, struct problem *err)
{
	struct run run;

	if (step_run(s, &run, err) < 0)
		return -1;
	step_ask(call, "shipping", "GET", shipment_path(s, &run, ""), NULL);
	return 0;
}

int
create_shipment_undo_polled(struct saga *s, const json_t *reply, struct problem *err)
{
	const char *status = json_text_at(reply, "status");

	return outcome_shipment(s->db, s->subject, status == NULL ? "" : status, json_text_at(reply, "reason"), err);
}

/* ---- the refills */

int
schedule_refills_undo(struct saga *s, struct saga_call *call UNUSED, struct problem *err)
{
	return refill_cancel(s->db, s->subject, err);
}
