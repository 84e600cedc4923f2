/*
 * prescription.c: the parcel of a prescription (P-SHIP-01, 02): asked for when the copay is paid, or waived; put together from the addresses that their owners
 * keep; its service chosen by rule; then the label is bought (shippo.c). One parcel of a prescription, however often it is asked for.
 */
#include "shipping/shippo.h"

#include "data/attention.h"

static const char chosen_sql[] =
	"INSERT INTO pharmacy_choices AS c (prescription_id, pharmacy_id, chosen_at) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, prescription_id)"
	" DO UPDATE SET pharmacy_id = excluded.pharmacy_id, chosen_at = excluded.chosen_at WHERE c.chosen_at <= excluded.chosen_at";
static const char choice_sql[] = "SELECT pharmacy_id FROM pharmacy_choices WHERE prescription_id = $1";
static const char insert_sql[] =
	"INSERT INTO shipments (id, external_id, patient_id, kind, pharmacy, broker, carrier) VALUES ($1, $2, $3, 'prescription', '', 'shippo', '')"
	" ON CONFLICT ON CONSTRAINT shipments_once DO NOTHING";
static const char of_sql[] = "SELECT id FROM shipments WHERE external_id = $1 AND kind = 'prescription' FOR UPDATE";
static const char waiting_sql[] =
	"SELECT id FROM shipments WHERE kind = 'prescription' AND status = 'requested' AND shippo_rate IS NULL"
	" AND created_at < now() - interval '30 seconds' ORDER BY created_at LIMIT 200";

/* ---- what asks for it */

int
on_pharmacy_selected(struct event *e, struct problem *err)
{
	return db_exec(e->db, chosen_sql, err, P_UUID(event_uuid(e, "prescription_id")), P_UUID(event_uuid(e, "pharmacy_id")), P_TIME(e->occurred_at)) < 0 ?
	    -1 : 0;
}

static int
ask_for(struct event *e, struct problem *err)
{
	struct uuid id = uuid_new();
	int64_t new = db_exec(e->db, insert_sql, err, P_UUID(id), P_UUID(event_uuid(e, "prescription_id")), P_UUID(event_uuid(e, "patient_id")));

	if (new <= 0)
		return (int)new;
	return job_enqueue_id(e->db, "parcel.prepare", "id", id, err);
}

int
on_payment_completed(struct event *e, struct problem *err)
{
	return ask_for(e, err);
}

int
on_adjudicated(struct event *e, struct problem *err)
{
	return event_int(e, "final_copay_cents") == 0 ? ask_for(e, err) : 0;
}

int
on_prescription_status(struct event *e, struct problem *err)
{
	const char *to = event_str(e, "to");
	const struct row *w;
	struct shipment s;

	if (strcmp(to, "cancelled") != 0 && strcmp(to, "denied") != 0)
		return 0;
	if (db_one(e->db, &w, of_sql, err, P_UUID(event_uuid(e, "prescription_id"))) < 0)
		return -1;
	if (w == NULL)
		return 0;
	if (shipment_load(e->db, row_uuid(w, "id"), &s, err) < 0)
		return -1;
	/* On its way: nobody calls it back; the staff of the pharmacy knows from the prescription. */
	return shipment_may(s.status, "voiding") ? parcel_take_back(e->db, e->conf, &s, err) : 0;
}

/* What was asked for and is not being prepared, for whatever reason: once more. */
int
parcels_sweep_job(struct job *j, struct problem *err)
{
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, waiting_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (job_enqueue_id(j->db, "parcel.prepare", "id", row_uuid(rows_at(rows, i), "id"), err) < 0)
			return -1;
	return job_end(j, err);
}

/* ---- what it takes */

struct wanted {
	struct shipment s;
	json_t *rx;		/* as its owner tells it */
	json_t *pharmacy;
	bool cold, controlled;
};

int
parcel_ask_prescription(struct job *j, struct uuid prescription, json_t **ret, struct problem *err)
{
	struct peer_reply reply;
	char id[UUID_TEXT];

	if (job_ask(j, &(struct peer_call){ .service = "prescription", .method = "GET",
	    .path = arena_printf(j->arena, "/prescriptions/%s/details", uuid_text(prescription, id)) }, &reply, err) < 0)
		return -1;
	*ret = reply.body;
	return 0;
}

static int
ask_peers(struct job *j, struct wanted *want, struct uuid pharmacy, struct problem *err)
{
	struct peer_reply reply;
	const char *schedule;
	char id[UUID_TEXT];

	if (parcel_ask_prescription(j, want->s.external_id, &want->rx, err) < 0 || job_ask(j, &(struct peer_call){ .service = "router", .method = "GET",
	    .path = arena_printf(j->arena, "/rx/pharmacies/%s", uuid_text(pharmacy, id)) }, &reply, err) < 0)
		return -1;
	want->pharmacy = reply.body;
	want->s.pharmacy_id = pharmacy;
	schedule = json_text_at(want->rx, "medication.schedule");
	want->controlled = schedule != NULL && strcmp(schedule, "none") != 0;
	want->cold = json_is_true(json_at(want->rx, "medication.cold_chain"));
	return 0;
}

static void
write_address(struct json_writer *w, const char *member, const char *name, const char *phone, const json_t *a)
{
	jw_object(w, member);
	jw_str(w, "name", name);
	jw_str(w, "street1", json_text_at(a, "line1"));
	jw_opt_str(w, "street2", json_text_at(a, "line2"));
	jw_str(w, "city", json_text_at(a, "city"));
	jw_str(w, "state", json_text_at(a, "state"));
	jw_str(w, "zip", json_text_at(a, "zip"));
	jw_str(w, "country", "US");
	jw_opt_str(w, "phone", phone);
	jw_end(w);
}

