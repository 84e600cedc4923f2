/* token.c: the users of a world: a key pair of its own, and tokens as auth issues them. */
#include "core.h"

#include <sys/stat.h>

#include "base/log.h"
#include "crypto/jose.h"
#include "harness/harness_private.h"

#define DAY_S 86400

static json_t *signing; /* one pair for all worlds of a program */

static json_t *
signing_key(void)
{
	if (signing == NULL)
		signing = jwk_generate("of-the-tests", "ES256");
	if (signing == NULL)
		die("no key pair for tokens");
	return signing;
}

static const char *
write_jwks(struct world *w, const char *name, json_t *key)
{
	const char *path = arena_printf(w->life, "%s/%s", scratch_folder(w->scratch), name);
	json_t *jwks = json_pack("{s:[o]}", "keys", key);

	if (jwks == NULL || json_dump_file(jwks, path, JSON_COMPACT) < 0 || chmod(path, 0600) < 0)
		die("%s cannot be written", path);
	json_decref(jwks);
	return path;
}

void
tokens_make(struct world *w, const char **keys, const char **jwks)
{
	*keys = write_jwks(w, "tokens.keys", json_incref(signing_key()));
	*jwks = write_jwks(w, "tokens.pub", jwk_public(signing_key()));
}

bool
token_asked(const struct sent *s)
{
	return strcmp(s->method, "GET") == 0 && strncmp(s->path, "/auth/sessions/", 15) == 0;
}

const char *
token_for(struct world *w, const char *who, struct uuid user, struct uuid session, int64_t issued_at)
{
	const char *space = strchr(who, ' ');
	struct token t = { .session = session, .user = user, .issued_at = issued_at, .expires_at = issued_at + DAY_S };
	struct buf compact = buf_in(w->life, 4096);
	struct problem err = { 0 };

	t.role = space != NULL ? arena_ndup(w->life, who, (size_t)(space - who)) : who;
	if (space != NULL && uuid_parse(space + 1, &t.person) < 0)
		die("%s: a role, a space and a UUID", who);
	if (token_sign(w->conf, signing_key(), &t, &compact, &err) < 0)
		die("%s", err.detail);
	return arena_dup(w->life, buf_str(&compact));
}
