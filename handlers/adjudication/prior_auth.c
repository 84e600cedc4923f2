/*
 * prior_auth.c: what must happen when a payer wants to be asked first (P-ADJ-09): staff has the prescriber ask, and writes down what became of it. An approval
 * makes the next claim, with the payer's number, once; a denial can be appealed.
 */
#include "adjudication/adjudication.h"

#define FIELDS \
	"p.id, p.adjudication_id, p.prescription_id, p.patient_id, p.claim, p.status, p.reason, p.number, p.appeals, p.submitted_at, p.decided_at, p.created_at"
static const char show_sql[] = "SELECT " FIELDS " FROM prior_authorizations p WHERE p.id = $1";
static const char lock_sql[] = "SELECT " FIELDS " FROM prior_authorizations p WHERE p.id = $1 FOR UPDATE";
static const char list_sql[] =
    "SELECT " FIELDS
    " FROM prior_authorizations p WHERE ($1::text IS NULL OR p.status = $1) AND ($2::uuid IS NULL OR p.prescription_id = $2)"
    " ORDER BY p.created_at, p.id LIMIT 100";
static const char open_sql[] =
    "INSERT INTO prior_authorizations (id, adjudication_id, prescription_id, patient_id, claim) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT ON CONSTRAINT prior_authorizations_once DO NOTHING";
static const char find_sql[] = "SELECT id FROM prior_authorizations WHERE adjudication_id = $1 AND claim = $2";
static const char change_sql[] =
    "UPDATE prior_authorizations SET status = $2, reason = $3, number = $4, version = version + 1, updated_at = now(),"
    " appeals = appeals + CASE WHEN $2 = 'appealed' THEN 1 ELSE 0 END, submitted_at = CASE WHEN $2 = 'submitted' THEN now() ELSE submitted_at END,"
    " decided_at = CASE WHEN $2 IN ('approved', 'denied') THEN now() ELSE decided_at END WHERE id = $1";
static const char withdraw_sql[] =
    "UPDATE prior_authorizations SET status = 'withdrawn', version = version + 1, updated_at = now() WHERE adjudication_id = $1"
    " AND status IN ('pending', 'submitted', 'denied', 'appealed')";
static const char number_sql[] = "UPDATE adjudications SET prior_auth_number = $2 WHERE id = $1";

/* What may follow what; a step that was taken already is answered again. */
static const struct {
	const char *from, *to;
} edges[] = {
	{ "pending", "submitted" },
	{ "submitted", "approved" },
	{ "submitted", "denied" },
	{ "denied", "appealed" },
	{ "appealed", "approved" },
	{ "appealed", "denied" },
	{ "pending", "withdrawn" },
	{ "submitted", "withdrawn" },
	{ "denied", "withdrawn" },
	{ "appealed", "withdrawn" },
};

static bool
may(const char *from, const char *to)
{
	for (size_t i = 0; i < COUNT(edges); i++)
		if (strcmp(edges[i].from, from) == 0 && strcmp(edges[i].to, to) == 0)
			return true;
	return false;
}

static void
to_json(struct json_writer *w, const struct row *p)
{
	jw_object(w, NULL);
	jw_uuid(w, "prior_auth_id", row_uuid(p, "id"));
	jw_uuid(w, "adjudication_id", row_uuid(p, "adjudication_id"));
	jw_uuid(w, "prescription_id", row_uuid(p, "prescription_id"));
	jw_uuid(w, "patient_id", row_uuid(p, "patient_id"));
	jw_int(w, "claim", row_int(p, "claim"));
	jw_str(w, "status", row_str(p, "status"));
	jw_opt_str(w, "reason", row_opt_str(p, "reason"));
	jw_opt_str(w, "authorization_number", row_opt_str(p, "number"));
	jw_int(w, "appeals", row_int(p, "appeals"));
	if (!row_is_null(p, "submitted_at"))
		jw_time(w, "submitted_at", row_time(p, "submitted_at"));
	if (!row_is_null(p, "decided_at"))
		jw_time(w, "decided_at", row_time(p, "decided_at"));
	jw_time(w, "created_at", row_time(p, "created_at"));
	jw_end(w);
}

int
prior_auth_list(struct req *r, struct problem *err)
{
	struct json_writer *w;
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "status")), P_OPT_UUID(req_uuid(r, "prescription_id"))) < 0)
		return -1;
	w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "prior_authorizations");
	for (size_t i = 0; i < rows_count(rows); i++)
		to_json(w, rows_at(rows, i));
	jw_end(w);
	jw_end(w);
	return 0;
}

