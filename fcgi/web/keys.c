/*
 * keys.c: the keys of calling services, read again when they are a second old, so that a revoked key is refused within a second
 * on every process. Secrets are sealed in the table and opened once per change. The list is the one thing that threads share
 * here; a mutex guards it, and the thread that finds it old reads it while the others wait for a millisecond. A database that
 * cannot be read is 503: nobody is let in on memory.
 */
#include "core.h"

#include <pthread.h>

#include <openssl/crypto.h>

#include "data/vault.h"
#include "web/web_private.h"

#define FRESH_US US_PER_S

static const char keys_sql[] = "SELECT id, key_id, caller, secret_enc FROM api_key WHERE revoked_at IS NULL ORDER BY key_id";

struct held_key {
	char *key_id;
	char *caller;
	char *secret;
	uint8_t *blob; /* as stored: equal bytes need no opening */
	size_t nblob;
	struct held_key *next;
};

static struct {
	pthread_mutex_t mutex;
	const struct service *service; /* whose they are: tests run several services in one process */
	struct held_key *first;
	int64_t read_at;
} held = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static char *
own(const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL)
		die("out of memory for the keys of callers");
	return copy;
}

static void
held_free(struct held_key *k)
{
	while (k != NULL) {
		struct held_key *next = k->next;

		if (k->secret != NULL)
			OPENSSL_cleanse(k->secret, strlen(k->secret));
		free(k->key_id);
		free(k->caller);
		free(k->secret);
		free(k->blob);
		free(k);
		k = next;
	}
}

static const struct held_key *
held_find(const struct held_key *k, const char *key_id)
{
	while (k != NULL && strcmp(k->key_id, key_id) != 0)
		k = k->next;
	return k;
}

static struct held_key *
held_new(const struct row *w, const char *secret)
{
	struct bytes blob = row_bytes(w, "secret_enc");
	struct held_key *k = calloc(1, sizeof(*k));

	if (k == NULL || (k->blob = malloc(blob.n + 1)) == NULL)
		die("out of memory for the keys of callers");
	memcpy(k->blob, blob.p, blob.n);
	k->nblob = blob.n;
	k->key_id = own(row_str(w, "key_id"));
	k->caller = own(row_str(w, "caller"));
	k->secret = own(secret);
	return k;
}

/* The secret of a row: as remembered when the bytes are the same, else opened. */
static int
secret_of(struct db *db, const struct row *w, const char **ret, struct problem *err)
{
	const struct held_key *old = held_find(held.first, row_str(w, "key_id"));
	struct bytes blob = row_bytes(w, "secret_enc"), plain;

	if (old != NULL && old->nblob == blob.n && memcmp(old->blob, blob.p, blob.n) == 0) {
		*ret = old->secret;
		return 0;
	}
	if (vault_open(db, "api_key", "secret_enc", row_uuid(w, "id"), blob, &plain, err) < 0)
		return -1;
	*ret = (const char *)plain.p;
	return 0;
}

static int
read_rows(struct db *db, struct held_key **ret, struct problem *err)
{
	struct rows *rows;

	if (db_all(db, &rows, keys_sql, err) < 0)
		return -1;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct row *w = rows_at(rows, i);
		const char *secret;
		struct held_key *k;

		if (secret_of(db, w, &secret, err) < 0)
			return -1;
		k = held_new(w, secret);
		k->next = *ret;
		*ret = k;
	}
	return 0;
}

static int
read_again(struct req *r, struct problem *err)
{
	struct held_key *fresh = NULL;
	int rc;

	if (held.service != r->service) {
		held_free(held.first);
		held.first = NULL;
		held.service = r->service;
	}
	if (db_begin(r->db, READ, &r->scope, err) < 0)
		return -1;
	rc = read_rows(r->db, &fresh, err);
	if (rc == 0)
		rc = db_commit(r->db, err);
	else
		db_rollback(r->db);
	if (rc < 0) {
		held_free(fresh);
		return -1;
	}
	held_free(held.first);
	held.first = fresh;
	held.read_at = clock_mono_us();
	return 0;
}

int
keys_find(struct req *r, const char *key_id, struct known_key *ret, struct problem *err)
{
	const struct held_key *k;
	int rc = 0;

	*ret = (struct known_key){ 0 };
	if (r->db == NULL)
		return problem(err, 503, "database_unavailable", "the keys of callers cannot be read");
	(void)pthread_mutex_lock(&held.mutex);
	if (held.service != r->service || held.read_at == 0 || clock_mono_us() - held.read_at > FRESH_US)
		rc = read_again(r, err);
	k = rc == 0 ? held_find(held.first, key_id) : NULL;
	if (k != NULL) {
		ret->caller = arena_dup(r->arena, k->caller);
		ret->secret = arena_dup(r->arena, k->secret);
	}
	(void)pthread_mutex_unlock(&held.mutex);
	return rc;
}

void
keys_forget(void)
{
	(void)pthread_mutex_lock(&held.mutex);
	held.read_at = 0;
	(void)pthread_mutex_unlock(&held.mutex);
}
