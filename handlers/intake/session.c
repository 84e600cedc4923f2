/*
 * session.c: one intake and whoever holds its token (rule "Session", section 7): 256 bits, known to us as a SHA-256 only, four
 * hours. Low assurance: it opens the patient's own intake and nothing else.
 */
#include "intake/intake.h"

#include "crypto/hash.h"
#include "crypto/random.h"

static const char resume_sql[] =
	"SELECT id, patient_id FROM intake_sessions WHERE token_hash = $1::bytea AND expires_at > clock_timestamp()"
	" AND state IN ('draft', 'submitted')";
static const char open_sql[] =
	"INSERT INTO intake_sessions (id, token_hash, patient_id, email_index, email_enc, expires_at)"
	" VALUES ($1, $2::bytea, $3, $4::bytea, $5::bytea, clock_timestamp() + make_interval(secs => $6::bigint))"
	" RETURNING expires_at";
static const char load_sql[] =
	"SELECT id, patient_id, state, email_enc, region, birth_date_enc, plan_id, intake_type, amount_cents,"
	" currency, setup_intent_id FROM intake_sessions WHERE id = $1";

struct bytes
email_index_of(struct db *db, const char *normalised)
{
	return vault_index(db, EMAIL_INDEX, normalised);
}

static struct bytes
token_hash(struct arena *a, const char *token)
{
	uint8_t *hash = arena_alloc(a, 32);

	sha256(BYTES_OF(token), hash);
	return BYTES(hash, 32);
}

int
session_resume(struct req *r, const char *token, struct problem *err)
{
	const struct row *s;
	char text[UUID_TEXT];

	if (db_one(r->db, &s, resume_sql, err, P_BYTES(token_hash(r->arena, token))) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 401, "unauthorized", "the session is unknown or over");
	r->subject = row_uuid(s, "id");
	r->scope.actor = arena_printf(r->arena, "patient:%s", uuid_text(row_uuid(s, "patient_id"), text));
	return 0;
}

int
session_open(struct req *r, const char *email, struct problem *err)
{
	struct intake_id id = { uuid_new() };
	struct uuid patient = uuid_new();
	char token[TOKEN_TEXT];
	const struct row *s;
	struct bytes sealed;

	if (random_token(token) < 0)
		return problem(err, 503, "no_random", "no random bytes");
	if (vault_seal(r->db, patient, "intake_sessions", "email_enc", id.v, BYTES_OF(email), &sealed, err) < 0)
		return -1;
	req_object(r, "intake_sessions", id.v);
	if (db_final(r->db, &s, open_sql, err, P_UUID(id.v), P_BYTES(token_hash(r->arena, token)), P_UUID(patient),
	    P_BYTES(email_index_of(r->db, email)), P_BYTES(sealed), P_INT(conf_int(r->conf, "SESSION_TTL"))) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 200);
	jw_object(w, NULL);
	jw_str(w, "sessionToken", token);
	jw_uuid(w, "intakeId", id.v);
	jw_time(w, "expiresAt", row_time(s, "expires_at"));
	jw_end(w);
	explicit_bzero(token, sizeof(token));
	return 0;
}

int
session_load(struct db *db, struct intake_id id, struct session *ret, struct problem *err)
{
	struct bytes email, born = { 0 };
	const struct row *s;

	if (db_one(db, &s, load_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (s == NULL)
		return problem(err, 404, "not_found", "no such intake");
	if (vault_open(db, "intake_sessions", "email_enc", id.v, row_bytes(s, "email_enc"), &email, err) < 0)
		return -1;
	if (!row_is_null(s, "birth_date_enc") &&
	    vault_open(db, "intake_sessions", "birth_date_enc", id.v, row_bytes(s, "birth_date_enc"), &born, err) < 0)
		return -1;
	*ret = (struct session){
		.id = id, .patient_id = row_uuid(s, "patient_id"), .state = row_str(s, "state"), .email = (const char *)email.p,
		.region = row_opt_str(s, "region"), .birth_date = (const char *)born.p,
		.plan_id = row_opt_str(s, "plan_id"), .intake_type = row_opt_str(s, "intake_type"),
		.amount_cents = row_int(s, "amount_cents"), .currency = row_opt_str(s, "currency"),
		.setup_intent_id = row_uuid(s, "setup_intent_id"),
	};
	return 0;
}
