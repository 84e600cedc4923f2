/*
 * pharmacy.c: the network's pharmacies, kept by administrators (P-DATA-01), and what other services may know of one.
 *
 * A body goes to PostgreSQL as it was checked, and the statement takes it apart: what it does not name keeps its value. Contracts and lists are replaced
 * whole. Nobody is deleted, as decisions name them; a pharmacy that ends is closed.
 */
#include "router/scored/scored.h"

#define SET \
	"($2::jsonb ->> 'name') AS name, $2::jsonb ->> 'npi' AS npi, $2::jsonb ->> 'ncpdp' AS ncpdp, $2::jsonb ->> 'dea' AS dea," \
	" $2::jsonb ->> 'code' AS code, $2::jsonb ->> 'phone' AS phone, $2::jsonb -> 'address' ->> 'line1' AS line1," \
	" $2::jsonb -> 'address' ->> 'line2' AS line2, $2::jsonb -> 'address' ->> 'city' AS city, $2::jsonb -> 'address' ->> 'state' AS state," \
	" $2::jsonb -> 'address' ->> 'zip' AS zip, $2::jsonb ->> 'status' AS status," \
	" CASE WHEN $2::jsonb ? 'states' THEN ARRAY(SELECT jsonb_array_elements_text($2::jsonb -> 'states')) END AS states," \
	" ($2::jsonb ->> 'service_miles')::integer AS service_miles, ($2::jsonb -> 'capabilities' ->> 'specialty')::boolean AS specialty," \
	" ($2::jsonb -> 'capabilities' ->> 'cold_chain')::boolean AS cold_chain, ($2::jsonb -> 'capabilities' ->> 'controlled')::boolean AS controlled," \
	" ($2::jsonb -> 'capabilities' ->> 'compounding')::boolean AS compounding," \
	" CASE WHEN $2::jsonb -> 'capabilities' ? 'drugs' THEN ARRAY(SELECT jsonb_array_elements_text($2::jsonb -> 'capabilities' -> 'drugs')) END AS drugs," \
	" ($2::jsonb -> 'capabilities' ->> 'max_days_supply')::integer AS max_days_supply, ($2::jsonb -> 'capacity' ->> 'daily')::integer AS max_daily_rx," \
	" ($2::jsonb -> 'capacity' ->> 'concurrent')::integer AS max_concurrent_rx, ($2::jsonb -> 'performance' ->> 'accuracy')::numeric AS accuracy," \
	" ($2::jsonb -> 'performance' ->> 'satisfaction')::numeric AS satisfaction," \
	" ($2::jsonb -> 'performance' ->> 'fulfillment_hours')::numeric AS fulfillment_hours"
#define COLUMNS \
	"p.id, jsonb_build_object('pharmacy_id', p.id, 'name', p.name, 'npi', p.npi, 'ncpdp', p.ncpdp, 'dea', p.dea, 'code', p.code, 'phone', p.phone," \
	" 'address', jsonb_strip_nulls(jsonb_build_object('line1', p.line1, 'line2', p.line2, 'city', p.city, 'state', p.state, 'zip', p.zip))," \
	" 'status', p.status, 'states', p.states, 'service_miles', p.service_miles," \
	" 'capabilities', jsonb_build_object('specialty', p.specialty, 'cold_chain', p.cold_chain, 'controlled', p.controlled," \
	"   'compounding', p.compounding, 'drugs', p.drugs, 'max_days_supply', p.max_days_supply)," \
	" 'insurance_contracts', (SELECT coalesce(jsonb_agg(jsonb_build_object('payer', c.payer, 'bin', c.bin, 'tier', c.tier, 'from', c.starts_on," \
	"   'until', c.ends_on) ORDER BY c.id), '[]') FROM pharmacy_contracts c WHERE c.pharmacy_id = p.id)," \
	" 'capacity', jsonb_build_object('daily', p.max_daily_rx, 'concurrent', p.max_concurrent_rx, 'open', p.open_rx)," \
	" 'performance', jsonb_build_object('accuracy', p.accuracy, 'satisfaction', p.satisfaction, 'fulfillment_hours', p.fulfillment_hours))::text AS shown"

