/* file_store.c: see file_store.h. The half that does not care where the bytes lie. */
#include "core.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/seal.h"
#include "data/vault.h"
#include "net/file_store_private.h"

#define TABLE  "file_assets"
#define KEY_ID 1 /* a file's key seals that file alone: there is nothing to tell apart */

static const char record_sql[] =
    "INSERT INTO file_assets (id, subject, belongs_to, kind, media, size, width, height, digest, object, key_enc, expires_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, nullif($7::integer, 0), nullif($8::integer, 0), $9::bytea, $10, $11::bytea,"
    "  CASE WHEN $12::bigint > 0 THEN now() + make_interval(secs => $12::bigint) END)";
static const char find_sql[] = "SELECT id, subject, belongs_to, kind, media, size, width, height, digest, object, key_enc"
			       " FROM file_assets WHERE id = $1 AND (expires_at IS NULL OR expires_at > now())";
static const char keep_sql[] = "UPDATE file_assets SET expires_at = NULL WHERE id = $1 AND (expires_at IS NULL OR expires_at > now())";
static const char let_go_sql[] = "UPDATE file_assets SET expires_at = now() WHERE id = $1";

static const struct file_backend *
backend(const struct conf *conf)
{
	return *conf_str(conf, "FILES_S3_URL") != '\0' ? &file_s3 : &file_local;
}

void
file_names_add(struct arena *a, struct file_names *l, const char *name)
{
	if (l->n + 1 >= l->room) {
		size_t room = l->room == 0 ? 64 : 2 * l->room;
		const char **more = arena_alloc(a, room * sizeof(*more));

		if (l->n > 0)
			memcpy(more, l->name, l->n * sizeof(*more));
		l->name = more;
		l->room = room;
	}
	l->name[l->n++] = arena_dup(a, name);
	l->name[l->n] = NULL;
}

const char *
file_day(struct arena *a, int64_t us)
{
	char text[CLOCK_TEXT];

	(void)clock_text(us, text);
	return arena_printf(a, "%.4s%.2s%.2s", text, text + 5, text + 8);
}

static const char *
folder_of(struct arena *a, const char *service, struct uuid tenant, const char *day)
{
	char text[UUID_TEXT];

	return arena_printf(a, "%s/%s/%s", service, uuid_text(tenant, text), day);
}

int
file_put(struct http *h, struct arena *a, const struct conf *conf, const char *service, struct uuid tenant, struct bytes plain,
    struct file *f, struct problem *err)
{
	const struct file_place place = { h, a, conf };
	struct seal_place where = { TABLE, "object", UUID_NIL, tenant };
	uint8_t *sealed = arena_alloc(a, plain.n + SEAL_OVERHEAD);
	char id[UUID_TEXT];

	f->id = where.row = uuid_new();
	f->size = plain.n;
	f->object = arena_printf(a, "%s/%s", folder_of(a, service, tenant, file_day(a, clock_us())), uuid_text(f->id, id));
	if (random_bytes(f->key, sizeof(f->key)) < 0)
		return problem(err, 503, "no_random", "no random bytes");
	if (seal_field(f->key, KEY_ID, &where, plain, sealed, err) < 0)
		return -1;
	sha256(BYTES(sealed, plain.n + SEAL_OVERHEAD), f->digest);
	return backend(conf)->put(&place, f->object, BYTES(sealed, plain.n + SEAL_OVERHEAD), err);
}

/* A transaction that runs again records again, so the key stays in f. */
int
file_record(struct db *db, struct file *f, struct problem *err)
{
	if (vault_seal(db, f->subject, TABLE, "key_enc", f->id, BYTES(f->key, sizeof(f->key)), &f->key_enc, err) < 0)
		return -1;
	return db_exec(db, record_sql, err, P_UUID(f->id), P_UUID(f->subject), P_UUID(f->belongs_to), P_TEXT(f->kind), P_TEXT(f->media),
		   P_INT((int64_t)f->size), P_INT(f->width), P_INT(f->height), P_BYTES(BYTES(f->digest, sizeof(f->digest))),
		   P_TEXT(f->object), P_BYTES(f->key_enc), P_INT(f->keep_s)) < 0
	    ? -1
	    : 0;
}

