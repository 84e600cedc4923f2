/*
 * vault.c: data keys found or made, kept unwrapped for a while on their connection, and the count of their seals.
 *
 * A connection takes leave for SEAL_LEAVE seals at once, so the counter (rule E4) costs one UPDATE per key and thread and not one
 * per field. A key that has no leave left to give is retired: it goes on opening, and a successor seals. Unwrapped keys live in a
 * small table per connection (a thread owns one connection), in locked pages, for KEYRING_REMEMBERS_S; they are wiped when they leave
 * it. So a key that was erased opens nothing anywhere after twice that time (the keyring remembers, too).
 */
#include "core.h"

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "data/db_private.h"
#include "data/vault.h"

#define CACHE_KEYS 64
#define INDEXES	   8 /* versions that a process knows of at most */
#define SEAL_LIMIT INT64_C(268435456) /* 2^28 */
#define SEAL_LEAVE INT64_C(1024)

struct cached_key {
	int64_t id; /* 0 = free */
	struct uuid tenant, subject;
	bool seals; /* the live key of its subject, with leave */
	bool fresh; /* made or given leave in the open transaction */
	int64_t leave;
	int64_t until; /* read again afterwards */
	uint64_t used;
	uint8_t dek[32];
};

struct vault_cache {
	struct cached_key key[CACHE_KEYS];
	uint64_t clock;
};

static const char leave_sql[] =
    "UPDATE dek SET seals = seals + $3::bigint WHERE tenant_id = $1::uuid AND subject = $2::uuid AND state = 'live'"
    " AND seals + $3::bigint <= $4::bigint RETURNING id, kek_version, wrapped";
static const char retire_sql[] =
    "UPDATE dek SET state = 'retired' WHERE tenant_id = $1::uuid AND subject = $2::uuid AND state = 'live'"
    " AND seals + $3::bigint > $4::bigint";
static const char make_sql[] = "SELECT dek_make($1::uuid, $2::uuid, $3::bigint, $4::integer, $5::bytea) AS how";
static const char find_sql[] = "SELECT subject, kek_version, wrapped FROM dek WHERE id = $1::bigint AND tenant_id = $2::uuid";

/* ---- the table of unwrapped keys */

