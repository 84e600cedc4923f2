/*
 * seal_test.c: sealed fields, wrapped keys, the keyring's file and blind indexes. The fixed blobs were made by another
 * implementation (Node's crypto), so the form on disk is what seal.h says and not only what seal.c reads back. getrandom is
 * wrapped, so that it can be made to fail.
 */
#include "fcgi/unit.h"

#include <sys/random.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "crypto/seal.h"

static bool random_fails;

ssize_t __real_getrandom(void *out, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);

ssize_t
__wrap_getrandom(void *out, size_t n, unsigned flags)
{
	if (random_fails) {
		errno = ENOSYS;
		return -1;
	}
	return __real_getrandom(out, n, flags);
}

#define DEK_ID  INT64_C(258)
#define ZEROS   "0000000000000000000000000000000000000000000000000000000000000000"
#define ELEVENS "1111111111111111111111111111111111111111111111111111111111111111"
#define THREES  "3333333333333333333333333333333333333333333333333333333333333333"
#define COUNTED "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static uint8_t dek[32];
static struct seal_place here;
static char path[64];

static int
begin(void **state)
{
	(void)state;
	random_fails = false;
	assert_int_equal(hex_decode(COUNTED, 64, dek, 32), 32);
	here = (struct seal_place){ .table = "intake_submissions", .column = "payload" };
	assert_int_equal(uuid_parse("018f0000-0000-7000-8000-000000000001", &here.row), 0);
	assert_int_equal(uuid_parse("00000000-0000-7000-8000-000000000001", &here.tenant), 0);
	(void)snprintf(path, sizeof(path), "/tmp/telerx-seal-test.%ld", (long)getpid());
	return 0;
}

