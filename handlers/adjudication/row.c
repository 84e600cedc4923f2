/*
 * row.c: table adjudications: one row per prescription, its states with their history, and the three topics by which the others hear of it. The
 * aggregate of each event is the prescription.
 */
#include "base/clock.h"
#include "data/attention.h"
#include "adjudication/adjudication.h"

#define FIELDS \
	"id, prescription_id, patient_id, pharmacy_id, pharmacy_name, status, reason, claim, prior_auth_number, insurance_type, program_id, program_name," \
	" max_discount_cents, payer_claim_id, drug_cost_cents, insurance_paid_cents, copay_cents, discount_cents, final_copay_cents," \
	" programs::text AS programs, paid_at IS NOT NULL AS paid, late_since IS NOT NULL AS late, version, updated_at"
static const char load_sql[] = "SELECT " FIELDS " FROM adjudications WHERE id = $1";
static const char load_locked_sql[] = "SELECT " FIELDS " FROM adjudications WHERE id = $1 FOR UPDATE";
static const char find_sql[] = "SELECT " FIELDS " FROM adjudications WHERE prescription_id = $1";
static const char find_locked_sql[] = "SELECT " FIELDS " FROM adjudications WHERE prescription_id = $1 FOR UPDATE";
static const char move_sql[] =
    "UPDATE adjudications SET status = $3, reason = $4, version = version + 1, updated_at = now(),"
    " claimed_at = CASE WHEN $3 = 'claimed' THEN now() ELSE claimed_at END, late_since = NULL WHERE id = $1 AND version = $2";
static const char history_sql[] =
    "INSERT INTO adjudication_history (adjudication_id, from_status, to_status, claim, reason) VALUES ($1, $2, $3, $4, $5)";

static void
from_row(struct adjudication *a, const struct row *w)
{
	*a = (struct adjudication){
		.id = row_uuid(w, "id"),
		.prescription = row_uuid(w, "prescription_id"),
		.patient = row_uuid(w, "patient_id"),
		.pharmacy_id = row_str(w, "pharmacy_id"),
		.pharmacy_name = row_str(w, "pharmacy_name"),
		.status = row_str(w, "status"),
		.reason = row_opt_str(w, "reason"),
		.claim = row_int(w, "claim"),
		.prior_auth_number = row_opt_str(w, "prior_auth_number"),
		.insurance_type = row_opt_str(w, "insurance_type"),
		.program_id = row_opt_str(w, "program_id"),
		.program_name = row_opt_str(w, "program_name"),
		.max_discount = row_int(w, "max_discount_cents"),
		.payer_claim_id = row_opt_str(w, "payer_claim_id"),
		.drug_cost = row_int(w, "drug_cost_cents"),
		.insurance_paid = row_int(w, "insurance_paid_cents"),
		.copay = row_int(w, "copay_cents"),
		.discount = row_int(w, "discount_cents"),
		.final_copay = row_int(w, "final_copay_cents"),
		.programs = row_opt_str(w, "programs"),
		.paid = row_bool(w, "paid"),
		.late = row_bool(w, "late"),
		.version = row_int(w, "version"),
		.updated_at = row_time(w, "updated_at"),
	};
}

