/*
 * verification.c: six digits by mail prove an address (Y-INT-U2, Y-DB-05, rule "OTP", section 7).
 *
 * The digits exist in three places only: as a salted HMAC under a key of the key file; sealed on the row until the job has mailed
 * them; in the mail.
 * A wrong try is counted in a transaction that commits although the answer is a refusal, under the row's lock, so parallel guesses
 * are counted one by one.
 */
#include "intake/intake.h"

#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/seal.h"
#include "data/ttl.h"

#define MOST_TRIES 5
#define SALT 16

static const char supersede_sql[] =
	"UPDATE intake_verification_codes SET superseded_at = now(), code_enc = NULL"
	" WHERE email_index = ANY($1::bytea[]) AND purpose = 'intake' AND used_at IS NULL AND superseded_at IS NULL";
static const char insert_sql[] =
	"INSERT INTO intake_verification_codes (id, email_index, email_enc, salt, code_mac, code_enc, expires_at)"
	" VALUES ($1, $2::bytea, $3::bytea, $4::bytea, $5::bytea, $6::bytea, clock_timestamp() + make_interval(secs => $7::bigint))"
	" RETURNING expires_at";
static const char find_sql[] =
	"SELECT id, email_enc, salt, code_mac, attempts, used_at IS NULL"
	" AND superseded_at IS NULL AS live, expires_at > clock_timestamp() AS fresh"
	" FROM intake_verification_codes WHERE id = $1 FOR UPDATE";
static const char wrong_sql[] = "UPDATE intake_verification_codes SET attempts = attempts + 1 WHERE id = $1 AND attempts < 5";
static const char use_sql[] = "UPDATE intake_verification_codes SET used_at = now(), code_enc = NULL WHERE id = $1";
static const char to_mail_sql[] =
	"SELECT email_enc, code_enc FROM intake_verification_codes WHERE id = $1 AND code_enc IS NOT NULL"
	" AND expires_at > clock_timestamp()";
static const char mailed_sql[] = "UPDATE intake_verification_codes SET code_enc = NULL, sent_at = now() WHERE id = $1";
static const char erase_sql[] = "UPDATE intake_verification_codes SET code_enc = NULL WHERE id = $1";
static const char sweep_codes_sql[] = "DELETE FROM intake_verification_codes WHERE expires_at < now() - interval '7 days'";
static const char sweep_digits_sql[] =
	"UPDATE intake_verification_codes SET code_enc = NULL WHERE code_enc IS NOT NULL AND expires_at < now()";
static const char sweep_sessions_sql[] =
	"UPDATE intake_sessions SET state = 'abandoned' WHERE state = 'draft' AND expires_at < now()";

/* HMAC under a key of its own in the key file: a stolen table cannot be tried through. */
static struct bytes
code_mac(struct db *db, struct arena *a, struct bytes salt, const char *code)
{
	char *hex = arena_alloc(a, 2 * salt.n + 1);

	return vault_mac(db, "intake.verification_code", arena_printf(a, "%s:%s", hex_encode(salt, hex), code));
}

/* Three an hour and address, whichever key its index has. The counter's row is locked until the commit, so sends to one address come
 * one after the other. */
static int
count_send(struct req *r, const char *email, struct problem *err)
{
	struct bytes mac = vault_mac(r->db, "intake.code_sends", email);
	char *hex = arena_alloc(r->arena, 2 * mac.n + 1);
	int64_t n = ttl_count(r->db, arena_printf(r->arena, "intake:code:%s", hex_encode(mac, hex)), 3600, err);

	if (n < 0)
		return -1;
	if (n > conf_int(r->conf, "CODE_SENDS_PER_HOUR")) {
		problem(err, 429, "too_many_codes", "too many codes were asked for; try again later");
		err->retry_after = 3600;
		return -1;
	}
	return 0;
}

static int
store_code(struct req *r, struct uuid id, const char *email, const struct row **row, struct problem *err)
{
	uint8_t *salt = arena_alloc(r->arena, SALT);
	struct bytes sealed_email, sealed_code;
	char code[8];
	int rc = -1;

	if (random_digits(code, 6) < 0 || random_bytes(salt, SALT) < 0)
		return problem(err, 503, "no_random", "no random bytes");
	if (vault_seal(r->db, VAULT_SERVICE, "intake_verification_codes", "email_enc", id, BYTES_OF(email), &sealed_email,
	    err) == 0 &&
	    vault_seal(r->db, VAULT_SERVICE, "intake_verification_codes", "code_enc", id, BYTES(code, 6), &sealed_code, err) == 0 &&
	    db_exec(r->db, supersede_sql, err, vault_indexes(r->db, EMAIL_INDEX, email)) >= 0)
		rc = db_one(r->db, row, insert_sql, err, P_UUID(id), P_BYTES(email_index_of(r->db, email)), P_BYTES(sealed_email),
		    P_BYTES(BYTES(salt, SALT)), P_BYTES(code_mac(r->db, r->arena, BYTES(salt, SALT), code)), P_BYTES(sealed_code),
		    P_INT(conf_int(r->conf, "CODE_TTL")));
	explicit_bzero(code, sizeof(code));
	return rc;
}

