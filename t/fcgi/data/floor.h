/*
 * floor.h: what the tests of the data floor stand on: a scratch database with the common tables and one business table, a
 * connection of the app role, one of the superuser to look at what is really there.
 */
#ifndef T_DATA_FLOOR_H
#define T_DATA_FLOOR_H

#include <libpq-fe.h>

#include "base/log.h"
#include "crypto/seal.h"
#include "data/audit.h"
#include "data/event.h"
#include "data/job.h"
#include "data/migrate.h"
#include "data/ttl.h"
#include "data/vault.h"
#include "harness/harness.h"

#define TENANT_A "00000000-0000-7000-8000-000000000001"
#define TENANT_B "00000000-0000-7000-8000-000000000002"

struct floor {
	struct scratch *scratch;
	struct arena *arena;
	struct keyring *keyring;
	struct db *db;
	PGconn *super;
	struct scope a, b, nobody; /* tenant A, tenant B, none */
};

int floor_setup(void **state);
int floor_teardown(void **state);
struct db *floor_connect(struct floor *f, enum db_use use); /* another one, with the keyring */
int64_t floor_count(struct floor *f, const char *sql);      /* as superuser: the one number */
void floor_run(struct floor *f, const char *sql);
/* ok or the test ends with the problem's words. */
#define must(rc, err) must_((rc), (err), __FILE__, __LINE__)
void must_(int64_t rc, const struct problem *err, const char *file, int line);
void must_be(const struct problem *err, int status, const char *code);

#endif
