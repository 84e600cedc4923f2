/* seal.c: the sealing half of seal.h: AES-256-GCM over fields and over data keys. Key-encryption keys come from a keyring. */
#include "core.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/log.h"
#include "crypto/keyring_private.h"
#include "crypto/random.h"
#include "crypto/seal.h"

#define NONCE        12
#define TAG          16
#define HEAD         10 /* ver, alg, dek_id */
#define BLOB_VERSION 1
#define BLOB_ALG     1 /* AES-256-GCM */
#define AAD_MAX      512

/* The additional data of one sealing: parts, each behind its length in four bytes, so that no two lists of parts look alike. */
struct aad {
	uint8_t bytes[AAD_MAX];
	size_t n;
	bool failed;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm;

static void
fetch(void)
{
	gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (gcm == NULL)
		die("crypto: OpenSSL lacks AES-256-GCM");
}

static void
big_endian(uint8_t *out, uint64_t v, int n)
{
	int i;

	for (i = n - 1; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

static void
aad_add(struct aad *a, const void *p, size_t n)
{
	if (n > sizeof(a->bytes) - 4 || a->n > sizeof(a->bytes) - 4 - n) {
		a->failed = true;
		return;
	}
	big_endian(a->bytes + a->n, n, 4);
	memcpy(a->bytes + a->n + 4, p, n);
	a->n += n + 4;
}

static void
aad_number(struct aad *a, int64_t v)
{
	uint8_t bytes[8];

	big_endian(bytes, (uint64_t)v, 8);
	aad_add(a, bytes, sizeof(bytes));
}

static struct aad
aad_of_field(const struct seal_place *where, int64_t dek_id)
{
	struct aad a = { .n = 0 };

	aad_add(&a, "phi1", 4);
	aad_add(&a, where->table, strlen(where->table));
	aad_add(&a, where->column, strlen(where->column));
	aad_add(&a, where->row.b, sizeof(where->row.b));
	aad_add(&a, where->tenant.b, sizeof(where->tenant.b));
	aad_number(&a, dek_id);
	return a;
}

static struct aad
aad_of_dek(int kek_version, int64_t dek_id)
{
	struct aad a = { .n = 0 };

	aad_add(&a, "dek1", 4);
	aad_number(&a, kek_version);
	aad_number(&a, dek_id);
	return a;
}

/* out: nonce, ciphertext, tag. */
static int
gcm_seal(const uint8_t key[32], const struct aad *aad, struct bytes plain, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t *nonce = out, *text = out + NONCE;
	int n = 0, rest = 0, ok;

	(void)pthread_once(&once, fetch);
	if (aad->failed || plain.n > INT32_MAX || random_bytes(nonce, NONCE) < 0)
		return -1;
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && EVP_EncryptInit_ex2(ctx, gcm, key, nonce, NULL) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &n, aad->bytes, (int)aad->n) == 1 &&
	    (plain.n == 0 || EVP_EncryptUpdate(ctx, text, &n, plain.p, (int)plain.n) == 1) &&
	    EVP_EncryptFinal_ex(ctx, text + plain.n, &rest) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, text + plain.n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -1;
}

/* in: nonce, ciphertext, tag. What was deciphered is wiped unless the tag agrees. */
static int
gcm_open(const uint8_t key[32], const struct aad *aad, struct bytes in, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t tag[TAG];
	int n = 0, rest = 0, ok;
	size_t len;

	(void)pthread_once(&once, fetch);
	if (aad->failed || in.n < NONCE + TAG || in.n > INT32_MAX)
		return -1;
	len = in.n - NONCE - TAG;
	memcpy(tag, in.p + NONCE + len, TAG);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && EVP_DecryptInit_ex2(ctx, gcm, key, in.p, NULL) == 1 &&
	    EVP_DecryptUpdate(ctx, NULL, &n, aad->bytes, (int)aad->n) == 1 &&
	    (len == 0 || EVP_DecryptUpdate(ctx, out, &n, in.p + NONCE, (int)len) == 1) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 && EVP_DecryptFinal_ex(ctx, out + len, &rest) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		OPENSSL_cleanse(out, len);
	return ok ? 0 : -1;
}

int
kek_seal(const uint8_t kek[32], int version, int64_t id, const uint8_t dek[32], uint8_t out[WRAPPED_DEK], struct problem *err)
{
	struct aad aad = aad_of_dek(version, id);

	if (gcm_seal(kek, &aad, BYTES(dek, 32), out) < 0)
		return problem(err, 500, "seal_failed", "a data key could not be wrapped");
	return 0;
}

int
kek_open(const uint8_t kek[32], int version, int64_t id, struct bytes wrapped, uint8_t dek[32], struct problem *err)
{
	struct aad aad = aad_of_dek(version, id);

	if (wrapped.n != WRAPPED_DEK || gcm_open(kek, &aad, wrapped, dek) < 0) {
		problem(err, 500, "unreadable_key", "data key %" PRId64 " does not verify", id);
		err->fault = FAULT_PERMANENT;
		err->audit = true;
		return -1;
	}
	return 0;
}

int
seal_field(
    const uint8_t dek[32], int64_t dek_id, const struct seal_place *where, struct bytes plain, uint8_t *out, struct problem *err)
{
	struct aad aad = aad_of_field(where, dek_id);

	out[0] = BLOB_VERSION;
	out[1] = BLOB_ALG;
	big_endian(out + 2, (uint64_t)dek_id, 8);
	if (gcm_seal(dek, &aad, plain, out + HEAD) < 0)
		return problem(err, 500, "seal_failed", "%s.%s could not be sealed", where->table, where->column);
	return 0;
}

int64_t
sealed_by(struct bytes blob)
{
	uint64_t id = 0;
	int i;

	if (blob.n < SEAL_OVERHEAD || blob.p[0] != BLOB_VERSION || blob.p[1] != BLOB_ALG)
		return -1;
	for (i = 0; i < 8; i++)
		id = id << 8 | blob.p[2 + i];
	return id > INT64_MAX ? -1 : (int64_t)id;
}

int
open_field(const uint8_t dek[32], const struct seal_place *where, struct bytes blob, uint8_t *out, struct problem *err)
{
	int64_t dek_id = sealed_by(blob);
	struct aad aad = aad_of_field(where, dek_id);

	if (dek_id < 0 || gcm_open(dek, &aad, BYTES(blob.p + HEAD, blob.n - HEAD), out) < 0) {
		problem(err, 500, "unreadable_field", "a sealed field of %s does not verify", where->table);
		err->fault = FAULT_PERMANENT;
		err->audit = true;
		return -1;
	}
	out[blob.n - SEAL_OVERHEAD] = '\0';
	return 0;
}
