/*
 * key.c: the public keys that the browser seals forms for (rule E9). Their private halves are the keyholder's; after a rotation both
 * keys are shown while they overlap, newest first.
 */
#include "intake/intake.h"

#include "crypto/keyring.h"

#define KEYS_MAX ((size_t)16 * 1024)

int
key_list(struct req *r, struct problem *err)
{
	const struct keyring *k = r->db != NULL ? db_current_keyring(r->db) : NULL;
	struct buf text = buf_in(r->arena, KEYS_MAX);
	const json_t *keys;

	if (k == NULL)
		return problem(err, 503, "keyholder_unavailable", "the keys cannot be read now");
	if (keyring_public(k, &text, err) < 0 || (keys = json_read(r->arena, buf_str(&text), text.len, err)) == NULL)
		return -1;
	jw_tree(reply_json(r, 200), NULL, keys);
	return 0;
}