static void
wipe(struct cached_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

void
vault_cache_free(struct vault_cache *v)
{
	secret_free(v, sizeof(*v));
}

void
vault_transaction_over(struct db *db, bool committed)
{
	for (size_t i = 0; db->vault != NULL && i < CACHE_KEYS; i++) {
		struct cached_key *k = &db->vault->key[i];

		if (!k->fresh)
			continue;
		if (committed)
			k->fresh = false;
		else
			wipe(k);
	}
}

static struct vault_cache *
cache_of(struct db *db)
{
	if (db->vault == NULL && (db->vault = secret_alloc(sizeof(*db->vault))) == NULL)
		die("out of memory");
	return db->vault;
}

static struct cached_key *
place_for(struct vault_cache *v, int64_t id)
{
	struct cached_key *oldest = &v->key[0];

	for (size_t i = 0; i < CACHE_KEYS; i++) {
		struct cached_key *k = &v->key[i];

		if (k->id == id)
			return k;
		if (k->used < oldest->used)
			oldest = k;
	}
	wipe(oldest);
	return oldest;
}

/* What was left of a key's leave goes with it: 1,024 seals a minute and thread last 2^28 for months, and then comes a successor. */
static bool
is_good(struct cached_key *k, int64_t now)
{
	if (k->id != 0 && k->until <= now && !k->fresh)
		wipe(k);
	return k->id != 0;
}

static struct cached_key *
cached_for_seal(struct db *db, struct uuid subject)
{
	struct vault_cache *v = cache_of(db);
	int64_t now = clock_mono_us();

	for (size_t i = 0; i < CACHE_KEYS; i++) {
		struct cached_key *k = &v->key[i];

		if (is_good(k, now) && k->seals && k->leave > 0 && uuid_equal(k->subject, subject) &&
		    uuid_equal(k->tenant, db->scope.tenant)) {
			k->used = ++v->clock;
			return k;
		}
	}
	return NULL;
}

static struct cached_key *
cached_for_open(struct db *db, int64_t id)
{
	struct vault_cache *v = cache_of(db);
	int64_t now = clock_mono_us();

	for (size_t i = 0; i < CACHE_KEYS; i++) {
		struct cached_key *k = &v->key[i];

		if (k->id == id && is_good(k, now) && uuid_equal(k->tenant, db->scope.tenant)) {
			k->used = ++v->clock;
			return k;
		}
	}
	return NULL;
}

/* Unwraps the row's key into the table. */
static struct cached_key *
keep(struct db *db, int64_t id, struct uuid subject, const struct row *w, struct problem *err)
{
	struct vault_cache *v = cache_of(db);
	struct bytes wrapped = row_bytes(w, "wrapped");
	struct cached_key *k;

	if (wrapped.p == NULL) {
		problem(err, 410, "erased", "the keys of this patient were erased");
		return NULL;
	}
	k = place_for(v, id);
	if (dek_unwrap(db->keyring, (int)row_int(w, "kek_version"), id, wrapped, k->dek, err) < 0) {
		wipe(k);
		return NULL;
	}
	k->id = id;
	k->tenant = db->scope.tenant;
	k->subject = subject;
	k->until = clock_mono_us() + KEYRING_REMEMBERS_S * US_PER_S;
	k->used = ++v->clock;
	return k;
}

void
vault_ask_anew(struct db *db, struct uuid subject)
{
	for (size_t i = 0; db->vault != NULL && i < CACHE_KEYS; i++)
		if (db->vault->key[i].seals && uuid_equal(db->vault->key[i].subject, subject))
			wipe(&db->vault->key[i]);
}

/* ---- keys to seal with */

static int
make_key(struct db *db, struct uuid subject, struct problem *err)
{
	uint8_t dek[32], wrapped[WRAPPED_DEK];
	const struct row *w;
	uint64_t id = 0;
	int version, rc = -1;

	/* One key may be made by two transactions at once; the unique index lets one row in and both read that one. */
	if (random_bytes(&id, sizeof(id)) < 0 || random_bytes(dek, sizeof(dek)) < 0)
		return problem(err, 503, "no_randomness", "no random bytes for a key");
	id = id >> 1 | 1; /* positive, never 0 */
	if (dek_wrap(db->keyring, (int64_t)id, dek, &version, wrapped, err) == 0 &&
	    db_one(db, &w, make_sql, err, P_UUID(db->scope.tenant), P_UUID(subject), P_INT((int64_t)id), P_INT(version),
		P_BYTES(BYTES(wrapped, sizeof(wrapped)))) == 0)
		rc = strcmp(row_str(w, "how"), "erased") == 0 ? problem(err, 410, "erased", "the keys of this patient were erased") : 0;
	OPENSSL_cleanse(dek, sizeof(dek));
	return rc;
}

static struct cached_key *
key_to_seal(struct db *db, struct uuid subject, struct problem *err)
{
	struct cached_key *k = cached_for_seal(db, subject);
	struct uuid tenant = db->scope.tenant;
	const struct row *w;

	if (k != NULL)
		return k;
	for (int tries = 0; tries < 3; tries++) {
		if (db_one(db, &w, leave_sql, err, P_UUID(tenant), P_UUID(subject), P_INT(SEAL_LEAVE), P_INT(SEAL_LIMIT)) < 0)
			return NULL;
		if (w != NULL) {
			k = keep(db, row_int(w, "id"), subject, w, err);
			if (k != NULL) {
				k->seals = k->fresh = true;
				k->leave = SEAL_LEAVE;
			}
			return k;
		}
		if (db_exec(db, retire_sql, err, P_UUID(tenant), P_UUID(subject), P_INT(SEAL_LEAVE), P_INT(SEAL_LIMIT)) < 0 ||
		    make_key(db, subject, err) < 0)
			return NULL;
	}
	problem(err, 500, "no_data_key", "a data key could be neither found nor made");
	return NULL;
}

int
vault_seal(struct db *db, struct uuid subject, const char *table, const char *column, struct uuid row, struct bytes plain,
    struct bytes *ret, struct problem *err)
{
	struct seal_place where = { table, column, row, db->scope.tenant };
	struct cached_key *k;
	uint8_t *out;

	if (db->keyring == NULL)
		return problem(err, 500, "no_keyring", "this connection has no keyring");
	if ((k = key_to_seal(db, subject, err)) == NULL)
		return -1;
	out = arena_alloc(db->arena, plain.n + SEAL_OVERHEAD);
	if (seal_field(k->dek, k->id, &where, plain, out, err) < 0)
		return -1;
	k->leave--;
	*ret = BYTES(out, plain.n + SEAL_OVERHEAD);
	return 0;
}

int
vault_open(struct db *db, const char *table, const char *column, struct uuid row, struct bytes blob, struct bytes *ret,
    struct problem *err)
{
	struct seal_place where = { table, column, row, db->scope.tenant };
	int64_t id = sealed_by(blob);
	struct cached_key *k;
	const struct row *w;
	uint8_t *out;

	if (db->keyring == NULL)
		return problem(err, 500, "no_keyring", "this connection has no keyring");
	if (id <= 0 || blob.n < SEAL_OVERHEAD)
		goto unreadable;
	k = cached_for_open(db, id);
	if (k == NULL) {
		if (db_one(db, &w, find_sql, err, P_INT(id), P_UUID(db->scope.tenant)) < 0)
			return -1;
		if (w == NULL)
			goto unreadable;
		k = keep(db, id, row_uuid(w, "subject"), w, err);
		if (k == NULL)
			return -1;
	}
	out = arena_alloc(db->arena, blob.n - SEAL_OVERHEAD + 1);
	/* cppcheck-suppress nullPointerRedundantCheck ; the goto hides from it that k is there from here on */
	if (open_field(k->dek, &where, blob, out, err) < 0)
		return -1;
	*ret = BYTES(out, blob.n - SEAL_OVERHEAD);
	return 0;
unreadable:
	problem(err, 500, "unreadable_field", "a sealed field does not open");
	err->audit = true;
	return -1;
}

static void
versioned(uint8_t out[4], int version)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)((unsigned)version >> (24 - 8 * i));
}

