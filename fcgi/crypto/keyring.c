/*
 * keyring.c: the key file of seal.h, held in pages of their own that are neither swapped nor dumped, and the blind index made from
 * it.
 */
#include "core.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "crypto/seal.h"

#define KEKS_MAX 32
#define FILE_MAX 8192

struct kek {
	int version;
	uint8_t key[32];
};

struct keyring {
	struct kek keks[KEKS_MAX]; /* newest first, as in the file */
	size_t n;
	uint8_t index[32];
	bool has_index;
	char text[FILE_MAX]; /* the file while it is read */
};

static struct keyring *
keyring_alloc(void)
{
	struct keyring *k = mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (k == MAP_FAILED)
		return NULL;
	/* Best effort: a small RLIMIT_MEMLOCK is no reason to stay down, swap on such hosts is encrypted or off. */
	(void)mlock(k, sizeof(*k));
	(void)madvise(k, sizeof(*k), MADV_DONTDUMP);
	return k;
}

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	OPENSSL_cleanse(k, sizeof(*k));
	(void)munmap(k, sizeof(*k));
}

static int
file_read(struct keyring *k, const char *path, struct problem *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return problem(err, 500, "bad_keyring", "cannot read %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || (st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
		(void)close(fd);
		return problem(err, 500, "bad_keyring", "%s is open to others; chmod 600 it", path);
	}
	n = read(fd, k->text, sizeof(k->text) - 1);
	(void)close(fd);
	if (n < 0 || (size_t)n == sizeof(k->text) - 1)
		return problem(err, 500, "bad_keyring", "%s cannot be read or is too long", path);
	k->text[n] = '\0';
	return 0;
}

/* "12" -> 12; -1 for anything else than a positive version. */
static int
version_parse(const char *s, size_t n)
{
	int v = 0;

	if (n == 0 || n > 6)
		return -1;
	for (; n > 0; n--, s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v > 0 ? v : -1;
}

static int
line_take(struct keyring *k, const char *line, size_t n)
{
	size_t word = strcspn(line, " \t"), gap;
	uint8_t *key;

	if (word >= n)
		return -1;
	gap = strspn(line + word, " \t");
	if (n - word - gap != 64)
		return -1;
	if (word == 5 && memcmp(line, "index", 5) == 0) {
		if (k->has_index)
			return -1;
		k->has_index = true;
		key = k->index;
	} else {
		int version = version_parse(line, word);

		if (version < 0 || k->n == KEKS_MAX || keyring_kek(k, version) != NULL)
			return -1;
		k->keks[k->n].version = version;
		key = k->keks[k->n++].key;
	}
	return hex_decode(line + word + gap, 64, key, 32) == 32 ? 0 : -1;
}

static int
text_take(struct keyring *k, const char *path, struct problem *err)
{
	const char *s = k->text;
	unsigned line = 0;
	size_t n, end;

	for (; *s != '\0'; s += end + (s[end] == '\n' ? 1 : 0)) {
		line++;
		end = strcspn(s, "\n");
		n = end;
		while (n > 0 && strchr(" \t\r", s[n - 1]) != NULL)
			n--;
		if (n == 0 || *s == '#')
			continue;
		if (line_take(k, s, n) < 0)
			return problem(err, 500, "bad_keyring", "%s line %u is no key", path, line);
	}
	if (k->n == 0 || !k->has_index)
		return problem(err, 500, "bad_keyring", "%s lacks %s", path, k->n == 0 ? "a key-encryption key" : "the index key");
	return 0;
}

struct keyring *
keyring_load(const char *path, struct problem *err)
{
	struct keyring *k = keyring_alloc();

	if (k == NULL) {
		problem(err, 500, "bad_keyring", "no memory for keys");
		return NULL;
	}
	if (file_read(k, path, err) < 0 || text_take(k, path, err) < 0) {
		keyring_free(k);
		return NULL;
	}
	OPENSSL_cleanse(k->text, sizeof(k->text));
	return k;
}

int
keyring_newest(const struct keyring *k)
{
	return k->keks[0].version;
}

const uint8_t *
keyring_kek(const struct keyring *k, int version)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (k->keks[i].version == version)
			return k->keks[i].key;
	return NULL;
}

void
blind_index(const struct keyring *k, const char *column, const char *normalised, uint8_t out[32])
{
	struct bytes purpose[] = { BYTES_OF("blind-index-1:"), BYTES_OF(column) }, text = BYTES_OF(normalised);
	uint8_t key[32];

	hmac_sha256(BYTES(k->index, 32), purpose, COUNT(purpose), key);
	hmac_sha256(BYTES(key, 32), &text, 1, out);
	OPENSSL_cleanse(key, sizeof(key));
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
