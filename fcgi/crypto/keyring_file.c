/* keyring_file.c: the keyring of a process that has the key file itself: the keyholder. */
#include "core.h"

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/envelope_keys.h"
#include "crypto/jose.h"
#include "crypto/keyring_file.h"
#include "crypto/keyring_private.h"

struct file_ring {
	struct key_file *keys;
	char envelope_path[KEY_FILE_PATH];
	json_t *envelopes; /* JWKS with private keys; NULL when there are none */
};

static struct file_ring *
ring(void *self)
{
	return self;
}

static void
ring_free(void *self)
{
	key_file_free(ring(self)->keys);
	json_decref(ring(self)->envelopes);
	free(self);
}

static int
ring_newest(void *self, struct problem *err UNUSED)
{
	return ring(self)->keys->kek[0].version;
}

static int
ring_wrap(void *self, int64_t id, const uint8_t dek[32], int *kek, uint8_t *out, struct problem *err)
{
	const struct master_key *newest = &ring(self)->keys->kek[0];

	*kek = newest->version;
	return kek_seal(newest->key, newest->version, id, dek, out, err);
}

static int
ring_unwrap(void *self, int kek, int64_t id, struct bytes wrapped, uint8_t dek[32], struct problem *err)
{
	const uint8_t *key = key_file_kek(ring(self)->keys, kek);

	if (key == NULL)
		return problem(err, 500, "unknown_kek", "key-encryption key %d is not on the keyring", kek);
	return kek_open(key, kek, id, wrapped, dek, err);
}

static int
ring_rewrap(void *self, int kek, int64_t id, struct bytes wrapped, int *now, uint8_t *out, struct problem *err)
{
	uint8_t dek[32];
	int rc = ring_unwrap(self, kek, id, wrapped, dek, err);

	if (rc == 0)
		rc = ring_wrap(self, id, dek, now, out, err);
	OPENSSL_cleanse(dek, sizeof(dek));
	return rc;
}

static int
ring_agree(void *self, struct bytes protected_header, uint8_t cek[32], struct problem *err)
{
	if (ring(self)->envelopes == NULL)
		return problem(err, 422, "unknown_key", "the service has no keys for envelopes");
	return jwe_agree(ring(self)->envelopes, protected_header, cek, err);
}

static int
ring_public(void *self, struct buf *jwks, struct problem *err)
{
	if (ring(self)->envelopes == NULL)
		return problem(err, 404, "no_envelope_keys", "the service has no keys for envelopes");
	return envelope_keys_public(ring(self)->envelopes, jwks, err);
}

static size_t
ring_masters(void *self, enum key_list list, struct master_key *out, size_t max)
{
	const struct key_file *f = ring(self)->keys;
	size_t all = list == KEY_LIST_MAC ? f->nmac : f->nindex, n = all < max ? all : max;

	memcpy(out, list == KEY_LIST_MAC ? f->mac : f->index, n * sizeof(*out));
	return n;
}

static const struct keyring_kind file_kind = { ring_free, ring_newest, ring_wrap, ring_unwrap, ring_rewrap, ring_agree, ring_public,
	ring_masters };

struct keyring *
keyring_load(const char *path, struct problem *err)
{
	struct key_file *keys = key_file_load(path, err);
	struct file_ring *r;
	size_t stem;

	if (keys == NULL)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		die("out of memory for a keyring");
	r->keys = keys;
	/* key_file_load made sure that there is room for the ending. */
	stem = strlen(path);
	if (stem > 4 && strcmp(path + stem - 4, ".kek") == 0)
		stem -= 4;
	(void)snprintf(r->envelope_path, sizeof(r->envelope_path), "%.*s.jwks", (int)stem, path);
	if (envelope_keys_load(r->envelope_path, &r->envelopes, err) < 0) {
		ring_free(r);
		return NULL;
	}
	return keyring_of(&file_kind, r);
}

/* ---- for administrators */

int
keyring_add(const struct keyring *k, enum key_list list, struct problem *err)
{
	return key_file_add(ring(k->self)->keys, list, err);
}

int
keyring_drop(const struct keyring *k, enum key_list list, int version, struct problem *err)
{
	return key_file_drop(ring(k->self)->keys, list, version, err);
}

int
keyring_add_envelope_key(const struct keyring *k, int64_t overlap_s, struct problem *err)
{
	struct file_ring *r = ring(k->self);

	return envelope_keys_add(r->envelope_path, &r->envelopes, overlap_s, err);
}

size_t
keyring_masters(const struct keyring *k, enum key_list list, struct master_key *out, size_t max)
{
	return ring_masters(k->self, list, out, max);
}

void
keyring_describe(const struct keyring *k, struct buf *out)
{
	const struct file_ring *r = ring(k->self);
	char until[CLOCK_TEXT];
	const json_t *key, *exp;
	size_t i;

	for (i = 0; i < r->keys->nkek; i++)
		buf_addf(out, "kek %d\n", r->keys->kek[i].version);
	for (i = 0; i < r->keys->nindex; i++)
		buf_addf(out, "index %d\n", r->keys->index[i].version);
	for (i = 0; i < r->keys->nmac; i++)
		buf_addf(out, "mac %d\n", r->keys->mac[i].version);
	json_array_foreach(json_object_get(r->envelopes, "keys"), i, key) {
		if (envelope_key_is_over(key, clock_us() / US_PER_S))
			continue;
		exp = json_object_get(key, "exp");
		buf_addf(out, "intake %s%s%s\n", json_string_value(json_object_get(key, "kid")), exp != NULL ? " " : "",
		    exp != NULL ? clock_text(json_integer_value(exp) * US_PER_S, until) : "");
	}
}
