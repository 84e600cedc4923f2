/*
 * access.c: who is calling, and may they (architecture 5). A credential that is there is checked whether or not the row asks
 * for its kind: a false one is 401 everywhere, a true one that the row does not admit is 403. Public rows and webhooks look at
 * no credential of ours.
 */
#include "core.h"

#include "crypto/hash.h"
#include "crypto/signature.h"
#include "web/token.h"
#include "web/web_private.h"

#define V2_PREFIX "v2="

bool
access_lists(const char *callers, const char *name)
{
	size_t n = strlen(name);

	if (callers == NULL || n == 0)
		return false;
	if (strcmp(callers, "*") == 0)
		return true;
	for (const char *p = callers; *p != '\0'; p += strspn(p, " ")) {
		size_t word = strcspn(p, " ");

		if (word == n && memcmp(p, name, n) == 0)
			return true;
		p += word;
	}
	return false;
}

static int
unauthorized(struct problem *err, const char *code, const char *detail)
{
	return problem(err, 401, code, "%s", detail);
}

static int
signature_check(struct req *r, const struct known_key *key, struct problem *err)
{
	const char *timestamp = req_header(r, "x-timestamp"), *signature = req_header(r, "x-signature");
	const struct signed_call call = { timestamp, req_header(r, "x-nonce"), r->method, r->target, r->raw };

	if (timestamp == NULL || signature == NULL)
		return unauthorized(err, "missing_signature", "X-API-Key comes with X-Timestamp and X-Signature");
	if (strncmp(signature, V2_PREFIX, strlen(V2_PREFIX)) != 0)
		return service_check(key->secret, timestamp, signature, r->raw, clock_us(), err);
	if (call.nonce == NULL)
		return unauthorized(err, "missing_signature", "a v2 signature comes with X-Nonce");
	return service_check_v2(key->secret, &call, signature, clock_us(), err);
}

static int
as_service(struct req *r, const char *key_id, struct problem *err)
{
	struct known_key key;

	if (keys_find(r, key_id, &key, err) < 0)
		return -1;
	if (key.caller == NULL)
		return unauthorized(err, "unknown_key", "this X-API-Key is not known here");
	if (signature_check(r, &key, err) < 0)
		return -1;
	r->as = SERVICE;
	r->caller = key.caller;
	r->scope.actor = arena_printf(r->arena, "service:%s", key.caller);
	if ((r->route->access & SERVICE) == 0 || !access_lists(r->route->callers, key.caller))
		return problem(err, 403, "forbidden", "%s may not call this", key.caller);
	return 0;
}

/* Who holds the secret may say which of its systems is calling; it lands in the audit trail (I-AUTH-01). */
static const char *
admin_source(const struct req *r)
{
	const char *s = req_header(r, "x-source");
	size_t n = s != NULL ? strlen(s) : 0;

	if (n == 0 || n > 32 || strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != n)
		return "admin";
	return s;
}

/* Whoever has the role admin may call what is the administrator's, the other roles what names them. */
static int
role_check(const struct req *r, struct problem *err)
{
	bool admin = strcmp(r->role, "admin") == 0;

	if (((r->route->access & ADMIN) != 0 && admin) ||
	    ((r->route->access & ROLE) != 0 && access_lists(r->route->roles, r->role)))
		return 0;
	if ((r->route->access & (ROLE | ADMIN)) != 0)
		return problem(err, 403, "role_not_allowed", "the role %s may not call this", r->role);
	return problem(err, 403, "forbidden", admin ? "the administrator may not call this" : "users may not call this");
}

static int
as_admin(struct req *r, struct problem *err)
{
	r->as = ADMIN;
	r->role = "admin";
	r->scope.actor = arena_printf(r->arena, "system:%s", admin_source(r));
	return role_check(r, err);
}

/* Who it says it is, is known before its session is looked at, so that the trail has the name of whoever comes with a dead one. */
static int
as_user(struct req *r, const char *text, struct problem *err)
{
	char id[UUID_TEXT];
	struct token t;

	if (token_verify(r, text, &t, err) < 0)
		return -1;
	r->scope.actor =
	    arena_printf(r->arena, "%s:%s", t.role, uuid_text(uuid_is_nil(t.person) ? t.user : t.person, id));
	if (token_alive(r, &t, err) < 0)
		return -1;
	r->as = ROLE;
	r->role = t.role;
	r->user = t.user;
	r->session = t.session;
	r->subject = t.person;
	return role_check(r, err);
}

static int
as_patient(struct req *r, const char *token, struct problem *err)
{
	char id[UUID_TEXT];
	int rc;

	if ((r->route->access & PATIENT_SELF) == 0 || r->service->session == NULL)
		return unauthorized(err, "unauthorized", "this token opens nothing here");
	if (db_begin(r->db, READ, &r->scope, err) < 0)
		return -1;
	rc = r->service->session(r, token, err);
	if (rc == 0)
		rc = db_commit(r->db, err);
	else
		db_rollback(r->db);
	if (rc < 0)
		return -1;
	r->as = PATIENT_SELF;
	if (strncmp(r->scope.actor, "patient:", 8) != 0)
		r->scope.actor = arena_printf(r->arena, "patient:%s", uuid_text(r->subject, id));
	return 0;
}

static int
as_bearer(struct req *r, const char *token, struct problem *err)
{
	const char *secret = conf_str(r->conf, "ADMIN_SECRET");

	if (*secret != '\0' && same_text(secret, token))
		return as_admin(r, err);
	return token_is_one(token) ? as_user(r, token, err) : as_patient(r, token, err);
}

static const char *
bearer_token(const struct req *r)
{
	const char *s = req_header(r, "authorization");

	if (s == NULL || strncasecmp(s, "Bearer ", 7) != 0)
		return NULL;
	s += 7;
	return s + strspn(s, " ");
}

static int
as_vendor(struct req *r, struct problem *err)
{
	r->as = (r->route->access & WEBHOOK) != 0 ? WEBHOOK : VENDOR;
	r->scope.actor = r->as == WEBHOOK ? "webhook" : "vendor";
	return r->route->webhook != NULL ? r->route->webhook(r, err) : 0;
}

int
access_check(struct req *r, struct problem *err)
{
	const char *key_id = req_header(r, "x-api-key"), *token = bearer_token(r);

	if ((r->route->access & (WEBHOOK | VENDOR)) != 0)
		return as_vendor(r, err);
	if ((r->route->access & PUBLIC) != 0) {
		r->as = PUBLIC;
		r->scope.actor = "public";
		return 0;
	}
	if (key_id != NULL)
		return as_service(r, key_id, err);
	if (token != NULL)
		return as_bearer(r, token, err);
	return unauthorized(err, "unauthorized", "this needs a credential");
}
