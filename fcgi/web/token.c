/* token.c: see token.h. */
#include "core.h"

#include <pthread.h>
#include <sys/stat.h>

#include "crypto/jose.h"
#include "web/token.h"
#include "web/web_private.h"

#define AUDIENCE "telerx"
#define ASK_MS   1000

const char *const token_roles[] = { "admin", "ops_manager", "ops_agent", "provider", "patient", NULL };

bool
token_role_known(const char *role, size_t n)
{
	for (size_t i = 0; token_roles[i] != NULL; i++)
		if (strlen(token_roles[i]) == n && memcmp(token_roles[i], role, n) == 0)
			return true;
	return false;
}

/* ---- the public keys. Threads take turns, since libjose counts references to what it is given. */

static struct {
	pthread_mutex_t mutex;
	char *path; /* tests run several services in one process */
	struct timespec mtime;
	ino_t inode;
	json_t *keys;
} known = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static bool
is_read(const char *path, const struct stat *st)
{
	return known.path != NULL && strcmp(known.path, path) == 0 && known.inode == st->st_ino &&
	    known.mtime.tv_sec == st->st_mtim.tv_sec && known.mtime.tv_nsec == st->st_mtim.tv_nsec;
}

static int
unreadable(const char *path, struct problem *err)
{
	log_line(LOG_ERROR, "token.keys_unreadable", "file", path, NULL);
	return problem(err, 503, "auth_unavailable", "the public keys of tokens cannot be read");
}

/* Called with the mutex held. A file that is half written or gone is no reason to believe the one of before. */
static int
keys_read(const char *path, struct problem *err)
{
	struct stat st;
	json_t *fresh;

	if (stat(path, &st) < 0)
		return unreadable(path, err);
	if (is_read(path, &st))
		return 0;
	fresh = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (json_array_size(json_object_get(fresh, "keys")) == 0) {
		json_decref(fresh);
		return unreadable(path, err);
	}
	json_decref(known.keys);
	free(known.path);
	known.keys = fresh;
	known.path = strdup(path);
	known.mtime = st.st_mtim;
	known.inode = st.st_ino;
	return 0;
}

/* ---- a token */

int
token_sign(const struct conf *conf, const json_t *key, const struct token *t, struct buf *compact, struct problem *err)
{
	char user[UUID_TEXT], session[UUID_TEXT], person[UUID_TEXT];
	json_t *claims = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "iss", conf_str(conf, "PUBLIC_BASE_URL"), "aud",
	    AUDIENCE, "sub", uuid_text(t->user, user), "jti", uuid_text(t->session, session), "role", t->role, "tenant",
	    conf_str(conf, "TENANT_ID"), "iat", (json_int_t)t->issued_at, "exp", (json_int_t)t->expires_at);
	int rc = -1;

	if (claims == NULL ||
	    (!uuid_is_nil(t->person) && json_object_set_new(claims, "person", json_string(uuid_text(t->person, person))) < 0))
		(void)problem(err, 500, "sign_failed", "a token could not be made");
	else
		rc = jwt_sign(key, claims, compact, err);
	json_decref(claims);
	return rc;
}

bool
token_is_one(const char *text)
{
	const char *dot = strchr(text, '.');

	return dot != NULL && strchr(dot + 1, '.') != NULL;
}

static bool
claim_uuid(const json_t *claims, const char *name, struct uuid *ret)
{
	const char *s = json_string_value(json_object_get(claims, name));

	return s != NULL && uuid_parse(s, ret) == 0;
}

static int
claims_read(struct req *r, const json_t *claims, struct token *ret, struct problem *err)
{
	const char *role = json_string_value(json_object_get(claims, "role"));
	struct uuid tenant;

	*ret = (struct token){ .issued_at = json_integer_value(json_object_get(claims, "iat")),
		.expires_at = json_integer_value(json_object_get(claims, "exp")) };
	if (role == NULL || !token_role_known(role, strlen(role)) || !claim_uuid(claims, "sub", &ret->user) ||
	    !claim_uuid(claims, "jti", &ret->session) || !claim_uuid(claims, "tenant", &tenant) ||
	    !uuid_equal(tenant, r->scope.tenant) ||
	    (json_object_get(claims, "person") != NULL && !claim_uuid(claims, "person", &ret->person)))
		return problem(err, 401, "invalid_token", "the token is not valid");
	ret->role = arena_dup(r->arena, role);
	return 0;
}

int
token_verify(struct req *r, const char *text, struct token *ret, struct problem *err)
{
	const char *path = conf_str(r->conf, "AUTH_JWKS_FILE");
	json_t *claims = NULL;
	int rc;

	if (*path == '\0')
		return problem(err, 401, "invalid_token", "no token is valid here");
	(void)pthread_mutex_lock(&known.mutex);
	rc = keys_read(path, err);
	if (rc == 0)
		rc = jwt_verify(
		    known.keys, text, conf_str(r->conf, "PUBLIC_BASE_URL"), AUDIENCE, clock_us() / US_PER_S, &claims, err);
	(void)pthread_mutex_unlock(&known.mutex);
	if (rc == 0)
		rc = claims_read(r, claims, ret, err);
	json_decref(claims);
	return rc;
}

/* ---- its session */

static int
look(struct req *r, const struct token *t, struct problem *err)
{
	int rc;

	if (r->db == NULL)
		return problem(err, 503, "database_unavailable", "the database cannot be reached");
	if (db_begin(r->db, READ, &r->scope, err) < 0)
		return -1;
	rc = r->service->alive(r, t, err);
	if (rc == 0)
		return db_commit(r->db, err);
	db_rollback(r->db);
	return -1;
}

static int
ask_auth(struct req *r, const struct token *t, struct problem *err)
{
	char id[UUID_TEXT];
	const struct peer_call call = { .service = "auth",
		.method = "GET",
		.path = arena_printf(r->arena, "/auth/sessions/%s", uuid_text(t->session, id)),
		.total_ms = ASK_MS };
	struct problem why = { 0 };
	struct peer_reply reply;

	if (r->http == NULL || peer_call(r->http, r->arena, r->conf, &call, &reply, &why) < 0)
		return problem(err, 503, "auth_unavailable", "nobody can say whether this session is alive");
	if (reply.status == 404)
		return problem(err, 401, "revoked_token", "the session is over");
	if (reply.status != 200)
		return problem(err, 503, "auth_unavailable", "nobody can say whether this session is alive: auth answered %d",
		    reply.status);
	return 0;
}

int
token_alive(struct req *r, const struct token *t, struct problem *err)
{
	return r->service->alive != NULL ? look(r, t, err) : ask_auth(r, t, err);
}
