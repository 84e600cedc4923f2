/*
 * blind.h: which columns of a service hold blind indexes (rule E7), and of what: a job makes them anew when the index key changes.
 *
 * The text is taken from a sealed column of the same row, and normalised as the handlers do it. A column of the database that has no
 * row here stops the rotation, so that its key is not destroyed.
 */
#ifndef DATA_BLIND_H
#define DATA_BLIND_H

#include "base/arena.h"
#include "base/buf.h"

struct blind_column {
	const char *table, *column;
	const char *purpose; /* as vault_index is told */
	const char *sealed;  /* the column the text is in */
	/* What is indexed, of the opened column; NULL: it has none. */
	const char *(*text)(struct arena *a, struct bytes plain);
};

const char *blind_email(struct arena *a, struct bytes plain);        /* the column is an e-mail address */
const char *blind_email_member(struct arena *a, struct bytes plain); /* the column is a JSON object with a member "email" */

#endif
