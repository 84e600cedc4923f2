/*
 * status.c: the one table of moves, and the one function that moves (requirements.md 2.4).
 *
 * The events of one prescription come from five services, in the order of each and in no order among them: the label may be heard of
 * before the payment that it followed. So every move goes forward along one line, a row names all the places it may start from, and an
 * event that finds the prescription further along is written into the history as late and moves nothing. Whatever the interleaving, the
 * same events end in the same place. What one service may take back by itself (a link that expired and is made anew, an exception of
 * the carrier) are rows between the states of that service, whose own order is kept.
 *
 * A cancellation lies over the line: `reached` goes on following the events, `status` is what is said outside.
 */
#include "base/clock.h"
#include "prescription/prescription.h"

#define COLUMNS \
	"id, patient_id, source, status, reached, status_at, sender, message_id, order_number, case_id, provider_id, npi, drug_ndc, schedule," \
	" cold_chain, is_signed, is_test, raw_enc, content_enc, cancel_reason, checks, validation_errors, enrollment_id, pharmacy_id, pharmacy_name," \
	" adjudication_id, drug_cost_cents, insurance_paid_cents, copay_cents, final_copay_cents, patient_savings_cents, payment_id, shipment_id," \
	" carrier, tracking_number, created_at, updated_at, version"
static const char load_sql[] = "SELECT " COLUMNS " FROM prescriptions WHERE id = $1";
static const char lock_sql[] = "SELECT " COLUMNS " FROM prescriptions WHERE id = $1 FOR UPDATE";
static const char move_sql[] =
	"UPDATE prescriptions SET status = $2, reached = $3, status_at = $4, version = version + 1, updated_at = now() WHERE id = $1";
static const char history_sql[] =
	"INSERT INTO rx_status_history (prescription_id, event, from_status, to_status, late, actor, reason, happened_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/* ---- the table */

/* The line, as far as each step: from where a later event may start. */
#define TO_VALIDATED " validated "
#define TO_ENROLLED  TO_VALIDATED "enrolled "
#define TO_OFFERED   TO_ENROLLED "awaiting_pharmacy_selection "
#define TO_PHARMACY  TO_OFFERED "pharmacy_selected approved "
#define TO_PAYER     TO_PHARMACY "prior_auth_required rejected submitted "
#define TO_DECIDED   TO_PAYER "adjudicated accepted "
#define TO_LINK      TO_DECIDED "payment_pending payment_timeout "
#define TO_PAID      TO_LINK "paid payment_waived "
#define TO_SHIPPED   TO_PAID "shipped "
#define TO_MOVING    TO_SHIPPED "in_transit "
#define TO_DOOR      TO_MOVING "out_for_delivery exception "

static const struct move {
	const char *event;
	const char *to;
	const char *from;  /* words with a blank on either side */
	bool newer;        /* only when it happened after what made the present status: another service's state is left */
} moves[] = {
	{ "validation.passed", "validated", " received validation_failed " },
	{ "validation.failed", "validation_failed", " received validation_failed " },
	{ "provider.approved", "approved", " received validated " },
	{ "patient.enrollment.completed", "enrolled", TO_VALIDATED },
	{ "pharmacy.recommended", "awaiting_pharmacy_selection", TO_ENROLLED },
	{ "pharmacy.recommended", "awaiting_pharmacy_selection", " pharmacy_selected " },	/* another one is looked for */
	{ "pharmacy.recommended", "awaiting_pharmacy_selection", " rejected prior_auth_required ", .newer = true },
	{ "pharmacy.selected", "pharmacy_selected", TO_OFFERED },
	{ "pharmacy.selected", "pharmacy_selected", " rejected prior_auth_required ", .newer = true },
	{ "adjudication.prior_auth.required", "prior_auth_required", TO_PHARMACY "rejected adjudicated " },
	{ "adjudication.rejected", "rejected", TO_PHARMACY "prior_auth_required adjudicated " },
	{ "insurance.adjudication.completed", "adjudicated", TO_PHARMACY "prior_auth_required rejected " },
	{ "order.queued", "submitted", TO_PHARMACY },
	{ "order.accepted", "accepted", TO_PHARMACY "submitted rejected " },
	{ "order.rejected", "rejected", TO_PHARMACY "submitted accepted " },
	{ "order.shipped", "shipped", TO_PAID },
	{ "order.delivered", "completed", TO_DOOR },
	{ "payment.link.created", "payment_pending", TO_DECIDED "payment_timeout " },
	{ "payment.link.expired", "payment_timeout", TO_DECIDED "payment_pending " },
	{ "payment.waived", "payment_waived", TO_LINK },
	{ "payment.completed", "paid", TO_LINK },
	{ "shipment.label.created", "shipped", TO_PAID },
	{ "shipment.moved:in_transit", "in_transit", TO_SHIPPED "exception " },
	{ "shipment.moved:out_for_delivery", "out_for_delivery", TO_MOVING "exception " },
	{ "shipment.moved:exception", "exception", TO_MOVING "out_for_delivery " },
	{ "shipment.moved:returned", "exception", TO_MOVING "out_for_delivery " },
	{ "shipment.delivered", "completed", TO_DOOR },
	{ "denied", "denied", " received validated validation_failed " },
};

