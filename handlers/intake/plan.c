/*
 * plan.c: plans, their signed prices (Y-TOK-01 to 06, Y-DB-02, Y-INT-U1) and their questionnaires (Y-INT-U7).
 * A price comes from intake_plans only. The token says which price the patient saw; it is believed when we signed it, lately, and
 * the price still holds.
 */
#include "intake/intake.h"

#include "base/clock.h"
#include "crypto/signature.h"

#define TOKEN_MAX 2048
#define AHEAD_MS 2000	/* two of our hosts' clocks may differ this much */

static const char list_sql[] =
	"SELECT p.id, p.name, p.intake_type, p.amount_cents, p.currency,"
	" (SELECT f.version FROM intake_forms f WHERE f.intake_type = p.intake_type AND f.active"
	" ORDER BY f.version DESC LIMIT 1) AS form_version"
	" FROM intake_plans p WHERE p.active AND ($1::text IS NULL OR p.intake_type = $1) ORDER BY p.intake_type, p.position, p.id";
static const char price_sql[] = "SELECT intake_type, amount_cents, currency FROM intake_plans WHERE id = $1 AND active";
static const char form_sql[] =
	"SELECT version, title, steps FROM intake_forms WHERE intake_type = $1 AND active ORDER BY version DESC LIMIT 1";

static const char *
sign_plan(struct req *r, const struct row *p)
{
	struct buf json = buf_in(r->arena, TOKEN_MAX), token = buf_in(r->arena, TOKEN_MAX);
	struct json_writer w;

	jw_start(&w, &json);
	jw_object(&w, NULL);
	jw_str(&w, "planId", row_str(p, "id"));
	jw_int(&w, "amountCents", row_int(p, "amount_cents"));
	jw_str(&w, "intakeType", row_str(p, "intake_type"));
	jw_int(&w, "ts", clock_us() / 1000);
	jw_end(&w);
	plan_token_sign(conf_str(r->conf, "PLAN_SIGNING_SECRET"), json.data, &token);
	return token.data;
}

int
plan_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "intakeType"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "plans");
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *p = rows_at(rows, i);

		jw_object(w, NULL);
		jw_str(w, "planId", row_str(p, "id"));
		jw_str(w, "name", row_str(p, "name"));
		jw_str(w, "intakeType", row_str(p, "intake_type"));
		jw_int(w, "amountCents", row_int(p, "amount_cents"));
		jw_str(w, "currency", row_str(p, "currency"));
		jw_opt_str(w, "formVersion", row_opt_str(p, "form_version"));
		jw_str(w, "planToken", sign_plan(r, p));
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}

int
form_show(struct req *r, struct problem *err)
{
	const struct row *f;

	if (db_one(r->db, &f, form_sql, err, P_TEXT(req_str(r, "intakeType"))) < 0)
		return -1;
	if (f == NULL)
		return problem(err, 404, "not_found", "no form of this intake type");
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_str(w, "intakeType", req_str(r, "intakeType"));
	jw_str(w, "formVersion", row_str(f, "version"));
	jw_str(w, "title", row_str(f, "title"));
	jw_raw(w, "steps", row_str(f, "steps"));
	jw_end(w);
	return 0;
}

static int
token_age(const struct conf *conf, int64_t ts, struct problem *err)
{
	int64_t now = clock_us() / 1000;

	if (ts > now + AHEAD_MS)
		return problem(err, 400, "future_plan_token", "Token is from the future");
	if (now - ts > conf_int(conf, "PLAN_TOKEN_TTL") * 1000)
		return problem(err, 400, "token_expired", "Token expired");
	return 0;
}

int
plan_token_read(struct req *r, const char *token, struct plan_claim *ret, struct problem *err)
{
	struct buf json = buf_in(r->arena, TOKEN_MAX);
	const json_t *claim, *amount, *ts;

	if (token == NULL || *token == '\0')
		return problem(err, 400, "missing_plan_token", "Missing plan token");
	if (plan_token_open(conf_str(r->conf, "PLAN_SIGNING_SECRET"), token, &json, err) < 0)
		return -1;
	claim = json_read(r->arena, buf_str(&json), json.len, err);
	if (claim == NULL)
		return -1;
	ret->plan_id = json_text_at(claim, "planId");
	ret->intake_type = json_text_at(claim, "intakeType");
	amount = json_object_get(claim, "amountCents");
	ts = json_object_get(claim, "ts");
	if (ret->plan_id == NULL || ret->intake_type == NULL || !json_is_integer(amount) || !json_is_integer(ts))
		return problem(err, 400, "tampered_plan_token", "Tampered plan token");
	ret->amount_cents = json_integer_value(amount);
	return token_age(r->conf, json_integer_value(ts), err);
}

int
plan_agrees(struct db *db, const struct plan_claim *c, struct plan *ret, struct problem *err)
{
	const struct row *p;

	if (db_one(db, &p, price_sql, err, P_TEXT(c->plan_id)) < 0)
		return -1;
	if (p == NULL || strcmp(row_str(p, "intake_type"), c->intake_type) != 0)
		return problem(err, 422, "plan_unavailable", "the plan is not offered any more");
	if (row_int(p, "amount_cents") != c->amount_cents)
		return problem(err, 400, "amount_mismatch", "Amount mismatch");
	ret->currency = row_str(p, "currency");
	return 0;
}
