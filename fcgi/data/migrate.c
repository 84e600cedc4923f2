/*
 * migrate.c: numbered SQL files, each in one transaction with the row that remembers it.
 *
 * The owner's connection is used here alone. A file is several statements, so it travels by the simple protocol; it must not end
 * the transaction itself. Two migrations of one database wait for each other by an advisory lock. Sample rows run each time and are
 * not remembered: their files are written to be run again.
 */
#include "core.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "data/db_private.h"
#include "data/migrate.h"

#define MOST_FILES 512
#define MOST_SQL   (1024 * 1024)

/* Row level security holds for the owner too: rows that migrations and samples insert belong to the default tenant. */
static const char begin_text[] = "BEGIN; SELECT set_config('app.tenant', '" MIGRATE_TENANT "', true)";
static const char lock_text[] = "SELECT pg_advisory_lock(hashtext('telerx migrate'))";
static const char known_sql[] = "SELECT to_regclass('public.schema_migrations') IS NOT NULL AS known";
static const char digest_sql[] = "SELECT encode(digest, 'hex') AS digest FROM schema_migrations WHERE name = $1";
static const char insert_sql[] = "INSERT INTO schema_migrations (name, digest) VALUES ($1, decode($2, 'hex'))";

struct sql_file {
	const char *name; /* common/001_helpers.sql */
	const char *text;
	char digest[HEX32];
};

struct sql_files {
	struct sql_file file[MOST_FILES];
	size_t n;
};

/* ---- files */

static int
is_sql(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && d->d_name[0] != '.' && strcmp(d->d_name + n - 4, ".sql") == 0;
}

static const char *
read_text(struct arena *a, const char *path, struct problem *err)
{
	struct buf b = buf_in(a, MOST_SQL);
	FILE *f = fopen(path, "re");
	char piece[8192];
	size_t n;

	if (f == NULL) {
		problem(err, 500, "migration_unreadable", "%s: %m", path);
		return NULL;
	}
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_addn(&b, piece, n);
	if (ferror(f) || b.failed)
		(void)problem(err, 500, "migration_unreadable", "%s cannot be read or is too long", path);
	(void)fclose(f);
	return err->status == 0 ? buf_str(&b) : NULL;
}

