/*
 * use.c: what of a program a prescription takes. Before the claim goes out its part is reserved under the lock of (program, patient, year), so that two
 * prescriptions of a patient never pass the year's cap together; the outcome of the claim makes the reservation a use of what was paid, or gives it back.
 *
 * A prescription has one row and `claim` says for which of its claims: a claim made anew takes the row over, and news of an older one is late.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "program/program.h"

static const char serial_sql[] = "SELECT pg_advisory_xact_lock(hashtextextended('program:' || $1, 0))::text AS held";
static const char load_sql[] =
    "SELECT prescription_id, patient_id, program_id, year, claim, state, amount_cents FROM program_uses WHERE prescription_id = $1 FOR UPDATE";
static const char year_sql[] =
    "INSERT INTO program_years (program_id, patient_id, year) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
static const char used_sql[] =
    "SELECT used_cents FROM program_years WHERE program_id = $1 AND patient_id = $2 AND year = $3 FOR UPDATE";
static const char take_sql[] =
    "UPDATE program_years SET used_cents = used_cents + $4 WHERE program_id = $1 AND patient_id = $2 AND year = $3";
static const char put_sql[] =
    "INSERT INTO program_uses (prescription_id, patient_id, program_id, year, claim, amount_cents) VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT (tenant_id, prescription_id) DO UPDATE SET program_id = excluded.program_id, year = excluded.year, claim = excluded.claim,"
    "  state = 'reserved', amount_cents = excluded.amount_cents, updated_at = now()";
static const char end_sql[] =
    "UPDATE program_uses SET state = $2, amount_cents = $3, updated_at = now() WHERE prescription_id = $1";

struct use {
	struct uuid prescription, patient;
	const char *program_id, *state;
	int64_t year, claim, amount;
};

static int64_t
this_year(void)
{
	char now[CLOCK_TEXT];

	return strtoll(clock_text(clock_us(), now), NULL, 10);
}

/* *found false: the prescription has taken nothing so far. Its claims are taken one after the other. */
static int
use_load(struct db *db, struct uuid prescription, struct use *u, bool *found, struct problem *err)
{
	const struct row *w;
	char id[UUID_TEXT];

	if (db_one(db, &w, serial_sql, err, P_TEXT(uuid_text(prescription, id))) < 0 ||
	    db_one(db, &w, load_sql, err, P_UUID(prescription)) < 0)
		return -1;
	*found = w != NULL;
	if (w == NULL)
		return 0;
	*u = (struct use){ .prescription = prescription,
		.patient = row_uuid(w, "patient_id"),
		.program_id = row_str(w, "program_id"),
		.state = row_str(w, "state"),
		.year = row_int(w, "year"),
		.claim = row_int(w, "claim"),
		.amount = row_int(w, "amount_cents") };
	return 0;
}

static int
year_add(struct db *db, const struct use *u, int64_t cents, struct problem *err)
{
	return db_exec(db, take_sql, err, P_TEXT(u->program_id), P_UUID(u->patient), P_INT(u->year), P_INT(cents)) < 0 ? -1 : 0;
}

/* What the program still pays for this patient, at most what it pays for one prescription; locks the year. */
static int
room(struct db *db, const struct offer *o, const struct use *u, int64_t *ret, struct problem *err)
{
	const struct row *w;
	int64_t left;

	if (db_exec(db, year_sql, err, P_TEXT(o->program_id), P_UUID(u->patient), P_INT(u->year)) < 0 ||
	    db_one(db, &w, used_sql, err, P_TEXT(o->program_id), P_UUID(u->patient), P_INT(u->year)) < 0)
		return -1;
	*ret = o->max_per_rx;
	left = o->max_per_year - row_int(w, "used_cents");
	if (o->max_per_year > 0 && left < *ret)
		*ret = left > 0 ? left : 0;
	return 0;
}

/* The first offer with anything left in it; *ret NULL: all are used up. */
static int
take_first(struct db *db, struct use *u, const struct offer *offers, size_t n, const struct offer **ret, struct problem *err)
{
	*ret = NULL;
	for (size_t i = 0; i < n && *ret == NULL; i++) {
		if (room(db, &offers[i], u, &u->amount, err) < 0)
			return -1;
		if (u->amount > 0)
			*ret = &offers[i];
	}
	if (*ret == NULL)
		return 0;
	u->program_id = (*ret)->program_id;
	if (year_add(db, u, u->amount, err) < 0)
		return -1;
	return db_exec(db, put_sql, err, P_UUID(u->prescription), P_UUID(u->patient), P_TEXT(u->program_id), P_INT(u->year),
		   P_INT(u->claim), P_INT(u->amount)) < 0 ?
	    -1 :
	    0;
}

/* What the row's last claim took goes back, before another is served. */
static int
give_back(struct db *db, const struct use *u, struct problem *err)
{
	if (strcmp(u->state, "released") == 0)
		return 0;
	if (year_add(db, u, -u->amount, err) < 0)
		return -1;
	return db_exec(db, end_sql, err, P_UUID(u->prescription), P_TEXT("released"), P_INT(0)) < 0 ? -1 : 0;
}

