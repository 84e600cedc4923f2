/*
 * keys.c: the core's own jobs about keys, in every service's worker (rule E6).
 *
 *	keys.rewrap	moves all data keys under the newest key-encryption key, some hundred a transaction; fields are not touched
 *	keys.reindex	makes blind indexes under the newest index key (keys_index.c)
 *	keys.reseal	gives up a patient's data keys for a new one (keys_reseal.c)
 *	keys.erase	takes a patient's data keys away: what they sealed cannot be read any more, here or in a backup's rows
 *
 * Both may die at any point and go on where they were: what is done is a row.
 */
#include "work/work.h"

#include "crypto/keyring.h"
#include "crypto/random.h"

#define BATCH	     200
#define BATCHES	     20 /* a run; their rows are in memory until it ends */
#define LOOK_AGAIN_S 1

static const char begin_sql[] = "INSERT INTO key_rotation (kind, version) VALUES ('kek', $1::integer) ON CONFLICT DO NOTHING";
static const char old_sql[] = "SELECT id, kek_version, wrapped FROM dek WHERE kek_version <> $1::integer AND wrapped IS NOT NULL"
			      " ORDER BY id LIMIT $2::bigint FOR UPDATE SKIP LOCKED";
static const char move_sql[] = "UPDATE dek SET wrapped = $2::bytea, kek_version = $3::integer WHERE id = $1::bigint";
static const char moved_sql[] =
    "UPDATE key_rotation SET moved = moved + $2::bigint WHERE kind = 'kek' AND version = $1::integer";
/* In one snapshot: nobody who began before the rotation is still at work, and no row is left. */
static const char finish_sql[] =
    "UPDATE key_rotation SET finished_at = coalesce(finished_at, clock_timestamp()) WHERE kind = 'kek' AND version = $1::integer"
    " AND pg_snapshot_xmin(pg_current_snapshot()) > began_xid AND nobody_since(began_at)"
    " AND NOT EXISTS (SELECT FROM dek WHERE kek_version <> $1::integer AND wrapped IS NOT NULL)";
static const char erase_sql[] = "SELECT dek_erase($1::uuid, $2::uuid, $3::bigint) AS keys";

static int
move(struct job *j, const struct row *w, struct problem *err)
{
	uint8_t wrapped[WRAPPED_DEK];
	int64_t id = row_int(w, "id");
	int now = 0;

	if (dek_rewrap(db_current_keyring(j->db), (int)row_int(w, "kek_version"), id, row_bytes(w, "wrapped"), &now, wrapped, err) < 0)
		return -1;
	return db_exec(j->db, move_sql, err, P_INT(id), P_BYTES(BYTES(wrapped, sizeof(wrapped))), P_INT(now)) < 0 ? -1 : 0;
}

/* One transaction; *ret_n: how many were moved. */
static int
move_some(struct job *j, int newest, size_t *ret_n, struct problem *err)
{
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, old_sql, err, P_INT(newest), P_INT(BATCH)) < 0)
		return -1;
	*ret_n = rows_count(rows);
	for (size_t i = 0; i < *ret_n; i++)
		if (move(j, rows_at(rows, i), err) < 0)
			return -1;
	if (db_exec(j->db, moved_sql, err, P_INT(newest), P_INT((int64_t)*ret_n)) < 0)
		return -1;
	j->progressed = true;
	return job_commit(j, err);
}

int
keys_rewrap_job(struct job *j, struct problem *err)
{
	int newest = keyring_newest(db_current_keyring(j->db), err);
	int64_t finished;
	size_t n = 1;

	/* Whoever wraps under an older key has begun before this row. */
	if (newest < 0 || job_begin(j, err) < 0 || db_exec(j->db, begin_sql, err, P_INT(newest)) < 0 || job_commit(j, err) < 0)
		return -1;
	for (int i = 0; n > 0 && i < BATCHES; i++)
		if (move_some(j, newest, &n, err) < 0)
			return -1;
	if (job_begin(j, err) < 0 || (finished = db_exec(j->db, finish_sql, err, P_INT(newest))) < 0)
		return -1;
	if (finished == 0)
		job_again(j, n > 0 ? 0 : LOOK_AGAIN_S);
	return job_end(j, err);
}

int
keys_erase_job(struct job *j, struct problem *err)
{
	struct uuid patient = job_uuid(j, "patientId");
	struct audit_entry e = { .action = "patient.erase", .object = "patient", .reason = job_str(j, "reason") };
	char text[UUID_TEXT];
	const struct row *w;
	uint64_t id = 0;

	/* The nil subject is the service's own key, which seals what belongs to nobody. */
	if (uuid_is_nil(patient))
		return problem(err, 400, "no_patient", "the job names no patient");
	if (random_bytes(&id, sizeof(id)) < 0)
		return problem(err, 503, "no_randomness", "no random bytes for an id");
	if (job_begin(j, err) < 0 ||
	    db_one(j->db, &w, erase_sql, err, P_UUID(j->scope.tenant), P_UUID(patient), P_INT((int64_t)(id >> 1 | 1))) < 0)
		return -1;
	e.object_id = uuid_text(patient, text);
	e.detail = arena_printf(j->arena, "{\"keys\":%" PRId64 "}", row_int(w, "keys"));
	if (audit_add(j->db, &e, err) < 0)
		return -1;
	return job_end(j, err);
}

const struct job_row core_jobs[] = {
	{ "keys.rewrap", keys_rewrap_job, .says = "moves data keys under the newest key-encryption key" },
	{ "keys.reindex", keys_reindex_job, .says = "makes blind indexes under the newest index key" },
	{ "keys.reseal", keys_reseal_job, .says = "seals a patient's fields under a new data key and destroys the old one" },
	{ "keys.erase", keys_erase_job, .says = "erases a patient's data keys" },
	{ 0 },
};
