/*
 * keyholder_test.c: the process that has the keys (rule E8), as a program: who may ask, how often, what is left in its trail, and that
 * a restart fails nobody.
 */
#include "core.h"

#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/jose.h"
#include "crypto/key_file.h"
#include "crypto/key_wire.h"
#include "crypto/seal.h"
#include "harness/harness.h"

#define STRANGER 65533

static char folder[64];
static struct holder_place place;

static int
setup(void **state)
{
	(void)state;
	log_open("test", LOG_ERROR + 1);
	(void)snprintf(folder, sizeof(folder), "/tmp/telerx-holder-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	holder_at(&place, folder);
	holder_keys(&place, "alpha");
	holder_keys(&place, "beta");
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	holder_stop(&place, SIGTERM);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct keyring *
ring(const char *service)
{
	struct problem err = { 0 };
	struct keyring *k = keyring_open(place.socket, service, &err);

	if (k == NULL)
		fail_msg("%s: %s", err.code, err.detail);
	return k;
}

/* A raw question on a connection that said hello. */
static int
ask(int fd, enum key_op op, int64_t id, int32_t number, struct bytes data, struct key_message *m)
{
	struct problem err = { 0 };

	*m = (struct key_message){ .op = (uint8_t)op, .id = id, .number = number };
	assert_true(key_put(m, data.p, data.n));
	assert_int_equal(key_ask(fd, m), 0);
	return key_refusal(m, &err) == 0 ? 0 : err.status;
}

static int
greeted(const char *service)
{
	struct key_message m;
	int fd = key_connect(place.socket);

	assert_true(fd >= 0);
	assert_int_equal(ask(fd, KEY_HELLO, 0, 0, BYTES_OF(service), &m), 0);
	return fd;
}

static unsigned
lines_with(const char *a, const char *b)
{
	char line[512];
	FILE *f = fopen(place.trail, "re");
	unsigned n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, a) != NULL && strstr(line, b) != NULL;
	if (f != NULL)
		assert_int_equal(fclose(f), 0);
	return n;
}

/* ---- tests */

static void
e8_a_key_goes_out_and_comes_back_and_each_unwrap_leaves_a_line(void **state)
{
	uint8_t dek[32], wrapped[WRAPPED_DEK], again[32];
	struct problem err = { 0 };
	struct keyring *k = ring("alpha"), *other = ring("beta");
	int version = 0;

	(void)state;
	memset(dek, 0x5a, sizeof(dek));
	assert_int_equal(dek_wrap(k, 7001, dek, &version, wrapped, &err), 0);
	assert_int_equal(version, 1);
	assert_int_equal(dek_unwrap(k, 1, 7001, BYTES(wrapped, sizeof(wrapped)), again, &err), 0);
	assert_memory_equal(again, dek, 32);
	assert_int_equal(lines_with("\"op\":\"unwrap\"", "\"dek\":7001,"), 1);
	/* From memory the second time. */
	assert_int_equal(dek_unwrap(k, 1, 7001, BYTES(wrapped, sizeof(wrapped)), again, &err), 0);
	assert_int_equal(lines_with("\"op\":\"unwrap\"", "\"dek\":7001,"), 1);
	/* What is remembered is bound to its bytes and its id. */
	wrapped[20] ^= 1;
	assert_int_equal(dek_unwrap(k, 1, 7001, BYTES(wrapped, sizeof(wrapped)), again, &err), -1);
	assert_string_equal(err.code, "unreadable_key");
	assert_true(err.audit);
	assert_int_equal(err.fault, FAULT_PERMANENT);
	wrapped[20] ^= 1;
	problem_clear(&err);
	assert_int_equal(dek_unwrap(k, 1, 7002, BYTES(wrapped, sizeof(wrapped)), again, &err), -1);
	/* Another service's key opens nothing. */
	assert_int_equal(dek_unwrap(other, 1, 7001, BYTES(wrapped, sizeof(wrapped)), again, &err), -1);
	assert_int_equal(lines_with("\"service\":\"beta\"", "\"outcome\":\"unreadable_key\""), 1);
	keyring_free(k);
	keyring_free(other);
}

static void
e6_after_a_new_key_the_old_one_opens_until_it_is_dropped(void **state)
{
	uint8_t dek[32], wrapped[WRAPPED_DEK], fresh[WRAPPED_DEK], again[32];
	struct problem err = { 0 };
	struct keyring *k = ring("beta");
	struct key_message m;
	int version = 0, fd = greeted("beta");

	(void)state;
	memset(dek, 0x21, sizeof(dek));
	assert_int_equal(dek_wrap(k, 5, dek, &version, wrapped, &err), 0);
	assert_int_equal(ask(fd, KEY_ADD, KEY_LIST_KEK, 0, BYTES("", 0), &m), 0);
	assert_int_equal(m.number, 2);
	assert_int_equal(keyring_newest(k, &err), 2);
	assert_int_equal(dek_unwrap(k, 1, 5, BYTES(wrapped, sizeof(wrapped)), again, &err), 0);
	assert_int_equal(dek_rewrap(k, 1, 5, BYTES(wrapped, sizeof(wrapped)), &version, fresh, &err), 0);
	assert_int_equal(version, 2);
	assert_int_equal(ask(fd, KEY_DROP, KEY_LIST_KEK, 2, BYTES("", 0), &m), 409);
	assert_int_equal(ask(fd, KEY_DROP, KEY_LIST_KEK, 1, BYTES("", 0), &m), 0);
	assert_int_equal(ask(fd, KEY_DROP, KEY_LIST_KEK, 1, BYTES("", 0), &m), 404);
	assert_int_equal(dek_unwrap(k, 2, 5, BYTES(fresh, sizeof(fresh)), again, &err), 0);
	assert_memory_equal(again, dek, 32);
	assert_int_equal(ask(fd, KEY_UNWRAP, 5, 1, BYTES(wrapped, sizeof(wrapped)), &m), 500);
	/* So it is after a restart: the file was written. */
	holder_stop(&place, SIGKILL);
	holder_start(&place);
	assert_int_equal(keyring_newest(k, &err), 2);
	(void)close(fd);
	keyring_free(k);
}

static void
e7_a_second_index_key_leaves_the_first_in_reach(void **state)
{
	uint8_t before[32], after[32], old[32];
	struct problem err = { 0 };
	struct keyring *k = ring("beta");
	struct key_message m;
	int versions[4], fd = greeted("beta");

	(void)state;
	blind_index(k, "patients.email", "a@x.y", before);
	assert_int_equal(ask(fd, KEY_ADD, KEY_LIST_INDEX, 0, BYTES("", 0), &m), 0);
	assert_true(keyring_newest(k, &err) > 0);
	blind_index(k, "patients.email", "a@x.y", after);
	assert_memory_not_equal(before, after, 32);
	assert_int_equal(keyring_index_versions(k, versions, 4), 2);
	assert_int_equal(versions[0], 2);
	assert_int_equal(versions[1], 1);
	assert_true(blind_index_of(k, 1, "patients.email", "a@x.y", old));
	assert_memory_equal(old, before, 32);
	assert_false(blind_index_of(k, 3, "patients.email", "a@x.y", old));
	(void)close(fd);
	keyring_free(k);
}

static void
e9_a_succeeded_envelope_key_opens_while_they_overlap(void **state)
{
	struct keyring *k = ring("alpha");
	struct problem err = { 0 };
	struct key_message m;
	struct buf jwks = BUF_INIT(16384), envelope = BUF_INIT(4096), again = BUF_INIT(4096), plain = BUF_INIT(256);
	json_t *keys, *header = NULL;
	int fd = greeted("alpha");

	(void)state;
	assert_int_equal(keyring_public(k, &jwks, &err), 0);
	assert_null(strstr(jwks.data, "\"d\""));
	keys = json_loads(jwks.data, 0, NULL);
	assert_int_equal(jwe_seal(json_array_get(json_object_get(keys, "keys"), 0), NULL, BYTES_OF("form"), &envelope, &err), 0);
	assert_int_equal(jwe_open_with(k, envelope.data, &plain, &header, &err), 0);
	assert_string_equal(plain.data, "form");
	json_decref(header);
	assert_int_equal(ask(fd, KEY_ENVELOPE, 0, 3600, BYTES("", 0), &m), 0);
	buf_clear(&plain);
	assert_int_equal(jwe_open_with(k, envelope.data, &plain, &header, &err), 0);
	json_decref(header);
	/* Without overlap it is over at once, and so is the one before. */
	assert_int_equal(ask(fd, KEY_ENVELOPE, 0, 0, BYTES("", 0), &m), 0);
	assert_int_equal(jwe_open_with(k, envelope.data, &plain, &header, &err), -1);
	assert_int_equal(err.status, 422);
	assert_string_equal(err.code, "unknown_key");
	buf_clear(&jwks);
	json_decref(keys);
	assert_int_equal(keyring_public(k, &jwks, &err), 0);
	keys = json_loads(jwks.data, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(keys, "keys")), 1);
	assert_int_equal(jwe_seal(json_array_get(json_object_get(keys, "keys"), 0), NULL, BYTES_OF("new"), &again, &err), 0);
	buf_clear(&plain);
	assert_int_equal(jwe_open_with(k, again.data, &plain, &header, &err), 0);
	assert_string_equal(plain.data, "new");
	json_decref(header);
	json_decref(keys);
	buf_release(&jwks);
	buf_release(&envelope);
	buf_release(&again);
	buf_release(&plain);
	(void)close(fd);
	keyring_free(k);
}

