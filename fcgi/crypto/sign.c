/* sign.c: see sign.h. */
#include "core.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define KEYS_MAX 32

struct sign_key {
	EVP_PKEY *key;
	char id[SIGN_KEY_ID];
};

struct verify_keys {
	struct sign_key keys[KEYS_MAX];
	size_t n;
};

/* Takes the key over, also when it is refused. */
static int
key_take(struct sign_key *k, EVP_PKEY *key, const char *path, struct problem *err)
{
	uint8_t public[32], digest[32];
	char hex[HEX32];
	size_t n = sizeof(public);

	if (key == NULL || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key, public, &n) != 1 || n != 32) {
		EVP_PKEY_free(key);
		return problem(err, 500, "bad_key", "%s holds no Ed25519 key", path);
	}
	sha256(BYTES(public, n), digest);
	(void)snprintf(k->id, sizeof(k->id), "%.16s", hex_encode(BYTES(digest, 32), hex));
	k->key = key;
	return 0;
}

static FILE *
key_file(const char *path, bool secret, struct problem *err)
{
	FILE *f = fopen(path, "re");
	struct stat st;

	if (f == NULL) {
		problem(err, 500, "bad_key", "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	if (secret && (fstat(fileno(f), &st) < 0 || (st.st_mode & (S_IRWXO | S_IRWXG)) != 0)) {
		(void)fclose(f);
		problem(err, 500, "bad_key", "%s is open to others; chmod 600 it", path);
		return NULL;
	}
	return f;
}

struct sign_key *
sign_key_load(const char *path, struct problem *err)
{
	FILE *f = key_file(path, true, err);
	struct sign_key *k;
	int rc;

	if (f == NULL)
		return NULL;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		die("out of memory");
	rc = key_take(k, PEM_read_PrivateKey(f, NULL, NULL, NULL), path, err);
	(void)fclose(f);
	if (rc == 0)
		return k;
	free(k);
	return NULL;
}

void
sign_key_free(struct sign_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

const char *
sign_key_id(const struct sign_key *k)
{
	return k->id;
}

void
sign_bytes(const struct sign_key *k, struct bytes data, uint8_t out[SIGNATURE_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SIGNATURE_BYTES;

	if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->key) != 1 || EVP_DigestSign(ctx, out, &n, data.p, data.n) != 1 ||
	    n != SIGNATURE_BYTES)
		die("crypto: a signature failed");
	EVP_MD_CTX_free(ctx);
}

struct verify_keys *
verify_keys_load(const char *path, struct problem *err)
{
	FILE *f = key_file(path, false, err);
	struct verify_keys *k;
	EVP_PKEY *key;
	int rc = 0;

	if (f == NULL)
		return NULL;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		die("out of memory");
	while (rc == 0 && k->n < KEYS_MAX && (key = PEM_read_PUBKEY(f, NULL, NULL, NULL)) != NULL)
		if ((rc = key_take(&k->keys[k->n], key, path, err)) == 0)
			k->n++;
	(void)fclose(f);
	if (rc == 0 && k->n == 0)
		rc = problem(err, 500, "bad_key", "%s holds no public key", path);
	if (rc == 0)
		return k;
	verify_keys_free(k);
	return NULL;
}

void
verify_keys_free(struct verify_keys *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++)
		EVP_PKEY_free(k->keys[i].key);
	free(k);
}

static EVP_PKEY *
key_of(const struct verify_keys *k, const char *key_id)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->keys[i].id, key_id) == 0)
			return k->keys[i].key;
	return NULL;
}

bool
verify_knows(const struct verify_keys *k, const char *key_id)
{
	return key_of(k, key_id) != NULL;
}

bool
verify_bytes(const struct verify_keys *k, const char *key_id, struct bytes data, const uint8_t signature[SIGNATURE_BYTES])
{
	EVP_PKEY *key = key_of(k, key_id);
	EVP_MD_CTX *ctx;
	bool holds;

	if (key == NULL)
		return false;
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL)
		die("out of memory");
	holds = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, data.p, data.n) == 1;
	EVP_MD_CTX_free(ctx);
	return holds;
}
