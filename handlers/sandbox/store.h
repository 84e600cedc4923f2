/*
 * store.h: the vendors' objects, table object.
 *
 * data is the object as the vendor shows it; members that begin with '_' are the sandbox's own memory and are left out of
 * answers. refs are the texts by which a client may ask the ledger for it. All trees belong to the db's arena.
 */
#ifndef SANDBOX_STORE_H
#define SANDBOX_STORE_H

#include "sandbox/vendor.h"

struct found {
	json_t *data;			/* NULL: there is none */
	int64_t seq;
	int64_t created, updated;	/* microseconds, by the database's clock, as is now */
	int64_t now;
};

struct object {
	const char *vendor;
	const char *type;
	const char *id;
	const char *subject;		/* may be NULL */
	const json_t *refs;		/* array of texts; may be NULL */
	const json_t *data;
};

int	 sb_add(struct db *db, const struct object *o, struct problem *err) MUST_CHECK;
/* lock: SELECT FOR UPDATE, for whoever is going to sb_put. */
int sb_get(struct db *db, const char *vendor, const char *type, const char *id, bool lock, struct found *ret,
    struct problem *err) MUST_CHECK;
/* By o->vendor, type and id; subject and refs stay as they are where NULL. */
int	 sb_put(struct db *db, const struct object *o, struct problem *err) MUST_CHECK;

/* Newest first. subject, containing (a JSON object text that data must contain) and before (an object's seq) may be NULL/0. */
struct listing {
	const char *vendor;
	const char *type;
	const char *subject;
	const char *containing;
	int64_t before, after;
	int64_t limit;
};
int	 sb_list(struct db *db, const struct listing *l, json_t **ret, struct problem *err) MUST_CHECK;	/* array of data */

json_t *sb_refs(struct arena *a, const json_t *metadata, ...)
    __attribute__((sentinel)); /* metadata's values and the texts that follow, empty ones left out; a NULL ends them */
json_t	*sb_shown(struct arena *a, const json_t *data);	/* a copy without the members that begin with '_' */

#endif
