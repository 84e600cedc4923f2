/*
 * attempt.c: each claim that was made, at which pharmacy. A result says by the claim's number, or by the payer's id of it, of which it speaks; one of an earlier
 * claim is kept and changes nothing but what is known of that claim. When another pharmacy is selected, what the first one was paid, or may yet be paid, has to
 * be taken back there, else the payer rejects the second as a refill too soon. The pharmacies' API knows no reversal: a person has the pharmacy reverse the claim
 * and says so here.
 */
#include "data/attention.h"
#include "adjudication/adjudication.h"

static const char add_sql[] =
    "INSERT INTO adjudication_claims (adjudication_id, claim, pharmacy_id, pharmacy_name) SELECT id, claim, pharmacy_id, pharmacy_name"
    " FROM adjudications WHERE id = $1 ON CONFLICT ON CONSTRAINT adjudication_claims_once DO NOTHING";
static const char sent_sql[] =
    "UPDATE adjudication_claims SET status = 'sent', updated_at = now() WHERE adjudication_id = $1 AND claim = $2 AND status = 'made'";
static const char settled_sql[] =
    "UPDATE adjudication_claims SET status = CASE WHEN status <> 'sent' THEN status WHEN $3::boolean THEN 'taken' ELSE 'rejected' END,"
    " claim_ref = coalesce($4, claim_ref), updated_at = now() WHERE adjudication_id = $1 AND claim = $2 RETURNING id, status";
static const char withdrawn_sql[] =
    "UPDATE adjudication_claims SET status = 'withdrawn', updated_at = now() WHERE adjudication_id = $1 AND claim = $2"
    " AND (status = 'made' OR (status = 'sent' AND $3::boolean))";
static const char named_sql[] =
    "SELECT claim FROM adjudication_results WHERE adjudication_id = $1 AND payer_claim_id = $2 AND outcome <> 'inconsistent'"
    " ORDER BY claim DESC LIMIT 1";
static const char unanswered_sql[] =
    "SELECT claim FROM adjudication_claims WHERE adjudication_id = $1 AND claim < $2 AND status IN ('sent', 'taken')"
    " AND ($3::text IS NULL OR pharmacy_id <> $3) ORDER BY claim DESC LIMIT 1";
static const char newer_sql[] = "SELECT 1 FROM adjudication_results WHERE adjudication_id = $1 AND claim = $2 AND happened_at > $3 LIMIT 1";
static const char result_sql[] =
    "UPDATE adjudication_claims SET status = $3, payer_claim_id = $4, updated_at = now() WHERE adjudication_id = $1 AND claim = $2"
    " AND status NOT IN ('made', 'withdrawn') RETURNING id";
/* What stands, or may stand, at a pharmacy that is not to fill it; a later claim that the same pharmacy was paid has replaced it. */
#define STANDS \
	"c.adjudication_id = $1 AND c.pharmacy_id <> $2 AND c.reversal IS NULL AND c.status IN ('sent', 'taken', 'approved')" \
	" AND NOT EXISTS (SELECT FROM adjudication_claims l WHERE l.adjudication_id = c.adjudication_id AND l.pharmacy_id = c.pharmacy_id" \
	"  AND l.claim > c.claim AND l.status = 'approved')"
static const char due_sql[] =
    "UPDATE adjudication_claims c SET reversal = 'due', updated_at = now() WHERE " STANDS " RETURNING id, claim, pharmacy_id, payer_claim_id";
static const char undue_sql[] =
    "UPDATE adjudication_claims SET reversal = NULL, updated_at = now() WHERE id = $1 AND reversal = 'due' AND status NOT IN ('sent', 'taken', 'approved')";
static const char find_sql[] = "SELECT adjudication_id FROM adjudication_claims WHERE id = $1";
static const char lock_sql[] =
    "SELECT claim, pharmacy_id, reversal, reversed_at FROM adjudication_claims WHERE id = $1 FOR UPDATE";