/* In a child of another user: the status of HELLO for alpha, of HELLO for beta, and of an administrator's question. */
static int
as_stranger(void)
{
	struct key_message m;
	pid_t pid = fork();
	int status, fd;

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setgid(STRANGER) < 0 || setuid(STRANGER) < 0)
			_exit(99);
		fd = key_connect(place.socket);
		if (fd < 0)
			_exit(errno == EACCES ? 13 : 98);
		status = ask(fd, KEY_HELLO, 0, 0, BYTES_OF("alpha"), &m) == 503 ? 1 : 0;
		status |= ask(fd, KEY_HELLO, 0, 0, BYTES_OF("beta"), &m) == 503 ? 2 : 0;
		status |= ask(fd, KEY_ADD, KEY_LIST_KEK, 0, BYTES("", 0), &m) != 0 ? 4 : 0;
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void
e8_another_user_is_refused_unless_listed_and_never_administers(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(place.socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	if (geteuid() != 0) {
		print_message("only root can become another user\n");
		skip();
	}
	assert_int_equal(as_stranger(), 13); /* the socket's mode */
	assert_int_equal(chmod(place.socket, 0666), 0);
	assert_int_equal(as_stranger(), 1 | 2 | 4); /* the kernel's word */
	assert_int_equal(lines_with("\"uid\":65533", "\"outcome\":\"keyholder_refused\""), 2);
	holder_stop(&place, SIGTERM);
	place.setting = "KEYHOLDER_CLIENTS=65533=beta";
	holder_start(&place);
	assert_int_equal(chmod(place.socket, 0666), 0);
	assert_int_equal(as_stranger(), 1 | 4);
	holder_stop(&place, SIGTERM);
	place.setting = "KEYHOLDER_RATE=10000";
	holder_start(&place);
}

static void
e8_ten_thousand_keys_a_minute_trip_the_alarm(void **state)
{
	uint8_t dek[32] = { 0 }, wrapped[WRAPPED_DEK];
	struct problem err = { 0 };
	struct keyring *k = ring("alpha");
	struct key_message m;
	int version, fd = greeted("alpha"), taken = 0;

	(void)state;
	holder_stop(&place, SIGTERM);
	holder_start(&place);
	(void)close(fd);
	fd = greeted("alpha");
	assert_int_equal(dek_wrap(k, 9, dek, &version, wrapped, &err), 0);
	while (taken <= 10000 && ask(fd, KEY_UNWRAP, 9, version, BYTES(wrapped, sizeof(wrapped)), &m) == 0)
		taken++;
	assert_int_equal(taken, 10000);
	/* A new connection of the process starts no new count. */
	(void)close(fd);
	fd = greeted("alpha");
	assert_int_equal(ask(fd, KEY_UNWRAP, 9, version, BYTES(wrapped, sizeof(wrapped)), &m), 503);
	assert_int_equal(ask(fd, KEY_DESCRIBE, 0, 0, BYTES("", 0), &m), 0);
	assert_non_null(memmem(m.data, m.n, "asked alarms 1\n", 15));
	assert_int_equal(lines_with("\"dek\":9,", "\"outcome\":\"ok\""), 10001);
	assert_int_equal(dek_unwrap(k, version, 9, BYTES(wrapped, sizeof(wrapped)), dek, &err), -1);
	assert_string_equal(err.code, "keyholder_refused");
	(void)close(fd);
	keyring_free(k);
	holder_stop(&place, SIGTERM);
	holder_start(&place);
}

static void
e8_without_its_trail_no_key_leaves(void **state)
{
	uint8_t dek[32] = { 0 }, wrapped[WRAPPED_DEK];
	struct problem err = { 0 };
	struct keyring *k;
	char before[sizeof(place.trail)];
	int version;

	(void)state;
	memcpy(before, place.trail, sizeof(before));
	holder_stop(&place, SIGTERM);
	(void)snprintf(place.trail, sizeof(place.trail), "/dev/full");
	holder_start(&place);
	k = ring("alpha");
	assert_int_equal(dek_wrap(k, 9, dek, &version, wrapped, &err), -1);
	assert_int_equal(err.status, 503);
	keyring_free(k);
	holder_stop(&place, SIGTERM);
	memcpy(place.trail, before, sizeof(before));
	holder_start(&place);
}

/* ---- restarts */

struct load {
	struct keyring *k;
	uint8_t wrapped[8][WRAPPED_DEK];
	volatile bool ending;
	unsigned asked, failed;
};

static void *
rewrap_all_the_time(void *p)
{
	struct load *l = p;
	uint8_t out[WRAPPED_DEK];
	struct problem err = { 0 };
	int now;

	for (int i = 0; !l->ending; i = (i + 1) % 8) {
		l->asked++;
		if (dek_rewrap(l->k, 1, 100 + i, BYTES(l->wrapped[i], WRAPPED_DEK), &now, out, &err) < 0)
			l->failed++;
	}
	return NULL;
}

static void
e8_a_killed_keyholder_fails_no_question(void **state)
{
	struct load l = { .k = ring("alpha") };
	uint8_t dek[32] = { 1 };
	struct problem err = { 0 };
	pthread_t threads[2];
	int version;

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(dek_wrap(l.k, 100 + i, dek, &version, l.wrapped[i], &err), 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, rewrap_all_the_time, &l), 0);
	for (int i = 0; i < 6; i++) {
		(void)poll(NULL, 0, 100);
		holder_stop(&place, i % 2 == 0 ? SIGKILL : SIGTERM);
		(void)poll(NULL, 0, 100);
		holder_start(&place);
	}
	l.ending = true;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(l.asked > 1000);
	assert_int_equal(l.failed, 0);
	keyring_free(l.k);
}