static const char insert_sql[] =
	"INSERT INTO pharmacies (id, name, npi, ncpdp, dea, code, phone, line1, line2, city, state, zip, status, states, service_miles, specialty, cold_chain,"
	" controlled, compounding, drugs, max_days_supply, max_daily_rx, max_concurrent_rx, accuracy, satisfaction, fulfillment_hours)"
	" SELECT $1, name, npi, ncpdp, dea, coalesce(code, 'network'), phone, line1, line2, city, state, zip, coalesce(status, 'active'), states, service_miles,"
	" coalesce(specialty, false), coalesce(cold_chain, false), coalesce(controlled, false), coalesce(compounding, false), coalesce(drugs, '{}'),"
	" coalesce(max_days_supply, 90), max_daily_rx, max_concurrent_rx, accuracy, satisfaction, fulfillment_hours FROM (SELECT " SET ") b";
static const char change_sql[] =
	"UPDATE pharmacies p SET name = coalesce(b.name, p.name), npi = coalesce(b.npi, p.npi), ncpdp = coalesce(b.ncpdp, p.ncpdp),"
	" dea = CASE WHEN $2::jsonb ? 'dea' THEN b.dea ELSE p.dea END, code = coalesce(b.code, p.code), phone = coalesce(b.phone, p.phone),"
	" line1 = coalesce(b.line1, p.line1), line2 = CASE WHEN $2::jsonb ? 'address' THEN b.line2 ELSE p.line2 END, city = coalesce(b.city, p.city),"
	" state = coalesce(b.state, p.state), zip = coalesce(b.zip, p.zip), status = coalesce(b.status, p.status), states = coalesce(b.states, p.states),"
	" service_miles = CASE WHEN $2::jsonb ? 'service_miles' THEN b.service_miles ELSE p.service_miles END,"
	" specialty = coalesce(b.specialty, p.specialty), cold_chain = coalesce(b.cold_chain, p.cold_chain), controlled = coalesce(b.controlled, p.controlled),"
	" compounding = coalesce(b.compounding, p.compounding), drugs = coalesce(b.drugs, p.drugs),"
	" max_days_supply = coalesce(b.max_days_supply, p.max_days_supply), max_daily_rx = coalesce(b.max_daily_rx, p.max_daily_rx),"
	" max_concurrent_rx = coalesce(b.max_concurrent_rx, p.max_concurrent_rx), accuracy = coalesce(b.accuracy, p.accuracy),"
	" satisfaction = coalesce(b.satisfaction, p.satisfaction), fulfillment_hours = coalesce(b.fulfillment_hours, p.fulfillment_hours), updated_at = now()"
	" FROM (SELECT " SET ") b WHERE p.id = $1";
static const char no_contracts_sql[] = "DELETE FROM pharmacy_contracts WHERE pharmacy_id = $1";
static const char contracts_sql[] =
	"INSERT INTO pharmacy_contracts (pharmacy_id, payer, bin, tier, starts_on, ends_on)"
	" SELECT $1, c ->> 'payer', c ->> 'bin', c ->> 'tier', (c ->> 'from')::date, (c ->> 'until')::date"
	" FROM jsonb_array_elements($2::jsonb -> 'insurance_contracts') WITH ORDINALITY AS x (c, n) ORDER BY n";
static const char show_sql[] = "SELECT " COLUMNS " FROM pharmacies p WHERE p.id = $1";
static const char list_sql[] =
	"SELECT " COLUMNS " FROM pharmacies p WHERE ($1::text IS NULL OR p.status = $1) AND ($2::text IS NULL OR $2 = ANY (p.states))"
	" AND ($3::uuid IS NULL OR p.id > $3) ORDER BY p.id LIMIT $4::bigint";