static const char reversed_sql[] =
    "UPDATE adjudication_claims SET reversal = 'done', reversed_at = now(), reversed_by = $2, updated_at = now() WHERE id = $1 RETURNING reversed_at";
static const char list_sql[] =
    "SELECT id, claim, pharmacy_id, pharmacy_name, status, claim_ref, payer_claim_id, reversal, reversed_at FROM adjudication_claims"
    " WHERE adjudication_id = $1 ORDER BY claim DESC LIMIT 50";

static const char reverse[] = "adjudication.reverse";

/* ---- its life */

int
attempt_add(struct db *db, const struct adjudication *a, struct problem *err)
{
	return db_exec(db, add_sql, err, P_UUID(a->id)) < 0 ? -1 : 0;
}

int
attempt_sent(struct db *db, const struct adjudication *a, struct problem *err)
{
	return db_exec(db, sent_sql, err, P_UUID(a->id), P_INT(a->claim)) < 0 ? -1 : 0;
}

/* Nothing of it is at its pharmacy, for certain: it needs no reversal. */
static int
undue(struct db *db, struct uuid attempt, struct problem *err)
{
	char id[UUID_TEXT];

	if (db_exec(db, undue_sql, err, P_UUID(attempt)) < 0)
		return -1;
	return attention_clear(db, reverse, uuid_text(attempt, id), "not_paid", err);
}

int
attempt_settled(struct db *db, struct uuid adjudication, int64_t claim, bool taken, const char *ref, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, settled_sql, err, P_UUID(adjudication), P_INT(claim), P_BOOL(taken), P_TEXT(ref)) < 0)
		return -1;
	return w != NULL && strcmp(row_str(w, "status"), "rejected") == 0 ? undue(db, row_uuid(w, "id"), err) : 0;
}

/* ---- what comes of it */

int
attempt_named(struct db *db, const struct adjudication *a, struct figures *f, struct problem *err)
{
	bool queued = adjudication_is(a, "queued"); /* it is still to be sent: an answer is of the one before */
	const struct row *w;

	if (f->claim != 0)
		return 0;
	if (db_one(db, &w, named_sql, err, P_UUID(a->id), P_TEXT(f->payer_claim_id)) < 0)
		return -1;
	if (w == NULL) {
		if (db_one(db, &w, unanswered_sql, err, P_UUID(a->id), P_INT(a->claim), P_TEXT(queued ? NULL : a->pharmacy_id)) < 0)
			return -1;
		if (w != NULL && !queued && f->fault == NULL)
			f->fault = "claim_not_named";
		if (!queued)
			return 0;
	}
	f->claim = w != NULL ? row_int(w, "claim") : 0;
	return 0;
}

static int
raise(struct db *db, const struct adjudication *a, const struct row *w, const char *code, struct problem *err)
{
	struct buf b = buf_in(db_current_arena(db), 1024);
	char subject[UUID_TEXT];
	struct json_writer j;

	jw_start(&j, &b);
	jw_object(&j, NULL);
	jw_uuid(&j, "adjudicationId", a->id);
	jw_uuid(&j, "prescriptionId", a->prescription);
	jw_int(&j, "claim", row_int(w, "claim"));
	jw_str(&j, "pharmacyId", row_str(w, "pharmacy_id"));
	jw_opt_str(&j, "payerClaimId", row_opt_str(w, "payer_claim_id"));
	jw_end(&j);
	return attention_raise(db, &(struct attention){ .kind = reverse, .subject = uuid_text(row_uuid(w, "id"), subject), .code = code,
	    .patient = a->patient, .detail = buf_str(&b) }, err);
}

static int
reverse_others(struct db *db, const struct adjudication *a, const char *code, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, due_sql, err, P_UUID(a->id), P_TEXT(a->pharmacy_id)) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		if (raise(db, a, rows_at(rows, i), code, err) < 0)
			return -1;
	return adjudication_drop(db, a, err);
}

