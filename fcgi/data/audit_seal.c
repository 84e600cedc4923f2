/*
 * audit_seal.c: see audit_seal.h.
 *
 * The bound is pg_snapshot_xmin: every transaction below it has ended and its rows are in sight, so by (xid, id) nothing can appear
 * behind a place once sealed. After a restore from a dump the new cluster counts transactions from the beginning, and its rows would
 * stand behind the log's end: that is seen, and nothing is sealed until the cluster's counter has been advanced.
 */
#include "core.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "data/audit_log.h"

#define RECORD_MAX ((size_t)4 * 1024 * 1024)

static const char lock_sql[] = "SELECT pg_try_advisory_xact_lock(hashtextextended('telerx audit seal', 0)) AS mine";
static const char head_sql[] = "SELECT " SEAL_COLUMNS ", pg_snapshot_xmax(pg_current_snapshot()) <= xid AS behind"
			       " FROM audit_seal ORDER BY n DESC LIMIT 1";
static const char rows_sql[] =
    "SELECT " AUDIT_RECORD " FROM audit WHERE xid >= $1::text::xid8 AND (xid, id) > ($1::text::xid8, $2::uuid)"
    " AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT $3";
static const char unsealed_sql[] = "SELECT bool_or(xid < pg_snapshot_xmin(pg_current_snapshot())) AS due, min(at) AS oldest"
				   " FROM (SELECT xid, at FROM audit WHERE xid >= $1::text::xid8"
				   "  AND (xid, id) > ($1::text::xid8, $2::uuid) ORDER BY xid LIMIT 100) a";
static const char leaves_sql[] = "INSERT INTO audit_leaf (leaf_no, audit_id, hash)"
				 " SELECT $1::bigint + i - 1, encode(substr($3::bytea, i * 16 - 15, 16), 'hex')::uuid,"
				 "  substr($4::bytea, i * 32 - 31, 32) FROM generate_series(1, $2::integer) i";
static const char seal_sql[] = "INSERT INTO audit_seal (n, lo, hi, xid, last, at, prev, root, key_id, signature)"
			       " VALUES ($1, $2, $3, $4::text::xid8, $5::uuid, $6::timestamptz, $7::bytea, $8::bytea, $9, $10::bytea)";

static const struct scope sealer_scope = { .actor = "system:sealer" };

static struct param
P_XID(uint64_t xid)
{
	struct param p = { .text = NULL };

	(void)snprintf(p.own, sizeof(p.own), "%" PRIu64, xid);
	return p;
}

static int
read_head(struct db *db, struct audit_seal *ret, bool *behind, struct problem *err)
{
	const struct row *w;

	*ret = (struct audit_seal){ .n = 0 };
	*behind = false;
	if (db_one(db, &w, head_sql, err) < 0)
		return -1;
	if (w == NULL)
		return 0;
	*behind = row_bool(w, "behind");
	if (seal_from_row(w, ret, err) < 0)
		return -1;
	seal_digest(PQdb(db->conn), ret, ret->digest);
	return 0;
}

int
audit_head(struct db *db, struct audit_seal *ret, struct problem *err)
{
	bool behind;

	if (db_begin(db, READ, &sealer_scope, err) < 0)
		return -1;
	if (read_head(db, ret, &behind, err) < 0) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, err);
}

int
audit_unsealed(struct db *db, const struct audit_seal *after, bool *due, int64_t *waited, struct problem *err)
{
	const struct row *w;

	if (db_begin(db, READ, &sealer_scope, err) < 0)
		return -1;
	if (db_one(db, &w, unsealed_sql, err, P_XID(after->xid), P_UUID(after->last)) < 0) {
		db_rollback(db);
		return -1;
	}
	*due = row_bool(w, "due");
	*waited = row_is_null(w, "oldest") ? 0 : clock_us() - row_time(w, "oldest");
	return db_commit(db, err);
}

/* Leaves of a batch: their hashes, their rows' ids, and what its seal says of it. */
struct batch {
	size_t n;
	uint8_t *hashes, *ids;
	int64_t oldest;
	uint64_t xid;
	struct uuid last;
};

