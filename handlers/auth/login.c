/*
 * login.c: six digits by mail open a session (P-HIPAA-05, I-AUTH-02; reliability rules on codes).
 *
 * The digits exist in three places only: as a salted HMAC under a key of the key file; sealed on the row until the job has mailed them;
 * in the mail. An address that nobody has gets a row, a code that nobody is told, and the same answers. What is counted is counted by
 * a HMAC of the address for the same reason. A wrong try is counted in a transaction that commits although the answer is a refusal,
 * under the locks of the attempt's row and of the account's counter, so that parallel guesses are counted one by one.
 */
#include "auth/auth.h"

#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "crypto/random.h"
#include "data/attention.h"
#include "data/ttl.h"

#define CODE_S             600
#define CODE_TRIES         5   /* of one code */
#define ACCOUNT_TRIES      5   /* of one account in ACCOUNT_S, over its codes */
#define ACCOUNT_S          900
#define ADDRESS_WRONG      20  /* wrong codes from one network address in an hour; right ones are not counted */
#define STRAIGHT_FAILURES  100 /* of one account, over any time: then only an administrator helps */
#define ALARM_WRONG        200 /* wrong codes in an hour, from anywhere, for anybody: somebody should look */
#define HOUR_S             3600
#define SALT               16

static const char supersede_sql[] =
	"UPDATE logins SET superseded_at = now(), code_enc = NULL"
	" WHERE account = $1::bytea AND used_at IS NULL AND superseded_at IS NULL";
static const char insert_sql[] =
	"INSERT INTO logins (id, account, user_id, salt, code_mac, code_enc, expires_at)"
	" VALUES ($1, $2::bytea, $3::uuid, $4::bytea, $5::bytea, $6::bytea, clock_timestamp() + make_interval(secs => $7::bigint))"
	" RETURNING expires_at";
static const char find_sql[] =
	"SELECT l.account, l.salt, l.code_mac, l.attempts, l.used_at IS NULL AND l.superseded_at IS NULL AS live,"
	" l.expires_at > clock_timestamp() AS fresh, u.id AS user_id, u.role, u.person_id,"
	" coalesce(u.active AND u.locked_at IS NULL, false) AS may"
	" FROM logins l LEFT JOIN users u ON u.id = l.user_id WHERE l.id = $1 FOR UPDATE OF l";
static const char fail_sql[] =
	"UPDATE users SET failures = failures + 1,"
	" locked_at = CASE WHEN failures + 1 >= $2::bigint THEN coalesce(locked_at, now()) END WHERE id = $1";
static const char wrong_sql[] = "UPDATE logins SET attempts = attempts + 1 WHERE id = $1 AND attempts < 5";
static const char use_sql[] = "UPDATE logins SET used_at = now(), code_enc = NULL WHERE id = $1";
static const char succeed_sql[] = "UPDATE users SET failures = 0 WHERE id = $1 AND failures > 0";
static const char to_mail_sql[] =
	"SELECT user_id, code_enc FROM logins WHERE id = $1 AND user_id IS NOT NULL AND code_enc IS NOT NULL"
	" AND expires_at > clock_timestamp()";
static const char mailed_sql[] = "UPDATE logins SET code_enc = NULL, sent_at = now() WHERE id = $1";
static const char erase_sql[] = "UPDATE logins SET code_enc = NULL WHERE id = $1";

static struct bytes
code_mac(struct db *db, struct arena *a, struct bytes salt, const char *code)
{
	char *hex = arena_alloc(a, 2 * salt.n + 1);

	return vault_mac(db, "auth.login_code", arena_printf(a, "%s:%s", hex_encode(salt, hex), code));
}

static const char *
counter(struct req *r, const char *what, struct bytes account)
{
	char *hex = arena_alloc(r->arena, 2 * account.n + 1);

	return arena_printf(r->arena, "auth:%s:%s", what, hex_encode(account, hex));
}

static int
too_many(struct problem *err, const char *code, int retry_after)
{
	(void)problem(err, 429, code, "too many tries; try again later");
	err->retry_after = retry_after;
	err->audit = true;
	return -1;
}

/* ---- the code is asked for */