static void
e8_no_key_stands_in_arguments_environment_or_memory_that_others_read(void **state)
{
	struct problem err = { 0 };
	char path[KEY_FILE_PATH], text[8192], hex[HEX32];
	struct key_file *f;
	FILE *p;
	size_t n;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/alpha.kek", place.keys);
	f = key_file_load(path, &err);
	assert_non_null(f);
	hex_encode(BYTES(f->kek[0].key, 32), hex);
	key_file_free(f);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)place.pid, i == 0 ? "cmdline" : "environ");
		p = fopen(path, "re");
		if (p == NULL)
			continue; /* not dumpable: /proc belongs to root */
		n = fread(text, 1, sizeof(text), p);
		(void)fclose(p);
		assert_null(memmem(text, n, hex, 64));
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)place.pid);
	if (geteuid() != 0)
		assert_int_equal(access(path, R_OK), -1);
	(void)snprintf(path, sizeof(path), "/proc/%d/limits", (int)place.pid);
	p = fopen(path, "re");
	while (p != NULL && fgets(text, sizeof(text), p) != NULL)
		if (strncmp(text, "Max core file size", 18) == 0)
			assert_int_equal(strtol(text + 18, NULL, 10), 0);
	if (p != NULL)
		(void)fclose(p);
}

#define TEST(f) cmocka_unit_test(f)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(e8_a_key_goes_out_and_comes_back_and_each_unwrap_leaves_a_line),
		TEST(e6_after_a_new_key_the_old_one_opens_until_it_is_dropped),
		TEST(e7_a_second_index_key_leaves_the_first_in_reach),
		TEST(e9_a_succeeded_envelope_key_opens_while_they_overlap),
		TEST(e8_another_user_is_refused_unless_listed_and_never_administers),
		TEST(e8_ten_thousand_keys_a_minute_trip_the_alarm),
		TEST(e8_without_its_trail_no_key_leaves),
		TEST(e8_a_killed_keyholder_fails_no_question),
		TEST(e8_no_key_stands_in_arguments_environment_or_memory_that_others_read),
	};
	int rc;

	(void)setup(NULL);
	holder_start(&place);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)teardown(NULL);
	return rc;
}