int
code_send(struct req *r, struct problem *err)
{
	struct uuid id = uuid_new();
	const struct row *row;
	char email[256];

	if (normalise_email(req_str(r, "email"), email, sizeof(email)) == NULL)
		return problem(err, 422, "validation_failed", "the address is too long");
	req_object(r, "intake_verification_codes", id);
	if (count_send(r, email, err) < 0 || store_code(r, id, email, &row, err) < 0 ||
	    job_enqueue_id(r->db, "code.mail", "verificationId", id, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 202);
	jw_object(w, NULL);
	jw_uuid(w, "verificationId", id);
	jw_time(w, "expiresAt", row_time(row, "expires_at"));
	jw_end(w);
	return 0;
}

static int
refused(struct problem *err, int status, const char *code, const char *detail)
{
	problem(err, status, code, "%s", detail);
	err->audit = true;
	return -1;
}

/* The try counts although the request is refused: this transaction ends here. */
static int
wrong_code(struct req *r, struct uuid id, struct problem *err)
{
	const struct row *none;

	if (db_final(r->db, &none, wrong_sql, err, P_UUID(id)) < 0)
		return -1;
	return refused(err, 422, "wrong_code", "the code is not the one that was sent");
}

int
code_check(struct req *r, struct problem *err)
{
	struct uuid id = req_uuid(r, "verificationId");
	const struct row *c;
	struct bytes email;

	if (db_one(r->db, &c, find_sql, err, P_UUID(id)) < 0)
		return -1;
	if (c == NULL || !row_bool(c, "live"))
		return refused(err, 422, "wrong_code", "the code is not the one that was sent");
	if (row_int(c, "attempts") >= MOST_TRIES)
		return refused(err, 429, "locked", "too many wrong codes; ask for a new one");
	if (!row_bool(c, "fresh"))
		return refused(err, 422, "code_expired", "the code is too old; ask for a new one");
	if (!same_bytes(row_bytes(c, "code_mac"), code_mac(r->db, r->arena, row_bytes(c, "salt"), req_str(r, "code"))))
		return wrong_code(r, id, err);
	if (vault_open(r->db, "intake_verification_codes", "email_enc", id, row_bytes(c, "email_enc"), &email, err) < 0 ||
	    db_exec(r->db, use_sql, err, P_UUID(id)) < 0)
		return -1;
	return session_open(r, (const char *)email.p, err);
}

/* ---- the worker */

static const char *
mail_body(struct job *j, const char *email, const char *code)
{
	struct buf b = buf_in(j->arena, 4096);
	struct json_writer w;

	jw_start(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "type", "verification_code");
	jw_str(&w, "messageKey", job_str(j, "verificationId"));
	jw_object(&w, "recipient");
	jw_str(&w, "email", email);
	jw_end(&w);
	jw_object(&w, "variables");
	jw_str(&w, "code", code);
	jw_int(&w, "minutes", conf_int(j->conf, "CODE_TTL") / 60);
	jw_end(&w);
	jw_end(&w);
	return b.data;
}

static int
read_code(struct job *j, struct uuid id, struct bytes *email, struct bytes *code, bool *wanted, struct problem *err)
{
	const struct row *c;

	if (job_read(j, err) < 0 || db_one(j->db, &c, to_mail_sql, err, P_UUID(id)) < 0)
		return -1;
	*wanted = c != NULL;
	if (c != NULL &&
	    (vault_open(j->db, "intake_verification_codes", "email_enc", id, row_bytes(c, "email_enc"), email, err) < 0 ||
	    vault_open(j->db, "intake_verification_codes", "code_enc", id, row_bytes(c, "code_enc"), code, err) < 0))
		return -1;
	return job_read_end(j, err);
}

/* A code that is used, replaced or too old by now is not mailed. */
int
code_mail_job(struct job *j, struct problem *err)
{
	struct uuid id = job_uuid(j, "verificationId");
	struct peer_call call = { .service = "notify", .method = "POST", .path = "/notify/send" };
	struct bytes email, code;
	bool wanted;

	if (read_code(j, id, &email, &code, &wanted, err) < 0)
		return -1;
	if (!wanted)
		return 0;
	call.body = mail_body(j, (const char *)email.p, (const char *)code.p);
	if (job_ask(j, &call, NULL, err) < 0 || job_begin(j, err) < 0 || db_exec(j->db, mailed_sql, err, P_UUID(id)) < 0)
		return -1;
	return job_end(j, err);
}

int
code_buried(struct job *j, struct problem *err)
{
	return db_exec(j->db, erase_sql, err, P_UUID(job_uuid(j, "verificationId"))) < 0 ? -1 : 0;
}

/* What waits on time: old digits go, old codes go, drafts that nobody came back to are abandoned. */
int
sweep_job(struct job *j, struct problem *err)
{
	if (job_begin(j, err) < 0 || db_exec(j->db, sweep_digits_sql, err) < 0 || db_exec(j->db, sweep_codes_sql, err) < 0 ||
	    db_exec(j->db, sweep_sessions_sql, err) < 0)
		return -1;
	return job_end(j, err);
}
