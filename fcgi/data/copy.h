/*
 * copy.h: rows by the million, from a public file into a table of reference data (COPY FROM STDIN).
 *
 * For importers, which are programs of their own and run as the database's owner: one connection, one transaction. Rows go to a table of that
 * transaction as they are read, so that a file of any size needs no memory; at its end one statement merges them into the real one, and all of it
 * is there or nothing.
 */
#ifndef DATA_COPY_H
#define DATA_COPY_H

#include "base/problem.h"

struct copy;

/* make: SQL that makes the transaction's table; into: "COPY name (columns) FROM STDIN". Text format is written here. NULL with a problem. */
struct copy *copy_open(const char *owner_url, const char *make, const char *into, struct problem *err) MUST_CHECK;
void copy_field(struct copy *c, const char *text); /* the next column; NULL is SQL NULL */
int copy_row(struct copy *c, struct problem *err) MUST_CHECK;
/* Ends the rows, runs the merge and commits; *rows is what the merge counts. */
int copy_finish(struct copy *c, const char *merge, int64_t *rows, struct problem *err) MUST_CHECK;
void copy_close(struct copy *c); /* without copy_finish nothing was written; accepts NULL */

#endif