/* Adds the .sql files of a folder in name order. A folder that does not exist has none. */
static int
add_folder(struct sql_files *all, struct arena *a, const char *sql_dir, const char *folder, struct problem *err)
{
	struct dirent **names;
	int n = scandir(arena_printf(a, "%s/%s", sql_dir, folder), &names, is_sql, alphasort);

	for (int i = 0; i < n; i++) {
		struct sql_file *f = &all->file[all->n];
		uint8_t digest[32];

		if (err->status == 0 && all->n == MOST_FILES)
			problem(err, 500, "migration_unreadable", "more than %d files", MOST_FILES);
		if (err->status == 0) {
			f->name = arena_printf(a, "%s/%s", folder, names[i]->d_name);
			f->text = read_text(a, arena_printf(a, "%s/%s", sql_dir, f->name), err);
		}
		if (err->status == 0 && f->text != NULL) {
			sha256(BYTES_OF(f->text), digest);
			hex_encode(BYTES(digest, sizeof(digest)), f->digest);
			all->n++;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return err->status == 0 ? 0 : -1;
}

static struct sql_files *
list_files(struct arena *a, const char *sql_dir, const char *database, struct problem *err)
{
	struct sql_files *all = arena_alloc(a, sizeof(*all));

	if (add_folder(all, a, sql_dir, "common", err) < 0 || add_folder(all, a, sql_dir, database, err) < 0)
		return NULL;
	if (all->n == 0) {
		problem(err, 500, "migration_unreadable", "no SQL files in %s", sql_dir);
		return NULL;
	}
	return all;
}

static int
changed(struct problem *err, const struct sql_file *f)
{
	return problem(err, 500, "migration_changed", "%s was changed after it was applied: add a new file", f->name);
}

/* ---- running */

/* Our own files hold no patient's data: the server's words may be shown. */
static int
failed(PGconn *conn, const char *name, struct problem *err)
{
	return problem(err, 500, "migration_failed", "%s: %s", name, PQerrorMessage(conn));
}

static int
run_text(PGconn *conn, const char *text, const char *name, struct problem *err)
{
	PGresult *res = db_script(conn, text);
	ExecStatusType status = PQresultStatus(res);

	PQclear(res);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : failed(conn, name, err);
}

static int
run_file(PGconn *conn, const struct sql_file *f, bool remember, struct problem *err)
{
	const char *values[2] = { f->name, f->digest };
	PGresult *res;
	int rc = 0;

	if (run_text(conn, begin_text, f->name, err) < 0 || run_text(conn, f->text, f->name, err) < 0)
		return -1;
	if (PQtransactionStatus(conn) != PQTRANS_INTRANS)
		return problem(err, 500, "migration_failed", "%s ends the transaction it runs in", f->name);
	if (remember) {
		res = PQexecParams(conn, insert_sql, 2, NULL, values, NULL, NULL, 0);
		rc = PQresultStatus(res) == PGRES_COMMAND_OK ? 0 : failed(conn, f->name, err);
		PQclear(res);
	}
	return rc < 0 ? -1 : run_text(conn, "COMMIT", f->name, err);
}

/* 1: applied as it is; 0: not yet; -1: applied in another form, or the database said no. */
static int
is_applied(PGconn *conn, const struct sql_file *f, struct problem *err)
{
	PGresult *res = PQexecParams(conn, digest_sql, 1, NULL, &f->name, NULL, NULL, 0);
	int rc = 0;

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		rc = failed(conn, f->name, err);
	else if (PQntuples(res) == 1)
		rc = strcmp(PQgetvalue(res, 0, 0), f->digest) == 0 ? 1 : changed(err, f);
	PQclear(res);
	return rc;
}

static int
has_history(PGconn *conn, bool *known, struct problem *err)
{
	PGresult *res = PQexecParams(conn, known_sql, 0, NULL, NULL, NULL, NULL, 0);
	int rc = PQresultStatus(res) == PGRES_TUPLES_OK ? 0 : failed(conn, "schema_migrations", err);

	if (rc == 0)
		*known = PQgetvalue(res, 0, 0)[0] == 't';
	PQclear(res);
	return rc;
}

static int
apply_all(PGconn *conn, const struct sql_files *all, unsigned *applied, struct problem *err)
{
	bool known = false;

	if (has_history(conn, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < all->n; i++) {
		int is = known ? is_applied(conn, &all->file[i], err) : 0;

		if (is < 0 || (is == 0 && run_file(conn, &all->file[i], true, err) < 0))
			return -1;
		*applied += is == 0;
		known = true;
	}
	return 0;
}

static int
apply_sample(PGconn *conn, struct arena *a, const char *sql_dir, const char *database, struct problem *err)
{
	struct sql_files *all = arena_alloc(a, sizeof(*all));

	if (add_folder(all, a, sql_dir, arena_printf(a, "%s/sample", database), err) < 0)
		return -1;
	for (size_t i = 0; i < all->n; i++)
		if (run_file(conn, &all->file[i], false, err) < 0)
			return -1;
	return 0;
}

static void
ignore_notice(void *context UNUSED, const PGresult *res UNUSED)
{
}

int
migrate_up(const char *owner_url, const char *sql_dir, const char *database, bool sample, unsigned *applied, struct problem *err)
{
	PGconn *conn = PQconnectdb(owner_url);
	struct arena *a = arena_new(0);
	struct sql_files *all = NULL;
	int rc = -1;

	*applied = 0;
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	if (PQstatus(conn) != CONNECTION_OK)
		(void)db_unavailable(err, "the database cannot be reached");
	else if (run_text(conn, lock_text, "lock", err) == 0 && (all = list_files(a, sql_dir, database, err)) != NULL)
		rc = apply_all(conn, all, applied, err);
	if (rc == 0 && sample)
		rc = apply_sample(conn, a, sql_dir, database, err);
	PQfinish(conn); /* ends an open transaction and the lock */
	arena_free(a);
	return rc;
}

/* ---- looking */

static int
count_pending(struct db *db, const struct sql_files *all, unsigned *pending, struct problem *err)
{
	const struct row *w;

	if (db_one(db, &w, known_sql, err) < 0)
		return -1;
	*pending = (unsigned)all->n;
	if (!row_bool(w, "known"))
		return 0;
	for (size_t i = 0; i < all->n; i++) {
		if (db_one(db, &w, digest_sql, err, P_TEXT(all->file[i].name)) < 0)
			return -1;
		if (w == NULL)
			continue;
		if (strcmp(row_str(w, "digest"), all->file[i].digest) != 0)
			return changed(err, &all->file[i]);
		(*pending)--;
	}
	return 0;
}

int
migrate_pending(struct db *db, const char *sql_dir, const char *database, unsigned *pending, struct problem *err)
{
	static const struct scope nobody = { .actor = "system:migrate" };
	struct arena *a = arena_new(0);
	struct sql_files *all = list_files(a, sql_dir, database, err);
	bool own = !db_in_transaction(db);
	int rc = -1;

	if (all != NULL && (!own || db_begin(db, READ, &nobody, err) == 0))
		rc = count_pending(db, all, pending, err);
	if (own)
		db_rollback(db);
	arena_free(a);
	return rc;
}
