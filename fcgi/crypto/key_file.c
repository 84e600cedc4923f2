/* key_file.c: see key_file.h. */
#include "core.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "crypto/key_file.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#define VERSION_MOST 999999

/* ---- reading */

static int
file_read(struct key_file *f, struct problem *err)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return problem(err, 500, "bad_keyring", "cannot read %s: %s", f->path, strerror(errno));
	if (fstat(fd, &st) < 0 || (st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
		(void)close(fd);
		return problem(err, 500, "bad_keyring", "%s is open to others; chmod 600 it", f->path);
	}
	n = read(fd, f->text, sizeof(f->text) - 1);
	(void)close(fd);
	if (n < 0 || (size_t)n == sizeof(f->text) - 1)
		return problem(err, 500, "bad_keyring", "%s cannot be read or is too long", f->path);
	f->text[n] = '\0';
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

static struct master_key *
find(struct master_key *keys, size_t n, int version)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].version == version)
			return &keys[i];
	return NULL;
}

static struct master_key *
list_of(struct key_file *f, enum key_list list, size_t **count)
{
	*count = list == KEY_LIST_KEK ? &f->nkek : list == KEY_LIST_INDEX ? &f->nindex : &f->nmac;
	return list == KEY_LIST_KEK ? f->kek : list == KEY_LIST_INDEX ? f->index : f->mac;
}

static bool
starts(const char *word, size_t n, const char *name)
{
	return n >= strlen(name) && memcmp(word, name, strlen(name)) == 0;
}

/* The place of the line's key, behind those that are newer; NULL when the line's first word is none or repeats one. */
static struct master_key *
place_of(struct key_file *f, const char *word, size_t n)
{
	enum key_list list = starts(word, n, "index") ? KEY_LIST_INDEX : starts(word, n, "mac") ? KEY_LIST_MAC : KEY_LIST_KEK;
	size_t name = list == KEY_LIST_INDEX ? 5 : list == KEY_LIST_MAC ? 3 : 0, *count;
	struct master_key *keys = list_of(f, list, &count);
	int version;

	if (name == 0)
		version = version_parse(word, n);
	else if (n == name)
		version = 1;
	else
		version = word[name] == '.' ? version_parse(word + name + 1, n - name - 1) : -1;
	if (version < 0 || *count == KEYS_MAX || find(keys, *count, version) != NULL)
		return NULL;
	keys[*count].version = version;
	return &keys[(*count)++];
}

static int
line_take(struct key_file *f, const char *line, size_t n)
{
	size_t word = strcspn(line, " \t"), gap;
	struct master_key *k;

	if (word >= n)
		return -1;
	gap = strspn(line + word, " \t");
	if (n - word - gap != 64 || (k = place_of(f, line, word)) == NULL)
		return -1;
	return hex_decode(line + word + gap, 64, k->key, 32) == 32 ? 0 : -1;
}

static int
text_take(struct key_file *f, struct problem *err)
{
	const char *s = f->text;
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
		if (line_take(f, s, n) < 0)
			return problem(err, 500, "bad_keyring", "%s line %u is no key", f->path, line);
	}
	if (f->nkek == 0 || f->nindex == 0)
		return problem(
		    err, 500, "bad_keyring", "%s lacks %s", f->path, f->nkek == 0 ? "a key-encryption key" : "the index key");
	if (f->nmac == 0) {
		f->mac[0] = f->index[f->nindex - 1];
		f->mac[0].version = 1;
		f->nmac = 1;
	}
	return 0;
}

static struct key_file *
key_file_at(const char *path, struct problem *err)
{
	struct key_file *f = secret_alloc(sizeof(*f));
	int n;

	if (f == NULL) {
		problem(err, 500, "bad_keyring", "no memory for keys");
		return NULL;
	}
	n = snprintf(f->path, sizeof(f->path), "%s", path);
	if (n < 0 || (size_t)n >= sizeof(f->path) - 4) {
		problem(err, 500, "bad_keyring", "the path of a key file is too long");
		key_file_free(f);
		return NULL;
	}
	return f;
}

struct key_file *
key_file_load(const char *path, struct problem *err)
{
	struct key_file *f = key_file_at(path, err);

	if (f != NULL && (file_read(f, err) < 0 || text_take(f, err) < 0)) {
		key_file_free(f);
		return NULL;
	}
	if (f != NULL)
		OPENSSL_cleanse(f->text, sizeof(f->text));
	return f;
}

void
key_file_free(struct key_file *f)
{
	secret_free(f, sizeof(*f));
}

const uint8_t *
key_file_kek(const struct key_file *f, int version)
{
	for (size_t i = 0; i < f->nkek; i++)
		if (f->kek[i].version == version)
			return f->kek[i].key;
	return NULL;
}

