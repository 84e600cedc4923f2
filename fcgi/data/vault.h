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
/* This connection asks anew which key seals for the subject: one that it remembers may have been given up. */
void vault_ask_anew(struct db *db, struct uuid subject);

/*
 * Blind index of a normalised text for this column (rule E7): version(4, big endian) HMAC(32), in the db's arena. A row of 32 bytes is
 * from before there were versions and of version 1. Columns that hold one end in _index, and the service has a row of struct
 * blind_column for each (work.h), by which a job writes them anew when the key changes.
 *
 * Until that is done a text may stand under several keys: look it up with column = ANY($n), vault_indexes.
 */
#define VAULT_INDEX 36
struct bytes vault_index(struct db *db, const char *column, const char *normalised);
struct param vault_indexes(struct db *db, const char *column, const char *normalised); /* a bytea[] */
/* HMAC of a text under a key that never changes, 32 bytes: for what no column keeps, or not for long. */
struct bytes vault_mac(struct db *db, const char *purpose, const char *text);

#endif
