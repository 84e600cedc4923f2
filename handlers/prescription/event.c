/*
 * event.c: what the other services tell. Each event is taken down: what it says about the prescription is kept in its columns, where it leads
 * is the table's business (status.c). A prescription that is not ours is somebody else's event.
 */
#include "data/attention.h"
#include "prescription/prescription.h"

static const char enrolled_sql[] = "UPDATE prescriptions SET enrollment_id = $2 WHERE id = $1";
static const char pharmacy_sql[] = "UPDATE prescriptions SET pharmacy_id = $2, pharmacy_name = $3 WHERE id = $1";
static const char costs_sql[] =
	"UPDATE prescriptions SET adjudication_id = $2, drug_cost_cents = $3, insurance_paid_cents = $4, copay_cents = $5, final_copay_cents = $6,"
	" patient_savings_cents = $7 WHERE id = $1";
static const char payment_sql[] = "UPDATE prescriptions SET payment_id = $2 WHERE id = $1";
static const char shipment_sql[] = "UPDATE prescriptions SET shipment_id = $2, carrier = $3, tracking_number = $4 WHERE id = $1";
static const char provider_sql[] =
	"INSERT INTO case_providers (case_id, patient_id, provider_id, assigned_at) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, case_id) DO UPDATE"
	" SET provider_id = excluded.provider_id, patient_id = excluded.patient_id, assigned_at = excluded.assigned_at"
	" WHERE case_providers.assigned_at < excluded.assigned_at";

/* ---- what is kept of each */

static int
keep_enrollment(struct event *e, struct uuid id, struct problem *err)
{
	return db_exec(e->db, enrolled_sql, err, P_UUID(id), P_OPT_UUID(event_uuid(e, "enrollment_id"))) < 0 ? -1 : 0;
}

static int
keep_pharmacy(struct event *e, struct uuid id, struct problem *err)
{
	return db_exec(e->db, pharmacy_sql, err, P_UUID(id), P_TEXT(event_str(e, "pharmacy_id")), P_TEXT(event_str(e, "pharmacy_name"))) < 0 ? -1 : 0;
}

static int
keep_costs(struct event *e, struct uuid id, struct problem *err)
{
	return db_exec(e->db, costs_sql, err, P_UUID(id), P_OPT_UUID(event_uuid(e, "adjudication_id")), P_INT(event_int(e, "drug_cost_cents")),
	    P_INT(event_int(e, "insurance_paid_cents")), P_INT(event_int(e, "copay_cents")), P_INT(event_int(e, "final_copay_cents")),
	    P_INT(event_int(e, "patient_savings_cents"))) < 0 ? -1 : 0;
}

static int
keep_payment(struct event *e, struct uuid id, struct problem *err)
{
	return db_exec(e->db, payment_sql, err, P_UUID(id), P_OPT_UUID(event_uuid(e, "payment_id"))) < 0 ? -1 : 0;
}

static int
keep_shipment(struct event *e, struct uuid id, struct problem *err)
{
	return db_exec(e->db, shipment_sql, err, P_UUID(id), P_OPT_UUID(event_uuid(e, "shipment_id")), P_TEXT(event_str(e, "carrier")),
	    P_TEXT(event_str(e, "tracking_number"))) < 0 ? -1 : 0;
}

static const struct {
	const char *topic;
	int (*keep)(struct event *e, struct uuid id, struct problem *err);
} kept[] = {
	{ "patient.enrollment.completed", keep_enrollment }, { "pharmacy.selected", keep_pharmacy },
	{ "insurance.adjudication.completed", keep_costs }, { "payment.link.created", keep_payment }, { "payment.completed", keep_payment },
	{ "shipment.label.created", keep_shipment },
};

/* ---- where it leads */

static bool
is(const struct event *e, const char *topic)
{
	return strcmp(e->topic, topic) == 0;
}

/* A carrier's word is part of what happened. */
static const char *
name_of(const struct event *e)
{
	return is(e, "shipment.moved") ? arena_printf(e->arena, "shipment.moved:%.40s", event_str(e, "status")) : e->topic;
}

/* Money or a parcel for a prescription that was taken back is nothing that the line can say. */
static int
look_for_trouble(struct event *e, const struct prescription *p, struct problem *err)
{
	char id[UUID_TEXT];
	const char *code = is(e, "payment.completed") ? "paid_after_cancel" : is(e, "shipment.label.created") ? "shipped_after_cancel" : NULL;

	if (code == NULL || strcmp(p->status, "cancelled") != 0)
		return 0;
	return attention_raise(e->db, &(struct attention){ .kind = "prescription.late", .subject = uuid_text(p->id, id), .code = code,
	    .patient = p->patient_id }, err);
}

static int
find_prescription(struct event *e, struct uuid id, struct prescription *p, struct problem *err)
{
	if (uuid_is_nil(id))
		return 0;
	if (prescription_load(e->db, id, true, p, err) == 0)
		return 1;
	if (strcmp(err->code, "not_found") != 0)
		return -1;
	problem_clear(err);
	return 0;
}

int
on_event(struct event *e, struct problem *err)
{
	const char *actor = arena_printf(e->arena, "service:%s", e->source);
	struct prescription p;
	int found = find_prescription(e, event_uuid(e, "prescription_id"), &p, err);

	if (found <= 0)
		return found;
	for (size_t i = 0; i < COUNT(kept); i++)
		if (is(e, kept[i].topic) && kept[i].keep(e, p.id, err) < 0)
			return -1;
	if (prescription_apply(e->db, &p, &(struct rx_event){ .name = name_of(e), .at = e->occurred_at, .actor = actor }, NULL, err) < 0)
		return -1;
	if (is(e, "insurance.adjudication.completed") && event_int(e, "final_copay_cents") == 0 &&
	    prescription_apply(e->db, &p, &(struct rx_event){ .name = "payment.waived", .at = e->occurred_at + 1, .actor = actor }, NULL, err) < 0)
		return -1;
	return look_for_trouble(e, &p, err);
}

/* ---- the orders of cases: externalId is the prescription */

int
on_order_moved(struct event *e, struct problem *err)
{
	const char *status = event_str(e, "status");
	struct rx_event what = { .name = arena_printf(e->arena, "order.%.40s", status), .at = e->occurred_at, .actor = "service:router" };
	struct prescription p;
	int found = find_prescription(e, event_uuid(e, "externalId"), &p, err);

	if (found <= 0)
		return found;
	if (strcmp(status, "cancelled") == 0) {
		what.name = "cancel.done";
		if (strcmp(p.status, "cancel_pending") != 0)
			what.name = "order.rejected"; /* the pharmacy gave it back by itself */
	} else if (strcmp(status, "cancel_refused") == 0) {
		what.name = "cancel.refused";
	}
	return prescription_apply(e->db, &p, &what, NULL, err);
}

int
on_provider_assigned(struct event *e, struct problem *err)
{
	return db_exec(e->db, provider_sql, err, P_UUID(event_uuid(e, "case_id")), P_UUID(event_uuid(e, "patient_id")),
	    P_UUID(event_uuid(e, "provider_id")), P_TIME(e->occurred_at)) < 0 ? -1 : 0;
}
