/* keyring.c: see keyring.h. What both kinds of keyrings have in common, and the blind index. */
#include "core.h"

#include <openssl/crypto.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/keyring_private.h"

struct keyring *
keyring_of(const struct keyring_kind *kind, void *self)
{
	struct keyring *k = calloc(1, sizeof(*k));

	if (k == NULL)
		die("out of memory for a keyring");
	*k = (struct keyring){ kind, self };
	return k;
}

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	k->kind->free(k->self);
	free(k);
}

int
keyring_newest(const struct keyring *k, struct problem *err)
{
	return k->kind->newest(k->self, err);
}

int
dek_wrap(const struct keyring *k, int64_t dek_id, const uint8_t dek[32], int *kek, uint8_t out[WRAPPED_DEK], struct problem *err)
{
	return k->kind->wrap(k->self, dek_id, dek, kek, out, err);
}

int
dek_unwrap(const struct keyring *k, int kek, int64_t dek_id, struct bytes wrapped, uint8_t dek[32], struct problem *err)
{
	return k->kind->unwrap(k->self, kek, dek_id, wrapped, dek, err);
}

int
dek_rewrap(const struct keyring *k, int kek, int64_t dek_id, struct bytes wrapped, int *now, uint8_t out[WRAPPED_DEK],
    struct problem *err)
{
	return k->kind->rewrap(k->self, kek, dek_id, wrapped, now, out, err);
}

int
keyring_agree(const struct keyring *k, struct bytes protected_header, uint8_t cek[32], struct problem *err)
{
	return k->kind->agree(k->self, protected_header, cek, err);
}

int
keyring_public(const struct keyring *k, struct buf *jwks, struct problem *err)
{
	return k->kind->public(k->self, jwks, err);
}

size_t
keyring_index_versions(const struct keyring *k, int *versions, size_t max)
{
	struct master_key keys[INDEX_KEYS];
	size_t n = k->kind->masters(k->self, KEY_LIST_INDEX, keys, INDEX_KEYS);

	n = n < max ? n : max;
	for (size_t i = 0; i < n; i++)
		versions[i] = keys[i].version;
	OPENSSL_cleanse(keys, sizeof(keys));
	return n;
}

static void
index_with(const uint8_t master[32], const char *column, const char *normalised, uint8_t out[32])
{
	struct bytes purpose[] = { BYTES_OF("blind-index-1:"), BYTES_OF(column) }, text = BYTES_OF(normalised);
	uint8_t key[32];

	hmac_sha256(BYTES(master, 32), purpose, COUNT(purpose), key);
	hmac_sha256(BYTES(key, 32), &text, 1, out);
	OPENSSL_cleanse(key, sizeof(key));
}

static bool
under(const struct keyring *k, enum key_list list, int version, const char *column, const char *text, uint8_t out[32])
{
	struct master_key keys[KEYS_MAX];
	size_t n = k->kind->masters(k->self, list, keys, COUNT(keys)), i = 0;

	while (i < n && keys[i].version != version)
		i++;
	if (i < n)
		index_with(keys[i].key, column, text, out);
	OPENSSL_cleanse(keys, sizeof(keys));
	return i < n;
}

bool
blind_index_of(const struct keyring *k, int version, const char *column, const char *normalised, uint8_t out[32])
{
	return under(k, KEY_LIST_INDEX, version, column, normalised, out);
}

bool
keyring_mac(const struct keyring *k, int version, const char *purpose, const char *text, uint8_t out[32])
{
	return under(k, KEY_LIST_MAC, version, purpose, text, out);
}

static void
newest_of(const struct keyring *k, enum key_list list, struct master_key *out)
{
	if (k->kind->masters(k->self, list, out, 1) != 1)
		die("a keyring without an index key or a mac key");
}

int
keyring_mac_newest(const struct keyring *k)
{
	struct master_key newest;

	newest_of(k, KEY_LIST_MAC, &newest);
	OPENSSL_cleanse(newest.key, sizeof(newest.key));
	return newest.version;
}

int
blind_index(const struct keyring *k, const char *column, const char *normalised, uint8_t out[32])
{
	struct master_key newest;

	newest_of(k, KEY_LIST_INDEX, &newest);
	index_with(newest.key, column, normalised, out);
	OPENSSL_cleanse(newest.key, sizeof(newest.key));
	return newest.version;
}

char *
normalise_email(const char *email, char *out, size_t n)
{
	size_t len, i;

	email += strspn(email, " \t\r\n");
	len = strlen(email);
	while (len > 0 && strchr(" \t\r\n", email[len - 1]) != NULL)
		len--;
	if (len >= n)
		return NULL;
	for (i = 0; i < len; i++)
		out[i] = email[i] >= 'A' && email[i] <= 'Z' ? (char)(email[i] - 'A' + 'a') : email[i];
	out[len] = '\0';
	return out;
}