int
attempt_result(struct db *db, const struct adjudication *a, const struct figures *f, struct problem *err)
{
	int64_t claim = f->claim != 0 ? f->claim : a->claim;
	const struct row *w;

	if (f->happened_at != 0) {
		if (db_one(db, &w, newer_sql, err, P_UUID(a->id), P_INT(claim), P_TIME(f->happened_at)) < 0)
			return -1;
		if (w != NULL)
			return 0;
	}
	if (db_one(db, &w, result_sql, err, P_UUID(a->id), P_INT(claim), P_TEXT(f->status), P_TEXT(f->payer_claim_id)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	if (strcmp(f->status, "approved") != 0)
		return undue(db, row_uuid(w, "id"), err) < 0 ? -1 : adjudication_drop(db, a, err);
	return reverse_others(db, a, "approved_late", err);
}

/* ---- another pharmacy */

int
attempts_leave(struct db *db, const struct adjudication *a, struct problem *err)
{
	bool sent = true;

	if (adjudication_is(a, "sending") && effect_withdraw(db, "pharmacy.claim", a->id, &sent, err) < 0)
		return -1;
	if (db_exec(db, withdrawn_sql, err, P_UUID(a->id), P_INT(a->claim), P_BOOL(!sent)) < 0)
		return -1;
	return reverse_others(db, a, "rerouted", err);
}

/* The pharmacy has reversed it, says a member of the staff. Said again it is the same. */
int
attempt_reversed(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "id");
	const struct row *found, *w, *now;
	struct json_writer *j;
	struct adjudication a;
	char subject[UUID_TEXT];

	req_object(r, "adjudication_claims", id);
	if (db_one(r->db, &found, find_sql, err, P_UUID(id)) < 0)
		return -1;
	if (found == NULL)
		return problem(err, 404, "not_found", "no such claim");
	if (adjudication_load(r->db, row_uuid(found, "adjudication_id"), true, &a, err) < 0 || db_one(r->db, &w, lock_sql, err, P_UUID(id)) < 0)
		return -1;
	if (row_is_null(w, "reversal"))
		return problem(err, 409, "not_due", "this claim is not to be reversed");
	now = w;
	if (strcmp(row_str(w, "reversal"), "due") == 0 && (db_one(r->db, &now, reversed_sql, err, P_UUID(id), P_TEXT(r->scope.actor)) < 0 ||
	    attention_clear(r->db, reverse, uuid_text(id, subject), "reversed", err) < 0 || adjudication_drop(r->db, &a, err) < 0))
		return -1;
	j = reply_json(r, 200);
	jw_object(j, NULL);
	jw_uuid(j, "claim_id", id);
	jw_uuid(j, "prescription_id", a.prescription);
	jw_int(j, "claim", row_int(w, "claim"));
	jw_str(j, "pharmacy_id", row_str(w, "pharmacy_id"));
	jw_str(j, "reversal", "done");
	jw_time(j, "reversed_at", row_time(now, "reversed_at"));
	jw_end(j);
	return 0;
}

int
attempts_write(struct db *db, struct json_writer *w, const struct adjudication *a, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, list_sql, err, P_UUID(a->id)) < 0)
		return -1;
	jw_array(w, "claims");
	for (size_t i = rows_count(rows); i-- > 0;) {
		const struct row *c = rows_at(rows, i);

		jw_object(w, NULL);
		jw_uuid(w, "id", row_uuid(c, "id"));
		jw_int(w, "claim", row_int(c, "claim"));
		jw_str(w, "pharmacy_id", row_str(c, "pharmacy_id"));
		jw_str(w, "pharmacy_name", row_str(c, "pharmacy_name"));
		jw_str(w, "status", row_str(c, "status"));
		jw_opt_str(w, "claim_ref", row_opt_str(c, "claim_ref"));
		jw_opt_str(w, "payer_claim_id", row_opt_str(c, "payer_claim_id"));
		jw_opt_str(w, "reversal", row_opt_str(c, "reversal"));
		if (!row_is_null(c, "reversed_at"))
			jw_time(w, "reversed_at", row_time(c, "reversed_at"));
		jw_end(w);
	}
	jw_end(w);
	return 0;
}