int
adjudication_load(struct db *db, struct uuid id, bool lock, struct adjudication *ret, struct problem *err)
{
	const struct row *w;
	int rc = lock ? db_one(db, &w, load_locked_sql, err, P_UUID(id)) : db_one(db, &w, load_sql, err, P_UUID(id));

	if (rc < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such adjudication");
	from_row(ret, w);
	return 0;
}

int
adjudication_of(struct db *db, struct uuid prescription, bool lock, struct adjudication *ret, bool *found, struct problem *err)
{
	const struct row *w;
	int rc =
	    lock ? db_one(db, &w, find_locked_sql, err, P_UUID(prescription)) : db_one(db, &w, find_sql, err, P_UUID(prescription));

	if (rc < 0)
		return -1;
	*found = w != NULL;
	if (w != NULL)
		from_row(ret, w);
	return 0;
}

bool
adjudication_is(const struct adjudication *a, const char *status)
{
	return strcmp(a->status, status) == 0;
}

int
adjudication_move(struct db *db, struct adjudication *a, const char *status, const char *reason, struct problem *err)
{
	struct arena *arena = db_current_arena(db);
	int64_t n = db_exec(db, move_sql, err, P_UUID(a->id), P_INT(a->version), P_TEXT(status), P_TEXT(reason));
	char id[UUID_TEXT];

	if (n < 0)
		return -1;
	if (n == 0)
		return problem(err, 409, "serialization", "the adjudication moved meanwhile");
	if (db_exec(db, history_sql, err, P_UUID(a->id), P_TEXT(a->status), P_TEXT(status), P_INT(a->claim), P_TEXT(reason)) < 0 ||
	    audit_add(db,
		&(struct audit_entry){ .action = "adjudication.status",
		    .object = "adjudications",
		    .object_id = uuid_text(a->id, id),
		    .reason = reason,
		    .detail =
			arena_printf(arena, "{\"from\":\"%s\",\"to\":\"%s\",\"claim\":%" PRId64 "}", a->status, status, a->claim) },
		err) < 0 ||
	    (a->late && let_person(db, a, "adjudication.no_result", err) < 0))
		return -1;
	a->status = status;
	a->reason = reason;
	a->late = false;
	a->version++;
	a->updated_at = clock_us();
	return adjudication_drop(db, a, err);
}

/* ---- what others hear */

static struct json_writer
begin(struct buf *b, const struct adjudication *a)
{
	struct json_writer w;

	jw_start(&w, b);
	jw_object(&w, NULL);
	jw_uuid(&w, "event_id", uuid_new());
	jw_uuid(&w, "prescription_id", a->prescription);
	jw_uuid(&w, "patient_id", a->patient);
	jw_int(&w, "claim", a->claim);
	jw_time(&w, "timestamp", clock_us());
	return w;
}

static int
publish(struct db *db, const struct adjudication *a, const char *topic, struct json_writer *w, struct buf *b, struct problem *err)
{
	jw_end(w);
	return event_publish(db, topic, a->prescription, buf_str(b), err);
}

static bool
took(const json_t *program)
{
	return strcmp(json_text_at(program, "status"), "approved") == 0;
}

int
tell_completed(struct db *db, const struct adjudication *a, struct problem *err)
{
	struct arena *arena = db_current_arena(db);
	struct buf b = buf_in(arena, 16 * 1024);
	struct json_writer w = begin(&b, a);
	const json_t *programs = json_read(arena, a->programs, strlen(a->programs), err);
	json_t *p;
	size_t i;

	if (programs == NULL)
		return -1;
	jw_uuid(&w, "adjudication_id", a->id);
	jw_int(&w, "drug_cost_cents", a->drug_cost);
	jw_int(&w, "insurance_paid_cents", a->insurance_paid);
	jw_int(&w, "copay_cents", a->copay);
	jw_int(&w, "final_copay_cents", a->final_copay);
	jw_int(&w, "patient_savings_cents", a->discount);
	jw_array(&w, "programs_applied");
	json_array_foreach(programs, i, p)
		if (took(p))
			jw_str(&w, NULL, json_text_at(p, "program_name"));
	jw_end(&w);
	jw_array(&w, "programs");
	json_array_foreach(programs, i, p) {
		if (!took(p))
			continue;
		jw_object(&w, NULL);
		jw_str(&w, "program_id", json_text_at(p, "program_id"));
		jw_int(&w, "discount_cents", json_int_at(p, "discount_cents", 0));
		jw_end(&w);
	}
	jw_end(&w);
	return publish(db, a, "insurance.adjudication.completed", &w, &b, err);
}

int
tell_rejected(struct db *db, const struct adjudication *a, const char *code, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 4096);
	struct json_writer w = begin(&b, a);

	jw_str(&w, "code", code);
	return publish(db, a, "adjudication.rejected", &w, &b, err);
}

int
tell_prior_auth(struct db *db, const struct adjudication *a, struct uuid prior_auth, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 4096);
	struct json_writer w = begin(&b, a);

	jw_uuid(&w, "prior_auth_id", prior_auth);
	return publish(db, a, "adjudication.prior_auth.required", &w, &b, err);
}

/* ---- whom staff hears of */

int
call_person(struct db *db, const struct adjudication *a, const char *kind, const char *code, struct problem *err)
{
	char subject[UUID_TEXT], id[UUID_TEXT];
	const char *advice = strcmp(kind, "adjudication.rejected") == 0 ? reject_find(code)->advice : "look";

	return attention_raise(db,
	    &(struct attention){ .kind = kind,
		.subject = uuid_text(a->prescription, subject),
		.code = code,
		.patient = a->patient,
		.detail = arena_printf(db_current_arena(db), "{\"adjudicationId\":\"%s\",\"claim\":%" PRId64 ",\"advice\":\"%s\"}",
		    uuid_text(a->id, id), a->claim, advice) },
	    err);
}

int
let_person(struct db *db, const struct adjudication *a, const char *kind, struct problem *err)
{
	char subject[UUID_TEXT];

	return attention_clear(db, kind, uuid_text(a->prescription, subject), "went_on", err);
}
