/*
 * idempotency.c: a repeated POST is answered, not done again (rules P1 to P4).
 *
 * The row of the table idempotency is made, and gets the sealed answer, in the transaction that does the work: either all is
 * there or nothing. So a process that dies leaves nothing to resume: there is no recovery point and no completer (rule P5 is kept
 * by having nothing to complete; `telerx prove idempotency` kills processes to show it). What a handler sets going outside is a job,
 * an effect or a saga of the same transaction, each with its own resumption. Only 2xx answers are kept: a refusal does not use up
 * the key. While a request with the key runs it holds an advisory lock (of its transaction; of its session where an .ask comes
 * before that), and a second one is told 409 at once. INSERT .. ON CONFLICT, not a look-up, decides who is first.
 */
#include "core.h"

#include "base/failpoint.h"
#include "crypto/hash.h"
#include "data/vault.h"
#include "web/web_private.h"

/* Every KEY row there is concerns money, a prescription or its papers: 30 days (P3). */
#define KEPT_SECONDS INT64_C(2592000)
#define KEY_MIN      16
#define KEY_MAX      255
#define KEPT_HEADER  "Location"

static const char claim_sql[] =
    "INSERT INTO idempotency AS i (id, tenant_id, actor, key, fingerprint, expires_at)"
    " SELECT $1::uuid, app_tenant(), $2, $3, $4::bytea, now() + make_interval(secs => $5::bigint)"
    " WHERE pg_try_advisory_xact_lock($6::bigint)"
    " ON CONFLICT (actor, key) DO UPDATE SET id = excluded.id, fingerprint = excluded.fingerprint, code = NULL, body_enc = NULL,"
    " created_at = now(), expires_at = excluded.expires_at WHERE i.expires_at < now()";
static const char find_sql[] =
    "SELECT id, fingerprint, code, content_type, headers->>'Location' AS location, body_enc FROM idempotency"
    " WHERE actor = $1 AND key = $2 AND code IS NOT NULL AND expires_at >= now()";
static const char store_sql[] =
    "UPDATE idempotency SET code = $3::smallint, content_type = $4,"
    " headers = jsonb_strip_nulls(jsonb_build_object('Location', $5::text)),"
    " body_enc = $6::bytea WHERE actor = $1 AND key = $2";
static const char hold_sql[] = "SELECT pg_try_advisory_lock($1::bigint) AS held";
static const char release_sql[] = "SELECT pg_advisory_unlock($1::bigint) AS freed";

/* ---- the header */

static int
unquoted(struct req *r, const char *s, size_t n)
{
	if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
		s++;
		n -= 2;
	}
	if (n < KEY_MIN || n > KEY_MAX)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '\\')
			return -1;
	r->key = arena_ndup(r->arena, s, n);
	return 0;
}

int
idempotency_key(struct req *r, struct problem *err)
{
	const char *s = req_header(r, "idempotency-key");

	if (r->route->once != KEY)
		return 0;
	if (s == NULL || *s == '\0')
		return problem(err, 400, "idempotency_key_required", "this call needs an Idempotency-Key");
	if (unquoted(r, s, strlen(s)) < 0)
		return problem(err, 400, "idempotency_key_invalid", "an Idempotency-Key has %d to %d visible ASCII characters",
		    KEY_MIN, KEY_MAX);
	return 0;
}

/* ---- fingerprint and lock */

static void
digest_parts(const struct bytes *parts, size_t n, struct arena *a, uint8_t out[32])
{
	size_t total = 0;
	uint8_t *all, *p;

	for (size_t i = 0; i < n; i++)
		total += parts[i].n + sizeof(uint64_t);
	all = p = arena_alloc(a, total);
	for (size_t i = 0; i < n; i++) {
		uint64_t len = parts[i].n;

		memcpy(p, &len, sizeof(len));
		if (parts[i].n > 0)
			memcpy(p + sizeof(len), parts[i].p, parts[i].n);
		p += sizeof(len) + parts[i].n;
	}
	sha256(BYTES(all, total), out);
}

static void
release_text(void *p)
{
	free(p);
}

