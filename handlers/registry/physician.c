/*
 * physician.c: who prescribes (Y-REG-01, Y-DB-12). Administrators add, change and deactivate; nobody is deleted, as credits and
 * claims name them.
 */
#include "registry/registry.h"

static const char insert_sql[] =
	"INSERT INTO physicians (id, npi, first_name, last_name, credentials, email, platform) VALUES ($1, $2, $3, $4, $5, $6, $7)";
#define COLUMNS \
	"p.id, p.npi, p.first_name, p.last_name, p.credentials, p.email, p.platform, p.active, p.created_at," \
	" (SELECT coalesce(jsonb_agg(jsonb_build_object('state', l.state, 'licenseNumber', l.license_number," \
	" 'licenseType', l.license_type," \
	" 'expiresOn', l.expires_on) ORDER BY l.state), '[]') FROM physician_licenses l WHERE l.physician_id = p.id) AS licenses," \
	" (SELECT coalesce(jsonb_agg(jsonb_build_object('platform', g.platform, 'state', g.state, 'priority', g.priority)" \
	" ORDER BY g.platform, g.state), '[]') FROM physician_routing g WHERE g.physician_id = p.id) AS routing"
static const char show_sql[] = "SELECT " COLUMNS " FROM physicians p WHERE p.id = $1";
static const char public_sql[] =
	"SELECT p.id, p.npi, p.first_name, p.last_name, p.credentials, p.platform, p.active,"
	" (SELECT coalesce(jsonb_agg(jsonb_build_object('state', l.state, 'license_number', l.license_number, 'license_type', l.license_type,"
	" 'expires_on', l.expires_on, 'valid', l.expires_on >= current_date) ORDER BY l.state), '[]') FROM physician_licenses l"
	" WHERE l.physician_id = p.id) AS licenses FROM physicians p WHERE p.id = $1";
static const char list_sql[] =
	"SELECT " COLUMNS " FROM physicians p"
	" WHERE ($1::text IS NULL OR p.platform IN ($1, 'both')) AND ($3::boolean IS NULL OR p.active = $3)"
	" AND ($4::uuid IS NULL OR p.id > $4)"
	" AND ($2::text IS NULL OR EXISTS (SELECT FROM physician_licenses l WHERE l.physician_id = p.id AND l.state = $2))"
	" ORDER BY p.id LIMIT $5::bigint";
static const char change_sql[] =
	"UPDATE physicians SET first_name = coalesce($2, first_name), last_name = coalesce($3, last_name),"
	" credentials = coalesce($4, credentials), email = coalesce($5, email), platform = coalesce($6, platform),"
	" active = coalesce($7::boolean, active), updated_at = now() WHERE id = $1";
static const char exists_sql[] = "SELECT id FROM physicians WHERE id = $1";
static const char samples_sql[] = "SELECT count(*) AS n FROM physicians WHERE sample AND active";

/* Luhn over the ten digits and the prefix 80840, whose share of the sum is 24. The table's own check says the same. */
bool
npi_valid(const char *npi)
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

static void
physician_to_json(struct json_writer *w, const struct row *p, struct arena *a)
{
	jw_object(w, NULL);
	jw_uuid(w, "physicianId", row_uuid(p, "id"));
	jw_str(w, "npi", row_str(p, "npi"));
	jw_str(w, "firstName", row_str(p, "first_name"));
	jw_str(w, "lastName", row_str(p, "last_name"));
	jw_str(w, "name", arena_printf(a, "%s %s, %s", row_str(p, "first_name"), row_str(p, "last_name"),
	    row_str(p, "credentials")));
	jw_str(w, "credentials", row_str(p, "credentials"));
	jw_str(w, "email", row_str(p, "email"));
	jw_str(w, "platform", row_str(p, "platform"));
	jw_bool(w, "active", row_bool(p, "active"));
	jw_raw(w, "licenses", row_str(p, "licenses"));
	jw_raw(w, "routing", row_str(p, "routing"));
	jw_time(w, "createdAt", row_time(p, "created_at"));
	jw_end(w);
}

static int
answer_physician(struct req *r, int status, const struct row *w, struct problem *err)
{
	if (w == NULL)
		return problem(err, 404, "not_found", "no such physician");
	physician_to_json(reply_json(r, status), w, r->arena);
	return 0;
}

static int
reply_physician(struct req *r, int status, struct physician_id id, struct problem *err)
{
	const struct row *w;

	if (db_one(r->db, &w, show_sql, err, P_UUID(id.v)) < 0)
		return -1;
	return answer_physician(r, status, w, err);
}

int
physician_exists(struct db *db, struct physician_id id, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, exists_sql, err, P_UUID(id.v)) < 0)
		return -1;
	return w == NULL ? problem(err, 404, "not_found", "no such physician") : 0;
}