/* What lies over the line: these look at the status itself. */
static const struct move overlays[] = {
	{ "cancel.requested", "cancelled", " received validation_failed" TO_OFFERED "approved " },
	{ "cancel.requested", "cancel_pending", " pharmacy_selected prior_auth_required rejected submitted adjudicated accepted payment_pending"
	    " payment_timeout paid payment_waived cancel_refused " },
	{ "cancel.done", "cancelled", " cancel_pending " },
	{ "cancel.refused", "cancel_refused", " cancel_pending " },
};

/* From here on the parcel is on its way: the pharmacy was faster than a cancellation. */
#define UNSTOPPABLE " shipped in_transit out_for_delivery exception completed "

/* One status, as each surface calls it. */
static const struct {
	const char *status, *seed, *fhir;
} names[] = {
	{ "received", "created", "draft" }, { "validated", "created", "draft" }, { "validation_failed", "created", "on-hold" },
	{ "enrolled", "created", "draft" }, { "awaiting_pharmacy_selection", "created", "active" }, { "pharmacy_selected", "approved", "active" },
	{ "approved", "approved", "active" }, { "prior_auth_required", "approved", "on-hold" }, { "rejected", "failed", "on-hold" },
	{ "submitted", "sent", "active" }, { "accepted", "sent", "active" }, { "adjudicated", "approved", "active" },
	{ "payment_pending", "approved", "active" }, { "payment_timeout", "approved", "active" }, { "paid", "approved", "active" },
	{ "payment_waived", "approved", "active" }, { "shipped", "fulfilled", "active" }, { "in_transit", "fulfilled", "active" },
	{ "out_for_delivery", "fulfilled", "active" }, { "exception", "partial", "on-hold" }, { "completed", "completed", "completed" },
	{ "cancel_pending", "cancel_pending", "active" }, { "cancel_refused", "cancel_refused", "active" }, { "cancelled", "cancelled", "cancelled" },
	{ "denied", "cancelled", "stopped" },
};

const char *
status_of_seed(const char *status)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i].status, status) == 0)
			return names[i].seed;
	return NULL;
}

const char *
status_of_fhir(const char *status)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i].status, status) == 0)
			return names[i].fhir;
	return NULL;
}

static bool
is_listed(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = words; (at = strstr(at, word)) != NULL; at += n)
		if (at > words && at[-1] == ' ' && at[n] == ' ')
			return true;
	return false;
}

static const struct move *
find_move(const struct move *table, size_t n, const char *event, const char *from, bool newer)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].event, event) == 0 && is_listed(table[i].from, from) && (newer || !table[i].newer))
			return &table[i];
	return NULL;
}

static const struct move *
move_of(const struct prescription *p, const struct rx_event *e)
{
	return find_move(moves, COUNT(moves), e->name, p->reached, e->at == 0 || e->at > p->status_at);
}

/* The line has rows of it: an event without, a refund, is history and never late. */
static bool
is_on_line(const char *event)
{
	for (size_t i = 0; i < COUNT(moves); i++)
		if (strcmp(moves[i].event, event) == 0)
			return true;
	return false;
}

bool
prescription_may(const struct prescription *p, const char *event)
{
	return find_move(moves, COUNT(moves), event, p->reached, true) != NULL || find_move(overlays, COUNT(overlays), event, p->status, true) != NULL;
}