struct bytes
vault_index(struct db *db, const char *column, const char *normalised)
{
	uint8_t *out = arena_alloc(db->arena, VAULT_INDEX);

	if (db->keyring == NULL)
		die("a blind index without a keyring");
	versioned(out, blind_index(db->keyring, column, normalised, out + 4));
	return BYTES(out, VAULT_INDEX);
}

struct param
vault_indexes(struct db *db, const char *column, const char *normalised)
{
	struct buf b = buf_in(db->arena, 2048);
	int versions[INDEXES];
	uint8_t one[VAULT_INDEX];
	char hex[2 * VAULT_INDEX + 1];
	size_t n;

	if (db->keyring == NULL)
		die("a blind index without a keyring");
	n = keyring_index_versions(db->keyring, versions, INDEXES);
	for (size_t i = 0; i < n; i++) {
		if (!blind_index_of(db->keyring, versions[i], column, normalised, one + 4))
			continue; /* it was dropped just now: no row has it */
		versioned(one, versions[i]);
		buf_addf(&b, "%s\"\\\\x%s\"", b.len > 0 ? "," : "{", hex_encode(BYTES(one, sizeof(one)), hex));
		if (versions[i] == 1)
			buf_addf(&b, ",\"\\\\x%s\"", hex_encode(BYTES(one + 4, 32), hex));
	}
	buf_add(&b, b.len > 0 ? "}" : "{}");
	return P_TEXT(buf_str(&b));
}

struct bytes
vault_mac(struct db *db, const char *purpose, const char *text)
{
	uint8_t *out = arena_alloc(db->arena, 32);

	if (db->keyring == NULL || !keyring_mac(db->keyring, MAC_STEADY, purpose, text, out))
		die("a mac without its key");
	return BYTES(out, 32);
}
