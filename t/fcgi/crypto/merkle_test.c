/* merkle_test.c: tree hash and signature, against values made elsewhere. */
#include "fcgi/unit.h"

#include <sys/stat.h>

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/sign.h"

/* The leaves and roots that implementations of Certificate Transparency test each other by. */
static const char *const inputs[] = { "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
	"606162636465666768696a6b6c6d6e6f" };
static const struct {
	size_t n;
	const char *root;
} roots[] = {
	{ 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
	{ 2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
	{ 3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
	{ 4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
	{ 5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
	{ 6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
	{ 7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
	{ 8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

static void
L2_roots_are_those_of_rfc_9162(void **state UNUSED)
{
	uint8_t leaves[COUNT(inputs) * MERKLE_HASH], work[sizeof(leaves)], root[MERKLE_HASH], data[17];
	char hex[HEX32];

	for (size_t i = 0; i < COUNT(inputs); i++) {
		int n = hex_decode(inputs[i], strlen(inputs[i]), data + 1, sizeof(data) - 1);

		assert_true(n >= 0);
		merkle_leaf(data, (size_t)n + 1, leaves + i * MERKLE_HASH);
	}
	for (size_t i = 0; i < COUNT(roots); i++) {
		memcpy(work, leaves, sizeof(work));
		merkle_root(work, roots[i].n, root);
		assert_string_equal(hex_encode(BYTES(root, 32), hex), roots[i].root);
	}
}

/* RFC 8032, section 7.1, test 3: secret key, public key and signature of the message af82. */
static const char secret_pem[] = "-----BEGIN PRIVATE KEY-----\n"
				 "MC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3\n"
				 "-----END PRIVATE KEY-----\n";
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
				 "MCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=\n"
				 "-----END PUBLIC KEY-----\n";
static const char signature_hex[] = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
				    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void
signatures_are_those_of_rfc_8032(void **state UNUSED)
{
	char folder[] = "/tmp/telerx-sign-XXXXXX", secret[64], public[64], hex[2 * SIGNATURE_BYTES + 1];
	const uint8_t message[] = { 0xaf, 0x82 };
	uint8_t signature[SIGNATURE_BYTES];
	struct problem err = { 0 };
	struct verify_keys *keys;
	struct sign_key *key;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(secret, sizeof(secret), "%s/key", folder);
	(void)snprintf(public, sizeof(public), "%s/pub", folder);
	write_file(secret, secret_pem, 0600);
	write_file(public, public_pem, 0644);
	key = sign_key_load(secret, &err);
	assert_non_null(key);
	sign_bytes(key, BYTES(message, 2), signature);
	assert_string_equal(hex_encode(BYTES(signature, sizeof(signature)), hex), signature_hex);
	keys = verify_keys_load(public, &err);
	assert_non_null(keys);
	assert_true(verify_knows(keys, sign_key_id(key)));
	assert_true(verify_bytes(keys, sign_key_id(key), BYTES(message, 2), signature));
	assert_false(verify_bytes(keys, sign_key_id(key), BYTES(message, 1), signature));
	assert_false(verify_bytes(keys, "0123456789abcdef", BYTES(message, 2), signature));
	signature[40] ^= 1;
	assert_false(verify_bytes(keys, sign_key_id(key), BYTES(message, 2), signature));
	verify_keys_free(keys);
	sign_key_free(key);
	assert_int_equal(chmod(secret, 0640), 0);
	assert_null(sign_key_load(secret, &err));
	assert_string_equal(err.code, "bad_key");
	assert_null(sign_key_load(public, &err));
	unlink(secret);
	unlink(public);
	rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(L2_roots_are_those_of_rfc_9162),
		cmocka_unit_test(signatures_are_those_of_rfc_8032),
	};
	return cmocka_run_group_tests_name("merkle", tests, NULL, NULL);
}