/* ---- writing */

static size_t
text_add(struct key_file *f, size_t n, const char *name, const struct master_key *keys, size_t count)
{
	char hex[HEX32];

	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(f->text + n, sizeof(f->text) - n, "%s%d %s\n", name, keys[i].version,
		    hex_encode(BYTES(keys[i].key, 32), hex));
	OPENSSL_cleanse(hex, sizeof(hex));
	return n;
}

static size_t
text_make(struct key_file *f)
{
	size_t n;

	n = (size_t)snprintf(f->text, sizeof(f->text), "# key-encryption keys, newest first; index: blind indexes; mac: the audit trail\n");
	n = text_add(f, n, "", f->kek, f->nkek);
	n = text_add(f, n, "index.", f->index, f->nindex);
	return text_add(f, n, "mac.", f->mac, f->nmac);
}

int
key_folder_sync(const char *path)
{
	char folder[KEY_FILE_PATH];
	const char *slash = strrchr(path, '/');
	int fd, rc;

	(void)snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path), slash == NULL ? "." : path);
	fd = open(folder[0] != '\0' ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	(void)close(fd);
	return rc;
}

static int
save(struct key_file *f, struct problem *err)
{
	char fresh[KEY_FILE_PATH + 8];
	size_t n = text_make(f);
	bool written;
	int fd;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", f->path);
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	written = fd >= 0 && write(fd, f->text, n) == (ssize_t)n && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	OPENSSL_cleanse(f->text, sizeof(f->text));
	if (!written || rename(fresh, f->path) < 0 || key_folder_sync(f->path) < 0)
		return problem(err, 500, "key_file", "%s cannot be written: %s", f->path, strerror(errno));
	return 0;
}

struct key_file *
key_file_new(const char *path, struct problem *err)
{
	struct key_file *f = key_file_at(path, err);

	if (f == NULL)
		return NULL;
	f->nkek = f->nindex = f->nmac = 1;
	f->kek[0].version = f->index[0].version = f->mac[0].version = 1;
	if (access(path, F_OK) == 0)
		problem(err, 409, "key_file_exists", "%s is there already", path);
	else if (random_bytes(f->kek[0].key, 32) < 0 || random_bytes(f->index[0].key, 32) < 0 || random_bytes(f->mac[0].key, 32) < 0)
		problem(err, 500, "no_randomness", "no random bytes for a key");
	else if (save(f, err) == 0)
		return f;
	key_file_free(f);
	return NULL;
}

static void
take_out(struct master_key *keys, size_t *count, size_t i)
{
	memmove(&keys[i], &keys[i + 1], (*count - i - 1) * sizeof(*keys));
	(*count)--;
	OPENSSL_cleanse(&keys[*count], sizeof(*keys));
}

int
key_file_add(struct key_file *f, enum key_list list, struct problem *err)
{
	size_t *count;
	struct master_key *keys = list_of(f, list, &count);
	int newest = keys[0].version;

	for (size_t i = 1; i < *count; i++)
		newest = keys[i].version > newest ? keys[i].version : newest;
	if (*count == KEYS_MAX || newest >= VERSION_MOST)
		return problem(err, 409, "too_many_keys", "destroy old keys first");
	memmove(&keys[1], &keys[0], *count * sizeof(*keys));
	(*count)++;
	keys[0].version = newest + 1;
	if (random_bytes(keys[0].key, 32) < 0)
		problem(err, 500, "no_randomness", "no random bytes for a key");
	else if (save(f, err) == 0)
		return newest + 1;
	/* What is not in the file must wrap nothing. */
	take_out(keys, count, 0);
	return -1;
}

int
key_file_drop(struct key_file *f, enum key_list list, int version, struct problem *err)
{
	size_t *count, i = 0;
	struct master_key *keys = list_of(f, list, &count), gone;
	int rc;

	while (i < *count && keys[i].version != version)
		i++;
	if (list == KEY_LIST_MAC)
		return problem(err, 409, "kept_key", "mac keys stay, what they signed is checked for as long as it is kept");
	if (i == *count)
		return problem(err, 404, "unknown_key", "there is no key %d", version);
	if (i == 0)
		return problem(err, 409, "newest_key", "key %d is in use", version);
	gone = keys[i];
	take_out(keys, count, i);
	rc = save(f, err);
	if (rc < 0) { /* it is still in the file */
		memmove(&keys[i + 1], &keys[i], (*count - i) * sizeof(*keys));
		keys[i] = gone;
		(*count)++;
	}
	OPENSSL_cleanse(&gone, sizeof(gone));
	return rc;
}
