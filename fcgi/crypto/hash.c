/*
 * hash.c: see hash.h. Algorithms are fetched once a process; looking HMAC up for each call costs five times the MAC itself.
 */
#include "core.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <pthread.h>

#include "base/log.h"
#include "crypto/hash.h"

#define KEPT_KEY 128 /* longer keys are set anew each time */

/* One thread's MAC context with the key it was last set to. */
struct keyed {
	EVP_MAC_CTX *ctx;
	uint8_t key[KEPT_KEY];
	size_t nkey;
	bool set;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t keyed_slot;
static EVP_MD *md_sha256, *md_sha512;
static EVP_MAC *mac_hmac;

static void
keyed_free(void *p)
{
	struct keyed *k = p;

	EVP_MAC_CTX_free(k->ctx);
	OPENSSL_cleanse(k, sizeof(*k));
	free(k);
}

static void
fetch(void)
{
	md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	md_sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
	mac_hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (md_sha256 == NULL || md_sha512 == NULL || mac_hmac == NULL || pthread_key_create(&keyed_slot, keyed_free) != 0)
		die("crypto: OpenSSL lacks SHA-2 or HMAC");
}

static void
digest(EVP_MD *const *md, struct bytes data, uint8_t *out)
{
	(void)pthread_once(&once, fetch);
	if (EVP_Digest(data.p == NULL ? (const uint8_t *)"" : data.p, data.n, out, NULL, *md, NULL) != 1)
		die("crypto: a digest failed");
}

void
sha256(struct bytes data, uint8_t out[32])
{
	digest(&md_sha256, data, out);
}

void
sha512(struct bytes data, uint8_t out[64])
{
	digest(&md_sha512, data, out);
}

static struct keyed *
keyed_mine(void)
{
	struct keyed *k;

	(void)pthread_once(&once, fetch);
	k = pthread_getspecific(keyed_slot);
	if (k != NULL)
		return k;
	k = calloc(1, sizeof(*k));
	if (k == NULL || (k->ctx = EVP_MAC_CTX_new(mac_hmac)) == NULL || pthread_setspecific(keyed_slot, k) != 0)
		die("crypto: no memory for a MAC");
	return k;
}

static int
key_set(struct keyed *k, struct bytes key)
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", name, 0), OSSL_PARAM_construct_end() };

	if (k->set && k->nkey == key.n && CRYPTO_memcmp(k->key, key.p, key.n) == 0)
		return EVP_MAC_init(k->ctx, NULL, 0, NULL);
	k->set = key.n > 0 && key.n <= KEPT_KEY;
	if (k->set) {
		memcpy(k->key, key.p, key.n);
		k->nkey = key.n;
	}
	/* An empty key needs a pointer all the same, or OpenSSL takes the call for "keep the key". */
	return EVP_MAC_init(k->ctx, key.n == 0 ? (const uint8_t *)"" : key.p, key.n, params);
}

/* The thread's slot keeps what keyed_mine makes, which gcc's analyser cannot see. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
void
hmac_sha256(struct bytes key, const struct bytes *parts, size_t nparts, uint8_t out[32])
{
	struct keyed *k = keyed_mine();
	int ok = key_set(k, key);
	size_t i, n;

	for (i = 0; i < nparts; i++)
		if (parts[i].n > 0)
			ok &= EVP_MAC_update(k->ctx, parts[i].p, parts[i].n);
	if (ok != 1 || EVP_MAC_final(k->ctx, out, &n, 32) != 1 || n != 32)
		die("crypto: HMAC-SHA256 failed");
}
#pragma GCC diagnostic pop

void
hmac_sha1(struct bytes key, struct bytes data, uint8_t out[20])
{
	unsigned n = 20;

	if (key.n > INT_MAX ||
	    HMAC(EVP_sha1(), key.n == 0 ? (const uint8_t *)"" : key.p, (int)key.n, data.p, data.n, out, &n) == NULL)
		die("crypto: HMAC-SHA1 failed");
}

bool
same_bytes(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

bool
same_text(const char *a, const char *b)
{
	return same_bytes(BYTES_OF(a), BYTES_OF(b));
}