static const char controlled_sql[] = "SELECT controlled AND dea IS NULL AS unregistered FROM pharmacies WHERE id = $1";
static const char address_sql[] = "SELECT id, name, npi, ncpdp, code, phone, line1, line2, city, state, zip FROM pharmacies WHERE id = $1";

/* Luhn over the ten digits and the prefix 80840, whose share of the sum is 24. */
static bool
npi_good(const char *npi)
{
	int sum = 24;

	if (strlen(npi) != 10 || strspn(npi, "0123456789") != 10 || npi[0] < '1' || npi[0] > '2')
		return false;
	for (size_t i = 0; i < 10; i++) {
		int d = npi[i] - '0';

		sum += i % 2 == 0 ? d * 2 / 10 + d * 2 % 10 : d;
	}
	return sum % 10 == 0;
}

/* A letter, a letter or 9, and seven digits of which the last is the check: d1+d3+d5 + 2(d2+d4+d6), its last digit. */
static bool
dea_good(const char *dea)
{
	int sum = 0;

	if (strlen(dea) != 9 || dea[0] < 'A' || dea[0] > 'Z' || !((dea[1] >= 'A' && dea[1] <= 'Z') || dea[1] == '9') ||
	    strspn(dea + 2, "0123456789") != 7)
		return false;
	for (size_t i = 0; i < 6; i++)
		sum += (dea[2 + i] - '0') * (i % 2 == 0 ? 1 : 2);
	return sum % 10 == dea[8] - '0';
}

static bool
digits(const char *s, size_t least, size_t most)
{
	size_t n = strlen(s);

	return n >= least && n <= most && strspn(s, "0123456789") == n;
}

/* What the field table cannot say. The problem is the core's own for bad members. */
static int
check(struct req *r, struct problem *err)
{
	const json_t *item;
	size_t i;
	unsigned bad = 0;

	problem_clear(err);
	if (req_has(r, "npi") && !npi_good(req_str(r, "npi")) && ++bad)
		(void)problem_member(err, "npi", "npi_checksum", "ten digits with a check digit");
	if (req_has(r, "ncpdp") && !digits(req_str(r, "ncpdp"), 7, 7) && ++bad)
		(void)problem_member(err, "ncpdp", "format", "seven digits");
	if (req_has(r, "dea") && !dea_good(req_str(r, "dea")) && ++bad)
		(void)problem_member(err, "dea", "dea_checksum", "two letters and seven digits with a check digit");
	if (json_at(r->body, "address.zip") != NULL && !digits(json_text_at(r->body, "address.zip"), 5, 5) && ++bad)
		(void)problem_member(err, "address.zip", "format", "five digits");
	json_array_foreach(json_at(r->body, "capabilities.drugs"), i, item)
		if (!digits(json_string_value(item), 4, 11) && ++bad)
			(void)problem_member(err, "capabilities.drugs", "format", "the first 4 to 11 digits of an NDC");
	json_array_foreach(req_json(r, "insurance_contracts"), i, item)
		if (json_text_at(item, "bin") != NULL && !digits(json_text_at(item, "bin"), 6, 6) && ++bad)
			(void)problem_member(err, "insurance_contracts.bin", "format", "six digits");
	return bad == 0 ? 0 : problem(err, 422, "validation_failed", "some members are missing or outside their limits");
}

static const char *
body_text(struct req *r)
{
	struct buf b = buf_in(r->arena, (size_t)512 * 1024);
	struct json_writer w;

	jw_start(&w, &b);
	jw_tree(&w, NULL, r->body);
	return buf_str(&b);
}