/* Members in order, no spaces: the same body spelled differently is the same body. */
static struct bytes
canonical_body(struct req *r)
{
	char *text;

	if (r->body == NULL)
		return r->raw;
	text = json_dumps(r->body, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
	if (text == NULL)
		die("out of memory for a fingerprint");
	arena_defer(r->arena, release_text, text);
	return BYTES_OF(text);
}

/* The path's parameters count with the body: the same key at another object is another request. */
static void
fingerprint(struct req *r, uint8_t out[32])
{
	const struct bytes parts[] = {
		BYTES_OF(r->method),
		BYTES_OF(r->route->path),
		BYTES_OF(r->path),
		BYTES_OF(r->scope.actor),
		canonical_body(r),
	};

	digest_parts(parts, COUNT(parts), r->arena, out);
}

static int64_t
lock_of(struct req *r)
{
	const struct bytes parts[] = { BYTES_OF("idempotency"), BYTES_OF(r->scope.actor), BYTES_OF(r->key) };
	uint8_t digest[32];
	int64_t id;

	digest_parts(parts, COUNT(parts), r->arena, digest);
	memcpy(&id, digest, sizeof(id));
	return id;
}

static int
in_progress(struct problem *err)
{
	(void)problem(err, 409, "request_in_progress", "a request with this Idempotency-Key is running");
	err->fault = FAULT_RETRY;
	err->retry_after = 1;
	return -1;
}

/* ---- the replay */

static int
replay(struct req *r, const struct row *w, struct problem *err)
{
	struct bytes stored = row_bytes(w, "fingerprint"), body;
	uint8_t mine[32];

	fingerprint(r, mine);
	if (!same_bytes(stored, BYTES(mine, sizeof(mine))))
		return problem(err, 422, "idempotency_key_reused", "this Idempotency-Key was used for another request");
	if (vault_open(r->db, "idempotency", "body_enc", row_uuid(w, "id"), row_bytes(w, "body_enc"), &body, err) < 0)
		return -1;
	reply_bytes(r, (int)row_int(w, "code"), row_str(w, "content_type"), body);
	if (row_opt_str(w, "location") != NULL)
		reply_header(r, KEPT_HEADER, row_str(w, "location"));
	reply_header(r, "Idempotent-Replayed", "true");
	r->replayed = true;
	return 0;
}

static int
find(struct req *r, bool *ret_found, struct problem *err)
{
	const struct row *w;

	if (db_one(r->db, &w, find_sql, err, P_TEXT(r->scope.actor), P_TEXT(r->key)) < 0)
		return -1;
	*ret_found = w != NULL;
	return w != NULL ? replay(r, w, err) : 0;
}

int
idempotency_claim(struct req *r, struct problem *err)
{
	uint8_t mine[32];
	int64_t rows;
	bool found;

	fingerprint(r, mine);
	r->key_row = uuid_new();
	rows = db_exec(r->db, claim_sql, err, P_UUID(r->key_row), P_TEXT(r->scope.actor), P_TEXT(r->key),
	    P_BYTES(BYTES(mine, sizeof(mine))), P_INT(KEPT_SECONDS), P_INT(lock_of(r)));
	if (rows < 0)
		return -1;
	FAIL_POINT("idempotency.claim");
	if (rows == 1)
		return 0;
	/* Not ours: an answer is stored, or somebody holds the lock. */
	if (find(r, &found, err) < 0)
		return -1;
	return found ? 0 : in_progress(err);
}

static const char *
kept_location(const struct req *r)
{
	for (size_t i = 0; i < r->nreply_headers; i++)
		if (strcmp(r->reply_headers[i].name, KEPT_HEADER) == 0)
			return r->reply_headers[i].value;
	return NULL;
}

int
idempotency_store(struct req *r, struct problem *err)
{
	struct bytes sealed;

	if (!db_in_transaction(r->db))
		die("the handler of %s ended its transaction: a KEY route must not use db_final", r->route->path);
	if (r->status < 200 || r->status > 299)
		return problem(err, 500, "unkept_answer", "a KEY route answered %d without a problem", r->status);
	if (vault_seal(
		r->db, VAULT_SERVICE, "idempotency", "body_enc", r->key_row, BYTES(buf_str(&r->out), r->out.len), &sealed, err) < 0)
		return -1;
	return db_exec(r->db, store_sql, err, P_TEXT(r->scope.actor), P_TEXT(r->key), P_INT(r->status), P_TEXT(r->content_type),
		   P_TEXT(kept_location(r)), P_BYTES(sealed)) < 0 ?
	    -1 :
	    0;
}

/* ---- over an .ask, which runs in no transaction */

static int
hold_in_transaction(struct req *r, bool *ret_held, struct problem *err)
{
	const struct row *w;
	bool found;

	if (db_one(r->db, &w, hold_sql, err, P_INT(lock_of(r))) < 0)
		return -1;
	*ret_held = row_bool(w, "held");
	if (find(r, &found, err) < 0)
		return -1;
	return found || *ret_held ? 0 : in_progress(err);
}

int
idempotency_hold(struct req *r, struct problem *err)
{
	bool held = false;
	int rc;

	if (db_begin(r->db, READ, &r->scope, err) < 0)
		return -1;
	rc = hold_in_transaction(r, &held, err);
	if (rc == 0)
		rc = db_commit(r->db, err);
	else
		db_rollback(r->db);
	if (held && rc < 0)
		idempotency_release(r);
	else
		r->key_held = held;
	return rc;
}

/* A failure needs no answer: the lock ends with its session at the latest, and a session that cannot run this is over. */
void
idempotency_release(struct req *r)
{
	struct problem ignored = { 0 };
	const struct row *w;

	r->key_held = false;
	if (db_begin(r->db, READ, &r->scope, &ignored) < 0)
		return;
	if (db_one(r->db, &w, release_sql, &ignored, P_INT(lock_of(r))) < 0 || db_commit(r->db, &ignored) < 0)
		db_rollback(r->db);
}
