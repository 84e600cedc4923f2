/*
 * key_file.h: the key file of one service, as the keyholder keeps it; nobody else reads it.
 *
 * Lines "<version> <64 hex digits>" are key-encryption keys, newest first (it wraps new data keys); "index <64 hex>" is the first
 * master key of the blind indexes and "index.<version> <64 hex>" a later one, newest first; so are "mac" and "mac.<version>", the keys
 * of what must stay checkable: none of them is ever dropped. A file without one is from before there were any, when the first index key
 * had that task: it is mac 1 then. '#' starts a comment. The mode must let no others read. Beside NAME.kek there may be NAME.jwks: private keys that envelopes are sealed for (rule E9), newest first; a key
 * with the member "exp" (seconds) opens until then and is gone afterwards.
 *
 * A struct key_file lives in pages of secret.h. Writing replaces the file at once or not at all, and is on disk when it returns.
 */
#ifndef CRYPTO_KEY_FILE_H
#define CRYPTO_KEY_FILE_H

#include "base/problem.h"

#define KEYS_MAX      32
#define KEY_FILE_MAX  8192
#define KEY_FILE_PATH 256

struct master_key {
	int version;
	uint8_t key[32];
};

struct key_file {
	char path[KEY_FILE_PATH];
	struct master_key kek[KEYS_MAX]; /* newest first */
	size_t nkek;
	struct master_key index[KEYS_MAX];
	size_t nindex;
	struct master_key mac[KEYS_MAX];
	size_t nmac;
	char text[KEY_FILE_MAX]; /* the file while it is read or written */
};

enum key_list { KEY_LIST_KEK, KEY_LIST_INDEX, KEY_LIST_MAC };

struct key_file *key_file_load(const char *path, struct problem *err) MUST_CHECK; /* 500 bad_keyring */
struct key_file *key_file_new(const char *path, struct problem *err) MUST_CHECK;  /* makes the keys and the file; 409 key_file_exists */
void key_file_free(struct key_file *f);
const uint8_t *key_file_kek(const struct key_file *f, int version); /* NULL: not on the ring */
/* A new newest one; returns its version, -1. */
int key_file_add(struct key_file *f, enum key_list list, struct problem *err) MUST_CHECK;
/* Destroys one. 409 newest_key for the newest, 409 kept_key for a mac key, 404 unknown_key. */
int key_file_drop(struct key_file *f, enum key_list list, int version, struct problem *err) MUST_CHECK;

int key_folder_sync(const char *path); /* the name of this file is on disk when its folder is */

#endif
