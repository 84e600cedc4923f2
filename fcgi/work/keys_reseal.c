/*
 * keys_reseal.c: the core's job keys.reseal (rule E6): a patient's data keys are given up. A successor seals from then on, every field
 * under an old one is opened and sealed anew, and when none is left the old key is destroyed.
 *
 * A connection may seal with a key it was given leave for as long as it remembers it, so the old key is looked for until that time and
 * the transactions begun in it are over, and then destroyed when nobody is left who could have read a field before. The job may die at
 * any point: what is done is a row.
 */
#include "work/work.h"

#include "crypto/keyring.h"
#include "data/vault.h"

#define BATCH	     100
#define LOOK_AGAIN_S 1

static const char retire_sql[] = "SELECT dek_retire($1::uuid, $2::uuid) AS keys";
static const char keys_sql[] = "SELECT dek_id FROM dek_reseal WHERE tenant_id = $1::uuid AND subject = $2::uuid AND finished_at IS NULL";
static const char columns_sql[] = "SELECT tbl, col FROM key_column WHERE kind = 'enc'";
static const char rows_sql[] = "SELECT id, blob FROM dek_rows($1, $2, $3::bigint, $4::bigint)";
static const char rewrite_sql[] = "SELECT key_rewrite($1, $2, $3::uuid, $4::bytea, $5::bytea) AS done";
static const char moved_sql[] = "UPDATE dek_reseal SET moved = moved + $2::bigint, clear_at = NULL WHERE dek_id = $1::bigint";
static const char clear_sql[] =
    "UPDATE dek_reseal SET clear_at = clock_timestamp() WHERE dek_id = $1::bigint AND clear_at IS NULL"
    " AND clock_timestamp() > began_at + make_interval(secs => $2::bigint) AND nobody_since(began_at + make_interval(secs => $2::bigint))";
static const char destroy_sql[] = "SELECT dek_destroy(dek_id) AS done FROM dek_reseal WHERE dek_id = $1::bigint AND clear_at IS NOT NULL"
				  " AND nobody_since(clear_at)";
static const char finish_sql[] = "UPDATE dek_reseal SET finished_at = clock_timestamp() WHERE dek_id = $1::bigint";

static int
audit(struct job *j, const char *action, int64_t keys, struct problem *err)
{
	struct audit_entry e = { .action = action, .object = "patient" };
	char text[UUID_TEXT];

	e.object_id = uuid_text(job_uuid(j, "patientId"), text);
	e.detail = arena_printf(j->arena, "{\"keys\":%" PRId64 "}", keys);
	return audit_add(j->db, &e, err);
}

/* One transaction; *ret_n: how many rows there were. */
static int
move_some(struct job *j, int64_t dek, const char *table, const char *column, size_t *ret_n, struct problem *err)
{
	struct uuid patient = job_uuid(j, "patientId");
	struct bytes plain, fresh;
	const struct row *done;
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, rows_sql, err, P_TEXT(table), P_TEXT(column), P_INT(dek), P_INT(BATCH)) < 0)
		return -1;
	*ret_n = rows_count(rows);
	for (size_t i = 0; i < *ret_n; i++) {
		const struct row *w = rows_at(rows, i);
		struct uuid id = row_uuid(w, "id");
		struct bytes blob = row_bytes(w, "blob");

		if (vault_open(j->db, table, column, id, blob, &plain, err) < 0 ||
		    vault_seal(j->db, patient, table, column, id, plain, &fresh, err) < 0 ||
		    db_one(j->db, &done, rewrite_sql, err, P_TEXT(table), P_TEXT(column), P_UUID(id), P_BYTES(blob), P_BYTES(fresh)) < 0)
			return -1;
	}
	if (*ret_n > 0 && db_exec(j->db, moved_sql, err, P_INT(dek), P_INT((int64_t)*ret_n)) < 0)
		return -1;
	j->progressed = true;
	return job_commit(j, err);
}

/* All rows of one key, then the key itself if its time has come. */
static int
give_up(struct job *j, int64_t dek, struct rows *columns, bool *finished, struct problem *err)
{
	const struct row *w;

	for (size_t i = 0; i < rows_count(columns); i++) {
		size_t n = 1;

		w = rows_at(columns, i);
		while (n > 0)
			if (move_some(j, dek, row_str(w, "tbl"), row_str(w, "col"), &n, err) < 0)
				return -1;
	}
	if (job_begin(j, err) < 0 || db_exec(j->db, clear_sql, err, P_INT(dek), P_INT(KEYRING_REMEMBERS_S)) < 0 ||
	    db_one(j->db, &w, destroy_sql, err, P_INT(dek)) < 0)
		return -1;
	if (w != NULL && row_bool(w, "done")) {
		if (db_exec(j->db, finish_sql, err, P_INT(dek)) < 0 || audit(j, "keys.destroyed", 1, err) < 0)
			return -1;
	} else {
		*finished = false;
	}
	return job_commit(j, err);
}

int
keys_reseal_job(struct job *j, struct problem *err)
{
	struct uuid patient = job_uuid(j, "patientId"), tenant = j->scope.tenant;
	struct rows *keys = NULL, *columns = NULL;
	bool finished = true;
	const struct row *w;

	if (job_begin(j, err) < 0 || db_one(j->db, &w, retire_sql, err, P_UUID(tenant), P_UUID(patient)) < 0)
		return -1;
	if (row_int(w, "keys") == 0)
		return job_end(j, err); /* it has none here, or was erased */
	if (audit(j, "keys.reseal", row_int(w, "keys"), err) < 0 ||
	    db_all(j->db, &keys, keys_sql, err, P_UUID(tenant), P_UUID(patient)) < 0 || db_all(j->db, &columns, columns_sql, err) < 0 ||
	    job_commit(j, err) < 0)
		return -1;
	vault_ask_anew(j->db, patient);
	for (size_t i = 0; i < rows_count(keys); i++)
		if (give_up(j, row_int(rows_at(keys, i), "dek_id"), columns, &finished, err) < 0)
			return -1;
	if (job_begin(j, err) < 0)
		return -1;
	if (!finished)
		job_again(j, LOOK_AGAIN_S);
	return job_end(j, err);
}
