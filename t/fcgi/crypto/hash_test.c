/* hash_test.c: digests and MACs against published vectors, the strict text encodings, and random text. */
#include "fcgi/unit.h"

#include <pthread.h>

#include "crypto/hash.h"
#include "crypto/random.h"

static void
expect_hex(const uint8_t *bytes, size_t n, const char *hex)
{
	char text[129];

	assert_string_equal(hex_encode(BYTES(bytes, n), text), hex);
}

static void
digests_match_fips_180(void **state)
{
	uint8_t out[64];

	(void)state;
	sha256(BYTES_OF("abc"), out);
	expect_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256(BYTES(NULL, 0), out);
	expect_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha512(BYTES_OF("abc"), out);
	expect_hex(out, 64,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

/* RFC 4231, cases 1, 2 and 6; RFC 2202 for SHA-1, cases 1 and 2. */
static void
macs_match_the_rfcs(void **state)
{
	const struct bytes hi = BYTES_OF("Hi There"),
			   want[] = { BYTES_OF("what do ya "), BYTES_OF(""), BYTES_OF("want for nothing?") };
	const struct bytes larger = BYTES_OF("Test Using Larger Than Block-Size Key - Hash Key First");
	uint8_t key[131], out[32];
	int round;

	(void)state;
	for (round = 0; round < 2; round++) { /* the second time with a context that was keyed before */
		memset(key, 0x0b, 20);
		hmac_sha256(BYTES(key, 20), &hi, 1, out);
		expect_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
		hmac_sha256(BYTES_OF("Jefe"), want, COUNT(want), out);
		expect_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
		hmac_sha256(BYTES_OF("Jefe"), want, COUNT(want), out);
		expect_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
		memset(key, 0xaa, sizeof(key));
		hmac_sha256(BYTES(key, sizeof(key)), &larger, 1, out);
		expect_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
		hmac_sha256(BYTES("", 0), NULL, 0, out);
		expect_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	}
	memset(key, 0x0b, 20);
	hmac_sha1(BYTES(key, 20), hi, out);
	expect_hex(out, 20, "b617318655057264e28bc0b6fb378c8ef146be00");
	hmac_sha1(BYTES_OF("Jefe"), BYTES_OF("what do ya want for nothing?"), out);
	expect_hex(out, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

static void *
mac_in_thread(void *unused)
{
	const struct bytes text = BYTES_OF("what do ya want for nothing?");
	uint8_t out[32];
	char hex[HEX32];
	int i;

	for (i = 0; i < 1000; i++) {
		hmac_sha256(i % 2 == 0 ? BYTES_OF("Jefe") : BYTES_OF("other"), &text, 1, out);
		if (i % 2 == 0 && strncmp(hex_encode(BYTES(out, 32), hex), "5bdcc146bf60754e", 16) != 0)
			return (void *)"wrong";
	}
	return unused;
}

static void
threads_do_not_share_a_key(void **state)
{
	pthread_t threads[4];
	void *wrong;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mac_in_thread, NULL), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

static void
hex_is_read_in_lower_case_only(void **state)
{
	uint8_t out[4];

	(void)state;
	assert_int_equal(hex_decode("00ff10a9", 8, out, 4), 4);
	expect_hex(out, 4, "00ff10a9");
	assert_int_equal(hex_decode("", 0, out, 4), 0);
	assert_int_equal(hex_decode("0", 1, out, 4), -1);
	assert_int_equal(hex_decode("FF", 2, out, 4), -1);
	assert_int_equal(hex_decode("0g", 2, out, 4), -1);
	assert_int_equal(hex_decode("0011223344", 10, out, 4), -1);
}

/* RFC 4648 section 10, and the letters in which the two alphabets differ. */
static void
base64_is_written_and_read_back(void **state)
{
	static const struct {
		const char *plain, *standard, *url;
	} cases[] = {
		{ "", "", "" },
		{ "f", "Zg==", "Zg" },
		{ "fo", "Zm8=", "Zm8" },
		{ "foo", "Zm9v", "Zm9v" },
		{ "foob", "Zm9vYg==", "Zm9vYg" },
		{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+", "-__-" },
	};
	struct buf out = BUF_INIT(64);
	uint8_t back[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&out);
		base64_encode(BYTES_OF(cases[i].plain), &out);
		assert_string_equal(buf_str(&out), cases[i].standard);
		assert_int_equal(base64_decode(cases[i].standard, strlen(cases[i].standard), back), strlen(cases[i].plain));
		assert_memory_equal(back, cases[i].plain, strlen(cases[i].plain));
		buf_clear(&out);
		base64url_encode(BYTES_OF(cases[i].plain), &out);
		assert_string_equal(buf_str(&out), cases[i].url);
		assert_int_equal(base64url_decode(cases[i].url, strlen(cases[i].url), back), strlen(cases[i].plain));
		assert_memory_equal(back, cases[i].plain, strlen(cases[i].plain));
	}
	buf_release(&out);
}

static void
one_value_has_one_text(void **state)
{
	static const char *const standard[] = { "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "Z", "====", "=", "Zg==Zg==", "Zm 9",
		"-__-", "Zm9v\n" };
	static const char *const url[] = { "Zg==", "Zh", "Zm9", "Z", "+//+", "Zm9v=", "Zm9v ", "Zm.v" };
	uint8_t out[32];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(standard); i++)
		assert_int_equal(base64_decode(standard[i], strlen(standard[i]), out), -1);
	for (i = 0; i < COUNT(url); i++)
		assert_int_equal(base64url_decode(url[i], strlen(url[i]), out), -1);
}

static void
comparison_needs_equal_lengths(void **state)
{
	(void)state;
	assert_true(same_text("abc", "abc"));
	assert_true(same_text("", ""));
	assert_false(same_text("abc", "abd"));
	assert_false(same_text("abc", "ab"));
	assert_false(same_text("", "a"));
	assert_true(same_bytes(BYTES("a\0b", 3), BYTES("a\0b", 3)));
	assert_false(same_bytes(BYTES("a\0b", 3), BYTES("a\0c", 3)));
	assert_true(same_bytes(BYTES(NULL, 0), BYTES("", 0)));
}

static void
random_text_has_its_form(void **state)
{
	char one[TOKEN_TEXT], two[TOKEN_TEXT], digits[33];
	unsigned seen[10] = { 0 };
	uint8_t bytes[33];
	size_t i, n;

	(void)state;
	assert_int_equal(random_token(one), 0);
	assert_int_equal(random_token(two), 0);
	assert_string_not_equal(one, two);
	assert_int_equal(strlen(one), 43);
	assert_int_equal(base64url_decode(one, 43, bytes), 32);
	for (n = 0; n < 1000; n++) {
		assert_int_equal(random_digits(digits, 6), 0);
		assert_int_equal(strlen(digits), 6);
		for (i = 0; i < 6; i++) {
			assert_in_range(digits[i], '0', '9');
			seen[digits[i] - '0']++;
		}
	}
	for (i = 0; i < 10; i++)
		assert_in_range(seen[i], 400, 800); /* 600 expected, eight standard deviations either way */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_match_fips_180),
		cmocka_unit_test(macs_match_the_rfcs),
		cmocka_unit_test(threads_do_not_share_a_key),
		cmocka_unit_test(hex_is_read_in_lower_case_only),
		cmocka_unit_test(base64_is_written_and_read_back),
		cmocka_unit_test(one_value_has_one_text),
		cmocka_unit_test(comparison_needs_equal_lengths),
		cmocka_unit_test(random_text_has_its_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
