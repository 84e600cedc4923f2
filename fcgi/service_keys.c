/*
 * service_keys.c: the sub-commands about keys: those of calling services (key), and those that seal (keys).
 */
#include "core.h"

#include <openssl/crypto.h>

#include "base/log.h"
#include "data/vault.h"
#include "service_private.h"

#define SECRET_MIN 32
#define SECRET_MAX 512
#define REASON_MAX 64

int
call_needs(const struct conf *conf, const char *key, struct problem *err)
{
	return *conf_str(conf, key) != '\0' ? 0 : problem(err, 500, "bad_config", "%s is not set", key);
}

int
call_refuse(const struct problem *err)
{
	log_line(LOG_ERROR, "start.refused", "code", err->code, "detail", err->detail, NULL);
	return EXIT_CONFIG;
}

struct db *
call_database(const struct call *c, struct keyring **ret_keyring, struct problem *err)
{
	struct db *db;

	*ret_keyring = NULL;
	if (call_needs(c->conf, "DATABASE_URL", err) < 0 || call_needs(c->conf, "KEYHOLDER_SOCKET", err) < 0)
		return NULL;
	*ret_keyring = keyring_open(conf_str(c->conf, "KEYHOLDER_SOCKET"), c->service->name, err);
	if (*ret_keyring == NULL)
		return NULL;
	db = db_open(conf_str(c->conf, "DATABASE_URL"), DB_API, c->service->name, err);
	if (db != NULL)
		db_keyring(db, *ret_keyring);
	return db;
}

/* ---- keys of calling services */

static const char key_add_sql[] =
    "INSERT INTO api_key (id, key_id, caller, secret_enc) VALUES ($1::uuid, $2, $3, $4::bytea)"
    " ON CONFLICT (key_id) DO UPDATE SET id = excluded.id, caller = excluded.caller, secret_enc = excluded.secret_enc,"
    " revoked_at = NULL";
static const char key_revoke_sql[] = "UPDATE api_key SET revoked_at = now() WHERE key_id = $1 AND revoked_at IS NULL";

/* One line of standard input; the caller cleanses it. */
static int
read_secret(char out[SECRET_MAX], struct problem *err)
{
	size_t n;

	if (fgets(out, SECRET_MAX, stdin) == NULL)
		return problem(err, 400, "no_secret", "the secret is read from standard input");
	n = strcspn(out, "\r\n");
	out[n] = '\0';
	if (n < SECRET_MIN)
		return problem(err, 400, "weak_secret", "a secret has at least %d characters", SECRET_MIN);
	return 0;
}

static int
key_write(struct db *db, const struct call *c, const char *secret, struct problem *err)
{
	struct uuid id = uuid_new();
	struct bytes sealed;

	if (vault_seal(db, VAULT_SERVICE, "api_key", "secret_enc", id, BYTES_OF(secret), &sealed, err) < 0)
		return -1;
	return db_exec(db, key_add_sql, err, P_UUID(id), P_TEXT(c->argv[2]), P_TEXT(c->argv[1]), P_BYTES(sealed)) < 0 ? -1 : 0;
}

static int
key_revoke(struct db *db, const struct call *c, struct problem *err)
{
	int64_t n = db_exec(db, key_revoke_sql, err, P_TEXT(c->argv[1]));

	if (n == 0)
		return problem(err, 404, "unknown_key", "there is no live key of this name");
	return n < 0 ? -1 : 0;
}

static int
key_change(const struct call *c, struct db *db, const char *secret, struct problem *err)
{
	struct scope scope = { .actor = "system:operator" };
	const struct audit_entry entry = {
		.action = secret != NULL ? "key.add" : "key.revoke",
		.object = "api_key",
		.object_id = c->argv[secret != NULL ? 2 : 1],
	};
	int rc;

	if (uuid_parse(conf_str(c->conf, "TENANT_ID"), &scope.tenant) < 0)
		return problem(err, 500, "bad_config", "TENANT_ID is no UUID");
	if (db_begin(db, WRITE, &scope, err) < 0)
		return -1;
	audit_pending(db, &entry);
	rc = secret != NULL ? key_write(db, c, secret, err) : key_revoke(db, c, err);
	if (rc == 0)
		return db_commit(db, err);
	db_rollback(db);
	return -1;
}

int
cmd_key(const struct call *c)
{
	struct problem err = { 0 };
	struct keyring *keyring = NULL;
	char secret[SECRET_MAX] = "";
	struct db *db = NULL;
	bool add = c->argc == 3 && strcmp(c->argv[0], "add") == 0;
	int rc = -1;

	if (!add && !(c->argc == 2 && strcmp(c->argv[0], "revoke") == 0))
		return EXIT_USAGE;
	if (!add || read_secret(secret, &err) == 0)
		db = call_database(c, &keyring, &err);
	if (db != NULL)
		rc = key_change(c, db, add ? secret : NULL, &err);
	OPENSSL_cleanse(secret, sizeof(secret));
	db_close(db);
	keyring_free(keyring);
	return rc == 0 ? 0 : call_refuse(&err);
}

/* ---- keys that seal */

static const char keks_sql[] =
    "SELECT kek_version, count(*) AS n FROM dek WHERE wrapped IS NOT NULL GROUP BY kek_version ORDER BY 1 DESC";
static const char states_sql[] = "SELECT state, count(*) AS n FROM dek GROUP BY state ORDER BY 1";
static const char rotations_sql[] =
    "SELECT kind, version, moved, finished_at IS NOT NULL AS finished FROM key_rotation ORDER BY kind, version";