static int
reply(struct req *r, int status, struct uuid id, struct problem *err)
{
	const struct row *w;

	if (db_one(r->db, &w, show_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "not_found", "no such pharmacy");
	jw_raw(reply_json(r, status), NULL, row_str(w, "shown"));
	return 0;
}

/* Names the pharmacy that already has it. */
static int
refuse_twin(struct problem *err)
{
	if (db_violates(err, "pharmacies_npi") || db_violates(err, "pharmacies_ncpdp"))
		return problem(err, 409, "duplicate_pharmacy", "a pharmacy with this NPI or NCPDP number is on file");
	return -1;
}

/* Rows are written: the contracts follow, and what was remembered of its capacity is out of date. */
static int
settle(struct req *r, struct uuid id, const char *body, struct problem *err)
{
	const struct row *w;

	if (req_json(r, "insurance_contracts") != NULL &&
	    (db_exec(r->db, no_contracts_sql, err, P_UUID(id)) < 0 || db_exec(r->db, contracts_sql, err, P_UUID(id), P_TEXT(body)) < 0))
		return -1;
	if (db_one(r->db, &w, controlled_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w != NULL && row_bool(w, "unregistered"))
		return problem(err, 422, "dea_required", "a pharmacy for controlled substances has a DEA registration");
	return capacity_forget(r->db, id, err);
}

int
pharmacy_create(struct req *r, struct problem *err)
{
	const char *body = body_text(r);
	struct uuid id = uuid_new();

	if (check(r, err) < 0)
		return -1;
	req_object(r, "pharmacies", id);
	if (db_exec(r->db, insert_sql, err, P_UUID(id), P_TEXT(body)) < 0)
		return refuse_twin(err);
	return settle(r, id, body, err) < 0 ? -1 : reply(r, 201, id, err);
}

int
pharmacy_change(struct req *r, struct problem *err)
{
	const char *body = body_text(r);
	struct uuid id = req_uuid(r, "id");

	if (check(r, err) < 0)
		return -1;
	req_object(r, "pharmacies", id);
	if (db_exec(r->db, change_sql, err, P_UUID(id), P_TEXT(body)) < 0)
		return refuse_twin(err);
	return settle(r, id, body, err) < 0 ? -1 : reply(r, 200, id, err);
}

int
pharmacy_show(struct req *r, struct problem *err)
{
	return reply(r, 200, req_uuid(r, "id"), err);
}

int
pharmacy_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "status")), P_TEXT(req_opt_str(r, "state")), P_OPT_UUID(req_uuid(r, "after")),
	    P_INT(req_int(r, "limit", 100))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "pharmacies");
	for (size_t i = 0; i < rows_count(rows); i++)
		jw_raw(w, NULL, row_str(rows_at(rows, i), "shown"));
	jw_end(w);
	jw_end(w);
	return 0;
}

int
pharmacy_load(struct req *r, struct problem *err)
{
	struct load now;

	if (capacity_now(r->db, req_uuid(r, "id"), &now, err) < 0)
		return -1;
	load_to_json(reply_json(r, 200), NULL, &now);
	return 0;
}

int
pharmacy_address(struct req *r, struct problem *err)
{
	const struct row *p;

	if (db_one(r->db, &p, address_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (p == NULL)
		return problem(err, 404, "not_found", "no such pharmacy");
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "pharmacyId", row_uuid(p, "id"));
	jw_str(w, "name", row_str(p, "name"));
	jw_str(w, "npi", row_str(p, "npi"));
	jw_str(w, "ncpdp", row_str(p, "ncpdp"));
	jw_str(w, "code", row_str(p, "code"));
	jw_str(w, "phone", row_str(p, "phone"));
	jw_object(w, "address");
	jw_str(w, "line1", row_str(p, "line1"));
	jw_opt_str(w, "line2", row_opt_str(p, "line2"));
	jw_str(w, "city", row_str(p, "city"));
	jw_str(w, "state", row_str(p, "state"));
	jw_str(w, "zip", row_str(p, "zip"));
	jw_end(w);
	jw_end(w);
	return 0;
}
