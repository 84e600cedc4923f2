/*
 * audit_verify.h: is the audit trail of a database what was written (rules L4, L5)?
 *
 * Seals are checked one after the other: number, range, chain, signature, and against anchors where some are given; rows against
 * their leaves and leaves against their seal's root, in ranges shared by several threads; rows' macs where their key is known; then what
 * stands behind the last seal. The first fault of a log is named and ends it.
 */
#ifndef DATA_AUDIT_VERIFY_H
#define DATA_AUDIT_VERIFY_H

#include "crypto/seal.h"
#include "crypto/sign.h"
#include "data/db.h"

enum audit_verdict { AUDIT_OK = 0, AUDIT_TAMPERED = 1, AUDIT_INCOMPLETE = 2, AUDIT_UNREADABLE = 3 };

struct audit_check {
	const char *url;                /* of telerx_verifier */
	const struct verify_keys *keys;
	const struct keyring *keyring;  /* NULL: macs are not checked */
	const char *anchor_file;        /* lines "<time> <database> <seal> <last leaf> <digest>", also of other logs; NULL: none */
	int64_t from;                   /* seal; 0 and 1: the whole log */
	unsigned threads;
};

struct audit_report {
	enum audit_verdict verdict;
	char says[256];        /* what is wrong, "" when nothing is */
	int64_t seals, rows;   /* checked */
	size_t anchors;        /* compared with */
	int64_t unsealed;      /* rows behind the last seal */
	int64_t head;          /* the last seal's number */
	uint8_t digest[32];    /* and digest */
};

void audit_verify(const struct audit_check *c, struct audit_report *ret);

#endif