static const char erasures_sql[] = "SELECT count(*) AS n FROM job WHERE kind = 'keys.erase' AND state IN ('ready', 'running')";
static const char indexes_sql[] = "SELECT version, sum(n)::bigint AS n FROM index_counts() GROUP BY version ORDER BY 1 DESC";
static const char reseals_sql[] = "SELECT count(*) FILTER (WHERE finished_at IS NULL) AS n, count(finished_at) AS over,"
				  " coalesce(sum(moved), 0)::bigint AS moved FROM dek_reseal";

static int
print_rotations(struct db *db, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, rotations_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);

		printf("rotation %s %" PRId64 " %s, %" PRId64 " moved\n", row_str(w, "kind"), row_int(w, "version"),
		    row_bool(w, "finished") ? "finished" : "running", row_int(w, "moved"));
	}
	return 0;
}

static int
print_counts(struct db *db, struct problem *err)
{
	struct rows *rows;
	const struct row *w;

	if (db_all(db, &rows, keks_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		printf("rows kek %" PRId64 " %" PRId64 "\n", row_int(rows_at(rows, i), "kek_version"), row_int(rows_at(rows, i), "n"));
	if (db_all(db, &rows, states_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		printf("rows %s %" PRId64 "\n", row_str(rows_at(rows, i), "state"), row_int(rows_at(rows, i), "n"));
	if (db_all(db, &rows, indexes_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++)
		printf("rows index %" PRId64 " %" PRId64 "\n", row_int(rows_at(rows, i), "version"), row_int(rows_at(rows, i), "n"));
	if (print_rotations(db, err) < 0 || db_one(db, &w, reseals_sql, err) < 0)
		return -1;
	printf("keys to destroy %" PRId64 ", destroyed %" PRId64 ", %" PRId64 " fields sealed anew\n", row_int(w, "n"), row_int(w, "over"),
	    row_int(w, "moved"));
	if (db_one(db, &w, erasures_sql, err) < 0)
		return -1;
	printf("erasures waiting %" PRId64 "\n", row_int(w, "n"));
	return 0;
}

/* It stands in the audit trail and in a job: a code or the number of a request, never words about somebody. */
static bool
is_reason(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= REASON_MAX && s[n] == '\0';
}

static int
enqueue(const struct call *c, struct db *db, struct problem *err)
{
	struct job_spec spec = { .kind = "keys.rewrap", .unique_key = "keys" };
	char args[256], patient[UUID_TEXT];
	struct uuid id;

	if (strcmp(c->argv[0], "reindex") == 0)
		spec.kind = "keys.reindex";
	if (c->argc == 1)
		return job_enqueue(db, &spec, err);
	if (uuid_parse(c->argv[1], &id) < 0 || uuid_is_nil(id))
		return problem(err, 400, "bad_patient", "%.40s is no patient's id", c->argv[1]);
	if (c->argc == 2) {
		(void)snprintf(args, sizeof(args), "{\"patientId\":\"%s\"}", uuid_text(id, patient));
		spec = (struct job_spec){ .kind = "keys.reseal", .args = args, .unique_key = patient };
		return job_enqueue(db, &spec, err);
	}
	if (!is_reason(c->argv[2]))
		return problem(err, 400, "bad_reason", "a reason is a code: a-z, 0-9, - and _, at most %d", REASON_MAX);
	(void)snprintf(
	    args, sizeof(args), "{\"patientId\":\"%s\",\"reason\":\"%s\"}", uuid_text(id, patient), c->argv[2]);
	spec = (struct job_spec){ .kind = "keys.erase", .args = args, .unique_key = patient };
	return job_enqueue(db, &spec, err);
}

static int
keys_run(const struct call *c, struct db *db, struct problem *err)
{
	struct scope scope = { .actor = "system:operator" };
	bool status = strcmp(c->argv[0], "status") == 0;
	int rc;

	if (uuid_parse(conf_str(c->conf, "TENANT_ID"), &scope.tenant) < 0)
		return problem(err, 500, "bad_config", "TENANT_ID is no UUID");
	if (db_begin(db, status ? READ : WRITE, &scope, err) < 0)
		return -1;
	rc = status ? print_counts(db, err) : enqueue(c, db, err);
	if (rc == 0)
		return db_commit(db, err);
	db_rollback(db);
	return -1;
}

/* The words of each, itself included. */
static bool
is_keys_call(const struct call *c)
{
	static const struct {
		const char *name;
		int words;
	} calls[] = { { "status", 1 }, { "rewrap", 1 }, { "reindex", 1 }, { "reseal", 2 }, { "erase", 3 } };

	for (size_t i = 0; i < COUNT(calls); i++)
		if (c->argc == calls[i].words && strcmp(c->argv[0], calls[i].name) == 0)
			return true;
	return false;
}

int
cmd_keys(const struct call *c)
{
	struct problem err = { 0 };
	struct keyring *keyring = NULL;
	struct db *db = NULL;
	int rc = -1;

	if (!is_keys_call(c))
		return EXIT_USAGE;
	event_topics(c->service->topics);
	job_kinds(call_job_place, c->service);
	db = call_database(c, &keyring, &err);
	if (db != NULL)
		rc = keys_run(c, db, &err);
	db_close(db);
	keyring_free(keyring);
	return rc == 0 ? 0 : call_refuse(&err);
}
