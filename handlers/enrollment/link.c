/*
 * link.c: the way in (P-ENR-02, P-ENR-06, P-DATA-06; rule "Enrolment invitation"). A token is 32 bytes: the HMAC of 32 random ones under a key that the
 * keyholder gives and no table holds. The table has its hash, so that a dump opens nothing, and the random bytes, so that the worker can write the same
 * link into the reminder. It opens one enrolment, shows a first name, and more after the patient's birth date.
 */
#include "base/utf8.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "data/attention.h"
#include "enrollment/enrollment.h"

#define SALT 32

static const char revoke_sql[] =
	"UPDATE magic_links SET revoked_at = now() WHERE enrollment_id = $1 AND used_at IS NULL AND revoked_at IS NULL AND ended_at IS NULL";
static const char insert_sql[] =
	"INSERT INTO magic_links (id, enrollment_id, salt, token_hash, expires_at)"
	" VALUES ($1, $2, $3::bytea, $4::bytea, now() + make_interval(secs => $5::bigint)) RETURNING expires_at";
#define FIND \
	"SELECT l.id, l.enrollment_id, e.prescription_id, e.patient_id, l.expires_at, l.wrong_dates, l.confirmed_at IS NOT NULL AS confirmed," \
	" l.used_at IS NOT NULL AS used, l.revoked_at IS NOT NULL AS revoked, l.expires_at <= clock_timestamp() AS expired," \
	" e.status = 'completed' AS completed FROM magic_links l JOIN enrollments e ON e.id = l.enrollment_id WHERE l.token_hash = $1::bytea"
static const char find_sql[] = FIND;
static const char lock_sql[] = FIND " FOR UPDATE OF l";
static const char live_sql[] =
	"SELECT salt, token_hash, expires_at FROM magic_links WHERE enrollment_id = $1 AND used_at IS NULL AND revoked_at IS NULL"
	" AND expires_at > clock_timestamp()";
static const char wrong_sql[] = "UPDATE magic_links SET wrong_dates = wrong_dates + 1 WHERE id = $1 AND wrong_dates < 5 RETURNING id";
static const char confirmed_sql[] = "UPDATE magic_links SET confirmed_at = coalesce(confirmed_at, now()) WHERE id = $1";

static const char *
token_of(struct db *db, struct bytes salt)
{
	struct arena *a = db_current_arena(db);
	char *hex = arena_alloc(a, 2 * salt.n + 1);
	struct buf token = buf_in(a, 64);

	base64url_encode(vault_mac(db, "enrollment.link", hex_encode(salt, hex)), &token);
	return buf_str(&token);
}

const char *
link_url(struct arena *a, const struct conf *conf, const char *token)
{
	return arena_printf(a, "%s/enroll/%s", conf_str(conf, "PUBLIC_BASE_URL"), token);
}

int
link_make(struct db *db, const struct conf *conf, struct uuid enrollment, char token[LINK_TOKEN], int64_t *expires_at, struct problem *err)
{
	uint8_t salt[SALT], hash[32];
	const struct row *w;

	if (random_bytes(salt, sizeof(salt)) < 0)
		return problem(err, 503, "no_random", "no random bytes");
	(void)snprintf(token, LINK_TOKEN, "%s", token_of(db, BYTES(salt, sizeof(salt))));
	sha256(BYTES_OF(token), hash);
	if (db_exec(db, revoke_sql, err, P_UUID(enrollment)) < 0 ||
	    db_one(db, &w, insert_sql, err, P_UUID(uuid_new()), P_UUID(enrollment), P_BYTES(BYTES(salt, sizeof(salt))), P_BYTES(BYTES(hash, sizeof(hash))),
	    P_INT(conf_int(conf, "ENROLLMENT_LINK_TTL"))) < 0)
		return -1;
	*expires_at = row_time(w, "expires_at");
	return 0;
}

int
link_again(struct db *db, const struct conf *conf, struct uuid enrollment, const char **url, int64_t *expires_at, struct problem *err)
{
	const struct row *w;

	*url = NULL;
	if (db_one(db, &w, live_sql, err, P_UUID(enrollment)) < 0)
		return -1;
	if (w == NULL)
		return 0;
	*url = link_url(db_current_arena(db), conf, token_of(db, row_bytes(w, "salt")));
	*expires_at = row_time(w, "expires_at");
	return 0;
}

static int
refusal_of(const struct row *w, struct problem *err)
{
	if (w == NULL)
		return problem(err, 404, "unknown_link", "this link is not one of ours");
	if (row_bool(w, "used") || row_bool(w, "completed"))
		return problem(err, 409, "already_used", "this enrollment is complete already");
	if (row_bool(w, "revoked"))
		return problem(err, 410, "link_revoked", "this link was replaced or withdrawn");
	if (row_bool(w, "expired"))
		return problem(err, 410, "link_expired", "this link is too old; ask for a new one");
	if (row_int(w, "wrong_dates") >= LINK_TRIES)
		return problem(err, 423, "link_locked", "the birth date was wrong too often; ask for a new link");
	return 0;
}

