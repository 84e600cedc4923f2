/*
 * migrate.h: numbered SQL files, each applied once in its own transaction, never edited after release.
 * sql/common/ first (every database has it), then sql/<database>/, and with sample also sql/<database>/sample/ (re-runnable sample
 * rows).
 */
#ifndef DATA_MIGRATE_H
#define DATA_MIGRATE_H

#include "data/db.h"

/* The tenant of the default install; rows that migrations and samples insert are its own. */
#define MIGRATE_TENANT "00000000-0000-7000-8000-000000000001"

/* sql_dir holds common/ and <database>/. applied counts the files that ran now. A file whose digest changed after it was applied
 * is an error. */
int migrate_up(const char *owner_url, const char *sql_dir, const char *database, bool sample, unsigned *applied,
    struct problem *err) MUST_CHECK;
int migrate_pending(struct db *db, const char *sql_dir, const char *database, unsigned *pending, struct problem *err) MUST_CHECK;

#endif