int
file_find(struct db *db, struct uuid id, struct file *ret, struct problem *err)
{
	const struct row *w;
	struct bytes digest;

	if (db_one(db, &w, find_sql, err, P_UUID(id)) < 0)
		return -1;
	if (w == NULL)
		return problem(err, 404, "file_not_found", "no such file");
	digest = row_bytes(w, "digest");
	*ret = (struct file){ .id = row_uuid(w, "id"), .subject = row_uuid(w, "subject"), .belongs_to = row_uuid(w, "belongs_to"),
		.kind = row_str(w, "kind"), .media = row_str(w, "media"), .width = (int)row_int(w, "width"),
		.height = (int)row_int(w, "height"), .object = row_str(w, "object"), .size = (size_t)row_int(w, "size"),
		.key_enc = row_bytes(w, "key_enc") };
	memcpy(ret->digest, digest.p, digest.n < sizeof(ret->digest) ? digest.n : sizeof(ret->digest));
	return 0;
}

int
file_get(struct http *h, struct arena *a, const struct conf *conf, const struct file *f, struct bytes *ret, struct problem *err)
{
	const struct file_place place = { h, a, conf };
	uint8_t digest[32];

	if (backend(conf)->get(&place, f->object, ret, err) < 0)
		return -1;
	sha256(*ret, digest);
	if (same_bytes(BYTES(digest, sizeof(digest)), BYTES(f->digest, sizeof(f->digest))))
		return 0;
	problem(err, 500, "file_damaged", "a stored file is not what was stored");
	err->audit = true;
	return -1;
}

int
file_open(struct db *db, const struct file *f, struct bytes sealed, struct bytes *ret, struct problem *err)
{
	const struct seal_place where = { TABLE, "object", f->id, db_scope(db)->tenant };
	struct arena *a = db_current_arena(db);
	struct bytes key;
	uint8_t *out;

	if (vault_open(db, TABLE, "key_enc", f->id, f->key_enc, &key, err) < 0)
		return -1;
	if (key.n != sizeof(f->key) || sealed.n < SEAL_OVERHEAD)
		return problem(err, 500, "file_damaged", "a stored file is not what was stored");
	out = arena_alloc(a, sealed.n - SEAL_OVERHEAD + 1);
	if (open_field(key.p, &where, sealed, out, err) < 0)
		return -1;
	*ret = BYTES(out, sealed.n - SEAL_OVERHEAD);
	return 0;
}

int
file_keep(struct db *db, struct uuid id, bool *did, struct problem *err)
{
	int64_t n = db_exec(db, keep_sql, err, P_UUID(id));

	if (did != NULL)
		*did = n > 0;
	return n < 0 ? -1 : 0;
}

int
file_let_go(struct db *db, struct uuid id, struct problem *err)
{
	return db_exec(db, let_go_sql, err, P_UUID(id)) < 0 ? -1 : 0;
}

/* ---- for the sweep */

int
file_drop(struct http *h, struct arena *a, const struct conf *conf, const char *object, struct problem *err)
{
	const struct file_place place = { h, a, conf };

	return backend(conf)->drop(&place, object, err);
}

const char *const *
file_list(struct http *h, struct arena *a, const struct conf *conf, const char *service, struct uuid tenant, const char *day,
    int64_t age_s, struct problem *err)
{
	static const char *const none[] = { NULL };
	const struct file_place place = { h, a, conf };
	struct file_names list = { 0 };

	if (backend(conf)->list(&place, folder_of(a, service, tenant, day), age_s, &list, err) < 0)
		return NULL;
	return list.n > 0 ? list.name : none;
}