static void
hash_batch(const PGresult *res, struct arena *a, struct batch *b)
{
	struct buf work = BUF_INIT(RECORD_MAX);
	struct audit_record r;

	*b = (struct batch){ .n = (size_t)PQntuples(res), .oldest = INT64_MAX };
	b->hashes = arena_alloc(a, b->n * MERKLE_HASH);
	b->ids = arena_alloc(a, b->n * 16);
	for (size_t i = 0; i < b->n; i++) {
		audit_record(res, (int)i, &r);
		audit_leaf(&r, &work, b->hashes + i * MERKLE_HASH);
		b->last = audit_record_id(&r);
		b->xid = audit_record_xid(&r);
		memcpy(b->ids + i * 16, b->last.b, 16);
		if (audit_record_at(&r) < b->oldest)
			b->oldest = audit_record_at(&r);
	}
	buf_release(&work);
}

static void
make_seal(const char *log, const struct sign_key *key, const struct audit_seal *head, const struct batch *b, struct arena *a,
    struct audit_seal *ret)
{
	uint8_t *work = arena_alloc(a, b->n * MERKLE_HASH);
	char text[SEAL_TEXT];
	size_t n;

	*ret = (struct audit_seal){
		.n = head->n + 1, .lo = head->hi + 1, .hi = head->hi + (int64_t)b->n, .xid = b->xid, .last = b->last, .at = clock_us()
	};
	memcpy(ret->prev, head->digest, sizeof(ret->prev));
	memcpy(work, b->hashes, b->n * MERKLE_HASH);
	merkle_root(work, b->n, ret->root);
	(void)snprintf(ret->key_id, sizeof(ret->key_id), "%s", sign_key_id(key));
	n = seal_text(log, ret, text);
	sign_bytes(key, BYTES(text, n), ret->signature);
	seal_digest(log, ret, ret->digest);
}

static int
append(struct db *db, const struct audit_seal *s, const struct batch *b, struct problem *err)
{
	if (db_exec(db, leaves_sql, err, P_INT(s->lo), P_INT((int64_t)b->n), P_BYTES(BYTES(b->ids, b->n * 16)),
		P_BYTES(BYTES(b->hashes, b->n * MERKLE_HASH))) < 0 ||
	    db_exec(db, seal_sql, err, P_INT(s->n), P_INT(s->lo), P_INT(s->hi), P_XID(s->xid), P_UUID(s->last), P_TIME(s->at),
		P_BYTES(BYTES(s->prev, 32)), P_BYTES(BYTES(s->root, 32)), P_TEXT(s->key_id),
		P_BYTES(BYTES(s->signature, SIGNATURE_BYTES))) < 0)
		return -1;
	return db_commit(db, err);
}

static int
seal_behind(struct db *db, const struct sign_key *key, struct audit_sealed *ret, struct problem *err)
{
	struct param p[3];
	struct audit_seal head;
	struct batch b;
	PGresult *res = NULL;
	bool behind;

	if (read_head(db, &head, &behind, err) < 0)
		return -1;
	ret->seal = head;
	if (behind)
		return problem(err, 500, "audit_xid_behind",
		    "the cluster's transaction counter is behind seal %" PRId64 ": advance it by pg_resetwal -e and -x", head.n);
	p[0] = P_XID(head.xid);
	p[1] = P_UUID(head.last);
	p[2] = P_INT(AUDIT_SEAL_ROWS);
	if (db_run_binary(db, &res, rows_sql, p, COUNT(p), err) < 0)
		return -1;
	if (PQntuples(res) == 0) {
		PQclear(res);
		return db_commit(db, err);
	}
	hash_batch(res, db->arena, &b);
	PQclear(res);
	make_seal(PQdb(db->conn), key, &head, &b, db->arena, &ret->seal);
	if (append(db, &ret->seal, &b, err) < 0)
		return -1;
	ret->rows = (int64_t)b.n;
	ret->waited = ret->seal.at - b.oldest;
	ret->more = b.n == AUDIT_SEAL_ROWS;
	return 0;
}

int
audit_seal_once(struct db *db, const struct sign_key *key, struct audit_sealed *ret, struct problem *err)
{
	const struct row *w;

	*ret = (struct audit_sealed){ .rows = 0 };
	if (db_begin(db, WRITE, &sealer_scope, err) < 0)
		return -1;
	if (db_one(db, &w, lock_sql, err) == 0) {
		if (!row_bool(w, "mine"))
			return db_commit(db, err);
		if (seal_behind(db, key, ret, err) == 0)
			return 0;
	}
	db_rollback(db);
	return -1;
}