static void
reply(struct req *r, const struct offer *o, int64_t cents, const char *why)
{
	struct json_writer *w = reply_json(r, 200);

	jw_object(w, NULL);
	if (o != NULL) {
		jw_object(w, "program");
		offer_members(w, o);
		jw_end(w);
		jw_money(w, "max_discount", cents);
	} else {
		jw_str(w, "why", why);
	}
	jw_end(w);
}

static const struct offer *
named(const struct offer *offers, size_t n, const char *program_id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(offers[i].program_id, program_id) == 0)
			return &offers[i];
	return NULL;
}

int
reservation_make(struct req *r, struct problem *err)
{
	char ndc[NDC_TEXT];
	const struct asked a = { .ndc = ndc,
		.insurance_type = req_str(r, "insurance_type"),
		.bin = req_opt_str(r, "bin"),
		.age = req_int(r, "age", -1) };
	struct use u,
	    new = { .prescription = req_uuid(r, "prescription_id"),
		    .patient = req_uuid(r, "patient_id"),
		    .claim = req_int(r, "claim", 1) };
	const struct offer *chosen;
	struct offer *offers;
	bool found;
	size_t n;

	if (ndc_normalise(req_str(r, "ndc"), ndc) < 0)
		return problem_member(err, "ndc", "format", "not a National Drug Code");
	new.year = this_year();
	req_object(r, "program_uses", new.prescription);
	if (use_load(r->db, new.prescription, &u, &found, err) < 0 || offers_find(r->db, r->conf, &a, true, &offers, &n, err) < 0)
		return -1;
	if (found && u.claim > new.claim)
		return problem(err, 409, "late_claim", "the prescription's claim %" PRId64 " came before", u.claim);
	if (found && u.claim == new.claim &&strcmp(u.state, "reserved") == 0 && (chosen = named(offers, n, u.program_id)) != NULL) {
		reply(r, chosen, u.amount, NULL);
		return 0;
	}
	if ((found && give_back(r->db, &u, err) < 0) || take_first(r->db, &new, offers, n, &chosen, err) < 0)
		return -1;
	reply(r, chosen, new.amount,
	    strcmp(a.insurance_type, "government") == 0 ? "government_plan" :
		n == 0                                  ? "no_program" :
							  "used_up");
	return 0;
}

/* ---- what became of the claim */

static int
audit(struct db *db, const struct use *u, const char *action, int64_t cents, struct problem *err)
{
	char id[UUID_TEXT];

	return audit_add(db,
	    &(struct audit_entry){ .action = action,
		.object = "program_uses",
		.object_id = uuid_text(u->prescription, id),
		.detail = arena_printf(db_current_arena(db), "{\"program\":\"%s\",\"claim\":%" PRId64 ",\"cents\":%" PRId64 "}",
		    u->program_id, u->claim, cents) },
	    err);
}

static int
settle(struct event *e, int64_t cents, struct problem *err)
{
	struct uuid prescription = event_uuid(e, "prescription_id");
	char id[UUID_TEXT];
	struct use u;
	bool found;

	if (use_load(e->db, prescription, &u, &found, err) < 0)
		return -1;
	if (!found || u.claim != json_int_at(e->payload, "claim", 0))
		return 0;
	if (strcmp(u.state, "reserved") == 0 && cents > u.amount &&
	    attention_raise(e->db,
		&(struct attention){ .kind = "program.over_cap",
		    .subject = uuid_text(prescription, id),
		    .code = "more_than_reserved",
		    .patient = u.patient },
		err) < 0)
		return -1;
	if (year_add(e->db, &u, cents - u.amount, err) < 0 ||
	    db_exec(e->db, end_sql, err, P_UUID(prescription), P_TEXT(cents > 0 ? "used" : "released"), P_INT(cents)) < 0)
		return -1;
	return audit(e->db, &u, cents > 0 ? "program.used" : "program.released", cents, err);
}

int
use_settled(struct event *e, struct problem *err)
{
	const json_t *programs = json_object_get(e->payload, "programs");
	int64_t cents = 0;
	json_t *p;
	size_t i;

	json_array_foreach(programs, i, p)
		cents += json_int_at(p, "discount_cents", 0);
	return settle(e, cents, err);
}

int
use_released(struct event *e, struct problem *err)
{
	return settle(e, 0, err);
}

/* A prescription that is taken back is not dispensed, whichever of its claims was the last. */
int
use_cancelled(struct event *e, struct problem *err)
{
	struct uuid prescription = event_uuid(e, "prescription_id");
	struct use u;
	bool found;

	if (strcmp(event_str(e, "to"), "cancelled") != 0)
		return 0;
	if (use_load(e->db, prescription, &u, &found, err) < 0)
		return -1;
	if (!found || strcmp(u.state, "released") == 0)
		return 0;
	return give_back(e->db, &u, err) < 0 ? -1 : audit(e->db, &u, "program.released", 0, err);
}