static int
count_send(struct req *r, struct bytes account, struct problem *err)
{
	int64_t n = ttl_count(r->db, counter(r, "sends", account), HOUR_S, err);

	if (n < 0)
		return -1;
	return n > conf_int(r->conf, "LOGIN_SENDS_PER_HOUR") ? too_many(err, "too_many_codes", HOUR_S) : 0;
}

static int
store(struct req *r, struct login_id id, struct user_id user, struct bytes account, const struct row **row, struct problem *err)
{
	uint8_t *salt = arena_alloc(r->arena, SALT);
	struct bytes sealed;
	char code[8];
	int rc = -1;

	if (random_digits(code, 6) < 0 || random_bytes(salt, SALT) < 0)
		return problem(err, 503, "no_random", "no random bytes");
	if (vault_seal(r->db, VAULT_SERVICE, "logins", "code_enc", id.v, BYTES(code, 6), &sealed, err) == 0 &&
	    db_exec(r->db, supersede_sql, err, P_BYTES(account)) >= 0)
		rc = db_one(r->db, row, insert_sql, err, P_UUID(id.v), P_BYTES(account), P_OPT_UUID(user.v), P_BYTES(BYTES(salt, SALT)),
		    P_BYTES(code_mac(r->db, r->arena, BYTES(salt, SALT), code)), P_BYTES(sealed), P_INT(CODE_S));
	explicit_bzero(code, sizeof(code));
	return rc;
}

int
login_start(struct req *r, struct problem *err)
{
	struct login_id id = { uuid_new() };
	struct user_id user;
	const struct row *row;
	struct bytes account;
	char email[256];

	if (normalise_email(req_str(r, "email"), email, sizeof(email)) == NULL)
		return problem(err, 422, "validation_failed", "the address is too long");
	account = vault_mac(r->db, "auth.account", email);
	req_object(r, "logins", id.v);
	if (count_send(r, account, err) < 0 || user_find(r->db, email, &user, err) < 0 ||
	    store(r, id, user, account, &row, err) < 0 || job_enqueue_id(r->db, "login.mail", "loginId", id.v, err) < 0)
		return -1;
	struct json_writer *w = reply_json(r, 202);
	jw_object(w, NULL);
	jw_uuid(w, "login_id", id.v);
	jw_time(w, "expires_at", row_time(row, "expires_at"));
	jw_end(w);
	return 0;
}

/* ---- the code comes back */

static int
refused(struct problem *err, int status, const char *code, const char *detail)
{
	(void)problem(err, status, code, "%s", detail);
	err->audit = true;
	return -1;
}

static const char *
address_key(struct req *r)
{
	return arena_printf(r->arena, "auth:address:%s", r->remote != NULL ? r->remote : "");
}

/* The hour's 20th wrong code from an address closes it for the next hour. */
static int
count_address(struct req *r, struct problem *err)
{
	int64_t n = ttl_count(r->db, arena_printf(r->arena, "auth:wrong:%s", r->remote != NULL ? r->remote : ""), HOUR_S, err);

	if (n < 0)
		return -1;
	return n == ADDRESS_WRONG ? ttl_put(r->db, address_key(r), "closed", HOUR_S, err) : 0;
}

static int
count_everywhere(struct req *r, struct problem *err)
{
	int64_t n = ttl_count(r->db, "auth:wrong", HOUR_S, err);

	if (n < 0)
		return -1;
	return n == ALARM_WRONG ?
	    attention_raise(r->db,
		&(struct attention){ .kind = "auth.guessing", .subject = "/auth/login/check", .code = "many_wrong_codes" }, err) :
	    0;
}

/* The try counts although the request is refused: this transaction ends here. */
static int
wrong_code(struct req *r, struct login_id id, struct uuid user, struct problem *err)
{
	const struct row *none;

	if (count_address(r, err) < 0 || count_everywhere(r, err) < 0 ||
	    db_exec(r->db, fail_sql, err, P_OPT_UUID(user), P_INT(STRAIGHT_FAILURES)) < 0 ||
	    db_final(r->db, &none, wrong_sql, err, P_UUID(id.v)) < 0)
		return -1;
	return refused(err, 422, "wrong_code", "the code is not the one that was sent");
}