int
link_find(struct db *db, const char *token, bool lock, struct link *ret, struct problem *err)
{
	const struct row *w;
	uint8_t hash[32];

	sha256(BYTES_OF(token), hash);
	if ((lock ? db_one(db, &w, lock_sql, err, P_BYTES(BYTES(hash, sizeof(hash)))) :
	    db_one(db, &w, find_sql, err, P_BYTES(BYTES(hash, sizeof(hash))))) < 0 || refusal_of(w, err) < 0)
		return -1;
	*ret = (struct link){ .id = row_uuid(w, "id"), .enrollment_id = row_uuid(w, "enrollment_id"), .prescription_id = row_uuid(w, "prescription_id"),
		.patient_id = row_uuid(w, "patient_id"), .expires_at = row_time(w, "expires_at"), .wrong_dates = (int)row_int(w, "wrong_dates"),
		.confirmed = row_bool(w, "confirmed") };
	return 0;
}

/* Pictures come with the token as their bearer's. */
int
link_session(struct req *r, const char *token, struct problem *err)
{
	struct link *l = arena_alloc(r->arena, sizeof(*l));
	char id[UUID_TEXT];

	if (link_find(r->db, token, false, l, err) < 0)
		return -1;
	r->subject = l->enrollment_id;
	r->scope.actor = arena_printf(r->arena, "patient:%s", uuid_text(l->patient_id, id));
	r->asked = l;
	return 0;
}

static json_t *
details_of(struct req *r, const struct link *l, struct problem *err)
{
	struct candidate c;
	json_t *details;

	if (candidate_load(r->db, l->prescription_id, &c, err) < 0)
		return NULL;
	details = candidate_open(r->db, &c, err);
	if (details == NULL && err->status == 0) {
		(void)problem(err, 503, "details_pending", "the prescription's details are on their way");
		err->retry_after = 2;
	}
	return details;
}

static const char *
initial_of(struct arena *a, const char *name)
{
	uint32_t ignored;

	return name == NULL || *name == '\0' ? "" : arena_ndup(a, name, utf8_next((const uint8_t *)name, strlen(name), &ignored));
}

/* The minimum: enough for a person to see that it is meant for them. */
int
link_validate(struct req *r, struct problem *err)
{
	json_t *details;
	struct link l;

	if (link_find(r->db, req_str(r, "token"), false, &l, err) < 0 || (details = details_of(r, &l, err)) == NULL)
		return -1;
	req_object(r, "enrollments", l.enrollment_id);
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "enrollment_id", l.enrollment_id);
	jw_uuid(w, "prescription_id", l.prescription_id);
	jw_str(w, "status", "pending");
	jw_object(w, "patient");
	jw_str(w, "first_name", json_text_at(details, "firstName"));
	jw_str(w, "last_initial", initial_of(r->arena, json_text_at(details, "lastName")));
	jw_end(w);
	jw_opt_str(w, "prescriber_name", json_text_at(details, "prescriber"));
	jw_time(w, "expires_at", l.expires_at);
	jw_object(w, "consent");
	jw_str(w, "version", consent_current()->version);
	jw_str(w, "text", consent_current()->text);
	jw_end(w);
	jw_end(w);
	return 0;
}

/* The try counts although the request is refused: this transaction ends here. */
static int
wrong_date(struct req *r, const struct link *l, struct problem *err)
{
	bool last = l->wrong_dates + 1 >= LINK_TRIES;
	const struct row *none;
	char id[UUID_TEXT];

	if (last && attention_raise(r->db, &(struct attention){ .kind = "enrollment.locked", .subject = uuid_text(l->enrollment_id, id),
	    .code = "wrong_birth_date", .patient = l->patient_id }, err) < 0)
		return -1;
	if (db_final(r->db, &none, wrong_sql, err, P_UUID(l->id)) < 0)
		return -1;
	req_object(r, "enrollments", l->enrollment_id);	/* of the refusal's audit row */
	if (last)
		(void)problem(err, 423, "link_locked", "the birth date was wrong too often; ask for a new link");
	else
		(void)problem(err, 422, "wrong_birth_date", "not the patient's birth date; %d tries are left", LINK_TRIES - 1 - l->wrong_dates);
	err->audit = true;
	return -1;
}

int
link_confirm(struct req *r, struct problem *err)
{
	const char *date;
	json_t *details;
	struct link l;

	if (link_find(r->db, req_str(r, "token"), true, &l, err) < 0 || (details = details_of(r, &l, err)) == NULL)
		return -1;
	date = json_text_at(details, "birthDate");
	if (date == NULL || !same_text(date, req_str(r, "birth_date")))
		return wrong_date(r, &l, err);
	req_object(r, "enrollments", l.enrollment_id);
	if (db_exec(r->db, confirmed_sql, err, P_UUID(l.id)) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_uuid(w, "prescription_id", l.prescription_id);
	jw_object(w, "patient");
	jw_str(w, "first_name", json_text_at(details, "firstName"));
	jw_str(w, "last_name", json_text_at(details, "lastName"));
	jw_end(w);
	jw_opt_str(w, "prescriber_name", json_text_at(details, "prescriber"));
	jw_opt_str(w, "drug_name", json_text_at(details, "drugName"));
	if (json_at(details, "insurance") != NULL)
		jw_tree(w, "insurance", json_at(details, "insurance"));
	jw_end(w);
	return 0;
}
