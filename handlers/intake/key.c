/*
 * key.c: the key pairs that the browser seals forms for (rule E9). The file is a JWKS with private keys, newest first; while keys
 * overlap after a rotation it holds both. Read once at start, constant from then on.
 */
#include "intake/intake.h"

#include <sys/stat.h>

#include "crypto/jose.h"

static json_t *keys;

static int
key_is_whole(const json_t *key)
{
	return json_text_at(key, "kid") != NULL && json_text_at(key, "x") != NULL && json_text_at(key, "y") != NULL &&
	    json_text_at(key, "d") != NULL;
}

int
keys_load(const struct conf *conf, struct problem *err)
{
	const char *path = conf_str(conf, "INTAKE_KEYS_FILE");
	const json_t *list, *key;
	struct stat st;
	json_t *file;
	size_t i;

	if (stat(path, &st) < 0)
		return problem(err, 500, "no_intake_keys", "INTAKE_KEYS_FILE %s: %s", path, strerror(errno));
	if ((st.st_mode & S_IRWXO) != 0)
		return problem(err, 500, "open_intake_keys", "INTAKE_KEYS_FILE %s is open to everybody", path);
	file = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	list = json_object_get(file, "keys");
	json_array_foreach(list, i, key)
		if (!key_is_whole(key))
			break;
	if (json_array_size(list) == 0 || i < json_array_size(list)) {
		json_decref(file);
		return problem(err, 500, "bad_intake_keys", "INTAKE_KEYS_FILE %s is no JWKS of private keys with kid", path);
	}
	json_decref(keys);
	keys = file;
	return 0;
}

const json_t *
keys_private(void)
{
	return keys;
}

int
key_list(struct req *r, struct problem *err UNUSED)
{
	struct json_writer *w = reply_json(r, 200);
	const json_t *key;
	size_t i;

	jw_object(w, NULL);
	jw_array(w, "keys");
	json_array_foreach(json_object_get(keys, "keys"), i, key) {
		json_t *shown = jwk_public(key);

		jw_tree(w, NULL, shown);
		json_decref(shown);
	}
	jw_end(w);
	jw_end(w);
	return 0;
}