static int
end(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

static size_t
fixed_blob(uint8_t blob[128])
{
	static const char hex[] =
	    "01010000000000000102a0a1a2a3a4a5a6a7a8a9aaab967d124426a26ed30b0b97fa40da6e273d5cdde74f57ccbb5114";
	int n = hex_decode(hex, strlen(hex), blob, 128);

	assert_true(n == 48);
	return (size_t)n;
}

static void
a_blob_of_another_implementation_opens(void **state)
{
	struct problem err = { 0 };
	uint8_t blob[128], out[64];
	size_t n = fixed_blob(blob);

	(void)state;
	assert_int_equal(sealed_by(BYTES(blob, n)), DEK_ID);
	assert_int_equal(open_field(dek, &here, BYTES(blob, n), out, &err), 0);
	assert_string_equal((char *)out, "penicillin");
}

static void
what_is_sealed_opens_and_never_looks_the_same(void **state)
{
	static const size_t lengths[] = { 0, 1, 15, 16, 17, 4096 };
	static uint8_t plain[4096], one[4096 + SEAL_OVERHEAD], two[4096 + SEAL_OVERHEAD], out[4097];
	struct problem err = { 0 };
	size_t i, n;

	(void)state;
	memset(plain, 'p', sizeof(plain));
	for (i = 0; i < COUNT(lengths); i++) {
		n = lengths[i];
		assert_int_equal(seal_field(dek, DEK_ID, &here, BYTES(plain, n), one, &err), 0);
		assert_int_equal(seal_field(dek, DEK_ID, &here, BYTES(plain, n), two, &err), 0);
		assert_memory_not_equal(one + 10, two + 10, 12);
		assert_memory_equal(one, "\x01\x01\0\0\0\0\0\0\x01\x02", 10);
		assert_int_equal(open_field(dek, &here, BYTES(one, n + SEAL_OVERHEAD), out, &err), 0);
		assert_memory_equal(out, plain, n);
		assert_int_equal(out[n], 0);
	}
}

static void
refused(const uint8_t *key, const struct seal_place *where, struct bytes blob)
{
	struct problem err = { 0 };
	uint8_t out[64];

	memset(out, 0xee, sizeof(out));
	assert_int_equal(open_field(key, where, blob, out, &err), -1);
	assert_int_equal(err.status, 500);
	assert_string_equal(err.code, "unreadable_field");
	assert_true(err.audit);
	assert_null(memmem(out, sizeof(out), "penici", 6));
	assert_null(memmem(out, sizeof(out), "cillin", 6));
}

static void
a_blob_moved_elsewhere_does_not_open(void **state)
{
	struct seal_place there;
	uint8_t blob[128], other[32];
	size_t n = fixed_blob(blob);

	(void)state;
	there = here;
	there.table = "intake_submission";
	refused(dek, &there, BYTES(blob, n));
	there = here;
	there.column = "address";
	refused(dek, &there, BYTES(blob, n));
	/* The same letters, cut differently between table and column. */
	there = here;
	there.table = "intake_submissionsp";
	there.column = "ayload";
	refused(dek, &there, BYTES(blob, n));
	there = here;
	there.row.b[15] ^= 1;
	refused(dek, &there, BYTES(blob, n));
	there = here;
	there.tenant.b[15] ^= 1;
	refused(dek, &there, BYTES(blob, n));
	memcpy(other, dek, 32);
	other[31] ^= 1;
	refused(other, &here, BYTES(blob, n));
}

static void
every_flipped_bit_and_every_cut_is_noticed(void **state)
{
	uint8_t blob[128];
	size_t n = fixed_blob(blob), i;
	int bit;

	(void)state;
	for (i = 0; i < n; i++) {
		for (bit = 0; bit < 8; bit++) {
			blob[i] ^= (uint8_t)(1 << bit);
			refused(dek, &here, BYTES(blob, n));
			blob[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (i = 0; i < n; i++)
		refused(dek, &here, BYTES(blob, i));
	refused(dek, &here, BYTES(blob, n + 1));
	assert_int_equal(sealed_by(BYTES(blob, SEAL_OVERHEAD - 1)), -1);
	blob[0] = 2;
	assert_int_equal(sealed_by(BYTES(blob, n)), -1);
}

static void
without_random_bytes_nothing_is_sealed(void **state)
{
	struct problem err = { 0 };
	uint8_t out[64];

	(void)state;
	random_fails = true;
	assert_int_equal(seal_field(dek, DEK_ID, &here, BYTES_OF("x"), out, &err), -1);
	random_fails = false;
	assert_int_equal(err.status, 500);
	assert_string_equal(err.code, "seal_failed");
}

static void
write_ring(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static struct keyring *
ring(const char *text)
{
	struct problem err = { 0 };
	struct keyring *k;

	write_ring(text, 0600);
	k = keyring_load(path, &err);
	if (k == NULL)
		fail_msg("%s", err.detail);
	return k;
}

/* ---- nonces */

#define PROCESSES   4
#define SEALS	    250000
#define NONCE_BYTES 12

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, NONCE_BYTES);
}

/* Rule E4: forked processes share no state that could give one nonce twice. */
static void
e4_a_million_nonces_of_four_forked_processes_differ(void **state)
{
	const size_t n = (size_t)PROCESSES * SEALS;
	uint8_t(*nonces)[NONCE_BYTES] =
	    mmap(NULL, n * NONCE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint8_t key[32] = { 7 }, blob[SEAL_OVERHEAD + 1];
	struct problem err = { 0 };
	struct seal_place where = { .table = "t", .column = "c" };
	int status;

	(void)state;
	assert_true(nonces != MAP_FAILED);
	assert_int_equal(seal_field(key, 1, &where, BYTES("x", 1), blob, &err), 0); /* what the library sets up, it has before the fork */
	for (size_t p = 0; p < PROCESSES; p++) {
		if (fork() != 0)
			continue;
		for (size_t i = 0; i < SEALS; i++) {
			if (seal_field(key, 1, &where, BYTES("x", 1), blob, &err) < 0)
				_exit(1);
			memcpy(nonces[p * SEALS + i], blob + 10, NONCE_BYTES);
		}
		_exit(0);
	}
	for (size_t p = 0; p < PROCESSES; p++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	qsort(nonces, n, NONCE_BYTES, by_bytes);
	for (size_t i = 1; i < n; i++)
		if (memcmp(nonces[i - 1], nonces[i], NONCE_BYTES) == 0)
			fail_msg("nonce %zu of a million came twice", i);
	assert_int_equal(munmap(nonces, n * NONCE_BYTES), 0);
}

/* Rule E2: another version or algorithm is an error, whatever else the blob holds. */
static void
e2_an_unknown_version_is_an_error(void **state)
{
	uint8_t key[32] = { 7 }, blob[SEAL_OVERHEAD + 1], out[2];
	struct seal_place where = { .table = "t", .column = "c" };
	struct problem err = { 0 };

	(void)state;
	assert_int_equal(seal_field(key, 1, &where, BYTES("x", 1), blob, &err), 0);
	assert_int_equal(open_field(key, &where, BYTES(blob, sizeof(blob)), out, &err), 0);
	for (size_t at = 0; at < 2; at++) {
		problem_clear(&err);
		blob[at] = 2;
		assert_int_equal(sealed_by(BYTES(blob, sizeof(blob))), -1);
		assert_int_equal(open_field(key, &where, BYTES(blob, sizeof(blob)), out, &err), -1);
		assert_int_equal(err.status, 500);
		assert_string_equal(err.code, "unreadable_field");
		assert_true(err.audit);
		blob[at] = 1;
	}
}

static void
keys_are_wrapped_by_version(void **state)
{
	static const char fixed[] = "a0a1a2a3a4a5a6a7a8a9aaabbc4226771f9158e5383fdd895d209a842af6034ac8ed1836c6547cdc25f12f5be61291"
				    "47c5b2b67c07e10cff3f24192b";
	struct keyring *k = ring("# keys\n\n10 " ELEVENS "\n2 " COUNTED "\r\nindex " THREES "\n");
	uint8_t wrapped[WRAPPED_DEK], plain[32], want[32];
	struct problem err = { 0 };
	int version = 0;

	(void)state;
	assert_int_equal(keyring_newest(k, &err), 10);
	assert_int_equal(hex_decode(fixed, strlen(fixed), wrapped, sizeof(wrapped)), WRAPPED_DEK);
	memset(want, 0x5a, 32);
	assert_int_equal(dek_unwrap(k, 2, DEK_ID, BYTES(wrapped, WRAPPED_DEK), plain, &err), 0);
	assert_memory_equal(plain, want, 32);
	assert_int_equal(dek_unwrap(k, 10, DEK_ID, BYTES(wrapped, WRAPPED_DEK), plain, &err), -1);
	assert_string_equal(err.code, "unreadable_key");
	assert_true(err.audit);
	assert_int_equal(dek_unwrap(k, 2, DEK_ID + 1, BYTES(wrapped, WRAPPED_DEK), plain, &err), -1);
	assert_int_equal(dek_unwrap(k, 2, DEK_ID, BYTES(wrapped, WRAPPED_DEK - 1), plain, &err), -1);
	assert_int_equal(dek_unwrap(k, 3, DEK_ID, BYTES(wrapped, WRAPPED_DEK), plain, &err), -1);
	assert_string_equal(err.code, "unknown_kek");
	assert_int_equal(dek_rewrap(k, 2, DEK_ID, BYTES(wrapped, WRAPPED_DEK), &version, wrapped, &err), 0);
	assert_int_equal(version, 10);
	assert_int_equal(dek_unwrap(k, 10, DEK_ID, BYTES(wrapped, WRAPPED_DEK), plain, &err), 0);
	assert_memory_equal(plain, want, 32);
	version = 0;
	assert_int_equal(dek_wrap(k, DEK_ID, want, &version, wrapped, &err), 0);
	assert_int_equal(version, 10);
	memset(plain, 0, 32);
	assert_int_equal(dek_unwrap(k, 10, DEK_ID, BYTES(wrapped, WRAPPED_DEK), plain, &err), 0);
	assert_memory_equal(plain, want, 32);
	keyring_free(k);
	keyring_free(NULL);
}

static void
a_bad_keyring_is_refused(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
	} cases[] = {
		{ "", 0600 },
		{ "1 " ZEROS "\n", 0600 },     /* no index key */
		{ "index " ZEROS "\n", 0600 }, /* no kek */
		{ "1 " ZEROS "\n1 " ELEVENS "\nindex " THREES "\n", 0600 },
		{ "1 " ZEROS "\nindex " THREES "\nindex " THREES "\n", 0600 },
		{ "0 " ZEROS "\nindex " THREES "\n", 0600 },
		{ "-1 " ZEROS "\nindex " THREES "\n", 0600 },
		{ "x " ZEROS "\nindex " THREES "\n", 0600 },
		{ "1 " ZEROS "00\nindex " THREES "\n", 0600 },
		{ "1 00\nindex " THREES "\n", 0600 },
		{ "1" ZEROS "\nindex " THREES "\n", 0600 },
		{ "1 G000000000000000000000000000000000000000000000000000000000000000\nindex " THREES "\n", 0600 },
		{ "1 " ZEROS "\nindex " THREES "\n", 0604 },
		{ "1 " ZEROS "\nindex " THREES "\n", 0620 },
	};
	struct problem err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		problem_clear(&err);
		write_ring(cases[i].text, cases[i].mode);
		assert_null(keyring_load(path, &err));
		assert_string_equal(err.code, "bad_keyring");
		assert_null(strstr(err.detail, "0000"));
	}
	assert_null(keyring_load("/nonexistent/keyring", &err));
}

static void
blind_indexes_agree_per_column(void **state)
{
	struct keyring *k = ring("1 " ZEROS "\nindex " THREES "\n");
	uint8_t one[32], two[32];
	char text[32], hex[HEX32];

	(void)state;
	blind_index(k, "patients.email", normalise_email("A@x.Y ", text, sizeof(text)), one);
	blind_index(k, "patients.email", "a@x.y", two);
	assert_memory_equal(one, two, 32);
	assert_string_equal(hex_encode(BYTES(one, 32), hex), "c8269eb29fe0dc89edb54298f05a752ec0260511c28bc70cfaf409023391b6dc");
	/* A file from before there were mac keys: the first index key is the first of them. */
	assert_int_equal(keyring_mac_newest(k), 1);
	assert_true(keyring_mac(k, MAC_STEADY, "patients.email", "a@x.y", two));
	assert_memory_equal(one, two, 32);
	assert_false(keyring_mac(k, 2, "patients.email", "a@x.y", two));
	blind_index(k, "patients.phone", "a@x.y", two);
	assert_memory_not_equal(one, two, 32);
	blind_index(k, "patients.email", "b@x.y", two);
	assert_memory_not_equal(one, two, 32);
	assert_string_equal(normalise_email("\t Pat.Doe@Example.COM\r\n", text, sizeof(text)), "pat.doe@example.com");
	assert_string_equal(normalise_email("", text, sizeof(text)), "");
	assert_null(normalise_email("twelve chars", text, 12));
	assert_non_null(normalise_email("twelve chars", text, 13));
	keyring_free(k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_blob_of_another_implementation_opens),
		TEST(what_is_sealed_opens_and_never_looks_the_same),
		TEST(a_blob_moved_elsewhere_does_not_open),
		TEST(every_flipped_bit_and_every_cut_is_noticed),
		TEST(without_random_bytes_nothing_is_sealed),
		TEST(e4_a_million_nonces_of_four_forked_processes_differ),
		TEST(e2_an_unknown_version_is_an_error),
		TEST(keys_are_wrapped_by_version),
		TEST(a_bad_keyring_is_refused),
		TEST(blind_indexes_agree_per_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