static int
answer(struct req *r, struct problem *err)
{
	const struct row *p;

	if (db_one(r->db, &p, show_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (p == NULL)
		return problem(err, 404, "not_found", "no such prior authorisation");
	to_json(reply_json(r, 200), p);
	return 0;
}

int
prior_auth_show(struct req *r, struct problem *err)
{
	return answer(r, err);
}

/* ---- staff's steps */

static int
approved(struct req *r, struct adjudication *a, struct problem *err)
{
	if (db_exec(r->db, number_sql, err, P_UUID(a->id), P_TEXT(req_str(r, "authorization_number"))) < 0 ||
	    let_person(r->db, a, "adjudication.prior_auth", err) < 0 || let_person(r->db, a, "adjudication.rejected", err) < 0)
		return -1;
	return claim_again(r->db, a, "prior_auth_approved", err);
}

static int
denied(struct req *r, struct adjudication *a, struct problem *err)
{
	if (adjudication_move(r->db, a, "rejected", "prior_auth_denied", err) < 0 ||
	    let_person(r->db, a, "adjudication.prior_auth", err) < 0 ||
	    call_person(r->db, a, "adjudication.rejected", "prior_auth_denied", err) < 0)
		return -1;
	return tell_rejected(r->db, a, "prior_auth_denied", err);
}

static int
appealed(struct req *r, struct adjudication *a, struct problem *err)
{
	if (adjudication_move(r->db, a, "prior_auth_required", "appealed", err) < 0 ||
	    let_person(r->db, a, "adjudication.rejected", err) < 0 ||
	    call_person(r->db, a, "adjudication.prior_auth", "appealed", err) < 0)
		return -1;
	return tell_prior_auth(r->db, a, req_uuid(r, "id"), err);
}

static int
withdrawn(struct req *r, struct adjudication *a, struct problem *err)
{
	if (!adjudication_is(a, "rejected") &&
	    (adjudication_move(r->db, a, "rejected", "prior_auth_withdrawn", err) < 0 ||
		tell_rejected(r->db, a, "prior_auth_withdrawn", err) < 0 ||
		call_person(r->db, a, "adjudication.rejected", "prior_auth_withdrawn", err) < 0))
		return -1;
	return let_person(r->db, a, "adjudication.prior_auth", err);
}

/* The rows' order is adjudication before authorisation, as when a result comes, so that the two cannot wait for each other. */
static int
step(struct req *r, const char *to, int (*then)(struct req *r, struct adjudication *a, struct problem *err), struct problem *err)
{
	const char *number = req_opt_str(r, "authorization_number");
	struct adjudication a;
	const struct row *p;
	const char *from;

	req_object(r, "prior_authorizations", req_uuid(r, "id"));
	if (db_one(r->db, &p, show_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (p == NULL)
		return problem(err, 404, "not_found", "no such prior authorisation");
	if (adjudication_load(r->db, row_uuid(p, "adjudication_id"), true, &a, err) < 0 ||
	    db_one(r->db, &p, lock_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	from = row_str(p, "status");
	if (strcmp(from, to) == 0 && (number == NULL || strcmp(number, row_str(p, "number")) == 0))
		return answer(r, err);
	if (!may(from, to))
		return problem(err, 409, "illegal_transition", "an authorisation that is %s cannot become %s", from, to);
	if (row_int(p, "claim") != a.claim)
		return problem(err, 409, "superseded", "another claim was made since");
	if (db_exec(r->db, change_sql, err, P_UUID(req_uuid(r, "id")), P_TEXT(to), P_TEXT(req_opt_str(r, "reason")),
		P_TEXT(number)) < 0 ||
	    (then != NULL && then(r, &a, err) < 0))
		return -1;
	return answer(r, err);
}

int
prior_auth_submit(struct req *r, struct problem *err)
{
	return step(r, "submitted", NULL, err);
}

int
prior_auth_change(struct req *r, struct problem *err)
{
	const char *to = req_str(r, "status");
	bool number = req_opt_str(r, "authorization_number") != NULL;

	if (strcmp(to, "approved") == 0 && !number)
		return problem_member(err, "authorization_number", "required", "an approval has the payer's number");
	if (strcmp(to, "approved") != 0 && number)
		return problem_member(err, "authorization_number", "format", "only an approval has a number");
	return step(r, to,
	    strcmp(to, "approved") == 0     ? approved :
		strcmp(to, "denied") == 0   ? denied :
		strcmp(to, "appealed") == 0 ? appealed :
					      withdrawn,
	    err);
}

/* ---- for the others */

int
prior_auth_open(struct db *db, const struct adjudication *a, struct uuid *ret, struct problem *err)
{
	const struct row *w;

	if (db_exec(db, open_sql, err, P_UUID(uuid_new()), P_UUID(a->id), P_UUID(a->prescription), P_UUID(a->patient),
		P_INT(a->claim)) < 0 ||
	    db_one(db, &w, find_sql, err, P_UUID(a->id), P_INT(a->claim)) < 0)
		return -1;
	*ret = row_uuid(w, "id");
	return 0;
}

int
prior_auth_withdraw(struct db *db, const struct adjudication *a, struct problem *err)
{
	int64_t n = db_exec(db, withdraw_sql, err, P_UUID(a->id));

	if (n < 0)
		return -1;
	return n == 0 ? 0 : let_person(db, a, "adjudication.prior_auth", err);
}
