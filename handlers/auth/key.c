/*
 * key.c: the key pairs that tokens are signed with: a JWKS of private keys, newest first, which only this service's processes read.
 * The first signs; the public halves of all are published, and every pool has them in a file of its own. libjose counts references to
 * what it is given, so threads take turns.
 */
#include "auth/auth.h"

#include <pthread.h>

#include "crypto/envelope_keys.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static json_t *keys;

int
auth_start(const struct conf *conf, struct problem *err)
{
	const char *path = conf_str(conf, "AUTH_KEYS_FILE");
	json_t *fresh;

	if (envelope_keys_load(path, &fresh, err) < 0)
		return -1;
	if (fresh == NULL)
		return problem(err, 500, "bad_config", "AUTH_KEYS_FILE names no file");
	(void)pthread_mutex_lock(&mutex);
	json_decref(keys);
	keys = fresh;
	(void)pthread_mutex_unlock(&mutex);
	return 0;
}

int
key_sign(const struct conf *conf, const struct token *t, struct buf *compact, struct problem *err)
{
	int rc;

	(void)pthread_mutex_lock(&mutex);
	rc = token_sign(conf, json_array_get(json_object_get(keys, "keys"), 0), t, compact, err);
	(void)pthread_mutex_unlock(&mutex);
	return rc;
}

int
key_list(struct req *r, struct problem *err)
{
	struct buf jwks = buf_in(r->arena, 16384);
	int rc;

	(void)pthread_mutex_lock(&mutex);
	rc = envelope_keys_public(keys, &jwks, err);
	(void)pthread_mutex_unlock(&mutex);
	if (rc < 0)
		return -1;
	jw_raw(reply_json(r, 200), NULL, buf_str(&jwks));
	return 0;
}
