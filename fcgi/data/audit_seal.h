/*
 * audit_seal.h: seals over the audit trail of one database (rules L2, L3).
 *
 * audit_seal_once takes the rows behind the last seal whose transactions have all ended, oldest first, AUDIT_SEAL_ROWS at most, and
 * appends their leaves and one seal in one transaction. Any number of processes may call it: an advisory lock of that transaction lets
 * one of them work, and the others find nothing to do.
 */
#ifndef DATA_AUDIT_SEAL_H
#define DATA_AUDIT_SEAL_H

#include "crypto/sign.h"
#include "data/db.h"

#define AUDIT_SEAL_ROWS 10000

struct audit_seal {
	int64_t n;         /* 0: there is none yet */
	int64_t lo, hi;    /* leaves */
	uint64_t xid;      /* place of its last row */
	struct uuid last;  /* " */
	int64_t at;        /* microseconds */
	uint8_t prev[32];  /* digest of the seal before */
	uint8_t root[32];
	char key_id[SIGN_KEY_ID];
	uint8_t signature[SIGNATURE_BYTES];
	uint8_t digest[32]; /* its own, computed */
};

struct audit_sealed {
	int64_t rows;       /* 0: nothing was due, or another sealer is at it */
	int64_t waited;     /* microseconds that the oldest of them waited */
	bool more;          /* there may be more: come again at once */
	struct audit_seal seal;
};

/* What waits: *due: rows could be sealed now; *waited: microseconds since the oldest unsealed row, sealable or held back by a
 * transaction that is still open, 0 when none. after: the last seal known, n 0 for none. Cheap: one read of an index. */
int audit_unsealed(struct db *db, const struct audit_seal *after, bool *due, int64_t *waited, struct problem *err) MUST_CHECK;
int audit_seal_once(struct db *db, const struct sign_key *key, struct audit_sealed *ret, struct problem *err) MUST_CHECK;
/* The last seal, n 0 when there is none; 500 "bad_seal" when its columns cannot be one's. */
int audit_head(struct db *db, struct audit_seal *ret, struct problem *err) MUST_CHECK;

#endif