/* An insulated box with its cold packs, or the usual one. */
static void
write_parcel(struct json_writer *w, bool cold)
{
	jw_array(w, "parcels");
	jw_object(w, NULL);
	jw_str(w, "length", cold ? "12" : "10");
	jw_str(w, "width", cold ? "10" : "8");
	jw_str(w, "height", cold ? "9" : "4");
	jw_str(w, "distance_unit", "in");
	jw_str(w, "weight", cold ? "5" : "1");
	jw_str(w, "mass_unit", "lb");
	jw_end(w);
	jw_end(w);
}

static const char *
shipment_body(struct job *j, const struct wanted *want)
{
	struct buf b = buf_in(j->arena, 16 * 1024);
	struct json_writer w;
	char id[UUID_TEXT];

	jw_start(&w, &b);
	jw_object(&w, NULL);
	write_address(&w, "address_from", json_text_at(want->pharmacy, "name"), json_text_at(want->pharmacy, "phone"), json_at(want->pharmacy, "address"));
	write_address(&w, "address_to", arena_printf(j->arena, "%s %s", json_text_at(want->rx, "patient.firstName"), json_text_at(want->rx, "patient.lastName")),
	    json_text_at(want->rx, "patient.phone"), json_at(want->rx, "patient.address"));
	write_parcel(&w, want->cold);
	if (want->controlled) {
		jw_object(&w, "extra");
		jw_str(&w, "signature_confirmation", "STANDARD");
		jw_end(&w);
	}
	jw_bool(&w, "async", false);
	jw_str(&w, "metadata", uuid_text(want->s.id, id));	/* ours: never a name or a drug */
	jw_end(&w);
	return buf_str(&b);
}

/* ---- which service: the cheapest; what must stay cold the cheapest that arrives in time, and nothing slower */

static int64_t
price(const json_t *rate)
{
	const char *amount = json_text_at(rate, "amount");
	char *end;
	int64_t whole = amount == NULL ? -1 : strtoll(amount, &end, 10), cents = 0;

	if (whole < 0)
		return INT64_MAX;
	if (*end == '.' && end[1] >= '0' && end[1] <= '9')
		cents = (end[1] - '0') * 10 + (end[2] >= '0' && end[2] <= '9' ? end[2] - '0' : 0);
	return whole * 100 + cents;
}

const json_t *
parcel_rate(const json_t *rates, bool cold, int64_t most_days)
{
	const json_t *best = NULL, *rate;
	size_t i;

	json_array_foreach(rates, i, rate) {
		int64_t days = json_int_at(rate, "estimated_days", INT64_MAX);

		if (json_text_at(rate, "object_id") == NULL || (cold && days > most_days))
			continue;
		if (best == NULL || price(rate) < price(best))
			best = rate;
	}
	return best;
}

/* ---- the job */

static int
give_up(struct job *j, struct shipment *s, const char *code, struct problem *err)
{
	bool moved;

	if (job_begin(j, err) < 0 || shipment_load(j->db, s->id, s, err) < 0)
		return -1;
	if (strcmp(s->status, "requested") == 0 && (shipment_move(j->db, s, "manual", code, &moved, err) < 0 || parcel_raise(j->db, s, code, err) < 0))
		return -1;
	return job_end(j, err);
}

/* *ready false: it has been prepared, or taken back. */
static int
load(struct job *j, struct wanted *want, struct uuid *pharmacy, bool *ready, struct problem *err)
{
	const struct row *w;

	if (job_read(j, err) < 0 || shipment_load(j->db, job_uuid(j, "id"), &want->s, err) < 0 ||
	    db_one(j->db, &w, choice_sql, err, P_UUID(want->s.external_id)) < 0 || job_read_end(j, err) < 0)
		return -1;
	*ready = strcmp(want->s.status, "requested") == 0 && want->s.rate == NULL;
	if (w == NULL && *ready)
		return problem(err, 503, "no_pharmacy", "which pharmacy sends it is not known yet");
	*pharmacy = w == NULL ? UUID_NIL : row_uuid(w, "pharmacy_id");
	return 0;
}

int
parcel_prepare_job(struct job *j, struct problem *err)
{
	struct wanted want = { 0 };
	struct uuid pharmacy;
	const json_t *answer, *rate;
	bool ready;

	if (load(j, &want, &pharmacy, &ready, err) < 0)
		return -1;
	if (!ready)
		return 0;
	if (ask_peers(j, &want, pharmacy, err) < 0)
		return -1;
	answer = shippo_ask(j, "POST", "/shipments", shipment_body(j, &want), 40000, err);
	if (answer == NULL && err->status == 422)
		return give_up(j, &want.s, "address_refused", err);
	if (answer == NULL)
		return -1;
	rate = parcel_rate(json_object_get(answer, "rates"), want.cold, conf_int(j->conf, "COLD_CHAIN_DAYS"));
	if (rate == NULL)
		return give_up(j, &want.s, "no_service", err);
	if (job_begin(j, err) < 0 || shippo_buy(j->db, &want.s, rate, want.cold, want.controlled, json_text_at(want.pharmacy, "name"), err) < 0)
		return -1;
	return job_end(j, err);
}
