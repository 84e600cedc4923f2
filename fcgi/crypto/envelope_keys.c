/* envelope_keys.c: see envelope_keys.h. */
#include "core.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "crypto/envelope_keys.h"
#include "crypto/hash.h"
#include "crypto/jose.h"
#include "crypto/key_file.h"
#include "crypto/random.h"

static bool
is_whole(const json_t *key)
{
	static const char *const members[] = { "kid", "x", "y", "d" };

	for (size_t i = 0; i < COUNT(members); i++)
		if (json_string_value(json_object_get(key, members[i])) == NULL)
			return false;
	return true;
}

int
envelope_keys_load(const char *path, json_t **ret, struct problem *err)
{
	const json_t *list, *key;
	struct stat st;
	size_t i;

	*ret = NULL;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : problem(err, 500, "bad_envelope_keys", "%s: %s", path, strerror(errno));
	if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0)
		return problem(err, 500, "bad_envelope_keys", "%s is open to others; chmod 600 it", path);
	*ret = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	list = json_object_get(*ret, "keys");
	json_array_foreach(list, i, key)
		if (!is_whole(key))
			break;
	if (json_array_size(list) > 0 && i == json_array_size(list))
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return problem(err, 500, "bad_envelope_keys", "%s is no JWKS of private keys with kid", path);
}

bool
envelope_key_is_over(const json_t *key, int64_t now_s)
{
	const json_t *exp = json_object_get(key, "exp");

	return exp != NULL && json_integer_value(exp) <= now_s;
}

static json_t *
new_key(void)
{
	uint8_t name[4];
	char hex[2 * sizeof(name) + 1], kid[32];

	if (random_bytes(name, sizeof(name)) < 0)
		return NULL;
	(void)snprintf(kid, sizeof(kid), "intake-%s", hex_encode(BYTES(name, sizeof(name)), hex));
	return jwk_generate(kid, "ECDH-ES");
}

/* A copy of the old list behind the new key, without those that are over. */
static json_t *
succeeded(const json_t *keys, json_t *fresh, int64_t end)
{
	json_t *list = json_array(), *copy;
	const json_t *old, *exp;
	size_t i;
	bool ok = json_array_append_new(list, fresh) == 0;

	json_array_foreach(json_object_get(keys, "keys"), i, old) {
		if (envelope_key_is_over(old, clock_us() / US_PER_S))
			continue;
		copy = json_deep_copy(old);
		exp = json_object_get(copy, "exp");
		if (exp == NULL || json_integer_value(exp) > end)
			ok = ok && json_object_set_new(copy, "exp", json_integer(end)) == 0;
		ok = ok && json_array_append_new(list, copy) == 0;
	}
	if (!ok) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "keys", list);
}

static int
save(const char *path, const json_t *keys)
{
	char fresh[KEY_FILE_PATH + 8];
	bool written;
	int fd;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	written = fd >= 0 && json_dumpfd(keys, fd, JSON_COMPACT) == 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return written && rename(fresh, path) == 0 && key_folder_sync(path) == 0 ? 0 : -1;
}

int
envelope_keys_add(const char *path, json_t **keys, int64_t overlap_s, struct problem *err)
{
	json_t *fresh = new_key(), *all;

	if (fresh == NULL)
		return problem(err, 500, "no_randomness", "a key pair could not be made");
	all = succeeded(*keys, fresh, clock_us() / US_PER_S + overlap_s);
	if (all == NULL || save(path, all) < 0) {
		json_decref(all);
		return problem(err, 500, "key_file", "%s cannot be written: %s", path, strerror(errno));
	}
	json_decref(*keys);
	*keys = all;
	return 0;
}

static int
into_buf(const char *s, size_t n, void *buf)
{
	buf_addn(buf, s, n);
	return 0;
}

int
envelope_keys_public(const json_t *keys, struct buf *jwks, struct problem *err)
{
	json_t *list = json_array(), *all;
	const json_t *key;
	size_t i;
	bool ok = true;

	json_array_foreach(json_object_get(keys, "keys"), i, key)
		if (!envelope_key_is_over(key, clock_us() / US_PER_S))
			ok = ok && json_array_append_new(list, jwk_public(key)) == 0;
	all = json_pack("{s:o}", "keys", list);
	ok = ok && all != NULL && json_dump_callback(all, into_buf, jwks, JSON_COMPACT) == 0 && !jwks->failed;
	json_decref(all);
	return ok ? 0 : problem(err, 500, "too_many_keys", "the envelope keys cannot be shown");
}
