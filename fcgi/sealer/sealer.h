/*
 * sealer.h: what sealer.c and anchor.c share.
 */
#ifndef SEALER_SEALER_H
#define SEALER_SEALER_H

#include "data/audit_seal.h"
#include "sealer/logs.h"

#define ANCHOR_LINE 320

/* A log's head as its thread last knew it. */
struct anchor_head {
	const char *name;     /* of the service: the file's name */
	const char *database; /* of the log: stands in the line */
	struct audit_seal seal;
	int64_t anchored; /* seal that was anchored last */
};

/* Appends a line for each head that moved to DIR/<name>.anchor, and posts the lines to ANCHOR_URL when it is set. Failures are logged
 * and counted, and made up for at the next call. */
void anchors_write(const struct conf *conf, struct anchor_head *heads, size_t n);

#endif
