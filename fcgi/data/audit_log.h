/*
 * audit_log.h: what the sealer and the verifier agree on: a row's bytes, a seal's bytes (rules L2, L5). For the files of audit_* only.
 *
 * A leaf is the Merkle leaf hash over a row's sixteen columns as PostgreSQL sends them in binary, each behind its length in four bytes,
 * 0xffffffff for NULL. A seal signs a text of eleven lines; its digest, which the next seal carries as prev, is SHA-256 over that text
 * and the signature.
 */
#ifndef DATA_AUDIT_LOG_H
#define DATA_AUDIT_LOG_H

#include "crypto/merkle.h"
#include "crypto/sign.h"
#include "data/audit_seal.h"
#include "data/db_private.h"

#define AUDIT_FIELDS 16
/* In the order of enum audit_field. */
#define AUDIT_RECORD \
	"id, xid, at, tenant_id, actor, on_behalf, action, object, object_id, outcome, reason, request_id, source, detail, key_id, mac"
#define SEAL_COLUMNS "n, lo, hi, xid::text AS xid, last, at, prev, root, key_id, signature"
#define SEAL_TEXT    1024

enum audit_field {
	A_ID,
	A_XID,
	A_AT,
	A_TENANT,
	A_ACTOR,
	A_ON_BEHALF,
	A_ACTION,
	A_OBJECT,
	A_OBJECT_ID,
	A_OUTCOME,
	A_REASON,
	A_REQUEST_ID,
	A_SOURCE,
	A_DETAIL,
	A_KEY_ID,
	A_MAC
};

/* One row; p NULL is SQL NULL. Belongs to its result. */
struct audit_record {
	struct bytes f[AUDIT_FIELDS];
};

/* Row i of a binary result of AUDIT_RECORD. */
void audit_record(const PGresult *res, int i, struct audit_record *ret);
/* work grows as it must and is kept between calls. */
void audit_leaf(const struct audit_record *r, struct buf *work, uint8_t out[MERKLE_HASH]);
bool audit_mac_holds(const struct audit_record *r, const uint8_t key[32], struct buf *work);
struct uuid audit_record_id(const struct audit_record *r);
uint64_t audit_record_xid(const struct audit_record *r);
int64_t audit_record_at(const struct audit_record *r); /* microseconds since 1970 */

int seal_from_row(const struct row *w, struct audit_seal *ret, struct problem *err) MUST_CHECK;
/* The text that is signed; log is the database's name. Its length. */
size_t seal_text(const char *log, const struct audit_seal *s, char out[SEAL_TEXT]);
void seal_digest(const char *log, const struct audit_seal *s, uint8_t out[32]);

#endif