int
physician_create(struct req *r, struct problem *err)
{
	struct physician_id id = { uuid_new() };

	if (!npi_valid(req_str(r, "npi"))) {
		problem(err, 422, "validation_failed", "the NPI is none");
		return problem_member(err, "npi", "npi_checksum", "ten digits with a check digit");
	}
	req_object(r, "physicians", id.v);
	if (db_exec(r->db, insert_sql, err, P_UUID(id.v), P_TEXT(req_str(r, "npi")), P_TEXT(req_str(r, "firstName")),
	    P_TEXT(req_str(r, "lastName")),
	    P_TEXT(req_str(r, "credentials")), P_TEXT(req_str(r, "email")), P_TEXT(req_str(r, "platform"))) < 0) {
		if (db_violates(err, "physicians_npi"))
			return problem(err, 409, "duplicate_npi", "a physician with this NPI is on file");
		return -1;
	}
	return reply_physician(r, 201, id, err);
}

int
physician_show(struct req *r, struct problem *err)
{
	const struct row *w;

	if (db_final(r->db, &w, show_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	return answer_physician(r, 200, w, err);
}

int
physician_list(struct req *r, struct problem *err)
{
	struct rows *rows;

	if (db_all(r->db, &rows, list_sql, err, P_TEXT(req_opt_str(r, "platform")), P_TEXT(req_opt_str(r, "state")),
	    req_has(r, "active") ? P_BOOL(req_bool(r, "active")) : P_NULL, P_OPT_UUID(req_uuid(r, "after")),
	    P_INT(req_int(r, "limit", 100))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_array(w, "physicians");
	for (size_t i = 0; i < rows_count(rows); i++)
		physician_to_json(w, rows_at(rows, i), r->arena);
	jw_end(w);
	jw_end(w);
	return 0;
}

int
physician_change(struct req *r, struct problem *err)
{
	struct physician_id id = { req_uuid(r, "id") };

	req_object(r, "physicians", id.v);
	if (db_exec(r->db, change_sql, err, P_UUID(id.v), P_TEXT(req_opt_str(r, "firstName")), P_TEXT(req_opt_str(r, "lastName")),
	    P_TEXT(req_opt_str(r, "credentials")), P_TEXT(req_opt_str(r, "email")), P_TEXT(req_opt_str(r, "platform")),
	    req_has(r, "active") ? P_BOOL(req_bool(r, "active")) : P_NULL) < 0 || waiting_wake(r->db, err) < 0)
		return -1;
	return reply_physician(r, 200, id, err);
}

/* What anybody may know of a prescriber (A-API-11): no address. */
int
provider_show(struct req *r, struct problem *err)
{
	const struct row *p;

	if (db_final(r->db, &p, public_sql, err, P_UUID(req_uuid(r, "id"))) < 0)
		return -1;
	if (p == NULL)
		return problem(err, 404, "not_found", "no such provider");
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "provider_id", row_uuid(p, "id"));
	jw_str(w, "npi", row_str(p, "npi"));
	jw_str(w, "name", arena_printf(r->arena, "%s %s, %s", row_str(p, "first_name"), row_str(p, "last_name"), row_str(p, "credentials")));
	jw_str(w, "first_name", row_str(p, "first_name"));
	jw_str(w, "last_name", row_str(p, "last_name"));
	jw_str(w, "credentials", row_str(p, "credentials"));
	jw_str(w, "platform", row_str(p, "platform"));
	jw_bool(w, "active", row_bool(p, "active"));
	jw_raw(w, "licenses", row_str(p, "licenses"));
	jw_end(w);
	return 0;
}

/* An invented physician beside real patients would be offered their cases: live mode does not start. */
int
registry_start(const struct conf *conf, struct problem *err)
{
	struct scope scope = { .actor = "system:start" };
	const struct row *w;
	struct arena *a;
	struct db *db;
	int rc = -1;

	if (!conf_bool(conf, "LIVE_MODE"))
		return 0;
	if (uuid_parse(conf_str(conf, "TENANT_ID"), &scope.tenant) < 0)
		return problem(err, 500, "bad_config", "TENANT_ID is no UUID");
	db = db_open(conf_str(conf, "DATABASE_URL"), DB_API, "telerx-registry start", err);
	if (db == NULL)
		return -1;
	a = arena_new(0);
	db_arena(db, a);
	if (db_begin(db, READ, &scope, err) == 0 && db_one(db, &w, samples_sql, err) == 0)
		rc = row_int(w, "n") == 0 ? 0 : problem(err, 500, "sample_physicians",
		    "LIVE_MODE with %lld active sample physicians on file",
		    (long long)row_int(w, "n"));
	db_rollback(db);
	db_close(db);
	arena_free(a);
	return rc;
}
