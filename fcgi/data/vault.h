/*
 * vault.h: sealed columns. One data key per patient and database (table dek), wrapped by the key-encryption key (rules E1 to E5).
 *
 * subject names whose key seals: the patient's id, or the nil UUID for what belongs to no patient (the service's own key). The
 * first seal for a subject makes its key in the caller's transaction. Opened text belongs to the db's arena and is NUL-terminated.
 * What belongs to a patient whose keys were erased neither opens nor can be sealed: 410 "erased". A process may still open it for as
 * long as it remembers the key, two minutes at most.
 */
#ifndef DATA_VAULT_H
#define DATA_VAULT_H

#include "data/db.h"

#define VAULT_SERVICE UUID_NIL

int vault_seal(struct db *db, struct uuid subject, const char *table, const char *column, struct uuid row, struct bytes plain,
    struct bytes *ret, struct problem *err) MUST_CHECK;
int vault_open(struct db *db, const char *table, const char *column, struct uuid row, struct bytes blob, struct bytes *ret,
    struct problem *err) MUST_CHECK;
/* Blind index of a normalised text for this column (rule E7), 32 bytes in the db's arena. */
struct bytes vault_index(struct db *db, const char *column, const char *normalised);

#endif
