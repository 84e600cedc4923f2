/* audit_log.c: see audit_log.h. */
#include "core.h"

#include <endian.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "data/audit_log.h"

#define RECORD_MAX     ((size_t)4 * 1024 * 1024)
#define POSTGRES_EPOCH (INT64_C(946684800) * 1000000) /* 2000-01-01 */
#define ABSENT         UINT32_MAX

void
audit_record(const PGresult *res, int i, struct audit_record *ret)
{
	for (int k = 0; k < AUDIT_FIELDS; k++)
		ret->f[k] = PQgetisnull(res, i, k) ? BYTES(NULL, 0) : BYTES(PQgetvalue(res, i, k), (size_t)PQgetlength(res, i, k));
}

static void
add_length(struct buf *b, size_t n)
{
	uint32_t be = htobe32((uint32_t)n);

	buf_addn(b, &be, sizeof(be));
}

static void
add_part(struct buf *b, struct bytes part)
{
	add_length(b, part.p != NULL ? part.n : ABSENT);
	if (part.n > 0)
		buf_addn(b, part.p, part.n);
}

void
audit_leaf(const struct audit_record *r, struct buf *work, uint8_t out[MERKLE_HASH])
{
	buf_clear(work);
	buf_addc(work, '\0');
	for (int k = 0; k < AUDIT_FIELDS; k++)
		add_part(work, r->f[k]);
	if (work->failed)
		die("an audit row passes %zu bytes", RECORD_MAX);
	merkle_leaf((uint8_t *)work->data, work->len, out);
}

static uint64_t
big_endian(struct bytes b)
{
	uint64_t v = 0;

	if (b.n != sizeof(v))
		die("an audit row has a column of %zu bytes where eight were expected", b.n);
	memcpy(&v, b.p, sizeof(v));
	return be64toh(v);
}

struct uuid
audit_record_id(const struct audit_record *r)
{
	struct uuid id = UUID_NIL;

	if (r->f[A_ID].n == sizeof(id.b))
		memcpy(id.b, r->f[A_ID].p, sizeof(id.b));
	return id;
}

uint64_t
audit_record_xid(const struct audit_record *r)
{
	return big_endian(r->f[A_XID]);
}

int64_t
audit_record_at(const struct audit_record *r)
{
	return (int64_t)big_endian(r->f[A_AT]) + POSTGRES_EPOCH;
}

/* What audit.c made it over: every text of the row with its length. */
bool
audit_mac_holds(const struct audit_record *r, const uint8_t key[32], struct buf *work)
{
	char id[UUID_TEXT], tenant[UUID_TEXT];
	struct uuid u = UUID_NIL;
	struct bytes whole;
	uint8_t mac[32];

	if (r->f[A_MAC].n != sizeof(mac) || r->f[A_TENANT].n != sizeof(u.b))
		return false;
	memcpy(u.b, r->f[A_TENANT].p, sizeof(u.b));
	buf_clear(work);
	add_part(work, BYTES_OF(uuid_text(audit_record_id(r), id)));
	add_part(work, BYTES_OF(uuid_text(u, tenant)));
	for (int k = A_ACTOR; k <= A_DETAIL; k++)
		add_part(work, r->f[k]);
	whole = BYTES(work->data, work->len);
	hmac_sha256(BYTES(key, 32), &whole, 1, mac);
	return same_bytes(BYTES(mac, sizeof(mac)), r->f[A_MAC]);
}

/* ---- seals */

static int
fixed(const struct row *w, const char *column, uint8_t *out, size_t n)
{
	struct bytes b = row_bytes(w, column);

	if (b.n != n)
		return -1;
	memcpy(out, b.p, n);
	return 0;
}

int
seal_from_row(const struct row *w, struct audit_seal *ret, struct problem *err)
{
	*ret = (struct audit_seal){
		.n = row_int(w, "n"),
		.lo = row_int(w, "lo"),
		.hi = row_int(w, "hi"),
		.xid = strtoull(row_str(w, "xid"), NULL, 10),
		.last = row_uuid(w, "last"),
		.at = row_time(w, "at"),
	};
	if (snprintf(ret->key_id, sizeof(ret->key_id), "%s", row_str(w, "key_id")) >= (int)sizeof(ret->key_id) ||
	    fixed(w, "prev", ret->prev, sizeof(ret->prev)) < 0 || fixed(w, "root", ret->root, sizeof(ret->root)) < 0 ||
	    fixed(w, "signature", ret->signature, sizeof(ret->signature)) < 0)
		return problem(err, 500, "bad_seal", "seal %" PRId64 " has a column of a wrong length", ret->n);
	return 0;
}

size_t
seal_text(const char *log, const struct audit_seal *s, char out[SEAL_TEXT])
{
	char last[UUID_TEXT], prev[HEX32], root[HEX32];
	int n = snprintf(out, SEAL_TEXT,
	    "telerx audit seal 1\n%s\n%" PRId64 "\n%" PRId64 "\n%" PRId64 "\n%" PRIu64 "\n%s\n%" PRId64 "\n%s\n%s\n%s\n", log, s->n,
	    s->lo, s->hi, s->xid, uuid_text(s->last, last), s->at, hex_encode(BYTES(s->prev, 32), prev),
	    hex_encode(BYTES(s->root, 32), root), s->key_id);

	if (n < 0 || n >= SEAL_TEXT)
		die("the name of a database is too long for a seal");
	return (size_t)n;
}

void
seal_digest(const char *log, const struct audit_seal *s, uint8_t out[32])
{
	char text[SEAL_TEXT + SIGNATURE_BYTES];
	size_t n = seal_text(log, s, text);

	memcpy(text + n, s->signature, SIGNATURE_BYTES);
	sha256(BYTES(text, n + SIGNATURE_BYTES), out);
}
