/*
 * keys_index.c: the core's job keys.reindex (rule E7): blind indexes under older keys are made anew from the sealed texts beside them.
 *
 * A rewritten row is one that was not changed meanwhile; who changes it uses the newest key. It may die at any point: what is done is a
 * row. Of a patient who was erased nobody knows the text any more, and the index becomes bytes that nothing equals.
 */
#include "work/work.h"

#include "crypto/keyring.h"
#include "crypto/random.h"
#include "data/blind.h"
#include "data/vault.h"

#define BATCH	     100
#define BATCHES	     20 /* a run; their rows are in memory until it ends */
#define LOOK_AGAIN_S 1

static const char begin_sql[] = "INSERT INTO key_rotation (kind, version) VALUES ('index', $1::integer) ON CONFLICT DO NOTHING";
static const char columns_sql[] = "SELECT tbl, col FROM key_column WHERE kind = 'index'";
static const char old_sql[] = "SELECT id, was, sealed FROM index_rows($1, $2, $3, $4::integer, $5::bigint)";
static const char rewrite_sql[] = "SELECT key_rewrite($1, $2, $3::uuid, $4::bytea, $5::bytea) AS done";
static const char moved_sql[] =
    "UPDATE key_rotation SET moved = moved + $2::bigint, finished_at = NULL WHERE kind = 'index' AND version = $1::integer";
/* Nobody who began before the rotation is still at work, and no row is left. */
static const char finish_sql[] =
    "UPDATE key_rotation SET finished_at = coalesce(finished_at, clock_timestamp()) WHERE kind = 'index' AND version = $1::integer"
    " AND pg_snapshot_xmin(pg_current_snapshot()) > began_xid AND nobody_since(began_at)"
    " AND NOT EXISTS (SELECT FROM index_counts() c WHERE c.version <> $1::integer)";

static const struct blind_column *
column_of(const struct service *s, const char *table, const char *column)
{
	for (size_t i = 0; i < s->nblind; i++)
		if (strcmp(s->blind[i].table, table) == 0 && strcmp(s->blind[i].column, column) == 0)
			return &s->blind[i];
	return NULL;
}

/* What the row's index is now; of an erased patient: bytes that nothing equals. */
static int
make(struct job *j, const struct blind_column *c, const struct row *w, int newest, struct bytes *ret, struct problem *err)
{
	struct arena *a = db_current_arena(j->db);
	uint8_t *nothing = arena_alloc(a, VAULT_INDEX);
	const char *text = NULL;
	struct bytes plain;

	if (vault_open(j->db, c->table, c->sealed, row_uuid(w, "id"), row_bytes(w, "sealed"), &plain, err) == 0)
		text = c->text(a, plain);
	else if (err->status != 410)
		return -1;
	problem_clear(err);
	if (text != NULL) {
		*ret = vault_index(j->db, c->purpose, text);
		return 0;
	}
	if (random_bytes(nothing, VAULT_INDEX) < 0)
		return problem(err, 503, "no_randomness", "no random bytes");
	for (int i = 0; i < 4; i++)
		nothing[i] = (uint8_t)((unsigned)newest >> (24 - 8 * i));
	*ret = BYTES(nothing, VAULT_INDEX);
	return 0;
}

/* One transaction; *ret_n: how many rows there were. */
static int
move_some(struct job *j, const struct blind_column *c, int newest, size_t *ret_n, struct problem *err)
{
	struct audit_entry e = { .action = "keys.reindex", .object = c->table };
	const struct row *done;
	struct bytes fresh;
	struct rows *rows;

	if (job_begin(j, err) < 0 || db_all(j->db, &rows, old_sql, err, P_TEXT(c->table), P_TEXT(c->column), P_TEXT(c->sealed),
					 P_INT(newest), P_INT(BATCH)) < 0)
		return -1;
	*ret_n = rows_count(rows);
	for (size_t i = 0; i < *ret_n; i++) {
		const struct row *w = rows_at(rows, i);

		if (make(j, c, w, newest, &fresh, err) < 0 ||
		    db_one(j->db, &done, rewrite_sql, err, P_TEXT(c->table), P_TEXT(c->column), P_UUID(row_uuid(w, "id")),
			P_BYTES(row_bytes(w, "was")), P_BYTES(fresh)) < 0)
			return -1;
	}
	e.detail = arena_printf(j->arena, "{\"rows\":%zu}", *ret_n);
	if (*ret_n > 0 && (audit_add(j->db, &e, err) < 0 ||
			      db_exec(j->db, moved_sql, err, P_INT(newest), P_INT((int64_t)*ret_n)) < 0))
		return -1;
	j->progressed = true;
	return job_commit(j, err);
}

/* The columns that hold indexes, each with its row of the service's table. */
static int
read_columns(struct job *j, struct rows **ret, struct problem *err)
{
	if (job_read(j, err) < 0 || db_all(j->db, ret, columns_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(*ret); i++) {
		const struct row *w = rows_at(*ret, i);

		if (column_of(j->service, row_str(w, "tbl"), row_str(w, "col")) == NULL)
			return problem(err, 500, "unknown_index", "nobody says what %s.%s is an index of", row_str(w, "tbl"),
			    row_str(w, "col"));
	}
	return job_read_end(j, err);
}

int
keys_reindex_job(struct job *j, struct problem *err)
{
	struct rows *columns;
	int64_t finished;
	bool more = false;
	int newest;

	if (keyring_newest(db_current_keyring(j->db), err) < 0 ||
	    keyring_index_versions(db_current_keyring(j->db), &newest, 1) != 1 || read_columns(j, &columns, err) < 0)
		return -1;
	if (job_begin(j, err) < 0 || db_exec(j->db, begin_sql, err, P_INT(newest)) < 0 || job_commit(j, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(columns); i++) {
		const struct row *w = rows_at(columns, i);
		const struct blind_column *c = column_of(j->service, row_str(w, "tbl"), row_str(w, "col"));
		size_t n = 1;

		for (int k = 0; c != NULL && n > 0 && k < BATCHES; k++) /* read_columns knew each of them */
			if (move_some(j, c, newest, &n, err) < 0)
				return -1;
		more = more || n > 0;
	}
	if (job_begin(j, err) < 0 || (finished = db_exec(j->db, finish_sql, err, P_INT(newest))) < 0)
		return -1;
	if (finished == 0)
		job_again(j, more ? 0 : LOOK_AGAIN_S);
	return job_end(j, err);
}