/* Whether this try may be looked at at all. The account's counter is locked until the transaction ends. */
static int
may_try(struct req *r, const struct row *l, struct problem *err)
{
	const char *closed;
	int64_t n;

	if (row_int(l, "attempts") >= CODE_TRIES)
		return refused(err, 429, "locked", "too many wrong codes; ask for a new one");
	if (ttl_get(r->db, address_key(r), &closed, err) < 0)
		return -1;
	if (closed != NULL)
		return too_many(err, "too_many_tries", HOUR_S);
	n = ttl_count(r->db, counter(r, "tries", row_bytes(l, "account")), ACCOUNT_S, err);
	if (n < 0)
		return -1;
	return n > ACCOUNT_TRIES ? too_many(err, "too_many_tries", ACCOUNT_S) : 0;
}

int
login_check(struct req *r, struct problem *err)
{
	struct login_id id = { req_uuid(r, "login_id") };
	struct account a;
	const struct row *l;
	bool right;

	if (db_one(r->db, &l, find_sql, err, P_UUID(id.v)) < 0)
		return -1;
	if (l == NULL || !row_bool(l, "live"))
		return refused(err, 422, "wrong_code", "the code is not the one that was sent");
	if (may_try(r, l, err) < 0)
		return -1;
	if (!row_bool(l, "fresh"))
		return refused(err, 422, "code_expired", "the code is too old; ask for a new one");
	right = same_bytes(row_bytes(l, "code_mac"), code_mac(r->db, r->arena, row_bytes(l, "salt"), req_str(r, "code")));
	if (!right || !row_bool(l, "may"))
		return wrong_code(r, id, row_uuid(l, "user_id"), err);
	a = (struct account){ .id = { row_uuid(l, "user_id") }, .role = row_str(l, "role"), .person = row_uuid(l, "person_id") };
	if (db_exec(r->db, use_sql, err, P_UUID(id.v)) < 0 || db_exec(r->db, succeed_sql, err, P_UUID(a.id.v)) < 0 ||
	    ttl_drop(r->db, counter(r, "tries", row_bytes(l, "account")), err) < 0)
		return -1;
	return session_open(r, id, &a, err);
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
	jw_str(&w, "messageKey", job_str(j, "loginId"));
	jw_object(&w, "recipient");
	jw_str(&w, "email", email);
	jw_end(&w);
	jw_object(&w, "variables");
	jw_str(&w, "code", code);
	jw_int(&w, "minutes", CODE_S / 60);
	jw_end(&w);
	jw_end(&w);
	return b.data;
}

static int
read_code(struct job *j, struct uuid id, const char **email, const char **code, struct problem *err)
{
	const struct row *l;
	struct bytes opened;

	*email = NULL;
	if (job_read(j, err) < 0 || db_one(j->db, &l, to_mail_sql, err, P_UUID(id)) < 0)
		return -1;
	if (l != NULL) {
		if (user_email(j->db, (struct user_id){ row_uuid(l, "user_id") }, email, err) < 0 ||
		    vault_open(j->db, "logins", "code_enc", id, row_bytes(l, "code_enc"), &opened, err) < 0)
			return -1;
		*code = (const char *)opened.p;
	}
	return job_read_end(j, err);
}

/* A code that is used, replaced, too old by now or nobody's is not mailed. */
int
login_mail_job(struct job *j, struct problem *err)
{
	struct uuid id = job_uuid(j, "loginId");
	struct peer_call call = { .service = "notify", .method = "POST", .path = "/notify/send" };
	const char *email, *code = "";

	if (read_code(j, id, &email, &code, err) < 0)
		return -1;
	if (email == NULL)
		return 0;
	call.body = mail_body(j, email, code);
	if (job_ask(j, &call, NULL, err) < 0 || job_begin(j, err) < 0 || db_exec(j->db, mailed_sql, err, P_UUID(id)) < 0)
		return -1;
	return job_end(j, err);
}

int
login_buried(struct job *j, struct problem *err)
{
	return db_exec(j->db, erase_sql, err, P_UUID(job_uuid(j, "loginId"))) < 0 ? -1 : 0;
}