const char *
prescription_cancels_to(const struct prescription *p)
{
	const struct move *m = find_move(overlays, COUNT(overlays), "cancel.requested", p->status, true);

	return m != NULL ? m->to : NULL;
}

/* ---- the row */

static void
from_row(struct prescription *p, const struct row *w)
{
	p->id = row_uuid(w, "id");
	p->patient_id = row_uuid(w, "patient_id");
	p->source = row_str(w, "source");
	p->status = row_str(w, "status");
	p->reached = row_str(w, "reached");
	p->status_at = row_time(w, "status_at");
	p->sender = row_opt_str(w, "sender");
	p->message_id = row_opt_str(w, "message_id");
	p->order_number = row_opt_str(w, "order_number");
	p->is_signed = row_bool(w, "is_signed");
	p->is_test = row_bool(w, "is_test");
	p->content_enc = row_bytes(w, "content_enc");
	p->raw_enc = row_bytes(w, "raw_enc");
	p->row = w;
}

int
prescription_load(struct db *db, struct uuid id, bool locked, struct prescription *ret, struct problem *err)
{
	const struct row *w;
	int rc = locked ? db_one(db, &w, lock_sql, err, P_UUID(id)) : db_one(db, &w, load_sql, err, P_UUID(id));

	if (rc < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such prescription");
	from_row(ret, w);
	return 0;
}

int
history_add(struct db *db, const struct prescription *p, const char *from, const struct rx_event *e, bool late, struct problem *err)
{
	return db_exec(db, history_sql, err, P_UUID(p->id), P_TEXT(e->name), P_TEXT(from), P_TEXT(p->status), P_BOOL(late),
	    P_TEXT(e->actor != NULL ? e->actor : db_scope(db)->actor), P_TEXT(e->reason), P_TIME(e->at != 0 ? e->at : clock_us())) < 0 ? -1 : 0;
}

static int
tell(struct db *db, const struct prescription *p, const char *from, const struct rx_event *e, struct problem *err)
{
	struct arena *a = db_current_arena(db);
	struct buf b = buf_in(a, 2048);
	struct json_writer w;
	char id[UUID_TEXT];

	if (audit_add(db, &(struct audit_entry){ .action = "prescription.status", .object = "prescriptions", .object_id = uuid_text(p->id, id),
	    .reason = e->reason, .detail = arena_printf(a, "{\"from\":\"%s\",\"to\":\"%s\",\"event\":\"%s\"}", from, p->status, e->name) }, err) < 0)
		return -1;
	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_uuid(&w, "prescription_id", p->id);
	jw_uuid(&w, "patient_id", p->patient_id);
	jw_str(&w, "from", from);
	jw_str(&w, "to", p->status);
	if (!row_is_null(p->row, "case_id"))
		jw_uuid(&w, "case_id", row_uuid(p->row, "case_id"));
	jw_end(&w);
	return event_publish(db, "prescription.status.changed", p->id, b.data, err);
}

/* What is said outside, when the line moves to a place. */
static const char *
status_at(const struct prescription *p, const char *to)
{
	if (strcmp(p->status, "cancelled") == 0)
		return p->status;
	if (strcmp(p->status, "cancel_pending") == 0 && !is_listed(UNSTOPPABLE, to))
		return p->status;
	return to;
}

int
prescription_apply(struct db *db, struct prescription *p, const struct rx_event *e, bool *moved, struct problem *err)
{
	const struct move *over = find_move(overlays, COUNT(overlays), e->name, p->status, true);
	const struct move *m = over == NULL ? move_of(p, e) : NULL;
	const char *from = p->status;
	bool moves_it;

	if (over != NULL) {
		p->status = over->to;
	} else if (m != NULL) {
		p->reached = m->to;
		p->status = status_at(p, m->to);
	}
	moves_it = strcmp(from, p->status) != 0;
	if (moved != NULL)
		*moved = moves_it;
	if (m != NULL || over != NULL) {
		p->status_at = e->at != 0 ? e->at : clock_us();
		if (db_exec(db, move_sql, err, P_UUID(p->id), P_TEXT(p->status), P_TEXT(p->reached), P_TIME(p->status_at)) < 0)
			return -1;
	}
	if (history_add(db, p, from, e, m == NULL && over == NULL && is_on_line(e->name), err) < 0)
		return -1;
	return moves_it ? tell(db, p, from, e, err) : 0;
}
